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
from itertools import product
from typing import Any, NamedTuple

from simlib.benefits import national
from simlib.benefits.policy import Terms
from simlib.errors import BadInputError, did_you_mean, shown
from simlib.files import texts
from simlib.files.facts import read
from simlib.files.shapes import FIRST_MONTH
from simlib.files.texts import Lang
from simlib.patients.areas import load
from simlib.patients.within import Within
from simlib.terms import FEN, FILINGS, GRADES, KINDS, MEMBERS, PPM, SCHEMES, TIERS, Grade

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


class Asked(NamedTuple):
    """What a policy is asked for."""

    scheme: str
    kind: str
    tier: int
    filing: str
    month: str
    member: str
    group: str
    disease: str


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


@dataclass(frozen=True)
class Found:
    """What an area says, in the written form of `policy.Terms`: shared, do not change it.

    Keys are missing where the national default applies. `highest` is the ratio and away rule of a referral of the
    same area, which a case without one may not exceed, or None if no such rule is published.
    """

    written: dict[str, Any]
    origin: tuple[tuple[str, Origin], ...]
    highest: Found | None = None

    def __hash__(self) -> int:
        """Hash of the origin: equal findings have equal origins."""
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
    rows = [row for here in (chain(area) if area else ()) for row in _of(here.code)]
    changes = {row.start for row in rows} | {_next(row.end) for row in rows if row.end}
    return max((change for change in changes if change and change <= month), default=FIRST_MONTH)


def _next(month: str) -> str:
    """Return the month after YYYY-MM."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]), 12)
    return f"{year:04}-{number + 1:02}"


@cache
def _rows() -> dict[str, dict[str, tuple[Row, ...]]]:
    """Return the rows in use by area and field."""
    found: dict[str, dict[str, tuple[Row, ...]]] = {}
    for cells in read("benefits"):
        if cells["used"] == "yes":
            row = _row(cells)
            name = "away" if row.field in AWAY else row.field.partition(".")[0]
            here = found.setdefault(row.area, {})
            here[name] = (*here.get(name, ()), row)
    return found


def _of(area: str) -> Iterator[Row]:
    """Yield the rows in use of one area, by code, without those it inherits."""
    for rows in _rows().get(area, {}).values():
        yield from rows


def _row(cells: Mapping[str, Any]) -> Row:
    """Return a row of the table as it is matched."""
    same = {name: cells[name] for name in Row._fields if name in cells}
    low, high = (int(cells[f"band_{end}_yuan"] or 0) for end in ("from", "to"))
    return Row(**same, tiers=cells["tier"].split("+"), filings=cells["filing"].split("+"), low=low, high=high)


def _fits(row: Row, asked: Asked) -> bool:
    """Return whether a row speaks of what is asked, whatever the filing."""
    return (
        row.scheme in ("any", asked.scheme)
        and row.kind in ("any", asked.kind)
        and row.member in ("any", asked.member)
        and (row.tiers[0] == "any" or str(asked.tier) in row.tiers)
        and (not row.group or row.group in asked.group.split("+"))
        and (not row.disease or asked.disease in row.disease.split("+"))
        and row.start <= asked.month <= (row.end or "9999")
    )


def _rank(row: Row) -> tuple[int, str]:
    """Return what makes one of two rows win: first the more specific, then the later."""
    specific = sum(getattr(row, name) not in ("", "any") for name in _SPECIFIC)
    return specific + (row.tiers[0] != "any"), row.start


def _said(area: str, name: str, filing: str, asked: Asked) -> dict[tuple[str, int], Row]:
    """Return the winning row of each part of a field, by part and band, or nothing if the field is not complete."""
    rows, parts = _speaking(area, name, filing), dict[tuple[str, int], Row]()
    if not rows:
        return parts
    for row in rows:
        if _fits(row, asked):
            key = (row.field, row.low)
            parts[key] = max(parts.get(key, row), row, key=_rank)
    needed, least = NEEDS.get(name, (set(), 0))
    return parts if len({part for part, _ in parts} & needed) >= least else {}


@cache
def _speaking(area: str, name: str, filing: str) -> tuple[Row, ...]:
    """Return an area's rows about a field and a filing; at home, those for care at home and for any care."""
    filings = {HOME, "any"} if filing == HOME else {filing}
    return tuple(row for row in _rows().get(area, {}).get(name, ()) if filings & set(row.filings))


