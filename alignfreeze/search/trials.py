"""Trials, the baseline's seeds before them, the tests after them: how they are done and told of."""

import json
import logging
import math
from collections.abc import Sequence

from optuna.trial import FrozenTrial, Trial, TrialState

from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.errors import ConfigError, Pruned, TrainingError
from alignfreeze.evaluation.scores import RESULTS_FILE, Score, scores_to_csv
from alignfreeze.runs.finetune_phase import EarlyLook
from alignfreeze.runs.records import log_config, log_scores
from alignfreeze.search.context import TrialContext, reference
from alignfreeze.search.objective import (
    Key,
    TaskScores,
    aggregate,
    levels,
    mean_scores,
    objectives,
    validation_scores,
    validation_values,
)
from alignfreeze.search.study import SearchStudy, strategy_code
from alignfreeze.search.trial_table import Level
from alignfreeze.tracking.names import REPORT, objective_metric, task_prefix
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.workers.assignments import NO_OBJECTIVE
from alignfreeze.workers.queue import SECONDS, Claim, TrialQueue, problem_of
from alignfreeze.workers.worker import PRUNED_STEP, do_trial

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


def scores_of(trial: FrozenTrial) -> list[TaskScores]:
    """What a finished trial scored; nothing if it was pruned or failed."""
    return [
        TaskScores(task, seed, [Score(*score) for score in scores])
        for task, seed, scores in json.loads(trial.user_attrs.get(SCORES, "[]"))
    ]


def baseline_levels(study: SearchStudy, context: TrialContext) -> dict[Key, Level]:
    """The baseline's scores on validation, with the seeds that trials have."""
    settings = context.settings
    return levels(
        [result for trial in study.baseline.trials() for result in scores_of(trial)],
        context.tasks,
        context.config.source_language,
        seeds=settings.search_seeds,
        deviation_seeds=settings.final_seeds,
    )


def run_trial(study: SearchStudy, context: TrialContext, claim: Claim) -> None:
    """Train and validate one configuration that the sampler draws."""
    trial = claim.trial

    def work(run: TrackedRun) -> list[float]:
        drawn = context.space.draw(trial, context.config)
        config = drawn.model_copy(update={"reuse": False, "resume": claim.again})
        _begin(claim, run, context, config)
        stages = Stages(trial, run, context)
        results: list[TaskScores] = []
        for seed in context.settings.search_seeds:
            seeded = config.model_copy(update={"seed": seed})
            results += context.scores(seeded, run, splits=("validation",), reporter=stages)
        _keep(claim, run, context, results)
        scores = validation_scores(results, context.tasks, context.config.source_language)
        found = objectives(scores, baseline_levels(study, context), context.settings)
        for name, value in zip(context.settings.objectives, found, strict=True):
            if not math.isfinite(value):  # Optuna would take it, and never read it again
                raise TrainingError(f"objective {name} must be a number, got {value}")
            run.metric(objective_metric(name), value)
        return found

    do_trial(study.owner, study.trials, claim, f"trial-{trial.number}", work)


def run_baseline(study: SearchStudy, context: TrialContext, claim: Claim) -> None:
    """Train and validate the baseline with one seed; what will be tested is kept."""
    seed = claim.trial.user_attrs[SEED]
    models = study.models if seed in context.settings.final_seeds else None

    def work(run: TrackedRun) -> list[float]:
        config = reference(context.config, BASELINE)
        config = config.model_copy(update={"seed": seed, "resume": claim.again})
        _begin(claim, run, context, config)
        found = context.scores(config, run, splits=("validation",), models=models)
        _keep(claim, run, context, found)
        return NO_OBJECTIVE

    do_trial(study.owner, study.baseline, claim, f"baseline-{seed}", work)


