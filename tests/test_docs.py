"""The docs say what is so: commands, options, links and pages exist, and the site needs nobody."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
import yaml
from markdown_it import MarkdownIt

import alignfreeze
from alignfreeze import contracts, testing
from alignfreeze.cli.main import app
from tools import docs_pages

ROOT = Path(__file__).parent.parent
PLACES = ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/*.md")
TEXTS = sorted(path for place in PLACES for path in ROOT.glob(place))
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
ENTRY_POINTS = yaml.safe_load((ROOT / "MLproject").read_text("utf-8"))["entry_points"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

WIDEST = {"fence": 100, "code_block": 100, "code_inline": 80}
"""How many characters a line of a block has room for, and code in a line of text."""

LAUNCH = re.compile(r"^(?:torchrun .*? -m |\S*/)?(?=(alignfreeze|mlflow|make) )")
BLOCK = re.compile(r"^ *```(?:sh|bash|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


class Line(NamedTuple):
    """A line of a block of commands, continued ones put together."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


def commands(program: str) -> list[Line]:
    """All commands of a program in blocks of commands."""
    found = []
    for path in TEXTS:
        for block in BLOCK.findall(path.read_text("utf-8")):
            for text in block.replace("\\\n", " ").splitlines():
                launched = LAUNCH.match(text.strip())
                if launched and launched[1] == program:
                    line = text.strip()[launched.end() :]
                    found.append(Line(str(path.relative_to(ROOT)), line.partition(" #")[0]))
    return found


def options_of(words: list[str]) -> tuple[set[str], list[str]]:
    """The options of the command that words begin with, and the words that follow it."""
    command = typer.main.get_command(app)
    known = {option for param in command.params for option in param.opts}
    rest = list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
        known |= {o for param in command.params for o in (*param.opts, *param.secondary_opts)}
    assert not getattr(command, "commands", {}) or rest[:1] == ["--help"], f"no command: {words}"
    return known | {"--help"}, rest


@pytest.mark.parametrize("line", commands("alignfreeze"), ids=str)
def test_commands_and_their_options_exist(line):
    known, rest = options_of(shlex.split(line.text)[1:])
    given = [word.partition("=")[0] for word in rest if word.startswith("-")]
    assert {option.replace("_", "-") for option in given} <= known


@pytest.mark.parametrize("line", [c for c in commands("mlflow") if " run ." in c.text], ids=str)
def test_parameters_of_mlflow_run_are_options_of_its_command(line):
    words = shlex.split(line.text)
    entry = words[words.index("-e") + 1] if "-e" in words else "main"
    program, command, *_ = ENTRY_POINTS[entry]["command"].split()
    assert program == "alignfreeze"
    known, _ = options_of([command])
    given = re.findall(r"-P ([\w-]+)=", line.text)
    assert {f"--{name.replace('_', '-')}" for name in given} <= known


@pytest.mark.parametrize("line", commands("make"), ids=str)
def test_what_is_to_be_made_can_be(line):
    assert re.search(rf"^{shlex.split(line.text)[1]}:", MAKEFILE, re.MULTILINE)


def test_commands_are_found():
    for program in ("alignfreeze", "mlflow", "make"):
        assert {line.file for line in commands(program)} & {"README.md", "docs/one-gpu.md"}, program


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_to_them(path):
    targets = [match[3] for match in docs_pages.LINK.finditer(path.read_text("utf-8"))]
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_is_no_wider_than_a_page(path):
    tokens = MarkdownIt().parse(path.read_text("utf-8"))
    lines = [line for t in tokens if t.type in WIDEST for line in t.content.splitlines()]
    inline = [code for token in tokens for code in token.children or () if code.type in WIDEST]
    assert [line for line in lines if len(line) > WIDEST["fence"]] == []
    assert [c.content for c in inline if len(c.content) > WIDEST["code_inline"]] == []


