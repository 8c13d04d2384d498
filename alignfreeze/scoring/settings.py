"""What scoring is asked for, beside options of a run."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from alignfreeze.config import Count, Line, RunConfig, build_config, checked, given_values, unknown
from alignfreeze.errors import ConfigError


class ScoreConfig(BaseModel):
    """How sentence pairs are scored. What stands below a field is the command line's help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    output: Line = ""
    """folder to write to (default: that of the text)"""
    force: bool = False
    """replace scores that are there"""
    neighbours: Annotated[int, Field(ge=1, le=1000)] = 4
    """how many of a sentence's nearest neighbours count in the other language"""
    sample: Count = 16384
    """look for neighbours among so many sentence pairs, drawn at random; all, if they are fewer"""


def build_score(options: Mapping[str, Any]) -> tuple[RunConfig, ScoreConfig]:
    """Build both configurations from values by option; an empty text means not given.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
    """
    given = given_values(options)
    known = [*ScoreConfig.model_fields, *RunConfig.model_fields]
    for name in given:
        if name not in known:
            raise ConfigError(unknown(name, "a known option", known))
    own = {name: value for name, value in given.items() if name in ScoreConfig.model_fields}
    rest = {name: value for name, value in given.items() if name not in own}
    return build_config(rest), checked(ScoreConfig, own)
