"""The sections of a report for those who decide: what their sentences need, tables and pictures, zh or en."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from simlib.errors import shown
from simlib.files.texts import LANGS, Lang, joined, said, texts
from simlib.patients import areas
from simlib.quantities import UNPUBLISHED, register
from simlib.report import maps, plots
from simlib.report.opening import real_lists, source
from simlib.report.pieces import (
    FACTORS,
    LEAST,
    Picture,
    Section,
    Table,
    area,
    bracketed,
    columns,
    decimals,
    meaning,
    place_name,
    table,
)
from simlib.study import briefing, effects, evidence, findings, match, parties, running
from simlib.study.results import Results
from simlib.terms import GRADES

LONGEST_LABEL = 100
"""Signs of a measure's name."""
MOST_BARS = 10
"""Rows of a picture."""
UNITS = {
    "yuan": ("unit.yuan", FACTORS["yuan"]),
    "share": ("unit.points", (100.0, 100.0)),
    "yuan per visit": ("unit.visit", (1.0, 1.0)),
    "claims": ("unit.claims", (1e-4, 1e-3)),
}
"""Units of metrics: words, and what amounts are multiplied by, zh and en; a change of a share is in points."""
LEDGER_UNITS = {
    "months_payable": ("unit.months", (1.0, 1.0)),
    "pools_below_limit": ("unit.pools", (1.0, 1.0)),
    "receivable_days": ("unit.days", (1.0, 1.0)),
    "use_cleared": ("unit.points", (100.0, 100.0)),
    "advanced_yuan_days": ("unit.yuan_days", FACTORS["yuan"]),
}
"""The same of what is told of the ledger."""
FIT_UNITS = {
    "yuan": ("unit.yuan", FACTORS["yuan"]),
    "person-times": ("unit.person-times", (1e-4, 1e-3)),
    "share": ("unit.percent", (100.0, 100.0)),
    "ratio": ("unit.ratio", (1.0, 1.0)),
    "rank": ("unit.rank", (1.0, 1.0)),
    "cases per bed": ("unit.per-bed", (1.0, 1.0)),
}
"""The same of published figures."""


def sections(study: Results, lang: Lang, names: Sequence[str] = ()) -> list[Section]:
    """Return the sections of a report in their order, or those named; what has nothing to say is left out."""
    makers = [SECTIONS[name] for name in names or SECTIONS]
    return [section for make in makers if (section := make(study, lang)) is not None]


def _section(
    name: str,
    lang: Lang,
    pictures: Sequence[Picture] = (),
    tables: Sequence[Table] = (),
    **values: Any,
) -> Section:
    """Return a section under its own heading; `values` are what its sentences need."""
    return Section(name, _heading(name, lang), values, tuple(pictures), tuple(tables))


def _heading(name: str, lang: Lang) -> str:
    """Return the heading of a section."""
    return texts(lang).get(f"heading.{name}") or said(name, lang)


def _table(name: str, frame: pd.DataFrame, lang: Lang, *written: str) -> Table:
    """Return a table under the heading of its name, its columns as `pieces.columns` has them."""
    return table(name, _heading(name, lang), frame, columns(lang, *written), lang)


def _what(study: Results, lang: Lang) -> Section:
    """Return what is changed, where and when."""
    if not study.facts["sets"]:
        return _section("what", lang, none=True)
    rows = []
    for one in study.facts["sets"]:
        until = f" {said('what.to', lang)} {one['to']}" if one["to"] else ""
        places = joined(
            "join.semicolon",
            lang,
            (
                f"{said(axis, lang)} {joined('join.list', lang, [area(name, lang) for name in names])}"
                for axis, names in one["where"].items()
            ),
        )
        rows.append(
            {
                "lever": meaning(one["lever"], lang),
                "value": _value(one["value"], lang),
                "from": f"{said('what.from', lang)} {one['from']}{until}",
                "where": places or said("what.all", lang),
            }
        )
    heads = ("lever=what.lever", "value=what.value", "from=months", "where=what.where")
    made = _table("what", pd.DataFrame(rows), lang, *heads)
    return _section("what", lang, tables=[made], none=False)


