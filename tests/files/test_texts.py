"""The one table of words says every text in both languages, with the same places for values, and none for nobody."""

import ast
import csv
import re
from importlib.resources import files
from pathlib import Path

import simlib
from simlib.files import texts

PACKAGE = Path(simlib.__file__).parent

with (files("simlib.files") / "texts.csv").open(encoding="utf-8") as table:
    ROWS = list(csv.reader(table, strict=True))


def test_the_table_has_a_text_in_each_language_for_each_key_and_each_key_once() -> None:
    head, *rows = ROWS
    assert head == ["key", *texts.LANGS]
    assert [row for row in rows if len(row) != 3 or not all(row) or row != [cell.strip() for cell in row]] == []
    keys = [row[0] for row in rows]
    assert len(set(keys)) == len(keys)


def test_a_text_has_the_same_places_for_values_in_both_languages() -> None:
    def places(text: str) -> set[str]:
        return set(re.findall("{[^}]*}", text))

    assert [key for key, zh, en in ROWS[1:] if places(zh) != places(en)] == []


def written() -> tuple[set[str], set[str]]:
    """Return what the package writes, its strings and names and their words; and the patterns of keys it makes."""
    plain, made = set[str](), set[str]()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            plain |= {value for _, value in ast.iter_fields(node) if isinstance(value, str)}
            if isinstance(node, ast.JoinedStr):
                made.add("".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values))
    kinds = ("html", "jinja", "yaml")
    plain |= {path.read_text(encoding="utf-8") for suffix in kinds for path in PACKAGE.rglob(f"*.{suffix}")}
    plain |= {path.read_text(encoding="utf-8") for path in (PACKAGE / "data").glob("*.csv")}
    words = {
        word for text in plain for part in re.split(r"[\s=]+", text) for word in (part, *re.split(r"[\W_]+", part))
    }
    keys = (key for text in made for key in re.split(r"[\s=]+", text) if re.fullmatch(r"(\w+\.|{}\.\w)[\w.{}]*", key))
    return plain | words, {re.sub(r"({})+", "(.+)", key.replace(".", r"\.")) for key in keys if "{}" in key}


def test_every_text_is_used() -> None:
    known, patterns = written()

    def used(key: str) -> bool:
        """Return whether a key is written out, or put together from a pattern and words that are."""
        matches = (re.fullmatch(pattern, key) for pattern in patterns)
        return key in known or any(set(re.split(r"[\W_]+", " ".join(m.groups()))) <= known for m in matches if m)

    assert [key for key, *_ in ROWS[1:] if not used(key)] == []


def test_every_text_that_is_asked_for_by_its_key_is_there() -> None:
    nodes = (node for path in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    calls = [node for node in nodes if isinstance(node, ast.Call) and node.args]
    named = [(getattr(call.func, "attr", getattr(call.func, "id", "")), call.args[0]) for call in calls]
    asked = {key.value for name, key in named if name in ("said", "joined") and isinstance(key, ast.Constant)}
    assert len(asked) > 60 and asked - {key for key, *_ in ROWS} == set()
