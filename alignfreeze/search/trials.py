"""Trials, the baseline's seeds before them, the tests after them: how they are done."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optuna.trial import FrozenTrial, Trial

from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.errors import ConfigError, Pruned, TrainingError
from alignfreeze.evaluation.scores import RESULTS_FILE, Score, TaskResult, rows_to_csv
from alignfreeze.messages import shown
from alignfreeze.runs.finetune_phase import EarlyLook
from alignfreeze.runs.phase_runs import Scope
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.preparation import prepared
from alignfreeze.runs.records import describe, log_config, log_scores
from alignfreeze.runs.strategies import strategy_choices
from alignfreeze.search.context import TrialContext, reference
from alignfreeze.search.objective import Key, Level, Objective, TaskScores, mean_scores
from alignfreeze.search.study import SearchStudy, contender_code
from alignfreeze.tracking import names
from alignfreeze.tracking.names import REPORT, Kind, objective_metric, task_prefix
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.workers.assignments import NO_OBJECTIVE
from alignfreeze.workers.queue import Claim
from alignfreeze.workers.worker import PRUNED_STEP, do_trial

KEPT_PREPARATIONS = 4

VALIDATION = Scope(splits=("validation",), keep_encoders=False)

SCORES, CONFIG = "scores", "config"
"""User attributes: what a trial scored, as JSON, and its configuration."""

SEED, CONTENDER, CODE = "seed", "contender", "code"
"""User attributes of a test: seed, what is tested, and what identifies its plugins' code. A
trial of the baseline has a seed too."""


def parameters_text(params: Mapping[str, Any]) -> str:
    """What a trial has drawn, for a person: ``front.boundary=3, temperature=0.1``."""
    texts = {n: f"{v:.4g}" if isinstance(v, float) else str(v) for n, v in params.items()}
    return ", ".join(f"{name}={text}" for name, text in texts.items())


def scores_of(trial: FrozenTrial) -> list[TaskScores]:
    """What a finished trial scored; nothing if it was pruned or failed."""
    return [
        TaskScores(task, seed, [Score(*score) for score in found])
        for task, seed, found in json.loads(trial.user_attrs.get(SCORES, "[]"))
    ]


def baseline_levels(study: SearchStudy, context: TrialContext) -> dict[Key, Level]:
    """The baseline's scores on validation, with the seeds that trials have."""
    done = [result for trial in study.baseline.trials() for result in scores_of(trial)]
    return context.objective.levels(done)


@dataclass
class Stages:
    """The reports of a trial, for the pruner; none where there are two objectives.

    A trial fine-tunes on each task with each seed, one after the other. A report is the first
    objective over what it has finished and what it looks at, so that the last ones come close to
    its end. Its step is the stage: how many fine-tunings are finished, and which look through the
    next one it is. Trials are compared at the same step alone, where all have done the same.
    """

    trial: Trial
    run: TrackedRun
    objective: Objective
    finished: list[TaskScores] = field(default_factory=list)

    def look(self, task: str, seed: int) -> EarlyLook | None:
        """The looks through the next fine-tuning, whose task and seed are given."""
        settings = self.objective.settings
        if not settings.reports or len(settings.objectives) > 1:
            return None

        def report(number: int, scores: list[Score]) -> None:
            seen = [*self.finished, TaskScores(task, seed, scores)]
            self._report(number, seen, f"in fine-tuning on {task}")

        return EarlyLook(settings.reports, settings.report_rows, report)

    def done(self, result: TaskScores) -> None:
        """Take note of a fine-tuning that is finished, and report unless it is the last."""
        self.finished.append(result)
        self._report(0, self.finished, f"after {len(self.finished)} fine-tunings")

    def _report(self, look: int, results: Sequence[TaskScores], where: str) -> None:
        settings = self.objective.settings
        each = settings.reports + 1
        step = len(self.finished) * each + look
        total = len(settings.search_seeds) * len(self.objective.tasks) * each
        if step == total or len(settings.objectives) > 1:
            return
        value = self.objective.first(self.objective.means(results))
        self.trial.report(value, step)
        self.run.metric(REPORT, value, step)
        if self.trial.should_prune():
            self.trial.set_user_attr(PRUNED_STEP, step)
            raise Pruned(
                f"pruned ({settings.chosen_pruner}) {where}, at report {step} of {total}, "
                f"with {value:.4f}"
            )


