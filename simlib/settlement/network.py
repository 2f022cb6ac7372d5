"""The roll-out of the network: which institutions are connected when, what it opens, and what it costs.

Liaoning's bureau says why it was slow (reply of 2016-04-26): patients who live elsewhere need nearly every designated
hospital connected, which costs each money that no treasury had. A roll-out therefore has a number of institutions, a
speed and a cost. Connected institutions stay connected.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import numpy.typing as npt

from simlib.quantities import AtFull, Params, Quantity, lever, unknown
from simlib.terms import FEN, INSTITUTIONS, TIERS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def _share(meaning: str) -> Quantity:
    """Return the declaration of a share of visits that becomes connected."""
    return lever(
        meaning,
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("home", "host", "kind"),
        at_full=AtFull(1.0, up=("direct_settlement_rate", "fund_payment"), down=("advanced_by_patients",)),
        source="Dezhou bureau, 2023-07: institutions of every township connected; share assumed by the scenario",
        grade="assumed",
    )


class Network(Params, prefix="network"):
    """The roll-out of the network that a scenario may speed up."""

    connected = _share("share of visits to institutions not yet connected for this kind of care that become connected")
    connected__tier1 = _share("share of visits to tier-1 institutions not yet connected that become connected")
    connected__tier2 = _share("share of visits to tier-2 institutions not yet connected that become connected")
    connected__tier3 = _share("share of visits to tier-3 institutions not yet connected that become connected")
    institutions = lever(
        "institutions that a roll-out connects in each host area for this kind of care in the end, beyond those of the "
        "reference and no more than there are",
        0.0,
        low=0.0,
        high=100_000.0,
        unit=INSTITUTIONS,
        axes=("host", "kind"),
        at_full=AtFull(
            5_000.0,
            up=("direct_settlement_rate", "fund_payment", "network_cost"),
            down=("advanced_by_patients",),
        ),
        source="number assumed by the scenario",
        grade="assumed",
    )
    speed = lever(
        "institutions that each host area connects for this kind of care in a month of a roll-out",
        50.0,
        low=0.0,
        high=100_000.0,
        unit="institutions a month",
        axes=("host", "kind"),
        at_full=AtFull(
            1_000.0,
            up=("direct_settlement_rate", "network_cost"),
            none=0.0,
            beside=(("network.institutions", 5_000.0),),
        ),
        source="NHSA, by press: 62,700 institutions for inpatients at the end of 2022, 82,300 at that of 2023: 51 "
        "a month in each of 32 areas",
        grade="derived",
    )
    cost = unknown(
        "cost of connecting one institution for one kind of care, hardware and software",
        50_000.0,
        1_000_000.0,
        dist="log-uniform",
        unit="yuan",
        source="Liaoning's bureau (辽宁省人力资源和社会保障厅), 2016-04-26: several hundred million yuan (数亿元) for "
        "nearly all designated hospitals, nothing more exact: read as 200 to 900 million over 900 to 4,000, its share "
        "of hospitals and of all that take inpatients",
        grade="weak",
        only=("network.institutions",),
    )
    pace_ahead = unknown(
        "institutions for inpatients that each host area connects in a month after 2024, where the rate of later years "
        "is extrapolated",
        0.0,
        speed.number,
        unit="institutions a month",
        source="assumption: from none, as fewer were connected at the end of 2024 (80,400) than at that of 2023 "
        "(82,300), to the pace of 2023; NHSA, by press",
        grade="assumed",
    )


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
