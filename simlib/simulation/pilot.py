"""A small fixed sample of visits, priced and weighed, on which expected values are taken."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from simlib.benefits.layers import YEAR, advance, begin_month, begin_year, fund, settle_apart, split_bill
from simlib.catalogue import baskets
from simlib.compiled import apart
from simlib.patients import visits
from simlib.patients.chronic import count_row
from simlib.randomness import below, happens, mix, odds_of, share, uniform
from simlib.settlement.gates import Passing
from simlib.simulation.draws import bill_scale
from simlib.simulation.loop import asked, care_at_home, insured, of_kind
from simlib.simulation.policies import Rules
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


class Odds(NamedTuple):
    """What becomes of each pilot visit, as probabilities: all conditions met, direct, chosen claim, unfiled."""

    met: Array
    direct: Array
    chosen: Array
    unfiled: Array


@cache
def _pilot_luck(size: int) -> Array:
    """Return the fixed points of the pilot, (visit, 6): cell, month, tier, basket, bill, disease."""
    return np.asarray(qmc.Sobol(6, scramble=True, rng=20_230_101).random(size))


def pilot_visits(expected: Array, tiers: Array, diseases: Array) -> Pilot:
    """Return the pilot, `PILOT` visits of each kind, cells in proportion to `expected`.

    expected : visits by (kind, scheme, purpose, home, host). tiers : shares of tiers 1, 2, 3. diseases : how often each
    disease is drawn, (disease,); `share` makes up for it, so that all weigh alike.
    """
    season, ladder = visits.cumulative(visits.season()), visits.cumulative(tiers)
    parts = []
    for k, size in enumerate(PILOT):
        luck = _pilot_luck(size)
        cells = visits.cumulative(expected[k].ravel() / expected[k].sum())
        index = np.unravel_index(np.searchsorted(cells, luck[:, 0]), expected[k].shape)
        month, tier = np.searchsorted(season, luck[:, 1]), 1 + np.searchsorted(ladder, luck[:, 2])
        basket = (luck[:, 3] * baskets.BASKETS).astype(np.int64)
        disease, share, rest = np.full(size, -1), np.ones(size), 1 - luck[:, 4]
        if k == CHRONIC:
            disease = np.searchsorted(visits.cumulative(diseases), luck[:, 5])
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


@apart
def _price(
    pilot: Any,
    listed: Any,
    relative: Any,
    met: Any,
    dropped: Any,
    draw: Any,
    scale_fen: Any,
    quantiles: Any,
    policies: Any,
    which: Any,
    cover: Any,
    slot: Any,
    pools: Any,
    lives: Any,
    places: int,
    bill: Any,
    direct: Any,
    claim: Any,
    unfiled: Any,
) -> None:
    """Price every pilot visit three ways with the rules of the loop, after what the year has used up.

    Earlier visits of the same kind are taken as settled directly, but for those dropped, which use up nothing.
    """
    year = np.zeros(1, dtype=YEAR)[0]
    for i in range(len(bill)):
        k, s, p, h = pilot.kind[i], pilot.scheme[i], pilot.purpose[i], pilot.home[i]
        m, tier, b = pilot.month[i], pilot.tier[i] - 1, pilot.basket[i]
        key = mix(draw.key, i)
        who = insured(key, h, s, pools, lives, draw.retired)
        others, first = visits.pick_in(met, count_row(k, pilot.disease[i]), uniform(mix(key, visits.HOW_MANY))), m
        for j in range(others):
            month = _month_of(mix(key, visits.OF_VISIT + j), m, draw)
            first = min(first, month) if month >= 0 else first
        pair = (h * places + pilot.host[i]) * len(KINDS) + k
        own_list = (slot[(h * places + h) * len(KINDS) + k, m] * len(KINDS) + k) * draw.baskets + b
        for as_ordinary in range(1 + (listed[i] == 0)):  # the last is the direct one
            paid_as, care = k, of_kind(k, pilot.disease[i])
            if as_ordinary:
                paid_as, care = OUTPATIENT, of_kind(OUTPATIENT, -1)
            begin_year(year)
            if p != LONG_STAY:
                care_at_home(key, s, who, first, year, draw, quantiles, policies, which)
            for j in range(others):
                own = mix(key, visits.OF_VISIT + j)
                month = _month_of(own, m, draw)
                if month < 0 or happens(mix(own, visits.GATES), dropped[k]):
                    continue
                begin_month(year, month)
                what = mix(own, visits.WHAT)
                t = visits.pick_one(draw.tiers, uniform(share(what, visits.WHICH_TIER)))
                c = below(share(what, visits.WHICH_BASKET), draw.baskets)
                yuan = visits.bill_fen(
                    relative[i] * scale_fen[(k * len(SCHEMES) + s) * len(TIERS) + t, c],
                    quantiles[below(share(what, visits.HOW_DEAR), len(quantiles))],
                )
                at = (slot[pair, month] * len(KINDS) + k) * draw.baskets + c
                part = split_bill(yuan, cover[at, 0], cover[at, 1], cover[at, 2])
                owed = settle_apart(policies[which[who, asked(paid_as, p, month, t)]], part, care, year)
                advance(year, care, owed, k == INPATIENT)
            begin_month(year, m)
            at = (slot[pair, m] * len(KINDS) + k) * draw.baskets
            bill[i] = visits.bill_fen(
                relative[i] * scale_fen[(k * len(SCHEMES) + s) * len(TIERS) + tier, b],
                quantiles[int(pilot.dear[i] * len(quantiles))],
            )
            at_host = split_bill(bill[i], cover[at + b, 0], cover[at + b, 1], cover[at + b, 2])
            at_home = split_bill(bill[i], cover[own_list, 0], cover[own_list, 1], cover[own_list, 2])
            filed = policies[which[who, asked(paid_as, p, m, tier)]]
            direct[i] = fund(settle_apart(filed, at_host, care, year))
            if not as_ordinary:
                claim[i] = fund(settle_apart(filed, at_home, care, year))
                terms = policies[which[who, asked(k, UNFILED, m, tier)]]
                unfiled[i] = fund(settle_apart(terms, at_home, care, year))


def price(
    pilot: Pilot,
    listed: Array,
    rules: Rules,
    draw: Any,
    dropped: Array,
    bill: Array,
    disease_bill: Array,
    lists: baskets.Lists,
    quantiles: Array,
) -> Prices:
    """Return what the fund owes on each pilot visit at a level of bills, yuan by (kind, scheme).

    listed : 1 where the visit's disease is listed, else 0. draw : a record of `loop.DRAW` of which the people and their
    care at home are used. dropped : share of cases with nothing reimbursed, (kind,). disease_bill : bill of each
    disease against that of all, (disease,).
    """
    out = Prices(*(np.empty(len(pilot.kind), dtype=np.int64) for _ in Prices._fields))
    met = np.stack([met_by_visits(table) for table in draw["counts"]])
    relative = np.where(pilot.disease < 0, 1.0, disease_bill[pilot.disease])
    policies, which, cover, slot, _, _, first, lives = rules.flat()
    tables = (bill_scale(bill, lists), quantiles, policies, which, cover, slot, first, lives)
    _price(pilot, listed, relative, met, odds_of(dropped), draw, *tables, len(first), *out)
    return out


def odds(passing: Passing, kind: Ints, listed: Array, exposure: Array, gains: Array) -> Odds:
    """Return the odds of each visit under solved gates; listed : share of each that is, or settles as ordinary care.

    met = networked listed (1 - exposure fault (1 - mended)); a chosen claim is made by the attentive who gain.
    """
    unfiled = exposure * (passing.fault * (1 - passing.mended))[kind]
    met = passing.networked[kind] * listed * (1 - unfiled)
    chosen = met * passing.attention[kind] * gains
    return Odds(met, met - chosen, chosen, unfiled)


def by_kind(kind: Ints, weight: Array) -> Array:
    """Return sums of a weight by kind, (kind,)."""
    return np.bincount(kind, weights=weight, minlength=len(KINDS)).astype(np.float64)
