"""Tidy table in, axes out: the pictures of notebooks and reports, in Chinese and English.

Every function draws on `ax`, or on a figure of its own, and returns the axes. `lang` is zh or en, `source` is
the caption under the picture, `title` replaces the title. `alt` gives what a picture shows, in words.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.ticker import FuncFormatter, NullLocator

# The font was cut from Noto Sans CJK (OFL, see data/OFL.txt) with fontTools; anyone can do it again:
#
#   from fontTools import subset, ttLib
#   hanzi = "".join(c for c in map(chr, range(0xA1, 0xFFFF)) if c.encode("gb2312", "ignore"))
#   latin = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x100), *range(0xFF01, 0xFFE6)]))
#   font = ttLib.TTFont("NotoSansCJK-Regular.ttc", fontNumber=2, recalcTimestamp=False)
#   options = subset.Options(hinting=False, layout_features=["kern"], name_IDs=[0, 5, *range(7, 15)],
#                            drop_tables=["BASE", "VORG", "vhea", "vmtx"])
#   cut = subset.Subsetter(options)
#   cut.populate(text=hanzi + latin + "−–—…×±≥≤≈≠→←↑↓°‰€¥·•√✓")
#   cut.subset(font)
#   for number, name in {1: "simlib Sans SC", 2: "Regular", 4: "simlib Sans SC", 6: "simlibSansSC-Regular"}.items():
#       font["name"].setName(name, number, 3, 1, 0x409)  # a changed font takes a name of its own
#   cff = font["CFF "].cff
#   cff.fontNames, cff[0].FullName, cff[0].FamilyName = ["simlibSansSC-Regular"], "simlib Sans SC", "simlib Sans SC"
#   font.save("NotoSansSC-subset.otf")
FONT = "NotoSansSC-subset.otf"
FAMILY = ["simlib Sans SC", "DejaVu Sans"]

Lang = Literal["zh", "en"]
Array = npt.NDArray[np.float64]

LANGS = ("zh", "en")
TEXT = {
    "interval": ("{0}（{1} 至 {2}）", "{0} ({1} to {2})"),
    "column": ("均值（95% 区间）", "mean (95 % interval)"),
    "source": ("来源：{0}", "Source: {0}"),
    "simulated": ("simlib 模拟结果，并非观测数据", "simulated with simlib, not observed"),
    "share": ("{0}：{1}%", "{0}: {1} %"),
    "curve.title": ("跨省住院直接结算率的变化", "What changes in the inpatient direct settlement rate"),
    "curve.x": ("会比较两种待遇、哪种划算选哪种的患者占比（%）", "attentive patients: compare both ways and take the better (%)"),
    "curve.y": ("变化（百分点）", "change (percentage points)"),
    "curve.mean": ("均值", "mean"),
    "curve.band": ("95% 区间", "95 % interval"),
    "curve.bound": ("上界：{0}", "upper bound: {0}"),
    "changes.title": ("参保地基金支付的变化", "What changes in what home funds pay"),
    "changes.x": ("变化（{0}）", "change ({0})"),
    "changes.sure": ("区间不含 0", "interval leaves out 0"),
    "changes.unsure": ("区间含 0", "interval includes 0"),
    "gap.title": ("同一笔费用的待遇差：直接结算减手工报销", "The benefit gap of a bill: paid directly minus paid on a claim by hand"),
    "gap.x": ("待遇差（元，对称对数刻度）", "benefit gap (yuan, symmetric log scale)"),
    "gap.y": ("每格患者占比（%）", "share of patients per bar (%)"),
    "gap.claim": ("手工报销付得多", "claim pays more"),
    "gap.equal": ("相等", "equal"),
    "gap.direct": ("直接结算付得多", "direct pays more"),
    "gap.cut": ("{0}%，柱已截短", "{0} %, bar cut short"),
    "steps.title": ("同一笔费用，两种结算", "One bill, settled both ways"),
    "steps.x": ("费用（元）", "bill (yuan)"),
    "steps.legend": ("元：直接结算 / 手工报销", "yuan: direct / by hand"),
    "steps.total": ("基金支付 {0}，个人负担 {1}", "fund pays {0}, patient bears {1}"),
    "direct": ("直接结算", "settled directly"),
    "claim": ("手工报销", "claimed by hand"),
    "fund": ("基金支付", "paid by the fund"),
    "unlisted": ("目录外费用", "not on the list"),
    "over_ceiling": ("超限价费用", "over the price ceiling"),
    "self_pay_b": ("乙类先行自付", "first self-pay, class B"),
    "self_pay_away": ("异地就医先行自付", "first self-pay, being away"),
    "deductible": ("起付线以下", "deductible"),
    "coinsurance": ("按比例自付", "coinsurance"),
    "above_cap": ("超封顶线费用", "above the annual cap"),
    "fit.title": ("模拟值与公布值", "Simulated against published"),
    "fit.x": ("模拟值比公布值高或低（%）", "simulated above or below published (%)"),
    "fit.fit": ("用于拟合", "fitted"),
    "fit.test": ("用于检验", "held out as a test"),
}
"""Every text of the pictures, zh and en."""

BLUE, ORANGE, GREY, DARK = "#0072B2", "#E69F00", "#BBBBBB", "#444444"
PARTS = {
    "fund": (BLUE, ""),
    "unlisted": ("#D55E00", ""),
    "over_ceiling": (ORANGE, "///"),
    "self_pay_b": ("#F0E442", ""),
    "self_pay_away": ("#56B4E9", "..."),
    "deductible": ("#009E73", "\\\\\\"),
    "coinsurance": ("#EEC9DC", ""),
    "above_cap": ("#FFFFFF", "xxx"),
}
"""Colour and hatch of each part of a bill: Okabe and Ito's palette, told apart in grey by lightness and hatch."""

