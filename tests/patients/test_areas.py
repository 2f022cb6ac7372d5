"""The areas hold the published people, neighbours and distances; a draw makes and loses nobody."""

import numpy as np
import pytest

from simlib import errors
from simlib.files import facts
from simlib.patients import areas

PLACE = areas.load("provinces")
X, C = PLACE.index(areas.XINJIANG), PLACE.index(areas.XPCC)
DRAWS = [(share, slope) for share in (0.0, 0.06, 0.13) for slope in (0.5, 1.0, 1.5)]


def neighbours(name: str) -> set[str]:
    (i,) = PLACE.resolve(name)
    return {PLACE.names_en[j] for j in np.flatnonzero(PLACE.adjacent[i])}


def km(one: str, other: str) -> float:
    return float(PLACE.distance_km[PLACE.resolve(one)[0], PLACE.resolve(other)[0]])


def test_there_are_31_provinces_and_xpcc() -> None:
    assert len(PLACE.codes) == len(set(PLACE.codes)) == 32
    assert PLACE.codes[-1] == areas.XPCC
    assert {len(names) for names in (PLACE.names_zh, PLACE.names_en, PLACE.regions)} == {32}


def test_the_published_amounts_are_there_in_units_of_one() -> None:
    assert PLACE.insured.sum() == pytest.approx(1_333_890_000)
    assert PLACE.beds.sum() == pytest.approx(10_173_600)
    assert PLACE.population.sum() == 1_409_778_724
    assert 80_000 < PLACE.gdp.sum() / PLACE.population.sum() < 95_000
    assert 0.05 < PLACE.share_65plus.min() < PLACE.share_65plus.max() < 0.18
    # Each pair of the estimate was rounded to whole persons.
    assert PLACE.migrants.sum() == pytest.approx(124_837_153, abs=50)


def test_everything_is_a_number_and_read_only() -> None:
    draw = areas.people(PLACE, 0.1, 1.0)
    for group in (PLACE, draw):
        for name, array in vars(group).items():
            if isinstance(array, np.ndarray):
                assert np.isfinite(array).all(), name
                assert (array >= 0).all(), name
                assert not array.flags.writeable, name


def test_xinjiang_is_published_with_xpcc_inside() -> None:
    for amounts in (PLACE.population, PLACE.insured, PLACE.beds, PLACE.gdp):
        assert amounts[C] == 0 < amounts[X]
    assert not PLACE.migrants[C].any()
    assert not PLACE.migrants[:, C].any()
    assert PLACE.share_65plus[C] == PLACE.share_65plus[X]


def test_neighbours_are_mutual_and_plausible() -> None:
    assert (PLACE.adjacent == PLACE.adjacent.T).all()
    assert not PLACE.adjacent.diagonal().any()
    assert PLACE.adjacent.any(axis=1).all()
    assert neighbours("Heilongjiang") == {"Jilin", "Inner Mongolia"}
    assert neighbours("Shanghai") == {"Jiangsu", "Zhejiang"}
    assert neighbours("Beijing") == {"Tianjin", "Hebei"}
    assert neighbours("Hainan") == {"Guangdong"}
    assert neighbours("XPCC") == {"Xinjiang"}
    assert neighbours("Gansu") == {"Inner Mongolia", "Ningxia", "Shaanxi", "Sichuan", "Qinghai", "Xinjiang"}
    assert len(neighbours("Inner Mongolia")) == len(neighbours("Shaanxi")) == 8


def test_neighbours_without_a_land_border_between_provinces_are_marked() -> None:
    noted = {(row["code"], row["neighbour"]) for row in facts.read("adjacency") if row["note"]}
    assert noted == {("440000", "460000"), ("650000", "660000")}


def test_distances_are_great_circles_with_a_floor() -> None:
    assert (PLACE.distance_km == PLACE.distance_km.T).all()
    assert (PLACE.distance_km.diagonal() == 0).all()
    assert km("Xinjiang", "XPCC") == areas.LEAST_KM
    assert km("Beijing", "Shanghai") == pytest.approx(1068, abs=5)
    assert km("Beijing", "Tianjin") == pytest.approx(114, abs=2)
    off_diagonal = PLACE.distance_km[~np.eye(32, dtype=bool)]
    assert off_diagonal.min() >= areas.LEAST_KM
    # Only the pair that shares a seat is moved by the floor.
    assert (off_diagonal == areas.LEAST_KM).sum() == 2


def test_a_quarter_of_the_circumference_lies_between_pole_and_equator() -> None:
    found = areas.distances(np.array([10.0, 77.0]), np.array([0.0, 90.0]))[0, 1]
    assert found == pytest.approx(np.pi / 2 * areas.EARTH_KM)


