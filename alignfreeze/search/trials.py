"""What workers do: trials, the baseline's seeds before them, and the tests after them."""

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from accelerate import Accelerator
from optuna.trial import FrozenTrial, Trial, TrialState

from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.errors import AlignFreezeError, ConfigError, Pruned, TrainingError
from alignfreeze.evaluation.scores import RESULTS_FILE, Score, scores_to_csv
from alignfreeze.runs.records import log_config, log_scores
from alignfreeze.search.code import strategy_code
from alignfreeze.search.context import Ground, reference
from alignfreeze.search.objective import (
    Key,
    TaskScores,
    levels,
    mean_scores,
    objectives,
    validation_scores,
)
from alignfreeze.search.stages import PRUNED_STEP, Stages
from alignfreeze.search.study import StudyHandle
from alignfreeze.search.trial_table import COMPLETE, FAILED, PRUNED, Level
from alignfreeze.tracking.names import STATE, objective_metric, task_prefix
from alignfreeze.tracking.runs import TrackedRun, tracked_run
from alignfreeze.workers.queue import PROBLEM, RUN_ID, Claim, TrialQueue

logger = logging.getLogger(__name__)

SCORES = "scores"
"""User attribute: what a trial scored, as JSON."""

CONFIG = "config"
"""User attribute: the configuration of a trial, or of a test."""

CONTENDER = "contender"
"""User attribute of a test: what is tested."""

SEED = "seed"
"""User attribute of a test, and of a trial of the baseline."""

CODE = "code"
"""User attribute of a test: what identifies the code of its strategy."""

SECONDS = "seconds"
"""User attribute: how long a trial took, from its claim to its end."""

RUNNING = "running"
"""The tag ``state`` of a trial's run, until it is one of `tabulation`'s."""

NO_OBJECTIVE = [0.0]
"""Of trials that are not searched among."""


def scores_of(trial: FrozenTrial) -> list[TaskScores]:
    """What a finished trial scored; nothing if it was pruned or failed."""
    return [
        TaskScores(task, seed, [Score(*score) for score in scores])
        for task, seed, scores in json.loads(trial.user_attrs.get(SCORES, "[]"))
    ]


def baseline_levels(handle: StudyHandle, ground: Ground) -> dict[Key, Level]:
    """The baseline's scores on validation, with the seeds that trials have."""
    settings = ground.settings
    return levels(
        [result for trial in handle.baseline.trials() for result in scores_of(trial)],
        ground.tasks,
        ground.config.source_language,
        seeds=settings.search_seeds,
        deviation_seeds=settings.final_seeds,
    )


def run_trial(handle: StudyHandle, ground: Ground, claim: Claim) -> None:
    """Train and validate one configuration that the sampler draws."""
    trial = claim.trial

    def work(job: Job) -> list[float]:
        drawn = ground.space.draw(trial, ground.config)
        config = drawn.model_copy(update={"reuse": False, "resume": claim.again})
        job.begin(ground.resolved(config), ground.accelerator)
        stages = Stages(trial, job.run, ground)
        results: list[TaskScores] = []
        for seed in ground.settings.search_seeds:
            seeded = config.model_copy(update={"seed": seed})
            results += ground.scores(seeded, job.run, splits=("validation",), reporter=stages)
        job.keep(results)
        scores = validation_scores(results, ground.tasks, ground.config.source_language)
        found = objectives(scores, baseline_levels(handle, ground), ground.settings)
        for name, value in zip(ground.settings.objectives, found, strict=True):
            if not math.isfinite(value):  # Optuna would take it, and never read it again
                raise TrainingError(f"objective {name} must be a number, got {value}")
            job.run.metric(objective_metric(name), value)
        return found

    _do_own(handle, handle.trials, claim, f"trial-{trial.number}", work)


def run_baseline(handle: StudyHandle, ground: Ground, claim: Claim) -> None:
    """Train and validate the baseline with one seed; what will be tested is kept."""
    seed = claim.trial.user_attrs[SEED]
    models = handle.models if seed in ground.settings.final_seeds else None

    def work(job: Job) -> list[float]:
        config = reference(ground.config, BASELINE)
        config = config.model_copy(update={"seed": seed, "resume": claim.again})
        job.begin(ground.resolved(config), ground.accelerator)
        job.keep(ground.scores(config, job.run, splits=("validation",), models=models))
        return NO_OBJECTIVE

    _do_own(handle, handle.baseline, claim, f"baseline-{seed}", work)


