"""What joint training is tried on: a tagger, its rows, and sentence pairs.

As a program, ``joint_toys.py FOLDER ACCUMULATION``, it trains in one of several processes; each
leaves its parameters in FOLDER, named by its number.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForTokenClassification

from alignfreeze.contracts import Feature
from alignfreeze.evaluation.finetuning import TaskModel
from alignfreeze.evaluation.joint import JointModel, JointStream
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import EncodedPair, EncodedSide, PairBatch, collate_pairs
from alignfreeze.testing import tiny_encoder
from alignfreeze.text.words import IGNORED_LABEL
from alignfreeze.training.batches import FeatureStream
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord
from alignfreeze.training.devices import make_accelerator
from alignfreeze.training.loop import train
from alignfreeze.training.plan import Beside, TrainingPlan
from alignfreeze_objectives.contrastive import Contrastive

STEPS, RATE, WEIGHT, PAIRS, ROWS = 4, 0.01, 0.3, 3, 4

FACTORS = {
    "embeddings.word_embeddings.weight": (0.5,),
    "encoder.layer.0.attention.self.query.weight": (0.0,),
    "encoder.layer.0.output.dense.weight": (0.0,) * 50 + (1.0,) * 50,
    "of another family": (0.0,),
}


def tagger() -> torch.nn.Module:
    """A tiny encoder with a head for two labels, and no dropout; in 64 bits.

    In 32 Adam would make much of the rounding of gradients that should be 0.
    """
    config = tiny_encoder(n_layers=2).config
    config.num_labels = 2
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForTokenClassification.from_config(config).double()


def tagging_rows(n: int) -> list[Feature]:
    """Rows of 3 to 10 subwords between two others; a subword's label is its id's parity."""
    random = np.random.default_rng(0)
    rows = []
    for example in range(n):
        ids = random.integers(5, 60, random.integers(3, 11)).tolist()
        labels = [IGNORED_LABEL, *(number % 2 for number in ids), IGNORED_LABEL]
        rows.append(Feature([3, *ids, 4], {"labels": labels}, example))
    return rows


def encoded_pairs(number: int) -> list[EncodedPair]:
    """Sentence pairs of a batch; the last of every third has no link."""
    random = np.random.default_rng([1, number])

    def side() -> EncodedSide:
        n_words = random.integers(2, 6)
        ids = np.array([3, *random.integers(5, 60, n_words), 4], dtype=np.int32)
        return EncodedSide(ids, np.arange(1, n_words + 1, dtype=np.int32), n_words)

    links = [np.array([[0, 1], [1, 0]])] * (PAIRS - 1)
    links += [np.array([[0, 0]] if number % 3 else [], dtype=np.int64).reshape(-1, 2)]
    return [EncodedPair(side(), side(), own) for own in links]


@dataclass
class Pairs:
    """Batches of sentence pairs by their numbers."""

    def batches(self, start: int) -> Iterator[PairBatch]:
        while True:
            yield collate_pairs(encoded_pairs(start), 0)
            start += 1


def rows() -> FeatureStream:
    return FeatureStream(tagging_rows(50), batch_size=ROWS, padding=0, seed=5)


def realignment_of(model: torch.nn.Module) -> RealignmentModel:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return RealignmentModel(
            model.base_model, Contrastive(), layers=(-1,), projection=5, temperature=0.3
        ).double()


def trained(
    folder: Path, *, step_batches: int, accumulation: int, accelerator, **changes
) -> tuple[dict[str, torch.Tensor], list[list[LossRecord]]]:
    """The parameters after joint training, and the records of the task's and the other loss."""
    model = tagger()
    realignment = realignment_of(model)
    joint = JointModel(TaskModel(model), realignment, FACTORS)
    values = {"checkpoint_steps": 100} | changes
    plan = TrainingPlan(
        phase="toy",
        unit="rows",
        steps=STEPS,
        learning_rate=RATE,
        warmup_steps=None,
        accumulation=accumulation,
        beside=Beside("realignment", "pairs", WEIGHT),
        **values,
    )
    records: list[list[LossRecord]] = [[], []]
    with joint.scaled_gradients(model.base_model):
        train(
            joint,
            JointStream(Pairs(), rows(), step_batches, STEPS),
            plan,
            accelerator,
            checkpoints=CheckpointFolder(folder / "checkpoints", "toy"),
            resume=False,
            on_loss=records[0].append,
            on_beside=records[1].append,
        )
    parameters = dict(model.named_parameters()) | dict(realignment.heads.named_parameters())
    return {name: parameter.detach() for name, parameter in parameters.items()}, records


def main(folder: Path, accumulation: int) -> None:
    accelerator = make_accelerator("fp32")
    parameters, _ = trained(
        folder,
        step_batches=accumulation * accelerator.num_processes,
        accumulation=accumulation,
        accelerator=accelerator,
    )
    assert accelerator.num_processes == 2
    torch.save(parameters, folder / f"{accelerator.process_index}.pt")
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
