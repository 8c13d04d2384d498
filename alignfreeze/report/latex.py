"""A report as LaTeX that compiles, with the tables of booktabs."""

from collections.abc import Iterable, Sequence

from alignfreeze.base.tables import Cell, Table
from alignfreeze.report.notes import Remarks

SPECIAL = {
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


def latex(title: str, tables: Sequence[Table], remarks: Remarks, figures: Sequence[str]) -> str:
    """The whole report, a document of its own.

    Args:
        title: The title.
        tables: The tables.
        remarks: What else there is to say.
        figures: Paths of the figures as PDF, relative to the report.
    """
    parts = [PREAMBLE, rf"\title{{{escaped(title)}}}", r"\date{}", r"\begin{document}"]
    parts.append(r"\maketitle")
    parts += [table(own) for own in tables]
    for chapter, sections in remarks.items():
        parts.append(rf"\section*{{{escaped(chapter)}}}")
        if not sections:
            parts.append("Nothing.")
        for heading, lines in sections.items():
            items = "\n".join(rf"\item {escaped(line)}" for line in lines)
            parts += [
                rf"\subsection*{{{escaped(heading)}}}",
                "\\begin{itemize}\n\\sloppy\n" + items + "\n\\end{itemize}",
            ]
    parts += [_figure(path) for path in figures]
    return "\n\n".join([*parts, r"\end{document}"]) + "\n"


def table(own: Table) -> str:
    """A table that floats, as wide as the text at the most."""
    alignment = "l" * own.labels + "r" * (len(own.columns) - own.labels)
    lines = [r"\toprule", _line(Cell(name) for name in own.columns), r"\midrule"]
    for number, row in enumerate(own.rows):
        if number in own.sections and number:
            lines.append(r"\midrule")
        lines.append(_line(row))
    body = "\n".join([*lines, r"\bottomrule"])
    return (
        f"\\begin{{table}}[htbp]\n\\centering\n\\caption{{\\textbf{{{escaped(own.title)}.}} "
        f"{escaped(own.note)}}}\n\\label{{tab:{_label(own.stem)}}}\n"
        f"\\begin{{adjustbox}}{{{FITTED}}}\n\\begin{{tabular}}{{{alignment}}}\n{body}\n"
        "\\end{tabular}\n\\end{adjustbox}\n\\end{table}"
    )


def _figure(path: str) -> str:
    return (
        "\\begin{figure}[htbp]\n\\centering\n"
        f"\\includegraphics[{FITTED}]{{{path}}}\n\\end{{figure}}"
    )


def _line(cells: Iterable[Cell]) -> str:
    return " & ".join(_cell(cell) for cell in cells) + r" \\"


def _cell(cell: Cell) -> str:
    return rf"\textbf{{{escaped(cell.text)}}}" if cell.bold else escaped(cell.text)


def _label(stem: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in stem)


def escaped(text: str) -> str:
    """A text as LaTeX shows it; what its usual fonts lack becomes a question mark."""
    return "".join(SPECIAL.get(c) or (c if ord(c) < 0x180 else "?") for c in text)
