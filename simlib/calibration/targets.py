"""Published ranks, shares and sizes that no draw can be solved for, and what the model says of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.errors import BadInputError, Fault, did_you_mean
from simlib.files import cells
from simlib.patients import areas, flows
from simlib.simulation import solve
from simlib.simulation.solve import HISTORY, Check
from simlib.terms import INPATIENT, PURPOSES

Array = npt.NDArray[np.float64]

NUMBERS = ("value", "year", "tolerance")
TEXTS = ("anchor", "place", "unit", "universe", "form", "role", "source", "grade", "note")
COLUMNS = dict.fromkeys(TEXTS, "text") | dict.fromkeys(NUMBERS, "number")
"""Columns of a table of targets."""

UNIVERSES = (
    "direct inpatients",
    "settled inpatients",
    "inpatients from elsewhere",
    "inpatients from elsewhere, tertiary hospitals",
)
"""Of whom a figure is published. The last is wider than what is simulated, all payers: its tolerances are wide."""
FORMS, ROLES = ("about", "at least"), ("fit", "test")


class Output(NamedTuple):
    """What the model says of a target: its unit, whether of one province, and from cases of 2023 or from checks.

    of_cases : (purpose, home, host), province -> number. of_check : `solve.Check` -> number.
    """

    unit: str
    of_place: bool = False
    of_cases: Callable[[Array, int], float] | None = None
    of_check: Callable[[Check], float] | None = None


def _rank(totals: Array, place: int) -> float:
    """Return the place in the order of size, 1 the largest."""
    return float(1 + (totals > totals[place]).sum())


def _share_of(totals: Array, codes: Sequence[str]) -> float:
    """Return the share of some provinces in a total."""
    return float(totals[[areas.provinces().index(code) for code in codes]].sum() / totals.sum())


OUTPUTS: Mapping[str, Output] = {
    "share of the five largest hosts": Output(
        "share", of_cases=lambda cases, _: float(np.sort(cases.sum(axis=(0, 1)))[-5:].sum() / cases.sum())
    ),
    "share of Beijing and Shanghai": Output(
        "share", of_cases=lambda cases, _: _share_of(cases.sum(axis=(0, 1)), ("110000", "310000"))
    ),
    "rank among hosts": Output("rank", True, lambda cases, place: _rank(cases.sum(axis=(0, 1)), place)),
    "rank among origins": Output("rank", True, lambda cases, place: _rank(cases.sum(axis=(0, 2)), place)),
    "share of referrals": Output(
        "share",
        True,
        lambda cases, place: float(cases[PURPOSES.index("referral"), :, place].sum() / cases[:, :, place].sum()),
    ),
    "admissions paid above 10000 yuan": Output("share", of_check=lambda check: float(check.dear[0])),
    "admissions paid above 50000 yuan": Output("share", of_check=lambda check: float(check.dear[1])),
    "admissions paid above 100000 yuan": Output("share", of_check=lambda check: float(check.dear[2])),
    "settled directly in 2020": Output("share", of_check=lambda check: float(check.direct[HISTORY.index(2020)])),
    "fund share of the bill": Output("share", of_check=lambda check: check.fund_share),
    "bill against the mean admission": Output("ratio", of_check=lambda check: check.bill_multiple),
}
"""What a target may be about, inpatients from elsewhere all: targets that no output matches are refused."""


class Target(NamedTuple):
    """A published figure that draws are weighed by (role fit) or held against (role test).

    place : number of a province, or -1. tolerance : standard deviation of what the figure may miss, in its unit.
    """

    name: str
    place: int
    value: float
    unit: str
    year: int
    universe: str
    form: str
    tolerance: float
    role: str

    @property
    def output(self) -> Output:
        """Return what the model says of it."""
        return OUTPUTS[self.name]

    @property
    def label(self) -> str:
        """Return its name with its province."""
        least = ", at least" if self.form == "at least" else ""
        return self.name + least + (f": {areas.provinces().names_en[self.place]}" if self.place >= 0 else "")

    def miss(self, simulated: Array) -> Array:
        """Return by how many tolerances simulated values miss it."""
        gap = (simulated - self.value) / self.tolerance
        return np.minimum(gap, 0.0) if self.form == "at least" else gap


def published() -> Path:
    """Return the table of targets that the package carries."""
    return Path(str(files("simlib") / "data" / "targets.csv"))


@lru_cache(maxsize=8)
def read(path: Path) -> tuple[Target, ...]:
    """Return the targets of a CSV or XLSX file.

    Raises
    ------
    BadInputError : with every fault: a target that no output matches, another unit, universe, form or role than is
        known, a year or number that is none, a province that is none.
    """
    table = cells.read(path, COLUMNS)
    texts, known = table.cells, areas.provinces()
    for column, words in (("anchor", tuple(OUTPUTS)), ("universe", UNIVERSES), ("form", FORMS), ("role", ROLES)):
        table.values(column, partial(_one_of, known=words))
    table.values("year", _year)
    table.values("tolerance", partial(_number, least=1e-9))
    table.values("value", partial(_number, least=0.0))
    outputs = {i: OUTPUTS[name] for i, name in enumerate(texts["anchor"]) if name in OUTPUTS}
    unlike = [i for i, of in outputs.items() if texts["unit"][i] != of.unit]
    table.refuse(
        "unit", unlike, lambda i: f"{texts['unit'][i] or 'empty'}: write {outputs[i].unit}, as the model says it."
    )
    astray = [i for i, of in outputs.items() if (texts["place"][i] in known.codes) != of.of_place]
    table.refuse("place", astray, lambda i: f"{texts['place'][i] or 'empty'}: {PLACE_MEANT[outputs[i].of_place]}")
    table.faults.done()
    if not texts["anchor"]:
        raise BadInputError(Fault(str(path), 1, 1, "no calibration target. Write a row for each published figure."))
    return tuple(
        Target(
            name,
            known.codes.index(texts["place"][i]) if texts["place"][i] else -1,
            float(texts["value"][i]),
            texts["unit"][i],
            int(texts["year"][i]),
            texts["universe"][i],
            texts["form"][i],
            float(texts["tolerance"][i]),
            texts["role"][i],
        )
        for i, name in enumerate(texts["anchor"])
    )


PLACE_MEANT = {
    True: "write the code of a province, 310000 for instance.",
    False: "leave it empty: the figure is of the country.",
}


def _one_of(cell: str, known: Sequence[str]) -> int:
    """Return 0 for a word that is known; ValueError with the likely fix otherwise."""
    if cell not in known:
        raise ValueError(f"{cell or 'empty'}: not known. {did_you_mean(cell, known)}")
    return 0


def _year(cell: str) -> int:
    """Return a year; ValueError where it is none."""
    if not (cell.isdecimal() and 2000 <= int(cell) <= 2100):
        raise ValueError(f"{cell or 'empty'}: write a year, the last that the figure is of: 2019.")
    return int(cell)


def _number(cell: str, least: float) -> int:
    """Return 0 for a plain number of at least so much; ValueError otherwise."""
    try:
        number = float(cell)
    except ValueError:
        number = float("nan")
    if not least <= number < float("inf"):
        sign = "above 0" if least else "not below 0"
        raise ValueError(f"{cell or 'empty'}: write a plain number {sign}, in its unit.")
    return 0


def until(targets: tuple[Target, ...], year: int) -> tuple[Target, ...]:
    """Return the targets that a fit to a year reads: those to fit, of that year or earlier.

    Raises
    ------
    BadInputError : the year is before 2023, whose totals every draw is solved for, or after the last target.
    """
    last = max(solve.FIT_YEAR, *(target.year for target in targets))
    if not solve.FIT_YEAR <= year <= last:
        why = f"totals of {solve.FIT_YEAR} are solved for, and the last calibration target is of {last}"
        raise BadInputError(f"--to {year}: {why}. Name a year from {solve.FIT_YEAR} to {last}.")
    return tuple(target for target in targets if target.role == "fit" and target.year <= year)


def simulated(targets: Sequence[Target], cases: Array, check: Check | None = None) -> Array:
    """Return what a draw says of each target, (target,): NaN where that hangs on a check and none is given."""

    def say(target: Target) -> float:
        if target.output.of_cases:
            return target.output.of_cases(cases, target.place)
        return target.output.of_check(check) if target.output.of_check and check else float("nan")

    return np.array([say(target) for target in targets])


def of_draw(targets: Sequence[Target], parameters: solve.ParameterDraw) -> Array:
    """Return what a solved draw says of each target, (target,)."""
    cases = flows.expect(parameters.pull, parameters.c, parameters.stayed)[INPATIENT].sum(axis=0)
    return simulated(targets, cases, parameters.check)


def log_weight(targets: Sequence[Target], values: Array) -> Array:
    """Return the log weight of draws, (draw,), from what they say, (draw, target): -1/2 sum of squared misses.

    A value of NaN says nothing.
    """
    misses = np.stack([target.miss(values[:, i]) for i, target in enumerate(targets)], axis=1)
    return np.asarray(-0.5 * np.nansum(misses**2, axis=1))
