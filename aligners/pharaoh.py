"""Word alignments that another program has written, in Pharaoh format."""

import logging
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from alignfreeze.contracts import (
    Aligner,
    Bitext,
    Segmentation,
    SentencePair,
    WordAlignment,
    count_lines,
    numbered_lines,
    one_to_one,
)
from alignfreeze.errors import DataError

logger = logging.getLogger(__name__)

LINK = re.compile(r"(\d+)-(\d+)", re.ASCII)
"""A link between two words, counted from 0."""


class PharaohAligner(Aligner):
    """Reads ``0-0 1-2``, a line for each line of the text, as FastAlign and others write it.

    Words are counted between white space, as those programs do. Only one-to-one links are
    kept: a word with two links loses both.
    """

    def segmentation(self, bitext: Bitext) -> Segmentation:
        """At white space: the text was tokenized before it was aligned."""
        return "whitespace"

    def inputs(self, bitext: Bitext) -> tuple[Path, ...]:
        """The alignment file.

        Raises:
            DataError: If there is none.
        """
        if bitext.alignment_file is None:
            pair = f"{bitext.source}-{bitext.target}"
            raise DataError(
                f"{pair} has no word alignments: looked for parallel/{pair}.align (Pharaoh "
                f"format); write it with FastAlign or the like, or use aligner 'dictionary'"
            )
        return (bitext.alignment_file,)

    def align(self, pairs: Iterable[SentencePair], bitext: Bitext) -> Iterator[WordAlignment]:
        """Read the alignment of each sentence pair, one result a pair, in order.

        Raises:
            DataError: If the file is missing or malformed, or has not as many lines as the text.
        """
        (path,) = self.inputs(bitext)
        _check_length(path, bitext.source_file)
        lines: Iterator[tuple[int, str]] | None = None
        kept = lost = 0
        for pair in pairs:
            lines = lines or numbered_lines(path, pair.line)
            text = next(line for number, line in lines if number == pair.line)
            try:
                links = _links(text, pair, reverse=bitext.alignment_reversed)
            except ValueError as error:
                raise DataError(str(error), file=path, line=pair.line) from None
            alignment = one_to_one(links)
            kept += len(alignment)
            lost += len(links) - len(alignment)
            yield alignment
        # Of a part of the text only, so that a big one would say it many times.
        logger.debug("%s: %d one-to-one links, %d others ignored", path, kept, lost)


def _check_length(path: Path, text: Path) -> None:
    """Check that an alignment file has a line for each line of the text."""
    found, wanted = _n_lines(path), _n_lines(text)
    if found != wanted:
        message = f"must have a line for each of the {wanted} lines of {text.name}, got {found}"
        raise DataError(message, file=path, line=min(found, wanted) + 1)


def _n_lines(path: Path) -> int:
    """How many lines a file has; it is read once for all parts of a text."""
    if not path.is_file():
        return count_lines(path)
    status = path.stat()
    return _counted(path, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _counted(path: Path, inode: int, size: int, changed: int) -> int:
    return count_lines(path)


def _links(text: str, pair: SentencePair, *, reverse: bool) -> WordAlignment:
    """The different links of a line, in order, source first.

    Raises:
        ValueError: If the line is malformed; says how.
    """
    links = set()
    for token in text.split():
        match = LINK.fullmatch(token)
        if match is None:
            raise ValueError(f"a link must be two word numbers such as 0-1, got {token!r}")
        first, second = int(match[1]), int(match[2])
        source, target = (second, first) if reverse else (first, second)
        if source >= len(pair.source) or target >= len(pair.target):
            raise ValueError(
                f"links must be within the {len(pair.source)} source and {len(pair.target)} target "
                f"words of the line, counted from 0, got {token!r}"
            )
        links.add((source, target))
    return sorted(links)
