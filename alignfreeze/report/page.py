"""A report as one page of HTML that needs no network."""

from collections.abc import Mapping, Sequence

from alignfreeze.base.html import Section, html_page
from alignfreeze.base.tables import Table
from alignfreeze.report.notes import Remarks


def page(title: str, tables: Sequence[Table], remarks: Remarks, figures: Mapping[str, str]) -> str:
    """The whole report.

    Args:
        title: The heading.
        tables: The tables.
        remarks: What else there is to say.
        figures: SVG elements by stem.
    """
    sections = [Section(t.stem, t.title, [t.note], table=t) for t in tables]
    for chapter, lists in remarks.items():
        nothing = [] if lists else ["Nothing."]
        name = chapter.lower().replace(" ", "-")
        sections.append(Section(name, chapter, nothing, lists=lists))
    if figures:
        sections.append(Section("figures", "Figures", figures=figures))
    return html_page(title, sections)
