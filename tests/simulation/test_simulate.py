"""People and their year: nothing lost, the same luck in any order, and no effect where nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from simlib import amounts
from simlib.amounts import AMOUNTS
from simlib.benefits import layers, policy
from simlib.catalogue import baskets
from simlib.patients import areas, flows
from simlib.patients.chronic import Chronic
from simlib.patients.visits import Visits
from simlib.scenario import scenario
from simlib.scenario.change import Change
from simlib.simulation import kept, simulate, solve
from simlib.study import metrics
from simlib.terms import KINDS, PPM

COLUMN = {name: i for i, name in enumerate(AMOUNTS)}
PEOPLE = 20_000


def live(parameters: solve.ParameterDraw, of: scenario.Scenario, **options: object) -> np.ndarray:
    touched = simulate.touched_by(of)
    return simulate.live(parameters, of, touched=touched, people=PEOPLE, **options).totals  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def runs(parameters: solve.ParameterDraw, delta: scenario.Scenario) -> tuple[simulate.Run, simulate.Run]:
    touched, both = simulate.touched_by(delta), (scenario.reference(delta), delta)
    before, after = (simulate.live(parameters, of, touched=touched, people=PEOPLE) for of in both)
    return before, after


@pytest.fixture(scope="module")
def before(runs: tuple[simulate.Run, simulate.Run]) -> np.ndarray:
    return runs[0].totals


@pytest.fixture(scope="module")
def after(runs: tuple[simulate.Run, simulate.Run]) -> np.ndarray:
    return runs[1].totals


def amount(totals: np.ndarray, *names: str) -> np.ndarray:
    return sum(totals[..., COLUMN[name]] for name in names)


def test_causes_and_direct_are_all_cases(before: np.ndarray) -> None:
    failed = amount(before, "visits_claimed", "visits_abandoned")
    causes = [name for name in AMOUNTS if name.startswith("first_")]
    assert (failed == amount(before, *causes)).all()
    assert (amount(before, "first_choice") <= amount(before, "visits_claimed")).all()


def test_the_fund_pays_no_more_than_the_bill(before: np.ndarray) -> None:
    assert (amount(before, "fund_direct") <= amount(before, "bill_direct")).all()
    assert (amount(before, "fund_claimed") <= amount(before, "bill_claimed")).all()
    assert (before >= 0)[..., [i for n, i in COLUMN.items() if n != "benefit_gap"]].all()


def test_however_many_people_are_simulated_at_once_the_totals_are_the_same(
    parameters: solve.ParameterDraw,
    delta: scenario.Scenario,
    runs: tuple[simulate.Run, simulate.Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in (17, 5_000):
        monkeypatch.setattr(simulate, "PEOPLE_AT_ONCE", number)
        parted = simulate.live(parameters, delta, touched=simulate.touched_by(delta), people=PEOPLE)
        assert (parted.totals == runs[1].totals).all() and (parted.paid == runs[1].paid).all()
        assert (parted.seen == runs[1].seen).all()


def test_what_is_paid_by_month_is_what_is_paid(runs: tuple[simulate.Run, simulate.Run]) -> None:
    for run in runs:
        paid = run.totals[..., amounts.FUND : amounts.FUND + 2].sum(axis=(0, 5))
        assert (run.paid.sum(axis=4) == paid).all() and (run.paid > 0).any(axis=(0, 1, 2, 3)).all()


@pytest.mark.parametrize("name", ["delta_mutual_recognition", "delta_mutual_recognition_cities"])
def test_what_hosts_see_by_tier_and_member_is_all_of_cross_province_care(
    parameters: solve.ParameterDraw, name: str
) -> None:
    """Summed over what only one of them tells apart, both sums are the same integers; within provinces nothing."""
    of = scenario.load(ROOT / "scenarios" / f"{name}.yaml")
    run = simulate.live(parameters, of, touched=simulate.touched_by(of), people=PEOPLE)
    inside = areas.load(of.geography).inside
    assert inside.any() == run.totals[:, :, :, inside].any()
    across = np.where(inside[:, :, None, None], 0, run.totals).sum(axis=(0, 3))  # (kind, scheme, host, touched, amount)
    across = np.moveaxis(across[..., [AMOUNTS.index(amount) for amount in amounts.SEEN]], 3, 2)
    assert (run.seen.sum(axis=(2, 5)) == across).all()
    cases = run.seen[..., amounts.VISITS : amounts.VISITS + 3].sum(axis=-1)
    by_tier, by_member = cases.sum(axis=(0, 1, 2, 3, 4)), cases.sum(axis=(0, 3, 4, 5))
    assert by_tier[2] > 2 * by_tier[1] > 2 * by_tier[0] > 0
    retired = by_member[:, 1] / by_member.sum(axis=1)
    drawn = [parameters.values[q][0] for q in (Visits.retired_share_employee, Visits.senior_share_resident)]
    np.testing.assert_allclose(retired, drawn, atol=0.05)


def test_the_reform_changes_only_what_it_names(
    parameters: solve.ParameterDraw,
    delta: scenario.Scenario,
    before: np.ndarray,
    after: np.ndarray,
    place: areas.Place,
) -> None:
    changed = (before != after).any(axis=(0, 1, 2, 5, 6))
    homes, hosts = np.nonzero(changed)
    assert set(homes) | set(hosts) == set(place.resolve("yangtze-delta"))
    july = tuple(one.model_copy(update={"start": "2024-07"}) for one in delta.changes)
    later = delta.model_copy(update={"changes": july})
    touched, both = simulate.touched_by(later), (scenario.reference(later), later)
    runs = [simulate.live(parameters, of, touched=touched, people=5_000) for of in both]
    months = np.nonzero((runs[0].paid != runs[1].paid).any(axis=(0, 1, 2, 3, 5)))[0]
    # The state of the year can carry a change to later months only.
    assert months.min() >= 6


def test_volumes_and_bills_are_the_same_before_and_after(before: np.ndarray, after: np.ndarray) -> None:
    for names in (
        ("visits_direct", "visits_claimed", "visits_abandoned"),
        ("bill_direct", "bill_claimed", "bill_abandoned"),
    ):
        assert (amount(before, *names) == amount(after, *names)).all()


def test_recognition_moves_nobody_away_from_direct_settlement(before: np.ndarray, after: np.ndarray) -> None:
    assert (amount(after, "visits_direct") >= amount(before, "visits_direct")).all()
    assert amount(after, "visits_direct").sum() > amount(before, "visits_direct").sum()


def test_no_change_is_exactly_nothing(parameters: solve.ParameterDraw, no_change: scenario.Scenario) -> None:
    assert simulate.touched_by(no_change).any()
    touched = simulate.touched_by(no_change)
    root = simulate.live(parameters, scenario.reference(no_change), touched=touched, people=PEOPLE).totals
    assert (live(parameters, no_change) == root).all()


def test_a_scenario_without_changes_is_exactly_its_reference(
    parameters: solve.ParameterDraw, delta: scenario.Scenario
) -> None:
    empty = delta.model_copy(update={"changes": ()})
    nowhere = np.zeros_like(simulate.touched_by(delta))
    runs = [
        simulate.live(parameters, of, touched=nowhere, people=PEOPLE).totals
        for of in (empty, scenario.reference(delta))
    ]
    assert (runs[0] == runs[1]).all()


def test_identical_catalogues_give_no_gap_and_recognition_changes_nothing(
    parameters: solve.ParameterDraw, delta: scenario.Scenario
) -> None:
    lists = replace(parameters.lists, parts=np.broadcast_to(parameters.lists.parts[:1], parameters.lists.parts.shape))
    one_benefit = {**parameters.values, Chronic.as_ordinary: np.zeros(1)}  # two benefits are a gap of their own
    alike = replace(parameters, lists=lists, values=one_benefit)
    touched, both = simulate.touched_by(delta), (scenario.reference(delta), delta)
    runs = [simulate.live(alike, of, touched=touched, people=PEOPLE).totals for of in both]
    assert (runs[0] == runs[1]).all()
    assert (amount(runs[0], "benefit_gap") == 0).all()
    assert (amount(runs[0], "first_choice") == 0).all()


def test_the_gap_has_both_signs_and_a_mass_at_zero(before: np.ndarray) -> None:
    inpatient = before[:, 0].sum(axis=(0, 1, 2, 3, 4))
    visits = inpatient[:3].sum()
    zero, claim_more = (inpatient[COLUMN[name]] / visits for name in ("visits_gap_zero", "visits_claim_pays_more"))
    assert 0.02 < zero < 0.5
    assert 0.2 < claim_more < 0.7 and 0.2 < 1 - zero - claim_more < 0.7


def test_where_nobody_is_attentive_choice_removes_no_case(place: areas.Place, delta: scenario.Scenario) -> None:
    parameters = kept.solved(scenario.reference(delta), 11, 3, {"channels.attention": 0.0})
    assert amount(live(parameters, delta), "first_choice").sum() == 0


@pytest.mark.parametrize("seed", range(16))
def test_every_seed_runs(place: areas.Place, delta: scenario.Scenario, seed: int) -> None:
    parameters = kept.solved(scenario.reference(delta), seed, 0)
    assert simulate.live(parameters, delta, touched=simulate.touched_by(delta), people=1_000).totals.any()


def test_halves_are_exchangeable_and_say_how_large_the_monte_carlo_error_is(
    parameters: solve.ParameterDraw, delta: scenario.Scenario
) -> None:
    """Twenty-four sets of random numbers in one parameter draw: their spread is what the halves of each say it is."""
    root, touched = scenario.reference(delta), simulate.touched_by(delta)
    group = metrics.groups(touched)[:1]
    changes, apart = [], []
    for draw in range(1000, 1024):
        another = replace(parameters, draw=draw)
        runs = [simulate.live(another, of, touched=touched, people=PEOPLE, whole=False) for of in (root, delta)]
        amounts = [metrics.amounts(run.totals, areas.provinces(), group)[0] for run in runs]
        rates = [metrics.metric("direct_settlement_rate", half) for half in amounts]
        whole = [metrics.metric("direct_settlement_rate", half.sum(axis=0)) for half in amounts]
        changes.append(whole[1] - whole[0])
        apart.append(np.subtract(*(rates[1] - rates[0])))
    said, true = np.sqrt(np.mean(np.square(apart))) / 2, np.std(changes, ddof=1)
    assert 0.6 < said / true < 1.6
    assert abs(np.mean(apart)) < 3 * np.std(apart) / np.sqrt(len(apart))


visit = st.tuples(st.integers(100_00, 500_000_00), st.integers(0, baskets.BASKETS - 1))


@given(st.lists(visit, min_size=1, max_size=6), st.integers(0, 10**7), st.integers(0, PPM), st.integers(10**6, 10**8))
def test_with_channels_held_fixed_either_never_lowers_what_the_fund_owes_in_a_person_year(
    parameters: solve.ParameterDraw, year: list[tuple[int, int]], deductible: int, ratio: int, cap: int
) -> None:
    """The person-year law, on the loop's own rules: same visits, same channel, caps that may bind."""
    either = baskets.under_rule(parameters.lists, 11, 8, np.full(3, baskets.EITHER, dtype=np.int8), np.ones(3))
    written = {"deductible": deductible / 100, "ratio": ratio / PPM, "cap": cap / 100}
    terms, care = policy.record(policy.Terms.model_validate(written), 0), layers.Care(0, -1, 1)
    for parts in (parameters.lists.parts[8], parameters.lists.parts[11]):
        paid = []
        for side in (0, 1):
            state, owed = layers.new_year(), 0
            for bill, basket in year:
                shares = _covers(parameters, parts, either, basket)[side]
                found = layers.settle(terms, layers.split_bill(bill, *shares), care, state, None)
                layers.advance(state, care, found, True)
                owed += layers.fund(found)
            paid.append(owed)
        assert paid[1] >= paid[0]


