"""What a word aligner implements."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from alignfreeze.contracts.data import Bitext, SentencePair
from alignfreeze.contracts.plugin import Plugin

Segmentation = Literal["icu", "whitespace"]
"""How text is split into words: by ICU's word breaker, or at spaces (text that is tokenized)."""

WordAlignment = list[tuple[int, int]]
"""Pairs ``(source word, target word)``, counted from 0; no word occurs twice on its side."""


class Aligner(Plugin):
    """Finds which words of a sentence pair translate each other, one to one."""

    def segmentation(self, bitext: Bitext) -> Segmentation:
        """How the texts of ``bitext`` are to be split into the words that it aligns."""
        return "icu"

    def inputs(self, bitext: Bitext) -> tuple[Path, ...]:
        """The files, beside the texts, that the alignment depends on.

        Raises:
            DataError: If a file that the aligner needs is not there.
        """
        return ()

    def align(self, pairs: Iterable[SentencePair], bitext: Bitext) -> Iterator[WordAlignment]:
        """Align sentence pairs, one result a pair, in order, without holding them all.

        Args:
            pairs: The sentence pairs, in the order of their lines; lines may be missing.
            bitext: Where they come from.

        Raises:
            DataError: If a file is malformed; names the file and the line.
        """
        raise NotImplementedError
