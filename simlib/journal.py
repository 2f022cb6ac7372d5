"""The books as files: a journal of every entry, balances, a trial balance, a workbook; and reading them again."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from simlib import ledger
from simlib.cashflow import Books, months
from simlib.ledger import ACCOUNTS, ENTRIES
from simlib.remedies import listed, shown
from simlib.tables import sha256
from simlib.terms import FEN, SCHEMES, BadInputError

COLUMNS = ["scenario", "side", "entry", "month", "debit", "credit", "fen", "cause", "home", "host", "scheme"]
"""Columns of the journal; an entry moves fen from the account credited to the account debited."""

SIDES = ("reference", "scenario")

NEVER_BELOW = ("pool", "home", "due", "own", "care")
"""Accounts whose balance is never below 0."""
NEVER_ABOVE = ("hospital", "patient", "local", "income", "bank")
"""Accounts whose balance is never above 0: what is owed, and what comes from outside."""
MOST_SHOWN = 20


def _names(books: Books, kind: str) -> Any:
    """Return the names of the accounts of a kind, (scheme, home, host): the kind, then what it is kept by."""
    kept = ACCOUNTS[kind]
    words = {"scheme": SCHEMES, "home": books.homes, "host": books.hosts}
    sizes = [len(words[axis]) if axis in kept else 1 for axis in ledger.AXES]
    out = np.empty(sizes, dtype=object)
    for at in np.ndindex(*sizes):
        of = {axis: words[axis][i] for axis, i in zip(ledger.AXES, at, strict=True) if axis in kept}
        out[at] = "/".join([kind, *(of[axis] for axis in ("home", "host", "scheme") if axis in of)])
    return out


def entries(books: Books) -> pd.DataFrame:
    """Return every entry, in the order of month and cause, numbered from 1: `COLUMNS` without scenario and side."""
    words = [np.array([*found, ""], dtype=object) for found in (SCHEMES, books.homes, books.hosts)]
    dates = np.array(months(books), dtype=object)
    tables = []
    for number, (cause, (debit, credit)) in enumerate(ENTRIES.items()):
        moved = books.moves[cause]
        at = np.nonzero(moved)
        place = [i if moved.shape[axis + 1] > 1 else np.full_like(i, -1) for axis, i in enumerate(at[1:])]

        def account(kind: str, place: list[Any] = place) -> Any:
            names = _names(books, kind)
            return names[tuple(np.where(names.shape[axis] > 1, i, 0) for axis, i in enumerate(place))]

        tables.append(
            pd.DataFrame(
                {
                    "order": at[0] * len(ENTRIES) + number,
                    "month": dates[at[0]],
                    "debit": account(debit),
                    "credit": account(credit),
                    "fen": moved[at],
                    "cause": cause,
                    "home": words[1][place[1]],
                    "host": words[2][place[2]],
                    "scheme": words[0][place[0]],
                }
            )
        )
    table = pd.concat(tables, ignore_index=True).sort_values("order", kind="stable", ignore_index=True)
    table.insert(0, "entry", np.arange(1, len(table) + 1))
    return table.drop(columns="order")


def account_balances(books: Books) -> pd.DataFrame:
    """Return the balance of every account at the end of each month: columns account, month, fen; debit positive."""
    dates = months(books)
    tables = []
    for kind, balance in ledger.balances(books.moves).items():
        names = _names(books, kind).ravel()
        by_account = balance.reshape(len(dates), -1)
        tables.append(
            pd.DataFrame(
                {"account": np.repeat(names, len(dates)), "month": dates * len(names), "fen": by_account.T.ravel()}
            )
        )
    return pd.concat(tables, ignore_index=True)


def trial_balance(books: Books, table: pd.DataFrame) -> pd.DataFrame:
    """Return each account's opening, debits, credits and closing of the whole span, fen; the closings sum to 0."""
    accounts = [name for kind in ACCOUNTS for name in _names(books, kind).ravel()]
    opens = table.month == months(books)[0]

    def total(rows: pd.DataFrame, side: str) -> Any:
        return rows.groupby(side).fen.sum().reindex(accounts, fill_value=0).to_numpy()

    opening = total(table[opens], "debit") - total(table[opens], "credit")
    debit, credit = (total(table[~opens], side) for side in ("debit", "credit"))
    columns = {"account": accounts, "opening": opening, "debit": debit, "credit": credit}
    return pd.DataFrame(columns | {"closing": opening + debit - credit})


CAUSES_ZH = {
    "opening_balance": "期初结余",
    "opening_prepayment": "期初预付金",
    "opening_due": "期初待清算",
    "opening_hospital": "期初应付医院",
    "opening_claims": "期初待报销",
    "income": "基金收入",
    "local_care": "本地医疗费用",
    "local_paid": "支付本地费用",
    "claim": "手工报销申请",
    "claim_paid": "手工报销支付",
    "direct": "直接结算",
    "collected": "省级归集",
    "cleared": "清算划拨",
    "borne": "清算列支",
    "prepaid": "拨付预付金",
    "hospital_paid": "支付医院",
    "returned": "退回预付金",
    "refunded": "退回统筹区",
    "interest": "利息",
}
"""Causes of entries in Chinese."""


