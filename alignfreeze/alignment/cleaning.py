"""Sentence pairs of parallel text: read, split into words, and rid of those that are of no use."""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Bitext, Segmentation, SentencePair, count_lines, numbered_lines
from alignfreeze.errors import DataError
from alignfreeze.text.files import line_bytes
from alignfreeze.text.tokens import split_tokens

logger = logging.getLogger(__name__)

DIGEST_BYTES = 8
"""Of each pair's digest: among 100 million pairs, two get the same with a chance of 1 to 3,700."""

BUCKET_PAIRS = 1 << 20
"""Digests that are held in memory at once, of 8 bytes each."""

BLANK = r"\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
VISIBLE = re.compile(f"[^{BLANK}](?:.*[^{BLANK}])?", re.DOTALL)
"""All between the first and the last character that is neither space, control nor without width."""

Fault = Literal["low_quality", "duplicates", "empty", "too_long", "uneven"]
"""Why a sentence pair is dropped, as `CorpusStats` counts it."""


@dataclass(frozen=True)
class Cleaning:
    """Which sentence pairs are dropped before any is aligned.

    A pair is dropped, and counted, by the first rule that it breaks: its score is among the lowest;
    it repeats an earlier pair that is not dropped for that; a side has no word; a side is too long;
    one side is much longer than the other. So what is left is that of a text without the pairs of
    low scores.

    Attributes:
        limit: Pairs that are read, from the start of the text; ``None``: all.
        max_words: Most words of a side; 0: any number.
        max_ratio: Most words of the longer side for a word of the shorter one, as Moses'
            ``clean-corpus-n`` has it; 0: any number.
        drop_duplicates: Whether a pair is dropped if both its texts stood together before.
        quality: What part of the pairs that are read is dropped for their scores, in [0, 1): as
            they lie in the files, whatever the other rules make of them. So which pairs go does not
            depend on how an aligner has text split, and no text is read twice.
    """

    limit: int | None = None
    max_words: int = 100
    max_ratio: float = 9.0
    drop_duplicates: bool = True
    quality: float = 0.0

    @classmethod
    def of(cls, config: RunConfig) -> "Cleaning":
        """What a configuration asks for."""
        return cls(
            config.pair_limit,
            config.pair_max_words,
            config.pair_max_ratio,
            drop_duplicates=config.pair_duplicates == "drop",
            quality=config.pair_quality,
        )

    def fault(self, pair: SentencePair) -> Fault | None:
        """Why a pair is dropped by its words alone; ``None`` if it is not."""
        shorter, longer = sorted((len(pair.source), len(pair.target)))
        if shorter == 0:
            return "empty"
        if self.max_words and longer > self.max_words:
            return "too_long"
        if self.max_ratio and longer > self.max_ratio * shorter:
            return "uneven"
        return None


@dataclass
class CorpusStats:
    """What became of a bitext: its sentence pairs that were read, kept, or dropped, by the reason.

    Attributes:
        unaligned: Sentence pairs dropped because no aligned words were left.
        identical: Word pairs dropped because both words are the same string.
        links: Word pairs kept.
        weak: Word pairs dropped because their score is below the aligner's least.
        ambiguous: Word pairs dropped because a word of theirs has another link: not one to one.
        notes: What was left out or mended of the files, or is to be doubted in them: how often, by
            what it is, to be read after its number.
    """

    read: int = 0
    empty: int = 0
    unaligned: int = 0
    kept: int = 0
    identical: int = 0
    links: int = 0
    too_long: int = 0
    uneven: int = 0
    duplicates: int = 0
    ambiguous: int = 0
    low_quality: int = 0
    weak: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "CorpusStats") -> "CorpusStats":
        counts = {name: count + other.counts[name] for name, count in self.counts.items()}
        return CorpusStats(**counts, notes=dict(Counter(self.notes) + Counter(other.notes)))

    @property
    def counts(self) -> dict[str, int]:
        """All but the notes, by name."""
        names = [count.name for count in fields(self) if count.name != "notes"]
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        """One line for a log."""
        counts = (self.low_quality, self.too_long, self.uneven, self.duplicates)
        names = ("of low quality", "too long", "uneven", "repeated")
        more = "".join(f"{n:,} {name}, " for n, name in zip(counts, names, strict=True) if n)
        weak = f", {self.weak:,} of low scores" if self.weak else ""
        ambiguous = f", {self.ambiguous:,} not one to one" if self.ambiguous else ""
        return (
            f"{self.kept:,} of {self.read:,} sentence pairs kept ({self.empty:,} empty, {more}"
            f"{self.unaligned:,} without aligned words), {self.links:,} word links "
            f"({self.identical:,} identical words{weak}{ambiguous} dropped){self.told}"
        )

    @property
    def told(self) -> str:
        """The notes, to be put behind a line."""
        return "".join(f"; {note}" for note in self.noted)

    @property
    def noted(self) -> list[str]:
        """The notes, each behind its number."""
        return [f"{count:,} {what}" for what, count in self.notes.items()]

    def drop(self, fault: Fault) -> None:
        """Count a sentence pair that is dropped."""
        setattr(self, fault, getattr(self, fault) + 1)


def log_stats(name: object, stats: CorpusStats) -> None:
    """Say what became of a text; where something of its files is to be told, as a warning."""
    logger.log(logging.WARNING if stats.notes else logging.INFO, "%s: %s", name, stats)


