"""Results that runs have taken over from others: they count for both, whatever each is called."""

from collections.abc import Callable, Sequence

from alignfreeze.config import model_name
from alignfreeze.report.results import is_finetuning
from alignfreeze.tracking.names import REUSED_FINETUNING
from alignfreeze.tracking.store import StoredRun


def with_taken_over(
    runs: Sequence[StoredRun], find: Callable[[str], StoredRun | None]
) -> list[StoredRun]:
    """Runs, and after each that took fine-tunings over, these under its own names.

    What is taken over has the same content, but its run may be of another experiment, and may have
    another name for the same model or data, by which a report would lose it.

    Args:
        runs: The newest first.
        find: Finds a run of the store by its id.
    """
    present = {(run.run_id, *_names(run)) for run in runs if is_finetuning(run)}
    complete = []
    for run in runs:
        complete.append(run)
        taken_over = [text for tag, text in run.tags.items() if tag.startswith(REUSED_FINETUNING)]
        for run_id in dict.fromkeys(taken_over):
            key = (run_id, *_names(run))
            original = None if key in present else find(run_id)
            if original is not None:
                present.add(key)
                complete.append(_under_names_of(run, original))
    return complete


def _names(run: StoredRun) -> tuple[str, str]:
    """What reports call a run's model and its data."""
    return model_name(run.tags.get("model", "")), model_name(run.params.get("data", ""))


def _under_names_of(run: StoredRun, original: StoredRun) -> StoredRun:
    """What a run has taken over, as its own."""
    tags = {**original.tags, "model": run.tags["model"]}
    params = {**original.params, **{k: run.params[k] for k in ("data", "model") if k in run.params}}
    return original._replace(tags=tags, params=params, started=run.started)
