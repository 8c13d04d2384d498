"""The realignment phase: pull translated words together, then throw the projection away."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alignfreeze.alignment.corpus import AlignedCorpus
from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.encoders.families import hidden_size, word_states
from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.sections import EncoderSection
from alignfreeze.encoders.tokenizers import longest_input
from alignfreeze.encoders.vocabulary import compact_vocabulary
from alignfreeze.realignment.contrastive import contrastive_alignment_loss
from alignfreeze.realignment.pairs import EncodedPair, PairBatch, PairStream
from alignfreeze.realignment.prefix import PrefixedStream, cut_prefix, prefix_length
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.text.words import WordCounts
from alignfreeze.training.acceleration import accelerated
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord
from alignfreeze.training.loop import TrainingPlan, TrainingResult, train

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


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
    """

    def __init__(
        self,
        encoder: "PreTrainedModel | EncoderSection",
        *,
        layers: tuple[int, ...],
        projection: int,
        temperature: float,
        loss_block: int = 0,
    ) -> None:
        super().__init__()
        self.section = encoder if isinstance(encoder, EncoderSection) else None
        self.encoder = encoder.encoder if isinstance(encoder, EncoderSection) else encoder
        self.layers = layers
        self.temperature = temperature
        self.loss_block = loss_block
        width = hidden_size(self.encoder)
        self.heads = nn.ModuleList(projection_head(width, projection) for _ in layers)

    def forward(self, batch: PairBatch) -> Tensor:
        """The loss summed over the aligned words, and averaged over the layers; a scalar."""
        if self.section is not None:
            self.section.feed(batch.states)
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


def realign(
    encoder: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    corpora: Sequence[AlignedCorpus],
    strategy: FreezingStrategy,
    config: RunConfig,
    *,
    steps: int,
    accelerator: "Accelerator",
    checkpoints: CheckpointFolder,
    on_loss: Callable[[LossRecord], None],
    on_words: Callable[[Mapping[str, WordCounts]], None] | None = None,
    remembered: dict[tuple[int, int], EncodedPair] | None = None,
    prefixes: PrefixCache | None = None,
) -> TrainingResult:
    """Realign an encoder in place.

    Args:
        encoder: Afterwards in evaluation mode, and as trainable as before.
        tokenizer: The encoder's.
        corpora: Aligned sentence pairs, a corpus for each target language.
        strategy: Says what stays as it is.
        config: Seed, layers, temperature, batch size, learning rate and the like.
        steps: Optimizer steps.
        accelerator: Where to train.
        checkpoints: Where the state is kept on the way.
        on_loss: Called with each new record of the loss.
        on_words: Called with how the words of each language are read, before the first step.
        remembered: Pairs that are tokenized already (see `PairStream`).
        prefixes: What frozen layers have made of sentences, if ``config.prefix`` is ``cached``.

    Raises:
        ConfigError: If the strategy does not fit the encoder.
        Interrupted: When a signal asked the process to end.
    """
    stream = _stream(corpora, tokenizer, config, remembered)
    n_batches = steps * config.accumulation * accelerator.num_processes
    if on_words is not None:
        on_words(stream.word_counts(n_batches))
    with frozen(encoder, strategy, name=config.strategy) as summary:
        logger.info("strategy %s: %s", config.strategy, summary)
        prefix = None
        if config.prefix == "cached" and prefixes is not None:
            boundary = prefix_length(encoder, summary, config.layer)
            longest = longest_input(encoder, tokenizer)
            if boundary:
                prefix = cut_prefix(encoder, boundary, prefixes, accelerator, longest=longest)
        model = RealignmentModel(
            encoder if prefix is None else prefix.upper,
            layers=config.layer,
            projection=config.projection,
            temperature=config.temperature,
            loss_block=config.loss_block,
        )
        with (
            compact_vocabulary(encoder, stream.vocabulary(n_batches)),
            accelerated(
                model.encoder,
                compiled=config.compile,
                activation_checkpointing=config.activation_checkpointing,
            ),
        ):
            result = train(
                model,
                stream if prefix is None else PrefixedStream(stream, prefix),
                _plan(config, steps),
                accelerator,
                checkpoints=checkpoints,
                resume=config.resume,
                on_loss=on_loss,
            )
    encoder.eval()
    if stream.empty_batches:
        logger.warning("%d batches held no aligned word", stream.empty_batches)
    if prefix is not None:
        logger.info("%s", prefix)
    return result


def _stream(
    corpora: Sequence[AlignedCorpus],
    tokenizer: "PreTrainedTokenizerBase",
    config: RunConfig,
    remembered: dict[tuple[int, int], EncodedPair] | None,
) -> PairStream:
    return PairStream(
        corpora,
        tokenizer,
        batch_size=config.realign_batch_size,
        max_length=config.realign_max_length,
        mix=config.language_mix,
        seed=config.seed,
        remembered=remembered,
    )


def _plan(config: RunConfig, steps: int) -> TrainingPlan:
    return TrainingPlan(
        phase="realignment",
        unit="pairs",
        steps=steps,
        learning_rate=config.realign_lr,
        warmup_steps=None,
        accumulation=config.accumulation,
        checkpoint_steps=config.checkpoint_steps,
    )
