"""Word alignment by an encoder's own word vectors."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from alignfreeze.contracts import (
    Bitext,
    ScoredAlignment,
    SentencePair,
    SpecialTokens,
    Subwords,
    WordAlignment,
    subwords_of,
)
from alignfreeze.encoders.accelerator import on_accelerator
from alignfreeze.encoders.aligner import EncoderAligner
from alignfreeze.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

BUFFER_BATCHES = 64
"""Batches of sentence pairs read at a time; the pairs are sorted by length within them."""

DEFAULT_MAX_LENGTH = 512
"""Subwords a side, where the encoder reads as many; some read thousands, which memory may not."""

NO_WORD = -1
"""In place of a word, for a subword that stands for none."""


class MutualAligner(EncoderAligner):
    """Links two words that are each other's nearest neighbour in an encoder's vector space.

    This is the "argmax" method of SimAlign (Jalili Sabet et al., 2020,
    https://aclanthology.org/2020.findings-emnlp.147), with a vector a word and in batches. On a
    CPU it computes in float32, and so gives the same again; on a GPU that has bfloat16, in that.

    Attributes:
        words: What stands for a word: its first subword that carries text, or the mean of all
            those that do.
        threshold: The least cosine that links two words, in [-1, 1].
        batch_size: Sentence pairs in a batch.
        max_length: The most subwords a side, special tokens included; words that do not fit are
            not linked. Where it is not given, 512, or what the encoder reads if that is less.
    """

    words: Literal["first", "mean"] = "mean"
    threshold: float = Field(default=0.0, ge=-1, le=1)
    batch_size: int = Field(default=64, ge=1)
    max_length: int | None = Field(default=None, ge=3)

    def least_score(self) -> float:
        """The least cosine that links two words."""
        return self.threshold

    def align(self, pairs: Iterable[SentencePair], bitext: Bitext) -> Iterator[ScoredAlignment]:
        """Align sentence pairs, one result a pair, in order; the scores are cosines.

        Raises:
            ConfigError: If no model is given, or `max_length` is more than the encoder reads.
            EncoderError: If the model cannot be loaded, or has no such layer.
        """
        encoder, tokenizer, layer = self.open(bitext)
        max_length = self._max_length(encoder, tokenizer)
        reader = _Reader(encoder, layer, padding=tokenizer.pad_token_id or 0)
        stream = iter(pairs)
        links = cut = 0
        while buffer := list(islice(stream, BUFFER_BATCHES * self.batch_size)):
            sources, targets = (
                _sentences(side, tokenizer, self.words, max_length)
                for side in ([pair.source for pair in buffer], [pair.target for pair in buffer])
            )
            cut += sum(sentence.cut for sentence in (*sources, *targets))
            for alignment in self._alignments(reader, sources, targets):
                links += sum(score >= self.threshold for score in alignment.scores)
                yield alignment
        pair = f"{bitext.source}-{bitext.target}"
        message = "%s: %d links; %d words beyond %d subwords not linked"
        logger.info(message, pair, links, cut, max_length)

    def _max_length(self, encoder: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
        """The most subwords a side, special tokens included."""
        from alignfreeze.encoders.loading import longest_input

        longest = longest_input(encoder, tokenizer)
        if self.max_length is None:
            return min(longest, DEFAULT_MAX_LENGTH)
        if self.max_length > longest:
            raise ConfigError(
                f"aligner 'mutual': max_length must be <= {longest}, the encoder's, "
                f"got {self.max_length}"
            )
        return self.max_length

    def _alignments(
        self, reader: "_Reader", sources: "Sequence[_Sentence]", targets: "Sequence[_Sentence]"
    ) -> list[ScoredAlignment]:
        """The links of each pair, in order; those of like length share a batch, longest first."""
        import torch

        lengths = [len(s.ids) + len(t.ids) for s, t in zip(sources, targets, strict=True)]
        order = np.argsort(-np.array(lengths), kind="stable")
        links: list[WordAlignment] = [[] for _ in lengths]
        cosines: list[list[float]] = [[] for _ in lengths]
        with on_accelerator(reader.encoder) as device, torch.inference_mode():
            for begin in range(0, len(order), self.batch_size):
                rows = order[begin : begin + self.batch_size]
                places, found = mutual_links(
                    reader.word_vectors([sources[row] for row in rows], device),
                    reader.word_vectors([targets[row] for row in rows], device),
                )
                for (place, *link), cosine in zip(places.tolist(), found.tolist(), strict=True):
                    links[rows[place]].append((link[0], link[1]))
                    cosines[rows[place]].append(cosine)
        return list(map(ScoredAlignment, links, cosines))


@dataclass(frozen=True)
class _Sentence:
    """A sentence as the encoder reads it.

    Attributes:
        ids: Subword ids, special tokens included, of shape (subwords,).
        owners: Of shape (subwords,): the word that each subword stands for, or `NO_WORD`.
        n_words: How many words are wholly within.
        cut: How many are not.
    """

    ids: list[int]
    owners: NDArray[np.int64]
    n_words: int
    cut: int


def _sentences(
    sentences: Sequence[Sequence[str]],
    tokenizer: "PreTrainedTokenizerBase",
    words: Literal["first", "mean"],
    max_length: int,
) -> list[_Sentence]:
    """Tokenize sentences and cut them, between words, to ``max_length`` subwords."""
    special = SpecialTokens.of(tokenizer)
    return [
        _sentence(subwords, special, words, max_length)
        for subwords in subwords_of(sentences, tokenizer)
    ]


def _sentence(
    subwords: Subwords, special: SpecialTokens, words: Literal["first", "mean"], max_length: int
) -> _Sentence:
    room = max(0, max_length - special.count)
    n_words = int(np.searchsorted(subwords.starts, room, side="right")) - 1
    ids, places = special.wrap(subwords, 0, n_words, max_length)
    owners = np.full(len(ids), NO_WORD)
    if words == "first":
        owners[places] = np.arange(n_words)
    else:
        begin, sizes = len(special.prefix), np.diff(subwords.starts[: n_words + 1])
        textual = subwords.textual[: sizes.sum()]
        own = np.repeat(np.arange(n_words), sizes)
        owners[begin : begin + len(own)] = np.where(textual, own, NO_WORD)
    return _Sentence(ids, owners, n_words, cut=subwords.n_words - n_words)


@dataclass(frozen=True)
class _Reader:
    """Reads word vectors off an encoder.

    Attributes:
        encoder: The encoder.
        layer: The layer whose output counts, from 0.
        padding: Id of the padding token.
    """

    encoder: "PreTrainedModel"
    layer: int
    padding: int

    def word_vectors(self, sentences: Sequence[_Sentence], device: "torch.device") -> "Tensor":
        """Of shape (sentences, words, hidden) and length 1; 0 where there is no word."""
        import torch

        from alignfreeze.encoders.families import word_states

        n_words = max(1, *(sentence.n_words for sentence in sentences))
        shape = (len(sentences), max(len(sentence.ids) for sentence in sentences))
        ids, owners = np.full(shape, self.padding), np.full(shape, NO_WORD)
        mask = np.zeros(shape, dtype=np.int64)
        for row, sentence in enumerate(sentences):
            length = len(sentence.ids)
            ids[row, :length], mask[row, :length] = sentence.ids, 1
            owners[row, :length] = sentence.owners
        input_ids, attention_mask = (torch.from_numpy(array).to(device) for array in (ids, mask))
        with _autocast(device):
            (states,) = word_states(self.encoder, input_ids, attention_mask, (self.layer,))
        word = torch.arange(n_words, device=device)[None, :, None]
        owned = torch.from_numpy(owners).to(device)[:, None, :] == word
        # A sum does for a mean, as only its direction counts.
        return torch.nn.functional.normalize(owned.float() @ states.float(), dim=-1)


def mutual_links(source: "Tensor", target: "Tensor") -> "tuple[Tensor, Tensor]":
    """Pairs of words that are each other's nearest neighbour by cosine; of equals, the first.

    Args:
        source: Vectors of length 1, of shape (sentences, source words, hidden); 0 for padding.
        target: The same of the other side, of shape (sentences, target words, hidden).

    Returns:
        The sentence, the source word and the target word of each, sorted, of shape (links, 3); and
        its cosine, of shape (links,).
    """
    import torch

    present = source.any(dim=-1)[:, :, None] & target.any(dim=-1)[:, None, :]
    cosines = (source @ target.mT).masked_fill(~present, -torch.inf)
    best, forward = cosines.max(dim=2)
    backward = cosines.argmax(dim=1)
    words = torch.arange(source.shape[1], device=source.device)
    linked = (backward.gather(1, forward) == words) & best.isfinite()
    sentence, word = linked.nonzero(as_tuple=True)
    places = torch.stack((sentence, word, forward[sentence, word]), dim=1)
    return places, best[sentence, word]


def _autocast(device: "torch.device") -> "torch.autocast":
    """Computes in bfloat16 on a GPU that has it, else in float32."""
    import torch

    has_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16)
