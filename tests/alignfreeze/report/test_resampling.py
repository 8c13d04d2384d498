"""What resampled examples say of a table: which are paired, and the same as by plain loops."""

from dataclasses import replace

import numpy as np
import pytest

from alignfreeze.contracts.outcomes import Parts
from alignfreeze.evaluation.bootstrap import resampled
from alignfreeze.report.intervals import difference_of
from alignfreeze.report.resampling import NOT_KEPT, KeptOutcomes, seeds_alone_lines, with_examples
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig

CONFIG = ReportConfig(resamples=300)
SIZES = {"en": 40, "de": 30, "fr": 30, "zh": 25}
SEEDS = (31, 42, 66)


def made_up(*, strategies=("baseline", "front", "none")):
    """Parts by variant and seed, and by language; all with the same words."""
    rng = np.random.default_rng(0)
    words = {code: rng.integers(1, 9, size=size) for code, size in SIZES.items()}
    return {
        (variant, seed): {
            code: Parts(rng.binomial(own, 0.7).astype(float), own.astype(float))
            for code, own in words.items()
        }
        for variant in strategies
        for seed in SEEDS
    }


def table_of(parts):
    values = {}
    for (variant, seed), own in parts.items():
        for code, each in own.items():
            values.setdefault(variant, {}).setdefault(code, {})[seed] = each.value
    return ScoreTable("m", "pos", "accuracy", "en", ["de", "fr", "zh"], [*values], values)


def test_examples_tell_as_a_plain_loop_over_languages_and_seeds_does():
    parts = made_up()
    table = with_examples(table_of(parts), KeptOutcomes(parts, {}), CONFIG)
    assert table.seeds_alone == {}
    for variant in ("front", "none"):
        differences = {
            code: np.stack(
                [
                    np.diff(
                        resampled(
                            [parts["baseline", seed][code], parts[variant, seed][code]],
                            resamples=CONFIG.resamples,
                            seed=CONFIG.bootstrap_seed,
                        )
                    )[:, 0]
                    for seed in SEEDS
                ]
            )
            for code in SIZES
        }
        differences[None] = sum(differences[code] for code in table.languages) / 3
        for code, draws in differences.items():
            covariances = np.cov(draws)
            by_hand = np.mean([covariances[0, 1], covariances[0, 2], covariances[1, 2]])
            found = table.resampled[variant][code]
            assert found.shared == pytest.approx(by_hand, abs=1e-15)
            low, high = found.plain
            assert low <= difference_of(table, variant, code).value <= high


def test_the_order_of_strategies_and_seeds_is_nothing():
    parts = made_up()
    table = with_examples(table_of(parts), KeptOutcomes(parts, {}), CONFIG)
    turned = dict(reversed(parts.items()))
    again = with_examples(table_of(turned), KeptOutcomes(turned, {}), CONFIG)
    for variant in ("front", "none"):
        for code, found in table.resampled[variant].items():
            assert again.resampled[variant][code].shared == pytest.approx(found.shared, abs=1e-15)


def test_a_missing_seed_is_left_out_and_one_seed_tells_nothing():
    parts = made_up()
    lacking = {key: own for key, own in parts.items() if key != ("none", 66)}
    lacking = {key: own for key, own in lacking.items() if key[0] != "front" or key[1] == 31}
    table = with_examples(table_of(lacking), KeptOutcomes(lacking, {}), CONFIG)
    assert table.resampled["none"][None].shared != 0
    assert table.resampled["front"] == {}
    assert difference_of(table, "none").seeds == 2


def test_what_does_not_fit_is_told_by_seeds_alone_and_the_others_are_not():
    parts = made_up()
    table = table_of(parts)
    cut = {
        code: Parts(own.numerator[:20], own.denominator[:20])
        for code, own in parts["front", 42].items()
    }
    shorter = {**parts, ("front", 42): cut}
    cases = [
        (KeptOutcomes(parts, {("front", 42): NOT_KEPT}), f"front, seed 42: {NOT_KEPT}"),
        (
            KeptOutcomes({**parts, ("front", 42): {"en": parts["front", 42]["en"]}}, {}),
            "front, seed 42: no predictions of de",
        ),
        (
            KeptOutcomes({**parts, ("front", 42): parts["front", 31]}, {}),
            "front, seed 42: the predictions of en come to 0.7222, not to the score 0.7278",
        ),
    ]
    for kept, reason in cases:
        found = with_examples(table, kept, CONFIG)
        assert found.seeds_alone == {"front": reason}
        assert "front" not in found.resampled
        assert found.resampled["none"].keys() == {None, *SIZES}
        assert seeds_alone_lines([found]) == [f"m, pos, front: over seeds alone ({reason})."]
    # Of the scores that these come to, but of other test sets.
    found = with_examples(table_of(shorter), KeptOutcomes(shorter, {}), CONFIG)
    assert found.seeds_alone == {"front": "the test set of en has 20 and 40 examples"}


def test_a_baseline_that_kept_nothing_is_told_once():
    reasons = {(variant, seed): NOT_KEPT for variant in ("baseline", "none") for seed in SEEDS}
    table = table_of(made_up(strategies=("baseline", "none")))
    found = with_examples(table, KeptOutcomes({}, reasons), CONFIG)
    assert found.resampled == {}
    (line,) = seeds_alone_lines([found, replace(found, task="ner")])
    assert line == "All intervals and p-values are over seeds alone: no predictions were kept."
