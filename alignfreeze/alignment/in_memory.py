"""Sentence pairs that are in memory, aligned by the same rules as text in files."""

from collections.abc import Iterable, Iterator
from itertools import islice

import pyarrow as pa

from alignfreeze.alignment.aligning import AlignedLine, AlignmentJob, aligned_lines
from alignfreeze.alignment.cleaning import CorpusStats, Fault, log_stats
from alignfreeze.alignment.corpus import SCHEMA, AlignedCorpus, CorpusJob, kept_rows
from alignfreeze.contracts import SentencePair
from alignfreeze.errors import DataError


def aligned_in_memory(
    job: AlignmentJob, pairs: Iterable[tuple[SentencePair, bool]], stats: CorpusStats
) -> Iterator[AlignedLine]:
    """Align sentence pairs, one result each, in order, and count what is dropped.

    Args:
        job: Says the aligner, and which pairs are dropped; the files of its bitext are read only by
            an aligner that wants them.
        pairs: Sentence pairs, and whether each repeats an earlier one.
        stats: Counts them.
    """

    def cleaned() -> Iterator[tuple[SentencePair, Fault | None]]:
        for pair, repeats_another in islice(pairs, job.cleaning.limit):
            stats.read += 1
            repeated = repeats_another and job.cleaning.drop_duplicates
            fault = "duplicates" if repeated else job.cleaning.fault(pair)
            if fault is not None:
                stats.drop(fault)
            yield pair, fault

    return aligned_lines(job, cleaned(), stats)


def corpus_in_memory(job: CorpusJob, pairs: Iterable[tuple[SentencePair, bool]]) -> AlignedCorpus:
    """Align sentence pairs, as `aligned_in_memory`, and keep those that have aligned words.

    Raises:
        DataError: If no aligned words are left.
        PluginError: If the aligner breaks its contract.
    """
    from datasets import Dataset

    stats = CorpusStats(notes=dict(job.aligner.notes(job.bitext)))
    lines = aligned_in_memory(job, pairs, stats)
    aligned = (line for line in lines if line[1] is not None)
    rows = list(kept_rows(aligned, stats, every_pair=job.every_pair))
    log_stats(job.name, stats)
    if not rows:
        raise DataError(job.nothing_left(stats))
    dataset = Dataset(pa.Table.from_pylist(rows, schema=SCHEMA))
    return AlignedCorpus(job.bitext, "", stats, dataset)
