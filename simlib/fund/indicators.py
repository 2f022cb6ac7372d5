"""What the books say: indicators of each month, and what a scenario takes out of the pools' cash."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from simlib.amounts import FUND, VISITS
from simlib.fund import ledger
from simlib.fund.books import Books
from simlib.fund.ledger import SPAN, Flows, Ledger, Moves, by_due_month
from simlib.simulation.simulate import Run
from simlib.terms import ABANDONED, FEN, MONTHS, PPM, SCHEMES

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAYS = 365 / MONTHS
"""Days in a month."""

INDICATORS = {
    "pool_balance": "yuan",
    "months_payable": "months",
    "pools_below_limit": "pools",
    "pools_in_deficit": "pools",
    "pools_short": "pools",
    "direct": "yuan",
    "prepayment": "yuan",
    "use_cleared": "share",
    "use_outstanding": "share",
    "homes_yellow_cleared": "homes",
    "homes_red_cleared": "homes",
    "homes_yellow_outstanding": "homes",
    "homes_red_outstanding": "homes",
    "hosts_short": "hosts",
    "overdue": "yuan",
    "hospitals_owed": "yuan",
    "hospitals_advanced": "yuan",
    "receivable_days": "days",
    "advanced_yuan_days": "yuan-days",
    "interest": "yuan",
    "net_flow": "yuan",
    "siphon_index": "share",
    "within": "yuan",
    "local_care": "yuan",
}
"""Indicators of a month and their units, in the order in which they are reported."""


def groups(books: Books) -> tuple[str, ...]:
    """Return what the indicators are told of: all, each scheme, each home, each host province."""
    schemes, homes = (f"scheme={scheme}" for scheme in SCHEMES), (f"home={code}" for code in books.homes)
    return ("all", *schemes, *homes, *(f"host={code}" for code in books.hosts))


def monthly(books: Books) -> Array:
    """Return what the books say of each month, (indicator, group, month), see `INDICATORS` and `groups`.

    Formulas
    --------
    pool_balance = cash of the pools and their prepayments; months_payable = 12 x pool_balance / spending of the twelve
    months up to this one, see `_a_year`; pools_in_deficit = pools (area and scheme) that spend more than their income
    in those months; pools_short = pools left
    without cash. use_cleared = noticed for clearing in the month / prepayment; use_outstanding = paid to hospitals and
    not yet cleared / prepayment; homes_* = homes whose use over all hosts reaches Hebei's thresholds (neither
    definition of use is published; single routes have too few people of a draw to be counted). hosts_short = hosts that
    owe hospitals more than is not yet due. overdue = noticed and not paid; receivable_days = owed to hospitals / mean
    direct payment of three months; advanced_yuan_days = owed to patients on claims x days of the month; net_flow =
    direct payment received as host less paid as home; siphon_index 虹吸指数 = net_flow / (received + paid).
    within = settled directly in other cities of the home's province, local_care = care at home: both told in
    geographies of cities. All of the above on settlement, clearing and hosts is between provinces, the pools and claims
    are of all care elsewhere.

    Amounts are summed over a group before they are divided; NaN where a group has no such amount. Pools of one purse
    (`pooling.shared` at 1) are in deficit, short or low together, and last as long.
    """
    balance = {account: fen[1:] for account, fen in ledger.balances(books.moves).items()}
    kept, group = ledger.held(books.moves)[1:], _Groups(books)
    found = _of_pools(books, balance["pool"], kept, group) | _of_prepayments(books, kept, group)
    found |= _of_hosts(books, balance, group) | _of_care(books, group)
    return np.stack([found[name] for name in INDICATORS])


def _of_pools(books: Books, cash: Ints, kept: Ints, group: _Groups) -> dict[str, Array]:
    """Return what is told of the pools. cash : theirs. kept : their prepayments, (SPAN, scheme, home, host)."""
    purse, reserve = _Purse(books), cash + kept.sum(axis=3, keepdims=True)
    income, spending = (_a_year(fen) for fen in (books.flows.income[..., None], _spent(books.flows)))
    payable = MONTHS * _over(group(reserve), group(spending))
    homes = slice(1 + len(SCHEMES), 1 + len(SCHEMES) + len(books.homes))
    of_home = (purse(fen).sum(axis=(1, 3)).T.astype(np.float64) for fen in (reserve, spending))
    payable[homes] = MONTHS * _over(*of_home)
    least = books.least[:, None, :, None]
    return {
        "pool_balance": group(reserve) / FEN,
        "months_payable": payable,
        "pools_below_limit": group(MONTHS * purse(reserve) < least * purse(spending)),
        "pools_in_deficit": group(purse(income) < purse(spending)),
        "pools_short": group((purse(cash) <= 0) & (spending > 0)),
    }


def _of_prepayments(books: Books, kept: Ints, group: _Groups) -> dict[str, Array]:
    """Return what is told of the prepayments and of their use, by both definitions."""
    used, levels = uses(books), {"yellow": Ledger.use_yellow.number, "red": Ledger.use_red.number}
    return {
        "prepayment": group(kept) / FEN,
        **{f"use_{name}": _over(group(use), group(kept)) for name, use in used.items()},
        **{
            f"homes_{colour}_{name}": group(ledger.warned(_of_home(use), _of_home(kept), level))
            for name, use in used.items()
            for colour, level in levels.items()
        },
    }


def _of_hosts(books: Books, balance: Mapping[str, Ints], group: _Groups) -> dict[str, Array]:
    """Return what is told of clearing, of host provinces and of what hospitals and patients are owed."""
    direct, owed = books.flows.direct, -balance["hospital"]
    recent = np.mean([direct[MONTHS - back : MONTHS - back + SPAN] for back in range(3)], axis=0)
    net, gross = _exchange(books, direct[MONTHS:])
    return {
        "hosts_short": group(late_to_hospitals(books) > 0),
        "overdue": group(overdue(books)) / FEN,
        "hospitals_owed": group(owed) / FEN,
        "hospitals_advanced": group(balance["advance"]) / FEN,
        "receivable_days": DAYS * _over(group(owed), group(recent)),
        "advanced_yuan_days": group(-balance["patient"]) * DAYS / FEN,
        "interest": group(books.moves["interest"][1:]) / FEN,
        "net_flow": net / FEN,
        "siphon_index": _over(net, gross),
    }


def _of_care(books: Books, group: _Groups) -> dict[str, Array]:
    """Return what is told of the care itself; within provinces and at home in geographies of cities only."""
    flows = books.flows
    cities = FEN if flows.within.any() else np.nan
    return {
        "direct": group(flows.direct[MONTHS:]) / FEN,
        "within": group(flows.within[MONTHS:, :, :, None]) / cities,
        "local_care": group(flows.local[..., None]) / cities,
    }


class _Purse:
    """Gives each pool of one purse the sum of its province's, (month, scheme, home, 1); other pools keep their own."""

    def __init__(self, books: Books) -> None:
        self.one = (books.terms.shared == PPM)[:, None, :, None]
        self.same = (books.province[:, None] == books.province).astype(np.int64)

    def __call__(self, amount: Ints) -> Ints:
        if not self.one.any():
            return amount
        return np.where(self.one, (amount[..., 0] @ self.same)[..., None], amount)


