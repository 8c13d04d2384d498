"""Work that processes of this machine share, and that leaves none behind."""

import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from alignfreeze.errors import AlignFreezeError

PROGRAM = "alignfreeze"
"""What the script is called that installing makes."""


def available_cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def runs_no_script_again() -> bool:
    """Whether a process that is spawned would run nothing of a caller's: it imports its script."""
    main = sys.modules["__main__"]
    if (spec := main.__spec__) is not None:
        return bool(spec.name.rpartition(".")[2] == "__main__")  # which no process imports
    file = getattr(main, "__file__", None)
    return file is None or Path(file).name == PROGRAM


@contextmanager
def process_pool(n_workers: int, dead: str) -> Iterator[ProcessPoolExecutor]:
    """Processes that are spawned for a block; what they have not finished after it is given up.

    Ctrl-C is left to this process, and they end with it, however it ends.

    Args:
        n_workers: How many, at most.
        dead: What is said if one dies.

    Raises:
        AlignFreezeError: If one dies.
    """
    before = set(multiprocessing.active_children())
    level = logging.getLogger("alignfreeze").getEffectiveLevel()
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(n_workers, spawn, _start_worker, (level, gc.get_threshold()))
    try:
        yield pool
    except BaseException as error:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        if isinstance(error, BrokenProcessPool):
            raise AlignFreezeError(dead) from error
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(level: int, collect_after: tuple[int, int, int]) -> None:
    """Leave Ctrl-C to the parent process, end with it, and leave it to say what is logged.

    Garbage is looked for as often as there.
    """
    gc.set_threshold(*collect_after)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel(level)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
