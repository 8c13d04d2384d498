import errno
import math
import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pytest
from mlflow.store.artifact import artifact_repository_registry
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from alignfreeze.base.caching import locked
from alignfreeze.errors import ResourceError, TrackingError
from alignfreeze.tracking import creation
from alignfreeze.tracking.location import (
    artifact_folder,
    artifact_path,
    has_store,
    places,
    store_folder,
    store_uri,
)
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.talking import asking
from alignfreeze.tracking.writing import WRITER


@pytest.fixture
def store_at(monkeypatch, tmp_path):
    """Names a tracking store, which nothing opens; the working folder is ``tmp_path``."""
    monkeypatch.chdir(tmp_path)

    def name(uri: str) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", None)

    return name


def contact() -> None:
    """Ask the store for the first time, which makes a new one."""
    with asking("be used"):
        pass


STORES = [
    ("sqlite:///{}/mlflow.db", "mlflow.db"),
    ("sqlite:///{}/My%20Project/mlflow.db", "My Project/mlflow.db"),
    ("sqlite:///{}/mlflow.db?timeout=60", "mlflow.db"),
    ("sqlite+pysqlite:///{}/mlflow.db", "mlflow.db"),
    ("sqlite:///file:{}/mlflow.db?uri=true", "mlflow.db"),
    ("sqlite:///mlflow.db", "mlflow.db"),
    ("file://{}/My%20Project", "My Project"),
    ("{}/mlruns", "mlruns"),
    ("mlruns", "mlruns"),
]


@pytest.mark.parametrize(("uri", "place"), STORES)
def test_a_local_store_is_known_to_be_there(store_at, tmp_path, uri, place):
    store_at(uri.format(tmp_path))
    assert not has_store()
    path = tmp_path / place
    if path.suffix:
        path.parent.mkdir(exist_ok=True)
        path.touch()
        assert store_folder() == path.parent
    else:
        path.mkdir()
        assert store_folder() == path
    assert has_store()


@pytest.mark.parametrize(
    "uri", ["sqlite://", "sqlite:///:memory:", "http://host:5000", "postgresql://u:p@host/db"]
)
def test_any_other_store_may_be_asked(store_at, tmp_path, uri):
    store_at(uri)
    assert has_store()
    assert store_folder() == tmp_path


def test_other_processes_get_a_whole_path(store_at, tmp_path):
    store_at("sqlite:///sub/mlflow.db")
    assert store_uri() == f"sqlite:///{tmp_path}/sub/mlflow.db"
    store_at("http://host:5000")
    assert store_uri() == "http://host:5000"


@pytest.mark.parametrize(
    ("uri", "look"),
    [
        ("sqlite:////a/mlflow.db", "mlflow ui --backend-store-uri sqlite:////a/mlflow.db"),
        (
            "sqlite:////a b/mlflow.db?timeout=60",
            "mlflow ui --backend-store-uri 'sqlite:////a b/mlflow.db?timeout=60'",
        ),
        ("postgresql://u:secret@h/d", 'mlflow ui --backend-store-uri "$MLFLOW_TRACKING_URI"'),
    ],
)
def test_places_name_the_run_and_the_store(store_at, with_program, uri, look):
    with_program(Path(sys.prefix) / "bin", on_path=True)
    store_at(uri)
    first, second = places("0123")
    assert first.startswith(f"MLflow run 0123 in {uri.partition(':')[0]}:")
    assert second == f"look at it: {look}"
    assert "secret" not in first
    assert not {"<", ";"} & set(shlex.split(second))


@pytest.fixture
def with_program(monkeypatch):
    """Lets this Python be of a folder of programs, which is on the path, or not."""

    def lay(folder, *, on_path):
        monkeypatch.setattr("sys.executable", str(folder / "python"))
        monkeypatch.setenv("PATH", str(folder) if on_path else "/nowhere")

    return lay


def test_a_program_beside_the_path_is_told_with_its_folder(store_at, with_program, tmp_path):
    store_at("sqlite:////a/mlflow.db")
    program = tmp_path / "my env" / "mlflow"
    with_program(program.parent, on_path=False)
    python = program.with_name("python")
    assert places("0")[1].startswith(f"look at it: '{python}' -m mlflow ui --backend-store-uri ")
    program.parent.mkdir()
    program.touch(0o755)
    assert places("0")[1].startswith(f"look at it: '{program}' ui --backend-store-uri ")
    with_program(program.parent, on_path=True)
    assert places("0")[1].startswith("look at it: mlflow ui --backend-store-uri ")


@pytest.mark.parametrize("uri", ["https://u:secret@host", "http://host/mlflow/"])
def test_the_place_on_a_server_is_the_runs_page(store_at, monkeypatch, uri):
    store_at(uri)
    run = SimpleNamespace(info=SimpleNamespace(experiment_id="7"))
    monkeypatch.setattr(WRITER, "ask", lambda asked, call, otherwise: run)
    server = uri.rstrip("/").replace("secret", "***")
    assert places("0123")[1] == f"look at it: {server}/#/experiments/7/runs/0123"
    monkeypatch.setattr(WRITER, "ask", lambda asked, call, otherwise: otherwise)
    assert places("0123")[1] == f"look at it: {server}"


# A new store

AT_ONCE = """
import multiprocessing, sys
from alignfreeze.tracking.runs import tracked_run

def open_one(barrier):
    barrier.wait()
    with tracked_run("run") as run:
        run.tags({"strategy": "front"})

if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")  # each has imported all of it, and starts at once
    barrier = fork.Barrier(4)
    started = [fork.Process(target=open_one, args=(barrier,)) for _ in range(4)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    sys.exit(sum(process.exitcode != 0 for process in started))
"""


