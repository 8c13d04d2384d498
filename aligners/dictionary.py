"""Word alignment by bilingual dictionaries."""

import hashlib
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple
from unicodedata import is_normalized, normalize

from alignfreeze.contracts import (
    Aligner,
    Bitext,
    SentencePair,
    WordAlignment,
    number_in,
    numbered_lines,
    shown,
    split_tokens,
)
from alignfreeze.errors import DataError

logger = logging.getLogger(__name__)

RULE = "two words a line with a space or tab between"

COLUMNS = re.compile(r" *\t[ \t]*")
"""Stands between the columns of a table; a dictionary has two."""

SIGNS = re.compile("[;|,:=<>/~\u2013\u2014-]{1,3}")
FOREIGN = re.compile(rf"[;|]\S|\S[;|]|[^\W\d],|,[^\W\d]|,\"|\w:\s|\s{SIGNS.pattern}\s")
"""What parts the fields of other formats: semicolons, commas, ``|||``, ``::``, an arrow.

Entries may have it too, such as ``st: saint``: two words are one, unless most lines look like it.
"""

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
        direction: Whether dictionaries of both directions count, or that alone which has the
            source word first.
    """

    lowercase: bool = True
    direction: Literal["both", "forward"] = "both"

    def inputs(self, bitext: Bitext) -> tuple[Path, ...]:
        """The dictionaries that count, as far as they are there.

        Raises:
            DataError: If there is none.
        """
        backward = bitext.backward_dictionary if self.direction == "both" else None
        present = tuple(path for path in (bitext.forward_dictionary, backward) if path is not None)
        if not present and self.direction == "forward":
            pair = f"{bitext.source}-{bitext.target}"
            raise DataError(
                f"{pair} has no dictionary with the source word first, which alone counts with "
                f"direction 'forward': looked for dictionaries/{pair}.txt (MUSE format)"
            )
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
        return self._content(bitext).left_out

    def align(self, pairs: Iterable[SentencePair], bitext: Bitext) -> Iterator[WordAlignment]:
        """Align sentence pairs, one result a pair, in order.

        Raises:
            DataError: If no dictionary is there, or one is malformed.
        """
        translations = self._content(bitext).translations
        for pair in pairs:
            source, target = (
                _looked_up(words, lowercase=self.lowercase) for words in (pair.source, pair.target)
            )
            yield _unambiguous(source, target, translations)

    def _content(self, bitext: Bitext) -> "_Content":
        """What the dictionaries hold, read once for all parts of a text."""
        dictionaries = tuple(
            (path, path == bitext.forward_dictionary, _digest(path)) for path in self.inputs(bitext)
        )
        return _content(dictionaries, self.lowercase)


def _looked_up(words: Iterable[str], *, lowercase: bool) -> tuple[str, ...]:
    """Words in the form in which they are compared: NFC, and as MUSE has them in lower case."""
    found = [word.lower() for word in words] if lowercase else list(words)
    # One look at all is quicker than one at each, and nearly all text is composed.
    if not is_normalized("NFC", "\n".join(found)):
        found = [normalize("NFC", word) for word in found]
    return tuple(found)


def _digest(path: Path) -> bytes:
    """A digest of a dictionary.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from error


class _Content(NamedTuple):
    """The entries of dictionaries, source word first, and what is not used of them."""

    translations: Translations
    left_out: Mapping[str, int]


@lru_cache(maxsize=1)
def _content(dictionaries: tuple[tuple[Path, bool, bytes], ...], lowercase: bool) -> _Content:
    """What dictionaries hold; the last ones are remembered.

    Args:
        dictionaries: For each its file, whether it has the source word first, and a digest.
        lowercase: Whether all words are put in lower case.
    """
    translations: dict[str, set[str]] = defaultdict(set)
    left_out: dict[str, int] = {}
    for path, forward, _ in dictionaries:
        for entry in _entries(path, left_out):
            first, second = _looked_up(entry, lowercase=lowercase)
            source, target = (first, second) if forward else (second, first)
            translations[source].add(target)
    return _Content({word: frozenset(others) for word, others in translations.items()}, left_out)


def _entries(path: Path, left_out: dict[str, int]) -> list[tuple[str, str]]:
    """The entries of a MUSE dictionary that have one word on each side; counts what has not.

    Raises:
        DataError: If most of its lines are no entries, or none has one word on each side.
    """
    entries: list[tuple[str, str]] = []
    multiword = 0
    malformed: list[tuple[int, str]] = []
    doubtful: list[tuple[int, str]] = []
    for number, line in numbered_lines(path):
        words = _words(line)
        foreign = _looks_foreign(line)
        if len(words) == 2:
            entries.append((words[0], words[1]))
            if foreign:
                doubtful.append((number, line))
        elif foreign or not words:
            malformed.append((number, line))
        else:
            multiword += 1
    good = len(entries) - len(doubtful) + multiword
    _check_format(path, sorted(malformed + doubtful), good)
    if not entries:
        raise DataError(
            f"the dictionary has no entry of two words ({multiword} multiword ones and "
            f"{len(malformed)} malformed lines are not used)",
            file=path,
        )
    # By each process that reads it; what is left out is told for all.
    logger.debug("%s: %d entries", path, len(entries))
    if multiword:
        left_out[f"entries of several words in {path.name} left out"] = multiword
    if malformed:
        number, line = malformed[0]
        what = f"lines of {path.name} left out, as they are not {RULE}"
        left_out[f"{what} (the first is line {number}, {shown(line)})"] = len(malformed)
    return entries


def _words(line: str) -> list[str]:
    """The words of an entry, two or more; none of a line that is no entry."""
    words = split_tokens(line)
    if len(words) < 2 or (len(words) == 3 and number_in(words[2]) is not None):
        return []
    if line.count("\t") > 1 and len(COLUMNS.split(line.strip(" \t\r"))) > 2:
        return []
    return words


def _looks_foreign(line: str) -> bool:
    """Whether a line has what parts the fields of other formats."""
    # Few lines have a sign at all, and the search for one is quick.
    return bool(SIGNS.search(line) and FOREIGN.search(line.strip(" \t\r")))


def _check_format(path: Path, malformed: Sequence[tuple[int, str]], n_entries: int) -> None:
    """Check that a file is a MUSE dictionary: that most of its lines are entries."""
    wrong = [(number, line) for number, line in malformed if line.strip()]
    if len(wrong) <= n_entries:
        return
    number, line = wrong[0]
    scored = number_in(line.split()[-1]) is not None
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
