"""One patient's bill, priced both ways from a YAML case.

Direct settlement prices the bill on the host's list, a claim on the home's; deductible, ratio and cap are the
home's in both. What a list leaves of each item is added up here; the layers are those of `benefits.settle`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo

from simlib import documents
from simlib.benefits import LAYERS, POLICY, Bill, part, settle
from simlib.changes import Frozen
from simlib.declared import checked
from simlib.remedies import shown
from simlib.scenario import Line
from simlib.terms import FEN, TIERS, BadInputError, Quantity

MOST_YUAN = 1_000_000_000
"""The largest amount and the largest bill: up to it the layers are exact in int64."""

NO_CAP_FEN = 10**18

BORNE = ("unlisted", "over_ceiling", "self_pay_b", "self_pay_away", "deductible", "coinsurance", "above_cap")
"""What the patient bears, layer by layer, in order."""

List = Literal["host", "home"]
SIDES: dict[str, List] = {"direct": "host", "claim": "home"}
"""The two prices, and whose list each takes."""

Class = Literal["甲", "乙", "unlisted"]


def _whole(quantity: Quantity, decimals: int, found: Any) -> int:
    """Return a number of a file in units of its last decimal, such as yuan in fen; ValueError says why not."""
    checked(quantity, found)
    # str gives the shortest decimal that means this float: what the file says.
    written = Decimal(str(found))
    rounded = written.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    if rounded != written:
        raise ValueError(f"{shown(found)} has more than {decimals} decimals. Write {rounded}.")
    return int(rounded.scaleb(decimals))


def _written(unit: str, decimals: int, low: int, high: int) -> BeforeValidator:
    """Return how pydantic reads a number in a unit, and what the JSON Schema says of it."""
    quantity = Quantity("a number of a case", unit, "fact", "the case file", "official", low=low, high=high)
    shape = Annotated[float, Field(ge=low, le=high)]
    return BeforeValidator(lambda found: _whole(quantity, decimals, found), json_schema_input_type=shape)


def _several(found: Any) -> Any:
    """Return a list of a file as a tuple."""
    if found == []:
        raise ValueError("is empty. Write at least one entry, each after a dash.")
    return tuple(found) if isinstance(found, list) else found


def _with_class(found: Any, info: ValidationInfo) -> Any:
    """Return a value of an item if it goes with the item's class (None: absent, "?": wrong)."""
    match info.field_name, info.data.get("class_", "?"), found:
        case "self_pay", "乙", None:
            raise ValueError("missing. Class 乙 has a first self-pay share: write self_pay: 0.1, for instance.")
        case "self_pay", "甲", int() if found:
            raise ValueError("class 甲 has no first self-pay. Delete self_pay, or write class: 乙.")
        case "self_pay" | "ceiling_fen", "unlisted", int():
            raise ValueError("the patient bears all of an unlisted item. Delete this, or write class: 乙.")
        case "self_pay" | "ceiling_fen", None, int():
            raise ValueError("has no class beside it. Write class, or move this under host and home.")
        case "host" | "home", "甲" | "乙" | "unlisted", Entry():
            raise ValueError(f"class already stands for both lists. Delete class, or {info.field_name}.")
        case "host" | "home", None, None if info.field_name == "host" or info.data.get("host"):
            raise ValueError("missing. Write class if both lists agree, else host and home, a class in each.")
    return found


Yuan = Annotated[int, _written("yuan", 2, 0, MOST_YUAN)]
"""Written in yuan, kept in fen."""
Gap = Annotated[int, _written("yuan", 2, -MOST_YUAN, MOST_YUAN)]
"""The same, of either sign."""
Share = Annotated[int, _written("share", 6, 0, 1)]
"""Written as a share, kept in ppm."""