LINEAR_YUAN = 10.0
"""Gaps smaller than this lie on the linear middle of the scale."""
ZERO_BAR = 0.4
"""Half width of the bar of gaps of exactly 0, in `LINEAR_YUAN`; the bars of small gaps start beside it."""


def text(key: str, lang: Lang, *values: object) -> str:
    """Return a text in one language with its values filled in.

    >>> text("changes.x", "en", "%")
    'change (%)'
    """
    return TEXT[key][LANGS.index(lang)].format(*values)


def number(value: float, digits: int = 1, sign: str = "+") -> str:
    """Return a number for a picture: sign, thousands, a true minus; a rounded 0 has no sign.

    >>> number(-1234.56), number(-0.04), number(1300, 0, "")
    ('−1,234.6', '0', '1,300')
    """
    rounded = round(float(value), digits)
    return f"{rounded:{sign},.{digits}f}".replace("-", "−") if rounded else "0"


def interval(mid: float, low: float, high: float, lang: Lang) -> str:
    """Return a mean and its interval in words, all with the digits that suit the largest.

    >>> interval(3.14, 2, 4.4, "en")
    '+3.1 (+2.0 to +4.4)'
    """
    largest = max(abs(mid), abs(low), abs(high))
    digits = 0 if largest >= 100 else 1 if largest >= 1 else 2
    return text("interval", lang, *(number(value, digits) for value in (mid, low, high)))


def alt(ax: Axes) -> str:
    """Return what a picture of this module shows, in words: the alternative text of an image."""
    return str(ax.get_label())


@cache
def _register_font() -> None:
    """Tell matplotlib of the shipped font: it has no Chinese glyphs of its own."""
    font_manager.fontManager.addfont(Path(__file__).parent / "data" / FONT)


@contextmanager
def _canvas(ax: Axes | None, height: float) -> Iterator[Axes]:
    """Give the axes to draw on, in the house style; the settings of the caller come back afterwards."""
    _register_font()
    style = {
        "font.family": FAMILY, "font.size": 9, "axes.unicode_minus": True, "axes.titleweight": "normal",
        "axes.spines.top": False, "axes.spines.right": False, "hatch.color": DARK, "hatch.linewidth": 0.6,
    }  # fmt: skip
    with plt.rc_context(style):
        yield ax if ax is not None else plt.subplots(figsize=(7, height), layout="constrained")[1]


