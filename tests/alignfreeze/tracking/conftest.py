"""Fixtures of tracking's tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from mlflow.tracking._tracking_service.utils import _get_store

from alignfreeze.tracking import syncing, writing
from alignfreeze.tracking.syncing import sync
from alignfreeze.tracking.writing import WRITER


class Road:
    """What lies between this process and its store: it may be closed, for so many attempts."""

    def __init__(self, sessions: Any) -> None:
        self._sessions = sessions
        self.closed_for = 0.0
        self.attempts = 0
        self.says = "Connection refused"

    def __call__(self, **options: Any) -> Any:
        return self._session(**options)

    @contextmanager
    def _session(self, **options: Any) -> Iterator[Any]:
        if self.closed_for > 0:
            self.closed_for -= 1
            self.attempts += 1
            raise MlflowException(self.says, TEMPORARILY_UNAVAILABLE)
        with self._sessions(**options) as session:
            yield session


@pytest.fixture
def road(experiment: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Road]:
    """The road to the experiment's store, which nobody waits long for."""
    store = _get_store()
    made = Road(store.ManagedSessionMaker)
    monkeypatch.setattr(store, "ManagedSessionMaker", made)
    monkeypatch.setattr(writing, "PAUSE_SECONDS", (0.0, 0.0))
    yield made
    made.closed_for = 0
    WRITER.open_runs.clear()
    WRITER.reset()


@pytest.fixture(params=[False, True], ids=["before", "after"])
def interrupted_sync(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], None]:
    """Syncs, and is interrupted at every second write, before it or after; goes on to the end."""
    replay, calls = syncing._replay, 0

    def interrupted(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if request.param and calls % 2:
            replay(*args)  # and nobody remembers
        if calls % 2:
            raise KeyboardInterrupt
        replay(*args)

    def sync_all(journal: Path) -> None:
        monkeypatch.setattr(syncing, "_replay", interrupted)
        for _ in range(100):
            try:
                sync(journal)
            except KeyboardInterrupt:
                continue
            return
        pytest.fail("a hundred syncs do not suffice")

    return sync_all
