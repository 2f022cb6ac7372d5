"""Can a case be settled directly, and if not, why.

One inpatient rate is published (51.3 % in 2020) and no breakdown of failures: the split is a prior, and every
result that hangs on it is shown over the share of attentive patients. Conditions in order: the institution is
networked (hard), a chronic disease is listed (hard), the patient has a valid filing, diagnosis and items are coded,
systems are up (faults that the hospital may mend before discharge).

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
from simlib.quantities import AtFull, Params, Quantity, lever, unknown
from simlib.terms import EMERGENCY, KINDS

Array = npt.NDArray[np.float64]


class Gates(Params, prefix="gates"):
    """How often a case can be settled directly."""

    direct_rate_inpatient = unknown(
        "inpatient direct settlement rate of 2023",
        0.55,
        0.75,
        default=0.65,
        dist="triangular",
        unit="share",
        source="0.513 published for 2020, none since; aim 0.70 by 2025",
    )
    direct_rate_outpatient = unknown(
        "ordinary outpatient direct settlement rate of 2023; unidentified", 0.6, 0.95, unit="share"
    )
    direct_rate_chronic = unknown(
        "chronic outpatient direct settlement rate of 2023, of listed diseases; unidentified", 0.4, 0.95, unit="share"
    )
    direct_rate_pharmacy = unknown("pharmacy direct settlement rate of 2023; unidentified", 0.6, 0.95, unit="share")
    split = unknown(
        "share of not networked or not coded among cases that fail a condition, the rest is not filed",
        0.0,
        1.0,
        unit="share",
        axes=("kind",),
    )
    coded = unknown(
        "share of cases with a code that is not mapped among those not networked or not coded; faults left unmended",
        0.0,
        1.0,
        unit="share",
        axes=("kind",),
    )
    mend = unknown(
        "place of the share of faults mended before discharge in its feasible range", 0.0, 1.0, unit="quantile"
    )
    possible_inpatient = unknown(
        "inpatient institutions that could be connected", 90_000, 200_000, dist="log-uniform", unit="institutions"
    )
    possible_outpatient = unknown(
        "outpatient institutions that could be connected", 300_000, 700_000, dist="log-uniform", unit="institutions"
    )
    possible_chronic = unknown(
        "institutions that could be connected for chronic care",
        80_000,
        300_000,
        dist="log-uniform",
        unit="institutions",
    )
    possible_pharmacy = unknown(
        "pharmacies that could be connected", 420_000, 700_000, dist="log-uniform", unit="institutions"
    )


class Filing(Params, prefix="filing"):
    """Rules of filing that a scenario may change."""

    free = lever(
        "care counts as filed without a filing (免备案)",
        False,
        unit="yes or no",
        axes=("home", "host", "kind"),
        at_full=AtFull(
            True,
            up=("direct_settlement_rate", "fund_payment"),
            down=("advanced_by_patients",),
            untouched=("first_not_networked", "first_not_listed"),
        ),
        source="Beijing, Tianjin and Hebei authorities, notice of 2023-04 (the only such region enacted)",
        grade="official",
    )
    late_refused = lever(
        "share of filings made late, before discharge, that are not accepted (补备案): the notice of 2022 ended it",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("home", "host", "kind"),
        at_full=AtFull(
            1.0,
            up=("advanced_by_patients",),
            down=("direct_settlement_rate",),
            untouched=("first_not_networked", "first_not_listed"),
        ),
        source="NHSA and Ministry of Finance notice 医保发〔2022〕22号: enough before discharge, from 2023-01",
        grade="official",
    )
    mended = lever(
        "share of cases left without a valid filing whose filing is made late, before discharge, or deemed (补备案)",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("home", "host", "kind"),
        at_full=AtFull(
            1.0,
            up=("direct_settlement_rate", "fund_payment"),
            down=("advanced_by_patients",),
            untouched=("first_not_networked", "first_not_listed"),
        ),
        source="NHSA and Ministry of Finance notice 医保发〔2022〕22号 lets patients file late; share assumed",
        grade="assumed",
    )
    valid_months = lever(
        "months for which a temporary filing (临时外出就医备案) is valid",
        6.0,
        low=6.0,
        high=60.0,
        unit="months",
        axes=("home", "kind"),
        at_full=AtFull(
            60.0,
            up=("direct_settlement_rate", "fund_payment"),
            down=("advanced_by_patients",),
            untouched=("first_not_networked", "first_not_listed"),
        ),
        source="NHSA and Ministry of Finance notice 医保发〔2022〕22号: at least six months; areas may allow more",
        grade="official",
    )
    lapsed = unknown(
        "share of cases left without a valid filing whose filing has lapsed, if it is valid for six months",
        0.0,
        0.3,
        unit="share",
        only=("filing.valid_months",),
    )


class Codes(Params, prefix="codes"):
    """The unification of codes of diseases and items."""

    unified = lever(
        "share of code faults removed by one code of diseases and items everywhere (统一编码)",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("home", "host", "kind"),
        at_full=AtFull(
            1.0,
            up=("direct_settlement_rate", "fund_payment"),
            down=("advanced_by_patients",),
            untouched=("first_not_networked",),
        ),
        source="中国医疗保险 (journal), about 2023-10, asks for it; share assumed by the scenario",
        grade="assumed",
    )


class Platform(Params, prefix="platform"):
    """Outages and switch-overs of systems."""

    outage = lever(
        "share of a month's cases that find card, hospital system or platform down, before any is mended (停机切换)",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("home", "host", "kind"),
        at_full=AtFull(1.0, down=("direct_settlement_rate",), untouched=("first_not_networked", "first_not_listed")),
        source="NHSA and Ministry of Finance notice 医保发〔2022〕22号 on switch-overs; share assumed by the scenario",
        grade="assumed",
    )


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


def possible(v: Mapping[Quantity, Array]) -> Array:
    """Return the institutions that could be connected in a draw, (kind,)."""
    return np.array([v[getattr(Gates, f"possible_{kind}")][0] for kind in KINDS])


def direct_rates(v: Mapping[Quantity, Array]) -> Array:
    """Return the direct settlement rates of 2023 in a draw, (kind,)."""
    return np.array([v[getattr(Gates, f"direct_rate_{kind}")][0] for kind in KINDS])


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
