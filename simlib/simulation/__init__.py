"""One parameter draw, simulated for a year: what is enacted, the constants solved, everybody's visits added up.

Reading order: visit, loop, measures, draws, policies, pilot, years, solve, kept, simulate.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
