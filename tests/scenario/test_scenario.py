"""A scenario says only what it changes; what it says wrong is refused with its place and remedy."""

import contextlib
import csv
import pickle
import random
import re
from pathlib import Path

import jsonschema
import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simlib.errors import BadInputError
from simlib.files import documents
from simlib.patients import areas
from simlib.quantities import checked, levers
from simlib.report import study
from simlib.scenario import scenario
from simlib.scenario.scenario import compile, load, reference
from simlib.study import folders

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
TITLE, QUESTION = "title: {zh: 题, en: Title}\n", "question: {zh: 问, en: Why}\n"
HEAD, TAIL = TITLE + QUESTION, QUESTION + "year: 2024\n"
PLACE = areas.load("provinces")
DELTA = PLACE.resolve("yangtze-delta")


def written(folder: Path, text: str, name: str = "x.yaml") -> Path:
    """Write a scenario file, beside a root with nothing in it."""
    (folder / "base.yaml").write_text(HEAD + "year: 2023\n", encoding="utf-8")
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path) -> list[str]:
    """Return what is said against a file, its folder left out."""
    with pytest.raises(BadInputError) as raised:
        load(path)
    return [str(fault).removeprefix(f"{path.parent}/") for fault in raised.value.faults]


def change(*lines: str, year: int = 2024) -> str:
    """Return a scenario with one change, whose lines start with line 7."""
    return f"extends: base.yaml\n{HEAD}year: {year}\nchanges:\n-\n" + "".join(f"  {line}\n" for line in lines)


def setting(line: str, where: str = "{}") -> str:
    """Return a scenario with one lever, in line 10 column 5."""
    return change("from: 2024-07", f"where: {where}", "set:", f"  {line}")


