"""A cache with entries of any age, and what of it may go."""

import os
import time
from pathlib import Path

import mlflow
import pytest

from alignfreeze.base.owners import Owner
from alignfreeze.housekeeping import verdicts
from alignfreeze.housekeeping.pruning import look

KEY = "0123456789abcdef"
HEX = KEY * 2
DEAD, LIVE = "a dead process", "a live process"


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An empty cache; a process that is called dead is, and none has anything open."""
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(verdicts, "is_dead", lambda process: process == DEAD)
    monkeypatch.setattr(verdicts, "open_paths", lambda folder: set())
    return tmp_path / "cache"


@pytest.fixture
def make(root):
    """A file of the cache, so many seconds old."""

    def file(name: str, age: float = 0) -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345")
        at = time.time() - age
        for place in (path, *path.parents):
            if place.is_relative_to(root):
                os.utime(place, (at, at))
        return path

    return file


@pytest.fixture
def checkpoint(make, experiment):
    """A checkpoint of a run that ended with a status, of a process."""

    def file(
        status: str | None, process: str = DEAD, store: str = "", age: float = 0, deleted=False
    ) -> str:
        run_id = HEX
        if status is not None:
            with mlflow.start_run() as run:
                mlflow.set_tag("alignfreeze.process", process)
            run_id = run.info.run_id
            mlflow.MlflowClient().set_terminated(run_id, status)
        if deleted:
            mlflow.delete_run(run_id)
        name = f"checkpoints/{HEX}/{run_id}"
        path = make(f"{name}/step-000000001/model", age)
        if process:
            Owner(process, store or mlflow.get_tracking_uri()).leave(path.parent.parent)
        at = time.time() - age
        for place in (path.parent.parent, *path.parent.parent.iterdir()):
            os.utime(place, (at, at))
        return name

    return file


@pytest.fixture
def going():
    """What may go, and why, of what was not used for so many seconds."""

    def found(unused: float | None = None) -> dict[str, str]:
        cache = look(unused)
        return {str(entry.path.relative_to(cache.root)): why for entry, why in cache.going}

    return found
