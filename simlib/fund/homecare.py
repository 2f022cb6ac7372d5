"""What a common policy of merged pools does to the fund's spending on care at home, on expected values.

Care at home is no part of a run, but most of what a pool spends: pooling at the best of policies costs most there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.benefits import national
from simlib.benefits.layers import YEAR, Bill, begin_year, fund, part, settle_apart
from simlib.benefits.pooling import OWN, Pooling
from simlib.compiled import apart
from simlib.patients import flows
from simlib.patients.areas import Place
from simlib.patients.visits import Visits
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.simulation.draws import Values, circumstances
from simlib.simulation.loop import of_kind
from simlib.simulation.policies import drawn, in_force, residences
from simlib.terms import INPATIENT, LOCAL, MONTHS, OUTPATIENT, SCHEMES, TIERS

Array = npt.NDArray[np.float64]
EVERY = 32
"""Of so many steps of the quantile table of bills one is priced."""


@apart
def _owed(rows: Any, kind: int, bills: Any, in_scope_ppm: int, records: Any, out: Any) -> None:
    """Write what the fund owes on average on bills (row, bill), fen, each the first of a year, to `out`, (row,)."""
    year = np.zeros(1, dtype=YEAR)[0]
    for i in range(len(rows)):
        total = 0
        for b in range(bills.shape[1]):
            begin_year(year)
            bill = Bill(bills[i, b], bills[i, b] - part(bills[i, b], in_scope_ppm), 0, 0)
            total += fund(settle_apart(records[rows[i]], bill, of_kind(kind, -1), year))
        out[i] = total / bills.shape[1]


def spending(of: Scenario, place: Place, v: Values, quantiles: Array) -> Array:
    """Return what a pool owes on care at home of an insured person and year, fen, (scheme, home, month of the policy).

    Admissions at the national rate, bills and hospital levels, each with a deductible of its own, and all ordinary
    outpatient care of the year as one bill, as `loop.care_at_home` has it; chronic care and pharmacies are left out.
    """
    book, people = in_force(of, place), circumstances(v)
    records = drawn(book, national.default_ratios(v, quantiles), national.points_off(v))
    relative, shares = quantiles[EVERY // 2 :: EVERY], np.diff(people["tiers_home"], prepend=0.0)
    retired = np.array([v[Visits.retired_share_employee][0], v[Visits.senior_share_resident][0]])
    out = np.zeros((len(SCHEMES), len(place.codes), MONTHS))
    for s in range(len(SCHEMES)):
        asked = [
            (INPATIENT, t, people["admission_fen"][s, t], flows.rates()[INPATIENT, s] * shares[t])
            for t in range(len(TIERS))
        ]
        asked.append((OUTPATIENT, 1, MONTHS * people["outpatient_fen"][s], 1.0))
        for kind, t, mean, weight in asked:
            which = book.which[residences(place)[0], s, :, kind, LOCAL, :, t]  # (home, member, month)
            rows, at = np.unique(which, return_inverse=True)
            bills = np.broadcast_to(np.rint(mean * relative).astype(np.int64), (len(rows), len(relative)))
            owed = np.zeros(len(rows))
            _owed(rows.astype(np.int64), kind, bills.copy(), people["in_scope_ppm"], records, owed)
            by_member = owed[at.reshape(which.shape)]
            out[s] += weight * ((1 - retired[s]) * by_member[:, 0] + retired[s] * by_member[:, 1])
    return out


def ratio(of: Scenario, place: Place, v: Values, quantiles: Array) -> Array:
    """Return spending on care at home against that under the reference's policies, (scheme, home, month).

    1 where no policies are merged: what other levers do at home is not looked at.
    """
    how = scenario.compile(of, place).values(Pooling.policy.id)[:, 0, 0, 0]
    if (how == OWN).all():
        return np.ones((len(SCHEMES), len(place.codes), MONTHS))
    before, after = (spending(one, place, v, quantiles) for one in (scenario.reference(of), of))
    return np.where(how != OWN, after / before, 1.0)
