"""MLflow: runs, metrics and artifacts. The only module that imports it."""

import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlparse
from urllib.request import url2pathname

import mlflow
import psutil
from mlflow.entities import LifecycleStage, Metric, Param, Run, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from alignfreeze import __version__
from alignfreeze.errors import AlignFreezeError, ConfigError, Interrupted, Pruned
from alignfreeze.identity import code_digest, library_versions, versions_text

logger = logging.getLogger(__name__)

TAG = "alignfreeze."
PARAM_LENGTH = 6000
"""MLflow cuts longer values of params."""
BATCH_METRICS = 1000
"""MLflow takes no more metrics in one call."""
WRITE_SECONDS = 10
"""How long a metric may wait to be written, so that curves can be watched."""

CELL = "cell"
"""The tag that says which cell of a grid a run is."""

VERSION = "version"
"""The tag that says which version of this package a run is of."""

LIBRARIES = "libraries"
"""The tag that says the versions of what has computed a run: sorted, with commas between them."""

REALIGN_HASH = "realign_hash"
"""The tag that says which realignment made a run's encoder."""

REALIGN_RUN = "realign_run"
"""The tag that says in which run that was."""

CODE = "code"
"""The tag that says which code of this package: the hash of its files."""

STRATEGY_CODE = "strategy_code"
"""The tag that says which code of the strategy."""

TASK_CODE = "task_code"
"""The tag that says which code of the task."""

PARALLEL_HASH = "parallel_hash"
"""The tag that says what the files of the parallel text hold."""

MADE_FROM = "made_from"
"""The tag that says, for a person, how a model was realigned that is realigned again, or not."""

DATA_HASH = "data_hash"
"""The tag that says what the files of a task's examples hold."""

METRIC = "metric"
"""The tag that says what a task's scores are compared by."""

_PROCESS = f"{TAG}process"
_ERROR = f"{TAG}error"
_PHASE_HASH = f"{TAG}phase_hash"


class TrackedRun:
    """One MLflow run that is being written; metrics are buffered.

    Args:
        run_id: The run's id, or ``None`` in a process that does not write.
    """

    def __init__(self, run_id: str | None) -> None:
        self.run_id = run_id
        self._metrics: list[Metric] = []
        self._written = time.monotonic()

    @cached_property
    def _client(self) -> MlflowClient:
        """Made late: it sets up a new store, which is not for several processes to do at once."""
        return MlflowClient()

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters under ``cfg.``."""
        if self.run_id is not None:
            texts = {f"cfg.{name}": str(value)[:PARAM_LENGTH] for name, value in values.items()}
            mlflow.log_params(texts, run_id=self.run_id)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags under ``alignfreeze.``."""
        if self.run_id is not None:
            tags = [RunTag(TAG + name, value) for name, value in values.items()]
            self._client.log_batch(self.run_id, tags=tags)

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Log a metric, soon."""
        if self.run_id is None:
            return
        self._metrics.append(Metric(name, value, int(time.time() * 1000), step))
        waited = time.monotonic() - self._written
        if len(self._metrics) >= BATCH_METRICS or waited >= WRITE_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the metrics that are in the buffer."""
        if self.run_id is not None and self._metrics:
            metrics, self._metrics = self._metrics, []
            self._written = time.monotonic()
            self._client.log_batch(self.run_id, metrics=metrics)

    def artifacts(self, folder: Path, name: str | None = None) -> None:
        """Log a folder's content, under ``name`` if given."""
        if self.run_id is not None:
            self._client.log_artifacts(self.run_id, str(folder), name)

    def text(self, content: str, name: str) -> None:
        """Log a text file."""
        if self.run_id is not None:
            self._client.log_text(self.run_id, content, name)

    def finished_as(self, phase_hash: str) -> None:
        """Mark the run as one whose results may be taken over."""
        self.tags({"phase_hash": phase_hash})


