"""How long the money lasts and where it is: pictures of the ledger, in the style of `plots`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Patch, Rectangle

from simlib.files.texts import Lang
from simlib.fund.ledger import Ledger
from simlib.report.plots import BLUE, DARK, RED, canvas, finish, legend, number, text

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
