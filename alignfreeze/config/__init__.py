"""The options of a run, and the one way to build them from text."""

from alignfreeze.config.building import (
    build_config,
    merged_options,
    preset_names,
    preset_options,
    validated,
)
from alignfreeze.config.options import BASELINE, RunConfig, is_repeated, model_name
from alignfreeze.config.parsing import (
    Arguments,
    Layers,
    Names,
    Ratio,
    Seeds,
    all_different,
    describe_error,
    parse_arguments,
    split_names,
)

__all__ = [
    "BASELINE",
    "Arguments",
    "Layers",
    "Names",
    "Ratio",
    "RunConfig",
    "Seeds",
    "all_different",
    "build_config",
    "describe_error",
    "is_repeated",
    "merged_options",
    "model_name",
    "parse_arguments",
    "preset_names",
    "preset_options",
    "split_names",
    "validated",
]
