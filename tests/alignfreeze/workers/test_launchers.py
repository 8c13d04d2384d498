"""Real processes, real jobs of submitit on this machine, and a real Ray."""

import json
import os
import signal
import sys
from functools import partial
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.errors import ConfigError
from alignfreeze.workers import launchers
from alignfreeze.workers.command import STORAGE_VARIABLE, Ending, WorkerCommand, wait_until
from alignfreeze.workers.coordinator import LAUNCHERS
from alignfreeze.workers.launchers import available_cores, machine_settings
from alignfreeze.workers.ray_tasks import node_share
from alignfreeze.workers.submitit_jobs import SubmittedWorker

PASSWORD = "hunter2"
STORAGE = f"postgresql+psycopg://me:{PASSWORD}@server/studies"
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

SCRIPT = """
import json, os, signal, subprocess, sys, time
from pathlib import Path

folder = Path(os.environ["FOLDER"])
kind = os.environ["KIND"]
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])

def asked(number, frame):
    if kind == "stubborn":
        return
    if folder.joinpath("asked").exists():
        folder.joinpath("twice").touch()
    folder.joinpath("asked").touch()
    time.sleep(0.3)
    folder.joinpath(f"saved-{os.getpid()}").touch()
    grandchild.kill()
    sys.exit(143)

signal.signal(signal.SIGTERM, asked)
print("I am here", flush=True)
about = {"pid": os.getpid(), "children": [grandchild.pid], "arguments": sys.argv[1:]}
about["environment"] = dict(os.environ)
written = folder / f"{os.getpid()}.tmp"
written.write_text(json.dumps(about))
written.rename(folder / f"{os.getpid()}.json")
if kind == "failing":
    grandchild.kill()
    print("Study 'x' is not there\\n\\n", file=sys.stderr)
    sys.exit(3)
if kind == "working":
    grandchild.kill()
    sys.exit(0)
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def folder(tmp_path):
    """Where workers say who they are. None of them, and of theirs, is left after a test."""
    path = tmp_path / "workers"
    path.mkdir()
    yield path
    left = [pid for about in said(path) for pid in (about["pid"], *about["children"])]
    alive = [pid for pid in left if is_running(pid)]
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    assert not alive


@pytest.fixture
def command(tmp_path, folder):
    """Makes the command of a worker that behaves in a certain way."""
    script = tmp_path / "worker.py"
    script.write_text(SCRIPT)

    def make(kind, **environment):
        return WorkerCommand(
            study="a study",
            storage=STORAGE,
            environment={"FOLDER": str(folder), "KIND": kind, **environment},
            program=(sys.executable, str(script)),
        )

    return make


@pytest.fixture(scope="module")
def ray_of_ours():
    """A Ray of two cores that was there before the search."""
    ray = pytest.importorskip("ray")
    handler = signal.getsignal(signal.SIGTERM)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def launch_by(command, tmp_path):
    """Starts workers of a kind by a launcher, and stops them in any case."""
    started = []

    def start(name, kind, workers=1, *, args=None, **environment):
        if name != "local":
            pytest.importorskip(name)
        logs = tmp_path / "logs"
        launcher = LAUNCHERS[name](command(kind, **environment), workers, logs, args or {})
        started.append(launcher)
        launcher.start()
        return launcher

    yield start
    for launcher in started:
        launcher.stop(0.0)


@pytest.fixture(params=["local", "submitit", "ray"])
def launch(request, launch_by):
    """The same by each of the launchers."""
    if request.param == "ray":
        request.getfixturevalue("ray_of_ours")
    args = {"cluster": "local"} if request.param == "submitit" else {}
    return partial(launch_by, request.param, args=args)


def said(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition):
    """Waits for what is bound to come."""
    if not wait_until(condition, PATIENCE, 0.05):
        pytest.fail("it did not come")


def test_workers_have_their_environment_and_end(launch, folder, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(launchers, "available_cores", lambda: 7)
    log = tmp_path / "logs" / "worker-0.log"
    log.parent.mkdir()
    log.write_text("an old mistake\n")
    launcher = launch("working", 2, COLOUR="blue")
    wait_for(lambda: launcher.running() == 0)
    assert launcher.problems() == []
    for about in said(folder):
        assert about["arguments"] == ["search-worker", "--study=a study"]
        environment = about["environment"]
        assert environment["COLOUR"] == "blue"
        assert environment[STORAGE_VARIABLE] == STORAGE
        # Of this machine, or what Ray gives a task of one core.
        assert environment["OMP_NUM_THREADS"] in ("3", "1")
    for worker in (0, 1):
        assert log.with_name(f"worker-{worker}.log").read_text() == "I am here\n"


def test_a_worker_that_fails_is_a_problem_with_its_last_line(launch, tmp_path):
    launcher = launch("failing")
    wait_for(lambda: launcher.running() == 0)
    log = tmp_path / "logs" / "worker-0.log"
    told = [f"worker 0 exited with 3: Study 'x' is not there (log: {log})"]
    assert launcher.problems() == told
    launcher.stop(PATIENCE)
    assert launcher.problems() == told


def test_workers_that_are_stopped_save_first_and_show_no_password(launch, folder):
    launcher = launch("waiting")
    wait_for(lambda: len(said(folder)) == 1)
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


def test_workers_that_do_not_stop_are_killed_with_all_that_they_started(launch, folder, caplog):
    launcher = launch("stubborn", 2)
    wait_for(lambda: len(said(folder)) == 2)
    launcher.stop(0.5)
    assert "killed 2 workers that had not ended in 0.5 s" in caplog.text
    assert launcher.running() == 0
    processes = [pid for about in said(folder) for pid in (about["pid"], *about["children"])]
    wait_for(lambda: not any(map(is_running, processes)))
    lines = launcher.problems()
    assert [line[: len("worker 0")] for line in lines] == ["worker 0", "worker 1"]
    assert all("I am here" in line for line in lines)


def test_the_password_is_in_no_representation_and_no_readable_folder(command, tmp_path):
    pytest.importorskip("submitit")
    assert PASSWORD not in repr(command("working", TOKEN=PASSWORD))
    LAUNCHERS["submitit"](command("working"), 1, tmp_path / "logs", {"cluster": "local"})
    assert (tmp_path / "logs" / "jobs").stat().st_mode & 0o077 == 0


def test_ctrl_c_does_not_reach_a_worker(launch_by, folder):
    launcher = launch_by("submitit", "waiting", args={"cluster": "local"})
    wait_for(lambda: said(folder))
    (worker,) = said(folder)
    # A session of its own, as a local worker has, and its parents take no notice.
    assert os.getsid(worker["pid"]) == worker["pid"]
    for process in psutil.Process(worker["pid"]).parents()[:2]:
        assert process.pid != os.getpid()
        process.send_signal(signal.SIGINT)
    assert launcher.running() == 1
    launcher.stop(PATIENCE)
    assert launcher.problems() == []
    assert len(list(folder.glob("saved-*"))) == 1


@pytest.mark.usefixtures("ray_of_ours")
def test_workers_that_have_to_wait_are_told_of_and_stopped_too(launch_by, folder, caplog):
    launcher = launch_by("ray", "waiting", 2, args={"num_cpus": 2})
    assert "1 of 2 workers wait: each takes 2 cores and 0 GPUs" in caplog.text
    wait_for(lambda: said(folder))
    assert launcher.running() == 2
    launcher.stop(PATIENCE)
    assert len(said(folder)) == 1
    assert launcher.problems() == []


def test_a_search_starts_and_ends_a_ray_of_its_own(launch_by, ray_of_ours, monkeypatch):
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


@pytest.mark.usefixtures("slurm")
def test_a_job_of_slurm_that_is_cancelled_saves_and_is_signalled_once(launch_by, folder):
    args = {"timeout_min": 60, "slurm_partition": "night"}
    launcher = launch_by("submitit", "waiting", args=args)
    wait_for(lambda: said(folder))
    assert launcher.running() == 1
    environment = said(folder)[0]["environment"]
    assert environment[STORAGE_VARIABLE] == STORAGE
    assert environment["OMP_NUM_THREADS"] == "3"
    launcher.stop(PATIENCE)
    assert launcher.running() == 0
    assert launcher.problems() == []
    assert len(list(folder.glob("saved-*"))) == 1
    assert not (folder / "twice").exists()


@pytest.mark.usefixtures("slurm")
def test_a_job_of_slurm_that_dies_is_a_problem(launch_by, folder):
    launcher = launch_by("submitit", "stubborn", args={"timeout_min": 60})
    wait_for(lambda: said(folder))
    os.killpg(os.getpgid(said(folder)[0]["pid"]), signal.SIGKILL)
    wait_for(lambda: launcher.running() == 0)
    (line,) = launcher.problems()
    assert line.startswith("worker 0: job ")
    assert "ended in state COMPLETED: I am here" in line


def test_a_preempted_job_gives_its_trial_back_and_is_submitted_again(command, folder, tmp_path):
    submitit = pytest.importorskip("submitit")
    executor = submitit.LocalExecutor(tmp_path / "jobs")
    executor.update_parameters(timeout_min=60)
    log = tmp_path / "worker.log"
    job = executor.submit(SubmittedWorker(command("waiting"), log, {}))
    wait_for(lambda: len(said(folder)) == 1)
    controller = psutil.Process(int(job.job_id))
    (task,) = controller.children()
    os.kill(said(folder)[0]["pid"], signal.SIGUSR2)  # SLURM sends it to all processes of a job.
    task.send_signal(signal.SIGUSR2)
    wait_for(lambda: len(said(folder)) == 2)
    assert len(list(folder.glob("saved-*"))) == 1
    controller.send_signal(signal.SIGTERM)
    wait_for(job.done)
    assert len(list(folder.glob("saved-*"))) == 2
    assert job.result() == Ending(code=143, said="I am here")


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


def test_slurm_has_to_be_there(launch_by, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="launcher 'submitit': Could not detect \"srun\""):
        launch_by("submitit", "working", args={"timeout_min": 9})


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
