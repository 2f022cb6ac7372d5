"""A case is read as its file says it, checked by what it expects, and refused with place and remedy if wrong."""

import contextlib
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from slow import Loader, random_person, read

from simlib.benefits import area_rules, cases, pricing, sheet
from simlib.benefits.area_rules import Situation
from simlib.benefits.cases import Case
from simlib.errors import BadInputError
from simlib.files.texts import LANGS, worded

FILES = sorted((Path(__file__).parents[1] / "cases").glob("*.yaml"))
CASES = {f"{path.stem}: {worded(case.name, 'en')}": case for path in FILES for case in cases.load(path)}
GAP = next(case for case in CASES.values() if pricing.benefit_gap(case) == -425_000)

# Shipped cases


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_meets_every_expectation(case):
    assert pricing.check(case) == []
    assert list(cases.warnings(case)) == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_case_is_worked_by_hand_and_expects_something(case):
    assert case.worked
    assert all(visit.expected.direct.model_fields_set for visit in case.sequence)
    assert (case.published == "no") == (case.source is None)


def test_every_layer_is_met_by_some_case():
    assert len(set(CASES)) == sum(len(cases.load(path)) for path in FILES)
    gaps = [pricing.benefit_gap(case) for case in CASES.values()]
    assert min(gaps) < 0 < max(gaps)
    done = [priced for case in CASES.values() for priced in pricing.settle(case)]
    for part in cases.PARTS:
        assert any(priced.direct[part] for priced in done), part


def test_a_case_marked_not_reproduced_must_not_come_out():
    marked = next(case for case in CASES.values() if case.not_reproduced)
    assert pricing.check(marked) == []
    fine = marked.model_copy(update={"expected": cases.Expected()})
    assert pricing.check(fine) == ["is marked not_reproduced, yet all it expects is met. Delete the mark."]


def test_says_every_expectation_that_is_not_met():
    expected = {"direct": {"fund": 5185, "patient": 1}, "claim": {"fund": 9435.01}, "benefit_gap": 4250}
    wrong = GAP.model_copy(update={"expected": cases.Expected.model_validate(expected)})
    assert pricing.check(wrong) == [
        "direct.patient is 7,815.00 yuan, expected 1.00.",
        "claim.fund is 9,435.00 yuan, expected 9,435.01.",
        "benefit_gap is -4,250.00 yuan, expected 4,250.00.",
    ]


def test_more_points_than_the_national_notice_allows_are_a_warning():
    raw = {"name": "a", "policy": {"deductible": 0, "ratio": 0.8, "points_off": 0.15}, "bill": [LINE]}
    said = "points_off 0.15 for referral is above 0.1, the most that is allowed."
    assert list(cases.warnings(Case.model_validate(raw | {"filing": "referral"}))) == [said]
    assert list(cases.warnings(Case.model_validate(raw | {"filing": "unfiled"}))) == []


# Named areas

LINE = {"what": "x", "amount": 20_000, "class": "甲"}
NAMED = {"name": "a", "area": "杭州", "scheme": "employee", "filing": "referral", "bill": [LINE]}


def test_a_named_area_has_the_terms_of_its_date_or_year():
    terms, _ = area_rules.terms_of("杭州", Situation("employee", "inpatient", 3, "referral", "2024-03"))
    for when in ({"date": "2024-03-05"}, {"year": 2024}):
        assert pricing.settle(Case.model_validate(NAMED | when))[0].terms == terms
    inline = {"policy": [{"deductible": terms.deductible.amount / 100, "ratio": 0.5}]}
    priced = pricing.settle(Case.model_validate({"name": "a", "bill": [LINE]} | inline))[0]
    assert priced.direct["deductible"] == 80_000


def test_a_named_area_follows_kind_tier_filing_member_and_disease():
    kinds = [{"tier": 1}, {"kind": "outpatient"}, {"filing": "unfiled"}, {"kind": "chronic", "disease": "糖尿病"}]
    for visit in kinds:
        raw = NAMED | {"date": "2024-03-05", "member": "retired"} | visit
        asked = {name: raw.get(name, other) for name, other in (("kind", "inpatient"), ("tier", 3), ("disease", ""))}
        asked |= {"filing": raw["filing"], "member": "retired", "month": "2024-03"}
        terms, _ = area_rules.terms_of("杭州", Situation("employee", **asked))
        assert pricing.settle(Case.model_validate(raw))[0].terms == terms


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


