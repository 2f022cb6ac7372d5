"""Why a case is not settled directly: of all cases, how many are left after each condition, and what holds up the rest.

Neither a direct settlement rate after 2020 nor a breakdown of failures is published: what is prior says so in a column.
By home or host the funnel differs only where an input does: where no filing is needed, why people are there, which
diseases are listed, and what a scenario sets. No input of a condition differs by hospital tier: no table by tier.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib import areas, metrics
from simlib.experiment import Pairing, Runs, finite, interval
from simlib.findings import FEWEST_TO_NAME
from simlib.loop import AMOUNTS, CAUSES, CONDITIONS
from simlib.terms import CHANNELS, FEN, INPATIENT

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STAGES = ("all", "networked", "listed", "filed", "coded", "can_settle", "direct")
"""What is left of all cases, condition by condition, then choice."""

SPLIT = "prior: no breakdown of failures is published"
RATE = "prior: no rate is published after 2020"
BASIS = {
    "stage.all": "published direct visits over a prior rate",
    "stage.listed": f"listed, or settled as ordinary care; who has which disease is assumed; {SPLIT}",
    "stage.direct": RATE,
    "channel.claimed": "prior: claims by hand per abandoned case are not published",
    "channel.abandoned": "prior: claims by hand per abandoned case are not published",
    "first.not_listed": "lists are published, who has which disease is assumed",
    "first.not_up": "set by the scenario; none otherwise",
    "first.choice": "computed from both prices; how many compare them is a prior",
}
"""What a row rests on, where that is not the split of failures."""

BY = {"count": "visits", "value": "bill"}
COLUMNS = ("baseline", "baseline_low", "baseline_high", "value", "value_low", "value_high", "change", "low", "high")


def rows(amounts: Ints, by: str) -> dict[str, Array]:
    """Return the amounts of each row of the funnel, visits or fen, (...,) each, from amounts (..., amount).

    Rows
    ----
    stage.* : cases left, `STAGES`. first.* : cases by first cause, with stage.direct all cases. pivotal.* : cases that
    would be direct if this condition alone were met. channel.* : claimed and abandoned by those who fail a condition;
    with first.choice and stage.direct all cases. faults.not_mended : first cause a fault that a hospital may mend.
    """
    a = dict(zip(AMOUNTS, np.moveaxis(amounts.astype(np.float64), -1, 0), strict=True))
    prefix = {"count": "", "value": "bill_"}[by]
    first = [a[f"{prefix}first_{cause}"] for cause in CAUSES]
    channel = {way: a[f"{BY[by]}_{way}"] for way in CHANNELS}
    left = [sum(channel.values(), start=np.zeros_like(first[0]))]
    for lost in first:
        left.append(left[-1] - lost)
    out = {f"stage.{stage}": cases for stage, cases in zip(STAGES, left, strict=True)}
    out |= {f"first.{cause}": cases for cause, cases in zip(CAUSES, first, strict=True)}
    out |= {f"pivotal.{condition}": a[f"{prefix}pivotal_{condition}"] for condition in CONDITIONS}
    out |= {"channel.claimed": channel["claimed"] - first[-1], "channel.abandoned": channel["abandoned"]}
    faults = (f"{prefix}first_{fault}" for fault in ("not_filed", "not_coded", "not_up"))
    return out | {"faults.not_mended": np.asarray(sum(a[fault] for fault in faults))}


def table(runs: Runs) -> pd.DataFrame:
    """Return the funnel of each scenario, its reference beside it, a row per group, count or value, and row of `rows`.

    Columns
    -------
    scenario, group, by, part, row; amount (of the reference, cases or yuan, mean over draws); then shares of all cases:
    baseline, value and their paired change, each with its 95 % interval over draws; basis (what it rests on).
    """
    return pd.DataFrame(
        row for pairing in runs.pairings for g in range(len(pairing.groups)) for row in _of_group(runs, pairing, g)
    )


def _of_group(runs: Runs, pairing: Pairing, g: int) -> Iterator[dict[str, object]]:
    """Yield the rows of one group; draws in which it saw no case are left out, none is all of NaN."""
    named = {"scenario": pairing.scenario.name, "group": pairing.groups[g].label(runs.place)}
    for by, unit in (("count", 1), ("value", FEN)):
        before, after = (rows(side[:, g].sum(axis=1), by) for side in (pairing.before, pairing.after))
        seen = (before["stage.all"] > 0) & (after["stage.all"] > 0)
        if seen.sum() < 2:
            continue
        base, new = (np.stack([*x.values()])[:, seen] / x["stage.all"][seen] for x in (before, after))
        shares = [(x.mean(axis=1), *np.quantile(x, (0.025, 0.975), axis=1)) for x in (base, new, new - base)]
        columns = dict(zip(COLUMNS, (column for share in shares for column in share), strict=True))
        for i, name in enumerate(before):
            part, _, row = name.partition(".")
            yield {
                **named,
                "by": by,
                "part": part,
                "row": row,
                "amount": float(before[name].mean()) / unit,
                **{column: float(values[i]) for column, values in columns.items()},
                "basis": BASIS.get(name.replace("pivotal.", "first."), SPLIT),
            }


def league(runs: Runs, pairing: Pairing, lang: str = "en") -> pd.DataFrame:
    """Return the hosts by the share of inpatient cases from elsewhere that fail for a fault left unmended, most first.

    Such a fault is that of filing, codes or systems. Hospitals' willingness is one number for all hosts unless a
    scenario moves it: hosts differ by who comes, why, and from where, not by how willing their hospitals are.

    Columns
    -------
    code, label; cases (of the reference, mean over draws); before and value (share, mean over draws, reference and
    scenario), low, high (95 % interval of value); apart_low, apart_high (interval of value less that of all hosts, in
    each draw); named (whether that leaves out 0 and there are enough draws to say so).
    """
    names = runs.place.names_zh if lang == "zh" else runs.place.names_en

    def share(side: Ints, group: int) -> Array:
        found = rows(side[:, group].sum(axis=1), "count")
        cases = found["stage.all"]
        return np.asarray(found["faults.not_mended"] / np.where(cases > 0, cases, np.nan))

    every = share(pairing.after, pairing.groups.index(metrics.Group(kind=INPATIENT)))
    out = []
    for i, group in enumerate(pairing.groups):
        if group.changed or group.host is None:
            continue
        after, before = share(pairing.after, i), finite(share(pairing.before, i))
        apart = finite(after - every)
        if apart.size < 2:
            continue
        low, high = interval(apart)
        cases = rows(pairing.before[:, i].sum(axis=1), "count")["stage.all"].mean()
        label = areas.short_zh(names[group.host]) if lang == "zh" else names[group.host]
        named = runs.draws >= FEWEST_TO_NAME and (low > 0 or high < 0)
        ends = interval(finite(after))
        out.append(
            (runs.place.codes[group.host], label, cases, before.mean(), finite(after).mean(), *ends, low, high, named)
        )
    columns = ["code", "label", "cases", "before", "value", "low", "high", "apart_low", "apart_high", "named"]
    return pd.DataFrame(out, columns=columns).sort_values("value", ascending=False, ignore_index=True)
