"""The books of a run read again: every balance added up from the journal in plain integers, and what disagrees."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from simlib.errors import BadInputError, listed, shown
from simlib.files.facts import sha256
from simlib.fund import journal
from simlib.fund.ledger import ENTRIES, SPAN

FILES = ("journal.parquet", "journal.csv.gz", "balances.parquet", "calendar.csv", "trial_balance.csv", "workbook.xlsx")
"""Files of the books."""
FOLDER = "books"
"""Where they stand in the folder of a run."""
OF_RUN = "run_sha256"
"""Key of their manifest: the hash of the manifest of their run."""
WHOSE = {"scenario": str, "side": str}
TABLES: dict[str, dict[str, type]] = {
    "journal.parquet": dict.fromkeys(journal.COLUMNS, str) | {"entry": int, "fen": int},
    "balances.parquet": WHOSE | {"account": str, "month": str, "fen": int},
    "calendar.csv": WHOSE | dict.fromkeys(journal.CALENDAR, str) | {"fen": int},
    "trial_balance.csv": WHOSE | {"account": str, "opening": int, "debit": int, "credit": int, "closing": int},
}
"""Those that are read again: words and whole numbers by column."""

NEVER_BELOW = ("pool", "fund", "home", "due", "advance", "own", "penalty", "care", "charges")
"""Accounts whose balance is never below 0."""
NEVER_ABOVE = ("hospital", "patient", "neighbour", "local", "earned", "income", "bank", "agency", "fund", "home")
"""Accounts whose balance is never above 0: what is owed, what comes from outside, what is emptied as it is filled."""
SETTLED = {
    "direct": (("debit", slice(1, 2)), ("credit", slice(2, 3))),
    "claim": (("credit", slice(0)),),
    "within": (("credit", slice(1, 2)),),
}
"""Causes of debts: the side of the entry where the debt stands, and what of the account's name says whose calendar."""
DEBTS = ("due", "hospital", "patient", "neighbour", "local")
"""Accounts of debts that are paid as soon as they are due and the payer has cash; for local care that is at once."""
MOST_SHOWN = 20


class Discrepancy(NamedTuple):
    """Something in the books that does not hold: where, what was found and expected."""

    where: str
    found: str


def discrepancies(
    entries: Iterable[dict[str, Any]], closing: Mapping[str, dict[str, int]], calendar: Iterable[dict[str, Any]]
) -> Iterator[Discrepancy]:
    """Yield what does not hold in the journal of one set of books, in plain Python integers.

    Parameters
    ----------
    entries : in order, keys as in `journal.COLUMNS`. closing : stated balances by month and account. calendar :
    rows as in `journal.CALENDAR`.

    Checked are the numbering, the accounts of each cause, the balance of every account at the end of every month, that
    no account passes its bound: no pool without cash pays, nobody is paid more than is owed, no host pays more than it
    holds for all homes together; and that what is settled is paid when the calendar says, not before its notice, and
    not after where there was cash.
    """
    balance: defaultdict[str, int] = defaultdict(int)
    dates, at = sorted(closing), 0
    known, register = set(dates), Register(calendar)
    stated = closing[dates[0]]
    accounts = set(stated)
    for number, entry in enumerate(entries, 1):
        where = f"entry {entry['entry']}"
        if entry["entry"] != number:
            yield Discrepancy(where, f"expected entry {number}: an entry is missing or stands twice")
            return
        if entry["month"] not in known:
            yield Discrepancy(where, f"month {shown(entry['month'])} is not one of the books")
            return
        while dates[at] < entry["month"]:
            yield from _of_month(dates[at], balance, stated, accounts, register)
            at += 1
            stated = closing[dates[at]]
        if dates[at] != entry["month"]:
            later = f"month {entry['month']} comes after {dates[at]}"
            yield Discrepancy(where, f"{later}: entries stand in the order of months")
            return
        yield from (Discrepancy(where, wrong) for wrong in _of_entry(entry, accounts))
        balance[entry["debit"]] += entry["fen"]
        balance[entry["credit"]] -= entry["fen"]
        register.note(entry)
    for month in dates[at:]:
        yield from _of_month(month, balance, closing[month], accounts, register)


