"""The model that makes words of a batch, and of them what an objective makes: a loss."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alignfreeze.contracts.contrastive import contrastive_alignment_loss
from alignfreeze.encoders.families import hidden_size, word_states
from alignfreeze.encoders.sections import EncoderSection
from alignfreeze.encoders.top_layer import TopLayer
from alignfreeze.realignment.pairs import PairBatch
from alignfreeze.training.packed_layers import PackedLayers

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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
