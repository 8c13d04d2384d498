"""What a benchmark is asked for: the sides of its grid, and the settings of its runs."""

from collections import Counter
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any

from pydantic import Field

from alignfreeze.base.structured import read_yaml
from alignfreeze.config import (
    Arguments,
    Command,
    Line,
    Names,
    RunConfig,
    Seeds,
    Sourced,
    StudyRole,
    Whens,
    checked_sourced,
    fields_with,
    given_options,
    is_repeated,
    model_name,
    of_tasks,
    parse_arguments,
    preset_options,
    study_fields,
    unknown,
)
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown, suggestion
from alignfreeze.workers.settings import WorkersConfig

OWN_FIELDS = fields_with(RunConfig, lambda role: Command.BENCHMARK not in role.commands)
"""Options of a run that a benchmark sets itself."""

OF_RUNS = [name for name in RunConfig.model_fields if name not in OWN_FIELDS]
"""Options that all runs of a grid take."""

SAME_FOR_ALL = fields_with(RunConfig, lambda role: role.common)
"""Options that all models of a grid share: their results stand in one table."""

SIDE, SOURCE = StudyRole.SIDE, StudyRole.SOURCE

DEMO = "demo"
STANDARD = "standard"


class BenchmarkConfig(WorkersConfig):
    """What a benchmark is asked for. What stands below a field is the command line's help."""

    preset: Annotated[Line, SOURCE] = ""
    """grid by name: demo, standard, paper, paper-as-run (default: demo, or standard for other data
    or models)"""
    config: Annotated[Line, SOURCE] = ""
    """YAML file of options, such as the grid.yaml of an earlier benchmark"""
    models: Annotated[Names, SIDE] = ()
    """encoders, each as for run (default: the grid's)"""
    strategies: Annotated[Names, SIDE] = ()
    """strategies, e.g. baseline,front:boundary=3 (default: the grid's)"""
    objectives: Annotated[Names, SIDE] = ("contrastive",)
    """objectives of realignment, e.g. contrastive,distance:pull=2"""
    realign_when: Annotated[Whens, SIDE] = ("before",)
    """when to realign: before, during, before+during, after, or several of them"""
    tasks: Annotated[Names, SIDE] = ()
    """tasks (default: the grid's)"""
    seeds: Annotated[Seeds, SIDE] = ()
    """seeds (default: the grid's)"""
    model_settings: Annotated[Arguments, StudyRole.SCORES] = Field(default_factory=dict)
    """options of one model: MODEL.option=value,… or JSON"""
    drop_encoders: Annotated[bool, StudyRole.FREE] = False
    """remove a realigned encoder from the tracking store as soon as all cells that share it are
    done"""
    dry_run: Annotated[bool, StudyRole.FREE] = False
    """say what would be done, and do nothing"""


@dataclass(frozen=True)
class Grid:
    """A grid, with everything that its runs are to be.

    Attributes:
        settings: What was asked for, with all sides of the grid.
        by_model: The configuration of a model's runs; task, strategy and seed are not set yet.
        options: All options that make the same grid again.
        run_preset: The preset of its runs.
    """

    settings: BenchmarkConfig
    by_model: Mapping[str, RunConfig]
    options: Mapping[str, Any]
    run_preset: str


def build_benchmark(options: Mapping[str, Any]) -> Grid:
    """Build a grid from values by option; an empty text means not given.

    What is given wins over the file that ``config`` names, which wins over the ``preset`` (by
    default ``demo`` for the embedded data and model, else ``standard``), which wins over the
    defaults. Settings of one model win over those of all from the same place.

    Args:
        options: Field names of `BenchmarkConfig`, and those of `RunConfig` that it does not set.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
    """
    found = given_options(options)
    given = {name: value for name, (value, _) in found.items()}
    for name in given:
        if name not in (known := [*BenchmarkConfig.model_fields, *OF_RUNS]):
            raise ConfigError(unknown(name, "an option of a benchmark", known))
    preset = given.pop("preset", None)
    if not preset:
        embedded = given.get("data", DEMO) == DEMO and given.get("models", DEMO) in (DEMO, [DEMO])
        preset = DEMO if embedded else STANDARD
    defaults = _grid(str(preset))
    sides = _only(BenchmarkConfig.model_fields, defaults)
    own = _only(BenchmarkConfig.model_fields, given)
    settings = _settings(_sourced({**sides, **own, "preset": str(preset)}, found))
    of_preset = _of_runs(defaults["run_preset"], settings.tasks)
    of_all = of_preset | _only(OF_RUNS, defaults)
    presets: Mapping[str, str] = defaults.get("model_presets", {})
    usual = {model: _of_runs(name, settings.tasks) for model, name in presets.items()}
    asked = _model_settings(settings)
    of_given = _only(OF_RUNS, given)
    decided = {"task": settings.tasks, "compare": (), "seed": settings.seeds[0]}
    by_model = {
        model: checked_sourced(
            RunConfig,
            _sourced({**of_all, **usual.get(model, {}), **of_given}, found)
            | _sourced({**asked.get(model, {}), **decided, "model": model}, {}),
        )
        for model in settings.models
    }
    all_sides = study_fields(BenchmarkConfig, SIDE)
    said = settings.model_dump(mode="json", include={*all_sides, "preset"})
    said |= settings.model_dump(mode="json", include={"model_settings"}, exclude_defaults=True)
    return Grid(settings, by_model, said | of_given, defaults["run_preset"])


