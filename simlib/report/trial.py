"""A first look at a measure within seconds: settings become a scenario file, few draws, worlds solved once and kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from simlib.benefits.pooling import Pooling
from simlib.files.shapes import MAX_TITLE
from simlib.files.texts import LANGS, Lang, said, texts
from simlib.quantities import Quantity, levers
from simlib.report import pack
from simlib.report.pieces import meaning
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.simulation import solve
from simlib.simulation.draws import Pin
from simlib.study import curve, experiment, folders, results
from simlib.study.results import Results

DRAWS, PEOPLE, JOBS, SEED = 6, 10_000, 2, 0
"""What a first look takes; a report takes 64 draws of 100,000 people."""
NAME = "trial"

REGIONS = {
    "yangtze-delta": ("provinces", "yangtze-delta"),
    "jing-jin-ji": ("provinces", "jing-jin-ji"),
    "chengdu-chongqing": ("provinces", "chengdu-chongqing"),
    "nation": ("provinces", ""),
    "delta": ("delta", "yangtze-delta"),
    "jing_jin_ji": ("jing_jin_ji", "jing-jin-ji"),
}
"""Where a measure can be tried: geography, and the region of homes and hosts that it is limited to, if any."""

Settings = Mapping[str, float]
"""Strength of each measure, 0 (nothing) to 1 (full), by its id."""


class Measure(NamedTuple):
    """What one control of a page sets: levers that go from nothing to full together, or are only off and on."""

    id: str
    levers: tuple[Quantity, ...]

    @property
    def switch(self) -> bool:
        """Whether it can only be off or on."""
        return isinstance(self.levers[0].default, bool)

    def label(self, lang: Lang) -> str:
        """Return what it is called: a short name where the table of texts has one, else what the lever means."""
        return texts(lang).get(f"measure.{self.id}") or meaning(self.id, lang)


def measures() -> dict[str, Measure]:
    """Return what can be tried: every lever of care that is a share, every one that is off unless set, but for pooling.

    The diseases that are not yet listed are one measure.

    >>> [name for name in measures() if name.startswith(("chronic", "codes"))]
    ['chronic.listed', 'codes.unified']
    """
    found: dict[str, list[Quantity]] = {}
    for q in levers().values():
        if q.kinds and not q.id.startswith(f"{Pooling.prefix}.") and (q.unit == "share" or q.default is False):
            found.setdefault("chronic.listed" if q.id.startswith("chronic.listed.") else q.id, []).append(q)
    return {name: Measure(name, tuple(group)) for name, group in found.items()}


def document(root: Scenario, region: str, settings: Settings) -> str:
    """Return a scenario file for settings at a region, in force from January of the year after the root's.

    Raises
    ------
    KeyError : no such region or measure.
    """
    geography, limit = REGIONS[region]
    known = measures()
    chosen = {name: strength for name, strength in settings.items() if strength}
    year = root.year + 1
    by_axes: dict[tuple[str, ...], dict[str, bool | float | str]] = {}
    for name, strength in chosen.items():
        for q in known[name].levers:
            axes = tuple(axis for axis in ("home", "host") if axis in q.axes)
            by_axes.setdefault(axes, {}).update(_set(q, strength))
    changes = [
        {"from": f"{year}-01", "where": dict.fromkeys(axes, limit)} | {"set": set_}
        if limit and axes
        else {"from": f"{year}-01", "set": set_}
        for axes, set_ in by_axes.items()
    ]
    titles = {lang: _title(region, [(known[name], s) for name, s in chosen.items()], lang) for lang in LANGS}
    questions = {lang: said("trial.question", lang, titles[lang]) for lang in LANGS}
    told = {"extends": Path(root.path).name, "year": year, "geography": geography, "title": titles}
    text = yaml.safe_dump(told | {"question": questions, "changes": changes}, allow_unicode=True, sort_keys=False)
    return str(text)


def _set(of: Quantity, strength: float) -> dict[str, bool | float | str]:
    """Return what a lever and what it needs beside it are set to at a strength above 0."""
    assert of.at_full
    if isinstance(of.default, bool):
        return {of.id: True}
    full = float(of.at_full.value)
    none = float(of.default if of.at_full.none is None else of.at_full.none)  # type: ignore[arg-type]
    return dict(of.at_full.beside) | {of.id: round(none + strength * (full - none), 4)}


def _title(region: str, chosen: list[tuple[Measure, float]], lang: Lang) -> str:
    """Return a title that names region and measures, cut where a title may not be longer."""
    parts = [of.label(lang) if of.switch else f"{of.label(lang)} {100 * s:.0f}%" for of, s in chosen]
    colon, join = ("：", "；") if lang == "zh" else (": ", "; ")
    title = said(f"region.{region}", lang) + colon + join.join(parts or [said("trial.nothing", lang)])
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"


def written(root: Scenario, region: str, settings: Settings, folder: Path) -> Scenario:
    """Return the scenario of settings, written to a folder beside copies of the files it stands on, and loaded."""
    home = Path(root.path).parent
    for path, _ in root.files():
        copy = folder / Path(path).relative_to(home)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    file = folder / f"{NAME}.yaml"
    file.write_text(document(root, region, settings), encoding="utf-8")
    return scenario.load(file)


def look(of: Scenario, *, draws: int = DRAWS, people: int = PEOPLE, jobs: int = JOBS) -> Results:
    """Return what a scenario changes, of the pairs and kinds that it sets something for, from few draws.

    The worlds of the draws are kept: only the first look solves them. The rate has no curve over attention here.
    """
    runs = experiment.repeat([of], draws=draws, people=people, jobs=jobs, seed=SEED, whole=False, solved=_kept)
    return results.of_runs(runs, curve=pd.DataFrame(columns=curve.COLUMNS))


def _kept(of: Scenario, seed: int, draw: int, pin: Pin | None) -> solve.World:
    """Return a world from memory, or solved: it is that of the provinces, whatever the geography."""
    assert not pin
    return _solved(of.model_copy(update={"geography": "provinces"}), seed, draw)


@lru_cache(maxsize=2 * DRAWS)
def _solved(of: Scenario, seed: int, draw: int) -> solve.World:
    """Return a world."""
    return solve.solve(of, seed, draw)


def packed(of: Scenario, folder: Path, lang: Lang) -> list[Path]:
    """Return the files of a report on a scenario of a page, its run of the whole country beside it in the folder.

    As few draws as a first look, twice the people.
    """
    runs = experiment.repeat([of], draws=DRAWS, people=2 * PEOPLE, jobs=JOBS, seed=SEED, solved=_kept)
    folders.write(folder, results.of_runs(runs, jobs=JOBS))
    return pack.write(folder, lang)
