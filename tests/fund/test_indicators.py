"""What the books say: indicators of a real run and by hand, and the parts of an effect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_books import PEOPLE, by_hand, followed, told, written

from simlib.amounts import AMOUNTS
from simlib.fund import indicators, ledger
from simlib.fund.books import Books, follow, of_scenario
from simlib.scenario import scenario
from simlib.simulation import simulate, solve
from simlib.terms import MONTHS

ROOT = Path(__file__).parents[2]


def test_prepayment_of_three_months_is_half_as_much_again(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, set: {ledger.prepayment.months: 3}}\n")
    before, after = followed(parameters, of, runs[0])
    assert told(after, "prepayment")[1:] == pytest.approx(1.5 * told(before, "prepayment")[1:], rel=1e-9)
    assert told(after, "use_cleared")[5] == pytest.approx(told(before, "use_cleared")[5] / 1.5, rel=1e-9)


def test_instant_settlement_pays_hospitals_and_leans_on_the_prepayment(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-03, where: {host: shanghai}, set: {ledger.hospital.lag: 0}}\n")
    before, after = followed(parameters, of, runs[0])
    shanghai, beijing = "host=310000", "host=110000"
    assert told(before, "receivable_days", shanghai)[11] == pytest.approx(61, abs=6)
    assert told(after, "receivable_days", shanghai)[11] < 15
    assert told(after, "use_outstanding", shanghai)[11] > 0.9
    assert told(after, "receivable_days", beijing).tolist() == told(before, "receivable_days", beijing).tolist()


def test_a_late_province_is_overdue_and_nobody_else_is(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, to: 2024-12, where: {home: anhui}, set: {ledger.clearing.late: 2}}\n")
    before, after = followed(parameters, of, runs[0])
    assert (told(before, "overdue") == 0).all()
    overdue = told(after, "overdue", "home=340000")
    direct = after.flows.direct[MONTHS:, :, after.homes.index("340000")].sum(axis=(1, 2)) / 100
    assert overdue[7] == pytest.approx(direct[4] + direct[5])
    assert (told(after, "overdue") == overdue).all()
    assert overdue[-1] == 0


def test_no_indicator_moves_before_a_change_begins(beside_root: Path) -> None:
    """Months of reserves once fell in January for a change from October, as the year's spending was counted."""
    text = (ROOT / "scenarios" / "delta_mutual_recognition.yaml").read_text(encoding="utf-8")
    (beside_root / "october.yaml").write_text(text.replace("from: 2024-01", "from: 2024-10"), encoding="utf-8")
    before, after = map(indicators.monthly, of_scenario(scenario.load(beside_root / "october.yaml"), people=PEOPLE))
    np.testing.assert_array_equal(before[:, :, :9], after[:, :, :9])
    payable = list(indicators.INDICATORS).index("months_payable")
    assert (before[payable, :, 9:12] != after[payable, :, 9:12]).any()


def test_net_flows_sum_to_nothing_and_siphons_lie_between_minus_one_and_one(books: tuple[Books, Books]) -> None:
    found = indicators.monthly(books[1])
    names = list(indicators.INDICATORS)
    hosts = slice(-len(books[1].hosts), None)
    assert np.abs(found[names.index("net_flow"), hosts].sum(axis=0)).max() < 1
    assert (np.abs(found[names.index("siphon_index"), hosts]) <= 1).all()


def test_the_parts_of_an_effect_sum_to_the_cash_and_volume_is_constant(
    runs: tuple[simulate.Run, simulate.Run], books: tuple[Books, Books]
) -> None:
    newly, richer, volume, timing, diverted = parts = indicators.effects(runs, books)
    assert (parts[:, 0] == pytest.approx(parts[:, 1:].sum(axis=1))) and (volume == 0).all() and (diverted == 0).all()
    paid = [run.totals[..., AMOUNTS.index("fund_direct") : AMOUNTS.index("fund_claimed") + 1].sum() for run in runs]
    assert newly[0] + richer[0] == pytest.approx((paid[1] - paid[0]) / 100)
    cash = [sum(s * int(of.moves[c][1 : 1 + MONTHS].sum()) for c, s in indicators.PAID) for of in books]
    assert parts[:, 0].sum() == pytest.approx((cash[1] - cash[0]) / 100)
    # A reform of July whose money is cleared two months later: some of the year's is paid in the next.
    assert richer[0] > 0 > timing[0]


def test_a_prepayment_takes_cash_and_costs_nothing(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, set: {ledger.prepayment.months: 3}}\n")
    books = followed(parameters, of, runs[0])
    newly, richer, volume, timing, diverted = indicators.effects((runs[0], runs[0]), books)
    assert (newly == 0).all() and (richer == 0).all() and (volume == 0).all() and (diverted == 0).all()
    assert timing[0] == pytest.approx((told(books[1], "prepayment") - told(books[0], "prepayment"))[11])


HELD = 1000_00
"""Prepayment of one home at one host, fen, as the warnings are tried on it."""


@pytest.mark.parametrize("definition", ["cleared", "outstanding"])
@pytest.mark.parametrize(("colour", "line"), [("yellow", 700_00), ("red", 900_00)])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_home_is_warned_from_the_line_on_and_not_a_fen_before(
    colour: str, line: int, beyond: int, definition: str
) -> None:
    """Hebei's rule: yellow when the use reaches 70 %, red at 90 % and more, whichever use is meant."""
    month = {"cleared": 0, "outstanding": 1}[definition]  # in either sense a month's flow is in use
    _, was = by_hand((6, 2, 2), (line + beyond, 0, 0))
    terms = was.terms._replace(clearing=was.terms.clearing + month)
    moves = ledger.book(was.flows, terms, np.full((2, 1), 10**9), np.array([[[HELD]], [[0]]]))
    of = replace(was, terms=terms, moves=moves)
    assert indicators.uses(of)[definition][0].sum() == line + beyond and ledger.held(moves)[1].sum() == HELD
    assert told(of, f"homes_{colour}_{definition}")[0] == (beyond >= 0)


