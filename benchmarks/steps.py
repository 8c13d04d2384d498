"""Realignment steps: ours against the plain way, strategy by strategy, and what a step is made of.

    python benchmarks/steps.py [--data DIR --model DIR --languages de,fr --rounds 3]

Ours is the realignment phase of a run of 300 steps; of either way some steps are timed, after the
first ones and after tokenizing. For the overhead, the same batches go in turn through ours and
through an encoder that is run forward and backward with the same optimizer and nothing else.
"""

import copy
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import baseline
import torch
from accelerate import Accelerator
from common import (
    Enough,
    Result,
    Setting,
    Stopwatch,
    compared,
    in_turn,
    parser,
    ratios,
    record,
    setting,
)

from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.registry import STRATEGY, create_plugin
from alignfreeze.encoders.families import layer_count
from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.encoders.vocabulary import compact_vocabulary
from alignfreeze.realignment.contrastive import RealignmentModel
from alignfreeze.realignment.pairs import PairBatch, PairStream
from alignfreeze.realignment.phase import realign
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.training.acceleration import unread_masks
from alignfreeze.training.batches import Batch
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator, resolve_precision
from alignfreeze.training.loop import TrainingPlan, train

OURS, PLAIN, OVERHEAD = 20, 8, 32
"""Steps in a round."""


class Steps:
    """Both ways to realign, from the same pretrained encoder."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.encoder = load_encoder(setting.model)
        self.accelerator = make_accelerator(resolve_precision("auto"))
        self.folder = Path(tempfile.mkdtemp())
        rows = [(corpus, row) for corpus in setting.corpora for row in range(len(corpus))]
        chosen = random.Random(0).sample(rows, min(len(rows), 64 * 16))
        self.pairs = [corpus.rows([row])[0] for corpus, row in chosen]

    def ours(
        self, number: int, strategy: FreezingStrategy, prefixes: PrefixCache | None = None
    ) -> float:
        """Pairs per second of a realignment."""
        config = RunConfig(seed=number, prefix="exact" if prefixes is None else "cached")
        watch = Stopwatch(OURS)
        with suppress(Enough):
            realign(
                copy.deepcopy(self.encoder),
                self.setting.tokenizer,
                self.setting.corpora,
                strategy,
                config,
                steps=300,
                accelerator=self.accelerator,
                checkpoints=CheckpointFolder(self.folder, "me"),
                on_loss=watch,
                prefixes=prefixes,
            )
        return OURS * config.realign_batch_size / watch.seconds

    def plain(self, number: int, strategy: FreezingStrategy) -> float:
        """Pairs per second of the plain way; tokenized before."""
        encoder = copy.deepcopy(self.encoder).train()
        model = baseline.PlainRealignment(encoder, self.setting.tokenizer)
        encoded = [model.encode(pair) for pair in self.pairs]
        batches = baseline.in_random_order(encoded, 16, number)
        with frozen(encoder, strategy):
            trained = [p for p in model.parameters() if p.requires_grad]
            optimizer = torch.optim.Adam(trained, lr=2e-5)
            baseline.realignment_step(model, next(batches), optimizer)
            began = time.perf_counter()
            for batch in itertools.islice(batches, PLAIN):
                baseline.realignment_step(model, batch, optimizer)
            return PLAIN * 16 / (time.perf_counter() - began)


class InTurn:
    """A stream that lets a bare encoder have each batch first, and times both."""

    def __init__(self, stream: PairStream, bare: "Bare") -> None:
        self.stream = stream
        self.bare = bare
        self.ours: list[float] = []
        self.theirs: list[float] = []

    def batches(self, start: int) -> Iterator[Batch]:
        """The batches; to make one, and what is between two of them, is our step."""
        batches = self.stream.batches(start)
        while True:
            began = time.perf_counter()
            batch = next(batches)
            made = time.perf_counter()
            self.bare.step(batch)
            given = time.perf_counter()
            self.theirs.append(given - made)
            yield batch
            self.ours.append(time.perf_counter() - given + made - began)


class Bare:
    """An encoder, run forward and backward, and its optimizer's step."""

    def __init__(self, encoder: torch.nn.Module, accelerator: Accelerator) -> None:
        self.encoder = encoder.train()
        trained = [p for p in encoder.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=2e-5, fused=True)
        self.accelerator = accelerator

    def step(self, batch: PairBatch) -> None:
        """One step; the loss is the mean of the words' states."""
        with self.accelerator.autocast():
            states = self.encoder(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask
            ).last_hidden_state
        states.float().mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def overhead(steps: Steps, number: int) -> tuple[float, float]:
    """Seconds of a step of ours, and of a bare one, on the same batches: medians of the round."""
    model = RealignmentModel(
        copy.deepcopy(steps.encoder), layers=(-1,), projection=128, temperature=0.1
    )
    other = copy.deepcopy(steps.encoder)
    setting = steps.setting
    stream = PairStream(
        setting.corpora,
        setting.tokenizer,
        batch_size=16,
        max_length=96,
        mix="proportional",
        seed=number,
    )
    plan = TrainingPlan("overhead", "pairs", OVERHEAD, 2e-5, None, 1, 1000)
    ids = stream.vocabulary(OVERHEAD)
    with compact_vocabulary(model.encoder, ids), compact_vocabulary(other, ids), unread_masks():
        turns = InTurn(stream, Bare(other, steps.accelerator))
        checkpoints = CheckpointFolder(steps.folder, "me")
        train(model, turns, plan, steps.accelerator, checkpoints=checkpoints, resume=False)
    # The first step makes the optimizer's moments; the last one's time is not taken.
    differences = [a - b for a, b in zip(turns.ours[1:], turns.theirs[1:], strict=False)]
    bare = statistics.median(turns.theirs[1:])
    return bare + statistics.median(differences), bare


