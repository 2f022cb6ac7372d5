"""One run of one scenario in one draw: the only place that knows the order of the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib import areas, flows, gates, scenario, visits
from simlib.benefits import settle, split_bill
from simlib.channels import channel, claim_gain, claims_anyway
from simlib.enacted import bill_scale, enact, patient_costs
from simlib.gates import exposed
from simlib.luck import PEOPLE, key_of, mix, uniform
from simlib.scenario import Scenario
from simlib.solve import World, solve
from simlib.terms import ABANDONED, DIRECT, INPATIENT, KINDS, MONTHS, SCHEMES, UNFILED, rule

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PEOPLE_PER_DRAW = 100_000
"""People drawn per run; half of them on the pairs that the scenario changes."""

AMOUNTS = (
    "visits_direct",
    "visits_claimed",
    "visits_abandoned",
    "bill_direct",
    "bill_claimed",
    "bill_abandoned",
    "fund_direct",
    "fund_claimed",
    "owed_abandoned",
    "benefit_gap",
    "visits_gap_zero",
    "visits_claim_pays_more",
    "first_not_networked",
    "first_not_filed",
    "first_choice",
)
"""What a run counts, weighted: visits in person-times, money in fen. `first_*` are first causes of not direct."""

VISITS, BILLS, FUND = (AMOUNTS.index(name) for name in ("visits_direct", "bill_direct", "fund_direct"))
"""Where each block of three starts: direct, claimed, abandoned; of the fund, the last is owed but not paid."""
GAP, GAP_ZERO, CLAIM_MORE = (
    AMOUNTS.index(name) for name in ("benefit_gap", "visits_gap_zero", "visits_claim_pays_more")
)
CAUSE_NETWORKED, CAUSE_FILED, CAUSE_CHOICE = (
    AMOUNTS.index(f"first_{cause}") for cause in ("not_networked", "not_filed", "choice")
)


class Cells(NamedTuple):
    """Groups of people alike in kind, scheme, purpose, home and host, one entry each.

    number of people drawn and the weight of each; code of the cell, which names their luck; first person's position
    among all people, which alternates them between the two halves.
    """

    kind: Ints
    scheme: Ints
    purpose: Ints
    home: Ints
    host: Ints
    number: Ints
    weight: Ints
    code: Ints
    first: Ints


class Draws(NamedTuple):
    """What the loop draws from: the key of its luck, distributions and shares of this draw, see `World`."""

    key: Any
    counts: Any
    season: Any
    tiers: Any
    baskets: int
    scale_fen: Any
    quantiles: Any
    networked: Any
    fault: Any
    mended: Any
    attention: Any
    hassle_fen: Any
    waiting: float
    spread: float


class Case(NamedTuple):
    """What became of one visit: channel, first cause, money in fen."""

    channel: int
    cause: int
    bill: int
    fund: int
    gap: int


@dataclass(frozen=True)
class Run:
    """One scenario in one draw.

    Attributes
    ----------
    people : people drawn. totals : `AMOUNTS`, weighted, by half of the people: (half, kind, scheme, home, host,
    month, amount), integers.
    """

    scenario: Scenario
    world: World
    people: int
    totals: Ints


@rule
def one_visit(
    key: int, k: int, s: int, p: int, h: int, t: int, m: int, attentive: bool, paid: int, draws: Any, rules: Any
) -> Case:
    """Return what becomes of one visit: bill, gates, both prices, choice.

    `paid` is what the fund has paid the person this year towards the cap, fen.
    """
    tier = visits.pick(draws.tiers, uniform(mix(key, visits.WHICH_TIER))) + 1
    basket = int(uniform(mix(key, visits.WHICH_BASKET)) * draws.baskets)
    bill = visits.bill_fen(draws.scale_fen[k, s, tier - 1, basket], draws.quantiles, uniform(mix(key, visits.HOW_DEAR)))
    networked = uniform(mix(key, visits.CONNECTED)) < draws.networked[k]
    faulty = exposed(p, rules.free[h, t, k, m]) and uniform(mix(key, visits.FILED)) < draws.fault[k]
    filed = not faulty or uniform(mix(key, visits.MENDED)) < draws.mended[k]
    # Scalars, not rows: a view of an array costs more here than pricing the bill.
    slot, cover = rules.slot[h, t, k, m], rules.cover
    at_host = split_bill(bill, cover[slot, k, basket, 0], cover[slot, k, basket, 1], cover[slot, k, basket, 2])
    at_home = split_bill(bill, cover[h, k, basket, 0], cover[h, k, basket, 1], cover[h, k, basket, 2])
    policy = rules.policy[h, s, k, p, m, tier - 1]
    direct, claim = settle(policy, at_host, paid, None), settle(policy, at_home, paid, None)
    owed = claim if filed else settle(rules.policy[h, s, k, UNFILED, m, tier - 1], at_home, paid, None)
    gain = claim_gain(direct, claim, draws.hassle_fen[k], draws.waiting)
    anyway = claims_anyway(owed, draws.hassle_fen[k], draws.waiting, draws.spread, uniform(mix(key, visits.CLAIMS)))
    way = channel(networked and filed, attentive, gain, anyway)
    cause = CAUSE_NETWORKED if not networked else CAUSE_FILED if not filed else CAUSE_CHOICE
    return Case(way, cause, bill, direct if way == DIRECT else owed, direct - claim)


@rule
def book(into: Any, case: Case, weight: int) -> None:
    """Add one case to the amounts of its cell and month."""
    into[VISITS + case.channel] += weight
    into[BILLS + case.channel] += weight * case.bill
    into[FUND + case.channel] += weight * case.fund
    into[GAP] += weight * case.gap
    if case.gap == 0:
        into[GAP_ZERO] += weight
    elif case.gap < 0:
        into[CLAIM_MORE] += weight
    if case.channel != DIRECT:
        into[case.cause] += weight


@rule
def loop(cells: Any, draws: Any, rules: Any, totals: Any) -> None:
    """Live every person's year and add it to `totals`; the only loop over visits.

    A person's visits run in order of discharge month, so that the state of the year is what a clerk would see.
    """
    months = np.empty(visits.MOST_VISITS, dtype=np.int64)
    for c in range(len(cells.number)):
        k, s, p, h, t = cells.kind[c], cells.scheme[c], cells.purpose[c], cells.home[c], cells.host[c]
        for person in range(cells.number[c]):
            key = mix(mix(draws.key, cells.code[c]), person)
            count = visits.pick(draws.counts[k], uniform(mix(key, visits.HOW_MANY))) + 1
            attentive = uniform(mix(key, visits.ATTENTIVE)) < draws.attention[k]
            for j in range(count):
                month = visits.pick(draws.season, uniform(mix(mix(key, 100 + j), visits.WHEN)))
                i = j
                while i > 0 and months[i - 1] > month:
                    months[i] = months[i - 1]
                    i -= 1
                months[i] = month
            paid = 0
            for j in range(count):
                case = one_visit(mix(key, 100 + j), k, s, p, h, t, months[j], attentive, paid, draws, rules)
                book(totals[(cells.first[c] + person) & 1, k, s, h, t, months[j]], case, cells.weight[c])
                if case.channel != ABANDONED:
                    paid += case.fund


@rule
def first_visits(cells: Any, month: int, draws: Any, rules: Any, out: Any) -> None:
    """Write the first visit of each person, in one month, to `out`: (person, field of `Case`)."""
    row = 0
    for c in range(len(cells.number)):
        k, s, p, h, t = cells.kind[c], cells.scheme[c], cells.purpose[c], cells.home[c], cells.host[c]
        for person in range(cells.number[c]):
            key = mix(mix(draws.key, cells.code[c]), person)
            attentive = uniform(mix(key, visits.ATTENTIVE)) < draws.attention[k]
            case = one_visit(mix(key, 100), k, s, p, h, t, month, attentive, 0, draws, rules)
            out[row, 0], out[row, 1], out[row, 2] = case.channel, case.cause, case.bill
            out[row, 3], out[row, 4] = case.fund, case.gap
            row += 1


def patients(world: World, of: Scenario, home: int, host: int, *, number: int = 1000, month: int = 12) -> Ints:
    """Return the first visit of about so many inpatients of one pair: (person, field of `Case`), money in fen.

    Schemes and purposes in proportion to expected visits, each person once.
    """
    expected = flows.expect(world.pull, world.c, world.stayed)[INPATIENT, :, :, home, host]
    people = np.rint(number * expected / expected.sum()).astype(np.int64).ravel()
    scheme, purpose = (axis.ravel().astype(np.int64) for axis in np.indices(expected.shape))
    same = [np.full(people.size, value, dtype=np.int64) for value in (INPATIENT, home, host, 1)]
    code = np.arange(people.size) - people.size  # below every cell of a run: luck of its own
    cells = Cells(same[0], scheme, purpose, same[1], same[2], people, same[3], code, code)
    rules = enact(scenario.compile(of, world.place), world.values, world.lists, world.quantiles)
    out = np.zeros((int(people.sum()), len(Case._fields)), dtype=np.int64)
    first_visits(cells, month - 1, draws_of(world, of.year), rules, out)
    return out


def cells_of(world: World, year: int, focus: npt.NDArray[np.bool_], size: int, whole: bool) -> Cells:
    """Return the people to draw: expected visits of the year over visits per patient, sampled cell by cell.

    `focus` marks the (kind, home, host) to look at closely; unless `whole`, only they are drawn.
    """
    expected = flows.expect(world.pull, world.c, world.stayed)
    expected = expected * flows.level(year, world.values)[:, :, None, None, None]
    per_patient = np.array([visits.mean_count(table) for table in counts(world)])
    patients = expected / per_patient[:, None, None, None, None]
    closely = np.broadcast_to(focus[:, None, None], patients.shape)
    if not whole:
        patients = np.where(closely, patients, 0.0)
    number, weight = visits.sample(patients, closely, size, world.seed, world.draw)
    used = np.flatnonzero(number)
    index = np.unravel_index(used, number.shape)
    k, s, p, h, t = (axis.astype(np.int64) for axis in index)
    number = number.ravel()[used]
    return Cells(k, s, p, h, t, number, weight.ravel()[used], used, np.cumsum(number) - number)


def counts(world: World) -> Array:
    """Return the tables of visits per patient, (kind, count)."""
    v = world.values
    means = (v[visits.Visits.mean_inpatient][0], v[visits.Visits.mean_outpatient][0])
    return np.stack([visits.count_table(float(mean), float(v[visits.Visits.dispersion][0])) for mean in means])


def draws_of(world: World, year: int) -> Draws:
    """Return what the loop draws from in a year: gates move with the connected institutions."""
    v = world.values
    hassle, waiting = patient_costs(v)
    return Draws(
        key=key_of(PEOPLE, world.seed, world.draw),
        counts=counts(world),
        season=visits.cumulative(visits.season()),
        tiers=visits.cumulative(visits.tier_shares(v[visits.Visits.tier3_share][0])),
        baskets=world.lists.basket.shape[1],
        scale_fen=bill_scale(world.bill, world.lists),
        quantiles=world.quantiles,
        networked=gates.networked_in(year, world.omega, gates.possible(v)),
        fault=world.passing.fault,
        mended=world.passing.mended,
        attention=world.passing.attention,
        hassle_fen=hassle,
        waiting=waiting,
        spread=world.spread,
    )


def live(
    world: World,
    of: Scenario,
    *,
    focus: npt.NDArray[np.bool_],
    people: int = PEOPLE_PER_DRAW,
    whole: bool = True,
    chunk: int = 1 << 20,
) -> Run:
    """Return one run of one scenario in the world of one draw.

    Parameters
    ----------
    world : what `solve.solve` returned. focus : (kind, home, host) to look at closely. people : people to draw.
    whole : whether to draw the country, not only the focus.
    chunk : cells lived through at a time; any value gives the same totals.
    """
    settings = scenario.compile(of, world.place)
    rules = enact(settings, world.values, world.lists, world.quantiles)
    cells = cells_of(world, of.year, focus, people, whole or not focus.any())
    draws = draws_of(world, of.year)
    n = len(world.place.codes)
    totals = np.zeros((2, len(KINDS), len(SCHEMES), n, n, MONTHS, len(AMOUNTS)), dtype=np.int64)
    for start in range(0, len(cells.number), chunk):
        loop(Cells(*(part[start : start + chunk] for part in cells)), draws, rules, totals)
    totals.setflags(write=False)
    return Run(of, world, int(cells.number.sum()), totals)


def run(
    of: Scenario, *, seed: int = 0, draw: int = 0, people: int = PEOPLE_PER_DRAW, pin: Mapping[str, float] | None = None
) -> Run:
    """Return one run of one scenario, its world solved on the scenario's reference.

    Parameters
    ----------
    seed, draw : name the luck; the same pair gives the same run. people : people to draw.
    pin : unknowns held at a value, by id, instead of being drawn.
    """
    place = areas.load(of.geography)
    world = solve(place, scenario.reference(of), seed, draw, pin)
    return live(world, of, focus=focus_of(of, place), people=people)


def focus_of(of: Scenario, place: areas.Place) -> npt.NDArray[np.bool_]:
    """Return the (kind, home, host) that a scenario touches in any scheme or month."""
    touched = np.asarray(scenario.compile(of, place).touched)
    return np.moveaxis(np.asarray(touched.any(axis=(2, 4))), -1, 0)
