"""Chronic outpatient care: diseases, their mix, and what a longer list does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib import amounts
from simlib.files import facts
from simlib.patients import areas, chronic
from simlib.scenario import scenario
from simlib.simulation import simulate, solve
from simlib.terms import CHRONIC, GRADES

ROOT = Path(__file__).parents[2]
D = len(chronic.DISEASES)
quantiles = st.lists(st.floats(0, 1), min_size=D, max_size=D).map(np.array)


def test_every_disease_has_ranges_and_a_grade() -> None:
    for row in facts.read("diseases"):
        for what in ("patients", "visits", "cost"):
            assert 0 < float(row[f"{what}_low"]) < float(row[f"{what}_high"])
        assert row["grade"] in GRADES and row["source"]
        assert float(row["dispersion"]) > 0


@given(quantiles, quantiles, quantiles, st.floats(1, 2.5), st.floats(1.5, 18), st.floats(50, 20_000))
def test_the_mix_has_the_wanted_mean_bill_or_scales_all_bills(
    patients: np.ndarray, visits: np.ndarray, cost: np.ndarray, dearer: float, ramp: float, wanted: float
) -> None:
    places = dict(
        zip(
            (q for q in chronic.Chronic.quantities() if q.role == "uncertain"),
            (patients, visits, cost, np.array([dearer]), np.zeros(1), np.array([ramp])),
            strict=True,
        )
    )
    of = chronic.diseases(places)
    mix, first = chronic.mix(of, wanted), of.wave == 0
    assert mix.visits.sum() == pytest.approx(1) and mix.patients.sum() == pytest.approx(1)
    assert mix.visits @ mix.bill == pytest.approx(1)
    assert mix.visits[of.wave == 1].sum() / mix.visits[first].sum() == pytest.approx(of.added)
    bills = [float(mix.visits[some] @ mix.bill[some] / mix.visits[some].sum()) for some in (of.wave == 1, first)]
    published = (chronic.FIRST_MONTH[1] / chronic.FIRST_MONTH[0]) / (chronic.LAST_QUARTER[1] / chronic.LAST_QUARTER[0])
    assert bills[0] / bills[1] == pytest.approx(published)
    assert np.all(np.diff(mix.bill[first][np.argsort(of.cost[first])]) >= 0)


def test_a_dearer_mean_bill_leans_to_dearer_diseases() -> None:
    of = chronic.diseases({q: np.full(D, q.number) for q in chronic.Chronic.quantities()})
    cheap, dear = (chronic.mix(of, bill).visits[of.wave == 0] for bill in (600.0, 1500.0))
    ratio = (dear / cheap)[np.argsort(of.cost[of.wave == 0])]
    assert np.all(np.diff(ratio) > -1e-9) and ratio[0] < 0.5 < 2 < ratio[-1]


def test_in_their_first_month_added_diseases_make_the_published_visits() -> None:
    """20,300 visits of 236 yuan, if all were settled: against the last quarter's visits for those listed first."""
    for ramp in (1.5, 5.0, 18.0):
        of = chronic.diseases({q: np.full(D, ramp if q.id.endswith("ramp_months") else q.number) for q in
                               chronic.Chronic.quantities()})  # fmt: skip
        month = chronic.LAST_QUARTER[0] / 3 * of.added * chronic.reached(np.array(1), ramp)
        assert month == pytest.approx(20_300)


def test_a_newly_listed_disease_opens_rung_by_rung_and_no_month_before_it_moves() -> None:
    months = np.zeros((2, 12 * (chronic.YEARS_BACK + 1)), dtype=np.uint16)
    months[:] = 0b1  # the first always
    months[1, -6:] |= 0b10  # the second from July
    old, new = chronic.ladder(months, 3.0).reshape(2, 12, chronic.RUNGS)
    assert (old == 1).all() and (new[:6] == 1).all()
    share = (new[6:] >> 1).mean(axis=1)
    assert np.abs(share - chronic.reached(np.arange(1, 7), 3.0)).max() < 1 / chronic.RUNGS
    assert (np.diff(new[6:].astype(int) >> 1, axis=0) >= 0).all()  # who could settle still can


def test_the_baseline_lists_five_then_ten_and_six_more_for_the_insured_of_zhejiang(place: areas.Place) -> None:
    baseline = scenario.load(ROOT / "scenarios" / "baseline.yaml")
    zhejiang, anhui, shanghai = (place.resolve(name)[0] for name in ("Zhejiang", "Anhui", "Shanghai"))

    def number(year: int, home: int, host: int, month: int = 0) -> int:
        listed = chronic.listing(scenario.compile(baseline, place, year=year))
        return int(listed[home, host, month]).bit_count()

    assert [number(year, anhui, shanghai) for year in (2023, 2024, 2025)] == [5, 5, 10]
    assert [number(year, zhejiang, shanghai) for year in (2023, 2024, 2025)] == [11, 11, 14]
    assert number(2023, shanghai, zhejiang) == 5  # as host Zhejiang settles more: not in the baseline


