"""Solved draws, kept in the user's cache by the content of all that they hang on: a second run solves nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from simlib import compiled
from simlib.files import facts
from simlib.scenario.scenario import Scenario
from simlib.simulation import solve
from simlib.simulation.draws import Pin, draw_values, values_of
from simlib.simulation.solve import ParameterDraw, Trial

FOLDER = "draws"
"""Folder beside the compiled rules of the same source."""
ENDING = ".json"
MOST_BYTES = 100_000_000
"""What all kept draws may take; beyond, the oldest go: some 20 KB a draw with its curve."""
FOUND = ("c", "stayed", "bill", "diseases", "passing", "omega", "exposed", "gaining", "spread", "expected", "check")
"""What solving finds; all else of a draw is drawn again from its seed, which is quick."""
LIBRARIES = ("numpy", "scipy", "numba")
"""On which the last digit of what is solved may hang."""


class Kept(NamedTuple):
    """What one file keeps: what solved the draw last, and what was found, at each share of attentive patients."""

    trial: Trial
    found: list[dict[str, Any]]


class Luck(NamedTuple):
    """What names a draw beside its root, see `draws.values_of`; candidates : see `solved`."""

    seed: int
    draw: int
    pin: Pin = {}
    candidates: int | None = None


def solved(
    root: Scenario, seed: int, draw: int, pin: Pin | None = None, candidates: int | None = None
) -> ParameterDraw:
    """Return a parameter draw of a reference as `solve.solve` does, from what is kept if it was solved before.

    candidates : take the candidate `draw` of a hypercube of so many, in place of a member of the root's ensemble.
    """
    luck = Luck(seed, draw, dict(pin or {}), candidates)
    drawn = _unsolved(root, luck)
    (found,) = _draw(root, luck, drawn).found
    return ParameterDraw(**drawn, **found)


def over_attention(root: Scenario, seed: int, draw: int, pin: Pin, shares: Sequence[float]) -> list[ParameterDraw]:
    """Return a draw solved with the share of attentive patients held at each of some values, kept too."""
    luck = Luck(seed, draw, dict(pin))
    drawn = _unsolved(root, luck)

    def make() -> Kept:
        known = _draw(root, luck, drawn)
        fixed, _ = solve.prepare(root, drawn)
        every = solve.over_attention(fixed, known.trial, shares)
        return Kept(known.trial, [_parts(one) for one in every])

    found = _kept(_key(root, luck, shares), make).found
    held = [drawn | {"values": solve.with_attention(drawn["values"], share)} for share in shares]
    return [ParameterDraw(**its, **parts) for its, parts in zip(held, found, strict=True)]


def _unsolved(root: Scenario, luck: Luck) -> dict[str, Any]:
    """Return what is known of a draw before it is solved."""
    seed, draw, pin, candidates = luck
    values = draw_values(seed, draw, pin, candidates) if candidates else values_of(root, seed, draw, pin)
    return solve.unsolved(root, values, seed, draw)


def _draw(root: Scenario, luck: Luck, drawn: Mapping[str, Any]) -> Kept:
    """Return what solving a draw found, kept or solved now."""

    def make() -> Kept:
        found, trial = solve.converge(*solve.prepare(root, drawn))
        return Kept(trial, [_parts(found)])

    return _kept(_key(root, luck), make)


def _kept(key: str, make: Callable[[], Kept]) -> Kept:
    """Return what a file keeps, or what is made now, in the very form in which it will be read again."""
    base = compiled.folder()
    file = base / FOLDER / f"{key}{ENDING}" if base and key else None
    known = None if file is None else _read(file, key)
    if known is None:
        raw = _written(key, make())
        known = _parsed(raw, key)
        assert known is not None
        if file is not None:
            _write(file, raw)
    return known


def _key(root: Scenario, luck: Luck, shares: Sequence[float] = ()) -> str:
    """Return a hash of all that solving a draw hangs on but the source, by which the folder is named.

    Empty where it hangs on item lists that are no files: such a draw is not kept.
    """
    if not all(one.sha256 for _, one in root.catalogues):
        return ""
    said = [luck.seed, luck.draw, sorted(luck.pin.items()), luck.candidates, list(shares)]
    return hashlib.sha256(f"{_common(root)} {json.dumps(said)}".encode()).hexdigest()


@lru_cache(maxsize=32)
def _common(root: Scenario) -> str:
    """Return a hash of what all draws of a root have in common: what it sets, its files, tables and libraries."""
    said = {
        "sets": [change.model_dump(mode="json") for change in root.changes],
        "ensemble": root.ensemble and root.ensemble.model_dump(mode="json"),
        "year": root.year,
        "files": [sha256 for _, sha256 in root.files()],
        "tables": facts.hashes(),
        "libraries": [version(name) for name in LIBRARIES],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _parts(found: ParameterDraw) -> dict[str, Any]:
    """Return what solving found of a draw."""
    return {name: getattr(found, name) for name in FOUND}


def _written(key: str, made: Kept) -> bytes:
    """Return a file: the hash of its content, a line break, its content."""
    content = json.dumps({"key": key, "trial": plain(made.trial), "found": plain(made.found)}).encode()
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def _read(file: Path, key: str) -> Kept | None:
    """Return what a file keeps, None if it is not there or not as it was written."""
    try:
        return _parsed(file.read_bytes(), key)
    except OSError:
        return None


def _parsed(raw: bytes, key: str) -> Kept | None:
    """Return what the bytes of a file say, None if they are not what was written for this key."""
    sealed, _, content = raw.partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != sealed:
        return None
    said = json.loads(content)
    hints = get_type_hints(ParameterDraw)
    found = [{name: typed(hints[name], one[name]) for name in FOUND} for one in said["found"]]
    return Kept(typed(Trial, said["trial"]), found) if said["key"] == key else None


def _write(file: Path, raw: bytes) -> None:
    """Keep a file; where that is refused, as on a full disk, the draw is solved again next time."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, exist_ok=True)
        facts.write_whole(file, raw)


def plain(value: Any) -> Any:
    """Return records, arrays and numbers as JSON has them, every digit kept.

    >>> plain(Trial(*[np.array([0.1])] * 6))["rate"]
    [0.1]
    """
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if names := _names(type(value)):
        return {name: plain(getattr(value, name)) for name in names}
    return value.tolist() if isinstance(value, np.ndarray) else float(value)


def typed(hint: Any, value: Any) -> Any:
    """Return what `plain` made of a value, as its type again.

    >>> typed(Trial, plain(Trial(*[np.array([0.1])] * 6))).rate
    array([0.1])
    """
    if names := _names(hint):
        hints = get_type_hints(hint)
        return hint(**{name: typed(hints[name], value[name]) for name in names})
    return float(value) if hint is float else np.array(value, dtype=np.float64)


def _names(of: Any) -> tuple[str, ...]:
    """Return the fields of a record's type, none of other types."""
    return tuple(field.name for field in fields(of)) if is_dataclass(of) else getattr(of, "_fields", ())


def trim(most: int = MOST_BYTES) -> None:
    """Let the oldest kept draws of any source go until the rest takes at most so many bytes."""
    with contextlib.suppress(OSError):  # another process may have let them go
        known = [(path, path.stat()) for base in compiled.folders() for path in (base / FOLDER).glob(f"*{ENDING}")]
        beyond = sum(stat.st_size for _, stat in known) - most
        for path, stat in sorted(known, key=lambda one: one[1].st_mtime_ns):
            if beyond <= 0:
                break
            path.unlink(missing_ok=True)
            beyond -= stat.st_size