def _value(value: object, lang: Lang) -> str:
    """Return what a lever is set to, in words."""
    if isinstance(value, bool):
        return said("yes" if value else "no", lang)
    if isinstance(value, float):
        return f"{value:g}"
    return said(f"rule.{value}", lang) if f"rule.{value}" in texts(lang) else str(value)


def _group(study: Results, label: str, lang: Lang) -> str:
    """Return a group in words."""
    kind = said(label.rsplit("=", 1)[1], lang)
    words = said("changed" if label.startswith("pairs=changed") else "nation", lang, kind)
    return words[0].upper() + words[1:]


def _kinds(study: Results, lang: Lang) -> Section:
    """Return the effect by kind of care."""
    found = briefing.by_kind(study)
    found["label"] = [_group(study, label, lang) for label in found["group"]]
    drawn = found[found["fund"].notna()]
    renamed = {"fund": "change", "fund_low": "low", "fund_high": "high"}
    rows = drawn[["label", *renamed]].rename(columns=renamed).assign(label=lambda t: t.label.map(_two_lines))
    picture = Picture(
        "kinds", 1.8 + 0.42 * len(rows), lambda ax: plots.changes(rows, ax, lang, source=source(study, lang))
    )
    written = ("label=kind", "base_yuan yuan", "yuan yuan ±", "fund percent ±", "rate_base share", "rate points ±")
    assumed = [not group.endswith("=inpatient") for group in found["group"]]
    marked = found.assign(label=found["label"] + [" *" if one else "" for one in assumed])
    made = _table("kinds", marked, lang, *written)
    return _section("kinds", lang, [picture] if len(rows) else [], [made], assumed=any(assumed))


def _two_lines(label: str) -> str:
    """Return a label broken after its first comma, for an axis."""
    return label.replace("，", "\n", 1).replace(", ", "\n", 1)


def _gains(study: Results, lang: Lang) -> Section | None:
    """Return gains, costs and risks in one table: every metric of the run, and what it does not simulate."""
    if "fund_effects.csv" not in study.tables:
        return None
    found = _in_units(briefing.gains(study), "unit", UNITS, lang)
    key = {"volume": "volume.eta"} if _moves(study) == "eta" else {}
    found["words"] = [texts(lang).get(f"metric.{key.get(item, item)}", str(item)) for item in found["item"]]
    found["note"] = [_told(row, lang) for row in found.to_dict("records")]
    found.loc[found["note"] != "", ["base", "change", "change_low", "change_high"]] = np.nan
    written = ("words=item", "base=without figure", "change=change_yuan figure ±", "unit_words=unit", "note note")
    made = _table("gains", found, lang, *written)
    return _section("gains", lang, tables=[made], group=_group(study, study.headline, lang))


def _measures(study: Results, lang: Lang) -> Section | None:
    """Return what each measure of a package contributes, where the run was split among them."""
    found = briefing.measures(study)
    if found.empty:
        return None
    found["label"] = [shown(title, LONGEST_LABEL) for title in found[f"title_{lang}"]]
    made = _table("measures", found, lang, "label=measure", "fund=yuan yuan ±", "alone yuan ±", "rate points ±")
    renamed = {"fund": "change", "fund_low": "low", "fund_high": "high"}
    bars = made.frame.rename(columns=renamed).assign(label=[label.replace("$", r"\$") for label in found["label"]])
    how: dict[str, Any] = {"unit": said("unit.yuan", lang), "source": source(study, lang)}
    how["title"] = said("measures.picture", lang)
    picture = Picture("measures", 2.2 + 0.5 * len(bars), lambda ax: plots.waterfall(bars, ax, lang, **how))
    return _section("measures", lang, [picture], [made], kind=said(study.kind, lang))


