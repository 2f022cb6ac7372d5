"""The provinces, the people they insure, who lives in another one, and how far apart they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit

from simlib.remedies import did_you_mean, shown
from simlib.tables import read, value
from simlib.terms import BadInputError, Params, unknown

Array = npt.NDArray[np.float64]

GEOGRAPHIES = ("provinces",)
"""Sets of pooling areas that can be loaded."""

XINJIANG, XPCC = "650000", "660000"
"""Codes of Xinjiang and of its Production and Construction Corps 新疆生产建设兵团, a pool of its own."""

REGIONS_ZH = {
    "yangtze-delta": "长三角",
    "jing-jin-ji": "京津冀",
    "pearl-delta": "珠三角",
    "chengdu-chongqing": "成渝",
}
"""Chinese names of the regions."""

EARTH_KM = 6371.0
LEAST_KM = 50.0
"""Least distance between two areas, an assumption: XPCC and Xinjiang share a seat, their patients do not."""

_SUFFIX = re.compile("(?:省|市|(?:壮族|回族|维吾尔)?自治区)$")


class Areas(Params, prefix="areas"):
    """What is not published about the areas."""

    xpcc_share = unknown(
        "share of Xinjiang's people, insured, beds and migrants that belong to XPCC",
        0.06,
        0.13,
        unit="share",
        source="assumption: cities run by XPCC had 1,573,931 of 25,852,345 people in 2020 (0.061), "
        "about 3.25 million people in all would be 0.126",
        grade="assumed",
    )
    employee_slope = unknown(
        "effect of log GDP per head on the log odds of being insured in the employee scheme",
        0.5,
        3.0,
        unit="log odds per log unit",
        source="assumption: the insured of each scheme are not published by province",
        grade="assumed",
    )


@dataclass(frozen=True, eq=False)
class Place:
    """A set of n pooling areas as published; arrays are read-only.

    XPCC is published inside Xinjiang: here Xinjiang has it all and XPCC's amounts are 0, `people` splits
    them. XPCC's `share_65plus` is Xinjiang's.

    Attributes
    ----------
    geography : name of the set
    codes : GB/T 2260 codes
    names_zh, names_en : names
    regions : tag of the region, or "none"
    population, share_65plus : residents in the census of 2020, persons, and the share aged 65 and over, (n,)
    insured : people in both schemes in 2023, persons, (n,)
    beds : beds of all health institutions in 2023, (n,)
    gdp : gross regional product of 2023, yuan, (n,)
    lon, lat : seat, degrees east and north, (n,)
    pools : for each area the codes of the pools that insure its people, and their shares of these people: its cities
        by residents, where all are known, else the area itself
    migrants : people registered in [home] who lived in [host] in 2020, an estimate, persons, (n, n)
    adjacent : whether two areas share a border, symmetric, Hainan-Guangdong included, (n, n)
    distance_km : great circle between the seats, at least `LEAST_KM` between two areas, km, (n, n)

    Source: the tables `provinces`, `cities`, `migrants` and `adjacency` of the package.
    """

    geography: str
    codes: tuple[str, ...]
    names_zh: tuple[str, ...]
    names_en: tuple[str, ...]
    regions: tuple[str, ...]
    population: Array
    share_65plus: Array
    insured: Array
    beds: Array
    gdp: Array
    lon: Array
    lat: Array
    pools: tuple[tuple[tuple[str, float], ...], ...]
    migrants: Array
    adjacent: npt.NDArray[np.bool_]
    distance_km: Array

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
        region, or "all".

        >>> place = load("provinces")
        >>> [place.names_en[i] for i in place.resolve("jing-jin-ji")]
        ['Beijing', 'Tianjin', 'Hebei']
        >>> place.resolve("上海") == place.resolve("shanghai")
        True
        """
        known = self._names()
        for spelling, found in known.items():
            if spelling.casefold() == name.strip().casefold():
                return found
        raise LookupError(f"{shown(name)}: no such place. {did_you_mean(name.strip(), known)}")

    @cache  # noqa: B019 - a Place is itself cached for good
    def _names(self) -> dict[str, tuple[int, ...]]:
        """Return every spelling that `resolve` takes, those that a user should see first."""
        known = {"all": tuple(range(len(self.codes)))}
        for tag in dict.fromkeys(self.regions):
            if tag != "none":
                known[tag] = tuple(i for i, region in enumerate(self.regions) if region == tag)
        known |= {chinese: known[tag] for tag, chinese in REGIONS_ZH.items() if tag in known}
        short = [short_zh(name) for name in self.names_zh]
        for spellings in (self.names_en, self.names_zh, short, self.codes):
            known |= {spelling: (i,) for i, spelling in enumerate(spellings)}
        return known | {spelling: (self.index(XPCC),) for spelling in ("XPCC", "兵团")}


