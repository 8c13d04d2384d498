"""Realignment of an encoder in memory: the same phase as a run's, without a run."""

import math
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

from alignfreeze.alignment.corpus import AlignedCorpus
from alignfreeze.api.chosen_objective import chosen_objective
from alignfreeze.api.chosen_strategy import chosen_strategy
from alignfreeze.api.encoders import UserEncoder, drawing
from alignfreeze.api.options import RealignmentOptions, configuration
from alignfreeze.api.sentences import Dictionaries, Pairs
from alignfreeze.api.word_links import AUTO, Linking
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Aligner, FreezingStrategy, Objective
from alignfreeze.encoders.families import layer_count
from alignfreeze.encoders.freezing import FreezingSummary
from alignfreeze.errors import ConfigError, Interrupted
from alignfreeze.messages import shown
from alignfreeze.realignment import phase
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.runs.objectives import ObjectiveChoice, tell_idle
from alignfreeze.runs.strategies import StrategyChoice, check_lengths, fitting
from alignfreeze.text.words import WordCounts
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord, Progress
from alignfreeze.training.devices import lent_accelerator, resolve_precision

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, eq=False, repr=False)
class RealignmentResult:
    """What realignment has done to an encoder.

    Attributes:
        strategy: The strategy's name.
        strategy_args: Its hyperparameters, those too that the encoder decides.
        objective: The objective's name.
        objective_args: Its hyperparameters.
        frozen: What stayed as it was: weights, whole layers, names of parameters.
        losses: Columns ``step`` and ``loss``: the mean of the (ten) steps since the row before.
        pairs: A row a language: how many sentence pairs were ``read``, ``kept``, or dropped, by
            the reason; the word ``links`` of those kept; and the ``aligner``.
        words: A row a language: how many words were read, and how many of them badly (unknown to
            the tokenizer, beyond the greatest length, …), as `WordCounts` says.
        steps: Optimizer steps.
        empty_steps: Those without a term, such as an aligned word, in which nothing was learnt.
        seconds: How long training took.
        pairs_per_second: Sentence pairs that it took a second.
    """

    strategy: str
    strategy_args: Mapping[str, Any]
    objective: str
    objective_args: Mapping[str, Any]
    frozen: FreezingSummary
    losses: pd.DataFrame
    pairs: pd.DataFrame
    words: pd.DataFrame
    steps: int
    empty_steps: int
    seconds: float
    pairs_per_second: float

    def __repr__(self) -> str:
        """One line: the strategy, what it froze, steps, losses, sentence pairs."""
        first, last = self.losses["loss"].iloc[[0, -1]]
        kept, read = self.pairs["kept"].sum(), self.pairs["read"].sum()
        return (
            f"<{type(self).__name__}: strategy {self.strategy}, {self.frozen}; {self.steps} steps "
            f"in {self.seconds:.1f} s, loss {first:.3f} to {last:.3f}; {kept:,} of {read:,} "
            "sentence pairs kept>"
        )


