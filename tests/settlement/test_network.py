"""The roll-out of the network: so many institutions at such a speed, what they open, and what they cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simlib.amounts import AMOUNTS
from simlib.errors import BadInputError
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.scenario.change import Change
from simlib.scenario.scenario import Scenario
from simlib.settlement import gates, network
from simlib.settlement.network import Network
from simlib.simulation import measures, simulate, solve
from simlib.study import metrics
from simlib.terms import FEN, INPATIENT

ROOT = Path(__file__).parents[2]
PLACE = areas.load("provinces")
SHANGHAI = PLACE.index("310000")
COST = AMOUNTS.index("network_cost")


def rolling(root: Scenario, *stages: tuple[str, float], year: int = 2024, speed: float = 50.0) -> Scenario:
    """Return a scenario in which Shanghai connects so many institutions for inpatients from some months on."""
    where = {"host": ("shanghai",), "kind": ("inpatient",)}
    stops = [*(f"{start[:5]}{int(start[5:]) - 1:02}" for start, _ in stages[1:]), "2035-12"]
    changes = [
        Change.model_validate(
            {"from": start, "to": stop, "where": where, "set": (("network.institutions", n), ("network.speed", speed))}
        )
        for (start, n), stop in zip(stages, stops, strict=True)
    ]
    root = scenario.reference(root).model_copy(update={"year": year})
    return root.model_copy(update={"name": "x", "parent": root, "changes": tuple(changes)})


def simulated(parameters: solve.ParameterDraw, of: Scenario, *, whole: bool = True) -> np.ndarray:
    """Return the totals of a run without halves."""
    return simulate.live(parameters, of, touched=simulate.touched_by(of), people=20_000, whole=whole).totals.sum(axis=0)


def test_it_goes_at_its_speed_to_its_number_and_stays(delta: Scenario) -> None:
    by = measures.rolled_out(rolling(delta, ("2024-03", 120.0)), PLACE)
    assert by[SHANGHAI, INPATIENT].tolist() == [0, 0, 0, 50, 100, *[120] * 8]
    assert by.sum() == by[SHANGHAI, INPATIENT].sum()
    by = measures.rolled_out(rolling(delta, ("2023-10", 120.0), ("2024-04", 200.0)), PLACE)
    assert by[SHANGHAI, INPATIENT].tolist() == [120, 120, 120, 120, 170, *[200] * 8]  # three months of 2023 are over


def test_it_costs_what_its_institutions_cost_and_no_more_than_there_are(
    parameters: solve.ParameterDraw, delta: Scenario
) -> None:
    each = float(parameters.values[Network.cost][0])
    room = simulate.room(parameters, PLACE, 2024)[INPATIENT, SHANGHAI]
    assert room > 120
    totals = simulated(parameters, rolling(delta, ("2024-03", 120.0)))
    apart = totals[..., COST].sum(axis=(0, 1, 2, 3))
    np.testing.assert_allclose(apart / FEN / each, [0, 120], atol=1e-6)  # in the months that the roll-out touches
    assert totals[INPATIENT, :, :, SHANGHAI, :, COST].sum() == apart.sum()
    assert totals[:, :, SHANGHAI, SHANGHAI, :, COST].sum() == 0  # told by those who come from elsewhere
    told = metrics.metric("network_cost", totals.sum(axis=(0, 1, 2, 3, 4)))
    assert told == pytest.approx(120 * each)
    everything = simulated(parameters, rolling(delta, ("2024-03", 100_000.0), speed=100_000.0))
    assert everything[..., COST].sum() / FEN == pytest.approx(room * each)


def test_the_room_is_what_is_left_spread_as_beds_are(parameters: solve.ParameterDraw) -> None:
    left = np.maximum(gates.possible(parameters.values) - gates.connected(2024), 0)
    for geography in areas.GEOGRAPHIES:
        np.testing.assert_allclose(simulate.room(parameters, areas.load(geography), 2024).sum(axis=1), left)
    assert (simulate.room(parameters, PLACE, 2024) > 0).all()  # the Corps has some of Xinjiang's


def test_connecting_all_is_as_good_as_connecting_every_visit(parameters: solve.ParameterDraw, delta: Scenario) -> None:
    of = rolling(delta, ("2024-01", 100_000.0), speed=100_000.0)
    share = Change.model_validate(
        {"from": "2024-01", "where": of.changes[0].where, "set": (("network.connected", 1.0),)}
    )
    every = simulated(parameters, of.model_copy(update={"changes": (share,)}))
    assert (np.delete(simulated(parameters, of), COST, axis=-1) == np.delete(every, COST, axis=-1)).all()


def test_more_institutions_open_what_the_formula_of_the_gate_says(parameters: solve.ParameterDraw) -> None:
    """Adding institutions to those of 2023 is as if so many more had been published."""
    possible, omega = gates.possible(parameters.values), parameters.omega
    more = 0.3 * (possible - gates.connected(2023))
    was = gates.networked_in(2023, omega, possible)
    now = 1 - (1 - (gates.connected(2023) + more) / possible) ** omega
    opened = network.newly_open(more, possible - gates.connected(2023), omega)
    np.testing.assert_allclose(was + (1 - was) * opened, now)


def test_the_cost_is_told_though_only_what_changes_is_drawn(parameters: solve.ParameterDraw, delta: Scenario) -> None:
    of = rolling(delta, ("2024-03", 120.0))
    assert simulated(parameters, of, whole=False)[..., COST].sum() == simulated(parameters, of)[..., COST].sum() > 0


def test_a_tier_is_connected_by_itself(parameters: solve.ParameterDraw, delta: Scenario) -> None:
    """The three tiers together are all institutions; each alone opens a part."""
    of = rolling(delta, ("2024-01", 0.0))

    def opened(*levers: str) -> int:
        set_ = tuple((lever, 1.0) for lever in levers)
        change = Change.model_validate({"from": "2024-01", "where": of.changes[0].where, "set": set_})
        totals = simulated(parameters, of.model_copy(update={"changes": (change,)}))
        return int(totals[..., AMOUNTS.index("first_not_networked")].sum())

    none, every = opened("network.speed"), opened("network.connected")
    assert opened(*network.BY_TIER) == every < none
    parts = [none - opened(tier) for tier in network.BY_TIER]
    assert min(parts) >= 0 and min(parts[1:]) > 0 and sum(parts) == none - every  # few go to tier 1


def written(folder: Path, *changes: str) -> Scenario:
    text = "extends: baseline.yaml\nyear: 2024\ntitle: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\nchanges:\n"
    (folder / "x.yaml").write_text(text + "".join(f"  - {{{change}}}\n" for change in changes), encoding="utf-8")
    return scenario.load(folder / "x.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            (
                "from: 2024-01, to: 2024-06, set: {network.institutions: 500}",
                "from: 2024-07, set: {network.institutions: 300}",
            ),
            "x.yaml:7:49: network.institutions: 300 from 2024-07 is below 500 from 2024-01, line 6: "
            "a roll-out disconnects nobody. Put the stages in the order of their dates.",
        ),
        (
            (
                "from: 2024-07, set: {network.institutions: 300}",
                "from: 2024-01, to: 2024-06, set: {network.institutions: 500}",
            ),
            "x.yaml:6:49: network.institutions: 300 from 2024-07 is below 500 from 2024-01, line 7",
        ),
        (("from: 2024-07, to: 2024-03, set: {network.institutions: 300}",), "to: 2024-03 is before from, 2024-07"),
        (("from: 2024-01, set: {network.institutions: -5}",), "-5 institutions is below 0"),
        (("from: 2024-01, set: {network.connected.tier1: 1.2}",), "network.connected.tier1: 1.2 is a share above 1"),
        (("from: 2024-01, set: {drg.covered: 40}",), "drg.covered: 40 is a share above 1. Write 0.4 if you mean 40"),
        (("from: 2024-01, where: {home: anhui}, set: {network.speed: 5}",), "cannot be limited by home"),
    ],
)
def test_a_roll_out_that_cannot_be_is_refused_with_its_place(
    beside_root: Path, changes: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BadInputError) as raised:
        written(beside_root, *changes)
    assert message in str(raised.value), str(raised.value)


def test_stages_elsewhere_or_of_another_kind_may_differ(beside_root: Path) -> None:
    stages = (
        "from: 2024-01, to: 2024-06, where: {host: shanghai}, set: {network.institutions: 500}",
        "from: 2024-07, where: {host: jiangsu}, set: {network.institutions: 300}",
        "from: 2024-08, where: {host: shanghai, kind: pharmacy}, set: {network.institutions: 600}",
    )
    assert len(written(beside_root, *stages).changes) == 3


def test_the_shipped_roll_out_reaches_its_number_in_a_year() -> None:
    of = scenario.load(ROOT / "scenarios" / "network_roll_out.yaml")
    by = measures.rolled_out(of, PLACE)
    assert (by[:, INPATIENT, 5:7] == [500, 600]).all() and (by[:, INPATIENT, -1] == 600).all()
    assert by.sum() == by[:, INPATIENT].sum()
