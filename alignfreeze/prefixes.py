"""What frozen lower layers make of sentences, computed once for each distinct sentence.

A frozen prefix (the embeddings and the layers above them, as far as all are frozen) is a fixed
function of a sentence if its dropout is off. So it is run in evaluation mode, and its output is
kept: for the next epoch, the next temperature, and for trials that freeze as many layers or more.
"""

import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alignfreeze.encoders import hidden_size, layer_count, parameter_sites, resolve_layers
from alignfreeze.errors import EncoderError
from alignfreeze.freezing import FreezingSummary
from alignfreeze.pairs import PairBatch, PairStream
from alignfreeze.sections import EncoderSection, check_sections

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

MEBIBYTE = 1 << 20
SEGMENT = 64 * MEBIBYTE
"""Bytes by which the file of states grows."""

RESERVE = 4096 * MEBIBYTE
"""Bytes of a disk that are left to others."""


def prefix_length(
    encoder: "PreTrainedModel", summary: FreezingSummary, realigned: tuple[int, ...]
) -> int:
    """How many of the lowest layers are a fixed function of the sentence.

    Args:
        encoder: The encoder, without a task head.
        summary: What is frozen.
        realigned: The layers whose outputs are realigned; those are to be run.

    Returns:
        A number in ``[0, layers)``; 0 if any of the embeddings is trained.
    """
    sites = parameter_sites(encoder)
    trained = {site.layer for name, site in sites.items() if name not in summary.frozen_names}
    if None in trained:
        return 0
    n_layers = layer_count(encoder)
    lowest = min(layer for layer in trained if layer is not None)
    return min(lowest, *resolve_layers(realigned, n_layers))


