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


class PrefixCache:
    """The states that one pretrained encoder's frozen prefixes make, by their length.

    Args:
        memory: MiB to keep in memory.
        folder: For what goes beyond: files without names, which go with the process.

    Attributes:
        left: Bytes of memory that are not taken yet.
    """

    def __init__(self, memory: int, folder: Path) -> None:
        self.left = memory * MEBIBYTE
        self.folder = folder
        self._stores: dict[tuple[str, int], StateStore] = {}

    def store(self, precision: str, boundary: int, dtype: torch.dtype) -> "StateStore":
        """The states before a layer, computed in a precision; on disk in a type that holds them."""
        return self._stores.setdefault((precision, boundary), StateStore(self, dtype))

    def below(self, precision: str, boundary: int) -> list[tuple[int, "StateStore"]]:
        """Stores that states before a layer can be computed from, the nearest first."""
        found = [
            (start, store)
            for (own, start), store in self._stores.items()
            if own == precision and start < boundary
        ]
        return sorted(found, key=lambda pair: -pair[0])


class StateStore:
    """States of sentences before one layer.

    Args:
        cache: Has the memory and the folder that they take.
        dtype: Of the numbers in files.

    Attributes:
        on_disk: How many sentences are in files.
    """

    def __init__(self, cache: PrefixCache, dtype: torch.dtype) -> None:
        self.on_disk = 0
        self._cache = cache
        self._dtype = dtype
        self._kept: dict[bytes, Tensor] = {}
        self._segments: list[Tensor] = []
        self._used = 0
        self._full = False

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: bytes) -> bool:
        return key in self._kept

    def get(self, key: bytes) -> Tensor:
        """A sentence's states of shape (subwords, hidden), in 32 bits.

        Raises:
            KeyError: If it is not there.
        """
        return self._kept[key].float()

    def add(self, key: bytes, states: Tensor) -> None:
        """Keep a sentence's states of shape (subwords, hidden), if there is room.

        What `get` returns are the same numbers, so that it makes no difference what was kept
        where; those that a file's cannot hold are kept in memory alone.
        """
        size = states.numel() * states.element_size()
        if size <= self._cache.left:
            self._cache.left -= size
            self._kept[key] = states.clone()
        elif not self._full:
            self._write(key, states)

    def _write(self, key: bytes, states: Tensor) -> None:
        held = states.to(self._dtype)
        if not torch.equal(held.to(states.dtype), states):
            return
        begin, end = self._used, self._used + len(held)
        if not self._segments or end > len(self._segments[-1]):
            try:
                self._segments.append(self._segment(*held.shape))
            except OSError as error:
                self._full = True
                place, reason = self._cache.folder, error.strerror
                logger.warning("prefix: no more states are kept, in %s: %s", place, reason)
                return
            begin, end = 0, len(held)
        self._kept[key] = self._segments[-1][begin:end].copy_(held)
        self._used = end
        self.on_disk += 1

    def _segment(self, rows: int, width: int) -> Tensor:
        """The next file, of shape (at least so many rows, width)."""
        folder, row = self._cache.folder, width * self._dtype.itemsize
        rows = max(rows, min(SEGMENT << len(self._segments), LARGEST) // row)
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < RESERVE + rows * row:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with tempfile.TemporaryFile(dir=folder) as file:
            # A hole in the file that the disk has no room for would kill the process.
            _allocate(file.fileno(), rows * row)
            mapped = np.memmap(file, np.uint8, "r+", shape=(rows * row,))
        return torch.from_numpy(mapped).view(self._dtype).view(rows, width)


def _allocate(file: int, size: int) -> None:
    """Give a file so many bytes of the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    for begin in range(0, size, MEBIBYTE):
        os.write(file, bytes(min(MEBIBYTE, size - begin)))
