"""Items, baskets, and what each catalogue rule leaves open of a bill.

Item catalogues of services and consumables are not public as data. They are **synthetic**: generated anew in
every parameter draw, with the agreement between provinces uncertain. A province copies its region's list,
which copies the national one; what is not copied is decided afresh. Lists that contain nearly everything cannot
disagree much: an agreement drawn below that of independent lists is raised to it.

Real lists may take their place in some provinces. Items beyond the core are then drawn from the codes on any of them;
their provinces get what the lists say, the others generated lists that copy the first real one instead of a national
one: two of them agree as drawn, each with its source more often. Every code is as likely: real lists do not say what
is spent on an item.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.catalogue.agreement import align
from simlib.catalogue.itemlists import UNLISTED, Catalogues
from simlib.patients.areas import Provinces
from simlib.quantities import Params, Quantity
from simlib.randomness import LISTS, uniforms
from simlib.terms import CATEGORIES, INPATIENT, KINDS, PHARMACY, PPM

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]

ITEMS = 200
"""Items of each category on the generated catalogues."""

CORE = 20
"""Items of each category that every list covers alike and in full: what all hospitals use every day."""

BASKETS = 256
"""Case groups per kind, each a spending mix over items."""

TOGETHER = 256
"""Mixed lists that are summed up at once: one after the other, a reform of all routes takes many times as long."""

HOST, HOME, EITHER, BOTH = range(4)
DRUG, SERVICE, CONSUMABLE = range(3)


class Catalogue(Params, prefix="catalogue"):
    """Whose list prices a direct settlement, and how far the lists agree."""

    rule__drug: Quantity
    rule__service: Quantity
    rule__consumable: Quantity
    reach__drug: Quantity
    reach__service: Quantity
    reach__consumable: Quantity
    self_pay__host: Quantity
    self_pay__home: Quantity
    listed_service: Quantity
    listed_consumable: Quantity
    agree_service_delta: Quantity
    agree_service: Quantity
    agree_consumable: Quantity
    agree_share: Quantity
    agree_ceiling: Quantity
    class_a_drug: Quantity
    class_a_service: Quantity
    class_a_consumable: Quantity
    capped_service: Quantity
    capped_consumable: Quantity
    drug_share: Quantity
    consumable_share: Quantity
    plain_baskets: Quantity
    implant_baskets: Quantity
    drug_share_outpatient: Quantity
    implant_bill: Quantity


SELF_PAY = np.array([0.05, 0.1, 0.15, 0.2, 0.3])
"""First self-pay shares that class B items carry; drug pages print 0.10 to 0.30, consumables 0.30 and more."""


@dataclass(frozen=True)
class Lists:
    """The generated catalogues of one draw.

    Attributes
    ----------
    parts : what each province leaves of one yuan spent on an item, ppm summing to 1e6, (province, item, part).
    basket : spending mix of each case group over items, ppm summing to 1e6, (kind, basket, item).
    bill : mean bill of each case group against all, (kind, basket); mean 1 per kind.
    order : uniform number of each item: a rule of reach x takes the items below x, (item,).
    """

    parts: Array
    basket: Array
    bill: Array
    order: Array


class Real(NamedTuple):
    """Items of one category drawn from real lists, (item,) beyond the core.

    Attributes
    ----------
    provinces : those whose list has items of the category. parts : on their lists, ppm, (province, item, part).
    listed, share, ceiling : on the list of the first: whether listed, first self-pay, ceiling against the price.
    """

    provinces: npt.NDArray[np.int64]
    parts: Array
    listed: npt.NDArray[np.bool_]
    share: Array
    ceiling: Array


def generate(
    place: Provinces, values: Values, seed: int, draw: int, catalogues: Catalogues = (), on: datetime.date | None = None
) -> Lists:
    """Return catalogues and baskets for one parameter draw: synthetic, but for the real lists given.

    Parameters
    ----------
    catalogues : real lists by province. on : the day on which they are read; without it, their latest periods.
    """
    delta = np.array([region == "yangtze-delta" for region in place.regions])
    real = [sample(place, catalogues, on, c, seed, draw) for c in range(len(CATEGORIES))]
    parts = np.concatenate(
        [_category_parts(c, delta, values, seed, draw, real[c]) for c in range(len(CATEGORIES))], axis=1
    )
    baskets = [_baskets(k, values, seed, draw) for k in range(len(KINDS))]
    order = uniforms((len(CATEGORIES) * ITEMS,), LISTS, seed, draw, 0)
    return Lists(parts, np.stack([b for b, _ in baskets]), np.stack([m for _, m in baskets]), order)


def sample(
    place: Provinces, catalogues: Catalogues, on: datetime.date | None, category: int, seed: int, draw: int
) -> Real | None:
    """Return the items of a category that one draw takes from real lists, or None if no list has any.

    Drawn without repeats from the codes on any list; where there are too few, every code is taken about as often.
    A list with items of the category is taken to be whole: what is not on it is unlisted there. What lists do not agree
    how to count is left out.
    """
    aligned = align(tuple(one for _, one in catalogues), on) if catalogues else None
    if aligned is None or not (of_category := aligned.comparable & (aligned.category == category)).any():
        return None
    codes = np.flatnonzero(of_category)
    shuffled = codes[np.argsort(uniforms((len(codes),), LISTS, seed, draw, 4, category), kind="stable")]
    taken = np.resize(shuffled, ITEMS - CORE)
    has = np.flatnonzero(aligned.present[:, codes].any(axis=1))
    parts, first = aligned.parts(taken)[has], int(has[0])
    return Real(
        provinces=np.array([place.index(catalogues[i][0]) for i in has]),
        parts=parts,
        listed=aligned.cls[first, taken] != UNLISTED,
        share=aligned.share[first, taken] / PPM,
        ceiling=1 - parts[0, :, 1] / PPM,
    )


class _ListShares(NamedTuple):
    """How the lists of one category are decided.

    Attributes
    ----------
    listed : share of items that a list decided afresh covers. first : share of those in class A. capped : share under
    a ceiling. inside, outside : agreement on what is listed between two provinces of the Delta, and between others.
    share, ceiling : agreement on self-pay and on ceilings.
    """

    listed: float
    first: float
    capped: float
    inside: float
    outside: float
    share: float
    ceiling: float


class _Decided(NamedTuple):
    """What a list says of each item, (list, item): whether listed, first self-pay, ceiling against the price."""

    listed: npt.NDArray[np.bool_]
    share: Array
    ceiling: Array


def _list_shares(category: int, values: Values) -> _ListShares:
    """Return how the lists of a category are decided in a draw; drugs are on one national list without ceilings."""
    share, ceiling = float(values[Catalogue.agree_share][category]), float(values[Catalogue.agree_ceiling][0])
    if category == DRUG:
        return _ListShares(1.0, float(values[Catalogue.class_a_drug][0]), 0.0, 1.0, 1.0, share, ceiling)
    service = (
        Catalogue.listed_service,
        Catalogue.class_a_service,
        Catalogue.capped_service,
        Catalogue.agree_service_delta,
        Catalogue.agree_service,
    )
    consumable = (
        Catalogue.listed_consumable,
        Catalogue.class_a_consumable,
        Catalogue.capped_consumable,
        Catalogue.agree_consumable,
        Catalogue.agree_consumable,
    )
    own = (float(values[q][0]) for q in (service if category == SERVICE else consumable))
    listed, first, capped, inside, outside = own
    return _ListShares(listed, first, capped, inside, outside, share, ceiling)


def _afresh(shares: _ListShares, random: Array, real: Real | None) -> _Decided:
    """Return lists decided afresh, provinces first, then the Delta's and the nation's own, (list, item).

    The first real list is what is copied, in place of the nation's.
    """
    self_pay = SELF_PAY[(random[1, 3] * len(SELF_PAY)).astype(int)]
    listed = random[0, 0] < shares.listed
    share = np.where(random[1, 0] < shares.first, 0, self_pay)
    ceiling = np.where(random[2, 0] < shares.capped, 0.3 + 0.65 * random[2, 3], 1.0)
    if real:
        listed[-1, CORE:] = real.listed
        share[-1, CORE:] = np.where(real.listed, real.share, share[-1, CORE:])
        ceiling[-1, CORE:] = np.where(real.listed, real.ceiling, ceiling[-1, CORE:])
    return _Decided(listed, share, ceiling)


def _copied_down(shares: _ListShares, fresh: _Decided, delta: npt.NDArray[np.bool_], random: Array) -> _Decided:
    """Return what each province's list says once some of it is copied from the lists above it: see `_spread`."""
    listed, first, capped = shares.listed, shares.first, shares.capped
    same_share = first**2 + (1 - first) ** 2 / len(SELF_PAY)
    return _Decided(
        _spread(fresh.listed, delta, random[0], listed**2 + (1 - listed) ** 2, shares.inside, shares.outside),
        _spread(fresh.share, delta, random[1], same_share, shares.share, shares.share),
        _spread(fresh.ceiling, delta, random[2], (1 - capped) ** 2, shares.ceiling, shares.ceiling),
    )


