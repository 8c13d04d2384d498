"""Trials as a queue that any number of workers share: each is claimed once, and none is lost."""

import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from alignfreeze.errors import ConfigError
from alignfreeze.tracking import end_run_of_other

logger = logging.getLogger(__name__)

RETRIES = 2
"""How often a trial is tried again whose worker has vanished."""

MISSED_HEARTBEATS = 3
"""Signs of life that a worker may miss in a row."""

RUN_ID = "run_id"
"""User attribute of a trial: its MLflow run."""

PROBLEM = "problem"
"""User attribute of a failed trial: why."""

GIVEN_BACK = "given_back"
"""User attribute of a trial that was interrupted, and is in the queue again."""

RESUMED = "resumed"
"""User attribute of a trial that goes on with an interrupted one."""


@contextmanager
def open_storage(url: str, heartbeat: int) -> Iterator[RDBStorage]:
    """Connect to Optuna's storage, for as long as the context lasts; make its tables if need be.

    Args:
        url: A database URL as SQLAlchemy takes it.
        heartbeat: Seconds between two signs of life of a trial's worker.

    Raises:
        ConfigError: If it is no such URL, or there is no such database.
    """
    try:
        sqlite = make_url(url).get_backend_name() == "sqlite"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = RDBStorage(
                url,
                # Writers wait for each other; a worker that was cut off connects anew.
                engine_kwargs={"connect_args": {"timeout": 60}} if sqlite else _PING,
                heartbeat_interval=heartbeat,
                grace_period=MISSED_HEARTBEATS * heartbeat,
                heartbeat_stale_trial_callback=_retry,
            )
    except (ArgumentError, SQLAlchemyError, StorageInternalError, ImportError) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise ConfigError(f"storage {without_password(url)}: {reason}") from None
    if sqlite:
        _lock_before_reading(storage)
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


_PING = {"pool_pre_ping": True}


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return repr(url)


def _lock_before_reading(storage: RDBStorage) -> None:
    """Make SQLite's transactions exclusive from their first statement on.

    By default it locks when something is written, and two workers that have both read that a
    trial is waiting both take it.
    """

    def connected(connection: DBAPIConnection, record: object) -> None:
        connection.isolation_level = None

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    storage.engine.dispose()
    event.listen(storage.engine, "connect", connected)
    event.listen(storage.engine, "begin", begun)


def _retry(study: optuna.Study, trial: FrozenTrial) -> None:
    """Put a trial whose worker has vanished back into the queue, and end its run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)(study, trial)
    logger.warning("%s, trial %d: its worker has vanished", study.study_name, trial.number)
    if RUN_ID in trial.user_attrs:
        end_run_of_other(trial.user_attrs[RUN_ID], "its worker has vanished")


class Claim(NamedTuple):
    """A trial in a worker's hands.

    Attributes:
        trial: The trial.
        again: Whether an earlier one has begun the same, and may have left a checkpoint.
    """

    trial: Trial
    again: bool


@dataclass(frozen=True)
class Counts:
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
        return self.waiting + self.running + self.finished


class TrialQueue:
    """The trials of one study, shared by any number of workers.

    Args:
        study: The study.
        storage: Where it is, as `open_storage` opened it.
        sampler: The sampler of a trial, by its number; by default the study's.
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

    def claim(self) -> Claim | None:
        """Take the first trial that waits; ``None`` if none does, or others took them all."""
        for waiting in self._trials(TrialState.WAITING):
            trial_id = self._trial_id(waiting.number)
            # A first sign of life before the claim: a worker that is killed right after it
            # would not be missed otherwise.
            self._storage.record_heartbeat(trial_id)
            try:
                if self._storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                    if self._sampler is not None:
                        self.study.sampler = self._sampler(waiting.number)
                    again = RESUMED in waiting.user_attrs or bool(_history(waiting))
                    return Claim(Trial(self.study, trial_id), again)
            except UpdateFinishedTrialError:
                continue
        return None

    @contextmanager
    def alive(self, trial: Trial) -> Iterator[None]:
        """Give signs of life for a trial, for as long as the context lasts."""
        done = threading.Event()
        trial_id = self._trial_id(trial.number)
        interval = self._storage.get_heartbeat_interval()

        def beat() -> None:
            while not done.wait(interval):
                try:
                    self._storage.record_heartbeat(trial_id)
                except (SQLAlchemyError, StorageInternalError) as error:
                    logger.warning("the storage does not answer: %s", " ".join(str(error).split()))
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
        """End a trial; False if it was given to another worker meanwhile.

        Args:
            trial: One that this worker has claimed.
            state: COMPLETE, PRUNED or FAIL.
            values: One for each objective of a complete trial.
            attributes: User attributes to set first.
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
            frozen = self.study.get_trials()[trial.number]
            attributes = {k: v for k, v in frozen.user_attrs.items() if k != GIVEN_BACK}
            self.study.add_trial(
                create_trial(
                    state=TrialState.WAITING,
                    params=frozen.params,
                    distributions=frozen.distributions,
                    user_attrs=attributes | {RESUMED: True},
                    system_attrs=frozen.system_attrs,
                )
            )

    def retry_vanished(self) -> None:
        """Put trials whose workers give no sign of life any more back into the queue."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(self.study)

    def counts(self) -> Counts:
        """How many trials wait, run and are done."""
        states = [trial.state for trial in self.trials()]
        return Counts(
            waiting=states.count(TrialState.WAITING),
            running=states.count(TrialState.RUNNING),
            finished=sum(state.is_finished() for state in states),
        )

    def trials(self) -> list[FrozenTrial]:
        """All trials in order, but for those that were begun anew as another one."""
        found = self._trials()
        replaced = {n for trial in found for n in _history(trial) if n != trial.number}
        return [t for t in found if t.number not in replaced and GIVEN_BACK not in t.user_attrs]

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states or None)

    def _trial_id(self, number: int) -> int:
        return int(self._storage.get_trial_id_from_study_id_trial_number(self._id, number))


def _history(trial: FrozenTrial) -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RetryHeartbeatStaleTrialCallback.retry_history(trial)
