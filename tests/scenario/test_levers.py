"""Every lever does what its declaration says: nothing at zero, the declared sign at full strength, and only there.

In care and in the books. One small draw, one pair of provinces: what is written beside a lever is enough to be tested.
Pools are those of cities.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pytest

from simlib import cli
from simlib.amounts import AMOUNTS
from simlib.errors import BadInputError
from simlib.files.shapes import Text, Title
from simlib.fund.books import Books, follow
from simlib.fund.indicators import INDICATORS, monthly
from simlib.fund.ledger import ENTRIES
from simlib.patients import areas
from simlib.quantities import AtFull, Quantity, checked, levers
from simlib.scenario import checks, scenario
from simlib.scenario.change import Change
from simlib.scenario.scenario import Scenario
from simlib.simulation import kept, simulate
from simlib.simulation.simulate import Run
from simlib.study import metrics
from simlib.terms import KINDS

ROOT = Path(__file__).parents[2]
LEVERS = levers()
HOMES, HOSTS = ("安徽", "江苏"), ("上海", "浙江", "北京")
"""Where a lever is set: pairs with enough patients to hold every disease."""
BARE = Scenario(
    name="bare", path="bare.yaml", sha256="", year=2024, title=Title(zh="空", en="Bare"), question=Text(zh="？", en="?")
)
"""A root that enacts nothing: every lever at its default."""

every_lever = pytest.mark.parametrize("lever", LEVERS.values(), ids=LEVERS)
Live = Callable[[Scenario], "Simulated"]


def declared(lever: Quantity) -> AtFull:
    """Return what a lever declares that it does."""
    assert lever.at_full is not None
    return lever.at_full


def zero(lever: Quantity) -> bool | float | str | None:
    """Return the value at which a lever does nothing; None if no value stands for that."""
    none = declared(lever).none
    return lever.default if none is None else none


def bare(lever: Quantity) -> Scenario:
    """Return a root that enacts nothing, in a geography that has what the lever moves: only cities have pools."""
    return BARE.model_copy(update={"geography": "delta" if lever.id.startswith("pooling.") else "provinces"})


def setting(lever: Quantity, *value: bool | float | str) -> Scenario:
    """Return a scenario that sets a lever to a value, if one is given, and what the lever needs beside it.

    On the pairs of homes and hosts, if it can be limited to them.
    """
    limits = {"home": HOMES, "host": HOSTS}
    where = {axis: name for axis, name in limits.items() if axis in lever.axes}
    settings = (*declared(lever).beside, *((lever.id, of) for of in value))
    change = Change.model_validate({"from": "2024-01", "where": where, "set": settings})
    root = bare(lever)
    return root.model_copy(update={"name": lever.id, "parent": root, "changes": (change,)}) if settings else root


def without(lever: Quantity) -> Scenario:
    """Return what a lever is compared with: what it needs beside it alone, or nothing if it then is not off."""
    return bare(lever) if declared(lever).none is not None else setting(lever)


@dataclass(frozen=True)
class Simulated:
    """A scenario's year of those at home where levers are set, and in Shandong.

    care : amounts by (kind, home, host, amount). books : what followed for the money.
    """

    place: areas.Place
    care: np.ndarray
    books: Books

    @cached_property
    def money(self) -> dict[str, float]:
        """Indicators and entries of all areas, mean over the months of the books; NaN if not told."""
        amounts = dict(zip(INDICATORS, monthly(self.books)[:, 0], strict=True))
        amounts |= {cause: amount[1:].sum(axis=(1, 2, 3)) for cause, amount in self.books.moves.items()}
        return {name: float(amount.mean()) for name, amount in amounts.items()}


@pytest.fixture(scope="module")
def live(delta: Scenario) -> Live:
    """Return what lives a scenario in a draw in which every disease is as frequent as the middle of its range.

    So rare ones are met too, and those listed anew by many: their published first month began a long rise. Within
    provinces nobody is lived for provinces, few are for cities.
    """
    parameters = kept.solved(scenario.reference(delta), 11, 3, {"chronic.patients": 0.5, "chronic.ramp_months": 18.0})

    def run(of: Scenario) -> Run:
        place = areas.load(of.geography)
        cities = bool(place.inside.any())
        touched = np.zeros_like(simulate.touched_by(of))
        touched[[i for name in (*HOMES, "山东") for i in place.resolve(name)]] = True
        touched[place.province[:, None] == place.province] = False
        return simulate.live(parameters, of, touched=touched, people=2_000 if cities else 40_000, whole=cities)

    @lru_cache
    def root(geography: str) -> Run:
        return run(BARE.model_copy(update={"geography": geography}))

    @lru_cache(maxsize=4)  # what many levers are compared with
    def simulated(of: Scenario) -> Simulated:
        after = run(of)
        care = np.asarray(after.totals.sum(axis=(0, 2, 5)))
        return Simulated(areas.load(of.geography), care, follow(parameters, root(of.geography), after)[1])

    return simulated


OTHERS = {"home": {"pool", "patient", "neighbour"}, "host": {"host", "hospital", "own", "advance"}}
"""Accounts of a home, and of a host, that a lever set for others leaves alone.

