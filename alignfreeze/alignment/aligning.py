"""What is done with a bitext: its lines are cleaned, split into words, aligned, and written."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import version
from itertools import tee
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import alignfreeze
from alignfreeze.alignment.cleaning import (
    Cleaning,
    CorpusStats,
    Fault,
    Marks,
    split_pair,
    text_pairs,
)
from alignfreeze.base.caching import building
from alignfreeze.base.digests import file_digest, folder_digest, hash_of
from alignfreeze.base.logs import LogLine, collected_lines
from alignfreeze.config import RunConfig
from alignfreeze.contracts import (
    Aligner,
    Bitext,
    DataSource,
    ScoredAlignment,
    SentencePair,
    UsesRunModel,
    WordAlignment,
    links_of,
    one_to_one,
)
from alignfreeze.contracts.guarding import owner_of
from alignfreeze.contracts.registry import ALIGNER, create_plugin, fingerprint, load_plugin
from alignfreeze.data.bitexts import (
    bitexts_at_hand,
    check_scores,
    find_bitexts,
    parallel_languages,
    resolve_aligner,
    without_unused_scores,
)
from alignfreeze.data.finding import find_model
from alignfreeze.data.language_choice import realignment_languages
from alignfreeze.errors import DataError, PluginError
from alignfreeze.messages import shown

CODE = ("alignment/*.py", "text/*.py", "contracts/aligner.py", "encoders/*.py")
"""The files of this package that have a part in what is made of a text."""

STATS = "stats.json"
"""What became of a shard's text, or of a whole one, in the folder of either."""

LOG = "log.json"
"""What was said while it was made, which whoever takes it over is told as well."""

AlignedLine = tuple[SentencePair, WordAlignment | None]
"""A sentence pair and its links; ``None`` where it was dropped before it was aligned."""


@dataclass(frozen=True)
class AlignmentJob(ABC):
    """A bitext that is to be aligned, shard by shard; a subclass says what is written of it.

    Attributes:
        bitext: The text.
        aligner: The aligner.
        aligner_name: The name under which it is registered.
        digest: Stands for the aligner's code; another one means to align anew.
        cleaning: Which sentence pairs are dropped.
    """

    every_line: ClassVar[bool]
    """Whether `write` gets the lines that were dropped, too."""

    result: ClassVar[str]
    """What the result is called where it is damaged."""

    bitext: Bitext
    aligner: Aligner
    aligner_name: str
    digest: str
    cleaning: Cleaning = Cleaning()  # noqa: RUF009  frozen

    @abstractmethod
    def write(self, folder: Path, lines: Iterator[AlignedLine], stats: CorpusStats) -> None:
        """Write the lines of a shard into its folder, and count what is kept."""

    @abstractmethod
    def join(self, shards: Sequence[Path], joined: Path, stats: CorpusStats) -> None:
        """Write the result into an empty folder, from those of all shards, in order."""

    @classmethod
    def configured(
        cls, source: DataSource, config: RunConfig, languages: Iterable[str]
    ) -> Iterator[Self]:
        """What a configuration asks for, one job a language.

        Raises:
            AlignFreezeError: If a text or the scores of one are missing, the aligner is unknown, or
                an option breaks its rule.
        """
        bitexts = find_bitexts(source, config.source_language, languages)
        check_scores(source, bitexts, config.pair_quality)
        for bitext in without_unused_scores(bitexts, used=config.pair_quality > 0):
            name = resolve_aligner(config.aligner, bitext)
            aligner = configured_aligner(name, config)
            yield cls(bitext, aligner, name, fingerprint(ALIGNER, name), Cleaning.of(config))

    @property
    def name(self) -> str:
        """The language pair."""
        return f"{self.bitext.source}-{self.bitext.target}"

    def fingerprint(self) -> str:
        """SHA-256 of everything that the result depends on, in hexadecimal.

        Raises:
            DataError: If a file cannot be read.
        """
        bitext, aligner = self.bitext, self.aligner
        roles = {getattr(bitext, field.name): field.name for field in fields(bitext)}
        scores = [bitext.scores_file] if self.cleaning.quality and bitext.scores_file else []
        paths = (bitext.source_file, bitext.target_file, *aligner.inputs(bitext), *scores)
        content = {
            "code": folder_digest(Path(alignfreeze.__file__).parent, *CODE),
            "languages": [bitext.source, bitext.target],
            "files": [[roles.get(path, path.name), file_digest(path)] for path in paths],
            "alignment_reversed": bitext.alignment_reversed,
            "aligner": [self.aligner_name, aligner.model_dump(mode="json"), self.digest],
            "identity": aligner.identity(),
            "segmentation": [aligner.segmentation(bitext), version("icu4py")],
            "cleaning": asdict(self.cleaning),
        }
        return hash_of(content)


