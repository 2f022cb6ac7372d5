"""Runs of a package with some of its levers only, kept by content so that none is done twice.

A lever is one entry under `changes` of a file that the package is made of: what its author wrote as one step, be it
several settings. A coalition is the package without the other entries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.amounts import AMOUNTS
from simlib.compiled import rules_sha
from simlib.errors import BadInputError
from simlib.files import facts
from simlib.files.shapes import Text
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.simulation import simulate, solve
from simlib.simulation.draws import Pin
from simlib.study import metrics
from simlib.study.metrics import Group

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lever:
    """One change of a package: its file and position there, a name, and what it is called in both languages."""

    step: int
    number: int
    name: str
    title: Text


def levers(package: Scenario) -> tuple[Lever, ...]:
    """Return the levers of a package: the entries under `changes` of its files but the root, in their order."""
    out = []
    for s, step in enumerate(package.lineage()[1:], 1):
        for number, change in enumerate(step.changes):
            single = len(step.changes) == 1
            what = f"{', '.join(name for name, _ in change.set)}; {change.start}"
            zh, en = ("", "") if single else (f"（{what}）", f" ({what})")
            title = Text.model_construct(zh=step.title.zh + zh, en=step.title.en + en)
            out.append(Lever(s, number, step.name if single else f"{step.name}#{number + 1}", title))
    return tuple(out)


def coalition(package: Scenario, of: Sequence[Lever], chosen: int) -> Scenario:
    """Return the package with only the chosen levers, bits; without any it sets what its root does."""
    kept = {(lever.step, lever.number) for i, lever in enumerate(of) if chosen >> i & 1}
    root, *steps = package.lineage()
    last = root
    for s, step in enumerate(steps, 1):
        changes = tuple(change for i, change in enumerate(step.changes) if (s, i) in kept)
        last = step.model_copy(update={"changes": changes, "parent": last})
    return last


def groups_of(package: Scenario) -> tuple[Group, ...]:
    """Return what amounts are summed over: the cells that the package changes, all and each kind of several."""
    touched = simulate.touched_by(package)
    kinds = np.flatnonzero(touched.any(axis=(0, 1, 2, 4)))
    every = [Group(changed=True)] if len(kinds) > 1 else []
    return (*every, *(Group(changed=True, kind=int(k)) for k in kinds))


def one_draw(
    package: Scenario,
    coalitions: Sequence[int],
    groups: tuple[Group, ...],
    common: str,
    seed: int,
    draw: int,
    people: int,
    pin: Pin,
    folder: Path | None,
) -> Ints:
    """Return the amounts of each coalition in one draw, (coalition, group, amount), save for those kept."""
    found = levers(package)
    members = {c: coalition(package, found, c) for c in coalitions}
    keys = {c: content(of) for c, of in members.items()}
    touched, place = simulate.touched_by(package), areas.load(package.geography)
    file = folder and folder / f"{common}-{draw:04}.json"
    known = _kept(file, len(groups))
    missing = [c for c in coalitions if keys[c] not in known]
    if missing:
        world = solve.solve(scenario.reference(package), seed, draw, pin)
        for c in missing:
            run = simulate.live(world, members[c], touched=touched, people=people, whole=False)
            known[keys[c]] = metrics.amounts(run.totals, place, groups).sum(axis=1)
        if file:
            _keep(file, known)
    return np.stack([known[keys[c]] for c in coalitions])


def content(of: Scenario) -> str:
    """Return a hash of what a coalition sets, where and when, whatever file says so."""
    said = [change.model_dump(mode="json") for step in of.lineage()[1:] for change in step.changes]
    return _sha(said)[:32]


def shared(package: Scenario, groups: tuple[Group, ...], seed: int, people: int, pin: Pin) -> str:
    """Return a hash of all that coalitions have in common: rules, tables, root, people looked at, luck."""
    root = scenario.reference(package)
    touched = simulate.touched_by(package)
    said = {
        "rules": rules_sha(),
        "tables": facts.hashes(),
        "root": [sha256 for _, sha256 in root.files()],
        "place": [root.year, root.geography],
        "touched": hashlib.sha256(np.packbits(touched).tobytes()).hexdigest(),
        "groups": [str(group) for group in groups],
        "luck": [seed, people, sorted(pin.items())],
    }
    return _sha(said)[:32]


def _sha(said: Any) -> str:
    """Return the SHA-256 of a plain value."""
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _keep(file: Path, known: dict[str, Ints]) -> None:
    """Write the coalitions of a draw, whole."""
    said = {key: value.tolist() for key, value in sorted(known.items())}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        facts.write_whole(file, json.dumps({"amounts": list(AMOUNTS), "coalitions": said}).encode())
    except OSError as error:
        raise BadInputError(
            f"{file}: cannot be written ({error.strerror}). Free space, or name another folder."
        ) from None


def _kept(file: Path | None, groups: int) -> dict[str, Ints]:
    """Return the coalitions that a file keeps, none if it is missing or not what this module writes."""
    if file is None or not file.exists():
        return {}
    try:
        said = json.loads(file.read_bytes())
        arrays = {str(key): np.array(value, dtype=np.int64) for key, value in said["coalitions"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return {}
    right = said.get("amounts") == list(AMOUNTS) and all(a.shape == (groups, len(AMOUNTS)) for a in arrays.values())
    return arrays if right else {}
