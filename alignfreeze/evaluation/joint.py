"""Realigning while fine-tuning: every step takes a batch of sentence pairs, too.

A step minimises ``task + weight * objective``. The task trains all parameters; of the gradient of
the objective, each parameter of the encoder gets the part that the freezing strategy lets through,
none where it is frozen. That is what the reference calls ``during``, and with a strategy
``during_partial_freeze_front`` or ``during_partial_freeze_back``.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alignfreeze.alignment.corpus import AlignedCorpus
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Objective
from alignfreeze.encoders.freezing import FreezingSummary
from alignfreeze.encoders.rates import Rates, factor_at
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import EncodedPair, PairBatch, PairStream
from alignfreeze.realignment.phase import batch_count, pair_stream
from alignfreeze.realignment.pretrained import Pretrained
from alignfreeze.text.words import WordCounts
from alignfreeze.training.batches import Batch, BatchStream
from alignfreeze.training.checkpoints import LossRecord
from alignfreeze.training.packed_layers import PackedLayers
from alignfreeze.training.plan import Beside

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RealignmentBatch:
    """Sentence pairs for a `JointModel`.

    Attributes:
        pairs: They.
        step: The step that they are of, from 0.
        steps: How many there are.
    """

    pairs: PairBatch
    step: int
    steps: int

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
        return replace(self, pairs=self.pairs.to(device))


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
            yield RealignmentBatch(pairs, number // self.step_batches, self.steps)
            yield rows


class JointModel(nn.Module):
    """A task's model and the realignment of its encoder, called with batches of either.

    Args:
        task: Called with any batch but a `RealignmentBatch`.
        realignment: Of the same encoder.
        factors: What the gradient of the realignment is multiplied by, by a parameter's name
            relative to the encoder; of those not named by nothing.
    """

    def __init__(
        self, task: nn.Module, realignment: RealignmentModel, factors: Mapping[str, Rates]
    ) -> None:
        super().__init__()
        self.task = task
        self.heads = realignment.heads
        # The encoder's parameters are the task's: named twice, they would be saved twice.
        self._realignment = (realignment,)
        self._factors = factors
        self._step: tuple[int, int] | None = None  # of the realignment that is run backward

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
                    scale = partial(self._scaled, factors)
                    hooks.callback(parameters[name].register_hook(scale).remove)
            yield

    def forward(self, batch: Batch) -> Tensor:
        """The loss summed over the terms of a batch, a scalar.

        The backward pass of a batch has to come before the next one's forward pass.
        """
        if isinstance(batch, RealignmentBatch):
            self._step = batch.step, batch.steps
            loss: Tensor = self._realignment[0](batch.pairs)
            return loss
        self._step = None
        loss = self.task(batch)
        # Processes share the gradients of what the last batch of a step has run through.
        unused = [parameter.sum() for parameter in self.heads.parameters()]
        return loss + 0 * torch.stack(unused).sum() if unused else loss

    def _scaled(self, factors: Rates, gradient: Tensor) -> Tensor:
        if self._step is None:
            return gradient
        factor = factor_at(factors, *self._step)
        return gradient * factor if factor else torch.zeros_like(gradient)


@dataclass(frozen=True)
class DuringRealignment:
    """A realignment that a fine-tuning takes in: what its phase would be given.

    Attributes:
        tokenizer: The encoder's.
        corpora: Aligned sentence pairs, a corpus for each target language.
        freezing: What the strategy says of the encoder's parameters.
        objective: What is minimised; it may compare with what the encoder is at the beginning.
        remembered: Pairs that are tokenized already (see `PairStream`).
        on_loss: Called with each new record of the objective, without its weight.
        on_words: Called with how the words of each language are read, before the first step.
    """

    tokenizer: "PreTrainedTokenizerBase"
    corpora: Sequence[AlignedCorpus]
    freezing: FreezingSummary
    objective: Objective
    remembered: dict[tuple[int, int], EncodedPair]
    on_loss: Callable[[LossRecord], None]
    on_words: Callable[[Mapping[str, WordCounts]], None]


class JointTraining:
    """A task and a realignment, to be trained as one.

    Args:
        during: The realignment.
        encoder: The task's, as it is at the beginning.
        config: How it is realigned.
        steps: How many steps both take.
        accelerator: Where.
    """

    def __init__(
        self,
        during: DuringRealignment,
        encoder: "PreTrainedModel",
        config: RunConfig,
        *,
        steps: int,
        accelerator: "Accelerator",
    ) -> None:
        self._during = during
        self._encoder = encoder
        self._config = config
        self._steps = steps
        self._accelerator = accelerator
        self._n_batches = batch_count(config, steps, accelerator)
        self._pairs = pair_stream(during.corpora, during.tokenizer, config, during.remembered)
        self._pairs.processes, self._pairs.objective = accelerator, during.objective
        compares = during.objective.needs_pretrained
        self._before = Pretrained(encoder, accelerator.device) if compares else None
        during.on_words(self._pairs.word_counts(self._n_batches))

    @property
    def beside(self) -> Beside:
        """The realignment's loss, beside the task's."""
        return Beside("realignment", "pairs", self._config.realign_weight)

    def with_ids(self, ids: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Ids with those of the sentence pairs; ``None`` if these are too many to look up."""
        found = self._pairs.vocabulary(self._n_batches)
        return None if found is None else np.union1d(ids, found)

    @contextmanager
    def joined(
        self, task: nn.Module, rows: BatchStream, layers: PackedLayers | None
    ) -> Iterator[tuple[nn.Module, BatchStream]]:
        """A model of both and batches of both, for as long as the context lasts.

        Args:
            task: The model of the task, which holds the encoder.
            rows: Its batches.
            layers: The encoder's, if they run batches packed.
        """
        config, accelerator = self._config, self._accelerator
        self._pairs.packer = None if layers is None else layers.packer
        realignment = RealignmentModel(
            self._encoder,
            self._during.objective,
            layers=config.layer,
            projection=config.projection,
            temperature=config.temperature,
            loss_block=config.loss_block,
            packed=layers,
            pretrained=self._before,
            gather=config.gather and accelerator.num_processes > 1,
        )
        model = JointModel(task, realignment, self._during.freezing.rates)
        in_a_step = batch_count(config, 1, accelerator)
        with model.scaled_gradients(self._encoder):
            yield model, JointStream(self._pairs, rows, in_a_step, self._steps)
        if empty := self._pairs.empty_batches:
            logger.warning("%d batches of sentence pairs held nothing to realign", empty)
