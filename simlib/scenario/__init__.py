"""What people change: dated levers in a YAML file, checked, frozen, compiled to arrays once.

Reading order: change, annexes, ensemble, scenario, checks.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
