"""The rules of settlement once more, slowly, in decimal yuan: written from the rules, sharing no code with simlib.

A case is a plain dict as its YAML file says it. What a person has used up is never reset here: it is kept under the
year, month, kind of care or disease that it belongs to.
"""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from random import Random
from typing import Any

import yaml

ZERO, ONE = Decimal(0), Decimal(1)
LISTS = {"direct": "host", "claim": "home"}
CAPS = ("disease", "month", "kind", "year")


class Loader(yaml.SafeLoader):
    """YAML in which a date is text and only true and false are so."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":bool"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _first in "tf":
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), [_first])


def read(path: Path | str) -> Any:
    """Return what a YAML file says."""
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader)  # noqa: S506 a safe loader


def dec(number: Any) -> Decimal:
    """Return a number as it is written."""
    return Decimal(str(number))


def amounts(terms: Any, key: str) -> dict[str, Any]:
    """Return a term that may be a plain number."""
    return terms if isinstance(terms, dict) else {key: terms}


class Slow:
    """The rules. A mutant is a subclass in which one of them is wrong."""

    payers = ("catastrophic", "assistance", "tilt")

    def cents(self, amount: Decimal) -> Decimal:
        return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)

    # A person

    def person(self, case: dict[str, Any]) -> list[dict[str, dict[str, Decimal]]]:
        """Return both prices of each visit, in order."""
        with localcontext() as context:
            context.prec = 60
            return self.visits(case)

    def visits(self, case: dict[str, Any]) -> list[dict[str, dict[str, Decimal]]]:
        used, balance, out = defaultdict(lambda: ZERO), dec(case.get("account", 0)), []
        self.open(case, used)
        for visit in case.get("visits", [case]):
            policy, keys = self.policy(case, visit), self.keys(case, visit)
            priced = {side: self.price(policy, visit, side, used, keys, balance) for side in LISTS}
            way = visit.get("settled", "direct")
            if way != "abandoned":
                for key, amount in self.moves(visit, priced[way], keys):
                    used[key] += amount
                balance -= priced[way]["account"]
            out.append(priced)
        return out

    def year(self, date: str) -> str:
        return date[:4]

    def keys(self, case: dict[str, Any], visit: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        """Return under what this visit counts: its year, and in it the month, kind and disease."""
        date, kind = str(visit.get("date", "")), visit.get("kind", "inpatient")
        year = (self.year(date),)
        month, disease = (*year, date[:7]), visit.get("disease")
        return {"year": year, "kind": (*year, kind), "month": (*month, kind), "disease": (*year, "disease", disease),
                "disease_month": (*month, "disease", disease)}  # fmt: skip

    def open(self, case: dict[str, Any], used: dict[Any, Decimal]) -> None:
        """Write what the year had used up before the first visit."""
        keys = self.keys(case, case.get("visits", [case])[0])
        used["paid", *keys["kind"]] += dec(case.get("paid_this_year", 0))
        for name, amount in case.get("used_this_year", {}).items():
            what, _, of = name.rpartition("_")
            if name.startswith("disease_"):
                where = keys["disease_month" if of == "month" else "disease"]
                used[(name.split("_")[1], *where)] += dec(amount)
            elif of == "month":
                used[(what, *keys["month"])] += dec(amount)
            elif name in ("paid", "deductible", "reached"):
                used[(name, *keys["kind"])] += dec(amount)
            else:
                used[(name, *keys["year"])] += dec(amount)

    def policy(self, case: dict[str, Any], visit: dict[str, Any]) -> dict[str, Any]:
        """Return the terms of a visit: of a list the last entry that fits, whole."""
        if isinstance(case["policy"], dict):
            return case["policy"]
        seen = {"kind": "inpatient", "tier": 3} | visit | {"member": case.get("member", "working")}
        found = {}
        for entry in case["policy"]:
            when = dict(entry.get("when", {}))
            since = when.pop("from", "")
            if str(visit.get("date", "")) >= since and all(
                seen.get(axis) in (names if isinstance(names, list) else [names]) for axis, names in when.items()
            ):
                found = entry
        return found

    def moves(self, visit: dict[str, Any], price: dict[str, Decimal], keys: dict[str, Any]) -> list[Any]:
        """Return what a settled visit uses up, and under which key."""
        places = ["kind", "month"] + (["disease", "disease_month"] if visit.get("disease") else [])
        out: list[Any] = [(("deductible", *keys[at]), price["deductible"]) for at in places]
        out += [(("paid", *keys[at]), price["basic"]) for at in places]
        out += [(("reached", *keys["kind"]), price["_reached"])]
        out += [((f"{payer}_base", *keys["year"]), price[f"_{payer}_base"]) for payer in self.payers]
        out += [((f"{payer}_paid", *keys["year"]), price[payer]) for payer in self.payers]
        if visit.get("kind", "inpatient") == "inpatient":
            out.append((("admissions", *keys["year"]), ONE))
        return out

    # Layers

    def price(self, policy: Any, visit: Any, side: str, used: Any, keys: Any, balance: Decimal) -> dict[str, Decimal]:
        """Return one price of a visit, layer by layer."""
        out = self.lines(visit["bill"], side, visit.get("rule", "host"))
        open_ = out["bill"] - out["unlisted"] - out["over_ceiling"] - out["self_pay_b"]
        months = visit.get("months", 1)
        stays = used["admissions", *keys["year"]]
        per = amounts(policy["deductible"], "amount").get("per", "visit")
        if visit.get("kind", "inpatient") != "inpatient" and per != "visit of any kind":
            stays = ZERO  # later admissions count admissions
        due = self.due(policy["deductible"], out["bill"], stays, months)
        due = max(due - self.already(policy["deductible"], used, keys), ZERO)
        out["self_pay_away"], out["deductible"] = self.first(dec(policy.get("first_self_pay_away", 0)), open_, due)
        entering = open_ - out["self_pay_away"]
        by_ratio, out["_reached"] = self.by_ratio(policy, entering, out["deductible"], used["reached", *keys["kind"]])
        uncapped = self.floor(dec(policy.get("floor_ratio", 0)), entering, out["deductible"], by_ratio)
        out["coinsurance"], out["floor_top_up"] = entering - out["deductible"] - by_ratio, uncapped - by_ratio
        left = uncapped
        for cap in CAPS:
            room = self.room(cap, policy, visit, used, keys)
            out[f"above_{cap}_cap"] = max(left - room, ZERO)
            left -= out[f"above_{cap}_cap"]
        out["basic"], out["above_cap"] = left, uncapped - left
        base, out["large_sum"] = self.base(policy, entering, out, uncapped)
        out["catastrophic_base"] = out["_catastrophic_base"] = base
        for payer in self.payers:
            before = used[f"{payer}_base", *keys["year"]]
            terms = policy.get(payer)
            out[f"_{payer}_base"] = base if self.covers(payer, terms) else ZERO
            found = ZERO if terms is None else self.payer(payer, terms, before, base)
            if terms is not None and terms.get("cap") is not None:
                found = min(found, max(dec(terms["cap"]) - used[f"{payer}_paid", *keys["year"]], ZERO))
            out[payer] = found
            base -= found
        out["fund"] = out["basic"] + out["large_sum"] + sum(out[payer] for payer in self.payers)
        out["patient"] = out["bill"] - out["fund"]
        out["account"] = self.account(policy, out, balance)
        out["cash"] = out["patient"] - out["account"]
        return out

    def lines(self, bill: list[Any], side: str, recognised: Any) -> dict[str, Decimal]:
        """Layers 1 and 2: add the lines, round once."""
        out = dict.fromkeys(("bill", "unlisted", "over_ceiling", "self_pay_b"), ZERO)
        for line in bill:
            rule, amount = line.get(self.list_of(line, side, recognised), line), dec(line["amount"])
            out["bill"] += amount
            if rule["class"] == "unlisted":
                out["unlisted"] += amount
                continue
            within = amount
            if "ceiling" in rule:
                within = min(amount, self.most(dec(rule["ceiling"]), line.get("quantity", 1)))
            out["over_ceiling"] += amount - within
            out["self_pay_b"] += self.of_line(within * dec(rule.get("self_pay", 0)))
        out["self_pay_b"] = self.cents(out["self_pay_b"])
        return out

    def list_of(self, line: dict[str, Any], side: str, recognised: Any) -> str:
        """Return whose list prices a line: for direct settlement as the rule of recognition says."""
        rule = recognised.get(line.get("category"), "host") if isinstance(recognised, dict) else recognised
        if side == "claim" or rule == "home":
            return "home"
        host, home = (self.left(line.get(list_, line), line) for list_ in ("host", "home"))
        return "home" if (rule == "either" and home > host) or (rule == "both" and home < host) else "host"

    def left(self, entry: dict[str, Any], line: dict[str, Any]) -> Decimal:
        """Return what a list makes payable of a line."""
        if entry["class"] == "unlisted":
            return ZERO
        most = self.most(dec(entry["ceiling"]), line.get("quantity", 1)) if "ceiling" in entry else dec(line["amount"])
        return min(dec(line["amount"]), most) * (1 - dec(entry.get("self_pay", 0)))

    def most(self, ceiling: Decimal, quantity: int) -> Decimal:
        return ceiling * quantity

    def of_line(self, amount: Decimal) -> Decimal:
        return amount

    def first(self, share: Decimal, open_: Decimal, due: Decimal) -> tuple[Decimal, Decimal]:
        """Layers 3 and 4: the share borne first is of all that is open, the deductible comes out of the rest."""
        away = self.cents(share * open_)
        return away, min(open_ - away, due)

    def due(self, terms: Any, total: Decimal, admissions: Decimal, months: int) -> Decimal:
        """Return the deductible of this admission: fixed, or a share of the fee; once for each month dispensed."""
        terms = amounts(terms, "amount")
        steps = [terms.get("floor", 0) if "share_of_bill" in terms else terms["amount"]]
        steps.append(steps[-1] if terms.get("second") is None else terms["second"])
        steps.append(steps[-1] if terms.get("third_and_later") is None else terms["third_and_later"])
        due = dec(steps[self.step(int(admissions))])
        if "share_of_bill" in terms:
            due = max(dec(terms["share_of_bill"]) * total, due)
            if terms.get("ceiling") is not None:
                due = min(due, dec(terms["ceiling"]))
        due = self.cents(due * dec(terms.get("factor", 1)))
        return due * months if terms.get("per") == "month" else due

    def step(self, admissions: int) -> int:
        return min(admissions, 2)

    def already(self, terms: Any, used: Any, keys: Any) -> Decimal:
        """Return what of the deductible its period has used up."""
        per = amounts(terms, "amount").get("per", "visit")
        month = "month" if keys["disease"][-1] is None else "disease_month"  # one of each disease, if there is any
        where = {"year": "kind", "month": month, "disease": "disease"}.get(per)
        return ZERO if where is None else used["deductible", *keys[where]]

    def by_ratio(self, policy: Any, entering: Decimal, taken: Decimal, before: Decimal) -> tuple[Decimal, Decimal]:
        """Layer 5, and how far it moves along the yearly bands."""
        terms = policy["ratio"] if isinstance(policy["ratio"], dict) else {"bands": [{"ratio": policy["ratio"]}]}
        gross = terms.get("count") == "gross"
        moved = entering if gross else entering - taken
        start = before if self.yearly(terms) else ZERO
        ratios = [(band.get("to"), self.away(dec(band["ratio"]), policy)) for band in terms["bands"]]
        low = start + taken if gross else start
        return self.cents(self.banded(ratios, low, start + moved)), moved

    def yearly(self, terms: Any) -> bool:
        return bool(terms.get("over") == "year")

    def away(self, ratio: Decimal, policy: Any) -> Decimal:
        less = (ratio - dec(policy.get("points_off", 0))) * dec(policy.get("ratio_factor", 1))
        return min(max(less, ZERO), ONE)

    def banded(self, bands: list[Any], start: Decimal, stop: Decimal) -> Decimal:
        """Return what bands pay on a slice, exactly."""
        paid, low = ZERO, ZERO
        for end, ratio in bands:
            high = stop if end is None else min(dec(end), stop)
            paid += max(high - max(low, start), ZERO) * ratio
            low = stop if end is None else dec(end)
        return paid

    def floor(self, share: Decimal, entering: Decimal, taken: Decimal, by_ratio: Decimal) -> Decimal:
        return max(by_ratio, self.cents(share * entering))

    def room(self, cap: str, policy: Any, visit: Any, used: Any, keys: Any) -> Decimal:
        """Return what a cap leaves: layer 6."""
        months, rooms = visit.get("months", 1), [Decimal("Infinity")]
        if cap == "disease":
            if not visit.get("disease"):
                return rooms[0]
            if policy.get("disease_month_cap") is not None:
                rooms.append(dec(policy["disease_month_cap"]) * months - used["paid", *keys["disease_month"]])
            if policy.get("disease_cap") is not None:
                rooms.append(dec(policy["disease_cap"]) - used["paid", *keys["disease"]])
        else:
            name = {"month": "month_cap", "kind": "kind_cap", "year": "cap"}[cap]
            if policy.get(name) is None:
                return rooms[0]
            terms, times = amounts(policy[name], "amount"), months if cap == "month" else 1
            own = ["inpatient", "outpatient", "chronic", "pharmacy"] if cap == "year" else [keys["kind"][-1]]
            where = keys["month"][:-1] if cap == "month" else keys["year"]
            paid = sum((used[("paid", *where, kind)] for kind in set(terms.get("kinds") or own)), ZERO)
            rooms.append(dec(terms["amount"]) * times - paid)
        return max(min(rooms), ZERO)

    def base(self, policy: Any, entering: Decimal, out: Any, uncapped: Decimal) -> tuple[Decimal, Decimal]:
        """Return what enters layer 7, and what a large-sum scheme pays above the caps."""
        cut, catastrophic = out["above_cap"], policy.get("catastrophic") or {}
        cost = (entering - out["deductible"]) * cut / uncapped if cut else ZERO
        of_year = (entering - out["deductible"]) * out["above_year_cap"] / uncapped if cut else ZERO
        large = min(self.cents(dec(policy.get("above_cap_ratio", 0)) * of_year), entering - out["basic"])
        base = entering - out["basic"] - large
        if catastrophic.get("leaves_out_over_limit"):
            base = max(base - (self.cents(cost) - large), ZERO)
        if catastrophic.get("counts_class_b"):
            base += out["self_pay_b"]
        if catastrophic.get("counts_away"):
            base += out["self_pay_away"]
        return base, large

    def payer(self, name: str, terms: Any, before: Decimal, base: Decimal) -> Decimal:
        """Return what a payer adds on this visit's slice of the running base: layers 7 and 8."""
        threshold = dec(terms.get("threshold", 0))
        if name != "catastrophic":
            over = max(before + base - threshold, ZERO) - max(before - threshold, ZERO)
            return self.cents(over * dec(terms["ratio"]))
        start, stop = max(before, threshold), max(before + base, threshold)
        if self.net(terms):
            start, stop = start - threshold, stop - threshold
        return self.cents(self.banded([(band.get("to"), dec(band["ratio"])) for band in terms["bands"]], start, stop))

    def net(self, terms: Any) -> bool:
        return bool(terms.get("count") == "net")

    def account(self, policy: Any, out: Any, balance: Decimal) -> Decimal:
        """Layer 9."""
        share = out["bill"] - out["fund"]
        if policy.get("account_in_scope_only"):
            share -= out["unlisted"] + out["over_ceiling"] + out["self_pay_b"] + out["self_pay_away"]
        return min(balance, max(share, ZERO))

    def covers(self, payer: str, terms: Any) -> bool:
        """Return whether a payer covers the care: what it does not cover moves none of its bases."""
        return terms is not None and (payer == "catastrophic" or dec(terms["ratio"]) > 0)


