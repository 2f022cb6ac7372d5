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
from scipy.optimize import brentq

from simlib.compiled import rule
from simlib.files.facts import read
from simlib.quantities import Params, Quantity
from simlib.terms import CHRONIC

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]

DISEASES = tuple(row["disease"] for row in read("diseases"))
"""Chronic diseases that are told apart, those on the national list of 2021 first."""

FIRST_FIVE = 5
"""How many of them could be settled directly in all areas by 2023."""


class Chronic(Params, prefix="chronic"):
    """How often and how dear each disease is; the ranges themselves stand in the table of diseases."""

    patients: Quantity
    visits: Quantity
    cost: Quantity
    dearer: Quantity
    as_ordinary: Quantity
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

    patients : per 1,000 insured. visits : a year and patient. cost : yuan a visit elsewhere.
    """

    patients: Array
    visits: Array
    cost: Array


class Mix(NamedTuple):
    """Diseases of cross-province chronic care in one draw, (disease,).

    visits : share of visits. patients : share of patients. bill : mean bill against that of all visits.
    """

    visits: Array
    patients: Array
    bill: Array


def diseases(values: Values) -> Diseases:
    """Return what a draw says of each disease: log-uniform in its range.

    >>> middle = {q: np.full(len(DISEASES), q.number) for q in Chronic.quantities()}
    >>> diseases(middle).visits.round(1)[:4].tolist()
    [6.0, 6.9, 8.0, 127.4]
    """
    patients, visits, cost = (
        _placed(q.id.partition(".")[2], values[q]) for q in (Chronic.patients, Chronic.visits, Chronic.cost)
    )
    return Diseases(patients, visits, cost * values[Chronic.dearer][0])


def _placed(what: str, place: Array) -> Array:
    """Return the number at a place, 0 to 1, in the range of each disease."""
    low, high = (np.array([float(row[f"{what}_{end}"]) for row in read("diseases")]) for end in ("low", "high"))
    return np.asarray(low * (high / low) ** place)


def dispersions() -> Array:
    """Return the dispersion of visits per patient, (disease,): dialysis is regular."""
    return np.array([float(row["dispersion"]) for row in read("diseases")])


def mix(diseases: Diseases, mean_bill: float) -> Mix:
    """Return the mix of diseases whose mean bill is the wanted one, yuan.

    share of visits ~ patients visits cost^tilt, the tilt solved. A mean beyond nine tenths of the way to the cheapest
    or dearest disease is met by lower or higher bills of all.

    >>> m = mix(Diseases(np.array([10.0, 1.0]), np.array([6.0, 120.0]), np.array([200.0, 600.0])), 500.0)
    >>> m.visits.round(3).tolist(), m.bill.round(3).tolist(), m.patients.round(3).tolist()
    ([0.25, 0.75], [0.4, 1.2], [0.87, 0.13])
    """
    base, log_cost = diseases.patients * diseases.visits, np.log(diseases.cost)

    def shares(tilt: float) -> Array:
        score = np.log(base) + tilt * log_cost
        weight = np.exp(score - score.max())
        return np.asarray(weight / weight.sum())

    even = float((shares(0.0) * diseases.cost).sum())
    low, high = (end + 0.1 * (even - end) for end in (float(diseases.cost.min()), float(diseases.cost.max())))
    wanted = min(max(mean_bill, low), high)
    tilt = brentq(lambda x: float((shares(x) * diseases.cost).sum()) - wanted, -60.0, 60.0, xtol=1e-13)
    visits = shares(float(tilt))
    patients = visits / diseases.visits
    return Mix(visits, patients / patients.sum(), diseases.cost / float((visits * diseases.cost).sum()))


def listing(settings: Any) -> npt.NDArray[np.uint16]:
    """Return the diseases that a scenario's year lists, bits, (home, host, month)."""
    bits = [
        settings.values(f"chronic.listed.{name}")[:, :, 0, CHRONIC].astype(np.uint16) << d
        for d, name in enumerate(DISEASES)
    ]
    return np.asarray(np.bitwise_or.reduce(bits))


@rule
def count_row(kind: int, disease: int) -> int:
    """Return the row of the tables of visits per patient: kinds in order, chronic care disease by disease.

    >>> [int(count_row(k, d)) for k, d in ((0, -1), (1, -1), (2, 0), (2, 13), (3, -1))]
    [0, 1, 2, 15, 16]
    """
    if kind == CHRONIC:
        return kind + disease
    return kind + (len(DISEASES) - 1) * (kind > CHRONIC)
