"""Tidy table in, axes out: the pictures of notebooks and reports, in Chinese and English.

Every function draws on `ax`, or on a figure of its own, and returns the axes. `lang` is zh or en; `source` is
the caption under the picture, `title` the title, both with a default. `alt` says in words what a picture shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps, font_manager
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.container import BarContainer
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, NullLocator

from simlib.errors import BadInputError
from simlib.files.texts import Lang, joined, said
from simlib.fund.ledger import Ledger

Array = npt.NDArray[np.float64]

# Cut from Noto Sans CJK SC and renamed; the top of data/OFL.txt has the commands that make it again.
FONT = Path(__file__).parents[1] / "data" / "NotoSansSC-subset.otf"
FAMILY = ["simlib Sans SC", "DejaVu Sans"]

BLUE, RED, ORANGE, GREY, DARK = "#0072B2", "#D55E00", "#E69F00", "#BBBBBB", "#444444"
PARTS = {
    "fund": (BLUE, ""),
    "unlisted": (RED, "++"),
    "over_ceiling": (ORANGE, "///"),
    "self_pay_b": ("#F0E442", ""),
    "self_pay_away": ("#56B4E9", "..."),
    "deductible": ("#009E73", "\\\\\\"),
    "coinsurance": ("#CC79A7", "---"),
    "above_cap": ("#FFFFFF", "xxx"),
}
"""Colour and hatch of each part of a bill: Okabe and Ito's palette; hatches tell the parts apart in grey print."""

WHISKER: dict[str, Any] = {
    "color": "black",
    "linewidth": 1.2,
    "path_effects": [withStroke(linewidth=3, foreground="white")],
}
"""Look of an interval that lies on a bar: it is seen on light and dark ones, in grey print too."""

LINEAR_YUAN = 10.0
"""Gaps smaller than this lie on the linear middle of the scale."""
ZERO_BAR_YUAN = 4.0
"""Half width of the bar of gaps of exactly 0; the bars of gaps below `LINEAR_YUAN` start beside it."""


def text(key: str, lang: Lang, *values: object) -> str:
    """Return a text of a picture in one language with its values filled in.

    >>> text("changes.x", "en", "%")
    'change (%)'
    """
    return said(f"plot.{key}", lang, *values)


def number(value: float, digits: int = 0, sign: str = "") -> str:
    """Return a number for a picture: thousands, a true minus; a rounded 0 has no sign.

    >>> number(-1234.56, 1, "+"), number(-0.04, 1, "+"), number(1300)
    ('−1,234.6', '0', '1,300')
    """
    rounded = round(float(value), digits)
    return f"{rounded:{sign},.{digits}f}".replace("-", "−") if rounded else "0"


def interval(mid: float, low: float, high: float, lang: Lang) -> str:
    """Return an estimate and its interval in words, all with the digits that suit the largest.

    >>> interval(3.14, 2, 4.4, "en")
    '+3.1 (+2.0 to +4.4)'
    """
    largest = max(abs(mid), abs(low), abs(high))
    digits = 0 if largest >= 100 else 1 if largest >= 1 else 2
    return text("interval", lang, *(number(value, digits, "+") for value in (mid, low, high)))


def alt(ax: Axes) -> str:
    """Return what a picture of this module shows, in words: the alternative text of an image."""
    return str(ax.get_label())


@cache
def _register_font() -> None:
    """Tell matplotlib of the shipped font: it has no Chinese glyphs of its own.

    Raises
    ------
    BadInputError : the font is missing or broken.
    """
    try:
        font_manager.fontManager.addfont(FONT)
    except (OSError, RuntimeError) as error:
        raise BadInputError(f"{FONT}: no font for pictures and reports ({error}). Install simlib again.") from None


