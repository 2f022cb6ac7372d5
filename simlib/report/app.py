"""A page to play with, for Voilà or a notebook: where, which measures, how strong; what it does, seconds later."""

from __future__ import annotations

import base64
import html
import io
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from simlib.errors import BadInputError
from simlib.files.texts import LANGS, Lang, said, texts
from simlib.report import opening, pack, pieces, plots, sections, trial
from simlib.scenario import scenario
from simlib.study.results import Results

DPI = 110


def page(root: str | Path, lang: Lang = "zh") -> _Page:
    """Return the page, which a notebook shows: controls, and beside them what they change against the scenario `root`.

    The first draws are solved before it is shown; after that each change takes a second or two.

    Raises
    ------
    BadInputError : ipywidgets is not installed; the root cannot be read.
    """
    try:
        import ipywidgets as widgets
    except ModuleNotFoundError:
        raise BadInputError("the page needs ipywidgets and Voilà: pip install 'simlib[app]'") from None
    return _Page(widgets, scenario.load(root), lang)


class _Page:
    """The widgets of a page and what ties them together; a change of language writes the same widgets anew."""

    def __init__(self, widgets: Any, root: scenario.Scenario, lang: Lang) -> None:
        self.root, self.lang = root, lang
        self.folder = Path(tempfile.mkdtemp(prefix="simlib_"))
        self.runs = 0
        wide = widgets.Layout(width="auto")
        self.language = widgets.ToggleButtons(options=[("中文", "zh"), ("English", "en")], value=lang)
        self.language.style.button_width = "6rem"
        self.region = widgets.Dropdown(options=list(trial.REGIONS), layout=wide)
        self.controls = {}
        for name, of in trial.measures().items():
            slider: dict[str, Any] = {"min": 0, "max": 1, "step": 0.05, "readout_format": ".0%"}
            self.controls[name] = (
                widgets.Checkbox(indent=False, layout=wide)
                if of.switch
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
        trial.look(trial.written(root, self.region.value, {"filing.free": 1.0}, self.folder))  # solves the draws
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
        return [control] if trial.measures()[name].switch else [self.labels[name], control]

    def _write(self) -> None:
        """Write every text in the language chosen, then what the settings do."""
        self.lang = lang = self.language.value
        words = {name: of.label(lang) for name, of in trial.measures().items()}
        self.head.value = (
            f"<h1>{said('app.title', lang)}</h1>"
            f'<p class="soft">{said("app.reduced", lang, trial.DRAWS, f"{trial.PEOPLE:,}")}</p>'
        )
        self.heading.value = f"<h2>{said('app.measures', lang, self.root.year + 1)}</h2>"
        with self.region.hold_trait_notifications():
            now = self.region.value
            self.region.options = [(said(f"region.{name}", lang), name) for name in trial.REGIONS]
            self.region.value = now
        for name, control in self.controls.items():
            self.labels[name].value, control.tooltip = html.escape(words[name]), words[name]
            control.description = words[name] if trial.measures()[name].switch else ""
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
        of = trial.written(self.root, self.region.value, self._settings(), self.folder)
        answer = trial.look(of)
        self.figures.value, self.told.value = figures(answer, self.lang), told(answer, self.lang)
        return said("app.done", self.lang, trial.DRAWS, f"{time.perf_counter() - began:.1f}")

    def _pack(self) -> None:
        """Make the report and show where to get it."""
        self._busy("app.packing", self._packed)

    def _packed(self) -> str:
        """Write the report of the settings, offer it as a link; return where its run is."""
        of = trial.written(self.root, self.region.value, self._settings(), self.folder)
        self.runs += 1
        run = self.folder / f"run_{self.runs}"
        raw = zipped([Path(of.path), *trial.packed(of, run, self.lang)])
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


def figures(answer: Results, lang: Lang) -> str:
    """Return the three figures of an answer as HTML."""
    cards = [{key: html.escape(words) for key, words in card.items()} for card in opening.cards(answer, lang)]
    rows = "".join(
        f"<li><span>{card['label']}</span><b>{card['value']}</b><span>{card['interval']}</span>"
        f'<span class="note">{card["note"]}</span></li>'
        for card in cards
    )
    return f'<ul class="cards">{rows}</ul>'


def told(answer: Results, lang: Lang) -> str:
    """Return what an answer says as HTML: in sentences, how sure, and the effect by kind as a picture."""
    parts = [
        f"<h2>{html.escape(opening.title(answer, lang))}</h2>",
        f"<p>{html.escape(opening.sentences(answer, lang))}</p>",
        f'<p class="soft">{html.escape(opening.verdict(answer, lang))}</p>',
    ]
    for section in sections.sections(answer, lang, ("kinds",)):
        for one in section.pictures:
            ax = pieces.picture(one)
            data = base64.b64encode(pack.png(ax.figure, DPI)).decode()
            parts.append(f'<img alt="{html.escape(plots.alt(ax), quote=True)}" src="data:image/png;base64,{data}">')
    return "".join(parts)


def zipped(of: list[Path]) -> bytes:
    """Return files as a ZIP archive; pictures for print stay beside the run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in of:
            if file.suffix != ".png":
                archive.write(file, file.name)
    return buffer.getvalue()


def _style() -> str:
    """Return the style of the page, with the font cut to every sign that its texts can have."""
    every = "".join(text for lang in LANGS for text in texts(lang).values())
    style = (files("simlib.report") / "templates" / "page.css").read_text(encoding="utf-8")
    packed = base64.b64encode(pack.font(every)).decode()
    return f"<style>{style.replace('base64,FONT)', f'base64,{packed})')}</style>"
