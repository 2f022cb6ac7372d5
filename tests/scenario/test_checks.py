"""Parameters that a run does not use: exactly nothing hangs on them there, and something where they are used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simlib.quantities import CITIES, LATER, Quantity, levers, register
from simlib.scenario import checks, scenario
from simlib.scenario.change import Change
from simlib.scenario.scenario import Scenario
from simlib.settlement.network import Network
from simlib.simulation import kept, simulate, solve
from simlib.simulation.years import HISTORY
from simlib.study import evidence, experiment, findings, results

ROOT = Path(__file__).parents[2]
KNOWN = register()
USED_WITH = [(q, one) for q in KNOWN.values() for one in q.only]


def test_what_an_unknown_is_used_with_is_a_lever_a_form_or_a_word() -> None:
    forms = {f"{q.id}={form}" for q in KNOWN.values() if q.role == "variant" for form in q.choices}
    assert USED_WITH and {one for _, one in USED_WITH} <= {*levers(), *forms, LATER, CITIES}
    assert all(q.role == "uncertain" and q in experiment.scalar_parameters() for q, _ in USED_WITH)


def test_nothing_hangs_on_the_unknowns_that_a_run_does_not_use(delta: Scenario) -> None:
    unused = checks.unused(delta, {})
    assert {"drg.growth", "response.bill", "flow.e_km", "targets.trend_outpatient", "network.cost"} <= set(unused)
    assert {"flow.beta", "channels.attention"}.isdisjoint(unused)
    ends = ({name: float(getattr(KNOWN[name], end)) for name in unused} for end in ("low", "high"))
    low, high = (simulate.run(delta, seed=1, people=20_000, pin=pin) for pin in ends)
    assert (low.totals == high.totals).all() and (low.paid == high.paid).all()


def using(root: Scenario, what: str) -> Scenario:
    """Return a scenario that has what an unknown is used with, a form of the model aside."""
    lever = levers().get(what)
    at_full = lever.at_full if lever else None
    change = {"from": "2024-01", "set": (*at_full.beside, (what, at_full.value))} if at_full else {}
    if what == "ledger.hospital.lag":
        change = {"from": "2024-01", "set": ((what, 0.0),)}
    year = 2027 if what == LATER else 2024
    geography = "jing_jin_ji" if what == CITIES else "provinces"
    changes = (Change.model_validate(change),) if change else ()
    new = {"name": "x", "year": year, "geography": geography, "changes": changes, "parent": root}
    return root.model_copy(update=new)


@pytest.mark.parametrize(("unknown", "what"), USED_WITH, ids=[f"{q.id}, {what}" for q, what in USED_WITH])
def test_something_hangs_on_an_unknown_where_it_is_used(
    unknown: Quantity, what: str, parameters: solve.ParameterDraw, delta: Scenario
) -> None:
    root = scenario.reference(delta)
    of = using(root, what)
    if "response.form" in what:
        of = scenario.load(ROOT / "scenarios" / "code_unification.yaml")
    form = dict([what.split("=")]) if "=" in what else {}
    assert unknown.id not in checks.unused(of, form)

    def simulated(value: float) -> np.ndarray:
        pin = {**form, unknown.id: value}
        there = kept.solved(scenario.reference(of), 11, 3, pin) if unknown.id.startswith("flow.") else parameters
        forms = {KNOWN[name]: np.array([KNOWN[name].choices.index(chosen)]) for name, chosen in form.items()}
        there = replace(there, values={**there.values, **forms, unknown: np.array([value])})
        return simulate.live(there, of, touched=simulate.touched_by(of), people=400_000, whole=what == CITIES).totals

    assert unknown.low is not None and unknown.high is not None
    assert (simulated(unknown.low) != simulated(unknown.high)).any()


def test_the_pace_of_the_network_after_2024_moves_the_years_to_come_and_no_payment(delta: Scenario) -> None:
    pace = KNOWN["network.pace_ahead"]
    assert (pace.low, pace.high, pace.grade) == (0, Network.speed.number, "assumed")
    assert pace.id in experiment.APART and pace not in experiment.scalar_parameters()
    pins: tuple[dict[str, float | str], ...] = ({pace.id: 0.0}, {}, {pace.id: Network.speed.number})
    found = [experiment.repeat([delta], draws=2, seed=0, people=5_000, whole=False, pin=pin) for pin in pins]
    first, *others = (runs.simulated[0].amounts for runs in found)
    assert all((first == other).all() for other in others)
    for none, drawn, most in zip(*(runs.common.checks for runs in found), strict=True):
        known, rates = len(HISTORY), [check.years.rate for check in (none, drawn, most)]
        assert (rates[0][:known] == rates[1][:known]).all()
        assert rates[0][known] < rates[1][known] < rates[2][known] and (rates[1] <= rates[2]).all()


def test_drivers_are_among_what_is_used(delta: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "FEWEST_TO_NAME", 2)
    study = results.of_runs(experiment.repeat([delta], draws=4, seed=0, people=5_000, whole=False))
    unused, listed = set(checks.unused(delta, {})), evidence.drivers(study)
    assert set(listed.id) == {q.id for q in experiment.scalar_parameters()} - unused
    assert set(study.uncertain) == set(listed.id)
    priced = checks.unused(delta, {"response.form": "price"})
    assert "response.bill" not in priced and "response.eta" in priced
