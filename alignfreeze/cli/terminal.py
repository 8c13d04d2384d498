"""The terminal, on which text is what it says, whoever wrote it."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from alignfreeze.messages import plain_lines


class PlainConsole(Console):
    """A console without markup, emoji codes, and what else in a text could move a terminal."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        """A text as it is, its lines kept."""
        return super().render_str(plain_lines(text), **settings)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as rich does, then without control characters."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else plain_lines(text), style, control)


def show(
    console: Console,
    tables: Iterable[Table],
    notes: Iterable[str],
    places: Iterable[str],
    counts: Iterable[str] = (),
) -> None:
    """Print what came out, and where it is kept."""
    for table in tables:
        console.print()
        console.print(table)
    for note in notes:
        console.print(note, style="italic", highlight=False)
    for line in counts:
        console.print(line, highlight=False)
    console.print()
    print_lines(console, places)


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Print lines as they are, however long."""
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)
