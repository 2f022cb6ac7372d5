"""Provincial pooling: one policy, one purse, no cut inside the province; each does what it says and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from simlib import amounts, cli
from simlib.benefits import area_rules, national, pooling
from simlib.errors import BadInputError
from simlib.fund import carried
from simlib.fund.books import follow
from simlib.fund.indicators import INDICATORS, groups, monthly
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.simulation import policies, simulate, solve
from simlib.simulation.simulate import Run
from simlib.terms import INPATIENT, LOCAL, PPM

ROOT = Path(__file__).parents[2]
DELTA = areas.load("delta")
NAMES = ("adjustment", "policy", "mean", "best")
JIANGSU, ZHEJIANG, ANHUI = (list(DELTA.resolve(name)) for name in ("Jiangsu", "Zhejiang", "Anhui"))
POOLED = JIANGSU + ZHEJIANG + ANHUI
JULY = 6


@pytest.fixture(scope="module")
def shipped() -> dict[str, Scenario]:
    return {name: scenario.load(ROOT / "scenarios" / f"pooling_delta_{name}.yaml") for name in NAMES}


def simulated(parameters: solve.ParameterDraw, of: Scenario) -> Run:
    return simulate.live(parameters, of, touched=simulate.touched_by(of), people=2_000)


def written(folder: Path, change: str, geography: str = "delta", year: int = 2024) -> Path:
    head = "extends: baseline.yaml\ntitle: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\n"
    path = folder / "x.yaml"
    path.write_text(f"{head}geography: {geography}\nyear: {year}\nchanges:\n  - {{{change}}}\n", encoding="utf-8")
    return path


def records(of: Scenario, *, inside: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return policies at the middle of the parameters, and their rows by (home, scheme, member, kind, …) of cities."""
    v = national.middle()
    book = policies.in_force(of, DELTA, inside=inside)
    found = policies.drawn(book, national.middle_ratios(), national.points_off(v))
    return found, book.which[policies.residences(DELTA)[0]]


# What is refused.

REFUSED = {
    "no cities": (
        "provinces",
        "from: 2024-01, where: {home: Anhui}, set: {pooling.policy: best}",
        r"x\.yaml:7:\d+: pooling\.policy: provinces have no pools to merge: .* Write geography: delta, or jing",
    ),
    "an area left out": (
        "delta",
        "from: 2024-01, where: {home: [Hefei, Fuyang, Jiangsu]}, set: {pooling.shared: 1}",
        r"x\.yaml:7:\d+: home: Anhui is pooled whole, and Wuhu, .* are left out\. Write Anhui\.",
    ),
    "an area taken twice": (
        "delta",
        "from: 2024-01, where: {home: [Anhui, Hefei]}, set: {pooling.cut_ends: true}",
        r"x\.yaml:7:\d+: home: Hefei: Hefei is taken twice, also in Anhui\. Name each pool once\.",
    ),
    "another axis": (
        "delta",
        "from: 2024-01, where: {home: Anhui, scheme: resident}, set: {pooling.policy: best}",
        r"pooling\.policy cannot be limited by scheme\. It can be by home",
    ),
}


