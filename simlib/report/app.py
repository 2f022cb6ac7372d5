"""A page to play with, for Voilà or a notebook: where, which measures, how strong; what it does, seconds later.

Settings become a scenario file; few draws, solved once and kept.
"""

from __future__ import annotations

import base64
import html
import io
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from simlib.benefits.pooling import Pooling
from simlib.errors import BadInputError
from simlib.files.shapes import MAX_TITLE
from simlib.files.texts import LANGS, Lang, joined, said, texts
from simlib.quantities import Quantity, levers
from simlib.report import opening, pack, pieces, plots, sections
from simlib.report.pieces import meaning
from simlib.scenario.scenario import Scenario, load
from simlib.study import curve, experiment, folders, results
from simlib.study.results import Results

DPI = 110
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
    head = {"extends": Path(root.path).name, "year": year, "geography": geography, "title": titles}
    text = yaml.safe_dump(head | {"question": questions, "changes": changes}, allow_unicode=True, sort_keys=False)
    return str(text)


def _set(lever: Quantity, strength: float) -> dict[str, bool | float | str]:
    """Return what a lever and what it needs beside it are set to at a strength above 0."""
    assert lever.at_full
    if isinstance(lever.default, bool):
        return {lever.id: True}
    full = float(lever.at_full.value)
    none = float(lever.default if lever.at_full.none is None else lever.at_full.none)  # type: ignore[arg-type]
    return dict(lever.at_full.beside) | {lever.id: round(none + strength * (full - none), 4)}


def _title(region: str, chosen: list[tuple[Measure, float]], lang: Lang) -> str:
    """Return a title that names region and measures, cut where a title may not be longer."""
    parts = [one.label(lang) if one.switch else f"{one.label(lang)} {100 * s:.0f}%" for one, s in chosen]
    words = joined("join.semicolon", lang, parts or [said("trial.nothing", lang)])
    title = said("join.colon", lang, said(f"region.{region}", lang), words)
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
    return load(file)


def look(tried: Scenario, *, draws: int = DRAWS, people: int = PEOPLE, jobs: int = JOBS) -> Results:
    """Return what a scenario changes, of the pairs and kinds that it sets something for, from few draws.

    Solved draws are kept: only the first look solves them. The rate has no curve over attention here.
    """
    runs = experiment.repeat([tried], draws=draws, people=people, jobs=jobs, seed=SEED, whole=False)
    return results.of_runs(runs, curve=pd.DataFrame(columns=curve.COLUMNS))


def packed(tried: Scenario, folder: Path, lang: Lang) -> list[Path]:
    """Return the files of a report on a scenario of a page, its run of the whole country beside it in the folder.

    As few draws as a first look, twice the people.
    """
    runs = experiment.repeat([tried], draws=DRAWS, people=2 * PEOPLE, jobs=JOBS, seed=SEED)
    folders.write(folder, results.of_runs(runs, jobs=JOBS))
    return pack.write(folder, lang)


def page(root: str | Path, lang: Lang = "zh") -> _Asked:
    """Return the page, which a notebook shows: controls, and beside them what they change against the scenario `root`.

    The first draws are solved before it is shown; after that each change takes a second or two.

    Raises
    ------
    BadInputError : ipywidgets is not installed; the root cannot be read.
    """
    try:
        import ipywidgets as widgets
    except ModuleNotFoundError:
        raise BadInputError("the page needs ipywidgets and Voilà: in the clone, pip install -e '.[app]'") from None
    return _Asked(widgets, load(root), lang)


