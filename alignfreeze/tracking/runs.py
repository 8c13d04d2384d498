"""Runs that are being written: params, tags, metrics, artifacts, and how each ends."""

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from alignfreeze.base.faults import reason_of
from alignfreeze.base.processes import is_dead
from alignfreeze.base.signals import deferred_signals
from alignfreeze.errors import Interrupted, Pruned, TrackingError, one_line
from alignfreeze.tracking import names
from alignfreeze.tracking.inputs import DataSet
from alignfreeze.tracking.logs import kept_log
from alignfreeze.tracking.names import ERROR, PARAM, PROCESS, TAG, Kind
from alignfreeze.tracking.opening import kept, open_run, opened_since
from alignfreeze.tracking.store import is_known, search_runs
from alignfreeze.tracking.system_metrics import SystemMetrics, asked_for
from alignfreeze.tracking.talking import asking
from alignfreeze.tracking.unlogged import ARTIFACTS, MODEL, Write
from alignfreeze.tracking.writing import WRITER, apply

logger = logging.getLogger(__name__)

PARAM_LENGTH = 6000  # MLflow cuts longer values
NOTE_LENGTH = 5000  # that every version of it takes of a description
OUR_NOTE = "<!-- alignfreeze -->"  # what a description begins with that no person has written
BATCH_METRICS = 1000  # MLflow takes no more in one call
WRITE_SECONDS = 10  # that a metric may wait to be written, so that curves can be watched


class TrackedRun:
    """One MLflow run that is being written, metrics by a buffer; without an id nothing is.

    All of it goes through `WRITER`, which waits for a store that went away.
    """

    def __init__(self, run_id: str | None) -> None:
        self.run_id = run_id
        self.named_by_us = True
        self._system: SystemMetrics | None = None
        self._metrics: list[tuple[str, float, int, int]] = []
        self._written = time.monotonic()

    def _write(self, kind: str, values: Mapping[str, Any]) -> None:
        if self.run_id is not None:
            WRITER.write(Write(kind, self.run_id, values))

    def rename(self, name: str) -> None:
        """Call the run otherwise, unless the user has named it."""
        if self.named_by_us:
            self._write("name", {"name": name})

    def describe(self, markdown: str) -> None:
        """Say what came of it, in Markdown: what MLflow shows as the run's description.

        One that a person has written stays.
        """
        if self.run_id is None:
            return
        known = WRITER.ask(f"read run {self.run_id}", partial(_note, self.run_id), "")
        if not known or known.startswith(OUR_NOTE):
            lines = kept(f"{OUR_NOTE}\n\n{markdown}")[:NOTE_LENGTH].split("\n")
            whole = lines if len("\n".join(lines)) < NOTE_LENGTH else [*lines[:-1], "", "…"]
            self._write("tags", {MLFLOW_RUN_NOTE: "\n".join(whole)})

    def inputs(self, found: Iterable[DataSet]) -> None:
        """Log which data sets are used, and for what."""
        inputs = [{n: kept(text) for n, text in one._asdict().items()} for one in found]
        if inputs:
            self._write("inputs", {"inputs": inputs})

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters under ``cfg.``."""
        self._write("params", _own_params(values))

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags under ``alignfreeze.``."""
        self._write("tags", {TAG + name: kept(value) for name, value in values.items()})

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Log a metric, soon."""
        if self.run_id is None:
            return
        self._metrics.append((name, value, int(time.time() * 1000), step))
        waited = time.monotonic() - self._written
        if len(self._metrics) >= BATCH_METRICS or waited >= WRITE_SECONDS:
            self.flush()

    def results(self, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Log params under ``cfg.`` and metrics at once, in one call of the store."""
        now = int(time.time() * 1000)
        points = [(name, value, now, 0) for name, value in metrics.items()]
        self._write("results", {"params": _own_params(params), "metrics": points})

    def flush(self) -> None:
        """Write the metrics that are in the buffer."""
        self._metrics += self._system.fetched() if self._system is not None else []
        if self._metrics:
            metrics, self._metrics = self._metrics, []
            self._written = time.monotonic()
            for begin in range(0, len(metrics), BATCH_METRICS):
                self._write("metrics", {"metrics": metrics[begin : begin + BATCH_METRICS]})

    def artifacts(self, folder: Path, name: str | None = None) -> None:
        """Log a folder's content, under ``name`` if given."""
        self._write(ARTIFACTS, {"folder": str(folder), "name": name})

    def model(self, folder: Path, name: str) -> None:
        """Log a folder that is an MLflow Model (`model_folders`), with the scores so far."""
        self.flush()
        self._write(MODEL, {"folder": str(folder), "name": name})

    def text(self, content: str, name: str) -> None:
        """Log a text file."""
        self._write("text", {"content": kept(content), "name": name})

    def finished_as(self, phase_hash: str) -> None:
        """Mark the run as one whose results may be taken over."""
        self.tags({names.PHASE_HASH: phase_hash})

    def waits(self, seconds: float) -> None:
        """Wait so long for a store that goes away, here and in all other runs of this process."""
        if self.run_id is not None:
            WRITER.wait = seconds

    def measures_system(self, asked: bool) -> None:
        """Log the machine's load and memory from now on, if asked here or by MLflow's variable."""
        if self.run_id is not None and self._system is None and asked_for(asked):
            self._system = SystemMetrics(self.run_id)

    def measures_no_more(self) -> None:
        """End what the machine's load and memory are measured by."""
        if self._system is not None:
            self._system.end()

    def end_because_of(self, error: BaseException) -> None:
        """End the run with the reason; what goes wrong in doing so is a note to the error."""
        killed = isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit, Pruned))
        if killed and not isinstance(error, Pruned):
            WRITER.hurry()
        with deferred_signals():
            for write in (
                partial(self.tags, {ERROR: reason_of(error)}),
                self.flush,
                partial(WRITER.end, str(self.run_id), "KILLED" if killed else "FAILED"),
            ):
                try:
                    write()
                except (TrackingError, OSError) as fault:
                    error.add_note(one_line(fault))
                    logger.warning("%s", one_line(fault))


