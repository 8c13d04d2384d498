"""Where the tracking store and its artifacts are, on this machine or elsewhere."""

from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import mlflow
from mlflow.exceptions import MlflowException

from alignfreeze.credentials import hide, without_passwords


def store_uri() -> str:
    """The tracking store's URI, as other processes need it."""
    uri = str(mlflow.get_tracking_uri())
    hide(uri)
    return uri


def store_folder() -> Path:
    """The folder of a tracking store that is a local file or folder; else the working folder."""
    place = _local_store() or Path.cwd()
    return place.parent if store_uri().startswith("sqlite:///") else place


def has_store() -> bool:
    """Whether the tracking store is there already; to ask it for runs would make a local one."""
    place = _local_store()
    return place is None or place.exists()


def _local_store() -> Path | None:
    """The file of a tracking store in SQLite, or its folder; ``None`` if it is neither."""
    uri = store_uri()
    if uri.startswith("sqlite:///"):
        return Path(uri.removeprefix("sqlite:///")).resolve()
    if "://" not in uri or uri.startswith("file:"):
        return Path(url2pathname(urlparse(uri).path)).resolve()
    return None


def artifact_folder(run_id: str) -> Path | None:
    """The folder of a run's artifacts; ``None`` if that is not on this machine."""
    uri = urlparse(mlflow.get_run(run_id).info.artifact_uri)
    return Path(url2pathname(uri.path)) if uri.scheme in ("", "file") else None


def artifact_path(run_id: str, name: str) -> Path | None:
    """A run's artifact on this machine (downloaded if need be); ``None`` if it has none."""
    try:
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name))
    except (MlflowException, OSError):
        return None


def places(run_id: str) -> list[str]:
    """Where a person finds a run, and how to look at it; lines."""
    uri = without_passwords(store_uri())
    look = f"look at it: mlflow ui --backend-store-uri {uri}"
    return [f"MLflow run {run_id} in {uri}", look]
