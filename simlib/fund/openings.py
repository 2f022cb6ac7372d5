"""What the books open with: last year's flows, and what the pools have.

That is drawn around the published nation, or read from a table of one's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.errors import shown
from simlib.files import cells, words
from simlib.files.facts import read, value
from simlib.fund import carried
from simlib.fund.ledger import YEARS, Ledger
from simlib.patients import areas
from simlib.simulation.solve import ParameterDraw
from simlib.terms import CLAIMED, DIRECT, FEN, MONTHS, SCHEMES

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNIT = 1e8
"""Yuan in the unit of the published tables, 100 million yuan."""
HALF_YEAR_OF = 2023
"""Year of whose first half an area's amounts are published."""
LAST_PUBLISHED = 2024
"""Last year of which the national funds are known."""
COLUMNS = {"area": "text", "scheme": "text", "income": "number", "spending": "number", "balance": "number"}
"""Columns of a table of pools: area by code or name, scheme, yuan a year, and yuan on 1 January."""
MOST_YUAN = 10**13
LIKELY = 10.0
"""An amount per insured person this many times off the nation's mean is likely to be in another unit."""


class Pools(NamedTuple):
    """Income and spending of a year and the balance at its begin, prepayments included, fen, each (scheme, home)."""

    income: Array
    spending: Array
    balance: Array


@dataclass(frozen=True)
class StatedPools:
    """A table of pools that was read: the pools, what looks wrong but may be right, path and hash of the file."""

    pools: Pools
    warnings: tuple[str, ...]
    path: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Opening:
    """What the books open with, fen.

    direct, claimed : flows of the year before, earlier : direct flows of the one before that, (12, scheme, home, host).
    near : direct and claimed flows within provinces of the year before, (2, 12, scheme, home, 1).
    income, local : (SPAN, scheme, home). balance : of the pools, (scheme, home).
    """

    direct: Ints
    claimed: Ints
    earlier: Ints
    near: Ints
    income: Ints
    local: Ints
    balance: Ints


def opening(
    parameters: ParameterDraw, year: int, place: areas.Place, paid: tuple[Ints, Ints], pools: Pools | None = None
) -> Opening:
    """Return the opening of a draw, the same for a baseline and what is compared with it.

    Parameters
    ----------
    paid : direct and claimed flows of the baseline's year, fen, (2, kind, scheme, home, host, month): between
    provinces, and within them, hosts together. pools : what the pools have; drawn, and synthetic, if not given.
    """
    across, inside = paid

    def back(flow: Ints, level: Array, level_own: Array) -> Ints:
        """Return the flow of an earlier year, kinds together, (2, month, scheme, home, host)."""
        of_kinds = np.rint(flow * (level / level_own)[:, None, None, None, None]).astype(np.int64)
        return np.moveaxis(of_kinds.sum(axis=1), -1, 1)

    own, own_within = carried.level(parameters, year), carried.level_within(parameters, year)
    last, earlier = (back(across, carried.level(parameters, year - years), own) for years in (1, 2))
    near = back(inside, carried.level_within(parameters, year - 1), own_within)
    income, spending, balance = pools or synthetic(parameters, year, place)
    at_home = np.maximum(spending - (across.sum(axis=4) + inside.sum(axis=4)).sum(axis=(0, 1, 4)), 0)
    return Opening(
        direct=last[DIRECT],
        claimed=last[CLAIMED],
        earlier=earlier[DIRECT],
        near=near,
        income=_monthly(income, float(parameters.values[Ledger.growth_income][0])),
        local=_monthly(at_home, float(parameters.values[Ledger.growth_local][0])),
        balance=np.rint(balance).astype(np.int64),
    )


def _monthly(yearly: Array, growth: float) -> Ints:
    """Return what a year's amount (scheme, home) is in each month of the books, (SPAN, scheme, home)."""
    grown = (1 + growth) ** np.arange(YEARS)
    return np.rint(np.repeat(yearly * grown[:, None, None] / MONTHS, MONTHS, axis=0)).astype(np.int64)


