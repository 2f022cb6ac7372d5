"""How a value shows itself where it is evaluated: a heading and a short table, plain or as HTML, nothing hidden."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from simlib.errors import shown

MOST_ROWS = 20
"""Rows that are shown; of more it is said how many there are."""
LONGEST = 60
"""Signs of a cell, and twice as many of a heading line."""


class Display(NamedTuple):
    """What a value shows of itself: lines that say what it is, heads of columns, rows."""

    lines: Sequence[str]
    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


class Displayed:
    """A value that shows itself as a short table: at most 25 lines in a terminal, a table in a notebook."""

    def _display(self) -> Display:
        """Return what is shown."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return it as plain text."""
        return "\n".join(_text(self._display()))

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """Return it as HTML, every sign of it escaped."""
        return _html(self._display())


def _cells(display: Display) -> tuple[list[str], list[list[str]], int]:
    """Return heads and the rows that are shown as text, and how many rows are left out."""
    rows = [[shown(cell, LONGEST) for cell in row] for row in display.rows[:MOST_ROWS]]
    return [shown(head, LONGEST) for head in display.heads], rows, len(display.rows) - len(rows)


def _text(display: Display) -> Iterator[str]:
    """Yield the lines of a display as plain text, columns under their heads."""
    heads, rows, more = _cells(display)
    yield from (shown(line, 2 * LONGEST) for line in display.lines[:3])
    widths = [max(_width(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    for row in (heads, *rows) if rows else ():
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
    if more:
        yield f"  … {more} more"


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a Chinese sign.

    >>> _width("ab"), _width("职工")
    (2, 4)
    """
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _html(display: Display) -> str:
    """Return a display as HTML."""
    heads, rows, more = _cells(display)
    lines = "<br>".join(html.escape(shown(line, 2 * LONGEST)) for line in display.lines[:3])
    table = [[f"<th>{html.escape(head)}</th>" for head in heads]]
    table += [[f"<td>{html.escape(cell)}</td>" for cell in row] for row in rows]
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in table)
    return f"<p>{lines}</p><table>{body}</table>" + (f"<p>… {more} more</p>" if more else "")