def visits(*lines: str) -> str:
    """Return a file with visits from line 5, column 5."""
    bill = "[{what: x, amount: 10, class: 甲}]"
    rest = "".join(f"  - {line.replace('BILL', bill)}\n" for line in lines)
    return f"cases:\n- name: a\n  policy: {{deductible: 500, ratio: 0.8}}\n  visits:\n{rest}"


BAD = {
    "bands with a gap": (
        policy("{deductible: 0, ratio: {count: net, bands: [{to: 10, ratio: 0.5}, {from: 20, ratio: 0.6}]}}"),
        "3:54: cases.0.policy.ratio.bands: band 2 leaves a gap: it starts at 20.00, the one before ends at 10.00.",
    ),
    "bands that overlap": (
        policy("{deductible: 0, ratio: {count: net, bands: [{to: 10, ratio: 0.5}, {from: 5, ratio: 0.6}]}}"),
        "3:54: cases.0.policy.ratio.bands: band 2 overlaps: it starts at 5.00",
    ),
    "bands gross or net": (
        policy("{deductible: 0, ratio: {bands: [{to: 10, ratio: 0.5}, {ratio: 0.6}]}}"),
        "3:34: cases.0.policy.ratio.count: missing. Several bands count",
    ),
    "a ratio of one item": (
        item("{what: x, amount: 10, class: 甲, ratio: 0.5}"),
        "5:37: ratio: a ratio of a single item is out of scope.",
    ),
    "a ratio by age": (
        policy("{deductible: 0, ratio: 0.8, ratio_by_age: 0.002}"),
        "3:39: ratio_by_age: a ratio by a formula of age is out of scope.",
    ),
    "civil servants": (
        case("civil_servant_subsidy: 0.5"),
        "6:3: civil_servant_subsidy: the civil-servant subsidy is out",
    ),
    "commercial cover": (case("commercial: 0.5"), "6:3: commercial: commercial cover is out of scope."),
    "no unit": (item("{what: x, amount: 10, class: 甲, quantity: 0}"), "5:47: cases.0.bill.0.quantity: 0 is below 1"),
    "a day that is not": (
        case("date: 2023-02-29"),
        "6:9: cases.0.date: found the text '2023-02-29'. There is no such day",
    ),
    "a date in another form": (
        case("date: 2023/2/9"),
        "6:9: cases.0.date: found the text '2023/2/9'. Write a date as YYYY-MM-DD: 2023-02-09.",
    ),
    "visits and a bill": (
        case("visits: [{date: 2024-01-05, bill: [{what: x, amount: 10, class: 甲}]}]"),
        "5:3: cases.0.bill: belongs to a visit. Move it under visits.",
    ),
    "visits in disorder": (
        visits("{date: 2024-02-01, bill: BILL}", "{date: 2024-01-31, bill: BILL}"),
        "6:12: cases.0.visits.1.date: 2024-01-31 is before the visit above, 2024-02-01. Write visits in order.",
    ),
    "a visit without a date": (visits("{bill: BILL}"), "5:5: cases.0.visits.0.date: missing. Write date: 2024-03-15"),
    "a visit without a bill": (
        visits("{date: 2024-02-01}"),
        "5:5: cases.0.visits.0.bill: missing. Write bill: a list of",
    ),
    "a ninth disease": (
        visits(*(f"{{date: 2024-02-01, kind: chronic, disease: d{n}, bill: BILL}}" for n in range(9))),
        "5:3: cases.0.visits: 9 diseases. At most 8 have limits of their own.",
    ),
    "months of a stay": (case("months: 3"), "6:11: cases.0.months: a stay dispenses nothing for months."),
    "unknown filing": (
        case("filing: refered"),
        "6:11: cases.0.filing: found the text 'refered'. Did you mean referral?",
    ),
    "points off at home": (
        policy("{deductible: 0, ratio: 0.8, points_off: 0.1}") + "  filing: local\n",
        "6:11: cases.0.filing: local, yet the policy has points_off. Write an entry of the policy with when:",
    ),
    "no disease to count": (
        policy("{deductible: 0, ratio: 0.8, disease_cap: 100}"),
        "2:3: cases.0.disease: missing. The policy counts by disease: write disease: its name.",
    ),
    "no entry that fits": (
        policy("[{when: {kind: chronic}, deductible: 0, ratio: 0.8}]"),
        "2:3: cases.0.kind: no entry of the policy fits this visit (kind inpatient, tier 3, filing None, date None).",
    ),
    "a dated entry without a date": (
        policy("[{deductible: 0, ratio: 0.8}, {when: {from: 2024-07}, deductible: 0, ratio: 0.7}]"),
        "2:3: cases.0.date: missing. The policy changes with the date: write date: 2024-03-15.",
    ),
    "paid twice": (
        case("paid_this_year: 5\n  used_this_year: {paid: 5}"),
        "6:19: cases.0.paid_this_year: stands for paid in used_this_year. Delete one of them.",
    ),
    "an area and a policy": (case("area: hangzhou"), "3:11: cases.0.policy: goes without area"),
    "no such area": (
        f"cases:\n- name: a\n  area: hangzho\n  scheme: employee\n  year: 2024\n  filing: local\n  bill:\n{GOOD}",
        "3:9: cases.0.area: hangzho: no such pooling area. Did you mean hangzhou?",
    ),
    "an area without scheme and filing": (
        f"cases:\n- name: a\n  area: hangzhou\n  year: 2024\n  bill:\n{GOOD}",
        "2:3: cases.0.scheme: missing. An area has a policy for each scheme: write scheme: employee or resident.",
    ),
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
        "2:3: cases.0.policy: missing. Write policy: {deductible: 1300, ratio: 0.8}, or area:",
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
    "a wrong ratio of a band": (
        policy("{deductible: {amount: 500}, ratio: {bands: [{ratio: 85}]}}"),
        "3:63: cases.0.policy.ratio.bands.0.ratio: 85 is a share above 1.",
    ),
    "a cap beyond all bills": (
        policy("{deductible: 500, ratio: 0.8, cap: 2e9}"),
        "3:46: cases.0.policy.cap: 2000000000 yuan is above 1000000000.",
    ),
    "no ratio": (policy("{deductible: 500}"), "3:11: cases.0.policy.ratio: missing. Write ratio: the fund's share"),
    "unknown key of the policy": (
        policy("{deductable: 500, ratio: 0.8}"),
        "3:11: cases.0.policy.deductible: missing.",
    ),
    "bands": (
        policy("{deductible: 500, ratio: [0.8, 0.9]}"),
        "3:36: cases.0.policy.ratio: found a list. Expected keys and values.",
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
    "one language only": (
        case("source: {zh: 甲}"),
        "6:11: cases.0.source.en: missing. Write the text in English.",
    ),
    "a third language": (
        item("{what: {zh: 药, en: drug, fr: x}, amount: 10, class: 甲}"),
        "5:30: fr: no such key. Expected one of zh, en.",
    ),
    "a list for a text": (case("worked: [a]"), "6:11: cases.0.worked: found a list. Expected text; put it in"),
    "unknown grade": (case("grade: pres"), "6:10: cases.0.grade: found the text 'pres'. Did you mean press?"),
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
    assert twice == {"no cases", "unknown key of the policy", "an area without scheme and filing"}


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


@settings(max_examples=200)
@given(st.data(), st.randoms(use_true_random=False), ANYTHING)
def test_whatever_stands_in_a_file_is_read_or_refused(tmp_path_factory, data, rng, odd):
    document = {"cases": [json.loads(json.dumps(random_person(rng)))]}
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
    settled = [(case, pricing.settle(case)) for case in found]
    json.dumps(sheet.as_json(settled, explain=True), allow_nan=False)
    assert bool(sheet.text(settled, explain=True, lang="zh")) == bool(found)


def test_a_text_is_plain_or_in_both_languages():
    both = {"zh": "药", "en": "drug"}
    raw = {"policy": {"deductible": 0, "ratio": 0.8}, "bill": [LINE | {"what": both}]}
    found = Case.model_validate(raw | {"name": both, "worked": "50 % of it"})
    for text in (found.name, found.bill[0].what):
        assert [worded(text, lang) for lang in LANGS] == ["药", "drug"]
    assert [worded(found.worked, lang) for lang in LANGS] == ["50 % of it"] * 2


def test_a_case_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        GAP.paid_this_year = 1


# The schema


def test_the_schema_takes_what_is_shipped():
    validator = jsonschema.Draft202012Validator(cases.json_schema())
    validator.check_schema(cases.json_schema())
    for path in FILES:
        validator.validate(read(path))


@pytest.mark.parametrize(
    "name",
    ["negative amount", "percent for a share", "unknown class", "unknown key of a line", "unknown part", "no ratio",
     "visits and a bill", "a visit without a bill",
     "one language only", "a third language", "a list for a text", "unknown grade",
     "tier 4", "empty bill", "yuan in words", "no cases", "unknown scheme"],
)  # fmt: skip
def test_the_schema_refuses_what_is_wrong(name):
    document = yaml.load(BAD[name][0], Loader)  # noqa: S506 a safe loader
    assert not jsonschema.Draft202012Validator(cases.json_schema()).is_valid(document)
