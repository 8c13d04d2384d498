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
    settled,
    title_of,
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

LINE: dict[str, Any] = {
    "linewidth": 1.3,
    "markersize": 4,
    "markeredgecolor": "white",
    "markeredgewidth": 0.5,
}


class _Shared(NamedTuple):
    """What all lines of a panel have, and in words which part of everything this is, if not all."""

    languages: Sequence[str]
    seeds: Sequence[int]
    part: str


class _Sweep(NamedTuple):
    """A table, the boundaries of each line with their variants, and the variants without one."""

    table: ScoreTable
    lines: Mapping[str, Sequence[tuple[int, str]]]
    levels: Sequence[str]
    shared: _Shared


def boundary_figure(tables: Sequence[ScoreTable]) -> "Figure | None":
    """Mean over target languages against the boundary, a panel for each model and task.

    A line is a strategy; error bars are one sample deviation over seeds. Dashed lines are the
    baseline and the variants that freeze nothing. All means of a panel are over the same
    languages and seeds: those that each of its variants has; its axis says so if these are not all.

    Returns:
        The figure, or ``None`` where no strategy has two boundaries.
    """
    shown = [sweep for table in tables if (sweep := _sweep(table)) is not None]
    if not shown:
        return None
    columns = min(len(shown), 2 if len(shown) in (2, 4) else 3)
    rows = -(-len(shown) // columns)
    width = COLUMN if columns == 1 else DOUBLE
    names = list(dict.fromkeys(name for sweep in shown for name in sweep.lines))
    figure = new_figure("" if len(shown) > 1 else shown[0].table.title, width, 0.5 + 2.1 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    label = ""
    for place, (panel, sweep) in enumerate(zip(grid, shown, strict=False)):
        _prepare(panel, "boundary (layer)")
        _draw(panel, sweep, names)
        table = sweep.table
        if len(shown) > 1:
            title = table.title.replace(", ", "\n") if columns == 3 else table.title
            as_written(panel.set_title(title, fontsize=TITLE, loc="left"))
        before, label = label, f"mean {table.metric}{sweep.shared.part} (%)"
        if place % columns == 0 or label != before:
            as_written(panel.set_ylabel(label, fontsize=SMALL))
    for spare in grid[len(shown) :]:
        spare.remove()
    add_legend(figure, list(grid[: len(shown)]))
    return settled(figure)


def has_boundaries(table: ScoreTable) -> bool:
    """Whether there is something to draw of a table's boundaries."""
    return _sweep(table) is not None


def _sweep(table: ScoreTable) -> _Sweep | None:
    """``None`` where no strategy has two boundaries, or there are no means to compare."""
    lines: dict[str, list[tuple[int, str]]] = {}
    present = [variant for variant in table.variants if table.mean(variant) is not None]
    for variant in present:
        if variant in table.boundaries:
            strategy, boundary = table.boundaries[variant]
            # Beside the strategy, what else the variant names, such as an aligner.
            name = _without_boundary(variant) if variant.startswith(strategy) else strategy
            lines.setdefault(name, []).append((boundary, variant))
    levels = [v for v in present if re.split(r"[,( ]", v)[0] in (BASELINE, NONE)]
    swept = [variant for line in lines.values() for _, variant in sorted(line)]
    own = [table.values[variant] for variant in (*swept, *levels)]
    targets = set(table.languages)
    shared = _shared([{code: scores[code] for code in scores.keys() & targets} for scores in own])
    several = any(len({boundary for boundary, _ in line}) > 1 for line in lines.values())
    if not (several and shared.seeds):
        return None
    return _Sweep(table, {name: sorted(line) for name, line in lines.items()}, levels, shared)


def _without_boundary(variant: str) -> str:
    name = re.sub(r"\bboundary=\d+(, *)?", "", variant)
    return re.sub(r"(, *)?\)", ")", name).replace("()", "")


def _draw(panel: "Axes", sweep: _Sweep, names: Sequence[str]) -> None:
    """Lines of one model and task."""

    def means(variant: str) -> list[float]:
        by_seed = sweep.table.averages(variant, sweep.shared.languages)
        return [100 * by_seed[seed] for seed in sweep.shared.seeds]

    for name, places in sweep.lines.items():
        found = [means(variant) for _, variant in places]
        panel.errorbar(
            [boundary for boundary, _ in places],
            [mean(values) for values in found],
            yerr=[stdev(values) for values in found] if len(sweep.shared.seeds) > 1 else None,
            elinewidth=0.8,
            label=name,
            **LINE,
            **_style(names.index(name)),
        )
    swept = sorted({boundary for line in sweep.lines.values() for boundary, _ in line})
    if len(swept) <= MOST_TICKS:
        panel.set_xticks(swept)
    for number, variant in enumerate(sweep.levels):
        style: dict[str, Any] = {"color": GREY if variant == BASELINE else "black"}
        style["linestyle"] = DASHES[1 + number % (len(DASHES) - 1)]
        panel.axhline(mean(means(variant)), label=variant, linewidth=1.1, zorder=1, **style)


def layers_figure(table: ScoreTable, variants: Sequence[str] = ()) -> "Figure | None":
    """Word alignment accuracy by layer, a line for each variant, and one for the baseline.

    By default it has all variants. All lines of a table are means over the same languages and
    seeds: those that each of them was measured with. The baseline's is that of the encoder before
    realignment.

    Returns:
        The figure, or ``None`` where none was measured, or none with what others were.
    """
    shared = _measured(table)
    if not shared.seeds:
        return None
    variants = variants or table.variants
    drawn = [name for name in table.variants if name == BASELINE or name in variants]
    shown = [variant for variant in drawn if table.alignment.get(variant)]
    title = title_of(table, [name for name in variants if name != BASELINE], table.name)
    figure = new_figure(title, COLUMN, 2.4 + 0.1 * len(shown))
    panel = figure.subplots()
    _prepare(panel, "layer (0 is the first)")
    panel.set_ylabel(f"word alignment accuracy{shared.part} (%)", fontsize=SMALL)
    others = [variant for variant in drawn if variant != BASELINE]
    for name in shown:
        values: dict[int, list[float]] = {}
        for language, seed in product(shared.languages, shared.seeds):
            for layer, by_seed in table.alignment[name][language].items():
                values.setdefault(layer, []).append(100 * by_seed[seed])
        style = {"color": GREY, "marker": "h"} if name == BASELINE else _style(others.index(name))
        label = BEFORE if name == BASELINE else name
        layers = sorted(values)
        panel.plot(layers, [mean(values[n]) for n in layers], label=label, **LINE, **style)
    panel.set_ylim(bottom=0)
    add_legend(figure, [panel])
    return settled(figure)


def has_layers(table: ScoreTable) -> bool:
    """Whether there is something to draw of a table's word alignment."""
    return bool(_measured(table).seeds)


def measured_variants(table: ScoreTable) -> list[str]:
    """Those with word alignment after their realignment; the baseline if there are no others."""
    found = [variant for variant in table.variants if table.alignment.get(variant)]
    return [variant for variant in found if variant != BASELINE] or found


def _measured(table: ScoreTable) -> _Shared:
    """What all word alignment of a table shares."""
    # The seeds of each language with which every layer was measured.
    measured = [
        {code: set.intersection(*map(set, layers.values())) for code, layers in own.items()}
        for own in table.alignment.values()
    ]
    return _shared(measured)


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


def _style(number: int) -> dict[str, Any]:
    return {"color": colour(number), "marker": MARKERS[number % len(MARKERS)]}


def _prepare(panel: "Axes", x_label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.set_xlabel(x_label, fontsize=SMALL)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    plain_axes(panel, size=SMALL, width=0.5, length=2)
