"""What the home fund owes for one bill, layer by layer, in integer fen.

A layer sees what the layers before it left open. Inside a layer all lines and bands are added exactly; each layer
rounds once per visit, half-up: 1 unlisted and over ceiling, 2 first self-pay of class B, 3 first self-pay for being
away, 4 deductible, 5 ratio, 6 caps, large-sum above the cap, 7 catastrophic, 8 assistance and tilt, 9 personal account.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from simlib.compiled import apart, rule
from simlib.terms import INPATIENT, KINDS

MOST_BANDS = 8
"""Most bands of a ratio, basic or catastrophic."""

MOST_DISEASES = 8
"""Most chronic diseases of one person that have limits of their own."""

NO_LIMIT_FEN = 10**17
"""No cap: more than any person-year can reach, and small enough to be added to."""

PER_VISIT, PER_YEAR, PER_MONTH, PER_DISEASE = range(4)
"""Periods of a deductible; the last is per disease and year."""

POLICY = np.dtype(
    [
        # 3: share of what layers 1 and 2 left, by filing
        ("first_share_ppm", np.int64),
        # 4: for the first, second, and third and later admission of the year; low = high where the amount is fixed
        ("deductible_period", np.int64),
        ("deductible_any_kind", np.int64),  # whether later admissions lower that of other kinds of care too
        ("deductible_share_ppm", np.int64, 3),
        ("deductible_low", np.int64, 3),  # fen x ppm
        ("deductible_high", np.int64, 3),  # fen x ppm
        # 5: ratios are those that apply away from home
        ("bands", np.int64),
        ("band_to_fen", np.int64, MOST_BANDS),
        ("ratio_ppm", np.int64, MOST_BANDS),
        ("bands_gross", np.int64),
        ("bands_yearly", np.int64),
        ("floor_ratio_ppm", np.int64),
        # 6: caps on what the basic fund pays, each over the kinds of care it covers (bits)
        ("limits", np.int64),  # whether any but the yearly cap exists
        ("cap_fen", np.int64),
        ("cap_kinds", np.int64),
        ("kind_cap_fen", np.int64),
        ("kind_cap_kinds", np.int64),
        ("month_cap_fen", np.int64),
        ("month_cap_kinds", np.int64),
        ("disease_cap_fen", np.int64),
        ("disease_month_cap_fen", np.int64),
        ("above_cap_ratio_ppm", np.int64),
        # 7: band ends on the running base of the year, the threshold included
        ("catastrophic_bands", np.int64),
        ("catastrophic_threshold_fen", np.int64),
        ("catastrophic_to_fen", np.int64, MOST_BANDS),
        ("catastrophic_ratio_ppm", np.int64, MOST_BANDS),
        ("catastrophic_cap_fen", np.int64),
        ("catastrophic_counts_class_b", np.int64),
        ("catastrophic_counts_away", np.int64),
        ("catastrophic_leaves_out_over_limit", np.int64),
        # 8
        ("assistance_threshold_fen", np.int64),
        ("assistance_ratio_ppm", np.int64),
        ("assistance_cap_fen", np.int64),
        ("tilt_threshold_fen", np.int64),
        ("tilt_ratio_ppm", np.int64),
        ("tilt_cap_fen", np.int64),
        # 9
        ("account_in_scope", np.int64),
        # what the numbers rest on: index into `terms.GRADES` of the weakest, and whether they are local
        ("grade", np.int64),
        ("local", np.int64),
    ],
    align=True,
)
"""One policy as the loop reads it: of a home, scheme, member group, kind, filing, month and hospital tier."""

LAYERS = (
    "bill",
    "unlisted",
    "over_ceiling",
    "self_pay_b",
    "self_pay_away",
    "deductible",
    "coinsurance",
    "floor_top_up",
    "above_disease_cap",
    "above_month_cap",
    "above_kind_cap",
    "above_year_cap",
    "large_sum",
    "catastrophic_base",
    "catastrophic",
    "assistance",
    "tilt",
    "account",
)
"""What a trace receives, fen, in order: the bill; what each layer leaves to the patient; what each payer adds."""

_BILL, _COINSURANCE, _DISEASE_CAP, _LARGE_SUM, _CATASTROPHIC = (
    LAYERS.index(name) for name in ("bill", "coinsurance", "above_disease_cap", "large_sum", "catastrophic_base")
)


class Bill(NamedTuple):
    """One bill as a catalogue splits it, fen; what is left after the three parts enters layer 3."""

    total: int
    unlisted: int
    over_ceiling: int
    self_pay: int


class Care(NamedTuple):
    """What a rule asks about a visit besides its bill.

    kind : index into `terms.KINDS`. disease : number of the chronic disease among the person's, or -1.
    months : months of drugs dispensed, 1 unless a long prescription 长期处方.
    """

    kind: int
    disease: int
    months: int


YEAR = np.dtype(
    [
        ("month", np.int64),  # of the last visit
        ("admissions", np.int64),  # settled stays
        # by kind of care
        ("deductible", np.int64, len(KINDS)),  # used up
        ("deductible_month", np.int64, len(KINDS)),
        ("reached", np.int64, len(KINDS)),  # how far the yearly bands have got
        ("paid", np.int64, len(KINDS)),  # by the basic fund
        ("paid_month", np.int64, len(KINDS)),
        # by disease
        ("disease_deductible", np.int64, MOST_DISEASES),
        ("disease_deductible_month", np.int64, MOST_DISEASES),
        ("disease_paid", np.int64, MOST_DISEASES),
        ("disease_paid_month", np.int64, MOST_DISEASES),
        # running bases and payments of layers 7 and 8
        ("catastrophic_base", np.int64),
        ("catastrophic_paid", np.int64),
        ("assistance_base", np.int64),
        ("assistance_paid", np.int64),
        ("tilt_base", np.int64),
        ("tilt_paid", np.int64),
    ],
    align=True,
)
"""What a person has used up this calendar year, fen: reset in January, monthly parts each month."""


class Owed(NamedTuple):
    """What the fund owes on one visit, by component, and what the visit uses up, fen.

    basic : layers 5 and 6. reached : how far the visit moves along the yearly bands. base, assistance_base, tilt_base :
    what enters layers 7 and 8 where these cover the care, else 0.
    """

    basic: int
    large_sum: int
    catastrophic: int
    assistance: int
    tilt: int
    deductible: int
    reached: int
    base: int
    assistance_base: int
    tilt_base: int


@rule
def rounded(amount: int) -> int:
    """Return an amount that is not negative in fen x ppm as fen, half-up; unsigned, which divides faster.

    >>> int(rounded(1_500_000))
    2
    """
    return np.int64((np.uint64(amount) + np.uint64(500_000)) // np.uint64(1_000_000))  # type: ignore[return-value]


@rule
def part(amount: int, share: int) -> int:
    """Return a share (ppm) of an amount (fen), rounded half-up.

    >>> int(part(995, 100_000))  # 99.5 fen
    100
    """
    return rounded(amount * share)


@rule
def scaled(amount: int, numerator: int, denominator: int) -> int:
    """Return amount x numerator / denominator, rounded half-up, exact where the product exceeds 64 bits.

    A quotient in floating point is off by a few dozen at most; what it leaves is exact modulo 2^64. None of the three
    negative, amount and denominator up to 10^17, numerator up to the denominator.

    >>> int(scaled(3 * 10**16, 10**11, 2 * 10**16)), int(scaled(5, 1, 2))
    (150000000000, 3)
    """
    near = int(float(amount) * numerator / denominator)
    rest = amount * numerator - near * denominator
    return near + rest // denominator + (2 * (rest % denominator) >= denominator)


@rule
def split_bill(total: int, unlisted: int, over_ceiling: int, self_pay: int) -> Bill:
    """Return a bill as a basket's cover splits it: running sums keep a larger eligible share from losing a fen.

    The shares are running sums, ppm, as `catalogue.cover` gives them: unlisted; and over ceiling; and self-pay.
    """
    first, second, third = part(total, unlisted), part(total, over_ceiling), part(total, self_pay)
    return Bill(total, first, second - first, third - second)


def new_year() -> Any:
    """Return the state of a person on the first of January, one record of `YEAR`."""
    return np.zeros(1, dtype=YEAR)[0]


@rule
def begin_year(year: Any) -> None:
    """Forget what was used up: it is January, or another person."""
    year.month = -1
    year.admissions = 0
    for kind in range(len(year.paid)):
        year.deductible[kind] = year.deductible_month[kind] = year.reached[kind] = 0
        year.paid[kind] = year.paid_month[kind] = 0
    for disease in range(len(year.disease_paid)):
        year.disease_deductible[disease] = year.disease_deductible_month[disease] = 0
        year.disease_paid[disease] = year.disease_paid_month[disease] = 0
    year.catastrophic_base = year.catastrophic_paid = year.assistance_base = year.assistance_paid = 0
    year.tilt_base = year.tilt_paid = 0


@rule
def begin_month(year: Any, month: int) -> None:
    """Forget what was used up of monthly amounts if a month has begun."""
    if year.month != month:
        year.month = month
        for kind in range(len(year.paid)):
            year.deductible_month[kind] = year.paid_month[kind] = 0
        for disease in range(len(year.disease_paid)):
            year.disease_deductible_month[disease] = year.disease_paid_month[disease] = 0


@rule
def banded(ends: Any, ratios: Any, count: int, start: int, stop: int) -> int:
    """Return what bands pay on the slice (start, stop] of a running amount, exactly, in fen x ppm.

    >>> ends, ratios = np.array([100, 10**17]), np.array([500_000, 800_000])
    >>> int(banded(ends, ratios, 2, 50, 150)) / 1_000_000
    65.0
    """
    if count == 1:  # nearly every policy: worth a way of its own
        only: int = (min(stop, ends[0]) - min(start, ends[0])) * ratios[0]
        return only
    paid, low = 0, 0
    for i in range(count):  # no way out half-way: a processor cannot foresee it
        high = ends[i]
        paid += max(min(stop, high) - max(start, low), 0) * ratios[i]
        low = high
    return paid


@rule
def deductible_due(policy: Any, total: int, admission: int, care: Any) -> int:
    """Return the deductible (起付线) of a visit before anything is set off, fen.

    min(max(share x total fee, floor), ceiling), a fixed amount being floor and ceiling at once; by number of the
    admission, which counts for admissions only unless the policy says for any kind; a monthly one once for every month
    dispensed.
    """
    a = min(admission, 2) if care.kind == INPATIENT or policy.deductible_any_kind else 0
    due = min(max(total * policy.deductible_share_ppm[a], policy.deductible_low[a]), policy.deductible_high[a])
    return rounded(due) * (care.months if policy.deductible_period == PER_MONTH else 1)


@rule
def deductible_used(policy: Any, care: Any, year: Any) -> int:
    """Return what of the deductible is used up already in its period, fen: a monthly one of each disease, if any."""
    if policy.deductible_period == PER_VISIT:
        return 0
    if policy.deductible_period == PER_YEAR:
        used: int = year.deductible[care.kind]
    elif policy.deductible_period == PER_MONTH:
        used = year.deductible_month[care.kind] if care.disease < 0 else year.disease_deductible_month[care.disease]
    else:
        used = year.disease_deductible[care.disease] if care.disease >= 0 else 0
    return used


@rule
def counted(amounts: Any, kinds: int) -> int:
    """Return the sum of amounts by kind over the kinds that a cap covers (bits)."""
    total = 0
    for kind in range(len(amounts)):
        total += amounts[kind] * ((kinds >> kind) & 1)
    return total


@rule
def under_caps(policy: Any, care: Any, year: Any, payment: int, trace: Any) -> tuple[int, int]:
    """Return what of a payment all caps leave, and what the yearly one cuts, fen.

    The narrowest cap first: disease, month, kind of care, year.
    """
    left = payment
    if policy.limits:
        if care.disease >= 0:
            paid, paid_month = year.disease_paid[care.disease], year.disease_paid_month[care.disease]
            left = min(left, max(policy.disease_month_cap_fen * care.months - paid_month, 0))
            left = min(left, max(policy.disease_cap_fen - paid, 0))
        within_disease = left
        left = min(left, max(policy.month_cap_fen * care.months - counted(year.paid_month, policy.month_cap_kinds), 0))
        within_month = left
        left = min(left, max(policy.kind_cap_fen - counted(year.paid, policy.kind_cap_kinds), 0))
        if trace is not None:
            trace[_DISEASE_CAP] = payment - within_disease
            trace[_DISEASE_CAP + 1] = within_disease - within_month
            trace[_DISEASE_CAP + 2] = within_month - left
    capped = min(left, max(policy.cap_fen - counted(year.paid, policy.cap_kinds), 0))
    if trace is not None:
        trace[_DISEASE_CAP + 3] = left - capped
    return int(capped), int(left - capped)


@rule
def beyond(threshold: int, ratio: int, room: int, before: int, base: int) -> int:
    """Return what a payer with one ratio above a yearly threshold adds on this visit's slice of the base, fen."""
    slice_ = max(before + base - threshold, 0) - max(before - threshold, 0)
    return min(part(slice_, ratio), max(room, 0))


