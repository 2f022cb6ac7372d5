"""Real item catalogues: read from CSV or XLSX, checked, compared.

A fault names the file, the row and the number of the column, from 1, as a spreadsheet counts them.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import gc
import hashlib
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from simlib.documents import MAX_FAULTS
from simlib.remedies import did_you_mean, hidden, kind_of, shown
from simlib.terms import CATEGORIES, FEN, PPM, BadInputError, Fault

Array = npt.NDArray[Any]

MAX_BYTES, MAX_UNPACKED, MAX_ROWS = 200_000_000, 1_000_000_000, 2_000_000
MAX_RATIO = 200
"""Most that a part of a workbook above 10 MB may shrink by packing; spreadsheets shrink 5 to 30 times."""
MAX_CELL = 500
MAX_YUAN = 10**9

CLASSES = ("甲", "乙", "unlisted")
"""Class 甲 is paid in full, class 乙 after a first self-pay share; an unlisted item is the patient's own."""
CLASS_A, CLASS_B, UNLISTED = range(3)

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

ALWAYS = (datetime.date.min, datetime.date.max)
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.([0-9]{1,15}))?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]+)([0-9]+):([A-Z]+[0-9]+)")
_WRONG = -2
_NONE = -1


@dataclass(frozen=True)
class ItemList:
    """One checked item list; equal and hashed by path and content, arrays read-only, a row each item and period.

    Attributes
    ----------
    path, sha256 : the file and the hash of its bytes
    code, name, unit : texts, (n,)
    category, cls : indices into `CATEGORIES` and `CLASSES`, (n,)
    share : first self-pay share, ppm, (n,). ceiling : price ceiling, fen per unit, -1 for none, (n,)
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


def midyear(year: int) -> datetime.date:
    """Return the day on which lists are read for a year: 1 July, on which nearly half of a year's changes are in.

    >>> midyear(2024).isoformat()
    '2024-07-01'
    """
    return datetime.date(year, 7, 1)


class _Wrong(str):
    """A cell that no text stands for; its content says why."""


@dataclass
class _Faults:
    """The faults of one file: the first of each check kept, all counted."""

    file: str
    first: list[Fault] = field(default_factory=list)
    number: int = 0

    def add(self, column: int, lines: Sequence[int], messages: Iterable[str]) -> None:
        """Keep a fault for each line, in the order of lines, all in one column."""
        self.number += len(lines)
        pairs = zip(lines[:MAX_FAULTS], messages, strict=False)
        self.first += [Fault(self.file, line, column, message) for line, message in pairs]

    def stop(self, line: int = 1, column: int = 1, message: str = "") -> NoReturn:
        """Raise what was found and one more fault, after which nothing can be read."""
        self.add(column, [line], [message])
        self.done()
        raise AssertionError  # pragma: no cover

    def done(self) -> None:
        """Raise the first faults by line and column, and how many more there are, if there is any."""
        told = sorted(self.first, key=lambda fault: (fault.line, fault.column))[:MAX_FAULTS]
        more = self.number - len(told)
        if told:
            rest = [f"{self.file}: and {more:,} more faults. Mend these first."] if more else []
            raise BadInputError(*told, *rest)


class _Table(NamedTuple):
    """Cells of a file as texts: by column; the line of each row, the number of each column, the hash of the file."""

    cells: dict[str, list[str]]
    lines: list[int]
    at: dict[str, int]
    sha256: str
    faults: _Faults

    def values(self, column: str, parse: Callable[[str], int]) -> Array:
        """Return a column of integers, `_WRONG` where `parse` found a fault; each distinct text is parsed once."""
        cells, known, wrong = self.cells[column], dict[str, int](), dict[str, str]()
        for cell in dict.fromkeys(cells):
            try:
                if isinstance(cell, _Wrong):
                    raise ValueError(cell)
                known[cell] = parse(cell)
            except ValueError as error:
                known[cell], wrong[cell] = _WRONG, f"{column}: {error}"
        if wrong:
            self.refuse(column, [i for i, cell in enumerate(cells) if cell in wrong], lambda i: wrong[cells[i]])
        return np.array([known[cell] for cell in cells], dtype=np.int64)

    def refuse(self, column: str, rows: Sequence[int], message: Callable[[int], str]) -> None:
        """Keep a fault for each of some rows of a column."""
        self.faults.add(self.at[column], [self.lines[i] for i in rows], (message(i) for i in rows))


def read(path: str | Path) -> ItemList:
    """Read and check one item list, CSV in UTF-8 or XLSX; its columns are those of `COLUMNS`.

    Raises
    ------
    BadInputError
        With every fault of the file, the first `MAX_FAULTS` in full and the number of the others.
    """
    table = _table(Path(path), COLUMNS)
    for column in ("code", "name"):
        table.values(column, _text)
    table.values("unit", lambda cell: _text(cell) if cell else 0)
    category = table.values("category", lambda cell: _choice(cell, CATEGORIES))
    cls = table.values("class", lambda cell: _choice(cell, CLASSES))
    share = table.values("share", lambda cell: _amount(cell, 6, 1) if cell else _NONE)
    ceiling = table.values("ceiling", lambda cell: _amount(cell, 2, MAX_YUAN) if cell else _NONE)
    start = table.values("valid_from", lambda cell: _day(cell, ALWAYS[0]))
    stop = table.values("valid_to", lambda cell: _day(cell, ALWAYS[1]))
    _check_shares(table, cls, share)
    _check_periods(table, start, stop)
    table.faults.done()
    code, name, unit = (np.array(table.cells[column], dtype=object) for column in ("code", "name", "unit"))
    begin, end = ((column - ALWAYS[0].toordinal()) + np.datetime64(ALWAYS[0]) for column in (start, stop))
    share = np.maximum(share, 0)
    return ItemList(str(path), table.sha256, code, name, unit, category, cls, share, ceiling, begin, end)


def read_spending(path: str | Path) -> dict[str, float]:
    """Return yuan spent on each code from a CSV or XLSX file with the columns code and yuan.

    Raises
    ------
    BadInputError : with every fault of the file.
    """
    table = _table(Path(path), SPENDING)
    table.values("code", _text)
    fen = table.values("yuan", lambda cell: _amount(cell, 2, 10**12))
    first: dict[str, int] = {}
    twice = [i for i, code in enumerate(table.cells["code"]) if first.setdefault(code, i) != i and code]
    codes = table.cells["code"]
    table.refuse("code", twice, lambda i: f"code: also in row {table.lines[first[codes[i]]]}. Add the two up.")
    table.faults.done()
    return dict(zip(codes, (fen / FEN).tolist(), strict=True))


def _text(cell: str) -> int:
    """Return 0 for a text fit to print; ValueError otherwise."""
    if not cell:
        raise ValueError("is empty. Fill it in.")
    if len(cell) > MAX_CELL:
        raise ValueError(f"{len(cell)} characters. At most {MAX_CELL}: shorten it.")
    if not cell.isprintable() and (character := hidden(cell, "")):
        raise ValueError(f"a line break or hidden character (U+{ord(character):04X}). Delete it.")
    return 0


def _choice(cell: str, known: Sequence[str]) -> int:
    """Return the index of a word; ValueError with the likely fix if it is not known."""
    if cell not in known:
        raise ValueError(f"{f'found {kind_of(cell)}' if cell else 'is empty'}. {did_you_mean(cell, known)}")
    return known.index(cell)


def _amount(cell: str, places: int, most: int) -> int:
    """Return a decimal number of at most so many places, times ten to that power.

    >>> _amount("12.50", 2, 100), _amount("0.1", 6, 1)
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


