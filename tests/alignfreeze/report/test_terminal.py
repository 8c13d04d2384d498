"""A summary on a terminal of 80 columns."""

from rich.console import Console

from alignfreeze.base.tables import Cell, Table
from alignfreeze.report.terminal import summary_tables


def test_the_terminal_has_a_table_for_each_model():
    columns = ["model", "task", "strategy", "targets", "difference [95 %]", "en (source)", "change"]
    columns.append("↓ ↑")
    values = ["77.0 ± 1.2†", "+10.7 [−12.1, +15.4]", "96.3 ± 0.2", "+10.2", "↓10 ↑24†"]
    texts = [
        ["m", "pos accuracy", "none", *values],
        ["", "ner accuracy", "none, temperature=0.5", *values],
        ["n", "pos accuracy", "front(boundary=3)", *values],
    ]
    rows = [[Cell(text) for text in row] for row in texts]
    grid = Table("summary", "Summary", "read", columns, rows, frozenset({0, 1, 2}), labels=3)
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as capture:
        for table in summary_tables(grid):
            console.print(table)
    text = capture.get()
    assert text.index("Summary: m") < text.index("Summary: n")
    assert max(map(len, text.splitlines())) <= 80
    for value in values:
        assert text.count(value) == 3


def test_the_terminal_says_all_of_what_a_group_differs_in():
    columns = ["model", "task", "strategy", "targets", "difference [95 %]", "en (source)", "↓ ↑"]
    values = ["77.0 ± 1.2†", "+10.7 [−12.1, +15.4]", "96.3 ± 0.2", ""]
    rows = [["m", "pos accuracy", "none", *values], ["", "", "none, aligner=a", *values]]
    cells = [[Cell(text) for text in row] for row in rows]
    group = {1: "rows that differ in alignment_pairs and time of realignment"}
    (table,) = summary_tables(Table("s", "Summary", "", columns, cells, groups=group, labels=3))
    console = Console(width=60, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    text = capture.get()
    said = "".join(line.split("  ")[0] for line in text.splitlines())
    assert group[1].replace(" ", "") in said.replace(" ", "")
    assert "↓" not in text  # a column without anything
