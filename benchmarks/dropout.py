"""What masks of dropout from fewer random bits are worth in a step of realignment, on a CPU.

Usage:
    python benchmarks/dropout.py [--data DIR --model DIR --languages de,fr --rounds 3]

A round is a number of steps with them and as many without, on the same batches in turn.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext

import torch
from common import compared, in_turn, parser, record, setting

from alignfreeze.config import RunConfig
from alignfreeze.contracts.registry import OBJECTIVE, create_plugin
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.encoders.vocabulary import compact_vocabulary
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import PairStream
from alignfreeze.training.acceleration import fast_dropout, unread_masks
from alignfreeze.training.devices import make_accelerator, resolve_precision

STEPS = 16
"""In a round, of each side."""


def main() -> None:
    """Measure, and record."""
    asked = parser(__doc__).parse_args()
    chosen, config = setting(asked), RunConfig()
    accelerator = make_accelerator(resolve_precision("auto"))
    encoder = load_encoder(chosen.model)
    stream = PairStream(
        chosen.corpora,
        chosen.tokenizer,
        batch_size=config.realign_batch_size,
        max_length=config.realign_max_length,
        mix=config.language_mix,
        seed=config.seed,
    )
    with compact_vocabulary(encoder, stream.vocabulary(STEPS)), unread_masks():
        model = RealignmentModel(
            encoder,
            create_plugin(OBJECTIVE, "contrastive", {}),
            layers=config.layer,
            projection=config.projection,
            temperature=config.temperature,
        ).train()
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=config.realign_lr, fused=True)
        batches = [batch for _, batch in zip(range(STEPS), stream.batches(0), strict=False)]

        def rate(fast: bool) -> Callable[[int], float]:
            def measure(number: int) -> float:
                began = time.perf_counter()
                with fast_dropout(accelerator.device) if fast else nullcontext():
                    for batch in batches:
                        with accelerator.autocast():
                            loss = model(batch)
                        (loss / batch.weight).backward()
                        optimizer.step()
                        optimizer.zero_grad()
                return sum(batch.size for batch in batches) / (time.perf_counter() - began)

            return measure

        rate(True)(0)  # warms up
        rates = in_turn(max(asked.rounds, 5), {"fast": rate(True), "plain": rate(False)})
    record(
        "Masks of dropout from 16 random bits",
        [compared("pairs/s of realignment", rates["fast"], rates["plain"], ">= 1.05")],
    )


if __name__ == "__main__":
    main()
