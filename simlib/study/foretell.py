"""How well national figures can be foretold: forecasts of known years scored, and those of years to come frozen.

The forecasts are those of `patients.trends`, by which years to come are simulated as well. This says how far national
totals can be foretold at all; what a reform changes is `simulate`'s to say.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.errors import BadInputError, did_you_mean, shown
from simlib.files import cells
from simlib.files.facts import read
from simlib.patients.trends import (
    FIGURES,
    Foretell,
    Rows,
    damped,
    fit,
    last_year,
    past,
    past_of,
    rows_of_package,
    total,
)
from simlib.randomness import quantile

Array = npt.NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Ends of the 90 % and 50 % intervals, and the median."""
NAMES = ("low90", "low50", "median", "high50", "high90")

FEWEST_TO_COMPARE = 12
"""Scores below which no method is called better than another."""

RIVALS = {"last value": 0.0, "constant growth": 1.0, "damped trend": Foretell.damping.number}
"""What a forecast must beat: how much of the last step each repeats, see `trends.damped`."""
METHODS = ("simlib", *RIVALS)

HOW = {"ex ante": "the network of later years extrapolated", "ex post": "the true network of later years"}
"""What is read of later years."""


def learned(fit_to: int, seed: int = 0, rows: Rows | None = None) -> pd.DataFrame:
    """Return what a fit to a year says of each uncertain parameter: which moved from their range, and which did not.

    Columns: figure, parameter, prior_low, prior_high, low, median, high (90 % intervals), narrowed (share of the width
    of the prior's interval that the fit took away; near 0 where the past says nothing).
    """
    rows = rows_of_package() if rows is None else rows
    found = []
    for name, figure in FIGURES.items():
        known = past_of(name, rows, fit_to)
        if not known.value:
            continue
        declared = (figure.drift, figure.shock, *((Foretell.network,) if figure.network else ()))
        for parameter, fitted in zip(declared, fit(figure, known, seed), strict=False):
            before, after = quantile(parameter, np.array([0.05, 0.95])), np.quantile(fitted, (0.05, 0.5, 0.95))
            narrowed = 1 - (after[2] - after[0]) / (before[1] - before[0])
            found.append((name, parameter.id, *before, *after, float(narrowed)))
    columns = ["figure", "parameter", "prior_low", "prior_high", "low", "median", "high", "narrowed"]
    return pd.DataFrame(found, columns=columns)


def crps(ensemble: Array, truth: float) -> float:
    """Return the continuous ranked probability score of equally likely values: E|x - truth| - E|x - x'| / 2.

    >>> crps(np.array([1.0, 1.0]), 3.0), round(crps(np.array([0.0, 2.0]), 1.0), 3)
    (2.0, 0.5)
    """
    values, n = np.sort(ensemble), len(ensemble)
    apart = 2 * float(((2 * np.arange(1, n + 1) - n - 1) * values).sum()) / n**2
    return float(np.abs(values - truth).mean() - apart / 2)


def rivals(known: Mapping[int, float], years: Sequence[int]) -> Array:
    """Return what each of `RIVALS` says of each year, logs, (rival, year); NaN where there is no step to repeat."""
    return np.stack([damped(known, years, damping) for damping in RIVALS.values()])


def hindcast(fit_to: int, seed: int = 0, rows: Rows | None = None) -> pd.DataFrame:
    """Return forecasts of years that are known by now, from rows up to a year, beside what came.

    Columns
    -------
    figure, unit, year, how (see `HOW`), published, then the five
    `NAMES`, error_percent (of the median), inside50, inside90, the CRPS of the log by each of `METHODS`, empty where
    only one value is known and there is no step to repeat, and best, the method with the lowest.

    Raises
    ------
    BadInputError : nothing was published by that year, or nothing after it.
    """
    rows = rows_of_package() if rows is None else rows
    starts = {name: past(figure, rows, fit_to).value for name, figure in FIGURES.items()}
    last = last_year(rows)
    if not any(starts.values()) or fit_to >= last:
        first = min(min(past(figure, rows, last).value, default=last) for figure in FIGURES.values())
        raise BadInputError(
            f"--fit-to {fit_to}: figures are published for {first} to {last}. Name a year before {last}."
        )
    found = []
    for name, start in starts.items():
        truth = past(FIGURES[name], rows, last).value
        years = [year for year in range(max(start, default=last) + 1, last + 1) if year in truth]
        if not start or not years:
            continue
        others = rivals(start, years)
        for how in HOW:
            ensemble = total(name, rows, fit_to, years, seed, ex_post=how == "ex post")
            for i, year in enumerate(years):
                drawn = np.quantile(ensemble[:, i], QUANTILES)
                scores = (crps(ensemble[:, i], truth[year]), *np.abs(others[:, i] - truth[year]).tolist())
                error = 100 * (np.exp(drawn[2] - truth[year]) - 1)
                inside = [bool(drawn[a] <= truth[year] <= drawn[-1 - a]) for a in (1, 0)]
                head = (name, FIGURES[name].unit, year, how, float(np.exp(truth[year])))
                found.append((*head, *np.exp(drawn), error, *inside, *scores, METHODS[int(np.nanargmin(scores))]))
    columns = ["figure", "unit", "year", "how", "published", *NAMES, "error_percent", "inside50", "inside90", *METHODS]
    return pd.DataFrame(found, columns=[*columns, "best"])