@contextmanager
def tracked_run(
    name: str,
    *,
    nested: bool = False,
    writes: bool = True,
    parent: str | None = None,
    again: str | None = None,
) -> Iterator[TrackedRun]:
    """Open an MLflow run, and end it whatever happens.

    The outermost run is the one that ``mlflow run`` has opened, if it has. It ends FINISHED,
    FAILED when an exception passes, or KILLED when that says that a signal did it; then the
    reason is in the tag ``alignfreeze.error``.

    Args:
        name: The run's name.
        nested: Whether it belongs into the run that is open.
        writes: False in all but one of several processes: nothing is tracked then.
        parent: Id of the run that it belongs into, where that is open in another process.
        again: Id of a run of the same name that has ended, to be gone on with.
    """
    if not writes:
        yield TrackedRun(None)
        return
    _hush()
    tags = {_PROCESS: _this_process(), **version_tags()}
    started = mlflow.start_run(
        again,
        experiment_id=mlflow.get_run(parent).info.experiment_id if parent else None,
        run_name=name,
        nested=nested,
        parent_run_id=parent,
        tags=tags,
    )
    run = TrackedRun(started.info.run_id)
    status = "FINISHED"
    try:
        if again:
            _forget_error(again)
        if not nested:
            end_dead_runs()
        yield run
        run.flush()
    except BaseException as error:
        killed = isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit, Pruned))
        status = "KILLED" if killed else "FAILED"
        run.tags({"error": _reason(error)})
        run.flush()
        raise
    finally:
        mlflow.end_run(status)


def version_tags() -> dict[str, str]:
    """What computes here, as every run of this program says it."""
    return {
        f"{TAG}{VERSION}": __version__,
        f"{TAG}{CODE}": code_digest(),
        f"{TAG}{LIBRARIES}": versions_text(library_versions()),
    }


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return (
        text
        if isinstance(error, (AlignFreezeError, Interrupted))
        else f"{type(error).__name__}: {text}"
    )


def _hush() -> None:
    """Keep a new store's set-up, and a bar for each small file, from filling the terminal."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _this_process() -> str:
    process = psutil.Process()
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"


def _is_dead(process: str) -> bool:
    """Whether a process of this machine is gone; False for another machine's."""
    host, pid, born = process.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - float(born)) > 2)
    except psutil.NoSuchProcess:
        return True


def _forget_error(run_id: str) -> None:
    """A run that is gone on with has not failed any more."""
    client = MlflowClient()
    if _ERROR in client.get_run(run_id).data.tags:
        client.delete_tag(run_id, _ERROR)


def end_dead_runs() -> None:
    """Mark runs as KILLED whose process was killed too hard to do so itself."""
    _hush()
    client = MlflowClient()
    for run in _search(f"attributes.status = 'RUNNING' and tags.`{_PROCESS}` LIKE '%:%'"):
        if not _is_dead(run.data.tags[_PROCESS]):
            continue
        client.set_terminated(run.info.run_id, "KILLED")
        _say_killed(run.info.run_id, "its process was killed")
        # `mlflow run` outlives the process, and has marked the parent as FAILED, but not why.
        parent = run.data.tags.get("mlflow.parentRunId")
        if parent is not None and client.get_run(parent).info.status == "FAILED":
            _say_killed(parent, "its process was killed")


def end_run_of_other(run_id: str, reason: str) -> None:
    """Mark another process's run, and those nested in it, as KILLED, if they are RUNNING still.

    Args:
        run_id: The run's id.
        reason: Why it is known to run no more.
    """
    client = MlflowClient()
    for run in [client.get_run(run_id), *_search(f"tags.`mlflow.parentRunId` = '{run_id}'")]:
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")
            _say_killed(run.info.run_id, reason)


def _say_killed(run_id: str, reason: str) -> None:
    client = MlflowClient()
    tags = client.get_run(run_id).data.tags
    if _ERROR not in tags:
        client.set_tag(run_id, _ERROR, reason)
    if f"{TAG}state" in tags:  # of a trial
        client.set_tag(run_id, f"{TAG}state", "killed")


def _search(filter_string: str) -> list[Run]:
    found: list[Run] = mlflow.search_runs(
        search_all_experiments=True,
        filter_string=filter_string,
        run_view_type=ViewType.ACTIVE_ONLY,
        order_by=["attributes.start_time DESC"],
        output_format="list",
    )
    return found


def finished_run(phase_hash: str) -> Run | None:
    """The newest finished run of this store that holds a phase, if any does."""
    found = _search(f"attributes.status = 'FINISHED' and tags.`{_PHASE_HASH}` = '{phase_hash}'")
    return found[0] if found else None


