"""Can a case be settled directly, and if not, what then: gates, network, hospitals, channels, supervision.

Reading order: gates, network, hospitals, channels, supervision.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
