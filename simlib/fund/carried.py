"""What is carried from the simulated year: to other years, and to care at home, which no run simulates.

Flows of money in the years after the simulated one, made of those of its own; what pools are spared at home where
patients, answering a policy, now have their care elsewhere; what a common policy of merged pools does to the fund's
spending at home, which is most of what a pool spends: pooling at the best of policies costs most there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.benefits import national
from simlib.benefits.layers import YEAR, Bill, begin_year, fund, part, settle_apart
from simlib.benefits.national import Benefits
from simlib.benefits.pooling import OWN, Pooling
from simlib.compiled import apart
from simlib.files.facts import value
from simlib.fund.ledger import YEARS, Ledger
from simlib.patients import flows, response, visits, within
from simlib.patients.areas import Place
from simlib.patients.response import Response
from simlib.patients.visits import Visits
from simlib.quantities import Quantity
from simlib.scenario import scenario as scenarios
from simlib.scenario.checks import GRADUAL
from simlib.scenario.scenario import Scenario, Settings
from simlib.simulation import simulate
from simlib.simulation.draws import circumstances
from simlib.simulation.policies import drawn, in_force, residences
from simlib.simulation.solve import FIT_YEAR, ParameterDraw
from simlib.simulation.visit import of_kind
from simlib.terms import (
    CHRONIC,
    CLAIMED,
    INPATIENT,
    KINDS,
    LOCAL,
    MONTHS,
    OUTPATIENT,
    PHARMACY,
    SCHEMES,
    TIERS,
)

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Values = Mapping[Quantity, Array]

QUARTER = 3
"""Months at the end of the year that tell how far has come what works month by month."""


def level(parameters: ParameterDraw, year: int) -> Array:
    """Return direct fund payment between provinces of a year against 2023, (kind,).

    From 2023 on by the levels of the draw; before, as published of inpatients and of all outpatient care.
    """
    if year >= FIT_YEAR:
        cases, bills = simulate.level(parameters, year)
        return np.asarray(cases * bills * simulate.risen(parameters, year))

    def published(kind: str, period: int) -> float:
        return value("direct_settlement", period=str(period), kind=kind, metric="fund_paid")

    kinds = ["inpatient" if k == INPATIENT else "all_outpatient" for k in range(len(KINDS))]
    return np.array([published(kind, year) / published(kind, FIT_YEAR) for kind in kinds])


def level_within(parameters: ParameterDraw, year: int) -> Array:
    """Return payment within provinces of a year against 2023, (kind,)."""
    return within.index(year, parameters.values)


# The years after the simulated one.


class Seasons(NamedTuple):
    """How a scenario holds in its own and in later years, each (kind, scheme, home, host, month).

    holds : where it sets something, by year. repeats : where a month of a year is as that month of its own year, by
    year. settled : months of its own year that later ones are like where they do not repeat: those with the levers of
    December, of what works month by month the last `QUARTER` only.
    """

    holds: tuple[Bools, ...]
    repeats: tuple[Bools, ...]
    settled: Bools


@lru_cache(maxsize=32)
def seasons(scenario: Scenario, place: Place) -> Seasons:
    """Return how a scenario holds in its own and in later years."""
    own, *others = (scenarios.compile(scenario, place, scenario.year + i) for i in range(YEARS))
    root, then = scenarios.compile(scenarios.reference(scenario), place), own.touched
    names = {lever for _, lever, _ in scenario.lines(root=False)} & set(own.ids)

    def alike(other: Settings, names: Iterable[str], months: slice = slice(None)) -> Bools:
        """Return where levers are as in the own year, (home, host, scheme, kind, month)."""
        pairs = ((own.values(name), other.values(name)[..., months]) for name in names)
        return reduce(np.logical_and, ((a == b) | ((a != a) & (b != b)) for a, b in pairs), np.ones(then.shape, bool))

    slow = ~alike(root, (name for name in names if name.startswith(GRADUAL))).all(axis=-1, keepdims=True)
    settled = then & alike(own, names, slice(MONTHS - 1, None)) & (~slow | (np.arange(MONTHS) >= MONTHS - QUARTER))
    repeats = (np.ones_like(then), *((year.touched == then) & (~then | alike(year, names) & ~slow) for year in others))
    turned = [
        np.ascontiguousarray(np.moveaxis(cells, (3, 2), (0, 1)))
        for cells in (then, *(year.touched for year in others), *repeats, settled)
    ]
    return Seasons(tuple(turned[:YEARS]), tuple(turned[YEARS:-1]), turned[-1])


def hosts_together(seasons: Seasons) -> Seasons:
    """Return the same with hosts together, (kind, scheme, home, 1, month): it holds if anywhere, repeats if everywhere.

    >>> one = np.array([True, False]).reshape(1, 1, 1, 2, 1)
    >>> holds, repeats, settled = hosts_together(Seasons((one,), (one,), one))
    >>> holds[0].item(), repeats[0].item(), settled.item()
    (True, False, True)
    """
    holds, repeats, settled = seasons
    return Seasons(
        tuple(np.asarray(year.any(axis=3, keepdims=True)) for year in holds),
        tuple(np.asarray(year.all(axis=3, keepdims=True)) for year in repeats),
        np.asarray(settled.any(axis=3, keepdims=True)),
    )


def over_years(seasons: Seasons, levels: Sequence[Array], before: Ints, after: Ints) -> Ints:
    """Return direct and claimed flows of `YEARS` years, fen, (2, kind, scheme, home, host, month), months in one row.

    A month that repeats that of the own year has its flow, grown by kind. Where the scenario holds otherwise, because
    it began during its own year, goes in stages or works month by month, the baseline's flow is moved as the scenario
    moves that of the settled months of its own year, see `_moved`. So what works month by month stands where its own
    year ended.

    Parameters
    ----------
    levels : of each year, (kind,). before, after : flows of the own year in the baseline and in the run.
    """
    settled = ((flow * seasons.settled).sum(axis=(-2, -1), keepdims=True) for flow in (before, after))
    moved, years = _moved(before, *settled), []
    for holds, repeats, level in zip(seasons.holds, seasons.repeats, levels, strict=True):
        flow = after if repeats.all() else np.where(repeats, after, np.where(holds, moved, before))
        grown = level / levels[0]
        years.append(np.rint(flow * grown[:, None, None, None, None]).astype(np.int64))
    return np.concatenate(years, axis=-1)


def _moved(flow: Ints, before: Ints, after: Ints) -> Array:
    """Return a flow moved as sums before are to sums after, by channel and home, (2, …, home, host, month).

    Both channels together by their ratio, claims by theirs, the rest is direct: much moves from one to the other, and
    little is left between them, which two ratios of their own would miss.
    """
    total = flow.sum(axis=0) * _ratio(before.sum(axis=0), after.sum(axis=0))
    claimed = np.minimum(flow[CLAIMED] * _ratio(before[CLAIMED], after[CLAIMED]), total)
    return np.stack([total - claimed, claimed])


def _ratio(before: Ints, after: Ints) -> Array:
    """Return after / before of each home, (…, home, 1, 1), drawn to that of all as if it had a mean home's flow too.

    Few people of a small home would else tell of a change many times theirs. 1 where nobody has a flow.

    >>> sums = (np.array([[0], [100]]), np.array([[10], [110]]))
    >>> _ratio(*(fen[:, :, None] for fen in sums)).ravel().tolist()
    [1.3, 1.15]
    """
    whole = before.sum(axis=-3, keepdims=True)
    common = np.where(whole > 0, after.sum(axis=-3, keepdims=True) / np.maximum(whole, 1), 1.0)
    mean = whole / np.maximum((before > 0).sum(axis=-3, keepdims=True), 1)
    weight = before + mean
    return np.asarray(np.where(weight > 0, (after + common * mean) / np.where(weight > 0, weight, 1), common))


# Care at home that patients now have elsewhere.


def diverted_share(form: str, drawn: float) -> float:
    """Return which share of the care that a response creates elsewhere would have been given at home.

    All by `eta`, which moves people out of home; by `price` what is drawn, the rest is new.

    >>> diverted_share("none", 0.4), diverted_share("price", 0.4), diverted_share("eta", 0.4)
    (0.0, 0.4, 1.0)
    """
    return {response.NONE: 0.0, response.PRICE: drawn, response.ETA: 1.0}[form]


def fund_shares(values: Values) -> Array:
    """Return what the fund pays of a bill at home, by the national default, (kind, scheme).

    The part of a bill that enters the ratio, times the published fund share of it (admissions) or the drawn ratio.
    """
    out = np.zeros((len(KINDS), len(SCHEMES)))
    out[INPATIENT] = [
        value("national", metric="in_catalogue_fund_share", scheme=scheme, tier="all", year="2023") / 100
        for scheme in SCHEMES
    ]
    out[OUTPATIENT] = out[PHARMACY] = [
        values[Benefits.ratio_outpatient_employee][0],
        values[Benefits.ratio_outpatient_resident][0],
    ]
    out[CHRONIC] = values[Benefits.ratio_chronic_employee][0], values[Benefits.ratio_chronic_resident][0]
    return out * float(values[Benefits.in_scope_home][0])


def spared(values: Values, cases: tuple[Ints, Ints], bills: Ints) -> Array:
    """Return what pools are spared in a scenario's year, fen, (kind, scheme, home); less than 0 if care comes back.

    cases more elsewhere x share of them that left home x bill elsewhere x bill at home against it x fund share at home.
    Admissions whose place outpatient visits took (`response.displaced`) are no care given at home: they are added back.

    Parameters
    ----------
    cases : elsewhere before and after, settled or not. bills : of those before, fen; all (kind, scheme, home).
    """
    share = diverted_share(response.form(values), float(values[Ledger.diverted][0]))
    more = (cases[1] - cases[0]).astype(np.float64)
    more[INPATIENT] += float(values[Response.displaced][0]) * (more[OUTPATIENT] + more[CHRONIC])
    each = bills / np.maximum(cases[0], 1)
    paid = each * float(values[Ledger.diverted_bill][0]) * fund_shares(values)[:, :, None]
    return np.asarray(share * more * paid)


def spared_by_month(yearly: Array, holds: Sequence[Bools], levels: Sequence[Array]) -> Ints:
    """Return what pools are spared in each month of several years, fen, (month, scheme, home).

    Of a year it is spared in the months in which the scenario holds for the kind of care and the home, by season; a
    later year repeats that, grown by kind.

    Parameters
    ----------
    yearly : of the first year, see `spared`. holds : see `Seasons`. levels : of each year, (kind,).
    """
    in_season = [visits.season() * np.asarray(year.any(axis=(1, 3)))[:, None] for year in holds]  # (kind, 1, home, m)
    whole = in_season[0].sum(axis=-1)
    each = np.divide(yearly, whole, out=np.zeros_like(yearly), where=whole > 0)
    years = [
        np.einsum("ksh,k,kxhm->msh", each, level / levels[0], months)
        for months, level in zip(in_season, levels, strict=True)
    ]
    return np.asarray(np.rint(np.concatenate(years)), dtype=np.int64)


# Spending on care at home under a common policy of merged pools.

EVERY = 32
"""Of so many steps of the quantile table of bills one is priced."""


@apart
def _owed(rows: Any, kind: int, bills: Any, in_scope_ppm: int, records: Any, out: Any) -> None:
    """Write what the fund owes on average on bills (row, bill), fen, each the first of a year, to `out`, (row,)."""
    year = np.zeros(1, dtype=YEAR)[0]
    for i in range(len(rows)):
        total = 0
        for b in range(bills.shape[1]):
            begin_year(year)
            bill = Bill(bills[i, b], bills[i, b] - part(bills[i, b], in_scope_ppm), 0, 0)
            total += fund(settle_apart(records[rows[i]], bill, of_kind(kind, -1), year))
        out[i] = total / bills.shape[1]


def spending_at_home(scenario: Scenario, place: Place, values: Values, quantiles: Array) -> Array:
    """Return what a pool owes on care at home of an insured person and year, fen, (scheme, home, month of the policy).

    Admissions at the national rate, bills and hospital levels, each with a deductible of its own, and all ordinary
    outpatient care of the year as one bill, as `loop.care_at_home` has it; chronic care and pharmacies are left out.
    On expected values.
    """
    book, people = in_force(scenario, place), circumstances(values)
    records = drawn(book, national.default_ratios(values, quantiles), national.points_off(values))
    relative, shares = quantiles[EVERY // 2 :: EVERY], np.diff(people["tiers_home"], prepend=0.0)
    retired = np.array([values[Visits.retired_share_employee][0], values[Visits.senior_share_resident][0]])
    out = np.zeros((len(SCHEMES), len(place.codes), MONTHS))
    for s in range(len(SCHEMES)):
        asked = [
            (INPATIENT, t, people["admission_fen"][s, t], flows.rates()[INPATIENT, s] * shares[t])
            for t in range(len(TIERS))
        ]
        asked.append((OUTPATIENT, 1, MONTHS * people["outpatient_fen"][s], 1.0))
        for kind, t, mean, weight in asked:
            which = book.which[residences(place)[0], s, :, kind, LOCAL, :, t]  # (home, member, month)
            rows, at = np.unique(which, return_inverse=True)
            bills = np.broadcast_to(np.rint(mean * relative).astype(np.int64), (len(rows), len(relative)))
            owed = np.zeros(len(rows))
            _owed(rows.astype(np.int64), kind, bills.copy(), people["in_scope_ppm"], records, owed)
            by_member = owed[at.reshape(which.shape)]
            out[s] += weight * ((1 - retired[s]) * by_member[:, 0] + retired[s] * by_member[:, 1])
    return out


def ratio_at_home(scenario: Scenario, place: Place, values: Values, quantiles: Array) -> Array:
    """Return spending on care at home against that under the baseline's policies, (scheme, home, month).

    1 where no policies are merged: what other levers do at home is not looked at.
    """
    how = scenarios.compile(scenario, place).values(Pooling.policy.id)[:, 0, 0, 0]
    if (how == OWN).all():
        return np.ones((len(SCHEMES), len(place.codes), MONTHS))
    both = (scenarios.reference(scenario), scenario)
    before, after = (spending_at_home(one, place, values, quantiles) for one in both)
    return np.where(how != OWN, after / before, 1.0)
