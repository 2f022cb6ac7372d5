"""A settlement sheet says by which rule each layer took what it took, in either language, and adds up."""

from __future__ import annotations

import json
import re
from itertools import pairwise, product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow import random_person

from simlib.benefits import area_rules, cases, pricing, sheet
from simlib.benefits.area_rules import Situation
from simlib.benefits.cases import Case
from simlib.files.shapes import Text
from simlib.files.texts import texts, worded
from simlib.terms import FILINGS

FOLDER = Path(__file__).parents[1] / "cases"
CASES = [case for path in sorted(FOLDER.glob("*.yaml")) for case in cases.load(path)]
GAP = next(case for case in CASES if pricing.benefit_gap(case) == -425_000)
HEILONGJIANG = next(case for case in CASES if worded(case.name, "en").startswith("Heilongjiang"))
YEARS = next(case for case in CASES if worded(case.name, "en").startswith("five visits"))
PERSONS = st.integers(0, 10**9).map(lambda seed: Case.model_validate(random_person(Random(seed))))


def explained(case: Case, lang: Any) -> str:
    return sheet.text([(case, pricing.settle(case))], explain=True, lang=lang)


def test_rows_are_tidy_and_in_yuan() -> None:
    rows = sheet.rows(GAP)
    assert list(rows[0]) == [
        "layer", "zh", "en", "saw_direct", "took_direct", "left_direct", "saw_claim", "took_claim", "left_claim",
    ]  # fmt: skip
    assert rows[2] == {
        "layer": "self_pay_b", "zh": "乙类先行自付", "en": "self-pay B",
        "saw_direct": 10_000.0, "took_direct": 3_000.0, "left_direct": 7_000.0,
        "saw_claim": 13_000.0, "took_claim": 1_000.0, "left_claim": 12_000.0,
    }  # fmt: skip
    assert (rows[-1]["left_direct"], rows[-1]["left_claim"]) == (5_185.0, 9_435.0)


@settings(max_examples=50)
@given(PERSONS)
def test_each_layer_sees_what_the_one_before_left_up_to_the_caps(case: Case) -> None:
    for number, priced in enumerate(pricing.settle(case)):
        rows = sheet.rows(case, number)
        fen = [[round(row[f"{word}_claim"] * 100) for word in ("saw", "took", "left")] for row in rows]
        assert all(saw - took == left for saw, took, left in fen)
        borne = [step for row, step in zip(rows, fen, strict=True) if row["layer"] in pricing.BORNE]
        assert borne[0][0] == priced.claim["bill"] and borne[-1][2] == priced.claim["basic"]
        assert all(before[2] == after[0] for before, after in pairwise(borne))
        assert {row["layer"] for row in rows} >= {name for name in sheet.SHOWN if priced.claim[name]}


@settings(max_examples=50)
@given(PERSONS)
def test_shares_add_up_to_the_bill(case: Case) -> None:
    for number, priced in enumerate(pricing.settle(case)):
        parts = [part for part in sheet.shares(case, number) if part["way"] == "direct"]
        assert round(sum(part["yuan"] for part in parts) * 100) == priced.direct["bill"]
        assert min(part["yuan"] for part in parts) >= 0


def test_json_holds_both_prices_and_what_is_unmet() -> None:
    wrong = GAP.model_copy(update={"expected": cases.Expected.model_validate({"benefit_gap": 1})})
    settled = [(wrong, pricing.settle(wrong)), (YEARS, pricing.settle(YEARS))]
    found, years = json.loads(json.dumps(sheet.as_json(settled, explain=True), allow_nan=False))
    assert found["direct"]["fund"] == 5_185.0 and found["claim"]["patient"] == 3_565.0
    assert found["benefit_gap"] == -4_250.0 and found["layers"] == sheet.rows(GAP)
    assert found["unmet"] == ["benefit_gap is -4,250.00 yuan, expected 1.00."]
    assert [visit["settled"] for visit in years["visits"]] == ["direct", "claim", "abandoned", "direct", "direct"]
    assert years["name"] == {"zh": YEARS.name.zh, "en": YEARS.name.en}
    assert [sheet.as_json(settled, lang=lang)[1]["name"] for lang in ("zh", "en")] == [YEARS.name.zh, YEARS.name.en]
    assert years["visits"][1]["benefit_gap"] == -1_840.0 and "layers" not in sheet.as_json(settled)[0]


