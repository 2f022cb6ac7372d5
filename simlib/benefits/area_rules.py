"""What the home area's own rules are, field by field, and where each number comes from.

A policy is put together from the rows of the table `benefits`. Each field is taken from the nearest area that says
anything about it: the area itself, its province, else the national default. Care away from home starts from the terms
at home; what an area publishes for a filing takes their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from simlib.benefits import national
from simlib.benefits.policy import Terms
from simlib.errors import BadInputError, did_you_mean, shown
from simlib.files.facts import read
from simlib.files.shapes import FIRST_MONTH
from simlib.files.texts import Lang
from simlib.patients.areas import load
from simlib.patients.within import Within
from simlib.terms import FILINGS, GRADES, KINDS, MEMBERS, PPM, SCHEMES, TIERS, Grade

FIELDS = (
    "deductible",
    "ratio",
    "away",
    "floor_ratio",
    "cap",
    "kind_cap",
    "month_cap",
    "disease_cap",
    "disease_month_cap",
    "above_cap_ratio",
    "catastrophic",
    "assistance",
    "tilt",
)
"""What is inherited as a whole; `away` is the points, the factor or the first self-pay away from home."""

AWAY = ("points_off", "ratio_factor", "first_self_pay_away")
"""The forms of an away rule: an area that uses one uses none of the others."""

OTHERS = tuple(name for name in FIELDS if name not in ("ratio", "away"))
"""The fields that are looked for one by one; ratio and away rule go together."""

DECIDING = ("deductible", "ratio", "away")
"""The fields whose grades make the grade of a policy, and which must be local for it to be local."""

HOME = "local"
"""The filing of care in the home area: no away rule."""

WITHIN = tuple(f"within_{filing}" for filing in FILINGS)
"""The filings of care in another city of the same province."""

DEFAULT = "national default"
"""The level of what no area says."""

IN_RATIO = "in_ratio"
"""The note of an away rule that is already inside the ratio published for the filing."""

NEEDS = {
    "deductible": ({"deductible.amount", "deductible.share_of_bill"}, 1),
    "catastrophic": ({"catastrophic.threshold", "catastrophic.ratio"}, 2),
    "assistance": ({"assistance.ratio"}, 1),
    "tilt": ({"tilt.ratio"}, 1),
    "ratio": ({"ratio"}, 1),
}
"""Without how many of which rows a field is not complete; one row is enough for the others."""

MOST_POINTS = {"referral": 100_000, "emergency": 100_000, "temporary": 200_000, "unfiled": 200_000}
"""National limits of the points off the ratio, ppm (NHSA and Ministry of Finance: notice 医保发〔2022〕22号)."""

_MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])")
_SUFFIX = re.compile("(?:省|市|区|(?:壮族|回族|维吾尔)?自治区)$")
_SPECIFIC = ("scheme", "member", "group", "disease", "kind")


class Pool(NamedTuple):
    """An area that has rules of its own: a province, a city, or another pool; `parent` is the code it inherits from."""

    code: str
    name_en: str
    name_zh: str
    parent: str
    level: str

    def name(self, lang: Lang) -> str:
        """Return its name in a language, in Chinese in full."""
        return {"zh": self.name_zh, "en": self.name_en}[lang]


class Row(NamedTuple):
    """One published number, as the table `benefits` has it; empty or "any" cells hold for everybody."""

    id: str
    area: str
    scheme: str
    member: str
    group: str
    disease: str
    kind: str
    tiers: tuple[str, ...]
    filings: tuple[str, ...]
    field: str
    low: int
    high: int
    value: str
    start: str
    end: str
    source: str
    grade: Grade


class Situation(NamedTuple):
    """What a policy is asked for.

    scheme, kind, tier, member : as in `terms`. filing : one of `terms.FILINGS`, of `WITHIN` for care in another city of
    the province, or "local" at home. month : YYYY-MM. group : groups of the person, such as "high premium", joined by
    +. disease : a chronic disease.
    """

    scheme: str
    kind: str
    tier: int
    filing: str
    month: str = ""
    member: str = "working"
    group: str = ""
    disease: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a field comes from: level, code of the area, first month (empty if undated), source and grade.

    `note` is the key of what was done with it, a text `origin.note.…`; `rows` are the ids in the table `benefits`. The
    grade is the weakest among the numbers; how they are counted (per year, gross) is a reading that does not lower it.
    """

    level: str
    area: str
    start: str
    source: str
    grade: Grade
    note: str = ""
    rows: tuple[str, ...] = ()


