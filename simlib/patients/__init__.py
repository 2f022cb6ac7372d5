"""Who is treated where: areas, flows between them, visits, chronic diseases, how patients respond to what they pay.

Reading order: areas, volumes, flows, within, visits, chronic, response.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