@contextmanager
def canvas(ax: Axes | None, height: float) -> Iterator[Axes]:
    """Give the axes to draw on, in the house style; the settings of the caller come back afterwards."""
    _register_font()
    style: dict[Any, Any] = {"font.family": FAMILY, "font.size": 9, "axes.unicode_minus": True,
                             "axes.spines.top": False, "axes.spines.right": False, "axes.titleweight": "normal",
                             "hatch.color": DARK, "hatch.linewidth": 0.6}  # fmt: skip
    # A figure of our own comes first: making it may load the notebook's backend, whose settings must outlive ours.
    figure = ax.figure if ax is not None else plt.figure(figsize=(7, height), dpi=120, layout="constrained")
    with plt.rc_context(style):
        yield ax if ax is not None else figure.subplots()


def finish(ax: Axes, kind: str, lang: Lang, source: str, title: str, says: Sequence[str], pad: float = 26) -> Axes:
    """Write title, caption and alternative text. `pad` leaves room for the legend between title and axes, points."""
    heading = title or text(f"{kind}.title", lang)
    caption = text("source", lang, source or text("simulated", lang))
    inches = ax.get_window_extent().width / ax.figure.dpi
    ax.set_title(heading, loc="left", fontsize=10, pad=pad)
    ax.annotate(
        wrap(caption, int(19 * inches)), (0, 0), (0, -5), xycoords=("axes fraction", ax.xaxis.label),
        textcoords="offset points", va="top", fontsize=7, color=DARK, gid="source",
    )  # fmt: skip
    ax.set_label(joined("join.stop", lang, (heading, ax.get_xlabel(), joined("join.semicolon", lang, says), caption)))
    # Ticks are made anew while drawing, when the settings are the caller's again: they are told apart.
    ax.tick_params(which="both", labelfontfamily=FAMILY)
    plt.setp(ax.findobj(Text), family=FAMILY)
    return ax


def wrap(caption: str, width: int) -> str:
    """Break lines at `width` Latin characters; Chinese ones count double and part anywhere but before a closing sign.

    >>> wrap("来源：国家医保局 2023 年公报。", 16).splitlines()
    ['来源：国家医保局', '2023 年公报。']
    """
    lines, used = [""], 0
    for piece in re.findall(r"(?:[!-~]+|.)[，。；：、）]*\s*", caption):
        size = sum(1 + (sign >= "⺀") for sign in piece.rstrip())
        if used + size > width:
            lines, used = [*lines, ""], 0
        lines[-1] += piece
        used += size + len(piece) - len(piece.rstrip())
    return "\n".join(line.rstrip() for line in lines)


def legend(ax: Axes, **options: Any) -> None:
    """Draw the legend; as one row between title and axes, where it covers nothing, unless told otherwise."""
    row = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0), "ncols": 4, "borderaxespad": 0.2}
    ax.legend(**(row | {"frameon": False, "fontsize": 8} | options))


def curve(table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str = "", title: str = "") -> Axes:
    """Draw the change of the inpatient direct settlement rate over the share of attentive patients.

    `table` holds the rows of `findings.attention_curve` for one scenario: attention, change, low, high (shares).
    The band is the 95 % interval; where it rises all the way, its end is marked as the upper bound it is.
    """
    points = 100 * table.sort_values("attention")[["attention", "change", "low", "high"]].astype(float)
    x, mid, low, high = points.to_numpy().T
    with canvas(ax, 3.8) as ax:
        ax.fill_between(x, low, high, color="#9CCBE8", linewidth=0, label=text("curve.band", lang))
        ax.plot(x, mid, color=BLUE, marker="o", markersize=4, label=text("curve.mid", lang))
        ax.axhline(0, color=DARK, linewidth=0.8, zorder=0)
        bottom, top = min(low.min(), 0), max(high.max(), 0)
        room = (top - bottom) or 1
        ax.set(xlim=(-2, 102), ylim=(bottom - 0.05 * room, top + 0.2 * room))
        ax.set(xlabel=text("curve.x", lang), ylabel=text("curve.y", lang))
        ax.yaxis.set_major_formatter(FuncFormatter(_signed))
        values = [interval(*row, lang) for row in zip(mid, low, high, strict=True)]
        if x[-1] == 100 and mid[-1] == mid.max():
            ax.plot(x[-1:], mid[-1:], "D", color="white", markeredgecolor="black", markersize=7, gid="bound")
            ax.annotate(
                text("curve.bound", lang, values[-1]), (100, mid[-1]), (100, top + 0.14 * room), ha="right", fontsize=8,
                arrowprops={"arrowstyle": "-", "color": DARK, "linewidth": 0.6, "shrinkB": 5, "relpos": (1, 0)},
            )  # fmt: skip
        legend(ax)
        said = [text("at", lang, f"{share:.0f}", value) for share, value in zip(x, values, strict=True)]
        return finish(ax, "curve", lang, source, title, said)