Origins = tuple[tuple[str, Origin], ...]
"""Fields of a policy, each with where it comes from."""


@dataclass(frozen=True)
class AreaRules:
    """What an area publishes, in the written form of `policy.Terms`: shared, do not change it.

    Keys are missing where the national default applies. `highest` is the ratio and away rule of a referral of the
    same area, which a case without one may not exceed, or None if no such rule is published.
    """

    written: dict[str, Any]
    origin: Origins
    highest: AreaRules | None = None

    def __hash__(self) -> int:
        """Hash of the origin: equal rules have equal origins."""
        return hash(self.origin)


SCENARIO = Origin("scenario", "", "", "set by the scenario", "official")
"""Where a field comes from that a scenario sets: it is not local, and needs no evidence."""


@cache
def pools() -> dict[str, Pool]:
    """Return every pooling area by code: provinces first, then cities, then pools that are neither.

    >>> pools()["341200"].parent
    '340000'
    """
    place = load("provinces")
    named = zip(place.codes, place.names_en, place.names_zh, strict=True)
    provinces = (Pool(*names, "", "province") for names in named)
    others = (Pool(**{name: row[name] for name in Pool._fields}) for row in read("pools"))
    return {pool.code: pool for pool in (*provinces, *others)}


@cache
def _names() -> dict[str, str]:
    """Return the code of every spelling, in lower case; a name that two areas share is the larger area's."""
    known: dict[str, str] = {}
    for pool in pools().values():
        for name in (pool.name_en, pool.name_zh, _SUFFIX.sub("", pool.name_zh), pool.code):
            known.setdefault(name.casefold(), pool.code)
    return known


def pool(name: str) -> Pool:
    """Return the pooling area of a code, or of a name in English (any case) or Chinese (in full or short).

    Raises
    ------
    LookupError
        With the likely fix, if there is no such area.

    Examples
    --------
    >>> pool("hangzhou").code, pool("杭州").code, pool("上海").code
    ('330100', '330100', '310000')
    """
    code = _names().get(name.strip().casefold())
    if code is None:
        raise LookupError(f"{shown(name)}: no such pooling area. {did_you_mean(name.strip().casefold(), _names())}")
    return pools()[code]


def chain(area: str) -> tuple[Pool, ...]:
    """Return an area and those it inherits from, nearest first; `area` is a code.

    >>> [p.name_en for p in chain("370481")]
    ['Tengzhou', 'Zaozhuang', 'Shandong']
    """
    here = pools()[area]
    return (here, *chain(here.parent)) if here.parent else (here,)


@cache
def ruling(area: str) -> str:
    """Return the nearest of an area and those it inherits from that has any row in use, or ""; all are codes.

    >>> ruling("310000"), ruling("320200"), ruling("330100"), ruling("341800")
    ('310000', '', '330100', '340000')
    """
    return next((here.code for here in chain(area) if here.code in _rows()), "")


@cache
def unchanged_since(area: str, month: str) -> str:
    """Return the first month since which an area's policies are the same, up to this one; `area` is a code or "".

    >>> unchanged_since("310000", "2025-03"), unchanged_since("", "2025-03")
    ('2024-07', '2017-01')
    """
    rows = [row for here in (chain(area) if area else ()) for row in _all_rows(here.code)]
    changes = {row.start for row in rows} | {_next(row.end) for row in rows if row.end}
    return max((change for change in changes if change and change <= month), default=FIRST_MONTH)


