"""What is in the tracking store: runs that are found, their metrics and artifacts."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlparse
from urllib.request import url2pathname

import mlflow
from mlflow.entities import LifecycleStage, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from alignfreeze.errors import ConfigError
from alignfreeze.tracking.names import (
    CELL,
    PARAM,
    PHASE_HASH,
    REALIGN_RUN,
    REALIGN_RUN_NAME,
    REUSED_REALIGNMENT,
    STRATEGY,
    TAG,
    TASK,
)

logger = logging.getLogger(__name__)


def hush() -> None:
    """Keep a new store's set-up, and a bar for each small file, from filling the terminal."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)


def search_runs(filter_string: str, experiment_ids: Sequence[str] = ()) -> list[Run]:
    """The runs of some experiments, or of all, that a filter lets through, the newest first."""
    found: list[Run] = mlflow.search_runs(
        list(experiment_ids) or None,
        search_all_experiments=not experiment_ids,
        filter_string=filter_string,
        run_view_type=ViewType.ACTIVE_ONLY,
        order_by=["attributes.start_time DESC"],
        output_format="list",
    )
    return found


def finished_run(phase_hash: str) -> Run | None:
    """The newest finished run of this store that holds a phase, if any does."""
    return next(iter(_finished(PHASE_HASH, phase_hash)), None)


def finished_cell(identity: str) -> str | None:
    """The id of the newest finished run of this store that holds a cell of a grid, if any does."""
    found = _finished(CELL, identity)
    return str(found[0].info.run_id) if found else None


def _finished(tag: str, value: str) -> list[Run]:
    return search_runs(f"attributes.status = 'FINISHED' and tags.`{TAG}{tag}` = '{value}'")


class Realignment(NamedTuple):
    """A finished realignment in the store."""

    run_id: str
    phase_hash: str
    strategy: str


def find_realignment(run_id: str) -> Realignment | None:
    """The realignment that a run is, has nested in it, or took over.

    Args:
        run_id: Id of any run.

    Returns:
        ``None`` if there is no such run, or it has no realignment.
    """
    try:
        asked = mlflow.get_run(run_id)
        tags = asked.data.tags
        id_taken_over = tags.get(TAG + REUSED_REALIGNMENT) or tags.get(TAG + REALIGN_RUN)
        taken_over = [mlflow.get_run(id_taken_over)] if id_taken_over else []
    except MlflowException:
        return None
    nested = search_runs(f"tags.`mlflow.parentRunId` = '{asked.info.run_id}'")
    # Those of strategies to compare with have another name.
    own = [run for run in nested if run.info.run_name == REALIGN_RUN_NAME]
    for run in [asked, *own, *taken_over]:
        tags = run.data.tags
        is_realignment = str(run.info.run_name).startswith(REALIGN_RUN_NAME)
        if is_realignment and TAG + PHASE_HASH in tags:
            return Realignment(run.info.run_id, tags[TAG + PHASE_HASH], tags[TAG + STRATEGY])
    return None


def tags_of(run_id: str) -> dict[str, str]:
    """A run's own tags, without ``alignfreeze.``."""
    return _own(mlflow.get_run(run_id).data.tags, TAG)


def metrics_of(run_id: str) -> dict[str, float]:
    """A run's metrics, the last value of each."""
    return dict(mlflow.get_run(run_id).data.metrics)


def require_run(run_id: str) -> None:
    """Check that a run is in this tracking store, and not deleted.

    Raises:
        ConfigError: If it is not, or is.
    """
    try:
        mlflow.get_run(run_id)
    except MlflowException:
        raise ConfigError(
            f"run {run_id} is not in the tracking store {mlflow.get_tracking_uri()}; "
            "MLFLOW_TRACKING_URI must name the one that it is in"
        ) from None
    if is_deleted(run_id):
        raise ConfigError(f"run {run_id} was deleted; mlflow runs restore brings it back")


