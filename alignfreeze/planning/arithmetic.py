"""What the published experiments cost by arithmetic: optimizer steps, subwords, FLOPs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy, ParameterSite
from alignfreeze.encoders.stated import realigned_layers
from alignfreeze.evaluation.tasks import create_tasks
from alignfreeze.planning.published import (
    ENCODERS,
    TRAINING_SETS,
    EncoderSize,
    least_steps,
    published_steps,
)
from alignfreeze.planning.speeds import Speeds

SIDE_SUBWORDS = 21
"""Subwords of one side of a sentence pair: the average of ``benchmarks/lengths.json``, of the
parallel text of ten languages. That of others is an assumption."""

GIVEN, RUNS, PUBLISHED, LEAST = (
    "as given",
    "as runs before took",
    "by the published sizes",
    "at least: a row an example",
)
"""Where a number of steps is known from."""


@dataclass(frozen=True)
class Steps:
    """Optimizer steps of fine-tuning, and where they are known from."""

    count: int
    source: str


@dataclass(frozen=True)
class Cost:
    """What some training comes to.

    Attributes:
        steps: Optimizer steps.
        subwords: Subwords that are read, without padding.
        flops: Floating-point operations, a multiplication and an addition being two.
    """

    steps: int = 0
    subwords: int = 0
    flops: int = 0

    @classmethod
    def total(cls, costs: Iterable["Cost"]) -> Self:
        """The sum of some."""
        found = list(costs)
        return cls(
            sum(cost.steps for cost in found),
            sum(cost.subwords for cost in found),
            sum(cost.flops for cost in found),
        )


def known_steps(config: RunConfig, speeds: Speeds) -> Steps | None:
    """Optimizer steps of fine-tuning on a configuration's one task; ``None`` if nothing tells."""
    (name,) = config.task
    if config.finetune_steps:
        return Steps(config.finetune_steps, GIVEN)
    if steps := speeds.finetune_steps(config, name):
        return Steps(steps, RUNS)
    task = create_tasks(config)[name]
    if steps := published_steps(config, name, task):
        return Steps(steps, PUBLISHED)
    if steps := least_steps(config, name, task):
        return Steps(steps, LEAST)
    return None


def finetuning_cost(config: RunConfig, steps: int) -> Cost | None:
    """The cost of fine-tuning all of an encoder on the published data of a task.

    6 FLOPs a subword and weight of the layers' matrices: 2 forward, 2 for the gradient of what
    the matrix reads, 2 for that of its weights (Kaplan et al. 2020, section 2.1). Left out:
    embeddings, which are looked up, heads, biases, norms, the optimizer, and attention's
    products of subwords with each other, about n / (6 · hidden) of it in rows of n subwords.

    Args:
        config: With one task.
        steps: Optimizer steps.

    Returns:
        ``None`` where the encoder or the data is not published.
    """
    (name,) = config.task
    size = ENCODERS.get(config.model)
    if size is None or name not in TRAINING_SETS or config.data != "hub":
        return None
    rows = steps * config.finetune_batch_size * config.accumulation
    subwords = rows * row_subwords(config, name)
    return Cost(steps, subwords, 6 * size.layers * size.layer_weights * subwords)


def row_subwords(config: RunConfig, name: str) -> int:
    """Subwords of a row on average, as assumed.

    Where rows may be longer than the published 96, an example that was several rows is taken to
    be one, as long as these together: at most ``max_length``, and too long by what windows share.
    """
    data = TRAINING_SETS[name]
    if config.max_length <= 96:
        return min(data.subwords, config.max_length)
    together = round(data.subwords * data.rows(config.model) / data.examples)
    return min(together, config.max_length)


def realignment_cost(config: RunConfig, strategy: FreezingStrategy, steps: int) -> Cost | None:
    """The cost of realigning; as `finetuning_cost`, with the FLOPs of `realignment_flops`.

    A pair has two sides of `SIDE_SUBWORDS`.
    """
    size = ENCODERS.get(config.model)
    if size is None or config.data != "hub":
        return None
    pairs = steps * config.realign_batch_size * config.accumulation
    subwords = pairs * 2 * min(SIDE_SUBWORDS, config.realign_max_length)
    top = max(realigned_layers(config, size.layers))
    return Cost(steps, subwords, subwords * realignment_flops(size, strategy, top))


def realignment_flops(size: EncoderSize, strategy: FreezingStrategy, top: int) -> int:
    """FLOPs of a subword in realignment, frozen layers being cheaper.

    A layer's matrices cost, a weight: 2 forward; 2 for the gradient of what the layer reads, up
    to the realigned layer, where something that is trained lies below it (the embeddings too); 2
    for that of its weights, up to the realigned layer, where it is not frozen. Layers
    above the realigned one run forward all the same.

    Args:
        size: Of the encoder.
        strategy: Which layers it freezes is asked of it for one parameter of each.
        top: The highest layer that is realigned, from 0.
    """

    def trained(layer: int | None) -> bool:
        return not strategy.freezes(ParameterSite("weight", layer), size.layers)

    below, factor = trained(None), 0
    for layer in range(size.layers):
        own = trained(layer)
        factor += 2 + (2 * below + 2 * own if layer <= top else 0)
        below = below or own
    return factor * size.layer_weights
