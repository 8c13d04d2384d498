"""Resampled examples: against plain loops with the same draws, and against formulas."""

import numpy as np
import pytest

from alignfreeze.contracts.outcomes import Parts
from alignfreeze.evaluation import bootstrap
from alignfreeze.evaluation.bootstrap import (
    PairedParts,
    percentile_interval,
    resampled,
    resampled_differences,
    shared_variance,
)

RNG = np.random.default_rng(0)


def made_up(examples, *, like=None):
    """Right words of words, of the words of other parts if they are given."""
    words = RNG.integers(1, 20, size=examples).astype(float) if like is None else like.denominator
    return Parts(RNG.binomial(words.astype(int), 0.7).astype(float), words)


def f1_parts(examples):
    gold, said = RNG.integers(0, 3, size=(2, examples)).astype(float)
    return Parts(2 * np.minimum(gold, said), gold + said)


def plain(parts, resamples, seed):
    """What `resampled` says, an example at a time."""
    examples = len(parts[0].numerator)
    rng = np.random.default_rng([seed, examples])
    rows = []
    for _ in range(resamples):
        drawn = [int(rng.integers(examples)) for _ in range(examples)]
        row = []
        for own in parts:
            above = sum(own.numerator[example] for example in drawn)
            below = sum(own.denominator[example] for example in drawn)
            row.append(above / below if below else 0.0)
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("held", [bootstrap.HELD, 100, 1])
def test_the_vectorised_bootstrap_is_the_plain_one(monkeypatch, held):
    monkeypatch.setattr(bootstrap, "HELD", held)  # of which a chunk is one row, or several
    first = made_up(30)
    parts = [first, made_up(30, like=first), f1_parts(30), made_up(30), f1_parts(30)]
    fast = resampled(parts, resamples=40, seed=3)
    np.testing.assert_allclose(fast, plain(parts, 40, 3), rtol=0, atol=1e-12)


def test_of_nothing_a_metric_is_nothing():
    parts = Parts(np.zeros(3), np.array([0.0, 0.0, 1.0]))
    drawn = resampled([parts], resamples=50, seed=0)
    assert set(drawn.ravel()) == {0.0}


def test_differences_are_of_the_same_draws_for_test_sets_of_one_size_and_of_others_elsewhere():
    first, short = made_up(40), made_up(25)
    pairs = {
        ("de", 1): PairedParts(made_up(40, like=first), first),
        ("ja", 1): PairedParts(made_up(25, like=short), short),
        ("fr", 2): PairedParts(f1_parts(40), f1_parts(40)),
    }
    found = {}
    for keys, draws in resampled_differences(pairs, resamples=20, seed=7):
        found |= {key: draws[:, place] for place, key in enumerate(keys)}
    assert found.keys() == pairs.keys()
    for key, pair in pairs.items():
        own, baseline = plain(pair, 20, 7).T
        np.testing.assert_allclose(found[key], own - baseline, rtol=0, atol=1e-12)


def test_a_run_against_itself_differs_in_no_resample():
    parts = made_up(10)
    ((_, draws),) = resampled_differences({0: PairedParts(parts, parts)}, resamples=30, seed=0)
    assert not draws.any()


def test_parts_of_different_numbers_are_refused():
    pair = PairedParts(made_up(4), made_up(5))
    with pytest.raises(ValueError, match="same shape"):
        list(resampled_differences({0: pair}, resamples=2, seed=0))


def test_the_shared_variance_is_the_mean_covariance_of_two_seeds():
    draws = RNG.normal(size=(50, 4))
    pairs = [(one, two) for one in range(4) for two in range(4) if one != two]
    by_hand = np.mean([np.cov(draws[:, one], draws[:, two])[0, 1] for one, two in pairs])
    assert shared_variance(draws) == pytest.approx(by_hand, rel=1e-12)
    assert shared_variance(draws[:, [2, 0, 3, 1]]) == pytest.approx(by_hand, rel=1e-12)


def test_the_shared_variance_of_alike_seeds_is_that_of_a_mean_of_sentences():
    # Differences by sentence, of metrics whose denominators are 1: the plain paired bootstrap's
    # variance, which is that of a mean but for the factor n - 1 over n.
    own, baseline = (Parts(RNG.random(200), np.ones(200)) for _ in range(2))
    pairs = {seed: PairedParts(own, baseline) for seed in range(3)}
    ((_, draws),) = resampled_differences(pairs, resamples=20_000, seed=0)
    by_formula = np.var(own.numerator - baseline.numerator) / 200
    assert shared_variance(draws) == pytest.approx(by_formula, rel=0.05)
    assert shared_variance(draws) == pytest.approx(np.var(draws[:, 0], ddof=1), rel=1e-9)


def test_the_order_of_examples_changes_no_more_than_other_draws_would():
    parts = [made_up(60), f1_parts(60)]
    order = RNG.permutation(60)
    mixed = [Parts(own.numerator[order], own.denominator[order]) for own in parts]
    one, two = (np.cov(resampled(p, resamples=20_000, seed=0).T) for p in (parts, mixed))
    np.testing.assert_allclose(one, two, rtol=0.1, atol=2e-5)


def test_a_plain_bootstrap_draws_seeds_too():
    draws = np.tile([0.01, 0.02, 0.06], (4000, 1))
    low, high = percentile_interval(draws, seed=0)
    # Three times the least, and three times the greatest, come once in 27: more than one in 40.
    assert (low, high) == pytest.approx((0.01, 0.06))
    assert percentile_interval(draws[:, ::-1], seed=0) == pytest.approx((0.01, 0.06))
