"""An item list: the classes, first self-pay shares and price ceilings that an area publishes, read and checked."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.errors import shown
from simlib.files import cells, words
from simlib.files.cells import WRONG, Columns
from simlib.terms import CATEGORIES, FEN, PPM

Array = npt.NDArray[Any]

MAX_YUAN = 10**9

CLASSES = ("甲", "乙", "unlisted")
"""Class 甲 is paid in full, class 乙 after a first self-pay share; an unlisted item is the patient's own."""
CLASS_A, CLASS_B, UNLISTED = range(3)

NONE = -1
"""A share or ceiling that is not there."""

COLUMNS = {
    "code": "text",
    "name": "text",
    "category": "text",
    "class": "text",
    "share": "number",
    "ceiling": "number",
    "unit": "text",
    "valid_from": "date",
    "valid_to": "date",
}
"""Columns of an item list, in any order, and what their cells hold; all must be there, some cells may be empty."""
SPENDING = {"code": "text", "yuan": "number"}
"""Columns of a file of spending by item."""


@dataclass(frozen=True)
class ItemList:
    """One checked item list; equal and hashed by path and content, arrays read-only, a row each item and period.

    Attributes
    ----------
    path, sha256 : the file and the hash of its bytes
    code, name, unit : texts, (n,)
    category, cls : indices into `CATEGORIES` and `CLASSES`, (n,)
    share : first self-pay share, ppm, (n,). ceiling : price ceiling, fen per unit, `NONE` without one, (n,)
    valid_from, valid_to : first and last day, datetime64[D], (n,); the first and last there are where left open
    """

    path: str
    sha256: str
    code: Array = field(compare=False, repr=False)
    name: Array = field(compare=False, repr=False)
    unit: Array = field(compare=False, repr=False)
    category: Array = field(compare=False, repr=False)
    cls: Array = field(compare=False, repr=False)
    share: Array = field(compare=False, repr=False)
    ceiling: Array = field(compare=False, repr=False)
    valid_from: Array = field(compare=False, repr=False)
    valid_to: Array = field(compare=False, repr=False)

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through the constructor: NumPy forgets that an array is read-only."""
        return ItemList, tuple(vars(self).values())

    def rows(self, on: datetime.date | None) -> dict[str, int]:
        """Return the row of each code valid on a day; without a day, the row of its latest period."""
        order = np.argsort(self.valid_from, kind="stable")
        if on is not None:
            day = np.datetime64(on)
            order = order[(self.valid_from[order] <= day) & (day <= self.valid_to[order])]
        return dict(zip(self.code[order].tolist(), order.tolist(), strict=True))


Catalogues = tuple[tuple[str, ItemList], ...]
"""Codes of areas and their item lists."""


def midyear(year: int) -> datetime.date:
    """Return the day on which lists are read for a year: 1 July, on which nearly half of a year's changes are in.

    >>> midyear(2024).isoformat()
    '2024-07-01'
    """
    return datetime.date(year, 7, 1)


def read(path: str | Path) -> ItemList:
    """Read and check one item list, CSV or XLSX as field files are, see `cells.read`; its columns are `COLUMNS`.

    Raises
    ------
    BadInputError
        With every fault of the file, the first `MAX_FAULTS` in full and the number of the others.
    """
    table = cells.read(Path(path), COLUMNS)
    code, coded = _codes(table)
    table.values("name", words.text)
    table.values("unit", lambda cell: words.text(cell) if cell else 0)
    category = table.values("category", lambda cell: words.choice("category", cell, CATEGORIES))
    cls = table.values("class", lambda cell: words.choice("class", cell, CLASSES))
    share = _shares(table, cls)
    ceiling = table.values(
        "ceiling", lambda cell: NONE if words.absent(cell) else words.amount(cell, 2, MAX_YUAN, table.yuan["ceiling"])
    )
    _part_periods(table)
    start = table.values("valid_from", lambda cell: words.day(cell, datetime.date.min))
    stop = table.values("valid_to", lambda cell: words.day(cell, datetime.date.max, last=True))
    _check_shares(table, cls, share)
    _check_periods(table, code, coded, start, stop)
    table.faults.done()
    name, unit = (np.array(table.cells[column], dtype=object) for column in ("name", "unit"))
    epoch = datetime.date(1970, 1, 1).toordinal()
    begin, end = ((days - epoch).astype("datetime64[D]") for days in (start, stop))
    share = np.maximum(share, 0)
    codes = np.array(code, dtype=object)
    return ItemList(str(path), table.sha256, codes, name, unit, category, cls, share, ceiling, begin, end)


def _codes(table: Columns) -> tuple[list[str], Array]:
    """Return the code of each row, and whether it is one; how many are written otherwise is said."""
    written = table.cells["code"]
    coded = table.values("code", lambda cell: words.text(words.code(cell))) != WRONG
    code = [words.code(cell) if good else "" for cell, good in zip(written, coded.tolist(), strict=True)]
    other = [i for i in np.flatnonzero(coded).tolist() if code[i] != written[i]]
    if other:
        example = f"{shown(written[other[0]])!r} as {code[other[0]]}"
        cells.note(table.file, f"{len(other):,} of {len(code):,} codes read in their plain form, {example}.")
    return code, coded


def _shares(table: Columns, cls: Array) -> Array:
    """Return first self-pay shares, ppm; all of an item that is not listed is the patient's own, so that 1 is none."""
    percent = words.percents(table.cells["share"])
    if percent:
        cells.note(table.file, "shares read as percentages: none is between 0 and 1.")
    share = table.values("share", lambda cell: NONE if words.absent(cell) else words.share(cell, percent))
    return np.where((cls == UNLISTED) & (share == PPM), NONE, share)


