"""The pictures show what the tables say, in both languages, with units, intervals, a source and no missing glyph."""

import io
from collections.abc import Callable, Iterator

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from simlib.files import facts, texts
from simlib.patients import areas
from simlib.quantities import declared
from simlib.report import maps, plots

CURVE = pd.DataFrame(
    {
        "attention": [1.0, 0.0, 0.5],
        "change": [0.12, 0.001, 0.03],
        "low": [0.05, -0.002, 0.01],
        "high": [0.2, 0.004, 0.06],
    }
)
CHANGES = pd.DataFrame(
    {"label": ["江苏 Jiangsu", "b", "c"], "change": [3.0, -1.0, 0.0], "low": [2, -3, 0], "high": [4, 1, 0]}
)
FIT = pd.DataFrame(
    {"label": ["a", "b"], "role": ["test", "solved"], "low": [0.6, 0.99], "mid": [0.7, 1.0], "high": [0.9, 1.02]}
)
GAP = np.array([0.0, 0.0, 0.0, 3.0, 120.0, -120.0, -0.01, 99_999.5])
STEPS = pd.DataFrame(
    {
        "way": ["direct"] * 5 + ["claim"] * 5,
        "part": ["fund", "deductible", "unlisted", "coinsurance", "above_cap"] * 2,
        "yuan": [6560, 1300, 0, 2140, 0, 6000, 1300, 560, 2140, 0],
    }
)
WATERFALL = pd.DataFrame(
    {
        "label": ["长三角目录互认", "No filing for care inside the Yangtze Delta, from 2024 on", "c", "all"],
        "change": [10.0, 4.0, -2.0, 12.0],
        "low": [6, 1, -3, 5],
        "high": [14, 8, -1, 19],
        "alone": [9.0, 3.0, -2.0, 10.0],
    }
)
TILES = pd.DataFrame(
    {"code": ["310000", "150000", "460000"], "label": ["上海", "Inner Mongolia", "海南"], "value": [3.0, -1.0, 0.5]}
).assign(low=[2.0, -2.0, -1.0], high=[4.0, -0.5, 1.0])
LEARNED = pd.DataFrame(
    {"id": ["flow.psi", "flow.a2"], "prior_low": [0.0, 1.0], "prior_high": [1.0, 3.0], "low": [0.2, 1.0]}
).assign(median=[0.5, 1.5], high=[0.7, 3.0], narrowed=[0.5, 0.0])
STREAMS = pd.DataFrame(
    {"home": ["安徽", "其他"] * 2, "host": ["上海", "上海", "其他", "其他"], "value": [6.0, 2.0, 1.0, 1.0]}
).assign(host_low=[5, 5, 1, 1], host_high=[9, 9, 3, 3])
MONTHS = [f"2024-{m + 1:02}" for m in range(12)]
FAN = pd.concat(
    [
        pd.DataFrame({"label": label, "month": MONTHS, "value": 9.0 + np.arange(12)}).assign(
            value_low=7.0, value_low50=8.0, value_high50=21.0, value_high=22.0
        )
        for label in ("职工", "residents")
    ]
)
HEAT = pd.DataFrame([[np.nan, 0.63, 0.9], [1.8, np.nan, -0.0]], ["河南", "Anhui"], ["上海", "Beijing", "江苏"])
LINES = pd.DataFrame({"预付金": np.arange(12.0), "due": 3.0}, MONTHS)
TORNADO = pd.DataFrame({"label": ["一致程度", "b"], "lower": [5.0, 3.0], "upper": [2.0, 3.5]})
FUNNEL = pd.DataFrame(
    {
        "part": "stage",
        "row": ["all", "networked", "listed", "filed", "coded", "can_settle", "direct"],
        "value": [1.0, 0.9, 0.9, 0.8, 0.75, 0.75, 0.65],
        "value_low": [1.0, 0.8, 0.8, 0.7, 0.6, 0.6, 0.55],
        "value_high": [1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 0.75],
    }
)
OUTCOMES = pd.DataFrame(
    {"label": ["直接结算", "not filed", "choice"], "before": [60.0, 30.0, 10.0], "after": [68.0, 30.0, 2.0]}
)
PICTURES: dict[str, Callable[..., Axes]] = {
    "curve": lambda **words: plots.curve(CURVE, **words),
    "changes": lambda **words: plots.changes(CHANGES, **words),
    "fit": lambda **words: plots.fit(FIT, **words),
    "learned": lambda **words: plots.learned(LEARNED, **words),
    "waterfall": lambda **words: plots.waterfall(WATERFALL, **words),
    "tornado": lambda **words: plots.tornado(TORNADO, 3.2, **words),
    "funnel": lambda **words: plots.funnel(FUNNEL, **words),
    "outcomes": lambda **words: plots.outcomes(OUTCOMES, **words),
    "gap": lambda **words: plots.gap(GAP, **words),
    "steps": lambda **words: plots.steps(STEPS, **words),
    "tiles": lambda **words: maps.tiles(TILES, unit="%", **words),
    "streams": lambda **words: maps.streams(STREAMS, unit="%", **words),
    "money": lambda **words: maps.streams(STREAMS, unit="%", ends=("payer", "payee"), **words),
    "fan": lambda **words: plots.fan(FAN, unit="个月", **words),
    "heat": lambda **words: plots.heat(HEAT, **words),
    "lines": lambda **words: plots.lines(LINES, unit="百万元", **words),
}
UNITS = {
    "curve": "百分点",
    "changes": "%",
    "fit": "%",
    "learned": "%",
    "waterfall": "%",
    "tornado": "%",
    "funnel": "%",
    "outcomes": "%",
    "gap": "元",
    "steps": "元",
    "tiles": "%",
    "streams": "%",
    "money": "%",
    "fan": "个月",
    "heat": "%",
    "lines": "百万元",
}

