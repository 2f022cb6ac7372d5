"""One scenario of a finished run as those who decide ask of it: what changes, how likely, why, for what money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.amounts import AMOUNTS
from simlib.errors import BadInputError, did_you_mean, listed
from simlib.files.shapes import LAST_MONTH
from simlib.patients import areas
from simlib.simulation.solve import HISTORY
from simlib.study import experiment, headline, metrics
from simlib.study.experiment import finite
from simlib.study.folders import Folder
from simlib.terms import CHANNELS, FEN, KINDS, MONTHS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GOAL = 0.70
"""The inpatient direct settlement rate that policy aims at: the national goal for 2025 is 70 %."""
STEP_YUAN = 1e8
"""Cost and effect are compared per 100 million yuan."""

NOT_ALWAYS = ("network_cost", "running_cost", "recovered", "fines")
"""Metrics that a decision asks for and that not every run simulates: said to be missing where they are."""


@dataclass(frozen=True)
class Results:
    """One scenario of a finished run.

    Attributes
    ----------
    facts : its headline as written. before, after : amounts of the reference and of the scenario, (draw, group, half,
    amount), integers. groups : position of each group by its label. unknowns : those that the run uses, a row a draw.
    tables : the other tables of the folder, of this scenario, by name; none without a folder.
    """

    facts: dict[str, Any]
    place: areas.Place
    groups: dict[str, int]
    before: Ints
    after: Ints
    unknowns: pd.DataFrame
    curve: pd.DataFrame
    fit: pd.DataFrame
    manifest: dict[str, Any]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.before)

    @property
    def headline(self) -> str:
        """Label of the group that the answer is about."""
        return str(self.facts["group"])

    @property
    def kind(self) -> str:
        """Kind of care that the answer is about."""
        return self.headline.rsplit("=", 1)[1]

    def both(self, metric: str, group: str) -> tuple[Array, Array]:
        """Return a metric in each draw before and after, (draw,)."""
        at = self.groups[group]
        before, after = (metrics.metric(metric, side[:, at].sum(axis=1)) for side in (self.before, self.after))
        return before, after

    def amount(self, name: str, group: str) -> tuple[Array, Array]:
        """Return one counted amount in each draw before and after, visits or yuan, (draw,)."""
        scale = 1.0 if name.startswith(("visits", "first")) else FEN
        at, column = self.groups[group], AMOUNTS.index(name)
        before, after = (side[:, at, :, column].sum(axis=1) / scale for side in (self.before, self.after))
        return before, after

    def places(self, side: str) -> list[tuple[int, str]]:
        """Return the homes or hosts of the changed pairs: position and label of the group."""
        start = f"pairs=changed;{side}="
        found = [label for label in self.groups if label.startswith(start)]
        return [(self.place.index(label[len(start) :].split(";")[0]), label) for label in found]


def load(folder: Folder, name: str | None = None) -> Results:
    """Return one scenario of a run folder.

    Raises
    ------
    BadInputError : no scenario of this name, or several and none named.
    """
    known = {str(one["scenario"]): one for one in folder.headlines}
    if name is None and len(known) > 1:
        raise BadInputError(f"{folder.path}: holds {len(known)} scenarios. Add --scenario, one of {listed(known)}.")
    chosen = name or next(iter(known))
    if chosen not in known:
        raise BadInputError(f"--scenario {chosen}: not in {folder.path}. {did_you_mean(chosen, known)}")
    rows = folder.tables["metrics.parquet"]
    rows = rows[rows.scenario == chosen]
    labels = list(dict.fromkeys(rows.group))
    shape = (folder.manifest["draws"], len(labels), 2, len(AMOUNTS))
    before, after = (
        rows[rows.side == side][list(AMOUNTS)].to_numpy(dtype=np.int64).reshape(shape)
        for side in ("reference", "scenario")
    )
    curve = folder.tables["attention.csv"]
    return Results(
        known[chosen],
        areas.load(str(known[chosen]["geography"])),
        {label: i for i, label in enumerate(labels)},
        before,
        after,
        folder.tables["unknowns.csv"].drop(columns=["draw", *known[chosen]["unused"]]),
        curve[curve.scenario == chosen].drop(columns="scenario"),
        folder.tables["fit.csv"],
        folder.manifest,
        {table: of[of.scenario == chosen] if "scenario" in of else of for table, of in folder.tables.items()},
    )


def of_runs(runs: experiment.Runs, curve: pd.DataFrame) -> Results:
    """Return what runs of one scenario say of the pairs and months that it changes, without a folder.

    Of the whole country nothing is said: it need not have been drawn. `curve` may be empty.
    """
    (pairing,) = runs.pairings
    changed = [i for i, group in enumerate(pairing.groups) if group.changed]
    before, after = (side[:, changed] for side in (pairing.before, pairing.after))
    labels = {pairing.groups[i].label(runs.place): at for at, i in enumerate(changed)}
    told = {"seed": runs.seed, "pinned": runs.pin}
    facts = headline.facts(runs, pairing, curve)
    used = runs.unknowns.drop(columns=facts["unused"])
    return Results(facts, runs.place, labels, before, after, used, curve, pd.DataFrame(), told)


def spread(values: Array, name: str) -> dict[str, float]:
    """Return mean and 95 % interval over the draws that have a value, as columns name, name_low, name_high.

    >>> spread(np.array([1.0, 3.0]), "x")["x"]
    2.0
    """
    found = experiment.spread(finite(values), float("nan"))
    return {name: found["change"], f"{name}_low": found["low"], f"{name}_high": found["high"]}


def relative(answer: Results, group: str) -> Array:
    """Return the change of a group's fund payment in percent of the reference, (draw,); NaN where that is 0."""
    before, after = answer.both("fund_payment", group)
    return np.asarray(100 * (after / np.where(before > 0, before, np.nan) - 1))


