"""The options of a run, and the one way to build them from text."""

from alignfreeze.config.building import (
    build_config,
    checked,
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
from alignfreeze.config.roles import (
    About,
    Command,
    Phase,
    Role,
    StudyRole,
    fields_with,
    role_of,
    study_fields,
)

__all__ = [
    "BASELINE",
    "About",
    "Arguments",
    "Command",
    "Layers",
    "Names",
    "Phase",
    "Ratio",
    "Role",
    "RunConfig",
    "Seeds",
    "StudyRole",
    "all_different",
    "build_config",
    "checked",
    "describe_error",
    "fields_with",
    "is_repeated",
    "merged_options",
    "model_name",
    "parse_arguments",
    "preset_names",
    "preset_options",
    "role_of",
    "split_names",
    "study_fields",
    "validated",
]