def unmet(case: dict[str, Any], rules: Slow) -> list[str]:
    """Return what a case expects and these rules do not give."""
    lines = []
    for number, (visit, priced) in enumerate(zip(case.get("visits", [case]), rules.person(case), strict=True), 1):
        expected = visit.get("expected", {})
        for side in LISTS:
            for name, value in expected.get(side, {}).items():
                if priced[side][name] != dec(value):
                    lines.append(f"{number} {side}.{name} is {priced[side][name]}, expected {value}")
        gap = priced["direct"]["fund"] - priced["claim"]["fund"]
        if "benefit_gap" in expected and gap != dec(expected["benefit_gap"]):
            lines.append(f"{number} gap is {gap}, expected {expected['benefit_gap']}")
    return lines


# Any person: every form of a policy, in any mixture that a case file may hold.

KINDS = ("inpatient", "inpatient", "outpatient", "chronic", "pharmacy")


def money(rng: Random, most: float) -> float:
    """Return an amount in yuan, of any size, often round, sometimes 0."""
    amount = rng.choice([0.0, most, rng.uniform(0, most), most * 10 ** -rng.uniform(0, 4), rng.uniform(0, most)])
    return round(amount, rng.choice([0, 0, 2, 2, 2, -2]))


def share(rng: Random) -> float:
    """Return a share, mostly of two decimals."""
    return rng.choice([rng.randint(0, 100) / 100, rng.randint(0, 20) / 20, rng.randint(0, 10**6) / 10**6])