def difference(answer: Results, metric: str, group: str) -> Array:
    """Return the change of a metric, (draw,)."""
    before, after = answer.both(metric, group)
    return after - before


def months(answer: Results) -> tuple[str, str] | None:
    """Return the first and last month of the scenario's year in which anything is set, None if it is never."""
    year = answer.facts["year"]
    found = [
        f"{year}-{m + 1:02}"
        for m in range(MONTHS)
        if any(one["from"] <= f"{year}-{m + 1:02}" <= (one["to"] or LAST_MONTH) for one in answer.facts["sets"])
    ]
    return (found[0], found[-1]) if found else None


def bounded(answer: Results) -> bool:
    """Return whether the rate rises all the way to where every patient is attentive: that end is an upper bound."""
    points = answer.facts["rate_curve_points"]
    changes, last = [point["change"] for point in points], points[-1]
    return None not in changes and bool(last["attention"] == 1 and 0 < last["change"] == max(changes))


def billed(answer: Results) -> bool:
    """Return whether hospitals bill another amount for the headline group's care, in any draw."""
    at, bills = answer.groups[answer.headline], [AMOUNTS.index(f"bill_{way}") for way in CHANNELS]
    before, after = (side[:, at][..., bills].sum(axis=(1, 2)) for side in (answer.before, answer.after))
    return bool((before != after).any())


def agreement(answer: Results) -> tuple[int, int]:
    """Return in how many draws the fund effect has the sign of its mean, and of how many."""
    change = difference(answer, "fund_payment", answer.headline)
    return int((np.sign(change) == np.sign(change.mean())).sum()), answer.draws


def by_kind(answer: Results) -> pd.DataFrame:
    """Return the effect on the changed pairs by kind of care, and on the headline's kind in the whole country.

    Columns: group, base_yuan, yuan, fund (percent), rate_base, rate (both shares), advanced (yuan), own (yuan), each
    change with _low and _high.
    """
    labels = [f"pairs=changed;kind={kind}" for kind in KINDS] + [f"kind={answer.kind}"]
    rows = []
    for label in (one for one in labels if one in answer.groups):
        payment, _ = answer.both("fund_payment", label)
        rate, _ = answer.both("direct_settlement_rate", label)
        row: dict[str, Any] = {"group": label, "base_yuan": float(payment.mean())}
        row |= {"rate_base": float(finite(rate).mean()) if finite(rate).size else float("nan")}
        row |= spread(difference(answer, "fund_payment", label), "yuan") | spread(relative(answer, label), "fund")
        row |= spread(difference(answer, "direct_settlement_rate", label), "rate")
        row |= spread(difference(answer, "advanced_by_patients", label), "advanced")
        row |= spread(difference(answer, "own_payment", label), "own")
        rows.append(row)
    return pd.DataFrame(rows)


