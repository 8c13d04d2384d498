"""What frozen lower layers make of sentences, computed once for each distinct sentence.

A frozen prefix (the embeddings and the layers above them, as far as all are frozen) is a fixed
function of a sentence if its dropout is off. So it is run in evaluation mode, and its output is
kept: for the next epoch, the next temperature, and for trials that freeze as many layers or more.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from alignfreeze.encoders import layer_count, parameter_sites, resolve_layers
from alignfreeze.errors import EncoderError
from alignfreeze.freezing import FreezingSummary
from alignfreeze.pairs import PairBatch, PairStream
from alignfreeze.sections import EncoderSection, check_sections
from alignfreeze.states import PrefixCache

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)


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
        self._cache = cache
        self._accelerator = accelerator
        self._precision = str(accelerator.mixed_precision)
        self._dtype = torch.float32 if self._precision == "no" else torch.float16
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
        rows = [fresh[key].float() if key in fresh else self._store.get(key) for key in keys]
        return pad_sequence(rows, batch_first=True)

    def _run(
        self, batch: PairBatch, new: dict[bytes, int], lengths: list[int]
    ) -> dict[bytes, Tensor]:
        """Compute the states of sentences that are not there yet, and keep them."""
        if not new:
            return {}
        rows = list(new.values())
        longest = max(lengths[row] for row in rows)
        start, fed = self._nearest(list(new))
        if start not in self._sections:
            self._sections[start] = EncoderSection(self._encoder, start, self.boundary)
        device = self._accelerator.device
        with torch.no_grad(), self._accelerator.autocast():
            states = self._sections[start].states(
                batch.input_ids[rows, :longest].to(device),
                batch.attention_mask[rows, :longest].to(device),
                None if fed is None else fed.to(device),
            )
        # As precise as what is kept on disk, so that the memory that there is changes nothing.
        rounded = states.to(self._dtype)
        states = (rounded if rounded.isfinite().all() else states.float()).cpu()
        fresh = {}
        for (key, row), one in zip(new.items(), states, strict=True):
            fresh[key] = one[: lengths[row]]
            self._store.add(key, fresh[key])
        return fresh

    def _nearest(self, keys: list[bytes]) -> tuple[int, Tensor | None]:
        """Where to start: at the highest layer below that has states of all the sentences."""
        for start, store in self._cache.below(self._precision, self.boundary):
            if all(key in store for key in keys):
                return start, pad_sequence([store.get(key) for key in keys], batch_first=True)
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
