"""The funnel: stages that only shrink, causes that add up, and a league table that names no host without reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib import experiment, funnel, scenario
from simlib.loop import CAUSES, CONDITIONS

ROOT = Path(__file__).parent.parent
NAMES = ("outage_month", "code_unification")


@pytest.fixture(scope="module")
def runs() -> experiment.Runs:
    scenarios = [scenario.load(ROOT / "scenarios" / f"{name}.yaml") for name in NAMES]
    return experiment.repeat(scenarios, draws=3, seed=3, people=20_000)


@pytest.fixture(scope="module")
def table(runs: experiment.Runs) -> pd.DataFrame:
    return funnel.table(runs)


def wide(table: pd.DataFrame, part: str, column: str) -> pd.DataFrame:
    """Return a column by scenario, group and count or value, one column a row of the funnel."""
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
    effects = experiment.effect(runs).set_index(["scenario", "group", "metric"])
    for by, metric in (("count", "direct_settlement_rate"), ("value", "direct_settlement_rate_value")):
        rows = table[(table.by == by) & (table.row == "direct")]
        for row in rows.itertuples():
            published = effects.loc[(row.scenario, row.group, metric)]
            assert (row.baseline, row.value, row.change) == pytest.approx(
                (published.baseline, published.value, published.change)
            )


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
    league = funnel.league(runs, runs.pairings[0]).set_index("label")
    assert league.value["Shanghai"] > league.before["Shanghai"]
    others = league.drop("Shanghai")
    assert (others.value == others.before).all()
    assert not league.named.any()  # of three draws none can be told apart
    assert (league.low <= league.value).all() and (league.value <= league.high).all()
