"""The losses of the last steps, which wait on the device for the next record of them."""

import math
from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor

from alignfreeze.errors import TrainingError
from alignfreeze.training.checkpoints import LossRecord
from alignfreeze.training.plan import TrainingPlan


class LossLog:
    """The losses of the steps since the last record, of all processes.

    Args:
        accelerator: Where the training runs.
        plan: It.
        unrecorded: Losses that an earlier process had not recorded, by step.
    """

    def __init__(
        self, accelerator: Accelerator, plan: TrainingPlan, unrecorded: Sequence[Sequence[float]]
    ) -> None:
        self._accelerator = accelerator
        self._plan = plan
        self._pending = [torch.tensor(losses, device=accelerator.device) for losses in unrecorded]

    def __bool__(self) -> bool:
        return bool(self._pending)

    def add(self, losses: Tensor) -> None:
        """Add this process's parts of the losses of a step, of shape (losses,)."""
        self._pending.append(losses)

    def clear(self) -> None:
        """Forget those that have been recorded."""
        self._pending.clear()

    def unrecorded(self) -> list[list[float]]:
        """The losses of each step, over all processes."""
        return self._losses().tolist() if self._pending else []

    def record(self, step: int) -> list[LossRecord]:
        """The mean losses of the steps since the last record; the only wait for the device.

        Raises:
            TrainingError: If one is not a number.
        """
        losses = self._losses()
        means: list[float] = losses.mean(dim=0).tolist()
        if not all(map(math.isfinite, means)):
            raise TrainingError(self._overflow(step, losses.sum(dim=1)))
        return [LossRecord(step, mean) for mean in means]

    def _losses(self) -> Tensor:
        """Of shape (steps, losses)."""
        losses: Tensor = self._accelerator.reduce(torch.stack(self._pending), "mean")
        return losses

    def _overflow(self, step: int, losses: Tensor) -> str:
        """Why the loss is not a number, as far as the step says at which it is not any more."""
        odd = [n for n, loss in enumerate(losses.tolist()) if not math.isfinite(loss)] or [0]
        first = step - len(losses) + 1 + odd[0]
        said = f"{self._plan.phase}: the loss is not a number by step {first}"
        if first > 1:
            return f"{said}; the learning rate, {self._plan.learning_rate:g}, must be lower"
        precision = self._accelerator.mixed_precision
        remedy = "precision must be fp32, or " if precision != "no" else ""
        return (
            f"{said}, before anything was learnt, so it is not the learning rate: {remedy}the "
            "model's weights must be such that its outputs are finite"
        )