every_picture = pytest.mark.parametrize("name", PICTURES)
both_languages = pytest.mark.parametrize("lang", texts.LANGS)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def written(ax: Axes) -> list[str]:
    return [item.get_text() for item in ax.figure.findobj(Text) if item.get_text()]


@every_picture
@both_languages
def test_a_picture_is_drawn_in_the_shipped_font_without_a_missing_glyph(name: str, lang: texts.Lang) -> None:
    ax = PICTURES[name](lang=lang, source="医保局 2023 −1 ≥ 0.5‰")
    ax.figure.savefig(io.BytesIO(), format="png")
    assert {item.get_fontname() for item in ax.figure.findobj(Text) if item.get_text()} == {"simlib Sans SC"}


@every_picture
@both_languages
def test_no_two_texts_overlap_and_none_is_cut(name: str, lang: texts.Lang) -> None:
    ax = PICTURES[name](lang=lang)
    ax.figure.canvas.draw()
    page = ax.figure.bbox
    boxes = [(t.get_text(), t.get_window_extent()) for t in ax.figure.findobj(Text) if t.get_text() and t.get_visible()]
    ticks = {label.get_text() for label in [*ax.get_xticklabels(), *ax.get_yticklabels()]}
    boxes = [(words, box) for words, box in boxes if words not in ticks]
    for i, (words, box) in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, words
        assert [other for other, near in boxes[i + 1 :] if box.overlaps(near)] == [], words


@every_picture
def test_axes_say_their_unit_and_the_caption_its_source(name: str) -> None:
    ax = PICTURES[name](lang="zh", source="国家医保局")
    assert UNITS[name] in ax.get_xlabel() + ax.get_ylabel()
    assert [t.get_text() for t in ax.texts if t.get_gid() == "source"] == ["来源：国家医保局"]


@every_picture
@both_languages
def test_a_picture_says_that_it_is_simulated_unless_told_its_source(name: str, lang: texts.Lang) -> None:
    (caption,) = (t.get_text() for t in PICTURES[name](lang=lang).texts if t.get_gid() == "source")
    assert plots.text("simulated", lang) in caption


@every_picture
def test_the_settings_of_the_caller_stay_and_his_axes_are_used(name: str) -> None:
    _, (mine, other) = plt.subplots(1, 2, figsize=(14, 4), layout="constrained")
    before = dict(matplotlib.rcParams)
    assert PICTURES[name](ax=mine, title="mine") is mine
    assert dict(matplotlib.rcParams) == before
    assert mine.get_title(loc="left") == "mine" and not other.has_data()


