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
    """Return the routes (home, host) on which so much is paid out and not cleared that the red warning is due.

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


def _debts(flows: Flows, terms: PaymentTerms) -> dict[str, tuple[Ints, Ints]]:
    """Return by account of debts what is settled, and after how many months it is due, by month of care.

    Each (MONTHS + SPAN, scheme, home, host), axes 1 long where they do not matter.
    """
    clearing = terms.clearing[:, None, :, None]
    return {
        "due": (flows.direct, clearing + terms.late[:, None, :, None]),
        "hospital": (flows.direct, terms.hospital[:, None, None, :]),
        "patient": (flows.claimed[..., None], np.full((MONTHS + SPAN, 1, 1, 1), terms.claim)),
        "neighbour": (flows.within[..., None], clearing),
    }


def _waiting(flow: Ints, lag: Ints) -> Ints:
    """Return what of last year's flow is not yet due when the books open, (scheme, home, host)."""
    last = flow[:MONTHS]
    return np.asarray((last - by_due_month(last, lag[:MONTHS])).sum(axis=0))


def taken_over(flows: Flows, terms: PaymentTerms, moves: Moves) -> dict[str, Ints]:
    """Return by kind of debt what the books take over, by the month in which it falls due, (SPAN, scheme, home, host).

    What was due already waits from the first month on.
    """
    opening = {"due": "due", "hospital": "hospital", "patient": "claims", "neighbour": "within"}
    out = {}
    for account, (flow, lag) in _debts(flows, terms).items():
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
    waiting = {account: _waiting(*debt) for account, debt in _debts(flows, terms).items()}
    due, unpaid = waiting["due"], waiting["hospital"]
    short = np.maximum((due - unpaid - held).sum(axis=(0, 1)), 0)
    return {
        "opening_balance": np.maximum(balance - held.sum(axis=2), 0)[:, :, None],
        "opening_prepayment": held,
        "opening_due": due,
        "opening_hospital": unpaid + _per_host(np.maximum(due - unpaid, 0), short),
        "opening_claims": waiting["patient"],
        "opening_within": waiting["neighbour"],
    }


class Debts(NamedTuple):
    """What falls due in a month, or is due and not yet paid, fen.

    local, claims, within : of pools for care at home, to patients, to hospitals in other cities of the province,
    (scheme, home). clearing : of homes to hosts, hospitals : of hosts to hospitals, (scheme, home, host).
    """

    local: Ints
    claims: Ints
    within: Ints
    clearing: Ints
    hospitals: Ints


class Position(NamedTuple):
    """Where the money is between two steps of a month, fen.

    pool : cash, (scheme, home). host : the host's cash by sub-ledger, held : prepayments there, target : what they are
    to be by rule, increase : by an emergency besides, (scheme, home, host). advance : what hospitals have in advance,
    ahead : what they are to have, likewise. owed : what is due and not yet paid.
    """

    pool: Ints
    host: Ints
    held: Ints
    target: Ints
    increase: Ints
    advance: Ints
    ahead: Ints
    owed: Debts


Step = tuple[Position, dict[str, Ints]]
"""Where the money is after a step of a month, and the entries of that step by cause."""


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
    moves = _settled(flows, terms)
    for cause, amount in opened(flows, terms, balance, held).items():
        moves[cause][0] = amount
    at, due = _first(flows, terms, moves), _due(flows, terms)
    for m in range(SPAN):
        income = flows.income[m] + moves["recovered"][m + 1].sum(axis=2)
        at, entries = _month(at, m, terms, income, Debts(*(fen[m] for fen in due)), flows.direct[m : m + MONTHS])
        for cause, amount in entries.items():
            moves[cause][m + 1] = amount.reshape(moves[cause].shape[1:])
    return moves


