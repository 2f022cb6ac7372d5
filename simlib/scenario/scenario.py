"""A scenario: every number that policy sets, dated, checked, frozen, compiled once to arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import islice, product
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field, InstanceOf, ValidationError

from simlib.catalogue.itemlists import Catalogues, ItemList
from simlib.errors import BadInputError, Fault, did_you_mean, hidden, kind_of, shown
from simlib.files import documents
from simlib.files.display import Display, Displayed
from simlib.files.documents import Document
from simlib.files.shapes import LAST_MONTH, MAX_TEXT, MAX_TITLE, Frozen, Line, Text, Title
from simlib.patients import areas
from simlib.quantities import Quantity, Value, levers, register
from simlib.scenario import annexes
from simlib.scenario.change import Change, both_set, change_schema, object_schema, read_changes
from simlib.scenario.ensemble import Ensemble
from simlib.terms import KINDS, MONTHS, SCHEMES

__all__ = [
    "Change",
    "Scenario",
    "Settings",
    "compile",
    "compose",
    "json_schema",
    "load",
    "reference",
]

FIRST_YEAR, LAST_YEAR = 2017, 2030
MAX_PARENTS = 10
MAX_CHANGES = 1000

Array = npt.NDArray[Any]
Geography = Literal["provinces", "delta", "jing_jin_ji", "shandong"]

_FORMULA = re.compile(r"^[=+\-@＝＋－＠\s]+")


class Header(Frozen):
    """What a scenario file may say, its changes not yet read."""

    extends: Line | None = None
    title: Title = Field(description="title: {zh: …, en: …}")
    question: Text = Field(description="question: {zh: …, en: …}")
    source: Text | None = Field(None, description="source: {zh: …, en: …}")
    geography: Geography = "provinces"
    year: Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)] = Field(description="year: 2024, for instance")


class _File(Header):
    """A scenario file as written."""

    catalogues: Annotated[dict[str, Line], Field(min_length=1)] | None = None
    ensemble: Line | None = None
    changes: Annotated[list[Any], Field(max_length=MAX_CHANGES)] = Field(
        [], description="changes: a list of {from, set}"
    )


class Scenario(Displayed, Header):
    """A checked scenario, equal and hashed by value; `load` makes one.

    Attributes
    ----------
    name, path, sha256 : what its file is called, see `named_after`, its path, and the hash of the file's bytes; a
        composition has no file of its own, hence no hash
    title, question : texts in Chinese and English
    source : the document that proposes the measure, by title and publisher, in Chinese and English, or None
    geography, year : the areas and the year that are simulated
    changes : what its own file changes
    catalogues : real item lists that its own file names, by code of the area; only a root has any
    ensemble : the calibrated draws of the uncertain parameters that its own file names; only a root has any
    parent : the scenario that it extends, or None
    """

    name: str
    path: str
    sha256: str
    changes: tuple[Change, ...] = ()
    catalogues: tuple[tuple[str, InstanceOf[ItemList]], ...] = ()
    ensemble: InstanceOf[Ensemble] | None = None
    parent: Scenario | None = None

    def _display(self) -> Display:
        """Return what it sets, from when, where."""
        lines = [f"Scenario {self.name}, {self.geography}, {self.year}", self.title.en, self.title.zh]
        rows = [
            (lever, value, change.start, "" if change.stop == LAST_MONTH else change.stop, _where(change))
            for change, lever, value in self.lines(root=self.parent is None)
        ]
        return Display(lines, ("lever", "value", "from", "to", "where"), rows)

    def lineage(self) -> tuple[Scenario, ...]:
        """Return the scenarios that this one stands on, the root first, itself last."""
        return (*(self.parent.lineage() if self.parent else ()), self)

    def lines(self, *, root: bool = True) -> Iterator[tuple[Change, str, Value]]:
        """Yield change, lever and value of each line under `set` in the files of the lineage, or all but the root."""
        for step in self.lineage()[0 if root else 1 :]:
            for change in step.changes:
                yield from ((change, lever, value) for lever, value in change.set)

    def files(self) -> tuple[tuple[str, str], ...]:
        """Return path and SHA-256 of every file that the scenario was read from, the root first, annexes last."""
        root = self.lineage()[0]
        annexed = [found for _, found in root.catalogues] + ([root.ensemble] if root.ensemble else [])
        read = (one for one in (*self.lineage(), *annexed) if one.sha256)
        return tuple((one.path, one.sha256) for one in read)


def _where(change: Change) -> str:
    """Return the places, schemes and kinds of care that a change is limited to."""
    return "; ".join(f"{axis} {', '.join(names)}" for axis, names in change.where if names) or "everywhere"


def load(path: str | Path, done: dict[Path, Scenario] | None = None) -> Scenario:
    """Read a scenario and the files that it extends, or several scenarios, `a.yaml+b.yaml`, as one: see `compose`.

    `extends` names a file in the same folder or below, or several joined by `+`. A file without year, geography or
    source takes its parent's. A later part of a composition that names no folder is sought beside the first.
    done : files read before, for who loads many, to which those of this one are added.

    Raises
    ------
    BadInputError
        With every fault of the first file in the chain, from the root, that has one.
    """
    known, (first, *others) = register(), parts(str(path))
    beside = [Path(first).parent / other if Path(other).name == other else Path(other) for other in others]
    done = {} if done is None else done
    loaded = [_load(one, (), known, done) for one in (Path(first), *beside)]
    try:
        return compose(loaded)
    except ValueError as error:
        raise BadInputError(f"{shown(path, longest=300)}: {error}") from None


def parts(named: str) -> list[str]:
    """Return the files that `a.yaml+b.yaml` names.

    >>> parts("a.yaml+b.yaml"), parts("1+1.yaml")
    (['a.yaml', 'b.yaml'], ['1+1.yaml'])
    """
    return re.split(r"(?<=\.yaml)\+|(?<=\.yml)\+", named)


def compose(scenarios: Sequence[Scenario]) -> Scenario:
    """Return one scenario with the changes of several that extend the same root; one alone is returned as it is.

    Files that several extend count once. The order does not matter: what two of them would set differently is refused.

    Raises
    ------
    ValueError : roots, years or geographies differ, or one of them is a root, or part of another.
    BadInputError : two of them set the same lever for the same place, scheme, kind and month, both lines named.
    """
    return scenarios[0] if len(scenarios) == 1 else _named(scenarios, reduce(_joined, scenarios))


def _named(scenarios: Sequence[Scenario], last: Scenario) -> Scenario:
    """Return a scenario without changes of its own on top of the last step of a composition, named after its parts."""

    def strung(texts: Sequence[str], ends: str, blank: str, sign: str) -> str:
        return reduce(lambda before, text: before + (blank if before[-1] in ends else sign) + text, texts)

    def text(texts: Sequence[Text | Title | None]) -> Text | None:
        every = dict.fromkeys(one for one in texts if one is not None)
        if not every:
            return None
        zh, en = [one.zh for one in every], [one.en for one in every]
        return Text.model_construct(zh=strung(zh, "？。", "", "；"), en=strung(en, "?.", " ", "; "))

    said = {field: text([getattr(one, field) for one in scenarios]) for field in ("title", "question", "source")}
    named = {field: "+".join(getattr(one, field) for one in scenarios) for field in ("name", "path")}
    own = {"sha256": "", "changes": (), "parent": last, "extends": None}
    return last.model_copy(update={**said, **named, **own})


def _joined(first: Scenario, second: Scenario) -> Scenario:
    """Return the steps of two scenarios as one lineage, those of the second last."""
    roots = [[sha256 for _, sha256 in one.lineage()[0].files()] for one in (first, second)]
    if roots[0] != roots[1]:
        raise ValueError(f"{first.name} and {second.name} differ in root. Compose files that extend the same root.")
    ours, theirs = ({step.sha256 for step in one.lineage()} for one in (first, second))
    if theirs <= ours or first.parent is None:
        part = second if theirs <= ours else first
        raise ValueError(f"{part.name} is part of the others already. Leave it out.")
    for what in ("year", "geography"):
        found = [str(getattr(one, what)) for one in (first, second)]
        if found[0] != found[1]:
            said = f"{first.name} and {second.name} differ in {what} ({' and '.join(found)})"
            raise ValueError(f"{said}. Compose files of one {what}.")
    earlier = [step for step in first.lineage() if step.sha256 not in theirs]
    own = [step for step in second.lineage() if step.sha256 not in ours]
    clashes = (fault for one, other in product(earlier, own) for fault in _clashes(one, other))
    if faults := list(islice(clashes, documents.MAX_FAULTS)):
        raise BadInputError(*faults)
    return reduce(lambda last, step: step.model_copy(update={"parent": last}), own, first)


def _clashes(first: Scenario, second: Scenario) -> Iterator[Fault]:
    """Yield a fault for each lever that files of two parts set for the same place and month."""
    place = areas.load(first.geography)
    for (i, one), (j, other) in product(enumerate(first.changes), enumerate(second.changes)):
        for name in both_set(one, one.cells(place), other, other.cells(place)):
            there, here = documents.read(first.path), documents.read(second.path)
            line = there.keys[("changes", i, "set", name)][0]
            message = f"{name}: also set in {first.path} line {line} for the same place and month"
            fix = "Limit one of them by place or date, or leave one out."
            yield here.fault(("changes", j, "set", name), f"{message}. {fix}", key=True)


def _load(
    path: Path, children: tuple[Path, ...], known: Mapping[str, Quantity], done: dict[Path, Scenario]
) -> Scenario:
    """Read a scenario file that was reached through the files of its children; what is done is read once."""
    if (resolved := path.resolve()) not in done:
        done[resolved] = _fresh(path, children, known, done)
    return done[resolved]


def _fresh(
    path: Path, children: tuple[Path, ...], known: Mapping[str, Quantity], done: dict[Path, Scenario]
) -> Scenario:
    """Read a scenario file and what it extends."""
    document = documents.read(path)
    if not isinstance(document.data, dict):
        found = kind_of(document.data)
        raise BadInputError(document.fault((), f"found {found}. Write keys: title, question, year, changes."))
    if "cases" in document.data and "changes" not in document.data:
        words = "cases: a case file, no scenario. `simlib settle` prices it."
        raise BadInputError(document.fault(("cases",), words, key=True))
    parent = _parent(document, (*children, path), known, done)
    header, faults = _header(document, parent)
    changes: tuple[Change, ...] = ()
    # What a root enacts is solved between provinces, whatever the geography: its changes name none of their cities.
    place = areas.load(header.geography) if header and parent else areas.provinces()
    if isinstance(document.data.get("changes"), list) and len(document.data["changes"]) <= MAX_CHANGES:
        changes, wrong = read_changes(document, known, place, header.year if header and parent else None)
        faults += wrong
    lists, wrong, inside = _lists(document, parent, place, header.year if header else None)
    faults += wrong
    fitted, wrong, foreign = _ensemble(document, parent)
    faults, inside = faults + wrong, inside + foreign
    if header is None or faults or inside:
        faults.sort(key=lambda fault: (fault.line, fault.column))
        raise BadInputError(*faults[: documents.MAX_FAULTS], *inside)
    own = {name: getattr(header, name) for name in Header.model_fields}
    named: dict[str, Any] = {"name": named_after(path), "path": str(path), "sha256": document.sha256}
    return Scenario(**own, **named, changes=changes, catalogues=lists, ensemble=fitted, parent=parent)


def named_after(path: Path) -> str:
    """Return what a scenario is called after its file: the stem, no sign in front that makes a cell a formula.

    The name stands in tables, workbooks and names of folders.

    >>> named_after(Path("a/longer_list.yaml")), named_after(Path("=cmd.yaml")), named_after(Path("＋1.yaml"))
    ('longer_list', '_cmd', '_1')
    """
    return _FORMULA.sub("_", "".join("_" if hidden(sign) else sign for sign in path.stem))


def _header(document: Document, parent: Scenario | None) -> tuple[Header | None, list[Fault]]:
    """Return what the file says besides its changes, or None, and the faults of it."""
    inherited = {name: getattr(parent, name) for name in ("year", "geography", "source")} if parent else {}
    try:
        header = _File.model_validate(inherited | document.data)
        if parent and header.geography != parent.geography != "provinces":
            words = f"geography: {header.geography}, but it extends a file of {parent.geography}. Leave it out."
            return None, [document.fault(("geography",), words)]
        return header, []
    except ValidationError as error:
        return None, document.faults(error, _File)


def _lists(
    document: Document, parent: Scenario | None, place: areas.Place, year: int | None
) -> tuple[Catalogues, list[Fault], list[Fault | str]]:
    """Return the item lists of a root, the faults of a file about lists, and those inside them."""
    if parent is None:
        return annexes.read(document, place, year)
    root = parent.lineage()[0]
    faults = [document.fault(("year",), f"year: {words}") for words in annexes.stale(root.catalogues, year)]
    if "catalogues" in document.data:
        words = f"lists are in force, not a change of policy. Write them in the root, {shown(Path(root.path).name)}."
        faults.append(document.fault(("catalogues",), f"catalogues: {words}", key=True))
    return (), faults, []


def _ensemble(document: Document, parent: Scenario | None) -> tuple[Ensemble | None, list[Fault], list[Fault | str]]:
    """Return the ensemble of a root, the faults of a file about it, and those inside it."""
    if parent is None:
        return annexes.fitted(document)
    if "ensemble" not in document.data:
        return None, [], []
    root = shown(Path(parent.lineage()[0].path).name)
    words = f"draws are fitted to what is in force. Name them in the root, {root}."
    return None, [document.fault(("ensemble",), f"ensemble: {words}", key=True)], []


def _parent(
    document: Document, chain: tuple[Path, ...], known: Mapping[str, Quantity], done: dict[Path, Scenario]
) -> Scenario | None:
    """Return the scenario that the last file of a chain extends, or None."""
    named = document.data.get("extends")
    if not isinstance(named, str):
        return None
    try:
        paths = [document.beside(part) for part in parts(named)]
        for part, path in zip(parts(named), paths, strict=True):
            _check_parent(part, path, chain)
    except ValueError as error:
        raise BadInputError(document.fault(("extends",), f"extends: {error}")) from None
    loaded = [_load(path, chain, known, done) for path in paths]
    try:
        return compose(loaded)
    except ValueError as error:
        raise BadInputError(document.fault(("extends",), f"extends: {error}")) from None


def _check_parent(named: str, path: Path, chain: tuple[Path, ...]) -> None:
    """Raise ValueError if the last file of a chain cannot extend a file."""
    target, before = path.resolve(), [child.resolve() for child in chain]
    if target in before:
        circle = " -> ".join(child.name for child in (*chain[before.index(target) :], path))
        raise ValueError(f"goes in a circle: {circle}. Let the first file extend none.")
    if len(chain) > MAX_PARENTS:
        raise ValueError(f"more than {MAX_PARENTS} files deep. Extend a file nearer to the root.")
    if not path.exists():
        beside = sorted(file.name for file in chain[-1].parent.resolve().glob("*.yaml") if file not in before)
        remedy = did_you_mean(named, beside) if beside else "Check the name."
        raise ValueError(f"{shown(named)}: no such file. {remedy}")


def reference(scenario: Scenario) -> Scenario:
    """Return what a scenario is compared with: the root of `extends` in the scenario's year and geography."""
    root = scenario.lineage()[0]
    return root.model_copy(update={"year": scenario.year, "geography": scenario.geography})