def random_bands(rng: Random, most: float, decimals: int = 6) -> list[dict[str, Any]]:
    """Return bands that follow each other, the last mostly without end."""
    ends = sorted({round(rng.uniform(1, most), rng.choice([0, 2])) for _ in range(rng.choice([0, 0, 1, 2, 3, 7]))})
    bands: list[dict[str, Any]] = [{"to": end, "ratio": round(share(rng), decimals)} for end in ends]
    return bands if bands and rng.random() < 0.2 else [*bands, {"ratio": round(share(rng), decimals)}]


def random_deductible(rng: Random) -> Any:
    if rng.random() < 0.3:
        return money(rng, 2_000)
    terms: dict[str, Any] = {"per": rng.choice(["visit", "year", "month", "disease", "visit", "visit of any kind"])}
    if rng.random() < 0.3:
        terms |= {"share_of_bill": rng.choice([rng.randint(0, 300) / 1000, 0.1255]), "floor": money(rng, 1_000)}
        terms |= {name: money(rng, 1_000) for name in ("second", "third_and_later") if rng.random() < 0.2}
        if rng.random() < 0.7:
            most = max(terms[name] for name in ("floor", "second", "third_and_later") if name in terms)
            terms["ceiling"] = round(most + money(rng, 5_000), 2)
    else:
        terms["amount"] = money(rng, 3_000)
        terms |= {name: money(rng, 2_000) for name in ("second", "third_and_later") if rng.random() < 0.5}
    if rng.random() < 0.4:
        terms["factor"] = rng.choice([0.5, 1.5, 2, rng.randint(0, 30) / 10])
    return terms


