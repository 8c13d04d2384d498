"""What all launchers do: real processes, real jobs of submitit on this machine, a real Ray."""

import os
import sys
from functools import partial

import psutil
import pytest

from alignfreeze.credentials import STORAGE_VARIABLE
from alignfreeze.errors import ConfigError
from alignfreeze.workers import launchers
from alignfreeze.workers.coordinator import LAUNCHERS
from alignfreeze.workers.launchers import available_cores, machine_settings

PASSWORD = "hunter2"
"""In the storage of each worker's command."""

PATIENCE = 600.0
"""Seconds after which something hangs."""


@pytest.fixture(params=["local", "submitit", "ray"])
def launch(request, launch_by):
    """The same by each of the launchers."""
    if request.param == "ray":
        request.getfixturevalue("ray_of_ours")
    args = {"cluster": "local"} if request.param == "submitit" else {}
    return partial(launch_by, request.param, args=args)


def test_workers_have_their_environment_and_end(
    launch, command, tmp_path, monkeypatch, said, wait_for
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(launchers, "available_cores", lambda: 7)
    log = tmp_path / "logs" / "worker-0.log"
    log.parent.mkdir()
    log.write_text("an old mistake\n")
    launcher = launch("working", 2, COLOUR="blue")
    wait_for(lambda: launcher.running() == 0)
    assert launcher.problems() == []
    for about in said():
        assert about["arguments"] == ["search-worker", "--study=a study"]
        environment = about["environment"]
        assert environment["COLOUR"] == "blue"
        assert environment[STORAGE_VARIABLE] == command("working").storage
        # Of this machine, or what Ray gives a task of one core.
        assert environment["OMP_NUM_THREADS"] in ("3", "1")
    for worker in (0, 1):
        assert log.with_name(f"worker-{worker}.log").read_text() == "I am here\n"


def test_a_worker_that_fails_is_a_problem_with_its_last_line(launch, tmp_path, wait_for):
    launcher = launch("failing")
    wait_for(lambda: launcher.running() == 0)
    log = tmp_path / "logs" / "worker-0.log"
    told = [f"worker 0 exited with 3: Study 'x' is not there (log: {log})"]
    assert launcher.problems() == told
    launcher.stop(PATIENCE)
    assert launcher.problems() == told


def test_workers_that_are_stopped_save_first_and_show_no_password(launch, folder, said, wait_for):
    launcher = launch("waiting")
    wait_for(lambda: len(said()) == 1)
    assert launcher.running() == 1
    every = " ".join(
        argument
        for process in psutil.process_iter(["cmdline"])
        for argument in process.info["cmdline"] or ()
    )
    assert "--study=a study" in every
    assert PASSWORD not in every
    launcher.stop(PATIENCE)
    assert launcher.running() == 0
    assert len(list(folder.glob("saved-*"))) == 1
    assert not (folder / "twice").exists()
    assert launcher.problems() == []
    launcher.stop(PATIENCE)


def test_workers_that_do_not_stop_are_killed_with_all_that_they_started(
    launch, caplog, said, wait_for, is_running
):
    launcher = launch("stubborn", 2)
    wait_for(lambda: len(said()) == 2)
    launcher.stop(0.5)
    assert "killed 2 workers that had not ended in 0.5 s" in caplog.text
    assert launcher.running() == 0
    processes = [pid for about in said() for pid in (about["pid"], *about["children"])]
    wait_for(lambda: not any(map(is_running, processes)))
    lines = launcher.problems()
    assert [line[: len("worker 0")] for line in lines] == ["worker 0", "worker 1"]
    assert all("I am here" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("ray", {"gpus": 1}, "launcher 'ray' has no argument 'gpus'; it has address, num_cpus"),
        (
            "ray",
            {"num_gpus": 1.5},
            "num_gpus must be a fraction below 1 or a whole number, got 1.5",
        ),
        ("ray", {"num_cpus": "many"}, "num_cpus must be a fraction below 1 or a whole number, got"),
        ("submitit", {"cluster": "moon"}, "cluster must be slurm or local, got 'moon'"),
        ("submitit", {"nodes": 2}, "has no argument 'nodes'; it has cluster, cpus_per_task"),
        ("submitit", {}, "launcher 'submitit' needs timeout_min, the minutes that a job may take"),
        (
            "submitit",
            {"cluster": "local", "slurm_colour": "blue"},
            "launcher 'submitit': Unknown argument 'colour' for executor 'slurm'",
        ),
        (
            "submitit",
            {"cluster": "local", "timeout_min": "soon"},
            "launcher 'submitit': Parameter \"timeout_min\" expected type",
        ),
    ],
)
def test_a_wrong_setting_is_named(name, args, message, command, tmp_path):
    if name in ("submitit", "ray"):
        pytest.importorskip(name)
    with pytest.raises(ConfigError, match=message) as raised:
        LAUNCHERS[name](command("working"), 1, tmp_path, args)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["submitit", "ray"])
def test_a_launcher_that_is_not_installed_says_how(name, command, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    message = rf"launcher '{name}' needs {name}: pip install 'alignfreeze\[{name}\]'"
    with pytest.raises(ConfigError, match=message):
        LAUNCHERS[name](command("working"), 1, tmp_path, {})


@pytest.mark.parametrize(
    ("set_before", "threads"),
    [
        ({}, {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4"}),
        ({"MKL_NUM_THREADS": "3"}, {"OMP_NUM_THREADS": "4"}),
        ({"OMP_NUM_THREADS": "3"}, {}),
    ],
)
def test_this_machine_is_divided(set_before, threads, monkeypatch, caplog):
    monkeypatch.setattr(launchers, "visible_gpus", lambda: ["4", "6", "7"])
    monkeypatch.setattr(launchers, "available_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    settings = machine_settings(2, set_before)
    gpus = [{"CUDA_VISIBLE_DEVICES": "4"}, {"CUDA_VISIBLE_DEVICES": "6"}]
    assert settings == [threads | gpu for gpu in gpus]
    assert "1 of 3 GPUs stay idle, since a worker uses one: workers=3" in caplog.text


def test_workers_share_what_is_scarce(monkeypatch):
    monkeypatch.setattr(launchers, "visible_gpus", lambda: ["a", "b"])
    monkeypatch.setattr(launchers, "available_cores", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    settings = machine_settings(5, {})
    assert [own["CUDA_VISIBLE_DEVICES"] for own in settings] == ["a", "b", "a", "b", "a"]
    assert {own["OMP_NUM_THREADS"] for own in settings} == {"1"}


@pytest.mark.parametrize(
    ("listed", "count", "names"),
    [
        (None, 0, []),
        (None, 3, ["0", "1", "2"]),
        ("-1", 0, []),
        ("5, GPU-8932f937", 2, ["5", "GPU-8932f937"]),
        ("0,-1,1", 1, ["0"]),
    ],
)
def test_gpus_that_may_be_used(listed, count, names, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    if listed is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert launchers.visible_gpus() == names
    if not names:
        assert "CUDA_VISIBLE_DEVICES" not in machine_settings(1, {})[0]


def test_there_are_cores():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
