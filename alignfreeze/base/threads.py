"""Work that is shared among threads, and work that a thread does ahead of its use.

Two batches at once, one core each, are faster than one batch on two cores: no core waits for the
other after each operation.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, TypeVar

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


@contextmanager
def made_ahead(items: Iterator[T], most: int) -> Iterator[Iterator[T]]:
    """Let a thread make items while those before them are used.

    They come in their order, each once. What making one raises is raised where it would be taken.
    The thread ends with the context, after the item in hand; nothing else touches ``items``
    meanwhile.

    Args:
        items: Made one after the other, as long as there is room.
        most: How many may be made that were not taken yet; 0: no thread, each when it is taken.
    """
    if most == 0:
        yield items
        return
    maker = _Maker(items, most)
    thread = threading.Thread(target=maker.make, name="alignfreeze-ahead", daemon=True)
    thread.start()
    try:
        yield maker.taken()
    finally:
        maker.over = True
        maker.room.release()  # it may be waiting for some
        thread.join()


class _Maker(Generic[T]):
    """Makes items in a thread, and hands them over to another."""

    def __init__(self, items: Iterator[T], most: int) -> None:
        self.items = items
        self.room = threading.Semaphore(most)
        self.over = False
        self.made: SimpleQueue[tuple[T] | BaseException] = SimpleQueue()

    def make(self) -> None:
        """Make them all, or until it is over; the last that is handed over says why it ended."""
        try:
            while True:
                self.room.acquire()
                if self.over:
                    return
                self.made.put((next(self.items),))
        except BaseException as error:  # noqa: BLE001 - raised where the item would be taken
            self.made.put(error)

    def taken(self) -> Iterator[T]:
        """The items."""
        while True:
            found = self.made.get()
            if isinstance(found, StopIteration):
                return
            if isinstance(found, BaseException):
                raise found
            self.room.release()
            yield found[0]
