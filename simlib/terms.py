"""The words, axes and units of the model, and the one way to declare a number.

Everything here is used by every other module and imports none of them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, cast

SCHEMES = ("employee", "resident")
"""Employee scheme 职工医保 and resident scheme 居民医保."""

KINDS = ("inpatient", "outpatient", "chronic", "pharmacy")
"""Kinds of care: 住院, 普通门诊, 门诊慢特病, 定点药店; outpatient is ordinary outpatient care only."""

MEMBERS = ("working", "retired")
"""Member groups 在职 and 退休; of residents, below 60 and from 60 on, where an area tells them apart."""

PURPOSES = ("long_stay", "referral", "emergency", "temporary")
"""Why the patient is in the host province."""

FILINGS = ("long_stay", "referral", "emergency", "temporary", "unfiled")
"""What the rule sees 备案: the purpose if a filing is valid, else unfiled."""

TIERS = (1, 2, 3)
"""Hospital levels 一级, 二级, 三级."""

CATEGORIES = ("drug", "service", "consumable")
"""Categories of items on a catalogue 药品, 诊疗项目和服务设施, 医用耗材."""

CATALOGUE_RULES = ("host", "home", "either", "both")
"""Whose catalogue prices a direct settlement; `either` takes the larger payable item by item."""

CHANNELS = ("direct", "claimed", "abandoned")
"""直接结算, 手工报销, and care received with nothing reimbursed."""

MONTHS = 12
STEPS = 4096
"""Steps of a quantile table."""
FEN = 100
"""Fen in a yuan; money is int64 fen."""
PPM = 1_000_000
"""Shares are int64 millionths."""
WHOLE_MONTHS = "whole months"
INSTITUTIONS = "institutions"
"""Unit of a lag, which the ledger counts in months."""

EMPLOYEE = SCHEMES.index("employee")
INPATIENT, OUTPATIENT, CHRONIC, PHARMACY = range(4)
LONG_STAY, EMERGENCY, UNFILED = PURPOSES.index("long_stay"), PURPOSES.index("emergency"), FILINGS.index("unfiled")
LOCAL = len(FILINGS)
"""Care at home, where a policy is asked for by filing."""
DIRECT, CLAIMED, ABANDONED = range(3)

Role = Literal["fact", "lever", "unknown", "variant"]
Grade = Literal["official", "press", "academic", "derived", "weak", "assumed"]
GRADES: tuple[Grade, ...] = ("official", "press", "academic", "derived", "weak", "assumed")
"""Grades of evidence, strongest first."""
UNPUBLISHED = "assumption: no published value"
"""Source of an unknown that has no other."""

LATER, CITIES = "a year after 2024", "a geography of cities"
"""What a scenario may have beside levers set and forms chosen, see `Quantity.only`."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input: where, what was found, what was expected, the likely fix."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """`file:line:column: message`, the form that editors make clickable."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class BadInputError(Exception):
    """An input is wrong; carries every fault found in it, each once. The command line exits with 2."""

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = tuple(dict.fromkeys(faults))
        super().__init__("\n".join(map(str, self.faults)))


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


F = TypeVar("F", bound=Callable[..., Any])


def rules_sha() -> str:
    """Return the SHA-256 of all sources of simlib: two equal hashes mean the same rules."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _cache_compiled_rules() -> None:
    """Point Numba at a cache folder of this very source: it does not see edits in other modules."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    if not os.access(base if base.exists() else base.parent, os.W_OK):
        base = Path(tempfile.gettempdir())
    os.environ.setdefault("NUMBA_CACHE_DIR", str(base / "simlib" / rules_sha()[:16]))


def rule(function: F) -> F:
    """Compile a rule that is written for one visit, so that a loop can apply it to millions.

    The rule stays callable from Python with the same result; its docstring is kept.
    """
    # Inlined wherever it is called: passing a visit's context by value costs more than most rules do.
    return _compiled(function, forceinline=True)


def apart(function: F) -> F:
    """Compile a rule as `rule` does, but once, to be called: for long rules and loops off the beaten track."""
    return _compiled(function)


def _compiled(function: F, *, forceinline: bool = False) -> F:
    """Return a function compiled by Numba, cached by the hash of all sources."""
    _cache_compiled_rules()
    import numba

    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=forceinline)(function)
    return cast(F, compiled)
