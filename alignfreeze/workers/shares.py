"""How the cores and GPUs of a machine, or of a cluster, are divided among workers."""

import logging
import math
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction

logger = logging.getLogger(__name__)

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
GPUS = "CUDA_VISIBLE_DEVICES"

RAY_STEPS = 10_000
"""Ray counts fractions of a core, or of a GPU, in steps of one such part."""


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_settings(cores: int, workers: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that make each worker use its part of the cores.

    Args:
        cores: Cores of the machine.
        workers: Workers on it.
        environment: What the user has set, which goes before.
    """
    if "OMP_NUM_THREADS" in environment:  # MKL takes it, too, where it has none of its own.
        return {}
    threads = str(max(1, cores // workers))
    return {name: threads for name in THREADS if name not in environment}


def gpu_names(listed: str | None, count: int) -> list[str]:
    """Names of the GPUs that may be used, as CUDA_VISIBLE_DEVICES has them.

    Args:
        listed: The variable, ``None`` where it is not set.
        count: GPUs that CUDA finds under it: it stops at the first name that is not valid.
    """
    names = [str(number) for number in range(count)] if listed is None else listed.split(",")
    return [name.strip() for name in names[:count]]


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use; makes no CUDA context."""
    # Not above: the process that starts a worker in a job has no other use for it.
    import torch

    return gpu_names(os.environ.get(GPUS), torch.cuda.device_count())


def gpu_settings(names: Sequence[str], workers: int) -> list[dict[str, str]]:
    """Variables that give each worker one GPU; workers share them where they are fewer.

    Args:
        names: The GPUs, as in `gpu_names`.
        workers: How many there are; the shares of a GPU differ by one worker at most.
    """
    if not names:
        return [{} for _ in range(workers)]
    return [{GPUS: names[worker % len(names)]} for worker in range(workers)]


def machine_settings(workers: int, environment: Mapping[str, str]) -> list[dict[str, str]]:
    """Variables that divide this machine among workers.

    Args:
        workers: How many there are.
        environment: What the user has set for them, which goes before.
    """
    names = visible_gpus()
    if len(names) > workers:
        logger.warning(
            "%d of %d GPUs stay idle, since a worker uses one: workers=%d would use them all",
            len(names) - workers,
            len(names),
            len(names),
        )
    threads = thread_settings(available_cores(), workers, {**os.environ, **environment})
    return [{**threads, **gpu} for gpu in gpu_settings(names, workers)]


def cluster_shares(nodes: Sequence[tuple[float, float]], workers: int) -> tuple[float, float]:
    """The most cores and GPUs that each of so many workers can have at the same time.

    A worker is on one node and uses at most one GPU, in whole or in part.

    Args:
        nodes: Cores and GPUs of each node.
        workers: How many there are.

    Returns:
        Cores, a whole number unless they are less than one, and GPUs, in [0, 1]. Cores are 0
        where no node has any (with a GPU, if there are GPUs).
    """
    gpus = sum(int(gpus) for _, gpus in nodes)
    sharing = math.ceil(workers / gpus) if gpus else 0
    # Where a node has no GPU, no worker can run that wants one.
    rooms = [
        (Fraction(cores), int(node_gpus) * sharing if gpus else workers)
        for cores, node_gpus in nodes
        if cores > 0 and (int(node_gpus) > 0 or not gpus)
    ]

    def fits(share: Fraction) -> bool:
        return sum(min(int(cores / share), room) for cores, room in rooms) >= workers

    shares = {cores / parts for cores, _ in rooms for parts in range(1, workers + 1)}
    cores = max(filter(fits, shares), default=Fraction(0))
    return _rounded(cores), _rounded(Fraction(1, sharing)) if gpus else 0.0


def places(nodes: Sequence[tuple[float, float]], cpus: float, gpus: float) -> int | None:
    """How many workers of so many cores and GPUs each a cluster has room for at the same time.

    Args:
        nodes: Cores and GPUs of each node.
        cpus: Cores of a worker.
        gpus: GPUs of a worker, in [0, 1] or a whole number.

    Returns:
        The number, or ``None`` where a worker takes nothing, so that there is no limit.
    """
    core_share, gpu_share = (Fraction(n).limit_denominator(RAY_STEPS) for n in (cpus, gpus))
    if not core_share and not gpu_share:
        return None
    rooms = []
    for node_cpus, node_gpus in nodes:
        by_core = [int(Fraction(node_cpus) / core_share)] if core_share else []
        # A part of a GPU is of one GPU, so what is left of several is no room.
        per_gpu = int(1 / gpu_share) if 0 < gpu_share < 1 else 1 / gpu_share if gpu_share else 0
        by_gpu = [int(int(node_gpus) * per_gpu)] if gpu_share else []
        rooms.append(min(by_core + by_gpu))
    return sum(rooms)


def _rounded(share: Fraction) -> float:
    """The next lower share that Ray takes."""
    return float(int(share)) if share >= 1 else int(share * RAY_STEPS) / RAY_STEPS
