"""The files of each language pair of a data source."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from pathlib import Path

from alignfreeze.base.digests import file_digest
from alignfreeze.contracts import Bitext, DataSource
from alignfreeze.data.bitext_names import (
    ALIGNMENT,
    SCORES,
    Form,
    complete_form,
    missing_name,
    name_beside,
    named_languages,
    names_beside,
    stems,
    unread,
    unused,
)
from alignfreeze.data.conversion import converted
from alignfreeze.errors import DataError
from alignfreeze.messages import shown
from alignfreeze.text.files import is_file


def parallel_languages(source: DataSource, source_language: str) -> list[str]:
    """The target languages that have parallel text with a source language, sorted.

    Raises:
        DataError: If the folder cannot be read.
    """
    if source.supplier is not None:
        return source.supplier.parallel_languages(source_language)
    names = _names(source)
    languages = sorted(named_languages(names, source_language))
    return [code for code in languages if complete_form(names, source_language, code)]


def unread_text(source: DataSource, source_language: str, targets: Collection[str] = ()) -> str:
    """What there is instead of the parallel text of languages, to be put behind a message."""
    return "" if source.supplier else unread(_names(source), source_language, targets)


def unused_text(source: DataSource, source_language: str) -> dict[str, str]:
    """The files of parallel text that are of no language's, and why as far as that is known."""
    return unused(_names(source), source_language)


def _names(source: DataSource) -> set[str]:
    """The names of the files of parallel text."""
    folder = source.root / "parallel"
    try:
        return {path.name for path in folder.iterdir() if is_file(path)}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=folder) from error


def find_bitexts(source: DataSource, source_language: str, targets: Iterable[str]) -> list[Bitext]:
    """Find the files of language pairs, fetched or converted if need be.

    The files of English and German are ``parallel/en-de.en`` and ``en-de.de``, and where
    present ``parallel/en-de.align`` and ``en-de.scores``, ``dictionaries/en-de.txt`` and
    ``de-en.txt``. Texts, alignments and scores may be named ``de-en`` instead; such an alignment
    has the German index first. For both texts there may be a table or a translation memory,
    ``en-de.tsv`` or ``en-de.tmx``, and any of these may be packed (``.gz``): the texts are then
    made of it.

    Returns:
        One bitext a target language, in their order.

    Raises:
        DataError: If a text is missing, or cannot be fetched or converted; names it, and the
            languages that have one.
    """
    return [_bitext(source, source_language, target) for target in targets]


def check_texts(source: DataSource, source_language: str, targets: Iterable[str]) -> None:
    """Check that a folder has the texts of language pairs; what is on the hub is not asked for.

    Raises:
        DataError: As `find_bitexts`, if a text is missing.
    """
    for target in targets:
        _check_pair(source_language, target)
        if source.supplier is None:
            _form(source, source_language, target)


def bitexts_at_hand(
    source: DataSource, source_language: str, targets: Iterable[str]
) -> list[Bitext]:
    """Language pairs as they are, before anything is fetched or converted.

    The files of texts need not be there, nor be in Moses format; those beside them are as
    `find_bitexts` finds them in a folder. Languages without text in a folder are left out.
    """
    if source.supplier is not None:
        texts = source.root, source.root
        return [Bitext(source_language, target, *texts) for target in targets]
    known = parallel_languages(source, source_language)
    return [_beside(source, source_language, target) for target in targets if target in known]


def _bitext(source: DataSource, source_language: str, target: str) -> Bitext:
    _check_pair(source_language, target)
    if source.supplier is not None:
        return source.supplier.fetch_bitext(source_language, target)
    found = _form(source, source_language, target)
    files = tuple(source.root / "parallel" / name for name in found.names)
    texts, notes = (files, ()) if found.is_moses else converted(files, found.languages)
    text_of = dict(zip(found.languages, texts, strict=True))
    return replace(
        _beside(source, source_language, target),
        source_file=text_of[source_language],
        target_file=text_of[target],
        origins=() if found.is_moses else files,
        notes=notes,
    )


def _check_pair(source_language: str, target: str) -> None:
    if source_language == target:
        raise DataError(f"a target language must not be the source language, got {shown(target)}")


def _form(source: DataSource, source_language: str, target: str) -> Form:
    """The files in a folder that hold a language pair."""
    found = complete_form(_names(source), source_language, target)
    if found is None:
        raise _missing(source, source_language, target)
    return found


def _beside(source: DataSource, source_language: str, target: str) -> Bitext:
    """A language pair of a folder, with what lies beside its texts."""
    folder = source.root / "parallel"
    names = stems(source_language, target)
    dictionaries = [source.root / "dictionaries" / f"{stem}.txt" for stem in names]
    forward, backward = (path if is_file(path) else None for path in dictionaries)
    present = _names(source)
    found = name_beside(present, ALIGNMENT, source_language, target)
    scores = name_beside(present, SCORES, source_language, target)
    return Bitext(
        source_language,
        target,
        folder,
        folder,
        folder / found if found else None,
        forward,
        backward,
        alignment_reversed=bool(found) and not found.startswith(f"{names[0]}."),
        scores_file=folder / scores if scores else None,
    )


def _missing(source: DataSource, source_language: str, target: str) -> DataError:
    """Says which text is missing, which languages have one, and what is there instead."""
    names = _names(source)
    known = " ".join(parallel_languages(source, source_language)) or "none"
    return DataError(
        f"no such file, so {source_language}-{target} has no parallel text; languages with one: "
        f"{known}{unread(names, source_language, [target])}",
        file=source.root / "parallel" / missing_name(names, source_language, target),
    )


def without_unused_scores(bitexts: Iterable[Bitext], *, used: bool) -> list[Bitext]:
    """Language pairs, without their files of scores unless these are used.

    So a file that nothing reads makes no other run of one.
    """
    return [each if used else replace(each, scores_file=None) for each in bitexts]


def check_scores(source: DataSource, bitexts: Iterable[Bitext], pair_quality: float) -> None:
    """Check that there are scores of the pairs of all languages, if any are to be dropped by them.

    Raises:
        DataError: If there are not; names the first file that is missing, and what writes it.
    """
    lacking = [each for each in bitexts if each.scores_file is None] if pair_quality else []
    if not lacking:
        return
    first, codes = lacking[0], ",".join(each.target for each in lacking)
    folder = first.source_file.parent if source.supplier else source.root / "parallel"
    raise DataError(
        f"no such file, and pair_quality={pair_quality} needs a score of each sentence pair (a "
        f"number a line); `alignfreeze score --data {source.name} --languages {codes}` writes it",
        file=folder / names_beside(SCORES, first.source, first.target)[0],
    )


def bitext_digests(bitext: Bitext) -> dict[str, str]:
    """The digest of each file of a language pair, whatever an aligner would read of them.

    Raises:
        DataError: If one cannot be read.
    """
    return {
        role: file_digest(path) for role, path in asdict(bitext).items() if isinstance(path, Path)
    }


AUTO_ALIGNERS = ("dictionary", "pharaoh")
"""The aligners that ``auto`` may stand for."""


def resolve_aligner(name: str, bitext: Bitext) -> str:
    """The aligner that a name stands for: of ``auto`` that of the alignment file, if any."""
    dictionary, pharaoh = AUTO_ALIGNERS
    by_default = dictionary if bitext.alignment_file is None else pharaoh
    return by_default if name == "auto" else name
