"""How figures look, and how they become files."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from alignfreeze.messages import plain_lines

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

DPI = 150
"""Pixels per inch."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Of Okabe and Ito, told apart by the colour-blind too."""

GREY = "#666666"

MARKERS = ("o", "s", "^", "D", "v", "P", "X")

DASHES: tuple[Any, ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1, 1)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (8, 3)),
    (0, (3, 1, 1, 1, 1, 1)),
)

LINE: Mapping[str, Any] = {
    "linewidth": 2,
    "markersize": 6,
    "markeredgecolor": "white",
    "markeredgewidth": 0.7,
}


def blank_figure(width: float, height: float) -> "Figure":
    """An empty figure of a size in inches, without touching matplotlib's state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plain_axes(panel: "Axes", *, size: float, width: float = 0.8, **ticks: Any) -> None:
    """Lines across of a width in points, labels of a size; no frame above and on the right."""
    panel.tick_params(labelsize=size, **ticks)
    panel.grid(axis="y", color="#DDDDDD", linewidth=width)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def as_written(*texts: "Text") -> None:
    """Keep dollar signs and underscores of names as they are."""
    for text in texts:
        text.set_parse_math(False)


def _keep_as_written(figure: "Figure") -> None:
    """Let no name in a figure be taken for a formula."""
    from matplotlib.text import Text

    as_written(*figure.findobj(Text))


def annotate(
    panel: "Axes", text: str, place: tuple[float, float], shift: tuple[float, float], **style: Any
) -> None:
    """Write beside a place, a shift in points away."""
    panel.annotate(text, place, xytext=shift, textcoords="offset points", **style)


def legend_below(
    figure: "Figure",
    handles: "Sequence[Artist]",
    labels: Sequence[str],
    *,
    size: float,
    **style: Any,
) -> None:
    """A legend below the figure, without a frame, of text of a size in points."""
    style |= {"frameon": False, "fontsize": size, "title_fontsize": size}
    legend = figure.legend(handles, labels, loc="outside lower center", **style)
    as_written(legend.get_title(), *legend.get_texts())


def png_bytes(figure: "Figure") -> bytes:
    """A figure as a PNG of 150 pixels an inch."""
    _keep_as_written(figure)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def svg_document(figure: "Figure", stem: str = "") -> str:
    """A figure as an SVG file; the same figure of the same stem gives the same text."""
    from matplotlib import rc_context

    _keep_as_written(figure)
    buffer = StringIO()
    with rc_context({"svg.hashsalt": stem or "figure", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    # Texts are in it as comments, with characters that XML may not have.
    return plain_lines(buffer.getvalue())


PIXELS = 96 / 72
"""Pixels of a page to a point."""


def svg_element(document: str, stem: str = "", *, scale: float = 1) -> str:
    """What `svg_document` wrote as an element of HTML, whose ids no other stem's has.

    It is shown larger than it is drawn by ``scale``.
    """
    root, end, rest = document[document.index("<svg") :].partition(">")

    def pixels(size: re.Match[str]) -> str:
        return f'{size[1]}="{float(size[2]) * PIXELS * scale:.1f}"'

    text = re.sub(r'(\b(?:width|height))="([\d.]+)pt"', pixels, root) + end + rest
    text = re.sub(r"\s*(<metadata>.*?</metadata>|<!--.*?-->)", "", text, flags=re.DOTALL)
    text = re.sub(r'(?<=<g) id="[^"]*"|(?<=\n) +', "", text)  # which nothing refers to; a sixth
    # Glyphs have the same ids in every figure, whatever the salt.
    prefix = f"f{sha256((stem + text).encode()).hexdigest()[:7]}-"
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", text).strip()
