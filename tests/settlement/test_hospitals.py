"""Hospitals: willing as they are until policy moves what direct settlement gains them, by a little and either way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simlib.amounts import AMOUNTS
from simlib.files.facts import value
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.scenario.change import Change
from simlib.scenario.scenario import Scenario
from simlib.settlement import hospitals
from simlib.settlement.hospitals import Drg, Hospitals
from simlib.simulation import measures, simulate, solve
from simlib.terms import KINDS

ROOT = Path(__file__).parents[2]
SHANGHAI = areas.load("provinces").index("310000")
INPATIENT = KINDS.index("inpatient")


@pytest.fixture(scope="module")
def root(delta: Scenario) -> Scenario:
    return scenario.reference(delta).model_copy(update={"year": 2024})


def setting(root: Scenario, lever: str, value: float) -> Scenario:
    """Return a scenario that sets a lever in Shanghai as host from January 2024 on."""
    change = Change.model_validate({"from": "2024-01", "where": {"host": ("shanghai",)}, "set": ((lever, value),)})
    return root.model_copy(update={"name": "x", "changes": (change,), "parent": root})


def simulated(parameters: solve.ParameterDraw, of: Scenario) -> np.ndarray:
    """Return the amounts of a run, (kind, home, host, amount), everybody looked at alike."""
    nowhere = np.zeros_like(simulate.touched_by(of))
    return simulate.live(parameters, of, touched=nowhere, people=20_000).totals.sum(axis=(0, 2, 5))


def amount(totals: np.ndarray, name: str) -> int:
    """Return an amount of the patients whom Shanghai treats."""
    return int(totals[:, :, SHANGHAI, AMOUNTS.index(name)].sum())


def pinned(parameters: solve.ParameterDraw, **values: float) -> solve.ParameterDraw:
    """Return a draw in which uncertain parameters of hospitals have these values."""
    known = {"worth": Hospitals.worth, "bill": Drg.bill, "growth": Drg.growth, "margin": Drg.margin}
    return replace(
        parameters, values={**parameters.values, **{known[name]: np.array([x]) for name, x in values.items()}}
    )


def rate(totals: np.ndarray) -> float:
    cases = sum(amount(totals, f"visits_{way}") for way in ("direct", "claimed", "abandoned"))
    return amount(totals, "visits_direct") / cases


@pytest.fixture(scope="module")
def before(parameters: solve.ParameterDraw, root: Scenario) -> np.ndarray:
    return simulated(parameters, root)


def test_being_paid_sooner_helps_a_little_and_later_harms(
    parameters: solve.ParameterDraw, root: Scenario, before: np.ndarray
) -> None:
    """A month's interest is a few thousandths of a bill: points of the rate would be a mistake."""
    sooner, later = (simulated(parameters, setting(root, "ledger.hospital.lag", months)) for months in (0, 12))
    assert rate(later) < rate(before) < rate(sooner) < rate(before) + 0.01
    for condition in ("first_not_filed", "first_not_coded"):
        assert amount(later, condition) >= amount(before, condition) >= amount(sooner, condition)
    assert amount(later, "first_not_filed") + amount(later, "first_not_coded") > sum(
        amount(before, name) for name in ("first_not_filed", "first_not_coded")
    )
    for name in ("visits_direct", "first_not_filed"):  # nowhere else
        at = AMOUNTS.index(name)
        assert (np.delete(later, SHANGHAI, axis=2)[..., at] == np.delete(before, SHANGHAI, axis=2)[..., at]).all()


def test_what_two_months_sooner_are_worth_by_hand() -> None:
    v = {q: np.array([q.number]) for group in (Hospitals, Drg) for q in group.quantities()}
    v[Hospitals.worth] = np.array([10.0])
    answer = hospitals.answer(v)
    gains = hospitals.gains(*np.array([[0.0], [12.0], [0.0], [0.0], [0.0]]))
    assert gains.tolist() == [[0.0, 0.0, 2.0, 0.0]]
    # Two months of 4 % a year on the fund's 58.4 % of the bill are 0.39 % of it: 0.039 on the log odds.
    assert float(gains[0] @ answer.weights) == pytest.approx(10 * 2 / 12 * 0.04 * 0.584)


def test_without_a_policy_nothing_moves_whatever_the_unknowns(parameters: solve.ParameterDraw, root: Scenario) -> None:
    found = measures.taken(root, areas.load("provinces"))
    assert len(found.kind) == 1 and not found.paths.any()
    assert (
        simulated(pinned(parameters, worth=20.0, bill=-0.12, margin=0.05), root) == simulated(parameters, root)
    ).all()


