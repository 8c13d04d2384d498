"""Fixtures of the search's tests: storages, and a PostgreSQL server of their own."""

import gc
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

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


@pytest.fixture(autouse=True)
def fewer_objects_to_collect() -> None:
    """What earlier tests have imported is not looked through at the end of each training."""
    gc.freeze()
