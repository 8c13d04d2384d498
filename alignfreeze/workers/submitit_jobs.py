"""Workers as jobs that submitit hands to SLURM, or for a trial to this machine."""

import logging
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown
from alignfreeze.workers.command import Ending, WorkerCommand, end_of, kept_handler, last_line
from alignfreeze.workers.launchers import Launcher, thread_settings

logger = logging.getLogger(__name__)

SHARED = ("cpus_per_task", "gpus_per_node", "mem_gb", "name", "stderr_to_stdout", "timeout_min")
"""Settings that all clusters of submitit have; nodes and tasks are not among them: both are one."""

WEEK = 7 * 24 * 60  # minutes, instead of the two after which submitit ends a job here


class SubmittedWorker:
    """What a job runs: a worker, as a child that no signal reaches twice.

    submitit pickles it, and calls `checkpoint` before it requeues a job that was preempted or
    whose time is up.
    """

    def __init__(self, command: WorkerCommand, log: Path, settings: Mapping[str, str]) -> None:
        self._about = (command, log, settings)
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = False

    def __call__(self) -> Ending:
        """Run the worker to its end."""
        from submitit import JobEnvironment

        command, log, settings = self._about
        if cores := os.environ.get("SLURM_CPUS_PER_TASK"):
            given = {**os.environ, **command.environment}
            settings = {**thread_settings(int(cores), given), **settings}
        signal.signal(signal.SIGTERM, self._note)
        # SLURM sends its signals to all processes of a job; the worker has no use for this one.
        with kept_handler(getattr(signal, f"SIG{JobEnvironment.USR_SIG}"), signal.SIG_IGN):
            self._child = command.start(log, settings, own_session=_on_this_machine())
        if self._asked:
            self._child.terminate()
        return end_of(self._child, log)

    def checkpoint(self) -> object:
        """Let the worker give its trial back; what the job that is requeued will run."""
        from submitit.helpers import DelayedSubmission

        if self._child is not None:
            if not self._asked:
                self._child.terminate()
            # Not `wait`: this runs in a handler of signals, in the midst of that very method.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)
        return DelayedSubmission(SubmittedWorker(*self._about))

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Take note of SIGTERM; SLURM sends it to the worker, too, whom a second one would kill."""
        self._asked = True
        if self._child is not None and _on_this_machine():
            raise KeyboardInterrupt


def _on_this_machine() -> bool:
    """Whether this process is in a job that submitit runs itself."""
    return os.environ.get("SUBMITIT_EXECUTOR") == "local"


class SubmititLauncher(Launcher[Any]):
    """Submits a job for each worker.

    All machines have to see the folder of the logs. The settings are ``cluster`` (``slurm``, or
    ``local`` for this machine) and submitit's own.
    """

    interval = 1.0

    def __init__(
        self, command: WorkerCommand, workers: int, logs: Path, args: Mapping[str, Any]
    ) -> None:
        super().__init__(command, workers, logs, args)
        self._executor = _executor(logs.absolute() / "jobs", dict(args))
        self.here = self._executor.cluster == "local"

    def start(self) -> None:
        """See `Launcher.start`."""
        super().start()
        numbers = ", ".join(job.job_id for job in self._jobs.values())
        logger.info("submitted to %s: %s", self._executor.cluster, numbers)

    def _started(self, log: Path, settings: Mapping[str, str]) -> Any:
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        # Ctrl-C would make submitit kill its own jobs on this machine after a second.
        with kept_handler(signal.SIGINT, signal.SIG_IGN):
            try:
                return self._executor.submit(SubmittedWorker(self._command, log, settings))
            except (FailedJobError, FailedSubmissionError) as error:
                raise ConfigError(f"launcher 'submitit': {error}") from None

    def _ending(self, worker: int, job: Any, *, asked: bool) -> Ending | str | None:
        if not job.done(force_check=asked):
            return None
        finished = job.paths.result_pickle.exists()
        if finished and job.exception() is None:
            end: Ending = job.result()
            return end
        if asked and not finished and not self.here:
            return ""  # It was cancelled before it ran, or before it could say how it ended.
        stream = job.paths.stderr
        log = stream if stream.is_file() and stream.stat().st_size else self._logs[worker]
        state = f"job {job.job_id} ended in state {job.state}"
        return f"worker {worker}: {state}: {last_line(log)} (log: {log})"

    def _ask(self, job: Any) -> None:
        if self.here:
            # Not `cancel`, which kills a second later; the controller hands SIGTERM on.
            os.kill(int(job.job_id), signal.SIGTERM)
        else:
            job.cancel(check=False)  # One that has ended meanwhile is no error.

    def _kill(self) -> None:
        if self.here:  # SLURM does so with its own.
            super()._kill()


def _executor(folder: Path, settings: dict[str, Any]) -> Any:
    """The executor of submitit that the settings describe."""
    try:
        import submitit
    except ImportError:
        raise ConfigError(
            "launcher 'submitit' needs submitit: pip install 'alignfreeze[submitit]'"
        ) from None

    cluster = settings.pop("cluster", "slurm")
    if cluster not in ("slurm", "local"):
        raise ConfigError(
            f"launcher 'submitit': cluster must be slurm or local, got {shown(cluster)}"
        )
    for name in settings:
        if name not in SHARED and not name.startswith("slurm_"):
            known = ", ".join(("cluster", *SHARED))
            raise ConfigError(
                f"launcher 'submitit' has no argument {shown(name)}; it has {known}, and those of "
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
        raise ConfigError(f"launcher 'submitit': {error}") from None
    # What submitit pickles there has the password of the storage in it.
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return executor
