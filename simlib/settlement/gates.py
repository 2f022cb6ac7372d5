"""Can a case be settled directly, and if not, why.

The inpatient rate follows from what is published of cost and payment, see `simulation.years`; no breakdown of failures
is: the split is a prior, and every result that hangs on it is shown over the share of attentive patients. Conditions
in order: the institution is networked (hard), a chronic disease is listed (hard), the patient has a valid filing,
diagnosis and items are coded, systems are up (faults that the hospital may mend before discharge).

Networked and coded are solved together, as `open`: which of the two fails where it is not open is a prior of its own,
and moves nothing until a measure opens one of them. Systems are up unless a scenario says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simlib.compiled import rule
from simlib.files.facts import read
from simlib.patients.volumes import PUBLISHED
from simlib.quantities import Params, Quantity
from simlib.terms import EMERGENCY, KINDS

Array = npt.NDArray[np.float64]


class Gates(Params, prefix="gates"):
    """How often a case can be settled directly."""

    claims_counted: Quantity
    most_moved: Quantity
    ease_ahead: Quantity
    direct_rate_outpatient: Quantity
    direct_rate_chronic: Quantity
    direct_rate_pharmacy: Quantity
    split: Quantity
    coded: Quantity
    mend: Quantity
    possible_inpatient: Quantity
    possible_outpatient: Quantity
    possible_chronic: Quantity
    possible_pharmacy: Quantity


class Filing(Params, prefix="filing"):
    """Rules of filing that a scenario may change."""

    free: Quantity
    late_refused: Quantity
    mended: Quantity
    valid_months: Quantity
    lapsed: Quantity


class Codes(Params, prefix="codes"):
    """The unification of codes of diseases and items."""

    unified: Quantity


class Platform(Params, prefix="platform"):
    """Outages and switch-overs of systems."""

    outage: Quantity


def lapse_no_more(months: Array) -> Array:
    """Return the share of lapsed filings that are valid once filings last so many months.

    A filing lapses as often as its term fits into the year: 1 - 6 / months; exactly 0 at the six months of the rule.

    >>> lapse_no_more(np.array([6.0, 12.0])).tolist()
    [0.0, 0.5]
    """
    return np.asarray(1 - Filing.valid_months.number / months)


@dataclass(frozen=True)
class Passing:
    """The solved gates of a draw, each (kind,).

    Attributes
    ----------
    networked : share of visits in connected institutions.
    fault : share of exposed visits without a valid filing before care.
    mended : share of such faults that the hospital mends, W0.
    attention : share of attentive patients, lowered where choice alone would exceed all failures.
    """

    networked: Array
    fault: Array
    mended: Array
    attention: Array


@rule
def exposed(purpose: int, filing_free: bool) -> bool:
    """Return whether a case needs a filing: not in an emergency, which counts as filed, nor where filing-free."""
    needs: bool = (purpose != EMERGENCY) & np.logical_not(filing_free)
    return needs


def met_share(direct: float, choosers: float) -> float:
    """Return the share of cases that meet all conditions, given the direct rate and the share q that then claims.

    direct = met (1 - q).

    >>> round(met_share(0.6, 0.25), 9)
    0.8
    """
    return direct / (1 - choosers)


def split_failures(met: float, split: float) -> tuple[float, float]:
    """Return the pass shares of networked and filed that give `met`, for a split of the failing cases.

    `split` of the cases that fail fail first for not being networked:
    g1 = 1 - (1 - met) split;  g2 = met / g1.

    >>> split_failures(0.8, 0.5)
    (0.9, 0.888888888888889)
    """
    networked = 1 - (1 - met) * split
    return networked, met / networked


def mend_share(place: float, fail: Array, exposure: Array) -> float:
    """Return W0, uniform on [0.1, min(0.9, 1 - max (1-g)/e)], so that no raw fault rate exceeds 1."""
    top = min(0.9, 1 - float((fail / exposure).max()))
    return 0.1 + place * (top - 0.1)


def code_faults(opened: Array, mended: Array, coded: Array) -> tuple[Array, Array]:
    """Return the odds that a case that is not open is not networked, and that it is coded, each (kind,).

    `coded` of the cases that are not open are networked but not coded, the rest is not networked, coded or not: the two
    conditions are independent. It is lowered where the raw rate of code faults, before hospitals mend W0, would exceed
    1: coded <= (1 - W0) open / ((1 - open) W0).

    >>> [float(x.round(4)) for x in code_faults(np.array(0.8), np.array(0.5), np.array(0.5))]
    [0.5, 0.4444]
    """
    shut = 1 - opened
    only = np.minimum(coded, (1 - mended) * opened / np.maximum(shut * mended, 1e-12))
    not_networked: Array = np.asarray(1 - only)
    networked = np.maximum(1 - not_networked * shut, 1e-12)
    return not_networked, np.asarray(not_networked * (1 - only * shut / networked))


def connected(year: int) -> Array:
    """Return the institutions connected by the end of a year, (kind,): a fall never lowers the gate.

    Years after the last published one keep its number; before the first there were none.
    """
    rows = [r for r in read("direct_settlement") if r["metric"] == "networked_institutions"]

    def most(kind: str) -> float:
        return max((float(r["value"]) for r in rows if r["kind"] == kind and int(r["period"][:4]) <= year), default=0.0)

    return np.array([most(kind) for kind in PUBLISHED])


def possible(values: Mapping[Quantity, Array]) -> Array:
    """Return the institutions that could be connected in a draw, (kind,)."""
    return np.array([values[getattr(Gates, f"possible_{kind}")][0] for kind in KINDS])


def direct_rates(values: Mapping[Quantity, Array], inpatient: float) -> Array:
    """Return the direct settlement rates of 2023 in a draw, (kind,), with the solved one of inpatients."""
    return np.array([inpatient, *(values[getattr(Gates, f"direct_rate_{kind}")][0] for kind in KINDS[1:])])


def direct_rate(passing: Passing, exposed: Array, gaining: Array, *, late_refused: bool = False) -> Array:
    """Return the direct settlement rate of listed cases under gates, (kind,).

    networked x (1 - exposed fault (1 - mended)) x (1 - attention gaining).

    Parameters
    ----------
    exposed : share of cases that need a filing. gaining : share of cases that meet all conditions and gain by a claim,
    both (kind,). late_refused : no filing is made late, as before 2023.
    """
    unfiled = exposed * passing.fault * (1 if late_refused else 1 - passing.mended)
    return np.asarray(passing.networked * (1 - unfiled) * (1 - passing.attention * gaining))


def eased(share: Array, odds: float) -> Array:
    """Return a share whose odds are multiplied.

    >>> eased(np.array([0.5, 0.2]), 0.5).round(3).tolist()
    [0.333, 0.111]
    """
    return np.asarray(odds * share / (1 - share + odds * share))


def eased_passing(passing: Passing, networked: Array, odds: float) -> Passing:
    """Return gates with so many visits in connected institutions, and the odds of each failure multiplied.

    What makes it easier or harder is not told apart: filing, codes, systems, and the habit of settling directly.
    """
    shut = eased(1 - networked, odds)
    return Passing(1 - shut, eased(passing.fault, odds), passing.mended, eased(passing.attention, odds))


def omega(networked: Array, possible: Array) -> Array:
    """Return the exponent of the networked share in 2023: networked = 1 - (1 - n/N)^omega."""
    solved: Array = np.log(1 - networked) / np.log(1 - connected(2023) / possible)
    return solved


def networked_in(year: int, exponent: Array, possible: Array) -> Array:
    """Return the share of visits in connected institutions of a year, (kind,)."""
    return networked_with(connected(year), exponent, possible)


def networked_with(institutions: Array, exponent: Array, possible: Array) -> Array:
    """Return the share of visits in so many connected institutions, (kind,)."""
    open_share: Array = 1 - (1 - np.minimum(institutions / possible, 1)) ** exponent
    return open_share
