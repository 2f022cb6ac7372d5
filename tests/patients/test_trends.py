"""Trends: later rows change nothing, planted numbers are found again, and one forecast serves all who ask."""

from __future__ import annotations

import numpy as np
import pytest

from simlib.files import facts
from simlib.patients import trends, volumes, within
from simlib.patients.volumes import Targets

ROWS = trends.rows_of_package()
YEARS = (2021, 2022, 2023)


def year_of(row: dict[str, str]) -> int:
    return int((row.get("period") or row["year"])[:4]) if (row.get("period") or row["year"])[:4].isdigit() else 0


def poisoned(after: int) -> trends.Rows:
    return {
        name: [{**row, "value": "nan"} if year_of(dict(row)) > after else row for row in rows]
        for name, rows in ROWS.items()
    }


def planted(drift: float, network: float, shock: float, growth: float) -> trends.Rows:
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
        clean, other = (trends.total(name, rows, fit_to, range(fit_to + 1, 2025)) for rows in (ROWS, later))
        assert np.isfinite(clean).all()
        assert (clean == other).all()


def test_poison_reaches_what_reads_the_true_network() -> None:
    name = "direct visits, inpatient"
    assert np.isnan(trends.total(name, poisoned(2021), 2021, [2022], ex_post=True)).all()
    true = trends.total(name, ROWS, 2021, [2023], ex_post=True)
    assert not (true == trends.total(name, ROWS, 2021, [2023])).all()


def test_planted_numbers_are_found_again_and_the_unidentified_stay_at_their_prior() -> None:
    figure = trends.FIGURES["direct visits, inpatient"]
    known = trends.past(figure, planted(0.1, 0.8, 0.06, 0.8), 2024)
    drift, shock, network = trends.fit(figure, known, 0)
    for truth, found in ((0.1, drift), (0.06, shock), (0.8, network)):
        low, high = np.quantile(found, (0.05, 0.95))
        assert low < truth < high
    assert np.ptp(np.quantile(network, (0.05, 0.95))) < 0.5  # of a prior interval of 1.35
    still = trends.past(figure, planted(0.1, 0.8, 0.06, 0.0), 2024)  # a network that never grows says nothing
    _, _, network = trends.fit(figure, still, 0)
    np.testing.assert_allclose(np.quantile(network, (0.05, 0.5, 0.95)), (0.075, 0.75, 1.425), atol=0.03)


def test_payment_is_visits_times_payment_per_visit() -> None:
    paid = trends.FIGURES["fund payment, inpatient"]
    per_visit = trends.past(paid, trends._per_visit(paid, ROWS), 2023)
    assert np.exp(per_visit.value[2023]) * 1e8 == pytest.approx(12006, rel=1e-3)  # published, yuan
    assert 2018 not in per_visit.value  # no payment is published for it


def test_part_years_and_other_kinds_are_not_read() -> None:
    known = trends.past(trends.FIGURES["direct visits, outpatient"], ROWS, 2024)
    assert sorted(known.value) == [2021, 2022, 2023, 2024]
    assert np.exp(known.value[2024]) == pytest.approx(224e6)
    assert sorted(known.network) == [2022, 2023, 2024]


def standing(visits: float, bills: float) -> dict[object, np.ndarray]:
    return {q: np.array([bills if "bill" in q.id else visits]) for q in Targets.quantities()}


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_a_simulated_year_and_a_prediction_of_it_are_one_forecast(year: int) -> None:
    frozen = {(row["figure"], row["year"], row["made_on"]): row for row in facts.read("predictions")}
    for at, column in ((0.05, "low90"), (0.25, "low50"), (0.5, "median"), (0.95, "high90")):
        visits = volumes.direct(year, standing(at, 0.5))[:, 0]  # type: ignore[arg-type]
        for kind, simulated in (("inpatient", visits[0]), ("outpatient", visits[1:].sum()), ("pharmacy", visits[3])):
            row = frozen[f"direct visits, {kind}", str(year), "2026-12-01"]
            assert simulated == pytest.approx(float(row[column]), rel=1e-4)


def test_a_trend_is_damped_and_never_frozen() -> None:
    """Payment per admission fell by 8 % in 2024: it goes on falling, by less each year."""
    paid = [
        float(cells[0, 1] / cells[0, 0])
        for cells in (volumes.direct(year, standing(0.5, 0.5)) for year in range(2024, 2029))  # type: ignore[arg-type]
    ]
    falls = -np.diff(np.log(paid))
    assert (falls > 0).all() and (np.diff(falls) < 0).all() and falls[0] < np.log(12_006 / 11_068)


def test_what_is_foretold_stays_above_zero_however_far_up_or_down_a_draw_stands() -> None:
    ends = Targets.trend_outpatient.low, 0.5, Targets.trend_outpatient.high
    for year in (2025, 2030):
        for visits in ends:
            for bills in ends:
                assert (volumes.direct(year, standing(visits, bills)) > 0).all()  # type: ignore[arg-type]


def test_care_within_provinces_goes_on_as_its_own_cost() -> None:
    known = [within.index(year, standing(0.5, 0.5))[0] for year in (2023, 2024, 2025, 2026)]  # type: ignore[arg-type]
    steps = np.diff(np.log(known))
    assert (steps > 0).all() and steps[2] < steps[1]


def test_a_drift_that_no_step_tells_of_is_that_of_the_next_year() -> None:
    figure = trends.FIGURES["cross-province cost, employee"]
    for value, wanted in (({2024: 5.0}, 0.2), ({2023: 4.8, 2024: 5.0}, 0.1)):  # the middle of the range; half a step
        step = trends.ahead(figure, trends.Past(value, {}), [2025])[:, 0] - 5.0
        assert np.median(step) == pytest.approx(wanted, abs=0.02)
