"""Real item lists: what is wrong with a file is named with its place; two lists compared; a scenario that uses them."""

from __future__ import annotations

import datetime
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import openpyxl
import pytest

from simlib import cli
from simlib.catalogue import baskets, itemlists
from simlib.catalogue.agreement import align, compare
from simlib.catalogue.baskets import CORE, DRUG, ITEMS, SERVICE
from simlib.catalogue.itemlists import COLUMNS, ItemList, read, read_spending
from simlib.errors import BadInputError
from simlib.files import cells, documents
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.simulation import kept, solve
from simlib.study import experiment
from simlib.terms import CATEGORIES, PPM

ROOT = Path(__file__).parents[2]
HEAD = ",".join(COLUMNS)
GOOD = "D1,synthetic drug,drug,甲,,12.5,box,2024-01-01,"
EAST, WEST = (ROOT / "scenarios" / "lists" / f"synthetic_{side}.csv" for side in ("east", "west"))
DAY = datetime.date(2024, 7, 1)


def written(folder: Path, *rows: str, head: str = HEAD, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(BadInputError) as raised:
        read(path)
    return [str(fault).removeprefix(f"{path.parent}/") for fault in raised.value.faults]


BAD = {
    "empty code": (GOOD.replace("D1", ""), "2:1: code: is empty. Fill it in."),
    "empty name": (GOOD.replace("synthetic drug", " "), "2:2: name: is empty."),
    "hidden": (
        GOOD.replace("synthetic", "syn\u202ethetic"),
        "2:2: name: a line break or hidden character (U+202E). Delete it.",
    ),
    "cut code": (GOOD.replace("D1", "1.204E+26"), "2:1: code: 1.204E+26: a spreadsheet has cut this code to 15 digits"),
    "long number": (GOOD.replace("D1", "1204000000000000.0"), "2:1: code: 1204000000000000.0: a spreadsheet has cut"),
    "long": (GOOD.replace("D1", "D" * 501), "2:1: code: 501 characters. At most 500: shorten it."),
    "category": (GOOD.replace("drug,甲", "drugs,甲"), "2:3: category: found the text 'drugs'. Did you mean drug?"),
    "no category": (
        GOOD.replace("drug,甲", ",甲"),
        "2:3: category: is empty. Expected one of drug, service, consumable.",
    ),
    "class": (GOOD.replace("甲", "甲类型"), "2:4: class: found the text '甲类型'. Did you mean 甲?"),
    "share of 甲": (GOOD.replace("甲,", "甲,0.1"), "2:5: share: 0.1 for class 甲, which has none."),
    "share of unlisted": (GOOD.replace("甲,", "unlisted,0.1"), "2:5: share: 0.1 for an unlisted item, which has none."),
    "no share of 乙": (GOOD.replace("甲", "乙"), "2:5: share: is empty for class 乙. Write its first self-pay share"),
    "share above 1": (
        f"{GOOD.replace('甲,', '乙,10')}\n{GOOD.replace('D1', 'D2').replace('甲,', '乙,0.1')}",
        "2:5: share: 10 is above 1, and others are shares. Write 10% or a share.",
    ),
    "above all": (GOOD.replace("甲,", "乙,101%"), "2:5: share: 101 is above 100, the most allowed."),
    "negative": (GOOD.replace("12.5", "-1"), "2:6: ceiling: -1 is below 0, the least allowed."),
    "nan": (GOOD.replace("12.5", "nan"), "2:6: ceiling: found the text 'nan'. Write a plain number"),
    "inf": (GOOD.replace("12.5", "inf"), "2:6: ceiling: found the text 'inf'. Write a plain number"),
    "exponent": (GOOD.replace("12.5", "1e3"), "2:6: ceiling: found the text '1e3'. Write a plain number"),
    "decimals": (GOOD.replace("12.5", "1.234"), "2:6: ceiling: 1.234 has 3 decimals. At most 2: round it."),
    "dear": (GOOD.replace("12.5", "1000000000.01"), "2:6: ceiling: 1000000000.01 is above 1000000000, the most"),
    "date": (GOOD.replace("2024-01-01", "spring"), "2:8: valid_from: found the text 'spring'. Write a day as"),
    "no such day": (GOOD.replace("2024-01-01", "2023-02-29"), "2:8: valid_from: 2023-02-29: no such day."),
    "backward": (f"{GOOD}2023-01-01", "2:9: valid_to: 2023-01-01 is before valid_from, 2024-01-01. Swap them?"),
    "short row": ("D1,a,drug", "2:1: found 3 cells, expected 9 as in the header."),
    "comma in a name": (GOOD.replace(" drug", ",drug"), "2:1: found 10 cells, expected 9 as in the header. A comma"),
    "quote": (f'{GOOD}\n"D2', "3:1: not CSV: unexpected end of data. Check the quotes"),
    "twice": (f"{GOOD}\n{GOOD}", "3:1: code: D1 is also in row 2, valid 2024-01-01 to now. Keep one, or let one end"),
}


@pytest.mark.parametrize(("row", "expected"), BAD.values(), ids=BAD)
def test_a_bad_cell_is_named_with_its_row_column_and_remedy(tmp_path: Path, row: str, expected: str) -> None:
    said = faults(written(tmp_path, row))
    assert len(said) == 1 and said[0].startswith(f"x.csv:{expected}"), said


HEADS = {
    "unknown": (HEAD.replace("share", "shares"), "1:5: shares: no such column. Did you mean share?"),
    "doubled": (f"{HEAD},code", "1:10: code: written twice, first in column 1. Keep one of them."),
    "missing": (HEAD.replace(",unit", ""), "1:9: missing: unit. Add to the header"),
    "two missing": (HEAD.replace("share", "shares").replace(",unit", ""), "1:5: shares: no such column."),
    "no items": (HEAD, "1:1: nothing stands below the header."),
}


@pytest.mark.parametrize(("head", "expected"), HEADS.values(), ids=HEADS)
def test_a_bad_header_is_named(tmp_path: Path, head: str, expected: str) -> None:
    said = faults(written(tmp_path, *(() if head == HEAD else (GOOD,)), head=head))
    assert said[0].startswith(f"x.csv:{expected}"), said
    assert len(said) == 1 + (expected.startswith("1:5") and "unit" not in head)


def test_a_bad_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    assert faults(path) == ["x.csv:1:1: no such file. Check the name and the folder you are in."]
    path.write_bytes(b"")
    assert faults(path)[0].startswith("x.csv:1:1: the file is empty. Start with a header row: code, name")
    path.write_bytes(f"{HEAD}\n".encode() + b"D1,\xff\xff,drug\n")
    assert faults(path)[0].startswith("x.csv:2:2: neither UTF-8 nor GB18030: byte 0xff at byte offset")
    (tmp_path / "x.xlsx").write_bytes(b"no zip")
    assert faults(tmp_path / "x.xlsx")[0].startswith("x.xlsx:1:1: not a workbook that can be read")
    (tmp_path / "x.xls").write_bytes(b"old")
    assert faults(tmp_path / "x.xls") == ["x.xls:1:1: found a name that ends in '.xls'. Open it and save it as .xlsx."]
    assert "not a file" in faults(tmp_path)[0]
    monkeypatch.setattr(cells, "MAX_ROWS", 2)
    assert faults(written(tmp_path, *(GOOD.replace("D1", f"D{i}") for i in range(3)))) == [
        "x.csv:4:1: more than 2 rows. Split the file."
    ]
    monkeypatch.setattr(cells, "MAX_BYTES", 10)
    assert "larger than 10 bytes" in faults(written(tmp_path, GOOD))[0]


def test_thousands_of_faults_are_counted_and_the_first_told(tmp_path: Path) -> None:
    said = faults(written(tmp_path, *(f"D{i},n,drug,丁,x,-1,box,," for i in range(3000))))
    assert len(said) == documents.MAX_FAULTS + 1
    assert said[0].startswith("x.csv:2:4: class") and said[3].startswith("x.csv:3:4: class")
    assert said[-1] == "x.csv: and 8,950 more faults. Mend these first."


def test_faults_of_several_columns_come_by_row(tmp_path: Path) -> None:
    said = faults(written(tmp_path, "D1,n,drug,甲,0.2,x,box,,", ",n,pill,甲,,,box,,"))
    assert [line.split(":")[1:3] for line in said] == [["2", "5"], ["2", "6"], ["3", "1"], ["3", "3"]]


def test_a_good_list_is_read_as_written(tmp_path: Path) -> None:
    path = written(
        tmp_path, " B,针,consumable,乙,0.125,0.05,支,,2024-06-30", "", "B,针,consumable,unlisted,,,支,2024-07-01,", GOOD
    )
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    found = read(path)
    assert found.code.tolist() == ["B", "B", "D1"] and found.share.tolist() == [125_000, 0, 0]
    assert found.ceiling.tolist() == [5, -1, 1250] and found.cls.tolist() == [1, 2, 0]
    assert found.category.tolist() == [2, 2, 0] and str(found.valid_to[0]) == "2024-06-30"
    assert found.rows(DAY) == {"B": 1, "D1": 2} and found.rows(datetime.date(2023, 1, 1)) == {"B": 0}
    assert found.rows(None) == {"B": 1, "D1": 2}
    copy = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert copy == found and hash(copy) == hash(found)
    with pytest.raises(ValueError, match="read-only"):
        copy.share[:] = 1


def workbook(folder: Path, *rows: list[Any], edit: Any = None) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (list(COLUMNS), *rows):
        sheet.append(row)
    if edit:
        edit(book, sheet)
    book.save(folder / "x.xlsx")
    return folder / "x.xlsx"


ROW = ["D1", "synthetic drug", "drug", "乙", 0.1, 12.5, "box", datetime.date(2024, 1, 1), None]


def changed(**cells: Any) -> list[Any]:
    return [cells.get(name, cell) for name, cell in zip(COLUMNS, ROW, strict=True)]


def test_a_workbook_is_read_as_a_csv_file_is(tmp_path: Path) -> None:
    second = changed(code="D2", share=0.1 + 0.2, ceiling=1200, valid_from="2024-01-01")
    found = read(workbook(tmp_path, ROW, [None] * 9, second, edit=lambda book, _: book.create_sheet("empty")))
    plain = read(written(tmp_path, GOOD.replace("甲,", "乙,0.1"), GOOD.replace("D1", "D2").replace("甲,", "乙,0.3")))
    for name in ("code", "share", "valid_from", "valid_to", "category"):
        assert (getattr(found, name) == getattr(plain, name)).all()
    assert found.ceiling.tolist() == [1250, 120_000]


BOOKS = {
    "formula": (changed(ceiling="=1+1"), "2:6: ceiling: found a formula. Paste its value"),
    "error": (changed(ceiling="#N/A"), "2:6: ceiling: found an error such as #N/A."),
    "text for a number": (changed(share="a tenth"), "2:5: share: found the text 'a tenth'. Write a plain number"),
    "yes for a number": (changed(ceiling=True), "2:6: ceiling: found True. Write a number."),
    "number for a code": (
        changed(code=12),
        "2:1: code: found 12, which is no text: zeros in front are lost. Read the original in as text.",
    ),
    "huge": (changed(ceiling=1e300), "2:6: ceiling: found the text '1e+300'. Write a plain number"),
    "tiny": (changed(share=1e-9), "2:5: share: 0.000000001000000 has 9 decimals. At most 6"),
    "number for a day": (changed(valid_to=4.5), "2:9: valid_to: found 4.5. Write a day, as a date without time"),
    "time of day": (changed(valid_to=datetime.datetime(2024, 1, 2, 3)), "2:9: valid_to: found 2024-01-02 03:00:00."),
}


@pytest.mark.parametrize(("row", "expected"), BOOKS.values(), ids=BOOKS)
def test_a_bad_cell_of_a_workbook_is_named(tmp_path: Path, row: list[Any], expected: str) -> None:
    said = faults(workbook(tmp_path, row))
    assert len(said) == 1 and said[0].startswith(f"x.xlsx:{expected}"), said


def test_a_bad_workbook_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path, ROW, changed(code="D2"), edit=lambda _, sheet: sheet.merge_cells("G2:G3"))
    assert faults(path) == ["x.xlsx:2:7: merged cells G2:G3. Unmerge them and fill each cell."]
    path = workbook(tmp_path, ROW, edit=lambda book, _: book.create_sheet("two").append(list(COLUMNS)))
    assert faults(path) == ["x.xlsx:1:1: 2 sheets with such a table: Sheet, two. Name one: x.xlsx#Sheet."]
    assert faults(workbook(tmp_path, [*ROW, "x"]))[0].startswith("x.xlsx:2:1: found 10 cells, expected 9")


