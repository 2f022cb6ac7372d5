"""A report for those who decide: its first screen and its sections, in words, tables and pictures, zh or en."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simlib import areas, briefing, declared, findings, maps, match, plots
from simlib.briefing import Answer
from simlib.phrases import said, texts
from simlib.plots import Lang, number
from simlib.remedies import shown
from simlib.tables import read
from simlib.terms import GRADES

LONGEST_TITLE, LONGEST_QUESTION, LONGEST_CELL = 200, 600, 300
WIDTH = 5.8
"""Of a picture, inches: narrow enough to be read on a phone."""
MOST_BARS = 10
"""Rows of a picture."""
FACTORS: dict[str, tuple[float, float]] = {"yuan": (1e-8, 1e-6), "share": (100, 100), "points": (100, 100)}
"""What amounts are multiplied by to be shown, zh and en: 亿元 and million yuan; shares in percent."""
TEXTS = ("", "id")
"""Units of columns that hold no numbers: words, and codes."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its key in the frame, its heading, its unit; a change has a sign, an interval its ends."""

    key: str
    head: str
    unit: str = ""
    change: bool = False
    interval: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the frame that it shows: one, or three with the ends of an interval."""
        ends = (f"{self.key}_low", f"{self.key}_high") if self.change or self.interval else ()
        return (self.key, *ends)


@dataclass(frozen=True)
class Table:
    """A table of the report: a frame whose numbers are already those that are shown."""

    name: str
    title: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Picture:
    """A picture of the report: drawn on axes when it is needed."""

    name: str
    height: float
    draw: Callable[[Axes], Axes]


@dataclass(frozen=True)
class Section:
    """A section of the report."""

    name: str
    title: str
    said: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    code: str = ""


def table(name: str, title: str, frame: pd.DataFrame, columns: tuple[Column, ...], lang: Lang) -> Table:
    """Return a table with amounts in the unit in which they are shown in this language."""
    scaled = frame.copy()
    for column in columns:
        factor = FACTORS.get(column.unit, (1.0, 1.0))[plots.LANGS[lang]]
        for key in column.keys:
            if column.unit not in TEXTS:
                scaled[key] = scaled[key].astype(float) * factor
    return Table(name, title, scaled, columns)


def sections(answer: Answer, lang: Lang, names: Sequence[str] = ()) -> list[Section]:
    """Return the sections of a report in their order, or those named; what has nothing to say is left out."""
    makers = [SECTIONS[name] for name in names or SECTIONS]
    return [section for make in makers if (section := make(answer, lang)) is not None]


def title(answer: Answer, lang: Lang) -> str:
    """Return the scenario's title, cut if it is long, with nothing hidden in it."""
    return shown(answer.facts["title"][lang], LONGEST_TITLE)


def question(answer: Answer, lang: Lang) -> str:
    """Return the scenario's question, likewise."""
    return shown(answer.facts["question"][lang], LONGEST_QUESTION)


def sentences(answer: Answer, lang: Lang) -> str:
    """Return the answer: what the funds would pay, and what becomes of the direct settlement rate."""
    fund, money, rate = (answer.facts[name] for name in ("fund_percent", "fund_100_million_yuan", "rate_points"))
    period = briefing.months(answer)
    if period is None or fund["change"] == fund["low"] == fund["high"] == 0 == rate["change"]:
        return said("nothing.sentence", lang)
    if None in fund.values() or None in rate.values():
        return said("few.sentence", lang)
    away = _way(fund, "more", "less")
    percent = _ends(fund, away == "less")
    tens = _ends(money, away == "less", _hundred_million(lang))
    sign = "+" if away == "open" else ""
    digits = _digits(max(map(abs, tens)))
    first = said(
        "fund.open" if away == "open" else "fund.sentence",
        lang,
        period=" – ".join(dict.fromkeys(period)),
        kind=said(answer.kind, lang),
        move=said(away, lang),
        unit=said("unit.yuan", lang),
        **dict(zip(("percent", "low", "high"), (_percent(v, lang, sign) for v in percent), strict=True)),
        **dict(zip(("money", "money_low", "money_high"), (number(v, digits, sign) for v in tens), strict=True)),
    )
    return f"{first}{'' if lang == 'zh' else ' '}{_rate_sentence(answer, lang)}"


