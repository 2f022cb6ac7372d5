"""The case format: what a YAML file may say of one person's visits, and what is wrong with one that says it badly."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    create_model,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from simlib.benefits import area_rules
from simlib.benefits.layers import LAYERS, MOST_DISEASES, YEAR
from simlib.benefits.policy import MOST_YUAN, Kind, Share, Terms, Yuan, several, written, yuan
from simlib.errors import BadInputError, Fault, did_you_mean, kind_of, shown
from simlib.files import documents
from simlib.files.display import Display, Displayed
from simlib.files.shapes import Frozen, Line, Month, Text
from simlib.files.texts import worded
from simlib.terms import FEN, MONTHS, PPM, TIERS, Grade

List = Literal["host", "home"]
Rule = Literal["host", "home", "either", "both"]
"""Which list prices an item in direct settlement: of either the one that leaves more payable, of both that less."""
Class = Literal["甲", "乙", "unlisted"]
Filing = Literal["long_stay", "referral", "emergency", "temporary", "unfiled", "local"]
Member = Literal["working", "retired"]
Tier = Annotated[int, Field(ge=min(TIERS), le=max(TIERS))]

AWAY = {"first_self_pay_away": 0, "points_off": 0, "ratio_factor": PPM}
"""Terms that are for care away from home only, and the value that leaves them out."""

BEYOND = {
    "ratio": "a ratio of a single item is out of scope",
    **dict.fromkeys(("age", "ratio_by_age"), "a ratio by a formula of age is out of scope"),
    **dict.fromkeys(("civil_servant", "civil_servant_subsidy"), "the civil-servant subsidy is out of scope"),
    **dict.fromkeys(("commercial", "commercial_cover"), "commercial cover is out of scope"),
}
"""What a case cannot say, and why it is refused."""


_LINE = TypeAdapter(Line, config=ConfigDict(strict=True))


def _text(value: Any) -> str | Text:
    """Return a text: one line as it is written, or one in each language."""
    if isinstance(value, Text):
        return value
    return Text.model_validate(value) if isinstance(value, dict) else _LINE.validate_python(value)


Words = Annotated[str | Text, PlainValidator(_text, json_schema_input_type=Line | Text)]
"""A text of a case: plain, or {zh: …, en: …}."""


def _with_class(value: Any, info: ValidationInfo) -> Any:
    """Return a value of an item if it goes with the item's class (None: absent, "?": wrong)."""
    match info.field_name, info.data.get("class_", "?"), value:
        case "self_pay", "乙", None:
            raise ValueError("missing. Class 乙 has a first self-pay share: write self_pay: 0.1, for instance.")
        case "self_pay", "甲", int() if value:
            raise ValueError("class 甲 has no first self-pay. Delete self_pay, or write class: 乙.")
        case "self_pay" | "ceiling", "unlisted", int():
            raise ValueError("the patient bears all of an unlisted item. Delete this, or write class: 乙.")
        case "self_pay" | "ceiling", None, int():
            raise ValueError("has no class beside it. Write class, or move this under host and home.")
        case "host" | "home", "甲" | "乙" | "unlisted", Entry():
            raise ValueError(f"class already stands for both lists. Delete class, or {info.field_name}.")
        case "host" | "home", None, None if info.field_name == "host" or info.data.get("host"):
            raise ValueError("missing. Write class if both lists agree, else host and home, a class in each.")
    return value


