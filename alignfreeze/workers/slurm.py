"""Workers as jobs that submitit hands to SLURM, or for a trial to this machine."""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from alignfreeze.errors import ConfigError
from alignfreeze.workers.command import (
    Ending,
    WorkerCommand,
    ending,
    fresh_log,
    last_line,
    wait_until,
)
from alignfreeze.workers.shares import machine_settings, thread_settings

logger = logging.getLogger(__name__)

SHARED = ("cpus_per_task", "gpus_per_node", "mem_gb", "name", "stderr_to_stdout", "timeout_min")
"""Settings that all clusters of submitit have; nodes and tasks are not among them: both are one."""

WEEK = 7 * 24 * 60
"""Minutes, instead of the two after which submitit ends a job on this machine."""

CHECK_INTERVAL = 1.0
"""Seconds between questions to SLURM for the end of jobs that were cancelled."""


LAST_PATIENCE = 60.0
"""Seconds that jobs on this machine have to be gone after they were killed."""


class SubmittedWorker:
    """What a job runs: a worker, as a child that no signal reaches twice.

    submitit pickles it, and calls `checkpoint` before it requeues a job that was preempted or
    whose time is up.
    """

    def __init__(
        self, command: WorkerCommand, worker: int, log: Path, settings: Mapping[str, str]
    ) -> None:
        self._command, self._worker, self._log = command, worker, log
        self._settings = dict(settings)
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = False

    def __call__(self) -> Ending:
        """Run the worker to its end."""
        preempted = getattr(signal, f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}")
        cores = os.environ.get("SLURM_CPUS_PER_TASK")
        given = {**os.environ, **self._command.environment}
        threads = thread_settings(int(cores), 1, given) if cores else {}
        signal.signal(signal.SIGTERM, self._pass_on)
        # In the group of this process, since it is to have the signals that SLURM sends to all.
        with ignored(preempted):
            self._child = self._command.start(
                self._log, {**threads, **self._settings}, own_session=False
            )
        if self._asked:
            self._child.terminate()
        try:
            return ending(self._worker, self._child.wait(), self._log)
        finally:
            self._child.kill()

    def checkpoint(self) -> object:
        """Let the worker give its trial back; what the job that is requeued will run."""
        import submitit

        if self._child is not None:
            if not self._asked:
                self._child.terminate()
            # Not `wait`: this runs in a handler of signals, in the midst of that very method.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)
        again = SubmittedWorker(self._command, self._worker, self._log, self._settings)
        return submitit.helpers.DelayedSubmission(again)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """Take note of SIGTERM; SLURM sends it to the worker, too, whom a second one would kill."""
        self._asked = True
        if self._child is not None and os.environ.get("SUBMITIT_EXECUTOR") == "local":
            self._child.terminate()


