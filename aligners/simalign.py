"""Word alignment by the matching methods of the simalign package."""

import importlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from alignfreeze.contracts import (
    Bitext,
    SentencePair,
    SpecialTokens,
    Subwords,
    WordAlignment,
    subwords_of,
)
from alignfreeze.encoders.accelerator import on_accelerator
from alignfreeze.encoders.aligner import EncoderAligner
from alignfreeze.errors import PluginError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

BUFFER = 1024
"""Sentence pairs tokenized at a time."""

MAX_LENGTH = 512
"""Subwords a side, special tokens included, where the encoder reads as many."""

PACKAGES = ("simalign", "scikit-learn", "networkx")
"""What computes here: cosines are scikit-learn's, the matching of greatest weight is networkx's."""

Method = Literal["argmax", "itermax", "match"]

Pair = tuple[Subwords, Subwords]
"""A sentence and its translation."""

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]


class SimAlignAligner(EncoderAligner):
    """Links words by SimAlign (Jalili Sabet et al., 2020), with all its links.

    The similarities and the matching are the simalign package's (``alignfreeze[simalign]``); the
    encoder is read as everywhere else in AlignFreeze, so that any of its models will do. A word
    with two links loses both, and words beyond 512 subwords (or what the encoder reads, if that is
    less) are not linked. It takes a sentence pair at a time: where argmax is enough, aligner
    'mutual' is faster.

    Layers count from 0, where simalign's own numbers are higher by one.

    Attributes:
        method: ``argmax``: mutual nearest neighbours; ``itermax``: those, then again among what
            they left; ``match``: the matching of greatest weight, which links as many as it can.
        token_type: Whether subwords are matched, or words by the means of their subwords.
        distortion: How much words that are far from each other's place are held apart, in
            [0, 1].
    """

    method: Method = "itermax"
    token_type: Literal["bpe", "word"] = "bpe"
    distortion: float = Field(default=0.0, ge=0, le=1)

    def inputs(self, bitext: Bitext) -> tuple[Path, ...]:
        """The files of a model that is a folder; none for one from the hub.

        Raises:
            ConfigError: If no model is given.
            PluginError: If simalign is not installed.
        """
        _simalign()
        return super().inputs(bitext)

    def identity(self) -> str:
        """The versions of simalign and of what computes, and the commit of a model from the hub.

        Raises:
            EncoderError: If the model cannot be loaded, or the hub's cache does not say.
            PluginError: If simalign is not installed.
        """
        _simalign()
        versions = " ".join(f"{name} {version(name)}" for name in PACKAGES)
        return f"{versions} {super().identity()}"

    def align(self, pairs: Iterable[SentencePair], bitext: Bitext) -> Iterator[WordAlignment]:
        """Align sentence pairs, one result a pair, in order.

        Raises:
            ConfigError: If no model is given.
            EncoderError: If the model cannot be loaded, or has no such layer.
            PluginError: If simalign is not installed.
        """
        from alignfreeze.encoders.loading import longest_input

        encoder, tokenizer, layer = self.open(bitext)
        reader = _Reader(
            encoder=encoder,
            layer=layer,
            special=SpecialTokens.of(tokenizer),
            padding=tokenizer.pad_token_id or 0,
            max_length=min(longest_input(encoder, tokenizer), MAX_LENGTH),
        )
        cut = 0
        with on_accelerator(encoder):
            for pair in _tokenized(pairs, tokenizer):
                sizes = tuple(reader.fitting(subwords) for subwords in pair)
                cut += sum(subwords.n_words for subwords in pair) - sum(map(len, sizes))
                yield self._links(reader.vectors(pair, sizes), sizes)
        logger.info(
            "%s-%s: %d words beyond %d subwords not linked",
            *(bitext.source, bitext.target, cut, reader.max_length),
        )

    def _links(self, vectors: Sequence[Floats], sizes: Sequence[Integers]) -> WordAlignment:
        """The different links of a sentence pair, in order.

        Args:
            vectors: The subwords' vectors of each side, of shape (subwords, hidden).
            sizes: How many subwords each word of each side has, of shape (words,).
        """
        if not all(map(len, sizes)):
            return []
        tool = _simalign().SentenceAligner
        owners = [np.repeat(np.arange(len(side)), side) for side in sizes]
        if self.token_type == "word":
            words = [[range(size) for size in side] for side in sizes]
            vectors = tool.average_embeds_over_words(vectors, words)
            owners = [np.arange(len(side)) for side in sizes]
        cosines = tool.get_similarity(*vectors)
        matched = _matched(tool, tool.apply_distortion(cosines, self.distortion), self.method)
        first, second = np.nonzero(matched)
        links = zip(owners[0][first].tolist(), owners[1][second].tolist(), strict=True)
        return sorted(set(links))


