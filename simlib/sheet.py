"""One person's settlement sheet: what each layer saw, by which rule, what it took and left, in Chinese or English."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from simlib import benefits, local
from simlib.cases import PARTS, SIDES, Case, Priced, check, compiled, origin, settle
from simlib.policy import Assistance, Cap, yuan
from simlib.terms import FEN, PPM

Settled = tuple[Case, tuple[Priced, ...]]
"""A case and its visits as `cases.settle` prices them."""

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

BORNE = tuple(NAMES)[:11]
ALWAYS = {*BORNE[:6], "above_year_cap"}
SHARED = (*BORNE[:6], "above_cap")

FIELDS = {
    "self_pay_away": ("away",),
    "deductible": ("deductible",),
    "coinsurance": ("ratio", "away"),
    "floor_top_up": ("floor_ratio",),
    "above_disease_cap": ("disease_cap", "disease_month_cap"),
    "above_month_cap": ("month_cap",),
    "above_kind_cap": ("kind_cap",),
    "above_year_cap": ("cap",),
    "large_sum": ("above_cap_ratio",),
    **{name: (name,) for name in ("catastrophic", "assistance", "tilt")},
}
"""Fields of a policy that a layer rests on, as `local.FIELDS` names them."""

WORDS = {
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
    "unlisted": ("不在目录内，全部由个人负担", "not on the list, borne in full"),
    "over_ceiling": ("超出支付限价的部分由个人负担", "what is above a price ceiling"),
    "self_pay_b": (
        "乙类项目先由个人负担的部分{lines}；政策范围内费用 {left} 元",
        "share of class B items borne first{lines}; in scope {left}",
    ),
    "self_pay_away": ("异地就医先行自付：{saw} × {share}", "borne first for being away: {saw} × {share}"),
    "not_away": ("无异地先行自付", "nothing is borne first for being away"),
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
    "above_cap": (
        "{what} {cap} 元，已付 {paid}，尚余 {room}；超出 {took} 元",
        "{what} {cap} yuan, {paid} paid before, room {room}: cuts {took}",
    ),
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


def label(name: str, lang: Lang) -> str:
    """Return a label in one language, or in both beside each other.

    >>> label("deductible", "zh"), label("deductible", None)
    ('起付线', '起付线 deductible')
    """
    zh, en = NAMES.get(name) or WORDS[name]
    return f"{zh} {en}" if lang is None else (zh if lang == "zh" else en)


def _short(fen: int) -> str:
    """Return an amount of a rule, without decimals that are 0."""
    return yuan(fen).removesuffix(".00")


@dataclass(frozen=True)
class _View:
    """One price of a visit, to be told in a language."""

    priced: Priced
    side: str
    lang: Lang

    def __getitem__(self, name: str) -> int:
        """Return an amount of the price, fen."""
        amount: int = getattr(self.priced, self.side)[name]
        return amount

    def say(self, key: str, *numbers: object, **named: object) -> str:
        """Return a rule in words with its numbers: amounts are fen."""
        words = {name: yuan(found) if isinstance(found, int) else found for name, found in named.items()}
        return RULES[key][self.lang != "zh"].format(*numbers, **words)

    def percent(self, ppm: int) -> str:
        """Return a share in percent."""
        return f"{ppm / 10_000:g}{'%' if self.lang == 'zh' else ' %'}"

    def joined(self, parts: Iterable[str]) -> str:
        """Return parts of a sentence as one."""
        return ("，" if self.lang == "zh" else ", ").join(parts)

    def notes(self, parts: list[str]) -> str:
        """Return remarks in brackets, or nothing."""
        said = self.joined(parts)
        return said and (f"（{said}）" if self.lang == "zh" else f" ({said})")

    @property
    def entering(self) -> int:
        """What enters layer 4, fen."""
        return self["bill"] - sum(self[name] for name in BORNE[:4])

    @property
    def policy(self) -> Any:
        """The policy as the layers read it."""
        return compiled(self.priced.terms, self.priced.care.kind)

    def bands(self, bands: Iterable[tuple[int | None, int]], start: int, stop: int, low: int = 0) -> str:
        """Return what bands, the first from `low` on, pay on a slice, each with its own numbers."""
        said = []
        for end, ratio in bands:
            high = stop if end is None else end
            if (amount := min(stop, high) - max(start, low)) > 0:
                key, numbers = "last_band" if end is None else "band", {"low": _short(low), "high": _short(high)}
                said.append(self.say(key, amount=amount, ratio=self.percent(ratio), **numbers))
            low = high
        return " + ".join(said) or "0.00"


def _self_pay_b(view: _View) -> str:
    """Return the rule of layer 2, line by line; a long bill is cut short."""
    said = []
    for item in view.priced.visit.bill:
        listed = getattr(item, SIDES[view.side]) or item
        if listed.self_pay:
            within = item.amount if listed.ceiling is None else min(item.amount, listed.ceiling * item.quantity)
            said.append(f"{item.what} {yuan(within)} × {view.percent(listed.self_pay)}")
    lines = " + ".join(said[:6]) + (" + …" if len(said) > 6 else "")
    left = view.entering + view["self_pay_away"]
    return view.say("self_pay_b", lines=lines and (f"：{lines}" if view.lang == "zh" else f": {lines}"), left=left)


def _self_pay_away(view: _View) -> str:
    """Return the rule of layer 3."""
    share = view.priced.terms.first_self_pay_away
    saw = view.entering + view["self_pay_away"]
    return view.say("self_pay_away", saw=saw, share=view.percent(share)) if share else view.say("not_away")


def _deductible(view: _View) -> str:
    """Return the rule of layer 4 with its numbers."""
    terms, care, opening, notes = view.priced.terms.deductible, view.priced.care, view.priced.opening, []
    admissions = int(opening["admissions"])
    if terms.share_of_bill is not None:
        limits = [view.say("floor", _short(terms.floor))]
        limits += [] if terms.ceiling is None else [view.say("ceiling", _short(terms.ceiling))]
        share = view.percent(terms.share_of_bill * 1000)
        notes.append(view.say("share_of_bill", saw=view["bill"], share=share, limits=view.joined(limits)))
    if terms.second is not None or terms.third_and_later is not None:
        notes.append(view.say("admission", admissions + 1))
    if terms.factor != 1000:
        notes.append(view.say("factor", f"{terms.factor / 1000:g}"))
    if terms.per != "visit":
        notes.append(view.say(terms.per, yuan(int(benefits.deductible_used(view.policy, care, opening)))))
    if terms.per == "month" and care.months > 1:
        notes.append(view.say("months", care.months))
    due = int(benefits.deductible_due(view.policy, view["bill"], admissions, care.months))
    return view.say("deductible", due=_short(due), notes=view.notes(notes), took=view["deductible"])


def _coinsurance(view: _View) -> str:
    """Return the rule of layer 5: ratio or bands, and what is taken off them away from home."""
    terms, took, left = view.priced.terms, view["coinsurance"], view.entering - view["deductible"]
    cut = [view.say("points", f"{terms.points_off / 10_000:g}")] if terms.points_off else []
    cut += [view.say("times", f"{terms.ratio_factor / PPM:g}")] if terms.ratio_factor != PPM else []
    if len(terms.ratio.bands) == 1:
        band = terms.ratio.bands[0]
        net = view.percent(terms.ratio_away(band))
        ratio = view.percent(band.ratio) + view.notes(cut)
        return view.say("one_ratio", ratio=ratio, saw=left, net=net, paid=left - took, took=took)
    yearly = terms.ratio.over == "year"
    start = int(view.priced.opening["reached"][view.priced.care.kind]) if yearly else 0
    start += view["deductible"] if terms.ratio.count == "gross" else 0
    how = view.joined([view.say(terms.ratio.count or "net"), *([view.say("over_year")] if yearly else []), *cut])
    bands = view.bands(((band.to, terms.ratio_away(band)) for band in terms.ratio.bands), start, start + left)
    return view.say("bands", how=how, bands=bands, took=took)


def _floor_top_up(view: _View) -> str:
    """Return the rule of the floor ratio."""
    share = view.percent(view.priced.terms.floor_ratio)
    return view.say("floor_top_up", share=share, saw=view.entering, took=view["floor_top_up"])


def _cap(field: str, layer: str) -> Callable[[_View], str]:
    """Return how the rule of a cap is told."""

    def told(view: _View) -> str:
        """Return the cap, what was paid before, and the room left."""
        care, opening, policy, name = view.priced.care, view.priced.opening, view.policy, field
        terms: Cap | int | None = getattr(view.priced.terms, field)
        if terms is None and field == "disease_cap":
            name, terms = "disease_month_cap", view.priced.terms.disease_month_cap
        if terms is None:
            return view.say("no_cap")
        amount = terms if isinstance(terms, int) else terms.amount
        if "month" in name:
            amount *= care.months
        if isinstance(terms, int):
            paid = int(opening["disease_paid_month" if "month" in name else "disease_paid"][care.disease])
        else:
            by_kind = opening["paid_month" if "month" in name else "paid"]
            paid = int(benefits.counted(by_kind, policy[f"{name}_kinds"]))
        room, what = max(amount - paid, 0), view.say(name)
        return view.say("above_cap", what=what, cap=_short(amount), paid=paid, room=room, took=view[layer])

    return told


def _large_sum(view: _View) -> str:
    """Return the rule of a ratio above the caps."""
    return view.say("large_sum", share=view.percent(view.priced.terms.above_cap_ratio), took=view["large_sum"])


def _running(name: str) -> Callable[[_View], str]:
    """Return how the rule of a payer on the running base of the year is told."""

    def told(view: _View) -> str:
        """Return threshold, running base, ratio or bands, and the room left."""
        terms, opening = getattr(view.priced.terms, name), view.priced.opening
        before = int(opening[f"{name}_base"])
        numbers = {"threshold": _short(terms.threshold), "before": before, "after": before + _saw(view, name)}
        room = 0 if terms.cap is None else max(terms.cap - int(opening[f"{name}_paid"]), 0)
        numbers["cap"] = "" if terms.cap is None else view.say("payer_cap", _short(terms.cap), yuan(room))
        if isinstance(terms, Assistance):
            return view.say("payer", share=view.percent(terms.ratio), took=view[name], **numbers)
        up = terms.threshold if terms.count == "net" else 0
        pairs = ((None if band.to is None else band.to + up, band.ratio) for band in terms.bands)
        start = max(before, terms.threshold)
        bands = view.bands(pairs, start, max(before + _saw(view, name), start), terms.threshold)
        return view.say("catastrophic", bands=bands, took=view[name], **numbers)

    return told


TOLD: dict[str, Callable[[_View], str]] = {
    "unlisted": lambda view: view.say("unlisted"),
    "over_ceiling": lambda view: view.say("over_ceiling"),
    "self_pay_b": _self_pay_b,
    "self_pay_away": _self_pay_away,
    "deductible": _deductible,
    "coinsurance": _coinsurance,
    "floor_top_up": _floor_top_up,
    "above_disease_cap": _cap("disease_cap", "above_disease_cap"),
    "above_month_cap": _cap("month_cap", "above_month_cap"),
    "above_kind_cap": _cap("kind_cap", "above_kind_cap"),
    "above_year_cap": _cap("cap", "above_year_cap"),
    "large_sum": _large_sum,
    "catastrophic": _running("catastrophic"),
    "assistance": _running("assistance"),
    "tilt": _running("tilt"),
    "account": lambda view: view.say("account", balance=view.priced.balance, took=view["account"]),
}
"""How the rule of each layer is told."""


class Step(NamedTuple):
    """One layer of a settlement, fen: what it saw, what the patient bears or the layer pays there, what it left."""

    layer: str
    saw: int
    took: int
    left: int


def _saw(view: _View, payer: str) -> int:
    """Return what a payer sees, fen: what is open in scope, the base of layers 7 and 8, at last the patient's share."""
    if payer in ("large_sum", "account"):
        return view.entering - view["basic"] if payer == "large_sum" else view["patient"]
    before = {"catastrophic": (), "assistance": ("catastrophic",), "tilt": ("catastrophic", "assistance")}[payer]
    return view["catastrophic_base"] - sum(view[name] for name in before)


