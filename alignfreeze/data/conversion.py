"""Parallel text of other formats, written once as two texts in Moses format, into the cache."""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import alignfreeze
from alignfreeze.base.caching import building, found_whole
from alignfreeze.base.digests import file_digest, folder_digest, hash_of
from alignfreeze.base.paths import cache_root
from alignfreeze.data.tmx import memory_pairs
from alignfreeze.data.tsv import table_pairs
from alignfreeze.errors import DataError
from alignfreeze.text.files import GZIP, numbered_lines

logger = logging.getLogger(__name__)

CODE = (*(f"data/{name}.py" for name in ("codes", "conversion", "tmx", "tsv")), "text/files.py")
"""The files of this package that have a part in what is made of a text."""

NOTES = "notes.json"
"""What was left out or mended, beside the texts."""

LINE_BREAK = re.compile("[\r\n]+")

Reader = Callable[[Path, tuple[str, str], Counter[str]], Iterator[tuple[str, str]]]
"""Reads the sentence pairs of a file; counts what it leaves out."""

READERS: dict[str, Reader] = {".tsv": table_pairs, ".tmx": memory_pairs}
"""By the ending of a file that holds both languages, without that of its packing."""

Notes = tuple[tuple[str, int], ...]
"""What was left out or mended, and how often."""


def converted(
    files: tuple[Path, ...], languages: tuple[str, str]
) -> tuple[tuple[Path, Path], Notes]:
    """The texts of a language pair in Moses format, from the cache where they were made before.

    They are kept by the content of the files: one that changes is read anew, and the same text has
    the same digest in whatever format it came.

    Args:
        files: A file with both languages, or one for each, packed.
        languages: The languages' codes, in the order of the files or of a table's columns.

    Returns:
        The text of each language, and what was left out or mended.

    Raises:
        DataError: If a file is malformed, or texts differ in their lines.
    """
    states = tuple((path.stat().st_ino, path.stat().st_mtime_ns) for path in files)
    return _converted(cache_root() / "bitexts", files, states, languages)


@lru_cache(maxsize=256)
def _converted(
    cache: Path,
    files: tuple[Path, ...],
    states: tuple[tuple[int, int], ...],
    languages: tuple[str, str],
) -> tuple[tuple[Path, Path], Notes]:
    code = folder_digest(Path(alignfreeze.__file__).parent, *CODE)
    digests = [[path.name, file_digest(path)] for path in files]
    stem = "-".join(languages)
    folder = cache / f"{stem}-{hash_of([code, digests, languages])[:16]}"
    first, second = (folder / f"{stem}.{language}" for language in languages)
    if not found_whole(folder, f"what was made of {files[0].name}"):
        with building(folder) as empty:
            _write(files, languages, [empty / first.name, empty / second.name], empty / NOTES)
    logger.info("%s: read as two texts, which are kept in %s", files[0], folder)
    notes = json.loads((folder / NOTES).read_text("utf-8"))
    return (first, second), tuple(notes.items())


def _write(
    files: tuple[Path, ...], languages: tuple[str, str], texts: Sequence[Path], told: Path
) -> None:
    """Write both texts, a line a sentence, and what is to be told of them."""
    notes: Counter[str] = Counter()
    broken = f"texts of {files[0].name} with line breaks, which are spaces now"
    with ExitStack() as stack:
        sides = [
            stack.enter_context(path.open("w", encoding="utf-8", newline="\n")) for path in texts
        ]
        for pair in _pairs(files, languages, notes):
            for side, text in zip(sides, pair, strict=True):
                whole = text.rstrip("\r\n")
                line = LINE_BREAK.sub(" ", whole)
                notes[broken] += line != whole
                side.write(f"{line}\n")
    found = {what: count for what, count in notes.items() if count}
    told.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


def _pairs(
    files: tuple[Path, ...], languages: tuple[str, str], notes: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The sentence pairs of files, in the order of the languages."""
    if len(files) == 1:
        ending = Path(files[0].name.removesuffix(GZIP)).suffix
        yield from READERS[ending](files[0], languages, notes)
        return
    sides = (numbered_lines(path) for path in files)
    try:
        for (_, first), (_, second) in zip(*sides, strict=True):
            yield first, second
    except ValueError as error:
        message = f"must have as many lines as {files[0].name}, which it translates"
        raise DataError(message, file=files[1]) from error