def _parts_of(decided: _Decided) -> Array:
    """Return what is left of one yuan spent on each item, ppm: unlisted, over the ceiling, self-pay, eligible."""
    over = np.rint(PPM * (1 - decided.ceiling))
    self_pay = np.rint((PPM - over) * decided.share)
    out = np.stack([np.full_like(over, PPM), over, self_pay, PPM - over - self_pay], axis=-1)
    out[decided.listed, 0] = 0
    out[~decided.listed, 1:] = 0
    return out


def _category_parts(
    category: int, delta: npt.NDArray[np.bool_], values: Values, seed: int, draw: int, real: Real | None
) -> Array:
    """Return the four parts of each item of one category on each province's list, ppm."""
    shares = _list_shares(category, values)
    random = uniforms((3, 4, len(delta) + 2, ITEMS), LISTS, seed, draw, 1, category)
    out = _parts_of(_copied_down(shares, _afresh(shares, random, real), delta, random))
    if real:
        out[real.provinces, CORE:] = real.parts
    out[:, :CORE] = (0, 0, 0, PPM)
    return out


def _spread(
    fresh: npt.NDArray[Any],
    delta: npt.NDArray[np.bool_],
    random: Array,
    floor: float,
    inside: float,
    outside: float,
) -> npt.NDArray[Any]:
    """Return each province's attribute of each item: copied down from the nation through the region, or fresh.

    Two provinces agree with probability k + (1 - k) floor, where k is the chance that both copied the same
    source: r^2 inside the Delta, r1^2 r^2 across. Agreement below the floor of independent lists cannot be made.
    The core of items that all share counts as agreement; only the rest can differ.
    The last two rows of `fresh` and `random` belong to the Delta's and the nation's own list.
    """
    outer = np.sqrt(_copied(outside, floor))
    inner = np.sqrt(max(_copied(inside, floor), _copied(outside, floor)))
    through = outer / inner if inner > 0 else 0.0
    provinces, nation = fresh[:-2], fresh[-1]
    region = np.asarray(np.where(random[2, -2] < through, nation, fresh[-2]))
    copied = random[1, :-2] < np.asarray(np.where(delta, inner, outer))[:, None]
    return np.asarray(np.where(copied, np.where(delta[:, None], region, nation), provinces))


