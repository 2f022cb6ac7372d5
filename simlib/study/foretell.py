"""National figures foretold from their own past and the spread of the network, scored, and frozen before they come.

The log of a figure grows by a drift, by what newly connected institutions bring, and by shocks. Drift, that effect and
the size of shocks are uncertain parameters with declared ranges; a fit to a year weighs a space-filling design of
them by how well they explain the steps up to that year (importance weights), and reads no row of a later one.

This says how far national totals can be foretold at all; what a reform changes is `simulate`'s to say.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri
from scipy.stats import qmc

from simlib.errors import BadInputError, did_you_mean
from simlib.files import cells
from simlib.files.facts import read
from simlib.quantities import Params, Quantity
from simlib.randomness import quantile, systematic

Array = npt.NDArray[np.float64]
Rows = Mapping[str, Sequence[Mapping[str, str]]]

POINTS = 1 << 14
"""Points of the design; each is one possible set of uncertain parameters with shocks of its own."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Ends of the 90 % and 50 % intervals, and the median."""
NAMES = ("low90", "low50", "median", "high50", "high90")

FEWEST_TO_COMPARE = 12
"""Scores below which no method is called better than another."""

METHODS = ("simlib", "last value", "constant growth")

HOW = {"ex ante": "the network of later years extrapolated", "ex post": "the true network of later years"}
"""What is read of later years."""


class Foretell(Params, prefix="foretell"):
    """How national figures may move in a year, before their own past is looked at."""

    drift_visits: Quantity
    drift_payment: Quantity
    drift_cost: Quantity
    network: Quantity
    shock_visits: Quantity
    shock_payment: Quantity
    shock_cost: Quantity
    pace: Quantity
    opening: Quantity


@dataclass(frozen=True)
class Figure:
    """A national figure by year: which rows of which table, and what moves it.

    Attributes
    ----------
    name, unit : as printed and frozen. table, where : rows of the package, in their unit. drift, shock : its unknowns.
    network : kinds under which its connected institutions are published, or none. per : the figure that it is paid per,
        which is then foretold first, or none.
    """

    name: str
    unit: str
    table: str
    where: tuple[tuple[str, str], ...]
    drift: Quantity
    shock: Quantity
    network: tuple[str, ...] = ()
    per: str = ""


def _direct(name: str, kind: str, network: tuple[str, ...]) -> Iterator[Figure]:
    """Yield direct visits of a kind, and the fund payment on them."""
    visits, where = f"direct visits, {name}", (("kind", kind), ("metric", "visits"))
    paid = (("kind", kind), ("metric", "fund_paid"))
    drift, shock = Foretell.drift_visits, Foretell.shock_visits
    yield Figure(visits, "person-times", "direct_settlement", where, drift, shock, network)
    drift, shock = Foretell.drift_payment, Foretell.shock_payment
    yield Figure(f"fund payment, {name}", "100 million yuan", "direct_settlement", paid, drift, shock, (), visits)


def _cost(scheme: str) -> Figure:
    """Return the cost of cross-province care of a scheme, however settled."""
    where = (("metric", "crossprov_cost"), ("scheme", scheme))
    drift, shock = Foretell.drift_cost, Foretell.shock_cost
    return Figure(f"cross-province cost, {scheme}", "100 million yuan", "national", where, drift, shock)


FIGURES = {
    figure.name: figure
    for figure in (
        *_direct("inpatient", "inpatient", ("inpatient",)),
        *_direct("outpatient", "all_outpatient", ("all_outpatient", "ordinary_outpatient")),
        *_direct("chronic", "chronic_outpatient", ("chronic_outpatient",)),
        *_direct("pharmacy", "pharmacy", ("pharmacy",)),
        _cost("employee"),
        _cost("resident"),
    )
}
"""What is foretold, in the order in which it is printed; outpatient includes chronic and pharmacy, as published."""


class Past(NamedTuple):
    """A figure and its institutions by year, logs: only what is published."""

    value: dict[int, float]
    network: dict[int, float]


def rows_of_package() -> Rows:
    """Return the tables that figures are read from."""
    return {name: read(name) for name in ("direct_settlement", "national")}


