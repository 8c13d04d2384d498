"""Paths: as they are given by users, and where computed data is kept."""

import os
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_dir

from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown

LONGEST = 4096
"""Characters of a path; the systems that have a limit have this one."""


def cache_root() -> Path:
    """The folder that caches live in: ``$ALIGNFREEZE_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("ALIGNFREEZE_CACHE") or user_cache_dir("alignfreeze"))


def existing_path(given: str) -> Path | None:
    """What is at a path, in which ``~`` is the home; ``None`` if nothing is, or nothing can be."""
    with suppress(OSError, ConfigError):  # a name that is too long
        path = user_path("a path", given)
        return path if path.exists() else None
    return None


def existing_folder(given: str) -> Path | None:
    """The folder at a path, as `existing_path`; ``None`` if it is none."""
    path = existing_path(given)
    return path if path is not None and path.is_dir() else None


def user_path(option: str, given: str) -> Path:
    """A path, in which ``~`` is the home.

    Raises:
        ConfigError: If no system knows such a path; names the option that it was given for.
    """
    try:
        path = Path(given).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.lstat()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{option} must be a path, got {shown(given)}: {reason}") from None
    return path
