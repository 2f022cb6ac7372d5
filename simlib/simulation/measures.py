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
from simlib.settlement.hospitals import HospitalResponse
from simlib.simulation.visit import MEASURE
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
    """What a claim by hand costs the patient, without measures unless said: itself, by kind; waiting, per yuan."""

    claim_cost_fen: Array
    waiting: Any


class Ground(NamedTuple):
    """What measures meet in a draw and year.

    mended : share of faults that hospitals mend, W0, (kind,). uncoded : share of cases left with a code that is not
    mapped, (kind,). answer : of hospitals. costs : of claims. room : institutions not yet connected, (kind, host).
    omega : see `network.newly_open`, (kind,). lapsed : share of cases without a valid filing whose filing has lapsed.
    """

    mended: Array
    uncoded: Array
    answer: HospitalResponse
    costs: Costs
    room: Array
    omega: Array
    lapsed: float


ROW = np.dtype(
    [
        ("kind", np.int64),
        *((lever, np.float64) for lever in LEVERS),
        ("lasting", np.float64),
        ("rolled", np.float64),
        ("host", np.int64),
        ("path", np.int64),
        ("month", np.int64),
    ]
)
"""What may be done somewhere in some month: see `Measures`."""

NOTHING = np.zeros((), dtype=ROW)
NOTHING["path"] = -1


@lru_cache(maxsize=32)
def taken(scenario: Scenario, place: areas.Place) -> Measures:
    """Return what a scenario's year does to conditions."""
    settings = compile(scenario, place)
    free = settings.values("filing.free")[:, :, 0]  # (home, host, kind, month), as all below
    paths, path = _paths(scenario, place)
    month = np.arange(MONTHS) + (paths.shape[1] - MONTHS)
    pressed = np.logical_or.accumulate(paths.any(axis=-1), axis=1)[:, month][path]  # (host, kind, month)
    done = np.zeros(free.shape, dtype=ROW)
    done["kind"] = np.arange(len(KINDS))[:, None]
    for lever in LEVERS:
        done[lever] = settings.values(lever)[:, :, 0]
    done["lasting"] = gates.lapse_no_more(settings.values("filing.valid_months")[:, :, 0])
    done["rolled"] = rolled_out(scenario, place)[..., 1:]
    done["host"] = np.where(done["rolled"] > 0, np.arange(len(place.codes))[:, None, None], 0)
    done["path"] = np.where(pressed, path[:, :, None], -1)
    done["month"] = np.where(pressed, month, 0)
    some = pressed | np.logical_or.reduce([done[name] > 0 for name in (*LEVERS, "lasting", "rolled")])
    # As bytes: comparing field by field takes fifteen times as long.
    rows, which = np.unique(done[some].view((np.void, ROW.itemsize)), return_inverse=True)
    rows, number = np.append(NOTHING, rows.view(ROW)), np.zeros(free.shape, dtype=np.int64)
    number[some] = 1 + which
    share = np.stack([rows[lever] for lever in LEVERS], axis=1)
    others = {name: rows[name] for name in ("kind", "lasting", "rolled", "host", "path", "month")}
    return Measures((2 * number + free).astype(np.uint16), share=share, paths=paths, **others)


@lru_cache(maxsize=32)
def rolled_out(scenario: Scenario, place: areas.Place) -> Array:
    """Return the institutions that a roll-out has connected, (host, kind, month): by the end of last year in front."""
    target, speed = (_since(scenario, place, f"network.{name}") for name in ("institutions", "speed"))
    by = network.connected_by(target, speed)
    before = by[..., -MONTHS - 1 : -MONTHS] if by.shape[-1] > MONTHS else 0 * by[..., :1]
    return np.concatenate([before, by[..., -MONTHS:]], axis=-1)


def _since(scenario: Scenario, place: areas.Place, lever: str) -> Array:
    """Return a lever of hosts in every month since `FIRST_YEAR`, (host, kind, month)."""
    years = [compile(scenario, place, year) for year in range(FIRST_YEAR, scenario.year + 1)]
    return np.concatenate([year.values(lever)[0, :, 0] for year in years], axis=-1)


def _paths(scenario: Scenario, place: areas.Place) -> tuple[Array, Ints]:
    """Return the different paths of hospitals' gains since `FIRST_YEAR`, and which one each (host, kind) goes."""
    gains = hospitals.gains(*(_since(scenario, place, name) for name in hospitals.GAINS))
    paths, which = np.unique(gains.reshape(-1, *gains.shape[2:]), axis=0, return_inverse=True)
    return paths, which.reshape(gains.shape[:2])


def table(measures: Measures, ground: Ground) -> Any:
    """Return what the loop asks of each row of measures, records of `visit.MEASURE`; the first is not asked."""
    k, share = measures.kind, dict(zip(LEVERS, measures.share.T, strict=True))
    mended, uncoded, answer, costs = ground.mended[k], ground.uncoded[k], ground.answer, ground.costs
    moved = hospitals.moved(measures.paths, answer.weights, answer.speed)
    billed = hospitals.billed(measures.paths, answer.bill, answer.growth)
    more = hospitals.newly_mended(mended, np.where(measures.path < 0, 0.0, moved[measures.path, measures.month]))
    willing = mended + (1 - mended) * more
    out = np.zeros(len(k), dtype=MEASURE)
    rolled = network.newly_open(measures.rolled, ground.room[k, measures.host], ground.omega[k])
    every = share["network.connected"]
    for tier, name in enumerate(network.BY_TIER):
        out["connected"][:, tier] = odds_of(every + (1 - every) * (1 - (1 - share[name]) * (1 - rolled)))
    unified = share["codes.unified"]
    out["unified"] = odds_of(unified + (1 - unified) * np.maximum(more, 0))
    out["uncoded"] = odds_of((1 - unified) * np.maximum(-more, 0) * uncoded / (1 - uncoded))
    out["bill"] = np.where(measures.path < 0, 1.0, billed[measures.path, measures.month])
    late = share["filing.mended"]
    filed = late + (1 - late) * ground.lapsed * measures.lasting
    out["mended"] = odds_of((willing + (1 - willing) * filed) * (1 - share["filing.late_refused"]))
    out["down"] = odds_of(share["platform.outage"] * (1 - willing))
    out["credit"] = odds_of(share["credit.covered"])
    out["claim_cost_fen"], out["waiting"] = _left(measures, costs)
    return out


def _left(measures: Measures, costs: Costs) -> tuple[Array, Array]:
    """Return what each row of measures leaves of the costs of a claim: its own, fen, and waiting, per yuan."""
    share = dict(zip(LEVERS, measures.share.T, strict=True))
    claim_cost = costs.claim_cost_fen[measures.kind] * (1 - share["claims.hassle_saved"])
    return claim_cost, costs.waiting * (1 - share["claims.waiting_saved"])


def claim_costs(measures: Measures, costs: Costs) -> Costs:
    """Return what a claim costs once all measures are taken: its own and waiting, (kind, home, host, month) each."""
    done, (claim_cost, waiting) = measures.which >> 1, _left(measures, costs)
    claim_cost = np.where(done > 0, claim_cost[done], costs.claim_cost_fen[:, None])
    return Costs(np.moveaxis(claim_cost, 2, 0), np.moveaxis(np.where(done > 0, waiting[done], costs.waiting), 2, 0))
