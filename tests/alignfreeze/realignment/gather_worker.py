"""Realigns with words of all processes, of which there are two: ``gather_worker.py FOLDER``.

Each process leaves its parameters and losses in FOLDER, named by its number, for each case. They
are forked, so that they need not import all.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import nn

from alignfreeze.contracts import Objective
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import EncodedPair, EncodedSide, PairBatch, collate_pairs
from alignfreeze.realignment.pretrained import Pretrained
from alignfreeze.testing import tiny_encoder
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator
from alignfreeze.training.loop import train
from alignfreeze.training.plan import TrainingPlan
from alignfreeze_objectives.contrastive import Contrastive
from alignfreeze_objectives.distance import Distance
from alignfreeze_objectives.sentence import Sentence

CASES: dict[str, tuple[Objective, bool]] = {
    "contrastive": (Contrastive(), True),
    "weak": (Contrastive(negatives="weak", stop_gradient="source"), True),
    "distance": (Distance(), True),
    "sentence": (Sentence(), True),
    "distance apart": (Distance(), False),
}
"""By name: the objective, and whether words of all processes are gathered."""

PLAN = TrainingPlan(
    phase="gathering",
    unit="pairs",
    steps=3,
    learning_rate=1e-3,
    warmup_steps=None,
    accumulation=1,
    checkpoint_steps=9,
)


def pairs_of(number: int, *, linked: bool) -> list[EncodedPair]:
    """Three sentence pairs; unless said otherwise, those of the second batch have no links."""
    random = np.random.default_rng(number)

    def side(n_words: int) -> EncodedSide:
        ids = [3, *random.integers(5, 60, n_words), 4]
        places = np.arange(1, n_words + 1, dtype=np.int32)
        return EncodedSide(np.array(ids, dtype=np.int32), places, n_words)

    links = np.array(
        [] if number == 1 and not linked else [(0, 1), (1, 0)], dtype=np.int64
    ).reshape(-1, 2)
    sizes = random.integers(2, 7, (3, 2))
    return [EncodedPair(side(int(m)), side(int(n)), links) for m, n in sizes]


class Stream:
    """Batches of three pairs; or in one process the same, so many of them as one."""

    def __init__(self, objective: Objective, together: int, *, linked: bool) -> None:
        self.objective = objective
        self.together = together
        self.linked = linked

    def batches(self, start: int) -> Iterator[PairBatch]:
        for number in count(start):
            parts = range(number * self.together, (number + 1) * self.together)
            yield self.batch(
                [pair for part in parts for pair in pairs_of(part, linked=self.linked)]
            )

    def batch(self, pairs: Sequence[EncodedPair]) -> PairBatch:
        return collate_pairs(pairs, 0, objective=self.objective)


def main(folder: Path, together: int = 1) -> None:
    accelerator = make_accelerator("fp32")
    for name, (objective, gather) in CASES.items():
        encoder = tiny_encoder(n_layers=2).double()
        for module in encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        before = Pretrained(encoder, accelerator.device) if objective.needs_pretrained else None
        torch.manual_seed(0)
        several = accelerator.num_processes > 1
        model = RealignmentModel(
            encoder,
            objective,
            layers=(0, -1),
            projection=5,
            temperature=0.3,
            pretrained=before,
            gather=gather and several,
        ).double()
        checkpoints = CheckpointFolder(folder / "checkpoints" / name, "me")
        stream = Stream(objective, together, linked=not gather)
        result = train(model, stream, PLAN, accelerator, checkpoints=checkpoints, resume=False)
        found = dict(model.named_parameters()), [loss for _, loss in result.losses]
        torch.save(found, folder / f"{name}-{accelerator.process_index}.pt")
    accelerator.end_training()


if __name__ == "__main__":
    children = []
    for rank in ("0", "1"):
        if child := os.fork():
            children.append(child)
        else:
            os.environ |= {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2"}
            main(Path(sys.argv[1]))
            sys.exit()
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
