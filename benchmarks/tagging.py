"""Fine-tuning and evaluation: ours against two other ways, on part-of-speech tagging.

    python benchmarks/tagging.py [--data DIR --model DIR --languages de,fr --rounds 3]

Ours is the fine-tuning phase of a run of 125 steps, and the evaluation of a run; the plain way
reads the sentences in the order of the file with gradients on. Of either way some steps of
fine-tuning are timed, after the first ones. transformers' Trainer (`trainer.py`) runs once over the
very rows of some steps of ours, and predicts those that the others do. All are tokenized before.
"""

import argparse
import copy
import itertools
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import baseline
import numpy as np
import torch
import trainer
from common import TRAINER, Enough, Result, Stopwatch, compared, in_turn, parser, record, setting

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Feature
from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.data.finding import find_data
from alignfreeze.encoders.loading import load_with_head
from alignfreeze.evaluation.finetuning import finetune
from alignfreeze.evaluation.prediction import evaluate
from alignfreeze.evaluation.scores import EvaluationSet
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator, resolve_precision
from alignfreeze.training.loop import LOG_STEPS
from alignfreeze.training.orders import Epochs

OURS, PLAIN, PASS = 20, 8, 30
"""Optimizer steps in a round; a pass is what the Trainer runs over, and ours in turn with it."""
SENTENCES = 100
"""Of each language, in a round of evaluation."""
MAX_LENGTH = 256
BOUND = {
    "bf16": "matrix products at the peak of an AMD EPYC alone would come to 5.6; they are 72 % of "
    "the time, attention 14 %, copies between 16 and 32 bits 5 %",
    "fp32": "linear layers alone, at the rate of large products, would come to 2.8 "
    "(`benchmarks/evaluation.py`)",
}
"""By precision, what is in reach of evaluation."""


class Tagging:
    """Both ways to fine-tune and to evaluate the same model."""

    def __init__(self, asked: argparse.Namespace) -> None:
        found = setting(asked)
        source = find_data(asked.data)
        self.tokenizer = found.tokenizer
        self.padding = found.tokenizer.pad_token_id or 0
        self.task = create_plugin(TASK, "pos", {})
        self.model = load_with_head(found.model, self.task.auto_class, self.task.labels)
        self.accelerator = make_accelerator(resolve_precision("auto"))
        self.folder = Path(tempfile.mkdtemp())
        sentences = self.task.load(source, "en", "train")
        self.features = self._features(sentences)
        self.plain_rows = self._plain(sentences)
        tests = {
            code: self.task.load(source, code, "test")[:SENTENCES]
            for code in asked.languages.split(",")
        }
        self.sets = [
            EvaluationSet(code, "test", examples, self._features(examples))
            for code, examples in tests.items()
        ]
        self.plain_sets = [self._plain(examples) for examples in tests.values()]
        self.n_rows = sum(len(rows) for rows in self.plain_sets)
        self.evaluation = f"evaluation, {len(self.sets)} languages, rows/s"

    def _features(self, sentences: Sequence[Any]) -> Sequence[Feature]:
        features: Sequence[Feature] = self.task.featurize(sentences, self.tokenizer, MAX_LENGTH)
        return features

    def _plain(self, sentences: Sequence[Any]) -> list[baseline.Row]:
        return baseline.tagging_rows(sentences, self.task.labels, self.tokenizer, MAX_LENGTH)

    def finetune(self, number: int, *, n_steps: int = OURS) -> float:
        """Rows per second of our fine-tuning."""
        config = RunConfig(seed=number)
        watch = Stopwatch(n_steps)
        with suppress(Enough):
            finetune(
                copy.deepcopy(self.model),
                self.features,
                config,
                padding=self.padding,
                steps=125,
                accelerator=self.accelerator,
                checkpoints=CheckpointFolder(self.folder, "me"),
                on_loss=watch,
            )
        return n_steps * config.finetune_batch_size / watch.seconds

    def finetune_by_trainer(
        self, number: int, order: trainer.Strategy = "group_by_length"
    ) -> float:
        """Rows per second of the Trainer, over those that ours has in a pass."""
        epochs = Epochs(len(self.features), np.random.default_rng([number, 0]))
        epochs.skip(LOG_STEPS * 32)
        _, drawn = epochs.take(PASS * 32)
        return trainer.finetune_rate(
            copy.deepcopy(self.model),
            [self.features[row] for row in drawn],
            padding=self.padding,
            precision=resolve_precision("auto"),
            strategy=order,
            seed=number,
        )

    def evaluate_by_trainer(self, number: int) -> float:
        """Rows per second of the Trainer's prediction, of all languages at once."""
        return trainer.predict(
            self.model,
            [feature for chosen in self.sets for feature in chosen.features],
            padding=self.padding,
            precision=resolve_precision("auto"),
            batch_size=32,
        ).rate

    def finetune_plainly(self, number: int) -> float:
        """The same of the plain way."""
        trained = copy.deepcopy(self.model).train()
        pad = baseline.PlainTokenizer(self.tokenizer, MAX_LENGTH)
        optimizer = torch.optim.Adam(trained.parameters(), lr=2e-5)
        batches = baseline.in_random_order(self.plain_rows, 32, number)
        baseline.tagging_step(trained, next(batches), pad, optimizer)
        began = time.perf_counter()
        for batch in itertools.islice(batches, PLAIN):
            baseline.tagging_step(trained, batch, pad, optimizer)
        return PLAIN * 32 / (time.perf_counter() - began)

    def evaluate(self, number: int) -> float:
        """Rows per second of our evaluation."""
        began = time.perf_counter()
        evaluate(
            self.model,
            self.task,
            self.sets,
            batch_size=128,
            padding=self.padding,
            accelerator=self.accelerator,
        )
        return self.n_rows / (time.perf_counter() - began)

    def evaluate_plainly(self, number: int) -> float:
        """The same of the plain way."""
        began = time.perf_counter()
        for chosen in self.plain_sets:
            baseline.tagging_accuracy(self.model, self.tokenizer, chosen)
        return self.n_rows / (time.perf_counter() - began)


