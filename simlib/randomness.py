"""Luck with a name: every random number is a function of what it decides, never of when it is asked for.

A key is made by mixing integers (seed, draw, person, visit, decision). The same key gives the same number on
one core or many, in any order and any chunk size, so that two scenarios can share their luck.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from zlib import crc32

import numpy as np
import numpy.typing as npt

from simlib.compiled import rule
from simlib.quantities import Quantity

PEOPLE, PARAMETERS, LISTS, WEIGHTS, MEMBERS, RECOVERY = range(1, 7)
"""Streams: what a key's first integer says it is for."""


@rule
def mix(key: int, part: int) -> int:
    """Return a new 64-bit key from a key and one more integer (splitmix64 finaliser).

    >>> one, two = np.uint64(1), np.uint64(2)
    >>> mix(one, 2) == mix(one, 2), mix(one, 2) == mix(two, 1)
    (True, False)
    """
    z = np.uint64(key) + np.uint64(part) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))  # type: ignore[return-value]


def key_of(*parts: int) -> np.uint64:
    """Return the key of some named parts, always of one type: compiled code tells signed from unsigned.

    >>> bool(key_of(1, 2) == mix(np.uint64(mix(np.uint64(0), 1)), 2))
    True
    """
    key = 0
    for part in parts:
        z = (key + (part + 1) * 0x9E3779B97F4A7C15) % (1 << 64)
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % (1 << 64)
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % (1 << 64)
        key = z ^ (z >> 31)
    return np.uint64(key)


@rule
def uniform(key: int) -> float:
    """Return the uniform number in (0, 1) that belongs to a key.

    >>> 0 < uniform(np.uint64(0)) < uniform(np.uint64(2**64 - 1)) < 1
    True
    """
    return (np.int64(np.uint64(key) >> np.uint64(12)) + 0.5) * (1.0 / 4503599627370496.0)


@rule
def share(key: int, nth: int) -> int:
    """Return the key from its nth sixteen bits on, nth from 0 to 3.

    Up to four decisions share one key so: they are independent but for one case in 65,536.

    >>> int(share(np.uint64(0x0001_0002_0003_0004), 3)) == 4 << 48
    True
    """
    return np.uint64(key) << np.uint64(16 * nth)  # type: ignore[return-value]


@rule
def below(key: int, number: int) -> int:
    """Return the whole number in [0, number) that belongs to a key, each as likely; number at most 2^32.

    >>> [int(below(np.uint64(k << 62), 4)) for k in range(4)]
    [0, 1, 2, 3]
    """
    return np.int64((np.uint64(key) >> np.uint64(32)) * np.uint64(number) >> np.uint64(32))  # type: ignore[return-value]


@rule
def happens(key: int, odds: int) -> bool:
    """Return whether something with such odds, see `odds_of`, happens under a key."""
    return np.uint64(key) < np.uint64(odds)  # type: ignore[return-value]


def odds_of(share: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """Return probabilities as the part of all 64-bit keys that they take up, which is compared faster than a float.

    >>> bool(happens(np.uint64(2**63 - 1), odds_of(0.5))), bool(happens(np.uint64(2**63), odds_of(0.5)))
    (True, False)
    """
    top = float(2**64 - 2**11)  # the largest float below 2^64
    return np.asarray(np.minimum(np.asarray(share, dtype=np.float64) * 2.0**64, top)).astype(np.uint64)


def uniforms(shape: tuple[int, ...], *parts: int) -> npt.NDArray[np.float64]:
    """Return an array of uniform numbers in (0, 1) that belongs to the named parts.

    Drawn by numpy's Philox, which is counter-based and keyed by the parts.

    >>> float(uniforms((2,), 7, 1)[0]) == float(uniforms((3,), 7, 1)[0])
    True
    """
    return _generator(*parts).random(shape)


def normals(shape: tuple[int, ...], *parts: int) -> npt.NDArray[np.float64]:
    """Return an array of standard normal numbers that belongs to the named parts."""
    return _generator(*parts).standard_normal(shape)


def _generator(*parts: int) -> np.random.Generator:
    """Return the generator that belongs to the named parts."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([part & 0xFFFFFFFF for part in parts])))


@lru_cache(maxsize=64)
def permutation(number: int, *parts: int) -> npt.NDArray[np.int64]:
    """Return the numbers below `number`, shuffled by the named parts.

    >>> sorted(permutation(3, 7, 1).tolist())
    [0, 1, 2]
    """
    return _generator(*parts).permutation(number)


def systematic(weight: npt.NDArray[np.float64], number: int) -> npt.NDArray[np.int64]:
    """Return `number` positions in ascending order, each as often as its weight says, within one (systematic).

    >>> systematic(np.array([1.0, 0.0, 3.0]), 4).tolist()
    [0, 2, 2, 2]
    """
    ends = np.cumsum(weight / weight.sum())
    ends[-1] = 1.0
    return np.searchsorted(ends, (np.arange(number) + 0.5) / number)


def quantile(quantity: Quantity, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the value of an uncertain parameter at probability u, by its declared distribution.

    >>> from simlib.quantities import register
    >>> float(quantile(register()["channels.attention"], np.array(0.5)))
    0.5
    """
    low, high, mode = float(quantity.low or 0), float(quantity.high or 0), quantity.number
    if quantity.dist == "uniform":
        return low + (high - low) * u
    if quantity.dist == "log-uniform":
        return low * (high / low) ** u
    if quantity.dist == "triangular":
        rise, width = (mode - low) / (high - low), high - low
        left = low + np.sqrt(u * width * (mode - low))
        return np.where(u < rise, left, high - np.sqrt((1 - u) * width * (high - mode)))
    if quantity.dist == "normal":
        normal = np.vectorize(NormalDist().inv_cdf)
        return mode + (high - low) / (2 * 1.959964) * np.asarray(normal(u), dtype=float)
    raise ValueError(f"{quantity.id}: no distribution {quantity.dist!r}")


@lru_cache(maxsize=512)
def hypercube(quantity: Quantity, seed: int, candidates: int) -> npt.NDArray[np.float64]:
    """Return where a Latin hypercube's candidates stand in the range of an parameter, probabilities, (candidate,).

    One in each of as many slices of its distribution, uncertain parameters shuffled apart: one more uncertain
    parameter moves none of them.

    >>> from simlib.quantities import register
    >>> sorted((hypercube(register()["channels.attention"], 0, 4) * 4).astype(int).tolist())
    [0, 1, 2, 3]
    """
    parts = PARAMETERS, seed, candidates, crc32(quantity.id.encode())
    return (permutation(candidates, *parts) + uniforms((candidates,), *parts, 1)) / candidates


def draw_parameter(quantity: Quantity, seed: int, draw: int, size: int = 1) -> npt.NDArray[np.float64]:
    """Return one parameter draw of an uncertain parameter, `size` independent values, keyed by its id."""
    return quantile(quantity, standing(quantity, seed, draw, size))


def standing(quantity: Quantity, seed: int, draw: int, size: int = 1) -> npt.NDArray[np.float64]:
    """Return where the values of `draw_parameter` stand in the range, probabilities, (size,)."""
    return uniforms((size,), PARAMETERS, seed, draw, crc32(quantity.id.encode()))
