"""Fixtures of training."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.loop import train
from tests.alignfreeze.training.toys import in_two_processes


@pytest.fixture
def folder(tmp_path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", "me")


@pytest.fixture
def run(accelerator, folder):
    """Trains with checkpoints in tmp_path."""

    def train_model(model, stream, plan, *, resume=False, **options):
        return train(model, stream, plan, accelerator, checkpoints=folder, resume=resume, **options)

    return train_model


@pytest.fixture(scope="session")
def of_two(tmp_path_factory) -> Path:
    """Where two processes leave their checkpoints, and what they end with."""
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="session")
def two_processes(of_two):
    return in_two_processes(of_two)


@pytest.fixture(autouse=True)
def signals_that_are_not_ignored() -> Iterator[None]:
    """As in a terminal; a shell's background job inherits an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
