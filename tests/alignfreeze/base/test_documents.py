from alignfreeze.base.html import Section, html_page
from alignfreeze.base.tables import Cell, Table

EVIL = "<i>&'x'"
SAFE = "&lt;i&gt;&amp;&#39;x&#39;"


def test_all_text_is_escaped_and_figures_are_not():
    table = Table("t", "", "", [EVIL, EVIL], [[Cell(EVIL), Cell(EVIL, bold=True)]])
    section = Section(EVIL, EVIL, [EVIL], table, {EVIL: [EVIL]}, {EVIL: "<svg></svg>"})
    page = html_page(EVIL, [section], about=[EVIL])
    assert "<i>" not in page
    # The title and the heading, the link, the section's id, heading and text; what is in it.
    assert page.count(SAFE) == 2 + 1 + 2 + 3 + 4 + 2 + 2
    assert f'<td class="label">{SAFE}</td><td><b>{SAFE}</b></td>' in page
    assert "><svg></svg></figure>" in page


def test_rows_are_marked_and_set_apart():
    rows = [[Cell(str(number))] for number in range(4)]
    table = Table("t", "", "", ["n"], rows, frozenset({1, 2}), labels=0, marked=frozenset({2, 3}))
    page = html_page("", [Section("s", "", table=table)])
    classes = ("", ' class="section"', ' class="section marked"', ' class="marked"')
    assert all(f"<tr{text}><td>{n}</td></tr>" in page for n, text in enumerate(classes))


def test_without_sections_there_is_nothing_to_link():
    assert "<nav>" not in html_page("title", [])
