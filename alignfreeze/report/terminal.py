"""A report's summary for the terminal, where 80 columns have to do."""

from collections.abc import Sequence
from itertools import pairwise

from rich.table import Table
from rich.text import Text

from alignfreeze.report.grids import Entry, Grid


def summary_tables(grid: Grid) -> list[Table]:
    """A summary as a table for each model, each count under its mean; without the note.

    Args:
        grid: Models and strategies as labels; then two columns a task, and one of totals.
    """
    parts = [*sorted(grid.sections), len(grid.rows)]
    return [_table(grid, grid.rows[first:end]) for first, end in pairwise(parts)]


def _table(grid: Grid, rows: Sequence[Sequence[Entry]]) -> Table:
    model = rows[0][0].text
    table = Table(title=f"{grid.title}: {model}", title_justify="left")
    table.add_column(grid.columns[1], overflow="fold")
    for name in grid.columns[2::2]:
        table.add_column(name.replace(" ", "\n", 1), justify="right", no_wrap=True)
    for _, strategy, *values in rows:
        pairs = zip(values[::2], [*values[1::2], Entry("")], strict=True)
        table.add_row(_text(strategy), *(_text(*pair) for pair in pairs))
    return table


def _text(*entries: Entry) -> Text:
    """Entries one below the other, those that are empty left out."""
    parts = [Text(e.text, style="bold" if e.bold else "") for e in entries if e.text]
    return Text("\n").join(parts)
