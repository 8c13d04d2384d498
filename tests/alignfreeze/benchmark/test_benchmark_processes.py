"""Grids by several processes: killed, gone on with, joined."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import mlflow
import pytest

from alignfreeze.benchmark.worker import join
from alignfreeze.errors import ConfigError

FAST = {"heartbeat": "1", "checkpoint_steps": "20"}


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
    for _ in range(1200):
        if condition():
            return
        if process.poll() is not None:
            raise AssertionError(process.communicate())
        time.sleep(0.1)
    raise TimeoutError("it never happened")


def names(experiment: str, status: str) -> Counter[str]:
    found = mlflow.search_runs([experiment], output_format="list")
    return Counter(run.info.run_name for run in found if run.info.status == status)


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


def test_a_killed_grid_goes_on_and_does_each_cell_once(experiment, options):
    given = {**options, **FAST, "realign_steps": "100", "finetune_steps": "60"}
    process = start("benchmark", given)
    # In the middle of training, with a cell done and others not begun.
    wait_for(
        lambda: bool(
            names(experiment, "FINISHED")["pos-front:boundary=2-31"]
            and {"realign", "finetune-pos"} & set(names(experiment, "RUNNING"))
        ),
        process,
    )
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = names(experiment, "FINISHED")
    assert names(experiment, "RUNNING")["alignfreeze benchmark"] == 1

    # By two workers of its own this time.
    process = start("benchmark", {**given, "workers": "2"})
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert f"{sum(name.startswith('pos-') for name in done)} done" in output
    assert_each_cell_once(experiment)
    assert names(experiment, "FINISHED")["alignfreeze benchmark"] == 1
    assert sum(names(experiment, "KILLED").values()) in (1, 2)  # the cell in hand and its phase


def test_workers_join(experiment, options):
    given = {**options, **FAST, "realign_steps": "60", "finetune_steps": "60"}
    process = start("benchmark", given)
    wait_for(lambda: bool(names(experiment, "RUNNING")["pos-front:boundary=2-31"]), process)
    joined = start("benchmark-worker", {name: given[name] for name in ("study", "storage")})
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    output, errors = joined.communicate(timeout=60)
    assert joined.returncode == 0, errors
    assert int(output.split()[0]) > 0
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
