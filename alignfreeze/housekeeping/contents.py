"""What is in the cache: entries of every kind, with their sizes and ages."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from stat import S_ISDIR, S_ISLNK


class Kind(StrEnum):
    """What an entry of the cache is."""

    CHECKPOINTS = "checkpoints"
    ALIGNMENTS = "aligned text"
    SCORES = "scores of sentence pairs"
    CONVERTED = "converted text"
    HUB = "data of the hub"
    MIRRORED = "data of mirrors"
    DEMO = "embedded data"
    MODELS = "models of searches"
    LOGS = "logs of workers"
    LOCKS = "locks"
    SHARDS = "unfinished alignments and scores"
    UNFINISHED = "unfinished writes"
    UNLOGGED = "results to be logged"
    OTHER = "not known"


CACHES = (
    Kind.ALIGNMENTS,
    Kind.SCORES,
    Kind.CONVERTED,
    Kind.HUB,
    Kind.MIRRORED,
    Kind.DEMO,
)
"""Kinds that whatever needs the same reads again, or makes again where they are not there."""


_HASH = "[0-9a-f]{16,64}"


@dataclass(frozen=True)
class Place:
    """A folder of the cache: what its entries are, and a pattern of their names, below it.

    What is called otherwise is not known: the cache may have been put where a user keeps more.
    """

    kind: Kind
    names: str = _HASH

    @property
    def depth(self) -> int:
        """How deep the entries are."""
        return self.names.count("/") + 1


PLACES = {
    "checkpoints": Place(Kind.CHECKPOINTS, f"{_HASH}/[0-9a-f]{{32}}"),
    "corpora": Place(Kind.ALIGNMENTS, f".+-{_HASH}"),
    "alignments": Place(Kind.ALIGNMENTS, f".+-{_HASH}"),
    "scores": Place(Kind.SCORES, f".+-{_HASH}"),
    "bitexts": Place(Kind.CONVERTED, f".+-{_HASH}"),
    "hub": Place(Kind.HUB, ".+/.+/.+"),
    "mirrors": Place(Kind.MIRRORED),
    "demo": Place(Kind.DEMO),
    "search": Place(Kind.MODELS),
    "benchmark": Place(Kind.OTHER),
    "prefixes": Place(Kind.UNFINISHED, r"tmp\w{8}"),
    "unlogged": Place(Kind.UNLOGGED, ".+"),
}
"""The folders that the cache has."""

DOOMED = "pruned"
"""What the names begin with of what is being removed."""

_BY_NAME = (
    (re.compile(r"\..+-shards-\d+(-[0-9a-f]{32})?"), Kind.SHARDS),
    (re.compile(r"\..+-[0-9a-f]{32}(\.lock)?|step-\d+\.partial"), Kind.UNFINISHED),
    (re.compile(rf"{_HASH}\.lock"), Kind.LOCKS),
    (re.compile(rf"{_HASH}-logs"), Kind.LOGS),
)
"""What tells an entry from the others of its folder."""

_WITHIN = (Kind.CHECKPOINTS, Kind.HUB, Kind.MIRRORED, Kind.MODELS)
"""What may hold unfinished writes of its own."""


@dataclass(frozen=True)
class Entry:
    """A file or folder of the cache.

    Attributes:
        size: Bytes of its files, without those of entries in it.
        written: When something of it was last written, seconds since 1970.
        used: When something of it was last written or read, as far as the file system tells.
    """

    kind: Kind
    path: Path
    size: int
    written: float
    used: float


def entries_of(root: Path) -> list[Entry]:
    """All entries of a cache, those in others first; what is no cache's is among them."""
    found: list[Entry] = []
    for top in _children(root):
        place = PLACES.get(top.name)
        if place is None or not _is_folder(top):
            # One whose removal was interrupted lies beside them.
            doomed = re.fullmatch(rf"\.{DOOMED}-[0-9a-f]{{32}}", top.name)
            found += _measured(Kind.UNFINISHED if doomed else Kind.OTHER, top)
            continue
        for path in _at_depth(top, place.depth):
            known = re.fullmatch(place.names, path.relative_to(top).as_posix())
            found += _measured(_kind_of(path.name, place.kind if known else Kind.OTHER), path)
    return found


def _kind_of(name: str, otherwise: Kind) -> Kind:
    return next((kind for pattern, kind in _BY_NAME if pattern.fullmatch(name)), otherwise)


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # it is gone, or not ours to read
        return []


def _mode(path: Path) -> int:
    """What it is itself, and not what it is a link to; 0 if that cannot be told."""
    try:
        return path.lstat().st_mode
    except OSError:  # as above
        return 0


def _is_folder(path: Path) -> bool:
    return S_ISDIR(_mode(path))


def _at_depth(folder: Path, depth: int) -> Iterator[Path]:
    """What is so deep in a folder, and files that are less deep."""
    for path in _children(folder):
        if depth > 1 and _is_folder(path) and _kind_of(path.name, Kind.OTHER) is Kind.OTHER:
            yield from _at_depth(path, depth - 1)
        else:
            yield path


def _measured(kind: Kind, path: Path) -> list[Entry]:
    """An entry, after those that are in it."""
    if S_ISLNK(_mode(path)):  # what it leads to is not the cache's
        kind = Kind.OTHER
    states, inner = [_state(path)], []
    if _is_folder(path):
        for folder, folders, files in os.walk(path):
            for name in [*folders, *files] if kind in _WITHIN else ():
                if _kind_of(name, kind) is Kind.UNFINISHED:
                    inner += _measured(Kind.UNFINISHED, Path(folder, name))
            known = {entry.path for entry in inner}
            folders[:] = [name for name in folders if Path(folder, name) not in known]
            rest = [Path(folder, name) for name in files]
            states += [_state(file) for file in rest if file not in known]
    size = sum(size for size, _, _ in states)
    written, used = (max(state[n] for state in states) for n in (1, 2))
    return [*inner, Entry(kind, path, size, written, used)]


def _state(path: Path) -> tuple[int, float, float]:
    """Bytes of a file, when it was written, and when it was last used."""
    try:
        state = path.lstat()
    except OSError:  # it has gone meanwhile
        return 0, 0.0, 0.0
    if S_ISDIR(state.st_mode):
        return 0, state.st_mtime, state.st_mtime
    return state.st_size, state.st_mtime, max(state.st_mtime, state.st_atime)
