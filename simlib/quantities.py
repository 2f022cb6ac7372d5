"""A number of the model, declared once in a file beside the rule that uses it: meaning, unit, range, who says so.

`settlement/gates.yaml` holds the numbers of `settlement/gates.py`, and so on. Each stands under its id with these keys:

- meaning: in English and Chinese. unit: `yes or no`, `rule`, `policy` and `form` of what is no number.
- role: `fact`, taken as known; `lever`, which policy sets; `uncertain`, known as a range, of which each draw takes a
  value; `variant`, a choice between forms of the model, which holds unless it is pinned.
- default: what holds unless something else is said. Of an uncertain one the mode (triangular) or the mean (normal);
without
  it, the middle of the range. Of a lever `null` where the national default differs by scheme.
- range: least and largest value. distribution: of an uncertain one, uniform, log-uniform, triangular or normal (the
range
  then goes from minus to plus 1.96 standard deviations).
- axes: by what a lever may be limited beside dates; of an uncertain one, one independent number for each place on them.
- choices: what a lever or a variant may be, where that is no number.
- kinds: of care that a lever concerns, all unless it is said; none (`[]`) where it only moves money.
- at_full: what a lever is expected, and tested, to do at full strength, see `AtFull`.
- only: of an uncertain one, what a scenario needs any one of for the number to move a payment of its year.
- grade, source: how good the evidence is, and whose.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, PlainValidator, ValidationError

from simlib.errors import BadInputError, Fault, did_you_mean, kind_of, shown
from simlib.files import documents
from simlib.files.documents import Document
from simlib.files.shapes import Frozen, Line, Text
from simlib.terms import KINDS, WHOLE_MONTHS, Grade

Role = Literal["fact", "lever", "uncertain", "variant"]
Value = bool | float | str
PLACE_AXES = ("home", "host", "scheme", "kind")
"""Axes of place, by which a lever may be limited."""
AXES = (*PLACE_AXES, "category", "disease", "city")
"""Axes on which an uncertain parameter may differ."""
UNPUBLISHED = "assumption: no published value"
"""Source of what nobody has published."""
LATER, CITIES = "a year after 2024", "a geography of cities"
"""What a scenario may have beside levers set and forms chosen, see `Quantity.only`."""

STORY = (
    *("areas", "targets", "flow", "within", "visits", "chronic", "catalogue", "benefits"),
    *("gates", "filing", "network", "codes", "platform", "hospitals", "drg", "supervision"),
    *("channels", "claims", "credit", "response", "ledger", "pooling"),
)
"""What ids of the model start with, in the order of its story."""
APART = ("foretell",)
"""What ids of numbers start with that no draw of the model takes."""


_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


def _listed(written: Any) -> Any:
    """Return a list of a file as a tuple."""
    return tuple(written) if isinstance(written, list) else written


def _value(written: Any) -> Value:
    """Return a value of a file as it is written."""
    if not isinstance(written, (bool, int, float, str)):
        raise ValueError(f"found {kind_of(written)}. Write a number, true or false, or a word.")
    return written


def _value_or_none(written: Any) -> Value | None:
    """Return a value of a file as it is written, or nothing where it says so."""
    return None if written is None else _value(written)


def _limits(written: Any) -> tuple[float, float]:
    """Return least and largest value, as they are written."""
    if not isinstance(written, list) or len(written) != 2 or not all(map(_is_number, written)):
        raise ValueError("Write the least and the largest value: [0.1, 0.9].")
    low, high = written
    if low >= high:
        raise ValueError(f"{low} is not below {high}. Swap them?")
    return low, high


def _beside(written: Any) -> tuple[tuple[str, Value], ...]:
    """Return settings as pairs."""
    if not isinstance(written, dict):
        raise ValueError(f"found {kind_of(written)}. Write levers and their values.")
    return tuple((name, _value(value)) for name, value in written.items())


def _is_number(written: Any) -> bool:
    """Return whether a value of a file is a finite number."""
    return isinstance(written, (int, float)) and not isinstance(written, bool) and math.isfinite(written)


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class AtFull(Frozen):
    """What a lever does at full strength, limited to a pair of areas for a year: declared with it, tested on it.

    Attributes
    ----------
    value : full strength. up, down : metrics that must rise or fall on those cells, and indicators or entries of the
    books, of all areas, whose mean over the months of the books must; a lever that names none of care moves none.
    untouched : kinds of care of which no amount may move, and metrics, amounts, indicators or entries that may not.
    none : the value at which nothing may move, unless it is the default. beside : settings without which the lever
    does nothing.
    """

    value: Annotated[Value, PlainValidator(_value)]
    up: Words = ()
    down: Words = ()
    untouched: Words = ()
    none: Annotated[Value | None, PlainValidator(_value)] = None
    beside: Annotated[tuple[tuple[str, Value], ...], PlainValidator(_beside)] = ()


class _Written(Frozen):
    """A number as its file has it; the keys are those at the top of this module."""

    meaning: Text
    role: Role
    unit: Line
    grade: Grade
    source: Line
    default: Annotated[Value | None, PlainValidator(_value_or_none)] = None
    range: Annotated[tuple[float, float] | tuple[None, None], PlainValidator(_limits)] = (None, None)
    distribution: Literal["uniform", "log-uniform", "triangular", "normal", "none"] = "none"
    axes: Words = ()
    choices: Words = ()
    kinds: Words = KINDS
    at_full: AtFull | None = None
    only: Words = ()


NEEDED: dict[Role, tuple[str, ...]] = {
    "fact": ("default",),
    "lever": ("default", "axes", "at_full"),
    "uncertain": ("range", "distribution"),
    "variant": ("default", "choices"),
}
"""What a number of a role says of itself, beside what all do."""
ALLOWED: dict[Role, tuple[str, ...]] = {
    "fact": (),
    "lever": ("range", "choices", "kinds"),
    "uncertain": ("default", "axes", "only"),
    "variant": (),
}
"""What it may say."""


@dataclass(frozen=True)
class Quantity:
    """A number of the model as rules use it, see the top of this module; `low` and `high` are the ends of its range.

    only : of an uncertain one, what a scenario needs any one of for the number to move a payment of its year: a lever
    set (its id), a form chosen (`id=form`), `LATER`, `CITIES`; empty if it always may.
    """

    id: str
    meaning: str
    meaning_zh: str
    unit: str
    role: Role
    source: str
    grade: Grade
    default: Value | None = None
    low: float | None = None
    high: float | None = None
    dist: str = "none"
    axes: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS
    at_full: AtFull | None = None
    only: tuple[str, ...] = ()

    @property
    def number(self) -> float:
        """The default as a number; for facts, which always have one."""
        return float(self.default or 0)

    def __hash__(self) -> int:
        """Hash of the id, which is unique."""
        return hash(self.id)


class Params:
    """The numbers of a module whose ids start with a word, read from the YAML file beside it.

    A class has one annotated line for each; a double underscore in a name stands for a dot of the id.

    >>> from simlib.settlement.network import Network
    >>> Network.connected__tier1.id, Network.speed.default
    ('network.connected.tier1', 50.0)

    Raises
    ------
    BadInputError : the file is faulty, or class and file do not have the same numbers.
    """

    prefix: ClassVar[str]

    def __init_subclass__(cls, prefix: str) -> None:
        """Take the numbers from the file, in its order."""
        cls.prefix = prefix
        module = Path(inspect.getfile(cls))
        document, numbers = _read(module.with_suffix(".yaml"))
        there = {q.id: q for q in numbers if _group(q.id) == prefix}
        here = {f"{prefix}.{name.replace('__', '.')}": name for name in inspect.get_annotations(cls)}
        where = f"class {cls.__name__} of {module.name}"
        faults = [
            document.fault((name,), f"{name}: no line in {where}. {did_you_mean(name, here)}", key=True)
            for name in there.keys() - here.keys()
        ]
        for name in here.keys() - there.keys():
            words = f"{name}: a line of {where}, not in this file. Add it, or delete the line."
            faults.append(document.fault((), words))
        if faults:
            raise BadInputError(*sorted(faults, key=lambda fault: (fault.line, fault.message)))
        for name, quantity in there.items():
            setattr(cls, here[name], quantity)

    @classmethod
    def quantities(cls) -> Iterator[Quantity]:
        """Yield the numbers in the order of their file."""
        return (value for value in vars(cls).values() if isinstance(value, Quantity))


def _group(name: str) -> str:
    """Return the first word of an id."""
    return name.partition(".")[0]


def read(path: Path) -> tuple[Quantity, ...]:
    """Return the numbers of a file in its order.

    Raises
    ------
    BadInputError : with every fault of the file.
    """
    return _read(path)[1]


@cache
def _read(path: Path) -> tuple[Document, tuple[Quantity, ...]]:
    """Return a file of numbers and what it declares."""
    document = documents.read(path)
    if not isinstance(document.data, dict):
        raise BadInputError(document.fault((), f"found {kind_of(document.data)}. Write ids, and under each its keys."))
    numbers: list[Quantity] = []
    faults: list[Fault] = []
    for name, found in document.data.items():
        if not _ID.fullmatch(name):
            faults.append(document.fault((name,), f"{shown(name)}: an id is words joined by points.", key=True))
        try:
            written = _Written.model_validate(found)
        except ValidationError as error:
            faults += document.faults(error, _Written, (name,))
            continue
        quantity = _declared(name, written)
        wrong = list(_wrong(quantity, written))
        faults += [document.fault((name, *key), f"{'.'.join(key)}: {words}") for key, words in wrong]
        numbers.append(quantity)
    if faults:
        raise BadInputError(*faults[: documents.MAX_FAULTS])
    return document, tuple(numbers)


def _declared(name: str, written: _Written) -> Quantity:
    """Return a number as rules use it; an uncertain one without default has the middle of its range."""
    default, (low, high) = written.default, written.range
    if written.role == "uncertain" and default is None and low is not None and high is not None:
        default = (low * high) ** 0.5 if written.distribution == "log-uniform" else (low + high) / 2
    return Quantity(
        id=name,
        meaning=written.meaning.en,
        meaning_zh=written.meaning.zh,
        unit=written.unit,
        role=written.role,
        source=written.source,
        grade=written.grade,
        default=default,
        low=low,
        high=high,
        dist=written.distribution,
        axes=written.axes,
        choices=written.choices,
        kinds=written.kinds,
        at_full=written.at_full,
        only=written.only,
    )


def _wrong(quantity: Quantity, written: _Written) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the key and the words of each fault of a number whose keys have the right form."""
    said, role = written.model_fields_set, quantity.role
    needed, more = NEEDED[role], ALLOWED[role]
    for key in set(needed) - said:
        yield (key,), f"missing. A number of role {role} has {', '.join(needed)}."
    for key in said & (set(_Written.model_fields) - {"meaning", "role", "unit", "grade", "source", *needed, *more}):
        yield (key,), f"a number of role {role} has none. Delete it, or change the role."
    for key, known in (("axes", PLACE_AXES if role == "lever" else AXES), ("kinds", KINDS)):
        for word in getattr(quantity, key):
            if word not in known:
                yield (key,), f"{shown(word)}. {did_you_mean(word, known)}"
    if (fault := _default_fault(quantity)) and "default" in said:
        yield ("default",), fault
    if role == "lever" and quantity.at_full:
        for key in ("value", "none"):
            value = getattr(quantity.at_full, key)
            if value is not None and (fault := _fault(quantity, value)):
                yield ("at_full", key), fault


