"""Solved draws that are kept: the same to the last bit, and never one that is stale, broken or another's."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simlib import compiled
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.simulation import kept, solve
from simlib.simulation.kept import plain

PIN = {"channels.attention": 0.25}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder of kept draws."""
    monkeypatch.setattr(compiled, "folder", lambda: tmp_path)
    return tmp_path / kept.FOLDER


@pytest.fixture
def root(delta: Scenario) -> Scenario:
    return scenario.reference(delta)


def solving(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets an entry for each draw that is solved from now on."""
    done: list[int] = []
    real = solve.converge
    monkeypatch.setattr(solve, "converge", lambda *how, **more: done.append(1) or real(*how, **more))
    return done


def same(one: solve.ParameterDraw, other: solve.ParameterDraw) -> bool:
    """Return whether two draws are the same to the last bit."""
    arrays = ("pull", "lists")  # drawn again: compared field by field
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "values":
            assert all(np.array_equal(a[q], b[q]) for q in a)
        elif field.name in arrays:
            names = getattr(a, "_fields", None) or [of.name for of in fields(a)]
            assert all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)
        else:
            assert json.dumps(plain(a)) == json.dumps(plain(b)), field.name
    return True


def test_a_draw_that_is_kept_is_the_one_that_was_solved(
    folder: Path, root: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = solve.solve(root, 3, 1)
    done = solving(monkeypatch)
    first, second = kept.solved(root, 3, 1), kept.solved(root, 3, 1)
    assert len(done) == 1 and len(list(folder.iterdir())) == 1
    assert same(first, plainly) and same(second, plainly)


def test_seed_draw_pin_and_what_the_root_sets_are_draws_of_their_own(folder: Path, root: Scenario) -> None:
    later = root.model_copy(update={"year": root.year + 1})
    lucks = [kept.Luck(3, 1), kept.Luck(3, 2), kept.Luck(4, 1), kept.Luck(3, 1, PIN), kept.Luck(3, 1, {}, 64)]
    keys = [*(kept._key(root, luck) for luck in lucks), kept._key(later, lucks[0]), kept._key(root, lucks[0], (0.5,))]
    assert len(set(keys)) == len(keys)
    assert root.ensemble
    fewer = root.ensemble.model_copy(update={"members": root.ensemble.members[:9], "sha256": ""})
    in_memory = [root.model_copy(update={"ensemble": one}) for one in (None, fewer)]
    assert len({kept._key(one, lucks[0]) for one in (root, *in_memory)}) == 3
    cities = root.model_copy(update={"geography": "delta"})
    assert kept._key(cities, lucks[0]) == keys[0], "solved between provinces in every geography"


BROKEN: dict[str, Any] = {
    "cut short": lambda raw: raw[: len(raw) // 2],
    "empty": lambda raw: b"",
    "a digit changed": lambda raw: raw.replace(b"1", b"2", 90),
    "no hash": lambda raw: raw.partition(b"\n")[2],
    "of another key": lambda raw: kept._written(
        "0" * 64, kept._parsed(raw, json.loads(raw.partition(b"\n")[2])["key"])
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_entry_is_solved_again_and_replaced(
    broken: Any, folder: Path, root: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kept.solved(root, 3, 1)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(broken(whole))
    done = solving(monkeypatch)
    assert same(kept.solved(root, 3, 1), first)
    assert len(done) == 1 and file.read_bytes() == whole


def test_without_a_folder_or_in_one_that_cannot_be_written_draws_are_solved_each_time(
    root: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    done = solving(monkeypatch)
    for base in (None, in_the_way):
        monkeypatch.setattr(compiled, "folder", lambda base=base: base)
        kept.solved(root, 3, 1)
    assert len(done) == 2 and in_the_way.read_text() == "no folder"


def test_the_curve_is_kept_and_near_what_solving_each_point_gives(
    folder: Path, root: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = (0.0, 0.5, 1.0)
    first = kept.over_attention(root, 3, 1, {}, shares)
    done = solving(monkeypatch)
    again = kept.over_attention(root, 3, 1, {}, shares)
    assert not done and all(same(one, other) for one, other in zip(first, again, strict=True))
    for share, found in zip(shares, first, strict=True):
        exact = solve.solve(root, 3, 1, {"channels.attention": share})
        assert found.values[solve.Channels.attention] == exact.values[solve.Channels.attention] == share
        np.testing.assert_allclose(found.bill, exact.bill, rtol=2e-3)
        np.testing.assert_allclose(found.check.years.rate, exact.check.years.rate, atol=5e-4)


def test_the_oldest_draws_go_when_they_take_too_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "folders", lambda: [folder.parent])
    folder.mkdir()
    for age, name in enumerate("abc"):
        path = folder / f"{name}{kept.ENDING}"
        path.write_bytes(b"x" * 100)
        os.utime(path, (age, age))
    kept.trim(250)
    assert sorted(path.stem for path in folder.iterdir()) == ["b", "c"]
