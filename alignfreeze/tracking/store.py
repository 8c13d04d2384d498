"""What is in the tracking store: runs that are found, their metrics and artifacts."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mlflow
from mlflow.entities import LifecycleStage, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from alignfreeze.errors import ConfigError, TrackingError
from alignfreeze.messages import listed, shown
from alignfreeze.tracking import names
from alignfreeze.tracking.location import has_store
from alignfreeze.tracking.names import PARAM, TAG, Kind, as_now, kind_of
from alignfreeze.tracking.talking import asking, store_name
from alignfreeze.tracking.writing import WRITER


def contact() -> None:
    """Find out whether the tracking store is there, before anything slow is done.

    A local one that is yet to be made is not asked.

    Raises:
        TrackingError: If it is not there, or refuses.
    """
    if has_store():
        with asking("be used"):
            MlflowClient().search_experiments(max_results=1)


def search_runs(filter_string: str, experiment_ids: Sequence[str] = ()) -> list[Run]:
    """The runs of some experiments, or of all, that a filter lets through, the newest first.

    Raises:
        TrackingError: If the store refuses; if it is away, and no run is open.
    """

    def search() -> list[Run]:
        found: list[Run] = mlflow.search_runs(
            list(experiment_ids) or None,
            search_all_experiments=not experiment_ids,
            filter_string=filter_string,
            run_view_type=ViewType.ACTIVE_ONLY,
            order_by=["attributes.start_time DESC"],
            output_format="list",
        )
        return found

    return WRITER.ask("list runs", search, [])


ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow says of what is not there, and of what cannot be a run's id."""


class StoredRun(NamedTuple):
    """A run of the tracking store, as it is there.

    Attributes:
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

    @property
    def kind(self) -> Kind | None:
        """What it is; ``None`` for one that does not say it."""
        return kind_of(self.name, self.tags)


def finished_run(phase_hash: str) -> StoredRun | None:
    """The newest finished run of this store that holds a phase, if any does and still has it."""
    return _finished(names.PHASE_HASH, phase_hash)


def kept_states(way: str) -> list[StoredRun]:
    """The finished realignments of this store that keep their state, and are on one way."""
    on_way = f"tags.`{TAG}{names.WAY_HASH}` = '{way}'"
    return [_stored(run) for run in search_runs(f"attributes.status = 'FINISHED' and {on_way}")]


def finished_cell(identity: str) -> str | None:
    """The id of the newest finished run of this store that holds a cell of a grid, if any does."""
    found = _finished(names.CELL, identity)
    return None if found is None else found.run_id


def stored_cells() -> dict[str, StoredRun]:
    """The finished runs of this store that hold cells of grids, the newest of each, by identity."""
    found = search_runs(f"attributes.status = 'FINISHED' and tags.`{TAG}{names.CELL}` LIKE '%'")
    return {run.data.tags[TAG + names.CELL]: _stored(run) for run in reversed(found)}


def _finished(tag: str, value: str) -> StoredRun | None:
    found = search_runs(f"attributes.status = 'FINISHED' and tags.`{TAG}{tag}` = '{value}'")
    # Of a cell's run, what was dropped is not what it holds.
    there = [run for run in found if tag == names.CELL or TAG + names.DROPPED not in run.data.tags]
    return _stored(there[0]) if there else None


def find_realignment(run_id: str) -> StoredRun | None:
    """The realignment that a run is, has nested in it, or took over; ``None`` if there is none."""
    asked = _run(run_id)
    if asked is None:
        return None
    tags = asked.data.tags
    named = tags.get(TAG + names.REALIGN_RUN)  # of several that may be nested in it
    taken_over = named or tags.get(TAG + names.REUSED_REALIGNMENT)
    other = _run(taken_over) if taken_over else asked
    if other is None:
        return None
    # Those of strategies to compare with are nested in it, too.
    nested = search_runs(f"tags.`mlflow.parentRunId` = '{run_id}'")
    strategy = TAG + names.STRATEGY
    own = [run for run in nested if run.data.tags.get(strategy) == tags.get(strategy)]
    found = [asked, other, *own] if named else [asked, *own, other]
    for run in map(_stored, found):
        if run.kind is Kind.REALIGNMENT and names.PHASE_HASH in run.tags:
            return run
    return None


def _run(run_id: str) -> Run | None:
    """A run of the store, deleted or not; ``None`` if it never was there."""

    def get() -> Run | None:
        try:
            return mlflow.get_run(run_id)
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise

    return WRITER.ask(f"find run {run_id}", get, None)


def is_known(run_id: str) -> bool:
    """Whether a run is in this store, deleted or not."""
    return _run(run_id) is not None


def require_run(run_id: str) -> None:
    """Check that a run is in this tracking store, and not deleted.

    Raises:
        ConfigError: If it is not, or is.
    """
    if not is_known(run_id):
        raise ConfigError(
            f"run {run_id} is not in the tracking store {store_name()}; "
            "MLFLOW_TRACKING_URI must name the one that it is in"
        )
    if is_deleted(run_id):
        raise ConfigError(f"run {run_id} was deleted; mlflow runs restore brings it back")


def is_deleted(run_id: str) -> bool:
    """Whether a run was deleted in MLflow; False for one that never was in this store."""
    run = _run(run_id)
    return run is not None and str(run.info.lifecycle_stage) == LifecycleStage.DELETED


def stored_runs(experiments: Sequence[str], where: str = "") -> list[StoredRun]:
    """The runs of the store that have a strategy and a task, the newest first.

    Args:
        experiments: Names of experiments to look in; none for all.
        where: Further condition, in MLflow's language of filters.

    Raises:
        ConfigError: If there is no such experiment, or MLflow does not understand the condition.
        TrackingError: If the store is not there, or refuses.
    """
    ids = [_experiment_id(name) for name in experiments]
    conditions = [f"tags.`{TAG}{tag}` LIKE '%'" for tag in (names.STRATEGY, names.TASK)]
    try:
        found = search_runs(" and ".join([*conditions, *([where] if where else [])]), ids)
    except TrackingError as error:
        cause = error.__cause__
        refused = getattr(cause, "error_code", None) == "INVALID_PARAMETER_VALUE"
        if not where or not refused:
            raise
        rule = f"where must be a condition on runs, got {shown(where)}: {cause}"
        raise ConfigError(rule) from error
    return [_stored(run) for run in found]


def _experiment_id(name: str) -> str:
    """The id of an experiment, by its name."""
    with asking("list experiments"):
        client = MlflowClient()
        experiment = client.get_experiment_by_name(name)
        known = [] if experiment else sorted(e.name for e in client.search_experiments())
    if experiment is None:
        raise ConfigError(f"experiment must be one of {listed(known)}, got {shown(name)}")
    return str(experiment.experiment_id)


def stored_run(run_id: str) -> StoredRun | None:
    """One run of the store; ``None`` if it is not there, or deleted."""
    run = _run(run_id)
    return _stored(run) if run and run.info.lifecycle_stage == LifecycleStage.ACTIVE else None


def _own(values: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}


def _stored(run: Run) -> StoredRun:
    info, data = run.info, run.data
    return StoredRun(
        info.run_id,
        str(info.run_name),
        info.status,
        info.start_time,
        None if info.end_time is None else (info.end_time - info.start_time) / 1000,
        as_now(_own(data.tags, TAG)),
        as_now(_own(data.params, PARAM)),
        data.metrics,
    )
