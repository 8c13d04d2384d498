"""Why fine-tuning draws its batches at random: against batches of rows of similar length.

    python benchmarks/order.py [--data DIR --model DIR --languages de,fr --steps 45,125]

One encoder is realigned, then fine-tuned as a run does it, from the same head, and with batches of
rows of similar length, which have hardly any padding. Both take as many steps.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import baseline
import numpy as np
from accelerate.utils import set_seed
from common import Result, parser, record, setting

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Feature
from alignfreeze.contracts.registry import OBJECTIVE, STRATEGY, TASK, create_plugin
from alignfreeze.data.finding import find_data
from alignfreeze.encoders.loading import load_encoder, load_with_head
from alignfreeze.evaluation import finetuning as finetuning
from alignfreeze.evaluation.prediction import evaluate
from alignfreeze.evaluation.scores import EvaluationSet
from alignfreeze.realignment.phase import realign
from alignfreeze.training.batches import (
    BUFFER_BATCHES,
    FeatureBatch,
    FeatureStream,
    bucketed,
    collate_features,
)
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator, resolve_precision

SENTENCES = 100
"""Of each language's test set."""


class SimilarLengths(FeatureStream):
    """The rows of a stream, sorted by length within 64 batches, whose order is random."""

    def batches(self, start: int) -> Iterator[FeatureBatch]:
        """All batches from the first one on; nothing is resumed here."""
        numbers = range(len(self.features))
        random = np.random.default_rng(self.seed)
        for rows in baseline.in_random_order(numbers, BUFFER_BATCHES * self.batch_size, self.seed):
            lengths = np.array([len(self.features[row].input_ids) for row in rows])
            for chosen in bucketed(lengths, np.zeros_like(lengths), self.batch_size, random):
                yield collate_features(self.features, np.array(rows)[chosen], self.padding)


class Order:
    """An encoder that is realigned once, and fine-tuned again and again."""

    def __init__(self, asked: argparse.Namespace) -> None:
        found = setting(asked)
        self.folder = Path(tempfile.mkdtemp())
        self.config = RunConfig(seed=31, realign_lr=5e-5, finetune_lr=5e-5)
        self.accelerator = make_accelerator(resolve_precision("auto"))
        self.padding = found.tokenizer.pad_token_id or 0
        self.task = create_plugin(TASK, "pos", {})
        set_seed(self.config.seed)
        encoder = load_encoder(found.model)
        realign(
            encoder,
            found.tokenizer,
            found.corpora,
            create_plugin(STRATEGY, "none", {}),
            create_plugin(OBJECTIVE, "contrastive", {}),
            self.config,
            steps=40,
            accelerator=self.accelerator,
            checkpoints=CheckpointFolder(self.folder / "checkpoints", "me"),
            on_loss=lambda record: None,
        )
        encoder.save_pretrained(self.folder)
        found.tokenizer.save_pretrained(self.folder)
        source = find_data(asked.data)

        def features(examples: Sequence[Any]) -> Sequence[Feature]:
            return self.task.featurize(examples, found.tokenizer, self.config.max_length)

        self.features = features(self.task.load(source, "en", "train"))
        tests = {
            code: self.task.load(source, code, "test")[:SENTENCES]
            for code in asked.languages.split(",")
        }
        self.sets = [
            EvaluationSet(code, "test", examples, features(examples))
            for code, examples in tests.items()
        ]

    def accuracy(self, stream: type[FeatureStream], steps: int) -> float:
        """The mean over the languages, in %, after some steps."""
        set_seed(self.config.seed)
        model = load_with_head(str(self.folder), self.task.auto_class, self.task.labels)
        with patch.object(finetuning, "FeatureStream", stream):
            finetuning.finetune(
                model,
                self.features,
                self.config,
                padding=self.padding,
                steps=steps,
                accelerator=self.accelerator,
                checkpoints=CheckpointFolder(self.folder / "checkpoints", "me"),
                on_loss=lambda record: None,
            )
        found = evaluate(
            model,
            self.task,
            self.sets,
            batch_size=128,
            padding=self.padding,
            accelerator=self.accelerator,
        )
        return 100 * statistics.mean(score.value for score in found.scores)


def main() -> None:
    """Measure, and record."""
    arguments = parser(__doc__)
    arguments.add_argument("--steps", default="45,125")
    asked = arguments.parse_args()
    order = Order(asked)
    results = []
    for steps in map(int, asked.steps.split(",")):
        ours, sorted_rows = (order.accuracy(s, steps) for s in (FeatureStream, SimilarLengths))
        results.append(
            Result(
                f"mean accuracy after {steps} steps, %",
                f"{ours:.1f}",
                f"{sorted_rows:.1f} by length",
                ours - sorted_rows,
                note="the ratio is the difference, in points; one seed",
            )
        )
    record("Fine-tuning, rows in random order against rows of similar length", results)


if __name__ == "__main__":
    main()
