"""The pooling areas of a geography; the provinces, the people they insure, who lives in another one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import scipy

from simlib.errors import BadInputError, did_you_mean, shown
from simlib.files.facts import read, value
from simlib.files.texts import Lang
from simlib.quantities import Params, Quantity

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GEOGRAPHIES = {
    "provinces": (),
    "delta": ("310000", "320000", "330000", "340000"),
    "jing_jin_ji": ("110000", "120000", "130000"),
    "shandong": ("370000",),
}
"""Sets of pooling areas that can be loaded, and the provinces that each splits into cities."""

XINJIANG, XPCC = "650000", "660000"
"""Codes of Xinjiang and of its Production and Construction Corps 新疆生产建设兵团, a pool of its own."""

WEST = tuple(f"{code}0000" for code in (15, 45, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 66))
"""The provinces of the west, XPCC with Xinjiang; publisher: National Bureau of Statistics 国家统计局, 2011-06-13."""

T = TypeVar("T", bound=np.generic)

EARTH_KM = 6371.0
MOST_STEPS = 100
"""Steps after which what is solved or raked has come to rest."""
LEAST_KM = 50.0
"""Least distance between two areas, an assumption: XPCC and Xinjiang share a seat, their patients do not."""

_SUFFIX = re.compile("(?:省|市|(?:壮族|回族|维吾尔)?自治区)$")


class Areas(Params, prefix="areas"):
    """What is not published about the areas."""

    xpcc_share: Quantity
    employee_slope: Quantity


@dataclass(frozen=True, eq=False)
class Place:
    """A set of n pooling areas, each a province or a city of one; arrays are read-only.

    Attributes
    ----------
    geography : name of the set
    codes : GB/T 2260 codes; a municipality that is one pool keeps its province's
    names_zh, names_en : names
    regions : tag of the region, or "none"
    population : residents in the census of 2020, persons, (n,)
    lon, lat : seat, degrees east and north, (n,)
    pools : for each area the codes of the pools that insure its people, and their shares of these people: its cities
        by residents, where all are known, else the area itself
    province : position of the area's province in `provinces()`, (n,)
    share : of the province's residents who live in the area, (n,)
    newcomers : of the people registered in another province who live in this one, the share who live in the area, (n,)
    capital : whether the area is a city that is the seat of its province, (n,)

    Source: the tables `provinces` and `cities` of the package.
    """

    geography: str
    codes: tuple[str, ...]
    names_zh: tuple[str, ...]
    names_en: tuple[str, ...]
    regions: tuple[str, ...]
    population: Array
    lon: Array
    lat: Array
    pools: tuple[tuple[tuple[str, float], ...], ...]
    province: Ints
    share: Array
    newcomers: Array
    capital: npt.NDArray[np.bool_]

    @cached_property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Whether two areas are different cities of one province, (n, n), read-only."""
        same: npt.NDArray[np.bool_] = self.province[:, None] == self.province
        return _fixed(same & ~np.eye(len(self.codes), dtype=bool))

    def names(self, lang: Lang) -> tuple[str, ...]:
        """Return the names of the areas in a language, in Chinese in full."""
        return {"zh": self.names_zh, "en": self.names_en}[lang]

    def index(self, code: str) -> int:
        """Return the position of a code; LookupError if there is none.

        >>> load("provinces").index("310000")
        8
        """
        if code not in self.codes:
            raise LookupError(f"{shown(code)}: no such code. {did_you_mean(code, self.codes)}")
        return self.codes.index(code)

    def resolve(self, name: str) -> tuple[int, ...]:
        """Return the positions that a name stands for; LookupError with the likely fix if it is unknown.

        A name is a code, a name in English (in any case) or Chinese (in full or short), a tag of a
        region, or "all". A province that the geography splits stands for its cities.

        >>> place = load("provinces")
        >>> [place.names_en[i] for i in place.resolve("jing-jin-ji")]
        ['Beijing', 'Tianjin', 'Hebei']
        >>> place.resolve("上海") == place.resolve("shanghai")
        True
        """
        if found := self._spelled(name):
            return found
        for geography, split in GEOGRAPHIES.items():
            there = load(geography)
            if split and (cities := there._spelled(name)):
                province = provinces().names_en[there.province[cities[0]]]
                raise LookupError(
                    f"{shown(name)}: part of {province} in the geography {self.geography}. Write {province}, or at the "
                    f"top of the file geography: {geography}."
                )
        raise LookupError(f"{shown(name)}: no such place. {did_you_mean(name.strip(), self._names())}")

    def _spelled(self, name: str) -> tuple[int, ...]:
        """Return the positions that a name stands for, none if it is unknown."""
        wanted = name.strip().casefold()
        return next((found for spelling, found in self._names().items() if spelling.casefold() == wanted), ())

    @cache  # noqa: B019 - a Place is itself cached for good
    def _names(self) -> dict[str, tuple[int, ...]]:
        """Return every spelling that `resolve` takes, those that a user should see first."""
        known = {"all": tuple(range(len(self.codes)))}
        for tag in dict.fromkeys(self.regions):
            if tag != "none":
                known[tag] = tuple(i for i, region in enumerate(self.regions) if region == tag)
        known |= {row["name_zh"]: known[tag] for tag, row in regions().items() if tag in known}
        whole = provinces()
        members = [tuple(np.flatnonzero(self.province == p).tolist()) for p in range(len(whole.codes))]
        for place, found in ((whole, members), (self, [(i,) for i in range(len(self.codes))])):
            for spellings in (place.names_en, place.names_zh, map(short, place.names_zh), place.codes):
                known |= dict(zip(spellings, found, strict=True))
        return known | {spelling: (self.index(XPCC),) for spelling in ("XPCC", "兵团")}


