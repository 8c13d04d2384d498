"""Realignment, fine-tuning and prediction as a careful user writes them with transformers' Trainer.

It is the second opponent, the strongest that is written in an afternoon: bf16 where we compute in
it, fused AdamW, rows of similar length together, padding to the longest of a batch, PyTorch's
attention, a loss without a loop. What would slow it down is left out: clipping of gradients, and
waits for the device. It computes what AlignFreeze computes, which a test holds; `baseline.py` is
the first, plain opponent.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_pt_utils import LengthGroupedSampler, get_length_grouped_indices

from alignfreeze.contracts import Feature
from alignfreeze.encoders.accelerator import attention_of_any_shape
from alignfreeze.realignment.model import projection_head
from alignfreeze.realignment.pairs import EncodedPair, collate_pairs
from alignfreeze.text.words import IGNORED_LABEL
from alignfreeze.training.batches import collate_features
from alignfreeze.training.devices import Precision, lent_accelerator

Strategy = Literal["random", "group_by_length"]
"""The order of rows, as the Trainer's option ``train_sampling_strategy`` calls it."""

LARGEST_GROUP = 50
"""Batches whose rows are sorted by length together, of a large data set, by the Trainer."""


class TrainerRealignment(nn.Module):
    """An encoder and its projection head; called with a batch it returns the loss."""

    def __init__(
        self, encoder: PreTrainedModel, *, projection: int = 128, temperature: float = 0.1
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = projection_head(encoder.config.hidden_size, projection)
        self.temperature = temperature

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        word_positions: Tensor,
        anchors: Tensor,
        positives: Tensor,
    ) -> dict[str, Tensor]:
        """The mean loss of the aligned words of both sides."""
        states = self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state
        words = F.normalize(self.head(states.flatten(0, 1)[word_positions]).float(), dim=-1)
        similarities = words[anchors] @ words.T / self.temperature
        itself = F.one_hot(anchors, len(words)).bool()
        loss = F.cross_entropy(similarities.masked_fill(itself, -torch.inf), positives)
        return {"loss": loss}


@dataclass(frozen=True)
class PairCollator:
    """Makes a batch of tokenized sentence pairs."""

    padding: int

    def __call__(self, pairs: Sequence[EncodedPair]) -> dict[str, Tensor]:
        """What `TrainerRealignment` is called with."""
        batch = vars(collate_pairs(pairs, self.padding))
        names = ("input_ids", "attention_mask", "word_positions", "anchors", "positives")
        return {name: batch[name] for name in names}


@dataclass(frozen=True)
class RowCollator:
    """Makes a batch of rows for a model with a task head."""

    padding: int

    def __call__(self, rows: Sequence[Feature]) -> dict[str, Tensor]:
        """What the model is called with."""
        batch = collate_features(rows, np.arange(len(rows)), self.padding)
        return {**batch.inputs, **batch.targets}


class Grouped(LengthGroupedSampler):
    """Sorts the rows that there are as the Trainer sorts as many of a large data set.

    Of few rows it would sort but a quarter at a time, and pad more.
    """

    def __iter__(self) -> Iterator[int]:
        """The rows, longest first."""
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, LARGEST_GROUP))


class CarefulTrainer(Trainer):
    """A Trainer that is told how long its rows are, and takes the time of a training."""

    def __init__(self, lengths: Sequence[int], **options: Any) -> None:
        self.lengths = list(lengths)
        self.seconds = 0.0
        super().__init__(**options)
        self.remove_callback(PrinterCallback)
        self.add_callback(_Clock(self))

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy == "random":
            return super()._get_train_sampler(train_dataset)
        return Grouped(self.args.train_batch_size, lengths=self.lengths)

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        return Grouped(self.args.eval_batch_size, lengths=self.lengths)


