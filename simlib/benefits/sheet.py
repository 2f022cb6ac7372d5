"""One person's settlement sheet: both prices layer by layer, as rows, shares, JSON and lines of text.

Each layer says by which rule it took what it took, with its own numbers. Words are those of the table of texts; `lang`
None is English with the Chinese term beside a label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from simlib.benefits import area_rules, layers
from simlib.benefits.cases import PARTS, Case, Item, Listing, origin
from simlib.benefits.layers import LAYERS
from simlib.benefits.policy import Assistance, yuan
from simlib.benefits.pricing import BORNE, SIDES, Priced, Step, check, compiled, settle, steps
from simlib.files import texts
from simlib.files.shapes import Text
from simlib.files.texts import Lang, joined, worded
from simlib.terms import FEN, INPATIENT, PPM

Settled = tuple[Case, tuple[Priced, ...]]
"""A case and its visits as `pricing.settle` prices them."""

SHOWN = tuple(layer for layer in LAYERS if layer not in ("bill", "catastrophic_base"))
"""The layers of a sheet in their order; from `large_sum` on a layer pays, before it the patient bears."""
ALWAYS = {*BORNE[:6], "above_year_cap"}
SHARED = (*BORNE[:6], "above_cap")
PAYERS = ("basic", "large_sum", "catastrophic", "assistance", "tilt")

LAYER_OF = {
    "deductible": "deductible",
    "ratio": "coinsurance",
    "floor_ratio": "floor_top_up",
    "disease_month_cap": "above_disease_cap",
    "disease_cap": "above_disease_cap",
    "month_cap": "above_month_cap",
    "kind_cap": "above_kind_cap",
    "cap": "above_year_cap",
    "above_cap_ratio": "large_sum",
    "catastrophic": "catastrophic",
    "assistance": "assistance",
    "tilt": "tilt",
}
"""The layer that a field of a policy makes; an away rule is one of layer 3 or of layer 5."""


def rows(case: Case, visit: int = 0) -> list[dict[str, Any]]:
    """Return both prices of a visit, a row for each layer: layer, zh, en; saw, took and left_direct, _claim, yuan.

    What they mean stands in `pricing.steps`. Layers that the policy lacks are left out.

    >>> drug = {"what": "drug", "amount": 5000, "class": "乙", "self_pay": 0.1}
    >>> case = Case.model_validate({"name": "a", "policy": {"deductible": 500, "ratio": 0.8}, "bill": [drug]})
    >>> [row["took_direct"] for row in rows(case)]
    [0.0, 0.0, 500.0, 0.0, 500.0, 800.0, 0.0]
    """
    return _rows(case, settle(case)[visit])


def _rows(case: Case, priced: Priced) -> list[dict[str, Any]]:
    """Return the rows of a visit that is priced."""
    table: dict[str, dict[str, Any]] = {
        layer: {"layer": layer} | {lang: texts.said(f"layer.{layer}", lang) for lang in texts.LANGS}
        for layer in _shown(case, priced)
    }
    for side in SIDES:
        for layer, step in _steps(case, priced, side).items():
            table[layer] |= {f"{word}_{side}": fen / FEN for word, fen in step._asdict().items()}
    return list(table.values())


def _shown(case: Case, priced: Priced) -> list[str]:
    """Return the layers that a sheet shows: the first six, the yearly cap, and those that exist in the policy."""
    exist = ALWAYS | ({"account"} if case.account else set())
    for field, layer in LAYER_OF.items():
        term = getattr(priced.terms, field)
        # A share of 0 is none; a cap of 0 is a cap.
        if term or (term == 0 and field.endswith("cap")):
            exist.add(layer)
    return [layer for layer in SHOWN if layer in exist]


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


def as_json(settled: Iterable[Settled], explain: bool = False, lang: Lang | None = None) -> list[dict[str, Any]]:
    """Return each case with both prices in yuan, unmet expectations, and layers as in `rows` if asked.

    Texts in two languages are the one asked for, else an object of both.
    """
    return [_as_json(case, done, explain, lang) for case, done in settled]


def _as_json(case: Case, done: tuple[Priced, ...], explain: bool, lang: Lang | None) -> dict[str, Any]:
    """Return one case; the prices stand in it if it has one visit, else in a list of visits."""
    head = {name: getattr(case, name) for name in ("name", "scheme", "source", "grade", "published", "worked")}
    for name, text in head.items():
        if isinstance(text, Text):
            head[name] = worded(text, lang) if lang else text.model_dump()
    visits = []
    for priced in done:
        told: dict[str, Any] = {
            name: getattr(priced.visit, name) for name in ("date", "kind", "tier", "filing", "settled")
        }
        told |= {side: {name: getattr(priced, side)[name] / FEN for name in PARTS} for side in SIDES}
        visits.append(told | {"benefit_gap": priced.gap / FEN} | ({"layers": _rows(case, priced)} if explain else {}))
    body = visits[0] if case.visits is None else {"visits": visits}
    return head | body | {"unmet": check(case, done)}


def text(settled: Iterable[Settled], explain: bool = False, lang: Lang | None = None) -> str:
    """Return what a terminal shows: a line for each visit with both prices and the gap, yuan, or whole sheets."""
    if explain:
        return "\n\n".join("\n".join(_sheet(case, done, lang)) for case, done in settled)
    one = lang or "en"
    return "\n".join([*_heads(one), *(line for case, done in settled for line in _lines(case, done, one))])


def _label(key: str, lang: Lang | None) -> str:
    """Return a label in one language, or in both beside each other.

    >>> _label("layer.deductible", "zh"), _label("layer.deductible", None)
    ('起付线', '起付线 deductible')
    """
    return texts.said(key, lang) if lang else texts.both(key, "zh", "en")


def _after(key: str, words: str, lang: Lang | None) -> str:
    """Return words after a label.

    >>> _after("sheet.evidence", "press", "en")
    'evidence: press'
    """
    return texts.said("join.colon", lang or "en", _label(key, lang), words)


def _bracketed(remark: str, lang: Lang) -> str:
    """Return a remark in brackets as it stands behind words, or nothing.

    >>> _bracketed("per visit", "en"), _bracketed("", "en")
    (' (per visit)', '')
    """
    return remark and texts.said("join.bracketed", lang, "", remark)


def _heads(lang: Lang) -> Iterator[str]:
    """Yield the heads of the short table."""
    ways = [f"sheet.short_{side}" for side in SIDES for _ in range(2)]
    for keys in (("sheet.bill", *ways, "sheet.gap"), ("", *("sheet.fund", "sheet.patient") * 2, "")):
        yield "".join(_right(texts.said(key, lang) if key else "") for key in keys)


def _right(name: str) -> str:
    """Return a name flush right in a column 18 wide; a Chinese character takes two."""
    return " " * (18 - len(name) - sum(character > "\u2e80" for character in name)) + name


def _lines(case: Case, done: tuple[Priced, ...], lang: Lang) -> Iterator[str]:
    """Yield a line for each visit of a case: bill, both prices, gap, name."""
    name = worded(case.name, lang)
    for number, priced in enumerate(done, 1):
        direct, claim = priced.direct, priced.claim
        sums = (direct["bill"], direct["fund"], direct["patient"], claim["fund"], claim["patient"], priced.gap)
        which = "" if case.visits is None else f" [{number}] {priced.visit.date}"
        yield "".join(f"{fen / FEN:18,.2f}" for fen in sums) + f"  {name}{which}"


def _sheet(case: Case, done: tuple[Priced, ...], lang: Lang | None) -> Iterator[str]:
    """Yield the lines of a settlement sheet."""
    one: Lang = lang or "en"
    yield worded(case.name, one)
    if case.area is None:
        source = worded(case.source, one) if case.source else _label("sheet.written", lang)
        parts = [source, *([_grade(case.grade, lang)] if case.grade else [])]
        yield f"  {_after('sheet.source', joined('join.semicolon', one, parts), lang)}"
    for number, priced in enumerate(done, 1):
        yield f"  {_about(case, number, priced, one)}"
        alike = priced.direct == priced.claim
        for side in ["direct"] if alike else SIDES:
            yield f"  {_label('sheet.both' if alike else f'sheet.{side}', lang)}"
            yield from _price(case, priced, side, lang)
        meaning = _bracketed(texts.said("sheet.gap_rule", one), one)
        yield f"  {_after('sheet.gap', yuan(priced.gap), lang)}{meaning}"
    if case.worked:
        yield f"  {_after('sheet.worked', worded(case.worked, one), lang)}"


def _grade(grade: str, lang: Lang | None) -> str:
    """Return a grade of evidence in words."""
    return _after("sheet.evidence", texts.said(f"sheet.grade.{grade}", lang or "en"), lang)


def _about(case: Case, number: int, priced: Priced, lang: Lang) -> str:
    """Return what a visit is: its number and date, kind of care, tier, filing, and how it was settled."""
    visit = priced.visit
    parts = [texts.said("sheet.visit", lang, number)] if case.visits is not None else []
    parts += [visit.date] if visit.date else []
    parts += [texts.said(f"sheet.kind.{visit.kind}", lang), texts.said(f"sheet.tier.{visit.tier}", lang)]
    parts += [visit.disease] if visit.disease else []
    parts += [texts.said(f"sheet.filing.{visit.filing}", lang)] if visit.filing else []
    if case.visits is not None:
        used = "abandoned" if visit.settled == "abandoned" else f"short_{visit.settled}"
        parts.append(f"{texts.said('sheet.settled', lang)} {texts.said(f'sheet.{used}', lang)}")
    return joined("join.comma", lang, parts)


def _price(case: Case, priced: Priced, side: str, lang: Lang | None) -> Iterator[str]:
    """Yield the layers of one price: the amounts, then the rule in words and where its numbers come from."""
    one, price = lang or "en", getattr(priced, side)
    yield "    " + "".join(_right(texts.said(f"sheet.{word}", one)) for word in Step._fields)
    for layer, (saw, took, left) in _steps(case, priced, side).items():
        amounts = "".join(f"{fen / FEN:18,.2f}" for fen in (saw, abs(took), left))
        key, words = f"layer.{layer}", rule(priced, side, layer, one)
        # A rule that starts with the name of its layer needs no label.
        line = words if words.startswith(_label(key, lang)) else _after(key, words, lang)
        yield f"    {amounts}  {line}{_origin(case, priced, layer, lang)}"
    borne = _borne(price)
    for sum_, parts in (("fund", {name: price[name] for name in PAYERS}), ("patient", {n: borne[n] for n in SHARED})):
        terms = " + ".join(f"{texts.said(f'layer.{name}', one)} {yuan(fen)}" for name, fen in parts.items() if fen)
        yield f"    {_label(f'sheet.{sum_}', lang)} {yuan(price[sum_])}" + (f" = {terms}" if terms else "")
    if case.account:
        yield f"    {_label('sheet.cash', lang)} {yuan(price['cash'])}"


def _origin(case: Case, priced: Priced, layer: str, lang: Lang | None) -> str:
    """Return where the numbers of a layer come from, of a named area: area, since when, source, grade, note."""
    if case.area is None:
        return ""
    one: Lang = lang or "en"
    away = "self_pay_away" if priced.terms.first_self_pay_away else "coinsurance"
    fields = []
    for field, came in origin(case, priced.visit)[1]:
        if LAYER_OF.get(field, away) == layer:
            words = joined("join.comma", one, _came(came, one))
            fields.append(_after("sheet.away", words, lang) if field == "away" and layer == "coinsurance" else words)
    return _bracketed(joined("join.semicolon", one, dict.fromkeys(fields)), one)


def _came(came: area_rules.Origin, lang: Lang) -> Iterator[str]:
    """Yield where a field of a policy comes from, in words."""
    if came.note != area_rules.IN_RATIO:  # else the ratio has just said it
        yield area_rules.pool(came.area).name(lang) if came.area else texts.said("sheet.default", lang)
        yield from filter(None, (came.start, came.source))
        yield _grade(came.grade, lang)
    if came.note:
        yield texts.said(f"origin.note.{came.note}", lang)


def rule(priced: Priced, side: str, layer: str, lang: Lang) -> str:
    """Return by which rule a layer took what it took in one price of a visit, in words with its numbers, or none.

    >>> drug = {"what": "drug", "amount": 5000, "class": "乙", "self_pay": 0.1}
    >>> case = Case.model_validate({"name": "a", "policy": {"deductible": 500, "ratio": 0.8}, "bill": [drug]})
    >>> rule(settle(case)[0], "direct", "deductible", "en")
    'deductible 500 yuan: takes 500.00'
    """
    view = _View(priced, side, layer, lang)
    return RULES[layer](view) or view.say("none")


def _short(fen: int) -> str:
    """Return an amount of a rule, without decimals that are 0."""
    return yuan(fen).removesuffix(".00")


@dataclass(frozen=True)
class _View:
    """One layer of one price of a visit, to be told in a language."""

    priced: Priced
    side: str
    layer: str
    lang: Lang

    @cached_property
    def steps(self) -> dict[str, Step]:
        """What each layer saw, took and left, fen."""
        return steps(getattr(self.priced, self.side))

    @property
    def policy(self) -> Any:
        """The policy as the layers read it."""
        return compiled(self.priced.terms, self.priced.care.kind)

    def say(self, key: str, *numbers: object, **named: object) -> str:
        """Return a rule in words with its numbers: amounts are fen."""
        words = {name: yuan(value) if isinstance(value, int) else value for name, value in named.items()}
        return texts.said(f"sheet.rule.{key}", self.lang, *numbers, **words)

    def percent(self, ppm: int) -> str:
        """Return a share in percent."""
        return texts.said("sheet.percent", self.lang, f"{ppm / 10_000:g}")

    def lines(self, tell: Callable[[Item, Listing], str]) -> str:
        """Return what is told of each line of the bill, if anything; a long bill is cut short."""
        lines = []
        for item in self.priced.visit.bill:
            if words := tell(item, self.priced.visit.listing(item, SIDES[self.side])):
                lines.append(f"{worded(item.what, self.lang)} {words}")
        return " + ".join(lines[:6]) + (" + …" if len(lines) > 6 else "")

    def bands(self, bands: Iterable[tuple[int | None, int]], start: int, stop: int, low: int = 0) -> str:
        """Return what bands, the first from `low` on, pay on a slice, each with its own numbers."""
        slices = []
        for end, ratio in bands:
            high = stop if end is None else end
            if (amount := min(stop, high) - max(start, low)) > 0:
                key, numbers = "last_band" if end is None else "band", {"low": _short(low), "high": _short(high)}
                slices.append(self.say(key, amount=amount, ratio=self.percent(ratio), **numbers))
            low = high
        return " + ".join(slices) or "0.00"

    def remarks(self, some: Iterable[str]) -> str:
        """Return remarks in brackets as they stand behind words, or nothing."""
        return _bracketed(joined("join.comma", self.lang, some), self.lang)


def _unlisted(view: _View) -> str:
    """Return what is not on the list, line by line."""
    return view.lines(lambda item, listed: yuan(item.amount) if listed.class_ == "unlisted" else "")


def _over_ceiling(view: _View) -> str:
    """Return what lies above a ceiling, line by line."""

    def tell(item: Item, listed: Listing) -> str:
        return "" if listed.ceiling is None else f"{yuan(item.amount)} − {yuan(item.within(listed))}"

    return view.lines(tell)


def _self_pay_b(view: _View) -> str:
    """Return the rule of layer 2, line by line."""

    def tell(item: Item, listed: Listing) -> str:
        return f"{yuan(item.within(listed))} × {view.percent(listed.self_pay)}" if listed.self_pay else ""

    lines = view.lines(tell)
    return lines and view.say("self_pay_b", lines=lines, left=view.steps["self_pay_b"].left)


def _self_pay_away(view: _View) -> str:
    """Return the rule of layer 3."""
    share = view.priced.terms.first_self_pay_away
    return f"{yuan(view.steps['self_pay_away'].saw)} × {view.percent(share)}" if share else ""


def _deductible(view: _View) -> str:
    """Return the rule of layer 4 with its numbers."""
    terms, care, opening, notes = view.priced.terms.deductible, view.priced.care, view.priced.opening, []
    if terms.amount == 0 and not terms.second and not terms.third_and_later:
        return ""
    bill, admissions = view.steps["unlisted"].saw, int(opening["admissions"])
    if terms.share_of_bill is not None:
        limits = [view.say("floor", _short(terms.floor))]
        limits += [] if terms.ceiling is None else [view.say("ceiling", _short(terms.ceiling))]
        share = view.percent(terms.share_of_bill)
        notes.append(view.say("share_of_bill", saw=bill, share=share, limits=joined("join.comma", view.lang, limits)))
    later = care.kind == INPATIENT or terms.per == "visit of any kind"
    if later and (terms.second is not None or terms.third_and_later is not None):
        notes.append(view.say("admission", admissions + 1))
    if terms.factor != 1000:
        notes.append(view.say("factor", f"{terms.factor / 1000:g}"))
    if not terms.per.startswith("visit"):
        notes.append(view.say(terms.per, yuan(int(layers.deductible_used(view.policy, care, opening)))))
    if terms.per == "month" and care.months > 1:
        notes.append(view.say("months", care.months))
    due = _short(int(layers.deductible_due(view.policy, bill, admissions, care)))
    return view.say("deductible", due=due, notes=view.remarks(notes), took=view.steps["deductible"].took)


def _coinsurance(view: _View) -> str:
    """Return the rule of layer 5: ratio or bands, and what is taken off them away from home."""
    terms, (saw, took, paid) = view.priced.terms, view.steps["coinsurance"]
    cut = [view.say("points", f"{terms.points_off / 10_000:g}")] if terms.points_off else []
    cut += [view.say("times", f"{terms.ratio_factor / PPM:g}")] if terms.ratio_factor != PPM else []
    if len(terms.ratio.bands) == 1:
        band = terms.ratio.bands[0]
        net = view.percent(terms.ratio_away(band))
        ratio = view.percent(band.ratio) + view.remarks(cut)
        return view.say("one_ratio", ratio=ratio, saw=saw, net=net, paid=paid, took=took)
    yearly = terms.ratio.over == "year"
    start = int(view.priced.opening["reached"][view.priced.care.kind]) if yearly else 0
    start += view.steps["deductible"].took if terms.ratio.count == "gross" else 0
    how = [view.say(terms.ratio.count or "net"), *([view.say("over_year")] if yearly else []), *cut]
    bands = view.bands(((band.to, terms.ratio_away(band)) for band in terms.ratio.bands), start, start + saw)
    return view.say("bands", how=joined("join.comma", view.lang, how), bands=bands, took=took)


def _floor_top_up(view: _View) -> str:
    """Return the rule of the floor ratio."""
    share, steps_ = view.percent(view.priced.terms.floor_ratio), view.steps
    return view.say("floor_top_up", share=share, saw=steps_["deductible"].saw, took=-steps_["floor_top_up"].took)


def _cap(view: _View) -> str:
    """Return each cap of a layer, what was paid before, and the room left."""
    terms, months = view.priced.terms, view.priced.care.months
    rooms = []
    for field, layer in LAYER_OF.items():
        if layer != view.layer or (cap := getattr(terms, field)) is None:
            continue
        paid, amount = _paid(view, field), cap if isinstance(cap, int) else cap.amount
        amount *= months if "month" in field else 1
        numbers = {"paid": paid, "room": max(amount - paid, 0)}
        rooms.append(view.say("room", what=view.say(field), cap=_short(amount), **numbers))
    if not rooms:
        return view.say("no_cap")
    return view.say("above_cap", rooms=joined("join.semicolon", view.lang, rooms), took=view.steps[view.layer].took)


def _paid(view: _View, cap: str) -> int:
    """Return what the basic fund paid before that counts towards a cap, fen."""
    opening, month = view.priced.opening, "_month" if "month" in cap else ""
    if cap.startswith("disease"):
        return int(opening[f"disease_paid{month}"][view.priced.care.disease])
    return int(layers.counted(opening[f"paid{month}"], view.policy[f"{cap}_kinds"]))


def _large_sum(view: _View) -> str:
    """Return the rule of a ratio above the caps."""
    share = view.percent(view.priced.terms.above_cap_ratio)
    return view.say("large_sum", share=share, took=view.steps["large_sum"].took)


def _running(view: _View) -> str:
    """Return the rule of a payer on the running base of the year: threshold, base, ratio or bands, room left."""
    terms, opening = getattr(view.priced.terms, view.layer), view.priced.opening
    saw, took, _ = view.steps[view.layer]
    before = int(opening[f"{view.layer}_base"])
    numbers = {"threshold": _short(terms.threshold), "before": before, "after": before + saw, "took": took}
    room = 0 if terms.cap is None else max(terms.cap - int(opening[f"{view.layer}_paid"]), 0)
    cap = [] if terms.cap is None else [view.say("payer_cap", _short(terms.cap), yuan(room))]
    numbers["cap"] = view.remarks(cap)
    if isinstance(terms, Assistance):
        return view.say("payer", share=view.percent(terms.ratio), **numbers)
    up = terms.threshold if terms.count == "net" else 0
    pairs = ((None if band.to is None else band.to + up, band.ratio) for band in terms.bands)
    start = max(before, terms.threshold)
    bands = view.bands(pairs, start, max(before + saw, start), terms.threshold)
    return view.say("catastrophic", bands=bands, **numbers)


RULES: dict[str, Callable[[_View], str]] = {
    "unlisted": _unlisted,
    "over_ceiling": _over_ceiling,
    "self_pay_b": _self_pay_b,
    "self_pay_away": _self_pay_away,
    "deductible": _deductible,
    "coinsurance": _coinsurance,
    "floor_top_up": _floor_top_up,
    **dict.fromkeys(("above_disease_cap", "above_month_cap", "above_kind_cap", "above_year_cap"), _cap),
    "large_sum": _large_sum,
    **dict.fromkeys(("catastrophic", "assistance", "tilt"), _running),
    "account": lambda view: view.say("account", balance=view.priced.balance, took=view.steps["account"].took),
}
"""How the rule of each layer is told; empty where neither policy nor bill has one."""
