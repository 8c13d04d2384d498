"""What is not run because nothing reads it: padding, the top layer beside the words, layers above.

    python benchmarks/unread.py [--data DIR --model DIR --languages de,fr --rounds 5]

Each way trains on the same batches in turn, step by step, so that what else the machine does slows
both. Fine-tuning needs no data: encoders of 6 layers of random weights, of several families, and
tagged sentences of real lengths.
"""

import argparse
import copy
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate import Accelerator
from common import Result, parser, record, setting
from synthetic import Synthetic

from alignfreeze.config import RunConfig
from alignfreeze.contracts.registry import OBJECTIVE, STRATEGY, create_plugin
from alignfreeze.encoders.families import hidden_size, layer_count
from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.encoders.sections import EncoderSection
from alignfreeze.encoders.top_layer import up_to
from alignfreeze.encoders.vocabulary import compact_vocabulary
from alignfreeze.evaluation.finetuning import TaskModel
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import PairBatch, PairStream
from alignfreeze.training.acceleration import fast_dropout, unread_masks
from alignfreeze.training.batches import FeatureBatch, FeatureStream
from alignfreeze.training.devices import make_accelerator, resolve_precision
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze.training.packing import Packer

STEPS = 8
"""In a round."""
FAMILIES = ("XLM-R", "mmBERT", "mDeBERTa")

Step = Callable[[Any], None]


@dataclass(frozen=True)
class Way:
    """How an encoder is run: packed, at words alone in its top layer, without layers above it."""

    packed: bool = True
    words: bool = True
    cut: bool = True


WHOLE = Way(packed=False, words=False, cut=False)


class Realigning:
    """An encoder, and batches of pairs, padded and packed."""

    def __init__(self, asked: argparse.Namespace) -> None:
        found = setting(asked)
        self.config = config = RunConfig()
        self.encoder = load_encoder(found.model)
        self.accelerator = make_accelerator(resolve_precision("auto"))
        stream = PairStream(
            found.corpora,
            found.tokenizer,
            batch_size=config.realign_batch_size,
            max_length=config.realign_max_length,
            mix=config.language_mix,
            seed=config.seed,
        )
        n_batches = STEPS * asked.rounds
        self.ids = stream.vocabulary(n_batches)
        self.padded = list(itertools.islice(stream.batches(0), n_batches))
        with packed_layers(copy.deepcopy(self.encoder)) as packed:
            stream.packer = None if packed is None else packed.packer
        self.packed = list(itertools.islice(stream.batches(0), n_batches))

    def batches(self, way: Way, *, fed: bool) -> list[PairBatch]:
        """The batches, with states of the encoder's middle if they are fed."""
        found = self.packed if way.packed else self.padded
        width = hidden_size(self.encoder)
        return [
            replace(batch, states=torch.randn(*batch.input_ids.shape, width) if fed else None)
            for batch in found
        ]

    @contextmanager
    def step(self, way: Way, *, layer: int = -1, front: bool = False) -> Iterator[Step]:
        """What takes a step; with ``front`` of the upper half alone, from states."""
        encoder = copy.deepcopy(self.encoder)
        n_layers = layer_count(encoder)
        name, args = ("front", {"embeddings": True}) if front else ("none", {})
        section = EncoderSection(encoder, n_layers // 2, n_layers) if front else None
        run = section.encoder if section else encoder
        with ExitStack() as stack:
            stack.enter_context(frozen(encoder, create_plugin(STRATEGY, name, args)))
            stack.enter_context(compact_vocabulary(encoder, self.ids))
            packed = stack.enter_context(packed_layers(run)) if way.packed else None
            top = stack.enter_context(up_to(run, n_layers + layer)) if way.cut else None
            model = RealignmentModel(
                section or encoder,
                create_plugin(OBJECTIVE, "contrastive", {}),
                layers=(layer,),
                projection=self.config.projection,
                temperature=self.config.temperature,
                packed=packed,
                top=top if way.words else None,
            )
            yield stepping(model, self.accelerator)

    def rounds(self, ours: Way, other: Way, *, layer: int = -1, front: bool = False) -> list[float]:
        """How many times as fast one way is as another, in each round."""
        with (
            self.step(ours, layer=layer, front=front) as one,
            self.step(other, layer=layer, front=front) as two,
        ):
            return in_turn_by_step(
                (one, self.batches(ours, fed=front)), (two, self.batches(other, fed=front))
            )


def stepping(model: torch.nn.Module, accelerator: Accelerator) -> Step:
    """Forward, backward, and Adam."""
    trained = [p for p in model.train().parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=2e-5, fused=True)

    def step(batch: Any) -> None:
        with accelerator.autocast():
            loss = model(batch)
        (loss / batch.weight).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def in_turn_by_step(*sides: tuple[Step, Sequence[Any]]) -> list[float]:
    """The second side's time over the first one's, in each round of `STEPS` batches."""
    seconds: list[list[float]] = [[], []]
    with fast_dropout(torch.device("cpu")), unread_masks():
        for number in range(len(sides[0][1])):
            for taken, (step, batches) in zip(seconds, sides, strict=True):
                began = time.perf_counter()
                step(batches[number])
                taken.append(time.perf_counter() - began)
    # The first step makes the optimizer's moments.
    begins = range(0, len(seconds[0]), STEPS)
    rounds = [slice(max(1, begin), begin + STEPS) for begin in begins]
    return [sum(seconds[1][own]) / sum(seconds[0][own]) for own in rounds]


def finetuning_rounds(name: str, n_rounds: int, accelerator: Accelerator) -> list[float]:
    """How many times as fast fine-tuning is packed, for an encoder of a family."""
    made = Synthetic(name, tiny=False, small=True)

    def batches(packer: Packer | None) -> list[FeatureBatch]:
        stream = FeatureStream(made.features, 32, made.padding, seed=0, packer=packer)
        return list(itertools.islice(stream.batches(0), STEPS * n_rounds))

    models = made.tagger(), made.tagger()
    with packed_layers(models[0]) as layers:
        assert layers is not None
        packed, padded = batches(layers.packer), batches(None)
        one = stepping(TaskModel(models[0], layers), accelerator)
        two = stepping(TaskModel(models[1]), accelerator)
        return in_turn_by_step((one, packed), (two, padded))


def line(what: str, rounds: Sequence[float]) -> Result:
    """A line of the table, of ratios alone."""
    result = Result(what, "", "", statistics.median(rounds), rounds=rounds)
    print(f"{what}: {result.spread}", flush=True)
    return result


def main() -> None:
    """Measure, and record."""
    asked = parser(__doc__).parse_args()
    pairs = Realigning(asked)
    results = [
        line("realignment: all of these", pairs.rounds(Way(), WHOLE)),
        line("realignment: packed", pairs.rounds(replace(WHOLE, packed=True), WHOLE)),
        line(
            "realignment: top layer at words alone",
            pairs.rounds(replace(WHOLE, words=True, cut=True), WHOLE),
        ),
        line(
            "realignment of layer -4: layers above are not run",
            pairs.rounds(replace(WHOLE, cut=True), WHOLE, layer=-4),
        ),
        line(
            "realignment, `front` from cached states: all of these",
            pairs.rounds(Way(), WHOLE, front=True),
        ),
        *(
            line(
                f"fine-tuning, 32 rows, 6 layers of {name}'s family: packed",
                finetuning_rounds(name, asked.rounds, pairs.accelerator),
            )
            for name in FAMILIES
        ),
    ]
    record("What nothing reads, and is not run", results)


if __name__ == "__main__":
    main()
