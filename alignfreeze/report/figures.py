"""All figures of a report, and their files."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alignfreeze.base.plotting import DPI, svg_document
from alignfreeze.report.correlates import Explanation
from alignfreeze.report.drawing import pages
from alignfreeze.report.figure_correlates import (
    MOST_SCATTERED,
    correlated,
    has_layer_correlations,
    layer_correlations_figure,
    scatter_figure,
    scattered,
)
from alignfreeze.report.figure_differences import difference_figure, has_differences
from alignfreeze.report.figure_heatmap import has_cells, heatmap_figure
from alignfreeze.report.figure_layers import (
    boundary_figure,
    has_boundaries,
    has_layers,
    layers_figure,
    measured_variants,
)
from alignfreeze.report.score_tables import ScoreTable, called

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compared(table: ScoreTable) -> list[str]:
    """Of any compared variant there is something to show, if only that a score is missing."""
    return table.compared


class Kind(NamedTuple):
    """How a model and task are drawn.

    Attributes:
        draw: Draws some variants of a table; ``None`` where there is nothing to show.
        shows: Whether a table has something to show.
        variants: What it shows of a table, beside what each of its figures has.
        most: How many variants a figure has at most, to be readable.
        caption: How to read it, with ``{reference}`` for what is compared with.
    """

    draw: "Callable[[ScoreTable, Sequence[str]], Figure | None]"
    shows: Callable[[ScoreTable], bool]
    variants: Callable[[ScoreTable], Sequence[str]]
    most: int
    caption: str


KINDS: Mapping[str, Kind] = {
    "differences": Kind(
        difference_figure,
        has_differences,
        compared,
        6,
        "Difference to {reference} by language, families together. Lines on bars: ± one standard "
        "deviation of the difference over seeds. Grey: ± one of {reference} itself.",
    ),
    "heatmap": Kind(
        heatmap_figure,
        has_cells,
        compared,
        11,
        "The same differences in points: blue is better than {reference}, red is worse. The last "
        "row is over the languages and seeds that both have.",
    ),
    "alignment": Kind(
        layers_figure,
        has_layers,
        measured_variants,
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
    """A figure that is yet to be drawn, what it is of, and how to read it.

    Attributes:
        draw: Draws it; another process can be sent this.
        table: The scores; ``None`` where it is of several tables.
        group: What its variants differ in, see `ScoreTable`.
        explains: Whether it is about what may explain the scores.
    """

    draw: "Callable[[], Figure | None]"
    caption: str
    table: ScoreTable | None = None
    group: str = ""
    explains: bool = False

    @property
    def figure(self) -> "Figure":
        """The figure, drawn anew each time."""
        figure = self.draw()
        assert figure is not None  # what shows nothing is not among them
        return figure


def report_figures(tables: Sequence[ScoreTable]) -> dict[str, Drawn]:
    """All figures of a report that have anything to show, by the stem of their files."""
    found: dict[str, Drawn] = {}
    for name, kind in KINDS.items():
        for table in filter(kind.shows, tables):
            for group, variants in pages(table, kind.variants(table), kind.most):
                stem = _stem(f"{name}-{table.model}-{table.task}", found)
                caption = kind.caption.format(reference=called(table.reference))
                found[stem] = Drawn(partial(kind.draw, table, variants), caption, table, group)
    swept = [table for table in tables if has_boundaries(table)]
    for first in range(0, len(swept), MOST_PANELS):
        draw = partial(boundary_figure, swept[first : first + MOST_PANELS])
        found[_stem(BOUNDARY, found)] = Drawn(draw, BOUNDARY_CAPTION)
    return found


def correlate_figures(explained: Sequence[Explanation]) -> dict[str, Drawn]:
    """Gains against what may explain them, by the stem of their files."""
    found: dict[str, Drawn] = {}
    for one in filter(has_layer_correlations, explained):
        stem = _stem(f"{CORRELATES}-{one.table.model}-{one.table.task}-layers", found)
        draw: Callable[[], Figure | None] = partial(layer_correlations_figure, one)
        found[stem] = Drawn(draw, LAYERS_CAPTION, one.table, explains=True)
    every = [(one, variant) for one in explained for variant in correlated(one)]
    for one, variant in every[:MOST_SCATTERED]:
        if scattered(one, variant):
            stem = _stem(f"{CORRELATES}-{one.table.model}-{one.table.task}-{variant}", found)
            draw = partial(scatter_figure, one, variant)
            found[stem] = Drawn(draw, CORRELATES_CAPTION, one.table, explains=True)
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
