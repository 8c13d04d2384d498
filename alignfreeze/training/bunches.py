"""Sentences that lie in one row without padding, and the bunches that attention takes them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alignfreeze.training.acceleration import moved


@dataclass(frozen=True)
class LayerCost:
    """What a layer costs to train, in operations as products of large matrices run them, roughly.

    Measured on one core of a CPU, in 32 bits, where attention with dropout is not fused.

    Attributes:
        place: Of a subword: of six matrices of the hidden size squared, forward and backward.
        pair: Of two places that see each other, in all heads.
        bunch: Of a call of attention, however small.
    """

    place: float
    pair: float
    bunch: float = 1.5e8

    @classmethod
    def of(cls, hidden_size: int, n_heads: int) -> "LayerCost":
        """That of a layer of some sizes."""
        return cls(place=72 * hidden_size**2, pair=5500 * n_heads)

    def rows(self, n_rows: int, places: int) -> float:
        """Of rows of so many places."""
        return n_rows * places * (self.place + places * self.pair)


@dataclass(frozen=True)
class Bunch:
    """Sentences of similar length, which lie in one piece in a row and are padded for attention.

    Attributes:
        begin: Where they begin.
        end: Where they end.
        shape: How many they are, and how long the longest is.
        taken: Which place of theirs each cell of the padded table takes, of shape (sentences *
            longest,), anyone for padding; ``None`` where all are of one length.
        kept: The cells that are no padding, of shape (places,); ``None`` likewise.
        mask: Which cells are seen, of shape (sentences, 1, 1, longest); ``None`` likewise.
    """

    begin: int
    end: int
    shape: tuple[int, int]
    taken: Tensor | None = None
    kept: Tensor | None = None
    mask: Tensor | None = None

    def to(self, device: torch.device) -> "Bunch":
        """The same on a device."""
        found = (
            tensor if tensor is None else moved(tensor, device)
            for tensor in (self.taken, self.kept, self.mask)
        )
        return Bunch(self.begin, self.end, self.shape, *found)

    def padded(self, row: Tensor) -> Tensor:
        """Its part of a row (places, heads, width), as (sentences, heads, longest, width)."""
        own = row[self.begin : self.end]
        if self.taken is not None:
            own = _Padded.apply(own, self.taken, self.kept)  # type: ignore[no-untyped-call]
        return own.view(*self.shape, *row.shape[1:]).transpose(1, 2)

    def unpadded(self, cells: Tensor) -> Tensor:
        """Back from (sentences, heads, longest, width) to (places, heads, width)."""
        flat = cells.transpose(1, 2).flatten(0, 1)
        if self.kept is None:
            return flat
        result: Tensor = _Unpadded.apply(flat, self.kept)  # type: ignore[no-untyped-call]
        return result

    def seen(self, window: int | None, device: torch.device) -> Tensor | None:
        """Which cells see which, booleans to be broadcast to (sentences, 1, longest, longest).

        Those of a sentence, if they are no more than ``window`` places from each other; ``None``
        where nothing is hidden.
        """
        longest = self.shape[1]
        if window is None or window >= longest - 1:
            return self.mask
        numbers = torch.arange(longest, device=device)
        far = (numbers[:, None] - numbers).abs()
        # A cell of padding sees itself: a mean over nothing is not a number.
        return far <= window if self.mask is None else (far <= window) & (self.mask | (far == 0))


@dataclass(frozen=True)
class Sentences:
    """All sentences of a row, one after the other, the longest first.

    Attributes:
        bunches: They make up the row.
        bounds: Where each begins, and where the last ends, 32-bit integers of shape (sentences +
            1,).
        longest: Subwords of the longest.
    """

    bunches: tuple[Bunch, ...]
    bounds: Tensor
    longest: int

    @classmethod
    def of(cls, lengths: Sequence[int], cost: LayerCost) -> "Sentences":
        """Those of some lengths, falling; on the CPU.

        Bunches are as many as cost least: each pads its sentences to its longest, and is a call of
        attention.
        """
        bounds = np.concatenate(([0], np.cumsum(lengths)), dtype=np.int32)
        return cls(_bunches(lengths, cost), torch.from_numpy(bounds), lengths[0])

    def cost(self, cost: LayerCost) -> float:
        """What running them costs."""
        shapes = [bunch.shape for bunch in self.bunches]
        pairs = sum(n_sentences * longest**2 for n_sentences, longest in shapes)
        places = cost.place * int(self.bounds[-1])
        return places + cost.pair * pairs + cost.bunch * len(self.bunches)

    def to(self, device: torch.device) -> "Sentences":
        """The same on a device."""
        bunches = tuple(bunch.to(device) for bunch in self.bunches)
        return Sentences(bunches, moved(self.bounds, device), self.longest)


def _bunches(lengths: Sequence[int], cost: LayerCost) -> tuple[Bunch, ...]:
    bunches, begin = [], 0
    for first, last in _cuts(np.asarray(lengths), cost):
        own = np.asarray(lengths[first:last])
        end, shape = begin + int(own.sum()), (len(own), int(own[0]))
        if own[-1] == own[0]:
            bunches.append(Bunch(begin, end, shape))
        else:
            mask = np.arange(own[0]) < own[:, None]
            taken = np.zeros(mask.size, dtype=np.int64)
            kept = np.flatnonzero(mask)
            taken[kept] = np.arange(len(kept))
            tensors = map(torch.from_numpy, (taken, kept, mask[:, None, None]))
            bunches.append(Bunch(begin, end, shape, *tensors))
        begin = end
    return tuple(bunches)


def _cuts(lengths: NDArray[np.int64], cost: LayerCost) -> list[tuple[int, int]]:
    """From which sentence to which each bunch goes, of lengths that fall, at the least cost.

    Sentences of one length are in one bunch. Cost by cost from the front: the least of the first
    so many sentences is that of some fewer and one bunch more.
    """
    starts = np.flatnonzero(np.diff(lengths, prepend=lengths[0] + 1))
    ends = np.append(starts[1:], len(lengths))
    pairs = cost.pair * lengths[starts].astype(np.float64) ** 2
    least, chosen = np.zeros(len(ends) + 1), np.zeros(len(ends), dtype=np.int64)
    for last, end in enumerate(ends):
        costs = least[: last + 1] + (end - starts[: last + 1]) * pairs[: last + 1]
        chosen[last] = costs.argmin()
        least[last + 1] = costs[chosen[last]] + cost.bunch
    cuts, last = [], len(ends) - 1
    while last >= 0:
        cuts.append((int(starts[chosen[last]]), int(ends[last])))
        last = int(chosen[last]) - 1
    return cuts[::-1]


class _Padded(torch.autograd.Function):
    """Vectors of places in the cells of a table: what padding takes is read by nothing."""

    @staticmethod
    def forward(ctx: Any, places: Tensor, taken: Tensor, kept: Tensor) -> Tensor:
        ctx.save_for_backward(kept)
        return places.index_select(0, taken)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient.index_select(0, ctx.saved_tensors[0]), None, None


class _Unpadded(torch.autograd.Function):
    """Vectors of cells that are no padding."""

    @staticmethod
    def forward(ctx: Any, cells: Tensor, kept: Tensor) -> Tensor:
        ctx.save_for_backward(kept)
        ctx.shape = cells.shape
        return cells.index_select(0, kept)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        cells = gradient.new_zeros(ctx.shape)
        return cells.index_copy_(0, ctx.saved_tensors[0], gradient), None
