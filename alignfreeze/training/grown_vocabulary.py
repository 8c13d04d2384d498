"""Going on with a training whose embedding table had fewer rows: see `compact_vocabulary`."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from accelerate.utils import load
from accelerate.utils.constants import OPTIMIZER_NAME, SAFE_WEIGHTS_NAME
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

VOCABULARY_FILE = "vocabulary.npy"
"""The ids of the rows; a checkpoint without it has those of all ids."""


def kept_vocabulary(checkpoint: Path) -> NDArray[np.int64] | None:
    """The ids whose rows a checkpoint holds, sorted; ``None``: those of the whole table."""
    file = checkpoint / VOCABULARY_FILE
    return np.load(file, allow_pickle=False) if file.is_file() else None


def lacks(checkpoint: Path, vocabulary: NDArray[np.int64] | None) -> bool:
    """Whether a checkpoint has rows that a training, of the ids given, has not."""
    kept = kept_vocabulary(checkpoint)
    if vocabulary is None:
        return False
    return kept is None or not np.isin(kept, vocabulary).all()


@contextmanager
def with_all_rows(
    checkpoint: Path,
    vocabulary: NDArray[np.int64] | None,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> Iterator[Path]:
    """A checkpoint as the present training reads it, with rows that are new to it.

    They are as they were pretrained, and Adam's means of them are 0, as they would be now: a row
    without a gradient stays as it is.

    Args:
        checkpoint: Of a training of the same model, with no row that this one lacks.
        vocabulary: The ids whose rows are trained, sorted; ``None``: all.
        model: Not trained yet.
        optimizer: Its.

    Yields:
        The checkpoint itself, or a copy that goes with the context.
    """
    kept = kept_vocabulary(checkpoint)
    if kept is None or (vocabulary is not None and np.array_equal(kept, vocabulary)):
        yield checkpoint
        return
    places = kept if vocabulary is None else np.searchsorted(vocabulary, kept)
    with TemporaryDirectory(prefix="alignfreeze-") as folder:
        copy = Path(folder) / checkpoint.name
        shutil.copytree(checkpoint, copy)
        _grow(copy, torch.from_numpy(places), model, optimizer)
        yield copy


def _grow(
    checkpoint: Path, places: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Write the rows of a checkpoint among those of the model."""

    def grown(rows: Tensor, whole: Tensor) -> Tensor:
        result = whole.detach().cpu().clone()
        result[places] = rows
        return result

    now = model.state_dict()
    weights = load_file(checkpoint / SAFE_WEIGHTS_NAME)
    for name, tensor in weights.items():
        if tensor.shape != now[name].shape:
            weights[name] = grown(tensor, now[name])
    save_file(weights, checkpoint / SAFE_WEIGHTS_NAME, {"format": "pt"})
    path = checkpoint / f"{OPTIMIZER_NAME}.bin"
    state: dict[str, Any] = load(path, map_location="cpu")
    parameters = list(chain.from_iterable(group["params"] for group in optimizer.param_groups))
    for number, moments in state["state"].items():
        for name, tensor in moments.items():
            if tensor.dim() and tensor.shape != parameters[number].shape:
                moments[name] = grown(tensor, torch.zeros_like(parameters[number]))
    torch.save(state, path)
