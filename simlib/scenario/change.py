"""One dated change of policy: which levers, to what, from when to when, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, islice, permutations
from typing import Any

from pydantic import Field, ValidationError

from simlib.errors import Fault, Where, did_you_mean, kind_of, listed, shown
from simlib.files.documents import MAX_FAULTS, Document
from simlib.files.shapes import LAST_MONTH, Frozen, Month, Names
from simlib.patients.areas import Place, provinces
from simlib.quantities import PLACE_AXES, Quantity, Value, checked
from simlib.terms import INSTITUTIONS, KINDS, MONTHS, SCHEMES, WHOLE_MONTHS

Cells = tuple[tuple[int, ...], ...]
"""Indices on each axis of `PLACE_AXES`; a change applies to their product."""


class Limits(Frozen):
    """Where a change applies; an axis left out is not limited."""

    home: Names | None = Field(None, description="area or region of the insured, or a list")
    host: Names | None = Field(None, description="area or region of treatment, or a list")
    scheme: Names | None = Field(None, description="employee or resident")
    kind: Names | None = Field(None, description="inpatient, outpatient, chronic or pharmacy")


class Change(Frozen):
    """Levers set to values, from a month to a month (inclusive), at some places."""

    start: Month = Field(alias="from", description="from: YYYY-MM")
    stop: Month = Field(LAST_MONTH, alias="to", description="to: YYYY-MM")
    where: Limits = Limits()
    set: tuple[tuple[str, Value], ...] = Field(description="set: {lever: value}")

    def months(self, year: int) -> tuple[int, ...]:
        """Return the months of a year, from 0, in which the change holds.

        >>> Change.model_validate({"from": "2024-11", "set": ()}).months(2024)
        (10, 11)
        """
        return tuple(m for m in range(MONTHS) if self.start <= f"{year}-{m + 1:02}" <= self.stop)

    def cells(self, place: Place) -> Cells:
        """Return the indices on each axis that the change applies to; LookupError for an unknown name."""
        return tuple(_indices(axis, getattr(self.where, axis), place) for axis in PLACE_AXES)


def _indices(axis: str, names: tuple[str, ...] | None, place: Place) -> tuple[int, ...]:
    """Return the positions on an axis that names stand for, all of them where there are no names."""
    if axis in ("home", "host"):
        every = len(place.codes)
        found = {i for name in names or () for i in place.resolve(name)}
    else:
        words = SCHEMES if axis == "scheme" else KINDS
        every = len(words)
        found = {_position(name, axis, words) for name in names or ()}
    return tuple(range(every)) if names is None else tuple(sorted(found))


def _position(name: str, axis: str, words: tuple[str, ...]) -> int:
    """Return the position of a scheme or kind; LookupError with the likely fix if it is unknown."""
    if name not in words:
        raise LookupError(f"{shown(name)}: no such {axis}. {did_you_mean(name, words)}")
    return words.index(name)


def read_changes(
    document: Document, known: Mapping[str, Quantity], place: Place, year: int | None
) -> tuple[tuple[Change, ...], list[Fault]]:
    """Return the changes of a scenario file that can be read, and every fault found in any of them.

    Parameters
    ----------
    document : the file; its `changes` are a list.
    known : declared quantities by id.
    place : the areas that `where` may name.
    year : the year of the scenario, in which each change must hold; None if it could not be
        read, or for a root: what it enacts may hold in other years.
    """
    faults: list[Fault] = []
    good: list[tuple[Where, Change, Cells]] = []
    for number, raw in enumerate(document.data["changes"]):
        at: Where = ("changes", number)
        change, found = _change(document, at, raw, known)
        if change is not None:
            found += [*_dates(document, at, change, year), *_places(document, at, change, place, known)]
            found += [] if found else _pools(document, at, change, place)
            if not found:
                good.append((at, change, change.cells(place)))
        faults += found
    clashes = islice(_clashes(document, good), MAX_FAULTS)
    return tuple(change for _, change, _ in good), [*faults, *clashes, *_stages(document, good, known)]


def _change(
    document: Document, at: Where, raw: Any, known: Mapping[str, Quantity]
) -> tuple[Change | None, list[Fault]]:
    """Return a change, or None if its form is wrong, and the faults of its form and values."""
    if not isinstance(raw, dict):
        return None, [document.fault(at, f"found {kind_of(raw)}. Write a change: from, where, set.")]
    settings, faults = _settings(document, (*at, "set"), raw["set"], known) if "set" in raw else ((), [])
    try:
        change = Change.model_validate(raw | ({"set": settings} if "set" in raw else {}))
    except ValidationError as error:
        return None, faults + document.faults(error, Change, at)
    return change, faults


def _settings(
    document: Document, at: Where, raw: Any, known: Mapping[str, Quantity]
) -> tuple[tuple[tuple[str, Value], ...], list[Fault]]:
    """Return the lever and value of each line under `set` that is right, and a fault for each that is not."""
    if not isinstance(raw, dict) or not raw:
        return (), [document.fault(at, f"set: found {kind_of(raw or None)}. Write levers and their values.")]
    settings: list[tuple[str, Value]] = []
    faults: list[Fault] = []
    for name, found in raw.items():
        try:
            settings.append((name, checked(_lever_named(name, known), found)))
        except LookupError as error:
            faults.append(document.fault((*at, name), f"{shown(name)}: {error.args[0]}", key=True))
        except ValueError as error:
            faults.append(document.fault((*at, name), f"{name}: {error}"))
    return tuple(settings), faults


NO_LEVER = {
    "uncertain": "an uncertain parameter that every draw varies",
    "fact": "a fact",
    "variant": "a form, which --pin chooses",
}
"""What a number is that is no lever, by role."""


def _lever_named(name: str, known: Mapping[str, Quantity]) -> Quantity:
    """Return the lever of this name; LookupError with the likely fix if there is none, or another number has it."""
    quantity = known.get(name)
    if quantity is None:
        levers = [q.id for q in known.values() if q.role == "lever"]
        raise LookupError(f"no such lever. {did_you_mean(name, levers, 'simlib parameters')}")
    if quantity.role in NO_LEVER:
        raise LookupError(f"is {NO_LEVER[quantity.role]}, not a lever. A scenario sets levers only.")
    return quantity


def _limited_by(quantity: Quantity, axis: str) -> None:
    """Raise LookupError if the lever cannot be limited by an axis of place."""
    if axis not in quantity.axes:
        axes = listed(quantity.axes) or "date only"
        raise LookupError(f"{quantity.id} cannot be limited by {axis}. It can be by {axes}: delete {axis}.")


def _dates(document: Document, at: Where, change: Change, year: int | None) -> Iterator[Fault]:
    """Yield the faults of a change's dates."""
    if change.stop < change.start:
        yield document.fault((*at, "to"), f"to: {change.stop} is before from, {change.start}. Swap them?")
    elif year is not None and not change.months(year):
        span = change.start if change.stop == LAST_MONTH else f"{change.start} to {change.stop}"
        found = f"{span} is outside the horizon of this scenario, its year {year}"
        yield document.fault((*at, "from"), f"from: {found}. Write a month of {year}, or another year.")