@rule
def catastrophic_payment(policy: Any, year: Any, base: int) -> int:
    """Return what catastrophic insurance (大病保险) adds on this visit's slice of the year's running base, fen."""
    if policy.catastrophic_bands == 0:
        return 0
    before = year.catastrophic_base
    start, stop = max(before, policy.catastrophic_threshold_fen), before + base
    if stop <= start:
        return 0
    paid = banded(policy.catastrophic_to_fen, policy.catastrophic_ratio_ppm, policy.catastrophic_bands, start, stop)
    room: int = max(policy.catastrophic_cap_fen - year.catastrophic_paid, 0)
    return min(rounded(paid), room)


@rule
def settle(policy: Any, bill: Any, care: Any, year: Any, trace: Any) -> Owed:
    """Return what the fund owes for one bill; the only place that knows the order of the layers.

    Parameters
    ----------
    policy : one record of `POLICY`. bill : a `Bill`. care : a `Care`.
    year : what the person has used up before this visit; it does not change, see `advance`.
    trace : None in the loop; else an int64 array as long as `LAYERS`, which receives what each layer left to the
    patient or added.
    """
    away = part(bill.total - bill.unlisted - bill.over_ceiling - bill.self_pay, policy.first_share_ppm)
    entering = bill.total - bill.unlisted - bill.over_ceiling - bill.self_pay - away
    due = deductible_due(policy, bill.total, year.admissions, care)
    deductible = min(entering, max(due - deductible_used(policy, care, year), 0))
    start = (year.reached[care.kind] if policy.bands_yearly else 0) + (deductible if policy.bands_gross else 0)
    stop = start + entering - deductible
    by_ratio = rounded(banded(policy.band_to_fen, policy.ratio_ppm, policy.bands, start, stop))
    uncapped = by_ratio
    if policy.floor_ratio_ppm > 0:
        uncapped = max(by_ratio, part(entering, policy.floor_ratio_ppm))
    basic, cut_by_year = under_caps(policy, care, year, uncapped, trace)
    cut, large_sum, over_limit = uncapped - basic, 0, 0
    if cut_by_year > 0 and policy.above_cap_ratio_ppm > 0:
        large_sum = scaled((entering - deductible) * policy.above_cap_ratio_ppm, cut_by_year, uncapped * 1_000_000)
        large_sum = min(large_sum, entering - basic)
    if cut > 0 and policy.catastrophic_leaves_out_over_limit:
        over_limit = scaled(entering - deductible, cut, uncapped) - large_sum
    base = max(entering - basic - large_sum - over_limit, 0)
    base += bill.self_pay * policy.catastrophic_counts_class_b + away * policy.catastrophic_counts_away
    catastrophic = catastrophic_payment(policy, year, base)
    assistance_base = base - catastrophic
    assistance, tilt = 0, 0
    if policy.assistance_ratio_ppm > 0:
        room, before = policy.assistance_cap_fen - year.assistance_paid, year.assistance_base
        assistance = beyond(policy.assistance_threshold_fen, policy.assistance_ratio_ppm, room, before, assistance_base)
    tilt_base = assistance_base - assistance
    if policy.tilt_ratio_ppm > 0:
        room, before = policy.tilt_cap_fen - year.tilt_paid, year.tilt_base
        tilt = beyond(policy.tilt_threshold_fen, policy.tilt_ratio_ppm, room, before, tilt_base)
    if trace is not None:
        trace[_BILL], trace[1], trace[2], trace[3] = bill.total, bill.unlisted, bill.over_ceiling, bill.self_pay
        trace[4], trace[5] = away, deductible
        trace[_COINSURANCE], trace[_COINSURANCE + 1] = entering - deductible - by_ratio, uncapped - by_ratio
        trace[_LARGE_SUM], trace[_CATASTROPHIC], trace[_CATASTROPHIC + 1] = large_sum, base, catastrophic
        trace[_CATASTROPHIC + 2], trace[_CATASTROPHIC + 3] = assistance, tilt
    reached = entering if policy.bands_gross else entering - deductible
    # What a payer does not cover does not move its running base.
    base *= policy.catastrophic_bands > 0
    assistance_base *= policy.assistance_ratio_ppm > 0
    tilt_base *= policy.tilt_ratio_ppm > 0
    return Owed(basic, large_sum, catastrophic, assistance, tilt, deductible, reached, base, assistance_base, tilt_base)


