"""The numbers of one draw: unknowns drawn, and the rules that a scenario enacts with them in a year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib import areas, benefits, catalogue, declared, visits
from simlib.benefits import Benefits
from simlib.channels import Channels
from simlib.luck import draw_unknown
from simlib.scenario import Settings
from simlib.tables import value
from simlib.terms import CATEGORIES, FEN, KINDS, SCHEMES, TIERS, BadInputError, Quantity

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]


class Rules(NamedTuple):
    """What a scenario enacts in a year, as the loop reads it.

    policy (home, scheme, kind, filing, month, tier) of `benefits.POLICY`; cover (slot, kind, basket, 3) ppm;
    slot (home, host, kind, month); free (home, host, kind, month).
    """

    policy: Any
    cover: Any
    slot: Any
    free: Any


def draw_values(place: areas.Place, seed: int, draw: int, pin: Mapping[str, float]) -> Values:
    """Return the value of every unknown in a draw, one number per place on its axes; `pin` fixes some by id."""
    size = {"home": len(place.codes), "host": len(place.codes), "kind": len(KINDS), "category": len(CATEGORIES)}
    unknowns = {name: q for name, q in declared.quantities().items() if q.role == "unknown"}
    wrong = sorted(set(pin) - set(unknowns))
    if wrong:
        raise BadInputError(f"{', '.join(wrong)}: no such unknown to pin; `simlib parameters` lists them")
    out: dict[Quantity, Array] = {}
    for name, quantity in unknowns.items():
        count = int(np.prod([size[axis] for axis in quantity.axes]))
        out[quantity] = np.full(count, pin[name]) if name in pin else draw_unknown(quantity, seed, draw, count)
    return out


def enact(settings: Settings, v: Values, lists: catalogue.Lists, quantiles: Array) -> Rules:
    """Return the rules of a scenario's year in one draw."""
    rules = np.stack([settings.values(f"catalogue.rule.{c}")[:, :, 0] for c in CATEGORIES], axis=-1)
    reach = np.stack([settings.values(f"catalogue.reach.{c}")[:, :, 0] for c in CATEGORIES], axis=-1)
    cover, slot = catalogue.covers(lists, rules, reach)
    deductible = np.stack([settings.values(f"benefits.deductible_yuan.tier{t}")[:, 0, :, 0] for t in TIERS], axis=-1)
    cap = settings.values("benefits.cap_yuan")[:, 0, :, 0]
    policy = benefits.policies(default_ratios(v, quantiles), points_off(v), deductible, cap)
    return Rules(policy, cover, slot, settings.values("filing.free")[:, :, 0])


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
            bills = visits.home_bills()[0, s] * relative[t] * quantiles
            out[0, s, t] = benefits.default_ratio(
                bills, v[Benefits.in_scope_home][0], benefits.default_deductibles()[s, t], share
            )
    out[1] = np.array([v[Benefits.ratio_outpatient_employee], v[Benefits.ratio_outpatient_resident]])
    return out


def patient_costs(v: Values) -> tuple[Array, float]:
    """Return the hassle of a claim, fen by kind, and the cost of waiting for it, r tau, per yuan."""
    hassle = FEN * np.array([v[Channels.hassle_inpatient][0], v[Channels.hassle_outpatient][0]])
    return hassle, float(v[Channels.interest][0] * v[Channels.delay_months][0])


def bill_scale(bill: Array, lists: catalogue.Lists) -> Array:
    """Return mean bills, fen, by (kind, scheme, tier, basket), from the mean in tier 3, yuan, (kind, scheme)."""
    scale: Array = (
        FEN * bill[:, :, None, None] * visits.tier_bills()[None, None, :, None] * lists.bill[:, None, None, :]
    )
    return scale
