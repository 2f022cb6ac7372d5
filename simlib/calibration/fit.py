"""Narrows what is unknown by published ranks, shares and sizes that no draw can be solved for: the targets.

Two waves over a Latin hypercube of the declared ranges. In the first every candidate is weighed by what flows alone
say, which is cheap; the second solves as many candidates as the first found likely and weighs them by all targets.
What stays is an ensemble of candidates, each as likely (importance resampling; weights Normal in the targets'
tolerances). Solved totals of 2023 are met by every candidate, so that they tell none apart.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.calibration import targets
from simlib.calibration.targets import Target, log_weight, of_draw, simulated, until
from simlib.compiled import rules_sha
from simlib.errors import BadInputError, Fault, shown
from simlib.files import facts
from simlib.files.facts import write_whole
from simlib.randomness import systematic
from simlib.scenario.ensemble import REFIT, Ensemble, MadeWith
from simlib.scenario.scenario import Scenario
from simlib.simulation import solve
from simlib.simulation.draws import draw_values
from simlib.terms import INPATIENT

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Progress = Callable[[Iterable[Any]], Iterable[Any]]

BATCH = 64
"""Candidates that are solved between two writes of what is done."""


class Size(NamedTuple):
    """Candidates of the hypercube, how many of them are solved, and how many draws stay."""

    candidates: int = 1 << 14
    solved: int = 1500
    members: int = 512


SIZE = Size()


class Solved(NamedTuple):
    """The candidates of the second wave: number, how often the first wave asked for it, its log weight there."""

    number: Ints
    times: Ints
    first: Array


class Fitted(NamedTuple):
    """What a fit leaves: the ensemble; all targets; whether each weighed; what the members say, (member, target)."""

    ensemble: Ensemble
    targets: tuple[Target, ...]
    weighed: tuple[bool, ...]
    says: Array


def first_wave(known: Sequence[Target], seed: int, candidates: int, solved: int, progress: Progress = iter) -> Solved:
    """Return the candidates to solve: drawn in proportion to what flows alone, before solving, say of them."""

    def say(number: int) -> Array:
        _, cases, _ = solve.first_flows(draw_values(seed, number, {}, candidates))
        return simulated(known, cases[INPATIENT].sum(axis=0))

    log = log_weight(known, np.stack([say(number) for number in progress(range(candidates))]))
    chosen, times = np.unique(systematic(np.exp(log - log.max()), solved), return_counts=True)
    return Solved(chosen, times, log[chosen])


def second_wave(
    root: Scenario, seed: int, candidates: int, numbers: Sequence[int], jobs: int = 1
) -> Iterator[solve.ParameterDraw]:
    """Yield the solved parameter draws of candidates, in the order asked for."""

    def parameters(number: int) -> solve.ParameterDraw:
        fixed, trial = solve.prepare(root, draw_values(seed, number, {}, candidates), seed, number)
        return solve.converge(fixed, trial)[0]

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(parameters, numbers)


def weights(known: Sequence[Target], wave: Solved, values: Array) -> Array:
    """Return the weights of solved candidates, summing to 1: all that targets say, less what chose them already."""
    log = np.log(wave.times) + log_weight(known, values) - wave.first
    raw = np.exp(log - log.max())
    return np.asarray(raw / raw.sum())


def run(
    root: Scenario,
    folder: Path,
    *,
    to: int,
    seed: int = 0,
    path: Path | None = None,
    jobs: int = 1,
    size: Size = SIZE,
    progress: Callable[[str, int], Progress] = lambda *_: iter,
) -> Fitted:
    """Return what a fit leaves; what is solved is kept in the folder, so that a fit that was stopped goes on.

    Parameters
    ----------
    root : the scenario whose rules were in force. to : last year of which a target is read. path : table of targets,
    the package's unless given. size : of the hypercube and of what stays of it. progress : of what, and of how many,
    wraps the candidates as they are done.
    """
    known = targets.read(path or targets.published())
    fitted, candidates = until(known, to), size.candidates
    made_with = hashes(root, path or targets.published())
    wave = first_wave(fitted, seed, candidates, size.solved, progress("flows", candidates))
    done = Done(folder / "candidates.csv", known, f"{made_with.model_dump()} {to} {seed} {candidates}")
    left = [int(number) for number in wave.number if int(number) not in done.values]
    batches = range(0, len(left), BATCH)
    for start in progress("solved, in batches", len(batches))(batches):
        some = left[start : start + BATCH]
        parameter_draws = second_wave(root, seed, candidates, some, jobs)
        done.add((number, of_draw(known, parameters)) for number, parameters in zip(some, parameter_draws, strict=True))
    values = np.stack([done.values[int(number)] for number in wave.number])
    used = [known.index(target) for target in fitted]
    weight = weights(fitted, wave, values[:, used])
    chosen = wave.number[systematic(weight, size.members)]
    kept = Ensemble(
        fitted_to=to,
        seed=seed,
        candidates=candidates,
        effective=float(f"{1 / (weight**2).sum():.6g}"),
        members=tuple(chosen.tolist()),
        probe=probe(root, seed, candidates, int(chosen[0])),
        anchors=path.name if path else None,
        made_with=made_with,
    )
    says = np.stack([done.values[number] for number in kept.members])
    return Fitted(kept, known, tuple(target in fitted for target in known), says)


def probe(root: Scenario, seed: int, candidates: int, number: int) -> tuple[float, ...]:
    """Return the solved constants of a candidate: of leaving and bills by kind and scheme, gates by kind, claims."""
    (parameters,) = second_wave(root, seed, candidates, [number])
    gates = (
        parameters.passing.networked,
        parameters.passing.fault,
        parameters.passing.mended,
        parameters.passing.attention,
    )
    constants = (*parameters.c.ravel(), *parameters.bill.ravel(), *np.ravel(gates), parameters.spread)
    return tuple(float(f"{constant:.9g}") for constant in constants)


class Done:
    """What solved candidates say of the targets, kept in a file that is written whole after each batch.

    Rows that were made with anything else are left out, and overwritten.
    """

    def __init__(self, path: Path, known: Sequence[Target], made_with: str) -> None:
        self.path, self.labels = path, [target.label for target in known]
        self.stamp = hashlib.sha256(made_with.encode()).hexdigest()[:16]
        self.values: dict[int, Array] = {}
        if path.exists():
            rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
            kept = (row for row in rows[1:] if rows[0][2:] == self.labels and row[0] == self.stamp)
            self.values = {int(row[1]): np.array([float(cell) for cell in row[2:]]) for row in kept}

    def add(self, more: Iterable[tuple[int, Array]]) -> None:
        """Keep some more, and write all."""
        self.values |= dict(more)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["made_with", "candidate", *self.labels])
        rows = sorted(self.values.items())
        writer.writerows([self.stamp, number, *map(repr, values.tolist())] for number, values in rows)
        write_whole(self.path, out.getvalue().encode())


def hashes(root: Scenario, table: Path) -> MadeWith:
    """Return the hashes of all that a fit stands on: sources, tables, root with its item lists, targets."""
    data = hashlib.sha256("".join(facts.hashes().values()).encode())
    lists = (found.sha256 for _, found in root.catalogues)
    whole = hashlib.sha256("".join((root.sha256, *lists)).encode()).hexdigest()
    return MadeWith(rules=rules_sha(), data=data.hexdigest(), root=whole, anchors=facts.sha256(table))


@lru_cache(maxsize=8)
def verify(root: Scenario) -> None:
    """Refuse an ensemble that no longer says what it said when it was fitted.

    Where the hash of sources, tables or root differs, its first member is solved again: a change that does not touch
    what was fitted, of a comment for instance, is none. Other targets are other draws.

    Raises
    ------
    BadInputError : naming the hashes that differ and how to fit again.
    """
    kept = root.ensemble
    if kept is None:
        return
    now = hashes(root, targets.published()).model_dump()
    was = kept.made_with.model_dump()
    differ = [name for name in was if was[name] != now[name] and not (name == "anchors" and kept.anchors)]
    if not differ:
        return
    why = "the package has other calibration targets now"
    if "anchors" not in differ:
        found = probe(root, kept.seed, kept.candidates, kept.members[0])
        if len(found) == len(kept.probe) and np.allclose(found, kept.probe, rtol=1e-3):
            return
        why = "its first member no longer comes to the same"
    what = f"stale: the hash of {' and of '.join(differ)} differs from that of its fit, and {why}."
    raise BadInputError(Fault(kept.path, 1, 1, f"{what} {REFIT.replace('ROOT.yaml', shown(root.path))}"))
