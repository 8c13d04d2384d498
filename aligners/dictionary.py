"""Word alignment by bilingual dictionaries."""

import hashlib
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from alignfreeze.contracts import (
    Aligner,
    Bitext,
    SentencePair,
    WordAlignment,
    numbered_lines,
    shown,
    split_tokens,
)
from alignfreeze.errors import DataError

logger = logging.getLogger(__name__)

RULE = "two words a line with a space or tab between"

COLUMNS = re.compile(r" *\t[ \t]*")
"""Stands between the columns of a table; a dictionary has two."""

_SIGNS = "[;|,:=<>/~\u2013\u2014-]{1,3}"
FOREIGN = re.compile(rf"[;|]\S|\S[;|]|[^\W\d],|,[^\W\d]|,\"|\w:\s|\s{_SIGNS}\s")
"""What parts the fields of other formats: semicolons, commas, ``|||``, ``::``, an arrow."""

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
"""A probability, or a count."""

Translations = Mapping[str, frozenset[str]]
"""The target words that each source word may be translated by."""


class DictionaryAligner(Aligner):
    """Links two words that translate each other, where nothing else could be meant.

    A source word and a target word are linked if a dictionary, of either direction, has the
    pair, and each is the other's only candidate in the sentence pair. A word that occurs twice
    on its side is two candidates, and so is never linked. Words are looked up in Unicode's
    composed form (NFC), however the text or the dictionary writes them.

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

    def notes(self, bitext: Bitext) -> Mapping[str, int]:
        """The lines of each dictionary that are not used.

        Raises:
            DataError: If no dictionary is there, or one is malformed.
        """
        found = {}
        for path in self.inputs(bitext):
            _, multiword, malformed = _read(path)
            if multiword:
                found[f"entries of several words in {path.name} left out"] = multiword
            if malformed:
                number, line = malformed[0]
                first = f"the first is line {number}, {shown(line)}"
                found[f"lines of {path.name} left out, as they are not {RULE} ({first})"] = len(
                    malformed
                )
        return found

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
            source, target = (
                _looked_up(words, lowercase=self.lowercase) for words in (pair.source, pair.target)
            )
            yield _unambiguous(source, target, translations)


def _looked_up(words: Iterable[str], *, lowercase: bool) -> tuple[str, ...]:
    """Words in the form in which they are compared: NFC, and as MUSE has them in lower case."""
    if lowercase:
        words = map(str.lower, words)
    return tuple([normalize("NFC", word) for word in words])


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
        entries, multiword, _ = _read(path)
        logger.info("%s: %d entries, %d multiword entries ignored", path, len(entries), multiword)
        for entry in entries:
            first, second = _looked_up(entry, lowercase=lowercase)
            source, target = (first, second) if forward else (second, first)
            translations[source].add(target)
    return {source: frozenset(targets) for source, targets in translations.items()}


class _Dictionary(NamedTuple):
    """What a MUSE dictionary holds: its entries of one word a side, and what is left out."""

    entries: list[tuple[str, str]]
    multiword: int
    malformed: list[tuple[int, str]]


def _read(path: Path) -> _Dictionary:
    """Read a MUSE dictionary.

    Raises:
        DataError: If most of its lines are no entries, or none has one word on each side.
    """
    entries: list[tuple[str, str]] = []
    multiword = 0
    malformed: list[tuple[int, str]] = []
    for number, line in numbered_lines(path):
        words = _words(line)
        if len(words) < 2:
            malformed.append((number, line))
        elif len(words) > 2:
            multiword += 1
        else:
            entries.append((words[0], words[1]))
    _check_format(path, malformed, len(entries) + multiword)
    if not entries:
        raise DataError(
            f"the dictionary has no entry of two words ({multiword} multiword ones and "
            f"{len(malformed)} malformed lines are not used)",
            file=path,
        )
    return _Dictionary(entries, multiword, malformed)


def _words(line: str) -> list[str]:
    """The words of an entry, two or more; none of a line that is no entry."""
    line = line.strip(" \t\r")
    if len(COLUMNS.split(line)) > 2 or FOREIGN.search(line):
        return []
    words = split_tokens(line)
    return [] if len(words) == 3 and NUMBER.fullmatch(words[2]) else words


def _check_format(path: Path, malformed: Sequence[tuple[int, str]], n_entries: int) -> None:
    """Check that a file is a MUSE dictionary: that most of its lines are entries."""
    wrong = [(number, line) for number, line in malformed if line.strip()]
    if len(wrong) <= n_entries:
        return
    number, line = wrong[0]
    scored = NUMBER.fullmatch(line.split()[-1])
    hint = "; of a table of probabilities keep the likely pairs, without the numbers"
    raise DataError(
        f"a dictionary must have {RULE} (MUSE format), but {len(wrong):,} of its "
        f"{len(wrong) + n_entries:,} lines have not, the first of them {shown(line)}"
        f"{hint if scored else ''}",
        file=path,
        line=number,
    )


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
