"""Whose money, when: double entry in fen over 36 months, and what the books say.

Reading order: ledger, carried, openings, books, indicators, journal, reconcile.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
