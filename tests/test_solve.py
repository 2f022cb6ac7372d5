"""Every draw meets the published totals of 2023, and its gates are what the model page says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simlib import areas, flows, gates, loop, national, scenario, simulate, solve
from simlib.terms import BadInputError

DRAWS = 24
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def worlds(place: areas.Place, delta: scenario.Scenario) -> list[solve.World]:
    return [solve.solve(scenario.reference(delta), 2, draw) for draw in range(DRAWS)]


def test_every_draw_meets_the_published_totals(worlds: list[solve.World]) -> None:
    for world in worlds:
        np.testing.assert_allclose(world.expected[:, 0], solve.targets()[:, 0], rtol=1e-9)
        np.testing.assert_allclose(world.expected[:, 1], solve.targets()[:, 1], rtol=1e-3)


def test_the_targets_are_the_published_figures() -> None:
    assert solve.targets().tolist() == [[11_254_800, 135_126_000_000], [118_000_000, 18_548_000_000]]


def test_flows_carry_all_cases_of_the_drawn_direct_rate(worlds: list[solve.World]) -> None:
    for world in worlds:
        cases = flows.expect(world.pull, world.c, world.stayed).sum(axis=(1, 2, 3, 4))
        rate = [world.values[gates.Gates.direct_rate_inpatient][0], world.values[gates.Gates.direct_rate_outpatient][0]]
        np.testing.assert_allclose(cases * rate, solve.targets()[:, 0], rtol=1e-9)


def test_nobody_is_a_patient_from_elsewhere_at_home(worlds: list[solve.World]) -> None:
    for world in worlds:
        expected = flows.expect(world.pull, world.c, world.stayed)
        assert (expected >= 0).all()
        assert (np.einsum("...hh->...h", expected) == 0).all()


def test_gates_are_shares_and_no_fault_is_more_often_than_always(worlds: list[solve.World]) -> None:
    for world in worlds:
        passing = world.passing
        for share in (passing.networked, passing.fault, passing.mended, passing.attention):
            assert ((share >= 0) & (share <= 1)).all()
        assert ((passing.mended >= 0.1) & (passing.mended <= 0.9)).all()
        assert (world.omega > 0).all()


def test_the_networked_share_of_2023_is_the_solved_one_and_never_falls(worlds: list[solve.World]) -> None:
    world = worlds[0]
    possible = np.array([world.values[q][0] for q in (gates.Gates.possible_inpatient, gates.Gates.possible_outpatient)])
    by_year = [gates.networked_in(year, world.omega, possible) for year in (2023, 2024, 2027)]
    np.testing.assert_allclose(by_year[0], world.passing.networked)
    assert (by_year[1] >= by_year[0]).all() and (by_year[2] >= by_year[1]).all()


def test_what_was_not_solved_for_is_near_what_is_published(worlds: list[solve.World]) -> None:
    multiples = [world.check.bill_multiple for world in worlds]
    assert min(multiples) > 1.8 and max(multiples) < 2.8
    assert all(0 <= world.check.claims_counted <= 1 for world in worlds)
    assert 0.51 < np.median([world.check.fund_share for world in worlds]) < 0.68


def test_a_pinned_unknown_is_held_and_the_others_keep_their_luck(
    place: areas.Place, delta: scenario.Scenario, worlds: list[solve.World]
) -> None:
    pinned = solve.solve(scenario.reference(delta), 2, 0, {"channels.attention": 0.25})
    for quantity, value in pinned.values.items():
        if quantity.id == "channels.attention":
            assert value.tolist() == [0.25]
        else:
            assert (value == worlds[0].values[quantity]).all()


def test_pinning_what_is_no_unknown_is_refused(place: areas.Place, delta: scenario.Scenario) -> None:
    with pytest.raises(BadInputError, match="no such unknown"):
        solve.solve(scenario.reference(delta), 2, 0, {"catalogue.rule.drug": 1})


def test_a_failing_case_is_split_as_the_model_page_says() -> None:
    networked, filed = gates.split_failures(0.7, 0.4)
    assert networked == pytest.approx(1 - 0.3 * 0.4)
    assert networked * filed == pytest.approx(0.7)


def test_what_people_draw_meets_the_totals_too(place: areas.Place, worlds: list[solve.World]) -> None:
    baseline = scenario.load(ROOT / "scenarios" / "baseline.yaml")
    nowhere = np.zeros((2, len(place.codes), len(place.codes)), dtype=bool)
    for world in worlds[:4]:
        totals = simulate.live(world, baseline, focus=nowhere, people=1_000_000).totals.sum(axis=(0, 2, 3, 4, 5))
        visits, fund = totals[:, loop.VISITS], totals[:, loop.FUND] / 100
        np.testing.assert_allclose(visits, solve.targets()[:, 0], rtol=0.008)
        np.testing.assert_allclose(fund, solve.targets()[:, 1], rtol=0.012)


def test_filing_never_lowers_what_is_owed(worlds: list[solve.World]) -> None:
    for world in worlds:
        long_stay, referral, emergency, temporary, unfiled = national.points_off(world.values)
        assert long_stay == 0 <= referral == emergency <= temporary <= unfiled <= 0.2