def _steps(view: _View) -> Iterator[Step]:
    """Yield all layers; up to the caps each sees what the one before left; what they leave the basic fund pays."""
    saw = view["bill"]
    for layer in NAMES:
        if layer in BORNE:
            took = -view[layer] if layer == "floor_top_up" else view[layer]
        else:
            saw, took = _saw(view, layer), view[layer]
        yield Step(layer, saw, took, saw - took)
        saw -= took


def _shown(case: Case, priced: Priced) -> set[str]:
    """Return the layers that a sheet shows: the first six, the yearly cap, and those that exist in the policy."""
    terms, exist = priced.terms, {"account"} if case.account else set()
    for layer, fields in FIELDS.items():
        found = [getattr(terms, field, None) for field in fields]
        # A share of 0 is none; a cap of 0 is a cap.
        if any(form or (form == 0 and layer.startswith("above")) for form in found):
            exist.add(layer)
    return ALWAYS | exist


def rows(case: Case, visit: int = 0) -> list[dict[str, Any]]:
    """Return both prices of a visit, a row for each layer: layer, zh, en; saw, took and left_direct, _claim, yuan.

    Up to the caps each layer sees what the one before left, takes what the patient bears (what a floor ratio adds is
    below 0), and the last leaves what the basic fund pays. The layers after them see what is open in scope and take
    what they pay of it; the account leaves the cash. Layers that the policy lacks are left out.
    """
    return _rows(case, settle(case)[visit])