def _signed(value: float, _: int) -> str:
    """Return a tick with its sign, a true minus, and no more digits than it needs."""
    return f"{value:+,.6g}".replace("-", "−") if abs(value) > 1e-9 else "0"


def funnel(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str = "", title: str = ""
) -> Axes:
    """Draw how many of all cases are left after each condition, and how many each holds up first.

    `table` holds the rows of `funnel.table` of one scenario and group, by count or by value: those of part `stage`,
    row, value, value_low, value_high (shares) in their order. Whiskers are the 95 % interval of what is left; the
    number beside a bar is what is lost there, the mean.
    """
    stages = table[table["part"] == "stage"]
    rows = stages["row"].tolist()
    mid, low, high = 100 * stages[["value", "value_low", "value_high"]].to_numpy(dtype=float).T
    lost = -np.diff(mid, prepend=mid[0])
    labels, y = [text(f"funnel.{row}", lang) for row in rows], np.arange(len(rows))
    says = []
    with canvas(ax, 1.2 + 0.4 * len(rows)) as ax:
        ax.barh(y, mid, 0.6, color=BLUE, label=text("funnel.left", lang))
        ax.barh(y, lost, 0.6, left=mid, color=ORANGE, hatch="///", label=text("funnel.lost", lang))
        ax.hlines(y, low, high, label=text("curve.band", lang), **WHISKER)
        for i, label in enumerate(labels):
            share = text("share", lang, label, number(mid[i], 1))
            says.append(text("interval", lang, share, number(low[i], 1), number(high[i], 1)))
            if round(lost[i], 1) > 0:
                end = max(mid[i] + lost[i], high[i])
                ax.annotate(
                    number(-lost[i], 1), (end, y[i]), (4, 0), textcoords="offset points", va="center", fontsize=8
                )
        ax.set(xlim=(0, 112), yticks=y, yticklabels=labels, xticks=range(0, 101, 20), xlabel=text("funnel.x", lang))
        ax.invert_yaxis()
        legend(ax)
        return finish(ax, "funnel", lang, source, title, says)


def changes(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, unit: str = "%",
    source: str = "", title: str = "",
) -> Axes:  # fmt: skip
    """Draw changes as dots with 95 % intervals, a row each, the first on top; hollow if the interval includes 0.

    Columns of `table`: label, change, low, high, in the `unit` of display.
    """
    kinds = np.where((table["low"] > 0) | (table["high"] < 0), "changes.sure", "changes.unsure")
    with canvas(ax, 1.6 + 0.3 * len(table)) as ax:
        said = _dots(ax, table.rename(columns={"change": "mid"}), list(kinds), "changes.sure", lang)
        ax.set_xlabel(text("changes.x", lang, unit))
        return finish(ax, "changes", lang, source, title, said)


