"""Narrows what is unknown by published ranks, shares and sizes that no draw can be solved for: the targets.

Three waves over a Latin hypercube of the declared ranges. In the first every candidate is weighed by what flows alone
say, which is cheap. The second solves candidates that the first found likely; from these a quadratic surrogate learns
what solving says, and the third solves candidates that both find likely. What was solved is weighed by all targets
over its chance of having been solved (Horvitz and Thompson 1952), and an ensemble of distinct candidates stays, each
as likely. Solved totals of 2023 are met by every candidate, so that they tell none apart.
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
from threadpoolctl import threadpool_limits

from simlib import randomness
from simlib.calibration import targets
from simlib.calibration.targets import Target, log_weight, of_draw, of_flows, until
from simlib.compiled import rules_sha
from simlib.errors import BadInputError, Fault, shown
from simlib.files import facts
from simlib.files.facts import write_whole
from simlib.quantities import Quantity, register
from simlib.scenario.ensemble import REFIT, Ensemble, MadeWith
from simlib.scenario.scenario import Scenario
from simlib.simulation import kept, solve
from simlib.simulation.draws import draw_batch, draw_values
from simlib.terms import KINDS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Progress = Callable[[Iterable[Any]], Iterable[Any]]

BATCH = 64
"""Candidates that are solved between two writes of what is done."""
AT_ONCE = 256
"""Candidates whose flows are computed at once."""


class Size(NamedTuple):
    """Candidates of the hypercube, how many each of the two waves that solve may solve, draws that stay at most."""

    candidates: int = 1 << 15
    solved: int = 750
    members: int = 512


SIZE = Size()

LEAST = 64
"""Distinct draws that stay at least, however few the weights are worth: as many as a run takes unless asked."""


class Fitted(NamedTuple):
    """What a fit leaves: the ensemble; all targets; whether each weighed; what the members say, (member, target).

    prior : what the declared ranges say before any target, 5, 50 and 95 %, (target, 3).
    """

    ensemble: Ensemble
    targets: tuple[Target, ...]
    weighed: tuple[bool, ...]
    says: Array
    prior: Array


def first_wave(known: Sequence[Target], seed: int, candidates: int, progress: Progress = iter) -> Array:
    """Return what flows alone, before solving, say of targets, (candidate, target), NaN where they say nothing."""

    def say(start: int) -> Array:
        numbers = np.arange(start, min(start + AT_ONCE, candidates))
        return of_flows(known, draw_batch(seed, numbers, candidates, ("areas", "flow")))

    return np.concatenate([say(start) for start in progress(range(0, candidates, AT_ONCE))])


def inclusion(weight: Array, number: int) -> Array:
    """Return each one's chance to be among `number` distinct ones: in proportion to its weight, 1 at most.

    >>> inclusion(np.array([1.0, 1.0, 6.0]), 2).tolist()
    [0.5, 0.5, 1.0]
    """
    number = min(number, int((weight > 0).sum()))
    heavy = np.sort(weight)[::-1]
    left = heavy[::-1].cumsum()[::-1]
    scale = (number - np.arange(number)) / left[:number]
    sure = int(np.argmax(scale * heavy[:number] <= 1 + 1e-12))  # so many of the heaviest are surely in
    return np.asarray(np.minimum(scale[sure] * weight, 1.0))


def distinct(chance: Array) -> Ints:
    """Return distinct positions in ascending order, each with its chance (systematic).

    >>> distinct(np.array([0.5, 0.5, 1.0])).tolist()
    [0, 2]
    """
    number = round(float(chance.sum()))
    return np.searchsorted(np.cumsum(chance), np.arange(number) + 0.5)


def surrogate(standing: Array, solved: Ints, values: Array, known: Sequence[Target]) -> Array:
    """Return the log weight that candidates would have by solved targets, foretold from those solved, (candidate,).

    A ridge regression of each target on where the parameters stand in their ranges and on the squares of that; a miss
    counts the less the worse the regression foretells those left out. standing : (candidate, parameter).
    values : (solved, target).
    """
    centred = np.sqrt(12) * (standing - 0.5)
    features = np.hstack([np.ones((len(standing), 1)), centred, centred**2 - 1])
    learned = features[solved]
    inverse = np.linalg.inv(learned.T @ learned + np.eye(features.shape[1]))
    coefficients = inverse @ learned.T @ values
    leverage = np.einsum("ij,jk,ik->i", learned, inverse, learned)
    off = (values - learned @ coefficients) / (1 - leverage)[:, None]
    foretold = features @ coefficients
    misses = np.stack([target.miss(foretold[:, i]) for i, target in enumerate(known)], axis=1)
    tolerance = np.array([target.tolerance for target in known])
    return np.asarray(-0.5 * (misses**2 / (1 + (off**2).mean(axis=0) / tolerance**2)).sum(axis=1))


def solve_all(
    root: Scenario, seed: int, candidates: int, numbers: Sequence[int], jobs: int = 1
) -> Iterator[solve.ParameterDraw]:
    """Yield the solved parameter draws of candidates, in the order asked for."""

    def parameters(number: int) -> solve.ParameterDraw:
        drawn = solve.unsolved(root, draw_values(seed, number, {}, candidates), seed, number)
        return solve.converge(*solve.prepare(root, drawn))[0]

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(parameters, numbers)


def weights(log: Array, chance: Array) -> Array:
    """Return weights that sum to 1 from log weights and the chances of having been solved."""
    raw = np.exp(log - log.max()) / chance
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
    used = [known.index(target) for target in fitted]
    made_with = hashes(root, path or targets.published())
    done = Done(folder / "candidates.csv", known, f"{made_with.model_dump()} {to} {seed} {candidates}")

    def solve_some(numbers: Ints) -> Array:
        """Return what candidates, solved now or before, say of the targets, (candidate, target)."""
        left = [int(number) for number in numbers if int(number) not in done.values]
        batches = range(0, len(left), BATCH)
        for start in progress("solved, in batches", len(batches))(batches):
            some = left[start : start + BATCH]
            says = (of_draw(known, parameters) for parameters in solve_all(root, seed, candidates, some, jobs))
            done.add(zip(some, says, strict=True))
        return np.stack([done.values[int(number)] for number in numbers])

    with threadpool_limits(1, "blas"):  # candidates are the threads; more inside each only get in their way
        flows = first_wave(known, seed, candidates, progress("flows, in batches", -(-candidates // AT_ONCE)))
        likely = log_weight(fitted, flows[:, used])
        by_flows = inclusion(np.exp(likely - likely.max()), size.solved)
        numbers = distinct(by_flows)
        hard = [i for i in used if np.isnan(flows[0, i])]
        values = solve_some(numbers)[:, hard]
        likely += surrogate(standing_of(seed, candidates), numbers, values, [known[i] for i in hard])
        by_both = inclusion(np.exp(likely - likely.max()), size.solved)
        numbers = np.union1d(numbers, distinct(by_both))
        values = solve_some(numbers)
    chance = (1 - (1 - by_flows) * (1 - by_both))[numbers]
    chosen, effective, cut = kept_of(weights(log_weight(fitted, values[:, used]), chance), size.members)
    kept = Ensemble(
        fitted_to=to,
        seed=seed,
        candidates=candidates,
        members=tuple(numbers[chosen].tolist()),
        probe=probe(root, seed, candidates, int(numbers[chosen[0]])),
        anchors=path.name if path else None,
        made_with=made_with,
        effective=effective,
        cut=cut,
    )
    weighed = tuple(target in fitted for target in known)
    return Fitted(kept, known, weighed, values[chosen], prior(flows, values, chance))


def kept_of(weight: Array, most: int) -> tuple[Ints, float, float]:
    """Return the distinct draws that stay, as many as the weights are worth; how many that is; what is cut of them.

    >>> kept_of(np.full(128, 1 / 128), 512)[1:]
    (128.0, 0.0)
    """
    effective = 1 / float((weight**2).sum())
    stays = inclusion(weight, max(min(int(effective), most), min(LEAST, most)))
    cut = float(np.maximum(weight - stays / stays.sum(), 0).sum())
    return distinct(stays), float(f"{effective:.6g}"), float(f"{cut:.3g}")


def prior(flows: Array, values: Array, chance: Array) -> Array:
    """Return 5, 50 and 95 % of what the declared ranges say of targets, (target, 3).

    flows : of all candidates, (candidate, target), NaN where solving says it: then values, (solved, target), over the
    chance of having been solved.
    """
    at = (0.05, 0.5, 0.95)
    one = np.quantile(values, at, axis=0, weights=1 / chance, method="inverted_cdf")
    return np.where(np.isnan(flows[0]), one, np.quantile(flows, at, axis=0)).T


def standing_of(seed: int, candidates: int) -> Array:
    """Return where candidates stand in the ranges of parameters of one number or one a kind, (candidate, parameter)."""
    columns = [randomness.hypercube(q, seed, candidates) for q in uncertain(())]
    by_kind = [
        np.stack([randomness.standing(q, seed, number, len(KINDS)) for number in range(candidates)])
        for q in uncertain(("kind",))
    ]
    return np.column_stack([*columns, *by_kind])


def uncertain(axes: tuple[str, ...]) -> list[Quantity]:
    """Return the uncertain parameters that have these axes, in the order of the register."""
    return [q for q in register().values() if q.role == "uncertain" and q.axes == axes]


def probe(root: Scenario, seed: int, candidates: int, number: int) -> tuple[float, ...]:
    """Return the solved constants of a candidate: of leaving and bills by kind and scheme, gates by kind, claims."""
    parameters = kept.solved(root, seed, number, candidates=candidates)
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
