"""The roll-out of the network: which institutions are connected when, what it opens, and what it costs.

Liaoning's bureau says why it was slow (reply of 2016-04-26): patients who live elsewhere need nearly every designated
hospital connected, which costs each money that no treasury had. A roll-out therefore has a number of institutions, a
speed and a cost. Connected institutions stay connected.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import numpy.typing as npt

from simlib.quantities import Params, Quantity
from simlib.terms import FEN, TIERS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Network(Params, prefix="network"):
    """The roll-out of the network that a scenario may speed up."""

    connected: Quantity
    connected__tier1: Quantity
    connected__tier2: Quantity
    connected__tier3: Quantity
    institutions: Quantity
    speed: Quantity
    cost: Quantity
    pace_ahead: Quantity


BY_TIER = tuple(f"network.connected.tier{tier}" for tier in TIERS)
"""Levers of one tier each."""


def connected_by(target: Array, speed: Array) -> Array:
    """Return the institutions that a roll-out has connected by the end of each month, (…, month).

    n += speed until the target of the month is reached, from 0; a lower target disconnects nobody.

    >>> connected_by(np.array([[0.0, 120, 120, 120, 0]]), np.full((1, 5), 50.0)).tolist()
    [[0.0, 50.0, 100.0, 120.0, 120.0]]
    """
    months = zip(np.moveaxis(target, -1, 0), np.moveaxis(speed, -1, 0), strict=True)
    at = accumulate(
        months, lambda n, month: np.maximum(n, np.minimum(month[0], n + month[1])), initial=0 * target[..., 0]
    )
    return np.stack([*at][1:], axis=-1)


def newly_open(more: Array, room: Array, omega: Array) -> Array:
    """Return the share of visits to institutions not yet connected that more of them open; 0 where there are none.

    Networked is 1 - (1 - n/N)^omega of visits (see `gates.omega`), so that more of the room = N - n open
    1 - (1 - more / room)^omega of the rest.

    >>> newly_open(np.array([0.0, 50.0, 500.0]), np.array([100.0, 100.0, 0.0]), np.array([2.0, 2.0, 2.0])).tolist()
    [0.0, 0.75, 0.0]
    """
    share = np.minimum(more / np.maximum(room, 1.0), 1.0) * (room > 0)
    return np.asarray(1 - (1 - share) ** omega)


def cost_fen(by: Array, room: Array, each: float) -> Array:
    """Return what a year's months cost, fen, (…, month), of a roll-out with the month before in front.

    >>> cost_fen(np.array([[0.0, 50, 100, 120]]), np.array([110.0]), 1e5).tolist()
    [[500000000.0, 500000000.0, 100000000.0]]
    """
    return np.asarray(np.diff(np.minimum(by, room[..., None]), axis=-1) * each * FEN)


def told(cost: Array, visits: Array) -> Ints:
    """Return a cost told by cells in proportion to their visits, to the fen: the cells sum to the cost.

    Parameters
    ----------
    cost : fen, (group,). visits : (group, cell), at least one of each group above 0.

    >>> told(np.array([100.0]), np.array([[1.0, 1.0, 1.0]])).tolist()
    [[33, 34, 33]]
    """
    upto = np.cumsum(visits, axis=1)
    return np.diff(np.rint(cost[:, None] * upto / upto[:, -1:]), axis=1, prepend=0.0).astype(np.int64)
