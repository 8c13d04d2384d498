"""Rows are compared over what both have, and the best is one of those that can be compared."""

import numpy as np
import pytest

from alignfreeze.report.comparison import SeedInterval, best_of, compare, paired
from alignfreeze.report.completeness import find_missing
from alignfreeze.report.counting import Counts, count
from alignfreeze.report.detail import detail_table
from alignfreeze.report.notes import comparisons
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.summary import summary_table

LANGUAGES = ["de", "fr", "zh"]
BASELINE = {
    "en": {31: 0.90, 42: 0.91, 66: 0.92},
    "de": {31: 0.80, 42: 0.81, 66: 0.79},
    "fr": {31: 0.80, 42: 0.82, 66: 0.81},
    "zh": {31: 0.20, 42: 0.21, 66: 0.22},
}


def table_of(**variants):
    return ScoreTable("m", "pos", "accuracy", "en", LANGUAGES, list(variants), variants)


def without(*languages, of=BASELINE, seeds=(31, 42, 66)):
    return {
        language: {seed: own[seed] for seed in seeds}
        for language, own in of.items()
        if language not in languages
    }


def texts(grid, label):
    (row,) = (row for row in grid.rows if label in [entry.text for entry in row])
    return row


LACKS_CHINESE = table_of(baseline=BASELINE, front=without("zh"), none=BASELINE)


def test_the_average_of_a_row_that_lacks_a_hard_language_is_no_gain():
    found = LACKS_CHINESE.comparison("front")
    assert (found.languages, found.without) == (["de", "fr"], ["zh"])
    assert found.difference == 0.0
    missing = find_missing([LACKS_CHINESE], [], [])
    detail = detail_table(LACKS_CHINESE, missing, SeedInterval())
    average = [entry.text for entry in texts(detail, "average of targets")]
    # Front's own average, of de and fr: 80, 81.5 and 80.
    assert average[2:4] == ["80.5 ± 0.9†", "+0.0 [+0.0, +0.0]†"]
    # What none gains over three languages is not to be compared with it, and is not marked.
    assert average[4:] == ["60.7 ± 0.7", "+0.0 [+0.0, +0.0]"]
    assert "a difference that is marked rests on less than others in its row" in detail.note
    assert "The average of front is compared without zh." in detail.note
    assert comparisons([LACKS_CHINESE]) == ["m, pos: The average of front is compared without zh."]


@pytest.mark.parametrize("rule", ["exact", "paper", "published"])
def test_nor_is_it_a_win_under_any_rule(rule):
    counts = count(LACKS_CHINESE, "front", rule)
    assert (counts.down, counts.up) == (0, 0)


def test_nor_is_it_bold():
    grid = summary_table(
        [LACKS_CHINESE], find_missing([LACKS_CHINESE], [], []), "exact", SeedInterval()
    )
    bold = {row[2].text: row[3].bold for row in grid.rows}
    assert bold == {"baseline": True, "front": False, "none": True}


def test_a_seed_that_was_a_lucky_one_is_no_win():
    # Front has the baseline's best seed alone, and the same scores.
    baseline = {"de": {31: 0.80, 42: 0.70, 66: 0.72}}
    table = table_of(baseline=baseline, front={"de": {31: 0.80}})
    for rule in ("exact", "paper", "published"):
        assert count(table, "front", rule)[:2] == (0, 0)
    assert table.difference("front", "de") == 0.0


def test_averages_are_over_the_seeds_that_have_every_shared_language():
    own = {"de": {1: 0.5, 2: 0.6}, "fr": {1: 0.7}, "es": {3: 0.1}}
    baseline = {"de": {1: 0.4, 2: 0.4}, "fr": {1: 0.4, 2: 0.1}, "es": {1: 0.9}}
    found = compare(own, baseline, ["de", "es", "fr", "xx"])
    assert (found.languages, found.without) == (["de", "fr"], ["es"])
    assert found.own == {1: pytest.approx(0.6)}
    assert found.baseline == {1: pytest.approx(0.4)}
    assert found.difference == pytest.approx(0.2)


def test_nothing_in_common_is_no_difference():
    found = compare({"de": {1: 0.5}}, {"de": {2: 0.5}}, ["de"])
    assert (found.difference, found.without) == (None, ["de"])
    table = table_of(baseline={"de": {2: 0.5}}, front={"de": {1: 0.9}})
    assert table.difference("front", "de") is None
    assert count(table, "front", "paper") is None
    assert comparisons([table]) == [
        "m, pos: The average of front is not compared: there is no seed with which it and the "
        "baseline both have a target language."
    ]
    # Each language has a seed in common, and all of them together have none.
    values = {"de": {1: 0.5}, "fr": {2: 0.5}}
    assert comparisons([table_of(baseline=values, front=values)]) == [
        "m, pos: The average of front is not compared: there is no seed with which it and the "
        "baseline both have de, fr."
    ]


def test_pairs_are_of_the_seeds_that_both_have():
    assert paired({3: 0.5, 1: 0.2}, {1: 0.1, 2: 0.9, 3: 0.4}) == {
        1: pytest.approx(0.1),
        3: pytest.approx(0.1),
    }


