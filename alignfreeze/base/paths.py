"""Paths as they are given by users."""

from contextlib import suppress
from pathlib import Path

from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown


def existing_path(given: str) -> Path | None:
    """What is at a path, in which ``~`` is the home; ``None`` if nothing is, or nothing can be."""
    with suppress(OSError, RuntimeError):  # a name that is too long; the home of nobody
        path = Path(given).expanduser()
        return path if path.exists() else None
    return None


def user_path(given: str, option: str) -> Path:
    """The path that an option names, in which ``~`` is the home, whether something is there or not.

    Raises:
        ConfigError: If there can be none of that name.
    """
    try:
        path = Path(given).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.lstat()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{option} must be a path, got {shown(given)}: {reason}") from None
    return path