@dataclass(frozen=True, eq=False)
class Provinces(Place):
    """The 31 provinces and XPCC as published: what flows are computed from, in every geography.

    XPCC is published inside Xinjiang: here Xinjiang has it all and XPCC's amounts are 0, `people` splits
    them. XPCC's `share_65plus` is Xinjiang's.

    Attributes
    ----------
    share_65plus : share of the residents aged 65 and over, (n,)
    insured : people in both schemes in 2023, persons, (n,)
    beds : beds of all health institutions in 2023, (n,)
    gdp : gross regional product of 2023, yuan, (n,)
    migrants : people registered in [home] who lived in [host] in 2020, an estimate, persons, (n, n): hosts' totals as
        published, homes' where they are, see `raked`
    adjacent : whether two areas share a border, symmetric, Hainan-Guangdong included, (n, n)
    distance_km : great circle between the seats, at least `LEAST_KM` between two areas, km, (n, n)

    Source: the tables `provinces`, `cities`, `migrants` and `adjacency` of the package.
    """

    share_65plus: Array
    insured: Array
    beds: Array
    gdp: Array
    migrants: Array
    adjacent: npt.NDArray[np.bool_]
    distance_km: Array

    @cached_property
    def one_region(self) -> npt.NDArray[np.bool_]:
        """Whether two areas are different ones of one region, such as the Yangtze Delta, (n, n), read-only.

        >>> place = provinces()
        >>> beijing, hebei, henan = (place.index(code) for code in ("110000", "130000", "410000"))
        >>> place.one_region[hebei, [beijing, henan]].tolist()
        [True, False]
        """
        tags = np.array(self.regions)
        return _fixed((tags[:, None] == tags) & (tags != "none") & ~np.eye(len(tags), dtype=bool))


@dataclass(frozen=True, eq=False)
class People:
    """The people of the areas in a parameter draw, or in several (first axes), XPCC apart from Xinjiang; read-only.

    Attributes
    ----------
    insured : people insured in 2023 by scheme in the order of `terms.SCHEMES`, persons, (..., n, 2)
    beds : beds of all health institutions in 2023, (..., n)
    gdp_per_head : gross regional product of 2023 per resident of 2020, yuan, (n,)
    migrants : people registered in [home] who live in [host], persons, (..., n, n)
    """

    insured: Array
    beds: Array
    gdp_per_head: Array
    migrants: Array


