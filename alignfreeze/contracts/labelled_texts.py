"""Texts and their classes, and the rows that are made of them."""

from dataclasses import dataclass, field

from alignfreeze.contracts.examples import Feature
from alignfreeze.text.words import WordCounts


@dataclass(frozen=True)
class TextPair:
    """Two texts, neither empty, and the class that they belong to as a pair."""

    first: str
    second: str
    label: str

    @property
    def texts(self) -> tuple[str, str]:
        """Both texts."""
        return self.first, self.second


@dataclass(frozen=True)
class LabelledText:
    """A text that is not empty, and the class that it belongs to."""

    text: str
    label: str

    @property
    def texts(self) -> tuple[str]:
        """The text alone."""
        return (self.text,)


@dataclass(frozen=True)
class TextFeature(Feature):
    """A row that is whole texts.

    Attributes:
        words: How the words that it holds are read, as the tokenizer itself splits words.
    """

    words: WordCounts = field(kw_only=True)
