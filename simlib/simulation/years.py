"""The direct settlement rate year by year: what published cost and payment say of it, and what moves it.

The year solved for is 2023. In another year institutions are connected as published, filings made late count from 2023
on, and the odds of every failure are multiplied by one number a year: what else made direct settlement harder or
easier, filing, codes and habit alike. For 2021, 2022 and 2024 it is solved so that direct and counted claimed bills
come to the published cost of cross-province care; earlier years take that of 2021, later ones a damped step on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from simlib.files.facts import value
from simlib.patients import areas, volumes
from simlib.patients.volumes import Values
from simlib.settlement import gates
from simlib.settlement.gates import Gates, Passing
from simlib.settlement.network import Network
from simlib.terms import CHRONIC, INPATIENT, MONTHS, OUTPATIENT

Array = npt.NDArray[np.float64]

SOLVED = 2023
"""The year of which direct visits and fund payment of every kind are solved for."""
HISTORY = tuple(range(2018, 2025))
"""Years by whose end the connected institutions are published."""
AHEAD = tuple(range(HISTORY[-1] + 1, HISTORY[-1] + 4))
"""Years after them, for which nothing is published."""
COSTED = (2021, 2022, 2024)
"""Years of published cost, but for the solved one."""
LATE_FILING = 2023
"""The first year in which a filing made before discharge counts (医保发〔2022〕22号)."""


class Known(NamedTuple):
    """The solved year, from which others are reckoned; each (kind,) but the elasticity.

    passing, exponent : gates, and the exponent of the networked share. exposed, gaining : see `gates.direct_rate`.
    direct, claimed, fund : bills settled directly and claimed, and what the fund pays on the direct ones, yuan.
    reimbursed : share of cases not settled directly that are paid for at all. elasticity : of the fund's payment on an
    inpatient in the bill.
    """

    passing: Passing
    exponent: Array
    exposed: Array
    gaining: Array
    direct: Array
    claimed: Array
    fund: Array
    reimbursed: Array
    elasticity: float


class Years(NamedTuple):
    """What a draw says of inpatients in each of `HISTORY` and `AHEAD`, (year,).

    odds : by which the odds of failing are multiplied against 2023. rate : direct / (direct + claimed) cases.
    rate_value : the same of bills. cost : direct and counted claimed bills of all care but pharmacies over published
    cost, NaN where none is published. fund_share : of direct bills, NaN where no payment is published.
    """

    odds: Array
    rate: Array
    rate_value: Array
    cost: Array
    fund_share: Array

    def of(self, name: str, year: int) -> float:
        """Return one number of one year."""
        return float(getattr(self, name)[(HISTORY + AHEAD).index(year)])


def institutions(year: int, values: Values) -> Array:
    """Return the institutions connected by the end of a year in a draw, (kind,), see `network.pace_ahead`.

    >>> [int(institutions(year, {Network.pace_ahead: np.array([50.0])})[INPATIENT]) for year in (2024, 2025)]
    [82300, 101500]
    """
    yearly = values[Network.pace_ahead][0] * MONTHS * len(areas.provinces().codes) if year > HISTORY[-1] else 0.0
    return np.asarray(gates.connected(min(year, HISTORY[-1])) + yearly * (year - HISTORY[-1]))


def odds_in(year: int, odds: Array, values: Values) -> float:
    """Return by what the odds of failing are multiplied in a year: those of `HISTORY`, then a damped step on.

    >>> round(odds_in(2026, np.array([1.0, 0.5]), {Gates.ease_ahead: np.array([0.5])}), 4)
    0.2973
    """
    if year <= HISTORY[-1]:
        return float(odds[max(year - HISTORY[0], 0)])
    damping = float(values[Gates.ease_ahead][0])
    return float(odds[-1] ** sum(damping**step for step in range(year - HISTORY[-1] + 1)))


def _rate(year: int, odds: float, known: Known, values: Values) -> Array:
    """Return the direct rate of listed cases in a year, (kind,), for odds of failing against 2023."""
    possible = gates.possible(values)
    networked = gates.networked_with(institutions(year, values), known.exponent, possible)
    passing = gates.eased_passing(known.passing, networked, odds)
    return gates.direct_rate(passing, known.exposed, known.gaining, late_refused=year < LATE_FILING)


def direct_bills(year: int, known: Known, values: Values) -> Array:
    """Return bills settled directly in a year of published cost, yuan, inpatients and outpatients without pharmacies.

    Inpatient bills as published visits, at a mean bill that moves so that the mean payment is the published one;
    outpatient bills as published payment, at the fund share of 2023.
    """
    fund_per_visit = _per_visit(year) / _per_visit(SOLVED)
    visits = _published(year, "visits") / _published(SOLVED, "visits")
    inpatient = known.direct[INPATIENT] * visits * fund_per_visit ** (1 / known.elasticity)
    outside = [OUTPATIENT, CHRONIC]
    if year == HISTORY[-1]:
        paid = 1e8 * sum(_payment(year, volumes.PUBLISHED[kind]) for kind in outside)
    else:
        paid = 1e8 * _payment(year, "all_outpatient") * (1 - values[volumes.Targets.pharmacy_fund][0])
    return np.array([inpatient, paid * known.direct[outside].sum() / known.fund[outside].sum()])


def _payment(year: int, kind: str) -> float:
    """Return published direct fund payment, 100 million yuan."""
    return value("direct_settlement", period=str(year), kind=kind, metric="fund_paid")


def _published(year: int, metric: str) -> float:
    """Return a published number of direct inpatients."""
    return value("direct_settlement", period=str(year), kind="inpatient", metric=metric)


def _per_visit(year: int) -> float:
    """Return published fund payment per direct inpatient, 100 million yuan."""
    return _published(year, "fund_paid") / _published(year, "visits")


def tell(known: Known, values: Values) -> Years:
    """Return what a solved draw says of each year, see `Years`."""
    m, every = float(values[Gates.claims_counted][0]), [*HISTORY, *AHEAD]
    outside = [OUTPATIENT, CHRONIC]
    claimed = np.array([known.claimed[INPATIENT], known.claimed[outside].sum()])
    direct = np.array([known.direct[INPATIENT], known.direct[outside].sum()])
    rate = float(_rate(SOLVED, 1.0, known, values)[INPATIENT])
    failing, odds = (1 - rate) / rate, {SOLVED: 1.0}
    cost = {SOLVED: _settled(direct, claimed, m) / volumes.crossprov_cost(SOLVED)}
    for year in COSTED:
        billed = direct_bills(year, known, values)
        claims = billed * claimed / direct  # if as many failed as in 2023
        wanted = failing * (volumes.crossprov_cost(year) - billed.sum()) / (m * claims.sum())
        odds[year] = _solved_odds(year, wanted, known, values)
        now = float(_rate(year, odds[year], known, values)[INPATIENT])
        cost[year] = _settled(billed, claims * (1 - now) / now / failing, m) / volumes.crossprov_cost(year)
    early = np.array([odds.get(year, odds[COSTED[0]]) for year in HISTORY])
    by_year = np.array([odds_in(year, early, values) for year in every])
    rates = np.array([_rate(y, o, known, values)[INPATIENT] for y, o in zip(every, by_year, strict=True)])
    claims_per_bill = claimed[0] / direct[0] / failing
    return Years(
        odds=by_year,
        rate=rates / (rates + (1 - rates) * known.reimbursed[INPATIENT]),
        rate_value=1 / (1 + claims_per_bill * (1 - rates) / rates),
        cost=np.array([cost.get(year, np.nan) for year in every]),
        fund_share=np.array([_fund_share(year, known) for year in every]),
    )


def _settled(direct: Array, claimed: Array, m: float) -> float:
    """Return direct bills and the claimed ones that the published cost counts, yuan."""
    return float(direct.sum() + m * claimed.sum())


def _solved_odds(year: int, wanted: float, known: Known, values: Values) -> float:
    """Return by what the odds of failing are multiplied so that failing over direct inpatients is as wanted.

    Held between the ends of `gates.most_moved`.
    """

    def excess(log: float) -> float:
        rate = float(_rate(year, float(np.exp(log)), known, values)[INPATIENT])
        return (1 - rate) / rate - wanted

    most = Gates.most_moved.number
    if excess(-most) >= 0:
        return float(np.exp(-most))
    return float(np.exp(most if excess(most) <= 0 else scipy.optimize.brentq(excess, -most, most, xtol=1e-12)))


def _fund_share(year: int, known: Known) -> float:
    """Return the fund's share of direct inpatient bills in a year, from the mean payment; NaN if none is published."""
    if not 2019 <= year <= HISTORY[-1]:
        return float("nan")
    paid = _per_visit(year) / _per_visit(SOLVED)
    return float(known.fund[INPATIENT] / known.direct[INPATIENT] * paid ** (1 - 1 / known.elasticity))
