"""Gains against what may explain them: languages as points, and correlations by layer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alignfreeze.base.plotting import MARKERS, plain_axes
from alignfreeze.report.correlates import Correlate, Explanation, signed
from alignfreeze.report.drawing import (
    COLUMN,
    DOUBLE,
    LINE_GREY,
    SMALL,
    add_legend,
    colour,
    new_figure,
    settled,
)
from alignfreeze.report.label_places import name_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = 4
"""Strategies of a table whose correlations by layer are drawn."""

MOST_SCATTERED = 12
"""Strategies of all tables together whose gains are drawn, a figure each."""

COLUMNS = 3

RADIUS = 1.6
"""Of a point, in points."""


def correlated(explained: Explanation) -> list[str]:
    """The strategies that have a correlation."""
    known = (c.variant for c in explained.correlates if c.correlation.value is not None)
    return list(dict.fromkeys(known))


def scattered(explained: Explanation, variant: str) -> list[Correlate]:
    """What a strategy's gain is drawn against."""
    own = [c for c in explained.summary if c.variant == variant]
    return [correlate for correlate in own if correlate.correlation.value is not None]


def scatter_figure(explained: Explanation, variant: str) -> "Figure | None":
    """Gain of a strategy in points against each covariate, a panel each, languages by name.

    Returns:
        The figure, or ``None`` where nothing has a rank correlation.
    """
    shown = scattered(explained, variant)
    if not shown:
        return None
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    width = max(COLUMN, DOUBLE * columns / COLUMNS)
    figure = new_figure(f"{explained.table.title}: {variant}", width, 0.4 + 2.1 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for number, (panel, correlate) in enumerate(zip(grid, shown, strict=False)):
        _scatter(panel, correlate)
        if number % columns == 0:
            panel.set_ylabel("gain (points)", fontsize=SMALL)
    for panel in grid[len(shown) :]:
        panel.set_visible(False)
    settled(figure)
    for panel, correlate in zip(grid, shown, strict=False):
        places = list(correlate.values.values())
        name_points(panel, list(correlate.values), places, radius=RADIUS)
    return figure


def _scatter(panel: "Axes", correlate: Correlate) -> None:
    x, y = zip(*correlate.values.values(), strict=True)
    panel.axhline(0, color=LINE_GREY, linewidth=0.7, zorder=1)
    panel.plot(x, y, "o", markersize=2 * RADIUS, color=colour(0), markeredgewidth=0, zorder=3)
    panel.margins(0.12)
    panel.set_xlabel(f"{correlate.name}\nρ {signed(correlate.correlation.value)}", fontsize=SMALL)
    plain_axes(panel, size=SMALL, width=0.5, length=2)
    panel.locator_params(axis="x", nbins=5)


def layer_correlations_figure(explained: Explanation) -> "Figure | None":
    """Rank correlation of the gain with what was measured by layer, with its interval.

    Returns:
        The figure, or ``None`` where nothing of several layers has one.
    """
    variants, panels = correlated(explained)[:MOST_LINES], _layered(explained)
    if not has_layer_correlations(explained):
        return None
    width = COLUMN if len(panels) == 1 else DOUBLE
    figure = new_figure(f"{explained.table.title}: rank correlation with the gain", width, 2.6)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True).ravel()
    for panel, (covariate, lines) in zip(grid, panels.items(), strict=True):
        _lines(panel, lines, variants)
        panel.set_title(covariate, fontsize=SMALL)
    grid[0].set_ylabel("rank correlation", fontsize=SMALL)
    add_legend(figure, list(grid))
    return settled(figure)


def has_layer_correlations(explained: Explanation) -> bool:
    """Whether something of several layers has a correlation."""
    return any(len(own) > 1 for lines in _layered(explained).values() for own in lines.values())


def _layered(explained: Explanation) -> dict[str, dict[str, list[Correlate]]]:
    """The correlations by layer that are drawn, by covariate and variant."""
    variants = correlated(explained)[:MOST_LINES]
    panels: dict[str, dict[str, list[Correlate]]] = {}
    for correlate in explained.correlates:
        if correlate.layer is None or correlate.correlation.value is None:
            continue
        if correlate.variant in variants:
            lines = panels.setdefault(correlate.covariate, {})
            lines.setdefault(correlate.variant, []).append(correlate)
    return panels


def _lines(
    panel: "Axes", lines: Mapping[str, Sequence[Correlate]], variants: Sequence[str]
) -> None:
    """A line for each strategy, beside each other so that their intervals are told apart."""
    from matplotlib.ticker import MaxNLocator

    panel.axhline(0, color=LINE_GREY, linewidth=0.7, zorder=1)
    for variant, found in lines.items():
        number = variants.index(variant)
        shift = 0.16 * (number - (len(variants) - 1) / 2)
        layers = [c.layer + shift for c in found if c.layer is not None]
        values = [c.correlation.value for c in found if c.correlation.value is not None]
        style: dict[str, Any] = {"color": colour(number), "marker": MARKERS[number % len(MARKERS)]}
        style |= {"linewidth": 1, "markersize": 3, "markeredgewidth": 0}
        panel.plot(layers, values, label=variant, **style)
        for layer, correlate in zip(layers, found, strict=True):
            if (ends := correlate.correlation.interval) is not None:
                panel.vlines(layer, *ends, color=colour(number), linewidth=0.7, alpha=0.6)
    panel.set_ylim(-1.03, 1.03)
    panel.set_xlabel("layer (0 is the first)", fontsize=SMALL)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    plain_axes(panel, size=SMALL, width=0.5, length=2)