def past(figure: Figure, rows: Rows, until: int) -> Past:
    """Return a figure up to a year; rows of later years, and of parts of a year, are not looked at.

    Where two values are published for a year the last row counts: that of 2021's outpatients as comparable with 2022.
    """
    when = "period" if figure.table == "direct_settlement" else "year"

    def logs(table: str, column: str, where: Mapping[str, Sequence[str]]) -> dict[int, float]:
        fit = (
            row
            for row in rows[table]
            if row[column].isdigit()
            and int(row[column]) <= until
            and all(row[key] in cells for key, cells in where.items())
        )
        return {int(row[column]): float(np.log(float(row["value"]))) for row in fit}

    value = logs(figure.table, when, {key: (cell,) for key, cell in figure.where})
    connected = {"kind": figure.network, "metric": ("networked_institutions",)}
    return Past(value, logs("direct_settlement", "period", connected))


@cache
def _design(seed: int) -> Array:
    """Return the points of the design, (point, 12): five uncertain parameters, then the shocks of up to seven years."""
    return np.asarray(qmc.Sobol(12, scramble=True, rng=seed).random(POINTS))


def fit(figure: Figure, known: Past, seed: int) -> tuple[Array, Array, Array]:
    """Return drift, size of shocks and effect of the network after the known steps, (point,), each point as likely.

    Points of the design are drawn with weights: the product over steps of Normal(step - drift - network x growth,
    shock). Without a step, or where institutions are not published, a step tells nothing and the ranges stay.
    """
    random = _design(seed)
    drift, shock = quantile(figure.drift, random[:, 0]), quantile(figure.shock, random[:, 1])
    network = quantile(Foretell.network, random[:, 2]) if figure.network else np.zeros(POINTS)
    weight = np.zeros(POINTS)
    for year in sorted(known.value):
        grown = _growth(known.network, year) if figure.network else 0.0
        if year - 1 in known.value and grown is not None:
            miss = known.value[year] - known.value[year - 1] - drift - network * grown
            weight += -0.5 * (miss / shock) ** 2 - np.log(shock)
    order = _resampled(np.exp(weight - weight.max()))
    return drift[order], shock[order], network[order]


def learned(fit_to: int, seed: int = 0, rows: Rows | None = None) -> pd.DataFrame:
    """Return what a fit to a year says of each uncertain parameter: which moved from their range, and which did not.

    Columns: figure, parameter, prior_low, prior_high, low, median, high (90 % intervals), narrowed (share of the width
    of the prior's interval that the fit took away; near 0 where the past says nothing).
    """
    rows = rows_of_package() if rows is None else rows
    found = []
    for name, figure in FIGURES.items():
        known = past(figure, _per_visit(figure, rows) if figure.per else rows, fit_to)
        if not known.value:
            continue
        declared = (figure.drift, figure.shock, *((Foretell.network,) if figure.network else ()))
        for parameter, fitted in zip(declared, fit(figure, known, seed), strict=False):
            before, after = quantile(parameter, np.array([0.05, 0.95])), np.quantile(fitted, (0.05, 0.5, 0.95))
            narrowed = 1 - (after[2] - after[0]) / (before[1] - before[0])
            found.append((name, parameter.id, *before, *after, float(narrowed)))
    columns = ["figure", "parameter", "prior_low", "prior_high", "low", "median", "high", "narrowed"]
    return pd.DataFrame(found, columns=columns)


def foretell(
    figure: Figure, rows: Rows, fit_to: int, years: Sequence[int], seed: int = 0, *, ex_post: bool = False
) -> Array:
    """Return the log of a figure in later years, (point, year), each point as likely.

    ln y[t] = ln y[t-1] + drift + network x (growth of ln institutions) + shock, the uncertain parameters as `fit`
    leaves them.

    Parameters
    ----------
    fit_to : last year of which rows are read. years : after the last published value.
    ex_post : read the institutions of later years instead of extrapolating them.

    Raises
    ------
    LookupError : the figure has no value up to that year.
    """
    random, known = _design(seed), past(figure, rows, fit_to)
    if not known.value:
        raise LookupError(f"{figure.name}: nothing is published up to {fit_to}.")
    drift, shock, network = fit(figure, known, seed)
    last = max(known.value)
    now, out = np.full(POINTS, known.value[last]), {}
    later = past(figure, rows, max(years)).network if ex_post else {}
    before = _growth(known.network, last)
    step = np.full(POINTS, before) if before is not None else quantile(Foretell.opening, random[:, 3])
    for number, year in enumerate(range(last + 1, max(years) + 1)):
        seen = _growth(later, year)
        step = step * quantile(Foretell.pace, random[:, 4]) if seen is None else np.full(POINTS, seen)
        now = now + drift + network * step + shock * ndtri(random[:, 5 + number])
        out[year] = now
    return np.stack([out[year] for year in years], axis=1)


