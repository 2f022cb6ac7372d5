"""Chronic diseases in outpatient care (门诊慢特病): which are on the list, who has which, how often and how dear.

Published of cross-province chronic care are visits and fund payment of all diseases together, and the fund pays more a
visit than at home: the mix leans to dear diseases. It is the mix at home, each disease weighed by a power of its cost
that gives the wanted mean bill. What single diseases cost and how many have them are ranges, see `data/diseases.csv`.

Of a disease that is not listed no chronic benefit can be settled directly. Most pooling areas have two benefits, the
chronic one the higher (journal, 2023), and ordinary outpatient care settles directly whatever the diagnosis: so the
visit may be settled as ordinary care at the lower benefit, unless the patient claims the chronic one at home by hand
instead. How often hospitals settle so, and how often they let the patient pay the whole bill, nobody has published: a
share from none to all. What is settled so counts as chronic care here, as ordinary outpatient care in published totals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.compiled import rule
from simlib.files.facts import read, value
from simlib.quantities import Params, Quantity
from simlib.terms import CHRONIC, MONTHS

Array = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint16]
Values = Mapping[Quantity, Array]

DISEASES = tuple(row["disease"] for row in read("diseases"))
"""Chronic diseases that are told apart, those on the national list of 2021 first."""
WAVE = np.array([("2021-12", "2025-01", "").index(row["listed_from"]) for row in read("diseases")])
"""When each was listed nationally: 0 in 2021, 1 in December 2024, 2 never."""


def _published(table: str, metrics: tuple[str, str], **where: str) -> tuple[float, float]:
    """Return published visits and fund payment of a time, yuan."""
    visits, paid = (value(table, metric=metric, **where) for metric in metrics)
    return visits, paid * 1e8


FIRST_MONTH = _published("history", ("chronic_added_visits", "chronic_added_fund"), scheme="all", year="2024-12")
LAST_QUARTER = _published("direct_settlement", ("visits", "fund_paid"), period="2024Q4", kind="chronic_outpatient")
"""Direct visits and fund payment, yuan: of the five diseases added in December 2024, and of all chronic care before."""

FIRST_FIVE = 5
"""How many of them could be settled directly in all areas by 2023."""


class Chronic(Params, prefix="chronic"):
    """How often and how dear each disease is; the ranges themselves stand in the table of diseases."""

    patients: Quantity
    visits: Quantity
    cost: Quantity
    dearer: Quantity
    as_ordinary: Quantity
    ramp_months: Quantity
    listed__hypertension: Quantity
    listed__diabetes: Quantity
    listed__cancer: Quantity
    listed__dialysis: Quantity
    listed__transplant: Quantity
    listed__copd: Quantity
    listed__rheumatoid_arthritis: Quantity
    listed__coronary_heart_disease: Quantity
    listed__viral_hepatitis: Quantity
    listed__ankylosing_spondylitis: Quantity
    listed__tuberculosis: Quantity
    listed__connective_tissue_disease: Quantity
    listed__stroke: Quantity
    listed__anticoagulation: Quantity


class Diseases(NamedTuple):
    """What one draw says of each disease, (disease,).

    patients : per 1,000 insured. visits : a year and patient. cost : yuan a visit elsewhere. wave : 0 of those listed
    first, 1 of those added in December 2024, 2 of others. added : visits for those added, certified for care elsewhere,
    for each visit for the first, were all settled directly.
    """

    patients: Array
    visits: Array
    cost: Array
    wave: npt.NDArray[np.int64]
    added: float


class Mix(NamedTuple):
    """Diseases of cross-province chronic care in one draw, (disease,).

    visits : share of visits. patients : share of patients. bill : mean bill against that of all visits. certified :
    share of patients of the diseases not listed first who are certified for care elsewhere, against those listed first.
    """

    visits: Array
    patients: Array
    bill: Array
    certified: float


def diseases(values: Values) -> Diseases:
    """Return what a draw says of each disease: log-uniform in its range.

    The first month of the five diseases added in December 2024 is published: 20,300 visits against those of the last
    quarter for the diseases listed first. `added` is that share over what a ramp-up reaches in its first month.

    >>> middle = {q: np.full(len(DISEASES), q.number) for q in Chronic.quantities()}
    >>> diseases(middle).visits.round(1)[:4].tolist(), round(diseases(middle).added, 3)
    ([6.0, 6.9, 8.0, 127.4], 0.121)
    """
    patients, visits, cost = (
        _placed(q.id.partition(".")[2], values[q]) for q in (Chronic.patients, Chronic.visits, Chronic.cost)
    )
    added = FIRST_MONTH[0] / (LAST_QUARTER[0] / 3) / float(reached(np.array(1.0), values[Chronic.ramp_months][0]))
    return Diseases(patients, visits, cost * values[Chronic.dearer][0], WAVE, added)


def reached(months: Array, ramp_months: float) -> Array:
    """Return the share of its level that care for a newly listed disease has reached in its n-th month.

    1 - exp(-n / ramp-up); 0 before the first month.

    >>> reached(np.array([0, 1, 12]), 3.0).round(3).tolist()
    [0.0, 0.283, 0.982]
    """
    return np.asarray(1 - np.exp(-months / ramp_months))


def _placed(what: str, place: Array) -> Array:
    """Return the number at a place, 0 to 1, in the range of each disease."""
    low, high = (np.array([float(row[f"{what}_{end}"]) for row in read("diseases")]) for end in ("low", "high"))
    return np.asarray(low * (high / low) ** place)


def dispersions() -> Array:
    """Return the dispersion of visits per patient, (disease,): dialysis is regular."""
    return np.array([float(row["dispersion"]) for row in read("diseases")])


def mix(diseases: Diseases, mean_bill: float) -> Mix:
    """Return the mix of diseases whose mean bill is the wanted one, yuan.

    Of diseases listed first: share of visits ~ patients visits cost^tilt, the tilt solved. A mean beyond nine tenths of
    the way to the cheapest or dearest of them is met by lower or higher bills of all. Others keep their proportions;
    those added in December 2024 have the visits (`Diseases.added`) and the mean bill, against the first, of what is
    published of their first month, and the rest are certified as seldom and as dear as these.

    >>> wave, cost = np.array([0, 0, 1]), np.array([200.0, 600.0, 300.0])
    >>> m = mix(Diseases(np.array([10.0, 1.0, 9.0]), np.array([6.0, 120.0, 5.0]), cost, wave, 0.1), 500.0)
    >>> m.visits.round(3).tolist(), m.bill.round(3).tolist(), round(m.certified, 3)
    ([0.142, 0.767, 0.091], [0.4, 1.2, 0.25], 0.4)
    """
    base, first, added = diseases.patients * diseases.visits, diseases.wave == 0, diseases.wave == 1
    fewer = diseases.added * base[first].sum() / base[added].sum()
    visits = np.where(first, base, fewer * base) / base[first].sum()  # of the first: 1 in all
    mean_added = float(base[added] @ diseases.cost[added] / base[added].sum())
    dear = (
        _dear_added() / mean_added * np.where(first, 0.0, diseases.cost)
    )  # bills of the others, per yuan of the first
    wanted = mean_bill * visits.sum() / (1 + float(visits @ dear))
    some = diseases.cost[first]
    even = float(base[first] @ some / base[first].sum())
    low, high = (end + 0.1 * (even - end) for end in (float(some.min()), float(some.max())))
    visits[first] = _tilted(base[first], some, min(max(wanted, low), high))
    cost = np.where(first, diseases.cost, dear * float(visits[first] @ some))
    patients, bill = visits / diseases.visits, float(visits @ cost) / visits.sum()
    return Mix(visits / visits.sum(), patients / patients.sum(), cost / bill, float(fewer))


def _tilted(base: Array, cost: Array, wanted: float) -> Array:
    """Return shares ~ base cost^tilt whose mean cost is the wanted one, by bisection."""
    log_cost, low, high = np.log(cost / wanted), -60.0, 60.0
    for _ in range(60):
        tilt = (low + high) / 2
        score = tilt * log_cost
        share = base * np.exp(score - score.max())
        share /= share.sum()
        low, high = (tilt, high) if share @ cost < wanted else (low, tilt)
    return np.asarray(share)


def _dear_added() -> float:
    """Return fund payment on a visit for the diseases added, in their first month, against those listed first."""
    return (FIRST_MONTH[1] / FIRST_MONTH[0]) / (LAST_QUARTER[1] / LAST_QUARTER[0])


def listing(settings: Any) -> Bits:
    """Return the diseases that a scenario's year lists, bits, (home, host, month)."""
    bits = [
        settings.values(f"chronic.listed.{name}")[:, :, 0, CHRONIC].astype(np.uint16) << d
        for d, name in enumerate(DISEASES)
    ]
    return np.asarray(np.bitwise_or.reduce(bits))


