"""What came of each example: what was right, what was said, and its part in the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Said = str | Sequence[str]
"""What is right of an example, or was said of it: a text, or several, such as a tag a word."""


class Parts(NamedTuple):
    """The part of each example in a metric, which is a ratio of sums over examples.

    Accuracy of words is their right words over their words; F1 of entities is twice the entities
    found over those that are there and those that are said; F1 of answers is its mean, so that the
    numerator is the example's own F1 and the denominator 1. From these a metric follows for any
    selection of examples, which is what a bootstrap over examples draws.

    Attributes:
        numerator: Of each example; of shape (examples,), float64.
        denominator: Likewise.
    """

    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]

    @classmethod
    def of(cls, numerator: Sequence[float], denominator: Sequence[float] | None = None) -> "Parts":
        """The parts that some numbers are, one of each an example.

        Args:
            numerator: Of each example.
            denominator: Likewise; by default 1, which makes the metric a mean over examples.
        """
        above = np.asarray(numerator, dtype=np.float64)
        below = np.ones_like(above) if denominator is None else denominator
        return cls(above, np.asarray(below, dtype=np.float64))

    @property
    def value(self) -> float:
        """The metric, a fraction in [0, 1]; 0 where it would divide by zero, as scores have it."""
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total else 0.0


def right_words(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Parts:
    """The part of each sentence in the accuracy of its words' tags: right words, and words."""
    right = [
        sum(tag == guess for tag, guess in zip(tags, guesses, strict=True))
        for tags, guesses in zip(gold, predicted, strict=True)
    ]
    return Parts.of(right, [len(tags) for tags in gold])


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What came of the examples of one language and split.

    Attributes:
        gold: What is right, example by example; several texts are the tags of words, or the
            answers that are all right.
        predicted: What the model said, likewise.
        parts: By metric, the part of each example in it; metrics that are no ratio of sums are not
            among them.
    """

    gold: Sequence[Said]
    predicted: Sequence[Said]
    parts: Mapping[str, Parts]

    def __len__(self) -> int:
        return len(self.gold)
