"""Settling a person's visits: simlib agrees with a slow version to the fen, obeys the laws, and mutants are caught."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow import LISTS, ZERO, Slow, amounts, dec, random_person, random_policy, read, unmet

from simlib.benefits import pricing
from simlib.benefits.cases import Case
from simlib.benefits.pricing import BORNE

FILES = sorted((Path(__file__).parents[1] / "cases").glob("*.yaml"))
SHIPPED = {
    f"{path.stem}: {amounts(case['name'], 'en')['en']}": case
    for path in FILES
    for case in read(path)["cases"]
    if "area" not in case
}
PERSONS = st.integers(0, 10**9).map(lambda seed: random_person(Random(seed)))


def prices(raw: dict[str, Any]) -> list[dict[str, dict[str, Decimal]]]:
    """Return what simlib makes of a case, in decimal yuan."""
    done = pricing.settle(Case.model_validate(raw))
    return [
        {side: {name: Decimal(fen).scaleb(-2) for name, fen in getattr(priced, side).items()} for side in LISTS}
        for priced in done
    ]


def shown(priced: list[dict[str, dict[str, Decimal]]]) -> list[dict[str, dict[str, Decimal]]]:
    """Return what the slow version shows, its notes left out."""
    return [{side: {k: v for k, v in p[side].items() if k[0] != "_"} for side in LISTS} for p in priced]


# Shipped cases


@pytest.mark.parametrize("case", SHIPPED.values(), ids=SHIPPED)
def test_the_slow_version_meets_every_expectation_and_agrees(case: dict[str, Any]) -> None:
    assert bool(unmet(case, Slow())) == ("not_reproduced" in case)
    assert prices(case) == shown(Slow().person(case))


# Any person


@pytest.mark.parametrize("part", range(4))
def test_agrees_with_the_slow_version_to_the_fen(part: int) -> None:
    """Every component, both prices, the state carried over visits, reforms and Januaries: 4,000 persons."""
    for seed in range(1000 * part, 1000 * (part + 1)):
        raw = random_person(Random(seed))
        assert prices(raw) == shown(Slow().person(raw)), seed


@settings(max_examples=50)
@given(PERSONS)
def test_nothing_is_created_or_lost(raw: dict[str, Any]) -> None:
    for priced in pricing.settle(Case.model_validate(raw)):
        for side in LISTS:
            p = getattr(priced, side)
            assert min(p.values()) >= 0
            assert p["fund"] + p["account"] + p["cash"] == p["bill"]
            assert p["bill"] - sum(p[name] for name in BORNE) + 2 * p["floor_top_up"] == p["basic"]
            payers = ("large_sum", "catastrophic", "assistance", "tilt")
            assert p["basic"] + sum(p[name] for name in payers) == p["fund"]


@settings(max_examples=50)
@given(PERSONS, st.randoms(use_true_random=False))
def test_the_order_of_lines_is_irrelevant(raw: dict[str, Any], rng: Any) -> None:
    visits = [visit | {"bill": rng.sample(visit["bill"], len(visit["bill"]))} for visit in raw["visits"]]
    assert prices(raw) == prices(raw | {"visits": visits})


def with_lines(raw: dict[str, Any], change: Any) -> dict[str, Any]:
    """Return a person with every line of every bill changed."""
    return raw | {"visits": [v | {"bill": [line | change(line) for line in v["bill"]]} for v in raw["visits"]]}


@settings(max_examples=50)
@given(PERSONS)
def test_identical_lists_leave_no_gap(raw: dict[str, Any]) -> None:
    alike = with_lines(raw, lambda line: {"home": line["host"]} if "host" in line else {})
    assert all(priced.direct == priced.claim for priced in pricing.settle(Case.model_validate(alike)))


@settings(max_examples=50)
@given(PERSONS)
def test_swapping_lists_and_channels_swaps_the_prices(raw: dict[str, Any]) -> None:
    raw = raw | {"visits": [visit | {"rule": "host"} for visit in raw["visits"]]}
    swapped = with_lines(raw, lambda line: {"home": line["host"], "host": line["home"]} if "host" in line else {})
    ways = {"direct": "claim", "claim": "direct", "abandoned": "abandoned"}
    swapped["visits"] = [v | {"settled": ways[v["settled"]]} for v in swapped["visits"]]
    there, back = prices(raw), prices(swapped)
    assert [p["direct"] for p in there] == [p["claim"] for p in back]


@settings(max_examples=50)
@given(PERSONS)
def test_an_abandoned_visit_might_as_well_not_have_been(raw: dict[str, Any]) -> None:
    raw = raw | {"used_this_year": {}}
    rest = [n for n, visit in enumerate(raw["visits"]) if visit["settled"] != "abandoned"]
    if rest:
        every, without = prices(raw), prices(raw | {"visits": [raw["visits"][n] for n in rest]})
        assert [every[n] for n in rest] == without


@settings(max_examples=50)
@given(PERSONS)
def test_each_year_stands_alone_but_for_the_account(raw: dict[str, Any]) -> None:
    raw = raw | {"used_this_year": {}, "account": 0}
    years = [list(visits) for _, visits in groupby(raw["visits"], key=lambda visit: visit["date"][:4])]
    assert prices(raw) == [price for visits in years for price in prices(raw | {"visits": visits})]


def one_year(rng: Random, policy: dict[str, Any]) -> dict[str, Any]:
    """Return a person under one policy, every visit of one year settled directly."""
    raw = random_person(rng) | {"policy": policy, "used_this_year": {}}
    visits = [v | {"date": f"2024{v['date'][4:]}", "settled": "direct", "disease": "a"} for v in raw["visits"]]
    return raw | {"visits": sorted(visits, key=lambda visit: visit["date"])}


def plain_policy(rng: Random) -> dict[str, Any]:
    """Return a policy with a fixed deductible, caps that lie inside one another, over-limit amounts not left out.

    Large-sum insurance pays for what the yearly cap cuts alone: beside narrower caps, less paid below them leaves it a
    larger share, so that it goes without them here.
    """
    policy = random_policy(rng)
    for name in ("disease_cap", "disease_month_cap"):
        policy.pop(name, None)
    for name in {"cap", "kind_cap", "month_cap"} & policy.keys():
        policy[name] = amounts(policy[name], "amount")["amount"]
    if {"kind_cap", "month_cap"} & policy.keys():
        policy.pop("above_cap_ratio", None)
    policy.get("catastrophic", {}).pop("leaves_out_over_limit", None)
    return policy


def owed(raw: dict[str, Any]) -> int:
    """Return what the fund owes over all visits, fen."""
    return sum(priced.direct["fund"] for priced in pricing.settle(Case.model_validate(raw)))


@settings(max_examples=300)
@given(st.integers(0, 10**9), st.integers(1, 3000))
def test_a_higher_deductible_never_raises_what_is_owed_over_a_year(seed: int, more: int) -> None:
    rng = Random(seed)
    policy = plain_policy(rng)
    policy["deductible"] = {"amount": rng.randint(0, 2000), "per": rng.choice(["visit", "year", "month"])}
    higher = policy | {"deductible": policy["deductible"] | {"amount": policy["deductible"]["amount"] + more}}
    raw = one_year(rng, policy)
    # Each visit rounds in up to five layers.
    assert owed(raw | {"policy": higher}) <= owed(raw) + 5 * len(raw["visits"])


def test_that_law_needs_caps_that_lie_inside_one_another() -> None:
    """Two caps that cross: what the first visit no longer takes of each, two other visits take."""
    line = {"what": "x", "class": "甲"}
    visits = [
        {"date": "2024-01-05", "disease": "a", "bill": [line | {"amount": 100}]},
        {"date": "2024-01-09", "disease": "b", "bill": [line | {"amount": 200}]},
        {"date": "2024-02-05", "disease": "a", "bill": [line | {"amount": 200}]},
    ]
    caps = {"ratio": 1, "disease_cap": 150, "month_cap": 150}
    low, high = ({"name": "x", "policy": caps | {"deductible": d}, "visits": visits} for d in (0, 50))
    # 100 + 50 + 50 against 50 + 100 + 100.
    assert [owed(raw) for raw in (low, high)] == [200_00, 250_00]


# Mutants: each has one rule wrong, and some shipped case knows better


def deductible_first(self: Slow, share: Decimal, open_: Decimal, due: Decimal) -> tuple[Decimal, Decimal]:
    taken = min(open_, due)
    return self.cents(share * (open_ - taken)), taken


def share_of_scope(self: Slow, policy: Any, visit: Any, side: str, *rest: Any) -> Any:
    if "share_of_bill" in amounts(policy["deductible"], "amount"):
        visit = visit | {"bill": [line for line in visit["bill"] if line.get("class") != "unlisted"]}
    return Slow.price(self, policy, visit, side, *rest)


def ceiling_last(self: Slow, terms: Any, *rest: Any) -> Decimal:
    terms = amounts(terms, "amount")
    limits = {name: terms[name] for name in ("ceiling",) if name in terms}
    due = Slow.due(self, {k: v for k, v in terms.items() if k not in limits}, *rest)
    return min(due, dec(limits["ceiling"])) if limits else due


def due_for(**changed: Any) -> Any:
    return lambda self, terms, *rest: Slow.due(self, amounts(terms, "amount") | changed, *rest)


def counted_as(count: str) -> Any:
    def by_ratio(self: Slow, policy: Any, *rest: Any) -> Any:
        ratio = policy["ratio"]
        return Slow.by_ratio(
            self, policy | {"ratio": ratio | {"count": count}} if isinstance(ratio, dict) else policy, *rest
        )

    return by_ratio


def without(*names: str) -> Any:
    """Return how a price is computed where terms are forgotten."""

    def price(self: Slow, policy: Any, *rest: Any) -> Any:
        return Slow.price(self, {k: v for k, v in policy.items() if k not in names}, *rest)

    return price


def forgetful(**forgotten: Any) -> Any:
    """Return how layer 7 is computed where its terms are others; None forgets one."""

    def price(self: Slow, policy: Any, *rest: Any) -> Any:
        terms = policy.get("catastrophic")
        if terms:
            policy = policy | {"catastrophic": {k: v for k, v in (terms | forgotten).items() if v is not None}}
        return Slow.price(self, policy, *rest)

    return price


def capped_as(name: str, **changed: Any) -> Any:
    def room(self: Slow, cap: str, policy: Any, *rest: Any) -> Decimal:
        if policy.get(name) is not None:
            policy = policy | {name: amounts(policy[name], "amount") | changed}
        return Slow.room(self, cap, policy, *rest)

    return room


def keyed(**places: str) -> Any:
    """Return under what a visit counts where one key is mistaken for another."""

    def keys(self: Slow, case: Any, visit: Any) -> Any:
        found = Slow.keys(self, case, visit)
        return found | {name: found[other] for name, other in places.items()}

    return keys


def moved_by(way: str, case: dict[str, Any]) -> dict[str, Any]:
    visits = case.get("visits", [case])
    return case | {"visits": [visit | {"settled": way} for visit in visits]}


def none_abandoned(case: dict[str, Any]) -> dict[str, Any]:
    ways = {"abandoned": "direct"}
    visits = [visit | {"settled": visit.get("settled", "direct")} for visit in case.get("visits", [case])]
    return case | {"visits": [visit | {"settled": ways.get(visit["settled"], visit["settled"])} for visit in visits]}


def first_entry(self: Slow, case: Any, visit: Any) -> Any:
    policy = case["policy"]
    return Slow.policy(self, case if isinstance(policy, dict) else case | {"policy": policy[::-1]}, visit)


def merged_entries(self: Slow, case: Any, visit: Any) -> Any:
    policy, out = case["policy"], {}
    for entry in [] if isinstance(policy, dict) else policy:
        out |= Slow.policy(self, case | {"policy": [entry]}, visit)
    return out or policy


def kinds_as(kind: str) -> Any:
    return lambda self, visit, price, keys: Slow.moves(self, visit | {"kind": kind}, price, keys)


def no_running(self: Slow, name: str, terms: Any, before: Decimal, base: Decimal) -> Decimal:
    return Slow.payer(self, name, terms, ZERO, base)


def band_by_band(self: Slow, bands: list[Any], start: Decimal, stop: Decimal) -> Decimal:
    return sum((self.cents(Slow.banded(self, bands[: n + 1], start, stop) - Slow.banded(self, bands[:n], start, stop))
                for n in range(len(bands))), ZERO)  # fmt: skip


def of_the_cut(self: Slow, policy: Any, entering: Decimal, out: Any, uncapped: Decimal) -> tuple[Decimal, Decimal]:
    large = self.cents(dec(policy.get("above_cap_ratio", 0)) * out["above_cap"])
    return Slow.base(self, policy, entering, out, uncapped)[0], large


def left_out_besides(
    self: Slow, policy: Any, entering: Decimal, out: Any, uncapped: Decimal
) -> tuple[Decimal, Decimal]:
    base, large = Slow.base(self, policy, entering, out, uncapped)
    return (base - large if (policy.get("catastrophic") or {}).get("leaves_out_over_limit") else base), large


def account_early(self: Slow, policy: Any, out: Any, balance: Decimal) -> Decimal:
    return Slow.account(self, policy, out | {"fund": out["fund"] - out["assistance"] - out["tilt"]}, balance)


def anew_in_january(self: Slow, case: dict[str, Any]) -> Any:
    years = [list(visits) for _, visits in groupby(case.get("visits", [case]), key=lambda v: str(v.get("date"))[:4])]
    return [priced for visits in years for priced in Slow.visits(self, case | {"visits": visits})]


def same_base(self: Slow, policy: Any, *rest: Any) -> Any:
    """Tilt assistance sees what assistance sees."""
    out = Slow.price(self, policy | {"assistance": None}, *rest)
    both = Slow.price(self, policy, *rest)
    return both | {"tilt": out["tilt"]}


def rounding(mode: str) -> Any:
    return lambda self, amount: amount.quantize(Decimal("0.01"), mode)


MUTANTS: dict[str, dict[str, Any]] = {
    "half-even": {"cents": rounding(ROUND_HALF_EVEN)},
    "cut off": {"cents": rounding(ROUND_DOWN)},
    "no rounding": {"cents": lambda self, amount: amount},
    "rounded line by line": {"of_line": lambda self, amount: self.cents(amount)},
    "rounded band by band": {"banded": band_by_band},
    "a ceiling of the line": {"most": lambda self, ceiling, quantity: ceiling},
    "no ceiling": {"most": lambda self, ceiling, quantity: Decimal("Infinity")},
    "the host's list for both": {"lines": lambda self, bill, side, rule: Slow.lines(self, bill, "direct", rule)},
    "the home's list for both": {"lines": lambda self, bill, side, rule: Slow.lines(self, bill, "claim", rule)},
    "no rule of recognition": {"lines": lambda self, bill, side, rule: Slow.lines(self, bill, side, "host")},
    "deductible before the share for being away": {"first": deductible_first},
    "no share for being away": {"price": without("first_self_pay_away")},
    "no admission number": {"step": lambda self, admissions: 0},
    "the second admission for ever": {"step": lambda self, admissions: min(admissions, 1)},
    "admissions counted from the second": {"step": lambda self, admissions: min(max(admissions - 1, 0), 2)},
    "every visit an admission": {"moves": kinds_as("inpatient")},
    "no visit an admission": {"moves": kinds_as("outpatient")},
    "the share is of the amount in scope": {"price": share_of_scope},
    "no floor of the deductible": {"due": due_for(floor=0)},
    "no ceiling of the deductible": {"due": due_for(ceiling=None)},
    "the ceiling after the factor": {"due": ceiling_last},
    "no factor": {"due": due_for(factor=1)},
    "months dispensed forgotten": {"due": lambda self, terms, total, a, months: Slow.due(self, terms, total, a, 1)},
    "the deductible at every visit": {"already": lambda self, *rest: ZERO},
    "one deductible for all diseases": {"keys": keyed(disease="kind", disease_month="month")},
    "one deductible for the year": {"keys": keyed(month="kind")},
    "all bands gross": {"by_ratio": counted_as("gross")},
    "all bands net": {"by_ratio": counted_as("net")},
    "bands of the visit": {"yearly": lambda self, terms: False},
    "bands of the year": {"yearly": lambda self, terms: True},
    "yearly bands of all kinds together": {"keys": keyed(kind="year")},
    "no points off": {"price": without("points_off")},
    "no factor on the ratio": {"price": without("ratio_factor")},
    "points off as a share": {"away": lambda self, ratio, policy: ratio * (1 - dec(policy.get("points_off", 0)))},
    "the factor before the points": {
        "away": lambda self, ratio, policy: max(
            ratio * dec(policy.get("ratio_factor", 1)) - dec(policy.get("points_off", 0)), ZERO
        )
    },
    "a ratio below 0": {"away": lambda self, ratio, policy: ratio - dec(policy.get("points_off", 0))},
    "no floor ratio": {"price": without("floor_ratio")},
    "the floor after the deductible": {
        "floor": lambda self, share, entering, taken, paid: max(paid, self.cents(share * (entering - taken)))
    },
    "the floor on top": {"floor": lambda self, share, entering, taken, paid: paid + self.cents(share * entering)},
    **{f"no {name}": {"price": without(name)} for name in (
        "cap", "kind_cap", "month_cap", "disease_cap", "disease_month_cap", "above_cap_ratio", "catastrophic",
        "assistance", "tilt", "account_in_scope_only",
    )},
    "the monthly cap of the year": {"keys": keyed(month="kind")},
    "caps without months dispensed": {
        "room": lambda self, cap, policy, visit, *rest: Slow.room(self, cap, policy, visit | {"months": 1}, *rest)
    },
    "the yearly cap of one kind": {
        "room": lambda self, cap, policy, visit, used, keys: capped_as("cap", kinds=[keys["kind"][-1]])(
            self, cap, policy, visit, used, keys
        )
    },
    "the yearly cap of all kinds": {"room": capped_as("cap", kinds=None)},
    "the monthly cap of its kind": {"room": capped_as("month_cap", kinds=None)},
    "caps count what others paid": {
        "moves": lambda self, visit, price, keys: Slow.moves(self, visit, price | {"basic": price["fund"]}, keys)
    },
    "class B never counts": {"price": forgetful(counts_class_b=None)},
    "class B always counts": {"price": forgetful(counts_class_b=True)},
    "being away never counts": {"price": forgetful(counts_away=None)},
    "being away always counts": {"price": forgetful(counts_away=True)},
    "over the limit always counts": {"price": forgetful(leaves_out_over_limit=None)},
    "over the limit never counts": {"price": forgetful(leaves_out_over_limit=True)},
    "no cap on catastrophic": {"price": forgetful(cap=None)},
    "catastrophic bands gross": {"net": lambda self, terms: False},
    "catastrophic bands net": {"net": lambda self, terms: True},
    "thresholds of the visit": {"payer": no_running},
    "unlisted counts in layer 7": {
        "base": lambda self, policy, entering, out, uncapped: (
            (found := Slow.base(self, policy, entering, out, uncapped))[0] + out["unlisted"] + out["over_ceiling"],
            found[1],
        )
    },
    "large-sum pays of the payment that is cut": {"base": of_the_cut},
    "large-sum is left out besides": {"base": left_out_besides},
    "assistance before catastrophic": {"payers": ("assistance", "catastrophic", "tilt")},
    "tilt before assistance": {"payers": ("catastrophic", "tilt", "assistance")},
    "tilt on the base of assistance": {"price": same_base},
    "account before assistance": {"account": account_early},
    "no account": {"account": lambda self, *rest: ZERO},
    "account anew in January": {"visits": anew_in_january},
    "nothing ends in January": {"year": lambda self, date: ""},
    "an abandoned visit counts": {"visits": lambda self, case: Slow.visits(self, none_abandoned(case))},
    "the state moves by direct settlement": {"visits": lambda self, case: Slow.visits(self, moved_by("direct", case))},
    "the state moves by claims": {"visits": lambda self, case: Slow.visits(self, moved_by("claim", case))},
    "nothing is carried": {"moves": lambda self, *rest: []},
    "nothing was used up before": {"open": lambda self, case, used: None},
    "the first entry that fits": {"policy": first_entry},
    "entries are merged": {"policy": merged_entries},
}  # fmt: skip


@pytest.mark.parametrize("rules", MUTANTS.values(), ids=MUTANTS)
def test_some_shipped_case_catches(rules: dict[str, Any]) -> None:
    mutant = type("Mutant", (Slow,), rules)()
    assert any(unmet(case, mutant) for case in SHIPPED.values() if "not_reproduced" not in case)
