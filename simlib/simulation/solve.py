"""One parameter draw: values drawn, and the constants that make it meet the published totals of 2023.

Solved jointly, on expected values over a small fixed pilot of visits: the constants of leaving home, the level
of bills, the gates, the spread of claims. Every draw then reproduces the published direct visits and fund payment of
every kind of care; what is not published stays an uncertain parameter and widens the interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.catalogue import baskets
from simlib.catalogue.itemlists import midyear
from simlib.compiled import apart
from simlib.files.facts import value
from simlib.patients import areas, chronic, flows, visits, volumes
from simlib.scenario.scenario import Scenario
from simlib.settlement import gates
from simlib.settlement.channels import Channels
from simlib.settlement.gates import Gates, Passing
from simlib.simulation import years
from simlib.simulation.draws import Pin, Values, bill_scale, circumstances, patient_costs, values_of
from simlib.simulation.measures import Costs
from simlib.simulation.pilot import (
    Decides,
    Pilot,
    Prices,
    by_kind,
    gaining_cases,
    pilot_visits,
    price,
    settled,
    weights,
)
from simlib.simulation.policies import Rules, enact
from simlib.simulation.visit import MEASURE
from simlib.simulation.years import Years
from simlib.terms import CHRONIC, FEN, INPATIENT, KINDS, OUTPATIENT, PHARMACY, SCHEMES

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIT_YEAR = years.SOLVED
MOST_ATTEMPTS = 25
MEMORY = 3
"""Trials before the last from which the next one is mixed."""


class Check(NamedTuple):
    """What a draw implies for 2023 that was not solved for.

    away_kept : factor on outpatient visits of residents living away, below 1 where the total has no room for them.
    bill_multiple : mean cross-province inpatient bill against the mean admission of the country.
    fund_share, fund_share_outpatient : of direct bills. abandoned : share of inpatients with nothing reimbursed.
    dear : share of direct admissions with fund payments above 10, 50 and 100 thousand yuan of 2018-19, scaled to the
    fund per visit of 2023. diseases : share of chronic visits, (disease,). certified : see
    `chronic.Mix`. years : the direct rate year by year.
    """

    away_kept: float
    bill_multiple: float
    fund_share: float
    fund_share_outpatient: float
    abandoned: float
    dear: Array
    diseases: Array
    certified: float
    years: Years


@dataclass(frozen=True)
class ParameterDraw:
    """One parameter draw, solved: all that is known before people are drawn.

    Attributes
    ----------
    values : each uncertain parameter's drawn value. pull, lists, quantiles : flows, catalogues and bills of this draw.
    c, stayed : constants of leaving, (kind, scheme). bill : mean bill in tier 3, yuan, (kind, scheme). diseases : of
    chronic patients.
    passing : gates of 2023. omega : exponent of the networked share, (kind,). exposed, gaining : see
    `gates.direct_rate`, (kind,). spread : of claims, log.
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
    exposed: Array
    gaining: Array
    spread: float
    expected: Array
    check: Check


def solve_gates(values: Values, direct_rate: Array, cases: Array) -> tuple[Passing, Array]:
    """Return the gates that give each kind its direct rate, with choice computed and the rest split by the prior.

    The rate is that of listed cases. With them the share of cases that gain among those that meet all, (kind,).

    q = a P(gain > 0 | met) is computed; a is lowered where choice alone would exceed all failures; what is left
    is split over networked and filed; W0 follows from its feasible range. A few passes, because the visits that
    meet all conditions are not a random sample. cases : see `pilot.gaining_cases`.
    """
    split, weight = values[Gates.split], cases.ravel()
    kind, exposure, gain = (part.ravel() for part in np.indices(cases.shape))
    exposed_share = by_kind(kind, weight * exposure) / by_kind(kind, weight)
    met_weight = weight
    for _ in range(20):
        gaining = by_kind(kind, met_weight * gain) / by_kind(kind, met_weight)
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
        updated = weight * networked[kind] * (1 - exposure * (fault * (1 - mended))[kind])
        done = np.abs(updated - met_weight).max() <= 1e-12 * weight.max()
        met_weight = updated
        if done:
            break
    return passing, gaining


