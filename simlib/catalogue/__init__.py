"""Which list prices what: item lists as published, how far two lists agree, the baskets that bills are made of.

Reading order: itemlists, agreement, baskets.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
