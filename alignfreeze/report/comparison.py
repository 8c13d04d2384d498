"""Rows compared with the baseline: over what both have, and how sure the difference is."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev
from typing import Literal, NamedTuple

import numpy as np

from alignfreeze.base.tables import MISSING, points

SHORT = "†"
"""Marks a value that rests on less than others do: see `Missing`."""

BySeed = Mapping[int, float]
"""Scores by seed, fractions."""


def paired(own: BySeed, baseline: BySeed) -> dict[int, float]:
    """The differences of the seeds that both have, in their order."""
    return {seed: own[seed] - baseline[seed] for seed in sorted(own.keys() & baseline.keys())}


@dataclass(frozen=True)
class Comparison:
    """The averages of a row and of the baseline over the same languages.

    Attributes:
        languages: The languages that both have with a seed in common; both averages are over them.
        without: The languages that only one of them has, or both with no seed in common.
        own: The row's averages, of the seeds with which both have every one of the languages.
        baseline: The baseline's, of the same seeds.
    """

    languages: Sequence[str]
    without: Sequence[str]
    own: BySeed
    baseline: BySeed

    @property
    def differences(self) -> dict[int, float]:
        """The average's difference by seed."""
        return paired(self.own, self.baseline)

    @property
    def difference(self) -> float | None:
        """The mean of these; ``None`` where nothing can be compared."""
        return mean(self.differences.values()) if self.own else None


def compare(
    own: Mapping[str, BySeed], baseline: Mapping[str, BySeed], languages: Sequence[str]
) -> Comparison:
    """Compare a row with the baseline over some languages.

    Args:
        own: Scores by language and seed.
        baseline: The baseline's.
        languages: The languages to average over, of which either may lack some.
    """
    shared = {code: own.get(code, {}).keys() & baseline.get(code, {}).keys() for code in languages}
    both = [code for code in languages if shared[code]]
    either = own.keys() | baseline.keys()
    seeds = sorted(set.intersection(*(shared[code] for code in both))) if both else []
    return Comparison(
        languages=both,
        without=[code for code in languages if code in either and code not in both],
        own={seed: mean(own[code][seed] for code in both) for seed in seeds},
        baseline={seed: mean(baseline[code][seed] for code in both) for seed in seeds},
    )


def best_of(
    values: Mapping[str, float | None], scored: Mapping[str, Collection[object]]
) -> set[str]:
    """The rows that are best among those that can be compared.

    These are the rows that rest on the same scores, such as the same seeds of the same languages:
    the largest such set of rows; of several, that with the most scores.

    Args:
        values: A value of each row; ``None`` where it has none.
        scored: By row, what its value rests on.

    Returns:
        None of them, if fewer than two can be compared.
    """
    groups = Counter(frozenset(scored[row]) for row, value in values.items() if value is not None)
    if not groups:
        return set()
    common = max(groups, key=lambda scores: (groups[scores], len(scores)))
    alike = {
        row: value
        for row, value in values.items()
        if value is not None and frozenset(scored[row]) == common
    }
    return {row for row, value in alike.items() if value == max(alike.values()) and len(alike) > 1}


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


def with_interval(differences: BySeed, interval: SeedInterval, *, short: bool = False) -> str:
    """The mean of differences by seed with its interval, points; marked if it rests on less."""
    if not differences:
        return MISSING
    text, ends = points(mean(differences.values()), signed=True), interval(differences)
    if ends is not None:
        low, high = (points(end, signed=True) for end in ends)
        text = f"{text} [{low}, {high}]"
    return f"{text}{SHORT if short else ''}"