def _copied(agreement: float, floor: float) -> float:
    """Return the chance that both lists copied the same source which gives this agreement over all items."""
    beyond_core = (agreement - CORE / ITEMS) / (1 - CORE / ITEMS)
    return max((beyond_core - floor) / (1 - floor), 0.0) if floor < 1 else 1.0


def _baskets(kind: int, values: Values, seed: int, draw: int) -> tuple[Array, Array]:
    """Return the spending mix of each case group of a kind over all items, ppm, and its mean bill."""
    random = uniforms((len(CATEGORIES), 2, BASKETS, ITEMS), LISTS, seed, draw, 2, kind)
    jitter = uniforms((BASKETS, len(CATEGORIES) + 3), LISTS, seed, draw, 3, kind)
    drug = values[Catalogue.drug_share if kind == INPATIENT else Catalogue.drug_share_outpatient][0]
    consumable = values[Catalogue.consumable_share][0] if kind == INPATIENT else 0.03
    drug = 1 - consumable if kind == PHARMACY else drug
    mix = np.array([drug, 1 - drug - consumable, consumable]) * np.exp(jitter[:, :3] - 0.5)
    implants = jitter[:, 3] < (values[Catalogue.implant_baskets][0] if kind == INPATIENT else 0.0)
    mix /= mix.sum(axis=1, keepdims=True)
    dear = 0.35 + 0.3 * jitter[:, 4]
    mix[implants] *= ((1 - dear) / (1 - mix[:, CONSUMABLE]))[implants, None]
    mix[implants, CONSUMABLE] = dear[implants]
    few = np.full((len(CATEGORIES), BASKETS, 1), 0.05)
    few[CONSUMABLE, implants] = 0.01
    plain = ~implants & (jitter[:, 5] < values[Catalogue.plain_baskets][0])
    random[:, 0, plain, CORE:] = 1.0
    few[:, plain] = 0.5
    used = random[:, 0] <= np.maximum(few, random[:, 0].min(axis=2, keepdims=True))
    chosen = np.where(used, -np.log(random[:, 1]), 0)
    weight = mix.T[:, :, None] * chosen / chosen.sum(axis=2, keepdims=True)
    ppm = np.floor(weight.transpose(1, 0, 2).reshape(BASKETS, -1) * PPM)
    ppm[np.arange(BASKETS), ppm.argmax(axis=1)] += PPM - ppm.sum(axis=1)
    bill = np.where(implants, values[Catalogue.implant_bill][0], 1.0)
    return ppm, bill / bill.mean()


