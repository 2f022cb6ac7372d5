"""What a city's cut of class B self-pay costs its own fund at home, beside what the city expects: Dezhou, 2023."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.catalogue.baskets import DRUG, ITEMS, Lists, spent, with_self_pay
from simlib.files.facts import read
from simlib.patients import areas, flows, visits
from simlib.quantities import Params, Quantity
from simlib.terms import CHRONIC, INPATIENT, KINDS, PPM, SCHEMES

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]

DEZHOU, SHANDONG = "371400", "370000"


class SelfPay(Params, prefix="self_pay"):
    """What Dezhou published of care at home, beside the tables of pools and benefits."""

    dezhou_admissions: Quantity
    dezhou_received: Quantity
    dezhou_estimate: Quantity


class LocalPart(NamedTuple):
    """One factor a column, of one kind of care and scheme in a year.

    visits : at home. bill_yuan : of one of them. drug_share : of a bill. class_b : of what is spent on drugs. cut : of
    the first self-pay share. fund_share : of what is in the catalogue. fund_yuan : what the fund pays more.
    """

    kind: str
    scheme: str
    visits: float
    bill_yuan: float
    drug_share: float
    class_b: float
    cut: float
    fund_share: float
    fund_yuan: float


def more(visits: float, bill_yuan: float, drug_share: float, class_b: float, cut: float, fund_share: float) -> float:
    """Return what a fund pays more, yuan: the product of visits, bill, shares, cut and the fund's share.

    >>> more(1_000_000, 10_000, 0.3, 0.6, 0.02, 0.7)
    25200000.0
    """
    return round(visits * bill_yuan * drug_share * class_b * cut * fund_share, 2)


def dezhou(lists: Lists, v: Values, cut: float) -> tuple[LocalPart, ...]:
    """Return what a cut of all class B drugs' first self-pay costs Dezhou's fund for care at home, by kind and scheme.

    Admissions and chronic visits: the drugs that the city names (cancer, transplants, rare diseases, emergencies, those
    with negotiated prices) are given there. Published: insured people, residents' admissions of half a year (taken
    twice), the fund's share of in-catalogue inpatient cost by scheme. From the nation: employees' admissions and
    chronic visits per insured, mean bills by scheme. From the draw: drugs' share of a bill and class B's of drugs on
    Shandong's list, the employees' share of Shandong's insured. Assumed: the inpatient fund share for chronic care.

    Parameters
    ----------
    lists, v : of a draw, see `solve.World`. cut : of the share, positive; at most 0.05, the smallest share there is.

    Raises
    ------
    ValueError : the cut is not between 0 and 0.05.
    """
    if not 0 <= cut <= 0.05:
        raise ValueError(f"{cut}: a cut of class B shares lies between 0 and 0.05, the smallest of them.")
    place = areas.provinces()
    at = place.index(SHANDONG)
    people = areas.people(place, float(v[areas.Areas.xpcc_share][0]), float(v[areas.Areas.employee_slope][0]))
    (insured,) = (1e4 * float(row["insured"]) for row in read("fund_pools") if row["area"] == DEZHOU)
    members = insured * people.insured[at] / people.insured[at].sum()
    number = flows.rates() * members
    number[INPATIENT, SCHEMES.index("resident")] = 2 * SelfPay.dezhou_admissions.number
    bills, drugs = visits.home_bills(), drug_shares(lists, at)
    out = []
    for k in (INPATIENT, CHRONIC):
        for s, scheme in enumerate(SCHEMES):
            of_bill, class_b = (float(share) for share in drugs[k])
            factors = (float(number[k, s]), float(bills[k, s]), of_bill, class_b, cut, _fund_share(scheme))
            out.append(LocalPart(KINDS[k], scheme, *factors, more(*factors)))
    return tuple(out)


def drug_shares(lists: Lists, province: int) -> Array:
    """Return drugs' share of bills, and class B's share of what is spent on drugs on a province's list, (kind, 2)."""
    drugs = slice(DRUG * ITEMS, (DRUG + 1) * ITEMS)
    basket, parts = lists.basket[..., drugs], lists.parts[province, drugs]
    weight = lists.bill / lists.bill.sum(axis=1, keepdims=True)
    moved = spent(basket, with_self_pay(parts, np.array(-0.05)))[..., 3] - spent(basket, parts)[..., 3]
    of_bill = (weight * basket.sum(axis=-1)).sum(axis=1) / PPM
    class_b = (weight * moved).sum(axis=1) / 0.05 / PPM**2
    return np.stack([of_bill, class_b / of_bill], axis=1)


def _fund_share(scheme: str) -> float:
    """Return the fund's share of in-catalogue inpatient cost that Dezhou published."""
    asked = {"area": DEZHOU, "scheme": scheme, "field": "in_policy_fund_share"}
    (share,) = (float(row["value"]) for row in read("benefits") if all(row[column] == x for column, x in asked.items()))
    return share
