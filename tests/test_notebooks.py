"""Notebooks are stored as they ran: in order, without errors, and compare something; a brief exports by itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from simlib.report import brief

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
LONGEST_LINE = 120


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_ran_in_order_and_cleanly_and_checks_what_it_says(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert any(output["output_type"] in ("execute_result", "display_data") for output in outputs)
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]
    assert "assert " in "\n".join("".join(cell["source"]) for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_code_of_a_notebook_defines_nothing_and_fits_the_page(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()]
    assert not [line for line in lines if len(line) > LONGEST_LINE or "def " in line]


@pytest.mark.parametrize(("lang", "other"), [("zh", "en"), ("en", "zh")])
@pytest.mark.parametrize("name", ["07_yangtze_delta_brief", "08_write_your_own_scenario"])
def test_a_brief_exports_in_one_language_without_code_or_a_network(name: str, lang: str, other: str) -> None:
    path = next(one for one in NOTEBOOKS if one.stem == name)
    html, _ = {"zh": brief.Chinese, "en": brief.English}[lang]().from_filename(str(path))
    assert f'<html lang="{lang}">' in html
    assert set(re.findall(r'(?:src|href)="(https?:[^"]+)"', html)) == set()
    said = {"zh": "证据强度", "en": "Strength of evidence"}
    assert said[lang] in html and said[other] not in html
    if name == "07_yangtze_delta_brief":  # it asserts itself that what it shows is the report, word for word
        headings = re.findall(r"<h2>(.*?)</h2>", html)
        assert len(headings) > 15 and len(re.findall(r'<img alt="[^"]{40,}" src="data:image/png', html)) > 8
        assert len(set(headings)) == len(headings)
    assert "sl.report" not in re.sub(r"<(script|style).*?</\1>", "", html, flags=re.DOTALL)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tags = [frozenset(cell["metadata"].get("tags", ())) for cell in cells if cell["cell_type"] == "markdown"]
    assert tags.count(frozenset({"lang-zh"})) == tags.count(frozenset({"lang-en"})) == len(tags) / 2
