"""What of two rows can be compared: the languages and the seeds that both have."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

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