def goal(answer: Results) -> pd.DataFrame:
    """Return how likely the inpatient rate of the run's year reaches `GOAL`, as a share of the draws.

    Columns: group, metric, rate_before, rate_after (means), chance_before, chance_after. By both definitions of the
    rate: with abandoned cases, and without, as published counts have it.
    """
    rows = []
    for label in ("pairs=changed;kind=inpatient", "kind=inpatient"):
        for metric in ("direct_settlement_rate", "direct_settlement_rate_official"):
            if label in answer.groups:
                before, after = (finite(values) for values in answer.both(metric, label))
                means, chances = (
                    [float(v.mean()) for v in (before, after)],
                    [float((v >= GOAL).mean()) for v in (before, after)],
                )
                rows.append((label, metric, *means, *chances))
    return pd.DataFrame(rows, columns=["group", "metric", "rate_before", "rate_after", "chance_before", "chance_after"])


def years(answer: Results) -> pd.DataFrame:
    """Return the inpatient rate of the country without the scenario, with the institutions connected in each year.

    Columns: year, rate (mean over draws) with _low and _high, chance (share of draws that reach `GOAL`), published
    (whether the institutions are, else extrapolated). Of cases settled at all, as published counts have it; nothing but
    the network moves: all else is as in 2023.
    """
    table = answer.tables.get("years.csv", pd.DataFrame({"year": [], "rate": []}))
    rows = [
        {"year": int(str(year))}
        | spread(of.to_numpy(), "rate")
        | {"chance": float((of >= GOAL).mean())}
        | {"published": int(str(year)) <= HISTORY[-1]}
        for year, of in table.groupby("year")["rate"]
    ]
    return pd.DataFrame(rows)


def gains(answer: Results) -> pd.DataFrame:
    """Return gains, costs and risks of the headline group in one table: whatever metrics the run has.

    Columns: item (a metric, `volume`, or what is not simulated), unit, base (without the scenario), change with _low
    and _high, told (whether it is simulated). `volume` is what funds pay for more or fewer cases, of all kinds of care.
    """
    columns = {"metric": "item", "baseline": "base", "low": "change_low", "high": "change_high"}
    effects = answer.tables["effects.csv"]
    of_group = effects[effects["group"] == answer.headline].rename(columns=columns)
    parts = answer.tables["fund_effects.csv"]
    volume = parts[(parts["home"] == "all") & (parts["part"] == "volume")].rename(columns=columns)
    rows = pd.concat([of_group, volume.assign(item="volume")], ignore_index=True).assign(told=True)
    missing = [{"item": name, "told": False} for name in NOT_ALWAYS if name not in set(rows["item"])]
    table = pd.concat([rows, pd.DataFrame(missing)], ignore_index=True) if missing else rows
    return table[["item", "unit", "base", "change", "change_low", "change_high", "told"]]


def measures(answer: Results) -> pd.DataFrame:
    """Return what each measure of a package did, then all together; empty unless the run was split among them.

    Columns: title_zh, title_en, fund (Shapley value of fund payment, yuan, of all care that is changed), alone (what
    the measure does without the others, yuan), rate (Shapley value of the rate of the headline's kind, a share), each
    with _low and _high.
    """
    table = answer.tables.get("measures.csv", pd.DataFrame())
    if table.empty:
        return table
    fund, rate = (table[table["metric"] == metric] for metric in ("fund_payment", "direct_settlement_rate"))
    fund = fund[fund["group"] == fund["group"].iloc[0]].reset_index(drop=True)
    rate = rate[rate["group"] == answer.headline].reset_index(drop=True)
    found = fund[["title_zh", "title_en"]]
    for name, of, column in (("fund", fund, "shapley"), ("alone", fund, "alone"), ("rate", rate, "shapley")):
        ends = ("low", "high") if column == "shapley" else ("alone_low", "alone_high")
        named = dict(zip((column, *ends), (name, f"{name}_low", f"{name}_high"), strict=True))
        found = found.join(of[list(named)].rename(columns=named))
    return pd.DataFrame(found)


def streams(answer: Results) -> pd.DataFrame:
    """Return who pays for the headline group's care and how it is settled, after the change, for `maps.streams`.

    Columns: home (fund or patient), host (direct, claimed, abandoned), value (yuan, mean over draws), host_low,
    host_high (95 % interval of a way's bills).
    """
    rows = []
    for way in CHANNELS:
        bills = answer.amount(f"bill_{way}", answer.headline)[1]
        fund = answer.amount(f"fund_{way}", answer.headline)[1] if way != "abandoned" else np.zeros(answer.draws)
        ends = {key.replace("_", "host_"): value for key, value in spread(bills, "").items() if key}
        for payer, paid in (("fund", fund), ("patient", bills - fund)):
            rows.append({"home": payer, "host": way, "value": float(paid.mean())} | ends)
    return pd.DataFrame(rows).sort_values("home", kind="stable", ignore_index=True)


