"""What is told of the trials of a study as they end."""

import logging

from optuna.trial import FrozenTrial, TrialState

from alignfreeze.search.study import SearchStudy
from alignfreeze.search.trials import CONTENDER, SEED, parameters_text
from alignfreeze.workers.queue import SECONDS, TrialQueue, problem_of
from alignfreeze.workers.worker import PRUNED_STEP

logger = logging.getLogger(__name__)


class TrialLog:
    """Logs the trials of a study's queue as they end, of so many that there are to be.

    Those that had ended before are counted.
    """

    def __init__(self, study: SearchStudy, queue: TrialQueue, wanted: int) -> None:
        self._wanted = wanted
        self._study = study
        self._queue = queue
        self._told = {t.number for t in queue.trials() if t.state.is_finished()}
        if self._told:
            logger.info("%s: %d done before", queue.study.study_name, len(self._told))

    def look(self) -> None:
        """Log what has ended since the last look."""
        for trial in self._queue.trials():
            if trial.state.is_finished() and trial.number not in self._told:
                self._told.add(trial.number)
                self._tell(trial, len(self._told))

    def _tell(self, trial: FrozenTrial, number: int) -> None:
        took = f"{trial.user_attrs.get(SECONDS, float('nan')):.1f} s"
        what = f"[{number}/{max(number, self._wanted)}] {self._name(trial)}"
        if trial.state == TrialState.FAIL:
            logger.warning("%s failed: %s", what, problem_of(trial))
        elif trial.state == TrialState.PRUNED:
            step = trial.user_attrs[PRUNED_STEP]
            logger.info("%s: pruned at report %d, %s", what, step, took)
        else:
            ended = "done" if SEED in trial.user_attrs else self._values(trial)
            logger.info("%s: %s, %s", what, ended, took)

    def _name(self, trial: FrozenTrial) -> str:
        if SEED in trial.user_attrs:
            contender = trial.user_attrs.get(CONTENDER)
            what = f"test of {contender}" if contender else "baseline"
            return f"{what}, seed {trial.user_attrs[SEED]}"
        return f"trial {trial.number} ({parameters_text(trial.params)})"

    def _values(self, trial: FrozenTrial) -> str:
        names = self._study.settings.objectives
        (first, value), *counts = zip(names, trial.values, strict=True)
        return ", ".join([f"{first} {100 * value:.2f} %", *(f"{n} {v:.0f}" for n, v in counts)])
