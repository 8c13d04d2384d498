"""Tokenizers that tell which characters of a text their subwords stand for."""

import functools
import re
from typing import TYPE_CHECKING

from alignfreeze.contracts import text_subwords, untrimmed
from alignfreeze.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROBE = "Amsterdam is the capital (not Rotterdam), and was it in 1815: a city of canals."
"""What a tokenizer must give back, word by word."""

BYTE = re.compile("<0x[0-9A-F]{2}>")
"""A subword that is called after the byte that it stands for."""


@functools.lru_cache(maxsize=2)
def exact_tokenizer(tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedTokenizerBase":
    """A tokenizer as `untrimmed` makes it, which is shown to tell the characters of subwords.

    Raises:
        EncoderError: If words of a known text do not come back by their ranges.
    """
    if not tokenizer.is_fast:
        name = type(tokenizer).__name__
        raise EncoderError(f"question answering needs a fast tokenizer, got {name}")
    tokenizer = untrimmed(tokenizer)
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
