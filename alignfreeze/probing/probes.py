"""Words sampled from held-out sentence pairs, and what the layers of encoders make of them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alignfreeze.alignment.corpus import AlignedCorpus, AlignedPair
from alignfreeze.base.progress import progress_bar
from alignfreeze.encoders.accelerator import attention_of_any_shape
from alignfreeze.encoders.families import hidden_size, layer_count, word_states
from alignfreeze.errors import EncoderError
from alignfreeze.realignment.pairs import EncodedPair, encoded_pairs
from alignfreeze.training.batches import padded

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

MAX_WORDS = 500
"""Links sampled in a language: an accuracy near one half has a standard error of 2.2 points."""

ROWS_AT_ONCE = 256
"""Sentence pairs read and tokenized at a time until enough links are sampled."""


@dataclass(frozen=True, eq=False)
class WordSide:
    """Sampled words of one language, within their sentences.

    Attributes:
        sentences: Subword ids of each sentence, special tokens included.
        places: Sentence, and position in it of the word's representative; of shape (links, 2).
    """

    sentences: Sequence[NDArray[np.int32]]
    places: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinkSample:
    """Sampled links of a language pair; the words at place ``i`` translate each other."""

    language: str
    source: WordSide
    target: WordSide

    def __len__(self) -> int:
        return len(self.source.places)


class LanguageVectors(NamedTuple):
    """Layer outputs of linked words in float16, each of shape (layers, links, hidden)."""

    source: NDArray[np.float16]
    target: NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Layer outputs of the sampled words, by target language."""

    source_language: str
    languages: Mapping[str, LanguageVectors]


class WordProbe:
    """Words sampled from held-out sentence pairs, to look at with one encoder after the other.

    Links are taken from sentence pairs in a random order, always the same. In a language's sample
    no form of a word, in lower case, occurs twice on a side: a nearest neighbour would be another
    occurrence of it.
    A language with fewer than 2 links is left out, with a warning.

    Args:
        corpora: One a target language, all of one source language.
        tokenizer: That of the encoders.
        max_length: Subwords a sentence, special tokens included; words behind are left out.
        max_words: Links sampled in a language, at most.

    Attributes:
        samples: One a target language.

    Raises:
        ValueError: If there are several source languages, or two corpora of one target language.
    """

    def __init__(
        self,
        corpora: Sequence[AlignedCorpus],
        tokenizer: "PreTrainedTokenizerBase",
        *,
        max_length: int,
        max_words: int = MAX_WORDS,
    ) -> None:
        sources = sorted({corpus.source for corpus in corpora})
        if len(sources) != 1:
            raise ValueError(f"corpora must have one source language, got {sources}")
        targets = [corpus.target for corpus in corpora]
        if len(set(targets)) < len(targets):
            raise ValueError(f"corpora must have a target language each, got {targets}")
        self.source_language = sources[0]
        self._padding: int = tokenizer.pad_token_id or 0
        found = [_sample(corpus, tokenizer, max_length, max_words) for corpus in corpora]
        self.samples = [sample for sample in found if len(sample) >= 2]
        if few := [sample.language for sample in found if len(sample) < 2]:
            logger.warning("no word alignment measured, fewer than 2 links: %s", " ".join(few))

    def vectors(
        self, encoder: "PreTrainedModel", accelerator: "Accelerator", batch_size: int
    ) -> WordVectors:
        """Every layer's output for the sampled words, in evaluation mode, without gradients.

        They take 4 B * links * layers * hidden of memory a language: with 500 links and 12 layers,
        92 MB for ten languages and 384 units, 627 MB for 34 languages and 768 units. Each process
        that calls computes all of them; none waits for another.

        Args:
            encoder: The encoder, without a task head; its modes and device are restored.
            accelerator: Where, and in which precision.
            batch_size: Sentences in a batch.

        Raises:
            EncoderError: If an output is not finite in float16.
        """
        languages = {}
        shown = accelerator.is_main_process
        evaluating = _evaluating(encoder, accelerator.device)
        with evaluating, torch.inference_mode(), accelerator.autocast():
            for sample in progress_bar(self.samples, "word vectors", " languages", shown=shown):
                sides = []
                codes = (self.source_language, sample.language)
                for code, side in zip(codes, (sample.source, sample.target), strict=True):
                    sides.append(self._side_vectors(encoder, side, batch_size))
                    finite = np.isfinite(sides[-1]).all(axis=(1, 2))
                    if not finite.all():
                        raise EncoderError(
                            "layer outputs must be finite and at most "
                            f"{np.finfo(np.float16).max:.0f} in size, those of layer "
                            f"{int(finite.argmin())} for words of {code!r} are not"
                        )
                languages[sample.language] = LanguageVectors(*sides)
        return WordVectors(self.source_language, languages)

    def _side_vectors(
        self, encoder: "PreTrainedModel", side: WordSide, batch_size: int
    ) -> NDArray[np.float16]:
        n_layers, device = layer_count(encoder), encoder.device
        shape = (n_layers, len(side.places), hidden_size(encoder))
        vectors = np.empty(shape, dtype=np.float16)
        order = np.argsort([-len(sentence) for sentence in side.sentences], kind="stable")
        ranks = np.argsort(order)[side.places[:, 0]]
        for begin in range(0, len(order), batch_size):
            sentences = [side.sentences[row] for row in order[begin : begin + batch_size]]
            longest = len(sentences[0])
            ids = padded(sentences, longest, self._padding).to(device)
            mask = padded([np.ones_like(ids) for ids in sentences], longest, 0).to(device)
            links = np.flatnonzero((ranks >= begin) & (ranks < begin + batch_size))
            rows = torch.from_numpy(ranks[links] - begin).to(device)
            columns = torch.from_numpy(side.places[links, 1]).to(device)
            states = word_states(encoder, ids, mask, layers=tuple(range(n_layers)))
            for layer, state in enumerate(states):
                vectors[layer, links] = state[rows, columns].half().cpu().numpy()
        return vectors