def _rate_sentence(answer: Answer, lang: Lang) -> str:
    """Return what becomes of the direct settlement rate, and where it goes if no patient or every one is attentive."""
    rate, points = answer.facts["rate_points"], answer.facts["rate_curve_points"]
    move = _way(rate, "rate.up", "rate.down")
    ends = _points(_ends(rate, move == "rate.down"), "+" if move == "open" else "")
    curve = ""
    if points and not any(None in point.values() for point in points):
        changes, last = [point["change"] for point in points], points[-1]
        bound = said("rate.bound", lang) if 0 < last["change"] == max(changes) and last["attention"] == 1 else ""
        none, every = (plots.interval(p["change"], p["low"], p["high"], lang) for p in (points[0], last))
        curve = said("rate.curve", lang, none=none if changes[0] else "0", every=every, bound=bound)
    base = _percent(100 * rate["baseline"], lang)
    key = "rate.open" if move == "open" else "rate.sentence"
    return said(key, lang, base=base, move=said(move, lang), curve=curve, **ends)


def _way(found: dict[str, float], up: str, down: str) -> str:
    """Return the word for a change whose interval lies above 0, below, or, `open`, on both sides."""
    return up if found["low"] > 0 else down if found["high"] < 0 else "open"


def _ends(found: dict[str, float], flip: bool, scale: float = 1.0) -> tuple[float, float, float]:
    """Return a change and its interval times a scale, as a decrease if asked."""
    factor = -scale if flip else scale
    low, high = sorted((factor * found["low"], factor * found["high"]))
    return factor * found["change"], low, high


def _points(ends: tuple[float, float, float], sign: str) -> dict[str, str]:
    """Return points, low and high of a change of the rate in words."""
    return dict(zip(("points", "low", "high"), (number(value, 1, sign) for value in ends), strict=True))


def _hundred_million(lang: Lang) -> float:
    """Return how many of the language's units of money a 100 million yuan are."""
    return 1e8 * FACTORS["yuan"][plots.LANGS[lang]]


def _percent(value: float, lang: Lang, sign: str = "") -> str:
    """Return a percentage with one digit."""
    return said("card.percent", lang, number(value, 1, sign))


def _digits(largest: float) -> int:
    """Return how many decimals suit numbers up to this size.

    >>> _digits(4321), _digits(43.2), _digits(0.4), _digits(0.02)
    (0, 1, 2, 3)
    """
    return 0 if largest >= 100 else 1 if largest >= 10 else 2 if largest >= 0.1 else 3


def cards(answer: Answer, lang: Lang) -> list[dict[str, str]]:
    """Return the three figures of the first screen: label, value, interval, note; a dash where too few were drawn."""
    f, ten = answer.facts, _hundred_million(lang)
    fund, rate, advanced = f["fund_percent"], f["rate_points"], f["advanced_100_million_yuan"]
    paid = ten * (fund["baseline"] or 0) / 1e8
    notes = (
        said("card.fund.note", lang, number(paid), said("unit.yuan", lang)),
        _percent(100 * (rate["baseline"] or 0), lang),
    )
    return [
        _card("fund", fund, "percent", 1, 1.0, notes[0], lang),
        _card("rate", rate, "points", 1, 1.0, said("card.rate.note", lang, notes[1]), lang),
        _card("advanced", advanced, "yuan", 1 if lang == "zh" else 0, ten, said("card.advanced.note", lang), lang),
    ]


def _card(
    name: str, found: dict[str, Any], unit: str, digits: int, scale: float, note: str, lang: Lang
) -> dict[str, str]:
    """Return one figure of the first screen."""
    keys = ("change", "low", "high")
    value, low, high = ("–" if found[key] is None else number(scale * found[key], digits, "+") for key in keys)
    return {
        "label": said(f"card.{name}", lang),
        "value": said(f"card.{unit}", lang, value),
        "interval": said("card.interval", lang, low, high),
        "note": note,
    }