def _nearest(areas: tuple[Pool, ...], name: str, filings: tuple[str, ...], asked: Asked) -> Iterator[tuple[Pool, Any]]:
    """Yield where a field is said and its rows, the first filing first, and for each the nearest area first."""
    for filing in filings:
        for area in areas:
            if parts := _said(area.code, name, filing, asked):
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
def lookup(
    area: str,
    scheme: str,
    *,
    kind: str,
    tier: int,
    filing: str,
    month: str,
    member: str = "working",
    group: str = "",
    disease: str = "",
) -> Found:
    """Return what an area's own rules say in a month, and where every field comes from.

    Parameters
    ----------
    area : a name or code that `pool` takes, or "" for the national default. scheme, kind, tier, member : as in `terms`.
    filing : one of `terms.FILINGS`, of `WITHIN` for care in another city of the province, or "local" at home.
    month : YYYY-MM. group : groups of the person, such as "high premium", joined by +. disease : a chronic disease.

    Raises
    ------
    LookupError
        There is no such area.
    BadInputError
        There is no such scheme, kind, tier, filing, member or month.

    Examples
    --------
    >>> lookup("杭州", "employee", kind="inpatient", tier=3, filing="referral", month="2024-07").written["deductible"]
    {'amount': 800}
    """
    asked = Asked(scheme, kind, tier, filing, month, member, group, disease)
    _check(asked)
    areas = chain(pool(area).code) if area else ()
    written, origin = _share(areas, asked)
    for name in FIELDS:
        if name not in ("ratio", "away"):
            for where, parts in _nearest(areas, name, _stages(filing, name), asked):
                written |= _written(name, parts, kind)
                origin[name] = _origin(where, parts, filing)
                break
    for name in (*DECIDING, "cap"):
        if name != "away" or filing != HOME:
            origin.setdefault(name, _default(name, asked))
    return Found(written, tuple((name, origin[name]) for name in FIELDS if name in origin), _highest(areas, asked))


def _check(asked: Asked) -> None:
    """Refuse what is not on an axis."""
    axes = (("scheme", SCHEMES), ("kind", KINDS), ("tier", TIERS), ("filing", (*FILINGS, *WITHIN, HOME)))
    for name, known in (*axes, ("member", MEMBERS)):
        found = getattr(asked, name)
        if found not in known:
            raise BadInputError(f"{shown(found)}: no such {name}. {did_you_mean(str(found), map(str, known))}")
    if not _MONTH.fullmatch(asked.month):
        raise BadInputError(f"{shown(asked.month)}: not a month. Write it as YYYY-MM, such as 2024-07.")


def _share(areas: tuple[Pool, ...], asked: Asked) -> tuple[dict[str, Any], dict[str, Origin]]:
    """Return the ratio and the away rule, as written and where from.

    The nearest area that publishes a ratio or an away rule for the filing decides: such a ratio is final, such an
    away rule applies to the ratio at home.
    """
    written: dict[str, Any] = {}
    origin: dict[str, Origin] = {}
    for filing, area in ((f, a) for f in _stages(asked.filing, "ratio") if f != HOME for a in areas):
        if parts := _said(area.code, "ratio", filing, asked):
            came = _origin(area, parts, asked.filing)
            away = replace(came, note=IN_RATIO)
            return _written("ratio", parts, asked.kind) | {"points_off": 0}, {"ratio": came, "away": away}
        if parts := _said(area.code, "away", filing, asked):
            row = max(parts.values(), key=_rank)
            written[row.field], origin["away"] = _number(row.value), _origin(area, {0: row}, asked.filing)
            break
    for area, parts in _nearest(areas, "ratio", (HOME,), asked):
        return written | _written("ratio", parts, asked.kind), origin | {"ratio": _origin(area, parts, asked.filing)}
    return written, origin


def _highest(areas: tuple[Pool, ...], asked: Asked) -> Found | None:
    """Return the ratio and away rule of a referral that care without one may not exceed, if they are published."""
    if asked.filing not in ("temporary", "unfiled"):
        return None
    written, origin = _share(areas, asked._replace(filing="referral"))
    if "away" not in origin:
        return None
    return Found(written, (("ratio", origin.get("ratio", _default("ratio", asked))), ("away", origin["away"])))


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


