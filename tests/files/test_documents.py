"""YAML is read strictly, and every fault names its place and remedy."""

import contextlib
import hashlib
import os
import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simlib.errors import BadInputError, hidden
from simlib.files import documents

BAD_TEXT = {
    "empty": ("", "1:1: the file is empty"),
    "only a comment": ("# nothing\n", "1:1: the file is empty"),
    "only a marker": ("---\n", "1:1: the file is empty"),
    "unclosed list": ("a: [1,\n", "2:1: not YAML: did not find expected node content. Check"),
    "two colons": ("a: b: c\n", "1:5: not YAML: mapping values are not allowed in this context. Check"),
    "tab": ("a:\n\t- 1\n", "2:1: not YAML"),
    "bad escape": ('a: "\\UFFFFFFFF"\n', "1:7: not YAML: an unknown escape. Write \\\\ for"),
    "python tag": (
        "a: !!python/object/apply:os.system [ls]\n",
        "1:4: a tag (tag:yaml.org,2002:python/object",
    ),
    "local tag": ("a: 1\nb: !x 1\n", "2:4: a tag (!x) is not allowed. Write the plain value."),
    "plain tag": ("a: !!str 1\n", "1:4: a tag (tag:yaml.org,2002:str) is not allowed"),
    "anchor": ("a: &here 1\n", "1:4: an anchor (&here) is not allowed. Delete it."),
    "alias": ("a: 1\nb: *here\n", "2:4: an alias (*here) is not allowed. Write the value in full."),
    "duplicate key": (
        "a: 1\nb:\n  c: 1\n  c: 2\n",
        "4:3: c: written twice, first in line 3. Keep one of them.",
    ),
    "number as key": ("a: 1\n2024: 1\n", "2:1: a key must be text, found the number 2024. Put it in quotes."),
    "decimal comma": (
        "a: {b: 0,5}\n",
        "1:10: a key must be text, found the number 5. If the comma before it parts a num",
    ),
    "true as key": ("true: 1\n", "1:1: a key must be text, found true"),
    "list as key": ("? [a]\n: 1\n", "1:3: a key must be text, found a list"),
    "too deep": ("[" * 30 + "]" * 30, "1:22: nested deeper than 20 levels. Write it flatter."),
    "two documents": (
        "a: 1\n---\nb: 2\n",
        "2:1: a second document starts here. Keep one document in a file.",
    ),
    "bell": ("a: 1\nb: \x07\n", "2:4: a hidden character (U+0007). Delete it."),
    "escaped bell": ('a: "\\a"\n', "1:4: a hidden character (U+0007) in the text. Delete it."),
    "right to left": ("a: b\u202ec\n", "1:4: a hidden character (U+202E) in the text. Delete it."),
    "byte order mark inside": ("a: 1\nb: \ufeffx\n", "2:4: a hidden character (U+FEFF). Delete it."),
    "line separator": ("a: 甲\u2028b: 1\n", "1:5: a hidden character (U+2028). Delete it."),
    "lone surrogate": ("a: \ud800", "1:4: a hidden character (U+D800). Delete it."),
    "tab before a value": ("a:\tb\n", "1:3: not YAML: a tab. Indent with spaces."),
    "tab in text": ('a: "\t" # \t\nb: 甲\t乙\n', "2:5: not YAML: a tab. Indent with spaces."),
    "sign alone as tag": ("a: ! 1\n", "1:4: a tag (!) is not allowed. Write the plain value."),
    "tag handle unknown": ("a: !x!y 1\n", "1:4: a tag (!) is not allowed. Write the plain value, or put"),
    "tag in Chinese": ("a: !甲 1\n", "1:4: a tag (!) is not allowed. Write the plain value, or put"),
    "anchor in Chinese": ("a: &甲 1\n", "1:4: an anchor (&) is not allowed. Delete it, or put"),
    "alias in Chinese": ("a: 1\nb: *甲*\n", "2:4: an alias (*) is not allowed. Write the value in full, or put"),
    "directive": ("%FOO 1\n---\na: 1\n", "1:1: a line that starts with % is not allowed. Delete it."),
    "tag directive": ("%TAG ! x:\n---\na: 1\n", "1:1: a line that starts with %TAG is not allowed. Delete it."),
    "unclosed quote": ("a: 1\nb: '甲\nc: 2\n", "2:4: not YAML: a quote is opened here and never closed. Close it."),
    "Chinese quote": ('a: "甲”\nb: "乙"\n', "2:5: not YAML"),
    "unclosed bracket": (
        "甲: [1\nb: 2\n",
        "2:2: not YAML: did not find expected ',' or ']' for the bracket in line 1.",
    ),
    "end without line break": ("a: {b: 甲", "1:9: not YAML: did not find expected ',' or '}'"),
    "no colon": ("a: 1\nb\n\nc: 2\n", "2:1: not YAML: a key without ': ' after it. Write 'key: value'"),
    "sign first": ("a: @甲\n", "1:4: not YAML: no text can start with this sign. Put the text in quotes."),
    "after the end": ("a: 1\n...\nb: 2\n", "3:1: not YAML: the document ended before this. Keep one"),
    "surrogate": ('a: "\\ud800"\n', "1:7: not YAML: an unknown escape. Write"),
}