@pytest.mark.parametrize(("geography", "change", "words"), REFUSED.values(), ids=REFUSED)
def test_a_map_of_pools_that_does_not_hold_is_refused(
    geography: str, change: str, words: str, beside_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(beside_root, change, geography)
    with pytest.raises(BadInputError, match=words):
        scenario.load(path)
    assert cli.main(["check", str(path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_mean_of_unlike_forms_is_refused_with_areas_and_fields(
    beside_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change = "from: 2024-01, where: {{home: {}}}, set: {{pooling.policy: mean}}"
    of = scenario.load(written(beside_root, change.format("Zhejiang")))
    with pytest.raises(BadInputError) as raised:
        policies.in_force(of, DELTA)
    said = str(raised.value)
    assert said.startswith(f"{of.path}: pooling.policy: these pools have another form than Hangzhou: deductible (")
    assert (
        "Ningbo" in said
        and "catastrophic" in said
        and "ratio" not in said
        and said.endswith("Write mean_or_capital, or best.")
    )
    for command in ("check", "run"):
        assert cli.main([command, str(of.path)]) == 2
        assert capsys.readouterr().err == f"{said}\n"
    alike = scenario.load(written(beside_root, change.format("Jiangsu")))
    assert policies.in_force(alike, DELTA).merged


# What a common policy is.


def test_the_mean_is_weighted_by_people_field_by_field(shipped: dict[str, Scenario]) -> None:
    (own, was), (merged, now) = records(scenario.reference(shipped["policy"])), records(shipped["policy"])
    cell = (slice(None), 0, 1, INPATIENT, 1, JULY, 2)  # retired employees, referred to tier 3
    weight = DELTA.population[JIANGSU] / DELTA.population[JIANGSU].sum()
    pools, common = own[was[cell][JIANGSU]], merged[now[cell][JIANGSU]]
    assert len(np.unique(pools["deductible_low"][:, 0])) > 1 and len(set(now[cell][JIANGSU])) == 1
    for name in ("deductible_low", "ratio_ppm", "cap_fen"):
        expected = np.tensordot(weight, pools[name].astype(float), axes=1)
        np.testing.assert_allclose(common[name][0], expected, rtol=1e-6)
    assert common["grade"][0] == pools["grade"].max()


def test_the_best_has_the_lowest_deductible_and_the_highest_ratio_and_cap(shipped: dict[str, Scenario]) -> None:
    (own, was), (merged, now) = records(scenario.reference(shipped["best"])), records(shipped["best"])
    for homes in (JIANGSU, ZHEJIANG, ANHUI):
        cell = (homes, 1, 0, INPATIENT, slice(None), JULY)
        pools, common = (of[rows[cell]].reshape(len(homes), -1).T for of, rows in ((own, was), (merged, now)))
        common = common[:, :1]
        assert (common["cap_fen"][:, 0] == pools["cap_fen"].max(axis=1)).all()
        for field in ("deductible", "ratio", "catastrophic"):
            worth = [pooling.worth(of, field) for of in (pools, common)]
            assert (worth[1][:, 0] >= worth[0].max(axis=1) - 1e-9 * np.abs(worth[0]).max(axis=1)).all(), field
    assert (merged["ratio_ppm"] <= PPM).all()


def test_where_forms_differ_the_mean_takes_the_capital_s_field(shipped: dict[str, Scenario]) -> None:
    (own, was), (merged, now) = records(scenario.reference(shipped["policy"])), records(shipped["policy"])
    hangzhou, ningbo = DELTA.index("330100"), DELTA.index("330200")
    cell = (0, 0, INPATIENT, 1, JULY, 2)
    theirs, common = own[was[ningbo][cell]], merged[now[ningbo][cell]]
    capital = own[was[hangzhou][cell]]
    assert theirs["deductible_period"] != capital["deductible_period"] == common["deductible_period"]
    assert (common["deductible_low"] == capital["deductible_low"]).all()


def test_ratios_of_one_band_are_averaged_over_the_bands_of_others(shipped: dict[str, Scenario]) -> None:
    (own, was), (merged, now) = records(scenario.reference(shipped["policy"])), records(shipped["policy"])
    for homes in (ZHEJIANG, ANHUI):
        cell = (homes, 0, 0, INPATIENT, LOCAL, JULY, 2)
        pools, common = own[was[cell]], merged[now[cell]][0]
        weight = DELTA.population[homes] / DELTA.population[homes].sum()
        assert len(set(pools["bands"])) > 1 and common["bands"] >= pools["bands"].max()
        for yuan in (10_000, 50_000, 100_000, 290_000, 500_000):
            ratio = [
                np.append(of["ratio_ppm"][: of["bands"]], 0)[
                    np.searchsorted(of["band_to_fen"][: of["bands"]], 100 * yuan)
                ]
                for of in (*pools, common)
            ]
            assert ratio[-1] == pytest.approx(weight @ ratio[:-1], abs=1)


@pytest.fixture
def identical() -> Iterator[None]:
    """All areas have the national default policy, whatever they publish."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(area_rules, "ruling", lambda area: "")
        for cached in (policies.in_force, policies._with_levers):
            cached.cache_clear()
        yield
    for cached in (policies.in_force, policies._with_levers):
        cached.cache_clear()


def test_a_mean_of_identical_policies_changes_no_price_but_where_the_cut_ends(
    parameters: solve.ParameterDraw, shipped: dict[str, Scenario], identical: None
) -> None:
    before, policy, whole = (
        simulated(parameters, of) for of in (scenario.reference(shipped["mean"]), shipped["policy"], shipped["mean"])
    )
    bare = simulate.live(parameters, before.scenario, touched=simulate.touched_by(shipped["mean"]), people=2_000)
    assert (bare.totals == policy.totals).all()
    across = ~DELTA.inside
    assert (bare.totals[:, :, :, across] == whole.totals[:, :, :, across]).all()
    paid = [run.totals[:, :, :, DELTA.inside][..., amounts.FUND : amounts.FUND + 2].sum() for run in (bare, whole)]
    assert paid[1] > paid[0]
    assert (carried.ratio_at_home(shipped["mean"], DELTA, parameters.values, parameters.quantiles) == 1).all()


def test_where_the_cut_ends_care_in_the_province_is_as_at_home(shipped: dict[str, Scenario]) -> None:
    for name, ends in (("policy", False), ("mean", True), ("best", True)):
        found, which = records(shipped[name], inside=True)
        rows = which[POOLED][:, :, :, INPATIENT]
        same = (rows[..., :LOCAL, :, :] == rows[..., LOCAL:, :, :]).all()
        assert same == ends
        assert found[rows]["ratio_ppm"][..., 0].min() > 0


# What one purse is.


def test_the_purse_alone_moves_money_only_and_evens_out_the_months_payable(
    parameters: solve.ParameterDraw, shipped: dict[str, Scenario]
) -> None:
    of = shipped["adjustment"]
    before, after = simulated(parameters, scenario.reference(of)), simulated(parameters, of)
    assert (before.totals == after.totals).all()
    books = follow(parameters, before, after)
    told = [dict(zip(INDICATORS, monthly(side), strict=True)) for side in books]
    names = groups(books[0])
    homes = [names.index(f"home={DELTA.codes[h]}") for h in range(len(DELTA.codes))]
    for province in (JIANGSU, ZHEJIANG, ANHUI):
        own, common = (side["months_payable"][np.array(homes)[province]] for side in told)
        assert np.ptp(own[:, 0]) > 1
        assert np.ptp(common, axis=0).max() < 1e-9
        assert (own.min(axis=0) < common[0]).all() and (common[0] < own.max(axis=0)).all()
    others = [homes[h] for h in range(len(DELTA.codes)) if h not in POOLED]
    assert (told[0]["months_payable"][others] == told[1]["months_payable"][others]).all()
    whole = slice(0, 24)  # later a city's pool runs dry alone, and pays less than it owes
    np.testing.assert_allclose(told[0]["pool_balance"][0][whole], told[1]["pool_balance"][0][whole])


def test_cities_differ_in_reserve_but_sum_to_their_province(parameters: solve.ParameterDraw) -> None:
    from simlib.fund import openings

    cities, whole = (openings.synthetic(parameters, 2024, place) for place in (DELTA, areas.provinces()))
    member = np.eye(len(areas.provinces().codes))[DELTA.province]
    for of_cities, of_provinces in zip(cities, whole, strict=True):
        np.testing.assert_allclose(of_cities @ member, of_provinces)
    months = (cities.balance / cities.spending)[0, ANHUI]
    assert months.max() > 1.5 * months.min()


# What it costs at home.


def test_care_at_home_costs_more_at_the_best_and_only_where_pooled(
    parameters: solve.ParameterDraw, shipped: dict[str, Scenario]
) -> None:
    best = carried.ratio_at_home(shipped["best"], DELTA, parameters.values, parameters.quantiles)
    assert (best[:, [h for h in range(len(DELTA.codes)) if h not in POOLED]] == 1).all()
    assert (best[:, POOLED].mean(axis=1) > 1).all() and best[:, POOLED].min() > 0.97
    mean = carried.ratio_at_home(shipped["mean"], DELTA, parameters.values, parameters.quantiles)
    jiangsu = np.average(mean[0, JIANGSU, JULY], weights=DELTA.population[JIANGSU])
    assert jiangsu == pytest.approx(1, abs=0.02)
    assert (carried.ratio_at_home(shipped["adjustment"], DELTA, parameters.values, parameters.quantiles) == 1).all()


def test_the_three_parts_are_set_apart_and_together(shipped: dict[str, Scenario]) -> None:
    def sets(of: Scenario) -> set[str]:
        return {name for step in of.lineage()[1:] for change in step.changes for name, _ in change.set}

    parts = {"policy": {"pooling.policy"}, "adjustment": {"pooling.shared"}}
    assert {name: sets(shipped[name]) for name in parts} == parts
    assert sets(shipped["mean"]) == parts["policy"] | parts["adjustment"] | {"pooling.cut_ends"}
    assert sets(shipped["best"]) == {"pooling.policy", "pooling.shared", "pooling.cut_ends"}
