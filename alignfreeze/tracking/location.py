"""Where the tracking store and its artifacts are, on this machine or elsewhere."""

import errno
import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient
from mlflow.utils import file_utils as _file_utils
from mlflow.utils import uri as _uri_utils
from sqlalchemy.exc import ArgumentError

from alignfreeze.base.caching import locked
from alignfreeze.base.databases import sqlite_file, sqlite_url
from alignfreeze.errors import TrackingError
from alignfreeze.messages import without_passwords

file_utils: Any = _file_utils  # its functions carry no types
uri_utils: Any = _uri_utils


def store_uri() -> str:
    """The tracking store's URI, as other processes need it, whose working folder is another."""
    uri, file = str(mlflow.get_tracking_uri()), _database()
    # One with options, such as a timeout, is left as it is: they are in it.
    return sqlite_url(file) if file is not None and "?" not in uri else uri


def store_folder() -> Path:
    """The folder of a tracking store that is a local file or folder; else the working folder."""
    file = _database()
    return file.parent if file is not None else _folder() or Path.cwd()


def has_store() -> bool:
    """Whether the tracking store is there already; to ask it for runs would make a local one."""
    place = _database() or _folder()
    return place is None or place.exists()


def _database() -> Path | None:
    """The file of a tracking store in SQLite; ``None`` if it is another, or in memory."""
    try:
        return sqlite_file(mlflow.get_tracking_uri())
    except ArgumentError:  # of a folder, a server, or misspelt
        return None


def _folder() -> Path | None:
    """The folder of a tracking store of files; ``None`` if it is another."""
    return _local_path(mlflow.get_tracking_uri())


def _local_path(uri: str) -> Path | None:
    """The path that MLflow takes a URI for; ``None`` for one that is not a path's."""
    if uri_utils.get_uri_scheme(uri) not in ("", "file"):
        return None
    return Path(file_utils.local_file_uri_to_path(uri)).absolute()


def ready_store() -> None:
    """Make the tables of a tracking store in SQLite, if it is not there yet.

    Of several processes one makes them while the others wait: MLflow's own set-up is not for two
    at once. Later calls for the same store do nothing.

    Raises:
        TrackingError: If the store's folder cannot be written.
        MlflowException: As MLflow opens it.
    """
    _make(store_uri())


@lru_cache(maxsize=8)
def _make(uri: str) -> None:
    file = _database()
    if file is not None:
        with _being_made(file):
            MlflowClient().search_experiments(max_results=1)


@contextmanager
def _being_made(file: Path) -> Iterator[None]:
    """Hold the lock of a store that is made; whoever made it has left the lock's file beside it."""
    if file.exists() and not file.with_name(f"{file.name}.lock").exists():
        yield  # made long ago, or by another program
        return
    with ExitStack() as stack:
        try:
            if "~" in file.parts and not file.parent.exists():
                raise OSError(errno.ENOENT, "~ is not the home folder in a URL")
            file.parent.mkdir(parents=True, exist_ok=True)  # MLflow takes %20 for no space here
            if not os.access(file.parent, os.W_OK):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            stack.enter_context(locked(file))
        except OSError as error:
            if not file.exists():  # one that is there may be read at least
                raise TrackingError(
                    f"the tracking store {file} cannot be made: {error.strerror}; "
                    "MLFLOW_TRACKING_URI names another, such as sqlite:////a/folder/mlflow.db"
                ) from None
        yield


def ready_experiment() -> None:
    """Make the experiment that ``MLFLOW_EXPERIMENT_NAME`` names, if it is not there yet.

    MLflow would, too, but then of two processes that do so at once one fails.

    Raises:
        MlflowException: If it cannot be made.
    """
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if name is None or "MLFLOW_RUN_ID" in os.environ:  # a run is in an experiment already
        return
    client = MlflowClient()
    if client.get_experiment_by_name(name) is None:
        try:
            client.create_experiment(name)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise


def artifact_path(run_id: str, name: str, folder: Path) -> Path | None:
    """A run's artifact on this machine; ``None`` if it has none, or it cannot be had.

    Args:
        run_id: The run.
        name: The artifact's name, below the run's root.
        folder: Where one from elsewhere is downloaded to; one of this machine is read in its place.
    """
    try:
        root = _local_path(mlflow.get_run(run_id).info.artifact_uri)
        if root is not None:
            place = root / name
            return place if place.exists() else None
        target = str(folder / run_id)
        return Path(
            mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name, dst_path=target)
        )
    except (MlflowException, OSError):
        return None


def places(run_id: str) -> list[str]:
    """Where a person finds a run, and how to look at it; lines without a password."""
    uri = store_uri()
    told = without_passwords(uri)
    if uri_utils.get_uri_scheme(uri) in ("http", "https"):
        look = told
    elif told != uri:
        look = 'mlflow ui --backend-store-uri "$MLFLOW_TRACKING_URI"'
    else:
        look = f"mlflow ui --backend-store-uri {shlex.quote(uri)}"
    return [f"MLflow run {run_id} in {told}", f"look at it: {look}"]
