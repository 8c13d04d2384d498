"""Tables as Markdown, LaTeX, HTML and for the terminal: nothing breaks out of its place."""

from dataclasses import replace

import pytest
from rich.console import Console

from alignfreeze.report import latex, markdown, page
from alignfreeze.report.detail import detail_grid
from alignfreeze.report.intervals import SeedInterval
from alignfreeze.report.missing import find_gaps
from alignfreeze.report.score_tables import Block
from alignfreeze.report.summary import summary_grid
from alignfreeze.report.table import Entry, Grid, points, with_deviation
from alignfreeze.report.terminal import summary_tables

NASTY = r"a_b|c&d<e>$f%{g}\h~i^j*k`l[m]#n"
GRID = Grid(
    "stem",
    NASTY,
    "note 50 %",
    ["language", NASTY],
    [[Entry("de"), Entry("1.0", bold=True)], [Entry("fr"), Entry(NASTY)]],
    frozenset({1}),
)
REMARKS = {"What is missing": {"Failed": [f"m: {NASTY}"]}}
NOTHING = {"What is missing": {}}


def test_markdown_shows_what_is_there():
    text = markdown.markdown("Title", [GRID], REMARKS, ["figures/x.svg"])
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 4
    # An escaped bar does not end a cell.
    assert all(line.replace("\\|", "").count("|") == 3 for line in table)
    assert "**1.0**" in text
    assert "![x](figures/x.svg)" in text
    assert "Nothing." in markdown.markdown("Title", [GRID], NOTHING, [])


def test_latex_escapes_what_it_would_take_for_its_own():
    text = latex.latex("Title", [GRID], REMARKS, ["figures/x.pdf"])
    for escaped in (r"a\_b", r"c\&d", r"\$f\%\{g\}", r"\textbackslash{}h", r"\textasciitilde{}"):
        assert escaped in text
    assert r"\textbf{1.0}" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert text.count(r"\midrule") == 2  # below the head, and between the sections
    assert r"\includegraphics" in text
    assert latex.escaped("中−±") == r"?$-$$\pm$"


def test_html_escapes_too():
    text = page.page("<Title>", [GRID], REMARKS, {"x": "<svg></svg>"})
    assert "<Title>" not in text.replace("<title>", "")
    assert "d&lt;e&gt;" in text
    assert "<b>1.0</b>" in text
    assert '<tr class="section"><td class="label">fr</td>' in text
    assert '<figure id="x"' in text


@pytest.mark.parametrize(
    ("fraction", "signed", "text"),
    [
        (None, False, "–"),
        (0.12345, False, "12.3"),
        (0.1, True, "+10.0"),
        (-0.1, True, "−10.0"),
        (-0.0001, True, "+0.0"),
    ],
)
def test_points_are_percent_with_one_decimal(fraction, signed, text):
    assert points(fraction, signed=signed) == text


def test_a_deviation_is_shown_where_there_is_one():
    assert with_deviation(0.5, 0.0123) == "50.0 ± 1.2"
    assert with_deviation(0.5, None) == "50.0"
    assert with_deviation(None, None) == "–"


def block(values):
    languages = sorted({language for own in values.values() for language in own} - {"en"})
    return Block("m", "pos", "accuracy", "en", languages, list(values), values)


def test_a_difference_is_of_the_seeds_that_both_have():
    baseline, own = {1: 0.5, 2: 0.6}, {1: 0.6, 2: 0.7, 9: 0.1}
    scores = block({"baseline": {"de": baseline}, "none": {"de": own}})
    assert scores.difference("none", "de") == pytest.approx(0.1)
    gaps = find_gaps([scores], [], [])
    grid = detail_grid(scores, gaps, SeedInterval())
    texts = [entry.text for entry in next(row for row in grid.rows if row[0].text == "de")]
    assert texts[1] == "55.0 ± 7.1†"
    assert texts[3] == "+10.0 [+10.0, +10.0]†"  # none has seed 9 as well
    assert "over the seeds that both have" in grid.note


def test_a_total_without_all_of_its_parts_is_marked():
    seeds = {1: 0.5, 2: 0.6}
    scores = {"en": seeds, "de": seeds}
    pos = block({"baseline": scores, "none": scores})
    ner = replace(block({"baseline": scores}), task="ner")
    grid = summary_grid([pos, ner], find_gaps([pos, ner], [], []), "exact", SeedInterval())
    assert [[entry.text for entry in row] for row in grid.rows] == [
        ["m", "pos accuracy", "baseline", "55.0 ± 7.1", "", "55.0 ± 7.1", "", ""],
        ["", "", "none", "55.0 ± 7.1", "+0.0 [+0.0, +0.0]", "55.0 ± 7.1", "+0.0", "↓0 ↑0"],
        ["", "ner accuracy", "baseline", "55.0 ± 7.1", "", "55.0 ± 7.1", "", ""],
        ["", "all tasks", "none", "", "", "", "", "↓0 ↑0†"],
    ]
    assert grid.sections == {0, 2, 3}
    whole = summary_grid([pos], find_gaps([pos], [], []), "exact", SeedInterval())
    assert len(whole.rows) == 2  # of one task no total is needed


def test_a_model_with_scores_of_the_source_alone_breaks_nothing():
    scores = block({"baseline": {"en": {1: 0.5}}, "none": {"en": {1: 0.5}}})
    grid = summary_grid([scores], find_gaps([scores], [], []), "exact", SeedInterval())
    assert [entry.text for entry in grid.rows[0]][3] == "–"


def test_the_terminal_has_a_table_for_each_model():
    columns = ["model", "task", "strategy", "targets", "difference [95 %]", "en (source)", "change"]
    columns.append("↓ ↑")
    values = ["77.0 ± 1.2†", "+10.7 [−12.1, +15.4]", "96.3 ± 0.2", "+10.2", "↓10 ↑24†"]
    texts = [
        ["m", "pos accuracy", "none", *values],
        ["", "ner accuracy", "none, temperature=0.5", *values],
        ["n", "pos accuracy", "front(boundary=3)", *values],
    ]
    rows = [[Entry(text) for text in row] for row in texts]
    grid = Grid("summary", "Summary", "read", columns, rows, frozenset({0, 1, 2}), labels=3)
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as capture:
        for table in summary_tables(grid):
            console.print(table)
    text = capture.get()
    assert text.index("Summary: m") < text.index("Summary: n")
    assert max(map(len, text.splitlines())) <= 80
    for value in values:
        assert text.count(value) == 3
