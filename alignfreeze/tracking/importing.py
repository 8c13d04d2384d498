"""Results of the reference implementation as tracked runs."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean

from mlflow.tracking import MlflowClient

from alignfreeze.base.digests import hash_of
from alignfreeze.base.processes import this_process
from alignfreeze.base.progress import progress_bar
from alignfreeze.base.signals import deferred_signals, signals_as_exceptions
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.messages import shown
from alignfreeze.tracking import names
from alignfreeze.tracking.creation import experiment_id
from alignfreeze.tracking.names import TAG, Kind, ScoreName
from alignfreeze.tracking.opening import kept
from alignfreeze.tracking.reference import SOURCE, ReferenceRow, read_rows
from alignfreeze.tracking.run_names import named
from alignfreeze.tracking.runs import TrackedRun, end_dead_runs
from alignfreeze.tracking.store import contact, search_runs
from alignfreeze.tracking.talking import asking
from alignfreeze.tracking.writing import WRITER

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImportOutcome:
    """What became of the rows.

    Attributes:
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
        ConfigError: If the experiment is no name.
        TrackingError: If MLflow has no experiment of that name, and cannot make one; or if the
            store is not there, or refuses.
        Interrupted: When a signal asked the process to end; what is imported stays.
    """
    if not experiment.strip():
        raise ConfigError(f"experiment must be a name, got {shown(experiment)}")
    WRITER.reset()
    contact()
    found = [(file, row) for file in files for row in read_rows(file, renames or {})]
    rows = [(file, row) for file, row in found if isinstance(row, ReferenceRow)]
    refused = [str(row) for _, row in found if isinstance(row, DataError)]
    for mended in dict.fromkeys(row.mended for _, row in rows if row.mended is not None):
        logger.warning("model %r is taken for %r", *mended)
    end_dead_runs()
    new: dict[str, tuple[Path, ReferenceRow]] = {}
    for file, row in rows:
        new.setdefault(_row_identity(row), (file, row))
    for identity in _imported_rows(experiment):
        new.pop(identity, None)
    with signals_as_exceptions("the same command goes on: what is imported stays"):
        # Found or made only if there is something to be put into it.
        asked = f"find experiment {shown(experiment)}"
        number = WRITER.patiently(asked, partial(experiment_id, experiment)) if new else ""
        for identity, (file, row) in progress_bar(new.items(), "import", "row", shown=True):
            _import_run(number, row, _tags(row, file) | {names.IMPORTED_ROW: identity})
    return ImportOutcome(experiment, len(new), len(rows) - len(new), refused)


def _imported_rows(experiment: str) -> set[str]:
    """The identities of the rows that an experiment holds whole; the experiment need not exist."""
    with asking(f"find experiment {shown(experiment)}"):
        found = MlflowClient().get_experiment_by_name(experiment)
    if found is None:
        return set()
    tag = TAG + names.IMPORTED_ROW
    where = f"attributes.status = 'FINISHED' and tags.`{tag}` LIKE '%'"
    return {run.data.tags[tag] for run in search_runs(where, [found.experiment_id])}


def _import_run(experiment: str, row: ReferenceRow, tags: Mapping[str, str]) -> None:
    """Write a run that something else has made, at once and FINISHED, in three calls.

    It says from the first which row it is, and counts as there by the last: see `_imported_rows`.
    """
    name = named("imported", row.strategy, row.task, seed=row.seed, model=row.model)
    said = {names.PROCESS: this_process(), names.KIND: Kind.IMPORTED_RESULT, **tags}
    said = {TAG + tag: kept(text) for tag, text in said.items()}

    def make() -> str:
        made = MlflowClient().create_run(experiment, run_name=name, tags=said)
        return str(made.info.run_id)

    run = TrackedRun(WRITER.patiently(f"make a run in experiment {experiment}", make))
    try:
        run.results(_params(row), _metrics(row))
    except BaseException as error:
        run.end_because_of(error)
        raise
    with deferred_signals():
        WRITER.end(str(run.run_id), "FINISHED")


def _row_identity(row: ReferenceRow) -> str:
    """The hash of what a row says, wherever it stands and however its model is spelt."""
    scores = sorted([*key, value] for key, value in row.scores.items())
    steps = [row.realign_steps, row.finetune_steps]
    return hash_of([row.model, row.task, row.method, row.seed, *steps, scores])


def _tags(row: ReferenceRow, file: Path) -> dict[str, str]:
    tags = {
        names.IMPORTED: "true",
        names.MODEL: row.model,
        names.STRATEGY: row.strategy,
        names.TASK: row.task,
        names.SEED: str(row.seed),
        names.METHOD: row.method,
        names.SOURCE_FILE: file.name,
    }
    return tags | ({names.ALIGNER: row.aligner} if row.aligner else {})


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
    means = {(names.TARGET_MEAN, metric): mean(values) for metric, values in targets.items()}
    scores = {**row.scores, **means}
    return {str(ScoreName("test", *key)): value for key, value in scores.items()}
