"""Differences to the reference, usually the baseline, a bar for each language and variant."""

from collections.abc import Sequence
from itertools import groupby, product
from statistics import mean
from typing import TYPE_CHECKING, Any

from alignfreeze.base.plotting import GREY, annotate, as_written, plain_axes
from alignfreeze.report.completeness import SHORT
from alignfreeze.report.drawing import (
    COLUMN,
    DOUBLE,
    ERRORS,
    LEAST,
    SMALL,
    add_legend,
    colour,
    error,
    name_languages,
    new_figure,
    points,
    settled,
    spans,
    title_of,
)
from alignfreeze.report.language_families import by_family, family
from alignfreeze.report.score_tables import ScoreTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_GROUPED, MOST_BARS = 14, 60
"""Languages, and bars, above which each variant has a panel of its own."""

MOST_NARROW = 30
"""Bars that are readable in one column."""

GROUP_WIDTH = 0.8
"""How far the bars of a language spread, where the next language is at 1."""

MARGIN = 0.05
"""Room above and below all bars, as a fraction of the scale."""

LEAST_SLOTS = 4
"""Languages for which there is room at least, lest bars be as wide as the figure."""

NO_SCORE = "no score"


def band_name(table: ScoreTable) -> str:
    """What the legend calls the reference's own deviation."""
    return f"{table.reference} ± deviation"


