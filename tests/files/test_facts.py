"""The tables of the package are complete, explained and add up; files are written whole or not at all."""

import csv
import math
import os
import stat
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from simlib import terms
from simlib.files import facts

EXPLAINED = {(row["table"], row["column"]): row for row in facts.read("dictionary")}


def header(name: str) -> list[str]:
    with (files("simlib") / "data" / f"{name}.csv").open(encoding="utf-8") as file:
        return next(csv.reader(file))


def total(name: str, column: str) -> float:
    return math.fsum(float(row[column] or 0) for row in facts.read(name))


@pytest.mark.parametrize("name", facts.names())
def test_every_column_is_in_the_dictionary(name: str) -> None:
    assert [column for column in header(name) if (name, column) not in EXPLAINED] == []


@pytest.mark.parametrize("row", EXPLAINED.values(), ids="{0[table]}.{0[column]}".format)
def test_every_row_of_the_dictionary_says_enough_about_a_column_that_exists(row: dict[str, str]) -> None:
    assert row["column"] in header(row["table"])
    assert all(row[column] for column in ("meaning", "unit", "year", "source"))
    assert row["grade"] in terms.GRADES


def test_the_dictionary_explains_each_column_once() -> None:
    assert len(EXPLAINED) == len(facts.read("dictionary"))


@pytest.mark.parametrize("name", facts.names())
def test_every_row_has_as_many_cells_as_the_header(name: str) -> None:
    rows = facts.read(name)
    assert rows
    for row in rows:
        assert list(row) == header(name)
        assert None not in row.values()
        assert all(cell == cell.strip() for cell in row.values())


@pytest.mark.parametrize("name", ["national", "direct_settlement"])
def test_every_figure_has_a_number_a_unit_a_source_and_a_grade(name: str) -> None:
    for row in facts.read(name):
        assert math.isfinite(float(row["value"]))
        assert row["unit"]
        assert row["source"]
        assert row["grade"] in terms.GRADES


@pytest.mark.parametrize("name", facts.names())
def test_no_table_points_outside_the_package(name: str) -> None:
    text = (files("simlib") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    assert not any(trace in text for trace in ("../", "seed document", "(memory)"))


def test_a_figure_stands_once() -> None:
    key = ("metric", "place", "scheme", "tier", "year")
    once = Counter(tuple(row[column] for column in key) for row in facts.read("national"))
    assert max(once.values()) == 1
    twice = Counter((row["period"], row["kind"], row["metric"]) for row in facts.read("direct_settlement"))
    assert [key for key, count in twice.items() if count > 1] == [("2021", "all_outpatient", "visits")]


def test_provinces_add_up_to_the_published_totals() -> None:
    assert total("provinces", "insured_2023") == pytest.approx(133_389, abs=1e-6)
    assert total("provinces", "beds_2023") == pytest.approx(1_017.4, abs=0.05)
    assert total("provinces", "hukou_other_province_2020") == 124_837_153
    assert total("provinces", "population_2020") == 1_409_778_724


def test_migrants_arrive_where_the_census_found_them() -> None:
    arrived: Counter[str] = Counter()
    for row in facts.read("migrants"):
        arrived[row["host"]] += int(row["persons"])
    for row in facts.read("provinces"):
        # The estimate was rounded pair by pair: 30 pairs a host.
        assert abs(arrived[row["code"]] - int(row["hukou_other_province_2020"] or 0)) <= 15
    pairs = {(row["home"], row["host"]) for row in facts.read("migrants")}
    assert len(pairs) == len(facts.read("migrants")) == 31 * 30
    assert all(home != host for home, host in pairs)


def test_schemes_add_up_to_the_insured() -> None:
    both = sum(facts.value("national", metric="insured", scheme=s, year="2023") for s in terms.SCHEMES)
    assert both == pytest.approx(facts.value("national", metric="insured", scheme="all", year="2023"))


def test_kinds_of_care_add_up_to_the_published_total() -> None:
    def paid(kind: str, year: str) -> float:
        return facts.value("direct_settlement", period=year, kind=kind, metric="fund_paid")

    for year in ("2022", "2023", "2024"):
        # The published totals of 2022 and 2024 differ from the sum by 0.01.
        both = paid("inpatient", year) + paid("all_outpatient", year)
        assert both == pytest.approx(paid("all", year), abs=0.02)
    parts = sum(paid(kind, "2024") for kind in ("ordinary_outpatient", "chronic_outpatient", "pharmacy"))
    assert parts == pytest.approx(paid("all_outpatient", "2024"))


def test_quarters_of_inpatients_add_up_to_the_year() -> None:
    def visits(period: str) -> float:
        return facts.value("direct_settlement", period=period, kind="inpatient", metric="visits")

    assert sum(visits(f"2023Q{q}") for q in (1, 2, 3, 4)) == pytest.approx(visits("2023"), rel=1e-4)


def test_a_table_that_is_not_there_is_refused_with_the_likely_name() -> None:
    with pytest.raises(LookupError, match=r"provnces: no such table\. Did you mean provinces\?"):
        facts.read("provnces")
    with pytest.raises(LookupError, match="no such table"):
        facts.read("../data/provinces")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"metric": "insurd", "year": "2023"}, r"insurd, year=2023: 0 rows fit.*Did you mean insured\?"),
        ({"metric": "insured", "year": "1999"}, r"0 rows fit, expected 1\. year: Expected one of 2023, 2024"),
        ({"metric": "insured", "year": "2023"}, r"3 rows fit, expected 1\. They differ in scheme\."),
        ({"metrc": "insured"}, r"no column metrc\. Did you mean metric\?"),
    ],
)
def test_a_figure_that_is_not_one_figure_is_refused(where: dict[str, str], message: str) -> None:
    with pytest.raises(LookupError, match=message):
        facts.value("national", **where)


def test_a_rival_figure_is_told_apart_by_its_grade() -> None:
    asked = {"period": "2021", "kind": "all_outpatient", "metric": "visits"}
    with pytest.raises(LookupError, match=r"2 rows fit, expected 1\. They differ in grade\."):
        facts.value("direct_settlement", **asked)
    assert facts.value("direct_settlement", grade="press", **asked) == 9_496_000


def test_an_empty_figure_and_a_table_without_figures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "read", lambda name: ({"metric": "x", "value": ""},))
    with pytest.raises(LookupError, match="the value is empty"):
        facts.value("any", metric="x")
    monkeypatch.undo()
    with pytest.raises(LookupError, match="no column value"):
        facts.value("provinces", code="110000")


def test_a_file_is_replaced_and_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    facts.write_whole(path, b"old")
    facts.write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: type[BaseException]
) -> None:
    def fail(*_: object) -> None:
        raise failure("stopped")

    path = tmp_path / "run.csv"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(failure, match="stopped"):
        facts.write_whole(path, b"new")
    with pytest.raises(failure, match="stopped"):
        facts.write_whole(tmp_path / "other.csv", b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("run.csv", b"old")]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        facts.write_whole(tmp_path / "missing" / "run.csv", b"")


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert facts.sha256(tmp_path / "abc") == expected
