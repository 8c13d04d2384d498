"""What a step of realignment costs beside the bare encoder and its optimizer.

The same batches go in turn through ours and through an encoder that is run forward and backward
with the same optimizer and nothing else.
"""

import copy
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from common import Setting

from alignfreeze.contracts.registry import OBJECTIVE, create_plugin
from alignfreeze.encoders.vocabulary import compact_vocabulary
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import PairBatch, PairStream
from alignfreeze.training.acceleration import unread_masks
from alignfreeze.training.batches import Batch
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.loop import train
from alignfreeze.training.plan import TrainingPlan

if TYPE_CHECKING:
    from transformers import PreTrainedModel

OVERHEAD = 32
"""Steps in a round."""


def pair_stream(setting: Setting, number: int) -> PairStream:
    """The batches of a realignment of ours."""
    return PairStream(
        setting.corpora,
        setting.tokenizer,
        batch_size=16,
        max_length=96,
        mix="proportional",
        seed=number,
    )


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


def overhead(
    encoder: "PreTrainedModel",
    setting: Setting,
    accelerator: Accelerator,
    folder: Path,
    number: int,
) -> tuple[float, float]:
    """Seconds of a step of ours, and of a bare one, on the same batches: medians of the round."""
    model = RealignmentModel(
        copy.deepcopy(encoder),
        create_plugin(OBJECTIVE, "contrastive", {}),
        layers=(-1,),
        projection=128,
        temperature=0.1,
    )
    other = copy.deepcopy(encoder)
    stream = pair_stream(setting, number)
    # The bare encoder has each batch between two steps of ours, so that none is made ahead.
    plan = TrainingPlan("overhead", "pairs", OVERHEAD, 2e-5, None, 1, 1000, ahead=0)
    ids = stream.vocabulary(OVERHEAD)
    with compact_vocabulary(model.encoder, ids), compact_vocabulary(other, ids), unread_masks():
        turns = InTurn(stream, Bare(other, accelerator))
        checkpoints = CheckpointFolder(folder, "me")
        train(model, turns, plan, accelerator, checkpoints=checkpoints, resume=False)
    # The first step makes the optimizer's moments; the last one's time is not taken.
    differences = [a - b for a, b in zip(turns.ours[1:], turns.theirs[1:], strict=False)]
    bare = statistics.median(turns.theirs[1:])
    return bare + statistics.median(differences), bare
