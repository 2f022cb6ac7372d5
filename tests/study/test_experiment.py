"""Many draws beside their reference: the contract of the results, and where their spread comes from."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from simlib.amounts import AMOUNTS, SEEN
from simlib.catalogue import baskets
from simlib.errors import BadInputError
from simlib.report import terminal
from simlib.scenario import scenario
from simlib.study import curve, effects, elsewhere, evidence, experiment, findings, match, metrics, results
from simlib.study.effects import CONTRACT
from simlib.study.experiment import Runs
from simlib.terms import INPATIENT, KINDS, PURPOSES

DRAWS, PEOPLE = 12, 20_000
PAIRS = "pairs=changed;kind=inpatient"


@pytest.fixture(scope="module")
def runs(delta: scenario.Scenario) -> Runs:
    return experiment.repeat([delta], draws=DRAWS, seed=7, people=PEOPLE)


@pytest.fixture(scope="module")
def changes(runs: Runs) -> pd.DataFrame:
    return results.of_runs(runs).effects


def row(effects: pd.DataFrame, metric: str, group: str) -> pd.Series:
    return effects[(effects.metric == metric) & (effects.group == group)].iloc[0]


def test_the_table_of_effects_keeps_its_contract(changes: pd.DataFrame) -> None:
    assert CONTRACT == ["scenario", "metric", "group", "baseline", "value", "change", "low", "high", "unit"]
    assert list(changes.columns[:9]) == CONTRACT
    assert set(changes.metric) == set(metrics.UNITS)
    for group in (
        "all",
        "kind=inpatient",
        PAIRS,
        "home=340000;kind=inpatient",
        "pairs=changed;home=340000;kind=inpatient",
    ):
        assert group in set(changes.group)
    assert not changes.duplicated(["scenario", "metric", "group"]).any()
    known = changes.dropna(subset=CONTRACT[3:8])
    assert len(known) > 0.9 * len(changes)
    off = (known.value - known.baseline - known.change).abs()
    assert (off <= 1e-9 * known.baseline.abs() + 1e-12).all()
    assert (known.low <= known.high).all()


def test_the_answer_has_the_sign_and_size_that_theory_gives(changes: pd.DataFrame) -> None:
    fund, rate = row(changes, "fund_payment", PAIRS), row(changes, "direct_settlement_rate", PAIRS)
    assert fund.low > 0 and 0.01 < fund.change / fund.baseline < 0.07
    assert rate.low >= 0 and 0 < rate.change < 0.15
    assert row(changes, "own_payment", PAIRS).change == pytest.approx(-fund.change)
    assert row(changes, "fund_payment", "kind=inpatient").change == pytest.approx(fund.change)
    assert row(changes, "fund_payment", "home=110000;kind=inpatient").change == 0


def test_homes_and_kinds_add_up(changes: pd.DataFrame) -> None:
    funds = changes[changes.metric == "fund_payment"].set_index("group").baseline
    homes = funds[funds.index.str.startswith("home=")]
    assert homes.sum() == pytest.approx(funds["kind=inpatient"])
    assert sum(funds[f"kind={kind}"] for kind in KINDS) == pytest.approx(funds["all"])


def test_any_number_of_jobs_gives_the_same_draws(delta: scenario.Scenario, runs: Runs) -> None:
    other = experiment.repeat([delta], draws=DRAWS, seed=7, people=PEOPLE, jobs=2)
    assert (other.simulated[0].amounts == runs.simulated[0].amounts).all()
    pd.testing.assert_frame_equal(other.uncertain, runs.uncertain, check_exact=True)


def test_a_draw_does_not_depend_on_how_many_there_are_nor_on_its_company(
    delta: scenario.Scenario, no_change: scenario.Scenario, runs: Runs
) -> None:
    fewer = experiment.repeat([no_change, delta], draws=3, seed=7, people=PEOPLE)
    assert (fewer.amounts(1).after == runs.amounts(0).after[:3]).all()


def test_no_change_is_exactly_zero_in_every_metric(no_change: scenario.Scenario) -> None:
    effects = results.of_runs(experiment.repeat([no_change], draws=3, seed=1, people=PEOPLE)).effects
    spread = effects[["change", "low", "high", "sd_parameters", "sd_monte_carlo"]].dropna()
    assert len(spread) > 0.9 * len(effects) and (spread == 0).all(axis=None)
    assert PAIRS in set(effects.group)


def test_more_people_quarter_the_noise_and_leave_the_parameters_alone(delta: scenario.Scenario) -> None:
    parts = []
    for people in (5_000, 20_000):
        runs = experiment.repeat([delta], draws=40, seed=3, people=people, whole=False)
        effects = results.of_runs(runs).effects
        parts.append(row(effects, "fund_payment", PAIRS)[["sd_monte_carlo", "sd_parameters"]].astype(float))
    noise = (parts[0].sd_monte_carlo / parts[1].sd_monte_carlo) ** 2
    # 40 draws know a variance to about a factor of 1.6 either way.
    assert 4 / 2.2 < noise < 4 * 2.2
    assert parts[0].sd_parameters == pytest.approx(parts[1].sd_parameters, rel=0.25)


def test_twice_the_baskets_move_no_mean_beyond_chance_and_a_draw_by_less_than_half_of_the_spread(
    delta: scenario.Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number in (256, 512):
        monkeypatch.setattr(baskets, "BASKETS", number)
        amounts = experiment.repeat([delta], draws=40, seed=0, people=25_000, whole=False).amounts(0)
        found.append(effects.relative(amounts, "fund_payment", amounts.headline))
    moved = found[1] - found[0]
    assert abs(moved.mean()) < 2.5 * moved.std(ddof=1) / np.sqrt(len(moved))
    assert 0 < moved.std() < found[0].std() / 2


def test_few_draws_name_nothing(delta: scenario.Scenario) -> None:
    study = results.of_runs(experiment.repeat([delta], draws=3, seed=0, people=5_000))
    assert evidence.drivers(study).empty
    assert findings.distinguishable(study.amounts).empty


def test_attention_moves_the_rate_and_none_of_it_without(delta: scenario.Scenario) -> None:
    found = curve.attention_curve([delta], draws=4, seed=7)
    assert found.attention.tolist() == list(curve.ATTENTION)
    assert found.change.iloc[0] == found.low.iloc[0] == found.high.iloc[0] == 0
    assert found.change.is_monotonic_increasing and found.change.iloc[-1] > 0.01


def test_a_home_is_named_only_beyond_doubt(runs: Runs) -> None:
    named = findings.distinguishable(runs.amounts(0))
    assert ((named.low > 0) | (named.high < 0)).all()
    assert set(named.home) <= {"310000", "320000", "330000", "340000"}


def test_the_fit_table_says_what_was_fitted_and_what_was_missed(runs: Runs) -> None:
    table = match.fit_table(runs)
    assert list(table.columns) == match.COLUMNS
    fitted = table[table.role == "solved"]
    assert len(fitted) == 6 and (fitted.difference_percent.abs() < 0.1).all()
    assert "share of the five largest hosts" in set(table[table.role == "fit"].target)
    assert "fund share of the bill in 2020" in set(table[table.role == "test"].target)
    visits = table[(table.role == "level") & table.target.str.startswith("direct visits")]
    assert len(visits) == 4 and (visits.difference_percent.abs() < 3).all()


def test_earlier_years_are_told_by_the_network_and_by_dated_rules(delta: scenario.Scenario) -> None:
    table = match.history(scenario.load(ROOT / "scenarios" / "history.yaml"), draws=3, people=5_000)
    assert list(table.year) == list(range(2017, 2025))
    began, table = table.iloc[0], table.iloc[1:]
    assert began.institutions == 0 and np.isnan(began["median"]) and began.published == 0.208  # none is published
    assert (table.rate.diff().dropna() > -0.03).all() and table.institutions.is_monotonic_increasing  # 2022: epidemic
    assert table.rate.iloc[-1] > table.rate.iloc[0] + 0.3
    assert table[table.rate_published.notna()].year.tolist() == [2020]
    assert table[table.epidemic].year.tolist() == [2020, 2021, 2022]
    assert (table.low < table["median"]).all() and (table["median"] < table.high).all()
    early, late = table[table.year < 2023], table[table.year >= 2023]
    assert (early["median"] < early.network_only).all()  # no late filing before 2023
    assert (late["median"] == late.network_only).all()
    assert (late["median"] / late.published - 1).abs().max() < 0.03
    with pytest.raises(BadInputError, match=r"year 2018: .* `match\.history` tells of earlier years"):
        experiment.repeat([delta.model_copy(update={"year": 2018})])


def test_the_headline_names_grade_drivers_and_synthetic_catalogues(runs: Runs, delta: scenario.Scenario) -> None:
    found = curve.attention_curve([delta], draws=4, seed=7)
    text = terminal.text(results.of_runs(runs, curve=found))
    for words in (
        "range of the draws",
        "MC error",
        "upper bound",
        "synthetic",
        "Rests on grade: assumed",
        "All inpatients",
    ):
        assert words in text
    assert max(map(len, text.splitlines()[4:])) <= 120
    lines = text.splitlines()
    rates = [line for line in lines if line.startswith("  direct rate, percentage points")]
    assert [line.startswith("  direct rate, percentage points (unidentified)") for line in rates].count(True) == 3
    assert re.search(rf"short of reserves within 36 months: in \d+ of {DRAWS} draws", text)
    assert terminal.ends({"low": -0.001, "high": 0.001}) == "+0.00 to +0.00"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"draws": 0}, "--draws 0: at least 2"),
        ({"people": 1}, "--people 1"),
        ({"seed": -1}, "--seed -1"),
        ({"seed": 2**32}, "--seed 4294967296: at most"),
        ({"jobs": 0}, "--jobs 0"),
    ],
)
def test_what_cannot_be_run_is_refused(delta: scenario.Scenario, options: dict[str, int], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        experiment.repeat([delta], **options)  # type: ignore[arg-type]


def test_scenarios_of_different_roots_are_refused(delta: scenario.Scenario) -> None:
    other = delta.model_copy(update={"name": "other", "parent": delta.parent.model_copy(update={"sha256": "0"})})
    with pytest.raises(BadInputError, match="different roots"):
        experiment.repeat([delta, other])


def test_two_scenarios_of_one_name_and_no_scenario_are_refused(delta: scenario.Scenario) -> None:
    with pytest.raises(BadInputError, match="two scenarios are both called"):
        experiment.repeat([delta, delta])
    with pytest.raises(BadInputError, match="no scenario"):
        experiment.repeat([])


def test_streams_and_rates_of_leaving_hold_every_case_of_the_draws(runs: Runs) -> None:
    study = results.of_runs(runs)
    cases, place = runs.common.cases.sum(axis=1).mean(axis=0), runs.place
    why = elsewhere.purposes(study, ["Shanghai", "广东"])
    assert list(why["host"].unique()) == ["Shanghai", "Guangdong"] and len(why) == 2 * len(PURPOSES)
    long_stay = why[why["purpose"] == "long_stay"].set_index("host")["median"]
    assert long_stay["Guangdong"] > 2 * long_stay["Shanghai"]  # migrants go to Guangdong, patients to Shanghai
    streams = elsewhere.streams(study, "zh", most=5)
    assert streams.value.sum() == pytest.approx(cases.sum())
    assert list(dict.fromkeys(streams.host))[-1] == list(dict.fromkeys(streams.home))[-1] == "其他"
    shanghai = streams[streams.host == "上海"]
    assert shanghai.value.sum() == pytest.approx(cases[:, place.index("310000")].sum())
    assert (shanghai.host_low < shanghai.value.sum()).all() and (shanghai.host_high > shanghai.value.sum()).all()
    rates = elsewhere.leaving(study).set_index("code")
    insured = dict(zip(place.codes, place.insured, strict=True))
    total = sum(rates.value[code] * insured[code] / 1000 for code in rates.index)
    assert (
        total == pytest.approx(cases.sum()) and (rates.low <= rates.value).all() and (rates.value <= rates.high).all()
    )


def test_what_hosts_see_of_the_headlines_kind_adds_up_to_its_groups(runs: Runs) -> None:
    """By host as the groups of all inpatients, in the touched cells as the headline, before and after."""
    pairing, seen = runs.amounts(0), runs.simulated[0].seen
    columns = [AMOUNTS.index(name) for name in SEEN]
    for side, amounts in enumerate((pairing.before, pairing.after)):
        amounts = amounts.sum(axis=2)[..., columns]
        touched = seen[:, side, :, :, 1].sum(axis=(1, 2, 3, 4))
        assert (touched == amounts[:, experiment.HEADLINE]).all()
        for host in range(len(runs.place.codes)):
            at = pairing.groups[metrics.at("host", host, INPATIENT).label(runs.place)]
            assert (seen[:, side, ..., host, :, :].sum(axis=(1, 2, 3, 4)) == amounts[:, at]).all()
