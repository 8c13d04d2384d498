"""Which characters of a text its subwords stand for."""

import copy
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TRIMS = b'"trim_offsets":true'
"""In the state of a post-processor that takes blanks off the ranges of subwords."""


@dataclass(frozen=True)
class TextSubwords:
    """A text in subwords, without special tokens.

    Attributes:
        ids: Their ids.
        offsets: Characters ``[start, end)`` of each, of shape (subwords, 2).
    """

    ids: list[int]
    offsets: NDArray[np.int32]

    def within(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last subword of the characters ``[start, end)``; ``None`` if there is none."""
        first = int(np.searchsorted(self.offsets[:, 1], start, side="right"))
        last = int(np.searchsorted(self.offsets[:, 0], end, side="left")) - 1
        return (first, last) if first <= last else None


def text_subwords(
    texts: Iterable[str], tokenizer: "PreTrainedTokenizerBase"
) -> dict[str, TextSubwords]:
    """The subwords of each different text.

    Args:
        texts: The texts.
        tokenizer: What `untrimmed` made of a fast tokenizer.
    """
    different = list(dict.fromkeys(texts))
    encoded = tokenizer(
        different,
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        verbose=False,
    )
    pieces = zip(different, encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return {text: TextSubwords(ids, _with_marks(text, ranges)) for text, ids, ranges in pieces}


def _with_marks(text: str, ranges: list[tuple[int, int]]) -> NDArray[np.int32]:
    """Ranges that have the combining marks behind them, where a normalizer took those away.

    It may have put a letter and its mark together, or left the mark out; then it counts as no
    subword's, and an answer that ends in one would come back without it.
    """
    offsets = np.array(ranges, dtype=np.int32).reshape(-1, 2)
    if text.isascii():
        return offsets
    nexts = np.append(offsets[1:, 0], len(text))
    for place in np.flatnonzero(offsets[:, 1] < nexts):
        end, limit = int(offsets[place, 1]), int(nexts[place])
        while end < limit and unicodedata.category(text[end])[0] == "M":
            end += 1
        offsets[place, 1] = end
    return offsets


def untrimmed(tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedTokenizerBase":
    """A fast tokenizer that gives the same subwords, and all the characters that each stands for.

    Post-processors of byte-level tokenizers take the space in front of a word off its range, and
    take its first letter instead where that space was put in and is not in the text. Without
    them the space stays, which does no harm.
    """
    post_processor = tokenizer.backend_tokenizer.post_processor
    if post_processor is not None and TRIMS in post_processor.__getstate__():
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.backend_tokenizer.post_processor = None
    return tokenizer
