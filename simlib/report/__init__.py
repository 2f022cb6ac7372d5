"""What is handed over: pictures, the answer in the terminal, the report, the page to play with.

Reading order: plots, maps, terminal, pieces, prose, opening, sections, pack, brief, app, study.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
