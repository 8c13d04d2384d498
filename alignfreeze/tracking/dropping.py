"""Encoders that no cell of a grid needs any more: removed from the store, and said to be."""

import logging
from collections.abc import Collection

import mlflow
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from alignfreeze.errors import TrackingError
from alignfreeze.tracking import names
from alignfreeze.tracking.names import TAG
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.tracking.store import find_realignment
from alignfreeze.tracking.talking import asking

logger = logging.getLogger(__name__)

WHY = "no cell of its grid needs it any more"


def drop_encoder(cells: Collection[str], grid: str, artifact: str) -> None:
    """Remove the encoder that cells share from the run that realigned it, if that is the grid's.

    One that another run has realigned, and the grid has taken over, stays. Where it cannot be
    removed, a warning says why.

    Args:
        cells: The ids of their runs.
        grid: The id of the grid's run.
        artifact: What the encoder is called among the run's artifacts.
    """
    found = [find_realignment(cell) for cell in cells]
    for run_id in dict.fromkeys(run.run_id for run in found if run is not None):
        try:
            with asking(f"remove the encoder of run {run_id}"):
                run = mlflow.get_run(run_id)
                if TAG + names.DROPPED in run.data.tags or not _is_within(run_id, grid):
                    continue
                for one in (run_id, *cells):  # before, so that nobody takes half of it over
                    TrackedRun(one).tags({names.DROPPED: WHY})
                repository = get_artifact_repository(run.info.artifact_uri)
                repository.delete_artifacts(artifact)  # type: ignore[no-untyped-call]
        except TrackingError as error:
            logger.warning("%s", error)
        else:
            logger.info("the encoder of run %s is removed: %s", run_id, WHY)


def _is_within(run_id: str, grid: str) -> bool:
    """Whether a run is nested in a cell's, which is nested in the grid's."""
    for _ in range(2):
        run_id = mlflow.get_run(run_id).data.tags.get("mlflow.parentRunId", "")
        if not run_id:
            return False
    return run_id == grid
