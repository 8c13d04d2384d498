"""The training loop that realignment and fine-tuning share."""

import logging
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.scheduler import AcceleratedScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_linear_schedule_with_warmup

from alignfreeze.base.progress import progress_bar
from alignfreeze.base.signals import deferred_signals
from alignfreeze.base.threads import made_ahead
from alignfreeze.encoders.accelerator import attention_of_any_shape
from alignfreeze.encoders.rates import Rates
from alignfreeze.errors import Interrupted, ResourceError
from alignfreeze.training.acceleration import fast_dropout, unread_masks
from alignfreeze.training.batches import Batch, BatchStream
from alignfreeze.training.checkpoints import (
    CheckpointFolder,
    LossRecord,
    Progress,
    same_random_numbers,
)
from alignfreeze.training.distributed import folder_of_machine
from alignfreeze.training.grown_vocabulary import with_all_rows
from alignfreeze.training.loss_log import LossLog
from alignfreeze.training.milestones import NO_MILESTONES, Milestones, TrainingResult
from alignfreeze.training.pacing import Pacing
from alignfreeze.training.plan import TrainingPlan

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger(__name__)

LOG_STEPS = 10
"""Optimizer steps between two records of the loss."""


def train(
    model: nn.Module,
    stream: BatchStream,
    plan: TrainingPlan,
    accelerator: Accelerator,
    *,
    checkpoints: CheckpointFolder,
    resume: bool,
    on_loss: Callable[[LossRecord], None] = lambda record: None,
    on_beside: Callable[[LossRecord], None] = lambda record: None,
    milestones: Milestones = NO_MILESTONES,
    rates: Mapping[nn.Parameter, Rates] = MappingProxyType({}),
) -> TrainingResult:
    """Train those of a model's parameters that require a gradient.

    Args:
        model: Called with a batch, it returns the summed loss of the batch's ``weight`` terms.
        stream: Batches; process ``r`` of ``n`` takes every n-th from ``r`` on.
        plan: How long and how.
        accelerator: Where, and in which precision.
        checkpoints: Where the state is kept on the way.
        resume: Go on from the newest checkpoint that is whole, if there is one.
        on_loss: Called with each new record of the loss (those before a checkpoint included).
        on_beside: Likewise with those of the loss beside, without its weight, if there is one.
        milestones: What to do on the way.
        rates: How the learning rates of parameters are changed, of those that it is.

    Raises:
        TrainingError: If the loss is not a number.
        ResourceError: If the disk will not hold a checkpoint.
        Interrupted: When a signal asked the process to end; a checkpoint is left behind.
    """
    if plan.checkpoint_steps < plan.steps or plan.keep_state:
        checkpoints.require_room(model, plan.steps)
    pacing = Pacing([p for p in model.parameters() if p.requires_grad], rates, plan.steps)
    optimizer = torch.optim.Adam(pacing.groups, lr=plan.learning_rate, fused=True)
    if plan.warmup_steps is None:
        schedule = LambdaLR(optimizer, pacing.factors)
    else:
        schedule = get_linear_schedule_with_warmup(optimizer, plan.warmup_steps, plan.steps)
    model.train()
    try:
        wrapped, adam, prepared = accelerator.prepare(model, optimizer, schedule)
        loop = _Loop(
            model=wrapped,
            optimizer=adam,
            schedule=prepared,
            stream=stream,
            plan=plan,
            accelerator=accelerator,
            checkpoints=checkpoints,
            on_loss=on_loss,
            on_beside=on_beside,
            milestones=milestones,
            pacing=pacing,
        )
        with attention_of_any_shape(), unread_masks(), fast_dropout(accelerator.device):
            some = resume or checkpoints.finished
            return loop.run(loop.restored(unfinished=resume) if some else Progress())
    finally:
        accelerator.free_memory()


