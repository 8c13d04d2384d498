"""A report as Markdown."""

from collections.abc import Sequence

from alignfreeze.base.tables import Cell, Table
from alignfreeze.report.notes import Remarks

SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\|*_`<>[]"})


def markdown(title: str, tables: Sequence[Table], remarks: Remarks, figures: Sequence[str]) -> str:
    """The whole report.

    Args:
        title: The heading.
        tables: The tables.
        remarks: What else there is to say.
        figures: Paths of the figures, relative to the report.
    """
    parts = [f"# {escaped(title)}"]
    for own in tables:
        parts += [f"## {escaped(own.title)}", escaped(own.note), table(own)]
    for chapter, sections in remarks.items():
        parts.append(f"## {chapter}")
        if not sections:
            parts.append("Nothing.")
        for heading, lines in sections.items():
            parts += [f"### {heading}", "\n".join(f"- {escaped(line)}" for line in lines)]
    if figures:
        parts.append("## Figures")
        parts += [f"![{path.rpartition('/')[2].partition('.')[0]}]({path})" for path in figures]
    return "\n\n".join(parts) + "\n"


def table(own: Table) -> str:
    """A table; numbers are to the right."""
    rule = ["---" if n < own.labels else "---:" for n in range(len(own.columns))]
    lines = [[escaped(name) for name in own.columns], rule]
    lines += [[_cell(cell) for cell in row] for row in own.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(cell: Cell) -> str:
    return f"**{escaped(cell.text)}**" if cell.bold and cell.text else escaped(cell.text)


def escaped(text: str) -> str:
    """A text that Markdown shows as it is."""
    return text.translate(SPECIAL)