@pytest.mark.parametrize(("text", "expected"), BAD_TEXT.values(), ids=BAD_TEXT)
def test_refuses_what_is_dangerous_or_surprising(text, expected):
    with pytest.raises(BadInputError) as raised:
        documents.parse(text, "x.yaml")
    assert str(raised.value).startswith(f"x.yaml:{expected}")


ESCAPES = {"bad escape", "surrogate"}  # where Python takes what libyaml refuses, or refuses it elsewhere


@pytest.mark.parametrize("name", [name for name in BAD_TEXT if name not in ESCAPES | {"directive"}])
def test_finds_the_same_places_without_libyaml(name, monkeypatch):
    text, expected = BAD_TEXT[name]
    monkeypatch.setattr(documents, "LOADER", yaml.SafeLoader)
    with pytest.raises(BadInputError) as raised:
        documents.parse(text, "x.yaml")
    assert str(raised.value).startswith("x.yaml:" + ":".join(expected.split(":")[:2]))


def test_uses_libyaml_where_it_is_there():
    assert not yaml.__with_libyaml__ or documents.LOADER is yaml.CSafeLoader


def test_hidden_characters_are_those_of_unicode():
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for character in map(chr, range(0x110000)):
        control = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        turns = unicodedata.bidirectional(character) in turning or character in "\u200e\u200f\u061c"
        assert bool(hidden(character)) == (control or turns), ascii(character)


