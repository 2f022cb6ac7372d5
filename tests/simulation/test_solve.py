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
from simlib.simulation import simulate, solve, years

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


def test_2024_is_what_is_published_over_the_direct_rate_of_the_year(parameter_draws: list[solve.ParameterDraw]) -> None:
    """Direct visits grow by what makes settling easier and by cases, in all as published."""
    for parameters in parameter_draws:
        (cases, bills), risen = simulate.level(parameters, 2024), simulate.risen(parameters, 2024)
        direct = volumes.totals(parameters.values) * np.stack([cases * risen, cases * risen * bills], axis=1)
        assert direct[:, 0].round(-2).tolist() == [14_335_600, 156_000_000, 9_096_500, 59_450_800]
        assert (direct[:, 1] / 1e8).round(2).tolist() == [1586.73, 198.5, 93, 69.01]


def test_direct_and_counted_claimed_bills_come_to_the_published_cost(
    parameter_draws: list[solve.ParameterDraw],
) -> None:
    for parameters in parameter_draws:
        told, most = parameters.check.years, np.exp(gates.Gates.most_moved.number)
        for year in (*years.COSTED, years.SOLVED):
            odds = told.of("odds", year)
            if 1.001 / most < odds < most / 1.001:  # not held at an end
                assert told.of("cost", year) == pytest.approx(1, abs=1e-4), (parameters.draw, year)


def test_fewer_counted_claims_mean_a_lower_rate(delta: scenario.Scenario) -> None:
    """The same cost holds more claims, the fewer of them it counts."""
    rates = [
        solve.solve(scenario.reference(delta), 2, 0, {"gates.claims_counted": m}).check.years.of("rate", 2023)
        for m in (0.7, 0.85, 1.0)
    ]
    assert rates[0] < rates[1] < rates[2]


def test_a_year_is_harder_or_easier_by_the_odds_of_failing_and_a_damped_step_goes_on() -> None:
    history, values = np.ones(7), {gates.Gates.ease_ahead: np.array([0.5])}
    history[-1] = 0.4
    ahead = [years.odds_in(year, history, values) for year in (2024, 2025, 2026)]
    assert ahead == pytest.approx([0.4, 0.4**1.5, 0.4**1.75])
    passing = gates.Passing(*(np.full(4, share) for share in (0.9, 0.2, 0.5, 0.3)))
    same = gates.eased_passing(passing, passing.networked, 1.0)
    assert all(np.allclose(a, b) for a, b in zip(vars(same).values(), vars(passing).values(), strict=True))
    exposed, gaining = np.full(4, 0.8), np.full(4, 0.2)
    rates = [
        gates.direct_rate(gates.eased_passing(passing, passing.networked, odds), exposed, gaining)[0]
        for odds in (0.0, 0.5, 1.0, 2.0)
    ]
    assert rates == sorted(rates, reverse=True) and rates[0] == 1
    assert rates[2] == pytest.approx(0.9 * (1 - 0.8 * 0.2 * 0.5) * (1 - 0.3 * 0.2))


def test_the_rate_of_the_formula_is_that_of_the_solved_gates(parameter_draws: list[solve.ParameterDraw]) -> None:
    for parameters in parameter_draws:
        formula = gates.direct_rate(parameters.passing, parameters.exposed, parameters.gaining)
        drawn = gates.direct_rates(parameters.values, formula[0])
        np.testing.assert_allclose(formula, drawn, rtol=1e-6)


def test_flows_carry_all_cases_of_the_direct_rate(parameter_draws: list[solve.ParameterDraw]) -> None:
    for parameters in parameter_draws:
        cases = flows.expect(parameters.pull, parameters.c, parameters.stayed).sum(axis=(1, 2, 3, 4))
        direct = volumes.totals(parameters.values)[:, 0]
        rate = gates.direct_rate(parameters.passing, parameters.exposed, parameters.gaining)
        own = direct / (cases * rate)
        assert 0.5 < own[2] < 1 <= own[1] < 1.02  # some are not listed, and settle as ordinary outpatients
        np.testing.assert_allclose(own[[0, 3]], 1, rtol=1e-4)


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
    assert all(0.7 < parameters.check.years.of("rate", 2023) < 1 for parameters in parameter_draws)
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


def test_the_spread_of_claims_gives_the_share_that_claims() -> None:
    luck = np.random.default_rng(3)
    score, weight = luck.normal(1, 3, 4000), luck.random(4000)
    weight /= weight.sum()
    for wanted in (0.55, 0.6, 0.62):
        assert solve._claims(score, weight, solve._spread(score, weight, wanted)) == pytest.approx(wanted, abs=1e-9)
    assert solve._spread(score, weight, 0.99) == pytest.approx(0.01)  # even the narrowest gives fewer
    assert solve._spread(score, weight, 0.4) == pytest.approx(200)
