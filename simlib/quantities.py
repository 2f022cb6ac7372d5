"""A number of the model, declared once beside the rule that uses it: meaning, unit, range, who says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from simlib.terms import KINDS, Grade

Role = Literal["fact", "lever", "unknown", "variant"]
UNPUBLISHED = "assumption: no published value"
"""Source of an unknown that has no other."""
LATER, CITIES = "a year after 2024", "a geography of cities"
"""What a scenario may have beside levers set and forms chosen, see `Quantity.only`."""


@dataclass(frozen=True)
class AtFull:
    """What a lever does at full strength, limited to a pair of areas for a year: declared with it, tested on it.

    Attributes
    ----------
    value : full strength. up, down : metrics that must rise or fall on those cells, and indicators or entries of the
    books, of all areas, whose mean over the months of the books must; a lever that names none of care moves none.
    untouched : kinds of care of which no amount may move, and metrics, amounts, indicators or entries that may not.
    none : the value at which nothing may move, unless it is the default. beside : settings without which the lever
    does nothing.
    """

    value: bool | float | str
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    untouched: tuple[str, ...] = ()
    none: bool | float | str | None = None
    beside: tuple[tuple[str, bool | float | str], ...] = ()


@dataclass(frozen=True)
class Quantity:
    """A number of the model, declared once: what it means, its unit, its range, and who says so.

    only : of an unknown, what a scenario needs any one of for the number to move a payment of its year: a lever set
    (its id), a form chosen (`id=form`), `LATER`, `CITIES`; empty if it always may.
    """

    meaning: str
    unit: str
    role: Role
    source: str
    grade: Grade
    default: float | bool | str | None = None
    low: float | None = None
    high: float | None = None
    dist: str = "none"
    axes: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS
    at_full: AtFull | None = None
    only: tuple[str, ...] = ()
    id: str = ""

    @property
    def number(self) -> float:
        """The default as a number; for facts, which always have one."""
        return float(self.default or 0)

    def __hash__(self) -> int:
        """Hash of the id, which is unique."""
        return hash(self.id)


def fact(meaning: str, value: float, *, unit: str, source: str, grade: Grade) -> Quantity:
    """Return the declaration of a number taken as known.

    >>> fact("in-catalogue fund share, employees", 0.846, unit="share", source="NHSA", grade="official").default
    0.846
    """
    return Quantity(meaning, unit, "fact", source, grade, default=value)


def unknown(
    meaning: str,
    low: float,
    high: float,
    *,
    unit: str,
    dist: str = "uniform",
    default: float | None = None,
    axes: tuple[str, ...] = (),
    source: str = UNPUBLISHED,
    grade: Grade = "assumed",
    only: tuple[str, ...] = (),
) -> Quantity:
    """Return the declaration of a number known only as a range; each draw takes a value from it.

    `dist` is uniform, log-uniform, triangular (mode = `default`) or normal (mean = `default`, `low`
    and `high` at minus and plus 1.96 standard deviations). The default is the middle of the range.
    With `axes` the unknown is one independent number per place on them; for `only` see `Quantity`.
    """
    if default is None:
        default = (low * high) ** 0.5 if dist == "log-uniform" else (low + high) / 2
    return Quantity(meaning, unit, "unknown", source, grade, default, low, high, dist, axes, only=only)


def lever(
    meaning: str,
    default: float | bool | str | None,
    *,
    unit: str,
    axes: tuple[str, ...],
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    kinds: tuple[str, ...] = KINDS,
    at_full: AtFull,
    source: str,
    grade: Grade,
) -> Quantity:
    """Return the declaration of a number that policy sets; a scenario may change it by date and place.

    `axes` are the dimensions of place it may be limited by: home, host, scheme, kind. A default of None
    means the national default, which differs by scheme. `kinds` are the kinds of care that it concerns, none of them
    where it only moves money, see `ledger`; `at_full` what it is expected to do.
    """
    return Quantity(meaning, unit, "lever", source, grade, default, low, high, "none", axes, choices, kinds, at_full)


def variant(meaning: str, default: str, *, choices: tuple[str, ...], source: str, grade: Grade) -> Quantity:
    """Return the declaration of a choice between forms of the model: never drawn, held at its default unless pinned."""
    return Quantity(meaning, "form", "variant", source, grade, default, choices=choices)


class Params:
    """A group of declared numbers that lives beside the rules that use it.

    Attributes are `Quantity` objects; a double underscore in a name becomes a dot in the id.

    >>> class Demo(Params, prefix="demo"):
    ...     rule = lever(
    ...         "whose list", "host", unit="rule", axes=("home",), at_full=AtFull("home"), source="-", grade="assumed"
    ...     )
    >>> [q.id for q in Demo.quantities()]
    ['demo.rule']
    """

    prefix: ClassVar[str]

    def __init_subclass__(cls, prefix: str) -> None:
        """Give every quantity its id: the prefix and its name."""
        cls.prefix = prefix
        for name, value in list(vars(cls).items()):
            if isinstance(value, Quantity):
                setattr(cls, name, replace(value, id=f"{prefix}.{name.replace('__', '.')}"))

    @classmethod
    def quantities(cls) -> Iterator[Quantity]:
        """Yield the declared quantities in the order in which they are written."""
        return (value for value in vars(cls).values() if isinstance(value, Quantity))
