"""Words and their subwords: how a sentence that is split into words becomes a model's input.

This is the one place that says which subword stands for a word: the first that carries text.
SentencePiece often makes the mark of a word's beginning (``▁``) a subword of its own, and
byte-level BPE the space before it; that says nothing of the word.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from transformers import PreTrainedTokenizerBase

IGNORED_LABEL = -100
"""The label that PyTorch's cross entropy leaves out."""

REMOVES_MARKS = "removes_marks"
"""The attribute of a tokenizer that says whether bare marks of words are left out of the input."""

TOKENIZER_CHUNK = 4096
"""Sentences handed to the tokenizer at a time: enough for its threads, bounded in memory."""


class WordCounts(NamedTuple):
    """How many words were read, and how many of them badly.

    Attributes:
        words: All of them.
        unknown: Those whose representative is the tokenizer's unknown token.
        partly_unknown: Those of which any subword is, so that those are among them.
        textless: Those whose representative carries no text, since none of their subwords does.
        cut: Those whose representative is beyond the greatest length: nothing is known of them.
        subwords: What words are split into as far as it is within the greatest length, bare marks
            of words included.
    """

    words: int
    unknown: int
    partly_unknown: int
    textless: int = 0
    cut: int = 0
    subwords: int = 0

    @property
    def fertility(self) -> float | None:
        """Subwords a word, of those that are not cut; ``None`` without any."""
        read = self.words - self.cut
        return self.subwords / read if read else None

    @property
    def shares(self) -> dict[str, float]:
        """What part of all words those are that are read badly, by their names, in [0, 1]."""
        counts = self._asdict()
        del counts["words"], counts["subwords"]
        return {name: count / self.words for name, count in counts.items()}


def count_words(
    ids: NDArray[np.integer],
    places: NDArray[np.integer],
    *,
    n_words: int,
    tokenizer: "PreTrainedTokenizerBase",
) -> WordCounts:
    """How the words of an input are read.

    Args:
        ids: The input's subwords, special tokens included, of shape (subwords,).
        places: The position of each word's representative, ascending, of shape (words within,).
        n_words: How many words there are, those that were cut off included.
        tokenizer: The tokenizer that made them.
    """
    found = np.flatnonzero(ids == tokenizer.unk_token_id)
    # A word reaches to the next representative: what is before that in its word carries no text.
    words = np.searchsorted(places, found, side="right")
    return WordCounts(
        n_words,
        unknown=len(np.intersect1d(places, found)),
        partly_unknown=len(np.unique(words[words > 0])),
        textless=int(np.count_nonzero(blank_ids(tokenizer)[ids[places]])),
        cut=n_words - len(places),
        subwords=int(np.count_nonzero(~np.isin(ids, _around(tokenizer)))),
    )


def _around(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The ids of special tokens that stand for no word, as the unknown one does."""
    return [number for number in tokenizer.all_special_ids if number != tokenizer.unk_token_id]


def read_words(encoding: "Encoding", tokenizer: "PreTrainedTokenizerBase") -> WordCounts:
    """How the words of an encoding of texts are read: those that the tokenizer splits them into.

    What is beyond the greatest length is not counted, nor is a word without text, such as a line
    end.
    """
    ids = np.asarray(encoding.ids)
    textual = ~blank_ids(tokenizer)[ids]
    words = [-1 if word is None else word for word in encoding.word_ids]
    texts = [-1 if text is None else text for text in encoding.sequence_ids]
    inside = np.flatnonzero(textual & (np.asarray(words) >= 0))
    keys = np.stack([np.asarray(texts)[inside], np.asarray(words)[inside]])
    starts = np.flatnonzero(np.append(True, np.any(keys[:, 1:] != keys[:, :-1], axis=0)))
    places = inside[starts] if len(inside) else inside
    return count_words(ids, places, n_words=len(places), tokenizer=tokenizer)


def summed(counts: Iterable[WordCounts]) -> WordCounts:
    """The counts of several texts together."""
    return WordCounts(*(sum(column) for column in zip(WordCounts(0, 0, 0), *counts, strict=True)))


@dataclass(frozen=True)
class Subwords:
    """A sentence in subwords, without special tokens.

    Attributes:
        ids: Subword ids of all words, of shape (subwords,).
        starts: Word ``i`` is ``ids[starts[i]:starts[i + 1]]``; of shape (words + 1,).
        textual: Which subwords carry text, of shape (subwords,); of a word in which none does, the
            first is taken to.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int32]
    textual: NDArray[np.bool_]

    @property
    def n_words(self) -> int:
        """How many words the sentence has."""
        return len(self.starts) - 1

    @property
    def representatives(self) -> NDArray[np.int64]:
        """The place of each word's first subword that carries text, of shape (words,)."""
        places = np.flatnonzero(self.textual)
        return places[np.searchsorted(places, self.starts[:-1])]


