"""Realignment with batches that a thread makes ahead, against making each when it is taken.

    python benchmarks/ahead.py [--data DIR --model DIR --languages de,fr --rounds 3]

No sentence pair is remembered, so that all are tokenized as beyond 200,000: those of 64 batches at
a time, which the loop waits for unless a thread did it before. The encoder is small, as a device
that is fast makes a large one; the order, and what is learnt, are the same to the bit.
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import torch
from common import Setting, compared, in_turn, parser, setting
from step_overhead import pair_stream
from transformers import AutoConfig, AutoModel

from alignfreeze.contracts.registry import OBJECTIVE, create_plugin
from alignfreeze.encoders.vocabulary import compact_vocabulary
from alignfreeze.realignment import pairs
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator, resolve_precision
from alignfreeze.training.loop import train
from alignfreeze.training.plan import AHEAD, TrainingPlan

STEPS = 192
"""In a round: those of three buffers."""


def realigned(found: Setting, layers: int, number: int, *, ahead: int) -> float:
    """Pairs a second of some steps of an encoder of so many layers."""
    config = AutoConfig.from_pretrained(found.model, num_hidden_layers=layers)
    torch.manual_seed(number)
    encoder = AutoModel.from_config(config)
    stream = pair_stream(found, number)
    ids = stream.vocabulary(STEPS)
    stream.remembered.clear()
    model = RealignmentModel(
        encoder,
        create_plugin(OBJECTIVE, "contrastive", {}),
        layers=(-1,),
        projection=128,
        temperature=0.1,
    )
    plan = TrainingPlan("realignment", "pairs", STEPS, 2e-5, None, 1, STEPS, ahead)
    accelerator = make_accelerator(resolve_precision("auto"))
    checkpoints = CheckpointFolder(Path(tempfile.mkdtemp()), "me")
    with (
        compact_vocabulary(encoder, ids),
        mock.patch.object(pairs, "REMEMBERED_PAIRS", 0),
    ):
        result = train(model, stream, plan, accelerator, checkpoints=checkpoints, resume=False)
    return result.per_second


def asked_for() -> argparse.Namespace:
    """What the command line asks for."""
    arguments = parser(__doc__)
    arguments.add_argument("--layers", type=int, default=1, help="of the encoder")
    return arguments.parse_args()


def main() -> None:
    """Measure, and print."""
    asked = asked_for()
    found = setting(asked)
    sides: dict[str, Callable[[int], float]] = {
        name: partial(realigned, found, asked.layers, ahead=ahead)
        for name, ahead in (("made ahead", AHEAD), ("made when taken", 0))
    }
    rates = in_turn(asked.rounds, sides)
    ahead, when_taken = rates.values()
    line = compared("pairs/s", ahead, when_taken)
    print(f"{line.what}: {line.ours} made ahead, {line.baseline} when taken: {line.spread}")


if __name__ == "__main__":
    main()
