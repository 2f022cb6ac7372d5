"""How fast the compiled loop is, alone and beside a NumPy twin that must give the same integers: one JSON line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time, thread_time
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from simlib import amounts, compiled, terms
from simlib.benefits.layers import MOST_BANDS, NO_LIMIT_FEN, PER_DISEASE, PER_MONTH, PER_YEAR, Owed
from simlib.patients import areas, visits
from simlib.patients.chronic import DISEASES, RUNGS
from simlib.scenario import scenario
from simlib.simulation import loop, policies, simulate, solve, visit
from simlib.study import metrics
from simlib.terms import (
    ABANDONED,
    CHRONIC,
    CLAIMED,
    DIRECT,
    INPATIENT,
    KINDS,
    LOCAL,
    MEMBERS,
    MONTHS,
    OUTPATIENT,
    SCHEMES,
    TIERS,
    UNFILED,
)

ROOT = Path(__file__).parent.parent
SCENARIO = ROOT / "scenarios" / "delta_mutual_recognition.yaml"
SIZES = {False: (240_000_000, 1_000_000, 8_000_000, 5), True: (1_000_000, 20_000, 50_000, 2)}
"""By --quick: visits of the nation (238 million were settled directly in 2024), people who are compared with the twin
and with a run, people on all threads, repetitions."""
CHUNK, TWIN_CHUNK = 1 << 18, 1 << 14
"""People at a time; the twin's make some 64 thousand visits, within a tenth of its best size."""
U = np.uint64


def step(part: Any) -> Any:
    """Return what `luck.mix` adds to keys for a part, or for an array of parts."""
    return (np.atleast_1d(part).astype(U) + U(1)) * U(0x9E3779B97F4A7C15)


def mix(key: Any, added: Any) -> Any:
    """Return `luck.mix` of keys and what `step` gave."""
    z = key + added
    shifted = np.empty_like(z)
    for bits, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= np.right_shift(z, U(bits), out=shifted)
        z *= U(factor)
    z ^= np.right_shift(z, U(31), out=shifted)
    return z


def share(key: Any, nth: int) -> Any:
    """Return `luck.share` of keys."""
    return key << U(16 * nth)


def uniform(key: Any) -> Any:
    """Return `luck.uniform` of keys."""
    u = (key >> U(12)).view(np.int64).astype(np.float64)
    u += 0.5
    u *= 1.0 / 4503599627370496.0
    return u


def below(key: Any, number: int) -> Any:
    """Return `luck.below` of keys."""
    return ((key >> U(32)) * U(number) >> U(32)).view(np.int64)


def pick(table: Any, u: Any) -> Any:
    """Return `visits.pick_one` of a short table; comparing with every entry is faster here than searching."""
    found = np.zeros(u.shape, dtype=np.uint8)
    for limit in table[:-1]:
        found += u > limit
    return found.astype(np.int64)


def rounded(amount: Any) -> Any:
    """Return `benefits.rounded` of amounts, in place."""
    amount += 500_000
    unsigned = amount.view(U)
    unsigned //= U(1_000_000)
    return amount


def scaled(amount: Any, numerator: Any, denominator: Any) -> Any:
    """Return `benefits.scaled` of amounts: a quotient that is nearly right, then the rest, exact modulo 2^64."""
    near = (amount.astype(np.float64) * numerator / denominator).astype(np.int64)
    rest = amount * numerator - near * denominator
    return near + rest // denominator + (2 * (rest % denominator) >= denominator)


class Bands(NamedTuple):
    """Ratios by bands as a first ratio and what it changes by at each end of a band, by policy."""

    first: Any
    bent: Any
    knots: Any

    def pay(self, row: Any, start: Any, stop: Any) -> Any:
        """Return `benefits.banded` of slices of running amounts."""
        paid, bent = (stop - start) * self.first.take(row), np.flatnonzero(self.bent.take(row))
        if bent.size:
            row, start, stop = row[bent], start[..., bent], stop[..., bent]
            for end, change in self.knots:
                knot = end.take(row)
                beyond = np.maximum(stop - knot, 0)
                beyond -= np.maximum(start - knot, 0)
                beyond *= change.take(row)
                paid[..., bent] += beyond
        return paid


def bands(count: Any, ends: Any, ratios: Any) -> Bands:
    """Return the bands of all policies; beyond the last nothing is paid."""
    used = np.arange(MOST_BANDS) < count[:, None]
    ratios, ends = np.where(used, ratios, 0), np.where(used, ends, NO_LIMIT_FEN)
    change = np.diff(ratios, axis=1, append=0) * (ends < NO_LIMIT_FEN)
    knots = [(ends[:, i].copy(), change[:, i].copy()) for i in np.flatnonzero(change.any(axis=0))]
    return Bands(ratios[:, 0].copy(), change.any(axis=1), knots)


