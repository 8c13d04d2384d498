"""Progress bars: lively on a terminal, a line now and then in a log."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

LOG_SECONDS = 10
"""Seconds between two states of a bar that does not go to a terminal."""

T = TypeVar("T")


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
    return tqdm(
        items,
        desc=description,
        unit=unit,
        disable=not shown,
        initial=initial,
        total=total,
        mininterval=0.1 if sys.stderr.isatty() else LOG_SECONDS,
    )
