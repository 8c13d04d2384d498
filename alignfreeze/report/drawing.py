"""What the figures of a report have in common."""

from collections.abc import Sequence
from statistics import stdev
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from alignfreeze.base.plotting import COLOURS, as_written, blank_figure, legend_below
from alignfreeze.config import BASELINE
from alignfreeze.report.comparison import SHORT
from alignfreeze.report.language_families import family
from alignfreeze.report.score_tables import ScoreTable

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

COLUMN, DOUBLE = 3.4, 7.0
"""Widths of one and of two columns of a paper, in inches."""

SMALL, TITLE = 7, 8
"""Sizes of text, in points."""

CHARACTER = 0.058
"""How wide a character of small text is, in inches, rather too wide than too narrow."""

PALETTE = (*COLOURS, "#332288", "#882255")
"""A colour each for as many variants as a report compares."""

FEWER = f"{SHORT}: over fewer seeds or languages than others"

LINE_GREY, PALE, BAND, ERRORS = "#999999", "#EEEEEE", "#DDDDDD", "#333333"


def new_figure(title: str, width: float, height: float) -> "Figure":
    """An empty figure of a size in inches; its title is broken where it is too wide."""
    figure = blank_figure(width, height)
    if title:
        characters = int(width / (CHARACTER * TITLE / SMALL))
        as_written(figure.suptitle(fill(title, characters), fontsize=TITLE))
    return figure


def settled(figure: "Figure") -> "Figure":
    """The figure with all in its place: else each drawing of it would move things a little."""
    figure.draw_without_rendering()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def realigned(table: ScoreTable) -> list[str]:
    """All variants but the baseline."""
    return [variant for variant in table.variants if variant != BASELINE]


def has_differences(table: ScoreTable) -> bool:
    """Whether any variant has a difference to the baseline in any language."""
    return any(
        table.difference(variant, language) is not None
        for variant in realigned(table)
        for language in table.languages
    )


def points(table: ScoreTable, variant: str, language: str | None = None) -> float | None:
    """The difference to the baseline in points, of averages by default; ``None`` without any."""
    difference = table.difference(variant, language)
    return None if difference is None else 100 * difference


def error(table: ScoreTable, variant: str, language: str) -> float | None:
    """Sample deviation of the difference to the baseline over seeds that both have, in points.

    ``None`` of fewer than two seeds that both have.
    """
    found = list(table.differences(variant, language).values())
    return 100 * stdev(found) if len(found) > 1 else None


def colour(number: int) -> str:
    """The colour of a variant by its place."""
    return PALETTE[number % len(PALETTE)]


def spans(languages: Sequence[str]) -> list[tuple[str, int, int]]:
    """Families of languages that are in order, with their first and last place."""
    found: list[tuple[str, int, int]] = []
    for place, language in enumerate(languages):
        name = family(language)
        if found and found[-1][0] == name:
            found[-1] = (name, found[-1][1], place)
        else:
            found.append((name, place, place))
    return found


def signed(value: float) -> str:
    """A number with one decimal and its sign; zero has none."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def seeds_key() -> "Line2D":
    """What error bars are, for a legend."""
    from matplotlib.lines import Line2D

    style: dict[str, Any] = {"linestyle": "none", "markersize": 8, "color": ERRORS}
    return Line2D([], [], marker="|", label="± deviation over seeds", **style)


def add_legend(figure: "Figure", handles: "Sequence[Artist]", labels: Sequence[str]) -> None:
    """A legend below the figure, of as few rows as fit."""
    if not handles:
        return
    columns = _columns([len(label) * CHARACTER + 0.4 for label in labels], figure.get_figwidth())
    style = {"handlelength": 2, "columnspacing": 1.2, "labelspacing": 0.3, "borderaxespad": 0.2}
    legend_below(figure, handles, labels, size=SMALL, ncols=columns, **style)


def _columns(widths: Sequence[float], available: float) -> int:
    """The most columns that fit, without one that the same number of rows does not need."""
    for rows in range(1, len(widths)):
        columns = -(-len(widths) // rows)
        if sum(float(max(own)) for own in np.array_split(widths, columns)) <= available:
            return columns
    return 1


def name_languages(panel: "Axes", languages: Sequence[str], *, slot: float) -> None:
    """Codes below the axis, and below them families with a line over their languages.

    Args:
        panel: Where the languages are at 0, 1, 2, ....
        languages: In order; those of a family beside each other.
        slot: How wide the place of a language is, in inches.
    """
    from matplotlib.transforms import ScaledTranslation

    longest = max(map(len, languages))
    turned = longest * CHARACTER > slot
    panel.set_xticks(range(len(languages)), languages, rotation=90 if turned else 0)
    below = 6 + (longest * CHARACTER * 72 if turned else SMALL)
    figure = panel.get_figure()
    assert figure is not None
    shift = ScaledTranslation(0, -below / 72, figure.dpi_scale_trans)
    place = panel.get_xaxis_transform() + shift
    groups = spans(languages)
    level = all(len(n) * CHARACTER < (last - first + 0.9) * slot for n, first, last in groups)
    leaning: dict[str, Any] = {"ha": "right", "rotation": 45, "rotation_mode": "anchor"}
    style: dict[str, Any] = {"ha": "center"} if level else leaning
    style |= {"va": "top", "fontsize": SMALL, "textcoords": "offset points", "xycoords": place}
    for name, first, last in groups:
        ends = (first - 0.35, last + 0.35)
        panel.plot(ends, (0, 0), transform=place, color=LINE_GREY, lw=0.8, clip_on=False)
        middle = ((first + last) / 2, 0)
        panel.annotate(name, middle, xytext=(0 if level else 3, -3), **style)