def _growth(network: Mapping[int, float], year: int) -> float | None:
    """Return the growth of institutions in a year, not below 0; None if either count is missing."""
    if year not in network or year - 1 not in network:
        return None
    return max(network[year] - network[year - 1], 0.0)


def _resampled(weight: Array) -> npt.NDArray[np.int64]:
    """Return as many points as there are, each as often as its weight says (systematic resampling)."""
    # A fixed shuffle, so that neighbours of the sorted points do not share their shocks.
    return np.asarray(systematic(weight, POINTS)[np.random.default_rng(0).permutation(POINTS)])


def total(name: str, rows: Rows, fit_to: int, years: Sequence[int], seed: int = 0, *, ex_post: bool = False) -> Array:
    """Return the log of a figure as published, (point, year): payment per visit times visits, where it is paid per."""
    figure = FIGURES[name]
    if not figure.per:
        return foretell(figure, rows, fit_to, years, seed, ex_post=ex_post)
    visits = foretell(FIGURES[figure.per], rows, fit_to, years, seed, ex_post=ex_post)
    return visits + foretell(figure, _per_visit(figure, rows), fit_to, years, seed + 1)


def _per_visit(figure: Figure, rows: Rows) -> Rows:
    """Return the rows of a fund payment divided by those of its visits."""
    when, mine, of = "period", dict(figure.where), dict(FIGURES[figure.per].where)
    visits = {row[when]: row["value"] for row in rows[figure.table] if all(row[key] == of[key] for key in of)}
    paid = [row for row in rows[figure.table] if all(row[key] == mine[key] for key in mine) and row[when] in visits]
    divided = [{**row, "value": repr(float(row["value"]) / float(visits[row[when]]))} for row in paid]
    return {**rows, figure.table: divided}


def crps(ensemble: Array, truth: float) -> float:
    """Return the continuous ranked probability score of equally likely values: E|x - truth| - E|x - x'| / 2.

    >>> crps(np.array([1.0, 1.0]), 3.0), round(crps(np.array([0.0, 2.0]), 1.0), 3)
    (2.0, 0.5)
    """
    values, n = np.sort(ensemble), len(ensemble)
    apart = 2 * float(((2 * np.arange(1, n + 1) - n - 1) * values).sum()) / n**2
    return float(np.abs(values - truth).mean() - apart / 2)


def rivals(known: Mapping[int, float], years: Sequence[int]) -> tuple[Array, Array]:
    """Return the last value, and growth as in the last step, for each year, logs; NaN where there is no step."""
    last = max(known)
    step = known[last] - known[last - 1] if last - 1 in known else np.nan
    flat = np.full(len(years), known[last])
    return flat, flat + step * (np.array(years) - last)


def last_year(rows: Rows) -> int:
    """Return the last year of which any figure is published."""
    return max(max(past(figure, rows, 9999).value, default=0) for figure in FIGURES.values())