RULE = "catalogue.rule.service: either"
BAD_CHANGES = {
    "unknown lever": (
        setting("catalogue.rule.servce: either"),
        "10:5: catalogue.rule.servce: no such lever. Did you mean catalogue.rule.service?",
    ),
    "unheard-of lever": (
        setting("zzz: 1"),
        "10:5: zzz: no such lever. `simlib parameters` lists them.",
    ),
    "unknown number": (
        setting("catalogue.listed_service: 0.9"),
        "10:5: catalogue.listed_service: is an uncertain parameter that every draw varies, not a lever.",
    ),
    "fact": (
        setting("benefits.default_cap_employee: 1"),
        "10:5: benefits.default_cap_employee: is a fact, not a lever.",
    ),
    "share above 1": (
        setting("catalogue.reach.drug: 1.5"),
        "10:27: catalogue.reach.drug: 1.5 is a share above 1. Write 0.015 if you mean 1.5 percent.",
    ),
    "share below 0": (
        setting("catalogue.reach.drug: -0.1"),
        "10:27: catalogue.reach.drug: -0.1 is a share below 0. Write a share between 0 and 1.",
    ),
    "percent": (
        setting("catalogue.reach.drug: 15%"),
        "10:27: catalogue.reach.drug: found the text '15%'. Write the plain number: 0.15.",
    ),
    "share for yuan": (
        setting("benefits.cap_yuan: 0.85"),
        "10:24: benefits.cap_yuan: 0.85 yuan is below 10000. Write a plain number in yuan between 10000 and 10000000.",
    ),
    "wan for yuan": (
        setting("benefits.cap_yuan: 15"),
        "10:24: benefits.cap_yuan: 15 yuan is below 10000. Write a plain number in yuan between 10000 "
        "and 10000000; if you mean 15 万元, write 150000.",
    ),
    "fen for yuan": (
        setting("benefits.cap_yuan: 15000000"),
        "10:24: benefits.cap_yuan: 15000000 yuan is above 10000000. Write a plain number in yuan "
        "between 10000 and 10000000; if you mean 15000000 fen, write 150000.",
    ),
    "yuan in words": (
        setting("benefits.cap_yuan: 150000 yuan"),
        "10:24: benefits.cap_yuan: found the text '150000 yuan'. Write the plain number in yuan: 150000.",
    ),
    "wan in words": (
        setting("benefits.cap_yuan: 15万元"),
        "10:24: benefits.cap_yuan: found the text '15万元'. Write the plain number in yuan: 150000.",
    ),
    "percent for yuan": (
        setting("benefits.cap_yuan: 15%"),
        "10:24: benefits.cap_yuan: found the text '15%'. Write a plain number in yuan between",
    ),
    "true for a number": (
        setting("catalogue.reach.drug: true"),
        "10:27: catalogue.reach.drug: found true. Write a share",
    ),
    "list for a number": (
        setting("catalogue.reach.drug: [1]"),
        "10:27: catalogue.reach.drug: found a list. Write a share",
    ),
    "not a number": (
        setting("catalogue.reach.drug: .nan"),
        "10:27: catalogue.reach.drug: nan is not a finite number.",
    ),
    "infinite": (
        setting("benefits.cap_yuan: .inf"),
        "10:24: benefits.cap_yuan: inf is not a finite number.",
    ),
    "unknown choice": (
        setting("catalogue.rule.drug: hots"),
        "10:26: catalogue.rule.drug: found the text 'hots'. Did you mean host?",
    ),
    "yes for true": (
        setting("filing.free: yes"),
        "10:18: filing.free: found the text 'yes'. Write true or false",
    ),
    "one for true": (
        setting("filing.free: 1"),
        "10:18: filing.free: found the number 1. Write true or false",
    ),
    "nothing for a value": (
        setting("filing.free:"),
        "10:5: filing.free: found nothing. Write true or false",
    ),
    "unknown area": (
        setting(RULE, "{home: Shangahi}"),
        "8:17: home: Shangahi: no such place. Did you mean Shanghai?",
    ),
    "a city where provinces are areas": (
        setting(RULE, "{home: Hefei}"),
        "8:17: home: Hefei: part of Anhui in the geography provinces. Write Anhui, or at the top of the file",
    ),
    "one unknown area of two": (
        setting(RULE, "{host: [Shanghai, 上海是]}"),
        "8:28: host: 上海是: no such place. Did you mean 上海?",
    ),
    "unknown scheme": (
        setting("benefits.cap_yuan: 150000", "{scheme: employe}"),
        "8:19: scheme: employe: no such scheme. Did you mean employee?",
    ),
    "unknown kind": (
        setting(RULE, "{kind: dental}"),
        "8:17: kind: dental: no such kind. Expected one of inpatient",
    ),
    "axis the lever lacks": (
        setting("benefits.cap_yuan: 150000", "{host: Shanghai}"),
        "8:11: benefits.cap_yuan cannot be limited by host. It can be by home, scheme: delete host.",
    ),
    "unknown axis": (
        setting(RULE, "{hom: Shanghai}"),
        "8:11: hom: no such key. Did you mean home?",
    ),
    "empty list of areas": (
        setting(RULE, "{home: []}"),
        "8:17: where.home: is empty.",
    ),
    "nested list of areas": (
        setting(RULE, "{home: [[a]]}"),
        "8:18: where.home.0: found a list. Expected text",
    ),
    "no where": (
        change("from: 2024-07", "where:", f"set: {{{RULE}}}"),
        "8:3: where: found nothing. Expected keys",
    ),
    "a day": (
        change("from: 2024-07-01", f"set: {{{RULE}}}"),
        "7:9: from: found the text '2024-07-01'. A change starts and ends with a month: write 2024-07.",
    ),
    "one digit": (
        change("from: 2024-7", f"set: {{{RULE}}}"),
        "7:9: from: found the text '2024-7'. A change starts and ends with a month: write 2024-07.",
    ),
    "a year": (
        change("from: 2024", f"set: {{{RULE}}}"),
        "7:9: from: found the number 2024. Write a month as YYYY-MM",
    ),
    "month 13": (
        change("from: 2024-13", f"set: {{{RULE}}}"),
        "7:9: from: found the text '2024-13'. Write a month as",
    ),
    "before the horizon": (
        change("from: 2016-12", f"set: {{{RULE}}}"),
        "7:9: from: 2016-12 is outside the horizon. Write a month from 2017-01 to 2035-12.",
    ),
    "after the horizon": (
        change("from: 2024-07", "to: 2036-01", f"set: {{{RULE}}}"),
        "8:7: to: 2036-01 is outside the horizon.",
    ),
    "after the year": (
        change("from: 2025-01", f"set: {{{RULE}}}"),
        "7:9: from: 2025-01 is outside the horizon of this scenario, its year 2024. Write a "
        "month of 2024, or another year.",
    ),
    "before the year": (
        change("from: 2023-01", "to: 2023-12", f"set: {{{RULE}}}"),
        "7:9: from: 2023-01 to 2023-12 is outside the horizon of this scenario, its year 2024.",
    ),
    "to before from": (
        change("from: 2024-07", "to: 2024-06", f"set: {{{RULE}}}"),
        "8:7: to: 2024-06 is before from, 2024-07. Swap them?",
    ),
    "no from": (
        change(f"set: {{{RULE}}}"),
        "7:3: from: missing. Write from: YYYY-MM.",
    ),
    "no set": (
        change("from: 2024-07"),
        "7:3: set: missing. Write set: {lever: value}.",
    ),
    "empty set": (
        change("from: 2024-07", "set: {}"),
        "8:8: set: found nothing. Write levers and their values.",
    ),
    "list for set": (
        change("from: 2024-07", "set: [a]"),
        "8:8: set: found a list. Write levers and their values.",
    ),
    "unknown key of a change": (
        change("from: 2024-07", "until: 2024-08", f"set: {{{RULE}}}"),
        "8:3: until: no such key. Expected",
    ),
    "text for a change": (
        f"{HEAD}year: 2024\nchanges: [reform]\n",
        "4:11: found the text 'reform'. Write a change: from, where, set.",
    ),
}
BAD_HEADS = {
    "a list": (
        "- 1\n",
        "1:1: found a list. Write keys: title, question, year, changes.",
    ),
    "unknown key": (
        f"{HEAD}yaer: 2024\nyear: 2024\n",
        "3:1: yaer: no such key. Did you mean year?",
    ),
    "key of the model": (
        f"{HEAD}year: 2024\nsha256: x\n",
        "4:1: sha256: no such key.",
    ),
    "no year": (
        HEAD,
        "1:1: year: missing. Write year: 2024, for instance.",
    ),
    "no title": (
        TAIL,
        "1:1: title: missing. Write title: {zh: …, en: …}.",
    ),
    "no English": (
        "title: {zh: 题}\n" + TAIL,
        "1:8: title.en: missing. Write the title in English.",
    ),
    "year as text": (
        f"{HEAD}year: '2024'\n",
        "3:7: year: found the text '2024'. Expected a whole number, without quotes.",
    ),
    "true as year": (
        f"{HEAD}year: true\n",
        "3:7: year: found true. Expected a whole number",
    ),
    "year too late": (
        f"{HEAD}year: 2031\n",
        "3:7: year: 2031 is above 2030, the most allowed.",
    ),
    "year too early": (
        f"{HEAD}year: 2016\n",
        "3:7: year: 2016 is below 2017, the least allowed.",
    ),
    "geography": (
        f"{HEAD}year: 2024\ngeography: province\n",
        "4:12: geography: found the text 'province'. Did you mean provinces?",
    ),
    "changes as text": (
        f"{HEAD}year: 2024\nchanges: many\n",
        "4:10: changes: found the text 'many'. Expected a list. Write changes: a list of {from, set}.",
    ),
    "changes left empty": (
        f"{HEAD}year: 2024\nchanges:\n",
        "4:1: changes: found nothing. Expected a list.",
    ),
    "too many changes": (
        f"{HEAD}year: 2024\nchanges: [{'1, ' * 1001}]\n",
        "4:10: changes: 1001 entries. At most 1000: shorten it.",
    ),
    "number as title": (
        "title: {zh: 1, en: a}\n" + TAIL,
        "1:13: title.zh: found the number 1. Expected text",
    ),
    "empty title": (
        "title: {zh: '', en: a}\n" + TAIL,
        "1:13: title.zh: is empty.",
    ),
    "long title": (
        f"title: {{zh: 题, en: {'a' * 201}}}\n{TAIL}",
        "1:20: title.en: 201 characters. At most 200",
    ),
    "long question": (
        f"title: {{zh: 题, en: a}}\nquestion: {{zh: {'问' * 1001}, en: Why}}\nyear: 2024\n",
        "2:16: question.zh: 1001 characters. At most 1000",
    ),
    "two lines": (
        'title: {zh: 题, en: "a\\nb"}\n' + TAIL,
        "1:20: title.en: found a line break or hidden character (U+000A).",
    ),
    "bidi": (
        "title: {zh: 题, en: a\u202eb}\n" + TAIL,
        "1:20: a hidden character (U+202E) in the text. Delete it.",
    ),
    "number to extend": (
        f"extends: 1\n{HEAD}year: 2024\n",
        "1:10: extends: found the number 1. Expected text",
    ),
    "nothing to extend": (
        f"extends: bse.yaml\n{HEAD}",
        "1:10: extends: bse.yaml: no such file. Did you mean base.yaml?",
    ),
    "folder above": (
        f"extends: ../base.yaml\n{HEAD}",
        "1:10: extends: ../base.yaml leaves the folder of this file. Put it beside",
    ),
    "absolute path": (
        f"extends: /etc/passwd\n{HEAD}",
        "1:10: extends: /etc/passwd leaves the folder of this file.",
    ),
    "itself": (
        f"extends: x.yaml\n{HEAD}",
        "1:10: extends: goes in a circle: x.yaml -> x.yaml.",
    ),
}
BAD = BAD_CHANGES | BAD_HEADS


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_bad_input_is_named_with_its_place_and_remedy(tmp_path, text, expected):
    said = faults(written(tmp_path, text))
    assert said[0].startswith(f"x.yaml:{expected}")
    assert len(said) == 1


