"""One scenario of a run as those who decide ask of it: what changes, how likely, why, for what money."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.amounts import AMOUNTS
from simlib.files.shapes import LAST_MONTH
from simlib.simulation.years import HISTORY
from simlib.study import metrics
from simlib.study.effects import around, difference, finite, relative
from simlib.study.results import Results
from simlib.terms import CHANNELS, KINDS, MONTHS

Array = npt.NDArray[np.float64]

GOAL = 0.70
"""The inpatient direct settlement rate that policy aims at: the national goal for 2025 is 70 %."""
STEP_YUAN = 1e8
"""Cost and effect are compared per 100 million yuan."""

NOT_ALWAYS = ("network_cost", "running_cost", "recovered", "fines")
"""Metrics that a decision asks for and that not every run simulates: said to be missing where they are."""


def months(study: Results) -> tuple[str, str] | None:
    """Return the first and last month of the scenario's year in which anything is set, None if it is never."""
    year = study.facts["year"]
    found = [
        f"{year}-{m + 1:02}"
        for m in range(MONTHS)
        if any(one["from"] <= f"{year}-{m + 1:02}" <= (one["to"] or LAST_MONTH) for one in study.facts["sets"])
    ]
    return (found[0], found[-1]) if found else None


def bounded(study: Results) -> bool:
    """Return whether the rate rises all the way to where every patient is attentive: that end is an upper bound."""
    points = study.facts["rate_curve_points"]
    changes, last = [point["change"] for point in points], points[-1]
    return None not in changes and bool(last["attention"] == 1 and 0 < last["change"] == max(changes))


def billed(study: Results) -> bool:
    """Return whether hospitals bill another amount for the headline group's care, in any draw."""
    at, bills = study.amounts.groups[study.headline], [AMOUNTS.index(f"bill_{way}") for way in CHANNELS]
    before, after = (side[:, at][..., bills].sum(axis=(1, 2)) for side in (study.amounts.before, study.amounts.after))
    return bool((before != after).any())


def agreement(study: Results) -> tuple[int, int]:
    """Return in how many draws the fund effect has the sign of its mean, and of how many."""
    change = difference(study.amounts, "fund_payment", study.headline)
    return int((np.sign(change) == np.sign(change.mean())).sum()), study.draws


def by_kind(study: Results) -> pd.DataFrame:
    """Return the effect on the changed pairs by kind of care, and on the headline's kind in the whole country.

    Columns: group, base_yuan, yuan, fund (percent), rate_base, rate (both shares), advanced (yuan), own (yuan), each
    change with _low and _high.
    """
    labels = [f"pairs=changed;kind={kind}" for kind in KINDS] + [f"kind={study.kind}"]
    rows = []
    for label in (one for one in labels if one in study.amounts.groups):
        payment, _ = study.amounts.both("fund_payment", label)
        rate, _ = study.amounts.both(metrics.RATE, label)
        row: dict[str, Any] = {"group": label, "base_yuan": float(payment.mean())}
        row |= {"rate_base": float(finite(rate).mean()) if finite(rate).size else float("nan")}
        row |= around(difference(study.amounts, "fund_payment", label), "yuan")
        row |= around(relative(study.amounts, "fund_payment", label), "fund")
        row |= around(difference(study.amounts, metrics.RATE, label), "rate")
        row |= around(difference(study.amounts, "advanced_by_patients", label), "advanced")
        row |= around(difference(study.amounts, "own_payment", label), "own")
        rows.append(row)
    return pd.DataFrame(rows)


def goal(study: Results) -> pd.DataFrame:
    """Return how likely the inpatient rate of the run's year reaches `GOAL`, as a share of the draws.

    Columns: group, metric, rate_before, rate_after (means), chance_before, chance_after. By both definitions of the
    rate: as published counts have it, and with abandoned cases.
    """
    rows = []
    for label in ("pairs=changed;kind=inpatient", "kind=inpatient"):
        for metric in (metrics.RATE, "direct_settlement_rate"):
            if label in study.amounts.groups:
                before, after = (finite(values) for values in study.amounts.both(metric, label))
                means, chances = (
                    [float(v.mean()) for v in (before, after)],
                    [float((v >= GOAL).mean()) for v in (before, after)],
                )
                rows.append((label, metric, *means, *chances))
    return pd.DataFrame(rows, columns=["group", "metric", "rate_before", "rate_after", "chance_before", "chance_after"])


