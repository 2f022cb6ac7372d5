"""The books as tables: a journal of every entry, balances, a trial balance, and a workbook for accountants."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from simlib.files.texts import both, said
from simlib.fund import ledger
from simlib.fund.books import Books, months
from simlib.fund.ledger import ACCOUNTS, ENTRIES
from simlib.terms import FEN, MONTHS, SCHEMES

COLUMNS = ["scenario", "side", "entry", "month", "debit", "credit", "fen", "cause", "home", "host", "scheme"]
"""Columns of the journal; an entry moves fen from the account credited to the account debited."""

CALENDAR = ["account", "home", "host", "scheme", "settled", "due", "fen"]
"""Columns of the calendar."""
NOWHERE = {"home": "", "host": "", "scheme": ""}

SIDES = ("reference", "scenario")


def _names(books: Books) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of all accounts, and for each kind the numbers of its own, (scheme, home, host).

    A name is the kind, then what the account is kept by.
    """
    words = {"scheme": SCHEMES, "home": books.homes, "host": books.hosts}
    names: list[str] = []
    numbers = {}
    for kind, kept in ACCOUNTS.items():
        sizes = [len(words[axis]) if axis in kept else 1 for axis in ledger.AXES]
        numbers[kind] = len(names) + np.arange(np.prod(sizes), dtype=np.int32).reshape(sizes)
        for at in np.ndindex(*sizes):
            of = {axis: words[axis][i] for axis, i in zip(ledger.AXES, at, strict=True) if axis in kept}
            names.append("/".join([kind, *(of[axis] for axis in ("home", "host", "scheme") if axis in of)]))
    return tuple(names), numbers


def entries(books: Books) -> pd.DataFrame:
    """Return every entry, in the order of month and cause, numbered from 1: `COLUMNS` without scenario and side.

    Words are categories: entries are many, accounts are few.
    """
    names, numbers = _names(books)
    found: dict[str, list[Any]] = {name: [] for name in COLUMNS[3:]}
    for number, (cause, sides) in enumerate(ENTRIES.items()):
        moved = books.moves[cause]
        at = np.nonzero(moved)
        place = [i if moved.shape[axis + 1] > 1 else np.full_like(i, -1) for axis, i in enumerate(at[1:])]
        for side, kind in zip(("debit", "credit"), sides, strict=True):
            own = numbers[kind]
            found[side].append(own[tuple(np.where(own.shape[axis] > 1, i, 0) for axis, i in enumerate(place))])
        of = {"month": at[0].astype(np.int16), "fen": moved[at], "cause": np.full(at[0].shape, number, dtype=np.int16)}
        of |= {axis: (place[i] + 1).astype(np.int16) for i, axis in enumerate(ledger.AXES)}
        for name, column in of.items():
            found[name].append(column)
    columns = {name: np.concatenate(found.pop(name)) for name in list(found)}  # large: one copy at a time
    order = np.argsort(columns["month"], kind="stable")
    words = {
        "month": months(books),
        "debit": names,
        "credit": names,
        "cause": list(ENTRIES),
        "home": ("", *books.homes),
        "host": ("", *books.hosts),
        "scheme": ("", *SCHEMES),
    }
    table = {name: worded(column[order], words.get(name)) for name, column in columns.items()}
    return pd.DataFrame({"entry": np.arange(1, len(order) + 1)} | table)


def worded(numbers: Any, words: Sequence[str] | None) -> Any:
    """Return words by their number, as categories; the numbers where they stand for none."""
    return numbers if words is None else pd.Categorical.from_codes(numbers, pd.Index(words))


def calendar(books: Books) -> pd.DataFrame:
    """Return from which month on what is settled may be paid: that of its notice, later where a home pays late.

    Columns: account (the kind of debt), home, host, scheme, settled, due (months), fen. By kind of debt, place and
    month of care, which the fen of the journal follow; then, with their own fen, what was settled before the first
    month, each account by the months in which it falls due.
    """
    return pd.concat([_lags(books), _taken_over(books)], ignore_index=True)


def _lags(books: Books) -> pd.DataFrame:
    """Return the first part of `calendar`: a row a kind of debt, place (none where all are alike) and month."""
    terms, rows = books.terms, []
    lags = {
        "due": ("home", books.homes, terms.clearing + terms.late),
        "hospital": ("host", books.hosts, terms.hospital),
        "patient": ("home", ("",), np.full((len(terms.clearing), 1), terms.claim)),
        "neighbour": ("home", books.homes, terms.clearing),
    }
    for account, (axis, places, lag) in lags.items():
        for month, of in enumerate(lag[MONTHS:].tolist()):
            for place, months_ in zip(places, of, strict=True):
                settled, due = _month(books, month), _month(books, month + months_)
                rows.append(NOWHERE | {"account": account, axis: place, "settled": settled, "due": due, "fen": 0})
    return pd.DataFrame(rows, columns=CALENDAR)


