"""Runs that are being written: params, tags, metrics, artifacts, and how each ends."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import mlflow
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags

from alignfreeze import __version__
from alignfreeze.base.faults import reason_of
from alignfreeze.base.processes import is_dead, this_process
from alignfreeze.base.signals import deferred_signals
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.credentials import without_passwords
from alignfreeze.errors import Interrupted, Pruned, TrackingError, one_line
from alignfreeze.tracking import names
from alignfreeze.tracking.creation import ready_experiment
from alignfreeze.tracking.logs import kept_log
from alignfreeze.tracking.names import ERROR, PARAM, PROCESS, TAG
from alignfreeze.tracking.store import is_known, search_runs
from alignfreeze.tracking.talking import asking
from alignfreeze.tracking.unlogged import ARTIFACTS, CREATE, Write
from alignfreeze.tracking.writing import WRITER, apply

logger = logging.getLogger(__name__)

PARAM_LENGTH = 6000  # MLflow cuts longer values
BATCH_METRICS = 1000  # MLflow takes no more in one call
WRITE_SECONDS = 10  # that a metric may wait to be written, so that curves can be watched


class TrackedRun:
    """One MLflow run that is being written, metrics by a buffer; without an id nothing is.

    All of it goes through `WRITER`, which waits for a store that went away.
    """

    def __init__(self, run_id: str | None) -> None:
        self.run_id = run_id
        self._metrics: list[tuple[str, float, int, int]] = []
        self._written = time.monotonic()

    def _write(self, kind: str, values: Mapping[str, Any]) -> None:
        if self.run_id is not None:
            WRITER.write(Write(kind, self.run_id, values))

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters under ``cfg.``."""
        self._write(
            "params", {PARAM + n: _kept(str(value))[:PARAM_LENGTH] for n, value in values.items()}
        )

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags under ``alignfreeze.``."""
        self._write("tags", {TAG + name: _kept(value) for name, value in values.items()})

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Log a metric, soon."""
        if self.run_id is None:
            return
        self._metrics.append((name, value, int(time.time() * 1000), step))
        waited = time.monotonic() - self._written
        if len(self._metrics) >= BATCH_METRICS or waited >= WRITE_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the metrics that are in the buffer."""
        if self._metrics:
            metrics, self._metrics = self._metrics, []
            self._written = time.monotonic()
            self._write("metrics", {"metrics": metrics})

    def artifacts(self, folder: Path, name: str | None = None) -> None:
        """Log a folder's content, under ``name`` if given."""
        self._write(ARTIFACTS, {"folder": str(folder), "name": name})

    def text(self, content: str, name: str) -> None:
        """Log a text file."""
        self._write("text", {"content": _kept(content), "name": name})

    def finished_as(self, phase_hash: str) -> None:
        """Mark the run as one whose results may be taken over."""
        self.tags({names.PHASE_HASH: phase_hash})

    def waits(self, seconds: float) -> None:
        """Wait so long for a store that goes away, here and in all other runs of this process."""
        if self.run_id is not None:
            WRITER.wait = seconds

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


def _kept(text: str) -> str:
    """A text as it may be kept, and be read again."""
    return without_passwords(text, words=False)


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
        run.run_id = _opened(name, nested=nested, parent=parent, again=again)
        WRITER.opened(run.run_id)
        if not nested:
            end_dead_runs()
        with nullcontext() if nested else kept_log(run.text, again=again is not None):
            yield run
        run.flush()
    except BaseException as error:
        # A signal may come just after a run was opened; left alone, MLflow ends it as FINISHED.
        run.run_id = run.run_id or _opened_since(before)
        if run.run_id is not None:
            run.end_because_of(error)
        raise
    else:
        with deferred_signals():
            WRITER.end(str(run.run_id), "FINISHED")
    finally:
        if outermost:
            WRITER.reset()


@contextmanager
def given_run(name: str) -> Iterator[TrackedRun | None]:
    """The run that ``mlflow run`` has opened, ended as `tracked_run` does; else none is opened."""
    with tracked_run(name) if "MLFLOW_RUN_ID" in os.environ else nullcontext() as run:
        yield run


def _opened(name: str, *, nested: bool, parent: str | None, again: str | None) -> str:
    """The id of a run that is opened: in the store, or for a nested one in the journal."""
    tags = _tags_of_all()

    def start() -> str:
        if not (nested or parent or again):
            ready_experiment()
        experiment = mlflow.get_run(parent).info.experiment_id if parent else None
        started = mlflow.start_run(
            again,
            experiment_id=experiment,
            run_name=name,
            nested=nested,
            parent_run_id=parent,
            tags=tags,
        )
        if again and TAG + ERROR in started.data.tags:  # it has not failed any more
            MlflowClient().delete_tag(again, TAG + ERROR)
        _hide_passwords(started)
        return str(started.info.run_id)

    outer = parent or next(reversed(WRITER.open_runs), None)
    if outer is None or again:
        with asking("open a run"):
            return start()
    made = f"unlogged-{uuid4().hex}"
    said = {tag: _kept(value) for tag, value in resolve_tags(tags).items()}
    values = {"name": name, "parent": outer, "tags": said, "time": int(time.time() * 1000)}
    return WRITER.write(Write(CREATE, made, values), start) or made


def _opened_since(before: Run | None) -> str | None:
    """The id of the run that MLflow has open, if that is another than before."""
    active = mlflow.active_run()
    if active is None or (before is not None and active.info.run_id == before.info.run_id):
        return None
    return str(active.info.run_id)


def _hide_passwords(begun: Run) -> None:
    """Mend what MLflow says by itself of the program, such as the URL that it is from."""
    hidden = {name: _kept(value) for name, value in begun.data.tags.items()}
    for name, value in hidden.items():
        if value != begun.data.tags[name]:
            MlflowClient().set_tag(begun.info.run_id, name, value)


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
