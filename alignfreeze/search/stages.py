"""The stages of a trial: what it reports to the pruner on its way."""

from collections.abc import Sequence

from optuna.trial import Trial

from alignfreeze.errors import Pruned
from alignfreeze.evaluation.scores import Score
from alignfreeze.runs.finetune_phase import EarlyLook
from alignfreeze.search.context import TrialContext
from alignfreeze.search.objective import TaskScores, aggregate, validation_values
from alignfreeze.tracking.names import REPORT
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.workers.worker import PRUNED_STEP


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
