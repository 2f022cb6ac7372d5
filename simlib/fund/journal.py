"""The books as columns: a journal of every entry, a calendar, balances and a trial balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.fund import ledger
from simlib.fund.books import Books, months
from simlib.fund.ledger import ACCOUNTS, ENTRIES
from simlib.terms import MONTHS, SCHEMES

COLUMNS = ["scenario", "side", "entry", "month", "debit", "credit", "fen", "cause", "home", "host", "scheme"]
"""Columns of the journal; an entry moves fen from the account credited to the account debited."""

CALENDAR = ["account", "home", "host", "scheme", "settled", "due", "fen"]
"""Columns of the calendar."""
NOWHERE = {"home": "", "host": "", "scheme": ""}

SIDES = ("baseline", "scenario")


class Words(NamedTuple):
    """A column of words, each by its number: entries are many, accounts are few."""

    numbers: npt.NDArray[np.integer]
    words: Sequence[str]


Columns = dict[str, Any]
"""A table: arrays and `Words` by column, all as long."""


def _names(books: Books) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of all accounts, and for each kind the numbers of its own, (scheme, home, host).

    A name is the kind, then what the account is kept by.
    """
    words = {"scheme": SCHEMES, "home": books.homes, "host": books.hosts}
    names: list[str] = []
    numbers = {}
    for kind, axes in ACCOUNTS.items():
        sizes = [len(words[axis]) if axis in axes else 1 for axis in ledger.AXES]
        numbers[kind] = len(names) + np.arange(np.prod(sizes), dtype=np.int32).reshape(sizes)
        for at in np.ndindex(*sizes):
            kept = {axis: words[axis][i] for axis, i in zip(ledger.AXES, at, strict=True) if axis in axes}
            names.append("/".join([kind, *(kept[axis] for axis in ("home", "host", "scheme") if axis in kept)]))
    return tuple(names), numbers


def entries(books: Books) -> Columns:
    """Return every entry, in the order of month and cause, numbered from 1: `COLUMNS` without scenario and side."""
    names, numbers = _names(books)
    pieces = [_of_cause(books, cause, numbers) for cause in ENTRIES]
    columns = {name: np.concatenate([piece.pop(name) for piece in pieces]) for name in list(pieces[0])}
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
    out: Columns = {"entry": np.arange(1, len(order) + 1)}
    for name in COLUMNS[3:]:
        column = columns[name][order]
        out[name] = Words(column, words[name]) if name in words else column
    return out


def _of_cause(books: Books, cause: str, numbers: Mapping[str, Any]) -> Columns:
    """Return the entries of one cause, words by their number: `COLUMNS` from the month on."""
    moved = books.moves[cause]
    month, *at = np.nonzero(moved)
    place = [i if moved.shape[axis] > 1 else np.full_like(i, -1) for axis, i in enumerate(at, 1)]
    out: Columns = {
        "month": month.astype(np.int16),
        "fen": moved[month, *at],
        "cause": np.full(month.shape, list(ENTRIES).index(cause), dtype=np.int16),
    }
    for side, kind in zip(("debit", "credit"), ENTRIES[cause], strict=True):
        own = numbers[kind]
        out[side] = own[tuple(np.where(own.shape[axis] > 1, i, 0) for axis, i in enumerate(place))]
    return out | {axis: (i + 1).astype(np.int16) for axis, i in zip(ledger.AXES, place, strict=True)}


def calendar(books: Books) -> Columns:
    """Return from which month on what is settled may be paid: that of its notice, later where a home pays late.

    Columns: account (the kind of debt), home, host, scheme, settled, due (months), fen. By kind of debt, place and
    month of care, which the fen of the journal follow; then, with their own fen, what was settled before the first
    month, each account by the months in which it falls due.
    """
    parts = [_lags(books), *_taken_over(books)]
    return {name: np.concatenate([part[name] for part in parts]) for name in CALENDAR}


def _lags(books: Books) -> Columns:
    """Return the first part of `calendar`: a row a kind of debt, place (none where all are alike) and month."""
    terms, rows = books.terms, []
    lags = {
        "due": ("home", books.homes, terms.clearing + terms.late),
        "hospital": ("host", books.hosts, terms.hospital),
        "patient": ("home", ("",), np.full((len(terms.clearing), 1), terms.claim)),
        "neighbour": ("home", books.homes, terms.clearing),
    }
    for account, (axis, places, lag) in lags.items():
        for month, of_places in enumerate(lag[MONTHS:].tolist()):
            for place, months_ in zip(places, of_places, strict=True):
                settled, due = _month(books, month), _month(books, month + months_)
                rows.append(NOWHERE | {"account": account, axis: place, "settled": settled, "due": due, "fen": 0})
    return {name: np.array([row[name] for row in rows]) for name in CALENDAR}


def _taken_over(books: Books) -> Iterator[Columns]:
    """Yield the second part of `calendar`: what the books take over, by account and month in which it falls due."""
    names = {"scheme": SCHEMES, "home": books.homes, "host": books.hosts}
    for account, due in ledger.taken_over(books.flows, books.terms, books.moves).items():
        month, *at = np.nonzero(due)
        kept = {
            axis: np.array(names[axis])[i] for axis, i in zip(ledger.AXES, at, strict=True) if axis in ACCOUNTS[account]
        }
        same = NOWHERE | {"account": account, "settled": months(books)[0]}
        dates = np.array([_month(books, m) for m in range(len(due))])
        columns = {name: np.full(len(month), word) for name, word in same.items()}
        yield columns | kept | {"due": dates[month], "fen": due[month, *at]}


def _month(books: Books, number: int) -> str:
    """Return a month of the books, numbered from 0, or one after their end."""
    return f"{books.year + number // MONTHS}-{number % MONTHS + 1:02}"


def account_balances(books: Books) -> Columns:
    """Return the balance of every account at the end of each month: columns account, month, fen; debit positive."""
    dates, (names, _) = months(books), _names(books)
    balances = ledger.balances(books.moves)
    fen = np.concatenate([balances[kind].reshape(len(dates), -1).T for kind in ACCOUNTS])
    account, month = np.indices(fen.shape).reshape(2, -1)
    return {"account": Words(account, names), "month": Words(month, dates), "fen": fen.ravel()}


def trial_balance(entries: Columns) -> Columns:
    """Return each account's opening, debits, credits and closing of the whole span, fen; the closings sum to 0.

    entries : see `entries`; those of the first month open the accounts.
    """
    fen, opens = entries["fen"], entries["month"].numbers == 0

    def total(rows: npt.NDArray[np.bool_], side: str) -> npt.NDArray[np.int64]:
        out = np.zeros(len(entries[side].words), dtype=np.int64)
        np.add.at(out, entries[side].numbers[rows], fen[rows])
        return out

    opening = total(opens, "debit") - total(opens, "credit")
    debit, credit = (total(~opens, side) for side in ("debit", "credit"))
    names = np.array(entries["debit"].words)
    return {"account": names, "opening": opening, "debit": debit, "credit": credit, "closing": opening + debit - credit}


def of_side(columns: Columns, scenarios: Sequence[str], number: int, side: int) -> Columns:
    """Return columns with the names of their scenario and side in front.

    scenarios : names of all. number, side : of the scenario among them, and of the side among `SIDES`.
    """
    length = len(columns["fen"] if "fen" in columns else columns["closing"])
    return {
        "scenario": Words(np.full(length, number, dtype=np.int16), scenarios),
        "side": Words(np.full(length, side, dtype=np.int8), SIDES),
        **columns,
    }
