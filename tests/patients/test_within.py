"""Care in another city of one's province: as much as is published, in the ledger, in no cross-province figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simlib import amounts
from simlib.benefits import area_rules
from simlib.benefits.area_rules import Situation
from simlib.files.facts import value
from simlib.fund import ledger
from simlib.fund.books import follow
from simlib.fund.indicators import INDICATORS, monthly
from simlib.patients import areas, within
from simlib.scenario import scenario
from simlib.scenario.change import Change
from simlib.simulation import simulate, solve
from simlib.simulation.simulate import Run
from simlib.study import metrics
from simlib.terms import ABANDONED, DIRECT, FILINGS, INPATIENT, LONG_STAY, PHARMACY, SCHEMES

ROOT = Path(__file__).parents[2]
CITIES = scenario.load(ROOT / "scenarios" / "delta_mutual_recognition_cities.yaml")
DELTA, PROVINCES = areas.load("delta"), areas.provinces()


def simulated(parameters: solve.ParameterDraw, of: scenario.Scenario) -> Run:
    return simulate.live(parameters, of, touched=simulate.touched_by(of), people=2_000)


@pytest.fixture(scope="module")
def runs(parameters: solve.ParameterDraw) -> tuple[Run, Run]:
    """Return the reference and the scenario, care within provinces included."""
    return simulated(parameters, scenario.reference(CITIES)), simulated(parameters, CITIES)


@pytest.fixture(scope="module")
def without(parameters: solve.ParameterDraw) -> tuple[Run, Run]:
    """Return the same, nobody treated in another city of the province."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(within, "expect", lambda place, *_: np.zeros((4, 2, 4, len(place.codes), len(place.codes))))
        return simulated(parameters, scenario.reference(CITIES)), simulated(parameters, CITIES)


@pytest.mark.parametrize("year", [2023, 2024])
def test_cases_and_cost_are_the_published_off_site_less_cross_province(
    parameters: solve.ParameterDraw, year: int
) -> None:
    cases, bills = within.national(year, parameters.values), within.bills(parameters.values)
    assert (cases[:PHARMACY] > 0).all() and (cases[PHARMACY] == 0).all()
    for s, scheme in enumerate(SCHEMES):
        of = {"scheme": scheme, "year": str(year)}
        visits, cost = (
            value("offsite", metric=f"offsite_{what}", **of) - value("national", metric=f"crossprov_{what}", **of)
            for what in ("visits", "cost")
        )
        assert cases[:, s].sum() == pytest.approx(1e4 * visits)
        assert cases[:, s] @ bills[:, s] == pytest.approx(1e8 * cost)


@pytest.mark.parametrize("geography", areas.GEOGRAPHIES)
def test_cities_sum_to_their_province_and_provinces_to_the_nation(
    parameters: solve.ParameterDraw, geography: str
) -> None:
    place, v = areas.load(geography), parameters.values
    found = within.expect(place, 2023, v, parameters.pull.purpose)
    shares = within.province_shares(v)
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    assert (found[..., ~place.inside] == 0).all()
    of_province = np.eye(len(PROVINCES.codes))[place.province]
    by_province = np.einsum("ksphi,ht->kst", found, of_province)
    split = [code not in within.ONE_POOL and code in areas.GEOGRAPHIES[geography] for code in PROVINCES.codes]
    expected = within.national(2023, v)[:, :, None] * shares.T * split
    np.testing.assert_allclose(by_province, expected, rtol=1e-9)
    assert (by_province.sum(axis=(0, 1)) > 0).tolist() == split


def test_patients_go_near_and_to_the_capital(parameters: solve.ParameterDraw) -> None:
    found = within.expect(DELTA, 2023, parameters.values, parameters.pull.purpose)[INPATIENT].sum(axis=0)
    wuxi, suzhou, xuzhou, nanjing = (DELTA.index(code) for code in ("320200", "320500", "320300", "320100"))
    travel = found[LONG_STAY + 1 :].sum(axis=0)
    assert travel[wuxi, suzhou] / DELTA.share[suzhou] > travel[wuxi, xuzhou] / DELTA.share[xuzhou]
    more = {q: (x + 1 if q.id == "flow.capital" else x) for q, x in parameters.values.items()}
    drawn = within.expect(DELTA, 2023, more, parameters.pull.purpose)[INPATIENT].sum(axis=(0, 1))
    assert drawn[:, nanjing].sum() > found.sum(axis=0)[:, nanjing].sum()
    assert found[:, nanjing, nanjing].sum() == 0


