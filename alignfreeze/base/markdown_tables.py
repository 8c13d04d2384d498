"""Tables of the terminal as Markdown."""

from rich.table import Table

from alignfreeze.base.documents import markdown_text

GAP = "\N{NO-BREAK SPACE}" * 3
"""Before a cell: MLflow shows columns without any distance."""


def markdown_of(table: Table) -> str:
    """A table as Markdown, below its title and above its caption, with the same text."""
    columns = [[_cell(column.header), *map(_cell, column.cells)] for column in table.columns]
    head, *rows = zip(*columns, strict=True)
    rule = ["---:" if column.justify == "right" else "---" for column in table.columns]
    parts = [f"**{_cell(table.title)}**"] if table.title else []
    lines = [f"| {f' | {GAP}'.join(line)} |" for line in (head, *rows)]
    parts.append("\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]]))
    parts += [_cell(table.caption)] if table.caption else []
    return "\n\n".join(parts)


def _cell(shown: object) -> str:
    """What stands in a cell, on one line; a `rich.text.Text` without its colours."""
    return markdown_text(" ".join(str(shown).split()))