def _default_fault(quantity: Quantity) -> str:
    """Return what is wrong with a default, or nothing."""
    value = quantity.default
    if quantity.role == "lever":
        return "" if value is None else _fault(quantity, value)
    if quantity.role == "variant":
        return "" if value in quantity.choices else did_you_mean(str(value), quantity.choices)
    if not _is_number(value):
        return f"found {kind_of(value)}. Write a number."
    return "" if _fits(quantity, float(value or 0)) else f"{value} is out of the range. Write {_range(quantity)}."


def _fault(quantity: Quantity, value: Value) -> str:
    """Return why a lever may not be set to a value, or nothing."""
    try:
        checked(quantity, value)
    except ValueError as error:
        return str(error)
    return ""


@cache
def declared() -> dict[str, Quantity]:
    """Return every number of the files beside the rules by its id, in the order of the story.

    >>> len(declared()) > len(register()) > len(levers())
    True

    Raises
    ------
    BadInputError : with every fault of the files.
    """
    story = (*STORY, *APART)
    faults: list[Fault | str] = []
    found: dict[str, Quantity] = {}
    files: dict[str, Document] = {}
    for path in sorted(Path(__file__).parent.glob("*/*.yaml")):
        try:
            document, numbers = _read(path)
        except BadInputError as error:
            faults += error.faults
            continue
        for quantity in numbers:
            if quantity.id in found:
                where = f"also declared in {files[quantity.id].path}. Keep one of them."
                faults.append(document.fault((quantity.id,), f"{quantity.id}: {where}", key=True))
            if _group(quantity.id) not in story:
                where = f"no group of numbers. {did_you_mean(_group(quantity.id), story)}"
                faults.append(document.fault((quantity.id,), f"{quantity.id}: {where}", key=True))
            found[quantity.id], files[quantity.id] = quantity, document
    faults += [] if faults else _names_that_are_none(found, files)
    if faults:
        raise BadInputError(*faults)
    return dict(sorted(found.items(), key=lambda item: story.index(_group(item[0]))))


def _names_that_are_none(numbers: dict[str, Quantity], files: dict[str, Document]) -> Iterator[Fault]:
    """Yield a fault for each number that names another one that there is not."""
    set_ = {q.id for q in numbers.values() if q.role == "lever"}
    forms = {f"{q.id}={form}" for q in numbers.values() if q.role == "variant" for form in q.choices}
    for q in numbers.values():
        for i, name in enumerate(q.only):
            if name not in (known := {*set_, *forms, LATER, CITIES}):
                yield files[q.id].fault((q.id, "only", i), f"only: {shown(name)}. {did_you_mean(name, known)}")
        for name, value in q.at_full.beside if q.at_full else ():
            at = (q.id, "at_full", "beside", name)
            if name not in set_:
                words = f"beside: {shown(name)}: no such lever. {did_you_mean(name, set_)}"
                yield files[q.id].fault(at, words, key=True)
            elif fault := _fault(numbers[name], value):
                yield files[q.id].fault(at, f"beside: {name}: {fault}")


@cache
def register() -> dict[str, Quantity]:
    """Return every number of the model by its id: facts, levers, uncertain parameters and variants.

    >>> register()["catalogue.rule.drug"].role
    'lever'
    """
    return {name: quantity for name, quantity in declared().items() if _group(name) in STORY}


