"""Where: a tile for every province or city, and streams from home to host, as pictures of `plots`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path
from scipy.optimize import linear_sum_assignment

from simlib.files.texts import Lang
from simlib.report.plots import DARK, GREY, canvas, finish, interval, legend, number, text

Array = npt.NDArray[np.float64]

TILES = {
    "230000": (0, 8),
    "650000": (1, 0), "660000": (1, 1), "150000": (1, 6), "220000": (1, 8),
    "620000": (2, 3), "640000": (2, 4), "140000": (2, 5), "130000": (2, 6), "110000": (2, 7), "210000": (2, 8),
    "630000": (3, 2), "610000": (3, 4), "410000": (3, 5), "370000": (3, 6), "120000": (3, 7),
    "540000": (4, 1), "510000": (4, 3), "500000": (4, 4), "420000": (4, 5), "340000": (4, 6), "320000": (4, 7),
    "310000": (4, 8), "530000": (5, 3), "520000": (5, 4), "430000": (5, 5), "360000": (5, 6), "330000": (5, 7),
    "450000": (6, 4), "440000": (6, 5), "350000": (6, 6), "460000": (7, 5),
}  # fmt: skip
"""Row and column of each province-level unit: neighbours roughly as they lie, all tiles of one size."""

GAP = 0.02
"""Space between two streams' ends, as a share of the height."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Okabe and Ito's palette; what is merged is grey."""


def tiles(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, unit: str = "", digits: int = 1,
    at: Mapping[str, tuple[int, int]] = TILES, source: str = "", title: str = "",
) -> Axes:  # fmt: skip
    """Draw one number an area on a grid of tiles, its colour the number, the number written on it.

    Columns of `table`: code, label, value, and perhaps low and high: a tile whose interval includes 0 is hatched.
    Areas that are not in the table are empty. Values on both sides of 0 get two hues, else one. `at` is the row and
    column of each area: provinces, unless told otherwise, see `grid`.

    Raises
    ------
    KeyError : a code has no tile.
    """
    value = table["value"].to_numpy(dtype=float)
    both, top = bool((value < 0).any()), float(np.abs(value).max()) or 1.0
    scale = TwoSlopeNorm(0, -top, top) if both else Normalize(0, top)
    colours = colormaps["PuOr_r" if both else "Blues"]
    unsure = (table["low"] <= 0) & (table["high"] >= 0) if "low" in table else pd.Series(False, table.index)
    drawn = dict(zip(table["code"], zip(table["label"], value, unsure, strict=True), strict=True))
    if unknown := set(drawn) - set(at):
        raise KeyError(f"no tile for {', '.join(sorted(unknown))}")
    with canvas(ax, 5.2) as ax:
        for code, (row, column) in at.items():
            if code not in drawn:
                ax.add_patch(Rectangle((column, row), 0.94, 0.94, facecolor="white", edgecolor=GREY, linewidth=0.6))
                continue
            label, shown, hatched = drawn[code]
            # Half of the map's depth: black text stays legible on every tile.
            shade = colours(0.5 + (scale(shown) - 0.5) * 0.6 if both else 0.05 + 0.5 * scale(shown))
            look: dict[str, Any] = {"hatch": "////"} if hatched else {}
            ax.add_patch(Rectangle((column, row), 0.94, 0.94, facecolor=shade, edgecolor=DARK, linewidth=0.4, **look))
            back = {"facecolor": shade, "edgecolor": "none", "pad": 0.6}
            ax.text(column + 0.47, row + 0.32, label.replace(" ", "\n"), ha="center", va="center", fontsize=6.5,
                    bbox=back, linespacing=0.9)  # fmt: skip
            ax.text(column + 0.47, row + 0.72, number(shown, digits, "+" if both else ""), ha="center", va="center",
                    fontsize=8, bbox=back)  # fmt: skip
        rows, columns = (max(ends) + 1 for ends in zip(*at.values(), strict=True))
        ax.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal", xlabel=text("tiles.x", lang, unit))
        _bare(ax)
        if unsure.any():
            blank = Patch(facecolor="white", edgecolor=DARK, hatch="////", label=text("changes.unsure", lang))
            legend(ax, handles=[blank])
        said = [f"{label} {number(shown, digits)}" for label, shown, _ in drawn.values()]
        return finish(ax, "tiles", lang, source, title, said)


def grid(lon: Array, lat: Array) -> list[tuple[int, int]]:
    """Return a row and column for each place, such that places lie about as on a map and none shares a tile.

    The tiles, a quarter more than places, are assigned with the least sum of squared distances, degrees of latitude.

    >>> grid(np.array([120.0, 121.0, 120.0]), np.array([31.0, 31.0, 30.0]))
    [(0, 0), (0, 1), (1, 0)]
    """
    x, y = np.asarray(lon) * np.cos(np.radians(np.mean(lat))), -np.asarray(lat)
    width, height = (max(float(np.ptp(side)), 1e-9) for side in (x, y))
    columns = max(int(np.ceil(np.sqrt(1.25 * len(x) * width / height))), 1)
    rows = -(-max(len(x), int(1.25 * len(x))) // columns)
    row, column = np.divmod(np.arange(rows * columns), columns)
    to_x, to_y = ((at + 0.5) / n * size + side.min() for at, n, size, side in
                  ((column, columns, width, x), (row, rows, height, y)))  # fmt: skip
    _, chosen = linear_sum_assignment((x[:, None] - to_x) ** 2 + (y[:, None] - to_y) ** 2)
    return [(int(row[i]), int(column[i])) for i in chosen]


def streams(
    table: pd.DataFrame, ax: Axes | None = None, lang: Lang = "en", *, unit: str = "", scale: float = 1.0,
    source: str = "", title: str = "", ends: tuple[str, str] = ("home", "host"),
) -> Axes:  # fmt: skip
    """Draw streams from homes (left) to hosts (right), as wide as they are large (a Sankey diagram).

    `ends` names what stands on each side: home and host, or payer and payee.

    Columns of `table`: home, host (labels, in the order in which they are drawn from the top), value, and perhaps
    low and high of the host's total as columns host_low, host_high. Values are divided by `scale` where written.
    """
    kind = "money" if ends == ("payer", "payee") else "streams"
    homes, hosts = list(dict.fromkeys(table["home"])), list(dict.fromkeys(table["host"]))
    amount = table.pivot_table(index="home", columns="host", values="value", aggfunc="sum", fill_value=0.0)
    flow = amount.reindex(index=homes, columns=hosts).to_numpy(dtype=float)
    total = float(flow.sum())
    left, right = _ends(flow.sum(axis=1) / total), _ends(flow.sum(axis=0) / total)
    colours = [*COLOURS[: len(homes) - 1], GREY] if len(homes) <= len(COLOURS) + 1 else [GREY] * len(homes)
    with canvas(ax, 5.4) as ax:
        start, end = left.copy(), right.copy()
        for i, j in np.ndindex(flow.shape):
            width = float(flow[i, j]) / total
            ax.add_patch(_ribbon(float(start[i]), float(end[j]), width, colours[i]))
            start[i] += width
            end[j] += width
        for side, names, tops, sums in ((0, homes, left, flow.sum(axis=1)), (1, hosts, right, flow.sum(axis=0))):
            for name, top, amount_ in zip(names, tops, sums, strict=True):
                ax.add_patch(Rectangle((side - 0.01, top), 0.02, amount_ / total, color=DARK))
                words = f"{name}  {number(amount_ / scale)}"
                ax.text(side + 0.03 * (2 * side - 1), top + amount_ / total / 2, words, va="center",
                        ha="left" if side else "right", fontsize=8)  # fmt: skip
        height = max(left[-1] + flow[-1].sum() / total, right[-1] + flow[:, -1].sum() / total)
        ax.set(xlim=(-0.45, 1.45), ylim=(height + 0.02, -0.05), xlabel=text(f"{kind}.x", lang, unit))
        ax.text(0, -0.02, text(ends[0], lang), ha="center", va="bottom", fontsize=8, color=DARK)
        ax.text(1, -0.02, text(ends[1], lang), ha="center", va="bottom", fontsize=8, color=DARK)
        _bare(ax)
        said = [f"{name} {number(flow[:, j].sum() / scale)}" for j, name in enumerate(hosts)]
        if "host_low" in table:
            ranges = table.drop_duplicates("host").set_index("host").loc[hosts, ["host_low", "host_high"]] / scale
            for j, (low, high) in enumerate(ranges.to_numpy()):
                said[j] = f"{hosts[j]} {interval(flow[:, j].sum() / scale, low, high, lang)}"
        return finish(ax, kind, lang, source, title, said, pad=10)


def _ends(shares: Array) -> Array:
    """Return where each end starts, from the top, with a gap between them."""
    return np.asarray(np.cumsum(shares) - shares + GAP * np.arange(len(shares)))


def _ribbon(top: float, end: float, width: float, colour: str) -> PathPatch:
    """Return a stream of one width from the left edge at `top` to the right edge at `end`."""
    points = [(0, top), (0.5, top), (0.5, end), (1, end), (1, end + width), (0.5, end + width), (0.5, top + width),
              (0, top + width), (0, top)]  # fmt: skip
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    return PathPatch(Path(points, codes), facecolor=colour, alpha=0.45, linewidth=0)


def _bare(ax: Axes) -> None:
    """Leave out the axes' frame and ticks, which mean nothing here."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
