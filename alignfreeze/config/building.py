"""A configuration from the text of options, a file and a preset."""

import os
from collections.abc import Collection, Mapping
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from alignfreeze.base.paths import user_path
from alignfreeze.base.structured import StructureError, read_yaml, text_of
from alignfreeze.config.options import RunConfig
from alignfreeze.config.parsing import describe_error, option_names
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown

M = TypeVar("M", bound=BaseModel)

PRESETS = resources.files("alignfreeze.config.presets")


def preset_names() -> list[str]:
    """The presets that come with the package, sorted."""
    return sorted(entry.name[:-5] for entry in PRESETS.iterdir() if entry.name.endswith(".yaml"))


Options = RunConfig | Mapping[str, Any]
"""A configuration, or values by the names of its fields: Python's, or text as a command line has
it."""


def build_config(options: Options) -> RunConfig:
    """Build a configuration from values by option; an empty text means not given.

    What is given wins over the file that ``config`` names, which wins over the ``preset`` (by
    default ``demo`` for the embedded data and model, else ``paper``), which wins over the
    defaults.

    Args:
        options: Values by field name of `RunConfig`, by ``preset`` and by ``config``; each is
            Python's own, or text as the command line takes it. A `RunConfig` is what it is.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.

    Example:
        >>> config = build_config({"realign_steps": 4, "languages": ["de", "fr"], "layer": -2})
        >>> config.realign_steps, config.languages, config.layer
        (4, ('de', 'fr'), (-2,))
        >>> build_config({"realign_steps": "4", "languages": "de,fr", "layer": "-2"}) == config
        True
        >>> build_config({"sead": 31})
        Traceback (most recent call last):
        alignfreeze.errors.ConfigError: sead is not a known option; did you mean 'seed'? ...
    """
    if isinstance(options, RunConfig):
        return options
    merged = merged_options(options)
    preset = merged.pop("preset", None)
    if preset is None:
        embedded = all(merged.get(name, "demo") == "demo" for name in ("data", "model"))
        preset = "demo" if embedded else "paper"
    return validated(preset_options(str(preset)) | merged)


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
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
    given = given_options(options)
    file = given.pop("config", None)
    return ({} if file is None else _read_yaml(user_path("config", str(file)))) | given


def preset_options(name: str) -> dict[str, Any]:
    """The options that a preset sets.

    Raises:
        ConfigError: If there is no such preset.
    """
    if name not in preset_names():
        raise ConfigError(f"preset must be one of {', '.join(preset_names())}, got {shown(name)}")
    values: dict[str, Any] = read_yaml(PRESETS.joinpath(f"{name}.yaml").read_text("utf-8"))
    return values


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
    for name, field in option_names(model).items():
        value, kinds = values.get(name), _kinds(field.annotation)
        parts = value if isinstance(value, list | tuple) else [value]
        is_number = bool not in kinds and (int in kinds or float in kinds)
        # Python, and so pydantic, takes True for 1.
        if is_number and any(isinstance(part, bool) for part in parts):
            raise ConfigError(f"{name} must be a number, got {shown(value)}")
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError("; ".join(describe_error(e, model) for e in error.errors())) from None


def _kinds(annotation: Any) -> list[Any]:
    """The types that an annotation is made of."""
    return [annotation, *chain.from_iterable(map(_kinds, get_args(annotation)))]
