"""Pages of HTML that need no network: tables, lists and figures, escaped by jinja2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined

from alignfreeze.base.tables import Table


@dataclass(frozen=True)
class Section:
    """A section of a page; what it has is shown in this order.

    Attributes:
        id: What links to it end with.
        heading: Its heading.
        text: Paragraphs.
        table: A table, whose title and note are not shown.
        lists: Items by the heading of their list.
        figures: SVG elements, which are taken as they are, by name.
    """

    id: str
    heading: str
    text: Sequence[str] = ()
    table: Table | None = None
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)


def html_page(title: str, sections: Sequence[Section], *, about: Sequence[str] = ()) -> str:
    """A page in one file, without a script.

    Args:
        title: The title, and the heading.
        sections: What is linked from the top.
        about: Paragraphs above that.
    """
    environment = Environment(
        loader=PackageLoader("alignfreeze.base"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("page.html")
    return template.render(title=title, sections=sections, about=about)
