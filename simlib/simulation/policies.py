"""What a scenario enacts in a year: whose policy pays, which list prices what, what is done to conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.benefits import area_rules, national, policy, pooling
from simlib.benefits.area_rules import Situation
from simlib.benefits.layers import POLICY
from simlib.benefits.pooling import BEST, MEAN, MEAN_OR_CAPITAL, Merged, Pooling
from simlib.catalogue import baskets
from simlib.errors import BadInputError
from simlib.patients import areas, chronic, visits, within
from simlib.scenario.scenario import Scenario, compile
from simlib.simulation import measures
from simlib.simulation.draws import Values
from simlib.simulation.visit import Tables
from simlib.terms import CATEGORIES, FILINGS, INPATIENT, KINDS, LOCAL, MEMBERS, MONTHS, PPM, SCHEMES, TIERS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DEFAULTS = ("default_ratio", "default_points")
"""Columns of a `PolicyTable` that say where a row takes the national default."""

ASKED = (*FILINGS, "local")
"""What a policy is asked for by: how the patient filed, or care at home."""

LEVERS = (*(f"benefits.deductible_yuan.tier{t}" for t in TIERS), "benefits.cap_yuan")
"""What a scenario may set in the areas' own policies."""

Setting = tuple[float | None, ...]
"""Values of `LEVERS`, None where the areas' own rules hold."""


class Rules(NamedTuple):
    """What a scenario enacts in a year.

    policies : records of `benefits.POLICY`. which : their rows by (pool, scheme, member, kind, filing or local, month,
    tier). cover (slot, kind, basket, 3) ppm; slot (home, host, kind, month), of a home with itself the list of its
    claims. measures : what is done to conditions. listed (home, host, month) : row of `ladder` (row, rung): chronic
    diseases that can be settled directly, bits. first (home,) : the first pool of a home; lives (home, pool) :
    cumulative shares of its people in its pools.
    """

    policies: Any
    which: Any
    cover: Any
    slot: Any
    measures: measures.Measures
    listed: Any
    ladder: Any
    first: Any
    lives: Any

    @property
    def free(self) -> Any:
        """Where and when care counts as filed without a filing, (home, host, kind, month)."""
        return (self.measures.which & 1).astype(bool)

    def tables(self, scale_fen: Array, quantiles: Array, conditions: Any) -> Tables:
        """Return the tables of the loop with mean bills, their distribution and records of `visit.MEASURE`."""
        people, by_month = int(np.prod(self.which.shape[:3])), (-1, MONTHS)
        return Tables(
            scale_fen,
            quantiles,
            self.policies,
            which=self.which.reshape(people, -1),
            cover=self.cover.astype(np.uint32).reshape(-1, self.cover.shape[-1]),
            slot=self.slot.astype(np.uint16).reshape(by_month),
            done=self.measures.which.reshape(by_month),
            listed=self.listed.reshape(by_month),
            ladder=self.ladder,
            first=self.first,
            lives=self.lives,
            measures=conditions,
        )


@dataclass(frozen=True)
class PolicyTable:
    """All policies that a scenario enacts in a year, but for the numbers that every draw varies.

    Attributes
    ----------
    which : row by (pool, scheme, member, kind, filing or local, month, tier). records : `benefits.POLICY` by row,
    ratios before points and factor. points, factor : away rule by row, share. place : (kind, scheme, tier, filing) by
    row, where the national defaults are looked up. default_ratio, default_points : rows that take them.
    compared : rows that no referral may fall behind, with the area's rules: completed in every draw. merged : rows that
    stand for those of several pools, merged in every draw.
    """

    which: npt.NDArray[np.uint16]
    records: Any
    points: Array
    factor: Array
    place: Ints
    default_ratio: npt.NDArray[np.bool_]
    default_points: npt.NDArray[np.bool_]
    compared: tuple[tuple[int, area_rules.AreaRules], ...]
    merged: tuple[Merged, ...] = ()


class PolicyAsked(NamedTuple):
    """What tells policies apart: two visits that agree in all of it have one policy.

    rules : of the area. levers : what the scenario sets. kind, scheme, tier, filing : positions.
    """

    rules: area_rules.AreaRules
    levers: tuple[tuple[str, float], ...]
    kind: int
    scheme: int
    tier: int
    filing: int


class PolicyRow(NamedTuple):
    """One row of a `PolicyTable`: the rules it follows, its record with ratios before the away rule, then that rule.

    points, factor : away rule, share. place : positions of kind, scheme, tier and filing. default_ratio,
    default_points : whether it takes the national ones.
    """

    rules: area_rules.AreaRules
    record: Any
    points: float
    factor: float
    place: tuple[int, int, int, int]
    default_ratio: bool
    default_points: bool


