"""Files that are put in their place whole or not at all."""

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
