"""Who stands out, what drives it, for whom and in which hospitals: findings from the draws of one run."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from simlib.amounts import BILLS, VISITS
from simlib.study import metrics
from simlib.study.effects import CONTRACT, Amounts, around, finite, relative, spread
from simlib.study.experiment import Runs, scalar_parameters
from simlib.study.metrics import UNITS
from simlib.terms import CHANNELS, DIRECT, MEMBERS, SCHEMES, TIERS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST_TO_NAME = 20
"""Draws from which places and uncertain parameters are named: below, anything can look distinguishable."""
FEWEST_FOR_INTERVAL = 40
"""Draws from which the span of 95 % of them is called an interval: below, it is a range."""
GROUPS = (
    *(f"scheme={scheme}{of}" for scheme in SCHEMES for of in ("", *(f";member={member}" for member in MEMBERS))),
    metrics.WHO[-1],
)
"""Groups of insured as a table has them: each scheme, its members working and retired, then residents of the west."""
SHARES = ("visits", "bills", "direct")
"""What a tier has a share of: visits, bills, bills settled directly."""
TIER_COLUMNS = [
    "scenario", "host", "tier", "of", "baseline", "baseline_low", "baseline_high", "value", "value_low", "value_high",
    "change", "low", "high",
]  # fmt: skip
"""Columns of `tiers.csv`."""
WHO_COLUMNS = ["scenario", "group", "metric", *CONTRACT[3:]]
"""Columns of `who.csv`."""


def spread_key(draws: int) -> str:
    """Return the key of the text that names the span of a change over so many draws.

    >>> spread_key(64), spread_key(16)
    ('spread.interval', 'spread.range')
    """
    return "spread.interval" if draws >= FEWEST_FOR_INTERVAL else "spread.range"


def distinguishable(amounts: Amounts) -> pd.DataFrame:
    """Return the homes whose fund gains or loses more than the changed pairs together, beyond doubt.

    A home is named only if the 95 % interval of its relative change minus that of all changed pairs leaves out 0, and
    none in fewer than `FEWEST_TO_NAME` draws.

    Columns
    -------
    home, name_zh, name_en, low, high (percentage points against the changed pairs together).
    """
    place, mean = amounts.place, relative(amounts, "fund_payment", amounts.headline)
    rows = []
    for home, label in amounts.areas_of("home"):
        low, high = itemgetter("low", "high")(spread(finite(relative(amounts, "fund_payment", label) - mean)))
        if amounts.draws >= FEWEST_TO_NAME and (low > 0 or high < 0):
            rows.append((place.codes[home], place.names_zh[home], place.names_en[home], low, high))
    return pd.DataFrame(rows, columns=["home", "name_zh", "name_en", "low", "high"])


def ranked(uncertain: pd.DataFrame, change: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Return the uncertain parameters (a row a draw) that go with a change in each draw, strongest first.

    Columns: id, rank_correlation (Spearman, over draws), beyond_luck (whether so strong a correlation would be rare
    among as many uncertain parameters that have no effect: 5 % for the family, by Bonferroni), grade, meaning. Empty
    if nothing changes or in fewer than `FEWEST_TO_NAME` draws.
    """
    known = {q.id: q for q in scalar_parameters()}
    moving = [str(column) for column in uncertain if uncertain[column].nunique() > 1]
    columns = ["id", "rank_correlation", "beyond_luck", "grade", "meaning"]
    if len(change) < FEWEST_TO_NAME or np.isnan(change).any() or np.ptp(change) == 0 or not moving:
        return pd.DataFrame(columns=columns)
    ranks = [scipy.stats.spearmanr(uncertain[i], change) for i in moving]
    rows = [
        (i, float(rank.statistic), bool(rank.pvalue < 0.05 / len(moving)), known[i].grade, known[i].meaning)
        for i, rank in zip(moving, ranks, strict=True)
    ]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("rank_correlation", key=lambda r: -r.abs(), kind="stable").reset_index(drop=True)


