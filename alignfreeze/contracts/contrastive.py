"""The contrastive loss over rows, which several objectives are made of."""

from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def contrastive_alignment_loss(
    words: Tensor,
    anchors: Tensor,
    positives: Tensor,
    temperature: float,
    *,
    sides: Tensor | None = None,
    block: int = 0,
) -> Tensor:
    """Pull each aligned word to its translation, and away from every other word.

    With ``sim`` the cosine, ``T`` the temperature and ``A(h)`` the translation of ``h``,

        L = 1/|H| * sum over h in H of
            -log(exp(sim(h, A(h)) / T) / sum over h' != h of exp(sim(h, h') / T))

    where ``h'`` runs over all rows of ``words``, or with ``sides`` over those of the other side.
    This is the NT-Xent loss of SimCLR (Chen et al., 2020) over the words of parallel sentences (Wu
    and Dredze, 2020). It is symmetric if every aligned pair is given in both directions, so that H
    holds the words of both languages.

    Computed in float32 at least, autocast or not, and without waiting for the device. For that
    reason the rows' values are not checked: each must be in ``[0, n)``, and an anchor must
    differ from its positive.

    Args:
        words: Representations of all words of the batch, of shape (n, dim), n >= 2.
        anchors: Rows of the words in H, int64 of shape (m,), m >= 1.
        positives: Row of each anchor's translation, int64 of shape (m,).
        temperature: T, greater than 0.
        sides: The side of each word, of shape (n,): 0 or 1, and a word is told from those of the
            other side alone; whatever has another number is told from none.
        block: Rows of the similarity matrix, of shape (m, n), that are in memory at a time, in
            the backward pass too, which computes them again; 0: all of them. Sums are in another
            order then, which changes the last bits of the loss and of its gradient.

    Returns:
        A scalar; float64 if ``words`` is, else float32.

    Raises:
        ValueError: If a shape, a dtype or the temperature breaks its rule.

    Example:
        >>> words = torch.eye(4)  # rows 0 and 1 translate 2 and 3, and no word is like another
        >>> anchors, positives = torch.tensor([0, 1, 2, 3]), torch.tensor([2, 3, 0, 1])
        >>> loss = contrastive_alignment_loss(words, anchors, positives, temperature=0.1)
        >>> round(loss.item(), 4)  # each of three is as near as the others: ln 3
        1.0986
    """
    _check(words, anchors, positives, temperature)
    with torch.autocast(device_type=words.device.type, enabled=False):
        if words.dtype != torch.float64:
            words = words.float()
        directions = F.normalize(words, dim=-1)
        if block == 0 or block >= len(anchors):
            return _terms(directions, anchors, positives, temperature, sides).mean()
        once = partial(checkpoint, _terms, use_reentrant=False, preserve_rng_state=False)
        blocks = zip(anchors.split(block), positives.split(block), strict=True)
        return torch.cat([once(directions, *rows, temperature, sides) for rows in blocks]).mean()


def _terms(
    directions: Tensor,
    anchors: Tensor,
    positives: Tensor,
    temperature: float,
    sides: Tensor | None,
) -> Tensor:
    """Each anchor's term of the loss, of shape (m,), from words of length 1."""
    similarities = directions[anchors] @ directions.T / temperature
    to_positive = similarities.gather(1, positives[:, None]).squeeze(1)
    if sides is None:
        to_others = similarities.scatter(1, anchors[:, None], -torch.inf)
    else:
        apart = sides[anchors][:, None] + sides != 1
        to_others = similarities.masked_fill(apart, -torch.inf)
    return to_others.logsumexp(dim=1) - to_positive


def _check(words: Tensor, anchors: Tensor, positives: Tensor, temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    if words.ndim != 2 or len(words) < 2:
        raise ValueError(f"words must have shape (n, dim) with n >= 2, got {tuple(words.shape)}")
    if not words.is_floating_point():
        raise ValueError(f"words must be floating point, got {words.dtype}")
    if anchors.ndim != 1 or len(anchors) < 1:
        raise ValueError(f"anchors must have shape (m,) with m >= 1, got {tuple(anchors.shape)}")
    if positives.shape != anchors.shape:
        shapes = f"{tuple(positives.shape)} and {tuple(anchors.shape)}"
        raise ValueError(f"positives must have the shape of anchors, got {shapes}")
    if anchors.dtype != torch.int64 or positives.dtype != torch.int64:
        dtypes = f"{anchors.dtype} and {positives.dtype}"
        raise ValueError(f"anchors and positives must be int64, got {dtypes}")
