"""Realignment steps: ours against two other ways, strategy by strategy, and what a step is made of.

    python benchmarks/steps.py [--data DIR --model DIR --languages de,fr --rounds 3]

Ours is the realignment phase of a run of 300 steps; of either way some steps are timed, after the
first ones and after tokenizing. transformers' Trainer (`trainer.py`) runs once over the very pairs
of those steps of ours.
"""

import copy
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import baseline
import torch
import trainer
from common import (
    TRAINER,
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
from step_overhead import overhead, pair_stream

from alignfreeze.config import RunConfig
from alignfreeze.contracts import FreezingStrategy
from alignfreeze.contracts.registry import OBJECTIVE, STRATEGY, create_plugin
from alignfreeze.encoders.families import layer_count
from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.realignment import pairs
from alignfreeze.realignment.pairs import EncodedPair, PairBatch, collate_pairs
from alignfreeze.realignment.phase import realign
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator, resolve_precision
from alignfreeze.training.loop import LOG_STEPS

OURS, PLAIN, PASS = 20, 8, 40
"""Steps in a round; a pass is what the Trainer runs over, and ours in turn with it."""
STEPS = 300
"""Of the realignment that ours are steps of."""
BOUND = {
    "bf16": "at the peak of an AMD EPYC, would come to 10",
    "fp32": "at the rate of large ones, 55 GFLOP/s a core, would come to 7",
}
"""By precision, what is in reach of `front` from cached states."""
STRATEGIES = ("none", "front", "back")
"""That are run in turn with the Trainer."""


class Steps:
    """The ways to realign, from the same pretrained encoder."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.encoder = load_encoder(setting.model)
        self.accelerator = make_accelerator(resolve_precision("auto"))
        self.folder = Path(tempfile.mkdtemp())
        rows = [(corpus, row) for corpus in setting.corpora for row in range(len(corpus))]
        chosen = random.Random(0).sample(rows, min(len(rows), 64 * 16))
        self.pairs = [corpus.rows([row])[0] for corpus, row in chosen]
        self._passes: dict[int, list[EncodedPair]] = {}

    def ours(
        self,
        number: int,
        strategy: FreezingStrategy,
        prefixes: PrefixCache | None = None,
        *,
        n_steps: int = OURS,
    ) -> float:
        """Pairs per second of a realignment."""
        config = RunConfig(seed=number, prefix="exact" if prefixes is None else "cached")
        watch = Stopwatch(n_steps)
        with suppress(Enough):
            realign(
                copy.deepcopy(self.encoder),
                self.setting.tokenizer,
                self.setting.corpora,
                strategy,
                create_plugin(OBJECTIVE, "contrastive", {}),
                config,
                steps=STEPS,
                accelerator=self.accelerator,
                checkpoints=CheckpointFolder(self.folder, "me"),
                on_loss=watch,
                prefixes=prefixes,
            )
        return n_steps * config.realign_batch_size / watch.seconds

    def trainer(
        self,
        number: int,
        strategy: FreezingStrategy,
        order: trainer.Strategy = "group_by_length",
    ) -> float:
        """Pairs per second of the Trainer, over those that ours has in a pass."""
        encoder = copy.deepcopy(self.encoder)
        with frozen(encoder, strategy):
            return trainer.realign_rate(
                encoder,
                self._pairs_of_a_pass(number),
                padding=self.setting.tokenizer.pad_token_id or 0,
                precision=resolve_precision("auto"),
                strategy=order,
                seed=number,
            )

    def _pairs_of_a_pass(self, number: int) -> list[EncodedPair]:
        """The sentence pairs of the steps that are timed of ours, once tokenized."""
        if number not in self._passes:
            made: list[Sequence[EncodedPair]] = []

            def collate(chosen: Sequence[EncodedPair], padding: int, **packer: Any) -> PairBatch:
                made.append(chosen)
                return collate_pairs(chosen, padding, **packer)

            with mock.patch.object(pairs, "collate_pairs", collate):
                batches = pair_stream(self.setting, number).batches(LOG_STEPS)
                list(itertools.islice(batches, PASS))
            self._passes[number] = list(itertools.chain.from_iterable(made[:PASS]))
        return self._passes[number]

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


def measured_with_trainer(steps: Steps, rounds: int) -> dict[str, list[float]]:
    """Pairs per second of each strategy, ours and the Trainer's, in turn over the same pairs."""
    sides: dict[str, Callable[[int], float]] = {}
    for name in STRATEGIES:
        strategy = create_plugin(STRATEGY, name, {})
        sides[name] = partial(steps.ours, strategy=strategy, n_steps=PASS)
        sides[f"{name}, Trainer"] = partial(steps.trainer, strategy=strategy)
    full = create_plugin(STRATEGY, "none", {})
    sides["none, Trainer in random order"] = partial(steps.trainer, strategy=full, order="random")
    return in_turn(rounds, sides)


def trainer_lines(rates: dict[str, list[float]]) -> list[Result]:
    """The table of what was measured with the Trainer."""
    result = [
        compared(f"`{name}`, pairs/s", rates[name], rates[f"{name}, Trainer"], ">= 1.5")
        for name in STRATEGIES
    ]
    shuffled = rates["none, Trainer in random order"]
    return [
        *result,
        compared("`none`, the Trainer in random order, pairs/s", rates["none"], shuffled),
    ]


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
            f"upper half's matrix products alone, {BOUND[resolve_precision('auto')]}",
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
    given = steps.encoder, steps.setting, steps.accelerator, steps.folder
    seconds = [overhead(*given, number) for number in range(asked.rounds)]
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
    found = trainer_lines(measured_with_trainer(steps, asked.rounds))
    record("Realignment against transformers' Trainer", found, TRAINER)


if __name__ == "__main__":
    main()
