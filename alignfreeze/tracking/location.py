"""Where the tracking store and its artifacts are, on this machine or elsewhere."""

import logging
import shlex
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
from mlflow.utils import file_utils as _file_utils
from mlflow.utils import uri as _uri_utils
from sqlalchemy.exc import ArgumentError

from alignfreeze.base.databases import same_database, sqlite_url
from alignfreeze.base.faults import disk_fault
from alignfreeze.base.paths import existing_path
from alignfreeze.credentials import hide, without_passwords
from alignfreeze.errors import ResourceError, TrackingError
from alignfreeze.tracking.creation import store_file
from alignfreeze.tracking.talking import StoreAwayError
from alignfreeze.tracking.writing import WRITER

logger = logging.getLogger(__name__)

file_utils: Any = _file_utils  # its functions carry no types
uri_utils: Any = _uri_utils


def store_uri() -> str:
    """The tracking store's URI, as other processes need it, whose working folder is another."""
    uri, file = str(mlflow.get_tracking_uri()), store_file()
    hide(uri)
    # One with options, such as a timeout, is left as it is: they are in it.
    return sqlite_url(file) if file is not None and "?" not in uri else uri


def store_is_in(url: str) -> bool:
    """Whether the tracking store is in the database of a URL, as far as that tells."""
    try:
        return same_database(url, mlflow.get_tracking_uri())
    except ArgumentError:  # of a folder, or of none
        return False


def store_folder() -> Path:
    """The folder of a tracking store that is a local file or folder; else the working folder."""
    file = store_file()
    return file.parent if file is not None else _folder() or Path.cwd()


def has_store() -> bool:
    """Whether the tracking store is there already; to ask it for runs would make a local one."""
    place = store_file() or _folder()
    return place is None or place.exists()


def artifact_folder(run_id: str) -> Path | None:
    """The folder of a run's artifacts; ``None`` if that is not on this machine, or not known now.

    Raises:
        TrackingError: If the store refuses to say.
    """
    uri = WRITER.ask(f"find run {run_id}", partial(_artifact_uri, run_id), None)
    return _local_path(uri) if uri is not None else None


def _artifact_uri(run_id: str) -> str:
    return str(mlflow.get_run(run_id).info.artifact_uri)


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

    A store that went away meanwhile is waited for, as by whatever writes.

    Args:
        run_id: The run.
        name: The artifact's name, below the run's root.
        folder: Where one from elsewhere is downloaded to; one of this machine is read in its place.

    Raises:
        ResourceError: If the disk is full.
        StoreAwayError: If the store is away, and no run is open.
    """

    def fetch() -> Path | None:
        uri = _artifact_uri(run_id)
        if (root := _local_path(uri)) is not None:
            return existing_path(str(root / name))
        try:
            # By its URI: by the run, MLflow says of whatever goes wrong that there is none.
            whole, target = uri_utils.append_to_uri_path(uri, name), str(folder / run_id)
            return Path(mlflow.artifacts.download_artifacts(whole, dst_path=target))
        except Exception as error:
            if fault := disk_fault(error):  # this machine's, not the store's
                raise ResourceError(fault) from error
            raise

    try:
        return WRITER.ask(f"fetch {name} of run {run_id}", fetch, None)
    except StoreAwayError:
        raise
    except TrackingError as error:
        logger.debug("%s", error)
        return None


def places(run_id: str) -> list[str]:
    """Where a person finds a run, and how to look at it; lines without a password."""
    uri = store_uri()
    told = without_passwords(uri)
    if uri_utils.get_uri_scheme(uri) in ("http", "https"):
        look = _page(told, run_id)
    else:
        store = shlex.quote(uri) if told == uri else '"$MLFLOW_TRACKING_URI"'
        look = f"{program('mlflow')} ui --backend-store-uri {store}"
    return [f"MLflow run {run_id} in {told}", f"look at it: {look}"]


def _page(server: str, run_id: str) -> str:
    """The address of a run's page, or that of the server if that cannot be asked any more."""
    find = partial(mlflow.get_run, run_id)
    run = WRITER.ask(f"find run {run_id}", find, None)
    page = f"/#/experiments/{run.info.experiment_id}/runs/{run_id}" if run else ""
    return server.rstrip("/") + page


def program(name: str) -> str:
    """How a shell calls a program of this environment, which may not be on the path."""
    own = Path(sys.executable).with_name(name)
    if not own.exists():
        return shlex.join([sys.executable, "-m", name])
    found = shutil.which(name)
    return name if found is not None and own.samefile(found) else shlex.quote(str(own))
