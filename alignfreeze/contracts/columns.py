"""Tables by the names of their columns, whatever a published set calls them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alignfreeze.errors import DataError
from alignfreeze.text.files import LONE_SURROGATE
from alignfreeze.text.tables import json_rows, table_rows

LANGUAGE = "language"
"""What the column is called here that says a row's language, in files of several."""

LANGUAGE_NAMES = (LANGUAGE, "lang")
"""What files call it."""

SHOWN = 20
"""How many columns of a file a message lists."""


@dataclass(frozen=True)
class Columns:
    """The columns that a table must have.

    Attributes:
        names: What they are called here.
        aliases: By name, what else files call them, in lower case; what comes first counts.
    """

    names: tuple[str, ...]
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def rows(self, path: Path, notes: Counter[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows of a table or of a file of JSON lines, and `LANGUAGE` where they have one.

        A table's first line is a header if it names all columns; without a header, a table has
        these columns alone, in this order.

        Args:
            path: The file.
            notes: Where what is mended or left out is counted.

        Yields:
            Pairs of line number, counted from 1, and values by name.

        Raises:
            DataError: If the file is malformed, or lacks a column; names the file and the line.
        """
        objects = json_rows(path, notes)
        if objects is None:
            yield from self._table(path, notes)
            return
        for number, row in objects:
            places = self._places(row)
            if not places:
                raise DataError(self._lacking(list(row)), file=path, line=number)
            values = {name: row[place] for name, place in places.items()}
            for name, value in values.items():
                if isinstance(value, str) and (half := LONE_SURROGATE.search(value)):
                    message = f"{name} must not have a lone surrogate, got {half[0]!r}"
                    raise DataError(message, file=path, line=number)
            yield number, values

    def _table(self, path: Path, notes: Counter[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        places: dict[str, int] = {}
        width = 0
        for number, cells in table_rows(path, notes):
            if not places:
                width = len(cells)
                numbers = {cells[n].strip().lower(): n for n in reversed(range(width))}
                if header := self._places(numbers):
                    places = {name: numbers[place] for name, place in header.items()}
                    continue
                if width != len(self.names) or set(self.names) & set(self._known(numbers)):
                    raise DataError(self._lacking(cells), file=path, line=number)
                places = {name: n for n, name in enumerate(self.names)}
            if len(cells) != width:
                if not max(places.values()) < len(cells) < width:
                    message = f"a line must have {width} columns as the first has, got {len(cells)}"
                    raise DataError(message, file=path, line=number)
                notes["lines with fewer columns than the header"] += 1
            yield number, {name: cells[place] for name, place in places.items()}

    def _known(self, header: Collection[str]) -> dict[str, str]:
        """By name, what a header calls the columns that it has."""
        called = {name: self._called(name) for name in self.names} | {LANGUAGE: LANGUAGE_NAMES}
        found = {name: [n for n in names if n in header] for name, names in called.items()}
        return {name: names[0] for name, names in found.items() if names}

    def _called(self, name: str) -> tuple[str, ...]:
        return (name, *self.aliases.get(name, ()))

    def _places(self, header: Collection[str]) -> dict[str, str]:
        """By name, what a header calls the columns; empty unless all are there."""
        known = self._known(header)
        return known if set(self.names) <= set(known) else {}

    @property
    def rule(self) -> str:
        """What a table must be like, for messages."""
        names = ", ".join(" or ".join(self._called(name)) for name in self.names)
        alone = "<TAB>".join(self.names)
        return f"a line must be {alone}, or a header must name the columns {names}"

    def _lacking(self, has: Sequence[str]) -> str:
        """The rule, and what is there instead."""
        shown = [repr(name if len(name) <= SHOWN else f"{name[:SHOWN]}…") for name in has[:SHOWN]]
        some = " ".join(shown) + (" …" if len(has) > SHOWN else "")
        hint = " (some test sets come without labels, such as XTREME's)"
        short = hint if len(has) == len(self.names) - 1 else ""
        return f"{self.rule}; got {len(has)} column(s): {some}{short}"