@cache
def levers() -> dict[str, Quantity]:
    """Return the numbers that a scenario may set, by id.

    >>> levers()["filing.free"].default
    False
    """
    return {name: quantity for name, quantity in register().items() if quantity.role == "lever"}


def pinned(text: str) -> tuple[str, float | str]:
    """Return the uncertain parameter and the value, or the variant and the form, that a text `ID=VALUE` holds fixed.

    >>> pinned("channels.attention=0.5"), pinned("flow.decay=exponential")
    (('channels.attention', 0.5), ('flow.decay', 'exponential'))

    Raises
    ------
    ValueError : with the likely fix, if there is no such number, or its value is not one that it may have.
    """
    name, equals, value = text.partition("=")
    known = {i: q for i, q in register().items() if q.role in ("uncertain", "variant")}
    if not equals:
        raise ValueError(f"{shown(text)}: write ID=VALUE, such as flow.decay=exponential.")
    if name not in known:
        if other := register().get(name):
            raise ValueError(
                f"{name}: is a {other.role}, no uncertain parameter or variant. Only a scenario file sets levers."
            )
        hint = did_you_mean(name, known, "simlib parameters")
        raise ValueError(f"{shown(name)}: no such uncertain parameter or variant. {hint}")
    if choices := known[name].choices:
        if value not in choices:
            raise ValueError(f"{name}: {shown(value)}. {did_you_mean(value, choices)}")
        return name, value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    low, high = float(known[name].low or 0), float(known[name].high or 0)
    share = known[name].unit in ("share", "quantile")
    if not math.isfinite(number) or (share and not 0 <= number <= 1):
        least = "0 to 1" if share else f"{low:g} to {high:g}, its declared range"
        raise ValueError(f"{name}: {shown(value)}. Write a number from {least}.")
    return name, number


