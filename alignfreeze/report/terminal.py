"""A report's tables for the terminal."""

from rich.table import Table
from rich.text import Text

from alignfreeze.report.grids import Entry, Grid


def rich_table(grid: Grid) -> Table:
    """A table with its note below."""
    table = Table(title=grid.title, title_justify="left", caption=grid.note, caption_justify="left")
    for number, name in enumerate(grid.columns):
        table.add_column(
            name.replace(" ", "\n", 1),
            justify="left" if number < grid.labels else "right",
            no_wrap=True,
        )
    for number, row in enumerate(grid.rows):
        last = number + 1 in grid.sections or number + 1 == len(grid.rows)
        table.add_row(*(_cell(entry) for entry in row), end_section=last)
    return table


def _cell(entry: Entry) -> Text:
    return Text(entry.text, style="bold" if entry.bold else "")
