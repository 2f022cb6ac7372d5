"""A run's money followed for three years: from its flows to the entries of the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from simlib.amounts import BILLS, VISITS
from simlib.benefits.pooling import Pooling
from simlib.errors import BadInputError
from simlib.fund import carried, ledger, openings
from simlib.fund.ledger import SPAN, YEARS, Flows, Ledger, Moves, PaymentTerms
from simlib.fund.openings import Opening, Pools
from simlib.patients import areas
from simlib.quantities import Quantity
from simlib.scenario import scenario as scenarios
from simlib.scenario.scenario import Scenario
from simlib.settlement import supervision
from simlib.settlement.channels import Channels
from simlib.simulation import kept, simulate
from simlib.simulation.simulate import Run
from simlib.simulation.solve import ParameterDraw
from simlib.terms import CLAIMED, DIRECT, FEN, MONTHS, PPM

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


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
    terms: PaymentTerms
    moves: Moves
    diverted: Ints
    least: Array


def months(books: Books) -> list[str]:
    """Return the months of the books, the month before the first, which opens them, in front."""
    return [f"{books.year - 1}-12", *(f"{books.year + m // MONTHS}-{m % MONTHS + 1:02}" for m in range(SPAN))]


def follow(parameters: ParameterDraw, before: Run, after: Run, pools: Pools | None = None) -> tuple[Books, Books]:
    """Return the books of a baseline and of a scenario in one draw, opened alike.

    pools : what the pools have; drawn, and synthetic, if not given.
    """
    runs, place = (before, after), areas.load(after.scenario.geography)
    years = _years(after.scenario)
    across, inside = zip(*(_paid(run, place) for run in runs), strict=True)
    opening = openings.opening(parameters, years[0], place, (across[0], inside[0]), pools)
    claim = round(float(parameters.values[Channels.delay_months][0]))
    terms = [_terms(run.scenario, before.scenario, place, claim) for run in runs]
    held = ledger.prepayment(_by_host(opening.earlier, place), terms[0].multiple[0][None, :, None])
    seasons, levels = carried.seasons(after.scenario, place), [carried.level(parameters, year) for year in years]
    together, levels_within = (
        carried.hosts_together(seasons),
        [carried.level_within(parameters, year) for year in years],
    )
    gone = _diverted(runs, place, seasons.holds, levels)
    least = scenarios.over_years(after.scenario, place, Ledger.reserve__least, years)[:, :, 0]
    hosts = tuple(areas.provinces().codes[p] for p in dict.fromkeys(place.province.tolist()))
    out = []
    for side, (run, away) in enumerate(zip(runs, (np.zeros_like(gone), gone), strict=True)):
        paid = _with_supervision(parameters, run.scenario, carried.over_years(seasons, levels, across[0], across[side]))
        near = _by_month(carried.over_years(together, levels_within, inside[0], inside[side]))
        at_home = _at_home(run, opening.local, place)
        away = np.minimum(away, at_home)  # nobody is spared more than all
        flows = _flows(run, place, opening, paid, near, at_home - away)
        moves = ledger.book(flows, terms[side], opening.balance, held)
        out.append(Books(years[0], place.codes, hosts, place.province, flows, terms[side], moves, away, least))
    return out[0], out[1]


def of_scenario(
    scenario: Scenario, *, seed: int = 0, draw: int = 0, people: int = simulate.PEOPLE_PER_DRAW
) -> tuple[Books, Books]:
    """Return the books of a scenario's baseline and of itself in one draw.

    A month of one route is smooth only with some million people, which take a few seconds.
    """
    both = (scenarios.reference(scenario), scenario)
    parameters, touched = kept.solved(both[0], seed, draw), simulate.touched_by(scenario)
    before, after = (simulate.live(parameters, one, touched=touched, people=people) for one in both)
    return follow(parameters, before, after)


def _paid(run: Run, place: areas.Place) -> tuple[Ints, Ints]:
    """Return direct and claimed fund payment of a run, fen, (2, kind, scheme, home, host, month).

    Across provinces, then within them, where the axis of hosts is 1 long.
    """
    paid, inside = np.moveaxis(run.paid, -1, 0), place.inside[:, :, None]
    return paid * ~inside, (paid * inside).sum(axis=4, keepdims=True)


def _with_supervision(parameters: ParameterDraw, scenario: Scenario, paid: Ints) -> Ints:
    """Return direct and claimed flows, then what of the direct ones is recovered and fined, (4, month, …).

    Supervision takes of the direct flow what it finds in each month.
    """
    rates = [simulate.found_by_supervision(parameters, scenario, scenario.year + i) for i in range(YEARS)]
    rate, flows = np.concatenate(rates, axis=-1)[:, :, None, None], _by_month(paid)
    taken = _by_month(supervision.taken(paid[DIRECT], rate)) if rate.any() else np.zeros_like(flows)
    return np.concatenate([flows, taken])


def _by_month(flows: Ints) -> Ints:
    """Return flows (…, kind, scheme, home, host, month) with kinds together, (…, month, scheme, home, host)."""
    return np.moveaxis(flows.sum(axis=-5), -1, -4)


def _at_home(run: Run, local: Ints, place: areas.Place) -> Ints:
    """Return spending on care at home under a run's policies, (SPAN, scheme, home): see `carried.ratio_at_home`.

    Later years follow the last month of the run's own.
    """
    ratio = carried.ratio_at_home(run.scenario, place, run.parameters.values, run.parameters.quantiles)
    if (ratio == 1).all():
        return local
    return np.rint(local * np.moveaxis(ratio, -1, 0)[np.minimum(np.arange(SPAN), MONTHS - 1)]).astype(np.int64)


def _diverted(runs: tuple[Run, Run], place: areas.Place, holds: Sequence[Bools], levels: Sequence[Array]) -> Ints:
    """Return what pools are spared at home as patients of a scenario go elsewhere, (SPAN, scheme, home)."""
    apart = ~place.inside[:, :, None, None]
    cases, bills = (
        [np.asarray((run.totals[..., at : at + 3] * apart).sum(axis=(0, 4, 5, 6))) for run in runs]
        for at in (VISITS, BILLS)
    )
    yearly = carried.spared(runs[1].parameters.values, (cases[0], cases[1]), bills[0])
    return carried.spared_by_month(yearly, holds, levels)


def _flows(run: Run, place: areas.Place, opening: Opening, across: Ints, inside: Ints, local: Ints) -> Flows:
    """Return what is settled in a run by month of care, last year's in front, as stressed as its scenario says.

    Parameters
    ----------
    across : direct, claimed, recovered, fined between provinces, (4, month, scheme, home, area of the host). inside :
    direct and claimed within provinces, (2, month, scheme, home, 1). local : care at home, (SPAN, scheme, home).
    """
    factor = scenarios.over_years(run.scenario, place, Ledger.flows__factor, _years(run.scenario))[:, None]
    direct, claimed, *taken = (_scaled(flow, factor) for flow in across)
    near, near_claimed = (_scaled(flow, _factor_within(run, factor, place)) for flow in inside)
    nothing = np.zeros_like(opening.direct)
    recovered, fined = (_by_host(np.concatenate([nothing, flow]), place) for flow in taken)
    by_hand = np.concatenate([opening.near[CLAIMED], near_claimed])[..., 0]
    return Flows(
        direct=_by_host(np.concatenate([opening.direct, direct]), place),
        claimed=np.concatenate([opening.claimed, claimed]).sum(axis=3) + by_hand,
        income=opening.income,
        local=local,
        recovered=recovered,
        fined=fined,
        within=np.concatenate([opening.near[DIRECT], near])[..., 0],
    )


def _years(scenario: Scenario) -> range:
    """Return the years of a scenario's books."""
    return range(scenario.year, scenario.year + YEARS)


