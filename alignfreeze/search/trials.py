"""Trials, the baseline's seeds before them, the tests after them: how they are done."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from optuna.trial import FrozenTrial

from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.contracts import Split
from alignfreeze.errors import ConfigError, TrainingError
from alignfreeze.evaluation.scores import RESULTS_FILE, Score, rows_to_csv
from alignfreeze.runs.phase_runs import Scope
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.preparation import prepared
from alignfreeze.runs.records import log_config, log_scores
from alignfreeze.runs.strategies import strategy_choices
from alignfreeze.search.context import TrialContext, reference
from alignfreeze.search.objective import (
    Key,
    TaskScores,
    levels,
    mean_scores,
    objectives,
    validation_scores,
)
from alignfreeze.search.stages import Stages
from alignfreeze.search.study import SearchStudy, strategy_code
from alignfreeze.search.trial_table import Level
from alignfreeze.tracking import names
from alignfreeze.tracking.names import objective_metric, task_prefix
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.workers.assignments import NO_OBJECTIVE
from alignfreeze.workers.queue import Claim
from alignfreeze.workers.worker import do_trial

KEPT_PREPARATIONS = 4
"""Preparations that differ in their data, kept for later trials."""

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
        TaskScores(task, seed, [Score(*score) for score in found])
        for task, seed, found in json.loads(trial.user_attrs.get(SCORES, "[]"))
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
            results += scores(context, seeded, run, splits=("validation",), stages=stages)
        _keep(claim, run, context, results)
        own = validation_scores(results, context.tasks, context.config.source_language)
        found = objectives(own, baseline_levels(study, context), context.settings)
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
        found = scores(context, config, run, splits=("validation",), models=models)
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
        run.tags({names.CONTENDER: contender})
        if contender == BASELINE:  # validated, and kept, before the trials
            found = scores(context, config, run, splits=("test",), models=study.models)
        else:
            found = scores(context, config, run, splits=("validation", "test"))
        _keep(claim, run, context, found)
        return NO_OBJECTIVE

    do_trial(study.owner, study.final, claim, f"test-{contender}-{seed}", work)


def _begin(claim: Claim, run: TrackedRun, context: TrialContext, config: RunConfig) -> None:
    """Log what is going to be done, with all of the strategy that the encoder decides."""
    resolved = strategy_choices(config, context.n_layers)[-1].applied_to(config)
    log_config(run, resolved, context.accelerator)
    claim.trial.set_user_attr(CONFIG, resolved.model_dump(mode="json"))


def _keep(
    claim: Claim, run: TrackedRun, context: TrialContext, results: Sequence[TaskScores]
) -> None:
    """Log what came of it, means over seeds, and let the trial remember it all."""
    tasks = list(dict.fromkeys(result.task for result in results))
    for task in tasks:
        prefix = task_prefix(task, len(tasks))
        means = mean_scores([r.scores for r in results if r.task == task])
        log_scores(run, means, context.config.source_language, prefix)
        run.text(rows_to_csv(means, Score), prefix + RESULTS_FILE)
    texts = [[r.task, r.seed, [list(score) for score in r.scores]] for r in results]
    claim.trial.set_user_attr(SCORES, json.dumps(texts))


def scores(
    context: TrialContext,
    config: RunConfig,
    run: TrackedRun,
    *,
    splits: tuple[Split, ...],
    models: Path | None = None,
    stages: Stages | None = None,
) -> list[TaskScores]:
    """Realign, fine-tune and evaluate on every task, below a run.

    Args:
        context: What trials share.
        config: What to do; its seed too.
        run: The run that the phases belong to.
        splits: The splits to evaluate on.
        models: Where fine-tuned models are kept, if at all.
        stages: Is told of each fine-tuning, before and after it.
    """
    preparation = prepared(config, context.later, KEPT_PREPARATIONS, context.base)
    scope = Scope(splits=splits, keep_encoders=False, models=models)
    choice = preparation.strategies[-1]
    results = []
    with TemporaryDirectory(prefix="alignfreeze-") as folder:
        phases = Phases(preparation, context.accelerator, run, Path(folder), scope)
        for data in preparation.tasks:
            encoder = phases.encoder(choice, data)
            look = stages.look(data.name, config.seed) if stages else None
            found = phases.finetune(encoder, choice, data, look)
            results.append(TaskScores(data.name, config.seed, found))
            if stages:
                stages.done(results[-1])
    return results