def _check_shares(table: _Table, cls: Array, share: Array) -> None:
    """Refuse a share where the class has none, and class 乙 without one."""
    cells = table.cells["share"]

    def refuse(wrong: Array, words: str) -> None:
        message = (
            (lambda i: f"share: {shown(cells[i])} {words}") if words[:2] != "is" else (lambda _: f"share: {words}")
        )
        table.refuse("share", np.flatnonzero(wrong).tolist(), message)

    refuse((cls == CLASS_A) & (share > 0), "for class 甲, which has none. Empty it, or write class 乙.")
    refuse((cls == UNLISTED) & (share > 0), "for an unlisted item, which has none. Empty it, or write class 乙.")
    refuse((cls == CLASS_B) & (share == _NONE), "is empty for class 乙. Write its first self-pay share, 0 if none.")


def _check_periods(table: _Table, start: Array, stop: Array) -> None:
    """Refuse periods that end before they begin, and two of one code that overlap."""
    backward = (start > stop) & (start != _WRONG) & (stop != _WRONG)
    begin, end, codes = table.cells["valid_from"], table.cells["valid_to"], table.cells["code"]
    rows = np.flatnonzero(backward).tolist()
    table.refuse("valid_to", rows, lambda i: f"valid_to: {end[i]} is before valid_from, {begin[i]}. Swap them?")
    fine = np.flatnonzero(~backward & (start != _WRONG) & (stop != _WRONG)).tolist()
    groups: dict[str, list[int]] = {}
    for i in fine:
        groups.setdefault(codes[i], []).append(i)
    clash: dict[int, int] = {}
    for code, same in groups.items():
        if len(same) > 1 and code and not isinstance(code, _Wrong):
            same.sort(key=lambda i: (int(start[i]), i))
            last = same[0]
            for i in same[1:]:
                if start[i] <= stop[last]:
                    clash[max(i, last)] = min(i, last)
                last = i if stop[i] > stop[last] else last

    def twice(i: int) -> str:
        other = clash[i]
        found = f"also in row {table.lines[other]}, valid {begin[other] or 'always'} to {end[other] or 'now'}"
        return f"code: {shown(codes[i])} is {found}. Keep one, or let one end before the other begins."

    table.refuse("code", sorted(clash), twice)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector from walking millions of cells again and again: none of them is garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_without_collector()
