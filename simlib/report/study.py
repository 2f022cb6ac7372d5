"""The one object that a person holds: a run of scenarios, with its tables, its pictures and its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from simlib.errors import did_you_mean
from simlib.files.texts import Lang
from simlib.fund import openings
from simlib.fund.openings import StatedPools
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.simulation import simulate
from simlib.simulation.draws import Pin
from simlib.study import attribution, evidence, experiment, findings, folders, parties, results
from simlib.study.results import Results
from simlib.study.tables import Bars, Computed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from simlib.report.pack import Page


class Study(Results):
    """A run of scenarios, from memory (`run`) or from its folder (`open`): the tables of `Results`, in short.

    It stands in the room of reports, as it draws pictures and writes: the room below makes the tables.
    """

    def funnel(self) -> pd.DataFrame:
        """Return why cases are not settled directly: see `funnel.table`."""
        return self.tables["funnel.csv"]

    def money(self) -> pd.DataFrame:
        """Return what the ledger says of each month: see `cash.cash_table`."""
        return self.tables["ledger.parquet"]

    def homes(self, lang: Lang = "en") -> pd.DataFrame:
        """Return the change of each home fund's payment on the changed pairs, percent, largest first.

        Columns: label (name of the area), change, low, high. Of one scenario; more of each home: `parties.homes`.
        """
        table = parties.homes(self)
        columns = {f"name_{lang}": "label", "fund": "change", "fund_low": "low", "fund_high": "high"}
        shown = table.reindex(columns=list(columns)).rename(columns=columns)
        return shown.sort_values("change", ascending=False, ignore_index=True)

    def drivers(self, metric: str = "fund_payment") -> pd.DataFrame:
        """Return the uncertain parameters that go with the headline change of one scenario: see `evidence.drivers`."""
        return evidence.drivers(self, metric)

    def distinguishable(self) -> pd.DataFrame:
        """Return the homes that stand out from the changed pairs together: see `findings.distinguishable`."""
        return findings.distinguishable(self.amounts)

    @property
    def plot(self) -> Pictures:
        """The pictures of the report of one scenario: `study.plot.kinds("zh")`."""
        return Pictures(self)

    def report(self, lang: Lang = "zh") -> Page:
        """Return the report of one scenario as a notebook shows it."""
        from simlib.report import pack

        return pack.page(self, lang)

    def attributed(self, people: int = attribution.PEOPLE) -> Study:
        """Return the study of a run in memory with what each measure of each scenario did: see `attribution.attribute`.

        people : people drawn for a coalition of measures, at most those of the run.
        """
        assert isinstance(self.tables, Computed)
        return replace(self, tables=self.tables.attributed(people))

    def save(self, folder: str | Path) -> Study:
        """Write the folder of the run, the manifest last, and return the study as it is read from there.

        Raises
        ------
        BadInputError : the folder cannot be written, or holds what another command wrote; the run was read from one.
        """
        where = Path(folder)
        folders.prepare(where, folders.RUN)
        folders.write(where, self)
        return open(where)


class Pictures:
    """The pictures of a report by name, each a function of the language that returns a figure."""

    def __init__(self, study: Results) -> None:
        self._study = study

    def __dir__(self) -> list[str]:
        return list(SECTION)

    def __getattr__(self, name: str) -> Callable[..., Figure]:
        if name not in SECTION:
            raise AttributeError(f"{name}: no picture of the report. {did_you_mean(name, SECTION)}")

        def draw(lang: Lang = "en") -> Figure:
            from simlib.report import pieces, sections

            made = sections.sections(self._study, lang, [SECTION[name]])
            (picture,) = (one for section in made for one in section.pictures if one.name == name)
            return pieces.picture(picture).get_figure()  # type: ignore[return-value]

        return draw


ALONE = ("kinds", "measures", "curve", "causes", "gap", "homes", "origins", "money", "drivers", "fit")
SECTION = dict(zip(ALONE, ALONE, strict=True)) | {"funnel": "causes", "streams": "origins"}
"""The pictures of a report, and the section in which each stands."""


def run(
    scenarios: Scenario | str | Path | Sequence[Scenario | str | Path],
    *,
    draws: int = experiment.DRAWS,
    seed: int = 0,
    people: int = simulate.PEOPLE_PER_DRAW,
    jobs: int = 1,
    pin: Pin | None = None,
    pools: StatedPools | str | Path | None = None,
    progress: Bars | None = None,
) -> Study:
    """Run scenarios, each beside its reference on the same luck, and return their study.

    Parameters
    ----------
    scenarios : one or several, loaded or by path, `a.yaml+b.yaml` too. draws : parameter draws, at least 2. people :
    people drawn per run. jobs : threads; any number gives the same result. pin : uncertain parameters held at a value
    and variants
    at a form, by id. pools : what the pools have, or the file that says so; else drawn and synthetic. progress : of a
    piece of work by its name and number of parts, returns what wraps the parts.

    Raises
    ------
    BadInputError : see `experiment.repeat`; a scenario or the table of pools cannot be read.
    """
    several = [scenarios] if isinstance(scenarios, (Scenario, str, Path)) else list(scenarios)
    loaded = [one if isinstance(one, Scenario) else scenario.load(one) for one in several]
    experiment.check(loaded, draws=draws, seed=seed, people=people, jobs=jobs)
    if isinstance(pools, (str, Path)):
        pools = openings.stated(Path(pools), areas.load(loaded[0].geography))
    how: dict[str, Any] = {"draws": draws, "seed": seed, "people": people, "jobs": jobs, "pin": pin, "pools": pools}
    bars = {"bars": progress} if progress else {}
    runs = experiment.repeat(loaded, progress=progress("draws", draws) if progress else iter, **how)
    return Study(**vars(results.of_runs(runs, jobs=jobs, **bars)))


def open(folder: str | Path) -> Study:
    """Return the study of a finished run from its folder.

    Raises
    ------
    BadInputError : the folder is no run's, incomplete, altered or of another version: every file named.
    """
    return Study(**vars(folders.read(Path(folder))))