def test_an_emergency_increase_shortens_the_wait_and_costs_cash_only(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    levers = "ledger.hospital.lag: 0, ledger.prepayment.increase: {}"
    found = []
    for share in (0, 0.2):
        of = written(tmp_path, f"  - {{from: 2024-01, set: {{{levers.format(share)}}}}}\n")
        found.append(followed(parameters, of, runs[0])[1])
    without, more = found
    assert told(more, "receivable_days")[11] < told(without, "receivable_days")[11] - 1
    assert told(more, "prepayment")[11] > 1.05 * told(without, "prepayment")[11]
    added = (more.moves["collected"] - without.moves["collected"])[1 : 1 + MONTHS].sum()
    assert more.moves["increased"][1 : 1 + MONTHS].sum() > 0.5 * added > 0
    assert told(without, "hospitals_advanced").max() == without.moves["increased"].max() == 0


def test_a_review_in_july_raises_what_has_grown(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-07, to: 2024-07, set: {ledger.prepayment.review: true}}\n")
    before, after = followed(parameters, of, runs[0])
    kept = [told(books, "prepayment") for books in (before, after)]
    assert (kept[0][:7] == kept[1][:7]).all()
    quarter = before.flows.direct[MONTHS + 3 : MONTHS + 6].sum() / 100  # April to June
    assert kept[1][7:12] == pytest.approx(np.full(5, 2 * quarter / 3), rel=1e-6)
    assert kept[1][14:] == pytest.approx(kept[0][14:], rel=1e-6)  # January's rule again


def test_an_advance_to_one_province_s_hospitals_is_a_month_of_last_year(
    tmp_path: Path, parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, where: {host: shanghai}, set: {ledger.hospital.advance: 1}}\n")
    before, after = followed(parameters, of, runs[0])
    last = before.flows.direct[:MONTHS, :, :, before.hosts.index("310000")].sum() / 1200
    assert told(after, "hospitals_advanced", "host=310000")[1:12] == pytest.approx(np.full(11, last), rel=1e-6)
    assert told(after, "hospitals_advanced", "host=110000").max() == 0
    assert told(after, "use_outstanding", "host=310000")[6] > told(before, "use_outstanding", "host=310000")[6] + 0.3
    assert (told(after, "pool_balance") == told(before, "pool_balance")).all()


PARTS: dict[str, tuple[Any, Any, tuple[float, float, float, float]]] = {
    # visits and fund payment a month (direct, claimed, abandoned) before and after; parts of the year in fen
    "a dearer price": (((6, 2, 2), (600, 200, 200)), ((6, 2, 2), (660, 200, 200)), (0, 720, 0, 0)),
    "one abandoned case claims": (((6, 2, 2), (600, 200, 200)), ((6, 3, 1), (600, 300, 100)), (1200, 0, 0, 0)),
    "half as many cases again": (((6, 2, 2), (600, 200, 200)), ((9, 3, 3), (900, 300, 300)), (0, 0, 4800, 0)),
    "half as many, dearer, all claim": (
        ((6, 2, 2), (600, 200, 200)),
        ((9, 6, 0), (1080, 600, 0)),
        (3600, 2160, 4800, 0),
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), PARTS.values(), ids=PARTS)
def test_the_parts_of_an_effect_by_hand(before: Any, after: Any, expected: tuple[float, ...]) -> None:
    (first, was), (second, now) = by_hand(*before), by_hand(*after)
    found = indicators.effects((first, second), (was, now))
    assert (found * 100)[:, 1].tolist() == pytest.approx([*expected, 0])
    assert (found[:, 0] == found[:, 1]).all()


def test_stress_is_volume_and_a_lag_is_timing_by_hand() -> None:
    (run, was), (_, doubled) = by_hand((6, 2, 2), (600, 200, 200)), by_hand((6, 2, 2), (600, 200, 200), 2.0)
    assert (indicators.effects((run, run), (was, doubled)) * 100)[:, 0].tolist() == [0, 0, 12 * 800, 0, 0]
    later = ledger.PaymentTerms(
        **{**was.terms._asdict(), "clearing": was.terms.clearing + np.arange(48)[:, None] // 12 * 3}
    )
    moved = replace(
        was, moves=ledger.book(was.flows, later, np.full((2, 1), 10**9), np.zeros((2, 1, 1), dtype=np.int64))
    )
    assert (indicators.effects((run, run), (was, moved)) * 100)[:, 0].tolist() == [0, 0, 0, -3 * 600, 0]


def test_the_limit_of_reserve_is_that_of_the_scenario_on_both_sides(
    parameters: solve.ParameterDraw, tmp_path: Path
) -> None:
    of = written(tmp_path, "  - {from: 2024-01, where: {home: 上海}, set: {ledger.reserve.least: 24}}\n")
    run = simulate.live(parameters, scenario.reference(of), touched=simulate.touched_by(of), people=PEOPLE)
    by_rule = told(follow(parameters, run, run)[0], "pools_below_limit", "home=310000")
    before, after = (told(books, "pools_below_limit", "home=310000") for books in followed(parameters, of, run))
    assert (before == after).all() and (after > by_rule).all()
    other = "home=320000"
    assert (
        told(followed(parameters, of, run)[1], "pools_below_limit", other)
        == told(follow(parameters, run, run)[1], "pools_below_limit", other)
    ).all()
