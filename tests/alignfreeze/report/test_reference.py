"""A row in the place of the baseline: all that is compared is compared with it."""

from dataclasses import replace

import pytest

from alignfreeze.errors import ConfigError
from alignfreeze.report.collecting import Collected, collect
from alignfreeze.report.completeness import find_missing
from alignfreeze.report.correlates import explanations
from alignfreeze.report.csv_tables import detail_csv, summary_csv
from alignfreeze.report.figure_differences import difference_figure
from alignfreeze.report.figure_heatmap import heatmap_figure
from alignfreeze.report.figures import report_figures
from alignfreeze.report.imported import imported_table
from alignfreeze.report.resampling import with_examples
from alignfreeze.report.result_tables import detail_tables, summary_table
from alignfreeze.report.results import IMPORTED_MARK
from alignfreeze.report.settings import build_report
from alignfreeze.report.significance_table import significance_csv, significance_table
from tests.alignfreeze.report.test_resampling import kept_of, made_up, table_of

OPTIONS = {"resamples": 200}
AGAINST_NONE = build_report({**OPTIONS, "reference": "none"})
SWAPPED = {"baseline": "none", "none": "baseline"}

PARTS = made_up()
AS_BASELINE = {(SWAPPED.get(name, name), seed): own for (name, seed), own in PARTS.items()}
"""The same, with the baseline and full realignment called by each other's name."""


def compared(parts, config):
    """A table of them, with what resampled examples say."""
    table = replace(table_of(parts), reference=config.reference)
    table = replace(table, variants=["baseline", "none", "front"])
    return with_examples(table, kept_of(parts), config)


OURS = compared(PARTS, AGAINST_NONE)
RENAMED = compared(AS_BASELINE, build_report(OPTIONS))


def swapped(text):
    """A text in which two rows are called by each other's name; its lines sorted."""
    lines = (
        [SWAPPED.get(cell, cell) for cell in line.split(",")] for line in text.splitlines()[1:]
    )
    return sorted(lines)


@pytest.mark.parametrize("counting", ["exact", "paper", "significant"])
@pytest.mark.parametrize("interval", ["hierarchical", "t", "bootstrap"])
def test_all_numbers_are_those_of_a_baseline_with_its_scores(counting, interval):
    options = {**OPTIONS, "counting": counting, "interval": interval}
    ours, renamed = build_report({**options, "reference": "none"}), build_report(options)
    for text in (summary_csv, detail_csv):
        lines = [line.split(",") for line in text([OURS], ours).splitlines()[1:]]
        assert sorted(lines) == swapped(text([RENAMED], renamed))
    lines = [line.split(",") for line in significance_csv([OURS]).splitlines()[1:]]
    assert sorted(lines) == swapped(significance_csv([RENAMED]))
    assert {line[5] for line in lines} == {"none"}  # that is what the column says


def test_a_difference_is_turned_round():
    usual = table_of(PARTS)
    against, with_it = OURS.comparison("baseline"), usual.comparison("none")
    assert against.difference == pytest.approx(-with_it.difference, abs=1e-15)
    assert not OURS.comparison("none").own
    assert OURS.compared == ["baseline", "front"]


def test_texts_and_figures_name_it():
    missing = find_missing([OURS], [], [])
    collected = Collected([OURS], missing, [], [])
    summary = summary_table(collected, AGAINST_NONE)
    assert "its difference to none in points" in summary.note
    assert "its change from none: " in summary.note
    assert "lies below and above none's by more than" in summary.note
    rows = {row[2].text: [cell.text for cell in row[3:]] for row in summary.rows}
    assert rows["none"][1] == rows["none"][-1] == ""
    assert rows["baseline"][1]
    assert rows["baseline"][-1].startswith("↓")
    (detail,) = detail_tables(OURS, missing, AGAINST_NONE)
    assert "Differences to none in points" in detail.note
    assert detail.columns == [
        *("language", "baseline", "difference [95 %]", "none"),
        *("front", "difference [95 %]"),
    ]
    notes = [table.note for table in (summary, detail, significance_table([OURS], AGAINST_NONE))]
    assert not [note for note in notes if "the baseline" in note]
    drawn = report_figures([OURS])
    captions = [drawn[f"{kind}-m-pos"].caption for kind in ("differences", "heatmap")]
    assert all("none" in caption and "baseline" not in caption for caption in captions)
    for figure in (difference_figure(OURS), heatmap_figure(OURS)):
        texts = [text.get_text() for text in figure.findobj(lambda own: hasattr(own, "get_text"))]
        assert "difference to none (points)" in texts
        assert not [text for text in texts if "to baseline" in text]


def test_what_realignment_does_to_the_encoder_explains_no_other_difference():
    assert explanations([OURS]) == []
    assert explanations([RENAMED])


def test_imported_rows_are_counted_against_it_too():
    theirs = replace(OURS, model=f"m{IMPORTED_MARK}")
    shown = imported_table([OURS, theirs], find_missing([OURS, theirs], [], []), AGAINST_NONE)
    counts = {row[2].text: row[6].text for row in shown.rows}
    assert counts["none"] == ""
    assert counts["baseline"].startswith("↓")


def test_a_baseline_is_not_missed_where_another_row_is_compared_with(stored):
    runs = [stored(strategy, seed) for strategy in ("none", "front") for seed in (31, 42)]
    found = collect(runs, build_report({"reference": "none"}))
    assert found.tables[0].compared == ["front"]
    assert "Without runs" not in found.missing.sections
    missed = collect(runs, build_report({})).missing.sections["Without runs"]
    assert missed == ["m, pos, baseline: no run"]


def test_it_has_to_be_a_row(stored):
    runs = [stored(strategy) for strategy in ("baseline", "front")]
    with pytest.raises(ConfigError, match="reference must be a row, baseline; front, got 'none'"):
        collect(runs, build_report({"reference": "none"}))


def test_print_compares_with_the_baseline():
    with pytest.raises(ConfigError, match=r"^published needs reference 'baseline', .* got 'none'$"):
        build_report({"published": "true", "reference": "none"})
