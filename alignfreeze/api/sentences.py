"""Sentence pairs as users have them in memory: raw or in words, with links or without."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from alignfreeze.alignment.cleaning import split_words
from alignfreeze.contracts import Bitext, Segmentation, SentencePair, WordAlignment
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.messages import shown
from alignfreeze.text.tokens import join_tokens

Sentence = str | Sequence[str]
"""A sentence: as it is written, or its words."""

SentencePairs = Iterable[Sequence[object]]
"""Sentence pairs: (source, target), each a `Sentence`; or (source, target, links), in words."""

Pairs = SentencePairs | Mapping[str, SentencePairs]
"""Sentence pairs of one language, or of several by the codes of the target languages."""

UNDETERMINED = "und"
"""The code that BCP 47 has for a language that is not named."""


class LinkedPair(NamedTuple):
    """A sentence pair in words, and which of them translate each other.

    It is a sentence pair with links for whatever takes such.

    Attributes:
        source: Words of the source language.
        target: Words of the target language.
        links: Pairs (source word, target word), counted from 0, one to one.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    links: WordAlignment


@dataclass(frozen=True)
class Sentences:
    """The sentence pairs of one target language, checked.

    Attributes:
        language: Its code.
        sides: Source and target of each pair: a text, or words.
        links: The links of each pair; ``None`` where an aligner is to find them.
    """

    language: str
    sides: list[tuple[str | tuple[str, ...], str | tuple[str, ...]]]
    links: list[WordAlignment] | None

    def split(
        self, source_language: str, segmentation: Segmentation
    ) -> Iterator[tuple[SentencePair, bool]]:
        """All pairs in words, texts split as said, and whether each repeats an earlier one."""
        languages = source_language, self.language
        seen = set()
        for line, sides in enumerate(self.sides, 1):
            source, target = (
                split_words(side, language, segmentation) if isinstance(side, str) else side
                for side, language in zip(sides, languages, strict=True)
            )
            yield SentencePair(line, source, target), sides in seen
            seen.add(sides)

    def written(self, source_language: str, folder: Path) -> tuple[Path, Path]:
        """Files of both texts, for an aligner that reads them; line ends within are blanks."""
        names = f"{source_language}.txt", f"{self.language}.txt"
        files = folder / f"source.{names[0]}", folder / f"target.{names[1]}"
        for file, texts in zip(files, zip(*self.sides, strict=True), strict=True):
            lines = (side if isinstance(side, str) else join_tokens(side) for side in texts)
            content = "".join(f"{' '.join(line.splitlines())}\n" for line in lines)
            file.write_text(content, "utf-8", newline="\n")
        return files


def sentences_of(pairs: Pairs) -> list[Sentences]:
    """The sentence pairs of each language, checked.

    Raises:
        DataError: If something else is among them; names its place, counted from 0.
    """
    by_language = pairs if isinstance(pairs, Mapping) else {UNDETERMINED: pairs}
    if not by_language:
        raise DataError("pairs must hold sentence pairs of a language, got an empty dict")
    return [
        _sentences(some, language, "pairs" if some is pairs else f"pairs[{language!r}]")
        for language, some in by_language.items()
    ]


def _sentences(pairs: object, language: object, where: str) -> Sentences:
    if not isinstance(language, str) or not language:
        raise DataError(f"pairs must be by codes of languages, got {shown(language)}")
    if isinstance(pairs, str | bytes | Mapping) or not isinstance(pairs, Iterable):
        raise DataError(f"{where} must be a list of sentence pairs, got {shown(pairs)}")
    found = [_pair(pair, f"{where}[{number}]") for number, pair in enumerate(pairs)]
    if not found:
        raise DataError(f"{where} must hold sentence pairs, and is empty")
    links = [own for _, own in found if own is not None]
    if links and len(links) < len(found):
        without = next(number for number, (_, own) in enumerate(found) if own is None)
        raise DataError(f"{where} must have links in all pairs or in none, and {without} has none")
    return Sentences(language, [sides for sides, _ in found], links or None)


def _pair(
    pair: object, where: str
) -> tuple[tuple[str | tuple[str, ...], str | tuple[str, ...]], WordAlignment | None]:
    if isinstance(pair, str | bytes) or not isinstance(pair, Sequence) or len(pair) not in (2, 3):
        rule = "must be (source, target), or (source, target, links)"
        raise DataError(f"{where} {rule}, got {shown(pair)}")
    source, target = _side(pair[0], where, "source"), _side(pair[1], where, "target")
    if len(pair) == 2:
        return (source, target), None
    if isinstance(source, str) or isinstance(target, str):
        raise DataError(f"{where} must be in words, which its links count, got {shown(pair)}")
    return (source, target), _links(pair[2], (len(source), len(target)), where)


