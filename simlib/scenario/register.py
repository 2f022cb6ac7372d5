"""Every declared number in one list, and what a lever may be set to."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from simlib.benefits import national, pooling
from simlib.catalogue import baskets, selfpay
from simlib.errors import did_you_mean, kind_of, listed, shown
from simlib.fund import ledger
from simlib.patients import areas, chronic, flows, response, visits, volumes, within
from simlib.quantities import Params, Quantity
from simlib.settlement import channels, gates, hospitals, network, supervision
from simlib.terms import WHOLE_MONTHS

Value = bool | float | str
Declarations = tuple[type[Params], ...]

DECLARATIONS: Declarations = (
    areas.Areas,
    volumes.Targets,
    flows.Flow,
    within.Within,
    visits.Visits,
    chronic.Chronic,
    chronic.Listed,
    baskets.Catalogue,
    selfpay.SelfPay,
    national.Benefits,
    gates.Gates,
    gates.Filing,
    network.Network,
    gates.Codes,
    gates.Platform,
    hospitals.Hospitals,
    hospitals.Drg,
    supervision.Supervision,
    channels.Channels,
    channels.Claims,
    channels.Credit,
    response.Response,
    ledger.Ledger,
    pooling.Pooling,
)
"""The groups of numbers, in the order of the model's story."""


def quantities(declarations: Declarations = DECLARATIONS) -> dict[str, Quantity]:
    """Return every declared number by its id: facts, levers and unknowns.

    >>> quantities()["catalogue.rule.drug"].role
    'lever'
    """
    return {quantity.id: quantity for group in declarations for quantity in group.quantities()}


def levers(declarations: Declarations = DECLARATIONS) -> dict[str, Quantity]:
    """Return the numbers that a scenario may set, by id.

    >>> levers()["filing.free"].default
    False
    """
    return {name: q for name, q in quantities(declarations).items() if q.role == "lever"}


def pinned(text: str) -> tuple[str, float | str]:
    """Return the unknown and the value, or the variant and the form, that a text `ID=VALUE` holds fixed.

    >>> pinned("channels.attention=0.5"), pinned("flow.decay=exponential")
    (('channels.attention', 0.5), ('flow.decay', 'exponential'))

    Raises
    ------
    ValueError : with the likely fix, if there is no such number, or its value is not one that it may have.
    """
    name, equals, value = text.partition("=")
    known = {i: q for i, q in quantities().items() if q.role in ("unknown", "variant")}
    if not equals:
        raise ValueError(f"{shown(text)}: write ID=VALUE, such as flow.decay=exponential.")
    if name not in known:
        if other := quantities().get(name):
            raise ValueError(f"{name}: is a {other.role}, no unknown or variant. Only a scenario file sets levers.")
        hint = did_you_mean(name, known, "simlib parameters")
        raise ValueError(f"{shown(name)}: no such unknown or variant. {hint}")
    if choices := known[name].choices:
        if value not in choices:
            raise ValueError(f"{name}: {shown(value)}. {did_you_mean(value, choices)}")
        return name, value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    low, high = float(known[name].low or 0), float(known[name].high or 0)
    if not low <= number <= high:
        raise ValueError(f"{name}: {shown(value)}. Write a number from {low:g} to {high:g}, its declared range.")
    return name, number


def lever_named(name: str, known: Mapping[str, Quantity]) -> Quantity:
    """Return the lever of this name.

    Raises
    ------
    LookupError
        With the likely fix, if there is none, or if the name is that of a fact or an unknown.
    """
    quantity = known.get(name)
    ids = [q.id for q in known.values() if q.role == "lever"]
    if quantity is None:
        raise LookupError(f"no such lever. {did_you_mean(name, ids, 'simlib parameters')}")
    if quantity.role == "unknown":
        raise LookupError("is an unknown that every draw varies, not a lever. A scenario sets levers only.")
    if quantity.role == "fact":
        raise LookupError("is a fact, not a lever. A scenario sets levers only.")
    return quantity


