"""Where the state of an unfinished training run is kept, so that another process can go on."""

import json
import random
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, load
from accelerate.utils.constants import RNG_STATE_NAME

from alignfreeze.base.caching import check_sealed, seal
from alignfreeze.errors import DataError

FOLDERS = "step-?????????"
"""The names of checkpoints that are complete."""

PROGRESS_FILE = "progress.json"

REMEDY = "delete the folder to go on from another checkpoint, or from the start"


class LossRecord(NamedTuple):
    """The mean loss of the optimizer steps up to ``step`` since the record before."""

    step: int
    loss: float


@dataclass
class Progress:
    """How far training has come; ``unrecorded`` are the steps' losses since the last record."""

    step: int = 0
    losses: list[LossRecord] = field(default_factory=list)
    unrecorded: list[float] = field(default_factory=list)
    empty_steps: int = 0


class CheckpointFolder:
    """The checkpoints of one phase of one configuration.

    Each process that trains the phase writes to a folder of its own, ``owner``, below ``root``, so
    that two that do so at once stay out of each other's way; resuming takes the newest of all.
    """

    def __init__(self, root: Path, owner: str) -> None:
        self.root = root
        self.folder = root / owner
        self._resumed = self.folder

    def save(self, accelerator: Accelerator, progress: Progress) -> None:
        """Keep the state of training, all or nothing, and drop the checkpoint before."""
        final = self.folder / f"step-{progress.step:09d}"
        partial = final.with_suffix(".partial")
        if accelerator.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        accelerator.wait_for_everyone()
        accelerator.save_state(str(partial))
        self._gather_random_states(accelerator, partial)
        if accelerator.is_main_process:
            (partial / PROGRESS_FILE).write_text(json.dumps(asdict(progress)), "utf-8")
            seal(partial)
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
            for old in set(self.folder.glob(FOLDERS)) - {final}:
                shutil.rmtree(old, ignore_errors=True)
        accelerator.wait_for_everyone()
        if accelerator.is_local_main_process:  # what a machine has written without the main process
            shutil.rmtree(partial, ignore_errors=True)

    @staticmethod
    def _gather_random_states(accelerator: Accelerator, folder: Path) -> None:
        """Let the main process have what the others wrote, maybe on other machines."""
        own = folder / f"{RNG_STATE_NAME}_{accelerator.process_index}.pkl"
        states = gather_object([(own.name, own.read_bytes())])
        if accelerator.is_main_process:
            for name, content in states:
                (folder / name).write_bytes(content)

    def newest(self) -> Path | None:
        """The checkpoint with the most steps, whoever wrote it."""
        found = self.root.glob(f"*/{FOLDERS}")
        return max(sorted(found), key=lambda path: path.name, default=None)

    def load(self, accelerator: Accelerator, checkpoint: Path) -> Progress:
        """Put training back into the state of a checkpoint, random numbers included.

        Raises:
            DataError: If a file of the checkpoint is damaged or missing, or the random numbers
                cannot go on from where they were on this machine; names it.
        """
        names = check_sealed(checkpoint, "the checkpoint", REMEDY)
        own = f"{RNG_STATE_NAME}_{accelerator.process_index}.pkl"
        if own not in names:
            raise DataError(f"the checkpoint has no {own}; {REMEDY}", file=checkpoint)
        accelerator.load_state(str(checkpoint))
        if not _random_numbers_are(load(checkpoint / own)):
            raise DataError(
                f"the random numbers of {own} do not fit this machine, its devices or its "
                f"libraries; {REMEDY}",
                file=checkpoint,
            )
        self._resumed = checkpoint.parent
        values = json.loads((checkpoint / PROGRESS_FILE).read_text("utf-8"))
        losses = [LossRecord(*record) for record in values.pop("losses")]
        return Progress(**values, losses=losses)

    def clear(self) -> None:
        """Drop this process's checkpoints, and those that it went on from."""
        for folder in {self.folder, self._resumed}:
            shutil.rmtree(folder, ignore_errors=True)
        if not any(self.root.glob("*")):
            shutil.rmtree(self.root, ignore_errors=True)


def _random_numbers_are(states: dict[str, Any]) -> bool:
    """Whether all generators are in these states: Accelerate goes on if it cannot set one."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    wanted = states.get("torch_cuda_manual_seed", [])
    return (
        random.getstate() == states["random_state"]
        and all(map(np.array_equal, np.random.get_state(), states["numpy_random_seed"]))
        and torch.equal(torch.get_rng_state(), states["torch_manual_seed"])
        and len(devices) >= len(wanted)
        and all(map(torch.equal, devices, wanted))
    )