def _taken_over(books: Books) -> pd.DataFrame:
    """Return the second part of `calendar`: what the books take over, by account and month in which it falls due."""
    tables = []
    for account, due in ledger.taken_over(books.flows, books.terms, books.moves).items():
        month, scheme, home, host = np.nonzero(due)
        of = {"scheme": (SCHEMES, scheme), "home": (books.homes, home), "host": (books.hosts, host)}
        columns = {axis: np.array(names)[at] for axis, (names, at) in of.items() if axis in ACCOUNTS[account]}
        columns |= {"due": np.array([_month(books, m) for m in range(len(due))])[month], "fen": due[due != 0]}
        of_all = NOWHERE | {"account": account, "settled": months(books)[0]}
        tables.append(pd.DataFrame(of_all | columns, columns=CALENDAR))
    return pd.concat(tables, ignore_index=True)


def _month(books: Books, number: int) -> str:
    """Return a month of the books, numbered from 0, or one after their end."""
    return f"{books.year + number // MONTHS}-{number % MONTHS + 1:02}"


def account_balances(books: Books) -> pd.DataFrame:
    """Return the balance of every account at the end of each month: columns account, month, fen; debit positive."""
    dates, (names, _) = months(books), _names(books)
    balances = ledger.balances(books.moves)
    fen = np.concatenate([balances[kind].reshape(len(dates), -1).T for kind in ACCOUNTS])
    account, month = np.indices(fen.shape).reshape(2, -1)
    return pd.DataFrame({"account": worded(account, names), "month": worded(month, dates), "fen": fen.ravel()})


def trial_balance(books: Books, table: pd.DataFrame) -> pd.DataFrame:
    """Return each account's opening, debits, credits and closing of the whole span, fen; the closings sum to 0."""
    opens = (table.month == months(books)[0]).to_numpy()

    def total(rows: Any, side: str) -> Any:
        out = np.zeros(len(table[side].cat.categories), dtype=np.int64)
        np.add.at(out, table[side].cat.codes.to_numpy()[rows], table.fen.to_numpy()[rows])
        return out

    opening = total(opens, "debit") - total(opens, "credit")
    debit, credit = (total(~opens, side) for side in ("debit", "credit"))
    columns = {"account": table.debit.cat.categories, "opening": opening, "debit": debit, "credit": credit}
    return pd.DataFrame(columns | {"closing": opening + debit - credit})


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


def workbook(table: pd.DataFrame, trial: pd.DataFrame) -> bytes:
    """Return an XLSX workbook of the scenarios' own books that an accountant can check with its formulas.

    Sheets: the journal summed by month, cause and accounts per area, yuan; the trial balance per kind of account and
    area, each side a formula over that journal beside the stated amount, and their difference.
    """
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    own = table[table.side == SIDES[1]]
    keys = ["scenario", "month", "cause", "home", "host"]
    summed = own.groupby(keys, sort=False, observed=True).fen.sum().reset_index().astype(dict.fromkeys(keys, str))
    summed["area"] = summed.home.where(summed.home != "", summed.host)
    keys = ["scenario", "month", "cause", "area"]
    summed = summed.groupby(keys, sort=True).fen.sum().reset_index()
    sheet = book.create_sheet(_head("journal"))
    words_of_cause = said("workbook.cause", "zh")
    sheet.append(["scenario", "month", "cause", words_of_cause, *map(_head, ("debit", "credit", "area", "yuan"))])
    for of, month, cause, area, fen in summed.to_numpy().tolist():
        sheet.append([of, month, cause, said(f"entry.{cause}", "zh"), *ENTRIES[cause], area, fen / FEN])
    last = len(summed) + 1
    stated = trial[trial.side == SIDES[1]].astype({"scenario": str})
    words = stated.account.astype(str).str.split("/")
    stated = stated.assign(kind=words.str[0], area=words.str[1])
    stated = stated.groupby(["scenario", "kind", "area"], sort=True).closing.sum().reset_index()
    sheet = book.create_sheet(_head("trial"))
    heads = ("account", "area", "debits", "credits", "closing", "stated", "difference")
    sheet.append(["scenario", *map(_head, heads)])
    name = f"'{_head('journal')}'"
    for at, (of, kind, area, fen) in enumerate(stated.to_numpy().tolist(), 2):
        sides = [
            f"=SUMIFS({name}!$H$2:$H${last},{name}!$A$2:$A${last},A{at},{name}!${column}$2:${column}${last},B{at},"
            f"{name}!$G$2:$G${last},C{at})"
            for column in "EF"
        ]
        sheet.append([of, kind, area, *sides, f"=D{at}-E{at}", fen / FEN, f"=ROUND(F{at}-G{at},2)"])
    end = len(stated) + 1
    sheet.append(["", _head("sum"), "", *(f"=SUM({c}2:{c}{end})" for c in "DEFGH")])
    buffer = io.BytesIO()
    book.save(buffer)
    return _undated(buffer)


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
