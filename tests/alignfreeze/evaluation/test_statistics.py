"""The side of a deviation that scores lie on, in ratios worked out by hand."""

import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.evaluation.statistics import GREATEST_COUNT, mean, ratio_of, side_of


@pytest.mark.parametrize(
    ("score", "ratio"),
    [
        (0.83, Fraction(83, 100)),
        (1 / 3, Fraction(1, 3)),
        (82 / 240, Fraction(41, 120)),
        (123457 / 999983, Fraction(123457, 999983)),
        (0.1234567, Fraction(1234567, 10**7)),  # of no counts so small: its digits
        (0.123456789012, Fraction("0.123456789012")),
        # What is left of a ratio after some rounding is the ratio.
        (math.nextafter(0.25, 0), Fraction(1, 4)),
        (12.7 / 3 / 10, Fraction(127, 300)),
        (0.0, Fraction(0)),
        (1, Fraction(1)),
    ],
)
def test_a_score_stands_for_a_ratio(score, ratio):
    assert ratio_of(score) == ratio


@given(st.integers(1, GREATEST_COUNT).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_ratio_of_counts_is_found_again(counts):
    right, every = counts
    assert ratio_of(right / every) == Fraction(right, every)


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300))
def test_an_f1_is_a_ratio_of_counts(right, spurious, missed):
    precision, recall = right / (right + spurious), right / (right + missed)
    f1 = 2 * precision * recall / (precision + recall)
    assert ratio_of(f1) == Fraction(2 * right, 2 * right + spurious + missed)


@pytest.mark.parametrize(
    ("own", "baseline", "spread", "side"),
    [
        ([0.83], [0.82], [0.81, 0.82, 0.83], 0),  # 0.83 - 0.82 > 0.01 in doubles
        ([0.72], [0.71], [0.70, 0.71, 0.72], 0),
        ([0.81], [0.82], [0.81, 0.82, 0.83], 0),
        ([0.83001], [0.82], [0.81, 0.82, 0.83], 1),
        ([0.80999], [0.82], [0.81, 0.82, 0.83], -1),
        # Deviation sqrt(0.0002) = 0.01414…, which is no ratio.
        ([0.51414], [0.5], [0.49, 0.51], 0),
        ([0.51415], [0.5], [0.49, 0.51], 1),
        ([0.48585], [0.5], [0.49, 0.51], -1),
        # (1 + 2) / 7 / 2 against 5 / 7 / 2: 1 / 7 below, as much as the deviation.
        ([1 / 7, 2 / 7], [2 / 7, 3 / 7], [1 / 7, 2 / 7, 3 / 7], 0),
        ([0.5], [0.5], [0.5, 0.5], 0),
        ([0.5], [0.4], [0.4, 0.4], 1),
        ([0.5], [0.4], [0.9], 1),
        ([0.4], [0.4], [0.9], 0),
        ([math.nan], [0.4], [0.4], 0),
        ([0.1], [0.4], [0.4, math.inf], 0),
    ],
)
def test_sides_are_those_by_hand(own, baseline, spread, side):
    assert side_of(own, baseline, spread) == side


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(st.lists(NUMBERS, min_size=1, max_size=9))
def test_a_mean_is_that_of_statistics_to_the_bit(values):
    assert mean(values) == statistics.mean(values)
    assert mean(iter(values)) == statistics.mean(values)


def test_a_mean_of_nothing_and_of_what_is_no_number_is_that_of_statistics():
    assert math.isnan(mean([1.0, math.nan]))
    assert mean([1.0, math.inf]) == math.inf
    with pytest.raises(statistics.StatisticsError, match="at least one"):
        mean([])


HUNDREDTHS = st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=1, max_size=4)


@given(HUNDREDTHS, HUNDREDTHS, HUNDREDTHS)
def test_the_side_is_that_of_exact_numbers(own, baseline, spread):
    ours, level, seeds = (list(map(ratio_of, values)) for values in (own, baseline, spread))
    difference = sum(ours) / len(ours) - sum(level) / len(level)
    middle = sum(seeds) / len(seeds)
    variance = sum((seed - middle) ** 2 for seed in seeds) / max(len(seeds) - 1, 1)
    outside = difference**2 > variance
    assert side_of(own, baseline, spread) == (outside and (1 if difference > 0 else -1))
