"""What a search is asked for, beside the configuration of its runs."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from alignfreeze.config import (
    Names,
    RunConfig,
    Seeds,
    build_config,
    describe_error,
    parse_arguments,
)
from alignfreeze.errors import ConfigError
from alignfreeze.workers.settings import WorkersConfig

Weights = Annotated[dict[str, PositiveFloat], BeforeValidator(parse_arguments)]

MEAN = "mean"
WORST = "worst"
HARMED = "harmed"

OWN_FIELDS = ("compare", "encoder", "resume", "reuse", "save_model", "seed")
"""Options of a run that a search sets itself."""

FREE_FIELDS = (
    "study",
    "storage",
    "trials",
    "minutes",
    "space",
    "references",
    "finalists",
    "workers",
    "launcher",
    "launcher_args",
    "heartbeat",
)
"""Options of a search that may differ from one call to the next: trials do not depend on them."""


class SearchConfig(WorkersConfig):
    """What a search is asked for. Field descriptions are the command line's help."""

    trials: PositiveInt = Field(
        20, description="trials of the study, with those it has already (a grid: all its cells)"
    )
    minutes: PositiveFloat | None = Field(
        None, description="begin no trial after so many minutes (default: no limit)"
    )
    search_strategies: Names = Field(
        (), description="freezing strategies to choose among (default: the one of strategy)"
    )
    space: str = Field("", description="YAML file that changes or extends what is searched")
    objectives: Names = Field(
        (MEAN,),
        description="mean, or worst, of the target languages on validation; after a comma harmed: "
        "how many of them fall more than a standard deviation below the baseline",
    )
    weights: Weights = Field(
        default_factory=dict, description="weights of languages in the mean: de=2,… (default: 1)"
    )
    search_seeds: Seeds = Field((31,), description="seeds of a trial", min_length=1)
    final_seeds: Seeds = Field(
        (31, 42, 66, 23, 17),
        description="seeds of what is tested in the end, the baseline among it",
        min_length=1,
    )
    references: Names = Field(
        ("none", "front"),
        description="strategies to test beside the best and the baseline; a lone comma: no others",
    )
    finalists: PositiveInt = Field(
        3, description="configurations to test, where two objectives leave several"
    )
    sampler: Literal["tpe", "random", "grid"] = Field(
        "tpe", description="how configurations are drawn: tpe, random, or grid"
    )
    pruner: Literal["auto", "median", "hyperband", "none"] = Field(
        "auto",
        description="what stops a trial early: median, hyperband (of one task and seed) or none; "
        "auto: median, and none with two objectives",
    )
    reports: NonNegativeInt = Field(
        3, description="validations on the way through a fine-tuning, for the pruner"
    )
    report_rows: PositiveInt = Field(
        100, description="examples of each language that these validations take"
    )

    @model_validator(mode="after")
    def _objectives_fit(self) -> Self:
        first, *second = self.objectives or ("",)
        if first not in (MEAN, WORST) or second not in ([], [HARMED]):
            raise ValueError(
                "objectives must be mean, worst, mean,harmed or worst,harmed, "
                f"got {','.join(self.objectives)!r}"
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
                f"got {self.pruner!r}"
            )
        return self

    @property
    def chosen_pruner(self) -> Literal["median", "hyperband", "none"]:
        """The pruner, ``auto`` resolved."""
        if self.pruner != "auto":
            return self.pruner
        return "none" if len(self.objectives) > 1 else "median"


def build_search(options: Mapping[str, str]) -> tuple[RunConfig, SearchConfig]:
    """Build the configuration of the runs and that of the search from the text of options.

    Args:
        options: Field names of `RunConfig` and of `SearchConfig`, ``preset`` and ``config``; an
            empty text means not given.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
    """
    config, settings = _built(options)
    _check_pruner(config, settings)
    return config, settings


def _built(options: Mapping[str, str]) -> tuple[RunConfig, SearchConfig]:
    own = {name: text for name, text in options.items() if name in SearchConfig.model_fields}
    try:
        settings = SearchConfig.model_validate({k: text for k, text in own.items() if text != ""})
    except ValidationError as error:
        problems = (describe_error(details, SearchConfig) for details in error.errors())
        raise ConfigError("; ".join(problems)) from None
    config = build_config({name: text for name, text in options.items() if name not in own})
    decided = dict.fromkeys(OWN_FIELDS) | {"compare": (), "encoder": "", "reuse": True}
    decided |= {"resume": False, "save_model": False, "seed": settings.search_seeds[0]}
    return config.model_copy(update=decided), settings


def _check_pruner(config: RunConfig, settings: SearchConfig) -> None:
    """Check that hyperband can stop a trial wherever it is bad.

    It decides at the reports 1, 3, 9, …: those lie ever farther apart, fine-tunings side by side.
    The later ones of several would have no decision; of four, with any reduction factor.

    Raises:
        ConfigError: If trials have several tasks or seeds.
    """
    tasks, seeds = len(config.task), len(settings.search_seeds)
    if settings.pruner == "hyperband" and tasks * seeds > 1:
        raise ConfigError(
            "pruner must be median or none with several tasks or search_seeds, the later of which "
            f"hyperband does not reach, got 'hyperband' with {tasks} x {seeds}"
        )
