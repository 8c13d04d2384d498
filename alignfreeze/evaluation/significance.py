"""How sure a mean difference is, over seeds alone or over seeds and examples.

Seeds and examples are crossed: every seed is tested on the same examples. The analysis is that of
readers and cases by Obuchowski and Rockette (1995, Communications in Statistics: Simulation and
Computation 24, 285-308), with seeds for readers, examples for cases and the covariances by the
bootstrap. The variance of the mean over S seeds is v + c: v = s²/S with the sample variance s² of
the seeds' differences, all examples once, and c, what the sampling of examples gives to all seeds
alike. Without c all of this is Student's paired t.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from statistics import variance
from typing import Literal

import numpy as np

from alignfreeze.evaluation.bootstrap import CONFIDENCE
from alignfreeze.evaluation.statistics import mean

Correction = Literal["holm", "fdr"]

LEVEL = 1 - CONFIDENCE
POWER = 0.8

ROUNDING = 1e-12
"""A difference of scores below this is one of rounding."""

TINY = 1e-100
"""A p-value that is as good as none."""

GREATEST = 30.0
"""Standard errors below which a difference that is found lies: with two seeds it is 16.3."""


@dataclass(frozen=True)
class MeanDifference:
    """A mean over seeds of differences, and how sure it is.

    Attributes:
        value: The mean, a fraction.
        seeds: Of how many seeds, two or more.
        of_seeds: v, its variance as the seeds' differences have it.
        of_examples: c, the variance that the sampling of examples gives to all seeds alike.
    """

    value: float
    seeds: int
    of_seeds: float
    of_examples: float

    @property
    def error(self) -> float:
        """Its standard error."""
        return math.sqrt(self.of_seeds + self.of_examples)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of its t distribution, (S - 1) (v + c) / v; may be infinite.

        Hillis (2007, Statistics in Medicine 26, 596-619) squares the ratio. With few seeds v is
        sometimes far too small by chance, its degrees of freedom are many just then, and of three
        seeds its 95 % intervals hold the true value in only 92 % of cases if c is a tenth of v.
        Without the square it is 94 to 96 %, whatever c is (docs/numbers.md has the numbers).
        """
        if not self.of_seeds:
            return math.inf if self.of_examples else self.seeds - 1
        return (self.seeds - 1) * (1 + self.of_examples / self.of_seeds)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        from scipy.special import stdtrit  # as scipy's t has it, without what that checks

        half = float(stdtrit(self.freedom, (1 + CONFIDENCE) / 2)) * self.error
        return self.value - half, self.value + half

    @cached_property
    def p_value(self) -> float:
        """Of no difference, two-sided: the level at which d² = t² v + z² c.

        With t and z the quantiles of Student's distribution of S - 1 degrees of freedom and of the
        normal one. This test (Banerjee 1960, Sankhya 22, 357-358) never rejects more often than its
        level says, at the small levels of corrections too; that of the interval's t distribution
        does so there. Where it is near 0.05, the interval may leave 0 out.
        """
        from scipy.optimize import brentq
        from scipy.special import ndtr, ndtri, stdtr, stdtrit

        if self.error <= ROUNDING:
            return 1.0 if abs(self.value) <= ROUNDING else 0.0

        def excess(p: float) -> float:
            student, normal = stdtrit(self.seeds - 1, p / 2), ndtri(p / 2)
            squares = student**2 * self.of_seeds + normal**2 * self.of_examples
            return float(squares - self.value**2)

        ratio = abs(self.value) / self.error
        # Were all of the error the one kind, or all of it the other.
        least = max(float(2 * ndtr(-ratio)), TINY)
        most = float(2 * stdtr(self.seeds - 1, -ratio))
        if excess(least) <= 0:
            return least
        return most if excess(most) >= 0 else float(brentq(excess, least, most))

    @cached_property
    def detectable(self) -> float:
        """The smallest difference whose interval would leave 0 out with probability 0.8.

        Out on its own side, and if its variances are what they are estimated to be.
        """
        return self.error * _errors_to_see(self.freedom)


def mean_difference(differences: Sequence[float], shared: float = 0.0) -> MeanDifference | None:
    """A mean over seeds of differences; ``None`` of fewer than two.

    Args:
        differences: By seed, fractions.
        shared: c, as `shared_variance` estimates it; below 0 it counts as 0.
    """
    return _mean_difference(tuple(differences), max(0.0, shared)) if len(differences) > 1 else None


@lru_cache(maxsize=2**16)
def _mean_difference(differences: tuple[float, ...], shared: float) -> MeanDifference:
    """The same difference is asked for by tables, files and figures, and knows what it has said."""
    seeds = len(differences)
    return MeanDifference(mean(differences), seeds, variance(differences) / seeds, shared)


def adjusted(p_values: Sequence[float], correction: Correction) -> list[float]:
    """p-values of several differences, corrected for their number; to be compared with `LEVEL`.

    By Holm (1979, Scandinavian Journal of Statistics 6, 65-70) the k-th smallest of m is taken
    m - k + 1 times, by Benjamini and Hochberg (1995, JRSS B 57, 289-300) m / k times; then none is
    below a smaller one, or above a larger one. (statsmodels has both, to the last digit, but
    collects Python's garbage on each call, which takes a second where figures are in memory.)
    """
    found = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(found)
    n = len(found)
    if correction == "holm":
        raised = np.maximum.accumulate(found[order] * np.arange(n, 0, -1))
    else:
        raw = found[order] / (np.arange(1, n + 1) / n)
        raised = np.minimum.accumulate(raw[::-1])[::-1]
    result = np.empty(n)
    result[order] = np.minimum(raised, 1)
    return [float(p) for p in result]


@lru_cache(maxsize=4096)
def _errors_to_see(freedom: float) -> float:
    """Of how many standard errors a difference has to be, to be found with probability 0.8."""
    from scipy.optimize import brentq
    from statsmodels.stats.power import ttest_power

    def excess(errors: float) -> float:
        # Of the other side, whose chance is next to none, scipy's distribution may say NaN.
        power = ttest_power(errors, 1, LEVEL / 2, df=freedom, alternative="larger")
        return float(power) - POWER

    return float(brentq(excess, 0.0, GREATEST))
