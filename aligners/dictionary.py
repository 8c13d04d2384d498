"""Word alignment by bilingual dictionaries."""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from alignfreeze.contracts import Aligner, Bitext, SentencePair, WordAlignment, numbered_lines
from alignfreeze.errors import DataError

logger = logging.getLogger(__name__)

SEPARATOR = re.compile("[ \t]+")
"""Stands between the fields of a MUSE dictionary."""

Translations = Mapping[str, set[str]]
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
        translations = self._translations(bitext)
        for pair in pairs:
            yield _unambiguous(
                self._compared(pair.source), self._compared(pair.target), translations
            )

    def _compared(self, words: tuple[str, ...]) -> list[str]:
        """Words in the form in which they are looked up."""
        return [word.lower() for word in words] if self.lowercase else list(words)

    def _translations(self, bitext: Bitext) -> Translations:
        """The entries of all dictionaries that are there, source word first."""
        translations: dict[str, set[str]] = defaultdict(set)
        for path in self.inputs(bitext):
            for first, second in _entries(path):
                forward = path == bitext.forward_dictionary
                entry = (first, second) if forward else (second, first)
                source, target = self._compared(entry)
                translations[source].add(target)
        return translations


def _entries(path: Path) -> list[tuple[str, str]]:
    """The entries of a MUSE dictionary that have one word on each side."""
    entries: list[tuple[str, str]] = []
    multiword = 0
    for number, line in numbered_lines(path):
        fields = SEPARATOR.split(line.strip(" \t"))
        if len(fields) < 2:
            message = f"an entry must be two words with a space or tab between, got {line!r}"
            raise DataError(message, file=path, line=number)
        if len(fields) > 2:
            multiword += 1
        else:
            entries.append((fields[0], fields[1]))
    if not entries:
        message = (
            f"the dictionary has no entry of two words ({multiword} multiword ones are not used)"
        )
        raise DataError(message, file=path)
    logger.info("%s: %d entries, %d multiword entries ignored", path, len(entries), multiword)
    return entries


def _unambiguous(source: list[str], target: list[str], translations: Translations) -> WordAlignment:
    """Links between words that are each other's only candidate."""
    places = {word: index for index, word in enumerate(target)}
    repeated = Counter(target)
    candidates: list[set[str]] = [
        translations[word] & places.keys() if word in translations else set() for word in source
    ]
    claims = Counter(word for words in candidates for word in words)
    return [
        (index, places[word])
        for index, words in enumerate(candidates)
        if len(words) == 1
        for word in words
        if claims[word] == 1 and repeated[word] == 1
    ]