def waterfall(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, unit: str = "%",
    source: str = "", title: str = "",
) -> Axes:  # fmt: skip
    """Draw how levers add up to what their package changes: bars one after the other, the last row from 0.

    Whiskers are 95 % intervals of each bar's own length; a diamond is where it would end if the lever were alone.
    Columns of `table`, see `attribution.bars`: label, change, low, high, and perhaps alone, in the `unit` of display.
    """
    length, rows = table["change"].to_numpy(float), np.arange(len(table))
    starts = np.append(np.cumsum(length[:-1]) - length[:-1], 0.0)
    looks = {"more": (BLUE, ""), "less": (ORANGE, "///"), "all": (GREY, "")}
    kinds = np.where(rows == rows[-1], "all", np.where(length < 0, "less", "more"))
    with canvas(ax, 1.8 + 0.5 * len(table)) as ax:
        for kind, (colour, hatch) in looks.items():
            of = kinds == kind
            if of.any():
                ax.barh(rows[of], length[of], 0.6, starts[of], color=colour, hatch=hatch, edgecolor=DARK,
                        linewidth=0.6, label="" if kind == "all" else text(f"waterfall.{kind}", lang))  # fmt: skip
        ax.hlines(rows, starts + table["low"], starts + table["high"], **WHISKER)
        ends = (starts + length)[:-1]
        ax.vlines(ends, rows[:-1] + 0.3, rows[:-1] + 0.7, color=DARK, linewidth=0.6)
        if "alone" in table:
            ax.plot((starts + table["alone"])[:-1], rows[:-1], "D", color="white", markeredgecolor="black",
                    markersize=5, label=text("waterfall.alone", lang))  # fmt: skip
        ax.axvline(0, color=DARK, linewidth=0.8, zorder=0)
        ax.set_yticks(rows, [wrap(label, 30) for label in table["label"]])
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_formatter(FuncFormatter(_signed))
        said = _beside(ax, table.rename(columns={"change": "mid"}), lang)
        ax.set_xlabel(text("waterfall.x" if "alone" in table else "changes.x", lang, unit))
        legend(ax)
        return finish(ax, "waterfall", lang, source, title, said)


def fit(table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str = "", title: str = "") -> Axes:
    """Draw how far simulated values lie from published ones, percent, with 95 % intervals.

    Columns of `table`: label, role (solved, fit, level or test), low, mid, high as simulated / published.
    """
    percent = table.assign(**{name: 100 * (table[name] - 1) for name in ("low", "mid", "high")})
    with canvas(ax, 1.6 + 0.3 * len(table)) as ax:
        said = _dots(ax, percent, [f"fit.{role}" for role in table["role"]], "fit.solved", lang)
        ax.set_xlabel(text("fit.x", lang))
        return finish(ax, "fit", lang, source, title, said)


def learned(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str = "", title: str = ""
) -> Axes:
    """Draw where a fit left uncertain parameters within their declared ranges: grey before, blue after.

    Columns of `table`: id, prior_low, prior_high, low, median, high, narrowed (share), as `match.learned` has them.
    """
    width = table["prior_high"] - table["prior_low"]
    low, mid, high = (100 * (table[name] - table["prior_low"]) / width for name in ("low", "median", "high"))
    rows = np.arange(len(table))
    with canvas(ax, 1.6 + 0.3 * len(table)) as ax:
        ax.hlines(rows, 0, 100, color=GREY, linewidth=7, label=text("learned.before", lang))
        ax.hlines(rows, low, high, color=BLUE, linewidth=2)
        ax.plot(mid, rows, "o", color=BLUE, markersize=6, label=text("learned.after", lang))
        ax.set_yticks(rows, list(table["id"]))
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        said = [f"−{number(100 * share)} %" for share in table["narrowed"]]
        for row, words in enumerate(said):
            ax.text(1.02, row, words, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
        ax.set_xlabel(text("learned.x", lang))
        legend(ax)
        pairs = zip(table["id"], said, strict=True)
        return finish(ax, "learned", lang, source, title, [f"{name}: {words}" for name, words in pairs])


def _dots(ax: Axes, table: pd.DataFrame, kinds: list[str], filled: str, lang: Lang) -> list[str]:
    """Draw rows of label, low, mid, high about a line at 0 and return them in words; dots of one kind are filled."""
    looks = (BLUE, "o", BLUE), (RED, "s", "white"), (ORANGE, "D", "white"), (DARK, "^", "white")
    order = [filled, *sorted(set(kinds) - {filled}, reverse=True)]
    for kind, (colour, marker, face) in zip(order, looks, strict=False):
        rows = np.flatnonzero(np.array(kinds) == kind)
        if not rows.size:
            continue
        of = table.iloc[rows]
        ax.hlines(rows, of["low"], of["high"], color=colour, linewidth=1.6)
        ax.plot(of["mid"], rows, marker, color=colour, markerfacecolor=face, markersize=6, label=text(kind, lang))
    ax.axvline(0, color=DARK, linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(table)), list(table["label"]))
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(FuncFormatter(_signed))
    legend(ax, columnspacing=1.0, handletextpad=0.3)  # narrow: the heading of the numbers stands beside it
    return _beside(ax, table, lang)


