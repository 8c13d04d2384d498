"""Means, and whether they lie more than a standard deviation off a baseline's, in exact numbers."""

import math
import statistics
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache

GREATEST_COUNT = 10**6
"""Scores are looked for among the ratios of counts up to this, which are 1e-12 apart or more."""

ROUNDINGS = 4
"""Last places that a score may be off its ratio: F1 is made of several operations."""

CLEAR = 1e-9
"""A gap so much wider than the greatest score's rounding is one in exact numbers, too."""


def mean(values: Iterable[float]) -> float:
    """The mean of some numbers, as `statistics.mean` rounds it: once, in a quarter of the time.

    A double is a whole number over a power of two, so that all have a denominator in common.

    Raises:
        statistics.StatisticsError: If there is none.
    """
    found = [*values]
    if not found or not all(map(math.isfinite, found)):
        return statistics.mean(found)
    ratios = [value.as_integer_ratio() for value in found]
    common = max([denominator for _, denominator in ratios])
    total = sum([numerator * (common // denominator) for numerator, denominator in ratios])
    return total / (common * len(found))


def side_of(own: Sequence[float], baseline: Sequence[float], spread: Sequence[float]) -> int:
    """On which side of a baseline's deviation the mean of some scores lies.

    Exactly one deviation off is within. Doubles cannot tell: 0.83 - 0.82 is more than 0.01, and
    0.72 - 0.71 is not. So scores are taken for the ratios that they stand for, and the square of
    the difference is compared with that of the deviation, which may have no root.

    Args:
        own: The scores, a seed each.
        baseline: The baseline's, of the seeds of what is compared with it.
        spread: The baseline's, whose sample standard deviation (``n - 1``) is what the difference
            must exceed; that of a single one is 0.

    Returns:
        -1 below, 1 above by more than the deviation; 0 within, or where a score is no number.

    Raises:
        statistics.StatisticsError: If one of them is empty.
    """
    if not all(map(math.isfinite, (*own, *baseline, *spread))):
        return 0
    about = _about(own, baseline, spread)
    if about is not None:
        return about
    exact = statistics.mean
    difference = exact(map(ratio_of, own)) - exact(map(ratio_of, baseline))
    seeds = [ratio_of(score) for score in spread]
    middle = exact(seeds)
    squares = sum((seed - middle) ** 2 for seed in seeds)
    if difference**2 * max(len(seeds) - 1, 1) <= squares:
        return 0
    return 1 if difference > 0 else -1


def _about(own: Sequence[float], baseline: Sequence[float], spread: Sequence[float]) -> int | None:
    """What `side_of` says where doubles can tell; ``None`` where they are too near a tie."""
    off = statistics.fmean(own) - statistics.fmean(baseline)
    middle = statistics.fmean(spread)
    squares = math.fsum((seed - middle) ** 2 for seed in spread)
    gap = abs(off) - math.sqrt(squares / max(len(spread) - 1, 1))
    if abs(gap) <= CLEAR * max(1, *map(abs, (*own, *baseline, *spread))):
        return None
    return 0 if gap < 0 else 1 if off > 0 else -1


@lru_cache(maxsize=2**16)
def ratio_of(score: float) -> Fraction:
    """The ratio of counts that a score is but for rounding; else what its decimal digits say."""
    nearest = Fraction(score).limit_denominator(GREATEST_COUNT)
    if abs(nearest - Fraction(score)) <= ROUNDINGS * Fraction(math.ulp(score)):
        return nearest
    return Fraction(repr(float(score)))
