"""A bill is priced to the fen as the rules say, both ways, and a wrong case is refused with its place and remedy."""

import contextlib
import json
from dataclasses import fields
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from simlib import cases, sheet
from simlib.benefits import LAYERS, POLICY, Bill, settle
from simlib.cases import Case, price
from simlib.terms import BadInputError

FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
CASES = {f"{path.stem}: {case.name}": case for path in FILES for case in cases.load(path)}
SIDES = {"direct": "host", "claim": "home"}


RAW_CASES = {
    f"{path.stem}: {case['name']}": case for path in FILES for case in YAML(typ="safe", pure=True).load(path)["cases"]
}
"""Each shipped case as its file says it, read without simlib."""


# The slow version: written from the description of the layers, in yuan, sharing no code with simlib.


def dec(number) -> Decimal:
    return Decimal(str(number))


def slowly(case: dict, side: str, rounding=ROUND_HALF_UP, by_line: bool = False) -> dict[str, Decimal]:
    """Settle a case, as a file says it, layer by layer in decimal yuan."""
    policy = {name: dec(value) for name, value in case["policy"].items()}

    def cents(amount):
        return amount.quantize(Decimal("0.01"), rounding)

    out = dict.fromkeys(("bill", "unlisted", "over_ceiling", "self_pay_b"), Decimal(0))
    for line in case["bill"]:
        rule, amount = line.get(SIDES[side], line), dec(line["amount"])
        out["bill"] += amount
        if rule["class"] == "unlisted":
            out["unlisted"] += amount
        else:
            counted = min(amount, dec(rule["ceiling"])) if "ceiling" in rule else amount
            out["over_ceiling"] += amount - counted
            first = counted * dec(rule.get("self_pay", 0))
            out["self_pay_b"] += cents(first) if by_line else first
    out["self_pay_b"] = cents(out["self_pay_b"])
    open_ = out["bill"] - out["unlisted"] - out["over_ceiling"] - out["self_pay_b"]
    out["self_pay_away"] = cents(open_ * policy.get("first_self_pay_away", 0))
    open_ -= out["self_pay_away"]
    out["deductible"] = min(open_, policy["deductible"])
    open_ -= out["deductible"]
    ratio = max(policy["ratio"] - policy.get("points_off", 0), Decimal(0))
    before_cap = cents(open_ * ratio)
    out["coinsurance"] = open_ - before_cap
    out["fund"] = before_cap
    if "cap" in policy:
        out["fund"] = min(before_cap, max(policy["cap"] - dec(case.get("paid_this_year", 0)), Decimal(0)))
    out["above_cap"] = before_cap - out["fund"]
    out["patient"] = out["bill"] - out["fund"]
    return out


def quickly(case: dict, side: str) -> dict[str, Decimal]:
    """Return what simlib makes of the same case, in decimal yuan."""
    settled = price(Case.model_validate(case), SIDES[side])
    parts = {field.name: getattr(settled, field.name) for field in fields(settled)} | {"patient": settled.patient}
    return {name: Decimal(fen).scaleb(-2) for name, fen in parts.items()}


# Shipped cases


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_meets_every_expectation(case):
    assert cases.check(case) == []


@pytest.mark.parametrize("case", RAW_CASES.values(), ids=RAW_CASES)
def test_the_slow_version_meets_every_expectation_too(case):
    for side in SIDES:
        found = slowly(case, side)
        expected = {name: dec(value) for name, value in case["expected"].get(side, {}).items()}
        assert {name: found[name] for name in expected} == expected
        assert quickly(case, side) == found
    if "benefit_gap" in case["expected"]:
        gap = slowly(case, "direct")["fund"] - slowly(case, "claim")["fund"]
        assert gap == dec(case["expected"]["benefit_gap"])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_case_is_worked_by_hand_and_expects_something(case):
    assert case.worked
    assert case.expected.direct.fund is not None


def test_every_layer_form_is_met_by_some_case():
    assert len(set(CASES)) == sum(len(cases.load(path)) for path in FILES)
    gaps = [cases.benefit_gap(case) for case in CASES.values()]
    assert min(gaps) < 0 < max(gaps)
    for part in ("unlisted", "over_ceiling", "self_pay_b", "self_pay_away", "deductible", "coinsurance", "above_cap"):
        assert any(getattr(price(case, "host"), part) for case in CASES.values())


