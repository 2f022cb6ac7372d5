"""YAML read strictly, with the place of every value.

What makes YAML dangerous or surprising is refused rather than interpreted: tags, anchors, duplicate keys,
keys that are not text. Every fault carries the line and column an editor can jump to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import BaseModel, ValidationError

from simlib.errors import BadInputError, Fault, Where, explain, hidden, kind_of, shown

MAX_BYTES = 16_000_000
MAX_DEPTH = 20
MAX_VALUES = 1_000_000
"""Case files of 16 MB stay below; what is denser is written to exhaust time and memory."""

MAX_FAULTS = 50
"""Reading stops after this many faults: nobody mends more at a time."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser: libyaml, or where PyYAML was built without it the same in Python, eight times slower in all."""

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

    def beside(self, named: str) -> Path:
        """Return the path of a file that this one names; ValueError if it lies outside the folder of this one."""
        path = Path(self.path).parent / named
        try:
            home, target = Path(self.path).parent.resolve(), path.resolve()
            path.exists()
        except (OSError, RuntimeError, ValueError) as error:
            found = f"{shown(named)} cannot be followed ({shown(error)})."
            raise ValueError(f"{found} Name a file beside this one.") from None
        if Path(named).is_absolute() or not target.is_relative_to(home):
            found = f"{shown(named)} leaves the folder of this file."
            raise ValueError(f"{found} Put it beside this one and write its name.")
        return path

    def faults(self, error: ValidationError, model: type[BaseModel], at: Where = ()) -> list[Fault]:
        """Return the faults that pydantic found in the data at `at`, each with its place and remedy."""
        first = islice(explain(error, model), 10 * MAX_FAULTS)  # each takes time, a file can hold a million
        return [self.fault((*at, *path), words, key) for path, key, words in first]


def read(path: str | Path) -> Document:
    """Read one YAML file of at most 16 MB.

    Raises
    ------
    BadInputError
        With every fault of the file: missing, unreadable, too large, not UTF-8, empty, bad syntax, a tag,
        anchor, alias, duplicate key, key that is not text, control character, nesting below 20 levels, or
        more than a million values.
    """
    raw = content(Path(path), MAX_BYTES, "YAML", "Is it a scenario or case file?")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(_not_utf8(str(path), raw, error.start)) from None
    return parse(text, str(path), hashlib.sha256(raw).hexdigest())


def parse(text: str, path: str, sha256: str = "") -> Document:
    r"""Return the document that `text` holds; `path` is the name that faults give it.

    >>> parse("from: 2024-07\nshare: 0.5", "x.yaml").data
    {'from': '2024-07', 'share': 0.5}
    >>> parse("a: 1\na: 2", "x.yaml")
    Traceback (most recent call last):
    simlib.errors.BadInputError: x.yaml:2:1: a: written twice, first in line 1. Keep one of them.
    """
    builder = _Builder(path, text.removeprefix("\ufeff"))
    data = builder.document()
    if builder.faults:
        raise BadInputError(*builder.faults)
    return Document(path, data, builder.places, builder.keys, sha256)


def content(path: Path, most: int, sort: str, large: str) -> bytes:
    """Return the bytes of a regular file (a pipe or device could block or never end), at most so many."""

    def refuse(message: str) -> BadInputError:
        return BadInputError(Fault(str(path), 1, 1, message))

    try:
        if not path.exists():
            raise refuse("no such file. Check the name and the folder you are in.")
        if not path.is_file():
            raise refuse(f"not a file. Name a {sort} file, not a folder or device.")
        with path.open("rb") as stream:
            raw = stream.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(f"cannot be read ({reason}). Check its permissions.") from None
    if len(raw) > most:
        raise refuse(f"larger than {most} bytes. {large}")
    return raw


def _not_utf8(path: str, raw: bytes, offset: int) -> Fault:
    """Return the fault for bytes that are no UTF-8; GBK is what Chinese editors save by habit."""
    before = raw[:offset].decode("utf-8").removeprefix("\ufeff")
    found = f"byte 0x{raw[offset]:02x} at byte offset {offset}"
    return Fault(path, *_end(before), f"not UTF-8: {found}. Save it as UTF-8, not GBK.")


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
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _SPECIAL.fullmatch(text)
    return float(special[1] + special[2]) if special else text


