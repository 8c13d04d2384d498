"""What some steps of training came to, on whatever device."""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from synthetic import DEVICE

from alignfreeze.training.batches import Batch
from alignfreeze.training.checkpoints import LossRecord

GPU = DEVICE.type == "cuda"


@dataclass(frozen=True)
class Measured:
    """What some steps came to.

    Attributes:
        rate: Pairs, or rows, a second.
        step: Seconds of a step.
        subwords: Subwords a second, without padding; 0 where they were not counted.
        gib: Memory of the GPU that was allocated, at most.
        making: The part of the time in which batches were made, in a thread.
    """

    rate: float
    step: float
    subwords: float = 0.0
    gib: float = 0.0
    making: float = 0.0


def synchronize() -> None:
    """Wait for the device."""
    if GPU:
        torch.cuda.synchronize()


def peak() -> float:
    """GiB that were allocated at most since `fresh`."""
    return torch.cuda.max_memory_allocated() / 2**30 if GPU else 0.0


def fresh() -> None:
    """Give memory back, and begin to look for its peak."""
    if GPU:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


class Timed:
    """A stream whose batches are counted, and whose steps are timed from a record of the loss on.

    That is the first after so many steps of warm-up; there the loss was read, so that the device is
    done.
    """

    def __init__(self, stream: Any, warm: int) -> None:
        self.stream, self.warm = stream, warm
        self.marks: list[tuple[int, float]] = []
        self.made: list[tuple[int, int, float]] = []

    def batches(self, start: int) -> Iterator[Batch]:
        """The batches of the stream; how many rows and subwords each has, and its seconds."""
        batches = self.stream.batches(start)
        while True:
            began = time.perf_counter()
            batch = next(batches)
            seconds = time.perf_counter() - began
            self.made.append((batch.size, int(batch.attention_mask.sum()), seconds))
            yield batch

    def look(self, record: LossRecord) -> None:
        """Take the time."""
        if record.step >= self.warm:
            self.marks.append((record.step, time.perf_counter()))

    def measured(self) -> Measured:
        """What has come through between the first record that counts and the last."""
        (first, began), (last, ended) = self.marks[0], self.marks[-1]
        items, subwords, making = (sum(of) for of in zip(*self.made[first:last], strict=True))
        seconds = ended - began
        return Measured(
            rate=items / seconds,
            step=seconds / (last - first),
            subwords=subwords / seconds,
            gib=peak(),
            making=making / seconds,
        )


def timed_steps(step: Callable[[], object], steps: int, items: int, warm: int = 3) -> Measured:
    """Steps of so many items each, after some that are not timed."""
    for _ in range(warm):
        step()
    synchronize()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize()
    seconds = time.perf_counter() - began
    return Measured(steps * items / seconds, seconds / steps, gib=peak())
