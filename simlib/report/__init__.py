"""What is handed over: pictures, headline, the folder of a run, the report, the page to play with.

Reading order: plots, fans, maps, headline, folders, briefing, parties, evidence, running, pieces, opening, sections,
seal, pack, brief, trial, app.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