@pytest.mark.parametrize("end", [-3.0, -0.2, 0.4, 2.0])
def test_as_many_faults_are_left_as_the_willingness_says(
    parameters: solve.ParameterDraw, root: Scenario, end: float
) -> None:
    """Not filed and not coded are raw faults x (1 - W), whether W rises or falls."""
    of = setting(root, "hospitals.disputes_settled", 1.0)
    found = measures.taken(of, areas.load("provinces"))
    answer = hospitals.HospitalResponse(np.array([0.0, 0.0, 0.0, end]), 1.0, 0.0, 0.0)
    ground = simulate.ground(parameters, areas.load("provinces"), 2024)._replace(answer=answer)
    mended, uncoded = ground.mended, ground.uncoded
    table = measures.table(found, ground)[1:]
    k = found.kind[1:]
    willing = 1 / (1 + (1 / mended[k] - 1) * np.exp(-end))
    np.testing.assert_allclose(table["mended"] / 2**64, willing)
    left = uncoded[k] * (1 - table["unified"] / 2**64) + (1 - uncoded[k]) * table["uncoded"] / 2**64
    np.testing.assert_allclose(left, uncoded[k] * (1 - willing) / (1 - mended[k]))


def test_drg_scales_the_bills_of_its_inpatients_and_no_other(
    parameters: solve.ParameterDraw, root: Scenario, before: np.ndarray
) -> None:
    of = pinned(parameters, bill=-0.10, growth=0.0, margin=0.0)
    whole, half = (simulated(of, setting(root, "drg.covered", share)) for share in (1.0, 0.5))
    bills = [AMOUNTS.index(f"bill_{way}") for way in ("direct", "claimed", "abandoned")]
    was, now, between = (t[INPATIENT, :, SHANGHAI][:, bills].sum() for t in (before, whole, half))
    assert now / was == pytest.approx(0.90, abs=1e-6) and between / was == pytest.approx(0.95, abs=1e-6)
    others = [np.delete(t, INPATIENT, axis=0)[..., bills].sum(axis=-1) for t in (before, whole)]
    assert (others[0] == others[1]).all()
    assert (np.delete(whole, SHANGHAI, axis=2) == np.delete(before, SHANGHAI, axis=2)).all()
    assert amount(whole, "fund_direct") < amount(before, "fund_direct")


@pytest.mark.parametrize(("start", "years"), [("2024-01", 0), ("2023-01", 1), ("2021-07", 2.5)])
def test_bills_under_drg_grow_otherwise_from_the_month_it_starts(
    parameters: solve.ParameterDraw, root: Scenario, before: np.ndarray, start: str, years: float
) -> None:
    """In January 2024 bill x (1 + level) x (1 + growth)^(years since the start), and a twelfth more each month."""
    place = areas.load("provinces")
    change = Change.model_validate({"from": start, "where": {"host": ("shanghai",)}, "set": (("drg.covered", 1.0),)})
    of = root.model_copy(update={"name": "x", "changes": (change,), "parent": root})
    found = measures.taken(of, place)
    answer = hospitals.HospitalResponse(np.zeros(4), 1.0, -0.1, -0.03)
    table = measures.table(found, simulate.ground(parameters, place, 2024)._replace(answer=answer))
    by_month = table["bill"][found.which[0, SHANGHAI, INPATIENT] >> 1]
    np.testing.assert_allclose(by_month, 0.9 * 0.97 ** (years + np.arange(12) / 12), rtol=1e-12)
    bills = [AMOUNTS.index(f"bill_{way}") for way in ("direct", "claimed", "abandoned")]
    now = simulated(pinned(parameters, bill=-0.1, growth=-0.03, margin=0.0), of)[INPATIENT, :, SHANGHAI][:, bills].sum()
    was = before[INPATIENT, :, SHANGHAI][:, bills].sum()
    assert 0.9 * 0.97 ** (years + 1) < now / was < 0.9 * 0.97**years


def test_growth_is_forgone_for_good_and_a_half_covered_grows_half_as_fast() -> None:
    covered = np.zeros((1, 49, 4))
    covered[0, :24, hospitals.COVERED] = 0.5
    bill = hospitals.billed(covered, -0.1, -0.03)[0]
    assert bill[[0, 12, 24, 48]] == pytest.approx([0.95, 0.95 * 0.97**0.5, 0.97, 0.97])


def test_a_hospital_that_loses_by_drg_is_less_willing(parameters: solve.ParameterDraw, root: Scenario) -> None:
    of = setting(root, "drg.covered", 1.0)
    loses, even, gains = (
        rate(simulated(pinned(parameters, bill=0.0, growth=0.0, margin=m, worth=20.0), of)) for m in (-0.05, 0.0, 0.05)
    )
    assert loses < even < gains
    assert even == rate(simulated(parameters, root))


def test_the_effect_on_the_bill_and_on_its_growth_may_be_none() -> None:
    for effect in (Drg.bill, Drg.growth):
        assert effect.low is not None and effect.high is not None and effect.low < 0 < effect.high


def test_the_range_of_growth_is_what_admissions_did_while_drg_spread() -> None:
    """At most all of the published fall since 2021, of either scheme."""
    for scheme, a_year in (("employee", -0.033), ("resident", -0.026)):
        cost, number = (
            [
                value("national", metric=m, scheme=scheme, year=year, place="national", tier="all")
                for year in ("2021", "2024")
            ]
            for m in ("inpatient_cost", "discharges")
        )
        grown = (cost[1] / number[1]) / (cost[0] / number[0])
        assert grown ** (1 / 3) - 1 == pytest.approx(a_year, abs=5e-4)
        assert Drg.growth.low is not None and Drg.growth.low <= a_year
