"""A configuration from the text of options, a file and a preset."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from alignfreeze.base.paths import user_path
from alignfreeze.base.structured import StructureError, read_yaml, text_of
from alignfreeze.config.options import RunConfig
from alignfreeze.config.parsing import describe_error
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown

M = TypeVar("M", bound=BaseModel)

PRESETS = resources.files("alignfreeze.config.presets")


def preset_names() -> list[str]:
    """The presets that come with the package, sorted."""
    return sorted(entry.name[:-5] for entry in PRESETS.iterdir() if entry.name.endswith(".yaml"))


def build_config(options: Mapping[str, str]) -> RunConfig:
    """Build a configuration from the text of options; an empty text means not given.

    What is given wins over the file that ``config`` names, which wins over the ``preset`` (by
    default ``demo`` for the embedded data and model, else ``paper``), which wins over the
    defaults.

    Args:
        options: Field names of `RunConfig`, and ``preset`` and ``config``.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
    """
    merged = merged_options(options)
    preset = merged.pop("preset", None)
    if preset is None:
        embedded = all(merged.get(name, "demo") == "demo" for name in ("data", "model"))
        preset = "demo" if embedded else "paper"
    return validated(preset_options(str(preset)) | merged)


def merged_options(options: Mapping[str, str]) -> dict[str, Any]:
    """What is given (an empty text is not), and beneath it what the file ``config`` has.

    Raises:
        ConfigError: If the file cannot be read.
    """
    given: dict[str, Any] = {name: text for name, text in options.items() if text != ""}
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
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError("; ".join(describe_error(e, model) for e in error.errors())) from None