def verdict(answer: Answer, lang: Lang) -> str:
    """Return how strong the evidence is: direction, size, and the weakest part.

    The direction is reliable if the interval of the fund effect leaves out 0; the size is weak if most unknowns are
    assumed or the item lists synthetic, else fair.
    """
    fund, rests = answer.facts["fund_percent"], answer.facts["rests_on"]
    same, draws = briefing.agreement(answer)
    counts = rests["unknowns_by_grade"]
    assumed, unknowns = counts.get("assumed", 0), sum(counts.values())
    real = bool(_real_lists(answer))
    parts = []
    if not fund["change"]:
        parts.append(said("verdict.none", lang))
    else:
        sure = fund["low"] > 0 or fund["high"] < 0
        parts.append(said("verdict.sure" if sure else "verdict.open", lang, same, draws))
        size = said("size.fair" if real and assumed < unknowns / 2 else "size.weak", lang)
        lists = said("lists.real" if real else "lists.synthetic", lang)
        parts.append(said("verdict.size", lang, size=size, assumed=assumed, unknowns=unknowns, lists=lists))
        parts.append(said("verdict.rate", lang))
    if draws < findings.FEWEST_TO_NAME:
        parts.append(said("verdict.few", lang))
    heading = said("verdict", lang)
    return f"{heading}：{''.join(parts)}" if lang == "zh" else f"{heading}. {' '.join(parts)}"


def _real_lists(answer: Answer) -> str:
    """Return for which areas item lists were loaded, empty if all are synthetic."""
    lists = str(answer.facts["rests_on"]["catalogues"])
    return shown(lists, LONGEST_QUESTION) if lists.startswith("loaded") else ""


def source(answer: Answer, lang: Lang) -> str:
    """Return the caption of every picture."""
    lists = said("lists.real" if _real_lists(answer) else "lists.synthetic", lang)
    return said("source", lang, answer.draws, answer.facts["year"], answer.manifest["seed"], lists)


def _what(answer: Answer, lang: Lang) -> Section:
    """Return what is changed, where and when."""
    if not answer.facts["sets"]:
        return Section("what", said("what", lang), (said("what.none", lang),))
    rows = []
    for one in answer.facts["sets"]:
        until = f" {said('what.to', lang)} {one['to']}" if one["to"] else ""
        places = "; ".join(
            f"{said(axis, lang)} {', '.join(map(_region(lang), names))}" for axis, names in one["where"].items()
        )
        rows.append(
            {
                "lever": meaning(one["lever"], lang),
                "value": _value(one["value"], lang),
                "from": f"{said('what.from', lang)} {one['from']}{until}",
                "where": places or said("what.all", lang),
            }
        )
    heads = {"lever": "what.lever", "value": "what.value", "from": "months", "where": "what.where"}
    columns = tuple(Column(key, said(head, lang)) for key, head in heads.items())
    lines = (said("what.said", lang),)
    return Section(
        "what", said("what", lang), lines, tables=(Table("what", said("what", lang), pd.DataFrame(rows), columns),)
    )


def _value(value: object, lang: Lang) -> str:
    """Return what a lever is set to, in words."""
    if isinstance(value, bool):
        return said("yes" if value else "no", lang)
    return said(f"rule.{value}", lang) if f"rule.{value}" in texts(lang) else str(value)


def _region(lang: Lang) -> Callable[[str], str]:
    """Return what turns the tag of a region into its name; other names stay as the scenario has them."""
    if lang == "zh":
        return lambda name: areas.REGIONS_ZH.get(name, name)
    return lambda name: name.replace("-", " ").title() if name in areas.REGIONS_ZH else name


