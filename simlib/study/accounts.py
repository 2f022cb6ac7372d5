"""The books as files: frames of the journal's columns, compressed CSV, and a workbook for accountants."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from typing import Any

import pandas as pd

from simlib.files.texts import both, said
from simlib.fund.journal import SIDES, Columns, Words
from simlib.fund.ledger import ENTRIES
from simlib.terms import FEN


def frame(columns: Columns) -> pd.DataFrame:
    """Return columns as a frame, words as categories.

    >>> import numpy as np
    >>> frame({"account": Words(np.array([1, 0]), ["pool", "host"]), "fen": np.array([3, 4])}).account.tolist()
    ['host', 'pool']
    """
    return pd.DataFrame({name: _series(column) for name, column in columns.items()})


def _series(column: Any) -> Any:
    """Return a column as a frame has it."""
    return pd.Categorical.from_codes(column.numbers, pd.Index(column.words)) if isinstance(column, Words) else column


def zipped(table: pd.DataFrame) -> bytes:
    """Return a table as compressed CSV, written piece by piece."""
    import pyarrow
    import pyarrow.csv

    buffer, whole = io.BytesIO(), pyarrow.Table.from_pandas(table, preserve_index=False)
    plain = [field.with_type(getattr(field.type, "value_type", field.type)) for field in whole.schema]
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=buffer, mtime=0) as file:
        file.write((",".join(table.columns) + "\n").encode())
        how = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
        with pyarrow.csv.CSVWriter(file, pyarrow.schema(plain), write_options=how) as writer:
            for batch in whole.to_batches(max_chunksize=1 << 16):
                writer.write_table(pyarrow.Table.from_batches([batch]).cast(pyarrow.schema(plain)))
    return buffer.getvalue()


def workbook(journal: pd.DataFrame, trial: pd.DataFrame) -> bytes:
    """Return an XLSX workbook of the scenarios' own books that an accountant can check with its formulas.

    Sheets: the journal summed by month, cause and accounts per area, yuan; the trial balance per kind of account and
    area, each side a formula over that journal beside the stated amount, and their difference.
    """
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    entries, stated = _summed(journal[journal.side == SIDES[1]]), _stated(trial[trial.side == SIDES[1]])
    sheet = book.create_sheet(_head("journal"))
    words_of_cause = said("workbook.cause", "zh")
    sheet.append(["scenario", "month", "cause", words_of_cause, *map(_head, ("debit", "credit", "area", "yuan"))])
    for scenario, month, cause, area, fen in entries:
        sheet.append([scenario, month, cause, said(f"entry.{cause}", "zh"), *ENTRIES[cause], area, fen / FEN])
    sheet = book.create_sheet(_head("trial"))
    heads = ("account", "area", "debits", "credits", "closing", "stated", "difference")
    sheet.append(["scenario", *map(_head, heads)])
    for row, (scenario, kind, area, fen) in enumerate(stated, 2):
        sides = (_sum_of_entries(column, row, 1 + len(entries)) for column in "EF")
        formulas = [*sides, f"=D{row}-E{row}", fen / FEN, f"=ROUND(F{row}-G{row},2)"]
        sheet.append([scenario, kind, area, *formulas])
    sheet.append(["", _head("sum"), "", *(f"=SUM({column}2:{column}{1 + len(stated)})" for column in "DEFGH")])
    buffer = io.BytesIO()
    book.save(buffer)
    return _undated(buffer)


def _summed(journal: pd.DataFrame) -> list[list[Any]]:
    """Return entries summed by scenario, month, cause and area, fen."""
    keys = ["scenario", "month", "cause", "home", "host"]
    summed = journal.groupby(keys, sort=False, observed=True).fen.sum().reset_index().astype(dict.fromkeys(keys, str))
    summed["area"] = summed.home.where(summed.home != "", summed.host)
    rows = summed.groupby(["scenario", "month", "cause", "area"], sort=True).fen.sum().reset_index()
    return list(rows.to_numpy().tolist())


def _stated(trial: pd.DataFrame) -> list[list[Any]]:
    """Return closing balances summed by scenario, kind of account and area, fen."""
    words = trial.account.astype(str).str.split("/")
    stated = trial.astype({"scenario": str}).assign(kind=words.str[0], area=words.str[1])
    rows = stated.groupby(["scenario", "kind", "area"], sort=True).closing.sum().reset_index()
    return list(rows.to_numpy().tolist())


def _sum_of_entries(column: str, row: int, last: int) -> str:
    """Return the formula of one side of an account: the journal's amounts of its scenario, kind and area.

    column : of the journal where the account stands, E debit, F credit. row : of the trial balance. last : of the
    journal.
    """
    name = f"'{_head('journal')}'"
    return (
        f"=SUMIFS({name}!$H$2:$H${last},{name}!$A$2:$A${last},A{row},{name}!${column}$2:${column}${last},B{row},"
        f"{name}!$G$2:$G${last},C{row})"
    )


def _head(name: str) -> str:
    """Return a head of the workbook in both languages."""
    return both(f"workbook.{name}", "en", "zh")


def _undated(buffer: io.BytesIO) -> bytes:
    """Return a workbook without the time at which it was made: the same run gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
