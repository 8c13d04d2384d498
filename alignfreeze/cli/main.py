"""The command line: what it says, where, and what it exits with."""

import contextlib
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

from alignfreeze import PACKAGES
from alignfreeze.base.faults import told
from alignfreeze.cli.commands import app, is_first
from alignfreeze.cli.flags import OPTIONS, spelled_out
from alignfreeze.errors import ConfigError, DataError, ElsewhereError, Interrupted, one_line

__all__ = ["OPTIONS", "app", "main"]

COLLECT_AFTER = 10_000
"""New objects between two looks for garbage. With Python's 700, they take a quarter of the time
of the imports, which make objects by the hundred thousand."""

READS_DATA = ("run", "realign", "evaluate", "search", "benchmark", "align")
"""The commands that end at the first fault of the data."""

OUR_FAULT = 70
"""Exit code of a fault of this program: EX_SOFTWARE of sysexits.h."""

VERBOSE = "--verbose"

OWN_VERBOSE = ("plugins", "data")
"""The commands that mean something else by it, which a user is told more by."""

CHECK_HINT = " (`alignfreeze data check` tells all that is wrong in a data folder)"


def _fail_mlflow_run(message: str) -> None:
    """Say in the run that `mlflow run` has opened, if it has, why nothing was done."""
    if "MLFLOW_RUN_ID" not in os.environ:
        return
    from alignfreeze.tracking.runs import tracked_run

    with contextlib.suppress(ConfigError), tracked_run("alignfreeze", writes=is_first()):
        raise ConfigError(message)


def failure(error: BaseException, given: Sequence[str]) -> tuple[str, int]:
    """What is said of an error, in one line, and what the command exits with."""
    if isinstance(error, Interrupted):
        return str(error) if is_first() else "", 128 + error.number
    if isinstance(error, ElsewhereError) and error.said:
        return "", 1
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return "interrupted", 128 + signal.SIGINT
    if isinstance(error, DataError) and given[:1] and given[0] in READS_DATA:
        return f"{error}{CHECK_HINT}", 1
    if (message := told(error)) is not None:
        return message, 1
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"a fault of AlignFreeze itself: {one_line(error)} ({Path(place.filename).name}:"
        f"{place.lineno}); please report it, with what {VERBOSE} shows",
        OUR_FAULT,
    )


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors of ours are one line on stderr, and exit code 1."""
    gc.set_threshold(COLLECT_AFTER)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for name in PACKAGES:
        logging.getLogger(name).setLevel(logging.INFO if is_first() else logging.ERROR)
    # Names of files may hold what a terminal cannot show.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    verbose = VERBOSE in given
    if verbose and given[0] not in OWN_VERBOSE:
        given = [argument for argument in given if argument != VERBOSE]
    try:
        return app(spelled_out(given), standalone_mode=False)
    except typer.TyperException as error:
        # MLflow hands on parameters that MLproject does not know.
        message, code = getattr(error, "format_message", error.__str__)(), 2
        if not message:  # no command: its group has shown its help
            sys.exit(code)
        _fail_mlflow_run(message)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is one line
        if verbose:
            traceback.print_exception(error)
        message, code = failure(error, given)
    if message:  # another process of the same run has said it otherwise
        typer.echo(f"alignfreeze: {message}", err=True)
    sys.exit(code)
