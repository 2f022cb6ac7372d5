"""What a run says in the terminal: the answer, how sure it is, and what it rests on."""

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
from simlib.scenario import inert, register, scenario
from simlib.study import experiment, findings, metrics
from simlib.study.experiment import Pairing, Runs
from simlib.terms import GRADES, KINDS

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
        "sets": list(_sets(pairing)),
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
        "unused": list(inert.unknowns(pairing.scenario, runs.pin)),
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
    unused = inert.unknowns(pairing.scenario, runs.pin)
    varied = {column for column in runs.unknowns if runs.unknowns[column].nunique() > 1 and column not in unused}
    counts = Counter(
        q.grade
        for q in register.quantities().values()
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


def text(runs: Runs, curve: pd.DataFrame) -> str:
    """Return the headlines of every scenario as text; its tables are at most 120 columns wide."""
    return "\n\n".join("\n".join(_lines(runs, pairing, facts(runs, pairing, curve))) for pairing in runs.pairings)


def _lines(runs: Runs, pairing: Pairing, f: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one scenario."""
    headline = pairing.groups[experiment.HEADLINE]
    kind = KINDS[headline.kind or 0]
    yield f"{f['title']['en']}  {f['title']['zh']}"
    yield f"{pairing.scenario.question.zh}"
    yield f"{pairing.scenario.question.en}"
    drawn = f"{runs.draws} draws, {runs.drawn:,} people a draw, seed {runs.seed}"
    yield f"Year {f['year']}, {drawn}. Item catalogues: {f['rests_on']['catalogues']}."
    if runs.draws < findings.FEWEST_TO_NAME:
        yield f"Fewer than {findings.FEWEST_TO_NAME} draws: intervals are rough, no place or unknown is named."
    if runs.pin:
        yield f"Held fixed: {', '.join(f'{name} = {value}' for name, value in sorted(runs.pin.items()))}"
    yield from _set_lines(f)
    yield ""
    where = f"On the pairs and months it changes, {kind}" if headline.changed else "It changes no pair; all inpatients"
    yield f"{where:<52}{'change':>10}   {'95 % interval':<20}{'sd: unknowns':>13}{'sd: luck':>11}"
    yield _row("  fund payment, %", f["fund_percent"])
    yield _row("  fund payment in those months, 100 million yuan", f["fund_100_million_yuan"])
    yield _row("  patients' own payment, 100 million yuan", f["own_100_million_yuan"])
    yield _row("  advanced by patients, 100 million yuan", f["advanced_100_million_yuan"])
    for name, found in f["beside_100_million_yuan"].items():
        yield _row(BESIDE[name], found)
    rate = f["rate_points"]
    yield _row(f"  direct settlement rate, points (from {100 * (rate['baseline'] or 0):.1f} %)*", rate)
    yield "  * the mean if the share of patients who compare prices is anywhere from 0 to 100 %; by that share:"
    changes = [point["change"] or 0.0 for point in f["rate_curve_points"]]
    rising = changes[0] < changes[-1] == max(changes)
    for point in f["rate_curve_points"]:
        bound = "  upper bound" if point["attention"] == 1 and rising else ""
        label = f"    if {100 * point['attention']:.0f} % of patients compare prices{bound}"
        few = point["change"] is None
        yield f"{label:<52}" + ("   too few" if few else f"{point['change']:>+z10.2f}   {_range(point)}")
    yield "  sd: unknowns = what the unknown numbers leave open; sd: luck = what drawing more people would remove"
    fresh = f["without_care_at_home"]
    yield "The same if care at home had used up nothing of the year"
    yield _row("  fund payment, %", fresh["fund_percent"])
    yield _row("  direct settlement rate, points", fresh["rate_points"])
    yield from _other_kinds(f)
    yield "All inpatients of the country"
    yield _row("  fund payment, %", f["national_fund_percent"])
    yield _row("  direct settlement rate, points", f["national_rate_points"])
    yield from _home_lines(f)
    yield from _money_lines(runs, f)
    yield from _evidence_lines(f)


def _sets(pairing: Pairing) -> Iterator[dict[str, Any]]:
    """Yield what the scenario sets: lever, value, first and last month (None if open), names by axis."""
    for change, lever, value in pairing.scenario.lines(root=False):
        until = None if change.stop == LAST_MONTH else change.stop
        where = {axis: list(names) for axis, names in change.where if names}
        yield {"lever": lever, "value": value, "from": change.start, "to": until, "where": where}


def _value(value: object) -> str:
    """Return what a lever is set to as a scenario file has it.

    >>> _value(True), _value(1.0), _value("either")
    ('true', '1', 'either')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _set_lines(f: dict[str, Any]) -> Iterator[str]:
    """Yield what the scenario sets, where and when."""
    for one in f["sets"]:
        places = ", ".join(f"{axis} {'/'.join(names)}" for axis, names in one["where"].items())
        until = f" to {one['to']}" if one["to"] else ""
        where = f" for {places}" if places else ""
        yield f"Sets {one['lever']} to {_value(one['value'])} from {one['from']}{until}{where}"


def _row(label: str, s: dict[str, Any]) -> str:
    """Return one line: change, interval, standard deviations from parameters and from Monte Carlo."""
    if None in s.values():
        return f"{label:<52}{'too few':>10}   patients drawn"
    return f"{label:<52}{s['change']:>+z10.2f}   {_range(s):<20}{s['sd_parameters']:>13.2f}{s['sd_monte_carlo']:>11.3f}"


def _range(s: dict[str, Any]) -> str:
    """Return an interval."""
    return f"{s['low']:+z.2f} to {s['high']:+z.2f}"


def _other_kinds(f: dict[str, Any]) -> Iterator[str]:
    """Yield the changed pairs of other kinds of care, which the scenario touches too."""
    for other in f["other_kinds"]:
        yield f"The same, {other['group'].rsplit('=', 1)[1]}"
        yield _row("  fund payment, %", other["fund_percent"])
        yield _row("  direct settlement rate, points (unidentified)", other["rate_points"])


def _home_lines(f: dict[str, Any]) -> Iterator[str]:
    """Yield the home funds, and who stands out."""
    if not f["homes"]:
        return
    yield "Home funds, payment on those pairs, %"
    for home in f["homes"]:
        yield _row(f"  {home['name_en']}", home["fund_percent"])
    named = [f"{h['name_en']} ({'above' if h['low'] > 0 else 'below'} the mean)" for h in f["distinguishable"]]
    yield f"  Distinguishable from the mean of the pairs: {', '.join(named) if named else 'none'}"


def _money_lines(runs: Runs, f: dict[str, Any]) -> Iterator[str]:
    """Yield what the ledger says; nothing where only what changes was drawn."""
    money = f["money"]
    if money is None:
        return
    about = f"The money in December {f['year']} (36 months: ledger.csv)"
    yield f"{about:<52}{'change':>10}   {'95 % interval':<20}{'from':>13}"
    for row in money["rows"]:
        words = MONEY[row["indicator"], row["group"]][0]
        yield f"  {words:<50}{row['change']:>+z10.2f}   {_range(row):<20}{row['baseline']:>13.2f}"
    met = "met" if money["more_pools_short"] <= money["most"] else "not met"
    share, most = money["more_pools_short"], 100 * money["most"]
    draws = f"{100 * share:.0f} % of" if runs.draws >= 100 else f"{share * runs.draws:.0f} of {runs.draws}"
    yield f"  more pools short of reserve within 36 months: in {draws} draws (limit {most:.0f} %, {met})"
    pools = f"read from {runs.pools.path}" if runs.pools else "synthetic: only national balances are published"
    yield f"  the limit is assumed; what each pool has is {pools}"


def _evidence_lines(f: dict[str, Any]) -> Iterator[str]:
    """Yield what the answer rests on."""
    rests = f["rests_on"]
    counts = ", ".join(f"{n} {grade}" for grade, n in rests["unknowns_by_grade"].items())
    yield f"Rests on grade: {rests['weakest_grade']}, the weakest drawn; unknowns: {counts}"
    named = [d for d in f["drivers"] if d["beyond_luck"]]
    for driver in named:
        rank = driver["rank_correlation"]
        yield f"  fund effect goes with {driver['id']} (rank correlation {rank:+.2f}, {driver['grade']})"
    if not named:
        yield "  no single unknown stands out from luck at this number of draws"
    by_grade = dict(rests["fund_payment_by_grade"])
    own = by_grade.pop("local", 0.0)
    shares = ", ".join(f"{100 * share:.0f} % {grade}" for grade, share in by_grade.items() if share)
    yield f"  fund payment by weakest grade of its policy: {shares}; all local: {100 * own:.0f} %"
    yield f"  catalogues: {rests['catalogues']}"
    yield f"  draws: {rests['draws']}"
    yield "  the direct settlement rate of 2023 and why cases fail are priors: no figure is published after 2020"
