"""A report's sentences: the same places in both languages, nothing that comes from a file unescaped."""

from __future__ import annotations

import re
from importlib.resources import files

import jinja2
import pytest
from jinja2 import nodes

from simlib.files import texts
from simlib.report import prose, sections

FOLDER = files("simlib.report") / "templates"
TEMPLATES = sorted(path.name for path in FOLDER.iterdir() if path.name.endswith(".jinja"))


def path(node: nodes.Node) -> str:
    """Return a name with what is asked of it, such as `goal.pace.low`."""
    return f"{path(node.node)}.{node.attr}" if isinstance(node, nodes.Getattr) else str(getattr(node, "name", ""))


def places(lang: str) -> dict[str, set[str]]:
    """Return the blocks of the template of a language, and what each asks for."""
    tree = jinja2.Environment().parse((FOLDER / f"report.{lang}.html.jinja").read_text(encoding="utf-8"))
    return {
        block.name: {path(node) for node in block.find_all((nodes.Getattr, nodes.Name))}
        for block in tree.find_all(nodes.Block)
    }


def test_both_languages_have_the_same_blocks_and_ask_for_the_same_values() -> None:
    first, *others = (places(lang) for lang in texts.LANGS)
    assert all(first == other for other in others) and {"answer", "goal.pace.low"} <= set(first) | first["goal"]


def test_every_section_has_a_block_and_every_block_a_place_in_the_report() -> None:
    frame = {"lang", "kicker", "answer", "patients", "verdict"}
    assert set(places("zh")) == set(sections.SECTIONS) | frame
    for name in sections.SECTIONS:  # a section says only what it was handed, under its own name
        assert {one.split(".")[0] for one in places("zh")[name]} <= {name, "row"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_lets_anything_through_unescaped(name: str) -> None:
    words = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe|autoescape|Markup", words)
    assert all(not value.startswith("<") for value in re.findall(r"{{\s*(.*?)\s*}}", words))


@pytest.mark.parametrize("lang", list(texts.LANGS))
def test_what_comes_from_a_file_is_escaped_in_a_sentence(lang: texts.Lang) -> None:
    strange = '<script>"&'
    patients = {"form": "from", "homes": strange, "hosts": "", "scheme": ""}
    html = prose.block("patients", lang, {"patients": patients})
    assert "<script>" not in html and "&lt;script&gt;&#34;&amp;" in html
    assert strange in prose.plain("patients", lang, {"patients": patients})


@pytest.mark.parametrize("lang", list(texts.LANGS))
def test_a_sentence_that_lacks_a_value_is_an_error_and_no_gap(lang: texts.Lang) -> None:
    with pytest.raises(jinja2.UndefinedError):
        prose.block("gap", lang, {"gap": {"home": "A", "host": "B"}})
