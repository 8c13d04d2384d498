r"""Text files, packed or not, line by line: UTF-8; only ``\n`` ends a line of running text."""

import gzip
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from alignfreeze.errors import DataError

BLOCK_BYTES = 1 << 20
"""How much of a file is read at a time to count its lines."""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character; JSON can hold one, and no tokenizer takes it."""

GZIP = ".gz"

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

DOCUMENT_START = "-DOCSTART-"

ZERO_WIDTH = "\ufeff\u200b"
"""Characters that are no blanks to `str.isspace`, and no text either."""


def numbered_lines(path: Path, first: int = 1) -> Iterator[tuple[int, str]]:
    r"""The lines of a file with their numbers, without holding them all.

    Only ``\n`` ends a line (``str.splitlines`` knows ten more characters, and real text holds
    them); a ``\r`` before it and a byte-order mark at the file's start are left out.

    Yields:
        Pairs of line number, counted from 1, and line, from ``first`` on; those before it are
        skipped undecoded. None where the file ends before.

    Raises:
        DataError: If the file cannot be read, is empty, or is not UTF-8; then with the line.
    """
    number = first - 1
    with opened(path) as file:
        _skip_lines(file, number)
        for number, raw in enumerate(file, start=first):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise _no_text(error, path, number) from error
            yield number, line.removesuffix("\n").removesuffix("\r")
    if number == 0:
        raise DataError("the file is empty", file=path)


def _no_text(error: UnicodeDecodeError, path: Path, number: int) -> DataError:
    """What is wrong with bytes of a file that begin with the line of a number."""
    begin = error.object.rfind(b"\n", 0, error.start) + 1
    byte, place = error.object[error.start], error.start - begin
    message = f"text must be UTF-8, got byte 0x{byte:02x} at position {place}"
    return DataError(message, file=path, line=number + error.object.count(b"\n", 0, begin))


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked if its name ends in ``.gz``.

    Raises:
        DataError: If it cannot be read, be it only while it is.
    """
    try:
        with gzip.open(path) if path.suffix == GZIP else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        reason = "no such file" if isinstance(error, FileNotFoundError) else reason
        raise DataError(f"cannot be read: {reason}", file=path) from error


def is_file(path: Path) -> bool:
    """Whether there is a file.

    Raises:
        DataError: If that cannot be told, since its folder cannot be read.
    """
    try:
        return path.is_file()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from error


def _skip_lines(file: BinaryIO, count: int) -> None:
    """Go to the start of the line after so many lines, or to the end of the file."""
    while count and (block := file.read(BLOCK_BYTES)):
        found = block.count(b"\n")
        if found < count:
            count -= found
            continue
        end = 0
        for _ in range(count):
            end = block.index(b"\n", end) + 1
        file.seek(end - len(block), os.SEEK_CUR)
        return


def line_bytes(path: Path) -> Iterator[bytes]:
    """The lines of `numbered_lines`, without decoding them.

    Raises:
        DataError: If the file cannot be read.
    """
    with opened(path) as file:
        if file.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
            file.seek(0)
        for raw in file:
            yield raw.removesuffix(b"\n").removesuffix(b"\r")


def line_blocks(path: Path, notes: Counter[str] | None = None) -> Iterator[list[tuple[int, str]]]:
    r"""The runs of lines between blank lines, as formats with a word a line have them.

    Such files come from many hands. Here ``\r`` ends a line too, alone or before ``\n``; a line of
    nothing but blanks is blank; one that begins with ``-DOCSTART-`` (CoNLL's mark of a document)
    is as good as blank; a byte-order mark before a line's text is left out.

    Args:
        path: The file.
        notes: Where to count what was not plain, by what it is.

    Yields:
        The numbered lines of a run, at least one.

    Raises:
        DataError: As `numbered_lines`.
    """
    notes = Counter() if notes is None else notes
    block = []
    for number, line in enumerate(_word_lines(path, notes), 1):
        # Most lines begin with a letter or a digit, and so are as they should be.
        plain = line if line[:1].isalnum() else _plain_line(line, notes)
        if plain:
            block.append((number, plain))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _word_lines(path: Path, notes: Counter[str]) -> list[str]:
    r"""The lines of a file in which ``\r`` ends a line too."""
    with opened(path) as file:
        raw = file.read()
    if not raw:
        raise DataError("the file is empty", file=path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_text(error, path, number=1) from error
    if "\r" in text:
        text, ends = re.subn(r"\r+(?=\n|\Z)", "", text)
        notes["lines that end in a carriage return"] += ends + text.count("\r")
    return text.replace("\r", "\n").split("\n")


def _plain_line(line: str, notes: Counter[str]) -> str:
    if line.startswith("\ufeff") and line[1:2].strip():
        notes["byte-order marks within the file, left out"] += 1
        line = line[1:]
    if line.startswith(DOCUMENT_START):
        notes[f"{DOCUMENT_START} lines, left out"] += 1
        return ""
    if line and not line.strip().strip(ZERO_WIDTH):
        notes["blank lines that hold blanks"] += 1
        return ""
    return line


def count_lines(path: Path) -> int:
    r"""How many lines `numbered_lines` finds in a file, an unended last one included.

    Raises:
        DataError: If the file cannot be read.
    """
    count, last = 0, b"\n"
    with opened(path) as file:
        while data := file.read(BLOCK_BYTES):
            count += data.count(b"\n")
            last = data[-1:]
    return count + (last != b"\n")
