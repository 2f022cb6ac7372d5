"""The answer of one scenario as plain values: what changes, how sure it is, and what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.catalogue.itemlists import midyear
from simlib.files.shapes import LAST_MONTH
from simlib.fund.ledger import Ledger
from simlib.quantities import register
from simlib.scenario import checks
from simlib.scenario.scenario import Scenario, reference
from simlib.study import cash, experiment, findings, metrics
from simlib.study.effects import Amounts, difference, finite, monte_carlo, relative, spread
from simlib.study.experiment import Runs
from simlib.terms import CATEGORIES, GRADES, KINDS

BESIDE = ("recovered", "fines", "network_cost")
"""Metrics of money that is no payment for care: said where they are not 0."""
MONEY = {
    ("prepayment", "all"): 1e-8,
    ("use_cleared", "all"): 100.0,
    ("use_outstanding", "all"): 100.0,
    ("overdue", "all"): 1e-8,
    ("receivable_days", "all"): 1.0,
    ("advanced_yuan_days", "all"): 1e-8,
    ("within", "all"): 1e-8,
    ("local_care", "all"): 1e-8,
    ("months_payable", "scheme=employee"): 1.0,
    ("months_payable", "scheme=resident"): 1.0,
    ("pools_below_limit", "all"): 1.0,
}
"""What is said of the money: indicator and group of the ledger, and what it is multiplied by."""
KEYS = [
    "scenario", "title", "question", "geography", "year", "sets", "group", "fund_percent", "fund_100_million_yuan",
    "own_100_million_yuan", "advanced_100_million_yuan", "beside_100_million_yuan", "rate_points", "rate_curve_points",
    "other_kinds", "national_rate_points", "national_fund_percent", "homes", "distinguishable", "drivers", "unused",
    "without_care_at_home", "money", "rests_on",
]  # fmt: skip
"""What `headline.json` says of each scenario."""
FUND, RATE = "fund_payment", metrics.RATE
HUNDRED_MILLION = 1e-8
NATION = "kind=inpatient"


def facts(runs: Runs, number: int, curve: pd.DataFrame, ledger: pd.DataFrame | None) -> dict[str, Any]:
    """Return the headline of one scenario as plain values, for `--json` and for the text.

    Changes of amounts are in percent and in 100 million yuan, rates in percentage points; each with its 95 % interval
    and the standard deviations of its two sources, parameters and Monte Carlo.

    Parameters
    ----------
    curve : see `curve.attention_curve`. ledger : see `cash.cash_table`, None where only what changes was drawn.
    """
    scenario, amounts = runs.scenarios[number], runs.amounts(number)
    group, unused = amounts.headline, list(checks.unused(scenario, runs.pin))
    drivers = findings.ranked(runs.uncertain.drop(columns=unused), relative(amounts, FUND, group))
    told = {
        **_named(scenario),
        "sets": list(sets(scenario)),
        **of_amounts(amounts, runs.whole),
        "rate_curve_points": _points(curve[curve["scenario"] == scenario.name]),
        "distinguishable": findings.distinguishable(amounts).to_dict("records"),
        "drivers": drivers.head(5).to_dict("records"),
        "unused": unused,
        "without_care_at_home": _two(runs.amounts(number, fresh=True), group),
        "money": None if ledger is None else _money(runs, number, ledger),
        "rests_on": evidence(runs, number),
    }
    return {key: told[key] for key in KEYS}


def of_amounts(amounts: Amounts, whole: bool) -> dict[str, Any]:
    """Return what of the facts follows from the amounts of the draws alone; whole : see `Runs`."""
    group = amounts.headline
    return {
        "group": group,
        **_of_headline(amounts, group),
        "other_kinds": [
            {"group": label} | _two(amounts, label)
            for label in (f"pairs=changed;kind={kind}" for kind in KINDS)
            if label in amounts.groups and label != group
        ],
        "national_rate_points": _change(amounts, NATION, RATE, scale=100) if whole else None,
        "national_fund_percent": _change(amounts, NATION, FUND, percent=True) if whole else None,
        "homes": _homes(amounts),
    }


def so_far(amounts: Sequence[npt.NDArray[np.int64]]) -> str:
    """Return the headline of a run as the draws done so far have it, in words; empty for fewer than two.

    amounts : of the headline group in each draw, (side, half, amount).
    """
    if len(amounts) < 2:
        return ""
    before, after = np.stack(amounts).sum(axis=2).swapaxes(0, 1)
    fund = 100 * (metrics.metric(FUND, after) / metrics.metric(FUND, before) - 1)
    rate = 100 * (metrics.metric(RATE, after) - metrics.metric(RATE, before))
    told = (("fund payment", fund, " %"), ("direct rate", rate, " points"))
    return "; ".join(
        f"{name} {found['change']:+z.2f}{unit} ({found['low']:+z.2f} to {found['high']:+z.2f})"
        for name, found, unit in ((name, spread(finite(change)), unit) for name, change, unit in told)
    )


def _named(scenario: Scenario) -> dict[str, Any]:
    """Return what a scenario is called, asks, and where and when."""
    return {
        "scenario": scenario.name,
        "title": {"zh": scenario.title.zh, "en": scenario.title.en},
        "question": {"zh": scenario.question.zh, "en": scenario.question.en},
        "geography": scenario.geography,
        "year": scenario.year,
    }


def sets(scenario: Scenario) -> Iterator[dict[str, Any]]:
    """Yield what a scenario sets: lever, value, first and last month (None if open), names by axis."""
    for change, lever, value in scenario.lines(root=False):
        until = None if change.stop == LAST_MONTH else change.stop
        where = {axis: list(names) for axis, names in change.where if names}
        yield {"lever": lever, "value": value, "from": change.start, "to": until, "where": where}


def _of_headline(amounts: Amounts, group: str) -> dict[str, Any]:
    """Return the changes of the headline group."""
    beside = (name for name in BESIDE if any(amount.any() for amount in amounts.both(name, group)))
    return {
        "fund_percent": _change(amounts, group, FUND, percent=True),
        "fund_100_million_yuan": _change(amounts, group, FUND, scale=HUNDRED_MILLION),
        "own_100_million_yuan": _change(amounts, group, "own_payment", scale=HUNDRED_MILLION),
        "advanced_100_million_yuan": _change(amounts, group, "advanced_by_patients", scale=HUNDRED_MILLION),
        "beside_100_million_yuan": {name: _change(amounts, group, name, scale=HUNDRED_MILLION) for name in beside},
        "rate_points": _change(amounts, group, RATE, scale=100),
    }


def _two(amounts: Amounts, group: str) -> dict[str, Any]:
    """Return the changes of a group in fund payment and rate."""
    return {
        "fund_percent": _change(amounts, group, FUND, percent=True),
        "rate_points": _change(amounts, group, RATE, scale=100),
    }


def _change(
    amounts: Amounts, group: str, metric: str, *, percent: bool = False, scale: float = 1.0
) -> dict[str, float | None]:
    """Return a change with its interval and two standard deviations, in percent of the reference or times a scale.

    None where a group is so small that no two draws have a value.
    """
    before, _ = amounts.both(metric, group)
    change = relative(amounts, metric, group) if percent else scale * difference(amounts, metric, group)
    level = float(np.nanmean(before)) if np.isfinite(before).any() else float("nan")
    noise = monte_carlo(amounts, metric, group, percent=percent) * (1.0 if percent else scale)
    return {key: _plain(value) for key, value in (spread(finite(change), noise) | {"baseline": level}).items()}


def _plain(value: float) -> float | None:
    """Return a number, None if it is not one: what JSON can say."""
    return float(value) if np.isfinite(value) else None


def _points(curve: pd.DataFrame) -> list[dict[str, float | None]]:
    """Return the points of the curve of one scenario, changes in percentage points."""
    keys = ("change", "low", "high")
    return [
        {"attention": float(share), **{key: _plain(100 * value) for key, value in zip(keys, row, strict=True)}}
        for share, *row in curve[["attention", *keys]].to_numpy()
    ]


def _homes(amounts: Amounts) -> list[dict[str, Any]]:
    """Return each home fund of the changed pairs with its change in percent and in 100 million yuan."""
    place = amounts.place
    return [
        {
            "home": place.codes[home],
            "name_zh": place.names_zh[home],
            "name_en": place.names_en[home],
            "fund_percent": _change(amounts, label, FUND, percent=True),
            "fund_100_million_yuan": _change(amounts, label, FUND, scale=HUNDRED_MILLION),
        }
        for home, label in amounts.areas_of("home")
    ]


def _money(runs: Runs, number: int, ledger: pd.DataFrame) -> dict[str, Any]:
    """Return what the ledger says of the last month of the year, and of pools that lose their reserve."""
    scenario, of_draws = runs.scenarios[number], runs.simulated[number].cash
    december = ledger[(ledger["scenario"] == scenario.name) & (ledger["month"] == f"{scenario.year}-12")]
    columns = ["baseline", "change", "low", "high"]
    known = december.set_index(["indicator", "group"])[columns]
    rows = [
        {"indicator": indicator, "group": group} | dict(zip(columns, (scale * row).tolist(), strict=True))
        for (indicator, group), scale in MONEY.items()
        for row in known.reindex([(indicator, group)]).dropna().to_numpy()
    ]
    harm = {"more_pools_short": cash.harmed(of_draws), "no_pool_short": list(cash.unharmed(of_draws))}
    return {"rows": rows} | harm | {"most": Ledger.harm_most.number}


def evidence(runs: Runs, number: int) -> dict[str, Any]:
    """Return what the answer rests on: parameters drawn by grade, fund payment by grade of the policies, lists.

    fund_payment_by_grade : share of the headline group's fund payment after the change, by the weakest grade among
    deductible, ratio and away rule; "local" if all three are the area's own.
    """
    scenario, amounts = runs.scenarios[number], runs.amounts(number)
    unused, uncertain = checks.unused(scenario, runs.pin), runs.uncertain
    varied = {column for column in uncertain if uncertain[column].nunique() > 1 and column not in unused}
    counts = Counter(
        q.grade
        for q in register().values()
        if q.role == "uncertain" and (q.axes or q.id in varied) and q.id not in experiment.APART
    )
    grades = {grade: counts[grade] for grade in GRADES if counts[grade]}
    paid = amounts.after[:, experiment.HEADLINE].sum(axis=(0, 1))
    return {
        "weakest_grade": list(grades)[-1],
        "parameters_by_grade": grades,
        "fund_payment_by_grade": {name: round(share, 4) for name, share in metrics.resting(paid).items()},
        "catalogues": _lists(scenario),
        "draws": _draws(scenario),
    }


def _draws(scenario: Scenario) -> str:
    """Return where the uncertain parameters were drawn from."""
    fitted = reference(scenario).ensemble
    if fitted is None:
        return "from the declared ranges, not fitted"
    kept = f"{fitted.effective:.0f} effective draws of {fitted.candidates}"
    return f"fitted to published ranks, shares and sizes of up to {fitted.fitted_to} ({kept})"


def _lists(scenario: Scenario) -> str:
    """Return whose item catalogues are real."""
    day, real = midyear(scenario.year), list[str]()
    for code, one in reference(scenario).catalogues:
        there = np.unique(one.category[list(one.rows(day).values())])
        some = f" ({', '.join(CATEGORIES[c] for c in there)})" if len(there) < len(CATEGORIES) else ""
        real.append(f"{code}{some}")
    return f"loaded for {', '.join(real)}; elsewhere synthetic (assumed)" if real else "synthetic (assumed)"