def meaning(name: str, lang: Lang) -> str:
    """Return what a declared number means, in Chinese where the table `meanings` has it.

    >>> meaning("channels.attention", "zh")
    '会比较两种待遇、划算时选择手工报销的患者占比'
    """
    chinese = {row["id"]: row["name_zh"] for row in read("meanings")} if lang == "zh" else {}
    known = declared.quantities()
    return chinese.get(name) or (known[name].meaning if name in known else name)


def _group(answer: Answer, label: str, lang: Lang) -> str:
    """Return a group in words."""
    kind = said(label.rsplit("=", 1)[1], lang)
    words_ = said("changed" if label.startswith("pairs=changed") else "nation", lang, kind)
    return words_[0].upper() + words_[1:]


def _kinds(answer: Answer, lang: Lang) -> Section | None:
    """Return the effect by kind of care."""
    found = briefing.by_kind(answer)
    found["label"] = [_group(answer, label, lang) for label in found["group"]]
    columns = (
        Column("label", said("kind", lang)),
        Column("base_yuan", _with_unit("base_yuan", "unit.yuan", lang), "yuan"),
        Column("yuan", _with_unit("yuan", "unit.yuan", lang), "yuan", change=True),
        Column("fund", _with_unit("fund", "unit.percent", lang), "percent", change=True),
        Column("rate_base", _with_unit("rate_base", "unit.percent", lang), "share"),
        Column("rate", _with_unit("rate", "unit.points", lang), "points", change=True),
    )
    drawn = found[found["fund"].notna()]
    renamed = {"fund": "change", "fund_low": "low", "fund_high": "high"}
    rows = drawn[["label", *renamed]].rename(columns=renamed).assign(label=lambda t: t.label.map(_two_lines))
    heading = said("kinds", lang)
    pictures = (
        Picture("kinds", 1.8 + 0.42 * len(rows), lambda ax: plots.changes(rows, ax, lang, source=source(answer, lang))),
    )
    return Section("kinds", heading, (said("kinds.said", lang),), (), pictures if len(rows) else (),
                   (table("kinds", heading, found, columns, lang),))  # fmt: skip


def _two_lines(label: str) -> str:
    """Return a label broken after its first comma, for an axis."""
    return label.replace("，", "\n", 1).replace(", ", "\n", 1)


def _with_unit(key: str, unit: str, lang: Lang) -> str:
    """Return a heading with its unit."""
    return f"{said(key, lang)}（{said(unit, lang)}）" if lang == "zh" else f"{said(key, lang)} ({said(unit, lang)})"


def _curve(answer: Answer, lang: Lang) -> Section | None:
    """Return the rate over the share of attentive patients."""
    found = answer.curve.rename(columns={"low": "change_low", "high": "change_high"}).dropna()
    if found.empty or not found["change"].any():
        return None
    heading = said("curve", lang)
    columns = (
        Column("attention", _with_unit("attention", "unit.percent", lang), "share"),
        Column("baseline", _with_unit("rate_base", "unit.percent", lang), "share"),
        Column("value", _with_unit("rate_value", "unit.percent", lang), "share"),
        Column("change", _with_unit("fund", "unit.points", lang), "points", change=True),
    )
    drawn = answer.curve.dropna()
    words = (
        f"{said(answer.kind, lang)}：{said('rate', lang)}"
        if lang == "zh"
        else f"{said('rate', lang)}, {said(answer.kind, lang)}".capitalize()
    )
    picture = Picture("curve", 3.8, lambda ax: plots.curve(drawn, ax, lang, source=source(answer, lang), title=words))
    return Section(
        "curve", heading, (said("curve.said", lang),), (), (picture,), (table("curve", heading, found, columns, lang),)
    )


def _goal(answer: Answer, lang: Lang) -> Section | None:
    """Return how likely the goal of the inpatient rate is reached, where the answer is about inpatients."""
    if answer.kind != "inpatient":
        return None
    found = briefing.goal(answer)
    found["label"] = [_group(answer, label, lang) for label in found["group"]]
    found["words"] = [said(metric, lang) for metric in found["metric"]]
    keys = ("rate_before", "rate_after", "chance_before", "chance_after")
    columns = (
        Column("label", said("kind", lang)),
        Column("words", said("goal.metric", lang)),
        *(Column(key, _with_unit(key, "unit.percent", lang), "share") for key in keys),
    )
    heading = said("goal", lang)
    lines = (said("goal.said", lang, answer.facts["year"]),)
    return Section("goal", heading, lines, tables=(table("goal", heading, found, columns, lang),))


