"""A report as Markdown, as LaTeX that compiles, with the tables of booktabs, and as a page of HTML.

Each is made of the title, the tables, what else there is to say, and the figures: their paths
relative to the report, or for the page SVG elements by stem.
"""

from collections.abc import Iterable, Mapping, Sequence

from alignfreeze.base.html import Section, html_page
from alignfreeze.base.tables import Cell, Table
from alignfreeze.report.notes import Remarks

MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\|*_`<>[]"})

LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "†": r"\textsuperscript{\dag}",
    "–": "--",
    "×": r"$\times$",
}

PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage[export]{adjustbox}
"""

FITTED = r"max width=\textwidth,max totalheight=0.8\textheight"


def page(title: str, tables: Sequence[Table], remarks: Remarks, figures: Mapping[str, str]) -> str:
    """The whole report as a page that needs no network."""
    sections = [Section(t.stem, t.title, [t.note], table=t) for t in tables]
    for chapter, lists in remarks.items():
        name = chapter.lower().replace(" ", "-")
        sections.append(Section(name, chapter, [] if lists else ["Nothing."], lists=lists))
    if figures:
        sections.append(Section("figures", "Figures", figures=figures))
    return html_page(title, sections)


def markdown(title: str, tables: Sequence[Table], remarks: Remarks, figures: Sequence[str]) -> str:
    """The whole report as Markdown."""
    parts = [f"# {_plain(title)}"]
    for own in tables:
        parts += [f"## {_plain(own.title)}", _plain(own.note), _markdown_table(own)]
    for chapter, sections in remarks.items():
        parts += [f"## {chapter}", *([] if sections else ["Nothing."])]
        for heading, lines in sections.items():
            parts += [f"### {heading}", "\n".join(f"- {_plain(line)}" for line in lines)]
    if figures:
        parts.append("## Figures")
        parts += [f"![{path.rpartition('/')[2].partition('.')[0]}]({path})" for path in figures]
    return "\n\n".join(parts) + "\n"


def _markdown_table(own: Table) -> str:
    """A table; numbers are to the right."""
    rule = ["---" if n < own.labels else "---:" for n in range(len(own.columns))]
    lines = [[_plain(name) for name in own.columns], rule]
    for row in own.rows:
        lines.append([f"**{_plain(t)}**" if bold and t else _plain(t) for t, bold in row])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """A text that Markdown shows as it is."""
    return text.translate(MARKDOWN)


def latex(title: str, tables: Sequence[Table], remarks: Remarks, figures: Sequence[str]) -> str:
    """The whole report as a LaTeX document of its own."""
    parts = [PREAMBLE, rf"\title{{{escaped(title)}}}", r"\date{}", r"\begin{document}"]
    parts += [r"\maketitle", *map(_latex_table, tables)]
    for chapter, sections in remarks.items():
        parts += [rf"\section*{{{escaped(chapter)}}}", *([] if sections else ["Nothing."])]
        for heading, lines in sections.items():
            items = "\n".join(rf"\item {escaped(line)}" for line in lines)
            parts.append(rf"\subsection*{{{escaped(heading)}}}")
            parts.append("\\begin{itemize}\n\\sloppy\n" + items + "\n\\end{itemize}")
    for path in figures:
        image = f"\\includegraphics[{FITTED}]{{{path}}}"
        parts.append("\\begin{figure}[htbp]\n\\centering\n" + image + "\n\\end{figure}")
    return "\n\n".join([*parts, r"\end{document}"]) + "\n"


def _latex_table(own: Table) -> str:
    """A table that floats, as wide as the text at the most."""
    alignment = "l" * own.labels + "r" * (len(own.columns) - own.labels)
    lines = [r"\toprule", _latex_row(Cell(name) for name in own.columns), r"\midrule"]
    for number, row in enumerate(own.rows):
        lines += [r"\midrule"] if number in own.sections and number else []
        lines.append(_latex_row(row))
    body = "\n".join([*lines, r"\bottomrule"])
    label = "".join(character if character.isalnum() else "-" for character in own.stem)
    return (
        f"\\begin{{table}}[htbp]\n\\centering\n\\caption{{\\textbf{{{escaped(own.title)}.}} "
        f"{escaped(own.note)}}}\n\\label{{tab:{label}}}\n"
        f"\\begin{{adjustbox}}{{{FITTED}}}\n\\begin{{tabular}}{{{alignment}}}\n{body}\n"
        "\\end{tabular}\n\\end{adjustbox}\n\\end{table}"
    )


def _latex_row(cells: Iterable[Cell]) -> str:
    texts = [rf"\textbf{{{escaped(t)}}}" if bold else escaped(t) for t, bold in cells]
    return " & ".join(texts) + r" \\"


def escaped(text: str) -> str:
    """A text as LaTeX shows it; what its usual fonts lack becomes a question mark."""
    return "".join(LATEX.get(c) or (c if ord(c) < 0x180 else "?") for c in text)
