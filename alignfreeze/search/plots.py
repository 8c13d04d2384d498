"""Figures of a study, drawn without touching matplotlib's state."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from alignfreeze.base.plotting import COLOURS, DPI, GREY
from alignfreeze.search.plot_data import (
    TEMPERATURE,
    Floats,
    LanguageMap,
    baseline_percentage,
    boundary_panels,
    colour_limit,
    complete_trials,
    contour_panels,
    language_map,
    layer_ticks,
    left_out,
    log_ticks,
    numbers,
    objective_name,
    padded,
    pareto_front,
    pareto_trials,
    percentages,
    reference_name,
    running_best,
    score_name,
    subtitle,
    surface,
    varies,
)
from alignfreeze.search.trial_table import FAILED, PRUNED, StudyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

POINTS: dict[str, Any] = {"s": 38, "edgecolors": "white", "linewidths": 0.7, "zorder": 3}
RING: dict[str, Any] = {"s": 130, "facecolors": "none", "edgecolors": "black", "linewidths": 1.6}
DASHED: dict[str, Any] = {"color": GREY, "linestyle": (0, (5, 3)), "linewidth": 1.3}
BOTTOM = 0.03
"""Where trials without a score stand, as a fraction of the panel's height."""

RESOLUTION = 300
"""Rows and columns of a contour's grid."""

ROW_HEIGHT = 0.17
"""Of a language, in inches."""

LINE_HEIGHT = 0.18
"""Of a line of a note or subtitle, in inches."""

LETTERS = 12
"""Of a note or subtitle to an inch."""


def study_figures(table: StudyTable) -> dict[str, "Figure"]:
    """All figures that a study has something to show for, by their file's stem.

    ``history``, ``importances``, ``boundary``, ``contour``, ``pareto`` and ``languages``; none
    while no trial is complete.
    """
    if complete_trials(table).empty:
        return {}
    figures = {
        "history": _history(table),
        "importances": _importances(table),
        "boundary": _boundary(table),
        "contour": _contour(table),
        "pareto": _pareto(table),
        "languages": _languages(table),
    }
    return {stem: figure for stem, figure in figures.items() if figure is not None}


def _history(table: StudyTable) -> "Figure":
    """The first objective, trial after trial."""
    from matplotlib.ticker import MaxNLocator

    figure, (panel,) = _panels(table, ["optimisation history"], width=7.4, height=4.2)
    complete = complete_trials(table)
    trials, scores = complete["trial"], percentages(complete, table)
    panel.scatter(trials, scores, color=COLOURS[0], label="complete trial", **POINTS)
    last = table.trials["trial"].max()
    steps = np.append(trials, last), running_best(np.append(scores, scores[-1]))
    panel.step(*steps, where="post", color=COLOURS[1], linewidth=1.8, label="best so far")
    _draw_baseline(panel, table)
    _pad(panel, bottom=0.14)
    for state, marker, colour in ((PRUNED, "|", COLOURS[4]), (FAILED, "x", COLOURS[3])):
        own = table.trials.loc[table.trials["state"] == state, "trial"]
        if len(own):
            panel.scatter(
                own,
                np.full(len(own), BOTTOM),
                transform=panel.get_xaxis_transform(),
                marker=marker,
                color=colour,
                s=45,
                linewidths=1.8,
                label=f"{state} ({len(own)})",
            )
    panel.set_xlim(table.trials["trial"].min() - 0.7, last + 0.7)
    panel.set_xlabel("trial")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    _label_rows([panel], _score_label(table))
    _add_legend(figure, panel, table)
    return figure


def _importances(table: StudyTable) -> "Figure | None":
    """How much of the differences between trials each parameter explains."""
    if not table.importances:
        return None
    height = 1.5 + 0.34 * len(table.importances)
    figure, (panel,) = _panels(table, ["importance of parameters"], width=6.4, height=height)
    places, values = range(len(table.importances)), [100 * v for v in table.importances.values()]
    bars = panel.barh(places, values, color=COLOURS[0], height=0.65)
    panel.bar_label(bars, fmt="%.0f", padding=4, fontsize=9)
    panel.set_yticks(places, list(table.importances))
    panel.invert_yaxis()
    panel.set_xlim(0, 1.1 * max(values) or 1)
    name = score_name(table).replace(", ", ",\n", 1)  # too long for a line
    panel.set_xlabel(f"share of the differences in the {name} (%)")
    panel.grid(visible=False, axis="y")
    panel.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    _as_written([*panel.get_yticklabels(), panel.xaxis.label])
    _add_legend(figure, panel, table)
    return figure


