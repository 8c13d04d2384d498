"""Where the sentences of a batch lie if they share rows, with little padding."""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alignfreeze.training.acceleration import moved
from alignfreeze.training.bunches import LayerCost, Sentences

ROUND = 8
"""Rows are as long as a multiple of it, so that there are fewer shapes to prepare for."""

LONGEST = 4
"""Rows are at most so many times as long as the longest sentence."""


@dataclass(frozen=True)
class Packing:
    """Where each subword of a padded batch lies in packed rows.

    Attributes:
        subwords: Indices of the subwords that are no padding, in the padded batch laid flat, of
            shape (subwords,).
        places: Where each of them lies, in the packed rows laid flat, of shape (subwords,).
        sentences: Which sentence lies in each place, -1 for none, of shape (rows, places).
        alone: The sentences, where all lie in one row and attention needs no mask for that.
    """

    subwords: Tensor
    places: Tensor
    sentences: Tensor
    alone: Sentences | None = None

    def to(self, device: torch.device) -> "Packing":
        """The same on a device."""
        return Packing(
            moved(self.subwords, device),
            moved(self.places, device),
            moved(self.sentences, device),
            None if self.alone is None else self.alone.to(device),
        )

    def pack(self, states: Tensor) -> Tensor:
        """Move states from (sentences, longest, hidden) to (rows, places, hidden); 0 where none."""
        return _moved(states, self.subwords, self.places, self.sentences.shape)

    def unpack(self, states: Tensor, shape: torch.Size) -> Tensor:
        """Move states back, to ``shape``, (sentences, longest, hidden); 0 for padding."""
        return _moved(states, self.places, self.subwords, shape[:2])

    def pack_ids(self, ids: Tensor, padding: int) -> Tensor:
        """Move ids from (sentences, longest) to (rows, places); the padding's where none."""
        result = ids.new_full((self.sentences.numel(),), padding)
        chosen = ids.flatten().index_select(0, self.subwords)
        return result.index_copy(0, self.places, chosen).view(self.sentences.shape)

    def place(self, numbers: Tensor) -> Tensor:
        """Where some subwords, numbered in the padded batch laid flat, lie in the packed rows."""
        return self.places[torch.searchsorted(self.subwords, numbers)]

    def mask(self, window: int | None = None) -> Tensor:
        """Which places see each other, booleans of shape (rows, 1, places, places).

        Those of one sentence, if they are no more than ``window`` places from each other.
        """
        sentences = self.sentences[:, None]
        same = sentences[..., :, None] == sentences[..., None, :]
        if window is None:
            return same
        numbers = torch.arange(same.shape[-1], device=same.device)
        return same & ((numbers[:, None] - numbers).abs() <= window)


Packer = Callable[[Sequence[int]], Packing | None]
"""Says how to pack the sentences of a batch that is padded on the right to the longest; on the CPU;
``None`` if it would not save anything."""


def in_one_row(lengths: Sequence[int], *, cost: LayerCost) -> Packing | None:
    """Put sentences of some lengths into one row, the longest first, without any padding."""
    longest = max(lengths)
    order = np.argsort(-np.asarray(lengths), kind="stable")
    falling = np.asarray(lengths)[order]
    sentences = Sentences.of(falling.tolist(), cost)
    if sentences.cost(cost) >= cost.rows(len(lengths), longest):
        return None
    starts = np.zeros(len(lengths), dtype=np.int64)
    starts[order[1:]] = np.cumsum(falling)[:-1]
    return Packing(
        subwords=torch.from_numpy(_runs(range(0, len(lengths) * longest, longest), lengths)),
        places=torch.from_numpy(_runs(starts.tolist(), lengths)),
        sentences=torch.from_numpy(np.repeat(order, falling)[None]),
        alone=sentences,
    )


def in_rows(lengths: Sequence[int], *, cost: LayerCost) -> Packing | None:
    """Put sentences into rows as long as is best: best fit, longest first.

    Longer rows have less padding, and more places to attend to, though all but a sentence's own are
    hidden: of some lengths the one is taken that costs least in sum.
    """
    longest, total = max(lengths), sum(lengths)
    least, chosen = cost.rows(len(lengths), longest), None
    shortest = -(-longest // ROUND) * ROUND
    for capacity in range(shortest, LONGEST * shortest + 1, ROUND):
        if cost.rows(-(-total // capacity), capacity) < least:
            starts, n_rows = _shelved(lengths, capacity)
            if (own := cost.rows(n_rows, capacity)) < least:
                least, chosen = own, (starts, n_rows, capacity)
    if chosen is None:
        return None
    starts, n_rows, capacity = chosen
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


def _moved(states: Tensor, taken: Tensor, places: Tensor, shape: Sequence[int]) -> Tensor:
    """Vectors of ``states``, put into zeros of shape (*shape, hidden)."""
    width = states.shape[-1]
    result = states.new_zeros(shape[0] * shape[1], width)
    result = result.index_copy(0, places, states.reshape(-1, width).index_select(0, taken))
    return result.view(*shape, width)
