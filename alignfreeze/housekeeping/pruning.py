"""The cache, shown and pruned."""

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from rich.filesize import decimal
from rich.table import Table

from alignfreeze.base.caching import LOCK_ENDING, lock_file
from alignfreeze.base.paths import cache_root
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.housekeeping.contents import CACHES, DOOMED, Entry, Kind, entries_of
from alignfreeze.housekeeping.use import holding
from alignfreeze.housekeeping.verdicts import DAY, HOUR, Judge, Verdict, age_text
from alignfreeze.messages import LONG, listed, shown

UNITS = {"h": HOUR, "d": DAY, "w": 7 * DAY}
_AGE = re.compile(r"(\d{1,6})([hdw]?)")


@dataclass(frozen=True)
class Cache:
    """What is in a cache, each entry with whether it may go, at a time."""

    root: Path
    judged: Sequence[tuple[Entry, Verdict]]
    now: float

    @property
    def going(self) -> list[tuple[Entry, str]]:
        """What may go, and why."""
        return [(entry, verdict.why) for entry, verdict in self.judged if verdict.goes]

    def table(self) -> Table:
        """A row for each kind: how many there are, how large, how old, and what of it may go."""
        table = Table(title=f"Cache {self.root}", title_justify="left")
        table.add_column("kind", no_wrap=True)
        for column in ("number", "size", "last used", "to", "may go"):
            table.add_column(column, justify="right", no_wrap=True)
        for kind in Kind:
            found = [entry for entry, _ in self.judged if entry.kind is kind]
            if not found:
                continue
            ages = sorted(max(self.now - entry.used, 0) for entry in found)
            going = [entry for entry, _ in self.going if entry.kind is kind]
            table.add_row(
                kind,
                f"{len(found):,}",
                _size(found),
                age_text(ages[0]),
                age_text(ages[-1]),
                _size(going) if going else "",
            )
        table.add_section()
        table.add_row("all", f"{len(self.judged):,}", _size(entry for entry, _ in self.judged))
        return table

    def lines(self) -> list[str]:
        """What there is to say beside the table."""
        unknown = [str(entry.path) for entry, _ in self.judged if entry.kind is Kind.OTHER]
        staying = Counter(
            f"{entry.kind}: {{}} kept, {verdict.why}"
            for entry, verdict in self.judged
            if not verdict.goes and entry.kind not in (*CACHES, Kind.OTHER)
        )
        lines = [line.replace("{}", str(number), 1) for line, number in staying.items()]
        return [*lines, f"not known, and left: {listed(unknown)}"] if unknown else lines


def older_than(text: str) -> float | None:
    """Seconds of an age such as ``30d``, ``12h`` or ``2w``; a number alone is days.

    Raises:
        ConfigError: If it is none.
    """
    if not text:
        return None
    found = _AGE.fullmatch(text)
    if found is None:
        raise ConfigError(f"older-than must be an age such as 30d, 12h or 2w, got {shown(text)}")
    return int(found[1]) * float(UNITS[found[2] or "d"])


def look(unused: float | None = None) -> Cache:
    """What is in the cache, and what of it may go.

    Args:
        unused: Seconds after which what was not used may go, too; ``None``: caches stay.

    Raises:
        ConfigError: If the home folder is the cache, or is in it.
    """
    root = _own_folder()
    now = _now(root)
    judge = Judge(root, unused, now)
    judged = [(entry, judge.verdict(entry)) for entry in entries_of(root)]
    return Cache(root, judged, now)


def _own_folder() -> Path:
    """The cache's folder, which must not be one with a user's other files.

    Raises:
        ConfigError: If the home folder is, or is in it.
    """
    root = cache_root()
    if Path("~").expanduser().resolve().is_relative_to(root.resolve()):
        raise ConfigError(
            "ALIGNFREEZE_CACHE must be a folder of its own, got "
            f"{shown(str(root), LONG)}, which has the home folder in it"
        )
    return root


def _now(root: Path) -> float:
    """The time by the clock of a folder's file system, which may be another machine's."""
    try:
        with TemporaryFile(dir=root) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def prune(cache: Cache) -> int:
    """Remove what may go; the bytes that are free by it.

    Raises:
        AlignFreezeError: If some of it cannot be removed; the rest is.
    """
    freed, problems = 0, []
    for entry, _ in cache.going:
        try:
            with holding(entry.path):
                _remove(entry.path, cache.root)
            freed += entry.size
        except OSError as error:
            problems.append(f"{entry.path} ({error.strerror or error})")
    if problems:
        raise AlignFreezeError(f"cannot be removed: {listed(problems)}; the rest is")
    return freed


def _remove(path: Path, root: Path) -> None:
    """Remove an entry and its lock, and those folders within the cache's that only it was in."""
    if not path.exists():  # it went with what it was in, or another process was quicker
        return
    if path.is_dir():
        # What is removed in part would pass for damaged where it is.
        doomed = path.rename(root / f".{DOOMED}-{uuid4().hex}")
        shutil.rmtree(doomed)
    else:
        path.unlink()
    if not path.name.endswith(LOCK_ENDING):
        lock_file(path).unlink(missing_ok=True)
    with suppress(OSError):  # others are in it
        for folder in path.parents:
            if root in (folder, folder.parent):
                break
            folder.rmdir()


def _size(entries: Iterable[Entry]) -> str:
    return size_text(sum(entry.size for entry in entries))


def size_text(size: int) -> str:
    """Bytes for a person: ``1.9 MB``."""
    return str(decimal(size))
