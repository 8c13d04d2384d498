"""How sure a difference is: by hand, and by drawing."""

from functools import partial

import numpy as np
import pytest

from alignfreeze.report.intervals import seed_interval
from alignfreeze.report.settings import ReportConfig

T, BOOTSTRAP = (
    partial(seed_interval, config=ReportConfig(interval=kind, resamples=2000))
    for kind in ("t", "bootstrap")
)
GAINS = {31: 0.01, 42: 0.02, 66: 0.06}


@pytest.mark.parametrize("interval", [T, BOOTSTRAP])
def test_what_a_seed_does_to_both_cancels(interval):
    baseline = {1: 0.5, 2: 0.6, 3: 0.7}
    own = {seed: value + 0.1 for seed, value in baseline.items()}
    assert interval({seed: own[seed] - baseline[seed] for seed in own}) == pytest.approx((0.1, 0.1))


def test_students_interval_is_that_by_hand():
    # Mean 3 points, sample deviation sqrt(7), and 4.303 of a t distribution of two degrees.
    half = 4.30265 * 7**0.5 / 3**0.5
    assert T(GAINS) == pytest.approx(((3 - half) / 100, (3 + half) / 100), rel=1e-5)


@pytest.mark.parametrize("interval", [T, BOOTSTRAP])
def test_one_seed_has_none(interval):
    assert interval({1: 0.1}) is None
    assert interval({}) is None


def test_the_bootstrap_lies_around_the_mean_and_is_repeatable():
    low, high = BOOTSTRAP(GAINS)
    assert 0.01 <= low < 0.03 < high <= 0.06
    assert BOOTSTRAP(GAINS) == (low, high)
    few = ReportConfig(interval="bootstrap", resamples=50)
    other = few.model_copy(update={"bootstrap_seed": 1})
    assert seed_interval(GAINS, other) != seed_interval(GAINS, few)


def test_of_three_seeds_student_holds_the_truth_as_often_as_it_says_and_the_bootstrap_does_not():
    draws = np.random.default_rng(0).normal(size=(400, 3))

    def share(interval):
        ends = [interval(dict(enumerate(draw))) for draw in draws]
        return np.mean([low <= 0 <= high for low, high in ends])

    assert 0.92 <= share(T) <= 0.98
    assert share(BOOTSTRAP) < 0.82