def split_words(text: str, language: str, segmentation: Segmentation) -> tuple[str, ...]:
    """Split a sentence into words; none where nothing is visible.

    By ICU, punctuation is kept as words of its own.
    """
    if segmentation == "whitespace":
        return tuple(split_tokens(text)) if VISIBLE.search(text) else ()
    from icu4py.breakers import WordBreaker

    words = []
    for segment in WordBreaker(text, language):
        # Nothing blank is alphanumeric, and most segments are one space or all alphanumeric.
        if segment.isalnum():
            words.append(segment)
        elif segment != " " and (match := VISIBLE.search(segment)):
            words.append(match[0])
    return tuple(words)


def count_pairs(bitext: Bitext) -> int:
    """How many lines both texts of a bitext have.

    Raises:
        DataError: If a text is missing or empty, or they differ in their lines.
    """
    n_source, n_target = count_lines(bitext.source_file), count_lines(bitext.target_file)
    if n_source != n_target:
        raise DataError(
            f"texts that translate each other must have the same number of lines, got "
            f"{n_source} in {bitext.source_file.name} and {n_target} here",
            file=bitext.target_file,
        )
    if n_source == 0:
        raise DataError("the file is empty", file=bitext.source_file)
    return n_source


def text_pairs(bitext: Bitext, lines: range) -> Iterator[tuple[int, str, str]]:
    """Some lines of a bitext: number, counted from 1, text, and its translation.

    Raises:
        DataError: If a text cannot be read, or one of the lines is not UTF-8.
    """
    sources = numbered_lines(bitext.source_file, lines.start)
    targets = numbered_lines(bitext.target_file, lines.start)
    pairs = zip(islice(sources, len(lines)), islice(targets, len(lines)), strict=True)
    return ((line, source, target) for (line, source), (_, target) in pairs)


def split_pair(
    text: tuple[int, str, str], bitext: Bitext, segmentation: Segmentation
) -> SentencePair:
    """Split one of `text_pairs` into words; a side may be empty."""
    line, source, target = text
    return SentencePair(
        line=line,
        source=split_words(source, bitext.source, segmentation),
        target=split_words(target, bitext.target, segmentation),
    )


def sentence_pairs(bitext: Bitext, segmentation: Segmentation) -> Iterator[SentencePair]:
    """All sentence pairs of a bitext, in order, without holding them all.

    Raises:
        DataError: If a text is missing, empty or not UTF-8, or they differ in their lines.
    """
    for text in text_pairs(bitext, range(1, count_pairs(bitext) + 1)):
        yield split_pair(text, bitext, segmentation)


def mark_repeats(
    bitext: Bitext,
    n_pairs: int,
    marks: Path,
    *,
    dropped: Path | None = None,
    bucket_pairs: int = BUCKET_PAIRS,
) -> None:
    """Write to a file which sentence pairs repeat an earlier one, in bounded memory.

    A digest of each pair goes to a file, which is then gone through once for each bucket, that
    is each part of the digests' values.

    Args:
        bitext: The text.
        n_pairs: How many pairs count, from its start.
        marks: The file to write: a byte a pair, 1 for those that repeat an earlier one.
        dropped: Such a file of pairs that are not there any more, neither as the earlier nor as the
            later one.
        bucket_pairs: Digests that are held in memory at once, about.

    Raises:
        DataError: If a text cannot be read.
    """
    digests = marks.with_name(f"{marks.name}.digests")
    texts = zip(line_bytes(bitext.source_file), line_bytes(bitext.target_file), strict=False)
    with digests.open("wb") as file:
        for source, target in islice(texts, n_pairs):
            pair = b"%b\n%b" % (source, target)
            file.write(hashlib.blake2b(pair, digest_size=DIGEST_BYTES).digest())
    n_buckets = -(-n_pairs // bucket_pairs)
    repeated = np.memmap(marks, np.bool_, "w+", shape=(n_pairs,))
    for bucket in range(n_buckets):
        seen = np.empty(0, np.uint64)
        for start in range(0, n_pairs, bucket_pairs):
            block = np.fromfile(digests, np.uint64, count=bucket_pairs, offset=start * DIGEST_BYTES)
            chosen = block % np.uint64(n_buckets) == bucket
            if dropped is not None:
                chosen &= ~read_marks(dropped, range(start + 1, start + 1 + len(block)))
            places = np.flatnonzero(chosen)
            values, firsts = np.unique(block[places], return_index=True)
            again = np.ones(len(places), np.bool_)
            again[firsts] = np.isin(values, seen, assume_unique=True)
            repeated[start + places[again]] = True
            seen = np.union1d(seen, values)
    repeated.flush()
    digests.unlink()


def read_marks(marks: Path, lines: range) -> NDArray[np.bool_]:
    """Whether each of some lines, counted from 1, is marked, of shape (lines,)."""
    return np.fromfile(marks, np.bool_, count=len(lines), offset=lines.start - 1)


class Marks(NamedTuple):
    """The files that mark pairs which are dropped whatever their words are; ``None``: none is."""

    low_quality: Path | None = None
    duplicates: Path | None = None

    def faults(self, lines: range) -> list[Fault | None]:
        """Why each of some lines, counted from 1, is dropped for that; ``None`` if it is not."""
        found: list[Fault | None] = [None] * len(lines)
        files: tuple[tuple[Fault, Path | None], ...]
        files = ("duplicates", self.duplicates), ("low_quality", self.low_quality)
        for fault, marks in files:
            for place in np.flatnonzero(read_marks(marks, lines)) if marks else ():
                found[place] = fault
        return found
