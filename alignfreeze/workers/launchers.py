"""What starts the workers of a search."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from alignfreeze.errors import ConfigError
from alignfreeze.workers.command import WorkerCommand
from alignfreeze.workers.local import LocalLauncher
from alignfreeze.workers.ray_cluster import RayLauncher
from alignfreeze.workers.slurm import SubmititLauncher


class Launcher(Protocol):
    """Starts workers, knows which still run, and ends them.

    Whatever happens after `start` was called, it failing included, `stop` has to be.
    """

    def start(self) -> None:
        """Start the workers, once.

        Raises:
            ConfigError: If the cluster cannot be reached or refuses them; one line.
        """

    def running(self) -> int:
        """Workers that have not ended, those that wait for a machine among them."""

    def problems(self) -> list[str]:
        """A line for each worker that ended badly: how, what it said last, where its log is."""

    def stop(self, patience: float) -> None:
        """Ask those that run to end, and kill those that have not after a time.

        Args:
            patience: Seconds; SLURM kills a job after those of its own setting KillWait.
        """


def make_launcher(
    name: str, *, workers: int, command: WorkerCommand, logs: Path, args: Mapping[str, Any]
) -> Launcher:
    """The launcher of a name.

    Args:
        name: ``local``, ``submitit`` or ``ray``.
        workers: How many workers it starts.
        command: What each of them runs.
        logs: Folder of their logs, ``worker-0.log`` and so on; Ray's workers write them on the
            machine that they run on.
        args: Settings of the launcher.

    Raises:
        ConfigError: If there is no such launcher, what it needs is not installed or not there, or
            a setting is unknown or breaks its rule; one line.
    """
    logs = logs.absolute()  # Not all workers start where this process is.
    if name == "local":
        if args:
            raise ConfigError(f"launcher 'local' takes no launcher_args, got {next(iter(args))!r}")
        return LocalLauncher(command, workers, logs)
    if name == "submitit":
        return SubmititLauncher(command, workers, logs, args)
    if name == "ray":
        return RayLauncher(command, workers, logs, args)
    raise ConfigError(f"launcher must be local, submitit or ray, got {name!r}")
