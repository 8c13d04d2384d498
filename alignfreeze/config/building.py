"""A configuration from the text of options, a file and a preset."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from alignfreeze.base.paths import user_path
from alignfreeze.base.structured import StructureError, read_yaml, text_of
from alignfreeze.config.options import RunConfig
from alignfreeze.config.parsing import FOR_ALL, describe_error, option_names, split_names
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze.messages import LONG, shortened, shown, suggestion

M = TypeVar("M", bound=BaseModel)

PRESETS = resources.files("alignfreeze.config.presets")


def preset_names() -> list[str]:
    """The presets that come with the package, sorted."""
    return sorted(entry.name[:-5] for entry in PRESETS.iterdir() if entry.name.endswith(".yaml"))


COMMAND_LINE, DEFAULT = "command line", "default"
"""Where a value may come from, beside a file and a preset."""


class Sourced(NamedTuple):
    """A value of an option, and where it comes from: ``config FILE``, ``preset NAME``."""

    value: Any
    origin: str = COMMAND_LINE


def _sourced(values: Mapping[str, Any], origin: str) -> dict[str, Sourced]:
    return {name: Sourced(value, origin) for name, value in values.items()}


Options = RunConfig | Mapping[str, Any]
"""A configuration, or values by the names of its fields: Python's, or text as a command line has
it."""


def build_config(options: Options) -> RunConfig:
    """Build a configuration from values by option; an empty text means not given.

    What is given wins over the file that ``config`` names, which wins over the ``preset`` (by
    default ``demo`` for the embedded data and model, else ``standard``), which wins over the
    defaults.

    Args:
        options: Values by field name of `RunConfig`, by ``preset`` and by ``config``; each is
            Python's own, or text as the command line takes it. A `RunConfig` is what it is.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line, which says
            where the value comes from if not from ``options``.

    Example:
        >>> config = build_config({"realign_steps": 4, "languages": ["de", "fr"], "layer": -2})
        >>> config.realign_steps, config.languages, config.layer
        (4, ('de', 'fr'), (-2,))
        >>> build_config({"realign_steps": "4", "languages": "de,fr", "layer": "-2"}) == config
        True
        >>> build_config({"sead": 31})
        Traceback (most recent call last):
        alignfreeze.errors.ConfigError: sead is not a known option; did you mean 'seed'?
    """
    if isinstance(options, RunConfig):
        return options
    return checked_sourced(RunConfig, sourced_options(options))


def sourced_options(options: Mapping[str, Any]) -> dict[str, Sourced]:
    """All that is said of a run by what is given, a file, and a preset; nothing is checked yet.

    Raises:
        ConfigError: If the file cannot be read, or there is no such preset.
    """
    given = given_options(options)
    preset, _ = given.pop("preset", (None, ""))
    if preset is None:
        embedded = all(given[n].value == "demo" for n in ("data", "model") if n in given)
        preset = "demo" if embedded else "standard"
    values = preset_options(str(preset))
    task = split_names(given["task"].value if "task" in given else values.get("task", "pos"))
    asked = [str(name) for name in task] if isinstance(task, list | tuple) else []
    return _sourced(of_tasks(values, asked), f"preset {preset}") | given


def given_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given, which an empty text is not; paths as text.

    Raises:
        ConfigError: If they are not values by name.
    """
    if not isinstance(options, Mapping):
        raise ConfigError(f"options must be a dict of values by name, got {shown(options)}")
    if odd := [name for name in options if not isinstance(name, str)]:
        raise ConfigError(f"names of options must be text, got {shown(odd[0])}")
    values = {n: os.fspath(v) if isinstance(v, os.PathLike) else v for n, v in options.items()}
    return {name: value for name, value in values.items() if not _is_empty(value)}


def _is_empty(value: object) -> bool:
    return isinstance(value, str) and not value


def given_names(options: Options) -> Collection[str]:
    """The names of the options that are given, by themselves or in the file ``config``."""
    if isinstance(options, RunConfig):
        return options.model_fields_set
    return merged_options(options).keys()


def merged_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """What is given (an empty text is not), and beneath it what the file ``config`` has.

    Raises:
        ConfigError: If they are not values by name, or the file cannot be read.
    """
    return {name: found.value for name, found in given_options(options).items()}


