"""What decides where and when a visit can settle directly: the measures of a scenario upon the gates of a draw.

Measures come on top of the gates that a draw solved on the rules of 2023, those of the reference included.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib import areas, gates, hospitals
from simlib.gates import Passing
from simlib.loop import CONDITION
from simlib.luck import odds_of
from simlib.scenario import FIRST_YEAR, Scenario, compile
from simlib.terms import KINDS, MONTHS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVERS = (
    "filing.mended",
    "network.connected",
    "codes.unified",
    "platform.outage",
    "claims.hassle_saved",
    "claims.waiting_saved",
    "credit.covered",
)
"""Measures that are a share, 0 where nothing is done."""


class Measures(NamedTuple):
    """All that a scenario's year does to conditions, once each.

    which (home, host, kind, month) : row of what holds there. By row: kind; free, whether no filing is needed; share,
    (row, `LEVERS`); path, month : the path of pressure on hospitals, and how many months of it are over, less one.
    paths (path, month from `FIRST_YEAR`) : see `hospitals.pressure`.
    """

    which: npt.NDArray[np.uint16]
    kind: Ints
    free: npt.NDArray[np.bool_]
    share: Array
    path: Ints
    month: Ints
    paths: Array


class Costs(NamedTuple):
    """What a claim by hand costs the patient without measures: hassle, fen by kind, and waiting, per yuan."""

    hassle_fen: Array
    waiting: float


@lru_cache(maxsize=32)
def measures(of: Scenario, place: areas.Place) -> Measures:
    """Return what a scenario's year does to conditions."""
    settings = compile(of, place)
    shape = settings.values("filing.free")[:, :, 0].shape
    paths, path = _paths(of, place)
    month = np.arange(MONTHS) + (paths.shape[1] - MONTHS)
    pressed = np.maximum.accumulate(paths, axis=1)[:, month][path] > 0  # (host, kind, month)
    kind = np.arange(len(KINDS))[:, None]
    columns = [
        kind,
        settings.values("filing.free")[:, :, 0],
        *(settings.values(name)[:, :, 0] for name in LEVERS),
        np.where(pressed, path[:, :, None], -1),
        np.where(pressed, month, 0),
    ]
    full = [np.broadcast_to(column, shape).ravel() for column in columns]
    code = np.zeros(full[0].size, dtype=np.int64)
    for column in full:
        values, found = np.unique(column, return_inverse=True)
        code = np.unique(code * len(values) + found, return_inverse=True)[1]
    first = np.unique(code, return_index=True)[1]
    row = [column[first] for column in full]
    share = np.stack(row[2:-2], axis=1)
    return Measures(code.astype(np.uint16).reshape(shape), row[0], row[1], share, row[-2], row[-1], paths)


def _paths(of: Scenario, place: areas.Place) -> tuple[Array, Ints]:
    """Return the different paths of pressure on hospitals since `FIRST_YEAR`, and which one each (host, kind) goes."""
    years = [compile(of, place, year) for year in range(FIRST_YEAR, of.year + 1)]
    weight, notices = (
        np.concatenate([year.values(f"hospitals.{name}")[0, :, 0] for year in years], axis=-1)
        for name in ("accountability", "notices")
    )
    pressures = hospitals.pressure(weight, notices)
    paths, which = np.unique(pressures.reshape(-1, pressures.shape[-1]), axis=0, return_inverse=True)
    return paths, which.reshape(pressures.shape[:2])


def table(found: Measures, passing: Passing, coded: Array, response: float, speed: float, costs: Costs) -> Any:
    """Return what the loop asks of each row of measures, records of `loop.CONDITION`.

    Without measures, exactly the gates and costs of the draw.

    Parameters
    ----------
    passing : gates of the year. coded : see `gates.code_faults`, (kind,). response, speed : of hospitals.
    """
    k, share = found.kind, dict(zip(LEVERS, found.share.T, strict=True))
    moved = hospitals.moved(found.paths, response, speed)
    moved = np.where(found.path < 0, 0.0, moved[found.path, found.month])
    base = passing.mended[k]
    more = hospitals.newly_mended(base, moved)
    mended = base + (1 - base) * more
    fields = {
        "open": passing.networked[k],
        **dict(zip(("not_networked", "coded"), (x[k] for x in _faults(passing, coded)), strict=True)),
        "fault": passing.fault[k],
        "mended": mended + (1 - mended) * share["filing.mended"],
        "connected": share["network.connected"],
        "unified": share["codes.unified"] + (1 - share["codes.unified"]) * more,
        "down": share["platform.outage"] * (1 - mended),
        "credit": share["credit.covered"],
    }
    out = np.zeros(len(k), dtype=CONDITION)
    for name, odds in fields.items():
        out[name] = odds_of(odds)
    out["free"] = found.free
    out["measures"] = (out["connected"] > 0) | (out["unified"] > 0) | (out["down"] > 0) | (out["credit"] > 0)
    out["hassle_fen"] = costs.hassle_fen[k] * (1 - share["claims.hassle_saved"])
    out["waiting"] = costs.waiting * (1 - share["claims.waiting_saved"])
    return out


def _faults(passing: Passing, coded: Array) -> tuple[Array, Array]:
    """Return `gates.code_faults` of a year's gates."""
    return gates.code_faults(passing.networked, passing.mended, coded)
