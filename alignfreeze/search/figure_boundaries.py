"""Figures of scores by boundary: of all languages, over a second parameter, of each language."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alignfreeze.base.plotting import COLOURS, GREY, as_written
from alignfreeze.search import drawing
from alignfreeze.search.space import TEMPERATURE
from alignfreeze.search.trial_table import Floats, StudyTable, numbers, varies

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RESOLUTION = 300  # rows and columns of a contour's grid
ROW_HEIGHT = 0.17  # of a language, in inches


def boundary_figure(table: StudyTable) -> "Figure | None":
    """The first objective by boundary, coloured by temperature."""
    from matplotlib import colormaps
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
            cmap = colormaps["viridis"].with_extremes(bad=GREY)
            style = {"c": numbers(trials, TEMPERATURE), "norm": norm, "cmap": cmap}
            style["plotnonfinite"] = True  # of an objective that reads no temperature
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
    bar = figure.colorbar(points, ax=panels, label=f"{table.score_name} (%)", pad=0.02)
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
        found = {column: own[own[TEMPERATURE].notna()] for column, own in boundaries.items()}
        return {(column, TEMPERATURE): own for column, own in found.items() if len(own)}
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
        x: Of shape (points,), like y and the values z.
        y: See x.
        z: See x.
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


def languages_figure(table: StudyTable) -> "Figure | None":
    """Which languages gain at which boundary."""
    columns = list(table.by_boundary)
    if not columns or not table.scores:
        return None
    maps = [language_gains(table, column) for column in columns]
    height = 1.5 + ROW_HEIGHT * (len(table.scores) + len(set(map(_task, table.scores))))
    width = 2.0 + 0.34 * len(maps[0].columns)
    figure, panels = drawing.new_panels(
        table, columns, width=max(width, 4.2), height=height, sharey=False
    )
    limit = colour_limit(maps)
    for panel, gains in zip(panels, maps, strict=True):
        _draw_map(panel, gains, limit, table.metrics)
        panel.set_xlabel("boundary (layer)")
    figure.colorbar(
        panels[0].collections[0],
        ax=panels,
        label=f"best score at the boundary − {reference_name(table)} (points)",
        location="bottom",
        extend="both" if any((gains.abs() > limit).any(axis=None) for gains in maps) else "neither",
        aspect=9 * figure.get_figwidth() / (1 + (len(panels) > 2)),
        shrink=0.6,
    )
    drawing.add_legend(figure, panels[0], table, note=table.left_out(table.by_boundary.values()))
    return figure


def _draw_map(panel: "Axes", gains: pd.DataFrame, limit: float, metrics: Mapping[str, str]) -> None:
    """Rows of languages, with a gap between the tasks; grey where nothing was tried."""
    from matplotlib import colormaps

    tasks = list(dict.fromkeys(map(_task, gains.index)))
    places = {name: row + tasks.index(_task(name)) for row, name in enumerate(gains.index)}
    style: dict[str, Any] = {"cmap": colormaps["RdBu"].with_extremes(bad="#E6E6E6")}
    style |= {"vmin": -limit, "vmax": limit, "edgecolors": "white", "linewidth": 0.4}
    x = np.arange(len(gains.columns) + 1) - 0.5
    for task, own in gains.groupby(_task, sort=False):
        top = places[own.index[0]]
        y = np.arange(top, top + len(own) + 1) - 0.5
        panel.pcolormesh(x, y, np.ma.masked_invalid(own), **style)
        if task:
            name = f"{task} {metrics.get(str(task), '')}".strip()
            as_written(panel.text(-0.5, top - 0.6, name, fontsize=9, weight="bold", va="bottom"))
    best = best_boundaries(gains)
    dot: dict[str, Any] = {"s": 14, "color": "black", "edgecolors": "white"}
    dot["label"] = "the language's best boundary"
    boundaries = [int(boundary) for boundary in gains.columns]
    panel.scatter([boundaries.index(b) for b in best], [places[name] for name in best.index], **dot)
    names = [name.rpartition("/")[2] for name in gains.index]
    panel.set_yticks(list(places.values()), names, fontsize=8)
    ticks = [n for n, b in enumerate(boundaries) if b in drawing.layer_ticks(boundaries[-1])]
    panel.set_xticks(ticks, [str(boundaries[tick]) for tick in ticks])
    panel.set_xlim(-0.5, len(boundaries) - 0.5)
    panel.set_ylim(len(places) + len(tasks) - 1.5, -1.5 if any(tasks) else -0.5)
    panel.grid(visible=False)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def language_gains(table: StudyTable, column: str) -> pd.DataFrame:
    """The gain of each language at each value of a boundary, in points.

    The reference is the baseline where all of the scores have one (see `reference_name`), else
    the language's mean over all complete trials.

    Returns:
        The best score of a complete trial there, less the reference; NaN where there is none. A
        row for each of the table's scores (``task/language``): a task after the other, in a task
        by the best boundary, lowest first, then by name; last what has no score. A column for
        each layer from 0 to the encoder's number of layers.
    """
    trials = table.complete[[column, *table.scores]].apply(pd.to_numeric)
    best = trials.groupby(column).max()
    boundaries = sorted({*map(int, best.index), *range(table.n_layers + 1)})
    reference = trials[list(table.scores)].mean()
    if table.baseline.keys() >= set(table.scores):
        reference = pd.Series(table.baseline)[list(table.scores)]
    gains: pd.DataFrame = 100 * (best.reindex(boundaries) - reference).T
    bests = best_boundaries(gains)
    tasks = list(dict.fromkeys(map(_task, table.scores)))

    def place(name: str) -> tuple[int, bool, int, str]:
        return tasks.index(_task(name)), name not in bests, bests.get(name, 0), name

    return gains.reindex(sorted(table.scores, key=place))


def best_boundaries(gains: pd.DataFrame) -> "pd.Series[int]":
    """The boundary of each row's greatest gain, the lowest of several; of rows that have one."""
    return gains.dropna(how="all").idxmax(axis="columns")


def _task(name: str) -> str:
    """The task in the name of a column of scores."""
    return name.rpartition("/")[0]


def reference_name(table: StudyTable) -> str:
    """What the gains of `language_gains` are counted from."""
    known = table.baseline.keys() >= set(table.scores)
    return "the baseline" if known else "the language's mean over trials"


def colour_limit(maps: Sequence[pd.DataFrame]) -> float:
    """The gain, in points, at the ends of a colour scale: no less than 0.1.

    One of ten gains may be greater, so that a boundary that ruins all does not fade the others.
    """
    known = np.concatenate([gains.to_numpy().ravel() for gains in maps])
    known = known[np.isfinite(known)]
    return max(0.1, float(np.percentile(np.abs(known), 90))) if len(known) else 0.1
