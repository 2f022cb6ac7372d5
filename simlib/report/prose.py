"""A report's prose: a template for each language, which fills the blocks of one frame with sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from simlib.files.texts import Lang

if TYPE_CHECKING:
    from jinja2 import Template

Values = Mapping[str, Any]
"""What sentences need, by block and place: numbers as they are read, names, and whether something is so."""


@cache
def _template(lang: Lang) -> Template:
    """Return the template of a language, which the package brings; all that is filled in is escaped."""
    import jinja2

    maker = jinja2.Environment(
        loader=jinja2.PackageLoader("simlib.report"), undefined=jinja2.StrictUndefined,
        autoescape=True, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return maker.get_template(f"report.{lang}.html.jinja")


def document(lang: Lang, values: Values) -> str:
    """Return a whole report as HTML."""
    return _template(lang).render(values)


def block(name: str, lang: Lang, values: Values) -> str:
    """Return one block of a report as HTML."""
    template = _template(lang)
    return "".join(template.blocks[name](template.new_context(dict(values))))


def plain(name: str, lang: Lang, values: Values) -> str:
    """Return one block as plain text on one line.

    >>> plain("patients", "en", {"patients": {"form": "to", "homes": "", "hosts": "Hainan", "scheme": ""}})
    'people insured in other provinces and treated in Hainan'
    """
    return _plain(block(name, lang, values))


def paragraphs(name: str, lang: Lang, values: Values) -> list[str]:
    """Return the paragraphs and points of one block as plain text.

    >>> len(paragraphs("words", "zh", {}))
    8
    """
    return [_plain(inner) for _, inner in re.findall(r"<(p|li)>(.*?)</\1>", block(name, lang, values), re.DOTALL)]


def _plain(html: str) -> str:
    """Return HTML as plain text."""
    from markupsafe import Markup

    return Markup(html).striptags()
