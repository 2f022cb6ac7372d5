"""How national figures of direct settlement go on after the last year that is published: one forecast for all who ask.

The log of a figure grows by a drift, by what newly connected institutions bring, and by shocks. Drift, that effect and
the size of shocks are uncertain parameters with declared ranges; a fit to a year weighs a space-filling design of
them by how well they explain the steps up to that year (importance weights), and reads no row of a later one. Ahead
of the last known value the drift is damped (Gardner and McKenzie 1985): what grew fast once does not for ever.

A simulated year after the last published one takes its visits and payments from here, see `volumes`; so do the
predictions that are frozen before the figures come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from simlib.files.facts import read
from simlib.quantities import Params, Quantity
from simlib.randomness import quantile, systematic

Array = npt.NDArray[np.float64]
Rows = Mapping[str, Sequence[Mapping[str, str]]]

POINTS = 1 << 14
"""Points of the design; each is one possible set of uncertain parameters with shocks of its own."""
SHOCK, FARTHEST = 6, 10
"""First dimension of the design that is a shock, and most years ahead."""


class Foretell(Params, prefix="foretell"):
    """How national figures may move in a year, before their own past is looked at."""

    drift_visits: Quantity
    drift_payment: Quantity
    drift_cost: Quantity
    network: Quantity
    shock_visits: Quantity
    shock_payment: Quantity
    shock_cost: Quantity
    damping: Quantity
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
    """Return the points of the design, (point, dimension): uncertain parameters, then the shocks of the years ahead."""
    from scipy.stats import qmc  # slow to import, and needed for years after the last published one only

    return np.asarray(qmc.Sobol(SHOCK + FARTHEST, scramble=True, rng=seed).random(POINTS))


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


def ahead(
    figure: Figure, known: Past, years: Sequence[int], seed: int = 0, network: Mapping[int, float] | None = None
) -> Array:
    """Return the log of a figure in later years, (point, year), each point as likely.

    ln y[T+n] = ln y[T+n-1] + drift x damping^n + network x (growth of ln institutions) + shock, T the last known year,
    the uncertain parameters as `fit` leaves them. Where no step is known there is no trend to damp: the drift is then
    that of the first year ahead, and is damped from the second on.

    Parameters
    ----------
    known : the figure and its institutions, up to the year that is fitted to. years : after its last value, at most
    `FARTHEST`. network : ln institutions of later years, where they are known and not to be extrapolated.

    Raises
    ------
    LookupError : the figure has no value.
    """
    if not known.value:
        raise LookupError(f"{figure.name}: nothing is published.")
    random = _design(seed)
    drift, shock, effect = fit(figure, known, seed)
    damping = quantile(Foretell.damping, random[:, 5])
    last = max(known.value)
    now, out = np.full(POINTS, known.value[last]), {}
    before = _growth(known.network, last)
    step = np.full(POINTS, before) if before is not None else quantile(Foretell.opening, random[:, 3])
    for number, year in enumerate(range(last + 1, max(years) + 1)):
        seen = _growth(network or {}, year)
        step = step * quantile(Foretell.pace, random[:, 4]) if seen is None else np.full(POINTS, seen)
        if number or any(y - 1 in known.value for y in known.value):
            drift = drift * damping
        now = now + drift + effect * step + shock * scipy.special.ndtri(random[:, SHOCK + number])
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
    """Return the log of a figure as published, (point, year): payment per visit times visits, where it is paid per.

    Parameters
    ----------
    fit_to : last year of which rows are read. ex_post : read the institutions of later years instead of extrapolating
    them.
    """
    figure = FIGURES[name]
    if figure.per:
        visits = total(figure.per, rows, fit_to, years, seed, ex_post=ex_post)
        return visits + per_visit(name, rows, fit_to, years, seed)
    network = past(figure, rows, max(years)).network if ex_post else None
    return ahead(figure, past(figure, rows, fit_to), years, seed, network)


def per_visit(name: str, rows: Rows, fit_to: int, years: Sequence[int], seed: int = 0) -> Array:
    """Return the log of fund payment per visit, in the unit of the payment, (point, year)."""
    return ahead(FIGURES[name], past_of(name, rows, fit_to), years, seed + 1)


def past_of(name: str, rows: Rows, until: int) -> Past:
    """Return the past of what is fitted of a figure: of a fund payment that per visit."""
    figure = FIGURES[name]
    return past(figure, _per_visit(figure, rows) if figure.per else rows, until)


def last_year(rows: Rows) -> int:
    """Return the last year of which any figure is published."""
    return max(max(past(figure, rows, 9999).value, default=0) for figure in FIGURES.values())


def damped(known: Mapping[int, float], years: Sequence[int], damping: float) -> Array:
    """Return the last value and a damped share of the last step for each year, logs; NaN where there is no step.

    Damping of 0 repeats the last value, of 1 the last step.

    >>> damped({2022: 1.0, 2023: 2.0}, [2024, 2025], 0.5).tolist()
    [2.5, 2.75]
    """
    last = max(known)
    step = known[last] - known[last - 1] if last - 1 in known else np.nan
    grown = np.array([sum(damping**n for n in range(1, year - last + 1)) for year in years])
    return np.asarray(known[last] + np.where(grown == 0, 0.0, step * grown))


@cache
def sorted_ahead(name: str, year: int, *, each: bool = False) -> Array:
    """Return a figure in a year after the last published one, or each visit of it, ascending, in its unit, (point,)."""
    rows = rows_of_package()
    of = per_visit if each else total
    return np.exp(np.sort(of(name, rows, last_year(rows), [year])[:, 0]))


def foretold(name: str, year: int, standing: float, *, each: bool = False) -> float:
    """Return what a figure, or each visit of it, comes to where it stands so far up in its forecast, 0 to 1.

    >>> round(foretold("direct visits, inpatient", 2025, 0.5), -6) > 14_335_600
    True
    """
    return float(np.quantile(sorted_ahead(name, year, each=each), standing))


def _per_visit(figure: Figure, rows: Rows) -> Rows:
    """Return the rows of a fund payment divided by those of its visits."""
    when, mine, of = "period", dict(figure.where), dict(FIGURES[figure.per].where)
    visits = {row[when]: row["value"] for row in rows[figure.table] if all(row[key] == of[key] for key in of)}
    paid = [row for row in rows[figure.table] if all(row[key] == mine[key] for key in mine) and row[when] in visits]
    divided = [{**row, "value": repr(float(row["value"]) / float(visits[row[when]]))} for row in paid]
    return {**rows, figure.table: divided}
