"""What a run found, in memory or read from its folder: the same tables and draw-by-draw amounts, by scenario."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import pandas as pd

from simlib.compiled import rules_sha
from simlib.errors import BadInputError, did_you_mean, listed, shown
from simlib.files.display import Display, Displayed
from simlib.files.facts import hashes
from simlib.patients import areas
from simlib.scenario import checks
from simlib.scenario.scenario import Scenario
from simlib.simulation.draws import Pin
from simlib.study import effects, metrics
from simlib.study.effects import Amounts
from simlib.study.experiment import Runs
from simlib.study.tables import TABLES, Computed, OfOne

LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "numba", "pydantic", "PyYAML")


@dataclass(frozen=True, eq=False, repr=False)
class Results(Displayed):
    """The results of one or several scenarios; `results[name]` are those of one.

    Attributes
    ----------
    tables : by the name of their file in the folder of a run, see `tables.TABLES`; the books are in the folder only.
    scenarios : amounts by scenario, draw by draw. manifest : what made the run, see `about`.
    memory : the arrays of the draws, None of a run that was read from its folder.
    """

    tables: Mapping[str, pd.DataFrame]
    scenarios: Mapping[str, Amounts]
    manifest: dict[str, Any]
    memory: Runs | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scenarios."""
        return tuple(self.scenarios)

    def __len__(self) -> int:
        return len(self.scenarios)

    def __iter__(self) -> Iterator[Self]:
        return (self[name] for name in self.names)

    def __getitem__(self, name: str) -> Self:
        """Return the results of one scenario.

        Raises
        ------
        BadInputError : no scenario of this name.
        """
        if name not in self.scenarios:
            raise BadInputError(f"{shown(name)}: no such scenario in this study. {did_you_mean(str(name), self.names)}")
        return replace(self, tables=OfOne(self.tables, name), scenarios={name: self.scenarios[name]})

    def _display(self) -> Display:
        """Return the headline change of each scenario, mean and the ends of its interval or range."""
        made = self.manifest
        several = f"{len(self)} scenario{'s' if len(self) > 1 else ''}"
        lines = [f"{type(self).__name__} of {several}, {self.draws} draws, seed {made.get('seed')}"]
        lines += [f"The headline group of each: change against the baseline ({self.place.geography})"]
        rows = [(name, amounts.headline, *_changes(amounts)) for name, amounts in self.scenarios.items()]
        heads = ("scenario", "group", "fund payment, %", "100 million yuan", "direct settlement rate, points")
        return Display(lines, heads, rows)

    @property
    def draws(self) -> int:
        """Number of draws."""
        return next(iter(self.scenarios.values())).draws

    @property
    def place(self) -> areas.Place:
        """The areas of the geography, which all scenarios share."""
        return next(iter(self.scenarios.values())).place

    @property
    def effects(self) -> pd.DataFrame:
        """What each scenario changes by group and metric, from the amounts of the draws: see `effects.table`."""
        return effects.table(self.scenarios)

    @property
    def curve(self) -> pd.DataFrame:
        """The direct settlement rate over the share of attentive patients: see `curve.attention_curve`."""
        return self.tables["attention.csv"]

    @property
    def fit(self) -> pd.DataFrame:
        """Published figures beside simulated ones: see `match.fit_table`."""
        return self.tables["fit.csv"]

    @property
    def runs(self) -> Runs:
        """The arrays of every draw.

        Raises
        ------
        BadInputError : the run was read from its folder, which keeps tables only.
        """
        if self.memory is None:
            raise BadInputError("this study was read from a folder, which keeps tables only. Run the scenario: sl.run.")
        return self.memory

    @property
    def name(self) -> str:
        """Name of the scenario.

        Raises
        ------
        BadInputError : there are several, as in all that follows.
        """
        if len(self) > 1:
            several = f"this study holds {len(self)} scenarios, and one is needed"
            raise BadInputError(f"{several}. Write study[{self.names[0]!r}], or another of {listed(self.names)}.")
        return self.names[0]

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the scenario by the name of its file, without rows where the run did not make it."""
        empty = {table.name: table.columns for table in TABLES}
        assert self.name
        return self.tables.get(name, pd.DataFrame(columns=list(empty[name])))

    @property
    def amounts(self) -> Amounts:
        """The amounts of the scenario, draw by draw."""
        return self.scenarios[self.name]

    @property
    def facts(self) -> dict[str, Any]:
        """The headline of the scenario as plain values: see `headline.facts`."""
        headlines: Any = self.tables["headline.json"]
        return next(dict(one) for one in headlines if one["scenario"] == self.name)

    @property
    def headline(self) -> str:
        """Label of the group that the answer is about."""
        return self.amounts.headline

    @property
    def kind(self) -> str:
        """Kind of care that the answer is about."""
        return self.headline.rsplit("=", 1)[1]

    @property
    def uncertain(self) -> pd.DataFrame:
        """Value of each uncertain parameter that the scenario uses, a row a draw."""
        return self.tables["parameters.csv"].drop(columns=["draw", *self._unused()])

    def _unused(self) -> Sequence[str]:
        """Return the uncertain parameters that nothing in the scenario hangs on."""
        if self.memory is None:
            return list(self.facts["unused"])
        scenario = next(one for one in self.memory.scenarios if one.name == self.name)
        return list(checks.unused(scenario, self.memory.pin))


def _changes(amounts: Amounts) -> Iterator[str]:
    """Yield the headline changes of fund payment and rate as text."""
    group = amounts.headline
    fund = effects.difference(amounts, "fund_payment", group)
    rate = effects.difference(amounts, metrics.RATE, group)
    for change in (effects.relative(amounts, "fund_payment", group), fund / 1e8, 100 * rate):
        found = effects.spread(effects.finite(change))
        yield f"{found['change']:+z.2f} ({found['low']:+z.2f} to {found['high']:+z.2f})"


def of_runs(runs: Runs, **how: Any) -> Results:
    """Return the results of a run in memory; how : see `tables.Computed`."""
    tables = Computed(runs, **how)
    made = about(runs.scenarios, seed=runs.seed, draws=runs.draws, people=runs.people, pin=runs.pin)
    pools = {Path(runs.pools.path).as_posix(): runs.pools.sha256} if runs.pools else {}
    return Results(tables, tables.amounts, made | {"people_drawn": runs.drawn, "pools_sha256": pools}, runs)


def about(scenarios: Sequence[Scenario], *, seed: int, draws: int, people: int, pin: Pin) -> dict[str, Any]:
    """Return what made the results: versions, seed, documents, hashes of inputs, rules' source and tables.

    Nothing in it depends on the time, the machine's name or the number of threads: the same run gives the same bytes.
    """
    return {
        "simlib": version("simlib"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "seed": seed,
        "draws": draws,
        "pinned": dict(sorted(pin.items())),
        "people": people,
        "scenarios": {one.name: one.path for one in scenarios},
        "documents": {one.name: one.source and one.source.model_dump() for one in scenarios},
        "rules_sha256": rules_sha(),
        "scenarios_sha256": {Path(path).as_posix(): sha for one in scenarios for path, sha in one.files()},
        "data_sha256": hashes(),
    }
