"""The parallel text that a configuration asks for: found, cleaned, aligned, part of it held out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from alignfreeze.alignment.cleaning import Cleaning, CorpusStats
from alignfreeze.alignment.corpus import AlignedCorpus, aligned_corpus
from alignfreeze.alignment.export import write_alignments
from alignfreeze.base.caching import cache_root
from alignfreeze.base.digests import file_digest
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Aligner, Bitext, DataSource, UsesRunModel
from alignfreeze.contracts.registry import ALIGNER, create_plugin, fingerprint, load_plugin
from alignfreeze.data.bitexts import find_bitexts, parallel_languages, resolve_aligner
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.errors import DataError

LARGEST_SHARE = 10
"""At most one sentence pair in so many is held out."""


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
                _aligner(name, config),
                cleaning=_cleaning(config),
                aligner_name=name,
                digest=fingerprint(ALIGNER, name),
                cache=cache_root(),
            )
        )
    return corpora


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
    for bitext in _bitexts_at_hand(source, config):
        name = resolve_aligner(config.aligner, bitext)
        aligner = _aligner(name, config)
        fields = aligner.model_dump(mode="json", exclude=set(_model_fields(name)))
        code = [name, fingerprint(ALIGNER, name), aligner.identity()]
        files = [[path.name, digest(path)] for path in _inputs_elsewhere(aligner, bitext, source)]
        found.append([bitext.target, *code, fields, files])
    return found


def _bitexts_at_hand(source: DataSource, config: RunConfig) -> list[Bitext]:
    """The language pairs that there are to align; those of the hub before they are fetched."""
    known = parallel_languages(source, config.source_language)
    languages = config.realign_languages or known
    if source.supplier is None:
        present = [language for language in languages if language in known]
        return find_bitexts(source, config.source_language, present)
    texts = source.root, source.root
    return [Bitext(config.source_language, language, *texts) for language in languages]


def _inputs_elsewhere(aligner: Aligner, bitext: Bitext, source: DataSource) -> list[Path]:
    """The files that an aligner reads, but those of the data."""
    try:
        inputs = aligner.inputs(bitext)
    except DataError:  # a file of the data: missing, which is told when the text is aligned
        return []
    return [path for path in inputs if source.root not in path.parents]


def align_to_files(config: RunConfig, output: Path) -> Iterator[tuple[str, CorpusStats]]:
    """Align the parallel text of each language, and write it in Pharaoh format.

    Args:
        config: Data, languages, aligner and cleaning; no language means all that there are.
        output: Folder for the files ``en-de.align`` and, unless the text was taken as it is,
            ``en-de.en`` and ``en-de.de`` in words.

    Yields:
        Each language when its files are there, and what became of its text.

    Raises:
        AlignFreezeError: As `aligned_corpora`; or if there is no parallel text.
    """
    source = find_data(config.data, max_pairs=config.pair_limit)
    known = parallel_languages(source, config.source_language)
    if not known:
        raise DataError("there is no parallel text", file=source.root / "parallel")
    for bitext in find_bitexts(source, config.source_language, config.languages or known):
        name = resolve_aligner(config.aligner, bitext)
        stats = write_alignments(
            bitext,
            _aligner(name, config),
            cleaning=_cleaning(config),
            aligner_name=name,
            digest=fingerprint(ALIGNER, name),
            cache=cache_root(),
            output=output,
        )
        yield bitext.target, stats


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


def _cleaning(config: RunConfig) -> Cleaning:
    return Cleaning(
        limit=config.pair_limit,
        max_words=config.pair_max_words,
        max_ratio=config.pair_max_ratio,
        drop_duplicates=config.pair_duplicates == "drop",
    )


def _aligner(name: str, config: RunConfig) -> Aligner:
    """An aligner with the hyperparameters given, and the run's encoder where it wants one."""
    models = dict.fromkeys(_model_fields(name), find_model(config.model))
    return create_plugin(ALIGNER, name, models | config.aligner_args)


def _model_fields(name: str) -> list[str]:
    """The fields of an aligner that name an encoder, by default the run's."""
    fields = load_plugin(ALIGNER, name).model_fields.items()
    return [
        field
        for field, info in fields
        if any(isinstance(mark, UsesRunModel) for mark in info.metadata)
    ]
