"""Grids by several processes: killed, gone on with, joined."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable

import mlflow
import pytest

from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.benchmark.worker import join
from alignfreeze.errors import ConfigError
from alignfreeze.workers.command import wait_until
from tests.alignfreeze.pausing import PATIENCE, pause
from tests.alignfreeze.tracked import what

SLOW = {"heartbeat": "600", "checkpoint_steps": "20"}
"""A sign of life that no busy machine misses."""


def start(command: str, options: dict[str, str]) -> subprocess.Popen[str]:
    arguments = [f"--{name.replace('_', '-')}={text}" for name, text in options.items()]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-m", "alignfreeze", command, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    def happened() -> bool:
        if condition():
            return True
        if process.poll() is not None:
            raise AssertionError(process.communicate())
        return False

    assert wait_until(happened, PATIENCE), "it never happened"


def processes(experiment: str) -> set[str]:
    """Those that have begun a cell."""
    return {
        run.data.tags["alignfreeze.process"]
        for run in mlflow.search_runs([experiment], output_format="list")
        if run.data.tags.get("alignfreeze.kind") == "cell"
    }


def names(experiment: str, status: str) -> Counter[str]:
    found = mlflow.search_runs([experiment], output_format="list")
    return Counter(what(run) for run in found if run.info.status == status)


def assert_each_cell_once(experiment: str) -> None:
    cells = [
        run.data.tags["alignfreeze.cell"]
        for run in mlflow.search_runs([experiment], output_format="list")
        if "alignfreeze.cell" in run.data.tags and run.info.status == "FINISHED"
    ]
    assert len(set(cells)) == len(cells) == 4
    found = names(experiment, "FINISHED")
    assert (found["finetune-pos"], found["finetune-ner"]) == (2, 2)
    assert not names(experiment, "RUNNING")


def test_a_killed_grid_goes_on_and_does_each_cell_once(
    experiment, options, mlflow_store, make_stale
):
    given = {**options, **SLOW, "realign_steps": "40", "finetune_steps": "60"}
    process = start("benchmark", given)
    phases = {"realign", "finetune-pos", "finetune-ner"}

    def in_mid_training() -> bool:
        """With a cell done and others not begun; then it is stopped."""
        if not names(experiment, "FINISHED")["pos-front:boundary=2-31"]:
            return False
        pause(process.pid, options["storage"], mlflow_store)
        if phases & set(names(experiment, "RUNNING")):
            return True
        process.send_signal(signal.SIGCONT)
        return False

    wait_for(in_mid_training, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    make_stale(options["storage"])
    done = names(experiment, "FINISHED")
    assert names(experiment, "RUNNING")["alignfreeze benchmark"] == 1

    # By two workers of its own this time.
    outcome = benchmark({**given, "workers": "2"})
    assert len(outcome.plan.to_do) == 4 - sum(name.startswith(("pos-", "ner-")) for name in done)
    assert_each_cell_once(experiment)
    assert names(experiment, "FINISHED")["alignfreeze benchmark"] == 1
    assert sum(names(experiment, "KILLED").values()) in (1, 2)  # the cell in hand and its phase
    assert not {p for p in processes(experiment) if p.split(":")[1] == str(os.getpid())}


def test_workers_join(experiment, options, mlflow_store):
    given = {**options, **SLOW, "realign_steps": "40", "finetune_steps": "40"}
    process = start("benchmark", given)
    wait_for(lambda: bool(names(experiment, "RUNNING")["pos-front:boundary=2-31"]), process)
    # Or it may be done before the other begins.
    pause(process.pid, options["storage"], mlflow_store)

    over = threading.Event()

    def let_go_on() -> None:
        wait_until(lambda: over.is_set() or len(processes(experiment)) == 2, PATIENCE)
        process.send_signal(signal.SIGCONT)

    waiting = threading.Thread(target=let_go_on)
    waiting.start()
    try:
        n_done = join(given["study"], given["storage"], {})
    finally:
        over.set()
        waiting.join()
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert n_done > 0
    assert_each_cell_once(experiment)
    by = {
        run.data.tags["alignfreeze.process"]
        for run in mlflow.search_runs([experiment], output_format="list")
        if "alignfreeze.cell" in run.data.tags
    }
    assert len(by) == 2


def test_what_a_worker_may_not_take_for_another_is_refused(options, tmp_path):
    (tmp_path / "other").mkdir()
    study, url = options["study"], options["storage"]
    with pytest.raises(ConfigError, match="there is no such file"):
        join(study, url, {})
    with pytest.raises(ConfigError, match="data: there is no folder '/nowhere'"):
        join(study, url, {"data": "/nowhere"})
    with pytest.raises(ConfigError, match="data: there is no folder '/nowhere'"):
        join(study, url, {"data": "hub:/nowhere"})
    with pytest.raises(ConfigError, match="must be called 'mbert' too"):
        join(study, url, {"my/mbert": str(tmp_path / "other")})
