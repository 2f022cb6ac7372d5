"""Hospitals' willingness to mend what keeps a case from direct settlement, and what moves it.

Hospitals send people away when a problem arises (journal, 2023). The share W that they mend instead moves with what a
case settled directly gains them; as long as policy adds nothing, it does not move at all. Four things move that gain:
accountability, the margin under DRG/DIP, being paid sooner, and disputes settled. No document changes a reward or the
work of settling, and cases stay as many as they are: they gain nobody anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.quantities import Params, Quantity, register
from simlib.terms import MONTHS

Array = npt.NDArray[np.float64]


class Hospitals(Params, prefix="hospitals"):
    """Accountability for the direct settlement rate, and how hospitals answer it."""

    accountability: Quantity
    notices: Quantity
    disputes_settled: Quantity
    response: Quantity
    worth: Quantity
    capital: Quantity
    disputed: Quantity
    fund_share: Quantity
    speed: Quantity


class Drg(Params, prefix="drg"):
    """Payment by DRG or DIP of inpatients from elsewhere, and what it does to their bills."""

    covered: Quantity
    bill: Quantity
    growth: Quantity
    margin: Quantity


class HospitalResponse(NamedTuple):
    """How hospitals answer in a draw.

    weights : log odds that each of `gains` adds in the end. speed : share of the way gone in a month. bill, growth :
    change of the bill of an admission under DRG/DIP, and of its growth a year.
    """

    weights: Array
    speed: float
    bill: float
    growth: float


def answer(values: Mapping[Quantity, Array]) -> HospitalResponse:
    """Return how hospitals answer in a draw: what accountability adds, and kappa x what each gain is worth of a bill.

    A month sooner gains capital / 12 of the fund's share of a bill, a dispute settled the share disputed of it.
    """

    def drawn(quantity: Quantity) -> float:
        return float(values[quantity][0])

    worth, share = drawn(Hospitals.worth), Hospitals.fund_share.number
    month, dispute = share * drawn(Hospitals.capital) / MONTHS, share * drawn(Hospitals.disputed)
    weights = [drawn(Hospitals.response), *(worth * gain for gain in (drawn(Drg.margin), month, dispute))]
    return HospitalResponse(np.array(weights), drawn(Hospitals.speed), drawn(Drg.bill), drawn(Drg.growth))


GAINS = (
    "hospitals.accountability",
    "hospitals.notices",
    "drg.covered",
    "ledger.hospital.lag",
    "hospitals.disputes_settled",
)
"""Levers that change what a case settled directly gains a hospital."""
COVERED = 1
"""Which of `gains` is the share paid by DRG or DIP."""


def gains(accountability: Array, notices: Array, covered: Array, lag: Array, settled: Array) -> Array:
    """Return what moves willingness, (…, 4): all 0 where policy adds nothing.

    Accountability, the share of a full one read out every month; the share paid by DRG/DIP; months by which hospitals
    are paid sooner than by default; the share of disputes settled.

    >>> gains(*np.array([[0.0, 0.5], [12.0, 6.0], [0.0, 1.0], [2.0, 1.0], [0.0, 0.3]])).tolist()
    [[0.0, 0.0, 0.0, 0.0], [0.25, 1.0, 1.0, 0.3]]
    """
    sooner = register()["ledger.hospital.lag"].number - lag
    return np.stack([accountability * notices / MONTHS, covered, sooner, settled], axis=-1)


def moved(paths: Array, weights: Array, speed: float) -> Array:
    """Return how far the log odds of mending have moved after each month of paths of gains, (path, month, gain).

    w += speed (w* - w), w* = logit W0 + sum of weight x gain, from w = logit W0: exactly 0 without gains.

    >>> moved(np.array([[[0.0], [0.0]], [[1.0], [1.0]]]), np.array([2.0]), 0.5).tolist()
    [[0.0, 0.0], [1.0, 1.5]]
    """
    ends = (paths * weights).sum(axis=-1)
    months = accumulate(ends.T, lambda at, end: at + speed * (end - at), initial=np.zeros(len(ends)))
    return np.stack([*months][1:], axis=1)


def billed(paths: Array, bill: float, growth: float) -> Array:
    """Return the bill of an admission against that without DRG/DIP in each month of paths of gains, (path, month).

    (1 + bill c) (1 + growth)^years, c = share covered in the month, years = sum of c over the months before / 12: a
    half covered for two years has grown as a whole in one. Growth that was forgone stays forgone where coverage ends.
    Exactly 1 where nothing was ever covered.

    >>> covered = np.zeros((2, 25, 4))
    >>> covered[1, :, COVERED] = 1.0
    >>> billed(covered, -0.05, 0.02)[:, [0, 12, 24]].round(4).tolist()
    [[1.0, 1.0, 1.0], [0.95, 0.969, 0.9884]]
    """
    share = paths[..., COVERED]
    years = (np.cumsum(share, axis=1) - share) / MONTHS
    return np.asarray((1 + bill * share) * (1 + growth) ** years)


def newly_mended(mended: Array, moved: Array) -> Array:
    """Return the share of the faults left unmended that hospitals mend once the log odds have moved.

    (W - W0) / (1 - W0) = W0 (e^m - 1) / (1 + W0 (e^m - 1)), W = logit^-1(logit W0 + m); exactly 0 for m = 0, below 0
    where they mend fewer.

    >>> newly_mended(np.array([0.5, 0.5]), np.array([0.0, np.log(3)])).round(9).tolist()
    [0.0, 0.5]
    """
    rise = mended * np.expm1(moved)
    return np.asarray(rise / (1 + rise))