def _causes(answer: Answer, lang: Lang) -> Section | None:
    """Return why cases are not settled directly, before and after."""
    found = briefing.causes(answer)
    if found.empty:
        return None
    found["label"] = [texts(lang).get(f"cause.{cause}", str(cause)) for cause in found["cause"]]
    columns = (
        Column("label", said("cause", lang)),
        Column("before", _with_unit("cause.before", "unit.percent", lang), "share", interval=True),
        Column("after", _with_unit("cause.after", "unit.percent", lang), "share", interval=True),
    )
    heading = said("causes.heading", lang)
    lines = (said("causes.said", lang, _group(answer, answer.headline, lang)),)
    made = table("causes", heading, found, columns, lang)
    picture = Picture("causes", 3.2, lambda ax: plots.outcomes(made.frame, ax, lang, source=source(answer, lang)))
    return Section("causes", heading, lines, (), (picture,), (made,))


def _homes(answer: Answer, lang: Lang) -> Section | None:
    """Return the home funds on a map, or the largest of many cities, and as a table."""
    found = briefing.homes(answer)
    if found.empty:
        return None
    found["label"] = found[f"name_{lang}"]
    columns: tuple[Column, ...] = (
        Column("label", said("area", lang)),
        Column("base_yuan", _with_unit("base_yuan", "unit.yuan", lang), "yuan"),
        Column("yuan", _with_unit("yuan", "unit.yuan", lang), "yuan", change=True),
        Column("fund", _with_unit("fund", "unit.percent", lang), "percent", change=True),
        Column("elsewhere", _with_unit("elsewhere", "unit.percent", lang), "percent", change=True),
        Column("each", _with_unit("each", "unit.each", lang), "number", change=True),
    )
    if answer.kind != "inpatient":
        columns = tuple(column for column in columns if column.key != "elsewhere")
    heading, unit = said("homes", lang), said("unit.each", lang)
    each = found.dropna(subset=["each"]).rename(columns={"each": "value", "each_low": "low", "each_high": "high"})
    words_ = said("homes.map", lang)
    digits = _digits(float(each["value"].abs().max()))
    at = maps.TILES
    if not set(each["code"]) <= set(at):  # cities: laid out as they lie
        where = [answer.place.index(code) for code in each["code"]]
        at = dict(zip(each["code"], maps.grid(answer.place.lon[where], answer.place.lat[where]), strict=True))
    picture = Picture(
        "homes",
        5.2,
        lambda ax: maps.tiles(
            each, ax, lang, unit=unit, digits=digits, at=at, source=source(answer, lang), title=words_
        ),
    )
    named = [shown(one[f"name_{lang}"], 40) for one in answer.facts["distinguishable"]]
    verdict_ = said("homes.named", lang, ", ".join(named)) if named else said("homes.none", lang)
    lines = (said("homes.said", lang, named=verdict_),)
    return Section("homes", heading, lines, (), (picture,), (table("homes", heading, found, columns, lang),))


def _hosts(answer: Answer, lang: Lang) -> Section | None:
    """Return what changes for the hosts."""
    found = briefing.hosts(answer)
    if found.empty:
        return None
    found["label"] = found[f"name_{lang}"]
    columns = (
        Column("label", said("area", lang)),
        Column("bill_yuan", _with_unit("bill_yuan", "unit.yuan", lang), "yuan"),
        Column("direct", _with_unit("direct", "unit.yuan", lang), "yuan", change=True),
        Column("fund", _with_unit("hosts.fund", "unit.percent", lang), "percent", change=True),
        Column("rate_base", _with_unit("rate_base", "unit.percent", lang), "share"),
        Column("rate", _with_unit("rate", "unit.points", lang), "points", change=True),
    )
    heading, words = said("hosts", lang), said("hosts.said" if _response(answer) == "none" else "hosts.moved", lang)
    return Section("hosts", heading, (words,), tables=(table("hosts", heading, found, columns, lang),))


