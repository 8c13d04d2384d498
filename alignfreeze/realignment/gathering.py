"""One batch of the words of all processes, so that each word is told from those of all of them."""

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed

from alignfreeze.contracts import WordBatch


class Gathered(NamedTuple):
    """The words of all processes.

    Attributes:
        batch: Theirs, in the order of the processes.
        weight: How many terms the objective has of it.
        processes: How many, each of which computes all of these terms.
    """

    batch: WordBatch
    weight: int
    processes: int


def gathered(batch: WordBatch, weight: int) -> Gathered:
    """The words of all processes, which all of them call this with, words or not.

    Gradients go back to the process that each word is of. Processes have as many words as their
    sentences do: what is sent is filled up to as many rows as any has, for which their numbers have
    to be known, and waited for.

    Args:
        batch: This process's.
        weight: How many terms the objective has of that.
    """
    device = batch.words.device
    own = [len(batch.words), len(batch.anchors), batch.n_pairs, weight]
    sizes = torch.stack(_all(torch.tensor(own, device=device))).tolist()
    n_words, n_links, n_pairs, weights = map(list, zip(*sizes, strict=True))
    rank, total = distributed.get_rank(), sum(n_pairs)
    before_words, before_pairs = sum(n_words[:rank]), sum(n_pairs[:rank])
    pairs = batch.pairs + before_pairs
    sentences = torch.where(batch.in_target, pairs + total, pairs)
    links = torch.stack([batch.anchors, batch.positives], dim=1) + before_words
    pretrained = batch.pretrained
    if pretrained is not None:
        pretrained = _Rows.apply(pretrained, n_words)  # type: ignore[no-untyped-call]
    anchors, positives = _Rows.apply(links, n_links).unbind(dim=1)  # type: ignore[no-untyped-call]
    found = replace(
        batch,
        words=_Rows.apply(batch.words, n_words),  # type: ignore[no-untyped-call]
        anchors=anchors,
        positives=positives,
        sentences=_Rows.apply(sentences, n_words),  # type: ignore[no-untyped-call]
        n_pairs=total,
        pretrained=pretrained,
    )
    return Gathered(found, sum(weights), len(sizes))


class _Rows(torch.autograd.Function):
    """The rows of all processes, in their order; a row's gradient is the sum of all processes'.

    As `torch.distributed.nn.functional.all_gather`, which torch gives up, for any backend.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sizes: list[int]) -> Tensor:
        """Rows of shape (own, …), of which there are so many in each process."""
        ctx.sizes = sizes
        filled = rows.new_zeros(max(sizes), *rows.shape[1:])
        filled[: len(rows)] = rows
        parts = zip(_all(filled), sizes, strict=True)
        return torch.cat([part[:size] for part, size in parts])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Of the rows of this process."""
        gradient = gradient.contiguous()
        distributed.all_reduce(gradient)
        return gradient.split(ctx.sizes)[distributed.get_rank()], None


def _all(tensor: Tensor) -> list[Tensor]:
    """A tensor of each process, which have one of the same shape, in the order of processes."""
    found = [torch.empty_like(tensor) for _ in range(distributed.get_world_size())]
    distributed.all_gather(found, tensor.contiguous())
    return found
