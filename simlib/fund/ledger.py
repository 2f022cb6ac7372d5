"""The fund's money month by month, in fen: who owes whom, who pays, who runs short; double entry.

Care of one month is settled at once between patient and hospital; the host province pays the hospital out of the
pooled prepayments, and the home province clears it later. Nothing is fed back: the ledger reads flows. Months are the
grain: the days of the calendar (declared by the 20th, notices by the end of the month) are not published for all steps.
Within a month the order is income, local care, claims, clearing and prepayment, hospitals, advances to them, returns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.quantities import Params, Quantity
from simlib.terms import MONTHS, PPM

Ints = npt.NDArray[np.int64]

YEARS = 3
SPAN = YEARS * MONTHS
"""Months that are booked."""
FEBRUARY = 1


class Ledger(Params, prefix="ledger"):
    """When the fund's money moves, and what is not published about the pools.

    Levers concern no kind of care, but for the one that moves hospitals' willingness.
    """

    prepayment__months: Quantity
    prepayment__review: Quantity
    prepayment__increase: Quantity
    clearing__lag: Quantity
    clearing__late: Quantity
    hospital__lag: Quantity
    hospital__advance: Quantity
    fees__transfer: Quantity
    interest__rate: Quantity
    flows__factor: Quantity
    reserve__least: Quantity
    use_yellow: Quantity
    use_red: Quantity
    harm_most: Quantity
    growth_income: Quantity
    growth_local: Quantity
    diverted: Quantity
    diverted_bill: Quantity
    reserve_employee: Quantity
    reserve_resident: Quantity
    income_ratio: Quantity
    reserve_city: Quantity
    income_city: Quantity
    spending_per_head: Quantity


class Flows(NamedTuple):
    """What is settled, by month of care; twelve months of the year before, then `SPAN`.

    direct : fund payment settled directly between provinces, (MONTHS + SPAN, scheme, home, host). claimed : owed on
    claims by hand, (MONTHS + SPAN, scheme, home). income, local : of the pools, (SPAN, scheme, home). recovered, fined
    : of what was settled directly, what supervision takes, (MONTHS + SPAN, scheme, home, host). within : settled
    directly in other cities of the home's province, (MONTHS + SPAN, scheme, home). All in fen.
    """

    direct: Ints
    claimed: Ints
    income: Ints
    local: Ints
    recovered: Ints
    fined: Ints
    within: Ints


class PaymentTerms(NamedTuple):
    """When the money moves, by month of care as in `Flows`; whole months.

    multiple : of the prepayment, ppm, (SPAN, home). clearing, late : (MONTHS + SPAN, home). hospital : (MONTHS + SPAN,
    host). interest : ppm a year, (SPAN, host). claim : months until a claim is paid. review : 1 in the months in which
    prepayments are fixed again, (SPAN, home). increase : share, ppm, (SPAN, home). advance : to hospitals, months in
    ppm, (SPAN, host). fee : of a transfer, fen, (SPAN, home). shared : of what a pool can spare in a month, what its
    province may give to its other pools, ppm, (SPAN, home). province : of each home, (home,).
    """

    multiple: Ints
    clearing: Ints
    late: Ints
    hospital: Ints
    interest: Ints
    claim: int
    review: Ints
    increase: Ints
    advance: Ints
    fee: Ints
    shared: Ints
    province: Ints


ENTRIES: dict[str, tuple[str, str]] = {
    "opening_balance": ("pool", "equity"),
    "opening_prepayment": ("host", "equity"),
    "opening_due": ("due", "host"),
    "opening_hospital": ("host", "hospital"),
    "opening_claims": ("equity", "patient"),
    "opening_within": ("equity", "neighbour"),
    "income": ("pool", "income"),
    "local_care": ("care", "local"),
    "given": ("fund", "pool"),
    "received": ("pool", "fund"),
    "local_paid": ("local", "pool"),
    "claim": ("care", "patient"),
    "claim_paid": ("patient", "pool"),
    "within": ("care", "neighbour"),
    "direct": ("due", "hospital"),
    "collected": ("home", "pool"),
    "within_paid": ("neighbour", "home"),
    "cleared": ("host", "home"),
    "borne": ("care", "due"),
    "prepaid": ("host", "home"),
    "increased": ("host", "home"),
    "recouped": ("host", "advance"),
    "hospital_paid": ("hospital", "host"),
    "advanced": ("advance", "host"),
    "returned": ("home", "host"),
    "refunded": ("pool", "home"),
    "interest": ("own", "bank"),
    "recovered": ("pool", "earned"),
    "fined": ("penalty", "earned"),
    "fee": ("charges", "agency"),
}
"""Causes of entries in the order of a month: the account debited, which receives, and the one credited, which gives."""

ACCOUNTS: dict[str, tuple[str, ...]] = {
    "pool": ("scheme", "home"),
    "fund": ("scheme", "host"),
    "home": ("home",),
    "host": ("scheme", "home", "host"),
    "due": ("scheme", "home", "host"),
    "hospital": ("scheme", "home", "host"),
    "patient": ("scheme", "home"),
    "neighbour": ("scheme", "home"),
    "local": ("scheme", "home"),
    "advance": ("home", "host"),
    "own": ("host",),
    "penalty": ("host",),
    "earned": ("host",),
    "care": ("scheme", "home"),
    "income": ("scheme", "home"),
    "bank": ("host",),
    "charges": ("home",),
    "agency": ("home",),
    "equity": ("scheme", "home"),
}
"""Accounts and what each is kept by.

