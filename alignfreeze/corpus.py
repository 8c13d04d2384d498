"""Parallel text for realignment: found, read, split into words, aligned, and cached."""

import hashlib
import json
import logging
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from alignfreeze.caching import building, file_digest
from alignfreeze.contracts import (
    Aligner,
    Bitext,
    Segmentation,
    SentencePair,
    WordAlignment,
    count_lines,
    numbered_lines,
)
from alignfreeze.errors import DataError, PluginError

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

FORMAT = 1
"""Version of the cached corpora: raise it when this module makes others of the same data."""

ROWS_PER_BATCH = 1000
"""Sentence pairs written at a time."""

BLANK = r"\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
VISIBLE = re.compile(f"[^{BLANK}](?:.*[^{BLANK}])?", re.DOTALL)
"""All between the first and the last character that is neither space, control nor without width."""


@dataclass
class CorpusStats:
    """What became of a bitext.

    Attributes:
        read: Sentence pairs in the text files.
        empty: Sentence pairs dropped because a side has no word.
        unaligned: Sentence pairs dropped because no aligned words were left.
        kept: Sentence pairs kept.
        identical: Word pairs dropped because both words are the same string.
        links: Word pairs kept.
    """

    read: int = 0
    empty: int = 0
    unaligned: int = 0
    kept: int = 0
    identical: int = 0
    links: int = 0

    def __str__(self) -> str:
        """One line for a log."""
        return (
            f"{self.kept:,} of {self.read:,} sentence pairs kept ({self.empty:,} empty, "
            f"{self.unaligned:,} without aligned words), {self.links:,} word links "
            f"({self.identical:,} identical words dropped)"
        )


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
        source: Code of the source language.
        target: Code of the target language.
        fingerprint: Stands for everything that the corpus depends on: the files' content, the
            aligner, its settings and its code.
        stats: What became of the text; also known where the corpus was reused.
        dataset: Columns ``source`` and ``target`` (lists of words) and ``alignment`` (source
            and target index of each link in turn).
    """

    source: str
    target: str
    fingerprint: str
    stats: CorpusStats
    dataset: "Dataset"

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


def split_words(text: str, language: str, segmentation: Segmentation) -> tuple[str, ...]:
    """Split a sentence into words; punctuation is kept as words of its own.

    Args:
        text: The sentence.
        language: Its language.
        segmentation: ``icu``: by ICU's word breaker, which knows languages that are written
            without spaces; ``whitespace``: as ``str.split`` does.
    """
    if segmentation == "whitespace":
        return tuple(text.split())
    from icu4py.breakers import WordBreaker

    matches = (VISIBLE.search(segment) for segment in WordBreaker(text, language))
    return tuple(match[0] for match in matches if match is not None)


def sentence_pairs(bitext: Bitext, segmentation: Segmentation) -> Iterator[SentencePair]:
    """All sentence pairs of a bitext, in order, without holding them all; a side may be empty.

    Raises:
        DataError: If a text is missing, empty or not UTF-8, or they differ in their lines.
    """
    n_source, n_target = count_lines(bitext.source_file), count_lines(bitext.target_file)
    if n_source != n_target:
        raise DataError(
            f"texts that translate each other must have the same number of lines, got "
            f"{n_source} in {bitext.source_file.name} and {n_target} here",
            file=bitext.target_file,
        )
    lines = zip(numbered_lines(bitext.source_file), numbered_lines(bitext.target_file), strict=True)
    progress = tqdm(
        lines,
        desc=f"align {bitext.source}-{bitext.target}",
        total=n_source,
        unit=" pairs",
        leave=False,
        disable=None,
    )
    for (line, source), (_, target) in progress:
        yield SentencePair(
            line=line,
            source=split_words(source, bitext.source, segmentation),
            target=split_words(target, bitext.target, segmentation),
        )


def aligned_corpus(
    bitext: Bitext, aligner: Aligner, *, aligner_name: str, digest: str, cache: Path
) -> AlignedCorpus:
    """Align a bitext, or reuse what was aligned before.

    Args:
        bitext: The text.
        aligner: The aligner.
        aligner_name: The name under which it is registered.
        digest: Stands for the aligner's code; another one means to align anew.
        cache: The folder that corpora are kept in.

    Raises:
        DataError: If a file is missing or malformed, or no aligned words are left.
        PluginError: If the aligner breaks its contract.
    """
    fingerprint = _fingerprint(bitext, aligner, aligner_name, digest)
    folder = cache / "corpora" / f"{bitext.source}-{bitext.target}-{fingerprint}"
    if not folder.is_dir():
        with building(folder) as temporary:
            _build(temporary, bitext, aligner, aligner_name)
    return _opened(folder, bitext, fingerprint)


def _fingerprint(bitext: Bitext, aligner: Aligner, aligner_name: str, digest: str) -> str:
    """SHA-256 of everything that the aligned corpus depends on."""
    roles = {getattr(bitext, field.name): field.name for field in fields(bitext)}
    paths = (bitext.source_file, bitext.target_file, *aligner.inputs(bitext))
    content = {
        "format": FORMAT,
        "languages": [bitext.source, bitext.target],
        "files": [[roles.get(path, path.name), file_digest(path)] for path in paths],
        "alignment_reversed": bitext.alignment_reversed,
        "aligner": [aligner_name, aligner.model_dump(mode="json"), digest],
        "segmentation": [aligner.segmentation(bitext), version("icu4py")],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _build(folder: Path, bitext: Bitext, aligner: Aligner, aligner_name: str) -> None:
    """Align a bitext into a folder."""
    from datasets import Features, List, Value
    from datasets.arrow_writer import ArrowWriter

    words, indices = List(Value("string")), List(Value("int32"))
    features = Features({"source": words, "target": words, "alignment": indices})
    stats = CorpusStats()
    pairs = _aligned_pairs(bitext, aligner, aligner_name, stats)
    with ArrowWriter(features=features, path=str(folder / "pairs.arrow")) as writer:
        while rows := list(islice(pairs, ROWS_PER_BATCH)):
            writer.write_batch(
                {
                    "source": [row.source for row in rows],
                    "target": [row.target for row in rows],
                    "alignment": [list(chain.from_iterable(row.alignment)) for row in rows],
                }
            )
        writer.finalize()
    if not stats.kept:
        files = ", ".join(str(path) for path in aligner.inputs(bitext)) or "no further file"
        raise DataError(
            f"{bitext.source}-{bitext.target}: none of the {stats.read} sentence pairs has words "
            f"aligned by {aligner_name!r} ({files}); {stats.empty} are empty, "
            f"{stats.identical} word pairs were the same string"
        )
    (folder / "stats.json").write_text(json.dumps(asdict(stats)), encoding="utf-8")


def _opened(folder: Path, bitext: Bitext, fingerprint: str) -> AlignedCorpus:
    """Open a cached corpus."""
    from datasets import Dataset

    try:
        stats = CorpusStats(**json.loads((folder / "stats.json").read_text(encoding="utf-8")))
        dataset = Dataset.from_file(str(folder / "pairs.arrow"))
    except (OSError, ValueError) as error:
        raise DataError("the cached corpus is damaged; delete the folder", file=folder) from error
    logger.info("%s-%s: %s", bitext.source, bitext.target, stats)
    return AlignedCorpus(bitext.source, bitext.target, fingerprint, stats, dataset)


def _aligned_pairs(
    bitext: Bitext, aligner: Aligner, aligner_name: str, stats: CorpusStats
) -> Iterator[AlignedPair]:
    """Sentence pairs with aligned words; counts the others."""
    waiting: deque[SentencePair] = deque()
    pairs = _usable(sentence_pairs(bitext, aligner.segmentation(bitext)), waiting, stats)
    for alignment in aligner.align(pairs, bitext):
        if not waiting:
            raise PluginError(f"aligner {aligner_name!r} gave more alignments than sentence pairs")
        pair = waiting.popleft()
        _check_alignment(alignment, pair, aligner_name)
        links = [(s, t) for s, t in alignment if pair.source[s] != pair.target[t]]
        stats.identical += len(alignment) - len(links)
        stats.links += len(links)
        if links:
            stats.kept += 1
            yield AlignedPair(list(pair.source), list(pair.target), links)
        else:
            stats.unaligned += 1
    if waiting or next(pairs, None) is not None:
        raise PluginError(f"aligner {aligner_name!r} gave fewer alignments than sentence pairs")


def _usable(
    pairs: Iterable[SentencePair], waiting: deque[SentencePair], stats: CorpusStats
) -> Iterator[SentencePair]:
    """Sentence pairs with words on both sides, remembered until their alignment comes."""
    for pair in pairs:
        stats.read += 1
        if pair.source and pair.target:
            waiting.append(pair)
            yield pair
        else:
            stats.empty += 1


def _check_alignment(alignment: WordAlignment, pair: SentencePair, aligner_name: str) -> None:
    """Check that links are one to one and within their sentences."""
    sources, targets = {s for s, _ in alignment}, {t for _, t in alignment}
    one_to_one = len(sources) == len(targets) == len(alignment)
    inside = sources <= set(range(len(pair.source))) and targets <= set(range(len(pair.target)))
    if not (one_to_one and inside):
        raise PluginError(
            f"aligner {aligner_name!r} must link words one to one, within {len(pair.source)} "
            f"source and {len(pair.target)} target words, got {alignment} for line {pair.line}"
        )
