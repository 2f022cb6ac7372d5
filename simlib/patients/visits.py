"""People who are treated elsewhere, and their year of visits: how many, when, where, how dear."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from simlib.compiled import rule
from simlib.files.facts import value
from simlib.quantities import Params, Quantity
from simlib.randomness import WEIGHTS, uniforms
from simlib.terms import CHRONIC, INPATIENT, KINDS, MONTHS, OUTPATIENT, PHARMACY, SCHEMES, STEPS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_VISITS = 200
"""Most visits of one person in a year that the tables hold (dialysis: 104 to 156)."""

MOST_ADMISSIONS = 6
"""One more than the most admissions at home before the first visit elsewhere that the tables hold."""

USES: dict[str, tuple[int, ...]] = {
    "inpatient": (INPATIENT,),
    "outpatient": (OUTPATIENT,),
    "both": (INPATIENT, OUTPATIENT),
    "chronic": (CHRONIC,),
    "pharmacy": (PHARMACY,),
}
"""Which kinds of care a person uses elsewhere in a year. That chronic patients and buyers in pharmacies use other kinds
too is left out: nobody published how many."""

KIND_BITS = tuple(sum(1 << kind for kind in kinds) for kinds in USES.values())
"""The same as bits, one for each kind."""

# Decisions of a person and of a visit, each with a number of its own so that no two share
# random numbers; kinds count on.
HOW_MANY, WHEN, ATTENTIVE, RETIRED, BALANCE, ADMITTED, INSURED, DISEASE = 0, 4, 8, 9, 10, 11, 12, 13
REAL, ORDINARY, RUNG = 14, 15, 16
WHAT, GATES, MEASURES = range(3)
WHICH_TIER, WHICH_BASKET, HOW_DEAR, CLAIMS = range(4)
"""Decisions that share the key of `WHAT`, see `luck.share`."""
CONNECTED, FILED, MENDED, WHICH_FAILS = range(4)
"""Decisions that share the key of `GATES`."""
NEWLY_CONNECTED, UNIFIED, DOWN, ON_CREDIT = range(4)
"""Decisions that share the key of `MEASURES`."""
AT_HOME, OF_VISIT = 20, 100
"""From where on the random numbers of care at home, and of visits in order of date, are numbered."""


class Visits(Params, prefix="visits"):
    """How often, how dear, in which hospitals."""

    mean_inpatient: Quantity
    mean_outpatient: Quantity
    mean_pharmacy: Quantity
    dispersion: Quantity
    both_kinds: Quantity
    retired_share_employee: Quantity
    senior_share_resident: Quantity
    account_yuan: Quantity
    tier3_share: Quantity
    tier2_of_rest: Quantity
    bill_tier1: Quantity
    bill_tier2: Quantity
    sigma: Quantity
    tail: Quantity
    season_january: Quantity
    season_february: Quantity
    season_march: Quantity


def season() -> Array:
    """Return the share of a year's visits by month, (12,), from the published months around Spring Festival.

    Other months are taken as equal; an ordinary month is the mean of January and March.

    >>> round(float(season().sum()), 12)
    1.0
    """
    profile = np.ones(MONTHS)
    profile[0] = Visits.season_january.number
    profile[1] = profile[0] * Visits.season_february.number
    profile[2] = profile[1] * Visits.season_march.number
    return np.asarray(profile / profile.sum())


def tier_shares(tier3: float) -> Array:
    """Return the share of visits by hospital tier 1, 2, 3.

    >>> tier_shares(0.9).round(3).tolist()
    [0.02, 0.08, 0.9]
    """
    second = (1 - tier3) * Visits.tier2_of_rest.number
    return np.array([1 - tier3 - second, second, tier3])


def tier_bills() -> Array:
    """Return the mean bill by tier against tier 3, (3,)."""
    return np.array([Visits.bill_tier1.number, Visits.bill_tier2.number, 1.0])


def home_bills() -> Array:
    """Return the mean bill of any visit of the insured in 2023, yuan, (kind, scheme); residents' pharmacies of 2024."""
    out = np.zeros((len(KINDS), len(SCHEMES)))
    for s, scheme in enumerate(SCHEMES):

        def of(metric: str, year: str = "2023", scheme: str = scheme) -> float:
            return value("national", metric=metric, scheme=scheme, year=year)

        out[INPATIENT, s] = of("cost_per_admission")
        out[OUTPATIENT, s] = of("ordinary_outpatient_cost") * 1e4 / of("ordinary_outpatient_visits")
        out[CHRONIC, s] = of("chronic_cost") * 1e4 / of("chronic_visits")
        year = "2023" if scheme == "employee" else "2024"
        out[PHARMACY, s] = of("pharmacy_cost", year) / of("pharmacy_visits", year)
    return out


def bill_quantiles(sigma: float, tail: float) -> Array:
    """Return the quantile table of bills against their mean, (STEPS,), mean 1.

    ln Q(u) = sigma z + tail max(z - 1, 0)^2, z the normal score of u: lognormal below, heavier above.
    One lognormal gives too few payments above 50,000 yuan (3.0 against 4.9 % published for 2018-19).
    """
    z = scipy.special.ndtri((np.arange(STEPS) + 0.5) / STEPS)
    bills = np.exp(sigma * z + tail * np.maximum(z - 1, 0) ** 2)
    return np.asarray(bills / bills.mean(), dtype=np.float64)


def balances(mean_fen: float) -> Ints:
    """Return the quantile table of balances of personal accounts, fen, (STEPS,): exponential around their mean.

    >>> abs(int(balances(1e6).mean()) - 1_000_000) < 100
    True
    """
    u = (np.arange(STEPS) + 0.5) / STEPS
    return np.rint(-mean_fen * np.log(u)).astype(np.int64)


