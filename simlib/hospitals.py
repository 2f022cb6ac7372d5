"""Hospitals' willingness to mend what keeps a case from direct settlement, and what moves it.

Hospitals send people away when a problem arises (journal, 2023). The share W that they mend instead moves with what a
case settled directly gains them; as long as policy adds nothing, it does not move at all.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import numpy.typing as npt

from simlib.terms import MONTHS, AtFull, Params, lever, unknown

Array = npt.NDArray[np.float64]


class Hospitals(Params, prefix="hospitals"):
    """Accountability for the direct settlement rate, and how hospitals answer it."""

    accountability = lever(
        "weight of the direct settlement rate in the assessment of hospitals, 1 a full assessment (考评)",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("host", "kind"),
        at_full=AtFull(1.0, up=("direct_settlement_rate",), untouched=("first_not_networked", "first_not_listed")),
        source="中国医疗保险 (journal), about 2023-10: hosts are not held to account; weight assumed by the scenario",
        grade="assumed",
    )
    notices = lever(
        "how often a year the league table of rates is read out (调度通报); nothing without accountability",
        12.0,
        low=0.0,
        high=12.0,
        unit="per year",
        axes=("host", "kind"),
        at_full=AtFull(12.0, up=("direct_settlement_rate",), none=0.0, beside=(("hospitals.accountability", 1.0),)),
        source="中国医疗保险 (journal), about 2023-10: 定期实行调度通报; how often is not said",
        grade="assumed",
    )
    response = unknown(
        "what full accountability read out every month adds in the end to the log odds that a fault is mended",
        0.2,
        2.0,
        dist="log-uniform",
        unit="log odds",
    )
    speed = unknown(
        "share of the way to its end that willingness goes in a month",
        0.05,
        0.5,
        dist="log-uniform",
        unit="per month",
        source="assumption: form from an evolutionary game of hospitals (Frontiers 2024), no published value",
    )


def pressure(accountability: Array, notices: Array) -> Array:
    """Return what accountability amounts to, share of a full one read out every month.

    >>> pressure(np.array([0.0, 0.5, 1.0]), np.array([12.0, 6.0, 12.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    return np.asarray(accountability * notices / MONTHS)


def moved(pressures: Array, response: float, speed: float) -> Array:
    """Return how far the log odds of mending have moved after each month of paths of pressure, (path, month).

    w += speed (w* - w), w* = logit W0 + response pressure, from w = logit W0: exactly 0 without pressure.

    >>> moved(np.array([[0.0, 0.0], [1.0, 1.0]]), 2.0, 0.5).tolist()
    [[0.0, 0.0], [1.0, 1.5]]
    """
    months = accumulate(
        response * pressures.T, lambda at, end: at + speed * (end - at), initial=np.zeros(len(pressures))
    )
    return np.stack([*months][1:], axis=1)


def newly_mended(mended: Array, moved: Array) -> Array:
    """Return the share of the faults left unmended that hospitals mend once the log odds have moved up.

    (W - W0) / (1 - W0) = W0 (e^m - 1) / (1 + W0 (e^m - 1)), W = logit^-1(logit W0 + m); exactly 0 for m = 0.

    >>> newly_mended(np.array([0.5, 0.5]), np.array([0.0, np.log(3)])).round(9).tolist()
    [0.0, 0.5]
    """
    rise = mended * np.expm1(moved)
    return np.asarray(rise / (1 + rise))