pool : cash of a pool 统筹基金. fund : a province's adjustment fund 省级调剂金, emptied as it is filled. home : the home
province's account 省级财政专户, likewise. host : the host province's account, a sub-ledger per home and scheme; may be
overdrawn for one home, never for all together 预付金调剂. due : settled, not yet cleared. hospital, patient, neighbour,
local : what is owed to hospitals for direct settlement between provinces, to patients on claims, to hospitals in other
cities of the home's province, for care at home; never above 0. advance : what hospitals have in advance. own : interest
that the host keeps. penalty : fines 行政处罚, which the authority of the host has and no fund. earned : what hospitals
earned, out of which they give back and are fined, never above 0. agency : what the home's agency pays to banks, their
charges. care, income, bank, charges, equity : the outside.
"""

Moves = dict[str, Ints]
"""Entries by cause: (1 + SPAN, scheme, home, host), axes that the cause does not have being 1 long; month 0 opens."""


def half_up(numerator: Ints, denominator: int) -> Ints:
    """Return a quotient of integers of at least 0, rounded half-up.

    >>> half_up(np.array([3, 4, 5]), 6).tolist()
    [1, 1, 1]
    """
    return (2 * numerator + denominator) // (2 * denominator)


def pro_rata(need: Ints, cash: Ints) -> Ints:
    """Return what each is paid out of too little cash: in proportion to need, to the fen; all if there is enough.

    Parameters
    ----------
    need : (row, creditor), at least 0. cash : (row,), at least 0. Fen left over by rounding go one each to the first.

    >>> pro_rata(np.array([[100, 200, 0], [1, 1, 1]]), np.array([100, 9])).tolist()
    [[34, 66, 0], [1, 1, 1]]
    """
    total = need.sum(axis=1)
    short = total > cash
    if not short.any():
        return need.copy()
    paid, asked, have = need.copy(), need[short], cash[short]
    # A little below the exact share, so that what is left over is never negative: 1e-15 of 10^13 fen is nothing.
    share = np.floor(asked * (have / total[short])[:, None] * (1 - 1e-15)).astype(np.int64)
    room = asked > share
    share += room & (np.cumsum(room, axis=1) <= (have - share.sum(axis=1))[:, None])
    paid[short] = share
    return paid


def by_due_month(flow: Ints, lag: Ints) -> Ints:
    """Return a flow by the month in which it falls due, as many months as there are; what falls later is left out.

    Parameters
    ----------
    flow : (month, …). lag : months, the same number of axes, an axis 1 long where it does not matter.

    >>> by_due_month(np.array([[5], [7], [9]]), np.array([[1], [1], [0]])).ravel().tolist()
    [0, 5, 16]
    """
    out = np.zeros_like(flow)
    for months in np.unique(lag).tolist():
        late = np.where(lag == months, flow, 0)
        out[months:] += late[: max(len(flow) - months, 0)]
    return out


def prepayment(direct: Ints, multiple: Ints) -> Ints:
    """Return the prepayment of a year, fen: multiple x monthly mean of last year's fourth quarter, half-up.

    Parameters
    ----------
    direct : of the year before, (12, …). multiple : ppm.

    Source: 医保发〔2022〕22号: twice the monthly mean of the settled amounts of the fourth quarter.

    >>> int(prepayment(np.array([0] * 9 + [300, 300, 303]), np.int64(2_000_000)))
    602
    """
    quarter = direct[9:12].sum(axis=0)
    # Thousandths of a multiple, so that no product passes 2^63.
    return half_up(quarter * (multiple // 1000), 3 * PPM // 1000)


def warned(used: Ints, held: Ints, level: float) -> npt.NDArray[np.bool_]:
    """Return where what is used of prepayments reaches a level of use, to the fen; nothing used warns nobody.

    Parameters
    ----------
    used, held : fen. level : share, `Ledger.use_yellow` or `Ledger.use_red`.

    >>> warned(np.array([899, 900, 901, 0]), np.array([1000, 1000, 1000, 0]), 0.9).tolist()
    [False, True, True, False]
    """
    return np.asarray((1000 * used >= round(1000 * level) * held) & (used > 0))


def in_red(held: Ints, host: Ints) -> npt.NDArray[np.bool_]:
    """Return the pairs (home, host) of which so much is paid out and not cleared that the red warning is due.

    Parameters
    ----------
    held, host : prepayments, and the host's cash by sub-ledger, fen, (scheme, home, host).

    >>> in_red(np.array([[[100, 100, 0]]]), np.array([[[10, 11, 0]]])).tolist()
    [[True, False, False]]
    """
    return warned((held - host).sum(axis=0), held.sum(axis=0), Ledger.use_red.number)


def _per_pool(need: Ints, cash: Ints) -> Ints:
    """Return `pro_rata` of each pool (scheme, home) over the hosts."""
    return pro_rata(need.reshape(-1, need.shape[-1]), cash.ravel()).reshape(need.shape)


def _per_host(need: Ints, cash: Ints) -> Ints:
    """Return `pro_rata` of each host over its sub-ledgers (scheme, home)."""
    return pro_rata(need.reshape(-1, need.shape[-1]).T, cash).T.reshape(need.shape)


def shift(cash: Ints, need: Ints, shared: Ints, province: Ints, provinces: int) -> tuple[Ints, Ints]:
    """Return what pools of one province give and receive so that fewer are short, fen, (scheme, home, province).

    A pool can spare the shared part of its cash beyond its need. Together they give what is lacked, or all that they
    can spare if that is less: in proportion to what each can spare, and to what each lacks.

    Parameters
    ----------
    cash, need : of the month, at least 0, (scheme, home). shared : ppm, (home,). province : of each home, (home,).
    provinces : how many there are.

    >>> cash, need = np.array([[900, 0, 50]]), np.array([[100, 300, 60]])
    >>> given, received = shift(cash, need, np.array([500_000, 500_000, 500_000]), np.array([0, 0, 1]), 2)
    >>> given[0].tolist(), received[0].tolist()
    ([[300, 0], [0, 0], [0, 0]], [[0, 0], [300, 0], [0, 0]])
    """
    member = np.arange(provinces)[:, None] == province
    spare = np.maximum(cash - need, 0) * (shared // 1000) // 1000
    lack = np.where(shared > 0, np.maximum(need - cash, 0), 0)
    spare, lack = ((amount[:, None] * member).reshape(-1, len(province)) for amount in (spare, lack))
    moved = np.minimum(spare.sum(axis=1), lack.sum(axis=1))
    given, received = (
        pro_rata(amount, moved).reshape(len(cash), -1, len(province)).swapaxes(1, 2) for amount in (spare, lack)
    )
    return given, received


def falls_due(flow: Ints, lag: Ints) -> Ints:
    """Return what of last year's flow (12, …) falls due in the months of the books, (SPAN, …).

    lag : as in `PaymentTerms`.
    """
    later = np.zeros((SPAN, *flow.shape[1:]), dtype=np.int64)
    return by_due_month(np.concatenate([flow, later]), lag)[MONTHS:]


def taken_over(flows: Flows, terms: PaymentTerms, moves: Moves) -> dict[str, Ints]:
    """Return by kind of debt what the books take over, by the month in which it falls due, (SPAN, scheme, home, host).

    What was due already waits from the first month on.
    """
    claim = np.full((MONTHS + SPAN, 1, 1, 1), terms.claim)
    clearing, late = terms.clearing[:, None, :, None], terms.late[:, None, :, None]
    last: dict[str, tuple[Ints, Ints]] = {
        "due": (flows.direct, clearing + late),
        "hospital": (flows.direct, terms.hospital[:, None, None, :]),
        "patient": (flows.claimed[..., None], claim),
        "neighbour": (flows.within[..., None], clearing),
    }
    opening = {"due": "due", "hospital": "hospital", "patient": "claims", "neighbour": "within"}
    out = {}
    for account, (flow, lag) in last.items():
        out[account] = falls_due(flow[:MONTHS], lag)
        out[account][0] += moves[f"opening_{opening[account]}"][0] - out[account].sum(axis=0)
    return out


def opened(flows: Flows, terms: PaymentTerms, balance: Ints, held: Ints) -> Moves:
    """Return the entries that open the books, month 0.

    What was settled last year and is not yet due is taken over. Where a host had paid hospitals more than it held, they
    are taken to wait for the rest.

    Parameters
    ----------
    balance : of the pools, prepayments included, fen, (scheme, home). held : prepayments at the hosts, fen, (scheme,
    home, host).
    """
    last, claims = flows.direct[:MONTHS], flows.claimed[:MONTHS]
    lag = (terms.clearing + terms.late)[:MONTHS, None, :, None]
    due = (last - by_due_month(last, lag)).sum(axis=0)  # due this year: all of last year's less what fell due in it
    unpaid = (last - by_due_month(last, terms.hospital[:MONTHS, None, None, :])).sum(axis=0)
    short = np.maximum((due - unpaid - held).sum(axis=(0, 1)), 0)
    unpaid += _per_host(np.maximum(due - unpaid, 0), short)
    claimed = (claims - by_due_month(claims, np.full((MONTHS, 1, 1), terms.claim))).sum(axis=0)
    within = (flows.within[:MONTHS] - by_due_month(flows.within[:MONTHS], terms.clearing[:MONTHS, None])).sum(axis=0)
    return {
        "opening_balance": np.maximum(balance - held.sum(axis=2), 0)[:, :, None],
        "opening_prepayment": held,
        "opening_due": due,
        "opening_hospital": unpaid,
        "opening_claims": claimed[:, :, None],
        "opening_within": within[:, :, None],
    }


def book(flows: Flows, terms: PaymentTerms, balance: Ints, held: Ints) -> Moves:
    """Return every entry of `SPAN` months, opening included: see `Moves`.

    Payments never exceed the cash there is: a pool pays local care, then claims, then hospitals in other cities of its
    province, through the province's account after the lag of clearing and without prepayment, then provinces; a host
    pays hospitals out of all prepayments together. What is not paid stays owed, and is paid as soon as there is cash.
    Before it pays, a pool that is short of what it owes in the month receives what others of its province can spare.

    Parameters
    ----------
    balance, held : see `opened`.
    """
    schemes, homes, hosts = held.shape
    shape = dict.fromkeys(ENTRIES, (1 + SPAN, schemes, homes, hosts))
    shape |= dict.fromkeys(POOLS, (1 + SPAN, schemes, homes, 1))
    shape |= {"interest": (1 + SPAN, 1, 1, hosts), "fee": (1 + SPAN, 1, homes, 1)}
    moves = {cause: np.zeros(shape[cause], dtype=np.int64) for cause in ENTRIES}
    for cause, amount in opened(flows, terms, balance, held).items():
        moves[cause][0] = amount
    moves["income"][1:, :, :, 0], moves["local_care"][1:, :, :, 0] = flows.income, flows.local
    moves["direct"][1:], moves["claim"][1:, :, :, 0] = flows.direct[MONTHS:], flows.claimed[MONTHS:]
    moves["within"][1:, :, :, 0] = flows.within[MONTHS:]
    # What was improper is found when the care is noticed for clearing, and goes back by the way it came.
    noticed = terms.clearing[:, None, :, None]
    for cause, flow in (("recovered", flows.recovered), ("fined", flows.fined)):
        moves[cause][1:] = by_due_month(flow, noticed)[MONTHS:]
    lag = (terms.clearing + terms.late)[:, None, :, None]
    clearing = by_due_month(flows.direct, lag)[MONTHS:]
    hospital = by_due_month(flows.direct, terms.hospital[:, None, None, :])[MONTHS:]
    claims = by_due_month(flows.claimed, np.full((MONTHS + SPAN, 1, 1), terms.claim))[MONTHS:]
    within = by_due_month(flows.within, terms.clearing[:, None])[MONTHS:]
    pool = moves["opening_balance"][0, :, :, 0].copy()
    host = held + moves["opening_hospital"][0] - moves["opening_due"][0]
    held = held.copy()
    late_local, late_claims, late_within = np.zeros_like(pool), np.zeros_like(pool), np.zeros_like(pool)
    late_clearing = np.zeros_like(held)
    # Hospitals that a host could not pay in time last year wait for it from the first month.
    taken = flows.direct[:MONTHS] - by_due_month(flows.direct[:MONTHS], terms.hospital[:MONTHS, None, None, :])
    late_hospital = moves["opening_hospital"][0] - taken.sum(axis=0)
    target, more, advance = held.copy(), np.zeros_like(held), np.zeros_like(held)
    for m in range(SPAN):
        last = flows.direct[m : m + MONTHS]
        pending = target + more - held if m % MONTHS >= FEBRUARY else np.zeros_like(held)
        if m % MONTHS == 0:
            ahead = half_up(last.sum(axis=0) * (terms.advance[m] // 1000), MONTHS * PPM // 1000)
        recouped = np.maximum(advance - ahead, 0)
        at = m + 1
        moves["interest"][at, 0, 0] = half_up(np.maximum(host.sum(axis=(0, 1)), 0) * terms.interest[m], MONTHS * PPM)
        pool += flows.income[m] + moves["recovered"][at].sum(axis=2)
        late_local += flows.local[m]
        late_claims += claims[m]
        late_within += within[m]
        late_clearing += clearing[m]
        late_hospital += hospital[m]
        if terms.shared[m].any():
            owed = late_local + late_claims + late_within + (late_clearing + np.maximum(pending, 0)).sum(axis=2)
            moves["given"][at], moves["received"][at] = shift(pool, owed, terms.shared[m], terms.province, hosts)
            pool += (moves["received"][at] - moves["given"][at]).sum(axis=2)
        local = np.minimum(late_local, pool)
        claim = np.minimum(late_claims, pool - local)
        near = np.minimum(late_within, pool - local - claim)
        left = pool - local - claim - near
        cleared = _per_pool(late_clearing, left)
        left -= cleared.sum(axis=2)
        prepaid = _per_pool(np.maximum(pending, 0), left)
        rest = np.maximum(target - held, 0)  # what is left of the rule's prepayment goes first
        increased = np.maximum(prepaid - rest, 0)
        host += cleared + prepaid + recouped
        paid = _per_host(late_hospital, host.sum(axis=(0, 1)))
        host -= paid
        advanced = _per_host(np.maximum(ahead - advance, 0), host.sum(axis=(0, 1)))
        host -= advanced
        advance += advanced - recouped
        returned = _per_host(np.maximum(-pending, 0), host.sum(axis=(0, 1)))
        host -= returned
        held += prepaid - returned
        pool = left - prepaid.sum(axis=2) + returned.sum(axis=2)
        late_local -= local
        late_claims -= claim
        late_within -= near
        late_clearing -= cleared
        late_hospital -= paid
        moves["local_paid"][at, :, :, 0], moves["claim_paid"][at, :, :, 0] = local, claim
        moves["within_paid"][at, :, :, 0] = near
        moves["collected"][at, :, :, 0] = (cleared + prepaid).sum(axis=2) + near
        moves["cleared"][at] = moves["borne"][at] = cleared
        moves["prepaid"][at], moves["increased"][at] = prepaid - increased, increased
        moves["hospital_paid"][at], moves["advanced"][at], moves["recouped"][at] = paid, advanced, recouped
        moves["returned"][at], moves["refunded"][at, :, :, 0] = returned, returned.sum(axis=2)
        moves["fee"][at, 0, :, 0] = ((cleared + prepaid).sum(axis=0) > 0).sum(axis=1) * terms.fee[m]
        # Fixed in one month, January or that of a review, and moved from the next on; so is an emergency increase.
        anew = ((terms.review[m] > 0) | (m % MONTHS == 0))[:, None]
        target = np.where(anew, prepayment(last, terms.multiple[m][None, :, None]), target)
        more = np.where(anew, 0, more)
        asked = in_red(held, host) & (target + more == held).all(axis=0)  # nothing is on its way already
        more += np.where(asked, half_up(held * (terms.increase[m] // 1000)[:, None], PPM // 1000), 0)
    return moves


POOLS = (
    "opening_balance",
    "opening_claims",
    "opening_within",
    "income",
    "local_care",
    "local_paid",
    "claim",
    "claim_paid",
    "within",
    "within_paid",
    "collected",
    "refunded",
)
"""Causes that concern a pool and no host."""

AXES = ("scheme", "home", "host")


def balances(moves: Moves) -> dict[str, Ints]:
    """Return the balance of every account at the end of each month: (1 + SPAN, scheme, home, host), debit positive.

    Axes that an account is not kept by are 1 long. The balances of a month sum to 0.
    """
    out: dict[str, Ints] = {}
    for cause, (debit, credit) in ENTRIES.items():
        for account, sign in ((debit, 1), (credit, -1)):
            over = tuple(i + 1 for i, axis in enumerate(AXES) if axis not in ACCOUNTS[account])
            amount = sign * moves[cause].sum(axis=over, keepdims=True)
            out[account] = out.get(account, np.int64(0)) + amount
    return {account: np.cumsum(amount, axis=0) for account, amount in out.items()}


def held(moves: Moves) -> Ints:
    """Return the prepayments at the hosts at the end of each month, (1 + SPAN, scheme, home, host)."""
    added = moves["prepaid"] + moves["increased"] - moves["returned"]
    return np.cumsum(moves["opening_prepayment"] + added, axis=0)
