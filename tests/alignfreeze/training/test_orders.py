"""Orders drawn by arrays: those of a loop that draws row by row, wherever one enters."""

from itertools import count, islice

import numpy as np
import pytest

from alignfreeze.errors import TrainingError
from alignfreeze.training.orders import Epochs, MixedOrder

SIZES = [3, 10, 40]


def naive_epochs(size, random):
    """Pairs of epoch and row."""
    for epoch in count():
        yield from ((epoch, row) for row in random.permutation(size).tolist())


def naive_order(sizes, mix, seed):
    """Epoch of the corpus, corpus number and row number, row by row."""
    random = np.random.default_rng([seed, 0])
    if mix == "proportional":
        ends = np.cumsum(sizes)
        for epoch, row in naive_epochs(int(ends[-1]), random):
            corpus = int(np.searchsorted(ends, row, side="right"))
            yield epoch, corpus, row - int(ends[corpus]) + sizes[corpus]
    spawned = random.spawn(len(sizes))
    streams = [naive_epochs(size, own) for size, own in zip(sizes, spawned, strict=True)]
    while True:
        for corpus in random.permutation(len(sizes)).tolist():
            epoch, row = next(streams[corpus])
            yield epoch, corpus, row


def drawn(order: MixedOrder, n: int) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in order.take(n)), strict=True))


@pytest.mark.parametrize("mix", ["proportional", "uniform"])
@pytest.mark.parametrize("sizes", [SIZES, [1], [5, 1, 70_000]])
@pytest.mark.parametrize("skipped", [0, 1, 2, 53, 54, 1000])
def test_the_order_is_that_of_a_loop_wherever_one_enters(mix, sizes, skipped):
    expected = list(islice(naive_order(sizes, mix, 5), skipped, skipped + 400))
    order = MixedOrder(sizes, mix, 5).skip(skipped)
    found = [row for n in (0, 1, 7, 100, 3) for row in drawn(order, n)]
    found += drawn(order.skip(0), 100)
    assert found == expected[: len(found)]
    at = len(found)
    assert drawn(order.skip(50), 400 - at - 50) == expected[at + 50 :]


@pytest.mark.parametrize("mix", ["proportional", "uniform"])
def test_rows_are_counted_once_as_a_loop_counts_them(mix, monkeypatch):
    monkeypatch.setattr("alignfreeze.training.orders.SKIPPED", 7)
    for n in (0, 5, 30, 500):
        seen = {(corpus, row) for _, corpus, row in islice(naive_order(SIZES, mix, 3), n)}
        expected = [sum(own == corpus for own, _ in seen) for corpus in range(3)]
        assert MixedOrder(SIZES, mix, 3).taken(n) == expected


def test_epochs_hold_every_number_once():
    order = Epochs(7, np.random.default_rng(0))
    passes = [order.take(7) for _ in range(20)]
    for epoch, (epochs, rows) in enumerate(passes):
        assert epochs.tolist() == [epoch] * 7
        assert sorted(rows) == list(range(7))
    assert len({tuple(rows) for _, rows in passes}) > 1


@pytest.mark.parametrize("mix", ["proportional", "uniform"])
def test_without_a_row_there_is_no_order(mix):
    with pytest.raises(TrainingError, match="there must be a row to train on, got 0"):
        MixedOrder([0], mix, 0)


@pytest.mark.parametrize("mix", ["proportional", "uniform"])
def test_no_row_of_a_corpus_comes_again_before_all_came(mix):
    taken = drawn(MixedOrder(SIZES, mix, 5), 1000)
    for corpus, size in enumerate(SIZES):
        rows = [row for _, number, row in taken if number == corpus]
        epochs_of = [epoch for epoch, number, _ in taken if number == corpus]
        assert epochs_of == [place // size for place in range(len(rows))]
        assert set(rows) == set(range(size))
        cut = [rows[begin : begin + size] for begin in range(0, len(rows), size)]
        assert all(len(set(part)) == len(part) for part in cut)


def test_proportional_is_every_row_of_every_corpus():
    taken = drawn(MixedOrder(SIZES, "proportional", 0), 4 * sum(SIZES))
    everything = {(corpus, row) for corpus, size in enumerate(SIZES) for row in range(size)}
    for epoch in range(4):
        part = taken[epoch * sum(SIZES) : (epoch + 1) * sum(SIZES)]
        assert len(part) == len(set(part))
        assert set(part) == {(epoch, *row) for row in everything}


def test_uniform_is_one_row_of_each_corpus_in_turn():
    taken = MixedOrder(SIZES, "uniform", 0).take(300).corpora.tolist()
    turns = [taken[begin : begin + 3] for begin in range(0, 300, 3)]
    assert all(sorted(turn) == [0, 1, 2] for turn in turns)
    assert len({tuple(turn) for turn in turns}) == 6


@pytest.mark.parametrize("mix", ["proportional", "uniform"])
def test_the_order_is_the_seeds(mix):
    one, again, other = (drawn(MixedOrder(SIZES, mix, s), 200) for s in (1, 1, 2))
    assert one == again
    assert one != other
