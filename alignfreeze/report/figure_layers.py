"""Scores against layers: at which a strategy freezes, and how well words are aligned there."""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

from alignfreeze.base.plotting import DASHES, GREY, MARKERS, as_written, plain_axes
from alignfreeze.config import BASELINE
from alignfreeze.report.drawing import (
    COLUMN,
    DOUBLE,
    SMALL,
    TITLE,
    add_legend,
    colour,
    new_figure,
    realigned,
    settled,
)
from alignfreeze.report.score_tables import ScoreTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NONE = "none"
"""The strategy that freezes nothing."""

BEFORE = "before realignment"
"""What the baseline's line is called where encoders are measured before they are fine-tuned."""

MOST_TICKS = 8
"""Boundaries that are all named on the axis."""

LINE: dict[str, Any] = {"linewidth": 1.3, "markersize": 4, "markeredgecolor": "white"}
LINE |= {"markeredgewidth": 0.5}


def boundary_figure(tables: Sequence[ScoreTable]) -> "Figure | None":
    """Mean over target languages against the boundary, a panel for each model and task.

    A line is a strategy; error bars are one sample deviation over seeds. Dashed lines are the
    baseline and the variants that freeze nothing. All means of a panel are over the same
    languages and seeds: those that each of its variants has; its axis says so if these are not all.

    Returns:
        The figure, or ``None`` where no strategy has two boundaries.
    """
    shown = [table for table in tables if _swept(table)]
    if not shown:
        return None
    columns = min(len(shown), 2 if len(shown) in (2, 4) else 3)
    rows = -(-len(shown) // columns)
    width = COLUMN if columns == 1 else DOUBLE
    names = list(dict.fromkeys(name for table in shown for name in strategy_lines(table)))
    figure = new_figure("" if len(shown) > 1 else shown[0].title, width, 0.5 + 2.1 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    label = ""
    for place, (panel, table) in enumerate(zip(grid, shown, strict=False)):
        _prepare(panel, "boundary (layer)")
        _sweep(panel, table, names)
        if len(shown) > 1:
            title = table.title.replace(", ", "\n") if columns == 3 else table.title
            as_written(panel.set_title(title, fontsize=TITLE, loc="left"))
        before, label = label, f"mean {table.metric}{_of_boundaries(table).part} (%)"
        if place % columns == 0 or label != before:
            as_written(panel.set_ylabel(label, fontsize=SMALL))
    for spare in grid[len(shown) :]:
        spare.remove()
    add_legend(figure, list(grid[: len(shown)]))
    return settled(figure)


def strategy_lines(table: ScoreTable) -> dict[str, list[tuple[int, str]]]:
    """By strategy, and aligner where the variant names one, the boundaries and their variants."""
    lines: dict[str, list[tuple[int, str]]] = {}
    for variant in table.variants:
        if variant in table.boundaries and table.mean(variant) is not None:
            strategy, boundary = table.boundaries[variant]
            name = _without_boundary(variant) if variant.startswith(strategy) else strategy
            lines.setdefault(name, []).append((boundary, variant))
    return {name: sorted(places) for name, places in lines.items()}


def layers_figure(table: ScoreTable) -> "Figure | None":
    """Word alignment accuracy by layer, a line for each variant.

    All lines are means over the same languages and seeds: those that each of them was measured
    with. The baseline's is that of the encoder before realignment.

    Returns:
        The figure, or ``None`` where none was measured, or none with what others were.
    """
    shared = _shared(list(_measured(table).values()))
    if not shared.seeds:
        return None
    lines = {name: _by_layer(table, name, shared) for name in table.variants}
    lines = {name: layers for name, layers in lines.items() if layers}
    figure = new_figure(table.name, COLUMN, 2.4 + 0.1 * len(lines))
    panel = figure.subplots()
    _prepare(panel, "layer (0 is the first)")
    panel.set_ylabel(f"word alignment accuracy{shared.part} (%)", fontsize=SMALL)
    others = realigned(table)
    for name, layers in lines.items():
        style = _style(others.index(name)) if name in others else {"color": GREY, "marker": "h"}
        label = BEFORE if name == BASELINE else name
        panel.plot(list(layers), list(layers.values()), label=label, **LINE, **style)
    panel.set_ylim(bottom=0)
    add_legend(figure, [panel])
    return settled(figure)


class _Shared(NamedTuple):
    """What all lines of a panel have, and in words which part of everything this is, if not all."""

    languages: Sequence[str]
    seeds: Sequence[int]
    part: str


def _shared(lines: Sequence[Mapping[str, Collection[int]]]) -> _Shared:
    """What lines share, of each of which the seeds of each language are given."""
    every_language = sorted({language for own in lines for language in own})
    languages = [language for language in every_language if all(own.get(language) for own in lines)]
    every_seed = {seed for own in lines for seeds in own.values() for seed in seeds}
    found = [set(own[language]) for own in lines for language in languages]
    seeds = sorted(every_seed.intersection(*found)) if found else []
    part = ""
    if len(languages) < len(every_language):
        part += f" of {len(languages)} of {len(every_language)} languages"
    if len(seeds) < len(every_seed):
        part += f", {'seed' if len(seeds) == 1 else 'seeds'} {' '.join(map(str, seeds))}"
    return _Shared(languages, seeds, part)


def _swept(table: ScoreTable) -> bool:
    """Whether some strategy has at least two boundaries, and there are means to compare."""
    several = any(len({b for b, _ in line}) > 1 for line in strategy_lines(table).values())
    return several and bool(_of_boundaries(table).seeds)


def _of_boundaries(table: ScoreTable) -> _Shared:
    """The target languages and seeds that everything in a panel of boundaries has."""
    swept = [variant for line in strategy_lines(table).values() for _, variant in line]
    targets = set(table.languages)
    shown = [table.values[variant] for variant in (*swept, *_unfrozen(table))]
    return _shared([{code: own[code] for code in own.keys() & targets} for own in shown])


def _unfrozen(table: ScoreTable) -> list[str]:
    """The baseline, and the variants that freeze nothing."""
    found = [v for v in table.variants if re.split(r"[,( ]", v)[0] in (BASELINE, NONE)]
    return [variant for variant in found if table.mean(variant) is not None]


def _without_boundary(variant: str) -> str:
    name = re.sub(r"\bboundary=\d+(, *)?", "", variant)
    return re.sub(r"(, *)?\)", ")", name).replace("()", "")


def _sweep(panel: "Axes", table: ScoreTable, names: Sequence[str]) -> None:
    """Lines of one model and task."""
    shared = _of_boundaries(table)

    def means(variant: str) -> list[float]:
        by_seed = table.averages(variant, shared.languages)
        return [100 * by_seed[seed] for seed in shared.seeds]

    for name, places in strategy_lines(table).items():
        found = [means(variant) for _, variant in places]
        panel.errorbar(
            [boundary for boundary, _ in places],
            [mean(values) for values in found],
            yerr=[stdev(values) for values in found] if len(shared.seeds) > 1 else None,
            elinewidth=0.8,
            label=name,
            **LINE,
            **_style(names.index(name)),
        )
    swept = sorted({b for line in strategy_lines(table).values() for b, _ in line})
    if len(swept) <= MOST_TICKS:
        panel.set_xticks(swept)
    for number, variant in enumerate(_unfrozen(table)):
        style: dict[str, Any] = {"color": GREY if variant == BASELINE else "black"}
        style["linestyle"] = DASHES[1 + number % (len(DASHES) - 1)]
        panel.axhline(mean(means(variant)), label=variant, linewidth=1.1, zorder=1, **style)


def _measured(table: ScoreTable) -> dict[str, dict[str, set[int]]]:
    """By variant and language, the seeds with which word alignment was measured at every layer."""
    return {
        variant: {
            code: set.intersection(*map(set, layers.values())) for code, layers in own.items()
        }
        for variant, own in table.alignment.items()
    }


def _by_layer(table: ScoreTable, variant: str, shared: _Shared) -> dict[int, float]:
    """By layer, the mean over what all lines share, in percent."""
    values: dict[int, list[float]] = {}
    own = table.alignment.get(variant, {})
    for language, seed in product(shared.languages, shared.seeds if own else ()):
        for layer, by_seed in own[language].items():
            values.setdefault(layer, []).append(100 * by_seed[seed])
    return {layer: mean(values[layer]) for layer in sorted(values)}


def _style(number: int) -> dict[str, Any]:
    return {"color": colour(number), "marker": MARKERS[number % len(MARKERS)]}


def _prepare(panel: "Axes", x_label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.set_xlabel(x_label, fontsize=SMALL)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    plain_axes(panel, size=SMALL, width=0.5, length=2)
