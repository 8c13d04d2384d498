"""What a person sees of a search: a line for each trial that ends."""

import logging

from optuna.trial import FrozenTrial, TrialState

from alignfreeze.search.stages import PRUNED_STEP
from alignfreeze.search.study import StudyHandle
from alignfreeze.search.trials import CONTENDER, SECONDS, SEED
from alignfreeze.workers.queue import TrialQueue, problem_of

logger = logging.getLogger(__name__)


class Watch:
    """Logs the trials of a queue as they end; those that had ended before are counted.

    Args:
        handle: The study.
        queue: One of its queues.
        wanted: How many trials there are to be.
    """

    def __init__(self, handle: StudyHandle, queue: TrialQueue, wanted: int) -> None:
        self._wanted = wanted
        self._handle = handle
        self._queue = queue
        self._told = {t.number for t in queue.trials() if t.state.is_finished()}
        if self._told:
            logger.info("%s: %d done before", queue.study.study_name, len(self._told))

    def look(self) -> None:
        """Log what has ended since the last look."""
        finished = [t for t in self._queue.trials() if t.state.is_finished()]
        for trial in finished:
            if trial.number not in self._told:
                self._told.add(trial.number)
                self._tell(trial, len(self._told))

    def _tell(self, trial: FrozenTrial, number: int) -> None:
        took = f"{trial.user_attrs.get(SECONDS, float('nan')):.1f} s"
        what, count = self._name(trial), f"[{number}/{max(number, self._wanted)}]"
        if trial.state == TrialState.FAIL:
            logger.warning("%s %s failed: %s", count, what, problem_of(trial))
        elif trial.state == TrialState.PRUNED:
            step = trial.user_attrs[PRUNED_STEP]
            logger.info("%s %s: pruned at report %d, %s", count, what, step, took)
        elif SEED not in trial.user_attrs:
            logger.info("%s %s: %s, %s", count, what, self._values(trial), took)
        else:
            logger.info("%s %s: done, %s", count, what, took)

    def _name(self, trial: FrozenTrial) -> str:
        if SEED in trial.user_attrs:
            contender = trial.user_attrs.get(CONTENDER)
            what = f"test of {contender}" if contender else "baseline"
            return f"{what}, seed {trial.user_attrs[SEED]}"
        params = ", ".join(f"{name}={_short(value)}" for name, value in trial.params.items())
        return f"trial {trial.number} ({params})"

    def _values(self, trial: FrozenTrial) -> str:
        names = self._handle.settings.objectives
        (first, value), *counts = zip(names, trial.values, strict=True)
        return ", ".join([f"{first} {100 * value:.2f} %", *(f"{n} {v:.0f}" for n, v in counts)])


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
