"""The cells of a CSV or XLSX file as texts, and what is wrong with it, by row and column as a spreadsheet counts."""

from __future__ import annotations

import contextlib
import csv
import datetime
import hashlib
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.errors import BadInputError, Fault, InputNote, did_you_mean, listed, shown
from simlib.files import documents, words
from simlib.files.documents import MAX_FAULTS

MAX_BYTES, MAX_UNPACKED, MAX_ROWS = 200_000_000, 1_000_000_000, 2_000_000
MAX_RATIO = 200
"""Most that a part of a workbook above 10 MB may shrink by packing; spreadsheets shrink 5 to 30 times."""

TITLES = 20
"""Rows among which the header is looked for: titles may stand above it."""

WRONG = -2
"""Stands in a column of integers where the cell has a fault."""

Row = tuple[int, Sequence[Any]]
"""A row's line, from 1, and its cells."""
Merged = tuple[int, int, str]
"""Merged cells of a sheet: the column and row of the first, and all of them as a spreadsheet says it."""

_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^<>]*?ref=[\"']([A-Z]+)([0-9]+):([A-Z]+[0-9]+)[\"']")
_BELOW = re.compile(r"(?:合计|总计|小计|备注|说明|填表|制表)|注\s*(?:[:1]|$)|total$|notes?(?::|$)", re.IGNORECASE)
"""How a row begins that is no item: a sum, or a remark."""
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SIGNS = ",\t;|"
_BREAKS = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_WRAPPED = re.compile(r"\|@.@\|")
_WIDE = re.compile(rb"<(?:\w+:)?c\s[^<>]*?r=[\"']([A-Z]{3})[0-9]")
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
    """Columns of a file as texts; the line of each row, the number of each column, the hash of the file.

    yuan : the yuan of the unit that the header of a column states, 1 where it states none.
    """

    file: str
    cells: Mapping[str, list[str]]
    lines: list[int]
    at: Mapping[str, int]
    yuan: Mapping[str, int]
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
    """Return the cells of a CSV or XLSX file as field files have them; what is no such table is raised at once.

    CSV in UTF-8, UTF-16 or GB18030, parted by comma, tab, semicolon or `|`. Titles above the header, empty rows, sums
    and remarks below, and columns that nobody asked for are left out, and an `InputNote` says so.

    Parameters
    ----------
    columns : the columns, all needed, in any order, by their names or those of `words.csv`; and what their cells hold
    in a workbook: text, number, date.
    path : of a workbook with several such tables, with the sheet's name behind a #: prices.xlsx#诊疗.
    """
    path, wanted = _sheet_named(path)
    raw = documents.content(path, MAX_BYTES, "CSV or XLSX", "Split the file, or delete what is no item.")
    faults, suffix = Faults(str(path)), path.suffix.casefold()
    if suffix not in (".csv", ".xlsx"):
        remedy = "Open it and save it as .xlsx." if suffix == ".xls" else "Expected .csv or .xlsx."
        raise _refusal(path, f"found a name that ends in '{shown(path.suffix)}'. {remedy}")
    rows, merged = (_csv(path, raw, columns), []) if suffix == ".csv" else _xlsx(path, raw, columns, wanted)
    convert = _from_csv if suffix == ".csv" else _from_xlsx
    if not rows:
        raise _refusal(path, f"the file is empty. Start with a header row: {', '.join(columns)}.")
    start = _top(rows, columns)
    above, (top, header), rows = rows[:start], rows[start], rows[start + 1 :]
    for column, line, end in merged:
        if _row_of(end) >= top:
            faults.add(column, [line], [f"merged cells {end}. Unmerge them and fill each cell."])
    at, yuan = _header(path, [convert(cell, "text") for cell in header], rows, top, columns, faults)
    faults.done()
    rows, below = _items(rows)
    if above or below:
        lines = [str(line) for line, _ in (*above, *below)]
        note(path, f"no item: row{'s' * (len(lines) > 1)} {listed(lines)}, titles, sums or remarks.")
    if not rows:
        raise _refusal(path, "nothing stands below the header. Add a row for each item.", top)
    if suffix == ".xlsx":
        rows = [(line, _fitted(cells, len(header))) for line, cells in rows]
    ragged = [(line, len(cells)) for line, cells in rows if len(cells) != len(header)]
    hint = f"expected {len(header)} as in the header. A comma inside a cell? Put the cell in quotes."
    faults.add(1, [line for line, _ in ragged], (f"found {number} cells, {hint}" for _, number in ragged))
    rows = [(line, cells) for line, cells in rows if len(cells) == len(header)]
    texts = {name: [convert(cells[number - 1], columns[name]) for _, cells in rows] for name, number in at.items()}
    written = (cells[number - 1] for _, cells in rows for number in at.values())
    if unseen := sum(isinstance(cell, str) and words.bare(cell) != cell.strip(" ") for cell in written):
        note(path, f"{unseen:,} cells read without the invisible signs around them.")
    return Columns(str(path), texts, [line for line, _ in rows], at, yuan, hashlib.sha256(raw).hexdigest(), faults)


