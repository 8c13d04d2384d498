"""What a space file says: the names that it may hold, and the rules of their values."""

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from alignfreeze.base.paths import user_path
from alignfreeze.base.structured import StructureError, read_yaml, text_of
from alignfreeze.config import Role, RunConfig, as_argument, describe_error, is_repeated, role_of
from alignfreeze.contracts import Plugin
from alignfreeze.contracts.lists import holds_several
from alignfreeze.contracts.registry import ALIGNER, load_plugin
from alignfreeze.contracts.strategy import counts_layers
from alignfreeze.encoders.stated import resolve_layers
from alignfreeze.errors import ConfigError, EncoderError, PluginError
from alignfreeze.messages import shown
from alignfreeze.search.parameters import Choice, Parameter, Range, Scalar, exact, number_type
from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.space import Plugins, as_scalar, complaints, with_values

UNSEARCHABLE = {
    name: role.fixed
    for name in RunConfig.model_fields
    if isinstance(role := role_of(RunConfig, name), Role) and role.fixed
}
"""Fields of `RunConfig` that cannot be searched, and why."""


def space_text(settings: SearchConfig) -> str:
    """The text of the space file; empty if there is none.

    Raises:
        ConfigError: If it cannot be read.
    """
    if not settings.space:
        return ""
    path = user_path("space", settings.space)
    try:
        return text_of(path)
    except (OSError, StructureError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"space: cannot read {path}: {reason}") from None


def read_parameters(
    text: str, file: str, config: RunConfig, plugins: Plugins, n_layers: int
) -> dict[str, Parameter]:
    """What the text of a space file says, by the parameter's name; one value is a choice of one.

    It is a YAML mapping of names to a range (``low``, ``high``, ``log``, ``step``), a list of
    choices, or a value to hold.

    Raises:
        ConfigError: If it is malformed, a name is unknown or cannot be searched, or a value
            breaks its rule; names the file.
    """
    try:
        specs = read_yaml(text)
    except StructureError as error:
        raise ConfigError(f"{file}: cannot be read as YAML: {error}") from None
    if not isinstance(specs, dict):
        raise ConfigError(f"{file}: must hold name: value lines")
    known = _targets(config, plugins, n_layers)
    found: dict[str, Parameter] = {}
    try:
        for name, spec in specs.items():
            target = known[_find(str(name), known.keys(), plugins)]
            if target.label in found:
                raise ConfigError(f"{target.label} must not be named twice, got {name} too")
            found[target.label] = target.parameter(spec)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None
    return found


@dataclass(frozen=True)
class _Target:
    """What a name of a space file stands for: the parameter, and its values' type if numbers.

    ``check`` gives the value that a trial has; raises a ConfigError for one that breaks a rule.
    """

    label: str
    number: type[int] | type[float] | None
    check: Callable[[object], Scalar]

    def _error(self, rule: str) -> ConfigError:
        return ConfigError(f"{self.label} must {rule}")

    def checked(self, value: object) -> Scalar:
        """A value in the form in which a trial has it."""
        number = _as_number(value, self.number)
        if self.number is not None and isinstance(number, bool):
            raise self._error(f"be a number, got {shown(value)}")
        if isinstance(number, float) and not math.isfinite(number):
            raise self._error(f"be finite, got {shown(value)}")
        return self.check(number)

    def parameter(self, spec: object) -> Parameter:
        """The parameter that a spec describes."""
        if isinstance(spec, Mapping):
            return self._range(spec)
        if not isinstance(spec, list):
            return Choice((self.checked(spec),))
        if not spec:
            raise self._error("have a value to choose, got []")
        values = [self.checked(value) for value in spec]
        for number, value in enumerate(values):
            if value in values[:number]:
                raise self._error(f"not name a value twice, got {shown(value)}")
        return Choice(tuple(values))

    def _range(self, spec: Mapping[object, Any]) -> Parameter:
        if self.number is None:
            raise self._error(
                f"be a value or a list of values, for it is no number, got {dict(spec)!r}"
            )
        if not ({"low", "high"} <= spec.keys() <= {"low", "high", "log", "step"}):
            raise self._error(
                f"have low and high, and may have log or step, "
                f"got {', '.join(map(str, spec)) or 'nothing'}"
            )
        low, high = (self._end(spec, name) for name in ("low", "high"))
        log = spec.get("log", False)
        if not isinstance(log, bool):
            raise self._error(f"have log true or false, got {shown(log)}")
        if low > high:
            raise self._error(f"have low <= high, got {low} and {high}")
        if log and low <= 0:
            raise self._error(f"have low > 0 with log, got {low}")
        step = self._step(spec, low, high)
        if log and step is not None:
            raise self._error(f"have log or step, not both, got step {step}")
        if low == high:
            return Choice((low,))
        return Range(low, high, 1 if step is None and self.number is int else step, log)

    def _end(self, spec: Mapping[object, Any], name: str) -> int | float:
        end = self.checked(spec[name])
        if isinstance(end, str) or end is None:
            raise self._error(f"have a number as {name}, got {spec[name]!r}")
        return end

    def _step(self, spec: Mapping[object, Any], low: float, high: float) -> int | float | None:
        given = spec.get("step")
        if given is None:
            return None
        step = _as_number(given, self.number)
        if isinstance(step, bool) or not isinstance(step, self.number or float) or not step > 0:
            kind = "an integer" if self.number is int else "a number"
            raise self._error(f"have {kind} > 0 as step, got {shown(given)}")
        if not math.isfinite(step) or (exact(high) - exact(low)) % exact(step):
            raise self._error(
                f"have a step that leads from low to high, from {low} to {high}, got {given}"
            )
        return step