def random_cap(rng: Random, most: float) -> Any:
    if rng.random() < 0.5:
        return money(rng, most)
    kinds = rng.sample(sorted(set(KINDS)), rng.randint(1, 4))
    return {"amount": money(rng, most), **({"kinds": kinds} if rng.random() < 0.7 else {})}


def random_payer(rng: Random, most: float) -> dict[str, Any]:
    terms = {"ratio": share(rng), "threshold": money(rng, most)}
    return terms | ({"cap": money(rng, most)} if rng.random() < 0.5 else {})


def random_policy(rng: Random) -> dict[str, Any]:
    """Return terms in which each form stands about every third time."""
    factor = rng.choice([1, 1, 0.9, 0.5])
    bands = random_bands(rng, 30_000, 6 if factor == 1 else 2)
    ratio: Any = {"bands": bands, "over": rng.choice(["visit", "year"])}
    if len(bands) > 1 or rng.random() < 0.2:
        ratio["count"] = rng.choice(["gross", "net"])
    policy: dict[str, Any] = {"deductible": random_deductible(rng), "ratio": ratio, "ratio_factor": factor}
    if rng.random() < 0.4:
        policy["points_off"] = rng.randint(0, 30) / 100
    optional: dict[str, Any] = {
        "first_self_pay_away": lambda: share(rng) / rng.choice([1, 2]),
        "floor_ratio": lambda: share(rng),
        "cap": lambda: random_cap(rng, 60_000),
        "kind_cap": lambda: random_cap(rng, 20_000),
        "month_cap": lambda: random_cap(rng, 10_000),
        "disease_cap": lambda: money(rng, 8_000),
        "disease_month_cap": lambda: money(rng, 2_000),
        "above_cap_ratio": lambda: share(rng),
        "assistance": lambda: random_payer(rng, 10_000),
        "tilt": lambda: random_payer(rng, 5_000),
        "account_in_scope_only": lambda: rng.random() < 0.5,
    }
    policy |= {name: form() for name, form in optional.items() if rng.random() < 0.35}
    if "first_self_pay_away" in policy:
        policy["first_self_pay_away"] = round(policy["first_self_pay_away"], 6)
    if rng.random() < 0.6:
        terms: dict[str, Any] = {"threshold": money(rng, 20_000), "bands": random_bands(rng, 60_000)}
        if len(terms["bands"]) > 1:
            terms["count"] = rng.choice(["gross", "net"])
        flags = ("counts_class_b", "counts_away", "leaves_out_over_limit")
        terms |= {flag: True for flag in flags if rng.random() < 0.3}
        policy["catastrophic"] = terms | ({"cap": money(rng, 30_000)} if rng.random() < 0.4 else {})
    return policy