def _matched(tool: Any, similarity: Floats, method: Method) -> Floats:
    """Not 0 where a row and a column are matched; of the shape of ``similarity``."""
    match method:
        case "itermax":
            matched = tool.iter_max(similarity)
        case "match":
            matched = tool.get_max_weight_match(similarity)
        case "argmax":
            forward, backward = tool.get_alignment_matrix(similarity)
            matched = forward * backward
    return np.asarray(matched)


@dataclass(frozen=True)
class _Reader:
    """Reads subword vectors off an encoder.

    Attributes:
        encoder: The encoder.
        layer: The layer whose output counts, from 0.
        special: The special tokens around a sentence.
        padding: Id of the padding token.
        max_length: The most subwords a side, special tokens included.
    """

    encoder: "PreTrainedModel"
    layer: int
    special: SpecialTokens
    padding: int
    max_length: int

    def fitting(self, sentence: Subwords) -> Integers:
        """How many subwords with text each word has, of those wholly within `max_length`."""
        fits = sentence.starts[1:] <= self.max_length - self.special.count
        before = np.concatenate(([0], np.cumsum(sentence.textual)))
        return np.diff(before[sentence.starts])[fits]

    def vectors(self, pair: Pair, sizes: Sequence[Integers]) -> list[Floats]:
        """The vectors of the subwords with text of each side, each of shape (subwords, hidden).

        A bare mark of a word's beginning is read, but would be like any other, and is not matched.
        """
        import torch

        from alignfreeze.encoders.families import word_states

        rows = [
            self.special.wrap(sentence, 0, len(side), self.max_length)[0]
            for sentence, side in zip(pair, sizes, strict=True)
        ]
        longest = max(map(len, rows))
        ids = [row + [self.padding] * (longest - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        input_ids, attention_mask = torch.tensor((ids, mask), device=self.encoder.device)
        with torch.inference_mode():
            (states,) = word_states(self.encoder, input_ids, attention_mask, (self.layer,))
        begin = len(self.special.prefix)
        return [
            state[begin + np.flatnonzero(sentence.textual)[: side.sum()]].float().cpu().numpy()
            for state, sentence, side in zip(states, pair, sizes, strict=True)
        ]


def _tokenized(
    pairs: Iterable[SentencePair], tokenizer: "PreTrainedTokenizerBase"
) -> Iterator[Pair]:
    """Sentence pairs in subwords, in order."""
    stream = iter(pairs)
    while buffer := list(islice(stream, BUFFER)):
        sources = subwords_of([pair.source for pair in buffer], tokenizer)
        targets = subwords_of([pair.target for pair in buffer], tokenizer)
        yield from zip(sources, targets, strict=True)


def _simalign() -> Any:
    """The package, which is optional.

    Raises:
        PluginError: If it is not installed.
    """
    try:
        return importlib.import_module("simalign")
    except ImportError as error:
        raise PluginError(
            f"aligner 'simalign' needs the package simalign: pip install 'alignfreeze[simalign]' "
            f"({error})"
        ) from error
