"""Differences to the reference, usually the baseline, as a table of coloured cells."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alignfreeze.base.plotting import annotate, as_written
from alignfreeze.base.tables import MISSING
from alignfreeze.report.completeness import SHORT
from alignfreeze.report.drawing import (
    CHARACTER,
    COLUMN,
    DOUBLE,
    LEAST,
    LINE_GREY,
    SMALL,
    new_figure,
    points,
    settled,
    spans,
    title_of,
)
from alignfreeze.report.language_families import by_family
from alignfreeze.report.score_tables import ScoreTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

LINE = 26
"""Characters of a line of a column's name, if its parts are not longer."""

ROW = 0.155
"""Height of a row, in inches."""


def heatmap_figure(table: ScoreTable, variants: Sequence[str] = ()) -> "Figure | None":
    """Difference to the reference in points, a row for each language, a column for each variant.

    All figures of a table have the same colours; by default one figure has all variants.

    Blue is better than the reference, red is worse; languages are grouped by family, and the last
    row is the average that the tables have: over the languages and seeds that both have. What
    rests on fewer of them than others is marked.

    Returns:
        The figure, or ``None`` where there is no difference to show.
    """
    languages, variants = by_family(table.languages), variants or table.compared
    if not (languages and variants):
        return None
    rows = (*languages, None)
    values = _values(table, variants, rows)
    short = [[table.falls_short(variant, code) for variant in variants] for code in rows]
    marks = np.array(short) & np.isfinite(values)
    every = np.abs(_values(table, table.compared, languages))
    if not np.isfinite(every).any():
        return None
    limit, beyond = _limit(every[np.isfinite(every)])
    width = min(max(COLUMN, 1.6 + 0.48 * len(variants)), DOUBLE)
    slot = (width - 1.3) / len(variants)
    level = max(map(len, variants)) * CHARACTER < slot
    names = variants if level else [broken(variant) for variant in variants]
    longest = max(len(line) for name in names for line in name.splitlines()) * CHARACTER
    head = 0.2 if level else 0.72 * longest + 0.2
    title = title_of(table, variants, table.title)
    figure = new_figure(title, width, 0.8 + head + ROW * len(rows))
    panel = figure.subplots()
    _cells(panel, values, marks, limit)
    _axes(panel, languages, names, level=level)
    _families(panel, languages)
    label = f"difference to {table.reference} (points)"
    label += f"\n{SHORT}: over fewer seeds or languages than others" if marks.any() else ""
    _scale(panel, label, height=ROW * len(rows), beyond=beyond)
    return settled(figure)


def broken(name: str) -> str:
    """A variant's name in lines of `LINE` characters, broken after commas, where it can be."""
    lines = [""]
    for part in name.split(", "):
        joined = f"{lines[-1]}, {part}" if lines[-1] else part
        if lines[-1] and len(joined) > LINE:
            lines[-1] += ","
            lines.append(part)
        else:
            lines[-1] = joined
    return "\n".join(lines)


def has_cells(table: ScoreTable) -> bool:
    """Whether there is something to draw of the cells of a table."""
    return bool(np.isfinite(_values(table, table.compared, table.languages)).any())


def _values(table: ScoreTable, variants: Sequence[str], languages: Sequence[str | None]) -> Floats:
    """Differences in points, of shape (languages, variants); NaN where there is none."""
    found = [[points(table, variant, code) for variant in variants] for code in languages]
    return np.array(found, dtype=np.float64)  # of None it makes NaN


def _limit(sizes: Floats) -> tuple[float, bool]:
    """Where the colours end, and whether some value is beyond: outliers would pale the rest."""
    greatest = float(sizes.max())
    usual = 1.5 * float(np.percentile(sizes, 90))
    limit = greatest if greatest <= 2 * usual else usual
    return max(limit, LEAST), greatest > max(limit, LEAST)


def _cells(panel: "Axes", values: Floats, marks: NDArray[np.bool_], limit: float) -> None:
    """Colours and numbers, with the row of the means set off."""
    from matplotlib.patches import Rectangle

    style: dict[str, Any] = {"cmap": "RdBu", "vmin": -limit, "vmax": limit, "aspect": "auto"}
    image = panel.imshow(np.ma.masked_invalid(values), **style)
    for (row, column), value in np.ndenumerate(values):
        ink, text = "#555555", MISSING
        if np.isfinite(value):
            ink = _ink(image.to_rgba(np.array([value]))[0])
            text = f"{signed(value)}{SHORT if marks[row, column] else ''}"
        else:
            style = {"facecolor": "#EEEEEE", "edgecolor": "#C4C4C4", "lw": 0}
            panel.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, hatch="/////", **style))
        place: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": SMALL}
        place["weight"] = "bold" if row == len(values) - 1 else "normal"
        panel.text(column, row, text, color=ink, **place)
    for column in range(1, values.shape[1]):
        panel.axvline(column - 0.5, color="white", linewidth=0.8)


def signed(value: float) -> str:
    """A number with one decimal and its sign; zero has none."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _ink(colour: Floats) -> str:
    """Black or white, whichever is told better from a colour (relative luminance, WCAG)."""
    light = colour[:3]
    linear = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    return "black" if linear @ (0.2126, 0.7152, 0.0722) > 0.18 else "white"


def _axes(panel: "Axes", languages: Sequence[str], variants: Sequence[str], *, level: bool) -> None:
    """Names of rows on the left, of columns above."""
    panel.set_yticks(range(len(languages) + 1), [*languages, "mean"], fontsize=SMALL)
    panel.get_yticklabels()[-1].set_fontweight("bold")
    panel.xaxis.tick_top()
    panel.set_xticks(range(len(variants)), variants, fontsize=SMALL)
    if not level:
        for label in panel.get_xticklabels():
            label.set(rotation=45, ha="left", rotation_mode="anchor")
    as_written(*panel.get_xticklabels())
    panel.tick_params(length=0, pad=3)
    panel.spines[:].set_visible(False)


def _families(panel: "Axes", languages: Sequence[str]) -> None:
    """Names left of the codes, each with a line along its languages, and lines between them."""
    from matplotlib.transforms import ScaledTranslation

    figure = panel.get_figure()
    assert figure is not None
    longest = max(len("mean"), *map(len, languages))
    left = -(longest * CHARACTER * 72 + 6) / 72
    place = panel.get_yaxis_transform() + ScaledTranslation(left, 0, figure.dpi_scale_trans)
    for name, first, last in spans(languages):
        ends = (first - 0.35, last + 0.35)
        panel.plot((0, 0), ends, transform=place, color=LINE_GREY, lw=0.8, clip_on=False)
        style: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": SMALL}
        annotate(panel, name, (0, (first + last) / 2), (-3, 0), xycoords=place, **style)
        panel.axhline(first - 0.5, color="white", linewidth=1.6)
    panel.axhline(len(languages) - 0.5, color="black", linewidth=0.8)


def _scale(panel: "Axes", label: str, *, height: float, beyond: bool) -> None:
    """What the colours stand for, below cells of a height in inches."""
    style: dict[str, Any] = {"extend": "both" if beyond else "neither", "aspect": 25}
    style |= {"location": "bottom", "pad": 0.07 / height}
    bar = panel.figure.colorbar(panel.images[0], ax=panel, **style)
    bar.set_label(label, fontsize=SMALL)
    as_written(bar.ax.xaxis.label)
    bar.ax.tick_params(labelsize=SMALL, length=2)
    bar.ax.locator_params(nbins=5)
