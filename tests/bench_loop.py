"""How fast the compiled loop is, alone and against a NumPy twin that must give the same integers: one JSON line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib import areas, enacted, loop, metrics, scenario, simulate, solve, terms, visits
from simlib.benefits import MOST_BANDS, NO_LIMIT_FEN, PER_MONTH, PER_YEAR
from simlib.terms import ABANDONED, CLAIMED, DIRECT, KINDS, LOCAL, LONG_STAY, MEMBERS, MONTHS, SCHEMES, TIERS, UNFILED

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
U = np.uint64

ROOT = Path(__file__).parent.parent
SCENARIO = ROOT / "scenarios" / "delta_mutual_recognition.yaml"
NATION = 240_000_000
"""Visits that the nation settled directly in 2024, inpatient and outpatient: 238 million."""
SIZES = {False: (NATION, 1_000_000, 8_000_000, 5), True: (1_000_000, 20_000, 50_000, 2)}
"""By --quick: visits of the nation, people of the check and of the twin, people on all cores, repetitions."""
CHUNK, TWIN_CHUNK = 1 << 20, 1 << 14
"""People at a time; the twin's make about 64 thousand visits, the best of those tried."""

# The twin: luck

GOLDEN = 0x9E3779B97F4A7C15
STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def step(part: int) -> np.uint64:
    """Return what `luck.mix` adds to a key for a part."""
    return U((part + 1) * GOLDEN % 2**64)


def mix(key: Keys, added: Any) -> Keys:
    """Return `luck.mix` of keys and what `step` gave, in place but for one copy."""
    z = key + added
    shifted = np.empty_like(z)
    for bits, factor in STEPS:
        z ^= np.right_shift(z, U(bits), out=shifted)
        z *= U(factor)
    z ^= np.right_shift(z, U(31), out=shifted)
    return z


def uniform(key: Keys) -> npt.NDArray[np.float64]:
    """Return `luck.uniform` of keys."""
    u = (key >> U(12)).view(np.int64).astype(np.float64)
    u += 0.5
    u *= 1.0 / 4503599627370496.0
    return u


def below(key: Keys, number: int) -> Ints:
    """Return `luck.below` of keys."""
    k = key >> U(32)
    k *= U(number)
    k >>= U(32)
    return k.view(np.int64)


def pick(table: Any, u: Any) -> Ints:
    """Return `visits.pick_one` of a short table; comparing with every entry is faster here than searching."""
    found = np.zeros(u.shape, dtype=np.uint8)
    for limit in table[:-1]:
        found += u > limit
    return found.astype(np.int64)


def bills(mean_fen: Any, quantile: Any) -> Ints:
    """Return `visits.bill_fen` of many visits."""
    mean_fen *= quantile
    mean_fen += 0.5
    return np.maximum(mean_fen.astype(np.int64), 100)


# The twin: rules


def rounded(amount: Ints) -> Ints:
    """Return `benefits.rounded` of amounts, in place."""
    amount += 500_000
    unsigned = amount.view(U)
    unsigned //= U(1_000_000)
    return amount


def scaled(amount: Ints, numerator: Ints, denominator: Ints) -> Ints:
    """Return `benefits.scaled` of amounts: a quotient near enough, then the exact rest, which is small, modulo 2^64."""
    near = (amount.astype(np.float64) * numerator / denominator).astype(np.int64)
    rest = amount * numerator - near * denominator
    return near + rest // denominator + (2 * (rest % denominator) >= denominator)


class Bands:
    """Bands by row of a table of policies: what they pay is linear but for knots, where the ratio changes."""

    def __init__(self, count: Ints, ends: Ints, ratios: Ints) -> None:
        """Turn ends and ratios, (row, band), into the first ratio, knots and the change of the ratio at each."""
        paying = np.where(np.arange(MOST_BANDS) < count[:, None], ratios, 0)
        knots = np.where(np.arange(MOST_BANDS) < count[:, None], ends, NO_LIMIT_FEN)
        change = np.diff(paying, axis=1, append=0) * (knots < NO_LIMIT_FEN)
        used = change.any(axis=0)
        self.first, self.bent = paying[:, 0].copy(), change.any(axis=1)
        self.knots, self.changes = (list(np.ascontiguousarray(table.T[used])) for table in (knots, change))

    def paid(self, row: Ints, start: Ints, stop: Ints) -> Ints:
        """Return `benefits.banded` of slices, fen x ppm."""
        out = (stop - start) * self.first.take(row)
        for knot, change in zip(self.knots, self.changes, strict=True):
            at = knot.take(row)
            out += (np.maximum(stop - at, 0) - np.maximum(start - at, 0)) * change.take(row)
        return out


