"""A run's money followed for three years: its flows carried forward, the pools' opening, and what the books say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.amounts import BILLS, FUND, VISITS
from simlib.benefits.pooling import Pooling
from simlib.errors import BadInputError
from simlib.files.facts import value
from simlib.fund import diverted, homecare, later, ledger, openings
from simlib.fund.ledger import SPAN, YEARS, Flows, Ledger, Moves, Terms, by_due_month
from simlib.fund.openings import Pools
from simlib.patients import areas, within
from simlib.quantities import Quantity
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.settlement import supervision
from simlib.settlement.channels import Channels
from simlib.simulation import simulate, solve
from simlib.simulation.simulate import Run
from simlib.simulation.solve import FIT_YEAR, World
from simlib.terms import ABANDONED, DIRECT, FEN, INPATIENT, KINDS, MONTHS, PPM, SCHEMES

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAYS = 365 / MONTHS
"""Days in a month."""


@dataclass(frozen=True, eq=False)
class Books:
    """The books of one scenario in one draw.

    Attributes
    ----------
    year : of the first month. homes, hosts : codes of the pools' areas and of the provinces that host. province : of
    each home, (home,). flows, terms, moves : see `ledger`. diverted : what the pools do not spend on care at home, as
    patients now have it elsewhere, fen, (SPAN, scheme, home). least : months payable below which a pool is short of
    reserve, the scenario's on both sides, (SPAN, home).
    """

    year: int
    homes: tuple[str, ...]
    hosts: tuple[str, ...]
    province: Ints
    flows: Flows
    terms: Terms
    moves: Moves
    diverted: Ints
    least: Array


def months(books: Books) -> list[str]:
    """Return the months of the books, the month before the first, which opens them, in front."""
    return [f"{books.year - 1}-12", *(f"{books.year + m // MONTHS}-{m % MONTHS + 1:02}" for m in range(SPAN))]


def follow(world: World, before: Run, after: Run, pools: Pools | None = None) -> tuple[Books, Books]:
    """Return the books of a reference and of a scenario in one draw, opened alike.

    pools : what the pools have; drawn, and synthetic, if not given.
    """
    of, place = after.scenario, areas.load(after.scenario.geography)
    paid, near = zip(*(_paid(run, place) for run in (before, after)), strict=True)
    opening = _opening(world, of, place, paid[0], near[0], pools)
    terms = [_terms(world, run.scenario, before.scenario, place) for run in (before, after)]
    held = ledger.prepayment(_by_host(opening.earlier, place), terms[0].multiple[0][None, :, None])
    seasons = later.seasons(of, place)
    indices = [[levels(world, of.year + i) for i in range(YEARS)] for levels in (index, _index_within)]
    spans = [
        _with_found(world, run.scenario, of.year, later.carried(seasons, indices[0], paid[0], flow))
        for run, flow in zip((before, after), paid, strict=True)
    ]
    spans_near = [_by_month(later.carried(later.of_homes(seasons), indices[1], near[0], flow)) for flow in near]
    gone = _diverted((before, after), place, seasons.holds, indices[0])
    least = scenario.over_years(of, place, Ledger.reserve__least, range(of.year, of.year + YEARS))[:, :, 0]
    hosts = tuple(areas.provinces().codes[p] for p in dict.fromkeys(place.province.tolist()))
    out = []
    for run, span, (beside, by_hand), term, away in zip(
        (before, after), spans, spans_near, terms, (np.zeros_like(gone), gone), strict=True
    ):
        factor = _factor(run.scenario, place)
        direct, claimed, *found = (_scaled(flow, factor) for flow in span)
        beside, by_hand = (_scaled(flow, _factor_within(run, factor, place)) for flow in (beside, by_hand))
        recovered, fined = (_by_host(np.concatenate([np.zeros_like(opening.direct), taken]), place) for taken in found)
        local = _locally(run, opening.local, place)
        away = np.minimum(away, local)  # nobody is spared more than all
        flows = Flows(
            np.concatenate([_by_host(opening.direct, place), _by_host(direct, place)]),
            np.concatenate([opening.claimed, claimed]).sum(axis=3) + np.concatenate([opening.near[1], by_hand])[..., 0],
            opening.income,
            local - away,
            recovered,
            fined,
            np.concatenate([opening.near[0], beside])[..., 0],
        )
        moves = ledger.book(flows, term, opening.balance, held)
        out.append(Books(of.year, place.codes, hosts, place.province, flows, term, moves, away, least))
    return out[0], out[1]


def books_of(
    of: Scenario, *, seed: int = 0, draw: int = 0, people: int = simulate.PEOPLE_PER_DRAW
) -> tuple[Books, Books]:
    """Return the books of a scenario's reference and of itself in one draw.

    A month of one pair of provinces is smooth only with some million people, which take a few seconds.
    """
    world = solve.solve(scenario.reference(of), seed, draw)
    touched = simulate.touched_by(of)
    before, after = (simulate.live(world, one, touched=touched, people=people) for one in (scenario.reference(of), of))
    return follow(world, before, after)


def _locally(run: Run, local: Ints, place: areas.Place) -> Ints:
    """Return spending on care at home under a run's policies, (SPAN, scheme, home): see `homecare`.

    Later years follow the last month of the run's own.
    """
    ratio = np.moveaxis(homecare.ratio(run.scenario, place, run.world.values, run.world.quantiles), -1, 0)
    if (ratio == 1).all():
        return local
    return np.rint(local * ratio[np.minimum(np.arange(SPAN), MONTHS - 1)]).astype(np.int64)


def _diverted(runs: tuple[Run, Run], place: areas.Place, touched: Sequence[Any], indices: list[Array]) -> Ints:
    """Return what pools are spared at home as patients of a scenario go elsewhere, (SPAN, scheme, home)."""
    apart = ~place.inside[:, :, None, None]
    cases, bills = (
        [np.asarray((run.totals[..., at : at + 3] * apart).sum(axis=(0, 4, 5, 6))) for run in runs]
        for at in (VISITS, BILLS)
    )
    yearly = diverted.spared(runs[1].world.values, (cases[0], cases[1]), bills[0])
    return diverted.by_month(yearly, touched, indices)


def _paid(run: Run, place: areas.Place) -> tuple[Ints, Ints]:
    """Return direct and claimed fund payment of a run, fen, (2, kind, scheme, home, host, month).

    Across provinces, then within them, where the axis of hosts is 1 long.
    """
    paid, inside = np.moveaxis(run.paid, -1, 0), place.inside[:, :, None]
    return paid * ~inside, (paid * inside).sum(axis=4, keepdims=True)


def _scaled(flow: Ints, factor: Array) -> Ints:
    """Return a flow times a factor, to the fen."""
    return flow if (factor == 1).all() else np.rint(flow * factor).astype(np.int64)


def _factor(of: Scenario, place: areas.Place) -> Array:
    """Return the stress on flows, (month, 1, home, host)."""
    return scenario.over_years(of, place, Ledger.flows__factor, range(of.year, of.year + YEARS))[:, None]


def _factor_within(run: Run, factor: Array, place: areas.Place) -> Array:
    """Return the stress on flows within provinces, (month, 1, home, 1): of each host by what is paid there in a run."""
    paid = run.paid.sum(axis=(0, 1, 4, 5)) * place.inside
    whole = paid.sum(axis=1)
    stressed = (factor[:, 0] * paid).sum(axis=2)
    return np.asarray(np.divide(stressed, whole, out=np.ones_like(stressed), where=whole > 0)[:, None, :, None])


def _by_host(flow: Ints, place: areas.Place) -> Ints:
    """Return a flow (…, host) summed over the areas of each host province, which hold one account."""
    starts = np.flatnonzero(np.diff(place.province, prepend=-1))
    return np.add.reduceat(flow, starts, axis=-1)


def index(world: World, year: int) -> Array:
    """Return direct fund payment of a year against 2023, (kind,).

    From 2023 on by the levels of the draw; before, as published of inpatients and of all outpatient care.
    """
    if year >= FIT_YEAR:
        cases, bills = simulate.level(world, year)
        return np.asarray(cases * bills * simulate.networked(world, year) / world.passing.networked)

    def published(kind: str, of: int) -> float:
        return value("direct_settlement", period=str(of), kind=kind, metric="fund_paid")

    kinds = ["inpatient" if k == INPATIENT else "all_outpatient" for k in range(len(KINDS))]
    return np.array([published(kind, year) / published(kind, FIT_YEAR) for kind in kinds])


def _index_within(world: World, year: int) -> Array:
    """Return payment within provinces of a year against 2023, (kind,)."""
    return within.index(year, world.values)


def _by_month(flows: Ints) -> Ints:
    """Return flows (…, kind, scheme, home, host, month) with kinds together, (…, month, scheme, home, host)."""
    return np.moveaxis(flows.sum(axis=-5), -1, -4)


def _with_found(world: World, side: Scenario, year: int, flows: Ints) -> Ints:
    """Return direct and claimed flows, then what of the direct ones is recovered and fined, (4, month, …).

    Supervision takes of the direct flow what it finds in each month.
    """
    found = [simulate.found_by_supervision(world, side, year + i) for i in range(YEARS)]
    rate, paid = np.concatenate(found, axis=-1)[:, :, None, None], _by_month(flows)
    taken = _by_month(supervision.taken(flows[DIRECT], rate)) if rate.any() else np.zeros_like(paid)
    return np.concatenate([paid, taken])


@dataclass(frozen=True, eq=False)
class _Opening:
    """What the books open with, fen.

    direct, claimed : flows of the year before, earlier : direct flows of the one before that, (12, scheme, home, host).
    near : direct and claimed flows within provinces of the year before, (2, 12, scheme, home, 1).
    income, local : (SPAN, scheme, home). balance : of the pools, (scheme, home).
    """

    direct: Ints
    claimed: Ints
    earlier: Ints
    near: Ints
    income: Ints
    local: Ints
    balance: Ints


def _opening(world: World, of: Scenario, place: areas.Place, paid: Ints, near: Ints, pools: Pools | None) -> _Opening:
    """Return the opening of a draw, the same for a reference and what is compared with it."""
    levels = [index(world, of.year - back) / index(world, of.year) for back in (1, 2)]
    level_near = _index_within(world, of.year - 1) / _index_within(world, of.year)
    past = [
        np.rint(flow * level[:, None, None, None, None]).astype(np.int64).sum(axis=1)
        for flow, level in zip((paid, paid, near), (*levels, level_near), strict=True)
    ]
    last, earlier, last_near = (np.moveaxis(flow, -1, 1) for flow in past)
    income, spending, balance = pools or openings.synthetic(world, of.year, place)
    years = np.arange(YEARS)
    grown = [(1 + float(world.values[rate][0])) ** years for rate in (Ledger.growth_income, Ledger.growth_local)]
    at_home = np.maximum(spending - (paid.sum(axis=4) + near.sum(axis=4)).sum(axis=(0, 1, 4)), 0)
    monthly = [
        np.rint(np.repeat(yearly * grown[i][:, None, None] / MONTHS, MONTHS, axis=0)).astype(np.int64)
        for i, yearly in enumerate((income, at_home))
    ]
    balance_fen = np.rint(balance).astype(np.int64)
    return _Opening(last[0], last[1], earlier[0], last_near, monthly[0], monthly[1], balance_fen)


def _terms(world: World, of: Scenario, reference: Scenario, place: areas.Place) -> Terms:
    """Return when the money moves in a scenario; care of the year before follows the reference's first month."""
    years = range(of.year, of.year + YEARS)

    def home(lever: Quantity, scale: int = 1) -> Ints:
        return np.asarray(np.rint(scale * scenario.over_years(of, place, lever, years)[:, :, 0]).astype(np.int64))

    def host(lever: Quantity, scale: int = 1) -> Ints:
        return _of_provinces(
            np.rint(scale * scenario.over_years(of, place, lever, years)[:, 0]).astype(np.int64), lever, place
        )

    def dated(lag: Ints, lever: Quantity, axis: int) -> Ints:
        was = scenario.over_years(reference, place, lever, years)[0].take(0, axis=1 - axis)
        was = was if axis == 0 else was[np.flatnonzero(np.diff(place.province, prepend=-1))]
        return np.concatenate([np.repeat(was.astype(np.int64)[None], MONTHS, axis=0), lag])

    return Terms(
        multiple=home(Ledger.prepayment__months, PPM),
        clearing=dated(home(Ledger.clearing__lag), Ledger.clearing__lag, 0),
        late=dated(home(Ledger.clearing__late), Ledger.clearing__late, 0),
        hospital=dated(host(Ledger.hospital__lag), Ledger.hospital__lag, 1),
        interest=host(Ledger.interest__rate, PPM),
        claim=round(float(world.values[Channels.delay_months][0])),
        review=home(Ledger.prepayment__review),
        increase=home(Ledger.prepayment__increase, PPM),
        advance=host(Ledger.hospital__advance, PPM),
        fee=home(Ledger.fees__transfer, FEN),
        shared=home(Pooling.shared, PPM),
        province=np.unique(place.province, return_inverse=True)[1],
    )


