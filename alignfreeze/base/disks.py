"""Disks: how much is free where, what moves a folder elsewhere, whether something will fit."""

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rich.filesize import decimal

from alignfreeze.base.paths import cache_root
from alignfreeze.errors import ResourceError

LITTLE = 64 << 20
"""Bytes that a disk which has no more free counts as full."""

_MOVES = {
    "cache": "ALIGNFREEZE_CACHE=FOLDER moves the cache",
    "hub": "HF_HOME=FOLDER moves what the hub's client keeps",
    "temporary": "TMPDIR=FOLDER moves temporary files",
    "other": "MLFLOW_TRACKING_URI moves runs and their artifacts, storage a study, output files",
}

_TEMPORARY = ("alignfreeze-", "tmp")
"""What the names of temporary files and folders begin with; others of their folder are a user's."""


class Need(NamedTuple):
    """Bytes that are going to be written into a folder, and what they are."""

    folder: Path
    size: int
    what: str


def temporary_folder() -> Path | None:
    """The folder for temporary files; ``None`` if none can be written to."""
    with suppress(OSError):
        return Path(tempfile.gettempdir())
    return None


def _there(path: Path) -> Path:
    """The nearest folder of a path that exists."""
    path = path.absolute()
    return next((p for p in (path, *path.parents) if p.is_dir()), Path("/"))


def free_in(folder: Path) -> int | None:
    """Bytes that are free where a folder is, or will be; ``None`` if that cannot be told."""
    with suppress(OSError):
        return shutil.disk_usage(_there(folder)).free
    return None


def free_text(folder: Path) -> str:
    """How much is free where a folder is, for a person: ``3.1 MB are free in /tmp``."""
    free = free_in(folder)
    return f"in {folder}" if free is None else f"{decimal(free)} are free in {folder}"


DATABASE_REMEDY = f"make room; {_MOVES['other']}"


def remedy(path: Path | None, *, full: bool = True) -> str:
    """What makes room where a path is, if it is full, and takes what is written there elsewhere."""
    if path is None:
        return f"{'make room; ' if full else ''}{', '.join(_MOVES.values())}"
    kind = _kind_of(path)
    room = "`alignfreeze cache prune` makes room" if kind == "cache" else "make room there"
    return f"{room}; {_MOVES[kind]}" if full else _MOVES[kind]


def is_ours(path: Path) -> bool:
    """Whether a path is in a folder that is written to without being named."""
    return _kind_of(path) != "other"


def _kind_of(path: Path) -> str:
    """Of the places of `_MOVES` the one that a path is in."""
    path, temporary = path.absolute(), temporary_folder()
    if path.is_relative_to(cache_root().absolute()):
        return "cache"
    if path.is_relative_to(_hub_folder().absolute()):
        return "hub"
    if temporary is not None and path.is_relative_to(temporary := temporary.absolute()):
        own = path.relative_to(temporary).parts[:1]
        return "temporary" if own and own[0].startswith(_TEMPORARY) else "other"
    return "other"


def _hub_folder() -> Path:
    """Where the hub's client keeps what it fetches."""
    return Path(os.environ.get("HF_HOME") or Path("~/.cache/huggingface").expanduser())


def fullest() -> Path | None:
    """The folder of ours whose disk is full; ``None`` if that is none, or several are.

    The system does not say which file of a process it has no room for.
    """
    places = [cache_root(), _hub_folder(), temporary_folder(), Path.cwd()]
    full: dict[int, Path] = {}
    for place in places:
        free = None if place is None else free_in(place)
        if place is not None and free is not None and free < LITTLE:
            full.setdefault(_there(place).stat().st_dev, place)
    return next(iter(full.values())) if len(full) == 1 else None


def require_room(needs: Iterable[Need], hint: str = "") -> None:
    """Check that what is going to be written fits onto its disks.

    Args:
        needs: What is written where, all to be there at once.
        hint: What else than room helps, for the error.

    Raises:
        ResourceError: If a disk has not enough room; says what is needed, and what is free.
    """
    disks: defaultdict[int, list[Need]] = defaultdict(list)
    for need in needs:
        with suppress(OSError):
            disks[_there(need.folder).stat().st_dev].append(need)
    for together in disks.values():
        size, folder = sum(need.size for need in together), together[0].folder
        free = free_in(folder)
        if free is None or free >= size:
            continue
        what = " and ".join(dict.fromkeys(need.what for need in together))
        raise ResourceError(
            f"{what} will not fit: {decimal(size)} are needed and {free_text(folder)}; "
            f"{remedy(folder)}{hint and f'; {hint}'}"
        )
