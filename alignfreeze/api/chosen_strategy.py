"""Freezing strategies by name or as objects, and what they freeze of an encoder in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from alignfreeze.api.encoders import encoder_in
from alignfreeze.config import RunConfig, validated
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.encoders import freezing
from alignfreeze.encoders.families import layer_count
from alignfreeze.encoders.freezing import FreezingSummary
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown
from alignfreeze.runs.strategies import StrategyChoice, strategy_choices

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def chosen_strategy(strategy: object, config: RunConfig, n_layers: int) -> StrategyChoice:
    """A strategy with everything that so many layers decide of it.

    Args:
        strategy: A name, to which ``config.strategy_args`` belong, or a strategy.
        config: The options beside it.
        n_layers: Layers of the encoder.

    Raises:
        AlignFreezeError: If it is unknown, or a hyperparameter breaks its rule.
    """
    if isinstance(strategy, FreezingStrategy):
        if config.strategy_args:
            raise ConfigError("strategy_args must be left out with a strategy that is made")
        own = strategy.resolved(n_layers)
        args = own.model_dump(mode="json", exclude_defaults=True)
        return StrategyChoice(type(own).__name__, own, "", main=True, args=args, usual=False)
    if not isinstance(strategy, str):
        kind = "a name or an instance of a strategy"
        raise ConfigError(f"strategy must be {kind}, got {shown(strategy)}")
    named = validated({"strategy": strategy, "strategy_args": config.strategy_args})
    return strategy_choices(named, n_layers)[-1]


@contextmanager
def frozen(
    encoder: "PreTrainedModel",
    strategy: str | FreezingStrategy = "front",
    *,
    strategy_args: Mapping[str, Any] | str = "",
) -> Iterator[FreezingSummary]:
    """Freeze what a strategy freezes, for as long as the context lasts.

    Inside, those parameters have ``requires_grad=False``; afterwards, an exception included, every
    flag is what it was. Of a model with a head, the head is as trainable as before. What a strategy
    does besides (rates, updates of low rank, what is put back) `realign` alone does.

    Args:
        encoder: A transformers model, with a head or without.
        strategy: The name of a plugin, or a strategy.
        strategy_args: Hyperparameters of one that is named: ``{"boundary": 2}``, or text.

    Yields:
        What is frozen: weights, whole layers, names of parameters.

    Raises:
        AlignFreezeError: If the strategy is unknown, a hyperparameter breaks its rule, the layers
            cannot be found, or nothing would be left to train.

    Example:
        >>> from transformers import BertConfig, BertModel
        >>> encoder = BertModel(BertConfig(num_hidden_layers=4, hidden_size=12, vocab_size=9))
        >>> with frozen(encoder, "front", strategy_args={"boundary": 3}) as summary:
        ...     print(summary.frozen_layers)
        ...     print(encoder.encoder.layer[0].output.dense.weight.requires_grad)
        (0, 1, 2)
        False
        >>> encoder.encoder.layer[0].output.dense.weight.requires_grad
        True
    """
    inner = encoder_in(encoder)
    config = validated({"strategy_args": strategy_args})
    choice = chosen_strategy(strategy, config, layer_count(inner))
    with freezing.frozen(inner, choice.strategy, name=choice.name) as summary:
        yield summary
