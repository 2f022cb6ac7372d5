"""The numbers of one draw: unknowns drawn, and the rules that a scenario enacts with them in a year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib import randomness
from simlib.benefits import area_rules, national, policy, pooling
from simlib.benefits.layers import POLICY
from simlib.benefits.pooling import BEST, MEAN, MEAN_OR_CAPITAL, Merged, Pooling
from simlib.catalogue import baskets
from simlib.errors import BadInputError, did_you_mean, shown
from simlib.files.facts import read, value
from simlib.patients import areas, chronic, visits, within
from simlib.quantities import Quantity
from simlib.randomness import odds_of
from simlib.scenario import register
from simlib.scenario.scenario import Scenario, compile
from simlib.settlement.channels import Channels
from simlib.simulation import conditions
from simlib.simulation.loop import DRAW
from simlib.terms import (
    CATEGORIES,
    CHRONIC,
    FEN,
    FILINGS,
    INPATIENT,
    KINDS,
    LOCAL,
    MEMBERS,
    MONTHS,
    PPM,
    SCHEMES,
    TIERS,
)

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]
Pin = Mapping[str, float | str]
"""Unknowns held at a value and variants held at a form, by id."""
Ints = npt.NDArray[np.int64]

DEFAULTS = ("default_ratio", "default_points")
"""Columns of a `Book` that say where a row takes the national default."""

ASKED = (*FILINGS, "local")
"""What a policy is asked for by: how the patient filed, or care at home."""


class Rules(NamedTuple):
    """What a scenario enacts in a year, as the loop reads it.

    policies : records of `benefits.POLICY`. which : their rows by (pool, scheme, member, kind, filing or local, month,
    tier). cover (slot, kind, basket, 3) ppm; slot (home, host, kind, month), of a home with itself the list of its
    claims. measures : what is done to conditions. listed (home, host, month) : chronic diseases that can be settled
    directly, bits. first (home,) : the first pool of a home; lives (home, pool) : cumulative shares of
    its people in its pools.
    """

    policies: Any
    which: Any
    cover: Any
    slot: Any
    measures: conditions.Measures
    listed: Any
    first: Any
    lives: Any

    @property
    def free(self) -> Any:
        """Where and when care counts as filed without a filing, (home, host, kind, month)."""
        return (self.measures.which & 1).astype(bool)

    def flat(self) -> tuple[Any, Any, Any, Any, Any, Any, Any, Any]:
        """Return the tables as the loop reads them, two axes each: it is slowed by finding its way in more.

        which (pool x scheme x member, kind x filing x month x tier); cover (slot x kind x basket, 3); slot and what is
        done to conditions (home x host x kind, month); listed (home x host, month).
        """
        people = int(np.prod(self.which.shape[:3]))
        by_month = (-1, MONTHS)
        return (
            self.policies,
            self.which.reshape(people, -1),
            self.cover.astype(np.uint32).reshape(-1, self.cover.shape[-1]),
            self.slot.astype(np.uint16).reshape(by_month),
            self.measures.which.reshape(by_month),
            np.ascontiguousarray(self.listed).reshape(by_month),
            self.first,
            self.lives,
        )


@dataclass(frozen=True)
class Book:
    """All policies that a scenario enacts in a year, but for the numbers that every draw varies.

    Attributes
    ----------
    which : row by (pool, scheme, member, kind, filing or local, month, tier). records : `benefits.POLICY` by row,
    ratios before points and factor. points, factor : away rule by row, share. place : (kind, scheme, tier, filing) by
    row, where the national defaults are looked up. default_ratio, default_points : rows that take them.
    compared : rows that no referral may fall behind, with what was found: completed in every draw. merged : rows that
    stand for those of several pools, merged in every draw.
    """

    which: npt.NDArray[np.uint16]
    records: Any
    points: Array
    factor: Array
    place: Ints
    default_ratio: npt.NDArray[np.bool_]
    default_points: npt.NDArray[np.bool_]
    compared: tuple[tuple[int, area_rules.Found], ...]
    merged: tuple[Merged, ...] = ()


def values_of(reference: Scenario, seed: int, draw: int, pin: Pin) -> Values:
    """Return the value of every unknown in a draw of a run: a member of the root's ensemble, else of the ranges."""
    fitted = reference.ensemble
    if fitted is None:
        return draw_values(seed, draw, pin)
    return draw_values(fitted.seed, fitted.member(seed, draw), pin, fitted.candidates)