def test_a_zip_bomb_and_entities_are_refused(tmp_path: Path) -> None:
    for content, words in ((b"0" * 20_000_000, "too much for its size"), (b"<!DOCTYPE x>", "declares entities")):
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/worksheets/sheet1.xml", content)
        (tmp_path / "x.xlsx").write_bytes(memory.getvalue())
        assert words in faults(tmp_path / "x.xlsx")[0]


def test_identical_lists_do_not_differ() -> None:
    found = compare(read(EAST), read(EAST))
    assert not found.items
    for row in found.rows:
        assert row["mismatch"] == row["mean_difference"] == row["only_a"] == row["class_differs"] == 0


def test_a_comparison_the_other_way_round_swaps_sides() -> None:
    one, other = compare(read(EAST), read(WEST), DAY), compare(read(WEST), read(EAST), DAY)
    swap = {"on_a": "on_b", "only_a": "only_b", "eligible_a": "eligible_b"}
    swap |= {b: a for a, b in swap.items()}
    for row, back in zip(one.rows, other.rows, strict=True):
        assert all(value == back[swap.get(key, key)] for key, value in row.items())
    assert one.rows[-1]["mismatch"] > 0 and len(one.items) == len(other.items)


def test_a_comparison_of_two_small_lists_by_hand(tmp_path: Path) -> None:
    a = read(
        written(tmp_path, "A,n,drug,乙,0.1,100,box,,", "B,n,drug,甲,,,box,,", "C,n,service,甲,,,x,,", name="a.csv")
    )
    b = read(written(tmp_path, "A,n,drug,乙,0.2,80,box,,", "B,n,drug,甲,,,bag,,", name="b.csv"))
    drug, service, consumable, every = compare(a, b).rows
    assert (drug["share_differs"], drug["ceiling_differs"], drug["unit_differs"], drug["class_differs"]) == (1, 1, 1, 0)
    assert drug["mean_difference"] == pytest.approx((0.9 - 0.8 * 0.8) / 2) and drug["mismatch"] == 0.5
    assert service["only_a"] == 1 and service["mismatch"] == 1 and consumable["mismatch"] is None
    assert every["both"] == 2
    found = compare(a, b, spend={"A": 1.0, "B": 3.0, "Z": 4.0})
    assert found.rows[0]["mismatch"] == 0.25 and found.rows[1]["mismatch"] is None
    assert "4.00 yuan of 8.00" in found.weights and "higher ceiling" in found.assumed
    assert [(item["code"], item["differs"]) for item in found.items] == [
        ("A", ["share", "ceiling"]), ("B", ["unit"]), ("C", ["only_a"]),
    ]  # fmt: skip