@dataclass(frozen=True, eq=False)
class Settings:
    """A scenario in one year as read-only arrays over (home, host, scheme, kind, month).

    Attributes
    ----------
    year : the year
    ids : the levers, but those that only move money
    arrays : the values of each: choices as int8 indices, yes or no as bool, numbers in their unit as float64
        (NaN = the national default)
    touched : cells for which the scenario, its root aside, sets any lever, be it to the value it has already
    """

    year: int
    ids: tuple[str, ...]
    arrays: tuple[Array, ...]
    touched: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (*self.arrays, self.touched):
            array.setflags(write=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through the constructor: NumPy forgets that an array is read-only."""
        return Settings, (self.year, self.ids, self.arrays, self.touched)

    def values(self, lever: str) -> Array:
        """Return the values of a lever; LookupError if there is none."""
        if lever not in self.ids:
            raise LookupError(f"{lever}: no such lever. {did_you_mean(lever, self.ids)}")
        return self.arrays[self.ids.index(lever)]


class Dated(NamedTuple):
    """One line under `set` as it holds in a year.

    step, number : file in the lineage, the root 0, and change in it. cells : what the line sets, for `np.ix_`, of the
    kinds that the lever concerns. value : a choice as its position.
    """

    step: int
    number: int
    lever: str
    cells: tuple[npt.NDArray[np.int64], ...]
    value: bool | float


def dated(scenario: Scenario, place: areas.Place, year: int) -> Iterator[Dated]:
    """Yield every line that a scenario and those it stands on set in a year, in the order in which they win."""
    known = levers()
    for step, part in enumerate(scenario.lineage()):
        for number, change in enumerate(part.changes):
            homes, hosts, schemes, kinds = change.cells(place)
            for name, value in change.set:
                choices = known[name].choices
                concerned = [k for k in kinds if KINDS[k] in known[name].kinds]
                cells = np.ix_(homes, hosts, schemes, concerned, change.months(year))
                yield Dated(step, number, name, cells, choices.index(str(value)) if choices else cast(float, value))


@lru_cache(maxsize=32)
def compile(scenario: Scenario, place: areas.Place, year: int | None = None) -> Settings:
    """Return a scenario in a year (its own, unless given) as arrays; a child wins over its parent.

    Levers that concern no kind of care are left out, see `over_years`.

    >>> from simlib.patients import areas
    >>> base = Scenario(name="b", path="b.yaml", sha256="", year=2023, title=Title(zh="基线", en="Baseline"),
    ...     question=Text(zh="？", en="?"))
    >>> compile(base, areas.load("provinces")).values("catalogue.rule.drug").shape
    (32, 32, 2, 4, 12)
    """
    year = scenario.year if year is None else year
    shape = (len(place.codes), len(place.codes), len(SCHEMES), len(KINDS), MONTHS)
    arrays = {name: default(quantity, shape) for name, quantity in levers().items() if quantity.kinds}
    touched = np.zeros(shape, dtype=bool)
    for setting in dated(scenario, place, year):
        if setting.lever not in arrays:  # it moves money only: see `over_years`
            continue
        if not arrays[setting.lever].flags.writeable:  # the default, held once
            arrays[setting.lever] = arrays[setting.lever].copy()
        arrays[setting.lever][setting.cells] = setting.value
        if setting.step:
            touched[setting.cells] = True
    touched[place.province[:, None] == place.province] = False  # care in the home province is not cross-province
    return Settings(year, tuple(arrays), tuple(arrays.values()), touched)


def over_years(scenario: Scenario, place: areas.Place, lever: Quantity, years: range) -> Array:
    """Return a lever that moves money in each month of some years, (month, home, host).

    >>> from simlib.patients import areas
    >>> base = Scenario(name="b", path="b.yaml", sha256="", year=2023, title=Title(zh="基线", en="Baseline"),
    ...     question=Text(zh="？", en="?"))
    >>> over_years(base, areas.load("provinces"), levers()["ledger.clearing.lag"], range(2023, 2026)).shape
    (36, 32, 32)
    """
    n = len(place.codes)
    out = np.full((len(years), MONTHS, n, n), float(lever.default or 0))
    for i, year in enumerate(years):
        for setting in dated(scenario, place, year):
            if setting.lever == lever.id:
                homes, hosts, _, _, months = (axis.ravel() for axis in setting.cells)
                out[i][np.ix_(months, homes, hosts)] = setting.value
    return out.reshape(-1, n, n)


def default(quantity: Quantity, shape: tuple[int, ...]) -> Array:
    """Return a lever's default in every cell, held once for all: most levers of a scenario are not set."""
    if quantity.choices:
        value: np.generic = np.int8(quantity.choices.index(str(quantity.default)))
    elif isinstance(quantity.default, bool):
        value = np.bool_(quantity.default)
    else:
        value = np.float64(np.nan if quantity.default is None else quantity.default)
    return np.broadcast_to(value, shape)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario file, for editors to complete and check it.

    >>> json_schema()["required"]
    ['title', 'question']
    """

    def both(longest: int, about: str) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": longest}
        return {"description": about, **object_schema({"zh": text, "en": text}, required=("zh", "en"))}

    years = {"minimum": FIRST_YEAR, "maximum": LAST_YEAR}
    text = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
    properties = {
        "extends": {"description": "a scenario file in the same folder or below, or several joined by +", **text},
        "title": both(MAX_TITLE, "title in Chinese and English"),
        "question": both(MAX_TEXT, "question in Chinese and English"),
        "source": both(MAX_TEXT, "title and publisher of the document that proposes the measure"),
        "geography": {"description": "set of pooling areas", "enum": list(get_args(Geography))},
        "year": {"description": "the year simulated", "type": "integer", **years},
        "catalogues": {
            "description": "item list (CSV or XLSX, same folder or below) by area; only in a file that extends none",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": text,
        },
        "ensemble": {
            "description": "draws of the uncertain parameters that `simlib fit` wrote (same folder or below); "
            "only in a file that extends none",
            **text,
        },
        "changes": {"type": "array", "maxItems": MAX_CHANGES, "items": change_schema(levers())},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "simlib scenario",
        "anyOf": [{"required": ["extends"]}, {"required": ["year"]}],
        "not": {"anyOf": [{"required": ["extends", "catalogues"]}, {"required": ["extends", "ensemble"]}]},
        **object_schema(properties, required=("title", "question")),
    }
