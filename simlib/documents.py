"""YAML read strictly, with the place of every value.

What makes YAML dangerous or surprising is refused rather than interpreted: tags, anchors, duplicate keys,
keys that are not text. Every fault carries the line and column an editor can jump to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from simlib.remedies import Where, explain, hidden, kind_of, shown
from simlib.terms import BadInputError, Fault

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_FAULTS = 50
"""Reading stops after this many faults: nobody mends more at a time."""

Mark = tuple[int, int]
"""Line and column, both from 1."""


@dataclass(frozen=True)
class Document:
    """A file as plain dicts, lists and scalars, with the place of each value and of each key."""

    path: str
    data: Any
    places: Mapping[Where, Mark]
    keys: Mapping[Where, Mark]
    sha256: str

    def fault(self, path: Where, message: str, key: bool = False) -> Fault:
        """Return a fault at the value at `path`, or at its key; at the nearest parent if it is not there.

        >>> doc = parse("a: {b: 1}", "x.yaml")
        >>> print(doc.fault(("a", "b"), "too small"))
        x.yaml:1:8: too small
        >>> print(doc.fault(("a", "b"), "no such key", key=True))
        x.yaml:1:5: no such key
        """
        if key and path in self.keys:
            return Fault(self.path, *self.keys[path], message)
        while path and path not in self.places:
            path = path[:-1]
        return Fault(self.path, *self.places[path], message)

    def faults(self, error: ValidationError, model: type[BaseModel], at: Where = ()) -> list[Fault]:
        """Return the faults that pydantic found in the data at `at`, each with its place and remedy."""
        return [self.fault((*at, *path), words, key) for path, key, words in explain(error, model)]


def read(path: str | Path) -> Document:
    """Read one YAML file of at most 1 MB.

    Raises
    ------
    BadInputError
        With every fault of the file: missing, unreadable, too large, not UTF-8, empty, bad syntax, a tag,
        anchor, alias, duplicate key, key that is not text, control character, or nesting below 20 levels.
    """
    raw = _bytes(Path(path))
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadInputError(_not_utf8(str(path), raw, error.start)) from None
    return parse(text, str(path), hashlib.sha256(raw).hexdigest())


def parse(text: str, path: str, sha256: str = "") -> Document:
    r"""Return the document that `text` holds; `path` is the name that faults give it.

    >>> parse("from: 2024-07\nshare: 0.5", "x.yaml").data
    {'from': '2024-07', 'share': 0.5}
    >>> parse("a: 1\na: 2", "x.yaml")
    Traceback (most recent call last):
    simlib.terms.BadInputError: x.yaml:2:1: a: written twice, first in line 1. Keep one of them.
    """
    builder = _Builder(path, text)
    data = builder.document()
    if builder.faults:
        raise BadInputError(*builder.faults)
    return Document(path, data, builder.places, builder.keys, sha256)


def _bytes(path: Path) -> bytes:
    """Return the content of a regular file (a pipe or device could block or never end)."""

    def refuse(message: str) -> BadInputError:
        return BadInputError(Fault(str(path), 1, 1, message))

    try:
        if not path.exists():
            raise refuse("no such file. Check the name and the folder you are in.")
        if not path.is_file():
            raise refuse("not a file. Name a YAML file, not a folder or device.")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(f"cannot be read ({reason}). Check its permissions.") from None
    if len(raw) > MAX_BYTES:
        raise refuse(f"larger than {MAX_BYTES} bytes. Is it a scenario or case file?")
    return raw


def _not_utf8(path: str, raw: bytes, offset: int) -> Fault:
    """Return the fault for bytes that are no UTF-8; GBK is what Chinese editors save by habit."""
    before = raw[:offset].decode("utf-8").removeprefix("\ufeff").split("\n")
    found = f"byte 0x{raw[offset]:02x} at byte offset {offset}"
    return Fault(path, len(before), len(before[-1]) + 1, f"not UTF-8: {found}. Save it as UTF-8, not GBK.")


class _UnreadableError(Exception):
    """Nothing sensible can be read after this point."""


_SCALARS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,300}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)")


def plain(text: str) -> Any:
    """Return what an unquoted word means in YAML 1.2: nothing, true or false, a number, or else text.

    >>> [plain(word) for word in ("2024-07", "yes", "true", "0.5", "1e3", "~", "110000")]
    ['2024-07', 'yes', True, 0.5, 1000.0, None, 110000]
    """
    if text in _SCALARS:
        return _SCALARS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _SPECIAL.fullmatch(text)
    return float(special[1] + special[2]) if special else text


def _mark(event: Any) -> Mark:
    """Return where an event of the parser starts."""
    return event.start_mark.line + 1, event.start_mark.column + 1


def _syntax(error: Exception, text: str) -> tuple[Mark, str]:
    """Return where the parser stopped, and why."""
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark.line + 1, error.problem_mark.column + 1
        return _seen(text, mark) or (
            mark,
            f"not YAML: {shown(error.problem, 200)}. Check indent, colons and quotes up to here.",
        )
    if isinstance(error, ReaderError):
        lines = text[: error.position].split("\n")
        return (len(lines), len(lines[-1]) + 1), f"a hidden character (U+{error.character:04X}). Delete it."
    return (1, 1), f"not YAML: {shown(error, 200)}. Check escapes such as \\U in quoted text."


def _seen(text: str, mark: Mark) -> tuple[Mark, str] | None:
    """Return what is often wrong near a place where a parser stops: a tab, or a full-width colon instead of ': '."""
    lines = text.split("\n")
    for line in range(mark[0], max(mark[0] - 2, 0), -1):
        written = lines[line - 1] if line <= len(lines) else ""
        for sign, remedy in (
            ("\t", "not YAML: a tab. Indent with spaces."),
            ("：", "not YAML: a full-width colon. Write ': '."),
        ):
            if sign in written:
                return (line, written.index(sign) + 1), remedy
    return None


@dataclass
class _Builder:
    """Builds plain data from the parser's events and notes places and faults on the way."""

    path: str
    text: str
    places: dict[Where, Mark] = field(default_factory=dict)
    keys: dict[Where, Mark] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def document(self) -> Any:
        """Return the data of the one document, or None where it could not be read to the end."""
        try:
            self.events = self.parsed()
            data = None
            if isinstance(self.next(), ev.DocumentStartEvent):
                data = self.node(self.next(), ())
                self.next()
                if isinstance(after := self.next(), ev.DocumentStartEvent):
                    self.stop(_mark(after), "a second document starts here. Keep one document in a file.")
            if data is None and not self.faults:
                self.stop((1, 1), "the file is empty.")
            return data
        except _UnreadableError:
            return None

    def parsed(self) -> Iterator[Any]:
        """Yield the parser's events without the first; whatever the parser dies of is a fault of the text."""
        try:
            stream = iter(YAML(typ="safe", pure=True).parse(self.text))
            next(stream)
            yield from stream
        except Exception as error:  # the parser meets any text at all, and dies of more than its own errors
            self.stop(*_syntax(error, self.text))

    def next(self) -> Any:
        """Return the next event."""
        return next(self.events)

    def note(self, mark: Mark, message: str) -> None:
        """Keep a fault and read on, unless there are enough of them."""
        self.faults.append(Fault(self.path, *mark, message))
        if len(self.faults) >= MAX_FAULTS:
            raise _UnreadableError

    def stop(self, mark: Mark, message: str) -> NoReturn:
        """Keep a fault after which nothing can be read."""
        self.faults.append(Fault(self.path, *mark, message))
        raise _UnreadableError

    def node(self, event: Any, path: Where) -> Any:
        """Return the value that starts with this event."""
        mark = self.places[path] = _mark(event)
        if len(path) > MAX_DEPTH:
            self.stop(mark, f"nested deeper than {MAX_DEPTH} levels. Write it flatter.")
        if isinstance(event, ev.AliasEvent):
            self.note(mark, f"an alias (*{shown(event.anchor)}) is not allowed. Write the value in full.")
            return None
        if event.anchor:
            self.note(mark, f"an anchor (&{shown(event.anchor)}) is not allowed. Delete it.")
        if event.tag is not None:
            self.note(mark, f"a tag ({shown(event.tag)}) is not allowed. Write the plain value.")
        if isinstance(event, ev.ScalarEvent):
            return self.scalar(event, mark)
        return self.mapping(path) if isinstance(event, ev.MappingStartEvent) else self.sequence(path)

    def scalar(self, event: Any, mark: Mark) -> Any:
        """Return one value: quoted is text, unquoted what it looks like."""
        if character := hidden(event.value):
            self.note(mark, f"a hidden character (U+{ord(character):04X}) in the text. Delete it.")
            return ""
        return event.value if event.style else plain(event.value)

    def sequence(self, path: Where) -> list[Any]:
        """Return a list, its start event already read."""
        items: list[Any] = []
        while not isinstance(event := self.next(), ev.SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
        return items

    def mapping(self, path: Where) -> dict[str, Any]:
        """Return a dict, its start event already read."""
        items: dict[str, Any] = {}
        while not isinstance(event := self.next(), ev.MappingEndEvent):
            key, mark = self.key(event, path), _mark(event)
            if key in items:
                first = self.keys[(*path, key)][0]
                self.note(mark, f"{shown(key)}: written twice, first in line {first}. Keep one of them.")
            self.keys.setdefault((*path, key), mark)
            items[key] = self.node(self.next(), (*path, key))
            if items[key] is None:  # an empty value has no place of its own but the next line
                self.places[(*path, key)] = mark
        return items

    def key(self, event: Any, path: Where) -> str:
        """Return a key as text; a key of another sort is a fault."""
        known = len(self.faults)
        value = self.node(event, (*path, ""))
        if not isinstance(value, str) and len(self.faults) == known:
            self.note(_mark(event), f"a key must be text, found {kind_of(value)}. Put it in quotes.")
        return value if isinstance(value, str) else ""
