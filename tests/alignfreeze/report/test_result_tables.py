"""The tables of a report: the summary with its totals, and the detail of a model and task."""

from dataclasses import replace

import pytest

from alignfreeze.report.collecting import Collected
from alignfreeze.report.completeness import find_missing
from alignfreeze.report.notes import comparisons
from alignfreeze.report.result_tables import best_of, detail_tables, summary_table
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig

LANGUAGES = ["de", "fr", "zh"]
BASELINE = {
    "en": {31: 0.90, 42: 0.91, 66: 0.92},
    "de": {31: 0.80, 42: 0.81, 66: 0.79},
    "fr": {31: 0.80, 42: 0.82, 66: 0.81},
    "zh": {31: 0.20, 42: 0.21, 66: 0.22},
}


def table_of(**variants):
    languages = sorted({language for own in variants.values() for language in own} - {"en"})
    return ScoreTable("m", "pos", "accuracy", "en", languages, list(variants), variants)


def summary(*tables):
    return summary_table(Collected(tables, find_missing(tables, [], []), [], []), ReportConfig())


def detail(table):
    (whole,) = detail_tables(table, find_missing([table], [], []), ReportConfig())
    return whole


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
    grid = detail(LACKS_CHINESE)
    average = [entry.text for entry in texts(grid, "average of targets")]
    # Front's own average, of de and fr: 80, 81.5 and 80.
    assert average[2:4] == ["80.5 ± 0.9†", "+0.0 [+0.0, +0.0]†"]
    # What none gains over three languages is not to be compared with it, and is not marked.
    assert average[4:] == ["60.7 ± 0.7", "+0.0 [+0.0, +0.0]"]
    assert "a difference that is marked rests on less than others in its row" in grid.note
    assert "The average of front is compared without zh." in grid.note
    assert comparisons([LACKS_CHINESE]) == ["m, pos: The average of front is compared without zh."]


def test_nor_is_it_bold():
    grid = summary(LACKS_CHINESE)
    bold = {row[2].text: row[3].bold for row in grid.rows}
    assert bold == {"baseline": True, "front": False, "none": True}


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
    grid = detail(table)
    assert [entry.bold for entry in texts(grid, "fr")] == [False, False, True, False, False, False]
    assert [entry.bold for entry in texts(grid, "de")] == [False, True, False, False, True, False]


def test_every_table_says_how_far_the_source_language_moved():
    front = {"en": {31: 0.93, 42: 0.93}, "de": {31: 0.81, 42: 0.83}}
    table = table_of(baseline=BASELINE, front=front)
    languages = detail(table)
    # 3 and 2 points, over the seeds that both have: 2.5 ± 12.706 * 0.7071 / sqrt(2).
    assert [entry.text for entry in texts(languages, "en (source)")][1:] == [
        "91.0 ± 1.0",
        "93.0 ± 0.0†",
        "+2.5 [−3.9, +8.9]†",
    ]
    means = summary(table)
    assert list(means.columns[5:7]) == ["en (source)", "change"]
    assert [entry.text for entry in texts(means, "front")][5:7] == ["93.0 ± 0.0", "+2.5†"]
    for note in (languages.note, means.note):
        assert "faster learning" in note


def test_a_difference_is_of_the_seeds_that_both_have():
    baseline, own = {1: 0.5, 2: 0.6}, {1: 0.6, 2: 0.7, 9: 0.1}
    scores = table_of(**{"baseline": {"de": baseline}, "none": {"de": own}})
    assert scores.comparison("none", "de").difference == pytest.approx(0.1)
    grid = detail(scores)
    texts = [entry.text for entry in next(row for row in grid.rows if row[0].text == "de")]
    assert texts[1] == "55.0 ± 7.1†"
    assert texts[3] == "+10.0 [+10.0, +10.0]*†"  # none has seed 9 as well
    assert "over the seeds that both have" in grid.note


def test_a_total_without_all_of_its_parts_is_marked():
    seeds = {1: 0.5, 2: 0.6}
    scores = {"en": seeds, "de": seeds}
    pos = table_of(**{"baseline": scores, "none": scores})
    ner = replace(table_of(**{"baseline": scores}), task="ner")
    grid = summary(pos, ner)
    assert [[entry.text for entry in row] for row in grid.rows] == [
        ["m", "pos accuracy", "baseline", "55.0 ± 7.1", "", "55.0 ± 7.1", "", ""],
        ["", "", "none", "55.0 ± 7.1", "+0.0 [+0.0, +0.0]", "55.0 ± 7.1", "+0.0", "↓0 ↑0"],
        ["", "ner accuracy", "baseline", "55.0 ± 7.1", "", "55.0 ± 7.1", "", ""],
        ["", "all tasks", "none", "", "", "", "", "↓0 ↑0†"],
    ]
    assert grid.sections == {0, 2, 3}
    whole = summary(pos)
    assert len(whole.rows) == 2  # of one task no total is needed


def test_a_model_with_scores_of_the_source_alone_breaks_nothing():
    scores = table_of(**{"baseline": {"en": {1: 0.5}}, "none": {"en": {1: 0.5}}})
    grid = summary(scores)
    assert [entry.text for entry in grid.rows[0]][3] == "–"