def who_table(runs: Runs) -> pd.DataFrame:
    """Return what each scenario changes for groups of insured on its pairs, of the headline's kind of care.

    Columns: scenario, group (of `GROUPS`), metric, then baseline and value (means over draws), change with low and high
    (95 % interval of the paired differences), unit. A group that nothing is set for has no row, nor has a metric that
    hangs on more than is counted by member.
    """
    rows = [
        {"scenario": scenario.name, "group": group, "metric": name} | row | {"unit": unit}
        for scenario, simulated in zip(runs.scenarios, runs.simulated, strict=True)
        for group, amounts in _by_group(simulated.who, simulated.seen)
        for name, unit in UNITS.items()
        if (row := _changed(*(metrics.metric(name, amounts[:, side]) for side in (0, 1))))
    ]
    return pd.DataFrame(rows, columns=WHO_COLUMNS)


def _by_group(insured: Ints, seen: Ints) -> Iterator[tuple[str, Array]]:
    """Yield each group of insured that has cases with its amounts, (draw, side, amount)."""
    whole = dict(zip(metrics.WHO, np.moveaxis(insured, 2, 0), strict=True))
    members = metrics.counted(touched(seen).sum(axis=(4, 5)))  # (draw, side, scheme, member, amount)
    for s, scheme in enumerate(SCHEMES):
        for m, member in enumerate(MEMBERS):
            whole[f"scheme={scheme};member={member}"] = members[:, :, s, m]
    yield from ((group, whole[group]) for group in GROUPS if np.nan_to_num(whole[group]).any())


def touched(seen: Ints) -> Ints:
    """Return what hosts saw in the cells that a scenario sets, (draw, side, scheme, member, host, tier, amount).

    Parameters
    ----------
    seen : (draw, side, scheme, member, touched, host, tier, amount), see `experiment.Simulated`.
    """
    return seen[:, :, :, :, 1]


def _changed(before: Array, after: Array) -> dict[str, float]:
    """Return means before and after and the change with its interval; nothing if no two draws have a value."""
    known = np.isfinite(before) & np.isfinite(after)
    if known.sum() < 2:
        return {}
    changed = spread((after - before)[known])
    means = {"baseline": float(before[known].mean()), "value": float(after[known].mean())}
    return means | {key: changed[key] for key in ("change", "low", "high")}


def tier_table(runs: Runs) -> pd.DataFrame:
    """Return the share of each hospital tier in each host's care on the changed pairs, of the headline's kind of care.

    Columns `TIER_COLUMNS`: host (code, or all), tier, of (`SHARES`), then the share before, after and its change, each
    the mean over draws with its 95 % interval. Hosts whose care is not changed have no row.
    """
    rows = []
    for scenario, simulated in zip(runs.scenarios, runs.simulated, strict=True):
        by_host = touched(simulated.seen).sum(axis=(2, 3))  # (draw, side, host, tier, amount)
        places = {"all": by_host.sum(axis=2)} | dict(zip(runs.place.codes, np.moveaxis(by_host, 2, 0), strict=True))
        for host, amounts in places.items():
            for what, shares in _shares(amounts).items():
                rows += [
                    {"scenario": scenario.name, "host": host, "tier": tier, "of": what} | row
                    for t, tier in enumerate(TIERS)
                    if (row := _around(shares[:, 0, t], shares[:, 1, t]))
                ]
    return pd.DataFrame(rows, columns=TIER_COLUMNS)


def _shares(amounts: Ints) -> dict[str, Array]:
    """Return each tier's share of `SHARES`, (draw, side, tier), from amounts (draw, side, tier, amount); NaN by 0."""
    every = (slice(start, start + len(CHANNELS)) for start in (VISITS, BILLS))
    visits, bills = (amounts[..., of].sum(axis=-1).astype(np.float64) for of in every)
    found = dict(zip(SHARES, (visits, bills, amounts[..., BILLS + DIRECT].astype(np.float64)), strict=True))
    whole = {of: amount.sum(axis=-1, keepdims=True) for of, amount in found.items()}
    return {of: amount / np.where(whole[of] > 0, whole[of], np.nan) for of, amount in found.items()}


def _around(before: Array, after: Array) -> dict[str, float]:
    """Return a share before, after and its change, each with its interval; nothing if no two draws have a value."""
    if not (changed := _changed(before, after)):
        return {}
    for name, values in (("baseline", before), ("value", after)):
        changed |= {key: end for key, end in around(values, name).items() if key != name}
    return changed