def verdict(table: pd.DataFrame) -> pd.DataFrame:
    """Return coverage and mean scores of a hindcast by `how`.

    Columns: how, n (forecasts), inside50, inside90 (shares of them), compared (those that every method made), the mean
    CRPS of each method over these, better: the method with the lowest, or "too few to say" below `FEWEST_TO_COMPARE`.
    """
    found = []
    for how, every in table.groupby("how", sort=True):
        both = every.dropna(subset=list(METHODS))
        means = [float(both[method].mean()) for method in METHODS]
        best = METHODS[int(np.argmin(means))] if len(both) >= FEWEST_TO_COMPARE else "too few to say"
        coverage = (float(every["inside50"].mean()), float(every["inside90"].mean()))
        found.append((how, len(every), *coverage, len(both), *means, best))
    return pd.DataFrame(found, columns=["how", "n", "inside50", "inside90", "compared", *METHODS, "better"])


def source_sha256() -> str:
    """Return the hash of the two tables that figures are read from."""
    folder = files("simlib") / "data"
    names = ("direct_settlement.csv", "national.csv")
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in names)).hexdigest()


def predict(years: Sequence[int], made_on: str, seed: int = 0) -> pd.DataFrame:
    """Return what is foretold of years to come, ex ante, from all that is published: the rows of `predictions`.

    Columns: figure, year, unit, the five `NAMES`, made_on, fitted_to, seed, simlib (version), source_sha256.
    """
    rows = rows_of_package()
    fit_to, found = last_year(rows), []
    for name, figure in FIGURES.items():
        ensemble = total(name, rows, fit_to, years, seed)
        for i, year in enumerate(years):
            drawn = np.exp(np.quantile(ensemble[:, i], QUANTILES))
            cells = [f"{number:.5g}" if number < 1e5 else f"{round(number, -3):.0f}" for number in drawn]
            found.append((name, year, figure.unit, *cells, made_on, fit_to, seed, version("simlib"), source_sha256()))
    stamp = ["made_on", "fitted_to", "seed", "simlib", "source_sha256"]
    return pd.DataFrame(found, columns=["figure", "year", "unit", *NAMES, *stamp])


SCORED = {"figure": "text", "year": "number", "value": "number"}
"""Columns of a file of figures to score."""
UNLIKELY = 100.0
"""A figure this many times off the median foretold is in another unit."""


LEVELS = np.array(QUANTILES)
SHARES = np.diff([0.0, *(LEVELS[1:] + LEVELS[:-1]) / 2, 1.0])
"""How much of all quantiles each of the five frozen ones stands for."""


def score(path: Path) -> pd.DataFrame:
    """Return figures entered in a CSV or XLSX file beside every frozen prediction of them, one row for each vintage.

    Columns: figure, year, unit, value, made_on, the five `NAMES`, error_percent (of the median), inside50, inside90,
    the CRPS of the log by each of `METHODS`, of simlib from the five frozen quantiles (twice the pinball loss, summed
    over them), of the rivals from figures up to the year that the vintage was fitted to, and best, the lowest.

    Raises
    ------
    BadInputError : with every fault of the file.
    """
    frozen: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in read("predictions"):
        frozen.setdefault((row["figure"], row["year"]), []).append(row)
    pairs, values = _entered(path, frozen)
    found = [_scored(row, float(cell)) for pair, cell in zip(pairs, values, strict=True) for row in frozen[pair]]
    columns = ["figure", "year", "unit", "value", "made_on", *NAMES, "error_percent", "inside50", "inside90"]
    return pd.DataFrame(found, columns=[*columns, *METHODS, "best"])


