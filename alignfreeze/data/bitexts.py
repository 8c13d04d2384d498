"""The files of each language pair of a data source."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from alignfreeze.base.digests import file_digest
from alignfreeze.contracts import Bitext, DataSource
from alignfreeze.errors import DataError


def parallel_languages(source: DataSource, source_language: str) -> list[str]:
    """The target languages that have parallel text with a source language, sorted."""
    if source.supplier is not None:
        return source.supplier.parallel_languages(source_language)
    folder = source.root / "parallel"
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return sorted(
        language
        for language in {name.rpartition(".")[2] for name in names} - {source_language}
        for stem in _stems(source_language, language)
        if {f"{stem}.{source_language}", f"{stem}.{language}"} <= names
    )


def _stems(source_language: str, target: str) -> tuple[str, str]:
    """The names that the files of a language pair may have, the preferred one first."""
    return f"{source_language}-{target}", f"{target}-{source_language}"


def find_bitexts(source: DataSource, source_language: str, targets: Iterable[str]) -> list[Bitext]:
    """Find the files of language pairs, fetched if need be.

    The files of English and German are ``parallel/en-de.en`` and ``en-de.de``, and where
    present ``parallel/en-de.align``, ``dictionaries/en-de.txt`` and ``de-en.txt``. Texts and
    alignments may be named ``de-en`` instead; such an alignment has the German index first.

    Returns:
        One bitext a target language, in their order.

    Raises:
        DataError: If a text is missing, or cannot be fetched; names it, and the languages that
            have one.
    """
    return [_bitext(source, source_language, target) for target in targets]


def _bitext(source: DataSource, source_language: str, target: str) -> Bitext:
    if source_language == target:
        raise DataError(f"a target language must not be the source language, got {target!r}")
    if source.supplier is not None:
        return source.supplier.fetch_bitext(source_language, target)
    folder = source.root / "parallel"
    stems = _stems(source_language, target)
    dictionaries = [source.root / "dictionaries" / f"{stem}.txt" for stem in stems]
    forward, backward = (path if path.is_file() else None for path in dictionaries)
    alignments = [folder / f"{stem}.align" for stem in stems]
    alignment_file = next(filter(Path.is_file, alignments), None)
    return Bitext(
        source_language,
        target,
        *_text_files(source, source_language, target),
        alignment_file,
        forward,
        backward,
        alignment_reversed=alignment_file == alignments[1],
    )


def bitext_digests(bitext: Bitext) -> dict[str, str]:
    """The digest of each file of a language pair, whatever an aligner would read of them.

    Raises:
        DataError: If one cannot be read.
    """
    return {
        role: file_digest(path) for role, path in asdict(bitext).items() if isinstance(path, Path)
    }


def _text_files(source: DataSource, source_language: str, target: str) -> tuple[Path, Path]:
    """Both texts of a language pair."""
    folder = source.root / "parallel"
    candidates = [
        (folder / f"{stem}.{source_language}", folder / f"{stem}.{target}")
        for stem in _stems(source_language, target)
    ]
    # The sort is stable: of two that are there as far, the preferred one comes first.
    candidates.sort(key=lambda files: -sum(map(Path.is_file, files)))
    missing = [path for path in candidates[0][::-1] if not path.is_file()]
    if not missing:
        return candidates[0]
    known = " ".join(parallel_languages(source, source_language)) or "none"
    raise DataError(
        f"no such file, so {source_language}-{target} has no parallel text; "
        f"languages with one: {known}",
        file=missing[0],
    )


AUTO_ALIGNERS = ("dictionary", "pharaoh")
"""The aligners that ``auto`` may stand for."""


def resolve_aligner(name: str, bitext: Bitext) -> str:
    """The aligner that a name stands for: of ``auto`` that of the alignment file, if any."""
    dictionary, pharaoh = AUTO_ALIGNERS
    by_default = dictionary if bitext.alignment_file is None else pharaoh
    return by_default if name == "auto" else name


def bitext_files(source: DataSource, source_language: str, target: str) -> list[Path]:
    """The files of a data folder that a language pair is made of, whatever an aligner reads."""
    (bitext,) = find_bitexts(source, source_language, [target])
    return [path for path in asdict(bitext).values() if isinstance(path, Path)]