def _table(path: Path, columns: Mapping[str, str]) -> _Table:
    """Return the cells of a file under the header that is expected; what is no such table is raised at once."""
    faults = _Faults(str(path))
    raw = _bytes(path, faults)
    if path.suffix.casefold() not in (".csv", ".xlsx"):
        faults.stop(message=f"found a name that ends in '{shown(path.suffix)}'. Expected .csv (UTF-8) or .xlsx.")
    rows, convert = (
        (_csv(raw, faults), _from_csv) if path.suffix.casefold() == ".csv" else (_xlsx(raw, faults), _from_xlsx)
    )
    if not rows:
        faults.stop(message=f"the file is empty. Start with a header row: {', '.join(columns)}.")
    line, header = rows[0][0], [convert(cell, "text") for cell in rows[0][1]]
    at = _header(header, line, columns, faults)
    rows = [(line, cells) for line, cells in rows[1:] if any(cell not in (None, "") for cell in cells)]
    if not rows:
        faults.stop(line, 1, "nothing stands below the header. Add a row for each item.")
    if len(rows) > MAX_ROWS:
        faults.stop(rows[MAX_ROWS][0], 1, f"more than {MAX_ROWS:,} rows. Split the file.")
    ragged = [(line, cells) for line, cells in rows if len(cells) != len(header)]
    hint = f"expected {len(header)} as in the header. A comma inside a cell? Put the cell in quotes."
    faults.add(1, [line for line, _ in ragged], (f"found {len(cells)} cells, {hint}" for _, cells in ragged))
    rows = [(line, cells) for line, cells in rows if len(cells) == len(header)] if ragged else rows
    by_column = list(zip(*(cells for _, cells in rows), strict=True)) or [()] * len(header)
    cells = {name: [convert(cell, columns[name]) for cell in by_column[number - 1]] for name, number in at.items()}
    return _Table(cells, [line for line, _ in rows], at, hashlib.sha256(raw).hexdigest(), faults)


