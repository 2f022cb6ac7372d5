"""Direct, claimed by hand, or abandoned: what a patient does who can, or cannot, settle directly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simlib.compiled import rule
from simlib.quantities import Params, Quantity
from simlib.terms import ABANDONED, CLAIMED, DIRECT, STEPS


class Channels(Params, prefix="channels"):
    """What a claim by hand costs the patient, and who looks at both prices."""

    attention: Quantity
    hassle_inpatient: Quantity
    hassle_outpatient: Quantity
    delay_months: Quantity
    interest: Quantity
    claims_per_abandoned: Quantity


class Claims(Params, prefix="claims"):
    """Claims by hand made easier: online instead of on paper (手工报销线上办理)."""

    hassle_saved: Quantity
    waiting_saved: Quantity


class Credit(Params, prefix="credit"):
    """Care on credit (信用就医): nothing is paid in advance, so that waiting for a claim costs nothing."""

    covered: Quantity


@rule
def claim_gain(fund_direct: int, fund_claim: int, claim_cost_fen: float, waiting: float) -> float:
    """Return what the patient gains by claiming by hand instead of settling directly, fen.

    own_direct - own_claim - H - r R tau, with the same bill on both sides and R = fund_claim.
    `waiting` is r times tau, the cost of waiting per yuan.

    >>> round(float(claim_gain(100_00, 150_00, 20_00.0, 0.02)), 6)
    2700.0
    """
    return fund_claim - fund_direct - claim_cost_fen - waiting * fund_claim


@rule
def claims_anyway(fund_claim: int, claim_cost_fen: float, waiting: float, reluctance: float) -> bool:
    """Return whether a patient who cannot settle directly claims by hand: R > (H + r R tau) reluctance.

    Reluctance is a quantile of `reluctances`, so that P = 1 / (1 + e^-z), z = (ln R - ln(H + r R tau)) / spread; nobody
    claims where nothing would be paid.

    >>> bool(claims_anyway(0, 100.0, 0.02, 1.0)), bool(claims_anyway(200, 100.0, 0.02, 1.0))
    (False, True)
    """
    return fund_claim > (claim_cost_fen + waiting * fund_claim) * reluctance


def reluctances(spread: float) -> npt.NDArray[np.float64]:
    """Return the quantile table of how many times its cost a claim must pay to be made, (STEPS,): log-logistic.

    >>> bool(abs(np.median(reluctances(2.0)) - 1) < 0.001)
    True
    """
    u = (np.arange(STEPS) + 0.5) / STEPS
    return np.asarray((u / (1 - u)) ** spread)


@rule
def choice(attentive: bool, gain: float) -> int:
    """Return the channel of a case that can settle directly: direct, unless the patient looks and gains by claiming.

    A chosen claim is always made.
    """
    return CLAIMED if attentive and gain > 0 else DIRECT


@rule
def otherwise(claims: bool) -> int:
    """Return the channel of a case that cannot settle directly: a claim by hand, or nothing reimbursed."""
    return CLAIMED if claims else ABANDONED
