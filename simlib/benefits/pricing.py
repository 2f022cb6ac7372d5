"""A person's visits priced both ways, the year's state carried along, and what a case expects of it checked.

Direct settlement prices a bill on the host's list, where no rule of recognition says else, a claim on the home's; all
other terms are the home's in both. What a list leaves of each item is added up here; the layers are `benefits.settle`.
The year's state moves by the channel actually used; the other price is computed from the same opening state and moves
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from simlib.benefits import layers
from simlib.benefits.cases import Case, List, Visit, terms_of
from simlib.benefits.layers import LAYERS, YEAR, Bill, Care
from simlib.benefits.policy import Terms, record, yuan
from simlib.terms import KINDS, MONTHS, PPM

SIDES: dict[str, List] = {"direct": "host", "claim": "home"}
"""The two prices, and whose list each takes."""

BORNE = LAYERS[1 : LAYERS.index("large_sum")]
"""Layers up to the caps, which leave something to the patient; those after them pay."""

compiled = lru_cache(maxsize=4096)(record)
"""`policy.record`, looked up for terms that many cases share."""


class Priced(NamedTuple):
    """One visit with both prices, fen: each layer of `benefits.LAYERS` and their sums by the names of `Parts`.

    opening : what the year had used up before it, a record of `benefits.YEAR`. balance : of the personal account.
    """

    visit: Visit
    terms: Terms
    care: Care
    opening: Any
    balance: int
    direct: dict[str, int]
    claim: dict[str, int]

    @property
    def gap(self) -> int:
        """What the fund pays in direct settlement less what it pays for a claim (待遇差), fen."""
        return self.direct["fund"] - self.claim["fund"]


def settle(case: Case) -> tuple[Priced, ...]:
    """Return every visit of a person priced both ways, the year's state and the account carried along.

    >>> drug = {"what": "drug", "amount": 5000, "class": "乙", "self_pay": 0.1}
    >>> case = Case.model_validate({"name": "a", "policy": {"deductible": 500, "ratio": 0.8}, "bill": [drug]})
    >>> settle(case)[0].direct["fund"]
    320000
    """
    year, balance = _opening(case), case.account
    diseases: dict[str | None, int] = {None: -1}
    done = []
    for visit in case.sequence:
        if _month(case, visit) // MONTHS != year["month"] // MONTHS:
            layers.begin_year(year)
        layers.begin_month(year, _month(case, visit))
        disease = diseases.setdefault(visit.disease, len(diseases) - 1)
        care, terms = Care(KINDS.index(visit.kind), disease, visit.months), terms_of(case, visit)
        (direct, owed), (claim, owed_claim) = _prices(visit, terms, care, year, balance)
        done.append(Priced(visit, terms, care, year.copy(), balance, direct, claim))
        if visit.settled != "abandoned":
            used = owed if visit.settled == "direct" else owed_claim
            layers.advance(year, care, used, visit.kind == "inpatient")
            balance -= (direct if visit.settled == "direct" else claim)["account"]
    return tuple(done)


def _month(case: Case, visit: Visit) -> int:
    """Return the month of a visit, counted on over the years."""
    return int(visit.date[:4]) * MONTHS + int(visit.date[5:7]) - 1 if visit.date else (case.year or 0) * MONTHS


def _opening(case: Case) -> Any:
    """Return the year's state before the first visit."""
    year, first = layers.new_year(), case.sequence[0]
    year["month"], kind = _month(case, first), KINDS.index(first.kind)
    year["paid"][kind] = case.paid_this_year
    for name in case.used_this_year.model_fields_set:
        amount = getattr(case.used_this_year, name)
        if YEAR[name].shape:
            year[name][0 if name.startswith("disease") else kind] = amount
        else:
            year[name] = amount
    return year