def columns(policies: Any) -> SimpleNamespace:
    """Return the policies by column."""
    c = SimpleNamespace(**{name: np.ascontiguousarray(policies[name]).ravel() for name in policies.dtype.names})
    periods = (PER_YEAR, PER_MONTH, PER_DISEASE)
    c.per_year, c.per_month, c.per_disease = (c.deductible_period == period for period in periods)
    c.ratio = bands(policies["bands"], policies["band_to_fen"], policies["ratio_ppm"])
    terms_ = (policies[f"catastrophic_{name}"] for name in ("bands", "to_fen", "ratio_ppm"))
    c.catastrophic = bands(*terms_)
    # Layers that no policy has are skipped, as the loop skips those that a policy does not have.
    c.floored, c.limited = c.floor_ratio_ppm.any(), c.limits.any()
    of_month, of_disease = c.disease_month_cap_fen < NO_LIMIT_FEN, c.disease_cap_fen < NO_LIMIT_FEN
    c.monthly = (c.per_month | (c.month_cap_fen < NO_LIMIT_FEN) | of_month).any()
    c.diseased = (c.per_disease | of_month | of_disease).any()
    c.supplemented = any(used.any() for used in (c.catastrophic_bands, c.assistance_ratio_ppm, c.tilt_ratio_ppm))
    return c


OWED = {name: i for i, name in enumerate(("deductible", "reached", *Owed._fields[:5], *Owed._fields[7:]))}
"""Where a component of what the fund owes stands in an array of all; those of layers 7 and 8 are the last."""
PAID = slice(OWED["basic"], OWED["tilt"] + 1)
"""Components that are paid."""
RUNNING = [OWED[name] for name in ("base", "catastrophic", "assistance_base", "assistance", "tilt_base", "tilt")]
"""Components that run over the year, in the order of the year's columns."""


def counted(paid: Any, kinds: Any) -> Any:
    """Return `benefits.counted` of amounts by kind, (kind, visit)."""
    return sum(amount * (kinds >> k & 1) for k, amount in enumerate(paid))


