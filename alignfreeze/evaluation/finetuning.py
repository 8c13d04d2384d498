"""The fine-tuning phase: a task head on the encoder, trained in the source language."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Feature
from alignfreeze.encoders.vocabulary import compact_vocabulary, used_ids
from alignfreeze.evaluation.joint import DuringRealignment, JointTraining
from alignfreeze.training.acceleration import accelerated
from alignfreeze.training.batches import BatchStream, FeatureBatch, FeatureStream
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord
from alignfreeze.training.loop import train
from alignfreeze.training.memory import FINE_TUNING, JOINTLY, memory_for
from alignfreeze.training.milestones import NO_MILESTONES, Milestones, TrainingResult
from alignfreeze.training.packed_layers import PackedLayers, packed_layers
from alignfreeze.training.plan import Beside, TrainingPlan

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel


class TaskModel(nn.Module):
    """A model with a task head, called with batches, and its layers if they can run one packed."""

    def __init__(self, model: "PreTrainedModel", layers: PackedLayers | None = None) -> None:
        super().__init__()
        self.model = model
        self.layers = layers

    def forward(self, batch: FeatureBatch) -> Tensor:
        """The head's own loss, a mean over the targets that count, as their sum; a scalar."""
        with nullcontext() if self.layers is None else self.layers.packed(batch.packing):
            loss, outputs, *_ = self.model(**batch.inputs, **batch.targets).to_tuple()
        # The mean over no target is not a number.
        result: Tensor = loss * batch.weight if batch.weight else outputs.sum() * 0
        return result


def steps_of_epochs(
    config: RunConfig, task_epochs: float, n_features: int, n_processes: int
) -> int:
    """Optimizer steps of fine-tuning that the epochs, as given or else the task's, come to."""
    rows_a_step = config.finetune_batch_size * config.accumulation * n_processes
    epochs = config.finetune_epochs or task_epochs
    return math.ceil(n_features * epochs / rows_a_step)


def finetune(
    model: "PreTrainedModel",
    features: Sequence[Feature],
    config: RunConfig,
    *,
    padding: int,
    steps: int,
    accelerator: "Accelerator",
    checkpoints: CheckpointFolder,
    on_loss: Callable[[LossRecord], None],
    milestones: Milestones = NO_MILESTONES,
    during: DuringRealignment | None = None,
) -> TrainingResult:
    """Fine-tune a model in place, all of its parameters.

    Args:
        model: An encoder with a task head; afterwards in evaluation mode.
        features: The training rows.
        config: Seed, batch size, learning rate, warm-up and the like.
        padding: Id of the padding token.
        steps: Optimizer steps.
        accelerator: Where to train.
        checkpoints: Where the state is kept on the way.
        on_loss: Called with each new record of the loss.
        milestones: What to do on the way.
        during: A realignment that every step takes a part of, too.

    Raises:
        ResourceError: If memory is short, or the disk will not hold a checkpoint.
        Interrupted: When a signal asked the process to end.
    """
    encoder = cast("PreTrainedModel", model.base_model)
    joint = None
    if during is not None:
        joint = JointTraining(during, encoder, config, steps=steps, accelerator=accelerator)
    own = used_ids((feature.input_ids for feature in features), padding)
    ids = own if joint is None else joint.with_ids(own)
    compiled, checkpointing = config.compile, config.activation_checkpointing
    with (
        memory_for("fine-tuning", config, FINE_TUNING if joint is None else JOINTLY),
        compact_vocabulary(model, ids) as whole_vocabulary,
        packed_layers(model, accelerator, compiled=compiled) as layers,
        accelerated(model, compiled=compiled, activation_checkpointing=checkpointing),
    ):
        rows = FeatureStream(
            features,
            batch_size=config.finetune_batch_size,
            padding=padding,
            seed=config.seed,
            packer=None if layers is None else layers.packer,
        )
        task = TaskModel(model, layers)
        both: AbstractContextManager[tuple[nn.Module, BatchStream]] = (
            nullcontext((task, rows)) if joint is None else joint.joined(task, rows, layers)
        )
        with both as (trained, stream):
            result = train(
                trained,
                stream,
                _plan(config, steps, joint.beside if joint else None),
                accelerator,
                checkpoints=checkpoints,
                resume=config.resume,
                on_loss=on_loss,
                on_beside=during.on_loss if during else lambda record: None,
                milestones=milestones.within(whole_vocabulary),
            )
    model.eval()
    return result


def _plan(config: RunConfig, steps: int, beside: Beside | None) -> TrainingPlan:
    return TrainingPlan(
        phase="fine-tuning",
        unit="rows",
        steps=steps,
        learning_rate=config.finetune_lr,
        warmup_steps=round(config.warmup * steps),
        accumulation=config.accumulation,
        checkpoint_steps=config.checkpoint_steps,
        beside=beside,
    )
