"""What starts workers, knows which still run, and ends them."""

import logging
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from alignfreeze.base.process_pools import available_cores
from alignfreeze.workers.command import Ending, WorkerCommand, kill, last_line, wait_until

logger = logging.getLogger(__name__)

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
GPUS = "CUDA_VISIBLE_DEVICES"

LAST_PATIENCE = 20.0  # seconds to be gone, for workers that are asked once more

J = TypeVar("J")


class Launcher(ABC, Generic[J]):
    """Starts workers; what one is started as, a process or a job, its subclasses know.

    Whatever happens after `start` was called, it failing included, `stop` has to be. Logs are
    ``worker-0.log`` and so on in a folder, on the machines that workers run on.

    Raises:
        ConfigError: If what it needs is not installed or not there, or a setting is unknown or
            breaks its rule; one line.
    """

    interval = 0.1  # seconds between questions for workers that were asked to end
    kills = 3  # how often they are asked once more: a busy machine may take two requests for one
    here = True  # whether all workers are on this machine, and have to divide it

    def __init__(
        self, command: WorkerCommand, workers: int, logs: Path, args: Mapping[str, Any]
    ) -> None:
        self._command = command
        # Absolute, as not all workers start where this process is.
        self._logs = [logs.absolute() / f"worker-{worker}.log" for worker in range(workers)]
        self._args = dict(args)
        self._jobs: dict[int, J] = {}
        self._problems: dict[int, str] = {}
        self._asked: set[int] = set()

    def start(self) -> None:
        """Start the workers, once.

        Raises:
            ConfigError: If the cluster cannot be reached or refuses them; one line.
        """
        settings: list[dict[str, str]] = [{} for _ in self._logs]
        if self.here:
            settings = machine_settings(len(settings), self._command.environment)
        for worker, (log, own) in enumerate(zip(self._logs, settings, strict=True)):
            log.unlink(missing_ok=True)
            self._jobs[worker] = self._started(log, own)

    def running(self) -> int:
        """Workers that have not ended, those that wait for a machine among them."""
        for worker, job in list(self._jobs.items()):
            asked = worker in self._asked
            end = self._ending(worker, job, asked=asked)
            if end is None:
                continue
            del self._jobs[worker]
            if isinstance(end, Ending):
                problem = end.problem(asked=asked)
                end = problem and f"worker {worker} {problem} (log: {self._logs[worker]})"
            if end:
                self._problems[worker] = end
        return len(self._jobs)

    def problems(self) -> list[str]:
        """A line for each worker that ended badly: how, what it said last, where its log is."""
        self.running()
        return [self._problems[worker] for worker in sorted(self._problems)]

    def stop(self, patience: float) -> None:
        """Ask those that run to end, and kill those that have not after so many seconds.

        SLURM kills a job after those of its own setting KillWait.
        """
        self.running()
        running = self._jobs.keys() - self._asked
        self._asked |= running
        try:
            for worker in running:
                self._ask(self._jobs[worker])
            wait_until(lambda: not self.running(), patience, self.interval)
        finally:
            if n_left := self.running():
                logger.warning("killed %d workers that had not ended in %g s", n_left, patience)
                self._kill()

    @abstractmethod
    def _started(self, log: Path, settings: Mapping[str, str]) -> J:
        """Start one."""

    @abstractmethod
    def _ending(self, worker: int, job: J, *, asked: bool) -> Ending | str | None:
        """How one ended, or what is to be told of it, if anything; ``None`` while it runs."""

    @abstractmethod
    def _ask(self, job: J) -> None:
        """Ask one to end."""

    def _kill(self) -> None:
        """Kill those that run: asked once more, `end_of` does so."""
        for _ in range(self.kills):
            for job in self._jobs.values():
                self._ask(job)
            if wait_until(lambda: not self.running(), LAST_PATIENCE):
                return


class LocalLauncher(Launcher[subprocess.Popen[bytes]]):
    """Starts each worker in a session of its own, so that Ctrl-C does not reach it."""

    def _started(self, log: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return self._command.start(log, settings)

    def _ending(self, worker: int, job: subprocess.Popen[bytes], *, asked: bool) -> Ending | None:
        code = job.poll()
        return None if code is None else Ending(code, last_line(self._logs[worker]))

    def _ask(self, job: subprocess.Popen[bytes]) -> None:
        job.terminate()

    def _kill(self) -> None:
        for process in self._jobs.values():
            kill(process)
        self.running()


def machine_settings(workers: int, environment: Mapping[str, str]) -> list[dict[str, str]]:
    """Variables that divide this machine among workers: its cores, and a GPU for each.

    Workers share GPUs where these are fewer; what the user's environment has set goes before.
    """
    gpus = visible_gpus()
    if len(gpus) > workers:
        logger.warning(
            "%d of %d GPUs stay idle, since a worker uses one: workers=%d would use them all",
            *(len(gpus) - workers, len(gpus), len(gpus)),
        )
    threads = thread_settings(available_cores() // workers, {**os.environ, **environment})
    own = [{GPUS: gpus[worker % len(gpus)]} if gpus else {} for worker in range(workers)]
    return [{**threads, **gpu} for gpu in own]


def thread_settings(cores: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that make a worker use so many cores, unless the environment says otherwise."""
    if "OMP_NUM_THREADS" in environment:  # MKL takes it, too, where it has none of its own.
        return {}
    return {name: str(max(1, cores)) for name in THREADS if name not in environment}


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use; makes no CUDA context."""
    # Not above: the process that starts a worker in a job has no other use for it.
    import torch

    # CUDA finds none after the first name that is not valid.
    count, listed = torch.cuda.device_count(), os.environ.get(GPUS)
    names = [str(number) for number in range(count)] if listed is None else listed.split(",")
    return [name.strip() for name in names[:count]]