def test_spending_is_read_and_checked(tmp_path: Path) -> None:
    assert read_spending(written(tmp_path, "A,1.5", "B,2", head="code,yuan")) == {"A": 1.5, "B": 2.0}
    with pytest.raises(BadInputError, match=r"x\.csv:3:1: code: also in row 2\. Add the two up\."):
        read_spending(written(tmp_path, "A,1", "A,x", head="code,yuan"))


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["catalogue", "check", str(EAST), str(WEST)]) == 0
    assert "synthetic_east.csv: fine, 62 rows, sha256" in capsys.readouterr().out
    assert cli.main(["catalogue", "compare", str(EAST), str(WEST), "--items", "2"]) == 0
    printed = capsys.readouterr().out
    assert "every item weighs the same" in printed and "the 2 largest first" in printed and "耗材" in printed
    spent = written(tmp_path, "SYN-D001,10", head="code,yuan")
    command = ["catalogue", "compare", str(EAST), str(WEST), "--date", "2024-07-01", "--spend", str(spent), "--json"]
    assert cli.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["category"] for row in found["rows"]] == [*CATEGORIES, "all"] and found["date"] == "2024-07-01"
    assert len(found["a"]["sha256"]) == 64 and found["items"][0]["code"] == "SYN-D001"
    bad = written(tmp_path, "D1", name="bad.csv")
    assert cli.main(["catalogue", "check", str(EAST), str(bad), "--json"]) == 2
    assert "bad.csv:2:1" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["catalogue", "compare", str(EAST), str(WEST), "--date", "July"])