def _told(row: Mapping[Any, Any], lang: Lang) -> str:
    """Return what has to be said of a row of gains in place of figures, if anything.

    That it is not simulated, or that a 0 is no finding: the measure does not touch it, or nobody goes more often.
    """
    if not row["told"]:
        return texts(lang).get(f"gains.{row['item']}") or said("gains.missing", lang)
    if row["change_low"] or row["change_high"]:
        return ""
    if row["item"] == "volume":
        return said("gains.volume", lang)
    return said("gains.outside", lang) if row["item"] in briefing.NOT_ALWAYS and not row["base"] else ""


def _in_units(
    frame: pd.DataFrame, key: str, units: dict[str, tuple[str, tuple[float, float]]], lang: Lang
) -> pd.DataFrame:
    """Return rows of different units, named in a column, with their numbers as they are shown and the unit in words."""
    plain = ("", (1.0, 1.0))
    known = [units.get(str(one), plain) for one in frame[key]]
    factor = np.array([scale[LANGS[lang]] for _, scale in known])
    names = ("base", "change", "change_low", "change_high", "published", "simulated", "low", "high")
    scaled = {name: frame[name].astype(float) * factor for name in names if name in frame}
    words = [said(name, lang) if name else str(one) for (name, _), one in zip(known, frame[key], strict=True)]
    least = [LEAST.get(name.removeprefix("unit."), 0.0) for name, _ in known]
    return frame.assign(**scaled, unit_words=[word if word != "nan" else "" for word in words], least=least)


def _curve(study: Results, lang: Lang) -> Section | None:
    """Return the rate over the share of attentive patients."""
    found = study.curve.rename(columns={"low": "change_low", "high": "change_high"}).dropna()
    if found.empty or not found["change"].any():
        return None
    drawn = study.curve.dropna()
    words = said("curve.picture", lang, said(study.kind, lang))
    picture = Picture("curve", 3.8, lambda ax: plots.curve(drawn, ax, lang, source=source(study, lang), title=words))
    written = ("attention share", "baseline=rate_base share", "value=rate_value share", "change=fund points ±")
    made = _table("curve", found, lang, *written)
    return _section("curve", lang, [picture], [made], bounded=briefing.bounded(study))


def _goal(study: Results, lang: Lang) -> Section | None:
    """Return how likely the goal of the inpatient rate is reached, where the answer is about inpatients."""
    if study.kind != "inpatient":
        return None
    found, years = briefing.goal(study), briefing.years(study)
    found["label"] = [_group(study, label, lang) for label in found["group"]]
    found["words"] = [said(metric, lang) for metric in found["metric"]]
    found, chances = _chances(study, found, ("chance_before", "chance_after"), lang)
    shares = ["rate_before share", "rate_after share", *chances]
    tables = [_table("goal", found, lang, "label=kind", "words=goal.metric", *shares)]
    if len(years):
        years["year"] = [str(year) if known else bracketed(str(year), said("extrapolated", lang), lang)
                         for year, known in zip(years["year"], years["published"], strict=True)]  # fmt: skip
        years, chances = _chances(study, years, ("chance",), lang)
        tables.append(_table("years", years, lang, "year", "rate=rate.year share ~", *chances))
    pace = _range("network.pace_ahead") if len(years) else None
    return _section("goal", lang, tables=tables, year=study.facts["year"], pace=pace)


def _range(name: str, scale: float = 1.0) -> dict[str, Any]:
    """Return the ends of what is assumed of a declared number, times a scale."""
    assumed = register()[name]
    return {end: f"{scale * (value or 0):g}" for end, value in (("low", assumed.low), ("high", assumed.high))}


