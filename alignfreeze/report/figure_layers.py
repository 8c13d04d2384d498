"""Scores against layers: at which a strategy freezes, and how well words are aligned there."""

import re
from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

from alignfreeze.figures import DASHES, GREY, MARKERS
from alignfreeze.preparation import BASELINE
from alignfreeze.report.blocks import Block
from alignfreeze.report.figure_parts import (
    COLUMN,
    DOUBLE,
    SMALL,
    TITLE,
    add_legend,
    as_written,
    colour,
    new_figure,
    realigned,
    seeds_key,
    settled,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

NONE = "none"
"""The strategy that freezes nothing."""

MOST_TICKS = 8
"""Boundaries that are all named on the axis."""

LINE: dict[str, Any] = {"linewidth": 1.3, "markersize": 4, "markeredgecolor": "white"}
LINE |= {"markeredgewidth": 0.5}


def boundary_figure(blocks: Sequence[Block]) -> "Figure | None":
    """Mean over target languages against the boundary, a panel for each model and task.

    A line is a strategy; error bars are one sample deviation over seeds. Dashed lines are the
    baseline and the variants that freeze nothing. All means of a panel are over the same
    languages: those that each of its variants has.

    Returns:
        The figure, or ``None`` where no strategy has two boundaries.
    """
    shown = [block for block in blocks if _swept(block)]
    if not shown:
        return None
    columns = min(len(shown), 2 if len(shown) in (2, 4) else 3)
    rows = -(-len(shown) // columns)
    width = COLUMN if columns == 1 else DOUBLE
    names = list(dict.fromkeys(name for block in shown for name in strategy_lines(block)))
    figure = new_figure("" if len(shown) > 1 else shown[0].name, width, 0.5 + 2.1 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, block in zip(grid, shown, strict=False):
        _prepare(panel, "boundary (layer)")
        _sweep(panel, block, names)
        if len(shown) > 1:
            title = block.name.replace(", ", "\n") if columns == 3 else block.name
            as_written(panel.set_title(title, fontsize=TITLE, loc="left"))
    for spare in grid[len(shown) :]:
        spare.remove()
    for place, block in enumerate(shown):
        label = _mean_label(block)
        if place % columns == 0 or label != _mean_label(shown[place - 1]):
            as_written(grid[place].set_ylabel(label, fontsize=SMALL))
    _legend(figure, list(grid[: len(shown)]))
    return settled(figure)


def strategy_lines(block: Block) -> dict[str, list[tuple[int, str]]]:
    """By strategy, and aligner where the variant names one, the boundaries and their variants."""
    lines: dict[str, list[tuple[int, str]]] = {}
    for variant in block.variants:
        if variant in block.boundaries and block.average(variant) is not None:
            strategy, boundary = block.boundaries[variant]
            name = _without_boundary(variant) if variant.startswith(strategy) else strategy
            lines.setdefault(name, []).append((boundary, variant))
    return {name: sorted(places) for name, places in lines.items()}


def layers_figure(block: Block) -> "Figure | None":
    """Word alignment accuracy by layer, a line for each variant, the mean over languages.

    Returns:
        The figure, or ``None`` where none was measured.
    """
    lines = {name: _by_layer(block, name) for name in block.variants}
    lines = {name: layers for name, layers in lines.items() if layers}
    if not lines:
        return None
    figure = new_figure(block.name, COLUMN, 2.4 + 0.1 * len(lines))
    panel = figure.subplots()
    _prepare(panel, "layer (0 is the first)")
    panel.set_ylabel("word alignment accuracy (%)", fontsize=SMALL)
    others = realigned(block)
    for name, layers in lines.items():
        style = _style(others.index(name)) if name in others else {"color": GREY, "marker": "h"}
        panel.plot(list(layers), list(layers.values()), label=name, **LINE, **style)
    panel.set_ylim(bottom=0)
    _legend(figure, [panel])
    return settled(figure)


def _swept(block: Block) -> bool:
    """Whether some strategy has at least two boundaries, and there are means to compare."""
    several = any(len({b for b, _ in line}) > 1 for line in strategy_lines(block).values())
    return several and bool(_languages(block))


def _languages(block: Block) -> list[str]:
    """The target languages that everything in a panel of boundaries has."""
    swept = [variant for line in strategy_lines(block).values() for _, variant in line]
    shown = [block.values[variant] for variant in (*swept, *_unfrozen(block))]
    return [language for language in block.languages if all(own.get(language) for own in shown)]


def _unfrozen(block: Block) -> list[str]:
    """The baseline, and the variants that freeze nothing."""
    found = [v for v in block.variants if re.split(r"[,( ]", v)[0] in (BASELINE, NONE)]
    return [variant for variant in found if block.average(variant) is not None]


def _mean_label(block: Block) -> str:
    n_languages = len(_languages(block))
    some = n_languages < len(block.languages)
    of = f" of {n_languages} of {len(block.languages)} languages" if some else ""
    return f"mean {block.metric}{of} (%)"


def _without_boundary(variant: str) -> str:
    name = re.sub(r"\bboundary=\d+(, *)?", "", variant)
    return re.sub(r"(, *)?\)", ")", name).replace("()", "")


def _sweep(panel: "Axes", block: Block, names: Sequence[str]) -> None:
    """Lines of one model and task."""
    languages = _languages(block)
    for name, places in strategy_lines(block).items():
        means = [100 * (block.average(variant, languages) or 0) for _, variant in places]
        errors = [100 * (block.average_deviation(variant, languages) or 0) for _, variant in places]
        panel.errorbar(
            [boundary for boundary, _ in places],
            means,
            yerr=errors if any(errors) else None,
            elinewidth=0.8,
            label=name,
            **LINE,
            **_style(names.index(name)),
        )
    swept = sorted({b for line in strategy_lines(block).values() for b, _ in line})
    if len(swept) <= MOST_TICKS:
        panel.set_xticks(swept)
    for number, variant in enumerate(_unfrozen(block)):
        average = block.average(variant, languages) or 0
        style: dict[str, Any] = {"color": GREY if variant == BASELINE else "black"}
        style["linestyle"] = DASHES[1 + number % (len(DASHES) - 1)]
        panel.axhline(100 * average, label=variant, linewidth=1.1, zorder=1, **style)


def _by_layer(block: Block, variant: str) -> dict[int, float]:
    """By layer, the mean over languages in percent."""
    values: dict[int, list[float]] = {}
    for layers in block.alignment.get(variant, {}).values():
        for layer, value in layers.items():
            values.setdefault(layer, []).append(100 * value)
    return {layer: mean(values[layer]) for layer in sorted(values)}


def _style(number: int) -> dict[str, Any]:
    return {"color": colour(number), "marker": MARKERS[number % len(MARKERS)]}


def _prepare(panel: "Axes", x_label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.set_xlabel(x_label, fontsize=SMALL)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    panel.tick_params(labelsize=SMALL, length=2)
    panel.grid(axis="y", color="#E6E6E6", linewidth=0.5)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _legend(figure: "Figure", panels: "Sequence[Axes]") -> None:
    from matplotlib.container import ErrorbarContainer

    found: dict[str, Artist] = {}
    errors: list[Line2D] = []
    for panel in panels:
        for handle, name in zip(*panel.get_legend_handles_labels(), strict=True):
            line = handle.lines[0] if isinstance(handle, ErrorbarContainer) else handle
            found.setdefault(name, line)
            if isinstance(handle, ErrorbarContainer) and handle.has_yerr:
                errors = [seeds_key()]
    found |= {str(key.get_label()): key for key in errors}
    add_legend(figure, list(found.values()), list(found))
