"""The first screen of a report: the answer in two sentences, three figures, how strong the evidence is."""

from __future__ import annotations

from typing import Any

from simlib.errors import shown
from simlib.files.texts import LANGS, Lang, said
from simlib.patients import areas
from simlib.quantities import register
from simlib.report import plots
from simlib.report.pieces import FACTORS, area, decimals
from simlib.report.plots import number
from simlib.study import briefing, findings
from simlib.study.briefing import Results
from simlib.terms import KINDS

LONGEST_TITLE, LONGEST_QUESTION, LONGEST_NAME = 200, 600, 40
MOST_NAMED = 5
"""Areas that are named one by one on each side."""


def read(answer: Results, lang: Lang) -> dict[str, Any]:
    """Return all that the first screen says, by its places."""
    makers = {"title": title, "question": question, "answer": sentences, "cards": cards, "verdict": verdict}
    return {"kicker": said("kicker", lang)} | {name: make(answer, lang) for name, make in makers.items()}


def title(answer: Results, lang: Lang) -> str:
    """Return the scenario's title, cut if it is long, with nothing hidden in it."""
    return shown(answer.facts["title"][lang], LONGEST_TITLE)


def question(answer: Results, lang: Lang) -> str:
    """Return the scenario's question, likewise."""
    return shown(answer.facts["question"][lang], LONGEST_QUESTION)


def sentences(answer: Results, lang: Lang) -> str:
    """Return the answer: what the funds would pay, and what becomes of the direct settlement rate."""
    fund, money, rate = (answer.facts[name] for name in ("fund_percent", "fund_100_million_yuan", "rate_points"))
    period = briefing.months(answer)
    if period is None or fund["change"] == fund["low"] == fund["high"] == 0 == rate["change"]:
        money = answer.facts.get("money") or {"rows": []}
        moved = any(row["change"] for row in money["rows"])
        said_ = [said("nothing.sentence", lang), *([said("nothing.money", lang)] if moved else [])]
        return ("" if lang == "zh" else " ").join(said_)
    if None in fund.values() or None in rate.values():
        return said("few.sentence", lang)
    away = _way(fund, "more", "less")
    percent = _ends(fund, away == "less")
    tens = _ends(money, away == "less", _hundred_million(lang))
    sign = "+" if away == "open" else ""
    digits = decimals(max(map(abs, tens)))
    first = said(
        "fund.open" if away == "open" else "fund.sentence",
        lang,
        period=" – ".join(dict.fromkeys(period)),
        kind=said(answer.kind, lang),
        where=patients(answer, lang),
        move=said(away, lang),
        unit=said("unit.yuan", lang),
        **dict(zip(("percent", "low", "high"), (_percent(v, lang, sign) for v in percent), strict=True)),
        **dict(zip(("money", "money_low", "money_high"), (number(v, digits, sign) for v in tens), strict=True)),
    )
    return f"{first}{'' if lang == 'zh' else ' '}{_rate_sentence(answer, lang)}"


def patients(answer: Results, lang: Lang) -> str:
    """Return whose care is changed: where they are insured, where they are treated, and in which scheme if in one.

    A side is named where everything that is set for this kind of care has the same limits, and these have few names.
    """
    limits = {tuple(tuple(one["where"].get(axis, ())) for axis in ("home", "host", "scheme")) for one in _sets(answer)}
    home, host, scheme = limits.pop() if len(limits) == 1 else (None, None, ())
    homes, hosts = _names(answer, "home", home, lang), _names(answer, "host", host, lang)
    if homes is None or hosts is None:
        return said("patients.changed", lang)
    if homes and homes == hosts:
        words = said("patients.among" if len(homes) > 1 else "patients.inside", lang, _joined(homes, lang))
    else:
        form = {(True, True): "between", (True, False): "from", (False, True): "to", (False, False): "any"}
        sides = [_joined(names, lang) for names in (homes, hosts) if names]
        words = said(f"patients.{form[bool(homes), bool(hosts)]}", lang, *sides)
    return said("patients.scheme", lang, words, said(scheme[0], lang)) if len(scheme) == 1 else words


def _sets(answer: Results) -> list[dict[str, Any]]:
    """Return what the scenario sets for the kind of care that the answer is about."""
    concerned = {name: lever.kinds for name, lever in register().items()}
    return [
        one
        for one in answer.facts["sets"]
        if answer.kind in set(concerned.get(one["lever"], ())).intersection(one["where"].get("kind", KINDS))
    ]