@lru_cache(maxsize=256)
def count_table(mean: float, dispersion: float) -> Array:
    """Return the cumulative distribution of visits per patient, entry n for n + 1 visits.

    Zero-truncated negative binomial with the given mean of those who have at least one visit, cut at
    `MOST_VISITS`.

    >>> table = count_table(1.5, 1.0)
    >>> round(mean_count(table), 6), float(table[-1])
    (1.5, 1.0)
    """

    def table(untruncated: float) -> Array:
        n = np.arange(MOST_VISITS)
        steps = (n + dispersion) / (n + 1) * untruncated / (dispersion + untruncated)
        mass = np.cumprod(steps)
        return cumulative(mass / mass.sum())

    solved = scipy.optimize.brentq(lambda m: mean_count(table(m)) - mean, 1e-9, 10 * mean, xtol=1e-12)
    out = table(float(solved))
    out.setflags(write=False)
    return out


def mean_count(table: Array) -> float:
    """Return the mean number of visits of a table of `count_table`."""
    return float(1 + (1 - table[:-1]).sum())


@rule
def pick_one(table: Any, u: float) -> int:
    """Return the index of the first entry of a cumulative distribution that reaches u.

    >>> int(pick_one(np.array([0.2, 0.7, 1.0]), 0.5))
    1
    """
    found = 0
    for i in range(len(table) - 1):  # no way out half-way: a processor cannot foresee it
        found += table[i] < u
    return found


@rule
def pick_in(tables: Any, row: int, u: float) -> int:
    """Return what `pick_one` finds in one row of several cumulative distributions."""
    i = 0
    while tables[row, i] < u:
        i += 1
    return i


@rule
def pick_row(tables: Any, row: int, column: int, u: float) -> int:
    """Return what `pick_one` finds in one cell of a table of cumulative distributions."""
    i = 0
    while tables[row, column, i] < u:
        i += 1
    return i


@rule
def bill_fen(mean_fen: float, quantile: float) -> int:
    """Return a bill, fen: its mean times a quantile of `bill_quantiles`, at least one yuan."""
    return max(int(mean_fen * quantile + 0.5), 100)


def users(patients: Array, both: float) -> Array:
    """Return the patients by what they use, (`USES`, ...), from those of each kind, (kind, ...).

    both = a share of the fewer of inpatients and outpatients.

    >>> users(np.array([10.0, 30.0, 1.0, 2.0]), 0.5).tolist()
    [5.0, 25.0, 5.0, 1.0, 2.0]
    """
    shared = both * np.minimum(patients[INPATIENT], patients[OUTPATIENT])
    alone = patients[INPATIENT] - shared, patients[OUTPATIENT] - shared
    return np.stack([*alone, shared, patients[CHRONIC], patients[PHARMACY]])


def sample(people: Array, focus: npt.NDArray[np.bool_], size: int, seed: int, draw: int) -> tuple[Ints, Ints]:
    """Return how many people stand for each cell, and the integer weight of each.

    Parameters
    ----------
    people : expected number of patients, (`USES`, ...). focus : cells to look at closely, same shape.
    size : people to draw. Two thirds go to those who are inpatients, a ninth to each other group, half of each part to
    the focus, all shared in proportion to patients; every cell with patients keeps a chance to be seen.

    Returns
    -------
    number, weight : integers; number * weight has the expectation `people`. The rounding is keyed by the
    cell, not by the order of drawing.
    """
    share = np.zeros_like(people)
    admitted = np.array([INPATIENT in kinds for kinds in USES.values()])
    parts = [(admitted, 2 / 3), *((row, 1 / 9) for row in np.eye(len(USES), dtype=bool)[~admitted])]
    for uses, of_uses in parts:
        part = uses.reshape(-1, *[1] * (people.ndim - 1))
        halves = [focus & part, ~focus & part]
        present = [float(people[half].sum()) for half in halves]
        for half, there in zip(halves, present, strict=True):
            if there > 0:
                share[half] = people[half] / there * of_uses / sum(p > 0 for p in present)
    wanted = np.maximum(np.round(share * size), 1)
    weight = np.maximum(np.ceil(people / wanted), 1)
    number = np.floor(people / weight + uniforms(people.shape, WEIGHTS, seed, draw))
    return number.astype(np.int64), weight.astype(np.int64)


def admission_tables() -> Array:
    """Return the cumulative distribution of admissions at home up to the middle of each month, (scheme, month, count).

    Poisson at the national rate of the scheme in 2023: discharges per insured.
    """
    rates = [_per_insured("discharges", scheme) for scheme in SCHEMES]
    expected = np.multiply.outer(rates, (np.arange(MONTHS) + 0.5) / MONTHS)
    table = scipy.special.pdtr(np.arange(MOST_ADMISSIONS), expected[..., None])
    table[..., -1] = 1.0
    return np.asarray(table)


def outpatient_at_home() -> Array:
    """Return the mean ordinary outpatient cost of an insured person and month in 2023, yuan, (scheme,)."""
    return np.array([_per_insured("ordinary_outpatient_cost", scheme) * 1e4 / MONTHS for scheme in SCHEMES])


def _per_insured(metric: str, scheme: str) -> float:
    """Return a national figure of 2023 per insured person of a scheme, in the unit of both."""
    return value("national", metric=metric, scheme=scheme, year="2023") / value(
        "national", metric="insured", scheme=scheme, year="2023"
    )


def cumulative(shares: Array) -> Array:
    """Return a cumulative distribution that ends at exactly 1."""
    total = np.cumsum(shares)
    total[-1] = 1.0
    return total