def _default(name: str, asked: Asked) -> Origin:
    """Return where the national default of a field comes from."""
    group, inpatient = national.Benefits, asked.kind == KINDS[0]
    cuts = {"temporary": group.cut_temporary, "unfiled": group.cut_unfiled}
    number = {
        "deductible": group.default_deductible_employee_tier1,
        "ratio": group.ratio_chronic_employee if asked.kind == "chronic" else group.ratio_outpatient_employee,
        "away": cuts.get(asked.filing.removeprefix("within_"), group.cut_referral),
        "cap": group.default_cap_employee,
    }[name]
    source, grade, note = number.source, number.grade, ""
    if name == "away" and asked.filing in WITHIN:
        source, grade = Within.cut.source, Within.cut.grade
    if name == "ratio" and inpatient:
        source, grade = "solved from the in-catalogue fund shares of the NHSA bulletin of 2023", "derived"
    if name == "deductible" and not inpatient:
        source, grade = "assumption: none outside inpatient care", "assumed"
    if name == "away" and asked.filing.endswith("long_stay"):
        source, note = "NHSA and Ministry of Finance notice 医保发〔2022〕22号: benefits as at home", "as_at_home"
    elif name == "away":
        note = "middle_of_range"
    return Origin(DEFAULT, "", "", source, grade, note)


def complete(
    found: Found, scheme: str, kind: str, tier: int, filing: str, ratio: float, points: float
) -> tuple[Terms, tuple[tuple[str, Origin], ...]]:
    """Return the policy: what was found, completed with the national default; and where every field comes from.

    Parameters
    ----------
    found : from `lookup`, with the same scheme, kind, tier and filing.
    ratio, points : ratio and points off of the national default, shares; used where they are not local.

    A case without a referral gets the ratio and away rule of a referral of the same area where its own are better.

    >>> found = lookup("Wenzhou", "employee", kind="inpatient", tier=3, filing="referral", month="2024-07")
    >>> terms, _ = complete(found, "employee", "inpatient", 3, "referral", ratio=0.9, points=0.05)
    >>> terms.deductible.amount, terms.ratio_away(terms.ratio.bands[0])
    (90000, 850000)
    """
    place = (scheme, kind, tier, filing, ratio, points)
    own = _filled(found.written, *place)
    if found.highest is None:
        return own, found.origin
    rest = {key: value for key, value in found.written.items() if key not in ("ratio", *AWAY)}
    referral = _filled(rest | found.highest.written, *place)
    if not _pays_more(own, referral):
        return own, found.origin
    shared = {name: replace(came, note="not_above_a_referral") for name, came in found.highest.origin}
    return referral, tuple((name, shared.get(name, came)) for name, came in found.origin)


def _filled(
    written: Mapping[str, Any], scheme: str, kind: str, tier: int, filing: str, ratio: float, points: float
) -> Terms:
    """Return what is written, completed with the national default."""
    s = SCHEMES.index(scheme)
    inpatient = kind == KINDS[0]
    whole: dict[str, Any] = {
        "deductible": float(national.default_deductibles()[s, TIERS.index(tier)]) if inpatient else 0,
        "cap": float(national.default_caps()[s]),
        **written,
    }
    if filing != HOME and not any(form in written for form in AWAY):
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
    """Return the ratio and points off of the national default at the middle of the unknowns."""
    ratio = national.middle_ratios()[KINDS.index(kind), SCHEMES.index(scheme), TIERS.index(tier)]
    if filing == HOME:
        return float(ratio), 0.0
    points = national.points_off(national.middle())[FILINGS.index(filing.removeprefix("within_"))]
    return float(ratio), float(points * (Within.cut.number if filing in WITHIN else 1.0))


def terms_of(
    area: str,
    scheme: str,
    *,
    kind: str,
    tier: int,
    filing: str,
    month: str,
    member: str = "working",
    group: str = "",
    disease: str = "",
) -> tuple[Terms, tuple[tuple[str, Origin], ...]]:
    """Return the policy of an area for one case, unknowns at their middle, and where every field comes from.

    Parameters and errors as in `lookup`.

    >>> terms, origin = terms_of("宁波", "employee", kind="inpatient", tier=3, filing="unfiled", month="2024-07")
    >>> terms.deductible.per, dict(origin)["deductible"].grade, is_local(origin)
    ('year', 'weak', False)
    """
    care: dict[str, Any] = {
        "kind": kind,
        "tier": tier,
        "month": month,
        "member": member,
        "group": group,
        "disease": disease,
    }
    found = lookup(area, scheme, filing=filing, **care)
    return complete(found, scheme, kind, tier, filing, *_middle(kind, scheme, tier, filing))


def grade_of(origin: tuple[tuple[str, Origin], ...]) -> int:
    """Return the weakest grade among deductible, ratio and away rule, an index into `terms.GRADES`.

    >>> GRADES[grade_of((("ratio", Origin("city", "330100", "2020-01", "a notice", "official")),))]
    'official'
    """
    return max(GRADES.index(came.grade) for name, came in origin if name in DECIDING)


