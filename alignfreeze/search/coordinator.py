"""A search from its options to its answer: the process that fills the queues, and looks on."""

import logging
import math
import shlex
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from shutil import rmtree
from typing import Any

from optuna.trial import TrialState

from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.base.tables import MISSING
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.messages import shown
from alignfreeze.runs.records import log_config
from alignfreeze.search import trials
from alignfreeze.search.artifacts import BEST_FILE, leave_records
from alignfreeze.search.context import TrialContext
from alignfreeze.search.finalists import Tested, best_trials, contenders, tested
from alignfreeze.search.settings import FREE_FIELDS, build_search
from alignfreeze.search.space_file import space_text
from alignfreeze.search.study import (
    IDENTITY,
    SearchStudy,
    contender_code,
    open_study,
    study_name,
)
from alignfreeze.search.trial_log import TrialLog
from alignfreeze.search.trials import CODE, CONFIG, CONTENDER, SEED
from alignfreeze.tracking import location
from alignfreeze.tracking.names import STUDY, Kind
from alignfreeze.tracking.run_names import study_run_name
from alignfreeze.tracking.runs import TrackedRun, end_dead_runs, tracked_run
from alignfreeze.workers import coordinator as workers
from alignfreeze.workers.assignments import ends_of, put_in
from alignfreeze.workers.command import SEARCH_WORKER
from alignfreeze.workers.queue import RUN_ID, Claim, TrialQueue, problem_of, retry
from alignfreeze.workers.storage import (
    FINISHED,
    open_storage,
    sole_coordinator,
    study_attributes,
)
from alignfreeze.workers.storage_urls import without_password

logger = logging.getLogger(__name__)

Work = Callable[[SearchStudy, TrialContext, Claim], None]

RUN_NAME = "alignfreeze search"

HOPELESS = 3
"""Trials that have failed, and not one that has not, after which a search is given up."""

SPARE_TRIALS = 8
"""Trials beside those for its own workers that a search keeps waiting for workers that join."""


@dataclass(frozen=True)
class SearchOutcome:
    """What a search has to tell.

    Attributes:
        tested: What was tested, the selected first; `finalists.comparisons` makes tables of it.
        metrics: The primary metric, by task.
        notes: What the reader of their tables has to know of the metrics; lines for a person.
        source_language: The language that was fine-tuned in.
        places: Where the run and the study are to be found; lines for a person.
    """

    tested: Sequence[Tested]
    metrics: Mapping[str, str]
    notes: Sequence[str]
    source_language: str
    places: Sequence[str]


def search(options: Mapping[str, Any]) -> SearchOutcome:
    """Search, select on validation, and test what was selected once.

    Args:
        options: Values by name, as ``alignfreeze search --help`` lists them.

    Returns:
        What was ``tested``, the selected first, and where the run and the study are (``places``).

    Raises:
        AlignFreezeError: If an option, a file, a plugin or the model is at fault, or no trial
            succeeds.
        Interrupted: When a signal asked the process to end; the same call goes on from there.

    Example:
        >>> few = {"languages": ["de"], "realign_steps": 2, "finetune_steps": 2}
        >>> outcome = search({**few, "trials": 1, "final_seeds": [31], "references": []})
        >>> len(outcome.tested)  # the selected and the baseline
        2
    """
    with signals_as_exceptions("the same command goes on"), ExitStack() as stack:
        try:
            workers.refuse_torchrun("a search")
            config, settings = build_search(options)
            url = workers.storage_url(settings)
            name = settings.study or study_name(config, settings, space_text(settings))
            storage = stack.enter_context(open_storage(url, settings.heartbeat, retry))
            stack.enter_context(
                sole_coordinator(storage, name, what="searched", subcommand=SEARCH_WORKER)
            )
        except AlignFreezeError:
            with tracked_run(RUN_NAME, Kind.SEARCH):
                raise
        known = study_attributes(storage, name).get(RUN_ID)
        run_name = study_run_name("search", config.task, [config.model], name)
        with workers.study_run(run_name, Kind.SEARCH, known, name) as run:
            space = space_text(settings)
            context = TrialContext(config, settings, space if settings.space else None)
            study = open_study(storage, name, config, settings)
            return _Search(study, context, run).outcome(url)


