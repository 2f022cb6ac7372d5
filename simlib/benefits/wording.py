"""Each layer's rule in words with its own numbers, and every label of a settlement sheet, in Chinese and English."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from simlib.benefits import layers
from simlib.benefits.cases import Item, Listing
from simlib.benefits.policy import Assistance, yuan
from simlib.benefits.pricing import SIDES, Priced, Step, compiled, steps
from simlib.files.shapes import Text
from simlib.terms import PPM

Lang = Literal["zh", "en"] | None
"""Language of a text; None is English with the Chinese term beside a label."""

NAMES = {
    "unlisted": ("目录外自费", "unlisted"),
    "over_ceiling": ("超限价自费", "over ceiling"),
    "self_pay_b": ("乙类先行自付", "self-pay B"),
    "self_pay_away": ("异地先行自付", "self-pay away"),
    "deductible": ("起付线", "deductible"),
    "coinsurance": ("比例自付", "coinsurance"),
    "floor_top_up": ("保底补足", "floor top-up"),
    "above_disease_cap": ("病种限额以上", "above disease cap"),
    "above_month_cap": ("月度限额以上", "above monthly cap"),
    "above_kind_cap": ("类别限额以上", "above cap of the kind"),
    "above_year_cap": ("封顶线以上", "above cap"),
    "large_sum": ("大额补助", "large-sum"),
    "catastrophic": ("大病保险", "catastrophic"),
    "assistance": ("医疗救助", "assistance"),
    "tilt": ("倾斜救助", "tilt assistance"),
    "account": ("个人账户", "personal account"),
}
"""The layers in their order, in Chinese and English; from `large_sum` on a layer pays, before it the patient bears."""

LABELS = {
    **NAMES,
    "direct": ("直接结算（就医地目录，参保地政策）", "direct settlement (host's list, home's policy)"),
    "claim": ("手工报销（参保地目录，参保地政策）", "claim by hand (home's list, home's policy)"),
    "abandoned": ("未报销", "abandoned: nothing reimbursed"),
    "both": ("直接结算与手工报销结果相同", "direct settlement and claim come to the same"),
    "settled": ("实际结算方式", "settled by"),
    "short_direct": ("直接结算", "direct settlement"),
    "short_claim": ("手工报销", "claim"),
    "visit": ("第 {} 次就诊", "visit {}"),
    "tier": ("{0[0]}级医院", "tier-{0[1]} hospital"),
    "inpatient": ("住院", "inpatient"),
    "outpatient": ("普通门诊", "outpatient"),
    "chronic": ("门诊慢特病", "chronic care"),
    "pharmacy": ("定点药店", "pharmacy"),
    "long_stay": ("异地长期居住备案", "filed as long stay"),
    "referral": ("转诊备案", "filed as referral"),
    "emergency": ("急诊", "emergency"),
    "temporary": ("其他临时外出备案", "filed as other temporary care"),
    "unfiled": ("未备案", "not filed"),
    "local": ("本地就医", "at home"),
    "saw": ("进入", "saw"),
    "took": ("本层金额", "takes"),
    "left": ("余下", "leaves"),
    "bill": ("医疗总费用", "total fee"),
    "fund": ("基金支付", "fund pays"),
    "basic": ("基本医保", "basic"),
    "patient": ("个人负担", "patient bears"),
    "cash": ("现金", "cash"),
    "gap": ("待遇差", "benefit gap"),
    "gap_rule": ("直接结算基金支付减手工报销基金支付", "fund in direct settlement less fund by claim"),
    "above_cap": NAMES["above_year_cap"],
    "source": ("来源", "source"),
    "worked": ("手工推算", "worked"),
    "evidence": ("证据等级", "evidence"),
    "away": ("异地规定", "away rule"),
    "written": ("案例中写明的参数", "written in the case"),
    "default": ("全国默认值", "national default"),
    "official": ("官方文件", "official"),
    "press": ("媒体报道", "press"),
    "academic": ("学术文献", "academic"),
    "derived": ("推算", "derived"),
    "weak": ("存疑", "weak"),
    "assumed": ("假设", "assumed"),
}
"""Labels, in Chinese and English."""

RULES = {
    "none": ("无", "none"),
    "self_pay_b": ("{lines}；政策范围内费用 {left} 元", "{lines}; in scope {left}"),
    "deductible": ("起付线 {due} 元{notes}，本次扣 {took} 元", "deductible {due} yuan{notes}: takes {took}"),
    "share_of_bill": ("总费用 {saw} × {share}，{limits}", "{saw} total fee × {share}, {limits}"),
    "floor": ("不低于 {0}", "at least {0}"),
    "ceiling": ("不高于 {0}", "at most {0}"),
    "factor": ("标准的 {0} 倍", "{0} times the standard"),
    "admission": ("本年第 {0} 次住院", "admission {0} of the year"),
    "months": ("{0} 个月用量", "{0} months dispensed"),
    "year": ("按年计，本年已扣 {0}", "once a year, {0} taken before"),
    "month": ("按月计，本月已扣 {0}", "once a month, {0} taken before"),
    "disease": ("按病种计，本年已扣 {0}", "once per disease and year, {0} taken before"),
    "one_ratio": (
        "支付比例 {ratio}：{saw} × {net} = {paid} 元由基金支付，个人负担 {took} 元",
        "ratio {ratio}: the fund pays {saw} × {net} = {paid}, the patient bears {took}",
    ),
    "bands": (
        "分段支付（{how}）：{bands}；个人负担 {took} 元",
        "bands ({how}): the fund pays {bands}; the patient bears {took}",
    ),
    "gross": ("各段按起付线以下计起", "counted from below the deductible"),
    "net": ("各段按扣除起付线后的金额计", "counted after the deductible"),
    "over_year": ("按年累计", "over the year"),
    "points": ("降 {0} 个百分点", "less {0} points"),
    "times": ("再乘 {0}", "times {0}"),
    "band": ("{low}–{high} 元段 {amount} × {ratio}", "{low} to {high}: {amount} × {ratio}"),
    "last_band": ("{low} 元以上 {amount} × {ratio}", "above {low}: {amount} × {ratio}"),
    "floor_top_up": ("保底比例 {share}：{saw} × {share}，补足 {took} 元", "at least {share} of {saw}: adds {took}"),
    "room": ("{what} {cap} 元，已付 {paid}，尚余 {room}", "{what} {cap} yuan, {paid} paid before, room {room}"),
    "above_cap": ("{rooms}；超出 {took} 元", "{rooms}: cuts {took}"),
    "no_cap": ("无限额", "no cap"),
    "cap": ("年度封顶线", "cap of the year"),
    "kind_cap": ("本类年度限额", "cap of the year for this kind of care"),
    "month_cap": ("本月限额", "cap of the month"),
    "disease_cap": ("病种年度限额", "cap of the disease"),
    "disease_month_cap": ("病种月度限额", "monthly cap of the disease"),
    "large_sum": ("限额以上费用按 {share} 支付 {took} 元", "{share} of the cost above the caps: pays {took}"),
    "catastrophic": (
        "起付标准 {threshold} 元，本年累计由 {before} 至 {after}：{bands}；支付 {took} 元{cap}",
        "threshold {threshold} yuan, running base of the year from {before} to {after}: {bands}; pays {took}{cap}",
    ),
    "payer": (
        "{threshold} 元以上按 {share}，本年累计由 {before} 至 {after}：支付 {took} 元{cap}",
        "{share} above {threshold} yuan, running base of the year from {before} to {after}: pays {took}{cap}",
    ),
    "payer_cap": ("（年度限额 {0} 元，尚余 {1}）", " (cap {0} yuan a year, room {1})"),
    "account": ("余额 {balance} 元，支付 {took} 元", "balance {balance} yuan: pays {took}"),
}
"""Rules of the layers in words, in Chinese and English."""

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


def label(name: str, lang: Lang) -> str:
    """Return a label in one language, or in both beside each other.

    >>> label("deductible", "zh"), label("deductible", None)
    ('起付线', '起付线 deductible')
    """
    zh, en = LABELS[name]
    return f"{zh} {en}" if lang is None else (zh if lang == "zh" else en)


def said(text: str | Text, lang: Lang) -> str:
    """Return a text of a case in a language; a plain text as it is written.

    >>> said(Text(zh="药品", en="drugs"), "zh"), said("drugs", "zh")
    ('药品', 'drugs')
    """
    if isinstance(text, str):
        return text
    return text.zh if lang == "zh" else text.en


def after(name: str, text: str, lang: Lang) -> str:
    """Return a text after its label.

    >>> after("evidence", "press", "en")
    'evidence: press'
    """
    return f"{label(name, lang)}{'：' if lang == 'zh' else ': '}{text}"


def joined(parts: Iterable[str], lang: Lang, sign: str = ",") -> str:
    """Return parts of a sentence as one; a sign is written as the language does.

    >>> joined(["a", "b"], "en"), joined(["a", "b"], "zh", ";")
    ('a, b', 'a；b')
    """
    return {",": "，", ";": "；"}[sign].join(parts) if lang == "zh" else f"{sign} ".join(parts)


def bracketed(text: str, lang: Lang) -> str:
    """Return a remark in brackets, or nothing.

    >>> bracketed("per visit", "en"), bracketed("", "en")
    (' (per visit)', '')
    """
    return text and (f"（{text}）" if lang == "zh" else f" ({text})")


def rule(priced: Priced, side: str, layer: str, lang: Lang) -> str:
    """Return by which rule a layer took what it took in one price of a visit, in words with its numbers, or none.

    >>> from simlib.cases import Case
    >>> from simlib.settlement import settle
    >>> drug = {"what": "drug", "amount": 5000, "class": "乙", "self_pay": 0.1}
    >>> case = Case.model_validate({"name": "a", "policy": {"deductible": 500, "ratio": 0.8}, "bill": [drug]})
    >>> rule(settle(case)[0], "direct", "deductible", "en")
    'deductible 500 yuan: takes 500.00'
    """
    view = _View(priced, side, lang)
    return TOLD[layer](view) or view.say("none")


def _short(fen: int) -> str:
    """Return an amount of a rule, without decimals that are 0."""
    return yuan(fen).removesuffix(".00")


@dataclass(frozen=True)
class _View:
    """One price of a visit, to be told in a language."""

    priced: Priced
    side: str
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
        words = {name: yuan(found) if isinstance(found, int) else found for name, found in named.items()}
        return RULES[key][self.lang != "zh"].format(*numbers, **words)

    def percent(self, ppm: int) -> str:
        """Return a share in percent."""
        return f"{ppm / 10_000:g}{'%' if self.lang == 'zh' else ' %'}"

    def lines(self, tell: Callable[[Item, Listing], str]) -> str:
        """Return what is told of each line of the bill, if anything; a long bill is cut short."""
        told = []
        for item in self.priced.visit.bill:
            if words := tell(item, item.on(SIDES[self.side])):
                told.append(f"{said(item.what, self.lang)} {words}")
        return " + ".join(told[:6]) + (" + …" if len(told) > 6 else "")

    def bands(self, bands: Iterable[tuple[int | None, int]], start: int, stop: int, low: int = 0) -> str:
        """Return what bands, the first from `low` on, pay on a slice, each with its own numbers."""
        told = []
        for end, ratio in bands:
            high = stop if end is None else end
            if (amount := min(stop, high) - max(start, low)) > 0:
                key, numbers = "last_band" if end is None else "band", {"low": _short(low), "high": _short(high)}
                told.append(self.say(key, amount=amount, ratio=self.percent(ratio), **numbers))
            low = high
        return " + ".join(told) or "0.00"


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
        share = view.percent(terms.share_of_bill * 1000)
        notes.append(view.say("share_of_bill", saw=bill, share=share, limits=joined(limits, view.lang)))
    if terms.second is not None or terms.third_and_later is not None:
        notes.append(view.say("admission", admissions + 1))
    if terms.factor != 1000:
        notes.append(view.say("factor", f"{terms.factor / 1000:g}"))
    if terms.per != "visit":
        notes.append(view.say(terms.per, yuan(int(layers.deductible_used(view.policy, care, opening)))))
    if terms.per == "month" and care.months > 1:
        notes.append(view.say("months", care.months))
    due = _short(int(layers.deductible_due(view.policy, bill, admissions, care.months)))
    remarks = bracketed(joined(notes, view.lang), view.lang)
    return view.say("deductible", due=due, notes=remarks, took=view.steps["deductible"].took)


def _coinsurance(view: _View) -> str:
    """Return the rule of layer 5: ratio or bands, and what is taken off them away from home."""
    terms, (saw, took, paid) = view.priced.terms, view.steps["coinsurance"]
    cut = [view.say("points", f"{terms.points_off / 10_000:g}")] if terms.points_off else []
    cut += [view.say("times", f"{terms.ratio_factor / PPM:g}")] if terms.ratio_factor != PPM else []
    if len(terms.ratio.bands) == 1:
        band = terms.ratio.bands[0]
        net = view.percent(terms.ratio_away(band))
        ratio = view.percent(band.ratio) + bracketed(joined(cut, view.lang), view.lang)
        return view.say("one_ratio", ratio=ratio, saw=saw, net=net, paid=paid, took=took)
    yearly = terms.ratio.over == "year"
    start = int(view.priced.opening["reached"][view.priced.care.kind]) if yearly else 0
    start += view.steps["deductible"].took if terms.ratio.count == "gross" else 0
    how = [view.say(terms.ratio.count or "net"), *([view.say("over_year")] if yearly else []), *cut]
    bands = view.bands(((band.to, terms.ratio_away(band)) for band in terms.ratio.bands), start, start + saw)
    return view.say("bands", how=joined(how, view.lang), bands=bands, took=took)


def _floor_top_up(view: _View) -> str:
    """Return the rule of the floor ratio."""
    share, steps_ = view.percent(view.priced.terms.floor_ratio), view.steps
    return view.say("floor_top_up", share=share, saw=steps_["deductible"].saw, took=-steps_["floor_top_up"].took)


def _cap(layer: str) -> Callable[[_View], str]:
    """Return how the caps of a layer are told."""

    def told(view: _View) -> str:
        """Return each cap, what was paid before, and the room left."""
        terms, months = view.priced.terms, view.priced.care.months
        rooms = []
        for field in (field for field, of in LAYER_OF.items() if of == layer and getattr(terms, field) is not None):
            cap, paid = getattr(terms, field), _paid(view, field)
            amount = (cap if isinstance(cap, int) else cap.amount) * (months if "month" in field else 1)
            numbers = {"paid": paid, "room": max(amount - paid, 0)}
            rooms.append(view.say("room", what=view.say(field), cap=_short(amount), **numbers))
        if not rooms:
            return view.say("no_cap")
        return view.say("above_cap", rooms=joined(rooms, view.lang, ";"), took=view.steps[layer].took)

    return told


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


def _running(name: str) -> Callable[[_View], str]:
    """Return how the rule of a payer on the running base of the year is told."""

    def told(view: _View) -> str:
        """Return threshold, running base, ratio or bands, and the room left."""
        terms, opening, (saw, took, _) = getattr(view.priced.terms, name), view.priced.opening, view.steps[name]
        before = int(opening[f"{name}_base"])
        numbers = {"threshold": _short(terms.threshold), "before": before, "after": before + saw, "took": took}
        room = 0 if terms.cap is None else max(terms.cap - int(opening[f"{name}_paid"]), 0)
        numbers["cap"] = "" if terms.cap is None else view.say("payer_cap", _short(terms.cap), yuan(room))
        if isinstance(terms, Assistance):
            return view.say("payer", share=view.percent(terms.ratio), **numbers)
        up = terms.threshold if terms.count == "net" else 0
        pairs = ((None if band.to is None else band.to + up, band.ratio) for band in terms.bands)
        start = max(before, terms.threshold)
        bands = view.bands(pairs, start, max(before + saw, start), terms.threshold)
        return view.say("catastrophic", bands=bands, **numbers)

    return told


TOLD: dict[str, Callable[[_View], str]] = {
    "unlisted": _unlisted,
    "over_ceiling": _over_ceiling,
    "self_pay_b": _self_pay_b,
    "self_pay_away": _self_pay_away,
    "deductible": _deductible,
    "coinsurance": _coinsurance,
    "floor_top_up": _floor_top_up,
    **{layer: _cap(layer) for layer in ("above_disease_cap", "above_month_cap", "above_kind_cap", "above_year_cap")},
    "large_sum": _large_sum,
    **{name: _running(name) for name in ("catastrophic", "assistance", "tilt")},
    "account": lambda view: view.say("account", balance=view.priced.balance, took=view.steps["account"].took),
}
"""How the rule of each layer is told; empty where neither policy nor bill has one."""