def plain_lines(tagging: Tagging, rounds: int) -> list[Result]:
    """Ours against the plain way."""
    trained, trained_plainly, evaluated, evaluated_plainly = in_turn(
        rounds,
        {
            "fine-tuning": tagging.finetune,
            "fine-tuning, plain": tagging.finetune_plainly,
            "evaluation": tagging.evaluate,
            "evaluation, plain": tagging.evaluate_plainly,
        },
    ).values()
    return [
        compared("fine-tuning, 32 rows a step, rows/s", trained, trained_plainly, ">= 2.5"),
        compared(
            tagging.evaluation,
            evaluated,
            evaluated_plainly,
            ">= 4",
            BOUND[resolve_precision("auto")],
        ),
    ]


def trainer_lines(tagging: Tagging, rounds: int) -> list[Result]:
    """Ours against the Trainer."""
    ours, grouped, shuffled, evaluated, predicted = in_turn(
        rounds,
        {
            "fine-tuning": partial(tagging.finetune, n_steps=PASS),
            "fine-tuning, Trainer": tagging.finetune_by_trainer,
            "fine-tuning, Trainer in random order": partial(
                tagging.finetune_by_trainer, order="random"
            ),
            "evaluation": tagging.evaluate,
            "evaluation, Trainer": tagging.evaluate_by_trainer,
        },
    ).values()
    return [
        compared("fine-tuning, 32 rows a step, rows/s", ours, grouped, ">= 1.5"),
        compared("fine-tuning, the Trainer in random order, rows/s", ours, shuffled),
        compared(tagging.evaluation, evaluated, predicted, ">= 1.5"),
    ]


def main() -> None:
    """Measure, and record."""
    asked = parser(__doc__).parse_args()
    tagging = Tagging(asked)
    record("Fine-tuning and evaluation, PoS", plain_lines(tagging, asked.rounds))
    found = trainer_lines(tagging, asked.rounds)
    record("Fine-tuning and evaluation against transformers' Trainer, PoS", found, TRAINER)


if __name__ == "__main__":
    main()
