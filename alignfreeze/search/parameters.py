"""What a search varies, and how a trial draws it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Protocol

from alignfreeze.errors import ConfigError

Scalar = bool | int | float | str | None


class Suggest(Protocol):
    """What draws values: a trial of Optuna offers this."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """An integer in ``[low, high]``, so many steps from ``low``."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in ``[low, high]``."""

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Scalar:
        """One of the choices."""


@dataclass(frozen=True)
class IntRange:
    """The integers ``low``, ``low + step``, …, ``high``, both ends included."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    @property
    def count(self) -> int:
        """How many they are."""
        return (self.high - self.low) // self.step + 1

    @property
    def values(self) -> Sequence[int]:
        """All of them, ascending."""
        return range(self.low, self.high + 1, self.step)

    def draw(self, trial: Suggest, name: str, allowed: Sequence[Any] | None = None) -> int:
        """Draw one of the values, or of those that are ``allowed``, ascending.

        Optuna lets an integer's range differ from trial to trial, not its gaps: where what is
        allowed has gaps that no step makes, the nearest allowed value stands for what is drawn.
        """
        if allowed is None:
            return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)
        step = 1 if self.log else _stride(allowed)
        drawn = trial.suggest_int(name, allowed[0], allowed[-1], step=step, log=self.log)
        return int(_nearest(drawn, allowed))

    def contains(self, value: object) -> bool:
        """Whether it is one of them."""
        return isinstance(value, int) and not isinstance(value, bool) and value in self.values

    def restricted(self, kept: Sequence[Any]) -> "IntRange":
        """The smallest such range that has some of its values, ascending."""
        return IntRange(kept[0], kept[-1], 1 if self.log else _stride(kept), self.log)

    def described(self) -> dict[str, object]:
        """Its ends, step and scale, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Its ends, step and scale, for a person."""
        return _range_text(self)


@dataclass(frozen=True)
class FloatRange:
    """The numbers from ``low`` to ``high``, both ends included; with a step, those on a grid."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def count(self) -> int | None:
        """How many they are; ``None`` without a step."""
        if self.step is None:
            return None
        return (exact(self.high) - exact(self.low)) // exact(self.step) + 1

    @property
    def values(self) -> Sequence[float] | None:
        """All of them, ascending; ``None`` without a step."""
        return None if self.count is None else [self._nth(number) for number in range(self.count)]

    def draw(self, trial: Suggest, name: str, allowed: Sequence[Any] | None = None) -> float:
        """Draw one of the values, or of those that are ``allowed``, ascending.

        With a step, the value is the one of them that is nearest to what was drawn.
        """
        low, high = (allowed[0], allowed[-1]) if allowed else (self.low, self.high)
        drawn = trial.suggest_float(name, low, high, step=self.step, log=self.log)
        if allowed:
            return float(_nearest(drawn, allowed))
        return drawn if self.step is None else self._nth(round((drawn - low) / self.step))

    def contains(self, value: object) -> bool:
        """Whether it is a number in the range, and on its grid."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        on_grid = self.step is None or self._nth(round((value - self.low) / self.step)) == value
        return self.low <= value <= self.high and on_grid

    def _nth(self, number: int) -> float:
        """The value so many steps from the lowest, without the sum's rounding."""
        return float(exact(self.low) + number * exact(self.step or 0))

    def restricted(self, kept: Sequence[Any]) -> "FloatRange":
        """The smallest such range that has some of its values, ascending."""
        return FloatRange(kept[0], kept[-1], step=self.step)

    def described(self) -> dict[str, object]:
        """Its ends, step and scale, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Its ends, step and scale, for a person."""
        return _range_text(self)


@dataclass(frozen=True)
class Choice:
    """One of some values, which have no order."""

    values: tuple[Scalar, ...]

    def draw(self, trial: Suggest, name: str, allowed: Sequence[Any] | None = None) -> Scalar:
        """Draw one of the values.

        Optuna wants the same choices in every trial, so all are offered.

        Raises:
            ConfigError: If the one that is drawn is not ``allowed`` in this trial.
        """
        drawn = trial.suggest_categorical(name, self.values)
        if allowed is not None and drawn not in allowed:
            options = ", ".join(map(repr, allowed))
            raise ConfigError(f"{name} must here be one of {options}, got {drawn!r}")
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

    def described(self) -> dict[str, object]:
        """Its values, for JSON."""
        return {"values": list(self.values)}

    def __str__(self) -> str:
        """Its values, for a person."""
        return f"of {', '.join(map(str, self.values))}"


Parameter = IntRange | FloatRange | Choice


def _range_text(parameter: IntRange | FloatRange) -> str:
    step = "" if parameter.step in (None, 1) else f" by {parameter.step}"
    scale = " (logarithmic)" if parameter.log else ""
    return f"from {parameter.low} to {parameter.high}{step}{scale}"


def exact(number: float) -> Fraction:
    """A number as its decimal digits say: 0.1 is a tenth."""
    return Fraction(str(number))


def _stride(values: Sequence[int]) -> int:
    """The greatest step that meets all of some ascending integers."""
    return math.gcd(*(after - before for before, after in pairwise(values))) or 1


def _nearest(drawn: Any, values: Sequence[Any]) -> Any:
    """The value with the least distance, the smaller of two."""
    return min(values, key=lambda value: (abs(value - drawn), value))