def test_processes_that_start_at_once_make_one_store_and_one_experiment(tmp_path):
    folder = tmp_path / "My Project"
    uri = f"sqlite:///{tmp_path}/My%20Project/mlflow.db?timeout=60"
    environment = {n: v for n, v in os.environ.items() if not n.startswith("MLFLOW_")}
    environment |= {"MLFLOW_TRACKING_URI": uri, "MLFLOW_EXPERIMENT_NAME": "together"}
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        runs = "SELECT e.name, r.status FROM runs r JOIN experiments e USING (experiment_id)"
        assert store.execute(runs).fetchall() == [("together", "FINISHED")] * 4
    assert {path.name for path in folder.iterdir()} == {"mlflow.db", "mlflow.db.lock"}


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("sqlite:///{}/file/mlflow.db", "File exists"),
        ("sqlite:///{}/file/below/mlflow.db", "Not a directory"),
        ("sqlite:///~/mlflow.db", "~ is not the home folder in a URL"),
    ],
)
def test_a_store_that_cannot_be_made_is_one_line(store_at, tmp_path, uri, reason):
    (tmp_path / "file").touch()
    store_at(uri.format(tmp_path))
    with pytest.raises(TrackingError, match=rf"^the tracking store /.* cannot be made: {reason};"):
        contact()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_in_a_folder_that_cannot_be_written_no_store_is_made(store_at, tmp_path, monkeypatch):
    store_at("sqlite:///mlflow.db")
    monkeypatch.setattr(creation.os, "access", lambda *args: False)
    with pytest.raises(TrackingError, match=r"mlflow\.db cannot be made: Permission denied; MLFL"):
        contact()
    assert not list(tmp_path.iterdir())


def test_a_store_that_another_makes_for_ever_is_not_waited_for(store_at, tmp_path, monkeypatch):
    store_at("sqlite:///mlflow.db")
    monkeypatch.setattr(creation, "MAKING_SECONDS", 0)
    told = r"mlflow\.db cannot be made: another process holds its lock; MLFLOW"
    with locked(tmp_path / "mlflow.db"), pytest.raises(TrackingError, match=told):
        contact()


# Artifacts


class Elsewhere(LocalArtifactRepository):
    """Artifacts that have to be downloaded: each is copied."""

    def __init__(self, artifact_uri: str, *args: object, **kwargs: object) -> None:
        super().__init__(artifact_uri.removeprefix("elsewhere:"), *args, **kwargs)


@pytest.fixture
def elsewhere(experiment, tmp_path, monkeypatch) -> None:
    """An experiment whose artifacts are not on this machine, as far as MLflow knows."""
    registry = artifact_repository_registry._artifact_repository_registry
    monkeypatch.setitem(registry._registry, "elsewhere", Elsewhere)
    location = f"elsewhere://{tmp_path}/remote"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mlflow.create_experiment(str(tmp_path), location))


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def logged() -> str:
    """The id of a run with an artifact."""
    with tracked_run("run") as run:
        run.text("language,value\n", "results.csv")
    return run.run_id


@pytest.mark.usefixtures("experiment")
def test_a_local_artifact_is_read_where_it_lies(tmp_path, temporary):
    downloads = tmp_path / "downloads"
    run_id = logged()
    path = artifact_path(run_id, "results.csv", downloads)
    assert path.is_relative_to(tmp_path / "artifacts" / run_id)
    assert path.read_text() == "language,value\n"
    assert not downloads.exists()
    assert not list(temporary.iterdir())


@pytest.mark.usefixtures("elsewhere")
def test_a_remote_artifact_goes_into_the_folder_given(tmp_path, temporary):
    downloads = tmp_path / "downloads"
    run_id = logged()
    path = artifact_path(run_id, "results.csv", downloads)
    assert path == downloads / run_id / "results.csv"
    assert path.read_text() == "language,value\n"
    assert artifact_path(run_id, "nothing", downloads) is None
    assert not list(temporary.iterdir())


@pytest.mark.usefixtures("elsewhere", "road")
def test_an_artifact_is_waited_for_like_anything_else(tmp_path, monkeypatch):
    run_id, faults = logged(), [ConnectionError("Connection refused")] * 3
    whole = Elsewhere.download_artifacts

    def download(self, *args, **options):
        if faults:
            raise faults.pop()
        return whole(self, *args, **options)

    monkeypatch.setattr(Elsewhere, "download_artifacts", download)
    with tracked_run("run"):
        path = artifact_path(run_id, "results.csv", tmp_path / "downloads")
    assert path.read_text() == "language,value\n"
    assert not faults


@pytest.mark.usefixtures("elsewhere")
def test_a_full_disk_is_not_the_stores(tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))

    run_id = logged()
    monkeypatch.setattr(Elsewhere, "download_artifacts", full)
    with pytest.raises(ResourceError, match="the disk is full"):
        artifact_path(run_id, "results.csv", tmp_path / "downloads")


def test_a_run_of_the_journal_has_no_folder_of_artifacts(road, tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    with tracked_run("outer") as outer:
        assert artifact_folder(outer.run_id) == tmp_path / "artifacts" / outer.run_id / "artifacts"
        outer.waits(0)
        road.closed_for = math.inf
        with tracked_run("inner", nested=True) as inner:
            assert artifact_folder(inner.run_id) is None
