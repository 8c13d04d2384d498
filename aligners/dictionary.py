"""Word alignment by bilingual dictionaries."""

import hashlib
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from alignfreeze.contracts import Aligner, Bitext, SentencePair, WordAlignment, numbered_lines
from alignfreeze.errors import DataError

logger = logging.getLogger(__name__)

SEPARATOR = re.compile("[ \t]+")
"""Stands between the fields of a MUSE dictionary."""

Translations = Mapping[str, frozenset[str]]
"""The target words that each source word may be translated by."""


class DictionaryAligner(Aligner):
    """Links two words that translate each other, where nothing else could be meant.

    A source word and a target word are linked if a dictionary, of either direction, has the
    pair, and each is the other's only candidate in the sentence pair. A word that occurs twice
    on its side is two candidates, and so is never linked.

    Attributes:
        lowercase: Compare words in lower case, as the MUSE dictionaries are.
    """

    lowercase: bool = True

    def inputs(self, bitext: Bitext) -> tuple[Path, ...]:
        """The dictionaries of both directions, as far as they are there.

        Raises:
            DataError: If there is none.
        """
        both = (bitext.forward_dictionary, bitext.backward_dictionary)
        present = tuple(path for path in both if path is not None)
        if not present:
            pair, reverse = f"{bitext.source}-{bitext.target}", f"{bitext.target}-{bitext.source}"
            raise DataError(
                f"{pair} has no dictionary: looked for dictionaries/{pair}.txt and "
                f"dictionaries/{reverse}.txt (MUSE format); give one of them, or word alignments "
                f"in parallel/{pair}.align (Pharaoh format)"
            )
        return present

    def align(self, pairs: Iterable[SentencePair], bitext: Bitext) -> Iterator[WordAlignment]:
        """Align sentence pairs, one result a pair, in order.

        Raises:
            DataError: If no dictionary is there, or one is malformed.
        """
        contents = tuple(
            (path, path == bitext.forward_dictionary, _content(path))
            for path in self.inputs(bitext)
        )
        translations = _translations(contents, self.lowercase)
        for pair in pairs:
            source, target = pair.source, pair.target
            if self.lowercase:
                source, target = _lowered(source), _lowered(target)
            yield _unambiguous(source, target, translations)


def _lowered(words: Iterable[str]) -> tuple[str, ...]:
    """Words in the form in which MUSE dictionaries have them."""
    return tuple([word.lower() for word in words])


def _content(path: Path) -> bytes:
    """A digest of a dictionary.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from error


@lru_cache(maxsize=1)
def _translations(contents: tuple[tuple[Path, bool, bytes], ...], lowercase: bool) -> Translations:
    """The entries of dictionaries, source word first; the last ones are remembered.

    Args:
        contents: For each dictionary its file, whether it has the source word first, and a
            digest of its content.
        lowercase: Whether all words are put in lower case.
    """
    translations: dict[str, set[str]] = defaultdict(set)
    for path, forward, _ in contents:
        for entry in _entries(path):
            first, second = _lowered(entry) if lowercase else entry
            source, target = (first, second) if forward else (second, first)
            translations[source].add(target)
    return {source: frozenset(targets) for source, targets in translations.items()}


def _entries(path: Path) -> list[tuple[str, str]]:
    """The entries of a MUSE dictionary that have one word on each side."""
    entries: list[tuple[str, str]] = []
    multiword = 0
    malformed: list[tuple[int, str]] = []
    for number, line in numbered_lines(path):
        fields = SEPARATOR.split(line.strip(" \t"))
        if len(fields) < 2:
            malformed.append((number, line))
        elif len(fields) > 2:
            multiword += 1
        else:
            entries.append((fields[0], fields[1]))
    if malformed:
        number, line = malformed[0]
        logger.warning(
            "%s: %d lines ignored, as an entry must be two words with a space or tab between; the "
            "first is line %d, %r",
            *(path, len(malformed), number, line),
        )
    if not entries:
        raise DataError(
            f"the dictionary has no entry of two words ({multiword} multiword ones and "
            f"{len(malformed)} malformed lines are not used)",
            file=path,
        )
    logger.info("%s: %d entries, %d multiword entries ignored", path, len(entries), multiword)
    return entries


def _unambiguous(
    source: Sequence[str], target: Sequence[str], translations: Translations
) -> WordAlignment:
    """Links between words that are each other's only candidate."""
    places = {word: index for index, word in enumerate(target)}
    present = frozenset(places)
    candidates: list[tuple[int, frozenset[str]]] = [
        (index, found)
        for index, word in enumerate(source)
        if word in translations and (found := translations[word] & present)
    ]
    claims = Counter([word for _, words in candidates for word in words])
    repeated = Counter(target) if len(places) < len(target) else {}
    return [
        (index, places[word])
        for index, words in candidates
        if len(words) == 1
        for word in words
        if claims[word] == 1 and repeated.get(word, 1) == 1
    ]