def _response(answer: Answer) -> str:
    """Return the form of patients' response in a run."""
    return str(answer.manifest["pinned"].get("response.form", "none"))


def _origins(answer: Answer, lang: Lang) -> Section | None:
    """Return newly paid apart from richer benefits, who bears what, and points of rate for money."""
    found = briefing.origins(answer)
    if found["yuan"].isna().any() or not found["yuan"].any():
        return None
    words = {
        "newly": "newly",
        "richer": "richer",
        "fund": "origin.fund",
        "own": "origin.own",
        "advanced": "origin.advanced",
    }
    found["label"] = [said(words[name], lang) for name in found["origin"]]
    columns = (
        Column("label", said("origin", lang)),
        Column("yuan", _with_unit("change_yuan", "unit.yuan", lang), "yuan", change=True),
    )
    worth = [
        said("origins.worth", lang, group=_group(answer, row["group"], lang),
             worth=plots.interval(row["worth"], row["worth_low"], row["worth_high"], lang))
        for row in briefing.worth(answer).to_dict("records")
    ]  # fmt: skip
    heading = said("origins", lang)
    return Section(
        "origins",
        heading,
        (said("origins.said", lang), *worth),
        tables=(table("origins", heading, found, columns, lang),),
    )


def _drivers(answer: Answer, lang: Lang) -> Section | None:
    """Return which unknowns drive the fund effect."""
    heading = said("drivers", lang)
    found = briefing.drivers(answer)
    if found.empty:
        return Section("drivers", heading, (said("drivers.few", lang),))
    found = found.head(MOST_BARS).copy()
    found["label"] = [meaning(str(name), lang) for name in found["id"]]
    found["stands"] = [said("yes" if one else "no", lang) for one in found["beyond_luck"]]
    found["grade_words"] = [said(str(one), lang) for one in found["grade"]]
    mid = float(briefing.relative(answer, answer.headline).mean())
    columns = (
        Column("label", said("unknown", lang)),
        Column("id", "id", "id"),
        Column("rank_correlation", said("rank_correlation", lang), "number"),
        Column("stands", said("stands_out", lang)),
        Column("lower", _with_unit("lower", "unit.percent", lang), "percent"),
        Column("upper", _with_unit("upper", "unit.percent", lang), "percent"),
        Column("grade_words", said("grade", lang)),
    )
    bars = found.assign(sure=found["beyond_luck"].astype(bool), label=[_folded(label) for label in found["label"]])
    picture = Picture(
        "drivers", 1.6 + 0.42 * len(bars), lambda ax: plots.tornado(bars, mid, ax, lang, source=source(answer, lang))
    )
    return Section(
        "drivers",
        heading,
        (said("drivers.said", lang),),
        (),
        (picture,),
        (table("drivers", heading, found, columns, lang),),
    )


def _folded(label: str) -> str:
    """Return a long label on two lines, for an axis, and cut there."""
    lines = plots.wrap(label, 26).split("\n")
    return "\n".join(lines[:2]) + ("…" if len(lines) > 2 else "")


def _requests(answer: Answer, lang: Lang) -> Section | None:
    """Return what to ask provinces for."""
    if answer.draws < findings.FEWEST_TO_NAME or not answer.facts["fund_percent"]["change"]:
        return None
    found = briefing.requests(answer)
    found["words"] = [said(name, lang) for name in found["request"]]
    join = "；" if lang == "zh" else "; "
    found["settles"] = [join.join(meaning(i, lang) for i in ids) or "–" for ids in found["ids"]]
    columns = (
        Column("words", said("request", lang)),
        Column("settles", said("settles", lang)),
        Column("fund", _with_unit("narrow_fund", "unit.percent", lang), "share"),
        Column("rate", _with_unit("narrow_rate", "unit.percent", lang), "share"),
    )
    silent = not found[["fund", "rate"]].to_numpy().any()
    heading, lines = said("requests", lang), (said("requests.none" if silent else "requests.said", lang),)
    shown_ = columns[:1] if silent else columns
    return Section("requests", heading, lines, tables=(table("requests", heading, found, shown_, lang),))