def test_two_changes_that_clash_name_both_lines(tmp_path):
    text = (
        f"extends: base.yaml\n{HEAD}year: 2024\nchanges:\n"
        f"- {{from: 2024-01, to: 2024-06, set: {{{RULE}}}}}\n"
        f"- {{from: 2024-06, where: {{home: 上海}}, set: {{{RULE}}}}}\n"
    )
    assert faults(written(tmp_path, text)) == [
        "x.yaml:7:44: catalogue.rule.service: also set in line 6 for the same place and month. "
        "Limit one of them by place or date, or delete it."
    ]
    load(written(tmp_path, text.replace("2024-06, where", "2024-07, where")))
    load(written(tmp_path, text.replace("to: 2024-06", "where: {home: 江苏}")))


def test_all_faults_of_a_file_come_at_once_and_in_order(tmp_path):
    text = f"extends: base.yaml\n{HEAD}yeer: 2024\nchanges:\n"
    text += "- {from: x, set: {a: 1}}\n- {from: 2023-01, set: {}}\n"
    assert [line.split(":")[1:3] for line in faults(written(tmp_path, text))] == [
        ["4", "1"], ["6", "10"], ["6", "19"], ["7", "24"],
    ]  # fmt: skip


def test_a_circle_is_refused_with_its_chain(tmp_path):
    for name, parent in (("a", "b"), ("b", "c"), ("c", "b")):
        written(tmp_path, f"extends: {parent}.yaml\n{HEAD}", f"{name}.yaml")
    assert faults(tmp_path / "a.yaml") == [
        "c.yaml:1:10: extends: goes in a circle: b.yaml -> c.yaml -> b.yaml. Let the first file extend none."
    ]


