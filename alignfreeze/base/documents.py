"""Documents of tables, lists and figures, as HTML, Markdown and LaTeX, by jinja2."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from alignfreeze.base.tables import Table
from alignfreeze.messages import plain

MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\|*_`<>[]&~$#"})

_LINKS = re.compile(r"(?<=[A-Za-z])(?=://)|(?<=www)(?=\.)", re.IGNORECASE)
"""Where an address would become a link."""

_BLOCKS = re.compile(r"^(?:([-+=])(?=\s|$|[-=+])|(\d{1,9})([.)])(?=\s|$))")
"""How lists, lines and headings begin."""

LATEX = {
    "\\": r"\textbackslash{}",
    "`": r"\textasciigrave{}",
    **dict.fromkeys("ĦħĸĿŀŉŦŧſ", "?"),  # of its fonts' range, and not in them
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
    "‡": r"\textsuperscript{\ddag}",
    "–": r"\textendash{}",
    "×": r"$\times$",
    "ρ": r"$\rho$",
}

BRACES = ("block_start_string", "block_end_string", "variable_start_string", "variable_end_string")
LATEX_SYNTAX = dict(zip(BRACES, ("<%", "%>", "<<", ">>"), strict=True))
"""Marks of a template's own, as LaTeX has braces everywhere."""


@dataclass(frozen=True)
class Section:
    """A section of a document; what it has is shown in this order.

    Attributes:
        id: What links to it end with.
        heading: Its heading.
        text: Paragraphs.
        table: A table, whose title is not shown in HTML and Markdown, where its note stands below.
        lists: Items by the heading of their list.
        figures: By name: SVG elements in HTML, paths from the document elsewhere. They are taken as
            they are.
        captions: How to read a figure, by its name.
        parts: What belongs to it, and is folded in HTML; they have no parts of their own.
    """

    id: str
    heading: str
    text: Sequence[str] = ()
    table: Table | None = None
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence["Section"] = ()

    @property
    def flat(self) -> list["Section"]:
        """It, and its parts."""
        return [self, *self.parts]


MOST_ITEMS = 12
"""Items of a list above which HTML folds it."""


def html_page(title: str, sections: Sequence[Section], *, about: Sequence[str] = ()) -> str:
    """A page in one file that needs no network, and may not use it; ``about`` stands above all.

    Its one script sorts tables, folds groups of rows and opens figures large. Without it the page
    is whole. Nothing else in the page is run: it is known by its digest.
    """
    script = resources.files("alignfreeze.base").joinpath("templates/page.js").read_text("utf-8")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    shown = {"title": title, "sections": sections, "about": about, "most_items": MOST_ITEMS}
    shown |= {"script": script, "digest": digest, "size_of": _size_of}
    return _rendered("document.html", shown, finalize=_escaping(plain), autoescape=True)


def _size_of(svg: str) -> tuple[float, float] | None:
    """The width and the height of an SVG element, where it says both in pixels."""
    root = svg[: svg.find(">")]
    found = [re.search(rf'\s{name}="([\d.]+)"', root) for name in ("width", "height")]
    sizes = [float(size[1]) for size in found if size]
    return (sizes[0], sizes[1]) if len(sizes) == 2 else None


def markdown(title: str, sections: Sequence[Section]) -> str:
    """Markdown in which text is shown as it is; numbers of tables are to the right."""
    shown = {"title": title, "sections": sections}
    return _rendered("document.md", shown, finalize=_escaping(markdown_text))


def latex(title: str, sections: Sequence[Section]) -> str:
    """LaTeX that compiles as it is, with the tables of booktabs, which float."""
    flat = [part for section in sections for part in section.flat]
    shown = {"title": title, "sections": flat}
    return _rendered("document.tex", shown, finalize=_escaping(latex_text), **LATEX_SYNTAX)


def markdown_text(text: str) -> str:
    """A text on one line that Markdown shows as it is, wherever it stands."""
    text = plain(text).strip().translate(MARKDOWN)
    text = _BLOCKS.sub(lambda at: f"\\{at[1]}" if at[1] else f"{at[2]}\\{at[3]}", text)
    return _LINKS.sub(r"\\", text)


def latex_text(text: str) -> str:
    """A text on one line as LaTeX shows it; what its usual fonts lack becomes a question mark."""
    shown = "".join(LATEX.get(c) or (c if ord(c) < 0x180 else "?") for c in plain(text))
    return _ARGUMENT.sub(r"\1{\2}", _LIGATURES.sub(r"\g<0>{}", shown))


_ARGUMENT = re.compile(r"^(\s*)([\[*])")
"""What a command before it, such as that which ends a row, would take for its own."""

_LIGATURES = re.compile(r"-(?=-)|,(?=,)|'(?=')")
"""The first of two characters that LaTeX would draw as one."""


def _escaping(escaped: Callable[[str], str]) -> Callable[[Any], Any]:
    """What is done to all that a template shows and does not call safe."""
    return lambda value: value if hasattr(value, "__html__") else escaped(str(value))


def _rendered(name: str, shown: Mapping[str, Any], **settings: Any) -> str:
    environment = Environment(
        loader=PackageLoader("alignfreeze.base"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **settings,
    )
    return environment.get_template(name).render(shown)
