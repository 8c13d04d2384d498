"""What the names of a space file stand for, and the rules of their values."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from alignfreeze.config import Role, RunConfig, describe_error, is_repeated, role_of
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.registry import ALIGNER, load_plugin
from alignfreeze.encoders.families import resolve_layers
from alignfreeze.encoders.freezing import counts_layers
from alignfreeze.errors import ConfigError, EncoderError, PluginError
from alignfreeze.search.derivation import number_type
from alignfreeze.search.parameters import Scalar
from alignfreeze.search.specs import Target, as_number, unknown
from alignfreeze.search.values import as_scalar, with_values

UNSEARCHABLE = {
    name: role.fixed
    for name in RunConfig.model_fields
    if isinstance(role := role_of(RunConfig, name), Role) and role.fixed
}
"""Fields of `RunConfig` that cannot be searched, and why."""

Models = Mapping[str, type[FreezingStrategy]]


def targets(config: RunConfig, models: Models, n_layers: int) -> dict[str, Target]:
    """All that a space file may name, by the parameter's name.

    Args:
        config: Of the runs.
        models: The strategies to choose among, by name.
        n_layers: Of the encoder.
    """
    of_strategies = [
        _argument_target(strategy, model, field, n_layers)
        for strategy, model in models.items()
        for field in model.model_fields
    ]
    of_runs = [
        _field_target(name, config, n_layers)
        for name in RunConfig.model_fields
        if name not in UNSEARCHABLE
    ]
    return {target.label: target for target in [*of_strategies, *of_runs]}


def find_target(name: str, known: Mapping[str, Target], models: Models) -> Target:
    """The target of a name; where one strategy is searched, its fields need no prefix.

    Raises:
        ConfigError: If the name is unknown, or cannot be searched.
    """
    if name in known:
        return known[name]
    if name in UNSEARCHABLE:
        raise ConfigError(f"{name} cannot be searched: {UNSEARCHABLE[name]}")
    full = f"{next(iter(models))}.{name}"
    if len(models) == 1 and full in known:
        return known[full]
    raise unknown(name, known)


def check_argument(
    strategy: str, model: type[FreezingStrategy], field: str, value: object, n_layers: int
) -> None:
    """Check a value against the rules of a strategy's field, and the encoder's layers.

    Raises:
        ConfigError: If it breaks one; names strategy, field, rule and value.
    """
    info = model.model_fields.get(field)
    if info is None:
        known = ", ".join(model.model_fields) or "none"
        raise ConfigError(f"{strategy}.{field} is not a known field; known: {known}")
    for error in complaints(model, {field: value}):
        if error["loc"][:1] == (field,) and _by_bounds(error):
            raise ConfigError(f"{strategy}.{describe_error(error, model)}")
    boundary = as_number(value, number_type(info)) if counts_layers(info) else None
    if isinstance(boundary, int) and boundary > n_layers:
        raise ConfigError(
            f"{strategy}.{field} must be <= {n_layers}, the encoder's layers, got {boundary}"
        )


def complaints(model: type[FreezingStrategy], values: Mapping[str, Any]) -> list[ErrorDetails]:
    """What a strategy says against some values, of which others may be missing."""
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        return error.errors()
    except Exception:  # noqa: BLE001  a validator may stumble over a field that is missing
        return []
    return []


def _by_bounds(complaint: ErrorDetails) -> bool:
    """Whether a field's type or bounds complain, not a validator, which may compare fields."""
    return complaint["type"] not in ("value_error", "assertion_error")


def _argument_target(
    strategy: str, model: type[FreezingStrategy], field: str, n_layers: int
) -> Target:
    label = f"{strategy}.{field}"

    def check(value: object) -> Scalar:
        if value is not None and not isinstance(value, bool | int | float | str):
            raise ConfigError(
                f"{label} must be a number, a text, true, false or null, got {value!r}"
            )
        check_argument(strategy, model, field, value, n_layers)
        return value

    return Target(label, number_type(model.model_fields[field]), check)


def _field_target(name: str, config: RunConfig, n_layers: int) -> Target:
    def check(value: object) -> Scalar:
        if is_repeated(name):
            _refuse_booleans(name, value)
            value = as_scalar(value if isinstance(value, list) else [value])
        changed = with_values(config, {name: value})
        if name == "layer":
            _check_layers(changed.layer, n_layers)
        if name == "aligner" and changed.aligner != "auto":
            _check_aligner(changed.aligner)
        return as_scalar(getattr(changed, name))

    return Target(name, number_type(RunConfig.model_fields[name]), check)


def _refuse_booleans(name: str, value: object) -> None:
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, bool):
            raise ConfigError(f"{name} must not be true or false (YAML: 'no' needs quotes)")


def _check_layers(layers: tuple[int, ...], n_layers: int) -> None:
    try:
        resolved = resolve_layers(layers, n_layers)
    except EncoderError as error:
        raise ConfigError(str(error)) from None
    if len(set(resolved)) < len(resolved):
        raise ConfigError(f"layer must not name a layer twice, got {as_scalar(layers)}")


def _check_aligner(name: str) -> None:
    try:
        load_plugin(ALIGNER, name)
    except PluginError as error:
        raise ConfigError(f"aligner: {error}") from None
