"""The command line: what it says, where, and what it exits with."""

import atexit
import gc
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import typer

from alignfreeze.base.faults import told
from alignfreeze.base.logs import make_logs_safe
from alignfreeze.cli.commands import app
from alignfreeze.cli.flags import OPTIONS
from alignfreeze.cli.opened import fail_opened_run, failing_opened_run
from alignfreeze.cli.output import OUTPUT, is_first
from alignfreeze.cli.project import check_environment
from alignfreeze.cli.streams import flushed, is_of_reader, open_streams, say, telling_of_threads
from alignfreeze.credentials import hide
from alignfreeze.errors import (
    DataError,
    ElsewhereError,
    Interrupted,
    PluginError,
    one_line,
)
from alignfreeze.messages import as_line

__all__ = ["OPTIONS", "app", "main"]

COLLECT_AFTER = 10_000
"""New objects between two looks for garbage. With Python's 700, they take a quarter of the time
of the imports, which make objects by the hundred thousand."""

READS_DATA = ("run", "realign", "evaluate", "search", "benchmark", "align", "score")
"""The commands that end at the first fault of the data."""

OUR_FAULT = 70
"""Exit code of a fault of this program: EX_SOFTWARE of sysexits.h."""

INTERRUPTED = 128 + signal.SIGINT

VERBOSE = "--verbose"

COMPLETING = "_ALIGNFREEZE_COMPLETE"
"""The variable by which a shell asks what may come next on its line."""

OF_COMPLETION = {"--install-completion", "--show-completion"}
"""Typer's own options, which end the process."""

CHECK_HINT = " (`alignfreeze data check` tells all that is wrong in a data folder)"


def failure(error: BaseException, given: Sequence[str]) -> tuple[str, int]:
    """What is said of an error, in one line, and what the command exits with."""
    if isinstance(error, Interrupted):
        return str(error) if is_first() else "", 128 + error.number
    if isinstance(error, ElsewhereError) and error.said:
        return "", 1
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return "interrupted", INTERRUPTED
    if is_of_reader(error):
        return "", 128 + signal.SIGPIPE
    if isinstance(error, PluginError) and isinstance(error.__cause__, (Exception, SystemExit)):
        return f"{error} ({VERBOSE} shows where)", 1
    if (message := told(error)) is not None:
        of_data = isinstance(error, DataError) and message == str(error)  # not of a full disk
        hint = CHECK_HINT if of_data and given[:1] and given[0] in READS_DATA else ""
        return f"{message}{hint}", 1
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"a fault of AlignFreeze itself: {one_line(error)} ({Path(place.filename).name}:"
        f"{place.lineno}); please report it, with what {VERBOSE} shows",
        OUR_FAULT,
    )


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors of ours are one line on stderr, and exit code 1."""
    open_streams()
    gc.set_threshold(COLLECT_AFTER)
    atexit.register(gc.freeze)  # or, as it ends, Python looks through all for garbage: a second
    make_logs_safe()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    # Names of files may hold what a terminal cannot show.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    if COMPLETING in os.environ or not OF_COMPLETION.isdisjoint(given):
        return app(given)
    hide(*given)
    result, message, code = None, "", 0
    try:
        with telling_of_threads():
            with failing_opened_run():
                check_environment()
            result = app(given, standalone_mode=False)
            if result == INTERRUPTED:  # typer's word for Ctrl-C; commands return nothing
                raise KeyboardInterrupt
    except typer.TyperException as error:
        # MLflow hands on parameters that MLproject does not know.
        message, code = getattr(error, "format_message", error.__str__)(), 2
        message = as_line(message).replace("Value error, ", "")  # pydantic's word in typer's
        if message:  # without a command, its group has shown its help
            fail_opened_run(message)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is one line
        message, code = failure(error, given)
        if OUTPUT.verbose and message:
            say("".join(traceback.format_exception(error)).rstrip())
    lost = flushed()
    if lost is not None and not isinstance(lost, BrokenPipeError):
        message, code = f"what is printed cannot be written: {lost.strerror}", 1
    elif lost is not None and not code:
        code = 128 + signal.SIGPIPE
    if message:
        say(f"alignfreeze: {as_line(message)}")
    if code:
        sys.exit(code)
    return result
