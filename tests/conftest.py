"""What the tests share: the shipped scenarios, and one solved parameter draw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from simlib.fund.books import Books, follow
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.simulation import kept, simulate, solve
from simlib.study.results import Results

# The first call of a rule compiles it, which no deadline foresees; the same examples every time.
settings.register_profile("simlib", deadline=None, derandomize=True)
settings.load_profile("simlib")

ROOT = Path(__file__).parent.parent
PEOPLE = 20_000


@pytest.fixture
def beside_root(tmp_path: Path) -> Path:
    """Return a folder with the shipped root and what it names, for a scenario of one's own."""
    for name in ("baseline.yaml", "fitted.json"):
        (tmp_path / name).write_bytes((ROOT / "scenarios" / name).read_bytes())
    return tmp_path


@pytest.fixture(scope="session")
def delta() -> scenario.Scenario:
    return scenario.load(ROOT / "scenarios" / "delta_mutual_recognition.yaml")


@pytest.fixture(scope="session")
def no_change() -> scenario.Scenario:
    return scenario.load(ROOT / "scenarios" / "no_change.yaml")


@pytest.fixture(scope="session")
def place() -> areas.Place:
    return areas.load("provinces")


@pytest.fixture(scope="session")
def parameters(place: areas.Place, delta: scenario.Scenario) -> solve.ParameterDraw:
    return kept.solved(scenario.reference(delta), 11, 3)


@pytest.fixture(scope="session")
def runs(parameters: solve.ParameterDraw, delta: scenario.Scenario) -> tuple[simulate.Run, simulate.Run]:
    touched, both = simulate.touched_by(delta), (scenario.reference(delta), delta)
    before, after = (simulate.live(parameters, of, touched=touched, people=PEOPLE) for of in both)
    return before, after


@pytest.fixture(scope="session")
def books(parameters: solve.ParameterDraw, runs: tuple[simulate.Run, simulate.Run]) -> tuple[Books, Books]:
    return follow(parameters, *runs)


def altered(study: Results, **changed: Any) -> Results:
    """Return one scenario's results as if its run had said something else: facts, amounts, parameters, tables."""
    tables = {**study.tables, **changed.pop("tables", {})}
    if "facts" in changed:
        tables["headline.json"] = [{"scenario": study.name, "unused": []} | changed.pop("facts")]
    if "fit" in changed:
        tables["fit.csv"] = changed.pop("fit")
    amounts = {key: changed.pop(key) for key in ("place", "groups", "before", "after") if key in changed}
    scenarios = {study.name: replace(study.amounts, **amounts)}
    return replace(study, tables=tables, scenarios=scenarios, **changed)
