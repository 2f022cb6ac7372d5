"""Flows of money in the years after the simulated one, made of those of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.fund.ledger import YEARS
from simlib.patients.areas import Place
from simlib.scenario import scenario
from simlib.scenario.inputs import GRADUAL
from simlib.scenario.scenario import Scenario, Settings
from simlib.terms import CLAIMED, MONTHS

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

QUARTER = 3
"""Months at the end of the year that tell how far has come what works month by month."""


class Seasons(NamedTuple):
    """How a scenario holds in its own and in later years, each (kind, scheme, home, host, month).

    holds : where it sets something, by year. repeats : where a month of a year is as that month of its own year, by
    year. settled : months of its own year that later ones are like where they do not repeat: those with the levers of
    December, of what works month by month the last `QUARTER` only.
    """

    holds: tuple[Bools, ...]
    repeats: tuple[Bools, ...]
    settled: Bools


@lru_cache(maxsize=32)
def seasons(of: Scenario, place: Place) -> Seasons:
    """Return how a scenario holds in its own and in later years."""
    own, *others = (scenario.compile(of, place, of.year + i) for i in range(YEARS))
    root, then = scenario.compile(scenario.reference(of), place), own.touched
    names = {lever for _, lever, _ in of.lines(root=False)} & set(own.ids)

    def alike(other: Settings, names: Iterable[str], months: slice = slice(None)) -> Bools:
        """Return where levers are as in the own year, (home, host, scheme, kind, month)."""
        pairs = ((own.values(name), other.values(name)[..., months]) for name in names)
        return reduce(np.logical_and, ((a == b) | ((a != a) & (b != b)) for a, b in pairs), np.ones(then.shape, bool))

    slow = ~alike(root, (name for name in names if name.startswith(GRADUAL))).all(axis=-1, keepdims=True)
    settled = then & alike(own, names, slice(MONTHS - 1, None)) & (~slow | (np.arange(MONTHS) >= MONTHS - QUARTER))
    repeats = (np.ones_like(then), *((year.touched == then) & (~then | alike(year, names) & ~slow) for year in others))
    turned = [
        np.ascontiguousarray(np.moveaxis(found, (3, 2), (0, 1)))
        for found in (then, *(year.touched for year in others), *repeats, settled)
    ]
    return Seasons(tuple(turned[:YEARS]), tuple(turned[YEARS:-1]), turned[-1])


def of_homes(found: Seasons) -> Seasons:
    """Return the same with hosts together, (kind, scheme, home, 1, month): it holds if anywhere, repeats if everywhere.

    >>> one = np.array([True, False]).reshape(1, 1, 1, 2, 1)
    >>> holds, repeats, settled = of_homes(Seasons((one,), (one,), one))
    >>> holds[0].item(), repeats[0].item(), settled.item()
    (True, False, True)
    """
    holds, repeats, settled = found
    return Seasons(
        tuple(np.asarray(year.any(axis=3, keepdims=True)) for year in holds),
        tuple(np.asarray(year.all(axis=3, keepdims=True)) for year in repeats),
        np.asarray(settled.any(axis=3, keepdims=True)),
    )


def carried(found: Seasons, indices: Sequence[Array], before: Ints, after: Ints) -> Ints:
    """Return direct and claimed flows of `YEARS` years, fen, (2, kind, scheme, home, host, month), months in one row.

    A month that repeats that of the own year has its flow, grown by kind. Where the scenario holds otherwise, because
    it began during its own year, goes in stages or works month by month, the reference's flow is moved as the scenario
    moves that of the settled months of its own year, see `_moved`. So what works month by month stands where its own
    year ended.

    Parameters
    ----------
    indices : level of each year, (kind,). before, after : flows of the own year in the reference and in the run.
    """
    moved, years = (
        _moved(before, *((flow * found.settled).sum(axis=(-2, -1), keepdims=True) for flow in (before, after))),
        [],
    )
    for holds, repeats, index in zip(found.holds, found.repeats, indices, strict=True):
        flow = after if repeats.all() else np.where(repeats, after, np.where(holds, moved, before))
        grown = index / indices[0]
        years.append(np.rint(flow * grown[:, None, None, None, None]).astype(np.int64))
    return np.concatenate(years, axis=-1)


def _moved(flow: Ints, before: Ints, after: Ints) -> Array:
    """Return a flow moved as sums before are to sums after, by channel and home, (2, …, home, host, month).

    Both channels together by their ratio, claims by theirs, the rest is direct: much moves from one to the other, and
    little is left between them, which two ratios of their own would miss.
    """
    total = flow.sum(axis=0) * _ratio(before.sum(axis=0), after.sum(axis=0))
    claimed = np.minimum(flow[CLAIMED] * _ratio(before[CLAIMED], after[CLAIMED]), total)
    return np.stack([total - claimed, claimed])


def _ratio(before: Ints, after: Ints) -> Array:
    """Return after / before of each home, (…, home, 1, 1), drawn to that of all as if it had a mean home's flow too.

    Few people of a small home would else tell of a change many times theirs. 1 where nobody has a flow.

    >>> sums = (np.array([[0], [100]]), np.array([[10], [110]]))
    >>> _ratio(*(of[:, :, None] for of in sums)).ravel().tolist()
    [1.3, 1.15]
    """
    whole = before.sum(axis=-3, keepdims=True)
    common = np.where(whole > 0, after.sum(axis=-3, keepdims=True) / np.maximum(whole, 1), 1.0)
    mean = whole / np.maximum((before > 0).sum(axis=-3, keepdims=True), 1)
    weight = before + mean
    return np.asarray(np.where(weight > 0, (after + common * mean) / np.where(weight > 0, weight, 1), common))
