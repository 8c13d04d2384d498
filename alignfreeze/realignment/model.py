"""The model that makes words of a batch, and of them what an objective makes: a loss."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alignfreeze.contracts import Objective, WordBatch
from alignfreeze.encoders.families import hidden_size, word_states
from alignfreeze.encoders.sections import EncoderSection
from alignfreeze.encoders.top_layer import TopLayer
from alignfreeze.realignment.gathering import gathered
from alignfreeze.realignment.pairs import PairBatch
from alignfreeze.realignment.pretrained import Pretrained
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
        objective: What is minimised.
        layers: Layers whose outputs are realigned; -1 is the last one's.
        projection: Width of the heads' output; 0 for no head, nor with an objective without one.
        temperature: What the objective is told of it.
        loss_block: Rows of a table of similarities that are in memory at a time; 0: all.
        packed: The encoder's layers, if batches may be packed.
        top: The highest of ``layers``, if it may be run at the words alone.
        pretrained: What the encoder was before, for an objective that compares with it; it is no
            part of this module.
        gather: Whether the objective is that of the words of all processes.
    """

    def __init__(
        self,
        encoder: "PreTrainedModel | EncoderSection",
        objective: Objective,
        *,
        layers: tuple[int, ...],
        projection: int,
        temperature: float,
        loss_block: int = 0,
        packed: PackedLayers | None = None,
        top: TopLayer | None = None,
        pretrained: Pretrained | None = None,
        gather: bool = False,
    ) -> None:
        super().__init__()
        self.packed = packed
        self.top = top
        self.section = encoder if isinstance(encoder, EncoderSection) else None
        self.encoder = encoder.encoder if isinstance(encoder, EncoderSection) else encoder
        self.objective = objective
        self.layers = layers
        self.temperature = temperature
        self.loss_block = loss_block
        self.pretrained = pretrained
        self.gather = gather
        width, output = hidden_size(self.encoder), projection if objective.projects else 0
        self.heads = nn.ModuleList(projection_head(width, output) for _ in layers)

    def forward(self, batch: PairBatch) -> Tensor:
        """The objective summed over its terms, and averaged over the layers; a scalar."""
        packing, fed = batch.packing, batch.states
        if self.section is not None:
            self.section.feed(packing.pack(fed) if packing and fed is not None else fed)
        if self.top is not None:
            self.top.read_at(batch.word_positions)
        packed = self.packed and self.packed.packed(packing, unpacked=False)
        with packed or nullcontext():
            states = word_states(self.encoder, batch.input_ids, batch.attention_mask, self.layers)
        before: list[Tensor | None] = [None] * len(self.layers)
        if self.pretrained is not None:
            before = [self._read(own, batch) for own in self.pretrained.states(batch, self.layers)]
        heads = zip(self.heads, states, before, strict=True)
        losses = [self._sum(head(self._read(s, batch)), old, batch) for head, s, old in heads]
        return torch.stack(losses).mean()

    def _read(self, states: Tensor, batch: PairBatch) -> Tensor:
        """What the objective reads of states, words or sentences, of shape (read, hidden)."""
        found = states.flatten(0, 1).index_select(0, batch.word_positions)
        return found if self.objective.unit == "word" else _means(found, batch)

    def _sum(self, words: Tensor, before: Tensor | None, batch: PairBatch) -> Tensor:
        """The objective summed over its terms, those of this process."""
        of_words = self.objective.unit == "word"
        read = WordBatch(
            _exact(words),
            batch.anchors,
            batch.positives,
            batch.sentences if of_words else torch.arange(2 * batch.size, device=words.device),
            batch.size,
            self.temperature,
            self.loss_block,
            None if before is None else _exact(before),
        )
        weight, share = batch.weight, 1
        if self.gather:
            read, weight, share = gathered(read, weight)
        if weight == 0:
            return read.words.sum() * 0
        with torch.autocast(device_type=words.device.type, enabled=False):
            return self.objective.loss(read) * (weight / share)


def _means(subwords: Tensor, batch: PairBatch) -> Tensor:
    """The mean of each sentence's subwords, of shape (2 * pairs, hidden), in float32 at least.

    By a product of matrices, since sums into places that others add to as well come in any order on
    a GPU.
    """
    numbers = torch.arange(len(batch.attention_mask), device=subwords.device)
    lengths = batch.attention_mask.sum(dim=1, keepdim=True)
    with torch.autocast(device_type=subwords.device.type, enabled=False):
        shares = (batch.sentences == numbers[:, None]).to(torch.float64) / lengths
        return shares.to(_exact(subwords).dtype) @ _exact(subwords)


def _exact(numbers: Tensor) -> Tensor:
    """The same in float32 at least."""
    return numbers if numbers.dtype == torch.float64 else numbers.float()
