"""Tables of text, whatever they are written as, and numbers as they show them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pandas import DataFrame

MISSING = "–"
"""Stands where there is no value."""


class Cell(NamedTuple):
    """One cell of a table: its text, and whether it stands out."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        stem: Names it in files and links.
        title: Stands above.
        note: How to read it.
        columns: Heads of the columns; the first ``labels`` of them are of labels.
        rows: As long as ``columns`` each.
        sections: Indices of rows that begin a section.
        labels: How many columns, from the left, hold labels.
        marked: Indices of rows that stand out.
    """

    stem: str
    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    sections: frozenset[int] = frozenset()
    labels: int = 1
    marked: frozenset[int] = frozenset()


FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet computes."""

NUMBERS = re.compile(r"-\d+(\.\d+)?(,-?\d+(\.\d+)?)*")
"""Such as a list of layers, which is no formula."""


def csv_text(frame: "DataFrame") -> str:
    """A table for people as comma-separated values; no text of it is a spreadsheet's formula."""

    def kept(value: object) -> object:
        formula = isinstance(value, str) and value.startswith(FORMULAS)
        return f"'{value}" if formula and not NUMBERS.fullmatch(str(value)) else value

    texts = frame.select_dtypes(exclude=["number", "bool"]).columns
    shown = frame.assign(**{str(name): frame[name].map(kept) for name in texts})
    return str(shown.to_csv(index=False))


def points(fraction: float | None, *, signed: bool = False) -> str:
    """A fraction in percent, or a difference of two in points with its sign; one decimal."""
    if fraction is None:
        return MISSING
    if not signed:
        return f"{100 * fraction:.1f}"
    rounded = round(100 * fraction, 1) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:+.1f}".replace("-", "−")


def with_deviation(mean: float | None, deviation: float | None) -> str:
    """A mean, and its standard deviation where there is one; percent."""
    spread = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{points(mean)}{spread}"