def _boundary(table: StudyTable) -> "Figure | None":
    """The first objective by boundary, coloured by temperature."""
    from matplotlib.colors import LogNorm

    shown = boundary_panels(table)
    if not shown:
        return None
    complete = complete_trials(table)
    figure, panels = _panels(table, list(shown), width=6.2, height=4.2)
    coloured = varies(complete, TEMPERATURE)
    ends = (complete[TEMPERATURE].min(), complete[TEMPERATURE].max()) if coloured else (0.1, 1)
    norm = LogNorm(*ends)
    for panel, (column, trials) in zip(panels, shown.items(), strict=True):
        x, scores = numbers(trials, column), percentages(trials, table)
        if coloured:
            style: dict[str, Any] = {"c": numbers(trials, TEMPERATURE), "norm": norm}
        else:
            style = {"color": COLOURS[0]}
        points = panel.scatter(x, scores, cmap="viridis" if coloured else None, **style, **POINTS)
        _ring_best(panel, table, trials, x, scores)
        _draw_baseline(panel, table)
        panel.set_xlim(-0.7, table.n_layers + 0.7)
        panel.set_xticks(layer_ticks(table.n_layers))
        panel.set_xlabel("boundary (layer)")
    _pad(*panels, top=0.16)
    _label_rows(panels, _score_label(table))
    if coloured:
        bar = figure.colorbar(points, ax=panels, label="temperature", pad=0.02)
        _log_axis(bar.ax.yaxis, *ends)
    _add_legend(figure, panels[0], table, note=left_out(table, shown.values()))
    return figure


def _contour(table: StudyTable) -> "Figure | None":
    """The first objective over two parameters."""
    from matplotlib.colors import Normalize

    shown = contour_panels(table)
    if not shown:
        return None
    names = [f"{x} × {y}" for x, y in shown]
    figure, panels = _panels(table, names, width=6.2, height=4.4, sharey=False)
    every = np.concatenate([percentages(trials, table) for trials in shown.values()])
    spread = max(float(np.ptp(every)), 0.1)
    norm = Normalize(every.min(), every.min() + spread)
    levels = np.linspace(norm.vmin or 0, norm.vmax or 1, 13)
    for panel, ((x_name, y_name), trials) in zip(panels, shown.items(), strict=True):
        x, y, scores = numbers(trials, x_name), numbers(trials, y_name), percentages(trials, table)
        logarithmic = (x_name in table.logarithmic, y_name in table.logarithmic)
        between = surface(x, y, scores, logarithmic=logarithmic, resolution=RESOLUTION)
        if between is not None:
            filled = np.ma.masked_invalid(between.z)
            panel.contourf(between.x, between.y, filled, levels, norm=norm, alpha=0.75)
        points = panel.scatter(x, y, c=scores, norm=norm, **POINTS)
        _ring_best(panel, table, trials, x, y)
        _parameter_axis(panel, "x", table, x_name, x)
        _parameter_axis(panel, "y", table, y_name, y)
        panel.grid(visible=False)
    bar = figure.colorbar(points, ax=panels, label=_score_label(table), pad=0.02)
    _as_written([bar.ax.yaxis.label])
    _add_legend(figure, panels[0], table, note=left_out(table, shown.values()))
    return figure