class Register:
    """What is settled and not yet due, fen by account, kept from a calendar and from the entries as they come."""

    def __init__(self, calendar: Iterable[dict[str, Any]]) -> None:
        self.due: dict[tuple[str, str, str], str] = {}
        self.waiting: defaultdict[str, int] = defaultdict(int)
        self.falls: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        self.refunded: defaultdict[str, int] = defaultdict(int)
        for row in calendar:
            if row["fen"]:
                self._wait("/".join(row[name] for name in ("account", "home", "host", "scheme") if row[name]), row)
            else:
                self.due[row["account"], row["home"] or row["host"], row["settled"]] = row["due"]

    def _wait(self, account: str, row: Mapping[str, Any]) -> None:
        """Keep an amount until it is due."""
        self.waiting[account] += row["fen"]
        self.falls[row["due"]].append((account, row["fen"]))

    def note(self, entry: Mapping[str, Any]) -> None:
        """Keep what an entry settles until it is due, and what pools get back too late in a month to pay with it."""
        if entry["cause"] == "refunded":
            self.refunded[entry["debit"]] += entry["fen"]
        for side, whose in SETTLED.get(entry["cause"], ()):
            words = entry[side].split("/")
            due = self.due.get((words[0], "".join(words[whose]), entry["month"]), "")
            self._wait(entry[side], {"due": due, "fen": entry["fen"]})

    def turn(self, month: str) -> dict[str, int]:
        """Return what pools got back in a month that ends, and take out what has fallen due in it."""
        for account, fen in self.falls.pop(month, ()):
            self.waiting[account] -= fen
        refunded, self.refunded = self.refunded, defaultdict(int)
        return refunded


def _of_month(
    month: str, balance: dict[str, int], closing: dict[str, int], accounts: set[str], register: Register
) -> Iterator[Discrepancy]:
    """Yield the accounts that do not agree, pass their bound, or are paid too early or late, at the end of a month."""
    if odd := sorted(closing.keys() ^ accounts):
        yield Discrepancy(month, f"{len(odd)} accounts are not those of the first month: {listed(odd[:3])}")
    pooled: defaultdict[str, int] = defaultdict(int)
    refunded = register.turn(month)
    for account, stated in closing.items():
        found, where = balance.get(account, 0), f"{account}, {month}"
        kind, *kept = account.split("/")
        if found != stated:
            yield Discrepancy(where, f"the journal gives {found:,} fen, stated are {stated:,}")
        if (kind in NEVER_BELOW and found < 0) or (kind in NEVER_ABOVE and found > 0):
            yield Discrepancy(where, f"{found:,} fen is {'below' if found < 0 else 'above'} 0, its bound")
        if kind == "host":
            pooled[kept[1]] += found
    for host, fen in pooled.items():
        if fen < 0:
            paid = f"{fen:,} fen: paid more to hospitals than all homes brought together"
            yield Discrepancy(f"host {host}, {month}", paid)
    for account in closing:
        kind, *kept = account.split("/")
        if kind in DEBTS:
            late, where = abs(balance.get(account, 0)) - register.waiting.get(account, 0), f"{account}, {month}"
            pool = f"pool/{kept[0]}/{kept[-1]}"
            cash = pooled[kept[1]] if kind == "hospital" else balance.get(pool, 0) - refunded.get(pool, 0)
            if late < 0:
                yield Discrepancy(where, f"{-late:,} fen were paid before their notice, see the calendar")
            elif late > 0 and cash > 0:
                yield Discrepancy(where, f"{late:,} fen are due and not paid, though {cash:,} fen were there")


def _of_entry(entry: dict[str, Any], accounts: set[str]) -> Iterator[str]:
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
    expected = complete(folder)
    journals, balances, calendars, trials = (_read(folder / FOLDER / name, columns) for name, columns in TABLES.items())
    agreed, wrong = [], [f"{folder}: {'/'.join(one)}: no books of it" for one in expected if one not in balances]
    for books, stated in balances.items():
        entries = journals.get(books, stated.slice(0, 0))
        if (months := len(set(stated["month"].to_pylist()))) != 1 + SPAN:
            wrong.append(f"{folder}: {'/'.join(books)}: balances of {months} months. Expected {1 + SPAN}.")
        calendar, trial = (_rows(tables[books]) if books in tables else () for tables in (calendars, trials))
        found = islice(_of_books(_rows(entries), StatedBalances(stated), calendar, trial), MOST_SHOWN)
        wrong += [f"{folder}: {'/'.join(books)}: {one.where}: {one.found}" for one in found]
        agreed.append(Agreed(*books, len(entries), len(stated), sum(entries["fen"].to_pylist())))
    if unstated := set(journals) - set(balances):
        wrong.append(f"{folder}: journal of books without balances: {listed('/'.join(books) for books in unstated)}")
    if wrong:
        raise BadInputError(*wrong, f"{folder}: the books disagree. Run the scenario again; edit no file of a run.")
    return agreed


def _of_books(
    entries: Iterable[dict[str, Any]],
    closing: Mapping[str, dict[str, int]],
    calendar: Iterable[dict[str, Any]],
    trial: Iterable[dict[str, Any]],
) -> Iterator[Discrepancy]:
    """Yield what does not hold in one set of books; the trial balance is looked at where the journal holds."""
    sums: Sums = defaultdict(lambda: [0, 0, 0])
    holds = True
    for wrong in discrepancies(_summed(entries, sums), closing, calendar):
        holds = False
        yield wrong
    if holds:
        yield from _of_trial(sums, trial)


Sums = defaultdict[str, list[int]]
"""Opening, debits and credits by account, fen."""