def _chances(study: Results, frame: pd.DataFrame, names: Sequence[str], lang: Lang) -> tuple[pd.DataFrame, list[str]]:
    """Return a table whose chances are told, in whole percent or, at few draws, as how many, and their columns."""
    draws = study.draws
    if draws >= findings.FEWEST_TO_NAME:
        whole = {name: (100 * frame[name]).round() for name in names}
        return frame.assign(**whole), [f"{name} percent" for name in names]
    told = {
        name: [said("goal.draws", lang, f"{draws * share:.0f}", draws) for share in frame[name].fillna(0)]
        for name in names
    }
    return frame.assign(**told), list(names)


def _causes(study: Results, lang: Lang) -> Section | None:
    """Return why cases are not settled directly, before and after, and what each condition leaves of all cases."""
    found = briefing.causes(study)
    if found.empty:
        return None
    found["label"] = [texts(lang).get(f"cause.{cause}", str(cause)) for cause in found["cause"]]
    made = _table("causes", found, lang, "label=cause", "before=cause.before share ~", "after=cause.after share ~")
    pictures = [
        Picture("causes", 3.2, lambda ax: plots.outcomes(made.frame, ax, lang, source=source(study, lang))),
    ]
    stages, group = briefing.funnel(study), _group(study, study.headline, lang)
    words = said("funnel.picture", lang)
    if len(stages):
        pictures.append(
            Picture("funnel", 3.9, lambda ax: plots.funnel(stages, ax, lang, source=source(study, lang), title=words))
        )
    return _section("causes", lang, pictures, [made], group=group)


def _gap(study: Results, lang: Lang) -> Section | None:
    """Return which way of settling pays more, patient by patient, on the pair that has most of them."""
    found, shares = briefing.gap(study), briefing.gap_shares(study)
    if found.empty:
        return None
    before = found[found["side"] == "baseline"]["gap_yuan"].to_numpy(dtype=float)
    home, host = (_area(study, str(found[end].iloc[0]), lang) for end in ("home", "host"))
    words = said("gap.picture", lang, home, host)
    picture = Picture("gap", 4.0, lambda ax: plots.gap(before, None, ax, lang, source=source(study, lang), title=words))
    shares["label"] = [said(f"side.{side}", lang) for side in shares["side"]]
    made = _table("gap", shares, lang, "label=side", "claim=gap.claim share", "equal=gap.equal share",
                  "direct=gap.direct share", "mean=gap.mean number")  # fmt: skip
    return _section("gap", lang, [picture], [made], home=home, host=host, patients=f"{len(before):,}")


def _area(study: Results, code: str, lang: Lang) -> str:
    """Return the name of an area, short in Chinese."""
    return place_name(study.place, study.place.index(code), lang)


def _homes(study: Results, lang: Lang) -> Section | None:
    """Return the home funds on a map, or the largest of many cities, and as a table."""
    found = parties.homes(study)
    if found.empty:
        return None
    found["label"] = found[f"name_{lang}"]
    written = ["label=area", "base_yuan yuan", "yuan yuan ±", "fund percent ±", "elsewhere percent ±",
               "whole percent ±", "each yuan_each ±"]  # fmt: skip
    written = [words for words in written if not (words.startswith("elsewhere") and study.kind != "inpatient")]
    written = [words for words in written if not (words.startswith("whole") and found["whole"].isna().all())]
    each = found.dropna(subset=["each"]).rename(columns={"each": "value", "each_low": "low", "each_high": "high"})
    at = maps.TILES
    if not set(each["code"]) <= set(at):  # cities: laid out as they lie
        where = [study.place.index(code) for code in each["code"]]
        at = dict(zip(each["code"], maps.grid(study.place.lon[where], study.place.lat[where]), strict=True))
    how: dict[str, Any] = {"unit": said("unit.each", lang), "digits": decimals(float(each["value"].abs().max()))}
    how |= {"at": at, "source": source(study, lang), "title": said("homes.map", lang)}
    picture = Picture("homes", 5.2, lambda ax: maps.tiles(each, ax, lang, **how))
    named = [shown(one[f"name_{lang}"], 40) for one in study.facts["distinguishable"]]
    made = _table("homes", found, lang, *written)
    return _section("homes", lang, [picture], [made], named=joined("join.list", lang, named))