def _entered(
    path: Path, frozen: Mapping[tuple[str, str], Sequence[Mapping[str, str]]]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return figures and years entered in a file, and the cells of their values, all of them checked."""
    table = cells.read(path, SCORED)
    names, years = list(dict.fromkeys(name for name, _ in frozen)), sorted({year for _, year in frozen})
    figures, dates, values = (table.cells[column] for column in SCORED)
    table.values("figure", lambda cell: _one_of(cell, names))
    table.values("year", lambda cell: _one_of(cell, years))
    table.values("value", _above_zero)
    first: dict[tuple[str, str], int] = {}
    pairs = list(zip(figures, dates, strict=True))
    twice = [i for i, pair in enumerate(pairs) if first.setdefault(pair, i) != i]
    table.refuse("figure", twice, lambda i: f"also in row {table.lines[first[pairs[i]]]}. Keep one.")
    table.faults.done()
    medians = [float(frozen[pair][0]["median"]) for pair in pairs]
    off = [i for i, median in enumerate(medians) if not 1 / UNLIKELY < float(values[i]) / median < UNLIKELY]
    units = [frozen[pair][0]["unit"] for pair in pairs]
    table.refuse("value", off, lambda i: f"{values[i]}: {_said(medians[i])} were foretold. Write {units[i]}.")
    table.faults.done()
    return pairs, values


def _scored(row: Mapping[str, str], value: float) -> tuple[object, ...]:
    """Return a row of `score`: a frozen prediction and its rivals beside what came."""
    drawn = np.array([float(row[name]) for name in NAMES])
    gap = np.log(value) - np.log(drawn)
    own = 2 * float(SHARES @ np.maximum(LEVELS * gap, (LEVELS - 1) * gap))
    year = int(row["year"])
    others = rivals(past(FIGURES[row["figure"]], rows_of_package(), int(row["fitted_to"])).value, [year])[:, 0]
    scores = (own, *np.abs(others - np.log(value)).tolist())
    inside = [bool(drawn[a] <= value <= drawn[-1 - a]) for a in (1, 0)]
    error = 100 * (drawn[2] / value - 1)
    head = (row["figure"], row["year"], row["unit"], value, row["made_on"])
    return (*head, *drawn, error, *inside, *scores, METHODS[int(np.nanargmin(scores))])


def _one_of(cell: str, known: Sequence[str]) -> int:
    """Return 0 for a word that is known; ValueError with the likely fix otherwise."""
    if cell not in known:
        raise ValueError(f"{shown(cell) or 'empty'}: not predicted. {did_you_mean(cell, known)}")
    return 0


def _above_zero(cell: str) -> int:
    """Return 0 for a plain number above 0 in the unit of the prediction; ValueError otherwise."""
    try:
        number = float(cell)
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise ValueError(f"{shown(cell) or 'empty'}: write a number above 0, in the unit of the prediction.")
    return 0


def hindcast_text(fit_to: int, table: pd.DataFrame, overall: pd.DataFrame, moved: pd.DataFrame) -> str:
    """Return a hindcast as lines of text: each way of forecasting, all together, and what the past says."""
    printed = table.drop(columns=["low50", "high50"]).rename(columns={"error_percent": "error %"})
    lines = [
        f"Fitted to rows up to {fit_to}. CRPS of the log: 0.1 is about a tenth off; lower is better.",
        "Ranges of the parameters were declared after these years: errors show skill at best, not at worst.",
    ]
    for how, every in printed.groupby("how", sort=True):
        lines += [f"\n{how}: {HOW[str(how)]}", text(every.drop(columns="how"))]
    lines += ["\nAll together; payments follow visits, so that these are fewer than they seem", text(overall)]
    return "\n".join([*lines, "\nWhat the past says of the parameters, 90 % intervals", text(moved)])


def score_text(table: pd.DataFrame) -> str:
    """Return scores of the frozen predictions as lines of text."""
    inside = ", ".join(f"{table[f'inside{p}'].sum()} in the {p} % interval" for p in (50, 90))
    printed = table.drop(columns=["low50", "high50"]).rename(columns={"error_percent": "error %"})
    means = ", ".join(f"{method} {table[method].mean():.3g}" for method in METHODS)
    return f"{text(printed)}\nOf {len(table)} forecasts: {inside}. Mean CRPS of the log, lower is better: {means}."


def text(table: pd.DataFrame) -> str:
    """Return a table of figures as text: numbers as people read them, yes and no, empty for none."""
    printed = table.copy()
    for column in printed:
        if printed[column].dtype == bool:
            printed[column] = np.where(printed[column], "yes", "no")
        elif printed[column].dtype == float:
            printed[column] = [_said(number) for number in printed[column]]
    buffer = io.StringIO()
    printed.to_string(buffer, index=False)
    return buffer.getvalue()


def _said(number: float) -> str:
    """Return a number with at most four digits that mean something.

    >>> _said(14335600.0), _said(0.0461), _said(float("nan"))
    ('14,340,000', '0.0461', '')
    """
    if not np.isfinite(number):
        return ""
    if abs(number) >= 1000:
        return f"{float(f'{number:.4g}'):,.0f}"
    return f"{number:.4g}" if abs(number) < 1 else f"{number:.1f}"
