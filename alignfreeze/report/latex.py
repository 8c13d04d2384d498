"""A report as LaTeX that compiles, with the tables of booktabs."""

from collections.abc import Iterable, Sequence

from alignfreeze.report.remarks import Remarks
from alignfreeze.report.table import Entry, Grid

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


def latex(title: str, grids: Sequence[Grid], remarks: Remarks, figures: Sequence[str]) -> str:
    """The whole report, a document of its own.

    Args:
        title: The title.
        grids: The tables.
        remarks: What else there is to say.
        figures: Paths of the figures as PDF, relative to the report.
    """
    parts = [PREAMBLE, rf"\title{{{escaped(title)}}}", r"\date{}", r"\begin{document}"]
    parts.append(r"\maketitle")
    parts += [table(grid) for grid in grids]
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


def table(grid: Grid) -> str:
    """A table that floats, as wide as the text at the most."""
    alignment = "l" * grid.labels + "r" * (len(grid.columns) - grid.labels)
    lines = [r"\toprule", _line(Entry(name) for name in grid.columns), r"\midrule"]
    for number, row in enumerate(grid.rows):
        if number in grid.sections and number:
            lines.append(r"\midrule")
        lines.append(_line(row))
    body = "\n".join([*lines, r"\bottomrule"])
    return (
        f"\\begin{{table}}[htbp]\n\\centering\n\\caption{{\\textbf{{{escaped(grid.title)}.}} "
        f"{escaped(grid.note)}}}\n\\label{{tab:{_label(grid.stem)}}}\n"
        f"\\begin{{adjustbox}}{{{FITTED}}}\n\\begin{{tabular}}{{{alignment}}}\n{body}\n"
        "\\end{tabular}\n\\end{adjustbox}\n\\end{table}"
    )


def _figure(path: str) -> str:
    return (
        "\\begin{figure}[htbp]\n\\centering\n"
        f"\\includegraphics[{FITTED}]{{{path}}}\n\\end{{figure}}"
    )


def _line(entries: Iterable[Entry]) -> str:
    return " & ".join(_cell(entry) for entry in entries) + r" \\"


def _cell(entry: Entry) -> str:
    return rf"\textbf{{{escaped(entry.text)}}}" if entry.bold else escaped(entry.text)


def _label(stem: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in stem)


def escaped(text: str) -> str:
    """A text as LaTeX shows it; what its usual fonts lack becomes a question mark."""
    return "".join(SPECIAL.get(c) or (c if ord(c) < 0x180 else "?") for c in text)
