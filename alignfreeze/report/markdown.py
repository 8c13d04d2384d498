"""A report as Markdown."""

from collections.abc import Sequence

from alignfreeze.report.remarks import Remarks
from alignfreeze.report.table import Entry, Grid

SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\|*_`<>[]"})


def markdown(title: str, grids: Sequence[Grid], remarks: Remarks, figures: Sequence[str]) -> str:
    """The whole report.

    Args:
        title: The heading.
        grids: The tables.
        remarks: What else there is to say.
        figures: Paths of the figures, relative to the report.
    """
    parts = [f"# {escaped(title)}"]
    for grid in grids:
        parts += [f"## {escaped(grid.title)}", escaped(grid.note), table(grid)]
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


def table(grid: Grid) -> str:
    """A table; numbers are to the right."""
    rule = ["---" if n < grid.labels else "---:" for n in range(len(grid.columns))]
    lines = [[escaped(name) for name in grid.columns], rule]
    lines += [[_cell(entry) for entry in row] for row in grid.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(entry: Entry) -> str:
    return f"**{escaped(entry.text)}**" if entry.bold and entry.text else escaped(entry.text)


def escaped(text: str) -> str:
    """A text that Markdown shows as it is."""
    return text.translate(SPECIAL)
