"""What a report is put together from: tables whose numbers are those that are shown, pictures, sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simlib.benefits import area_rules
from simlib.errors import shown
from simlib.files.texts import LANGS, Lang, said, texts
from simlib.patients import areas
from simlib.quantities import register
from simlib.report.plots import number
from simlib.terms import KINDS, SCHEMES

LONGEST_CELL = 300
WIDTH = 5.8
"""Of a picture, inches: narrow enough to be read on a phone."""
FACTORS: dict[str, tuple[float, float]] = {"yuan": (1e-8, 1e-6), "share": (100, 100), "points": (100, 100)}
"""What amounts are multiplied by to be shown, zh and en: 亿元 and million yuan; shares in percent."""
TEXTS = ("", "id", "note")
"""Units of columns that hold no numbers: words, codes, and remarks."""
LEAST = {"points": 0.05, "months": 0.05}
"""Changes below this in their unit are said to be so: less than a day and a half, or one case in two thousand."""
PLAIN = (*TEXTS, "number", "figure")
"""Units that no heading names: those of words and of plain numbers, and those that differ from row to row."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its key in the frame, its heading, its unit; a change has a sign, an interval its ends."""

    key: str
    head: str
    unit: str = ""
    change: bool = False
    interval: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the frame that it shows: one, or three with the ends of an interval."""
        ends = (f"{self.key}_low", f"{self.key}_high") if self.change or self.interval else ()
        return (self.key, *ends)


@dataclass(frozen=True)
class Table:
    """A table of the report: a frame whose numbers are already those that are shown."""

    name: str
    title: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Picture:
    """A picture of the report: drawn on axes when it is needed."""

    name: str
    height: float
    draw: Callable[[Axes], Axes]


@dataclass(frozen=True)
class Section:
    """A section of the report; `values` are what its sentences need, see `prose`."""

    name: str
    title: str
    values: Mapping[str, Any]
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()


def table(name: str, title: str, frame: pd.DataFrame, columns: tuple[Column, ...], lang: Lang) -> Table:
    """Return a table with amounts in the unit in which they are shown in this language."""
    scaled = frame.copy()
    for column in columns:
        factor = FACTORS.get(column.unit, (1.0, 1.0))[LANGS[lang]]
        for key in column.keys:
            if column.unit not in TEXTS:
                scaled[key] = scaled[key].astype(float) * factor
    return Table(name, title, scaled, columns)


def columns(lang: Lang, *written: str) -> tuple[Column, ...]:
    """Return columns from words: key, or key=heading; unit; ± for a change, ~ for a level with its interval.

    The heading is a key of the table of texts; the unit as it is shown stands beside it.

    >>> [column.head for column in columns("en", "label=area", "yuan yuan ±")]
    ['area', 'change of fund payment (million yuan)']
    >>> columns("en", "yuan yuan ±")[0].keys
    ('yuan', 'yuan_low', 'yuan_high')
    """
    out = []
    for words in written:
        name, *rest = words.split(" ")
        key, _, head = name.partition("=")
        unit = next((one for one in rest if one not in "±~"), "")
        shown_as = f"unit.{ {'share': 'percent'}.get(unit, unit) }"
        label = said(head or key, lang)
        if shown_as in texts(lang) and unit not in PLAIN:
            label = bracketed(label, said(shown_as, lang), lang)
        out.append(Column(key, label, unit, "±" in rest, "~" in rest))
    return tuple(out)


def bracketed(words: str, beside: str, lang: Lang) -> str:
    """Return words with others in brackets behind them.

    >>> bracketed("cost", "yuan", "en"), bracketed("费用", "元", "zh")
    ('cost (yuan)', '费用（元）')
    """
    return said("join.bracketed", lang, words, beside)


def decimals(largest: float) -> int:
    """Return how many decimals suit numbers up to this size.

    >>> decimals(4321), decimals(43.2), decimals(0.4), decimals(0.02)
    (0, 1, 2, 3)
    """
    return 0 if largest >= 100 else 1 if largest >= 10 else 2 if largest >= 0.1 else 3


def meaning(name: str, lang: Lang) -> str:
    """Return what a declared number means; what is none stays as it is.

    >>> meaning("channels.attention", "zh")
    '会比较两种待遇、划算时选择手工报销的患者占比'
    """
    known = register()
    return (known[name].meaning_zh, known[name].meaning)[LANGS[lang]] if name in known else name


def area(name: str, lang: Lang) -> str:
    """Return the name of a region or an area as a reader says it; what is neither stays as the scenario has it.

    >>> area("yangtze-delta", "en"), area("henan", "zh"), area("310000", "en"), area("resident", "zh")
    ('Yangtze Delta', '河南', 'Shanghai', '居民')
    """
    if name in areas.regions():
        return areas.regions()[name][f"name_{lang}"]
    if name in (*SCHEMES, *KINDS):
        return said(name, lang)
    try:
        found = area_rules.pool(name)
    except LookupError:
        return name
    return (areas.short(found.name_zh), found.name_en)[LANGS[lang]]


def place_name(place: areas.Place, at: int, lang: Lang) -> str:
    """Return the name of an area by its position, short in Chinese."""
    return (areas.short(place.names_zh[at]), place.names_en[at])[LANGS[lang]]


def words(made: Table, lang: Lang) -> list[list[tuple[str, str]]]:
    """Return the cells of a table as they are read, each with its sort: n a number, else the column's of `TEXTS`.

    Changes have their intervals beside them.
    """
    columns = [list(_cells(made.frame, column, lang)) for column in made.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def as_read(made: Table, lang: Lang) -> pd.DataFrame:
    """Return a table as it is read, numbers in words, for a notebook."""
    cells = [[cell for cell, _ in row] for row in words(made, lang)]
    return pd.DataFrame(cells, columns=[column.head for column in made.columns])


def _cells(frame: pd.DataFrame, column: Column, lang: Lang) -> Iterator[tuple[str, str]]:
    """Yield the cells of one column; a frame whose units differ by row has the least change of each in `least`."""
    if column.unit in TEXTS:
        yield from ((shown(value, LONGEST_CELL), column.unit) for value in frame[column.key])
        return
    values = frame[list(column.keys)].to_numpy(dtype=float)
    by_row = column.unit == "figure" and "least" in frame
    leasts = frame["least"] if by_row else [LEAST.get(column.unit, 0.0)] * len(frame)
    for row, least in zip(values, leasts, strict=True):
        digits = 0 if len(row) == 1 and row[0].is_integer() else decimals(float(np.abs(row).max()))
        if np.isnan(row).any():
            yield "–", "n"
        elif column.change and 0 < np.abs(row).max() < least:
            yield said("cell.less", lang, least), "n"
        elif len(row) > 1:
            sign = "+" if column.change else ""
            yield said("cell.interval", lang, *(number(value, digits, sign) for value in row)), "n"
        else:
            yield number(row[0], digits), "n"


def picture(plan: Picture) -> Axes:
    """Return a picture drawn on a figure of its own, which no window or notebook knows of."""
    ax = Figure(figsize=(WIDTH, plan.height), dpi=120, layout="constrained").subplots()
    ax.spines[["top", "right"]].set_visible(False)
    return plan.draw(ax)