def solve_spread(values: Values, owed: Array, weight: Array, costs: Costs) -> float:
    """Return the spread of claims that gives the drawn number of inpatient claims per abandoned case.

    mean of 1 / (1 + e^-z) = ratio / (1 + ratio), z = (ln R - ln(H + r R tau)) / spread. Where even the narrowest
    spread gives fewer claims, the narrowest is taken, where the widest gives more, the widest.
    """
    paid = owed > 0
    score = np.log(owed[paid]) - np.log(costs.claim_cost_fen[INPATIENT] + costs.waiting * owed[paid])
    ratio = values[Channels.claims_per_abandoned][0]
    return _spread(score, weight[paid] / weight.sum(), ratio / (1 + ratio))


@apart
def _claims(score: Array, weight: Array, spread: float) -> float:
    """Return the share of cases that claim."""
    total = 0.0
    for i in range(len(score)):
        total += weight[i] / (1 + np.exp(-score[i] / spread))
    return total


@apart
def _spread(score: Array, weight: Array, wanted: float) -> float:
    """Return the spread at which as many claim as wanted, between 0.01 and 200 (false position, Illinois)."""
    low, high = np.log(0.01), np.log(200.0)
    more, fewer = _claims(score, weight, np.exp(low)) - wanted, _claims(score, weight, np.exp(high)) - wanted
    if more <= 0 or fewer >= 0:
        return float(np.exp(low if more <= 0 else high))
    side, middle = 0, low
    for _ in range(60):
        before, middle = middle, (low * fewer - high * more) / (fewer - more)
        excess = _claims(score, weight, np.exp(middle)) - wanted
        if abs(middle - before) < 1e-10 or excess == 0:
            break
        if excess > 0:
            low, more, fewer = middle, excess, fewer / 2 if side > 0 else fewer
        else:
            high, fewer, more = middle, excess, more / 2 if side < 0 else more
        side = 1 if excess > 0 else -1
    return float(np.exp(middle))


LEAST_CLAIMED = 0.005
"""Inpatient bills claimed by hand over those settled directly at least: direct bills alone may exceed the cost."""


def published_costs() -> Array:
    """Return published cross-province cost by scheme, yuan: without pharmacies."""
    return np.array([value("national", metric="crossprov_cost", scheme=s, year="2023") * 1e8 for s in SCHEMES])


def rate_and_split(rate: float, m: float, bills: Array, cases: Array) -> tuple[float, float]:
    """Return a better direct rate of inpatients, and the employees' share of inpatient cases.

    cost_s = sum over kinds but pharmacy of direct bills + m claimed bills. Claims go as the odds of failing:
    (1 - rate) / rate is multiplied by what inpatients' claimed bills should be over what they are. The employees' share
    follows from the published ratio of the schemes. bills : direct and claimed, yuan, (2, kind, scheme). cases :
    (kind, scheme).
    """
    cost = published_costs()
    direct, claimed = np.delete(bills, PHARMACY, axis=1)
    others = np.delete(claimed, INPATIENT, axis=0).sum()
    wanted = max((cost.sum() - direct.sum()) / m - others, LEAST_CLAIMED * direct[INPATIENT].sum())
    failing = (1 - rate) / rate * wanted / claimed[INPATIENT].sum()
    amount = direct + m * claimed
    inpatients, theta = cases[INPATIENT].sum(), cost[0] / cost.sum()
    per_case, other = amount[INPATIENT] / cases[INPATIENT], np.delete(amount, INPATIENT, axis=0).sum(axis=0)
    share = (theta * (inpatients * per_case[1] + other.sum()) - other[0]) / (
        inpatients * (per_case[0] + theta * (per_case[1] - per_case[0]))
    )
    return 1 / (1 + float(failing)), float(np.clip(share, 0.1, 0.9))


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
    diseases: chronic.Diseases
    pilot: Pilot
    first: Array
    decides: Decides
    near: Neighbour | None = None


