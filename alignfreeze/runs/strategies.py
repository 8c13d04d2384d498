"""The freezing strategies that a run uses, with everything about them that the encoder decides."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.registry import STRATEGY, create_plugin, fingerprint
from alignfreeze.data.finding import find_model
from alignfreeze.encoders.families import parameter_sites, read_layer_count
from alignfreeze.encoders.freezing import FreezingSummary, check_strategy
from alignfreeze.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class StrategyChoice:
    """A freezing strategy that a run uses.

    Attributes:
        name: The name that it is registered under.
        strategy: With its hyperparameters.
        digest: Of its code.
        main: Whether it is the run's own, not one to compare it with.
        args: Its hyperparameters, but for fields that are at their defaults: what is logged.
        usual: Whether it freezes as it does by default; known once it is resolved.
        freezing: What it does to the encoder; known once it is checked.
    """

    name: str
    strategy: FreezingStrategy
    digest: str
    main: bool
    args: Mapping[str, Any]
    usual: bool = False
    freezing: FreezingSummary | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What a result depends on."""
        return {"strategy": self.name, "args": self.said, "code": self.digest}

    @property
    def said(self) -> dict[str, Any]:
        """Every hyperparameter by its field, those too that are at their defaults."""
        return self.strategy.model_dump(mode="json")

    def resolved(self, n_layers: int) -> "StrategyChoice":
        """With the hyperparameters said that the number of layers decides."""
        said = self.strategy.resolved(n_layers)
        return replace(self, strategy=said, args=_args(said), usual=_is_usual(said, n_layers))

    def checked(self, encoder: "PreTrainedModel", top_layer: int) -> "StrategyChoice":
        """With what it does to an encoder, so that nothing later need look at the strategy again.

        Args:
            encoder: The encoder, without a task head; weights are not looked at.
            top_layer: The highest layer whose output is realigned.

        Raises:
            ConfigError: If it does not fit, or leaves nothing to train at or below that layer.
        """
        freezing = check_strategy(encoder, self.strategy, name=self.name)
        reached = any(
            name not in freezing.frozen_names and (site.layer is None or site.layer <= top_layer)
            for name, site in parameter_sites(encoder).items()
        )
        if not reached:
            raise ConfigError(
                f"strategy {self.name!r} must leave something to train up to layer {top_layer}, "
                "whose output is realigned, but freezes all of it"
            )
        return replace(self, freezing=freezing)

    def applied_to(self, config: RunConfig) -> RunConfig:
        """A configuration as it were if it asked for this strategy alone."""
        update = {"strategy": self.name, "strategy_args": dict(self.args), "compare": ()}
        return config.model_copy(update=update)


def _args(strategy: FreezingStrategy) -> dict[str, Any]:
    return strategy.model_dump(mode="json", exclude_defaults=True)


def _is_usual(strategy: FreezingStrategy, n_layers: int) -> bool:
    """Whether a resolved strategy is what its class is by default; never if that has no default."""
    try:
        return type(strategy)().resolved(n_layers) == strategy
    except ValidationError:
        return False


def strategy_choices(config: RunConfig) -> list[StrategyChoice]:
    """The strategies to compare with, then the run's own, which need not be compared to itself.

    What the encoder decides of them is not said yet.

    Raises:
        AlignFreezeError: If one is unknown, or a hyperparameter breaks its rule.
    """
    others = [name for name in config.compare if name != config.strategy]
    asked: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in others]
    found = []
    for name, args in [*asked, (config.strategy, config.strategy_args)]:
        strategy = create_plugin(STRATEGY, name, args)
        digest = fingerprint(STRATEGY, name)
        main = name == config.strategy
        found.append(StrategyChoice(name, strategy, digest, main, _args(strategy)))
    return found


def resolved_config(config: RunConfig, model: str | None = None) -> RunConfig:
    """A configuration with the hyperparameters of its strategy said that the encoder decides.

    Args:
        config: The configuration.
        model: Where the encoder is, if not where the configuration says.

    Raises:
        AlignFreezeError: If the strategy is unknown, a hyperparameter breaks its rule, or the
            model cannot be read.
    """
    n_layers = read_layer_count(model or find_model(config.model))
    choice = strategy_choices(config)[-1].resolved(n_layers)
    return config.model_copy(update={"strategy_args": dict(choice.args)})
