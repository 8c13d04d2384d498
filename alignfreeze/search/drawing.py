"""What the figures of a search have in common: panels, axes, legends, marks."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from alignfreeze.base import plotting
from alignfreeze.base.plotting import as_written
from alignfreeze.search.trial_table import Floats, StudyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

POINTS: dict[str, Any] = {"s": 38, "edgecolors": "white", "linewidths": 0.7, "zorder": 3}
RING: dict[str, Any] = {"s": 130, "facecolors": "none", "edgecolors": "black", "linewidths": 1.6}
DASHED: dict[str, Any] = {"color": plotting.GREY, "linestyle": (0, (5, 3)), "linewidth": 1.3}
LINE_HEIGHT, LETTERS = 0.18, 12
"""Of a note or subtitle: a line's height in inches, and letters to an inch."""


def new_panels(
    table: StudyTable, names: Sequence[str], *, width: float, height: float, sharey: bool = True
) -> "tuple[Figure, list[Axes]]":
    """A figure with a named panel each, at most two beside each other; sizes in inches."""
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    size = (width * (0.8 if columns == 2 else 1) * columns, height * rows)
    figure = plotting.blank_figure(*size)
    grid = figure.subplots(rows, columns, sharey=sharey, squeeze=False).ravel()
    for panel, name in zip(grid, names, strict=False):
        as_written(panel.set_title(name, fontsize=10, loc="left"))
        plotting.plain_axes(panel, size=9)
    for spare in grid[len(names) :]:
        spare.remove()
    # The metrics of several tasks are too long for an axis.
    subtitle = table.metric_names if len(table.metrics) > 1 else ""
    below = wrap(subtitle, int(LETTERS * size[0]))
    figure.set_figheight(size[1] + LINE_HEIGHT * len(below))
    as_written(figure.suptitle("\n".join([table.title, *below]), fontsize=11))
    return figure, list(grid[: len(names)])


def label_rows(panels: Sequence["Axes"], table: StudyTable) -> None:
    """Name the y axis of the first panel of each row by the first objective."""
    for panel in panels[::2]:
        as_written(panel.set_ylabel(f"{table.score_name} (%)"))


def pad(*panels: "Axes", bottom: float = 0.06, top: float = 0.06) -> None:
    """Leave room below and above the values of all panels, as fractions of their range."""
    ends = np.array([panel.dataLim.intervaly for panel in panels])
    low, high = ends.min(), ends.max()
    spread = max(high - low, 0.5)
    for panel in panels:
        panel.set_ylim(low - bottom * spread, high + top * spread)


def draw_baseline(panel: "Axes", table: StudyTable) -> None:
    """A dashed line at the baseline's first objective, where it is known."""
    if table.baseline_objective is not None:
        baseline = 100 * table.baseline_objective
        panel.axhline(baseline, label=f"baseline ({baseline:.1f})", **DASHED)


def ring_best(panel: "Axes", table: StudyTable, trials: pd.DataFrame, x: Floats, y: Floats) -> None:
    """Ring and name the best trial, where it is among those of the panel."""
    for right, up in zip(
        *(values[trials["trial"].isin(table.best[:1])] for values in (x, y)), strict=True
    ):
        panel.scatter(right, up, **RING, zorder=4)
        label_point(panel, f"trial {table.best[0]}", (right, up), shift=(0, 9), align="center")


def label_point(
    panel: "Axes", text: str, place: tuple[float, float], *, shift: tuple[int, int], align: str
) -> None:
    """Write beside a point, ``shift`` points away, legible over what is drawn there."""
    from matplotlib.patheffects import withStroke

    style: dict[str, Any] = {"ha": align, "va": "bottom", "fontsize": 9, "weight": "bold"}
    style["path_effects"] = [withStroke(linewidth=2.5, foreground="white")]
    plotting.annotate(panel, text, place, shift, zorder=5, **style)


def parameter_axis(
    panel: "Axes", side: Literal["x", "y"], table: StudyTable, name: str, values: Floats
) -> None:
    """Name and tick the axis of a parameter."""
    axis: Axis = panel.xaxis if side == "x" else panel.yaxis
    low, high = float(values.min()), float(values.max())
    if name in table.boundaries:
        axis.set_ticks(layer_ticks(table.n_layers))
        limits = (-0.7, table.n_layers + 0.7)
    elif name in table.logarithmic:
        panel.set(**{f"{side}scale": "log"})
        log_axis(axis, low, high)
        margin = max(high / low, 1.1) ** 0.06
        limits = (low / margin, high * margin)
    else:
        margin = 0.06 * (high - low or 1)
        limits = (low - margin, high + margin)
    panel.set(**{f"{side}lim": limits})
    as_written(axis.set_label_text(name))


def log_axis(axis: "Axis", low: float, high: float) -> None:
    """Tick a logarithmic axis from low to high."""
    ticks = log_ticks(low, high)
    axis.set_ticks(ticks, labels=[f"{tick:.4g}" for tick in ticks])
    axis.set_ticks([], minor=True)


def add_legend(figure: "Figure", panel: "Axes", table: StudyTable, *, note: str = "") -> None:
    """What a panel shows, below the figure, and notes above that; nothing without any.

    The figure grows by the notes, those on its metrics among them.
    """
    handles, labels = panel.get_legend_handles_labels()
    width = int(LETTERS * figure.get_figwidth())
    lines = [line for text in (note, *table.metric_notes) for line in wrap(text, width)]
    if not (handles or lines):
        return
    figure.set_figheight(figure.get_figheight() + LINE_HEIGHT * len(lines))
    style: dict[str, Any] = {"title": "\n".join(lines) or None, "borderaxespad": 0.3}
    plotting.legend_below(figure, handles, labels, size=9, ncols=5, **style)


def log_ticks(low: float, high: float) -> list[float]:
    """Round values in [low, high], which are > 0: 1, 2 and 5 times powers of ten; else the ends."""
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [float(f"{digit}e{exponent}") for exponent in exponents for digit in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= tick <= high]
    return inside if len(inside) > 1 else sorted({low, high})


def layer_ticks(n_layers: int) -> list[int]:
    """Boundaries that are labelled: all up to 12 layers, every other one above."""
    return list(range(0, n_layers + 1, 1 if n_layers <= 12 else 2))