def _header(header: list[str], line: int, columns: Mapping[str, str], faults: _Faults) -> dict[str, int]:
    """Return the number of each column; unknown, doubled and missing ones are raised."""
    at: dict[str, int] = {}
    for number, name in enumerate(header, 1):
        if name not in columns:
            what = f"{shown(name)}: no such column. {did_you_mean(name, columns)}"
            if len(header) == 1 and (sign := next((s for s in ";\t|；，" if s in name), "")):
                what = f"found columns parted by {'a tab' if sign == chr(9) else sign}. Part them by commas."
            faults.add(number, [line], [what if name else "a column without a name. Name it, or delete it."])
        elif name in at:
            faults.add(number, [line], [f"{name}: written twice, first in column {at[name]}. Keep one of them."])
        at.setdefault(name, number)
    missing = [name for name in columns if name not in at]
    if missing and not faults.number:
        what = f"missing: {', '.join(missing)}. Add to the header; cells that do not apply stay empty."
        faults.add(len(header) + 1, [line], [what])
    faults.done()
    return at


def _bytes(path: Path, faults: _Faults) -> bytes:
    """Return the content of a regular file that is not too large."""
    try:
        if not path.exists():
            faults.stop(message="no such file. Check the name and the folder you are in.")
        if not path.is_file():
            faults.stop(message="not a file. Name a CSV or XLSX file, not a folder or device.")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        faults.stop(message=f"cannot be read ({reason}). Check its permissions.")
    if len(raw) > MAX_BYTES:
        faults.stop(message=f"larger than {MAX_BYTES:,} bytes. Split the file, or delete what is no item.")
    return raw


def _csv(raw: bytes, faults: _Faults) -> list[tuple[int, Sequence[Any]]]:
    """Return the rows of a CSV file, each with the line it starts in."""
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].split(b"\n")
        found = f"byte 0x{raw[error.start]:02x} at byte offset {error.start}"
        remedy = "Save it as UTF-8 (in Excel: 'CSV UTF-8'), not GBK or UTF-16."
        faults.stop(len(before), before[-1].count(b",") + 1, f"not UTF-8: {found}. {remedy}")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, Sequence[Any]]] = []
    line = 1
    try:
        for row in reader:
            rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        faults.stop(line, 1, f"not CSV: {error}. Check the quotes in the row that starts here.")
    return rows


def _from_csv(cell: Any, _: str) -> str:
    """Return a cell of a CSV file without blanks around it."""
    return str(cell).strip(" ")


def _xlsx(raw: bytes, faults: _Faults) -> list[tuple[int, Sequence[Any]]]:
    """Return the rows of the one sheet with data of a workbook, filled up to the width of the header."""
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            _guard(archive, faults)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that no item needs
            book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)
            sheets = [(sheet.title, rows) for sheet in book.worksheets if (rows := _sheet(sheet, faults))]
    except BadInputError:
        raise
    except Exception as error:  # a broken workbook makes the reader die of anything
        faults.stop(message=f"not a workbook that can be read ({shown(error)}). Save it as .xlsx, without a password.")
    if len(sheets) > 1:
        names = ", ".join(shown(name) for name, _ in sheets[:10])
        faults.stop(message=f"{len(sheets)} sheets with data: {names}. Keep one sheet in a file.")
    if not sheets:
        return []
    rows = sheets[0][1]
    width = max((i for i, cell in enumerate(rows[0][1], 1) if cell is not None), default=0)
    return [(line, _fitted(cells, width)) for line, cells in rows]


