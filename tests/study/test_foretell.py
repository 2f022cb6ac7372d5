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
from simlib.study import foretell

ROWS = foretell.rows_of_package()
YEARS = (2021, 2022, 2023)


def year_of(row: dict[str, str]) -> int:
    return int((row.get("period") or row["year"])[:4]) if (row.get("period") or row["year"])[:4].isdigit() else 0


def poisoned(after: int) -> foretell.Rows:
    return {
        name: [{**row, "value": "nan"} if year_of(dict(row)) > after else row for row in rows]
        for name, rows in ROWS.items()
    }


def planted(drift: float, network: float, shock: float, growth: float) -> foretell.Rows:
    rng = np.random.default_rng(7)
    rows = []
    value, connected = 13.0, 9.0
    for year in range(2005, 2025):
        for metric, log in (("visits", value), ("networked_institutions", connected)):
            rows.append({"period": str(year), "kind": "inpatient", "metric": metric, "value": repr(float(np.exp(log)))})
        grown = growth * rng.uniform()
        connected += grown
        value += drift + network * grown + shock * rng.standard_normal()
    return {"direct_settlement": rows, "national": []}


@pytest.mark.parametrize("fit_to", YEARS)
def test_later_rows_poisoned_with_nan_change_nothing(fit_to: int) -> None:
    later = poisoned(fit_to)
    for name in ("direct visits, inpatient", "fund payment, inpatient", "direct visits, outpatient"):
        clean, other = (foretell.total(name, rows, fit_to, range(fit_to + 1, 2025)) for rows in (ROWS, later))
        assert np.isfinite(clean).all()
        assert (clean == other).all()
    pd.testing.assert_frame_equal(foretell.learned(fit_to), foretell.learned(fit_to, rows=later))


def test_poison_reaches_what_reads_the_true_network() -> None:
    name = "direct visits, inpatient"
    assert np.isnan(foretell.total(name, poisoned(2021), 2021, [2022], ex_post=True)).all()
    true = foretell.total(name, ROWS, 2021, [2023], ex_post=True)
    assert not (true == foretell.total(name, ROWS, 2021, [2023])).all()


def test_planted_numbers_are_found_again_and_the_unidentified_stay_at_their_prior() -> None:
    figure = foretell.FIGURES["direct visits, inpatient"]
    known = foretell.past(figure, planted(0.1, 0.8, 0.06, 0.8), 2024)
    drift, shock, network = foretell.fit(figure, known, 0)
    for truth, found in ((0.1, drift), (0.06, shock), (0.8, network)):
        low, high = np.quantile(found, (0.05, 0.95))
        assert low < truth < high
    assert np.ptp(np.quantile(network, (0.05, 0.95))) < 0.5  # of a prior interval of 1.35
    still = foretell.past(figure, planted(0.1, 0.8, 0.06, 0.0), 2024)  # a network that never grows says nothing
    _, _, network = foretell.fit(figure, still, 0)
    np.testing.assert_allclose(np.quantile(network, (0.05, 0.5, 0.95)), (0.075, 0.75, 1.425), atol=0.03)


def test_one_value_alone_leaves_every_unknown_at_its_prior() -> None:
    table = foretell.learned(2022)
    chronic = table[table.figure == "direct visits, chronic"]
    assert len(chronic) == 3
    assert (chronic.narrowed.abs() < 0.01).all()
    inpatient = table[(table.figure == "direct visits, inpatient") & (table.parameter == "foretell.network")]
    assert inpatient.narrowed.item() > 0.05


def test_payment_is_visits_times_payment_per_visit() -> None:
    paid = foretell.FIGURES["fund payment, inpatient"]
    per_visit = foretell.past(paid, foretell._per_visit(paid, ROWS), 2023)
    assert np.exp(per_visit.value[2023]) * 1e8 == pytest.approx(12006, rel=1e-3)  # published, yuan
    assert 2018 not in per_visit.value  # no payment is published for it


def test_part_years_and_other_kinds_are_not_read() -> None:
    known = foretell.past(foretell.FIGURES["direct visits, outpatient"], ROWS, 2024)
    assert sorted(known.value) == [2021, 2022, 2023, 2024]
    assert np.exp(known.value[2024]) == pytest.approx(224e6)
    assert sorted(known.network) == [2022, 2023, 2024]


def test_crps_is_that_of_its_definition() -> None:
    values = np.random.default_rng(1).normal(size=300)
    apart = np.abs(values[:, None] - values).mean() / 2
    assert foretell.crps(values, 0.4) == pytest.approx(np.abs(values - 0.4).mean() - apart)


def test_rivals_repeat_the_last_value_and_the_last_step() -> None:
    flat, growing = foretell.rivals({2020: 1.0, 2021: 1.5}, [2022, 2023])
    assert flat.tolist() == [1.5, 1.5] and growing.tolist() == [2.0, 2.5]
    assert np.isnan(foretell.rivals({2021: 1.5}, [2022])[1]).all()


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


def test_predictions_are_what_the_package_foretells_from_the_same_figures() -> None:
    frozen = pd.DataFrame(facts.read("predictions"))
    assert set(frozen.source_sha256) == {foretell.source_sha256()}, "figures have changed: freeze a new vintage beside"
    again = foretell.predict((2025, 2026), "2026-11-25").astype(str)
    pd.testing.assert_frame_equal(frozen, again)


def written(folder: Path, *rows: str) -> str:
    path = folder / "figures.csv"
    path.write_text("figure,year,value\n" + "".join(row + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_figures_are_scored_by_what_was_frozen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in facts.read("predictions") if row["year"] == "2026")
    path = written(tmp_path, f'"{row["figure"]}",2026,{row["median"]}', '"fund payment, chronic",2025,3')
    assert cli.main(["score", path, "--json"]) == 0
    hit, miss = json.loads(capsys.readouterr().out)
    assert hit["error_percent"] == 0 and hit["inside50"] and hit["inside90"]
    assert miss["error_percent"] > 1000 and not miss["inside90"] and miss["quantile_score"] > hit["quantile_score"] > 0


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (
            '"direct visits, inpatiet",2025,1',
            "2:1: figure: direct visits, inpatiet: not predicted. Did you mean direct",
        ),
        ('"direct visits, inpatient",2031,1', "2:2: year: 2031: not predicted. Expected one of 2025, 2026."),
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
