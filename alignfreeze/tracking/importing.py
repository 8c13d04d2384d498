"""Results of the reference implementation as tracked runs."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import mlflow
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from alignfreeze.base.digests import hash_of
from alignfreeze.base.progress import progress_bar
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.tracking.names import (
    IMPORTED,
    IMPORTED_ROW,
    MODEL,
    PARAM,
    PROCESS,
    SEED,
    STRATEGY,
    TAG,
    TARGET_MEAN,
    TASK,
    ScoreName,
)
from alignfreeze.tracking.reference import SOURCE, ReferenceRow, read_rows
from alignfreeze.tracking.runs import BATCH_METRICS, end_dead_runs, this_process
from alignfreeze.tracking.store import hush

logger = logging.getLogger(__name__)


def _imported_rows(experiment: str) -> set[str]:
    """The identities of the rows that an experiment holds whole; the experiment need not exist."""
    hush()
    client = MlflowClient()
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return set()
    runs: list[Run] = mlflow.search_runs(
        [found.experiment_id],
        filter_string=f"attributes.status = 'FINISHED' and tags.`{TAG}{IMPORTED_ROW}` LIKE '%'",
        output_format="list",
    )
    return {run.data.tags[TAG + IMPORTED_ROW] for run in runs}


def _import_run(
    experiment: str,
    name: str,
    *,
    tags: Mapping[str, str],
    params: Mapping[str, str],
    metrics: Mapping[str, float],
) -> None:
    """Write a run that something else has made, at once and FINISHED.

    Tags are under ``alignfreeze.``, params under ``cfg.``, metrics as they are.
    """
    client = MlflowClient()
    try:
        found = client.get_experiment_by_name(experiment)
        number = found.experiment_id if found else client.create_experiment(experiment)
        run = client.create_run(number, run_name=name, tags={TAG + PROCESS: this_process()})
    except MlflowException as error:
        reason = " ".join(error.message.split())
        raise ConfigError(f"experiment {experiment!r}: {reason}") from None
    now, run_id = int(time.time() * 1000), run.info.run_id
    rows = [Metric(metric, value, now, 0) for metric, value in metrics.items()]
    status = "KILLED"
    try:
        for first in range(0, len(rows), BATCH_METRICS):
            client.log_batch(run_id, metrics=rows[first : first + BATCH_METRICS])
        client.log_batch(
            run_id,
            params=[Param(PARAM + key, value) for key, value in params.items()],
            tags=[RunTag(TAG + key, value) for key, value in tags.items()],
        )
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)


@dataclass(frozen=True)
class ImportOutcome:
    """What became of the rows.

    Attributes:
        experiment: The MLflow experiment that they are in.
        added: Rows that were new.
        known: Rows that were there already, or twice in the files.
        refused: A line for each malformed row: file, line, rule and value.
    """

    experiment: str
    added: int
    known: int
    refused: Sequence[str]


def import_results(
    files: Sequence[Path], experiment: str, *, renames: Mapping[str, str] | None = None
) -> ImportOutcome:
    """Track each row of some result files as a run, unless it is there already.

    Malformed rows are refused, each by its line; the others are imported.

    Args:
        files: Result files, see `read_rows`.
        experiment: Name of an MLflow experiment, which is made if need be.
        renames: Models' names to be replaced, by the name in the files.

    Raises:
        DataError: If a file cannot be read or is none; before anything is written.
        ConfigError: If MLflow has no experiment of that name, and cannot make one.
        Interrupted: When a signal asked the process to end; what is imported stays.
    """
    if not experiment.strip():
        raise ConfigError(f"experiment must be a name, got {experiment!r}")
    found = [(file, row) for file in files for row in read_rows(file, renames or {})]
    rows = [(file, row) for file, row in found if isinstance(row, ReferenceRow)]
    refused = [str(row) for _, row in found if isinstance(row, DataError)]
    for mended in dict.fromkeys(row.mended for _, row in rows if row.mended is not None):
        logger.warning("model %r is taken for %r", *mended)
    end_dead_runs()
    known = _imported_rows(experiment)
    new: dict[str, tuple[Path, ReferenceRow]] = {}
    for file, row in rows:
        identity = _row_identity(row)
        if identity not in known:
            new.setdefault(identity, (file, row))
    with signals_as_exceptions("the same command goes on: what is imported stays"):
        for identity, (file, row) in progress_bar(new.items(), "import", "row", shown=True):
            _import_run(
                experiment,
                f"imported-{row.strategy}-{row.task}",
                tags=_tags(row, file) | {IMPORTED_ROW: identity},
                params=_params(row),
                metrics=_metrics(row),
            )
    return ImportOutcome(experiment, len(new), len(rows) - len(new), refused)


def _row_identity(row: ReferenceRow) -> str:
    """The hash of what a row says, wherever it stands and however its model is spelt."""
    scores = sorted([*key, value] for key, value in row.scores.items())
    steps = [row.realign_steps, row.finetune_steps]
    return hash_of([row.model, row.task, row.method, row.seed, *steps, scores])


def _tags(row: ReferenceRow, file: Path) -> dict[str, str]:
    tags = {
        IMPORTED: "true",
        MODEL: row.model,
        STRATEGY: row.strategy,
        TASK: row.task,
        SEED: str(row.seed),
        "method": row.method,
        "source_file": file.name,
    }
    return tags | ({"aligner": row.aligner} if row.aligner else {})


def _params(row: ReferenceRow) -> dict[str, str]:
    steps = {"realign_steps": row.realign_steps, "finetune_steps": row.finetune_steps}
    given = {name: str(number) for name, number in steps.items() if number is not None}
    return {"source_language": SOURCE} | given


def _metrics(row: ReferenceRow) -> dict[str, float]:
    """Scores under the names that our own runs have, and their means over target languages."""
    targets: dict[str, list[float]] = {}
    for (language, metric), value in row.scores.items():
        if language != SOURCE:
            targets.setdefault(metric, []).append(value)
    means = {(TARGET_MEAN, metric): mean(values) for metric, values in targets.items()}
    scores = {**row.scores, **means}
    return {str(ScoreName("test", *key)): value for key, value in scores.items()}
