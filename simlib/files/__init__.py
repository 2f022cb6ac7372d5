"""What people write or publish, read with its place: documents, sheets, tables of the package, words.

Reading order: shapes, documents, words, cells, facts, texts, display.
"""

from simlib import room

__getattr__, __dir__ = room(__name__, __path__)
