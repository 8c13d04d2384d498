"""Fixtures of the core's tests."""

import gc
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from alignfreeze.training import make_accelerator


@pytest.fixture(scope="session", autouse=True)
def few_objects_to_collect() -> Iterator[None]:
    """Keep what is imported from being looked through at the end of each training (0.2 s)."""
    gc.freeze()
    yield
    gc.unfreeze()


def _forget_accelerators() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture
def no_accelerator() -> Iterator[None]:
    """Lets a test make accelerators: the first one's precision would be all others' too."""
    _forget_accelerators()
    yield
    _forget_accelerators()


@pytest.fixture
def accelerator(no_accelerator: None) -> Accelerator:
    """An accelerator for one process in float32."""
    return make_accelerator("fp32")


WAITING = {"_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2"}
"""Operators that hand something to Python, or whose result's shape depends on values: on a GPU the
host waits for the device in them."""


class _Waits(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.count += function.overloadpacket.__name__ in WAITING
        return function(*args, **(kwargs or {}))


@pytest.fixture
def waits() -> Callable[[Callable[[], object]], int]:
    """Counts the operators in a call that wait for the device."""

    def count(call: Callable[[], object]) -> int:
        with _Waits() as mode:
            call()
        return mode.count

    return count


@pytest.fixture
def kept_bytes() -> Callable[[Callable[[], object]], int]:
    """The most memory that activations take at a time, kept for the backward pass, in a call."""

    def measure(call: Callable[[], object]) -> int:
        now, most = 0, 0

        class Kept:
            def __init__(self, tensor: Tensor) -> None:
                nonlocal now, most
                self.tensor = tensor
                now += tensor.nbytes
                most = max(most, now)

            def __del__(self) -> None:
                nonlocal now
                now -= self.tensor.nbytes

        with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
            result = call()
        del result
        return most

    return measure


@pytest.fixture
def make_stale() -> Callable[..., None]:
    """Lets the signs of life for trials be long ago, as if their workers had vanished then.

    Takes the storage's URL, and the ids of the trials in it, by default all. What vanishes is not
    waited for, so a heartbeat can be as slow as no busy machine misses.
    """
    from optuna.storages._rdb.models import TrialHeartbeatModel
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    def make(url: str, *trial_ids: int) -> None:
        engine = create_engine(url)
        with Session(engine) as session:
            for row in session.query(TrialHeartbeatModel):
                if not trial_ids or row.trial_id in trial_ids:
                    row.heartbeat = row.heartbeat - timedelta(days=1)
            session.commit()
        engine.dispose()

    return make


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of a SQLite store, made once since its migrations take seconds."""
    with warnings.catch_warnings():
        # MLflow's own mapping, with the newest SQLAlchemy.
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy is deprecated")
        from mlflow.tracking import MlflowClient

        uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
        MlflowClient(uri).search_experiments(max_results=1)
    return uri


@pytest.fixture
def experiment(mlflow_store: str, tmp_path: Path) -> Iterator[str]:
    """The id of a fresh experiment of `mlflow_store`, which runs go to; artifacts in tmp_path."""
    import mlflow

    # Its own patch: a test may undo those of the fixture `monkeypatch`.
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_store)
        mlflow.set_tracking_uri(mlflow_store)
        artifacts = (tmp_path / "artifacts").as_uri()
        experiment_id = mlflow.create_experiment(uuid4().hex, artifact_location=artifacts)
        patch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)
        yield experiment_id
        while mlflow.active_run() is not None:
            mlflow.end_run("KILLED")
        mlflow.delete_experiment(experiment_id)
        mlflow.set_tracking_uri(None)
