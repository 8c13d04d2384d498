"""Scores by boundary, and over two parameters."""

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from alignfreeze.base.plotting import COLOURS, as_written
from alignfreeze.search.drawing import (
    POINTS,
    add_legend,
    draw_baseline,
    label_rows,
    layer_ticks,
    log_axis,
    new_panels,
    pad,
    parameter_axis,
    ring_best,
    score_label,
)
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
    figure, panels = new_panels(table, list(shown), width=6.2, height=4.2)
    coloured = varies(complete, TEMPERATURE)
    ends = (complete[TEMPERATURE].min(), complete[TEMPERATURE].max()) if coloured else (0.1, 1)
    norm = LogNorm(*ends)
    for panel, (column, trials) in zip(panels, shown.items(), strict=True):
        x, scores = numbers(trials, column), table.percentages(trials)
        if coloured:
            style: dict[str, Any] = {"c": numbers(trials, TEMPERATURE), "norm": norm}
        else:
            style = {"color": COLOURS[0]}
        points = panel.scatter(x, scores, cmap="viridis" if coloured else None, **style, **POINTS)
        ring_best(panel, table, trials, x, scores)
        draw_baseline(panel, table)
        panel.set_xlim(-0.7, table.n_layers + 0.7)
        panel.set_xticks(layer_ticks(table.n_layers))
        panel.set_xlabel("boundary (layer)")
    pad(*panels, top=0.16)
    label_rows(panels, table)
    if coloured:
        bar = figure.colorbar(points, ax=panels, label="temperature", pad=0.02)
        log_axis(bar.ax.yaxis, *ends)
    add_legend(figure, panels[0], table, note=table.left_out(shown.values()))
    return figure


def contour_figure(table: StudyTable) -> "Figure | None":
    """The first objective over two parameters."""
    from matplotlib.colors import Normalize

    shown = contour_panels(table)
    if not shown:
        return None
    names = [f"{x} × {y}" for x, y in shown]
    figure, panels = new_panels(table, names, width=6.2, height=4.4, sharey=False)
    every = np.concatenate([table.percentages(trials) for trials in shown.values()])
    spread = max(float(np.ptp(every)), 0.1)
    norm = Normalize(every.min(), every.min() + spread)
    levels = np.linspace(norm.vmin or 0, norm.vmax or 1, 13)
    for panel, ((x_name, y_name), trials) in zip(panels, shown.items(), strict=True):
        x, y, scores = numbers(trials, x_name), numbers(trials, y_name), table.percentages(trials)
        logarithmic = (x_name in table.logarithmic, y_name in table.logarithmic)
        between = surface(x, y, scores, logarithmic=logarithmic, resolution=RESOLUTION)
        if between is not None:
            filled = np.ma.masked_invalid(between.z)
            panel.contourf(between.x, between.y, filled, levels, norm=norm, alpha=0.75)
        points = panel.scatter(x, y, c=scores, norm=norm, **POINTS)
        ring_best(panel, table, trials, x, y)
        parameter_axis(panel, "x", table, x_name, x)
        parameter_axis(panel, "y", table, y_name, y)
        panel.grid(visible=False)
    bar = figure.colorbar(points, ax=panels, label=score_label(table), pad=0.02)
    as_written(bar.ax.yaxis.label)
    add_legend(figure, panels[0], table, note=table.left_out(shown.values()))
    return figure


class Surface(NamedTuple):
    """Scores between the trials, on a grid.

    Attributes:
        x: Of shape (columns,).
        y: Of shape (rows,).
        z: Of shape (rows, columns); NaN outside of the trials' convex hull.
    """

    x: Floats
    y: Floats
    z: Floats


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
    numeric = [name for name in table.parameters if _is_numeric(trials[name])]
    numeric.sort(key=lambda name: -table.importances.get(name, 0))
    for x, y in combinations(numeric, 2):
        own = trials[trials[x].notna() & trials[y].notna()]
        if varies(own, x) and varies(own, y):
            return {(x, y): own}
    return {}


def surface(
    x: Floats, y: Floats, z: Floats, *, logarithmic: tuple[bool, bool], resolution: int
) -> Surface | None:
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
        None where fewer than three points, or none off a line, leave nothing to interpolate.
    """
    from matplotlib.tri import LinearTriInterpolator, Triangulation

    places = np.column_stack(
        [np.log(v) if log else v for v, log in zip((x, y), logarithmic, strict=True)]
    )
    if not len(places) or not (span := np.ptp(places, axis=0)).all():
        return None
    low = places.min(axis=0)
    corners, inverse = np.unique((places - low) / span, axis=0, return_inverse=True)
    if np.linalg.matrix_rank(corners - corners[0], tol=1e-6) < 2:
        return None
    inverse = inverse.ravel()
    means = np.bincount(inverse, weights=z) / np.bincount(inverse)
    steps = np.linspace(0, 1, resolution)
    interpolate = LinearTriInterpolator(Triangulation(*corners.T), means)
    grid = interpolate(*np.meshgrid(steps, steps)).filled(np.nan)
    ticks = [low[axis] + span[axis] * steps for axis in (0, 1)]
    grid_x, grid_y = (np.exp(t) if log else t for t, log in zip(ticks, logarithmic, strict=True))
    return Surface(grid_x, grid_y, grid)


def _is_numeric(column: "pd.Series[Any]") -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