class _Groups:
    """Sums amounts (month, scheme, home, host) by group, (group, month); NaN where an amount has no such axis."""

    def __init__(self, books: Books) -> None:
        self.size = {1: len(SCHEMES), 2: len(books.homes), 3: len(books.hosts)}

    def __call__(self, amount: npt.NDArray[np.generic]) -> Array:
        of_home = amount.sum(axis=3)
        sums = (of_home.sum(axis=2), of_home.sum(axis=1), amount.sum(axis=(1, 2)))
        parts = [of_home.sum(axis=(1, 2))[None].astype(np.float64)]
        for (axis, size), by_group in zip(self.size.items(), sums, strict=True):
            told = amount.shape[axis] == size
            parts.append(by_group.T.astype(np.float64) if told else np.full((size, len(amount)), np.nan))
        return np.concatenate(parts)


EFFECTS = ("newly_paid", "richer_price", "volume", "timing", "diverted_from_home")
"""Parts of what a scenario takes out of a pool's cash in its year: for care elsewhere, and what it spares at home."""


def effects(runs: tuple[Run, Run], books: tuple[Books, Books]) -> Array:
    """Return what a scenario changes in the cash of pools in its year, yuan, (part, all and each home).

    All parts but the last sum to the change of cash paid for care elsewhere.

    Formulas
    --------
    volume = change of cases x fund payment per case before, by kind and scheme (where there was no case, all that is
    paid now), and the stress on flows; newly_paid = what would have been owed on abandoned cases and now is not
    left, at the new volume (less than nothing where a claim is worth more: so are those still abandoned); richer_price
    = the rest of the change of what is owed, dearer bills included; timing = the
    change of cash paid (claims, clearing, prepayments less returns) less that. diverted_from_home = less what care at
    home costs less because patients now have it elsewhere, see `diverted`; it may exceed volume, which values cases
    elsewhere at what was paid for them before, abandoned ones at nothing.
    """
    cases, paid, dropped = (
        np.stack([_yearly(run, start, number) for run in runs])
        for start, number in ((VISITS, 3), (FUND, 2), (FUND + ABANDONED, 1))
    )
    grown = np.where(cases[0] > 0, cases[1] / np.maximum(cases[0], 1), 1.0)
    more = np.where(cases[0] > 0, paid[0] * (grown - 1), paid[1])
    owed = [_owed(side.flows) for side in books]
    stress = (owed[1] - owed[0]).sum(axis=0) - (paid[1] - paid[0]).sum(axis=(0, 1))
    volume = more.sum(axis=(0, 1)) + stress
    newly = np.where(cases[0] > 0, dropped[0] * grown - dropped[1], 0).sum(axis=(0, 1))
    cash = [_cash_paid(side.moves) for side in books]
    change = (owed[1] - owed[0]).sum(axis=0)
    away = [side.diverted[:MONTHS].sum(axis=(0, 1)) for side in books]
    parts = np.stack([newly, change - newly - volume, volume, cash[1] - cash[0] - change, away[0] - away[1]]) / FEN
    return np.concatenate([parts.sum(axis=1, keepdims=True), parts], axis=1)