def workbook(table: pd.DataFrame, trial: pd.DataFrame) -> bytes:
    """Return an XLSX workbook of the scenarios' own books that an accountant can check with its formulas.

    Sheets: the journal summed by month, cause and accounts per area, yuan; the trial balance per kind of account and
    area, each side a formula over that journal beside the stated amount, and their difference.
    """
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    own = table[table.side == SIDES[1]]
    areas = own.assign(
        debit=own.debit.str.split("/").str[0],
        credit=own.credit.str.split("/").str[0],
        area=own.home.where(own.home != "", own.host),
    )
    keys = ["scenario", "month", "cause", "debit", "credit", "area"]
    summed = areas.groupby(keys, sort=True).fen.sum().reset_index()
    sheet = book.create_sheet("journal 分录汇总")
    sheet.append(["scenario", "month", "cause", "摘要", "debit 借", "credit 贷", "area 地区", "yuan 元"])
    for of, month, cause, debit, credit, area, fen in summed.to_numpy().tolist():
        sheet.append([of, month, cause, CAUSES_ZH[cause], debit, credit, area, fen / FEN])
    last = len(summed) + 1
    stated = trial[trial.side == SIDES[1]]
    words = stated.account.str.split("/")
    stated = stated.assign(kind=words.str[0], area=words.str[1])
    stated = stated.groupby(["scenario", "kind", "area"], sort=True).closing.sum().reset_index()
    sheet = book.create_sheet("trial balance 试算平衡")
    heads = ["debits 借方", "credits 贷方", "closing 余额", "stated 账载余额", "difference 差额"]
    sheet.append(["scenario", "account 科目", "area 地区", *heads])
    name = "'journal 分录汇总'"
    for at, (of, kind, area, fen) in enumerate(stated.to_numpy().tolist(), 2):
        sides = [
            f"=SUMIFS({name}!$H$2:$H${last},{name}!$A$2:$A${last},A{at},{name}!${column}$2:${column}${last},B{at},"
            f"{name}!$G$2:$G${last},C{at})"
            for column in "EF"
        ]
        sheet.append([of, kind, area, *sides, f"=D{at}-E{at}", fen / FEN, f"=ROUND(F{at}-G{at},2)"])
    end = len(stated) + 1
    sheet.append(["", "sum 合计", "", *(f"=SUM({c}2:{c}{end})" for c in "DEFGH")])
    buffer = io.BytesIO()
    book.save(buffer)
    return _undated(buffer)


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


class Fault(NamedTuple):
    """Something in a journal that does not hold: where, what was found, what was expected."""

    where: str
    found: str


def faults(journal: Iterable[dict[str, Any]], closing: dict[str, dict[str, int]]) -> Iterator[Fault]:
    """Yield what does not hold in the journal of one set of books, in plain Python integers.

    Parameters
    ----------
    journal : entries in order, keys as in `COLUMNS`. closing : stated balances by month and account.

    Checked are the numbering, the accounts of each cause, the balance of every account at the end of every month, and
    that no account passes its bound: no pool without cash pays, nobody is paid more than is owed, no host pays more
    than it holds for all homes together.
    """
    balance: defaultdict[str, int] = defaultdict(int)
    dates, at = sorted(closing), 0
    accounts = set(closing[dates[0]])
    for number, entry in enumerate(journal, 1):
        where = f"entry {entry['entry']}"
        if entry["entry"] != number:
            yield Fault(where, f"expected entry {number}: an entry is missing or stands twice")
            return
        if entry["month"] not in closing:
            yield Fault(where, f"month {shown(entry['month'])} is not one of the books")
            return
        while dates[at] < entry["month"]:
            yield from _month_faults(dates[at], balance, closing[dates[at]])
            at += 1
        if dates[at] != entry["month"]:
            yield Fault(where, f"month {entry['month']} comes after {dates[at]}: entries stand in the order of months")
            return
        yield from (Fault(where, found) for found in _entry_faults(entry, accounts))
        balance[entry["debit"]] += entry["fen"]
        balance[entry["credit"]] -= entry["fen"]
    for month in dates[at:]:
        yield from _month_faults(month, balance, closing[month])


def _entry_faults(entry: dict[str, Any], accounts: set[str]) -> Iterator[str]:
    """Yield what is wrong with one entry by itself."""
    if entry["fen"] <= 0:
        yield f"{entry['fen']} fen: an entry moves more than nothing"
    expected = ENTRIES.get(entry["cause"])
    kinds = tuple(entry[side].split("/")[0] for side in ("debit", "credit"))
    if expected is None:
        yield f"{shown(entry['cause'])}: no such cause"
    elif kinds != expected:
        yield f"{entry['cause']} debits {kinds[0]}, credits {kinds[1]}; expected {expected[0]}, {expected[1]}"
    for side in ("debit", "credit"):
        if entry[side] not in accounts:
            yield f"{side} {shown(entry[side])}: no balance of this account is stated"


