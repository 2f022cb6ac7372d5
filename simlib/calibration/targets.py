"""Published ranks, shares and sizes that no draw can be solved for, and what the model says of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.errors import BadInputError, Fault, did_you_mean, shown
from simlib.files import cells
from simlib.files.facts import value
from simlib.patients import areas, flows
from simlib.patients.flows import Values
from simlib.simulation import solve
from simlib.simulation.solve import Check
from simlib.simulation.years import COSTED, HISTORY, SOLVED
from simlib.terms import INPATIENT, PURPOSES, SCHEMES

Array = npt.NDArray[np.float64]

FIRST_YEAR, LAST_YEAR = 2010, HISTORY[-1]
"""Years that a figure can be of: from before direct settlement began, to the last whose network is published."""
NUMBERS = ("value", "year", "tolerance")
TEXTS = ("anchor", "place", "unit", "universe", "form", "role", "source", "grade", "note")
COLUMNS = dict.fromkeys(TEXTS, "text") | dict.fromkeys(NUMBERS, "number")
"""Columns of a table of targets."""

UNIVERSES = (
    "direct inpatients",
    "settled inpatients",
    "inpatients from elsewhere",
    "inpatients from elsewhere, all payers",
    "inpatients from elsewhere, tertiary hospitals",
    "direct outpatients, without pharmacies",
    "direct and counted claimed bills, without pharmacies",
    "patients of the five diseases added in December 2024, against those listed first",
)
"""Of whom a figure is published. All payers and tertiary hospitals are not what is simulated: wide tolerances."""
FORMS, ROLES = ("about", "at least", "at most"), ("fit", "test")


class Output(NamedTuple):
    """What the model says of a target: its unit, whether of one province, and from cases of 2023 or from checks.

    of_cases : inpatients of 2023 of one draw or of several, (..., purpose, home, host), province -> number, (...).
    of_check : `solve.Check` -> number.
    """

    unit: str
    of_place: bool = False
    of_cases: Callable[[Array, int], Array] | None = None
    of_check: Callable[[Check], float] | None = None


def _by_host(cases: Array) -> Array:
    """Return cases by host, (..., host)."""
    return np.asarray(cases.sum(axis=(-3, -2)))


def _by_home(cases: Array) -> Array:
    """Return cases by home, (..., home)."""
    return np.asarray(cases.sum(axis=(-3, -1)))


def _rank(totals: Array, place: int) -> Array:
    """Return the place in the order of size, 1 the largest."""
    return np.asarray(1.0 + (totals > totals[..., [place]]).sum(axis=-1))


def _share_of(totals: Array, codes: Sequence[str]) -> Array:
    """Return the share of some provinces in a total."""
    some = totals[..., [areas.provinces().index(code) for code in codes]]
    return np.asarray(some.sum(axis=-1) / totals.sum(axis=-1))


def _five_largest(totals: Array) -> Array:
    """Return the share of the five largest in a total."""
    return np.asarray(np.sort(totals, axis=-1)[..., -5:].sum(axis=-1) / totals.sum(axis=-1))


def _per_bed(cases: Array, place: int) -> Array:
    """Return cases from elsewhere per bed of a host; XPCC's patients lie in Xinjiang's beds."""
    return np.asarray(_by_host(cases)[..., place] / areas.provinces().beds[place])


def _of_own(cases: Array) -> Array:
    """Return the share of each home's inpatients who are treated elsewhere, (..., home), at the national rates.

    XPCC's are counted in Xinjiang, whose insured are published with its.
    """
    place = areas.provinces()
    discharges, insured = (
        sum(value("national", metric=metric, scheme=scheme, year="2023") for scheme in SCHEMES)
        for metric in ("discharges", "insured")
    )
    out, own = _by_home(cases), place.insured * discharges / insured
    out[..., place.index(areas.XINJIANG)] += out[..., place.index(areas.XPCC)]
    return np.asarray(np.divide(out, own, out=np.zeros_like(out), where=own > 0))


def _referred(cases: Array, place: int) -> Array:
    """Return the share of referrals among the cases of a host."""
    here = cases[..., place].sum(axis=-1)
    return np.asarray(here[..., PURPOSES.index("referral")] / here.sum(axis=-1))


def _cost(check: Check, year: int) -> float:
    """Return direct and counted claimed bills over the published cost of a year."""
    return check.years.of("cost", year)


def _fund_share(check: Check, year: int) -> float:
    """Return the fund's share of direct inpatient bills in a year."""
    return check.years.of("fund_share", year)


