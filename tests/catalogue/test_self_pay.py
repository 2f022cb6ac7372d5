"""A city lowers first self-pay on its own list: who pays more is certain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simlib.amounts import AMOUNTS
from simlib.catalogue import baskets
from simlib.catalogue.baskets import DRUG, ITEMS
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.simulation import kept, policies, simulate, solve
from simlib.terms import CLAIMED, DIRECT, PPM

ROOT = Path(__file__).parents[2]
PLACE = areas.load("shandong")
DEZHOU = PLACE.index("371400")
OTHERS = np.arange(len(PLACE.codes)) != DEZHOU


@pytest.fixture(scope="module")
def dezhou() -> scenario.Scenario:
    return scenario.load(ROOT / "scenarios" / "dezhou_class_b.yaml")


def change(of: scenario.Scenario, pin: dict[str, float]) -> dict[str, np.ndarray]:
    """Return what the measure changes in each amount, by (kind, home, host)."""
    parameters = kept.solved(scenario.reference(of), 7, 1, pin)
    touched = simulate.touched_by(of)
    before, after = (
        simulate.live(parameters, one, touched=touched, people=50_000).totals.sum(axis=(0, 2, 5), dtype=np.int64)
        for one in (scenario.reference(of), of)
    )
    return {name: (after - before)[..., i] for i, name in enumerate(AMOUNTS)}


@pytest.fixture(scope="module")
def by_fate(dezhou: scenario.Scenario) -> dict[str, np.ndarray]:
    """Return the change where nobody compares the two prices: each case settles as it would have."""
    return change(dezhou, {"channels.attention": 0.0})


def first_visits(of: scenario.Scenario, home: int, host: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first visit of the same inpatients without and with the measure; nobody compares the prices."""
    parameters = kept.solved(scenario.reference(of), 7, 1, {"channels.attention": 0.0})
    return tuple(simulate.patients(parameters, one, home, host, number=3000) for one in (scenario.reference(of), of))  # type: ignore[return-value]


@pytest.mark.parametrize("host", ["Beijing", "Hebei"])
def test_of_one_visit_a_direct_price_elsewhere_stays_and_a_claim_pays_more(
    host: str, dezhou: scenario.Scenario
) -> None:
    before, after = first_visits(dezhou, DEZHOU, *PLACE.resolve(host))
    direct, claimed = (before[:, 0] == DIRECT), (before[:, 0] == CLAIMED)
    assert direct.sum() > 1000 and claimed.sum() > 20
    assert (after[direct, :3] == before[direct, :3]).all()
    assert (after[claimed, 0] == CLAIMED).all()
    paid = after[claimed, 2] - before[claimed, 2]
    assert (paid >= 0).all() and (paid > 0).mean() > 0.5


@pytest.mark.parametrize("home", ["Beijing", "Hebei"])
def test_of_one_visit_to_the_city_a_direct_price_rises_and_a_claim_stays(home: str, dezhou: scenario.Scenario) -> None:
    before, after = first_visits(dezhou, *PLACE.resolve(home), DEZHOU)
    assert (after[:, 0] == before[:, 0]).all()
    direct = before[:, 0] == DIRECT
    paid = after[:, 2] - before[:, 2]
    assert (paid[~direct] == 0).all() and (paid >= 0).all() and (paid[direct] > 0).mean() > 0.5


def test_direct_patients_of_the_city_elsewhere_stay_but_for_what_their_claims_used_up(
    by_fate: dict[str, np.ndarray],
) -> None:
    for name in ("visits_direct", "bill_direct"):
        assert (by_fate[name][:, DEZHOU] == 0).all(), name
    # A claim that pays more reaches a cap sooner, and leaves less for catastrophic insurance: of a later direct visit.
    assert abs(by_fate["fund_direct"][:, DEZHOU].sum()) < 0.02 * by_fate["fund_claimed"][:, DEZHOU].sum()