def test_a_chain_is_at_most_ten_deep(tmp_path):
    for i in range(12):
        written(tmp_path, f"extends: {i - 1}.yaml\n{HEAD}" if i else f"{HEAD}year: 2024\n", f"{i}.yaml")
    assert len(load(tmp_path / "10.yaml").lineage()) == 11
    assert faults(tmp_path / "11.yaml") == [
        "1.yaml:1:10: extends: more than 10 files deep. Extend a file nearer to the root."
    ]


def test_the_lines_of_a_scenario_are_those_of_its_files_the_root_first(tmp_path):
    changes = "changes: [{{from: 2024-0{0}, set: {{{1}}}}}]\n"
    written(tmp_path, f"{HEAD}year: 2024\n" + changes.format(1, "filing.free: true"), "root.yaml")
    written(tmp_path, f"extends: root.yaml\n{HEAD}", "bare.yaml")
    both = "codes.unified: 0.5, network.connected: 1"
    of = load(written(tmp_path, f"extends: bare.yaml\n{HEAD}" + changes.format(7, both)))
    every = [(change.start, lever, value) for change, lever, value in of.lines()]
    assert every[0] == ("2024-01", "filing.free", True)
    assert sorted(every[1:]) == [("2024-07", "codes.unified", 0.5), ("2024-07", "network.connected", 1.0)]
    assert [(change.start, lever, value) for change, lever, value in of.lines(root=False)] == every[1:]
    assert not [*load(tmp_path / "bare.yaml").lines(root=False)]