def enact(scenario: Scenario, place: areas.Place, values: Values, lists: baskets.Lists, quantiles: Array) -> Rules:
    """Return the rules of a scenario's year in one draw, in the areas of a place: the scenario's, or the provinces."""
    mixed, slot = priced_on(scenario, place)
    cover = baskets.covers(lists, mixed, place.province)
    table = in_force(scenario, place)
    records = drawn(table, national.default_ratios(values, quantiles), national.points_off(values))
    months, listed = on_lists(scenario, place)
    ladder = chronic.ladder(months, float(values[chronic.Chronic.ramp_months][0]))
    taken = measures.taken(scenario, place)
    return Rules(records, table.which, cover, slot, taken, listed, ladder, *residences(place))


@lru_cache(maxsize=32)
def on_lists(scenario: Scenario, place: areas.Place) -> tuple[chronic.Bits, Any]:
    """Return the different lists of chronic diseases over months, bits, (list, month), and the row of a pair's month.

    Months are those of the scenario's year and of `chronic.YEARS_BACK` before. The row, list x month of the year, is by
    (home, host, month).
    """
    asked = range(scenario.year - chronic.YEARS_BACK, scenario.year + 1)
    listed = np.concatenate([chronic.listing(compile(scenario, place, year)) for year in asked], axis=-1)
    pairs = np.ascontiguousarray(listed.reshape(-1, listed.shape[-1]))
    months, which = np.unique(pairs, axis=0, return_inverse=True)
    row = which.reshape(listed.shape[:2])[..., None] * MONTHS + np.arange(MONTHS)
    return months, np.ascontiguousarray(row.astype(np.uint16))


def enact_within(rules: Rules, scenario: Scenario, place: areas.Place, values: Values, quantiles: Array) -> Rules:
    """Return the rules for care in another city of the same province, from those between provinces.

    The province has one catalogue, so that both prices are the same; the whole list of chronic diseases can be settled;
    what a scenario does to conditions between provinces is not done here. Terms are those at home but for the away
    rule: what the area publishes for other cities of its province, else the points off times `Within.cut`.
    """
    table = in_force(scenario, place, inside=True)
    points = national.points_off(values) * values[within.Within.cut][0]
    own_list = np.broadcast_to(np.arange(len(place.codes))[:, None, None, None], rules.slot.shape)
    return rules._replace(
        policies=drawn(table, national.default_ratios(values, quantiles), points),
        which=table.which,
        slot=own_list,
        measures=rules.measures._replace(which=np.zeros_like(rules.measures.which)),
        ladder=np.full_like(rules.ladder, (1 << len(chronic.DISEASES)) - 1),
    )


def check(scenario: Scenario) -> None:
    """Refuse a scenario whose pools cannot have one policy, before anything is drawn, with a `BadInputError`."""
    place = areas.load(scenario.geography)
    if compile(scenario, place).values(Pooling.policy.id).any():
        in_force(scenario, place)


@lru_cache(maxsize=32)
def priced_on(scenario: Scenario, place: areas.Place) -> tuple[Array, Ints]:
    """Return the mixed lists that a scenario needs in its year, and which list prices each pair: see `mixtures`."""
    settings = compile(scenario, place)
    rules, reach = (
        np.stack([settings.values(f"catalogue.{what}.{c}")[:, :, 0] for c in CATEGORIES], axis=-1)
        for what in ("rule", "reach")
    )
    added = np.stack([settings.values(f"catalogue.self_pay.{side}")[:, :, 0] for side in ("home", "host")], axis=-1)
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


def drawn(table: PolicyTable, ratios: Array, points: Array) -> Any:
    """Return the policies of a draw, the national default filled in, records of `benefits.POLICY`.

    ratio = (ratio at home - points) x factor, not below 0, in ppm. ratios : national default, (kind, scheme, tier).
    points : national default by filing, share.
    """
    out = table.records.copy()
    kind, scheme, tier, filing = table.place
    points = np.append(points, 0.0)  # none at home
    base = np.where(table.default_ratio[:, None], np.rint(PPM * ratios[kind, scheme, tier])[:, None], out["ratio_ppm"])
    off = np.where(table.default_points, points[filing], table.points)
    away = np.maximum(base - np.rint(PPM * off)[:, None], 0) * table.factor[:, None]
    out["ratio_ppm"] = np.where(np.arange(base.shape[1]) < out["bands"][:, None], np.rint(away), 0)
    for row, rules in table.compared:
        k, s, t, f = map(int, table.place[:, row])
        defaults = (round(float(ratios[k, s, t]), 6), round(float(points[f]), 6))
        out[row] = _completed(PolicyAsked(rules, (), k, s, t, f), *defaults)
    for pools in table.merged:
        out[pools.rows] = pooling.merged(out, pools)
    out.setflags(write=False)
    return out


