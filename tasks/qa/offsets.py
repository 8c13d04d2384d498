"""Which characters of a text its subwords stand for."""

import copy
import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alignfreeze.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TRIMS = b'"trim_offsets":true'
"""In the state of a post-processor that takes blanks off the ranges of subwords."""

PROBE = "Amsterdam is the capital (not Rotterdam), and was it in 1815: a city of canals."
"""What a tokenizer must give back, word by word."""

BYTE = re.compile("<0x[0-9A-F]{2}>")
"""A subword that is called after the byte that it stands for."""


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
        tokenizer: What `exact_tokenizer` made of a tokenizer.
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


@functools.lru_cache(maxsize=2)
def exact_tokenizer(tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedTokenizerBase":
    """A tokenizer that gives the same subwords, and all the characters that each stands for.

    Post-processors of byte-level tokenizers take the space in front of a word off its range, and
    take its first letter instead where that space was put in and is not in the text. Without
    them the space stays, which does no harm.

    Raises:
        EncoderError: If words of a known text do not come back by their ranges.
    """
    if not tokenizer.is_fast:
        name = type(tokenizer).__name__
        raise EncoderError(f"question answering needs a fast tokenizer, got {name}")
    post_processor = tokenizer.backend_tokenizer.post_processor
    if post_processor is not None and TRIMS in post_processor.__getstate__():
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.backend_tokenizer.post_processor = None
    if wrong := _not_given_back(tokenizer):
        raise EncoderError(
            "question answering needs a tokenizer that tells which characters a subword stands "
            f"for; {type(tokenizer).__name__} gives {wrong}"
        )
    return tokenizer


def _not_given_back(tokenizer: "PreTrainedTokenizerBase") -> str:
    """The first word or subword of the probe whose range is another text; empty if none is."""
    subwords = text_subwords([PROBE], tokenizer)[PROBE]
    for word in re.finditer(r"\w+", PROBE):
        found = subwords.within(*word.span())
        given = (
            PROBE[subwords.offsets[found[0], 0] : subwords.offsets[found[1], 1]] if found else ""
        )
        if word[0] not in given:
            return f"{given.strip()!r} for {word[0]!r}"
    tokens = tokenizer.convert_ids_to_tokens(subwords.ids)
    for id, token, (start, end) in zip(subwords.ids, tokens, subwords.offsets, strict=True):
        letters = _letters(token)
        if id == tokenizer.unk_token_id or BYTE.fullmatch(token) or not letters:
            continue
        if letters != _letters(PROBE[start:end]):
            return f"{PROBE[start:end].strip()!r} for the subword {token!r}"
    return ""


def _letters(text: str) -> str:
    """The plain letters of a text; every kind of tokenizer writes them as they are."""
    return "".join(re.findall("[a-z]", text.lower()))