@pytest.mark.parametrize(("share", "slope"), DRAWS)
def test_a_draw_makes_and_loses_nobody(share: float, slope: float) -> None:
    draw = areas.people(PLACE, share, slope)
    both = draw.insured.sum(axis=1)
    assert both.sum() == pytest.approx(PLACE.insured.sum(), rel=1e-12)
    assert both[:X] == pytest.approx(PLACE.insured[:X], rel=1e-12)
    assert both[X] + both[C] == pytest.approx(PLACE.insured[X], rel=1e-12)
    assert draw.beds.sum() == pytest.approx(PLACE.beds.sum(), rel=1e-12)
    assert draw.migrants.sum() == pytest.approx(PLACE.migrants.sum(), rel=1e-12)
    assert draw.insured[:, 0].sum() == pytest.approx(370_946_000, abs=1)
    assert both[C] == pytest.approx(share * PLACE.insured[X])


def test_xpcc_takes_its_share_of_migrants_both_ways_and_none_from_xinjiang() -> None:
    draw = areas.people(PLACE, 0.1, 1.0)
    others = np.arange(32) < X
    assert draw.migrants[C, others] == pytest.approx(0.1 * PLACE.migrants[X, others])
    assert draw.migrants[others, C] == pytest.approx(0.1 * PLACE.migrants[others, X])
    assert (draw.migrants + draw.migrants.T)[X, others] == pytest.approx(
        0.9 * (PLACE.migrants + PLACE.migrants.T)[X, others]
    )
    assert draw.migrants[X, C] == draw.migrants[C, X] == 0
    assert (draw.migrants.diagonal() == 0).all()


def test_a_draw_leaves_the_published_place_alone() -> None:
    before = PLACE.migrants.copy()
    areas.people(PLACE, 0.13, 1.5)
    assert (PLACE.migrants == before).all()


def test_richer_provinces_have_more_employees_and_a_flat_slope_none() -> None:
    steep = areas.people(PLACE, 0.1, 1.0)
    share = steep.insured[:, 0] / steep.insured.sum(axis=1)
    order = np.argsort(steep.gdp_per_head, kind="stable")
    assert (np.diff(share[order]) >= -1e-12).all()
    flat = areas.people(PLACE, 0.1, 0.0)
    assert flat.insured[:, 0] / flat.insured.sum(axis=1) == pytest.approx(np.full(32, 37_094.6 / 133_389))


def test_xpcc_is_as_rich_as_xinjiang() -> None:
    draw = areas.people(PLACE, 0.1, 1.0)
    assert draw.gdp_per_head[C] == draw.gdp_per_head[X] == pytest.approx(19_125.9e8 / 25_852_345)


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_a_share_of_xinjiang_outside_0_and_1_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        areas.people(PLACE, share, 1.0)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("310000", "310000"),
        ("Inner Mongolia", "150000"),
        (" inner mongolia ", "150000"),
        ("内蒙古", "150000"),
        ("内蒙古自治区", "150000"),
        ("广西", "450000"),
        ("宁夏", "640000"),
        ("新疆", "650000"),
        ("新疆生产建设兵团", "660000"),
        ("兵团", "660000"),
        ("XPCC", "660000"),
        ("yangtze-delta", "310000 320000 330000 340000"),
    ],
)
def test_a_name_stands_for_its_areas(name: str, codes: str) -> None:
    assert [PLACE.codes[i] for i in PLACE.resolve(name)] == codes.split()


def test_all_stands_for_all_and_none_for_nothing() -> None:
    assert PLACE.resolve("all") == tuple(range(32))
    with pytest.raises(LookupError, match="none: no such place"):
        PLACE.resolve("none")


def test_every_area_answers_to_each_of_its_names() -> None:
    for i in range(32):
        for name in (PLACE.codes[i], PLACE.names_en[i], PLACE.names_zh[i]):
            assert PLACE.resolve(name) == (i,)


def test_an_unknown_name_is_refused_with_the_likely_one() -> None:
    with pytest.raises(LookupError, match=r"Shangai: no such place\. Did you mean Shanghai\?"):
        PLACE.resolve("Shangai")
    with pytest.raises(LookupError, match=r"Did you mean 内蒙古\?"):
        PLACE.resolve("内蒙")
    with pytest.raises(LookupError, match=r"310001: no such code\. Did you mean 310000\?"):
        PLACE.index("310001")


def test_an_unknown_geography_is_refused_with_the_known_ones() -> None:
    with pytest.raises(errors.BadInputError, match=r"cities: no such geography\. Expected one of provinces, delta,"):
        areas.load("cities")


def test_what_is_not_published_is_declared() -> None:
    declared = {q.id: (q.role, q.low, q.high, q.dist, q.grade) for q in areas.Areas.quantities()}
    assert declared == {
        "areas.xpcc_share": ("uncertain", 0.06, 0.13, "uniform", "assumed"),
        "areas.employee_slope": ("uncertain", 0.5, 3.0, "uniform", "assumed"),
    }
