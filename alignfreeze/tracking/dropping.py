"""Encoders that no cell of a grid needs any more: removed from the store, and said to be."""

import logging
from collections.abc import Collection

import mlflow
from mlflow.entities import Run
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from alignfreeze.errors import TrackingError, one_line
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
    try:
        found = [find_realignment(cell) for cell in cells]
        for run_id in dict.fromkeys(run.run_id for run in found if run is not None):
            with asking(f"say whose the encoder of run {run_id} is"):
                run = mlflow.get_run(run_id)
                stays = TAG + names.DROPPED in run.data.tags or not _is_within(run_id, grid)
            if not stays:
                _drop(run, cells, artifact)
    except TrackingError as error:
        logger.warning("encoders that no cell needs any more are not removed: %s", error)


def _drop(run: Run, cells: Collection[str], artifact: str) -> None:
    run_id = run.info.run_id
    for one in (run_id, *cells):  # before, so that nobody takes half of it over
        TrackedRun(one).tags({names.DROPPED: WHY})
    try:
        repository = get_artifact_repository(run.info.artifact_uri)
        repository.delete_artifacts(artifact)  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001  whatever the client of a store of artifacts raises
        logger.warning("the encoder of run %s is not removed: %s", run_id, one_line(error))
    else:
        # Of one that a single cell had fine-tuned nobody expects that it stays.
        level = logging.INFO if len(cells) > 1 else logging.DEBUG
        logger.log(level, "the encoder of run %s is removed: %s", run_id, WHY)


def _is_within(run_id: str, grid: str) -> bool:
    """Whether a run is nested in the grid's: in a cell's, or in a realignment in such a one."""
    while run_id and run_id != grid:
        run_id = mlflow.get_run(run_id).data.tags.get("mlflow.parentRunId", "")
    return run_id == grid