def _who(study: Results, lang: Lang) -> Section | None:
    """Return for whom it changes: by scheme, the working and the retired, and the residents of the west."""
    found = parties.who(study)
    if found.empty:
        return None
    found["label"] = [said(f"who.{group}", lang) for group in found["group"]]
    made = _table("who", found, lang, "label=insured", "fund_base=base_yuan yuan", "fund=yuan yuan ±", "own yuan ±",
                  "rate_base share", "rate points ±")  # fmt: skip
    west = bool(found["group"].str.startswith("west").any())
    return _section("who", lang, tables=[made], group=_group(study, study.headline, lang), west=west)


def _hosts(study: Results, lang: Lang) -> Section | None:
    """Return what changes for the hosts."""
    found = parties.hosts(study)
    if found.empty:
        return None
    found["label"] = found[f"name_{lang}"]
    money = ("label=area", "bill_yuan yuan", "bill yuan ±", "direct yuan ±", "fund=hosts.fund percent ±")
    shares = ["label=area", "rate_base share", "rate points ±"]
    shares += ["tier3_base share ~", "tier3 points ±"] if "tier3" in found else []
    shares += ["siphon_base share", "siphon points ±"] if found["siphon"].notna().all() else []
    bills = "still" if not briefing.billed(study) else "paid" if _moves(study) == "paid" else "moved"
    tables = [_table("hosts", found, lang, *money), _table("hosts_shares", found, lang, *shares)]
    if len(tiers := parties.tiers(study)):
        tiers["label"] = [said(f"tier.{tier}", lang) for tier in tiers["tier"]]
        before = [f"{name}_base=tiers.{name} share ~" for name in findings.SHARES]
        tables.append(_table("tiers", tiers, lang, "label=hospitals", *before, "direct=tiers.change points ±"))
    return _section("hosts", lang, tables=tables, bills=bills)


def _moves(study: Results) -> str:
    """Return what moves volume and bills: the form of patients' response, `paid` if only the way of payment does."""
    forms = register()["response.form"].choices
    form = forms[forms.index(str(study.manifest["pinned"].get("response.form", "none")))]  # no other has a sentence
    return "paid" if form == "none" and briefing.billed(study) else form


def _origins(study: Results, lang: Lang) -> Section | None:
    """Return newly reimbursed apart from better reimbursed, who bears what, and percentage points of rate for money."""
    found = briefing.origins(study)
    if found["yuan"].isna().any() or not found["yuan"].any():
        return None
    found["label"] = [said(f"origin.{name}", lang) for name in found["origin"]]
    made = _table("origins", found, lang, "label=origin", "yuan=change_yuan yuan ±")
    bars = made.frame.head(3).rename(columns={"yuan": "change", "yuan_low": "low", "yuan_high": "high"})
    how: dict[str, Any] = {"unit": said("unit.yuan", lang), "source": source(study, lang)}
    pictures = [
        Picture("origins", 2.9, lambda ax: plots.waterfall(bars, ax, lang, **how, title=said("origins.picture", lang))),
        Picture("streams", 4.4, lambda ax: _streams(study, lang, ax)),
    ]
    worth = [
        {"group": _group(study, row["group"], lang),
         "worth": plots.interval(row["worth"], row["worth_low"], row["worth_high"], lang)}
        for row in briefing.worth(study).to_dict("records")
    ]  # fmt: skip
    parts = briefing.parts(study)
    parts["label"], parts["note"] = ([said(f"part.{one}{end}", lang) for one in parts["part"]] for end in ("", ".note"))
    split = _table("parts", parts, lang, "label=origin", "yuan=change_yuan yuan ±", "note note")
    return _section("origins", lang, pictures, [made, *([split] if len(parts) else [])], worth=worth)


