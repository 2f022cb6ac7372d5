"""A notebook in both languages exported in one: no code, its font inside, nothing asked of the network."""

from __future__ import annotations

import base64
from typing import Any

from nbconvert import HTMLExporter
from nbconvert.preprocessors import TagRemovePreprocessor

from simlib.files.texts import LANGS, Lang
from simlib.report import pack

STYLE = """<style>@font-face {{ font-family: "simlib brief"; src: url(data:font/woff;base64,{0}) format("woff"); }}
body, body * {{ font-family: "simlib brief", sans-serif !important; }}</style>"""
HOSTS = ("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url")
"""Settings of nbconvert that name hosts which a page would ask."""


class Brief(HTMLExporter):
    """Exports the cells of one language: those tagged `lang-zh` or `lang-en`, and those that are not tagged."""

    lang: Lang

    def __init__(self, **more: Any) -> None:
        hidden = {f"exclude_{one}": True for one in ("input", "input_prompt", "output_prompt")}
        super().__init__(language_code=self.lang, **hidden, **dict.fromkeys(HOSTS, ""), **more)  # type: ignore[no-untyped-call]
        others = {f"lang-{lang}" for lang in LANGS if lang != self.lang}
        self.register_preprocessor(TagRemovePreprocessor(remove_cell_tags=others), enabled=True)  # type: ignore[no-untyped-call]

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> Any:
        """Return a notebook as HTML with the font cut to its signs, and what nbconvert says of it."""
        document, resources = super().from_notebook_node(nb, resources, **kw)
        packed = base64.b64encode(pack.font(document)).decode()
        return document.replace("</head>", STYLE.format(packed) + "</head>", 1), resources


class Chinese(Brief):
    """`jupyter nbconvert --to simlib.report.brief.Chinese FILE`."""

    lang: Lang = "zh"


class English(Brief):
    """`jupyter nbconvert --to simlib.report.brief.English FILE`."""

    lang: Lang = "en"
