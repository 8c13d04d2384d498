"""Whatever the names and errors of runs are, a report has the structure that it has of others."""

from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from alignfreeze.cli.terminal import PlainConsole
from alignfreeze.report import writing
from alignfreeze.report.settings import ReportConfig
from alignfreeze.report.terminal import summary_tables

NASTY = [
    "a\n| b |\n\n# c\n",
    "<script>alert('x')</script></td>",
    "**b** `c` [d](javascript:e) ![f](g) $h$",
    "\\input{/etc/passwd} %^^41 & # _ {}",
    "=cmd|' /C calc'!A0",
    "[red]x[/red] [link=http://y]z[/link] \x1b[31m \u202e",
    '" onmouseover="x',
]

PARSER = MarkdownIt("commonmark").enable("table")


class Elements(HTMLParser):
    """The elements of a page with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")


@pytest.fixture
def structure(stored: Any, tmp_path: Path, monkeypatch: Any) -> Any:
    """Makes the report of runs with a name in all places, and tells how it is built."""
    monkeypatch.setattr(writing, "has_store", lambda: True)
    monkeypatch.setattr(writing, "report_figures", lambda _: {})

    def make(name: str) -> dict[str, Any]:
        names = {"model": f"owner/m{name}", "task": f"t{name}"}
        runs = [
            *(stored(s, seed, **names) for s in ("baseline", f"s{name}") for seed in (31, 42)),
            stored(f"s{name}", 66, status="FAILED", error=f"e{name}", **names),
        ]
        monkeypatch.setattr(writing, "stored_runs", lambda *_: runs)
        outcome = writing.make_report(ReportConfig(output=str(tmp_path)))
        terminal = StringIO()
        for table in summary_tables(outcome.summary):
            PlainConsole(file=terminal, width=400).print(table)
        read = {p.name: p.read_text("utf-8") for p in tmp_path.glob("report.*")}
        assert "\x1b" not in "".join(read.values()) + terminal.getvalue()
        return {
            "html": Elements(read["report.html"]).found,
            "markdown": [block.type for block in PARSER.parse(read["report.md"])],
            "latex": len(read["report.tex"].split("\n")),
            "terminal": len(terminal.getvalue().splitlines()),
        }

    return make


@pytest.mark.parametrize("name", NASTY)
def test_a_name_changes_no_structure(name: str, structure: Any) -> None:
    assert structure(name) == structure("")
