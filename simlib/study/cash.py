"""What the ledger says over the draws: indicators by month, parts of the cash effect, pools that run short."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.fund import indicators
from simlib.fund.books import months
from simlib.study.experiment import Runs

Array = npt.NDArray[np.float64]

BANDS = ("value_low", "value_low50", "value_high50", "value_high")
COLUMNS = ["scenario", "indicator", "group", "month", "baseline", "value", "change", "low", "high", *BANDS, "unit"]
"""Columns of `ledger.parquet`."""
PARTS = ["scenario", "home", "part", "change", "low", "high", "unit"]
"""Columns of `fund_effects.csv`."""


def harmed(cash: Array) -> float:
    """Return the share of draws in which a scenario leaves more pools short of reserve in some month than today.

    A pool is short below `Ledger.reserve__least` months payable.

    Parameters
    ----------
    cash : what the ledger says, (draw, side, indicator, group, month), see `experiment.Simulated`.
    """
    low = _short(cash)
    return float((low[:, 1] > low[:, 0]).any(axis=1).mean())


def unharmed(cash: Array) -> tuple[float, float]:
    """Return the share of draws in which no pool is short of reserve in any month, without a scenario and with it."""
    without, with_ = (_short(cash) == 0).all(axis=2).mean(axis=0)
    return float(without), float(with_)


def _short(cash: Array) -> Array:
    """Return the pools short of reserve, (draw, side, month)."""
    return np.asarray(cash[:, :, list(indicators.INDICATORS).index("pools_below_limit"), 0])


def parts_table(runs: Runs) -> pd.DataFrame:
    """Return what each scenario takes out of the cash of each home's pools in its year, in parts: `indicators.effects`.

    Columns: scenario, home (code, or all), part, change (mean), low, high (95 % interval), unit.
    """

    def blocks() -> Iterator[pd.DataFrame]:
        for scenario, simulated in zip(runs.scenarios, runs.simulated, strict=True):
            index = pd.MultiIndex.from_product([indicators.EFFECTS, ("all", *runs.place.codes)], names=["part", "home"])
            table = index.to_frame(index=False)[["home", "part"]]
            table.insert(0, "scenario", scenario.name)
            low, high = np.quantile(simulated.parts, (0.025, 0.975), axis=0)
            amounts = {"change": simulated.parts.mean(axis=0).ravel(), "low": low.ravel(), "high": high.ravel()}
            yield table.assign(**amounts, unit="yuan")

    return pd.concat(blocks(), ignore_index=True)


def cash_table(runs: Runs) -> pd.DataFrame:
    """Return what the ledger says, a row per scenario, indicator, group and month.

    Columns
    -------
    scenario, indicator, group, month; baseline and value are means over draws, change their difference, low and high
    the 2.5 and 97.5 % quantiles of the paired differences; value_low, value_low50, value_high50, value_high those of
    the value itself, 95 and 50 %; unit.
    """

    def blocks() -> Iterator[pd.DataFrame]:
        for scenario, simulated in zip(runs.scenarios, runs.simulated, strict=True):
            cash, ((books, _),) = simulated.cash, simulated.books
            index = [list(indicators.INDICATORS), list(indicators.groups(books)), months(books)[1:]]
            table = pd.MultiIndex.from_product(index, names=["indicator", "group", "month"]).to_frame(index=False)
            told = np.isfinite(cash).all(axis=(0, 1)).ravel()
            before, after = (cash[:, side].reshape(len(cash), -1)[:, told] for side in (0, 1))
            table = table[told].reset_index(drop=True)
            table.insert(0, "scenario", scenario.name)
            table["baseline"], table["value"] = before.mean(axis=0), after.mean(axis=0)
            table["change"] = (after - before).mean(axis=0)
            table["low"], table["high"] = np.quantile(after - before, (0.025, 0.975), axis=0)
            table[list(BANDS)] = np.quantile(after, (0.025, 0.25, 0.75, 0.975), axis=0).T
            yield table.assign(unit=table.indicator.map(indicators.INDICATORS))

    return pd.concat(blocks(), ignore_index=True)