def _exact_bill(bill: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return a bill small enough for the layers to be exact."""
    if (total := sum(item.amount for item in bill)) > MOST_YUAN * FEN:
        raise ValueError(f"adds up to {yuan(total)} yuan. The most is {MOST_YUAN}: split it into two cases.")
    return bill


def _date(value: Any) -> str:
    """Return a date YYYY-MM-DD.

    >>> _date("2024/7/1")
    Traceback (most recent call last):
    ValueError: found the text '2024/7/1'. Write a date as YYYY-MM-DD: 2024-07-01.
    """
    near = re.fullmatch(r"((?:19|20)\d\d)\s*[-/.年]\s*(\d\d?)\s*[-/.月]\s*(\d\d?)日?", str(value), re.ASCII)
    try:
        day = datetime.date(*map(int, near.groups())).isoformat() if near else ""
    except ValueError:
        raise ValueError(f"found {kind_of(value)}. There is no such day: check month and day.") from None
    if value != day or not day:
        raise ValueError(f"found {kind_of(value)}. Write a date as YYYY-MM-DD{': ' + day if day else ''}.")
    return day


def _one_or_more(shape: Any) -> BeforeValidator:
    """Return how a value, or a list of values, is read as a tuple."""
    return BeforeValidator(
        lambda value: several(value if isinstance(value, list) else [value]),
        json_schema_input_type=shape | tuple[shape, ...],
    )


def _policy(value: Any) -> Any:
    """Return terms, or a list of entries with the visits they are for, each fault at its own place."""
    if isinstance(value, list):
        return _ENTRIES.validate_python(several(value))
    if not isinstance(value, (dict, Terms, tuple)):
        raise ValueError(f"found {kind_of(value)}. Expected keys and values, or a list of entries with when.")
    return Terms.model_validate(value) if isinstance(value, dict) else value


class Listing(Frozen):
    """What a list says of an item; None where it says nothing."""

    class_: Class | None = Field(None, alias="class", description="class: 甲, 乙 or unlisted")
    self_pay: Annotated[Share | None, AfterValidator(_with_class)] = Field(
        None, validate_default=True, description="self_pay: share borne first, class 乙 only"
    )
    ceiling: Annotated[Yuan | None, AfterValidator(_with_class)] = Field(
        None, description="ceiling: yuan payable at most for one unit"
    )


class Entry(Listing):
    """What one of the two lists says of an item."""

    class_: Class = Field(alias="class", description="class: 甲, 乙 or unlisted")


class Item(Listing):
    """One line of a bill: with a class if both lists agree, else with what each list says."""

    what: Words = Field(description="what: the drug, service or consumable")
    category: Literal["drug", "service", "consumable"] | None = None
    amount: Yuan = Field(description="amount: yuan, such as 12.50")
    quantity: int = Field(1, ge=1, le=1_000_000, description="units of the line, which a ceiling counts")
    host: Annotated[Entry | None, AfterValidator(_with_class)] = Field(None, validate_default=True)
    home: Annotated[Entry | None, AfterValidator(_with_class)] = Field(None, validate_default=True)

    def on(self, list_: List) -> Listing:
        """Return what a list says of it."""
        return (self.host if list_ == "host" else self.home) or self

    def within(self, listed: Listing) -> int:
        """Return what of the amount lies within a ceiling, fen."""
        return self.amount if listed.ceiling is None else min(self.amount, listed.ceiling * self.quantity)

    def payable(self, list_: List) -> int:
        """Return what a list makes payable of it, fen x ppm."""
        listed = self.on(list_)
        return 0 if listed.class_ == "unlisted" else self.within(listed) * (PPM - (listed.self_pay or 0))

    def chosen(self, rule: Rule) -> List:
        """Return the list that a rule of recognition picks for it: of two that leave the same, the host's."""
        if rule in ("host", "home"):
            return "home" if rule == "home" else "host"
        home, host = self.payable("home"), self.payable("host")
        return "home" if (home > host if rule == "either" else home < host) else "host"


class RuleByCategory(Frozen):
    """The rule of recognition by category; items without a category stay on the host's list."""

    drug: Rule = "host"
    service: Rule = "host"
    consumable: Rule = "host"

    def of(self, item: Item) -> Rule:
        """Return the rule of an item."""
        return getattr(self, item.category) if item.category else "host"


def _rule_or_rules(value: Any) -> Any:
    """Return one rule, or one for each category, each fault at its own place."""
    return RuleByCategory.model_validate(value) if isinstance(value, dict) else value


class When(Frozen):
    """The visits that an entry of a policy is for; what is left out is not limited."""

    kind: Annotated[tuple[Kind, ...], _one_or_more(Kind)] | None = None
    tier: Annotated[tuple[Tier, ...], _one_or_more(Tier)] | None = None
    filing: Annotated[tuple[Filing, ...], _one_or_more(Filing)] | None = None
    member: Annotated[tuple[Member, ...], _one_or_more(Member)] | None = None
    disease: Annotated[tuple[Line, ...], _one_or_more(Line)] | None = None
    start: Month = Field("", alias="from", description="from: YYYY-MM, the first month")

    def fits(self, case: Case, visit: Visit) -> bool:
        """Return whether a visit of a person is one of these."""
        named = (self.kind, self.tier, self.filing, self.disease, self.member)
        seen = (visit.kind, visit.tier, visit.filing, visit.disease, case.member)
        return visit.month >= self.start and all(n is None or s in n for n, s in zip(named, seen, strict=True))


class PolicyEntry(Terms):
    """Terms, and the visits they are for."""

    when: When = When()


_ENTRIES = TypeAdapter(tuple[PolicyEntry, ...])


PARTS = (*LAYERS, "above_cap", "basic", "fund", "patient", "cash")
"""What a case may expect of a price: its layers, all that caps cut, layers 5 to 6, layers 5 to 8, the rest, cash."""

USED = (YEAR.names or ())[2:]
"""Amounts that a year may have used up before the first visit; those by kind or disease are of its kind, disease."""

if TYPE_CHECKING:
    Parts = Frozen
    Used = Frozen
else:
    Parts = create_model("Parts", __base__=Frozen, **dict.fromkeys(PARTS, (Yuan | None, None)))
    Used = create_model(
        "Used", __base__=Frozen, admissions=(Annotated[int, Field(ge=0, le=1000)], 0), **dict.fromkeys(USED, (Yuan, 0))
    )


class Expected(Frozen):
    """What a case expects of both prices."""

    direct: Parts = Parts()
    claim: Parts = Parts()
    benefit_gap: Annotated[int, written("yuan", 2, -MOST_YUAN, MOST_YUAN)] | None = None


class Visit(Frozen):
    """One visit: care, bill, how it was settled, and what its prices should come to."""

    model_config = ConfigDict(json_schema_extra={"required": ["date", "bill"]})

    date: Annotated[str, BeforeValidator(_date)] | None = Field(None, description="date: YYYY-MM-DD of the discharge")
    kind: Kind = "inpatient"
    tier: Tier = 3
    filing: Filing | None = Field(None, description="filing: what the rule sees; local is care at home")
    disease: Line | None = Field(None, description="disease: the chronic disease whose limits count")
    months: int = Field(1, ge=1, le=MONTHS, description="months of drugs dispensed")
    settled: Literal["direct", "claim", "abandoned"] = "direct"
    rule: Annotated[Rule | RuleByCategory, BeforeValidator(_rule_or_rules)] = Field(
        "host", description="rule: either, or {consumable: either}: whose list prices direct settlement"
    )
    bill: Annotated[tuple[Item, ...], BeforeValidator(several), AfterValidator(_exact_bill)] = Field(
        (), json_schema_extra={"minItems": 1}, description="bill: a list of {what: drug, amount: 5000, class: 甲}"
    )
    expected: Expected = Expected()

    def listing(self, item: Item, list_: List) -> Listing:
        """Return what prices an item: on the home's list a claim, on that which the rule picks direct settlement."""
        rule = self.rule.of(item) if isinstance(self.rule, RuleByCategory) else self.rule
        return item.on("home" if list_ == "home" else item.chosen(rule))

    @property
    def month(self) -> str:
        """The month YYYY-MM of the discharge; empty without a date."""
        return (self.date or "")[:7]


class Case(Displayed, Visit):
    """One person, with one visit or a sequence of visits; written in yuan and shares, kept in fen and ppm."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["name"],
            "allOf": [
                {"oneOf": [{"required": ["bill"]}, {"required": ["visits"]}]},
                {"oneOf": [{"required": ["policy"]}, {"required": ["area", "scheme"]}]},
            ],
        }
    )

    name: Words = Field(description="name: what tells this case from the others, or {zh: …, en: …}")
    source: Words | None = Field(None, description="who published the numbers, and when")
    grade: Grade | None = Field(None, description="grade of evidence of the source")
    published: Literal["amounts", "parameters", "no"] = "no"
    not_reproduced: Line | None = Field(None, description="why a published example does not come out")
    worked: Words | None = Field(None, description="the derivation by hand")
    scheme: Literal["employee", "resident"] | None = None
    member: Member = "working"
    group: Line | None = None
    account: Yuan = Field(0, description="yuan in the personal account; it does not reset in January")
    policy: Annotated[tuple[PolicyEntry, ...] | Terms | None, BeforeValidator(_policy)] = Field(
        None, description="policy: {deductible: 1300, ratio: 0.8}"
    )
    area: Line | None = Field(None, description="area: whose policy it is, with scheme and date or year")
    year: int | None = Field(None, ge=1998, le=2035, description="year: of a case without a date")
    paid_this_year: Yuan = Field(0, description="yuan that count towards the cap already")
    used_this_year: Used = Used()
    visits: Annotated[tuple[Visit, ...], BeforeValidator(several)] | None = Field(
        None, max_length=1000, json_schema_extra={"minItems": 1}, description="visits: a list of {date, kind, bill}"
    )

    def _display(self) -> Display:
        """Return the lines of its bills, visit by visit."""
        whose = f"{self.scheme or 'own policy'}, {self.member}" + (f", {self.area}" if self.area else "")
        lines = [f"Case {worded(self.name, 'en')}", f"{whose}; visits: {len(self.sequence)}"]
        rows = [
            (visit.date or number, visit.kind, worded(item.what, "en"), yuan(item.amount), item.class_ or "by list")
            for number, visit in enumerate(self.sequence, 1)
            for item in visit.bill
        ]
        return Display(lines, ("visit", "kind", "what", "yuan", "class"), rows)

    @property
    def sequence(self) -> tuple[Visit, ...]:
        """The visits in order; a case with one visit is its own."""
        return self.visits or (self,)

    @model_validator(mode="after")
    def _whole(self) -> Case:
        """Refuse what does not go together, each fault at its place."""
        if faults := list(_faults(self)):
            raise ValidationError.from_exception_data("case", faults)
        return self


def _fault(message: str, *where: str | int) -> InitErrorDetails:
    """Return a fault at a place inside a case."""
    error = PydanticCustomError("value_error", "{error}", {"error": message})
    return InitErrorDetails(type=error, loc=where, input=None)


def _faults(case: Case) -> Iterator[InitErrorDetails]:
    """Yield what does not go together in a case."""
    if case.visits is not None:
        for name in sorted(case.model_fields_set & Visit.model_fields.keys()):
            yield _fault("belongs to a visit. Move it under visits.", name)
    if case.policy is not None and case.area is not None:
        yield _fault("goes without area: the area has one. Delete policy, or area.", "policy")
    elif case.policy is None and case.area is None:
        yield _fault("missing. Write policy: {deductible: 1300, ratio: 0.8}, or area: the name of an area.", "policy")
    elif case.area is not None:
        yield from _area_faults(case.area, case)
    if case.paid_this_year and "paid" in case.used_this_year.model_fields_set:
        yield _fault("stands for paid in used_this_year. Delete one of them.", "paid_this_year")
    diseases = {visit.disease for visit in case.sequence} - {None}
    if len(diseases) > MOST_DISEASES:
        yield _fault(f"{len(diseases)} diseases. At most {MOST_DISEASES} have limits of their own.", "visits")
    last = ""
    for number, visit in enumerate(case.sequence):
        where: tuple[str | int, ...] = () if case.visits is None else ("visits", number)
        yield from _visit_faults(case, visit, where)
        if last and visit.date and visit.date < last:
            yield _fault(f"{visit.date} is before the visit above, {last}. Write visits in order.", *where, "date")
        last = visit.date or last


def _area_faults(area: str, case: Case) -> Iterator[InitErrorDetails]:
    """Yield what is wrong with a named area: no such area, no scheme, a group without terms of its own."""
    if case.scheme is None:
        yield _fault("missing. An area has a policy for each scheme: write scheme: employee or resident.", "scheme")
    try:
        known = area_rules.groups(area_rules.pool(area).code)
    except LookupError as error:
        yield _fault(str(error.args[0]), "area")
        return
    for name in sorted(set((case.group or "").split("+")) - {"", *known}):
        fix = did_you_mean(name, known) if known else "It has none: delete group."
        yield _fault(f"{shown(name)}: no such group in {shown(area)}. {fix}", "group")


def _visit_faults(case: Case, visit: Visit, where: tuple[str | int, ...]) -> Iterator[InitErrorDetails]:
    """Yield what is missing in a visit or does not go together with the policy."""
    if not visit.bill:
        yield _fault("missing. Write bill: a list of {what: drug, amount: 5000, class: 甲}.", *where, "bill")
    named = case.area is not None and case.policy is None
    if visit.date is None and (case.visits is not None or (named and case.year is None)):
        yield _fault("missing. Write date: 2024-03-15, the day of discharge.", *where, "date")
    if visit.kind == "inpatient" and visit.months > 1:
        yield _fault("a stay dispenses nothing for months. Delete months, or write kind: chronic.", *where, "months")
    if named and visit.filing is None:
        yield _fault("missing. Terms differ by filing: write filing: referral, or local for home.", *where, "filing")
    asked = case.area, case.scheme, visit.filing, visit.date or case.year
    if case.policy is None and None in asked:
        return
    if visit.date is None and isinstance(case.policy, tuple) and any(entry.when.start for entry in case.policy):
        yield _fault("missing. The policy changes with the date: write date: 2024-03-15.", *where, "date")
    try:
        terms = terms_of(case, visit)
    except LookupError as error:
        if case.area is None:
            yield _fault(str(error.args[0]), *where, "kind")
        return
    by_disease = (terms.deductible.per == "disease", terms.disease_cap, terms.disease_month_cap)
    if visit.disease is None and any(form not in (None, False) for form in by_disease):
        yield _fault("missing. The policy counts by disease: write disease: its name.", *where, "disease")
    away = [name for name, nothing in AWAY.items() if getattr(terms, name) != nothing]
    if visit.filing == "local" and away:
        message = f"local, yet the policy has {away[0]}. Write an entry of the policy with when: {{filing: local}}."
        yield _fault(message, *where, "filing")


class _CaseFile(Frozen):
    """A case file."""

    cases: Annotated[tuple[Case, ...], BeforeValidator(several)] = Field(
        json_schema_extra={"minItems": 1}, description="cases: a list of {name, policy, bill}"
    )


def load(path: str | Path) -> tuple[Case, ...]:
    """Return the cases of a YAML file.

    Raises
    ------
    BadInputError : with every fault of the file, each with its line, column and remedy.
    """
    document = documents.read(path)
    if isinstance(document.data, dict) and "cases" not in document.data and "changes" in document.data:
        raise BadInputError(
            document.fault(("changes",), "changes: a scenario, no case file. `simlib run` runs it.", True)
        )
    try:
        return _CaseFile.model_validate(document.data).cases
    except ValidationError as error:
        faults = sorted(map(_in_scope, document.faults(error, _CaseFile)), key=lambda fault: (fault.line, fault.column))
        raise BadInputError(*faults[: documents.MAX_FAULTS]) from None


def _in_scope(fault: Fault) -> Fault:
    """Return a fault; where a key is unknown because simlib leaves it out, with that reason."""
    key, _, rest = fault.message.partition(":")
    known = rest.startswith(" no such key") and key in BEYOND
    return replace(fault, message=f"{key}: {BEYOND[key]}. Leave this case out.") if known else fault


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a case file, for editors to complete and check it.

    >>> json_schema()["required"]
    ['cases']
    """
    top = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "simlib cases"}
    return _CaseFile.model_json_schema() | top


