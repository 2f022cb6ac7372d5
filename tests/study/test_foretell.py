"""Foretelling: later rows change nothing, planted numbers are found again, what is frozen stays."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib import cli
from simlib.files import facts
from simlib.patients import trends
from simlib.study import foretell


@pytest.mark.parametrize("fit_to", [2021, 2022, 2023])
def test_what_is_learned_by_a_year_reads_no_later_row(fit_to: int) -> None:
    later = {
        name: [
            row if (row.get("period") or row["year"])[:4] <= str(fit_to) else {**row, "value": "nan"} for row in rows
        ]
        for name, rows in trends.rows_of_package().items()
    }
    pd.testing.assert_frame_equal(foretell.learned(fit_to), foretell.learned(fit_to, rows=later))


def test_one_value_alone_leaves_every_unknown_at_its_prior() -> None:
    table = foretell.learned(2022)
    chronic = table[table.figure == "direct visits, chronic"]
    assert len(chronic) == 3
    assert (chronic.narrowed.abs() < 0.01).all()
    inpatient = table[(table.figure == "direct visits, inpatient") & (table.parameter == "foretell.network")]
    assert inpatient.narrowed.item() > 0.05


def test_crps_is_that_of_its_definition() -> None:
    values = np.random.default_rng(1).normal(size=300)
    apart = np.abs(values[:, None] - values).mean() / 2
    assert foretell.crps(values, 0.4) == pytest.approx(np.abs(values - 0.4).mean() - apart)


def test_rivals_repeat_the_last_value_and_all_or_half_of_the_last_step() -> None:
    flat, growing, damped = foretell.rivals({2020: 1.0, 2021: 1.5}, [2022, 2023])
    assert flat.tolist() == [1.5, 1.5] and growing.tolist() == [2.0, 2.5] and damped.tolist() == [1.75, 1.875]
    assert np.isnan(foretell.rivals({2021: 1.5}, [2022])[1:]).all()


def test_every_forecast_says_which_method_came_nearest() -> None:
    table = foretell.hindcast(2023)
    for _, row in table.iterrows():
        assert row[row["best"]] == min(row[method] for method in foretell.METHODS if row[method] == row[method])


def test_no_method_is_called_better_on_few_scores() -> None:
    few, many = (foretell.verdict(foretell.hindcast(year)) for year in (2023, 2022))
    assert set(few.better) == {"too few to say"} and (few.compared < foretell.FEWEST_TO_COMPARE).all()
    assert set(many.better) <= set(foretell.METHODS) and (many.compared >= foretell.FEWEST_TO_COMPARE).all()
    assert (many.n > many.compared).all()  # chronic care has no step yet, and is not hidden from the coverage


def test_the_same_seed_gives_the_same_forecasts() -> None:
    pd.testing.assert_frame_equal(foretell.hindcast(2022), foretell.hindcast(2022))
    assert (foretell.hindcast(2022, 1)["median"] != foretell.hindcast(2022)["median"]).any()


def test_predictions_are_frozen() -> None:
    path = files("simlib") / "data" / "predictions.csv"
    # A new vintage is added below; what was foretold once is never changed.
    lines = path.read_bytes().splitlines(keepends=True)[:21]
    assert (
        hashlib.sha256(b"".join(lines)).hexdigest()
        == "a7d10aa0ca4e94caba23095f8b3ad48e0d4d5a77304dab50de879f3e8738a33d"
    )


def test_the_last_vintage_is_what_the_package_foretells_from_the_same_figures() -> None:
    frozen = pd.DataFrame(facts.read("predictions"))
    last = frozen[frozen.made_on == frozen.made_on.max()].reset_index(drop=True)
    assert set(last.source_sha256) == {foretell.source_sha256()}, "figures have changed: freeze a new vintage beside"
    again = foretell.predict((2025, 2026, 2027), "2026-12-01").astype(str)
    pd.testing.assert_frame_equal(last, again)


def written(folder: Path, *rows: str) -> str:
    path = folder / "figures.csv"
    path.write_text("figure,year,value\n" + "".join(row + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_figures_are_scored_by_what_was_frozen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in facts.read("predictions") if row["year"] == "2026")
    path = written(tmp_path, f'"{row["figure"]}",2026,{row["median"]}', '"fund payment, chronic",2025,3')
    assert cli.main(["score", path, "--json"]) == 0
    hit, later, miss, _ = json.loads(capsys.readouterr().out)
    assert (hit["made_on"], later["made_on"]) == ("2026-11-25", "2026-12-01")  # each vintage is scored
    assert hit["error_percent"] == 0 and hit["inside50"] and hit["inside90"] and later["error_percent"] < 0
    assert miss["error_percent"] > 1000 and not miss["inside90"] and miss["simlib"] > hit["simlib"] > 0
    last = 14_335_600  # direct inpatients of 2024
    assert hit["last value"] == pytest.approx(abs(np.log(float(row["median"]) / last)))
    assert set(foretell.METHODS) < set(hit) and hit["best"] == min(foretell.METHODS, key=hit.get)


def test_the_score_of_five_quantiles_is_near_that_of_the_whole_forecast() -> None:
    years, name = [2026], "direct visits, inpatient"
    whole = trends.total(name, trends.rows_of_package(), 2024, years)[:, 0]
    row = {"figure": name, "year": "2026", "unit": "", "made_on": "", "fitted_to": "2024"}
    row |= {n: str(q) for n, q in zip(foretell.NAMES, np.exp(np.quantile(whole, foretell.QUANTILES)), strict=True)}
    for value in (1.2e7, 1.8e7, 4e7):
        scored = foretell._scored(row, value)[-len(foretell.METHODS) - 1]
        assert scored == pytest.approx(foretell.crps(whole, float(np.log(value))), rel=0.15)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (
            '"direct visits, inpatiet",2025,1',
            "2:1: figure: direct visits, inpatiet: not predicted. Did you mean direct",
        ),
        ('"direct visits, inpatient",2031,1', "2:2: year: 2031: not predicted. Expected one of 2025, 2026, 2027."),
        (
            '"direct visits, inpatient",2025,-3',
            "2:3: value: -3: write a number above 0, in the unit of the prediction.",
        ),
        ('"direct visits, inpatient",2025,nan', "2:3: value: nan: write a number above 0"),
        (
            '"fund payment, inpatient",2025,170000000000',
            "2:3: value: 170000000000: 1,941 were foretold. Write 100 million yuan.",
        ),
        (
            '"direct visits, inpatient",2025,1\n"direct visits, inpatient",2025,2',
            "3:1: figure: also in row 2. Keep one.",
        ),
    ],
)
def test_a_wrong_file_of_figures_is_told(
    row: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["score", written(tmp_path, row)]) == 2
    assert f"figures.csv:{fault}" in capsys.readouterr().err


@pytest.mark.parametrize("year", ["2024", "2031", "2010"])
def test_a_fit_beyond_the_figures_is_refused(year: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["hindcast", "--fit-to", year]) == 2
    assert (
        f"--fit-to {year}: figures are published for 2017 to 2024. Name a year before 2024." in capsys.readouterr().err
    )


def test_a_hindcast_is_printed_with_its_rivals(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["hindcast", "--fit-to", "2023"]) == 0
    printed = capsys.readouterr().out
    for words in (
        "ex ante: the network of later years extrapolated",
        "constant growth",
        "too few to say",
        "14,340,000",
    ):
        assert words in printed
    assert cli.main(["hindcast", "--fit-to", "2023", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"forecasts", "overall", "learned"}
    assert cli.main(["hindcast", "--fit-to", "2023", "--seed", "-1"]) == 2
