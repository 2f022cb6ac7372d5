"""The cells of a CSV or XLSX file as texts, and what is wrong with it, by row and column as a spreadsheet counts."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.errors import BadInputError, Fault, did_you_mean, kind_of, shown
from simlib.files import documents
from simlib.files.documents import MAX_FAULTS

MAX_BYTES, MAX_UNPACKED, MAX_ROWS = 200_000_000, 1_000_000_000, 2_000_000
MAX_RATIO = 200
"""Most that a part of a workbook above 10 MB may shrink by packing; spreadsheets shrink 5 to 30 times."""

WRONG = -2
"""Stands in a column of integers where the cell has a fault."""

Row = tuple[int, Sequence[Any]]
"""A row's line, from 1, and its cells."""

_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]+)([0-9]+):([A-Z]+[0-9]+)[\"']")
_ENTITIES = re.compile(rb"<!DOCTYPE|<!ENTITY")
_BROKEN = {
    "f": "found a formula. Paste its value: copy the column, paste special, values.",
    "e": "found an error such as #N/A. Write the value, or empty the cell.",
}


class _Wrong(str):
    """A cell that no text stands for; its content says why."""


@dataclass
class Faults:
    """The faults of one file: the first of each check kept, all counted."""

    file: str
    first: list[Fault] = field(default_factory=list)
    number: int = 0

    def add(self, column: int, lines: Sequence[int], messages: Iterable[str]) -> None:
        """Keep a fault for each line, in the order of lines, all in one column."""
        self.number += len(lines)
        pairs = zip(lines[:MAX_FAULTS], messages, strict=False)
        self.first += [Fault(self.file, line, column, message) for line, message in pairs]

    def done(self) -> None:
        """Raise the first faults by line and column, and how many more there are, if there is any."""
        told = sorted(self.first, key=lambda fault: (fault.line, fault.column))[:MAX_FAULTS]
        more = self.number - len(told)
        if told:
            rest = [f"{self.file}: and {more:,} more faults. Mend these first."] if more else []
            raise BadInputError(*told, *rest)


@dataclass(frozen=True)
class Columns:
    """Columns of a file as texts; the line of each row, the number of each column, the hash of the file."""

    cells: Mapping[str, list[str]]
    lines: list[int]
    at: Mapping[str, int]
    sha256: str
    faults: Faults

    def values(self, column: str, parse: Callable[[str], int]) -> npt.NDArray[np.int64]:
        """Return a column of integers, `WRONG` where `parse` raised ValueError; each distinct text is parsed once."""
        cells, known, wrong = self.cells[column], dict[str, int](), dict[str, str]()
        for cell in dict.fromkeys(cells):
            try:
                if isinstance(cell, _Wrong):
                    raise ValueError(cell)
                known[cell] = parse(cell)
            except ValueError as error:
                known[cell], wrong[cell] = WRONG, str(error)
        if wrong:
            self.refuse(column, [i for i, cell in enumerate(cells) if cell in wrong], lambda i: wrong[cells[i]])
        return np.array([known[cell] for cell in cells], dtype=np.int64)

    def refuse(self, column: str, rows: Sequence[int], message: Callable[[int], str]) -> None:
        """Keep a fault for each of some rows of a column."""
        self.faults.add(self.at[column], [self.lines[i] for i in rows], (f"{column}: {message(i)}" for i in rows))


def read(path: Path, columns: Mapping[str, str]) -> Columns:
    """Return the cells of a CSV file in UTF-8 or of an XLSX file; what is no such table is raised at once.

    Parameters
    ----------
    columns : the columns, all needed, in any order; and what their cells hold in a workbook: text, number, date.
    """
    raw = documents.content(path, MAX_BYTES, "CSV or XLSX", "Split the file, or delete what is no item.")
    faults, suffix = Faults(str(path)), path.suffix.casefold()
    if suffix not in (".csv", ".xlsx"):
        raise _refusal(path, f"found a name that ends in '{shown(path.suffix)}'. Expected .csv (UTF-8) or .xlsx.")
    rows = _filled(path, _csv(path, raw)) if suffix == ".csv" else _xlsx(path, raw)
    convert = _from_csv if suffix == ".csv" else _from_xlsx
    if not rows:
        raise _refusal(path, f"the file is empty. Start with a header row: {', '.join(columns)}.")
    (top, header), *rows = rows
    at = _header([convert(cell, "text") for cell in header], top, columns, faults)
    if not rows:
        raise _refusal(path, "nothing stands below the header. Add a row for each item.", top)
    ragged = [(line, len(cells)) for line, cells in rows if len(cells) != len(header)]
    hint = f"expected {len(header)} as in the header. A comma inside a cell? Put the cell in quotes."
    faults.add(1, [line for line, _ in ragged], (f"found {number} cells, {hint}" for _, number in ragged))
    rows = [(line, cells) for line, cells in rows if len(cells) == len(header)]
    texts = {name: [convert(cells[number - 1], columns[name]) for _, cells in rows] for name, number in at.items()}
    return Columns(texts, [line for line, _ in rows], at, hashlib.sha256(raw).hexdigest(), faults)


