"""The files that a scenario's root names: item lists by area in the year that is simulated, and fitted draws."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from simlib.catalogue import agreement, itemlists
from simlib.catalogue.itemlists import Catalogues, ItemList
from simlib.errors import BadInputError, Fault, shown
from simlib.files.documents import Document
from simlib.patients.areas import Place
from simlib.scenario import ensemble
from simlib.scenario.ensemble import Ensemble


def read(document: Document, place: Place, year: int | None) -> tuple[Catalogues, list[Fault], list[Fault | str]]:
    """Return the item lists that a root names, by code of the area, the faults of it, and those inside the lists."""
    named = document.data.get("catalogues")
    lists, seen = list[tuple[str, ItemList]](), dict[int, str]()
    faults, inside = list[Fault](), list[Fault | str]()
    for name, file in named.items() if isinstance(named, dict) else ():
        where = "catalogues", name
        try:
            area = _area(name, place, seen)
        except LookupError as error:
            faults.append(document.fault(where, f"catalogues: {error}", key=True))
            continue
        if not isinstance(file, str):
            continue  # a fault of the header
        try:
            path = document.beside(file)
        except ValueError as error:
            faults.append(document.fault(where, f"catalogues: {error}"))
            continue
        try:
            lists.append((place.codes[area], itemlists.read(path)))
        except BadInputError as error:
            inside += error.faults
    try:
        agreement.check_zeros([one for _, one in lists])
    except BadInputError as error:
        inside += error.faults
    faults += [document.fault(("catalogues",), f"catalogues: {words}", key=True) for words in stale(lists, year)]
    return tuple(lists), faults, inside


def fitted(document: Document) -> tuple[Ensemble | None, list[Fault], list[Fault | str]]:
    """Return the ensemble that a root names, the faults of its name, and those inside the file."""
    file = document.data.get("ensemble")
    if not isinstance(file, str):
        return None, [], []  # none, or a fault of the header
    try:
        return ensemble.read(document.beside(file)), [], []
    except ValueError as error:
        return None, [document.fault(("ensemble",), f"ensemble: {error}")], []
    except BadInputError as error:
        return None, [], list(error.faults)


def _area(name: str, place: Place, seen: dict[int, str]) -> int:
    """Return the one area that a name stands for, noted as seen; LookupError if it is none, several or seen."""
    found = place.resolve(name)
    if len(found) > 1:
        raise LookupError(f"{shown(name)}: found {len(found)} areas. Give each area a line and a list of its own.")
    if (first := seen.setdefault(found[0], name)) != name:
        raise LookupError(f"{shown(name)}: the same area as {shown(first)}. Keep one of them.")
    return found[0]


def stale(lists: Iterable[tuple[str, ItemList]], year: int | None) -> list[str]:
    """Return a complaint for each list without an item that is valid in the middle of a year, if that is known."""
    if year is None:
        return []
    day = itemlists.midyear(year)
    remedy = f"no item is valid on {day}, the day on which lists are read for {year}. Write another year or list."
    return [f"{shown(Path(one.path).name)}: {remedy}" for _, one in lists if not one.rows(day)]
