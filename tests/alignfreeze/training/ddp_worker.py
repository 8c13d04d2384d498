"""Trains a toy model in one of several processes: ``ddp_worker.py FOLDER ACCUMULATION [resume]``.

Each process leaves its parameters and loss records in FOLDER, named by its number.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn

from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator
from alignfreeze.training.loop import train
from alignfreeze.training.plan import TrainingPlan

STEPS = 12


@dataclass(frozen=True)
class Batch:
    """Rows, of which the first ``weight`` count."""

    x: Tensor
    weight: int
    size: int = 6

    def to(self, device: torch.device) -> "Batch":
        return self


class Stream:
    """Batches of six rows; none to six of them count."""

    def __init__(self) -> None:
        self.start = 0

    def batches(self, start: int) -> Iterator[Batch]:
        self.start = start
        for number in count(start):
            x = torch.randn(6, 4, generator=torch.Generator().manual_seed(number))
            yield Batch(x, number * 5 % 7)


class Model(nn.Module):
    """A model with parameters that are never used, and some that are used in turn."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(4, 1) for _ in range(2))
        self.unused = nn.Linear(3, 3)

    def forward(self, batch: Batch) -> Tensor:
        layer = self.layers[batch.weight % 2]
        goal = batch.x.sum(dim=1, keepdim=True)
        return (layer(batch.x) - goal)[: batch.weight].pow(2).sum()


def main(folder: Path, accumulation: int, *, resume: bool = False) -> None:
    accelerator = make_accelerator("fp32")
    model = Model()
    plan = TrainingPlan(
        phase="toy",
        unit="rows",
        steps=STEPS,
        learning_rate=0.05,
        warmup_steps=2,
        accumulation=accumulation,
        checkpoint_steps=5,
    )
    stream = Stream()
    result = train(
        model,
        stream,
        plan,
        accelerator,
        checkpoints=CheckpointFolder(folder / "checkpoints", "toy"),
        resume=resume,
    )
    state = {
        "parameters": dict(model.named_parameters()),
        "losses": [tuple(record) for record in result.losses],
        "empty_steps": result.empty_steps,
        "processes": accelerator.num_processes,
        "resumed_at": stream.start // (accumulation * accelerator.num_processes),
    }
    torch.save(state, folder / f"{accelerator.process_index}.pt")
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), resume="resume" in sys.argv)
