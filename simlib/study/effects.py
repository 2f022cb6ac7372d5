"""What a scenario changes, from amounts draw by draw: paired changes, their intervals, and the part of chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.amounts import AMOUNTS
from simlib.patients import areas
from simlib.study import metrics
from simlib.study.metrics import UNITS
from simlib.terms import FEN

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CONTRACT = ["scenario", "metric", "group", "baseline", "value", "change", "low", "high", "unit"]
"""Columns of `effects.csv`."""
SIDES = ("baseline", "scenario")


@dataclass(frozen=True)
class Amounts:
    """The amounts of one scenario and of what it is compared with, draw by draw: the ground of every effect.

    Attributes
    ----------
    groups : position of each group by its label, the headline first, see `metrics.groups`.
    before, after : amounts without the scenario and with it, (draw, group, half, amount), integers.
    """

    place: areas.Place
    groups: Mapping[str, int]
    before: Ints
    after: Ints

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.before)

    @property
    def headline(self) -> str:
        """Label of the group that the answer is about."""
        return next(iter(self.groups))

    def both(self, metric: str, group: str, half: int | None = None) -> tuple[Array, Array]:
        """Return a metric in each draw before and after, (draw,); of one half of the people if asked."""
        pick = (slice(None), self.groups[group], slice(None) if half is None else [half])
        before, after = (metrics.metric(metric, side[pick].sum(axis=1)) for side in (self.before, self.after))
        return before, after

    def counted(self, name: str, group: str) -> tuple[Array, Array]:
        """Return one counted amount in each draw before and after, visits or yuan, (draw,)."""
        scale = 1.0 if name.startswith(("visits", "first")) else FEN
        at, column = self.groups[group], AMOUNTS.index(name)
        before, after = (side[:, at, :, column].sum(axis=1) / scale for side in (self.before, self.after))
        return before, after

    def areas_of(self, side: str) -> list[tuple[int, str]]:
        """Return the homes or hosts of the changed pairs: position of the area and label of its group."""
        start = f"pairs=changed;{side}="
        found = [label for label in self.groups if label.startswith(start)]
        return [(self.place.index(label[len(start) :].split(";")[0]), label) for label in found]


def difference(amounts: Amounts, metric: str, group: str) -> Array:
    """Return the change of a metric, (draw,)."""
    before, after = amounts.both(metric, group)
    return after - before


def relative(amounts: Amounts, metric: str, group: str, half: int | None = None) -> Array:
    """Return the change of an amount in percent of the reference, (draw,); NaN in draws where that is 0."""
    before, after = amounts.both(metric, group, half)
    return np.asarray(100 * (after / np.where(before > 0, before, np.nan) - 1))


def monte_carlo(amounts: Amounts, metric: str, group: str, *, percent: bool = False) -> float:
    """Return the standard deviation of a change that luck causes: half the root mean square of the halves' difference.

    A sum over people is first doubled in each half, so that both estimate the whole; with `percent` the change is that
    of `relative`. NaN where no draw has both halves. Cells of one person make it too large for the
    whole country, never too small.
    """
    halves = [
        relative(amounts, metric, group, half) if percent else np.subtract(*reversed(amounts.both(metric, group, half)))
        for half in (0, 1)
    ]
    apart = finite((halves[0] - halves[1]) * (2.0 if metrics.additive(metric) and not percent else 1.0))
    return float(np.sqrt((apart**2).mean()) / 2) if apart.size else float("nan")


def spread(change: Array, noise: float = float("nan")) -> dict[str, float]:
    """Return mean, 95 % interval and the two standard deviations of a change over draws; NaN for fewer than two.

    noise : the standard deviation that luck causes, see `monte_carlo`.
    """
    if change.size < 2:
        return dict.fromkeys(("change", "low", "high", "sd_parameters", "sd_monte_carlo"), float("nan"))
    low, high = interval(change)
    parameters = float(np.sqrt(np.maximum(change.var(ddof=1) - noise**2, 0.0)))
    return {"change": _mean(change), "low": low, "high": high, "sd_parameters": parameters, "sd_monte_carlo": noise}


def around(values: Array, name: str) -> dict[str, float]:
    """Return mean and 95 % interval over the draws that have a value, as columns name, name_low, name_high.

    >>> around(np.array([1.0, 3.0]), "x")["x"]
    2.0
    """
    found = spread(finite(values))
    return {name: found["change"], f"{name}_low": found["low"], f"{name}_high": found["high"]}


def interval(change: Array) -> tuple[float, float]:
    """Return the 95 % interval of a change over draws."""
    low, high = np.quantile(change, (0.025, 0.975))
    return float(low), float(high)


def finite(values: Array) -> Array:
    """Return the draws that have a value."""
    return values[np.isfinite(values)]


def _mean(values: Array) -> float:
    """Return the mean, NaN of nothing."""
    return float(values.mean()) if values.size else float("nan")


def table(scenarios: Mapping[str, Amounts]) -> pd.DataFrame:
    """Return what each scenario changes, a row per scenario, group and metric.

    Columns
    -------
    `CONTRACT`: baseline and value are means over draws, change their difference, low and high the
    2.5 and 97.5 % quantiles of the paired differences. Then sd_parameters and sd_monte_carlo of the change: the spread
    that more knowledge would narrow, and that which more people would. A change of exactly 0 has an interval of 0.
    """
    rows = [
        {"scenario": name, "metric": metric, "group": group} | summary(amounts, metric, group)
        for name, amounts in scenarios.items()
        for group in amounts.groups
        for metric in UNITS
    ]
    return pd.DataFrame(rows)[[*CONTRACT, "sd_parameters", "sd_monte_carlo"]]


def summary(amounts: Amounts, metric: str, group: str) -> dict[str, object]:
    """Return one row of `table`; draws in which a small group saw no visit are left out of its rates."""
    before, after = amounts.both(metric, group)
    seen = np.isfinite(before) & np.isfinite(after)
    means = {"baseline": _mean(before[seen]), "value": _mean(after[seen])}
    return means | spread((after - before)[seen], monte_carlo(amounts, metric, group)) | {"unit": UNITS[metric]}


def draws_table(scenarios: Mapping[str, Amounts]) -> pd.DataFrame:
    """Return every amount of every draw, group and half, before and after: all that the effects are computed from.

    Columns: scenario, side (reference or scenario), group, half, draw, then `AMOUNTS` (visits and fen).
    """

    def blocks() -> Iterator[pd.DataFrame]:
        for name, of in scenarios.items():
            for side, amounts in zip(SIDES, (of.before, of.after), strict=True):
                keys = [list(of.groups), (0, 1), range(of.draws)]
                index = pd.MultiIndex.from_product(keys, names=["group", "half", "draw"])
                rows = np.moveaxis(amounts, 0, 2).reshape(-1, amounts.shape[-1])  # alike beside alike: a small file
                table = pd.DataFrame(rows, index, columns=list(AMOUNTS)).reset_index()
                table.insert(0, "side", side)
                table.insert(0, "scenario", name)
                yield table

    return pd.concat(blocks(), ignore_index=True)


def from_draws(table: pd.DataFrame, place: areas.Place, draws: int) -> Amounts:
    """Return the amounts of one scenario from its rows of `draws_table`."""
    labels = list(dict.fromkeys(table["group"]))
    shape = (len(labels), 2, draws, len(AMOUNTS))
    rows = (table[table["side"] == side][list(AMOUNTS)].to_numpy(dtype=np.int64) for side in SIDES)
    sides = (np.moveaxis(of.reshape(shape), 2, 0) for of in rows)
    return Amounts(place, {label: at for at, label in enumerate(labels)}, *sides)
