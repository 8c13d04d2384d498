"""Figures of what realignment does, layer by layer, drawn without touching matplotlib's state."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from alignfreeze.base import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from alignfreeze.probing.scores import AlignmentScore, DriftScore

PRETRAINED = "pretrained"
"""The stage that all strategies begin with: one grey line, where they have the same scores."""

MOST_BANDS = 3
"""Lines above whose number shaded ranges would hide each other: bars side by side replace them."""

BARS_WIDTH = 0.6
"""How far the bars of a layer spread, where the next layer is at 1."""

LEAST_TOP = 0.01
"""Of the greatest possible value, what the y axis shows at least: rounding is no drift."""

_Panels = Mapping[str, Callable[[Any], bool]]
"""Titles of panels, and which scores each takes."""


class _Line(NamedTuple):
    """A line of the figure: its name, the scores that it sums up, and how it looks."""

    label: str
    scores: Sequence[Any]
    style: Mapping[str, Any]


def alignment_figure(
    scores: Mapping[str, "Sequence[AlignmentScore]"], *, title: str = ""
) -> "Figure":
    """Word alignment accuracy by layer, weak on the left, strong on the right.

    A line is the mean over languages of both directions' mean; where there are several
    languages, a band or bars go from the lowest to the highest.

    Args:
        scores: By strategy; of any stages. A strategy on its own is not named.
        title: Stands above, such as the model's name.

    Raises:
        ValueError: If there is no score.
    """
    panels: _Panels = {
        "weak: nearest word of the other language": lambda score: score.kind == "weak",
        "strong: nearest word of both languages": lambda score: score.kind == "strong",
    }
    return _figure(_lines(scores), panels, "word alignment accuracy (%)", scale=100, title=title)


def drift_figure(
    scores: Mapping[str, "Sequence[DriftScore]"], *, source_language: str, title: str = ""
) -> "Figure":
    """Drift by layer, of target languages on the left, of the source language on the right.

    The rest is as in `alignment_figure`.
    """
    panels: _Panels = {
        "target languages": lambda score: score.language != source_language,
        f"source language ({source_language})": lambda score: score.language == source_language,
    }
    return _figure(_lines(scores), panels, "drift (1 − linear CKA)", scale=1, title=title)


def _lines(scores: Mapping[str, Sequence[Any]]) -> list[_Line]:
    """One line a stage and strategy, stage after stage."""
    stages: dict[str, dict[str, list[Any]]] = {}
    for strategy, own in scores.items():
        for score in own:
            stages.setdefault(score.stage, {}).setdefault(strategy, []).append(score)
    # A strategy that does not realign may be the first, and must not put that stage last.
    stages = dict(sorted(stages.items(), key=lambda item: item[0].startswith("finetuned")))
    if not stages:
        raise ValueError("a figure needs at least one score, got none")
    lines = []
    first, *others = stages.get(PRETRAINED, {}).values() or [[]]
    if first and all(other == first for other in others):
        lines.append(_Line(PRETRAINED, first, {"color": plotting.GREY, "marker": "h"}))
        del stages[PRETRAINED]
    for number, (stage, by_strategy) in enumerate(stages.items()):
        for strategy, own in by_strategy.items():
            # Of one strategy, stages differ in colour and marker; of several, strategies do, and
            # their stages differ in dashes.
            single = len(scores) == 1
            place, dashes = (number, 0) if single else (list(scores).index(strategy), number)
            style = {
                "color": plotting.COLOURS[place % len(plotting.COLOURS)],
                "marker": plotting.MARKERS[place % len(plotting.MARKERS)],
                "linestyle": plotting.DASHES[dashes % len(plotting.DASHES)],
            }
            lines.append(_Line(stage if single else f"{strategy}, {stage}", own, style))
    return lines


def _figure(
    lines: Sequence[_Line], panels: _Panels, y_label: str, *, scale: float, title: str
) -> "Figure":
    """Panels side by side, with one legend, which says how many languages the first shows."""
    from matplotlib.lines import Line2D

    layers = sorted({score.layer for line in lines for score in line.scores})
    bands = len(lines) <= MOST_BANDS and len(layers) > 1
    n_columns = 2 if len(lines) == 4 else min(len(lines), 3)
    width = 8.4 + 0.3 * max(0, len(layers) - 12)
    figure = plotting.blank_figure(width, 3.9 + 0.22 * -(-len(lines) // n_columns))
    axes = figure.subplots(1, len(panels), sharey=True)
    for panel, (name, takes) in zip(axes, panels.items(), strict=True):
        panel.set_title(name, fontsize=10, loc="left")
        panel.set_xlabel("layer (0 is the first)")
        panel.set_xticks(layers)
        panel.set_xlim(layers[0] - 0.5, layers[-1] + 0.5)
        plotting.plain_axes(panel, size=9)
        _draw(panel, lines, takes, scale, bands=bands)
    axes[0].set_ylabel(y_label)
    top = max(axes[0].get_ylim()[1], LEAST_TOP * scale)
    axes[0].set_ylim(0, min(top, 1.02 * scale))
    counted = next(iter(panels.values()))
    languages = [{s.language for s in line.scores if counted(s)} for line in lines]
    style: dict[str, Any] = {"title": _caption(languages, "shaded" if bands else "bars")}
    style |= {"handlelength": 3, "borderaxespad": 0, "ncols": n_columns}
    handles = [Line2D([], [], **plotting.LINE, **line.style) for line in lines]
    plotting.legend_below(figure, handles, [line.label for line in lines], size=9, **style)
    if title:
        plotting.as_written(figure.suptitle(title, fontsize=11))
    return figure


def _draw(
    panel: "Axes",
    lines: Sequence[_Line],
    takes: Callable[[Any], bool],
    scale: float,
    *,
    bands: bool,
) -> None:
    """Lines with their ranges, as bands behind them or as bars beside each other."""
    shifts = (np.arange(len(lines)) + 0.5) / len(lines) - 0.5
    for line, shift in zip(lines, shifts, strict=True):
        rows = [(s.layer, s.language, scale * s.value) for s in line.scores if takes(s)]
        table = pd.DataFrame(rows, columns=["layer", "language", "value"])
        # Several scores of a language and layer count by their mean.
        values = table.astype({"value": float}).groupby(["layer", "language"])["value"].mean()
        ranges = values.groupby("layer").agg(["mean", "min", "max"])
        x = ranges.index.to_numpy(float) + (0 if bands else BARS_WIDTH * shift)
        colour = line.style["color"]
        if bands:
            panel.fill_between(x, ranges["min"], ranges["max"], color=colour, alpha=0.15, lw=0)
        else:
            panel.vlines(x, ranges["min"], ranges["max"], color=colour, alpha=0.4, lw=1.2)
        panel.plot(x, ranges["mean"], clip_on=False, zorder=3, **plotting.LINE, **line.style)


def _caption(languages: Sequence[set[str]], ranges: str) -> str:
    """What the lines and their ranges are, given the languages of each line."""
    if any(found != languages[0] for found in languages):
        return f"mean over languages ({ranges}: lowest to highest)"
    if len(languages[0]) == 1:
        return f"language: {min(languages[0])}"
    return f"mean over {len(languages[0])} languages ({ranges}: lowest to highest)"