@pytest.mark.parametrize("other", [{"rounding": ROUND_HALF_EVEN}, {"by_line": True}], ids=["half-even", "by line"])
def test_cases_tell_the_rounding_from_others(other):
    pairs = [(raw, side) for raw in RAW_CASES.values() for side in SIDES]
    assert any(slowly(raw, side, **other) != slowly(raw, side) for raw, side in pairs)


# Any policy, any bill


def money(most: int):
    """Return amounts in yuan with at most two decimals."""
    return st.integers(0, most * 100).map(lambda fen: fen / 100)


SHARES = st.sampled_from([0, 0.05, 0.1, 0.25, 0.3, 0.5, 0.85, 1]) | st.integers(0, 10**6).map(lambda ppm: ppm / 10**6)
CEILINGS = st.fixed_dictionaries({}, optional={"ceiling": money(20_000)})
ENTRIES = (
    st.just({"class": "unlisted"})
    | CEILINGS.map(lambda more: {"class": "甲", **more})
    | st.tuples(SHARES, CEILINGS).map(lambda pair: {"class": "乙", "self_pay": pair[0], **pair[1]})
)
AMOUNTS = money(30_000) | st.integers(0, 9_999).map(lambda n: n / 100)
LINES = st.tuples(AMOUNTS, ENTRIES).map(lambda p: {"what": "x", "amount": p[0], **p[1]}) | st.tuples(
    AMOUNTS, ENTRIES, ENTRIES
).map(lambda p: {"what": "x", "amount": p[0], "host": p[1], "home": p[2]})
POLICIES = st.fixed_dictionaries(
    {"deductible": st.just(0) | money(3_000), "ratio": SHARES},
    optional={"cap": money(50_000), "first_self_pay_away": SHARES, "points_off": SHARES},
)
BILLS = st.lists(LINES, min_size=1, max_size=6)
UNHURRIED = settings(deadline=None)
"""The first call of a compiled rule takes seconds."""

RAW = st.fixed_dictionaries(
    {"name": st.just("x"), "policy": POLICIES, "bill": BILLS, "tier": st.sampled_from([1, 2, 3])},
    optional={"paid_this_year": money(60_000)},
)


@settings(max_examples=500, deadline=None)
@given(RAW)
def test_agrees_with_the_slow_version_to_the_fen(case):
    for side in SIDES:
        assert quickly(case, side) == slowly(case, side)


@UNHURRIED
@given(RAW)
def test_nothing_is_created_or_lost(case):
    for side in SIDES.values():
        settled = price(Case.model_validate(case), side)
        *patient, fund = [getattr(settled, field.name) for field in fields(settled)][1:]
        assert min(*patient, fund) >= 0
        assert sum(patient) == settled.patient
        assert settled.patient + fund == settled.bill


@UNHURRIED
@given(RAW)
def test_each_layer_sees_what_the_one_before_left(case):
    settled = price(Case.model_validate(case), "host")
    steps = list(settled.steps())
    assert steps[0].saw == settled.bill
    assert all(before.left == after.saw for before, after in pairwise(steps))
    assert all(step.saw - step.took == step.left >= 0 for step in steps)
    assert steps[-1].left == settled.fund


@UNHURRIED
@given(RAW)
def test_identical_lists_leave_no_gap(case):
    alike = [line | ({"home": line["host"]} if "host" in line else {}) for line in case["bill"]]
    assert cases.benefit_gap(Case.model_validate(case | {"bill": alike})) == 0


@UNHURRIED
@given(RAW)
def test_swapping_the_lists_turns_the_gap_round(case):
    swapped = [line | ({"home": line["host"], "host": line["home"]} if "host" in line else {}) for line in case["bill"]]
    there, back = Case.model_validate(case), Case.model_validate(case | {"bill": swapped})
    assert cases.benefit_gap(there) == -cases.benefit_gap(back)


