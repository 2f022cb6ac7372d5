"""Why a case is not settled directly: of all cases, how many are left after each condition, and what holds up the rest.

Neither a direct settlement rate after 2020 nor a breakdown of failures is published: what is prior says so in a column.
By home, host, hospital tier or month a cause is told only where an input of it differs, and that input is named: all
else that differed would be luck.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from simlib.amounts import AMOUNTS, CAUSES, CONDITIONS
from simlib.errors import BadInputError
from simlib.files.texts import Lang
from simlib.patients import areas
from simlib.scenario import checks
from simlib.scenario.scenario import Scenario, reference
from simlib.simulation import kept, simulate
from simlib.simulation.draws import Pin
from simlib.study import metrics
from simlib.study.effects import finite, interval
from simlib.study.experiment import DRAWS, HEADLINE, Progress, Runs, check, rules_of
from simlib.study.findings import FEWEST_TO_NAME
from simlib.study.metrics import Group
from simlib.terms import CHANNELS, FEN, INPATIENT, MONTHS, TIERS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.generic]

STAGES = ("all", "networked", "listed", "filed", "coded", "can_settle", "direct")
"""What is left of all cases, condition by condition, then choice."""

SPLIT = "prior: no breakdown of failures is published"
RATE = "prior: no rate is published after 2020"
OFFICIAL = "rate.official"
BASIS = {
    "stage.all": "published direct visits over a prior rate",
    "stage.listed": f"listed, or settled as ordinary care; who has which disease is assumed; {SPLIT}",
    "stage.direct": RATE,
    OFFICIAL: f"{RATE}; that only claimed cases are counted beside direct ones is inferred",
    "channel.claimed": "prior: claims by hand per abandoned case are not published",
    "channel.abandoned": "prior: claims by hand per abandoned case are not published",
    "first.not_listed": "lists are published, who has which disease is assumed",
    "first.not_up": "set by the scenario; none otherwise",
    "first.choice": "computed from both prices; how many compare them is a prior",
}
"""What a row rests on, where that is not the split of failures."""

BY = {"count": "visits", "value": "bill"}
FAULTS = checks.UNWILLING
TOLD = (*CAUSES, checks.CLAIMS)
LEAGUE = [
    "code", "label", "tier", "cases", "before", "value", "low", "high", "apart", "apart_low", "apart_high", "named",
    "direct",
]  # fmt: skip
"""Columns of `league.csv`, behind the scenario."""
COLUMNS = ("baseline", "baseline_low", "baseline_high", "value", "value_low", "value_high", "change", "low", "high")
TABLE = ["scenario", "group", "by", "part", "row", "amount", *COLUMNS, "basis", "input"]
"""Columns of `funnel.csv`."""


def rows(amounts: Numbers, by: str) -> dict[str, Array]:
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
    faults = (f"{prefix}first_{fault}" for fault in FAULTS)
    return out | {"faults.not_mended": np.asarray(sum(a[fault] for fault in faults))}


def table(runs: Runs) -> pd.DataFrame:
    """Return the funnel of each scenario, its reference beside it, a row per group, count or value, and row of `rows`.

    Of one home, host or tier only the causes of which an input differs there, the direct settlement rate and all cases;
    by tier the headline's kind of care, by count. Of all others the official rate too, `rate.official`: direct over
    direct and claimed.

    Columns
    -------
    scenario, group, by, part, row; amount (of the reference, cases or yuan, mean over draws); then shares of all cases:
    baseline, value and their paired change, each with its 95 % interval over draws; basis (what it rests on); input
    (what differs there, or what the scenario sets for the cause).
    """
    rows = [row for number in range(len(runs.scenarios)) for row in _of_scenario(runs, number)]
    return pd.DataFrame(rows, columns=TABLE)


def _of_scenario(runs: Runs, number: int) -> Iterator[dict[str, object]]:
    """Yield the rows of one scenario."""
    scenario, groups, amounts = runs.scenarios[number], runs.groups[number], runs.amounts(number)
    kind = groups[HEADLINE].kind or 0
    own, differing = checks.set_for(scenario), {k: checks.differing(scenario, k) for k in {kind, INPATIENT}}
    for g, group in enumerate(groups):
        axis = "home" if group.home is not None else "host" if group.host is not None else ""
        sides = (amounts.before[:, g].sum(axis=1), amounts.after[:, g].sum(axis=1))
        named = {cause: differing[group.kind or 0].get((cause, axis), ()) for cause in TOLD} if axis else own
        told = _told(sides, ("count", "value"), named, bool(axis))
        yield from ({"scenario": scenario.name, "group": group.label(runs.place)} | row for row in told)
    named = {cause: differing[kind].get((cause, "tier"), ()) for cause in TOLD}
    for group in dict.fromkeys((groups[HEADLINE], Group(kind=kind))):
        tiers = by_tier(runs, number, changed=group.changed).sum(axis=2)
        for i, tier in enumerate(TIERS):
            label = f"{group.label(runs.place)};tier={tier}"
            told = _told((tiers[:, 0, i], tiers[:, 1, i]), ("count",), named, True)
            yield from ({"scenario": scenario.name, "group": label} | row for row in told)


def by_tier(runs: Runs, number: int, *, changed: bool = False) -> Array:
    """Return amounts of a scenario's headline kind of care by host and tier, (draw, side, host, tier, amount).

    Those of `loop.SEEN`, all others NaN. changed : only of the cells that the scenario sets.
    """
    seen = runs.simulated[number].seen.sum(axis=(2, 3))
    return metrics.counted(seen[:, :, 1] if changed else seen.sum(axis=2))


OF_ALL = {
    "stage.all": TOLD,
    "stage.direct": TOLD,
    "channel.claimed": (checks.CLAIMS,),
    "channel.abandoned": (checks.CLAIMS,),
    "faults.not_mended": FAULTS,
}
"""Rows that hang on other causes than the one they name."""


def _told(
    sides: tuple[Numbers, Numbers], ways: Sequence[str], named: Mapping[str, tuple[str, ...]], part: bool
) -> Iterator[dict[str, object]]:
    """Yield the rows of one group, from amounts before and after, (draw, amount), by count and value as asked.

    Draws in which it saw no case are left out, none is all of NaN. named : inputs by cause; of a `part` of the country
    only rows with one, and no stages between. A row that was not counted is none.
    """
    for by in ways:
        before, after = (rows(side, by) for side in sides)
        seen = (before["stage.all"] > 0) & (after["stage.all"] > 0)
        if seen.sum() < 2:
            continue
        base, new = (np.stack([*_shares(x, part).values()])[:, seen] for x in (before, after))
        shares = [(x.mean(axis=1), *np.quantile(x, (0.025, 0.975), axis=1)) for x in (base, new, new - base)]
        columns = dict(zip(COLUMNS, (column for share in shares for column in share), strict=True))
        for i, name in enumerate(_shares(before, part)):
            kind, _, row = name.partition(".")
            causes = OF_ALL.get(name, (row,) if row in CAUSES else ())
            found = list(dict.fromkeys(one for cause in causes for one in named.get(cause, ())))
            if (part and not found) or np.isnan(new[i]).all():
                continue
            yield {
                "by": by,
                "part": kind,
                "row": row,
                "amount": float(before.get(name, before["stage.direct"]).mean()) / (FEN if by == "value" else 1),
                **{column: float(values[i]) for column, values in columns.items()},
                "basis": BASIS.get(name.replace("pivotal.", "first."), SPLIT),
                "input": "; ".join(found),
            }


def _shares(cases: Mapping[str, Array], part: bool) -> dict[str, Array]:
    """Return rows as shares of all cases; unless of a part also the official rate, which leaves out who gave up."""
    every, reimbursed = cases["stage.all"], cases["stage.all"] - cases["channel.abandoned"]
    out = {name: of / np.where(every > 0, every, np.nan) for name, of in cases.items()}
    official = {} if part else {OFFICIAL: cases["stage.direct"] / np.where(reimbursed > 0, reimbursed, np.nan)}
    return out | official


def by_month(
    scenario: Scenario,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    people: int = 20_000,
    jobs: int = 1,
    pin: Pin | None = None,
    progress: Progress = iter,
) -> pd.DataFrame:
    """Return the funnel of a scenario's headline by month: the causes of which an input differs by month, as `table`.

    Of the pairs that it changes in any month, simulated anew with every month summed apart.

    Columns: month (YYYY-MM), then those of `table` from `by` on.

    Parameters
    ----------
    pin : uncertain parameters held at a value and variants at a form, by id. The others: see `experiment.repeat`.

    Raises
    ------
    BadInputError : see `experiment.check`; a scenario that changes no cell; an id in `pin` is not an uncertain
    parameter.
    """
    check([scenario], draws=draws, seed=seed, people=people, jobs=jobs)
    headline, *_ = metrics.groups(simulate.touched_by(scenario))
    if not headline.changed:
        raise BadInputError(f"{scenario.path}: changes nothing between provinces: no month differs. Write `changes`.")
    kind = headline.kind or 0
    tasks = (delayed(_months)(scenario, kind, seed, d, people, dict(pin or {})) for d in range(draws))
    with threadpool_limits(1, "blas"):
        found = np.stack(list(progress(Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(tasks))))
    differing = checks.differing(scenario, kind)
    named = {cause: differing.get((cause, "month"), ()) for cause in TOLD}
    return pd.DataFrame(
        {"month": f"{scenario.year}-{m + 1:02}"} | row
        for m in range(MONTHS)
        for row in _told((found[:, 0, m], found[:, 1, m]), ("count", "value"), named, True)
    )


def _months(scenario: Scenario, kind: int, seed: int, draw: int, people: int, pin: Pin) -> Ints:
    """Return the amounts of one draw of a scenario's reference and of itself, (side, month, amount)."""
    parameters = kept.solved(reference(scenario), seed, draw, pin)
    ((root, own),) = rules_of(parameters, [scenario])
    touched = simulate.touched_by(scenario)
    pairs = touched[:, :, :, kind].any(axis=(2, 3))
    sides = ((reference(scenario), root), (scenario, own))
    totals = (simulate.by_month(parameters, *side, touched=touched, people=people) for side in sides)
    return np.stack([side[:, kind].sum(axis=(0, 1))[pairs].sum(axis=0) for side in totals])


