"""The contrastive loss that realigns words, and the model that makes words of a batch for it."""

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from alignfreeze.encoders.families import hidden_size, word_states
from alignfreeze.encoders.sections import EncoderSection
from alignfreeze.encoders.top_layer import TopLayer
from alignfreeze.realignment.pairs import PairBatch
from alignfreeze.training.packed_layers import PackedLayers

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def contrastive_alignment_loss(
    words: Tensor, anchors: Tensor, positives: Tensor, temperature: float, *, block: int = 0
) -> Tensor:
    """Pull each aligned word to its translation, and away from every other word.

    With ``sim`` the cosine, ``T`` the temperature and ``A(h)`` the translation of ``h``,

        L = 1/|H| * sum over h in H of
            -log(exp(sim(h, A(h)) / T) / sum over h' != h of exp(sim(h, h') / T))

    where ``h'`` runs over all rows of ``words``. This is the NT-Xent loss of SimCLR (Chen et al.,
    2020) over the words of parallel sentences (Wu and Dredze, 2020). It is symmetric if every
    aligned pair is given in both directions, so that H holds the words of both languages.

    Computed in float32 at least, autocast or not, and without waiting for the device. For that
    reason the rows' values are not checked: each must be in ``[0, n)``, and an anchor must
    differ from its positive.

    Args:
        words: Representations of all words of the batch, of shape (n, dim), n >= 2.
        anchors: Rows of the words in H, int64 of shape (m,), m >= 1.
        positives: Row of each anchor's translation, int64 of shape (m,).
        temperature: T, greater than 0.
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
            return _terms(directions, anchors, positives, temperature).mean()
        once = partial(checkpoint, _terms, use_reentrant=False, preserve_rng_state=False)
        blocks = zip(anchors.split(block), positives.split(block), strict=True)
        return torch.cat([once(directions, *rows, temperature) for rows in blocks]).mean()


def _terms(directions: Tensor, anchors: Tensor, positives: Tensor, temperature: float) -> Tensor:
    """Each anchor's term of the loss, of shape (m,), from words of length 1."""
    similarities = directions[anchors] @ directions.T / temperature
    to_positive = similarities.gather(1, positives[:, None]).squeeze(1)
    to_others = similarities.scatter(1, anchors[:, None], -torch.inf)
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


def projection_head(width: int, output: int) -> nn.Module:
    """Linear(width, width)-ReLU-Linear(width, output) without biases; nothing if output is 0."""
    if output == 0:
        return nn.Identity()
    return nn.Sequential(
        nn.Linear(width, width, bias=False), nn.ReLU(), nn.Linear(width, output, bias=False)
    )


class RealignmentModel(nn.Module):
    """An encoder with a projection head on each layer that is realigned.

    Args:
        encoder: Its parameters are shared, not copied; or the upper part of one, which batches
            bring the states for.
        layers: Layers whose outputs are realigned; -1 is the last one's.
        projection: Width of the heads' output; 0 for no head.
        temperature: Of the contrastive loss.
        loss_block: Aligned words whose similarities are in memory at a time; 0: all.
        packed: The encoder's layers, if batches may be packed.
        top: The highest of ``layers``, if it may be run at the words alone.
    """

    def __init__(
        self,
        encoder: "PreTrainedModel | EncoderSection",
        *,
        layers: tuple[int, ...],
        projection: int,
        temperature: float,
        loss_block: int = 0,
        packed: PackedLayers | None = None,
        top: TopLayer | None = None,
    ) -> None:
        super().__init__()
        self.packed = packed
        self.top = top
        self.section = encoder if isinstance(encoder, EncoderSection) else None
        self.encoder = encoder.encoder if isinstance(encoder, EncoderSection) else encoder
        self.layers = layers
        self.temperature = temperature
        self.loss_block = loss_block
        width = hidden_size(self.encoder)
        self.heads = nn.ModuleList(projection_head(width, projection) for _ in layers)

    def forward(self, batch: PairBatch) -> Tensor:
        """The loss summed over the aligned words, and averaged over the layers; a scalar."""
        packing, fed = batch.packing, batch.states
        if self.section is not None:
            self.section.feed(packing.pack(fed) if packing and fed is not None else fed)
        if self.top is not None:
            self.top.read_at(batch.word_positions)
        packed = self.packed and self.packed.packed(packing, unpacked=False)
        with packed or nullcontext():
            states = word_states(self.encoder, batch.input_ids, batch.attention_mask, self.layers)
        losses = []
        for state, head in zip(states, self.heads, strict=True):
            words = head(state.flatten(0, 1).index_select(0, batch.word_positions))
            if batch.weight == 0:
                losses.append(words.sum() * 0)
                continue
            mean = contrastive_alignment_loss(
                words, batch.anchors, batch.positives, self.temperature, block=self.loss_block
            )
            losses.append(mean * batch.weight)
        return torch.stack(losses).mean()
