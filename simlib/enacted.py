"""The numbers of one draw: unknowns drawn, and the rules that a scenario enacts with them in a year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib import areas, catalogue, chronic, conditions, declared, local, luck, national, policy, visits
from simlib.benefits import POLICY
from simlib.channels import Channels
from simlib.loop import DRAW
from simlib.luck import odds_of
from simlib.remedies import did_you_mean, shown
from simlib.scenario import Scenario, compile
from simlib.tables import value
from simlib.terms import (
    CATEGORIES,
    CHRONIC,
    FEN,
    FILINGS,
    INPATIENT,
    KINDS,
    MEMBERS,
    MONTHS,
    PPM,
    SCHEMES,
    TIERS,
    BadInputError,
    Quantity,
)

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]
Pin = Mapping[str, float | str]
"""Unknowns held at a value and variants held at a form, by id."""
Ints = npt.NDArray[np.int64]

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
    compared : rows that no referral may fall behind, with what was found: completed in every draw.
    """

    which: npt.NDArray[np.uint16]
    records: Any
    points: Array
    factor: Array
    place: Ints
    default_ratio: npt.NDArray[np.bool_]
    default_points: npt.NDArray[np.bool_]
    compared: tuple[tuple[int, local.Found], ...]


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
    size["disease"] = len(chronic.DISEASES)
    known = declared.quantities()
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
            out[quantity] = luck.quantile(quantity, luck.hypercube(quantity, seed, candidates)[[draw]])
        else:
            out[quantity] = luck.draw_unknown(quantity, seed, draw, count)
    return out


def enact(of: Scenario, place: areas.Place, v: Values, lists: catalogue.Lists, quantiles: Array) -> Rules:
    """Return the rules of a scenario's year in one draw, in the areas of a place: the scenario's, or the provinces."""
    mixed, slot = priced_on(of, place)
    cover = catalogue.covers(lists, mixed, place.province)
    book = policies(of, place)
    records = drawn(book, national.default_ratios(v, quantiles), national.points_off(v))
    listed = chronic.listing(compile(of, place))
    return Rules(records, book.which, cover, slot, conditions.measures(of, place), listed, *residences(place))


@lru_cache(maxsize=32)
def priced_on(of: Scenario, place: areas.Place) -> tuple[Array, Ints]:
    """Return the mixed lists that a scenario needs in its year, and which list prices each pair: see `mixtures`."""
    settings = compile(of, place)
    rules, reach = (
        np.stack([settings.values(f"catalogue.{what}.{c}")[:, :, 0] for c in CATEGORIES], axis=-1)
        for what in ("rule", "reach")
    )
    added = np.stack([settings.values(f"catalogue.self_pay.{of}")[:, :, 0] for of in ("home", "host")], axis=-1)
    return catalogue.mixtures(rules, reach, added, place.province)


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
    out.setflags(write=False)
    return out


@lru_cache(maxsize=1 << 14)
def _completed(*asked: Any) -> Any:
    """Return the record of `_recorded`, kept: the scenarios of a draw ask for the same."""
    return _recorded(*asked)[0]


@lru_cache(maxsize=32)
def policies(of: Scenario, place: areas.Place) -> Book:
    """Return all policies that a scenario enacts in its year: the areas' own rules, then what the scenario sets."""
    settings = compile(of, place)
    names = [*(f"benefits.deductible_yuan.tier{t}" for t in TIERS), "benefits.cap_yuan"]
    levers = np.stack([settings.values(name)[:, 0, :, 0] for name in names], axis=-1)
    return _policies(place, of.year, levers.tobytes())


@lru_cache(maxsize=32)
def _policies(place: areas.Place, year: int, levers: bytes) -> Book:
    """Return the policies of a year with levers (home, scheme, month, lever): scenarios that share them share these."""
    own = np.frombuffer(levers).reshape(len(place.codes), len(SCHEMES), MONTHS, -1)
    insurers = [(h, code) for h, pools in enumerate(place.pools) for code, _ in pools]
    shape = (len(insurers), len(SCHEMES), len(MEMBERS), len(KINDS), len(ASKED), MONTHS, len(TIERS))
    which = np.zeros(shape, dtype=np.uint16)
    rows: dict[Any, int] = {}
    blocks: dict[Any, Any] = {}
    for (number, (h, code)), s, m in product(enumerate(insurers), range(len(SCHEMES)), range(MONTHS)):
        area = local.ruling(code)
        since = local.unchanged_since(area, f"{year}-{m + 1:02}")
        key: Any = (area, s, since, *(None if np.isnan(x) else x for x in own[h, s, m].tolist()))
        if key not in blocks:
            block = [rows.setdefault(asked, len(rows)) for asked in _asked(*key)]
            blocks[key] = np.reshape(block, (len(MEMBERS), len(KINDS), len(ASKED), len(TIERS)))
        which[number, s, :, :, :, m] = blocks[key]
    return _book(which, [_row(*key) for key in rows])


def _asked(area: str, s: int, month: str, *levers: float | None) -> Iterator[tuple[Any, ...]]:
    """Yield what distinguishes each policy of an area, scheme and month; equal things are one policy."""
    for member, k, f, t in product(MEMBERS, range(len(KINDS)), range(len(ASKED)), range(len(TIERS))):
        found = local.lookup(
            area, SCHEMES[s], kind=KINDS[k], tier=TIERS[t], filing=ASKED[f], month=month, member=member
        )
        own = {} if k != INPATIENT or levers[t] is None else {"deductible": levers[t]}
        own |= {} if levers[-1] is None else {"cap": levers[-1]}
        yield found, tuple(own.items()), k, s, t, f


def _recorded(
    found: local.Found, k: int, s: int, t: int, f: int, ratio: float, points: float
) -> tuple[Any, policy.Terms]:
    """Return one policy as a record, and its terms, completed with defaults."""
    terms, origin = local.complete(found, SCHEMES[s], KINDS[k], TIERS[t], ASKED[f], ratio, points)
    return policy.record(terms, k, local.grade_of(origin), local.is_local(origin)), terms


def _row(found: local.Found, own: tuple[tuple[str, float], ...], k: int, s: int, t: int, f: int) -> tuple[Any, ...]:
    """Return one policy: what was found, its record with ratios before the away rule, that rule, what is default."""
    set_ = {name: local.SCENARIO for name, _ in own}
    origin = tuple((name, set_.get(name, came)) for name, came in found.origin)
    found = replace(found, written=dict(found.written) | dict(own), origin=origin)
    out, terms = _recorded(found, k, s, t, f, 1.0, 0.0)
    out["ratio_ppm"][: len(terms.ratio.bands)] = [band.ratio for band in terms.ratio.bands]
    default_points = not set(local.AWAY) & set(found.written)
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
        "baskets": catalogue.BASKETS,
        "care_at_home": True,
    }
    return filled(np.zeros(1, dtype=DRAW), fields)


def filled(record: Any, fields: Mapping[str, Any]) -> Any:
    """Return the one record of an array with some fields set."""
    for name, content in fields.items():
        record[name] = content
    return record[0]


def bill_scale(bill: Array, lists: catalogue.Lists) -> Array:
    """Return mean bills, fen, (kind x scheme x tier, basket), from the mean in tier 3, yuan, (kind, scheme).

    Chronic bills are those of all diseases together.
    """
    scale: Array = (
        FEN * bill[:, :, None, None] * visits.tier_bills()[None, None, :, None] * lists.bill[:, None, None, :]
    )
    return scale.reshape(-1, scale.shape[-1])
