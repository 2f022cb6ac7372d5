"""How many patients come, and how dear their care is, once a policy has moved what they pay or what settles directly.

Published studies of China disagree even in sign on what direct settlement does to volume, and no two ways of saying it
may be added up: so it is a choice of form. `none`, the default, moves nobody. `price`: who pays less comes more often,
for dearer stays. `eta`: where more can be settled directly, more leave home. Either is solved once per draw, on
expected values of a small fixed pilot and before anybody is drawn: no draw depends on what was drawn.

People are drawn at an envelope, `1 + MARGIN` times those of 2023's rules, and one is real in a scenario if a random
number of the person lies below the scenario's share of the envelope. It is the person's, not the visit's: the
elasticities are of people who come at all, and how often a patient comes stays what is published (who has dialysis does
not go oftener because it is cheaper). So the real people of a baseline are drawn as if there were no envelope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from simlib.amounts import BILLS, FUND, ON_CREDIT, VISITS
from simlib.quantities import Params, Quantity
from simlib.randomness import odds_of
from simlib.terms import (
    ABANDONED,
    CHRONIC,
    CLAIMED,
    EMERGENCY,
    INPATIENT,
    KINDS,
    LONG_STAY,
    MONTHS,
    OUTPATIENT,
    PURPOSES,
)

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Values = Mapping[Quantity, Array]

MARGIN = 0.5
"""How far the visits of a scenario may exceed those of its baseline, of whatever scenarios are run."""

PILOT, PILOT_SEED = 30_000, 1 << 32
"""People of the pilot on which prices are taken, and the seed of their random numbers, which no run may have."""

NONE, PRICE, ETA = "none", "price", "eta"


class Response(Params, prefix="response"):
    """What moves the volume of care, where a form of response is chosen."""

    form: Quantity
    inpatient: Quantity
    outpatient: Quantity
    bill: Quantity
    eta: Quantity
    displaced: Quantity


class Answer(NamedTuple):
    """How patients answer a scenario, as the loop reads it.

    real : odds that a person drawn at the envelope is real, and dearer : bills against those before, both (kind x
    scheme x home x host, month). still : odds of who does not respond. responds : whether a purpose does, (purpose,).
    """

    real: npt.NDArray[np.uint64]
    dearer: Array
    still: np.uint64
    responds: npt.NDArray[np.bool_]


class Factors(NamedTuple):
    """Visits and bills against those of the baseline, (kind, scheme, home, host, month)."""

    visits: Array
    bills: Array


def form(values: Values) -> str:
    """Return the form of response of a draw."""
    return Response.form.choices[int(values[Response.form][0])]


def responding(form: str) -> npt.NDArray[np.bool_]:
    """Return which purposes respond, (purpose,): no emergency does, nor by `eta`, which moves who leaves, who is away.

    >>> dict(zip(PURPOSES, responding("eta").tolist()))
    {'long_stay': False, 'referral': True, 'emergency': False, 'temporary': True}
    """
    out = np.ones(len(PURPOSES), dtype=bool)
    out[EMERGENCY] = False
    out[LONG_STAY] = form != ETA
    return out


def arc(before: Array, after: Array, elasticity: Array | float) -> Array:
    """Return how many times as much is asked for at another price, (1 + e d) / (1 - e d), d = (p' - p) / (p' + p).

    The elasticity is that of the arc between both prices: of a small move (p'/p)^e, of a large one it stays finite.
    Exactly 1 at the same price, and where there is none.

    >>> arc(np.array([0.5, 0.5]), np.array([0.5, 0.25]), -0.4).round(3).tolist()
    [1.0, 1.308]
    """
    total = before + after
    d = np.divide(after - before, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray((1 + elasticity * d) / (1 - elasticity * d))


def borne(totals: Ints, costs: Any) -> Array:
    """Return what patients bear of their bills, fen, (kind, scheme, home, host, month).

    Bills less fund payment, an abandoned bill whole, and of each claim by hand H + r R tau, waiting without cost where
    nothing had to be advanced.

    Parameters
    ----------
    totals : (kind, scheme, home, host, month, amount). costs : of a claim, see `measures.claim_costs`.
    """
    a = totals.astype(np.float64)
    claimed, owed = a[..., FUND + CLAIMED], a[..., FUND + CLAIMED] + a[..., FUND + ABANDONED]
    advanced = 1 - np.divide(a[..., ON_CREDIT], owed, out=np.zeros_like(owed), where=owed > 0)
    own = a[..., BILLS : BILLS + 3].sum(axis=-1) - a[..., FUND : FUND + CLAIMED + 1].sum(axis=-1)
    cost = a[..., VISITS + CLAIMED] * costs.claim_cost_fen[:, None] + claimed * advanced * costs.waiting[:, None]
    return np.asarray(own + cost)


def to_price(values: Values, own: tuple[Array, Array], billed: Array, group: Ints) -> Factors:
    """Return how visits and bills answer the price, p = what patients bear / their bills, before and after.

    Parameters
    ----------
    own : see `borne`, of baseline and scenario. billed : bills of either. group : number of the cells that share a
    price, 0 where nothing is changed and nobody responds; all by (kind, scheme, home, host, month).
    """
    number = int(group.max()) + 1

    def price(amount: Array) -> Array:
        sums = [np.bincount(group.ravel(), weights=x.ravel(), minlength=number) for x in (amount, billed)]
        return np.asarray(np.divide(sums[0], sums[1], out=np.zeros(number), where=sums[1] > 0))

    before, after = price(own[0]), price(own[1])
    after[0] = before[0]

    def answered(quantity: Quantity) -> Array:
        return arc(before, after, float(values[quantity][0]))[group]

    out = Factors(answered(Response.outpatient), np.ones(group.shape))
    out.visits[INPATIENT], out.bills[INPATIENT] = answered(Response.inpatient)[0], answered(Response.bill)[0]
    return out


def to_coverage(values: Values, leaving: Array, gained: Array, cases: Array, season: Array) -> Factors:
    """Return how visits answer the share S of a home's cases that can settle directly: who leaves home moves.

    P'(leave) / P(leave), P = logit^-1(x + eta (S' - S)); to whichever host, as before. S is one of each kind of care:
    who is to be admitted looks at admissions.

    Parameters
    ----------
    leaving : log odds x of leaving, (kind, scheme, home). gained : cases that can settle directly in the scenario less
    those of the baseline, (kind, home, month). cases : expected in the year, (kind, home). season : share of each
    month.
    """
    monthly = cases[:, :, None] * season
    rise = np.divide(gained, monthly, out=np.zeros_like(monthly), where=monthly > 0)[:, None]
    x = leaving[..., None]
    visits = scipy.special.expit(x + float(values[Response.eta][0]) * rise) / scipy.special.expit(x)
    shape = (*leaving.shape, leaving.shape[-1], MONTHS)
    return Factors(np.broadcast_to(visits[:, :, :, None], shape).copy(), np.ones(shape))


def displace(values: Values, factors: Factors, cases: Array) -> Factors:
    """Return the factors once more outpatient and chronic visits have taken the place of admissions on the same route.

    Each takes that of `response.displaced`, but of no more than there are.

    cases : expected in the year of who responds, (kind, scheme, home, host); all kinds have the same season.
    """
    more = sum(cases[k, ..., None] * (factors.visits[k] - 1) for k in (OUTPATIENT, CHRONIC))
    admitted = np.broadcast_to(cases[INPATIENT, ..., None], np.shape(more))
    fewer = np.divide(more, admitted, out=np.zeros(admitted.shape), where=admitted > 0)
    visits = factors.visits.copy()
    visits[INPATIENT] = np.maximum(visits[INPATIENT] - float(values[Response.displaced][0]) * fewer, 0.0)
    return Factors(visits, factors.bills)


def answer(form: str, factors: Factors) -> Answer:
    """Return the answer as the loop reads it.

    Raises
    ------
    ValueError : more visits than the envelope holds, (kind, home, factor) of the most.
    """
    if (top := float(factors.visits.max())) > 1 + MARGIN:
        at = np.unravel_index(int(factors.visits.argmax()), factors.visits.shape)
        raise ValueError(int(at[0]), int(at[2]), top)
    real, dearer = (np.ascontiguousarray(x).reshape(-1, MONTHS) for x in factors)
    return Answer(odds_of(real / (1 + MARGIN)), dearer, np.uint64(odds_of(1 / (1 + MARGIN))), responding(form))


def unmoved(places: int, schemes: int) -> Factors:
    """Return the factors of a scenario that patients have no reason to answer."""
    return Factors(*np.ones((2, len(KINDS), schemes, places, places, MONTHS)))


def envelope(values: Values) -> float:
    """Return how many times the expected visits are drawn in a draw."""
    return 1.0 if form(values) == NONE else 1 + MARGIN


def without(values: Values) -> dict[Any, Array]:
    """Return the values of a draw without a response, as the pilot takes them."""
    return {**values, Response.form: np.zeros(1)}