HEADER = "title: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\n"


def root(folder: Path, lists: str, name: str = "root.yaml") -> Path:
    path = folder / name
    path.write_text(f"{HEADER}year: 2024\ncatalogues: {lists}\n", encoding="utf-8")
    return path


def said(path: Path) -> list[str]:
    with pytest.raises(BadInputError) as raised:
        scenario.load(path)
    return [str(fault).removeprefix(f"{path.parent}/") for fault in raised.value.faults]


WRONG = {
    "unknown area": ("{shanghia: x.csv}", "4:14: catalogues: shanghia: no such place. Did you mean Shanghai?"),
    "a region": ("{长三角: x.csv}", "4:14: catalogues: 长三角: found 4 areas. Give each area a line"),
    "an area twice": ("{上海: x.csv, '310000': x.csv}", "4:25: catalogues: 310000: the same area as 上海."),
    "no such list": ("{上海: y.csv}", "y.csv:1:1: no such file."),
    "outside": ("{上海: ../x.csv}", "4:18: catalogues: ../x.csv leaves the folder of this file."),
    "absolute": ("{上海: /etc/passwd}", "4:18: catalogues: /etc/passwd leaves the folder of this file."),
    "a number": ("{上海: 1}", "4:18: catalogues.上海: found the number 1. Expected text"),
    "a list": ("[x.csv]", "4:13: catalogues: found a list. Expected keys and values."),
    "empty": ("{}", "4:13: catalogues: is empty."),
    "out of date": ("{上海: old.csv}", "4:1: catalogues: old.csv: no item is valid on 2024-07-01, the day"),
}