def pages_in(nav: list) -> Iterator[str]:
    """All pages of the site's navigation."""
    for entry in nav:
        for value in entry.values():
            yield from pages_in(value) if isinstance(value, list) else [value]


def test_the_navigation_has_every_page_once():
    there = [str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md")]
    assert sorted(pages_in(SITE["nav"])) == sorted([*there, *docs_pages.PAGES])


def test_the_footguns_are_twenty():
    page = (ROOT / "docs" / "footguns.md").read_text("utf-8")
    sections = re.split(r"^### (\d+)\. ", page, flags=re.MULTILINE)[1:]
    assert [int(number) for number in sections[::2]] == list(range(1, 21))
    assert all("\n\n**Here** " in section for section in sections[1::2])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict"]
    done = subprocess.run(
        [*command, "--site-dir", folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_pages_get_nothing_from_elsewhere(site):
    fetched = r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//|"""
    fetched += r"""<link\b(?![^>]*rel=["']?(?:canonical|prev|next))[^>]*href=["']?(?:https?:)?//|"""
    fetched += r"""@import ["']?http|url\(["']?(?:https?:)?//"""
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(files) > 20
    assert [f.name for f in files if re.search(fetched, f.read_text("utf-8"))] == []


def test_formulas_are_mathml(site):
    page = (site / "method.html").read_text("utf-8")
    written = (ROOT / "docs" / "method.md").read_text("utf-8").count("\n$$\n") // 2
    assert page.count('<math display="block"') == written > 0
    assert "$" not in re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("page", "module"),
    [("api", alignfreeze), ("api-contracts", contracts), ("api-testing", testing)],
)
def test_the_reference_has_every_public_name(site, page, module):
    found = set(re.findall(r' id="([\w.]+)"', (site / f"{page}.html").read_text("utf-8")))
    public = {name for name in module.__all__ if not name.startswith("_")}
    assert {f"{module.__name__}.{name}" for name in public} <= found


def test_examples_in_the_reference_are_code(site):
    page = (site / "api.html").read_text("utf-8")
    assert len(re.findall(r">Example:</span></p>\s*<div[^>]*><pre>", page)) > 5
    assert not re.search(r'class="example"|<blockquote>', page)


def test_links_out_of_the_docs_hold_on_the_site():
    def shown(text: str, source: str = "docs/data.md", address: str | None = "https://x.example/y"):
        return docs_pages.relinked(text, source, address)

    assert shown("[a](speed.md#options)") == "[a](speed.md#options)"
    assert shown("[a](../CONTRIBUTING.md#style)") == "[a](contributing.md#style)"
    assert shown("[a](../examples/plugin)") == "[a](https://x.example/y/blob/main/examples/plugin)"
    assert shown("[`a`](../examples/plugin)", address=None) == "`a`"
    assert shown("[a](docs/data.md), [b](LICENSE)", "README.md", None) == "[a](data.md), b"
    assert shown("![a](../docs/figures/growth.png)", "benchmarks/RESULTS.md") == (
        "![a](figures/growth.png)"
    )
    for untouched in ("[a](https://z.example/b.md)", "[a](#b)", "[a](../nowhere.md)"):
        assert shown(untouched) == untouched


def test_the_citation_has_what_the_format_asks_for():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert cited["license"] == "Apache-2.0"
    paper = cited["preferred-citation"]
    for work in (cited, paper):
        assert work["title"]
        for author in work["authors"]:
            assert set(author) in ({"name"}, {"given-names", "family-names"})
    assert cited["message"]
    assert paper["type"] == "conference-paper"
    assert re.fullmatch(r"10\.\d{4,}/\S+", paper["doi"])


def test_what_is_cited_is_the_newest_release():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert cited["version"] == project["version"]
    assert cited["repository-code"] == project["urls"]["Repository"]
    released = f"## {cited['version']} - {cited['date-released']}\n"
    assert released in (ROOT / "CHANGELOG.md").read_text("utf-8")
