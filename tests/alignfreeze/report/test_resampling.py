"""What resampled examples say of a table: which are paired, and the same as by plain loops."""

import numpy as np
import pytest

from alignfreeze.contracts.outcomes import Parts
from alignfreeze.evaluation.bootstrap import resampled
from alignfreeze.report.collecting import Collected
from alignfreeze.report.completeness import find_missing
from alignfreeze.report.intervals import difference_of
from alignfreeze.report.kept_outcomes import NOT_KEPT, KeptOutcomes
from alignfreeze.report.resampling import over_examples, with_examples
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


def kept_of(parts):
    return {
        cell: KeptOutcomes(own, dict.fromkeys(own, f"digest of {len(own)}"))
        for cell, own in parts.items()
    }


def table_of(parts):
    values = {}
    for (variant, seed), own in parts.items():
        for code, each in own.items():
            values.setdefault(variant, {}).setdefault(code, {})[seed] = each.value
    return ScoreTable("m", "pos", "accuracy", "en", ["de", "fr", "zh"], [*values], values)


def test_examples_tell_as_a_plain_loop_over_languages_and_seeds_does():
    parts = made_up()
    table = with_examples(table_of(parts), kept_of(parts), CONFIG)
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
    table = with_examples(table_of(parts), kept_of(parts), CONFIG)
    turned = dict(reversed(parts.items()))
    again = with_examples(table_of(turned), kept_of(turned), CONFIG)
    for variant in ("front", "none"):
        for code, found in table.resampled[variant].items():
            assert again.resampled[variant][code].shared == pytest.approx(found.shared, abs=1e-15)


def test_a_missing_seed_is_left_out_and_one_seed_tells_nothing():
    parts = made_up()
    lacking = {key: own for key, own in parts.items() if key != ("none", 66)}
    lacking = {key: own for key, own in lacking.items() if key[0] != "front" or key[1] == 31}
    table = with_examples(table_of(lacking), kept_of(lacking), CONFIG)
    assert table.resampled["none"][None].shared != 0
    assert table.resampled["front"] == {}
    assert difference_of(table, "none").seeds == 2


def test_what_does_not_fit_is_told_by_seeds_alone_and_the_others_are_not():
    parts = made_up()
    table, kept = table_of(parts), kept_of(parts)
    own = parts["front", 42]
    cases = [
        (KeptOutcomes(reason=NOT_KEPT), f"front, seed 42: {NOT_KEPT}"),
        (KeptOutcomes({"en": own["en"]}), "front, seed 42: no predictions of de"),
        (
            KeptOutcomes(parts["front", 31]),
            "front, seed 42: the predictions of en come to 0.7222, not to the score 0.7278",
        ),
        (
            KeptOutcomes(own, {"fr": "another"}),
            "the test set of fr is not the same in all runs",
        ),
    ]
    for run, reason in cases:
        found = with_examples(table, {**kept, ("front", 42): run}, CONFIG)
        assert found.seeds_alone == {"front": reason}
        assert "front" not in found.resampled
        assert found.resampled["none"].keys() == {None, *SIZES}
    # Of the scores that these come to, but of other test sets.
    cut = {code: Parts(each.numerator[:20], each.denominator[:20]) for code, each in own.items()}
    shorter = {**parts, ("front", 42): cut}
    found = with_examples(table_of(shorter), kept_of(shorter), CONFIG)
    assert found.seeds_alone == {"front": "the test set of en has 20 and 40 examples"}


def told(kept):
    table = table_of(made_up())
    cells = {table.key: []}
    collected = Collected([table], find_missing([table], [], []), [], [], cells)
    return over_examples(collected, lambda *_: kept, CONFIG)


def test_where_nothing_was_kept_it_is_said_once_and_no_row_is_marked():
    kept = {cell: KeptOutcomes(reason=NOT_KEPT) for cell in made_up()}
    for found in (told(kept), told({})):
        (table,) = found.tables
        assert (table.resampled, table.seeds_alone) == ({}, {})
        (line,) = found.seeds_alone
        assert line == "All intervals and p-values are over seeds alone: no predictions were kept."


def test_rows_that_kept_nothing_are_told_from_those_that_did():
    kept = kept_of(made_up())
    found = told({cell: own for cell, own in kept.items() if cell[0] != "front"})
    assert found.seeds_alone == ["m, pos: front: front, seed 31: no predictions were kept."]
    assert found.tables[0].seeds_alone.keys() == {"front"}
    assert told(kept).seeds_alone == []
