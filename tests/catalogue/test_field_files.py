"""Item lists as bureaus hand them out: what is read as it is meant, what is said, and what is refused with a remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from simlib.catalogue import agreement, itemlists
from simlib.catalogue.itemlists import CLASSES, NONE
from simlib.errors import BadInputError, InputNote
from simlib.scenario import checks, scenario
from simlib.study import headline
from simlib.terms import CATEGORIES

INPUTS = Path(__file__).parents[1] / "inputs"
HEAD = "code,name,category,class,share,ceiling,unit,valid_from,valid_to"

READ = {
    "c01_gb18030.csv": ["read as GB18030"],
    "c02_codes_level.csv": [],
    "c02_zh_header.csv": [],
    "c02_zh_words.csv": [],
    "c02_zifei.csv": [],
    "c04_a.csv": [],
    "c04_b_case.csv": ["3 of 5 codes read in their plain form"],
    "c04_b_eq.csv": ["5 of 5 codes read in their plain form"],
    "c04_b_quote.csv": ["3 of 5 codes read in their plain form"],
    "c04_b_space.csv": ["5 cells read without the invisible signs"],
    "c04_b_tab.csv": ["2 cells read without the invisible signs"],
    "c05_blank_space.csv": [],
    "c05_note.csv": ["no item: row 7"],
    "c05_title_csv.csv": ["no item: row 1,"],
    "c05_total.csv": ["no item: row 7,"],
    "c06_dates.csv": [],
    "c07_pipe.csv": ["columns parted by |."],
    "c07_semicolon.csv": ["columns parted by ;."],
    "c07_tab.csv": ["columns parted by a tab."],
    "x02_title.xlsx": ["no item: row 1,"],
    "x03_sheets.xlsx#诊疗": [],
    "x05_percent_format.xlsx": [],
    "x05_text_numbers.xlsx": [],
    "x08_space.xlsx": ["2 cells read without the invisible signs"],
    "x10_title_unmerged.xlsx": ["no item: row 1,"],
    "merge_small.xlsx": [],
}


@pytest.mark.parametrize(("name", "notes"), READ.items(), ids=READ)
def test_a_list_as_it_is_handed_out_is_read_and_what_was_changed_is_said(
    name: str, notes: list[str], recwarn: pytest.WarningsRecorder
) -> None:
    found = itemlists.read(INPUTS / name)
    assert len(found.code) and all(code == code.strip().upper() for code in found.code)
    said = [str(one.message) for one in recwarn.list if one.category is InputNote]
    assert len(said) == len(notes) and all(words in text for words, text in zip(notes, said, strict=True)), said


def test_copies_of_one_list_are_the_same_list_however_its_codes_are_written() -> None:
    """A no-break space or ".0" behind each code once gave +40.65 % fund payment where 0 is right."""
    plain = itemlists.read(INPUTS / "c04_a.csv")
    for name in ("c04_b_case", "c04_b_eq", "c04_b_quote", "c04_b_space"):
        with pytest.warns(InputNote):
            other = itemlists.read(INPUTS / f"{name}.csv")
        assert sorted(other.code) == sorted(plain.code)
        assert not agreement.compare(plain, other).items


def test_words_and_numbers_mean_what_they_say() -> None:
    found = itemlists.read(INPUTS / "c02_zh_header.csv")
    assert [CATEGORIES[i] for i in found.category] == ["drug", "service", "consumable"]
    assert [CLASSES[i] for i in found.cls] == ["乙", "甲", "unlisted"]
    assert found.share.tolist() == [100_000, 0, 0] and found.ceiling.tolist() == [1250, 2000, NONE]
    dates = itemlists.read(INPUTS / "c06_dates.csv")
    assert (dates.valid_from == np.datetime64("2024-01-01")).all()
    assert str(dates.valid_to[5]) == "2099-12-31"


REFUSED = {
    "c03_numbers.csv": ["3:5: share: 10 is above 1, and others", "10:6: ceiling: 12.505 has 3", "12:6: ceiling: found"],
    "c04_sci_dup.csv": ["2:1: code: 1.204E+26: a spreadsheet has cut", "3:1: code: 1.204E+26: a spreadsheet has cut"],
    "x03_sheets.xlsx": ["1:1: 2 sheets with such a table: 目录, 诊疗. Name one: x03_sheets.xlsx#目录."],
    "x04_codes_number.xlsx": ["4:1: code: found 110200005, which is no text", "6:1: code: found 1.204e+26"],
    "x06_dates.xlsx": ["6:8: valid_from: found 2024-01-01 08:30:00."],
    "xfd.xlsx": ["1:1: cells as far as column XFD."],
}


@pytest.mark.parametrize(("name", "expected"), REFUSED.items(), ids=REFUSED)
def test_what_has_lost_information_is_refused_in_its_place(name: str, expected: list[str]) -> None:
    with pytest.raises(BadInputError) as raised:
        itemlists.read(INPUTS / name)
    said = [str(fault).removeprefix(f"{INPUTS}/{name}:") for fault in raised.value.faults]
    assert len(said) == len(expected) and all(a.startswith(b) for a, b in zip(said, expected, strict=True)), said


@pytest.mark.parametrize(
    ("encoding", "sign"), [("utf-16", ","), ("utf-8-sig", ";"), ("gb18030", "\t"), ("gb18030", "|"), ("utf-16-be", ",")]
)
@pytest.mark.filterwarnings("ignore::simlib.errors.InputNote")
def test_encodings_and_separators_are_found(tmp_path: Path, encoding: str, sign: str) -> None:
    text = "某市医疗保障局\n" + "\n".join(
        (HEAD, "A1,示例药片,药品,乙类,10 %,12.5,盒,2024年1月1日,长期", "合计,,,,,,,,")
    )
    text = ("\ufeff" if encoding == "utf-16-be" else "") + text.replace(",", sign)
    (tmp_path / "x.csv").write_bytes(text.encode(encoding))
    found = itemlists.read(tmp_path / "x.csv")
    assert found.code.tolist() == ["A1"] and found.name.tolist() == ["示例药片"] and found.share.tolist() == [100_000]


def pair(folder: Path, first: str, second: str) -> scenario.Scenario:
    """Return a scenario over two lists, one of Shanghai and one of Jiangsu."""
    for name, rows in (("a.csv", first), ("b.csv", second)):
        (folder / name).write_text(f"{HEAD}\n{rows}\n", encoding="utf-8")
    text = "title: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\nyear: 2024\ncatalogues: {上海: a.csv, 江苏: b.csv}\n"
    (folder / "root.yaml").write_text(text, encoding="utf-8")
    return scenario.load(folder / "root.yaml")


def rows(number: int, cell: str = "C{},n,consumable,乙,0.1,100,box,,") -> str:
    return "\n".join(cell.format(i) for i in range(number))


def test_lists_that_fit_together_are_read_without_a_word(tmp_path: Path) -> None:
    every = "\n".join([rows(9), rows(9, "D{},n,drug,乙,0.1,100,box,,"), rows(9, "S{},n,service,甲,,10,次,,")])
    of = pair(tmp_path, every, every)
    assert checks.lists(of) == ()
    assert headline._lists(of) == "loaded for 310000, 320000; elsewhere synthetic (assumed)"


def test_what_cannot_be_joined_is_said_with_its_numbers(tmp_path: Path) -> None:
    old = rows(59, "C{},n,consumable,乙,0.1,100,box,2020-01-01,2021-12-31")
    of = pair(tmp_path, f"{old}\nC99,n,consumable,乙,0.1,100,box,,", rows(60))
    said = " ".join(checks.lists(of))
    assert "1 of 60 consumable codes are valid on 2024-07-01; others count as unlisted" in said
    assert "0 of 60 consumable codes are on another list too" in said and "no drug is valid" in said
    assert headline._lists(of).startswith("loaded for 310000 (consumable), 320000 (consumable);")


def test_a_price_by_the_box_is_never_compared_with_one_by_the_piece(tmp_path: Path) -> None:
    """Ceilings by the box against ceilings by the piece once gave +31.5 % fund payment where 0 is right."""
    of = pair(tmp_path, rows(9), rows(9, "C{},n,consumable,乙,0.1,5,piece,,") + "\nC9,n,consumable,甲,,8,box,,")
    assert "9 codes are capped by two units, C0 for one: left out" in " ".join(checks.lists(of))
    a, b = (one for _, one in of.catalogues)
    found = agreement.compare(a, b)
    assert found.rows[-1]["not_compared"] == 9 and found.rows[-1]["unit_differs"] == 9
    assert [one["eligible_a"] for one in found.items if "unit" in one["differs"]] == [None] * 9


def test_a_drug_here_and_a_consumable_there_is_a_difference_and_left_out(tmp_path: Path) -> None:
    of = pair(tmp_path, rows(3), rows(2) + "\nC2,n,drug,乙,0.1,100,box,,")
    assert "1 codes stand in two categories, C2 for one: left out" in " ".join(checks.lists(of))
    a, b = (one for _, one in of.catalogues)
    assert [(one["code"], one["differs"]) for one in agreement.compare(a, b).items] == [("C2", ["category"])]


def test_zeros_that_one_list_has_lost_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"b\.csv:2:1: code: 1 codes without the zeros in front .* 1102 for 001102"):
        pair(tmp_path, "001102,n,service,甲,,10,次,,", "1102,n,service,甲,,10,次,,")


def test_a_sheet_of_a_workbook_can_be_named_in_a_scenario(tmp_path: Path) -> None:
    shutil.copy(INPUTS / "x03_sheets.xlsx", tmp_path / "x.xlsx")
    text = "title: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\nyear: 2024\ncatalogues: {上海: 'x.xlsx#诊疗'}\n"
    (tmp_path / "root.yaml").write_text(text, encoding="utf-8")
    assert len(scenario.load(tmp_path / "root.yaml").catalogues) == 1
