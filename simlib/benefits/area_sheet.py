"""An area's own policy as a table and as text: each field in use, its value in words, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from simlib.benefits import area_rules
from simlib.benefits.area_rules import HOME, IN_RATIO, Pool, Situation, terms_of, too_high
from simlib.benefits.policy import Catastrophic, Deductible, Ratio, Terms
from simlib.files.texts import Lang, joined, said
from simlib.terms import FEN, FILINGS, MEMBERS, PPM, TIERS

AXES = (MEMBERS, tuple(map(str, TIERS)), (HOME, *FILINGS))
"""Where a number may hold: members, tiers, filings."""


def listing(
    area: str, month: str, schemes: Sequence[str], kinds: Sequence[str], lang: Lang = "en"
) -> list[dict[str, Any]]:
    """Return every field in use of an area in a month, one dict per scheme, kind, member, tier, filing and field.

    `value` is text with its unit; `beyond` are the points, as a share, by which the ratio is cut beyond the national
    limit. LookupError if there is no such area, BadInputError if the month is not one.
    """
    out = []
    for scheme, kind, member, tier in product(schemes, kinds, MEMBERS, TIERS):
        home = Situation(scheme, kind, tier, HOME, month, member)
        at_home, _ = terms_of(area, home)
        where = {"scheme": scheme, "kind": kind, "member": member, "tier": tier}
        for filing in (HOME, *FILINGS):
            terms, origin = terms_of(area, home._replace(filing=filing))
            beyond = too_high(at_home, terms, filing) / PPM
            for name, came in origin:
                value = described(terms, name, lang) if came.note != IN_RATIO else said("terms.none_on_top", lang)
                seen = {"field": name, "value": value, "beyond": beyond if name == "away" else 0.0}
                note = {"note": said(f"origin.note.{came.note}", lang) if came.note else ""}
                out.append({**where, "filing": filing, **seen, **came.__dict__, **note})
    return out


def described(terms: Terms, name: str, lang: Lang = "en") -> str:
    """Return a field of a policy in words, amounts in yuan.

    >>> away = Terms.model_validate({"deductible": 800, "ratio": 0.9, "points_off": 0.05})
    >>> described(away, "away"), described(away, "away", "zh")
    ('5 percentage points off', '降 5 个百分点')
    """
    if name == "away":
        return _away(terms, lang)
    value = getattr(terms, name)
    if value is None:
        return said("terms.none", lang)
    if name == "ratio":
        return _bands(value, lang)
    if name in ("floor_ratio", "above_cap_ratio"):
        return f"{value / PPM:g}"
    if name == "deductible":
        return _deductible(value, lang)
    if name == "catastrophic":
        above = said("terms.catastrophic", lang, _yuan(value.threshold), _bands(value, lang))
        return _limited(above, value.cap, lang)
    if name in ("assistance", "tilt"):
        above = said("terms.assistance", lang, f"{value.ratio / PPM:g}", _yuan(value.threshold))
        return _limited(above, value.cap, lang)
    amount, kinds = (value, None) if isinstance(value, int) else (value.amount, value.kinds)
    return joined("join.comma", lang, [said("terms.yuan", lang, _yuan(amount)), *_only(kinds, lang)])


def _yuan(fen: int) -> str:
    """Return fen as yuan, decimals only if there are any."""
    return f"{fen / FEN:,.2f}".removesuffix(".00")


def _limited(words: str, cap: int | None, lang: Lang) -> str:
    """Return words, and a cap after them if there is one."""
    most = [] if cap is None else [said("terms.at_most", lang, _yuan(cap))]
    return joined("join.comma", lang, [words, *most])


def _only(kinds: Sequence[str] | None, lang: Lang) -> Iterator[str]:
    """Yield for which kinds of care alone a cap is, if any are named."""
    if kinds:
        yield said("terms.only", lang, joined("names", lang, (said(f"sheet.kind.{kind}", lang) for kind in kinds)))


def _away(terms: Terms, lang: Lang) -> str:
    """Return an away rule in words."""
    if terms.first_self_pay_away:
        return said("terms.borne_first", lang, f"{terms.first_self_pay_away / PPM:.4g}")
    if terms.ratio_factor != PPM:
        return said("terms.factor", lang, f"{terms.ratio_factor / PPM:g}")
    points = f"{100 * terms.points_off / PPM:.4g}"
    return said("terms.points_off", lang, points) if terms.points_off else said("terms.no_cut", lang)


def _bands(terms: Ratio | Catastrophic, lang: Lang) -> str:
    """Return bands in words."""
    words = []
    for band in terms.bands:
        ratio = f"{band.ratio / PPM:.4g}"
        words.append(
            said("terms.above", lang, ratio) if band.to is None else said("terms.to", lang, ratio, _yuan(band.to))
        )
    if len(words) == 1 and terms.bands[0].to is None:
        return f"{terms.bands[0].ratio / PPM:.4g}"
    count = [said(f"terms.count.{terms.count}", lang)] if terms.count else []
    over = [said("terms.per.year", lang)] if isinstance(terms, Ratio) and terms.over == "year" else []
    bands = joined("join.comma", lang, words)
    if count:
        return said("join.bracketed", lang, bands, joined("join.comma", lang, [*count, *over]))
    return joined("join.comma", lang, [bands, *over])


def _deductible(terms: Deductible, lang: Lang) -> str:
    """Return a deductible in words."""
    if terms.amount is None:
        share = f"{(terms.share_of_bill or 0) / PPM:g}"
        words = [_limited(said("terms.share_of_bill", lang, share, _yuan(terms.floor)), terms.ceiling, lang)]
    else:
        later = (("second", terms.second), ("third", terms.third_and_later))
        words = [said("terms.yuan", lang, _yuan(terms.amount))]
        words += [said(f"terms.{which}", lang, _yuan(fen)) for which, fen in later if fen is not None]
    period = [said(f"terms.per.{terms.per}", lang)] if terms.per != "visit" else []
    return joined("join.comma", lang, [*words, *period])


def text(area: Pool, month: str, rows: Sequence[dict[str, Any]]) -> str:
    """Return the `listing` of an area as a terminal shows it: a block a scheme and kind of care, sources last."""
    sources = list(dict.fromkeys(row["source"] for row in rows))
    lines = [f"{area.name_en} {area.name_zh} ({area.code}), rules in force in {month}; * = national default"]
    for scheme, kind in dict.fromkeys((row["scheme"], row["kind"]) for row in rows):
        block = [row for row in rows if (row["scheme"], row["kind"]) == (scheme, kind)]
        lines += [f"{scheme}, {kind}", *_fields(block, sources)]
    if groups := area_rules.groups(area.code):
        lines.append(f"Not shown, terms of their own: {', '.join(groups)}")
    return "\n".join([*lines, "sources", *(f"  [{i}] {source}" for i, source in enumerate(sources, 1))])


def _fields(rows: Sequence[dict[str, Any]], sources: list[str]) -> Iterator[str]:
    """Yield one line per field, value and origin of one scheme and kind of care, and where it holds."""
    same: dict[tuple[str, str, str], set[tuple[str, ...]]] = {}
    for row in rows:
        alike = (row["field"], row["value"], _came(row, sources.index(row["source"]) + 1))
        same.setdefault(alike, set()).add((row["member"], str(row["tier"]), row["filing"]))
    for field in dict.fromkeys(field for field, *_ in same):
        for (name, value, came), cells in same.items():
            for place in _places(cells) if name == field else ():
                yield f"  {name:15} {value:66} {place:40} {came}"


def _came(row: dict[str, Any], source: int) -> str:
    """Return where a row comes from: area and first month, or * for the default; grade, source, notes."""
    where = (
        f"{row['level']} {area_rules.pool(row['area']).name_en}, {row['start'] or 'undated'}" if row["area"] else "*"
    )
    beyond = f"WARNING: {100 * row['beyond']:.4g} percentage points beyond the national limit" if row["beyond"] else ""
    notes = "; ".join(filter(None, (row["note"], beyond)))
    return f"{where}, {row['grade']} [{source}]" + (f" ({notes})" if notes else "")


def _places(cells: set[tuple[str, ...]]) -> Iterator[str]:
    """Yield in words where a number holds: members, tiers and filings, each left out where it holds for all."""
    boxes: list[tuple[tuple[str, ...], ...]] = [tuple((x,) for x in cell) for cell in product(*AXES) if cell in cells]
    for axis in (2, 1, 0):
        merged: dict[Any, tuple[str, ...]] = {}
        for box in boxes:
            others = box[:axis] + box[axis + 1 :]
            merged[others] = merged.get(others, ()) + box[axis]
        boxes = [(*others[:axis], parts, *others[axis:]) for others, parts in merged.items()]
    for members, tiers, filings in boxes:
        words = [f"tier {', '.join(tiers)}"] if len(tiers) < len(TIERS) else []
        words += [", ".join(part) for part, axis in ((members, AXES[0]), (filings, AXES[2])) if len(part) < len(axis)]
        yield "; ".join(words) or "all"