def _scaled(flow: Ints, factor: Array) -> Ints:
    """Return a flow times a factor, to the fen."""
    return flow if (factor == 1).all() else np.rint(flow * factor).astype(np.int64)


def _factor_within(run: Run, factor: Array, place: areas.Place) -> Array:
    """Return the stress on flows within provinces, (month, 1, home, 1): of each host by what is paid there in a run."""
    paid = run.paid.sum(axis=(0, 1, 4, 5)) * place.inside
    whole = paid.sum(axis=1)
    stressed = (factor[:, 0] * paid).sum(axis=2)
    return np.asarray(np.divide(stressed, whole, out=np.ones_like(stressed), where=whole > 0)[:, None, :, None])


def _by_host(flow: Ints, place: areas.Place) -> Ints:
    """Return a flow (…, host) summed over the areas of each host province, which hold one account."""
    return np.add.reduceat(flow, _first_areas(place), axis=-1)


def _first_areas(place: areas.Place) -> npt.NDArray[np.intp]:
    """Return the first area of each province: areas of a province stand together."""
    return np.flatnonzero(np.diff(place.province, prepend=-1))


@lru_cache(maxsize=64)
def _terms(scenario: Scenario, reference: Scenario, place: areas.Place, claim: int) -> PaymentTerms:
    """Return when the money moves in a scenario; care of the year before follows the baseline's first month.

    claim : months until a claim is paid, all that a draw says of it.
    """
    years = _years(scenario)

    def home(lever: Quantity, scale: int = 1) -> Ints:
        values = scenarios.over_years(scenario, place, lever, years)[:, :, 0]
        return np.asarray(np.rint(scale * values).astype(np.int64))

    def host(lever: Quantity, scale: int = 1) -> Ints:
        values = scenarios.over_years(scenario, place, lever, years)[:, 0]
        return _of_provinces(np.rint(scale * values).astype(np.int64), lever, place)

    def dated(lag: Ints, lever: Quantity, axis: int) -> Ints:
        was = scenarios.over_years(reference, place, lever, years)[0].take(0, axis=1 - axis)
        was = was if axis == 0 else was[_first_areas(place)]
        return np.concatenate([np.repeat(was.astype(np.int64)[None], MONTHS, axis=0), lag])

    return PaymentTerms(
        multiple=home(Ledger.prepayment__months, PPM),
        clearing=dated(home(Ledger.clearing__lag), Ledger.clearing__lag, 0),
        late=dated(home(Ledger.clearing__late), Ledger.clearing__late, 0),
        hospital=dated(host(Ledger.hospital__lag), Ledger.hospital__lag, 1),
        interest=host(Ledger.interest__rate, PPM),
        claim=claim,
        review=home(Ledger.prepayment__review),
        increase=home(Ledger.prepayment__increase, PPM),
        advance=host(Ledger.hospital__advance, PPM),
        fee=home(Ledger.fees__transfer, FEN),
        shared=home(Pooling.shared, PPM),
        province=np.unique(place.province, return_inverse=True)[1],
    )


def _of_provinces(of_areas: Ints, lever: Quantity, place: areas.Place) -> Ints:
    """Return a lever of hosts, (month, area), by province, which holds one account; refuse what differs inside one."""
    out = of_areas[:, _first_areas(place)]
    if (out[:, np.unique(place.province, return_inverse=True)[1]] != of_areas).any():
        raise BadInputError(
            f"{lever.id}: differs between cities of one province, whose account is one. Name the province."
        )
    return out