def _fitted(cells: list[Any], width: int) -> list[Any]:
    """Return cells with empty ones added or taken away at the end to be so many, if that is possible."""
    while len(cells) > width and cells[-1] is None:
        cells.pop()
    return cells + [None] * (width - len(cells))


def _sheet(sheet: Any, faults: _Faults) -> list[tuple[int, list[Any]]]:
    """Return the rows of a sheet that are not empty; a formula or error in a cell is a wrong cell."""
    sheet.reset_dimensions()  # what a file says of its size may be wrong
    rows: list[tuple[int, list[Any]]] = []
    for line, cells in enumerate(sheet.rows, 1):
        values = [_Wrong(_BROKEN[cell.data_type]) if cell.data_type in _BROKEN else cell.value for cell in cells]
        if any(value is not None for value in values):
            rows.append((line, values))
        if line > MAX_ROWS:
            faults.stop(line, 1, f"more than {MAX_ROWS:,} rows. Split the file.")
    return rows


_BROKEN = {
    "f": "found a formula. Paste its value: copy the column, paste special, values.",
    "e": "found an error such as #N/A. Write the value, or empty the cell.",
}


def _guard(archive: zipfile.ZipFile, faults: _Faults) -> None:
    """Refuse a workbook that unpacks to too much, that declares entities, or in which cells are merged."""
    parts = archive.infolist()
    size = sum(part.file_size for part in parts)
    bomb = any(part.file_size > max(10**7, MAX_RATIO * part.compress_size) for part in parts)
    if size > MAX_UNPACKED or bomb:
        faults.stop(message=f"unpacks to {size:,} bytes, too much for its size. Save the sheet as CSV in UTF-8.")
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as stream:
                tail = stream.read(1000)
                if b"<!DOCTYPE" in tail or b"<!ENTITY" in tail:
                    faults.stop(message=f"{shown(part.filename)} declares entities. Save the workbook again.")
                if part.filename.startswith("xl/worksheets/"):
                    for column, row, end in _merged(stream, tail):
                        number = 0
                        for letter in column:
                            number = number * 26 + letter - ord("A") + 1
                        what = f"merged cells {column.decode()}{row.decode()}:{end.decode()}"
                        faults.add(number, [int(row)], [f"{what}. Unmerge them and fill each cell."])
    faults.done()


def _merged(stream: Any, tail: bytes) -> Iterable[tuple[bytes, bytes, bytes]]:
    """Yield the merged ranges of a sheet: column and row of the first cell, the last cell."""
    while chunk := stream.read(1 << 20):
        tail += chunk
        last = 0
        for found in _MERGED.finditer(tail):
            last = found.end()
            yield found[1], found[2], found[3]
        tail = tail[max(last, len(tail) - 1000) :]
    if len(tail) <= 1000:
        yield from ((found[1], found[2], found[3]) for found in _MERGED.finditer(tail))


def _from_xlsx(cell: Any, want: str) -> str:
    """Return a cell of a workbook as a CSV file would have it; `_Wrong` if it holds another sort of value."""
    if isinstance(cell, str):
        if want == "number" and not isinstance(cell, _Wrong) and cell.strip():
            return _Wrong(f"found {kind_of(cell)} in a cell of text. Turn it into a number.")
        return cell if isinstance(cell, _Wrong) else cell.strip(" ")
    if cell is None:
        return ""
    if isinstance(cell, datetime.datetime) and want == "date" and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and want == "number":
        if isinstance(cell, int) or abs(cell) >= 1e15:
            return str(cell)
        return f"{cell:.15f}" if 0 < abs(cell) < 1e-4 else f"{cell:.15g}"  # as a spreadsheet shows 0.1 + 0.2
    if want == "text":
        return _Wrong(f"found {shown(cell)}, which is no text: zeros in front of a number are lost. Format it as text.")
    wanted = "Write a number." if want == "number" else "Write a day, as a date without time or as YYYY-MM-DD."
    return _Wrong(f"found {shown(cell)}. {wanted}")


