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
    return [_of_model(summary, *ends) for ends in pairwise([*begins, len(summary.rows)])]


def _of_model(summary: Table, first: int, end: int) -> RichTable:
    """The rows ``[first, end)``, with the columns that have something: totals lack most."""
    rows = dict(enumerate(summary.rows[first:end], first))
    title = plain(f"{summary.title}: {summary.rows[first][0].text}")
    table = RichTable(title=title, title_justify="left", pad_edge=False, **STYLE)
    name, *numbers = range(summary.labels - 1, len(summary.columns))
    table.add_column(summary.columns[name], overflow="fold")
    shown = [n for n in numbers if any(row[n].text for row in rows.values())]
    for column in shown:
        head = plain(summary.columns[column]).replace(" ", "\n", 1)
        table.add_column(head, justify="right", no_wrap=True)
    for number, row in rows.items():
        if task := row[1].text:  # is a line of its own above its strategies
            table.add_section()
            table.add_row(Text(plain(task), style="italic", no_wrap=True))
        if number in summary.groups:
            table.add_row(Text(plain(summary.groups[number]), style="dim italic"))
        cells = (row[n] for n in (name, *shown))
        table.add_row(*(Text(plain(cell.text), "bold" if cell.bold else "") for cell in cells))
    return table
