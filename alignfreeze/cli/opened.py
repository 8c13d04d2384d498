"""The run that `mlflow run` has opened for a command, where it has."""

import contextlib
import os
from collections.abc import Iterator

from alignfreeze.base.faults import reason_of
from alignfreeze.cli.output import is_first
from alignfreeze.errors import ConfigError

OPENED = "MLFLOW_RUN_ID"


def fail_opened_run(message: str) -> None:
    """Say in the run that `mlflow run` has opened, if it has, why nothing was done."""
    if OPENED not in os.environ:
        return
    from alignfreeze.tracking.runs import tracked_run

    # Where that cannot be said, it is said on stderr all the same.
    with contextlib.suppress(Exception), tracked_run("alignfreeze", writes=is_first()):
        raise ConfigError(message)


@contextlib.contextmanager
def failing_opened_run() -> Iterator[None]:
    """Say in that run, if there is one, what is found wrong before anything is done.

    Raises:
        Exception: The one that was raised inside.
    """
    try:
        yield
    except Exception as error:
        fail_opened_run(reason_of(error))
        raise