def test_without_explanation_a_visit_is_a_line() -> None:
    settled = [(case, pricing.settle(case)) for case in (GAP, YEARS)]
    *heads, first, second = sheet.text(settled).splitlines()[:4]
    assert len(heads) == 2 and len(sheet.text(settled).splitlines()) == 2 + 1 + 5
    assert first.split()[:6] == ["13,000.00", "5,185.00", "7,815.00", "9,435.00", "3,565.00", "-4,250.00"]
    assert first.endswith(GAP.name) and second.endswith("[1] 2024-03-05")
    # A Chinese character takes two columns of a terminal, and two bytes in this encoding.
    zh = sheet.text(settled, lang="zh").splitlines()
    assert len(zh[0].encode("gbk")) == len(zh[1].encode("gbk")) == 6 * 18


def test_the_sheet_of_the_heilongjiang_bureau_in_either_language() -> None:
    zh, en = explained(HEILONGJIANG, "zh"), explained(HEILONGJIANG, "en")
    for words in (
        "来源：黑龙江省医疗保障局（ZAKER哈尔滨）",
        "，2020-06-05；证据等级：媒体报道\n",
        "乙类先行自付：乙类药品 5,000.00 × 10%；政策范围内费用 9,500.00 元",
        "目录外自费：无\n",
        "封顶线以上：无限额\n",
        "起付线 1,300 元，本次扣 1,300.00 元",
        "支付比例 80%：8,200.00 × 80% = 6,560.00 元由基金支付，个人负担 1,640.00 元",
        "个人负担 3,440.00 = 乙类先行自付 500.00 + 起付线 1,300.00 + 比例自付 1,640.00",
    ):
        assert words in zh
    for words in (
        "self-pay B: class B drugs 5,000.00 × 10 %; in scope 9,500.00",
        "over ceiling: none\n",
        "deductible 1,300 yuan: takes 1,300.00",
        "ratio 80 %: the fund pays 8,200.00 × 80 % = 6,560.00, the patient bears 1,640.00",
        "patient bears 3,440.00 = self-pay B 500.00 + deductible 1,300.00 + coinsurance 1,640.00",
        "source: Heilongjiang Medical Security Bureau (ZAKER Harbin), 2020-06-05; evidence: press\n",
    ):
        assert words in en
    assert "起付线 deductible: deductible 1,300 yuan" in explained(HEILONGJIANG, None)


def test_a_running_year_is_explained() -> None:
    zh, en = explained(YEARS, "zh"), explained(YEARS, "en")
    for words in (
        "第 2 次就诊，2024-05-10，住院，三级医院，转诊备案，实际结算方式 手工报销",
        "起付线 400 元（本年第 3 次住院），本次扣 400.00 元",
        "支付比例 85%（降 10 个百分点）：40,000.00 × 75% = 30,000.00 元由基金支付",
        "年度封顶线 50,000 元，已付 44,950.00，尚余 5,050.00；超出 24,950.00 元",
        "起付标准 8,000 元，本年累计由 15,050.00 至 50,400.00：8,000 元以上 35,350.00 × 65%；支付 16,970.00 元",
        "（年度限额 20,000 元，尚余 16,970.00）",
        "0–10,000 元段 9,000.00 × 70% + 10,000 元以上 21,000.00 × 80%",
    ):
        assert words in zh, words
    for words in (
        "visit 3, 2024-06-20, inpatient, tier-3 hospital, filed as referral, settled by abandoned: nothing reimbursed",
        "deductible 400 yuan (admission 3 of the year): takes 400.00",
        "cap of the year 50,000 yuan, 44,950.00 paid before, room 5,050.00: cuts 24,950.00",
        "personal account: balance 1,500.00 yuan: pays 1,500.00",
    ):
        assert words in en, words


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_sheet_is_in_one_language(lang: str) -> None:
    for case in CASES:
        if case.area is not None:  # it names its sources, in their own language
            continue
        shown = explained(case, lang)
        texts = [case.name, case.source, case.worked, *(visit.disease for visit in case.sequence)]
        texts += [item.what for visit in case.sequence for item in visit.bill] + ["ZAKER"]
        for plain in sorted({text for text in texts if isinstance(text, str)}, key=len, reverse=True):
            shown = shown.replace(plain, "")
        assert not re.search(r"[A-Za-z]{2}" if lang == "zh" else r"[\u2e80-\uffef]", shown), shown