@contextmanager
def tracked_run(
    name: str,
    kind: Kind | None = None,
    *,
    nested: bool = False,
    writes: bool = True,
    parent: str | None = None,
    again: str | None = None,
) -> Iterator[TrackedRun]:
    """Open an MLflow run, and end it whatever happens.

    It is called by the name, and by what it is renamed to, unless the user has named it. The
    outermost run is the one that ``mlflow run`` has opened, if it has. It ends FINISHED,
    FAILED when an exception passes, or KILLED when that says that a signal did it; then the
    reason is in the tag ``alignfreeze.error``.

    A nested run belongs into the one that is open here, or into a parent, by its id, that is open
    in another process. One that has ended, by its id, is gone on with again. Of several processes
    one writes; in the others nothing is tracked.

    Raises:
        TrackingError: If the store is not there, or refuses what is written. One that goes away
            later is waited for; then what is written goes into a folder (see `unlogged`).
    """
    if not writes:
        yield TrackedRun(None)
        return
    outermost = not WRITER.open_runs and parent is None
    if outermost:
        WRITER.reset()
    run, before = TrackedRun(None), mlflow.active_run()
    try:
        opened = open_run(name, kind, nested=nested, parent=parent, again=again)
        run.run_id, run.named_by_us = opened
        WRITER.opened(run.run_id)
        if not nested:
            end_dead_runs()
        with nullcontext() if nested else kept_log(run.text, again=again is not None):
            try:
                yield run
            finally:
                run.measures_no_more()
        run.flush()
    except BaseException as error:
        # A signal may come just after a run was opened; left alone, MLflow ends it as FINISHED.
        run.run_id = run.run_id or opened_since(before)
        if run.run_id is not None:
            run.end_because_of(error)
        raise
    else:
        with deferred_signals():
            WRITER.end(str(run.run_id), "FINISHED")
    finally:
        if outermost:
            WRITER.reset()


def _own_params(values: Mapping[str, Any]) -> dict[str, str]:
    """Params as they are logged: under ``cfg.``, no longer than MLflow takes them."""
    return {PARAM + name: kept(str(value))[:PARAM_LENGTH] for name, value in values.items()}


def _note(run_id: str) -> str:
    """The description of a run."""
    return mlflow.get_run(run_id).data.tags.get(MLFLOW_RUN_NOTE, "")


@contextmanager
def given_run(name: str) -> Iterator[TrackedRun | None]:
    """The run that ``mlflow run`` has opened, ended as `tracked_run` does; else none is opened."""
    with tracked_run(name, Kind.DRY_RUN) if "MLFLOW_RUN_ID" in os.environ else nullcontext() as run:
        yield run


def end_dead_runs() -> None:
    """Mark runs as KILLED whose process was killed too hard to do so itself.

    One that cannot be ended is told, and left to the next who looks.
    """
    killed = "its process was killed"
    for run in search_runs(f"attributes.status = 'RUNNING' and tags.`{TAG}{PROCESS}` LIKE '%:%'"):
        if not is_dead(run.data.tags[TAG + PROCESS]):
            continue
        try:
            with asking(f"end run {run.info.run_id}, whose process was killed"):
                if _end(run.info.run_id, killed):
                    _tell_parent(run, killed)
        except TrackingError as error:
            logger.warning("%s", error)


def _tell_parent(run: Run, reason: str) -> None:
    # `mlflow run` outlives the process, and has marked the parent as FAILED, but not why.
    parent = run.data.tags.get("mlflow.parentRunId")
    if parent and (failed := mlflow.get_run(parent)).info.status == "FAILED":
        _say_killed(failed, reason)


def end_run_of_other(run_id: str, reason: str) -> None:
    """Mark another process's run, and those nested in it, as KILLED, if they are RUNNING still.

    Raises:
        TrackingError: If the store refuses.
    """
    if not is_known(run_id):  # a worker that lost the store has made it, for itself
        return
    nested = search_runs(f"tags.`mlflow.parentRunId` = '{run_id}'")
    for one in [run_id, *(run.info.run_id for run in nested)]:
        WRITER.ask(f"end run {one}", partial(_end, one, reason), False)


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
    apply(Write("tags", run.info.run_id, {TAG + name: text for name, text in said.items()}))


def is_main_process() -> bool:
    """Whether this is the process that tracks: the only one, or torchrun's first."""
    return int(os.environ.get("RANK", "0")) == 0
