"""Who is treated where: areas, totals and their trends, flows, visits, chronic diseases, how patients respond.

Reading order: areas, trends, volumes, flows, within, visits, chronic, response.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