@pytest.mark.parametrize(
    ("values", "scored", "best"),
    [
        ({"a": 0.5, "b": 0.6}, {"a": {1, 2}, "b": {1, 2}}, {"b"}),
        ({"a": 0.6, "b": 0.6}, {"a": {1}, "b": {1}}, {"a", "b"}),
        # c has other seeds, d fewer of them.
        (
            {"a": 0.5, "b": 0.6, "c": 0.9, "d": 0.8},
            {"a": {1, 2}, "b": {1, 2}, "c": {3, 4}, "d": {1}},
            {"b"},
        ),
        # Of two sets of as many rows, the one with more scores.
        (
            {"a": 0.5, "b": 0.6, "c": 0.9, "d": 0.8},
            {"a": {1, 2}, "b": {1, 2}, "c": {1}, "d": {1}},
            {"b"},
        ),
        ({"a": 0.5, "b": 0.6}, {"a": {1}, "b": {2}}, set()),
        ({"a": 0.5, "b": None}, {"a": {1}, "b": set()}, set()),
        ({}, {}, set()),
    ],
)
def test_the_best_is_among_those_that_rest_on_the_same_scores(values, scored, best):
    assert best_of(values, scored) == best


def test_each_language_has_a_best_of_its_own_seeds():
    front = without(of=BASELINE, seeds=(31, 42)) | {"fr": {31: 0.9, 42: 0.9, 66: 0.9}}
    table = table_of(baseline=BASELINE, front=front, none=BASELINE)
    grid = detail_table(table, find_missing([table], [], []), SeedInterval())
    assert [entry.bold for entry in texts(grid, "fr")] == [False, False, True, False, False, False]
    assert [entry.bold for entry in texts(grid, "de")] == [False, True, False, False, True, False]


def test_every_table_says_how_far_the_source_language_moved():
    front = {"en": {31: 0.93, 42: 0.93}, "de": {31: 0.81, 42: 0.83}}
    table = table_of(baseline=BASELINE, front=front)
    missing = find_missing([table], [], [])
    detail = detail_table(table, missing, SeedInterval())
    # 3 and 2 points, over the seeds that both have: 2.5 ± 12.706 * 0.7071 / sqrt(2).
    assert [entry.text for entry in texts(detail, "en (source)")][1:] == [
        "91.0 ± 1.0",
        "93.0 ± 0.0†",
        "+2.5 [−3.9, +8.9]†",
    ]
    summary = summary_table([table], missing, "exact", SeedInterval())
    assert list(summary.columns[5:7]) == ["en (source)", "change"]
    assert [entry.text for entry in texts(summary, "front")][5:7] == ["93.0 ± 0.0", "+2.5†"]
    for note in (detail.note, summary.note):
        assert "faster learning" in note


def test_a_tie_of_the_published_rule_is_decided_by_the_last_bit():
    def counts(own, baseline, deviation, rule):
        # Two seeds that lie a deviation on either side have it as their population deviation.
        spread = {1: (baseline - deviation) / 100, 2: (baseline + deviation) / 100}
        scores = ScoreTable(
            *("m", "ner", "accuracy", "en", ["de"], ["baseline", "none"]),
            {"baseline": {"de": spread}, "none": {"de": {1: own / 100, 2: own / 100}}},
        )
        return count(scores, "none", rule)

    ties = [(51.7, 51.4, 0.3), (86.3, 85.2, 1.1), (50.4, 50.7, 0.3)]
    assert [counts(*tie, "published") for tie in ties] == [
        Counts(0, 1, 1),
        Counts(0, 0, 1),
        Counts(1, 0, 1),
    ]
    assert [counts(*tie, "paper") for tie in ties] == [Counts(0, 0, 1)] * 3


T, BOOTSTRAP = SeedInterval("t"), SeedInterval("bootstrap", resamples=2000)
GAINS = {31: 0.01, 42: 0.02, 66: 0.06}


@pytest.mark.parametrize("interval", [T, BOOTSTRAP])
def test_what_a_seed_does_to_both_cancels(interval):
    baseline = {1: 0.5, 2: 0.6, 3: 0.7}
    own = {seed: value + 0.1 for seed, value in baseline.items()}
    assert interval(paired(own, baseline)) == pytest.approx((0.1, 0.1))


def test_students_interval_is_that_by_hand():
    # Mean 3 points, sample deviation sqrt(7), and 4.303 of a t distribution of two degrees.
    half = 4.30265 * 7**0.5 / 3**0.5
    assert T(GAINS) == pytest.approx(((3 - half) / 100, (3 + half) / 100), rel=1e-5)


@pytest.mark.parametrize("interval", [T, BOOTSTRAP])
def test_one_seed_has_none(interval):
    assert interval({1: 0.1}) is None
    assert interval({}) is None


def test_the_bootstrap_lies_around_the_mean_and_is_repeatable():
    found = BOOTSTRAP(GAINS)
    assert 0.01 <= found.low < 0.03 < found.high <= 0.06
    assert BOOTSTRAP(GAINS) == found
    few = SeedInterval("bootstrap", resamples=50)
    assert SeedInterval("bootstrap", resamples=50, seed=1)(GAINS) != few(GAINS)


def test_of_three_seeds_student_holds_the_truth_as_often_as_it_says_and_the_bootstrap_does_not():
    draws = np.random.default_rng(0).normal(size=(400, 3))

    def share(interval):
        ends = [interval(dict(enumerate(draw))) for draw in draws]
        return np.mean([low <= 0 <= high for low, high in ends])

    assert 0.92 <= share(T) <= 0.98
    assert share(SeedInterval("bootstrap", resamples=300)) < 0.82
