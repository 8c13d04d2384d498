import errno
import logging
import math
import os
import signal

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.errors import DataError, Interrupted, TrackingError
from alignfreeze.tracking.runs import TrackedRun, end_dead_runs, end_run_of_other, tracked_run
from alignfreeze.tracking.store import finished_run, stored_runs
from alignfreeze.tracking.syncing import sync
from alignfreeze.tracking.talking import StoreAwayError
from alignfreeze.tracking.unlogged import Journal, complain
from alignfreeze.tracking.writing import LAST_SECONDS, WAIT_SECONDS, WRITER


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ended(run) -> tuple[str, str | None]:
    found = mlflow.get_run(run.run_id)
    return found.info.status, found.data.tags.get("alignfreeze.error")


# A store that comes back


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_a_store_that_comes_back_is_waited_for(road, attempts, caplog, own_cache):
    with tracked_run("run") as run:
        road.closed_for = attempts
        run.params({"seed": 1})
        road.closed_for = attempts
        run.metric("loss", 0.5)
        run.flush()
        road.closed_for = attempts
        assert finished_run("nothing") is None
        road.closed_for = attempts
        run.tags({"model": "demo"})
        road.closed_for = attempts
    found = mlflow.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["cfg.seed"] == "1"
    assert found.data.metrics == {"loss": 0.5}
    assert found.data.tags["alignfreeze.model"] == "demo"
    said = [record.getMessage() for record in caplog.records]
    assert sum("nothing listens there" in line and "trying again" in line for line in said) == 5
    assert said.count("the tracking store is back") == 5
    assert not (own_cache / "unlogged").exists()
    complain()


@pytest.mark.parametrize(
    "fault",
    [
        "database is locked",
        "database or disk is full",
        "attempt to write a readonly database",
        "unable to open database file",
        "API request to endpoint / failed with error code 401 != 200",
        "API request to endpoint / failed with error code 500 != 200",
        "password authentication failed for user",
        "something else",
    ],
)
def test_whatever_a_store_has_may_pass(road, fault):
    with tracked_run("run") as run:
        road.says, road.closed_for = fault, 2
        run.tags({"model": "demo"})
    assert ended(run) == ("FINISHED", None)


def test_a_nested_run_is_opened_when_the_store_is_back(road):
    with tracked_run("outer") as outer:
        road.closed_for = 2
        with tracked_run("inner", nested=True) as inner:
            pass
    assert mlflow.get_run(inner.run_id).data.tags["mlflow.parentRunId"] == outer.run_id


def test_what_is_refused_is_not_waited_for(road):
    with (
        pytest.raises(TrackingError, match=r"cannot take metrics of run \w+: ") as caught,
        tracked_run("run") as run,
    ):
        run.metric("loss[0]", 1.0)
    assert not isinstance(caught.value, StoreAwayError)
    assert ended(run) == ("FAILED", str(caught.value))


# One that does not


def test_a_store_that_does_not_come_back_is_told_and_the_run_goes_on(road, own_cache, caplog):
    with tracked_run("run") as run:
        run.waits(0)
        road.closed_for = math.inf
        run.tags({"model": "demo"})
        attempts = road.attempts
        run.metric("loss", 0.5)
        run.flush()
        assert finished_run("nothing") is None
        assert stored_runs(()) == []
        end_dead_runs()
        assert road.attempts == attempts, "it is asked no more"
    (folder,) = (own_cache / "unlogged").iterdir()
    assert f"alignfreeze sync {folder}" in caplog.text
    with pytest.raises(TrackingError, match=f"is in {folder}; .*: alignfreeze sync {folder}$"):
        complain()
    complain()  # once
    assert mlflow.active_run() is None
    road.closed_for = 0
    with tracked_run("next") as run:
        assert WRITER.wait == WAIT_SECONDS
    assert ended(run) == ("FINISHED", None)


def test_without_a_run_there_is_nothing_to_keep(road):
    finished_run("nothing")
    WRITER.wait = 0
    road.closed_for = math.inf
    with pytest.raises(StoreAwayError, match="cannot list runs: nothing listens there; start it"):
        finished_run("nothing")


def test_a_store_that_is_away_at_first_is_not_waited_for(road):
    road.closed_for = math.inf
    with (
        pytest.raises(TrackingError, match="cannot open a run: nothing listens"),
        tracked_run("run"),
    ):
        pytest.fail("it was opened")
    assert road.attempts <= 2


# How a run ends