def _next(month: str) -> str:
    """Return the month after YYYY-MM."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]), 12)
    return f"{year:04}-{number + 1:02}"


@cache
def _rows() -> dict[str, dict[str, tuple[Row, ...]]]:
    """Return the rows in use by area and field."""
    by_area: dict[str, dict[str, tuple[Row, ...]]] = {}
    for cells in read("benefits"):
        if cells["used"] == "yes":
            row = _row(cells)
            name = "away" if row.field in AWAY else row.field.partition(".")[0]
            here = by_area.setdefault(row.area, {})
            here[name] = (*here.get(name, ()), row)
    return by_area


@cache
def _unheld_rows() -> tuple[tuple[Row, str], ...]:
    """Return the rows that no policy can hold, and why."""
    return tuple((_row(cells), cells["note"]) for cells in read("benefits") if cells["used"] != "yes")


def unheld(area: str, situation: Situation) -> Iterator[tuple[str, str]]:
    """Yield the id of each row of an area's own that speaks of a situation and is not used, and why; `area` is a name.

    >>> asked = Situation("resident", "inpatient", 3, HOME, "2024-12")
    >>> [row for row, _ in unheld("Bengbu", asked)], list(unheld("Hefei", asked))
    (['BE0214', 'BE0215'], [])
    """
    code = pool(area).code
    for row, why in _unheld_rows():
        if row.area == code and {situation.filing, "any"} & set(row.filings) and _fits(row, situation):
            yield row.id, why


def _all_rows(area: str) -> Iterator[Row]:
    """Yield the rows in use of one area, by code, without those it inherits."""
    for rows in _rows().get(area, {}).values():
        yield from rows


def _row(cells: Mapping[str, Any]) -> Row:
    """Return a row of the table as it is matched."""
    same = {name: cells[name] for name in Row._fields if name in cells}
    low, high = (int(cells[f"band_{end}_yuan"] or 0) for end in ("from", "to"))
    return Row(**same, tiers=cells["tier"].split("+"), filings=cells["filing"].split("+"), low=low, high=high)


def _fits(row: Row, situation: Situation) -> bool:
    """Return whether a row speaks of a situation, whatever the filing."""
    return (
        row.scheme in ("any", situation.scheme)
        and row.kind in ("any", situation.kind)
        and row.member in ("any", situation.member)
        and (row.tiers[0] == "any" or str(situation.tier) in row.tiers)
        and (not row.group or row.group in situation.group.split("+"))
        and (not row.disease or situation.disease in row.disease.split("+"))
        and row.start <= situation.month <= (row.end or "9999")
    )


def _rank(row: Row) -> tuple[int, str]:
    """Return what makes one of two rows win: first the more specific, then the later."""
    specific = sum(getattr(row, name) not in ("", "any") for name in _SPECIFIC)
    return specific + (row.tiers[0] != "any"), row.start


def _parts(area: str, name: str, filing: str, situation: Situation) -> dict[tuple[str, int], Row]:
    """Return the winning row of each part of a field, by part and band, or nothing if the field is not complete."""
    rows, parts = _speaking(area, name, filing), dict[tuple[str, int], Row]()
    if not rows:
        return parts
    for row in rows:
        if _fits(row, situation):
            key = (row.field, row.low)
            parts[key] = max(parts.get(key, row), row, key=_rank)
    needed, least = NEEDS.get(name, (set(), 0))
    return parts if len({part for part, _ in parts} & needed) >= least else {}


@cache
def _speaking(area: str, name: str, filing: str) -> tuple[Row, ...]:
    """Return an area's rows about a field and a filing; at home, those for care at home and for any care."""
    filings = {HOME, "any"} if filing == HOME else {filing}
    return tuple(row for row in _rows().get(area, {}).get(name, ()) if filings & set(row.filings))


def _nearest(
    areas: tuple[Pool, ...], name: str, filings: tuple[str, ...], situation: Situation
) -> Iterator[tuple[Pool, Any]]:
    """Yield where a field is said and its rows, the first filing first, and for each the nearest area first."""
    for filing in filings:
        for area in areas:
            if _speaking(area.code, name, filing) and (parts := _parts(area.code, name, filing, situation)):
                yield area, parts


def _stages(filing: str, name: str) -> tuple[str, ...]:
    """Return under which filings a field is looked for, in this order.

    An emergency without a rule is a referral; so is the deductible of care without one, which is not lower for that.
    What is published for another province says nothing of another city of the same one.
    """
    as_referral = filing == "emergency" or (name == "deductible" and filing in ("temporary", "unfiled"))
    return tuple(dict.fromkeys((filing, *(("referral",) if as_referral else ()), HOME)))