@dataclass(frozen=True, eq=False)
class People:
    """The people of the areas in one parameter draw, XPCC apart from Xinjiang; arrays are read-only.

    Attributes
    ----------
    insured : people insured in 2023 by scheme in the order of `terms.SCHEMES`, persons, (n, 2)
    beds : beds of all health institutions in 2023, (n,)
    gdp_per_head : gross regional product of 2023 per resident of 2020, yuan, (n,)
    migrants : people registered in [home] who live in [host], persons, (n, n)
    """

    insured: Array
    beds: Array
    gdp_per_head: Array
    migrants: Array


@cache
def load(geography: str) -> Place:
    """Return the areas of a geography as published; the same object every time.

    Raises
    ------
    BadInputError
        There is no such geography.

    Examples
    --------
    >>> place = load("provinces")
    >>> len(place.codes), float(place.insured.sum())
    (32, 1333890000.0)
    """
    if geography not in GEOGRAPHIES:
        raise BadInputError(f"{shown(geography)}: no such geography. {did_you_mean(geography, GEOGRAPHIES)}")
    rows = read("provinces")
    at = {row["code"]: i for i, row in enumerate(rows)}
    share_65plus = _column("share_65plus_2020")
    share_65plus[at[XPCC]] = share_65plus[at[XINJIANG]]
    lon, lat = _column("lon"), _column("lat")
    return Place(
        geography=geography,
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
        adjacent=_adjacent(at),
        distance_km=_fixed(distances(lon, lat)),
    )


def people(place: Place, xpcc_share: float, employee_slope: float) -> People:
    """Return the people of the areas, given what is not published.

    XPCC takes `xpcc_share` of everything of Xinjiang; GDP per head is the same in both. Odds of the
    employee scheme = exp(k0 + employee_slope ln(GDP per head / national)), k0 such that the employees sum
    to the national number of 2023, scaled to the areas' total. Each area keeps its total of both schemes.

    >>> place = load("provinces")
    >>> draw = people(place, xpcc_share=0.1, employee_slope=1.0)
    >>> [round(million) for million in draw.insured.sum(axis=0) / 1e6]
    [371, 963]
    >>> f"{draw.insured[place.index(XPCC)].sum():,.0f} of {place.insured[place.index(XINJIANG)]:,.0f}"
    '2,333,200 of 23,332,000'
    """
    if not 0 <= xpcc_share <= 1:
        raise ValueError(f"{xpcc_share}: a share of Xinjiang lies between 0 and 1.")
    x, c = place.index(XINJIANG), place.index(XPCC)
    residents = np.where(place.population > 0, place.population, 1.0)
    gdp_per_head = place.gdp / residents
    gdp_per_head[c] = gdp_per_head[x]
    ratio = gdp_per_head / (place.gdp.sum() / place.population.sum())
    insured = _split(place.insured, x, c, xpcc_share)
    employees = insured * _employee_share(insured, np.log(ratio), employee_slope)
    return People(
        insured=_fixed(np.stack([employees, insured - employees], axis=1)),
        beds=_fixed(_split(place.beds, x, c, xpcc_share)),
        gdp_per_head=_fixed(gdp_per_head),
        # Nobody is counted as a migrant from Xinjiang to Xinjiang, so none move between it and XPCC.
        migrants=_fixed(_split(_split(place.migrants, x, c, xpcc_share).T, x, c, xpcc_share).T),
    )


def short_zh(name: str) -> str:
    """Return a Chinese name as it is said.

    >>> short_zh("广西壮族自治区"), short_zh("上海市")
    ('广西', '上海')
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


def _employee_share(insured: Array, log_ratio: Array, slope: float) -> Array:
    """Return the share of the insured in the employee scheme, (n,), that gives the national number."""
    national = [value("national", metric="insured", scheme=s, year="2023") for s in ("employee", "resident")]
    wanted = insured.sum() * national[0] / sum(national)

    def excess(k0: float) -> float:
        return float(insured @ expit(k0 + slope * log_ratio) - wanted)

    share: Array = expit(brentq(excess, -20.0, 20.0) + slope * log_ratio)
    return share


def _split(amounts: Array, whole: int, part: int, share: float) -> Array:
    """Return amounts by area (first axis) with a share of `whole` moved to `part`; the sum stays."""
    out = amounts.copy()
    out[part] = share * amounts[whole]
    out[whole] = amounts[whole] - out[part]
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
    """Return the migrants by home and host, persons, (n, n)."""
    out = np.zeros((len(at), len(at)))
    for row in read("migrants"):
        out[at[row["home"]], at[row["host"]]] = float(row["persons"])
    return out


def _adjacent(at: dict[str, int]) -> npt.NDArray[np.bool_]:
    """Return which areas are neighbours, (n, n), read-only."""
    out = np.zeros((len(at), len(at)), dtype=bool)
    for row in read("adjacency"):
        i, j = at[row["code"]], at[row["neighbour"]]
        out[i, j] = out[j, i] = True
    out.setflags(write=False)
    return out


def _fixed(array: Array) -> Array:
    """Return the array, made read-only."""
    array.setflags(write=False)
    return array