def test_the_font_has_every_character_of_the_texts_the_places_and_gb2312() -> None:
    has = set(FT2Font(str(plots.FONT)).get_charmap())
    shown = facts.read("provinces")
    words = "".join(str(value) for row in (*shown, *map(texts.texts, texts.LANGS)) for value in row.values())
    words += "".join(number.meaning_zh for number in declared().values())
    words += "".join(c for c in map(chr, range(0xA1, 0xFFFF)) if c.encode("gb2312", "ignore")) + "−–—…×±≥≤→°‰€·％（）"
    assert sorted(set(words) - {"\n"} - set(map(chr, has))) == []


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(KeyError, match="fr"):
        plots.curve(CURVE, lang="fr")  # type: ignore[arg-type]


def test_the_curve_is_the_table_in_points_with_its_band_and_bound() -> None:
    ax = plots.curve(CURVE)
    rows = CURVE.sort_values("attention")
    x, y = ax.lines[0].get_data()
    assert np.allclose(x, 100 * rows["attention"]) and np.allclose(y, 100 * rows["change"])
    corners = ax.collections[0].get_paths()[0].vertices
    for share, low, high in rows[["attention", "low", "high"]].to_numpy() * 100:
        at = corners[np.isclose(corners[:, 0], share), 1]
        assert np.isclose(at.min(), low) and np.isclose(at.max(), high)
    (bound,) = (line for line in ax.lines if line.get_gid() == "bound")
    assert np.allclose(bound.get_xydata(), [[100, 12]])
    assert "upper bound: +12.0 (+5.0 to +20.0)" in written(ax)


def test_a_curve_that_stops_before_the_end_has_no_bound() -> None:
    ax = plots.curve(CURVE[CURVE["attention"] < 1])
    assert not any(line.get_gid() == "bound" for line in ax.lines)


def dots(ax: Axes) -> dict[str, list[tuple[float, float]]]:
    return {str(of.get_label()): [tuple(at) for at in of.get_xydata()] for of in ax.lines if of.get_marker() in "os"}


def bars_between(ax: Axes) -> list[tuple[float, float, float]]:
    """Return row, low, high of the intervals."""
    lines = [segment for of in ax.collections for segment in of.get_segments()]
    return sorted((float(line[0, 1]), float(line[0, 0]), float(line[1, 0])) for line in lines)


def test_changes_are_dots_with_intervals_and_those_that_may_be_zero_are_hollow() -> None:
    ax = plots.changes(CHANGES, unit="‰")
    assert dots(ax) == {"interval leaves out 0": [(3, 0)], "interval includes 0": [(-1, 1), (0, 2)]}
    assert bars_between(ax) == [(0, 2, 4), (1, -3, 1), (2, 0, 0)]
    assert ax.get_xlabel() == "change (‰)"
    assert [label.get_text() for label in ax.get_yticklabels()] == list(CHANGES["label"])
    assert ax.yaxis_inverted() and "−1.0 (−3.0 to +1.0)" in written(ax)


def test_the_fit_is_percent_from_published_and_marks_what_was_fitted() -> None:
    ax = plots.fit(FIT)
    found = dots(ax)
    assert np.allclose(found["solved"], [(0, 1)]) and np.allclose(found["test"], [(-30, 0)])
    assert np.allclose(bars_between(ax), [(0, -40, -10), (1, -1, 2)])


def test_what_was_learned_is_drawn_within_the_declared_range() -> None:
    ax = plots.learned(LEARNED)
    assert dots(ax) == {"median and 90 % interval after calibration": [(50, 0), (25, 1)]}
    assert bars_between(ax) == [(0, 0, 100), (0, 20, 70), (1, 0, 100), (1, 0, 100)]
    assert "−50 %" in written(ax) and "flow.psi: −50 %" in plots.alt(ax)


def test_the_bars_of_a_waterfall_start_where_the_one_before_ends_and_the_last_at_zero() -> None:
    ax = plots.waterfall(WATERFALL, unit="points")
    found = sorted((round(bar.get_y() + 0.3), bar.get_x(), bar.get_width()) for bar in ax.patches)
    assert found == [(0, 0, 10), (1, 10, 4), (2, 14, -2), (3, 0, 12)]
    whiskers = [line for line in bars_between(ax) if line[1] != line[2]]
    assert whiskers == [(0, 6, 14), (1, 11, 18), (2, 11, 13), (3, 5, 19)]
    (alone,) = (line for line in ax.lines if line.get_marker() == "D")
    assert np.allclose(alone.get_xydata(), [(9, 0), (13, 1), (12, 2)])
    assert ax.get_xlabel() == "change, Shapley value (points)" and "+10.0 (+6.0 to +14.0)" in written(ax)


