"""Rows are compared over what both have."""

from dataclasses import replace

import pytest

from alignfreeze.report.counting import count
from alignfreeze.report.notes import comparisons
from alignfreeze.report.score_tables import ScoreTable

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


LACKS_CHINESE = table_of(baseline=BASELINE, front=without("zh"), none=BASELINE)


@pytest.mark.parametrize("rule", ["exact", "paper", "published"])
def test_nor_is_it_a_win_under_any_rule(rule):
    counts = count(LACKS_CHINESE, "front", rule)
    assert (counts.down, counts.up) == (0, 0)


def test_a_seed_that_was_a_lucky_one_is_no_win():
    # Front has the baseline's best seed alone, and the same scores.
    baseline = {"de": {31: 0.80, 42: 0.70, 66: 0.72}}
    table = table_of(baseline=baseline, front={"de": {31: 0.80}})
    for rule in ("exact", "paper", "published"):
        assert count(table, "front", rule)[:2] == (0, 0)
    assert table.comparison("front", "de").difference == 0.0


def test_averages_are_over_the_seeds_that_have_every_shared_language():
    own = {"de": {1: 0.5, 2: 0.6}, "fr": {1: 0.7}, "es": {3: 0.1}}
    baseline = {"de": {1: 0.4, 2: 0.4}, "fr": {1: 0.4, 2: 0.1}, "es": {1: 0.9}}
    table = table_of(baseline=baseline, front=own)
    found = replace(table, languages=["de", "es", "fr", "xx"]).comparison("front")
    assert (found.languages, found.without) == (["de", "fr"], ["es"])
    assert found.own == {1: pytest.approx(0.6)}
    assert found.reference == {1: pytest.approx(0.4)}
    assert found.difference == pytest.approx(0.2)


def test_nothing_in_common_is_no_difference():
    table = table_of(baseline={"de": {2: 0.5}}, front={"de": {1: 0.9}})
    found = table.comparison("front", "de")
    assert (found.difference, found.without) == (None, ["de"])
    assert table.comparison("front").difference is None
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
    own, baseline = {3: 0.5, 1: 0.2}, {1: 0.1, 2: 0.9, 3: 0.4}
    found = table_of(baseline={"de": baseline}, front={"de": own}).comparison("front", "de")
    assert [*found.differences] == [1, 3]
    assert [*found.differences.values()] == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize("name", ["comparison", "falls_short", "deviation", "mean"])
def test_what_a_table_remembers_is_what_it_would_compute(name):
    ask = getattr(ScoreTable, name)
    # A table that is made of another remembers nothing of it.
    for table in (LACKS_CHINESE, replace(LACKS_CHINESE, languages=["de", "zh"])):
        for variant in table.variants:
            for language in (None, *table.languages):
                found = ask(table, variant, language)
                assert found == ask(table, variant, language)
                assert found == ask.__wrapped__(table, variant, language)