def draw_values(seed: int, draw: int, pin: Pin, candidates: int | None = None) -> Values:
    """Return the value of every unknown in a draw, one number per province on its axes; `pin` fixes some by id.

    A variant's value is the position of its form, the default unless pinned. candidates : number of draws of a Latin
    hypercube that this is one of; without it draws are independent, and there is no end of them.
    """
    provinces = len(areas.provinces().codes)
    size = {"home": provinces, "host": provinces, "kind": len(KINDS), "category": len(CATEGORIES)}
    size["disease"], size["city"] = len(chronic.DISEASES), len(read("cities"))
    known = register.quantities()
    unknowns = {name: q for name, q in known.items() if q.role == "unknown"}
    variants = {name: q for name, q in known.items() if q.role == "variant"}
    wrong = sorted(set(pin) - set(unknowns) - set(variants))
    if wrong:
        raise BadInputError(f"{', '.join(wrong)}: no such unknown or variant to pin; `simlib parameters` lists them")
    out: dict[Quantity, Array] = {}
    for name, q in variants.items():
        form = str(pin.get(name, q.default))
        if form not in q.choices:
            raise BadInputError(f"{name}: {shown(form)}. {did_you_mean(form, q.choices)}")
        out[q] = np.array([float(q.choices.index(form))])
    for name, quantity in unknowns.items():
        count = int(np.prod([size[axis] for axis in quantity.axes]))
        if name in pin:
            out[quantity] = np.full(count, pin[name])
        elif candidates and not quantity.axes:
            out[quantity] = randomness.quantile(quantity, randomness.hypercube(quantity, seed, candidates)[[draw]])
        else:
            out[quantity] = randomness.draw_unknown(quantity, seed, draw, count)
    return out


def enact(of: Scenario, place: areas.Place, v: Values, lists: baskets.Lists, quantiles: Array) -> Rules:
    """Return the rules of a scenario's year in one draw, in the areas of a place: the scenario's, or the provinces."""
    mixed, slot = priced_on(of, place)
    cover = baskets.covers(lists, mixed, place.province)
    book = policies(of, place)
    records = drawn(book, national.default_ratios(v, quantiles), national.points_off(v))
    listed = chronic.listing(compile(of, place))
    return Rules(records, book.which, cover, slot, conditions.measures(of, place), listed, *residences(place))


def enact_within(rules: Rules, of: Scenario, place: areas.Place, v: Values, quantiles: Array) -> Rules:
    """Return the rules for care in another city of the same province, from those between provinces.

    The province has one catalogue, so that both prices are the same; the whole list of chronic diseases can be settled;
    what a scenario does to conditions between provinces is not done here. Terms are those at home but for the away
    rule: what the area publishes for other cities of its province, else the points off times `Within.cut`.
    """
    book = policies(of, place, inside=True)
    points = national.points_off(v) * v[within.Within.cut][0]
    own_list = np.broadcast_to(np.arange(len(place.codes))[:, None, None, None], rules.slot.shape)
    return rules._replace(
        policies=drawn(book, national.default_ratios(v, quantiles), points),
        which=book.which,
        slot=own_list,
        measures=rules.measures._replace(which=np.zeros_like(rules.measures.which)),
        listed=np.full_like(rules.listed, (1 << len(chronic.DISEASES)) - 1),
    )


@lru_cache(maxsize=32)
def priced_on(of: Scenario, place: areas.Place) -> tuple[Array, Ints]:
    """Return the mixed lists that a scenario needs in its year, and which list prices each pair: see `mixtures`."""
    settings = compile(of, place)
    rules, reach = (
        np.stack([settings.values(f"catalogue.{what}.{c}")[:, :, 0] for c in CATEGORIES], axis=-1)
        for what in ("rule", "reach")
    )
    added = np.stack([settings.values(f"catalogue.self_pay.{of}")[:, :, 0] for of in ("home", "host")], axis=-1)
    return baskets.mixtures(rules, reach, added, place.province)


def residences(place: areas.Place) -> tuple[Ints, Array]:
    """Return the number of the first pool of each home, (home,), and cumulative shares of people by pool, (home, pool).

    Pools are numbered home by home.

    >>> first, lives = residences(areas.load("provinces"))
    >>> first[:4].tolist(), lives[2, :2].round(3).tolist()
    ([0, 1, 2, 13], [0.151, 0.254])
    """
    numbers = [len(pools) for pools in place.pools]
    lives = np.ones((len(numbers), max(numbers)))
    for home, pools in enumerate(place.pools):
        lives[home, : len(pools)] = visits.cumulative(np.array([share for _, share in pools]))
    return np.cumsum([0, *numbers[:-1]]), lives