def test_a_longer_list_raises_chronic_direct_settlement_and_touches_nothing_else(
    parameters: solve.ParameterDraw,
) -> None:
    longer = scenario.load(ROOT / "scenarios" / "chronic_ten_diseases.yaml")
    touched = simulate.touched_by(longer)
    assert touched[:, :, :, CHRONIC].any() and not np.delete(touched, CHRONIC, axis=3).any()
    before, after = (
        simulate.live(parameters, of, touched=touched, people=20_000).totals
        for of in (scenario.reference(longer), longer)
    )
    assert (np.delete(before, CHRONIC, axis=1) == np.delete(after, CHRONIC, axis=1)).all()
    before, after = before[:, CHRONIC], after[:, CHRONIC]
    assert (after[..., amounts.VISITS] >= before[..., amounts.VISITS]).all()
    gained = (after - before)[..., amounts.VISITS].sum()
    assert gained > 0.001 * before[..., : amounts.VISITS + 3].sum()
    assert (after[..., amounts.FIRST + amounts.NOT_LISTED] <= before[..., amounts.FIRST + amounts.NOT_LISTED]).all()
    visits = slice(amounts.VISITS, amounts.VISITS + 3)
    assert (after[..., visits].sum(axis=-1) == before[..., visits].sum(axis=-1)).all()
    choice_and_gates = slice(amounts.FIRST, amounts.FIRST + len(amounts.CAUSES))
    for totals in (before, after):
        failed = totals[..., [amounts.VISITS + 1, amounts.VISITS + 2]].sum(axis=-1)
        assert (totals[..., choice_and_gates].sum(axis=-1) == failed).all()


def holding(parameters: solve.ParameterDraw, share: float) -> solve.ParameterDraw:
    """Return the parameters with another share of patients who settle as ordinary outpatients what is not listed."""
    return replace(parameters, values={**parameters.values, chronic.Chronic.as_ordinary: np.array([share])})


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_unlisting_every_disease_leaves_no_chronic_case_direct_but_as_ordinary_care(
    parameters: solve.ParameterDraw, beside_root: Path, share: float
) -> None:
    none = "\n".join(f"      chronic.listed.{name}: false" for name in chronic.DISEASES)
    text = "title: {zh: 空, en: none}\nquestion: {zh: 空, en: none}\nextends: baseline.yaml\nyear: 2024\nchanges:\n"
    (beside_root / "none.yaml").write_text(f"{text}  - from: 2024-01\n    set:\n{none}\n", encoding="utf-8")
    of = scenario.load(beside_root / "none.yaml")
    totals = simulate.live(holding(parameters, share), of, touched=simulate.touched_by(of), people=5_000).totals[
        :, CHRONIC
    ]
    totals = totals.sum(axis=(0, 1, 2, 3, 4))
    assert (
        totals[amounts.VISITS] == totals[amounts.AS_ORDINARY]
        and totals[amounts.FUND] == totals[amounts.FUND_AS_ORDINARY]
    )
    assert totals[amounts.VISITS + 1] > 0 and (totals[amounts.VISITS] > 0) == (share > 0)
    assert (totals[amounts.FIRST + amounts.NOT_LISTED] > 0) == (share < 1)


def test_a_disease_on_the_list_is_paid_as_such_and_no_longer_as_ordinary_care(parameters: solve.ParameterDraw) -> None:
    """Who settled as an ordinary outpatient settles at the chronic benefit: the fund pays more for the same cases."""
    longer = scenario.load(ROOT / "scenarios" / "chronic_ten_diseases.yaml")
    ordinary, touched = holding(parameters, 1.0), simulate.touched_by(longer)
    before, after = (
        simulate.live(ordinary, of, touched=touched, people=20_000).totals[:, CHRONIC].sum(axis=(0, 1, 2, 3, 4))
        for of in (scenario.reference(longer), longer)
    )
    assert before[amounts.FIRST + amounts.NOT_LISTED] == after[amounts.FIRST + amounts.NOT_LISTED] == 0
    assert before[amounts.AS_ORDINARY] > after[amounts.AS_ORDINARY] > 0  # six of Zhejiang's are not on the list of ten
    fund = [side[amounts.FUND] + side[amounts.FUND + 1] for side in (before, after)]
    assert fund[1] > 1.001 * fund[0]
    assert after[amounts.VISITS] >= before[amounts.VISITS]  # fewer have reason to claim the chronic benefit by hand


def test_ordinary_care_pays_less_than_a_chronic_benefit_claimed_at_home(parameters: solve.ParameterDraw) -> None:
    none = scenario.reference(scenario.load(ROOT / "scenarios" / "chronic_ten_diseases.yaml"))
    nowhere = np.zeros_like(simulate.touched_by(none))
    gaps = []
    for share in (0.0, 1.0):
        totals = simulate.live(holding(parameters, share), none, touched=nowhere, people=50_000).totals[:, CHRONIC]
        totals = totals.sum(axis=(0, 1, 2, 3, 4))
        gaps.append(totals[amounts.GAP] / totals[amounts.VISITS : amounts.VISITS + 3].sum())
    assert gaps[1] < gaps[0] - 100


def test_settling_as_ordinary_care_changes_no_other_kind_of_care(parameters: solve.ParameterDraw) -> None:
    none = scenario.reference(scenario.load(ROOT / "scenarios" / "chronic_ten_diseases.yaml"))
    nowhere = np.zeros_like(simulate.touched_by(none))
    runs = [simulate.live(holding(parameters, s), none, touched=nowhere, people=20_000).totals for s in (0.0, 1.0)]
    assert (np.delete(runs[0], CHRONIC, axis=1) == np.delete(runs[1], CHRONIC, axis=1)).all()
    assert (runs[1][:, CHRONIC, ..., amounts.VISITS] >= runs[0][:, CHRONIC, ..., amounts.VISITS]).sum() > 0