@cache
def regions() -> dict[str, dict[str, str]]:
    """Return the row of each region by its tag: region, name_zh, name_en.

    >>> regions()["yangtze-delta"]["name_zh"]
    '长三角'
    """
    return {row["region"]: row for row in read("regions")}


@cache
def load(geography: str) -> Place:
    """Return the areas of a geography; the same object every time.

    In a geography that splits provinces, each of their cities is an area with one pool of its own.

    Raises
    ------
    BadInputError
        There is no such geography.

    Examples
    --------
    >>> [len(load(geography).codes) for geography in GEOGRAPHIES]
    [32, 69, 42, 47]
    """
    if geography not in GEOGRAPHIES:
        raise BadInputError(f"{shown(geography)}: no such geography. {did_you_mean(geography, GEOGRAPHIES)}")
    whole, split = provinces(), GEOGRAPHIES[geography]
    if not split:
        return whole
    rows: list[tuple[int, dict[str, str] | None]] = []
    for p, code in enumerate(whole.codes):
        cities = [row for row in read("cities") if row["province"] == code and code in split]
        rows += [(p, city) for city in cities] or [(p, None)]

    def column(name: str, of_province: Array) -> Array:
        return np.array([float(city[name]) if city else of_province[p] for p, city in rows])

    province = np.array([p for p, _ in rows])
    residents = column("population_2020", whole.population)
    newcomers = column("hukou_other_province_2020", np.ones(len(whole.codes)))
    capital = np.array([bool(city and city["capital"]) for _, city in rows])
    own = [
        (city["code"], city["name_zh"], city["name_en"])
        if city
        else (whole.codes[p], whole.names_zh[p], whole.names_en[p])
        for p, city in rows
    ]
    codes, names_zh, names_en = zip(*own, strict=True)
    return Place(
        geography=geography,
        codes=codes,
        names_zh=names_zh,
        names_en=names_en,
        regions=tuple(whole.regions[p] for p in province),
        population=_fixed(residents),
        lon=_fixed(column("lon", whole.lon)),
        lat=_fixed(column("lat", whole.lat)),
        pools=tuple(((city["code"], 1.0),) if city else whole.pools[p] for p, city in rows),
        province=_fixed(province),
        share=_fixed(_within(residents, province)),
        newcomers=_fixed(_within(newcomers, province)),
        capital=_fixed(capital),
    )


def _within(amounts: Array, province: Ints) -> Array:
    """Return each area's share of its province's amount; 1 for a province that is one area, whatever the amount."""
    totals = np.bincount(province, weights=amounts)[province]
    alone = np.bincount(province)[province] == 1
    return np.where(alone, 1.0, amounts / np.where(alone, 1.0, totals))


@cache
def provinces() -> Provinces:
    """Return the 31 provinces and XPCC as published; the same object every time.

    >>> len(provinces().codes), float(provinces().insured.sum())
    (32, 1333890000.0)
    """
    rows = read("provinces")
    at = {row["code"]: i for i, row in enumerate(rows)}
    share_65plus = _column("share_65plus_2020")
    share_65plus[at[XPCC]] = share_65plus[at[XINJIANG]]
    lon, lat = _column("lon"), _column("lat")
    every = len(at)
    return Provinces(
        geography="provinces",
        codes=tuple(at),
        names_zh=tuple(row["name_zh"] for row in rows),
        names_en=tuple(row["name_en"] for row in rows),
        regions=tuple(row["region_group"] for row in rows),
        population=_fixed(_column("population_2020")),
        share_65plus=_fixed(share_65plus),
        insured=_fixed(_column("insured_2023", 1e4)),
        beds=_fixed(_column("beds_2023", 1e4)),
        gdp=_fixed(_column("gdp_2023", 1e8)),
        lon=_fixed(lon),
        lat=_fixed(lat),
        pools=tuple(_pools(code) for code in at),
        migrants=_fixed(_migrants(at)),
        province=_fixed(np.arange(every)),
        share=_fixed(np.ones(every)),
        newcomers=_fixed(np.ones(every)),
        capital=_fixed(np.zeros(every, dtype=bool)),
        adjacent=_adjacent(at),
        distance_km=_fixed(distances(lon, lat)),
    )


