"""National totals of direct settlement that every draw must meet, by kind of care, and how they grew.

Published for 2023 are inpatient, all outpatient and chronic outpatient care. Pharmacies are published for one quarter
of 2023 only: their share of the year is an uncertain parameter, and ordinary outpatient care is what is left.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from simlib.files.facts import value
from simlib.quantities import Params, Quantity
from simlib.terms import KINDS, SCHEMES

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]

PUBLISHED = ("inpatient", "ordinary_outpatient", "chronic_outpatient", "pharmacy")
"""What the published tables call each of `KINDS`."""


class Targets(Params, prefix="targets"):
    """What the published totals leave open."""

    pharmacy_visits: Quantity
    pharmacy_fund: Quantity
    growth_inpatient: Quantity
    growth_outpatient: Quantity
    growth_chronic: Quantity


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


def level(year: int, values: Values, opened: Array) -> tuple[Array, Array]:
    """Return cases, settled directly or not, and mean bills of a year against 2023, each (kind,).

    2024 as published: cases as direct visits, less what more connected institutions explain; bills as fund payment
    per direct visit. Later cases by the uncertain growth, later bills as in 2024. Earlier cases as the visits of all
    insured anywhere, their bills as in 2023: nothing that is published of direct settlement before 2023 is used.

    Parameters
    ----------
    opened : share of visits in connected institutions in the year against 2023, (kind,).
    """
    if year <= 2023:
        return national_visits(year) / national_visits(2023), np.ones(len(KINDS))
    grown = np.stack([_published(kind, "2024") for kind in PUBLISHED]) / totals(values)
    outpatient = values[Targets.growth_outpatient][0]
    later = 1 + np.array(
        [values[Targets.growth_inpatient][0], outpatient, values[Targets.growth_chronic][0], outpatient]
    )
    return grown[:, 0] / opened * later ** (year - 2024), grown[:, 1] / grown[:, 0]