class Twin:
    """The loop once more in NumPy, people by the chunk: all first visits, all second visits, and so on.

    Everything is an array by person or by visit, every layer one operation on all visits of a wave. People stand in
    order of falling number of visits, so that those who still have a visit are a slice in front; visits stand in waves,
    a wave in order of people.
    """

    def __init__(self, draw: Any, tables: Any, sums: Any) -> None:
        """Take what the loop takes."""
        self.draw = SimpleNamespace(**{name: draw[name] for name in draw.dtype.names})
        scale, self.quantiles, policies, which, cover, slot, measure, listed, self.ladder, *rest = tables
        self.first, self.lives, now = rest
        self.policies, self.asked, self.cover = columns(policies), which.shape[1], cover.astype(np.int64)
        self.scale, self.which, self.slot = scale.ravel(), which.ravel(), slot.ravel()
        self.holds = {name: np.ascontiguousarray(now[name]) for name in now.dtype.names}
        self.measure = measure.ravel()
        self.listed = listed.ravel()
        self.totals, self.paid_out, self.seen, period, self.places, self.periods = sums
        self.period = period.ravel()

    def live(self, cells: Any) -> int:
        """Live one chunk and book it; return the visits lived through."""
        self.people(cells)
        self.dates()
        if self.draw.care_at_home:
            self.care_at_home()
        self.bills()
        for wave in range(len(self.waves)):
            self.wave(wave)
        self.book(cells)
        return len(self.owner)

    def people(self, cells: Any) -> None:
        """Name the people, count their visits, begin their year."""
        draw, cell = self.draw, np.repeat(np.arange(len(cells.number)), cells.number)
        person = np.arange(len(cell)) - np.repeat(np.cumsum(cells.number) - cells.number, cells.number)
        key = mix(mix(step(cells.code), draw.key)[cell], step(cells.start[cell] + person))
        counts, uses = np.zeros((len(KINDS), len(key)), dtype=np.int64), cells.uses[cell].astype(np.int64)
        disease = pick(draw.diseases, uniform(mix(key, step(visits.DISEASE))))
        for k in range(len(KINDS)):
            some = np.flatnonzero(uses >> k & 1)
            random, row = uniform(mix(key[some], step(visits.HOW_MANY + k))), k + np.zeros_like(some)
            row += disease[some] if k == CHRONIC else (len(DISEASES) - 1) * (k > CHRONIC)
            for one in np.unique(row):
                counts[k, some[row == one]] = np.searchsorted(draw.counts[one], random[row == one]) + 1
        order = np.argsort(-counts.sum(axis=0).astype(np.int16), kind="stable")
        self.key, self.counts, self.cell, self.disease = key[order], counts[:, order], cell[order], disease[order]
        self.half = (cells.half[self.cell] + person[order]) & 1
        where = (cells.scheme, cells.purpose, cells.home, cells.host)
        self.s, self.p, self.h, self.t = (column[self.cell].astype(np.int64) for column in where)
        self.retired = mix(self.key, step(visits.RETIRED)) < draw.retired[self.s]
        random = uniform(mix(self.key, step(visits.INSURED)))
        pool = self.first[self.h] + (self.lives[self.h] < random[:, None]).sum(axis=1)
        self.insured = ((pool * len(SCHEMES) + self.s) * len(MEMBERS) + self.retired) * self.asked
        random = below(mix(self.key, step(visits.BALANCE)), terms.STEPS)
        self.balance = draw.balances.take(random) * (self.s == terms.EMPLOYEE)
        self.admissions, self.now = np.zeros((2, len(key)), dtype=np.int64)
        self.deductible, self.reached, self.basic_paid = np.zeros((3, len(KINDS), len(key)), dtype=np.int64)
        self.in_month = np.zeros((2, len(KINDS), len(key)), dtype=np.int64)  # deductible and paid by the basic fund
        # deductible used up and paid by the basic fund for the disease, the last by month too
        self.of_disease = np.zeros((3, len(key)), dtype=np.int64)
        self.running = np.zeros((len(RUNNING), len(key)), dtype=np.int64)

    def dates(self) -> None:
        """Date the visits and put them in waves."""
        codes = []
        for k, count in enumerate(self.counts):
            owner = np.repeat(np.arange(len(count)), count)
            nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
            month = pick(self.draw.season, uniform(mix(mix(self.key, step(visits.WHEN + k))[owner], step(nth))))
            codes.append((owner << 6 | month << 2 | k).astype(np.int32))
        code = np.sort(np.concatenate(codes)).astype(np.int64)
        count = self.counts.sum(axis=0)
        nth = np.arange(len(code)) - np.repeat(np.cumsum(count) - count, count)
        self.waves = np.bincount(nth)
        self.begin = np.append(0, np.cumsum(self.waves))
        date = np.empty_like(code)
        date[self.begin.take(nth) + (code >> 6)] = code & 63
        self.k, self.month = date & 3, date >> 2
        self.owner = np.arange(len(code)) - np.repeat(self.begin[:-1], self.waves)
        added = np.repeat(step(visits.OF_VISIT + np.arange(len(self.waves))), self.waves)
        self.random = mix(self.key.take(self.owner), added)

    def row(self, insured: Any, kind: Any, filing: Any, month: Any, tier: Any) -> Any:
        """Return the rows of the policies that people are asked for."""
        return self.which.take(insured + visit.asked.py_func(kind, filing, month, tier)).astype(np.int64)

    def care_at_home(self) -> None:
        """Do as `loop.care_at_home`."""
        draw, who = self.draw, np.flatnonzero(self.p != terms.LONG_STAY)
        month, s, key = self.month[: len(self.key)][who], self.s[who], self.key[who]
        admissions = (draw.admissions[s, month] < uniform(mix(key, step(visits.ADMITTED)))[:, None]).sum(axis=1)
        for j in range(admissions.max(initial=0)):
            some = np.flatnonzero(admissions > j)
            what = mix(key[some], step(visits.AT_HOME + 1 + j))
            tier = pick(draw.tiers_home, uniform(share(what, visits.WHICH_TIER)))
            mean = draw.admission_fen[s[some], tier]
            self.at_home(who[some], INPATIENT, month[some], tier, mean, share(what, visits.HOW_DEAR))
        mean = draw.outpatient_fen[s] * (month + 0.5)
        random = share(mix(key, step(visits.AT_HOME)), visits.HOW_DEAR)
        self.at_home(who, terms.OUTPATIENT, month, 1, mean, random)

    def at_home(self, who: Any, k: int, month: Any, tier: Any, mean: Any, random: Any) -> None:
        """Settle and book one bill at home of each of some people."""
        bill = self.bill_fen(mean, random)
        row, at = self.row(self.insured[who], k, LOCAL, month // 2, tier), who + k * len(self.key)
        unlisted = bill - rounded(bill * self.draw.in_scope_ppm)
        entering, extra = self.enter(row, bill - unlisted, 0)
        self.begin_month(who, month // 2)
        owed = self.settle(row, who, at, entering, extra, bill)
        self.advance(who, at, owed, k == INPATIENT)

    def bill_fen(self, mean: Any, random: Any) -> Any:
        """Return `visits.bill_fen` of means, which are used up, and luck."""
        mean *= self.quantiles.take(below(random, len(self.quantiles)))
        mean += 0.5
        return np.maximum(mean.astype(np.int64), 100)

    def enter(self, row: Any, after: Any, self_pay: Any) -> tuple[Any, Any]:
        """Return what layer 3 leaves of what layers 1 and 2 left, and what layers 2 and 3 add to layer 7's base."""
        c = self.policies
        away = rounded(after * c.first_share_ppm.take(row))
        extra = self_pay * c.catastrophic_counts_class_b.take(row) + away * c.catastrophic_counts_away.take(row)
        return after - away, extra

    def bills(self) -> None:
        """Find all that does not hang on the year: bills, both splits, gates, policies."""
        draw, k, month, random = self.draw, self.k, self.month, self.random
        s, p, h, t, insured = (column.take(self.owner) for column in (self.s, self.p, self.h, self.t, self.insured))
        what, gates = mix(random, step(visits.WHAT)), mix(random, step(visits.GATES))
        self.tier = tier = pick(draw.tiers, uniform(share(what, visits.WHICH_TIER)))
        basket = below(share(what, visits.WHICH_BASKET), draw.baskets)
        mean = self.scale.take(((k * len(SCHEMES) + s) * len(TIERS) + tier) * draw.baskets + basket)
        sick, disease = np.flatnonzero(k == CHRONIC), self.disease.take(self.owner)
        mean[sick] *= draw.disease_bill.take(disease[sick])
        place = ((h * self.places + t) * len(KINDS) + k) * MONTHS + month
        done = self.measure.take(place)
        some = np.flatnonzero(done >> 1)
        mean[some] *= self.holds["bill"][done[some] >> 1]
        on_list = np.ones(len(k), dtype=bool)
        at = ((h * self.places + t) * MONTHS + month)[sick]
        rung = below(mix(self.key, step(visits.RUNG)), RUNGS).take(self.owner)[sick]
        on_list[sick] = self.ladder[self.listed.take(at), rung].astype(np.int64) >> disease[sick] & 1
        self.ordinary = ~on_list & (mix(self.key, step(visits.ORDINARY)) < draw.as_ordinary).take(self.owner)
        on_list |= self.ordinary
        self.bill = self.bill_fen(mean, share(what, visits.HOW_DEAR))
        failed = self.failed_conditions(done, gates, on_list, p, tier)
        self.cause, number = failed.argmax(axis=0), failed.sum(axis=0)
        self.cause[number == 0] = amounts.BY_CHOICE
        self.met, self.pivotal, filing = number == 0, number == 1, p.copy()
        unfiled = failed[amounts.NOT_FILED]
        filing[unfiled] = UNFILED
        attention = mix(self.key, step(visits.ATTENTIVE)).take(self.owner)
        self.attentive = attention < draw.attention.take(k)
        self.rows = self.row(insured, k, filing, month, tier)
        at_home = ((h * self.places + h) * len(KINDS) + k) * MONTHS + month
        lists = np.stack([self.slot.take(place), self.slot.take(at_home)]).astype(np.int64) * len(KINDS)
        lists += k
        lists *= draw.baskets
        lists += basket
        over, both = (rounded(self.bill * self.cover[:, part].take(lists)) for part in (1, 2))
        self.outside, after, self_pay = both, self.bill - both, both - over
        self.entering, self.extra = self.enter(self.rows, after, self_pay)
        some, self.rows_direct = np.flatnonzero(self.ordinary), self.rows.copy()
        self.rows_direct[some] = row = self.row(insured[some], OUTPATIENT, filing[some], month[some], tier[some])
        self.entering[0, some], self.extra[0, some] = self.enter(row, after[0, some], self_pay[0, some])
        self.failing = np.flatnonzero(~self.met)
        self.reluctance = draw.reluctance.take(below(share(what[self.failing], visits.CLAIMS), terms.STEPS))
        self.parts = [slice(*bounds) for bounds in pairwise(np.searchsorted(self.failing, self.begin))]
        self.channel, self.paid, self.basic, self.gap, self.account = np.empty((5, len(k)), dtype=np.int64)

    def failed_conditions(self, done: Any, gates: Any, on_list: Any, purpose: Any, tier: Any) -> Any:
        """Return which conditions each visit fails, (condition, visit); note what a claim costs, and credit."""
        draw, k, now = self.draw, self.k, self.holds
        failed = np.zeros((len(amounts.CONDITIONS), len(k)), dtype=bool)
        shut = np.flatnonzero(share(gates, visits.CONNECTED) >= draw.open.take(k))
        which = share(gates[shut], visits.WHICH_FAILS)
        failed[amounts.NOT_NETWORKED, shut] = which < draw.not_networked[k[shut]]
        failed[amounts.NOT_CODED, shut] = which >= draw.coded[k[shut]]
        failed[amounts.NOT_LISTED] = ~on_list
        mended, self.claim_cost = draw.mended.take(k), draw.claim_cost_fen.take(k)
        self.waiting, self.on_credit = np.full(len(k), draw.waiting), np.zeros(len(k), dtype=bool)
        some = np.flatnonzero(done >> 1)
        own, at = mix(self.random[some], step(visits.MEASURES)), done[some] >> 1
        failed[amounts.NOT_NETWORKED, some] &= share(own, visits.NEWLY_CONNECTED) >= now["connected"][at, tier[some]]
        recoded, coded = share(own, visits.UNIFIED), ~failed[amounts.NOT_CODED, some]
        failed[amounts.NOT_CODED, some] = np.where(coded, recoded < now["uncoded"][at], recoded >= now["unified"][at])
        failed[amounts.NOT_UP, some] = share(own, visits.DOWN) < now["down"][at]
        self.on_credit[some] = share(own, visits.ON_CREDIT) < now["credit"][at]
        mended[some], self.claim_cost[some], self.waiting[some] = (
            now["mended"][at],
            now["claim_cost_fen"][at],
            now["waiting"][at],
        )
        self.waiting[self.on_credit] = 0.0
        exposed = (purpose != terms.EMERGENCY) & (done & 1 == 0)
        fault = np.flatnonzero(exposed & (share(gates, visits.FILED) < draw.fault.take(k)))
        failed[amounts.NOT_FILED, fault] = share(gates[fault], visits.MENDED) >= mended[fault]
        return failed

    def begin_month(self, who: Any, month: Any) -> None:
        """Do as `benefits.begin_month`, where a policy counts by month."""
        if not self.policies.monthly:
            return
        self.in_month[:, :, who] *= self.now[who] == month
        self.of_disease[2, who] *= self.now[who] == month
        self.now[who] = month

    def settle(self, row: Any, who: Any, at: Any, entering: Any, extra: Any, total: Any) -> Any:
        """Return what the fund owes on many visits as `benefits.settle` does, (component, ..., visit).

        who : people, a slice or an index. at : their place in a column by kind. entering, extra : see `enter`, of one
        price or of several, (price, visit). total : the bill.
        """
        c = self.policies
        owed = np.zeros((len(OWED) if c.supplemented else OWED["catastrophic"], *entering.shape), dtype=np.int64)
        deductible = np.minimum(entering, self.due(row, who, at, total))
        net = entering - deductible
        gross = c.bands_gross.take(row)
        start = self.reached.ravel().take(at) * c.bands_yearly.take(row) + deductible * gross
        uncapped = rounded(c.ratio.pay(row, start, start + net))
        if c.floored:
            np.maximum(uncapped, rounded(entering * c.floor_ratio_ppm.take(row)), out=uncapped)
        room = self.room(row, who, at)
        basic = np.minimum(uncapped, np.minimum(*room))
        owed[: OWED["large_sum"]] = deductible, net + deductible * gross, basic
        over_limit = self.above_caps(row, entering, net, uncapped, owed, room)
        if c.supplemented:
            base = np.maximum(entering - basic - owed[OWED["large_sum"]] - over_limit, 0)
            base += extra
            self.supplements(row, who, base, owed)
        return owed

    def due(self, row: Any, who: Any, at: Any, total: Any) -> Any:
        """Return the deductible that is still due."""
        c, stay = self.policies, at // len(self.key) == INPATIENT
        admission = np.minimum(self.admissions[who], 2) * (stay | c.deductible_any_kind.take(row).astype(bool))
        admission += 3 * row
        due = total * c.deductible_share_ppm.take(admission)
        np.maximum(due, c.deductible_low.take(admission), out=due)
        np.minimum(due, c.deductible_high.take(admission), out=due)
        due = rounded(due)
        due -= self.deductible.ravel().take(at) * c.per_year.take(row)
        if c.monthly:
            due -= self.in_month[0].ravel().take(at) * c.per_month.take(row)
        if c.diseased:
            due -= self.of_disease[0, who] * c.per_disease.take(row) * self.sick(at)
        return np.maximum(due, 0, out=due)

    def sick(self, at: Any) -> Any:
        """Return which places in a column by kind are those of chronic care."""
        return at // len(self.key) == CHRONIC

    def room(self, row: Any, who: Any, at: Any) -> Any:
        """Return what the caps of disease, month and kind of care leave, and what that of the year leaves."""
        c, year = self.policies, self.basic_paid[:, who]
        of_year = np.maximum(c.cap_fen.take(row) - counted(year, c.cap_kinds.take(row)), 0)
        room = np.full_like(of_year, NO_LIMIT_FEN)
        if c.limited:
            np.minimum(room, c.kind_cap_fen.take(row) - counted(year, c.kind_cap_kinds.take(row)), out=room)
        if c.limited and c.diseased:
            of, sick = self.of_disease[:, who], self.sick(at)
            for cap, paid in ((c.disease_cap_fen, of[1]), (c.disease_month_cap_fen, of[2])):
                np.minimum(room, np.where(sick, cap.take(row) - paid, NO_LIMIT_FEN), out=room)
        if c.monthly:
            month = self.in_month[1][:, who]
            np.minimum(room, c.month_cap_fen.take(row) - counted(month, c.month_cap_kinds.take(row)), out=room)
        return np.maximum(room, 0, out=room), of_year

    def above_caps(self, row: Any, entering: Any, net: Any, uncapped: Any, owed: Any, room: Any) -> Any:
        """Write large-sum payments where the yearly cap cuts; return what stays out of layer 7 where any does."""
        c, over_limit = self.policies, np.zeros_like(entering)
        cut = np.nonzero(owed[OWED["basic"]] < uncapped)
        by_year = np.maximum(np.minimum(uncapped, room[0]) - np.maximum(room[1], 0), 0)
        if cut[0].size:
            r, whole, basic = row[cut[-1]], uncapped[cut], owed[OWED["basic"]][cut]
            large_sum = scaled(net[cut] * c.above_cap_ratio_ppm[r], by_year[cut], whole * 1_000_000)
            owed[OWED["large_sum"]][cut] = large_sum = np.minimum(large_sum, entering[cut] - basic)
            left_out = c.catastrophic_leaves_out_over_limit[r]
            over_limit[cut] = left_out * (scaled(net[cut], whole - basic, whole) - large_sum)
        return over_limit

    def supplements(self, row: Any, who: Any, base: Any, owed: Any) -> None:
        """Write what layers 7 and 8 add, and the base that each of them saw."""
        c, running = self.policies, self.running[:, who]
        before, threshold = running[0], c.catastrophic_threshold_fen.take(row)
        start, stop = np.maximum(before, threshold), before + base
        paid = rounded(c.catastrophic.pay(row, start, np.maximum(start, stop)))
        np.minimum(paid, np.maximum(c.catastrophic_cap_fen.take(row) - running[1], 0), out=paid)
        owed[OWED["base"]], owed[OWED["catastrophic"]] = base * (c.catastrophic_bands.take(row) > 0), paid
        for name, before, used in (("assistance", *running[2:4]), ("tilt", *running[4:6])):
            base = base - paid
            threshold, ratio, cap = (
                getattr(c, f"{name}_{of}").take(row) for of in ("threshold_fen", "ratio_ppm", "cap_fen")
            )
            reached = np.maximum(before + base - threshold, 0)
            reached -= np.maximum(before - threshold, 0)
            paid = np.minimum(rounded(reached * ratio), np.maximum(cap - used, 0))
            owed[OWED[f"{name}_base"]], owed[OWED[name]] = base * (ratio > 0), paid

    def advance(self, who: Any, at: Any, owed: Any, stay: Any) -> None:
        """Do as `benefits.advance`."""
        self.admissions[who] += stay
        deductible, reached, basic = (owed[OWED[name]] for name in ("deductible", "reached", "basic"))
        moves = [(self.deductible, deductible), (self.reached, reached), (self.basic_paid, basic)]
        if self.policies.monthly:
            moves += zip(self.in_month, (deductible, basic), strict=True)
        for column, amount in moves:
            column.reshape(-1)[at] += amount
        if self.policies.diseased:
            self.of_disease[:, who] += np.stack([deductible, basic, basic]) * self.sick(at)
        if self.policies.supplemented:
            self.running[:, who] += owed[RUNNING]

    def wave(self, wave: int) -> None:
        """Price one visit of everybody who still has one, choose, move the year on."""
        v, who = slice(*self.begin[wave : wave + 2]), slice(0, self.waves[wave])
        k, row, claim_cost, waiting, failing = (
            self.k[v],
            self.rows[v],
            self.claim_cost[v],
            self.waiting[v],
            self.parts[wave],
        )
        at = k * len(self.key) + self.owner[v]
        self.begin_month(who, self.month[v])
        both = self.settle(row, who, at, self.entering[:, v], self.extra[:, v], self.bill[v])
        other = np.flatnonzero(self.ordinary[v])
        at_other = OUTPATIENT * len(self.key) + other
        columns = self.entering[0, v][other], self.extra[0, v][other], self.bill[v][other]
        both[:, 0, other] = self.settle(self.rows_direct[v][other], other, at_other, *columns)
        direct, claim = both[PAID].sum(axis=0)
        np.subtract(direct, claim, out=self.gap[v])
        gains = claim - direct - claim_cost - waiting * claim > 0
        chosen = self.attentive[v] & gains
        self.pivotal[v] &= ~chosen
        met = self.met[v] & ~chosen
        self.ordinary[v] &= met
        row = self.rows[v] = np.where(self.ordinary[v], self.rows_direct[v], row)
        at[other] = np.where(self.ordinary[v][other], at_other, at[other])
        owed, outside = np.where(met, both[:, 0], both[:, 1]), np.where(met, *self.outside[:, v])
        fund = owed[PAID].sum(axis=0)
        channel, failed = np.where(met, DIRECT, CLAIMED), self.failing[failing] - v.start
        paid = fund[failed]
        lost = failed[paid <= (claim_cost[failed] + waiting[failed] * paid) * self.reluctance[failing]]
        channel[lost] = ABANDONED
        share, listed, c = self.bill[v] - fund, self.bill[v] - outside, self.policies
        in_scope = listed - rounded(listed * c.first_share_ppm.take(row)) - fund
        share = np.where(c.account_in_scope.take(row), np.minimum(share, in_scope), share)
        account = np.minimum(self.balance[who], np.maximum(share, 0))
        account[lost] = 0
        self.balance[who] -= account
        self.channel[v], self.paid[v], self.basic[v], self.account[v] = channel, fund, owed[OWED["basic"]], account
        owed[:, lost] = 0
        self.advance(who, at, owed, (k == INPATIENT) & (channel != ABANDONED))

    def book(self, cells: Any) -> None:
        """Add the chunk to the totals; sums of floats are exact below 2^53."""
        base, pair = (self.s * self.places + self.h) * self.places + self.t, self.h * self.places + self.t
        at = base.take(self.owner) + self.k * (len(SCHEMES) * self.places**2)
        into = at + self.half.take(self.owner) * (len(KINDS) * len(SCHEMES) * self.places**2)
        cell = (pair * len(SCHEMES) + self.s).take(self.owner) * len(KINDS) + self.k
        span = self.period.take(cell * MONTHS + self.month)
        into = self.periods * into + span
        used = np.zeros(len(self.totals), dtype=bool)
        used[into] = True
        rows = np.flatnonzero(used)
        renumbered = np.empty(len(used), dtype=np.int64)
        renumbered[rows] = np.arange(len(rows))
        into = renumbered.take(into)
        member = (self.s * len(MEMBERS) + self.retired).take(self.owner) + self.k * (len(SCHEMES) * len(MEMBERS))
        seen = (member * self.periods + span) * self.places + self.t.take(self.owner)
        seen = seen * len(TIERS) + self.tier
        weight = cells.weight.astype(np.float64)[self.cell].take(self.owner)
        out, at_host = np.zeros((len(rows), len(amounts.AMOUNTS))), np.zeros(self.seen.shape)

        def add(first: int, amount: Any, which: Any = 0, width: int = 1, out: Any = out, into: Any = into) -> None:
            """Put sums of an amount into the columns from `first` on, by which of them a visit belongs to."""
            sums = np.bincount(into * width + which, amount, minlength=len(out) * width)
            out[:, first : first + width] = sums.reshape(-1, width)

        paid, kept = weight * self.paid, self.channel != ABANDONED
        for first, amount in ((amounts.VISITS, weight), (amounts.BILLS, weight * self.bill), (amounts.FUND, paid)):
            add(first, amount, self.channel, 3)
            add(first, amount, self.channel, 3, at_host, seen)
        for first, amount in (
            (amounts.GAP, self.gap),
            (amounts.GAP_ZERO, self.gap == 0),
            (amounts.CLAIM_MORE, self.gap < 0),
        ):
            add(first, weight * amount)
        lost = self.channel != DIRECT
        add(amounts.SEEN_FIRST, weight * lost, self.cause, len(amounts.CAUSES), at_host, seen)
        for amount, first, pivotal in (
            (weight, amounts.FIRST, amounts.PIVOTAL),
            (weight * self.bill, amounts.BILL_FIRST, amounts.BILL_PIVOTAL),
        ):
            add(first, amount * lost, self.cause, len(amounts.CAUSES))
            cause = np.where(self.pivotal, self.cause, 0)  # choice is none
            add(pivotal, amount * (lost & self.pivotal), cause, len(amounts.CONDITIONS))
        add(amounts.ON_CREDIT, paid * (lost & self.on_credit))
        add(amounts.AS_ORDINARY, weight * self.ordinary)
        add(amounts.FUND_AS_ORDINARY, paid * self.ordinary)
        add(amounts.SUPPLEMENT, weight * (self.paid - self.basic) * kept)
        add(amounts.ACCOUNT, weight * self.account)
        paid *= kept
        add(amounts.LOCAL_FUND, paid * self.policies.local.take(self.rows))
        add(amounts.GRADED, paid, self.policies.grade.take(self.rows), len(terms.GRADES))
        assert max(np.abs(out).max(), at_host.max()) < 2**53, "a sum is too large for a float to be exact"
        self.totals[rows] += out.astype(np.int64)
        self.seen += at_host.astype(np.int64)
        by_month, kept = (at * MONTHS + self.month) * 2 + np.minimum(self.channel, CLAIMED), self.channel != ABANDONED
        months, into = np.unique(by_month[kept], return_inverse=True)
        self.paid_out.reshape(-1)[months] += np.bincount(into, paid[kept]).astype(np.int64)


class Bench:
    """The scenario and its parameters, draw 0 of seed 0, solved; and what lives people through in it."""

    def __init__(self) -> None:
        """Load and solve."""
        self.of = scenario.load(SCENARIO)
        place = areas.load(self.of.geography)
        self.seconds_solve, _, self.parameters = timed(lambda: solve.solve(scenario.reference(self.of), 0, 0))
        self.place, self.places, self.touched = place, len(place.codes), simulate.touched_by(self.of)

    def cells(self, people: int) -> Any:
        """Return the cells of so many people, as a run draws them."""
        return simulate.cells_of(self.parameters, self.place, self.of.year, simulate.focus(self.touched), people, True)

    def read(self, of: Any) -> Any:
        """Return what the loop reads: the record of the draw, and the tables of a scenario."""
        w = self.parameters
        rules = policies.enact(of, self.place, w.values, w.lists, w.quantiles)
        return simulate.draw_record(w, of.year), simulate.tables_of(w, rules, of)

    def live(self, tables: Any, cells: Any, jobs: int = 1) -> tuple[int, Any]:
        """Return visits and sums of the compiled loop, on so many threads, in a stream as `simulate.live` does."""
        every, apart = iter(list(simulate.parts(cells, CHUNK))), simulate.summed_apart(self.touched)

        def some(_: int) -> tuple[int, Any]:
            sums = simulate.nobody(self.places, *apart)
            return sum(loop.loop(part, *tables, sums, None) for part in every), sums[:3]

        if jobs == 1:
            return some(0)
        with ThreadPoolExecutor(jobs) as pool:
            numbers, sums = zip(*pool.map(some, range(jobs)), strict=True)
        return sum(numbers), tuple(sum(of) for of in zip(*sums, strict=True))

    def live_in_numpy(self, tables: Any, cells: Any) -> tuple[int, Any]:
        """Return visits and sums of the twin."""
        sums = simulate.nobody(self.places, *simulate.summed_apart(self.touched))
        twin = Twin(*tables, sums)
        return sum(twin.live(part) for part in simulate.parts(cells, TWIN_CHUNK)), sums[:3]

    def enough(self, wanted: int) -> int:
        """Return the fewest people to ask for who are expected to make the visits wanted, and a little more."""
        means = simulate.visits_per_patient(self.parameters)

        def expected(people: int) -> float:
            cells = self.cells(people)
            used = cells.uses[:, None] >> np.arange(len(KINDS)) & 1
            return float((used @ means * cells.number).sum())

        return bisect_left(range(2**40), 1.002 * wanted, lo=1000, key=expected)


def timed(work: Callable[[], Any], clock: Callable[[], float] = perf_counter) -> tuple[float, float, Any]:
    """Return the seconds that some work takes, the cores that it got meanwhile, and what it returns."""
    began, used = clock(), process_time()
    found = work()
    seconds = clock() - began
    return seconds, round((process_time() - used) / seconds, 2), found


def nation(wanted: int, jobs: int, cold: bool) -> dict[str, Any]:
    """Return what the nation's visits take, from the solved draw to the totals, and the peak of this process.

    Unless cold, the loop is compiled or loaded before.
    """
    bench = Bench()
    people = bench.enough(wanted)
    if not cold:
        bench.live(bench.read(bench.of), bench.cells(1000))
    seconds, got, (number, _) = timed(lambda: bench.live(bench.read(bench.of), bench.cells(people), jobs))
    assert number >= wanted, f"{number} visits lived, {wanted} wanted"
    cells = bench.cells(people)
    return {
        "visits_nation": number,
        "people_nation": int(cells.number.sum()),
        "weights_nation": [int(cells.weight.min()), int(cells.weight.max())],
        "seconds_nation": round(seconds, 2),
        "cores_got_nation": got,
        "seconds_solve": round(bench.seconds_solve, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
    }


def in_a_process(wanted: int, jobs: int, cold: bool) -> dict[str, Any]:
    """Return what `nation` returns in a process of its own; if cold, Numba finds an empty folder."""
    command = [sys.executable, __file__, "--jobs", str(jobs), "--nation", str(wanted), *["--cold"] * cold]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | ({"XDG_CACHE_HOME": folder} if cold else {})
        found = json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)
    times = ("seconds_nation", "cores_got_nation", "seconds_solve", "peak_mb")
    return {f"{name}_cold": found[name] for name in times} if cold else found


def rates(bench: Bench, people: int, most: int, jobs: int, repeat: int) -> dict[str, Any]:
    """Return visits per second, on all threads, on one, of the twin: best of some repetitions, taken in turns.

    Seconds on one thread are those that it had the processor: neighbours on a shared machine disturb them least.
    """
    tables, cells, many = bench.read(bench.of), bench.cells(people), bench.cells(most)
    both = zip(bench.live(tables, cells)[1], bench.live_in_numpy(tables, cells)[1], strict=True)
    assert all(np.array_equal(*sums) for sums in both), "the NumPy twin gives other totals"
    print("twin: the same integers", file=sys.stderr)
    works = {
        "": (lambda: bench.live(tables, many, jobs), perf_counter),
        "_core": (lambda: bench.live(tables, cells), thread_time),
        "_numpy": (lambda: bench.live_in_numpy(tables, cells), thread_time),
    }
    best = dict.fromkeys(works, (0.0, 0.0))  # visits per second, cores
    for _ in range(repeat):
        for name, (work, clock) in works.items():
            seconds, cores, (number, _) = timed(work, clock)
            best[name] = max(best[name], (number / seconds, cores))
    found = {f"visits_per_second{name}": round(rate) for name, (rate, _) in best.items()}
    return found | {"cores_got": best[""][1], "ratio_to_numpy": round(best["_core"][0] / best["_numpy"][0], 2)}


def same_as_a_run(bench: Bench, people: int, jobs: int) -> dict[str, Any]:
    """Return whether `simlib run` has the benchmark's rules, and in draw 0 the amounts of the benchmark's totals."""
    import pandas as pd  # only here: the peak memory is to be the loop's

    from simlib.study import effects

    with tempfile.TemporaryDirectory() as folder:
        how = ["--draws", "2", "--people", str(people), "--jobs", str(jobs), "--out", folder, "--json"]
        command = [sys.executable, "-m", "simlib.cli", "run", str(SCENARIO), *how]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
        written = pd.read_parquet(Path(folder) / "metrics.parquet").query("draw == 0")
    groups = metrics.groups(bench.touched)
    shape = (2, len(KINDS), len(SCHEMES), bench.places, bench.places, 2, len(amounts.AMOUNTS))
    totals = [bench.live(bench.read(of), bench.cells(people))[1][0] for of in (scenario.reference(bench.of), bench.of)]
    sides = (metrics.amounts(side.reshape(shape), bench.place, groups)[None] for side in totals)
    labels = {group.label(bench.place): at for at, group in enumerate(groups)}
    own = effects.draws_table({bench.of.name: effects.Amounts(bench.place, labels, *sides)})
    equal = [*map(tuple, own.to_numpy(object))] == [*map(tuple, written.to_numpy(object))]  # words and integers
    sha = compiled.rules_sha()
    return {"rules_sha": sha, "rules_sha_equal": sha == manifest["rules_sha256"], "totals_equal": equal}


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    versions = {name: sys.modules[name].__version__ for name in ("numpy", "numba")}
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()} | versions


def main() -> int:
    """Measure, check, print; 1 if a check fails."""
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
    found = {"jobs": options.jobs}
    in_a_process(SIZES[True][0], options.jobs, False)  # compiles, where nothing has yet
    for cold in (False, True):  # while this process is small: on Linux a child's peak begins at its parent's
        found |= in_a_process(wanted, options.jobs, cold)
        print(f"nation, {'cold' if cold else 'warm'}: lived", file=sys.stderr)
    bench = Bench()
    found |= rates(bench, people, most, options.jobs, repeat) | same_as_a_run(bench, people, options.jobs)
    print(json.dumps(found | {"machine": machine()}))
    return 0 if found["rules_sha_equal"] and found["totals_equal"] else 1


if __name__ == "__main__":
    sys.exit(main())
