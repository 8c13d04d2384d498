"""Workers as tasks of Ray."""

import logging
import math
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alignfreeze.errors import ConfigError
from alignfreeze.messages import as_line, shown
from alignfreeze.workers.command import Ending, WorkerCommand, end_of, kept_handler
from alignfreeze.workers.launchers import Launcher

logger = logging.getLogger(__name__)

KNOWN = ("address", "num_cpus", "num_gpus")

RAY_STEPS = 10_000  # in which Ray counts fractions of a core, or of a GPU


def run_worker(command: WorkerCommand, log: Path) -> Ending:
    """What a task runs: a worker, as a child. Ray cancels a task by KeyboardInterrupt."""
    log.unlink(missing_ok=True)
    # Not by Ray's runtime_env, whose variables, a password among them, get into Ray's logs.
    return end_of(command.start(log, {}), log)


class RayLauncher(Launcher[Any]):
    """Runs each worker as a task, on a cluster that there is or on one of this machine alone.

    The settings are the ``address`` of the cluster, and ``num_cpus`` and ``num_gpus`` of a worker,
    which else are its part of what the cluster has.
    """

    here = False

    def __init__(
        self, command: WorkerCommand, workers: int, logs: Path, args: Mapping[str, Any]
    ) -> None:
        super().__init__(command, workers, logs, args)
        try:
            import ray
        except ImportError:
            raise ConfigError("launcher 'ray' needs ray: pip install 'alignfreeze[ray]'") from None
        for name, value in args.items():
            if name not in KNOWN:
                known = ", ".join(KNOWN)
                raise ConfigError(f"launcher 'ray' has no argument {shown(name)}; it has {known}")
            if name != "address" and not _is_share(value):
                raise ConfigError(
                    f"launcher 'ray': {name} must be a fraction below 1 or a whole number, "
                    f"got {shown(value)}"
                )
        self._ray: Any = ray
        self._share = {name: value for name, value in args.items() if name != "address"}
        self._forced = False
        self._started_ray = False

    def start(self) -> None:
        """See `Launcher.start`."""
        if not self._ray.is_initialized():
            with kept_handler(signal.SIGTERM):  # this process keeps its own
                try:
                    self._ray.init(
                        address=self._args.get("address"),
                        include_dashboard=False,
                        log_to_driver=False,
                        logging_level=logging.ERROR,
                    )
                except (ConnectionError, RuntimeError, ValueError) as error:
                    raise ConfigError(f"launcher 'ray': {error}") from None
            self._started_ray = True
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        nodes = [(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in alive]
        workers = len(self._logs)
        self._share = node_share(nodes, workers) | self._share
        asked = (self._share["num_cpus"], self._share["num_gpus"])
        rooms = [int(sum(n[i] for n in nodes) / one + 1e-6) for i, one in enumerate(asked) if one]
        if (room := min(rooms, default=workers)) < workers:
            # Ray would let them wait without a word.
            logger.warning(
                "%d of %d workers wait: each takes %g cores and %g GPUs, and Ray has no more now",
                *(workers - room, workers, *asked),
            )
        super().start()

    def _started(self, log: Path, settings: Mapping[str, str]) -> Any:
        task = self._ray.remote(max_retries=0, **self._share)(run_worker)
        return task.remote(self._command, log)

    def stop(self, patience: float) -> None:
        """See `Launcher.stop`."""
        try:
            super().stop(patience)
        finally:
            for worker in self._jobs:
                self._problems[worker] = f"worker {worker} could not be ended"
            self._jobs.clear()
            if self._started_ray:
                self._started_ray = False
                self._ray.shutdown()

    def _ending(self, worker: int, job: Any, *, asked: bool) -> Ending | str | None:
        if not self._ray.wait([job], timeout=0)[0]:
            return None
        try:
            end: Ending = self._ray.get(job)
        except self._ray.exceptions.TaskCancelledError:
            if not self._forced:
                return ""
            return f"worker {worker} may still run: its task of Ray was cancelled by force"
        except self._ray.exceptions.RayError as error:
            return f"worker {worker} is lost: {as_line(str(error))}"
        return end

    def _ask(self, job: Any) -> None:
        self._ray.cancel(job, force=self._forced)

    def _kill(self) -> None:
        super()._kill()
        self._forced, self.kills = True, 1
        super()._kill()


def node_share(nodes: Sequence[tuple[float, float]], workers: int) -> dict[str, float]:
    """The cores and GPUs that each of so many workers can have wherever Ray places it.

    All nodes, of which the cores and GPUs are given, are taken for the smallest on which a worker
    can run: one with a GPU, where there are GPUs, of which a worker uses one, in whole or in part.

    Returns:
        ``num_cpus``, a whole number unless it is less than one, and ``num_gpus``, in [0, 1].
    """
    of_use = [(cpus, int(gpus)) for cpus, gpus in nodes if cpus > 0 and int(gpus) > 0]
    of_use = of_use or [(cpus, 0) for cpus, _ in nodes if cpus > 0]
    if not of_use:
        return {"num_cpus": 0.0, "num_gpus": 0.0}
    on_a_node = math.ceil(workers / len(of_use))
    cpus, gpus = min(c for c, _ in of_use) / on_a_node, min(g for _, g in of_use)
    share = 1 / math.ceil(on_a_node / gpus) if gpus else 0.0
    return {"num_cpus": _rounded(cpus), "num_gpus": _rounded(share)}


def _rounded(share: float) -> float:
    """The next lower share that Ray takes."""
    return float(int(share)) if share >= 1 else int(share * RAY_STEPS) / RAY_STEPS


def _is_share(value: Any) -> bool:
    """Whether Ray takes it as a number of cores or GPUs."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return bool(is_number and value >= 0 and (value < 1 or value == int(value)))
