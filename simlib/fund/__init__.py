"""Whose money, when: double entry in fen over 36 months, and what the books say.

Reading order: ledger, openings, later, homecare, diverted, cashflow, journal, reconcile.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