def test_the_first_published_cases_are_in_both_languages() -> None:
    both = [case for case in CASES if isinstance(case.name, Text)]
    assert len(both) == 7 and {HEILONGJIANG.name, YEARS.name} <= {case.name for case in both}
    for case in both:
        texts = [case.source, case.worked, *(item.what for visit in case.sequence for item in visit.bill)]
        assert all(isinstance(text, Text) for text in texts if text is not None)


def test_a_rule_that_does_not_exist_is_one_word() -> None:
    line = {"what": "x", "amount": 100, "class": "甲"}
    case = Case.model_validate({"name": "a", "policy": {"deductible": 0, "ratio": 0.8}, "bill": [line]})
    assert re.findall(r"  (\S[^.]*: (?:none|no cap))$", explained(case, "en"), re.MULTILINE) == [
        "unlisted: none", "over ceiling: none", "self-pay B: none", "self-pay away: none", "deductible: none",
        "above cap: no cap",
    ]  # fmt: skip
    policy = {"deductible": {"amount": 0, "second": 9}, "ratio": 0.8, "cap": 0, "first_self_pay_away": 0.1}
    bill = [line | {"class": "乙", "self_pay": 0.1, "ceiling": 100}, line | {"what": "y", "class": "unlisted"}]
    told = explained(Case.model_validate({"name": "a", "policy": policy, "bill": bill}), "en")
    for words in (
        "unlisted: y 100.00",
        "over ceiling: x 100.00 − 100.00",
        "self-pay B: x 100.00 × 10 %; in scope 90.00",
        "self-pay away: 90.00 × 10 %",
        "deductible 0 yuan (admission 1 of the year): takes 0.00",
    ):
        assert words in told, words


def test_all_caps_of_a_disease_are_told() -> None:
    chronic = next(case for case in CASES if worded(case.name, "en").startswith("a chronic year"))
    month, year = "monthly cap of the disease 500 yuan, 0.00 paid before, room 500.00", "cap of the disease 2,300 yuan"
    assert f"{month}; {year}, 1,500.00 paid before, room 800.00: cuts 400.00" in explained(chronic, "en")


def test_a_named_area_says_where_its_numbers_come_from() -> None:
    line = {"what": "x", "amount": 20_000, "class": "甲"}
    raw = {
        "name": "a",
        "area": "杭州",
        "scheme": "employee",
        "date": "2024-03-05",
        "filing": "referral",
        "bill": [line],
    }
    told = explained(Case.model_validate(raw), "en")
    assert re.search(r"deductible 800 yuan: takes 800.00 \(Hangzhou, 20\d\d-\d\d, .*, evidence: official\)", told)
    assert "national default" in told


def away(area: str, scheme: str, filing: str, lang: str) -> str:
    """Return the line of layer 5 of an area's sheet."""
    bill = [{"what": "x", "amount": 20_000, "class": "甲"}]
    raw = {"name": "a", "area": area, "scheme": scheme, "date": "2024-03-05", "filing": filing, "bill": bill}
    lines = explained(Case.model_validate(raw), lang).splitlines()
    return next(line for line in lines if ("比例自付：" if lang == "zh" else "coinsurance: ") in line)


def test_what_was_done_with_a_number_of_a_named_area_is_said() -> None:
    for asked, zh, en in (
        (("Fuyang", "resident", "referral"), "异地规定：已含在该备案类型", "away rule: inside the ratio"),
        (("Gansu", "resident", "long_stay"), "与本地就医相同", "as at home"),
        (("Tianjin", "resident", "temporary"), "区间，取中值", "range, its middle shown"),
    ):
        assert zh in away(*asked, "zh") and en in away(*asked, "en")


def test_every_note_is_a_text() -> None:
    asked = product(area_rules.pools(), ("employee", "resident"), ("inpatient", "outpatient"), ("local", *FILINGS))
    found = {
        came.note
        for area, scheme, kind, filing in asked
        for _, came in area_rules.terms_of(area, Situation(scheme, kind, 3, filing, "2024-12"))[1]
    }
    assert {f"origin.note.{note}" for note in found - {""}} <= set(texts("zh"))


@settings(max_examples=30)
@given(PERSONS)
def test_whatever_the_policy_its_sheet_can_be_told(case: Case) -> None:
    assert all(len(explained(case, lang)) > 500 for lang in ("zh", "en", None))
