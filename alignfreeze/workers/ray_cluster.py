"""Workers as tasks of Ray."""

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alignfreeze.errors import ConfigError
from alignfreeze.workers.command import (
    Ending,
    WorkerCommand,
    ending,
    fresh_log,
    kill_session,
    wait_until,
)
from alignfreeze.workers.shares import cluster_shares, places

logger = logging.getLogger(__name__)

KNOWN = ("address", "num_cpus", "num_gpus")

KILLS = 3
"""How often workers are killed by Ray's interruption: a busy machine may take two for one."""

LAST_PATIENCE = 20.0
"""Seconds that a worker has to be gone after each."""


def run_worker(command: WorkerCommand, worker: int, logs: Path) -> Ending:
    """What a task runs: a worker, as a child.

    Ray cancels a task by KeyboardInterrupt: the first asks the worker to end, the second kills it.
    """
    log = fresh_log(logs, worker)
    # Not by Ray's runtime_env, whose variables, a password among them, get into Ray's logs.
    process = command.start(log, {})
    try:
        for end_it in (process.terminate, lambda: kill_session(process)):
            try:
                return ending(worker, _code(process), log)
            except KeyboardInterrupt:
                end_it()
        return ending(worker, _code(process), log)
    finally:
        kill_session(process)


def _code(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process, where KeyboardInterrupt can be raised; its exit code."""
    while (code := process.poll()) is None:
        time.sleep(0.1)
    return code


class RayLauncher:
    """Runs each worker as a task, on a cluster that there is or on one of this machine alone.

    Args:
        command: What a worker runs.
        workers: How many tasks to start.
        logs: Folder of the workers' logs, on the machine that each of them runs on.
        args: ``address`` of the cluster; ``num_cpus`` and ``num_gpus`` of a worker, which else
            are its part of what the cluster has.

    Raises:
        ConfigError: If Ray is not installed, or a setting is unknown or breaks its rule.
    """

    def __init__(
        self, command: WorkerCommand, workers: int, logs: Path, args: Mapping[str, Any]
    ) -> None:
        try:
            import ray
        except ImportError:
            raise ConfigError("launcher 'ray' needs ray: pip install 'alignfreeze[ray]'") from None
        for name in args:
            if name not in KNOWN:
                known = ", ".join(KNOWN)
                raise ConfigError(f"launcher 'ray' has no argument {name!r}; it has {known}")
        for name in args.keys() & {"num_cpus", "num_gpus"}:
            if not _is_share(args[name]):
                raise ConfigError(
                    f"launcher 'ray': {name} must be a fraction below 1 or a whole number, "
                    f"got {args[name]!r}"
                )
        self._ray: Any = ray
        self._command, self._workers, self._logs, self._args = command, workers, logs, dict(args)
        self._tasks: dict[int, Any] = {}
        self._problems: dict[int, str] = {}
        self._asked: set[int] = set()
        self._killed: set[int] = set()
        self._started_ray = False

    def start(self) -> None:
        """See `Launcher.start`."""
        if not self._ray.is_initialized():
            self._initialise()
        task = self._task()
        for worker in range(self._workers):
            self._tasks[worker] = task.remote(self._command, worker, self._logs)

    def running(self) -> int:
        """See `Launcher.running`."""
        for worker, task in list(self._tasks.items()):
            if self._ray.wait([task], timeout=0)[0]:
                self._note_end(worker, self._tasks.pop(worker))
        return len(self._tasks)

    def problems(self) -> list[str]:
        """See `Launcher.problems`."""
        self.running()
        return [self._problems[worker] for worker in sorted(self._problems)]

    def stop(self, patience: float) -> None:
        """See `Launcher.stop`."""
        try:
            if self.running():
                self._cancel(patience)
        finally:
            for worker in self._tasks:
                self._problems[worker] = f"worker {worker} could not be ended"
            self._tasks.clear()
            if self._started_ray:
                self._started_ray = False
                self._ray.shutdown()

    def _task(self) -> Any:
        """What runs a worker, with its part of the cluster."""
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        nodes = [(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in alive]
        cpus, gpus = cluster_shares(nodes, self._workers)
        cpus, gpus = self._args.get("num_cpus", cpus), self._args.get("num_gpus", gpus)
        room = places(nodes, cpus, gpus)
        if room is not None and room < self._workers:
            logger.warning(
                "%d of %d workers wait: each takes %g cores and %g GPUs, and Ray has no more now",
                self._workers - room,
                self._workers,
                cpus,
                gpus,
            )
        return self._ray.remote(max_retries=0, num_cpus=cpus, num_gpus=gpus)(run_worker)

    def _initialise(self) -> None:
        """Connect to a cluster, or start one; this process keeps its handlers of signals."""
        with kept_handler(signal.SIGTERM):
            try:
                self._ray.init(
                    address=self._args.get("address"),
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise ConfigError(f"launcher 'ray': {_one_line(error)}") from None
        self._started_ray = True

    def _cancel(self, patience: float) -> None:
        """Cancel what runs: once, a second time, and with the process that it runs in."""
        self._asked |= self._tasks.keys()
        self._cancel_all(force=False)
        try:
            wait_until(lambda: not self.running(), patience)
        finally:
            if self.running():
                self._killed |= self._tasks.keys()
                logger.warning(
                    "killed %d workers that had not ended in %g s", len(self._tasks), patience
                )
                if not self._interrupted():
                    self._cancel_all(force=True)
                    wait_until(lambda: not self.running(), LAST_PATIENCE)

    def _interrupted(self) -> bool:
        """Interrupt what was interrupted before, which kills it; whether all are gone."""
        for _ in range(KILLS):
            self._cancel_all(force=False)
            if wait_until(lambda: not self.running(), LAST_PATIENCE):
                return True
        return False

    def _cancel_all(self, *, force: bool) -> None:
        for task in self._tasks.values():
            self._ray.cancel(task, force=force)

    def _note_end(self, worker: int, task: Any) -> None:
        """Keep what became of a worker, for the time when Ray is shut down."""
        try:
            end: Ending = self._ray.get(task)
        except self._ray.exceptions.TaskCancelledError:
            if worker in self._killed:
                self._problems[worker] = (
                    f"worker {worker} may still run: its task of Ray was cancelled by force"
                )
        except self._ray.exceptions.RayError as error:
            self._problems[worker] = f"worker {worker} is lost: {_one_line(error)}"
        else:
            if end.is_problem(asked=worker in self._asked):
                self._problems[worker] = str(end)


@contextmanager
def kept_handler(number: int) -> Iterator[None]:
    """Undo what is done to the handler of a signal meanwhile; in the main thread, where it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.getsignal(number)
    try:
        yield
    finally:
        signal.signal(number, previous)


def _is_share(value: object) -> bool:
    """Whether Ray takes it as a number of cores or GPUs."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < 1 or (value >= 1 and value == int(value))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
