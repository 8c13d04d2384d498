"""Fine-tuning on a task and its evaluation, as an MLflow run of its own or taken over from one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from accelerate.utils import set_seed

from alignfreeze.base.caching import building, check_sealed
from alignfreeze.base.digests import hash_of
from alignfreeze.config import RunConfig
from alignfreeze.encoders.loading import load_finetuned, load_with_head
from alignfreeze.encoders.modelfiles import save
from alignfreeze.errors import DataError, Pruned
from alignfreeze.evaluation.finetuning import finetune
from alignfreeze.evaluation.prediction import evaluate
from alignfreeze.evaluation.scores import (
    RESULTS_FILE,
    EvaluationSet,
    Score,
    rows_from_csv,
    rows_to_csv,
)
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.runs.identity import FINETUNE_FIELDS
from alignfreeze.runs.phase_runs import PhaseRuns
from alignfreeze.runs.realigned import RealignedEncoder
from alignfreeze.runs.records import log_losses, log_result, log_scores, log_words, score_name
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import names, store
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.loop import NO_MILESTONES, Milestones

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EarlyLook:
    """Scores on the way through a fine-tuning.

    Attributes:
        times: How many, at equal distances.
        rows: Examples of each language's validation split that they take, from its beginning.
        look: Called with the number of the look, from 1, and its scores; an exception of it ends
            the phase. Looks before a checkpoint that the phase goes on from are not taken again.
    """

    times: int
    rows: int
    look: Callable[[int, list[Score]], None]


class FinetunePhase:
    """Fine-tunes encoders on tasks, and evaluates them.

    Args:
        runs: What the phases of the run share.
    """

    def __init__(self, runs: PhaseRuns) -> None:
        self._runs = runs
        self._padding = runs.preparation.tokenizer.pad_token_id or 0

    def scores(
        self,
        encoder: RealignedEncoder,
        choice: StrategyChoice,
        data: TaskData,
        config: RunConfig,
        early: EarlyLook | None,
    ) -> list[Score]:
        """The scores of an encoder on a task, computed now or before.

        Args:
            encoder: The encoder.
            choice: The strategy that it was realigned with.
            data: The task.
            config: The phase's, its steps said.
            early: Scores that are wanted on the way.
        """
        assert config.finetune_steps is not None, "phases resolve the epochs"
        identity = self.identity(encoder, data, config.finetune_steps)
        # A model that is to be kept has to be computed.
        may_reuse = config.reuse and not config.save_model
        found = self._runs.on_main(
            lambda: self._taken_over(self._scored(identity), choice) if may_reuse else None
        )
        if found is None:
            return self._finetune(encoder, choice, data, config, identity, early)
        run_id, scores = found
        self._runs.say_reused(f"fine-tuning on {data.name}", choice, run_id)
        return scores

    def known(
        self, encoder: RealignedEncoder, data: TaskData, steps: int
    ) -> tuple[str, list[Score]] | None:
        """The finished run that has fine-tuned an encoder on a task, and its scores."""
        identity = self._scored(self.identity(encoder, data, steps))
        may_reuse = self._runs.config.reuse
        return self._runs.on_main(lambda: self._finished(identity) if may_reuse else None)

    def identity(self, encoder: RealignedEncoder, data: TaskData, steps: int) -> str:
        """The hash of what a fine-tuned model depends on."""
        held_out = [corpus.fingerprint for corpus in self._runs.preparation.held_out]
        measured: list[Any] = [*held_out, self._runs.config.realign_max_length]
        dependencies = {
            "phase": "finetune",
            "encoder": encoder.identity,
            "task": data.identity,
            "measured": measured if held_out else [],
            "steps": steps,
        }
        return self._runs.identity(FINETUNE_FIELDS, dependencies)

    def _scored(self, identity: str) -> str:
        """The hash of what the scores of a fine-tuned model depend on."""
        return hash_of([identity, *self._runs.scope.splits])

    def _finished(self, identity: str) -> tuple[str, list[Score]] | None:
        """The finished run that has these scores, and they; none if its file is no longer whole."""
        run = store.finished_run(identity)
        file = store.artifact_path(run.info.run_id, RESULTS_FILE) if run else None
        if run is None or file is None:
            return None
        logged = names.scores_in(run.data.metrics, self._runs.scope.splits)
        try:
            scores = rows_from_csv(file, Score)
        except DataError:
            scores = []
        if {score_name(score): score.value for score in scores} == logged:
            return run.info.run_id, scores
        logger.warning(
            "%s of the finished run %s does not hold the scores that it has logged: they are "
            "computed again",
            *(RESULTS_FILE, run.info.run_id),
        )
        return None

    def _taken_over(self, identity: str, choice: StrategyChoice) -> tuple[str, list[Score]] | None:
        """The scores that a finished run holds, and what it has measured."""
        found = self._finished(identity)
        complete = found is not None and self._runs.measures.take_over(choice.name, found[0])
        return found if complete else None

    def _finetune(
        self,
        encoder: RealignedEncoder,
        choice: StrategyChoice,
        data: TaskData,
        config: RunConfig,
        identity: str,
        early: EarlyLook | None,
    ) -> list[Score]:
        runs = self._runs
        kept = runs.scope.models and runs.scope.models / identity
        with runs.begun(f"{names.FINETUNE_RUN_NAME}{data.name}", config, choice) as run:
            run.tags(_tags(encoder, choice, data))
            checkpoints = runs.checkpoints(identity, run)
            if kept and kept.is_dir():
                check_sealed(kept, "the fine-tuned model that was kept for the tests")
                model = load_finetuned(kept, data.task.auto_class)
            else:
                model = self._trained(encoder, data, config, run, checkpoints, early)
            stage = names.finetuned_stage(data.name)
            encoder_within = cast("PreTrainedModel", model.base_model)
            runs.measures.measure(run, choice.name, encoder_within, stage)
            scores = self._evaluate(model, data, data.evaluation_sets(runs.scope.splits))
            log_scores(run, scores, config.source_language)
            log_words(run, data.name, data.word_counts(runs.scope.splits))
            run.text(rows_to_csv(scores, Score), RESULTS_FILE)
            self._keep(run, model, kept)
            run.finished_as(self._scored(identity))
        runs.drop(checkpoints)
        return scores

    def _trained(
        self,
        encoder: RealignedEncoder,
        data: TaskData,
        config: RunConfig,
        run: TrackedRun,
        checkpoints: CheckpointFolder,
        early: EarlyLook | None,
    ) -> "PreTrainedModel":
        """An encoder with a head, fine-tuned."""
        steps = config.finetune_steps or 0
        set_seed(config.seed, device_specific=True)
        model = load_with_head(encoder.path, data.task.auto_class, data.task.labels)
        try:
            result = finetune(
                model,
                data.training_features,
                config,
                padding=self._padding,
                steps=steps,
                accelerator=self._runs.accelerator,
                checkpoints=checkpoints,
                on_loss=log_losses(run, names.FINETUNE_LOSS),
                milestones=self._milestones(model, data, steps, early),
            )
        except Pruned:  # and never gone on with
            self._runs.drop(checkpoints)
            raise
        log_result(run, result, names.FINETUNE_RATE)
        return model

    def _milestones(
        self, model: "PreTrainedModel", data: TaskData, steps: int, early: EarlyLook | None
    ) -> Milestones:
        """The steps to look at the validation split after, and how."""
        if early is None:
            return NO_MILESTONES
        numbers = {steps * n // (early.times + 1): n for n in range(1, early.times + 1)}

        def look(step: int) -> None:
            sets = [chosen.first(early.rows) for chosen in data.evaluation_sets(["validation"])]
            early.look(numbers[step], self._evaluate(model, data, sets))

        return Milestones(numbers, look)

    def _evaluate(
        self, model: "PreTrainedModel", data: TaskData, sets: Sequence[EvaluationSet]
    ) -> list[Score]:
        return evaluate(
            model,
            data.task,
            sets,
            batch_size=self._runs.config.eval_batch_size,
            padding=self._padding,
            accelerator=self._runs.accelerator,
        )

    def _keep(self, run: TrackedRun, model: "PreTrainedModel", kept: Path | None) -> None:
        """Log the model if it is asked for, or keep it for a later call."""
        runs, tokenizer = self._runs, self._runs.preparation.tokenizer
        if not runs.accelerator.is_main_process:
            return
        if runs.config.save_model:
            path = runs.folder / "models" / str(run.run_id)
            save(model, tokenizer, path)
            run.artifacts(path, "model")
        if kept and not kept.is_dir():
            with building(kept) as empty:
                save(model, tokenizer, empty)


def _tags(encoder: RealignedEncoder, choice: StrategyChoice, data: TaskData) -> dict[str, str]:
    """By what scores are known that may be compared: of what metric, of which data, on what."""
    tags = {
        names.METRIC: data.task.primary_metric,
        names.DATA_HASH: hash_of(data.identity["data"]),
        names.TASK_CODE: data.digest,
    }
    if choice.strategy.realigns:
        tags |= {names.REALIGN_HASH: encoder.identity, names.REALIGN_RUN: encoder.run_id or ""}
    return tags
