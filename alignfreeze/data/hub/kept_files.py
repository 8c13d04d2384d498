"""Files that are put in their place whole or not at all, and not read if they were cut since."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from alignfreeze.base.digests import file_digest

logger = logging.getLogger(__name__)


@contextmanager
def replacing(*paths: Path) -> Iterator[list[Path]]:
    """Write files elsewhere, and move them to their places once all are complete.

    Each gets a hidden file beside it with its digest, for `is_whole`. After an error nothing is
    left, and what was there before is as it was.

    Yields:
        For each a path beside it, in a folder that is made, to be written.
    """
    temporaries = [path.parent / f".{path.name}-{uuid4().hex}" for path in paths]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporaries
        for temporary, path in zip(temporaries, paths, strict=True):
            digest = file_digest(temporary)
            _digest_file(path).unlink(missing_ok=True)
            temporary.replace(path)
            _digest_file(path).write_text(digest, encoding="utf-8")
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)


def is_whole(path: Path) -> bool:
    """Whether a file is there, and is what was written; if it is another, a line says so.

    One without a digest, as older versions wrote it, is taken as it is.
    """
    if not path.is_file():
        return False
    digest = _digest_file(path)
    if not digest.is_file() or digest.read_bytes() == file_digest(path).encode():
        return True
    logger.warning("%s: is not what was written, and is fetched anew", path)
    return False


def _digest_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")
