"""What is wrong with an input, in plain words: what was found, what was expected, the likely fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Where = tuple[str | int, ...]
"""Where a value stands in a document: keys and list positions from the top."""


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


class InputNote(UserWarning):
    """What was read otherwise than it is written, or not read: nothing is wrong, and whoever gave the input may ask."""


_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def hidden(text: str) -> str:
    r"""Return the first control, line-separator, surrogate or bidirectional character of a text, or "".

    They can hide or reorder what a reader sees, in a report as in a terminal. A tab and the end of a line count.

    >>> hidden("abc"), hidden("a\u202eb")
    ('', '\u202e')
    """
    found = _HIDDEN.search(text)
    return found[0] if found else ""


def shown(value: object, longest: int = 60) -> str:
    r"""Return a value as a message may quote it: on one line, short, nothing hidden in it.

    >>> shown("a\nb"), shown(1.5), shown("x" * 99, longest=5)
    ('a?b', '1.5', 'xxxxx…')
    """
    text = _HIDDEN.sub("?", str(value)[: longest + 1])
    return text if len(text) <= longest else text[:longest] + "…"


def kind_of(value: object) -> str:
    """Return what a value of a document is, in words.

    >>> kind_of([1]), kind_of(None), kind_of(True), kind_of("x")
    ('a list', 'nothing', 'true', "the text 'x'")
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text '{shown(value)}'"
    if isinstance(value, dict):
        return "keys and values"
    return "a list" if isinstance(value, (list, tuple)) else f"the number {shown(value)}"


def listed(names: Iterable[str]) -> str:
    """Return names as a list to read: the first ten.

    >>> listed(["home", "host"])
    'home, host'
    """
    every = list(names)
    return ", ".join(every[:10]) + (", …" if len(every) > 10 else "")


def did_you_mean(word: str, known: Iterable[str], told_by: str = "") -> str:
    """Return the likely fix of a name that is not known; `told_by` is the command that lists many known ones.

    >>> did_you_mean("hom", ["home", "host"]), did_you_mean("zzz", ["home", "host"])
    ('Did you mean home?', 'Expected one of home, host.')
    >>> did_you_mean("rate", ["fund", "settlement_rate"]), did_you_mean("zzz", ["home"], "simlib parameters")
    ('Did you mean settlement_rate?', '`simlib parameters` lists them.')
    """
    every = list(known)
    # Of two Chinese characters one right is near; Latin words of that length are not.
    short = len(word) <= 3 and not word.isascii()
    near = difflib.get_close_matches(word[:200], every, n=1, cutoff=0.5 if short else 0.6)
    if not near and len(word) >= 4:  # a part of one is near too, the shortest nearest
        near = sorted((name for name in every if word.casefold() in name.casefold()), key=len)
    if near:
        return f"Did you mean {near[0]}?"
    return f"`{told_by}` lists them." if told_by else f"Expected one of {listed(every)}."


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[Where, bool, str]]:
    """Yield each error of pydantic as its place, whether it is about the key there, and the message."""
    for detail in error.errors(include_url=False):
        path = detail["loc"]
        name = ".".join(shown(part) for part in path) or "the file"
        if detail["type"] == "extra_forbidden":
            known = fields(model, path[:-1])
            yield path, True, f"{shown(path[-1])}: no such key. {did_you_mean(str(path[-1]), known)}"
        elif detail["type"] == "missing":
            hint = fields(model, path[:-1]).get(str(path[-1]), "")
            yield path, False, f"{name}: missing. {'Write ' + hint if hint else 'Add it'}."
        else:
            hint = fields(model, path[:-1]).get(str(path[-1]), "") if path and detail["type"] in SHAPES else ""
            write = f" Write {hint}." if path and hint.startswith(f"{path[-1]}: ") else ""
            yield path, False, f"{name}: {_message(detail)}{write}"


EXPECTED: dict[str, str] = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number, without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number, without quotes",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "dict_type": "keys and values",
    "finite_number": "a finite number",
}
SHAPES = EXPECTED.keys() - {"string_type", "finite_number"}
"""Errors that are helped by an example of what to write."""
LIMITS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than_equal": lambda c: f"is below {c['ge']}, the least allowed",
    "greater_than": lambda c: f"must be above {c['gt']}",
    "less_than_equal": lambda c: f"is above {c['le']}, the most allowed",
    "less_than": lambda c: f"must be below {c['lt']}",
}


def _message(detail: ErrorDetails) -> str:
    """Return what one error of pydantic says, in our words."""
    sort, context, found = detail["type"], detail.get("ctx", {}), detail["input"]
    if sort == "value_error":
        return str(context["error"])
    if sort in LIMITS:
        return f"{shown(found)} {LIMITS[sort](context)}."
    if sort in ("string_too_long", "too_long"):
        things = "characters" if isinstance(found, str) else "entries"
        return f"{len(found)} {things}. At most {context['max_length']}: shorten it."
    if sort in ("string_too_short", "too_short"):
        return "is empty. Fill it in, or delete the key."
    if sort == "literal_error":
        options = [option.strip(" '") for option in context["expected"].replace(" or ", ",").split(",")]
        return f"found {kind_of(found)}. {did_you_mean(str(found), options)}"
    return f"found {kind_of(found)}. Expected {EXPECTED.get(sort, detail['msg'])}."


def fields(model: type[BaseModel], path: Where) -> dict[str, str]:
    """Return the keys that a model knows at a place, with what to write there.

    >>> from pydantic import create_model
    >>> text = create_model("Text", zh=(str, ...), en=(str, ...))
    >>> fields(create_model("Study", titles=(tuple[text, ...], ...)), ("titles", 0))
    {'zh': '', 'en': ''}
    """
    for part in path:
        for name, info in model.model_fields.items():
            if part in (name, info.alias):
                model = next(_models(info.annotation), model)
    return {info.alias or name: info.description or "" for name, info in model.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models inside an annotation such as `tuple[Change, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
