"""Parallel text for realignment: aligned, cached, and read from disk."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from alignfreeze.alignment.aligning import AlignedLine, AlignmentJob, configured_aligner, read_stats
from alignfreeze.alignment.cleaning import Cleaning, CorpusStats
from alignfreeze.alignment.shards import build_from_shards
from alignfreeze.base.caching import cache_root, check_sealed
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Aligner, Bitext, DataSource, WordAlignment
from alignfreeze.contracts.registry import ALIGNER, fingerprint
from alignfreeze.data.bitexts import find_bitexts, resolve_aligner
from alignfreeze.errors import DataError

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset

logger = logging.getLogger(__name__)

PAIRS = "pairs.arrow"
"""The sentence pairs of a shard, or of a whole corpus, in the folder of either."""

ROWS_PER_BATCH = 1000
"""Sentence pairs written at a time."""

LARGEST_SHARE = 10
"""At most one sentence pair in so many is held out."""


@dataclass(frozen=True)
class AlignedPair:
    """A sentence pair in words, with at least one pair of aligned words."""

    source: list[str]
    target: list[str]
    alignment: WordAlignment


@dataclass(frozen=True, eq=False)
class AlignedCorpus:
    """The aligned sentence pairs of one language pair, on disk and memory-mapped.

    Attributes:
        bitext: The text that it was made of.
        fingerprint: Stands for everything that the corpus depends on: the files' content, the
            aligner, its settings and its code, and the cleaning.
        stats: What became of the text; also known where the corpus was reused.
        dataset: Columns ``source`` and ``target`` (lists of words) and ``alignment`` (source
            and target index of each link in turn).
    """

    bitext: Bitext
    fingerprint: str
    stats: CorpusStats
    dataset: "Dataset"

    @property
    def source(self) -> str:
        """Code of the source language."""
        return self.bitext.source

    @property
    def target(self) -> str:
        """Code of the target language."""
        return self.bitext.target

    def __len__(self) -> int:
        return len(self.dataset)

    def rows(self, indices: Sequence[int]) -> list[AlignedPair]:
        """The sentence pairs at some indices, in their order.

        Raises:
            IndexError: If an index is not in ``[0, len)``.
        """
        columns = self.dataset[[int(index) for index in indices]]
        rows = zip(columns["source"], columns["target"], columns["alignment"], strict=True)
        return [
            AlignedPair(source, target, list(zip(flat[::2], flat[1::2], strict=True)))
            for source, target, flat in rows
        ]


def aligned_corpora(
    source: DataSource, config: RunConfig, languages: Sequence[str]
) -> list[AlignedCorpus]:
    """The aligned parallel text of each language, from the cache where it was aligned before.

    Raises:
        DataError: If a file is missing or malformed.
        ConfigError: If an option of the aligner breaks its rule.
        PluginError: If the aligner is unknown or breaks its contract.
    """
    corpora = []
    for bitext in find_bitexts(source, config.source_language, languages):
        name = resolve_aligner(config.aligner, bitext)
        corpora.append(
            aligned_corpus(
                bitext,
                configured_aligner(name, config),
                cleaning=Cleaning.of(config),
                aligner_name=name,
                digest=fingerprint(ALIGNER, name),
                cache=cache_root(),
            )
        )
    return corpora


def aligned_corpus(
    bitext: Bitext,
    aligner: Aligner,
    *,
    aligner_name: str,
    digest: str,
    cache: Path,
    cleaning: Cleaning = Cleaning(),  # noqa: B008  frozen
) -> AlignedCorpus:
    """Align a bitext, or reuse what was aligned before.

    Works in bounded memory on all cores, and goes on with what an earlier run has done; see
    `alignfreeze.alignment.shards.build_from_shards` for what that asks of a script.

    Args:
        bitext: The text.
        aligner: The aligner.
        aligner_name: The name under which it is registered.
        digest: Stands for the aligner's code; another one means to align anew.
        cache: The folder that corpora are kept in.
        cleaning: Which sentence pairs are dropped.

    Raises:
        DataError: If a file is missing or malformed, no aligned words are left, or what was
            aligned before is damaged.
        PluginError: If the aligner breaks its contract.
        AlignFreezeError: If a worker process died.
    """
    job = AlignmentJob(
        bitext, aligner, aligner_name, digest, cleaning, _write_shard, every_line=False
    )
    identity = job.fingerprint()
    folder = cache / "corpora" / f"{job.name}-{identity}"

    def join(shards: Sequence[Path], joined: Path, stats: CorpusStats) -> None:
        if not stats.kept:
            raise DataError(_nothing_left(job, stats))
        _join_shards(shards, joined)

    build_from_shards(job, folder, join)
    return _opened(folder, bitext, identity)


def _write_shard(folder: Path, lines: Iterator[AlignedLine], stats: CorpusStats) -> None:
    """Write the sentence pairs that have aligned words of different strings."""
    import pyarrow as pa

    schema = _schema()
    pairs = _kept_pairs(lines, stats)
    with pa.OSFile(str(folder / PAIRS), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        while rows := list(islice(pairs, ROWS_PER_BATCH)):
            columns = {
                "source": [row.source for row in rows],
                "target": [row.target for row in rows],
                "alignment": [list(chain.from_iterable(row.alignment)) for row in rows],
            }
            writer.write_batch(pa.RecordBatch.from_pydict(columns, schema=schema))


def _schema() -> "pyarrow.Schema":
    import pyarrow as pa

    words, indices = pa.list_(pa.string()), pa.list_(pa.int32())
    return pa.schema({"source": words, "target": words, "alignment": indices})


def _kept_pairs(lines: Iterator[AlignedLine], stats: CorpusStats) -> Iterator[AlignedPair]:
    """Sentence pairs with links between different strings; counts them, and what is dropped."""
    for pair, alignment in lines:
        alignment = alignment or []
        links = [(s, t) for s, t in alignment if pair.source[s] != pair.target[t]]
        stats.identical += len(alignment) - len(links)
        stats.links += len(links)
        if links:
            stats.kept += 1
            yield AlignedPair(list(pair.source), list(pair.target), links)
        else:
            stats.unaligned += 1


def _join_shards(shards: Sequence[Path], joined: Path) -> None:
    """Write the sentence pairs of all shards to one file."""
    import pyarrow as pa

    schema = _schema()
    with pa.OSFile(str(joined / PAIRS), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for shard in shards:
            with pa.OSFile(str(shard / PAIRS), "rb") as part, pa.ipc.open_stream(part) as batches:
                for batch in batches:
                    writer.write_batch(batch)


def _nothing_left(job: AlignmentJob, stats: CorpusStats) -> str:
    """Why a corpus has no sentence pairs."""
    files = ", ".join(str(path) for path in job.aligner.inputs(job.bitext)) or "no further file"
    dropped = stats.too_long + stats.uneven + stats.duplicates
    cleaned = f", {dropped} cleaned away" if dropped else ""
    return (
        f"{job.name}: none of the {stats.read} sentence pairs has words aligned by "
        f"{job.aligner_name!r} ({files}); {stats.empty} are empty{cleaned}, "
        f"{stats.identical} word pairs were the same string"
    )


def _opened(folder: Path, bitext: Bitext, identity: str) -> AlignedCorpus:
    """Open a cached corpus, which would still be readable if it had been cut at a batch."""
    from datasets import Dataset

    check_sealed(folder, "the cached corpus")
    stats = read_stats(folder)
    dataset = Dataset.from_file(str(folder / PAIRS))
    logger.info("%s-%s: %s", bitext.source, bitext.target, stats)
    return AlignedCorpus(bitext, identity, stats, dataset)


def hold_out(corpus: AlignedCorpus, n_pairs: int) -> tuple[AlignedCorpus, AlignedCorpus]:
    """Split a corpus into what is trained on and what is held out.

    Args:
        corpus: The corpus.
        n_pairs: Sentence pairs to hold out, evenly spread; at most a tenth of them are.

    Raises:
        DataError: If the corpus is too small to hold out any.
    """
    n_held = min(n_pairs, len(corpus) // LARGEST_SHARE)
    if n_held == 0:
        raise DataError(
            f"{corpus.source}-{corpus.target}: alignment_pairs must leave nine pairs for each that "
            f"is held out, and there are {len(corpus)} in all"
        )
    held = [number * len(corpus) // n_held for number in range(n_held)]
    chosen = set(held)
    rest = [row for row in range(len(corpus)) if row not in chosen]
    return (
        replace(corpus, dataset=corpus.dataset.select(rest)),
        replace(corpus, dataset=corpus.dataset.select(held)),
    )
