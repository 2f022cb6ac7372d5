"""One person's settlement sheet: both prices layer by layer, as rows, shares, JSON and lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from simlib.benefits import area_rules, wording
from simlib.benefits.cases import PARTS, Case, origin
from simlib.benefits.policy import yuan
from simlib.benefits.pricing import BORNE, SIDES, Priced, Step, check, settle, steps
from simlib.benefits.wording import LAYER_OF, NAMES, Lang, after, bracketed, joined, label, said
from simlib.files.shapes import Text
from simlib.terms import FEN

Settled = tuple[Case, tuple[Priced, ...]]
"""A case and its visits as `settlement.settle` prices them."""

ALWAYS = {*BORNE[:6], "above_year_cap"}
SHARED = (*BORNE[:6], "above_cap")
PAYERS = ("basic", "large_sum", "catastrophic", "assistance", "tilt")

NOTES = {
    area_rules.IN_RATIO: "已含在该备案类型公布的支付比例内",
    "as for a referral": "按转诊备案执行",
    "as at home": "与本地就医相同",
    "range, its middle shown": "区间，取中值",
    "not above a referral": "不高于转诊备案",
}
"""The notes of `local.Origin` in Chinese."""


def rows(case: Case, visit: int = 0) -> list[dict[str, Any]]:
    """Return both prices of a visit, a row for each layer: layer, zh, en; saw, took and left_direct, _claim, yuan.

    What they mean stands in `settlement.steps`. Layers that the policy lacks are left out.

    >>> drug = {"what": "drug", "amount": 5000, "class": "乙", "self_pay": 0.1}
    >>> case = Case.model_validate({"name": "a", "policy": {"deductible": 500, "ratio": 0.8}, "bill": [drug]})
    >>> [row["took_direct"] for row in rows(case)]
    [0.0, 0.0, 500.0, 0.0, 500.0, 800.0, 0.0]
    """
    return _rows(case, settle(case)[visit])


def _rows(case: Case, priced: Priced) -> list[dict[str, Any]]:
    """Return the rows of a visit that is priced."""
    table: dict[str, dict[str, Any]] = {
        layer: {"layer": layer, "zh": NAMES[layer][0], "en": NAMES[layer][1]} for layer in _shown(case, priced)
    }
    for side in SIDES:
        for layer, step in _steps(case, priced, side).items():
            table[layer] |= {f"{word}_{side}": fen / FEN for word, fen in step._asdict().items()}
    return list(table.values())


def _shown(case: Case, priced: Priced) -> list[str]:
    """Return the layers that a sheet shows: the first six, the yearly cap, and those that exist in the policy."""
    exist = ALWAYS | ({"account"} if case.account else set())
    for field, layer in LAYER_OF.items():
        found = getattr(priced.terms, field)
        # A share of 0 is none; a cap of 0 is a cap.
        if found or (found == 0 and field.endswith("cap")):
            exist.add(layer)
    return [layer for layer in NAMES if layer in exist]


def _steps(case: Case, priced: Priced, side: str) -> dict[str, Step]:
    """Return the layers that are shown, with what each saw, took and left."""
    every = steps(getattr(priced, side))
    return {layer: every[layer] for layer in _shown(case, priced)}


def shares(case: Case, visit: int = 0) -> list[dict[str, Any]]:
    """Return who bears what of a bill both ways, a row for each part: way (direct or claim), part, yuan.

    Parts are the layers up to the caps and the fund; they add up to the bill in each way. What is paid after the ratio
    is taken off what the patient bears above the caps first, then off coinsurance, and so on upwards.

    >>> drug = {"what": "drug", "amount": 5000, "class": "乙", "self_pay": 0.1}
    >>> case = Case.model_validate({"name": "a", "policy": {"deductible": 500, "ratio": 0.8}, "bill": [drug]})
    >>> shares(case)[-1]
    {'way': 'claim', 'part': 'fund', 'yuan': 3200.0}
    """
    priced = settle(case)[visit]
    return [
        {"way": side, "part": part, "yuan": fen / FEN}
        for side in SIDES
        for part, fen in _borne(getattr(priced, side)).items()
    ]


def _borne(price: dict[str, int]) -> dict[str, int]:
    """Return what the patient bears in the end, layer by layer, and what the fund pays, fen."""
    parts = {name: price[name] for name in SHARED}
    back = sum(parts.values()) - price["patient"]
    for name in reversed(SHARED):
        taken = min(back, parts[name])
        parts[name], back = parts[name] - taken, back - taken
    return parts | {"fund": price["fund"]}


def as_json(settled: Iterable[Settled], explain: bool = False, lang: Lang = None) -> list[dict[str, Any]]:
    """Return each case with both prices in yuan, unmet expectations, and layers as in `rows` if asked.

    Texts in two languages are the one asked for, else an object of both.
    """
    return [_as_json(case, done, explain, lang) for case, done in settled]


def _as_json(case: Case, done: tuple[Priced, ...], explain: bool, lang: Lang) -> dict[str, Any]:
    """Return one case; the prices stand in it if it has one visit, else in a list of visits."""
    head = {name: getattr(case, name) for name in ("name", "scheme", "source", "grade", "published", "worked")}
    for name, text in head.items():
        if isinstance(text, Text):
            head[name] = said(text, lang) if lang else text.model_dump()
    visits = []
    for priced in done:
        told: dict[str, Any] = {
            name: getattr(priced.visit, name) for name in ("date", "kind", "tier", "filing", "settled")
        }
        told |= {side: {name: getattr(priced, side)[name] / FEN for name in PARTS} for side in SIDES}
        visits.append(told | {"benefit_gap": priced.gap / FEN} | ({"layers": _rows(case, priced)} if explain else {}))
    body = visits[0] if case.visits is None else {"visits": visits}
    return head | body | {"unmet": check(case, done)}


def text(settled: Iterable[Settled], explain: bool = False, lang: Lang = None) -> str:
    """Return what a terminal shows: a line for each visit with both prices and the gap, yuan, or whole sheets."""
    if explain:
        return "\n\n".join("\n".join(_sheet(case, done, lang)) for case, done in settled)
    return "\n".join([*_heads(lang), *(line for case, done in settled for line in _lines(case, done, lang))])


def _heads(lang: Lang) -> Iterator[str]:
    """Yield the heads of the short table."""
    one = lang or "en"
    ways = [label(f"short_{side}", one) for side in SIDES for _ in range(2)]
    pair = [label("fund", one), label("patient", one)]
    yield "".join(_right(name) for name in (label("bill", one), *ways, label("gap", one)))
    yield "".join(_right(name) for name in ("", *pair, *pair, ""))


def _right(name: str) -> str:
    """Return a name flush right in a column 18 wide; a Chinese character takes two."""
    return " " * (18 - len(name) - sum(character > "\u2e80" for character in name)) + name


def _lines(case: Case, done: tuple[Priced, ...], lang: Lang) -> Iterator[str]:
    """Yield a line for each visit of a case: bill, both prices, gap, name."""
    name = said(case.name, lang)
    for number, priced in enumerate(done, 1):
        direct, claim = priced.direct, priced.claim
        sums = (direct["bill"], direct["fund"], direct["patient"], claim["fund"], claim["patient"], priced.gap)
        which = "" if case.visits is None else f" [{number}] {priced.visit.date}"
        yield "".join(f"{fen / FEN:18,.2f}" for fen in sums) + f"  {name}{which}"


def _sheet(case: Case, done: tuple[Priced, ...], lang: Lang) -> Iterator[str]:
    """Yield the lines of a settlement sheet."""
    yield said(case.name, lang)
    if case.area is None:
        source = said(case.source, lang) if case.source else label("written", lang)
        parts = [source, *([_grade(case.grade, lang)] if case.grade else [])]
        yield f"  {after('source', joined(parts, lang, ';'), lang)}"
    for number, priced in enumerate(done, 1):
        yield f"  {_about(case, number, priced, lang or 'en')}"
        alike = priced.direct == priced.claim
        for side in ["direct"] if alike else SIDES:
            yield f"  {label('both' if alike else side, lang)}"
            yield from _told(case, priced, side, lang)
        rule = bracketed(label("gap_rule", lang or "en"), lang)
        yield f"  {after('gap', yuan(priced.gap), lang)}{rule}"
    if case.worked:
        yield f"  {after('worked', said(case.worked, lang), lang)}"


def _grade(grade: str, lang: Lang) -> str:
    """Return a grade of evidence in words."""
    return after("evidence", label(grade, lang or "en"), lang)


def _about(case: Case, number: int, priced: Priced, lang: Lang) -> str:
    """Return what a visit is: its number and date, kind of care, tier, filing, and how it was settled."""
    visit = priced.visit
    parts = [label("visit", lang).format(number)] if case.visits is not None else []
    parts += [visit.date] if visit.date else []
    parts += [label(visit.kind, lang), label("tier", lang).format(("一二三"[visit.tier - 1], visit.tier))]
    parts += [visit.disease] if visit.disease else []
    parts += [label(visit.filing, lang)] if visit.filing else []
    if case.visits is not None:
        used = "abandoned" if visit.settled == "abandoned" else f"short_{visit.settled}"
        parts.append(f"{label('settled', lang)} {label(used, lang)}")
    return joined(parts, lang)


def _told(case: Case, priced: Priced, side: str, lang: Lang) -> Iterator[str]:
    """Yield the layers of one price: the amounts, then the rule in words and where its numbers come from."""
    one, price = lang or "en", getattr(priced, side)
    yield "    " + "".join(_right(label(word, one)) for word in Step._fields)
    for layer, (saw, took, left) in _steps(case, priced, side).items():
        amounts = "".join(f"{fen / FEN:18,.2f}" for fen in (saw, abs(took), left))
        rule = wording.rule(priced, side, layer, lang)
        # A rule that starts with the name of its layer needs no label.
        told = rule if rule.startswith(label(layer, lang)) else after(layer, rule, lang)
        yield f"    {amounts}  {told}{_origin(case, priced, layer, lang)}"
    borne = _borne(price)
    for sum_, parts in (("fund", {name: price[name] for name in PAYERS}), ("patient", {n: borne[n] for n in SHARED})):
        told = " + ".join(f"{label(name, one)} {yuan(fen)}" for name, fen in parts.items() if fen)
        yield f"    {label(sum_, lang)} {yuan(price[sum_])}" + (f" = {told}" if told else "")
    if case.account:
        yield f"    {label('cash', lang)} {yuan(price['cash'])}"


def _origin(case: Case, priced: Priced, layer: str, lang: Lang) -> str:
    """Return where the numbers of a layer come from, of a named area: area, since when, source, grade, note."""
    if case.area is None:
        return ""
    away = "self_pay_away" if priced.terms.first_self_pay_away else "coinsurance"
    told = []
    for field, came in origin(case, priced.visit)[1]:
        if LAYER_OF.get(field, away) == layer:
            words = joined(_came(came, lang), lang)
            told.append(after("away", words, lang) if field == "away" and layer == "coinsurance" else words)
    return bracketed(joined(dict.fromkeys(told), lang, ";"), lang)


def _came(came: area_rules.Origin, lang: Lang) -> Iterator[str]:
    """Yield where a field of a policy comes from, in words."""
    if came.note != area_rules.IN_RATIO:  # else the ratio has just said it
        yield label("default", lang or "en") if not came.area else _area(came.area, lang)
        yield from filter(None, (came.start, came.source))
        yield _grade(came.grade, lang or "en")
    if came.note:
        yield NOTES.get(came.note, came.note) if lang == "zh" else came.note


def _area(code: str, lang: Lang) -> str:
    """Return the name of an area in a language."""
    found = area_rules.pool(code)
    return found.name_zh if lang == "zh" else found.name_en
