"""Standard output and error, where they may be closed, full, or without a reader."""

import contextlib
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator

import typer

from alignfreeze.cli.output import OUTPUT
from alignfreeze.credentials import without_passwords
from alignfreeze.errors import one_line
from alignfreeze.messages import plain_lines

logger = logging.getLogger(__name__)

_OUTPUTS = {1: "stdout", 2: "stderr"}


def open_streams() -> None:
    """Put nothing in the place of a stream that is closed.

    Else the next file that is opened, such as a database, would have its number, and what a library
    prints would go there.
    """
    for number, name in _OUTPUTS.items():
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def flushed() -> OSError | None:
    """Write what is still to be written to standard output; what has gone wrong, if anything.

    Then nothing more is, or Python would tell of it again when it ends.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)
        return error
    return None


def is_of_reader(error: BaseException) -> bool:
    """Whether an error says that nobody reads standard output any more, as with ``| head -1``."""
    if isinstance(error, SystemExit):  # Rich's way, after which the stream leads to nowhere
        return isinstance(error.__context__, BrokenPipeError)
    return isinstance(error, BrokenPipeError) and isinstance(flushed(), BrokenPipeError)


def say(text: str) -> None:
    """Print to standard error, as far as that is there; no password, and nothing to move it."""
    with contextlib.suppress(OSError):
        typer.echo(plain_lines(without_passwords(text)), err=True)


@contextlib.contextmanager
def telling_of_threads() -> Iterator[None]:
    """Tell in one line of what ends a thread, with its traceback where tracebacks are shown."""
    before = threading.excepthook

    def tell(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is None:
            return
        name = ended.thread.name if ended.thread else "a thread"
        logger.error("thread %s has ended with %s", name, one_line(ended.exc_value))
        if OUTPUT.verbose:
            say("".join(traceback.format_exception(ended.exc_value)).rstrip())

    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = before
