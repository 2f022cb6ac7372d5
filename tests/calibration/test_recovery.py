"""The method finds the parameters of worlds whose truth is known, and claims to know no more than it does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from simlib import randomness
from simlib.calibration import fit, recovery, targets
from simlib.calibration.targets import Target
from simlib.patients.flows import Flow

KNOWN = targets.read(targets.published())
CANDIDATES = 1024


@pytest.fixture(scope="module")
def wave() -> tuple[np.ndarray, np.ndarray]:
    return fit.standing_of(3, CANDIDATES), fit.first_wave(KNOWN, 3, CANDIDATES)


def wide() -> list[Target]:
    """Return the targets with tolerances so wide that as few candidates as these can stand for the posterior."""
    return [target._replace(tolerance=(4 if target.unit == "rank" else 2) * target.tolerance) for target in KNOWN]


def test_the_truth_of_synthetic_worlds_stands_anywhere_among_the_kept_draws_alike(
    wave: tuple[np.ndarray, np.ndarray],
) -> None:
    ranks = recovery.ranks(wide(), *wave, worlds=200)
    assert ranks.shape == (200, wave[0].shape[1])
    p_values = np.array([kstest(of, "uniform").pvalue for of in ranks.T])
    assert p_values.min() > 0.001 / len(p_values)  # none off, by Bonferroni
    assert (p_values < 0.05).mean() < 0.15
    inside = ((ranks > 0.05) & (ranks < 0.95)).mean()
    assert 0.87 < inside < 0.93  # nine in ten intervals of 90 % hold the truth


def test_a_method_that_is_too_sure_is_found_out(wave: tuple[np.ndarray, np.ndarray]) -> None:
    standing, says = wave
    at = [q.id for q in fit.uncertain(())].index(Flow.purpose_referral.id)
    referral = [target for target in wide() if target.name == "share of referrals"]
    about = [target._replace(form="about", tolerance=0.2) for target in referral]
    says = says[:, [KNOWN.index(next(t for t in KNOWN if t.name == "share of referrals"))]]
    honest = recovery.ranks(about, standing, says, worlds=200)[:, at]
    errors = randomness.normals((200, 1), 9)
    sure = np.array(
        [
            fit.weights(
                targets.log_weight(
                    [about[0]._replace(value=float(says[n, 0] + 0.2 * errors[n, 0]), tolerance=0.02)], says
                ),
                np.ones(len(says)),
            )
            @ (standing[:, at] < standing[n, at])
            for n in range(200)
        ]
    )
    assert kstest(honest, "uniform").pvalue > 0.001 > kstest(sure, "uniform").pvalue
