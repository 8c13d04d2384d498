"""Real processes, real jobs of submitit on this machine, and a real Ray."""

import json
import os
import signal
import sys

import psutil
import pytest

from alignfreeze.errors import ConfigError
from alignfreeze.workers import shares
from alignfreeze.workers.command import (
    STORAGE_VARIABLE,
    Ending,
    WorkerCommand,
    last_line,
    wait_until,
)
from alignfreeze.workers.launchers import make_launcher
from alignfreeze.workers.shares import (
    available_cores,
    cluster_shares,
    gpu_names,
    gpu_settings,
    machine_settings,
    places,
    thread_settings,
)
from alignfreeze.workers.slurm import SubmittedWorker

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


@pytest.fixture(params=["local", "submitit", "ray"])
def launch(request, command, tmp_path):
    """Starts workers of a kind by each of the launchers, and stops them in any case."""
    args = {}
    if request.param == "submitit":
        pytest.importorskip("submitit")
        args = {"cluster": "local"}
    if request.param == "ray":
        request.getfixturevalue("ray_of_ours")
    started = []

    def start(kind, workers=2, **environment):
        launcher = make_launcher(
            request.param,
            workers=workers,
            command=command(kind, **environment),
            logs=tmp_path / "logs",
            args=args,
        )
        started.append(launcher)
        launcher.start()
        return launcher

    yield start
    for launcher in started:
        launcher.stop(0.0)


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


def test_workers_have_their_environment_and_end(launch, folder, tmp_path):
    launcher = launch("working", COLOUR="blue")
    wait_for(lambda: launcher.running() == 0)
    assert launcher.problems() == []
    first, second = said(folder)
    for about in (first, second):
        assert about["arguments"] == ["search-worker", "--study=a study"]
        environment = about["environment"]
        assert environment["COLOUR"] == "blue"
        assert environment[STORAGE_VARIABLE] == STORAGE
        assert int(environment["OMP_NUM_THREADS"]) >= 1
    for worker in (0, 1):
        assert (tmp_path / "logs" / f"worker-{worker}.log").read_text() == "I am here\n"


