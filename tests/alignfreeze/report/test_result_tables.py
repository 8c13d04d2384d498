"""The tables of a report: the summary with its totals, and the detail of a model and task."""

from dataclasses import replace

import pytest

from alignfreeze.report.comparison import SeedInterval
from alignfreeze.report.completeness import find_missing
from alignfreeze.report.detail import detail_table
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.summary import summary_table


def table(values):
    languages = sorted({language for own in values.values() for language in own} - {"en"})
    return ScoreTable("m", "pos", "accuracy", "en", languages, list(values), values)


def test_a_difference_is_of_the_seeds_that_both_have():
    baseline, own = {1: 0.5, 2: 0.6}, {1: 0.6, 2: 0.7, 9: 0.1}
    scores = table({"baseline": {"de": baseline}, "none": {"de": own}})
    assert scores.difference("none", "de") == pytest.approx(0.1)
    missing = find_missing([scores], [], [])
    grid = detail_table(scores, missing, SeedInterval())
    texts = [entry.text for entry in next(row for row in grid.rows if row[0].text == "de")]
    assert texts[1] == "55.0 ± 7.1†"
    assert texts[3] == "+10.0 [+10.0, +10.0]†"  # none has seed 9 as well
    assert "over the seeds that both have" in grid.note


def test_a_total_without_all_of_its_parts_is_marked():
    seeds = {1: 0.5, 2: 0.6}
    scores = {"en": seeds, "de": seeds}
    pos = table({"baseline": scores, "none": scores})
    ner = replace(table({"baseline": scores}), task="ner")
    grid = summary_table([pos, ner], find_missing([pos, ner], [], []), "exact", SeedInterval())
    assert [[entry.text for entry in row] for row in grid.rows] == [
        ["m", "pos accuracy", "baseline", "55.0 ± 7.1", "", "55.0 ± 7.1", "", ""],
        ["", "", "none", "55.0 ± 7.1", "+0.0 [+0.0, +0.0]", "55.0 ± 7.1", "+0.0", "↓0 ↑0"],
        ["", "ner accuracy", "baseline", "55.0 ± 7.1", "", "55.0 ± 7.1", "", ""],
        ["", "all tasks", "none", "", "", "", "", "↓0 ↑0†"],
    ]
    assert grid.sections == {0, 2, 3}
    whole = summary_table([pos], find_missing([pos], [], []), "exact", SeedInterval())
    assert len(whole.rows) == 2  # of one task no total is needed


def test_a_model_with_scores_of_the_source_alone_breaks_nothing():
    scores = table({"baseline": {"en": {1: 0.5}}, "none": {"en": {1: 0.5}}})
    grid = summary_table([scores], find_missing([scores], [], []), "exact", SeedInterval())
    assert [entry.text for entry in grid.rows[0]][3] == "–"
