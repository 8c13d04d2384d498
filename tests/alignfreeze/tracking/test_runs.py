import os
import socket
import subprocess
import sys
from collections.abc import Sequence

import mlflow
import psutil
import pytest
from mlflow.entities import Metric, RunStatus
from mlflow.tracking import MlflowClient

from alignfreeze.errors import DataError, Interrupted, TrackingError
from alignfreeze.tracking import store
from alignfreeze.tracking.location import artifact_path
from alignfreeze.tracking.runs import (
    BATCH_METRICS,
    PARAM_LENGTH,
    TrackedRun,
    end_dead_runs,
    is_main_process,
    tracked_run,
)

pytestmark = pytest.mark.usefixtures("experiment")


def status_and_error(run: TrackedRun) -> tuple[str, str | None]:
    found = mlflow.get_run(run.run_id)
    return found.info.status, found.data.tags.get("alignfreeze.error")


def metrics(run: TrackedRun, name: str) -> list[tuple[int, float]]:
    history = MlflowClient().get_metric_history(run.run_id, name)
    return [(metric.step, metric.value) for metric in history]


def failed_with(error: BaseException) -> TrackedRun:
    """A run that an exception has passed through."""
    runs = []

    def fail() -> None:
        with tracked_run("failing") as run:
            runs.append(run)
            run.metric("loss", 0.5, 3)
            raise error

    with pytest.raises(type(error), match=r"^" if str(error) else r"^$") as caught:
        fail()
    assert caught.value is error
    return runs[0]


# How a run ends


