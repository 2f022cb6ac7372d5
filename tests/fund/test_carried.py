"""What a scenario does in later years is what it did when its own year ended: no January undoes it, none doubles it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simlib.fund import carried
from simlib.fund.books import Books, of_scenario
from simlib.fund.ledger import YEARS
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.terms import KINDS, MONTHS

ROOT = Path(__file__).parents[2]


def paid(of: Books) -> np.ndarray:
    """Return what funds pay on direct cases and on claims, across provinces or not, by month of the books."""
    flows = of.flows
    return np.asarray(flows.direct.sum(axis=(1, 2, 3)) + flows.claimed.sum(axis=(1, 2)))[MONTHS:]


@pytest.mark.parametrize(
    ("name", "months"),
    [
        ("delta_mutual_recognition", 6),  # began in July
        ("delta_mutual_recognition_cities", 6),  # the same, of few people in each city
        ("national_catalogue_phased", 6),  # its second stage began in July
        ("network_roll_out", 3),  # institutions join month by month
        ("drg_for_patients_from_elsewhere", 3),  # bills grow more slowly month by month
    ],
)
def test_the_effect_of_later_years_is_that_of_the_last_months_of_the_own_year(name: str, months: int) -> None:
    of = scenario.load(ROOT / "scenarios" / f"{name}.yaml")
    before, after = (paid(books).reshape(-1, months).sum(axis=1) for books in of_scenario(of, people=20_000))
    effect = after / before - 1
    last, *following = effect[MONTHS // months - 1 :]
    assert abs(last) > 0.002
    assert len(following) == (YEARS - 1) * MONTHS // months
    assert np.array(following) == pytest.approx(last, rel=0.2)


def test_a_month_that_is_as_a_year_before_has_its_flow_and_other_months_that_of_the_settled_ones() -> None:
    of = scenario.load(ROOT / "scenarios" / "delta_mutual_recognition.yaml")
    found = carried.seasons(of, areas.load(of.geography))
    began = np.arange(MONTHS) >= 6  # July
    assert (found.holds[0].any(axis=(0, 1, 2, 3)) == began).all()
    assert found.holds[1].any(axis=(0, 1, 2, 3)).all()
    assert (found.settled == found.holds[0]).all()
    assert (found.repeats[1] == (found.holds[1] == found.holds[0])).all()
    flow = np.full((2, *found.settled.shape), 100)
    levels = [np.ones(len(KINDS)), 1.1 * np.ones(len(KINDS)), np.ones(len(KINDS))]
    moved = carried.over_years(found, levels, flow, np.where(found.settled, flow * 2, flow))
    kind, scheme, home, host, _ = np.argwhere(found.settled)[0]
    assert moved[0, kind, scheme, home, host, [0, 6, 12, 18]].tolist() == [100, 200, 220, 220]
    untouched = ~found.holds[1].any(axis=-1)
    assert untouched.any()
    assert (moved[:, untouched].reshape(2, -1, YEARS, MONTHS) == np.array([100, 110, 100])[:, None]).all()
