"""The library of scenarios: each is there, in both languages, and does what its document expects of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simlib.patients import areas
from simlib.scenario import checks, scenario
from simlib.simulation import simulate, solve
from simlib.study import experiment, metrics

SCENARIOS = Path(__file__).parents[2] / "scenarios"
EXPECTED = {
    "chronic_ten_diseases": {"direct_settlement_rate": 1, "advanced_by_patients": -1},
    "chronic_ten_and_zhejiang": {"direct_settlement_rate": 1, "advanced_by_patients": -1},
    "code_unification": {"direct_settlement_rate": 1},
    "filing_free_delta": {"direct_settlement_rate": 1, "fund_payment": 1},
    "network_every_institution": {"direct_settlement_rate": 1},
    "network_roll_out": {"direct_settlement_rate": 1, "network_cost": 1},
    "accountability_weak": {"direct_settlement_rate": 1},
    "accountability_strong": {"direct_settlement_rate": 1},
    "claims_online": {"own_payment": -1, "direct_settlement_rate": -1},
    "credit_care": {"advanced_by_patients": -1},
    "drg_for_patients_from_elsewhere": {"fund_payment": -1},
    "outage_month": {"direct_settlement_rate": -1},
    "supervision": {"recovered": 1, "fines": 1},
    "national_catalogue_phased": {"direct_settlement_rate": 1, "fund_payment": 1},
    "delta_package": {"direct_settlement_rate": 1, "fund_payment": 1, "advanced_by_patients": -1},
    "national_package": {"direct_settlement_rate": 1, "fund_payment": 1, "advanced_by_patients": -1},
}
"""Signs on what a scenario changes, of its headline kind of care."""
MORE = [
    ("chronic_ten_diseases", "chronic_ten_and_zhejiang"),
    ("accountability_weak", "accountability_strong"),
]
"""Of two, the second raises the direct settlement rate by more."""


def changes(name: str, parameters: solve.ParameterDraw) -> dict[str, float]:
    """Return what a scenario changes in one draw, by metric."""
    of = scenario.load(SCENARIOS / f"{name}.yaml")
    touched, place = simulate.touched_by(of), areas.load(of.geography)
    group = metrics.groups(touched)[: experiment.HEADLINE + 1]
    how = {"touched": touched, "people": 20_000, "whole": False}
    sides = [simulate.live(parameters, one, **how).totals for one in (scenario.reference(of), of)]
    before, after = (metrics.amounts(totals, place, group)[0].sum(axis=0) for totals in sides)
    return {metric: float(metrics.metric(metric, after) - metrics.metric(metric, before)) for metric in metrics.UNITS}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_scenario_is_written_in_both_languages_with_its_document(name: str) -> None:
    of = scenario.load(SCENARIOS / f"{name}.yaml")
    assert of.source is not None and of.source.zh != of.source.en
    for text in (of.title, of.question):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh) and text.en.isascii()
    assert checks.warnings(of) == ()


@pytest.mark.parametrize(("name", "signs"), EXPECTED.items(), ids=EXPECTED)
def test_a_scenario_does_what_its_document_expects(
    name: str, signs: dict[str, int], parameters: solve.ParameterDraw
) -> None:
    found = changes(name, parameters)
    for metric, sign in signs.items():
        assert sign * found[metric] > 0, f"{metric}: {found[metric]}"


@pytest.mark.parametrize(("less", "more"), MORE)
def test_what_goes_further_does_more(less: str, more: str, parameters: solve.ParameterDraw) -> None:
    one, other = (changes(name, parameters)["direct_settlement_rate"] for name in (less, more))
    assert 0 < one < other
