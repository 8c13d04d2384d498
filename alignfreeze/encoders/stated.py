"""What a model's folder says of it before anything is loaded, and whether options fit that.

Nothing heavy is imported here: a wrong option is told of at once. What a folder does not say, or
the hub would, is checked when the model is loaded, by the same functions.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from alignfreeze.base.paths import existing_path
from alignfreeze.base.structured import StructureError, read_json
from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.strategy import counts_layers
from alignfreeze.encoders.diagnosis import CONFIG, check_folder
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze.messages import LONG, shown

LENGTHS = ("realign_max_length", "max_length", "eval_max_length")
"""The options that say how many subwords an encoder reads at once."""


def model_folder(name: str) -> Path | None:
    """The folder that a name means, or None for one that can only be on the hub.

    What exists, or starts like a path, is never looked up on the hub.

    Raises:
        EncoderError: If it means one that is not there, or holds no model.
    """
    path = existing_path(name)
    if path is None and not name.startswith((".", "/", "~")):
        return None
    if path is None or not path.is_dir():
        raise EncoderError(f"model {shown(name, LONG)}: there is no such folder")
    check_folder(name, path)
    return path


def no_encoder(encoder: str) -> ConfigError:
    """What is said of an encoder to be evaluated that is not there."""
    if not encoder:
        return ConfigError("encoder must be given: a run that realigned, by its id, or a folder")
    return ConfigError(
        "encoder must be a folder, or the id of a run that realigned, got " + shown(encoder, LONG)
    )


def stated(folder: Path) -> dict[str, int]:
    """The whole numbers of a model's configuration by name; none where it cannot be read."""
    try:
        values: Any = read_json((folder / CONFIG).read_text("utf-8"), finite=False)
    except (OSError, ValueError, StructureError):
        return {}
    numbers = values.items() if isinstance(values, dict) else ()
    return {name: value for name, value in numbers if type(value) is int}


def resolve_layers(layers: tuple[int, ...], n_layers: int) -> tuple[int, ...]:
    """Count layers from 0: -1, the last one, becomes ``n_layers - 1``.

    Raises:
        EncoderError: If one is not in ``[-n_layers, n_layers - 1]``.
    """
    for layer in layers:
        if not -n_layers <= layer < n_layers:
            raise EncoderError(f"layer must be in [-{n_layers}, {n_layers - 1}], got {layer}")
    return tuple(layer % n_layers for layer in layers)


def realigned_layers(config: RunConfig, n_layers: int) -> tuple[int, ...]:
    """The layers that an encoder is realigned at, counted from 0.

    Raises:
        ConfigError: If one is named twice.
        EncoderError: If there is no such layer.
    """
    layers = resolve_layers(config.layer, n_layers)
    if len(set(layers)) < len(layers):
        raise ConfigError(f"layer must not name a layer twice, got {config.layer}")
    return layers


def check_boundaries(strategy: FreezingStrategy, n_layers: int, who: str) -> None:
    """Check that a strategy counts no more layers than there are.

    Args:
        strategy: The strategy.
        n_layers: How many layers the encoder has.
        who: What messages call the strategy.

    Raises:
        ConfigError: If it does.
    """
    fields = type(strategy).model_fields.items()
    for name in [name for name, info in fields if counts_layers(info)]:
        value = getattr(strategy, name)
        for boundary in value if isinstance(value, Iterable) else (value,):
            if boundary is not None and boundary > n_layers:
                raise ConfigError(
                    f"{who}: {name} must be <= {n_layers}, the encoder's layers, got {boundary}"
                )


def check_length(config: RunConfig, options: Iterable[str], longest: int) -> None:
    """Check that an encoder reads as many subwords as some options say.

    Raises:
        ConfigError: If it does not.
    """
    for name in options:
        length = longest_of(config, name)
        if length > longest:
            raise ConfigError(f"{name} must be <= {longest}, the encoder's, got {length}")


def longest_of(config: RunConfig, name: str) -> int:
    """The most subwords that an option of lengths says; 0 where it says none."""
    value = getattr(config, name)
    return int(max(value.values(), default=0) if isinstance(value, Mapping) else value)