def note(path: Path | str, message: str) -> None:
    """Say what was read otherwise than it is written, or not read."""
    warnings.warn(InputNote(f"{path}: note: {message}"), stacklevel=2)


def _known(row: Row, columns: Mapping[str, str]) -> int:
    """Return how many of some columns the cells of a row name."""
    return len({words.column(cell)[0] for cell in row[1] if isinstance(cell, str)} & columns.keys())


def _top(rows: Sequence[Row], columns: Mapping[str, str]) -> int:
    """Return which row is the header: of the first ones that which names most columns, the first if none names two."""
    named = [_known(row, columns) for row in rows[:TITLES]]
    most = max(named)
    return named.index(most) if most > 1 else 0


def _items(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows of items, and those of sums and remarks."""
    every, below = list[Row](), list[Row]()
    for row in rows:
        first = next((cell for cell in row[1] if cell not in (None, "")), "")
        (below if isinstance(first, str) and _BELOW.match(words.plain(first)) else every).append(row)
    return every, below


def _refusal(path: Path, message: str, line: int = 1, column: int = 1) -> BadInputError:
    """Return the one fault after which nothing can be read."""
    return BadInputError(Fault(str(path), line, column, message))


def _header(
    path: Path, header: list[str], rows: Sequence[Row], line: int, columns: Mapping[str, str], faults: Faults
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of each column and the yuan of its unit; doubled and missing ones are faults."""
    at, yuan, others = dict[str, int](), dict[str, int](), dict[int, str]()
    for number, cell in enumerate(header, 1):
        name, unit = words.column(cell)
        if name not in columns:
            if cell or any(len(cells) >= number and cells[number - 1] not in (None, "") for _, cells in rows):
                others[number] = cell
        elif name in at:
            faults.add(number, [line], [f"{name}: written twice, first in column {at[name]}. Keep one of them."])
        else:
            at[name], yuan[name] = number, unit
    missing = [name for name in columns if name not in at]
    for number, name in others.items() if missing else ():
        likely = next((one for one in missing if did_you_mean(name, [one]).startswith("Did")), "")
        if likely:
            missing.remove(likely)
            faults.add(number, [line], [f"{shown(name)}: no such column. Did you mean {likely}?"])
    if missing:
        what = f"missing: {', '.join(missing)}. Add to the header; cells that do not apply stay empty."
        faults.add(len(header) + 1, [line], [what])
    elif others and not faults.number:
        note(path, f"columns not read: {listed(shown(name) or 'one without a name' for name in others.values())}.")
    return at, yuan


def _filled(path: Path, rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are not empty; too many are refused as they come: a workbook can name a billion."""
    filled: list[Row] = []
    for line, cells in rows:
        if line > MAX_ROWS + 1:
            raise _refusal(path, f"more than {MAX_ROWS:,} rows. Split the file.", line)
        if any(cell is not None and (not isinstance(cell, str) or words.bare(cell)) for cell in cells):
            filled.append((line, cells))
    return filled


def _csv(path: Path, raw: bytes, columns: Mapping[str, str]) -> list[Row]:
    """Return the rows of a CSV file that are not empty, each with the line it starts in."""
    text = _decoded(path, raw)
    if text.startswith("@|"):
        lines = enumerate(text.splitlines(), 1)
        return _filled(path, ((line, _WRAPPED.split(row.strip()[2:-2])) for line, row in lines))

    def named(sign: str) -> int:
        most = 0
        with contextlib.suppress(BadInputError):  # what follows a quote that is not closed is no row
            for row in islice(_parted(path, text, sign), TITLES):
                most = max(most, _known(row, columns))
        return most

    sign = max(_SIGNS, key=named)
    if sign != ",":
        note(path, f"columns parted by {'a tab' if sign == chr(9) else sign}.")
    return _filled(path, _parted(path, text, sign))


def _decoded(path: Path, raw: bytes) -> str:
    """Return the text of a file: in what its first bytes say, else in UTF-8, else in GB18030."""
    codec = next((codec for mark, codec in _BOMS if raw.startswith(mark)), "utf-8")
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        first = error
    try:
        text = raw.decode("gb18030") if codec == "utf-8" else ""
    except UnicodeDecodeError:
        text = ""
    if not text:
        before = raw[: first.start].split(b"\n")
        found = f"neither UTF-8 nor GB18030: byte 0x{raw[first.start]:02x} at byte offset {first.start}."
        raise _refusal(path, f"{found} Save it as UTF-8.", len(before), before[-1].count(b",") + 1)
    note(path, "read as GB18030, as it is no UTF-8.")
    return text


def _parted(path: Path, text: str, sign: str) -> Iterator[Row]:
    """Yield the rows of a CSV text whose columns are parted by a sign."""
    reader, line = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=sign), 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise _refusal(path, f"not CSV: {error}. Check the quotes in the row that starts here.", line) from None


def _from_csv(cell: Any, _: str) -> str:
    """Return a cell of a CSV file without blanks and invisible signs around it, on one line."""
    return _BREAKS.sub(" ", words.bare(str(cell)))


def _sheet_named(path: Path) -> tuple[Path, str]:
    """Return a path without the name of a sheet behind a #, and that name."""
    name, _, sheet = path.name.partition("#")
    return (path.with_name(name), sheet) if sheet and name.casefold().endswith(".xlsx") else (path, "")


def _xlsx(path: Path, raw: bytes, columns: Mapping[str, str], wanted: str) -> tuple[list[Row], list[Merged]]:
    """Return the rows of the one sheet of a workbook that has the header, or that is wanted, and its merged cells."""
    import openpyxl

    try:
        merged = _guard(path, raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that no item needs
            book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)
            if book.epoch != openpyxl.utils.datetime.WINDOWS_EPOCH:
                raise _refusal(path, "counts days from 1904. Save it as CSV, or with the days of 1900.")
            sheets = [(sheet, rows) for sheet in book.worksheets if (rows := _filled(path, _sheet(sheet)))]
    except BadInputError:
        raise
    except Exception as error:  # a broken workbook makes the reader die of anything
        what = f"not a workbook that can be read ({shown(error)}). Save it as .xlsx, without a password."
        raise _refusal(path, what) from None
    if wanted and wanted not in (titles := [sheet.title for sheet, _ in sheets]):
        raise _refusal(path, f"{shown(wanted)}: no such sheet. {did_you_mean(wanted, titles)}")
    sheets = [one for one in sheets if wanted in ("", one[0].title)]
    named = [max(_known(row, columns) for row in rows[:TITLES]) for _, rows in sheets]
    best = [one for one, number in zip(sheets, named, strict=True) if number == max(named)]
    if len(best) > 1:
        names = listed(shown(sheet.title) for sheet, _ in best)
        raise _refusal(
            path, f"{len(best)} sheets with such a table: {names}. Name one: {path.name}#{shown(best[0][0].title)}."
        )
    if not best:
        return [], []
    (sheet, rows), *_ = best
    if len(sheets) > 1:
        note(path, f"sheet {shown(sheet.title)} read of {len(sheets)}.")
    part = str(sheet._worksheet_path).lstrip("/")
    return rows, [(column, line, area) for name, column, line, area in merged if name == part]


def _sheet(sheet: Any) -> Iterator[Row]:
    """Yield the rows of a sheet; a formula or error in a cell is a wrong cell."""
    sheet.reset_dimensions()  # what a file says of its size may be wrong
    for line, cells in enumerate(sheet.rows, 1):
        yield line, [_Wrong(_BROKEN[one.data_type]) if one.data_type in _BROKEN else one.value for one in cells]


def _fitted(cells: Sequence[Any], width: int) -> list[Any]:
    """Return cells of a sheet with empty ones added or taken away at the end to be so many, if that is possible."""
    last = max((i for i, cell in enumerate(cells, 1) if cell not in (None, "")), default=0)
    return [*cells[: max(last, width)], *[None] * (width - len(cells))]


def _row_of(area: str) -> int:
    """Return the last row of merged cells such as A1:C2."""
    return int(area.rpartition(":")[2].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def _guard(path: Path, raw: bytes) -> list[tuple[str, int, int, str]]:
    """Refuse a workbook that unpacks to too much or declares entities; return its merged cells, see `_xlsx`."""
    from openpyxl.utils import column_index_from_string

    every: list[tuple[str, int, int, str]] = []
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
                    entities, wide, merged = _markup(stream)
                if entities:
                    raise _refusal(path, f"{shown(part.filename)} declares entities. Save the workbook again.")
                if wide:
                    raise _refusal(path, f"cells as far as column {wide}. Delete what stands right of the table.")
                for column, row, end in merged:
                    area = part.filename, column_index_from_string(column), int(row), f"{column}{row}:{end}"
                    every.append(area)
    return every


def _markup(stream: Any) -> tuple[bool, str, list[tuple[str, str, str]]]:
    """Return whether XML declares entities, a column beyond ZZ, and the merged cells by first and last.

    A row that reaches as far right as a sheet goes takes 16,384 cells to read.
    """
    seen, entities, wide, merged = b"", False, b"", dict[tuple[bytes, ...], None]()
    while chunk := stream.read(1 << 20):
        seen = seen[-1000:] + chunk  # what is cut in two is whole in the next
        entities = entities or _ENTITIES.search(seen) is not None
        wide = wide or (found[1] if (found := _WIDE.search(seen)) else b"")
        merged |= dict.fromkeys(_MERGED.findall(seen))
    return entities, wide.decode(), [(a.decode(), b.decode(), c.decode()) for a, b, c in merged]


def _from_xlsx(cell: Any, want: str) -> str:
    """Return a cell of a workbook as a CSV file would have it; `_Wrong` if it holds another sort of value."""
    if cell is None or isinstance(cell, _Wrong):
        return cell or ""
    if isinstance(cell, str):
        return _from_csv(cell, want)
    if isinstance(cell, datetime.datetime) and want == "date" and cell.time() == datetime.time():
        return cell.date().isoformat()
    if want == "date" and isinstance(cell, (int, float)) and not isinstance(cell, bool) and cell in range(10**5):
        return str(int(cell))
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and want == "number":
        if isinstance(cell, int) or abs(cell) >= 1e15:
            return str(cell)
        return f"{cell:.15f}" if 0 < abs(cell) < 1e-4 else f"{cell:.15g}"  # as a spreadsheet shows 0.1 + 0.2
    if want == "text":
        return _Wrong(f"found {shown(cell)}, which is no text: zeros in front are lost. Read the original in as text.")
    wanted = "Write a number." if want == "number" else "Write a day, as a date without time or as YYYY-MM-DD."
    return _Wrong(f"found {shown(cell)}. {wanted}")