def _refusal(path: Path, message: str, line: int = 1, column: int = 1) -> BadInputError:
    """Return the one fault after which nothing can be read."""
    return BadInputError(Fault(str(path), line, column, message))


def _header(header: list[str], line: int, columns: Mapping[str, str], faults: Faults) -> dict[str, int]:
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


def _filled(path: Path, rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are not empty; too many are refused as they come: a workbook can name a billion."""
    filled: list[Row] = []
    for line, cells in rows:
        if line > MAX_ROWS + 1:
            raise _refusal(path, f"more than {MAX_ROWS:,} rows. Split the file.", line)
        if any(cell not in (None, "") for cell in cells):
            filled.append((line, cells))
    return filled


def _csv(path: Path, raw: bytes) -> Iterator[Row]:
    """Yield the rows of a CSV file, each with the line it starts in."""
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].split(b"\n")
        found = f"not UTF-8: byte 0x{raw[error.start]:02x} at byte offset {error.start}."
        remedy = "Save it as UTF-8 (in Excel: 'CSV UTF-8'), not GBK or UTF-16."
        raise _refusal(path, f"{found} {remedy}", len(before), before[-1].count(b",") + 1) from None
    reader, line = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise _refusal(path, f"not CSV: {error}. Check the quotes in the row that starts here.", line) from None


def _from_csv(cell: Any, _: str) -> str:
    """Return a cell of a CSV file without blanks around it."""
    return str(cell).strip(" ")


def _xlsx(path: Path, raw: bytes) -> list[Row]:
    """Return the rows of the one sheet with data of a workbook, filled up to the width of the header."""
    import openpyxl

    try:
        _guard(path, raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that no item needs
            book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)
            sheets = [(sheet.title, rows) for sheet in book.worksheets if (rows := _filled(path, _sheet(sheet)))]
    except BadInputError:
        raise
    except Exception as error:  # a broken workbook makes the reader die of anything
        what = f"not a workbook that can be read ({shown(error)}). Save it as .xlsx, without a password."
        raise _refusal(path, what) from None
    if len(sheets) > 1:
        names = ", ".join(shown(name) for name, _ in sheets[:10])
        raise _refusal(path, f"{len(sheets)} sheets with data: {names}. Keep one sheet in a file.")
    rows = sheets[0][1] if sheets else []
    width = len(_fitted(rows[0][1], 0)) if rows else 0
    return [(line, _fitted(cells, width)) for line, cells in rows]


def _sheet(sheet: Any) -> Iterator[Row]:
    """Yield the rows of a sheet; a formula or error in a cell is a wrong cell."""
    sheet.reset_dimensions()  # what a file says of its size may be wrong
    for line, cells in enumerate(sheet.rows, 1):
        yield line, [_Wrong(_BROKEN[one.data_type]) if one.data_type in _BROKEN else one.value for one in cells]


def _fitted(cells: Sequence[Any], width: int) -> list[Any]:
    """Return cells with empty ones added or taken away at the end to be so many, if that is possible."""
    last = max((i for i, cell in enumerate(cells, 1) if cell is not None), default=0)
    return [*cells[: max(last, width)], *[None] * (width - len(cells))]


def _guard(path: Path, raw: bytes) -> None:
    """Refuse a workbook that unpacks to too much, that declares entities, or in which cells are merged."""
    from openpyxl.utils import column_index_from_string

    faults = Faults(str(path))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        bomb = any(part.file_size > max(10**7, MAX_RATIO * part.compress_size) for part in parts)
        if size > MAX_UNPACKED or bomb:
            what = f"unpacks to {size:,} bytes, too much for its size. Save the sheet as CSV in UTF-8."
            raise _refusal(path, what)
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as stream:
                    entities, merged = _markup(stream)
                if entities:
                    raise _refusal(path, f"{shown(part.filename)} declares entities. Save the workbook again.")
                for column, row, end in merged:
                    what = f"merged cells {column}{row}:{end}. Unmerge them and fill each cell."
                    faults.add(column_index_from_string(column), [int(row)], [what])
    faults.done()


def _markup(stream: Any) -> tuple[bool, list[tuple[str, str, str]]]:
    """Return whether XML declares entities, and the merged cells: column and row of the first, the last."""
    seen, entities, merged = b"", False, dict[tuple[bytes, ...], None]()
    while chunk := stream.read(1 << 20):
        seen = seen[-1000:] + chunk  # what is cut in two is whole in the next
        entities = entities or _ENTITIES.search(seen) is not None
        merged |= dict.fromkeys(_MERGED.findall(seen))
    return entities, [(a.decode(), b.decode(), c.decode()) for a, b, c in merged]


def _from_xlsx(cell: Any, want: str) -> str:
    """Return a cell of a workbook as a CSV file would have it; `_Wrong` if it holds another sort of value."""
    if cell is None or isinstance(cell, _Wrong):
        return cell or ""
    if isinstance(cell, str):
        if want == "number" and cell.strip():
            return _Wrong(f"found {kind_of(cell)} in a cell of text. Turn it into a number.")
        return cell.strip(" ")
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
