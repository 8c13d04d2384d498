"""What a run has logged is an artifact of it, however it ends."""

import logging

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from alignfreeze.errors import Interrupted
from alignfreeze.tracking import logs
from alignfreeze.tracking.logs import LOG_FILE, kept_log
from alignfreeze.tracking.runs import TrackedRun, tracked_run

logger = logging.getLogger("alignfreeze.tests")
URL = "postgresql://u:secret@h/db"


def log_of(run: TrackedRun, name: str = LOG_FILE) -> str:
    return mlflow.artifacts.load_text(f"runs:/{run.run_id}/{name}")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "FINISHED"),
        (ValueError(f"no {URL}"), "FAILED"),
        (Interrupted("a signal"), "KILLED"),
    ],
)
def test_the_outermost_run_keeps_its_log(experiment, error, status):
    found = []

    def fail() -> None:
        with tracked_run("outer") as run, tracked_run("inner", nested=True) as inner:
            found.extend([run, inner])
            logger.warning("all of %s\nis said", URL)
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            fail()
    else:
        fail()
    run, inner = found
    text = log_of(run)
    assert mlflow.get_run(run.run_id).info.status == status
    assert "WARNING alignfreeze.tests: all of postgresql://u:***@h/db\nis said\n" in text
    assert "secret" not in text
    assert ("Traceback (most recent call last)" in text) == (error is not None)
    assert (f"{type(error).__name__}: " in text) == (error is not None)
    assert MlflowClient().list_artifacts(inner.run_id) == []


def test_a_run_that_is_gone_on_with_keeps_both_logs(experiment):
    with tracked_run("first") as run:
        logger.warning("one")
    with tracked_run("first", again=run.run_id):
        logger.warning("two")
    first, second = (file.path for file in MlflowClient().list_artifacts(run.run_id))
    assert {first[:12], second[:12]} == {"alignfreeze-", LOG_FILE[:12]}
    assert "two" in log_of(run, first)
    assert "one" in log_of(run, second)


def test_nothing_logged_is_no_artifact_and_nothing_stays_behind():
    before = logging.getLogger().handlers
    written = []
    with kept_log(lambda *given: written.append(given)):
        pass
    assert written == []
    assert logging.getLogger().handlers == before


def test_a_log_has_an_end(monkeypatch):
    monkeypatch.setattr(logs, "MOST_CHARACTERS", 2000)
    written = []
    with kept_log(lambda text, name: written.append((text, name))):
        for number in range(1000):
            logger.warning("line %d", number)
        logger.warning("x" * 10**6)
    ((text, name),) = written
    assert name == LOG_FILE
    assert len(text) < 3500
    assert "line 0\n" in text
    assert "entries left out" in text
    assert text.endswith("…\n")


def test_a_log_that_cannot_be_kept_is_no_failure(caplog):
    def full(text: str, name: str) -> None:
        raise OSError(28, "No space left on device")

    with kept_log(full):
        logger.warning("one")
    assert "the run's log cannot be kept: OSError: [Errno 28]" in caplog.text

    def fail() -> None:
        with kept_log(full):
            raise KeyError("the reason")

    with pytest.raises(KeyError, match="the reason"):
        fail()