def run_test(study: SearchStudy, context: TrialContext, claim: Claim) -> None:
    """Train, validate and test what was selected, or a reference, with one seed."""
    attributes = claim.trial.user_attrs
    seed, contender = attributes[SEED], attributes[CONTENDER]

    def work(run: TrackedRun) -> list[float]:
        asked = RunConfig.model_validate(attributes[CONFIG])
        if strategy_code(asked) != attributes[CODE]:
            raise ConfigError(
                f"strategy {asked.strategy!r} must be of the version that the search has"
            )
        config = asked.model_copy(update={"seed": seed, "resume": claim.again})
        _begin(claim, run, context, config)
        run.tags({"contender": contender})
        if contender == BASELINE:  # validated, and kept, before the trials
            found = context.scores(config, run, splits=("test",), models=study.models)
        else:
            found = context.scores(config, run, splits=("validation", "test"))
        _keep(claim, run, context, found)
        return NO_OBJECTIVE

    do_trial(study.owner, study.final, claim, f"test-{contender}-{seed}", work)


def _begin(claim: Claim, run: TrackedRun, context: TrialContext, config: RunConfig) -> None:
    """Log what is going to be done."""
    resolved = context.resolved(config)
    log_config(run, resolved, context.accelerator)
    claim.trial.set_user_attr(CONFIG, resolved.model_dump(mode="json"))


def _keep(
    claim: Claim, run: TrackedRun, context: TrialContext, results: Sequence[TaskScores]
) -> None:
    """Log what came of it, means over seeds, and let the trial remember it all."""
    tasks = list(dict.fromkeys(result.task for result in results))
    for task in tasks:
        prefix = task_prefix(task, len(tasks))
        scores = mean_scores([r.scores for r in results if r.task == task])
        log_scores(run, scores, context.config.source_language, prefix)
        run.text(scores_to_csv(scores), prefix + RESULTS_FILE)
    texts = [[r.task, r.seed, [list(score) for score in r.scores]] for r in results]
    claim.trial.set_user_attr(SCORES, json.dumps(texts))


class Stages:
    """The reports of a trial, for the pruner; none where there are two objectives.

    A trial fine-tunes on each task with each seed, one after the other. A report is the first
    objective over what it has finished and what it looks at, so that the last ones come close to
    its end. Its step is the stage: how many fine-tunings are finished, and which look through the
    next one it is. Trials are compared at the same step alone, where all have done the same.

    Args:
        trial: The trial.
        run: Its run, which has the reports as the metric ``report``.
        context: Tasks and settings.
    """

    def __init__(self, trial: Trial, run: TrackedRun, context: TrialContext) -> None:
        self._trial = trial
        self._run = run
        self._context = context
        self._finished: list[TaskScores] = []
        self._each = context.settings.reports + 1
        self._total = len(context.settings.search_seeds) * len(context.tasks) * self._each
        self._reports = len(context.settings.objectives) == 1

    def look(self, task: str, seed: int) -> EarlyLook | None:
        """The looks through the next fine-tuning, whose task and seed are given."""
        settings = self._context.settings
        if not settings.reports or not self._reports:
            return None

        def report(number: int, scores: list[Score]) -> None:
            seen = [*self._finished, TaskScores(task, seed, scores)]
            step = len(self._finished) * self._each + number
            self._report(step, seen, f"in fine-tuning on {task}")

        return EarlyLook(settings.reports, settings.report_rows, report)

    def done(self, result: TaskScores) -> None:
        """Take note of a fine-tuning that is finished, and report unless it is the last."""
        self._finished.append(result)
        step = len(self._finished) * self._each
        if self._reports and step < self._total:
            self._report(step, self._finished, f"after {len(self._finished)} fine-tunings")

    def _report(self, step: int, results: Sequence[TaskScores], where: str) -> None:
        context = self._context
        values = validation_values(results, context.tasks, context.config.source_language)
        value = aggregate(values, context.settings)
        self._trial.report(value, step)
        self._run.metric(REPORT, value, step)
        if self._trial.should_prune():
            self._trial.set_user_attr(PRUNED_STEP, step)
            pruner = context.settings.chosen_pruner
            raise Pruned(
                f"pruned ({pruner}) {where}, at report {step} of {self._total}, with {value:.4f}"
            )


class TrialLog:
    """Logs the trials of a queue as they end; those that had ended before are counted.

    Args:
        study: The study.
        queue: One of its queues.
        wanted: How many trials there are to be.
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
        names = self._study.settings.objectives
        (first, value), *counts = zip(names, trial.values, strict=True)
        return ", ".join([f"{first} {100 * value:.2f} %", *(f"{n} {v:.0f}" for n, v in counts)])


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
