"""Searches by several processes: killed, interrupted, gone on with."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import mlflow
import optuna
import pytest
from mlflow.entities import Run
from optuna.trial import TrialState
from typer.testing import CliRunner

from alignfreeze.cli.main import app
from alignfreeze.search.trials import CONFIG
from alignfreeze.workers.command import wait_until
from alignfreeze.workers.storage import open_storage
from tests.alignfreeze.pausing import PATIENCE, pause
from tests.alignfreeze.tracked import what

pytestmark = pytest.mark.usefixtures("cache", "experiment")

OPTIONS = [
    *("--languages", "de,ru", "--precision", "fp32", "--final-seeds", "31"),
    *("--references", ",", "--heartbeat", "600", "--checkpoint-steps", "20"),
]

CHECKPOINTS = "checkpoints/*/*/step-*[0-9]/progress.json"


def search_here(options: list[str]) -> str:
    """Search, with this process as the coordinator: one less that has to import everything.

    Returns:
        What is printed.
    """
    result = CliRunner().invoke(app, ["search", *OPTIONS, *options], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@contextmanager
def meanwhile(happens: Callable[[], bool]) -> Iterator[None]:
    """Try something again and again until it has happened; it must, before the end."""
    over, happened = threading.Event(), threading.Event()

    def watch() -> None:
        if wait_until(lambda: happens() or over.is_set(), PATIENCE, 0.3) and not over.is_set():
            happened.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    assert happened.is_set(), "it never happened"


def trials(url: str, name: str) -> list[optuna.trial.FrozenTrial]:
    with open_storage(url, 600) as storage:
        try:
            return optuna.load_study(study_name=name, storage=storage).get_trials()
        except KeyError:
            return []


def runs(experiment: str) -> list[Run]:
    return mlflow.search_runs([experiment], output_format="list")


def test_a_killed_worker_costs_nothing(experiment, postgresql, mlflow_store, make_stale):
    name, wanted = uuid4().hex, 3

    def in_mid_trial() -> dict[int, str]:
        """Running trials that are drawn, others being done, and the processes they are in."""
        found = trials(postgresql, name)
        done = any(trial.state == TrialState.COMPLETE for trial in found)
        drawn = [t for t in found if t.state == TrialState.RUNNING and CONFIG in t.user_attrs]
        open_runs = {t.number: mlflow.get_run(t.user_attrs["run_id"]) for t in drawn}
        return {
            number: run.data.tags["alignfreeze.process"]
            for number, run in open_runs.items()
            if done and run.info.status == "RUNNING"
        }

    def kill_a_worker() -> bool:
        for number, worker in in_mid_trial().items():
            pid = int(worker.split(":")[1])
            pause(pid, mlflow_store)  # or its trial, or the trial's run, may end before it does
            trial = trials(postgresql, name)[number]
            run = mlflow.get_run(trial.user_attrs["run_id"])
            if (trial.state, run.info.status) == (TrialState.RUNNING, "RUNNING"):
                os.kill(pid, signal.SIGKILL)
                make_stale(postgresql, trial._trial_id)
                return True
            os.kill(pid, signal.SIGCONT)
        return False

    trials(postgresql, name)  # makes the tables, which two cannot do at once
    with meanwhile(kill_a_worker):
        output = search_here(
            [
                *("--study", name, "--storage", postgresql, "--trials", str(wanted)),
                *("--workers", "2", "--realign-steps", "60", "--finetune-steps", "10"),
                *("--pruner", "none"),
            ]
        )
    found = trials(postgresql, name)
    complete = [trial for trial in found if trial.state == TrialState.COMPLETE]
    killed = [trial for trial in found if trial.state == TrialState.FAIL]
    assert len(complete) == wanted
    assert len(killed) == 1
    assert {trial.state for trial in found} == {TrialState.COMPLETE, TrialState.FAIL}
    again = [t for t in complete if t.system_attrs.get("failed_trial") == killed[0].number]
    assert [trial.params for trial in again] == [killed[0].params]
    # None twice, none lost: each complete trial has a run of its own that is finished.
    own = [mlflow.get_run(trial.user_attrs["run_id"]) for trial in complete]
    assert len({run.info.run_id for run in own}) == wanted
    assert {run.info.status for run in own} == {"FINISHED"}
    assert len({str(sorted(trial.params.items())) for trial in complete}) == wanted
    assert "RUNNING" not in {run.info.status for run in runs(experiment)}
    dead = mlflow.get_run(killed[0].user_attrs["run_id"])
    assert dead.info.status == "KILLED"
    assert "alignfreeze.error" in dead.data.tags
    assert "mean of targets" in output


def test_an_interrupted_search_goes_on_where_it_was(experiment, cache, tmp_path, caplog):
    name, url = uuid4().hex, f"sqlite:///{tmp_path / 'optuna.db'}"
    # The first trial is short, the second in the middle of its steps for long.
    space = tmp_path / "space.yaml"
    space.write_text("realign_steps: [10, 200]\ntemperature: 0.1\n")
    options = [
        *("--study", name, "--storage", url, "--space", str(space), "--sampler", "grid"),
        *("--strategy-args", "boundary=2", "--finetune-steps", "10"),
    ]
    of_others = set(cache.glob(CHECKPOINTS))
    process = subprocess.Popen(
        [sys.executable, "-m", "alignfreeze", "search", *OPTIONS, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def has_saved() -> bool:
        assert process.poll() is None, process.communicate()
        return set(cache.glob(CHECKPOINTS)) > of_others

    # Only the second trial has steps enough for a checkpoint, and most of them are to come.
    assert wait_until(has_saved, PATIENCE, 0.02)
    process.send_signal(signal.SIGINT)  # Ctrl-C
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1].endswith("; the same command goes on")
    assert "Traceback" not in errors
    (parent,) = [run for run in runs(experiment) if what(run) == "alignfreeze search"]
    assert parent.info.status == "KILLED"
    files = {file.path for file in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
    assert {"trials.csv", "best.yaml", "search.html", "figures"} <= files
    assert "RUNNING" not in {run.info.status for run in runs(experiment)}

    with caplog.at_level("INFO", logger="alignfreeze"):
        search_here(options)
    assert "1 done before" in caplog.text
    complete = [t for t in trials(url, name) if t.state == TrialState.COMPLETE]
    assert sorted(trial.params["realign_steps"] for trial in complete) == [10, 200]
    assert [
        run.info.status for run in runs(experiment) if run.info.run_id == parent.info.run_id
    ] == ["FINISHED"]


@pytest.mark.parametrize(
    ("launcher", "args"), [("submitit", "cluster=local"), ("ray", "num_cpus=1")]
)
def test_other_launchers_start_workers_too(experiment, postgresql, launcher, args):
    pytest.importorskip(launcher)
    name = uuid4().hex
    search_here(
        [
            *("--study", name, "--storage", postgresql, "--trials", "1", "--workers", "1"),
            *("--realign-steps", "4", "--finetune-steps", "4"),
            *("--launcher", launcher, "--launcher-args", args),
        ]
    )
    (found,) = trials(postgresql, name)
    assert found.state == TrialState.COMPLETE
    assert {run.info.status for run in runs(experiment)} == {"FINISHED"}
    # By another process than this one.
    own = mlflow.get_run(found.user_attrs["run_id"])
    assert own.data.tags["alignfreeze.process"].split(":")[1] != str(os.getpid())
