"""States of sentences, kept by sentence: in memory as far as a budget goes, the others on disk."""

import errno
import logging
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

logger = logging.getLogger(__name__)

MEBIBYTE = 1 << 20
SEGMENT = 64 * MEBIBYTE
"""Bytes of the first file of states; each next one has twice as many."""

LARGEST = 4096 * MEBIBYTE
"""Bytes of a file of states, at most: there are few, as each takes a file descriptor."""

RESERVE = 4096 * MEBIBYTE
"""Bytes of a disk that are left to others."""


class Budget:
    """Bytes of memory that several stores share.

    Args:
        left: So many.
    """

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, size: int) -> bool:
        """Take so many, if they are left."""
        if size > self._left:
            return False
        self._left -= size
        return True


class StateStore:
    """States of sentences: in memory as far as a budget goes, the others in files.

    Args:
        budget: Memory, shared with other stores.
        folder: Where the files of states are, which have no names and go with the process.
        dtype: Of the numbers in files.

    Attributes:
        on_disk: How many sentences are in files.
    """

    def __init__(self, budget: Budget, folder: Path, dtype: torch.dtype) -> None:
        self._budget = budget
        self._folder = folder
        self._dtype = dtype
        self._memory: dict[bytes, Tensor] = {}
        self._places: dict[bytes, tuple[int, int, int]] = {}
        self._segments: list[Tensor] = []
        self._used = 0
        self._full = False

    def __len__(self) -> int:
        return len(self._memory) + self.on_disk

    def __contains__(self, key: bytes) -> bool:
        return key in self._memory or key in self._places

    @property
    def on_disk(self) -> int:
        """How many sentences are in files."""
        return len(self._places)

    def get(self, key: bytes) -> Tensor:
        """A sentence's states of shape (subwords, hidden), in 32 bits.

        Raises:
            KeyError: If it is not there.
        """
        if key in self._memory:
            return self._memory[key].float()
        segment, begin, end = self._places[key]
        return self._segments[segment][begin:end].to(torch.float32, copy=True)

    def add(self, key: bytes, states: Tensor) -> None:
        """Keep a sentence's states of shape (subwords, hidden), if there is room.

        What `get` returns are the same numbers, so that it makes no difference what was kept
        where; those that a file's cannot hold are kept in memory alone.
        """
        size = states.numel() * states.element_size()
        if self._budget.take(size):
            self._memory[key] = states.clone()
        elif not self._full:
            self._write(key, states)

    def _write(self, key: bytes, states: Tensor) -> None:
        held = states.to(self._dtype)
        if not torch.equal(held.to(states.dtype), states):
            return
        rows, width = held.shape
        row = width * held.element_size()
        try:
            if not self._segments or self._used + rows > len(self._segments[-1]):
                size = min(SEGMENT << len(self._segments), LARGEST)
                self._segments.append(self._segment(max(rows, size // row), width))
                self._used = 0
        except OSError as error:
            self._full = True
            reason = error.strerror
            logger.warning("prefix: no more states are kept, in %s: %s", self._folder, reason)
            return
        end = self._used + rows
        self._segments[-1][self._used : end] = held
        self._places[key] = (len(self._segments) - 1, self._used, end)
        self._used = end

    def _segment(self, rows: int, width: int) -> Tensor:
        self._folder.mkdir(parents=True, exist_ok=True)
        size = rows * width * self._dtype.itemsize
        if shutil.disk_usage(self._folder).free < RESERVE + size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with tempfile.TemporaryFile(dir=self._folder) as file:
            # A hole in the file that the disk has no room for would kill the process.
            _allocate(file.fileno(), size)
            mapped = np.memmap(file, np.uint8, "r+", shape=(size,))
        return torch.from_numpy(mapped).view(self._dtype).view(rows, width)


def _allocate(file: int, size: int) -> None:
    """Give a file so many bytes of the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    for begin in range(0, size, MEBIBYTE):
        os.write(file, bytes(min(MEBIBYTE, size - begin)))


class PrefixCache:
    """The states that one pretrained encoder's frozen prefixes make, by their length.

    Args:
        memory: MiB to keep in memory.
        folder: For what goes beyond.
    """

    def __init__(self, memory: int, folder: Path) -> None:
        self._budget = Budget(memory * MEBIBYTE)
        self._folder = folder
        self._stores: dict[tuple[str, int], StateStore] = {}

    def store(self, precision: str, boundary: int, dtype: torch.dtype) -> StateStore:
        """The states before a layer, computed in a precision; on disk in a type that holds them."""
        return self._stores.setdefault(
            (precision, boundary), StateStore(self._budget, self._folder, dtype)
        )

    def below(self, precision: str, boundary: int) -> list[tuple[int, StateStore]]:
        """Stores that states before a layer can be computed from, the nearest first."""
        found = [
            (start, store)
            for (own, start), store in self._stores.items()
            if own == precision and start < boundary
        ]
        return sorted(found, key=lambda pair: -pair[0])
