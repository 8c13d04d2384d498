"""What is searched of a strategy: its own bounds, the space file, and what is given."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignfreeze.config import describe_error
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.registry import STRATEGY, create_plugin
from alignfreeze.errors import ConfigError
from alignfreeze.search.combinations import Combinations
from alignfreeze.search.derivation import derived
from alignfreeze.search.parameters import Choice, FloatRange, IntRange, Parameter
from alignfreeze.search.targets import check_argument, complaints

logger = logging.getLogger(__name__)


def split(parameters: Mapping[str, Parameter]) -> tuple[dict[str, Parameter], dict[str, Any]]:
    """What is searched, and the values of what has but one."""
    pinned = {name: p.values[0] for name, p in parameters.items() if p.count == 1 and p.values}
    return {name: p for name, p in parameters.items() if name not in pinned}, pinned


@dataclass(frozen=True)
class StrategyArguments:
    """What is searched of a strategy.

    Attributes:
        strategy: Its name.
        model: Its class.
        named: What the space file says, by the parameter's name.
        file: The space file.
        n_layers: Of the encoder.
    """

    strategy: str
    model: type[FreezingStrategy]
    named: Mapping[str, Parameter]
    file: Path | None
    n_layers: int

    def resolved(self, given: Mapping[str, Any]) -> tuple[dict[str, Parameter], dict[str, Any]]:
        """The parameters by field, and the values of what is not searched.

        Args:
            given: Values that the fields have where the file does not name them.

        Raises:
            ConfigError: If a value cannot be, a field has none, or they contradict each other.
        """
        for field, value in given.items():
            self._check_given(field, value)
        parameters = {
            field: parameter
            for field in self.model.model_fields
            if (parameter := self._parameter(field, given)) is not None
        }
        held = {k: value for k, value in given.items() if self._label(k) not in self.named}
        searched, pinned = split(parameters)
        searched, more_pinned = split(self._restricted(searched, {**held, **pinned}))
        return searched, {**held, **pinned, **more_pinned}

    def _label(self, field: str) -> str:
        return f"{self.strategy}.{field}"

    def _check_given(self, field: str, value: object) -> None:
        try:
            check_argument(self.strategy, self.model, field, value, self.n_layers)
        except ConfigError as error:
            raise ConfigError(f"strategy_args: {error}") from None

    def _parameter(self, field: str, given: Mapping[str, Any]) -> Parameter | None:
        if self._label(field) in self.named:
            return self.named[self._label(field)]
        if field in given:
            return None
        info = self.model.model_fields[field]
        parameter = derived(self._label(field), info, self.n_layers)
        if parameter is None and info.is_required():
            raise ConfigError(
                f"{self._label(field)} must be given, in strategy_args or a space file, for it "
                "has neither a default nor two bounds"
            )
        return parameter

    def _restricted(
        self, searched: Mapping[str, Parameter], pinned: Mapping[str, Any]
    ) -> dict[str, Parameter]:
        """The parameters with only those values that some combination has."""
        if not searched:
            create_plugin(STRATEGY, self.strategy, pinned)
            return {}
        combinations = Combinations.of(self.model, searched)
        if next(combinations.complete(pinned), None) is None:
            raise self._contradiction(pinned)
        return {
            field: self._fitting(field, parameter, combinations.fitting(field, pinned), pinned)
            for field, parameter in searched.items()
        }

    def _fitting(
        self,
        field: str,
        parameter: Parameter,
        values: Sequence[Any] | None,
        pinned: Mapping[str, Any],
    ) -> Parameter:
        if values is None or len(values) == parameter.count:
            return parameter
        label = self._label(field)
        if label in self.named:
            ends = parameter.values if isinstance(parameter, Choice) else _ends(parameter)
            for value in ends:
                if value not in values:
                    raise self._contradiction({**pinned, field: value})
        logger.info("%s: %d of %s values fit its rules", label, len(values), parameter.count)
        return parameter.restricted(values)

    def _contradiction(self, values: Mapping[str, Any]) -> ConfigError:
        """The error for values that no others make a strategy: its own words, if it has some."""
        in_file = any(self._label(field) in self.named for field in values)
        where = f"{self.file}: " if in_file else "strategy_args: " if values else ""
        for error in complaints(self.model, values):
            if error["loc"] and error["loc"][0] in values:
                return ConfigError(f"{where}{self._label(describe_error(error, self.model))}")
        rest = ", ".join(f"{field}={value}" for field, value in values.items())
        return ConfigError(
            f"{where}strategy {self.strategy!r} must have values that go together, "
            f"but none go with {rest or 'its rules'}"
        )


def _ends(parameter: IntRange | FloatRange) -> tuple[float, float]:
    return parameter.low, parameter.high
