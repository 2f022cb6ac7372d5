"""What makes a cause of not settling directly differ by home, host, hospital tier or month, luck aside."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from simlib.patients import areas
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.settlement.network import BY_TIER

Array = npt.NDArray[Any]

OF_CELL = {"home": 0, "host": 1, "month": 3}
"""Where the axes stand in a compiled lever of one kind of care."""
GRADUAL = ("hospitals.", "drg.", "ledger.hospital.lag", "network.institutions")
"""Starts of the ids of levers of which each month does more."""

LISTED = "chronic.listed."
CLAIMS = "claims"
"""Stands beside the causes for who claims and who gives up, of those not settled directly."""
UNWILLING = ("not_filed", "not_coded", "not_up")
"""Causes that a willing hospital mends."""
PRICED = ("choice", CLAIMS)

ACTS = {
    "network.": ("not_networked",),
    LISTED: ("not_listed",),
    "filing.": ("not_filed",),
    "codes.": ("not_coded",),
    "platform.": ("not_up",),
    "hospitals.": UNWILLING,
    "ledger.hospital.lag": UNWILLING,
    "drg.": (*UNWILLING, *PRICED),
    "catalogue.": PRICED,
    "benefits.": PRICED,
    "pooling.": PRICED,
    "claims.": PRICED,
    "credit.": PRICED,
}
"""On which causes a lever acts, by the start of its id."""

ALWAYS = {
    ("not_filed", "home"): ("why people are away",),
    ("not_filed", "host"): ("why people are there",),
    **{(cause, "home"): ("benefits and catalogues of homes",) for cause in PRICED},
    **{(cause, "host"): ("catalogues of hosts",) for cause in PRICED},
    **{(cause, "tier"): ("bills, deductibles and ratios by tier",) for cause in PRICED},
    **{(cause, "month"): ("what the year has used up",) for cause in PRICED},
}
"""Inputs that differ without a lever, by cause and axis."""


def acts_on(lever: str) -> tuple[str, ...]:
    """Return the causes on which a lever acts.

    >>> acts_on("codes.unified"), acts_on("supervision.detected")
    (('not_coded',), ())
    """
    return next((causes for start, causes in ACTS.items() if lever.startswith(start)), ())


def differing(of: Scenario, kind: int) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the inputs that differ along an axis, by cause and axis; no entry where none does.

    Levers by id, of the scenario or of its reference, if for this kind of care they are not the same in every home,
    host or month, work month by month, or concern one tier; beside them what always differs.
    """
    place = areas.load(of.geography)
    out: dict[tuple[str, str], tuple[str, ...]] = dict(ALWAYS)
    sides = [scenario.compile(one, place) for one in (of, scenario.reference(of))]
    for lever in dict.fromkeys(lever for _, lever, _ in of.lines()):
        if lever not in sides[0].ids:  # it moves money only
            continue
        arrays = [side.values(lever)[:, :, :, kind] for side in sides]
        along = {axis for axis, i in OF_CELL.items() if any(_differs(array, i) for array in arrays)}
        if not (arrays[0] == arrays[1]).all():
            along |= {"tier"} if lever in BY_TIER else set()
            along |= {"month"} if lever.startswith(GRADUAL) else set()
        for axis in along:
            for cause in acts_on(lever):
                out[cause, axis] = _with(out.get((cause, axis), ()), lever)
    return out


def set_for(of: Scenario) -> dict[str, tuple[str, ...]]:
    """Return the levers that a scenario sets beyond its root, by the cause on which they act."""
    out: dict[str, tuple[str, ...]] = {}
    for _, lever, _ in of.lines(root=False):
        for cause in acts_on(lever):
            out[cause] = _with(out.get(cause, ()), lever)
    return out


def _with(named: tuple[str, ...], lever: str) -> tuple[str, ...]:
    """Return the names with that of a lever, all diseases of a list under one.

    >>> _with(("filing.free",), "chronic.listed.stroke")
    ('filing.free', 'chronic.listed.*')
    """
    name = f"{LISTED}*" if lever.startswith(LISTED) else lever
    return named if name in named else (*named, name)


def _differs(array: Array, axis: int) -> bool:
    """Return whether an array is not the same all along an axis; a default that is no number is one value."""
    first = array.take([0], axis)
    return bool(((array != first) & ((array == array) | (first == first))).any())