def random_entry(rng: Random, price: float) -> dict[str, Any]:
    sort = rng.choice(["甲", "乙", "乙", "unlisted"])
    entry: dict[str, Any] = {"class": sort} | ({"self_pay": share(rng)} if sort == "乙" else {})
    return entry | ({"ceiling": money(rng, price)} if sort != "unlisted" and rng.random() < 0.3 else {})


def random_bill(rng: Random) -> list[dict[str, Any]]:
    bill = []
    for _ in range(rng.choice([1, 1, 2, 3, 5])):
        amount = money(rng, rng.choice([100, 5_000, 80_000]))
        quantity = rng.choice([1, 1, 2, 7])
        what = {"zh": "药", "en": "x"} if quantity > 1 else "x"
        line: dict[str, Any] = {"what": what, "amount": amount} | ({"quantity": quantity} if quantity > 1 else {})
        if rng.random() < 0.5:
            line |= random_entry(rng, amount / quantity)
        else:
            line |= {list_: random_entry(rng, amount / quantity) for list_ in ("host", "home")}
        bill.append(line)
    return bill


def random_visit(rng: Random, date: str) -> dict[str, Any]:
    visit: dict[str, Any] = {"date": date, "kind": rng.choice(KINDS), "tier": rng.randint(1, 3)}
    visit |= {"disease": rng.choice("abc"), "bill": random_bill(rng)}
    visit["settled"] = rng.choice(["direct", "direct", "claim", "abandoned"])
    if visit["kind"] != "inpatient" and rng.random() < 0.4:
        visit["months"] = rng.randint(1, 3)
    own = Random(f"{date} {visit['bill'][0]['amount']}")  # leaves what else is drawn as it was
    if own.random() < 0.4:
        visit["rule"] = own.choice(["host", "home", "either", "both"])
    return visit