def _rows(case: Case, priced: Priced) -> list[dict[str, Any]]:
    """Return the rows of a visit that is priced."""
    shown = _shown(case, priced)
    table: list[dict[str, Any]] = [{"layer": name, "zh": zh, "en": en} for name, (zh, en) in NAMES.items()]
    for side in SIDES:
        for row, step in zip(table, _steps(_View(priced, side, None)), strict=True):
            row |= {f"{word}_{side}": getattr(step, word) / FEN for word in ("saw", "took", "left")}
    return [row for row in table if row["layer"] in shown]


def shares(case: Case, visit: int = 0) -> list[dict[str, Any]]:
    """Return who bears what of a bill both ways, a row for each part: way (direct or claim), part, yuan.

    Parts are the layers up to the caps and the fund; they add up to the bill in each way. What is paid after the ratio
    is taken off what the patient bears above the caps first, then off coinsurance, and so on upwards.
    """
    priced = settle(case)[visit]
    return [
        {"way": side, "part": part, "yuan": fen / FEN}
        for side in SIDES
        for part, fen in _borne(_View(priced, side, None)).items()
    ]


def _borne(view: _View) -> dict[str, int]:
    """Return what the patient bears in the end, layer by layer, and what the fund pays, fen."""
    parts = {name: view[name] for name in SHARED}
    back = sum(parts.values()) - view["patient"]
    for name in reversed(SHARED):
        taken = min(back, parts[name])
        parts[name], back = parts[name] - taken, back - taken
    return parts | {"fund": view["fund"]}