def _settled(flows: Flows, terms: PaymentTerms) -> Moves:
    """Return the entries that follow from what is settled alone, whatever the cash; of other causes nothing yet."""
    schemes, homes, hosts = flows.direct.shape[1:]
    shape = dict.fromkeys(ENTRIES, (1 + SPAN, schemes, homes, hosts))
    shape |= dict.fromkeys(POOLS, (1 + SPAN, schemes, homes, 1))
    shape |= {"interest": (1 + SPAN, 1, 1, hosts), "fee": (1 + SPAN, 1, homes, 1)}
    moves = {cause: np.zeros(shape[cause], dtype=np.int64) for cause in ENTRIES}
    moves["income"][1:, :, :, 0], moves["local_care"][1:, :, :, 0] = flows.income, flows.local
    moves["direct"][1:], moves["claim"][1:, :, :, 0] = flows.direct[MONTHS:], flows.claimed[MONTHS:]
    moves["within"][1:, :, :, 0] = flows.within[MONTHS:]
    # What was improper is found when the care is noticed for clearing, and goes back by the way it came.
    noticed = terms.clearing[:, None, :, None]
    for cause, flow in (("recovered", flows.recovered), ("fined", flows.fined)):
        moves[cause][1:] = by_due_month(flow, noticed)[MONTHS:]
    return moves


def _due(flows: Flows, terms: PaymentTerms) -> Debts:
    """Return what falls due by month of the books, (SPAN, …)."""
    due = {account: by_due_month(*debt)[MONTHS:] for account, debt in _debts(flows, terms).items()}
    return Debts(flows.local, due["patient"][..., 0], due["neighbour"][..., 0], due["due"], due["hospital"])


def _first(flows: Flows, terms: PaymentTerms, moves: Moves) -> Position:
    """Return where the money is when the books open."""
    opening = {cause: moves[cause][0] for cause in ENTRIES if cause.startswith("opening")}
    pool, held = opening["opening_balance"][:, :, 0], opening["opening_prepayment"]
    of_pool, of_pair = np.zeros_like(pool), np.zeros_like(held)
    # Hospitals that a host could not pay in time last year wait for it from the first month.
    late = opening["opening_hospital"] - _waiting(*_debts(flows, terms)["hospital"])
    return Position(
        pool=pool,
        host=held + opening["opening_hospital"] - opening["opening_due"],
        held=held,
        target=held,
        increase=of_pair,
        advance=of_pair,
        ahead=of_pair,
        owed=Debts(of_pool, of_pool, of_pool, of_pair, late),
    )


