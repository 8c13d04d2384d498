"""How sure a difference to the baseline is, from the seeds that both were run with."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev
from typing import Literal, NamedTuple

import numpy as np

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A confidence interval, both ends in it; fractions."""

    low: float
    high: float


@dataclass(frozen=True)
class SeedInterval:
    """The 95 % interval of a mean difference, over seeds that both have.

    The difference of two runs is taken seed by seed, so that what a seed does to both cancels.
    ``t`` is Student's paired interval, which knows how little few seeds say of their own spread;
    it takes the differences for normal. ``bootstrap`` draws the differences with replacement
    (percentiles; Efron and Tibshirani 1993, chapter 13), and of few seeds is far too narrow: of
    three it holds the true difference about three times in four.

    Attributes:
        kind: Which of the two.
        resamples: How often the bootstrap draws.
        seed: Of its drawing.
    """

    kind: Literal["t", "bootstrap"] = "t"
    resamples: int = 10_000
    seed: int = 0

    def __call__(self, differences: Mapping[int, float]) -> Interval | None:
        """The interval of differences by seed, fractions; ``None`` of fewer than two."""
        values = [differences[seed] for seed in sorted(differences)]
        if len(values) < 2:
            return None
        return self._student(values) if self.kind == "t" else self._bootstrap(values)

    @property
    def words(self) -> str:
        """What it is, for the note of a table."""
        if self.kind == "t":
            return "paired t interval over the seeds that both have"
        return "paired bootstrap interval over the seeds that both have, too narrow if they are few"

    def _student(self, values: list[float]) -> Interval:
        from scipy.stats import t

        middle = mean(values)
        half = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * stdev(values)
        half /= sqrt(len(values))
        return Interval(middle - half, middle + half)

    def _bootstrap(self, values: list[float]) -> Interval:
        size = (self.resamples, len(values))
        drawn = np.random.default_rng(self.seed).integers(len(values), size=size)
        tail = 100 * (1 - CONFIDENCE) / 2
        low, high = np.percentile(np.array(values)[drawn].mean(axis=1), [tail, 100 - tail])
        return Interval(float(low), float(high))
