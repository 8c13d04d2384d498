"""What a search is asked for, beside the configuration of its runs."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PositiveFloat, model_validator

from alignfreeze.config import (
    Command,
    Count,
    CountOrZero,
    Line,
    Names,
    RunConfig,
    Seeds,
    StudyRole,
    build_config,
    checked,
    fields_with,
    given_values,
    parse_arguments,
    study_fields,
    unknown,
)
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown
from alignfreeze.workers.settings import WorkersConfig

Weights = Annotated[dict[str, PositiveFloat], BeforeValidator(parse_arguments)]

MEAN, WORST, HARMED = "mean", "worst", "harmed"

SCORES, FREE = StudyRole.SCORES, StudyRole.FREE

OWN_FIELDS = fields_with(RunConfig, lambda role: Command.SEARCH not in role.commands)
"""Options of a run that a search sets itself."""


class SearchConfig(WorkersConfig):
    """What a search is asked for. What stands below a field is the command line's help."""

    trials: Annotated[Count, FREE] = 20
    """trials of the study, with those it has already (a grid: all its cells)"""
    minutes: Annotated[PositiveFloat | None, FREE] = None
    """begin no trial after so many minutes (default: no limit)"""
    search_strategies: Annotated[Names, SCORES] = ()
    """freezing strategies to choose among (default: the one of strategy)"""
    search_objectives: Annotated[Names, SCORES] = ()
    """objectives of realignment to choose among, and whose hyperparameters to search (default: the
    one of objective, as it is)"""
    space: Annotated[Line, FREE] = ""
    """YAML file that changes or extends what is searched"""
    objectives: Annotated[Names, SCORES] = (MEAN,)
    """mean, or worst, of the target languages on validation; after a comma harmed: how many of them
    fall more than a standard deviation below the baseline"""
    weights: Annotated[Weights, SCORES] = Field(default_factory=dict)
    """weights of languages in the mean: de=2,… (default: 1)"""
    search_seeds: Annotated[Seeds, SCORES] = Field((31,), min_length=1)
    """seeds of a trial"""
    final_seeds: Annotated[Seeds, SCORES] = Field((31, 42, 66, 23, 17), min_length=1)
    """seeds of what is tested in the end, the baseline among it"""
    references: Annotated[Names, FREE] = ("none", "front")
    """strategies to test beside the best and the baseline; a lone comma: no others"""
    finalists: Annotated[Count, FREE] = 3
    """configurations to test, where two objectives leave several"""
    sampler: Annotated[Literal["tpe", "random", "grid"], SCORES] = "tpe"
    """how configurations are drawn: tpe, random, or grid"""
    pruner: Annotated[Literal["auto", "median", "hyperband", "none"], SCORES] = "auto"
    """what stops a trial early: median, hyperband (of one task and seed) or none; auto: median, and
    none with two objectives"""
    reports: Annotated[CountOrZero, SCORES] = 3
    """validations on the way through a fine-tuning, for the pruner"""
    report_rows: Annotated[Count, SCORES] = 100
    """examples of each language that these validations take"""

    @model_validator(mode="after")
    def _objectives_fit(self) -> Self:
        first, *second = self.objectives or ("",)
        if first not in (MEAN, WORST) or second not in ([], [HARMED]):
            raise ValueError(
                "objectives must be mean, worst, mean,harmed or worst,harmed, "
                f"got {shown(','.join(self.objectives))}"
            )
        if first == WORST and self.weights:
            raise ValueError("weights must be empty with objectives=worst, which has no mean")
        if second and len(self.final_seeds) < 2:
            raise ValueError(
                "final_seeds must be two or more with the objective harmed, which takes the "
                f"baseline's deviation over them, got {self.final_seeds[0]}"
            )
        if second and self.pruner not in ("auto", "none"):
            raise ValueError(
                f"pruner must be none with two objectives, which cannot be pruned, "
                f"got {shown(self.pruner)}"
            )
        return self

    @property
    def plugins(self) -> dict[str, tuple[str, ...]]:
        """What there is to choose among by name, by the option that names one."""
        return {"strategy": self.search_strategies, "objective": self.search_objectives}

    @property
    def chosen_pruner(self) -> Literal["median", "hyperband", "none"]:
        """The pruner, ``auto`` resolved."""
        if self.pruner != "auto":
            return self.pruner
        return "none" if len(self.objectives) > 1 else "median"


FREE_FIELDS = study_fields(SearchConfig, StudyRole.FREE)
"""Options of a search that may differ from one call to the next: trials do not depend on them."""


def build_search(options: Mapping[str, Any]) -> tuple[RunConfig, SearchConfig]:
    """Build the configuration of the runs and that of the search from values by option.

    These are fields of `RunConfig` and of `SearchConfig`, ``preset`` and ``config``, as
    `build_config` takes them; an empty text means not given.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
    """
    given = given_values(options)
    known = [*SearchConfig.model_fields, *RunConfig.model_fields, "preset", "config"]
    for name in given:
        if name not in known:
            raise ConfigError(unknown(name, "a known option", known))
    own = {name: value for name, value in given.items() if name in SearchConfig.model_fields}
    settings = checked(SearchConfig, own)
    config = build_config({name: value for name, value in given.items() if name not in own})
    decided = {name: RunConfig.model_fields[name].default for name in OWN_FIELDS}
    config = config.model_copy(update=decided | {"seed": settings.search_seeds[0]})
    # Hyperband decides at the reports 1, 3, 9, …: those lie ever farther apart, fine-tunings side
    # by side. The later ones of several would have no decision; of four, with any reduction factor.
    tasks, seeds = len(config.task), len(settings.search_seeds)
    if settings.pruner == "hyperband" and tasks * seeds > 1:
        raise ConfigError(
            "pruner must be median or none with several tasks or search_seeds, the later of which "
            f"hyperband does not reach, got 'hyperband' with {tasks} x {seeds}"
        )
    return config, settings
