"""Where the state of an unfinished training run is kept, so that another process can go on."""

import json
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, load
from accelerate.utils.constants import RNG_STATE_NAME
from numpy.typing import NDArray
from torch import Tensor, nn

from alignfreeze.base.caching import check_sealed, seal
from alignfreeze.base.disks import Need, require_room
from alignfreeze.base.faults import disk_fault
from alignfreeze.base.owners import Owner
from alignfreeze.errors import DataError, ResourceError, one_line
from alignfreeze.training.distributed import from_main, on_every_machine
from alignfreeze.training.grown_vocabulary import VOCABULARY_FILE, lacks

FOLDERS = "step-?????????"
"""The names of checkpoints that are complete."""

PROGRESS_FILE = "progress.json"

KEPT = 2
"""Checkpoints that are kept: the newest, and the one before, should that be damaged."""


class LossRecord(NamedTuple):
    """The mean loss of the optimizer steps up to ``step`` since the record before."""

    step: int
    loss: float


@dataclass
class Progress:
    """How far training has come.

    Attributes:
        step: Steps that were taken.
        losses: What was recorded.
        beside: The same of a loss beside.
        unrecorded: The losses of each step since the last record, its own last.
        empty_steps: Steps so far without a term in their losses.
    """

    step: int = 0
    losses: list[LossRecord] = field(default_factory=list)
    beside: list[LossRecord] = field(default_factory=list)
    unrecorded: list[list[float]] = field(default_factory=list)
    empty_steps: int = 0


