"""Files that are put in their place whole or not at all, and how a folder of them is known."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(*paths: Path) -> Iterator[list[Path]]:
    """Write files elsewhere, and move them to their places once all are complete.

    After an error nothing is left, and what was there before is as it was.

    Args:
        paths: Where the files are to be; their folders are made.

    Yields:
        For each a path beside it, to be written.
    """
    temporaries = [path.parent / f".{path.name}-{uuid4().hex}" for path in paths]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporaries
        for temporary, path in zip(temporaries, paths, strict=True):
            temporary.replace(path)
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)


def folder_state(folder: Path) -> str:
    """SHA-256 of a folder's path and its files' names, sizes and times, in hexadecimal.

    Hidden files do not count, nor does what is in hidden folders: downloads keep notes there.
    """
    digest = hashlib.sha256(f"{folder}\n".encode())
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            stat = path.stat()
            digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
