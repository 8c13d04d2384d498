"""A real Ray, and what it is asked for."""

import signal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.errors import ConfigError
from alignfreeze.workers import launchers
from alignfreeze.workers.coordinator import LAUNCHERS
from alignfreeze.workers.ray_tasks import node_share

PATIENCE = 600.0
"""Seconds after which something hangs."""


@pytest.mark.usefixtures("ray_of_ours")
def test_workers_that_have_to_wait_are_told_of_and_stopped_too(launch_by, caplog, said, wait_for):
    launcher = launch_by("ray", "waiting", 2, args={"num_cpus": 2})
    assert "1 of 2 workers wait: each takes 2 cores and 0 GPUs" in caplog.text
    wait_for(lambda: said())
    assert launcher.running() == 2
    launcher.stop(PATIENCE)
    assert len(said()) == 1
    assert launcher.problems() == []


def test_a_search_starts_and_ends_a_ray_of_its_own(launch_by, ray_of_ours, monkeypatch, wait_for):
    asked = {}

    def init(**options):
        asked.update(options)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    monkeypatch.setattr(ray_of_ours, "is_initialized", lambda: bool(asked))
    monkeypatch.setattr(ray_of_ours, "init", init)
    monkeypatch.setattr(ray_of_ours, "shutdown", asked.clear)
    handler = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        before = signal.getsignal(signal.SIGTERM)
        launcher = launch_by("ray", "working", args={"address": "auto"})
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert asked["address"] == "auto"
    wait_for(lambda: launcher.running() == 0)
    launcher.stop(PATIENCE)
    assert not asked  # shut down


def test_a_ray_that_is_not_there_is_one_line(launch_by, ray_of_ours, monkeypatch):
    def init(**options):
        raise ConnectionError("no cluster\nat all")

    monkeypatch.setattr(ray_of_ours, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_of_ours, "init", init)
    with pytest.raises(ConfigError, match="launcher 'ray': no cluster at all"):
        launch_by("ray", "working")


def test_a_task_that_is_lost_or_does_not_end_is_told_of(command, tmp_path, monkeypatch):
    """With a Ray whose tasks end as they are told to."""
    monkeypatch.setattr(launchers, "LAST_PATIENCE", 0.1)
    exceptions = pytest.importorskip("ray").exceptions
    launcher = LAUNCHERS["ray"](command("x"), 3, tmp_path, {})
    forced = set()

    def get(task):
        raise exceptions.TaskCancelledError() if task == 1 else exceptions.RayError("node\ndied")

    def wait(tasks, timeout):
        return ([task for task in tasks if task == 0 or (task == 1 and task in forced)], [])

    def cancel(task, *, force):
        forced.update({task} if force else ())

    launcher._ray = SimpleNamespace(exceptions=exceptions, get=get, wait=wait, cancel=cancel)
    launcher._jobs = {0: 0, 1: 1, 2: 2}
    launcher.stop(0.0)
    assert launcher.problems() == [
        "worker 0 is lost: node died",
        "worker 1 may still run: its task of Ray was cancelled by force",
        "worker 2 could not be ended",
    ]


@pytest.mark.parametrize(
    ("nodes", "workers", "cpus", "gpus"),
    [
        ([(2, 0)], 2, 1.0, 0.0),
        ([(2, 0)], 3, 0.6666, 0.0),
        ([(16, 4)], 2, 8.0, 1.0),
        ([(16, 2)], 4, 4.0, 0.5),
        ([(16, 3)], 4, 4.0, 0.5),  # A share of 3/4 would leave no room for the fourth.
        ([(5, 0), (3, 0)], 2, 3.0, 0.0),
        ([(4, 4), (60, 0)], 4, 1.0, 1.0),
        ([(0, 0)], 2, 0.0, 0.0),
    ],
)
def test_a_cluster_is_divided(nodes, workers, cpus, gpus):
    assert node_share(nodes, workers) == {"num_cpus": cpus, "num_gpus": gpus}


NODES = st.lists(st.tuples(st.integers(1, 64), st.integers(0, 8)), min_size=1, max_size=5)


@given(NODES, st.integers(1, 20))
def test_all_workers_find_room_in_a_cluster(nodes, workers):
    share = node_share(nodes, workers)
    room = 0
    for cpus, gpus in nodes:
        by_core = int(cpus / share["num_cpus"] + 1e-9)
        one = share["num_gpus"]
        room += min(by_core, gpus * int(1 / one + 1e-9)) if one else by_core
    assert room >= workers