def _summed(entries: Iterable[dict[str, Any]], sums: Sums) -> Iterator[dict[str, Any]]:
    """Yield entries as they come, each added to the sums of its accounts; those of the first month open them."""
    first = ""
    for entry in entries:
        first = first or entry["month"]
        opens = entry["month"] == first
        sums[entry["debit"]][0 if opens else 1] += entry["fen"]
        sums[entry["credit"]][0 if opens else 2] += -entry["fen"] if opens else entry["fen"]
        yield entry


def _of_trial(sums: Sums, trial: Iterable[dict[str, Any]]) -> Iterator[Discrepancy]:
    """Yield the rows of a trial balance that the journal does not give, and sides that differ."""
    for row in trial:
        opening, debit, credit = sums.pop(row["account"], [0, 0, 0])
        given = {"opening": opening, "debit": debit, "credit": credit, "closing": opening + debit - credit}
        for column, fen in given.items():
            if row[column] != fen:
                where = f"trial balance, {row['account']}"
                yield Discrepancy(where, f"{column} {row[column]:,} fen, the journal gives {fen:,}")
    for account in sums:
        yield Discrepancy("trial balance", f"{account} is missing")


def complete(folder: Path) -> list[tuple[str, str]]:
    """Return whose books a run has, (scenario, side); raise BadInputError unless they are as they were written."""
    again = f"Make them again: simlib books {folder}."
    of, manifest = folder / "manifest.json", folder / FOLDER / "manifest.json"
    if not of.is_file():
        remedy = "Name the folder of a run that ended, such as .out/NAME."
        raise BadInputError(f"{folder}: no manifest.json: not the folder of a complete run. {remedy}")
    if not manifest.is_file():
        raise BadInputError(
            f"{folder}: no books in it, which a run writes on request. Make them: simlib books {folder}."
        )
    try:
        run, found = (json.loads(path.read_bytes()) for path in (of, manifest))
        hashes = {name: str(found["tables_sha256"][name]) for name in FILES}
        expected = [(name, side) for name in run["scenarios"] for side in journal.SIDES]
        same = run["sha256"] == found[OF_RUN]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInputError(f"{manifest}: no manifest of books as simlib writes it. {again}") from None
    if not same:
        raise BadInputError(f"{manifest}: of another run than the one in {folder}. {again}")
    wrong = []
    for path, sha in ((folder / FOLDER / name, sha) for name, sha in hashes.items()):
        if not path.is_file():
            wrong.append(f"{path}: missing. {again}")
        elif sha256(path) != sha:
            wrong.append(f"{path}: altered: its SHA-256 is not the one in the manifest. {again}")
    if wrong:
        raise BadInputError(*wrong)
    return expected


class StatedBalances(Mapping[str, dict[str, int]]):
    """The stated balances of one set of books, of a month when it is asked for: all at once are half a million."""

    def __init__(self, table: Any) -> None:
        import pyarrow.compute

        self._table, self._compute = table, pyarrow.compute
        self._months = sorted(pyarrow.compute.unique(table["month"]).to_pylist())

    def __getitem__(self, month: str) -> dict[str, int]:
        rows = self._table.filter(self._compute.equal(self._table["month"], month))
        return dict(zip(rows["account"].to_pylist(), rows["fen"].to_pylist(), strict=True))

    def __iter__(self) -> Iterator[str]:
        return iter(self._months)

    def __len__(self) -> int:
        return len(self._months)


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as plain Python values, some at a time: all of a run by cities are gigabytes."""
    for batch in table.to_batches(max_chunksize=1 << 16):
        columns = [_plain(column) for column in batch.columns]
        yield from (dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True))


def _plain(column: Any) -> list[Any]:
    """Return a column as plain Python values; words that stand for many rows are made once."""
    if hasattr(column, "dictionary"):
        words = column.dictionary.to_pylist()
        return [words[i] for i in column.indices.to_numpy().tolist()]
    return list(column.to_pylist())


def _read(path: Path, columns: Mapping[str, type]) -> dict[tuple[str, str], Any]:
    """Return the rows of a file by scenario and side, as tables of Arrow with the columns of `TABLES`."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.csv
    import pyarrow.parquet

    types = {name: pyarrow.string() if kind is str else pyarrow.int64() for name, kind in columns.items()}
    try:
        if path.suffix == ".csv":
            options = pyarrow.csv.ConvertOptions(column_types=types, include_columns=list(columns))
            table = pyarrow.csv.read_csv(path, convert_options=options)
        else:  # words stay categories: they are many
            table = pyarrow.parquet.read_table(path).select(list(columns))
    except (pyarrow.ArrowException, KeyError, OSError) as error:
        raise BadInputError(f"{path}: cannot be read ({shown(error)}). Run the scenario again.") from None
    equal, both = pyarrow.compute.equal, pyarrow.compute.and_
    keys = list(WHOSE)
    return {
        (one["scenario"], one["side"]): table.filter(both(*(equal(table[key], one[key]) for key in keys))).drop_columns(
            keys
        )
        for one in table.select(keys).group_by(keys, use_threads=False).aggregate([]).to_pylist()
    }