@pytest.mark.parametrize(("lists", "expected"), WRONG.values(), ids=WRONG)
def test_wrong_catalogues_of_a_scenario_are_named(tmp_path: Path, lists: str, expected: str) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, f"{GOOD}2024-06-30", name="old.csv")
    found = said(root(tmp_path, lists))
    assert len(found) == 1 and found[0].startswith(expected if expected[0] == "y" else f"root.yaml:{expected}"), found


def test_only_a_root_names_lists_and_all_its_faults_come_at_once(tmp_path: Path) -> None:
    written(tmp_path, f"{GOOD}2024-12-31")
    root(tmp_path, "{上海: x.csv}")
    child = tmp_path / "child.yaml"
    child.write_text(f"extends: root.yaml\n{HEADER}catalogues: {{上海: x.csv}}\n", encoding="utf-8")
    assert said(child) == [
        "child.yaml:4:1: catalogues: lists are in force, not a change of policy. Write them in the root, root.yaml."
    ]
    child.write_text(f"extends: root.yaml\n{HEADER}year: 2025\n", encoding="utf-8")
    assert said(child)[0].startswith("child.yaml:4:7: year: x.csv: no item is valid on 2025-07-01")
    written(tmp_path, "D1,n,pill,甲,,,box,,", name="bad.csv")
    assert [line.split(":")[0] for line in said(root(tmp_path, "{nowhere: x.csv, 上海: bad.csv}"))] == [
        "root.yaml", "bad.csv",
    ]  # fmt: skip


def test_roots_that_differ_only_in_a_list_are_told_apart(tmp_path: Path) -> None:
    roots = []
    for name, price in (("one", "12.5"), ("two", "13.5"), ("three", "12.5")):
        (tmp_path / name).mkdir()
        written(tmp_path / name, GOOD.replace("12.5", price))
        roots.append(scenario.load(root(tmp_path / name, "{上海: x.csv}", f"{name}.yaml")))
    how = {"draws": 2, "seed": 0, "people": 1000, "jobs": 1}
    experiment.check([roots[0], roots[2]], **how)
    with pytest.raises(BadInputError, match="different roots"):
        experiment.check(roots[:2], **how)


def test_a_scenario_carries_its_lists_and_their_hashes() -> None:
    found = scenario.load(ROOT / "scenarios" / "synthetic_lists.yaml")
    assert found.catalogues == () and [code for code, _ in scenario.reference(found).catalogues] == ["310000", "340000"]
    names = [Path(path).name for path, _ in found.files()]
    assert names == ["baseline.yaml", "synthetic_lists.yaml", "synthetic_east.csv", "synthetic_west.csv"]
    assert pickle.loads(pickle.dumps(found)) == found and hash(found)  # noqa: S301
    data = documents.read(ROOT / "scenarios" / "lists" / "baseline.yaml").data
    jsonschema.validate(data, scenario.json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data | {"extends": "x.yaml"}, scenario.json_schema())


Real = tuple[tuple[str, ItemList], ...]


@pytest.fixture(scope="module")
def real() -> Real:
    return ("310000", read(EAST)), ("340000", read(WEST))