class Policies:
    """All policies by column; a form that the twin leaves out, and any policy uses, is refused."""

    left_out = ("floor_ratio_ppm", "catastrophic_bands", "assistance_ratio_ppm", "tilt_ratio_ppm", "account_in_scope")

    def __init__(self, policies: Any) -> None:
        """Take the columns."""
        for name in self.left_out:
            assert not policies[name].any(), f"a policy uses {name}: teach the twin, which leaves it out"
        capped = policies["month_cap_fen"] < NO_LIMIT_FEN
        assert not (capped & (policies["limits"] > 0)).any(), "a policy has a monthly cap: teach the twin"
        assert (policies["deductible_period"] != PER_MONTH).all(), "a policy has a monthly deductible: teach the twin"
        self.column = {name: np.ascontiguousarray(policies[name]).ravel() for name in policies.dtype.names}
        self.column["per_year"] = (policies["deductible_period"] == PER_YEAR).astype(np.int64)
        self.column["net"] = 1 - policies["bands_gross"]
        self.bands = Bands(policies["bands"], policies["band_to_fen"], policies["ratio_ppm"])

    def of(self, name: str, row: Ints) -> Ints:
        """Return a column at some rows."""
        return self.column[name].take(row)


class Year:
    """What people have used up: the columns of `benefits.YEAR` that these policies ask for; by kind, then person."""

    def __init__(self, policies: Policies, people: int) -> None:
        """Begin the year of so many people."""
        self.policies, self.people = policies, people
        self.admissions = np.zeros(people, dtype=np.int64)
        self.deductible, self.reached, self.paid = np.zeros((3, len(KINDS), people), dtype=np.int64)

    def settle(self, row: Ints, who: Any, at: Ints, entering: Ints, total: Ints) -> tuple[Ints, Ints, Ints]:
        """Return fund, basic and deductible as `benefits.settle` does, layers 4 to 6, of many visits.

        who : people, a slice or an index. at : their place in a column by kind. entering, total : what layer 4 sees,
        the bill; what enters may be of several prices, (price, visit).
        """
        p = self.policies
        deductible = np.minimum(entering, self.due(row, who, at, total))
        net = entering - deductible
        amount = net * p.bands.first.take(row)
        bent = np.flatnonzero(p.bands.bent.take(row))
        if bent.size:
            r, before = row[bent], self.reached.ravel().take(at[bent])
            start = before * p.of("bands_yearly", r) + deductible[..., bent] * p.of("bands_gross", r)
            amount[..., bent] = p.bands.paid(r, start, start + net[..., bent])
        uncapped = rounded(amount)
        basic = np.minimum(uncapped, self.room(row, who))
        cut = np.nonzero(basic < uncapped)
        if not cut[0].size:
            return basic, basic, deductible
        fund, whole = basic.copy(), uncapped[cut]
        above = net[cut] * p.of("above_cap_ratio_ppm", row[cut[-1]])
        large_sum = scaled(above, whole - basic[cut], whole * 1_000_000)
        fund[cut] += np.minimum(large_sum, entering[cut] - basic[cut])
        return fund, basic, deductible

    def due(self, row: Ints, who: Any, at: Ints, total: Ints) -> Ints:
        """Return what is left of the deductible."""
        p, admission = self.policies, np.minimum(self.admissions[who], 2)
        admission += 3 * row
        due = total * p.of("deductible_share_ppm", admission)
        np.maximum(due, p.of("deductible_low", admission), out=due)
        np.minimum(due, p.of("deductible_high", admission), out=due)
        due = rounded(due)
        due -= self.deductible.ravel().take(at) * p.of("per_year", row)
        return np.maximum(due, 0, out=due)

    def room(self, row: Ints, who: Any) -> Ints:
        """Return what all caps leave."""
        p = self.policies
        room = p.of("cap_fen", row) - counted(self.paid, who, p.of("cap_kinds", row))
        some = np.flatnonzero(p.of("limits", row))
        if some.size:
            r, person = row[some], np.arange(self.people)[who][some]
            left = p.of("kind_cap_fen", r) - counted(self.paid, person, p.of("kind_cap_kinds", r))
            room[some] = np.minimum(room[some], left)
        return np.maximum(room, 0, out=room)

    def advance(self, row: Ints, who: Any, at: Ints, entering: Ints, basic: Ints, deductible: Ints, stay: Any) -> None:
        """Do as `benefits.advance`."""
        self.admissions[who] += stay
        reached = entering - deductible * self.policies.of("net", row)
        for column, amount in ((self.deductible, deductible), (self.reached, reached), (self.paid, basic)):
            column.reshape(-1)[at] += amount