def gap(answer: Results) -> pd.DataFrame:
    """Return some thousand inpatients of one pair in one draw, see `findings.gaps`; empty if there are none."""
    return answer.tables.get("gaps.csv", pd.DataFrame())


def gap_shares(answer: Results) -> pd.DataFrame:
    """Return which way pays more for these inpatients, before and after: columns side, claim, equal, direct, mean."""
    rows = []
    for side, of in gap(answer).groupby("side", sort=False)["gap_yuan"]:
        shares = {"claim": (of < 0).mean(), "equal": (of == 0).mean(), "direct": (of > 0).mean()}
        rows.append(
            {"side": side} | {name: float(share) for name, share in shares.items()} | {"mean": float(of.mean())}
        )
    return pd.DataFrame(rows)


def funnel(answer: Results) -> pd.DataFrame:
    """Return what each condition leaves of the headline group's cases, as `plots.funnel` draws it."""
    table = answer.tables.get("funnel.csv", pd.DataFrame({"group": [], "by": [], "part": []}))
    of = table[(table["group"] == answer.headline) & (table["by"] == "count") & (table["part"] == "stage")]
    if answer.kind != "chronic":  # every other kind is listed
        of = of[of["row"] != "listed"] if len(of) else of
    return of


def causes(answer: Results) -> pd.DataFrame:
    """Return what became of the headline group's cases, shares of all of them before and after.

    Columns: cause (direct, then each first cause of not direct that occurs, as `loop.AMOUNTS` names it), before,
    after, each with _low and _high. They add up to 1. Empty if no case was drawn.
    """
    group = answer.headline
    ways = np.stack([answer.amount(f"visits_{way}", group) for way in CHANNELS])
    cases = ways.sum(axis=0)
    if not (cases > 0).all():
        return pd.DataFrame()
    rows = [{"cause": "direct"} | _beside(ways[0] / cases)]
    for name in (one for one in AMOUNTS if one.startswith("first_")):
        shares = np.stack(answer.amount(name, group)) / cases
        if shares.any():
            rows.append({"cause": name} | _beside(shares))
    return pd.DataFrame(rows)


def _beside(sides: Array) -> dict[str, float]:
    """Return mean and interval of shares before and after, (2, draw)."""
    return spread(sides[0], "before") | spread(sides[1], "after")


def origins(answer: Results) -> pd.DataFrame:
    """Return where the change of fund payment of the headline group comes from, and who bears what, yuan.

    Rows: newly (what funds pay on cases that were abandoned before, at the price of a claim), richer (the rest: a
    better price of cases that were paid for before), fund (both), own (what patients bear), advanced (what patients pay
    in advance until a claim is paid). Where no case stops being abandoned nothing is newly paid.
    """
    group = answer.headline
    change = difference(answer, "fund_payment", group)
    owed, abandoned = (np.subtract(*answer.amount(name, group)) for name in ("owed_abandoned", "visits_abandoned"))
    newly = np.where(abandoned != 0, owed, 0.0)
    values = {
        "newly": newly,
        "richer": change - newly,
        "fund": change,
        "own": difference(answer, "own_payment", group),
        "advanced": difference(answer, "advanced_by_patients", group),
    }
    return pd.DataFrame([{"origin": name} | spread(of, "yuan") for name, of in values.items()])


def parts(answer: Results) -> pd.DataFrame:
    """Return the parts of what all pools pay out more in the year, see `indicators.effects`: part, yuan, its interval.

    What is diverted from home is no part of the sum, and left out where nothing is.
    """
    table = answer.tables.get("fund_effects.csv", pd.DataFrame({"home": [], "part": []}))
    of = table[table["home"] == "all"].rename(columns={"change": "yuan", "low": "yuan_low", "high": "yuan_high"})
    still = (of["part"] == "diverted_from_home") & (of.filter(like="yuan") == 0).all(axis=1)
    return of[~still].reset_index(drop=True)


def worth(answer: Results) -> pd.DataFrame:
    """Return points of rate gained per 100 million yuan of fund payment: columns group, worth, worth_low, worth_high.

    The ratio is taken in each draw. A group in which the fund effect is not above 0 in every draw has no row.
    """
    rows = []
    for label in dict.fromkeys((answer.headline, f"kind={answer.kind}")):
        yuan, rate = (difference(answer, name, label) for name in ("fund_payment", "direct_settlement_rate"))
        if (yuan > 0).all():
            rows.append({"group": label} | spread(100 * rate / (yuan / STEP_YUAN), "worth"))
    return pd.DataFrame(rows, columns=["group", "worth", "worth_low", "worth_high"])
