"""What a space file says of a name, as a parameter."""

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alignfreeze.errors import ConfigError
from alignfreeze.search.parameters import Choice, FloatRange, IntRange, Parameter, Scalar, exact

KEYS = ("low", "high", "log", "step")


@dataclass(frozen=True)
class Target:
    """What a name of a space file stands for.

    Attributes:
        label: The parameter's name, as the study shows it.
        number: The type of its values, if they are numbers.
        check: Gives the value that a trial has, a number as such; raises a ConfigError for one
            that breaks a rule.
    """

    label: str
    number: type[int] | type[float] | None
    check: Callable[[object], Scalar]

    def checked(self, value: object) -> Scalar:
        """A value in the form in which a trial has it.

        Raises:
            ConfigError: If it breaks a rule; names parameter, rule and value.
        """
        number = as_number(value, self.number)
        if self.number is not None and isinstance(number, bool):
            raise ConfigError(f"{self.label} must be a number, got {value!r}")
        if isinstance(number, float) and not math.isfinite(number):
            raise ConfigError(f"{self.label} must be finite, got {value!r}")
        return self.check(number)

    def parameter(self, spec: object) -> Parameter:
        """The parameter that a spec describes; one value is a choice of one.

        Raises:
            ConfigError: If it breaks a rule; names parameter, rule and value.
        """
        if isinstance(spec, Mapping):
            return self._range(spec)
        if not isinstance(spec, list):
            return Choice((self.checked(spec),))
        values = [self.checked(value) for value in spec]
        if not values:
            raise ConfigError(f"{self.label} must have a value to choose, got []")
        for number, value in enumerate(values):
            if value in values[:number]:
                raise ConfigError(f"{self.label} must not name a value twice, got {value!r}")
        return Choice(tuple(values))

    def _range(self, spec: Mapping[object, Any]) -> Parameter:
        if self.number is None:
            raise ConfigError(
                f"{self.label} must be a value or a list of values, for it is no number, "
                f"got {dict(spec)!r}"
            )
        if not ({"low", "high"} <= spec.keys() <= set(KEYS)):
            raise ConfigError(
                f"{self.label} must have low and high, and may have log or step, "
                f"got {', '.join(map(str, spec)) or 'nothing'}"
            )
        low, high = (self._end(spec, name) for name in ("low", "high"))
        log = spec.get("log", False)
        if not isinstance(log, bool):
            raise ConfigError(f"{self.label} must have log true or false, got {log!r}")
        if low > high:
            raise ConfigError(f"{self.label} must have low <= high, got {low} and {high}")
        if log and low <= 0:
            raise ConfigError(f"{self.label} must have low > 0 with log, got {low}")
        step = self._step(spec, low, high)
        if log and step is not None:
            raise ConfigError(f"{self.label} must have log or step, not both, got step {step}")
        if low == high:
            return Choice((low,))
        if self.number is int:
            return IntRange(int(low), int(high), int(step or 1), log)
        return FloatRange(low, high, log, step)

    def _end(self, spec: Mapping[object, Any], name: str) -> int | float:
        end = self.checked(spec[name])
        if isinstance(end, str) or end is None:
            raise ConfigError(f"{self.label} must have a number as {name}, got {spec[name]!r}")
        return end

    def _step(self, spec: Mapping[object, Any], low: float, high: float) -> int | float | None:
        given = spec.get("step")
        if given is None:
            return None
        step = as_number(given, self.number)
        if isinstance(step, bool) or not isinstance(step, self.number or float) or not step > 0:
            kind = "an integer" if self.number is int else "a number"
            raise ConfigError(f"{self.label} must have {kind} > 0 as step, got {given!r}")
        if not math.isfinite(step) or (exact(high) - exact(low)) % exact(step):
            raise ConfigError(
                f"{self.label} must have a step that leads from low to high, from {low} to {high}, "
                f"got {given}"
            )
        return step


def as_number(value: object, number: type[int] | type[float] | None) -> object:
    """A value as the number that it means, if it does; YAML reads ``1e-5`` as a text."""
    if number is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        if number is float:
            return float(value)
        if isinstance(value, float):
            return int(value) if value.is_integer() else value
        return int(value)
    except (ValueError, OverflowError):
        return value


def read_space(file: Path) -> dict[str, object]:
    """Read a space file: a mapping of names to specs.

    Raises:
        ConfigError: If it cannot be read, or holds anything else; names the file.
    """
    try:
        specs = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(specs, dict):
        raise ConfigError(f"{file}: must hold name: value lines")
    return {str(name): spec for name, spec in specs.items()}


def unknown(name: str, known: Collection[str]) -> ConfigError:
    """The error for a name that stands for nothing: near matches, and those that are known."""
    near = " or ".join(map(repr, difflib.get_close_matches(name, known)))
    hint = f"; did you mean {near}?" if near else ";"
    return ConfigError(f"no field {name!r} to search{hint} known: {', '.join(known)}")
