"""Progress bars: lively on a terminal, a line now and then in a log."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tqdm import tqdm

LOG_SECONDS = 10
"""Seconds between two states of a bar that does not go to a terminal."""

T = TypeVar("T")

_passing = ContextVar("_passing", default=False)


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
    terminal = sys.stderr.isatty()
    return tqdm(
        items,
        desc=description,
        unit=unit,
        disable=not shown or (_passing.get() and not terminal),
        leave=not _passing.get(),
        initial=initial,
        total=total,
        mininterval=0.1 if terminal else LOG_SECONDS,
    )