class StateStore:
    """States of sentences: in memory as far as a budget goes, the others in a file.

    Args:
        budget: Bytes in memory that are left, shared with other stores; a list of one number.
        folder: Where the file of states is, which has no name and goes with the process.

    Attributes:
        on_disk: How many sentences are in the file.
    """

    def __init__(self, budget: list[int], folder: Path) -> None:
        self._budget = budget
        self._folder = folder
        self._memory: dict[bytes, Tensor] = {}
        self._places: dict[bytes, tuple[int, int, int]] = {}
        self._segments: list[NDArray[np.float16]] = []
        self._used = 0
        self._full = False

    def __len__(self) -> int:
        return len(self._memory) + self.on_disk

    def __contains__(self, key: bytes) -> bool:
        return key in self._memory or key in self._places

    @property
    def on_disk(self) -> int:
        """How many sentences are in the file."""
        return len(self._places)

    def get(self, key: bytes) -> Tensor:
        """A sentence's states of shape (subwords, hidden), in 32 bits.

        Raises:
            KeyError: If it is not there.
        """
        if key in self._memory:
            return self._memory[key]
        segment, begin, end = self._places[key]
        return torch.from_numpy(self._segments[segment][begin:end].astype(np.float32))

    def add(self, key: bytes, states: Tensor) -> None:
        """Keep a sentence's states of shape (subwords, hidden), if there is room."""
        size = states.numel() * states.element_size()
        if size <= self._budget[0]:
            self._budget[0] -= size
            self._memory[key] = states.clone()
        elif not self._full:
            self._write(key, states)

    def _write(self, key: bytes, states: Tensor) -> None:
        """Append to the file, in 16 bits."""
        rows, width = states.shape
        try:
            if not self._segments or self._used + rows > len(self._segments[-1]):
                self._segments.append(self._segment(max(rows, SEGMENT // (2 * width)), width))
                self._used = 0
        except OSError as error:
            self._full = True
            reason = error.strerror
            logger.warning("prefix: no more states are kept, in %s: %s", self._folder, reason)
            return
        end = self._used + rows
        self._segments[-1][self._used : end] = states.numpy()
        self._places[key] = (len(self._segments) - 1, self._used, end)
        self._used = end

    def _segment(self, rows: int, width: int) -> NDArray[np.float16]:
        self._folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < RESERVE + 2 * rows * width:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with tempfile.TemporaryFile(dir=self._folder) as file:
            # A hole in the file that the disk has no room for would kill the process.
            os.posix_fallocate(file.fileno(), 0, rows * width * 2)
            return np.memmap(file, np.float16, "r+", shape=(rows, width))


class PrefixCache:
    """The states that one pretrained encoder's frozen prefixes make, by their length.

    Args:
        memory: MiB to keep in memory.
        folder: For what goes beyond.
    """

    def __init__(self, memory: int, folder: Path) -> None:
        self._budget = [memory * MEBIBYTE]
        self._folder = folder
        self._stores: dict[tuple[str, int], StateStore] = {}

    def store(self, precision: str, boundary: int) -> StateStore:
        """The states before a layer, computed in a precision."""
        return self._stores.setdefault(
            (precision, boundary), StateStore(self._budget, self._folder)
        )

    def below(self, precision: str, boundary: int) -> list[tuple[int, StateStore]]:
        """Stores that states before a layer can be computed from, the nearest first."""
        found = [
            (start, store)
            for (own, start), store in self._stores.items()
            if own == precision and start < boundary
        ]
        return sorted(found, key=lambda pair: -pair[0])


class FrozenPrefix:
    """The lowest layers of an encoder, and what they made of sentences so far.

    Args:
        encoder: The pretrained encoder, in evaluation mode.
        boundary: How many layers are frozen, at least 1.
        cache: The encoder's.
        accelerator: Where, and in which precision.

    Attributes:
        upper: The encoder from the boundary on, to be trained.
        computed: Sentences that were run.
        found: Sentences that were there.

    Raises:
        EncoderError: If the encoder cannot be cut there.
    """

    def __init__(
        self,
        encoder: "PreTrainedModel",
        boundary: int,
        cache: PrefixCache,
        accelerator: "Accelerator",
    ) -> None:
        self.boundary = boundary
        self.computed = 0
        self.found = 0
        self._encoder = encoder.to(accelerator.device)
        check_sections(self._encoder, boundary)
        self.upper = EncoderSection(encoder, boundary, layer_count(encoder))
        self._width = hidden_size(encoder)
        self._cache = cache
        self._accelerator = accelerator
        self._precision = str(accelerator.mixed_precision)
        self._store = cache.store(self._precision, boundary)
        self._sections: dict[int, EncoderSection] = {}

    def __str__(self) -> str:
        """What it did, one line for a log."""
        kept = len(self._store)
        return (
            f"frozen prefix of {self.boundary} layers: {self.computed} sentences run, {self.found} "
            f"found; {kept} are kept, {self._store.on_disk} of them on disk"
        )

    def states(self, batch: PairBatch) -> Tensor:
        """What the layer at the boundary reads, of shape (2 * pairs, subwords, hidden), on the CPU.

        Args:
            batch: On the CPU.
        """
        lengths = batch.attention_mask.sum(dim=1).tolist()
        ids = batch.input_ids.to(torch.int32).numpy()
        keys = [row[:length].tobytes() for row, length in zip(ids, lengths, strict=True)]
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        new = {key: row for key, row in first.items() if key not in self._store}
        self.computed += len(new)
        self.found += len(keys) - len(new)
        fresh = self._run(batch, new, lengths)
        result = torch.zeros(*batch.input_ids.shape, self._width)
        for row, key in enumerate(keys):
            result[row, : lengths[row]] = fresh[key] if key in fresh else self._store.get(key)
        return result

    def _run(
        self, batch: PairBatch, new: dict[bytes, int], lengths: list[int]
    ) -> dict[bytes, Tensor]:
        """Compute the states of sentences that are not there yet, and keep them."""
        if not new:
            return {}
        rows = list(new.values())
        longest = max(lengths[row] for row in rows)
        start, fed = self._nearest(list(new), longest)
        if start not in self._sections:
            self._sections[start] = EncoderSection(self._encoder, start, self.boundary)
        device = self._accelerator.device
        with torch.no_grad(), self._accelerator.autocast():
            states = self._sections[start].states(
                batch.input_ids[rows, :longest].to(device),
                batch.attention_mask[rows, :longest].to(device),
                None if fed is None else fed.to(device),
            )
        states = states.float().cpu()
        fresh = {}
        for (key, row), one in zip(new.items(), states, strict=True):
            fresh[key] = one[: lengths[row]]
            self._store.add(key, fresh[key])
        return fresh

    def _nearest(self, keys: list[bytes], longest: int) -> tuple[int, Tensor | None]:
        """Where to start: at the highest layer below that has states of all the sentences."""
        for start, store in self._cache.below(self._precision, self.boundary):
            if all(key in store for key in keys):
                fed = torch.zeros(len(keys), longest, self._width)
                for row, key in enumerate(keys):
                    found = store.get(key)
                    fed[row, : len(found)] = found
                return start, fed
        return 0, None


@dataclass(frozen=True)
class PrefixedBatch:
    """A batch that gets its states when it is moved: only then is it this process's."""

    batch: PairBatch
    prefix: FrozenPrefix

    @property
    def weight(self) -> int:
        """How many terms the loss has."""
        return self.batch.weight

    @property
    def size(self) -> int:
        """How many sentence pairs."""
        return self.batch.size

    def to(self, device: torch.device) -> PairBatch:
        """The batch on a device, with its states."""
        return replace(self.batch, states=self.prefix.states(self.batch)).to(device)


class PrefixedStream:
    """The batches of a stream with the states of a frozen prefix.

    Args:
        stream: Sentence pairs.
        prefix: Of the encoder that is trained on them.
    """

    def __init__(self, stream: PairStream, prefix: FrozenPrefix) -> None:
        self._stream = stream
        self._prefix = prefix

    def batches(self, start: int) -> Iterator[PrefixedBatch]:
        """The batches from number ``start`` on."""
        return (PrefixedBatch(batch, self._prefix) for batch in self._stream.batches(start))


def cut_prefix(
    encoder: "PreTrainedModel", boundary: int, cache: PrefixCache, accelerator: "Accelerator"
) -> FrozenPrefix | None:
    """The frozen prefix, or ``None``, with a warning, for an encoder that cannot be cut."""
    try:
        return FrozenPrefix(encoder, boundary, cache, accelerator)
    except EncoderError as error:
        logger.warning("prefix: all layers are run at every step: %s", error)
        return None
