"""All figures of a report, and their files."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alignfreeze.base.plotting import DPI, svg_document
from alignfreeze.report.figure_differences import difference_figure
from alignfreeze.report.figure_heatmap import heatmap_figure
from alignfreeze.report.figure_layers import boundary_figure, layers_figure
from alignfreeze.report.score_tables import ScoreTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {"differences": difference_figure, "heatmap": heatmap_figure, "alignment": layers_figure}
"""What is drawn of each model and task, by what the stem of its files begins with."""

BOUNDARY = "boundary"
"""The stem of the files of what is drawn of all together."""


def report_figures(tables: Sequence[ScoreTable]) -> "dict[str, Figure]":
    """All figures of a report that have anything to show, by the stem of their files."""
    figures: dict[str, Figure] = {}
    for kind, draw in KINDS.items():
        for table in tables:
            if (figure := draw(table)) is not None:
                figures[_stem(f"{kind}-{table.model}-{table.task}", figures)] = figure
    if (boundaries := boundary_figure(tables)) is not None:
        figures[BOUNDARY] = boundaries
    return figures


def drop_figures(folder: Path) -> None:
    """Remove the figures of an earlier report, which may have had other models and tasks."""
    for pattern in (*(f"{kind}-*" for kind in KINDS), f"{BOUNDARY}.*"):
        for file in folder.glob(pattern):
            if file.suffix in (".svg", ".pdf", ".png"):
                file.unlink()


def save_figure(figure: "Figure", folder: Path, stem: str) -> str:
    """Write a figure as SVG, PDF and PNG of a stem; the same figure gives the same bytes.

    Returns:
        The SVG.
    """
    from matplotlib import rc_context

    document = svg_document(figure, stem)
    (folder / f"{stem}.svg").write_text(document, encoding="utf-8", newline="\n")
    with rc_context({"pdf.fonttype": 42}):  # Type 3 fonts are refused by many publishers.
        figure.savefig(folder / f"{stem}.pdf", metadata={"CreationDate": None})
    figure.savefig(folder / f"{stem}.png", dpi=DPI)
    return document


def _stem(name: str, taken: "dict[str, Figure]") -> str:
    """A name as files can have it, that no other figure has."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    there = {stem.lower() for stem in taken}
    stems = (safe, *(f"{safe}-{number}" for number in range(2, len(taken) + 2)))
    return next(stem for stem in stems if stem.lower() not in there)