def league(runs: Runs, number: int, lang: Lang = "en") -> pd.DataFrame:
    """Return hosts, and the hospital tiers of each, by the share of cases that fail for a fault left unmended.

    Of a scenario's headline kind of care, whole country, the worst host first. Such a fault is that of filing, codes or
    systems. Hospitals' willingness is one number for all hosts and tiers unless a scenario moves it: hosts differ by
    who comes, why, and from where, not by how willing their hospitals are; tiers of a host only by luck, and by who is
    connected where a scenario connects one tier.

    Columns
    -------
    code, label, tier (all, 1, 2, 3); cases (of the reference, mean over draws); before and value (share, mean over
    draws, reference and scenario), low, high (95 % interval of value); apart, apart_low, apart_high (value less that of
    all hosts in each draw, mean and interval); named (whether that leaves out 0 and there are enough draws to say so);
    direct (direct settlement rate in the scenario, mean over draws: it differs by tier with benefits and bills).
    """
    names = runs.place.names(lang)
    tiers = by_tier(runs, number)
    every = np.concatenate([tiers.sum(axis=3, keepdims=True), tiers], axis=3)
    failed, cases = _unmended(every)
    all_failed, all_cases = _unmended(tiers.sum(axis=(2, 3)))
    share = np.divide(failed, cases, out=np.full(failed.shape, np.nan), where=cases > 0)
    apart = share[:, 1] - (all_failed / all_cases)[:, 1, None, None]
    rate = metrics.metric("direct_settlement_rate", every[:, 1])
    out = []
    for host, t in np.ndindex(*apart.shape[1:]):
        before, after = (finite(share[:, side, host, t]) for side in (0, 1))
        gap = finite(apart[:, host, t])
        if min(before.size, gap.size) < 2:
            continue
        low, high = interval(gap)
        label = areas.short(names[host])
        named = runs.draws >= FEWEST_TO_NAME and (low > 0 or high < 0)
        whose = (runs.place.codes[host], label, ("all", *map(str, TIERS))[t], cases[:, 0, host, t].mean())
        apart_by = (gap.mean(), low, high, named)
        told = (before.mean(), after.mean(), *interval(after), *apart_by, finite(rate[:, host, t]).mean())
        out.append((*whose, *told))
    found = pd.DataFrame(out, columns=LEAGUE)
    worst = found[found.tier == "all"].sort_values("value", ascending=False, kind="stable")["code"]
    return found.set_index("code").loc[worst].reset_index()


def _unmended(amounts: Numbers) -> tuple[Array, Array]:
    """Return cases whose first cause is a fault that a hospital may mend, and all cases, from amounts (..., amount)."""
    found = rows(amounts, "count")
    return found["faults.not_mended"], found["stage.all"]
