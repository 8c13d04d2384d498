"""A report as one page of HTML that needs no network."""

from collections.abc import Mapping, Sequence
from html import escape

from alignfreeze.report.remarks import Remarks
from alignfreeze.report.table import Entry, Grid

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 84rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .25rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { color: #555; margin: .25rem 0 .75rem; max-width: 48rem; }
nav ul { columns: 16rem; padding-left: 1.2rem; font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; }
th { font-weight: 600; border-bottom: 1px solid #666; vertical-align: bottom; }
.label { text-align: left; }
tr.section td { border-top: 1px solid #bbb; }
thead + tbody tr.section:first-child td { border-top: 0; }
li { overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 1.5rem 2rem; }
figure { margin: 0; overflow-x: auto; }
figure svg { max-width: 100%; height: auto; }
"""


def page(
    title: str,
    grids: Sequence[Grid],
    remarks: Remarks,
    figures: Mapping[str, str],
) -> str:
    """The whole report.

    Args:
        title: The heading.
        grids: The tables.
        remarks: What else there is to say.
        figures: SVG elements by stem.
    """
    parts = [f"<h1>{escape(title)}</h1>", _contents(grids, remarks, figures)]
    for grid in grids:
        parts.append(
            f'<section id="{escape(grid.stem)}"><h2>{escape(grid.title)}</h2>'
            f"<p>{escape(grid.note)}</p>{table(grid)}</section>"
        )
    parts += [_chapter(chapter, sections) for chapter, sections in remarks.items()]
    if figures:
        parts.append('<section id="figures"><h2>Figures</h2><div class="figures">')
        parts += [
            f'<figure id="{escape(stem)}" role="img" aria-label="{escape(stem)}">{svg}</figure>'
            for stem, svg in figures.items()
        ]
        parts.append("</div></section>")
    return _document(title, "\n".join(parts))


def _chapter(chapter: str, sections: Mapping[str, Sequence[str]]) -> str:
    parts = [f'<section id="{_id(chapter)}"><h2>{escape(chapter)}</h2>']
    if not sections:
        parts.append("<p>Nothing.</p>")
    for heading, lines in sections.items():
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        parts.append(f"<h3>{escape(heading)}</h3><ul>{items}</ul>")
    return "".join([*parts, "</section>"])


def _id(chapter: str) -> str:
    return chapter.lower().replace(" ", "-")


def _contents(grids: Sequence[Grid], remarks: Remarks, figures: Mapping[str, str]) -> str:
    links = {grid.stem: grid.title for grid in grids} | {_id(name): name for name in remarks}
    if figures:
        links["figures"] = "Figures"
    items = "".join(
        f'<li><a href="#{escape(stem)}">{escape(name)}</a></li>' for stem, name in links.items()
    )
    return f"<nav><ul>{items}</ul></nav>"


def table(grid: Grid) -> str:
    """A table that scrolls where it is wider than the window."""

    def mark(column: int) -> str:
        return ' class="label"' if column < grid.labels else ""

    heads = "".join(f"<th{mark(n)}>{escape(name)}</th>" for n, name in enumerate(grid.columns))
    rows = []
    for number, row in enumerate(grid.rows):
        section = ' class="section"' if number in grid.sections else ""
        cells = "".join(f"<td{mark(n)}>{_cell(entry)}</td>" for n, entry in enumerate(row))
        rows.append(f"<tr{section}>{cells}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(entry: Entry) -> str:
    return f"<b>{escape(entry.text)}</b>" if entry.bold else escape(entry.text)


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )
