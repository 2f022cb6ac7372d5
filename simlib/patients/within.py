"""Care in another city of one's own province: how much there is, where it goes, and what is not known about it.

It is off-site 异地 but not cross-province 跨省: a class of its own, outside every cross-province figure, inside the
ledger. Published are the nation's off-site totals and the cross-province ones; the difference is within provinces.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import numpy.typing as npt

from simlib.files.facts import value
from simlib.patients import areas, flows, trends, visits
from simlib.patients.areas import Place
from simlib.patients.trends import Figure, Foretell
from simlib.patients.volumes import Targets
from simlib.quantities import Params, Quantity
from simlib.terms import CHRONIC, INPATIENT, KINDS, LONG_STAY, OUTPATIENT, PURPOSES, SCHEMES

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]

FIRST, BASE, LAST = 2021, 2023, 2024
"""First and last year of which both totals are published, and the year that bills are of."""

ONE_POOL = ("110000", "120000", "310000", "500000")
"""The municipalities 直辖市: one pool each, so that nobody is treated in another city of the same province."""


class Within(Params, prefix="within"):
    """What is not published about care in another city of one's own province."""

    per_head: Quantity
    dearer_inpatient: Quantity
    dearer_outpatient: Quantity
    chronic: Quantity
    living_inpatient: Quantity
    living_outpatient: Quantity
    cut: Quantity
    direct: Quantity


def _published(metric: str, scheme: str, year: int, unit: float) -> float:
    """Return an off-site total less the cross-province one."""
    asked = {"scheme": scheme, "year": str(year)}
    return unit * (
        value("offsite", metric=f"offsite_{metric}", **asked) - value("national", metric=f"crossprov_{metric}", **asked)
    )


def bills(values: Values) -> Array:
    """Return the mean bill within a province, yuan, (kind, scheme): that of all care at home times how much dearer."""
    dearer = np.full(len(KINDS), values[Within.dearer_outpatient][0])
    dearer[INPATIENT] = values[Within.dearer_inpatient][0]
    return np.asarray(dearer[:, None] * visits.home_bills())


def national(year: int, values: Values) -> Array:
    """Return cases within all provinces in a year, settled or not, (kind, scheme).

    Visits V and cost C are published; with mean bills i of an admission and o of an outpatient visit, admissions =
    (C - V o) / (i - o). Later years than `LAST` grow as the
    cost within provinces is foretold to. Pharmacies are not published: none.

    >>> middle = {q: np.full(1, q.number) for of in (Within, Targets) for q in of.quantities()}
    >>> (national(2023, middle) / 1e6).round(1).tolist()
    [[5.8, 20.6], [88.7, 29.2], [6.4, 2.1], [0.0, 0.0]]
    """
    known = min(year, LAST)
    total, cost = (
        np.array([_published(metric, scheme, known, unit) for scheme in SCHEMES])
        for metric, unit in (("visits", 1e4), ("cost", 1e8))
    )
    bill, chronic = bills(values), values[Within.chronic][0]
    outpatient = (1 - chronic) * bill[OUTPATIENT] + chronic * bill[CHRONIC]
    admissions = (cost - total * outpatient) / (bill[INPATIENT] - outpatient)
    out = np.zeros((len(KINDS), len(SCHEMES)))
    out[INPATIENT], out[OUTPATIENT], out[CHRONIC] = (
        admissions,
        (1 - chronic) * (total - admissions),
        chronic * (total - admissions),
    )
    return out * (_growth(year, values) if year > LAST else 1.0)


def _growth(year: int, values: Values) -> float:
    """Return the cost of a year after `LAST` against it: where admissions of the draw stand in its trend."""
    return float(np.quantile(_ahead(year), values[Targets.trend_inpatient][0]))


@cache
def _ahead(year: int) -> Array:
    """Return the cost within provinces of a year after `LAST` against it, as `trends` foretells it, (point,)."""
    cost = {of: _cost(of) for of in range(FIRST, LAST + 1)}
    figure = Figure("cost within provinces", "yuan", "", (), Foretell.drift_cost, Foretell.shock_cost)
    known = trends.Past({of: float(np.log(yuan)) for of, yuan in cost.items()}, {})
    return np.exp(trends.ahead(figure, known, [year])[:, 0]) / cost[LAST]


def _cost(year: int) -> float:
    """Return the published cost within provinces, yuan."""
    return sum(_published("cost", scheme, year, 1e8) for scheme in SCHEMES)


def index(year: int, values: Values) -> Array:
    """Return the cost within provinces in a year against `BASE`, (kind,): published for all kinds together, then grown.

    >>> middle = {q: np.full(1, q.number) for q in Targets.quantities()}
    >>> index(2022, middle).round(2).tolist()
    [0.78, 0.78, 0.78, 0.78]
    """
    known = min(max(year, FIRST), LAST)
    later = _growth(year, values) if year > LAST else 1.0
    return np.full(len(KINDS), _cost(known) / _cost(BASE) * later)


def province_shares(values: Values) -> Array:
    """Return the share of each province in all cases within provinces, (province, scheme); 0 in a municipality."""
    whole = areas.provinces()
    people = areas.people(whole, float(values[areas.Areas.xpcc_share][0]), float(values[areas.Areas.employee_slope][0]))
    weight = people.insured * values[Within.per_head][:, None]
    weight[[whole.index(code) for code in ONE_POOL]] = 0.0
    return np.asarray(weight / weight.sum(axis=0))


def expect(place: Place, year: int, values: Values, travelling: Array) -> Array:
    """Return expected visits of a year between cities of one province, (kind, scheme, purpose, home, host).

    V[c,d] = V[province] g[c,d] / sum g over its pairs of different cities; g = residents[c] x pull[d|c] of
    `flows.pull_of_cities`, for those who live there residents[c] x newcomers[d]. Both derived: neither is published.
    0 where a geography does not split the province.

    Parameters
    ----------
    travelling : purposes of those who travel, (kind, purpose), as between provinces: see `flows.Pull`.
    """
    living = np.full(len(KINDS), values[Within.living_outpatient][0])
    living[INPATIENT] = values[Within.living_inpatient][0]
    purpose = travelling * (1 - living)[:, None]
    purpose[:, LONG_STAY] = living
    where = np.repeat((place.share[:, None] * flows.pull_of_cities(place, values))[None], len(PURPOSES), axis=0)
    where[LONG_STAY] = place.share[:, None] * place.newcomers
    where = where * place.inside
    of_province = np.eye(len(areas.provinces().codes))[place.province]
    total = np.einsum("pij,ih->ph", where, of_province)[:, place.province]
    where = where / np.where(total > 0, total, 1.0)[:, :, None]
    cases = national(year, values)[:, :, None] * province_shares(values).T
    out: Array = cases[:, :, None, place.province, None] * purpose[:, None, :, None, None] * where
    return out
