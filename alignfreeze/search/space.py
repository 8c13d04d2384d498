"""The configurations that a search chooses among."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.registry import STRATEGY, create_plugin, load_plugin
from alignfreeze.encoders.freezing import counts_layers
from alignfreeze.errors import ConfigError
from alignfreeze.search.arguments import StrategyArguments, split
from alignfreeze.search.combinations import Combinations
from alignfreeze.search.parameters import Choice, FloatRange, Parameter, Scalar, Suggest
from alignfreeze.search.specs import read_space
from alignfreeze.search.targets import Models, find_target, targets
from alignfreeze.search.values import as_scalar, with_values

DEFAULT_FIELDS: Mapping[str, Parameter] = {"temperature": FloatRange(0.02, 1.0, log=True)}

CELLS_AT_MOST = 100_000


@dataclass(frozen=True)
class Space:
    """What a search varies, and what it holds.

    A parameter is named as the study shows it: ``temperature``, a field of `RunConfig`, or
    ``front.boundary``, a strategy's, or ``strategy``, where there are several.

    Attributes:
        strategies: Those to choose among.
        fields: What is searched of `RunConfig`, by field.
        arguments: What is searched of each strategy, by field, in the order of definition.
        pinned_fields: Values of `RunConfig` that every trial has.
        pinned_arguments: Values of each strategy that every trial with it has.
    """

    strategies: tuple[str, ...]
    fields: Mapping[str, Parameter]
    arguments: Mapping[str, Mapping[str, Parameter]]
    pinned_fields: Mapping[str, Scalar]
    pinned_arguments: Mapping[str, Mapping[str, Any]]

    @property
    def parameters(self) -> dict[str, Parameter]:
        """All that is searched, by name, in the order in which it is drawn."""
        choice = {"strategy": Choice(self.strategies)} if len(self.strategies) > 1 else {}
        arguments = {
            f"{strategy}.{field}": parameter
            for strategy, parameters in self.arguments.items()
            for field, parameter in parameters.items()
        }
        return {**choice, **arguments, **self.fields}

    def draw(self, trial: Suggest, config: RunConfig) -> RunConfig:
        """Draw the configuration of a trial.

        A strategy's fields are drawn in the order of their definition, each among the values
        that its validators allow beside those before and for which those after have some.

        Args:
            trial: Draws the parameters.
            config: Says what is neither searched nor pinned.

        Raises:
            ConfigError: If the values do not fit each other; names what they are.
        """
        strategy = self.strategies[0]
        if len(self.strategies) > 1:
            strategy = str(trial.suggest_categorical("strategy", self.strategies))
        args = self._draw_arguments(trial, strategy)
        create_plugin(STRATEGY, strategy, args)
        drawn = {name: parameter.draw(trial, name) for name, parameter in self.fields.items()}
        decided = {**self.pinned_fields, **drawn, "strategy": strategy, "strategy_args": args}
        return with_values(config, decided)

    def _draw_arguments(self, trial: Suggest, strategy: str) -> dict[str, Any]:
        args = dict(self.pinned_arguments[strategy])
        parameters = self.arguments[strategy]
        combinations = Combinations.of(load_plugin(STRATEGY, strategy), parameters)
        for field, parameter in parameters.items():
            name = f"{strategy}.{field}"
            allowed = combinations.fitting(field, args)
            if allowed is not None and not allowed:
                raise ConfigError(f"{name} must have a value that fits the others, got {args}")
            args[field] = parameter.draw(trial, name, allowed)
        return args

    def cells(self) -> list[dict[str, Scalar]]:
        """All points of a grid: values by parameter, a strategy's only where it is chosen.

        Raises:
            ConfigError: If a parameter has no step, or the points are too many.
        """
        for name, parameter in self.parameters.items():
            if parameter.count is None:
                raise ConfigError(
                    f"{name} must have a step, or be a list of values, to be searched as a grid"
                )
            if parameter.count > CELLS_AT_MOST:
                raise _too_many_cells(name)
        found = list(islice(self._cells(), CELLS_AT_MOST + 1))
        if len(found) > CELLS_AT_MOST:
            raise _too_many_cells("the space")
        return found

    def _cells(self) -> Iterator[dict[str, Scalar]]:
        values = [parameter.values or () for parameter in self.fields.values()]
        for strategy, parameters in self.arguments.items():
            chosen = {"strategy": strategy} if len(self.strategies) > 1 else {}
            plugin = load_plugin(STRATEGY, strategy)
            combinations = Combinations.of(plugin, parameters, CELLS_AT_MOST)
            for args in combinations.complete(self.pinned_arguments[strategy]):
                named = {f"{strategy}.{field}": args[field] for field in parameters}
                for combination in product(*values):
                    yield {**chosen, **named, **dict(zip(self.fields, combination, strict=True))}

    def point(self, config: RunConfig) -> dict[str, Scalar] | None:
        """The parameters by which `draw` gives a configuration, as far as the space has them.

        What is not known before a run (a boundary at half of the layers), and what lies outside
        of the space, is left out.

        Returns:
            Values by parameter; ``None`` if the configuration's strategy is not searched.
        """
        if config.strategy not in self.strategies:
            return None
        several = len(self.strategies) > 1
        found: dict[str, Scalar] = {"strategy": config.strategy} if several else {}
        fields = load_plugin(STRATEGY, config.strategy).model_fields
        for field, parameter in self.arguments[config.strategy].items():
            default = fields[field].get_default(call_default_factory=True, validated_data={})
            value = as_scalar(config.strategy_args.get(field, default))
            if parameter.contains(value):
                found[f"{config.strategy}.{field}"] = value
        for name, parameter in self.fields.items():
            value = as_scalar(getattr(config, name))
            if parameter.contains(value):
                found[name] = value
        return found

    def boundaries(self) -> tuple[str, ...]:
        """The parameters that count layers."""
        return tuple(
            f"{strategy}.{field}"
            for strategy, parameters in self.arguments.items()
            for field in parameters
            if counts_layers(load_plugin(STRATEGY, strategy).model_fields[field])
        )

    def logarithmic(self) -> tuple[str, ...]:
        """The parameters that are drawn on a logarithmic scale."""
        found = self.parameters.items()
        return tuple(name for name, p in found if not isinstance(p, Choice) and p.log)

    def __str__(self) -> str:
        """All parameters and what they may be, for a person."""
        pinned = [f"{name} = {value}" for name, value in self._pinned().items()]
        return "; ".join([*(f"{name} {p}" for name, p in self.parameters.items()), *pinned])

    def _pinned(self) -> dict[str, object]:
        arguments: dict[str, object] = {
            f"{strategy}.{field}": value
            for strategy, values in self.pinned_arguments.items()
            for field, value in values.items()
        }
        return arguments | dict(self.pinned_fields)

    def described(self) -> dict[str, object]:
        """The whole space, for JSON: equal for spaces that give the same configurations."""
        return {
            "strategies": list(self.strategies),
            "parameters": {name: p.described() for name, p in self.parameters.items()},
            "pinned": self._pinned(),
        }


def build_space(
    config: RunConfig, strategies: Sequence[str], n_layers: int, file: Path | None
) -> Space:
    """Build a space, and check that each value that it is given can be.

    Searched are the temperature and the fields of each strategy that have bounds, but for those
    that ``strategy_args`` gives. The file changes that and adds to it.

    Args:
        config: Of the runs; what is not searched stays as it says.
        strategies: To choose among; empty: the configuration's own.
        n_layers: Of the encoder.
        file: A YAML mapping of names to a range (``low``, ``high``, ``log``, ``step``), a list
            of choices, or a value to hold.

    Raises:
        ConfigError: If a name is unknown or cannot be searched, a value breaks its rule, or
            nothing is left to search; names the file or option, the rule and the value.
        PluginError: If a strategy cannot be loaded.
    """
    models = {name: _realigning(name) for name in strategies or (config.strategy,)}
    if config.strategy_args and config.strategy not in models:
        raise ConfigError(
            f"strategy_args must be empty where strategy {config.strategy!r} is not searched, "
            f"got {config.strategy_args}"
        )
    named = {} if file is None else _read_parameters(file, config, models, n_layers)
    run_fields = RunConfig.model_fields.keys()
    fields = {**DEFAULT_FIELDS, **{name: p for name, p in named.items() if name in run_fields}}
    searched, pinned = split(fields)
    arguments = {
        name: StrategyArguments(name, model, named, file, n_layers).resolved(
            config.strategy_args if name == config.strategy else {}
        )
        for name, model in models.items()
    }
    space = Space(
        strategies=tuple(models),
        fields=searched,
        arguments={name: parameters for name, (parameters, _) in arguments.items()},
        pinned_fields=pinned,
        pinned_arguments={name: values for name, (_, values) in arguments.items()},
    )
    if not space.parameters:
        raise ConfigError(
            f"{file or 'the space'}: must leave something to search, but everything is given"
        )
    return space


def _realigning(name: str) -> type[FreezingStrategy]:
    model = load_plugin(STRATEGY, name)
    if not model.realigns:
        raise ConfigError(f"strategy {name!r} must realign to be searched, but does not")
    return model


def _read_parameters(
    file: Path, config: RunConfig, models: Models, n_layers: int
) -> dict[str, Parameter]:
    """What a space file says, by the parameter's name."""
    known = targets(config, models, n_layers)
    found: dict[str, Parameter] = {}
    for name, spec in read_space(file).items():
        try:
            target = find_target(name, known, models)
            if target.label in found:
                raise ConfigError(f"{target.label} must not be named twice, got {name} too")
            found[target.label] = target.parameter(spec)
        except ConfigError as error:
            raise ConfigError(f"{file}: {error}") from None
    return found


def _too_many_cells(name: str) -> ConfigError:
    return ConfigError(f"{name} must have at most {CELLS_AT_MOST} values to be searched as a grid")