def hindcast(fit_to: int, seed: int = 0, rows: Rows | None = None) -> pd.DataFrame:
    """Return forecasts of years that are known by now, from rows up to a year, beside what came.

    Columns
    -------
    figure, unit, year, how (see `HOW`), published, then the five
    `NAMES`, error_percent (of the median), inside50, inside90, and the CRPS of the log by each of `METHODS`; that of
    constant growth is empty where only one value is known.

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
        flat, growing = rivals(start, years)
        for how in HOW:
            ensemble = total(name, rows, fit_to, years, seed, ex_post=how == "ex post")
            for i, year in enumerate(years):
                drawn = np.quantile(ensemble[:, i], QUANTILES)
                scores = (
                    crps(ensemble[:, i], truth[year]),
                    *(abs(rival[i] - truth[year]) for rival in (flat, growing)),
                )
                error = 100 * (np.exp(drawn[2] - truth[year]) - 1)
                inside = [bool(drawn[a] <= truth[year] <= drawn[-1 - a]) for a in (1, 0)]
                head = (name, FIGURES[name].unit, year, how, float(np.exp(truth[year])))
                found.append((*head, *np.exp(drawn), error, *inside, *scores))
    columns = ["figure", "unit", "year", "how", "published", *NAMES, "error_percent", "inside50", "inside90", *METHODS]
    return pd.DataFrame(found, columns=columns)


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


def score(path: Path) -> pd.DataFrame:
    """Return figures entered in a CSV or XLSX file beside the frozen predictions of them.

    Columns: figure, year, unit, value, the five `NAMES`, error_percent (of the median), inside50, inside90,
    quantile_score (mean over the five of twice the pinball loss of the log: 0 is perfect), made_on.

    Raises
    ------
    BadInputError : with every fault of the file.
    """
    frozen = {(row["figure"], row["year"]): row for row in read("predictions")}
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
    medians = [float(frozen[pair]["median"]) for pair in pairs]
    off = [i for i, median in enumerate(medians) if not 1 / UNLIKELY < float(values[i]) / median < UNLIKELY]
    units = [frozen[pair]["unit"] for pair in pairs]
    table.refuse("value", off, lambda i: f"{values[i]}: {_said(medians[i])} were foretold. Write {units[i]}.")
    table.faults.done()
    found = []
    for pair, cell in zip(pairs, values, strict=True):
        row, value = frozen[pair], float(cell)
        drawn = np.array([float(row[name]) for name in NAMES])
        gap = np.log(value) - np.log(drawn)
        loss = float(2 * np.maximum(np.array(QUANTILES) * gap, (np.array(QUANTILES) - 1) * gap).mean())
        inside = [bool(drawn[a] <= value <= drawn[-1 - a]) for a in (1, 0)]
        error = 100 * (drawn[2] / value - 1)
        found.append((*pair, row["unit"], value, *drawn, error, *inside, loss, row["made_on"]))
    columns = ["figure", "year", "unit", "value", *NAMES, "error_percent", "inside50", "inside90", "quantile_score"]
    return pd.DataFrame(found, columns=[*columns, "made_on"])


def _one_of(cell: str, known: Sequence[str]) -> int:
    """Return 0 for a word that is known; ValueError with the likely fix otherwise."""
    if cell not in known:
        raise ValueError(f"{cell or 'empty'}: not predicted. {did_you_mean(cell, known)}")
    return 0


def _above_zero(cell: str) -> int:
    """Return 0 for a plain number above 0 in the unit of the prediction; ValueError otherwise."""
    try:
        number = float(cell)
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise ValueError(f"{cell or 'empty'}: write a number above 0, in the unit of the prediction.")
    return 0


def hindcast_text(fit_to: int, table: pd.DataFrame, overall: pd.DataFrame, moved: pd.DataFrame) -> str:
    """Return a hindcast as lines of text: each way of forecasting, all together, and what the past says."""
    shown = table.drop(columns=["low50", "high50"]).rename(columns={"error_percent": "error %"})
    lines = [
        f"Fitted to rows up to {fit_to}. CRPS of the log: 0.1 is about a tenth off; lower is better.",
        "Ranges of the parameters were declared after these years: errors show skill at best, not at worst.",
    ]
    for how, every in shown.groupby("how", sort=True):
        lines += [f"\n{how}: {HOW[str(how)]}", text(every.drop(columns="how"))]
    lines += ["\nAll together; payments follow visits, so that these are fewer than they seem", text(overall)]
    return "\n".join([*lines, "\nWhat the past says of the parameters, 90 % intervals", text(moved)])


def score_text(table: pd.DataFrame) -> str:
    """Return scores of the frozen predictions as lines of text."""
    inside = ", ".join(f"{table[f'inside{p}'].sum()} in the {p} % interval" for p in (50, 90))
    shown = table.rename(columns={"error_percent": "error %", "quantile_score": "score"})
    return f"{text(shown)}\nOf {len(table)} figures: {inside}."


def text(table: pd.DataFrame) -> str:
    """Return a table of figures as text: numbers as people read them, yes and no, empty for none."""
    shown = table.copy()
    for column in shown:
        if shown[column].dtype == bool:
            shown[column] = np.where(shown[column], "yes", "no")
        elif shown[column].dtype == float:
            shown[column] = [_said(number) for number in shown[column]]
    buffer = io.StringIO()
    shown.to_string(buffer, index=False)
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
