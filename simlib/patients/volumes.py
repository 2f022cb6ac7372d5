"""National totals of direct settlement that every draw must meet, by kind of care, and how they grew.

Published for 2023 are inpatient, all outpatient and chronic outpatient care. Pharmacies are published for one quarter
of 2023 only: their share of the year is an uncertain parameter, and ordinary outpatient care is what is left.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from simlib.files.facts import value
from simlib.patients import trends
from simlib.quantities import Params, Quantity
from simlib.terms import INPATIENT, KINDS, SCHEMES

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]

LAST = 2024
"""Last year that is published."""
FORETOLD = ("inpatient", "outpatient", "chronic", "pharmacy")
"""What `trends` calls direct settlement, outpatient all together."""
PUBLISHED = ("inpatient", "ordinary_outpatient", "chronic_outpatient", "pharmacy")
"""What the published tables call each of `KINDS`."""


class Targets(Params, prefix="targets"):
    """What the published totals leave open."""

    pharmacy_visits: Quantity
    pharmacy_fund: Quantity
    trend_inpatient: Quantity
    trend_outpatient: Quantity
    trend_bill_inpatient: Quantity
    trend_bill_outpatient: Quantity


def _published(kind: str, year: str) -> Array:
    """Return published direct visits and fund payment, yuan, (2,)."""
    asked = {"period": year, "kind": kind}
    return np.array(
        [
            value("direct_settlement", metric="visits", **asked),
            value("direct_settlement", metric="fund_paid", **asked) * 1e8,
        ]
    )


def totals(values: Values) -> Array:
    """Return direct visits and fund payment of 2023, (kind, 2), visits and yuan.

    Inpatient and chronic as published; pharmacy = all outpatient x drawn share; outpatient = what is left.

    >>> totals({q: np.array([q.number]) for q in Targets.quantities()})[:, 0].round(-3).tolist()
    [11255000.0, 85780000.0, 3310000.0, 28910000.0]
    """
    inpatient, everything, chronic = (
        _published(k, "2023") for k in ("inpatient", "all_outpatient", "chronic_outpatient")
    )
    pharmacy = everything * np.array([values[Targets.pharmacy_visits][0], values[Targets.pharmacy_fund][0]])
    return np.stack([inpatient, everything - chronic - pharmacy, chronic, pharmacy])


def national_visits(year: int) -> Array:
    """Return visits of the insured anywhere in the country in a year before 2024, 10 thousand, (kind,).

    Those to pharmacies are published from 2023 on: they go with outpatient visits.

    >>> national_visits(2019).round().tolist()
    [23075.0, 361651.0, 44354.0, 361651.0]
    """
    table = "history" if year < 2021 else "national"
    of = ("discharges", "ordinary_outpatient_visits", "chronic_visits", "ordinary_outpatient_visits")
    return np.array([sum(value(table, metric=m, scheme=s, year=str(year)) for s in SCHEMES) for m in of])


def admissions(year: int) -> float:
    """Return all cross-province admissions of a year up to 2020, however settled, person-times.

    Published for 2019 (all payers) and 2020 (the insured); earlier ones move as all admissions of the insured do.

    >>> [round(admissions(year) / 1e6, 2) for year in (2018, 2019, 2020)]
    [5.01, 5.99, 5.85]
    """
    if year == 2020:
        return value("direct_settlement", period="2020", kind="inpatient", metric="all_crossprov_admissions")
    of_2019 = value("history", metric="crossprov_admissions", scheme="all", year="2019")
    return of_2019 * float(national_visits(year)[INPATIENT] / national_visits(2019)[INPATIENT])


def crossprov_cost(year: int) -> float:
    """Return published cost of cross-province care of both schemes in a year from 2021 on, yuan."""
    return 1e8 * sum(value("national", metric="crossprov_cost", scheme=scheme, year=str(year)) for scheme in SCHEMES)


def direct(year: int, values: Values) -> Array:
    """Return direct visits and fund payment of a year from 2024 on, (kind, 2), visits and yuan.

    2024 as published. Later years as `trends` foretells them, where the draw stands in the forecasts of visits and of
    payments per visit; ordinary outpatient care is what is left of all outpatient care.

    >>> middle = {q: np.array([0.5]) for q in Targets.quantities()}
    >>> (direct(2026, middle)[:, 0] > direct(2025, middle)[:, 0]).all()
    np.True_
    """
    if year == LAST:
        return np.stack([_published(kind, str(LAST)) for kind in PUBLISHED])
    inpatient, outpatient, chronic, pharmacy = (_foretold(name, year, values) for name in FORETOLD)
    return np.stack([inpatient, outpatient - chronic - pharmacy, chronic, pharmacy])


def _foretold(name: str, year: int, values: Values) -> Array:
    """Return direct visits of a later year and the fund payment on them, yuan, (2,), see `trends`."""
    visits, bills = (
        (Targets.trend_inpatient, Targets.trend_bill_inpatient)
        if name == "inpatient"
        else (Targets.trend_outpatient, Targets.trend_bill_outpatient)
    )
    number = trends.foretold(f"direct visits, {name}", year, float(values[visits][0]))
    each = trends.foretold(f"fund payment, {name}", year, float(values[bills][0]), each=True)
    return np.array([number, 1e8 * number * each])


def level(year: int, values: Values, risen: Array, inpatients: float) -> tuple[Array, Array]:
    """Return cases, settled directly or not, and mean bills of a year against 2023, each (kind,).

    From 2024 on cases move as direct visits over the direct rate, and bills as fund payment per direct visit, see
    `direct`. Earlier bills as in 2023. Earlier admissions as published up to 2020, see `admissions`, in 2021 and 2022
    as direct visits over the direct rate; other earlier cases as the visits of all insured anywhere.

    Parameters
    ----------
    risen : direct rate of the year against that of 2023, (kind,).
    inpatients : cross-province admissions of 2023 in the draw, settled or not.
    """
    if year <= 2023:
        cases = national_visits(year) / national_visits(2023)
        if year <= 2020:
            cases[INPATIENT] = admissions(year) / inpatients
        else:
            then, now = (_published("inpatient", str(y))[0] for y in (year, 2023))
            cases[INPATIENT] = then / now / risen[INPATIENT]
        return cases, np.ones(len(KINDS))
    grown = direct(year, values) / totals(values)
    return grown[:, 0] / risen, grown[:, 1] / grown[:, 0]
