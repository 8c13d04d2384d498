"""In which order rows are drawn: a function of the seed alone, drawn by arrays.

A row of one's own for each is too much work for tens of millions of them: what is skipped costs
the shuffling of the epochs alone, 4 bytes a row and some nanoseconds.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignfreeze.errors import TrainingError

Ints = NDArray[np.int64]

SKIPPED = 1 << 20
"""Rows that are drawn at a time to count what they are."""


class Epochs:
    """All of ``range(size)`` in random order, again and again.

    Args:
        size: How many there are.
        random: Shuffles each epoch, as its ``permutation`` would.

    Raises:
        TrainingError: If there is no row.
    """

    def __init__(self, size: int, random: np.random.Generator) -> None:
        if size < 1:
            raise TrainingError(f"there must be a row to train on, got {size}")
        self._size = size
        self._random = random
        self._type = np.int32 if size <= np.iinfo(np.int32).max else np.int64
        self._epoch = -1
        self._order: NDArray[np.int32 | np.int64] = np.empty(0, self._type)
        self._next = size  # the place in the epoch

    def skip(self, count: int) -> None:
        """Go on as if so many rows were drawn."""
        self._next += count
        while self._next > self._size:  # at its end the next epoch is yet to be shuffled
            self._shuffle()

    def take(self, count: int) -> tuple[Ints, Ints]:
        """The epochs and the numbers of the next rows, each of shape (count,)."""
        epochs, rows = np.empty(count, np.int64), np.empty(count, np.int64)
        done = 0
        while done < count:
            if self._next == self._size:
                self._shuffle()
            found = self._order[self._next : self._next + count - done]
            epochs[done : done + len(found)] = self._epoch
            rows[done : done + len(found)] = found
            self._next += len(found)
            done += len(found)
        return epochs, rows

    def _shuffle(self) -> None:
        self._order = np.empty(0, self._type)  # never two at once
        self._order = np.arange(self._size, dtype=self._type)
        self._random.shuffle(self._order)
        self._epoch += 1
        self._next -= self._size


class Draws(NamedTuple):
    """Rows of several corpora in order: of which epoch, which corpus and which row; (rows,)."""

    epochs: Ints
    corpora: Ints
    rows: Ints

    @property
    def places(self) -> list[tuple[int, int]]:
        """The corpus and the row of each."""
        return list(zip(self.corpora.tolist(), self.rows.tolist(), strict=True))


class MixedOrder:
    """Rows of several corpora in random order, without end.

    No row of a corpus comes again before all of its rows have come.

    Args:
        sizes: Rows of each corpus, all at least 1.
        mix: ``proportional``: every row of every corpus once, then again; ``uniform``: one row
            of each corpus in turn (a smaller corpus then comes round more often).
        seed: Decides the order.

    Raises:
        TrainingError: If there is no row.
    """

    def __init__(
        self, sizes: Sequence[int], mix: Literal["proportional", "uniform"], seed: int
    ) -> None:
        random = np.random.default_rng([seed, 0])
        kind = _Proportional if mix == "proportional" else _Uniform
        self._order: _Proportional | _Uniform = kind(sizes, random)
        self._sizes = sizes

    def skip(self, count: int) -> "MixedOrder":
        """Go on as if so many rows were drawn."""
        self._order.skip(count)
        return self

    def take(self, count: int) -> Draws:
        """The next rows."""
        return self._order.take(count)

    def taken(self, count: int) -> list[int]:
        """How many rows of each corpus are among the next ones, each once."""
        begins = np.concatenate(([0], np.cumsum(self._sizes)))
        seen = np.zeros(begins[-1], np.bool_)
        for done in range(0, count, SKIPPED):
            drawn = self.take(min(SKIPPED, count - done))
            seen[begins[drawn.corpora] + drawn.rows] = True
        return [int(np.count_nonzero(seen[a:b])) for a, b in pairwise(begins)]


class _Proportional:
    """Every row of every corpus once, then again."""

    def __init__(self, sizes: Sequence[int], random: np.random.Generator) -> None:
        self._ends = np.cumsum(sizes)
        self._begins = self._ends - np.asarray(sizes)
        self._epochs = Epochs(int(self._ends[-1]), random)

    def skip(self, count: int) -> None:
        self._epochs.skip(count)

    def take(self, count: int) -> Draws:
        epochs, rows = self._epochs.take(count)
        corpora = np.searchsorted(self._ends, rows, side="right")
        return Draws(epochs, corpora, rows - self._begins[corpora])


class _Uniform:
    """One row of each corpus in turn, in another order in each round."""

    def __init__(self, sizes: Sequence[int], random: np.random.Generator) -> None:
        spawned = random.spawn(len(sizes))
        self._epochs = [Epochs(size, own) for size, own in zip(sizes, spawned, strict=True)]
        self._random = random
        self._left = self._rounds(0)  # of the last round that was begun

    def skip(self, count: int) -> None:
        inside = min(count, len(self._left.rows))
        self.take(inside)
        rounds, rest = divmod(count - inside, len(self._epochs))
        for _ in range(rounds):
            self._random.permutation(len(self._epochs))
        for epochs in self._epochs:
            epochs.skip(rounds)
        self.take(rest)

    def take(self, count: int) -> Draws:
        missing = max(0, count - len(self._left.rows))
        new = self._rounds(-(-missing // len(self._epochs)))
        both = [np.concatenate(columns) for columns in zip(self._left, new, strict=True)]
        self._left = Draws(*(column[count:] for column in both))
        return Draws(*(column[:count] for column in both))

    def _rounds(self, count: int) -> Draws:
        """So many whole rounds."""
        n_corpora = len(self._epochs)
        turns = [self._random.permutation(n_corpora) for _ in range(count)]
        corpora = np.array(turns, dtype=np.int64).reshape(count, n_corpora)
        drawn = np.array([epochs.take(count) for epochs in self._epochs])  # (corpora, 2, rounds)
        numbers = np.arange(count)[:, None]
        epochs, rows = drawn[corpora, 0, numbers], drawn[corpora, 1, numbers]
        return Draws(epochs.ravel(), corpora.ravel(), rows.ravel())
