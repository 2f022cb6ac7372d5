"""Conditions of direct settlement: nothing without measures, and what opening one may and may not do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from simlib.amounts import AMOUNTS, CAUSES, CONDITIONS
from simlib.errors import BadInputError
from simlib.patients import areas
from simlib.patients.chronic import Chronic
from simlib.quantities import levers
from simlib.scenario import scenario
from simlib.scenario.change import Change
from simlib.simulation import measures, simulate, solve

ROOT = Path(__file__).parents[2]
PEOPLE = 20_000
OPENING = (
    *("filing.mended", "network.connected", "codes.unified"),
    *("hospitals.accountability", "hospitals.disputes_settled"),
)
"""Measures that open a condition."""
HOSPITALS = ("hospitals.accountability", "hospitals.notices", "hospitals.disputes_settled")
"""Measures that move hospitals."""
EASING = ("claims.hassle_saved", "claims.waiting_saved", "credit.covered")
"""Measures that make a claim by hand easier."""


def enacting(root: scenario.Scenario, **where: object) -> scenario.Scenario:
    """Return a scenario of 2024 that sets some levers from January on: `set=` pairs, other keys limit where."""
    change = Change.model_validate({"from": "2024-01", "set": where.pop("set"), "where": where})
    return root.model_copy(update={"name": "x", "changes": (change,), "parent": scenario.reference(root), "year": 2024})


def live(parameters: solve.ParameterDraw, of: scenario.Scenario) -> np.ndarray:
    """Return the amounts of a run, (kind, home, host, amount); everybody is looked at alike."""
    nowhere = np.zeros_like(simulate.touched_by(of))
    return simulate.live(parameters, of, touched=nowhere, people=PEOPLE).totals.sum(axis=(0, 2, 5))


def amount(totals: np.ndarray, *names: str) -> np.ndarray:
    return np.asarray(sum(totals[..., AMOUNTS.index(name)] for name in names))


def can_settle(totals: np.ndarray) -> np.ndarray:
    return amount(totals, "visits_direct", "first_choice")


@pytest.fixture(scope="module")
def root(delta: scenario.Scenario) -> scenario.Scenario:
    return scenario.reference(delta)


@pytest.fixture(scope="module")
def before(parameters: solve.ParameterDraw, root: scenario.Scenario) -> np.ndarray:
    return live(parameters, root)


@pytest.mark.parametrize(
    "lever", [*measures.LEVERS, "hospitals.accountability", "hospitals.notices", "hospitals.disputes_settled"]
)
def test_a_measure_at_zero_is_exactly_nothing(
    parameters: solve.ParameterDraw, root: scenario.Scenario, before: np.ndarray, lever: str
) -> None:
    assert (live(parameters, enacting(root, set=((lever, 0.0),))) == before).all()


def test_filings_that_last_longer_lapse_less_and_nothing_else_moves(
    parameters: solve.ParameterDraw, root: scenario.Scenario, before: np.ndarray
) -> None:
    """Valid for 6 months as by rule, 12 and 60; of what was not filed at most the share that had lapsed is filed."""
    runs = [live(parameters, enacting(root, set=(("filing.valid_months", months),))) for months in (6.0, 12.0, 60.0)]
    assert (runs[0] == before).all()
    unfiled = [amount(run, "first_not_filed").sum() for run in runs]
    assert unfiled[0] > unfiled[1] > unfiled[2]
    lapsed = float(parameters.values[simulate.gates.Filing.lapsed][0])
    assert unfiled[2] / unfiled[0] == pytest.approx(1 - 0.9 * lapsed, abs=0.02)
    for name in ("first_not_networked", "first_not_listed"):
        assert (amount(runs[2], name) == amount(before, name)).all()


@pytest.mark.parametrize("lever", OPENING)
def test_opening_a_condition_never_lowers_what_can_settle(
    parameters: solve.ParameterDraw, root: scenario.Scenario, before: np.ndarray, lever: str
) -> None:
    runs = [before, *(live(parameters, enacting(root, set=((lever, share),))) for share in (0.3, 1.0))]
    for less, more in pairwise(runs):
        assert (can_settle(more) >= can_settle(less)).all()
        assert can_settle(more).sum() > can_settle(less).sum()
        assert (amount(more, *AMOUNTS[:3]) == amount(less, *AMOUNTS[:3])).all()


def test_an_outage_lowers_what_can_settle_where_and_when_it_happens(
    parameters: solve.ParameterDraw, root: scenario.Scenario, before: np.ndarray, place: areas.Place
) -> None:
    after = live(parameters, enacting(root, set=(("platform.outage", 0.5),), host=("shanghai",)))
    host = place.index("310000")
    assert (amount(np.delete(after, host, axis=2), "first_not_up") == 0).all()
    assert (can_settle(after) <= can_settle(before)).all()
    down, cases = (amount(after[:, :, host], *names).sum() for names in (("first_not_up",), AMOUNTS[:3]))
    assert 0 < down < 0.5 * cases


def test_what_an_outage_keeps_from_direct_settlement_is_claimed_afterwards_or_given_up(
    parameters: solve.ParameterDraw, root: scenario.Scenario, place: areas.Place
) -> None:
    """Catch-up claims: of the cases lost in the month some are paid by hand, and only there."""
    change = Change.model_validate(
        {"from": "2024-07", "to": "2024-07", "where": {"host": ("shanghai",)}, "set": (("platform.outage", 0.5),)}
    )
    of = enacting(root, set=()).model_copy(update={"changes": (change,)})
    nowhere, host, july = np.zeros_like(simulate.touched_by(of)), place.index("310000"), 6
    one, other = (
        simulate.live(parameters, side, touched=nowhere, people=PEOPLE) for side in (enacting(root, set=()), of)
    )
    lost, claimed, given_up = (
        (amount(run_after, name) - amount(run_before, name))[:, :, host].sum()
        for run_before, run_after in [tuple(run.totals.sum(axis=(0, 2, 5)) for run in (one, other))]
        for name in AMOUNTS[:3]
    )
    assert lost < 0 < min(claimed, given_up) and lost + claimed + given_up == 0
    more = (other.paid - one.paid)[:, :, :, host, :, 1].sum(axis=(0, 1, 2))
    assert more[july] > 0 and (more[:july] == 0).all() and abs(more[july + 1 :].sum()) < 0.01 * more[july]


def test_causes_and_direct_are_all_cases_by_count_and_by_value(
    parameters: solve.ParameterDraw, root: scenario.Scenario
) -> None:
    totals = live(
        parameters, enacting(root, set=(("platform.outage", 0.2), ("codes.unified", 0.5), ("credit.covered", 0.5)))
    )
    for first, channel in (("first", "visits"), ("bill_first", "bill")):
        lost = amount(totals, f"{channel}_claimed", f"{channel}_abandoned")
        assert (amount(totals, *(f"{first}_{cause}" for cause in CAUSES)) == lost).all()
    for of in ("", "bill_"):
        for condition in CONDITIONS:
            assert (amount(totals, f"{of}pivotal_{condition}") <= amount(totals, f"{of}first_{condition}")).all()
    assert (amount(totals, "owed_on_credit") <= amount(totals, "fund_claimed", "owed_abandoned")).all()
    assert amount(totals, "owed_on_credit").sum() > 0


@pytest.mark.parametrize("condition", ["networked", "coded"])
def test_opening_one_condition_makes_exactly_its_pivotal_cases_direct(
    parameters: solve.ParameterDraw, root: scenario.Scenario, condition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With year state off, a pivotal case is direct once its condition is open, and no other becomes so."""
    no_state(monkeypatch)
    lever = {"networked": "network.connected", "coded": "codes.unified"}[condition]
    closed, opened = live(parameters, root_2024(root)), live(parameters, enacting(root, set=((lever, 1.0),)))
    gained = amount(opened, "visits_direct") - amount(closed, "visits_direct")
    assert (gained == amount(closed, f"pivotal_not_{condition}")).all() and gained.sum() > 0