def terms_of(case: Case, visit: Visit) -> Terms:
    """Return the terms of a visit: those of the case, the last entry that fits taken whole, or those of its area.

    Raises
    ------
    LookupError : with the reason, where no entry fits or no such area is known.
    """
    if isinstance(case.policy, Terms):
        return case.policy
    if case.policy is None:
        return origin(case, visit)[0]
    entry = next((entry for entry in reversed(case.policy) if entry.when.fits(case, visit)), None)
    if entry is None:
        seen = f"kind {visit.kind}, tier {visit.tier}, filing {visit.filing}, date {visit.date}"
        raise LookupError(f"no entry of the policy fits this visit ({seen}). Write a first one without when.")
    return entry


def origin(case: Case, visit: Visit) -> tuple[Terms, area_rules.Origins]:
    """Return the terms of a visit in a named area, and where each field of them comes from."""
    return _of_area(case.area or "", asked(case, visit))


def asked(case: Case, visit: Visit) -> area_rules.Situation:
    """Return what the rules of a named area are asked for at a visit."""
    month = visit.month or f"{case.year}-12"
    person: dict[str, Any] = {"member": case.member, "group": case.group or "", "disease": visit.disease or ""}
    return area_rules.Situation(case.scheme or "", visit.kind, visit.tier, visit.filing or "", month, **person)


_of_area = lru_cache(maxsize=4096)(area_rules.terms_of)


def warnings(case: Case) -> Iterator[str]:
    """Yield what is allowed and yet unusual, and what an area publishes that its policy cannot hold, with the row.

    Unusual are more points off than the national notice of 2022 allows.
    """
    known = [
        unheld for visit in case.sequence if case.area for unheld in area_rules.unheld(case.area, asked(case, visit))
    ]
    for row, why in dict.fromkeys(known):
        yield f"{shown(case.area)} publishes a rule of its own that is not used here, {row}: {why}."
    for visit in case.sequence:
        most = area_rules.MOST_POINTS.get(visit.filing or "", PPM)
        if (points := terms_of(case, visit).points_off) > most:
            yield f"points_off {points / PPM:g} for {visit.filing} is above {most / PPM:g}, the most that is allowed."
