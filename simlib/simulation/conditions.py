"""What decides where and when a visit can settle directly: the measures of a scenario upon the gates of a draw.

Measures come on top of the gates that a draw solved on the rules of 2023, those of the reference included.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.patients import areas
from simlib.randomness import odds_of
from simlib.scenario.scenario import FIRST_YEAR, Scenario, compile
from simlib.settlement import gates, hospitals, network
from simlib.settlement.hospitals import Answer
from simlib.simulation.loop import MEASURE
from simlib.terms import KINDS, MONTHS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVERS = (
    "filing.mended",
    "filing.late_refused",
    "network.connected",
    *network.BY_TIER,
    "codes.unified",
    "platform.outage",
    "claims.hassle_saved",
    "claims.waiting_saved",
    "credit.covered",
)
"""Measures that are a share, 0 where nothing is done."""


class Measures(NamedTuple):
    """All that a scenario's year does to conditions, once each.

    which (home, host, kind, month) : twice the row of what is done there, and 1 more where no filing is needed. By row,
    the first for nothing: kind; share, (row, `LEVERS`); lasting : see `gates.lapse_no_more`; rolled : institutions that
    a roll-out connected in host, 0 and 0 where there is none; path, month : the path of hospitals' gains, -1 for none,
    and how many months of it are over, less one. paths (path, month from `FIRST_YEAR`, gain) : see `hospitals.gains`.
    """

    which: npt.NDArray[np.uint16]
    kind: Ints
    share: Array
    lasting: Array
    rolled: Array
    host: Ints
    path: Ints
    month: Ints
    paths: Array


class Costs(NamedTuple):
    """What a claim by hand costs the patient, without measures unless said: hassle, fen by kind; waiting, per yuan."""

    hassle_fen: Array
    waiting: Any


class Ground(NamedTuple):
    """What measures meet in a draw and year.

    mended : share of faults that hospitals mend, W0, (kind,). uncoded : share of cases left with a code that is not
    mapped, (kind,). answer : of hospitals. costs : of claims. room : institutions not yet connected, (kind, host).
    omega : see `network.newly_open`, (kind,). lapsed : share of cases without a valid filing whose filing has lapsed.
    """

    mended: Array
    uncoded: Array
    answer: Answer
    costs: Costs
    room: Array
    omega: Array
    lapsed: float


@lru_cache(maxsize=32)
def measures(of: Scenario, place: areas.Place) -> Measures:
    """Return what a scenario's year does to conditions."""
    settings = compile(of, place)
    free = settings.values("filing.free")[:, :, 0]
    paths, path = _paths(of, place)
    month = np.arange(MONTHS) + (paths.shape[1] - MONTHS)
    pressed = np.logical_or.accumulate(paths.any(axis=-1), axis=1)[:, month][path]  # (host, kind, month)
    shares = [settings.values(name)[:, :, 0] for name in LEVERS]
    rolled = rolled_out(of, place)[..., 1:]  # (host, kind, month)
    lasting = gates.lapse_no_more(settings.values("filing.valid_months")[:, :, 0])
    done = pressed | (rolled > 0) | (lasting > 0) | np.logical_or.reduce([share > 0 for share in shares])
    kind, host = np.arange(len(KINDS))[:, None], np.arange(len(rolled))[:, None, None]
    columns = [
        kind,
        *shares,
        lasting,
        rolled,
        np.where(rolled > 0, host, 0),
        np.where(pressed, path[:, :, None], -1),
        np.where(pressed, month, 0),
    ]
    full = [np.where(done, column, 0).ravel() for column in columns]
    code = done.ravel().astype(np.int64)
    for column in full:
        values, found = np.unique(column, return_inverse=True)
        code = np.unique(code * len(values) + found, return_inverse=True)[1]
    code[~done.ravel()] = -1
    _, first, which = np.unique(np.append(-1, code), return_index=True, return_inverse=True)  # nothing comes first
    row = [np.append(0, column)[first] for column in full]
    row[-2] = np.append(-1, row[-2][1:])
    which = 2 * which[1:].reshape(free.shape) + free
    share, (lasting, rolled, at, path, month) = np.stack(row[1:-5], axis=1), row[-5:]
    return Measures(which.astype(np.uint16), row[0], share, lasting, rolled, at, path, month, paths)