def test_a_run_has_as_many_cases_as_expected_and_as_dear(
    parameters: solve.ParameterDraw, runs: tuple[Run, Run]
) -> None:
    expected = within.expect(DELTA, CITIES.year, parameters.values, parameters.pull.purpose).sum(axis=2)
    by_pair = runs[0].totals[:, :, :, DELTA.inside].sum(axis=(0, 3, 4))
    cases = by_pair[..., amounts.VISITS : amounts.VISITS + 3].sum(axis=-1)
    np.testing.assert_allclose(cases[:PHARMACY], expected[:PHARMACY].sum(axis=(2, 3)), rtol=0.15)
    bills = by_pair[..., amounts.BILLS : amounts.BILLS + 3].sum(axis=-1) / 100
    cost = (expected.sum(axis=(2, 3)) * within.bills(parameters.values)).sum()
    assert bills.sum() == pytest.approx(cost, rel=0.05)
    direct = by_pair[..., amounts.VISITS].sum() / cases.sum()
    assert direct == pytest.approx(float(parameters.values[within.Within.direct][0]), abs=0.01)


def test_cross_province_care_is_the_same_to_the_visit(runs: tuple[Run, Run], without: tuple[Run, Run]) -> None:
    touched = scenario.compile(CITIES, DELTA).touched
    groups = metrics.groups(touched)
    for with_, bare in zip(runs, without, strict=True):
        assert with_.people == bare.people
        assert with_.totals[:, :, :, DELTA.inside].any() and not bare.totals[:, :, :, DELTA.inside].any()
        assert (with_.totals[:, :, :, ~DELTA.inside] == bare.totals[:, :, :, ~DELTA.inside]).all()
        assert (with_.seen == bare.seen).all() and bare.seen.any()
        amounts = [metrics.amounts(run.totals, DELTA, groups) for run in (with_, bare)]
        assert (amounts[0] == amounts[1]).all()


def test_a_measure_between_provinces_leaves_care_within_them_alone(runs: tuple[Run, Run]) -> None:
    before, after = (run.totals[:, :, :, DELTA.inside] for run in runs)
    assert (before == after).all()
    assert not before[..., amounts.GAP].any()  # one catalogue, one price
    assert before[..., amounts.VISITS + ABANDONED].any()
    assert not before[..., amounts.FIRST + 1 : amounts.FIRST + len(amounts.CAUSES)].any()


def test_only_a_drawn_country_holds_care_within_provinces(parameters: solve.ParameterDraw) -> None:
    run = simulate.live(parameters, CITIES, touched=simulate.touched_by(CITIES), people=2_000, whole=False)
    assert not run.totals[:, :, :, DELTA.inside].any()