RUNGS = 64
"""Groups of patients who reach a newly listed disease's settlement one after another."""
YEARS_BACK = 3
"""Full years before a year in which a disease is listed throughout if its ramp-up is over."""


def ladder(listed: Bits, ramp_months: float) -> Bits:
    """Return the diseases that patients of each rung can settle directly in the last year, bits, (row x month, rung).

    A patient's rung says at which share of the level care for a newly listed disease is open to that patient; a disease
    that was listed in all months before is open to all. listed : bits, (row, month), `YEARS_BACK` years and the year.

    >>> months = np.zeros((1, 48), dtype=np.uint16)
    >>> months[0, 46:] = 1
    >>> [int(row.sum()) for row in ladder(months, 1.5)[-3:]]
    [0, 31, 47]
    """
    bits = (listed[:, :, None] >> np.arange(len(DISEASES), dtype=np.uint16)) & 1
    since = np.empty(bits.shape)
    since[:, 0] = np.where(bits[:, 0], np.inf, 0)
    for month in range(1, bits.shape[1]):
        since[:, month] = np.where(bits[:, month], since[:, month - 1] + 1, 0)
    share = reached(since[:, -MONTHS:], ramp_months)
    open_ = share[..., None] > (np.arange(RUNGS) + 0.5) / RUNGS  # (row, month, disease, rung)
    weights = (1 << np.arange(len(DISEASES))).astype(np.uint16)
    return np.ascontiguousarray(np.einsum("rmdg,d->rmg", open_, weights).astype(np.uint16).reshape(-1, RUNGS))


@rule
def count_row(kind: int, disease: int) -> int:
    """Return the row of the tables of visits per patient: kinds in order, chronic care disease by disease.

    >>> [int(count_row(k, d)) for k, d in ((0, -1), (1, -1), (2, 0), (2, 13), (3, -1))]
    [0, 1, 2, 15, 16]
    """
    if kind == CHRONIC:
        return kind + disease
    return kind + (len(DISEASES) - 1) * (kind > CHRONIC)
