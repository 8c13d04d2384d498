"""A search from its options to its answer: the process that fills the queues, and looks on."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from alignfreeze import tracking
from alignfreeze.caching import cache_root
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.records import log_config
from alignfreeze.search.answer import Tested, contenders, tested
from alignfreeze.search.command import WorkerCommand, wait_until
from alignfreeze.search.ground import Ground
from alignfreeze.search.handle import (
    FINISHED,
    IDENTITY,
    RUN_ID,
    StudyHandle,
    open_study,
    read_space,
    study_name,
)
from alignfreeze.search.jobs import CONFIG, CONTENDER, SEED, run_baseline, run_test, run_trial
from alignfreeze.search.launchers import Launcher, make_launcher
from alignfreeze.search.queue import PROBLEM, TrialQueue, without_password
from alignfreeze.search.records import leave_records
from alignfreeze.search.settings import FREE_FIELDS, build_search
from alignfreeze.search.watch import Watch
from alignfreeze.search.worker import POLL_SECONDS, Job, take_one
from alignfreeze.signals import signals_as_exceptions
from alignfreeze.tracking import TrackedRun, tracked_run

logger = logging.getLogger(__name__)

RUN_NAME = "alignfreeze search"

HEARTBEAT_VARIABLE = "ALIGNFREEZE_SEARCH_HEARTBEAT"
"""Tells a worker how often to give a sign of life."""

FAREWELL_SECONDS = 10.0
"""How long workers may take to see that a search is finished."""

STOP_SECONDS = 60.0
"""How long workers that are asked to end may take to give their trials back."""

HOPELESS = 3
"""Trials that have failed, and not one that has not, after which a search is given up."""


@dataclass(frozen=True)
class SearchOutcome:
    """What a search has to tell.

    Attributes:
        tested: What was tested, the selected first; `tests_table` makes a table of it.
        metrics: The primary metric, by task.
        source_language: The language that was fine-tuned in.
        places: Where the run and the study are to be found; lines for a person.
    """

    tested: Sequence[Tested]
    metrics: Mapping[str, str]
    source_language: str
    places: Sequence[str]


def search(options: Mapping[str, str]) -> SearchOutcome:
    """Search, select on validation, and test what was selected once.

    Args:
        options: Text by the name of an option (see `build_search`).

    Raises:
        AlignFreezeError: If an option, a file, a plugin or the model is at fault, or all trials
            fail.
        Interrupted: When a signal asked the process to end; the same call goes on from there.
    """
    with signals_as_exceptions("the same command goes on"), ExitStack() as stack:
        try:
            _refuse_torchrun()
            config, settings = build_search(options)
            url = settings.storage or f"sqlite:///{tracking.store_folder() / 'optuna.db'}"
            name = settings.study or study_name(config, settings, read_space(settings))
            handle = stack.enter_context(open_study(config, settings, url, name=name))
        except AlignFreezeError:
            with tracked_run(RUN_NAME):
                raise
        with _study_run(handle) as run:
            return _Search(handle, run, url).outcome()


def _refuse_torchrun() -> None:
    if "RANK" in os.environ:
        raise ConfigError("a search starts its processes itself: workers=… instead of torchrun")


@contextmanager
def _study_run(handle: StudyHandle) -> Iterator[TrackedRun]:
    """The one run of a study, for the first time or again."""
    known = handle.known(RUN_ID)
    if known is None:
        with tracked_run(RUN_NAME) as run:
            handle.remember(RUN_ID, run.run_id)
            yield run
        return
    tracking.require_run(known)
    if tracking.is_being_written(known):
        raise ConfigError(
            f"study {handle.name!r} is being searched by another process; add to it with "
            f"alignfreeze search-worker --study {handle.name}"
        )
    if "MLFLOW_RUN_ID" not in os.environ:
        with tracked_run(RUN_NAME, again=known) as run:
            yield run
        return
    # `mlflow run` has opened a run of its own, which says where the study's is.
    with tracked_run(RUN_NAME) as outer:
        outer.tags({"study": handle.name, "continues": known})
        with tracked_run(RUN_NAME, nested=True, again=known) as run:
            yield run


class _Search:
    """A search at work.

    Args:
        handle: The study.
        run: Its run.
        url: Optuna's storage.
    """

    def __init__(self, handle: StudyHandle, run: TrackedRun, url: str) -> None:
        self.handle = handle
        self.run = run
        self.url = url
        self.settings = handle.settings
        space = Path(self.settings.space).expanduser() if self.settings.space else None
        self.ground = Ground(handle.config, self.settings, space)
        self._check_identity()
        self._describe()
        minutes = self.settings.minutes
        self._deadline = None if minutes is None else time.monotonic() + 60 * minutes
        self._cells = self.ground.space.cells() if self.settings.sampler == "grid" else None
        self._launcher: Launcher | None = None

    def _check_identity(self) -> None:
        known = self.handle.known(IDENTITY)
        if known is None:
            self.handle.remember(IDENTITY, self.ground.identity)
        elif known != self.ground.identity:
            raise ConfigError(
                f"study {self.handle.name!r} was begun with another version of the code or its "
                "libraries, other data, another model or another precision; give it another name"
            )

    def _describe(self) -> None:
        log_config(self.run, self.handle.config, self.ground.accelerator)
        asked = {f"search.{k}": v for k, v in self.settings.model_dump(mode="json").items()}
        # Params cannot change when the study is gone on with, and a URL may hold a password.
        free = {f"search.{name}" for name in FREE_FIELDS} - {"search.storage"}
        self.run.params({k: v for k, v in asked.items() if k.split(".")[1] not in FREE_FIELDS})
        self.run.tags({"study": self.handle.name} | {k: str(asked[k]) for k in sorted(free)})

    def outcome(self) -> SearchOutcome:
        """All stages, and the records of them, after an interruption too."""
        self.handle.remember(FINISHED, False)
        logger.info("study %s in %s", self.handle.name, without_password(self.url))
        logger.info("space: %s", self.ground.space.described())
        try:
            with self._workers():
                self._stage(self.handle.baseline, run_baseline, self._fill_baseline)
                self._stage(self.handle.trials, run_trial, self._fill_trials)
                self._stage(self.handle.final, run_test, self._fill_tests)
                self.handle.remember(FINISHED, True)
        finally:
            tracking.end_dead_runs()
            leave_records(self.handle, self.ground, self.run)
        rmtree(self.handle.models, ignore_errors=True)
        return SearchOutcome(
            tested(self.handle),
            metrics={data.name: data.task.primary_metric for data in self.ground.tasks},
            source_language=self.handle.config.source_language,
            places=self._places(),
        )

    def _places(self) -> list[str]:
        run_id = self.handle.run_id
        return [
            *tracking.places(run_id),
            f"run the best again: mlflow run . -P config=… with best.yaml of run {run_id}",
        ]

    def _stage(self, queue: TrialQueue, job: Job, fill: Callable[[], None]) -> None:
        """Do all trials of a queue, here or in workers, filling it up meanwhile."""
        watch = Watch(self.handle, queue)
        while True:
            fill()
            counts = queue.counts()
            if not counts.waiting + counts.running:
                break
            if self._launcher is not None:
                self._look_after(self._launcher, queue)
            elif not take_one(self.handle, self.ground, queue, job):
                time.sleep(POLL_SECONDS)
            watch.look()
        self._require_success(queue)

    def _look_after(self, launcher: Launcher, queue: TrialQueue) -> None:
        queue.retry_vanished()
        if not launcher.running():
            problems = "; ".join(launcher.problems()) or "they ended too early"
            raise AlignFreezeError(f"no worker is left: {problems}")
        time.sleep(POLL_SECONDS)

    def _require_success(self, queue: TrialQueue) -> None:
        """Complain if tests or the baseline failed, or all trials did."""
        trials = queue.trials()
        failed = [t for t in trials if PROBLEM in t.user_attrs and t.state.name == "FAIL"]
        if failed and (queue is not self.handle.trials or len(failed) == len(trials)):
            what = queue.study.study_name
            problem = failed[0].user_attrs[PROBLEM]
            raise AlignFreezeError(
                f"{what}: {len(failed)} of {len(trials)} failed, the first with: {problem}"
            )

    def _fill_baseline(self) -> None:
        if self.handle.baseline.counts().total == 0:
            for seed in self.settings.final_seeds:
                self.handle.baseline.study.enqueue_trial({}, {SEED: seed})

    def _fill_trials(self) -> None:
        """Keep as many trials waiting as there are workers, so that few are left if it stops."""
        counts = self.handle.trials.counts()
        wanted = self.settings.trials if self._cells is None else len(self._cells)
        late = self._deadline is not None and time.monotonic() > self._deadline
        self._give_up_if_hopeless()
        for number in range(counts.total, wanted):
            if late or counts.waiting + number - counts.total >= self.settings.workers:
                break
            self.handle.trials.study.enqueue_trial(self._fixed(number))

    def _fixed(self, number: int) -> dict[str, object]:
        """What is not to be drawn: a grid's cell; and the first trial is as configured."""
        if self._cells is not None:
            return dict(self._cells[number])
        return dict(self.ground.space.point(self.handle.config) or {}) if number == 0 else {}

    def _give_up_if_hopeless(self) -> None:
        finished = [t for t in self.handle.trials.trials() if t.state.is_finished()]
        if len(finished) >= HOPELESS and all(t.state.name == "FAIL" for t in finished):
            self._require_success(self.handle.trials)

    def _fill_tests(self) -> None:
        """Queue what is to be tested and is not yet: once for each seed."""
        there = {(t.user_attrs[CONTENDER], t.user_attrs[SEED]) for t in self.handle.final.trials()}
        for contender in contenders(self.handle):
            for seed in self.settings.final_seeds:
                if (contender.name, seed) not in there:
                    config = contender.config.model_dump(mode="json")
                    attributes = {CONTENDER: contender.name, SEED: seed, CONFIG: config}
                    self.handle.final.study.enqueue_trial({}, attributes)

    @contextmanager
    def _workers(self) -> Iterator[None]:
        """Worker processes, for as long as the context lasts; none where this one does it all."""
        if self.settings.workers == 1 and self.settings.launcher == "local":
            yield
            return
        environment = {
            "MLFLOW_TRACKING_URI": tracking.store_uri(),
            "ALIGNFREEZE_CACHE": str(cache_root().resolve()),
            HEARTBEAT_VARIABLE: str(self.settings.heartbeat),
        }
        self._launcher = launcher = make_launcher(
            self.settings.launcher,
            workers=self.settings.workers,
            command=WorkerCommand(self.handle.name, self.url, environment),
            logs=self.handle.models.with_name(f"{self.handle.models.name}-logs"),
            args=self.settings.launcher_args,
        )
        try:
            launcher.start()
            yield
            wait_until(lambda: not launcher.running(), FAREWELL_SECONDS)
        finally:
            launcher.stop(STOP_SECONDS)
