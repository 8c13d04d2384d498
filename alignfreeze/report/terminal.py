"""A report's summary for the terminal, where 80 columns have to do."""

from itertools import pairwise
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from alignfreeze.report.table import Entry, Grid


def summary_tables(grid: Grid) -> list[Table]:
    """A summary as a table for each model, without the note.

    Args:
        grid: Models, tasks and strategies as labels; a model is named in the first of its rows.
    """
    begins = [number for number, row in enumerate(grid.rows) if row[0].text]
    return [_table(grid, first, end) for first, end in pairwise([*begins, len(grid.rows)])]


def _table(grid: Grid, first: int, end: int) -> Table:
    """The rows of a model; each task is a line of its own above its strategies."""
    style: dict[str, Any] = {"box": box.SIMPLE_HEAD, "show_edge": False, "padding": (0, 1, 0, 0)}
    title = f"{grid.title}: {grid.rows[first][0].text}"
    table = Table(title=title, title_justify="left", pad_edge=False, **style)
    table.add_column(grid.columns[grid.labels - 1], overflow="fold")
    for name in grid.columns[grid.labels :]:
        table.add_column(name.replace(" ", "\n", 1), justify="right", no_wrap=True)
    for _, task, *row in grid.rows[first:end]:
        if task.text:
            table.add_section()
            table.add_row(Text(task.text, style="italic", no_wrap=True))
        table.add_row(*(_text(entry) for entry in row))
    return table


def _text(entry: Entry) -> Text:
    return Text(entry.text, style="bold" if entry.bold else "")
