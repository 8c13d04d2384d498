"""Making a tracking store that is not there yet, and its experiment, though others do so, too."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import ArgumentError

from alignfreeze.base.caching import lock_file, locked
from alignfreeze.base.databases import MAKING_SECONDS, sqlite_file, tables_made_once
from alignfreeze.errors import TrackingError

EXPERIMENT = "alignfreeze"
"""The experiment of runs that nothing names another for."""

EXPERIMENT_TAGS = {
    "mlflow.note.content": "Runs of AlignFreeze: multilingual encoders, realigned and measured.",
    "mlflow.experimentKind": "custom_model_development",  # which of its views MLflow shows first
}


def store_file() -> Path | None:
    """The file of a tracking store in SQLite; ``None`` if it is another, or in memory."""
    try:
        return sqlite_file(mlflow.get_tracking_uri())
    except ArgumentError:  # of a folder, a server, or misspelt
        return None


def being_made() -> AbstractContextManager[object]:
    """Make a store, or wait for another process that does: MLflow's set-up is not for two at once.

    Raises:
        TrackingError: If its folder cannot be written.
        SQLAlchemyError: If it is in PostgreSQL, and cannot be read.
    """
    if (file := store_file()) is not None:
        return _file_made_once(file)
    uri = mlflow.get_tracking_uri()
    return tables_made_once(uri) if uri.startswith("postgresql") else nullcontext()


@contextmanager
def _file_made_once(file: Path) -> Iterator[None]:
    """Make a store in SQLite; whoever has made one has left the lock's file beside it."""
    if file.exists() and not lock_file(file).exists():
        yield  # made long ago, or by another program
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

    It is the one that ``MLFLOW_EXPERIMENT_NAME`` names, else `EXPERIMENT`.

    Returns:
        ``None`` where ``MLFLOW_EXPERIMENT_NAME`` or ``MLFLOW_EXPERIMENT_ID``, or MLflow's
        ``set_experiment``, says which.

    Raises:
        MlflowException: If it cannot be made.
    """
    if given := os.environ.get("MLFLOW_EXPERIMENT_NAME"):
        experiment_id(given)
        return None
    if "MLFLOW_EXPERIMENT_ID" in os.environ:
        return None
    return experiment_id(EXPERIMENT, EXPERIMENT_TAGS)


def experiment_id(name: str, tags: Mapping[str, str] | None = None) -> str:
    """The id of an experiment, made if it is not there yet.

    MLflow would make it, too, but then of two processes that do so at once one fails.

    Args:
        name: The experiment's.
        tags: Those of one that is made.

    Raises:
        MlflowException: If it cannot be made.
    """
    client = MlflowClient()
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, tags=dict(tags) if tags else None))
        except MlflowException as error:
            found = client.get_experiment_by_name(name)
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS) or found is None:
                raise
    return str(found.experiment_id)
