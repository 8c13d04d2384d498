"""Realigning while fine-tuning: every step takes a batch of sentence pairs, too.

A step minimises ``task + weight * objective``. The task trains all parameters; of the gradient of
the objective, each parameter of the encoder gets the part that the freezing strategy lets through,
none where it is frozen. That is what the reference calls ``during``, and with a strategy
``during_partial_freeze_front`` or ``during_partial_freeze_back``.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alignfreeze.alignment.corpus import AlignedCorpus
from alignfreeze.config import RunConfig
from alignfreeze.encoders.freezing import FreezingSummary
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import EncodedPair, PairBatch, PairStream
from alignfreeze.realignment.phase import batch_count, pair_stream
from alignfreeze.text.words import WordCounts
from alignfreeze.training.batches import Batch, BatchStream
from alignfreeze.training.checkpoints import LossRecord
from alignfreeze.training.packed_layers import PackedLayers
from alignfreeze.training.plan import Beside

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

Factors = Mapping[str, Sequence[float]]
"""By a parameter's name, relative to the encoder, what its gradient is multiplied by: one factor,
or one for each hundredth of the steps. What is not named is not multiplied."""


def factors_of(freezing: FreezingSummary) -> Factors:
    """What a strategy lets through of the gradient of a realignment."""
    return dict.fromkeys(freezing.frozen_names, (0.0,))


@dataclass(frozen=True)
class RealignmentBatch:
    """Sentence pairs for a `JointModel`.

    Attributes:
        pairs: They.
        progress: The part of the steps that are done, in whole hundredths, in ``[0, 100)``.
    """

    pairs: PairBatch
    progress: int

    @property
    def weight(self) -> int:
        """How many terms the objective has."""
        return self.pairs.weight

    @property
    def size(self) -> int:
        """How many sentence pairs."""
        return self.pairs.size

    def to(self, device: torch.device) -> "RealignmentBatch":
        """The same batch on a device."""
        return RealignmentBatch(self.pairs.to(device), self.progress)


@dataclass(frozen=True)
class JointStream:
    """Batches of sentence pairs and of a task's rows in turn, pairs first.

    Attributes:
        pairs: The sentence pairs.
        rows: The rows.
        step_batches: How many batches of each a step takes, of all processes together.
        steps: How many steps are taken.
    """

    pairs: PairStream
    rows: BatchStream
    step_batches: int
    steps: int

    def batches(self, start: int) -> Iterator[Batch]:
        """The batches from number ``start``, an even one, on."""
        first = start // 2
        both = zip(self.pairs.batches(first), self.rows.batches(first), strict=True)
        for number, (pairs, rows) in enumerate(both, first):
            step = number // self.step_batches
            yield RealignmentBatch(pairs, 100 * step // self.steps)
            yield rows


class JointModel(nn.Module):
    """A task's model and the realignment of its encoder, called with batches of either.

    Args:
        task: Called with any batch but a `RealignmentBatch`.
        realignment: Of the same encoder.
        factors: What the gradient of the realignment is multiplied by.
    """

    def __init__(self, task: nn.Module, realignment: RealignmentModel, factors: Factors) -> None:
        super().__init__()
        self.task = task
        self.heads = realignment.heads
        # The encoder's parameters are the task's: named twice, they would be saved twice.
        self._realignment = (realignment,)
        self._factors = factors
        self._progress: int | None = None

    @contextmanager
    def scaled_gradients(self, encoder: "PreTrainedModel") -> Iterator[None]:
        """Multiply the encoder's gradients of the realignment, as long as the context lasts.

        Only then are the factors of any effect. What accumulates and averages gradients sees them
        multiplied.
        """
        parameters = dict(encoder.named_parameters())
        with ExitStack() as hooks:
            for name, factors in self._factors.items():
                if name in parameters and parameters[name].requires_grad:
                    scale = partial(self._scaled, tuple(factors))
                    hooks.callback(parameters[name].register_hook(scale).remove)
            yield

    def forward(self, batch: Batch) -> Tensor:
        """The loss summed over the terms of a batch, a scalar.

        The backward pass of a batch has to come before the next one's forward pass.
        """
        if isinstance(batch, RealignmentBatch):
            self._progress = batch.progress
            loss: Tensor = self._realignment[0](batch.pairs)
            return loss
        self._progress = None
        loss = self.task(batch)
        # Processes share the gradients of what the last batch of a step has run through.
        unused = [parameter.sum() for parameter in self.heads.parameters()]
        return loss + 0 * torch.stack(unused).sum() if unused else loss

    def _scaled(self, factors: Sequence[float], gradient: Tensor) -> Tensor:
        if self._progress is None:
            return gradient
        factor = factors[self._progress * len(factors) // 100]
        return gradient * factor if factor else torch.zeros_like(gradient)


@dataclass(frozen=True)
class DuringRealignment:
    """A realignment that a fine-tuning takes in: what its phase would be given.

    Attributes:
        tokenizer: The encoder's.
        corpora: Aligned sentence pairs, a corpus for each target language.
        freezing: What the strategy says of the encoder's parameters.
        remembered: Pairs that are tokenized already (see `PairStream`).
        on_loss: Called with each new record of the objective, without its weight.
        on_words: Called with how the words of each language are read, before the first step.
    """

    tokenizer: "PreTrainedTokenizerBase"
    corpora: Sequence[AlignedCorpus]
    freezing: FreezingSummary
    remembered: dict[tuple[int, int], EncodedPair]
    on_loss: Callable[[LossRecord], None]
    on_words: Callable[[Mapping[str, WordCounts]], None]

    def stream(self, config: RunConfig, steps: int, accelerator: "Accelerator") -> PairStream:
        """The sentence pairs of so many steps, whose words are told."""
        stream = pair_stream(self.corpora, self.tokenizer, config, self.remembered)
        stream.processes = accelerator
        self.on_words(stream.word_counts(batch_count(config, steps, accelerator)))
        return stream

    def model(
        self,
        task: nn.Module,
        encoder: "PreTrainedModel",
        packed: PackedLayers | None,
        config: RunConfig,
    ) -> JointModel:
        """The model of both, where the task's holds the encoder."""
        realignment = RealignmentModel(
            encoder,
            layers=config.layer,
            projection=config.projection,
            temperature=config.temperature,
            loss_block=config.loss_block,
            packed=packed,
        )
        return JointModel(task, realignment, factors_of(self.freezing))


def beside(config: RunConfig) -> Beside:
    """What a fine-tuning is told of the loss beside its own."""
    return Beside("realignment", "pairs", config.realign_weight)


def with_ids_of(
    pairs: PairStream, ids: NDArray[np.int64], n_batches: int
) -> NDArray[np.int64] | None:
    """Ids with those of the first batches of sentence pairs; ``None`` if these are too many."""
    found = pairs.vocabulary(n_batches)
    return None if found is None else np.union1d(ids, found)