def test_the_city_s_claims_by_hand_rise_for_every_kind_of_care(by_fate: dict[str, np.ndarray]) -> None:
    claims = by_fate["fund_claimed"][:, DEZHOU].sum(axis=1)
    assert (claims > 0).all() and claims[0] > 0.5 * claims.sum()


def test_other_funds_pay_more_for_their_patients_in_the_city(by_fate: dict[str, np.ndarray]) -> None:
    paid = by_fate["fund_direct"][:, OTHERS, DEZHOU]
    assert (paid.sum(axis=1) > 0).all()
    assert (paid.sum(axis=0) > 0).sum() > 20 and paid.min() > -0.01 * paid.sum()


def test_nobody_else_is_touched(by_fate: dict[str, np.ndarray]) -> None:
    for name, of in by_fate.items():
        assert (of[:, OTHERS][:, :, OTHERS] == 0).all(), name


def test_with_people_who_choose_claims_rise_and_hosts_bring_more_direct(dezhou: scenario.Scenario) -> None:
    changed = change(dezhou, {})
    assert changed["fund_claimed"][:, DEZHOU].sum() > 0 >= changed["visits_direct"][:, DEZHOU].sum()
    assert changed["fund_direct"][:, OTHERS, DEZHOU].sum() > 0 <= changed["visits_direct"][:, OTHERS, DEZHOU].sum()
    paid = changed["fund_direct"] + changed["fund_claimed"]
    assert paid[:, DEZHOU].sum() > 0 < paid[:, OTHERS, DEZHOU].sum()


def test_a_direct_settlement_and_a_claim_are_priced_on_their_own_area_s_list_only(dezhou: scenario.Scenario) -> None:
    mixed, slot = policies.priced_on(dezhou, PLACE)
    own = np.arange(len(PLACE.codes))
    host, home = slot[0, DEZHOU, 0, 0], slot[DEZHOU, DEZHOU, 0, 0]
    assert host >= len(own) and home >= len(own)  # neither is the list that the city had
    others = slot[np.ix_(OTHERS, OTHERS)]
    assert (others == own[OTHERS][None, :, None, None]).all()
    assert (slot[DEZHOU, OTHERS] == own[OTHERS][:, None, None]).all()  # elsewhere the host's list counts
    assert {(float(a), float(b)) for a, b in mixed[:, 8:]} == {(0.0, -0.02), (-0.02, -0.02)}


def test_a_cut_moves_class_b_alone_and_to_the_point(parameters: solve.ParameterDraw) -> None:
    parts = parameters.lists.parts[:, DRUG * ITEMS : (DRUG + 1) * ITEMS]
    cut = baskets.with_self_pay(parts, np.full(len(parts), -0.02))
    carries = parts[..., 2] > 0
    assert carries.any() and (cut[~carries] == parts[~carries]).all()
    np.testing.assert_allclose((parts - cut)[carries][:, 2], 0.02 * (parts[..., 2] + parts[..., 3])[carries], atol=0.5)
    assert (cut.sum(axis=-1) == PPM).all() and (cut[..., :2] == parts[..., :2]).all()
    none = baskets.with_self_pay(parts, np.full(len(parts), -0.3))
    assert (none[..., 2] == 0).all()  # no share is above 0.3, and none falls below nothing


def test_a_cut_reaches_the_better_of_two_lists(parameters: solve.ParameterDraw, place: areas.Place) -> None:
    home, host = place.index("340000"), place.index("310000")
    either = [home, host, *[baskets.EITHER] * 3, *[1.0] * 3]
    mixed = np.array([[*either, 0, 0], [*either, -0.05, 0], [*either, 0, -0.05], [*either, -0.05, -0.05]])
    none, at_home, at_host, both = baskets.covers(parameters.lists, mixed, place.province)[32:, ..., 2]
    for one in (at_home, at_host):
        assert (both <= one).all() and (one <= none).all() and (both < one).any() and (one < none).any()