def test_a_run_that_ends_well_is_finished():
    with tracked_run("fine") as run:
        assert mlflow.get_run(run.run_id).info.status == "RUNNING"
    assert status_and_error(run) == ("FINISHED", None)
    assert mlflow.get_run(run.run_id).info.run_name == "fine"
    assert mlflow.active_run() is None


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ValueError("two\n  lines"), "FAILED", "ValueError: two lines"),
        (DataError("the file is empty"), "FAILED", "the file is empty"),
        (Interrupted("by a signal"), "KILLED", "by a signal"),
        (KeyboardInterrupt(), "KILLED", "KeyboardInterrupt"),
        (SystemExit(3), "KILLED", "SystemExit: 3"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_a_run_that_an_exception_passes_says_why(error, status, reason):
    run = failed_with(error)
    assert status_and_error(run) == (status, reason)
    assert metrics(run, "loss") == [(3, 0.5)]
    assert mlflow.active_run() is None


def test_a_reason_of_any_length_does_not_hide_the_error():
    status, reason = status_and_error(failed_with(ValueError("x" * 20_000)))
    assert status == "FAILED"
    assert reason.startswith("ValueError: xxx")


def test_a_store_that_refuses_metrics_fails_the_run(monkeypatch):
    log_batch = MlflowClient.log_batch

    def refuse(*args: object, metrics: Sequence[Metric] = (), **options: object) -> None:
        if metrics:
            raise OSError("refused")
        log_batch(*args, **options)

    runs = []

    def log() -> None:
        with tracked_run("unlucky") as run:
            runs.append(run)
            run.metric("loss", 0.5)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", refuse)
        with pytest.raises(TrackingError, match=r"cannot take metrics of run .*: OSError: refused"):
            log()
    status, reason = status_and_error(runs[0])
    assert status == "FAILED"
    assert reason.endswith("OSError: refused")
    assert mlflow.active_run() is None


def test_nested_runs_belong_to_the_open_one():
    with tracked_run("outer") as outer:
        with tracked_run("first", nested=True) as first:
            assert mlflow.active_run().info.run_id == first.run_id
        with tracked_run("second", nested=True) as second:
            pass
        assert mlflow.active_run().info.run_id == outer.run_id
    for run in (first, second):
        found = mlflow.get_run(run.run_id)
        assert found.data.tags["mlflow.parentRunId"] == outer.run_id
        assert found.info.status == "FINISHED"


def test_an_exception_ends_every_run_it_passes():
    runs = []

    def fail() -> None:
        with tracked_run("outer") as outer, tracked_run("inner", nested=True) as inner:
            runs.extend([outer, inner])
            raise Interrupted("by a signal")

    with pytest.raises(Interrupted, match="by a signal"):
        fail()
    assert [status_and_error(run) for run in runs] == [("KILLED", "by a signal")] * 2


def test_a_nested_failure_that_is_caught_leaves_the_outer_run():
    with tracked_run("outer") as outer:
        with (
            pytest.raises(RuntimeError, match="inner"),
            tracked_run("inner", nested=True) as inner,
        ):
            raise RuntimeError("inner")
        outer.metric("loss", 1.0)
    assert status_and_error(outer) == ("FINISHED", None)
    assert status_and_error(inner) == ("FAILED", "RuntimeError: inner")


def test_the_run_that_mlflow_has_opened_is_the_outermost(monkeypatch, experiment):
    opened = MlflowClient().create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", opened.info.run_id)
    with tracked_run("outer") as outer:
        pass
    assert outer.run_id == opened.info.run_id
    assert status_and_error(outer) == ("FINISHED", None)


# What a run holds


def test_params_are_below_cfg_and_cut_to_what_mlflow_takes():
    with tracked_run("run") as run:
        run.params({"seed": 31, "long": "x" * (PARAM_LENGTH + 5), "none": None})
    assert mlflow.get_run(run.run_id).data.params == {
        "cfg.seed": "31",
        "cfg.long": "x" * PARAM_LENGTH,
        "cfg.none": "None",
    }


def test_tags_are_below_alignfreeze():
    with tracked_run("run") as run:
        run.tags({"strategy": "front"})
    assert mlflow.get_run(run.run_id).data.tags["alignfreeze.strategy"] == "front"


def test_metrics_wait_until_they_are_flushed():
    with tracked_run("run") as run:
        run.metric("loss", 0.5, 10)
        run.metric("loss", 0.25, 20)
        assert metrics(run, "loss") == []
        run.flush()
        assert metrics(run, "loss") == [(10, 0.5), (20, 0.25)]
        run.metric("loss", 0.125, 30)
    assert metrics(run, "loss") == [(10, 0.5), (20, 0.25), (30, 0.125)]


def test_a_full_buffer_is_written_in_one_call(monkeypatch):
    calls = []
    log_batch = MlflowClient.log_batch

    def count(self, run_id, metrics=(), **options):
        calls.append(len(metrics))
        return log_batch(self, run_id, metrics=metrics, **options)

    monkeypatch.setattr(MlflowClient, "log_batch", count)
    with tracked_run("run") as run:
        for step in range(BATCH_METRICS + 1):
            run.metric("loss", 1.0, step)
        assert calls == [BATCH_METRICS]
    assert calls == [BATCH_METRICS, 1]


def test_files_are_artifacts(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"\x00\x01")
    with tracked_run("run") as run:
        run.text("seed: 31\nmodel: é\n", "config.yaml")
        run.artifacts(folder, "encoder")
    config, encoder = (artifact_path(run.run_id, n, tmp_path) for n in ("config.yaml", "encoder"))
    assert config.read_text("utf-8") == "seed: 31\nmodel: é\n"
    assert (encoder / "weights").read_bytes() == b"\x00\x01"
    assert artifact_path(run.run_id, "nothing", tmp_path) is None
    assert artifact_path("0" * 32, "config.yaml", tmp_path) is None


def test_a_process_that_does_not_write_writes_nothing(experiment, tmp_path):
    with tracked_run("silent", writes=False) as run:
        run.params({"seed": 31})
        run.tags({"strategy": "front"})
        run.metric("loss", 0.5)
        run.flush()
        run.text("text", "config.yaml")
        run.artifacts(tmp_path)
        run.finished_as("hash")
        assert mlflow.active_run() is None
    assert run.run_id is None
    assert MlflowClient().search_runs([experiment]) == []


def test_a_process_that_does_not_write_passes_exceptions_on(experiment):
    with pytest.raises(ValueError, match="stop"), tracked_run("silent", writes=False):
        raise ValueError("stop")
    assert MlflowClient().search_runs([experiment]) == []


@pytest.mark.parametrize(("rank", "main"), [(None, True), ("0", True), ("1", False)])
def test_the_first_process_tracks(monkeypatch, rank, main):
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    assert is_main_process() is main


# Runs whose process is gone


def running(experiment: str, process: str | None) -> str:
    """The id of a run that says RUNNING, of some process."""
    tags = {} if process is None else {"alignfreeze.process": process}
    return MlflowClient().create_run(experiment, tags=tags).info.run_id


def gone_process() -> int:
    """The id of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


def status_after_a_run(run_id: str) -> str:
    with tracked_run("next"):
        pass
    status = mlflow.get_run(run_id).info.status
    if status == "RUNNING":
        MlflowClient().set_terminated(run_id, RunStatus.to_string(RunStatus.FINISHED))
    return status


def test_a_run_whose_process_is_gone_is_ended(experiment):
    run_id = running(experiment, f"{socket.gethostname()}:{gone_process()}:1700000000")
    assert status_after_a_run(run_id) == "KILLED"
    assert mlflow.get_run(run_id).data.tags["alignfreeze.error"] == "its process was killed"
    assert mlflow.get_run(run_id).info.end_time is not None


def test_a_run_that_ends_while_it_is_looked_at_keeps_what_it_said(experiment, monkeypatch):
    run_id = running(experiment, f"{socket.gethostname()}:{gone_process()}:1700000000")
    TrackedRun(run_id).tags({"state": "running"})

    def search_runs(*args):
        listed = store.search_runs(*args)
        TrackedRun(run_id).tags({"error": "by a signal", "state": "interrupted"})
        MlflowClient().set_terminated(run_id, "FAILED")
        return listed

    monkeypatch.setattr("alignfreeze.tracking.runs.search_runs", search_runs)
    end_dead_runs()
    found = mlflow.get_run(run_id)
    assert found.info.status == "FAILED"
    assert found.data.tags["alignfreeze.error"] == "by a signal"
    assert found.data.tags["alignfreeze.state"] == "interrupted"


def test_a_run_whose_process_id_is_anothers_by_now_is_ended(experiment):
    run_id = running(experiment, f"{socket.gethostname()}:{os.getpid()}:1000")
    assert status_after_a_run(run_id) == "KILLED"


def test_a_run_of_a_living_process_is_left_alone(experiment):
    born = psutil.Process().create_time()
    run_id = running(experiment, f"{socket.gethostname()}:{os.getpid()}:{born:.0f}")
    assert status_after_a_run(run_id) == "RUNNING"


def test_a_run_of_another_machine_is_left_alone(experiment):
    run_id = running(experiment, f"not-{socket.gethostname()}:{gone_process()}:1700000000")
    assert status_after_a_run(run_id) == "RUNNING"


def test_a_run_of_somebody_else_is_left_alone(experiment):
    run_id = running(experiment, None)
    assert status_after_a_run(run_id) == "RUNNING"


def test_a_nested_run_ends_no_other(experiment):
    with tracked_run("outer"):
        run_id = running(experiment, f"{socket.gethostname()}:{gone_process()}:1700000000")
        with tracked_run("inner", nested=True):
            pass
        assert mlflow.get_run(run_id).info.status == "RUNNING"
    assert status_after_a_run(run_id) == "KILLED"
