"""Numbers stand in files that say all their faults at once, and rules have just these numbers."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

import pytest

import simlib
from simlib import cli
from simlib.benefits import pooling
from simlib.errors import BadInputError
from simlib.files import facts
from simlib.patients import response
from simlib.quantities import Params, declared, expected, levers, markdown, read, register
from simlib.terms import CATALOGUE_RULES, CATEGORIES

SHARE = """demo.share:
  meaning: {en: a share, zh: 份额}
  role: uncertain
  unit: share
  range: [0.1, 0.5]
  distribution: uniform
  grade: assumed
  source: nobody
"""
LEVER = """demo.rate:
  meaning: {en: a rate, zh: 比率}
  role: lever
  unit: share
  default: 0.5
  range: [0.0, 1.0]
  axes: [home]
  at_full: {value: 1.0, up: [fund_payment]}
  grade: assumed
  source: nobody
"""


def written(folder: Path, text: str, name: str = "demo.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_in_its_order_with_the_middle_of_a_range_where_no_default_is_given(tmp_path: Path) -> None:
    share, rate = read(written(tmp_path, SHARE + LEVER))
    assert (share.id, share.low, share.high, share.default) == ("demo.share", 0.1, 0.5, 0.3)
    assert (share.meaning, share.meaning_zh, share.only) == ("a share", "份额", ())
    assert (rate.axes, len(rate.kinds), expected(rate)) == (("home",), 4, "at 1: up fund_payment")


BAD = {
    "a key that is none": ((SHARE, "grade: assumed", "grad: assumed"), "7:3: grad: no such key. Did you mean grade?"),
    "a key left out": ((SHARE, "  source: nobody\n", ""), "2:3: source: missing."),
    "no Chinese": ((SHARE, ", zh: 份额", ""), "2:12: meaning.zh: missing."),
    "a role that is none": (
        (SHARE, "uncertain", "uncertian"),
        "3:9: role: found the text 'uncertian'. Did you mean uncertain?",
    ),
    "a grade that is none": (
        (SHARE, "assumed", "asumed"),
        "7:10: grade: found the text 'asumed'.",
    ),
    "ends swapped": ((SHARE, "[0.1, 0.5]", "[0.5, 0.1]"), "5:10: range: 0.5 is not below 0.1. Swap them?"),
    "one end": ((SHARE, "[0.1, 0.5]", "[0.1]"), "5:10: range: Write the least and the largest value: [0.1, 0.9]."),
    "a default outside": ((SHARE, "  grade", "  default: 0.6\n  grade"), "7:12: default: 0.6 is out of the range."),
    "what a role does not have": (
        (SHARE, "  grade", "  kinds: []\n  grade"),
        "7:10: kinds: a number of role",
    ),
    "what a role needs": (
        (LEVER, "  axes: [home]\n", ""),
        "2:3: axes: missing. A number of role",
    ),
    "an axis that is none": ((LEVER, "[home]", "[hoem]"), "7:9: axes: hoem. Did you mean home?"),
    "an axis that no lever has": ((LEVER, "[home]", "[disease]"), "7:9: axes: disease. Expected one of home, host"),
    "full strength outside": ((LEVER, "value: 1.0", "value: 100.0"), "8:20: at_full.value: 100 is a share above 1."),
    "a full strength without": ((LEVER, "value: 1.0, ", ""), "8:12: at_full.value: missing."),
    "a default that is no share": ((LEVER, "default: 0.5", "default: 5"), "5:12: default: 5 is a share above 1."),
    "an id of one word": ((LEVER, "demo.rate", "rate"), "1:1: rate: an id is words joined by points."),
    "a list": (("- 1", "", ""), "1:1: found a list. Write ids, and under each its keys."),
}


@pytest.mark.parametrize(("edit", "words"), BAD.values(), ids=BAD)
def test_what_is_wrong_with_a_number_is_said_with_its_place(
    edit: tuple[str, str, str], words: str, tmp_path: Path
) -> None:
    text, old, new = edit
    path = written(tmp_path, text.replace(old, new))
    with pytest.raises(BadInputError) as raised:
        read(path)
    assert any(str(fault).startswith(f"{path}:{words}") for fault in raised.value.faults), str(raised.value)


def test_all_faults_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    text = SHARE.replace("uncertain", "x").replace("nobody", "''") + LEVER.replace("[home]", "[x, y]")
    path = written(tmp_path, text)
    with pytest.raises(BadInputError) as raised:
        read(path)
    assert len(raised.value.faults) == 4


def test_a_class_and_its_file_have_the_same_numbers_or_say_which_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, SHARE + LEVER)
    code = "from simlib.quantities import Params, Quantity\nclass Demo(Params, prefix='demo'):\n"
    module = written(tmp_path, code + "    share: Quantity\n    rat: Quantity\n", "demo.py")
    spec = importlib.util.spec_from_file_location("simlib_demo", module)
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "simlib_demo", made)
    with pytest.raises(BadInputError) as raised:
        spec.loader.exec_module(made)
    file = tmp_path / "demo.yaml"
    assert [str(fault) for fault in raised.value.faults] == [
        f"{file}:1:1: demo.rat: a line of class Demo of demo.py, not in this file. Add it, or delete the line.",
        f"{file}:9:1: demo.rate: no line in class Demo of demo.py. Did you mean demo.rat?",
    ]


def test_every_number_of_a_file_is_a_line_of_a_class_beside_it() -> None:
    modules = [importlib.import_module(found.name) for found in pkgutil.walk_packages(simlib.__path__, "simlib.")]
    classes = {
        one for module in modules for one in vars(module).values() if isinstance(one, type) and one is not Params
    }
    lines = [q.id for one in classes if issubclass(one, Params) for q in one.quantities()]
    assert sorted(lines) == sorted(declared())
    assert set(levers()) < set(register()) < set(declared())


def test_choices_in_files_are_those_that_rules_know() -> None:
    known = register()
    for category in CATEGORIES:
        assert known[f"catalogue.rule.{category}"].choices == CATALOGUE_RULES
    assert known["response.form"].choices == (response.NONE, response.PRICE, response.ETA)
    policies = known["pooling.policy"].choices
    assert [policies.index(word) for word in ("own", "mean", "mean_or_capital", "best")] == [
        pooling.OWN,
        pooling.MEAN,
        pooling.MEAN_OR_CAPITAL,
        pooling.BEST,
    ]


def test_every_disease_of_the_table_has_a_lever_that_lists_it() -> None:
    listed = [name.rpartition(".")[2] for name in levers() if name.startswith("chronic.listed.")]
    assert listed == [row["disease"] for row in facts.read("diseases")]


def test_the_table_of_levers_has_a_row_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [line.split("|") for line in markdown().splitlines()[2:]]
    assert [row[1].strip(" `") for row in rows] == list(levers()) and {len(row) for row in rows} == {9}
    assert cli.main(["parameters", "--markdown"]) == 0
    assert capsys.readouterr().out == markdown() + "\n"
    assert cli.main(["parameters", "--markdown", "--json"]) == cli.BAD_INPUT
    assert "Leave out --json and --area" in capsys.readouterr().err
