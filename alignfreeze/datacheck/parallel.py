"""The parallel text of each language pair, aligned as a run aligns it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alignfreeze.alignment.cleaning import CorpusStats
from alignfreeze.alignment.corpus import AlignedCorpus, CorpusJob, aligned_corpus
from alignfreeze.base.paths import cache_root
from alignfreeze.config import RunConfig
from alignfreeze.contracts import DataSource
from alignfreeze.data.bitexts import parallel_languages
from alignfreeze.data.language_choice import realignment_languages
from alignfreeze.datacheck.telling import Line, told, told_below
from alignfreeze.errors import AlignFreezeError
from alignfreeze.realignment.pairs import COUNTED_PAIRS, encoded_pairs
from alignfreeze.text.words import WordCounts, summed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass
class PairReport:
    """What the parallel text of a language holds.

    Attributes:
        language: The target language.
        aligner: The aligner's name.
        stats: What became of the text; ``None`` where a run would fail.
        words: How the words of either side are read, by language, in its first pairs.
        lines: What was told while it was read.
        problem: Why a run would fail on it; empty if it would not.
    """

    language: str
    aligner: str = ""
    stats: CorpusStats | None = None
    words: dict[str, WordCounts] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    problem: str = ""


def check_parallel_text(
    config: RunConfig,
    source: DataSource,
    tokenizer: "PreTrainedTokenizerBase | None",
    targets: Collection[str],
) -> Iterator[PairReport]:
    """Align the parallel text of every language; a run takes it over from the cache.

    Of languages that are chosen for the target languages it is those alone.
    """
    known = parallel_languages(source, config.source_language)
    languages = realignment_languages(source, config, targets) or known
    missing: Mapping[str, str] = {}
    if source.supplier is not None:
        missing = source.supplier.missing_texts(config.source_language, languages)
    for language in languages:
        report = PairReport(language)
        if language not in missing:
            _align(report, config, source, tokenizer)
        elif config.missing == "error":
            report.problem = missing[language]
        else:
            report.lines.append(Line(f"left out: {missing[language]}", is_warning=True))
        yield report


def _align(
    report: PairReport,
    config: RunConfig,
    source: DataSource,
    tokenizer: "PreTrainedTokenizerBase | None",
) -> None:
    with told(source.root) as lines:
        try:
            (job,) = CorpusJob.configured(source, config, [report.language])
            report.aligner = job.aligner_name
            corpus = aligned_corpus(job, cache_root())
            report.stats = corpus.stats
            if tokenizer is not None:
                report.words = _words(corpus, tokenizer, config.realign_max_length)
        except AlignFreezeError as error:
            report.problem = told_below(source.root, str(error))
    report.lines = [line for line in lines if not line.text.endswith(f": {report.stats}")]
    if report.stats is not None:
        report.lines += [Line(note, is_warning=True) for note in report.stats.noted]


def _words(
    corpus: AlignedCorpus, tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> dict[str, WordCounts]:
    rows = corpus.rows(range(min(len(corpus), COUNTED_PAIRS)))
    pairs = encoded_pairs(rows, tokenizer, max_length)
    return {
        corpus.source: summed(pair.source.word_counts(tokenizer) for pair in pairs),
        corpus.target: summed(pair.target.word_counts(tokenizer) for pair in pairs),
    }