def checked(quantity: Quantity, value: Any) -> Value:
    """Return the value as the lever keeps it: true or false, one of the choices, or a number in its unit.

    Raises
    ------
    ValueError
        With what was found, what was expected and the likely fix.

    Examples
    --------
    >>> checked(levers()["catalogue.reach.drug"], 1)
    1.0
    >>> checked(levers()["catalogue.reach.drug"], 1.5)
    Traceback (most recent call last):
    ValueError: 1.5 is a share above 1. Write 0.015 if you mean 1.5 percent.
    """
    if quantity.choices:
        return _choice(quantity, value)
    if isinstance(quantity.default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"found {kind_of(value)}. Write true or false, without quotes.")
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"found {kind_of(value)}. Write {_meant(quantity, value)}.")
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number. Write {_range(quantity)}.")
    _check_range(quantity, value)
    if quantity.unit == WHOLE_MONTHS and value % 1:
        raise ValueError(f"{_plain(value)} is not a whole number of months. Write {_plain(round(value))}.")
    return float(value)


def _choice(quantity: Quantity, value: Any) -> str:
    """Return one of the choices of a lever."""
    if isinstance(value, str) and value in quantity.choices:
        return value
    raise ValueError(f"found {kind_of(value)}. {did_you_mean(str(value), quantity.choices)}")


def _check_range(quantity: Quantity, value: float) -> None:
    """Raise ValueError where a number is out of the lever's range, with the slip of unit that explains it."""
    if _fits(quantity, value):
        return
    below = quantity.low is not None and value < quantity.low
    limit = f"{'below' if below else 'above'} {_plain((quantity.low if below else quantity.high) or 0)}"
    if quantity.unit == "share":
        percent = f"{_plain(value / 100)} if you mean {_plain(value)} percent"
        fix = percent if 1 < value <= 100 else _range(quantity)
        raise ValueError(f"{_plain(value)} is a share {limit}. Write {fix}.")
    meant, word = (value * 10_000, "万元") if below else (value / 100, "fen")
    slip = f"; if you mean {_plain(value)} {word}, write {_plain(meant)}"
    likely = slip if quantity.unit == "yuan" and meant > 0 and _fits(quantity, meant) else ""
    early = ": nothing is paid before its notice" if below and quantity.unit == WHOLE_MONTHS else ""
    raise ValueError(f"{_plain(value)} {quantity.unit} is {limit}{early}. Write {_range(quantity)}{likely}.")


_WRITTEN = re.compile(r"\s*([-+]?[0-9][0-9,_ ]*(?:\.[0-9]+)?)\s*([%％千万亿]?)")
_FACTORS = {"": 1.0, "%": 0.01, "％": 0.01, "千": 1e3, "万": 1e4, "亿": 1e8}


def _meant(quantity: Quantity, value: Any) -> str:
    """Return what to write in place of a text such as `15%` or `15万元`."""
    match = _WRITTEN.match(value) if isinstance(value, str) else None
    if match is None or (match[2] in ("%", "％") and quantity.unit != "share"):
        return _range(quantity)
    number = float(re.sub(r"[,_ ]", "", match[1])) * _FACTORS[match[2]]
    words = "the plain number" if quantity.unit == "share" else f"the plain number in {quantity.unit}"
    return f"{words}: {_plain(number)}" if _fits(quantity, number) else _range(quantity)


def _fits(quantity: Quantity, number: float) -> bool:
    """Return whether a number is in the lever's range."""
    low = -math.inf if quantity.low is None else quantity.low
    high = math.inf if quantity.high is None else quantity.high
    return low <= number <= high


def _range(quantity: Quantity) -> str:
    """Return which numbers a lever takes, to be read after `write`."""
    number = "a share" if quantity.unit == "share" else f"a plain number in {quantity.unit}"
    if quantity.low is None or quantity.high is None:
        return number
    return f"{number} between {_plain(quantity.low)} and {_plain(quantity.high)}"


def _plain(number: float) -> str:
    """Return a number as one would write it in a file.

    >>> _plain(10_000_000.0), _plain(0.015)
    ('10000000', '0.015')
    """
    return f"{number:.12g}"


def limited_by(quantity: Quantity, axis: str) -> None:
    """Raise LookupError if the lever cannot be limited by an axis of place."""
    if axis not in quantity.axes:
        axes = listed(quantity.axes) or "date only"
        raise LookupError(f"{quantity.id} cannot be limited by {axis}. It can be by {axes}: delete {axis}.")


def lever_schema(quantity: Quantity) -> dict[str, Any]:
    """Return the JSON Schema of a lever's value.

    >>> lever_schema(levers()["filing.free"])["type"]
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
