"""A small fixed sample of visits, priced and weighed, on which expected values are taken."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from simlib.benefits.layers import YEAR, Care, advance, begin_month, begin_year, fund, settle_apart
from simlib.catalogue import baskets
from simlib.compiled import apart, rule
from simlib.patients import visits
from simlib.patients.chronic import count_row
from simlib.randomness import below, happens, mix, odds_of, share, uniform
from simlib.settlement.channels import claim_gain
from simlib.simulation.loop import Person, care_at_home, insured
from simlib.simulation.measures import Costs
from simlib.simulation.visit import DrawnVisit, Tables, asked, of_kind, priced_on
from simlib.terms import CHRONIC, INPATIENT, KINDS, LONG_STAY, OUTPATIENT, SCHEMES, TIERS, UNFILED

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PILOT = (1 << 15, 1 << 12, 1 << 12, 1 << 12)
"""Visits of each kind in the pilot; inpatients' gains from claiming are the ones that need many."""


OTHER_MONTH, WHICH_FIRST = 7, 8
"""Decisions about another visit of the same person, numbered on from those of a visit."""


class Pilot(NamedTuple):
    """Visits that stand for the year in solving, one entry each; months, tiers, baskets and bills stratified.

    Dear bills and rare diseases are drawn more often and weigh less (`share`): no single visit can move a total.
    disease : -1 outside chronic care.
    """

    kind: Ints
    scheme: Ints
    purpose: Ints
    home: Ints
    host: Ints
    month: Ints
    tier: Ints
    basket: Ints
    disease: Ints
    dear: Array
    share: Array


class Prices(NamedTuple):
    """What the fund owes on each pilot visit, fen: settled directly, claimed as filed, claimed as unfiled.

    Directly settled, a visit for a disease that is not listed is ordinary outpatient care.
    """

    bill: Ints
    direct: Ints
    claim: Ints
    unfiled: Ints


@cache
def _pilot_numbers(size: int) -> Array:
    """Return the fixed points of the pilot, (visit, 6): cell, month, tier, basket, bill, disease."""
    return np.asarray(scipy.stats.qmc.Sobol(6, scramble=True, rng=20_230_101).random(size))