def national(year: int, growth_income: float, growth_local: float) -> Array:
    """Return income and spending of a year and the balance at its begin, fen, (scheme, 3), of all pools together.

    As published up to `LAST_PUBLISHED`; later years grow.

    >>> (national(2024, 0.04, 0.04) / 1e10).round(1).tolist()
    [[17342.4, 13222.7, 26316.0], [11180.9, 10661.5, 7663.7]]
    """
    rows = {(row["scheme"], row["period"]): row for row in read("fund_pools") if row["area"] == "national"}
    known, out = min(year, LAST_PUBLISHED), []
    for scheme in SCHEMES:
        income, spending = (float(rows[scheme, str(known)][column]) for column in ("income", "spending"))
        balance = float(rows[scheme, str(known - 1)]["balance"])
        for _ in range(known, year):
            balance += income - spending
            income, spending = income * (1 + growth_income), spending * (1 + growth_local)
        out.append((income, spending, balance))
    return UNIT * FEN * np.array(out)


def synthetic(parameters: ParameterDraw, year: int, place: areas.Place) -> Pools:
    """Return what each pool has in a year: **synthetic**.

    The national amounts are split by insured people, times what the draw says of each area, so that they sum to them;
    those of a province among its cities, times what it says of each, so that they sum to the province's. An area whose
    amounts are published, both schemes together, has those.
    """
    values, whole = parameters.values, areas.provinces()
    people = areas.people(whole, float(values[areas.Areas.xpcc_share][0]), float(values[areas.Areas.employee_slope][0]))
    insured = (people.insured[place.province] * place.share[:, None]).T
    of_nation = national(year, float(values[Ledger.growth_income][0]), float(values[Ledger.growth_local][0]))

    def split(weight: Array, column: int) -> Array:
        return np.asarray(weight / weight.sum(axis=1, keepdims=True) * of_nation[:, column, None])

    spending = split(insured * values[Ledger.spending_per_head][place.province], 1)
    reserve = np.stack([values[Ledger.reserve_employee], values[Ledger.reserve_resident]])[:, place.province]
    income = split(spending * values[Ledger.income_ratio][place.province], 0)
    balance = split(spending * reserve, 2)
    pools = Pools(
        _among_cities(income, values[Ledger.income_city], place),
        spending,
        _among_cities(balance, values[Ledger.reserve_city], place),
    )
    growth = (float(values[Ledger.growth_income][0]), float(values[Ledger.growth_local][0]))
    for row in read("fund_pools"):
        if row["area"] in place.codes:
            pools = _with_published(pools, place.index(row["area"]), published(row, year, *growth))
    return pools


def _among_cities(amount: Array, spread: Array, place: areas.Place) -> Array:
    """Return amounts (scheme, home) times what a draw says of each city, summing to the same in every province.

    spread : by row of the table `cities`, (city,).
    """
    if not place.inside.any():
        return amount
    rows = {row["code"]: i for i, row in enumerate(read("cities"))}
    factor = np.array([spread[rows[code]] if code in rows else 1.0 for code in place.codes])
    member = np.eye(len(areas.provinces().codes))[place.province]
    return np.asarray(
        amount * factor * ((amount @ member) / ((amount * factor) @ member + (amount @ member == 0)))[:, place.province]
    )


def published(row: Mapping[str, str], year: int, growth_income: float, growth_local: float) -> Array:
    """Return income and spending of a year and the balance at its begin, fen, (3,), of an area's pools together.

    row : of `fund_pools`, the first half of 2023; the second is taken as the first, later years grow.

    >>> (row,) = (row for row in read("fund_pools") if row["area"] == "371400")
    >>> (published(row, 2024, 0.0, 0.0) / 1e10).round(2).tolist()
    [79.62, 81.82, 65.28]
    """
    income, spending, balance = (float(row[column]) for column in ("income", "spending", "balance"))
    balance -= income - spending  # from the middle of the year back to its begin
    income, spending = 2 * income, 2 * spending
    for _ in range(HALF_YEAR_OF, year):
        balance += income - spending
        income, spending = income * (1 + growth_income), spending * (1 + growth_local)
    return UNIT * FEN * np.array([income, spending, balance])


