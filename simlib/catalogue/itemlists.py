"""An item list: the classes, first self-pay shares and price ceilings that an area publishes, read and checked."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.errors import did_you_mean, hidden, kind_of, shown
from simlib.files import cells
from simlib.files.cells import WRONG, Columns
from simlib.terms import CATEGORIES, FEN

Array = npt.NDArray[Any]

MAX_CELL = 500
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

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.([0-9]{1,15}))?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


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
    """Read and check one item list, CSV in UTF-8 or XLSX; its columns are those of `COLUMNS`.

    Raises
    ------
    BadInputError
        With every fault of the file, the first `MAX_FAULTS` in full and the number of the others.
    """
    table = cells.read(Path(path), COLUMNS)
    coded = table.values("code", _text) != WRONG
    table.values("name", _text)
    table.values("unit", lambda cell: _text(cell) if cell else 0)
    category = table.values("category", lambda cell: _choice(cell, CATEGORIES))
    cls = table.values("class", lambda cell: _choice(cell, CLASSES))
    share = table.values("share", lambda cell: amount(cell, 6, 1) if cell else NONE)
    ceiling = table.values("ceiling", lambda cell: amount(cell, 2, MAX_YUAN) if cell else NONE)
    start = table.values("valid_from", lambda cell: _day(cell, datetime.date.min))
    stop = table.values("valid_to", lambda cell: _day(cell, datetime.date.max))
    _check_shares(table, cls, share)
    _check_periods(table, coded, start, stop)
    table.faults.done()
    code, name, unit = (np.array(table.cells[column], dtype=object) for column in ("code", "name", "unit"))
    epoch = datetime.date(1970, 1, 1).toordinal()
    begin, end = ((days - epoch).astype("datetime64[D]") for days in (start, stop))
    share = np.maximum(share, 0)
    return ItemList(str(path), table.sha256, code, name, unit, category, cls, share, ceiling, begin, end)


def read_spending(path: str | Path) -> dict[str, float]:
    """Return yuan spent on each code from a CSV or XLSX file with the columns code and yuan.

    Raises
    ------
    BadInputError : with every fault of the file.
    """
    table = cells.read(Path(path), SPENDING)
    coded = table.values("code", _text) != WRONG
    fen = table.values("yuan", lambda cell: amount(cell, 2, 10**12))
    codes, first = table.cells["code"], dict[str, int]()
    twice = [i for i, code in enumerate(codes) if first.setdefault(code, i) != i and coded[i]]
    table.refuse("code", twice, lambda i: f"also in row {table.lines[first[codes[i]]]}. Add the two up.")
    table.faults.done()
    return dict(zip(codes, (fen / FEN).tolist(), strict=True))


def _text(cell: str) -> int:
    """Return 0 for a text fit to print; ValueError otherwise."""
    if not cell:
        raise ValueError("is empty. Fill it in.")
    if len(cell) > MAX_CELL:
        raise ValueError(f"{len(cell)} characters. At most {MAX_CELL}: shorten it.")
    if not cell.isprintable() and (character := hidden(cell)):
        raise ValueError(f"a line break or hidden character (U+{ord(character):04X}). Delete it.")
    return 0


def _choice(cell: str, known: Sequence[str]) -> int:
    """Return the index of a word; ValueError with the likely fix if it is not known."""
    if cell not in known:
        raise ValueError(f"{f'found {kind_of(cell)}' if cell else 'is empty'}. {did_you_mean(cell, known)}")
    return known.index(cell)


def amount(cell: str, places: int, most: int) -> int:
    """Return a decimal number of at most so many places, times ten to that power.

    >>> amount("12.50", 2, 100), amount("0.1", 6, 1)
    (1250, 100000)
    """
    number = _NUMBER.fullmatch(cell)
    if number is None:
        if cell.startswith("-") and _NUMBER.fullmatch(cell[1:]):
            raise ValueError(f"{shown(cell)} is below 0, the least allowed.")
        found = f"found {kind_of(cell)}" if cell else "is empty"
        raise ValueError(f"{found}. Write a plain number such as 0.15 or 1200: no percent sign, commas or exponent.")
    part = (number[1] or "").rstrip("0")
    if len(part) > places:
        raise ValueError(f"{cell} has {len(part)} decimals. At most {places}: round it.")
    value = int(cell.partition(".")[0] + part.ljust(places, "0"))
    if value > most * 10**places:
        raise ValueError(f"{cell} is above {most}, the most allowed.")
    return value


def _day(cell: str, empty: datetime.date) -> int:
    """Return a day as its number in the calendar; an empty cell is the day given.

    >>> _day("", datetime.date.min)
    1
    """
    if not cell:
        return empty.toordinal()
    try:
        if _DATE.fullmatch(cell):
            return datetime.date.fromisoformat(cell).toordinal()
    except ValueError:
        raise ValueError(f"{cell}: no such day. Check month and day.") from None
    raise ValueError(f"found {kind_of(cell)}. Write a day as YYYY-MM-DD, such as 2024-07-01, or leave it empty.")


def _check_shares(table: Columns, cls: Array, share: Array) -> None:
    """Refuse a share where the class has none, and class 乙 without one."""
    cells, without = table.cells["share"], {CLASS_A: "class 甲", UNLISTED: "an unlisted item"}
    more = np.flatnonzero((share > 0) & np.isin(cls, list(without))).tolist()
    remedy = "which has none. Empty it, or write class 乙."
    table.refuse("share", more, lambda i: f"{shown(cells[i])} for {without[int(cls[i])]}, {remedy}")
    none = np.flatnonzero((cls == CLASS_B) & (share == NONE)).tolist()
    table.refuse("share", none, lambda _: "is empty for class 乙. Write its first self-pay share, 0 if none.")


def _check_periods(table: Columns, coded: Array, start: Array, stop: Array) -> None:
    """Refuse periods that end before they begin, and two of one code that overlap."""
    codes, begin, end = (table.cells[column] for column in ("code", "valid_from", "valid_to"))
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