def _streams(study: Results, lang: Lang, ax: Any) -> Any:
    """Draw who pays for the headline group's care, and how it is settled."""
    rows = briefing.streams(study)
    rows = rows.assign(home=[said(f"payer.{one}", lang) for one in rows["home"]],
                       host=[said(f"way.{one}", lang) for one in rows["host"]])  # fmt: skip
    how: dict[str, Any] = {"unit": said("unit.yuan", lang), "scale": 1 / FACTORS["yuan"][LANGS[lang]]}
    words = said("streams.picture", lang)
    return maps.streams(rows, ax, lang, **how, source=source(study, lang), title=words, ends=("payer", "payee"))


def _money(study: Results, lang: Lang) -> Section | None:
    """Return how long the pools last: months payable as a fan, and what the ledger says of each December."""
    found, fan = parties.reserves(study), parties.payable(study)
    if found.empty:
        return None
    found = _in_units(found, "indicator", LEDGER_UNITS, lang)
    found["words"] = [_indicator(row, lang) for row in found.to_dict("records")]
    made = _table("money", found, lang, "words=item", "month=months", "base=without figure",
                  "change=change_yuan figure ±", "unit_words=unit")  # fmt: skip
    drawn = fan.assign(label=[said(str(one), lang) for one in fan["label"]])
    how: dict[str, Any] = {"unit": said("unit.months", lang), "source": source(study, lang)}
    how["source"] += "" if study.manifest.get("pools_sha256") else said("source.pools", lang)
    picture = Picture("money", 3.8, lambda ax: plots.fan(drawn, ax, lang, **how))
    return _section("money", lang, [picture], [made], harm=_harm(study, lang))


def _harm(study: Results, lang: Lang) -> dict[str, str] | None:
    """Return in how many draws pools are short of reserve, None where the run does not say."""
    money = study.facts["money"]
    if not money:
        return None
    names, shares = ("more_short", "none_before", "none_after"), (money["more_pools_short"], *money["no_pool_short"])
    told = {name: _harmed(study, share, lang) for name, share in zip(names, shares, strict=True)}
    return told | {"most": f"{100 * money['most']:.0f}"}


def _harmed(study: Results, share: float, lang: Lang) -> str:
    """Return a share of the draws in percent, or as how many of them where these are fewer than a hundred."""
    if study.draws >= 100:
        return said("card.percent", lang, f"{100 * share:.0f}")
    return said("money.draws", lang, round(share * study.draws), study.draws)


def _indicator(row: Mapping[Any, Any], lang: Lang) -> str:
    """Return an indicator of the ledger in words, with the scheme it is told of."""
    words = said(f"indicator.{row['indicator']}", lang)
    scheme = row["group"].partition("scheme=")[2]
    return bracketed(words, said(scheme, lang), lang) if scheme else words


def _running(study: Results, lang: Lang) -> Section | None:
    """Return what running it costs as far as the run knows, and what is not in it."""
    found = running.costs(study)
    if found.empty:
        return None
    found = _in_units(pd.concat([found, pd.DataFrame({"item": running.UNKNOWN})]), "unit", UNITS, lang)
    found["words"] = [said(f"running.{item}", lang) for item in found["item"]]
    found["note"] = [texts(lang).get(f"running.{item}.note", "") for item in found["item"]]
    made = _table("running", found, lang, "words=item", "base=without figure", "change=change_yuan figure ±",
                  "unit_words=unit", "note note")  # fmt: skip
    each = None
    if found.loc[found["item"] == "connecting", "change"].any():
        each = dict(zip(("mid", "low", "high"), map(plots.number, running.institution(study).values()), strict=True))
    return _section("running", lang, tables=[made], institution=each, eased=running.eases_claims(study))


