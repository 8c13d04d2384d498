"""Paths as they are given by users."""

from contextlib import suppress
from pathlib import Path


def existing_path(given: str) -> Path | None:
    """What is at a path, in which ``~`` is the home; ``None`` if nothing is, or nothing can be."""
    with suppress(OSError, RuntimeError):  # a name that is too long; the home of nobody
        path = Path(given).expanduser()
        return path if path.exists() else None
    return None