def _beside(ax: Axes, table: pd.DataFrame, lang: Lang) -> list[str]:
    """Write each row's mid, low and high beside the axes and return them in words."""
    values = [interval(*row, lang) for row in zip(table["mid"], table["low"], table["high"], strict=True)]
    for row, value in enumerate(values):
        ax.text(1.02, row, value, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.text(1.02, -0.75, text("estimate", lang), transform=ax.get_yaxis_transform(), fontsize=8)
    return [f"{label}: {value}" for label, value in zip(table["label"], values, strict=True)]


def tornado(
    table: pd.DataFrame, mid: float, ax: Axes | None = None, lang: Lang = "en", *, unit: str = "%",
    source: str = "", title: str = "",
) -> Axes:  # fmt: skip
    """Draw how far each parameter moves an effect, a row each, the first on top, as bars from the mean effect `mid`.

    Columns of `table`: label, lower, upper (mean effect where the uncertain parameter is low and high), in the `unit`
    of display, and perhaps sure: bars of those that are not, which may be luck alone, are pale.
    """
    looks = {"lower": (ORANGE, "///"), "upper": (BLUE, "")}
    rows, sure = np.arange(len(table)), table["sure"] if "sure" in table else [True] * len(table)
    with canvas(ax, 1.6 + 0.34 * len(table)) as ax:
        for side, (colour, hatch) in looks.items():
            bars = ax.barh(rows, table[side] - mid, 0.62, mid, color=colour, hatch=hatch, edgecolor=DARK, linewidth=0.5)
            for bar, certain in zip(bars, sure, strict=True):
                bar.set_alpha(None if certain else 0.3)
        line = ax.axvline(mid, color=DARK, linewidth=1, label=text("tornado.mid", lang))
        ax.set_yticks(rows, list(table["label"]))
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_formatter(FuncFormatter(_signed))
        ax.set_xlabel(text("tornado.x", lang, unit))
        sides = [Patch(facecolor=colour, hatch=hatch, edgecolor=DARK, label=text(f"tornado.{side}", lang))
                 for side, (colour, hatch) in looks.items()]  # fmt: skip
        legend(ax, handles=[line, *sides])
        pairs = zip(table["label"], table["lower"], table["upper"], strict=True)
        said = [text("tornado.said", lang, name, number(a, 2, "+"), number(b, 2, "+")) for name, a, b in pairs]
        return finish(ax, "tornado", lang, source, title, said)


def gap(
    values_yuan: npt.ArrayLike, weights: npt.ArrayLike | None = None, ax: Axes | None = None, lang: Lang = "en", *,
    source: str = "", title: str = "",
) -> Axes:  # fmt: skip
    """Draw the benefit gap over patients, yuan: what the fund owes directly minus what it owes on a claim.

    Bars are shares of patients. Gaps of exactly 0 have a bar of their own, cut short where it would dwarf the rest.
    """
    values = np.asarray(values_yuan, dtype=np.float64)
    share = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    share = 100 * share / share.sum()
    sides = {"gap.claim": values < 0, "gap.equal": values == 0, "gap.direct": values > 0}
    labels = [text("share", lang, text(key, lang), number(share[of].sum(), 1)) for key, of in sides.items()]
    equal, edges = float(share[values == 0].sum()), _edges(float(np.abs(values).max(initial=0)))
    with canvas(ax, 3.8) as ax:
        look: dict[str, Any] = {"edgecolor": DARK, "linewidth": 0.5}
        left = _side(ax, -values, share, edges, -1, color=ORANGE, hatch="///", label=labels[0], **look)
        middle = ax.bar(0, equal, 2 * ZERO_BAR_YUAN, color=GREY, label=labels[1], **look)
        right = _side(ax, values, share, edges, 1, color=BLUE, label=labels[2], **look)
        tallest = max(bar.get_height() for bar in [*left, *right])
        if equal > 2 * tallest > 0:
            ax.set_ylim(0, 1.25 * tallest)
            ax.text(0, 1.24 * tallest, text("gap.cut", lang, number(equal, 1)), ha="center", va="top", fontsize=8,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip
        ax.set(xlabel=text("gap.x", lang), ylabel=text("gap.y", lang))
        _yuan_axis(ax, edges[-1])
        legend(ax, handles=[left, middle, right])
        return finish(ax, "gap", lang, source, title, labels)


def _edges(largest: float) -> Array:
    """Return edges of bins from 0 over `LINEAR_YUAN` to past the largest gap, four bins a decade.

    >>> _edges(50).round().tolist()
    [0.0, 10.0, 18.0, 32.0, 56.0, 100.0]
    """
    bins = max(int(np.ceil(4 * np.log10(max(largest, LINEAR_YUAN) / LINEAR_YUAN))), 4)
    return np.concatenate([[0.0], LINEAR_YUAN * 10 ** (np.arange(bins + 1) / 4)])


def _side(ax: Axes, sizes: Array, share: Array, edges: Array, sign: int, **look: Any) -> BarContainer:
    """Draw the bars of the gaps of one sign, whose sizes are the positive ones."""
    heights, _ = np.histogram(sizes[sizes > 0], edges, weights=share[sizes > 0])
    starts = np.concatenate([[ZERO_BAR_YUAN], edges[1:-1]])
    return ax.bar(sign * starts, heights, sign * (edges[1:] - starts), align="edge", **look)


def _yuan_axis(ax: Axes, largest: float) -> None:
    """Give the axes a symmetric log scale of yuan with few enough ticks to read."""
    powers = LINEAR_YUAN * 10.0 ** np.arange(int(np.log10(largest / LINEAR_YUAN) + 1e-9) + 1)
    powers = powers[:: -(-len(powers) // 5)]
    ticks = [*-powers[::-1], 0, *powers]
    ax.set_xscale("symlog", linthresh=LINEAR_YUAN, linscale=0.5)
    ax.set_xticks(ticks, [number(tick) for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(-largest, largest)


def outcomes(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str = "", title: str = ""
) -> Axes:
    """Draw what becomes of all cases, before and after a change, as two stacked bars in percent.

    Columns of `table`: label, before, after (percent, each adding up to 100); the first row stands left.
    """
    looks = list(PARTS.values())
    starts = np.zeros(2)
    with canvas(ax, 3.0) as ax:
        for i, (label, *shares) in enumerate(table[["label", "before", "after"]].itertuples(index=False)):
            colour, hatch = looks[i % len(looks)]
            bars = ax.barh([0, 1], shares, 0.5, starts, color=colour, hatch=hatch, edgecolor=DARK, linewidth=0.6,
                           label=label)  # fmt: skip
            ax.bar_label(bars, [number(share, 1) if share > 6 else "" for share in shares], label_type="center",
                         fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
            starts = starts + np.array(shares)
        ax.set_yticks([0, 1], [text(f"outcomes.{side}", lang) for side in ("before", "after")])
        ax.tick_params(axis="y", length=0)
        ax.set(xlabel=text("outcomes.x", lang), ylim=(1.45, -0.45), xlim=(0, 101))
        rows = -(-len(table) // 2)
        legend(ax, ncols=2)
        said = [f"{label}: {number(before, 1)} → {number(after, 1)}"
                for label, before, after in table[["label", "before", "after"]].itertuples(index=False)]  # fmt: skip
        return finish(ax, "outcomes", lang, source, title, said, pad=12 + 14 * rows)


def steps(rows: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str = "", title: str = "") -> Axes:
    """Draw who bears which part of one bill, settled directly and claimed by hand, as two stacked bars.

    Columns of `rows`: way (direct or claim), part (a key of `PARTS`), yuan. Parts that are 0 both ways are left out.
    """
    amounts = rows.pivot_table(index="part", columns="way", values="yuan", aggfunc="sum", fill_value=0)
    amounts = amounts.reindex(index=list(PARTS), columns=["direct", "claim"], fill_value=0).astype(float)
    totals, starts, labels = amounts.sum().to_numpy(), np.zeros(2), []
    with canvas(ax, 3.2) as ax:
        for part, yuan in zip(amounts.index, amounts.to_numpy(), strict=True):
            if not yuan.any():
                continue
            labels.append(f"{text(part, lang)}  {number(yuan[0])} / {number(yuan[1])}")
            colour, hatch = PARTS[part]
            bars = ax.barh([0, 1], yuan, 0.5, starts, color=colour, hatch=hatch, edgecolor=DARK, linewidth=0.6,
                           label=labels[-1])  # fmt: skip
            # A number wider than its piece of the bar stands in the legend only.
            ax.bar_label(bars, [number(v) if v > 0.1 * totals.max() else "" for v in yuan], label_type="center",
                         fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
            starts = starts + yuan
        fund = amounts.loc["fund"].to_numpy()
        said = [text("steps.total", lang, number(f), number(t - f)) for f, t in zip(fund, totals, strict=True)]
        for row, words in enumerate(said):
            ax.annotate(words, (0, row - 0.25), (4, 3), textcoords="offset points", fontsize=8)
        ax.set_yticks([0, 1], [text(way, lang) for way in ("direct", "claim")])
        ax.set(xlabel=text("steps.x", lang), ylim=(1.45, -0.6), xlim=(0, totals.max() * 1.01))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        legend(ax, loc="upper left", bbox_to_anchor=(1.01, 1.03), ncols=1, title=text("steps.legend", lang),
             title_fontsize=8, alignment="left")  # fmt: skip
        return finish(ax, "steps", lang, source, title, [*said, *labels], pad=8)


BANDS = ((BLUE, "-", "#9CCBE8", "#D3E8F5"), (RED, "--", "#EFB48F", "#F9DDCB"))
"""Line and its dashes, inner and outer band of the first and the second thing drawn."""


def fan(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, unit: str = "", source: str = "", title: str = ""
) -> Axes:
    """Draw one or two indicators of the ledger over the months, means with 50 and 95 % intervals over draws.

    Columns of `table`: label, month (YYYY-MM), value, value_low, value_low50, value_high50, value_high.
    """
    months = list(dict.fromkeys(table["month"]))
    said = []
    with canvas(ax, 3.8) as ax:
        for (label, rows), (line, dashes, inner, outer) in zip(table.groupby("label", sort=False), BANDS, strict=False):
            x = [months.index(month) for month in rows["month"]]
            low, low50, mid, high50, high = rows[
                ["value_low", "value_low50", "value", "value_high50", "value_high"]
            ].to_numpy(dtype=float).T  # fmt: skip
            ax.fill_between(x, low, high, color=outer, linewidth=0)
            ax.fill_between(x, low50, high50, color=inner, linewidth=0)
            ax.plot(x, mid, color=line, linestyle=dashes, label=text("fan.mid", lang, label))
            ends = (number(float(bound[-1]), 1) for bound in (mid, low, high))
            said.append(f"{label} {rows['month'].iloc[-1]} {text('interval', lang, *ends)}")
        ticks = range(0, len(months), 6)
        ax.set_xticks(list(ticks), [months[i] for i in ticks])
        ax.set(ylim=(0, None), xlim=(0, len(months) - 1), xlabel=text("fan.x", lang), ylabel=unit)
        handles = [
            *ax.get_legend_handles_labels()[0],
            Patch(color=BANDS[0][2], label=text("fan.half", lang)),
            Patch(color=BANDS[0][3], label=text("fan.wide", lang)),
        ]
        legend(ax, handles=handles)
        return finish(ax, "fan", lang, source, title, said)


def heat(table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, source: str = "", title: str = "") -> Axes:
    """Draw the use of prepayments by home (rows) and host (columns), shares shown in percent, as a heat map.

    `table` has homes as index and hosts as columns, as `liquidity.prepayment_use` returns it; cells of no value stay
    empty, and cells at or above Hebei's red line are framed.
    """
    share = table.to_numpy(dtype=float)
    top = max(1.0, float(np.nanmax(share, initial=0)))
    colours, scale = colormaps["Blues"], Normalize(0, top)
    red = Ledger.use_red.number
    with canvas(ax, 5.4) as ax:
        for (i, j), value in np.ndenumerate(share):
            if np.isnan(value):
                continue
            # Half of the map's depth: black text stays legible on every cell.
            shade = colours(0.05 + 0.5 * float(scale(max(value, 0.0))))
            edge = {"edgecolor": RED, "linewidth": 1.4} if value >= red else {"edgecolor": "white", "linewidth": 0.4}
            ax.add_patch(Rectangle((j + 0.04, i + 0.04), 0.92, 0.92, facecolor=shade, **edge))  # type: ignore[arg-type]
            ax.text(j + 0.5, i + 0.5, number(100 * value), ha="center", va="center", fontsize=7, color="black")
        rows, columns = share.shape
        ax.set(xlim=(0, columns), ylim=(rows, 0), xlabel=text("heat.x", lang), ylabel=text("heat.y", lang))
        ax.set_xticks(np.arange(columns) + 0.5, table.columns, rotation=60, ha="right", fontsize=7.5)
        ax.set_yticks(np.arange(rows) + 0.5, table.index, fontsize=7.5)
        ax.tick_params(length=0, colors=DARK)
        legend(ax, handles=[Patch(facecolor="white", edgecolor=RED, label=text("heat.red", lang))])
        over = f"{int((share >= red).sum())} / {int(np.isfinite(share).sum())}"
        return finish(ax, "heat", lang, source, title, [f"{over}: {text('heat.red', lang)}"])


LINES = ((BLUE, "-", "o"), (RED, "--", "s"), ("#009E73", "-.", "^"), (DARK, ":", "D"))
"""Colour, line and marker of each line."""


def lines(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, unit: str = "", source: str = "", title: str = ""
) -> Axes:
    """Draw amounts over the months, one line a column of `table`, whose index are the months; at most four."""
    months = [str(month) for month in table.index]
    said = []
    with canvas(ax, 3.8) as ax:
        for name, (colour, dash, marker) in zip(table.columns, LINES, strict=False):
            values = table[name].to_numpy(dtype=float)
            ax.plot(range(len(months)), values, color=colour, linestyle=dash, marker=marker, markersize=4, label=name)
            said.append(f"{name} {months[-1]} {number(values[-1])}")
        ax.set_xticks(range(0, len(months), 3), months[::3])
        ax.axhline(0, color=DARK, linewidth=0.8, zorder=0)
        ax.set(xlabel=text("lines.x", lang), ylabel=unit)
        legend(ax)
        return finish(ax, "lines", lang, source, title, said)
