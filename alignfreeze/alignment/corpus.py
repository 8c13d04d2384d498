"""Parallel text for realignment: aligned, cached, and read from disk."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from unicodedata import normalize

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alignfreeze.alignment.aligning import AlignedLine, AlignmentJob
from alignfreeze.alignment.cleaning import Cleaning, CorpusStats, log_stats
from alignfreeze.alignment.shards import build_from_shards
from alignfreeze.base.digests import hash_of
from alignfreeze.base.paths import cache_root
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Aligner, Bitext, DataSource, SentencePair, WordAlignment
from alignfreeze.data.bitexts import check_scores, find_bitexts, without_unused_scores
from alignfreeze.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

PAIRS = "pairs.arrow"
"""The sentence pairs of a shard, or of a whole corpus, in the folder of either."""

_WORDS = pa.list_(pa.string())
SCHEMA = pa.schema({"source": _WORDS, "target": _WORDS, "alignment": pa.list_(pa.int32())})

ROWS_PER_BATCH = 1000
"""Sentence pairs written at a time."""

LARGEST_SHARE = 10
"""At most one sentence pair in so many is held out."""


def _no_rows() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class AlignedPair:
    """A sentence pair in words, with the links between them."""

    source: list[str]
    target: list[str]
    alignment: WordAlignment


@dataclass(frozen=True, eq=False)
class AlignedCorpus:
    """The aligned sentence pairs of one language pair, memory-mapped from disk or in memory.

    Attributes:
        bitext: The text that it was made of.
        fingerprint: That of the job; empty for one that is in memory.
        stats: What became of the text.
        dataset: Columns ``source`` and ``target`` (lists of words) and ``alignment`` (source
            and target index of each link in turn).
        without: The rows of it that are left out, sorted, of shape (left out,).
    """

    bitext: Bitext
    fingerprint: str
    stats: CorpusStats
    dataset: "Dataset"
    without: NDArray[np.int64] = field(default_factory=_no_rows)

    @property
    def source(self) -> str:
        """Code of the source language."""
        return self.bitext.source

    @property
    def target(self) -> str:
        """Code of the target language."""
        return self.bitext.target

    def __len__(self) -> int:
        return len(self.dataset) - len(self.without)

    def rows(self, indices: Sequence[int]) -> list[AlignedPair]:
        """The sentence pairs at some indices, in their order.

        Raises:
            IndexError: If an index is not in ``[0, len)``.
        """
        columns = self.dataset[self.places(indices).tolist()]
        rows = zip(columns["source"], columns["target"], columns["alignment"], strict=True)
        return [
            AlignedPair(source, target, list(zip(flat[::2], flat[1::2], strict=True)))
            for source, target, flat in rows
        ]

    def places(self, indices: Sequence[int]) -> NDArray[np.int64]:
        """Where sentence pairs are in `dataset`, of shape (indices,): behind those left out."""
        found = np.asarray(indices, dtype=np.int64)
        kept_before = self.without - np.arange(len(self.without))
        return found + np.searchsorted(kept_before, found, side="right")


@dataclass(frozen=True)
class CorpusJob(AlignmentJob):
    """Keeps the sentence pairs that have aligned words of different strings.

    Attributes:
        every_pair: Whether those without are kept too.
    """

    every_line: ClassVar[bool] = False
    result: ClassVar[str] = "the cached corpus"
    every_pair: bool = False

    def fingerprint(self) -> str:
        """As of every job; text of which each pair is kept is another."""
        own = super().fingerprint()
        return hash_of([own, "every pair"]) if self.every_pair else own

    def write(self, folder: Path, lines: Iterator[AlignedLine], stats: CorpusStats) -> None:
        """Write the sentence pairs of a shard, `ROWS_PER_BATCH` at a time."""
        rows = kept_rows(lines, stats, every_pair=self.every_pair)
        with _writer(folder) as writer:
            while batch := list(islice(rows, ROWS_PER_BATCH)):
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=SCHEMA))

    def join(self, shards: Sequence[Path], joined: Path, stats: CorpusStats) -> None:
        """Write the sentence pairs of all shards to one file.

        Raises:
            DataError: If there are none.
        """
        if not stats.kept:
            raise DataError(self.nothing_left(stats))
        with _writer(joined) as writer:
            for shard in shards:
                with pa.OSFile(str(shard / PAIRS), "rb") as part:
                    for batch in pa.ipc.open_stream(part):
                        writer.write_batch(batch)

    def nothing_left(self, stats: CorpusStats) -> str:
        """What is said where no sentence pair has aligned words."""
        if self.every_pair:
            return f"{self.name}: no sentence pair is left: {stats}"
        files = ", ".join(str(path) for path in self.aligner.inputs(self.bitext))
        dropped = stats.too_long + stats.uneven + stats.duplicates + stats.low_quality
        cleaned = f", {dropped} cleaned away" if dropped else ""
        ambiguous = f", {stats.ambiguous} links not one to one" if stats.ambiguous else ""
        weak = f", {stats.weak} links of low scores" if stats.weak else ""
        return (
            f"{self.name}: none of the {stats.read} sentence pairs has words aligned by "
            f"{self.aligner_name!r} ({files or 'no further file'}); {stats.empty} are "
            f"empty{cleaned}, {stats.identical} word pairs were the same string{weak}{ambiguous}"
            f"{(stats + CorpusStats(notes=dict(self.bitext.notes))).told}"
        )


class NoAligner(Aligner):
    """Links no words, where whole sentences are what is realigned; it is not registered."""

    def align(self, pairs: Iterable[SentencePair], bitext: Bitext) -> Iterator[WordAlignment]:
        """No links, for each pair."""
        for _ in pairs:
            yield []


def aligned_corpora(
    source: DataSource, config: RunConfig, languages: Sequence[str], *, every_pair: bool = False
) -> list[AlignedCorpus]:
    """The aligned parallel text of each language, from the cache where it was aligned before.

    Args:
        source: Where it is from.
        config: Says by which aligner, and what is dropped.
        languages: Codes of the target languages.
        every_pair: Whether sentence pairs without aligned words are kept too.

    Raises:
        AlignFreezeError: As `AlignmentJob.configured` and `aligned_corpus`.
    """
    jobs = CorpusJob.configured(source, config, languages)
    return [aligned_corpus(replace(job, every_pair=every_pair), cache_root()) for job in jobs]


def sentence_corpora(
    source: DataSource, config: RunConfig, languages: Sequence[str]
) -> list[AlignedCorpus]:
    """The parallel text of each language, split into words, none of which is aligned.

    No dictionary and no file of alignments is read.

    Raises:
        AlignFreezeError: If a text, or the scores of one are missing, or as `aligned_corpus`.
    """
    cleaning = Cleaning.of(config)
    bitexts = find_bitexts(source, config.source_language, languages)
    check_scores(source, bitexts, config.pair_quality)
    used = without_unused_scores(bitexts, used=config.pair_quality > 0)
    jobs = [sentence_job(bitext, cleaning) for bitext in used]
    return [aligned_corpus(job, cache_root()) for job in jobs]


def sentence_job(bitext: Bitext, cleaning: Cleaning) -> CorpusJob:
    """Keeps each sentence pair of a text that is not cleaned away, and links no words."""
    texts = replace(bitext, alignment_file=None, forward_dictionary=None, backward_dictionary=None)
    return CorpusJob(texts, NoAligner(), "none", "", cleaning, every_pair=True)


def aligned_corpus(job: CorpusJob, cache: Path) -> AlignedCorpus:
    """Align a bitext, or reuse what was aligned before; a folder of the cache keeps it.

    Works in bounded memory on all cores, and goes on with what an earlier run has done.

    Raises:
        DataError: If no aligned words are left.
        AlignFreezeError: As `build_from_shards`, which also says what this asks of a script.
    """
    from datasets import Dataset

    identity = job.fingerprint()
    folder = cache / "corpora" / f"{job.name}-{identity}"
    stats = build_from_shards(job, folder)
    log_stats(job.name, stats)
    return AlignedCorpus(job.bitext, identity, stats, Dataset.from_file(str(folder / PAIRS)))


@contextmanager
def _writer(folder: Path) -> Iterator[pa.RecordBatchStreamWriter]:
    path = str(folder / PAIRS)
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, SCHEMA) as writer:
        yield writer


def kept_rows(
    lines: Iterator[AlignedLine], stats: CorpusStats, *, every_pair: bool = False
) -> Iterator[dict[str, Any]]:
    """Sentence pairs with links between different strings; counts them, and what is dropped.

    With ``every_pair`` those without such links are kept too.
    """
    for pair, alignment in lines:
        alignment = alignment or []
        links = [(s, t) for s, t in alignment if not _same(pair.source[s], pair.target[t])]
        stats.identical += len(alignment) - len(links)
        stats.links += len(links)
        if links or every_pair:
            stats.kept += 1
            flat = list(chain.from_iterable(links))
            yield {"source": pair.source, "target": pair.target, "alignment": flat}
        else:
            stats.unaligned += 1


def _same(word: str, other: str) -> bool:
    """Whether two words are the same string, in whatever Unicode form each is written."""
    if word == other or (word.isascii() and other.isascii()):
        return word == other
    return normalize("NFC", word) == normalize("NFC", other)


def hold_out(corpus: AlignedCorpus, n_pairs: int) -> tuple[AlignedCorpus, AlignedCorpus]:
    """Split a corpus into what is trained on and ``n_pairs`` that are held out, evenly spread.

    At most a tenth of them are.

    Raises:
        DataError: If the corpus is too small to hold out any.
    """
    n_held = min(n_pairs, len(corpus) // LARGEST_SHARE)
    if n_held == 0:
        raise DataError(
            f"{corpus.source}-{corpus.target}: alignment_pairs must leave nine pairs for each that "
            f"is held out, and there are {len(corpus)} in all"
        )
    # No list of the others: it would take 8 bytes for each of tens of millions of pairs, or 36.
    held = corpus.places([number * len(corpus) // n_held for number in range(n_held)])
    without = np.union1d(corpus.without, held)
    chosen = replace(corpus, dataset=corpus.dataset.select(held), without=_no_rows())
    return replace(corpus, without=without), chosen
