"""What coordinators have in common: their study's run, their workers, a queue worked off."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alignfreeze.base.caching import cache_root
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.tracking import store
from alignfreeze.tracking.runs import TrackedRun, tracked_run
from alignfreeze.workers.command import WorkerCommand, wait_until
from alignfreeze.workers.launchers import Launcher, LocalLauncher
from alignfreeze.workers.queue import TrialQueue
from alignfreeze.workers.ray_tasks import RayLauncher
from alignfreeze.workers.settings import WorkersConfig
from alignfreeze.workers.submitit_jobs import SubmititLauncher
from alignfreeze.workers.worker import POLL_SECONDS, Doing, take_one

logger = logging.getLogger(__name__)

FAREWELL_SECONDS = 10.0
"""How long workers may take to see that a study is finished."""

STOP_SECONDS = 60.0
"""How long workers that are asked to end may take to give their trials back."""


class Workers:
    """The workers of a study.

    Args:
        launcher: What has started them; ``None`` where this process does it all.
    """

    def __init__(self, launcher: Launcher[Any] | None) -> None:
        self._launcher = launcher
        self._told: set[str] = set()

    def work_on(
        self,
        queue: TrialQueue,
        do: Doing,
        *,
        fill: Callable[[], None] = lambda: None,
        look: Callable[[], None],
    ) -> None:
        """Do all trials of a queue, here or in workers.

        Args:
            queue: The queue.
            do: What is done with a trial that is done here.
            fill: Called before each trial; may put more into the queue.
            look: Called after it, to tell what has ended.

        Raises:
            AlignFreezeError: If all workers have ended.
        """
        while True:
            queue.mend()
            fill()
            counts = queue.counts()
            look()
            if not counts.waiting + counts.running:
                return
            if self._launcher is not None:
                self._look_after(self._launcher, queue)
            elif not take_one(queue, do):
                time.sleep(POLL_SECONDS)

    def _look_after(self, launcher: Launcher[Any], queue: TrialQueue) -> None:
        queue.retry_vanished()
        problems = launcher.problems()
        running = launcher.running()
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                logger.warning("%s; %d worker(s) left", problem, running)
        if not running:
            raise AlignFreezeError(
                f"no worker is left: {'; '.join(problems) or 'they ended too early'}"
            )
        time.sleep(POLL_SECONDS)


@contextmanager
def started_workers(
    settings: WorkersConfig, *, study: str, storage: str, subcommand: str, logs: Path
) -> Iterator[Workers]:
    """Worker processes, for as long as the context lasts; none where this one does it all.

    Args:
        settings: How many, and what starts them.
        study: Name of their study.
        storage: URL of its storage.
        subcommand: What they run.
        logs: Folder of their logs.

    Raises:
        ConfigError: If they cannot be started.
    """
    if settings.workers == 1 and settings.launcher == "local":
        yield Workers(None)
        return
    environment = {
        "MLFLOW_TRACKING_URI": store.store_uri(),
        "ALIGNFREEZE_CACHE": str(cache_root().resolve()),
    }
    launcher = make_launcher(
        settings.launcher,
        workers=settings.workers,
        command=WorkerCommand(study, storage, environment, subcommand=subcommand),
        logs=logs,
        args=settings.launcher_args,
    )
    try:
        launcher.start()
        yield Workers(launcher)
        wait_until(lambda: not launcher.running(), FAREWELL_SECONDS)
    finally:
        launcher.stop(STOP_SECONDS)


def storage_url(settings: WorkersConfig) -> str:
    """The URL of a study's storage: by default a SQLite file beside the tracking store."""
    return settings.storage or f"sqlite:///{store.store_folder() / 'optuna.db'}"


def refuse_torchrun(what: str) -> None:
    """Complain where torchrun has started this process.

    Args:
        what: What starts its processes itself, with its article.

    Raises:
        ConfigError: If it has.
    """
    if "RANK" in os.environ:
        raise ConfigError(f"{what} starts its processes itself: workers=… instead of torchrun")


@contextmanager
def study_run(run_name: str, known: str | None, study: str) -> Iterator[TrackedRun]:
    """The one run of a study, for the first time or again.

    Args:
        run_name: What the run is called.
        known: Its id, if it has been there before.
        study: The study's name.
    """
    if known is None:
        with tracked_run(run_name) as run:
            yield run
        return
    store.require_run(known)
    if "MLFLOW_RUN_ID" not in os.environ:
        with tracked_run(run_name, again=known) as run:
            yield run
        return
    # `mlflow run` has opened a run of its own, which says where the study's is.
    with tracked_run(run_name) as outer:
        outer.tags({"study": study, "continues": known})
        with tracked_run(run_name, nested=True, again=known) as run:
            yield run


def make_launcher(
    name: str, *, workers: int, command: WorkerCommand, logs: Path, args: Mapping[str, Any]
) -> Launcher[Any]:
    """The launcher of a name.

    Args:
        name: ``local``, ``submitit`` or ``ray``.
        workers: How many workers it starts.
        command: What each of them runs.
        logs: Folder of their logs, ``worker-0.log`` and so on; Ray's workers write them on the
            machine that they run on.
        args: Settings of the launcher.

    Raises:
        ConfigError: If what it needs is not installed or not there, or a setting is unknown or
            breaks its rule; one line.
    """
    logs = logs.absolute()  # Not all workers start where this process is.
    if name == "submitit":
        return SubmititLauncher(command, workers, logs, args)
    if name == "ray":
        return RayLauncher(command, workers, logs, args)
    return LocalLauncher(command, workers, logs)
