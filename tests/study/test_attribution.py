"""A package is split fairly into what each lever did: by the laws of the Shapley value, and on real draws."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib import cli
from simlib.amounts import AMOUNTS
from simlib.errors import BadInputError
from simlib.scenario import scenario
from simlib.simulation import kept as draws_kept
from simlib.study import attribution, experiment, folders, metrics, results, shapley
from simlib.study.attribution import split
from simlib.study.shapley import every_order, shares, some_orders

ROOT = Path(__file__).parents[2]
MEASURES = ("delta_mutual_recognition", "filing_free_delta", "chronic_ten_diseases")
PACKAGE = "+".join(str(ROOT / "scenarios" / f"{name}.yaml") for name in MEASURES)
QUICK = {"draws": 3, "seed": 5, "people": 3000}
LEVERS = range(1, 5)


def worths(number: int) -> st.SearchStrategy[np.ndarray]:
    """Return amounts of every coalition of so many levers, fen and visits of a nation: (coalition, amount)."""
    size = 2**number * len(AMOUNTS)
    return st.lists(st.integers(0, 10**14), min_size=size, max_size=size).map(
        lambda cells: np.array(cells).reshape(2**number, len(AMOUNTS))
    )


def by_formula(worth: np.ndarray, lever: int, number: int) -> float:
    """Return the Shapley value by its formula over subsets, worth by bits."""
    others = [i for i in range(number) if i != lever]
    total = 0.0
    for size in range(number):
        for joined in combinations(others, size):
            before = sum(1 << i for i in joined)
            weight = factorial(size) * factorial(number - size - 1) / factorial(number)
            total += weight * (worth[before | 1 << lever] - worth[before])
    return total


@given(st.sampled_from(LEVERS).flatmap(lambda n: st.tuples(st.just(n), worths(n))))
def test_values_sum_to_the_total_exactly_on_amounts_and_to_1e_12_on_rates(case: tuple[int, np.ndarray]) -> None:
    number, worth = case
    of = shares(every_order(number))
    in_order = worth[list(of.coalitions)]
    whole = shapley.given(in_order, of)
    assert whole.dtype == np.int64
    assert (whole.sum(axis=0) == factorial(number) * (worth[-1] - worth[0])).all()
    in_order[:, : len(AMOUNTS)] += 1  # no coalition without a visit
    rates = metrics.metric("direct_settlement_rate", in_order)
    last = of.coalitions.index(2**number - 1)
    assert split(in_order, "direct_settlement_rate", of).sum() == pytest.approx(rates[last] - rates[0], abs=1e-12)


@given(st.sampled_from(LEVERS).flatmap(lambda n: st.tuples(st.just(n), worths(n))))
def test_the_mean_over_orders_is_the_formula_over_subsets(case: tuple[int, np.ndarray]) -> None:
    number, worth = case
    of = shares(every_order(number))
    found = shapley.given(worth[list(of.coalitions), 0], of) / of.orders
    assert found == pytest.approx([by_formula(worth[:, 0].astype(float), i, number) for i in range(number)], rel=1e-9)


def test_levers_that_do_not_meet_are_given_what_they_do_alone_and_equal_ones_the_same() -> None:
    of = shares(every_order(3))
    added = [sum(v for i, v in enumerate((5, 7, 0)) if c >> i & 1) for c in of.coalitions]
    assert (shapley.given(np.array(added), of) == 6 * np.array([5, 7, 0])).all()
    joint = [9 if c & 3 == 3 else 0 for c in of.coalitions]
    assert (shapley.given(np.array(joint), of) == [27, 27, 0]).all()


def test_sampled_orders_sum_to_the_total_and_come_near_the_value() -> None:
    rng = np.random.default_rng(1)
    worth = rng.integers(0, 1000, 2**6)
    orders = some_orders(6, 400, seed=3)
    assert len(orders) == 400 and all(sorted(order) == list(range(6)) for order in orders)
    exact, sampled = (shares(every) for every in (every_order(6), orders))
    right, near = (shapley.given(worth[list(of.coalitions)], of) / of.orders for of in (exact, sampled))
    assert near.sum() == pytest.approx(worth[-1] - worth[0])
    assert np.abs(near - right).max() < 100


@pytest.fixture(scope="module")
def package() -> scenario.Scenario:
    return scenario.load(PACKAGE)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("coalitions")


@pytest.fixture(scope="module")
def split_fund(package: scenario.Scenario, kept: Path) -> pd.DataFrame:
    return attribution.attribute(package, **QUICK, folder=kept).table()


def test_a_package_is_split_among_its_files(package: scenario.Scenario, split_fund: pd.DataFrame) -> None:
    assert [lever.name for lever in attribution.levers(package)] == list(MEASURES)
    assert list(split_fund.columns) == attribution.COLUMNS
    for _, of in split_fund.groupby("group"):
        assert list(of["lever"]) == [*MEASURES, attribution.ALL.name]
        for way in ("shapley", "alone", "interaction", "stacked"):
            assert of[way].iloc[:-1].sum() == pytest.approx(of[way].iloc[-1], rel=1e-12, abs=1e-6)
        assert of["shapley"].iloc[-1] == pytest.approx(of["stacked"].iloc[-1], rel=1e-12)
        assert (of["low"] <= of["high"]).all() and (of["sampling_error"] == 0).all()
    chronic = split_fund[split_fund["group"] == "pairs=changed;kind=chronic"].set_index("lever")
    assert chronic.loc["chronic_ten_diseases", "shapley"] > 0 == chronic.loc["filing_free_delta", "shapley"]
    inpatient = split_fund[split_fund["group"] == "pairs=changed;kind=inpatient"].set_index("lever")
    assert inpatient.loc["chronic_ten_diseases", "shapley"] == 0 < inpatient.loc["filing_free_delta", "shapley"]


def test_the_total_is_what_running_the_package_changes(package: scenario.Scenario, split_fund: pd.DataFrame) -> None:
    runs = experiment.repeat([package], **QUICK, whole=False)
    effects = results.of_runs(runs).effects.set_index(["metric", "group"])
    total = split_fund[split_fund["lever"] == attribution.ALL.name].set_index("group")["shapley"]
    for kind in ("inpatient", "chronic"):
        label = f"pairs=changed;kind={kind}"
        assert total[label] == pytest.approx(effects.loc[("fund_payment", label), "change"], rel=1e-9)


def test_kept_runs_are_taken_up_again_and_give_the_same_table(
    package: scenario.Scenario, split_fund: pd.DataFrame, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved: list[int] = []
    real = draws_kept.solved
    monkeypatch.setattr(draws_kept, "solved", lambda *how: solved.append(how[2]) or real(*how))
    again = attribution.attribute(package, **QUICK, folder=kept).table()
    assert not solved
    pd.testing.assert_frame_equal(again, split_fund, check_exact=True)
    files = sorted(kept.iterdir())
    files[0].write_text("{}")
    files[1].unlink()
    cut = json.loads(files[2].read_text())
    cut["coalitions"].popitem()
    files[2].write_text(json.dumps(cut))
    again = attribution.attribute(package, **QUICK, folder=kept, jobs=2).table()
    assert sorted(solved) == [0, 1, 2]
    pd.testing.assert_frame_equal(again, split_fund, check_exact=True)


def test_other_people_seeds_or_pins_are_other_runs(package: scenario.Scenario, kept: Path) -> None:
    before = len(list(kept.iterdir()))
    attribution.attribute(package, draws=2, seed=6, people=3000, folder=kept)
    attribution.attribute(package, draws=2, seed=5, people=3000, folder=kept, pin={"channels.attention": 0.5})
    assert len(list(kept.iterdir())) == before + 4


def test_the_command_prints_the_shares_and_writes_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["attribute", PACKAGE, "--draws", "2", "--people", "2000", "--metric", "direct_settlement_rate"]
    assert cli.main([*command, "--out", str(tmp_path / "a")]) == 0
    printed = capsys.readouterr().out
    assert "percentage points" in printed and "filing_free_delta" in printed and "interaction" in printed
    assert cli.main([*command, "--out", str(tmp_path / "b"), "--jobs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["attribution"][0]["metric"] == "direct_settlement_rate"
    for name in (folders.ATTRIBUTION, folders.MANIFEST):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    manifest = json.loads((tmp_path / "a" / folders.MANIFEST).read_text(encoding="utf-8"))
    assert manifest["levers"] == list(MEASURES)
    (documents,) = manifest["documents"].values()
    assert "医保发〔2022〕22号" in documents["en"] and "中国医疗保险" in documents["zh"]


def many(folder: Path, number: int) -> str:
    """Return a package of so many levers."""
    for name in ("baseline.yaml", "fitted.json"):
        (folder / name).write_bytes((ROOT / "scenarios" / name).read_bytes())
    text = "extends: baseline.yaml\nyear: 2024\ntitle: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\nchanges:\n"
    for month in range(1, number + 1):
        when, where = f"from: 2024-{month:02}, to: 2024-{month:02}", "where: {home: 安徽, host: 上海}"
        text += f"  - {{{when}, {where}, set: {{chronic.listed.stroke: true}}}}\n"
    (folder / "many.yaml").write_text(text, encoding="utf-8")
    return str(folder / "many.yaml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (lambda folder: [many(folder, 9)], "9 levers are 512 coalitions, times 64 draws 32,768 runs"),
        (lambda folder: [many(folder, 9), "--sample", "1"], "--sample 1: a whole number from 4"),
        (lambda folder: [many(folder, 2), "--metric", "fund_paymnt"], "no such metric. Did you mean fund_payment?"),
        (lambda folder: [many(folder, 0)], "changes"),
        (lambda folder: [str(ROOT / "scenarios" / "baseline.yaml")], "nothing to split"),
        (lambda folder: [many(folder, 2), "--draws", "1"], "--draws 1: at least 2"),
    ],
)
def test_what_cannot_be_split_is_refused(
    arguments: Callable[[Path], list[str]],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["attribute", *arguments(tmp_path)]
    monkeypatch.chdir(tmp_path)
    assert cli.main(command) == 2
    captured = capsys.readouterr()
    assert words in captured.err and "Traceback" not in captured.err and captured.out == ""
    assert not (tmp_path / ".out").exists()


def test_nine_levers_can_be_sampled(tmp_path: Path) -> None:
    of = scenario.load(many(tmp_path, 9))
    table = attribution.attribute(of, draws=2, people=1000, sample=4).table()
    assert len(table) == 10 and (table["sampling_error"].iloc[:9] >= 0).all()
    assert table["shapley"].iloc[:9].sum() == pytest.approx(table["shapley"].iloc[9])


def test_one_lever_is_given_all_of_it() -> None:
    of = scenario.load(ROOT / "scenarios" / "chronic_ten_diseases.yaml")
    with pytest.raises(BadInputError, match="at least 2"):
        attribution.attribute(of, draws=1)
    table = attribution.attribute(of, draws=2, people=1000).table()
    assert (table["shapley"] == table["alone"]).all() and (table["interaction"] == 0).all()


def test_the_text_explains_its_columns_and_has_no_minus_zero(tmp_path: Path) -> None:
    found = attribution.attribute(scenario.load(many(tmp_path, 2)), **(QUICK | {"folder": tmp_path / "kept"}))
    said = attribution.text(found, found.table("fund_payment").assign(interaction=-0.001))
    assert "-0.00" not in said and "stacked: what it adds in the order written" in said
