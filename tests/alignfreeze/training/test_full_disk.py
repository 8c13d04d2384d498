"""A disk that fills up costs a checkpoint, never the training; one that is too small is refused."""

import errno
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from alignfreeze.base import disks
from alignfreeze.errors import ResourceError
from alignfreeze.training import checkpoints
from alignfreeze.training.checkpoints import CheckpointFolder, Progress, tensors_size
from alignfreeze.training.loop import train
from alignfreeze.training.plan import TrainingPlan

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Rows:
    """A batch by its number."""

    weight = size = 4

    def __init__(self, number: int) -> None:
        self.x = torch.randn(4, 3, generator=torch.Generator().manual_seed(number))

    def to(self, device: torch.device) -> "Rows":
        return self


class Stream:
    """Batches; remembers which were asked for."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def batches(self, start: int) -> Iterator[Rows]:
        for number in count(start):
            self.numbers.append(number)
            yield Rows(number)


class Toy(nn.Module):
    """Learns the sum of a row's numbers, with a bias that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Linear(3, 1)
        self.net.bias.requires_grad_(False)

    def forward(self, batch: Rows) -> Tensor:
        return ((self.net(batch.x).squeeze(1) - batch.x.sum(1)) ** 2).sum()


def plan(checkpoint_steps: int) -> TrainingPlan:
    return TrainingPlan(
        phase="realignment",
        unit="rows",
        steps=10,
        learning_rate=0.01,
        warmup_steps=None,
        accumulation=1,
        checkpoint_steps=checkpoint_steps,
    )


@pytest.fixture
def folder(tmp_path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", "me")


@pytest.fixture
def trained(accelerator, folder):
    """The weights after training, given the steps between checkpoints."""

    def run(checkpoint_steps: int, *, resume: bool = False, stream=None) -> Tensor:
        model, options = Toy(), {"checkpoints": folder, "resume": resume}
        train(model, stream or Stream(), plan(checkpoint_steps), accelerator, **options)
        return model.net.weight.detach()

    return run


@pytest.mark.parametrize("part", ["the folder", "the state", "the digests"])
def test_training_goes_on_without_a_checkpoint_and_the_one_before_stays(
    part, trained, folder, accelerator, monkeypatch, caplog
):
    undisturbed = trained(100)
    calls = count(1)
    owner, name = {
        "the folder": (folder, "_begin"),
        "the state": (accelerator, "save_state"),
        "the digests": (checkpoints, "seal"),
    }[part]
    save = getattr(owner, name)

    def fill(place):
        if next(calls) > 1:
            if part == "the state":
                Path(place, "half").write_text("of it")
            raise FULL
        save(place)

    monkeypatch.setattr(owner, name, fill)
    weights = trained(3)
    assert torch.equal(weights, undisturbed)
    assert [path.name for path in folder.folder.iterdir()] == ["step-000000003"]
    # It is told of once.
    said = "realignment: from step 6 on no checkpoint is kept while this is so: the disk is full"
    assert caplog.text.count("no checkpoint is kept") == caplog.text.count(said) == 1
    stream = Stream()
    resumed = trained(100, resume=True, stream=stream)
    assert stream.numbers[0] == 3
    assert torch.equal(resumed, undisturbed)


def test_what_is_no_fault_of_the_disk_ends_training(trained, accelerator, monkeypatch):
    def fail(place):
        raise KeyError("a defect")

    monkeypatch.setattr(accelerator, "save_state", fail)
    with pytest.raises(KeyError, match="a defect"):
        trained(3)


def test_checkpoints_that_will_not_fit_are_refused_before_anything_is_trained(
    trained, folder, monkeypatch
):
    # Four numbers, and Adam's two for each of the three that are trained; three such at once.
    needed = 3 * 4 * (4 + 2 * 3)
    monkeypatch.setattr(disks, "free_in", lambda place: needed - 1)
    stream = Stream()
    with pytest.raises(ResourceError, match=f"will not fit: {needed} bytes are needed and 119 byt"):
        trained(3, stream=stream)
    assert stream.numbers == []
    assert not folder.root.exists()
    trained(10)  # which writes none
    monkeypatch.setattr(disks, "free_in", lambda place: needed)
    trained(3)


def test_the_size_of_tensors_is_that_of_their_numbers():
    tensors = [torch.zeros(3, 2, dtype=torch.float16), torch.zeros(5, dtype=torch.int64)]
    assert tensors_size(tensors) == 3 * 2 * 2 + 5 * 8


class Pair:
    """What an accelerator of two processes says in one of them; the other's disk is full."""

    num_processes = 2
    is_main_process = is_local_main_process = True
    process_index = 0
    device = torch.device("cpu")

    def reduce(self, own: Tensor, reduction: str) -> Tensor:
        return own + 1

    def save_state(self, place: str) -> None: ...


def test_a_full_disk_of_one_process_is_told_of_in_all(folder):
    with pytest.raises(ResourceError, match="another process could not write its part"):
        folder.save(Pair(), Progress(step=3))
    assert not any(folder.folder.iterdir())