def realign(
    encoder: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    pairs: Pairs,
    strategy: str | FreezingStrategy = "front",
    *,
    objective: str | Objective = "contrastive",
    aligner: str | Aligner = AUTO,
    dictionaries: Dictionaries | None = None,
    **options: Unpack[RealignmentOptions],
) -> RealignmentResult:
    """Realign an encoder in place: pull words towards their translations, freezing a part of it.

    It is the phase of ``alignfreeze realign``: equal text, options and weights give equal weights,
    to the last bit. Nothing is tracked, and nothing kept on disk. What the encoder was besides, it
    is afterwards, an exception included: which parameters require gradients, modes, device; and
    so are the generators of random numbers. Ctrl-C leaves it with the steps taken so far.

    Args:
        encoder: A transformers model, with a head or without, in float32; only what is below the
            head is trained.
        tokenizer: Its (fast) tokenizer.
        pairs: (source, target) each, as texts or as lists of words, or (source, target, links) in
            words, with links as pairs (source word, target word) counted from 0. Or a dict of such
            lists by the code of the target language, which helps to split texts into words.
        strategy: What stays as it is: the name of a plugin (``alignfreeze plugins`` lists them),
            or a strategy.
        objective: What is minimised: the name of a plugin, or an objective. One that takes whole
            sentences needs no links, so that neither aligner nor dictionaries are used.
        aligner: What links words: the name of a plugin, or an aligner. ``auto``: the links that
            pairs have, or ``dictionary`` for a language with one, else ``mutual`` by the encoder.
        dictionaries: A folder of MUSE dictionaries named like ``en-de.txt``; or by target language
            a file, or word pairs, source word first.
        **options: Those of a run, by name and with its defaults (`RunConfig`): ``strategy_args``,
            ``objective_args``, ``temperature``, ``layer``, ``projection``, ``realign_steps``,
            ``realign_lr``, ``realign_batch_size``, ``realign_max_length``, ``accumulation``,
            ``seed``, ``precision``, ``source_language``, ``language_mix``, ``aligner_args``,
            ``pair_limit``, ``pair_max_words``, ``pair_max_ratio``, ``pair_duplicates``,
            ``word_marks``, ``gather``, ``prefix``, ``prefix_memory``, ``loss_block``, ``compile``,
            ``activation_checkpointing``. Without ``realign_steps`` it is one pass over the pairs.

    Raises:
        ConfigError: If an option breaks its rule or does not fit the encoder; one line.
        DataError: If sentence pairs are not what they must be, or no words are linked.
        EncoderError: If the encoder does not work, or not with the tokenizer.
        PluginError: If strategy or aligner is unknown or broken.
        ResourceError: If memory is short.
        TrainingError: If the loss is not a number.

    Example:
        >>> import alignfreeze
        >>> demo = alignfreeze.load_demo(["de"], pairs=64)
        >>> result = realign(
        ...     demo.encoder, demo.tokenizer, demo.pairs, "front", dictionaries=demo.dictionaries,
        ...     realign_max_length=64, realign_lr=3e-3,
        ... )
        >>> result.steps, result.frozen.frozen_layers
        (4, (0, 1))
    """
    config = configuration("realign", RealignmentOptions, options)
    user = UserEncoder.of(encoder, tokenizer, remove_marks=config.word_marks == "removed")
    choice = chosen_strategy(strategy, config, layer_count(user.encoder))
    if not choice.strategy.realigns:
        raise ConfigError(f"strategy must be one that realigns, got {shown(choice.name)}")
    (choice,) = fitting([choice], config, user.encoder)
    check_lengths(config, ["realign_max_length"], user.encoder, user.tokenizer)
    minimised = chosen_objective(objective, config)
    tell_idle(config, minimised)
    whole = not minimised.objective.needs_links
    linking = Linking(aligner, dictionaries, config, user, whole_sentences=whole)
    with _interruptible(), user.in_evaluation():
        user.check(config, config.layer)
        corpora, aligners = linking.corpora(pairs)
        return _trained(user, corpora, aligners, choice, minimised, config)


def _trained(
    user: UserEncoder,
    corpora: list[AlignedCorpus],
    aligners: Mapping[str, str],
    choice: StrategyChoice,
    minimised: ObjectiveChoice,
    config: RunConfig,
) -> RealignmentResult:
    assert choice.freezing is not None, "it is checked"
    words: dict[str, WordCounts] = {}
    with (
        TemporaryDirectory(prefix="alignfreeze-") as folder,
        lent_accelerator(resolve_precision(config.precision)) as accelerator,
        drawing(config.seed),
    ):
        batch = config.realign_batch_size * config.accumulation * accelerator.num_processes
        steps = config.realign_steps or math.ceil(sum(map(len, corpora)) / batch)
        config = choice.said_in(config).model_copy(update={"checkpoint_steps": steps})
        began = time.perf_counter()
        result = phase.realign(
            user.encoder,
            user.tokenizer,
            corpora,
            choice.freezing,
            minimised.objective,
            config,
            steps=steps,
            accelerator=accelerator,
            checkpoints=_NoCheckpoints(Path(folder), "none"),
            on_loss=lambda record: None,
            on_words=words.update,
            prefixes=PrefixCache(config.prefix_memory, Path(folder)),
        )
        seconds = time.perf_counter() - began
    counts = [c.stats.counts | {"aligner": aligners[c.target]} for c in corpora]
    return RealignmentResult(
        strategy=choice.name,
        strategy_args=choice.said,
        objective=minimised.name,
        objective_args=minimised.said,
        frozen=choice.freezing,
        losses=pd.DataFrame(result.losses, columns=LossRecord._fields),
        pairs=pd.DataFrame(counts, index=_index(aligners)),
        words=pd.DataFrame(words.values(), columns=WordCounts._fields, index=_index(words)),
        steps=steps,
        empty_steps=result.empty_steps,
        seconds=seconds,
        pairs_per_second=result.per_second,
    )


def _index(languages: Mapping[str, object]) -> "pd.Index[str]":
    return pd.Index(list(languages), name="language")


class _NoCheckpoints(CheckpointFolder):
    """Keeps nothing: what is interrupted is not gone on with."""

    def save(self, accelerator: "Accelerator", progress: Progress) -> None:
        """Does nothing."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Signals that training has waited with do in the end what they do without it."""
    try:
        yield
    except Interrupted as interrupted:
        signal.raise_signal(interrupted.number)
        raise