def drawn(book: Book, ratios: Array, points: Array) -> Any:
    """Return the policies of a draw, the national default filled in, records of `benefits.POLICY`.

    ratio = (ratio at home - points) x factor, not below 0, in ppm. ratios : national default, (kind, scheme, tier).
    points : national default by filing, share.
    """
    out = book.records.copy()
    kind, scheme, tier, filing = book.place
    points = np.append(points, 0.0)  # none at home
    base = np.where(book.default_ratio[:, None], np.rint(PPM * ratios[kind, scheme, tier])[:, None], out["ratio_ppm"])
    off = np.where(book.default_points, points[filing], book.points)
    away = np.maximum(base - np.rint(PPM * off)[:, None], 0) * book.factor[:, None]
    out["ratio_ppm"] = np.where(np.arange(base.shape[1]) < out["bands"][:, None], np.rint(away), 0)
    for row, found in book.compared:
        k, s, t, f = book.place[:, row]
        defaults = (round(float(ratios[k, s, t]), 6), round(float(points[f]), 6))
        out[row] = _completed(found, int(k), int(s), int(t), int(f), *defaults)
    for some in book.merged:
        out[some.rows] = pooling.merged(out, some)
    out.setflags(write=False)
    return out


@lru_cache(maxsize=1 << 14)
def _completed(*asked: Any) -> Any:
    """Return the record of `_recorded`, kept: the scenarios of a draw ask for the same."""
    return _recorded(*asked)[0]


@lru_cache(maxsize=32)
def policies(of: Scenario, place: areas.Place, *, inside: bool = False) -> Book:
    """Return all policies that a scenario enacts in its year: the areas' own rules, then what the scenario sets.

    inside : those for care in another city of the same province, in place of another province.
    """
    settings = compile(of, place)
    names = [*(f"benefits.deductible_yuan.tier{t}" for t in TIERS), "benefits.cap_yuan"]
    levers = np.stack([settings.values(name)[:, 0, :, 0] for name in names], axis=-1)
    book = _policies(place, of.year, levers.tobytes(), area_rules.WITHIN if inside else FILINGS)
    how, ends = (settings.values(q.id)[:, 0, 0, 0] for q in (Pooling.policy, Pooling.cut_ends))
    try:
        book = _pooled(book, place, how)
    except ValueError as error:
        raise BadInputError(f"{of.path}: {error}") from None
    return _without_cut(book, place, ends) if inside else book


@lru_cache(maxsize=32)
def _policies(place: areas.Place, year: int, levers: bytes, filings: tuple[str, ...]) -> Book:
    """Return the policies of a year with levers (home, scheme, month, lever): scenarios that share them share these.

    filings : what the areas' rules are asked for, by filing.
    """
    own = np.frombuffer(levers).reshape(len(place.codes), len(SCHEMES), MONTHS, -1)
    insurers = [(h, code) for h, pools in enumerate(place.pools) for code, _ in pools]
    shape = (len(insurers), len(SCHEMES), len(MEMBERS), len(KINDS), len(ASKED), MONTHS, len(TIERS))
    which = np.zeros(shape, dtype=np.uint16)
    rows: dict[Any, int] = {}
    blocks: dict[Any, Any] = {}
    for (number, (h, code)), s, m in product(enumerate(insurers), range(len(SCHEMES)), range(MONTHS)):
        area = area_rules.ruling(code)
        since = area_rules.unchanged_since(area, f"{year}-{m + 1:02}")
        key: Any = (area, s, since, *(None if np.isnan(x) else x for x in own[h, s, m].tolist()))
        if key not in blocks:
            block = [rows.setdefault(asked, len(rows)) for asked in _asked((*filings, area_rules.HOME), *key)]
            blocks[key] = np.reshape(block, (len(MEMBERS), len(KINDS), len(ASKED), len(TIERS)))
        which[number, s, :, :, :, m] = blocks[key]
    return _book(which, [_row(*key) for key in rows])


def check(of: Scenario) -> None:
    """Refuse a scenario whose pools cannot have one policy, before anything is drawn, with a `BadInputError`."""
    place = areas.load(of.geography)
    if compile(of, place).values(Pooling.policy.id).any():
        policies(of, place)


