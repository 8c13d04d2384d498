"""What live processes of this machine have open: that is nobody's to remove."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import psutil

from alignfreeze.base.caching import LOCK_ENDING, lock_file, locked


def open_paths(root: Path) -> set[Path]:
    """The files below a folder that processes have open, or in their memory."""
    root = root.resolve()
    found: set[Path] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            names = [file.path for file in process.open_files()]
            names += [part.path for part in process.memory_maps()]
            found.update(path for path in map(Path, names) if path.is_relative_to(root))
    return found


def has_lock(path: Path) -> bool:
    """Whether a file, or the one beside it, is or was a lock."""
    return path.name.endswith(LOCK_ENDING) or lock_file(path).is_file()


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Hold the lock of a path, or the lock that it is; without one there is nothing to hold.

    Raises:
        BlockingIOError: If a process holds it.
        OSError: If that cannot be told.
    """
    own = path.with_name(path.name.removesuffix(LOCK_ENDING))
    with locked(own, wait=0) if has_lock(path) else nullcontext():
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of a path, or the lock that it is, as far as can be told."""
    try:
        with holding(path):
            return False
    except FileNotFoundError:
        return False
    except (OSError, NotImplementedError):  # others may know how to lock there
        return True