def _part_periods(table: Columns) -> None:
    """Part the periods that stand whole in the first column."""
    begin, end = table.cells["valid_from"], table.cells["valid_to"]
    for i, pair in enumerate(zip(begin, end, strict=True)):
        begin[i], end[i] = words.period(*pair)


def read_spending(path: str | Path) -> dict[str, float]:
    """Return yuan spent on each code from a CSV or XLSX file with the columns code and yuan.

    Raises
    ------
    BadInputError : with every fault of the file.
    """
    table = cells.read(Path(path), SPENDING)
    codes, coded = _codes(table)
    fen = table.values("yuan", lambda cell: words.amount(cell, 2, 10**12, table.yuan["yuan"]))
    first = dict[str, int]()
    twice = [i for i, code in enumerate(codes) if first.setdefault(code, i) != i and coded[i]]
    table.refuse("code", twice, lambda i: f"also in row {table.lines[first[codes[i]]]}. Add the two up.")
    table.faults.done()
    return dict(zip(codes, (fen / FEN).tolist(), strict=True))


def _check_shares(table: Columns, cls: Array, share: Array) -> None:
    """Refuse a share where the class has none, and class 乙 without one."""
    cells, without = table.cells["share"], {CLASS_A: "class 甲", UNLISTED: "an unlisted item"}
    more = np.flatnonzero((share > 0) & np.isin(cls, list(without))).tolist()
    remedy = "which has none. Empty it, or write class 乙."
    table.refuse("share", more, lambda i: f"{shown(cells[i])} for {without[int(cls[i])]}, {remedy}")
    none = np.flatnonzero((cls == CLASS_B) & (share == NONE)).tolist()
    table.refuse("share", none, lambda _: "is empty for class 乙. Write its first self-pay share, 0 if none.")


def _check_periods(table: Columns, codes: list[str], coded: Array, start: Array, stop: Array) -> None:
    """Refuse periods that end before they begin, and two of one code that overlap."""
    begin, end = (table.cells[column] for column in ("valid_from", "valid_to"))
    dated = (start != WRONG) & (stop != WRONG)
    backward = np.flatnonzero(dated & (start > stop)).tolist()
    table.refuse("valid_to", backward, lambda i: f"{end[i]} is before valid_from, {begin[i]}. Swap them?")
    number = Counter(codes)
    several = [i for i in np.flatnonzero(coded & dated & (start <= stop)).tolist() if number[codes[i]] > 1]
    clash: dict[int, int] = {}
    last = -1  # of the rows of this code so far, the one that ends last
    for i in sorted(several, key=lambda i: (codes[i], int(start[i]))):
        same = last >= 0 and codes[i] == codes[last]
        if same and start[i] <= stop[last]:
            clash[max(i, last)] = min(i, last)
        if not same or stop[i] > stop[last]:
            last = i

    def twice(i: int) -> str:
        other = clash[i]
        found = f"also in row {table.lines[other]}, valid {begin[other] or 'always'} to {end[other] or 'now'}"
        return f"{shown(codes[i])} is {found}. Keep one, or let one end before the other begins."

    table.refuse("code", sorted(clash), twice)