def _as_number(value: object, number: type[int] | type[float] | None) -> object:
    """A value as the number that it means, if it does; YAML reads ``1e-5`` as a text."""
    if number is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        if isinstance(value, float) and number is int:
            return int(value) if value.is_integer() else value
        return number(value)
    except (ValueError, OverflowError):
        return value


def _targets(config: RunConfig, plugins: Plugins, n_layers: int) -> dict[str, _Target]:
    """All that a space file may name, by the parameter's name."""
    found = [
        _Target(
            f"{plugin}.{field}",
            number_type(model, field),
            partial(_checked_argument, plugin, model, field, n_layers),
        )
        for models in plugins.values()
        for plugin, model in models.items()
        for field in model.model_fields
    ]
    for name in RunConfig.model_fields:
        if name not in UNSEARCHABLE:
            check = partial(_checked_option, name, config, n_layers)
            found.append(_Target(name, number_type(RunConfig, name), check))
    return {target.label: target for target in found}


def _find(name: str, known: Collection[str], plugins: Plugins) -> str:
    """The label of a name; where one strategy, or objective, is searched, it needs no prefix."""
    if name in known:
        return name
    if name in UNSEARCHABLE:
        raise ConfigError(f"{name} cannot be searched: {UNSEARCHABLE[name]}")
    lone = [next(iter(models)) for models in plugins.values() if len(models) == 1]
    full = [label for plugin in lone if (label := f"{plugin}.{name}") in known]
    if len(full) > 1:
        raise ConfigError(f"{name} must be one of {' and '.join(full)}, which both are there")
    if full:
        return full[0]
    fields = [label for label in known if label.rpartition(".")[2] == name]
    near = " or ".join(map(repr, fields or difflib.get_close_matches(name, known)))
    hint = f"; did you mean {near}?" if near else ";"
    raise ConfigError(f"no field {shown(name)} to search{hint} known: {', '.join(known)}")


def _checked_argument(
    plugin: str, model: type[Plugin], field: str, n_layers: int, value: object
) -> Scalar:
    if isinstance(value, list) and holds_several(model, field):
        value = as_argument(value)  # a choice of Optuna's is a single value
    if value is not None and not isinstance(value, bool | int | float | str):
        label = f"{plugin}.{field}"
        raise ConfigError(
            f"{label} must be a number, a text, true, false or null, got {shown(value)}"
        )
    check_argument(plugin, model, field, value, n_layers)
    return value


def check_argument(
    plugin: str, model: type[Plugin], field: str, value: object, n_layers: int
) -> None:
    """Check a value against the rules of a plugin's field, and the encoder's layers.

    Raises:
        ConfigError: If it breaks one; names plugin, field, rule and value.
    """
    info = model.model_fields.get(field)
    if info is None:
        known = ", ".join(model.model_fields) or "none"
        raise ConfigError(f"{plugin}.{field} is not a known field; known: {known}")
    for error in complaints(model, {field: value}):
        # A validator of the plugin's own may compare fields: here it is type and bounds alone.
        if error["loc"][:1] == (field,) and error["type"] not in ("value_error", "assertion_error"):
            raise ConfigError(f"{plugin}.{describe_error(error, model)}")
    boundary = _as_number(value, number_type(model, field)) if counts_layers(info) else None
    if isinstance(boundary, int) and boundary > n_layers:
        raise ConfigError(
            f"{plugin}.{field} must be <= {n_layers}, the encoder's layers, got {boundary}"
        )


def _checked_option(name: str, config: RunConfig, n_layers: int, value: object) -> Scalar:
    if is_repeated(name):
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, bool) for part in parts):
            raise ConfigError(f"{name} must not be true or false (YAML: 'no' needs quotes)")
        value = as_scalar(parts)
    changed = with_values(config, {name: value})
    try:
        if name == "layer":
            layers = resolve_layers(changed.layer, n_layers)
            if len(set(layers)) < len(layers):
                given = as_scalar(changed.layer)
                raise ConfigError(f"layer must not name a layer twice, got {given}")
        if name == "aligner" and changed.aligner != "auto":
            load_plugin(ALIGNER, changed.aligner)
    except EncoderError as error:
        raise ConfigError(str(error)) from None
    except PluginError as error:
        raise ConfigError(f"aligner: {error}") from None
    return as_scalar(getattr(changed, name))
