"""A report's summary for the terminal, where 80 columns have to do."""

from itertools import pairwise
from typing import Any

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from alignfreeze.base.tables import Table
from alignfreeze.messages import plain

STYLE: dict[str, Any] = {"box": box.SIMPLE_HEAD, "show_edge": False, "padding": (0, 1, 0, 0)}


def summary_tables(summary: Table) -> list[RichTable]:
    """A summary as a table for each model, which the first of its rows names, without the note."""
    begins = [number for number, row in enumerate(summary.rows) if row[0].text]
    tables = []
    for first, end in pairwise([*begins, len(summary.rows)]):
        title = plain(f"{summary.title}: {summary.rows[first][0].text}")
        table = RichTable(title=title, title_justify="left", pad_edge=False, **STYLE)
        table.add_column(summary.columns[summary.labels - 1], overflow="fold")
        for name in summary.columns[summary.labels :]:
            table.add_column(plain(name).replace(" ", "\n", 1), justify="right", no_wrap=True)
        for _, task, *row in summary.rows[first:end]:
            if task.text:  # is a line of its own above its strategies
                table.add_section()
                table.add_row(Text(plain(task.text), style="italic", no_wrap=True))
            table.add_row(*(Text(plain(text), "bold" if bold else "") for text, bold in row))
        tables.append(table)
    return tables