class Neighbour(NamedTuple):
    """Prices of a trial and of the same at `LESS` of its bills, from which those of a neighbour follow."""

    level: Array
    prices: Prices
    less: Prices


class Trial(NamedTuple):
    """Constants on trial, each (kind,) but the first.

    rate : share of inpatients settled directly, (1,). employee : employees' share of cases. level : of bills, against
    the mean at home. dropped : share of cases with nothing reimbursed. listed : share of cases that are listed.
    borrowed : share of published direct visits that are care of another kind, see `chronic`.
    """

    rate: Array
    employee: Array
    level: Array
    dropped: Array
    listed: Array
    borrowed: Array


class Attempt(NamedTuple):
    """What a trial comes to.

    gaining : see `gates.direct_rate`. bills : settled directly and claimed, yuan, (2, kind, scheme). priced : what was
    tried. trial : what to try next.
    """

    c: Array
    stayed: Array
    diseases: chronic.Mix
    passing: Passing
    gaining: Array
    spread: float
    bills: Array
    expected: Array
    weight: Array
    direct: Array
    priced: Trial
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


def some_failed(fixed: Fixed, passing: Passing, prices: Prices, weight: Array) -> tuple[Array, Array]:
    """Return what a claim would pay on inpatients' cases that fail a condition, fen, and the cases, (2 x visit,).

    First those without a valid filing, priced as unfiled, then those filed that fail a hard condition. Of a balanced
    quarter of the inpatients, who come first in the pilot: enough for one mean.
    """
    some = slice(int((fixed.decides.kind == INPATIENT).sum()) // 4)
    settling = fixed.decides.settling[some]
    unfiled = fixed.decides.exposure[some] * (passing.fault * (1 - passing.mended))[INPATIENT]
    hard = passing.networked[INPATIENT] * settling
    owed = np.concatenate([prices.unfiled[some], prices.claim[some]]).astype(float)
    failing = np.concatenate([unfiled, (1 - hard) * (1 - unfiled)])
    return owed, np.tile(weight[some], 2) * failing


def attempt(fixed: Fixed, trial: Trial) -> Attempt:
    """Return what a trial comes to: gates, claims and totals on expected values, and a better trial."""
    values, decides = fixed.values, fixed.decides
    rate = gates.direct_rates(values, trial.rate[0])
    cases, mix = all_cases(fixed.targets[:, 0], trial, rate), disease_mix(fixed.diseases, trial)
    c, stayed = flows.solve_leaving(fixed.pull, cases, values[flows.Flow.away_most][0])
    ratio = (flows.expect(fixed.pull, c, stayed) / np.maximum(fixed.first, 1e-300)).ravel()
    weight = weights(decides, mix.visits, ratio, cases.ravel())
    listed = by_kind(decides.kind, weight * decides.listed) / by_kind(decides.kind, weight)  # 1 where all are
    weight = weight * (trial.listed / listed)[decides.kind]  # at once: else the level of bills would chase it
    cases = cases * (trial.listed / listed)[:, None]
    prices, costs = priced(fixed, trial), patient_costs(values)
    passing, gaining = solve_gates(values, rate, gaining_cases(decides, prices, weight, costs))
    spread = solve_spread(values, *some_failed(fixed, passing, prices, weight), costs)
    gate = passing.networked, passing.fault * (1 - passing.mended), passing.attention
    done = settled(decides, prices, gate, weight, costs, spread)
    bills = done.bills.reshape(2, len(KINDS), len(SCHEMES)) / FEN
    counted = float(values[Gates.claims_counted][0])
    inpatient_rate, employee = rate_and_split(float(trial.rate[0]), counted, bills, cases)
    expected = np.stack([done.told[0], done.told[1] / FEN], axis=1)
    better = Trial(
        rate=np.array([inpatient_rate]),
        employee=np.array([employee, *trial.employee[1:]]),
        level=trial.level * fixed.targets[:, 1] / expected[:, 1],
        dropped=1 - done.handled / cases.sum(axis=1),
        listed=listed,
        borrowed=done.told[2] / fixed.targets[:, 0],
    )
    direct = done.direct
    return Attempt(c, stayed, mix, passing, gaining, spread, bills, expected, weight, direct, trial, prices, better)


def check(fixed: Fixed, outcome: Attempt) -> Check:
    """Return what a solved draw implies for inpatients of 2023, from the pilot."""
    prices, inpatient = outcome.prices, fixed.pilot.kind == INPATIENT
    cases, direct = outcome.weight * inpatient, outcome.direct * inpatient
    discharges = [value("national", metric="discharges", scheme=s, year="2023") for s in SCHEMES]
    scale = value("direct_settlement", period="2023", kind="inpatient", metric="fund_per_visit")
    scale = scale / value("direct_settlement", period="2019", kind="inpatient", metric="fund_per_visit")
    dear = [float(direct[prices.direct > limit * scale * FEN].sum() / direct.sum()) for limit in (1e4, 5e4, 1e5)]
    at_home = float(np.average(visits.home_bills()[INPATIENT], weights=discharges))
    known = known_of(fixed, outcome)
    outside = [OUTPATIENT, CHRONIC]
    return Check(
        away_kept=float(outcome.stayed[OUTPATIENT, SCHEMES.index("resident")]),
        bill_multiple=float((cases * prices.bill).sum() / cases.sum() / FEN / at_home),
        fund_share=float(known.fund[INPATIENT] / known.direct[INPATIENT]),
        fund_share_outpatient=float(known.fund[outside].sum() / known.direct[outside].sum()),
        abandoned=float(outcome.trial.dropped[INPATIENT]),
        dear=np.array(dear),
        diseases=outcome.diseases.visits,
        certified=outcome.diseases.certified,
        years=years.tell(known, fixed.values),
    )


def known_of(fixed: Fixed, outcome: Attempt) -> years.Known:
    """Return what a solved draw knows of 2023, from which `years` reckons the others."""
    kind, weight, prices, direct = fixed.pilot.kind, outcome.weight, outcome.prices, outcome.direct
    failing = by_kind(kind, weight) - by_kind(kind, direct)
    return years.Known(
        passing=outcome.passing,
        exponent=gates.omega(outcome.passing.networked, gates.possible(fixed.values)),
        exposed=exposed_shares(fixed, weight),
        gaining=outcome.gaining,
        direct=outcome.bills[0].sum(axis=-1),
        claimed=outcome.bills[1].sum(axis=-1),
        fund=by_kind(kind, direct * prices.direct) / FEN,
        reimbursed=1 - outcome.trial.dropped * by_kind(kind, weight) / failing,
        elasticity=elasticity(fixed, outcome),
    )


def exposed_shares(fixed: Fixed, weight: Array) -> Array:
    """Return the share of listed cases that need a filing, (kind,)."""
    kind, listed = fixed.pilot.kind, weight * fixed.decides.listed
    return by_kind(kind, listed * fixed.decides.exposure) / by_kind(kind, listed)


LESS = 0.9
"""Bills that inpatients are priced at once more, against those that were solved for."""


def elasticity(fixed: Fixed, outcome: Attempt) -> float:
    """Return the elasticity of the fund's payment on a direct inpatient in the bill: ln payments over ln bills."""
    at = outcome.priced._replace(level=LESS * outcome.priced.level)
    inpatient = fixed.pilot.kind == INPATIENT
    weight = outcome.direct[inpatient]
    less, now = (float(weight @ prices.direct[inpatient]) for prices in (priced(fixed, at), outcome.prices))
    return float(np.log(less / now) / np.log(LESS))


def priced(fixed: Fixed, trial: Trial) -> Prices:
    """Return what the fund owes on each pilot visit at the bills on trial, on lines where a neighbour is known."""
    if fixed.near is not None:
        return _near(fixed.near, fixed.pilot.kind, trial.level)
    scale = bill_scale(mean_bills(trial.level), fixed.lists)
    tables = fixed.rules.tables(scale, fixed.quantiles, np.zeros(1, dtype=MEASURE))
    mix, places = disease_mix(fixed.diseases, trial), len(fixed.rules.first)
    return price(fixed.pilot, fixed.decides.listed, trial.dropped, mix.bill, fixed.circumstances, tables, places)


def _near(known: Neighbour, kind: Ints, level: Array) -> Prices:
    """Return prices at a level of bills, (kind,), on the line through the two that are known."""
    beyond = ((level / known.level - 1) / (1 - LESS))[kind]
    lines = (at + beyond * (at - less) for at, less in zip(known.prices, known.less, strict=True))
    return Prices(*(np.rint(np.maximum(line, 0)).astype(np.int64) for line in lines))


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
    drawn = unsolved(reference, values_of(reference, seed, draw, pin or {}), seed, draw)
    return converge(*prepare(reference, drawn))[0]


def over_attention(fixed: Fixed, trial: Trial, shares: Sequence[float]) -> list[ParameterDraw]:
    """Return a draw solved again with the share of attentive patients held at each of some values.

    trial : what solved the draw. Bills move by a few percent only, so that visits are priced twice for all shares:
    there and at `LESS` of those bills. On lines through both, the direct rate of a draw is met within 0.05 points, of
    many draws within 0.01.
    """
    prices, less = (priced(fixed, trial._replace(level=by * trial.level)) for by in (1, LESS))
    found, near = [], replace(fixed, near=Neighbour(trial.level, prices, less))
    for share in shares:
        solved, trial = converge(replace(near, values=with_attention(near.values, share)), trial, exact=3e-5)
        found.append(solved)
    return found


def converge(fixed: Fixed, trial: Trial, exact: float = 1e-5) -> tuple[ParameterDraw, Trial]:
    """Return the solved draw and the trial that solved it, from which a neighbour is soon solved.

    exact : how far published totals may be missed; other constants move by ten times as much at most.

    Raises
    ------
    ArithmeticError : the constants do not meet the published totals within a thousandth (nearly all draws: a
    hundred-thousandth): a fault of the model.
    """
    steps: list[tuple[Array, Array]] = []
    for _ in range(MOST_ATTEMPTS):
        tried, outcome = trial, attempt(fixed, trial)
        better = outcome.trial
        error = np.abs(outcome.expected / fixed.targets - 1).max()
        moved = max(np.abs(a - b).max() for a, b in zip(better, tried, strict=True) if a is not better.level)
        if error < exact and moved < 10 * exact:
            break
        steps = [*steps[-MEMORY:], (_flat(tried), _flat(better))]
        trial = accelerated(steps, better)
    if error > 1e-3:
        raise ArithmeticError(f"draw {fixed.draw} of seed {fixed.seed} misses the published totals by {error:.2g}")
    return _solved(fixed, tried, outcome), better


def accelerated(steps: Sequence[tuple[Array, Array]], better: Trial) -> Trial:
    """Return what to try next, from some last trials and what they came to: Anderson's mixing.

    The mix of last steps whose errors, if all were linear, would cancel best (Walker and Ni 2011, SIAM J. Numer. Anal.
    49:1715); the last outcome itself where that mix is no trial.
    """
    errors = [after - before for before, after in steps]
    if len(steps) < 2:
        return better
    differences = np.stack([errors[-1] - error for error in errors[:-1]], axis=1)
    moves = np.stack([steps[-1][1] - after for _, after in steps[:-1]], axis=1)
    mixed = steps[-1][1] - moves @ np.linalg.lstsq(differences, errors[-1], rcond=1e-8)[0]
    parts = np.split(mixed, np.cumsum([part.size for part in better])[:-1])
    trial = Trial(*parts)._replace(level=np.exp(parts[Trial._fields.index("level")]))
    shares = np.concatenate(trial._replace(level=trial.rate))
    return trial if ((shares >= 0) & (shares <= 1)).all() and (trial.rate < 1).all() else better


def _flat(trial: Trial) -> Array:
    """Return the constants on trial in one row, levels by their logarithm."""
    return np.concatenate(trial._replace(level=np.log(trial.level)))


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
        exposed=exposed_shares(fixed, outcome.weight),
        gaining=outcome.gaining,
        spread=outcome.spread,
        expected=outcome.expected,
        check=check(fixed, outcome),
    )


