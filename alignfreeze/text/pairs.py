"""Rows of two texts: their special tokens and token types, and windows of a long second one."""

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OUTSIDE = -1
"""Both ends of the character range of a subword that is not the second text's."""


@dataclass(frozen=True)
class PairTemplate:
    """What a tokenizer puts before, between and after two texts.

    Attributes:
        ids: The special tokens of the three places.
        types: The token types of the three places and, between them, of the two texts, where
            there are any: before, first, between, second, after.
    """

    ids: tuple[list[int], list[int], list[int]]
    types: tuple[int, ...] | None

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase") -> "PairTemplate":
        """Find them by tokenizing two letters."""
        encoded = tokenizer("a", "a")
        owners, ids = encoded.sequence_ids(0), list(encoded["input_ids"])
        first, second = owners.index(0), owners.index(1)
        between, after = first + owners.count(0), second + owners.count(1)
        kinds = encoded.get("token_type_ids")
        # A place without special tokens takes the type of a neighbour, zero times.
        places = (max(first - 1, 0), first, second - 1, second, len(ids) - 1)
        return cls(
            ids=(ids[:first], ids[between:second], ids[after:]),
            types=None if kinds is None else tuple(kinds[place] for place in places),
        )

    @property
    def count(self) -> int:
        """How many special tokens there are."""
        return sum(map(len, self.ids))

    def wrap(self, first: list[int], second: list[int]) -> list[int]:
        """The ids of a row with two texts."""
        before, between, after = self.ids
        return [*before, *first, *between, *second, *after]

    def wrapped_types(self, first: int, second: int) -> "array[int] | None":
        """The token types of a row with two texts of so many subwords."""
        if self.types is None:
            return None
        before, between, after = map(len, self.ids)
        counts = (before, first, between, second, after)
        return array("b", np.repeat(np.array(self.types, dtype=np.int8), counts).tobytes())

    def place_of_second(self, first: int) -> int:
        """Where in a row the second text begins, after a first one of so many subwords."""
        return len(self.ids[0]) + first + len(self.ids[1])

    def wrapped_offsets(self, first: int, second: NDArray[np.int32]) -> NDArray[np.int32]:
        """The characters of a row's subwords, `OUTSIDE` of the second text none.

        Args:
            first: Subwords of the first text.
            second: Characters ``[start, end)`` of those of the second, of shape (subwords, 2).
        """
        place, n_subwords = self.place_of_second(first), first + len(second) + self.count
        offsets = np.full((n_subwords, 2), OUTSIDE, dtype=np.int32)
        offsets[place : place + len(second)] = second
        return offsets


def cuts(length: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Cut a context into overlapping windows.

    Args:
        length: Subwords of the context.
        room: Subwords of a window, at least 1.
        stride: Subwords that neighbours share; at most half of a window, so that no subword
            is in more than two.

    Returns:
        Half-open ranges that cover the context, at least one; only the last may be smaller than
        ``room``.
    """
    step = room - min(stride, room // 2)
    last = max(length - room, 0)
    begins = range(0, last + step, step)
    return [(begin, min(begin + room, length)) for begin in begins]
