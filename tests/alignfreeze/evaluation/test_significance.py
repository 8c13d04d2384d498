"""How sure a mean difference is: Student's case, that of examples alone, corrections, power."""

import math

import numpy as np
import pytest
from scipy.stats import chi2, norm, t, ttest_1samp
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from alignfreeze.evaluation.significance import MeanDifference, adjusted, mean_difference

GAINS = [0.01, 0.02, 0.06]


def test_without_examples_it_is_students_paired_t():
    found, student = mean_difference(GAINS), ttest_1samp(GAINS, 0.0)
    assert found.p_value == pytest.approx(student.pvalue)
    assert found.interval == pytest.approx(tuple(student.confidence_interval(0.95)))
    assert found.freedom == 2
    assert mean_difference(GAINS, -1e-3) == found  # what is estimated below 0 counts as 0


def test_with_examples_it_is_that_by_hand():
    # s² = 7e-4, over three seeds; and c = 1e-4.
    found = mean_difference(GAINS, 1e-4)
    total = 7e-4 / 3 + 1e-4
    assert found.error == pytest.approx(math.sqrt(total))
    assert found.freedom == pytest.approx(2 * total / (7e-4 / 3))
    assert mean_difference(GAINS[::-1], 1e-4) == found
    squares = t.isf(found.p_value / 2, 2) ** 2 * 7e-4 / 3 + norm.isf(found.p_value / 2) ** 2 * 1e-4
    assert squares == pytest.approx(0.03**2)


def test_of_seeds_that_are_all_alike_examples_alone_tell():
    found = mean_difference([0.02] * 3, 1e-4)
    assert found.freedom == math.inf
    assert found.interval == pytest.approx((0.02 - 1.959964 * 0.01, 0.02 + 1.959964 * 0.01))
    assert found.p_value == pytest.approx(0.0455, abs=1e-4)


@pytest.mark.parametrize("seeds", [3, 5])
def test_whatever_the_examples_do_the_level_and_the_interval_hold(seeds):
    """By quadrature over what the seeds' variance may come to, of 1 and of c beside it."""
    shares = (np.arange(400) + 0.5) / 400
    estimates = chi2.ppf(shares, seeds - 1) / (seeds - 1)
    for shared in (0.05, 0.1, 0.25, 1, 4, 20):
        deviation = (1 + shared) ** 0.5
        made = [MeanDifference(0.0, seeds, float(v), shared) for v in estimates]
        held = np.mean([1 - 2 * norm.sf(d.interval[1] / deviation) for d in made])
        assert 0.94 <= held <= 0.965
        for level in (0.05, 0.0015):
            student, normal = t.isf(level / 2, seeds - 1), norm.isf(level / 2)
            least = [(student**2 * d.of_seeds + normal**2 * shared) ** 0.5 for d in made]
            assert np.mean([2 * norm.sf(each / deviation) for each in least]) <= level
            at = MeanDifference(least[9], seeds, made[9].of_seeds, shared)
            assert at.p_value == pytest.approx(level)


@pytest.mark.parametrize(("gain", "p"), [(0.0, 1.0), (0.1, 0.0)])
def test_without_any_error_a_difference_is_there_or_not(gain, p):
    found = mean_difference([gain] * 3)
    assert (found.interval, found.p_value, found.detectable) == ((gain, gain), p, 0.0)


def test_one_seed_tells_nothing():
    assert mean_difference([0.1], 1e-4) is None
    assert mean_difference([]) is None


P_VALUES = [0.04, 0.001, 0.03, 0.012]


def test_corrections_are_those_by_hand():
    # Sorted: 0.001 * 4, 0.012 * 3, 0.03 * 2, 0.04 * 1, none below one before it.
    assert adjusted(P_VALUES, "holm") == pytest.approx([0.06, 0.004, 0.06, 0.036])
    # Times four over the rank, none above one after it.
    assert adjusted(P_VALUES, "fdr") == pytest.approx([0.04, 0.004, 0.04, 0.024])
    assert adjusted([], "holm") == []


@pytest.mark.parametrize(("correction", "method"), [("holm", "holm"), ("fdr", "fdr_bh")])
@pytest.mark.parametrize("n", [1, 2, 34, 200])
def test_corrections_are_those_of_statsmodels_to_the_last_digit(correction, method, n):
    rng = np.random.default_rng(n)
    p_values = rng.choice(rng.uniform(size=n) ** 3, size=n)  # with ties
    assert adjusted(p_values, correction) == multipletests(p_values, method=method)[1].tolist()


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_what_would_be_seen_is_what_statsmodels_says_of_seeds_alone(seeds):
    gains = [0.01, 0.02, 0.06, 0.03, 0.02][:seeds]
    found = mean_difference(gains)
    deviations = found.detectable / np.std(gains, ddof=1)
    power = TTestPower().power(deviations, seeds, 0.025, alternative="larger")
    assert power == pytest.approx(0.8)


@pytest.mark.parametrize("shared", [1e-5, 1e-4, 1e-3])
def test_what_would_be_seen_is_seen_about_four_times_in_five(shared):
    rng = np.random.default_rng(0)
    found = mean_difference(GAINS, shared)
    values = rng.normal(found.detectable, found.error, size=4000)
    estimates = found.of_seeds * rng.chisquare(2, size=4000) / 2
    seen = [
        MeanDifference(value, 3, v, shared).interval[0] > 0
        for value, v in zip(values.tolist(), estimates.tolist(), strict=True)
    ]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.05)
