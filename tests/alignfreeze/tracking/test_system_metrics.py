"""Load and memory of the machine, while a run is open and no longer."""

import threading

import mlflow
import pytest

from alignfreeze.tracking import system_metrics
from alignfreeze.tracking.runs import BATCH_METRICS, tracked_run
from alignfreeze.tracking.writing import WRITER

pytestmark = pytest.mark.usefixtures("experiment")

LOAD = "system/cpu_utilization_percentage"


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.02")


def threads():
    return [one for one in threading.enumerate() if one.name.startswith(("system", "System"))]


def until_measured(run, points=2):
    """Wait for so many measurements, which stay to be written."""
    found, wait = [], threading.Event()
    while len([point for point in found if point[0] == LOAD]) < points:
        wait.wait(0.01)
        found += run._system.fetched()
    run._metrics += found


def history(run):
    return mlflow.MlflowClient().get_metric_history(run.run_id, LOAD)


def test_they_are_logged_if_asked_for():
    with tracked_run("one") as run:
        run.measures_system(True)
        until_measured(run)
    assert [point.step for point in history(run)][:2] == [0, 1]
    assert threads() == []


@pytest.mark.parametrize(("text", "measured"), [("true", True), ("false", False), ("", False)])
def test_they_are_off_unless_mlflows_variable_asks_for_them(monkeypatch, text, measured):
    monkeypatch.setenv(system_metrics.VARIABLE, text)
    with tracked_run("one") as run:
        run.measures_system(False)
        assert bool(threads()) == measured
        assert (run._system is not None) == measured
    assert threads() == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_they_end_with_the_run_however_that_ends(error):
    opened = []

    def ended():
        with tracked_run("one") as run:
            opened.append(run)
            run.measures_system(True)
            until_measured(run)
            raise error

    with pytest.raises(error):
        ended()
    (run,) = opened
    assert threads() == []
    assert history(run)


def test_a_store_that_goes_away_does_not_end_them(monkeypatch, tmp_path):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path))
    with tracked_run("one") as run:
        run.measures_system(True)
        writes = []
        monkeypatch.setattr(WRITER, "write", lambda write, *rest: writes.append(write))
        until_measured(run)
        run.flush()
        assert threads()
    assert {name for name, *_ in writes[0].values["metrics"]} >= {LOAD}
    assert threads() == []


def test_what_cannot_be_measured_is_told_and_fails_nothing(monkeypatch, caplog):
    def broken(run_id):
        raise RuntimeError("no sensors")

    monkeypatch.setattr(system_metrics, "Monitor", broken)
    with tracked_run("one") as run:
        run.measures_system(True)
        run._system._thread.join()
    assert "system metrics are not measured any more: RuntimeError: no sensors" in caplog.text
    assert mlflow.get_run(run.run_id).info.status == "FINISHED"


def test_many_metrics_are_written_in_batches_that_mlflow_takes():
    with tracked_run("one") as run:
        points = [("system/x", float(n), 0, n) for n in range(2 * BATCH_METRICS + 1)]
        run._metrics += points
        run.flush()
    assert mlflow.get_run(run.run_id).data.metrics["system/x"] == 2.0 * BATCH_METRICS
