"""Realignment, fine-tuning and evaluation in the plain way: what our speed is compared with.

It computes what AlignFreeze computes (the same loss on the same pairs, which a test holds to
1e-5), in the style of the reference implementation, in our own words: batches in random order,
padded to their longest sentence; a loop over the words; float32; PyTorch's plain Adam over all
parameters, the whole embedding table included; evaluation in batches of the training's size, in
the order of the file, with gradients on; everything tokenized and aligned anew for each run.
What is not in question is shared: the readers of the data, the aligner, the freezing.

`plain_run.py` makes a whole run of it.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from tqdm import tqdm
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    get_linear_schedule_with_warmup,
)

from alignfreeze.alignment.corpus import AlignedPair, CorpusJob, aligned_corpus
from alignfreeze.contracts import DataSource, FreezingStrategy, TaggedSentence
from alignfreeze.contracts.registry import ALIGNER, create_plugin, fingerprint
from alignfreeze.data.bitexts import find_bitexts, resolve_aligner
from alignfreeze.encoders.freezing import frozen
from alignfreeze.realignment.model import projection_head

IGNORED = -100
T = TypeVar("T")


def read_pairs(source: DataSource, languages: Sequence[str]) -> list[AlignedPair]:
    """The sentence pairs of some languages, aligned anew."""
    pairs: list[AlignedPair] = []
    for bitext in find_bitexts(source, "en", list(languages)):
        name = resolve_aligner("auto", bitext)
        with TemporaryDirectory() as cache:
            aligner, digest = create_plugin(ALIGNER, name, {}), fingerprint(ALIGNER, name)
            corpus = aligned_corpus(CorpusJob(bitext, aligner, name, digest), Path(cache))
            pairs += corpus.rows(range(len(corpus)))
    return pairs


def in_random_order(items: Sequence[T], size: int, seed: int) -> Iterator[list[T]]:
    """Batches of all items in random order, again and again."""
    shuffler = random.Random(seed)
    order: list[T] = []
    while True:
        while len(order) < size:
            order += shuffler.sample(items, len(items))
        yield order[:size]
        del order[:size]


class PlainTokenizer:
    """Sentences that are split into words, one by one, as lists."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.padding = tokenizer.pad_token_id or 0
        self.max_length = max_length
        self._has_text: dict[int, bool] = {}

    def __call__(self, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """Subword ids, and the position of each word's first one that carries text."""
        encoded = self.tokenizer(
            list(words), is_split_into_words=True, truncation=True, max_length=self.max_length
        )
        ids: list[int] = encoded["input_ids"]
        places: dict[int, int] = {}
        for position, word in enumerate(encoded.word_ids()):
            if word is None:
                continue
            place = places.setdefault(word, position)
            if not self._carries_text(ids[place]) and self._carries_text(ids[position]):
                places[word] = position
        return ids, list(places.values())

    def _carries_text(self, subword: int) -> bool:
        if subword not in self._has_text:
            text = str(self.tokenizer.decode([subword]))
            self._has_text[subword] = bool(text.strip())
        return self._has_text[subword]

    def pad(self, rows: Sequence[list[int]], value: int) -> Tensor:
        """Rows as one tensor, as long as the longest."""
        longest = max(len(row) for row in rows)
        return torch.tensor([row + [value] * (longest - len(row)) for row in rows])

    def inputs(self, rows: Sequence[list[int]]) -> dict[str, Tensor]:
        """What an encoder reads."""
        return {
            "input_ids": self.pad(rows, self.padding),
            "attention_mask": self.pad([[1] * len(row) for row in rows], 0),
        }


class PlainPair(NamedTuple):
    """A sentence pair as subwords: each side's ids and first positions, and the links."""

    sides: tuple[tuple[list[int], list[int]], tuple[list[int], list[int]]]
    links: list[tuple[int, int]]


class PlainRealignment(nn.Module):
    """An encoder and its projection head, called with sentence pairs."""

    def __init__(
        self,
        encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        projection: int = 128,
        temperature: float = 0.1,
        max_length: int = 96,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = projection_head(encoder.config.hidden_size, projection)
        self.temperature = temperature
        self.tokenize = PlainTokenizer(tokenizer, max_length)

    def encode(self, pair: AlignedPair) -> PlainPair:
        """A pair's sides as subwords, and its links."""
        sides = self.tokenize(pair.source), self.tokenize(pair.target)
        return PlainPair(sides, list(pair.alignment))

    def forward(self, pairs: Sequence[PlainPair]) -> Tensor:
        """The mean loss of the aligned words of both sides; each side is run on its own."""
        vectors: list[Tensor] = []
        numbers: dict[tuple[int, int, int], int] = {}
        for side in (0, 1):
            sentences = [pair.sides[side] for pair in pairs]
            inputs = self.tokenize.inputs([ids for ids, _ in sentences])
            states = self.encoder(**inputs).last_hidden_state
            for row, (_, places) in enumerate(sentences):
                for word, position in enumerate(places):
                    numbers[side, row, word] = len(vectors)
                    vectors.append(states[row, position])
        anchors, positives = [], []
        for row, pair in enumerate(pairs):
            for source, target in pair.links:
                if (0, row, source) in numbers and (1, row, target) in numbers:
                    anchors += [numbers[0, row, source], numbers[1, row, target]]
                    positives += [numbers[1, row, target], numbers[0, row, source]]
        words = F.normalize(self.head(torch.stack(vectors)), dim=-1)
        similarities = words @ words.T / self.temperature
        itself = torch.eye(len(words), dtype=torch.bool)
        log_others = similarities.masked_fill(itself, -torch.inf).logsumexp(dim=1)
        terms = [
            log_others[anchor] - similarities[anchor, positive]
            for anchor, positive in zip(anchors, positives, strict=True)
        ]
        return torch.stack(terms).mean()


def realignment_step(
    model: PlainRealignment, pairs: Sequence[PlainPair], optimizer: torch.optim.Optimizer
) -> float:
    """One step on a batch of pairs; returns its loss."""
    optimizer.zero_grad()
    loss = model(pairs)
    loss.backward()
    optimizer.step()
    return float(loss.item())


def realign(
    encoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[AlignedPair],
    strategy: FreezingStrategy | None,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Realign an encoder in place, 16 pairs a step."""
    model = PlainRealignment(encoder.train(), tokenizer)
    encoded = [model.encode(pair) for pair in tqdm(pairs, "tokenizing", mininterval=10)]
    with nullcontext() if strategy is None else frozen(encoder, strategy):
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=learning_rate)
        batches = in_random_order(encoded, 16, seed)
        for batch in tqdm(islice(batches, steps), "realignment", steps, mininterval=10):
            realignment_step(model, batch, optimizer)


Row = tuple[list[int], list[int]]
"""Subword ids, and the labels of as many positions."""


def tagging_rows(
    sentences: Sequence[TaggedSentence],
    labels: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int = 256,
) -> list[Row]:
    """Sentences as subwords, each word's label on its first one that carries text."""
    tokenize = PlainTokenizer(tokenizer, max_length)
    rows = []
    for sentence in sentences:
        ids, places = tokenize(sentence.words)
        row = [IGNORED] * len(ids)
        for tag, position in zip(sentence.tags, places, strict=False):
            row[position] = labels.index(tag)
        rows.append((ids, row))
    return rows


def tagging_step(
    model: PreTrainedModel, rows: Sequence[Row], pad: PlainTokenizer, optimizer: Any
) -> float:
    """One step on a batch of rows; returns its loss."""
    optimizer.zero_grad()
    targets = pad.pad([labels for _, labels in rows], IGNORED)
    loss = model(**pad.inputs([ids for ids, _ in rows]), labels=targets).loss
    loss.backward()
    optimizer.step()
    return float(loss.item())


def finetune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Row],
    *,
    steps: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Fine-tune a tagger in place, 32 rows a step, with a tenth of the steps as warm-up."""
    pad = PlainTokenizer(tokenizer, 256)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = get_linear_schedule_with_warmup(optimizer, round(0.1 * steps), steps)
    model.train()
    batches = in_random_order(rows, 32, seed)
    for batch in tqdm(islice(batches, steps), "fine-tuning", steps, mininterval=10):
        tagging_step(model, batch, pad, optimizer)
        schedule.step()


def tagging_accuracy(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row]
) -> float:
    """The fraction of words whose tag is right, 32 rows at a time."""
    pad = PlainTokenizer(tokenizer, 256)
    model.eval()
    right = total = 0
    for begin in range(0, len(rows), 32):
        batch = rows[begin : begin + 32]
        guesses = model(**pad.inputs([ids for ids, _ in batch])).logits.argmax(dim=-1)
        for row, (_, labels) in enumerate(batch):
            for position, label in enumerate(labels):
                if label != IGNORED:
                    right += int(guesses[row, position]) == label
                    total += 1
    return right / total
