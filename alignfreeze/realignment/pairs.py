"""Batches of aligned sentence pairs for realignment, tokenized once and as late as possible."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor

from alignfreeze.alignment.corpus import AlignedCorpus, AlignedPair
from alignfreeze.contracts import Objective
from alignfreeze.encoders.vocabulary import used_ids
from alignfreeze.text.words import SpecialTokens, WordCounts, count_words, subwords_of, summed
from alignfreeze.training.acceleration import moved
from alignfreeze.training.batches import BUFFER_BATCHES, bucketed, padded, rounds
from alignfreeze.training.distributed import Processes
from alignfreeze.training.orders import MixedOrder
from alignfreeze.training.packing import Packer, Packing

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

REMEMBERED_PAIRS = 200_000
"""Tokenized sentence pairs that are kept for the next epoch, about 1 kB each."""

LINKED_WORDS = Objective()
"""Makes batches for an objective that is all defaults: each link counts in both directions."""

COUNTED_PAIRS = 20_000
"""Sentence pairs whose words are counted, at most: a share of 1 % has an error of far less."""


@dataclass(frozen=True)
class EncodedSide:
    """One side of a sentence pair as a model reads it.

    Attributes:
        input_ids: Subword ids, special tokens included, of shape (subwords,).
        places: Position of each word's representative, of shape (words,); words that were cut
            off at the end are left out.
        n_words: How many words the sentence has, those cut off included.
    """

    input_ids: NDArray[np.int32]
    places: NDArray[np.int32]
    n_words: int

    def word_counts(self, tokenizer: "PreTrainedTokenizerBase") -> WordCounts:
        """How its words are read, by the tokenizer that made it."""
        found = self.input_ids, self.places
        return count_words(*found, n_words=self.n_words, tokenizer=tokenizer)


@dataclass(frozen=True)
class EncodedPair:
    """A tokenized sentence pair; links are of shape (links, 2), source first, both words within."""

    source: EncodedSide
    target: EncodedSide
    links: NDArray[np.int64]

    @property
    def length(self) -> int:
        """Subwords of the longer side."""
        return max(len(self.source.input_ids), len(self.target.input_ids))


@dataclass(frozen=True)
class PairBatch:
    """Sentence pairs as one batch: all source sentences, then all target sentences.

    Attributes:
        input_ids: Of shape (2 * pairs, subwords).
        attention_mask: Of the same shape.
        word_positions: Where each word's representative is in the batch laid flat, as the layers
            run it, of shape (words,); for an objective whose unit is the sentence, all subwords.
        sentences: The sentence that each is of, in ``[0, 2 * pairs)``, of shape (words,).
        anchors: Words, or sentences if they are the unit, that have a translation, of shape
            (anchors,): rows of ``word_positions``, or of ``input_ids``; those of either side.
        positives: For each anchor its translation, of shape (anchors,).
        size: How many sentence pairs.
        weight: How many terms the objective has.
        packing: How the encoder runs it without padding; ``None``: as it is.
        states: What the lowest layer that is run reads, of shape (2 * pairs, subwords, hidden);
            ``None`` where all layers are run.
        find_states: Finds them when the batch is moved: only then is it this process's.
    """

    input_ids: Tensor
    attention_mask: Tensor
    word_positions: Tensor
    sentences: Tensor
    anchors: Tensor
    positives: Tensor
    size: int
    weight: int
    packing: Packing | None = None
    states: Tensor | None = None
    find_states: "Callable[[PairBatch], Tensor] | None" = None

    def to(self, device: torch.device) -> "PairBatch":
        """The same batch on a device, with its states."""
        values: dict[str, Any] = {**vars(self), "find_states": None}
        if self.find_states is not None:
            values["states"] = self.find_states(self)
        for name, value in values.items():
            values[name] = moved(value, device) if isinstance(value, Tensor) else value
        values["packing"] = self.packing and self.packing.to(device)
        return PairBatch(**values)


def encoded_pairs(
    pairs: Sequence[AlignedPair], tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> list[EncodedPair]:
    """Sentence pairs as a model reads them, each side of at most so many subwords."""
    special = SpecialTokens.of(tokenizer)

    def encoded(sentences: Sequence[Sequence[str]]) -> Iterator[EncodedSide]:
        for subwords in subwords_of(sentences, tokenizer):
            ids, places = special.wrap(subwords, 0, subwords.n_words, max_length)
            arrays = np.array(ids, dtype=np.int32), np.array(places, dtype=np.int32)
            yield EncodedSide(*arrays, subwords.n_words)

    sides = (encoded([pair.source for pair in pairs]), encoded([pair.target for pair in pairs]))
    result = []
    for pair, source, target in zip(pairs, *sides, strict=True):
        links = np.asarray(pair.alignment, dtype=np.int64).reshape(-1, 2)
        within = (links < (len(source.places), len(target.places))).all(axis=1)
        result.append(EncodedPair(source, target, links[within]))
    return result


def collate_pairs(
    pairs: Sequence[EncodedPair],
    padding: int,
    *,
    packer: Packer | None = None,
    objective: Objective = LINKED_WORDS,
) -> PairBatch:
    """Put sentence pairs, at least one, into one batch, padded to its longest sentence.

    Args:
        pairs: The pairs.
        padding: The id of its token.
        packer: Says how the encoder runs it without.
        objective: Says what is read, and how many terms that makes.
    """
    sides = [pair.source for pair in pairs] + [pair.target for pair in pairs]
    longest, n_pairs = max(pair.length for pair in pairs), len(pairs)
    of_words = objective.unit == "word"
    read = [side.places if of_words else np.arange(len(side.input_ids)) for side in sides]
    places = [own + row * longest for row, own in enumerate(read)]
    if of_words:
        offsets = np.concatenate(([0], np.cumsum([len(own) for own in read])))
        found = [p.links + offsets[[row, n_pairs + row]] for row, p in enumerate(pairs)]
        links = np.concatenate(found)
    else:
        links = np.arange(2 * n_pairs, dtype=np.int64).reshape(2, -1).T
    words = torch.from_numpy(np.concatenate(places).astype(np.int64))
    packing = packer and packer([len(side.input_ids) for side in sides])
    return PairBatch(
        input_ids=padded([side.input_ids for side in sides], longest, padding),
        attention_mask=padded([np.ones_like(side.input_ids) for side in sides], longest, 0),
        word_positions=words if packing is None else packing.place(words),
        sentences=torch.from_numpy(np.repeat(np.arange(len(sides)), [len(own) for own in read])),
        anchors=torch.from_numpy(np.concatenate((links[:, 0], links[:, 1]))),
        positives=torch.from_numpy(np.concatenate((links[:, 1], links[:, 0]))),
        size=n_pairs,
        weight=objective.terms(len(links), n_pairs),
        packing=packing,
    )


def pairs_drawn(
    corpora: Sequence[AlignedCorpus],
    n_pairs: int,
    *,
    mix: Literal["proportional", "uniform"],
    seed: int,
) -> dict[str, int]:
    """How many sentence pairs of each target language are among those drawn first, each once."""
    counts = MixedOrder([len(corpus) for corpus in corpora], mix, seed).taken(n_pairs)
    return {corpus.target: count for corpus, count in zip(corpora, counts, strict=True)}


@dataclass(eq=False)
class PairStream:
    """Batches of aligned sentence pairs from corpora in several languages.

    Attributes:
        corpora: A corpus for each target language.
        tokenizer: The encoder's.
        batch_size: Sentence pairs in a batch.
        max_length: Subwords of a side, special tokens included.
        mix: How languages share the batches.
        seed: Of the order.
        remembered: What earlier streams of the same corpora, tokenizer and length have tokenized,
            by (corpus, row); this one adds to it.
        packer: Says how the encoder runs batches without padding; ``None``: they have it.
        find_states: As of each batch.
        objective: Says what batches hold, and how many terms each has.
        processes: That train together, and share what is tokenized before the first step.
        empty_batches: Batches so far in which the objective had no term, such as no aligned word.
    """

    corpora: Sequence[AlignedCorpus]
    tokenizer: "PreTrainedTokenizerBase"
    batch_size: int
    max_length: int
    mix: Literal["proportional", "uniform"]
    seed: int
    remembered: dict[tuple[int, int], EncodedPair] = field(default_factory=dict)
    packer: Packer | None = None
    find_states: Callable[[PairBatch], Tensor] | None = None
    objective: Objective = LINKED_WORDS
    processes: Processes | None = None
    empty_batches: int = 0

    def batches(self, start: int) -> Iterator[PairBatch]:
        """The batches from number ``start`` on."""
        skipped, inside = divmod(start, BUFFER_BATCHES)
        size = self.batch_size * BUFFER_BATCHES
        order = self._order().skip(skipped * size)
        for number in count(skipped):
            drawn = order.take(size)
            pairs = self.encode(drawn.places)
            epoch_rounds = rounds(drawn.corpora, drawn.epochs)
            lengths = np.array([pair.length for pair in pairs])
            random = np.random.default_rng([self.seed, 1, number])
            for rows in bucketed(lengths, epoch_rounds, self.batch_size, random)[inside:]:
                batch = self._collated([pairs[row] for row in rows])
                self.empty_batches += batch.weight == 0
                yield replace(batch, find_states=self.find_states)
            inside = 0

    def _collated(self, pairs: Sequence[EncodedPair]) -> PairBatch:
        packer, objective = self.packer, self.objective
        return collate_pairs(pairs, self._padding, packer=packer, objective=objective)

    def vocabulary(self, n_batches: int) -> NDArray[np.int64] | None:
        """The ids that the first batches hold, sorted; ``None`` if they are too many to remember.

        Their pairs are tokenized by this, which `batches` then need not do.
        """
        n_pairs = self._buffered(n_batches)
        if n_pairs > REMEMBERED_PAIRS:
            reason = "which ones occur is not looked up for more than %d sentence pairs"
            logger.info("all embedding rows are trained: " + reason, REMEMBERED_PAIRS)
            return None
        pairs = self._encode_together(self._first(n_pairs))
        sides = (side.input_ids for pair in pairs for side in (pair.source, pair.target))
        return used_ids(sides, self._padding)

    def word_counts(self, n_batches: int) -> dict[str, WordCounts]:
        """How words are read in the pairs of the first batches, each once, by language.

        Of more than `COUNTED_PAIRS`, in those drawn first.
        """
        keys = self._first(min(self._buffered(n_batches), COUNTED_PAIRS))
        found: dict[str, list[WordCounts]] = {}
        for (number, _), pair in zip(keys, self._encode_together(keys), strict=True):
            corpus = self.corpora[number]
            for language, side in ((corpus.source, pair.source), (corpus.target, pair.target)):
                found.setdefault(language, []).append(side.word_counts(self.tokenizer))
        return {language: summed(counts) for language, counts in found.items()}

    def _buffered(self, n_batches: int) -> int:
        """How many pairs are drawn for the first batches."""
        return math.ceil(n_batches / BUFFER_BATCHES) * BUFFER_BATCHES * self.batch_size

    def _first(self, n_pairs: int) -> list[tuple[int, int]]:
        """The places (corpus, row) of the pairs drawn first, each once."""
        return list(dict.fromkeys(self._order().take(n_pairs).places))

    def _order(self) -> MixedOrder:
        return MixedOrder([len(corpus) for corpus in self.corpora], self.mix, self.seed)

    @property
    def _padding(self) -> int:
        return self.tokenizer.pad_token_id or 0

    def _encode_together(self, keys: list[tuple[int, int]]) -> list[EncodedPair]:
        """As `encode`, each process a part of those that were not met before, for all of them."""
        if self.processes is not None and self.processes.num_processes > 1:
            new = sorted(set(keys) - self.remembered.keys())
            own = new[self.processes.process_index :: self.processes.num_processes]
            parts: list[dict[tuple[int, int], EncodedPair]] = gather_object(
                [dict(zip(own, self.encode(own), strict=True))]
            )
            self._remember({key: pair for part in parts for key, pair in part.items()})
        return self.encode(keys)

    def encode(self, keys: list[tuple[int, int]]) -> list[EncodedPair]:
        """The tokenized pairs at some places (corpus, row); those met before are remembered."""
        known = {key: self.remembered[key] for key in keys if key in self.remembered}
        new = sorted(set(keys) - known.keys())
        for number, corpus in enumerate(self.corpora):
            rows = [row for own, row in new if own == number]
            pairs = encoded_pairs(corpus.rows(rows), self.tokenizer, self.max_length)
            known |= {(number, row): pair for row, pair in zip(rows, pairs, strict=True)}
        self._remember({key: known[key] for key in new})
        return [known[key] for key in keys]

    def _remember(self, pairs: dict[tuple[int, int], EncodedPair]) -> None:
        room = max(0, REMEMBERED_PAIRS - len(self.remembered))
        self.remembered.update(islice(pairs.items(), room))