def with_attention(values: Values, share: float) -> Values:
    """Return the values of the same draw with the share of attentive patients held at one."""
    return {**values, Channels.attention: np.array([share])}


def unsolved(reference: Scenario, values: Values, seed: int, draw: int) -> dict[str, Any]:
    """Return the fields of a `ParameterDraw` that are known before it is solved."""
    on = midyear(reference.year)
    return {
        "seed": seed,
        "draw": draw,
        "values": values,
        "pull": pull_of(values),
        "lists": baskets.generate(areas.provinces(), values, seed, draw, reference.catalogues, on),
        "quantiles": visits.bill_quantiles(values[visits.Visits.sigma][0], values[visits.Visits.tail][0]),
    }


def pull_of(values: Values) -> flows.Pull:
    """Return what draws people away."""
    people = areas.people(areas.provinces(), values[areas.Areas.xpcc_share][0], values[areas.Areas.employee_slope][0])
    return flows.pull(areas.provinces(), people, values)


def first_flows(values: Values, pull: flows.Pull) -> tuple[Array, Trial]:
    """Return visits of 2023 (kind, scheme, purpose, home, host) before solving, and a trial.

    They differ from the solved visits by the schemes' shares of cases: by little, which where people go hardly shows.
    """
    employee = [values[getattr(flows.Flow, f"employee_{kind}")][0] for kind in KINDS[1:]]
    trial = Trial(
        rate=np.array([0.88]),
        employee=np.array([0.3, *employee]),
        level=np.array([2.4, 1.35, 2.3, 1.9]),
        dropped=np.array([0.01, 0.05, 0.08, 0.1]),
        listed=np.array([1.0, 1.0, 0.8, 1.0]),
        borrowed=np.array([0.0, 0.002, 0.0, 0.0]),
    )
    cases = all_cases(volumes.totals(values)[:, 0], trial, gates.direct_rates(values, trial.rate[0]))
    return flows.expect(pull, *flows.solve_leaving(pull, cases, values[flows.Flow.away_most][0])), trial


