"""A small fixed sample of visits, priced and weighed, on which expected values are taken."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from simlib import catalogue, visits
from simlib.benefits import settle, split_bill
from simlib.enacted import Rules, bill_scale
from simlib.gates import Passing
from simlib.terms import KINDS, UNFILED, rule

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PILOT = (1 << 15, 1 << 12)
"""Visits of each kind in the pilot; inpatients' gains from claiming are the ones that need many."""


class Pilot(NamedTuple):
    """Visits that stand for the year in solving, one entry each; months, tiers, baskets and bills stratified.

    Dear bills are drawn more often and weigh less (`share`), so that no single visit can move a total.
    """

    kind: Ints
    scheme: Ints
    purpose: Ints
    home: Ints
    host: Ints
    month: Ints
    tier: Ints
    basket: Ints
    dear: Array
    share: Array


class Prices(NamedTuple):
    """What the fund owes on each pilot visit, fen: settled directly, claimed as filed, claimed as unfiled."""

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
    """Return the fixed points of the pilot, (visit, 5): cell, month, tier, basket, bill."""
    return np.asarray(qmc.Sobol(5, scramble=True, rng=20_230_101).random(size))


def pilot_visits(expected: Array, tiers: Array) -> Pilot:
    """Return the pilot, `PILOT` visits of each kind, cells in proportion to `expected`.

    expected : visits by (kind, scheme, purpose, home, host). tiers : shares of tiers 1, 2, 3.
    """
    season, ladder = visits.cumulative(visits.season()), visits.cumulative(tiers)
    parts = []
    for k, size in enumerate(PILOT):
        luck = _pilot_luck(size)
        cells = visits.cumulative(expected[k].ravel() / expected[k].sum())
        index = np.unravel_index(np.searchsorted(cells, luck[:, 0]), expected[k].shape)
        month, tier = np.searchsorted(season, luck[:, 1]), 1 + np.searchsorted(ladder, luck[:, 2])
        basket = (luck[:, 3] * catalogue.BASKETS).astype(np.int64)
        rest = 1 - luck[:, 4]
        parts.append((np.full(size, k), *index, month, tier, basket, np.minimum(1 - rest**3, 1 - 1e-9), 3 * rest**2))
    return Pilot(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@rule
def _price(
    pilot: Any, rules: Any, scale_fen: Any, quantiles: Any, bill: Any, direct: Any, claim: Any, unfiled: Any
) -> None:
    """Price every pilot visit three ways with the rules of the loop; the cap starts unused."""
    for i in range(len(bill)):
        k, h, t, m, tier, b = (
            pilot.kind[i],
            pilot.home[i],
            pilot.host[i],
            pilot.month[i],
            pilot.tier[i],
            pilot.basket[i],
        )
        bill[i] = visits.bill_fen(scale_fen[k, pilot.scheme[i], tier - 1, b], quantiles, pilot.dear[i])
        slot, cover = rules.slot[h, t, k, m], rules.cover
        at_host = split_bill(bill[i], cover[slot, k, b, 0], cover[slot, k, b, 1], cover[slot, k, b, 2])
        at_home = split_bill(bill[i], cover[h, k, b, 0], cover[h, k, b, 1], cover[h, k, b, 2])
        filed = rules.policy[h, pilot.scheme[i], k, pilot.purpose[i], m, tier - 1]
        direct[i] = settle(filed, at_host, 0, None)
        claim[i] = settle(filed, at_home, 0, None)
        unfiled[i] = settle(rules.policy[h, pilot.scheme[i], k, UNFILED, m, tier - 1], at_home, 0, None)


def price(pilot: Pilot, rules: Rules, bill: Array, lists: catalogue.Lists, quantiles: Array) -> Prices:
    """Return what the fund owes on each pilot visit at a level of bills, yuan by (kind, scheme)."""
    out = Prices(*(np.empty(len(pilot.kind), dtype=np.int64) for _ in Prices._fields))
    _price(pilot, rules, bill_scale(bill, lists), quantiles, *out)
    return out


def odds(passing: Passing, kind: Ints, exposure: Array, gains: Array) -> Odds:
    """Return the odds of each visit under solved gates.

    met = networked (1 - exposure fault (1 - mended)); a chosen claim is made by the attentive who gain.
    """
    unfiled = exposure * (passing.fault * (1 - passing.mended))[kind]
    met = passing.networked[kind] * (1 - unfiled)
    chosen = met * passing.attention[kind] * gains
    return Odds(met, met - chosen, chosen, unfiled)


def by_kind(kind: Ints, weight: Array) -> Array:
    """Return sums of a weight by kind, (kind,)."""
    return np.bincount(kind, weights=weight, minlength=len(KINDS)).astype(np.float64)