What a home has at a host is not among them: hosts pay out of all prepayments together. Nor are other hosts of a home
for which it is set: a pool that runs short pays all of them less.
"""


def told(name: str, side: Simulated, care: np.ndarray) -> np.ndarray:
    """Return what a lever may name: a kind of care whole, an amount or metric of some care, or one of the money."""
    if name in KINDS:
        return np.asarray(side.care[KINDS.index(name)])
    if name in AMOUNTS:
        return np.asarray(care[..., AMOUNTS.index(name)])
    return metrics.metric(name, care) if name in metrics.UNITS else np.asarray(side.money[name])


@every_lever
def test_a_lever_declares_what_it_does(lever: Quantity) -> None:
    of = declared(lever)
    assert of.up or of.down
    assert checked(lever, of.value) == of.value != zero(lever)
    assert set(of.up + of.down) <= {*metrics.UNITS, *INDICATORS, *ENTRIES}
    assert bool(lever.kinds) == bool(set(of.up + of.down) & set(metrics.UNITS))
    assert set(of.untouched) <= {*KINDS, *metrics.UNITS, *AMOUNTS, *INDICATORS, *ENTRIES}
    assert not set(of.untouched) & set(of.up + of.down)
    for name, value in of.beside:
        assert checked(LEVERS[name], value) == value and set(lever.axes) <= set(LEVERS[name].axes)


@every_lever
def test_a_lever_at_zero_changes_exactly_nothing(lever: Quantity, live: Live) -> None:
    none = zero(lever)
    if none is None:  # an area's own rule: no value stands for it, not setting it does
        assert lever.id.startswith("benefits.")
        return
    before, after = live(without(lever)), live(setting(lever, none))
    assert (after.care == before.care).all()
    assert all((after.books.moves[cause] == before.books.moves[cause]).all() for cause in ENTRIES)


@every_lever
def test_a_lever_at_full_strength_moves_what_it_says_and_only_there(lever: Quantity, live: Live) -> None:
    of = declared(lever)
    before, after = live(without(lever)), live(setting(lever, of.value))
    homes, hosts = (
        [i for name in (names if axis in lever.axes else before.place.codes) for i in before.place.resolve(name)]
        for axis, names in (("home", HOMES), ("host", HOSTS))
    )
    elsewhere = np.ones(before.care.shape[1:3], dtype=bool)
    elsewhere[np.ix_(homes, hosts)] = False
    assert (after.care[:, elsewhere] == before.care[:, elsewhere]).all()
    axis = "home" if "home" in lever.axes else "host"
    at, number = (homes, 2) if axis == "home" else (hosts, 3)
    for cause in (cause for cause, accounts in ENTRIES.items() if set(accounts) & OTHERS[axis]):
        was, now = (np.delete(side.books.moves[cause], at, axis=number) for side in (before, after))
        assert (was == now).all(), f"{cause} of another {axis}"
    if not set(of.up + of.down) & set(metrics.UNITS):
        assert (after.care == before.care).all()
    kinds = [KINDS.index(kind) for kind in lever.kinds]
    there = [side.care[kinds].sum(axis=0)[~elsewhere].sum(axis=0) for side in (before, after)]
    for direction, names in ((1, of.up), (-1, of.down)):
        for name in names:
            was, now = (told(name, side, care) for side, care in zip((before, after), there, strict=True))
            assert direction * (now - was) > 0, f"{name}: from {was} to {now}"
    for name in of.untouched:
        was, now = (told(name, side, side.care) for side in (before, after))
        assert np.array_equal(was, now, equal_nan=name in metrics.UNITS), name


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
    found = [str(line) for line in checks.warnings(written(tmp_path, change))]
    if not words:
        assert found == []
        return
    (line,) = found
    column = change.index(": {c") + 8
    assert line.startswith(f"{tmp_path}/x.yaml:6:") and ": warning: c" in line and words in line
    assert int(line.split(":")[2]) > column - 5


def test_the_same_line_may_have_an_effect_in_another_geography(tmp_path: Path) -> None:
    change = f"from: 2024-07, where: {{home: 杭州, host: 上海}}, {EITHER}"
    assert checks.warnings(written(tmp_path, change, more="geography: delta\n")) == ()
    change = f"from: 2024-07, where: {{home: 杭州, host: 宁波}}, {EITHER}"
    (line,) = checks.warnings(written(tmp_path, change, more="geography: delta\n"))
    assert "inside provinces only, and delta are simulated across them" in str(line)


def test_no_shipped_measure_has_a_line_without_effect() -> None:
    for path in sorted((ROOT / "scenarios").glob("*.yaml")):
        found = checks.warnings(scenario.load(path))
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
    file = str(tmp_path / "x.yaml")
    assert cli.main(["check", file]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{file}: fine\n" and captured.err.startswith(f"{file}:6:")
    assert "warning: catalogue.rule.service has no effect" in captured.err
    assert cli.main(["check", file, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 1
    for command in ("run", "attribute"):
        assert cli.main([command, file, "--draws", "2", "--people", "1000", "--out", str(tmp_path / command)]) == 0
        assert capsys.readouterr().err.count("warning: ") == 1
