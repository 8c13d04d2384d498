"""What frozen lower layers make of sentences, computed once for each distinct sentence.

A frozen prefix (the embeddings and the layers above them, as far as all are frozen) is a fixed
function of a sentence if its dropout is off. So it is run in evaluation mode, and its output is
kept: for the next epoch, the next temperature, and for trials that freeze as many layers or more.

To the last bit, that takes more: matrix products add up in an order that depends on their shapes.
So a sentence is always run in a batch of the same shape, whatever the sentences beside it, and
numbers go from layer to layer as precise as they are kept. Then it makes no difference what was
kept, where, and by whom: an interrupted run goes on to the bits that it would have come to.
"""

import logging
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from alignfreeze.encoders.accelerator import attention_of_any_shape
from alignfreeze.encoders.families import layer_count, parameter_sites
from alignfreeze.encoders.freezing import FreezingSummary
from alignfreeze.encoders.sections import EncoderSection, check_sections
from alignfreeze.encoders.stated import resolve_layers
from alignfreeze.errors import EncoderError
from alignfreeze.realignment.pairs import PairBatch
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.training.acceleration import unread_masks
from alignfreeze.training.batches import padded

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

ROWS = 8
"""Sentences of each batch that a prefix runs; what lacks is filled up."""

LENGTHS = 16
"""Sentences are padded to multiples of so many subwords."""


def prefix_length(
    encoder: "PreTrainedModel", summary: FreezingSummary, realigned: tuple[int, ...]
) -> int:
    """How many of the lowest layers are a fixed function of the sentence, in ``[0, layers)``.

    None of them is trained, nor is any of the embeddings, nor is their output realigned.
    """
    sites = parameter_sites(encoder)
    frozen = summary.frozen_names - summary.low_rank.keys()
    trained = {site.layer for name, site in sites.items() if name not in frozen}
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
        longest: The most subwords that the encoder reads at once.

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
        *,
        longest: int,
    ) -> None:
        self.boundary = boundary
        self.computed = 0
        self.found = 0
        self._encoder = encoder.to(accelerator.device)
        check_sections(self._encoder, boundary)
        self.upper = EncoderSection(encoder, boundary, layer_count(encoder))
        self._longest = longest
        self._padding = encoder.config.pad_token_id or 0
        self._cache = cache
        self._accelerator = accelerator
        self._precision = str(accelerator.mixed_precision)
        self._dtype = torch.float32 if self._precision == "no" else torch.float16
        self._store = cache.store(self._precision, boundary, self._dtype)
        self._sections: dict[int, EncoderSection] = {}

    def __str__(self) -> str:
        """What it did, one line for a log."""
        return (
            f"frozen prefix of {self.boundary} layers: {self.computed} sentences run, {self.found} "
            f"found; {len(self._store)} are kept, {self._store.on_disk} of them on disk"
        )

    def states(self, batch: PairBatch) -> Tensor:
        """What the layer at the boundary reads, of shape (2 * pairs, subwords, hidden).

        The batch is on the CPU, and so are they.
        """
        lengths = batch.attention_mask.sum(dim=1).tolist()
        ids = batch.input_ids.to(torch.int32).numpy()
        keys = [row[:length].tobytes() for row, length in zip(ids, lengths, strict=True)]
        fresh = self._run([key for key in dict.fromkeys(keys) if key not in self._store])
        self.computed += len(fresh)
        self.found += len(keys) - len(fresh)
        rows = [fresh[key].float() if key in fresh else self._store.get(key) for key in keys]
        return pad_sequence(rows, batch_first=True)

    def _run(self, keys: list[bytes]) -> dict[bytes, Tensor]:
        """Compute the states of sentences that are not there yet, and keep them."""
        alike: defaultdict[int, list[bytes]] = defaultdict(list)
        for key in keys:
            alike[min(-(-len(_ids(key)) // LENGTHS) * LENGTHS, self._longest)].append(key)
        # No result is waited for before all are under way.
        run = [
            (chunk, self._run_batch(chunk, length))
            for length, some in alike.items()
            for chunk in (some[begin : begin + ROWS] for begin in range(0, len(some), ROWS))
        ]
        fresh = {}
        for chunk, states in run:
            for key, padded_states in zip(chunk, states.cpu(), strict=False):
                own = padded_states[: len(_ids(key))]
                held = own.to(self._dtype)
                # Rounded states, in as few bits as hold them.
                fresh[key] = held if torch.equal(held.float(), own) else own
                self._store.add(key, fresh[key])
        return fresh

    def _run_batch(self, keys: list[bytes], length: int) -> Tensor:
        """States of shape (ROWS, length, hidden), those of at most so many sentences first."""
        filled = [*keys, *[keys[-1]] * (ROWS - len(keys))]
        device = self._accelerator.device
        ids = padded([_ids(key) for key in filled], length, self._padding)
        mask = padded([np.ones_like(_ids(key)) for key in filled], length, 0)
        start, fed = self._nearest(filled)
        if start not in self._sections:
            ends = (start, self.boundary)
            self._sections[start] = EncoderSection(self._encoder, *ends, between=self._rounded)
        if fed is not None:
            fed = nn.functional.pad(fed, (0, 0, 0, length - fed.shape[1])).to(device)
        # A mask that hides nothing is not left out either: attention would add up otherwise.
        with (
            torch.no_grad(),
            self._accelerator.autocast(),
            attention_of_any_shape(),
            unread_masks(),
        ):
            return self._sections[start].states(ids.to(device), mask.to(device), fed)

    def _rounded(self, states: Tensor) -> Tensor:
        """States in 32 bits, those numbers rounded to what is kept of them that fit into it."""
        held = states.to(self._dtype).float()
        return torch.where(held.isfinite(), held, states.float())

    def _nearest(self, keys: list[bytes]) -> tuple[int, Tensor | None]:
        """Where to start: at the highest layer below that has states of all the sentences."""
        for start, store in self._cache.below(self._precision, self.boundary):
            if all(key in store for key in keys):
                return start, pad_sequence([store.get(key) for key in keys], batch_first=True)
        return 0, None


def _ids(key: bytes) -> NDArray[np.int32]:
    """The subword ids that are a sentence's key."""
    return np.frombuffer(key, dtype=np.int32)


@attention_of_any_shape()
def cut_prefix(
    encoder: "PreTrainedModel",
    boundary: int,
    cache: PrefixCache,
    accelerator: "Accelerator",
    *,
    longest: int,
) -> FrozenPrefix | None:
    """The frozen prefix, if any; ``None`` too, with a warning, for one that cannot be cut."""
    if boundary == 0:
        return None
    try:
        return FrozenPrefix(encoder, boundary, cache, accelerator, longest=longest)
    except EncoderError as error:
        logger.warning("prefix: all layers are run at every step: %s", error)
        return None
