"""Runs that are being written: params, tags, metrics, artifacts, and how each ends."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, Run, RunTag
from mlflow.tracking import MlflowClient

from alignfreeze import __version__
from alignfreeze.base.faults import reason_of
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.errors import Interrupted, Pruned
from alignfreeze.tracking import names
from alignfreeze.tracking.logs import kept_log
from alignfreeze.tracking.names import ERROR, PARAM, PROCESS, TAG
from alignfreeze.tracking.processes import is_dead, this_process
from alignfreeze.tracking.store import hush, search_runs

PARAM_LENGTH = 6000  # MLflow cuts longer values
BATCH_METRICS = 1000  # MLflow takes no more in one call
WRITE_SECONDS = 10  # that a metric may wait to be written, so that curves can be watched


class TrackedRun:
    """One MLflow run that is being written, metrics by a buffer; without an id nothing is."""

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
            texts = {PARAM + name: str(value)[:PARAM_LENGTH] for name, value in values.items()}
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
        self.tags({names.PHASE_HASH: phase_hash})


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

    A nested run belongs into the one that is open here, or into a parent, by its id, that is open
    in another process. One that has ended, by its id, is gone on with again. Of several processes
    one writes; in the others nothing is tracked.
    """
    if not writes:
        yield TrackedRun(None)
        return
    hush()
    started = mlflow.start_run(
        again,
        experiment_id=mlflow.get_run(parent).info.experiment_id if parent else None,
        run_name=name,
        nested=nested,
        parent_run_id=parent,
        tags=_tags_of_all(),
    )
    run, status = TrackedRun(started.info.run_id), "FINISHED"
    try:
        if again and TAG + ERROR in started.data.tags:  # it has not failed any more
            MlflowClient().delete_tag(again, TAG + ERROR)
        if not nested:
            end_dead_runs()
        with nullcontext() if nested else kept_log(run.text, again=again is not None):
            yield run
        run.flush()
    except BaseException as error:
        killed = isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit, Pruned))
        status = "KILLED" if killed else "FAILED"
        run.tags({ERROR: reason_of(error)})
        run.flush()
        raise
    finally:
        mlflow.end_run(status)


def _tags_of_all() -> dict[str, str]:
    """What every run of this program says of what computes it."""
    tags = {
        PROCESS: this_process(),
        names.VERSION: __version__,
        names.CODE: code_digest(),
        names.LIBRARIES: versions_text(library_versions()),
    }
    return {TAG + name: value for name, value in tags.items()}


def end_dead_runs() -> None:
    """Mark runs as KILLED whose process was killed too hard to do so itself."""
    hush()
    killed = "its process was killed"
    for run in search_runs(f"attributes.status = 'RUNNING' and tags.`{TAG}{PROCESS}` LIKE '%:%'"):
        if is_dead(run.data.tags[TAG + PROCESS]) and _end(run.info.run_id, killed):
            # `mlflow run` outlives the process, and has marked the parent as FAILED, but not why.
            parent = run.data.tags.get("mlflow.parentRunId")
            if parent and (failed := mlflow.get_run(parent)).info.status == "FAILED":
                _say_killed(failed, killed)


def end_run_of_other(run_id: str, reason: str) -> None:
    """Mark another process's run, and those nested in it, as KILLED, if they are RUNNING still."""
    nested = search_runs(f"tags.`mlflow.parentRunId` = '{run_id}'")
    for one in [run_id, *(run.info.run_id for run in nested)]:
        _end(one, reason)


def _end(run_id: str, reason: str) -> bool:
    """Mark a run as KILLED; False if it has ended, and said how, since it was listed."""
    run = mlflow.get_run(run_id)
    if run.info.status != "RUNNING":
        return False
    MlflowClient().set_terminated(run_id, "KILLED")
    _say_killed(run, reason)
    return True


def _say_killed(run: Run, reason: str) -> None:
    said = {ERROR: reason} if TAG + ERROR not in run.data.tags else {}
    if TAG + names.STATE in run.data.tags:  # of a trial
        said[names.STATE] = "killed"
    TrackedRun(run.info.run_id).tags(said)


def is_main_process() -> bool:
    """Whether this is the process that tracks: the only one, or torchrun's first."""
    return int(os.environ.get("RANK", "0")) == 0
