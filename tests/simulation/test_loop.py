"""The compiled loop itself: random policies, bills and years, equal to the slow decimal version to the fen."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import numba
import numpy as np
import pytest
from slow import Slow, of_disease, random_policy

from simlib.amounts import AMOUNTS, FUND
from simlib.benefits import layers
from simlib.benefits.layers import split_bill
from simlib.benefits.policy import Terms, record
from simlib.patients import visits
from simlib.patients.chronic import RUNGS
from simlib.patients.response import Answer
from simlib.randomness import below, key_of, mix, odds_of
from simlib.simulation import loop, simulate
from simlib.simulation.loop import Cells
from simlib.simulation.visit import DRAW, MEASURE, Tables
from simlib.terms import CHANNELS, CHRONIC, KINDS, MONTHS, PPM, PURPOSES, STEPS

LISTED = ({"class": "unlisted"}, {"class": "甲", "ceiling": 0}, {"class": "乙", "self_pay": 1}, {"class": "甲"})
"""What a list says of the parts of a bill, in the order of a cover."""


def lines(total: int, at_host: list[int], at_home: list[int]) -> list[dict[str, Any]]:
    """Return a bill of so many fen as lines: cut where either list goes over to its next part."""
    ends = {
        "host": np.cumsum(split_bill(total, *at_host)[1:]).tolist(),
        "home": np.cumsum(split_bill(total, *at_home)[1:]).tolist(),
    }
    cuts = sorted({0, total, *ends["host"], *ends["home"]})
    return [
        {"what": "x", "amount": (high - low) / 100}
        | {list_: LISTED[sum(end <= low for end in parts)] for list_, parts in ends.items()}
        for low, high in pairwise(cuts)
    ]


class Life:
    """One person of the first of two areas who goes to the second, under random policies; bills do not vary."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.terms = [self.policy(k) for k in range(len(KINDS))]
        self.bills = [rng.randint(100, 10 ** rng.choice([5, 6, 7, 8])) for _ in KINDS]
        self.covers = [[sorted(rng.choices([0, rng.randint(0, PPM), PPM // 3], k=3)) for _ in KINDS] for _ in "ab"]
        self.claimed = rng.random() < 0.4
        self.cells = Cells(*(np.array([n]) for n in (rng.randint(1, 15), 0, 0, 0, 1, 1, rng.randint(1, 9), 7, 3, 0)))
        self.draw = self.what_is_drawn()
        self.key = np.uint64(mix(np.uint64(mix(self.draw["key"], 7)), 3))

    def policy(self, kind: int) -> dict[str, Any]:
        """Return a random policy; only chronic care counts anything by disease."""
        policies = iter(lambda: random_policy(self.rng), None)
        return next(policy for policy in policies if kind == CHRONIC or not of_disease(policy))

    def what_is_drawn(self) -> Any:
        """Return a draw in which all conditions are met, or none and every claim that pays is made."""
        out = np.zeros(1, dtype=DRAW)
        for row in range(len(out["counts"][0])):
            out["counts"][0, row] = np.arange(visits.MOST_VISITS) >= self.rng.randint(0, 4)
        out["diseases"], out["disease_bill"] = 1.0, 1.0  # all have the first
        out["season"], out["tiers"], out["baskets"] = np.arange(1, MONTHS + 1) / MONTHS, 1.0, 1
        out["key"], out["balances"] = key_of(self.rng.randint(0, 10**6)), visits.balances(self.rng.choice([1.0, 1e5]))
        out["open"] = odds_of(0.0 if self.claimed else 1.0)
        return out[0]  # no hassle and no reluctance

    def read(self) -> tuple[Any, ...]:
        """Return what the loop reads but for the people, and what it adds to."""
        policies = np.zeros(len(KINDS), dtype=layers.POLICY)
        for k, terms in enumerate(self.terms):
            policies[k] = record(Terms.model_validate(terms), k)
        which = np.repeat(np.arange(len(KINDS)), 6 * MONTHS * 3)[None].repeat(4, axis=0).astype(np.uint16)
        cover = np.array(self.covers, dtype=np.uint32).reshape(-1, 3)
        scale = np.repeat(np.array(self.bills, dtype=float), 6)[:, None]
        slot, measure = np.zeros((2, 4 * len(KINDS), MONTHS), dtype=np.uint16)
        slot[len(KINDS) : 2 * len(KINDS)] = 1  # of the first area with the second
        measures = np.zeros(1, dtype=MEASURE)
        listed, ladder = np.zeros((4, MONTHS), dtype=np.uint16), np.full((1, RUNGS), 0xFFFF, dtype=np.uint16)
        period, _ = simulate.summed_apart(np.zeros((8 * len(KINDS), MONTHS), dtype=bool), by_month=True)
        home = np.zeros(2, dtype=np.int64), np.ones((2, 1))
        arrays = (scale, np.ones(1), policies, which, cover, slot, measure, listed, ladder, *home, measures)
        return self.draw, Tables(*arrays), simulate.nobody(2, period, MONTHS)

    def live(self) -> Any:
        """Return the totals of the loop, (kind, month, amount)."""
        draw, tables, sums = self.read()
        loop.loop(self.cells, draw, tables, sums, None)
        by_month, paid = (of.reshape(-1, len(KINDS), 8, MONTHS, of.shape[-1]).sum(axis=(0, 2)) for of in sums[:2])
        assert (paid == by_month[..., FUND : FUND + 2]).all()
        return by_month // self.cells.weight[0]

    def case(self) -> dict[str, Any]:
        """Return the same life as a case: its visits are drawn with the same luck."""
        when, order = np.zeros(800, dtype=np.uint8), np.zeros(800, dtype=np.uint8)
        disease = loop.disease_of(self.key, self.cells.uses[0], self.draw)
        number = loop.draw_visits(self.key, self.cells.uses[0], disease, self.draw, when)
        loop.in_order(when, number, np.zeros(MONTHS * len(KINDS), dtype=np.uint32), order)
        balance = int(self.draw["balances"][below(np.uint64(mix(self.key, visits.BALANCE)), STEPS)])
        told = []
        for month, k in (divmod(int(code), len(KINDS)) for code in order[:number]):
            bill = lines(self.bills[k], self.covers[1][k], self.covers[0][k])
            told.append({"date": f"2024-{month + 1:02}-01", "kind": KINDS[k], "bill": bill, "settled": "direct"})
            told[-1] |= {"disease": "a"} if k == CHRONIC else {}
        policy = [{"when": {"kind": kind}, **terms} for kind, terms in zip(KINDS, self.terms, strict=True)]
        return {"name": "x", "account": balance / 100, "policy": policy, "visits": told}


def slowly(life: Life) -> dict[tuple[int, int, str], Decimal]:
    """Return what the slow version makes of a life, by kind, month and amount: fen and visits."""
    case, out, rules = life.case(), defaultdict(Decimal), Slow()
    for number, visit in enumerate(case["visits"]):
        priced = rules.person(case | {"visits": case["visits"][: number + 1]})[number]
        if life.claimed:
            visit["settled"] = "claim" if priced["claim"]["fund"] else "abandoned"
        way = {"direct": "direct", "claim": "claimed", "abandoned": "abandoned"}[visit["settled"]]
        found = priced["direct" if way == "direct" else "claim"]
        at = KINDS.index(visit["kind"]), int(visit["date"][5:7]) - 1
        out[(*at, f"visits_{way}")] += 1
        out[(*at, f"bill_{way}")] += found["bill"] * 100
        out[(*at, "benefit_gap")] += (priced["direct"]["fund"] - priced["claim"]["fund"]) * 100
        if way != "abandoned":
            out[(*at, f"fund_{way}")] += found["fund"] * 100
            out[(*at, "fund_supplement")] += (found["fund"] - found["basic"]) * 100
            out[(*at, "account")] += found["account"] * 100
    return {key: amount for key, amount in out.items() if amount}


COMPARED = (
    *(name for name in AMOUNTS if name in [f"{of}_{way}" for of in ("visits", "bill") for way in CHANNELS]),
    *("fund_direct", "fund_claimed", "fund_supplement", "account", "benefit_gap"),
)


@pytest.mark.parametrize("part", range(4))
def test_the_loop_agrees_with_the_slow_version_to_the_fen(part: int) -> None:
    """Five hundred lives each: every form that a visit without a disease can meet, state, account, both channels."""
    paid = claimed = 0
    for seed in range(500 * part, 500 * (part + 1)):
        life = Life(Random(seed))
        totals = life.live()
        found = {
            (k, m, name): Decimal(int(totals[k, m, AMOUNTS.index(name)]))
            for k, m in np.ndindex(totals.shape[:2])
            for name in COMPARED
        }
        assert {key: amount for key, amount in found.items() if amount} == slowly(life), seed
        paid, claimed = paid + (life.claimed is False), claimed + life.claimed
    assert min(paid, claimed) > 100


def test_no_visit_counts_who_holds_an_array() -> None:
    """Numba counts at every visit, in memory, an array that a rule reads in a branch only: slower than all pricing.

    Each array is counted once, when the loop begins, and one more while room is made.
    """
    people, odds = np.ones(len(PURPOSES), dtype=bool), np.zeros((8 * len(KINDS), MONTHS), dtype=np.uint64)
    answer = Answer(odds, np.ones(odds.shape), np.uint64(0), people)
    life = Life(Random(0))
    draw, tables, sums = life.read()
    fresh = numba.njit(error_model="numpy")(loop.loop.py_func)  # what comes from a cache cannot be looked into
    fresh(life.cells, draw, tables, sums, answer)
    arrays = [of for of in (*life.cells, *tables, *sums, *answer) if isinstance(of, np.ndarray)]
    (code,) = fresh.inspect_llvm().values()
    assert len(re.findall(r"call .*@NRT_incref", code)) == len(arrays) + 1
    assert sum(of.any() for of in sums[:3]) == 0  # nobody is real
