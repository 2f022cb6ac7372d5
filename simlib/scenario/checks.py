"""What the lines of a scenario can move: which do nothing, which causes they act on, and along which axes.

Warned of are lines that are hardly meant; left out are uncertain numbers that a scenario does not use. What makes a
cause of not settling directly differ by home, host, hospital tier or month is told of those that it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.catalogue import agreement, itemlists
from simlib.errors import Fault
from simlib.files import documents
from simlib.patients import areas
from simlib.quantities import CITIES, LATER, levers, register
from simlib.scenario.scenario import Dated, Scenario, Settings, compile, dated, default, reference
from simlib.settlement.network import BY_TIER

Array = npt.NDArray[Any]

KNOWN_YEAR = 2024
"""Last year of which cross-province care is published."""

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


def one_policy(scenario: Scenario) -> bool:
    """Return whether pools are to have one policy, which only some can: see `simulation.policies.check`."""
    return any(lever == "pooling.policy" for _, lever, _ in scenario.lines())


def unused(scenario: Scenario, pin: Mapping[str, float | str]) -> tuple[str, ...]:
    """Return the uncertain parameters on which no payment of the year hangs, of a scenario or its baseline, by id.

    Those of levers that neither sets and of forms that are not chosen, see `Quantity.only`.

    pin : uncertain parameters held at a value and variants held at a form, by id.
    """
    known = register().values()
    there = {lever for _, lever, _ in scenario.lines()}
    there |= {f"{q.id}={pin.get(q.id, q.default)}" for q in known if q.role == "variant"}
    there |= {LATER} if scenario.year > KNOWN_YEAR else set()
    there |= {CITIES} if areas.load(scenario.geography).inside.any() else set()
    return tuple(q.id for q in known if q.only and not there & set(q.only))


def warnings(scenario: Scenario) -> tuple[Fault, ...]:
    """Return every line of a scenario, its root aside, that has no effect in its geography and year, with the reason.

    Such a line sets a lever only inside provinces, for kinds of care that the lever does not concern, in months of
    another year, or to the value that it has already, or it needs another lever that is left at its default.
    """
    place, known = areas.load(scenario.geography), levers()
    across = place.province[:, None] != place.province
    settings = compile(scenario, place)
    arrays: dict[str, Array] = {}
    found = []
    for line in dated(scenario, place, scenario.year):
        if not known[line.lever].kinds:  # it moves money only, in later years too
            continue
        array = arrays.setdefault(line.lever, default(known[line.lever], settings.touched.shape).copy())
        if line.step and (why := _why(line, array, across, scenario, settings)):
            found.append((line, why))
        array[line.cells] = line.value
    return tuple(_warning(scenario, line, why) for line, why in found[: documents.MAX_FAULTS])


def lists(scenario: Scenario) -> tuple[str, ...]:
    """Return what is odd about the item lists that a scenario's root names, as they are read for its year."""
    named = [one for _, one in reference(scenario).catalogues]
    found = agreement.joined(named, itemlists.midyear(scenario.year)) if named else []
    return tuple(f"warning: {words}" for words in found)


def _why(line: Dated, before: Array, across: npt.NDArray[np.bool_], scenario: Scenario, settings: Settings) -> str:
    """Return why a line has no effect on what was set before it, or nothing."""
    home, host, _, kind, month = line.cells
    if not month.size:
        return f"its months are not in {scenario.year}"
    if not kind.size:
        return f"the lever concerns {' and '.join(levers()[line.lever].kinds)} care only"
    pairs = np.broadcast_to(across[home[..., 0, 0, 0], host[..., 0, 0, 0]], before[line.cells].shape[:2])
    if not pairs.any():
        return f"it is set inside provinces only, and {scenario.geography} are simulated across them"
    if (before[line.cells][pairs] == line.value).all():
        return "this is in force already"
    for name, _ in at_full.beside if (at_full := levers()[line.lever].at_full) else ():
        usual = default(levers()[name], settings.touched.shape)
        if (settings.values(name)[line.cells][pairs] == usual[line.cells][pairs]).all():
            return f"it needs {name}, which is not set there"
    return ""


def _warning(scenario: Scenario, line: Dated, why: str) -> Fault:
    """Return the warning with the place of the line in its file."""
    document = documents.read(scenario.lineage()[line.step].path)
    at = ("changes", line.number, "set", line.lever)
    return document.fault(at, f"warning: {line.lever} has no effect: {why}. Delete it, or set it elsewhere.", key=True)


def acts_on(lever: str) -> tuple[str, ...]:
    """Return the causes on which a lever acts.

    >>> acts_on("codes.unified"), acts_on("supervision.detected")
    (('not_coded',), ())
    """
    return next((causes for start, causes in ACTS.items() if lever.startswith(start)), ())


def differing(scenario: Scenario, kind: int) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the inputs that differ along an axis, by cause and axis; no entry where none does.

    Levers by id, of the scenario or of its baseline, if for this kind of care they are not the same in every home,
    host or month, work month by month, or concern one tier; beside them what always differs.
    """
    place = areas.load(scenario.geography)
    out: dict[tuple[str, str], tuple[str, ...]] = dict(ALWAYS)
    sides = [compile(one, place) for one in (scenario, reference(scenario))]
    for lever in dict.fromkeys(lever for _, lever, _ in scenario.lines()):
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


def set_for(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Return the levers that a scenario sets beyond its root, by the cause on which they act."""
    out: dict[str, tuple[str, ...]] = {}
    for _, lever, _ in scenario.lines(root=False):
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