def _side(side: object, where: str, name: str) -> str | tuple[str, ...]:
    if not isinstance(side, str) and not (
        isinstance(side, Sequence) and all(isinstance(word, str) and word for word in side)
    ):
        raise DataError(
            f"{where}: its {name} must be a text, or a list of words, got {shown(side)}"
        )
    found = side if isinstance(side, str) else tuple(side)
    try:
        "".join(found).encode()
    except UnicodeEncodeError:
        raise DataError(f"{where}: its {name} has half a character, {shown(side)}") from None
    return found


def _links(links: object, sizes: tuple[int, int], where: str) -> WordAlignment:
    try:
        found = [(int(source), int(target)) for source, target in links]  # type: ignore[attr-defined]
        same = all(map(_same, found, links))  # type: ignore[call-overload]
    except (TypeError, ValueError):
        same = False
    if not same:
        raise DataError(f"{where}: its links must be pairs of word numbers, got {shown(links)}")
    if odd := [s_t for s_t in found if not (0 <= s_t[0] < sizes[0] and 0 <= s_t[1] < sizes[1])]:
        raise DataError(
            f"{where}: its links must be within {sizes[0]} source and {sizes[1]} target words, "
            f"counted from 0, got {odd[0]}"
        )
    return found


def _same(numbers: tuple[int, int], link: Sequence[object]) -> bool:
    """Whether a link is of whole numbers, and none was made one."""
    return numbers == tuple(link) and not any(isinstance(part, bool | str) for part in link)


WordPairs = Iterable[Sequence[str]]

Dictionaries = str | Path | Mapping[str, str | Path | WordPairs]
"""A folder of MUSE dictionaries such as ``en-de.txt``; or, by target language, a dictionary's file
or word pairs, source word first."""


def dictionaries_of(
    dictionaries: Dictionaries | None, source_language: str, language: str, folder: Path
) -> tuple[Path | None, Path | None]:
    """The dictionaries of a language: forward, then backward; word pairs are written to a folder.

    Raises:
        ConfigError: If there is no such file or folder.
        DataError: If something else is among the word pairs.
    """
    given: object = dictionaries
    if given is None:
        return None, None
    if isinstance(given, str | Path):
        if not Path(given).is_dir():
            raise ConfigError(f"dictionaries must be a folder, and there is none {given}")
        names = f"{source_language}-{language}.txt", f"{language}-{source_language}.txt"
        forward, backward = (Path(given) / name for name in names)
        return forward if forward.is_file() else None, backward if backward.is_file() else None
    if not isinstance(given, Mapping):
        rule = "must be a folder, or files or word pairs by target language"
        raise ConfigError(f"dictionaries {rule}, got {shown(given)}")
    own = given.get(language)
    if own is None:
        return None, None
    where = f"dictionaries[{language!r}]"
    if isinstance(own, str | Path):
        if not Path(own).is_file():
            raise ConfigError(f"{where} must be a file, and there is none {own}")
        return Path(own), None
    file = folder / f"{source_language}-{language}.txt"
    entries = [_entry(e, where) for e in (own.items() if isinstance(own, Mapping) else own)]
    if not entries:
        raise DataError(f"{where} must hold pairs of words, and is empty")
    file.write_text("".join(f"{entry}\n" for entry in entries), "utf-8")
    return file, None


def _entry(entry: object, where: str) -> str:
    if (
        isinstance(entry, str)
        or not isinstance(entry, Sequence)
        or [type(word) for word in entry] != [str, str]
    ):
        raise DataError(f"{where} must hold pairs of words, source first, got {shown(entry)}")
    return "\t".join(" ".join(word.split()) for word in entry)


def bitext_of(
    sentences: Sentences,
    source_language: str,
    dictionaries: Dictionaries | None,
    folder: Path,
) -> Bitext:
    """What an aligner is told of sentences in memory: files of them, and their dictionaries."""
    forward, backward = dictionaries_of(dictionaries, source_language, sentences.language, folder)
    texts = sentences.written(source_language, folder)
    return Bitext(
        source_language,
        sentences.language,
        *texts,
        forward_dictionary=forward,
        backward_dictionary=backward,
    )