_BREAK = re.compile(r"\r\n?|\n")
_UNREADABLE = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What no YAML holds, and what only some programs take for the end of a line: lines would be counted in two ways."""
_TAB = "not YAML: a tab. Indent with spaces."
_COMMENT = re.compile(r"(?<!\S)#[^\r\n]*")
_HANDLE = re.compile(r"%TAG(?<![^\r\n]%TAG)")


def _mark(event: Any) -> Mark:
    """Return where an event of the parser starts."""
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _end(text: str) -> Mark:
    """Return the place after a text."""
    lines = _BREAK.split(text)
    return len(lines), len(lines[-1]) + 1


_REMEDIES = (
    ("anchor", "an anchor (&) is not allowed. Delete it, or put the text in quotes."),
    ("alias", "an alias (*) is not allowed. Write the value in full, or put the text in quotes."),
    ("directive|YAML document", "a line that starts with % is not allowed. Delete it."),
    ("tag", "a tag (!) is not allowed. Write the plain value, or put the text in quotes."),
    ("quoted.*(end of stream|document)", "not YAML: a quote is opened here and never closed. Close it."),
)
"""What the parser trips over, as its own words name it, and what to say of the place where that begins."""
_HINTS = (
    ("simple key", "a key without ': ' after it. Write 'key: value', or indent the line if it goes on a text."),
    ("quoted", r"an unknown escape. Write \\ for a backslash, or use single quotes."),
    ("start any token", "no text can start with this sign. Put the text in quotes."),
    ("document start", "the document ended before this. Keep one in a file; check indent and quotes up to here."),
)
"""The same for what has no surer cause nearby, and is said of the place where the parser stopped."""


def _syntax(error: Exception, text: str, last: Mark) -> tuple[Mark, str]:
    """Return where the parser stopped, and why; `last` is where its last event starts."""
    if not (isinstance(error, yaml.MarkedYAMLError) and error.problem_mark):
        return last, f"not YAML: {shown(error, 200)}. Check what follows: tags, and escapes such as \\U in quotes."
    stopped, words = error.problem_mark, f"{error.context}: {error.problem}"
    begun = error.context_mark or stopped
    mark = _end(text) if stopped.index >= len(text) else (stopped.line + 1, stopped.column + 1)
    begin = begun.line + 1, begun.column + 1
    for pattern, message in _REMEDIES:
        if re.search(pattern, words):
            return begin, message
    if "simple key" in words:
        mark = begin
    if "quoted" not in words and (seen := _seen(text, mark)):
        return seen
    for sign, message in _HINTS:
        if sign in words:
            return mark, f"not YAML: {message}"
    bracket = f" for the bracket in line {begin[0]}" if "flow" in words and begun.index < stopped.index else ""
    return mark, f"not YAML: {shown(error.problem, 200)}{bracket}. Check indent, colons and quotes up to here."


def _seen(text: str, mark: Mark) -> tuple[Mark, str] | None:
    """Return what is often wrong near a place where a parser stops: a tab, or a full-width colon instead of ': '."""
    lines = _BREAK.split(text)
    for line in range(mark[0], max(mark[0] - 2, 0), -1):
        written = lines[line - 1] if line <= len(lines) else ""
        for sign, remedy in (("\t", _TAB), ("：", "not YAML: a full-width colon. Write ': '.")):
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
            self.check_characters()
            self.events = self.without_tabs() if "\t" in self.text else self.parsed()
            data = None
            if isinstance(next(self.events), yaml.DocumentStartEvent):
                event = next(self.events)
                mark = self.places[()] = _mark(event)
                data = self.node(event, mark, ())
                next(self.events)
                if isinstance(after := next(self.events), yaml.DocumentStartEvent):
                    self.stop(_mark(after), "a second document starts here. Keep one document in a file.")
            if data is None and not self.faults:
                self.stop((1, 1), "the file is empty.")
            return data
        except _UnreadableError:
            return None

    def check_characters(self) -> None:
        """Refuse what the parser must not meet: what is no text, and tag handles, many of which it takes hours for."""
        if found := _UNREADABLE.search(self.text):
            self.stop(_end(self.text[: found.start()]), f"a hidden character (U+{ord(found[0]):04X}). Delete it.")
        if found := _HANDLE.search(self.text):
            self.stop(_end(self.text[: found.start()]), "a line that starts with %TAG is not allowed. Delete it.")

    def parsed(self) -> Iterator[Any]:
        """Yield the parser's events without the first; whatever the parser dies of is a fault of the text."""
        event: Any = None
        try:
            for event in islice(yaml.parse(self.text, Loader=LOADER), 1, None):
                yield event
        except Exception as error:  # the parser meets any text at all, and dies of more than its own errors
            self.stop(*_syntax(error, self.text, _mark(event) if event else (1, 1)))

    def without_tabs(self) -> Iterator[Any]:
        """Yield the parser's events; a tab between them, or in text without quotes, is a fault."""
        end = 0
        for event in self.parsed():
            unquoted = isinstance(event, yaml.ScalarEvent) and not event.style
            until = event.end_mark.index if unquoted else event.start_mark.index
            bare = _COMMENT.sub(lambda match: " " * len(match[0]), self.text[end:until])
            if "\t" in bare:
                self.stop(_end(self.text[: end + bare.index("\t")]), _TAB)
            end = max(end, event.end_mark.index)
            yield event

    def note(self, mark: Mark, message: str) -> None:
        """Keep a fault and read on, unless there are enough of them."""
        self.faults.append(Fault(self.path, *mark, message))
        if len(self.faults) >= MAX_FAULTS:
            raise _UnreadableError

    def stop(self, mark: Mark, message: str) -> NoReturn:
        """Keep a fault after which nothing can be read."""
        self.faults.append(Fault(self.path, *mark, message))
        raise _UnreadableError

    def node(self, event: Any, mark: Mark, path: Where) -> Any:
        """Return the value that starts with this event, at this mark."""
        if len(path) > MAX_DEPTH:
            self.stop(mark, f"nested deeper than {MAX_DEPTH} levels. Write it flatter.")
        if len(self.places) > MAX_VALUES:
            self.stop(mark, f"more than {MAX_VALUES} values. Split the file.")
        if isinstance(event, yaml.AliasEvent):
            self.note(mark, f"an alias (*{shown(event.anchor)}) is not allowed. Write the value in full.")
            return None
        if event.anchor:
            self.note(mark, f"an anchor (&{shown(event.anchor)}) is not allowed. Delete it.")
        if event.tag is not None:
            self.note(mark, f"a tag ({shown(event.tag)}) is not allowed. Write the plain value.")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, mark)
        return self.mapping(path) if isinstance(event, yaml.MappingStartEvent) else self.sequence(path)

    def scalar(self, event: Any, mark: Mark) -> Any:
        """Return one value: quoted is text, unquoted what it looks like."""
        if found := hidden(event.value.replace("\n", "").replace("\t", "")):
            self.note(mark, f"a hidden character (U+{ord(found):04X}) in the text. Delete it.")
            return ""
        return event.value if event.style else plain(event.value)

    def sequence(self, path: Where) -> list[Any]:
        """Return a list, its start event already read."""
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            mark = self.places[here] = _mark(event)
            items.append(self.node(event, mark, here))
        return items

    def mapping(self, path: Where) -> dict[str, Any]:
        """Return a dict, its start event already read."""
        items: dict[str, Any] = {}
        inside = (*path, "")
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            mark = _mark(event)
            key = self.key(event, mark, inside)
            if key is None:
                self.node(next(self.events), mark, inside)
                continue
            here = (*path, key)
            if key in items:
                first = self.keys[here][0]
                self.note(mark, f"{shown(key)}: written twice, first in line {first}. Keep one of them.")
            else:
                self.keys[here] = mark
            event = next(self.events)
            place = self.places[here] = _mark(event)
            items[key] = value = self.node(event, place, here)
            if value is None:  # an empty value has no place of its own but the next line
                self.places[here] = mark
        return items

    def key(self, event: Any, mark: Mark, path: Where) -> str | None:
        """Return a key as text, or None: a key of another sort is a fault."""
        known = len(self.faults)
        value = self.node(event, mark, path)
        if not isinstance(value, str) and len(self.faults) == known:
            at = event.start_mark.index
            cut = re.fullmatch("[0-9],", self.text[max(at - 2, 0) : at])
            fix = "If the comma before it parts a number, write a point." if cut else "Put it in quotes."
            self.note(mark, f"a key must be text, found {kind_of(value)}. {fix}")
        return value if isinstance(value, str) else None
