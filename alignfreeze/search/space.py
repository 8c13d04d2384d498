"""The configurations that a search chooses among, and how a trial draws one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import islice, product, takewhile
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from alignfreeze.config import RunConfig, as_argument, validated
from alignfreeze.contracts import Objective, Plugin
from alignfreeze.contracts.strategy import LayerBoundary, counts_layers
from alignfreeze.errors import ConfigError
from alignfreeze.search.parameters import Choice, Parameter, Range, Scalar, number_type

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

TEMPERATURE = "temperature"

CELLS_AT_MOST = 100_000

LISTED_AT_MOST = 1000
"""Fields with more values than this are drawn without a look at what fits the others."""

V = TypeVar("V")

Choices = Mapping[str, Sequence[Any]]  # values that fields may have
Models = Mapping[str, type[Plugin]]  # plugins of one kind by name
Plugins = Mapping[str, Models]  # those of a kind by the option that names one: strategy, objective


@dataclass(frozen=True)
class Space:
    """What a search varies, and what it holds.

    Both are named as the study shows them: ``temperature``, a field of `RunConfig`, or
    ``front.boundary``, a plugin's: a strategy's or an objective's.

    Attributes:
        plugins: The strategies, and the objectives, to choose among.
        searched: The parameters, in the order in which they are drawn.
        pinned: Values that every trial has, or every trial with that plugin.
    """

    plugins: Plugins
    searched: Mapping[str, Parameter]
    pinned: Mapping[str, Any]

    @property
    def parameters(self) -> dict[str, Parameter]:
        """All that is searched; first ``strategy`` and ``objective``, where there are several."""
        return {**self._choices, **self.searched}

    @property
    def _choices(self) -> dict[str, Parameter]:
        several = {option: models for option, models in self.plugins.items() if len(models) > 1}
        return {option: Choice(tuple(models)) for option, models in several.items()}

    def draw(self, trial: "BaseTrial", config: RunConfig) -> RunConfig:
        """Draw the configuration of a trial.

        A plugin's fields are drawn in the order of their definition, each among the values
        that its validators allow beside those before and for which those after have some. What
        cannot be listed is checked where the plugin is built. The configuration says what is
        neither searched nor pinned.

        Raises:
            ConfigError: If no value fits those before; names what they are.
        """
        values = fields_of("", self.pinned)
        for option, models in self.plugins.items():
            choice = self._choices.get(option)
            plugin = str(choice.draw(trial, option)) if choice else next(iter(models))
            args = self._arguments(trial, plugin, models[plugin])
            values |= {option: plugin, f"{option}_args": args}
        for name, parameter in self._options(values.get("objective")).items():
            values[name] = parameter.draw(trial, name)
        return with_values(config, values)

    def _options(self, objective: Any) -> dict[str, Parameter]:
        """What is searched that is no plugin's, as far as an objective reads it."""
        options = fields_of("", self.searched)
        model = self.plugins.get("objective", {}).get(objective)
        if model is not None and not reads_temperature(model):
            options.pop(TEMPERATURE, None)
        return options

    def _arguments(self, trial: "BaseTrial", plugin: str, model: type[Plugin]) -> dict[str, Any]:
        """Draw a plugin's fields."""
        args, searched = (fields_of(plugin, named) for named in (self.pinned, self.searched))
        combinations = Combinations(model, searched)
        for field, parameter in searched.items():
            name = f"{plugin}.{field}"
            allowed = combinations.fitting(field, args)
            if allowed is not None and not allowed:
                raise ConfigError(f"{name} must have a value that fits the others, got {args}")
            args[field] = parameter.draw(trial, name, allowed)
        return args

    def cells(self) -> list[dict[str, Scalar]]:
        """All points of a grid: values by parameter, a plugin's only where it is chosen.

        Raises:
            ConfigError: If a parameter has no step, or the points are too many, or none.
        """
        most = f"at most {CELLS_AT_MOST} values to be searched as a grid"
        for name, parameter in self.parameters.items():
            if parameter.count is None:
                raise ConfigError(
                    f"{name} must have a step, or be a list of values, to be searched as a grid"
                )
            if parameter.count > CELLS_AT_MOST:
                raise ConfigError(f"{name} must have {most}")
        found = list(islice(self._cells(), CELLS_AT_MOST + 1))
        if len(found) > CELLS_AT_MOST:
            raise ConfigError(f"the space must have {most}")
        if not found:  # which a space with too many values to list does not see before
            raise ConfigError("the space must have values that fit each other, but none do")
        return found

    def _cells(self) -> Iterator[dict[str, Scalar]]:
        only = {option: next(iter(models)) for option, models in self.plugins.items()}
        of_plugins = (islice(self._points(option), CELLS_AT_MOST + 1) for option in self.plugins)
        for plugins in product(*of_plugins):
            chosen = dict(item for point in plugins for item in point.items())
            options = self._options({**only, **chosen}.get("objective"))
            values = [parameter.values or () for parameter in options.values()]
            for combination in product(*values):
                yield {**chosen, **dict(zip(options, combination, strict=True))}

    def _points(self, option: str) -> Iterator[dict[str, Scalar]]:
        """All points of the plugins of a kind, and of their fields."""
        models = self.plugins[option]
        for plugin, model in models.items():
            chosen = {option: plugin} if len(models) > 1 else {}
            searched = fields_of(plugin, self.searched)
            combinations = Combinations(model, searched, CELLS_AT_MOST)
            for args in combinations.complete(fields_of(plugin, self.pinned)):
                yield {**chosen, **{f"{plugin}.{field}": args[field] for field in searched}}

    def point(self, config: RunConfig) -> dict[str, Scalar] | None:
        """The parameters by which `draw` gives a configuration, as far as the space has them.

        What is not known before a run (a boundary at half of the layers), and what lies outside
        of the space, is left out. ``None`` if the configuration's strategy, or its objective, is
        not searched.
        """
        named = (*self._choices, *self._options(config.objective))
        values = {name: getattr(config, name) for name in named}
        for option, models in self.plugins.items():
            plugin, given = getattr(config, option), getattr(config, f"{option}_args")
            if plugin not in models:
                return None
            for field in fields_of(plugin, self.searched):
                info = models[plugin].model_fields[field]
                default = info.get_default(call_default_factory=True, validated_data={})
                values[f"{plugin}.{field}"] = as_argument(given.get(field, default))
        scalars = {name: as_scalar(value) for name, value in values.items()}
        found = self.parameters.items()
        return {n: scalars[n] for n, p in found if n in scalars and p.contains(scalars[n])}

    def boundaries(self) -> tuple[str, ...]:
        """The parameters that are places between layers, each a single number."""
        return tuple(
            f"{plugin}.{field}"
            for models in self.plugins.values()
            for plugin, model in models.items()
            for field in fields_of(plugin, self.searched)
            if counts_layers(model.model_fields[field], LayerBoundary) and number_type(model, field)
        )

    def logarithmic(self) -> tuple[str, ...]:
        """The parameters that are drawn on a logarithmic scale."""
        found = self.searched.items()
        return tuple(name for name, p in found if isinstance(p, Range) and p.log)

    def __str__(self) -> str:
        """All parameters and what they may be, for a person."""
        searched = [f"{name} {parameter}" for name, parameter in self.parameters.items()]
        return "; ".join([*searched, *(f"{name} = {v}" for name, v in self.pinned.items())])


