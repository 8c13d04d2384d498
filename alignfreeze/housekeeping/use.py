"""What live processes of this machine have open: that is nobody's to remove."""

from contextlib import suppress
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


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of a path, or the lock that it is."""
    try:
        with locked(path.with_name(path.name.removesuffix(LOCK_ENDING)), wait=0):
            return False
    except BlockingIOError:
        return True
    except (OSError, NotImplementedError):
        return False
