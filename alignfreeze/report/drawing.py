"""What the figures of a report have in common."""

from collections.abc import Collection, Sequence
from itertools import groupby
from statistics import stdev
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from alignfreeze.base.plotting import COLOURS, annotate, as_written, blank_figure, legend_below
from alignfreeze.report.language_families import family
from alignfreeze.report.score_tables import ScoreTable, differing_in

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, DOUBLE = 3.4, 7.0
"""Widths of one and of two columns of a paper, in inches."""

SMALL, TITLE = 7, 8
"""Sizes of text, in points."""

CHARACTER = 0.058
"""How wide a character of small text is, in inches, rather too wide than too narrow."""

PALETTE = (*COLOURS, "#332288", "#882255")
"""A colour each for as many variants as a report compares."""

LEAST = 0.5
"""Points that an axis or a scale shows at least on either side: less is no difference."""

SEEDS = "± deviation over seeds"

LINE_GREY, ERRORS = "#999999", "#333333"


def new_figure(title: str, width: float, height: float) -> "Figure":
    """An empty figure of a size in inches; its title is broken where it is too wide."""
    figure = blank_figure(width, height)
    if title:
        characters = int(width / (CHARACTER * TITLE / SMALL))
        as_written(figure.suptitle(fill(title, characters), fontsize=TITLE))
    return figure


def pages(table: ScoreTable, variants: Sequence[str], most: int) -> list[tuple[str, list[str]]]:
    """Variants that are drawn together, each with its group.

    They are of one group each, and at most ``most``: of a larger group about as many a page.
    """
    found: list[tuple[str, list[str]]] = []
    for group, own in table.grouped.items():
        shown = [variant for variant in own if variant in variants]
        size = -(-len(shown) // -(-len(shown) // most)) if shown else 1
        found += [(group, shown[at : at + size]) for at in range(0, len(shown), size)]
    return found


def title_of(table: ScoreTable, variants: Sequence[str], title: str) -> str:
    """A figure's title, and in what its variants differ from the others of the table."""
    groups = {table.groups.get(variant, "") for variant in variants}
    if len(groups) > 1 or groups <= {""}:
        return title
    return f"{title}: {differing_in(*groups)}"


def settled(figure: "Figure") -> "Figure":
    """The figure with all in its place: else each drawing of it would move things a little."""
    from matplotlib import rc_context

    engine = figure.get_layout_engine()
    if engine is None:
        return figure
    engine.execute(figure)
    engine.execute(figure)
    # "none" would leave an engine that does nothing, for which every file is drawn twice.
    with rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)
    return figure


def points(table: ScoreTable, variant: str, language: str | None = None) -> float | None:
    """The difference to the reference in points, of averages by default; ``None`` without any."""
    difference = table.comparison(variant, language).difference
    return None if difference is None else 100 * difference


def error(table: ScoreTable, variant: str, language: str) -> float | None:
    """Sample deviation of the difference over seeds that both have, in points; of two at least."""
    found = table.comparison(variant, language).differences.values()
    return 100 * stdev(found) if len(found) > 1 else None


def colour(number: int) -> str:
    """The colour of a variant by its place."""
    return PALETTE[number % len(PALETTE)]


def spans(languages: Sequence[str]) -> list[tuple[str, int, int]]:
    """Families of languages that are in order, with their first and last place."""
    groups = groupby(range(len(languages)), key=lambda place: family(languages[place]))
    places = {name: list(own) for name, own in groups}
    return [(name, own[0], own[-1]) for name, own in places.items()]


def add_legend(
    figure: "Figure",
    panels: "Sequence[Axes]",
    *,
    without: Collection[str] = (),
    last: Collection[str] = (),
) -> None:
    """What panels show, each name once, below the figure in as few rows as fit.

    Names in ``without`` are said elsewhere; those in ``last`` stand behind what error bars are.
    """
    from matplotlib.container import ErrorbarContainer
    from matplotlib.lines import Line2D

    found: dict[str, Artist] = {}
    for panel in panels:
        for handle, name in zip(*panel.get_legend_handles_labels(), strict=True):
            line = handle.lines[0] if isinstance(handle, ErrorbarContainer) else handle
            found.setdefault(name, line)
    bars = [c for p in panels for c in p.containers if isinstance(c, ErrorbarContainer)]
    style: dict[str, Any] = {"linestyle": "none", "markersize": 8, "color": ERRORS}
    if any(container.has_yerr for container in bars):
        found[SEEDS] = Line2D([], [], marker="|", **style)
    names = [name for name in found if name not in (*without, *last)]
    names += [name for name in last if name in found]
    if not names:
        return
    widths = [len(name) * CHARACTER + 0.4 for name in names]
    # The most columns that fit, without one that the same number of rows does not need.
    fitting = (
        columns
        for columns in (-(-len(names) // rows) for rows in range(1, len(names)))
        if sum(map(max, np.array_split(widths, columns))) <= figure.get_figwidth()
    )
    style = {"handlelength": 2, "columnspacing": 1.2, "labelspacing": 0.3}
    style |= {"ncols": next(fitting, 1), "borderaxespad": 0.2}
    legend_below(figure, [found[name] for name in names], names, size=SMALL, **style)


def name_languages(panel: "Axes", languages: Sequence[str], *, slot: float) -> None:
    """Codes below the axis, and below them families with a line over their languages.

    Args:
        panel: Where the languages are at 0, 1, 2, ..., those of a family beside each other.
        languages: In order.
        slot: How wide the place of a language is, in inches.
    """
    from matplotlib.transforms import ScaledTranslation

    longest = max(map(len, languages))
    turned = longest * CHARACTER > slot
    panel.set_xticks(range(len(languages)), languages, rotation=90 if turned else 0)
    below = 6 + (longest * CHARACTER * 72 if turned else SMALL)
    figure = panel.get_figure()
    assert figure is not None
    shift = ScaledTranslation(0, -below / 72, figure.dpi_scale_trans)
    place = panel.get_xaxis_transform() + shift
    groups = spans(languages)
    level = all(len(n) * CHARACTER < (last - first + 0.9) * slot for n, first, last in groups)
    leaning: dict[str, Any] = {"ha": "right", "rotation": 45, "rotation_mode": "anchor"}
    style: dict[str, Any] = {"ha": "center"} if level else leaning
    style |= {"va": "top", "fontsize": SMALL, "xycoords": place}
    for name, first, last in groups:
        ends = (first - 0.35, last + 0.35)
        panel.plot(ends, (0, 0), transform=place, color=LINE_GREY, lw=0.8, clip_on=False)
        middle = ((first + last) / 2, 0)
        annotate(panel, name, middle, (0 if level else 3, -3), **style)
