"""The numbers of one parameter draw: the value of every uncertain parameter, and what follows for everybody alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib import randomness
from simlib.benefits import national
from simlib.catalogue import baskets
from simlib.errors import BadInputError, did_you_mean, shown
from simlib.files.facts import read, value
from simlib.patients import areas, chronic, visits
from simlib.quantities import Quantity, register
from simlib.randomness import odds_of
from simlib.scenario.scenario import Scenario
from simlib.settlement.channels import Channels
from simlib.simulation.measures import Costs
from simlib.simulation.visit import DRAW
from simlib.terms import CATEGORIES, CHRONIC, FEN, INPATIENT, KINDS, PPM, TIERS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Values = Mapping[Quantity, Array]
Pin = Mapping[str, float | str]
"""Uncertain parameters held at a value and variants held at a form, by id."""


def values_of(reference: Scenario, seed: int, draw: int, pin: Pin) -> Values:
    """Return the value of every parameter in a draw of a run: a member of the root's ensemble, else of the ranges."""
    fitted = reference.ensemble
    if fitted is None:
        return draw_values(seed, draw, pin)
    return draw_values(fitted.seed, fitted.member(seed, draw), pin, fitted.candidates)


def axes_sizes() -> dict[str, int]:
    """Return how many places each axis of an uncertain parameter has."""
    provinces = len(areas.provinces().codes)
    size = {"home": provinces, "host": provinces, "kind": len(KINDS), "category": len(CATEGORIES)}
    return size | {"disease": len(chronic.DISEASES), "city": len(read("cities"))}


def draw_batch(seed: int, numbers: Ints, candidates: int, groups: Sequence[str]) -> Values:
    """Return the values of many candidates of a Latin hypercube at once, (candidate, place), variants by default.

    groups : what the ids asked for start with. Row by row the same as `draw_values` of each.

    >>> both = draw_batch(0, np.arange(4), 8, ("flow",))
    >>> all((one == both[q][3]).all() for q, one in draw_values(0, 3, {}, 8).items() if q in both)
    True
    """
    size, out = axes_sizes(), {}
    for name, q in register().items():
        if name.partition(".")[0] not in groups:
            continue
        if q.role == "variant":
            out[q] = np.full((len(numbers), 1), float(q.choices.index(str(q.default))))
        elif q.role == "uncertain" and not q.axes:
            out[q] = randomness.quantile(q, randomness.hypercube(q, seed, candidates)[numbers])[:, None]
        elif q.role == "uncertain":
            count = int(np.prod([size[axis] for axis in q.axes]))
            standing = [randomness.standing(q, seed, number, count) for number in numbers.tolist()]
            out[q] = randomness.quantile(q, np.stack(standing))
    return out


def draw_values(seed: int, draw: int, pin: Pin, candidates: int | None = None) -> Values:
    """Return the value of every parameter in a draw, one number per province on its axes; `pin` fixes some by id.

    A variant's value is the position of its form, the default unless pinned. candidates : number of draws of a Latin
    hypercube that this is one of; without it draws are independent, and there is no end of them.
    """
    size, known = axes_sizes(), register()
    uncertain = {name: q for name, q in known.items() if q.role == "uncertain"}
    variants = {name: q for name, q in known.items() if q.role == "variant"}
    wrong = sorted(set(pin) - set(uncertain) - set(variants))
    if wrong:
        raise BadInputError(
            f"{', '.join(wrong)}: no such uncertain parameter or variant to pin. `simlib parameters` lists them"
        )
    out: dict[Quantity, Array] = {}
    for name, q in variants.items():
        form = str(pin.get(name, q.default))
        if form not in q.choices:
            raise BadInputError(f"{name}: {shown(form)}. {did_you_mean(form, q.choices)}")
        out[q] = np.array([float(q.choices.index(form))])
    for name, quantity in uncertain.items():
        count = int(np.prod([size[axis] for axis in quantity.axes]))
        if name in pin:
            out[quantity] = np.full(count, pin[name])
        elif candidates and not quantity.axes:
            out[quantity] = randomness.quantile(quantity, randomness.hypercube(quantity, seed, candidates)[[draw]])
        else:
            out[quantity] = randomness.draw_parameter(quantity, seed, draw, count)
    return out


def patient_costs(values: Values) -> Costs:
    """Return what a claim costs the patient, fen by kind, and the wait for it, r tau, per yuan, without measures."""
    of_claim = np.full(len(KINDS), FEN * values[Channels.hassle_outpatient][0])
    of_claim[INPATIENT] = FEN * values[Channels.hassle_inpatient][0]
    return Costs(of_claim, float(values[Channels.interest][0] * values[Channels.delay_months][0]))


def counts(values: Values) -> Array:
    """Return the tables of visits per patient, (`chronic.count_row`, count)."""
    shape, diseases = float(values[visits.Visits.dispersion][0]), chronic.diseases(values)
    single = [(float(values[getattr(visits.Visits, f"mean_{kind}")][0]), shape) for kind in KINDS if kind != "chronic"]
    by_disease = zip(diseases.visits.tolist(), chronic.dispersions().tolist(), strict=True)
    return np.stack([visits.count_table(*shaped) for shaped in (*single[:CHRONIC], *by_disease, *single[CHRONIC:])])


def circumstances(values: Values) -> Any:
    """Return a record of `visit.DRAW` with all that solving leaves alone.

    How many visits, when and in which hospitals, who the people are, their care at home before the first visit.
    """
    beds = np.array([value("national", metric="hospital_admissions", tier=str(t), year="2023") for t in TIERS])
    relative = visits.tier_bills() / float(visits.tier_bills() @ beds / beds.sum())
    retired = (values[visits.Visits.retired_share_employee][0], values[visits.Visits.senior_share_resident][0])
    fields = {
        "counts": counts(values),
        "season": visits.cumulative(visits.season()),
        "tiers": visits.cumulative(visits.tier_shares(values[visits.Visits.tier3_share][0])),
        "retired": odds_of(retired),
        "balances": visits.balances(FEN * float(values[visits.Visits.account_yuan][0])),
        "admissions": visits.admission_tables(),
        "tiers_home": visits.cumulative(beds / beds.sum()),
        "admission_fen": FEN * visits.home_bills()[INPATIENT][:, None] * relative,
        "outpatient_fen": FEN * visits.outpatient_at_home(),
        "in_scope_ppm": round(PPM * float(values[national.Benefits.in_scope_home][0])),
        "baskets": baskets.BASKETS,
        "care_at_home": True,
    }
    return filled(np.zeros(1, dtype=DRAW), fields)


def filled(record: Any, fields: Mapping[str, Any]) -> Any:
    """Return the one record of an array with some fields set."""
    for name, content in fields.items():
        record[name] = content
    return record[0]


def bill_scale(bill: Array, lists: baskets.Lists) -> Array:
    """Return mean bills, fen, (kind x scheme x tier, basket), from the mean in tier 3, yuan, (kind, scheme).

    Chronic bills are those of all diseases together.
    """
    scale: Array = (
        FEN * bill[:, :, None, None] * visits.tier_bills()[None, None, :, None] * lists.bill[:, None, None, :]
    )
    return scale.reshape(-1, scale.shape[-1])
