"""How figures look, and how they become files."""

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def png_bytes(figure: "Figure") -> bytes:
    """A figure as a PNG of 150 pixels an inch."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