@UNHURRIED
@given(RAW, st.randoms(use_true_random=False))
def test_the_order_of_lines_is_irrelevant(case, luck):
    shuffled = luck.sample(case["bill"], len(case["bill"]))
    again = Case.model_validate(case | {"bill": shuffled})
    for side in SIDES.values():
        assert price(Case.model_validate(case), side) == price(again, side)


@UNHURRIED
@given(RAW)
def test_a_line_with_one_class_is_a_line_with_it_twice(case):
    def twice(line):
        entry = {key: value for key, value in line.items() if key not in ("what", "amount")}
        return line if "host" in line else {"what": "x", "amount": line["amount"], "host": entry, "home": entry}

    again = Case.model_validate(case | {"bill": [twice(line) for line in case["bill"]]})
    assert sheet.rows(Case.model_validate(case)) == sheet.rows(again)


@UNHURRIED
@given(RAW)
def test_delisting_an_item_never_raises_what_the_fund_pays(case):
    delisted = [{"what": "x", "amount": case["bill"][0]["amount"], "class": "unlisted"}, *case["bill"][1:]]
    for side in SIDES.values():
        less = price(Case.model_validate(case | {"bill": delisted}), side)
        assert less.fund <= price(Case.model_validate(case), side).fund


@UNHURRIED
@given(
    total=st.integers(0, 10**11),
    cuts=st.lists(st.integers(0, 10**6), min_size=3, max_size=3),
    terms=st.tuples(*[st.integers(0, 10**6)] * 3),
    deductible=st.integers(0, 10**8),
    cap=st.integers(0, 10**11),
    paid=st.integers(0, 10**11),
)
def test_the_compiled_settle_agrees_with_the_slow_version(total, cuts, terms, deductible, cap, paid):
    """Up to 10^9 yuan, with a trace and without."""
    first, ratio, points = terms
    parts = np.array([total * cut // (3 * 10**6) for cut in cuts])
    policy = np.zeros((), dtype=POLICY)
    policy["ratio_ppm"], policy["deductible_fen"] = ratio, deductible
    policy["first_share_ppm"], policy["points_ppm"], policy["cap_fen"] = first, points, cap
    bill, trace = Bill(total, *parts.tolist()), np.zeros(len(LAYERS), dtype=np.int64)
    fund = settle(policy[()], bill, paid, trace)
    assert fund == settle(policy[()], bill, paid, None) == trace[-1]
    # One line for each part, and one for the rest, gives the slow version the same bill.
    unlisted, over, self_pay = (dec(fen).scaleb(-2) for fen in parts.tolist())
    lines = [
        {"amount": unlisted, "class": "unlisted"},
        {"amount": over, "class": "甲", "ceiling": 0},
        {"amount": self_pay, "class": "乙", "self_pay": 1},
        {"amount": dec(total).scaleb(-2) - unlisted - over - self_pay, "class": "甲"},
    ]
    shares = {"first_self_pay_away": first, "ratio": ratio, "points_off": points}
    slow_policy = {name: dec(ppm).scaleb(-6) for name, ppm in shares.items()}
    slow_policy |= {"deductible": dec(deductible).scaleb(-2), "cap": dec(cap).scaleb(-2)}
    slow = slowly({"policy": slow_policy, "paid_this_year": dec(paid).scaleb(-2), "bill": lines}, "direct")
    names = (
        "bill",
        "unlisted",
        "over_ceiling",
        "self_pay_b",
        "self_pay_away",
        "deductible",
        "coinsurance",
        "above_cap",
        "fund",
    )
    assert [dec(int(fen)).scaleb(-2) for fen in trace] == [slow[name] for name in names]


def test_a_settlement_takes_the_trace_in_its_order():
    renamed = {"ratio": "coinsurance", "cap": "above_cap"}
    assert [field.name for field in fields(cases.Settlement)] == [renamed.get(name, name) for name in LAYERS]
    assert list(sheet.NAMES) == [renamed.get(name, name) for name in LAYERS[1:-1]]


# What is shown

GAP = next(case for case in CASES.values() if cases.benefit_gap(case) == -425_000)


def test_rows_are_tidy_and_in_yuan():
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


def test_json_holds_both_prices_and_what_is_unmet():
    wrong = GAP.model_copy(update={"expected": cases.Expected.model_validate({"benefit_gap": 1})})
    found = json.loads(json.dumps(sheet.as_json([wrong]), allow_nan=False))[0]
    assert found["direct"]["fund"] == 5_185.0 and found["claim"]["patient"] == 3_565.0
    assert found["benefit_gap"] == -4_250.0 and found["layers"] == sheet.rows(GAP)
    assert found["unmet"] == ["benefit_gap is -4,250.00 yuan, expected 1.00."]


def test_says_every_expectation_that_is_not_met():
    expected = {"direct": {"fund": 5185, "patient": 1}, "claim": {"fund": 9435.01}, "benefit_gap": 4250}
    wrong = GAP.model_copy(update={"expected": cases.Expected.model_validate(expected)})
    assert cases.check(wrong) == [
        "direct.patient is 7,815.00 yuan, expected 1.00.",
        "claim.fund is 9,435.00 yuan, expected 9,435.01.",
        "benefit_gap is -4,250.00 yuan, expected 4,250.00.",
    ]


def test_the_terminal_text_is_aligned_and_says_what_each_layer_saw_took_and_left():
    name, *table, gap, worked = sheet.main_text([GAP]).splitlines()
    assert name == GAP.name and worked.endswith("5185 - 9435 = -4250.")
    # A Chinese character takes two columns of a terminal, and two bytes in this encoding.
    assert {len(line.encode("gbk")) for line in table} == {len(table[0])}
    assert table[3].split()[:3] == ["乙类先行自付", "self-pay", "B"]
    assert table[3].split()[3:] == ["10,000.00", "3,000.00", "7,000.00", "13,000.00", "1,000.00", "12,000.00"]
    assert table[-1].split()[-6:] == ["13,000.00", "7,815.00", "5,185.00", "13,000.00", "3,565.00", "9,435.00"]
    assert gap.strip().startswith("待遇差 benefit gap: -4,250.00")
    assert sheet.main_text(CASES.values()).count("\n\n") == len(CASES) - 1


# What is refused

HEAD = "cases:\n- name: a\n  policy: {deductible: 500, ratio: 0.8}\n  bill:\n"
GOOD = "  - {what: x, amount: 10, class: 甲}\n"


def item(line: str) -> str:
    """Return a file whose one line of a bill starts in line 5, column 5."""
    return f"{HEAD}  - {line}\n"


def case(line: str) -> str:
    """Return a file with a further key of the case, in line 6, column 3."""
    return f"{HEAD}{GOOD}  {line}\n"


def policy(line: str) -> str:
    """Return a file whose policy, in line 3, starts in column 11."""
    return f"cases:\n- name: a\n  policy: {line}\n  bill:\n{GOOD}"


BAD = {
    "negative amount": (
        item("{what: x, amount: -5, class: 甲}"),
        "5:23: cases.0.bill.0.amount: -5 yuan is below 0. Write a plain number in yuan between 0 and 1000000000.",
    ),
    "third decimal": (
        item("{what: x, amount: 12.345, class: 甲}"),
        "5:23: cases.0.bill.0.amount: 12.345 has more than 2 decimals. Write 12.35.",
    ),
    "too much": (
        item("{what: x, amount: 1000000000.01, class: 甲}"),
        "5:23: cases.0.bill.0.amount: 1000000000.01 yuan is above 1000000000. Write",
    ),
    "fen for yuan": (
        item("{what: x, amount: 1200000000, class: 甲}"),
        "5:23: cases.0.bill.0.amount: 1200000000 yuan is above 1000000000. Write a plain number in yuan between 0 "
        "and 1000000000; if you mean 1200000000 fen, write 12000000.",
    ),
    "not a number": (
        item("{what: x, amount: .nan, class: 甲}"),
        "5:23: cases.0.bill.0.amount: nan is not a finite number. Write",
    ),
    "infinite": (
        item("{what: x, amount: .inf, class: 甲}"),
        "5:23: cases.0.bill.0.amount: inf is not a finite number. Write",
    ),
    "yuan in words": (
        item("{what: x, amount: 1300元, class: 甲}"),
        "5:23: cases.0.bill.0.amount: found the text '1300元'. Write the plain number in yuan: 1300.",
    ),
    "true for an amount": (
        item("{what: x, amount: true, class: 甲}"),
        "5:23: cases.0.bill.0.amount: found true. Write a plain number in yuan",
    ),
    "no amount": (
        item("{what: x, class: 甲}"),
        "5:5: cases.0.bill.0.amount: missing. Write amount: yuan, such as 12.50.",
    ),
    "negative ceiling": (
        item("{what: x, amount: 10, class: 甲, ceiling: -1}"),
        "5:46: cases.0.bill.0.ceiling: -1 yuan is below 0.",
    ),
    "percent for a share": (
        item("{what: x, amount: 10, class: 乙, self_pay: 15}"),
        "5:47: cases.0.bill.0.self_pay: 15 is a share above 1. Write 0.15 if you mean 15 percent.",
    ),
    "negative share": (
        item("{what: x, amount: 10, class: 乙, self_pay: -0.1}"),
        "5:47: cases.0.bill.0.self_pay: -0.1 is a share below 0. Write a share between 0 and 1.",
    ),
    "share with a sign": (
        item("{what: x, amount: 10, class: 乙, self_pay: 15%}"),
        "5:47: cases.0.bill.0.self_pay: found the text '15%'. Write the plain number: 0.15.",
    ),
    "seventh decimal": (
        item("{what: x, amount: 10, class: 乙, self_pay: 0.3333333}"),
        "5:47: cases.0.bill.0.self_pay: 0.3333333 has more than 6 decimals. Write 0.333333.",
    ),
    "class A with self-pay": (
        item("{what: x, amount: 10, class: 甲, self_pay: 0.1}"),
        "5:47: cases.0.bill.0.self_pay: class 甲 has no first self-pay. Delete self_pay, or write class: 乙.",
    ),
    "class A with self-pay on one list": (
        item("{what: x, amount: 10, host: {class: 甲, self_pay: 0.1}, home: {class: 甲}}"),
        "5:54: cases.0.bill.0.host.self_pay: class 甲 has no first self-pay.",
    ),
    "class B without self-pay": (
        item("{what: x, amount: 10, class: 乙}"),
        "5:5: cases.0.bill.0.self_pay: missing. Class 乙 has a first self-pay share: write self_pay: 0.1",
    ),
    "class B without self-pay on one list": (
        item("{what: x, amount: 10, host: {class: 甲}, home: {class: 乙}}"),
        "5:51: cases.0.bill.0.home.self_pay: missing. Class 乙",
    ),
    "unlisted with self-pay": (
        item("{what: x, amount: 10, class: unlisted, self_pay: 0}"),
        "5:54: cases.0.bill.0.self_pay: the patient bears all of an unlisted item. Delete this",
    ),
    "unlisted with a ceiling": (
        item("{what: x, amount: 10, class: unlisted, ceiling: 5}"),
        "5:53: cases.0.bill.0.ceiling: the patient bears all of an unlisted item. Delete this",
    ),
    "unknown class": (
        item("{what: x, amount: 10, class: unlist}"),
        "5:34: cases.0.bill.0.class: found the text 'unlist'. Did you mean unlisted?",
    ),
    "class in Latin": (
        item("{what: x, amount: 10, class: A}"),
        "5:34: cases.0.bill.0.class: found the text 'A'. Expected one of 甲, 乙, unlisted.",
    ),
    "unknown category": (
        item("{what: x, amount: 10, class: 甲, category: drugs}"),
        "5:47: cases.0.bill.0.category: found the text 'drugs'. Did you mean drug?",
    ),
    "no class at all": (
        item("{what: x, amount: 10}"),
        "5:5: cases.0.bill.0.host: missing. Write class if both lists agree, else host and home",
    ),
    "one list only": (
        item("{what: x, amount: 10, host: {class: 甲}}"),
        "5:5: cases.0.bill.0.home: missing. Write class if both lists agree, else host and home",
    ),
    "class and host": (
        item("{what: x, amount: 10, class: 甲, host: {class: 甲}}"),
        "5:43: cases.0.bill.0.host: class already stands for both lists. Delete class, or host.",
    ),
    "self-pay outside the lists": (
        item("{what: x, amount: 10, self_pay: 0.1, host: {class: 甲}, home: {class: 甲}}"),
        "5:37: cases.0.bill.0.self_pay: has no class beside it. Write class, or move this under host and home.",
    ),
    "list without class": (
        item("{what: x, amount: 10, host: {self_pay: 0.1}, home: {class: 甲}}"),
        "5:33: cases.0.bill.0.host.class: missing. Write class: 甲, 乙 or unlisted.",
    ),
    "unknown key of a line": (
        item("{what: x, amount: 10, class: 甲, selfpay: 0.1}"),
        "5:37: selfpay: no such key. Did you mean self_pay?",
    ),
    "unknown key of a list": (
        item("{what: x, amount: 10, host: {class: 甲, ceilling: 5}, home: {class: 甲}}"),
        "5:44: ceilling: no such key. Did you mean ceiling?",
    ),
    "a word for a line": (item("drug"), "5:5: cases.0.bill.0: found the text 'drug'. Expected keys and values."),
    "more than a bill can be": (
        HEAD + "  - {what: x, amount: 600000000, class: 甲}\n" * 2,
        "5:3: cases.0.bill: adds up to 1,200,000,000.00 yuan. The most is 1000000000: split it into two cases.",
    ),
    "empty bill": (
        "cases:\n- name: a\n  policy: {deductible: 500, ratio: 0.8}\n  bill: []\n",
        "4:9: cases.0.bill: is empty. Write at least one entry, each after a dash.",
    ),
    "bill left blank": (
        "cases:\n- name: a\n  bill:\n  policy: {deductible: 500, ratio: 0.8}\n",
        "3:3: cases.0.bill: found nothing. Expected a list.",
    ),
    "no bill": (
        "cases:\n- name: a\n  policy: {deductible: 500, ratio: 0.8}\n",
        "2:3: cases.0.bill: missing. Write bill: a list of",
    ),
    "no policy": (
        f"cases:\n- name: a\n  bill:\n{GOOD}",
        "2:3: cases.0.policy: missing. Write policy: {deductible: 1300, ratio: 0.8}.",
    ),
    "no name": (
        f"cases:\n- policy: {{deductible: 500, ratio: 0.8}}\n  bill:\n{GOOD}",
        "2:3: cases.0.name: missing. Write name: ",
    ),
    "negative deductible": (
        policy("{deductible: -1, ratio: 0.8}"),
        "3:24: cases.0.policy.deductible: -1 yuan is below 0.",
    ),
    "percent for the ratio": (
        policy("{deductible: 500, ratio: 85}"),
        "3:36: cases.0.policy.ratio: 85 is a share above 1. Write 0.85 if you mean 85 percent.",
    ),
    "points as whole numbers": (
        policy("{deductible: 500, ratio: 0.8, points_off: 10}"),
        "3:53: cases.0.policy.points_off: 10 is a share above 1. Write 0.1 if you mean 10 percent.",
    ),
    "no ratio": (policy("{deductible: 500}"), "3:11: cases.0.policy.ratio: missing. Write ratio: the fund's share"),
    "unknown key of the policy": (
        policy("{deductable: 500, ratio: 0.8}"),
        "3:11: cases.0.policy.deductible: missing.",
    ),
    "bands": (
        policy("{deductible: 500, ratio: [0.8, 0.9]}"),
        "3:36: cases.0.policy.ratio: found a list. Write a share between 0 and 1.",
    ),
    "paid more than all": (
        case("paid_this_year: 1e12"),
        "6:19: cases.0.paid_this_year: 1e+12 yuan is above 1000000000.",
    ),
    "tier 4": (case("tier: 4"), "6:9: cases.0.tier: 4 is above 3, the most allowed."),
    "true for a tier": (case("tier: true"), "6:9: cases.0.tier: found true. Expected a whole number"),
    "a number for a text": (
        case("source: 2020"),
        "6:11: cases.0.source: found the number 2020. Expected text; put it in",
    ),
    "unknown scheme": (
        case("scheme: employe"),
        "6:11: cases.0.scheme: found the text 'employe'. Did you mean employee?",
    ),
    "unknown key of a case": (case("expect: {}"), "6:3: expect: no such key. Did you mean expected?"),
    "unknown price": (
        case("expected: {fund: 5}"),
        "6:14: fund: no such key. Expected one of direct, claim, benefit_gap.",
    ),
    "unknown part": (
        case("expected: {direct: {founds: 5}}"),
        "6:23: founds: no such key. Did you mean fund?",
    ),
    "negative expectation": (
        case("expected: {direct: {fund: -5}}"),
        "6:29: cases.0.expected.direct.fund: -5 yuan is below 0.",
    ),
    "gap finer than a fen": (
        case("expected: {benefit_gap: -0.005}"),
        "6:27: cases.0.expected.benefit_gap: -0.005 has more than 2 decimals. Write -0.01.",
    ),
    "a name of two lines": (
        case('source: "a\\nb"'),
        "6:11: cases.0.source: found a line break or hidden character (U+000A).",
    ),
    "a list at the top": ("- name: a\n", "1:1: the file: found a list. Expected keys and values."),
    "no cases": ("title: a\n", "1:1: cases: missing. Write cases: a list of {name, policy, bill}."),
    "empty cases": ("cases: []\n", "1:8: cases: is empty. Write at least one entry, each after a dash."),
    "one case, no list": ("cases: {name: a}\n", "1:8: cases: found keys and values. Expected a list."),
    "a tag": (item("{what: !x y, amount: 10, class: 甲}"), "5:12: a tag (!x) is not allowed."),
}


def faults(tmp_path: Path, text: str) -> list[str]:
    """Return what is said against a file, its folder left out."""
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError) as raised:
        cases.load(path)
    return [str(fault).removeprefix(f"{tmp_path}/x.yaml:") for fault in raised.value.faults]


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_refuses_with_place_and_remedy(tmp_path, text, expected):
    assert faults(tmp_path, text)[0].startswith(expected)


def test_says_one_thing_once(tmp_path):
    twice = {name for name, (text, _) in BAD.items() if len(faults(tmp_path, text)) > 1}
    assert twice == {"no cases", "unknown key of the policy"}


def test_says_all_faults_of_a_file_at_once(tmp_path):
    second = "- name: b\n  policy: {deductible: -1, ratio: 85}\n  bill:\n"
    wrong = "  - {what: x, amount: 1.001, class: 丙}\n  teir: 3\n"
    text = HEAD + GOOD + second + GOOD + wrong
    places = [fault.split(" ")[0] for fault in faults(tmp_path, text)]
    assert places == ["7:24:", "7:35:", "10:23:", "10:37:", "11:3:"]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("甲乙ab1.%-"),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["class", "amount", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def places_in(value, path=()):
    """Yield the way to every value of a document."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places_in(inner, (*path, key))


@settings(max_examples=200, deadline=None)
@given(st.data(), RAW, ANYTHING)
def test_whatever_stands_in_a_file_is_read_or_refused(tmp_path_factory, data, raw, odd):
    document = {"cases": [json.loads(json.dumps(raw))]}
    *way, last = data.draw(st.sampled_from([path for path in places_in(document) if path]))
    inner = document
    for key in way:
        inner = inner[key]
    inner[last] = odd
    path = tmp_path_factory.getbasetemp() / "odd.yaml"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    found = ()
    with contextlib.suppress(BadInputError):
        found = cases.load(path)
    json.dumps(sheet.as_json(found), allow_nan=False)


def test_a_case_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        GAP.paid_fen = 1


# The schema


def test_the_schema_takes_what_is_shipped():
    validator = jsonschema.Draft202012Validator(cases.json_schema())
    validator.check_schema(cases.json_schema())
    for path in FILES:
        validator.validate(YAML(typ="safe", pure=True).load(path))


@pytest.mark.parametrize(
    "name",
    ["negative amount", "percent for a share", "unknown class", "unknown key of a line", "unknown part", "no ratio",
     "tier 4", "empty bill", "yuan in words", "no cases", "unknown scheme"],
)  # fmt: skip
def test_the_schema_refuses_what_is_wrong(name):
    document = YAML(typ="safe", pure=True).load(BAD[name][0])
    assert not jsonschema.Draft202012Validator(cases.json_schema()).is_valid(document)
