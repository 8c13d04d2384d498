"""Batches: which rows go together, in which order, padded to the longest of them.

Every order is a function of the seed alone, so that a resumed run can go on from batch ``n``
without having read what came before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alignfreeze.contracts import Feature
from alignfreeze.text.words import IGNORED_LABEL
from alignfreeze.training.acceleration import moved
from alignfreeze.training.orders import Epochs
from alignfreeze.training.packing import Packer, Packing

BUFFER_BATCHES = 64
"""Batches drawn at a time; rows are sorted by length within them."""


class Batch(Protocol):
    """What the training loop needs to know of a batch."""

    @property
    def weight(self) -> int:
        """How many terms the batch's summed loss has."""

    @property
    def size(self) -> int:
        """How many rows, or sentence pairs, it holds."""

    def to(self, device: torch.device) -> object:
        """The same batch on a device, as a model is called with it."""


class BatchStream(Protocol):
    """An endless sequence of batches that can be entered anywhere."""

    def batches(self, start: int) -> Iterator[Batch]:
        """The batches from number ``start`` on."""


@dataclass(frozen=True)
class FeatureBatch:
    """Rows for a model with a task head.

    Attributes:
        inputs: The model's inputs, each of shape (rows, subwords).
        targets: Its targets, each of shape (rows,) or (rows, subwords).
        weight: How many targets count: subwords with a label, or rows.
        rows: Index of each row's feature, of shape (rows,).
        packing: How the model's layers may run it without padding.
    """

    inputs: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]
    weight: int
    rows: NDArray[np.int64]
    packing: Packing | None = None

    @property
    def size(self) -> int:
        """How many rows it holds."""
        return len(self.rows)

    def to(self, device: torch.device) -> "FeatureBatch":
        """The same batch on a device."""
        inputs = {name: moved(tensor, device) for name, tensor in self.inputs.items()}
        targets = {name: moved(tensor, device) for name, tensor in self.targets.items()}
        packing = self.packing and self.packing.to(device)
        return replace(self, inputs=inputs, targets=targets, packing=packing)


def collate_features(
    features: Sequence[Feature],
    rows: NDArray[np.int64],
    padding: int,
    *,
    packer: Packer | None = None,
) -> FeatureBatch:
    """Pad the features at some rows, an array of shape (rows,), to the longest of them.

    ``padding`` is the id of its token; the packer says how the layers may run without it.
    """
    chosen = [features[row] for row in rows]
    lengths = [len(feature.input_ids) for feature in chosen]
    longest = max(lengths)
    inputs = {
        "input_ids": padded([f.input_ids for f in chosen], longest, padding),
        "attention_mask": padded([[1] * length for length in lengths], longest, 0),
    }
    for name in chosen[0].extra_inputs or ():
        inputs[name] = padded([(f.extra_inputs or {})[name] for f in chosen], longest, 0)
    targets = {
        name: _targets([f.targets[name] for f in chosen], longest) for name in chosen[0].targets
    }
    first = next(iter(targets.values()))
    labelled = int(np.count_nonzero(first.numpy() != IGNORED_LABEL))
    weight = labelled if first.dim() > 1 else len(chosen)
    return FeatureBatch(inputs, targets, weight, rows, packer and packer(lengths))


def padded(
    values: Sequence[Sequence[int] | NDArray[np.integer]], length: int, padding: int
) -> Tensor:
    """Rows of different lengths as one tensor of shape (rows, length)."""
    table = np.full((len(values), length), padding, dtype=np.int64)
    for row, value in enumerate(values):
        table[row, : len(value)] = value
    return torch.from_numpy(table)


def _targets(values: Sequence[int | Sequence[int]], length: int) -> Tensor:
    if isinstance(values[0], (int, np.integer)):
        return torch.tensor(values)
    return padded([v for v in values if not isinstance(v, int)], length, IGNORED_LABEL)


def rounds(corpora: NDArray[np.int64], epochs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the epochs of each corpus within a buffer from 0, of shape (rows,).

    Args:
        corpora: The corpus of each row, in the order in which they were drawn, of shape (rows,).
        epochs: The epoch of each, of shape (rows,).
    """
    _, firsts, numbers = np.unique(corpora, return_index=True, return_inverse=True)
    return epochs - epochs[firsts][numbers]


def bucketed(
    lengths: NDArray[np.int64],
    rounds: NDArray[np.int64],
    batch_size: int,
    random: np.random.Generator,
) -> list[NDArray[np.int64]]:
    """Cut rows into batches of similar length, and shuffle the batches of each round.

    A buffer may hold the end of an epoch and the start of the next, or several epochs of a small
    data set. The rounds keep them in order; without them, copies of a row, which have the same
    length, would sit together in one batch.

    Args:
        lengths: Length of each row, of shape (rows,).
        rounds: Which epoch of the buffer each row belongs to, of shape (rows,).
        batch_size: Rows in a batch; the last one cut may be smaller.
        random: Breaks ties between equal lengths and orders the batches.

    Returns:
        Row numbers of each batch; one may hold the end of a round and the start of the next.
    """
    order = random.permutation(len(lengths))
    order = order[np.lexsort((lengths[order], rounds[order]))]
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    shuffled = [batches[number] for number in random.permutation(len(batches))]
    return sorted(shuffled, key=lambda batch: (rounds[batch[0]], rounds[batch[-1]]))


@dataclass(frozen=True)
class FeatureStream:
    """Batches of features for fine-tuning, as `collate_features` makes them.

    They go through all features epoch after epoch, in a random order that the seed decides.
    """

    features: Sequence[Feature]
    batch_size: int
    padding: int
    seed: int
    packer: Packer | None = None

    def batches(self, start: int) -> Iterator[FeatureBatch]:
        """The batches from number ``start`` on."""
        order = Epochs(len(self.features), np.random.default_rng([self.seed, 0]))
        order.skip(start * self.batch_size)
        while True:
            _, drawn = order.take(self.batch_size)
            yield collate_features(self.features, drawn, self.padding, packer=self.packer)


def batches_by_length(
    features: Sequence[Feature], batch_size: int, padding: int, *, subwords: int | None = None
) -> Iterator[FeatureBatch]:
    """Every feature once, longest first (what does not fit in memory fails at once).

    A batch has at most so many rows, and so many subwords, padding included; but at least one row.
    """
    lengths = np.array([len(feature.input_ids) for feature in features])
    order = np.argsort(-lengths, kind="stable")
    begin = 0
    while begin < len(order):
        longest = max(1, int(lengths[order[begin]]))
        rows = batch_size if subwords is None else min(batch_size, max(1, subwords // longest))
        yield collate_features(features, order[begin : begin + rows], padding)
        begin += rows
