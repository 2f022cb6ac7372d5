"""The national default policy: what stands where an area's own rule was not found.

One deductible, ratio and cap per scheme: deductibles and caps are what areas typically write, ratios are solved so that
the published share of in-scope cost that the fund pays comes out. Points off away from home are unknowns.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from simlib.catalogue.baskets import CONDITIONS
from simlib.files.facts import value
from simlib.patients import visits
from simlib.quantities import AtFull, Params, Quantity, fact, lever, unknown
from simlib.terms import CHRONIC, INPATIENT, KINDS, OUTPATIENT, PHARMACY, SCHEMES, TIERS

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]
MEDIAN = "median of the areas whose published benefits were found, 2020-2025"


def _deductible(tier: int) -> Quantity:
    """Return the lever on the deductible of one tier."""
    return lever(
        f"deductible of an admission in a tier-{tier} hospital (起付线)",
        None,
        unit="yuan",
        axes=("home", "scheme"),
        low=0,
        high=100_000,
        kinds=("inpatient",),
        at_full=AtFull(100_000, down=("fund_payment",), untouched=CONDITIONS),
        source=MEDIAN,
        grade="derived",
    )


def _usual(what: str, yuan: float) -> Quantity:
    """Return what areas typically write."""
    return fact(f"national default of the {what}", yuan, unit="yuan", source=MEDIAN, grade="derived")


class Benefits(Params, prefix="benefits"):
    """The numbers of the national default policy."""

    cap_yuan = lever(
        "annual cap on what the basic fund pays (封顶线)",
        None,
        unit="yuan",
        axes=("home", "scheme"),
        low=10_000,
        high=10_000_000,
        at_full=AtFull(10_000, down=("fund_payment",), untouched=CONDITIONS),
        source=MEDIAN,
        grade="derived",
    )
    deductible_yuan__tier1 = _deductible(1)
    deductible_yuan__tier2 = _deductible(2)
    deductible_yuan__tier3 = _deductible(3)
    default_cap_employee = _usual("annual cap, employees", 500_000)
    default_cap_resident = _usual("annual cap, residents", 300_000)
    default_deductible_employee_tier1 = _usual("deductible of an admission, employees, tier 1", 300)
    default_deductible_employee_tier2 = _usual("deductible of an admission, employees, tier 2", 600)
    default_deductible_employee_tier3 = _usual("deductible of an admission, employees, tier 3", 900)
    default_deductible_resident_tier1 = _usual("deductible of an admission, residents, tier 1", 200)
    default_deductible_resident_tier2 = _usual("deductible of an admission, residents, tier 2", 500)
    default_deductible_resident_tier3 = _usual("deductible of an admission, residents, tier 3", 1000)
    ratio_outpatient_employee = unknown("fund share of in-scope outpatient cost, employees", 0.5, 0.75, unit="share")
    ratio_outpatient_resident = unknown("fund share of in-scope outpatient cost, residents", 0.4, 0.6, unit="share")
    ratio_chronic_employee = unknown(
        "fund share of in-scope chronic outpatient cost, employees", 0.7, 0.9, unit="share"
    )
    ratio_chronic_resident = unknown(
        "fund share of in-scope chronic outpatient cost, residents", 0.5, 0.75, unit="share"
    )
    in_scope_home = unknown(
        "share of a bill at home that enters the ratio",
        0.7,
        0.9,
        default=0.8,
        dist="triangular",
        unit="share",
        source="68.2/84.8, two sources and years: rough",
        grade="derived",
    )
    cut_referral = unknown(
        "points off the ratio for referral and emergency",
        0.0,
        0.1,
        unit="share",
        source="NHSA and Ministry of Finance notice 医保发〔2022〕22号: at most 10 points",
        grade="official",
    )
    cut_temporary = unknown(
        "points off the ratio for other temporary care",
        0.0,
        0.2,
        unit="share",
        source="NHSA and Ministry of Finance notice 医保发〔2022〕22号: at most 20 points",
        grade="official",
    )
    cut_unfiled = unknown(
        "points off the ratio without a valid filing, not below those of temporary care", 0.0, 0.2, unit="share"
    )


def points_off(v: Values) -> Array:
    """Return the points off the ratio by filing, share.

    Long stay none; temporary care not less than a referral, and without a filing not less than either, as
    differentiated ratios must be.
    """
    referral = v[Benefits.cut_referral][0]
    temporary = max(referral, v[Benefits.cut_temporary][0])
    return np.array([0.0, referral, referral, temporary, max(temporary, v[Benefits.cut_unfiled][0])])


def default_ratios(v: Values, quantiles: Array) -> Array:
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
                bills, v[Benefits.in_scope_home][0], default_deductibles()[s, t], share
            )
    outpatient = np.array([v[Benefits.ratio_outpatient_employee], v[Benefits.ratio_outpatient_resident]])
    out[OUTPATIENT] = out[PHARMACY] = outpatient
    out[CHRONIC] = np.array([v[Benefits.ratio_chronic_employee], v[Benefits.ratio_chronic_resident]])
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
    """Return the middle of every unknown that the default policy and bills depend on: for one case, not a draw."""
    groups = (Benefits, visits.Visits)
    return {q: np.array([q.number]) for group in groups for q in group.quantities() if q.role == "unknown"}


def middle_ratios() -> Array:
    """Return the national default ratios at the middle of the unknowns, (kind, scheme, tier).

    >>> middle_ratios()[0, :, 2].round(2).tolist()
    [0.9, 0.72]
    """
    v = middle()
    return default_ratios(v, visits.bill_quantiles(v[visits.Visits.sigma][0], v[visits.Visits.tail][0]))