def subwords_of(
    sentences: Sequence[Sequence[str]], tokenizer: "PreTrainedTokenizerBase"
) -> list[Subwords]:
    """Tokenize sentences that are split into words.

    A word that the tokenizer makes nothing of (a lone control character, say) becomes its
    unknown token, so that no word is lost. A tokenizer, fast as all here, that has the attribute
    `REMOVES_MARKS` set leaves out what carries no text, as far as a word has anything else.
    """
    blank = blank_ids(tokenizer)
    removes_marks: bool = getattr(tokenizer, REMOVES_MARKS, False)
    result: list[Subwords] = []
    for begin in range(0, len(sentences), TOKENIZER_CHUNK):
        chunk = [list(sentence) for sentence in sentences[begin : begin + TOKENIZER_CHUNK]]
        encoded = tokenizer(
            chunk, is_split_into_words=True, add_special_tokens=False, verbose=False
        )
        for number, sentence in enumerate(chunk):
            ids = np.asarray(encoded["input_ids"][number], dtype=np.int32)
            words = np.asarray(encoded.word_ids(number), dtype=np.int32)
            counts = np.bincount(words, minlength=len(sentence))
            if not counts.all():
                places = np.cumsum(counts)[counts == 0]
                ids = np.insert(ids, places, tokenizer.unk_token_id or 0).astype(np.int32)
                counts = np.maximum(counts, 1)
            starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
            textual = _textual(blank[ids], starts)
            if removes_marks:
                before = np.concatenate(([0], np.cumsum(textual)))
                starts, ids = before[starts].astype(np.int32), ids[textual]
                textual = np.ones(len(ids), dtype=np.bool_)
            result.append(Subwords(ids, starts, textual))
    return result


@functools.lru_cache(maxsize=2)
def blank_ids(tokenizer: "PreTrainedTokenizerBase") -> NDArray[np.bool_]:
    """Which ids stand for no text but white space, such as a bare mark of a word's beginning.

    What an id stands for is what the tokenizer makes of it when it decodes it alone; a part of a
    character's bytes is text. Of a tokenizer without a decoder, an id is blank that is made up of
    what it puts in place of white space.

    Returns:
        By id, of shape (greatest id + 1,).
    """
    ids = range(max(tokenizer.get_vocab().values()) + 1)
    backend = tokenizer.backend_tokenizer
    texts = backend.decode_batch([[i] for i in ids], skip_special_tokens=False)
    # A decoder has taken the marks out; what looks like one then is a letter, as Maltese has.
    marks = _boundary_marks(backend) if backend.decoder is None else ""
    return np.array([not text.strip().strip(marks) for text in texts])


def _boundary_marks(backend: "Tokenizer") -> str:
    """What a tokenizer puts beside two letters that are words: ``▁``, ``Ġ``, or nothing."""
    text = "a a" if backend.normalizer is None else backend.normalizer.normalize_str("a a")
    if backend.pre_tokenizer is not None:
        text = "".join(piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(text))
    return text.replace("a", "").replace("A", "")


def _textual(blank: NDArray[np.bool_], starts: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which subwords carry text, of shape (subwords,); in a word in which none does, the first."""
    textual = ~blank
    if len(starts) > 1:
        firsts = starts[:-1]
        textual[firsts[~np.logical_or.reduceat(textual, firsts)]] = True
    return textual


def windows(subwords: Subwords, size: int) -> list[tuple[int, int]]:
    """Cut a sentence between words into windows of at most ``size`` subwords.

    A single word longer than ``size`` is a window of its own (and is cut later on).

    Returns:
        Half-open ranges of words that follow each other and cover the sentence.

    Raises:
        ValueError: If ``size`` is below 1.
    """
    if size < 1:
        raise ValueError(f"a window must hold at least 1 subword, got {size}")
    cuts = []
    start = 0
    while start < subwords.n_words:
        limit = subwords.starts[start] + size
        end = int(np.searchsorted(subwords.starts, limit, side="right")) - 1
        end = max(end, start + 1)
        cuts.append((start, end))
        start = end
    return cuts


@dataclass(frozen=True)
class SpecialTokens:
    """The special tokens that a tokenizer puts around a single sentence."""

    prefix: list[int]
    suffix: list[int]

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase") -> "SpecialTokens":
        """Find them by tokenizing a letter with and without them."""
        encoded = tokenizer("a", return_special_tokens_mask=True)
        ids, mask = encoded["input_ids"], encoded["special_tokens_mask"]
        first = mask.index(0)
        last = len(mask) - mask[::-1].index(0)
        return cls(prefix=list(ids[:first]), suffix=list(ids[last:]))

    @property
    def count(self) -> int:
        """How many subwords they take."""
        return len(self.prefix) + len(self.suffix)

    def wrap(
        self, subwords: Subwords, start: int, end: int, max_length: int
    ) -> tuple[list[int], list[int]]:
        """A model's input for the words ``[start, end)``; cut at its end to ``max_length``.

        Returns:
            The input ids, special tokens included, and the position in them of each word's
            representative, as far as it is within.
        """
        begin, stop = int(subwords.starts[start]), int(subwords.starts[end])
        stop = min(stop, begin + max_length - self.count)
        ids = [*self.prefix, *subwords.ids[begin:stop].tolist(), *self.suffix]
        places = subwords.representatives[start:end]
        return ids, (places[places < stop] - begin + len(self.prefix)).tolist()