@lru_cache(maxsize=1 << 14)
def _completed(asked: PolicyAsked, ratio: float, points: float) -> Any:
    """Return the record of `_recorded`, kept: the scenarios of a draw ask for the same."""
    return _recorded(asked, ratio, points)[0]


@lru_cache(maxsize=32)
def in_force(scenario: Scenario, place: areas.Place, *, inside: bool = False) -> PolicyTable:
    """Return all policies that a scenario enacts in its year: the areas' own rules, then what the scenario sets.

    inside : those for care in another city of the same province, in place of another province.
    """
    settings = compile(scenario, place)
    table = _with_levers(place, scenario.year, _set_by(scenario, place), area_rules.WITHIN if inside else FILINGS)
    how, ends = (settings.values(q.id)[:, 0, 0, 0] for q in (Pooling.policy, Pooling.cut_ends))
    try:
        table = _pooled(table, place, how)
    except ValueError as error:
        raise BadInputError(f"{scenario.path}: {error}") from None
    return _without_cut(table, place, ends) if inside else table


def _set_by(scenario: Scenario, place: areas.Place) -> tuple[tuple[tuple[int, int, int], Setting], ...]:
    """Return (home, scheme, month) where a scenario sets one of `LEVERS`, and their values there."""
    settings = compile(scenario, place)
    levers = np.stack([settings.values(name)[:, 0, :, 0] for name in LEVERS], axis=-1)
    where = np.argwhere(~np.isnan(levers).all(axis=-1))
    return tuple(
        ((h, s, m), tuple(None if np.isnan(lever) else lever for lever in levers[h, s, m].tolist()))
        for h, s, m in where.tolist()
    )


@lru_cache(maxsize=32)
def _with_levers(
    place: areas.Place, year: int, levers: tuple[tuple[tuple[int, int, int], Setting], ...], filings: tuple[str, ...]
) -> PolicyTable:
    """Return the policies of a year with some levers, see `_set_by`: scenarios that share them share these.

    filings : what the areas' rules are asked for, by filing.
    """
    setting, own_rules = dict(levers), (None,) * len(LEVERS)
    insurers = [(h, code) for h, pools in enumerate(place.pools) for code, _ in pools]
    shape = (len(insurers), len(SCHEMES), len(MEMBERS), len(KINDS), len(ASKED), MONTHS, len(TIERS))
    which = np.zeros(shape, dtype=np.uint16)
    rows: dict[PolicyAsked, int] = {}
    blocks: dict[tuple[str, int, str, Setting], Any] = {}
    for (number, (h, code)), s, m in product(enumerate(insurers), range(len(SCHEMES)), range(MONTHS)):
        area = area_rules.ruling(code)
        key = (area, s, area_rules.unchanged_since(area, f"{year}-{m + 1:02}"), setting.get((h, s, m), own_rules))
        if key not in blocks:
            block = [rows.setdefault(asked, len(rows)) for asked in _asked((*filings, area_rules.HOME), *key)]
            blocks[key] = np.reshape(block, (len(MEMBERS), len(KINDS), len(ASKED), len(TIERS)))
        which[number, s, :, :, :, m] = blocks[key]
    return _tabled(which, [_row(asked) for asked in rows])


def _asked(filings: tuple[str, ...], area: str, s: int, month: str, levers: Setting) -> Iterator[PolicyAsked]:
    """Yield what distinguishes each policy of an area, scheme and month, by (member, kind, filing or local, tier)."""
    for member, k, f, t in product(MEMBERS, range(len(KINDS)), range(len(ASKED)), range(len(TIERS))):
        rules = area_rules.lookup(area, Situation(SCHEMES[s], KINDS[k], TIERS[t], filings[f], month, member))
        own = {} if k != INPATIENT or levers[t] is None else {"deductible": levers[t]}
        own |= {} if levers[-1] is None else {"cap": levers[-1]}
        yield PolicyAsked(rules, tuple(own.items()), k, s, t, f)  # type: ignore[arg-type]


def _recorded(asked: PolicyAsked, ratio: float, points: float) -> tuple[Any, policy.Terms]:
    """Return one policy as a record, and its terms, the area's rules completed with defaults."""
    situation = Situation(SCHEMES[asked.scheme], KINDS[asked.kind], TIERS[asked.tier], ASKED[asked.filing])
    terms, origin = area_rules.complete(asked.rules, situation, ratio, points)
    return policy.record(terms, asked.kind, area_rules.grade_of(origin), area_rules.is_local(origin)), terms