def given_options(options: Mapping[str, Any]) -> dict[str, Sourced]:
    """The same, with where each value comes from.

    Raises:
        ConfigError: If they are not values by name, or the file cannot be read.
    """
    given = _sourced(given_values(options), COMMAND_LINE)
    file, _ = given.pop("config", (None, ""))
    if file is None:
        return given
    values = _read_yaml(user_path("config", str(file)))
    return _sourced(values, f"config {shortened(str(file), LONG)}") | given


def with_origin(message: str, options: Options) -> str:
    """What is said of a value, and where it comes from, unless it is in ``options``.

    The message begins with the option that must be otherwise, so that it is known whose value it is
    about.
    """
    name = message.partition(" must ")[0]
    if isinstance(options, RunConfig) or name not in RunConfig.model_fields:
        return message
    return message + _from(sourced_options(options).get(name, Sourced(None, DEFAULT)).origin)


@contextmanager
def naming_origins(options: Options) -> Iterator[None]:
    """Say of a value that turns out to be wrong where it comes from, as `with_origin` does.

    Raises:
        AlignFreezeError: The one that was raised inside, with that.
    """
    try:
        yield
    except (ConfigError, EncoderError) as error:
        message = with_origin(str(error), options)
        if message == str(error):
            raise
        raise type(error)(message) from error


def _from(origin: str) -> str:
    if origin == COMMAND_LINE:
        return ""
    return " (the default)" if origin == DEFAULT else f" (from {origin})"


def preset_options(name: str) -> dict[str, Any]:
    """The options that a preset sets, and beneath them those of its bases, the last first.

    Raises:
        ConfigError: If there is no such preset.
    """
    if name not in preset_names():
        known = preset_names()
        hint = suggestion(name, known)
        raise ConfigError(f"preset must be one of {', '.join(known)}, got {shown(name)}{hint}")
    values: dict[str, Any] = read_yaml(PRESETS.joinpath(f"{name}.yaml").read_text("utf-8"))
    of_bases: dict[str, Any] = {}
    for base in values.pop("bases", ()):
        of_bases |= preset_options(base)
    return of_bases | values


def of_tasks(values: Mapping[str, Any], tasks: Collection[str]) -> dict[str, Any]:
    """What a preset sets, without what it says of tasks that are not asked for."""
    wanted = {*tasks, FOR_ALL}
    return {
        name: {key: v for key, v in value.items() if key.partition(".")[0] in wanted}
        if name in ("task_args", "eval_max_length")
        else value
        for name, value in values.items()
    }


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = read_yaml(text_of(path))
    except OSError as error:
        raise ConfigError(f"config: cannot read {path}: {error.strerror}") from None
    except StructureError as error:
        raise ConfigError(f"config: {path} cannot be read as YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"config: {path} must hold option: value lines")
    return {str(name): value for name, value in values.items()}


def validated(values: Mapping[str, Any]) -> RunConfig:
    """The configuration of values by option.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
    """
    return checked(RunConfig, values)


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """A model of values by field.

    Raises:
        ConfigError: If a field is unknown or a value breaks its rule; one line.
    """
    return checked_sourced(model, _sourced(values, COMMAND_LINE))


def checked_sourced(model: type[M], values: Mapping[str, Sourced]) -> M:
    """The same, of values that come from several places.

    Raises:
        ConfigError: As `checked`, and it says where a value comes from, if from elsewhere.
    """
    for name, field in option_names(model).items():
        found = values.get(name)
        if found is not None and _is_bool_for_number(found.value, field.annotation):
            raise ConfigError(
                f"{name} must be a number, got {shown(found.value)}{_from(found.origin)}"
            )

    def described(error: ErrorDetails) -> str:
        found = values.get(str(error["loc"][0])) if error["loc"] else None
        return describe_error(error, model) + _from(found.origin if found else COMMAND_LINE)

    try:
        return model.model_validate({name: found.value for name, found in values.items()})
    except ValidationError as error:
        raise ConfigError("; ".join(map(described, error.errors()))) from None


def _is_bool_for_number(value: object, annotation: Any) -> bool:
    """Whether a number is wanted and True or False is given: Python takes True for 1."""
    kinds, parts = _kinds(annotation), value if isinstance(value, list | tuple) else [value]
    is_number = bool not in kinds and (int in kinds or float in kinds)
    return is_number and any(isinstance(part, bool) for part in parts)


def _kinds(annotation: Any) -> list[Any]:
    """The types that an annotation is made of."""
    return [annotation, *chain.from_iterable(map(_kinds, get_args(annotation)))]
