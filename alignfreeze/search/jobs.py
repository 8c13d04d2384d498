"""What workers do: trials, the baseline's seeds before them, and the tests after them."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from optuna.trial import FrozenTrial, Trial, TrialState

from alignfreeze.config import RunConfig
from alignfreeze.errors import AlignFreezeError, Pruned
from alignfreeze.evaluate import Score
from alignfreeze.preparation import BASELINE
from alignfreeze.records import log_config, log_scores
from alignfreeze.results import RESULTS_FILE, scores_to_csv
from alignfreeze.search.ground import Ground, reference
from alignfreeze.search.handle import StudyHandle
from alignfreeze.search.objective import (
    Key,
    TaskScores,
    aggregate,
    levels,
    mean_scores,
    objectives,
    validation_values,
)
from alignfreeze.search.queue import PROBLEM, RUN_ID, Claim, TrialQueue
from alignfreeze.search.tabulation import COMPLETE, FAILED, PRUNED, Level
from alignfreeze.taskmodels import EarlyLook
from alignfreeze.tracking import TrackedRun, tracked_run

logger = logging.getLogger(__name__)

SCORES = "scores"
"""User attribute: what a trial scored, as JSON."""

CONFIG = "config"
"""User attribute: the configuration of a trial, or of a test."""

CONTENDER = "contender"
"""User attribute of a test: what is tested."""

SEED = "seed"
"""User attribute of a test, and of a trial of the baseline."""

PRUNED_STEP = "pruned_step"
"""User attribute: the report after which a trial was pruned, from 1."""

SECONDS = "seconds"
"""User attribute: how long a trial took, from its claim to its end."""


def scores_of(trial: FrozenTrial) -> list[TaskScores]:
    """What a finished trial scored; nothing if it was pruned or failed."""
    return [
        TaskScores(task, seed, [Score(*score) for score in scores])
        for task, seed, scores in json.loads(trial.user_attrs.get(SCORES, "[]"))
    ]


def baseline_levels(handle: StudyHandle, ground: Ground) -> dict[Key, Level]:
    """The baseline's scores on validation, from the seeds that are done."""
    results = [result for trial in handle.baseline.trials() for result in scores_of(trial)]
    return levels(results, ground.tasks, ground.config.source_language)


def run_trial(handle: StudyHandle, ground: Ground, claim: Claim) -> None:
    """Train and validate one configuration that the sampler draws."""
    trial = claim.trial
    with _job(handle, handle.trials, claim, f"trial-{trial.number}") as job:
        drawn = ground.space.draw(trial, ground.config)
        config = drawn.model_copy(update={"reuse": False, "resume": claim.again})
        job.begin(config, ground)
        reports = _Reports(trial, job.run, ground)
        results: list[TaskScores] = []
        for seed in ground.settings.search_seeds:
            seeded = config.model_copy(update={"seed": seed})
            looks = reports.looks(len(results))
            results += ground.scores(seeded, job.run, splits=("validation",), looks=looks)
            reports.seed_done(results)
        values = validation_values(results, ground.tasks, ground.config.source_language)
        found = objectives(values, baseline_levels(handle, ground), ground.settings)
        for name, value in zip(ground.settings.objectives, found, strict=True):
            job.run.metric(f"objective/{name}", value)
        job.done(results, found)


def run_baseline(handle: StudyHandle, ground: Ground, claim: Claim) -> None:
    """Train and validate the baseline with one seed; its models are kept for the test."""
    seed = claim.trial.user_attrs[SEED]
    with _job(handle, handle.baseline, claim, f"baseline-{seed}") as job:
        config = reference(ground.config, BASELINE).model_copy(
            update={"seed": seed, "resume": claim.again}
        )
        job.begin(config, ground)
        models = handle.models
        job.done(ground.scores(config, job.run, splits=("validation",), models=models), [0.0])


def run_test(handle: StudyHandle, ground: Ground, claim: Claim) -> None:
    """Train, validate and test what was selected, or a reference, with one seed."""
    attributes = claim.trial.user_attrs
    seed, contender = attributes[SEED], attributes[CONTENDER]
    with _job(handle, handle.final, claim, f"test-{contender}-{seed}") as job:
        asked = RunConfig.model_validate(attributes[CONFIG])
        config = asked.model_copy(update={"seed": seed, "resume": claim.again})
        job.begin(config, ground)
        job.run.tags({"contender": contender})
        if contender == BASELINE:  # validated, and kept, before the trials
            results = ground.scores(config, job.run, splits=("test",), models=handle.models)
        else:
            results = ground.scores(config, job.run, splits=("validation", "test"))
        job.done(results, [0.0])