def _row(asked: PolicyAsked) -> PolicyRow:
    """Return one row of the policies, the levers in place of the area's own rules."""
    levers = dict(asked.levers)
    origin = tuple((name, area_rules.SCENARIO if name in levers else came) for name, came in asked.rules.origin)
    rules = replace(asked.rules, written=dict(asked.rules.written) | levers, origin=origin)
    record, terms = _recorded(asked._replace(rules=rules), 1.0, 0.0)
    record["ratio_ppm"][: len(terms.ratio.bands)] = [band.ratio for band in terms.ratio.bands]
    return PolicyRow(
        rules,
        record,
        points=terms.points_off / PPM,
        factor=terms.ratio_factor / PPM,
        place=(asked.kind, asked.scheme, asked.tier, asked.filing),
        default_ratio="ratio" not in rules.written,
        default_points=not set(area_rules.AWAY) & set(rules.written),
    )


def _tabled(which: npt.NDArray[np.uint16], rows: list[PolicyRow]) -> PolicyTable:
    """Return the policies as arrays by row."""
    records = np.zeros(len(rows), dtype=POLICY)
    for i, row in enumerate(rows):
        records[i] = row.record
    return PolicyTable(
        which,
        records,
        points=np.array([row.points for row in rows]),
        factor=np.array([row.factor for row in rows]),
        place=np.array([row.place for row in rows]).T,
        default_ratio=np.array([row.default_ratio for row in rows]),
        default_points=np.array([row.default_points for row in rows]),
        compared=tuple((i, row.rules) for i, row in enumerate(rows) if row.rules.highest is not None),
    )


def _pooled(table: PolicyTable, place: areas.Place, how: Ints) -> PolicyTable:
    """Return policies with those of the pools of a province merged: see `pooling`.

    Parameters
    ----------
    how : choices of `Pooling.policy`, (home, month), the same in all of a province.

    Raises
    ------
    ValueError : pools of a province differ in the form of a field and the plain mean is asked for.
    """
    first, which = residences(place)[0], table.which.copy()
    copies, merged = np.zeros(0, dtype=np.int64), list[Merged]()
    for p, choice in product(np.unique(place.province[how.any(axis=1)]), (MEAN, MEAN_OR_CAPITAL, BEST)):
        homes = np.flatnonzero(place.province == p)
        months = np.flatnonzero(how[homes[0]] == choice)
        if not months.size:
            continue
        own = table.which[first[homes]][..., months, :]
        rows, at = np.unique(own.reshape(len(homes), -1).T, axis=0, return_inverse=True)
        apart = (rows != rows[:, :1]).any(axis=1)
        members = rows[apart].astype(np.int64)
        if not len(members):  # one policy already
            continue
        if choice == MEAN:
            _refuse_unlike(table.records[members], place, homes)
        new = len(table.records) + len(copies) + np.arange(len(members))
        row = rows[:, 0].copy()
        row[apart] = new
        for home in homes:
            which[first[home]][..., months, :] = row[at].reshape(own.shape[1:])
        weight, capital = place.population[homes], int(np.argmax(place.capital[homes]))
        copies = np.append(copies, members[:, capital])
        merged.append(Merged(choice == BEST, new, members, weight / weight.sum(), capital))

    def longer(column: Any, axis: int = 0) -> Any:
        return np.concatenate([column, column.take(copies, axis)], axis)

    same = {name: longer(getattr(table, name)) for name in ("records", "points", "factor", *DEFAULTS)}
    merging = {"which": which, "place": longer(table.place, 1), "merged": tuple(merged)}
    return replace(table, **merging, **same) if merged else table


def _refuse_unlike(pools: Any, place: areas.Place, homes: Ints) -> None:
    """Raise ValueError if policies (row, pool) differ in the form of a field, naming field and areas."""
    pools = pooling.on_common_forms(pools)
    alike, faults = [pooling.alike(pools[:, [0, i]]) for i in range(len(homes))], []
    for field in pooling.FIELDS:
        others = [i for i, with_first in enumerate(alike) if not with_first[field].all()]
        if others:
            faults.append(f"{field} ({', '.join(place.names_en[homes[i]] for i in others)})")
    if faults:
        forms = f"these pools have another form than {place.names_en[homes[0]]}: {'; '.join(faults)}"
        raise ValueError(f"{Pooling.policy.id}: {forms}. Write mean_or_capital, or best.")


def _without_cut(table: PolicyTable, place: areas.Place, ends: npt.NDArray[np.bool_]) -> PolicyTable:
    """Return policies within provinces with those at home in their place where the cut ends, (home, month)."""
    first, which = residences(place)[0], table.which.copy()
    for home, month in np.argwhere(ends):
        of_month = which[first[home]][..., month, :]  # (scheme, member, kind, filing or local, tier)
        of_month[:] = of_month[:, :, :, LOCAL:]
    return replace(table, which=which)
