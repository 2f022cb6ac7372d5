"""One parameter draw: values drawn, and the constants that make it meet the published totals of 2023.

Solved jointly, on expected values over a small fixed pilot of visits: the constants of leaving home, the level
of bills, the gates, the spread of claims. Every draw then reproduces the published direct visits and fund payment of
every kind of care; what is not published stays an uncertain parameter and widens the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit

from simlib.catalogue import baskets
from simlib.catalogue.itemlists import midyear
from simlib.files.facts import value
from simlib.patients import areas, chronic, flows, visits, volumes
from simlib.scenario.scenario import Scenario
from simlib.settlement import gates
from simlib.settlement.channels import Channels, claim_gain
from simlib.settlement.gates import Gates, Passing
from simlib.settlement.network import Network
from simlib.simulation.draws import Pin, Values, bill_scale, circumstances, patient_costs, values_of
from simlib.simulation.pilot import PILOT, Odds, Pilot, Prices, by_kind, odds, pilot_visits, price
from simlib.simulation.policies import Rules, enact
from simlib.simulation.visit import MEASURE
from simlib.terms import CHRONIC, FEN, INPATIENT, KINDS, MONTHS, OUTPATIENT, PHARMACY, SCHEMES

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIT_YEAR = 2023
HISTORY = tuple(range(2018, 2025))
"""Years by whose end the connected institutions are published."""
AHEAD = tuple(range(HISTORY[-1] + 1, HISTORY[-1] + 4))
"""Years after them, for which nothing is published."""
MOST_ATTEMPTS = 25


class Check(NamedTuple):
    """What a draw implies for 2023 that was not solved for.

    claims_counted : share m of claims by hand that the published cross-province cost counts.
    away_kept : factor on outpatient visits of residents living away, below 1 where the total has no room for them.
    bill_multiple : mean cross-province inpatient bill against the mean admission of the country.
    fund_share : of direct inpatient bills. dear : share of direct admissions with fund payments above 10, 50 and 100
    thousand yuan of 2018-19, scaled to the fund per visit of 2023. diseases : share of chronic visits, (disease,).
    direct : share of inpatients settled directly among those settled at all with the institutions connected in each of
    `HISTORY` and all else as in 2023. ahead : the same in each of `AHEAD`, if as many more are connected as
    `network.pace_ahead` says.
    """

    claims_counted: float
    away_kept: float
    bill_multiple: float
    fund_share: float
    dear: Array
    diseases: Array
    direct: Array
    ahead: Array


@dataclass(frozen=True)
class ParameterDraw:
    """One parameter draw, solved: all that is known before people are drawn.

    Attributes
    ----------
    values : each uncertain parameter's drawn value. pull, lists, quantiles : flows, catalogues and bills of this draw.
    c, stayed : constants of leaving, (kind, scheme). bill : mean bill in tier 3, yuan, (kind, scheme). diseases : of
    chronic patients.
    passing : gates of 2023. omega : exponent of the networked share, (kind,). spread : of claims, log.
    check : what the draw implies for 2023, beside published figures it was not solved for.
    expected : direct visits and fund payment of 2023 on expected values, as published, (kind, 2), visits and yuan:
    chronic care that is settled as ordinary outpatient care is counted there.
    """

    seed: int
    draw: int
    values: Values
    pull: flows.Pull
    lists: baskets.Lists
    quantiles: Array
    c: Array
    stayed: Array
    bill: Array
    diseases: chronic.Mix
    passing: Passing
    omega: Array
    spread: float
    expected: Array
    check: Check


def solve_gates(fixed: Fixed, weight: Array, gains: Array) -> Passing:
    """Return the gates that give each kind its direct rate, with choice computed and the rest split by the prior.

    The rate is that of listed cases.

    q = a P(gain > 0 | met) is computed; a is lowered where choice alone would exceed all failures; what is left
    is split over networked and filed; W0 follows from its feasible range. A few passes, because the visits that
    meet all conditions are not a random sample.
    """
    values, kind, direct_rate, exposure = fixed.values, fixed.pilot.kind, fixed.rate, fixed.exposure
    weight = weight * fixed.listed
    exposed_share = by_kind(kind, weight * exposure) / by_kind(kind, weight)
    met_weight = weight
    split = values[Gates.split]
    for _ in range(20):
        gaining = by_kind(kind, met_weight * gains) / by_kind(kind, met_weight)
        # Choice may explain nearly all failures, not all: a condition that nobody fails has no odds.
        most = 0.98 * (1 - direct_rate) / np.maximum(gaining, 1e-12)
        attention = np.minimum(values[Channels.attention][0], most)
        pairs = [
            gates.split_failures(gates.met_share(d, q), w)
            for d, q, w in zip(direct_rate, attention * gaining, split, strict=True)
        ]
        networked, filed = (np.array(column) for column in zip(*pairs, strict=True))
        mended = gates.mend_share(values[Gates.mend][0], 1 - filed, exposed_share)
        fault = (1 - filed) / ((1 - mended) * exposed_share)
        passing = Passing(networked, fault, np.full(len(KINDS), mended), attention)
        updated = weight * odds(passing, kind, fixed.listed, exposure, gains).met
        done = np.abs(updated - met_weight).max() <= 1e-12 * weight.max()
        met_weight = updated
        if done:
            break
    return passing


def solve_spread(values: Values, owed: Array, weight: Array, claim_cost: float, waiting: float) -> float:
    """Return the spread of claims that gives the drawn number of inpatient claims per abandoned case.

    mean of 1 / (1 + e^-z) = ratio / (1 + ratio), z = (ln R - ln(H + r R tau)) / spread. Where even the narrowest
    spread gives fewer claims, the narrowest is taken.
    """
    paid = owed > 0
    score = np.log(owed[paid]) - np.log(claim_cost + waiting * owed[paid])
    ratio = values[Channels.claims_per_abandoned][0]

    def excess(spread: float) -> float:
        return float((weight[paid] * expit(score / spread)).sum() / weight.sum() - ratio / (1 + ratio))

    narrow, wide = 0.01, 200.0
    if excess(narrow) <= 0:
        return narrow
    return wide if excess(wide) >= 0 else float(brentq(excess, narrow, wide, xtol=1e-10))


def published_costs() -> Array:
    """Return published cross-province cost by scheme, yuan: without pharmacies."""
    return np.array([value("national", metric="crossprov_cost", scheme=s, year="2023") * 1e8 for s in SCHEMES])


def scheme_split(direct_bills: Array, claimed_bills: Array, cases: Array) -> tuple[float, float]:
    """Return the employees' share of inpatient cases, and the share of claims by hand that the published cost counts.

    cost_s = sum over kinds but pharmacy of direct bills + m claimed bills: m from the total, held in [0, 1]; the
    employees' share from the published ratio of the schemes. Bills in yuan and cases, all (kind, scheme).
    """
    cost = published_costs()
    direct, claimed = (np.delete(bills, PHARMACY, axis=0) for bills in (direct_bills, claimed_bills))
    m = float(np.clip((cost.sum() - direct.sum()) / claimed.sum(), 0, 1))
    amount = direct + m * claimed
    inpatients, theta = cases[INPATIENT].sum(), cost[0] / cost.sum()
    per_case, other = amount[INPATIENT] / cases[INPATIENT], np.delete(amount, INPATIENT, axis=0).sum(axis=0)
    share = (theta * (inpatients * per_case[1] + other.sum()) - other[0]) / (
        inpatients * (per_case[0] + theta * (per_case[1] - per_case[0]))
    )
    return float(np.clip(share, 0.1, 0.9)), m


@dataclass(frozen=True)
class Fixed:
    """What stays the same while the constants are sought: the draw, its pilot and the rules of the fit year."""

    seed: int
    draw: int
    values: Values
    pull: flows.Pull
    lists: baskets.Lists
    quantiles: Array
    rules: Rules
    circumstances: Any
    targets: Array
    rate: Array
    diseases: chronic.Diseases
    pilot: Pilot
    first: Array
    listed: Array
    exposure: Array


class Trial(NamedTuple):
    """Constants on trial, each (kind,).

    employee : employees' share of cases. level : of bills, against the mean at home. dropped : share of cases with
    nothing reimbursed. listed : share of cases that are listed. borrowed : share of published direct visits that are
    care of another kind, see `chronic`.
    """

    employee: Array
    level: Array
    dropped: Array
    listed: Array
    borrowed: Array


class Attempt(NamedTuple):
    """What a trial comes to, and the next trial."""

    c: Array
    stayed: Array
    diseases: chronic.Mix
    passing: Passing
    spread: float
    counted: float
    expected: Array
    weight: Array
    chance: Odds
    prices: Prices
    trial: Trial


def mean_bills(level: Array) -> Array:
    """Return the mean bill in tier 3, yuan, (kind, scheme), from levels against the mean at home, (kind,)."""
    return level[:, None] * visits.home_bills()


def disease_mix(diseases: chronic.Diseases, trial: Trial) -> chronic.Mix:
    """Return the diseases of chronic patients that give the mean bill on trial."""
    employee, bill = trial.employee[CHRONIC], mean_bills(trial.level)[CHRONIC]
    return chronic.mix(diseases, float(bill @ np.array([employee, 1 - employee])))


def all_cases(direct: Array, trial: Trial, rate: Array) -> Array:
    """Return cross-province cases of 2023, settled or not, (kind, scheme).

    Direct visits of the kind itself / (share listed x direct rate of the listed).
    """
    employee = np.stack([trial.employee, 1 - trial.employee], axis=1)
    cases: Array = (direct * (1 - trial.borrowed) / (rate * trial.listed))[:, None] * employee
    return cases


def pilot_weights(fixed: Fixed, c: Array, stayed: Array, cases: Array, mix: chronic.Mix) -> tuple[Array, Ints]:
    """Return the cases each pilot visit stands for, summing to `cases` (kind, scheme), and its (kind, scheme) group."""
    p = fixed.pilot
    cell = (p.kind, p.scheme, p.purpose, p.home, p.host)
    share = p.share * np.where(p.disease < 0, 1.0, mix.visits[p.disease])
    raw = share * (flows.expect(fixed.pull, c, stayed) / np.maximum(fixed.first, 1e-300))[cell]
    group = p.kind * len(SCHEMES) + p.scheme
    return raw * (cases.ravel() / np.bincount(group, weights=raw))[group], group


def failed_claims(chance: Odds, prices: Prices, hard: Array, weight: Array) -> tuple[Array, Array]:
    """Return what a claim would pay on cases that fail a condition, fen, and the cases, (2, visit).

    Row 0: no valid filing, priced as unfiled. Row 1: filed, but a hard condition failed. hard : share meeting those.
    """
    owed = np.stack([prices.unfiled, prices.claim]).astype(float)
    return owed, weight * np.stack([chance.unfiled, (1 - hard) * (1 - chance.unfiled)])


def attempt(fixed: Fixed, trial: Trial) -> Attempt:
    """Return what a trial comes to: gates, claims and totals on expected values, and a better trial."""
    values, kind = fixed.values, fixed.pilot.kind
    cases, mix = all_cases(fixed.targets[:, 0], trial, fixed.rate), disease_mix(fixed.diseases, trial)
    c, stayed = flows.solve_leaving(fixed.pull, cases, fixed.values[flows.Flow.away_most][0])
    weight, group = pilot_weights(fixed, c, stayed, cases, mix)
    listed = by_kind(kind, weight * fixed.listed) / by_kind(kind, weight)
    weight = weight * (trial.listed / listed)[kind]  # at once: else the level of bills would chase it
    cases = cases * (trial.listed / listed)[:, None]
    scale = bill_scale(mean_bills(trial.level), fixed.lists)
    tables = fixed.rules.tables(scale, fixed.quantiles, np.zeros(1, dtype=MEASURE))
    places = len(fixed.rules.first)
    prices = price(fixed.pilot, fixed.listed, trial.dropped, mix.bill, fixed.circumstances, tables, places)
    claim_cost, waiting = patient_costs(values)
    gains = (claim_gain(prices.direct, prices.claim, claim_cost[kind], waiting) > 0).astype(float)  # type: ignore[arg-type, attr-defined]
    passing = solve_gates(fixed, weight, gains)
    unlisted, share = 1 - fixed.listed, values[chronic.Chronic.as_ordinary][0]
    settling = fixed.listed + share * unlisted
    chance = odds(passing, kind, settling, fixed.exposure, gains)
    owed, failing = failed_claims(chance, prices, passing.networked[kind] * settling, weight)
    some = slice(PILOT[INPATIENT] // 4)  # a balanced part of the inpatients, who come first: enough for one mean
    spread = solve_spread(
        values, owed[:, some].ravel(), failing[:, some].ravel(), float(claim_cost[INPATIENT]), waiting
    )
    claim_share = np.where(
        owed > 0, expit((np.log(np.maximum(owed, 1)) - np.log(claim_cost[kind] + waiting * owed)) / spread), 0
    )
    claimed = weight * chance.chosen + (failing * claim_share).sum(axis=0)
    yuan = prices.bill / FEN
    bills = [by_group(group, w * yuan) for w in (weight * chance.direct, claimed)]
    employee, counted = scheme_split(bills[0], bills[1], cases)
    direct, published = weight * chance.direct, np.where(unlisted > 0, OUTPATIENT, kind)
    expected = np.stack([by_kind(published, direct), by_kind(published, direct * prices.direct) / FEN], axis=1)
    dropped = 1 - by_kind(kind, direct + claimed) / by_kind(kind, weight)
    better = Trial(
        employee=np.array([employee, *trial.employee[1:]]),
        level=trial.level * fixed.targets[:, 1] / expected[:, 1],
        dropped=dropped,
        listed=listed,
        borrowed=by_kind(published, direct * unlisted) / fixed.targets[:, 0],
    )
    return Attempt(c, stayed, mix, passing, spread, counted, expected, weight, chance, prices, better)


def by_group(group: Ints, weight: Array) -> Array:
    """Return sums of a weight by (kind, scheme)."""
    sums = np.bincount(group, weights=weight, minlength=len(KINDS) * len(SCHEMES))
    return sums.astype(np.float64).reshape(len(KINDS), len(SCHEMES))


def check(fixed: Fixed, outcome: Attempt) -> Check:
    """Return what a solved draw implies for inpatients of 2023, from the pilot."""
    weight, chance, prices = outcome.weight, outcome.chance, outcome.prices
    inpatient = fixed.pilot.kind == INPATIENT
    cases, direct = weight * inpatient, weight * chance.direct * inpatient
    discharges = [value("national", metric="discharges", scheme=s, year="2023") for s in SCHEMES]
    scale = value("direct_settlement", period="2023", kind="inpatient", metric="fund_per_visit")
    scale = scale / value("direct_settlement", period="2019", kind="inpatient", metric="fund_per_visit")
    dear = [float(direct[prices.direct > limit * scale * FEN].sum() / direct.sum()) for limit in (1e4, 5e4, 1e5)]
    at_home = float(np.average(visits.home_bills()[INPATIENT], weights=discharges))
    return Check(
        claims_counted=outcome.counted,
        away_kept=float(outcome.stayed[OUTPATIENT, SCHEMES.index("resident")]),
        bill_multiple=float((cases * prices.bill).sum() / cases.sum() / FEN / at_home),
        fund_share=float((direct * prices.direct).sum() / (direct * prices.bill).sum()),
        dear=np.array(dear),
        diseases=outcome.diseases.visits,
        direct=np.array([settled_directly(fixed, outcome, gates.connected(year)) for year in HISTORY]),
        ahead=np.array([settled_directly(fixed, outcome, institutions) for institutions in ahead(fixed.values)]),
    )


def ahead(values: Values) -> list[Array]:
    """Return the institutions connected by the end of each of `AHEAD` in a draw, (kind,), see `network.pace_ahead`.

    >>> [int(institutions[INPATIENT]) for institutions in ahead({Network.pace_ahead: np.array([50.0])})]
    [101500, 120700, 139900]
    """
    yearly = values[Network.pace_ahead][0] * MONTHS * len(areas.provinces().codes)
    return [gates.connected(HISTORY[-1]) + yearly * (year - HISTORY[-1]) for year in AHEAD]


def settled_directly(fixed: Fixed, outcome: Attempt, institutions: Array) -> float:
    """Return direct / (direct + claimed) inpatients with so many institutions connected, all else as in 2023."""
    possible = gates.possible(fixed.values)
    exponent = gates.omega(outcome.passing.networked, possible)
    opened = gates.networked_with(institutions, exponent, possible) / outcome.passing.networked
    direct, left = fixed.rate[INPATIENT], 1 - fixed.rate[INPATIENT]
    claimed = 1 - outcome.trial.dropped[INPATIENT] / left
    direct = direct * opened[INPATIENT]
    return float(direct / (direct + (1 - direct) * claimed))


def solve(reference: Scenario, seed: int, draw: int, pin: Pin | None = None) -> ParameterDraw:
    """Return one parameter draw: parameters by `draws.values_of`, constants solved on the reference's rules of 2023.

    Solved between provinces in every geography: what a geography splits sums back to them.

    Parameters
    ----------
    reference : the scenario whose rules were in force in 2023. pin : uncertain parameters held at a value, by id.

    Raises
    ------
    BadInputError : an id in `pin` is not an uncertain parameter.
    ArithmeticError : see `converge`.
    """
    fixed, trial = prepare(reference, values_of(reference, seed, draw, pin or {}), seed, draw)
    return converge(fixed, trial)[0]


def converge(fixed: Fixed, trial: Trial) -> tuple[ParameterDraw, Trial]:
    """Return the solved draw and the trial that solved it, from which a neighbour is soon solved.

    Raises
    ------
    ArithmeticError : the constants do not meet the published totals within a thousandth (nearly all draws: a
    hundred-thousandth): a fault of the model.
    """
    for _ in range(MOST_ATTEMPTS):
        tried, outcome = trial, attempt(fixed, trial)
        trial = outcome.trial
        error = np.abs(outcome.expected / fixed.targets - 1).max()
        moved = max(np.abs(a - b).max() for a, b in zip(trial, tried, strict=True) if a is not trial.level)
        if error < 1e-5 and moved < 1e-4:
            break
    if error > 1e-3:
        raise ArithmeticError(f"draw {fixed.draw} of seed {fixed.seed} misses the published totals by {error:.2g}")
    return _solved(fixed, tried, outcome), trial


def _solved(fixed: Fixed, trial: Trial, outcome: Attempt) -> ParameterDraw:
    """Return what a solved draw is."""
    return ParameterDraw(
        seed=fixed.seed,
        draw=fixed.draw,
        values=fixed.values,
        pull=fixed.pull,
        lists=fixed.lists,
        quantiles=fixed.quantiles,
        c=outcome.c,
        stayed=outcome.stayed,
        bill=mean_bills(trial.level),
        diseases=outcome.diseases,
        passing=outcome.passing,
        omega=gates.omega(outcome.passing.networked, gates.possible(fixed.values)),
        spread=outcome.spread,
        expected=outcome.expected,
        check=check(fixed, outcome),
    )


def with_attention(fixed: Fixed, share: float) -> Fixed:
    """Return the same draw with the share of attentive patients held at a value."""
    return replace(fixed, values={**fixed.values, Channels.attention: np.array([share])})


def first_flows(values: Values) -> tuple[flows.Pull, Array, Trial]:
    """Return what draws people away, visits of 2023 (kind, scheme, purpose, home, host) before solving, and a trial.

    They differ from the solved visits by the schemes' shares of cases: by little, which where people go hardly shows.
    """
    people = areas.people(areas.provinces(), values[areas.Areas.xpcc_share][0], values[areas.Areas.employee_slope][0])
    pull = flows.pull(areas.provinces(), people, values)
    employee = [values[getattr(flows.Flow, f"employee_{kind}")][0] for kind in KINDS[1:]]
    trial = Trial(
        employee=np.array([0.4, *employee]),
        level=np.array([2.2, 1.2, 2.5, 1.2]),
        dropped=np.array([0.05, 0.1, 0.1, 0.1]),
        listed=np.array([1.0, 1.0, 0.8, 1.0]),
        borrowed=np.array([0.0, 0.005, 0.0, 0.0]),
    )
    cases = all_cases(volumes.totals(values)[:, 0], trial, gates.direct_rates(values))
    return pull, flows.expect(pull, *flows.solve_leaving(pull, cases, values[flows.Flow.away_most][0])), trial


def prepare(reference: Scenario, values: Values, seed: int, draw: int) -> tuple[Fixed, Trial]:
    """Return what stays fixed while solving, and a first trial."""
    place = areas.provinces()
    pull, first, trial = first_flows(values)
    lists = baskets.generate(place, values, seed, draw, reference.catalogues, midyear(reference.year))
    quantiles = visits.bill_quantiles(values[visits.Visits.sigma][0], values[visits.Visits.tail][0])
    rules = enact(reference.model_copy(update={"year": FIT_YEAR}), place, values, lists, quantiles)
    rate, totals, diseases = gates.direct_rates(values), volumes.totals(values), chronic.diseases(values)
    likely = disease_mix(diseases, trial).visits
    often = 0.5 * likely + 0.5 / len(likely)
    pilot = pilot_visits(first, visits.tier_shares(values[visits.Visits.tier3_share][0]), often)
    bits = rules.listed[pilot.home, pilot.host, pilot.month] >> np.maximum(pilot.disease, 0) & 1
    listed = np.where(pilot.disease < 0, 1.0, bits)
    free = rules.free[pilot.home, pilot.host, pilot.kind, pilot.month]
    exposure = np.asarray(gates.exposed(pilot.purpose, free)).astype(float)  # type: ignore[arg-type]
    known = (
        pull,
        lists,
        quantiles,
        rules,
        circumstances(values),
        totals,
        rate,
        diseases,
        pilot,
        first,
        listed,
        exposure,
    )
    return Fixed(seed, draw, values, *known), trial