def finished_cell(identity: str) -> str | None:
    """The id of the newest finished run of this store that holds a cell of a grid, if any does."""
    found = _search(f"attributes.status = 'FINISHED' and tags.`{TAG}{CELL}` = '{identity}'")
    return str(found[0].info.run_id) if found else None


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
        id_taken_over = tags.get(f"{TAG}reused.realignment") or tags.get(f"{TAG}{REALIGN_RUN}")
        taken_over = [mlflow.get_run(id_taken_over)] if id_taken_over else []
    except MlflowException:
        return None
    nested = _search(f"tags.`mlflow.parentRunId` = '{asked.info.run_id}'")
    # Those of strategies to compare with have another name.
    own = [run for run in nested if run.info.run_name == "realign"]
    for run in [asked, *own, *taken_over]:
        if str(run.info.run_name).startswith("realign") and _PHASE_HASH in run.data.tags:
            tags = run.data.tags
            return Realignment(run.info.run_id, tags[_PHASE_HASH], tags[f"{TAG}strategy"])
    return None


def tags_of(run_id: str) -> dict[str, str]:
    """A run's own tags, without ``alignfreeze.``."""
    tags = mlflow.get_run(run_id).data.tags
    return {name.removeprefix(TAG): text for name, text in tags.items() if name.startswith(TAG)}


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


def is_main_process() -> bool:
    """Whether this is the process that tracks: the only one, or torchrun's first."""
    return int(os.environ.get("RANK", "0")) == 0


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
    _hush()
    client = MlflowClient()
    ids = []
    for name in experiments:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            known = ", ".join(sorted(e.name for e in client.search_experiments()))
            raise ConfigError(f"experiment must be one of {known}, got {name!r}")
        ids.append(experiment.experiment_id)
    conditions = [f"tags.`{TAG}strategy` LIKE '%'", f"tags.`{TAG}task` LIKE '%'"]
    try:
        found = mlflow.search_runs(
            ids or None,
            search_all_experiments=not ids,
            filter_string=" and ".join([*conditions, *([where] if where else [])]),
            run_view_type=ViewType.ACTIVE_ONLY,
            order_by=["attributes.start_time DESC"],
            output_format="list",
        )
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


def _stored(run: Run) -> StoredRun:
    def own(values: Mapping[str, str], prefix: str) -> dict[str, str]:
        names = [name for name in values if name.startswith(prefix)]
        return {name.removeprefix(prefix): values[name] for name in names}

    return StoredRun(
        run.info.run_id,
        str(run.info.run_name),
        run.info.status,
        run.info.start_time,
        None if run.info.end_time is None else (run.info.end_time - run.info.start_time) / 1000,
        own(run.data.tags, TAG),
        own(run.data.params, "cfg."),
        run.data.metrics,
    )


_IMPORTED_ROW = f"{TAG}imported_row"


def imported_rows(experiment: str) -> set[str]:
    """The identities of the rows that an experiment holds whole; the experiment need not exist."""
    _hush()
    client = MlflowClient()
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return set()
    runs: list[Run] = mlflow.search_runs(
        [found.experiment_id],
        filter_string=f"attributes.status = 'FINISHED' and tags.`{_IMPORTED_ROW}` LIKE '%'",
        output_format="list",
    )
    return {run.data.tags[_IMPORTED_ROW] for run in runs}


def import_run(
    experiment: str,
    name: str,
    *,
    tags: Mapping[str, str],
    params: Mapping[str, str],
    metrics: Mapping[str, float],
) -> None:
    """Write a run that something else has made, at once and FINISHED.

    Args:
        experiment: Name of its experiment, which is made if need be.
        name: Of the run.
        tags: Under ``alignfreeze.``.
        params: Under ``cfg.``.
        metrics: As they are.

    Raises:
        ConfigError: If MLflow does not take the experiment.
    """
    client = MlflowClient()
    try:
        found = client.get_experiment_by_name(experiment)
        number = found.experiment_id if found else client.create_experiment(experiment)
        run = client.create_run(number, run_name=name, tags={_PROCESS: _this_process()})
    except MlflowException as error:
        reason = " ".join(error.message.split())
        raise ConfigError(f"experiment {experiment!r}: {reason}") from None
    now, run_id = int(time.time() * 1000), run.info.run_id
    rows = [Metric(metric, value, now, 0) for metric, value in metrics.items()]
    status = "KILLED"
    try:
        for first in range(0, len(rows), BATCH_METRICS):
            client.log_batch(run_id, metrics=rows[first : first + BATCH_METRICS])
        client.log_batch(
            run_id,
            params=[Param(f"cfg.{key}", value) for key, value in params.items()],
            tags=[RunTag(TAG + key, value) for key, value in tags.items()],
        )
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)
