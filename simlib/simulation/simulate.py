"""One run of one scenario in one draw: `live` is the only place that knows the order of the steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.amounts import AMOUNTS, BILLS, BY_CHOICE, FIRST, FUND, NETWORK_COST, RECOVERED, SEEN, VISITS
from simlib.benefits.layers import YEAR, begin_month, begin_year, fund
from simlib.compiled import apart
from simlib.errors import BadInputError
from simlib.patients import areas, flows, response, visits, volumes, within
from simlib.patients.areas import Areas
from simlib.patients.chronic import Chronic
from simlib.randomness import PEOPLE, key_of, mix, odds_of
from simlib.scenario import scenario as scenarios
from simlib.scenario.scenario import Scenario, reference
from simlib.settlement import gates, hospitals, network, supervision
from simlib.settlement.channels import reluctances
from simlib.simulation import kept, loop, measures, years
from simlib.simulation.draws import Pin, bill_scale, circumstances, counts, filled, patient_costs
from simlib.simulation.loop import Cells, Sums, cell_at, person_of, visit_of
from simlib.simulation.policies import Rules, enact, enact_within
from simlib.simulation.solve import ParameterDraw
from simlib.simulation.visit import Tables, one_visit
from simlib.simulation.years import LATE_FILING
from simlib.terms import CHRONIC, DIRECT, INPATIENT, KINDS, MEMBERS, MONTHS, SCHEMES, TIERS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PEOPLE_PER_DRAW = 100_000
"""People drawn per run; half of them on the pairs that the scenario changes."""
PEOPLE_AT_ONCE = 1 << 18
"""People simulated between two moments in which a run can be stopped; any number gives the same totals."""
WITHIN_PEOPLE = 4
"""Of how many people drawn across provinces one more is drawn within them, where a geography splits provinces."""


@dataclass(frozen=True)
class Run:
    """One scenario in one draw.

    Attributes
    ----------
    people : people drawn across provinces. totals : `AMOUNTS`, weighted, by half of the people and by whether the cell
    is touched in the month: (half, kind, scheme, home, host, touched, amount), integers. paid : what the fund paid on
    direct cases and on claims, fen, (kind, scheme, home, host, month, 2). Pairs of `areas.Place.inside` hold care
    within a province, which is no cross-province care: `metrics` leaves them out, `books` of the fund book them apart.
    seen : what hosts saw of cross-province care, `loop.SEEN`, by hospital tier and by member group instead of by home:
    (kind, scheme, member, touched, host, tier, amount), integers.
    """

    scenario: Scenario
    parameters: ParameterDraw
    people: int
    totals: Ints
    paid: Ints
    seen: Ints


@apart
def first_visits(cells: Cells, month: int, draw: Any, tables: Tables, places: int, out: Any) -> None:
    """Write the first inpatient visit of each person, in one month, to `out`: (person, `FIRST_VISIT`)."""
    year = np.zeros(1, dtype=YEAR)[0]
    row = 0
    for c in range(len(cells.number)):
        cell = cell_at(cells, c, draw)
        for nth in range(cells.number[c]):
            person = person_of(cell, nth, draw, tables)
            begin_year(year)
            begin_month(year, month)
            visit = visit_of(person, month, INPATIENT, 1.0, draw, places)
            case = one_visit(mix(person.key, visits.OF_VISIT), visit, year, draw, tables)
            out[row, 0], out[row, 1], out[row, 2] = case.channel, case.bill, fund(case.owed)
            out[row, 3] = case.gap
            row += 1


FIRST_VISIT = ("channel", "bill", "fund", "gap")
"""What `patients` tells of a visit, money in fen."""


def patients(
    parameters: ParameterDraw, scenario: Scenario, home: int, host: int, *, number: int = 1000, month: int = 12
) -> Ints:
    """Return the first visit of about so many inpatients of one pair: (person, `FIRST_VISIT`), money in fen.

    Schemes and purposes in proportion to expected visits, each person once, with a year not yet used.
    """
    place = areas.load(scenario.geography)
    expected = flows.among_cities(
        flows.expect(parameters.pull, parameters.c, parameters.stayed), place, parameters.values
    )
    expected = expected[INPATIENT, :, :, home, host]
    people = np.rint(number * expected / expected.sum()).astype(np.int64).ravel()
    scheme, purpose = (axis.ravel().astype(np.uint8) for axis in np.indices(expected.shape))
    uses, homes, hosts = (np.full(people.size, value, dtype=np.uint8) for value in (1 << INPATIENT, home, host))
    code = np.arange(people.size) - people.size  # below every cell of a run: luck of its own
    none = np.zeros_like(people)
    cells = Cells(uses, scheme, purpose, homes, hosts, people, none + 1, code, none, none)
    out = np.zeros((int(people.sum()), len(FIRST_VISIT)), dtype=np.int64)
    tables = tables_of(
        parameters, enact(scenario, place, parameters.values, parameters.lists, parameters.quantiles), scenario
    )
    first_visits(cells, month - 1, draw_record(parameters, scenario.year), tables, len(place.codes), out)
    return out


def cells_of(parameters: ParameterDraw, place: areas.Place, year: int, focus: Flags, size: int, whole: bool) -> Cells:
    """Return the people to draw: expected visits of the year over visits per patient, sampled cell by cell.

    `focus` marks the (kind, home, host) to look at closely; unless `whole`, only they are drawn.
    """
    expected = response.envelope(parameters.values) * cases(parameters, place, year)
    return drawn(parameters, expected, focus, size, whole)


def drawn(parameters: ParameterDraw, expected: Array, focus: Flags, size: int, whole: bool) -> Cells:
    """Return the people to draw for expected visits (kind, scheme, purpose, home, host): see `cells_of`."""
    patients = expected / visits_per_patient(parameters)[:, None, None, None, None]
    people = visits.users(patients, parameters.values[visits.Visits.both_kinds][0])
    of_use = np.stack([focus[list(kinds)].any(axis=0) for kinds in visits.USES.values()])
    closely = np.broadcast_to(of_use[:, None, None], people.shape)
    if not whole:
        people = np.where(closely, people, 0.0)
    number, weight = visits.sample(people, closely, size, parameters.seed, parameters.draw)
    used = np.flatnonzero(number)
    index = np.unravel_index(used, number.shape)
    uses, scheme, purpose, home, host = (axis.astype(np.uint8) for axis in index)
    uses = np.array(visits.KIND_BITS, dtype=np.uint8)[uses]
    number = number.ravel()[used]
    half = (np.cumsum(number) - number) & 1
    return Cells(uses, scheme, purpose, home, host, number, weight.ravel()[used], used, np.zeros_like(number), half)


def cases(parameters: ParameterDraw, place: areas.Place, year: int) -> Array:
    """Return expected visits of a year in a place, settled or not, (kind, scheme, purpose, home, host)."""
    expected = flows.expect(parameters.pull, parameters.c, parameters.stayed)
    return flows.among_cities(
        expected * level(parameters, year)[0][:, None, None, None, None], place, parameters.values
    )


def visits_per_patient(parameters: ParameterDraw) -> Array:
    """Return the mean visits of a patient with at least one, (kind,)."""
    means, diseases = [visits.mean_count(table) for table in counts(parameters.values)], parameters.diseases.patients
    chronic = float(diseases @ means[CHRONIC : CHRONIC + len(diseases)])
    return np.array([*means[:CHRONIC], chronic, *means[CHRONIC + len(diseases) :]])


def passing(parameters: ParameterDraw, year: int) -> gates.Passing:
    """Return the gates of a year: its institutions, and what made failing rarer or more frequent, see `years`."""
    networked = gates.networked_in(year, parameters.omega, gates.possible(parameters.values))
    odds = years.odds_in(year, parameters.check.years.odds[: len(years.HISTORY)], parameters.values)
    return gates.eased_passing(parameters.passing, networked, odds)


def shut(parameters: ParameterDraw, year: int) -> tuple[Array, Array, Array]:
    """Return the share of visits that is networked and coded in a year, and `gates.code_faults` of the rest."""
    now = passing(parameters, year)
    return now.networked, *gates.code_faults(now.networked, now.mended, parameters.values[gates.Gates.coded])


def room(parameters: ParameterDraw, place: areas.Place, year: int) -> Array:
    """Return the institutions not yet connected in a year, (kind, host): spread over hosts as beds are."""
    values = parameters.values
    beds = areas.people(
        areas.provinces(), *(float(values[q][0]) for q in (Areas.xpcc_share, Areas.employee_slope))
    ).beds
    left = np.maximum(gates.possible(values) - gates.connected(year), 0.0)
    return np.asarray(left[:, None] * beds[place.province] * place.share / beds.sum())


def ground(parameters: ParameterDraw, place: areas.Place, year: int) -> measures.Ground:
    """Return what measures meet in a draw and year."""
    opened, _, coded = shut(parameters, year)
    values, uncoded = parameters.values, (1 - opened) * (1 - coded)
    costs, lapsed = patient_costs(values), float(values[gates.Filing.lapsed][0])
    answer, left = hospitals.answer(values), room(parameters, place, year)
    return measures.Ground(parameters.passing.mended, uncoded, answer, costs, left, parameters.omega, lapsed)


def level(parameters: ParameterDraw, year: int) -> tuple[Array, Array]:
    """Return cases and mean bills of a year against 2023, each (kind,)."""
    inpatients = float(flows.expect(parameters.pull, parameters.c, parameters.stayed)[INPATIENT].sum())
    return volumes.level(year, parameters.values, risen(parameters, year), inpatients)


def risen(parameters: ParameterDraw, year: int) -> Array:
    """Return the direct rate of listed cases in a year against that of 2023, (kind,)."""
    now, then = (
        gates.direct_rate(passing(parameters, y), parameters.exposed, parameters.gaining, late_refused=y < LATE_FILING)
        for y in (year, years.SOLVED)
    )
    return np.asarray(now / then)


def parts(cells: Cells, most: int) -> Iterator[Cells]:
    """Yield the cells in parts of fewer than twice so many people each; all parts together are the cells."""
    pieces = -(-cells.number // most)
    index = np.repeat(np.arange(len(pieces)), pieces)
    begin = most * (np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces))
    split = Cells._make(column[index] for column in cells)
    number = np.minimum(split.number - begin, most)
    split = split._replace(number=number, start=begin, half=(split.half + begin) & 1)
    group = np.cumsum(number) // most
    for bounds in np.split(np.arange(len(index)), np.flatnonzero(np.diff(group)) + 1):
        yield Cells._make(column[bounds] for column in split)


def draw_record(parameters: ParameterDraw, year: int, *, care_at_home: bool = True) -> Any:
    """Return what the loop draws from in a year, one record of `DRAW`: gates move with the connected institutions."""
    values, (opened, not_networked, coded) = parameters.values, shut(parameters, year)
    now = passing(parameters, year)
    costs = patient_costs(values)
    fields = {
        "key": key_of(PEOPLE, parameters.seed, parameters.draw),
        "care_at_home": care_at_home,
        "diseases": visits.cumulative(parameters.diseases.patients),
        "disease_bill": parameters.diseases.bill,
        "as_ordinary": odds_of(values[Chronic.as_ordinary][0]),
        "open": odds_of(opened),
        "not_networked": odds_of(not_networked),
        "coded": odds_of(coded),
        "fault": odds_of(now.fault),
        "mended": odds_of(now.mended),
        "attention": odds_of(now.attention),
        "claim_cost_fen": costs.claim_cost_fen,
        "waiting": costs.waiting,
        "reluctance": reluctances(parameters.spread),
    }
    return filled(np.atleast_1d(circumstances(values)), fields)


def tables_of(parameters: ParameterDraw, rules: Rules, scenario: Scenario) -> Tables:
    """Return the tables that the loop reads of a scenario."""
    scale = bill_scale(parameters.bill * level(parameters, scenario.year)[1][:, None], parameters.lists)
    conditions = measures.table(rules.measures, ground(parameters, areas.load(scenario.geography), scenario.year))
    return rules.tables(scale, parameters.quantiles, conditions)


def live(
    parameters: ParameterDraw,
    scenario: Scenario,
    *,
    touched: Flags,
    people: int = PEOPLE_PER_DRAW,
    whole: bool = True,
    care_at_home: bool = True,
    rules: Rules | None = None,
    answer: response.Answer | None = None,
) -> Run:
    """Return one run of one scenario in one draw: the only place that knows what follows what.

    Parameters
    ----------
    parameters : what `kept.solved` returned. touched : cells to look at closely and to sum apart, (home, host, scheme,
    kind, month), see `touched_by`. people : people to draw. whole : whether to draw the country, care within provinces
    included, not only those pairs.
    care_at_home : whether care at home uses up part of the year before the first visit elsewhere.
    rules, answer : what `enacted_in` and `answered` returned, for who runs a scenario several times in a draw.
    """
    place = areas.load(scenario.geography)
    rules = rules or enacted_in(parameters, scenario)
    answer = answer or answered(parameters, scenario, rules)
    sums = nobody(len(place.codes), *summed_apart(touched))

    cells = cells_of(parameters, place, scenario.year, focus(touched), people, whole or not touched.any())
    draw, tables = (
        draw_record(parameters, scenario.year, care_at_home=care_at_home),
        tables_of(parameters, rules, scenario),
    )
    loop_over(cells, draw, tables, sums, answer)
    if whole and place.inside.any():
        hosts_see_nothing = sums._replace(seen=np.zeros_like(sums.seen))
        loop_over(*inside(parameters, scenario, rules, people // WITHIN_PEOPLE, care_at_home), hosts_see_nothing)

    totals, paid, seen = by_axes(sums)
    inspect(totals, paid, touched, parameters, scenario)
    connect(totals, touched, parameters, scenario)
    for of_run in (totals, paid, seen):
        of_run.setflags(write=False)
    return Run(scenario, parameters, int(cells.number.sum()), totals, paid, seen)


def by_month(parameters: ParameterDraw, scenario: Scenario, rules: Rules, *, touched: Flags, people: int) -> Ints:
    """Return the totals of a run on the touched pairs alone, each month summed apart, of visits alone: see `live`."""
    place = areas.load(scenario.geography)
    cells = cells_of(parameters, place, scenario.year, focus(touched), people, not touched.any())
    draw, tables = draw_record(parameters, scenario.year), tables_of(parameters, rules, scenario)
    sums = nobody(len(place.codes), *summed_apart(touched, by_month=True))
    loop_over(cells, draw, tables, sums, answered(parameters, scenario, rules))
    return by_axes(sums)[0]


def loop_over(cells: Cells, draw: Any, tables: Tables, sums: Sums, answer: response.Answer | None = None) -> None:
    """Add the years of all people of the cells to the sums, `PEOPLE_AT_ONCE` by `PEOPLE_AT_ONCE`."""
    for some in parts(cells, PEOPLE_AT_ONCE):
        loop.loop(some, draw, tables, sums, answer)


def by_axes(sums: Sums) -> tuple[Ints, Ints, Ints]:
    """Return what the loop added up by the axes of `Run`: totals, paid, seen."""
    by, n = (len(KINDS), len(SCHEMES)), sums.places
    totals = sums.totals.reshape(2, *by, n, n, sums.periods, -1)
    paid = sums.paid.reshape(*by, n, n, MONTHS, -1)
    return totals, paid, sums.seen.reshape(*by, len(MEMBERS), sums.periods, n, len(TIERS), -1)


def nobody(places: int, period: npt.NDArray[np.uint8], periods: int) -> Sums:
    """Return what the loop adds to, of nobody yet; period, periods : see `summed_apart`."""

    def none(rows: int, columns: int) -> Ints:
        return np.zeros((hosts * rows, columns), dtype=np.int64)

    hosts = len(KINDS) * len(SCHEMES) * places
    totals, paid = none(2 * places * periods, len(AMOUNTS)), none(places * MONTHS, 2)
    seen = none(len(MEMBERS) * periods * len(TIERS), len(SEEN))
    return Sums(totals, paid, seen, period, places, periods)


def summed_apart(touched: Flags, by_month: bool = False) -> tuple[npt.NDArray[np.uint8], int]:
    """Return to which of its sums each month of a cell goes, (home x host x scheme x kind, month), and how many.

    What is not touched and what is, or each month.

    >>> summed_apart(np.array([True, False, True])[None])[0].tolist()
    [[1, 0, 1]]
    """
    apart = np.broadcast_to(np.arange(touched.shape[-1]), touched.shape) if by_month else touched
    return apart.reshape(-1, touched.shape[-1]).astype(np.uint8), touched.shape[-1] if by_month else 2


def inspect(totals: Ints, paid: Ints, touched: Flags, parameters: ParameterDraw, scenario: Scenario) -> None:
    """Write to the totals of a run what supervision recovers and fines: see `supervision`.

    Of the touched and of the other months, each by its mean rate, months weighed by what is paid in them.
    """
    found = found_by_supervision(parameters, scenario, scenario.year)
    if found.any():
        months = np.moveaxis(touched, (3, 2), (0, 1))  # (kind, scheme, home, host, month)
        direct = paid[..., DIRECT, None] * np.stack([~months, months], axis=-1)
        taken = np.einsum("yktm,kshtmx->ykshtx", found, direct) / np.maximum(direct.sum(axis=4), 1)
        totals[..., RECOVERED : RECOVERED + 2] = np.moveaxis(
            supervision.taken(totals[..., FUND], taken[:, None]), 0, -1
        )


def connect(totals: Ints, touched: Flags, parameters: ParameterDraw, scenario: Scenario) -> None:
    """Write to the totals of a run what its year of a roll-out of the network costs: see `network`.

    Half of it in each half of the people, told by home in proportion to visits; evenly where there are none.
    """
    place = areas.load(scenario.geography)
    by = np.moveaxis(measures.rolled_out(scenario, place), 0, 1)
    cost = network.cost_fen(
        by, room(parameters, place, scenario.year), float(parameters.values[network.Network.cost][0])
    )
    apart = place.province[:, None] != place.province  # (home, host)
    for k, h, m in zip(*np.nonzero(cost), strict=True):
        now = touched[:, h, :, k, m].T.astype(np.int64)  # (scheme, home)
        at = (k, *np.indices(now.shape), h, now)
        seen = totals[:, *at, VISITS : VISITS + 3].sum(axis=-1) + 1e-9 * apart[:, h]
        told = network.told(np.full(2, cost[k, h, m] / 2), seen.reshape(2, -1))
        totals[:, *at, NETWORK_COST] += told.reshape(seen.shape)


def found_by_supervision(parameters: ParameterDraw, scenario: Scenario, year: int) -> Array:
    """Return what is recovered and fined per unit of direct fund payment, (2, kind, host, month)."""
    detected = scenarios.compile(scenario, areas.load(scenario.geography), year).values("supervision.detected")[0, :, 0]
    return supervision.rates(np.moveaxis(detected, 0, 1), parameters.values)


def answered(parameters: ParameterDraw, scenario: Scenario, rules: Rules) -> response.Answer | None:
    """Return how patients answer a scenario, None in the form without a response: see `response`.

    Raises
    ------
    BadInputError : more visits than the envelope holds.
    """
    place, form = areas.load(scenario.geography), response.form(parameters.values)
    if form == response.NONE:
        return None
    touches = treatments(scenario, place).any()
    factors = _moved(parameters, scenario, rules) if touches else response.unmoved(len(place.codes), len(SCHEMES))
    try:
        return response.answer(form, factors)
    except ValueError as beyond:
        kind, home, times = beyond.args
        what = f"{KINDS[kind]} visits of {place.names_en[home]} come to {times:.2f} times those of the baseline"
        fix = f"At most {1 + response.MARGIN:g} can be drawn: pin a smaller response, or a smaller change."
        raise BadInputError(f"{scenario.path}: {what} (response.form={form}, draw {parameters.draw}). {fix}") from None


def _moved(parameters: ParameterDraw, scenario: Scenario, rules: Rules) -> response.Factors:
    """Return visits and bills of a scenario against its reference, solved on the few people of a pilot.

    Their luck is the same in every run; nothing of theirs is kept but prices and the share that can settle directly.
    """
    values, place, form = parameters.values, areas.load(scenario.geography), response.form(parameters.values)
    pilot = replace(parameters, seed=response.PILOT_SEED, draw=0, values=response.without(values))
    root, touched = reference(scenario), touched_by(scenario)
    sides = [(root, enacted_in(parameters, root)), (scenario, rules)]
    seen = [by_month(pilot, *side, touched=touched, people=response.PILOT).sum(axis=0) for side in sides]
    expected = cases(parameters, place, scenario.year)
    if form == response.PRICE:
        costs = [measures.claim_costs(its.measures, patient_costs(values)) for _, its in sides]
        before, after = (response.borne(totals, cost) for totals, cost in zip(seen, costs, strict=True))
        bills = seen[0][..., BILLS : BILLS + 3].sum(axis=-1)
        factors = response.to_price(values, (before, after), bills, treatments(scenario, place))
    else:
        leaving = parameters.c[:, :, None] + parameters.pull.leave[place.province]
        able = [side[..., [VISITS, FIRST + BY_CHOICE]].sum(axis=(1, 3, 5)) for side in seen]
        factors = response.to_coverage(
            values, leaving, able[1] - able[0], expected.sum(axis=(1, 2, 4)), visits.season()
        )
    return response.displace(values, factors, expected[:, :, response.responding(form)].sum(axis=2))


@lru_cache(maxsize=32)
def treatments(scenario: Scenario, place: areas.Place) -> Ints:
    """Return which cells of a home a scenario treats alike, numbers by (kind, scheme, home, host, month), 0 untouched.

    Those of one kind of care, scheme and home that have the same levers, before and after.
    """
    after, before = scenarios.compile(scenario, place), scenarios.compile(reference(scenario), place)
    shape = after.touched.shape
    home, scheme, kind = (np.arange(shape[axis]).reshape(-1, *[1] * (len(shape) - 1 - axis)) for axis in (0, 2, 3))
    code = np.broadcast_to((kind * shape[2] + scheme) * shape[0] + home, shape).ravel()
    for levers in zip(before.arrays, after.arrays, strict=True):
        if not np.array_equal(*levers, equal_nan=levers[0].dtype.kind == "f"):
            for lever in levers:
                values, found = np.unique(lever, return_inverse=True)
                code = np.unique(code * len(values) + found.ravel(), return_inverse=True)[1]
    code = np.unique(np.where(after.touched.ravel(), code, -1), return_inverse=True)[1]
    return np.ascontiguousarray(np.moveaxis(code.reshape(shape), (2, 3), (1, 0)))


def inside(
    parameters: ParameterDraw, scenario: Scenario, rules: Rules, people: int, care_at_home: bool
) -> tuple[Cells, Any, Tables]:
    """Return people treated in another city of their province, what the loop draws from, and its tables.

    They take no share of the people drawn across provinces, nor of their luck. A drawn share is settled directly; all
    are filed, and nobody gains by a claim by hand, which is priced on the same catalogue.
    """
    place, values = areas.load(scenario.geography), parameters.values
    nowhere = np.zeros((len(KINDS), len(place.codes), len(place.codes)), dtype=bool)
    cells = drawn(
        parameters, within.expect(place, scenario.year, values, parameters.pull.purpose), nowhere, people, True
    )
    record = np.atleast_1d(draw_record(parameters, scenario.year, care_at_home=care_at_home))
    open_, always = odds_of(values[within.Within.direct][0]), odds_of(1.0)
    record = filled(record, {"open": open_, "not_networked": always, "coded": always, "fault": 0, "attention": 0})
    bills = within.bills(values) / float(visits.tier_shares(values[visits.Visits.tier3_share][0]) @ visits.tier_bills())
    tables = tables_of(parameters, enact_within(rules, scenario, place, values, parameters.quantiles), scenario)
    return cells, record, tables._replace(scale_fen=bill_scale(bills, parameters.lists))


def enacted_in(parameters: ParameterDraw, scenario: Scenario) -> Rules:
    """Return the rules that a scenario enacts in a draw: the same however people fail, choose or start their year."""
    return enact(scenario, areas.load(scenario.geography), parameters.values, parameters.lists, parameters.quantiles)


def run(
    scenario: Scenario, *, seed: int = 0, draw: int = 0, people: int = PEOPLE_PER_DRAW, pin: Pin | None = None
) -> Run:
    """Return one run of one scenario, its parameters solved on the scenario's reference.

    Parameters
    ----------
    seed, draw : name the luck; the same pair gives the same run. people : people to draw.
    pin : uncertain parameters held at a value, by id, instead of being drawn.
    """
    parameters = kept.solved(reference(scenario), seed, draw, pin)
    return live(parameters, scenario, touched=touched_by(scenario), people=people)


def touched_by(scenario: Scenario) -> Flags:
    """Return the cells that a scenario touches, (home, host, scheme, kind, month)."""
    return scenarios.compile(scenario, areas.load(scenario.geography)).touched


def focus(touched: Flags) -> Flags:
    """Return the (kind, home, host) that are touched in any scheme or month."""
    return np.moveaxis(np.asarray(touched.any(axis=(2, 4))), -1, 0)
