"""WikiANN's prefixes: its original files write ``en:`` before each word of English."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from alignfreeze.contracts import TaggedWord, listed
from alignfreeze.errors import DataError

PREFIX = re.compile(r"(?:[a-z]{2,3}(?:[-_][A-Za-z0-9]{1,10})*|simple):(?!//)")
"""The code of a Wikipedia, such as ``zh-min-nan``, and a colon, which no address follows."""


def without_prefixes(
    sentences: Sequence[Sequence[TaggedWord]], path: Path, notes: Counter[str]
) -> Sequence[Sequence[TaggedWord]]:
    """Words without the prefix that most words of the file have, if most have one.

    The file says which: that of Norwegian is ``no:``, whatever its folder is called. Words with
    ``de:`` here and there keep it, as do those that have no prefix.

    Raises:
        DataError: If most words have one, and not the same, or a word is nothing else.
    """
    words = [word for sentence in sentences for word in sentence]
    found = Counter(match[0] for word in words if (match := PREFIX.match(word.word)))
    if 2 * found.total() <= len(words):
        return sentences
    [(prefix, count)] = found.most_common(1)
    if 2 * count <= len(words):
        message = f"tokens must have the prefix of one language, got {listed(found)}"
        raise DataError(message, file=path)
    for word in words:
        if word.word == prefix:
            message = f"a token must not be empty, got only the prefix {prefix!r}"
            raise DataError(message, file=path, line=word.line)
    notes[f"words, whose prefix {prefix!r} was cut off"] = count
    notes[f"words without the prefix {prefix!r} of all others"] = len(words) - count
    return [
        [word._replace(word=word.word.removeprefix(prefix)) for word in sentence]
        for sentence in sentences
    ]
