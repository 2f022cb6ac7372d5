"""The tables of a run: one registry says name, meaning, unit, columns and maker; all that lists tables lists this."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from simlib.amounts import AMOUNTS
from simlib.study import attribution, cash, curve, effects, findings, funnel, headline, match, metrics, sample
from simlib.study.attribution import COLUMNS as ATTRIBUTED
from simlib.study.attribution import Attribution
from simlib.study.experiment import Progress, Runs

SPLIT = ("fund_payment", metrics.RATE)
"""What is split among the measures of a package."""

Bars = Callable[[str, int], Progress]
"""Returns what shows the progress of a piece of work, by its name and how many parts it has."""


@dataclass(frozen=True)
class RunTable:
    """One file in the folder of a run.

    Attributes
    ----------
    columns : what it has, in their order; of `parameters.csv` the first, as one per uncertain parameter follows.
    make : what makes it of a run in memory.
    part : whether a run in which only what changes was drawn has it too. large : made when it is written, and not kept.
    text : columns that are read as text: codes of areas, say.
    """

    name: str
    meaning: str
    unit: str
    columns: Sequence[str]
    make: Callable[[Computed], Any]
    part: bool = False
    large: bool = False
    text: tuple[str, ...] = ()


class Computed(Mapping[str, Any]):
    """The tables of a run in memory by name, each made when it is first asked for, from the arrays of the draws.

    Parameters
    ----------
    split : what each measure did, of as many scenarios as were split. curve : the curve over attention if it is known,
    else it is simulated when it is asked for, with `jobs` threads and `bars`.
    """

    def __init__(
        self,
        runs: Runs,
        *,
        split: Sequence[Attribution] = (),
        curve: pd.DataFrame | None = None,
        jobs: int = 1,
        bars: Bars = lambda what, total: iter,
    ) -> None:
        self.runs, self.split, self.jobs, self.bars = runs, tuple(split), jobs, bars
        self.amounts = {scenario.name: runs.amounts(number) for number, scenario in enumerate(runs.scenarios)}
        self._kept: dict[str, Any] = {} if curve is None else {"attention.csv": curve}

    def __getitem__(self, name: str) -> Any:
        if name in self._kept:
            return self._kept[name]
        table = next(table for table in TABLES if table.name == name) if name in list(self) else None
        if table is None:
            raise KeyError(name)
        made = table.make(self)
        if not table.large:
            self._kept[name] = made
        return made

    def attributed(self, people: int) -> Computed:
        """Return the tables with what each measure of each scenario did, from runs of so many people at most."""
        runs, known = self.runs, self["attention.csv"]
        how: dict[str, Any] = {"draws": runs.draws, "seed": runs.seed, "pin": runs.pin, "jobs": self.jobs}
        how["people"] = min(people, runs.people)
        split = [
            attribution.attribute(one, progress=self.bars("measures", runs.draws), **how) for one in runs.scenarios
        ]
        return Computed(runs, split=split, curve=known, jobs=self.jobs, bars=self.bars)

    def __iter__(self) -> Iterator[str]:
        return (table.name for table in TABLES if table.part or self.runs.whole)

    def __len__(self) -> int:
        return len(list(iter(self)))


class OfOne(Mapping[str, Any]):
    """The rows of one scenario in each table."""

    def __init__(self, tables: Mapping[str, Any], scenario: str) -> None:
        self.tables, self.scenario = tables, scenario

    def __getitem__(self, name: str) -> Any:
        table = self.tables[name]
        if isinstance(table, list):
            return [one for one in table if one["scenario"] == self.scenario]
        return table[table["scenario"] == self.scenario] if "scenario" in table else table

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


def _headlines(computed: Computed) -> list[dict[str, Any]]:
    """Return the headline of each scenario."""
    ledger = computed["ledger.parquet"] if computed.runs.whole else None
    return [
        headline.facts(computed.runs, number, computed["attention.csv"], ledger)
        for number in range(len(computed.runs.scenarios))
    ]


def _curve(computed: Computed) -> pd.DataFrame:
    """Return the curve over attention."""
    runs, bar = computed.runs, computed.bars("curve over attention", computed.runs.draws)
    how: dict[str, Any] = {"draws": runs.draws, "seed": runs.seed, "pin": runs.pin}
    return curve.attention_curve(runs.scenarios, jobs=computed.jobs, progress=bar, **how)


def _each(computed: Computed, make: Callable[[Runs, int], pd.DataFrame]) -> pd.DataFrame:
    """Return a table made for each scenario as one, the first column its name."""
    tables = [make(computed.runs, number) for number in range(len(computed.runs.scenarios))]
    for scenario, table in zip(computed.runs.scenarios, tables, strict=True):
        table.insert(0, "scenario", scenario.name)
    return pd.concat(tables, ignore_index=True)


def _measures(computed: Computed) -> pd.DataFrame:
    """Return what each measure did to the metrics of `SPLIT`, of each scenario that was split."""
    tables = [one.table(metric).assign(scenario=one.package.name) for one in computed.split for metric in SPLIT]
    columns = ["scenario", *ATTRIBUTED]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _uncertain(computed: Computed) -> pd.DataFrame:
    """Return the value of each scalar uncertain parameter in each draw."""
    return computed.runs.uncertain.rename_axis("draw").reset_index()


TABLES = (
    RunTable("headline.json", "the answer of each scenario and what it rests on", "named in each key", headline.KEYS,
          _headlines, part=True),
    RunTable("effects.csv", "what changes, by group and metric: means, paired change, 95 % interval", "column unit",
          effects.CONTRACT, lambda of: effects.table(of.amounts)[effects.CONTRACT], part=True),
    RunTable("metrics.parquet", "every amount of every draw, group and half of the people", "visits, fen",
          ["scenario", "side", "group", "half", "draw", *AMOUNTS],
          lambda of: effects.draws_table(of.amounts), part=True, large=True),
    RunTable("attention.csv", "direct settlement rate over the share of attentive patients", "share", curve.COLUMNS,
          _curve, part=True),
    RunTable("funnel.csv", "what each condition leaves of all cases, and what holds up the rest", "share; cases, yuan",
          funnel.TABLE, lambda of: funnel.table(of.runs)),
    RunTable("fit.csv", "published figures beside simulated ones", "column unit", match.COLUMNS,
          lambda of: match.fit_table(of.runs), text=("year",)),
    RunTable("parameters.csv", "value of each uncertain parameter that is one number, by draw",
             "see `simlib parameters`",
          ["draw"], _uncertain, part=True),
    RunTable("ledger.parquet", "what the ledger says of each month", "column unit", cash.COLUMNS,
          lambda of: cash.cash_table(of.runs)),
    RunTable("fund_effects.csv", "what leaves the pools of each home in the year, by part", "yuan", cash.PARTS,
          lambda of: cash.parts_table(of.runs), text=("home",)),
    RunTable("who.csv", "what changes by group of insured", "column unit", findings.WHO_COLUMNS,
          lambda of: findings.who_table(of.runs)),
    RunTable("tiers.csv", "share of each hospital tier in the care of the changed pairs, by host", "share",
          findings.TIER_COLUMNS, lambda of: findings.tier_table(of.runs), text=("host",)),
    RunTable("years.csv", "inpatient rate of the country with the institutions of each year, by draw", "share",
          match.YEARS, lambda of: match.years_table(of.runs)),
    RunTable("gaps.csv", "some thousand inpatients of one pair in one draw", "yuan", ["scenario", *sample.COLUMNS],
          lambda of: _each(of, sample.gaps), text=("home", "host")),
    RunTable("measures.csv", "what each measure of a package did; empty unless it was split", "column unit",
          ["scenario", *ATTRIBUTED], _measures),
    RunTable("prepayment.csv", "prepayment of 2024 by the rule, published and simulated", "yuan", match.PREPAYMENT,
          lambda of: match.prepayment_table(of.runs)),
    RunTable("league.csv", "hosts and their tiers by faults that are not mended", "share; cases",
          ["scenario", *funnel.LEAGUE], lambda of: _each(of, funnel.league), text=("code", "tier")),
)  # fmt: skip
"""Every file in the folder of a run but its manifest, in the order in which they are listed; the books stand apart."""