def _fit(answer: Answer, lang: Lang) -> Section | None:
    """Return published figures beside simulated ones."""
    found = answer.fit.copy()
    found["role_words"] = [said(f"role.{role}", lang) for role in found["role"]]
    found["words"] = [_target(str(name), lang) for name in found["target"]]
    found["unit_words"] = [said(f"unit.{unit}", lang) for unit in found["unit"]]
    yuan = found["unit"] == "yuan"
    amounts = ["published", "simulated", "low", "high"]
    found.loc[yuan, amounts] *= FACTORS["yuan"][plots.LANGS[lang]]
    columns = (
        Column("words", said("target", lang)),
        Column("year", said("year", lang)),
        Column("role_words", said("role", lang)),
        Column("published", said("published", lang), "figure"),
        Column("simulated", said("simulated", lang), "figure"),
        Column("low", said("low", lang), "figure"),
        Column("high", said("high", lang), "figure"),
        Column("difference_percent", _with_unit("difference_percent", "unit.percent", lang), "percent"),
        Column("unit_words", said("unit", lang)),
    )
    tests = found[found["role"].isin(("fit", "test"))]
    ratios = match.ratios(tests.assign(target=tests["words"], year=tests["year"].astype(str)))
    ratios["label"] = [_folded(label) for label in ratios["label"]]
    heading = said("fit", lang)
    picture = Picture(
        "fit", 1.6 + 0.4 * len(ratios), lambda ax: plots.fit(ratios, ax, lang, source=source(answer, lang))
    )
    return Section(
        "fit", heading, (said("fit.said", lang),), (), (picture,), (table("fit", heading, found, columns, lang),)
    )


def _target(name: str, lang: Lang) -> str:
    """Return the name of a published figure in the language of the report, as it is where it has no other.

    >>> _target("rank among hosts: Sichuan", "zh")
    '就医地排名：四川'
    """
    what, _, area = name.partition(": ")
    if area:
        place = areas.provinces()
        known = dict(zip(place.names_en, map(areas.short_zh, place.names_zh), strict=True))
        return said(what, lang, known.get(area, area) if lang == "zh" else area)
    return texts(lang).get(f"target.{name}", name)


def _register(answer: Answer, lang: Lang) -> Section | None:
    """Return the register of assumptions, and what the fund payment rests on."""
    found = briefing.register(answer)
    found["words"] = [meaning(str(name), lang) for name in found["id"]]
    found["range"] = [f"{low:.4g} – {high:.4g}" for low, high in zip(found["low"], found["high"], strict=True)]
    found["grade_words"] = [said(str(one), lang) for one in found["grade"]]
    pinned = [f"{shown(name, 60)} = {shown(value, 40)}" for name, value in answer.manifest["pinned"].items()]
    lines = (said("register.said", lang, pinned=said("register.pinned", lang, ", ".join(pinned)) if pinned else ""),)
    heads = {"words": "unknown", "range": "range", "unit": "unit", "grade_words": "grade", "source": "source.of"}
    columns = tuple(Column(key, said(head, lang)) for key, head in heads.items())
    heading = said("register", lang)
    return Section(
        "register",
        heading,
        lines,
        tables=(_rests(answer, lang), Table("register", heading, found, (*columns, Column("id", "id", "id")))),
    )


