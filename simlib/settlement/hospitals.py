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

from simlib.fund.ledger import Ledger
from simlib.quantities import AtFull, Params, Quantity, fact, lever, unknown
from simlib.terms import MONTHS

Array = npt.NDArray[np.float64]


class Hospitals(Params, prefix="hospitals"):
    """Accountability for the direct settlement rate, and how hospitals answer it."""

    accountability = lever(
        "weight of the direct settlement rate in the assessment of hospitals, 1 a full assessment (考评)",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("host", "kind"),
        at_full=AtFull(1.0, up=("direct_settlement_rate",), untouched=("first_not_networked", "first_not_listed")),
        source="中国医疗保险 (journal), about 2023-10: hosts are not held to account; weight assumed by the scenario",
        grade="assumed",
    )
    notices = lever(
        "how often a year the league table of rates is read out (调度通报); nothing without accountability",
        12.0,
        low=0.0,
        high=12.0,
        unit="per year",
        axes=("host", "kind"),
        at_full=AtFull(12.0, up=("direct_settlement_rate",), none=0.0, beside=(("hospitals.accountability", 1.0),)),
        source="中国医疗保险 (journal), about 2023-10: 定期实行调度通报; how often is not said",
        grade="assumed",
    )
    disputes_settled = lever(
        "share of what funds dispute of the bills of patients from elsewhere that is settled between host and home, so "
        "that the hospital is paid (业务协同、费用协查)",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("host", "kind"),
        at_full=AtFull(1.0, up=("direct_settlement_rate",), untouched=("first_not_networked", "first_not_listed")),
        source="中国医疗保险 (journal), about 2023-10: large hospitals turn patients away where coordination is even a "
        "little hard; share assumed by the scenario",
        grade="assumed",
    )
    response = unknown(
        "what full accountability read out every month adds in the end to the log odds that a fault is mended",
        0.2,
        2.0,
        dist="log-uniform",
        unit="log odds",
        only=("hospitals.accountability",),
    )
    worth = unknown(
        "what a gain of a whole bill on every case adds in the end to the log odds that a fault is mended; a percent "
        "of a bill adds a hundredth",
        2.0,
        20.0,
        dist="log-uniform",
        unit="log odds per bill",
        only=("drg.covered", "ledger.hospital.lag", "hospitals.disputes_settled"),
    )
    capital = unknown(
        "a hospital's cost of capital, which the months cost it until it is paid",
        0.03,
        0.08,
        default=0.04,
        dist="triangular",
        unit="per year",
        only=("ledger.hospital.lag",),
    )
    disputed = unknown(
        "share of what the fund owes on patients from elsewhere that is disputed and not paid",
        0.0,
        0.05,
        default=0.01,
        dist="triangular",
        unit="share",
        only=("hospitals.disputes_settled",),
    )
    fund_share = fact(
        "fund share of direct bills, which a hospital waits for",
        0.584,
        unit="share",
        source="calculation from published inpatient direct settlement of 2021: 62.463 of 107.02 billion yuan",
        grade="derived",
    )
    speed = unknown(
        "share of the way to its end that willingness goes in a month",
        0.05,
        0.5,
        dist="log-uniform",
        unit="per month",
        source="assumption: form from an evolutionary game of hospitals (Frontiers 2024), no published value",
        only=("hospitals.accountability", "drg.covered", "ledger.hospital.lag", "hospitals.disputes_settled"),
    )


class Drg(Params, prefix="drg"):
    """Payment by DRG or DIP of inpatients from elsewhere, and what it does to their bills."""

    covered = lever(
        "share of a host's inpatients from elsewhere that are paid by DRG or DIP (异地就医纳入DRG/DIP), beyond today's",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("host",),
        kinds=("inpatient",),
        at_full=AtFull(1.0, down=("fund_payment",), untouched=("first_not_networked", "first_not_listed")),
        source="NHSA and Ministry of Finance: 医保发〔2022〕22号 encourages it; 医保办函〔2025〕3号 asks for it within "
        "provinces by the end of 2025; share assumed by the scenario",
        grade="assumed",
    )
    bill = unknown(
        "change of the bill of an admission once it is paid by DRG or DIP",
        -0.12,
        0.03,
        default=-0.062,
        dist="triangular",
        unit="share",
        source="Jian et al., Health Affairs 34(10), 2015: -6.2 % in six Beijing hospitals; Zou et al., BMC Health "
        "Services Research 20:112, 2020: 13 Chinese studies disagree on expenditure. The ends are assumed",
        grade="weak",
        only=("drg.covered",),
    )
    growth = unknown(
        "difference that payment by DRG or DIP makes to the growth a year of the bill of an admission",
        -0.035,
        0.02,
        unit="per year",
        source="NHSA long series: the mean admission fell by 3.3 % a year (employees) and 2.6 % (residents) from 2021 "
        "to 2024, while DRG and DIP spread; how much of it is theirs is not published. The range, assumed, goes from "
        "all of it to faster growth, as when cases are coded up",
        only=("drg.covered",),
    )
    margin = unknown(
        "change of a hospital's margin on an admission once it is paid by DRG or DIP, over its bill",
        -0.05,
        0.05,
        unit="share",
        source="assumption, of either sign: 140 hospitals of Dezhou kept a surplus of 38.75 million yuan under DIP in "
        "2022 (Dezhou bureau, 2023-07); of patients from elsewhere no figure is published",
        only=("drg.covered",),
    )


class Answer(NamedTuple):
    """How hospitals answer in a draw.

    weights : log odds that each of `gains` adds in the end. speed : share of the way gone in a month. bill, growth :
    change of the bill of an admission under DRG/DIP, and of its growth a year.
    """

    weights: Array
    speed: float
    bill: float
    growth: float


def answer(v: Mapping[Quantity, Array]) -> Answer:
    """Return how hospitals answer in a draw: what accountability adds, and kappa x what each gain is worth of a bill.

    A month sooner gains capital / 12 of the fund's share of a bill, a dispute settled the share disputed of it.
    """

    def of(quantity: Quantity) -> float:
        return float(v[quantity][0])

    worth, share = of(Hospitals.worth), Hospitals.fund_share.number
    month, dispute = share * of(Hospitals.capital) / MONTHS, share * of(Hospitals.disputed)
    weights = [of(Hospitals.response), *(worth * gain for gain in (of(Drg.margin), month, dispute))]
    return Answer(np.array(weights), of(Hospitals.speed), of(Drg.bill), of(Drg.growth))


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
    sooner = Ledger.hospital__lag.number - lag
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