def beyond(pin: Mapping[str, float | str]) -> list[str]:
    """Return a warning for each number that is pinned outside its declared range.

    >>> beyond({"channels.attention": 0.5, "gates.claims_counted": 0.5})
    ['gates.claims_counted: 0.5 is outside its declared range, 0.7 to 1: a world held unlikely.']
    """
    known = register()
    return [
        f"{name}: {value:g} is outside its declared range, {q.low:g} to {q.high:g}: a world held unlikely."
        for name, value in pin.items()
        if isinstance(value, int | float) and (q := known.get(name)) and not (q.low or 0) <= value <= (q.high or 0)
    ]


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
    if quantity.unit == "yuan" and round(value, 2) != value:
        fen = Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        raise ValueError(f"{value} has more than 2 decimals. Write {fen}.")
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


def rows() -> list[dict[str, Any]]:
    """Return every declared number as what is listed of it, with what a lever is expected to do."""
    named = ("id", "role", "default", "low", "high", "dist", "choices", "axes", "unit", "grade", "meaning", "source")
    numbers = declared().values()
    return [{name: getattr(q, name) for name in named} | {"expected": expected(q)} for q in numbers]


def text() -> str:
    """Return every declared number as lines to read."""
    lines = []
    for q in declared().values():
        lines += [q.id, f"    {_numbers(q)}, {q.unit}, {q.grade}: {q.meaning}", f"    {q.source}"]
        lines += [f"    expected {expected(q)}"] if q.at_full else []
    return "\n".join(lines)


def markdown() -> str:
    """Return the levers as a table in Markdown.

    >>> for line in markdown().splitlines()[:2]:
    ...     print(line)
    | lever | meaning | unit | default | may be | limited by | at full strength |
    |---|---|---|---|---|---|---|
    """
    heads = ("lever", "meaning", "unit", "default", "may be", "limited by", "at full strength")
    table = [heads, ("---",) * len(heads)]
    for q in levers().values():
        may = "true, false" if isinstance(q.default, bool) else _may_be(q)
        table.append((f"`{q.id}`", q.meaning, q.unit, _default(q), may, _limits_of(q), expected(q)))
    lines = ("|".join(f" {cell} " if cell != "---" else cell for cell in row) for row in table)
    return "\n".join(f"|{line}|" for line in lines)


def expected(quantity: Quantity) -> str:
    """Return what a lever is declared, and tested, to do at full strength; nothing of other numbers."""
    if not quantity.at_full:
        return ""
    moved = {"up": quantity.at_full.up, "down": quantity.at_full.down, "untouched": quantity.at_full.untouched}
    said = "; ".join(f"{word} {', '.join(names)}" for word, names in moved.items() if names)
    beside = [f"{name} {_written(value)}" for name, value in quantity.at_full.beside]
    return f"at {_written(quantity.at_full.value)}{' beside ' + ', '.join(beside) if beside else ''}: {said}"


def _written(value: bool | float | str) -> str:
    """Return a value as a scenario file has it, numbers grouped to be read."""
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else f"{value:,.4g}"


def _numbers(quantity: Quantity) -> str:
    """Return what a number is by default, what it may be, and what a lever may be limited by."""
    may = f"({_may_be(quantity)})" if quantity.choices else _may_be(quantity)
    drawn = quantity.dist if quantity.role == "uncertain" else ""
    words = " ".join(filter(None, (_default(quantity), may, drawn)))
    return f"{quantity.role}, {words}" + (f", by {_limits_of(quantity)}" if quantity.role == "lever" else "")


def _default(quantity: Quantity) -> str:
    """Return what a number is by default."""
    return "national default" if quantity.default is None else _written(quantity.default)


def _may_be(quantity: Quantity) -> str:
    """Return what a number may be, nothing where any number or yes and no are meant."""
    spread = f"[{quantity.low:,.10g}, {quantity.high:,.10g}]" if quantity.low is not None else ""
    return ", ".join(quantity.choices) or spread


def _limits_of(lever: Quantity) -> str:
    """Return by what a lever may be limited."""
    return ", ".join(lever.axes) or "date only"
