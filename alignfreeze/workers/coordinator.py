"""What coordinators have in common: their study's run, their workers, a queue worked off."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from alignfreeze.base.databases import sqlite_url
from alignfreeze.base.paths import cache_root
from alignfreeze.base.processes import is_dead
from alignfreeze.credentials import STORAGE_VARIABLE, without_passwords
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.tracking import location, store
from alignfreeze.tracking.names import CONTINUES, PROCESS, STUDY, Kind
from alignfreeze.tracking.runs import TrackedRun, tracked_run
from alignfreeze.tracking.unlogged import also_begun
from alignfreeze.workers.command import WorkerCommand, wait_until
from alignfreeze.workers.launchers import Launcher, LocalLauncher
from alignfreeze.workers.queue import RUN_ID, UNLOGGED, TrialQueue
from alignfreeze.workers.ray_tasks import RayLauncher
from alignfreeze.workers.settings import WorkersConfig
from alignfreeze.workers.submitit_jobs import SubmititLauncher
from alignfreeze.workers.worker import POLL_SECONDS, Doing, take_one

logger = logging.getLogger(__name__)

# How long workers may take:
FAREWELL_SECONDS = 10.0  # to see that a study is finished
BETWEEN_TRIALS_SECONDS = 30.0  # to take the next trial, if they have joined from elsewhere
STOP_SECONDS = 60.0  # to give their trials back, when they are asked to end

LAUNCHERS: Mapping[str, type[Launcher[Any]]] = {
    "local": LocalLauncher,
    "submitit": SubmititLauncher,
    "ray": RayLauncher,
}


class Workers:
    """The workers of a study, by what has started them; this process alone without a launcher."""

    def __init__(self, launcher: Launcher[Any] | None) -> None:
        self._launcher = launcher
        self._told: set[str] = set()
        self._idle_since = -math.inf  # when one that had joined was last at work
        self._alone = False  # with those that have joined

    def work_on(
        self,
        queue: TrialQueue,
        do: Doing,
        *,
        fill: Callable[[], None] = lambda: None,
        look: Callable[[], None],
    ) -> None:
        """Do all trials of a queue, here or in workers.

        Before each, and now and then, it may be filled, and is looked at to tell what has ended.

        Raises:
            AlignFreezeError: If all workers have ended, and none that has joined does a trial.
        """
        ended = {trial.number for trial in queue.trials() if trial.state.is_finished()}
        while True:
            queue.mend()
            fill()
            with queue.read_once():
                counts = queue.counts()
                look()
                for trial in queue.trials():
                    if trial.number not in ended:
                        also_begun(trial.user_attrs.get(UNLOGGED, []))
            if not counts.waiting + counts.running:
                return
            if self._launcher is None:
                if take_one(queue, do):
                    continue
            else:
                queue.retry_vanished()
                self._look_after(self._launcher, queue)
            time.sleep(POLL_SECONDS)

    def _look_after(self, launcher: Launcher[Any], queue: TrialQueue) -> None:
        problems, running = launcher.problems(), launcher.running()
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                logger.warning("%s; %d worker(s) left", problem, running)
        if running:
            return
        if working := _working(queue):
            self._idle_since = time.monotonic()
            if not self._alone:
                self._alone = True
                logger.warning(
                    "all workers of this process have ended; it goes on with those that have "
                    "joined, %d at work now",
                    working,
                )
        elif time.monotonic() - self._idle_since > BETWEEN_TRIALS_SECONDS:
            told = "; ".join(problems) or "they ended too early"
            raise AlignFreezeError(f"no worker is left: {told}")


def _working(queue: TrialQueue) -> int:
    """How many trials are in hands that are not known to be dead."""
    working = 0
    for trial in queue.trials():
        if trial.state == TrialState.RUNNING:
            run = store.stored_run(trial.user_attrs.get(RUN_ID, ""))
            process = run.tags.get(PROCESS) if run else None
            working += process is None or not is_dead(process)
    return working


@contextmanager
def started_workers(
    settings: WorkersConfig, *, study: str, storage: str, subcommand: str, logs: Path
) -> Iterator[Workers]:
    """Worker processes, for as long as the context lasts; none where this one does it all.

    Raises:
        ConfigError: If they cannot be started.
    """
    if settings.workers == 1 and settings.launcher == "local":
        yield Workers(None)
        return
    environment = {
        "MLFLOW_TRACKING_URI": location.store_uri(),
        "ALIGNFREEZE_CACHE": str(cache_root().resolve()),
    }
    command = WorkerCommand(study, storage, environment, subcommand=subcommand)
    launcher = LAUNCHERS[settings.launcher](command, settings.workers, logs, settings.launcher_args)
    try:
        launcher.start()
        yield Workers(launcher)
        wait_until(lambda: not launcher.running(), FAREWELL_SECONDS)
    finally:
        launcher.stop(STOP_SECONDS)


def storage_url(settings: WorkersConfig) -> str:
    """The URL of a study's storage: by default a SQLite file beside the tracking store.

    Raises:
        ConfigError: If it has a password, and `mlflow run` has been told it: that has logged it.
    """
    if "MLFLOW_RUN_ID" in os.environ and without_passwords(settings.storage) != settings.storage:
        raise ConfigError(
            f"storage must have no password with `mlflow run`, which logs it: give it as the "
            f"variable {STORAGE_VARIABLE} instead, and delete the run "
            f"{os.environ['MLFLOW_RUN_ID']}, whose parameter it is (then mlflow gc)"
        )
    beside = sqlite_url(location.store_folder() / "optuna.db")
    return settings.storage or os.environ.get(STORAGE_VARIABLE) or beside


def refuse_torchrun(what: str) -> None:
    """Complain of torchrun for what, with its article, starts its processes itself.

    Raises:
        ConfigError: If torchrun has started this process.
    """
    if "RANK" in os.environ:
        raise ConfigError(f"{what} starts its processes itself: workers=… instead of torchrun")


@contextmanager
def study_run(name: str, kind: Kind, known: str | None, study: str) -> Iterator[TrackedRun]:
    """The one run of a study, for the first time, or again if its id is known."""
    if known is not None:
        store.require_run(known)
    with ExitStack() as stack:
        opened = known is not None and "MLFLOW_RUN_ID" in os.environ
        if opened:  # `mlflow run` has opened a run of its own, which says where the study's is
            outer = stack.enter_context(tracked_run(name, kind))
            outer.tags({STUDY: study, CONTINUES: str(known)})
        yield stack.enter_context(tracked_run(name, kind, nested=opened, again=known))
