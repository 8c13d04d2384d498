"""How long cells realign whose encoders are on the way of one realignment: what the data tells."""

import logging

from alignfreeze.base.digests import hash_of
from alignfreeze.config import RunConfig
from alignfreeze.errors import AlignFreezeError
from alignfreeze.evaluation.finetuning import steps_of_epochs
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.evaluation.tasks import create_tasks
from alignfreeze.runs.phases import Phases
from alignfreeze.tracking.names import CELL
from alignfreeze.workers.queue import TRAJECTORY, TrialQueue

logger = logging.getLogger(__name__)

CONFIG = "config"
"""User attribute of a cell's trial: its configuration."""

STEPS = "steps"
"""What user attributes of a grid's study begin with that hold the steps of a model and task."""


class Lengths:
    """Realignment steps of the cells of a queue, which all of its workers share.

    The training rows of a task have to be read for them, once for each model.
    """

    def __init__(self, queue: TrialQueue) -> None:
        self._queue = queue

    def wanted(self, trajectory: str, phases: Phases) -> dict[int, str]:
        """After how many steps of a realignment cells that are not done want an encoder.

        Args:
            trajectory: What these cells have in common.
            phases: Of one of them.

        Returns:
            The identities of the cells, with commas between them, by steps.
        """
        (data,) = phases.preparation.tasks
        own = phases.realign_steps(data)
        self._remember(self._key(phases.preparation.config), own)
        found: dict[int, list[str]] = {}
        for trial in self._queue.trials():
            if trial.state.is_finished() or trial.user_attrs.get(TRAJECTORY) != trajectory:
                continue
            steps = self._steps(RunConfig.model_validate(trial.user_attrs[CONFIG]), phases)
            if steps is not None:
                found.setdefault(steps, []).append(str(trial.user_attrs[CELL]))
        return {steps: ",".join(sorted(cells)) for steps, cells in found.items()}

    def _steps(self, config: RunConfig, phases: Phases) -> int | None:
        """Steps of a cell; ``None``, with a warning, if its data is at fault, as it will say."""
        known = self._queue.study.user_attrs.get(key := self._key(config))
        if known is not None:
            return int(known)
        try:
            steps = _read_steps(config, phases)
        except AlignFreezeError as error:
            logger.warning(
                "%s is not realigned for together with others: %s", config.task[0], error
            )
            return None
        self._remember(key, steps)
        return steps

    def _key(self, config: RunConfig) -> str:
        """The user attribute of the study that holds a cell's steps; the same for all seeds."""
        told = config.model_dump(mode="json", include={"model", "task", "task_args"})
        return f"{STEPS}-{hash_of(told)}"

    def _remember(self, key: str, steps: int) -> None:
        if key not in self._queue.study.user_attrs:
            self._queue.study.set_user_attr(key, steps)


def _read_steps(config: RunConfig, phases: Phases) -> int:
    """Steps of a cell's realignment, where phases of another cell have found data and model."""
    if steps := config.realign_steps or config.finetune_steps:
        return steps
    (name,), made = config.task, phases.preparation
    here = config.model_copy(update={"data": made.config.data, "model": made.config.model})
    data = TaskData(
        name, create_tasks(here)[name], here, source=made.source, tokenizer=made.tokenizer
    )
    n_processes = phases.accelerator.num_processes
    return steps_of_epochs(here, data.task.epochs, len(data.training_features), n_processes)
