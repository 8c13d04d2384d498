"""The margin score of sentence pairs: how much nearer they are than their neighbours."""

import torch
from torch import Tensor

BLOCK_ROWS = 512
"""Sentences whose cosines with all neighbours are in memory at a time."""


def margin_scores(
    source: Tensor,
    target: Tensor,
    *,
    source_neighbours: Tensor,
    target_neighbours: Tensor,
    known: Tensor,
    k: int,
) -> Tensor:
    """The ratio margin of sentence pairs (Artetxe and Schwenk, 2019, arXiv 1811.01136).

    ``cos(x, y) / (sum over z in N(x) of cos(x, z) / 2k + sum over z in N(y) of cos(y, z) / 2k)``,
    where ``N(x)`` are the ``k`` nearest to ``x`` of the other language: of the neighbours that are
    given, and ``y`` itself, or all of these if they are fewer.

    Args:
        source: Vectors of length 1 (0 for a sentence without text), of shape (pairs, hidden).
        target: Those of their translations, of the same shape.
        source_neighbours: Of sentences of the source language, all different, of shape
            (neighbours, hidden).
        target_neighbours: Of sentences of the target language, likewise.
        known: Whether the pair's source, and its target, is among the neighbours, of shape
            (pairs, 2).
        k: How many of the nearest count.

    Returns:
        Of shape (pairs,); 0 where the mean of the neighbours' cosines is not positive.
    """
    cosines = (source * target).sum(dim=1)
    further = cosines[:, None].masked_fill(known, -torch.inf)
    forward = nearest_mean(source, target_neighbours, further[:, 1], k)
    backward = nearest_mean(target, source_neighbours, further[:, 0], k)
    mean = (forward + backward) / 2
    return torch.where(mean > 0, cosines / mean, 0.0)


def nearest_mean(vectors: Tensor, neighbours: Tensor, own: Tensor, k: int) -> Tensor:
    """The mean cosine of each of some vectors with its ``k`` nearest, of shape (vectors,).

    Args:
        vectors: Of length 1, of shape (vectors, hidden).
        neighbours: Of length 1, of shape (neighbours, hidden).
        own: The cosine with a further neighbour of each alone, minus infinity for none, of shape
            (vectors,).
        k: How many count; all, if they are fewer.
    """
    parts = []
    for begin in range(0, len(vectors), BLOCK_ROWS):
        rows = slice(begin, begin + BLOCK_ROWS)
        cosines = vectors[rows] @ neighbours.T
        best = cosines.topk(min(k, len(neighbours)), dim=1).values
        best = torch.cat((best, own[rows, None]), dim=1)
        best = best.topk(min(k, best.shape[1]), dim=1).values
        there = best.isfinite()
        parts.append(best.where(there, 0.0).sum(dim=1) / there.sum(dim=1))
    return torch.cat(parts)
