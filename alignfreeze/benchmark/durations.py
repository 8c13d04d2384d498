"""How long cells will take, from how long phases took that the tracking store holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median

from alignfreeze.benchmark.cells import Cell
from alignfreeze.tracking.names import FINETUNE_STEPS
from alignfreeze.tracking.store import StoredRun

_DATA_DECIDES = ("data", "finetune_epochs", "finetune_batch_size", "accumulation")
"""What decides with the task how many steps a fine-tuning takes that is not told."""


class Speeds:
    """Seconds per optimizer step, by model and what was trained.

    Evaluation and measurements after a phase are in them, so that they hold for phases of a
    like length.

    Args:
        runs: Runs of the tracking store.
    """

    def __init__(self, runs: Iterable[StoredRun]) -> None:
        self._seconds: dict[tuple[str, ...], list[float]] = defaultdict(list)
        self._steps: dict[tuple[str, ...], int] = {}
        for run in runs:
            if run.status == "FINISHED" and run.seconds is not None:
                self._learn(run, run.seconds)

    def _learn(self, run: StoredRun, seconds: float) -> None:
        model = run.tags.get("model", "")
        for phase, about in (("realign", run.tags["strategy"]), ("finetune", run.tags["task"])):
            steps = run.params.get(f"{phase}_steps", "")
            if run.name.startswith(phase) and steps.isdigit():
                self._seconds[phase, model, about].append(seconds / int(steps))
                self._seconds[phase, model].append(seconds / int(steps))
        if FINETUNE_STEPS in run.metrics:
            self._steps[_known_by(run.tags["task"], run.params)] = int(run.metrics[FINETUNE_STEPS])

    def finetuning(self, cell: Cell) -> float | None:
        """Seconds of a cell's fine-tuning and evaluation; ``None`` if nothing like it is known."""
        return self._estimate("finetune", cell, cell.task, self._finetune_steps(cell))

    def realignment(self, cell: Cell) -> float | None:
        """Seconds of a cell's realignment; ``None`` if nothing like it is known."""
        steps = cell.config.realign_steps or self._finetune_steps(cell)
        return self._estimate("realign", cell, cell.config.strategy, steps)

    def _finetune_steps(self, cell: Cell) -> int | None:
        params = {name: str(getattr(cell.config, name)) for name in _DATA_DECIDES}
        return cell.config.finetune_steps or self._steps.get(_known_by(cell.task, params))

    def _estimate(self, phase: str, cell: Cell, about: str, steps: int | None) -> float | None:
        model = cell.config.model
        found = self._seconds.get((phase, model, about)) or self._seconds.get((phase, model))
        return None if steps is None or not found else median(found) * steps


def _known_by(task: str, params: Mapping[str, str]) -> tuple[str, ...]:
    return task, *(params.get(name, "") for name in _DATA_DECIDES)