def _sample(
    corpus: AlignedCorpus, tokenizer: "PreTrainedTokenizerBase", max_length: int, max_words: int
) -> LinkSample:
    """The first links of a corpus whose words are new on both sides."""
    sentences: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
    places: list[list[tuple[int, int]]] = []
    met: tuple[set[str], set[str]] = (set(), set())
    beyond = 0
    for pair, encoded in _pairs(corpus, tokenizer, max_length):
        sides, before = (encoded.source, encoded.target), len(places)
        for link in pair.alignment:
            if len(places) == max_words:
                break
            forms = pair.source[link[0]].lower(), pair.target[link[1]].lower()
            if any(word >= len(side.places) for word, side in zip(link, sides, strict=True)):
                beyond += 1
            elif forms[0] not in met[0] and forms[1] not in met[1]:
                words = zip(link, sides, strict=True)
                places.append([(len(sentences), int(side.places[word])) for word, side in words])
                met[0].add(forms[0])
                met[1].add(forms[1])
        if len(places) > before:
            sentences.append((sides[0].input_ids, sides[1].input_ids))
        if len(places) == max_words:
            break
    table = np.array(places, dtype=np.int64).reshape(-1, 2, 2)
    source, target = (WordSide([s[side] for s in sentences], table[:, side]) for side in (0, 1))
    logger.info(
        "%s-%s: %d links sampled from %d sentence pairs; %d left out, beyond %d subwords",
        *(corpus.source, corpus.target, len(places), len(sentences), beyond, max_length),
    )
    return LinkSample(corpus.target, source, target)


def random_rows(n_rows: int) -> list[int]:
    """The order in which rows are sampled: always the same, from all parts of a corpus."""
    order: list[int] = np.random.default_rng(0).permutation(n_rows).tolist()
    return order


def _pairs(
    corpus: AlignedCorpus, tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> Iterator[tuple[AlignedPair, EncodedPair]]:
    """A corpus's sentence pairs in random order, tokenized as they are needed."""
    order = random_rows(len(corpus))
    for begin in range(0, len(corpus), ROWS_AT_ONCE):
        pairs = corpus.rows(order[begin : begin + ROWS_AT_ONCE])
        yield from zip(pairs, encoded_pairs(pairs, tokenizer, max_length), strict=True)


@contextmanager
def _evaluating(encoder: nn.Module, device: torch.device) -> Iterator[None]:
    """Have an encoder on a device and in evaluation mode for a while."""
    home = next(encoder.parameters()).device
    training = [module for module in encoder.modules() if module.training]
    encoder.to(device)
    encoder.eval()
    try:
        with attention_of_any_shape():
            yield
    finally:
        encoder.to(home)
        for module in training:
            module.training = True