def _places(
    document: Document, at: Where, change: Change, place: Place, known: Mapping[str, Quantity]
) -> Iterator[Fault]:
    """Yield the faults of where a change applies: unknown names, axes that a lever does not have."""
    for axis in PLACE_AXES:
        names = getattr(change.where, axis) or ()
        listed = isinstance(document.data["changes"][at[1]]["where"][axis], list) if names else False
        for number, name in enumerate(names):
            spot = (*at, "where", axis, number) if listed else (*at, "where", axis)
            try:
                _indices(axis, (name,), place)
            except LookupError as error:
                yield document.fault(spot, f"{axis}: {error.args[0]}")
        for lever, _ in change.set if names else ():
            try:
                _limited_by(known[lever], axis)
            except LookupError as error:
                yield document.fault((*at, "where", axis), error.args[0], key=True)


def _pools(document: Document, at: Where, change: Change, place: Place) -> Iterator[Fault]:
    """Yield the faults of a change that pools: no cities to pool, a city left out, one taken twice."""
    levers = [name for name, _ in change.set if name.startswith("pooling.")]
    if not levers:
        return
    if not place.inside.any():
        why = f"{place.geography} have no pools to merge: each is one area. Write geography: delta, or jing_jin_ji."
        yield document.fault((*at, "set", levers[0]), f"{levers[0]}: {why}", key=True)
        return
    taken: dict[int, str] = {}
    for name in change.where.home or ():
        twice = [i for i in place.resolve(name) if taken.setdefault(i, name) != name]
        if twice:
            why = f"{place.names_en[twice[0]]} is taken twice, also in {shown(taken[twice[0]])}. Name each pool once."
            yield document.fault((*at, "where", "home"), f"home: {shown(name)}: {why}", key=True)
    homes = set(_indices("home", change.where.home, place))
    for p in sorted({int(place.province[i]) for i in homes}):
        out = [place.names_en[i] for i in range(len(place.codes)) if place.province[i] == p and i not in homes]
        if out:
            province = provinces().names_en[p]
            why = f"{province} is pooled whole, and {listed(out)} {'is' if len(out) == 1 else 'are'} left out"
            yield document.fault((*at, "where", "home"), f"home: {why}. Write {province}.", key=True)