def people(place: Provinces, xpcc_share: Array | float, employee_slope: Array | float) -> People:
    """Return the people of the areas, given what is not published: numbers of one draw or of several, (...).

    XPCC takes `xpcc_share` of everything of Xinjiang; GDP per head is the same in both. Odds of the
    employee scheme = exp(k0 + employee_slope ln(GDP per head / national)), k0 such that the employees sum
    to the national number of 2023, scaled to the areas' total. Each area keeps its total of both schemes.

    >>> place = provinces()
    >>> draw = people(place, xpcc_share=0.1, employee_slope=1.0)
    >>> [round(million) for million in draw.insured.sum(axis=0) / 1e6]
    [371, 963]
    >>> f"{draw.insured[place.index(XPCC)].sum():,.0f} of {place.insured[place.index(XINJIANG)]:,.0f}"
    '2,333,200 of 23,332,000'
    """
    share, slope = np.asarray(xpcc_share, dtype=float), np.asarray(employee_slope, dtype=float)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError(f"{xpcc_share}: a share of Xinjiang lies between 0 and 1.")
    x, c = place.index(XINJIANG), place.index(XPCC)
    residents = np.where(place.population > 0, place.population, 1.0)
    gdp_per_head = place.gdp / residents
    gdp_per_head[c] = gdp_per_head[x]
    ratio = gdp_per_head / (place.gdp.sum() / place.population.sum())
    insured = _split(place.insured, x, c, share)
    employees = insured * _employee_share(insured, slope[..., None] * np.log(ratio))
    # Nobody is counted as a migrant from Xinjiang to Xinjiang, so none move between it and XPCC.
    by_host = _split(place.migrants, x, c, share[..., None])
    return People(
        insured=_fixed(np.stack([employees, insured - employees], axis=-1)),
        beds=_fixed(_split(place.beds, x, c, share)),
        gdp_per_head=_fixed(gdp_per_head),
        migrants=_fixed(_split(by_host.swapaxes(-1, -2), x, c, share[..., None]).swapaxes(-1, -2)),
    )


def constant_of_odds(amounts: Array, log_odds: Array, wanted: Array) -> Array:
    """Return x with sum amounts / (1 + e^-(x + log_odds)) = wanted, (...), from arrays (..., n).

    Newton's steps on the log of both sides, from below: its slope lies between 0 and 1.

    >>> x = constant_of_odds(np.array([2.0, 1.0]), np.array([0.0, 1.0]), np.array(1.5))
    >>> round(float(np.array([2.0, 1.0]) @ scipy.special.expit(x + np.array([0.0, 1.0]))), 12)
    1.5

    Raises
    ------
    ArithmeticError : no constant gives so much.
    """
    x = np.log(wanted) - np.log((amounts * np.exp(log_odds)).sum(axis=-1))
    for _ in range(MOST_STEPS):
        chance = scipy.special.expit(x[..., None] + log_odds)
        total = (amounts * chance).sum(axis=-1)
        step = (np.log(wanted) - np.log(total)) * total / (amounts * chance * (1 - chance)).sum(axis=-1)
        x = x + np.clip(step, -3.0, 3.0)
        if np.abs(step).max() < 1e-13 * max(1.0, float(np.abs(x).max())):
            return np.asarray(x)
    raise ArithmeticError(f"no constant gives {wanted} of {amounts.sum(axis=-1)}")


