"""Scores by boundary, and over two parameters."""

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alignfreeze.base.plotting import COLOURS, as_written
from alignfreeze.search import drawing
from alignfreeze.search.trial_table import Floats, StudyTable, numbers, varies

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPERATURE = "temperature"

RESOLUTION = 300
"""Rows and columns of a contour's grid."""


def boundary_figure(table: StudyTable) -> "Figure | None":
    """The first objective by boundary, coloured by temperature."""
    from matplotlib.colors import LogNorm

    shown = table.by_boundary
    if not shown:
        return None
    complete = table.complete
    figure, panels = drawing.new_panels(table, list(shown), width=6.2, height=4.2)
    coloured = varies(complete, TEMPERATURE)
    ends = (complete[TEMPERATURE].min(), complete[TEMPERATURE].max()) if coloured else (0.1, 1)
    norm = LogNorm(*ends)
    for panel, (column, trials) in zip(panels, shown.items(), strict=True):
        x, scores = numbers(trials, column), table.percentages(trials)
        style: dict[str, Any] = {"color": COLOURS[0]}
        if coloured:
            style = {"c": numbers(trials, TEMPERATURE), "norm": norm, "cmap": "viridis"}
        points = panel.scatter(x, scores, **style, **drawing.POINTS)
        drawing.ring_best(panel, table, trials, x, scores)
        drawing.draw_baseline(panel, table)
        panel.set_xlim(-0.7, table.n_layers + 0.7)
        panel.set_xticks(drawing.layer_ticks(table.n_layers))
        panel.set_xlabel("boundary (layer)")
    drawing.pad(*panels, top=0.16)
    drawing.label_rows(panels, table)
    if coloured:
        bar = figure.colorbar(points, ax=panels, label="temperature", pad=0.02)
        drawing.log_axis(bar.ax.yaxis, *ends)
    drawing.add_legend(figure, panels[0], table, note=table.left_out(shown.values()))
    return figure


def contour_figure(table: StudyTable) -> "Figure | None":
    """The first objective over two parameters."""
    from matplotlib.colors import Normalize

    shown = contour_panels(table)
    if not shown:
        return None
    names = [f"{x} × {y}" for x, y in shown]
    figure, panels = drawing.new_panels(table, names, width=6.2, height=4.4, sharey=False)
    every = np.concatenate([table.percentages(trials) for trials in shown.values()])
    spread = max(float(np.ptp(every)), 0.1)
    norm = Normalize(every.min(), every.min() + spread)
    levels = np.linspace(norm.vmin or 0, norm.vmax or 1, 13)
    for panel, ((x_name, y_name), trials) in zip(panels, shown.items(), strict=True):
        x, y, scores = numbers(trials, x_name), numbers(trials, y_name), table.percentages(trials)
        logarithmic = (x_name in table.logarithmic, y_name in table.logarithmic)
        between = surface(x, y, scores, logarithmic=logarithmic, resolution=RESOLUTION)
        if between is not None:
            panel.contourf(*between, levels, norm=norm, alpha=0.75)
        points = panel.scatter(x, y, c=scores, norm=norm, **drawing.POINTS)
        drawing.ring_best(panel, table, trials, x, y)
        drawing.parameter_axis(panel, "x", table, x_name, x)
        drawing.parameter_axis(panel, "y", table, y_name, y)
        panel.grid(visible=False)
    bar = figure.colorbar(points, ax=panels, label=drawing.score_label(table), pad=0.02)
    as_written(bar.ax.yaxis.label)
    drawing.add_legend(figure, panels[0], table, note=table.left_out(shown.values()))
    return figure


def contour_panels(table: StudyTable) -> dict[tuple[str, str], pd.DataFrame]:
    """The complete trials that have both of two parameters, by these, the horizontal one first.

    Each boundary is taken with the temperature. Where there is none, or the temperature does not
    vary, it is the most important two numeric parameters that vary among trials that have both;
    without importances, the first two.
    """
    boundaries = table.by_boundary
    if boundaries and varies(table.complete, TEMPERATURE):
        return {
            (column, TEMPERATURE): trials[trials[TEMPERATURE].notna()]
            for column, trials in boundaries.items()
            if trials[TEMPERATURE].notna().any()
        }
    trials = table.complete
    numeric = [str(name) for name in trials[list(table.parameters)].select_dtypes("number")]
    numeric.sort(key=lambda name: -table.importances.get(name, 0))
    for x, y in combinations(numeric, 2):
        own = trials[trials[x].notna() & trials[y].notna()]
        if varies(own, x) and varies(own, y):
            return {(x, y): own}
    return {}


def surface(
    x: Floats, y: Floats, z: Floats, *, logarithmic: tuple[bool, bool], resolution: int
) -> "tuple[Floats, Floats, np.ma.MaskedArray[Any, Any]] | None":
    """Interpolate linearly between points, by a Delaunay triangulation.

    Both axes count alike in it, each from its least to its greatest value. Of points in one
    place the mean is taken.

    Args:
        x: Of shape (points,), like y and z.
        y: See x.
        z: The value at each point.
        logarithmic: Whether x and y, which then are > 0, count by their logarithm.
        resolution: Rows and columns of the grid.

    Returns:
        x of shape (columns,), y of shape (rows,), and z of shape (rows, columns), masked outside
        of the points' convex hull. None where fewer than three points, or none off a line, leave
        nothing to interpolate.
    """
    from matplotlib.tri import LinearTriInterpolator, Triangulation

    axes = [np.log(v) if log else v for v, log in zip((x, y), logarithmic, strict=True)]
    if not len(x) or not all(np.ptp(values) for values in axes):
        return None
    scaled = [(values - values.min()) / np.ptp(values) for values in axes]
    means = pd.Series(z).groupby(scaled).mean()
    corners = np.array([*means.index])
    if np.linalg.matrix_rank(corners - corners[0], tol=1e-6) < 2:
        return None
    steps = np.linspace(0, 1, resolution)
    interpolate = LinearTriInterpolator(Triangulation(*corners.T), means.to_numpy())
    ticks = [values.min() + np.ptp(values) * steps for values in axes]
    grid_x, grid_y = (np.exp(t) if log else t for t, log in zip(ticks, logarithmic, strict=True))
    return grid_x, grid_y, interpolate(*np.meshgrid(steps, steps))