def test_the_tornado_runs_from_the_mean_effect_to_that_of_a_low_and_a_high_unknown() -> None:
    ax = plots.tornado(TORNADO, 3.2)
    ends = sorted((round(b.get_y() + b.get_height() / 2), round(b.get_x() + b.get_width(), 9)) for b in ax.patches)
    assert ends == [(0, 2.0), (0, 5.0), (1, 3.0), (1, 3.5)] and ax.yaxis_inverted()
    assert {b.get_x() for b in ax.patches} == {3.2} and ax.lines[0].get_xdata()[0] == 3.2
    pale = [b.get_alpha() for b in plots.tornado(TORNADO.assign(sure=[True, False]), 3.2).patches]
    assert pale == [None, 0.3, None, 0.3]
    assert "一致程度: low +5.00, high +2.00" in plots.alt(ax)


def test_outcomes_are_stacked_to_a_hundred_and_narrow_pieces_stand_in_the_words_only() -> None:
    ax = plots.outcomes(OUTCOMES)
    rows = {row: [(b.get_x(), b.get_width()) for b in ax.patches if round(b.get_y() + 0.25) == row] for row in (0, 1)}
    assert rows == {0: [(0, 60), (60, 30), (90, 10)], 1: [(0, 68), (68, 30), (98, 2)]}
    assert "2.0" not in written(ax) and "choice: 10.0 → 2.0" in plots.alt(ax)


def heights(ax: Axes) -> list[tuple[float, float, float]]:
    """Return left, right and height of the bars that are not empty."""
    boxes = [(bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()) for bar in ax.patches]
    return sorted((min(a, b), max(a, b), height) for a, b, height in boxes if height > 0)


def test_the_gap_has_a_bar_of_its_own_at_zero_and_shares_that_add_up() -> None:
    ax = plots.gap(GAP)
    found = heights(ax)
    assert np.isclose(sum(height for *_, height in found), 100)
    assert (-plots.ZERO_BAR_YUAN, plots.ZERO_BAR_YUAN, 37.5) in found
    assert [height for low, high, height in found if low <= 120 < high] == [12.5]
    assert {"claim pays more: 25.0 %", "equal: 37.5 %", "direct pays more: 37.5 %"} <= set(written(ax))


def test_weights_count_in_the_gap() -> None:
    ax = plots.gap([-50.0, 0.0, 50.0], weights=[1, 0, 3])
    assert [height for *_, height in heights(ax)] == [25, 75]


def test_a_bar_at_zero_that_dwarfs_the_rest_is_cut_and_says_so() -> None:
    ax = plots.gap([0.0] * 98 + [-50.0, 50.0])
    assert ax.get_ylim()[1] < 98 and "98.0 %, bar cut short" in written(ax)


@pytest.mark.parametrize("values", [[0.0], [5.0], [-1e6, 2.0]])
def test_the_gap_of_few_patients_is_drawn_too(values: list[float]) -> None:
    ax = plots.gap(values)
    ax.figure.canvas.draw()
    assert np.isclose(sum(height for *_, height in heights(ax)), 100)


def test_the_steps_are_the_parts_of_both_bills_end_to_end() -> None:
    ax = plots.steps(STEPS)
    by_row = {row: [(p.get_x(), p.get_width()) for p in ax.patches if round(p.get_y() + 0.25) == row] for row in (0, 1)}
    assert by_row[0] == [(0, 6560), (6560, 0), (6560, 1300), (7860, 2140)]
    assert by_row[1] == [(0, 6000), (6000, 560), (6560, 1300), (7860, 2140)]
    assert "fund pays 6,560, patient bears 3,440" in written(ax)