def as_json(settled: Iterable[Settled], explain: bool = False) -> list[dict[str, Any]]:
    """Return each case with both prices in yuan, unmet expectations, and layers as in `rows` if asked."""
    return [_as_json(case, done, explain) for case, done in settled]


def _as_json(case: Case, done: tuple[Priced, ...], explain: bool) -> dict[str, Any]:
    """Return one case; the prices stand in it if it has one visit, else in a list of visits."""
    head = {name: getattr(case, name) for name in ("name", "scheme", "source", "published", "worked")}
    visits = []
    for priced in done:
        said: dict[str, Any] = {
            name: getattr(priced.visit, name) for name in ("date", "kind", "tier", "filing", "settled")
        }
        said |= {side: {name: getattr(priced, side)[name] / FEN for name in PARTS} for side in SIDES}
        visits.append(said | {"benefit_gap": priced.gap / FEN} | ({"layers": _rows(case, priced)} if explain else {}))
    body = visits[0] if case.visits is None else {"visits": visits}
    return head | body | {"unmet": check(case, done)}


def text(settled: Iterable[Settled], explain: bool = False, lang: Lang = None) -> str:
    """Return what a terminal shows: a line for each visit with both prices and the gap, yuan, or whole sheets."""
    if explain:
        return "\n\n".join("\n".join(_sheet(case, done, lang)) for case, done in settled)
    return "\n".join([*_heads(lang), *(line for case, done in settled for line in _lines(case, done))])


def _heads(lang: Lang) -> Iterator[str]:
    """Yield the heads of the short table; the numbers under them are 15 wide, Chinese characters take two columns."""
    fund, patient = label("fund", lang or "en"), label("patient", lang or "en")
    names = [label("bill", lang or "en")]
    names += [f"{label(f'short_{side}', lang or 'en')}" for side in SIDES for _ in range(2)]
    yield "".join(_right(name) for name in (*names, label("gap", lang or "en")))
    yield "".join(_right(name) for name in ("", fund, patient, fund, patient, ""))


def _colon(lang: Lang) -> str:
    """Return what stands between a label and its text."""
    return "：" if lang == "zh" else ": "


