"""What became of the runs that left something outside of the store: checkpoints, models, logs."""

from typing import NamedTuple

import mlflow
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException

from alignfreeze.tracking import names
from alignfreeze.tracking.names import TAG
from alignfreeze.tracking.store import finished_run, search_runs
from alignfreeze.tracking.talking import asking

FINISHED = "FINISHED"

DELETED, UNKNOWN = "DELETED", "UNKNOWN"
"""States beside those of MLflow: deleted; never in this store, or purged."""

NOT_THERE = "RESOURCE_DOES_NOT_EXIST"


class RunState(NamedTuple):
    """A run's state, MLflow's or one of the above, and the process that writes it, if known."""

    state: str
    process: str = ""


def state_of(run_id: str) -> RunState:
    """What became of a run.

    Raises:
        TrackingError: If the store cannot be asked.
    """
    with asking(f"say what became of run {run_id}"):
        try:
            run = mlflow.get_run(run_id)
        except MlflowException as error:
            if error.error_code == NOT_THERE:
                return RunState(UNKNOWN)
            raise
    deleted = run.info.lifecycle_stage == LifecycleStage.DELETED
    state = DELETED if deleted else str(run.info.status)
    return RunState(state, run.data.tags.get(TAG + names.PROCESS, ""))


def is_finished(phase: str) -> bool:
    """Whether a finished run holds a phase.

    Raises:
        TrackingError: If the store cannot be asked.
    """
    return finished_run(phase) is not None


def study_runs() -> list[tuple[str, str]]:
    """The names of studies, and the ids of the runs that trials of each are nested in.

    Raises:
        TrackingError: If the store cannot be asked.
    """
    found = search_runs(f"tags.`{TAG}{names.STUDY}` LIKE '%'")
    return [(run.data.tags[TAG + names.STUDY], run.info.run_id) for run in found]