def _drivers(study: Results, lang: Lang) -> Section:
    """Return which uncertain parameters drive the fund effect."""
    found = evidence.drivers(study)
    if found.empty:
        return _section("drivers", lang, few=True)
    found = found.head(MOST_BARS).copy()
    found["label"] = [meaning(str(name), lang) for name in found["id"]]
    found["stands"] = [said("yes" if one else "no", lang) for one in found["beyond_luck"]]
    found["grade_words"] = [said(str(one), lang) for one in found["grade"]]
    mid = float(effects.relative(study.amounts, "fund_payment", study.headline).mean())
    bars = found.assign(sure=found["beyond_luck"].astype(bool), label=[_folded(label) for label in found["label"]])
    picture = Picture(
        "drivers", 1.6 + 0.42 * len(bars), lambda ax: plots.tornado(bars, mid, ax, lang, source=source(study, lang))
    )
    made = _table("drivers", found, lang, "label=unknown", "id id", "rank_correlation number", "stands=stands_out",
                  "lower percent", "upper percent", "grade_words=grade")  # fmt: skip
    return _section("drivers", lang, [picture], [made], few=False)


def _folded(label: str) -> str:
    """Return a long label on two lines, for an axis, and cut there."""
    lines = plots.wrap(label, 26).split("\n")
    return "\n".join(lines[:2]) + ("…" if len(lines) > 2 else "")


def _requests(study: Results, lang: Lang) -> Section | None:
    """Return what to ask provinces for."""
    if study.draws < findings.FEWEST_TO_NAME or not study.facts["fund_percent"]["change"]:
        return None
    found = evidence.requests(study)
    found["words"] = [said(name, lang) for name in found["request"]]
    found["settles"] = [joined("join.semicolon", lang, (meaning(i, lang) for i in ids)) or "–" for ids in found["ids"]]
    silent = not found[["fund", "rate"]].to_numpy().any()
    written = ("words=request", "settles", "fund=narrow_fund share", "rate=narrow_rate share")[: 1 if silent else 4]
    return _section("requests", lang, tables=[_table("requests", found, lang, *written)], silent=silent)


def _fit(study: Results, lang: Lang) -> Section:
    """Return published figures beside simulated ones."""
    found = study.fit.copy()
    found["role_words"] = [said(f"role.{role}", lang) for role in found["role"]]
    found["words"] = [_target(str(name), lang) for name in found["target"]]
    tests = found[found["role"].isin(("fit", "test"))]
    ratios = match.ratios(tests.assign(target=tests["words"], year=tests["year"].astype(str)))
    ratios["label"] = [_folded(label) for label in ratios["label"]]
    picture = Picture(
        "fit", 1.6 + 0.4 * len(ratios), lambda ax: plots.fit(ratios, ax, lang, source=source(study, lang))
    )
    least, most = (found["target"].str.contains(bound) for bound in ("at least", "at most"))
    kept = np.where(least, found["simulated"] >= found["published"], found["simulated"] <= found["published"])
    found["bound"] = [
        said("fit.kept" if one else "fit.missed", lang) if bound else ""
        for bound, one in zip(least | most, kept, strict=True)
    ]
    found.loc[(least | most) & kept, "difference_percent"] = np.nan
    ranks = found["unit"] == "rank"
    found.loc[ranks, ["simulated", "low", "high"]] = found.loc[ranks, ["simulated", "low", "high"]].round()
    found = _in_units(found, "unit", FIT_UNITS, lang)
    figures = ("published figure", "simulated figure", "low figure", "high figure", "difference_percent percent")
    written = ("words=target", "year", "role_words=role", *figures, "bound=fit.bound", "unit_words=unit")
    made = _table("fit", found, lang, *written)
    return _section("fit", lang, [picture], [made])


def _target(name: str, lang: Lang) -> str:
    """Return the name of a published figure in the language of the report, as it is where it has no other.

    >>> _target("rank among hosts: Sichuan", "zh")
    '就医地排名：四川'
    """
    what, _, area = name.partition(": ")
    if area:
        place = areas.provinces()
        known = {name: place_name(place, i, lang) for i, name in enumerate(place.names_en)}
        return said(f"target.{what}", lang, known.get(area, area))
    return texts(lang).get(f"target.{name}", name)


