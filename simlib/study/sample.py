"""Some thousand simulated patients of one home and host, one by one: which way of settling pays them more."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simlib.patients import areas
from simlib.scenario.scenario import Scenario, reference
from simlib.simulation import kept, simulate
from simlib.simulation.draws import Pin
from simlib.study.effects import SIDES
from simlib.study.experiment import BOOKED, Runs
from simlib.terms import CHANNELS, FEN, INPATIENT

COLUMNS = ["home", "host", "side", "channel", "bill_yuan", "fund_yuan", "gap_yuan"]
"""Columns of `gaps.csv`, behind the scenario."""


def gaps(runs: Runs, number: int) -> pd.DataFrame:
    """Return some thousand inpatients of the changed pair that has most, in December, before and after, in one draw.

    Columns: home, host (codes), side (reference or scenario), then those of `patients`. Empty if no inpatients are
    changed.
    """
    scenario, place = runs.scenarios[number], runs.place
    pairs = simulate.touched_by(scenario)[:, :, :, INPATIENT].any(axis=(2, 3))
    cases = runs.common.cases.sum(axis=(0, 1))[np.ix_(place.province, place.province)]
    likely = np.where(pairs, cases * np.outer(place.share, place.share), 0.0)
    if not likely.any():
        return pd.DataFrame(columns=COLUMNS)
    home, host = (place.codes[i] for i in np.unravel_index(int(likely.argmax()), likely.shape))
    how = {"seed": runs.seed, "draw": BOOKED, "pin": runs.pin}
    sides = dict(zip(SIDES, (reference(scenario), scenario), strict=True))
    tables = [patients(one, home, host, **how).assign(side=side) for side, one in sides.items()]  # type: ignore[arg-type]
    table = pd.concat(tables, ignore_index=True).assign(home=home, host=host)
    return table[COLUMNS]


def patients(
    scenario: Scenario,
    home: str,
    host: str,
    *,
    number: int = 1000,
    seed: int = 0,
    draw: int = 0,
    pin: Pin | None = None,
) -> pd.DataFrame:
    """Return about so many simulated inpatients of one pair in December of the scenario's year, a row each.

    Columns: channel, bill_yuan, fund_yuan (paid), gap_yuan (owed in direct settlement less owed by claim).

    Parameters
    ----------
    home, host : names or codes of areas, as in a scenario's `where`.

    Raises
    ------
    LookupError : no such area, with the likely fix.
    """
    place = areas.load(scenario.geography)
    (h,), (t,) = place.resolve(home), place.resolve(host)
    parameters = kept.solved(reference(scenario), seed, draw, pin)
    cases = simulate.patients(parameters, scenario, h, t, number=number)
    columns = {name: cases[:, simulate.FIRST_VISIT.index(name)] for name in ("channel", "bill", "fund", "gap")}
    yuan = {f"{name}_yuan": columns[name] / FEN for name in ("bill", "fund", "gap")}
    return pd.DataFrame({"channel": np.array(CHANNELS)[columns["channel"]], **yuan})