def _clashes(document: Document, changes: list[tuple[Where, Change, Cells]]) -> Iterator[Fault]:
    """Yield a fault for each lever that two changes set for the same place and month."""
    for (at, first, cells), (other, second, others) in combinations(changes, 2):
        for name in both_set(first, cells, second, others):
            line = document.keys[(*at, "set", name)][0]
            message = f"{name}: also set in line {line} for the same place and month"
            fix = "Limit one of them by place or date, or delete it."
            yield document.fault((*other, "set", name), f"{message}. {fix}", key=True)


def _stages(
    document: Document, changes: list[tuple[Where, Change, Cells]], known: Mapping[str, Quantity]
) -> Iterator[Fault]:
    """Yield a fault for each stage of a roll-out that asks for fewer institutions than an earlier one there."""
    for (at, first, cells), (other, second, others) in permutations(changes, 2):
        if first.start >= second.start or not _met(cells, others):
            continue
        before, after = ({n: float(v) for n, v in of.set if known[n].unit == INSTITUTIONS} for of in (first, second))
        for name in before.keys() & after.keys():
            if after[name] < before[name]:
                line = document.keys[(*at, "set", name)][0]
                found = f"{after[name]:g} from {second.start} is below {before[name]:g} from {first.start}, line {line}"
                fix = "Put the stages in the order of their dates."
                yield document.fault((*other, "set", name), f"{name}: {found}: a roll-out disconnects nobody. {fix}")


def _met(cells: Cells, others: Cells) -> bool:
    """Return whether two changes apply to a place, scheme and kind in common."""
    return all(set(a) & set(b) for a, b in zip(cells, others, strict=True))


def both_set(first: Change, cells: Cells, second: Change, others: Cells) -> list[str]:
    """Return the levers that two changes set for the same place, scheme, kind and month, in alphabetical order."""
    both = {name for name, _ in first.set} & {name for name, _ in second.set}
    apart = first.stop < second.start or second.stop < first.start
    return sorted(both) if both and not apart and _met(cells, others) else []


def change_schema(levers: Mapping[str, Quantity]) -> dict[str, Any]:
    """Return the JSON Schema of a change: one property for each lever.

    >>> sorted(change_schema({})["properties"])
    ['from', 'set', 'to', 'where']
    """
    month = {"type": "string", "pattern": "^(201[7-9]|202[0-9]|203[0-5])-(0[1-9]|1[0-2])$"}
    words = {"scheme": {"enum": list(SCHEMES)}, "kind": {"enum": list(KINDS)}}
    limits = {axis: _one_or_more(words.get(axis, {"type": ["string", "integer"]})) for axis in PLACE_AXES}
    about = {axis: field.description for axis, field in Limits.model_fields.items()}
    where = {axis: {"description": about[axis], **limit} for axis, limit in limits.items()}
    values = {name: _lever_schema(quantity) for name, quantity in levers.items()}
    return object_schema(
        {
            "from": {"description": "first month", **month},
            "to": {"description": "last month, inclusive; without it the change stays", **month},
            "where": object_schema(where),
            "set": {"minProperties": 1, **object_schema(values)},
        },
        required=("from", "set"),
    )


def _lever_schema(quantity: Quantity) -> dict[str, Any]:
    """Return the JSON Schema of a lever's value.

    >>> from simlib.quantities import levers
    >>> _lever_schema(levers()["filing.free"])["type"]
    'boolean'
    """
    about = f"{quantity.meaning}; {quantity.unit}; may be limited by {listed(quantity.axes)}"
    if quantity.choices:
        return {"description": about, "type": "string", "enum": list(quantity.choices)}
    if isinstance(quantity.default, bool):
        return {"description": about, "type": "boolean"}
    limits = {"minimum": quantity.low, "maximum": quantity.high}
    sort = "integer" if quantity.unit == WHOLE_MONTHS else "number"
    return {"description": about, "type": sort} | {k: v for k, v in limits.items() if v is not None}


def object_schema(properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the JSON Schema of keys and values, no other keys allowed.

    >>> object_schema({"zh": {"type": "string"}})["additionalProperties"]
    False
    """
    shape = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return shape | ({"required": list(required)} if required else {})


def _one_or_more(word: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a name or a list of names."""
    return {"anyOf": [word, {"type": "array", "items": word, "minItems": 1}]}