@dataclass
class _Job:
    """A trial at work, and its run."""

    trial: Trial
    run: TrackedRun
    source_language: str
    state: TrialState = TrialState.FAIL
    values: list[float] | None = None

    def begin(self, config: RunConfig, ground: Ground) -> None:
        """Log what is going to be done."""
        log_config(self.run, config, ground.accelerator)
        self.trial.set_user_attr(CONFIG, config.model_dump(mode="json"))

    def done(self, results: Sequence[TaskScores], values: list[float]) -> None:
        """Log what came of it: means over seeds."""
        tasks = list(dict.fromkeys(result.task for result in results))
        for task in tasks:
            prefix = f"{task}/" if len(tasks) > 1 else ""
            scores = mean_scores([r.scores for r in results if r.task == task])
            log_scores(self.run, scores, self.source_language, prefix)
            self.run.text(scores_to_csv(scores), prefix + RESULTS_FILE)
        self.trial.set_user_attr(
            SCORES, json.dumps([[r.task, r.seed, [list(s) for s in r.scores]] for r in results])
        )
        self.state, self.values = TrialState.COMPLETE, values


@contextmanager
def _job(handle: StudyHandle, queue: TrialQueue, claim: Claim, name: str) -> Iterator[_Job]:
    """The run of a claimed trial, and the trial's end, whatever happens.

    A trial that fails is failed, and the worker goes on with the next; one that is interrupted
    is given back.
    """
    trial, began = claim.trial, time.monotonic()
    job: _Job | None = None
    problem = ""
    try:
        with (
            queue.alive(trial),
            tracked_run(name, nested=True, parent=handle.run_id) as run,
        ):
            trial.set_user_attr(RUN_ID, run.run_id)
            run.tags({"study": handle.name, "trial": str(trial.number), "state": "running"})
            job = _Job(trial, run, handle.config.source_language)
            try:
                yield job
                run.tags({"state": COMPLETE})
            except Pruned as pruned:
                job.state, problem = TrialState.PRUNED, str(pruned)
                step = str(trial.user_attrs[PRUNED_STEP])
                run.tags({"state": PRUNED, PRUNED_STEP: step, "pruned": problem})
            except BaseException as error:
                run.tags({"state": FAILED if isinstance(error, Exception) else "interrupted"})
                raise
    except AlignFreezeError as error:
        problem = str(error)
    except Exception as error:
        # A defect, or a lack of memory: the next trial may do better.
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        logger.debug("%s", name, exc_info=True)
    except BaseException:
        queue.give_back(trial)
        raise
    attributes = {SECONDS: time.monotonic() - began} | ({PROBLEM: problem} if problem else {})
    state = job.state if job else TrialState.FAIL
    queue.finish(trial, state, job.values if job else None, attributes)


class _Reports:
    """Intermediate scores of a trial, for the pruner; none where there are two objectives.

    Args:
        trial: The trial.
        run: Its run, which has them as the metric ``report``.
        ground: Tasks and settings.
    """

    def __init__(self, trial: Trial, run: TrackedRun, ground: Ground) -> None:
        self._trial = trial
        self._run = run
        self._ground = ground
        self._each = ground.settings.reports + 1
        self._total = len(ground.settings.search_seeds) * len(ground.tasks) * self._each

    def looks(self, done: int) -> list[EarlyLook] | None:
        """The looks through the fine-tunings of the next seed, one a task.

        Args:
            done: Fine-tunings of this trial so far.
        """
        settings = self._ground.settings
        if not settings.reports or len(settings.objectives) > 1:
            return None
        return [
            EarlyLook(settings.reports, settings.report_rows, self._look(data.name, done + place))
            for place, data in enumerate(self._ground.tasks)
        ]

    def _look(self, task: str, done: int) -> Callable[[int, list[Score]], None]:
        def look(number: int, scores: list[Score]) -> None:
            result = TaskScores(task, 0, scores)
            self._report(done * self._each + number, [result], f"in fine-tuning on {task}")

        return look

    def seed_done(self, results: Sequence[TaskScores]) -> None:
        """Report the scores of all seeds so far."""
        step = len(results) * self._each
        if step < self._total and len(self._ground.settings.objectives) == 1:
            self._report(step, results, f"after {len(results)} fine-tunings")

    def _report(self, step: int, results: Sequence[TaskScores], where: str) -> None:
        ground = self._ground
        values = validation_values(results, ground.tasks, ground.config.source_language)
        value = aggregate(values, ground.settings)
        self._trial.report(value, step)
        self._run.metric("report", value, step)
        if self._trial.should_prune():
            self._trial.set_user_attr(PRUNED_STEP, step)
            pruner = ground.settings.chosen_pruner
            raise Pruned(
                f"pruned ({pruner}) {where}, at report {step} of {self._total}, with {value:.4f}"
            )
