"""WikiANN's prefixes: its original files write ``en:`` before each word of English."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from alignfreeze.contracts import TaggedSentence, counted

PREFIX = re.compile(r"(?:[a-z]{2,3}(?:[-_][A-Za-z0-9]{1,10})*|simple):(?!//)")
"""The code of a Wikipedia, such as ``zh-min-nan``, and a colon, unless it is an address's."""


def without_prefixes(
    sentences: Sequence[TaggedSentence], notes: Counter[str]
) -> Sequence[TaggedSentence]:
    """The sentences without the prefix that most words of the file have, if most have one.

    The file says which: that of Norwegian is ``no:``, whatever its folder is called. Words with
    ``de:`` here and there keep it, as do those that have no prefix.

    Raises:
        ValueError: If most words have one, and not the same, or some are nothing else.
    """
    words = Counter(chain.from_iterable(sentence.words for sentence in sentences))
    total = words.total()
    found: Counter[str] = Counter()
    for word, count in words.items():
        if match := PREFIX.match(word):
            found[match[0]] += count
    if 2 * found.total() <= total:
        return sentences
    [(prefix, count)] = found.most_common(1)
    if 2 * count <= total:
        raise ValueError(f"tokens must have the prefix of one language, got {counted(found)}")
    if empty := words[prefix]:
        raise ValueError(f"a token must not be empty, got {empty:,} of the prefix {prefix!r} alone")
    notes[f"words whose prefix {prefix!r} was cut off"] += count
    notes[f"words without the prefix {prefix!r} of all others"] += total - count
    return [
        TaggedSentence(tuple(word.removeprefix(prefix) for word in sentence.words), sentence.tags)
        for sentence in sentences
    ]
