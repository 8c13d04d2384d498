"""The freezing strategies that a run uses, with everything about them that the encoder decides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from alignfreeze.config import RunConfig, checked
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.guarding import calling
from alignfreeze.contracts.registry import STRATEGY, create_plugin, fingerprint
from alignfreeze.encoders.families import layer_count, parameter_sites
from alignfreeze.encoders.freezing import FreezingSummary, check_strategy
from alignfreeze.encoders.loading import longest_input
from alignfreeze.encoders.stated import check_length, realigned_layers
from alignfreeze.encoders.times import check_during
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class StrategyChoice:
    """A freezing strategy that a run uses.

    Attributes:
        strategy: With its hyperparameters, those too that the encoder decides.
        digest: Of its code.
        main: Whether it is the run's own, not one to compare it with.
        args: Its hyperparameters, but for fields that are at their defaults: what is logged.
        usual: Whether it freezes as it does by default.
        freezing: What it does to the encoder; known once it is checked.
    """

    name: str
    strategy: FreezingStrategy
    digest: str
    main: bool
    args: Mapping[str, Any]
    usual: bool
    freezing: FreezingSummary | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What a result depends on."""
        return {"strategy": self.name, "args": self.said, "code": self.digest}

    @property
    def said(self) -> dict[str, Any]:
        """Every hyperparameter by its field, those too that are at their defaults."""
        return self.strategy.model_dump(mode="json")

    def checked(self, encoder: "PreTrainedModel", top_layer: int) -> "StrategyChoice":
        """With what it does to an encoder without a task head, whose weights are not looked at.

        Args:
            encoder: The encoder.
            top_layer: The highest layer whose output is realigned.

        Raises:
            ConfigError: If it does not fit, or leaves nothing to train at or below that layer.
        """
        freezing = check_strategy(encoder, self.strategy, name=self.name)
        reached = any(
            name not in freezing.untouched_names and (site.layer is None or site.layer <= top_layer)
            for name, site in parameter_sites(encoder).items()
        )
        if not reached:
            raise ConfigError(
                f"strategy {shown(self.name)} must leave something to train up to layer "
                f"{top_layer}, whose output is realigned, but freezes all of it"
            )
        return replace(self, freezing=freezing)

    def said_in(self, config: RunConfig) -> RunConfig:
        """A configuration that asks for this strategy, with its hyperparameters said."""
        return config.model_copy(update={"strategy": self.name, "strategy_args": dict(self.args)})

    def applied_to(self, config: RunConfig) -> RunConfig:
        """A configuration as it were if it asked for this strategy alone.

        When it realigns says nothing of one that does not, nor the weight of an objective that
        stands beside no task's loss: they are as by default.
        """
        of_no_matter = {
            "realign_when": not self.strategy.realigns,
            "realign_weight": not (self.strategy.realigns and config.realigns("during")),
        }
        usual = {n: RunConfig.model_fields[n].default for n, no in of_no_matter.items() if no}
        return self.said_in(config).model_copy(update={"compare": (), **usual})


def strategy_choices(config: RunConfig, n_layers: int) -> list[StrategyChoice]:
    """The strategies to compare with, then the run's own, with what so many layers decide of them.

    Raises:
        AlignFreezeError: If one is unknown, or a hyperparameter breaks its rule.
    """
    asked: dict[str, dict[str, Any]] = {n: {} for n in config.compare if n != config.strategy}
    asked[config.strategy] = config.strategy_args
    found = []
    for name, args in asked.items():
        strategy = create_plugin(STRATEGY, name, args).resolved(n_layers)
        choice = StrategyChoice(
            name,
            strategy,
            fingerprint(STRATEGY, name),
            main=name == config.strategy,
            args=strategy.model_dump(mode="json", exclude_defaults=True),
            usual=_is_usual(strategy, n_layers),
        )
        found.append(choice)
    return found


def fitting(
    choices: Sequence[StrategyChoice], config: RunConfig, encoder: "PreTrainedModel"
) -> list[StrategyChoice]:
    """Strategies checked against an encoder, and the layers that it is realigned at.

    Raises:
        ConfigError: If one does not fit, or cannot realign when it is asked to, or a layer is named
            twice.
        EncoderError: If there is no such layer.
    """
    n_layers = layer_count(encoder)
    layers = realigned_layers(config, n_layers)
    for choice in choices:
        if choice.strategy.realigns and config.realigns("during"):
            sites, who = parameter_sites(encoder).values(), f"strategy {choice.name!r}"
            check_during(choice.strategy, sites, n_layers, who, config.realign_when)
    return [choice.checked(encoder, max(layers)) for choice in choices]


def check_lengths(
    config: RunConfig,
    options: Iterable[str],
    encoder: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
) -> None:
    """Check that an encoder reads as many subwords as some options say.

    Raises:
        ConfigError: If it does not.
    """
    check_length(config, options, longest_input(encoder, tokenizer))


def _is_usual(strategy: FreezingStrategy, n_layers: int) -> bool:
    """Whether a resolved strategy is what its class is by default; never if that has no default."""
    try:
        with calling(strategy, "a rule of its fields"):
            usual = checked(type(strategy), {})
    except ConfigError:
        return False
    return usual.resolved(n_layers) == strategy
