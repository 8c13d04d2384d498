import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest
import torch

from alignfreeze.base.threads import in_threads, made_ahead


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


@pytest.mark.parametrize("most", [0, 1, 3, 100])
def test_items_made_ahead_come_in_their_order(most):
    with made_ahead(iter(range(20)), most) as items:
        assert list(items) == list(range(20))


def test_no_more_are_made_ahead_than_there_is_room_for():
    made: list[int] = []
    enough = threading.Event()

    def making() -> Iterator[int]:
        for number in count():
            made.append(number)
            if number == 4:
                enough.set()
            yield number

    with made_ahead(making(), 3) as items:
        assert [next(items), next(items)] == [0, 1]
        assert enough.wait(600)
    assert made == list(range(5))


@pytest.mark.parametrize("most", [0, 2])
def test_an_error_of_making_comes_where_the_item_would_be_taken(most):
    def making() -> Iterator[int]:
        yield 0
        yield 1
        raise ValueError("2 is bad")

    with made_ahead(making(), most) as items:
        assert [next(items), next(items)] == [0, 1]
        with pytest.raises(ValueError, match="2 is bad"):
            next(items)


def test_the_maker_ends_with_the_context_even_if_that_raises():
    before = threading.active_count()

    def use() -> None:
        with made_ahead(iter(range(100)), 2) as items:
            next(items)
            assert threading.active_count() == before + 1
            raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        use()
    assert threading.active_count() == before