def years(study: Results) -> pd.DataFrame:
    """Return the inpatient rate of the country without the scenario in each year.

    Columns: year, rate (mean over draws) with _low and _high, chance (share of draws that reach `GOAL`), published
    (whether the institutions are, else extrapolated). Of cases settled at all, as published counts have it; nothing but
    the network moves: all else is as in 2023.
    """
    table = study.table("years.csv")
    rows = [
        {"year": int(str(year))}
        | around(of.to_numpy(), "rate")
        | {"chance": float((of >= GOAL).mean())}
        | {"published": int(str(year)) <= HISTORY[-1]}
        for year, of in table.groupby("year")["rate"]
    ]
    return pd.DataFrame(rows)


def gains(study: Results) -> pd.DataFrame:
    """Return gains, costs and risks of the headline group in one table: whatever metrics the run has.

    Columns: item (a metric, `volume`, or what is not simulated), unit, base (without the scenario), change with _low
    and _high, told (whether it is simulated). `volume` is what funds pay for more or fewer cases, of all kinds of care.
    """
    columns = {"metric": "item", "baseline": "base", "low": "change_low", "high": "change_high"}
    effects = study.table("effects.csv")
    of_group = effects[effects["group"] == study.headline].rename(columns=columns)
    parts = study.table("fund_effects.csv")
    volume = parts[(parts["home"] == "all") & (parts["part"] == "volume")].rename(columns=columns)
    rows = pd.concat([of_group, volume.assign(item="volume")], ignore_index=True).assign(told=True)
    missing = [{"item": name, "told": False} for name in NOT_ALWAYS if name not in set(rows["item"])]
    table = pd.concat([rows, pd.DataFrame(missing)], ignore_index=True) if missing else rows
    return table[["item", "unit", "base", "change", "change_low", "change_high", "told"]]


def measures(study: Results) -> pd.DataFrame:
    """Return what each measure of a package did, then all together; empty unless the run was split among them.

    Columns: title_zh, title_en, fund (Shapley value of fund payment, yuan, of all care that is changed), alone (what
    the measure does without the others, yuan), rate (Shapley value of the rate of the headline's kind, a share), each
    with _low and _high.
    """
    table = study.table("measures.csv")
    if table.empty:
        return table
    fund, rate = (table[table["metric"] == metric] for metric in ("fund_payment", metrics.RATE))
    fund = fund[fund["group"] == fund["group"].iloc[0]].reset_index(drop=True)
    rate = rate[rate["group"] == study.headline].reset_index(drop=True)
    found = fund[["title_zh", "title_en"]]
    for name, of, column in (("fund", fund, "shapley"), ("alone", fund, "alone"), ("rate", rate, "shapley")):
        ends = ("low", "high") if column == "shapley" else ("alone_low", "alone_high")
        named = dict(zip((column, *ends), (name, f"{name}_low", f"{name}_high"), strict=True))
        found = found.join(of[list(named)].rename(columns=named))
    return pd.DataFrame(found)


def streams(study: Results) -> pd.DataFrame:
    """Return who pays for the headline group's care and how it is settled, after the change, for `maps.streams`.

    Columns: home (fund or patient), host (direct, claimed, abandoned), value (yuan, mean over draws), host_low,
    host_high (95 % interval of a way's bills).
    """
    rows = []
    for way in CHANNELS:
        bills = study.amounts.counted(f"bill_{way}", study.headline)[1]
        fund = study.amounts.counted(f"fund_{way}", study.headline)[1] if way != "abandoned" else np.zeros(study.draws)
        ends = {key.replace("_", "host_"): value for key, value in around(bills, "").items() if key}
        for payer, paid in (("fund", fund), ("patient", bills - fund)):
            rows.append({"home": payer, "host": way, "value": float(paid.mean())} | ends)
    return pd.DataFrame(rows).sort_values("home", kind="stable", ignore_index=True)


def gap(study: Results) -> pd.DataFrame:
    """Return some thousand inpatients of one pair in one draw, see `findings.gaps`; empty if there are none."""
    return study.table("gaps.csv")