OUTPUTS: Mapping[str, Output] = {
    "share of the five largest hosts": Output("share", of_cases=lambda cases, _: _five_largest(_by_host(cases))),
    "share of Beijing and Shanghai": Output(
        "share", of_cases=lambda cases, _: _share_of(_by_host(cases), ("110000", "310000"))
    ),
    "rank among hosts": Output("rank", True, lambda cases, place: _rank(_by_host(cases), place)),
    "rank among origins": Output("rank", True, lambda cases, place: _rank(_by_home(cases), place)),
    "rank among origins by share of own inpatients": Output(
        "rank", True, lambda cases, place: _rank(_of_own(cases), place)
    ),
    "cases from elsewhere per bed": Output("cases per bed", True, _per_bed),
    "share of referrals": Output("share", True, _referred),
    "admissions paid above 10000 yuan": Output("share", of_check=lambda check: float(check.dear[0])),
    "admissions paid above 50000 yuan": Output("share", of_check=lambda check: float(check.dear[1])),
    "admissions paid above 100000 yuan": Output("share", of_check=lambda check: float(check.dear[2])),
    "settled directly in 2020": Output("share", of_check=lambda check: check.years.of("rate", 2020)),
    "settled directly in 2024": Output("share", of_check=lambda check: check.years.of("rate", 2024)),
    **{
        f"settled bills over published cost in {year}": Output("ratio", of_check=partial(_cost, year=year))
        for year in (*COSTED, SOLVED)
    },
    **{
        f"fund share of the bill in {year}": Output("share", of_check=partial(_fund_share, year=year))
        for year in (2019, 2020, 2021)
    },
    "fund share of the outpatient bill": Output("share", of_check=lambda check: check.fund_share_outpatient),
    "abandoned inpatients": Output("share", of_check=lambda check: check.abandoned),
    "certified patients of added diseases": Output("ratio", of_check=lambda check: check.certified),
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
        bound = "" if self.form == "about" else f", {self.form}"
        return self.name + bound + (f": {areas.provinces().names_en[self.place]}" if self.place >= 0 else "")

    def miss(self, simulated: Array) -> Array:
        """Return by how many tolerances simulated values miss it."""
        gap = (simulated - self.value) / self.tolerance
        bounds = {"at least": (-np.inf, 0.0), "at most": (0.0, np.inf), "about": (-np.inf, np.inf)}
        return np.asarray(np.clip(gap, *bounds[self.form]))


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
    texts = table.cells
    for column, words in (("anchor", tuple(OUTPUTS)), ("universe", UNIVERSES), ("form", FORMS), ("role", ROLES)):
        table.values(column, partial(_one_of, known=words))
    table.values("year", _year)
    table.values("tolerance", partial(_number, least=1e-9))
    table.values("value", partial(_number, least=0.0))
    places = table.values("place", _province)
    outputs = {i: OUTPUTS[name] for i, name in enumerate(texts["anchor"]) if name in OUTPUTS}
    unlike = [i for i, of in outputs.items() if texts["unit"][i] != of.unit]
    table.refuse(
        "unit", unlike, lambda i: f"{texts['unit'][i] or 'empty'}: write {outputs[i].unit}, as the model says it."
    )
    astray = [i for i, of in outputs.items() if places[i] != cells.WRONG and (places[i] >= 0) != of.of_place]
    table.refuse(
        "place", astray, lambda i: f"{shown(texts['place'][i]) or 'empty'}: {PLACE_MEANT[outputs[i].of_place]}"
    )
    beyond = [i for i, of in outputs.items() if not _in_unit(texts["value"][i], of.unit)]
    table.refuse("value", beyond, lambda i: f"{shown(texts['value'][i])}: {IN_UNIT[outputs[i].unit].meant}")
    table.faults.done()
    if not texts["anchor"]:
        raise BadInputError(Fault(str(path), 1, 1, "no calibration target. Write a row for each published figure."))
    return tuple(
        Target(
            name,
            int(places[i]),
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


class InUnit(NamedTuple):
    """What a value of a unit can be: from, to, whether a whole number; and in words what to write."""

    low: float
    high: float
    whole: bool
    meant: str


IN_UNIT = {
    "share": InUnit(0, 1, False, "write a share between 0 and 1, as 0.49 for 49 %."),
    "rank": InUnit(1, len(areas.provinces().codes), True, "write a rank: 1 for the first, 2 for the next."),
    "ratio": InUnit(0, 1000, False, "write a ratio, 1 where both are the same, at most 1,000."),
    "cases per bed": InUnit(0, 1000, False, "write cases a year for each bed, at most 1,000."),
}
"""What a target can be, by its unit."""


def _in_unit(cell: str, unit: str) -> bool:
    """Return whether a value that is a number can be one of its unit."""
    try:
        number = float(cell)
    except ValueError:
        return True  # a fault of its own
    of = IN_UNIT[unit]
    return of.low <= number <= of.high and (not of.whole or number == int(number))


def _province(cell: str) -> int:
    """Return the number of a province by code or name, -1 of an empty cell; ValueError with the likely fix."""
    if not cell:
        return -1
    try:
        found = areas.provinces().resolve(cell)
    except LookupError as error:
        raise ValueError(error.args[0]) from None
    if len(found) != 1:
        raise ValueError(f"{shown(cell)}: {PLACE_MEANT[True]}")
    return found[0]


PLACE_MEANT = {
    True: "write the code of a province, 310000 for instance.",
    False: "leave it empty: the figure is of the country.",
}


def _one_of(cell: str, known: Sequence[str]) -> int:
    """Return 0 for a word that is known; ValueError with the likely fix otherwise."""
    if cell not in known:
        raise ValueError(f"{shown(cell) or 'empty'}: not known. {did_you_mean(cell, known)}")
    return 0


def _year(cell: str) -> int:
    """Return a year; ValueError where it is none."""
    if not (cell.isascii() and cell.isdecimal() and len(cell) == 4 and FIRST_YEAR <= int(cell) <= LAST_YEAR):
        meant = f"the last that the figure is of, from {FIRST_YEAR} to {LAST_YEAR}, the last that is known"
        raise ValueError(f"{shown(cell) or 'empty'}: write a year, {meant}.")
    return int(cell)


def _number(cell: str, least: float) -> int:
    """Return 0 for a plain number of at least so much; ValueError otherwise."""
    try:
        number = float(cell)
    except ValueError:
        number = float("nan")
    if not least <= number < float("inf"):
        sign = "above 0" if least else "not below 0"
        raise ValueError(f"{shown(cell) or 'empty'}: write a plain number {sign}, in its unit.")
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
    """Return what one draw, or several, say of each target, (..., target): NaN where that hangs on a check not given.

    cases : inpatients of 2023, (..., purpose, home, host).
    """

    def say(target: Target) -> Array:
        if target.output.of_cases:
            return target.output.of_cases(cases, target.place)
        number = target.output.of_check(check) if target.output.of_check and check else np.nan
        return np.full(cases.shape[:-3], number)

    return np.stack([say(target) for target in targets], axis=-1)


FIRST_RATE, FIRST_EMPLOYEE = 0.88, 0.3
"""Shares of inpatients of 2023 settled directly, and of employees among them, before they are solved for."""


def of_flows(targets: Sequence[Target], values: Values, rate: Array | float = FIRST_RATE) -> Array:
    """Return what flows alone say of each target, (draw, target), NaN where only solving does; see `log_weight`.

    Nothing is solved but the constants of leaving, for all draws at once: some 0.5 ms a draw. What is counted in cases
    grows with 1 / rate: a rate of 0.82 instead of 0.88 gives every host a fourteenth more; ranks and shares stay.

    Parameters
    ----------
    values : of many draws, (draw, place), see `draws.draw_batch`: those of areas and flow. rate : a stand-in for the
    share of inpatients of 2023 settled directly, of all of them, one or (draw,).
    """
    place, most = areas.provinces(), values[flows.Flow.away_most][:, 0]
    people = areas.people(place, values[areas.Areas.xpcc_share][:, 0], values[areas.Areas.employee_slope][:, 0])
    pull = flows.pull(place, people, values, (INPATIENT,))
    direct = value("direct_settlement", period="2023", kind="inpatient", metric="visits")
    total = np.broadcast_to(direct / np.asarray(rate), most.shape)
    cases = total[:, None, None] * np.array([FIRST_EMPLOYEE, 1 - FIRST_EMPLOYEE])
    expected = flows.expect(pull, *flows.solve_leaving(pull, cases, most))
    return simulated(targets, expected[:, 0].sum(axis=1))


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
