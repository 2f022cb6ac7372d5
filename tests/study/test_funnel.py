"""The funnel: stages that only shrink, causes that add up, and a league table that names no host without reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib.amounts import AMOUNTS, CAUSES, CONDITIONS
from simlib.errors import BadInputError
from simlib.patients import areas
from simlib.quantities import levers
from simlib.scenario import checks, scenario
from simlib.scenario.change import Change
from simlib.scenario.scenario import Scenario
from simlib.study import experiment, funnel, results
from simlib.terms import INPATIENT, TIERS

ROOT = Path(__file__).parents[2]
NAMES = ("outage_month", "code_unification")


@pytest.fixture(scope="module")
def runs() -> experiment.Runs:
    scenarios = [scenario.load(ROOT / "scenarios" / f"{name}.yaml") for name in NAMES]
    return experiment.repeat(scenarios, draws=3, seed=3, people=20_000)


@pytest.fixture(scope="module")
def table(runs: experiment.Runs) -> pd.DataFrame:
    return funnel.table(runs)


def wide(table: pd.DataFrame, part: str, column: str) -> pd.DataFrame:
    """Return a column by scenario, group of all homes, hosts and tiers, and count or value, a column a row."""
    table = table[~table.group.str.contains("home=|host=|tier=")]
    return table[table.part == part].pivot(index=["scenario", "group", "by"], columns="row", values=column)


@pytest.mark.parametrize("side", ["baseline", "value"])
def test_causes_and_direct_are_all_cases(table: pd.DataFrame, side: str) -> None:
    first, stage, channel = (wide(table, part, side) for part in ("first", "stage", "channel"))
    np.testing.assert_allclose(first[list(CAUSES)].sum(axis=1) + stage["direct"], 1, atol=1e-12)
    np.testing.assert_allclose(channel.sum(axis=1) + first["choice"] + stage["direct"], 1, atol=1e-12)
    assert (np.diff(stage[list(funnel.STAGES)], axis=1) <= 1e-12).all()
    pivotal = wide(table, "pivotal", side)
    assert (pivotal[list(CONDITIONS)] <= first[list(CONDITIONS)] + 1e-12).all(axis=None)


def test_the_last_stage_is_the_direct_settlement_rate(table: pd.DataFrame, runs: experiment.Runs) -> None:
    effects = results.of_runs(runs).effects.set_index(["scenario", "group", "metric"])
    for by, metric in (("count", "direct_settlement_rate"), ("value", "direct_settlement_rate_value")):
        rows = table[(table.by == by) & (table.row == "direct") & ~table.group.str.contains("tier=")]
        for row in rows.itertuples():
            published = effects.loc[(row.scenario, row.group, metric)]
            assert (row.baseline, row.value, row.change) == pytest.approx(
                (published.baseline, published.value, published.change)
            )


def test_both_rates_are_told_by_count_and_by_value(table: pd.DataFrame, runs: experiment.Runs) -> None:
    effects = results.of_runs(runs).effects.set_index(["scenario", "group", "metric"])
    found = table[(table.part == "rate") & (table.row == "official")]
    assert set(found.by) == {"count", "value"} and found.basis.str.contains("inferred").all()
    for row in found[found.by == "count"].itertuples():
        published = effects.loc[(row.scenario, row.group, "direct_settlement_rate_official")]
        assert (row.baseline, row.change) == pytest.approx((published.baseline, published.change))
    amounts = runs.amounts(0)
    after = amounts.after[:, amounts.groups["kind=inpatient"]].sum(axis=1)
    a = dict(zip(AMOUNTS, np.moveaxis(after, -1, 0), strict=True))
    by_value = found[(found.by == "value") & (found.group == "kind=inpatient") & (found.scenario == NAMES[0])]
    rate = (a["bill_direct"] / (a["bill_direct"] + a["bill_claimed"])).mean()
    assert by_value.value.item() == pytest.approx(rate)


def test_one_code_opens_one_condition(table: pd.DataFrame) -> None:
    rows = table[(table.scenario == "code_unification") & (table.part == "first") & (table.by == "count")]
    change = rows[rows.group == "kind=inpatient"].set_index("row").change
    assert change["not_coded"] < 0 <= change["choice"]
    assert (change[["not_networked", "not_listed", "not_filed", "not_up"]] == 0).all()


def test_every_row_says_what_it_rests_on(table: pd.DataFrame) -> None:
    assert table.basis.str.len().min() > 0
    causes = table[(table.part == "first") & ~table.row.isin(["choice", "not_listed", "not_up"])]
    assert causes.basis.str.startswith("prior").all()


def test_an_outage_shows_in_the_league_table_only_where_it_was(runs: experiment.Runs) -> None:
    every = funnel.league(runs, 0)
    league = every[every.tier == "all"].set_index("label")
    assert league.value["Shanghai"] > league.before["Shanghai"]
    others = league.drop("Shanghai")
    assert (others.value == others.before).all()
    assert not league.named.any()  # of three draws none can be told apart
    assert (league.low <= league.value).all() and (league.value <= league.high).all()


@pytest.mark.parametrize("number", [0, 1])
def test_hosts_and_tiers_of_the_league_table_add_up(runs: experiment.Runs, number: int) -> None:
    """Cases and faults of the tiers are those of the host; of all hosts those of the country."""
    league = funnel.league(runs, number)
    assert set(league.tier) == {"all", "1", "2", "3"} and list(league.tier[:4]) == ["all", "1", "2", "3"]
    cases = league.pivot(index="code", columns="tier", values="cases")
    np.testing.assert_allclose(cases[["1", "2", "3"]].sum(axis=1), cases["all"])
    amounts = runs.amounts(number)
    everyone = amounts.before[:, amounts.groups["kind=inpatient"]].sum(axis=1)
    whole = funnel.rows(everyone, "count")
    assert cases["all"].sum() == pytest.approx(whole["stage.all"].mean())
    tiers = funnel.by_tier(runs, number)[:, 0].sum(axis=(1, 2))
    assert (tiers[:, :9] == everyone[:, :9]).all()
    assert (funnel.rows(tiers, "count")["faults.not_mended"] == whole["faults.not_mended"]).all()
    by_host = league[league.tier == "all"]
    assert list(by_host.value) == sorted(by_host.value, reverse=True)


def setting(lever: str, value: bool | float, **where: tuple[str, ...]) -> Scenario:
    """Return a scenario of 2024 that sets one lever from July on."""
    root = scenario.reference(scenario.load(ROOT / "scenarios" / "delta_mutual_recognition.yaml"))
    change = Change.model_validate({"from": "2024-07", "where": where, "set": ((lever, value),)})
    return root.model_copy(update={"name": "x", "year": 2024, "changes": (change,), "parent": root})


@pytest.mark.parametrize(
    ("lever", "value", "where", "cause", "axes"),
    [
        ("network.connected", 1.0, {"host": ("上海",)}, "not_networked", {"host", "month"}),
        ("network.connected.tier1", 1.0, {}, "not_networked", {"tier", "month"}),
        ("codes.unified", 1.0, {"home": ("安徽",)}, "not_coded", {"home", "month"}),
        ("platform.outage", 0.5, {"home": ("安徽",), "host": ("上海",)}, "not_up", {"home", "host", "month"}),
        ("codes.unified", 0.0, {"home": ("安徽",)}, "not_coded", set()),
    ],
)
def test_a_cause_differs_where_a_lever_does(
    lever: str, value: float, where: dict[str, tuple[str, ...]], cause: str, axes: set[str]
) -> None:
    of = setting(lever, value, **where)
    found = {axis: names for (of_cause, axis), names in checks.differing(of, INPATIENT).items() if of_cause == cause}
    assert set(found) == axes and all(names == (lever,) for names in found.values())
    assert checks.set_for(of) == {cause: (lever,)}


def test_every_lever_of_care_acts_on_a_cause_but_supervision() -> None:
    idle = [name for name, lever in levers().items() if lever.kinds and not checks.acts_on(name)]
    assert idle == ["supervision.detected"]


def test_a_cause_is_told_of_a_home_or_host_only_where_an_input_differs_and_that_is_named(table: pd.DataFrame) -> None:
    assert (table.loc[table.group.str.contains("home=|host=|tier="), "input"] != "").all()
    parts = table[table.part.isin(["first", "pivotal"]) & (table.scenario == "outage_month")]
    told = {side: set(parts[parts.group.str.contains(f"{side}=")].row) for side in ("home", "host", "tier")}
    assert told == {"home": {"not_filed", "choice"}, "host": {"not_filed", "not_up", "choice"}, "tier": {"choice"}}
    up = parts[(parts.group == "host=310000;kind=inpatient") & (parts.row == "not_up") & (parts.by == "count")]
    assert list(up.input) == ["platform.outage"] * 2
    changed = table[(table.scenario == "code_unification") & (table.group == "pairs=changed;kind=inpatient")]
    assert set(changed[changed.row == "not_coded"].input) == {"codes.unified"}
    assert set(changed[changed.row == "not_filed"].input) == {""}
    assert set(table[table.row == "not_networked"].group.str.contains("home=|host=|tier=")) == {False}


def test_the_rates_by_tier_are_those_of_the_tier(table: pd.DataFrame, runs: experiment.Runs) -> None:
    tiers = table[(table.scenario == "code_unification") & table.group.str.match("kind=inpatient;tier=")]
    rate = tiers[tiers.row == "direct"].set_index("group").value
    all_cases = tiers[(tiers.part == "stage") & (tiers.row == "all")].set_index("group").amount
    assert len(rate) == len(TIERS) and (all_cases > 0).all()
    whole = table[(table.scenario == "code_unification") & (table.group == "kind=inpatient") & (table.by == "count")]
    assert all_cases.sum() == pytest.approx(whole[(whole.part == "stage") & (whole.row == "all")].amount.iloc[0])


def test_connecting_one_tier_is_told_of_that_tier() -> None:
    of = setting("network.connected.tier3", 1.0)
    found = funnel.table(experiment.repeat([of], draws=2, seed=3, people=20_000))
    shut = found[
        (found.row == "not_networked") & (found.part == "first") & found.group.str.startswith("kind=inpatient;")
    ]
    shut = shut.set_index("group")
    assert set(shut.input) == {"network.connected.tier3"}
    assert shut.change["kind=inpatient;tier=3"] < 0 == shut.change["kind=inpatient;tier=1"]
    told = found[found.row.isin(CAUSES)]
    assert set(told[told.group.str.contains("tier=")].part) == {"first"}  # what is pivotal is not counted by tier
    assert set(told[~told.group.str.contains("home=|host=|tier=")].part) == {"first", "pivotal"}
    assert found[["baseline", "value", "change"]].notna().all(axis=None)


def test_an_outage_is_told_by_month_and_only_in_its_own() -> None:
    of = scenario.load(ROOT / "scenarios" / "outage_month.yaml")
    found = funnel.by_month(of, draws=2, seed=3)
    first = found[(found.part == "first") & (found.by == "count")]
    assert set(first.row) == {"not_up", "choice"} and len(set(found.month)) == 12
    up = first[first.row == "not_up"].set_index("month")
    assert up.value["2024-07"] > 0.05 and (up.value.drop("2024-07") == 0).all() and (up.baseline == 0).all()
    assert set(up.input) == {"platform.outage"}
    rate = found[(found.row == "direct") & (found.by == "count")].set_index("month").change
    assert rate["2024-07"] < 0 and rate["2024-03"] == 0


def test_by_month_nobody_compares_prices_where_the_share_that_does_is_held_at_none() -> None:
    of = scenario.load(ROOT / "scenarios" / "outage_month.yaml")
    free, held = (
        funnel.by_month(of, draws=2, seed=3, people=10_000, pin=pin) for pin in (None, {"channels.attention": 0.0})
    )
    choice, none = (found[(found.part == "first") & (found.row == "choice")] for found in (free, held))
    assert (choice.baseline > 0).all() and len(none) == len(choice)
    assert (none[["baseline", "value"]] == 0).all(axis=None)
    with pytest.raises(BadInputError, match="no such uncertain parameter"):
        funnel.by_month(of, draws=2, pin={"channels.atention": 0.0})


def test_hosts_of_cities_have_a_league_too() -> None:
    of = scenario.load(ROOT / "scenarios" / "delta_mutual_recognition_cities.yaml")
    league = funnel.league(experiment.repeat([of], draws=2, seed=3, people=20_000), 0, "zh")
    assert set(league.code) <= set(areas.load("delta").codes) and "杭州" in set(league.label)
