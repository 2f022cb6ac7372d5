"""What drives an answer, what would narrow it, and what it rests on."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from simlib.quantities import register
from simlib.study import findings, metrics
from simlib.study.effects import difference, relative
from simlib.study.results import Results
from simlib.terms import GRADES

Array = npt.NDArray[np.float64]

REQUESTS = {
    "causes": ("channels.attention", "channels.claims_per_abandoned", "gates."),
    "claims": ("channels.hassle", "channels.delay", "channels.interest"),
    "lists": ("catalogue.",),
    "policies": ("benefits.",),
    "bills": ("visits.", "chronic."),
    "flows": ("flow.", "areas.", "targets."),
}
"""What provinces could be asked for, and the uncertain parameters that it would settle, by the start of their ids."""
METRICS = {"fund": "fund_payment", "rate": metrics.RATE}
"""The two effects that knowing more would narrow."""


def drivers(study: Results, metric: str = "fund_payment") -> pd.DataFrame:
    """Return the uncertain parameters that go with the headline change of a metric, strongest first.

    Columns of `findings.ranked`, then lower and upper: the mean effect, percent or points, in the third of the draws
    in which the uncertain parameter is lowest and highest.
    """
    change = _effect(study, metric)
    table = findings.ranked(study.uncertain, change)
    third = max(len(change) // 3, 1)
    order = {name: np.argsort(study.uncertain[name].to_numpy(), kind="stable") for name in table["id"]}
    ends = [(change[order[name][:third]].mean(), change[order[name][-third:]].mean()) for name in table["id"]]
    return table.assign(lower=[low for low, _ in ends], upper=[high for _, high in ends])


def _effect(study: Results, metric: str) -> Array:
    """Return the headline effect in each draw: of an amount in percent, of a rate in points."""
    if metrics.additive(metric):
        return relative(study.amounts, metric, study.headline)
    return 100 * difference(study.amounts, metric, study.headline)


def requests(study: Results) -> pd.DataFrame:
    """Return what to ask provinces for, what it would settle, and how much narrower it would make both intervals.

    Columns: request, ids (of the uncertain parameters of this sort that stand out from luck, for the fund or the
    rate), fund and
    rate: 1 - sqrt(1 - R2), R2 of the ranks of the effect on the ranks of these uncertain parameters, adjusted for
    their number; 0
    where none stands out. Approximate: the spread of the draws stands for that of knowledge. Largest first.
    """
    known = {name: drivers(study, metric) for name, metric in METRICS.items()}
    rows = []
    for request, starts in REQUESTS.items():
        named = {name: [i for i in _standing_out(table) if i.startswith(starts)] for name, table in known.items()}
        narrower = {name: _narrower(study.uncertain[ids], _effect(study, METRICS[name])) for name, ids in named.items()}
        rows.append({"request": request, "ids": list(dict.fromkeys([*named["fund"], *named["rate"]]))} | narrower)
    table = pd.DataFrame(rows)
    order = np.argsort(-table[["fund", "rate"]].max(axis=1).to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _standing_out(table: pd.DataFrame) -> list[str]:
    """Return the uncertain parameters of a table of drivers that luck would rarely show."""
    return [str(i) for i in table.loc[table["beyond_luck"].astype(bool), "id"]]


def _narrower(uncertain: pd.DataFrame, change: Array) -> float:
    """Return by which share the spread of a change would shrink if these uncertain parameters were known."""
    draws, number = uncertain.shape
    if not 0 < number < draws - 1:  # as many uncertain parameters as draws explain anything
        return 0.0
    ranks = scipy.stats.rankdata(uncertain.to_numpy(), axis=0)
    x, y = ranks - ranks.mean(axis=0), scipy.stats.rankdata(change) - (draws + 1) / 2
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    left = (rest @ rest) / (y @ y) * (draws - 1) / (draws - number - 1)
    return float(1 - np.sqrt(np.clip(left, 0, 1)))


def assumptions(study: Results) -> pd.DataFrame:
    """Return the uncertain parameters of the model: what was drawn or held fixed in this run, weakest grade last.

    Columns: id, meaning, low, high, unit, grade, source, pinned (the value it was held at, else None).
    """
    pinned = study.manifest["pinned"]
    rows = [
        (q.id, q.meaning, q.low, q.high, q.unit, q.grade, q.source, pinned.get(q.id))
        for q in register().values()
        if q.role == "uncertain"
    ]
    rows.sort(key=lambda row: GRADES.index(cast(Any, row[5])))
    return pd.DataFrame(rows, columns=["id", "meaning", "low", "high", "unit", "grade", "source", "pinned"])