def under_rule(lists: Lists, home: int, host: int, rules: npt.NDArray[np.int8], reach: Array) -> Array:
    """Return the four parts of each item under a catalogue rule between two provinces, ppm, (item, part).

    `either` takes the list that leaves more eligible, item by item, `both` the one that leaves less; ties keep
    the host's split. Items beyond the reach of the rule stay on the host's list.

    Parameters
    ----------
    rules : index into `CATALOGUE_RULES` by category, (3,). reach : share of items reached by category, (3,).
    """
    reached = lists.order < np.repeat(reach, ITEMS)
    return picked(lists.parts[home], lists.parts[host], np.repeat(rules, ITEMS), reached)


def picked(of_home: Array, of_host: Array, rule: npt.NDArray[Any], reached: npt.NDArray[np.bool_]) -> Array:
    """Return each item's parts on the list that its rule picks, (..., item, part); see `under_rule`."""
    more, less = of_home[..., 3] > of_host[..., 3], of_home[..., 3] < of_host[..., 3]
    from_home = (rule == HOME) | ((rule == EITHER) & more) | ((rule == BOTH) & less)
    return np.asarray(np.where((from_home & reached)[..., None], of_home, of_host))


def cover(lists: Lists, parts: Array) -> npt.NDArray[np.int64]:
    """Return how far each part reaches into the bill of each basket, ppm, (..., kind, basket, 3).

    Entries are running sums: unlisted; and over ceiling; and self-pay. What is left up to 1e6 is eligible,
    rounded down. Sums of integers below 2^53: exact in any order.

    Parameters
    ----------
    parts : (..., item, part) ppm.
    """
    return covered(spent(lists.basket, parts))


def spent(basket: Array, parts: Array) -> Array:
    """Return what the items of baskets leave in each part, ppm squared, (..., kind, basket, part)."""
    return np.asarray(np.einsum("kbi,...ip->...kbp", basket, parts, optimize=True))


def covered(spent: Array) -> npt.NDArray[np.int64]:
    """Return running sums of the parts, ppm, from what is spent on each: see `cover`."""
    eligible = PPM - np.floor(spent[..., 3] / PPM)
    first, second = np.floor(spent[..., 0] / PPM), np.floor((spent[..., 0] + spent[..., 1]) / PPM)
    return np.stack([first, second, eligible], axis=-1).astype(np.int64)