def test_a_part_that_is_zero_both_ways_is_not_in_the_legend() -> None:
    shown = [entry.get_text() for entry in plots.steps(STEPS).get_legend().get_texts()]
    assert [entry.split("  ")[0] for entry in shown] == [
        "paid by the fund",
        "not on the list",
        "deductible",
        "coinsurance",
    ]
    assert shown[1].endswith("0 / 560")


@every_picture
@both_languages
def test_the_alternative_text_holds_title_unit_numbers_and_source(name: str, lang: texts.Lang) -> None:
    words = plots.alt(PICTURES[name](lang=lang, source="X"))
    assert words.startswith(plots.text(f"{name}.title", lang)) and words.endswith("X")
    assert plots.text(f"{name}.x", lang, "%") in words and any(sign.isdigit() for sign in words)


def test_every_province_has_a_tile_of_its_own_and_shows_its_number() -> None:
    assert set(maps.TILES) == set(areas.load("provinces").codes)
    assert len(set(maps.TILES.values())) == len(maps.TILES)
    ax = maps.tiles(TILES)
    at = {(box.get_y(), box.get_x()): box for box in ax.patches}
    assert {"+3.0", "−1.0", "+0.5"} <= set(written(ax))
    assert at[maps.TILES["460000"]].get_hatch() and not at[maps.TILES["310000"]].get_hatch()
    assert at[maps.TILES["110000"]].get_facecolor() == (1, 1, 1, 1)
    red, _, blue, _ = at[maps.TILES["310000"]].get_facecolor()
    less, _, more, _ = at[maps.TILES["150000"]].get_facecolor()
    assert red > blue and less < more


def test_a_code_without_a_tile_is_refused() -> None:
    with pytest.raises(KeyError, match="310100"):
        maps.tiles(TILES.assign(code=["310100", "150000", "460000"]))


@pytest.mark.parametrize(("geography", "region"), [("delta", "yangtze-delta"), ("jing_jin_ji", "jing-jin-ji")])
def test_cities_get_a_tile_each_about_where_they_lie(geography: str, region: str) -> None:
    place = areas.load(geography)
    cities = list(place.resolve(region))
    lon, lat = place.lon[cities], place.lat[cities]
    at = maps.grid(lon, lat)
    rows, columns = np.array(at).T
    assert len(set(at)) == len(cities) > 10
    assert np.corrcoef(columns, lon)[0, 1] > 0.9 and np.corrcoef(rows, -lat)[0, 1] > 0.9
    names = [place.names_en[i] for i in cities]
    table = pd.DataFrame({"code": names, "label": names, "value": np.arange(len(cities))})
    ax = maps.tiles(table, at=dict(zip(names, at, strict=True)))
    assert {str(number) for number in range(1, 10)} <= {words.removesuffix(".0") for words in written(ax)}


def test_streams_are_as_wide_as_their_values_and_nothing_is_lost() -> None:
    ax = maps.streams(STREAMS, scale=2)
    bars = sorted((b.get_x(), b.get_y(), b.get_height()) for b in ax.patches if hasattr(b, "get_height"))
    heights_ = [round(height, 9) for *_, height in bars]
    assert heights_ == [0.7, 0.3, 0.8, 0.2]
    wide = [
        b.get_path().vertices[-2, 1] - b.get_path().vertices[0, 1] for b in ax.patches if not hasattr(b, "get_height")
    ]
    assert np.allclose(sorted(wide), [0.1, 0.1, 0.2, 0.6])
    assert {"上海  4", "安徽  4"} <= set(written(ax)) and "+2.5 to +4.5" in plots.alt(ax)


def test_a_heat_map_frames_what_is_at_or_above_the_red_line_and_leaves_out_what_has_no_value() -> None:
    ax = plots.heat(HEAT)
    numbers = [t.get_text() for t in ax.texts if t.get_gid() != "source"]
    assert numbers == ["63", "90", "180", "0"]
    framed = [patch.get_linewidth() > 1 for patch in ax.patches]
    assert framed == [False, True, True, False]
    assert plots.alt(ax).startswith("Use of the prepayment. host province")
    assert "2 / 4: at or above the red line (90 %)" in plots.alt(ax)


def test_a_fan_ends_where_its_table_does() -> None:
    assert "residents 2024-12 20.0 (7.0 to 22.0)" in plots.alt(plots.fan(FAN, unit="months"))