def prepare(reference: Scenario, drawn: Mapping[str, Any]) -> tuple[Fixed, Trial]:
    """Return what stays fixed while solving, and a first trial; drawn : see `unsolved`."""
    place, values = areas.provinces(), drawn["values"]
    first, trial = first_flows(values, drawn["pull"])
    root = reference.model_copy(update={"year": FIT_YEAR})
    rules = enact(root, place, values, drawn["lists"], drawn["quantiles"])
    totals, diseases = volumes.totals(values), chronic.diseases(values)
    likely = disease_mix(diseases, trial).visits
    often = 0.5 * likely + 0.5 / len(likely)
    pilot = pilot_visits(first, visits.tier_shares(values[visits.Visits.tier3_share][0]), often)
    rung = np.arange(len(pilot.kind)) % chronic.RUNGS
    bits = rules.ladder[rules.listed[pilot.home, pilot.host, pilot.month], rung] >> np.maximum(pilot.disease, 0) & 1
    listed = np.where(pilot.disease < 0, 1.0, bits)
    free = rules.free[pilot.home, pilot.host, pilot.kind, pilot.month]
    decides = Decides(
        kind=pilot.kind,
        disease=pilot.disease,
        share=pilot.share,
        cell=np.ravel_multi_index((pilot.kind, pilot.scheme, pilot.purpose, pilot.home, pilot.host), first.shape),
        group=pilot.kind * len(SCHEMES) + pilot.scheme,
        listed=listed,
        settling=listed + values[chronic.Chronic.as_ordinary][0] * (1 - listed),
        exposure=np.asarray(gates.exposed(pilot.purpose, free)).astype(float),  # type: ignore[arg-type]
    )
    return (
        Fixed(
            **drawn,
            rules=rules,
            circumstances=circumstances(values),
            targets=totals,
            diseases=diseases,
            pilot=pilot,
            first=first,
            decides=decides,
        ),
        trial,
    )