def run_trial(study: SearchStudy, context: TrialContext, claim: Claim) -> None:
    """Train and validate one configuration that the sampler draws."""
    trial, settings = claim.trial, context.settings

    def work(run: TrackedRun) -> list[float]:
        config = context.space.draw(trial, context.config).model_copy(update={"reuse": False})
        run.rename(f"trial {trial.number}: {parameters_text(trial.params)}")
        stages = Stages(trial, run, context.objective)
        results = _done(claim, run, context, config, settings.search_seeds, VALIDATION, stages)
        found = context.objective.values(results, baseline_levels(study, context))
        for name, value in zip(settings.objectives, found, strict=True):
            if not math.isfinite(value):  # Optuna would take it, and never read it again
                raise TrainingError(f"objective {name} must be a number, got {value}")
            run.metric(objective_metric(name), value)
        return found

    do_trial(study.owner, study.trials, claim, work, name=f"trial {trial.number}", kind=Kind.TRIAL)


def run_baseline(study: SearchStudy, context: TrialContext, claim: Claim) -> None:
    """Train and validate the baseline with one seed; what will be tested is kept."""
    seed = claim.trial.user_attrs[SEED]
    kept = study.models if seed in context.settings.final_seeds else None

    def work(run: TrackedRun) -> list[float]:
        config = reference(context.config, BASELINE)
        _done(claim, run, context, config, [seed], replace(VALIDATION, models=kept))
        return NO_OBJECTIVE

    name = f"baseline seed {seed}"
    do_trial(study.owner, study.baseline, claim, work, name=name, kind=Kind.BASELINE)


def run_test(study: SearchStudy, context: TrialContext, claim: Claim) -> None:
    """Train, validate and test what was selected, or a reference, with one seed."""
    attributes = claim.trial.user_attrs
    seed, contender = attributes[SEED], attributes[CONTENDER]
    scope = replace(VALIDATION, splits=("validation", "test"))
    if contender == BASELINE:  # validated, and kept, before the trials
        scope = replace(VALIDATION, splits=("test",), models=study.models)

    def work(run: TrackedRun) -> list[float]:
        config = RunConfig.model_validate(attributes[CONFIG])
        if contender_code(config) != attributes[CODE]:
            plugins = f"strategy {shown(config.strategy)}, objective {shown(config.objective)}"
            raise ConfigError(f"{plugins}: must be of the version that the search has")
        run.tags({names.CONTENDER: contender})
        _done(claim, run, context, config, [seed], scope)
        return NO_OBJECTIVE

    name = f"test {contender} seed {seed}"
    do_trial(study.owner, study.final, claim, work, name=name, kind=Kind.TEST)


def _done(
    claim: Claim,
    run: TrackedRun,
    context: TrialContext,
    config: RunConfig,
    seeds: Sequence[int],
    scope: Scope,
    stages: Stages | None = None,
) -> list[TaskScores]:
    """What comes of a configuration: logged, means over seeds, and remembered by the trial."""
    config = config.model_copy(update={"seed": seeds[0], "resume": claim.again})
    # Logged is all of the strategy, also what the encoder decides.
    resolved = strategy_choices(config, context.n_layers)[-1].applied_to(config)
    log_config(run, resolved, context.accelerator)
    claim.trial.set_user_attr(CONFIG, resolved.model_dump(mode="json"))
    results: list[TaskScores] = []
    for seed in seeds:
        seeded = config.model_copy(update={"seed": seed})
        results += scores(context, seeded, run, scope=scope, stages=stages)
    tasks = list(dict.fromkeys(result.task for result in results))
    found = []
    for task in tasks:
        prefix = task_prefix(task, len(tasks))
        means = mean_scores([r.scores for r in results if r.task == task])
        found.append(TaskResult(config.strategy, task, context.metrics[task], means))
        log_scores(run, means, context.config.source_language, prefix)
        run.text(rows_to_csv(means, Score), prefix + RESULTS_FILE)
    describe(run, found, context.config.source_language)
    texts = [[r.task, r.seed, [list(score) for score in r.scores]] for r in results]
    claim.trial.set_user_attr(SCORES, json.dumps(texts))
    return results


def scores(
    context: TrialContext, config: RunConfig, run: TrackedRun, scope: Scope, stages: Stages | None
) -> list[TaskScores]:
    """Realign, fine-tune and evaluate on every task, with one seed, below a run.

    The stages are told of each fine-tuning, before and after it.
    """
    preparation = prepared(config, context.later, KEPT_PREPARATIONS, context.base)
    choice = preparation.strategies[-1]
    results = []
    with TemporaryDirectory(prefix="alignfreeze-") as folder:
        phases = Phases(preparation, context.accelerator, run, Path(folder), scope)
        run.inputs(phases.inputs())
        for data in preparation.tasks:
            encoder = phases.encoder(choice, data)
            look = stages.look(data.name, config.seed) if stages else None
            found = phases.finetune(encoder, choice, data, look)
            results.append(TaskScores(data.name, config.seed, found))
            if stages:
                stages.done(results[-1])
    return results
