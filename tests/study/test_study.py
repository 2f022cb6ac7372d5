"""One result object: the same tables from memory and from the folder, and a short look at it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import simlib as sl
from simlib.errors import BadInputError
from simlib.report.study import SECTION, Study
from simlib.scenario.scenario import Scenario
from simlib.study import briefing, elsewhere, evidence, findings, folders, parties, running, tables

QUICK = {"draws": 3, "people": 3000}
TOLD = (
    briefing.by_kind, briefing.goal, briefing.years, briefing.gains, briefing.streams, briefing.gap_shares,
    briefing.funnel, briefing.causes, briefing.origins, briefing.parts, briefing.worth, briefing.measures,
    parties.who, parties.homes, parties.hosts, parties.tiers, parties.reserves, parties.payable,
    evidence.drivers, evidence.requests, evidence.assumptions, running.costs,
)  # fmt: skip
"""Every table function of one scenario."""


@pytest.fixture(scope="module")
def study(delta: Scenario, no_change: Scenario) -> Study:
    return sl.run([delta, no_change], seed=7, **QUICK)


@pytest.fixture(scope="module")
def saved(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return study.save(tmp_path_factory.mktemp("study") / "run")


def same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Assert that two tables say the same, to the digits that a CSV keeps."""
    ours, theirs = (
        table.reset_index(drop=True).apply(lambda column: column if column.dtype.kind in "fib" else column.fillna(""))
        for table in (ours, theirs)
    )
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, rtol=1e-11)


def test_the_top_of_the_api_is_five_names_and_the_rooms() -> None:
    assert sl.__all__ == ["Scenario", "Study", "load", "open", "run"]
    rooms = {path.parent.name for path in (Path(sl.__file__).parent).glob("*/__init__.py")}
    assert {*sl.__all__, *rooms} < set(dir(sl)) and all(hasattr(sl, name) for name in sl.__all__)


@pytest.mark.parametrize("table", [table.name for table in tables.TABLES if table.make])
def test_a_table_from_memory_is_that_of_the_folder(study: Study, saved: Study, table: str) -> None:
    ours, theirs = study.tables[table], saved.tables[table]
    declared = next(list(one.columns) for one in tables.TABLES if one.name == table)
    if table == "headline.json":
        assert ours == theirs and all(list(one) == declared for one in ours)
        return
    same(ours, theirs)
    assert list(ours.columns)[: len(declared)] == declared
    assert len(declared) == len(ours.columns) or table == "parameters.csv"


def test_effects_are_equal_to_the_last_bit(study: Study, saved: Study) -> None:
    pd.testing.assert_frame_equal(study.effects, saved.effects, check_exact=True)


@pytest.mark.parametrize("table", TOLD, ids=lambda table: f"{table.__module__.split('.')[-1]}.{table.__name__}")
@pytest.mark.parametrize("number", [0, 1])
def test_what_is_told_of_a_scenario_is_the_same_from_memory_and_from_the_folder(
    study: Study, saved: Study, table: object, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "FEWEST_TO_NAME", 2)
    name = study.names[number]
    same(*(table(one[name]) for one in (study, saved)))  # type: ignore[operator]


def test_a_function_of_one_scenario_refuses_several_and_names_them(study: Study) -> None:
    with pytest.raises(BadInputError, match=r"holds 2 scenarios.*study\['delta_mutual_recognition'\].*no_change"):
        study.homes()
    with pytest.raises(BadInputError, match="Did you mean no_change"):
        study["no_chang"]
    assert [one.name for one in study] == list(study.names) and len(study) == 2


def test_what_a_folder_does_not_keep_needs_a_run_in_memory(study: Study, saved: Study) -> None:
    assert len(elsewhere.diseases(study)) > 5
    with pytest.raises(BadInputError, match=r"read from a folder, which keeps tables only. Run the scenario: sl\.run"):
        elsewhere.diseases(saved)


def test_a_study_of_a_path_is_that_of_its_scenario(delta: Scenario, study: Study) -> None:
    of_path = sl.run(delta.path, seed=7, **QUICK)
    pd.testing.assert_frame_equal(of_path.effects, study["delta_mutual_recognition"].effects, check_exact=True)


def test_every_picture_of_a_report_can_be_drawn_from_a_study(saved: Study) -> None:
    one = saved["delta_mutual_recognition"]
    assert set(dir(one.plot)) == set(SECTION)
    assert one.plot.kinds("zh").axes and one.plot.funnel().axes
    with pytest.raises(AttributeError, match="Did you mean kinds"):
        one.plot.kind()


