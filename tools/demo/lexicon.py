"""The demo's multilingual lexicon: one concept a row, one word a language.

The words are real, but each language has a single, lemma-like form of each: morphology
(agreement, case, tense, plural) is left out on purpose, and so are capitals at the start
of a sentence.  A tag belongs to the concept, hence it is the same in every language.
Acronyms, digits and some brands are the same string everywhere, as in real text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

SOURCE_LANGUAGE = "en"

_TABLE = Path(__file__).with_name("lexicon.tsv")
_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Concept:
    """A meaning and the words that express it.

    Attributes:
        key: Unique name, the English word with a suffix where English is ambiguous.
        upos: Universal part of speech (UD's tag set of 17).
        kind: Semantic class, from which the world's sentences are drawn.
        words: Language to word; a language that does not express the concept is absent.
    """

    key: str
    upos: str
    kind: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All concepts, in the order of the table.

    Attributes:
        languages: Language codes, the source language first.
        concepts: Key to concept.
    """

    languages: tuple[str, ...]
    concepts: Mapping[str, Concept]

    def of_kind(self, upos: str, kind: str) -> tuple[str, ...]:
        """Return the keys of every concept with this tag and this kind.

        Raises:
            KeyError: If there is none.
        """
        keys = tuple(c.key for c in self.concepts.values() if (c.upos, c.kind) == (upos, kind))
        if not keys:
            raise KeyError(f"the lexicon must hold a {upos} of kind {kind!r}, but has none")
        return keys


@cache
def load_lexicon() -> Lexicon:
    """Read the table that is shipped beside this module.

    Raises:
        ValueError: If a row has not as many cells as the header, or repeats a key.
    """
    header, *rows = _TABLE.read_text(encoding="utf-8").rstrip("\n").split("\n")
    languages = tuple(header.split("\t")[3:])
    concepts: dict[str, Concept] = {}
    for number, row in enumerate(rows, start=2):
        key, upos, kind, *cells = row.split("\t")
        if len(cells) != len(languages):
            raise ValueError(
                f"{_TABLE.name}:{number} must have {len(languages)} words, has {len(cells)}"
            )
        if key in concepts:
            raise ValueError(f"{_TABLE.name}:{number} repeats the concept {key!r}")
        words = {
            language: cell
            for language, cell in zip(languages, cells, strict=True)
            if cell != _ABSENT
        }
        concepts[key] = Concept(key, upos, kind, MappingProxyType(words))
    return Lexicon(languages, MappingProxyType(concepts))