PAID = (("claim_paid", 1), ("collected", 1), ("refunded", -1))
"""Entries that take cash out of a pool for care elsewhere, and that which brings some back."""


def _cash_paid(moves: Moves) -> Ints:
    """Return the cash that pools pay for care elsewhere in the first year of the books, (home,)."""
    signed = [sign * moves[cause][1 : 1 + MONTHS].sum(axis=(0, 1, 3)) for cause, sign in PAID]
    return np.asarray(np.sum(signed, axis=0))


def _owed(flows: Flows) -> Ints:
    """Return what pools owe for care elsewhere in the first year of the books, (scheme, home)."""
    year = slice(MONTHS, 2 * MONTHS)
    elsewhere = flows.direct[year].sum(axis=3) + flows.claimed[year] + flows.within[year]
    return np.asarray(elsewhere.sum(axis=0))


def _yearly(run: Run, start: int, number: int) -> Ints:
    """Return the sum of some amounts of a run in its year, (kind, scheme, home)."""
    return np.asarray(run.totals[..., start : start + number].sum(axis=(0, 4, 5, 6)))


def _over(amount: Array, by: Array) -> Array:
    """Return a quotient, NaN by 0."""
    return np.asarray(amount / np.where(by > 0, by, np.nan))


def _a_year(amount: Ints) -> Ints:
    """Return the sum of the twelve months up to each, (month, …): in the first year a year at the pace of its months.

    No month hangs on a later one: before a change begins, all is as without it.

    >>> _a_year(np.array([10] * 11 + [22] + [10] * 24))[[0, 10, 11, 12]].tolist()
    [120, 120, 132, 132]
    """
    up_to = np.cumsum(amount, axis=0)
    months = np.minimum(np.arange(1, len(amount) + 1), MONTHS)
    last = up_to - np.concatenate([np.zeros_like(amount[:MONTHS]), up_to[:-MONTHS]])
    return np.asarray(last * MONTHS // months.reshape(-1, *[1] * (amount.ndim - 1)))


def _spent(flows: Flows) -> Ints:
    """Return what pools bear for care by month of care, local and elsewhere, (month, scheme, home, 1)."""
    elsewhere: Ints = flows.claimed[MONTHS:] + flows.direct[MONTHS:].sum(axis=3) + flows.within[MONTHS:]
    return (flows.local + elsewhere)[..., None]


def uses(books: Books) -> dict[str, Ints]:
    """Return what is set against the prepayment by both definitions of its use, fen, (SPAN, 1, home, host).

    cleared : noticed for clearing in the month. outstanding : paid to hospitals and not yet cleared, at its end.
    """
    noticed = by_due_month(books.flows.direct, books.terms.clearing[:, None, :, None])[MONTHS:]
    paid_out = ledger.held(books.moves)[1:] - ledger.balances(books.moves)["host"][1:]
    return {
        "cleared": noticed.sum(axis=1, keepdims=True),
        "outstanding": np.maximum(paid_out.sum(axis=1, keepdims=True), 0),
    }


def _of_home(amount: Ints) -> Ints:
    """Return an amount of each home over schemes and hosts, (month, 1, home, 1)."""
    return np.asarray(amount.sum(axis=(1, 3), keepdims=True))


def late_to_hospitals(books: Books) -> Ints:
    """Return what hospitals are owed beyond what is not yet due, at each month's end, fen, (SPAN, 1, 1, host)."""
    flow = books.flows.direct
    waiting = flow.cumsum(axis=0) - by_due_month(flow, books.terms.hospital[:, None, None, :]).cumsum(axis=0)
    owed = -ledger.balances(books.moves)["hospital"][1:] - waiting[MONTHS:]
    return np.asarray(owed.sum(axis=(1, 2), keepdims=True))


def overdue(books: Books) -> Ints:
    """Return what was noticed for clearing and is not paid at each month's end, fen, (SPAN, scheme, home, host)."""
    flow, moves = books.flows.direct, books.moves
    noticed = by_due_month(flow, books.terms.clearing[:, None, :, None])
    cleared_before = flow[:MONTHS].sum(axis=0) - moves["opening_due"][0]
    return np.asarray(np.cumsum(noticed, axis=0)[MONTHS:] - cleared_before - np.cumsum(moves["cleared"][1:], axis=0))


def _exchange(books: Books, direct: Ints) -> tuple[Array, Array]:
    """Return direct payment received as host less, and plus, that paid as home, by group: of host provinces only."""
    received, paid = direct.sum(axis=(1, 2)).T, direct.sum(axis=(1, 3))
    starts = np.flatnonzero(np.diff(books.province, prepend=-1))
    paid = np.add.reduceat(paid, starts, axis=1).T
    none = np.full((len(groups(books)) - len(books.hosts), SPAN), np.nan)
    return np.concatenate([none, received - paid]), np.concatenate([none, received + paid])