class SubmititLauncher:
    """Submits a job for each worker.

    Args:
        command: What a worker runs.
        workers: How many jobs to submit.
        logs: Folder of the workers' logs, which all machines have to see.
        args: ``cluster`` (``slurm``, or ``local`` for this machine) and settings of submitit.

    Raises:
        ConfigError: If submitit or SLURM is not there or a setting is wrong.
    """

    def __init__(
        self, command: WorkerCommand, workers: int, logs: Path, args: Mapping[str, Any]
    ) -> None:
        self._command = command
        self._logs = [logs / f"worker-{worker}.log" for worker in range(workers)]
        self._executor = _executor(logs / "jobs", args)
        self._jobs: list[Any] = []
        self._asked: set[int] = set()

    def start(self) -> None:
        """See `Launcher.start`."""
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        settings: list[dict[str, str]] = [{} for _ in self._logs]
        if self._on_this_machine:
            settings = machine_settings(len(settings), self._command.environment)
        for worker, (log, own) in enumerate(zip(self._logs, settings, strict=True)):
            fresh_log(log.parent, worker)
            function = SubmittedWorker(self._command, worker, log, own)
            # Ctrl-C would make submitit kill its own jobs on this machine after a second.
            with ignored(signal.SIGINT):
                try:
                    self._jobs.append(self._executor.submit(function))
                except (FailedJobError, FailedSubmissionError) as error:
                    raise ConfigError(f"launcher 'submitit': {_one_line(error)}") from None
        numbers = ", ".join(job.job_id for job in self._jobs)
        logger.info("submitted to %s: %s", self._executor.cluster, numbers)

    def running(self) -> int:
        """See `Launcher.running`."""
        return sum(not job.done() for job in self._jobs)

    def problems(self) -> list[str]:
        """See `Launcher.problems`."""
        found = (self._problem(worker) for worker, job in enumerate(self._jobs) if job.done())
        return [line for line in found if line]

    def stop(self, patience: float) -> None:
        """See `Launcher.stop`."""
        for worker, job in enumerate(self._jobs):
            if not job.done() and worker not in self._asked:
                self._asked.add(worker)
                self._ask(job)
        try:
            wait_until(self._all_done, patience, CHECK_INTERVAL)
        finally:
            if not self._all_done():
                self._kill(patience)

    @property
    def _on_this_machine(self) -> bool:
        return bool(self._executor.cluster == "local")

    def _all_done(self) -> bool:
        return all(job.done(force_check=True) for job in self._jobs)

    def _ask(self, job: Any) -> None:
        """Ask a worker to end; SLURM kills it itself if it takes too long."""
        if not self._on_this_machine:
            job.cancel(check=False)  # One that has ended meanwhile is no error.
            return
        # Not `cancel`, which kills a second later. Of what the job is, a shell perhaps, it is
        # submitit's controller that hands the signal on.
        for process in _tree(job):
            with suppress(psutil.NoSuchProcess):
                if "submitit.local._local" in process.cmdline():
                    process.terminate()

    def _kill(self, patience: float) -> None:
        """Kill what is left of jobs on this machine; SLURM does so with its own."""
        left = [job for job in self._jobs if not job.done()]
        logger.warning("%d jobs had not ended in %g s", len(left), patience)
        if not self._on_this_machine:
            return
        for job in left:
            for process in _tree(job):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        wait_until(self._all_done, LAST_PATIENCE)

    def _problem(self, worker: int) -> str:
        """The line of a worker that ended badly, or an empty text."""
        job, asked = self._jobs[worker], worker in self._asked
        finished = job.paths.result_pickle.exists()
        if finished and job.exception() is None:
            end: Ending = job.result()
            return str(end) if end.is_problem(asked=asked) else ""
        if asked and not finished and not self._on_this_machine:
            return ""  # It was cancelled before it ran, or before it could say how it ended.
        stream = job.paths.stderr
        log = stream if stream.is_file() and stream.stat().st_size else self._logs[worker]
        state = f"job {job.job_id} ended in state {job.state}"
        return f"worker {worker}: {state}: {last_line(log)} (log: {log})"


@contextmanager
def ignored(number: int) -> Iterator[None]:
    """Let processes that are started meanwhile ignore a signal; in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, previous)


def _executor(folder: Path, args: Mapping[str, Any]) -> Any:
    """The executor of submitit that the settings describe."""
    try:
        import submitit
    except ImportError:
        raise ConfigError(
            "launcher 'submitit' needs submitit: pip install 'alignfreeze[submitit]'"
        ) from None

    cluster = args.get("cluster", "slurm")
    settings = {name: value for name, value in args.items() if name != "cluster"}
    if cluster not in ("slurm", "local"):
        raise ConfigError(f"launcher 'submitit': cluster must be slurm or local, got {cluster!r}")
    for name in settings:
        if name not in SHARED and not name.startswith("slurm_"):
            known = ", ".join(("cluster", *SHARED))
            raise ConfigError(
                f"launcher 'submitit' has no argument {name!r}; it has {known}, and those of "
                "SLURM after slurm_"
            )
    if cluster == "local":
        settings.setdefault("timeout_min", WEEK)
    elif not settings.keys() & {"timeout_min", "slurm_time"}:
        raise ConfigError("launcher 'submitit' needs timeout_min, the minutes that a job may take")
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
        executor.update_parameters(**settings)
    except (NameError, ValueError, AssertionError, RuntimeError) as error:
        raise ConfigError(f"launcher 'submitit': {_one_line(error)}") from None
    # What submitit pickles there has the password of the storage in it.
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return executor


def _tree(job: Any) -> list[psutil.Process]:
    """The processes of a job on this machine."""
    try:
        process = psutil.Process(int(job.job_id))
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
