"""Making a tracking store that is not there yet, and its experiment, though others do so, too."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import ArgumentError

from alignfreeze.base.caching import lock_file, locked
from alignfreeze.base.databases import sqlite_file
from alignfreeze.errors import TrackingError

EXPERIMENT = "alignfreeze"
"""The experiment of runs that nothing names another for."""

EXPERIMENT_TAGS = {
    "mlflow.note.content": "Runs of AlignFreeze: multilingual encoders, realigned and measured.",
    "mlflow.experimentKind": "custom_model_development",  # which of its views MLflow shows first
}

MAKING_SECONDS = 60
"""How long at most another process is waited for that makes the same store."""


def store_file() -> Path | None:
    """The file of a tracking store in SQLite; ``None`` if it is another, or in memory."""
    try:
        return sqlite_file(mlflow.get_tracking_uri())
    except ArgumentError:  # of a folder, a server, or misspelt
        return None


@contextmanager
def being_made() -> Iterator[None]:
    """Make a store, or wait for another process that does: MLflow's set-up is not for two at once.

    Whoever made one in SQLite has left the lock's file beside it.

    Raises:
        TrackingError: If its folder cannot be written.
    """
    file = store_file()
    if file is None or (file.exists() and not lock_file(file).exists()):
        yield  # a server's; or made long ago, or by another program
        return
    with ExitStack() as stack:
        try:
            if "~" in file.parts and not file.parent.exists():
                raise OSError(errno.ENOENT, "~ is not the home folder in a URL")
            file.parent.mkdir(parents=True, exist_ok=True)  # MLflow takes %20 for no space here
            if not os.access(file.parent, os.W_OK):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            stack.enter_context(locked(file, wait=MAKING_SECONDS))
        except OSError as error:
            if not file.exists():  # one that is there may be read at least
                raise TrackingError(
                    f"the tracking store {file} cannot be made: {error.strerror}; "
                    "MLFLOW_TRACKING_URI names another, such as sqlite:////a/folder/mlflow.db"
                ) from None
        yield


def ready_experiment() -> str | None:
    """The id of the experiment for new runs, made if it is not there yet.

    It is the one that ``MLFLOW_EXPERIMENT_NAME`` names, else `EXPERIMENT`. MLflow would make it,
    too, but then of two processes that do so at once one fails.

    Returns:
        ``None`` where ``MLFLOW_EXPERIMENT_ID``, or MLflow's ``set_experiment``, says which.

    Raises:
        MlflowException: If it cannot be made.
    """
    given = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if given is None and "MLFLOW_EXPERIMENT_ID" in os.environ:
        return None
    client, name = MlflowClient(), given or EXPERIMENT
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, tags=None if given else EXPERIMENT_TAGS))
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
            found = client.get_experiment_by_name(name)
    return None if found is None or given else str(found.experiment_id)
