"""Cities split what happens between provinces: nothing is lost, and a province's policy reaches all of its cities."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from simlib.errors import BadInputError
from simlib.patients import areas, flows
from simlib.scenario import scenario
from simlib.simulation import simulate, solve
from simlib.study import effects, experiment
from simlib.terms import LONG_STAY

ROOT = Path(__file__).parents[2]
SPLIT = ("delta", "jing_jin_ji", "shandong")
COUNTS = {"delta": 41, "jing_jin_ji": 13, "shandong": 16}


def test_a_scenario_may_name_every_geography() -> None:
    assert get_args(scenario.Geography) == tuple(areas.GEOGRAPHIES)


@pytest.mark.parametrize("geography", SPLIT)
def test_cities_are_those_of_the_provinces_and_share_their_people(geography: str) -> None:
    place, whole = areas.load(geography), areas.provinces()
    cities = place.resolve({"delta": "长三角", "jing_jin_ji": "京津冀", "shandong": "山东"}[geography])
    assert len(cities) == COUNTS[geography]
    assert (
        len(place.codes)
        == len(set(place.codes))
        == len(whole.codes) + COUNTS[geography] - len(areas.GEOGRAPHIES[geography])
    )
    for share in (place.share, place.newcomers):
        np.testing.assert_allclose(np.bincount(place.province, weights=share), 1, rtol=1e-12)
    assert (
        place.capital.sum()
        == len(areas.GEOGRAPHIES[geography]) - {"delta": 1, "jing_jin_ji": 2, "shandong": 0}[geography]
    )
    assert all(len(place.pools[i]) == 1 for i in cities)


def test_a_province_stands_for_its_cities_and_a_city_for_itself() -> None:
    place = areas.load("delta")
    anhui = place.resolve("Anhui")
    assert len(anhui) == 16
    assert anhui == place.resolve("安徽") == place.resolve("340000")
    assert place.resolve("合肥") == place.resolve("hefei") == (place.index("340100"),)
    assert place.resolve("上海") == (place.index("310000"),)
    with pytest.raises(
        LookupError, match=r"hefei: part of Anhui in the geography provinces. Write Anhui, or .* geography: delta"
    ):
        areas.provinces().resolve("hefei")


@pytest.mark.parametrize("geography", SPLIT)
def test_flows_between_cities_sum_back_to_the_provinces(parameters: solve.ParameterDraw, geography: str) -> None:
    place, whole = areas.load(geography), flows.expect(parameters.pull, parameters.c, parameters.stayed)
    split = flows.among_cities(whole, place, parameters.values)
    member = np.eye(whole.shape[-1])[place.province]
    back = np.einsum("kspij,ih,jt->kspht", split, member, member)
    np.testing.assert_allclose(back, whole, rtol=1e-9, atol=1e-9)
    same = place.province[:, None] == place.province
    assert not split[..., same].any()  # care in another city of the home province is not cross-province


def test_flows_between_provinces_are_left_as_they_are(parameters: solve.ParameterDraw) -> None:
    whole = flows.expect(parameters.pull, parameters.c, parameters.stayed)
    assert (flows.among_cities(whole, areas.provinces(), parameters.values) == whole).all()


def test_the_long_stay_live_where_newcomers_do_and_others_go_near_or_to_the_capital(
    parameters: solve.ParameterDraw,
) -> None:
    place = areas.load("delta")
    split = flows.among_cities(
        flows.expect(parameters.pull, parameters.c, parameters.stayed), place, parameters.values
    )[0, 0]
    shanghai, suzhou, xuzhou = (place.index(code) for code in ("310000", "320500", "320300"))
    assert split[1, shanghai, suzhou] > split[1, shanghai, xuzhou]  # near
    jinan = place.index("370000")
    ratio = split[LONG_STAY, jinan, suzhou] / split[LONG_STAY, jinan, xuzhou]
    assert ratio == pytest.approx(place.newcomers[suzhou] / place.newcomers[xuzhou])
    drawn = {q.id: v for q, v in parameters.values.items()}["flow.capital"][0]
    more = {q: (v + 1 if q.id == "flow.capital" else v) for q, v in parameters.values.items()}
    nanjing = place.index("320100")
    pulled = flows.among_cities(flows.expect(parameters.pull, parameters.c, parameters.stayed), place, more)[0, 0]
    assert drawn >= 0
    assert pulled[1, shanghai, nanjing] > split[1, shanghai, nanjing]


def test_cities_and_provinces_see_the_same_effect() -> None:
    found = []
    for name in ("delta_mutual_recognition", "delta_mutual_recognition_cities"):
        of = scenario.load(ROOT / "scenarios" / f"{name}.yaml")
        amounts = experiment.repeat([of], draws=4, seed=5, people=40_000, jobs=2).amounts(0)
        row = effects.summary(amounts, "direct_settlement_rate", amounts.headline)
        fund = effects.relative(amounts, "fund_payment", amounts.headline)
        found.append((row["baseline"], row["change"], fund.mean()))
    np.testing.assert_allclose(found[0], found[1], rtol=0.1)
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=0.01)


def test_nothing_inside_a_province_is_touched() -> None:
    of = scenario.load(ROOT / "scenarios" / "delta_mutual_recognition_cities.yaml")
    place = areas.load("delta")
    touched = scenario.compile(of, place).touched.any(axis=(2, 3, 4))
    inside = place.province[:, None] == place.province
    assert touched.any()
    assert not touched[inside].any()
    assert (simulate.focus(simulate.touched_by(of)).any(axis=0) == touched).all()


def test_a_city_may_be_named_in_its_geography_only(beside_root: Path) -> None:
    text = (
        "extends: baseline.yaml\ngeography: {}\ntitle: {{zh: 一, en: One}}\nquestion: {{zh: 何, en: What}}\n"
        "year: 2024\nchanges:\n  - from: 2024-07\n"
        "    where: {{home: Hefei, host: Shanghai}}\n    set: {{filing.free: true}}\n"
    )
    path = beside_root / "one.yaml"
    path.write_text(text.format("delta"), encoding="utf-8")
    of = scenario.load(path)
    place = areas.load("delta")
    assert np.argwhere(simulate.focus(simulate.touched_by(of))[0]).tolist() == [
        [place.index("340100"), place.index("310000")]
    ]
    path.write_text(text.format("provinces"), encoding="utf-8")
    with pytest.raises(
        BadInputError, match=r"one\.yaml:8:19: home: Hefei: part of Anhui in the geography provinces. Write Anhui"
    ):
        scenario.load(path)


def test_a_child_keeps_the_cities_of_its_parent(beside_root: Path) -> None:
    for name in ("delta_mutual_recognition", "delta_mutual_recognition_cities"):
        (beside_root / f"{name}.yaml").write_bytes((ROOT / "scenarios" / f"{name}.yaml").read_bytes())
    path = beside_root / "child.yaml"
    head = "extends: delta_mutual_recognition_cities.yaml\ntitle: {zh: 一, en: One}\nquestion: {zh: 何, en: What}\n"
    path.write_text(head, encoding="utf-8")
    assert scenario.load(path).geography == "delta"
    path.write_text(head + "geography: provinces\n", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"child\.yaml:4:\d+: geography: provinces, but it extends a file of delta"):
        scenario.load(path)


def test_scenarios_of_two_geographies_are_not_run_together() -> None:
    both = [
        scenario.load(ROOT / "scenarios" / f"{name}.yaml")
        for name in ("delta_mutual_recognition", "delta_mutual_recognition_cities")
    ]
    with pytest.raises(BadInputError, match="different geographies: run them apart"):
        experiment.check(both, draws=2, seed=0, people=1000, jobs=1)
