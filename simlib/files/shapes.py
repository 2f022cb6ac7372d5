"""The shapes that files of every kind share: frozen values, months, names, texts in two languages."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from simlib.errors import hidden, kind_of

FIRST_MONTH, LAST_MONTH = "2017-01", "2035-12"
"""The horizon: the first and last month that a change may name."""
_NEAR_MONTH = re.compile(r"\s*([0-9]{4})\s*[-/.年]\s*(1[0-2]|0?[1-9])(?![0-9])")


def _month(value: Any) -> str:
    """Return a month YYYY-MM of the horizon.

    >>> _month("2024-07-01")
    Traceback (most recent call last):
    ValueError: found the text '2024-07-01'. A change starts and ends with a month: write 2024-07.
    """
    near = _NEAR_MONTH.match(value) if isinstance(value, str) else None
    if near is None:
        raise ValueError(f"found {kind_of(value)}. Write a month as YYYY-MM, such as 2024-07.")
    month = f"{near[1]}-{near[2]:0>2}"
    if value != month:
        raise ValueError(f"found {kind_of(value)}. A change starts and ends with a month: write {month}.")
    if not FIRST_MONTH <= month <= LAST_MONTH:
        raise ValueError(f"{month} is outside the horizon. Write a month from {FIRST_MONTH} to {LAST_MONTH}.")
    return month


def _names(value: Any) -> Any:
    """Return a name, or a list of names, as a tuple; a code such as 310000 need not be quoted."""
    many = value if isinstance(value, (list, tuple)) else [value]
    return tuple(str(name) if type(name) is int else name for name in many)


Month = Annotated[str, BeforeValidator(_month)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)]


class Frozen(BaseModel):
    """A value: no unknown keys, no conversion of types, no change in place."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


MAX_TITLE, MAX_TEXT = 200, 1000


def _line(text: str) -> str:
    """Return a text of one line without surrounding blanks."""
    text = text.strip(" \n")
    if not text:
        raise ValueError("is empty. Fill it in.")
    if character := hidden(text):
        found = f"a line break or hidden character (U+{ord(character):04X})"
        raise ValueError(f"found {found}. Write one line, or fold it with '>-'.")
    return text


Line = Annotated[str, AfterValidator(_line), Field(max_length=MAX_TEXT)]
TitleLine = Annotated[str, AfterValidator(_line), Field(max_length=MAX_TITLE)]


class Text(Frozen):
    """A text in Chinese and English."""

    zh: Line = Field(description="the text in Chinese")
    en: Line = Field(description="the text in English")


class Title(Frozen):
    """A title in Chinese and English."""

    zh: TitleLine = Field(description="the title in Chinese")
    en: TitleLine = Field(description="the title in English")
