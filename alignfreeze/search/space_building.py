"""The space of a search: plugins' own bounds, the space file, and what is given."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alignfreeze.config import RunConfig, describe_error
from alignfreeze.contracts import FreezingStrategy, Plugin
from alignfreeze.contracts.registry import (
    OBJECTIVE,
    STRATEGY,
    PluginKind,
    create_plugin,
    load_plugin,
)
from alignfreeze.encoders.times import check_during, usual_sites
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown
from alignfreeze.search.parameters import Choice, Parameter, Range, derived
from alignfreeze.search.space import (
    TEMPERATURE,
    Combinations,
    Plugins,
    Space,
    complaints,
    fields_of,
    reads_temperature,
)
from alignfreeze.search.space_file import check_argument, read_parameters

DEFAULT_OPTIONS: Mapping[str, Parameter] = {TEMPERATURE: Range(0.02, 1.0, log=True)}

PLUGINS: Mapping[str, PluginKind[Any]] = {"strategy": STRATEGY, "objective": OBJECTIVE}
"""What is chosen by name, by the option that names one."""

logger = logging.getLogger(__name__)


def build_space(
    config: RunConfig,
    names: Mapping[str, Sequence[str]],
    n_layers: int,
    text: str | None = None,
    file: str = "",
) -> Space:
    """Build a space, and check that each value that it is given can be.

    Searched are the temperature, where an objective reads it, and the fields that have bounds of
    each strategy, and of each objective that is named, but for those that ``strategy_args`` or
    ``objective_args`` gives. The space file changes that and adds to it.

    Args:
        config: Of the runs; what is not searched stays as it says.
        names: Strategies and objectives to choose among, by the option that names one; where there
            are none, it is the configuration's own.
        n_layers: Of the encoder.
        text: Of the space file, if there is one, which is named file (see `read_parameters`).
        file: See text.

    Raises:
        ConfigError: If a name is unknown or cannot be searched, a value breaks its rule, or
            nothing is left to search; names the file or option, the rule and the value.
        PluginError: If a plugin cannot be loaded.
    """
    plugins = _plugins(config, names)
    named = {} if text is None else read_parameters(text, file, config, plugins, n_layers)
    searched: dict[str, Parameter] = {}
    pinned: dict[str, Any] = {}
    for option, models in plugins.items():
        # How far to freeze is what a search is for; of an objective it is what was asked for.
        bounded = option == "strategy" or bool(names.get(option))
        for name, model in models.items():
            given = getattr(config, f"{option}_args") if name == getattr(config, option) else {}
            arguments = _Arguments(option, name, model, named, file, n_layers, bounded)
            own, held = arguments.resolved(given)
            searched |= {f"{name}.{field}": parameter for field, parameter in own.items()}
            pinned |= {f"{name}.{field}": value for field, value in held.items()}
    of_runs = {**DEFAULT_OPTIONS, **fields_of("", named)}
    if not any(map(reads_temperature, plugins["objective"].values())):
        if TEMPERATURE in named:
            several = " or ".join(shown(name) for name in plugins["objective"])
            raise ConfigError(f"{file}: {TEMPERATURE} is not read by objective {several}")
        del of_runs[TEMPERATURE]
    options, held = _split(of_runs)
    space = Space(plugins, {**searched, **options}, {**pinned, **held})
    if not space.parameters:
        where = "the space" if text is None else file
        raise ConfigError(f"{where}: must leave something to search, but everything is given")
    _check_times(config, space, n_layers, file)
    return space


def _check_times(config: RunConfig, space: Space, n_layers: int, file: str) -> None:
    """Check that each strategy can realign at each time that there is.

    One is asked about as it is by default; one without defaults is not asked: its trials are.
    """
    searched, held = space.searched.get("realign_when"), space.pinned.get("realign_when")
    times = searched.values if searched else (held or config.realign_when,)
    during = [str(time) for time in times or () if "during" in str(time)]
    for name in space.plugins["strategy"] if during else ():
        try:
            strategy = create_plugin(STRATEGY, name, fields_of(name, space.pinned))
        except ConfigError:
            continue
        try:
            check_during(strategy, usual_sites(n_layers), n_layers, f"strategy {name!r}", during[0])
        except ConfigError as error:
            raise ConfigError(f"{file}: {error}" if searched or held else str(error)) from None


def _plugins(config: RunConfig, names: Mapping[str, Sequence[str]]) -> Plugins:
    """What there is to choose among."""
    plugins: dict[str, dict[str, type[Plugin]]] = {}
    for option, kind in PLUGINS.items():
        own = getattr(config, option)
        models = {name: load_plugin(kind, name) for name in names.get(option) or (own,)}
        plugins[option] = models
        for name, model in models.items():
            if issubclass(model, FreezingStrategy) and not model.realigns:
                raise ConfigError(
                    f"{option} {shown(name)} must realign to be searched, but does not"
                )
        given = getattr(config, f"{option}_args")
        if given and own not in models:
            raise ConfigError(
                f"{option}_args must be empty where {option} {shown(own)} is not searched, "
                f"got {given}"
            )
    if both := sorted(set.intersection(*map(set, plugins.values()))):
        raise ConfigError(
            "a strategy and an objective must have different names to be searched, as parameters "
            f"are called by them, got {shown(both[0])} for both"
        )
    return plugins


def _split(parameters: Mapping[str, Parameter]) -> tuple[dict[str, Parameter], dict[str, Any]]:
    """What is searched, and the values of what has but one."""
    pinned = {name: p.values[0] for name, p in parameters.items() if p.count == 1 and p.values}
    return {name: p for name, p in parameters.items() if name not in pinned}, pinned


@dataclass(frozen=True)
class _Arguments:
    """What is searched of a plugin, given what the space file says by parameter's name.

    Fields that it does not name are searched within their bounds only if the plugin is ``bounded``.
    """

    option: str
    plugin: str
    model: type[Plugin]
    named: Mapping[str, Parameter]
    file: str
    n_layers: int
    bounded: bool

    def resolved(self, given: Mapping[str, Any]) -> tuple[dict[str, Parameter], dict[str, Any]]:
        """What is searched, by field, and the values of what is not.

        Fields have the given values where the file does not name them.
        """
        try:
            for field, value in given.items():
                check_argument(self.plugin, self.model, field, value, self.n_layers)
        except ConfigError as error:
            raise ConfigError(f"{self.option}_args: {error}") from None
        held = {k: value for k, value in given.items() if self._label(k) not in self.named}
        free = (field for field in self.model.model_fields if field not in held)
        parameters = {field: p for field in free if (p := self._parameter(field)) is not None}
        searched, pinned = _split(parameters)
        pinned = {**held, **pinned}
        if not searched:
            create_plugin(PLUGINS[self.option], self.plugin, pinned)
            return {}, pinned
        combinations = Combinations(self.model, searched)
        if not combinations.exists(pinned):
            raise self._contradiction(pinned)
        for field, parameter in searched.items():
            values = combinations.fitting(field, pinned)
            if values is not None and len(values) < (parameter.count or 0):
                searched = {**searched, field: self._restricted(field, parameter, values, pinned)}
        searched, more_pinned = _split(searched)
        return searched, {**pinned, **more_pinned}

    def _label(self, field: str) -> str:
        return f"{self.plugin}.{field}"

    def _parameter(self, field: str) -> Parameter | None:
        label = self._label(field)
        if label in self.named:
            return self.named[label]
        parameter = derived(self.model, field, label, self.n_layers) if self.bounded else None
        if parameter is None and self.model.model_fields[field].is_required():
            raise ConfigError(
                f"{label} must be given, in {self.option}_args or a space file, for it "
                "has neither a default nor two bounds"
            )
        return parameter

    def _restricted(
        self, field: str, parameter: Parameter, values: Sequence[Any], pinned: Mapping[str, Any]
    ) -> Parameter:
        """A parameter with only those values that some combination has."""
        label = self._label(field)
        ends: Sequence[Any] = (
            parameter.values if isinstance(parameter, Choice) else (parameter.low, parameter.high)
        )
        for value in ends:  # what the file names has to be possible
            if label in self.named and value not in values:
                raise self._contradiction({**pinned, field: value})
        logger.info("%s: %d of %s values fit its rules", label, len(values), parameter.count)
        return parameter.restricted(values)

    def _contradiction(self, values: Mapping[str, Any]) -> ConfigError:
        """The error for values that no others make a strategy: its own words, if it has some."""
        in_file = any(self._label(field) in self.named for field in values)
        where = f"{self.file}: " if in_file else f"{self.option}_args: " if values else ""
        for error in complaints(self.model, values):
            if error["loc"] and error["loc"][0] in values:
                return ConfigError(f"{where}{self._label(describe_error(error, self.model))}")
        rest = ", ".join(f"{field}={value}" for field, value in values.items())
        return ConfigError(
            f"{where}{self.option} {shown(self.plugin)} must have values that go together, "
            f"but none go with {rest or 'its rules'}"
        )
