"""Metrics of resampled examples: what a bootstrap over the examples of test sets draws."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from alignfreeze.contracts.outcomes import Parts

Floats = NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)

HELD = 2**21
"""Counts that are held at once: 16 MiB of them."""

CONFIDENCE = 0.95


class PairedParts(NamedTuple):
    """The parts of the same examples in a metric of two runs that are compared."""

    own: Parts
    baseline: Parts


def resampled_differences(
    pairs: Mapping[Key, PairedParts], *, resamples: int, seed: int
) -> Iterator[tuple[Sequence[Key], Floats]]:
    """Differences of two runs' metrics on examples that are drawn with replacement.

    The draws depend on ``seed`` and on the number of examples alone. So those of all pairs of the
    same number are the same: the two of a pair, and all seeds, have the same examples; test sets of
    different languages may be translations of each other, and where they are not, it changes
    nothing on average. Those of different numbers are independent.

    Args:
        pairs: What is compared, by whatever names it.
        resamples: How often as many examples are drawn as there are.
        seed: Of the draws.

    Yields:
        Some of the keys, those of a number of examples, and their differences, fractions, of shape
        (resamples, keys).

    Raises:
        ValueError: If the two of a pair are of different numbers of examples.
    """
    sizes: dict[int, list[Key]] = {}
    for key, pair in pairs.items():
        sizes.setdefault(len(pair.own.numerator), []).append(key)
    for own in sizes.values():
        both = [pairs[key] for key in own]
        parts = [pair.own for pair in both] + [pair.baseline for pair in both]
        metrics = resampled(parts, resamples=resamples, seed=seed)
        yield own, metrics[:, : len(own)] - metrics[:, len(own) :]


def resampled(parts: Sequence[Parts], *, resamples: int, seed: int) -> Floats:
    """Metrics of examples that are drawn with replacement, the same draws for all.

    Args:
        parts: Of each metric, all of the same number of examples, one at least.
        resamples: How often as many examples are drawn as there are.
        seed: Of the draws, which depend on it and on the number of examples alone.

    Returns:
        The metrics, fractions; of shape (resamples, len(parts)).

    Raises:
        ValueError: If the parts are of different numbers of examples.
    """
    columns, places = _distinct([column for own in parts for column in own])
    counts = example_counts(len(columns), resamples=resamples, seed=seed)
    sums = np.concatenate([drawn @ columns for drawn in counts])
    above, below = sums[:, places[::2]], sums[:, places[1::2]]
    metrics: Floats = np.divide(above, below, out=np.zeros_like(above), where=below != 0)
    return metrics


def example_counts(examples: int, *, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each example is drawn, some resamples at a time: of shape (resamples, examples)."""
    rng = np.random.default_rng([seed, examples])
    rows = max(1, HELD // examples)
    for first in range(0, resamples, rows):
        drawn = rng.integers(examples, size=(min(rows, resamples - first), examples))
        counts = np.empty(drawn.shape)
        for row, own in enumerate(drawn):  # twice as fast as one count of all rows
            counts[row] = np.bincount(own, minlength=examples)
        yield counts


def shared_variance(draws: Floats) -> float:
    """What the sampling of examples gives to the differences of all seeds alike.

    Args:
        draws: The differences of resampled examples, of shape (resamples, seeds), two seeds or
            more, the same examples for all.

    Returns:
        The mean of the covariances of two different seeds, a square of fractions.
    """
    covariances = np.cov(draws, rowvar=False)
    seeds = len(covariances)
    return float((covariances.sum() - np.trace(covariances)) / (seeds * (seeds - 1)))


def percentile_interval(draws: Floats, *, seed: int) -> tuple[float, float]:
    """The 95 % interval of a plain bootstrap of the mean over seeds: seeds are drawn, too.

    Percentiles (Efron and Tibshirani 1993, chapter 13). The draws of seeds depend on their number
    and on ``seed`` alone, so that they are the same for all languages. Of few seeds the interval
    is far too narrow.

    Args:
        draws: The differences of resampled examples, of shape (resamples, seeds); all rows alike
            where no examples are drawn.
        seed: Of the draws of seeds.
    """
    picked = np.random.default_rng(seed).integers(draws.shape[1], size=draws.shape)
    means = np.take_along_axis(draws, picked, axis=1).mean(axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def _distinct(columns: Sequence[Floats]) -> tuple[Floats, NDArray[np.intp]]:
    """The different ones of some columns side by side, and the place of each of the columns.

    All runs have the words of the same sentences for their denominators.
    """
    found: dict[bytes, int] = {}
    places = [found.setdefault(column.tobytes(), len(found)) for column in columns]
    first = {place: number for number, place in reversed([*enumerate(places)])}
    return np.stack([columns[first[n]] for n in range(len(found))], axis=1), np.array(places)
