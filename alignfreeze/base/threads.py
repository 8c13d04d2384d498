"""Work that is shared among threads, each of which computes with one core of the CPU.

Two batches at once, one core each, are faster than one batch on two cores: no core waits for the
other after each operation.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

T = TypeVar("T")


def in_threads(work: Callable[[Iterator[T]], None], items: Iterable[T], threads: int) -> None:
    """Share items among threads.

    Args:
        work: Called once in each thread, with an iterator over the items that are its own.
        items: Taken one after the other, as the threads come to them.
        threads: How many; 1 is the thread of the caller, with as many cores as it has.

    Raises:
        BaseException: What ``work`` raises first, or what comes to the caller meanwhile, such as
            a signal; all threads have ended then.
    """
    if threads == 1:
        work(iter(items))
        return
    iterator, lock, over = iter(items), threading.Lock(), threading.Event()

    def own() -> Iterator[T]:
        while True:
            with lock:
                if over.is_set():
                    return
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def alone() -> None:
        torch.set_num_threads(1)
        try:
            work(own())
        finally:
            # Whether by an error or by the end of the items, there is nothing to go on with.
            over.set()

    cores = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, thread_name_prefix="alignfreeze") as pool:
            try:
                running = [pool.submit(alone) for _ in range(threads)]
                wait(running, return_when=FIRST_EXCEPTION)
            finally:
                over.set()  # each ends after what it has in hand
        for ended in running:
            ended.result()
    finally:
        # It is also what threads get that start later.
        torch.set_num_threads(cores)