def reads_temperature(objective: type[Plugin]) -> bool:
    """Whether the loss of an objective depends on the temperature."""
    return issubclass(objective, Objective) and objective.reads_temperature


def fields_of(plugin: str, named: Mapping[str, V]) -> dict[str, V]:
    """What is named as in `Space` of a plugin, by field; of `RunConfig` for ``""``."""
    parts = ((name.rpartition("."), value) for name, value in named.items())
    return {field: value for (owner, _, field), value in parts if owner == plugin}


@dataclass(frozen=True)
class Combinations:
    """The combinations of a plugin's values that it accepts, by its own validators.

    Parameters are by field, in the order of definition. One with more values than ``at_most`` is
    not listed.
    """

    model: type[Plugin]
    parameters: Mapping[str, Parameter]
    at_most: int = LISTED_AT_MOST

    @cached_property
    def _listed(self) -> dict[str, Sequence[Any]]:
        """All values of each field that can be listed."""
        return {
            field: parameter.values or ()
            for field, parameter in self.parameters.items()
            if parameter.count is not None and parameter.count <= self.at_most
        }

    def fitting(self, field: str, given: Mapping[str, Any]) -> Sequence[Any] | None:
        """The values of a field that some combination has with what is given; ``None``: any."""
        values = self._listed.get(field)
        return values and [value for value in values if self.exists(given, {field: (value,)})]

    def exists(self, given: Mapping[str, Any], only: Choices | None = None) -> bool:
        """Whether there is a combination (see `complete`)."""
        return next(self.complete(given, only), None) is not None

    def complete(
        self, given: Mapping[str, Any], only: Choices | None = None
    ) -> Iterator[dict[str, Any]]:
        """All combinations of the listed fields that have the given values, in their order.

        Some of the others may have ``only`` some values, instead of all.
        """
        if not self._accepted(given):
            return
        missing = next((field for field in self._listed if field not in given), None)
        if missing is None:
            yield dict(given)
            return
        for value in {**self._listed, **(only or {})}[missing]:
            yield from self.complete({**given, missing: value}, only)

    def _accepted(self, given: Mapping[str, Any]) -> bool:
        """Whether nothing speaks against some values.

        As long as not everything is given, a complaint counts only if it is about a value that
        is given, as is all before it: else a validator may look at a default still to be replaced.
        """
        whole = self.parameters.keys() <= given.keys()
        places = [error["loc"] for error in complaints(self.model, given, whole=whole)]
        settled = any(place and self._settled(place[0], given) for place in places)
        return not (places if whole else settled)

    def _settled(self, field: object, given: Mapping[str, Any]) -> bool:
        """Whether a field, and all that is searched and defined before it, is given."""
        before = takewhile(lambda name: name != field, self.model.model_fields)
        return field in given and all(name in given for name in before if name in self.parameters)


def complaints(
    model: type[Plugin], values: Mapping[str, Any], *, whole: bool = False
) -> list[ErrorDetails]:
    """What a plugin says against some values, of which others may be missing if not ``whole``."""
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        return error.errors(include_url=False)
    except Exception:
        if whole:  # else a validator may stumble over a field that is missing
            raise
    return []


def with_values(config: RunConfig, values: Mapping[str, object]) -> RunConfig:
    """A configuration with other values of some fields, or their text.

    Raises:
        ConfigError: If one breaks its rule; one line.
    """
    return validated({**config.model_dump(), **values})


def as_scalar(value: Any) -> Scalar:
    """A value as a study can hold it: of several, the text that `RunConfig` reads them from."""
    if isinstance(value, Enum):
        return as_scalar(value.value)
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    return cast(Scalar, value)