def raked(amounts: Array, homes: Array, hosts: Array) -> Array:
    """Return amounts, (home, host), scaled to published sums of homes and of hosts, NaN where there is none.

    Iterative proportional fitting: rows and columns in turn until both are met.

    >>> raked(np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([3.0, np.nan]), np.array([2.0, 4.0])).round(3).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    out = amounts.copy()
    for _ in range(MOST_STEPS):
        rows = np.where(np.isnan(homes), 1.0, homes / out.sum(axis=1))
        out = out * rows[:, None]
        sums = out.sum(axis=0)
        out = out * np.where(np.isnan(hosts) | (sums == 0), 1.0, hosts / np.where(sums == 0, 1.0, sums))
    return out


def short(name: str) -> str:
    """Return the name of an area as it is said: in Chinese without what sort of area it is.

    >>> short("广西壮族自治区"), short("上海市"), short("Shanghai")
    ('广西', '上海', 'Shanghai')
    """
    return _SUFFIX.sub("", name)


def distances(lon: Array, lat: Array) -> Array:
    """Return the great-circle distances between points, at least `LEAST_KM` between two of them, km, (n, n).

    Haversine on a sphere of radius `EARTH_KM`: 0.5 % off the ellipsoid at most.

    >>> distances(np.array([116.407, 121.474]), np.array([39.904, 31.230])).round().tolist()
    [[0.0, 1067.0], [1067.0, 0.0]]
    """
    east, north = np.radians(lon), np.radians(lat)
    half_east = np.sin((east[:, None] - east) / 2) ** 2
    half_north = np.sin((north[:, None] - north) / 2) ** 2
    half = half_north + np.cos(north[:, None]) * np.cos(north) * half_east
    km: Array = np.maximum(2 * EARTH_KM * np.arcsin(np.sqrt(half)), LEAST_KM)
    np.fill_diagonal(km, 0.0)
    return km


def _employee_share(insured: Array, log_odds: Array) -> Array:
    """Return the share of the insured in the employee scheme, (..., n), that gives the national number."""
    national = [value("national", metric="insured", scheme=s, year="2023") for s in ("employee", "resident")]
    wanted = insured.sum(axis=-1) * national[0] / sum(national)
    share: Array = scipy.special.expit(constant_of_odds(insured, log_odds, wanted)[..., None] + log_odds)
    return share


def _split(amounts: Array, whole: int, part: int, share: Array) -> Array:
    """Return amounts by area (last axis) with a share of `whole`, (...), moved to `part`; the sum stays."""
    out = np.array(np.broadcast_to(amounts, np.broadcast_shapes(amounts.shape, (*share.shape, 1))))
    out[..., part] = share * amounts[..., whole]
    out[..., whole] = amounts[..., whole] - out[..., part]
    return out


def _pools(province: str) -> tuple[tuple[str, float], ...]:
    """Return the pools of a province and their shares of its people."""
    residents = {row["code"]: float(row["population_2020"]) for row in read("cities") if row["province"] == province}
    total = sum(residents.values())
    return tuple((code, number / total) for code, number in residents.items()) or ((province, 1.0),)


def _column(name: str, factor: float = 1.0) -> Array:
    """Return a column of `provinces` times a factor, (n,); an empty cell (XPCC) is 0."""
    return np.array([float(row[name] or 0) for row in read("provinces")]) * factor


def _migrants(at: dict[str, int]) -> Array:
    """Return the migrants by home and host, persons, (n, n), raked to the published sums of homes and hosts."""
    out = np.zeros((len(at), len(at)))
    for row in read("migrants"):
        out[at[row["home"]], at[row["host"]]] = float(row["persons"])
    homes, hosts = (
        np.array([float(row[column] or "nan") for row in read("provinces")])
        for column in ("living_elsewhere_2020", "hukou_other_province_2020")
    )
    return raked(out, homes, hosts)


def _adjacent(at: dict[str, int]) -> npt.NDArray[np.bool_]:
    """Return which areas are neighbours, (n, n), read-only."""
    out = np.zeros((len(at), len(at)), dtype=bool)
    for row in read("adjacency"):
        i, j = at[row["code"]], at[row["neighbour"]]
        out[i, j] = out[j, i] = True
    return _fixed(out)


def _fixed(array: npt.NDArray[T]) -> npt.NDArray[T]:
    """Return the array, made read-only."""
    array.setflags(write=False)
    return array