def _pareto(table: StudyTable) -> "Figure | None":
    """Both objectives, and the trials that no other beats in both."""
    from matplotlib.ticker import MaxNLocator

    trials = pareto_trials(table)
    if trials.empty:
        return None
    second = table.objectives[1]
    figure, (panel,) = _panels(table, ["Pareto front"], width=6.6, height=4.6)
    places = numbers(trials, second), percentages(trials, table)
    panel.scatter(*places, color=COLOURS[5], label="complete trial", **POINTS)
    front = pareto_front(table)
    x, y = numbers(front, second), percentages(front, table)
    panel.plot(x, y, drawstyle="steps-post", color=COLOURS[1], linewidth=1.6)
    panel.scatter(x, y, color=COLOURS[1], label="Pareto front", **{**POINTS, "s": 60, "zorder": 4})
    labels: dict[tuple[float, float], list[str]] = {}
    for right, up, number in zip(x, y, front["trial"], strict=True):
        labels.setdefault((right, up), []).append(str(number))
    for place, numbers_there in labels.items():
        _label_point(panel, ", ".join(numbers_there), place, shift=(-5, 5), align="right")
    _draw_baseline(panel, table)
    panel.margins(x=0.12)
    _pad(panel, top=0.1)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    left, right = panel.get_xlim()
    panel.set_xlim(max(left, -0.5), max(right, left + 2))  # counts: no fractions between them
    panel.set_xlabel(objective_name(second))
    _label_rows([panel], _score_label(table))
    _add_legend(figure, panel, table)
    return figure


def _languages(table: StudyTable) -> "Figure | None":
    """Which languages gain at which boundary."""
    columns = list(boundary_panels(table))
    if not columns or not table.scores:
        return None
    maps = [language_map(table, column) for column in columns]
    height = 1.5 + ROW_HEIGHT * (len(table.scores) + len(maps[0].blocks()))
    width = 2.0 + 0.34 * len(maps[0].boundaries)
    figure, panels = _panels(table, columns, width=max(width, 4.2), height=height, sharey=False)
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
    _add_legend(figure, panels[0], table, note=left_out(table, boundary_panels(table).values()))
    return figure


