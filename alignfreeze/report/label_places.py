"""Where names stand beside points, so that they cover neither points nor each other."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from alignfreeze.base.plotting import annotate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 5.5
"""Of names, in points."""

RADII = (5, 8, 12, 17, 23, 30, 38)
"""How far from its point the middle of a name may be, in points."""

NEAR = 8
"""Up to here a name needs no line to its point."""

ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, 22, 338, 158, 202, 67, 292, 112, 248)
"""In which directions, in degrees, the best first."""


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: "_Box") -> float:
        """The area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return width * height if width > 0 and height > 0 else 0.0


def name_points(
    panel: "Axes", names: Sequence[str], places: Sequence[tuple[float, float]], *, radius: float
) -> None:
    """Write names beside points of a radius in points, where there is room, one after the other.

    A name that finds none stands where it covers least. The panel must be at its place, with its
    limits, since distances are those on paper.
    """
    to_points = 72 / panel.figure.dpi
    middles = [
        (float(x) * to_points, float(y) * to_points)
        for x, y in panel.transData.transform(list(places))
    ]
    taken = [_Box(x - radius, y - radius, x + radius, y + radius) for x, y in middles]
    extent = panel.get_window_extent()
    inside = _Box(*(float(end) * to_points for end in extent.extents))
    for name, place, middle in zip(names, places, middles, strict=True):
        shift = _best_shift(name, middle, taken, inside)
        taken.append(_box(name, middle, shift))
        _write(panel, name, place, shift)


def _best_shift(
    name: str, middle: tuple[float, float], taken: Sequence[_Box], inside: _Box
) -> tuple[float, float]:
    """The nearest place for a name that covers nothing, or that which covers least."""
    costs: dict[tuple[float, float], float] = {}
    for shift in _shifts(name):
        costs[shift] = _cost(_box(name, middle, shift), taken, inside)
        if not costs[shift]:
            break
    return min(costs, key=costs.__getitem__)


def _shifts(name: str) -> Iterator[tuple[float, float]]:
    """Where a name may stand, from its point to its middle, in points; the nearest first."""
    width, _ = _size(name)
    for radius in RADII:
        for angle in ANGLES:
            x, y = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            yield x * (radius + (width - SIZE) / 2), y * radius


def _size(name: str) -> tuple[float, float]:
    """How wide and high a name is, in points; rather too large than too small."""
    return 0.62 * SIZE * len(name), 1.0 * SIZE


def _box(name: str, middle: tuple[float, float], shift: tuple[float, float]) -> _Box:
    (width, height), x, y = _size(name), middle[0] + shift[0], middle[1] + shift[1]
    return _Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _cost(box: _Box, taken: Sequence[_Box], inside: _Box) -> float:
    """The area that is covered by others or is outside."""
    area = (box.right - box.left) * (box.top - box.bottom)
    return round(sum(map(box.overlap, taken)) + area - box.overlap(inside), 6)


_Place = tuple[float, float]


def _write(panel: "Axes", name: str, place: _Place, shift: _Place) -> None:
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SIZE, "zorder": 4}
    if math.hypot(*shift) > NEAR + _size(name)[0] / 2:
        line = {"arrowstyle": "-", "lw": 0.4, "color": "#999999", "shrinkA": 2.5, "shrinkB": 1.5}
        style["arrowprops"] = line
    annotate(panel, name, place, shift, **style)
