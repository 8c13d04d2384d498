"""The options of what works in memory: those of a run, by the same names and the same rules."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from alignfreeze.config import RunConfig, unknown, validated
from alignfreeze.errors import ConfigError


class LinkOptions(TypedDict, total=False):
    """How words are linked."""

    source_language: str
    aligner_args: Mapping[str, Any] | str


class TextOptions(LinkOptions, total=False):
    """Which sentence pairs are used, and how an encoder reads them."""

    pair_limit: int | None
    pair_max_words: int
    pair_max_ratio: float
    pair_duplicates: Literal["drop", "keep"]
    realign_max_length: int
    word_marks: Literal["kept", "removed"]
    precision: Literal["auto", "bf16", "fp32"]


class ProbeOptions(TextOptions, total=False):
    """How encoders are measured."""

    eval_batch_size: int


class RealignmentOptions(TextOptions, total=False):
    """How an encoder is realigned."""

    strategy_args: Mapping[str, Any] | str
    language_mix: Literal["proportional", "uniform"]
    objective_args: Mapping[str, Any] | str
    temperature: float
    layer: int | Sequence[int] | str
    projection: int
    realign_steps: int | None
    realign_batch_size: int
    realign_lr: float
    accumulation: int
    seed: int
    gather: bool
    prefix: Literal["cached", "exact"]
    prefix_memory: int
    loss_block: int
    compile: bool
    activation_checkpointing: bool


def configuration(function: str, taken: type, options: Mapping[str, Any]) -> RunConfig:
    """The configuration that a function's keyword options make, over the defaults of a run.

    Args:
        function: Its name, for messages.
        taken: The typed dict of its options.
        options: What is given.

    Raises:
        ConfigError: If one is not among them, or a value breaks its rule; one line.
    """
    known = taken.__annotations__
    for name in options:
        if name not in known:
            raise ConfigError(unknown(name, f"an option of {function}", known))
    return validated(options)