@dataclass(frozen=True)
class Aligned:
    """Several item lists side by side on one day: a row each list, a column each code on any of them.

    The price of an item is taken to be the highest ceiling on any of the lists, 0 where none has one.

    Attributes
    ----------
    code, name, category : of the first list that has the code, (n,)
    present : whether a list has the code, (list, n); where not, class is unlisted, share 0 and ceiling none
    cls, share, ceiling, unit : as in `ItemList`, (list, n)
    price : fen, (n,)
    """

    code: Array
    name: Array
    category: Array
    present: Array
    cls: Array
    share: Array
    ceiling: Array
    unit: Array
    price: Array

    def payable(self) -> Array:
        """Return what each list makes eligible of an item at its price, ppm of a fen, int64, (list, n).

        min(price, ceiling) (1 - share), of one fen where no list has a ceiling; nothing if unlisted.
        """
        price = np.where(self.price > 0, self.price, 1)
        paid = np.where(self.ceiling == _NONE, price, np.minimum(price, self.ceiling))
        return np.asarray(np.where(self.cls == UNLISTED, 0, paid * (PPM - self.share)))

    def eligible(self) -> npt.NDArray[np.float64]:
        """Return the eligible share of one yuan spent on each item on each list, (list, n)."""
        return np.asarray(self.payable() / (np.where(self.price > 0, self.price, 1) * float(PPM)))

    def parts(self, items: Array) -> npt.NDArray[np.float64]:
        """Return what each list leaves of one yuan spent on some items, whole ppm summing to 1e6, (list, item, 4).

        Unlisted, over ceiling, self-pay, eligible; a part of a ppm over the ceiling counts as a whole one.
        """
        price, ceiling = np.where(self.price > 0, self.price, 1)[items], self.ceiling[:, items]
        paid = np.where(ceiling == _NONE, price, np.minimum(price, ceiling))
        over = PPM - np.floor(paid / price * PPM)
        self_pay = np.rint((PPM - over) * (self.share[:, items] / PPM))
        parts = np.stack([np.zeros_like(over), over, self_pay, PPM - over - self_pay], axis=-1)
        parts[self.cls[:, items] == UNLISTED] = (PPM, 0, 0, 0)
        return parts


@lru_cache(maxsize=8)
def align(lists: tuple[ItemList, ...], on: datetime.date | None) -> Aligned:
    """Return item lists side by side as valid on a day, or in their latest periods; codes in alphabetical order."""
    rows = [one.rows(on) for one in lists]
    codes = sorted(set().union(*rows))
    at = np.array([[row.get(code, _NONE) for code in codes] for row in rows], dtype=np.int64).reshape(len(lists), -1)
    present = at >= 0

    def side(name: str, missing: Any) -> Array:
        found = [np.where(row >= 0, getattr(one, name)[row], missing) for one, row in zip(lists, at, strict=True)]
        return np.array(found).reshape(at.shape)

    first = present.argmax(axis=0), np.arange(len(codes))
    ceiling = side("ceiling", _NONE)
    return Aligned(
        code=np.array(codes, dtype=object),
        name=side("name", "")[first],
        category=side("category", 0)[first],
        present=present,
        cls=side("cls", UNLISTED),
        share=side("share", 0),
        ceiling=ceiling,
        unit=side("unit", ""),
        price=np.maximum(ceiling.max(axis=0), 0),
    )


@dataclass(frozen=True)
class Comparison:
    """Two item lists compared: `rows` by category and for all, `items` that differ, what is assumed and weighed.

    Rows have category; codes on_a, on_b, both, only_a, only_b; among both class_differs, share_differs,
    ceiling_differs, unit_differs; and by weight eligible_a, eligible_b, mean_difference (absolute, of the eligible
    share of one yuan) and mismatch (share of weight on items whose payable part differs), None where nothing weighs.
    Items have code, name, category, differs (words), eligible_a, eligible_b, yuan (None without spending): the
    largest difference by weight first.
    """

    rows: tuple[dict[str, Any], ...]
    items: tuple[dict[str, Any], ...]
    assumed: str
    weights: str


