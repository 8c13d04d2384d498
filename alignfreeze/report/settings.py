"""What a report is asked for."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, PositiveInt

from alignfreeze.config import Names, checked, parse_arguments, split_names

Metrics = Annotated[dict[str, str], BeforeValidator(parse_arguments)]


class ReportConfig(BaseModel):
    """What a report is asked for. Field descriptions are the command line's help."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: str = Field("report", description="folder to write to", min_length=1)
    experiments: Names = Field(
        (), description="MLflow experiments whose runs are reported (default: all of the store)"
    )
    where: str = Field(
        "",
        description="further condition on runs, as MLflow filters, e.g. params.`cfg.layer` = '-1'",
    )
    source: Literal["own", "imported", "both"] = Field(
        "own", description="runs of this program, imported results, or both side by side"
    )
    models: Names = Field((), description="models to report, by name without owner (default: all)")
    tasks: Names = Field((), description="tasks to report (default: all)")
    strategies: Names = Field(
        (), description="strategies to report beside the baseline (default: all)"
    )
    seeds: Annotated[tuple[NonNegativeInt, ...], BeforeValidator(split_names)] = Field(
        (), description="seeds to report (default: all)"
    )
    aligner: str = Field("", description="aligner of imported results: dico, awesome or fastalign")
    metrics: Metrics = Field(
        default_factory=dict,
        description="metric by task, e.g. ner=f1,qa=f1_squad (default: the published table's)",
    )
    counting: Literal["exact", "paper", "published"] = Field(
        "exact",
        description="how wins and losses are counted: exact; paper (rounded to 0.1 first); "
        "published (as the printed counts came about)",
    )
    published: bool = Field(False, description="set the published figures beside these")
    interval: Literal["t", "bootstrap"] = Field(
        "t",
        description="95 % interval of a difference, paired over seeds: Student's t, or a bootstrap "
        "(too narrow of few seeds)",
    )
    resamples: PositiveInt = Field(10_000, description="resamples of interval=bootstrap")
    bootstrap_seed: NonNegativeInt = Field(0, description="its seed")


def build_report(options: Mapping[str, str]) -> ReportConfig:
    """Build what a report is asked for from the text of options; an empty one is not given.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
    """
    return checked(ReportConfig, {name: text for name, text in options.items() if text != ""})