def counted(by_kind: Ints, who: Any, kinds: Ints) -> Ints:
    """Return `benefits.counted` of people."""
    out = by_kind[0, who] * (kinds & 1)
    out += by_kind[1, who] * (kinds >> 1 & 1)
    return out


# The twin: people and their visits


class Twin:
    """The compiled loop once more in NumPy, a chunk of people at a time, first visits first, then second, and so on."""

    def __init__(self, draw: Any, arrays: tuple[Any, ...], totals: Ints, places: int) -> None:
        """Take what the loop takes, tables by column where only columns are asked for."""
        self.draw = SimpleNamespace(**{name: draw[name] for name in draw.dtype.names})
        self.places, self.totals = places, totals
        scale, self.quantiles, policies, which, cover, slot, free = arrays
        self.policies, self.asked = Policies(policies), which.shape[1]
        self.scale, self.which, self.slot, self.free = scale.ravel(), which.ravel(), slot.ravel(), free.ravel()
        self.cover = cover[:, 2].astype(np.int64)  # running sum of what layers 1 and 2 take off

    def live(self, cells: Any) -> int:
        """Live one chunk and book it; return the visits lived through."""
        self.people(cells)
        self.visits()
        self.year = Year(self.policies, len(self.key))
        if self.draw.care_at_home:
            self.care_at_home()
        self.gates_and_bills()
        self.prices()
        self.book(cells)
        return len(self.owner)

    def people(self, cells: Any) -> None:
        """Name the people, those with most visits first, so that whoever still has a visit stands in front."""
        cell = np.repeat(np.arange(len(cells.number)), cells.number)
        person = np.arange(len(cell)) - np.repeat(np.cumsum(cells.number) - cells.number, cells.number)
        keys = mix(U(self.draw.key) + (cells.code.astype(U) + U(1)) * U(GOLDEN), U(0))
        key = mix(keys[cell], ((cells.start[cell] + person).astype(U) + U(1)) * U(GOLDEN))
        counts = np.zeros((len(KINDS), len(key)), dtype=np.int64)
        for k in range(len(KINDS)):
            uses = np.flatnonzero(cells.uses[cell] != 1 - k)
            u = uniform(mix(key[uses], step(visits.HOW_MANY + k)))
            counts[k, uses] = np.searchsorted(self.draw.counts[k], u) + 1
        first = np.argsort(-counts.sum(axis=0).astype(np.int16), kind="stable")
        self.key, self.counts, self.cell = key[first], counts[:, first], cell[first]
        self.half = (cells.half[self.cell] + person[first]) & 1
        self.s, self.p, self.h, self.t = (
            column[self.cell].astype(np.int64) for column in (cells.scheme, cells.purpose, cells.home, cells.host)
        )
        retired = mix(self.key, step(visits.RETIRED)) < self.draw.retired[self.s]
        self.insured = ((self.h * len(SCHEMES) + self.s) * len(MEMBERS) + retired) * self.asked
        luck = np.log(uniform(mix(self.key, step(visits.BALANCE))))
        self.balance = np.where(self.s == terms.EMPLOYEE, (-self.draw.account_fen * luck).astype(np.int64), 0)

    def visits(self) -> None:
        """Date the visits and put them in order: wave by wave, in a wave person by person."""
        person, codes = np.arange(len(self.key)), []
        for k, count in enumerate(self.counts):
            owner = np.repeat(person, count)
            nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
            when = mix(self.key, step(visits.WHEN + k))[owner]
            month = pick(self.draw.season, uniform(mix(when, (nth.astype(U) + U(1)) * U(GOLDEN))))
            codes.append((owner << 5 | month << 1 | k).astype(np.int32))
        code = np.sort(np.concatenate(codes)).astype(np.int64)
        count = self.counts.sum(axis=0)
        nth = np.arange(len(code)) - np.repeat(np.cumsum(count) - count, count)
        self.waves = np.bincount(nth)
        self.begin = np.concatenate([[0], np.cumsum(self.waves)])
        place = self.begin.take(nth)
        place += code >> 5
        date = np.empty_like(code)
        date[place] = code & 31
        self.k, self.month = date & 1, date >> 1
        self.owner = np.arange(len(code)) - np.repeat(self.begin[:-1], self.waves)
        added = np.array([step(visits.OF_VISIT + j) for j in range(len(self.waves))])
        self.luck = mix(self.key[self.owner], np.repeat(added, self.waves))

    def row(self, insured: Ints, kind: Any, filing: Any, month: Ints, tier: Any) -> Ints:
        """Return the policies that people are asked for."""
        column = ((kind * (LOCAL + 1) + filing) * MONTHS + month) * len(TIERS) + tier
        return self.which.take(insured + column).astype(np.int64)

    def care_at_home(self) -> None:
        """Do as `loop.care_at_home` for everybody but those who live away."""
        draw = self.draw
        who = np.flatnonzero(self.p != LONG_STAY)
        month, s, key = self.month[: len(self.key)][who], self.s[who], self.key[who]
        u = uniform(mix(key, step(visits.ADMITTED)))
        admissions = (draw.admissions[s, month] < u[:, None]).sum(axis=1)
        for j in range(admissions.max(initial=0)):
            some = np.flatnonzero(admissions > j)
            own = mix(key[some], step(visits.AT_HOME + 1 + j))
            tier = pick(draw.tiers_home, uniform(mix(own, step(visits.WHICH_TIER))))
            dear = self.quantiles.take(below(mix(own, step(visits.HOW_DEAR)), len(self.quantiles)))
            bill = bills(draw.admission_fen[s[some], tier], dear)
            self.at_home(who[some], terms.INPATIENT, month[some] // 2, tier, bill)
        dear = self.quantiles.take(below(mix(key, step(visits.AT_HOME)), len(self.quantiles)))
        bill = bills(draw.outpatient_fen[s] * (month + 0.5), dear)
        self.at_home(who, terms.OUTPATIENT, month // 2, 1, bill)

    def at_home(self, who: Ints, k: int, month: Ints, tier: Any, bill: Ints) -> None:
        """Settle and book one bill at home of each of some people."""
        row, at = self.row(self.insured[who], k, LOCAL, month, tier), who + k * len(self.key)
        entering = self.entering_at(row, rounded(bill * self.draw.in_scope_ppm))
        _, basic, deductible = self.year.settle(row, who, at, entering, bill)
        self.year.advance(row, who, at, entering, basic, deductible, k == terms.INPATIENT)

    def entering_at(self, row: Ints, after: Ints) -> Ints:
        """Return what layer 3 leaves of what layers 1 and 2 left."""
        return after - rounded(after * self.policies.of("first_share_ppm", row))

    def gates_and_bills(self) -> None:
        """Find all that does not hang on the year: bills, both splits, gates, policies."""
        draw, k, owner = self.draw, self.k, self.owner
        s, p, h, t = (column[owner] for column in (self.s, self.p, self.h, self.t))
        tier = pick(draw.tiers, uniform(mix(self.luck, step(visits.WHICH_TIER))))
        basket = below(mix(self.luck, step(visits.WHICH_BASKET)), draw.baskets)
        mean = self.scale.take(((k * len(SCHEMES) + s) * len(TIERS) + tier) * draw.baskets + basket)
        dear = self.quantiles.take(below(mix(self.luck, step(visits.HOW_DEAR)), len(self.quantiles)))
        self.bill = bills(mean, dear)
        networked = mix(self.luck, step(visits.CONNECTED)) < draw.networked[k]
        place = ((h * self.places + t) * len(KINDS) + k) * MONTHS + self.month
        fault = (mix(self.luck, step(visits.FILED)) < draw.fault[k]) & (p != terms.EMERGENCY) & ~self.free[place]
        some = np.flatnonzero(fault)
        mended = mix(self.luck[some], step(visits.MENDED)) < draw.mended[k[some]]
        self.unfiled = some[~mended]
        self.cause = np.where(networked, loop.CAUSE_CHOICE, loop.CAUSE_NETWORKED)
        self.cause[self.unfiled] = np.where(networked[self.unfiled], loop.CAUSE_FILED, loop.CAUSE_NETWORKED)
        networked[self.unfiled] = False
        self.met = networked
        attention = mix(self.key, step(visits.ATTENTIVE))
        self.attentive = (attention[owner] < draw.attention[k]) & self.met
        insured = self.insured[owner]
        self.rows = self.row(insured, k, p, self.month, tier)
        insured, kind, month, tier = (a[self.unfiled] for a in (insured, k, self.month, tier))
        self.unfiled_rows = self.row(insured, kind, UNFILED, month, tier)
        own = (h * len(KINDS) + k) * draw.baskets + basket
        abroad = (self.slot[place].astype(np.int64) * len(KINDS) + k) * draw.baskets + basket
        after = self.bill - rounded(self.bill * self.cover.take(np.stack([abroad, own])))
        self.entering = self.entering_at(self.rows, after)
        self.unfiled_entering = self.entering_at(self.unfiled_rows, after[1][self.unfiled])

    def dated(self, tier: Ints) -> tuple[Ints, Ints]:
        """Return month and tier of visits without a filing."""
        return self.month[self.unfiled], tier[self.unfiled]

    def prices(self) -> None:
        """Price the visits in waves, choose, and move the year on."""
        number, draw = len(self.owner), self.draw
        self.channel, self.paid, self.basic, self.gap, self.account = (
            np.empty(number, dtype=np.int64) for _ in range(5)
        )
        self.failing = np.flatnonzero(~self.met)
        self.claim_luck = uniform(mix(self.luck[self.failing], step(visits.CLAIMS)))
        self.hassle = draw.hassle_fen[self.k]
        parts = (np.searchsorted(index, self.begin) for index in (self.failing, self.unfiled))
        failing, unfiled = (list(pairwise(found)) for found in parts)
        for j, people in enumerate(self.waves):
            self.wave(slice(self.begin[j], self.begin[j + 1]), slice(0, people), slice(*failing[j]), slice(*unfiled[j]))

    def wave(self, v: slice, who: slice, failing: slice, unfiled: slice) -> None:
        """Price one visit of everybody who still has one.

        v : the visits. who : people. failing, unfiled : parts of the visits that fail a condition, have no filing.
        """
        year, draw, k, row = self.year, self.draw, self.k[v], self.rows[v]
        at = k * year.people
        at += self.owner[v]
        both = year.settle(row, who, at, self.entering[:, v], self.bill[v])
        (direct, claim), hassle = both[0], self.hassle[v]
        self.gap[v] = direct - claim
        claims = self.attentive[v] & (claim - direct - hassle - draw.waiting * claim > 0)
        own = self.met[v] & ~claims
        *owed, entering = (np.where(own, *prices) for prices in (*both, self.entering[:, v]))
        fund, basic, deductible = owed
        final = row
        lost = self.unfiled[unfiled] - v.start
        if lost.size:
            r, after, final = self.unfiled_rows[unfiled], self.unfiled_entering[unfiled], row.copy()
            again = year.settle(r, lost, at[lost], after, self.bill[v][lost])
            for column, amount in zip((final, entering, *owed), (r, after, *again), strict=True):
                column[lost] = amount
        channel = np.where(own, DIRECT, CLAIMED)
        failed = self.failing[failing] - v.start
        paid = fund[failed]
        with np.errstate(divide="ignore", over="ignore"):
            score = np.log(paid / (hassle[failed] + draw.waiting * paid)) / draw.spread
            keeps = (self.claim_luck[failing] < 1.0 / (1.0 + np.exp(-score))) & (paid > 0)
        channel[failed] = np.where(keeps, CLAIMED, ABANDONED)
        self.channel[v], self.paid[v], self.basic[v], self.rows[v] = channel, fund, basic, final
        kept = channel != ABANDONED
        account = np.minimum(self.balance[who], self.bill[v] - fund) * kept
        self.account[v] = account
        self.balance[who] -= account
        for column in (entering, basic, deductible):
            column[failed[~keeps]] = 0
        year.advance(final, who, at, entering, basic, deductible, (k == terms.INPATIENT) & kept)

    def book(self, cells: Any) -> None:
        """Add the chunk to the totals, each (half, kind, scheme, home, host, month) once."""
        n = self.places
        pairs, pair = np.unique((cells.scheme.astype(np.int64) * n + cells.home) * n + cells.host, return_inverse=True)
        block = len(KINDS) * MONTHS
        into = ((pair[self.cell] * 2 + self.half) * block)[self.owner] + self.k * MONTHS + self.month
        weight = cells.weight.astype(np.float64)[self.cell][self.owner]
        out = np.zeros((len(pairs) * 2 * block, len(loop.AMOUNTS)), dtype=np.int64)

        def add(first: int, amount: Any, some: Any = slice(None), which: Any = 0, width: int = 1) -> None:
            """Add an amount to the column `first` + which of the row of its visit."""
            sums = np.bincount(into[some] * width + which, amount, minlength=len(out) * width)
            assert np.abs(sums).max() < 2**53, "a sum is too large for a float to be exact"
            out[:, first : first + width] += sums.reshape(-1, width).astype(np.int64)

        paid = weight * self.paid
        for first, amount in ((loop.VISITS, weight), (loop.BILLS, weight * self.bill), (loop.FUND, paid)):
            add(first, amount, which=self.channel, width=3)
        add(loop.GAP, weight * self.gap)
        for first, some in ((loop.GAP_ZERO, self.gap == 0), (loop.CLAIM_MORE, self.gap < 0)):
            add(first, weight[some], some)
        some = np.flatnonzero(self.channel != DIRECT)
        width = len(loop.AMOUNTS)
        np.add.at(out.reshape(-1), into[some] * width + self.cause[some], weight[some].astype(np.int64))
        paid *= self.channel != ABANDONED
        some = np.flatnonzero((self.paid != self.basic) & (self.channel != ABANDONED))
        add(loop.SUPPLEMENT, (weight * (self.paid - self.basic))[some], some)
        add(loop.ACCOUNT, weight * self.account)
        add(loop.LOCAL_FUND, paid * self.policies.of("local", self.rows))
        add(loop.GRADED, paid, which=self.policies.of("grade", self.rows), width=len(terms.GRADES))
        scheme, home, host = pairs // (n * n), pairs // n % n, pairs % n
        half, kind = np.arange(2)[:, None, None], np.arange(len(KINDS))[:, None]
        where = (half * len(KINDS) + kind) * len(SCHEMES) + scheme[:, None, None, None]
        where = ((where * n + home[:, None, None, None]) * n + host[:, None, None, None]) * MONTHS + np.arange(MONTHS)
        self.totals[where.ravel()] += out


# The benchmark


def prepared() -> tuple[Any, Any, float]:
    """Return the benchmark's scenario, its world solved on draw 0 of seed 0, and the seconds that solving took."""
    of = scenario.load(SCENARIO)
    place, began = areas.load(of.geography), perf_counter()
    world = solve.solve(place, scenario.reference(of), 0, 0)
    return of, world, perf_counter() - began


def drawn(world: Any, of: Any, people: int) -> Any:
    """Return the cells of a run, as `simulate.live` draws them."""
    return simulate.cells_of(world, of.year, simulate.focus_of(of, world.place), people, True)


def read(world: Any, of: Any) -> tuple[Any, ...]:
    """Return what the loop reads: the draw's record and the tables."""
    rules = enacted.enact(of, world.place, world.values, world.lists, world.quantiles)
    return simulate.draw_record(world, of.year), simulate.loop_arrays(world, rules)


def empty(world: Any) -> Ints:
    """Return totals of nobody."""
    n = len(world.place.codes)
    return np.zeros((2 * len(KINDS) * len(SCHEMES) * n * n * MONTHS, len(loop.AMOUNTS)), dtype=np.int64)


def lived(world: Any, of: Any, cells: Any, jobs: int = 1) -> tuple[int, Ints]:
    """Return visits and totals of the compiled loop in a stream on so many threads, as `simulate.live` does it."""
    draw, arrays = read(world, of)
    every = list(simulate.parts(cells, CHUNK))

    def some(job: int) -> tuple[int, Ints]:
        totals = empty(world)
        return sum(loop.loop(p, draw, *arrays, totals, len(world.place.codes)) for p in every[job::jobs]), totals

    with ThreadPoolExecutor(jobs) as pool:
        numbers, totals = zip(*pool.map(some, range(jobs)), strict=True)
    return sum(numbers), sum(totals, start=np.int64(0))


def lived_by_twin(world: Any, of: Any, cells: Any) -> tuple[int, Ints]:
    """Return visits and totals of the NumPy twin, on one thread."""
    totals = empty(world)
    twin = Twin(*read(world, of), totals, len(world.place.codes))
    return sum(twin.live(p) for p in simulate.parts(cells, TWIN_CHUNK)), totals


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that some work takes, and what it returns."""
    began = perf_counter()
    found = work()
    return perf_counter() - began, found


def enough(world: Any, of: Any, wanted: int) -> int:
    """Return the least number of people to ask for whose expected visits are as many as wanted, and a little more."""
    means = [visits.mean_count(table) for table in enacted.counts(world.values)]
    each = np.array([*means, sum(means)])

    def short(people: int) -> bool:
        cells = drawn(world, of, people)
        return float((each[cells.uses] * cells.number).sum()) < 1.002 * wanted

    low, high = 1000, 1000
    while short(high):
        low, high = high, 2 * high
        assert high < 2**40, "the whole nation makes fewer visits"
    while high - low > high // 1000:
        middle = (low + high) // 2
        low, high = (middle, high) if short(middle) else (low, middle)
    return high


def nation(wanted: int, jobs: int, cold: bool) -> dict[str, Any]:
    """Return what living through the nation's visits takes: from the solved world to the totals; peak of this process.

    Warm : the loop is compiled before. Cold : with an empty cache, compiling counts.
    """
    of, world, seconds_solve = prepared()
    people = enough(world, of, wanted)
    if not cold:
        lived(world, of, drawn(world, of, 1000))
    seconds, (cells, (number, totals)) = timed(
        lambda: (cells := drawn(world, of, people), lived(world, of, cells, jobs))
    )
    assert number >= wanted, f"{number} visits lived, {wanted} wanted"
    weighted = totals[:, loop.VISITS : loop.VISITS + 3].sum()
    return {
        "seconds": seconds,
        "seconds_solve": seconds_solve,
        "visits": number,
        "people": int(cells.number.sum()),
        "most_weight": int(cells.weight.max()),
        "visits_weighted": int(weighted),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def in_a_process(wanted: int, jobs: int, cold: bool) -> Any:
    """Return what `nation` returns in a process of its own; cold, with an empty folder for what Numba compiles."""
    command = [sys.executable, __file__, "--nation", str(wanted), "--jobs", str(jobs), *(["--cold"] if cold else [])]
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    with tempfile.TemporaryDirectory() as cache:
        environment |= {"XDG_CACHE_HOME": cache} if cold else {}
        say(f"nation, {'cold' if cold else 'warm'}")
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def same_as_a_run(world: Any, of: Any, people: int, jobs: int) -> dict[str, Any]:
    """Return whether the amounts of draw 0 of `simlib run` are those of the benchmark's totals, and whose rules."""
    touched = scenario.compile(of, world.place).touched
    groups = metrics.groups(touched)
    with tempfile.TemporaryDirectory() as out:
        how = ["--draws", "2", "--people", str(people), "--jobs", str(jobs), "--out", out, "--json"]
        command = [sys.executable, "-m", "simlib.cli", "run", str(SCENARIO), *how]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        manifest = json.loads((Path(out) / "manifest.json").read_text(encoding="utf-8"))
        table = pd.read_parquet(Path(out) / "metrics.parquet").query("draw == 0")
    shape = (2, len(KINDS), len(SCHEMES), *[len(world.place.codes)] * 2, MONTHS, len(loop.AMOUNTS))
    equal = True
    for side, one in (("reference", scenario.reference(of)), ("scenario", of)):
        own = metrics.amounts(lived(world, one, drawn(world, of, people))[1].reshape(shape), touched, groups)
        written = table[table.side == side].sort_values(["group", "half"], kind="stable")
        labels = [group.label(world.place) for group in groups]
        mine = pd.DataFrame(own.reshape(-1, own.shape[-1]), columns=list(loop.AMOUNTS), dtype=np.int64)
        mine.insert(0, "half", [half for _ in labels for half in (0, 1)])
        mine.insert(0, "group", np.repeat(labels, 2))
        mine = mine.sort_values(["group", "half"], kind="stable")
        columns = ["group", "half", *loop.AMOUNTS]
        equal &= len(mine) == len(written) and bool((mine[columns].to_numpy() == written[columns].to_numpy()).all())
    sha = terms.rules_sha()
    return {"rules_sha": sha, "rules_sha_equal": sha == manifest["rules_sha256"], "totals_equal": equal}


def rates(world: Any, of: Any, people: int, most: int, jobs: int, repeat: int) -> dict[str, Any]:
    """Return visits per second on all threads, on one, and against the twin; best of some repetitions each."""
    cells, many = drawn(world, of, people), drawn(world, of, most)
    number, totals = lived(world, of, cells)
    say("twin: must give the same integers")
    of_twin, totals_of_twin = lived_by_twin(world, of, cells)
    assert number == of_twin and np.array_equal(totals, totals_of_twin), "the NumPy twin gives other totals"
    say("rates")
    one = min(timed(lambda: lived(world, of, cells))[0] for _ in range(repeat))
    twin = min(timed(lambda: lived_by_twin(world, of, cells))[0] for _ in range(repeat))
    best, (lived_by_all, _) = min((timed(lambda: lived(world, of, many, jobs)) for _ in range(repeat)), key=first)
    return {
        "visits_per_second": round(lived_by_all / best),
        "visits_per_second_core": round(number / one),
        "visits_per_second_numpy": round(number / twin),
        "ratio_to_numpy": round(twin / one, 2),
        "visits_timed": number,
        "jobs": jobs,
    }


def first(pair: tuple[float, Any]) -> float:
    """Return the first of a pair."""
    return pair[0]


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    versions = {name: sys.modules[name].__version__ for name in ("numpy", "numba")}
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()} | versions


def say(what: str) -> None:
    """Tell a person who waits what is being done."""
    print(f"{what} …", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, check, print; 1 if the checks fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it work?")
    parser.add_argument("--jobs", type=int, default=2, help="threads (default 2)")
    parser.add_argument("--nation", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cold", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.nation:
        print(json.dumps(nation(options.nation, options.jobs, options.cold)))
        return 0
    wanted, people, most, repeat = SIZES[options.quick]
    # First, while this process is small: Linux counts the peak of the parent as the child's.
    warm, cold = (in_a_process(wanted, options.jobs, cold) for cold in (False, True))
    of, world, _ = prepared()
    found = rates(world, of, people, most, options.jobs, repeat)
    say("simlib run: must give the same integers")
    found |= {
        "seconds_nation": round(warm["seconds"], 2),
        "seconds_nation_cold": round(cold["seconds"], 2),
        "seconds_solve": round(warm["seconds_solve"], 2),
        "seconds_solve_cold": round(cold["seconds_solve"], 2),
        "peak_mb": round(warm["peak_mb"]),
        "peak_mb_cold": round(cold["peak_mb"]),
        "visits_nation": warm["visits"],
        "people_nation": warm["people"],
        "most_weight_nation": warm["most_weight"],
        "visits_nation_weighted": warm["visits_weighted"],
    }
    found |= same_as_a_run(world, of, people, options.jobs) | {"machine": machine()}
    print(json.dumps(found))
    return 0 if found["rules_sha_equal"] and found["totals_equal"] else 1


if __name__ == "__main__":
    sys.exit(main())