def _origin(area: Pool, parts: Mapping[Any, Row], filing: str) -> Origin:
    """Return where rows come from: the one of the weakest grade stands for all."""
    rows = sorted(parts.values(), key=lambda row: row.id)
    numbers = [row for row in rows if row.value[:1].isdigit()] or rows
    row = max(numbers, key=lambda row: GRADES.index(row.grade))
    note = "as_for_a_referral" if filing not in row.filings and "referral" in row.filings else ""
    return Origin(area.level, area.code, row.start, row.source, row.grade, note, tuple(row.id for row in rows))


@cache
def lookup(area: str, situation: Situation) -> AreaRules:
    """Return what an area's own rules say in a situation, and where every field comes from.

    area : a name or code that `pool` takes, or "" for the national default.

    Raises
    ------
    LookupError
        There is no such area.
    BadInputError
        There is no such scheme, kind, tier, filing, member or month.

    Examples
    --------
    >>> employee = Situation("employee", kind="inpatient", tier=3, filing="referral", month="2024-07")
    >>> lookup("杭州", employee).written["deductible"]
    {'amount': 800}
    """
    _check(situation)
    areas = chain(pool(area).code) if area else ()
    written, origin = _share(areas, situation)
    for name in OTHERS:
        nearest = next(_nearest(areas, name, _stages(situation.filing, name), situation), None)
        if nearest is not None:
            where, parts = nearest
            written |= _written(name, parts, situation.kind)
            origin[name] = _origin(where, parts, situation.filing)
    for name in (*DECIDING, "cap"):
        if name != "away" or situation.filing != HOME:
            origin.setdefault(name, _default(name, situation))
    ordered = tuple((name, origin[name]) for name in FIELDS if name in origin)
    return AreaRules(written, ordered, _highest(areas, situation))


def _check(situation: Situation) -> None:
    """Refuse what is not on an axis."""
    axes = (("scheme", SCHEMES), ("kind", KINDS), ("tier", TIERS), ("filing", (*FILINGS, *WITHIN, HOME)))
    for name, known in (*axes, ("member", MEMBERS)):
        value = getattr(situation, name)
        if value not in known:
            raise BadInputError(f"{shown(value)}: no such {name}. {did_you_mean(str(value), map(str, known))}")
    if not _MONTH.fullmatch(situation.month):
        raise BadInputError(f"{shown(situation.month)}: not a month. Write it as YYYY-MM, such as 2024-07.")


def _share(areas: tuple[Pool, ...], situation: Situation) -> tuple[dict[str, Any], dict[str, Origin]]:
    """Return the ratio and the away rule, as written and where from.

    The nearest area that publishes a ratio or an away rule for the filing decides: such a ratio is final, such an
    away rule applies to the ratio at home.
    """
    written: dict[str, Any] = {}
    origin: dict[str, Origin] = {}
    for filing, area in ((f, a) for f in _stages(situation.filing, "ratio") if f != HOME for a in areas):
        if parts := _parts(area.code, "ratio", filing, situation):
            came = _origin(area, parts, situation.filing)
            away = replace(came, note=IN_RATIO)
            return _written("ratio", parts, situation.kind) | {"points_off": 0}, {"ratio": came, "away": away}
        if parts := _parts(area.code, "away", filing, situation):
            row = max(parts.values(), key=_rank)
            written[row.field], origin["away"] = _number(row.value), _origin(area, {0: row}, situation.filing)
            break
    at_home = next(_nearest(areas, "ratio", (HOME,), situation), None)
    if at_home is not None:
        area, parts = at_home
        written |= _written("ratio", parts, situation.kind)
        origin["ratio"] = _origin(area, parts, situation.filing)
    return written, origin


def _highest(areas: tuple[Pool, ...], situation: Situation) -> AreaRules | None:
    """Return the ratio and away rule of a referral that care without one may not exceed, if they are published."""
    if situation.filing not in ("temporary", "unfiled"):
        return None
    written, origin = _share(areas, situation._replace(filing="referral"))
    if "away" not in origin:
        return None
    return AreaRules(written, (("ratio", origin.get("ratio", _default("ratio", situation))), ("away", origin["away"])))


def _number(value: str) -> Any:
    """Return a cell as policies are written: a number, None for "none", else a name."""
    if not value[:1].isdigit():
        return None if value == "none" else value
    return int(value) if value.isdigit() else float(value)