def compare(
    a: ItemList, b: ItemList, on: datetime.date | None = None, spend: Mapping[str, float] | None = None
) -> Comparison:
    """Return how two item lists differ on a day (by default in their latest periods).

    Parameters
    ----------
    spend : yuan by code, the weight of each item; without it every item weighs the same.
    """
    both = align((a, b), on)
    if spend is None:
        weight = np.ones(len(both.code))
        weights = "每项等权 every item weighs the same: no spending was given"
    else:
        weight = np.array([float(spend.get(code, 0)) for code in both.code])
        total, used = sum(spend.values()), float(weight.sum())
        weights = f"按支出 by spending: {used:,.2f} yuan of {total:,.2f} are on codes of either list"
    differs = _differences(both)
    wanted = [(name, both.category == i) for i, name in enumerate(CATEGORIES)]
    rows = [_row(name, chosen, both, differs, weight) for name, chosen in (*wanted, ("all", both.category >= 0))]
    assumed = (
        "价格取两者较高的限价 the price of an item is the higher ceiling of the two lists (without one nothing is over "
        "a ceiling); an item that a list does not have counts as unlisted there"
    )
    return Comparison(tuple(rows), tuple(_items(both, differs, weight, spend is not None)), assumed, weights)


def _differences(both: Aligned) -> dict[str, Array]:
    """Return where two lists differ, and in what, (n,) each."""
    on = both.present.all(axis=0)
    differs = {"only_a": both.present[0] & ~on, "only_b": both.present[1] & ~on}
    pairs = {"class": both.cls, "share": both.share, "ceiling": both.ceiling, "unit": both.unit}
    return differs | {name: on & (pair[0] != pair[1]) for name, pair in pairs.items()}


def _row(name: str, chosen: Array, both: Aligned, differs: Mapping[str, Array], weight: Array) -> dict[str, Any]:
    """Return one row of a comparison: some of the codes, counted and weighed."""
    eligible, payable = both.eligible()[:, chosen], both.payable()[:, chosen]
    weighs = weight[chosen]
    total = float(weighs.sum())

    def mean(values: Array) -> float | None:
        return float((weighs * values).sum() / total) if total > 0 else None

    present = both.present[:, chosen]
    counts = {"on_a": present[0], "on_b": present[1], "both": present.all(axis=0)}
    counts |= {key if key[:4] == "only" else f"{key}_differs": flags[chosen] for key, flags in differs.items()}
    return {
        "category": name,
        **{key: int(flags.sum()) for key, flags in counts.items()},
        "eligible_a": mean(eligible[0]),
        "eligible_b": mean(eligible[1]),
        "mean_difference": mean(np.abs(eligible[0] - eligible[1])),
        "mismatch": mean(payable[0] != payable[1]),
    }


def _items(both: Aligned, differs: Mapping[str, Array], weight: Array, spent: bool) -> Iterable[dict[str, Any]]:
    """Yield the codes that differ in anything, the largest difference by weight first."""
    eligible = both.eligible()
    size = weight * np.abs(eligible[0] - eligible[1])
    some = np.flatnonzero(np.any(list(differs.values()), axis=0))
    for i in some[np.argsort(-size[some], kind="stable")].tolist():
        yield {
            "code": both.code[i],
            "name": both.name[i],
            "category": CATEGORIES[both.category[i]],
            "differs": [name for name, flags in differs.items() if flags[i]],
            "eligible_a": float(eligible[0, i]),
            "eligible_b": float(eligible[1, i]),
            "yuan": float(weight[i]) if spent else None,
        }