def _rests(answer: Answer, lang: Lang) -> Table:
    """Return the fund payment by the weakest grade of its policies."""
    shares = answer.facts["rests_on"]["fund_payment_by_grade"]
    rows = [(said(name, lang), shares.get(name, 0.0)) for name in (*GRADES, "local") if shares.get(name)]
    columns = (
        Column("grade", said("grade", lang)),
        Column("share", _with_unit("share", "unit.percent", lang), "share"),
    )
    return table("rests", said("rests", lang), pd.DataFrame(rows, columns=["grade", "share"]), columns, lang)


def _limits(answer: Answer, lang: Lang) -> Section:
    """Return what the run cannot say."""
    real = _real_lists(answer)
    points = [
        said("limits.lists.real", lang, real) if real else said("limits.lists", lang),
        *(said(f"limits.{name}", lang) for name in ("rate", f"volume.{_response(answer)}", "missing")),
        said("limits.year", lang, answer.facts["year"]),
    ]
    if answer.draws < findings.FEWEST_TO_NAME:
        points.append(said("limits.draws", lang, answer.draws))
    return Section("limits", said("limits", lang), (), tuple(points))


def _check(answer: Answer, lang: Lang) -> Section:
    """Return what made the run, and how to verify the report."""
    of = answer.manifest
    rows = [
        (said("check.simlib", lang), of["simlib"]),
        (said("check.seed", lang), of["seed"]),
        (said("check.draws", lang), of["draws"]),
        (said("check.people", lang), of["people_drawn"]),
        (said("check.rules", lang), of["rules_sha256"]),
        (said("check.run", lang), of["sha256"]),
        *((f"SHA-256 {name}", sha) for part in ("scenarios", "tables") for name, sha in of[f"{part}_sha256"].items()),
    ]
    frame = pd.DataFrame(rows, columns=["key", "content"])
    columns = (Column("key", said("check.key", lang)), Column("content", said("check.value", lang), "id"))
    heading = said("check", lang)
    return Section("check", heading, (said("check.said", lang),), tables=(Table("check", heading, frame, columns),),
                   code="simlib verify report.html")  # fmt: skip


def words(made: Table, lang: Lang) -> list[list[tuple[str, str]]]:
    """Return the cells of a table as they are read, each with its sort: n a number, id a code that may break, else "".

    Changes have their intervals beside them.
    """
    columns = [list(_cells(made.frame, column, lang)) for column in made.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def as_read(made: Table, lang: Lang) -> pd.DataFrame:
    """Return a table as it is read, numbers in words, for a notebook."""
    cells = [[cell for cell, _ in row] for row in words(made, lang)]
    return pd.DataFrame(cells, columns=[column.head for column in made.columns])


def _cells(frame: pd.DataFrame, column: Column, lang: Lang) -> Iterator[tuple[str, str]]:
    """Yield the cells of one column."""
    if column.unit in TEXTS:
        yield from ((shown(value, LONGEST_CELL), column.unit) for value in frame[column.key])
        return
    values = frame[list(column.keys)].to_numpy(dtype=float)
    for row in values:
        digits = 0 if len(row) == 1 and row[0].is_integer() else _digits(float(np.abs(row).max()))
        if np.isnan(row).any():
            yield "–", "n"
        elif len(row) > 1:
            sign = "+" if column.change else ""
            yield said("cell.interval", lang, *(number(value, digits, sign) for value in row)), "n"
        else:
            yield number(row[0], digits), "n"


def picture(of: Picture) -> Axes:
    """Return a picture drawn on a figure of its own, which no window or notebook knows of."""
    ax = Figure(figsize=(WIDTH, of.height), dpi=120, layout="constrained").subplots()
    ax.spines[["top", "right"]].set_visible(False)
    return of.draw(ax)


SECTIONS: dict[str, Callable[[Answer, Lang], Section | None]] = {
    "what": _what,
    "kinds": _kinds,
    "curve": _curve,
    "goal": _goal,
    "causes": _causes,
    "homes": _homes,
    "hosts": _hosts,
    "origins": _origins,
    "drivers": _drivers,
    "requests": _requests,
    "fit": _fit,
    "limits": _limits,
    "check": _check,
    "register": _register,
}
"""What makes each section, in their order; None where it has nothing to say."""
