"""Where the tracking store and its artifacts are, on this machine or elsewhere."""

import logging
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
from mlflow.utils import file_utils as _file_utils
from mlflow.utils import uri as _uri_utils

from alignfreeze.base.databases import sqlite_url
from alignfreeze.base.faults import disk_fault
from alignfreeze.credentials import hide, without_passwords
from alignfreeze.errors import ResourceError, TrackingError
from alignfreeze.tracking.creation import store_file
from alignfreeze.tracking.talking import StoreAwayError, asking

logger = logging.getLogger(__name__)

file_utils: Any = _file_utils  # its functions carry no types
uri_utils: Any = _uri_utils


def store_uri() -> str:
    """The tracking store's URI, as other processes need it, whose working folder is another."""
    uri, file = str(mlflow.get_tracking_uri()), store_file()
    hide(uri)
    # One with options, such as a timeout, is left as it is: they are in it.
    return sqlite_url(file) if file is not None and "?" not in uri else uri


def store_folder() -> Path:
    """The folder of a tracking store that is a local file or folder; else the working folder."""
    file = store_file()
    return file.parent if file is not None else _folder() or Path.cwd()


def has_store() -> bool:
    """Whether the tracking store is there already; to ask it for runs would make a local one."""
    place = store_file() or _folder()
    return place is None or place.exists()


def artifact_folder(run_id: str) -> Path | None:
    """The folder of a run's artifacts; ``None`` if that is not on this machine, or not known."""
    with suppress(TrackingError), asking(f"say where the artifacts of run {run_id} are"):
        return _local_path(mlflow.get_run(run_id).info.artifact_uri)
    return None


def _folder() -> Path | None:
    """The folder of a tracking store of files; ``None`` if it is another."""
    return _local_path(mlflow.get_tracking_uri())


def _local_path(uri: str) -> Path | None:
    """The path that MLflow takes a URI for; ``None`` for one that is not a path's."""
    if uri_utils.get_uri_scheme(uri) not in ("", "file"):
        return None
    return Path(file_utils.local_file_uri_to_path(uri)).absolute()


def artifact_path(run_id: str, name: str, folder: Path) -> Path | None:
    """A run's artifact on this machine; ``None`` if it has none, or it cannot be had.

    Args:
        run_id: The run.
        name: The artifact's name, below the run's root.
        folder: Where one from elsewhere is downloaded to; one of this machine is read in its place.
    """
    try:
        with asking(f"fetch {name} of run {run_id}"):
            root = _local_path(mlflow.get_run(run_id).info.artifact_uri)
            if root is not None:
                place = root / name
                return place if place.exists() else None
            target = str(folder / run_id)
            download = mlflow.artifacts.download_artifacts
            return Path(download(run_id=run_id, artifact_path=name, dst_path=target))
    except StoreAwayError as error:
        logger.warning("%s", error)
    except TrackingError as error:
        if fault := disk_fault(error):
            raise ResourceError(fault) from error
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
