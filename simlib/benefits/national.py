"""The national default policy: what stands where an area's own rule was not found.

One deductible, ratio and cap per scheme: deductibles and caps are what areas typically write, ratios are solved so that
the published share of in-scope cost that the fund pays comes out. Points off away from home are uncertain parameters.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from simlib.files.facts import value
from simlib.patients import visits
from simlib.quantities import Params, Quantity
from simlib.terms import CHRONIC, INPATIENT, KINDS, OUTPATIENT, PHARMACY, SCHEMES, TIERS

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]


class Benefits(Params, prefix="benefits"):
    """The numbers of the national default policy."""

    cap_yuan: Quantity
    deductible_yuan__tier1: Quantity
    deductible_yuan__tier2: Quantity
    deductible_yuan__tier3: Quantity
    default_cap_employee: Quantity
    default_cap_resident: Quantity
    default_deductible_employee_tier1: Quantity
    default_deductible_employee_tier2: Quantity
    default_deductible_employee_tier3: Quantity
    default_deductible_resident_tier1: Quantity
    default_deductible_resident_tier2: Quantity
    default_deductible_resident_tier3: Quantity
    ratio_outpatient_employee: Quantity
    ratio_outpatient_resident: Quantity
    ratio_chronic_employee: Quantity
    ratio_chronic_resident: Quantity
    in_scope_home: Quantity
    cut_referral: Quantity
    cut_temporary: Quantity
    cut_unfiled: Quantity


def points_off(values: Values) -> Array:
    """Return the points off the ratio by filing, share.

    Long stay none; temporary care not less than a referral, and without a filing not less than either, as
    differentiated ratios must be.
    """
    referral = values[Benefits.cut_referral][0]
    temporary = max(referral, values[Benefits.cut_temporary][0])
    return np.array([0.0, referral, referral, temporary, max(temporary, values[Benefits.cut_unfiled][0])])


def default_ratios(values: Values, quantiles: Array) -> Array:
    """Return the national default ratios, (kind, scheme, tier), solved for the published in-catalogue fund shares."""
    beds = np.array([value("national", metric="hospital_admissions", tier=str(t), year="2023") for t in TIERS])
    relative = visits.tier_bills() / float(visits.tier_bills() @ beds / beds.sum())
    out = np.zeros((len(KINDS), len(SCHEMES), len(TIERS)))
    for s, scheme in enumerate(SCHEMES):
        for t, tier in enumerate(TIERS):
            share = (
                value("national", metric="in_catalogue_fund_share", scheme=scheme, tier=str(tier), year="2023") / 100
            )
            bills = visits.home_bills()[INPATIENT, s] * relative[t] * quantiles
            out[INPATIENT, s, t] = default_ratio(
                bills, values[Benefits.in_scope_home][0], default_deductibles()[s, t], share
            )
    outpatient = np.array([values[Benefits.ratio_outpatient_employee], values[Benefits.ratio_outpatient_resident]])
    out[OUTPATIENT] = out[PHARMACY] = outpatient
    out[CHRONIC] = np.array([values[Benefits.ratio_chronic_employee], values[Benefits.ratio_chronic_resident]])
    return out


def default_ratio(bills: Array, in_scope: float, deductible: float, share: float) -> float:
    """Return the ratio that gives the published fund share of in-scope cost.

    share = ratio E[(e - deductible)+] / E[e], e = in-scope part of the bill; not above 1.

    >>> round(default_ratio(np.array([10_000.0]), 0.8, 800, 0.81), 6)
    0.9
    """
    scope = bills * in_scope
    return float(min(share * scope.mean() / np.maximum(scope - deductible, 0).mean(), 1.0))


def default_deductibles() -> Array:
    """Return the national default deductibles, yuan, (scheme, tier)."""
    named = {q.id: q.number for q in Benefits.quantities() if q.role == "fact"}
    return np.array([[named[f"benefits.default_deductible_{s}_tier{t}"] for t in TIERS] for s in SCHEMES])


def default_caps() -> Array:
    """Return the national default annual caps, yuan, (scheme,)."""
    return np.array([q.number for q in (Benefits.default_cap_employee, Benefits.default_cap_resident)])


def middle() -> Values:
    """Return the middle of every uncertain parameter of the default policy and bills: for one case, not a draw."""
    groups = (Benefits, visits.Visits)
    return {q: np.array([q.number]) for group in groups for q in group.quantities() if q.role == "uncertain"}


def middle_ratios() -> Array:
    """Return the national default ratios at the middle of the uncertain parameters, (kind, scheme, tier).

    >>> middle_ratios()[0, :, 2].round(2).tolist()
    [0.9, 0.72]
    """
    values = middle()
    return default_ratios(values, visits.bill_quantiles(values[visits.Visits.sigma][0], values[visits.Visits.tail][0]))