def _draw_map(panel: "Axes", shown: LanguageMap, limit: float, metrics: Mapping[str, str]) -> None:
    """Rows of languages, with a gap between the tasks; grey where nothing was tried."""
    from matplotlib import colormaps

    colours = colormaps["RdBu"].with_extremes(bad="#E6E6E6")
    blocks = shown.blocks()
    gaps = {row: gap for gap, rows in enumerate(blocks.values()) for row in rows}
    for task, rows in blocks.items():
        top = rows[0] + gaps[rows[0]]
        panel.pcolormesh(
            np.arange(len(shown.boundaries) + 1) - 0.5,
            np.arange(top, top + len(rows) + 1) - 0.5,
            np.ma.masked_invalid(shown.gains[rows]),
            cmap=colours,
            vmin=-limit,
            vmax=limit,
            edgecolors="white",
            linewidth=0.4,
        )
        if task:
            name = f"{task} {metrics.get(task, '')}".strip()
            text = panel.text(-0.5, top - 0.6, name, fontsize=9, weight="bold", va="bottom")
            text.set_parse_math(False)
    best = [(place, row + gaps[row]) for row, place in enumerate(shown.best) if place is not None]
    x = [shown.boundaries.index(place) for place, _ in best]
    label = "the language's best boundary"
    panel.scatter(x, [y for _, y in best], s=14, color="black", edgecolors="white", label=label)
    panel.set_yticks(
        [row + gap for row, gap in gaps.items()],
        [name.rpartition("/")[2] for name in shown.rows],
        fontsize=8,
    )
    ticks = [n for n, b in enumerate(shown.boundaries) if b in layer_ticks(shown.boundaries[-1])]
    panel.set_xticks(ticks, [str(shown.boundaries[tick]) for tick in ticks])
    panel.set_xlim(-0.5, len(shown.boundaries) - 0.5)
    panel.set_ylim(len(gaps) + len(blocks) - 1.5, -1.5 if any(blocks) else -0.5)
    panel.grid(visible=False)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def _panels(
    table: StudyTable, names: Sequence[str], *, width: float, height: float, sharey: bool = True
) -> "tuple[Figure, list[Axes]]":
    """A figure with a named panel each, at most two beside each other; sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    size = (width * (0.8 if columns == 2 else 1) * columns, height * rows)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharey=sharey, squeeze=False).ravel()
    for panel, name in zip(grid, names, strict=False):
        panel.set_title(name, fontsize=10, loc="left").set_parse_math(False)
        panel.tick_params(labelsize=9)
        panel.grid(axis="y", color="#DDDDDD", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    for spare in grid[len(names) :]:
        spare.remove()
    below = wrap(subtitle(table), int(LETTERS * size[0]))
    figure.set_figheight(size[1] + LINE_HEIGHT * len(below))
    figure.suptitle("\n".join([table.title, *below]), fontsize=11).set_parse_math(False)
    return figure, list(grid[: len(names)])


def _score_label(table: StudyTable) -> str:
    return f"{score_name(table)} (%)"


def _label_rows(panels: Sequence["Axes"], label: str) -> None:
    """Name the y axis of the first panel of each row."""
    for panel in panels[::2]:
        panel.set_ylabel(label)
        _as_written([panel.yaxis.label])


def _pad(*panels: "Axes", bottom: float = 0.06, top: float = 0.06) -> None:
    """Leave room below and above the values of all panels, as fractions of their range."""
    ends = np.array([panel.dataLim.intervaly for panel in panels])
    for panel in panels:
        panel.set_ylim(padded(np.array([ends.min(), ends.max()]), bottom=bottom, top=top))


def _draw_baseline(panel: "Axes", table: StudyTable) -> None:
    baseline = baseline_percentage(table)
    if baseline is not None:
        panel.axhline(baseline, label=f"baseline ({baseline:.1f})", **DASHED)


def _ring_best(
    panel: "Axes", table: StudyTable, trials: pd.DataFrame, x: Floats, y: Floats
) -> None:
    """Ring and name the best trial, where it is among those of the panel."""
    for right, up in zip(
        *(values[trials["trial"].isin(table.best[:1])] for values in (x, y)), strict=True
    ):
        panel.scatter(right, up, **RING, zorder=4)
        _label_point(panel, f"trial {table.best[0]}", (right, up), shift=(0, 9), align="center")


def _label_point(
    panel: "Axes", text: str, place: tuple[float, float], *, shift: tuple[int, int], align: str
) -> None:
    """Write beside a point, ``shift`` points away, legible over what is drawn there."""
    from matplotlib.patheffects import withStroke

    panel.annotate(
        text,
        place,
        xytext=shift,
        textcoords="offset points",
        ha=align,
        va="bottom",
        fontsize=9,
        weight="bold",
        zorder=5,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )


def _parameter_axis(
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
        _log_axis(axis, low, high)
        margin = max(high / low, 1.1) ** 0.06
        limits = (low / margin, high * margin)
    else:
        margin = 0.06 * (high - low or 1)
        limits = (low - margin, high + margin)
    panel.set(**{f"{side}lim": limits})
    axis.set_label_text(name).set_parse_math(False)


def _log_axis(axis: "Axis", low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    axis.set_ticks(ticks, labels=[f"{tick:.4g}" for tick in ticks])
    axis.set_ticks([], minor=True)


def _as_written(texts: Iterable[Any]) -> None:
    """Keep dollar signs and underscores of parameters and languages as they are."""
    for text in texts:
        text.set_parse_math(False)


def _add_legend(figure: "Figure", panel: "Axes", table: StudyTable, *, note: str = "") -> None:
    """What a panel shows, below the figure, and notes above that; nothing without any.

    The figure grows by the notes, those on its metrics among them.
    """
    handles, labels = panel.get_legend_handles_labels()
    width = int(LETTERS * figure.get_figwidth())
    lines = [line for text in (note, *table.metric_notes) for line in wrap(text, width)]
    if not (handles or lines):
        return
    figure.set_figheight(figure.get_figheight() + LINE_HEIGHT * len(lines))
    legend = figure.legend(
        handles,
        labels,
        title="\n".join(lines) or None,
        title_fontsize=9,
        loc="outside lower center",
        ncols=5,
        frameon=False,
        fontsize=9,
        borderaxespad=0.3,
    )
    _as_written([legend.get_title(), *legend.get_texts()])