def _right(name: str) -> str:
    """Return a name flush right in a column 18 wide."""
    return " " * (18 - len(name) - sum(character > "\u2e80" for character in name)) + name


def _lines(case: Case, done: tuple[Priced, ...]) -> Iterator[str]:
    """Yield a line for each visit of a case: bill, both prices, gap, name."""
    for number, priced in enumerate(done, 1):
        direct, claim = priced.direct, priced.claim
        sums = (direct["bill"], direct["fund"], direct["patient"], claim["fund"], claim["patient"], priced.gap)
        which = "" if case.visits is None else f" [{number}] {priced.visit.date}"
        yield "".join(f"{fen / FEN:18,.2f}" for fen in sums) + f"  {case.name}{which}"


def _sheet(case: Case, done: tuple[Priced, ...], lang: Lang) -> Iterator[str]:
    """Yield the lines of a settlement sheet."""
    yield case.name
    if case.area is None:
        yield f"  {label('source', lang)}{_colon(lang)}{case.source or label('written', lang)}"
    for number, priced in enumerate(done, 1):
        yield _about(case, number, priced, lang)
        alike = priced.direct == priced.claim
        for side in ["direct"] if alike else SIDES:
            yield f"  {label('both' if alike else side, lang)}"
            yield from _told(case, _View(priced, side, lang))
        yield f"  {label('gap', lang)}{_colon(lang)}{yuan(priced.gap)} ({label('gap_rule', lang or 'en')})"
    if case.worked:
        yield f"  {label('worked', lang)}{_colon(lang)}{case.worked}"


def _about(case: Case, number: int, priced: Priced, lang: Lang) -> str:
    """Return what a visit is: its number and date, kind of care, tier, filing, and how it was settled."""
    visit, one = priced.visit, lang or "en"
    parts = [label("visit", one).format(number)] if case.visits is not None else []
    parts += [visit.date] if visit.date else []
    parts += [label(visit.kind, one), label("tier", one).format(("一二三"[visit.tier - 1], visit.tier))]
    parts += [visit.disease] if visit.disease else []
    parts += [label(visit.filing, one)] if visit.filing else []
    if case.visits is not None:
        used = "abandoned" if visit.settled == "abandoned" else f"short_{visit.settled}"
        parts.append(f"{label('settled', one)} {label(used, one)}")
    return "  " + ("，" if one == "zh" else ", ").join(parts)


def _told(case: Case, view: _View) -> Iterator[str]:
    """Yield the layers of one price: the amounts, then the rule in words and where its numbers come from."""
    shown = _shown(case, view.priced)
    yield "    " + "".join(_right(label(word, view.lang or "en")) for word in ("saw", "took", "left"))
    for step in _steps(view):
        if step.layer in shown:
            amounts = "".join(f"{fen / FEN:18,.2f}" for fen in (step.saw, abs(step.took), step.left))
            name, rule = label(step.layer, view.lang), TOLD[step.layer](view)
            said = rule if rule.startswith(name) else f"{name}{_colon(view.lang)}{rule}"
            yield f"    {amounts}  {said}{_origin(case, view, step.layer)}"
    borne, paid = _borne(view), {name: view[name] for name in ("basic", *tuple(NAMES)[11:15])}
    for sum_, parts in (("fund", paid), ("patient", {name: borne[name] for name in SHARED})):
        said = " + ".join(f"{label(name, view.lang or 'en')} {yuan(fen)}" for name, fen in parts.items() if fen)
        yield f"    {label(sum_, view.lang)} {yuan(view[sum_])}" + (f" = {said}" if said else "")
    if case.account:
        yield f"    {label('cash', view.lang)} {yuan(view['cash'])}"


def _origin(case: Case, view: _View, layer: str) -> str:
    """Return where the numbers of a layer come from, of a named area: level, area, since when, source, grade."""
    if case.area is None:
        return ""
    said, one = [], view.lang or "en"
    for field, found in origin(case, view.priced.visit)[1]:
        if field in FIELDS.get(layer, ()):
            where = [label("default", one)] if not found.area else [_area(found.area, one), found.start]
            said.append(view.joined([*filter(None, where), found.source, label(found.grade, one)]))
    return view.notes(["; ".join(dict.fromkeys(said))] if said else [])


def _area(code: str, lang: Lang) -> str:
    """Return the name of an area in a language."""
    found = local.pool(code)
    return found.name_zh if lang == "zh" else found.name_en