def _finish(
    ax: Axes, kind: str, lang: Lang, source: str | None, title: str | None, says: Sequence[str], *, keyed: bool = True
) -> Axes:
    """Write title, caption and alternative text. `keyed` leaves room for a legend between title and axes."""
    heading = text(f"{kind}.title", lang) if title is None else title
    caption = text("source", lang, text("simulated", lang) if source is None else source)
    # 7 points a Chinese character, about half of that a Latin one.
    width = int(ax.figure.get_figwidth() * (9 if lang == "zh" else 17))
    ax.set_title(heading, loc="left", fontsize=10, pad=26 if keyed else 8)
    ax.annotate(
        textwrap.fill(caption, width), (0, 0), (0, -5), xycoords=("axes fraction", ax.xaxis.label),
        textcoords="offset points", va="top", fontsize=7, color=DARK, gid="source",
    )  # fmt: skip
    ax.set_label(f"{heading}. {ax.get_xlabel()}. {'; '.join(says)}. {caption}")
    _wear(ax)
    return ax


def _wear(ax: Axes) -> None:
    """Give every text the font, ticks yet to be made too: those are drawn when the settings are the caller's again."""
    ax.tick_params(which="both", labelfontfamily=FAMILY)
    legend = ax.get_legend()
    for item in (ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts):  # type: ignore[attr-defined]
        item.set_fontfamily(FAMILY)
    for item in [legend.get_title(), *legend.get_texts()] if legend else []:
        item.set_fontfamily(FAMILY)


def _key_above(ax: Axes, handles: Sequence[object] | None = None) -> None:
    """Draw the legend as one row between title and axes, where it covers nothing."""
    options = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0), "ncols": 4, "frameon": False, "fontsize": 8}
    ax.legend(borderaxespad=0.2, **({"handles": handles} if handles else {}), **options)  # type: ignore[arg-type]


def curve(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str | None = None, title: str | None = None
) -> Axes:
    """Draw the change of the inpatient direct settlement rate over the share of attentive patients.

    `table` holds the rows of `experiment.attention_curve` for one scenario: attention, change, low, high (shares). Line:
    mean; band: 95 % interval; the end, where everybody is attentive, is marked as the upper bound that it is.
    """
    points = 100 * table.sort_values("attention")[["attention", "change", "low", "high"]].astype(float)
    x, mid, low, high = (points[name].to_numpy() for name in points)
    with _canvas(ax, 3.8) as ax:
        ax.fill_between(x, low, high, color="#9CCBE8", linewidth=0, label=text("curve.band", lang))
        ax.plot(x, mid, color=BLUE, marker="o", markersize=4, label=text("curve.mean", lang))
        ax.axhline(0, color=DARK, linewidth=0.8)
        ax.set(xlabel=text("curve.x", lang), ylabel=text("curve.y", lang), xlim=(0, 102))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 2).rstrip("0").rstrip(".") or "0"))
        said = [f"{a:.0f} %: {interval(m, lo, hi, lang)}" for a, m, lo, hi in zip(x, mid, low, high, strict=True)]
        if x[-1] == 100:
            label = text("curve.bound", lang, interval(mid[-1], low[-1], high[-1], lang))
            ax.plot(x[-1:], mid[-1:], "D", color="white", markeredgecolor="black", markersize=7, gid="bound", clip_on=False)
            bottom, top = min(low.min(), 0), max(high.max(), 0)
            ax.set_ylim(bottom - 0.05 * (top - bottom or 1), top + 0.2 * (top - bottom or 1))
            ax.annotate(label, (100, mid[-1]), (0.98, 0.98), textcoords="axes fraction", ha="right", va="top", fontsize=8,
                        arrowprops={"arrowstyle": "-", "color": DARK, "linewidth": 0.6, "shrinkB": 5})  # fmt: skip
        _key_above(ax)
        return _finish(ax, "curve", lang, source, title, said)


def changes(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, unit: str = "%", source: str | None = None, title: str | None = None
) -> Axes:
    """Draw changes as dots with their 95 % intervals, a row each, the first on top; a dot whose interval has 0 is hollow.

    Columns of `table`: label, change, low, high, in the `unit` of display.
    """
    sure = (table["low"] > 0) | (table["high"] < 0)
    kinds = np.where(sure, "changes.sure", "changes.unsure")
    with _canvas(ax, 1.6 + 0.3 * len(table)) as ax:
        said = _dots(ax, table.rename(columns={"change": "mid"}), kinds, "changes.sure", lang)
        ax.set_xlabel(text("changes.x", lang, unit))
        return _finish(ax, "changes", lang, source, title, said)


