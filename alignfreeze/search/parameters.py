"""What a search varies: the parameter that a field is, and how a trial draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from alignfreeze.contracts.strategy import counts_layers
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Scalar = bool | int | float | str | None


@dataclass(frozen=True)
class Range:
    """The numbers ``low``, ``low + step``, …, ``high``, both ends included; without a step, all.

    It is one of integers, which have a step, where its ends are integers.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __str__(self) -> str:
        """Its ends, step and scale, for a person."""
        step = "" if self.step in (None, 1) else f" by {self.step}"
        return f"from {self.low} to {self.high}{step}{' (logarithmic)' if self.log else ''}"

    @property
    def _whole(self) -> bool:
        return isinstance(self.low, int)

    @property
    def count(self) -> int | None:
        """How many they are; ``None`` without a step."""
        if self.step is None:
            return None
        return (exact(self.high) - exact(self.low)) // exact(self.step) + 1

    @property
    def values(self) -> Sequence[float] | None:
        """All of them, ascending; ``None`` without a step."""
        if self.step is None or self.count is None:
            return None
        if self._whole:
            return range(int(self.low), int(self.high) + 1, int(self.step))
        return [self._nearest(exact(self.low) + n * exact(self.step)) for n in range(self.count)]

    def _nearest(self, value: float | Fraction) -> float:
        """The value of the grid that is nearest, without a sum's rounding."""
        low, step = exact(self.low), exact(self.step or 0)
        return type(self.low)(low + round((exact(value) - low) / step) * step)

    def draw(self, trial: "BaseTrial", name: str, allowed: Sequence[Any] | None = None) -> Any:
        """Draw one of the values, or of those that are ``allowed``, ascending.

        Optuna lets a range differ from trial to trial, not its gaps: where what is allowed has
        gaps that no step makes, the nearest allowed value stands for what is drawn, the smaller of
        two.
        """
        own = self.restricted(allowed) if allowed else self
        suggest: Any = trial.suggest_int if self._whole else trial.suggest_float
        drawn = suggest(name, own.low, own.high, step=own.step, log=own.log)
        if allowed:
            return min(allowed, key=lambda value: (abs(value - drawn), value))
        return drawn if self.step is None else self._nearest(drawn)

    def contains(self, value: object) -> bool:
        """Whether it is one of them."""
        if isinstance(value, bool) or not isinstance(value, int if self._whole else int | float):
            return False
        within = self.low <= value <= self.high
        return within and (self.step is None or self._nearest(value) == value)

    def restricted(self, kept: Sequence[Any]) -> "Range":
        """The smallest such range that has some of its values, ascending."""
        step = self.step
        if self._whole:
            # The greatest step that meets them all; Optuna has none on a logarithmic scale.
            gaps = (after - before for before, after in pairwise(kept))
            step = 1 if self.log else math.gcd(*gaps) or 1
        return replace(self, low=kept[0], high=kept[-1], step=step)


@dataclass(frozen=True)
class Choice:
    """One of some values, which have no order."""

    values: tuple[Scalar, ...]

    def draw(self, trial: "BaseTrial", name: str, allowed: Sequence[Any] | None = None) -> Scalar:
        """Draw one of the values.

        Optuna wants the same choices in every trial, so all are offered.

        Raises:
            ConfigError: If the one that is drawn is not ``allowed`` in this trial.
        """
        drawn = trial.suggest_categorical(name, self.values)
        if allowed is not None and drawn not in allowed:
            options = ", ".join(map(repr, allowed))
            raise ConfigError(f"{name} must here be one of {options}, got {shown(drawn)}")
        return drawn

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.values)

    def contains(self, value: object) -> bool:
        """Whether it is one of them."""
        return value in self.values

    def restricted(self, kept: Sequence[Any]) -> "Choice":
        """The same with some of its values only."""
        return Choice(tuple(kept))

    def __str__(self) -> str:
        """Its values, for a person."""
        return f"of {', '.join(map(str, self.values))}"


Parameter = Range | Choice


def derived(model: type[BaseModel], field: str, name: str, n_layers: int) -> Parameter | None:
    """What a field may be: a range from its two bounds, or a choice from its literals.

    What is optional is searched among its values other than ``None``. The encoder's layers are the
    upper bound of a field that is marked with `LayerCount`.

    Returns:
        The parameter; ``None`` for a field that has not both bounds, or any other type.

    Raises:
        ConfigError: If no number is within the bounds; calls the field by the given name.
    """
    schema = _schema(model, field)
    if values := tuple(schema.get("enum", [schema["const"]] if "const" in schema else [])):
        return Choice(values) if all(isinstance(v, int | str | None) for v in values) else None
    number = number_type(model, field)
    layers = counts_layers(model.model_fields[field])
    lows = [(value, False) for value in _finite(schema, "minimum", "ge")]
    lows += [(value, True) for value in _finite(schema, "exclusiveMinimum", "gt")]
    highs = [(value, True) for value in _finite(schema, "maximum", "le")]
    highs += [(value, False) for value in _finite(schema, "exclusiveMaximum", "lt")]
    highs += [(Fraction(n_layers), True)] if layers else []
    if number is None or not lows or not highs:
        return None
    (low, above), (high, closed) = max(lows), min(highs)
    steps = _finite(schema, "multipleOf", "multiple_of")
    if number is float and not steps:  # an end that is open is not among the values
        first = math.nextafter(low, math.inf) if above else float(low)
        parameter = Range(first, float(high) if closed else math.nextafter(high, -math.inf))
    else:
        step = max((s for s in steps if number is float or s % 1 == 0), default=Fraction(1))
        least = math.floor(low / step) + 1 if above else math.ceil(low / step)
        most = math.floor(high / step) if closed else math.ceil(high / step) - 1
        parameter = Range(number(least * step), number(most * step), number(step))
    if parameter.low > parameter.high:
        raise ConfigError(
            f"{name} must have a value to search, but none is from {parameter.low} "
            f"to {parameter.high}" + (", the encoder's layers" if layers else "")
        )
    return parameter


def number_type(model: type[BaseModel], field: str) -> type[int] | type[float] | None:
    """``int`` or ``float`` for a field that holds one, be it optional; else ``None``."""
    schema = _schema(model, field)
    if "enum" in schema or "const" in schema:
        return None
    return {"integer": int, "number": float}.get(schema.get("type", ""))


class _Schema(GenerateJsonSchema):
    """As pydantic's own, but silent about types and defaults that JSON has no word for."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}


@cache
def _model_schema(model: type[BaseModel]) -> JsonSchemaValue:
    return model.model_json_schema(by_alias=False, schema_generator=_Schema)


def _schema(model: type[BaseModel], field: str) -> JsonSchemaValue:
    """A field's type and bounds as JSON schema; without ``None``, nothing of other unions."""
    whole = _model_schema(model)
    schema: JsonSchemaValue = whole["properties"][field]
    while True:
        branches = [branch for branch in schema.get("anyOf", []) if branch != {"type": "null"}]
        if "$ref" in schema:
            schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        elif len(branches) == 1:
            schema = branches[0]
        else:
            return schema


def _finite(schema: JsonSchemaValue, *names: str) -> list[Fraction]:
    """A bound, which pydantic calls by its own name where a validator stands between."""
    found = (schema[name] for name in names if name in schema)
    return [exact(value) for value in found if math.isfinite(value)]


def exact(number: float | Fraction) -> Fraction:
    """A number as its decimal digits say: 0.1 is a tenth."""
    return Fraction(str(number))
