"""Supervision of care of patients from elsewhere: what is found goes back to the home fund, fines do not.

The host's agencies supervise patients from elsewhere like their own. What they recover returns to the home fund by the
way it came; fines stay with the authority of the host that imposes them. Hospitals pay both afterwards: nobody's visit
is settled otherwise. Whether supervision deters, or makes hospitals less willing to settle directly, is not published,
and left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from simlib.quantities import AtFull, Params, Quantity, lever, unknown

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NOTICE = "NHSA and Ministry of Finance: 医保发〔2022〕22号, 2022-06-30"
NOBODY_ELSE = (
    "direct_settlement_rate",
    "fund_payment",
    "own_payment",
    "advanced_by_patients",
    "benefit_gap",
)


class Supervision(Params, prefix="supervision"):
    """How much of what is paid for patients from elsewhere is improper, found, and fined."""

    detected = lever(
        "share of improper payments to hospitals and pharmacies for patients from elsewhere that supervision finds "
        "beyond what it finds today (日常监管、专项检查、飞行检查)",
        0.0,
        low=0.0,
        high=1.0,
        unit="share",
        axes=("host", "kind"),
        at_full=AtFull(1.0, up=("recovered", "fines"), untouched=NOBODY_ELSE),
        source=f"{NOTICE}: hosts take cross-province settlement into daily supervision, special and unannounced "
        "inspections; share assumed by the scenario",
        grade="assumed",
    )
    improper = unknown(
        "share of direct fund payment for patients from elsewhere that is improper and not found today (违规使用)",
        0.01,
        0.1,
        dist="log-uniform",
        unit="share",
        source="NHSA bulletins: all supervision recovered 0.66 % of fund expense in 2023 (18.65 of 2,821 billion yuan) "
        "and 0.92 % in 2024 (27.5 of 2,976); how much it misses is not published, the range is assumed",
        only=("supervision.detected",),
    )
    fine = unknown(
        "fines over what is recovered (罚款)",
        0.0,
        2.0,
        unit="ratio",
        source="State Council: 医疗保障基金使用监督管理条例 of 2021, articles 38 and 40: 1 to 2 times the loss, 2 to 5 "
        "times a fraud; how much is settled without a fine is not published, the range is assumed",
        only=("supervision.detected",),
    )


def rates(detected: Array, v: Mapping[Quantity, Array]) -> Array:
    """Return what is recovered and what is fined, per unit of direct fund payment, (2, …).

    recovered = improper x detected;  fines = fine x recovered.
    """
    recovered = float(v[Supervision.improper][0]) * detected
    return np.stack([recovered, float(v[Supervision.fine][0]) * recovered])


def taken(paid: Ints, rate: Array) -> Ints:
    """Return what is recovered of, or fined on, direct fund payment, to the fen; exactly 0 at rate 0.

    >>> taken(np.array([1_000_00, 3]), np.array([0.05, 0.0])).tolist()
    [5000, 0]
    """
    return np.asarray(np.rint(paid * rate), dtype=np.int64)
