"""Fixtures of the core's tests."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from alignfreeze.contracts import SPLIT_FILES, Bitext, DataSource, HubSplit
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.data.finding import find_data
from alignfreeze.errors import MissingSplitError
from alignfreeze.training.devices import make_accelerator


@pytest.fixture(scope="session", autouse=True)
def databases_that_need_not_last() -> Iterator[None]:
    """SQLite does not wait for the disk: no test outlives the machine."""

    def hurry(connection: Any, record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", hurry)
    yield
    event.remove(Engine, "connect", hurry)


@pytest.fixture
def cache(small_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this process, and of those that it starts."""
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(small_cache))
    return small_cache


class DemoHub:
    """The demo's files in place of the hub's, with what the hub lacks.

    Args:
        splits: What it lacks: languages, or a language with a split, such as ``de/validation``.
        texts: The languages that it has no parallel text for.
    """

    def __init__(self, splits: Collection[str] = (), texts: Collection[str] = ()) -> None:
        self._demo = find_data("demo")
        self._splits = splits
        self._texts = texts
        self.fetched: list[str] = []

    def file(self, place: HubSplit) -> Path:
        language = str(place.config).partition("_")[0]
        split: Any = place.split
        return self._demo.root / "pos" / language / f"{SPLIT_FILES[split]}.conllu"

    def fetch(self, place: HubSplit) -> None:
        language = self.file(place).parent.name
        self.fetched.append(f"{language}/{place.split}")
        if not {language, self.fetched[-1]}.isdisjoint(self._splits):
            raise MissingSplitError("it has none", reason=f"no {place.config}")

    def has(self, place: HubSplit) -> bool:
        return True

    def parallel_languages(self, source_language: str) -> list[str]:
        return ["de", "ru"]

    def missing_texts(self, source_language: str, targets: Iterable[str]) -> dict[str, str]:
        return {target: "no text" for target in targets if target in self._texts}

    def fetch_bitext(self, source_language: str, target: str) -> Bitext:
        assert target not in self._texts
        return find_bitexts(self._demo, source_language, [target])[0]


@pytest.fixture
def demo_hub(cache: Path) -> Callable[..., DataSource]:
    """A source that stands for the hub; what it lacks is as `DemoHub` says."""

    def make(**lacks: Collection[str]) -> DataSource:
        return DataSource("hub", find_data("demo").root, DemoHub(**lacks))

    return make


@pytest.fixture
def renamed_demo(cache: Path, tmp_path: Path) -> Callable[[dict[str, str]], str]:
    """Makes a data folder of the demo's tagged and parallel text, its languages renamed.

    Takes their codes by the demo's, the source language's first; the others are left out.
    """

    def make(codes: dict[str, str]) -> str:
        demo, made = find_data("demo").root, tmp_path / "data"
        (made / "parallel").mkdir(parents=True)
        (made / "dictionaries").mkdir()
        for old, new in codes.items():
            shutil.copytree(demo / "pos" / old, made / "pos" / new)
        (first, source), *others = codes.items()
        for old, new in others:
            pair = f"{first}-{old}", f"{source}-{new}"
            for code in (first, old):
                file = made / "parallel" / f"{pair[1]}.{codes[code]}"
                shutil.copy(demo / "parallel" / f"{pair[0]}.{code}", file)
            words = demo / "dictionaries" / f"{pair[0]}.txt"
            shutil.copy(words, made / "dictionaries" / f"{pair[1]}.txt")
        return str(made)

    return make


def _forget_accelerators() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture
def no_accelerator(on_cpu: None) -> Iterator[None]:
    """Lets a test make accelerators: the first one's precision would be all others' too.

    They are the CPU's, as the tensors are that tests give to models.
    """
    _forget_accelerators()
    yield
    _forget_accelerators()


@pytest.fixture
def accelerator(no_accelerator: None) -> Accelerator:
    """An accelerator for one process in float32, on the CPU."""
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
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
    MlflowClient(uri).search_experiments(max_results=1)
    return uri


FreshExperiment = Callable[[Path], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def fresh_experiment(mlflow_store: str) -> FreshExperiment:
    """Makes experiments of `mlflow_store`, which runs go to; artifacts in a folder.

    At the end they are gone, as are those that were made meanwhile: a report, or a search for what
    was done before, looks at all that there are.
    """
    import mlflow

    def there_are() -> set[str]:
        return {found.experiment_id for found in mlflow.search_experiments()}

    @contextmanager
    def fresh(artifacts: Path) -> Iterator[str]:
        # Its own patch: a test may undo those of the fixture `monkeypatch`.
        with pytest.MonkeyPatch.context() as patch:
            for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME"):
                patch.delenv(name, raising=False)
            patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
            patch.setenv("MLFLOW_TRACKING_URI", mlflow_store)
            mlflow.set_tracking_uri(mlflow_store)
            before = there_are()
            location = artifacts.as_uri()
            experiment_id = mlflow.create_experiment(uuid4().hex, artifact_location=location)
            patch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)
            yield experiment_id
            while mlflow.active_run() is not None:
                mlflow.end_run("KILLED")
            for made in there_are() - before:
                mlflow.delete_experiment(made)
            mlflow.set_tracking_uri(None)

    return fresh


@pytest.fixture
def experiment(fresh_experiment: FreshExperiment, tmp_path: Path) -> Iterator[str]:
    """The id of a fresh experiment, which the test's runs go to; artifacts in ``tmp_path``."""
    with fresh_experiment(tmp_path / "artifacts") as experiment_id:
        yield experiment_id


SERVER_USER = "postgres"


def _program(name: str) -> str | None:
    """A program of PostgreSQL, where Debian keeps it or on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a database on a server that lives as long as the tests, on loopback alone."""
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed")
    # The server refuses to be run by root, and below pytest's folders only root may look.
    folder = Path(mkdtemp(prefix="alignfreeze-postgresql-"))
    user = SERVER_USER if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    port, data = _free_port(), folder / "data"
    subprocess.run(
        [initdb, "-D", str(data), "-U", "alignfreeze", "-A", "trust", "-E", "UTF8", "--no-sync"],
        user=user,
        cwd=folder,
        check=True,
        capture_output=True,
    )
    settings = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [postgres, "-D", str(data), *settings], user=user, cwd=folder, stdout=log, stderr=log
        )
    try:
        _wait_for(port, server)
        yield f"postgresql+psycopg://alignfreeze@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # it would wait for clients to leave otherwise
        server.wait(600)
        shutil.rmtree(folder)


@pytest.fixture
def own_database(postgresql: str) -> str:
    """The URL of a database of PostgreSQL's that holds nothing yet."""
    name = f"own_{uuid4().hex}"
    server = create_engine(postgresql, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return postgresql.removesuffix("postgres") + name


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(6000):  # ten minutes, on a machine that is busy
        assert server.poll() is None, "the server did not start"
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the server does not listen")


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Optuna's storage, in SQLite and in PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'optuna.db'}"
    return str(request.getfixturevalue("postgresql"))
