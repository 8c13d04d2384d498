"""Signals: what is waited for after one, and runs that it comes across as they are opened."""

import json
import logging
import math
import os
import signal

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from alignfreeze.base.signals import asked_to_end, deferred_signals, signals_as_exceptions
from alignfreeze.errors import DataError, Interrupted
from alignfreeze.runs.realigned import find_encoder
from alignfreeze.tracking import writing
from alignfreeze.tracking.runs import end_dead_runs, tracked_run
from alignfreeze.tracking.talking import StoreAwayError, asking
from alignfreeze.tracking.writing import WRITER


@pytest.fixture(autouse=True)
def impatient(tmp_path, monkeypatch):
    """Whoever was asked to end waits no more; who was not would wait for good."""
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(writing, "LAST_SECONDS", 0)
    return tmp_path / "cache"


def journal_of(cache) -> dict[str, object]:
    """The last value of each kind of write."""
    (file,) = cache.glob("unlogged/*/writes.jsonl")
    writes = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return {write["kind"]: write["values"] for write in writes}


def test_a_signal_counts_until_the_outermost_block_ends():
    said = []

    def block() -> None:
        with signals_as_exceptions("go on"):
            try:
                with deferred_signals():
                    said.append(asked_to_end())
                    os.kill(os.getpid(), signal.SIGTERM)
                    said.append(asked_to_end())
            finally:
                said.append(asked_to_end())

    with pytest.raises(Interrupted):
        block()
    assert [*said, asked_to_end()] == [False, True, True, False]


def test_a_signal_that_is_deferred_ends_the_wait_for_a_store(road, impatient):
    def train() -> None:
        with (
            signals_as_exceptions("go on"),
            tracked_run("run") as run,
            deferred_signals() as received,
        ):
            road.closed_for = math.inf
            os.kill(os.getpid(), signal.SIGTERM)
            run.tags({"model": "demo"})
            assert WRITER.journal is not None
            assert received == [signal.SIGTERM]

    with pytest.raises(Interrupted):
        train()
    assert road.attempts <= 2
    assert journal_of(impatient)["end"]["status"] == "KILLED"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_neither_a_log_nor_dead_runs_are_waited_for_after_a_signal(road, impatient, number):
    def run_it() -> None:
        with signals_as_exceptions("go on"), tracked_run("run"):
            logging.getLogger("alignfreeze").warning("something was said")
            road.closed_for = math.inf
            try:
                os.kill(os.getpid(), number)
            finally:
                end_dead_runs()

    with pytest.raises(Interrupted):
        run_it()
    found = journal_of(impatient)
    assert "something was said" in found["text"]["content"]
    assert found["end"]["status"] == "KILLED"
    assert "interrupted by" in found["tags"]["alignfreeze.error"]


@pytest.mark.parametrize(("error", "status"), [(Interrupted("now"), "KILLED"), (OSError, "FAILED")])
@pytest.mark.parametrize("nested", [False, True])
def test_a_run_that_was_only_just_opened_is_ended_too(
    experiment, monkeypatch, error, status, nested
):
    opened = []
    whole = mlflow.start_run

    def start(*args, **options):
        started = whole(*args, **options)
        opened.append(started.info.run_id)
        if options["nested"] == nested:
            raise error
        return started

    def run_it() -> None:
        with tracked_run("outer"), tracked_run("inner", nested=True):
            pytest.fail("it was opened")

    monkeypatch.setattr(mlflow, "start_run", start)
    with pytest.raises(BaseException) as caught:  # noqa: PT011  either of them, as a line below
        run_it()
    monkeypatch.undo()
    assert type(caught.value).__name__ in ("Interrupted", "TrackingError")
    assert {mlflow.get_run(run_id).info.status for run_id in opened} == {status}
    assert mlflow.active_run() is None  # MLflow would end it at exit, as FINISHED


def test_what_has_ended_a_run_is_not_taken_for_the_stores_own(experiment, monkeypatch):
    def refuse(*args: object, **options: object) -> None:
        raise MlflowException("no more tags")

    def fail() -> None:
        with tracked_run("run"):
            monkeypatch.setattr("mlflow.tracking.MlflowClient.log_batch", refuse)
            raise DataError("the cause: Connection refused")

    with pytest.raises(DataError, match="cause") as caught:
        fail()
    (note,) = caught.value.__notes__
    assert note.endswith(": MlflowException: no more tags")


def test_an_encoder_is_not_said_to_be_none_while_the_store_is_away(road, impatient, tmp_path):
    def find() -> None:
        with tracked_run("run") as run:
            run.waits(0)
            road.closed_for = math.inf
            find_encoder("0" * 32, tmp_path)

    with pytest.raises(StoreAwayError, match=r"cannot be used: nothing listens there"):
        find()
    assert "nothing listens there" in journal_of(impatient)["tags"]["alignfreeze.error"]


def test_an_answer_of_a_proxy_may_pass(road):
    """Such as that of a server of artifacts that starts again."""
    for said in ("502 Server Error: Bad Gateway for url: x", "429 Client Error: Too Many for url"):
        with pytest.raises(StoreAwayError, match="answers with error"), asking("take artifacts"):
            raise OSError(said)