@pytest.mark.parametrize("launch", ["local", "submitit"], indirect=True)
def test_workers_of_one_machine_divide_its_cores(launch, folder, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(shares, "available_cores", lambda: 7)
    launcher = launch("working")
    wait_for(lambda: launcher.running() == 0)
    threads = [about["environment"]["OMP_NUM_THREADS"] for about in said(folder)]
    assert threads == ["3", "3"]


def test_a_worker_that_fails_is_a_problem_with_its_last_line(launch, tmp_path):
    launcher = launch("failing")
    wait_for(lambda: launcher.running() == 0)
    assert launcher.problems() == [
        f"worker {worker} exited with 3: Study 'x' is not there "
        f"(log: {tmp_path / 'logs' / f'worker-{worker}.log'})"
        for worker in (0, 1)
    ]
    launcher.stop(PATIENCE)
    assert len(launcher.problems()) == 2


def test_workers_that_are_stopped_save_first(launch, folder):
    launcher = launch("waiting", workers=1)
    wait_for(lambda: len(said(folder)) == 1)
    assert launcher.running() == 1
    launcher.stop(PATIENCE)
    assert launcher.running() == 0
    assert len(list(folder.glob("saved-*"))) == 1
    assert not (folder / "twice").exists()
    assert launcher.problems() == []
    launcher.stop(PATIENCE)


def test_workers_that_do_not_stop_are_killed_with_all_that_they_started(launch, folder):
    launcher = launch("stubborn")
    wait_for(lambda: len(said(folder)) == 2)
    launcher.stop(0.5)
    assert launcher.running() == 0
    processes = [pid for about in said(folder) for pid in (about["pid"], *about["children"])]
    wait_for(lambda: not any(map(is_running, processes)))
    lines = launcher.problems()
    assert [line[: len("worker 0")] for line in lines] == ["worker 0", "worker 1"]
    assert all("I am here" in line for line in lines)


def test_no_password_is_in_an_argument(launch, folder):
    launcher = launch("waiting")
    wait_for(lambda: len(said(folder)) == 2)
    every = " ".join(
        argument
        for process in psutil.process_iter(["cmdline"])
        for argument in process.info["cmdline"] or ()
    )
    assert "--study=a study" in every
    assert PASSWORD not in every
    launcher.stop(PATIENCE)


def test_the_password_is_in_no_representation_and_no_readable_folder(command, tmp_path):
    pytest.importorskip("submitit")
    assert PASSWORD not in repr(command("working", TOKEN=PASSWORD))
    make_launcher(
        "submitit",
        workers=1,
        command=command("working"),
        logs=tmp_path / "logs",
        args={"cluster": "local"},
    )
    assert (tmp_path / "logs" / "jobs").stat().st_mode & 0o077 == 0


def test_a_local_worker_is_beyond_the_reach_of_the_terminal(command, folder, tmp_path):
    launcher = make_launcher(
        "local", workers=1, command=command("waiting"), logs=tmp_path / "logs", args={}
    )
    try:
        launcher.start()
        wait_for(lambda: said(folder))
        assert os.getsid(said(folder)[0]["pid"]) != os.getsid(0)
    finally:
        launcher.stop(PATIENCE)


def test_ctrl_c_does_not_reach_a_job_on_this_machine(command, folder, tmp_path):
    pytest.importorskip("submitit")
    launcher = make_launcher(
        "submitit",
        workers=1,
        command=command("waiting"),
        logs=tmp_path / "logs",
        args={"cluster": "local"},
    )
    try:
        launcher.start()
        wait_for(lambda: said(folder))
        for process in psutil.Process(said(folder)[0]["pid"]).parents()[:2]:
            assert process.pid != os.getpid()
            process.send_signal(signal.SIGINT)
        assert launcher.running() == 1
    finally:
        launcher.stop(PATIENCE)
    assert launcher.problems() == []
    assert len(list(folder.glob("saved-*"))) == 1


def test_a_log_of_an_earlier_search_is_not_taken_for_this_one(command, tmp_path):
    log = tmp_path / "logs" / "worker-0.log"
    log.parent.mkdir()
    log.write_text("an old mistake\n")
    launcher = make_launcher(
        "local", workers=1, command=command("working"), logs=log.parent, args={}
    )
    launcher.start()
    wait_for(lambda: launcher.running() == 0)
    launcher.stop(PATIENCE)
    assert log.read_text() == "I am here\n"


def test_workers_that_have_to_wait_are_reported(command, folder, tmp_path, caplog, ray_of_ours):
    launcher = make_launcher(
        "ray", workers=2, command=command("waiting"), logs=tmp_path, args={"num_cpus": 2}
    )
    try:
        launcher.start()
        assert "1 of 2 workers wait: each takes 2 cores and 0 GPUs" in caplog.text
        wait_for(lambda: said(folder))
        assert launcher.running() == 2
    finally:
        launcher.stop(PATIENCE)
    assert len(said(folder)) == 1
    assert launcher.problems() == []


def test_a_search_starts_and_ends_a_ray_of_its_own(command, folder, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    if ray.is_initialized():
        ray.shutdown()
    handler = signal.getsignal(signal.SIGTERM)
    launcher = make_launcher(
        "ray", workers=3, command=command("waiting"), logs=tmp_path / "logs", args={}
    )
    try:
        launcher.start()
        wait_for(lambda: len(said(folder)) == 3)
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        launcher.stop(PATIENCE)
    assert not ray.is_initialized()
    assert launcher.running() == 0
    assert launcher.problems() == []
    assert len(list(folder.glob("saved-*"))) == 3


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
def test_a_job_of_slurm_that_is_cancelled_saves_and_is_signalled_once(command, folder, tmp_path):
    launcher = make_launcher(
        "submitit",
        workers=1,
        command=command("waiting"),
        logs=tmp_path / "logs",
        args={"timeout_min": 60, "slurm_partition": "night"},
    )
    try:
        launcher.start()
        wait_for(lambda: said(folder))
        assert launcher.running() == 1
        environment = said(folder)[0]["environment"]
        assert environment[STORAGE_VARIABLE] == STORAGE
        assert environment["OMP_NUM_THREADS"] == "3"
    finally:
        launcher.stop(PATIENCE)
    assert launcher.running() == 0
    assert launcher.problems() == []
    assert len(list(folder.glob("saved-*"))) == 1
    assert not (folder / "twice").exists()


@pytest.mark.usefixtures("slurm")
def test_a_job_of_slurm_that_dies_is_a_problem(command, folder, tmp_path):
    launcher = make_launcher(
        "submitit",
        workers=1,
        command=command("stubborn"),
        logs=tmp_path / "logs",
        args={"timeout_min": 60},
    )
    try:
        launcher.start()
        wait_for(lambda: said(folder))
        os.killpg(os.getpgid(said(folder)[0]["pid"]), signal.SIGKILL)
        wait_for(lambda: launcher.running() == 0)
        (line,) = launcher.problems()
    finally:
        launcher.stop(0.0)
    assert line.startswith("worker 0: job ")
    assert "ended in state COMPLETED: I am here" in line


def test_a_preempted_job_gives_its_trial_back_and_is_submitted_again(command, folder, tmp_path):
    submitit = pytest.importorskip("submitit")
    executor = submitit.LocalExecutor(tmp_path / "jobs")
    executor.update_parameters(timeout_min=60)
    log = tmp_path / "worker.log"
    job = executor.submit(SubmittedWorker(command("waiting"), 0, log, {}))
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
    assert job.result() == Ending(worker=0, code=143, said="I am here", log=str(log))


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("local", {"cluster": "x"}, "launcher 'local' takes no launcher_args, got 'cluster'"),
        ("slurm", {}, "launcher must be local, submitit or ray, got 'slurm'"),
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
        make_launcher(name, workers=1, command=command("working"), logs=tmp_path, args=args)
    assert "\n" not in str(raised.value)


def test_slurm_has_to_be_there(command, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="launcher 'submitit': Could not detect \"srun\""):
        make_launcher(
            "submitit",
            workers=1,
            command=command("working"),
            logs=tmp_path,
            args={"timeout_min": 9},
        )


@pytest.mark.parametrize("name", ["submitit", "ray"])
def test_a_launcher_that_is_not_installed_says_how(name, command, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    message = rf"launcher '{name}' needs {name}: pip install 'alignfreeze\[{name}\]'"
    with pytest.raises(ConfigError, match=message):
        make_launcher(name, workers=1, command=command("working"), logs=tmp_path, args={})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", "it said nothing"),
        (b"one\n two \n\n", "two"),
        (b"10%\r20%\r", "20%"),
        (b"bad \xff\n", "bad \ufffd"),
        (b"x" * 20_000 + b"\nend", "end"),
    ],
)
def test_the_last_line_of_a_log(text, line, tmp_path):
    log = tmp_path / "log"
    assert last_line(log) == "it has no log"
    log.write_bytes(text)
    assert last_line(log) == line


@pytest.mark.parametrize(
    ("code", "asked", "problem"),
    [
        (0, False, False),
        (1, False, True),
        (1, True, True),
        (143, False, True),
        (143, True, False),
        (130, True, False),
        (-15, True, False),
        (-9, True, True),
    ],
)
def test_what_is_a_problem(code, asked, problem):
    end = Ending(worker=4, code=code, said="so", log="here")
    assert end.is_problem(asked=asked) == problem


def test_a_signal_is_named():
    end = Ending(worker=4, code=-9, said="so", log="here")
    assert str(end) == "worker 4 was ended by SIGKILL: so (log: here)"


@pytest.mark.parametrize(
    ("cores", "workers", "threads"), [(8, 1, "8"), (8, 2, "4"), (8, 3, "2"), (2, 5, "1")]
)
def test_cores_are_divided(cores, workers, threads):
    both = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    assert thread_settings(cores, workers, {}) == both


def test_threads_that_the_user_has_set_stay():
    assert thread_settings(8, 2, {"OMP_NUM_THREADS": "3"}) == {}
    assert thread_settings(8, 2, {"MKL_NUM_THREADS": "3"}) == {"OMP_NUM_THREADS": "4"}


@pytest.mark.parametrize(
    ("listed", "count", "names"),
    [
        (None, 0, []),
        (None, 3, ["0", "1", "2"]),
        ("", 0, []),
        ("-1", 0, []),
        ("5, 7", 2, ["5", "7"]),
        ("GPU-8932f937,GPU-46309ff2", 2, ["GPU-8932f937", "GPU-46309ff2"]),
        ("0,-1,1", 1, ["0"]),
    ],
)
def test_gpus_that_may_be_used(listed, count, names):
    assert gpu_names(listed, count) == names


@pytest.mark.parametrize("n_gpus", range(1, 9))
@pytest.mark.parametrize("workers", range(1, 12))
def test_each_worker_has_one_gpu_and_shares_are_even(n_gpus, workers):
    names = [f"GPU-{number}" for number in range(n_gpus)]
    given = [settings["CUDA_VISIBLE_DEVICES"] for settings in gpu_settings(names, workers)]
    counts = [given.count(name) for name in names]
    assert len(given) == sum(counts) == workers
    assert max(counts) - min(counts) <= 1


def test_this_machine_is_divided(monkeypatch, caplog):
    monkeypatch.setattr(shares, "visible_gpus", lambda: ["4", "6", "7"])
    monkeypatch.setattr(shares, "available_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    settings = machine_settings(2, {"MKL_NUM_THREADS": "1"})
    assert settings == [
        {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "4"},
        {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "6"},
    ]
    assert "1 of 3 GPUs stay idle, since a worker uses one: workers=3" in caplog.text


def test_a_machine_without_gpus_leaves_the_variable_alone(monkeypatch):
    monkeypatch.setattr(shares, "visible_gpus", lambda: [])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert machine_settings(2, {}) == [{}, {}]


def test_there_are_cores():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("nodes", "workers", "expected"),
    [
        ([(2, 0)], 2, (1.0, 0.0)),
        ([(2, 0)], 3, (0.6666, 0.0)),
        ([(16, 4)], 2, (8.0, 1.0)),
        ([(16, 2)], 4, (4.0, 0.5)),
        ([(16, 3)], 4, (4.0, 0.5)),  # A share of 3/4 would leave no room for the fourth.
        ([(5, 0), (3, 0)], 2, (3.0, 0.0)),
        ([(4, 4), (60, 0)], 4, (1.0, 1.0)),
        ([(0, 0)], 2, (0.0, 0.0)),
    ],
)
def test_a_cluster_is_divided(nodes, workers, expected):
    assert cluster_shares(nodes, workers) == expected


@pytest.mark.parametrize("workers", range(1, 14))
@pytest.mark.parametrize("nodes", [[(7, 2), (3, 1)], [(9, 0), (4, 0), (1, 0)], [(8, 3), (64, 0)]])
def test_all_workers_find_room_in_a_cluster(nodes, workers):
    assert places(nodes, *cluster_shares(nodes, workers)) >= workers


@pytest.mark.parametrize(
    ("nodes", "cpus", "gpus", "expected"),
    [
        ([(4, 0)], 1, 0, 4),
        ([(4, 0), (3, 0)], 2, 0, 3),
        ([(1, 0)], 0.1, 0, 10),
        ([(8, 3)], 0, 0.75, 3),
        ([(8, 3)], 0, 2, 1),
        ([(8, 3), (64, 0)], 4, 0.5, 2),
        ([(8, 3)], 9, 1, 0),
        ([(8, 3)], 0, 0, None),
    ],
)
def test_room_in_a_cluster(nodes, cpus, gpus, expected):
    assert places(nodes, cpus, gpus) == expected
