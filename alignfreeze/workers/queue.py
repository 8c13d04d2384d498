"""Trials as a queue that any number of workers share: each is claimed once, and none is lost."""

import logging
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from alignfreeze.messages import as_line
from alignfreeze.tracking.runs import end_run_of_other
from alignfreeze.workers.storage import MISSED_HEARTBEATS

logger = logging.getLogger(__name__)

RETRIES = 2  # of a trial whose worker has vanished

# User attributes of trials.
UNLOGGED = "unlogged"  # journals of its worker, whose tracking store was away
RUN_ID = "run_id"  # its MLflow run
SECONDS = "seconds"  # how long it took, from its claim to its end
PROBLEM = "problem"  # why it failed
GIVEN_BACK = "given_back"  # it was interrupted, and is to be in the queue again
WITHDRAWN = "withdrawn"  # it was taken out of the queue before anybody had begun it
TRAJECTORY = "trajectory"  # what trials have in common that had better not be done at once
GOES_ON_WITH = "goes_on_with"  # the number of the interrupted one that it goes on with


def retry(study: optuna.Study, trial: FrozenTrial) -> None:
    """Put a trial whose worker has vanished back into the queue, and end its run."""
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)(study, trial)
    logger.warning("%s, trial %d: its worker has vanished", study.study_name, trial.number)
    if RUN_ID in trial.user_attrs:
        end_run_of_other(trial.user_attrs[RUN_ID], "its worker has vanished")


class Claim(NamedTuple):
    """A trial in a worker's hands; again, if an earlier one may have left a checkpoint of it."""

    trial: Trial
    again: bool


class Counts(NamedTuple):
    """How many trials there are of a kind; one that was begun anew counts once.

    Attributes:
        waiting: Not begun.
        running: In a worker's hands, or in those of one that has vanished unnoticed.
        finished: Complete, pruned or failed.
    """

    waiting: int
    running: int
    finished: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