def is_deleted(run_id: str) -> bool:
    """Whether a run was deleted in MLflow; False for one that never was in this store."""
    try:
        return str(mlflow.get_run(run_id).info.lifecycle_stage) == "deleted"
    except MlflowException:
        return False


def store_uri() -> str:
    """The tracking store's URI, as other processes need it."""
    return str(mlflow.get_tracking_uri())


def store_folder() -> Path:
    """The folder of a tracking store that is a local file or folder; else the working folder."""
    uri = mlflow.get_tracking_uri()
    if uri.startswith("sqlite:///"):
        return Path(uri.removeprefix("sqlite:///")).resolve().parent
    if "://" not in uri or uri.startswith("file:"):
        return Path(url2pathname(urlparse(uri).path)).resolve()
    return Path.cwd()


def has_store() -> bool:
    """Whether the tracking store is there already; to ask it for runs would make a local one."""
    uri = mlflow.get_tracking_uri()
    if uri.startswith("sqlite:///"):
        return Path(uri.removeprefix("sqlite:///")).is_file()
    is_folder = "://" not in uri or uri.startswith("file:")
    return store_folder().is_dir() if is_folder else True


def artifact_path(run_id: str, name: str) -> Path | None:
    """A run's artifact on this machine (downloaded if need be); ``None`` if it has none."""
    try:
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name))
    except (MlflowException, OSError):
        return None


def places(run_id: str) -> list[str]:
    """Where a person finds a run, and how to look at it; lines."""
    uri = mlflow.get_tracking_uri()
    return [
        f"MLflow run {run_id} in {uri}",
        f"look at it: mlflow ui --backend-store-uri {uri}",
    ]


class StoredRun(NamedTuple):
    """A run of the tracking store, as it is there.

    Attributes:
        run_id: Its id.
        name: Its name.
        status: MLflow's: FINISHED, FAILED, KILLED, RUNNING.
        started: When it was begun, milliseconds since 1970.
        seconds: How long it took; ``None`` while it runs.
        tags: Ours, without ``alignfreeze.``.
        params: Ours, without ``cfg.``.
        metrics: The last value of each.
    """

    run_id: str
    name: str
    status: str
    started: int
    seconds: float | None
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]


def stored_runs(experiments: Sequence[str], where: str = "") -> list[StoredRun]:
    """The runs of the store that have a strategy and a task, the newest first.

    Args:
        experiments: Names of experiments to look in; none for all.
        where: Further condition, in MLflow's language of filters.

    Raises:
        ConfigError: If there is no such experiment, or MLflow does not understand the condition.
    """
    hush()
    client = MlflowClient()
    ids = []
    for name in experiments:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            known = ", ".join(sorted(e.name for e in client.search_experiments()))
            raise ConfigError(f"experiment must be one of {known}, got {name!r}")
        ids.append(experiment.experiment_id)
    conditions = [f"tags.`{TAG}{tag}` LIKE '%'" for tag in (STRATEGY, TASK)]
    try:
        found = search_runs(" and ".join([*conditions, *([where] if where else [])]), ids)
    except MlflowException as error:
        reason = " ".join(error.message.split())
        raise ConfigError(f"where must be a condition on runs, got {where!r}: {reason}") from None
    return [_stored(run) for run in found]


def stored_run(run_id: str) -> StoredRun | None:
    """One run of the store; ``None`` if it is not there, or deleted."""
    try:
        run = mlflow.get_run(run_id)
    except MlflowException:
        return None
    return _stored(run) if run.info.lifecycle_stage == LifecycleStage.ACTIVE else None


def _own(values: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}


def _stored(run: Run) -> StoredRun:
    return StoredRun(
        run.info.run_id,
        str(run.info.run_name),
        run.info.status,
        run.info.start_time,
        None if run.info.end_time is None else (run.info.end_time - run.info.start_time) / 1000,
        _own(run.data.tags, TAG),
        _own(run.data.params, PARAM),
        run.data.metrics,
    )
