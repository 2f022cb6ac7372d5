"""Every word that a reader is shown, in Chinese and English, in one table: `texts.csv` beside this file.

A key names a text, `part.of.it`. A text has the same places for values in both languages: {0} by number, {name} by
name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache, reduce
from importlib.resources import files
from typing import Any, Literal

from simlib.files.shapes import Text

Lang = Literal["zh", "en"]
LANGS: dict[Lang, int] = {"zh": 0, "en": 1}
"""The languages, and where each stands in a pair."""


@cache
def texts(lang: Lang) -> dict[str, str]:
    """Return the texts of one language by key, with places for values by name or number."""
    rows = csv.DictReader((files("simlib.files") / "texts.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {row["key"]: row[lang] for row in rows}


def said(key: str, lang: Lang, *values: object, **named: Any) -> str:
    """Return a text in one language with its values filled in.

    >>> said("card.interval", "en", "range", "1", "2")
    'range 1 to 2'
    """
    return texts(lang)[key].format(*values, **named)


def both(key: str, *order: Lang) -> str:
    """Return a text in both languages beside each other.

    >>> both("layer.deductible", "zh", "en")
    '起付线 deductible'
    """
    return " ".join(said(key, lang) for lang in order)


def joined(key: str, lang: Lang, parts: Iterable[str]) -> str:
    """Return texts as one, put together as the language does by a text with two places; none of no text.

    >>> joined("join.semicolon", "en", ["one", "two"]), joined("join.semicolon", "zh", ["一", "二"])
    ('one; two', '一；二')
    """
    some = list(parts)
    return reduce(lambda before, after: said(key, lang, before, after), some) if some else ""


def worded(text: str | Text, lang: Lang) -> str:
    """Return a text that a file may hold in both languages in one of them; a plain text as it is written.

    >>> worded(Text(zh="药品", en="drugs"), "zh"), worded("drugs", "zh")
    ('药品', 'drugs')
    """
    return text if isinstance(text, str) else {"zh": text.zh, "en": text.en}[lang]
