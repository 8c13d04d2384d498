"""Figures of a study, drawn without touching matplotlib's state."""

from typing import TYPE_CHECKING, Any

import numpy as np

from alignfreeze.base.plotting import COLOURS, as_written
from alignfreeze.search import drawing
from alignfreeze.search.figure_boundaries import boundary_figure, contour_figure, languages_figure
from alignfreeze.search.trial_table import FAILED, NAMES, PRUNED, StudyTable, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BOTTOM = 0.03
"""Where trials without a score stand, as a fraction of the panel's height."""


def study_figures(table: StudyTable) -> dict[str, "Figure"]:
    """The figures that a study has something to show for, by their file's stem."""
    if table.complete.empty:
        return {}
    figures = {
        "history": _history(table),
        "importances": _importances(table),
        "boundary": boundary_figure(table),
        "contour": contour_figure(table),
        "pareto": _pareto(table),
        "languages": languages_figure(table),
    }
    return {stem: figure for stem, figure in figures.items() if figure is not None}


def _history(table: StudyTable) -> "Figure":
    """The first objective, trial after trial."""
    from matplotlib.ticker import MaxNLocator

    figure, (panel,) = drawing.new_panels(table, ["optimisation history"], width=7.4, height=4.2)
    complete = table.complete
    trials, scores = complete["trial"], table.percentages(complete)
    panel.scatter(trials, scores, color=COLOURS[0], label="complete trial", **drawing.POINTS)
    last = table.trials["trial"].max()
    steps = np.append(trials, last), np.maximum.accumulate(np.append(scores, scores[-1]))
    panel.step(*steps, where="post", color=COLOURS[1], linewidth=1.8, label="best so far")
    drawing.draw_baseline(panel, table)
    drawing.pad(panel, bottom=0.14)
    for state, marker, colour in ((PRUNED, "|", COLOURS[4]), (FAILED, "x", COLOURS[3])):
        own = table.trials.loc[table.trials["state"] == state, "trial"]
        if len(own):
            style: dict[str, Any] = {"marker": marker, "color": colour, "s": 45, "linewidths": 1.8}
            style |= {"transform": panel.get_xaxis_transform(), "label": f"{state} ({len(own)})"}
            panel.scatter(own, np.full(len(own), BOTTOM), **style)
    panel.set_xlim(table.trials["trial"].min() - 0.7, last + 0.7)
    panel.set_xlabel("trial")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    drawing.label_rows([panel], table)
    drawing.add_legend(figure, panel, table)
    return figure


def _importances(table: StudyTable) -> "Figure | None":
    """How much each parameter says of whether a trial is among the best."""
    if not table.importances:
        return None
    height = 1.5 + 0.34 * len(table.importances)
    figure, (panel,) = drawing.new_panels(
        table, ["importance of parameters"], width=6.4, height=height
    )
    places, values = range(len(table.importances)), [100 * v for v in table.importances.values()]
    bars = panel.barh(places, values, color=COLOURS[0], height=0.65)
    panel.bar_label(bars, fmt="%.0f", padding=4, fontsize=9)
    panel.set_yticks(places, list(table.importances))
    panel.invert_yaxis()
    panel.set_xlim(0, 1.1 * max(values) or 1)
    panel.set_xlabel(f"importance for being among the best (%),\nby the {table.score_name}")
    panel.grid(visible=False, axis="y")
    panel.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    as_written(*panel.get_yticklabels(), panel.xaxis.label)
    drawing.add_legend(figure, panel, table)
    return figure


def _pareto(table: StudyTable) -> "Figure | None":
    """Both objectives, and the trials that no other beats in both."""
    from matplotlib.ticker import MaxNLocator

    if len(table.objectives) < 2:
        return None
    first, second = table.objectives
    trials = table.complete[table.complete[second].notna()]
    if trials.empty:
        return None
    figure, (panel,) = drawing.new_panels(table, ["Pareto front"], width=6.6, height=4.6)
    places = numbers(trials, second), table.percentages(trials)
    panel.scatter(*places, color=COLOURS[5], label="complete trial", **drawing.POINTS)
    front = trials[trials["trial"].isin(table.best)].sort_values([second, first, "trial"])
    x, y = numbers(front, second), table.percentages(front)
    panel.plot(x, y, drawstyle="steps-post", color=COLOURS[1], linewidth=1.6)
    panel.scatter(
        x, y, color=COLOURS[1], label="Pareto front", **{**drawing.POINTS, "s": 60, "zorder": 4}
    )
    labels: dict[tuple[float, float], list[str]] = {}
    for right, up, number in zip(x, y, front["trial"], strict=True):
        labels.setdefault((right, up), []).append(str(number))
    for place, there in labels.items():
        drawing.label_point(panel, ", ".join(there), place, shift=(-5, 5), align="right")
    drawing.draw_baseline(panel, table)
    panel.margins(x=0.12)
    drawing.pad(panel, top=0.1)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    left, right = panel.get_xlim()
    panel.set_xlim(max(left, -0.5), max(right, left + 2))  # counts: no fractions between them
    panel.set_xlabel(NAMES.get(second, second))
    drawing.label_rows([panel], table)
    drawing.add_legend(figure, panel, table)
    return figure
