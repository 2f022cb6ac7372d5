"""A worth of coalitions split among members: each is given what it adds to those before it, the mean over orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, permutations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Order = tuple[int, ...]


class Shares(NamedTuple):
    """Which steps from a coalition to a larger one count for each lever.

    What a lever is given = sum of times x (worth after - worth before) / orders: whole amounts are split without
    rounding, and a lever that never adds anything is given exactly nothing.

    Attributes
    ----------
    coalitions : sets of levers as bits, the empty one first. steps : (step, 4), columns lever, positions of the
    coalitions before and after, times. orders : how many were averaged.
    """

    coalitions: tuple[int, ...]
    steps: Ints
    orders: int


def shares(orders: Sequence[Order]) -> Shares:
    """Return what levers are given by orders of joining: each what it adds to those before it, the mean over orders.

    >>> shares([(0, 1), (1, 0)])
    Shares(coalitions=(0, 1, 3, 2), steps=array([[0, 0, 1, 1],
           [1, 1, 2, 1],
           [1, 0, 3, 1],
           [0, 3, 2, 1]]), orders=2)
    """
    place: dict[int, int] = {0: 0}
    times: Counter[tuple[int, int, int]] = Counter()
    for order in orders:
        before = 0
        for lever in order:
            after = before | 1 << lever
            times[lever, place[before], place.setdefault(after, len(place))] += 1
            before = after
    steps = np.array([(*step, count) for step, count in times.items()], dtype=np.int64)
    return Shares(tuple(place), steps, len(orders))


def every_order(number: int) -> list[Order]:
    """Return all orders of so many levers: their mean is the Shapley value.

    >>> every_order(2)
    [(0, 1), (1, 0)]
    """
    return list(permutations(range(number)))


def some_orders(number: int, sample: int, seed: int) -> list[Order]:
    """Return so many random orders, each second one the first backwards, which makes their mean less noisy."""
    rng = np.random.default_rng(seed)
    forward = [tuple(int(i) for i in rng.permutation(number)) for _ in range(-(-sample // 2))]
    return list(chain.from_iterable((order, order[::-1]) for order in forward))[:sample]


def given(worth: npt.NDArray[Any], parts: Shares) -> npt.NDArray[Any]:
    """Return what each lever is given of a worth (coalition, ...), (lever, ...), times the number of orders.

    >>> given(np.array([0, 10, 16, 4]), shares([(0, 1), (1, 0)])).tolist()
    [22, 10]
    """
    lever, before, after, times = parts.steps.T
    out = np.zeros((lever.max() + 1, *worth.shape[1:]), dtype=worth.dtype)
    for i, b, a, n in zip(lever, before, after, times, strict=True):
        out[i] += n * (worth[a] - worth[b])
    return out


def alone(lever: int) -> Shares:
    """Return what a lever is given if it alone joins nobody."""
    return Shares((0, 1 << lever), np.array([[0, 0, 1, 1]]), 1)
