"""The one table of words says every text in both languages, with the same places for values."""

import csv
import re
from importlib.resources import files

from simlib.files import texts

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