def _names(answer: Results, side: str, limit: tuple[str, ...] | None, lang: Lang) -> list[str] | None:
    """Return the names of a side, by area or as they were set; none if it is not limited, None if there are many."""
    if not limit:
        return None if limit is None else []
    place, of = answer.place, sorted(i for i, _ in answer.places(side))
    if 0 < len(of) <= MOST_NAMED:
        return [areas.short(place.names_zh[i]) if lang == "zh" else place.names_en[i] for i in of]
    return [shown(area(name, lang), LONGEST_NAME) for name in limit] if len(limit) <= MOST_NAMED else None


def _joined(names: list[str], lang: Lang) -> str:
    """Return names as a list in a sentence.

    >>> _joined(["Jiangsu", "Zhejiang", "Anhui"], "en"), _joined(["江苏", "浙江"], "zh")
    ('Jiangsu, Zhejiang and Anhui', '江苏、浙江')
    """
    if lang == "zh" or len(names) == 1:
        return "、".join(names)
    return said("names", lang, ", ".join(names[:-1]), names[-1])


def _rate_sentence(answer: Results, lang: Lang) -> str:
    """Return what becomes of the direct settlement rate, and where it goes if no patient or every one is attentive."""
    rate, points = answer.facts["rate_points"], answer.facts["rate_curve_points"]
    move = _way(rate, "rate.up", "rate.down")
    ends = _points(_ends(rate, move == "rate.down"), "+" if move == "open" else "")
    curve = ""
    if points and not any(None in point.values() for point in points):
        changes, last = [point["change"] for point in points], points[-1]
        bound = said("rate.bound", lang) if briefing.bounded(answer) else ""
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
    return 1e8 * FACTORS["yuan"][LANGS[lang]]


def _percent(value: float, lang: Lang, sign: str = "") -> str:
    """Return a percentage with one digit."""
    return said("card.percent", lang, number(value, 1, sign))


def cards(answer: Results, lang: Lang) -> list[dict[str, str]]:
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


def verdict(answer: Results, lang: Lang) -> str:
    """Return how strong the evidence is: direction, size, and the weakest part.

    The direction is reliable if the interval of the fund effect leaves out 0, and not judged at few draws, which agree
    by chance: four do once in eight times. The size is weak if most unknowns are assumed or the item lists synthetic,
    else fair.
    """
    fund, rests = answer.facts["fund_percent"], answer.facts["rests_on"]
    same, draws = briefing.agreement(answer)
    counts = rests["unknowns_by_grade"]
    assumed, unknowns = counts.get("assumed", 0), sum(counts.values())
    real = bool(real_lists(answer))
    parts = []
    if not fund["change"]:
        parts.append(said("verdict.none", lang))
    else:
        parts.append(_direction(fund, same, draws, lang))
        size = said("size.fair" if real and assumed < unknowns / 2 else "size.weak", lang)
        lists = said("lists.real" if real else "lists.synthetic", lang)
        parts.append(said("verdict.size", lang, size=size, assumed=assumed, unknowns=unknowns, lists=lists))
        parts.append(said("verdict.rate", lang))
    if draws < findings.FEWEST_TO_NAME:
        parts.append(said("verdict.few", lang))
    heading = said("verdict", lang)
    return f"{heading}：{''.join(parts)}" if lang == "zh" else f"{heading}. {' '.join(parts)}"


def _direction(fund: dict[str, float], same: int, draws: int, lang: Lang) -> str:
    """Return how sure the sign of the fund effect is: in how many draws it is that of the mean, or too few to judge."""
    if draws < findings.FEWEST_TO_NAME:
        return (
            said("verdict.few_draws.all", lang, draws)
            if same == draws
            else said("verdict.few_draws", lang, same, draws)
        )
    return said("verdict.sure" if fund["low"] > 0 or fund["high"] < 0 else "verdict.open", lang, same, draws)


def real_lists(answer: Results) -> str:
    """Return for which areas item lists were loaded, empty if all are synthetic."""
    lists = str(answer.facts["rests_on"]["catalogues"])
    return shown(lists, LONGEST_QUESTION) if lists.startswith("loaded") else ""


def source(answer: Results, lang: Lang) -> str:
    """Return the caption of every picture."""
    lists = said("lists.real" if real_lists(answer) else "lists.synthetic", lang)
    return said("source", lang, answer.draws, answer.facts["year"], answer.manifest["seed"], lists)
