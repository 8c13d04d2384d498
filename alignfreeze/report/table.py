"""A table as a report has it, whatever it is written as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import NamedTuple

from alignfreeze.report.counting import Counts
from alignfreeze.report.intervals import SeedInterval

MISSING = "–"
SHORT = "†"
"""Marks a value that something is missing of: see `Gaps`."""


class Entry(NamedTuple):
    """One cell of a table: its text, and whether it stands out."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        stem: Names it in files and links.
        title: Stands above.
        note: How to read it.
        columns: Heads of the columns; the first ``labels`` of them are of labels.
        rows: As long as ``columns`` each.
        sections: Indices of rows that begin a section.
        labels: How many columns, from the left, hold labels.
    """

    stem: str
    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Entry]]
    sections: frozenset[int] = frozenset()
    labels: int = 1


def points(fraction: float | None, *, signed: bool = False) -> str:
    """A fraction in percent, or a difference of two in points with its sign; one decimal."""
    if fraction is None:
        return MISSING
    if not signed:
        return f"{100 * fraction:.1f}"
    rounded = round(100 * fraction, 1) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:+.1f}".replace("-", "−")


def arrows(counts: Counts | None) -> str:
    """Losses and wins, as the published table has them."""
    return MISSING if counts is None else f"↓{counts.down} ↑{counts.up}"


def with_deviation(mean: float | None, deviation: float | None) -> str:
    """A mean, and its standard deviation where there is one; percent."""
    spread = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{points(mean)}{spread}"


def with_interval(
    differences: Mapping[int, float], interval: SeedInterval, *, short: bool = False
) -> str:
    """The mean of differences by seed, and its interval where there is one; points.

    Args:
        differences: Fractions; none where nothing can be compared.
        interval: Their interval.
        short: Whether they rest on less than others do, which is marked.
    """
    if not differences:
        return MISSING
    text, ends = points(mean(differences.values()), signed=True), interval(differences)
    if ends is not None:
        low, high = (points(end, signed=True) for end in ends)
        text = f"{text} [{low}, {high}]"
    return f"{text}{SHORT if short else ''}"