def difference_figure(table: ScoreTable, variants: Sequence[str] = ()) -> "Figure | None":
    """Difference to the reference in points for each language, a bar for each variant.

    All figures of a table have the same languages in the same order, and the same scale; by
    default one figure has all variants.

    Languages are grouped by family, and by the mean of their differences within. Error bars
    are one sample deviation of the differences over seeds. The band about zero is one sample
    deviation of the reference over seeds. A bar that rests on fewer seeds than others is marked.

    Returns:
        The figure, or ``None`` where there is no difference to show.
    """
    variants, languages = variants or table.compared, ordered(table)
    if not languages:
        return None
    bars = len(languages) * len(variants)
    stacked = len(variants) > 1 and (len(languages) > MOST_GROUPED or bars > MOST_BARS)
    per_panel = len(languages) * (1 if stacked else len(variants))
    wide = per_panel > MOST_NARROW or len(languages) > MOST_GROUPED
    rows = [[variant] for variant in variants] if stacked else [variants]
    width = DOUBLE if wide else COLUMN
    height = 1.4 + (0.95 * len(rows) if stacked else 1.6)
    figure = new_figure(title_of(table, variants, table.title), width, height)
    panels = figure.subplots(len(rows), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for first, (panel, shown) in enumerate(zip(panels, rows, strict=True)):
        _draw(panel, table, shown, languages, first=first)
        if stacked:
            as_written(panel.set_title(shown[0], fontsize=SMALL, loc="left", pad=2))
    panels[0].set_ylim(*_limits(table, languages))
    cells = product(variants, languages)
    short = any(table.comparison(*cell).own and table.falls_short(*cell) for cell in cells)
    text = f"difference to {table.reference} (points)"
    text += f"\n{SHORT}: over fewer seeds than others" if short else ""
    label = figure.supylabel(text, fontsize=SMALL)
    as_written(label)
    name_languages(panels[-1], languages, slot=(width - 0.6) / max(len(languages), LEAST_SLOTS))
    last = (band_name(table), NO_SCORE)
    add_legend(figure, list(panels), without=variants if stacked else (), last=last)
    settled(figure)
    label.set_y((panels[0].get_position().y1 + panels[-1].get_position().y0) / 2)
    return figure


def has_differences(table: ScoreTable) -> bool:
    """Whether there is something to draw of a table's differences."""
    return bool(ordered(table))


def ordered(table: ScoreTable) -> list[str]:
    """Languages with any difference, by family, the greatest mean difference first within."""
    means: dict[str, float] = {}
    for language in table.languages:
        found = [points(table, variant, language) for variant in table.compared]
        known = [value for value in found if value is not None]
        if known:
            means[language] = mean(known)
    groups = groupby(by_family(means), key=family)
    return [code for _, own in groups for code in sorted(own, key=lambda c: (-means[c], c))]


def _limits(table: ScoreTable, languages: Sequence[str]) -> tuple[float, float]:
    """Where the scale of all figures of a table begins and ends, in points."""
    ends = [-LEAST, LEAST]
    for language in languages:
        band = 100 * (table.deviation(table.reference, language) or 0)
        ends += [-band, band]
        for variant in table.compared:
            length = error(table, variant, language) or 0
            value = points(table, variant, language)
            ends += [] if value is None else [value - length, value + length]
    margin = MARGIN * (max(ends) - min(ends))
    return min(ends) - margin, max(ends) + margin


def _draw(
    panel: "Axes",
    table: ScoreTable,
    shown: Sequence[str],
    languages: Sequence[str],
    *,
    first: int,
) -> None:
    """The reference's band, and the bars of some variants beside each other, from a colour on."""
    _prepare(panel, languages)
    _band(panel, table, languages)
    width = GROUP_WIDTH / len(shown)
    missing: list[float] = []
    style: dict[str, Any]
    for number, variant in enumerate(shown):
        shift = width * (number + 0.5) - GROUP_WIDTH / 2
        found = [points(table, variant, language) for language in languages]
        missing += [place + shift for place, value in enumerate(found) if value is None]
        bars = {place: value for place, value in enumerate(found) if value is not None}
        shade = colour(first + number)
        style = {"width": 0.92 * width, "color": shade, "zorder": 2, "label": variant}
        panel.bar([place + shift for place in bars], [*bars.values()], **style)
        ends = []
        for place, value in bars.items():
            if table.falls_short(variant, languages[place]):
                style = {"ha": "center", "va": "top" if value < 0 else "bottom", "fontsize": SMALL}
                away = (0, -2 if value < 0 else 2)
                annotate(panel, SHORT, (place + shift, value), away, **style)
            length = error(table, variant, languages[place])
            ends += [] if length is None else [(place + shift, value, length)]
        if ends:
            style = {"ecolor": ERRORS, "elinewidth": 0.7, "capsize": 0, "fmt": "none", "zorder": 3}
            xs, ys, lengths = zip(*ends, strict=True)
            panel.errorbar(xs, ys, yerr=lengths, **style)
    if missing:
        style = {"s": 14, "linewidths": 0.9, "zorder": 4, "marker": "x", "color": GREY}
        panel.scatter(missing, [0.0] * len(missing), label=NO_SCORE, **style)


def _prepare(panel: "Axes", languages: Sequence[str]) -> None:
    """A zero line, and thin lines between families."""
    spare = max(0, LEAST_SLOTS - len(languages)) / 2
    panel.set_xlim(-0.6 - spare, len(languages) - 0.4 + spare)
    panel.axhline(0, color="black", linewidth=0.7, zorder=3)
    for _, first, _ in spans(languages)[1:]:
        panel.axvline(first - 0.5, color="#BBBBBB", linewidth=0.5, zorder=0)
    plain_axes(panel, size=SMALL, width=0.5, length=2, pad=2)
    panel.tick_params(axis="x", length=0)
    panel.locator_params(axis="y", nbins=5)
    panel.spines["bottom"].set_visible(False)


def _band(panel: "Axes", table: ScoreTable, languages: Sequence[str]) -> None:
    """What the reference's own deviation is, about zero."""
    found = [table.deviation(table.reference, language) for language in languages]
    sizes = {place: 100 * value for place, value in enumerate(found) if value is not None}
    if sizes:
        style: dict[str, Any] = {"width": 1, "color": "#DDDDDD", "zorder": 1}
        style["bottom"] = [-size for size in sizes.values()]
        panel.bar([*sizes], [2 * s for s in sizes.values()], label=band_name(table), **style)
