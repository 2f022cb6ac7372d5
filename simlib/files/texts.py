"""Every text of reports, pictures and pages, in Chinese and English: the table `phrases` of the package."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

from simlib.files.facts import read

Lang = Literal["zh", "en"]
LANGS: dict[Lang, int] = {"zh": 0, "en": 1}
"""The languages, and where each stands in a pair."""


@cache
def texts(lang: Lang) -> dict[str, str]:
    """Return the texts of one language by key, with places for values by name or number."""
    return {row["key"]: row[lang] for row in read("phrases")}


def said(key: str, lang: Lang, *values: object, **named: Any) -> str:
    """Return a text in one language with its values filled in.

    >>> said("card.interval", "en", "1", "2")
    '95 % interval 1 to 2'
    """
    return texts(lang)[key].format(*values, **named)


def joined(key: str, lang: Lang, parts: Iterable[str]) -> str:
    """Return texts put together by a sign, such as a full stop; a blank follows it in English.

    >>> joined("plot.then", "en", ["one", "two"]), joined("plot.then", "zh", ["一", "二"])
    ('one; two', '一；二')
    """
    return (texts(lang)[key] + ("" if lang == "zh" else " ")).join(parts)