@apart
def settle_apart(policy: Any, bill: Any, care: Any, year: Any) -> Owed:
    """Return what `settle` does without a trace, called rather than inlined: off the path of every visit."""
    return settle(policy, bill, care, year, None)


@rule
def fund(owed: Any) -> int:
    """Return what the fund owes in all, fen: layers 5 to 8."""
    total: int = owed.basic + owed.large_sum + owed.catastrophic + owed.assistance + owed.tilt
    return total


@rule
def from_account(policy: Any, bill: Any, fund: int, balance: int) -> int:
    """Return what the personal account (个人账户) pays of the patient's share, fen.

    min(balance, patient's share); where an area keeps it for what is in scope (政策范围内, what enters layer 4:
    `inscp_scp_amt` of the national interface), at most the patient's part of that.
    """
    share: int = bill.total - fund
    if policy.account_in_scope:
        listed = bill.total - bill.unlisted - bill.over_ceiling - bill.self_pay
        share = min(share, listed - part(listed, policy.first_share_ppm) - fund)
    return min(balance, max(share, 0))


@rule
def advance(year: Any, care: Any, owed: Any, admitted: bool) -> None:
    """Write into the year what a visit used up, priced by the channel by which it was settled."""
    year.admissions += admitted
    year.catastrophic_base += owed.base
    year.catastrophic_paid += owed.catastrophic
    year.assistance_base += owed.assistance_base
    year.assistance_paid += owed.assistance
    year.tilt_base += owed.tilt_base
    year.tilt_paid += owed.tilt
    year.deductible[care.kind] += owed.deductible
    year.deductible_month[care.kind] += owed.deductible
    year.reached[care.kind] += owed.reached
    year.paid[care.kind] += owed.basic
    year.paid_month[care.kind] += owed.basic
    if care.disease >= 0:
        year.disease_deductible[care.disease] += owed.deductible
        year.disease_deductible_month[care.disease] += owed.deductible
        year.disease_paid[care.disease] += owed.basic
        year.disease_paid_month[care.disease] += owed.basic