def gap_shares(study: Results) -> pd.DataFrame:
    """Return which way pays more for these inpatients, before and after: columns side, claim, equal, direct, mean."""
    rows = []
    for side, of in gap(study).groupby("side", sort=False)["gap_yuan"]:
        shares = {"claim": (of < 0).mean(), "equal": (of == 0).mean(), "direct": (of > 0).mean()}
        rows.append(
            {"side": side} | {name: float(share) for name, share in shares.items()} | {"mean": float(of.mean())}
        )
    return pd.DataFrame(rows)


def funnel(study: Results) -> pd.DataFrame:
    """Return what each condition leaves of the headline group's cases, as `plots.funnel` draws it."""
    table = study.table("funnel.csv")
    of = table[(table["group"] == study.headline) & (table["by"] == "count") & (table["part"] == "stage")]
    if study.kind != "chronic":  # every other kind is listed
        of = of[of["row"] != "listed"] if len(of) else of
    return of


def causes(study: Results) -> pd.DataFrame:
    """Return what became of the headline group's cases, shares of all of them before and after.

    Columns: cause (direct, then each first cause of not direct that occurs, as `loop.AMOUNTS` names it), before,
    after, each with _low and _high. They add up to 1. Empty if no case was drawn.
    """
    group = study.headline
    ways = np.stack([study.amounts.counted(f"visits_{way}", group) for way in CHANNELS])
    cases = ways.sum(axis=0)
    if not (cases > 0).all():
        return pd.DataFrame()
    rows = [{"cause": "direct"} | _beside(ways[0] / cases)]
    for name in (one for one in AMOUNTS if one.startswith("first_")):
        shares = np.stack(study.amounts.counted(name, group)) / cases
        if shares.any():
            rows.append({"cause": name} | _beside(shares))
    return pd.DataFrame(rows)


def _beside(sides: Array) -> dict[str, float]:
    """Return mean and interval of shares before and after, (2, draw)."""
    return around(sides[0], "before") | around(sides[1], "after")


def origins(study: Results) -> pd.DataFrame:
    """Return where the change of fund payment of the headline group comes from, and who bears what, yuan.

    Rows: newly (what funds pay on cases that were abandoned before, at the price of a claim), richer (the rest: a
    better price of cases that were paid for before), fund (both), own (what patients bear), advanced (what patients pay
    in advance until a claim is paid). Where no case stops being abandoned nothing is newly paid.
    """
    group = study.headline
    change = difference(study.amounts, "fund_payment", group)
    owed, abandoned = (
        np.subtract(*study.amounts.counted(name, group)) for name in ("owed_abandoned", "visits_abandoned")
    )
    newly = np.where(abandoned != 0, owed, 0.0)
    values = {
        "newly": newly,
        "richer": change - newly,
        "fund": change,
        "own": difference(study.amounts, "own_payment", group),
        "advanced": difference(study.amounts, "advanced_by_patients", group),
    }
    return pd.DataFrame([{"origin": name} | around(of, "yuan") for name, of in values.items()])


def parts(study: Results) -> pd.DataFrame:
    """Return the parts of what all pools pay out more in the year, see `indicators.effects`: part, yuan, its interval.

    What is diverted from home is no part of the sum, and left out where nothing is.
    """
    table = study.table("fund_effects.csv")
    of = table[table["home"] == "all"].rename(columns={"change": "yuan", "low": "yuan_low", "high": "yuan_high"})
    still = (of["part"] == "diverted_from_home") & (of.filter(like="yuan") == 0).all(axis=1)
    return of[~still].reset_index(drop=True)


def worth(study: Results) -> pd.DataFrame:
    """Return points of rate gained per 100 million yuan of fund payment: columns group, worth, worth_low, worth_high.

    The ratio is taken in each draw. A group in which the fund effect is not above 0 in every draw has no row.
    """
    rows = []
    for label in dict.fromkeys((study.headline, f"kind={study.kind}")):
        yuan, rate = (difference(study.amounts, name, label) for name in ("fund_payment", metrics.RATE))
        if (yuan > 0).all():
            rows.append({"group": label} | around(100 * rate / (yuan / STEP_YUAN), "worth"))
    return pd.DataFrame(rows, columns=["group", "worth", "worth_low", "worth_high"])
