"""Tables as Markdown, LaTeX, HTML and for the terminal: nothing breaks out of its place."""

from rich.console import Console

from alignfreeze.base.tables import Cell, Table
from alignfreeze.report.terminal import summary_tables
from alignfreeze.report.texts import escaped, latex, markdown, page

NASTY = r"a_b|c&d<e>$f%{g}\h~i^j*k`l[m]#n"
TABLE = Table(
    "stem",
    NASTY,
    "note 50 %",
    ["language", NASTY],
    [[Cell("de"), Cell("1.0", bold=True)], [Cell("fr"), Cell(NASTY)]],
    frozenset({1}),
)
REMARKS = {"What is missing": {"Failed": [f"m: {NASTY}"]}}
NOTHING = {"What is missing": {}}


def test_markdown_shows_what_is_there():
    text = markdown("Title", [TABLE], REMARKS, ["figures/x.svg"])
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 4
    # An escaped bar does not end a cell.
    assert all(line.replace("\\|", "").count("|") == 3 for line in table)
    assert "**1.0**" in text
    assert "![x](figures/x.svg)" in text
    assert "Nothing." in markdown("Title", [TABLE], NOTHING, [])


def test_latex_escapes_what_it_would_take_for_its_own():
    text = latex("Title", [TABLE], REMARKS, ["figures/x.pdf"])
    for expected in (r"a\_b", r"c\&d", r"\$f\%\{g\}", r"\textbackslash{}h", r"\textasciitilde{}"):
        assert expected in text
    assert r"\textbf{1.0}" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert text.count(r"\midrule") == 2  # below the head, and between the sections
    assert r"\includegraphics" in text
    assert escaped("中−±") == r"?$-$$\pm$"


def test_html_escapes_too():
    text = page("<Title>", [TABLE], REMARKS, {"x": "<svg></svg>"})
    assert "<Title>" not in text.replace("<title>", "")
    assert "d&lt;e&gt;" in text
    assert "<b>1.0</b>" in text
    assert '<tr class="section"><td class="label">fr</td>' in text
    assert '<figure id="x"' in text


def test_the_terminal_has_a_table_for_each_model():
    columns = ["model", "task", "strategy", "targets", "difference [95 %]", "en (source)", "change"]
    columns.append("↓ ↑")
    values = ["77.0 ± 1.2†", "+10.7 [−12.1, +15.4]", "96.3 ± 0.2", "+10.2", "↓10 ↑24†"]
    texts = [
        ["m", "pos accuracy", "none", *values],
        ["", "ner accuracy", "none, temperature=0.5", *values],
        ["n", "pos accuracy", "front(boundary=3)", *values],
    ]
    rows = [[Cell(text) for text in row] for row in texts]
    grid = Table("summary", "Summary", "read", columns, rows, frozenset({0, 1, 2}), labels=3)
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as capture:
        for table in summary_tables(grid):
            console.print(table)
    text = capture.get()
    assert text.index("Summary: m") < text.index("Summary: n")
    assert max(map(len, text.splitlines())) <= 80
    for value in values:
        assert text.count(value) == 3
