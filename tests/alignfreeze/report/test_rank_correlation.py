import numpy as np
import pytest
from scipy.stats import spearmanr

from alignfreeze.report.rank_correlation import RankCorrelation, rank_correlation, spearman


def naive_ranks(values):
    """Mean ranks of ties, one value at a time."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]


def test_correlations_of_many_rows_are_those_of_each():
    random = np.random.default_rng(3)
    x, y = random.integers(0, 6, (2, 20, 9)).astype(float)  # with ties
    for one, other, found in zip(x, y, spearman(x, y), strict=True):
        expected = np.corrcoef(naive_ranks(one), naive_ranks(other))[0, 1]
        assert found == pytest.approx(expected)
        assert found == pytest.approx(spearmanr(one, other)[0])
    assert spearman(np.zeros(4), np.arange(4.0)) == 0


def test_an_interval_holds_the_value_and_is_the_same_each_time():
    random = np.random.default_rng(1)
    x = random.normal(size=34)
    y = x + random.normal(size=34)
    found = rank_correlation(x, y)
    assert found.fault == ""
    assert found.interval[0] < found.value < found.interval[1]
    assert found == rank_correlation(x, y)
    assert found.n_languages == 34


@pytest.mark.parametrize(
    ("x", "y", "fault"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], "fewer than 6 languages"),
        ([2] * 7, range(7), "the same in all languages"),
        (range(7), [0] * 7, "the gain is the same in all languages"),
    ],
)
def test_what_has_no_order_has_no_correlation(x, y, fault):
    assert rank_correlation(x, y) == RankCorrelation(None, None, len(x), fault)


def test_a_perfect_order_has_no_interval():
    found = rank_correlation(range(8), [-n for n in range(8)])
    assert found.value == pytest.approx(-1)
    assert found.interval is None
    assert found.fault == "its resamples are too alike for an interval"


def test_most_values_tied():
    found = rank_correlation([0, 0, 0, 0, 0, 0, 0, 1], [3, 1, 4, 1, 5, 9, 2, 6])
    assert found.value == pytest.approx(spearmanr([0] * 7 + [1], [3, 1, 4, 1, 5, 9, 2, 6])[0])