class Shard(NamedTuple):
    """Lines of a text, counted from 1, the folder to write to, and what is marked in the text."""

    lines: range
    folder: Path
    marks: Marks


def read_stats(folder: Path) -> CorpusStats:
    """What became of the text that a shard, or a whole result, was made of.

    Raises:
        OSError: If the file cannot be read.
    """
    return CorpusStats(**json.loads((folder / STATS).read_text(encoding="utf-8")))


def write_stats(folder: Path, stats: CorpusStats) -> None:
    """Write what `read_stats` reads."""
    (folder / STATS).write_text(json.dumps(asdict(stats)), encoding="utf-8")


def read_log(folder: Path) -> list[LogLine]:
    """What was said while a shard, or the shards of a whole result, were made.

    Raises:
        OSError: If the file cannot be read.
    """
    return [LogLine(*line) for line in json.loads((folder / LOG).read_text(encoding="utf-8"))]


def write_log(folder: Path, lines: Iterable[LogLine]) -> None:
    """Write what `read_log` reads, each line once."""
    (folder / LOG).write_text(json.dumps(list(dict.fromkeys(lines))), encoding="utf-8")


def align_shard(job: AlignmentJob, shard: Shard, advance: Callable[[], object]) -> None:
    """Do one shard, unless another process has meanwhile; its folder is whole or not there."""
    if shard.folder.is_dir():
        return
    stats = CorpusStats()
    with building(shard.folder) as temporary:
        pairs = _cleaned(job, shard, stats, advance)
        with collected_lines() as lines:
            job.write(temporary, aligned_lines(job, pairs, stats), stats)
        write_stats(temporary, stats)
        write_log(temporary, lines)


def _cleaned(
    job: AlignmentJob, shard: Shard, stats: CorpusStats, advance: Callable[[], object]
) -> Iterator[tuple[SentencePair, Fault | None]]:
    """Sentence pairs, and why they are dropped; those that are only if they are wanted."""
    bitext, segmentation = job.bitext, job.aligner.segmentation(job.bitext)
    marked = shard.marks.faults(shard.lines)
    for text, known_fault in zip(text_pairs(bitext, shard.lines), marked, strict=True):
        advance()
        stats.read += 1
        if known_fault is not None and not job.every_line:
            stats.drop(known_fault)
            continue
        pair = split_pair(text, bitext, segmentation)
        fault = known_fault or job.cleaning.fault(pair)
        if fault is not None:
            stats.drop(fault)
        if fault is None or job.every_line:
            yield pair, fault


def aligned_lines(
    job: AlignmentJob, pairs: Iterator[tuple[SentencePair, Fault | None]], stats: CorpusStats
) -> Iterator[AlignedLine]:
    """Sentence pairs with their one-to-one links, however far the aligner reads ahead."""
    who, least = owner_of(job.aligner), job.aligner.least_score()
    # The aligner, which may have a thread for it, reads before what it has read is asked for here.
    read, written = tee(pairs)
    aligned = (pair for pair, fault in read if fault is None)
    for alignment in job.aligner.align(aligned, job.bitext):
        for pair, fault in written:
            if fault is None:
                break
            yield pair, None
        else:
            raise PluginError(f"{who}: align gave more alignments than sentence pairs")
        _check_alignment(links_of(alignment), pair, who)
        strong = _strong_links(alignment, least, pair, who)
        stats.weak += len(links_of(alignment)) - len(strong)
        links = one_to_one(strong)
        if links is not strong:
            stats.ambiguous += len(set(strong)) - len(links)
        yield pair, links
    for pair, fault in written:
        if fault is None:
            raise PluginError(f"{who}: align gave fewer alignments than sentence pairs")
        yield pair, None