def test_a_link_that_leaves_the_folder_is_refused(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    written(tmp_path, f"{HEAD}year: 2024\n", "secret.yaml")
    (inside / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (inside / "loop.yaml").symlink_to(inside / "loop.yaml")
    assert "leaves the folder" in faults(written(inside, f"extends: link.yaml\n{HEAD}"))[0]
    assert "loop.yaml" in faults(written(inside, f"extends: loop.yaml\n{HEAD}"))[0]
    (inside / "near.yaml").symlink_to(inside / "base.yaml")
    assert load(written(inside, f"extends: near.yaml\n{HEAD}")).parent is not None


def test_a_parent_may_lie_in_a_subfolder_and_its_faults_name_it(tmp_path):
    (tmp_path / "sub").mkdir()
    written(tmp_path / "sub", f"{HEAD}year: 1\n", "old.yaml")
    assert faults(written(tmp_path, f"extends: sub/old.yaml\n{HEAD}"))[0].startswith(
        "sub/old.yaml:3:7: year: 1 is below"
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_load_and_satisfy_the_published_schema(path):
    schema = scenario.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(documents.read(path).data, schema)
    assert load(path).lineage()[0].name == "baseline"


REFUSED_BY_SCHEMA = (
    "unknown lever",
    "share above 1",
    "true for a number",
    "unknown choice",
    "a day",
    "unknown axis",
    "no set",
    "empty set",
    "unknown key",
    "no title",
    "year too late",
    "long title",
)


@pytest.mark.parametrize("name", REFUSED_BY_SCHEMA)
def test_the_published_schema_refuses_what_load_refuses(name):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(documents.parse(BAD[name][0], "x").data, scenario.json_schema())


def test_the_schema_has_one_property_for_each_lever():
    properties = scenario.json_schema()["properties"]["changes"]["items"]["properties"]["set"]["properties"]
    assert list(properties) == list(levers())
    assert all(levers()[name].unit in entry["description"] for name, entry in properties.items())


CHILD = change(
    "from: 2024-07",
    "to: 2024-09",
    "where: {home: yangtze-delta, host: 上海, kind: inpatient}",
    "set: {catalogue.rule.service: either, catalogue.reach.service: 0.5, filing.free: true}",
)


def test_compile_slices_place_and_months(tmp_path):
    done = compile(load(written(tmp_path, CHILD)), PLACE)
    rule, shanghai = done.values("catalogue.rule.service"), PLACE.resolve("上海")[0]
    assert rule.shape == (32, 32, 2, 4, 12)
    assert rule.dtype == np.int8
    assert (rule == 2).sum() == len(DELTA) * 1 * 2 * 1 * 3
    assert (rule[DELTA[0], shanghai, :, 0] == [0] * 6 + [2] * 3 + [0] * 3).all()
    elsewhere = ~np.eye(32, dtype=bool)[:, :, None, None, None]
    assert np.array_equal(done.touched, (rule == 2) & elsewhere)
    assert np.array_equal(done.touched, done.values("filing.free") & elsewhere)
    assert np.array_equal(done.touched, (done.values("catalogue.reach.service") == 0.5) & elsewhere)
    assert np.isnan(done.values("benefits.cap_yuan")).all()
    assert not compile(load(written(tmp_path, CHILD)), PLACE, year=2025).touched.any()
    with pytest.raises(LookupError, match=r"Did you mean catalogue\.rule\.drug"):
        done.values("catalogue.rule.drugs")


def test_a_child_wins_over_its_parent_where_both_set_a_lever(tmp_path):
    written(tmp_path, CHILD, "mother.yaml")
    text = CHILD.replace("base.yaml", "mother.yaml").replace("2024-09", "2024-07").replace("either", "both")
    done = compile(load(written(tmp_path, text)), PLACE)
    row = done.values("catalogue.rule.service")[DELTA[0], PLACE.resolve("上海")[0], 0, 0]
    assert row.tolist() == [0] * 6 + [3, 2, 2] + [0] * 3
    assert done.touched[DELTA[1], PLACE.resolve("上海")[0], 0, 0].tolist() == [False] * 6 + [True] * 3 + [False] * 3


def test_touched_takes_no_short_cut_and_leaves_the_root_out():
    by_name = {path.stem: load(path) for path in SHIPPED}
    baseline = compile(by_name["baseline"], PLACE)
    none, delta = (compile(by_name[name], PLACE) for name in ("no_change", "delta_mutual_recognition"))
    assert baseline.values("filing.free").any() and not baseline.touched.any()
    since = (..., slice(6, None))  # July, when the one begins; the other has begun in January
    assert np.array_equal(none.touched[since], delta.touched[since]) and none.touched.any()
    assert np.array_equal(none.values("catalogue.rule.service"), baseline.values("catalogue.rule.service"))


def test_the_reference_is_the_root_in_the_own_year():
    later = load(next(path for path in SHIPPED if path.stem == "delta_mutual_recognition_2027"))
    root = reference(later)
    assert (root.name, root.year, root.parent) == ("baseline", 2027, None)
    jing_jin_ji = np.ix_(PLACE.resolve("jing-jin-ji"), PLACE.resolve("jing-jin-ji"))
    free = compile(root, PLACE).values("filing.free")
    assert free[jing_jin_ji][:, :, :, [0, 1, 3]].all() and not free[:, :, :, 2].any()
    assert 4 * free.sum() == 3 * free[jing_jin_ji].size
    assert reference(root) == root


def test_a_year_and_geography_come_from_the_parent(tmp_path):
    child = load(written(tmp_path, f"extends: base.yaml\n{HEAD}"))
    assert (child.year, child.geography) == (2023, "provinces")
    assert [Path(path).name for path, _ in child.files()] == ["base.yaml", "x.yaml"]


def test_inherited_changes_may_lie_outside_the_year(tmp_path):
    written(tmp_path, CHILD, "mother.yaml")
    child = load(written(tmp_path, f"extends: mother.yaml\n{HEAD}year: 2025\n"))
    assert not compile(child, PLACE).touched.any()


def test_a_scenario_is_a_value(tmp_path):
    first, again = load(written(tmp_path, CHILD)), load(tmp_path / "x.yaml")
    assert first == again and hash(first) == hash(again) and len({first, again, reference(first)}) == 2
    copy = pickle.loads(pickle.dumps(first))  # noqa: S301
    assert copy == first and hash(copy) == hash(first)
    with pytest.raises(ValueError, match="frozen"):
        first.year = 2025
    done = pickle.loads(pickle.dumps(compile(first, PLACE)))  # noqa: S301
    with pytest.raises(ValueError, match="read-only"):
        done.touched[:] = True
    with pytest.raises(ValueError, match="read-only"):
        done.values("filing.free")[:] = True


def test_a_lever_that_cannot_be_limited_says_so(tmp_path):
    said = faults(written(tmp_path, setting("ledger.hospital.lag: 1", "{home: 上海}")))
    assert said[0].endswith("cannot be limited by home. It can be by host: delete home.")


def test_a_form_of_the_model_is_no_lever(tmp_path):
    said = faults(written(tmp_path, setting("response.form: price")))
    assert said[0].startswith("x.yaml:10:5: response.form: is a form, which --pin chooses, not a lever.")


def test_a_value_is_checked_by_the_range_and_unit_of_its_lever():
    with pytest.raises(ValueError, match="Write a plain number in months between 0 and 12"):
        checked(levers()["ledger.prepayment.months"], "soon")
    with pytest.raises(ValueError, match=r"a share above 1\. Write a share between 0 and 1"):
        checked(levers()["catalogue.reach.drug"], 1e6)


def shuffled(text: str, seed: int) -> str:
    """Return a text with a few pieces moved, doubled or lost."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 4)):
        i, j, k = (rng.randint(0, len(text)) for _ in range(3))
        text = rng.choice(
            [
                text[:i] + text[j:],
                text[:i] + text[j : j + 9] + text[i:],
                text[:k] + "[]:-0.'"[i % 7] + text[k:],
            ]
        )
    return text[:5000]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.text(), st.builds(shuffled, st.just(CHILD), st.integers(0, 2**32))))
@example('extends: "a\\0b"\n')
@example(f"extends: {'x' * 5000}\n")
@example("extends: .\n")
@example(setting("benefits.cap_yuan: " + "9" * 290))
@example(setting("benefits.cap_yuan: " + "9" * 4000))
@example(setting("? [benefits.cap_yuan]\n    : 1"))
def test_any_text_is_loaded_or_refused(tmp_path, text):
    path = written(tmp_path, text.encode("utf-8", "replace").decode())
    with contextlib.suppress(BadInputError):
        load(path)


def test_a_file_named_like_a_formula_makes_no_formula(beside_root: Path, tmp_path: Path) -> None:
    """A file =cmd.yaml once gave 15,973 formula cells in a workbook."""
    text = (SHIPPED[0].parent / "delta_mutual_recognition.yaml").read_text(encoding="utf-8")
    (beside_root / "=cmd.yaml").write_text(text, encoding="utf-8")
    of = scenario.load(beside_root / "=cmd.yaml")
    assert of.name == "_cmd"
    made = study.run([of], draws=2, people=1_000)
    folders.write(tmp_path / "out", made)
    folders.write_books(tmp_path / "out", made.runs)
    book = openpyxl.load_workbook(tmp_path / "out" / "books" / "workbook.xlsx")
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    formulas = [cell for cell in cells if cell.data_type == "f"]
    assert formulas and all(cell.value.startswith(("=SUM", "=ROUND", "=D")) for cell in formulas)
    for path in (tmp_path / "out").rglob("*.csv"):
        found = [cell for row in csv.reader(path.read_text(encoding="utf-8").splitlines()) for cell in row]
        assert not any(re.match(r"[=@\t\r]|[+-](?![0-9.])", cell) for cell in found), path


def test_what_many_extend_is_read_once(beside_root: Path) -> None:
    """Six files that each extend six of a floor below, nine floors: ten million ways down, sixty files."""
    for floor in range(10):
        below = "+".join(f"l{floor - 1}_{i}.yaml" for i in range(6)) if floor else "baseline.yaml"
        for i in range(6):
            own = f"changes: [{{from: 2024-01, where: {{home: {list(PLACE.codes)[i]}}}, set: {{filing.free: true}}}}]\n"
            text = f"extends: {below}\ntitle: {{zh: 题, en: T{floor} {i}}}\n{QUESTION}year: 2024\n"
            path = beside_root / f"l{floor}_{i}.yaml"
            path.write_text(text + (own if not floor else ""), encoding="utf-8")
    assert len(load(beside_root / "l9_0.yaml").lineage()) < 100


def test_many_equal_changes_are_told_by_the_first(beside_root: Path) -> None:
    one = "  - {from: 2024-07, set: {filing.free: true}}\n"
    path = beside_root / "x.yaml"
    path.write_text(f"extends: baseline.yaml\n{HEAD}year: 2024\nchanges:\n{one * 900}", encoding="utf-8")
    with pytest.raises(BadInputError) as raised:
        load(path)
    assert len(raised.value.faults) == documents.MAX_FAULTS


def test_money_of_a_lever_has_no_part_of_a_fen() -> None:
    lever = levers()["benefits.deductible_yuan.tier2"]
    assert checked(lever, 1000.05) == 1000.05
    with pytest.raises(ValueError, match=r"1000\.005 has more than 2 decimals\. Write 1000\.01\."):
        checked(lever, 1000.005)