def _written(name: str, parts: Mapping[tuple[str, int], Row], kind: str) -> dict[str, Any]:
    """Return a field in the written form of `policy.Terms`."""
    values = {part.partition(".")[2]: _number(row.value) for (part, _), row in parts.items()}
    if name in ("ratio", "catastrophic"):
        banded = [parts[key] for key in sorted(parts) if key[0] in ("ratio", "catastrophic.ratio")]
        ends = [{"to": row.high} if row.high else {} for row in banded]
        bands = [end | {"ratio": _number(row.value)} for end, row in zip(ends, banded, strict=True)]
        inner = {key: value for key, value in values.items() if key not in ("", "ratio") and value is not None}
        return {name: {"bands": bands, **inner}}
    if name == "deductible":
        return {name: _deductible(values)}
    if name in ("assistance", "tilt"):
        return {name: values}
    row = next(iter(parts.values()))
    if name not in ("cap", "kind_cap", "month_cap") or values[""] is None:
        return {name: values[""]}
    return {name: {"amount": values[""]} | ({"kinds": [kind]} if name == "cap" and row.kind == kind else {})}


def _deductible(values: dict[str, Any]) -> dict[str, Any]:
    """Return a deductible with that of the second admission as an amount, where a factor is published."""
    factor = values.pop("second_factor", None)
    if factor is not None and "amount" in values:
        values.setdefault("second", float(Decimal(str(values["amount"])) * Decimal(str(factor))))
    return values


def _default(name: str, situation: Situation) -> Origin:
    """Return where the national default of a field comes from."""
    group, inpatient = national.Benefits, situation.kind == KINDS[0]
    cuts = {"temporary": group.cut_temporary, "unfiled": group.cut_unfiled}
    number = {
        "deductible": group.default_deductible_employee_tier1,
        "ratio": group.ratio_chronic_employee if situation.kind == "chronic" else group.ratio_outpatient_employee,
        "away": cuts.get(situation.filing.removeprefix("within_"), group.cut_referral),
        "cap": group.default_cap_employee,
    }[name]
    source, grade, note = number.source, number.grade, ""
    if name == "away" and situation.filing in WITHIN:
        source, grade = Within.cut.source, Within.cut.grade
    if name == "ratio" and inpatient:
        source, grade = "solved from the in-catalogue fund shares of the NHSA bulletin of 2023", "derived"
    if name == "deductible" and not inpatient:
        source, grade = "assumption: none outside inpatient care", "assumed"
    if name == "away" and situation.filing.endswith("long_stay"):
        source, note = "NHSA and Ministry of Finance notice 医保发〔2022〕22号: benefits as at home", "as_at_home"
    elif name == "away":
        note = "middle_of_range"
    return Origin(DEFAULT, "", "", source, grade, note)


def complete(rules: AreaRules, situation: Situation, ratio: float, points: float) -> tuple[Terms, Origins]:
    """Return the policy: an area's rules, completed with the national default; and where every field comes from.

    Parameters
    ----------
    rules : from `lookup`, for the same situation.
    ratio, points : ratio and points off of the national default, shares; used where they are not local.

    A case without a referral gets the ratio and away rule of a referral of the same area where its own are better.

    >>> employee = Situation("employee", kind="inpatient", tier=3, filing="referral", month="2024-07")
    >>> terms, _ = complete(lookup("Wenzhou", employee), employee, ratio=0.9, points=0.05)
    >>> terms.deductible.amount, terms.ratio_away(terms.ratio.bands[0])
    (90000, 850000)
    """
    own = _filled(rules.written, situation, ratio, points)
    if rules.highest is None:
        return own, rules.origin
    rest = {key: value for key, value in rules.written.items() if key not in ("ratio", *AWAY)}
    referral = _filled(rest | rules.highest.written, situation, ratio, points)
    if not _pays_more(own, referral):
        return own, rules.origin
    shared = {name: replace(came, note="not_above_a_referral") for name, came in rules.highest.origin}
    return referral, tuple((name, shared.get(name, came)) for name, came in rules.origin)


def _filled(written: Mapping[str, Any], situation: Situation, ratio: float, points: float) -> Terms:
    """Return what is written, completed with the national default."""
    s, t = SCHEMES.index(situation.scheme), TIERS.index(situation.tier)
    whole: dict[str, Any] = {
        "deductible": float(national.default_deductibles()[s, t]) if situation.kind == KINDS[0] else 0,
        "cap": float(national.default_caps()[s]),
        **written,
    }
    if situation.filing != HOME and not any(form in written for form in AWAY):
        whole["points_off"] = round(points, 6)
    # The ratio times the factor must be whole ppm.
    decimals = -int(Decimal(str(whole.get("ratio_factor", 1))).as_tuple().exponent)
    whole.setdefault("ratio", round(ratio, 6 - decimals))
    return Terms.model_validate(whole)


