"""Progress bars: lively on a terminal, a line now and then in a log."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import TextIOBase
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

LOG_SECONDS = 10
"""Seconds between two states of a bar that does not go to a terminal."""

T = TypeVar("T")

_passing = ContextVar("_passing", default=False)

_shown = [True]
"""Whether any bar is shown, in whatever thread."""


def show_bars(wanted: bool) -> None:
    """Show bars from now on, or none at all."""
    _shown[0] = wanted


@contextmanager
def passing_bars() -> Iterator[None]:
    """Bars of many short phases: gone when they are done, and only on a terminal."""
    token = _passing.set(True)
    try:
        yield
    finally:
        _passing.reset(token)


def progress_bar(
    items: Iterable[T],
    description: str,
    unit: str,
    *,
    shown: bool,
    initial: int = 0,
    total: int | None = None,
) -> "tqdm[T]":
    """A bar on stderr, to iterate over or to update by hand.

    Args:
        items: What is gone through.
        description: What the bar says in front.
        unit: What an item is called.
        shown: False where another process shows it.
        initial: Items that were done before.
        total: Items altogether; by default the length of ``items``.
    """
    from tqdm import tqdm  # which a wrong option need not wait for

    terminal = sys.stderr.isatty()
    return tqdm(
        items,
        desc=description,
        unit=unit,
        disable=not (shown and _shown[0]) or (_passing.get() and not terminal),
        leave=not _passing.get(),
        initial=initial,
        total=total,
        mininterval=0.1 if terminal else LOG_SECONDS,
        file=None if terminal else _Lines(),
        ncols=None if terminal else 0,  # no bar in a log
    )


class _Lines(TextIOBase):
    """Standard error for a bar in a log: each of its states is a line, and none moves the cursor.

    tqdm begins a state with a carriage return, and ends a bar with an empty line.
    """

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> int:
        line = text.strip()
        if line and line != self._last:
            self._last = line
            sys.stderr.write(f"{line}\n")
        return len(text)

    def flush(self) -> None:
        sys.stderr.flush()
