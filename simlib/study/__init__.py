"""Many draws as tables: effects and their intervals, who gains, why cases fail, what was foretold.

Reading order: metrics, effects, experiment, curve, findings, sample, funnel, cash, match, shapley, attribution,
headline, tables, results, accounts, folders, briefing, parties, evidence, running, elsewhere, money, foretell.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
