"""Hashes of files, folders and values: by them results are known."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alignfreeze.errors import DataError


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        DataError: If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from error


def folder_digest(folder: Path, *patterns: str, without: Sequence[str] = ()) -> str:
    """SHA-256 over the names and bytes of a folder's files, in hexadecimal.

    Args:
        folder: The folder; files below its subfolders count only if a pattern says so.
        patterns: Globs of the files that count; all of the folder's own by default.
        without: Globs of those that do not, all the same.

    Raises:
        DataError: If a file cannot be read.
    """
    files = {path for pattern in patterns or ("*",) for path in folder.glob(pattern)}
    files -= {path for pattern in without for path in folder.glob(pattern)}
    digest = hashlib.sha256()
    for path in sorted(files):
        if path.is_file():
            digest.update(_bytes(f"{path.relative_to(folder)}\0{file_digest(path)}\n"))
    return digest.hexdigest()


def hash_of(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """SHA-256 of a value as JSON with sorted keys, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(_bytes(text)).hexdigest()


def _bytes(text: str) -> bytes:
    """UTF-8; the name of a file need not be it."""
    return text.encode("utf-8", "surrogateescape")