def _prices(visit: Visit, terms: Terms, care: Care, year: Any, balance: int) -> Iterator[tuple[dict[str, int], Any]]:
    """Yield both prices of a visit, and what each would use up."""
    policy = compiled(terms, care.kind)
    for list_ in SIDES.values():
        trace, bill = np.zeros(len(LAYERS), dtype=np.int64), split(visit, list_)
        owed = layers.settle(policy, bill, care, year, trace)
        fund = layers.fund(owed)
        trace[-1] = layers.from_account(policy, bill, fund, balance)
        price: dict[str, int] = dict(zip(LAYERS, trace.tolist(), strict=True))
        price["above_cap"] = sum(price[f"above_{cap}_cap"] for cap in ("disease", "month", "kind", "year"))
        price |= {"basic": owed.basic, "fund": fund, "patient": bill.total - fund}
        price["cash"] = price["patient"] - price["account"]
        yield price, owed


def split(visit: Visit, list_: List) -> Bill:
    """Return a bill as a list splits it, fen; payable of an item = min(amount, ceiling x quantity) (1 - self-pay).

    On the host's list the rule of recognition of the visit picks whose list prices each item.
    """
    total = unlisted = over = first = 0
    for item in visit.bill:
        listed = visit.listing(item, list_)
        total += item.amount
        if listed.class_ == "unlisted":
            unlisted += item.amount
            continue
        within = item.within(listed)
        over += item.amount - within
        first += within * (listed.self_pay or 0)
    # Lines are added exactly, in fen x ppm, and rounded once, half-up.
    return Bill(total, unlisted, over, (first + PPM // 2) // PPM)


class Step(NamedTuple):
    """One layer of a price, fen: what it saw, what the patient bears or the layer pays there, what it left."""

    saw: int
    took: int
    left: int


def steps(price: dict[str, int]) -> dict[str, Step]:
    """Return what each layer of a price saw, took and left, fen, in order.

    Up to the caps each layer sees what the one before left, takes what the patient bears (what a floor ratio adds is
    below 0), and the last leaves what the basic fund pays. The layers after them see what is open in scope and take
    what they pay of it; the account leaves the cash.

    >>> drug = {"what": "drug", "amount": 5000, "class": "乙", "self_pay": 0.1}
    >>> case = Case.model_validate({"name": "a", "policy": {"deductible": 500, "ratio": 0.8}, "bill": [drug]})
    >>> steps(settle(case)[0].direct)["deductible"]
    Step(saw=450000, took=50000, left=400000)
    """
    out, saw = {}, price["bill"]
    for layer in BORNE:
        took = -price[layer] if layer == "floor_top_up" else price[layer]
        out[layer] = Step(saw, took, saw - took)
        saw -= took
    sees = {"large_sum": out["deductible"].saw - price["basic"], "catastrophic": price["catastrophic_base"]}
    sees["assistance"] = sees["catastrophic"] - price["catastrophic"]
    sees["tilt"] = sees["assistance"] - price["assistance"]
    sees["account"] = price["patient"]
    return out | {layer: Step(saw, price[layer], saw - price[layer]) for layer, saw in sees.items()}


def benefit_gap(case: Case) -> int:
    """Return what the fund pays in direct settlement less what it pays for a claim (待遇差), over all visits, fen."""
    return sum(priced.gap for priced in settle(case))


def check(case: Case, done: tuple[Priced, ...] | None = None) -> list[str]:
    """Return what a case expects and does not come to, one line each; none if all is met.

    A case marked `not_reproduced` is the other way round: that all of it came out would be the news.
    """
    settled = settle(case) if done is None else done
    unmet = [line for number, priced in enumerate(settled, 1) for line in _unmet(case, number, priced)]
    if case.not_reproduced:
        return [] if unmet else ["is marked not_reproduced, yet all it expects is met. Delete the mark."]
    return unmet


def _unmet(case: Case, number: int, priced: Priced) -> Iterator[str]:
    """Yield what a visit expects and does not come to."""
    where, expected = "" if case.visits is None else f"visit {number}: ", priced.visit.expected
    for side in SIDES:
        found = getattr(priced, side)
        for name, value in getattr(expected, side):
            if value not in (None, found[name]):
                yield f"{where}{side}.{name} is {yuan(found[name])} yuan, expected {yuan(value)}."
    if expected.benefit_gap not in (None, priced.gap):
        yield f"{where}benefit_gap is {yuan(priced.gap)} yuan, expected {yuan(expected.benefit_gap or 0)}."
