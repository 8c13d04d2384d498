"""States of finished realignments, which those of more steps go on from."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alignfreeze.base.disks import Need, require_room
from alignfreeze.tracking import location, names, store
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.training.checkpoints import FOLDERS, KEPT, CheckpointFolder, tensors_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel

STATE_FOLDER = "training_state"
"""The artifact of a realignment: its last checkpoint."""


def finished_states(way: str, steps: int, folder: Path) -> Mapping[Path, str]:
    """Checkpoints that realignments of fewer steps have ended with, and the runs that hold them.

    Args:
        way: The hash of everything that a realignment depends on but its number of steps.
        steps: How many are to be taken.
        folder: Where those that are not on this machine are downloaded to.

    Returns:
        As many as are ever kept, those of the most steps.
    """
    runs = {int(run.tags[names.STATE_AFTER]): run.run_id for run in store.kept_states(way)}
    found: dict[Path, str] = {}
    for after in sorted((after for after in runs if after < steps), reverse=True)[:KEPT]:
        path = location.artifact_path(runs[after], STATE_FOLDER, folder)
        found |= dict.fromkeys(path.glob(FOLDERS) if path else (), runs[after])
    return found


def keep_state(run: TrackedRun, checkpoints: CheckpointFolder, way: str, steps: int) -> None:
    """Log the checkpoint after the last step, if the disk held one."""
    for path in checkpoints.folder.glob(FOLDERS):
        if int(path.name.rpartition("-")[2]) == steps:
            run.artifacts(path, f"{STATE_FOLDER}/{path.name}")
            run.tags({names.WAY_HASH: way, names.STATE_AFTER: str(steps)})


def require_room_for_state(run: TrackedRun, encoder: "PreTrainedModel") -> None:
    """Check that the disk of a run's artifacts will hold the state of an encoder's training.

    Raises:
        ResourceError: If it will not.
    """
    folder = run.run_id and location.artifact_folder(run.run_id)
    if folder:
        size = 3 * tensors_size(encoder.parameters())  # with Adam's two means
        what = "the encoder that comes of it and the state of its training"
        require_room([Need(folder, size, what)], "keep_optimizer=false keeps no state")