def pilot_visits(expected: Array, tiers: Array, diseases: Array) -> Pilot:
    """Return the pilot, `PILOT` visits of each kind, cells in proportion to `expected`.

    expected : visits by (kind, scheme, purpose, home, host). tiers : shares of tiers 1, 2, 3. diseases : how often each
    disease is drawn, (disease,); `share` makes up for it, so that all weigh alike.
    """
    season, ladder = visits.cumulative(visits.season()), visits.cumulative(tiers)
    parts = []
    for k, size in enumerate(PILOT):
        random = _pilot_numbers(size)
        cells = visits.cumulative(expected[k].ravel() / expected[k].sum())
        index = np.unravel_index(np.searchsorted(cells, random[:, 0]), expected[k].shape)
        month, tier = np.searchsorted(season, random[:, 1]), 1 + np.searchsorted(ladder, random[:, 2])
        basket = (random[:, 3] * baskets.BASKETS).astype(np.int64)
        disease, share, rest = np.full(size, -1), np.ones(size), 1 - random[:, 4]
        if k == CHRONIC:
            disease = np.searchsorted(visits.cumulative(diseases), random[:, 5])
            share = 1 / diseases[disease]
        dear = np.minimum(1 - rest**3, 1 - 1e-9)
        parts.append((np.full(size, k), *index, month, tier, basket, disease, dear, share * 3 * rest**2))
    return Pilot(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def met_by_visits(table: Array) -> Array:
    """Return the cumulative distribution of the visits in a year of whom a visit belongs to, from a `count_table`.

    P(n | a visit) = n P(n) / mean number: who has many visits is met more often.
    """
    shares = np.diff(table, prepend=0.0) * np.arange(1, len(table) + 1)
    return visits.cumulative(shares / shares.sum())


@apart
def _month_of(own: int, month: int, draw: Any) -> int:
    """Return the month of another visit of the same person if it came before one in `month`, else -1.

    Of two visits in one month either comes first as often.
    """
    other = visits.pick_one(draw.season, uniform(mix(own, OTHER_MONTH)))
    return other if other < month or (other == month and mix(own, WHICH_FIRST) & np.uint64(1)) else -1


class Sick(NamedTuple):
    """What a visit's disease says: 1 where it is listed, else 0; its bill against that of all; by visit."""

    listed: Any
    bill: Any


class Before(NamedTuple):
    """What earlier visits of a patient are like.

    met : see `met_by_visits`, by `chronic.count_row`. dropped : odds of those with nothing reimbursed, (kind,).
    """

    met: Any
    dropped: Any


@apart
def _price(pilot: Pilot, sick: Sick, past: Before, draw: Any, tables: Tables, places: int, out: Prices) -> None:
    """Price every pilot visit three ways with the rules of the loop, after what the year has used up.

    Earlier visits of the same kind are taken as settled directly, but for those dropped, which use up nothing.
    """
    year = np.zeros(1, dtype=YEAR)[0]
    for i in range(len(out.bill)):
        kind, month, person = pilot.kind[i], pilot.month[i], _person(pilot, i, draw, tables)
        others = visits.pick_in(past.met, count_row(kind, person.disease), uniform(mix(person.key, visits.HOW_MANY)))
        first = month
        for j in range(others):
            before = _month_of(mix(person.key, visits.OF_VISIT + j), month, draw)
            first = min(first, before) if before >= 0 else first
        for as_ordinary in range(1 + (sick.listed[i] == 0)):  # the last is the direct one
            begin_year(year)
            if person.purpose != LONG_STAY:
                care_at_home(person, first, year, draw, tables)
            for j in range(others):
                key = mix(person.key, visits.OF_VISIT + j)
                before = _month_of(key, month, draw)
                if before >= 0 and not happens(mix(key, visits.GATES), past.dropped[kind]):
                    begin_month(year, before)
                    visit = _visit(person, kind, before, as_ordinary, sick.bill[i], places)
                    _settle_before(key, visit, year, draw, tables)
            begin_month(year, month)
            visit = _visit(person, kind, month, as_ordinary, sick.bill[i], places)
            _price_now(i, visit, pilot, year, draw, tables, out)


@rule
def _person(pilot: Pilot, i: int, draw: Any, tables: Tables) -> Person:
    """Return who makes a pilot visit."""
    key, scheme, home = mix(draw.key, i), pilot.scheme[i], pilot.home[i]
    who, purpose, host = insured(key, home, scheme, draw, tables), pilot.purpose[i], pilot.host[i]
    return Person(key, 0, scheme, purpose, home, host, who, pilot.disease[i], False, 0, 0, 0, 1)


@rule
def _visit(person: Person, kind: int, month: int, as_ordinary: int, dearer: float, places: int) -> DrawnVisit:
    """Return a visit of the person who makes a pilot visit; as_ordinary : settled as ordinary outpatient care."""
    pair = (person.home * places + person.host) * len(KINDS) + kind
    alone = (person.home * places + person.home) * len(KINDS) + kind
    where = person.scheme, person.purpose, pair, alone, person.who
    return DrawnVisit(kind, *where, person.disease, as_ordinary == 1, 0, dearer, month, False)


@rule
def _care(visit: DrawnVisit) -> Care:
    """Return the care as which a visit is settled."""
    return of_kind(OUTPATIENT, -1) if visit.ordinary else of_kind(visit.kind, visit.disease)


@rule
def _bill_fen(visit: DrawnVisit, tier: int, basket: int, quantile: int, tables: Tables) -> int:
    """Return the bill of a visit, fen."""
    mean = visit.dearer * tables.scale_fen[(visit.kind * len(SCHEMES) + visit.scheme) * len(TIERS) + tier, basket]
    return visits.bill_fen(mean, tables.quantiles[quantile])


@rule
def _settle_before(key: int, visit: DrawnVisit, year: Any, draw: Any, tables: Tables) -> None:
    """Use up of the year what an earlier visit uses up."""
    what, care = mix(key, visits.WHAT), _care(visit)
    tier = visits.pick_one(draw.tiers, uniform(share(what, visits.WHICH_TIER)))
    basket = below(share(what, visits.WHICH_BASKET), draw.baskets)
    bill = _bill_fen(visit, tier, basket, below(share(what, visits.HOW_DEAR), len(tables.quantiles)), tables)
    part = priced_on(bill, tables.slot[visit.pair, visit.month], visit.kind, basket, draw, tables)
    policy = tables.policies[tables.which[visit.who, asked(care.kind, visit.purpose, visit.month, tier)]]
    advance(year, care, settle_apart(policy, part, care, year), visit.kind == INPATIENT)


@rule
def _price_now(i: int, visit: DrawnVisit, pilot: Pilot, year: Any, draw: Any, tables: Tables, out: Prices) -> None:
    """Write what the fund owes on a pilot visit: only the direct price where it is settled as ordinary care."""
    tier, basket, care = pilot.tier[i] - 1, pilot.basket[i], _care(visit)
    bill = _bill_fen(visit, tier, basket, int(pilot.dear[i] * len(tables.quantiles)), tables)
    at_host = priced_on(bill, tables.slot[visit.pair, visit.month], visit.kind, basket, draw, tables)
    at_home = priced_on(bill, tables.slot[visit.alone, visit.month], visit.kind, basket, draw, tables)
    filed = tables.policies[tables.which[visit.who, asked(care.kind, visit.purpose, visit.month, tier)]]
    unfiled = tables.policies[tables.which[visit.who, asked(visit.kind, UNFILED, visit.month, tier)]]
    out.bill[i], out.direct[i] = bill, fund(settle_apart(filed, at_host, care, year))
    if not visit.ordinary:
        out.claim[i] = fund(settle_apart(filed, at_home, care, year))
        out.unfiled[i] = fund(settle_apart(unfiled, at_home, care, year))


def price(
    pilot: Pilot, listed: Array, dropped: Array, disease_bill: Array, draw: Any, tables: Tables, places: int
) -> Prices:
    """Return what the fund owes on each pilot visit.

    listed : 1 where the visit's disease is listed, else 0. dropped : share of cases with nothing reimbursed, (kind,).
    disease_bill : bill of each disease against that of all, (disease,). draw : a record of `visit.DRAW` of which the
    people and their care at home are used. tables : of the rules, at a level of bills.
    """
    out = Prices(*(np.empty(len(pilot.kind), dtype=np.int64) for _ in Prices._fields))
    met = np.stack([met_by_visits(table) for table in draw["counts"]])
    sick = Sick(listed, np.where(pilot.disease < 0, 1.0, disease_bill[pilot.disease]))
    _price(pilot, sick, Before(met, odds_of(dropped)), draw, tables, places, out)
    return out


class Decides(NamedTuple):
    """What decides how a pilot visit is settled, beside its prices, one entry each.

    cell : position among visits by (kind, scheme, purpose, home, host). group : among (kind, scheme). listed : 1 where
    its disease is listed, else 0. settling : share that is listed, or settles as ordinary care. exposure : 1 where a
    filing is needed, else 0.
    """

    kind: Ints
    disease: Ints
    share: Array
    cell: Ints
    group: Ints
    listed: Array
    settling: Array
    exposure: Array


class Settled(NamedTuple):
    """What becomes of all pilot visits, see `settled`.

    direct : cases settled directly that each visit stands for. bills : settled directly and claimed, fen, (2, kind x
    scheme). handled : cases settled or claimed, (kind,). told : direct cases, what is paid on them, fen, and those of
    diseases that are not listed, by the kind of care as which they are published, (3, kind).
    """

    direct: Array
    bills: Array
    handled: Array
    told: Array


@apart
def weights(decides: Decides, of_disease: Array, ratio: Array, cases: Array) -> Array:
    """Return the cases that each pilot visit stands for, summing to `cases`, (kind x scheme).

    of_disease : share of chronic visits, (disease,). ratio : visits expected now over those that the pilot was drawn
    from, by cell.
    """
    out, sums = np.empty(len(decides.kind)), np.zeros(len(cases))
    for i in range(len(out)):
        disease = decides.disease[i]
        raw = decides.share[i] * (of_disease[disease] if disease >= 0 else 1.0) * ratio[decides.cell[i]]
        sums[decides.group[i]] += raw
        out[i] = raw
    for i in range(len(out)):
        group = decides.group[i]
        out[i] *= cases[group] / sums[group]
    return out


@apart
def gaining_cases(decides: Decides, prices: Prices, weight: Array, costs: Costs) -> Array:
    """Return listed cases by kind, need of a filing, and whether the patient gains by a claim, (kind, 2, 2)."""
    out = np.zeros((len(KINDS), 2, 2))
    for i in range(len(weight)):
        kind = decides.kind[i]
        gain = claim_gain(prices.direct[i], prices.claim[i], costs.claim_cost_fen[kind], costs.waiting)
        out[kind, int(decides.exposure[i]), int(gain > 0)] += weight[i] * decides.listed[i]
    return out


@rule
def _claim_share(paid: int, kind: int, costs: Costs, spread: float) -> float:
    """Return the share of patients who claim what would be paid, see `channels.claims_anyway`."""
    if paid <= 0:
        return 0.0
    z = np.log(paid) - np.log(costs.claim_cost_fen[kind] + costs.waiting * paid)
    return float(1 / (1 + np.exp(-z / spread)))


@apart
def settled(
    decides: Decides, prices: Prices, gate: tuple[Array, Array, Array], weight: Array, costs: Costs, spread: float
) -> Settled:
    """Return what becomes of all visits under solved gates.

    gate : share networked, share of those exposed without a valid filing, share of the attentive, each (kind,).
    """
    networked, unfiled_share, attention = gate
    direct, bills = np.empty(len(weight)), np.zeros((2, len(KINDS) * len(SCHEMES)))
    handled, told = np.zeros(len(KINDS)), np.zeros((3, len(KINDS)))
    for i in range(len(weight)):
        kind = decides.kind[i]
        gain = claim_gain(prices.direct[i], prices.claim[i], costs.claim_cost_fen[kind], costs.waiting)
        hard, unfiled = networked[kind] * decides.settling[i], decides.exposure[i] * unfiled_share[kind]
        met = hard * (1 - unfiled)
        chosen = met * attention[kind] if gain > 0 else 0.0
        direct[i] = weight[i] * (met - chosen)
        claimed = chosen + unfiled * _claim_share(prices.unfiled[i], kind, costs, spread)
        claimed += (1 - hard) * (1 - unfiled) * _claim_share(prices.claim[i], kind, costs, spread)
        claimed *= weight[i]
        bills[0, decides.group[i]] += direct[i] * prices.bill[i]
        bills[1, decides.group[i]] += claimed * prices.bill[i]
        handled[kind] += direct[i] + claimed
        published = OUTPATIENT if decides.listed[i] < 1 else kind
        told[0, published] += direct[i]
        told[1, published] += direct[i] * prices.direct[i]
        told[2, published] += direct[i] * (1 - decides.listed[i])
    return Settled(direct, bills, handled, told)


def by_kind(kind: Ints, weight: Array) -> Array:
    """Return sums of a weight by kind, (kind,)."""
    return np.bincount(kind, weights=weight, minlength=len(KINDS)).astype(np.float64)
