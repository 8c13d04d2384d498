"""The realignment phase: pull translated words together, then throw the projection away."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from torch import nn

from alignfreeze.alignment.corpus import AlignedCorpus
from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy, Objective
from alignfreeze.encoders.families import layer_count
from alignfreeze.encoders.freezing import FreezingSummary, frozen
from alignfreeze.encoders.loading import longest_input
from alignfreeze.encoders.low_rank import low_rank_updates, parameters_by_name
from alignfreeze.encoders.putting_back import put_back
from alignfreeze.encoders.rates import FROZEN, Rates
from alignfreeze.encoders.stated import resolve_layers
from alignfreeze.encoders.top_layer import up_to
from alignfreeze.encoders.vocabulary import compact_vocabulary
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import EncodedPair, PairStream
from alignfreeze.realignment.prefix import cut_prefix, prefix_length
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.realignment.pretrained import Pretrained
from alignfreeze.text.words import WordCounts
from alignfreeze.training.acceleration import accelerated
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord
from alignfreeze.training.loop import train
from alignfreeze.training.memory import REALIGNMENT, memory_for
from alignfreeze.training.milestones import NO_MILESTONES, Milestones, TrainingResult
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze.training.plan import TrainingPlan

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


def realign(
    encoder: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    corpora: Sequence[AlignedCorpus],
    strategy: FreezingStrategy | FreezingSummary,
    objective: Objective,
    config: RunConfig,
    *,
    steps: int,
    accelerator: "Accelerator",
    checkpoints: CheckpointFolder,
    on_loss: Callable[[LossRecord], None],
    on_words: Callable[[Mapping[str, WordCounts]], None] | None = None,
    remembered: dict[tuple[int, int], EncodedPair] | None = None,
    prefixes: PrefixCache | None = None,
    milestones: Milestones = NO_MILESTONES,
) -> TrainingResult:
    """Realign an encoder in place.

    At a milestone it is, to the bit, what a realignment of that many steps makes of it: the rate is
    constant, and the batches, their order and what is drawn do not depend on how many there are.
    (With a strategy whose rates depend on how many steps are done, it is not.)

    Args:
        encoder: Afterwards in evaluation mode, and as trainable as before.
        tokenizer: The encoder's.
        corpora: Aligned sentence pairs, a corpus for each target language.
        strategy: Says what stays as it is; checked before or not (see `frozen`).
        objective: What is minimised.
        config: Seed, layers, temperature, batch size, learning rate and the like.
        steps: Optimizer steps.
        accelerator: Where to train.
        checkpoints: Where the state is kept on the way.
        on_loss: Called with each new record of the loss.
        on_words: Called with how the words of each language are read, before the first step.
        remembered: Pairs that are tokenized already (see `PairStream`).
        prefixes: What frozen layers have made of sentences, if ``config.prefix`` is ``cached``.
        milestones: What to do on the way; the encoder is whole then.

    Raises:
        ConfigError: If the strategy does not fit the encoder.
        ResourceError: If memory is short, or the disk will not hold a checkpoint.
        Interrupted: When a signal asked the process to end.
    """
    stream = pair_stream(corpora, tokenizer, config, {} if remembered is None else remembered)
    stream.processes, stream.objective = accelerator, objective
    n_batches = batch_count(config, steps, accelerator)
    if on_words is not None:
        on_words(stream.word_counts(n_batches))
    with (
        memory_for("realignment", config, REALIGNMENT),
        frozen(encoder, strategy, name=config.strategy) as summary,
        put_back(encoder, summary.restored_names) as restored,
        low_rank_updates(encoder, summary.low_rank) as updated,
    ):
        logger.info("strategy %s: %s", config.strategy, summary)
        prefix = None
        if config.prefix == "cached" and prefixes is not None:
            longest = longest_input(encoder, tokenizer)
            boundary = prefix_length(encoder, summary, config.layer)
            prefix = cut_prefix(encoder, boundary, prefixes, accelerator, longest=longest)
        before = Pretrained(encoder, accelerator.device) if objective.needs_pretrained else None
        stream.find_states = None if prefix is None else prefix.states
        run = encoder if prefix is None else prefix.upper.encoder
        top = max(resolve_layers(config.layer, layer_count(encoder)))
        compiled, checkpointing = config.compile, config.activation_checkpointing
        ids = stream.vocabulary(n_batches)
        with (
            compact_vocabulary(encoder, ids) as whole_vocabulary,
            packed_layers(run, accelerator, compiled=compiled) as packed,
            up_to(run, top) as top_layer,
            accelerated(run, compiled=compiled, activation_checkpointing=checkpointing),
        ):
            checkpoints.vocabulary = None if whole_vocabulary is nullcontext else ids
            stream.packer = None if packed is None else packed.packer
            model = RealignmentModel(
                encoder if prefix is None else prefix.upper,
                objective,
                layers=config.layer,
                projection=config.projection,
                temperature=config.temperature,
                loss_block=config.loss_block,
                packed=packed,
                top=None if compiled else top_layer,  # a compiled layer is one piece
                pretrained=before,
                gather=config.gather and accelerator.num_processes > 1,
            )
            every_layer = nullcontext if top_layer is None else top_layer.whole
            result = train(
                model,
                stream,
                _plan(config, steps),
                accelerator,
                checkpoints=checkpoints,
                resume=config.resume,
                on_loss=on_loss,
                milestones=milestones.within(whole_vocabulary, every_layer, updated, restored),
                rates=_rates_of(encoder, summary),
            )
    encoder.eval()
    if stream.empty_batches:
        what = "no aligned word" if objective.needs_links else "nothing to realign"
        logger.warning("%d batches held %s", stream.empty_batches, what)
    if prefix is not None:
        logger.info("%s", prefix)
    return result


def _rates_of(encoder: "PreTrainedModel", summary: FreezingSummary) -> dict[nn.Parameter, Rates]:
    """How the learning rates of an encoder's parameters are changed, of those that are trained."""
    named = parameters_by_name(encoder)  # of an embedding table the rows that are there now
    return {named[name]: own for name, own in summary.rates.items() if own != FROZEN}


def pair_stream(
    corpora: Sequence[AlignedCorpus],
    tokenizer: "PreTrainedTokenizerBase",
    config: RunConfig,
    remembered: dict[tuple[int, int], EncodedPair],
) -> PairStream:
    """The batches of a realignment, with the pairs that are tokenized already; it adds to them."""
    return PairStream(
        corpora,
        tokenizer,
        batch_size=config.realign_batch_size,
        max_length=config.realign_max_length,
        mix=config.language_mix,
        seed=config.seed,
        remembered=remembered,
    )


def batch_count(config: RunConfig, steps: int, accelerator: "Accelerator") -> int:
    """How many batches so many optimizer steps take, of all processes together."""
    n_processes: int = accelerator.num_processes
    return steps * config.accumulation * n_processes


def _plan(config: RunConfig, steps: int) -> TrainingPlan:
    return TrainingPlan(
        phase="realignment",
        unit="pairs",
        steps=steps,
        learning_rate=config.realign_lr,
        warmup_steps=None,
        accumulation=config.accumulation,
        checkpoint_steps=config.checkpoint_steps,
        keep_state=config.keep_optimizer,
    )
