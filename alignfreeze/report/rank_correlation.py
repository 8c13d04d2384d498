"""Spearman's rank correlation, with an interval over languages."""

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_LANGUAGES = 6
"""Below it even a perfect order comes about by chance too often to say anything."""

RESAMPLES = 1_000
"""Enough for the ends of an interval to a few hundredths, of hundreds of correlations."""

SEED = 0

KNOWN_RANKS = 64
"""Arrays whose ranks are remembered: the resamples of 35 languages take half a megabyte."""


class RankCorrelation(NamedTuple):
    """A rank correlation.

    Attributes:
        value: Spearman's rho, in [-1, 1]; ``None`` where there is none.
        interval: 95 % of it; ``None`` where there is none.
        n_languages: Over how many languages.
        fault: Why there is no value, or no interval; empty if there are both.
    """

    value: float | None
    interval: tuple[float, float] | None
    n_languages: int
    fault: str = ""


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> RankCorrelation:
    """The rank correlation of two quantities of the same languages; ties have their mean rank.

    The interval is a BCa bootstrap over languages (Efron 1987, *Better bootstrap confidence
    intervals*), the same each time. A resample in which one quantity is the same everywhere has
    no order, and counts as 0.
    """
    n = len(x)
    if n < LEAST_LANGUAGES:
        return RankCorrelation(None, None, n, f"fewer than {LEAST_LANGUAGES} languages")
    if min(x) == max(x):
        return RankCorrelation(None, None, n, "the same in all languages")
    if min(y) == max(y):
        return RankCorrelation(None, None, n, "the gain is the same in all languages")
    pair = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    value = float(spearman(*pair))
    interval = _interval(*pair)
    fault = "" if interval else "its resamples are too alike for an interval"
    return RankCorrelation(value, interval, n, fault)


def spearman(x: Floats, y: Floats, axis: int = -1) -> Floats:
    """Spearman's rho along an axis: Pearson's correlation of the ranks; 0 where one is constant."""
    one, other = (_centred_ranks(v.tobytes(), v.shape, axis) for v in (x, y))
    sizes = np.sqrt((one**2).sum(axis=axis) * (other**2).sum(axis=axis))
    shared = (one * other).sum(axis=axis)
    return np.asarray(np.divide(shared, sizes, out=np.zeros_like(shared), where=sizes > 0))


@lru_cache(maxsize=KNOWN_RANKS)
def _centred_ranks(content: bytes, shape: tuple[int, ...], axis: int) -> Floats:
    """The ranks of doubles along an axis, less their mean.

    A covariate is resampled alike for all strategies, and a gain for all covariates.
    """
    from scipy.stats import rankdata

    ranks = rankdata(np.frombuffer(content).reshape(shape), axis=axis)
    return np.asarray(ranks - ranks.mean(axis=axis, keepdims=True))


def _interval(x: Floats, y: Floats) -> tuple[float, float] | None:
    from scipy.stats import DegenerateDataWarning, bootstrap

    with warnings.catch_warnings():
        # Of a perfect order every resample is one too; that it has no interval is said in words.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = bootstrap(
                (x, y),
                spearman,
                paired=True,
                vectorized=True,
                n_resamples=RESAMPLES,
                method="BCa",
                random_state=np.random.default_rng(SEED),
            ).confidence_interval
    ends = float(found.low), float(found.high)
    return ends if np.isfinite(ends).all() else None