def is_local(origin: tuple[tuple[str, Origin], ...]) -> bool:
    """Return whether deductible, ratio and away rule (none at home) are all an area's own.

    >>> _, origin = terms_of("Fuyang", "resident", kind="inpatient", tier=3, filing="referral", month="2024-07")
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


def listing(area: str, month: str, schemes: tuple[str, ...], kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return every field in use of an area in a month, one dict per scheme, kind, member, tier, filing and field.

    `value` is text with its unit; `beyond` are the points, as a share, by which the ratio is cut beyond the national
    limit. LookupError if there is no such area, BadInputError if the month is not one.
    """
    out = []
    for scheme, kind, member, tier in product(schemes, kinds, MEMBERS, TIERS):
        where: dict[str, Any] = {"scheme": scheme, "kind": kind, "member": member, "tier": tier}
        home, _ = terms_of(area, **where, filing=HOME, month=month)
        for filing in (HOME, *FILINGS):
            terms, origin = terms_of(area, **where, filing=filing, month=month)
            beyond = too_high(home, terms, filing) / PPM
            for name, came in origin:
                value = described(terms, name) if came.note != IN_RATIO else "none on top"
                seen = {"field": name, "value": value, "beyond": beyond if name == "away" else 0.0}
                note = {"note": texts.said(f"origin.note.{came.note}", "en") if came.note else ""}
                out.append({**where, "filing": filing, **seen, **came.__dict__, **note})
    return out


def groups(area: str) -> tuple[str, ...]:
    """Return the groups of people and the diseases for which an area, or one it inherits from, has terms of its own.

    >>> groups("120000")
    ('high premium', 'low premium')
    """
    rows = (row for here in chain(area) for row in _of(here.code))
    return tuple(sorted({name for row in rows for name in (row.group, *row.disease.split("+")) if name}))


def described(terms: Terms, name: str) -> str:
    """Return a field of a policy in words, amounts in yuan.

    >>> described(Terms.model_validate({"deductible": 800, "ratio": 0.9, "points_off": 0.05}), "away")
    '5 points off'
    """
    if name == "away":
        return _away(terms)
    value = getattr(terms, name)
    if value is None:
        return "none"
    if name in ("ratio", "floor_ratio", "above_cap_ratio"):
        return _bands(value) if name == "ratio" else f"{value / PPM:g}"
    if name == "deductible":
        return _patient_first(value)
    if name == "catastrophic":
        return f"above {_yuan(value.threshold)} yuan: {_bands(value)}{_at_most(value.cap)}"
    if name in ("assistance", "tilt"):
        return f"{value.ratio / PPM:g} above {_yuan(value.threshold)} yuan{_at_most(value.cap)}"
    amount, kinds = (value, None) if isinstance(value, int) else (value.amount, value.kinds)
    return f"{_yuan(amount)} yuan" + (f", {' and '.join(kinds)} only" if kinds else "")


def _yuan(fen: int) -> str:
    """Return fen as yuan, decimals only if there are any."""
    return f"{fen / FEN:,.2f}".removesuffix(".00")


def _at_most(cap: int | None) -> str:
    """Return a cap as the end of a sentence."""
    return "" if cap is None else f", at most {_yuan(cap)} yuan"


def _away(terms: Terms) -> str:
    """Return an away rule in words."""
    if terms.first_self_pay_away:
        return f"{terms.first_self_pay_away / PPM:.4g} borne first"
    if terms.ratio_factor != PPM:
        return f"ratio x {terms.ratio_factor / PPM:g}"
    return f"{100 * terms.points_off / PPM:.4g} points off" if terms.points_off else "no cut"


def _bands(of: Any) -> str:
    """Return bands in words."""
    ends = ("above" if band.to is None else f"to {_yuan(band.to)}" for band in of.bands)
    words = [f"{band.ratio / PPM:.4g} {end}" for band, end in zip(of.bands, ends, strict=True)]
    if len(words) == 1 and of.bands[0].to is None:
        return f"{of.bands[0].ratio / PPM:.4g}"
    over = ", per year" if getattr(of, "over", "") == "year" else ""
    return ", ".join(words) + (f" ({of.count}{over})" if of.count else over)


def _patient_first(of: Any) -> str:
    """Return a deductible in words."""
    if of.amount is None:
        words = [f"{of.share_of_bill / 1000:g} of the bill, at least {_yuan(of.floor)} yuan{_at_most(of.ceiling)}"]
    else:
        later = (("second", of.second), ("third and later", of.third_and_later))
        words = [f"{_yuan(of.amount)} yuan", *(f"{which} {_yuan(x)}" for which, x in later if x is not None)]
    return ", ".join((*words, *([f"per {of.per}"] if of.per != "visit" else [])))
