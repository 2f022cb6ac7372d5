"""Many draws as tables: effects and their intervals, who gains, why cases fail, what was foretold.

Reading order: metrics, experiment, findings, whom, funnel, money, match, shapley, coalitions, attribution, headline,
accounts, folders, briefing, parties, evidence, running, foretell.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