def _covers(
    parameters: solve.ParameterDraw, one: np.ndarray, other: np.ndarray, basket: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the inpatient cover of one basket under two lists; only that basket, so that it is quick."""
    lists = replace(parameters.lists, basket=parameters.lists.basket[:, basket : basket + 1])
    return baskets.cover(lists, one)[0, 0], baskets.cover(lists, other)[0, 0]


@pytest.mark.parametrize("where", [{"kind": ("outpatient",)}, {"host": ("Shanghai",)}, {"scheme": ("resident",)}])
def test_a_change_limited_to_a_part_changes_only_that_part(
    parameters: solve.ParameterDraw, delta: scenario.Scenario, where: dict[str, tuple[str, ...]]
) -> None:
    axes = ("kind", "scheme", "home", "host")
    lever = (("benefits.cap_yuan", 50_000.0),) if "scheme" in where else (("catalogue.rule.service", "home"),)
    change = Change.model_validate({"from": "2024-01", "where": where, "set": lever})
    limited = delta.model_copy(update={"changes": (change,)})
    touched = simulate.touched_by(limited)
    runs = [
        simulate.live(parameters, of, touched=touched, people=PEOPLE).totals
        for of in (scenario.reference(delta), limited)
    ]
    changed = np.argwhere((runs[0] != runs[1]).any(axis=(0, 5, 6)))
    assert len(changed)
    (axis,) = where
    if axis == "kind":  # one cap covers both kinds: what outpatients used up is missing to few inpatients
        changed = changed[changed[:, 0] == 1]
        fund = [run[:, 0, ..., amounts.FUND].sum() for run in runs]
        assert abs(fund[1] / fund[0] - 1) < 1e-3
    only = {"kind": 1, "scheme": 1, "host": areas.provinces().index("310000")}[axis]
    assert set(changed[:, axes.index(axis)]) == {only}


def test_people_weights_carry_the_expected_visits(parameters: solve.ParameterDraw, delta: scenario.Scenario) -> None:
    cells = simulate.cells_of(
        parameters, areas.provinces(), 2023, simulate.focus(simulate.touched_by(delta)), 200_000, True
    )
    expected = flows.expect(parameters.pull, parameters.c, parameters.stayed).sum(axis=(1, 2, 3, 4))
    users = [(cells.number * cells.weight)[cells.uses >> k & 1 == 1].sum() for k in range(len(KINDS))]
    drawn = users * simulate.visits_per_patient(parameters)
    np.testing.assert_allclose(drawn, expected, rtol=0.01)