class _Asked:
    """The widgets of a page and what ties them together; a change of language writes the same widgets anew."""

    def __init__(self, widgets: Any, root: Scenario, lang: Lang) -> None:
        self.root, self.lang = root, lang
        self.folder = Path(tempfile.mkdtemp(prefix="simlib_"))
        self.runs = 0
        wide = widgets.Layout(width="auto")
        self.language = widgets.ToggleButtons(options=[("中文", "zh"), ("English", "en")], value=lang)
        self.language.style.button_width = "6rem"
        self.region = widgets.Dropdown(options=list(REGIONS), layout=wide)
        self.controls = {}
        for name, measure in measures().items():
            slider: dict[str, Any] = {"min": 0, "max": 1, "step": 0.05, "readout_format": ".0%"}
            self.controls[name] = (
                widgets.Checkbox(indent=False, layout=wide)
                if measure.switch
                else widgets.FloatSlider(**slider, continuous_update=False, layout=wide)
            )
        self.labels = {name: widgets.HTML() for name in self.controls}
        self.head, self.heading, self.figures, self.told, self.status, self.link = (widgets.HTML() for _ in range(6))
        self.make = widgets.Button(layout=widgets.Layout(width="auto"))
        rows = [one for name, control in self.controls.items() for one in self._row(name, control)]
        left = widgets.VBox([self.region, self.heading, *rows])
        rest = widgets.VBox([self.status, self.told, self.make, self.link])
        columns = widgets.Box([left, self.figures, rest])
        for of_grid, area in ((columns, "columns"), (left, "controls"), (self.figures, "figures"), (rest, "rest")):
            of_grid.add_class(area)
        self.whole = widgets.VBox([widgets.HTML(_style()), self.language, self.head, columns])
        self.whole.add_class("simlib")
        look(written(root, self.region.value, {"filing.free": 1.0}, self.folder))  # solves the draws
        self._write()
        for control in (self.region, *self.controls.values()):
            control.observe(lambda _: self._answer(), "value")
        self.language.observe(lambda _: self._write(), "value")
        self.make.on_click(lambda _: self._pack())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Return how a notebook shows the page; where it has no widgets, in a word."""
        shown: dict[str, Any] = self.whole._repr_mimebundle_()
        return shown | {"text/plain": "a page of simlib"}

    def _row(self, name: str, control: Any) -> list[Any]:
        """Return a control with its label above, or a box that has it beside."""
        return [control] if measures()[name].switch else [self.labels[name], control]

    def _write(self) -> None:
        """Write every text in the language chosen, then what the settings do."""
        self.lang = lang = self.language.value
        words = {name: measure.label(lang) for name, measure in measures().items()}
        self.head.value = (
            f'<h1>{said("app.title", lang)}</h1><p class="soft">{said("app.reduced", lang, DRAWS, f"{PEOPLE:,}")}</p>'
        )
        self.heading.value = f"<h2>{said('app.measures', lang, self.root.year + 1)}</h2>"
        with self.region.hold_trait_notifications():
            now = self.region.value
            self.region.options = [(said(f"region.{name}", lang), name) for name in REGIONS]
            self.region.value = now
        for name, control in self.controls.items():
            self.labels[name].value, control.tooltip = html.escape(words[name]), words[name]
            control.description = words[name] if measures()[name].switch else ""
        self.make.description = said("app.pack", lang)
        self._answer()

    def _settings(self) -> dict[str, float]:
        """Return the strength of each measure."""
        return {name: float(control.value) for name, control in self.controls.items()}

    def _answer(self) -> None:
        """Show what the settings do."""
        self.link.value = ""
        self.make.disabled = not any(self._settings().values())
        if self.make.disabled:
            self.figures.value, self.told.value = "", f"<p>{said('app.none', self.lang)}</p>"
            self.status.value = ""
            return
        self._busy("app.working", self._look)

    def _look(self) -> str:
        """Show a first look; return what is said of it."""
        began = time.perf_counter()
        tried = written(self.root, self.region.value, self._settings(), self.folder)
        study = look(tried)
        self.figures.value, self.told.value = figures(study, self.lang), told(study, self.lang)
        return said("app.done", self.lang, DRAWS, f"{time.perf_counter() - began:.1f}")

    def _pack(self) -> None:
        """Make the report and show where to get it."""
        self._busy("app.packing", self._packed)

    def _packed(self) -> str:
        """Write the report of the settings, offer it as a link; return where its run is."""
        tried = written(self.root, self.region.value, self._settings(), self.folder)
        self.runs += 1
        run = self.folder / f"run_{self.runs}"
        raw = zipped([Path(tried.path), *packed(tried, run, self.lang)])
        words = said("app.packed", self.lang, f"{len(raw) / 1e6:.1f}")
        data = base64.b64encode(raw).decode()
        kept = html.escape(said("app.kept", self.lang, run))
        where = f"data:application/zip;base64,{data}"
        self.link.value = (
            f'<p><a download="simlib_{self.lang}.zip" href="{where}">{words}</a></p><p class="soft">{kept}</p>'
        )
        return ""

    def _busy(self, key: str, work: Callable[[], str]) -> None:
        """Say what is being done while it is, then what came of it; a refusal in one line."""
        self.status.value = f'<p class="soft" role="status">{said(key, self.lang)}</p>'
        self.make.disabled = True
        try:
            words = work()
        except BadInputError as error:
            words = html.escape(str(error))
        self.status.value = f'<p class="soft" role="status">{words}</p>'
        self.make.disabled = False


def figures(study: Results, lang: Lang) -> str:
    """Return the three figures of an answer as HTML."""
    cards = [{key: html.escape(words) for key, words in card.items()} for card in opening.cards(study, lang)]
    rows = "".join(
        f"<li><span>{card['label']}</span><b>{card['value']}</b><span>{card['interval']}</span>"
        f'<span class="note">{card["note"]}</span></li>'
        for card in cards
    )
    return f'<ul class="cards">{rows}</ul>'


def told(study: Results, lang: Lang) -> str:
    """Return what an answer says as HTML: in sentences, how sure, and the effect by kind as a picture."""
    parts = [
        f"<h2>{html.escape(opening.title(study, lang))}</h2>",
        f"<p>{html.escape(opening.sentences(study, lang))}</p>",
        f'<p class="soft">{html.escape(opening.verdict(study, lang))}</p>',
    ]
    for section in sections.sections(study, lang, ("kinds",)):
        for one in section.pictures:
            ax = pieces.picture(one)
            data = base64.b64encode(pack.png(ax.figure, DPI)).decode()
            parts.append(f'<img alt="{html.escape(plots.alt(ax), quote=True)}" src="data:image/png;base64,{data}">')
    return "".join(parts)


def zipped(paths: list[Path]) -> bytes:
    """Return files as a ZIP archive; pictures for print stay beside the run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in paths:
            if file.suffix != ".png":
                archive.write(file, file.name)
    return buffer.getvalue()


def _style() -> str:
    """Return the style of the page, with the font cut to every sign that its texts can have."""
    every = "".join(text for lang in LANGS for text in texts(lang).values())
    style = (files("simlib.report") / "templates" / "page.css").read_text(encoding="utf-8")
    packed = base64.b64encode(pack.font(every)).decode()
    return f"<style>{style.replace('base64,FONT)', f'base64,{packed})')}</style>"