def _month_faults(month: str, balance: dict[str, int], closing: dict[str, int]) -> Iterator[Fault]:
    """Yield the accounts that do not agree, or pass their bound, at the end of a month."""
    pooled: defaultdict[str, int] = defaultdict(int)
    for account, stated in closing.items():
        found = balance.get(account, 0)
        kind, *kept = account.split("/")
        if found != stated:
            yield Fault(f"{account}, {month}", f"the journal gives {found:,} fen, stated are {stated:,}")
        if (kind in NEVER_BELOW and found < 0) or (kind in NEVER_ABOVE and found > 0):
            yield Fault(f"{account}, {month}", f"{found:,} fen is {'below' if found < 0 else 'above'} 0, its bound")
        if kind == "host":
            pooled[kept[1]] += found
    for host, fen in pooled.items():
        if fen < 0:
            yield Fault(f"host {host}, {month}", f"{fen:,} fen: paid more to hospitals than all homes brought together")


FILES = ("journal.parquet", "journal.csv.gz", "balances.parquet", "trial_balance.csv", "workbook.xlsx")


class Agreed(NamedTuple):
    """One set of books that reconciles: how much was read."""

    scenario: str
    side: str
    entries: int
    balances: int
    fen: int


def reconcile(folder: Path) -> list[Agreed]:
    """Return the books of a run's folder that agree; raise for those that do not.

    Every balance of every month is added up again from the journal in plain Python integers, and compared with those
    stated; the trial balance with both.

    Raises
    ------
    BadInputError : the folder is not that of a complete run, a file was changed, or the books disagree: what and where.
    """
    _check_complete(folder)
    journal, stated, trial = (
        _read(folder / name) for name in ("journal.parquet", "balances.parquet", "trial_balance.csv")
    )
    out, wrong = [], []
    for of, rows in stated.items():
        closing: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for row in rows:
            closing[row["month"]][row["account"]] = row["fen"]
        entries_ = journal.get(of, [])
        found = [*islice(faults(entries_, closing), MOST_SHOWN), *islice(_trial_faults(entries_, trial.get(of, [])), 3)]
        wrong += [f"{folder}: {'/'.join(of)}: {fault.where}: {fault.found}" for fault in found]
        out.append(Agreed(*of, len(entries_), len(rows), sum(row["fen"] for row in entries_)))
    if set(journal) - set(stated):
        wrong.append(
            f"{folder}: journal of books without balances: {listed('/'.join(of) for of in set(journal) - set(stated))}"
        )
    if wrong:
        raise BadInputError(*wrong, f"{folder}: the books disagree. Run the scenario again; edit no file of a run.")
    return out


def _trial_faults(journal: Sequence[dict[str, Any]], trial: Sequence[dict[str, Any]]) -> Iterator[Fault]:
    """Yield the rows of a trial balance that the journal does not give, and sides that differ."""
    first = journal[0]["month"] if journal else ""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for entry in journal:
        for side, at, sign in (("debit", 1, 1), ("credit", 2, -1)):
            opens = entry["month"] == first
            sums[entry[side]][0 if opens else at] += sign * entry["fen"] if opens else entry["fen"]
    for row in trial:
        opening, debit, credit = sums.pop(row["account"], [0, 0, 0])
        found = {"opening": opening, "debit": debit, "credit": credit, "closing": opening + debit - credit}
        for column, fen in found.items():
            if int(row[column]) != fen:
                yield Fault(
                    f"trial balance, {row['account']}", f"{column} {int(row[column]):,} fen, the journal gives {fen:,}"
                )
    for account in sums:
        yield Fault("trial balance", f"{account} is missing")


def _check_complete(folder: Path) -> None:
    """Raise BadInputError unless a folder has a manifest and the files of the books as the run wrote them."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        remedy = "Name the folder of a run that ended, such as .out/NAME."
        raise BadInputError(f"{folder}: no manifest.json: not the folder of a complete run. {remedy}")
    try:
        stated = json.loads(manifest.read_text(encoding="utf-8"))["tables_sha256"]
        hashes = {name: str(stated[name]) for name in FILES}
    except (ValueError, KeyError, TypeError):
        raise BadInputError(f"{manifest}: names no books. Run the scenario again with this version.") from None
    wrong = []
    for name, sha in hashes.items():
        if not (folder / name).is_file():
            wrong.append(f"{folder / name}: missing. The run was not complete, or the file was moved: run it again.")
        elif sha256(folder / name) != sha:
            wrong.append(f"{folder / name}: not the file that the run wrote (SHA-256 differs). Run it again.")
    if wrong:
        raise BadInputError(*wrong)


def _read(path: Path) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the rows of a file by scenario and side, as plain Python values."""
    import pyarrow.csv
    import pyarrow.parquet

    try:
        table = pyarrow.csv.read_csv(path) if path.suffix == ".csv" else pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInputError(f"{path}: cannot be read ({shown(error)}). Run the scenario again.") from None
    out: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        out.setdefault((row["scenario"], row["side"]), []).append(row)
    return out
