"""How sure a mean difference is, over the seeds that both have."""

from collections.abc import Mapping
from math import sqrt
from statistics import mean, stdev

import numpy as np

from alignfreeze.report.settings import ReportConfig

CONFIDENCE = 0.95

INTERVALS = {
    "t": "paired t interval over the seeds that both have",
    "bootstrap": "paired bootstrap interval over the seeds that both have, too narrow if they are "
    "few",
}
"""What each is, for the note of a table."""


def seed_interval(
    differences: Mapping[int, float], config: ReportConfig
) -> tuple[float, float] | None:
    """The 95 % interval of the mean of differences by seed, fractions; ``None`` of fewer than two.

    The difference of two runs is taken seed by seed, so that what a seed does to both cancels.
    ``t`` is Student's paired interval, which knows how little few seeds say of their own spread;
    it takes the differences for normal. ``bootstrap`` draws the differences with replacement
    (percentiles; Efron and Tibshirani 1993, chapter 13), and of few seeds is far too narrow: of
    three it holds the true difference about three times in four.
    """
    values = [differences[seed] for seed in sorted(differences)]
    if len(values) < 2:
        return None
    if config.interval == "t":
        from scipy.stats import t

        half = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * stdev(values)
        half /= sqrt(len(values))
        return mean(values) - half, mean(values) + half
    size = (config.resamples, len(values))
    drawn = np.random.default_rng(config.bootstrap_seed).integers(len(values), size=size)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.array(values)[drawn].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)
