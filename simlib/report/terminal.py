"""What a run says in the terminal: the answer, how sure it is, what it rests on; in the words of the table of texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simlib.files.texts import Lang, said
from simlib.study import findings
from simlib.study.results import Results

LABEL = 52
"""Signs of the first column."""


def text(study: Results, lang: Lang = "en") -> str:
    """Return the headlines of every scenario as text; its tables are at most 120 columns wide."""
    return "\n\n".join("\n".join(_Lines(one, lang)) for one in study)


class _Lines:
    """The lines of one scenario."""

    def __init__(self, study: Results, lang: Lang) -> None:
        self.study, self.facts, self.lang = study, study.facts, lang
        self.span = said(findings.spread_key(study.draws), lang)

    def __iter__(self) -> Iterator[str]:
        for part in (self.about, self.headline, self.curve, self.beside, self.homes, self.money, self.evidence):
            yield from part()

    def say(self, key: str, *values: object) -> str:
        """Return a text of the terminal."""
        return said(f"terminal.{key}", self.lang, *values)

    def row(self, key: str, change: Mapping[str, Any], *values: object) -> str:
        """Return one line: change, interval, standard deviations from parameters and from Monte Carlo."""
        label = f"  {self.say(key, *values)}"
        if None in change.values():
            return f"{label:<{LABEL}}{self.say('few'):>10}   {self.say('few.drawn')}"
        sd = f"{change['sd_parameters']:>13.2f}{change['sd_monte_carlo']:>11.3f}"
        return f"{label:<{LABEL}}{change['change']:>+z10.2f}   {ends(change):<20}{sd}"

    def about(self) -> Iterator[str]:
        """Yield what was asked and run, and what the scenario sets, where and when."""
        made, facts, draws = self.study.manifest, self.facts, self.study.draws
        yield f"{facts['title']['en']}  {facts['title']['zh']}"
        yield from (facts["question"]["zh"], facts["question"]["en"])
        lists = facts["rests_on"]["catalogues"]
        yield self.say("about", facts["year"], draws, f"{made['people_drawn']:,}", made["seed"], lists)
        if draws < findings.FEWEST_TO_NAME:
            yield self.say("rough", findings.FEWEST_TO_NAME)
        if made["pinned"]:
            yield self.say("pinned", ", ".join(f"{name} = {value}" for name, value in sorted(made["pinned"].items())))
        for one in facts["sets"]:
            places = ", ".join(f"{axis} {'/'.join(names)}" for axis, names in one["where"].items())
            months = self.say("sets.until", one["from"], one["to"]) if one["to"] else one["from"]
            where = f" {self.say('sets.where', places)}" if places else ""
            yield self.say("sets", one["lever"], _value(one["value"]), months) + where

    def headline(self) -> Iterator[str]:
        """Yield what changes on the pairs that the scenario changes."""
        facts = self.facts
        changed = facts["group"].startswith("pairs=changed")
        where = self.say("changed", self.study.kind) if changed else self.say("unchanged")
        sd = f"{self.say('sd.uncertain'):>13}{self.say('sd.luck'):>11}"
        yield ""
        yield f"{where:<{LABEL}}{self.say('change'):>10}   {self.span:<20}{sd}"
        yield self.row("fund", facts["fund_percent"])
        yield self.row("fund.yuan", facts["fund_100_million_yuan"])
        yield self.row("own.yuan", facts["own_100_million_yuan"])
        yield self.row("advanced.yuan", facts["advanced_100_million_yuan"])
        yield from (self.row(f"{name}.yuan", change) for name, change in facts["beside_100_million_yuan"].items())
        yield self.row("rate.from", facts["rate_points"], f"{100 * (facts['rate_points']['baseline'] or 0):.1f}")

    def curve(self) -> Iterator[str]:
        """Yield the rate by the share of attentive patients."""
        points = self.facts["rate_curve_points"]
        changes = [point["change"] or 0.0 for point in points]
        rising = changes[0] < changes[-1] == max(changes)
        yield f"  {self.say('curve')}"
        for point in points:
            bound = f"  {self.say('curve.bound')}" if point["attention"] == 1 and rising else ""
            label = f"    {self.say('curve.at', round(100 * point['attention']))}{bound}"
            few = point["change"] is None
            change = f"   {self.say('few')}" if few else f"{point['change']:>+z10.2f}   {ends(point)}"
            yield f"{label:<{LABEL}}{change}"
        yield f"  {self.say('sd.said')}"

    def beside(self) -> Iterator[str]:
        """Yield the same with a fresh year at home, for other kinds of care, and for all inpatients."""
        facts = self.facts
        yield from self._two("fresh", facts["without_care_at_home"], "rate")
        for other in facts["other_kinds"]:
            yield from self._two("kind", other, "rate.unidentified", other["group"].rsplit("=", 1)[1])
        nation = {"fund_percent": facts["national_fund_percent"], "rate_points": facts["national_rate_points"]}
        yield from self._two("nation", nation, "rate")

    def _two(self, key: str, changes: Mapping[str, Any], rate: str, *values: object) -> Iterator[str]:
        """Yield a heading, and the change of fund payment and rate under it."""
        yield self.say(key, *values)
        yield self.row("fund", changes["fund_percent"])
        yield self.row(rate, changes["rate_points"])

    def homes(self) -> Iterator[str]:
        """Yield the home funds, and who stands out."""
        facts, name = self.facts, f"name_{self.lang}"
        if not facts["homes"]:
            return
        yield self.say("homes")
        yield from (self.row("home", home["fund_percent"], home[name]) for home in facts["homes"])
        apart = facts["distinguishable"]
        named = [self.say("homes.above" if home["low"] > 0 else "homes.below", home[name]) for home in apart]
        yield f"  {self.say('homes.named', ', '.join(named) or self.say('homes.none'))}"

    def money(self) -> Iterator[str]:
        """Yield what the ledger says; nothing where only what changes was drawn."""
        money, draws = self.facts["money"], self.study.draws
        if money is None:
            return
        heads = f"{self.say('change'):>10}   {self.span:<20}{self.say('from'):>13}"
        yield f"{self.say('money', self.facts['year']):<{LABEL}}{heads}"
        for row in money["rows"]:
            scheme = row["group"].partition("scheme=")[2]
            label = f"  {self.say('.'.join(('money', row['indicator'], *filter(None, [scheme]))))}"
            yield f"{label:<{LABEL}}{row['change']:>+z10.2f}   {ends(row):<20}{row['baseline']:>13.2f}"
        share, most, known = money["more_pools_short"], money["most"], self.study.manifest["pools_sha256"]
        percent, number = (f"{value:.0f}" for value in (100 * share, share * draws))
        seen = self.say("draws.percent", percent) if draws >= 100 else self.say("draws.of", number, draws)
        yield f"  {self.say('harm', seen, round(100 * most), self.say('met' if share <= most else 'not_met'))}"
        pools = self.say("pools.read", next(iter(known))) if known else self.say("pools.synthetic")
        yield f"  {self.say('harm.assumed', pools)}"

    def evidence(self) -> Iterator[str]:
        """Yield what the answer rests on."""
        rests = self.facts["rests_on"]
        counts = ", ".join(f"{number} {grade}" for grade, number in rests["parameters_by_grade"].items())
        yield self.say("rests", rests["weakest_grade"], counts)
        named = [driver for driver in self.facts["drivers"] if driver["beyond_luck"]]
        for driver in named:
            rank = f"{driver['rank_correlation']:+.2f}"
            yield f"  {self.say('driver', driver['id'], rank, driver['grade'])}"
        if not named:
            yield f"  {self.say('driver.none')}"
        by_grade = dict(rests["fund_payment_by_grade"])
        own = by_grade.pop("local", 0.0)
        shares = ", ".join(f"{100 * share:.0f} % {grade}" for grade, share in by_grade.items() if share)
        yield f"  {self.say('rests.fund', shares, f'{100 * own:.0f}')}"
        yield f"  {self.say('rests.lists', rests['catalogues'])}"
        yield f"  {self.say('rests.draws', rests['draws'])}"
        yield f"  {self.say('rests.prior')}"


def ends(change: Mapping[str, Any]) -> str:
    """Return an interval.

    >>> ends({"low": -0.001, "high": 2})
    '+0.00 to +2.00'
    """
    return f"{change['low']:+z.2f} to {change['high']:+z.2f}"


def _value(value: object) -> str:
    """Return what a lever is set to as a scenario file has it.

    >>> _value(True), _value(1.0), _value("either")
    ('true', '1', 'either')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