def _sourced(values: Mapping[str, Any], found: Mapping[str, Sourced]) -> dict[str, Sourced]:
    """Values with where they come from, as far as a file does not come with the package."""
    return {name: found.get(name, Sourced(value)) for name, value in values.items()}


def _of_runs(preset: str, tasks: Collection[str]) -> dict[str, Any]:
    """What a preset sets for the runs of a grid with some tasks."""
    return _only(OF_RUNS, of_tasks(preset_options(preset), tasks))


def _only(names: Container[str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def _grid(name: str) -> dict[str, Any]:
    """What a grid that comes with the package sets."""
    folder = resources.files("alignfreeze.benchmark").joinpath("grids")
    files = {file.name.removesuffix(".yaml"): file for file in folder.iterdir()}
    if name not in files:
        known = sorted(files)
        hint = suggestion(name, known)
        raise ConfigError(f"preset must be one of {', '.join(known)}, got {shown(name)}{hint}")
    values: dict[str, Any] = read_yaml(files[name].read_text("utf-8"))
    of_bases: dict[str, Any] = {}
    for base in values.pop("bases", ()):
        of_bases |= _grid(base)
    return of_bases | values


def _settings(values: Mapping[str, Sourced]) -> BenchmarkConfig:
    settings = checked_sourced(BenchmarkConfig, values)
    for side in study_fields(BenchmarkConfig, SIDE):
        if not getattr(settings, side):
            raise ConfigError(f"{side} must name at least one")
    names = Counter(model_name(model) for model in settings.models)
    if twice := [model for model in settings.models if names[model_name(model)] > 1]:
        raise ConfigError(
            "models must differ in the last part of their names, by which reports tell them, got "
            f"{', '.join(twice)}"
        )
    return settings


def _model_settings(settings: BenchmarkConfig) -> dict[str, dict[str, Any]]:
    """The options of each model that has some of its own."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in settings.model_settings.items():
        model, _, option = key.rpartition(".")
        own = {option: value}
        if isinstance(value, dict):
            model, own = key, value
        if model not in settings.models:
            raise ConfigError(
                "model_settings must be MODEL.option=value with one of the models "
                f"{', '.join(settings.models)}, got {shown(key)}"
            )
        for option, given in own.items():
            if option not in RunConfig.model_fields:
                raise ConfigError(f"model_settings must be options of a run, got {shown(option)}")
            if option in (*OWN_FIELDS, *SAME_FOR_ALL):
                raise ConfigError(
                    f"model_settings must be none of {', '.join((*SAME_FOR_ALL, *OWN_FIELDS))}, "
                    f"which are the grid's, got {shown(option)}"
                )
            # A lone number of several that there might be.
            one = is_repeated(option) and isinstance(given, int)
            found.setdefault(model, {})[option] = str(given) if one else given
    return found


def plugin_of(side: str, entry: str) -> tuple[str, dict[str, Any]]:
    """The plugin of ``front:boundary=3:embeddings=true``, and its hyperparameters.

    Args:
        side: The side of a grid that it is of: ``strategies`` or ``objectives``.
        entry: As that option has it.

    Raises:
        ConfigError: If what follows the name is not name=value.
    """
    name, *pairs = entry.split(":")
    try:
        args = parse_arguments(",".join(pairs))
    except ValueError:
        raise ConfigError(
            f"{side} must be NAME, or NAME:hyperparameter=value:…, got {shown(entry)}"
        ) from None
    return name, args if isinstance(args, dict) else {}
