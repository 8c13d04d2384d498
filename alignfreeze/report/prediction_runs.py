"""Fine-tunings whose predictions are set side by side: found by the ids that a person knows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alignfreeze.config import BASELINE
from alignfreeze.contracts import Split
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.evaluation.outcome_files import OutcomeOrigin, outcome_file, read_origin
from alignfreeze.messages import listed, shown
from alignfreeze.report.realignment_names import row_name
from alignfreeze.tracking import names
from alignfreeze.tracking.location import artifact_path
from alignfreeze.tracking.store import StoredRun, require_run, search_runs, stored_run


@dataclass(frozen=True)
class PredictedRun:
    """A fine-tuning with predictions.

    Attributes:
        run: The fine-tuning.
        name: What it is called beside another.
        path: The file of its predictions, on this machine.
        origin: What they are of.
    """

    run: StoredRun
    name: str
    path: Path
    origin: OutcomeOrigin


def find_predictions(
    asked: Sequence[str], *, split: Split, task: str, folder: Path
) -> list[PredictedRun]:
    """The fine-tunings that some runs are, or have in them: one or two.

    Of one run with a baseline in it, that is the second.

    Args:
        asked: Ids of one or two runs: fine-tunings, cells of grids, or whole runs.
        split: The split that was predicted.
        task: The task; empty for the first that the first run has.
        folder: Where files from elsewhere are downloaded to.

    Raises:
        ConfigError: If a run is not there, or has no such fine-tuning.
        DataError: If it has kept no predictions, or they are damaged.
    """
    if not 1 <= len(asked) <= 2:
        raise ConfigError(f"predictions takes one run or two, got {len(asked)}")
    chosen: list[StoredRun] = []
    for run_id in asked:
        require_run(run_id)
        found = list(_finetunings(run_id))
        task = task or (found[0].tags.get(names.TASK, "") if found else "")
        own = [run for run in found if run.tags.get(names.TASK) == task]
        if not own:
            known = listed(sorted({run.tags.get(names.TASK, "") for run in found})) or "none"
            what = f" on {shown(task)}" if task else ""
            raise ConfigError(f"run {run_id} must have a fine-tuning{what}, has those on: {known}")
        chosen += _main_first(run_id, own)[: 3 - len(asked)]
    labels = [row_name(run) for run in chosen]
    if len(set(labels)) < len(chosen):
        labels = [
            f"{label} seed {run.tags.get(names.SEED)} ({run.run_id[:8]})"
            for label, run in zip(labels, chosen, strict=True)
        ]
    return [_with_file(run, name, split, folder) for run, name in zip(chosen, labels, strict=True)]


def _finetunings(run_id: str) -> Iterable[StoredRun]:
    """The fine-tuning that a run is, or those that are nested in it, or that it took over."""
    asked = stored_run(run_id)
    if asked is None:
        return
    if asked.kind is names.Kind.FINETUNING:
        yield asked
        return
    nested = search_runs(f"tags.`mlflow.parentRunId` = '{run_id}'")
    taken = [of for tag, of in asked.tags.items() if tag.startswith(names.REUSED_FINETUNING)]
    for own in [*reversed([run.info.run_id for run in nested]), *taken]:
        run = stored_run(own)
        if run is not None and run.kind is names.Kind.FINETUNING:
            yield run


def _main_first(run_id: str, found: list[StoredRun]) -> list[StoredRun]:
    """The fine-tuning after a run's own strategy, and that of its baseline, if it has both."""
    asked = stored_run(run_id)
    strategy = asked.tags.get(names.STRATEGY) if asked else None
    main = next((run for run in found if run.tags.get(names.STRATEGY) == strategy), found[0])
    others = [run for run in found if run.tags.get(names.STRATEGY) == BASELINE and run is not main]
    return [main, *others[:1]]


def _with_file(run: StoredRun, name: str, split: Split, folder: Path) -> PredictedRun:
    path = artifact_path(run.run_id, outcome_file(split), folder)
    if path is None:
        raise DataError(
            f"run {run.run_id} ({run.name}) has kept no predictions of the {split} split: runs of "
            "older versions have not, nor those with save_predictions=false; reuse=false runs it "
            "again"
        )
    return PredictedRun(run, name, path, read_origin(path))