def _exact_bill(bill: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return a bill small enough for the layers to be exact."""
    if (total := sum(item.amount_fen for item in bill)) > MOST_YUAN * FEN:
        raise ValueError(f"adds up to {yuan(total)} yuan. The most is {MOST_YUAN}: split it into two cases.")
    return bill


class Listing(Frozen):
    """What a list says of an item; None where it says nothing."""

    class_: Class | None = Field(None, alias="class", description="class: 甲, 乙 or unlisted")
    # Without an alias: pydantic names the attribute, not the alias, where a default is at fault.
    self_pay: Annotated[Share | None, AfterValidator(_with_class)] = Field(
        None, validate_default=True, description="self_pay: share borne first, class 乙 only"
    )
    ceiling_fen: Annotated[Yuan | None, AfterValidator(_with_class)] = Field(
        None, alias="ceiling", description="ceiling: yuan payable at most for this line, price limit x quantity"
    )


class Entry(Listing):
    """What one of the two lists says of an item."""

    class_: Class = Field(alias="class", description="class: 甲, 乙 or unlisted")


class Item(Listing):
    """One line of a bill: with a class if both lists agree, else with what each list says."""

    what: Line = Field(description="what: the drug, service or consumable")
    category: Literal["drug", "service", "consumable"] | None = None
    amount_fen: Yuan = Field(alias="amount", description="amount: yuan, such as 12.50")
    host: Annotated[Entry | None, AfterValidator(_with_class)] = Field(None, validate_default=True)
    home: Annotated[Entry | None, AfterValidator(_with_class)] = Field(None, validate_default=True)

    def on(self, list_: List) -> Listing:
        """Return what a list says of the item."""
        return (self.host if list_ == "host" else self.home) or self


class Terms(Frozen):
    """The home's policy for the patient, the hospital's tier and the filing."""

    deductible_fen: Yuan = Field(alias="deductible", description="deductible: yuan, 0 if there is none (起付线)")
    ratio_ppm: Share = Field(alias="ratio", description="ratio: the fund's share, such as 0.85 (支付比例)")
    cap_fen: Yuan | None = Field(None, alias="cap", description="cap: yuan a year, none if left out (封顶线)")
    first_self_pay_away_ppm: Share = Field(0, alias="first_self_pay_away", description="share borne first, away")
    points_off_ppm: Share = Field(0, alias="points_off", description="share taken off the ratio, away")


class Parts(Frozen):
    """What a case expects of one price: written in yuan, kept in fen; None where it expects nothing."""

    unlisted: Yuan | None = None
    over_ceiling: Yuan | None = None
    self_pay_b: Yuan | None = None
    self_pay_away: Yuan | None = None
    deductible: Yuan | None = None
    coinsurance: Yuan | None = None
    above_cap: Yuan | None = None
    fund: Yuan | None = None
    patient: Yuan | None = None


class Expected(Frozen):
    """What a case expects of both prices."""

    direct: Parts = Parts()
    claim: Parts = Parts()
    benefit_gap: Gap | None = None


class Case(Frozen):
    """One patient's bill and policy, and what they should come to; written in yuan and shares, kept in fen and ppm."""

    name: Line = Field(description="name: what tells this case from the others")
    scheme: Literal["employee", "resident"] | None = None
    source: Line | None = Field(None, description="who published the numbers")
    worked: Line | None = Field(None, description="the derivation by hand")
    policy: Terms = Field(description="policy: {deductible: 1300, ratio: 0.8}")
    tier: int = Field(3, ge=min(TIERS), le=max(TIERS), description="level of the hospital, which the policy is for")
    paid_fen: Yuan = Field(0, alias="paid_this_year", description="yuan that count towards the cap already")
    bill: Annotated[tuple[Item, ...], BeforeValidator(_several), AfterValidator(_exact_bill)] = Field(
        json_schema_extra={"minItems": 1}, description="bill: a list of {what: drug, amount: 5000, class: 甲}"
    )
    expected: Expected = Expected()


class _File(Frozen):
    """A case file."""

    cases: Annotated[tuple[Case, ...], BeforeValidator(_several)] = Field(
        json_schema_extra={"minItems": 1}, description="cases: a list of {name, policy, bill}"
    )


def load(path: str | Path) -> tuple[Case, ...]:
    """Return the cases of a YAML file.

    Raises
    ------
    BadInputError : with every fault of the file, each with its line, column and remedy.
    """
    document = documents.read(path)
    try:
        return _File.model_validate(document.data).cases
    except ValidationError as error:
        faults = sorted(document.faults(error, _File), key=lambda fault: (fault.line, fault.column))
        raise BadInputError(*faults[: documents.MAX_FAULTS]) from None


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a case file, for editors to complete and check it.

    >>> json_schema()["required"]
    ['cases']
    """
    top = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "simlib cases"}
    return _File.model_json_schema() | top


class Step(NamedTuple):
    """One layer of a settlement, fen: what it saw, what the patient bears there, what it left."""

    layer: str
    saw: int
    took: int
    left: int


@dataclass(frozen=True)
class Settlement:
    """One price of a bill, fen: the bill, what the patient bears in each layer, and what the fund pays."""

    bill: int
    unlisted: int
    over_ceiling: int
    self_pay_b: int
    self_pay_away: int
    deductible: int
    coinsurance: int
    above_cap: int
    fund: int

    @property
    def patient(self) -> int:
        """What the patient bears in all, fen."""
        return self.bill - self.fund

    def steps(self) -> Iterator[Step]:
        """Yield the layers in order; what the last one leaves is what the fund pays."""
        saw = self.bill
        for layer in BORNE:
            took = getattr(self, layer)
            yield Step(layer, saw, took, saw - took)
            saw -= took


def price(case: Case, list_: List) -> Settlement:
    """Return a case's bill settled on one list: `host` as in direct settlement, `home` as in a claim.

    >>> drug = {"what": "drug", "amount": 5000, "class": "乙", "self_pay": 0.1}
    >>> case = Case.model_validate({"name": "a", "policy": {"deductible": 500, "ratio": 0.8}, "bill": [drug]})
    >>> price(case, "host").fund
    320000
    """
    terms = case.policy
    policy = np.zeros((), dtype=POLICY)
    policy["deductible_fen"], policy["ratio_ppm"] = terms.deductible_fen, terms.ratio_ppm
    policy["cap_fen"] = NO_CAP_FEN if terms.cap_fen is None else terms.cap_fen
    policy["first_share_ppm"], policy["points_ppm"] = terms.first_self_pay_away_ppm, terms.points_off_ppm
    trace = np.zeros(len(LAYERS), dtype=np.int64)
    settle(policy[()], split(case, list_), case.paid_fen, trace)
    return Settlement(*trace.tolist())


def split(case: Case, list_: List) -> Bill:
    """Return a bill as a list splits it, fen; payable of an item = min(amount, ceiling) (1 - self-pay)."""
    total = unlisted = over = first = 0
    for item in case.bill:
        listed, amount = item.on(list_), item.amount_fen
        total += amount
        if listed.class_ == "unlisted":
            unlisted += amount
            continue
        within = amount if listed.ceiling_fen is None else min(amount, listed.ceiling_fen)
        over += amount - within
        first += within * (listed.self_pay or 0)
    # Lines are added exactly, in fen x ppm, and rounded once: `part` takes a millionth, half-up.
    return Bill(total, unlisted, over, int(part(first, 1)))


def benefit_gap(case: Case) -> int:
    """Return what the fund pays in direct settlement less what it pays for a claim (待遇差), fen."""
    return price(case, "host").fund - price(case, "home").fund


def check(case: Case) -> list[str]:
    """Return what a case expects and does not come to, one line each; none if all is met."""
    wanted = [(f"{side}.{part}", value) for side in SIDES for part, value in getattr(case.expected, side)]
    wanted.append(("benefit_gap", case.expected.benefit_gap))
    settled = {side: price(case, list_) for side, list_ in SIDES.items()}
    found = {f"{side}.{part}": getattr(settled[side], part) for side in SIDES for part in Parts.model_fields}
    found["benefit_gap"] = benefit_gap(case)
    return [
        f"{name} is {yuan(found[name])} yuan, expected {yuan(value)}."
        for name, value in wanted
        if value is not None and value != found[name]
    ]


def yuan(fen: int) -> str:
    """Return an amount in yuan with both decimals."""
    return f"{fen / FEN:,.2f}"
