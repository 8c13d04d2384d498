"""What the order of batches does to fine-tuning: bucketed by length against random, step for step.

    python benchmarks/order.py [--data DIR --model DIR --languages de,fr --steps 45,125]

One encoder is realigned, then fine-tuned as a run does it: the same head, rate and precision, and
rows of similar length in a batch, or rows in random order.
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

from alignfreeze import finetune as finetuning
from alignfreeze.batching import FeatureBatch, FeatureStream, collate_features
from alignfreeze.checkpoints import CheckpointFolder
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Feature
from alignfreeze.encoders import load_encoder, load_with_head
from alignfreeze.evaluate import EvaluationSet, evaluate
from alignfreeze.realign import realign
from alignfreeze.registry import STRATEGY, TASK, create_plugin
from alignfreeze.sources import find_data
from alignfreeze.training import make_accelerator, resolve_precision

SENTENCES = 100
"""Of each language's test set."""


class RandomOrder(FeatureStream):
    """The rows of a stream without a look at their lengths."""

    def batches(self, start: int) -> Iterator[FeatureBatch]:
        """All batches from the first one on; nothing is resumed here."""
        numbers = range(len(self.features))
        for rows in baseline.in_random_order(numbers, self.batch_size, self.seed):
            yield collate_features(self.features, np.array(rows), self.padding)


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
        scores = evaluate(
            model,
            self.task,
            self.sets,
            batch_size=128,
            padding=self.padding,
            accelerator=self.accelerator,
        )
        return 100 * statistics.mean(score.value for score in scores)


def main() -> None:
    """Measure, and record."""
    arguments = parser(__doc__)
    arguments.add_argument("--steps", default="45,125")
    asked = arguments.parse_args()
    order = Order(asked)
    results = []
    for steps in map(int, asked.steps.split(",")):
        bucketed, random = (order.accuracy(s, steps) for s in (FeatureStream, RandomOrder))
        results.append(
            Result(
                f"mean accuracy after {steps} steps, %",
                f"{bucketed:.1f}",
                f"{random:.1f} in random order",
                bucketed - random,
                note="the ratio is the difference, in points; one seed",
            )
        )
    record("Fine-tuning, rows of similar length against random order", results)


if __name__ == "__main__":
    main()
