"""Real jobs of submitit on this machine, and of as much of SLURM as it asks for."""

import os
import signal
import sys

import psutil
import pytest

from alignfreeze.credentials import STORAGE_VARIABLE
from alignfreeze.errors import ConfigError
from alignfreeze.workers.command import Ending
from alignfreeze.workers.coordinator import LAUNCHERS
from alignfreeze.workers.submitit_jobs import SubmittedWorker

PASSWORD = "hunter2"
"""In the storage of each worker's command."""

PATIENCE = 600.0
"""Seconds after which something hangs."""

SLURM = f"""#!{sys.executable}
import os, re, shlex, sys, time
import psutil

program = os.path.basename(sys.argv[0])
if program == "sbatch":
    script = open(sys.argv[-1]).read()
    line = re.search("^srun --unbuffered --output (.*)", script, re.MULTILINE)[1]
    output, error_option, error, *command = shlex.split(line)
    job = os.fork()
    if job:
        print(f"Submitted batch job {{job}}")
        sys.exit()
    os.setsid()
    os.environ.update(SUBMITIT_EXECUTOR="slurm", SLURM_JOB_ID=str(os.getpid()))
    os.environ.update(SLURM_PROCID="0", SLURM_CPUS_PER_TASK="3")
    for number, name in enumerate((os.devnull, output, error)):
        path = name.replace("%j", str(os.getpid())).replace("%t", "0")
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    os.execv(command[0], command)
if program == "scancel":
    job = psutil.Process(int(sys.argv[1]))
    for process in (*job.children(recursive=True), job):
        process.terminate()
        time.sleep(0.1)
if program == "sacct":
    print("JobID|State|NodeList")
    for job in sys.argv[sys.argv.index("-j") + 1 :: 2]:
        try:
            ended = psutil.Process(int(job)).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            ended = True
        print(f"{{job}}|{{'COMPLETED' if ended else 'RUNNING'}}|here")
"""
"""As much of SLURM as submitit asks for. Like the real one it signals each process of a job."""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A cluster of this machine alone."""
    pytest.importorskip("submitit")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sbatch", "srun", "scancel", "sacct"):
        (programs / name).write_text(SLURM)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_the_password_is_in_no_representation_and_no_readable_folder(command, tmp_path):
    pytest.importorskip("submitit")
    assert PASSWORD not in repr(command("working", TOKEN=PASSWORD))
    LAUNCHERS["submitit"](command("working"), 1, tmp_path / "logs", {"cluster": "local"})
    assert (tmp_path / "logs" / "jobs").stat().st_mode & 0o077 == 0


def test_ctrl_c_does_not_reach_a_worker(launch_by, folder, said, wait_for):
    launcher = launch_by("submitit", "waiting", args={"cluster": "local"})
    wait_for(lambda: said())
    (worker,) = said()
    # A session of its own, as a local worker has, and its parents take no notice.
    assert os.getsid(worker["pid"]) == worker["pid"]
    for process in psutil.Process(worker["pid"]).parents()[:2]:
        assert process.pid != os.getpid()
        process.send_signal(signal.SIGINT)
    assert launcher.running() == 1
    launcher.stop(PATIENCE)
    assert launcher.problems() == []
    assert len(list(folder.glob("saved-*"))) == 1


@pytest.mark.usefixtures("slurm")
def test_a_job_of_slurm_that_is_cancelled_saves_and_is_signalled_once(
    launch_by, command, folder, said, wait_for
):
    args = {"timeout_min": 60, "slurm_partition": "night"}
    launcher = launch_by("submitit", "waiting", args=args)
    wait_for(lambda: said())
    assert launcher.running() == 1
    environment = said()[0]["environment"]
    assert environment[STORAGE_VARIABLE] == command("waiting").storage
    assert environment["OMP_NUM_THREADS"] == "3"
    launcher.stop(PATIENCE)
    assert launcher.running() == 0
    assert launcher.problems() == []
    assert len(list(folder.glob("saved-*"))) == 1
    assert not (folder / "twice").exists()


@pytest.mark.usefixtures("slurm")
def test_a_job_of_slurm_that_dies_is_a_problem(launch_by, said, wait_for):
    launcher = launch_by("submitit", "stubborn", args={"timeout_min": 60})
    wait_for(lambda: said())
    os.killpg(os.getpgid(said()[0]["pid"]), signal.SIGKILL)
    wait_for(lambda: launcher.running() == 0)
    (line,) = launcher.problems()
    assert line.startswith("worker 0: job ")
    assert "ended in state COMPLETED: I am here" in line


def test_a_preempted_job_gives_its_trial_back_and_is_submitted_again(
    command, folder, tmp_path, said, wait_for
):
    submitit = pytest.importorskip("submitit")
    executor = submitit.LocalExecutor(tmp_path / "jobs")
    executor.update_parameters(timeout_min=60)
    log = tmp_path / "worker.log"
    job = executor.submit(SubmittedWorker(command("waiting"), log, {}))
    wait_for(lambda: len(said()) == 1)
    controller = psutil.Process(int(job.job_id))
    (task,) = controller.children()
    os.kill(said()[0]["pid"], signal.SIGUSR2)  # SLURM sends it to all processes of a job.
    task.send_signal(signal.SIGUSR2)
    wait_for(lambda: len(said()) == 2)
    assert len(list(folder.glob("saved-*"))) == 1
    controller.send_signal(signal.SIGTERM)
    wait_for(job.done)
    assert len(list(folder.glob("saved-*"))) == 2
    assert job.result() == Ending(code=143, said="I am here")


def test_slurm_has_to_be_there(launch_by, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="launcher 'submitit': Could not detect \"srun\""):
        launch_by("submitit", "working", args={"timeout_min": 9})