class _Search:
    """A search at work, as the run of its study."""

    def __init__(self, study: SearchStudy, context: TrialContext, run: TrackedRun) -> None:
        self.study, self.context, self.run = study, context, run
        self.settings = context.settings
        run.waits(study.config.tracking_wait)
        if study.known(RUN_ID) is None:
            # What trials depend on are params, which do not change when the study is gone on with.
            log_config(run, study.config, context.accelerator)
            fixed = self.settings.model_dump(mode="json", exclude=set(FREE_FIELDS))
            run.params({f"search.{name}": value for name, value in fixed.items()})
            run.tags({STUDY: study.name})
            study.remember(IDENTITY, context.identity)
            study.remember(RUN_ID, run.run_id)
        if others := study.begun_with(context.identity):
            raise ConfigError(
                f"study {shown(study.name)} was begun with {others}; give it another name"
            )
        # A URL may hold a password.
        asked = self.settings.model_dump(mode="json", include=set(FREE_FIELDS) - {"storage"})
        run.tags({f"search.{name}": _told(value) for name, value in asked.items()})
        self._cells = context.space.cells() if self.settings.sampler == "grid" else []
        self._workers = workers.Workers(None)

    def outcome(self, url: str) -> SearchOutcome:
        """All stages, with a storage at a URL; the records of them, after an interruption too."""
        study = self.study
        study.remember(FINISHED, False)
        logger.info("study %s in %s", study.name, without_password(url))
        logger.info("space: %s", self.context.space)
        try:
            with workers.started_workers(
                self.settings,
                study=study.name,
                storage=url,
                subcommand=SEARCH_WORKER,
                logs=study.models.with_name(f"{study.models.name}-logs"),
            ) as self._workers:
                # The seeds that are tested, and those that trials are compared with.
                seeds = dict.fromkeys([*self.settings.final_seeds, *self.settings.search_seeds])
                self._cells_of(
                    study.baseline, trials.run_baseline, [{SEED: seed} for seed in seeds]
                )
                self._trials()
                tests = [
                    {
                        CONTENDER: name,
                        SEED: seed,
                        CODE: contender_code(config),
                        CONFIG: config.model_dump(mode="json"),
                    }
                    for name, config in contenders(study).items()
                    for seed in self.settings.final_seeds
                ]
                self._cells_of(study.final, trials.run_test, tests)
                study.remember(FINISHED, True)
        finally:
            end_dead_runs()
            leave_records(study, self.context, self.run)
        rmtree(study.models, ignore_errors=True)
        return SearchOutcome(
            tested(study),
            metrics=self.context.metrics,
            notes=self.context.metric_notes,
            source_language=study.config.source_language,
            places=[*location.places(study.run_id), _again(study.run_id)],
        )

    def _cells_of(self, queue: TrialQueue, job: Work, cells: Sequence[dict[str, Any]]) -> None:
        """Do what a queue is to hold: each cell once, and again what failed in an earlier call."""
        wanted = {_key(cell): cell for cell in cells}
        put_in(queue, wanted, _key)
        self._work_on(queue, job, len(wanted))
        ends = ends_of(queue, _key)
        failed = {key: end.problem for key, end in ends.items() if key in wanted and end.problem}
        if failed:
            key, problem = next(iter(failed.items()))
            what = " ".join(str(part) for part in key[:2] if part is not None)
            raise AlignFreezeError(
                f"{queue.study.study_name}: {len(failed)} of {len(wanted)} failed, such as "
                f"{what}: {problem}; the same command tries again"
            )

    def _trials(self) -> None:
        """Search."""
        queue = self.study.trials
        deadline = time.monotonic() + 60 * (self.settings.minutes or math.inf)
        wanted = len(self._cells) or self.settings.trials
        before = {trial.number for trial in queue.trials() if trial.state.is_finished()}

        def fill() -> None:
            self._give_up_if_hopeless(before)
            counts = queue.counts()
            if time.monotonic() > deadline:
                if counts.waiting:
                    queue.withdraw()
                return
            room = self.settings.workers + SPARE_TRIALS - counts.waiting
            for number in range(counts.total, min(wanted, counts.total + room)):
                # What is not to be drawn: a grid's cell; and the first trial is as configured.
                if self._cells:
                    queue.study.enqueue_trial(self._cells[number])
                else:
                    queue.study.enqueue_trial({} if number else self.context.first_point())

        self._work_on(queue, trials.run_trial, wanted, fill)
        if not best_trials(self.study):
            failed = [problem_of(t) for t in queue.trials() if t.state == TrialState.FAIL]
            raise AlignFreezeError(
                f"{self.study.name}: no trial is complete, so there is nothing to test"
                + (f"; {len(failed)} failed, the first with: {failed[0]}" if failed else "")
            )

    def _give_up_if_hopeless(self, before: Collection[int]) -> None:
        """Complain if all trials of this call have failed so far, and they are several."""
        found = self.study.trials.trials()
        ended = [t for t in found if t.number not in before and t.state.is_finished()]
        if len(ended) >= HOPELESS and all(trial.state == TrialState.FAIL for trial in ended):
            raise AlignFreezeError(
                f"{self.study.name}: all of {len(ended)} trials failed, the first with: "
                f"{problem_of(ended[0])}"
            )

    def _work_on(
        self, queue: TrialQueue, job: Work, wanted: int, fill: Callable[[], None] = lambda: None
    ) -> None:
        """Do all trials of a queue, here or in workers, filling it up meanwhile."""
        look = TrialLog(self.study, queue, wanted).look
        self._workers.work_on(queue, partial(job, self.study, self.context), fill=fill, look=look)


def _told(value: object) -> str:
    """An option for a person; what was not given is a dash."""
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return MISSING if value in ("", None, [], {}) else text


def _again(run_id: str) -> str:
    """How the best is run again: from its file, or from elsewhere once that is fetched."""
    run, folder = (
        f"{location.program('alignfreeze')} run --config",
        location.artifact_folder(run_id),
    )
    if folder is not None:
        return f"run the best again: {run} {shlex.quote(str(folder / BEST_FILE))}"
    fetch = f"artifacts download --run-id {run_id} --artifact-path {BEST_FILE} --dst-path ."
    return f"run the best again: {location.program('mlflow')} {fetch} && {run} {BEST_FILE}"


def _key(attributes: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """What tells the trials of a queue of cells apart."""
    return attributes.get(CONTENDER), attributes[SEED], attributes.get(CODE)
