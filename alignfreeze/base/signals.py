"""What SIGTERM and Ctrl-C do to a run: end it in order, with its state kept."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from alignfreeze.errors import Interrupted

DEFERRED = (signal.SIGTERM, signal.SIGINT)
"""Signals that let the optimizer step in hand be finished."""


@contextmanager
def signals_as_exceptions(remedy: str) -> Iterator[None]:
    """Make SIGTERM and Ctrl-C an `Interrupted`, so that what is open is ended as it should be.

    Does nothing outside of the main thread, where signals cannot be caught.

    Args:
        remedy: What to do to go on: the end of the message of an `Interrupted` that leaves.
    """

    def raise_interrupted(number: int, frame: FrameType | None) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        raise Interrupted(f"interrupted by {name}", number=number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        number: signal.signal(number, raise_interrupted)
        for number in DEFERRED
        # What nohup, or a shell's background, has ignored stays so.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    except Interrupted as interrupted:
        raise Interrupted(f"{interrupted}; {remedy}", number=interrupted.number) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT instead of dying of them; a second one of a kind kills.

    Where the block ends as if there had been none, the first is handed on after it.

    Yields:
        The signals received so far. Empty, always, outside the main thread.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, previous[number])

    handlers = {int(number): signal.getsignal(number) for number in DEFERRED}
    # What nohup, or a shell's background, has ignored stays so.
    previous = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}
    for number in previous:
        signal.signal(number, remember)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if received:
        signal.raise_signal(received[0])
