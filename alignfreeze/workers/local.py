"""Workers as processes of this machine."""

import logging
import subprocess
from pathlib import Path

from alignfreeze.workers.command import WorkerCommand, ending, fresh_log, kill_session, wait_until
from alignfreeze.workers.shares import machine_settings

logger = logging.getLogger(__name__)


class LocalLauncher:
    """Starts each worker in a session of its own, so that Ctrl-C does not reach it.

    Args:
        command: What a worker runs.
        workers: How many to start.
        logs: Folder of their logs, ``worker-0.log`` and so on.
    """

    def __init__(self, command: WorkerCommand, workers: int, logs: Path) -> None:
        self._command = command
        self._logs = [logs / f"worker-{worker}.log" for worker in range(workers)]
        self._processes: list[subprocess.Popen[bytes]] = []
        self._asked: set[int] = set()

    def start(self) -> None:
        """See `Launcher.start`."""
        settings = machine_settings(len(self._logs), self._command.environment)
        for worker, (log, own) in enumerate(zip(self._logs, settings, strict=True)):
            fresh_log(log.parent, worker)
            self._processes.append(self._command.start(log, own))

    def running(self) -> int:
        """See `Launcher.running`."""
        return sum(process.poll() is None for process in self._processes)

    def problems(self) -> list[str]:
        """See `Launcher.problems`."""
        codes = [process.poll() for process in self._processes]
        ends = [
            ending(worker, code, self._logs[worker])
            for worker, code in enumerate(codes)
            if code is not None
        ]
        return [str(end) for end in ends if end.is_problem(asked=end.worker in self._asked)]

    def stop(self, patience: float) -> None:
        """See `Launcher.stop`."""
        for worker, process in enumerate(self._processes):
            if process.poll() is None:
                self._asked.add(worker)
                process.terminate()
        try:
            wait_until(lambda: not self.running(), patience)
        finally:
            if n_left := self.running():
                logger.warning("killed %d workers that had not ended in %g s", n_left, patience)
            for process in self._processes:
                kill_session(process)