def fit(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str | None = None, title: str | None = None
) -> Axes:
    """Draw how far the simulated values lie from the published ones, percent, with their 95 % intervals.

    Columns of `table`: label, role (fit or test), low, mid, high as simulated / published.
    """
    percent = table.assign(**{name: 100 * (table[name] - 1) for name in ("low", "mid", "high")})
    with _canvas(ax, 1.6 + 0.3 * len(table)) as ax:
        said = _dots(ax, percent, ("fit." + table["role"]).to_numpy(), "fit.fit", lang)
        ax.set_xlabel(text("fit.x", lang))
        return _finish(ax, "fit", lang, source, title, said)


def _dots(ax: Axes, table: pd.DataFrame, kinds: npt.NDArray[np.str_], filled: str, lang: Lang) -> list[str]:
    """Draw rows of label, low, mid, high around a line at 0, and return them in words; dots of one kind are filled."""
    for kind in dict.fromkeys(sorted(kinds, key=lambda kind: kind != filled)):
        rows = np.flatnonzero(kinds == kind)
        of = table.iloc[rows]
        style = (BLUE, "o", BLUE) if kind == filled else ("#D55E00", "s", "white")
        ax.hlines(rows, of["low"], of["high"], color=style[0], linewidth=1.6)
        ax.plot(of["mid"], rows, style[1], color=style[0], markerfacecolor=style[2], markersize=6, label=text(kind, lang))
    ax.axvline(0, color=DARK, linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(table)), table["label"])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))
    values = [interval(mid, low, high, lang) for mid, low, high in zip(table["mid"], table["low"], table["high"], strict=True)]
    for row, value in enumerate(values):
        ax.text(1.02, row, value, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.annotate(text("column", lang), (1.02, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=8)
    _key_above(ax)
    return [f"{label}: {value}" for label, value in zip(table["label"], values, strict=True)]


def gap(
    values_yuan: npt.ArrayLike, weights: npt.ArrayLike | None = None, ax: Axes | None = None, lang: Lang = "en", *,
    source: str | None = None, title: str | None = None,
) -> Axes:  # fmt: skip
    """Draw the distribution of the benefit gap over patients, yuan: owed directly minus owed on a claim by hand.

    Bars are shares of patients; gaps of exactly 0 have a bar of their own, cut short if it would dwarf the others.
    """
    values = np.asarray(values_yuan, dtype=np.float64)
    mass = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    share = 100 * mass / mass.sum()
    totals = [float(share[side].sum()) for side in (values < 0, values == 0, values > 0)]
    labels = [
        text("share", lang, text(key, lang), number(of, 1, ""))
        for key, of in zip(("gap.claim", "gap.equal", "gap.direct"), totals, strict=True)
    ]
    with _canvas(ax, 3.8) as ax:
        edges = _edges(np.abs(values).max(initial=0.0))
        middle = ax.bar(0, totals[1], 2 * ZERO_BAR * LINEAR_YUAN, color=GREY, edgecolor=DARK, linewidth=0.5, label=labels[1])
        left = _side(ax, -values, share, edges, -1, {"color": ORANGE, "hatch": "///", "label": labels[0]})
        right = _side(ax, values, share, edges, 1, {"color": BLUE, "label": labels[2]})
        tallest = max((bar.get_height() for bar in [*left, *right]), default=0.0)
        if totals[1] > 2 * tallest > 0:
            ax.set_ylim(0, 1.25 * tallest)
            ax.text(0, 1.24 * tallest, text("gap.cut", lang, number(totals[1], 1, "")), ha="center", va="top", fontsize=8,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip
        ax.set(xlabel=text("gap.x", lang), ylabel=text("gap.y", lang))
        _money_axis(ax, edges[-1])
        _key_above(ax, [left, middle, right])
        return _finish(ax, "gap", lang, source, title, labels)


def _edges(largest: float) -> Array:
    """Return bin edges from 0 over `LINEAR_YUAN` up to a power of ten above the largest gap, four bins a decade.

    >>> _edges(95.0).round().tolist()
    [0.0, 10.0, 18.0, 32.0, 56.0, 100.0]
    """
    decades = max(int(np.ceil(np.log10(max(largest, 1.0) / LINEAR_YUAN))), 1)
    return np.concatenate([[0.0], LINEAR_YUAN * 10 ** (np.arange(4 * decades + 1) / 4)])


def _side(ax: Axes, sizes: Array, share: Array, edges: Array, sign: int, style: dict[str, str]) -> BarContainer:
    """Draw the bars of the gaps of one sign, given as positive sizes."""
    here = sizes > 0
    heights, _ = np.histogram(sizes[here], edges, weights=share[here])
    starts = np.concatenate([[ZERO_BAR * LINEAR_YUAN], edges[1:-1]])
    widths = sign * (edges[1:] - starts)
    return ax.bar(sign * starts, heights, widths, align="edge", edgecolor=DARK, linewidth=0.5, **style)  # type: ignore[arg-type]


def _money_axis(ax: Axes, largest: float) -> None:
    """Set a symmetric log axis of yuan with few enough ticks to read."""
    ax.set_xscale("symlog", linthresh=LINEAR_YUAN, linscale=0.5, base=10)
    powers = LINEAR_YUAN * 10.0 ** np.arange(round(np.log10(largest / LINEAR_YUAN)) + 1)
    powers = powers[(len(powers) - 1) % 2 :: 2] if len(powers) > 5 else powers
    ax.set_xticks([*-powers[::-1], 0, *powers], [number(v, 0, "") for v in (*-powers[::-1], 0, *powers)])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(-largest, largest)


def steps(
    rows: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str | None = None, title: str | None = None
) -> Axes:
    """Draw who bears which part of one bill, settled directly and claimed by hand, as two stacked bars.

    Columns of `rows`: way (direct or claim), part (see `PARTS`), yuan. Parts that are 0 both ways are left out.
    """
    amounts = rows.pivot_table(index="part", columns="way", values="yuan", aggfunc="sum", fill_value=0)
    amounts = amounts.reindex(index=list(PARTS), columns=["direct", "claim"], fill_value=0).astype(float)
    amounts = amounts[(amounts != 0).any(axis=1)]
    totals = amounts.sum()
    with _canvas(ax, 3.2) as ax:
        handles, starts = [], np.zeros(2)
        for part, yuan in zip(amounts.index, amounts.to_numpy(), strict=True):
            colour, hatch = PARTS[part]
            bars = ax.barh([0, 1], yuan, 0.5, starts, color=colour, hatch=hatch, edgecolor=DARK, linewidth=0.6)
            bars.set_label(f"{text(part, lang)}  {number(yuan[0], 0, '')} / {number(yuan[1], 0, '')}")
            # A number that would not fit its piece of the bar stands in the legend only.
            inside = [number(v, 0, "") if v > 0.09 * totals.max() else "" for v in yuan]
            ax.bar_label(bars, inside, label_type="center", fontsize=8, color="black",
                         bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
            handles.append(bars)
            starts = starts + yuan
        fund = amounts.to_numpy()[0] if "fund" in amounts.index else np.zeros(2)
        said = [text("steps.total", lang, number(f, 0, ""), number(t - f, 0, "")) for f, t in zip(fund, totals, strict=True)]
        for row, words in enumerate(said):
            ax.text(0, row - 0.3, words, va="bottom", fontsize=8)
        ax.set_yticks([0, 1], [text(way, lang) for way in ("direct", "claim")])
        ax.set(xlabel=text("steps.x", lang), ylim=(1.45, -0.6), xlim=(0, totals.max() * 1.01))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 0, "")))
        ax.legend(handles=handles, title=text("steps.legend", lang), loc="upper left", bbox_to_anchor=(1.01, 1.03),
                  frameon=False, fontsize=8, title_fontsize=8)  # fmt: skip
        return _finish(ax, "steps", lang, source, title, [*said, *(h.get_label() for h in handles)], keyed=False)