@pytest.mark.parametrize(
    ("error", "status"), [(DataError("empty"), "FAILED"), (Interrupted("SIGTERM"), "KILLED")]
)
@pytest.mark.parametrize("attempts", [1, 3])
def test_errors_of_the_store_while_a_run_ends_hide_nothing(road, error, status, attempts):
    runs = []

    def do() -> None:
        with tracked_run("run") as run:
            runs.append(run)
            road.closed_for = attempts
            raise error

    with pytest.raises(type(error)) as caught:
        do()
    assert caught.value is error
    assert ended(runs[0]) == (status, str(error))


def test_a_store_that_refuses_the_end_is_a_note(road, monkeypatch):
    def refuse(*args):
        raise MlflowException("no more ends")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", refuse)
        with (
            pytest.raises(DataError, match=r"^the cause\n.*no more ends$") as caught,
            tracked_run("run") as run,
        ):
            raise DataError("the cause")
    assert any("no more ends" in note for note in caught.value.__notes__)
    assert ended(run) == ("RUNNING", "the cause")
    assert mlflow.active_run() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("method", ["log_batch", "set_terminated"])
@pytest.mark.parametrize("cause", [DataError("the cause"), None])
def test_a_signal_while_a_run_ends_comes_after_it(road, monkeypatch, number, method, cause):
    whole = getattr(MlflowClient, method)

    def interrupted(*args, **options):
        os.kill(os.getpid(), number)
        return whole(*args, **options)

    runs = []

    def do() -> None:
        with signals_as_exceptions("go on"), tracked_run("run") as run:
            runs.append(run)
            if cause is None and method == "log_batch":
                run.metric("loss", 1.0)
            monkeypatch.setattr(MlflowClient, method, interrupted)
            if cause is not None:
                raise cause

    with pytest.raises(Interrupted, match=r"interrupted by .*; go on"):
        do()
    status, reason = ended(runs[0])
    if cause is not None:
        assert (status, reason) == ("FAILED", "the cause")
    else:
        assert (status, reason) in [("FINISHED", None), ("KILLED", reason)]
        assert (status == "FINISHED") == (reason is None)


def test_who_is_asked_to_end_waits_for_a_moment_only(road, monkeypatch):
    run, waits = TrackedRun("of nobody"), []
    monkeypatch.setattr(WRITER, "write", lambda *args: waits.append(WRITER.wait))
    run.end_because_of(Interrupted("SIGTERM"))
    assert waits == [LAST_SECONDS] * 2


def test_a_dead_run_that_cannot_be_ended_fails_no_other(road, monkeypatch, caplog):
    with tracked_run("dead") as dead:
        pass
    client = MlflowClient()
    client.set_tag(dead.run_id, "alignfreeze.process", f"{os.uname().nodename}:999999:1")
    client.update_run(dead.run_id, status="RUNNING")

    whole = MlflowClient.set_terminated

    def refuse(self, run_id, *rest):
        if run_id == dead.run_id:
            raise MlflowException("no more ends")
        whole(self, run_id, *rest)

    monkeypatch.setattr(MlflowClient, "set_terminated", refuse)
    monkeypatch.setattr("alignfreeze.tracking.runs.is_dead", lambda process: ":999999:" in process)
    with caplog.at_level(logging.WARNING), tracked_run("run") as run:
        pass
    assert ended(run) == ("FINISHED", None)
    assert f"cannot end run {dead.run_id}" in caplog.text


def test_a_run_in_one_of_another_process_goes_into_the_journal_too(road, own_cache):
    with tracked_run("outer") as outer:
        pass
    WRITER.wait = 0
    road.closed_for = math.inf
    with tracked_run("trial", nested=True, parent=outer.run_id) as run:
        run.tags({"state": "running"})
    road.closed_for = 0
    end_run_of_other(str(run.run_id), "its worker has vanished")  # which is not there
    WRITER.reset()
    sync(next((own_cache / "unlogged").iterdir()))
    (found,) = mlflow.search_runs(
        filter_string=f"tags.`mlflow.parentRunId` = '{outer.run_id}'", output_format="list"
    )
    assert (found.info.run_name, found.info.status) == ("trial", "FINISHED")


def test_a_disk_that_is_full_hides_no_error(road, monkeypatch):
    def refuse(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    runs = []

    def do() -> None:
        with tracked_run("run") as run:
            runs.append(run)
            run.waits(0)
            road.closed_for = math.inf
            monkeypatch.setattr(Journal, "append", refuse)
            raise DataError("the cause")

    with pytest.raises(DataError, match=r"^the cause\nOSError: .*No space left"):
        do()
    assert mlflow.active_run() is None
    assert WRITER.open_runs == []
