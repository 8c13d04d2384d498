"""How much each language gains at each boundary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alignfreeze.base.plotting import as_written
from alignfreeze.search.drawing import add_legend, layer_ticks, new_panels
from alignfreeze.search.trial_table import Floats, StudyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_HEIGHT = 0.17
"""Of a language, in inches."""


@dataclass(frozen=True)
class LanguageMap:
    """How much each language gains at each boundary.

    Attributes:
        rows: Columns of the table's scores (``task/language``): a task after the other, in a
            task by the best boundary, lowest first, then by name; last what has no score.
        boundaries: Layers, all from 0 to the encoder's number of layers.
        gains: Points, of shape (rows, boundaries): the best score of a complete trial there,
            less the language's reference; NaN where there is none.
        best: Of each row, the boundary of its greatest gain, the lowest of several; None where
            there is no score.
    """

    rows: Sequence[str]
    boundaries: Sequence[int]
    gains: Floats
    best: Sequence[int | None]

    def blocks(self) -> dict[str, list[int]]:
        """Numbers of the rows of each task."""
        found: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(_task(row), []).append(number)
        return found


def languages_figure(table: StudyTable) -> "Figure | None":
    """Which languages gain at which boundary."""
    columns = list(table.by_boundary)
    if not columns or not table.scores:
        return None
    maps = [language_map(table, column) for column in columns]
    height = 1.5 + ROW_HEIGHT * (len(table.scores) + len(maps[0].blocks()))
    width = 2.0 + 0.34 * len(maps[0].boundaries)
    figure, panels = new_panels(table, columns, width=max(width, 4.2), height=height, sharey=False)
    limit = colour_limit(maps)
    for panel, shown in zip(panels, maps, strict=True):
        _draw_map(panel, shown, limit, table.metrics)
        panel.set_xlabel("boundary (layer)")
    label = f"best score at the boundary − {reference_name(table)} (points)"
    beyond = any((np.abs(m.gains[np.isfinite(m.gains)]) > limit).any() for m in maps)
    figure.colorbar(
        panels[0].collections[0],
        ax=panels,
        label=label,
        location="bottom",
        extend="both" if beyond else "neither",
        aspect=9 * figure.get_figwidth() / (1 + (len(panels) > 2)),
        shrink=0.6,
    )
    add_legend(figure, panels[0], table, note=table.left_out(table.by_boundary.values()))
    return figure


def _draw_map(panel: "Axes", shown: LanguageMap, limit: float, metrics: Mapping[str, str]) -> None:
    """Rows of languages, with a gap between the tasks; grey where nothing was tried."""
    from matplotlib import colormaps

    colours = colormaps["RdBu"].with_extremes(bad="#E6E6E6")
    blocks = shown.blocks()
    gaps = {row: gap for gap, rows in enumerate(blocks.values()) for row in rows}
    for task, rows in blocks.items():
        top = rows[0] + gaps[rows[0]]
        x = np.arange(len(shown.boundaries) + 1) - 0.5
        y = np.arange(top, top + len(rows) + 1) - 0.5
        style: dict[str, Any] = {"cmap": colours, "vmin": -limit, "vmax": limit}
        style |= {"edgecolors": "white", "linewidth": 0.4}
        panel.pcolormesh(x, y, np.ma.masked_invalid(shown.gains[rows]), **style)
        if task:
            name = f"{task} {metrics.get(task, '')}".strip()
            text = panel.text(-0.5, top - 0.6, name, fontsize=9, weight="bold", va="bottom")
            as_written(text)
    best = [(place, row + gaps[row]) for row, place in enumerate(shown.best) if place is not None]
    places = [shown.boundaries.index(place) for place, _ in best]
    label = "the language's best boundary"
    dot: dict[str, Any] = {"s": 14, "color": "black", "edgecolors": "white"}
    panel.scatter(places, [row for _, row in best], label=label, **dot)
    names = [name.rpartition("/")[2] for name in shown.rows]
    panel.set_yticks([row + gap for row, gap in gaps.items()], names, fontsize=8)
    ticks = [n for n, b in enumerate(shown.boundaries) if b in layer_ticks(shown.boundaries[-1])]
    panel.set_xticks(ticks, [str(shown.boundaries[tick]) for tick in ticks])
    panel.set_xlim(-0.5, len(shown.boundaries) - 0.5)
    panel.set_ylim(len(gaps) + len(blocks) - 1.5, -1.5 if any(blocks) else -0.5)
    panel.grid(visible=False)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def language_map(table: StudyTable, column: str) -> LanguageMap:
    """The gain of each language at each value of a boundary.

    The reference is the baseline where all of the scores have one (see `reference_name`), else
    the language's mean over all complete trials.
    """
    trials = table.complete[[column, *table.scores]].apply(pd.to_numeric)
    best = trials.groupby(column).max()
    boundaries = sorted({*map(int, best.index), *range(table.n_layers + 1)})
    reference = trials[list(table.scores)].mean()
    if _has_baseline(table):
        reference = pd.Series({name: table.baseline[name].mean for name in table.scores})
    gains = 100 * (best.reindex(boundaries) - reference)
    bests = {
        name: int(gains[name].idxmax()) if gains[name].notna().any() else None
        for name in table.scores
    }
    tasks = list(dict.fromkeys(map(_task, table.scores)))
    rows = sorted(
        table.scores,
        key=lambda name: (tasks.index(_task(name)), bests[name] is None, bests[name] or 0, name),
    )
    matrix = np.asarray(gains[rows], dtype=np.float64).T
    return LanguageMap(rows, boundaries, matrix, [bests[name] for name in rows])


def _task(name: str) -> str:
    """The task in the name of a column of scores."""
    return name.rpartition("/")[0]


def reference_name(table: StudyTable) -> str:
    """What the gains of `language_map` are counted from."""
    return "the baseline" if _has_baseline(table) else "the language's mean over trials"


def _has_baseline(table: StudyTable) -> bool:
    return all(name in table.baseline for name in table.scores)


def colour_limit(maps: Sequence[LanguageMap]) -> float:
    """The gain, in points, at the ends of a colour scale: no less than 0.1.

    One of ten gains may be greater, so that a boundary that ruins all does not fade the others.
    """
    known = np.concatenate([m.gains[np.isfinite(m.gains)] for m in maps])
    return max(0.1, float(np.percentile(np.abs(known), 90))) if len(known) else 0.1