def of_disease(policy: dict[str, Any]) -> bool:
    """Return whether a policy counts anything by disease."""
    per = amounts(policy["deductible"], "amount").get("per")
    return per == "disease" or "disease_cap" in policy or "disease_month_cap" in policy


def random_person(rng: Random) -> dict[str, Any]:
    """Return a case: a person with visits over up to three calendar years, under a policy that may change by date."""
    days = sorted((rng.randint(2022, 2024), rng.randint(1, 12), rng.randint(1, 28)) for _ in range(rng.randint(1, 9)))
    policy: Any = random_policy(rng)
    if rng.random() < 0.6:
        kinds = [{"when": {"kind": rng.choice(KINDS)}, **random_policy(rng)} for _ in range(2)]
        policy = [policy, *kinds, {"when": {"from": f"2023-{rng.randint(1, 12):02}"}, **random_policy(rng)}]
    case: dict[str, Any] = {"name": "x", "policy": policy}
    case["visits"] = [random_visit(rng, f"{y}-{m:02}-{d:02}") for y, m, d in days]
    if not any(of_disease(terms) for terms in (policy if isinstance(policy, list) else [policy])):
        for visit in case["visits"][::2]:
            del visit["disease"]
    if rng.random() < 0.5:
        case["account"] = money(rng, 5_000)
    if rng.random() < 0.3:
        names = ("paid", "deductible", "reached", "catastrophic_base", "assistance_base", "tilt_paid", "paid_month")
        names += ("disease_paid", "disease_paid_month", "disease_deductible", "deductible_month", "assistance_paid")
        case["used_this_year"] = {name: money(rng, 5_000) for name in names if rng.random() < 0.4}
        case["used_this_year"]["admissions"] = rng.randint(0, 3)
    return case
