"""What runs have kept of their test examples: read once, for intervals over examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alignfreeze.base.progress import passing_bars, progress_bar
from alignfreeze.contracts.outcomes import Parts
from alignfreeze.errors import DataError
from alignfreeze.evaluation.outcome_files import outcome_file, read_origin, read_parts
from alignfreeze.report.realignment_names import is_imported
from alignfreeze.report.results import Result
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.tracking.location import artifact_path

NOT_KEPT = "no predictions were kept"

Cell = tuple[str, int]
"""A variant and a seed."""


@dataclass(frozen=True)
class KeptOutcomes:
    """What a run has kept of its test examples.

    Attributes:
        parts: By language, the parts of the examples in a metric.
        digests: By language, the digest of the file that the examples are from.
        reason: Why there are none; empty where there are.
    """

    parts: Mapping[str, Parts] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def kept_outcomes(
    table: ScoreTable, results: Sequence[Result], *, folder: Path
) -> dict[Cell, KeptOutcomes]:
    """By variant and seed, what the runs of a table have kept.

    Args:
        table: Whose metric the parts are to be of.
        results: One of each variant and seed.
        folder: Where files of a store elsewhere are downloaded to.
    """
    with passing_bars(), progress_bar(results, "reading predictions", "run", shown=True) as runs:
        return {
            (result.variant, result.seed): _kept(result, table.metric, folder) for result in runs
        }


def _kept(result: Result, metric: str, folder: Path) -> KeptOutcomes:
    name = outcome_file("test")
    run = result.run
    path = None if is_imported(run) else artifact_path(run.run_id, name, folder)
    if path is None:
        return KeptOutcomes(reason=NOT_KEPT)
    try:
        parts, digests = read_parts(path, metric), read_origin(path).digests
    except DataError as error:
        return KeptOutcomes(reason=str(error))
    missing = "" if parts else f"the predictions hold nothing of {metric}"
    return KeptOutcomes(parts, digests, missing)
