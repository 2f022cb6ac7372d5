"""What a run says in the terminal: the answer, how sure it is, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simlib.study import findings
from simlib.study.results import Results

BESIDE = {
    "recovered": "  recovered for home funds, 100 million yuan",
    "fines": "  fines, which no fund has, 100 million yuan",
    "network_cost": "  cost of connecting institutions, 100 million yuan",
}
MONEY = {
    ("prepayment", "all"): "prepayments, 100 million yuan",
    ("use_cleared", "all"): "their use: cleared in the month, %",
    ("use_outstanding", "all"): "their use: paid out and not yet cleared, %",
    ("overdue", "all"): "clearing overdue, 100 million yuan",
    ("receivable_days", "all"): "hospitals wait, days",
    ("advanced_yuan_days", "all"): "advanced by patients, 100 million yuan-days",
    ("within", "all"): "in other cities of the province, 100 million yuan",
    ("local_care", "all"): "care at home (expected bills), 100 million yuan",
    ("months_payable", "scheme=employee"): "months payable, employee pools",
    ("months_payable", "scheme=resident"): "months payable, resident pools",
    ("pools_below_limit", "all"): "pools short of reserve",
}


def text(study: Results) -> str:
    """Return the headlines of every scenario as text; its tables are at most 120 columns wide."""
    return "\n\n".join("\n".join(_lines(one, one.facts)) for one in study)


def _lines(study: Results, f: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one scenario."""
    made = study.manifest
    yield f"{f['title']['en']}  {f['title']['zh']}"
    yield f"{f['question']['zh']}"
    yield f"{f['question']['en']}"
    drawn = f"{study.draws} draws, {made['people_drawn']:,} people a draw, seed {made['seed']}"
    yield f"Year {f['year']}, {drawn}. Item catalogues: {f['rests_on']['catalogues']}."
    if study.draws < findings.FEWEST_TO_NAME:
        yield f"Fewer than {findings.FEWEST_TO_NAME} draws: intervals are rough, no place or unknown is named."
    if made["pinned"]:
        yield f"Held fixed: {', '.join(f'{name} = {value}' for name, value in sorted(made['pinned'].items()))}"
    yield from _set_lines(f)
    yield ""
    where = (
        f"On the pairs and months it changes, {study.kind}"
        if f["group"].startswith("pairs=changed")
        else "It changes no pair; all inpatients"
    )
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
    yield from _money_lines(study, f)
    yield from _evidence_lines(f)


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


def _money_lines(study: Results, f: dict[str, Any]) -> Iterator[str]:
    """Yield what the ledger says; nothing where only what changes was drawn."""
    money = f["money"]
    if money is None:
        return
    about = f"The money in December {f['year']} (36 months: ledger.csv)"
    yield f"{about:<52}{'change':>10}   {'95 % interval':<20}{'from':>13}"
    for row in money["rows"]:
        words = MONEY[row["indicator"], row["group"]]
        yield f"  {words:<50}{row['change']:>+z10.2f}   {_range(row):<20}{row['baseline']:>13.2f}"
    met = "met" if money["more_pools_short"] <= money["most"] else "not met"
    known = study.manifest["pools_sha256"]
    share, most = money["more_pools_short"], 100 * money["most"]
    draws = f"{100 * share:.0f} % of" if study.draws >= 100 else f"{share * study.draws:.0f} of {study.draws}"
    yield f"  more pools short of reserve within 36 months: in {draws} draws (limit {most:.0f} %, {met})"
    pools = f"read from {next(iter(known))}" if known else "synthetic: only national balances are published"
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
