"""What the home fund owes for one bill, layer by layer, in integer fen.

The layers see what the layers before them left open; each rounds half-up once:
1 unlisted and over ceiling, 2 first self-pay of class B, 3 first self-pay for being away, 4 deductible,
5 ratio, 6 annual cap. Layers 7 to 9 (catastrophic, assistance, personal account) are not modelled.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.terms import FEN, FILINGS, KINDS, MONTHS, PPM, SCHEMES, TIERS, Params, fact, lever, rule, unknown

Array = npt.NDArray[np.float64]
MEDIAN = "median of the areas whose published benefits were found, 2020-2025"


class Benefits(Params, prefix="benefits"):
    """The national default policy: published national shares, and what areas typically write."""

    cap_yuan = lever(
        "annual cap on what the basic fund pays (封顶线)",
        None,
        unit="yuan",
        axes=("home", "scheme"),
        low=10_000,
        high=10_000_000,
        source=MEDIAN,
        grade="derived",
    )
    deductible_yuan__tier1 = lever(
        "deductible of an admission in a tier-1 hospital (起付线)",
        None,
        unit="yuan",
        axes=("home", "scheme"),
        low=0,
        high=100_000,
        source=MEDIAN,
        grade="derived",
    )
    deductible_yuan__tier2 = lever(
        "deductible of an admission in a tier-2 hospital",
        None,
        unit="yuan",
        axes=("home", "scheme"),
        low=0,
        high=100_000,
        source=MEDIAN,
        grade="derived",
    )
    deductible_yuan__tier3 = lever(
        "deductible of an admission in a tier-3 hospital",
        None,
        unit="yuan",
        axes=("home", "scheme"),
        low=0,
        high=100_000,
        source=MEDIAN,
        grade="derived",
    )
    default_cap_employee = fact(
        "national default of the annual cap, employees", 500_000, unit="yuan", source=MEDIAN, grade="derived"
    )
    default_cap_resident = fact(
        "national default of the annual cap, residents", 300_000, unit="yuan", source=MEDIAN, grade="derived"
    )
    default_deductible_employee_tier1 = fact(
        "national default of the deductible", 300, unit="yuan", source=MEDIAN, grade="derived"
    )
    default_deductible_employee_tier2 = fact(
        "national default of the deductible", 600, unit="yuan", source=MEDIAN, grade="derived"
    )
    default_deductible_employee_tier3 = fact(
        "national default of the deductible", 900, unit="yuan", source=MEDIAN, grade="derived"
    )
    default_deductible_resident_tier1 = fact(
        "national default of the deductible", 200, unit="yuan", source=MEDIAN, grade="derived"
    )
    default_deductible_resident_tier2 = fact(
        "national default of the deductible", 500, unit="yuan", source=MEDIAN, grade="derived"
    )
    default_deductible_resident_tier3 = fact(
        "national default of the deductible", 1000, unit="yuan", source=MEDIAN, grade="derived"
    )
    ratio_outpatient_employee = unknown("fund share of in-scope outpatient cost, employees", 0.5, 0.75, unit="share")
    ratio_outpatient_resident = unknown("fund share of in-scope outpatient cost, residents", 0.4, 0.6, unit="share")
    in_scope_home = unknown(
        "share of a bill at home that enters the ratio",
        0.7,
        0.9,
        default=0.8,
        dist="triangular",
        unit="share",
        source="68.2/84.8, two sources and years: rough",
        grade="derived",
    )
    cut_referral = unknown(
        "points off the ratio for referral and emergency",
        0.0,
        0.1,
        unit="share",
        source="NHSA and Ministry of Finance notice 医保发〔2022〕22号: at most 10 points",
        grade="official",
    )
    cut_temporary = unknown(
        "points off the ratio for other temporary care",
        0.0,
        0.2,
        unit="share",
        source="NHSA and Ministry of Finance notice 医保发〔2022〕22号: at most 20 points",
        grade="official",
    )
    cut_unfiled = unknown(
        "points off the ratio without a valid filing, not below those of temporary care", 0.0, 0.2, unit="share"
    )


POLICY = np.dtype(
    [
        ("deductible_fen", np.int64),
        ("ratio_ppm", np.int64),
        ("cap_fen", np.int64),
        ("first_share_ppm", np.int64),
        ("points_ppm", np.int64),
    ]
)
"""One policy as the loop reads it: of a home, scheme, kind, filing, month and hospital tier."""

LAYERS = ("bill", "unlisted", "over_ceiling", "self_pay_b", "self_pay_away", "deductible", "ratio", "cap", "fund")
"""What `settle` writes into a trace, in order, fen: the bill, what the patient bears at each step, the fund."""


class Bill(NamedTuple):
    """One bill as a catalogue splits it, fen; what is left after the three parts enters layer 3."""

    total: int
    unlisted: int
    over_ceiling: int
    self_pay: int


@rule
def part(amount: int, share: int) -> int:
    """Return a share (ppm) of an amount (fen), rounded half-up.

    >>> int(part(995, 100_000))  # 99.5 fen
    100
    """
    return (amount * share + 500_000) // 1_000_000


@rule
def split_bill(total: int, unlisted: int, over_ceiling: int, self_pay: int) -> Bill:
    """Return a bill as a basket's cover splits it: running sums keep a larger eligible share from losing a fen.

    The shares are running sums, ppm, as `catalogue.cover` gives them: unlisted; and over ceiling; and self-pay.
    """
    first, second, third = part(total, unlisted), part(total, over_ceiling), part(total, self_pay)
    return Bill(total, first, second - first, third - second)


@rule
def deductible_due(entering: int, deductible: int) -> int:
    """Return what the patient bears before the ratio applies (起付线), fen: min(entering, deductible)."""
    return min(entering, deductible)


@rule
def away_ratio(ratio: int, points: int) -> int:
    """Return the ratio that applies away from home (异地降比例), ppm: the ratio minus the points off, not below 0."""
    return max(ratio - points, 0)


@rule
def room_under_cap(cap: int, paid: int) -> int:
    """Return what the basic fund may still pay this year (封顶线), fen."""
    return max(cap - paid, 0)


@rule
def settle(policy: Any, bill: Any, paid: int, trace: Any) -> int:
    """Return what the fund owes for one bill, fen; the only place that knows the order of the layers.

    Parameters
    ----------
    policy : one record of `POLICY`.
    bill : a `Bill`.
    paid : what the fund has paid this person this year towards the cap, fen.
    trace : None in the loop; else an int64 array as long as `LAYERS`, which receives what each layer took.

    Notes
    -----
    fund = min((E (1 - first) - deductible) (ratio - points), cap - paid),
    E = total - unlisted - over ceiling - self-pay.
    """
    entering = bill.total - bill.unlisted - bill.over_ceiling - bill.self_pay
    away = part(entering, policy.first_share_ppm)
    after_away = entering - away
    deductible = deductible_due(after_away, policy.deductible_fen)
    ratio = away_ratio(policy.ratio_ppm, policy.points_ppm)
    uncapped = part(after_away - deductible, ratio)
    fund = min(uncapped, room_under_cap(policy.cap_fen, paid))
    if trace is not None:
        trace[0], trace[1], trace[2], trace[3] = bill.total, bill.unlisted, bill.over_ceiling, bill.self_pay
        trace[4], trace[5], trace[6] = away, deductible, after_away - deductible - uncapped
        trace[7], trace[8] = uncapped - fund, fund
    return fund


def default_ratio(bills: Array, in_scope: float, deductible: float, share: float) -> float:
    """Return the ratio that gives the published fund share of in-scope cost.

    share = ratio E[(e - deductible)+] / E[e], e = in-scope part of the bill; not above 1.

    >>> round(default_ratio(np.array([10_000.0]), 0.8, 800, 0.81), 6)
    0.9
    """
    scope = bills * in_scope
    return float(min(share * scope.mean() / np.maximum(scope - deductible, 0).mean(), 1.0))


def default_deductibles() -> Array:
    """Return the national default deductibles, yuan, (scheme, tier)."""
    named = {q.id: q.number for q in Benefits.quantities() if q.role == "fact"}
    return np.array([[named[f"benefits.default_deductible_{s}_tier{t}"] for t in TIERS] for s in SCHEMES])


def default_caps() -> Array:
    """Return the national default annual caps, yuan, (scheme,)."""
    return np.array([q.number for q in (Benefits.default_cap_employee, Benefits.default_cap_resident)])


def policies(ratio: Array, points: Array, deductible_yuan: Array, cap_yuan: Array) -> npt.NDArray[Any]:
    """Return the policies of a year as the loop reads them, (home, scheme, kind, filing, month, tier).

    Parameters
    ----------
    ratio : share, (kind, scheme, tier). points : share off by filing, (filing,).
    deductible_yuan : (home, scheme, month, tier), NaN = national default. cap_yuan : (home, scheme, month), likewise.

    Outpatient care has no deductible in the national default.
    """
    homes = deductible_yuan.shape[0]
    out = np.zeros((homes, len(SCHEMES), len(KINDS), len(FILINGS), MONTHS, len(TIERS)), dtype=POLICY)
    deductible = np.where(np.isnan(deductible_yuan), default_deductibles()[None, :, None, :], deductible_yuan)
    cap = np.where(np.isnan(cap_yuan), default_caps()[None, :, None], cap_yuan)
    out["deductible_fen"][:, :, KINDS.index("inpatient")] = np.rint(deductible * FEN)[:, :, None]
    out["cap_fen"] = np.rint(cap * FEN)[:, :, None, None, :, None]
    out["ratio_ppm"] = np.rint(ratio.transpose(1, 0, 2) * PPM)[None, :, :, None, None, :]
    out["points_ppm"] = np.rint(points * PPM)[None, None, None, :, None, None]
    out.setflags(write=False)
    return out