class _Clock(TrainerCallback):
    """Takes the time from the first step to the end of the last one."""

    def __init__(self, trainer: CarefulTrainer) -> None:
        self.trainer = trainer
        self.began = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self.began = _now()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Stop it."""
        self.trainer.seconds = _now() - self.began


def _now() -> float:
    """The time at which the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def careful_trainer(
    model: nn.Module,
    rows: Sequence[Any],
    lengths: Sequence[int],
    collate: Callable[[Any], dict[str, Tensor]],
    *,
    folder: str,
    batch_size: int,
    precision: Precision,
    strategy: Strategy = "group_by_length",
    schedule: Literal["constant", "linear"] = "constant",
    seed: int = 0,
) -> CarefulTrainer:
    """A Trainer of one pass over some rows.

    The model returns its loss, as models with a task head do; ``lengths`` are those of the rows, in
    subwords; a linear schedule has a tenth of the steps as warm-up.
    """
    on_gpu = torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=folder,
        num_train_epochs=1,
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=batch_size,
        learning_rate=2e-5,
        lr_scheduler_type=schedule,
        warmup_steps=0.1 if schedule == "linear" else 0,
        optim="adamw_torch_fused",
        weight_decay=0.0,
        max_grad_norm=0.0,
        bf16=precision == "bf16",
        train_sampling_strategy=strategy,
        remove_unused_columns=False,
        dataloader_num_workers=4 if on_gpu else 0,  # there are few cores beside those that compute
        dataloader_pin_memory=on_gpu,
        use_cpu=not on_gpu,
        logging_steps=10,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=seed,
    )
    return CarefulTrainer(
        lengths,
        model=model,
        args=arguments,
        train_dataset=rows,
        data_collator=collate,
        preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(dim=-1),
    )


@contextmanager
def lent_trainer(
    model: nn.Module, rows: Sequence[Any], lengths: Sequence[int], **options: Any
) -> Iterator[CarefulTrainer]:
    """A Trainer whose accelerator leaves that of this process as it is, and with a folder."""
    with (
        lent_accelerator(options["precision"]),
        TemporaryDirectory() as folder,
        attention_of_any_shape(),
    ):
        yield careful_trainer(model, rows, lengths, folder=folder, **options)


def train_rate(
    model: nn.Module, rows: Sequence[Any], lengths: Sequence[int], **options: Any
) -> float:
    """Rows a second in one pass over them; the options are those of `careful_trainer`."""
    with lent_trainer(model, rows, lengths, **options) as trainer:
        trainer.train()
    return len(rows) / trainer.seconds


def realign_rate(
    encoder: PreTrainedModel,
    pairs: Sequence[EncodedPair],
    *,
    padding: int,
    precision: Precision,
    strategy: Strategy = "group_by_length",
    seed: int = 0,
) -> float:
    """Sentence pairs a second in a realignment, 16 a step."""
    return train_rate(
        TrainerRealignment(encoder),
        pairs,
        [pair.length for pair in pairs],
        collate=PairCollator(padding),
        batch_size=16,
        precision=precision,
        strategy=strategy,
        seed=seed,
    )


def finetune_rate(
    model: PreTrainedModel,
    rows: Sequence[Feature],
    *,
    padding: int,
    precision: Precision,
    strategy: Strategy = "group_by_length",
    seed: int = 0,
) -> float:
    """Rows a second in a fine-tuning, 32 a step."""
    return train_rate(
        model,
        rows,
        [len(row.input_ids) for row in rows],
        collate=RowCollator(padding),
        batch_size=32,
        precision=precision,
        strategy=strategy,
        schedule="linear",
        seed=seed,
    )


@dataclass(frozen=True)
class Predicted:
    """What came of a prediction: rows a second, and the fraction of words whose tag is right."""

    rate: float
    accuracy: float


def predict(
    model: PreTrainedModel,
    rows: Sequence[Feature],
    *,
    padding: int,
    precision: Precision,
    batch_size: int,
) -> Predicted:
    """Predict the tags of rows, those of similar length together."""
    lengths = [len(row.input_ids) for row in rows]
    options: Any = {"collate": RowCollator(padding), "batch_size": batch_size}
    with lent_trainer(model, rows, lengths, precision=precision, **options) as trainer:
        began = _now()
        output: Any = trainer.predict(cast("Any", rows))
        seconds = _now() - began
    counted = output.label_ids != IGNORED_LABEL
    right = output.predictions[counted] == output.label_ids[counted]
    return Predicted(len(rows) / seconds, float(right.mean()))