def test_real_lists_replace_generated_ones_and_the_core_stays(
    place: areas.Place, parameters: solve.ParameterDraw, real: Real
) -> None:
    before = baskets.generate(place, parameters.values, 5, 0)
    after = baskets.generate(place, parameters.values, 5, 0, real, DAY)
    assert (after.basket == before.basket).all() and (after.order == before.order).all()
    assert (after.parts.sum(axis=-1) == PPM).all() and (after.parts >= 0).all()
    both, east = align(tuple(one for _, one in real), DAY), place.index("310000")
    for category in range(len(CATEGORIES)):
        core = slice(category * ITEMS, category * ITEMS + CORE)
        assert (after.parts[:, core] == before.parts[:, core]).all()
        rest = slice(category * ITEMS + CORE, (category + 1) * ITEMS)
        true = {tuple(row) for row in both.parts(np.flatnonzero(both.category == category))[0]}
        assert {tuple(row) for row in after.parts[east, rest]} == true


def test_provinces_without_a_list_copy_the_first_real_one(
    place: areas.Place, parameters: solve.ParameterDraw, real: Real
) -> None:
    held = {"catalogue.listed_service": 0.85, "catalogue.agree_service": 0.95}
    v = {q: np.array([held[q.id]]) if q.id in held else x for q, x in parameters.values.items()}
    rest = slice(SERVICE * ITEMS + CORE, (SERVICE + 1) * ITEMS)
    draws = [baskets.generate(place, v, 5, d, real, DAY).parts[:, rest, 0] == 0 for d in range(30)]
    east, one, two = (place.index(code) for code in ("310000", "440000", "510000"))
    floor = 0.85**2 + 0.15**2
    copied = ((0.95 - CORE / ITEMS) / (1 - CORE / ITEMS) - floor) / (1 - floor)
    listed = np.mean([draw[east] for draw in draws])
    by_chance = listed * 0.85 + (1 - listed) * 0.15
    for province in (one, two):
        agreement = np.mean([draw[east] == draw[province] for draw in draws])
        np.testing.assert_allclose(agreement, copied**0.5 + (1 - copied**0.5) * by_chance, atol=0.015)


def test_a_category_without_real_items_stays_generated(
    tmp_path: Path, place: areas.Place, parameters: solve.ParameterDraw
) -> None:
    drugs = read(written(tmp_path, *(f"D{i},n,drug,乙,0.1,,box,," for i in range(3))))
    before = baskets.generate(place, parameters.values, 5, 0).parts
    after = baskets.generate(place, parameters.values, 5, 0, (("310000", drugs),), DAY).parts
    assert (after[:, SERVICE * ITEMS :] == before[:, SERVICE * ITEMS :]).all()
    assert (after[place.index("310000"), DRUG * ITEMS + CORE : SERVICE * ITEMS, 2] == 0.1 * PPM).all()


def test_identical_real_lists_leave_no_gap_between_two_provinces(
    place: areas.Place, parameters: solve.ParameterDraw
) -> None:
    same = read(EAST)
    lists = baskets.generate(place, parameters.values, 5, 1, (("310000", same), ("340000", same)), DAY)
    own = baskets.cover(lists, lists.parts)
    assert (own[place.index("310000")] == own[place.index("340000")]).all()
    assert (own[place.index("310000")] != own[place.index("440000")]).any()


def test_every_draw_takes_other_items_where_there_are_many(
    tmp_path: Path, place: areas.Place, parameters: solve.ParameterDraw
) -> None:
    many = (("310000", read(written(tmp_path, *(f"D{i},n,drug,乙,{i / 1000},,box,," for i in range(400))))),)
    rest = slice(DRUG * ITEMS + CORE, (DRUG + 1) * ITEMS)
    one, two = (baskets.generate(place, parameters.values, 5, d, many, DAY).parts[8, rest, 2] for d in (0, 1))
    assert len(set(one)) == ITEMS - CORE and set(one) != set(two)


def test_no_mention_of_lists_changes_nothing(place: areas.Place, parameters: solve.ParameterDraw) -> None:
    assert (baskets.generate(place, parameters.values, 11, 3).parts == parameters.lists.parts).all()
    assert (baskets.generate(place, parameters.values, 11, 3, (), DAY).parts == parameters.lists.parts).all()


def test_a_draw_is_solved_on_real_lists(place: areas.Place) -> None:
    of = scenario.reference(scenario.load(ROOT / "scenarios" / "synthetic_lists.yaml"))
    parameters = kept.solved(of, 2, 0)
    again = baskets.generate(place, parameters.values, 2, 0, of.catalogues, itemlists.midyear(2024))
    assert (parameters.lists.parts == again.parts).all()
