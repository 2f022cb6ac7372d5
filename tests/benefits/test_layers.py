"""The compiled layers as the loop calls them: exact in 64 bits, alike with and without a trace."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow import random_policy

from simlib.benefits import layers
from simlib.benefits.layers import LAYERS, NO_LIMIT_FEN, YEAR, Bill, Care, settle, split_bill
from simlib.benefits.policy import MOST_YUAN, Terms, record
from simlib.terms import FEN, KINDS, PPM

MOST = MOST_YUAN * FEN
SHARES = st.integers(0, PPM)
PAYERS = ("large_sum", "catastrophic", "assistance", "tilt")


def half_up(amount: Fraction) -> int:
    return int((amount + Fraction(1, 2)).__floor__())


def policy(kind: int = 0, **terms: Any) -> np.void:
    return record(Terms.model_validate({"deductible": 0, "ratio": 1, **terms}), kind)


@st.composite
def policies(draw: st.DrawFn) -> np.void:
    kind = draw(st.integers(0, len(KINDS) - 1))
    return record(Terms.model_validate(random_policy(Random(draw(st.integers(0, 10**9))))), kind)


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    return split_bill(draw(st.integers(0, MOST)), *sorted(draw(st.tuples(SHARES, SHARES, SHARES))))


CARES = st.builds(Care, st.integers(0, 3), st.integers(-1, 7), st.integers(1, 12))


@st.composite
def years(draw: st.DrawFn) -> np.void:
    """Return any state of a year."""
    year, rng = layers.new_year(), Random(draw(st.integers(0, 10**9)))
    for name in YEAR.names or ():
        size = YEAR[name].shape
        amounts = [
            rng.choice([0, rng.randint(0, 10**7), rng.randint(0, 10**11)]) for _ in range(size[0] if size else 1)
        ]
        year[name] = amounts if size else amounts[0]
    year["admissions"] = rng.randint(0, 4)
    return year


def trace_of(*given_: Any) -> dict[str, int]:
    trace = np.zeros(len(LAYERS), dtype=np.int64)
    settle(*given_, trace)
    return dict(zip(LAYERS, trace.tolist(), strict=True))


@given(policies(), bills(), CARES, years())
def test_nothing_is_created_or_lost_and_nothing_is_below_0(p: np.void, bill: Bill, care: Care, year: np.void) -> None:
    before = year.copy()
    owed, trace = settle(p, bill, care, year, None), trace_of(p, bill, care, year)
    assert year == before
    assert min(owed) >= 0 and min(trace.values()) >= 0
    borne = sum(trace[name] for name in LAYERS[1 : LAYERS.index("large_sum")] if name != "floor_top_up")
    assert bill.total - borne + trace["floor_top_up"] == owed.basic
    assert [trace[name] for name in PAYERS] == [owed.large_sum, owed.catastrophic, owed.assistance, owed.tilt]
    fund = layers.fund(owed)
    assert fund == owed.basic + sum(trace[name] for name in PAYERS) <= bill.total


@given(policies(), bills(), CARES, years())
def test_the_explained_bill_is_the_simulated_bill(p: np.void, bill: Bill, care: Care, year: np.void) -> None:
    trace = np.zeros(len(LAYERS), dtype=np.int64)
    assert settle(p, bill, care, year, None) == settle(p, bill, care, year, trace)


@given(policies(), bills(), CARES, years())
def test_a_visit_moves_the_year_by_what_it_used_up(p: np.void, bill: Bill, care: Care, year: np.void) -> None:
    before, owed = year.copy(), settle(p, bill, care, year, None)
    layers.advance(year, care, owed, True)
    moved = {name: np.asarray(year[name]) - np.asarray(before[name]) for name in YEAR.names or ()}
    assert moved["admissions"] == 1 and moved["month"] == 0
    for name, amount in (("deductible", owed.deductible), ("paid", owed.basic)):
        for amounts in (moved[name], moved[f"{name}_month"]):
            assert amounts[care.kind] == amount == amounts.sum()
        assert moved[f"disease_{name}"].sum() == (amount if care.disease >= 0 else 0)
    assert moved["reached"].sum() == owed.reached and moved["catastrophic_base"] == owed.base


@given(years())
def test_january_and_a_new_month_forget_what_they_should(year: np.void) -> None:
    month, names = int(year["month"]) + 1, [name for name in YEAR.names or () if name not in ("month", "admissions")]
    before = year.copy()
    layers.begin_month(year, month)
    monthly = [name for name in names if name.endswith("_month")]
    assert not any(np.any(year[name]) for name in monthly)
    assert all(np.all(year[name] == before[name]) for name in names if name not in monthly)
    layers.begin_year(year)
    assert not any(np.any(year[name]) for name in (*names, "admissions")) and year["month"] == -1


@given(st.integers(0, MOST), SHARES)
def test_a_share_is_rounded_half_up(amount: int, share: int) -> None:
    assert layers.part(amount, share) == half_up(Fraction(amount * share, PPM))


@given(st.integers(0, MOST * PPM), st.integers(0, MOST), st.integers(1, MOST * PPM))
def test_a_quotient_of_long_products_is_exact(amount: int, numerator: int, denominator: int) -> None:
    numerator = min(numerator, denominator)
    assert layers.scaled(amount, numerator, denominator) == half_up(Fraction(amount * numerator, denominator))


@given(bills())
def test_a_bill_is_split_into_parts_of_its_own(bill: Bill) -> None:
    assert min(bill) >= 0 and bill.unlisted + bill.over_ceiling + bill.self_pay <= bill.total


@given(st.integers(0, MOST), st.tuples(SHARES, SHARES, SHARES), SHARES)
def test_a_larger_eligible_share_never_lowers_what_is_owed(total: int, cover: tuple[int, ...], less: int) -> None:
    narrow = np.array(sorted(cover))
    wide = np.minimum(narrow, narrow[2] - min(less, narrow[2]))
    p, year = policy(deductible=1_000, ratio=0.7, first_self_pay_away=0.1), layers.new_year()
    owed = [settle(p, split_bill(total, *shares), Care(0, -1, 1), year, None).basic for shares in (narrow, wide)]
    assert owed[1] >= owed[0]


@given(policies(), bills(), CARES, years())
def test_the_basic_fund_never_pays_more_than_the_yearly_cap_leaves(
    p: np.void, bill: Bill, care: Care, year: np.void
) -> None:
    paid = sum(int(year["paid"][kind]) for kind in range(4) if p["cap_kinds"] >> kind & 1)
    assert settle(p, bill, care, year, None).basic <= max(int(p["cap_fen"]) - paid, 0)


def test_first_self_pay_for_being_away_comes_before_the_deductible() -> None:
    # Jiangxi provincial employees: (20,000 x 90 % - 800) x 85 % = 14,620; the other order would give 14,688.
    away = policy(deductible=800, ratio=0.85, first_self_pay_away=0.1)
    assert settle(away, Bill(20_000_00, 0, 0, 0), Care(0, -1, 1), layers.new_year(), None).basic == 14_620_00


@pytest.mark.parametrize(("fen", "paid"), [(5, 3), (1, 1), (3, 2)])
def test_half_a_fen_rounds_up(fen: int, paid: int) -> None:
    assert settle(policy(ratio=0.5), Bill(fen, 0, 0, 0), Care(0, -1, 1), layers.new_year(), None).basic == paid


def test_points_off_lower_the_ratio_and_not_below_zero() -> None:
    assert policy(ratio=0.6, points_off=0.1)["ratio_ppm"][0] == 500_000
    assert policy(ratio=0.1, points_off=0.2)["ratio_ppm"][0] == 0


def test_the_account_pays_what_it_has_of_the_patients_share() -> None:
    bill = Bill(1_000, 200, 100, 0)
    self_paid, away = Bill(1_000, 0, 0, 200), policy(account_in_scope_only=True, first_self_pay_away=0.1)
    assert layers.from_account(away, self_paid, 360, 5_000) == 360  # of 720 in scope; 200 and 80 are cash
    assert layers.from_account(policy(), bill, 600, 50) == 50
    assert layers.from_account(policy(), bill, 600, 500) == 400
    assert layers.from_account(policy(account_in_scope_only=True), bill, 600, 500) == 100
    assert layers.from_account(policy(account_in_scope_only=True), bill, 800, 500) == 0


def test_the_largest_case_is_exact() -> None:
    """The largest bill, deductible share and factor, the largest cap times twelve months, a full year before it."""
    share = {"share_of_bill": 1, "factor": 10}
    p = policy(
        2, deductible=share, ratio=1, month_cap=MOST_YUAN, disease_month_cap=MOST_YUAN, cap=MOST_YUAN, floor_ratio=1
    )
    year = layers.new_year()
    year["reached"][:] = year["catastrophic_base"] = NO_LIMIT_FEN // 10
    trace = trace_of(p, Bill(MOST, 0, 0, 0), Care(2, 0, 12), year)
    assert trace["deductible"] == trace["floor_top_up"] == MOST and trace["above_year_cap"] == 0
