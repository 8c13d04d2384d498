"""What SIGTERM and Ctrl-C do to a run: end it in order, with its state kept."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from alignfreeze.errors import Interrupted

DEFERRED = (signal.SIGTERM, signal.SIGINT)
"""Signals that let the optimizer step in hand be finished."""

_blocks: list[object] = []
_received: list[int] = []


def asked_to_end() -> bool:
    """Whether a signal has asked for it since the outermost block below began.

    It may be yet to be acted on, or be so just now: in either case nothing is to be waited for.
    """
    return bool(_received)


@contextmanager
def _handled_by(handle: Callable[[int, Any], None]) -> Iterator[None]:
    """Handle these signals, given their number and what did so before; in the main thread alone."""
    in_main = threading.current_thread() is threading.main_thread()
    handlers = {int(number): signal.getsignal(number) for number in DEFERRED if in_main}
    # What nohup, or a shell's background, has ignored stays so.
    previous = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}

    def receive(number: int, frame: Any) -> None:
        _received.append(number)
        handle(number, previous[number])

    for number in previous:
        signal.signal(number, receive)
    _blocks.extend([handle] if in_main else [])
    try:
        yield
    finally:
        for number, handler in previous.items():
            if signal.getsignal(number) is not signal.SIG_IGN:  # as set by one that is ending
                signal.signal(number, handler)
        if in_main:
            _blocks.pop()
            if not _blocks:
                _received.clear()


@contextmanager
def signals_as_exceptions(remedy: str) -> Iterator[None]:
    """Make SIGTERM and Ctrl-C an `Interrupted`, so that what is open is ended as it should be.

    Does nothing outside of the main thread, where signals cannot be caught.

    Args:
        remedy: What to do to go on: the end of the message of an `Interrupted` that leaves.
    """

    def interrupt(number: int, previous: Any) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        raise Interrupted(f"interrupted by {name}", number=number)

    try:
        with _handled_by(interrupt):
            yield
    except Interrupted as interrupted:
        raise Interrupted(f"{interrupted}; {remedy}", number=interrupted.number) from None


@contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT instead of dying of them; a second one of a kind kills.

    Where the block ends as if there had been none, the first is handed on after it.

    Yields:
        The signals received so far. Empty, always, outside the main thread.
    """
    received: list[int] = []

    def remember(number: int, previous: Any) -> None:
        received.append(number)
        signal.signal(number, previous)

    with _handled_by(remember):
        yield received
    if received:
        signal.raise_signal(received[0])
