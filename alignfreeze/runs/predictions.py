"""What was said of each example, kept beside the scores of a fine-tuning."""

import logging
import shutil
from collections.abc import Mapping

from alignfreeze.base.faults import reason_of
from alignfreeze.contracts import Outcomes, Split, Task
from alignfreeze.evaluation.outcome_files import (
    FOLDER,
    OutcomeOrigin,
    outcome_file,
    write_outcomes,
)
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.runs.phase_runs import PhaseRuns
from alignfreeze.tracking.location import artifact_path
from alignfreeze.tracking.runs import TrackedRun

logger = logging.getLogger(__name__)


def keeps_predictions(phases: PhaseRuns) -> bool:
    """Whether predictions are kept: where they are asked for, and something is tested.

    What a search tries is looked at on the validation split alone, and keeps none.
    """
    return phases.config.save_predictions and "test" in phases.scope.splits


def log_predictions(
    phases: PhaseRuns,
    run: TrackedRun,
    data: TaskData,
    outcomes: Mapping[Split, Mapping[str, Outcomes]],
) -> None:
    """Log outcomes; the scores are worth more, so that what goes wrong here is only told."""
    if run.run_id is None or not outcomes:
        return
    folder = phases.folder / FOLDER / run.run_id
    try:
        for split, by_language in outcomes.items():
            path = folder / outcome_file(split)
            path.parent.mkdir(parents=True, exist_ok=True)
            origin = OutcomeOrigin(data.name, split, data.contents(split))
            write_outcomes(path, by_language, origin=origin)
        run.artifacts(folder / FOLDER, FOLDER)
    except Exception as error:  # noqa: BLE001  Arrow's of a text that is none is no OSError
        logger.warning("the predictions of run %s are not kept: %s", run.run_id, reason_of(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tell_unkept(phases: PhaseRuns, run_id: str, data: TaskData) -> None:
    """Say so, if a fine-tuning that was taken over has no predictions that are asked for."""
    told = type(data.task).outcomes is not Task.outcomes
    if not (told and keeps_predictions(phases) and phases.accelerator.is_main_process):
        return
    if artifact_path(run_id, outcome_file("test"), phases.folder) is None:
        logger.warning(
            "run %s was taken over, and has kept no predictions on %s: reuse=false computes them",
            *(run_id, data.name),
        )
