"""Whether the method finds known parameters again: simulation-based calibration of the first wave of a fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from simlib import randomness
from simlib.calibration.fit import distinct, inclusion, weights
from simlib.calibration.targets import Target, log_weight
from simlib.randomness import RECOVERY

Array = npt.NDArray[np.float64]


def ranks(known: Sequence[Target], standing: Array, says: Array, worlds: int, seed: int = 0) -> Array:
    """Return where the truth stands among the draws that a fit to its own figures keeps, (world, parameter), 0 to 1.

    Each world is a candidate taken for the truth: figures are published of it with the tolerances' errors, all other
    candidates are weighed by these, and the share of their weight below the truth is its rank. If the weighing is
    right, ranks are uniform (Talts and others 2018, arXiv:1804.06788). Bounds are no figures but a part of what is
    believed before: worlds are drawn by them, and they weigh on.

    Parameters
    ----------
    standing : of candidates in the ranges of parameters, (candidate, parameter), see `fit.standing_of`.
    says : what flows alone say of targets, (candidate, target), see `fit.first_wave`; targets without a value are left
    out. worlds : how many.
    """
    at = [i for i, target in enumerate(known) if not np.isnan(says[0, i])]
    figures = [i for i in at if known[i].form == "about"]
    bounds = [i for i in at if known[i].form != "about"]
    bounded = log_weight([known[i] for i in bounds], says[:, bounds]) if bounds else np.zeros(len(says))
    truths = distinct(inclusion(np.exp(bounded - bounded.max()), worlds))
    errors = randomness.normals((len(truths), len(figures)), RECOVERY, seed)
    out = np.empty((len(truths), standing.shape[1]))
    for world, truth in enumerate(truths):
        published = says[truth, figures] + errors[world] * [known[i].tolerance for i in figures]
        planted = [known[i]._replace(value=float(value)) for i, value in zip(figures, published, strict=True)]
        log = bounded + log_weight(planted, says[:, figures])
        log[truth] = -np.inf
        out[world] = weights(log, np.ones(len(log))) @ (standing < standing[truth])
    return out