def _of_provinces(of_areas: Ints, lever: Quantity, place: areas.Place) -> Ints:
    """Return a lever of hosts, (month, area), by province, which holds one account; refuse what differs inside one."""
    first = np.flatnonzero(np.diff(place.province, prepend=-1))
    out = of_areas[:, first]
    if (out[:, np.unique(place.province, return_inverse=True)[1]] != of_areas).any():
        raise BadInputError(
            f"{lever.id}: differs between cities of one province, whose account is one. Name the province."
        )
    return out


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


def indicators(books: Books) -> Array:
    """Return what the books say of each month, (indicator, group, month), see `INDICATORS` and `groups`.

    Formulas
    --------
    pool_balance = cash of the pools and their prepayments; months_payable = 12 x pool_balance / spending of the year;
    pools_in_deficit = pools (area and scheme) that spend more than their income in the year; pools_short = pools left
    without cash. use_cleared = noticed for clearing in the month / prepayment; use_outstanding = paid to hospitals and
    not yet cleared / prepayment; homes_* = homes whose use over all hosts reaches Hebei's thresholds (neither
    definition of use is published; single pairs are too few people of a draw to be counted). hosts_short = hosts that
    owe hospitals more than is not yet due. overdue = noticed and not paid; receivable_days = owed to hospitals / mean
    direct payment of three months; advanced_yuan_days = owed to patients on claims x days of the month; net_flow =
    direct payment received as host less paid as home; siphon_index 虹吸指数 = net_flow / (received + paid).
    within = settled directly in other cities of the home's province, local_care = care at home: both told in
    geographies of cities. All of the above on settlement, clearing and hosts is between provinces, the pools and claims
    are of all care elsewhere.

    Amounts are summed over a group before they are divided; NaN where a group has no such amount. Pools of one purse
    (`pooling.shared` at 1) are in deficit, short or low together, and last as long.
    """
    flows, moves, balance = books.flows, books.moves, {k: b[1:] for k, b in ledger.balances(books.moves).items()}
    direct, kept, used = flows.direct[MONTHS:], ledger.held(moves)[1:], uses(books)
    reserve = balance["pool"] + kept.sum(axis=3, keepdims=True)
    income, spending = (_of_year(a) for a in (flows.income[..., None], _spent(flows)))
    recent = np.mean([flows.direct[MONTHS - back : MONTHS - back + SPAN] for back in range(3)], axis=0)
    owed, group = -balance["hospital"], _Groups(books)
    purse, cities = _Purse(books), FEN if flows.within.any() else np.nan
    payable = MONTHS * _over(group(reserve), group(spending))
    homes = slice(1 + len(SCHEMES), 1 + len(SCHEMES) + len(books.homes))
    payable[homes] = MONTHS * _over(
        *(purse(amount).sum(axis=(1, 3)).T.astype(np.float64) for amount in (reserve, spending))
    )
    net, gross = _exchange(books, direct)
    limit = books.least[:, None, :, None]
    out = {
        "pool_balance": group(reserve) / FEN,
        "months_payable": payable,
        "pools_below_limit": group(MONTHS * purse(reserve) < limit * purse(spending)),
        "pools_in_deficit": group(purse(income) < purse(spending)),
        "pools_short": group((purse(balance["pool"]) <= 0) & (spending > 0)),
        "direct": group(direct) / FEN,
        "prepayment": group(kept) / FEN,
        **{f"use_{name}": _over(group(use), group(kept)) for name, use in used.items()},
        **{
            f"homes_{colour}_{name}": group(ledger.warned(_of_home(use), _of_home(kept), level))
            for name, use in used.items()
            for colour, level in (("yellow", Ledger.use_yellow.number), ("red", Ledger.use_red.number))
        },
        "hosts_short": group(late_to_hospitals(books) > 0),
        "overdue": group(overdue(books)) / FEN,
        "hospitals_owed": group(owed) / FEN,
        "hospitals_advanced": group(balance["advance"]) / FEN,
        "receivable_days": DAYS * _over(group(owed), group(recent)),
        "advanced_yuan_days": group(-balance["patient"]) * DAYS / FEN,
        "interest": group(moves["interest"][1:]) / FEN,
        "net_flow": net / FEN,
        "siphon_index": _over(net, gross),
        "within": group(flows.within[MONTHS:, :, :, None]) / cities,
        "local_care": group(flows.local[..., None]) / cities,
    }
    return np.stack([out[name] for name in INDICATORS])


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
        parts = [amount.sum(axis=(1, 2, 3))[None].astype(np.float64)]
        for axis, size in self.size.items():
            over = tuple({1, 2, 3} - {axis})
            told = amount.shape[axis] == size
            parts.append(amount.sum(axis=over).T.astype(np.float64) if told else np.full((size, len(amount)), np.nan))
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
    owed = [
        of.flows.direct[MONTHS : 2 * MONTHS].sum(axis=(0, 3)) + _of_first(of.flows.claimed) + _of_first(of.flows.within)
        for of in books
    ]
    stress = (owed[1] - owed[0]).sum(axis=0) - (paid[1] - paid[0]).sum(axis=(0, 1))
    volume = more.sum(axis=(0, 1)) + stress
    newly = np.where(cases[0] > 0, dropped[0] * grown - dropped[1], 0).sum(axis=(0, 1))
    cash = [sum(sign * of.moves[cause][1 : 1 + MONTHS].sum(axis=(0, 1, 3)) for cause, sign in PAID) for of in books]
    change = (owed[1] - owed[0]).sum(axis=0)
    spared = sum(sign * of.diverted[:MONTHS].sum(axis=(0, 1)) for of, sign in zip(books, (1, -1), strict=True))
    parts = np.stack([newly, change - newly - volume, volume, cash[1] - cash[0] - change, spared]) / FEN
    return np.concatenate([parts.sum(axis=1, keepdims=True), parts], axis=1)


PAID = (("claim_paid", 1), ("collected", 1), ("refunded", -1))
"""Entries that take cash out of a pool for care elsewhere, and that which brings some back."""


def _of_first(flow: Ints) -> Ints:
    """Return a flow of pools in the first year of the books, (scheme, home)."""
    return np.asarray(flow[MONTHS : 2 * MONTHS].sum(axis=0))


def _yearly(run: Run, start: int, number: int) -> Ints:
    """Return the sum of some amounts of a run in its year, (kind, scheme, home)."""
    return np.asarray(run.totals[..., start : start + number].sum(axis=(0, 4, 5, 6)))


def _over(amount: Array, by: Array) -> Array:
    """Return a quotient, NaN by 0."""
    return np.asarray(amount / np.where(by > 0, by, np.nan))


def _of_year(amount: Ints) -> Ints:
    """Return the sum of each month's calendar year, (month, …)."""
    yearly = amount.reshape(YEARS, MONTHS, *amount.shape[1:]).sum(axis=1)
    return np.asarray(np.repeat(yearly, MONTHS, axis=0))


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
