"""Fine-tuning and evaluation of a task's model, as an MLflow run has it logged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alignfreeze.config import RunConfig
from alignfreeze.evaluation.finetuning import finetune
from alignfreeze.evaluation.prediction import evaluate
from alignfreeze.evaluation.scores import EvaluationSet, Score
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.runs.records import log_losses, log_result
from alignfreeze.tracking.names import FINETUNE_LOSS, FINETUNE_RATE
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.loop import NO_MILESTONES, Milestones

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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


class TaskModels:
    """Trains and evaluates models with a head.

    Args:
        tokenizer: The encoder's.
        accelerator: Where to train.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", accelerator: "Accelerator") -> None:
        self._padding = tokenizer.pad_token_id or 0
        self._accelerator = accelerator

    def train(
        self,
        model: "PreTrainedModel",
        data: TaskData,
        config: RunConfig,
        run: TrackedRun,
        checkpoints: CheckpointFolder,
        early: EarlyLook | None,
    ) -> None:
        """Fine-tune a model in place, for ``config.finetune_steps``."""
        steps = config.finetune_steps
        assert steps is not None, "phases resolve the epochs"
        result = finetune(
            model,
            data.training_features,
            config,
            padding=self._padding,
            steps=steps,
            accelerator=self._accelerator,
            checkpoints=checkpoints,
            on_loss=log_losses(run, FINETUNE_LOSS),
            milestones=self._milestones(model, data, config, early),
        )
        log_result(run, result, FINETUNE_RATE)

    def _milestones(
        self, model: "PreTrainedModel", data: TaskData, config: RunConfig, early: EarlyLook | None
    ) -> Milestones:
        """The steps to look at the validation split after, and how."""
        if early is None or config.finetune_steps is None:
            return NO_MILESTONES
        times, steps = early.times, config.finetune_steps
        numbers = {steps * number // (times + 1): number for number in range(1, times + 1)}

        def look(step: int) -> None:
            sets = [chosen.first(early.rows) for chosen in data.evaluation_sets(["validation"])]
            scores = self.evaluate(model, data, sets, config.eval_batch_size)
            early.look(numbers[step], scores)

        return Milestones(numbers, look)

    def evaluate(
        self,
        model: "PreTrainedModel",
        data: TaskData,
        sets: Sequence[EvaluationSet],
        batch_size: int,
    ) -> list[Score]:
        """Score a model, ``batch_size`` rows at a time."""
        return evaluate(
            model,
            data.task,
            sets,
            batch_size=batch_size,
            padding=self._padding,
            accelerator=self._accelerator,
        )