def _with_published(pools: Pools, home: int, amounts: Array) -> Pools:
    """Return pools with the published sums of one area, over its schemes as drawn; the nation's sums stay."""
    out = []
    for drawn, known in zip(pools, amounts.tolist(), strict=True):
        own = drawn[:, home] * known / drawn[:, home].sum()
        whole = drawn.sum(axis=1)
        scaled = drawn * ((whole - own) / (whole - drawn[:, home]))[:, None]
        scaled[:, home] = own
        out.append(scaled)
    return Pools(*out)


def stated(path: Path, place: areas.Place) -> StatedPools:
    """Return the pools that a CSV or XLSX file states, one row for each area of a geography and scheme.

    Raises
    ------
    BadInputError : with every fault of the file: an unknown area, a pool that is missing or stands twice, no number.
    """
    table = cells.read(path, COLUMNS)

    def area(cell: str) -> int:
        try:
            found = place.resolve(words.plain(cell))
        except LookupError as error:
            raise ValueError(error.args[0] if cell else "is empty. Write a code or a name.") from None
        if len(found) != 1:
            raise ValueError(f"{shown(cell)}: expected one area of the geography {place.geography}.")
        return found[0]

    def fen(column: str) -> npt.NDArray[np.int64]:
        return table.values(column, lambda cell: words.amount(cell, 2, MOST_YUAN, table.yuan[column]))

    home, of = table.values("area", area), table.values("scheme", lambda cell: words.choice("scheme", cell, SCHEMES))
    amounts = [fen(column) for column in list(COLUMNS)[2:]]
    first: dict[tuple[int, int], int] = {}
    pairs = list(zip(of.tolist(), home.tolist(), strict=True))
    twice = [i for i, pair in enumerate(pairs) if min(pair) >= 0 and first.setdefault(pair, i) != i]
    table.refuse("area", twice, lambda i: f"also in row {table.lines[first[pairs[i]]]}: one row a pool.")
    every = [(s, h) for h in range(len(place.codes)) for s in range(len(SCHEMES))]
    missing = [f"{place.names_en[h]} {SCHEMES[s]}" for s, h in every if (s, h) not in first]
    if missing and not table.faults.number:
        named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        table.faults.add(1, [table.lines[-1]], [f"pools are missing: {named}. Add a row for each."])
    table.faults.done()
    arrays = np.zeros((3, len(SCHEMES), len(place.codes)))
    arrays[:, of, home] = amounts
    pools = Pools(*arrays)
    return StatedPools(pools, tuple(_implausible(pools, place, str(path))), str(path), table.sha256)


def _implausible(pools: Pools, place: areas.Place, path: str) -> Iterator[str]:
    """Yield a warning for each column that is far off the nation's per head, whose shares of the schemes are taken."""
    whole = areas.provinces()
    people = whole.insured.copy()
    xinjiang, corps = whole.index(areas.XINJIANG), whole.index(areas.XPCC)
    people[corps] = areas.Areas.xpcc_share.number * people[xinjiang]
    people[xinjiang] -= people[corps]
    nation = np.array([value("national", metric="insured", scheme=scheme, year="2023") * 1e4 for scheme in SCHEMES])
    insured = np.outer(nation / nation.sum(), people[place.province] * place.share)
    usual = national(LAST_PUBLISHED, 0.0, 0.0).T / nation
    for name, amounts, nationwide in zip(Pools._fields, pools, usual, strict=True):
        each = amounts / insured
        off = np.argwhere((each > LIKELY * nationwide[:, None]) | (each < nationwide[:, None] / LIKELY))
        if len(off):
            s, h = off[0]
            others = f" and {len(off) - 1} more pools" if len(off) > 1 else ""
            found = (
                f"{place.names_en[h]} {SCHEMES[s]}{others}: {name} of {each[s, h] / FEN:,.4g} yuan per insured person"
            )
            yield f"{path}: {found}, the nation has {nationwide[s] / FEN:,.0f}. Amounts are in yuan; is the unit right?"
