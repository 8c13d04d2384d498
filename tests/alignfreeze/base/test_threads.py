import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest
import torch

from alignfreeze.base.threads import in_threads


@pytest.fixture(autouse=True)
def cores() -> Iterator[None]:
    """Three, whatever the machine has; as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 3])
def test_each_item_is_worked_on_once(threads):
    done: list[int] = []
    in_threads(done.extend, range(100), threads)
    assert sorted(done) == list(range(100))


def test_threads_work_at_once_with_one_core_each():
    """None of them passes the barrier before all are there."""
    barrier = threading.Barrier(3, timeout=600)
    seen: list[tuple[int, int]] = []

    def work(items: Iterator[int]) -> None:
        for _ in items:
            barrier.wait()
            seen.append((threading.get_ident(), torch.get_num_threads()))

    in_threads(work, range(3), 3)
    assert len({thread for thread, _ in seen}) == 3
    assert {cores for _, cores in seen} == {1}
    assert torch.get_num_threads() == 3


def test_one_thread_is_the_callers():
    found: list[tuple[int, int]] = []
    in_threads(
        lambda items: found.extend((threading.get_ident(), torch.get_num_threads()) for _ in items),
        [1],
        1,
    )
    assert found == [(threading.get_ident(), 3)]


def test_an_error_ends_all_of_them():
    """Also those that would never end."""

    def work(items: Iterator[int]) -> None:
        for number in items:
            if number == 5:
                raise ValueError("5 is bad")
            time.sleep(0.001)

    with pytest.raises(ValueError, match="5 is bad"):
        in_threads(work, count(), 3)
    assert torch.get_num_threads() == 3


def test_a_broken_source_ends_all_of_them():
    def items() -> Iterator[int]:
        yield 1
        raise OSError("unreadable")

    with pytest.raises(OSError, match="unreadable"):
        in_threads(lambda items: list(items), items(), 3)


def test_a_signal_ends_all_of_them(monkeypatch):
    started = threading.Event()

    def work(items: Iterator[int]) -> None:
        for _ in items:
            started.set()
            time.sleep(0.001)

    def interrupted(*args: object, **kwargs: object) -> None:
        started.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr("alignfreeze.base.threads.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        in_threads(work, count(), 3)
    assert torch.get_num_threads() == 3
