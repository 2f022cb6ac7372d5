"""What does nothing where and when a scenario is run: lines that are hardly meant, unknowns that it does not use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.errors import Fault
from simlib.files import documents
from simlib.patients import areas
from simlib.quantities import CITIES, LATER, levers, register
from simlib.scenario.scenario import Dated, Scenario, Settings, compile, dated, default

Array = npt.NDArray[Any]


KNOWN_YEAR = 2024
"""Last year of which cross-province care is published."""


def unknowns(of: Scenario, pin: Mapping[str, float | str]) -> tuple[str, ...]:
    """Return the unknowns on which no payment of the year hangs, of a scenario or of its reference, by id.

    Those of levers that neither sets and of forms that are not chosen, see `Quantity.only`.

    pin : unknowns held at a value and variants held at a form, by id.
    """
    known = register().values()
    there = {lever for _, lever, _ in of.lines()}
    there |= {f"{q.id}={pin.get(q.id, q.default)}" for q in known if q.role == "variant"}
    there |= {LATER} if of.year > KNOWN_YEAR else set()
    there |= {CITIES} if areas.load(of.geography).inside.any() else set()
    return tuple(q.id for q in known if q.only and not there & set(q.only))


def warnings(of: Scenario) -> tuple[Fault, ...]:
    """Return every line of a scenario, its root aside, that has no effect in its geography and year, with the reason.

    Such a line sets a lever only inside provinces, for kinds of care that the lever does not concern, in months of
    another year, or to the value that it has already, or it needs another lever that is left at its default.
    """
    place, known = areas.load(of.geography), levers()
    across = place.province[:, None] != place.province
    settings = compile(of, place)
    arrays: dict[str, Array] = {}
    found = []
    for line in dated(of, place, of.year):
        if not known[line.lever].kinds:  # it moves money only, in later years too
            continue
        array = arrays.setdefault(line.lever, default(known[line.lever], settings.touched.shape).copy())
        if line.step and (why := _why(line, array, across, of, settings)):
            found.append((line, why))
        array[line.cells] = line.value
    return tuple(_warning(of, line, why) for line, why in found[: documents.MAX_FAULTS])


def _why(line: Dated, before: Array, across: npt.NDArray[np.bool_], of: Scenario, settings: Settings) -> str:
    """Return why a line has no effect on what was set before it, or nothing."""
    home, host, _, kind, month = line.cells
    if not month.size:
        return f"its months are not in {of.year}"
    if not kind.size:
        return f"the lever concerns {' and '.join(levers()[line.lever].kinds)} care only"
    pairs = np.broadcast_to(across[home[..., 0, 0, 0], host[..., 0, 0, 0]], before[line.cells].shape[:2])
    if not pairs.any():
        return f"it is set inside provinces only, and {of.geography} are simulated across them"
    if (before[line.cells][pairs] == line.value).all():
        return "this is in force already"
    for name, _ in at_full.beside if (at_full := levers()[line.lever].at_full) else ():
        usual = default(levers()[name], settings.touched.shape)
        if (settings.values(name)[line.cells][pairs] == usual[line.cells][pairs]).all():
            return f"it needs {name}, which is not set there"
    return ""


def _warning(of: Scenario, line: Dated, why: str) -> Fault:
    """Return the warning with the place of the line in its file."""
    document = documents.read(of.lineage()[line.step].path)
    at = ("changes", line.number, "set", line.lever)
    return document.fault(at, f"warning: {line.lever} has no effect: {why}. Delete it, or set it elsewhere.", key=True)
