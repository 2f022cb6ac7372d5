"""What published figures say of the parameters: targets, and the draws that meet them.

Reading order: targets, fit, recovery.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
