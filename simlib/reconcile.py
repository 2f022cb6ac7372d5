"""The books of a run read again: every balance added up from the journal in plain integers, and what disagrees."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from simlib.ledger import ENTRIES
from simlib.remedies import listed, shown
from simlib.tables import sha256
from simlib.terms import BadInputError

FILES = ("journal.parquet", "journal.csv.gz", "balances.parquet", "trial_balance.csv", "workbook.xlsx")
"""Files of the books in the folder of a run."""

NEVER_BELOW = ("pool", "fund", "home", "due", "advance", "own", "penalty", "care", "charges")
"""Accounts whose balance is never below 0."""
NEVER_ABOVE = ("hospital", "patient", "neighbour", "local", "earned", "income", "bank", "agency")
"""Accounts whose balance is never above 0: what is owed, and what comes from outside."""
MOST_SHOWN = 20


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


class Agreed(NamedTuple):
    """One set of books that reconciles: how much was read."""

    scenario: str
    side: str
    entries: int
    balances: int
    fen: int


def check(folder: Path) -> list[Agreed]:
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