HOSTILE = {
    "deep list": (lambda size: "[" * size, "1:22: nested deeper than 20 levels"),
    "deep block": (lambda size: "- " * (size // 2), "1:43: nested deeper than 20 levels"),
    "many values": (lambda size: "[1" + ",1" * documents.MAX_VALUES, "1:2000000: more than 1000000 values."),
    "long line": (lambda size: "甲: " + "x" * size + ": 1", "1:16000004: not YAML: mapping values"),
    "unclosed": (lambda size: 'a: "' + "x\n" * (size // 2), "1:4: not YAML: a quote is opened here"),
    "tag handles": (lambda size: "".join(f"%TAG !{n}! x\r" for n in range(size // 20)), "1:1: a line that starts"),
    "laughs": (lambda size: "- &a [*a, *a]\n" * (size // 14), "1:3: an anchor (&a) is not allowed."),
}


@pytest.mark.parametrize(("text", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_a_large_hostile_text_ends_in_a_message(text, expected):
    with pytest.raises(BadInputError) as raised:
        documents.parse(text(documents.MAX_BYTES), "x.yaml")
    assert str(raised.value).startswith(f"x.yaml:{expected}")


def test_long_text_and_long_numbers_are_values():
    assert documents.parse("a: " + "字" * 1_000_000, "x").data == {"a": "字" * 1_000_000}
    assert documents.parse("a: " + "1" * 1_000_000, "x").data == {"a": float("inf")}


def test_a_key_with_a_fault_is_not_also_written_twice():
    with pytest.raises(BadInputError) as raised:
        documents.parse("1: a\n2: b\n", "x.yaml")
    assert [fault.message[:18] for fault in raised.value.faults] == ["a key must be text"] * 2


def test_says_all_faults_of_a_file_at_once():
    with pytest.raises(BadInputError) as raised:
        documents.parse("a: !x 1\na: &b 2\nc: *b\nd: [\n", "x.yaml")
    assert [fault.line for fault in raised.value.faults] == [1, 2, 2, 3, 5]


def test_stops_after_fifty_faults():
    with pytest.raises(BadInputError) as raised:
        documents.parse("- !x 1\n" * 1000, "x.yaml")
    assert len(raised.value.faults) == documents.MAX_FAULTS


def test_words_mean_what_yaml_1_2_says():
    text = "[2024-07, 2024-07-01, yes, no, on, 1:30, 010, 1e3, .5, '3', 0x1F, 1_000, ~, null, True, -.inf]"
    assert documents.parse(text, "x").data == [
        "2024-07", "2024-07-01", "yes", "no", "on", "1:30", 10, 1000.0, 0.5, "3", "0x1F", "1_000",
        None, None, True, float("-inf"),
    ]  # fmt: skip


def test_knows_the_place_of_every_value_and_key():
    document = documents.parse("a:\n  - b: 甲\n    c: [1, 2]\nd:\ne: 5\n", "x.yaml")
    assert document.places["a", 0, "b"] == (2, 8)
    assert document.keys["a", 0, "c"] == (3, 5)
    assert document.places["a", 0, "c", 1] == (3, 12)
    assert document.places["d",] == (4, 1)  # an empty value is where its key is, not in the next line
    assert str(document.fault(("a", 0, "zz", 3), "wrong")) == "x.yaml:2:5: wrong"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("loader", [documents.LOADER, yaml.SafeLoader])
def test_columns_count_characters(end, loader, monkeypatch):
    monkeypatch.setattr(documents, "LOADER", loader)
    document = documents.parse(f"\ufeff甲乙: {{丙: 𝒳, 丁: '戊'}} # 己{end}庚: [辛, 壬]{end}", "x")
    assert document.keys["甲乙",] == (1, 1)
    assert document.places["甲乙", "丙"] == (1, 9)
    assert document.keys["甲乙", "丁"] == (1, 12)
    assert document.places["甲乙", "丁"] == (1, 15)
    assert document.places["庚", 1] == (2, 8)


def test_reads_a_file_with_its_hash(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: \xe7\x94\xb2\r\n")
    document = documents.read(path)
    assert document.data == {"a": 1, "b": "甲"}
    assert document.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


BAD_BYTES = {
    "gbk": (
        "a: 1\nb: 医保".encode("gbk"),
        "2:5: not UTF-8: byte 0xb1 at byte offset 10. Save it as UTF-8, not GBK.",
    ),
    "after a byte order mark": (b"\xef\xbb\xbfa: \xff", "1:4: not UTF-8: byte 0xff at byte offset 6."),
    "utf-16": ("a: 1".encode("utf-16"), "1:1: not UTF-8"),
    "too large": (b"#" * (documents.MAX_BYTES + 1), "1:1: larger than 16000000 bytes."),
}


@pytest.mark.parametrize(("raw", "expected"), BAD_BYTES.values(), ids=BAD_BYTES)
def test_refuses_bytes_that_are_no_text(tmp_path, raw, expected):
    path = tmp_path / "x.yaml"
    path.write_bytes(raw)
    with pytest.raises(BadInputError) as raised:
        documents.read(path)
    assert str(raised.value).startswith(f"{path}:{expected}")


def test_refuses_what_is_no_readable_file(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, words in (
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "not a file"),
        (pipe, "not a file"),
        (tmp_path / ("x" * 999), "cannot be read"),
    ):
        with pytest.raises(BadInputError, match=f":1:1: {words}"):
            documents.read(path)

    def deny(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.yaml").write_text("a: 1")
    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(BadInputError, match=r"cannot be read \(Permission denied\)\. Check its permissions\."):
        documents.read(tmp_path / "a.yaml")


@given(st.one_of(st.text(), st.text(alphabet="ab:-[]{}&*!?|>'\"%@#\n\t ~,0.\\")))
@example("%YAML 3.0\n---\na")
@example("%TAG ! tag:x:\n---\n!b a")
@example("<<: {a: 1}\nb: 2")
@example("? a\n? b\n:")
@example("- - - &a\n!")
def test_any_text_is_read_or_refused_with_a_place(text):
    with contextlib.suppress(BadInputError):
        assert documents.parse(text, "x.yaml").places[()] >= (1, 1)


@given(st.binary())
def test_any_bytes_are_read_or_refused(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(raw)
    with contextlib.suppress(BadInputError):
        documents.read(path)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(description="name: what it is called", max_length=5)
    share: float = Field(0.5, ge=0, le=1)
    many: list[int] = Field([], min_length=1)
    flag: bool = False


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    parts: list[Part]


def test_turns_faults_of_pydantic_into_plain_words():
    text = "parts:\n- nam: x\n- {name: 3, share: 1.5, flag: yes, many: [1, x]}\n"
    text += "- {name: abcdef, many: []}\npart: 1\n"
    document = documents.parse(text, "x.yaml")
    with pytest.raises(ValidationError) as raised:
        Whole.model_validate(document.data)
    assert [str(fault) for fault in document.faults(raised.value, Whole)] == [
        "x.yaml:2:3: parts.0.name: missing. Write name: what it is called.",
        "x.yaml:2:3: nam: no such key. Did you mean name?",
        "x.yaml:3:10: parts.1.name: found the number 3. Expected text; put it in quotes.",
        "x.yaml:3:20: parts.1.share: 1.5 is above 1.0, the most allowed.",
        "x.yaml:3:46: parts.1.many.1: found the text 'x'. Expected a whole number, without quotes.",
        "x.yaml:3:31: parts.1.flag: found the text 'yes'. Expected true or false.",
        "x.yaml:4:10: parts.2.name: 6 characters. At most 5: shorten it.",
        "x.yaml:4:24: parts.2.many: is empty. Fill it in, or delete the key.",
        "x.yaml:5:1: part: no such key. Did you mean parts?",
    ]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\n\tb: 2\n", (2, 1), "not YAML: a tab. Indent with spaces."),
        ("a：1\nb: 2\n", (1, 2), "not YAML: a full-width colon. Write ': '."),
    ],
)
def test_what_a_chinese_keyboard_or_an_editor_slips_in_is_named(text, place, words):
    with pytest.raises(BadInputError) as caught:
        documents.parse(text, "x.yaml")
    (fault,) = caught.value.faults
    assert ((fault.line, fault.column), fault.message) == (place, words)
