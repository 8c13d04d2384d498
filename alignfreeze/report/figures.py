"""All figures of a report, and their files."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alignfreeze.base.plotting import DPI, svg_document
from alignfreeze.report.correlates import Explanation
from alignfreeze.report.drawing import pages
from alignfreeze.report.figure_correlates import (
    MOST_SCATTERED,
    correlated,
    layer_correlations_figure,
    scatter_figure,
)
from alignfreeze.report.figure_differences import difference_figure
from alignfreeze.report.figure_heatmap import heatmap_figure
from alignfreeze.report.figure_layers import boundary_figure, has_boundaries, layers_figure
from alignfreeze.report.score_tables import ScoreTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Kind(NamedTuple):
    """How a model and task are drawn.

    Attributes:
        draw: Draws some variants of a table; ``None`` where there is nothing to show.
        most: How many variants a figure has at most, to be readable.
        caption: How to read it.
    """

    draw: "Callable[[ScoreTable, Sequence[str]], Figure | None]"
    most: int
    caption: str


KINDS: Mapping[str, Kind] = {
    "differences": Kind(
        difference_figure,
        6,
        "Difference to the baseline by language, families together. Lines on bars: ± one standard "
        "deviation of the difference over seeds. Grey: ± one of the baseline itself.",
    ),
    "heatmap": Kind(
        heatmap_figure,
        11,
        "The same differences in points: blue is better than the baseline, red is worse. The last "
        "row is over the languages and seeds that both have.",
    ),
    "alignment": Kind(
        layers_figure,
        8,
        "How many words have their translation as the nearest of all, by layer, after realignment "
        "and before fine-tuning.",
    ),
}
"""What is drawn of each model and task, by what the stem of its files begins with."""

BOUNDARY = "boundary"
"""What the stems begin with of what is drawn of all models and tasks together."""

MOST_PANELS = 9
"""Models and tasks in one figure of boundaries."""

BOUNDARY_CAPTION = (
    "Mean over target languages by the boundary at which a strategy freezes, with ± one standard "
    "deviation over seeds. Dashed: the baseline, and what freezes nothing."
)


CORRELATES = "correlates"
"""What the stems begin with of what is drawn of gains and what may explain them."""

CORRELATES_CAPTION = (
    "Gain over the baseline against what may explain it, a point a language; ρ is Spearman's rank "
    "correlation."
)

LAYERS_CAPTION = (
    "Rank correlation of the gain with what was measured at each layer, over languages. Lines: 95 "
    "% intervals, of each alone."
)


@dataclass(frozen=True)
class Drawn:
    """A figure, what it is of, and how to read it.

    Attributes:
        table: The scores; ``None`` where it is of several tables.
        group: What its variants differ in, see `ScoreTable`.
        explains: Whether it is about what may explain the scores.
    """

    figure: "Figure"
    caption: str
    table: ScoreTable | None = None
    group: str = ""
    explains: bool = False


def report_figures(tables: Sequence[ScoreTable]) -> dict[str, Drawn]:
    """All figures of a report that have anything to show, by the stem of their files."""
    found: dict[str, Drawn] = {}
    for name, kind in KINDS.items():
        for table in tables:
            for group, variants in pages(table, table.compared or table.variants, kind.most):
                if (figure := kind.draw(table, variants)) is not None:
                    stem = _stem(f"{name}-{table.model}-{table.task}", found)
                    found[stem] = Drawn(figure, kind.caption, table, group)
    swept = [table for table in tables if has_boundaries(table)]
    for first in range(0, len(swept), MOST_PANELS):
        if (figure := boundary_figure(swept[first : first + MOST_PANELS])) is not None:
            found[_stem(BOUNDARY, found)] = Drawn(figure, BOUNDARY_CAPTION)
    return found


def correlate_figures(explained: Sequence[Explanation]) -> dict[str, Drawn]:
    """Gains against what may explain them, by the stem of their files."""
    found: dict[str, Drawn] = {}
    for one in explained:
        if (figure := layer_correlations_figure(one)) is not None:
            stem = _stem(f"{CORRELATES}-{one.table.model}-{one.table.task}-layers", found)
            found[stem] = Drawn(figure, LAYERS_CAPTION, one.table, explains=True)
    scattered = [(one, variant) for one in explained for variant in correlated(one)]
    for one, variant in scattered[:MOST_SCATTERED]:
        if (figure := scatter_figure(one, variant)) is not None:
            stem = _stem(f"{CORRELATES}-{one.table.model}-{one.table.task}-{variant}", found)
            found[stem] = Drawn(figure, CORRELATES_CAPTION, one.table, explains=True)
    return found


def drop_figures(folder: Path) -> None:
    """Remove the figures of an earlier report, which may have had other models and tasks."""
    named = (f"{kind}-*" for kind in (*KINDS, CORRELATES, BOUNDARY))
    for pattern in (*named, f"{BOUNDARY}.*"):
        for file in folder.glob(pattern):
            if file.suffix in (".svg", ".pdf", ".png"):
                file.unlink()


def save_figure(figure: "Figure", folder: Path, stem: str) -> str:
    """Write a figure as PDF, PNG and SVG, which is returned; each time the same bytes."""
    from matplotlib import rc_context

    document = svg_document(figure, stem)
    (folder / f"{stem}.svg").write_text(document, encoding="utf-8", newline="\n")
    with rc_context({"pdf.fonttype": 42}):  # Type 3 fonts are refused by many publishers.
        figure.savefig(folder / f"{stem}.pdf", metadata={"CreationDate": None})
    figure.savefig(folder / f"{stem}.png", dpi=DPI)
    return document


def _stem(name: str, taken: Mapping[str, object]) -> str:
    """A name as files can have it, that no other figure has."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    there = {stem.lower() for stem in taken}
    stems = (safe, *(f"{safe}-{number}" for number in range(2, len(taken) + 2)))
    return next(stem for stem in stems if stem.lower() not in there)
