"""How sure a difference to the baseline is, by a paired bootstrap over seeds."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A confidence interval, both ends in it; fractions."""

    low: float
    high: float


def paired_interval(
    own: Mapping[int, float], baseline: Mapping[int, float], *, resamples: int, seed: int
) -> Interval | None:
    """The 95 % percentile interval of the mean difference, over seeds that both have.

    The differences of runs with one seed are drawn with replacement (Efron and Tibshirani 1993,
    chapter 13), so that what a seed does to both cancels. Of few seeds it is narrower than it
    should be.

    Args:
        own: Scores by seed.
        baseline: The baseline's scores by seed.
        resamples: How often to draw.
        seed: Of the drawing.

    Returns:
        ``None`` if fewer than two seeds are in both.
    """
    shared = sorted(own.keys() & baseline.keys())
    if len(shared) < 2:
        return None
    differences = np.array([own[number] - baseline[number] for number in shared])
    drawn = np.random.default_rng(seed).integers(len(shared), size=(resamples, len(shared)))
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(differences[drawn].mean(axis=1), [tail, 100 - tail])
    return Interval(float(low), float(high))
