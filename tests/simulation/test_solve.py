"""Every draw meets the published totals of 2023, and its gates are what the model page says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simlib import amounts
from simlib.benefits import national
from simlib.errors import BadInputError
from simlib.patients import areas, chronic, flows, volumes
from simlib.scenario import scenario
from simlib.settlement import gates
from simlib.simulation import simulate, solve

DRAWS = 24
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parameter_draws(place: areas.Place, delta: scenario.Scenario) -> list[solve.ParameterDraw]:
    return [solve.solve(scenario.reference(delta), 2, draw) for draw in range(DRAWS)]


def test_every_draw_meets_the_published_totals(parameter_draws: list[solve.ParameterDraw]) -> None:
    for parameters in parameter_draws:
        np.testing.assert_allclose(parameters.expected, volumes.totals(parameters.values), rtol=1e-3)
        np.testing.assert_allclose(parameters.expected[:, 0], volumes.totals(parameters.values)[:, 0], rtol=1e-5)


def test_the_targets_are_the_published_figures(parameter_draws: list[solve.ParameterDraw]) -> None:
    for parameters in parameter_draws:
        inpatient, outpatient, chronic, pharmacy = volumes.totals(parameters.values).tolist()
        assert inpatient == pytest.approx([11_254_800, 135_126_000_000])
        assert chronic == pytest.approx([3_310_000, 3_352_000_000])
        assert np.add(np.add(outpatient, chronic), pharmacy) == pytest.approx([118_000_000, 18_548_000_000])


def test_the_diseases_of_a_draw_give_the_mean_bill_that_the_published_fund_payment_needs(
    parameter_draws: list[solve.ParameterDraw],
) -> None:
    for parameters in parameter_draws:
        mix = parameters.diseases
        assert mix.visits.sum() == pytest.approx(1) and mix.patients.sum() == pytest.approx(1)
        assert mix.visits @ mix.bill == pytest.approx(1)
        of = chronic.diseases(parameters.values)
        dialysis = chronic.DISEASES.index("dialysis")
        assert 104 <= of.visits[dialysis] <= 156
        assert mix.visits[dialysis] / mix.patients[dialysis] == pytest.approx(
            of.visits[dialysis] * (mix.visits / of.visits).sum()
        )


def test_2024_is_the_published_growth_of_2023(parameter_draws: list[solve.ParameterDraw]) -> None:
    """Direct visits grow by what more institutions open and by cases, in all as published."""
    for parameters in parameter_draws:
        opened = (
            gates.networked_in(2024, parameters.omega, gates.possible(parameters.values)) / parameters.passing.networked
        )
        cases, bills = volumes.level(2024, parameters.values, opened)
        direct = volumes.totals(parameters.values) * np.stack([cases * opened, cases * opened * bills], axis=1)
        assert direct[:, 0].round(-2).tolist() == [14_335_600, 156_000_000, 9_096_500, 59_450_800]
        assert (direct[:, 1] / 1e8).round(2).tolist() == [1586.73, 198.5, 93, 69.01]


def test_flows_carry_all_cases_of_the_drawn_direct_rate(parameter_draws: list[solve.ParameterDraw]) -> None:
    for parameters in parameter_draws:
        cases = flows.expect(parameters.pull, parameters.c, parameters.stayed).sum(axis=(1, 2, 3, 4))
        direct = volumes.totals(parameters.values)[:, 0]
        own = direct / (cases * gates.direct_rates(parameters.values))
        assert 0.5 < own[2] < 1 <= own[1] < 1.02  # some are not listed, and settle as ordinary outpatients
        np.testing.assert_allclose(own[[0, 3]], 1, rtol=1e-9)


def test_nobody_is_a_patient_from_elsewhere_at_home(parameter_draws: list[solve.ParameterDraw]) -> None:
    for parameters in parameter_draws:
        expected = flows.expect(parameters.pull, parameters.c, parameters.stayed)
        assert (expected >= 0).all()
        assert (np.einsum("...hh->...h", expected) == 0).all()


def test_gates_are_shares_and_no_fault_is_more_often_than_always(parameter_draws: list[solve.ParameterDraw]) -> None:
    for parameters in parameter_draws:
        passing = parameters.passing
        for share in (passing.networked, passing.fault, passing.mended, passing.attention):
            assert ((share >= 0) & (share <= 1)).all()
        assert ((passing.mended >= 0.1) & (passing.mended <= 0.9)).all()
        assert (parameters.omega > 0).all()


def test_the_networked_share_of_2023_is_the_solved_one_and_never_falls(
    parameter_draws: list[solve.ParameterDraw],
) -> None:
    parameters = parameter_draws[0]
    possible = gates.possible(parameters.values)
    by_year = [gates.networked_in(year, parameters.omega, possible) for year in (2023, 2024, 2027)]
    np.testing.assert_allclose(by_year[0], parameters.passing.networked)
    assert (by_year[1] >= by_year[0]).all() and (by_year[2] >= by_year[1]).all()


def test_what_was_not_solved_for_is_near_what_is_published(parameter_draws: list[solve.ParameterDraw]) -> None:
    multiples = [parameters.check.bill_multiple for parameters in parameter_draws]
    assert min(multiples) > 1.8 and max(multiples) < 2.8
    assert all(0 <= parameters.check.claims_counted <= 1 for parameters in parameter_draws)
    assert 0.51 < np.median([parameters.check.fund_share for parameters in parameter_draws]) < 0.68


def test_a_pinned_unknown_is_held_and_the_others_keep_their_random_numbers(
    place: areas.Place, delta: scenario.Scenario, parameter_draws: list[solve.ParameterDraw]
) -> None:
    pinned = solve.solve(scenario.reference(delta), 2, 0, {"channels.attention": 0.25})
    for quantity, value in pinned.values.items():
        if quantity.id == "channels.attention":
            assert value.tolist() == [0.25]
        else:
            assert (value == parameter_draws[0].values[quantity]).all()


def test_pinning_what_is_no_uncertain_parameter_is_refused(place: areas.Place, delta: scenario.Scenario) -> None:
    with pytest.raises(BadInputError, match="no such uncertain parameter"):
        solve.solve(scenario.reference(delta), 2, 0, {"catalogue.rule.drug": 1})


def test_a_failing_case_is_split_as_the_model_page_says() -> None:
    networked, filed = gates.split_failures(0.7, 0.4)
    assert networked == pytest.approx(1 - 0.3 * 0.4)
    assert networked * filed == pytest.approx(0.7)


def test_what_people_draw_meets_the_totals_too(place: areas.Place, parameter_draws: list[solve.ParameterDraw]) -> None:
    baseline = scenario.load(ROOT / "scenarios" / "baseline.yaml")
    nowhere = np.zeros_like(simulate.touched_by(baseline))
    for parameters in parameter_draws[:4]:
        totals = simulate.live(parameters, baseline, touched=nowhere, people=1_000_000).totals.sum(axis=(0, 2, 3, 4, 5))
        direct = totals[:, [amounts.VISITS, amounts.FUND]] / [1, 100]
        as_ordinary = totals[2, [amounts.AS_ORDINARY, amounts.FUND_AS_ORDINARY]] / [1, 100]
        assert (as_ordinary > 0).all()
        direct[1:3] += as_ordinary * np.array([[1], [-1]])  # as the published totals count
        off = np.abs(direct / volumes.totals(parameters.values) - 1)
        assert (off[[0, 1, 3]] < [0.008, 0.012]).all()
        assert (off[2] < 0.03).all()  # few patients have most visits: dialysis


def test_filing_never_lowers_what_is_owed(parameter_draws: list[solve.ParameterDraw]) -> None:
    for parameters in parameter_draws:
        long_stay, referral, emergency, temporary, unfiled = national.points_off(parameters.values)
        assert long_stay == 0 <= referral == emergency <= temporary <= unfiled <= 0.2