def with_self_pay(parts: Array, added: Array) -> Array:
    """Return what drugs leave in each part, ppm, points added to the first self-pay shares of those that carry one.

    The share is of what is under the ceiling, stays between 0 and 1, and is none still for class A.

    Parameters
    ----------
    parts : of drugs, ppm, (..., item, part). added : points as a share, (...).

    >>> with_self_pay(np.array([[0, 0, 200_000, 800_000], [0, 0, 0, 1_000_000.0]]), np.array(-0.05)).tolist()
    [[0.0, 0.0, 150000.0, 850000.0], [0.0, 0.0, 0.0, 1000000.0]]
    """
    payable = parts[..., 2] + parts[..., 3]
    share = np.clip(parts[..., 2] / np.maximum(payable, 1) + added[..., None], 0, 1)
    self_pay = np.where(parts[..., 2] > 0, np.rint(payable * share), 0)
    return np.stack([parts[..., 0], parts[..., 1], self_pay, payable - self_pay], axis=-1)


def mixtures(
    rules: npt.NDArray[np.int8], reach: Array, added: Array, province: npt.NDArray[np.int64]
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the lists that a year needs beside each area's own, and which list prices a route in a month.

    Parameters
    ----------
    rules, reach : (home, host, kind, month, category). added : points of self-pay on the home's and on the host's list,
    (home, host, kind, month, 2). province : whose list each area has, (area,).

    Returns
    -------
    mixed : (list, 10): home's and host's province, rule and reach by category, points added to home's and host's list.
    slot : index into the table of `covers`, (home, host, kind, month). Of an area with itself: the list of its claims.
    """
    homes, hosts, kinds, months, _ = rules.shape
    slot = np.broadcast_to(np.arange(hosts)[None, :, None, None], (homes, hosts, kinds, months)).copy()
    at = np.arange(homes)
    rules, added = rules.copy(), added.copy()
    rules[at, at], added[at, at, ..., 1] = HOST, added[at, at, ..., 0]
    moved = (rules != HOST).any(axis=-1) | (added[..., 1] != 0)
    keys = np.concatenate([province[np.argwhere(moved)[:, :2]], rules[moved], reach[moved], added[moved]], axis=1)
    mixed, inverse = np.unique(keys, axis=0, return_inverse=True)
    slot[moved] = hosts + inverse.ravel()
    return mixed, slot


def covers(lists: Lists, mixed: Array, province: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return every cover a year needs, (slot, kind, basket, 3) ppm: each area's own list, then those of `mixtures`.

    Category by category, as routes and months that share a rule for one of them share what it leaves: the sums of
    integers below 2^53 are exact in any order.
    """
    shape = (len(KINDS), lists.basket.shape[1], 4)
    own, mixes = np.zeros((len(lists.parts), *shape)), np.zeros((len(mixed), *shape))
    for c in range(len(CATEGORIES)):
        items = slice(c * ITEMS, (c + 1) * ITEMS)
        parts, basket, order = lists.parts[:, items], lists.basket[..., items], lists.order[items]
        alone = spent(basket, parts)
        asked = mixed[:, [0, 1, 2 + c, 5 + c, 8, 9]] * np.array([1, 1, 1, 1, c == DRUG, c == DRUG])
        needed, which = np.unique(asked, axis=0, return_inverse=True)
        left = alone[needed[:, 1].astype(np.int64)]
        moved = np.flatnonzero((needed[:, 2] != HOST) | (needed[:, 5] != 0))
        for some in np.split(moved, range(TOGETHER, len(moved), TOGETHER)):
            home, host = needed[some, :2].astype(np.int64).T
            rule, reach = needed[some, 2:4].T[..., None]
            of_home, of_host = parts[home], parts[host]
            if needed[some, 4:].any():
                of_home, of_host = (
                    with_self_pay(*side) for side in zip((of_home, of_host), needed[some, 4:].T, strict=True)
                )
            left[some] = spent(basket, picked(of_home, of_host, rule, order < reach))
        own += alone
        mixes += left[which.ravel()]
    return np.concatenate([covered(own)[province], covered(mixes)])
