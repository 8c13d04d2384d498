"""Tables of text, whatever they are written as, and numbers as they show them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pandas import DataFrame

MISSING = "–"
"""Stands where there is no value."""


class Cell(NamedTuple):
    """One cell of a table: its text, whether it stands out, and the number that it is sorted by."""

    text: str
    bold: bool = False
    value: float | None = None


class Block(NamedTuple):
    """Rows of a table that stand together.

    Attributes:
        heading: What the labels of a section say of all its rows; empty where it does not begin.
        group: Why these rows stand apart from those before them; empty where they do not.
        rows: With their index in the table.
    """

    heading: str
    group: str
    rows: Sequence[tuple[int, Sequence[Cell]]]

    @property
    def has_best(self) -> bool:
        """Whether a cell stands out."""
        return any(cell.bold for _, row in self.rows for cell in row)


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
        groups: By the index of the row that begins it, why a group of rows stands apart from the
            others of its section. It ends where a section or another group begins.
        labels: How many columns, from the left, hold labels. The last of them tells the rows of a
            section apart; those before it are empty where they say what the row above says.
        marked: Indices of rows that stand out.
    """

    stem: str
    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    sections: frozenset[int] = frozenset()
    groups: Mapping[int, str] = field(default_factory=dict)
    labels: int = 1
    marked: frozenset[int] = frozenset()

    @property
    def own_columns(self) -> Sequence[str]:
        """The columns that tell the rows of a section apart."""
        return self.columns[self._common :]

    @property
    def blocks(self) -> list[Block]:
        """The rows in sections and groups, without the labels that a section has in common."""
        blocks, labels = [], [""] * self._common
        starts = sorted({0, *self.sections, *self.groups})
        for first, end in pairwise([*starts, len(self.rows)]):
            own = self.rows[first][: self._common] if first < end else ()
            labels = [cell.text or before for cell, before in zip(own, labels, strict=False)]
            begins = first not in self.groups or first in self.sections
            heading = ", ".join(filter(None, labels)) if begins else ""
            rows = [(n, self.rows[n][self._common :]) for n in range(first, end)]
            if rows:
                blocks.append(Block(heading, self.groups.get(first, ""), rows))
        return blocks

    @property
    def _common(self) -> int:
        """How many columns are the same in all rows of a section."""
        return max(0, self.labels - 1)


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


def interval_text(ends: tuple[float, float]) -> str:
    """The ends of an interval of a difference, in points with their signs."""
    low, high = (points(end, signed=True) for end in ends)
    return f"[{low}, {high}]"
