"""The special tokens and token types that a tokenizer gives two texts."""

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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
