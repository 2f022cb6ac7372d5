"""The first screen of a report: the answer in two sentences, three figures, how strong the evidence is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simlib.errors import shown
from simlib.files.texts import LANGS, Lang, joined, said
from simlib.quantities import register
from simlib.report import plots, prose
from simlib.report.pieces import FACTORS, area, decimals, place_name
from simlib.report.plots import number
from simlib.study import briefing, findings
from simlib.study.results import Results
from simlib.terms import KINDS

LONGEST_TITLE, LONGEST_QUESTION, LONGEST_NAME = 200, 600, 40
MOST_NAMED = 5
"""Areas that are named one by one on each side."""
YUAN_DIGITS = (1, 0)
"""Digits of the money on a card, zh (亿元) and en (million yuan)."""

Ends = tuple[float, float, float]
"""A change and the ends of its interval."""


def values(study: Results, lang: Lang) -> dict[str, Any]:
    """Return what the first screen needs, by its places."""
    return {
        "title": title(study, lang),
        "question": shown(study.facts["question"][lang], LONGEST_QUESTION),
        "cards": cards(study, lang),
        "patients": _patients(study, lang),
        "answer": _answer(study, lang),
        "verdict": _verdict(study),
    }


def title(study: Results, lang: Lang) -> str:
    """Return the scenario's title, cut if it is long, with nothing hidden in it."""
    return shown(study.facts["title"][lang], LONGEST_TITLE)


def sentences(study: Results, lang: Lang) -> str:
    """Return the answer: what the funds would pay, and what becomes of the direct settlement rate."""
    return prose.plain("answer", lang, {"answer": _answer(study, lang), "patients": _patients(study, lang)})


def patients(study: Results, lang: Lang) -> str:
    """Return whose care is changed: where they are insured, where they are treated, and in which scheme if in one."""
    return prose.plain("patients", lang, {"patients": _patients(study, lang)})


def verdict(study: Results, lang: Lang) -> str:
    """Return how strong the evidence is: direction, size, and the weakest part.

    The direction is reliable if the interval of the fund effect leaves out 0, and not judged at few draws, which agree
    by chance: four do once in eight times. The size is weak if most uncertain parameters are assumed or the item
    lists synthetic, else fair.
    """
    return prose.plain("verdict", lang, {"verdict": _verdict(study)})


def _answer(study: Results, lang: Lang) -> dict[str, Any]:
    """Return what the answer says: `what` is changed, nothing, or too few were drawn; and the figures as read."""
    fund, rate = study.facts["fund_percent"], study.facts["rate_points"]
    period = briefing.months(study)
    if period is None or fund["change"] == fund["low"] == fund["high"] == 0 == rate["change"]:
        money = study.facts.get("money") or {"rows": []}
        return {"what": "nothing", "money_moves": any(row["change"] for row in money["rows"])}
    if None in fund.values() or None in rate.values():
        return {"what": "few"}
    way, turn = _way(fund), _way(rate)
    money = _ends(study.facts["fund_100_million_yuan"], way, _hundred_million(lang))
    return {
        "what": "change",
        "period": " – ".join(dict.fromkeys(period)),
        "kind": said(study.kind, lang),
        "interval": said(findings.spread_key(study.draws), lang),
        "fund": {"way": way} | _read(_ends(fund, way), way, 1, "percent"),
        "money": _read(money, way, decimals(max(map(abs, money)))),
        "rate": {"way": turn, "base": number(100 * rate["baseline"], 1)} | _read(_ends(rate, turn), turn, 1, "points"),
        "curve": _curve(study, lang),
    }


def _curve(study: Results, lang: Lang) -> dict[str, Any] | None:
    """Return where the rate goes if no patient or every one is attentive, None where that is not known."""
    points = study.facts["rate_curve_points"]
    if not points or any(None in point.values() for point in points):
        return None
    none, every = (plots.interval(one["change"], one["low"], one["high"], lang) for one in (points[0], points[-1]))
    return {"none": none if points[0]["change"] else "0", "every": every, "bounded": briefing.bounded(study)}


def _way(effect: Mapping[str, float]) -> str:
    """Return whether the interval of a change lies above 0, below, or, `open`, on both sides."""
    return "more" if effect["low"] > 0 else "less" if effect["high"] < 0 else "open"


def _ends(effect: Mapping[str, float], way: str, scale: float = 1.0) -> Ends:
    """Return a change and its interval times a scale, as a decrease if it is one."""
    factor = -scale if way == "less" else scale
    low, high = sorted((factor * effect["low"], factor * effect["high"]))
    return factor * effect["change"], low, high


def _read(ends: Ends, way: str, digits: int, name: str = "mid") -> dict[str, str]:
    """Return a change and its interval as they are read, with signs where the direction is open."""
    return {key: number(value, digits, "+" if way == "open" else "")
            for key, value in zip((name, "low", "high"), ends, strict=True)}  # fmt: skip


def _hundred_million(lang: Lang) -> float:
    """Return how many of the language's units of money a 100 million yuan are."""
    return 1e8 * FACTORS["yuan"][LANGS[lang]]