class CheckpointFolder:
    """The checkpoints of one phase of one configuration.

    Each process that trains the phase writes to a folder of its own, ``owner``, below ``root``, so
    that two that do so at once stay out of each other's way; resuming takes the newest of all
    that is whole. The folder says which process that is, so that nobody takes it for a dead one's.

    Attributes:
        missed: Whether the last checkpoint could not be kept, for want of room.
        vocabulary: The ids whose embeddings are trained, where it is not all, see
            `compact_vocabulary`; to be said before training.
        finished: Checkpoints that trainings of fewer steps have ended with; they stay.
        gone_on_from: The checkpoint that training has gone on from.
    """

    def __init__(self, root: Path, owner: str, process: Owner | None = None) -> None:
        self.root = root
        self.folder = root / owner
        self.process = process
        self.missed = False
        self.vocabulary: NDArray[np.int64] | None = None
        self.finished: Sequence[Path] = ()
        self.gone_on_from: Path | None = None
        self._used = {self.folder}
        self._next: CheckpointFolder | None = None

    def next(self, root: Path) -> "CheckpointFolder":
        """Those of another training of the same phase, which follows; cleared with these."""
        self._next = CheckpointFolder(root, self.folder.name, self.process)
        return self._next

    def save(self, accelerator: Accelerator, progress: Progress) -> None:
        """Keep the state of training, all or nothing, and drop all but the last `KEPT`.

        Raises:
            ResourceError: In all processes, if the disk of one is full, say: then nothing is left
                of it, and the checkpoint before is as it was.
        """
        final = self.folder / f"step-{progress.step:09d}"
        unfinished = final.with_suffix(".partial")
        main = accelerator.is_main_process
        own = unfinished / f"{RNG_STATE_NAME}_{accelerator.process_index}.pkl"
        read: list[bytes] = []
        for part in (
            lambda: self._begin(unfinished) if main else None,
            lambda: accelerator.save_state(str(unfinished)),
            lambda: read.append(own.read_bytes()),  # before any waits for the others'
            lambda: _gather_random_states(accelerator, own, read[0]),
            lambda: self._complete(unfinished, final, progress) if main else None,
        ):
            if fault := _disk_fault_of_any(accelerator, part):
                self.missed = True
                break
        else:
            self.missed = False
        if accelerator.is_local_main_process:  # on other machines it is written, too
            shutil.rmtree(unfinished, ignore_errors=True)
        if self.missed:
            raise ResourceError(fault)

    def _begin(self, unfinished: Path) -> None:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        if self.process is not None:
            self.process.leave(self.folder)

    def _complete(self, unfinished: Path, final: Path, progress: Progress) -> None:
        (unfinished / PROGRESS_FILE).write_text(json.dumps(asdict(progress)), "utf-8")
        if self.vocabulary is not None:
            np.save(unfinished / VOCABULARY_FILE, self.vocabulary, allow_pickle=False)
        seal(unfinished)
        shutil.rmtree(final, ignore_errors=True)
        unfinished.rename(final)
        for old in sorted(self.folder.glob(FOLDERS))[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def require_room(self, model: nn.Module, steps: int) -> None:
        """Check that the disk will hold the checkpoints of a model that is trained so long.

        Raises:
            ResourceError: If it will not.
        """
        size = tensors_size([*model.parameters(), *model.buffers()])
        # Adam's two means, of what is trained.
        size += 2 * tensors_size(p for p in model.parameters() if p.requires_grad)
        need = Need(self.root, size * (KEPT + 1), f"a checkpoint, beside the {KEPT} before it,")
        require_room([need], f"checkpoint_steps={steps} writes none")

    def found(self, *, unfinished: bool = True) -> list[Path]:
        """The checkpoints, whoever wrote them; those with the most steps first.

        With ``unfinished`` those too that this training left when it was interrupted.
        """
        own = self.root.glob(f"*/{FOLDERS}") if unfinished else ()
        found = sorted([*own, *self.finished])
        return sorted(found, key=lambda path: path.name, reverse=True)

    def chosen(
        self, accelerator: Accelerator, copies: Path, *, unfinished: bool = True
    ) -> tuple[Path | None, list[str]]:
        """The checkpoint to go on from, the same in all processes, and why others are not.

        It is the newest that is whole and fits each process; ``None`` if there is none.

        Args:
            accelerator: Knows the processes, which all call it.
            copies: Where a machine that does not have it gets a copy.
            unfinished: As of `found`.
        """
        refused: list[str] = []
        for checkpoint in from_main(accelerator, partial(self.found, unfinished=unfinished)):
            if checkpoint not in self.finished:
                self._used.add(checkpoint.parent)
            fault = from_main(accelerator, partial(_damage_of, checkpoint))
            if not fault:
                place = on_every_machine(accelerator, checkpoint, copies / checkpoint.parent.name)
                misfit = _misfit_of(place, accelerator)
                if lacks(place, self.vocabulary):
                    misfit = "it was trained on other words"
                misfits: list[str] = gather_object([misfit])
                fault = next(filter(None, misfits), "")
            if not fault:
                self.gone_on_from = checkpoint
                return place, refused
            refused.append(f"{checkpoint}: {fault}")
        return None, refused

    def load(self, accelerator: Accelerator, checkpoint: Path) -> Progress:
        """Put training back into the state of a checkpoint, random numbers included."""
        accelerator.load_state(str(checkpoint))
        return _progress_of(checkpoint)

    def clear(self) -> None:
        """Drop this process's checkpoints, and those that it went on from, or passed over."""
        if self._next is not None:
            self._next.clear()
        for folder in self._used:
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # others are not done
            self.root.rmdir()


def tensors_size(tensors: Iterable[Tensor]) -> int:
    """Bytes that tensors take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _disk_fault_of_any(accelerator: Accelerator, part: Callable[[], Any]) -> str:
    """Do something in all processes, and say in all what a disk of one has had against it."""
    fault = ""
    try:
        part()
    except Exception as error:
        if not (fault := disk_fault(error) or ""):
            raise
    if accelerator.num_processes > 1:
        faults = torch.tensor(int(bool(fault)), device=accelerator.device)
        if accelerator.reduce(faults, "sum") > 0:  # none leaves before all have come here
            fault = fault or "another process could not write its part of the checkpoint"
    return fault


def _gather_random_states(accelerator: Accelerator, own: Path, content: bytes) -> None:
    """Let the main process have what the others wrote, maybe on other machines."""
    states = gather_object([(own.name, content)])
    if accelerator.is_main_process:
        for name, state in states:
            own.with_name(name).write_bytes(state)


def _damage_of(checkpoint: Path) -> str:
    """Why a checkpoint is not as it was written, in one line; empty if it is.

    All of it is looked at before anything is loaded, so that training can start anew.
    """
    try:
        check_sealed(checkpoint, "the checkpoint", "another is taken")
        _progress_of(checkpoint)
        for file in checkpoint.glob("*.bin"):
            load(file, map_location="cpu", mmap=True)
    except DataError as error:
        return str(error).removeprefix(f"{checkpoint}: ")
    except Exception as error:  # noqa: BLE001  whatever a file that is no checkpoint's may raise
        return f"it cannot be read: {one_line(error)}"
    return ""


def _misfit_of(checkpoint: Path, accelerator: Accelerator) -> str:
    """Why this process cannot go on from a checkpoint, in one line; empty if it can."""
    own = f"{RNG_STATE_NAME}_{accelerator.process_index}.pkl"
    try:
        if not (checkpoint / own).is_file():
            return f"it has no {own}"
        if _fits(load(checkpoint / own, map_location="cpu")):
            return ""
    except Exception as error:  # noqa: BLE001  see above
        return f"it cannot be read: {one_line(error)}"
    return f"the random numbers of {own} do not fit this machine, its devices or its libraries"


def _progress_of(checkpoint: Path) -> Progress:
    values = json.loads((checkpoint / PROGRESS_FILE).read_text("utf-8"))
    losses, beside = (
        [LossRecord(*record) for record in values.pop(name)] for name in ("losses", "beside")
    )
    return Progress(**values, losses=losses, beside=beside)


def _fits(states: dict[str, Any]) -> bool:
    """Whether all generators take these states; Accelerate goes on if one does not."""
    with same_random_numbers():
        try:
            _set_random_numbers(states)
        except (TypeError, ValueError, KeyError, RuntimeError, IndexError):
            return False
    return True


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Let random numbers go on afterwards as if nothing had been drawn in the context."""
    cuda = torch.cuda.is_available()
    before = {
        "random_state": random.getstate(),
        "numpy_random_seed": np.random.get_state(),
        "torch_manual_seed": torch.get_rng_state(),
        "torch_cuda_manual_seed": torch.cuda.get_rng_state_all() if cuda else [],
    }
    try:
        yield
    finally:
        _set_random_numbers(before)


def _set_random_numbers(states: dict[str, Any]) -> None:
    random.setstate(states["random_state"])
    np.random.set_state(states["numpy_random_seed"])
    torch.set_rng_state(states["torch_manual_seed"])
    for device, state in enumerate(states.get("torch_cuda_manual_seed", [])):
        torch.cuda.set_rng_state(state, device)