def _pooled(book: Book, place: areas.Place, how: Ints) -> Book:
    """Return policies with those of the pools of a province merged: see `pooling`.

    Parameters
    ----------
    how : choices of `Pooling.policy`, (home, month), the same in all of a province.

    Raises
    ------
    ValueError : pools of a province differ in the form of a field and the plain mean is asked for.
    """
    first, which = residences(place)[0], book.which.copy()
    copies, found = np.zeros(0, dtype=np.int64), list[Merged]()
    for p, choice in product(np.unique(place.province[how.any(axis=1)]), (MEAN, MEAN_OR_CAPITAL, BEST)):
        homes = np.flatnonzero(place.province == p)
        months = np.flatnonzero(how[homes[0]] == choice)
        if not months.size:
            continue
        own = book.which[first[homes]][..., months, :]
        rows, at = np.unique(own.reshape(len(homes), -1).T, axis=0, return_inverse=True)
        apart = (rows != rows[:, :1]).any(axis=1)
        members = rows[apart].astype(np.int64)
        if not len(members):  # one policy already
            continue
        if choice == MEAN:
            _refuse_unlike(book.records[members], place, homes)
        new = len(book.records) + len(copies) + np.arange(len(members))
        row = rows[:, 0].copy()
        row[apart] = new
        for home in homes:
            which[first[home]][..., months, :] = row[at].reshape(own.shape[1:])
        weight, capital = place.population[homes], int(np.argmax(place.capital[homes]))
        copies = np.append(copies, members[:, capital])
        found.append(Merged(choice == BEST, new, members, weight / weight.sum(), capital))

    def longer(of: Any, axis: int = 0) -> Any:
        return np.concatenate([of, of.take(copies, axis)], axis)

    same = {name: longer(getattr(book, name)) for name in ("records", "points", "factor", *DEFAULTS)}
    return replace(book, which=which, place=longer(book.place, 1), merged=tuple(found), **same) if found else book


def _refuse_unlike(pools: Any, place: areas.Place, homes: Ints) -> None:
    """Raise ValueError if policies (row, pool) differ in the form of a field, naming field and areas."""
    pools = pooling.on_common_forms(pools)
    alike, faults = [pooling.alike(pools[:, [0, i]]) for i in range(len(homes))], []
    for field in pooling.FIELDS:
        others = [i for i, with_first in enumerate(alike) if not with_first[field].all()]
        if others:
            faults.append(f"{field} ({', '.join(place.names_en[homes[i]] for i in others)})")
    if faults:
        said = f"these pools have another form than {place.names_en[homes[0]]}: {'; '.join(faults)}"
        raise ValueError(f"{Pooling.policy.id}: {said}. Write mean_or_capital, or best.")


def _without_cut(book: Book, place: areas.Place, ends: npt.NDArray[np.bool_]) -> Book:
    """Return policies within provinces with those at home in their place where the cut ends, (home, month)."""
    first, which = residences(place)[0], book.which.copy()
    for home, month in np.argwhere(ends):
        of_month = which[first[home]][..., month, :]  # (scheme, member, kind, filing or local, tier)
        of_month[:] = of_month[:, :, :, LOCAL:]
    return replace(book, which=which)


def _asked(filings: tuple[str, ...], area: str, s: int, month: str, *levers: float | None) -> Iterator[tuple[Any, ...]]:
    """Yield what distinguishes each policy of an area, scheme and month; equal things are one policy."""
    for member, k, f, t in product(MEMBERS, range(len(KINDS)), range(len(ASKED)), range(len(TIERS))):
        found = area_rules.lookup(
            area, SCHEMES[s], kind=KINDS[k], tier=TIERS[t], filing=filings[f], month=month, member=member
        )
        own = {} if k != INPATIENT or levers[t] is None else {"deductible": levers[t]}
        own |= {} if levers[-1] is None else {"cap": levers[-1]}
        yield found, tuple(own.items()), k, s, t, f


def _recorded(
    found: area_rules.Found, k: int, s: int, t: int, f: int, ratio: float, points: float
) -> tuple[Any, policy.Terms]:
    """Return one policy as a record, and its terms, completed with defaults."""
    terms, origin = area_rules.complete(found, SCHEMES[s], KINDS[k], TIERS[t], ASKED[f], ratio, points)
    return policy.record(terms, k, area_rules.grade_of(origin), area_rules.is_local(origin)), terms


