"""What hangs on what nobody published: the rate over the share of attentive patients, effects by form of the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from simlib.amounts import BILLS, FUND, VISITS
from simlib.errors import BadInputError, did_you_mean, shown
from simlib.patients import areas
from simlib.quantities import register
from simlib.scenario.scenario import Scenario, reference
from simlib.simulation import kept, simulate
from simlib.simulation.draws import Pin
from simlib.study import metrics
from simlib.study.effects import Amounts, finite, spread, summary
from simlib.study.experiment import DRAWS, HEADLINE, Progress, check, pair, repeat, rules_of
from simlib.study.metrics import Group

Ints = npt.NDArray[np.int64]

ATTENTION = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of attentive patients at which the curve of the rate is drawn; 1 is its upper bound."""
CURVE_PEOPLE = 20_000
"""People per draw for each point of the curve: only the changed pairs matter there."""
COLUMNS = ["scenario", "attention", "baseline", "value", "change", "low", "high"]
"""Columns of `attention.csv`."""


def attention_curve(
    scenarios: Sequence[Scenario],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    jobs: int = 1,
    pin: Pin | None = None,
    progress: Progress = iter,
) -> pd.DataFrame:
    """Return the change of the direct settlement rate of the headline group over the share of attentive patients.

    The split of failures is a prior and the rate hangs on it, so the rate is a curve: every draw is solved again with
    attention held at each of `ATTENTION`, see `solve.over_attention`. Attention is lowered in draws where it would
    explain more failures than there are, so the end of a rising curve is an upper bound given catalogues, hassle,
    waiting and the 2023 rate.

    Columns: scenario, attention, baseline, value, change, low, high (shares).
    """
    check(scenarios, draws=draws, seed=seed, people=CURVE_PEOPLE, jobs=jobs)
    place = areas.load(scenarios[0].geography)
    groups = [metrics.groups(simulate.touched_by(scenario))[: HEADLINE + 1] for scenario in scenarios]
    tasks = (delayed(_one_draw)(scenarios, groups, seed, d, dict(pin or {})) for d in range(draws))
    with threadpool_limits(1, "blas"):
        sums = np.stack(list(progress(Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(tasks))))
    rows = []
    for a, share in enumerate(ATTENTION):
        for i, scenario in enumerate(scenarios):
            (label,) = (group.label(place) for group in groups[i])
            row = summary(Amounts(place, {label: 0}, sums[:, a, i, 0], sums[:, a, i, 1]), metrics.RATE, label)
            kept = {key: row[key] for key in COLUMNS[2:]}
            rows.append({"scenario": scenario.name, "attention": share} | kept)
    return pd.DataFrame(rows)


def _one_draw(
    scenarios: Sequence[Scenario], groups: Sequence[tuple[Group, ...]], seed: int, draw: int, pin: Pin
) -> Ints:
    """Return the headline amounts of one draw at each attention, (attention, scenario, side, group, half, amount)."""
    points = kept.over_attention(reference(scenarios[0]), seed, draw, pin, ATTENTION)
    every = list(zip(scenarios, groups, rules_of(points[0], scenarios), strict=True))  # rules do not hang on attention
    return np.array([[pair(at, *of, CURVE_PEOPLE, whole=False)[0] for of in every] for at in points])


def by_form(
    scenario: Scenario,
    variant: str,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    people: int = simulate.PEOPLE_PER_DRAW,
    jobs: int = 1,
    progress: Progress = iter,
) -> pd.DataFrame:
    """Return what a scenario changes by the form of a part of the model, the forms side by side on the same luck.

    A row per form, group (the headline, each kind of care, all) and what changes: cases, bills and fund payment in
    percent, rate in points, each with its mean and 95 % interval over draws.

    Columns: form, group, what, change, low, high, unit.

    Raises
    ------
    BadInputError : no such variant.
    """
    choices = {name: q.choices for name, q in register().items() if q.role == "variant"}
    if variant not in choices:
        raise BadInputError(f"{shown(variant)}: no such variant. {did_you_mean(variant, choices)}")
    rows: list[dict[str, object]] = []
    for form in choices[variant]:
        how = {"draws": draws, "seed": seed, "people": people, "jobs": jobs, "pin": {variant: form}}
        runs = repeat([scenario], progress=progress, **how)  # type: ignore[arg-type]
        for i, group in enumerate(runs.groups[0]):
            if group.home is group.host is None:
                named = {"form": form, "group": group.label(runs.place)}
                rows += [
                    named | row for row in _what_changes(*(runs.simulated[0].amounts[:, side, i] for side in (0, 1)))
                ]
    return pd.DataFrame(rows)


def _what_changes(*sides: Ints) -> Iterator[dict[str, object]]:
    """Yield what changes in a group, from (draw, half, amount) before and after: volume and money in percent, rate."""
    before, after = (side.sum(axis=1).astype(np.float64) for side in sides)
    for what, start, number in (("cases", VISITS, 3), ("bills", BILLS, 3), ("fund_payment", FUND, 2)):
        old, new = (side[:, start : start + number].sum(axis=1) for side in (before, after))
        yield _interval(what, 100 * (new / np.where(old > 0, old, np.nan) - 1), "percent")
    rates = [metrics.metric(metrics.RATE, side) for side in (before, after)]
    yield _interval(metrics.RATE, 100 * (rates[1] - rates[0]), "points")


def _interval(what: str, change: npt.NDArray[np.float64], unit: str) -> dict[str, object]:
    """Return a change over draws as a row."""
    ends = spread(finite(change))
    return {"what": what, **{key: ends[key] for key in ("change", "low", "high")}, "unit": unit}