def measured(steps: Steps, rounds: int) -> dict[str, list[float]]:
    """Pairs per second of each strategy, ours and plain, in turn."""
    none, back = (create_plugin(STRATEGY, name, {}) for name in ("none", "back"))
    front = create_plugin(STRATEGY, "front", {"embeddings": True})
    published = create_plugin(STRATEGY, "front", {})
    caches: dict[int, PrefixCache] = {}

    def cold(number: int) -> float:
        caches[number] = PrefixCache(2048, steps.folder / "prefixes")
        return steps.ours(number, front, caches[number])

    return in_turn(
        rounds,
        {
            "none": lambda n: steps.ours(n, none),
            "none, plain": lambda n: steps.plain(n, none),
            "back": lambda n: steps.ours(n, back),
            "back, plain": lambda n: steps.plain(n, back),
            "front": lambda n: steps.ours(n, front),
            "front, first epoch": cold,
            "front, later epochs": lambda n: steps.ours(n, front, caches[n]),
            "front, plain": lambda n: steps.plain(n, front),
            "embeddings": lambda n: steps.ours(n, published),
            "embeddings, plain": lambda n: steps.plain(n, published),
        },
    )


def lines(rates: dict[str, list[float]], n_layers: int) -> list[Result]:
    """The table of what was measured."""
    cached = rates["front, later epochs"]
    plain = rates["front, plain"]
    frozen_front = "`front`, embeddings frozen, `prefix="
    trained = (n_layers - n_layers // 2) / n_layers
    arithmetic = (2 + trained) / 3
    shares = ratios(rates["none"], rates["back"])
    share = statistics.median(shares)
    return [
        compared("`none`: all layers, pairs/s", rates["none"], rates["none, plain"], ">= 4"),
        compared(
            f"{frozen_front}cached`, later epochs, trials or temperatures, pairs/s",
            cached,
            plain,
            ">= 8",
            "like for like, the plain way keeps no activations of frozen layers either; the "
            "upper half's matrix products alone, at the peak of an AMD EPYC, would come to 10",
        ),
        compared(
            "the same, first epoch: each sentence is run for the first time, pairs/s",
            rates["front, first epoch"],
            plain,
        ),
        compared(f"{frozen_front}exact`, pairs/s", rates["front"], plain),
        compared(
            f"{frozen_front}cached`, later epochs, against the plain way with trained embeddings, "
            "pairs/s",
            cached,
            rates["embeddings, plain"],
            note="which keeps the activations of frozen layers, as the reference does",
        ),
        compared(
            "`front`, embeddings trained, as published, pairs/s",
            rates["embeddings"],
            rates["embeddings, plain"],
        ),
        compared("`back`: the upper half frozen, pairs/s", rates["back"], rates["back, plain"]),
        Result(
            "a step of `back` / a step of `none`",
            f"{share:.2f}",
            f"{arithmetic:.2f} by arithmetic",
            share / arithmetic,
            "<= 1.05",
            "forward, gradients of states, and of the lower half's weights",
            [share / arithmetic for share in shares],
        ),
    ]


def main() -> None:
    """Measure, and record."""
    asked = parser(__doc__).parse_args()
    steps = Steps(setting(asked))
    results = lines(measured(steps, asked.rounds), layer_count(steps.encoder))
    seconds = [overhead(steps, number) for number in range(asked.rounds)]
    ours, bare = (statistics.median(side) for side in zip(*seconds, strict=True))
    results.append(
        Result(
            "overhead of a step over the bare encoder and optimizer",
            f"{1000 * ours:.0f} ms",
            f"{1000 * bare:.0f} ms",
            statistics.median(rounds := [(a - b) / b for a, b in seconds]),
            "<= 0.05",
            "the ratio is the part that is added, the making of the batch included",
            rounds,
        )
    )
    record("Realignment, 16 pairs a step", results)


if __name__ == "__main__":
    main()
