"""Values of a configuration, as a study holds them."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import ValidationError

from alignfreeze.config import RunConfig, describe_error
from alignfreeze.errors import ConfigError
from alignfreeze.search.parameters import Scalar


def with_values(config: RunConfig, values: Mapping[str, object]) -> RunConfig:
    """A configuration with other values of some fields, or their text.

    Raises:
        ConfigError: If one breaks its rule; one line.
    """
    try:
        return RunConfig.model_validate({**config.model_dump(), **values})
    except ValidationError as error:
        raise ConfigError("; ".join(describe_error(e, RunConfig) for e in error.errors())) from None


def as_scalar(value: Any) -> Scalar:
    """A value as a study can hold it: of several, the text that `RunConfig` reads them from."""
    if isinstance(value, Enum):
        return as_scalar(value.value)
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    scalar: Scalar = value
    return scalar