def test_the_ledger_clears_it_inside_the_province_without_prepayment(
    parameters: solve.ParameterDraw, runs: tuple[Run, Run], without: tuple[Run, Run]
) -> None:
    books, bare = (follow(parameters, *both)[1] for both in (runs, without))
    moves, year = books.moves, slice(ledger.MONTHS, 2 * ledger.MONTHS)
    of = ledger.balances(moves)
    assert (sum(balance.sum(axis=(1, 2, 3)) for balance in of.values()) == 0).all()
    assert (of["pool"] >= 0).all() and (of["neighbour"] <= 0).all() and (of["home"] == 0).all()
    direct = runs[1].paid[..., DIRECT].sum(axis=0)  # (scheme, home, host, month)
    inside = (direct * DELTA.inside[:, :, None]).sum(axis=2)
    assert (books.flows.within[year] == np.moveaxis(inside, -1, 0)).all()
    assert (moves["within"][1 : 1 + ledger.MONTHS, :, :, 0] == books.flows.within[year]).all()
    lag = 2
    paid, due = moves["within_paid"][1:, :, :, 0], books.flows.within[ledger.MONTHS - lag : -lag]
    emptied = of["pool"][1:].sum(axis=3) == 0
    assert (paid <= due).all() and (paid == due)[~emptied].all()
    solvent = int(np.argmax(emptied.any(axis=(1, 2)))) if emptied.any() else len(emptied)  # the months before
    assert solvent > 2 * ledger.MONTHS
    cleared = ("direct", "cleared", "borne", "prepaid", "returned", "hospital_paid", "opening_prepayment")
    assert all((moves[cause] == bare.moves[cause])[:solvent].all() for cause in cleared)
    split = np.bincount(DELTA.province)[DELTA.province] > 1
    assert books.flows.within[:, :, split].any(axis=0).all() and not books.flows.within[:, :, ~split].any()
    with_care, others = (dict(zip(INDICATORS, monthly(side), strict=True)) for side in (books, bare))
    for name in ("direct", "prepayment", "use_cleared", "overdue", "hospitals_owed", "receivable_days", "siphon_index"):
        np.testing.assert_array_equal(with_care[name][:, :solvent], others[name][:, :solvent])
    assert with_care["within"][0, :12].sum() == pytest.approx(inside.sum() / 100)
    assert np.isnan(others["within"]).all() and np.isnan(others["local_care"]).all()


@pytest.mark.parametrize(
    ("host", "near", "far"), [(None, 2, 2), ("anhui", 2, 1), ("shanghai", 1, None)], ids=["any", "own", "other"]
)
def test_stress_of_a_month_reaches_care_in_the_own_province_if_it_is_named(
    host: str | None, near: float, far: float | None, parameters: solve.ParameterDraw, runs: tuple[Run, Run]
) -> None:
    where = {"home": "hefei"} | ({"host": host} if host else {})
    change = {"from": "2024-05", "to": "2024-05", "where": where, "set": (("ledger.flows.factor", 2.0),)}
    of = CITIES.model_copy(update={"changes": (Change.model_validate(change),)})
    before, after = follow(parameters, runs[0], replace(runs[0], scenario=of))
    hefei, may = DELTA.index("340100"), ledger.MONTHS + 4
    for name, times in (("within", near), ("claimed", near if near == far else None), ("direct", far)):
        was, now = (getattr(books.flows, name) for books in (before, after))
        if times:
            assert (now[may, :, hefei] == times * was[may, :, hefei]).all() and was[may, :, hefei].any()
        now[may, :, hefei] = was[may, :, hefei]
        assert (now == was).all()


def test_an_area_s_own_terms_for_other_cities_of_the_province_are_used() -> None:
    def terms(area: str, filing: str) -> area_rules.Terms:
        return area_rules.terms_of(area, Situation("resident", "inpatient", 3, filing, "2024-07"))[0]

    assert terms("Fuyang", "within_referral").points_off == 50_000
    assert terms("Fuyang", "within_temporary").points_off == 150_000
    assert terms("Hangzhou", "within_temporary").points_off == 0 < terms("Hangzhou", "temporary").first_self_pay_away
    assert terms("Bengbu", "within_referral").deductible.amount == 2_000_00
    assert terms("Bengbu", "within_referral").floor_ratio == 450_000
    for filing in FILINGS:  # no off-site status inside Hebei; elsewhere a part of the cut between provinces
        assert terms("Tangshan", f"within_{filing}").points_off == 0
        home, away = terms("Xuzhou", f"within_{filing}"), terms("Xuzhou", filing)
        assert 0 <= home.points_off <= away.points_off
    assert terms("Wuhu", "within_referral").deductible == terms("Wuhu", "local").deductible


def test_later_years_grow_and_earlier_ones_are_published(parameters: solve.ParameterDraw) -> None:
    v = parameters.values
    assert (within.index(2023, v) == 1).all()
    assert 0 < within.index(2021, v)[0] < within.index(2022, v)[0] < 1 < within.index(2024, v)[0]
    grown = within.national(2026, v)[:PHARMACY] / within.national(2024, v)[:PHARMACY]
    np.testing.assert_allclose(
        grown, np.broadcast_to(within.index(2026, v)[:PHARMACY, None], grown.shape) / within.index(2024, v)[0]
    )
