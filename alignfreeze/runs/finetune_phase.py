"""Fine-tuning on a task and its evaluation, as an MLflow run of its own or taken over from one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from accelerate.utils import set_seed

from alignfreeze.base.caching import building, found_whole
from alignfreeze.base.digests import hash_of
from alignfreeze.config import RunConfig
from alignfreeze.encoders.loading import load_finetuned, load_with_head
from alignfreeze.encoders.modelfiles import save
from alignfreeze.errors import DataError
from alignfreeze.evaluation.finetuning import finetune, steps_of_epochs
from alignfreeze.evaluation.prediction import evaluate
from alignfreeze.evaluation.scores import (
    RESULTS_FILE,
    Evaluation,
    EvaluationSet,
    Score,
    rows_from_csv,
    rows_to_csv,
)
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.runs.identity import FINETUNE_FIELDS
from alignfreeze.runs.inputs import task_inputs
from alignfreeze.runs.measures import NOTHING
from alignfreeze.runs.predictions import keeps_predictions, log_predictions, tell_unkept
from alignfreeze.runs.realigned import RealignedEncoder
from alignfreeze.runs.realigning_within import RealigningWithin
from alignfreeze.runs.records import (
    describe,
    log_result,
    log_scores,
    log_words,
    score_name,
    task_result,
)
from alignfreeze.runs.saving import check_example
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import location, names, store
from alignfreeze.tracking.curves import Measurement
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.tracking.store import StoredRun
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.memory import EVALUATION, memory_for
from alignfreeze.training.milestones import NO_MILESTONES, Milestones, TrainingResult

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


class FinetunePhases(RealigningWithin):
    """Fine-tunes encoders on tasks, and evaluates them."""

    def finetune_steps(self, data: TaskData) -> int:
        """Optimizer steps of a task's fine-tuning."""
        n_processes = self.accelerator.num_processes
        return self.config.finetune_steps or steps_of_epochs(
            self.config, data.task.epochs, len(data.training_features), n_processes
        )

    def realign_steps(self, data: TaskData) -> int:
        """Optimizer steps of realignment: as given, else as many as the fine-tuning's."""
        return self.config.realign_steps or self.finetune_steps(data)

    def finetune(
        self,
        encoder: RealignedEncoder,
        choice: StrategyChoice,
        data: TaskData,
        early: EarlyLook | None = None,
    ) -> list[Score]:
        """The scores after fine-tuning an encoder on a task, computed now or before.

        The choice is what it was realigned with; some scores may be wanted early, on the way.
        """
        found = self.finished_finetuning(encoder, choice, data)
        if found is None:
            run_id, scores = self._finetune(encoder, choice, data, early)
        else:
            run_id, scores = found[0].run_id, found[1]
            self.say_reused(f"fine-tuning on {data.name}", choice, run_id)
            tell_unkept(self, run_id, data)
        self.tell_model(run_id, choice, data, scores)
        return scores

    def finished_finetuning(
        self, encoder: RealignedEncoder, choice: StrategyChoice, data: TaskData
    ) -> tuple[StoredRun, list[Score]] | None:
        """The finished run that a fine-tuning can be taken over from, if any, and its scores."""
        # In all processes: it reads the rows, which may fail.
        scored = self._scored(encoder, choice, data)

        def take_over() -> tuple[StoredRun, list[Score]] | None:
            found = self._finished_scores(scored)
            if found is None or not self.has_model(found[0].run_id, choice, data):
                return None
            return found if self.measures.take_over(choice.name, found[0]) else None

        return self.on_main(take_over)

    def finetune_identity(
        self, encoder: RealignedEncoder, choice: StrategyChoice, data: TaskData
    ) -> str:
        """The hash of what a fine-tuned model depends on."""
        held_out = [corpus.fingerprint for corpus in self.preparation.held_out]
        measured: list[Any] = [*held_out, self.config.realign_max_length]
        steps = self.finetune_steps(data)
        within = self.within_identity(
            choice, finetune_steps=steps, realign_steps=self.realign_steps(data)
        )
        dependencies = {
            "phase": "finetune",
            "encoder": encoder.identity,
            "task": data.identity,
            "measured": measured if held_out else [],
            "steps": steps,
            **within,
        }
        return self.identity(FINETUNE_FIELDS, dependencies)

    def _scored(self, encoder: RealignedEncoder, choice: StrategyChoice, data: TaskData) -> str:
        """The hash of what the scores of a fine-tuned model depend on."""
        return hash_of([self.finetune_identity(encoder, choice, data), *self.scope.splits])

    def _finished_scores(self, scored: str) -> tuple[StoredRun, list[Score]] | None:
        """The finished run that has some scores, and they; none if its file is no longer whole."""
        run = store.finished_run(scored) if self.config.reuse else None
        if run is None:
            return None
        try:
            return run, self._held_scores(run)
        except DataError as fault:
            logger.warning(
                "the scores of the finished run %s cannot be taken over, so they are computed "
                "again: %s",
                *(run.run_id, fault),
            )
            return None

    def _held_scores(self, run: StoredRun) -> list[Score]:
        """The scores in a finished run's file, if they are those that it has logged."""
        file = location.artifact_path(run.run_id, RESULTS_FILE, self.folder)
        if file is None:
            raise DataError(f"its {RESULTS_FILE} is gone")
        scores = rows_from_csv(file, Score)
        held = {str(score_name(score)): score.value for score in scores}
        logged = names.scores_in(run.metrics, self.scope.splits)
        if held != {str(name): value for name, value in logged.items()}:
            raise DataError("it does not hold the scores that the run has logged", file=file)
        return scores

    def _finetune(
        self,
        encoder: RealignedEncoder,
        choice: StrategyChoice,
        data: TaskData,
        early: EarlyLook | None,
    ) -> tuple[str | None, list[Score]]:
        config, keeps = self._config_of(choice, data), self.keeps_model(choice)
        identity = self.finetune_identity(encoder, choice, data)
        kept = self.scope.models and self.scope.models / identity
        name = names.FINETUNE_RUN_NAME + data.name
        begun = self.begun(
            name, names.Kind.FINETUNING, config=config, choice=choice, identity=identity
        )
        with begun as (run, checkpoints):
            run.tags(self._tags(encoder, choice, data))
            run.inputs(task_inputs(self.preparation, data, self.scope.splits))
            earlier = NOTHING
            if kept and found_whole(kept, "the fine-tuned model that was kept for the tests"):
                model = load_finetuned(kept, data.task.auto_class)
            else:
                set_seed(config.seed, device_specific=True)
                model = load_with_head(encoder.path, data.task.auto_class, data.task.labels)
                if keeps:
                    check_example(data.name, data.task)
                    self.require_room(run, model, kept=True)
                earlier = self._train(run, model, choice, data, checkpoints, early)
            within = cast("PreTrainedModel", model.base_model)
            after = self.realigns(choice, "after")
            stage = (names.realigned_after_stage if after else names.finetuned_stage)(data.name)
            measured = self.measures.measure(run, within, stage, earlier)
            self.measures.add(choice.name, measured)
            sets = data.evaluation_sets(self.scope.splits)
            found = self._evaluate(model, data, sets, keep=keeps_predictions(self))
            scores = [*found.scores]
            log_scores(run, scores, config.source_language)
            describe(run, [task_result(choice.name, data, scores)], config.source_language)
            log_words(run, data.name, data.word_counts(self.scope.splits))
            run.text(rows_to_csv(scores, Score), RESULTS_FILE)
            log_predictions(self, run, data, found.outcomes)
            if keeps:
                self.log_model(run, model, choice, data)
            if kept and not kept.is_dir() and self.accelerator.is_main_process:
                with building(kept) as empty:
                    save(model, self.preparation.tokenizer, empty)
            run.finished_as(self._scored(encoder, choice, data))
        return run.run_id, scores

    def _train(
        self,
        run: TrackedRun,
        model: "PreTrainedModel",
        choice: StrategyChoice,
        data: TaskData,
        checkpoints: CheckpointFolder,
        early: EarlyLook | None,
    ) -> Measurement:
        """Fine-tune a model, and realign it then if that is when; what was measured between."""
        steps, after = self.finetune_steps(data), self.realigns(choice, "after")
        result = finetune(
            model,
            data.training_features,
            self._config_of(choice, data),
            padding=self.preparation.tokenizer.pad_token_id or 0,
            steps=steps,
            accelerator=self.accelerator,
            checkpoints=checkpoints,
            on_loss=lambda at: run.metric(names.FINETUNE_LOSS, at.loss, at.step),
            milestones=NO_MILESTONES if after else self._milestones(model, data, early, steps),
            during=self.during(run, choice, steps),
        )
        log_result(run, result, names.FINETUNE_RATE)
        if result.beside_per_second is not None:
            run.metric(names.REALIGN_RATE, result.beside_per_second)
        if not after:
            return NOTHING
        within = cast("PreTrainedModel", model.base_model)
        measured = self.measures.measure(run, within, names.finetuned_stage(data.name))
        steps = self.realign_steps(data)
        # Before it nothing of the strategy is to be seen.
        milestones = self._milestones(model, data, early, steps)
        realigned = self.realign_after(
            run, choice, model, checkpoints, steps=steps, milestones=milestones
        )
        log_result(run, realigned, names.REALIGN_RATE)
        return measured

    def _tags(
        self, encoder: RealignedEncoder, choice: StrategyChoice, data: TaskData
    ) -> dict[str, str]:
        """By what scores are known that may be compared: of what metric, of which data, on what."""
        tags = {
            names.METRIC: data.task.primary_metric,
            names.DATA_HASH: hash_of(data.identity["data"]),
            names.TASK_CODE: data.digest,
        }
        if choice.strategy.realigns:
            # What is realigned within the fine-tuning has no encoder of another run.
            made = encoder.identity if self.realigns(choice, "before") else ""
            tags |= {names.REALIGN_HASH: made, names.REALIGN_RUN: encoder.run_id or ""}
        return tags

    def _config_of(self, choice: StrategyChoice, data: TaskData) -> RunConfig:
        decided = {
            "task": (data.name,),
            "task_args": {data.name: data.task.model_dump(mode="json", exclude_defaults=True)},
            "finetune_steps": self.finetune_steps(data),
            "languages": data.targets,
        }
        applied = self.applied(choice, self.realign_steps(data))
        return applied.model_copy(update=decided)

    def _milestones(
        self, model: "PreTrainedModel", data: TaskData, early: EarlyLook | None, steps: int
    ) -> Milestones:
        """Those of so many steps to look at the validation split after, and how."""
        if early is None:
            return NO_MILESTONES
        times = early.times
        numbers = {steps * n // (times + 1): n for n in range(1, times + 1)}

        def look(step: int, _: TrainingResult) -> None:
            sets = [chosen.first(early.rows) for chosen in data.evaluation_sets(["validation"])]
            early.look(numbers[step], [*self._evaluate(model, data, sets).scores])

        return Milestones(numbers, look)

    def _evaluate(
        self,
        model: "PreTrainedModel",
        data: TaskData,
        sets: Sequence[EvaluationSet],
        *,
        keep: bool = False,
    ) -> Evaluation:
        with memory_for("evaluation", self.config, EVALUATION):
            found = evaluate(
                model,
                data.task,
                sets,
                batch_size=self.config.eval_batch_size,
                padding=self.preparation.tokenizer.pad_token_id or 0,
                accelerator=self.accelerator,
                keep=keep,
            )
        # Those of a few examples were checked before; more may have others, such as one a label.
        names.check_metrics(data.name, dict.fromkeys(score.metric for score in found.scores))
        return found