def run_test(handle: StudyHandle, ground: Ground, claim: Claim) -> None:
    """Train, validate and test what was selected, or a reference, with one seed."""
    attributes = claim.trial.user_attrs
    seed, contender = attributes[SEED], attributes[CONTENDER]

    def work(job: Job) -> list[float]:
        asked = RunConfig.model_validate(attributes[CONFIG])
        if strategy_code(asked) != attributes[CODE]:
            raise ConfigError(
                f"strategy {asked.strategy!r} must be of the version that the search has"
            )
        config = asked.model_copy(update={"seed": seed, "resume": claim.again})
        job.begin(ground.resolved(config), ground.accelerator)
        job.run.tags({"contender": contender})
        if contender == BASELINE:  # validated, and kept, before the trials
            job.keep(ground.scores(config, job.run, splits=("test",), models=handle.models))
        else:
            job.keep(ground.scores(config, job.run, splits=("validation", "test")))
        return NO_OBJECTIVE

    _do_own(handle, handle.final, claim, f"test-{contender}-{seed}", work)


@dataclass(frozen=True)
class Job:
    """A trial at work, and its run."""

    trial: Trial
    run: TrackedRun
    source_language: str

    def begin(self, config: RunConfig, accelerator: Accelerator) -> None:
        """Log what is going to be done."""
        log_config(self.run, config, accelerator)
        self.trial.set_user_attr(CONFIG, config.model_dump(mode="json"))

    def keep(self, results: Sequence[TaskScores]) -> None:
        """Log what came of it, means over seeds, and let the trial remember it all."""
        tasks = list(dict.fromkeys(result.task for result in results))
        for task in tasks:
            prefix = task_prefix(task, len(tasks))
            scores = mean_scores([r.scores for r in results if r.task == task])
            log_scores(self.run, scores, self.source_language, prefix)
            self.run.text(scores_to_csv(scores), prefix + RESULTS_FILE)
        texts = [[r.task, r.seed, [list(score) for score in r.scores]] for r in results]
        self.trial.set_user_attr(SCORES, json.dumps(texts))


class Owner(Protocol):
    """What a trial belongs to: a study, and its run."""

    @property
    def name(self) -> str:
        """The study's name."""

    @property
    def run_id(self) -> str:
        """The MLflow run that the trial's is nested in."""


def do(
    owner: Owner,
    queue: TrialQueue,
    claim: Claim,
    name: str,
    work: Callable[[Job], list[float]],
    *,
    source_language: str,
) -> None:
    """Do a claimed trial in a run of its own, and end both, whatever happens.

    A trial that fails is failed, and the worker goes on with the next; one that is interrupted
    is given back.

    Args:
        owner: The study.
        queue: Its queue that the trial is from.
        claim: The trial.
        name: Of the run.
        work: Returns the objectives.
        source_language: What is left out of means over languages.
    """
    trial, began = claim.trial, time.monotonic()
    state, values, problem = TrialState.FAIL, None, ""
    try:
        with queue.alive(trial), tracked_run(name, nested=True, parent=owner.run_id) as run:
            trial.set_user_attr(RUN_ID, run.run_id)
            run.tags({"study": owner.name, "trial": str(trial.number), STATE: RUNNING})
            try:
                values = work(Job(trial, run, source_language))
            except Pruned as pruned:
                problem = str(pruned)
                step = str(trial.user_attrs[PRUNED_STEP])
                run.tags({STATE: PRUNED, PRUNED_STEP: step, "pruned": problem})
            except BaseException as error:
                run.tags({STATE: FAILED if isinstance(error, Exception) else "interrupted"})
                raise
            else:
                run.tags({STATE: COMPLETE})
        state = TrialState.PRUNED if values is None else TrialState.COMPLETE
    except AlignFreezeError as error:
        problem = str(error)
    except Exception as error:  # a defect, or no memory: the next may do better
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        logger.debug("%s", name, exc_info=True)
    except BaseException:
        queue.give_back(trial)
        raise
    attributes = {SECONDS: time.monotonic() - began} | ({PROBLEM: problem} if problem else {})
    queue.finish(trial, state, values if state == TrialState.COMPLETE else None, attributes)


def _do_own(
    handle: StudyHandle,
    queue: TrialQueue,
    claim: Claim,
    name: str,
    work: Callable[[Job], list[float]],
) -> None:
    do(handle, queue, claim, name, work, source_language=handle.config.source_language)
