"""Workers that behave in a certain way, and what starts them."""

import json
import os
import signal
import sys
from functools import partial

import psutil
import pytest

from alignfreeze.workers.command import WorkerCommand, wait_until
from alignfreeze.workers.coordinator import LAUNCHERS

STORAGE = "postgresql+psycopg://me:hunter2@server/studies"

PATIENCE = 600.0
"""Seconds after which something hangs."""

SCRIPT = """
import json, os, signal, subprocess, sys, time
from pathlib import Path

folder = Path(os.environ["FOLDER"])
kind = os.environ["KIND"]
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])

def asked(number, frame):
    if kind == "stubborn":
        return
    if folder.joinpath("asked").exists():
        folder.joinpath("twice").touch()
    folder.joinpath("asked").touch()
    time.sleep(0.3)
    folder.joinpath(f"saved-{os.getpid()}").touch()
    grandchild.kill()
    sys.exit(143)

signal.signal(signal.SIGTERM, asked)
print("I am here", flush=True)
about = {"pid": os.getpid(), "children": [grandchild.pid], "arguments": sys.argv[1:]}
about["environment"] = dict(os.environ)
written = folder / f"{os.getpid()}.tmp"
written.write_text(json.dumps(about))
written.rename(folder / f"{os.getpid()}.json")
if kind == "failing":
    grandchild.kill()
    print("Study 'x' is not there\\n\\n", file=sys.stderr)
    sys.exit(3)
if kind == "working":
    grandchild.kill()
    sys.exit(0)
while True:
    time.sleep(0.05)
"""


def _said(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def _is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def folder(tmp_path):
    """Where workers say who they are. None of them, and of theirs, is left after a test."""
    path = tmp_path / "workers"
    path.mkdir()
    yield path
    left = [pid for about in _said(path) for pid in (about["pid"], *about["children"])]
    alive = [pid for pid in left if _is_running(pid)]
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    assert not alive


@pytest.fixture
def said(folder):
    """What the workers have said of themselves so far."""
    return partial(_said, folder)


@pytest.fixture
def is_running():
    """Whether a process runs still, by its number."""
    return _is_running


@pytest.fixture
def wait_for():
    """Waits for what is bound to come."""

    def wait(condition):
        if not wait_until(condition, PATIENCE, 0.05):
            pytest.fail("it did not come")

    return wait


@pytest.fixture
def command(tmp_path, folder):
    """Makes the command of a worker that behaves in a certain way."""
    script = tmp_path / "worker.py"
    script.write_text(SCRIPT)

    def make(kind, **environment):
        return WorkerCommand(
            study="a study",
            storage=STORAGE,
            environment={"FOLDER": str(folder), "KIND": kind, **environment},
            program=(sys.executable, str(script)),
        )

    return make


@pytest.fixture(scope="package")
def ray_of_ours():
    """A Ray of two cores that was there before the search."""
    ray = pytest.importorskip("ray")
    handler = signal.getsignal(signal.SIGTERM)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def launch_by(command, tmp_path):
    """Starts workers of a kind by a launcher, and stops them in any case."""
    started = []

    def start(name, kind, workers=1, *, args=None, **environment):
        if name != "local":
            pytest.importorskip(name)
        logs = tmp_path / "logs"
        launcher = LAUNCHERS[name](command(kind, **environment), workers, logs, args or {})
        started.append(launcher)
        launcher.start()
        return launcher

    yield start
    for launcher in started:
        launcher.stop(0.0)