class TrialQueue:
    """The trials of one study, shared by any number of workers.

    Its storage is as `open_storage` opened it; each trial may have a sampler, by its number.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: RDBStorage,
        sampler: Callable[[int], BaseSampler] | None = None,
    ) -> None:
        self.study = study
        self._sampler = sampler
        self._storage = storage
        self._id = storage.get_study_id_from_name(study.study_name)
        self._read: list[FrozenTrial] | None = None

    def claim(self) -> Claim | None:
        """Take a trial that waits; ``None`` if none does, or others took them all.

        Those that were begun before come first, the others in order; last what had better wait,
        since another has in hand what it needs (see `TRAJECTORY`).
        """
        states = (TrialState.WAITING, TrialState.RUNNING)
        found = self.study.get_trials(deepcopy=False, states=states)
        waiting = [t for t in found if t.state == TrialState.WAITING]
        begun = {t.number: GOES_ON_WITH in t.user_attrs or bool(_history(t)) for t in waiting}
        in_hand = {t.user_attrs.get(TRAJECTORY) or None for t in found if t not in waiting} - {None}
        waits = {t.number: t.user_attrs.get(TRAJECTORY) in in_hand for t in waiting}
        for number in sorted(begun, key=lambda number: (not begun[number], waits[number])):
            trial_id = self._trial_id(number)
            # A first sign of life before the claim: a worker that is killed right after it
            # would not be missed otherwise.
            self._storage.record_heartbeat(trial_id)
            try:
                if not self._storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                    continue
            except UpdateFinishedTrialError:
                continue
            # The study read anew: Optuna's own would know the trials as they were at the first.
            study = optuna.load_study(
                study_name=self.study.study_name,
                storage=self._storage,
                sampler=self._sampler(number) if self._sampler else None,
                pruner=self.study.pruner,
            )
            study.get_trials(deepcopy=False)  # or it does not know the one that is claimed
            return Claim(Trial(study, trial_id), begun[number])
        return None

    @contextmanager
    def alive(self, trial: Trial) -> Iterator[None]:
        """Give signs of life for a trial, for as long as the context lasts."""
        done = threading.Event()
        trial_id = self._trial_id(trial.number)
        interval = self._storage.get_heartbeat_interval()

        def beat() -> None:  # Optuna's own ends with the first error of the storage
            while not done.wait(interval):
                try:
                    self._storage.record_heartbeat(trial_id)
                except (SQLAlchemyError, StorageInternalError) as error:
                    logger.warning("the storage does not answer: %s", as_line(str(error)))
            self._storage.remove_session()

        thread = threading.Thread(target=beat, name=f"heartbeat-{trial.number}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def finish(
        self,
        trial: Trial,
        state: TrialState,
        values: list[float] | None,
        attributes: Mapping[str, Any],
    ) -> bool:
        """End a claimed trial; False if it was given to another worker meanwhile.

        A complete one has a value for each objective. User attributes are set first.
        """
        try:
            for name, value in attributes.items():
                trial.set_user_attr(name, value)
            self._storage.set_trial_state_values(self._trial_id(trial.number), state, values)
        except UpdateFinishedTrialError:
            logger.warning("trial %d was given to another worker meanwhile", trial.number)
            return False
        return True

    def give_back(self, trial: Trial) -> None:
        """Put a trial that was interrupted back into the queue, as it was drawn."""
        if self.finish(trial, TrialState.FAIL, None, {GIVEN_BACK: True}):
            self._put_back(self._trials()[trial.number])

    def _put_back(self, given: FrozenTrial) -> None:
        attributes = {k: v for k, v in given.user_attrs.items() if k != GIVEN_BACK}
        self.study.add_trial(
            create_trial(
                state=TrialState.WAITING,
                params=given.params,
                distributions=given.distributions,
                user_attrs=attributes | {GOES_ON_WITH: given.number},
                system_attrs=given.system_attrs,
            )
        )

    def withdraw(self) -> None:
        """Take all trials that wait out of the queue."""
        while (claim := self.claim()) is not None:
            self.finish(claim.trial, TrialState.FAIL, None, {WITHDRAWN: True})

    def retry_vanished(self) -> None:
        """Put trials whose workers give no sign of life any more back into the queue."""
        with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
            fail_stale_trials(self.study)

    def mend(self) -> None:
        """Put back what is to be in the queue again, but whose worker was killed on the way.

        For one process alone, or it would be put back twice.
        """
        interval = self._storage.get_heartbeat_interval() or 0
        long_ago = datetime.now() - timedelta(seconds=MISSED_HEARTBEATS * interval)
        for trial in _lost(self._trials()):
            if trial.datetime_complete is not None and trial.datetime_complete < long_ago:
                if GIVEN_BACK in trial.user_attrs:
                    self._put_back(trial)
                else:
                    retry(self.study, trial)

    @contextmanager
    def read_once(self) -> Iterator[None]:
        """Read the storage but once within the context, in which this process changes nothing.

        Optuna reads all trials anew that are not finished, with all that they have, each time.
        """
        self._read = self._trials()
        try:
            yield
        finally:
            self._read = None

    def counts(self) -> Counts:
        """How many trials wait, run and are done."""
        states = Counter(trial.state for trial in self.trials())
        waiting, running = states.pop(TrialState.WAITING, 0), states.pop(TrialState.RUNNING, 0)
        return Counts(waiting + len(_lost(self._trials())), running, states.total())

    def trials(self) -> list[FrozenTrial]:
        """All trials in order, but for those that are begun anew as another one."""
        found = self._trials()
        gone = _replaced(found) | {trial.number for trial in _lost(found)}
        return [t for t in found if t.number not in gone and WITHDRAWN not in t.user_attrs]

    def kept(self) -> list[FrozenTrial]:
        """All trials that have not failed for good, and those to be in the queue again."""
        own = [trial for trial in self.trials() if trial.state != TrialState.FAIL]
        return own + _lost(self._trials())

    def _trials(self) -> list[FrozenTrial]:
        return self._read if self._read is not None else self.study.get_trials(deepcopy=False)

    def _trial_id(self, number: int) -> int:
        return int(self._storage.get_trial_id_from_study_id_trial_number(self._id, number))


def problem_of(trial: FrozenTrial) -> str:
    """Why a trial failed."""
    return str(trial.user_attrs.get(PROBLEM, f"{RETRIES + 1} workers in a row vanished with it"))


def _replaced(trials: list[FrozenTrial]) -> set[int]:
    """The numbers of trials that others go on with."""
    replaced = {number for trial in trials for number in _history(trial) if number != trial.number}
    return replaced | {t.user_attrs[GOES_ON_WITH] for t in trials if GOES_ON_WITH in t.user_attrs}


def _lost(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Trials that are to be in the queue again, and are not yet.

    They were given back, or failed for no reason but that a worker vanished, and not too often.
    """
    replaced = _replaced(trials)
    return [
        trial
        for trial in trials
        if trial.state == TrialState.FAIL
        and trial.number not in replaced
        and WITHDRAWN not in trial.user_attrs
        and (
            GIVEN_BACK in trial.user_attrs
            or (PROBLEM not in trial.user_attrs and len(_history(trial)) < RETRIES)
        )
    ]


def _history(trial: FrozenTrial) -> list[int]:
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        return RetryHeartbeatStaleTrialCallback.retry_history(trial)