@pytest.mark.parametrize("lever", OPENING)
def test_with_year_state_off_opening_a_condition_never_lowers_the_rate(
    parameters: solve.ParameterDraw, root: scenario.Scenario, lever: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_state(monkeypatch)
    closed, opened = live(parameters, root_2024(root)), live(parameters, enacting(root, set=((lever, 1.0),)))
    assert (amount(opened, "visits_direct") >= amount(closed, "visits_direct")).all()
    assert amount(opened, "visits_direct").sum() > amount(closed, "visits_direct").sum()


def no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody have one visit of one kind and no care at home: a visit differs in nothing that came before."""
    record = simulate.draw_record

    def once(*how: object, **options: object) -> object:
        draw = record(*how, **options | {"care_at_home": False})  # type: ignore[arg-type]
        draw["counts"] = 1.0
        return draw

    monkeypatch.setattr(simulate, "draw_record", once)
    monkeypatch.setattr(simulate.visits, "USES", {**simulate.visits.USES, "both": (0,)})
    monkeypatch.setattr(simulate.visits, "KIND_BITS", (1, 2, 1, 4, 8))


def root_2024(root: scenario.Scenario) -> scenario.Scenario:
    return root.model_copy(update={"year": 2024})


def test_with_all_conditions_met_and_identical_catalogues_everything_is_direct(
    parameters: solve.ParameterDraw, root: scenario.Scenario
) -> None:
    parts = np.broadcast_to(parameters.lists.parts[:1], parameters.lists.parts.shape)
    at_once = {**parameters.values, Chronic.ramp_months: np.array([1e-3])}
    alike = replace(parameters, lists=replace(parameters.lists, parts=parts), values=at_once)
    listed = tuple((name, True) for name in levers() if name.startswith("chronic.listed."))
    met = (("filing.mended", 1.0), ("network.connected", 1.0), ("codes.unified", 1.0), *listed)
    totals = live(alike, enacting(root, set=met))
    assert amount(totals, "visits_direct").sum() > 0
    assert amount(totals, "visits_claimed", "visits_abandoned").sum() == 0


@pytest.mark.parametrize("lever", EASING)
def test_easier_claims_are_made_more_often_and_given_up_less(
    parameters: solve.ParameterDraw, root: scenario.Scenario, before: np.ndarray, lever: str
) -> None:
    after = live(parameters, enacting(root, set=((lever, 1.0),)))
    assert amount(after, "visits_abandoned").sum() < amount(before, "visits_abandoned").sum()
    assert amount(after, "first_choice").sum() >= amount(before, "first_choice").sum()
    conditions_ = [f"first_{name}" for name in CONDITIONS]
    assert (amount(after, *conditions_) == amount(before, *conditions_)).all()


def test_willingness_rises_month_by_month_once_it_is_asked_for_and_stays(root: scenario.Scenario) -> None:
    since = Change.model_validate({"from": "2023-07", "to": "2024-06", "set": (("hospitals.accountability", 1.0),)})
    of = enacting(root, set=(("filing.mended", 0.0),)).model_copy(update={"changes": (since,)})
    found = measures.taken(of, areas.provinces())
    moved = measures.hospitals.moved(found.paths, np.array([1.0, 0.0, 0.0, 0.0]), 0.2)
    year = moved[found.path, found.month][found.which[0, 5, 0] >> 1]
    before = 1 - 0.8 ** np.arange(7, 13)
    np.testing.assert_allclose(year[:6], before)  # six months of 2023 are over
    np.testing.assert_allclose(year[6:], before[-1] * 0.8 ** np.arange(1, 7))  # and it wears off


@pytest.mark.parametrize("value", [-0.1, 1.5])
@pytest.mark.parametrize("lever", measures.LEVERS)
def test_a_share_outside_0_to_1_is_refused_where_it_stands(tmp_path: Path, lever: str, value: float) -> None:
    for name in ("baseline.yaml", "fitted.json"):
        (tmp_path / name).write_bytes((ROOT / "scenarios" / name).read_bytes())
    text = "extends: baseline.yaml\ntitle: {zh: 甲, en: a}\nquestion: {zh: 乙, en: b}\nyear: 2024\nchanges:\n"
    (tmp_path / "x.yaml").write_text(f"{text}  - from: 2024-01\n    set:\n      {lever}: {value}\n", "utf-8")
    with pytest.raises(BadInputError, match=rf"x.yaml:8:\d+: {lever}: {value} is a share"):
        scenario.load(tmp_path / "x.yaml")


def test_without_measures_nothing_is_done_and_no_raw_rate_of_code_faults_exceeds_1(
    parameters: solve.ParameterDraw, root: scenario.Scenario
) -> None:
    found = measures.taken(root, areas.provinces())
    assert len(found.kind) == 1 and set(np.unique(found.which)) == {0, 1}  # some care needs no filing
    draw, mended = simulate.draw_record(parameters, 2023), parameters.passing.mended
    shut, only = 1 - draw["open"] / 2**64, 1 - draw["not_networked"] / 2**64
    networked = 1 - shut * (1 - only)
    assert (only * shut / networked / (1 - mended) <= 1 + 1e-9).all()
    assert (draw["coded"] <= draw["not_networked"]).all()
