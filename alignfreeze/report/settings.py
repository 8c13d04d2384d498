"""What a report is asked for."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alignfreeze.config import (
    BASELINE,
    Count,
    Line,
    Names,
    Seed,
    Text,
    checked,
    given_values,
    parse_arguments,
    split_names,
)
from alignfreeze.messages import shown

Metrics = Annotated[dict[str, str], BeforeValidator(parse_arguments)]


class ReportConfig(BaseModel):
    """What a report is asked for. What stands below a field is the command line's help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    output: Text = "report"
    """folder to write to"""
    experiments: Names = ()
    """MLflow experiments whose runs are reported (default: all of the store)"""
    where: Line = ""
    """further condition on runs, as MLflow filters, e.g. params.`cfg.layer` = '-1'"""
    source: Literal["own", "imported", "both"] = "own"
    """runs of this program, imported results, or both side by side"""
    models: Names = ()
    """models to report, by name without owner (default: all)"""
    tasks: Names = ()
    """tasks to report (default: all)"""
    strategies: Names = ()
    """strategies to report beside the baseline (default: all)"""
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(split_names)] = ()
    """seeds to report (default: all)"""
    reference: Annotated[Line, Field(min_length=1)] = BASELINE
    """the row that the others are compared with, by its name in the report, such as none"""
    aligner: Line = ""
    """aligner of imported results: dico, awesome or fastalign"""
    metrics: Metrics = Field(default_factory=dict)
    """metric by task, e.g. ner=f1,qa=f1_squad (default: the published table's)"""
    counting: Literal["exact", "paper", "published", "significant"] = "exact"
    """how wins and losses are counted: exact; paper (rounded to 0.1 first); published (as the
    printed counts came about); significant (at 0.05, corrected for many languages)"""
    correction: Literal["holm", "fdr"] = "holm"
    """of counting=significant and of what is marked as significant: Holm's; or that of Benjamini
    and Hochberg, for the false discovery rate"""
    published: bool = False
    """set the published figures beside these"""
    interval: Literal["hierarchical", "t", "bootstrap"] = "hierarchical"
    """95 % interval of a difference: over seeds and test examples, where predictions were kept;
    Student's t over seeds alone; or a plain bootstrap (too narrow of few seeds)"""
    resamples: Annotated[Count, Field(le=10**6)] = 10_000
    """how often test examples are drawn anew"""
    bootstrap_seed: Seed = 0
    """the seed of these draws"""

    @model_validator(mode="after")
    def _print_is_beside_the_baseline(self) -> Self:
        if self.published and self.reference != BASELINE:
            raise ValueError(
                "published needs reference 'baseline', with which the published counts compare, "
                f"got {shown(self.reference)}"
            )
        return self


def build_report(options: Mapping[str, Any]) -> ReportConfig:
    """Build what a report is asked for from values by option; an empty text is not given.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
    """
    return checked(ReportConfig, given_values(options))