def _ends(terms: Terms) -> set[int]:
    """Return the amounts at which a ratio changes, fen."""
    return {0, *(band.to for band in terms.ratio.bands if band.to is not None)}


def _paid(terms: Terms, amount: int) -> int:
    """Return the fund's share of the next fen above an amount, away rule included, ppm squared."""
    band = next((band for band in terms.ratio.bands if band.to is None or amount < band.to), None)
    return 0 if band is None else terms.ratio_away(band) * (PPM - terms.first_self_pay_away)


def _pays_more(own: Terms, other: Terms) -> bool:
    """Return whether a policy pays more than another on any part of a bill."""
    return any(_paid(own, amount) > _paid(other, amount) for amount in _ends(own) | _ends(other))


@cache
def _middle(kind: str, scheme: str, tier: int, filing: str) -> tuple[float, float]:
    """Return the ratio and points off of the national default at the middle of the uncertain parameters."""
    ratio = national.middle_ratios()[KINDS.index(kind), SCHEMES.index(scheme), TIERS.index(tier)]
    if filing == HOME:
        return float(ratio), 0.0
    points = national.points_off(national.middle())[FILINGS.index(filing.removeprefix("within_"))]
    return float(ratio), float(points * (Within.cut.number if filing in WITHIN else 1.0))


def terms_of(area: str, situation: Situation) -> tuple[Terms, Origins]:
    """Return the policy of an area in a situation, uncertain parameters at their middle, and whence every field.

    Parameters and errors as in `lookup`.

    >>> employee = Situation("employee", kind="inpatient", tier=3, filing="unfiled", month="2024-07")
    >>> terms, origin = terms_of("宁波", employee)
    >>> terms.deductible.per, dict(origin)["deductible"].grade, is_local(origin)
    ('year', 'weak', False)
    """
    rules = lookup(area, situation)
    return complete(rules, situation, *_middle(situation.kind, situation.scheme, situation.tier, situation.filing))


def grade_of(origin: Origins) -> int:
    """Return the weakest grade among deductible, ratio and away rule, an index into `terms.GRADES`.

    >>> GRADES[grade_of((("ratio", Origin("city", "330100", "2020-01", "a notice", "official")),))]
    'official'
    """
    return max(GRADES.index(came.grade) for name, came in origin if name in DECIDING)


def is_local(origin: Origins) -> bool:
    """Return whether deductible, ratio and away rule (none at home) are all an area's own.

    >>> resident = Situation("resident", kind="inpatient", tier=3, filing="referral", month="2024-07")
    >>> _, origin = terms_of("Fuyang", resident)
    >>> is_local(origin)
    True
    """
    return all(came.level not in (DEFAULT, SCENARIO.level) for name, came in origin if name in DECIDING)


def too_high(home: Terms, away: Terms, filing: str) -> int:
    """Return by how much a ratio away lies below the one at home beyond the national limit, ppm; 0 if it does not.

    The limits hold for points off the ratio of the same hospital level, not for what is borne first.

    >>> home = Terms.model_validate({"deductible": 0, "ratio": 0.9})
    >>> too_high(home, home.model_copy(update={"points_off": 250_000}), "unfiled")
    50000
    """

    def ratio(terms: Terms, amount: int) -> int:
        return _paid(terms, amount) // (PPM - terms.first_self_pay_away or 1)

    cut = max(ratio(home, amount) - ratio(away, amount) for amount in _ends(home) | _ends(away))
    return max(cut - MOST_POINTS.get(filing, PPM), 0)


def groups(area: str) -> tuple[str, ...]:
    """Return the groups of people and the diseases for which an area, or one it inherits from, has terms of its own.

    >>> groups("120000")
    ('high premium', 'low premium')
    """
    rows = (row for here in chain(area) for row in _all_rows(here.code))
    return tuple(sorted({name for row in rows for name in (row.group, *row.disease.split("+")) if name}))
