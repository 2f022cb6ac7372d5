"""Every lever does what its declaration says: nothing at zero, the declared sign at full strength, and only there.

One small draw, one pair of provinces, one world: what is written beside a lever is enough to be tested.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from simlib import areas, cli, inert, metrics, scenario, simulate, solve
from simlib.changes import Change
from simlib.declared import checked, levers
from simlib.loop import AMOUNTS
from simlib.scenario import Scenario, Text, Title
from simlib.terms import KINDS, BadInputError, Quantity

ROOT = Path(__file__).parent.parent
PLACE = areas.load("provinces")
LEVERS = {name: lever for name, lever in levers().items() if lever.kinds and not name.startswith("pooling.")}
"""Those of care between provinces; what only moves money is tested with the ledger, pools of cities with pooling."""
HOMES, HOSTS = ("安徽", "江苏"), ("上海", "浙江", "北京")
"""Where a lever is set: pairs with enough patients to hold every disease."""
BARE = Scenario(
    name="bare", path="bare.yaml", sha256="", year=2024, title=Title(zh="空", en="Bare"), question=Text(zh="？", en="?")
)
"""A root that enacts nothing: every lever at its default."""

every_lever = pytest.mark.parametrize("lever", LEVERS.values(), ids=LEVERS)


def setting(lever: Quantity, value: bool | float | str) -> Scenario:
    """Return a scenario that sets a lever, and what it needs beside it, on the pairs of homes and hosts if it can."""
    limits = {"home": HOMES, "host": HOSTS}
    where = {axis: name for axis, name in limits.items() if axis in lever.axes}
    beside = lever.at_full.beside if lever.at_full else ()
    change = Change.model_validate({"from": "2024-01", "where": where, "set": (*beside, (lever.id, value))})
    return BARE.model_copy(update={"name": lever.id, "parent": BARE, "changes": (change,)})


def lived(world: solve.World, of: Scenario) -> np.ndarray:
    """Return amounts by (kind, home, host, amount) of those at home where it is set, and in Shandong."""
    touched = np.zeros_like(simulate.touched_by(of))
    touched[[PLACE.resolve(name)[0] for name in (*HOMES, "山东")]] = True
    touched[PLACE.province[:, None] == PLACE.province] = False
    totals = simulate.live(world, of, touched=touched, people=40_000, whole=False).totals
    return np.asarray(totals.sum(axis=(0, 2, 5)))


@pytest.fixture(scope="module")
def world(delta: Scenario) -> solve.World:
    """Return a world in which every disease is as frequent as the middle of its range: rare ones are met too."""
    return solve.solve(scenario.reference(delta), 11, 3, {"chronic.patients": 0.5})


@pytest.fixture(scope="module")
def before(world: solve.World) -> np.ndarray:
    return lived(world, BARE)


@every_lever
def test_a_lever_declares_what_it_does(lever: Quantity) -> None:
    assert lever.at_full is not None and (lever.at_full.up or lever.at_full.down)
    assert lever.at_full.value != lever.at_full.none and checked(lever, lever.at_full.value) is not None
    assert set(lever.at_full.up + lever.at_full.down) <= set(metrics.UNITS)
    assert set(lever.at_full.untouched) <= {*KINDS, *metrics.UNITS, *AMOUNTS}
    for name, value in lever.at_full.beside:
        assert checked(LEVERS[name], value) == value


@every_lever
def test_a_lever_at_zero_changes_exactly_nothing(lever: Quantity, world: solve.World, before: np.ndarray) -> None:
    assert lever.at_full is not None
    zero = lever.default if lever.at_full.none is None else lever.at_full.none
    if zero is None:  # an area's own rule: no value stands for it, not setting it does
        assert lever.id.startswith("benefits.")
        return
    assert (lived(world, setting(lever, zero)) == before).all()


@every_lever
def test_a_lever_at_full_strength_moves_what_it_says_and_only_there(
    lever: Quantity, world: solve.World, before: np.ndarray
) -> None:
    assert lever.at_full is not None
    after = lived(world, setting(lever, lever.at_full.value))
    elsewhere = np.ones(before.shape[1:3], dtype=bool)
    homes, hosts = (
        [PLACE.resolve(name)[0] for name in (names if axis in lever.axes else PLACE.codes)]
        for axis, names in (("home", HOMES), ("host", HOSTS))
    )
    elsewhere[np.ix_(homes, hosts)] = False
    assert (after[:, elsewhere] == before[:, elsewhere]).all()
    kinds = [KINDS.index(kind) for kind in lever.kinds]
    for direction, names in ((1, lever.at_full.up), (-1, lever.at_full.down)):
        for name in names:
            was, now = (metrics.metric(name, of[kinds].sum(axis=0)[~elsewhere].sum(axis=0)) for of in (before, after))
            assert direction * (now - was) > 0, f"{name}: from {was} to {now}"
    for name in lever.at_full.untouched:
        if name in KINDS:
            assert (after[KINDS.index(name)] == before[KINDS.index(name)]).all(), name
        elif name in AMOUNTS:
            assert (after[..., AMOUNTS.index(name)] == before[..., AMOUNTS.index(name)]).all(), name
        else:
            was, now = (metrics.metric(name, of) for of in (before, after))
            assert np.array_equal(was, now, equal_nan=True), name


def written(folder: Path, *changes: str, more: str = "") -> Scenario:
    for name in ("baseline.yaml", "fitted.json"):
        (folder / name).write_bytes((ROOT / "scenarios" / name).read_bytes())
    text = (
        f"extends: baseline.yaml\nyear: 2024\ntitle: {{zh: 题, en: T}}\nquestion: {{zh: 问, en: Q}}\n{more}changes:\n"
    )
    (folder / "x.yaml").write_text(text + "".join(f"  - {{{change}}}\n" for change in changes), encoding="utf-8")
    return scenario.load(folder / "x.yaml")


EITHER = "set: {catalogue.rule.service: either}"
WITHOUT_EFFECT = {
    "within a province": (f"from: 2024-07, where: {{home: 上海, host: 上海}}, {EITHER}", "inside provinces only"),
    "in force already": ("from: 2024-01, where: {home: 浙江}, set: {chronic.listed.stroke: true}", "in force already"),
    "the default": ("from: 2024-01, set: {catalogue.rule.drug: host}", "in force already"),
    "a reach without a rule": (
        "from: 2024-01, set: {catalogue.reach.drug: 0.5}",
        "needs catalogue.rule.drug, which is not set there",
    ),
    "a real change": (f"from: 2024-07, where: {{home: 安徽, host: 上海}}, {EITHER}", ""),
    "a reach with its rule": ("from: 2024-01, set: {catalogue.reach.drug: 0.5, catalogue.rule.drug: home}", ""),
}


@pytest.mark.parametrize(("change", "words"), WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT)
def test_a_line_without_effect_is_named_with_the_reason(change: str, words: str, tmp_path: Path) -> None:
    found = [str(line) for line in inert.warnings(written(tmp_path, change))]
    if not words:
        assert found == []
        return
    (line,) = found
    column = change.index(": {c") + 8
    assert line.startswith(f"{tmp_path}/x.yaml:6:") and ": warning: c" in line and words in line
    assert int(line.split(":")[2]) > column - 5


def test_the_same_line_may_have_an_effect_in_another_geography(tmp_path: Path) -> None:
    change = f"from: 2024-07, where: {{home: 杭州, host: 上海}}, {EITHER}"
    assert inert.warnings(written(tmp_path, change, more="geography: delta\n")) == ()
    change = f"from: 2024-07, where: {{home: 杭州, host: 宁波}}, {EITHER}"
    (line,) = inert.warnings(written(tmp_path, change, more="geography: delta\n"))
    assert "inside provinces only, and delta are simulated across them" in str(line)


def test_no_shipped_measure_has_a_line_without_effect() -> None:
    for path in sorted((ROOT / "scenarios").glob("*.yaml")):
        found = inert.warnings(scenario.load(path))
        assert bool(found) == (path.stem == "no_change"), [str(line) for line in found]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("chronic.listed.asthma: true", "chronic.listed.asthma: no such lever."),
        ("chronic.listed.strok: true", "no such lever. Did you mean chronic.listed.stroke?"),
        ("chronic.listed.stroke: M01600", "chronic.listed.stroke: found the text 'M01600'. Write true or false"),
        ("chronic.listed.stroke: true, chronic.listed.stroke: false", "chronic.listed.stroke: written twice"),
        ("chronic.listed.stroke: 1.5", "chronic.listed.stroke: found the number 1.5. Write true or false"),
    ],
)
def test_unknown_and_doubled_diseases_are_refused_with_their_place(line: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as raised:
        written(tmp_path, f"from: 2024-01, set: {{{line}}}")
    (fault,) = raised.value.faults
    assert str(fault).startswith(f"{tmp_path}/x.yaml:6:") and words in str(fault)


def test_a_roll_out_whose_dates_are_out_of_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"x.yaml:6:25: to: 2024-03 is before from, 2024-07. Swap them?"):
        written(tmp_path, "from: 2024-07, to: 2024-03, set: {filing.free: true}")


def test_a_line_without_effect_is_said_and_the_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, *(WITHOUT_EFFECT[name][0] for name in ("within a province", "a real change")))
    file, out = str(tmp_path / "x.yaml"), str(tmp_path / "out")
    assert cli.main(["check", file]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{file}: fine\n" and captured.err.startswith(f"{file}:6:")
    assert "warning: catalogue.rule.service has no effect" in captured.err
    assert cli.main(["check", file, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 1
    for command in ("run", "attribute"):
        assert cli.main([command, file, "--draws", "2", "--people", "1000", "--out", out]) == 0
        assert capsys.readouterr().err.count("warning: ") == 1
