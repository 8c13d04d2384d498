"""Word alignments that another program has written, in Pharaoh format."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from alignfreeze.contracts import (
    Aligner,
    Bitext,
    ScoredAlignment,
    Segmentation,
    SentencePair,
    WordAlignment,
    count_lines,
    line_bytes,
    number_in,
    numbered_lines,
    shown,
    split_tokens,
)
from alignfreeze.errors import DataError

LINK = re.compile(r"(\d{1,9})-(\d{1,9})(?::(.+))?", re.ASCII)
"""A link between two words, counted from 0, and what stands for its score, if it has one."""

SCORE = re.compile(rb":[^ \t]*")

Scores = dict[tuple[int, int], float | None]
"""Links, source first, and the score of each; ``None`` where it has none."""

ZERO = re.compile(rb"(?<!\d)0+-|-0+(?!\d)")
"""A link of a first word."""


class PharaohAligner(Aligner):
    """Reads ``0-0 1-2``, a line for each line of the text, as FastAlign and others write it.

    Words are counted between spaces and tabs, as FastAlign does. A link may have a score behind a
    colon, ``0-0:0.93``.

    Attributes:
        threshold: The least score of a link that counts, which all links then need; where it is not
            given, all count, whatever their scores.
    """

    threshold: float | None = Field(default=None, allow_inf_nan=False)

    def least_score(self) -> float | None:
        """The threshold, if there is one."""
        return self.threshold

    def segmentation(self, bitext: Bitext) -> Segmentation:
        """At spaces and tabs: the text was tokenized before it was aligned."""
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

    def notes(self, bitext: Bitext) -> Mapping[str, int]:
        """The links, if they are probably counted from 1.

        Raises:
            DataError: If the file cannot be read.
        """
        (path,) = self.inputs(bitext)
        links = _links_from_one(path)
        doubt = f"links in {path.name} and none with a 0: it is probably counted from 1"
        return {doubt: links} if links else {}

    def align(
        self, pairs: Iterable[SentencePair], bitext: Bitext
    ) -> Iterator[WordAlignment | ScoredAlignment]:
        """Read the alignment of each sentence pair, one result a pair, in order.

        Raises:
            DataError: If the file is missing or malformed, or has not as many lines as the text.
        """
        (path,) = self.inputs(bitext)
        _check_length(path, bitext.source_file)
        lines: Iterator[tuple[int, str]] | None = None
        for pair in pairs:
            lines = lines or numbered_lines(path, pair.line)
            text = next(line for number, line in lines if number == pair.line)
            scores = _scores(path, text, pair, reverse=bitext.alignment_reversed)
            _check_scores(path, scores, pair, wanted=self.threshold is not None)
            links = sorted(scores)
            found = [score for link in links if (score := scores[link]) is not None]
            yield ScoredAlignment(links, found) if self.threshold is not None or found else links


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


def _scores(path: Path, text: str, pair: SentencePair, *, reverse: bool) -> Scores:
    """The different links of a line of a file, source first, and the score of each, if it has one.

    One that repeats has its greatest score.

    Raises:
        DataError: If the line is malformed; says how.
    """
    scores: Scores = {}
    for token in split_tokens(text):
        match = LINK.fullmatch(token)
        score = number_in(match[3]) if match and match[3] else None
        if match is None or (match[3] and score is None):
            message = f"a link must be two word numbers such as 0-1 or 0-1:0.93, got {shown(token)}"
            raise DataError(message, file=path, line=pair.line)
        first, second = int(match[1]), int(match[2])
        source, target = (second, first) if reverse else (first, second)
        if source >= len(pair.source) or target >= len(pair.target):
            doubt = " (no link has a 0: the file is probably counted from 1)"
            raise DataError(
                f"links must be within the {len(pair.source)} source and {len(pair.target)} target "
                f"words of the line, which are counted from 0 and stand between spaces or tabs"
                f"{doubt if _links_from_one(path) else ''}, got {token!r}",
                file=path,
                line=pair.line,
            )
        known = scores.get((source, target))
        greater = score is None or known is None or score > known
        scores[source, target] = score if greater else known
    return scores


def _check_scores(path: Path, scores: Scores, pair: SentencePair, *, wanted: bool) -> None:
    """Check that all links of a line have a score, or, if none is wanted, that none has."""
    without = [link for link, score in scores.items() if score is None]
    if not without or (len(without) == len(scores) and not wanted):
        return
    rule = "all links must have a score, such as 0-1:0.93"
    why = "as aligner 'pharaoh' has a threshold" if wanted else "as others of the line have one"
    source, target = without[0]
    message = f"{rule}, {why}, but that of words {source} and {target} has none"
    raise DataError(message, file=path, line=pair.line)


def _links_from_one(path: Path) -> int:
    """The number of links in a file, if none of them is of a first word; else 0.

    Raises:
        DataError: If the file cannot be read.
    """
    links = 0
    for line in line_bytes(path):
        if b":" in line:
            line = SCORE.sub(b"", line)
        if ZERO.search(line):
            return 0
        links += line.count(b"-")
    return links
