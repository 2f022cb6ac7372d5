"""What the home fund owes on one bill: layers in the order of the law; knows no scenario.

Reading order: layers, national, policy, area_rules, area_sheet, pooling, cases, pricing, sheet.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
