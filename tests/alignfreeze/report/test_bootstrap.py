"""The confidence interval of a difference."""

import pytest

from alignfreeze.report.bootstrap import paired_interval

BASELINE = {1: 0.5, 2: 0.6, 3: 0.7, 4: 0.8, 5: 0.9}


def interval(own, **settings):
    return paired_interval(own, BASELINE, **{"resamples": 2000, "seed": 0, **settings})


def test_what_a_seed_does_to_both_cancels():
    low, high = interval({seed: value + 0.1 for seed, value in BASELINE.items()})
    assert (low, high) == pytest.approx((0.1, 0.1))


def test_it_lies_around_the_mean_difference_and_is_repeatable():
    gains = {1: 0.0, 2: 0.013, 3: 0.021, 4: 0.034, 5: 0.05}
    own = {seed: value + gains[seed] for seed, value in BASELINE.items()}
    found = interval(own)
    assert 0.0 <= found.low < 0.0236 < found.high <= 0.05
    assert interval(own) == found
    assert interval(own, seed=1, resamples=50) != interval(own, resamples=50)


def test_only_seeds_that_both_have_count():
    assert interval({1: 0.6, 2: 0.7, 99: 0.0}) == pytest.approx((0.1, 0.1))
    assert interval({1: 0.6, 99: 0.0}) is None
