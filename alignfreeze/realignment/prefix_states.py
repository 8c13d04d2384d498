"""States of sentences, kept by sentence: in memory as far as a budget goes, the others on disk."""

import errno
import logging
import os
import shutil
import tempfile
import weakref
from pathlib import Path

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

MEBIBYTE = 1 << 20
RESERVE = 4096 * MEBIBYTE
"""Bytes of a disk that are left to others."""


class PrefixCache:
    """The states that one pretrained encoder's frozen prefixes make, by their length.

    Args:
        memory: MiB to keep in memory.
        folder: For what goes beyond: a file without a name, which goes with the process.

    Attributes:
        left: Bytes of memory that are not taken yet.
    """

    def __init__(self, memory: int, folder: Path) -> None:
        self.left = memory * MEBIBYTE
        self.folder = folder
        self._stores: dict[tuple[str, int], StateStore] = {}
        self._file: int | None = None
        self._end = 0
        self._full = False

    def store(self, precision: str, boundary: int, dtype: torch.dtype) -> "StateStore":
        """The states before a layer, computed in a precision; on disk in a type that holds them."""
        # A store holds no cache, so that the memory is free as soon as nothing holds the cache.
        store = StateStore(weakref.proxy(self), dtype)
        return self._stores.setdefault((precision, boundary), store)

    def below(self, precision: str, boundary: int) -> list[tuple[int, "StateStore"]]:
        """Stores that states before a layer can be computed from, the nearest first."""
        found = [
            (start, store)
            for (own, start), store in self._stores.items()
            if own == precision and start < boundary
        ]
        return sorted(found, key=lambda pair: -pair[0])

    def write(self, content: bytes) -> int | None:
        """Where the file has some bytes from now on; ``None``, with a warning, on a full disk."""
        if self._full:
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._file is None:
                self._file, name = tempfile.mkstemp(dir=self.folder)
                weakref.finalize(self, os.close, self._file)
                Path(name).unlink()
            room = shutil.disk_usage(self.folder).free >= RESERVE + len(content)
            if not room or os.pwrite(self._file, content, self._end) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._full = True
            reason = error.strerror
            logger.warning("prefix: no more states are kept, in %s: %s", self.folder, reason)
            return None
        self._end += len(content)
        return self._end - len(content)

    def read(self, begin: int, size: int) -> bytearray:
        """Bytes of the file."""
        assert self._file is not None, "nothing is written yet"
        return bytearray(os.pread(self._file, size, begin))


class StateStore:
    """States of sentences before one layer, in a cache's memory, or as ``dtype`` in its file."""

    def __init__(self, cache: PrefixCache, dtype: torch.dtype) -> None:
        self._cache = cache
        self._dtype = dtype
        self._memory: dict[bytes, Tensor] = {}
        self._places: dict[bytes, tuple[int, torch.Size]] = {}

    def __len__(self) -> int:
        return len(self._memory) + self.on_disk

    def __contains__(self, key: bytes) -> bool:
        return key in self._memory or key in self._places

    @property
    def on_disk(self) -> int:
        """How many sentences are in the file."""
        return len(self._places)

    def get(self, key: bytes) -> Tensor:
        """A sentence's states of shape (subwords, hidden), in 32 bits.

        Raises:
            KeyError: If it is not there.
        """
        if key in self._memory:
            return self._memory[key].float()
        begin, shape = self._places[key]
        content = self._cache.read(begin, shape.numel() * self._dtype.itemsize)
        return torch.frombuffer(content, dtype=self._dtype).view(shape).float()

    def add(self, key: bytes, states: Tensor) -> None:
        """Keep a sentence's states of shape (subwords, hidden), if there is room.

        What `get` returns are the same numbers, so that it makes no difference what was kept
        where; those that the file's cannot hold are kept in memory alone.
        """
        size = states.numel() * states.element_size()
        if size <= self._cache.left:
            self._cache.left -= size
            self._memory[key] = states.clone()
            return
        held = states.to(self._dtype)
        if torch.equal(held.to(states.dtype), states):
            begin = self._cache.write(held.numpy().tobytes())
            if begin is not None:
                self._places[key] = begin, held.shape