@lru_cache(maxsize=32)
def rolled_out(of: Scenario, place: areas.Place) -> Array:
    """Return the institutions that a roll-out has connected, (host, kind, month): by the end of last year in front."""
    target, speed = (_since(of, place, f"network.{name}") for name in ("institutions", "speed"))
    by = network.connected_by(target, speed)
    before = by[..., -MONTHS - 1 : -MONTHS] if by.shape[-1] > MONTHS else 0 * by[..., :1]
    return np.concatenate([before, by[..., -MONTHS:]], axis=-1)


def _since(of: Scenario, place: areas.Place, lever: str) -> Array:
    """Return a lever of hosts in every month since `FIRST_YEAR`, (host, kind, month)."""
    years = [compile(of, place, year) for year in range(FIRST_YEAR, of.year + 1)]
    return np.concatenate([year.values(lever)[0, :, 0] for year in years], axis=-1)


def _paths(of: Scenario, place: areas.Place) -> tuple[Array, Ints]:
    """Return the different paths of hospitals' gains since `FIRST_YEAR`, and which one each (host, kind) goes."""
    gains = hospitals.gains(*(_since(of, place, name) for name in hospitals.GAINS))
    paths, which = np.unique(gains.reshape(-1, *gains.shape[2:]), axis=0, return_inverse=True)
    return paths, which.reshape(gains.shape[:2])


def table(found: Measures, ground: Ground) -> Any:
    """Return what the loop asks of each row of measures, records of `loop.MEASURE`; the first is not asked."""
    k, share = found.kind, dict(zip(LEVERS, found.share.T, strict=True))
    mended, uncoded, answer, costs = ground.mended[k], ground.uncoded[k], ground.answer, ground.costs
    moved = hospitals.moved(found.paths, answer.weights, answer.speed)
    billed = hospitals.billed(found.paths, answer.bill, answer.growth)
    more = hospitals.newly_mended(mended, np.where(found.path < 0, 0.0, moved[found.path, found.month]))
    willing = mended + (1 - mended) * more
    out = np.zeros(len(k), dtype=MEASURE)
    rolled = network.newly_open(found.rolled, ground.room[k, found.host], ground.omega[k])
    every = share["network.connected"]
    for tier, name in enumerate(network.BY_TIER):
        out["connected"][:, tier] = odds_of(every + (1 - every) * (1 - (1 - share[name]) * (1 - rolled)))
    unified = share["codes.unified"]
    out["unified"] = odds_of(unified + (1 - unified) * np.maximum(more, 0))
    out["uncoded"] = odds_of((1 - unified) * np.maximum(-more, 0) * uncoded / (1 - uncoded))
    out["bill"] = np.where(found.path < 0, 1.0, billed[found.path, found.month])
    late = share["filing.mended"]
    filed = late + (1 - late) * ground.lapsed * found.lasting
    out["mended"] = odds_of((willing + (1 - willing) * filed) * (1 - share["filing.late_refused"]))
    out["down"] = odds_of(share["platform.outage"] * (1 - willing))
    out["credit"] = odds_of(share["credit.covered"])
    out["hassle_fen"], out["waiting"] = _left(found, costs)
    return out


def _left(found: Measures, costs: Costs) -> tuple[Array, Array]:
    """Return what each row of measures leaves of the costs of a claim: hassle, fen, and waiting, per yuan."""
    share = dict(zip(LEVERS, found.share.T, strict=True))
    hassle = costs.hassle_fen[found.kind] * (1 - share["claims.hassle_saved"])
    return hassle, costs.waiting * (1 - share["claims.waiting_saved"])


def claim_costs(found: Measures, costs: Costs) -> Costs:
    """Return what a claim costs once all measures are taken: hassle and waiting, (kind, home, host, month) each."""
    done, (hassle, waiting) = found.which >> 1, _left(found, costs)
    hassle = np.where(done > 0, hassle[done], costs.hassle_fen[:, None])
    return Costs(np.moveaxis(hassle, 2, 0), np.moveaxis(np.where(done > 0, waiting[done], costs.waiting), 2, 0))
