"""The answer of one scenario as plain values: what changes, how sure it is, and what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.files.shapes import LAST_MONTH
from simlib.fund.ledger import Ledger
from simlib.quantities import register
from simlib.scenario import checks, scenario
from simlib.study import experiment, findings, metrics
from simlib.study.experiment import Pairing, Runs
from simlib.terms import GRADES

Array = npt.NDArray[np.float64]


def facts(runs: Runs, pairing: Pairing, curve: pd.DataFrame) -> dict[str, Any]:
    """Return the headline of one scenario as plain values, for `--json` and for the text.

    Changes of amounts are in percent and in 100 million yuan, rates in percentage points; each with its 95 % interval
    and the standard deviations of its two sources, parameters and Monte Carlo.
    """
    group, national = experiment.HEADLINE, _national(runs, pairing)
    return {
        "scenario": pairing.scenario.name,
        "title": {"zh": pairing.scenario.title.zh, "en": pairing.scenario.title.en},
        "question": {"zh": pairing.scenario.question.zh, "en": pairing.scenario.question.en},
        "geography": pairing.scenario.geography,
        "year": pairing.scenario.year,
        "sets": list(sets(pairing)),
        "group": pairing.groups[group].label(runs.place),
        "fund_percent": _spread(pairing, group, "fund_payment", relative=True),
        "fund_100_million_yuan": _spread(pairing, group, "fund_payment", scale=1e-8),
        "own_100_million_yuan": _spread(pairing, group, "own_payment", scale=1e-8),
        "advanced_100_million_yuan": _spread(pairing, group, "advanced_by_patients", scale=1e-8),
        "beside_100_million_yuan": dict(_beside(pairing)),
        "rate_points": _spread(pairing, group, "direct_settlement_rate", scale=100),
        "rate_curve_points": [
            {
                "attention": float(a),
                **{key: _plain(100 * v) for key, v in zip(("change", "low", "high"), row, strict=True)},
            }
            for a, *row in curve.loc[
                curve.scenario == pairing.scenario.name, ["attention", "change", "low", "high"]
            ].to_numpy()
        ],
        "other_kinds": [
            {
                "group": g.label(runs.place),
                "fund_percent": _spread(pairing, i, "fund_payment", relative=True),
                "rate_points": _spread(pairing, i, "direct_settlement_rate", scale=100),
            }
            for i, g in enumerate(pairing.groups)
            if g.changed and g.home is None and g.host is None and i != group
        ],
        "national_rate_points": _spread(pairing, national, "direct_settlement_rate", scale=100),
        "national_fund_percent": _spread(pairing, national, "fund_payment", relative=True),
        "homes": _homes(runs, pairing),
        "distinguishable": findings.distinguishable(runs, pairing).to_dict("records"),
        "drivers": findings.drivers(runs, pairing).head(5).to_dict("records"),
        "unused": list(checks.unused(pairing.scenario, runs.pin)),
        "without_care_at_home": _fresh(runs, pairing),
        "money": _money(runs, pairing) if runs.cash else None,
        "rests_on": evidence(runs, pairing),
    }


BESIDE = {
    "recovered": "  recovered for home funds, 100 million yuan",
    "fines": "  fines, which no fund has, 100 million yuan",
    "network_cost": "  cost of connecting institutions, 100 million yuan",
}
"""Money that is no payment for care: metric, words. Said where it is not 0."""


def _beside(pairing: Pairing) -> Iterator[tuple[str, dict[str, float | None]]]:
    """Yield the money of `BESIDE` that a scenario moves on the pairs of the headline."""
    for name in BESIDE:
        if any(amount.any() for amount in pairing.both(name, experiment.HEADLINE)):
            yield name, _spread(pairing, experiment.HEADLINE, name, scale=1e-8)


def _national(runs: Runs, pairing: Pairing) -> int:
    """Return the position of the group of all inpatients."""
    return [group.label(runs.place) for group in pairing.groups].index("kind=inpatient")


def _spread(
    pairing: Pairing, group: int, name: str, *, relative: bool = False, scale: float = 1.0
) -> dict[str, float | None]:
    """Return a change with its interval and two standard deviations, in percent of the reference or times a scale.

    None where a group is so small that no two draws have a value.
    """
    before, after = pairing.both(name, group)
    percent = experiment.relative(pairing, name, group) if relative else scale * (after - before)
    level = float(np.nanmean(before)) if np.isfinite(before).any() else float("nan")
    noise = experiment.monte_carlo(pairing, name, group, percent=relative) * (1.0 if relative else scale)
    found = experiment.spread(percent[np.isfinite(percent)], noise)
    return {key: _plain(value) for key, value in (found | {"baseline": level}).items()}


def _plain(value: float) -> float | None:
    """Return a number, None if it is not one: what JSON can say."""
    return float(value) if np.isfinite(value) else None


MONEY = {
    ("prepayment", "all"): ("prepayments, 100 million yuan", 1e-8),
    ("use_cleared", "all"): ("their use: cleared in the month, %", 100.0),
    ("use_outstanding", "all"): ("their use: paid out and not yet cleared, %", 100.0),
    ("overdue", "all"): ("clearing overdue, 100 million yuan", 1e-8),
    ("receivable_days", "all"): ("hospitals wait, days", 1.0),
    ("advanced_yuan_days", "all"): ("advanced by patients, 100 million yuan-days", 1e-8),
    ("within", "all"): ("in other cities of the province, 100 million yuan", 1e-8),
    ("local_care", "all"): ("care at home (expected bills), 100 million yuan", 1e-8),
    ("months_payable", "scheme=employee"): ("months payable, employee pools", 1.0),
    ("months_payable", "scheme=resident"): ("months payable, resident pools", 1.0),
    ("pools_below_limit", "all"): ("pools short of reserve", 1.0),
}
"""What is said of the money: indicator and group of the ledger, words, scale."""


def _money(runs: Runs, pairing: Pairing) -> dict[str, Any]:
    """Return what the ledger says of the last month of the year, and of pools that lose their reserve."""
    at = runs.pairings.index(pairing)
    table = experiment.cash_table(replace(runs, pairings=(pairing,), cash=(runs.cash[at],), books=(runs.books[at],)))
    table = table[table.month == f"{pairing.scenario.year}-12"].set_index(["indicator", "group"])
    columns = ["baseline", "change", "low", "high"]
    rows = [
        {"indicator": indicator, "group": group} | dict(zip(columns, (scale * found).tolist(), strict=True))
        for (indicator, group), (_, scale) in MONEY.items()
        for found in table.reindex([(indicator, group)])[columns].dropna().to_numpy()
    ]
    harm = {"more_pools_short": experiment.harmed(runs, at), "no_pool_short": experiment.unharmed(runs, at)}
    return {"rows": rows} | harm | {"most": Ledger.harm_most.number}


def _fresh(runs: Runs, pairing: Pairing) -> dict[str, Any]:
    """Return the headline if care at home had used up nothing of the year before the first visit elsewhere."""
    fresh = runs.fresh[runs.pairings.index(pairing)]
    return {
        "fund_percent": _spread(fresh, experiment.HEADLINE, "fund_payment", relative=True),
        "rate_points": _spread(fresh, experiment.HEADLINE, "direct_settlement_rate", scale=100),
    }


def _homes(runs: Runs, pairing: Pairing) -> list[dict[str, Any]]:
    """Return each home fund of the changed pairs with its change in percent and in 100 million yuan."""
    return [
        {
            "home": runs.place.codes[g.home],
            "name_zh": runs.place.names_zh[g.home],
            "name_en": runs.place.names_en[g.home],
            "fund_percent": _spread(pairing, i, "fund_payment", relative=True),
            "fund_100_million_yuan": _spread(pairing, i, "fund_payment", scale=1e-8),
        }
        for i, g in enumerate(pairing.groups)
        if g.changed and g.home is not None
    ]


def evidence(runs: Runs, pairing: Pairing) -> dict[str, Any]:
    """Return what the answer rests on: unknowns drawn by grade, fund payment by grade of the policies, lists.

    fund_payment_by_grade : share of the headline group's fund payment after the change, by the weakest grade among
    deductible, ratio and away rule; "local" if all three are the area's own.
    """
    unused = checks.unused(pairing.scenario, runs.pin)
    varied = {column for column in runs.unknowns if runs.unknowns[column].nunique() > 1 and column not in unused}
    counts = Counter(
        q.grade
        for q in register().values()
        if q.role == "unknown" and (q.axes or q.id in varied) and q.id not in experiment.APART
    )
    grades = {grade: counts[grade] for grade in GRADES if counts[grade]}
    paid = pairing.after[:, experiment.HEADLINE].sum(axis=(0, 1))
    return {
        "weakest_grade": list(grades)[-1],
        "unknowns_by_grade": grades,
        "fund_payment_by_grade": {name: round(share, 4) for name, share in metrics.resting(paid).items()},
        "catalogues": _lists(pairing),
        "draws": _draws(pairing),
    }


def _draws(pairing: Pairing) -> str:
    """Return where the unknowns were drawn from."""
    fitted = scenario.reference(pairing.scenario).ensemble
    if fitted is None:
        return "from the declared ranges, not fitted"
    kept = f"{fitted.effective:.0f} effective draws of {fitted.candidates}"
    return f"fitted to published ranks, shares and sizes of up to {fitted.fitted_to} ({kept})"


def _lists(pairing: Pairing) -> str:
    """Return whose item catalogues are real."""
    real = [code for code, _ in scenario.reference(pairing.scenario).catalogues]
    return f"loaded for {', '.join(real)}; elsewhere synthetic (assumed)" if real else "synthetic (assumed)"


def sets(pairing: Pairing) -> Iterator[dict[str, Any]]:
    """Yield what the scenario sets: lever, value, first and last month (None if open), names by axis."""
    for change, lever, value in pairing.scenario.lines(root=False):
        until = None if change.stop == LAST_MONTH else change.stop
        where = {axis: list(names) for axis, names in change.where if names}
        yield {"lever": lever, "value": value, "from": change.start, "to": until, "where": where}
