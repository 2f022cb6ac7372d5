"""What the fund owes on one bill: layers 1 to 6."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simlib import benefits
from simlib.benefits import LAYERS, POLICY, Bill, settle, split_bill
from simlib.terms import PPM

SHARES = st.integers(0, PPM)
FEN = st.integers(0, 10**11)


def policy(deductible: int = 0, ratio: int = PPM, cap: int = 10**15, first: int = 0, points: int = 0) -> np.void:
    record = np.zeros(1, dtype=POLICY)
    record["deductible_fen"], record["ratio_ppm"] = deductible, ratio
    record["cap_fen"], record["first_share_ppm"], record["points_ppm"] = cap, first, points
    return record[0]


policies = st.builds(policy, st.integers(0, 10**7), SHARES, st.integers(0, 10**9), SHARES, st.integers(0, 200_000))


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    total = draw(FEN)
    cover = sorted(draw(st.tuples(SHARES, SHARES, SHARES)))
    return split_bill(total, *cover)


@given(policies, bills(), FEN)
def test_nothing_is_created_or_lost(policy: np.void, bill: Bill, paid: int) -> None:
    trace = np.zeros(len(LAYERS), dtype=np.int64)
    fund = settle(policy, bill, paid, trace)
    assert trace[0] == bill.total == trace[1:].sum()
    assert fund == trace[-1] and (trace >= 0).all()


@given(policies, bills(), FEN)
def test_the_explained_bill_is_the_simulated_bill(policy: np.void, bill: Bill, paid: int) -> None:
    assert settle(policy, bill, paid, None) == settle(policy, bill, paid, np.zeros(len(LAYERS), dtype=np.int64))


@given(policies, bills(), FEN, st.integers(0, 10**6))
def test_a_higher_deductible_never_raises_what_is_owed(policy: np.void, bill: Bill, paid: int, more: int) -> None:
    owed = settle(policy, bill, paid, None)
    policy["deductible_fen"] += more
    assert settle(policy, bill, paid, None) <= owed


@given(policies, bills(), FEN, FEN)
def test_the_fund_never_pays_more_than_the_cap_leaves(policy: np.void, bill: Bill, paid: int, more: int) -> None:
    assert settle(policy, bill, paid, None) <= max(policy["cap_fen"] - paid, 0)
    assert settle(policy, bill, paid + more, None) <= settle(policy, bill, paid, None)


@given(policies, FEN, st.tuples(SHARES, SHARES, SHARES), st.integers(0, PPM))
def test_a_larger_eligible_share_never_lowers_what_is_owed(
    policy: np.void, total: int, cover: tuple[int, ...], less: int
) -> None:
    narrow = np.array(sorted(cover))
    wide = np.minimum(narrow, narrow[2] - min(less, narrow[2]))
    owed = [settle(policy, split_bill(total, *shares), 0, None) for shares in (narrow, wide)]
    assert owed[1] >= owed[0]


def test_first_self_pay_for_being_away_comes_before_the_deductible() -> None:
    # Jiangxi provincial employees: (20,000 x 90 % - 800) x 85 % = 14,620; the other order would give 14,688.
    away = policy(deductible=800_00, ratio=850_000, first=100_000)
    assert settle(away, Bill(20_000_00, 0, 0, 0), 0, None) == 14_620_00


def test_points_off_lower_the_ratio_and_not_below_zero() -> None:
    assert settle(policy(ratio=600_000, points=100_000), Bill(1_000_00, 0, 0, 0), 0, None) == 500_00
    assert settle(policy(ratio=100_000, points=200_000), Bill(1_000_00, 0, 0, 0), 0, None) == 0


def test_the_deductible_follows_the_hospital_tier_and_a_scenario_may_set_it() -> None:
    own = np.full((1, 2, 12, 3), np.nan)
    own[0, 1, 6:, 2] = 1_200
    ratios, points = np.full((2, 2, 3), 0.8), np.zeros(5)
    terms = benefits.policies(ratios, points, own, np.full((1, 2, 12), np.nan))
    inpatient = terms["deductible_fen"][0, :, 0, 0] / 100
    assert inpatient[0, 0].tolist() == [300, 600, 900] and inpatient[1, 0].tolist() == [200, 500, 1_000]
    assert inpatient[1, 6].tolist() == [200, 500, 1_200]
    assert (terms["deductible_fen"][:, :, 1] == 0).all()


def test_half_a_fen_rounds_up() -> None:
    assert settle(policy(ratio=500_000), Bill(5, 0, 0, 0), 0, None) == 3
    assert settle(policy(ratio=500_000), Bill(1, 0, 0, 0), 0, None) == 1


def test_the_default_ratio_gives_back_the_published_share() -> None:
    bills = np.random.default_rng(1).lognormal(9, 1, 10_000)
    ratio = benefits.default_ratio(bills, 0.8, 900, 0.8)
    paid = ratio * np.maximum(bills * 0.8 - 900, 0)
    np.testing.assert_allclose(paid.sum() / (bills * 0.8).sum(), 0.8)