def test_the_report_in_a_notebook_is_that_of_the_folder_but_for_its_check(study: Study, saved: Study) -> None:
    ours, theirs = (one["delta_mutual_recognition"].report("en") for one in (study, saved))
    assert len(ours.body) > 10_000 and repr(theirs) != repr(ours)


def test_a_study_and_what_it_is_made_from_show_themselves_as_short_tables(study: Study, saved: Study) -> None:
    root = Path(__file__).parents[2]
    package = sl.load(root / "scenarios" / "delta_package.yaml")
    (case, *_) = sl.benefits.cases.load(root / "tests" / "cases" / "gap.yaml")
    terms = sl.benefits.policy.Terms.model_validate({"deductible": 800, "ratio": 0.9, "points_off": 0.05})
    for one in (study, saved, saved["no_change"], package, case, terms):
        lines = repr(one).splitlines()
        assert 2 < len(lines) <= 25 and max(map(len, lines)) <= 200
        assert "<table" in one._repr_html_() and str(one) == repr(one)
    assert "Study of 2 scenarios, 3 draws, seed 7" in repr(study) and "no_change" in study._repr_html_()
    assert "chronic.listed" in repr(package) and "2024-" in repr(package)
    assert "5 percentage points off" in repr(terms) and "800 yuan" in terms._repr_html_()


def test_what_a_value_shows_of_itself_is_escaped_and_cut(delta: Scenario) -> None:
    change = delta.changes[0].model_copy(update={"set": tuple((f"a{i}", "<b>") for i in range(50))})
    title = delta.title.model_copy(update={"en": "<script>x</script>"})
    hostile = delta.model_copy(update={"changes": (change,), "title": title})
    assert len(repr(hostile).splitlines()) <= 25 and "30 more" in repr(hostile)
    assert "<script>" not in hostile._repr_html_() and "<b>" not in hostile._repr_html_()


def _written_until(folder: Path, calls: int, content: bytes) -> None:
    """Write two tables and a manifest in a process that is killed at a call which changes a file."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    left = [calls]

    def counted(act: Any) -> Any:
        def acting(*given: Any) -> Any:
            left[0] -= 1
            return os._exit(9) if left[0] < 0 else act(*given)

        return acting

    folders.write_whole = counted(folders.write_whole)
    for name in ("replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    folders._write(folder, {"a.csv": content, "b.csv": content}, {"simlib": "1", "made": content.decode()})
    os._exit(0)


def test_a_new_folder_in_which_a_run_was_stopped_can_be_written_again(tmp_path: Path) -> None:
    for calls in range(9):
        folder = tmp_path / str(calls)
        folder.mkdir()
        _written_until(folder, calls, b"new")
        assert not folders._foreign(folder, folders.RUN), calls
        folders._write(folder, {"a.csv": b"third", "b.csv": b"third"}, {"simlib": "1", "made": "third"})
        assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "b.csv", folders.MANIFEST]


def test_of_runs_that_write_to_one_folder_at_once_one_is_there_whole(tmp_path: Path) -> None:
    runs = [{name: f"{number} {name}".encode() * 50_000 for name in ("a.csv", "b.csv", "c.csv")} for number in range(4)]

    def write(number: int) -> None:
        for _ in range(5):
            folders._write(tmp_path, runs[number], {"simlib": str(number)})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    manifest = json.loads((tmp_path / folders.MANIFEST).read_text())
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".csv"}
    assert found == runs[int(manifest["simlib"])]
    assert len(list(tmp_path.iterdir())) == 4


def test_a_rerun_that_is_killed_at_any_moment_leaves_the_old_run_or_the_new_one(tmp_path: Path) -> None:
    seen = set()
    for calls in range(9):
        folder = tmp_path / str(calls)
        folders._write(folder, {"a.csv": b"old", "b.csv": b"old"}, {"simlib": "1", "made": "old"})
        _written_until(folder, calls, b"new")
        assert not folders._foreign(folder, folders.RUN)
        folders.settle(folder)
        manifest = json.loads((folder / folders.MANIFEST).read_bytes())
        found = {name: (folder / name).read_bytes() for name in ("a.csv", "b.csv")}
        assert {name: folders.digest(content) for name, content in found.items()} == manifest["tables_sha256"]
        assert set(found.values()) == {manifest["made"].encode()}
        assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "b.csv", folders.MANIFEST]
        seen.add(manifest["made"])
        folders._write(folder, {"a.csv": b"third", "b.csv": b"third"}, {"simlib": "1", "made": "third"})
        assert (folder / "b.csv").read_bytes() == b"third"
    assert seen == {"old", "new"}