def _check_alignment(alignment: WordAlignment, pair: SentencePair, who: str) -> None:
    """Check that links are pairs of numbers within their sentences."""
    if not isinstance(alignment, list | tuple) or not all(
        isinstance(link, tuple) and len(link) == 2 for link in alignment
    ):
        rule = "must give a list of pairs of word numbers"
        raise PluginError(f"{who}: align {rule}, got {shown(alignment)} for line {pair.line}")
    n_source, n_target = len(pair.source), len(pair.target)
    try:
        within = all(0 <= s < n_source and 0 <= t < n_target for s, t in alignment)
    except TypeError:  # of what is no number
        within = False
    if not within:
        raise PluginError(
            f"{who}: align must link words within {n_source} source and {n_target} target words, "
            f"got {shown(alignment)} for line {pair.line}"
        )


def _strong_links(
    alignment: WordAlignment | ScoredAlignment, least: float | None, pair: SentencePair, who: str
) -> WordAlignment:
    """The links whose score is not below the least one, if they have scores."""
    if not isinstance(alignment, ScoredAlignment):
        return alignment
    links, scores = alignment.links, alignment.scores
    rule = f"{who}: align must give a finite score a link"
    if len(scores) != len(links):
        raise PluginError(f"{rule}, got {len(scores)} of {len(links)} for line {pair.line}")
    for score in scores:
        if not isinstance(score, int | float) or not math.isfinite(score):
            raise PluginError(f"{rule}, got {shown(score)} for line {pair.line}")
    if least is None:
        return links
    return [link for link, score in zip(links, scores, strict=True) if score >= least]


def configured_aligner(name: str, config: RunConfig) -> Aligner:
    """An aligner with the hyperparameters given, and the run's encoder where it wants one."""
    wanted = encoder_fields(load_plugin(ALIGNER, name))
    models = dict.fromkeys(wanted, find_model(config.model))
    return create_plugin(ALIGNER, name, models | config.aligner_args)


def encoder_fields(aligner: type[Aligner]) -> list[str]:
    """The fields of an aligner that name an encoder, by default the run's."""
    fields = aligner.model_fields.items()
    return [field for field, info in fields if UsesRunModel() in info.metadata]


def alignment_identity(source: DataSource, config: RunConfig) -> list[Any]:
    """What links depend on beside the data: an entry for each language pair, as JSON has it.

    That is the aligner, its fields, what it says of itself, and its files: of a model in a folder
    the content, not the place. Nothing is fetched to tell.

    Raises:
        AlignFreezeError: If the aligner cannot be loaded, a field breaks its rule, its model cannot
            be read, or one of its files cannot.
    """
    digest = cache(file_digest)
    found: list[Any] = []
    known = parallel_languages(source, config.source_language)
    languages = realignment_languages(source, config, config.languages) or known
    for bitext in bitexts_at_hand(source, config.source_language, languages):
        name = resolve_aligner(config.aligner, bitext)
        aligner = configured_aligner(name, config)
        fields = aligner.model_dump(mode="json", exclude=set(encoder_fields(type(aligner))))
        code = [name, fingerprint(ALIGNER, name), aligner.identity()]
        try:
            inputs = aligner.inputs(bitext)
        except DataError:  # a file of the data: missing, which is told when the text is aligned
            inputs = ()
        elsewhere = [path for path in inputs if source.root not in path.parents]
        files = [[path.name, digest(path)] for path in elsewhere]
        found.append([bitext.target, *code, fields, files])
    return found
