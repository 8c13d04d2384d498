"""Run an encoder's layers without padding: short sentences of a batch share a row.

Rows in random order differ much in length, so that half of a padded batch and more is padding. The
layers are where the time goes: they get the batch's subwords in as few rows as hold them, with a
mask that keeps sentences apart. The embeddings below and the head above see the batch as it was.
"""

import logging
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alignfreeze.encoders.families import layer_stack
from alignfreeze.training.acceleration import moved

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

ROUND = 8
"""Rows are as long as a multiple of it, so that there are fewer shapes to prepare for."""


@dataclass(frozen=True)
class Packing:
    """Where each subword of a padded batch lies in packed rows.

    Attributes:
        subwords: Indices of the subwords that are no padding, in the padded batch laid flat, of
            shape (subwords,).
        places: Where each of them lies, in the packed rows laid flat, of shape (subwords,).
        sentences: Which sentence lies in each place, -1 for none, of shape (rows, places).
    """

    subwords: Tensor
    places: Tensor
    sentences: Tensor

    def to(self, device: torch.device) -> "Packing":
        """The same on a device."""
        return Packing(*(moved(t, device) for t in (self.subwords, self.places, self.sentences)))

    def pack(self, states: Tensor) -> Tensor:
        """Move states from (sentences, longest, hidden) to (rows, places, hidden); 0 where none."""
        return _moved(states, self.subwords, self.places, self.sentences.shape)

    def unpack(self, states: Tensor, shape: torch.Size) -> Tensor:
        """Move states back, to ``shape``, (sentences, longest, hidden); 0 for padding."""
        return _moved(states, self.places, self.subwords, shape[:2])

    def mask(self, padding_mask: Tensor | None) -> Tensor:
        """Which places see each other, of shape (rows, 1, places, places).

        As the mask of the padded batch says it: by booleans, or by numbers to be added.
        """
        sentences = self.sentences[:, None]
        same = sentences[..., :, None] == sentences[..., None, :]
        if padding_mask is None or padding_mask.dtype == torch.bool:
            return same
        hidden = torch.finfo(padding_mask.dtype).min
        return torch.zeros_like(same, dtype=padding_mask.dtype).masked_fill_(~same, hidden)


def packing_of(lengths: Sequence[int]) -> Packing | None:
    """Put sentences into rows about as long as the longest of them: best fit, longest first.

    Args:
        lengths: Subwords of each sentence of a batch that is padded on the right to the longest.

    Returns:
        On the CPU; ``None`` if it would not save anything.
    """
    longest = max(lengths)
    capacity = -(-longest // ROUND) * ROUND
    starts, n_rows = _shelved(lengths, capacity)
    if n_rows * capacity >= len(lengths) * longest:
        return None
    places = _runs(starts, lengths)
    sentences = np.full(n_rows * capacity, -1, dtype=np.int64)
    sentences[places] = np.repeat(np.arange(len(lengths)), lengths)
    return Packing(
        subwords=torch.from_numpy(_runs(range(0, len(lengths) * longest, longest), lengths)),
        places=torch.from_numpy(places),
        sentences=torch.from_numpy(sentences.reshape(n_rows, capacity)),
    )


def _shelved(lengths: Sequence[int], capacity: int) -> tuple[list[int], int]:
    """Where each sentence starts, in rows of some capacity laid flat, and how many rows it took."""
    starts = [0] * len(lengths)
    room: list[tuple[int, int]] = []  # of each row: how many places are left, its number
    for sentence in sorted(range(len(lengths)), key=lambda sentence: -lengths[sentence]):
        fitting = bisect_left(room, (lengths[sentence], 0))
        left, row = room.pop(fitting) if fitting < len(room) else (capacity, len(room))
        starts[sentence] = (row + 1) * capacity - left
        insort(room, (left - lengths[sentence], row))
    return starts, len(room)


def _runs(starts: Sequence[int], lengths: Sequence[int]) -> NDArray[np.int64]:
    """The numbers from each start on, as many as its length says, one after the other."""
    pairs = zip(starts, lengths, strict=True)
    return np.concatenate([np.arange(begin, begin + length) for begin, length in pairs])


class PackedLayers:
    """The layers of a model, which run a batch packed while its packing is set."""

    _packing: Packing | None = None
    _shape = torch.Size()

    @contextmanager
    def packed(self, packing: Packing | None) -> Iterator[None]:
        """Run the layers so as long as the context lasts; with ``None`` as ever."""
        self._packing = packing
        try:
            yield
        finally:
            self._packing = None

    def before(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Pack what the layers are called with."""
        if self._packing is None:
            return None
        states = args[0] if args else kwargs["hidden_states"]
        self._shape = states.shape
        mask = self._packing.mask(kwargs.get("attention_mask"))
        return (), kwargs | {"hidden_states": self._packing.pack(states), "attention_mask": mask}

    def after(self, _: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Unpack what they return."""
        if self._packing is not None:
            states = self._packing.unpack(output.last_hidden_state, self._shape)
            output.last_hidden_state = states


@contextmanager
def packed_layers(model: "PreTrainedModel") -> Iterator[PackedLayers | None]:
    """Let a model's layers run packed batches, for as long as the context lasts.

    Yields:
        What is told of each batch's packing; ``None`` if the layers of its family see more than
        the states, or attend in another way than through a mask.
    """
    stack = layer_stack(cast("PreTrainedModel", model.base_model))
    # How a model attends is in a private field of its configuration alone.
    if stack is None or model.config._attn_implementation not in ("sdpa", "eager"):
        logger.info("%s: batches are run with their padding", type(model).__name__)
        yield None
        return
    layers = PackedLayers()
    # A hook is a context that ends with it.
    with (
        stack.register_forward_pre_hook(layers.before, with_kwargs=True),
        stack.register_forward_hook(layers.after),
    ):
        yield layers


def _moved(states: Tensor, taken: Tensor, places: Tensor, shape: Sequence[int]) -> Tensor:
    """Vectors of ``states``, put into zeros of shape (*shape, hidden)."""
    width = states.shape[-1]
    result = states.new_zeros(shape[0] * shape[1], width)
    result = result.index_copy(0, places, states.reshape(-1, width).index_select(0, taken))
    return result.view(*shape, width)
