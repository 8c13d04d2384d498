"""What training is tried on: rows, batches of them, and a small model."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn

from alignfreeze.training.plan import TrainingPlan

TOY_WORKER = Path(__file__).with_name("ddp_worker.py")

TOGETHER = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
"""In the environment of several processes: they share the cores, and one GPU they could not."""


@dataclass(frozen=True)
class Rows:
    """Rows with a goal, of which the first ``weight`` count."""

    x: Tensor
    weights: tuple[int, ...]

    @property
    def weight(self) -> int:
        return sum(self.weights)

    @property
    def size(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> "Rows":
        return self


def rows(number: int, weight: int, size: int = 6) -> Rows:
    x = torch.randn(size, 4, generator=torch.Generator().manual_seed(number))
    return Rows(x, (weight,))


def joined(one: Rows, other: Rows) -> Rows:
    return Rows(torch.cat([one.x, other.x]), one.weights + other.weights)


class Stream:
    """Batches by their numbers; remembers which were asked for."""

    def __init__(self, batch: Callable[[int], Rows]) -> None:
        self.batch = batch
        self.numbers: list[int] = []

    def batches(self, start: int) -> Iterator[Rows]:
        for number in count(start):
            self.numbers.append(number)
            yield self.batch(number)


def uneven(number: int) -> Rows:
    return rows(number, 1 + number * 5 % 6)


class Toy(nn.Module):
    """Learns the sum of a row's numbers."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(
                nn.Linear(4, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1)
            )
            self.fixed = nn.Linear(4, 1).requires_grad_(False)

    def forward(self, batch: Rows) -> Tensor:
        goals = batch.x.sum(dim=1, keepdim=True) + 0 * self.fixed(batch.x)
        errors = (self.net(batch.x) - goals).pow(2).flatten()
        parts = errors.split(len(errors) // len(batch.weights))
        terms = [part[:n].sum() for part, n in zip(parts, batch.weights, strict=True)]
        return torch.stack(terms).sum()


def plan(steps: int, **changes) -> TrainingPlan:
    values = {
        "phase": "toy",
        "unit": "rows",
        "learning_rate": 0.01,
        "warmup_steps": None,
        "accumulation": 1,
        "checkpoint_steps": 1000,
    }
    return TrainingPlan(steps=steps, **(values | changes))


def parameters(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def moved(model: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}


def killed_at(
    step: int, number: int = signal.SIGTERM, batch: Callable[[int], Rows] = uneven
) -> Stream:
    """A stream that sends a signal when the batch of a step is taken; steps count from 1."""

    class Killing(Rows):
        def to(self, device: torch.device) -> Rows:
            os.kill(os.getpid(), number)
            return self

    def killing(n: int) -> Rows:
        found = batch(n)
        return Killing(found.x, found.weights) if n == step - 1 else found

    return Stream(killing)


def in_two_processes(folder: Path, *arguments: str) -> list[dict[str, object]]:
    """What each of two processes ended with."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", str(TOY_WORKER), str(folder), "1", *arguments]
    environment = os.environ | TOGETHER
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]