def _register(study: Results, lang: Lang) -> Section:
    """Return the register of assumptions, and what the fund payment rests on."""
    found = evidence.assumptions(study)
    found["words"] = [meaning(str(name), lang) for name in found["id"]]
    found["range"] = [
        said("range.ends", lang, _plain(low), _plain(high))
        for low, high in zip(found["low"], found["high"], strict=True)
    ]
    found["grade_words"] = [said(str(one), lang) for one in found["grade"]]
    found["unit"] = [said(f"quantity.{unit}", lang) for unit in found["unit"]]
    found["source"] = [said("source.none", lang) if one == UNPUBLISHED else one for one in found["source"]]
    pinned = [f"{shown(name, 60)} = {shown(value, 40)}" for name, value in study.manifest["pinned"].items()]
    made = _table("register", found, lang, "words=unknown", "range", "unit", "grade_words=grade", "source=source.of",
                  "id id")  # fmt: skip
    return _section("register", lang, tables=[_rests(study, lang), made], pinned=", ".join(pinned))


def _plain(number: float) -> str:
    """Return a number of a range as it was declared.

    >>> _plain(-0.65), _plain(5e4)
    ('−0.65', '50,000')
    """
    return f"{number:,.10g}".replace("-", "−")


def _rests(study: Results, lang: Lang) -> Table:
    """Return the fund payment by the weakest grade of its policies."""
    shares = study.facts["rests_on"]["fund_payment_by_grade"]
    rows = [(said(name, lang), shares.get(name, 0.0)) for name in (*GRADES, "local") if shares.get(name)]
    return _table("rests", pd.DataFrame(rows, columns=["grade", "share"]), lang, "grade", "share share")


def _limits(study: Results, lang: Lang) -> Section:
    """Return what the run cannot say."""
    few = study.draws if study.draws < findings.FEWEST_TO_NAME else 0
    year, moves = study.facts["year"], _moves(study)
    cities = study.facts["geography"] != "provinces"
    return _section("limits", lang, lists=real_lists(study), moves=moves, year=year, few_draws=few, cities=cities)


def _words(_: Results, lang: Lang) -> Section:
    """Return what the words of the report mean that a reader may not know."""
    return _section("words", lang)


def _check(study: Results, lang: Lang) -> Section | None:
    """Return what made the run, and how to verify the report; nothing of a run that has no folder yet."""
    manifest = study.manifest
    if "sha256" not in manifest:
        return None
    keys = {"simlib": "simlib", "seed": "seed", "draws": "draws", "people": "people_drawn", "rules": "rules_sha256",
            "run": "sha256"}  # fmt: skip
    manifest = manifest | {"people_drawn": f"{manifest['people_drawn']:,}"}
    rows = [(said(f"check.{words}", lang), manifest[key]) for words, key in keys.items()]
    for part in ("scenarios", "tables"):
        rows += [(f"SHA-256 {name}", sha) for name, sha in manifest[f"{part}_sha256"].items()]
    frame = pd.DataFrame(rows, columns=["key", "content"])
    made = Table("check", _heading("check", lang), frame, columns(lang, "key=check.key", "content=check.value id"))
    return _section("check", lang, tables=[made])


SECTIONS: dict[str, Callable[[Results, Lang], Section | None]] = {
    "what": _what,
    "kinds": _kinds,
    "gains": _gains,
    "measures": _measures,
    "curve": _curve,
    "goal": _goal,
    "causes": _causes,
    "gap": _gap,
    "homes": _homes,
    "who": _who,
    "hosts": _hosts,
    "origins": _origins,
    "running": _running,
    "money": _money,
    "drivers": _drivers,
    "requests": _requests,
    "fit": _fit,
    "limits": _limits,
    "words": _words,
    "check": _check,
    "register": _register,
}
"""What makes each section, in their order; None where it has nothing to say."""