def _row(
    found: area_rules.Found, own: tuple[tuple[str, float], ...], k: int, s: int, t: int, f: int
) -> tuple[Any, ...]:
    """Return one policy: what was found, its record with ratios before the away rule, that rule, what is default."""
    set_ = {name: area_rules.SCENARIO for name, _ in own}
    origin = tuple((name, set_.get(name, came)) for name, came in found.origin)
    found = replace(found, written=dict(found.written) | dict(own), origin=origin)
    out, terms = _recorded(found, k, s, t, f, 1.0, 0.0)
    out["ratio_ppm"][: len(terms.ratio.bands)] = [band.ratio for band in terms.ratio.bands]
    default_points = not set(area_rules.AWAY) & set(found.written)
    away = (terms.points_off / PPM, terms.ratio_factor / PPM)
    return found, out, *away, (k, s, t, f), "ratio" not in found.written, default_points


def _book(which: npt.NDArray[np.uint16], rows: list[tuple[Any, ...]]) -> Book:
    """Return the policies as arrays by row."""
    found, records, points, factor, place, default_ratio, default_points = zip(*rows, strict=True)
    stacked = np.zeros(len(rows), dtype=POLICY)
    for i, one in enumerate(records):
        stacked[i] = one
    return Book(
        which,
        stacked,
        np.array(points),
        np.array(factor),
        np.array(place).T,
        np.array(default_ratio),
        np.array(default_points),
        tuple((i, one) for i, one in enumerate(found) if one.highest is not None),
    )


def patient_costs(v: Values) -> conditions.Costs:
    """Return the hassle of a claim, fen by kind, and the cost of waiting for it, r tau, per yuan, without measures."""
    hassle = np.full(len(KINDS), FEN * v[Channels.hassle_outpatient][0])
    hassle[INPATIENT] = FEN * v[Channels.hassle_inpatient][0]
    return conditions.Costs(hassle, float(v[Channels.interest][0] * v[Channels.delay_months][0]))


def counts(v: Values) -> Array:
    """Return the tables of visits per patient, (`chronic.count_row`, count)."""
    shape, of = float(v[visits.Visits.dispersion][0]), chronic.diseases(v)
    single = [(float(v[getattr(visits.Visits, f"mean_{kind}")][0]), shape) for kind in KINDS if kind != "chronic"]
    by_disease = zip(of.visits.tolist(), chronic.dispersions().tolist(), strict=True)
    return np.stack([visits.count_table(*asked) for asked in (*single[:CHRONIC], *by_disease, *single[CHRONIC:])])


def circumstances(v: Values) -> Any:
    """Return a record of `loop.DRAW` with all that solving leaves alone.

    How many visits, when and in which hospitals, who the people are, their care at home before the first visit.
    """
    beds = np.array([value("national", metric="hospital_admissions", tier=str(t), year="2023") for t in TIERS])
    relative = visits.tier_bills() / float(visits.tier_bills() @ beds / beds.sum())
    retired = (v[visits.Visits.retired_share_employee][0], v[visits.Visits.senior_share_resident][0])
    fields = {
        "counts": counts(v),
        "season": visits.cumulative(visits.season()),
        "tiers": visits.cumulative(visits.tier_shares(v[visits.Visits.tier3_share][0])),
        "retired": odds_of(retired),
        "balances": visits.balances(FEN * float(v[visits.Visits.account_yuan][0])),
        "admissions": visits.admission_tables(),
        "tiers_home": visits.cumulative(beds / beds.sum()),
        "admission_fen": FEN * visits.home_bills()[INPATIENT][:, None] * relative,
        "outpatient_fen": FEN * visits.outpatient_at_home(),
        "in_scope_ppm": round(PPM * float(v[national.Benefits.in_scope_home][0])),
        "baskets": baskets.BASKETS,
        "care_at_home": True,
    }
    return filled(np.zeros(1, dtype=DRAW), fields)


def filled(record: Any, fields: Mapping[str, Any]) -> Any:
    """Return the one record of an array with some fields set."""
    for name, content in fields.items():
        record[name] = content
    return record[0]


def bill_scale(bill: Array, lists: baskets.Lists) -> Array:
    """Return mean bills, fen, (kind x scheme x tier, basket), from the mean in tier 3, yuan, (kind, scheme).

    Chronic bills are those of all diseases together.
    """
    scale: Array = (
        FEN * bill[:, :, None, None] * visits.tier_bills()[None, None, :, None] * lists.bill[:, None, None, :]
    )
    return scale.reshape(-1, scale.shape[-1])
