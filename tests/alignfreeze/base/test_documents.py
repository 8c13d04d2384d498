"""Tables as HTML, Markdown and LaTeX: nothing breaks out of its place."""

import re

from alignfreeze.base.documents import Section, html_page, latex, latex_text, markdown
from alignfreeze.base.tables import Cell, Table

EVIL = "<i>&'x'"
SAFE = "&lt;i&gt;&amp;&#39;x&#39;"


def test_all_text_is_escaped_and_figures_are_not():
    table = Table("t", "", "", [EVIL, EVIL], [[Cell(EVIL), Cell(EVIL, bold=True)]])
    section = Section(EVIL, EVIL, [EVIL], table, {EVIL: [EVIL]}, {EVIL: "<svg></svg>"})
    page = html_page(EVIL, [section], about=[EVIL])
    assert "<i>" not in page
    # The title and the heading, the link, the section's heading and text; what is in it. And ids:
    # of the section, and of its heading, which the table refers to.
    assert page.count(SAFE) == 2 + 1 + 2 + 4 + 4 + 2 + 2 + 1
    assert f'<td class="label">{SAFE}</td><td><b>{SAFE}</b></td>' in page
    assert "><svg></svg></figure>" in page


def test_rows_are_marked_and_set_apart():
    rows = [[Cell(str(number))] for number in range(4)]
    table = Table("t", "", "", ["n"], rows, frozenset({1, 2}), labels=0, marked=frozenset({2, 3}))
    page = html_page("", [Section("s", "", table=table)])
    bodies = re.findall(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert [re.findall(r"<tr.*?>", body) for body in bodies] == [
        ["<tr>"],
        ["<tr>"],
        ['<tr class="marked">'] * 2,
    ]
    assert re.findall(r"<td>(\d)</td>", "".join(bodies)) == ["0", "1", "2", "3"]


def test_without_sections_there_is_nothing_to_link():
    assert "<nav>" not in html_page("title", [])


NASTY = r"a_b|c&d<e>$f%{g}\h~i^j*k`l[m]#n"
TABLE = Table(
    "stem",
    NASTY,
    "note 50 %",
    ["language", NASTY],
    [[Cell("de"), Cell("1.0", bold=True)], [Cell("fr"), Cell(NASTY)]],
    frozenset({1}),
)


def sections(kind: str) -> list[Section]:
    """A section of each kind; of the figures, what they are in a format."""
    return [
        Section("stem", NASTY, [TABLE.note], TABLE),
        Section("missing", "What is missing", lists={"Failed": [f"m: {NASTY}"]}),
        Section("none", "Without", ["Nothing."]),
        Section("figures", "Figures", figures={"x": kind}),
    ]


def test_markdown_shows_what_is_there():
    text = markdown("Title", sections("figures/x.svg"))
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 4
    # An escaped bar does not end a cell.
    assert all(line.replace("\\|", "").count("|") == 3 for line in table)
    assert table[1] == "| --- | ---: |"
    assert "**1.0**" in text
    assert "![x](figures/x.svg)" in text
    assert "## Without\n\nNothing.\n" in text


def test_latex_escapes_what_it_would_take_for_its_own():
    text = latex("Title", sections("figures/x_1.pdf"))
    for expected in (r"a\_b", r"c\&d", r"\$f\%\{g\}", r"\textbackslash{}h", r"\textasciitilde{}"):
        assert expected in text
    assert r"\textbf{1.0}" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert text.count(r"\midrule") == 2  # below the head, and between the sections
    assert "totalheight=0.8\\textheight]{figures/x_1.pdf}" in text
    assert "\\section*{Without}\n\nNothing.\n" in text
    assert latex_text("中−±ρ") == r"?$-$$\pm$$\rho$"


def test_labels_of_latex_tell_tables_apart_whatever_their_letters():
    stems = ("表_1", "图_1")
    text = latex("", [Section(s, "", table=Table(s, "", "", ["n"], [])) for s in stems])
    assert [rf"\label{{tab:{stem}-1}}" in text for stem in ("表", "图")] == [True, True]


def test_html_shows_them_too():
    text = html_page("<Title>", sections("<svg></svg>"))
    assert "<Title>" not in text.replace("<title>", "")
    assert "d&lt;e&gt;" in text
    assert "<b>1.0</b>" in text
    assert '<tbody>\n<tr><td class="label">fr</td>' in text
    assert '<figure id="x"' in text
