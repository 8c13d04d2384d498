"""What a word aligner implements."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from alignfreeze.contracts.plugin import Plugin
from alignfreeze.contracts.sources import Bitext, SentencePair

Segmentation = Literal["icu", "whitespace"]
"""How text is split into words: by ICU's word breaker, or at spaces and tabs (tokenized text)."""

WordAlignment = list[tuple[int, int]]
"""Pairs ``(source word, target word)``, counted from 0."""


@dataclass(frozen=True)
class ScoredAlignment:
    """Links, and how sure an aligner is of each.

    Attributes:
        links: Pairs ``(source word, target word)``, counted from 0.
        scores: A finite number a link; the higher, the surer.
    """

    links: WordAlignment
    scores: Sequence[float]


def links_of(alignment: WordAlignment | ScoredAlignment) -> WordAlignment:
    """The links that an aligner gave, with scores or without."""
    return alignment.links if isinstance(alignment, ScoredAlignment) else alignment


def one_to_one(links: WordAlignment) -> WordAlignment:
    """The links whose words have no other link, in their order; one that repeats is one."""
    if len({source for source, _ in links}) == len({target for _, target in links}) == len(links):
        return links
    links = list(dict.fromkeys(links))
    sources = Counter(source for source, _ in links)
    targets = Counter(target for _, target in links)
    return [(s, t) for s, t in links if sources[s] == 1 and targets[t] == 1]


@dataclass(frozen=True)
class UsesRunModel:
    """Marks an aligner's field as an encoder's name; where it is not given, the run's own."""


RunModel = Annotated[str, UsesRunModel()]
"""An encoder: a folder, or a name on the hub; where it is not given, that of the run."""


class Aligner(Plugin):
    """Finds which words of a sentence pair translate each other."""

    parallel: ClassVar[bool] = True
    """Whether several processes may align at once, each a part of the text."""

    def segmentation(self, bitext: Bitext) -> Segmentation:
        """How the texts of ``bitext`` are to be split into the words that it aligns."""
        return "icu"

    def inputs(self, bitext: Bitext) -> tuple[Path, ...]:
        """The files, beside the texts, that the alignment depends on.

        Raises:
            DataError: If a file that the aligner needs is not there.
        """
        return ()

    def identity(self) -> str:
        """What the result depends on beside fields, files and code; such as a model's revision."""
        return ""

    def notes(self, bitext: Bitext) -> Mapping[str, int]:
        """What is not used of the aligner's files, or to be doubted in them.

        It is asked once for a whole text, when that is aligned.

        Returns:
            How often, by what it is, to be read after its number.

        Raises:
            DataError: If a file is malformed; names the file and the line.
        """
        return {}

    def least_score(self) -> float | None:
        """The least score of a link that is used; ``None``: all are, whatever their scores."""
        return None

    def align(
        self, pairs: Iterable[SentencePair], bitext: Bitext
    ) -> Iterator[WordAlignment | ScoredAlignment]:
        """Align sentence pairs, one result a pair, in order, without holding them all.

        Links whose score is below `least_score` may be among them, and then, links that are not one
        to one: both are dropped and counted.

        Args:
            pairs: The sentence pairs, in the order of their lines; lines may be missing, at
                the start and at the end too, where several processes share the text.
            bitext: Where they come from.

        Raises:
            DataError: If a file is malformed; names the file and the line.
        """
        raise NotImplementedError