def _month(at: Position, m: int, terms: PaymentTerms, income: Ints, due: Debts, last: Ints) -> Step:
    """Return one month in the order in which the money moves.

    Parameters
    ----------
    income : of the pools, with what is recovered, (scheme, home). due : what falls due in the month. last : direct
    payment of the twelve months before, (MONTHS, scheme, home, host).
    """
    interest = half_up(np.maximum(at.host.sum(axis=(0, 1)), 0) * terms.interest[m], MONTHS * PPM)
    at = at._replace(pool=at.pool + income, owed=Debts(*(late + new for late, new in zip(at.owed, due, strict=True))))
    if m % MONTHS == 0:
        at = at._replace(ahead=half_up(last.sum(axis=0) * (terms.advance[m] // 1000), MONTHS * PPM // 1000))
    at, entries = _share(at, m, terms)
    entries["interest"] = interest
    for step in (_pay_claims, _clear, _settle_at_hosts, _return):
        at, moved = step(at, m, terms)
        entries |= moved
    passed_on = (entries["cleared"] + entries["prepaid"] + entries["increased"]).sum(axis=2)
    entries["collected"] = passed_on + entries["within_paid"]
    return _fix_prepayment(at, m, terms, last), entries


def _pending(at: Position, m: int) -> Ints:
    """Return by how much prepayments are to rise, or fall, in a month: fixed in January, moved from February on."""
    pending = at.target + at.increase - at.held
    return pending if m % MONTHS >= FEBRUARY else np.zeros_like(pending)


def _share(at: Position, m: int, terms: PaymentTerms) -> Step:
    """Let pools of one province give to those that are short of what they owe in the month, see `shift`."""
    if not terms.shared[m].any():
        return at, {}
    owed = at.owed
    between = (owed.clearing + np.maximum(_pending(at, m), 0)).sum(axis=2)
    need = owed.local + owed.claims + owed.within + between
    given, received = shift(at.pool, need, terms.shared[m], terms.province, at.host.shape[2])
    pool = at.pool + (received - given).sum(axis=2)
    return at._replace(pool=pool), {"given": given, "received": received}


def _pay_claims(at: Position, m: int, terms: PaymentTerms) -> Step:
    """Let pools pay for care at home, then patients' claims, then hospitals in other cities of their province."""
    owed = at.owed
    local = np.minimum(owed.local, at.pool)
    claims = np.minimum(owed.claims, at.pool - local)
    within = np.minimum(owed.within, at.pool - local - claims)
    left = owed._replace(local=owed.local - local, claims=owed.claims - claims, within=owed.within - within)
    entries = {"local_paid": local, "claim_paid": claims, "within_paid": within}
    return at._replace(pool=at.pool - local - claims - within, owed=left), entries


def _clear(at: Position, m: int, terms: PaymentTerms) -> Step:
    """Let homes clear what is due to hosts, then raise their prepayments there; banks take a fee a transfer."""
    cleared = _per_pool(at.owed.clearing, at.pool)
    left = at.pool - cleared.sum(axis=2)
    prepaid = _per_pool(np.maximum(_pending(at, m), 0), left)
    by_rule = np.maximum(at.target - at.held, 0)  # what is left of the rule's prepayment goes first
    increased = np.maximum(prepaid - by_rule, 0)
    moved = cleared + prepaid
    entries = {"cleared": cleared, "borne": cleared, "prepaid": prepaid - increased, "increased": increased}
    entries["fee"] = (moved.sum(axis=0) > 0).sum(axis=1) * terms.fee[m]
    return at._replace(
        pool=left - prepaid.sum(axis=2),
        host=at.host + moved,
        held=at.held + prepaid,
        owed=at.owed._replace(clearing=at.owed.clearing - cleared),
    ), entries


def _settle_at_hosts(at: Position, m: int, terms: PaymentTerms) -> Step:
    """Let hosts pay their hospitals out of all cash together, then advance to them what the rule says.

    What hospitals have in advance beyond it comes back first.
    """
    recouped = np.maximum(at.advance - at.ahead, 0)
    host = at.host + recouped
    paid = _per_host(at.owed.hospitals, host.sum(axis=(0, 1)))
    host -= paid
    advanced = _per_host(np.maximum(at.ahead - at.advance, 0), host.sum(axis=(0, 1)))
    host -= advanced
    return at._replace(
        host=host,
        advance=at.advance + advanced - recouped,
        owed=at.owed._replace(hospitals=at.owed.hospitals - paid),
    ), {"hospital_paid": paid, "advanced": advanced, "recouped": recouped}


def _return(at: Position, m: int, terms: PaymentTerms) -> Step:
    """Let hosts return what prepayments are to fall by, out of the cash that is left."""
    returned = _per_host(np.maximum(-_pending(at, m), 0), at.host.sum(axis=(0, 1)))
    refunded = returned.sum(axis=2)
    now = at._replace(host=at.host - returned, held=at.held - returned, pool=at.pool + refunded)
    return now, {"returned": returned, "refunded": refunded}


def _fix_prepayment(at: Position, m: int, terms: PaymentTerms, last: Ints) -> Position:
    """Return what prepayments are to be from the next month on.

    Fixed by rule each January and in a month of review; an emergency increase where the warning is red, see `in_red`.
    """
    anew = ((terms.review[m] > 0) | (m % MONTHS == 0))[:, None]
    target = np.where(anew, prepayment(last, terms.multiple[m][None, :, None]), at.target)
    kept = np.where(anew, 0, at.increase)
    asked = in_red(at.held, at.host) & (target + kept == at.held).all(axis=0)  # nothing is on its way already
    by = half_up(at.held * (terms.increase[m] // 1000)[:, None], PPM // 1000)
    return at._replace(target=target, increase=kept + np.where(asked, by, 0))


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