@dataclass(frozen=True)
class _Loop:
    """One training run, prepared for its device and processes."""

    model: nn.Module
    optimizer: AcceleratedOptimizer
    schedule: AcceleratedScheduler
    stream: BatchStream
    plan: TrainingPlan
    accelerator: Accelerator
    checkpoints: CheckpointFolder
    on_loss: Callable[[LossRecord], None]
    on_beside: Callable[[LossRecord], None]
    milestones: Milestones
    pacing: Pacing

    def run(self, progress: Progress) -> TrainingResult:
        """Take the steps that are left."""
        for record in progress.losses:
            self.on_loss(record)
        for record in progress.beside:
            self.on_beside(record)
        made = islice(self._steps(progress.step), self.plan.steps - progress.step)
        counts, began = [0] * len(self.plan.shares), time.perf_counter()
        pending = LossLog(self.accelerator, self.plan, progress.unrecorded)
        if progress.step == self.plan.steps:
            self._end_again(progress, pending)
        with (
            deferred_signals() as received,
            self._bar(progress.step) as bar,
            made_ahead(made, self.plan.ahead) as steps,
        ):
            while progress.step < self.plan.steps:
                micro, weights = next(steps)
                self.pacing.thaw(progress.step)
                pending.add(self._step(micro, weights))
                progress.step += 1
                stop = self._agree(bool(received), progress.step)
                progress.empty_steps += not any(weights)
                self._count(micro, counts)
                if self.plan.keep_state and progress.step == self.plan.steps:
                    self._keep_last(progress, pending)
                if progress.step % LOG_STEPS == 0 or progress.step == self.plan.steps:
                    self._tell(progress, pending)
                    pending.clear()
                    rates = self._rates(counts, began)
                    bar.set_postfix_str(self._shown(progress, rates), refresh=False)
                bar.update()
                if progress.step in self.milestones.steps:
                    began += self._reach(progress, pending, self._rates(counts, began))
                unfinished = progress.step < self.plan.steps
                if unfinished and (stop or progress.step % self.plan.checkpoint_steps == 0):
                    progress.unrecorded = pending.unrecorded()
                    self._keep(progress)
                if stop and unfinished:
                    raise Interrupted(
                        f"{self.plan.phase} was interrupted by a signal after step "
                        f"{progress.step} of {self.plan.steps}",
                        number=received[0] if received else signal.SIGTERM,
                    )
        return self._result(progress, progress.losses, self._rates(counts, began))

    def _count(self, micro: list[Batch], counts: list[int]) -> None:
        """Add a step's rows, or pairs, of all processes, to those before, by loss."""
        for number, batch in enumerate(micro):
            counts[number % len(counts)] += batch.size * self.accelerator.num_processes

    @staticmethod
    def _rates(counts: list[int], began: float) -> list[float]:
        """How many a second, by loss."""
        seconds = time.perf_counter() - began
        return [count / seconds for count in counts]

    @staticmethod
    def _result(progress: Progress, losses: list[LossRecord], rates: list[float]) -> TrainingResult:
        *beside, own = rates
        return TrainingResult(losses, own, progress.empty_steps, *beside)

    def _shown(self, progress: Progress, rates: list[float]) -> str:
        """The newest losses and rates, for the progress bar."""
        text = f"loss {progress.losses[-1].loss:.4f}, {rates[-1]:.0f} {self.plan.unit}/s"
        if self.plan.beside is None:
            return text
        loss, beside = progress.beside[-1].loss, self.plan.beside
        return f"{text}; {beside.name} {loss:.4f}, {rates[0]:.0f} {beside.unit}/s"

    def _tell(self, progress: Progress, pending: LossLog) -> None:
        """Record the losses of the steps since the last record."""
        *beside, record = pending.record(progress.step)
        progress.losses.append(record)
        self.on_loss(record)
        for other in beside:
            progress.beside.append(other)
            self.on_beside(other)

    def _reach(self, progress: Progress, pending: LossLog, rates: list[float]) -> float:
        """Do what a milestone is for; how many seconds that took, which are none of training."""
        began, losses = time.perf_counter(), list(progress.losses)
        if pending:  # as the last steps of a training that ends here are
            losses.append(pending.record(progress.step)[-1])
        self.model.eval()
        with same_random_numbers():
            self.milestones.reached(progress.step, self._result(progress, losses, rates))
        self.model.train()
        return time.perf_counter() - began

    def _end_again(self, progress: Progress, pending: LossLog) -> None:
        """Tell, and keep, what a training that was stopped after its last step had not yet."""
        if self.plan.keep_state:
            self._keep(progress)
        if pending:
            self._tell(progress, pending)

    def _keep_last(self, progress: Progress, pending: LossLog) -> None:
        """Keep the state after the last step, with losses as if others were to follow."""
        last = replace(progress, unrecorded=pending.unrecorded())
        if progress.step % LOG_STEPS == 0:
            *beside, record = pending.record(progress.step)
            last.losses = [*progress.losses, record]
            last.beside = [*progress.beside, *beside]
            last.unrecorded = []
        self._keep(last)

    def _keep(self, progress: Progress) -> None:
        """Keep a checkpoint; training goes on without, with one warning, if the disk is full."""
        missed = self.checkpoints.missed
        try:
            self.checkpoints.save(self.accelerator, progress)
        except ResourceError as error:
            if not missed:
                logger.warning(
                    "%s: from step %d on no checkpoint is kept while this is so: %s",
                    *(self.plan.phase, progress.step, error),
                )
        else:
            if missed:
                logger.info("%s: checkpoints are kept again", self.plan.phase)

    def restored(self, *, unfinished: bool) -> Progress:
        """How far an earlier training has come; everything is put into the state that it had.

        With ``unfinished`` also one of as many steps, which was interrupted.
        """
        with TemporaryDirectory(prefix="alignfreeze-") as own:
            copies = folder_of_machine(self.accelerator, Path(own))
            checkpoint, refused = self.checkpoints.chosen(
                self.accelerator, copies, unfinished=unfinished
            )
            if refused and self.accelerator.is_main_process:
                logger.warning("%s: passed over, %s", self.plan.phase, "; ".join(refused))
            if checkpoint is None:
                logger.info("%s: no checkpoint to resume from, so from the start", self.plan.phase)
                return Progress()
            model = self.accelerator.unwrap_model(self.model)
            trained = self.checkpoints.vocabulary, model, self.optimizer
            with with_all_rows(checkpoint, *trained) as whole:
                progress = self.checkpoints.load(self.accelerator, whole)
            self.accelerator.wait_for_everyone()  # before the copies go
        logger.info("%s: resumed after step %d", self.plan.phase, progress.step)
        return progress

    def _steps(self, step: int) -> Iterator[tuple[list[Batch], list[int]]]:
        """This process's batches of each optimizer step, and by loss the weight of all processes'.

        With two losses processes take a batch of each in turn.
        """
        n_processes, n_losses = self.accelerator.num_processes, len(self.plan.shares)
        size = self.plan.accumulation * n_processes * n_losses
        batches = self.stream.batches(step * size)
        while True:
            together = list(islice(batches, size))
            turns = [together[begin : begin + n_losses] for begin in range(0, size, n_losses)]
            own = turns[self.accelerator.process_index :: n_processes]
            weights = [sum(turn[loss].weight for turn in turns) for loss in range(n_losses)]
            yield [batch for turn in own for batch in turn], weights

    def _agree(self, stop: bool, step: int) -> bool:
        """Whether any of the processes was asked to stop; they wait for each other to say so."""
        if self.accelerator.num_processes == 1:
            return stop
        if step % LOG_STEPS:
            return False
        stops = torch.tensor(int(stop), device=self.accelerator.device)
        return bool(self.accelerator.reduce(stops, "sum") > 0)

    def _step(self, micro: list[Batch], weights: list[int]) -> Tensor:
        """One optimizer step on the mean of so many terms, of each loss.

        Returns:
            This process's parts of them, without the losses' weights, of shape (losses,).
        """
        n_losses = len(weights)
        # Processes average their gradients, so their number undoes that.
        scales = [self.accelerator.num_processes / max(weight, 1) for weight in weights]
        total = torch.zeros(n_losses, device=self.accelerator.device)
        for number, batch in enumerate(micro):
            last, which = number == len(micro) - 1, number % n_losses
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                loss = self.model(batch.to(self.accelerator.device)) * scales[which]
                self.accelerator.backward(loss * self.plan.shares[which])
            total[which] += loss.detach()
        if not any(weights):
            self.optimizer.zero_grad()  # it leaves parameters without a gradient as they are
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        return total

    def _bar(self, begin: int) -> "tqdm[int]":
        end, shown = self.plan.steps, self.accelerator.is_main_process
        steps = range(begin, end)
        return progress_bar(steps, self.plan.phase, "step", shown=shown, initial=begin, total=end)