def _patients(study: Results, lang: Lang) -> dict[str, str]:
    """Return whose care is changed: the form in which it is said, the names of homes and of hosts, the scheme.

    A side is named where everything that is set for this kind of care has the same limits, and these have few names.
    """
    limits = {tuple(tuple(one["where"].get(axis, ())) for axis in ("home", "host", "scheme")) for one in _sets(study)}
    home, host, scheme = limits.pop() if len(limits) == 1 else (None, None, ())
    homes, hosts = _names(study, "home", home, lang), _names(study, "host", host, lang)
    if homes is None or hosts is None:
        return {"form": "changed", "homes": "", "hosts": "", "scheme": ""}
    forms = {(True, True): "between", (True, False): "from", (False, True): "to", (False, False): "any"}
    form = forms[bool(homes), bool(hosts)]
    if homes and homes == hosts:
        form = "among" if len(homes) > 1 else "inside"
    one = said(scheme[0], lang) if len(scheme) == 1 else ""
    return {"form": form, "homes": _listed(homes, lang), "hosts": _listed(hosts, lang), "scheme": one}


def _sets(study: Results) -> list[dict[str, Any]]:
    """Return what the scenario sets for the kind of care that the answer is about."""
    concerned = {name: lever.kinds for name, lever in register().items()}
    return [
        one
        for one in study.facts["sets"]
        if study.kind in set(concerned.get(one["lever"], ())).intersection(one["where"].get("kind", KINDS))
    ]


def _names(study: Results, side: str, limit: tuple[str, ...] | None, lang: Lang) -> list[str] | None:
    """Return the names of a side, by area or as they were set; none if it is not limited, None if there are many."""
    if not limit:
        return None if limit is None else []
    known = sorted(i for i, _ in study.amounts.areas_of(side))
    if 0 < len(known) <= MOST_NAMED:
        return [place_name(study.place, i, lang) for i in known]
    return [shown(area(name, lang), LONGEST_NAME) for name in limit] if len(limit) <= MOST_NAMED else None


def _listed(names: Sequence[str], lang: Lang) -> str:
    """Return names as a list in a sentence.

    >>> _listed(["Jiangsu", "Zhejiang", "Anhui"], "en"), _listed(["江苏", "浙江"], "zh"), _listed([], "en")
    ('Jiangsu, Zhejiang and Anhui', '江苏、浙江', '')
    """
    first, last = joined("join.list", lang, names[:-1]), "".join(names[-1:])
    return said("names", lang, first, last) if first else last


def cards(study: Results, lang: Lang) -> list[dict[str, str]]:
    """Return the three figures of the first screen: label, value, interval, note; a dash where too few were drawn."""
    fund, rate, advanced = (study.facts[name] for name in ("fund_percent", "rate_points", "advanced_100_million_yuan"))
    scale, span = _hundred_million(lang), said(findings.spread_key(study.draws), lang)
    paid = number(scale * (fund["baseline"] or 0) / 1e8)
    base = said("card.percent", lang, number(100 * (rate["baseline"] or 0), 1))
    return [
        _card("fund", fund, "percent", 1, 1.0, span, lang)
        | {"note": said("card.fund.note", lang, paid, said("unit.yuan", lang))},
        _card("rate", rate, "points", 1, 1.0, span, lang) | {"note": said("card.rate.note", lang, base)},
        _card("advanced", advanced, "yuan", YUAN_DIGITS[LANGS[lang]], scale, span, lang)
        | {"note": said("card.advanced.note", lang)},
    ]


def _card(
    name: str, effect: Mapping[str, Any], unit: str, digits: int, scale: float, span: str, lang: Lang
) -> dict[str, str]:
    """Return one figure of the first screen; span : what its ends are called."""
    keys = ("change", "low", "high")
    value, low, high = ("–" if effect[key] is None else number(scale * effect[key], digits, "+") for key in keys)
    return {
        "label": said(f"card.{name}", lang),
        "value": said(f"card.{unit}", lang, value),
        "interval": said("card.interval", lang, span, low, high),
    }


def _verdict(study: Results) -> dict[str, Any]:
    """Return what the verdict goes by: what changes in how many draws, and what the size rests on."""
    fund, rests = study.facts["fund_percent"], study.facts["rests_on"]
    same, draws = briefing.agreement(study)
    counts = rests["parameters_by_grade"]
    assumed, uncertain = counts.get("assumed", 0), sum(counts.values())
    real = bool(real_lists(study))
    return {
        "changes": bool(fund["change"]),
        "consequence": consequence(study),
        "few": draws < findings.FEWEST_TO_NAME,
        "reliable": bool(fund["change"]) and (fund["low"] > 0 or fund["high"] < 0),
        "same": same,
        "draws": draws,
        "fair": real and assumed < uncertain / 2,
        "assumed": assumed,
        "unknowns": uncertain,
        "real_lists": real,
    }


def consequence(study: Results) -> bool:
    """Return whether the rule alone fixes the sign: all that is set for this care is that the larger amount counts."""
    rules = [one for one in _sets(study) if not one["lever"].startswith("catalogue.reach.")]
    either = (one["lever"].startswith("catalogue.rule.") and one["value"] == "either" for one in rules)
    return bool(rules) and all(either)


def real_lists(study: Results) -> str:
    """Return for which areas item lists were loaded, empty if all are synthetic."""
    lists = str(study.facts["rests_on"]["catalogues"])
    return shown(lists, LONGEST_QUESTION) if lists.startswith("loaded") else ""


def source(study: Results, lang: Lang) -> str:
    """Return the caption of every picture."""
    lists = said("lists.real" if real_lists(study) else "lists.synthetic", lang)
    return said("source", lang, study.draws, study.facts["year"], study.manifest["seed"], lists)
