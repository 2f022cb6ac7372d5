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

from simlib.quantities import Params, Quantity

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Supervision(Params, prefix="supervision"):
    """How much of what is paid for patients from elsewhere is improper, found, and fined."""

    detected: Quantity
    improper: Quantity
    fine: Quantity


def rates(detected: Array, values: Mapping[Quantity, Array]) -> Array:
    """Return what is recovered and what is fined, per unit of direct fund payment, (2, …).

    recovered = improper x detected;  fines = fine x recovered.
    """
    recovered = float(values[Supervision.improper][0]) * detected
    return np.stack([recovered, float(values[Supervision.fine][0]) * recovered])


def taken(paid: Ints, rate: Array) -> Ints:
    """Return what is recovered of, or fined on, direct fund payment, to the fen; exactly 0 at rate 0.

    >>> taken(np.array([1_000_00, 3]), np.array([0.05, 0.0])).tolist()
    [5000, 0]
    """
    return np.asarray(np.rint(paid * rate), dtype=np.int64)
