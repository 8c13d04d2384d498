"""Whatever a name is, documents show it as it is, and keep their structure."""

import re
from html.parser import HTMLParser
from io import StringIO

import pandas as pd
import pytest
from defusedxml import ElementTree
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from alignfreeze.base.documents import (
    LATEX,
    Section,
    html_page,
    latex,
    latex_text,
    markdown,
    markdown_text,
)
from alignfreeze.base.plotting import blank_figure, png_bytes, svg_document
from alignfreeze.base.tables import Cell, Table, csv_text
from alignfreeze.messages import plain

NASTY = [
    "a\nb|c",
    "| x |",
    "---",
    "- item",
    "+ item",
    "1. item",
    "12) item",
    "# heading #",
    "=== ",
    "> quoted",
    "```x```",
    "~~~",
    "~~gone~~",
    "![x](y)",
    "[x]: http://y",
    "<script>alert(1)</script>",
    "</td></table>",
    "<!-- x",
    "&amp; &lt; &#65;",
    "$x$ $$y$$",
    "*a* _b_ **c**",
    "http://example.org www.example.org me@example.org",
    "javascript:alert(1)",
    '" onload="x',
    "\\|\\\\|",
    "a\\",
    "\tcode",
    "    code",
    "\x00\x1b[31m\u202e\u2028\x85",
    "^^41 \\input{x} %% {}",
    "-- --- '' `` ,, ?` !`",
    "[red]x[/red] :smile:",
    "*",
    "[1cm]",
    "\ud800",
]
CHARACTERS = st.sampled_from("\\|*_`<>[]{}()#+-.!&~$^%=:;/@\"'?, \n\r\t\x00\x1b\u2028ab1ü中")
NAMES = st.one_of(st.sampled_from(NASTY), st.text(CHARACTERS, min_size=1, max_size=12))


def document(name: str) -> list[Section]:
    row = [Cell(name), Cell(name, bold=True), Cell("1.0")]
    table = Table("stem", name, name, ["model", name, name], [row, row], labels=1)
    return [Section("a", name, [name], table), Section("b", name, lists={name: [name, name]})]


def said(text: str) -> str:
    """A text as a reader sees it: blanks are one, and none at the ends."""
    return " ".join(plain(text).split())


class Page(HTMLParser):
    """The elements of a page, their texts, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {f"{name}={value}" for name, value in attrs}

    def handle_endtag(self, tag: str) -> None:
        self.elements.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(said(data))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


USUAL = Page(html_page("x", document("x")))


@given(NAMES)
def test_a_name_is_no_html(name: str) -> None:
    page = Page(html_page(name, document(name), about=[]))
    assert page.elements == USUAL.elements
    assert page.attributes == USUAL.attributes
    assert page.texts == [t for text in USUAL.texts if (t := said(name) if text == "x" else text)]


PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def parsed(text: str) -> tuple[list[str], list[str]]:
    """The blocks of a Markdown text, and what is read in each, with its marks."""
    blocks = PARSER.parse(text)
    return [b.type for b in blocks], [inline(b.children or []) for b in blocks if b.children]


def inline(tokens: list[Token]) -> str:
    known = {"strong_open": "<b>", "strong_close": "</b>", "softbreak": "\n"}
    shown = [known.get(t.type, t.content if t.type == "text" else f"<{t.type}>") for t in tokens]
    return said("".join(shown))


USUAL_BLOCKS, USUAL_TEXTS = parsed(markdown("x", document("x")))


@given(NAMES.filter(said))
@example("a\nb|c")
def test_a_name_is_no_markdown(name: str) -> None:
    blocks, texts = parsed(markdown(name, document(name)))
    assert blocks == USUAL_BLOCKS
    shown = {"x": said(name), "<b>x</b>": f"<b>{said(name)}</b>"}
    assert texts == [shown.get(text, text) for text in USUAL_TEXTS]


@pytest.mark.parametrize("text", ["http://a", "https://a", "www.a.org"])
def test_an_address_is_no_link(text: str) -> None:
    assert re.search(r"\w://|www\.", markdown_text(text)) is None


def test_usual_names_and_numbers_stay_readable() -> None:
    for text in (
        "xlm-roberta-base",
        "73.8 ± 0.3",
        "+1.2",
        "−0.4",
        "-0.4",
        "front (boundary 3), de",
    ):
        assert markdown_text(text) == text
        assert latex_text(text) == text.replace("±", r"$\pm$").replace("−", "$-$")
    assert latex_text("+0.1 [+0.0, +0.2]") == "+0.1 [+0.0, +0.2]"
    assert latex_text("[95 %]") == r"{[}95 \%]"


COMMANDS = {"{[}": "[", "{*}": "*", **{said: c for c, said in LATEX.items() if said != "?"}}
TOKEN = re.compile("|".join(map(re.escape, sorted(COMMANDS, key=len, reverse=True))) + r"|\{\}|.")


def typeset(text: str) -> str:
    """What LaTeX shows; anything that it would take for its own is an error."""
    shown = ""
    for token in TOKEN.findall(text):
        assert token in COMMANDS or token == "{}" or token not in "\\{}$&#^_~%|<>`", text
        shown += COMMANDS.get(token, "" if token == "{}" else token)
    return shown


@given(NAMES)
def test_a_name_is_no_latex(name: str) -> None:
    shown = latex_text(name)
    assert typeset(shown) == "".join(c if ord(c) < 0x180 else "?" for c in plain(name))
    assert re.search(r"--|,,|''|\n|^\s*[\[*]", shown) is None
    lines = latex(name, document(name)).split("\n")
    assert len(lines) == len(latex("x", document("x")).split("\n"))


@given(st.lists(NAMES.filter(lambda name: "\ud800" not in name and "\r" not in name), max_size=4))
def test_a_text_is_no_formula(names: list[str]) -> None:
    frame = pd.DataFrame({"name": [*names, "x"], "value": -0.5, "none": None})
    read = pd.read_csv(StringIO(csv_text(frame)), keep_default_na=False)
    assert list(read["value"]) == [-0.5] * len(frame)
    shown = [str(name) for name in read["name"] if not re.fullmatch(r"-\d[-\d.,]*", str(name))]
    assert not any(name.startswith(("=", "+", "-", "@", "\t")) for name in shown)
    assert all(
        str(n) in (was, f"'{was}") for n, was in zip(read["name"], frame["name"], strict=True)
    )


def test_numbers_of_a_table_are_no_formulas() -> None:
    frame = pd.DataFrame({"layer": ["-1", "-1,-2", "-2+3", "-1,=2", "12"]})
    assert csv_text(frame) == 'layer\n-1\n"-1,-2"\n\'-2+3\n"\'-1,=2"\n12\n'


@pytest.mark.filterwarnings("ignore:Glyph", "ignore:constrained_layout")
@settings(max_examples=10)
@given(NAMES)
@example("$\\frac{$")
@example("-->\x00<script>")
def test_a_name_is_no_formula_of_a_figure(name: str) -> None:
    figure = blank_figure(9, 4)
    axes = figure.add_subplot()
    axes.set_title(name)
    axes.set_xticks([0, 1], labels=[name, "b"])
    assert b"PNG" in png_bytes(figure)[:8]
    root = ElementTree.fromstring(svg_document(figure).partition("<svg")[2].join(["<svg", ""]))
    assert not [e for e in root.iter() if str(e.tag).endswith("script")]
