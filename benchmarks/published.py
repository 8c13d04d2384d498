"""Seconds of a step of the published experiment, by encoder, phase and precision, on this device.

    python benchmarks/published.py [--models DistilmBERT,mBERT,XLM-R --steps 60 --output FILE]

Random weights of the real sizes and made-up text of real lengths: no data, model, network or
MLflow is needed. Realignment takes 16 pairs a step and fine-tuning 32 rows: tagged sentences, or
rows of 40 and of 96 subwords, as pairs of NLI and windows of QA have. docs/paper.md turns the
numbers into hours of the whole grid.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import torch
import transformers
from gpu_timing import GPU, Measured
from gpu_training import Bench
from synthetic import Synthetic

from alignfreeze.contracts.registry import STRATEGY, create_plugin
from alignfreeze.training.devices import Precision, device_text

STRATEGIES = ("none", "front", "back")
LENGTHS = {"tagged sentences": None, "rows of 40": 40, "rows of 96": 96}
"""Subwords of a row in fine-tuning; ``None``: as those of `Synthetic` are."""


@dataclass(frozen=True)
class Line:
    """What some steps came to: milliseconds of one, and GiB of the GPU at most."""

    model: str
    precision: Precision
    what: str
    milliseconds: float
    gib: float


def measured(name: str, precision: Precision, steps: int, *, tiny: bool) -> Iterator[Line]:
    """All lines of an encoder in one precision."""

    def line(what: str, call: Callable[[Bench], Measured], length: int | None = None) -> Line:
        found = call(Bench(Synthetic(name, tiny=tiny, row_length=length), precision))
        return Line(name, precision, what, round(1000 * found.step, 2), round(found.gib, 2))

    for strategy in STRATEGIES:
        plugin = create_plugin(STRATEGY, strategy, {})
        yield line(
            f"realignment, {strategy}",
            lambda bench: bench.realign(steps, strategy=plugin),  # noqa: B023
        )
    for what, length in LENGTHS.items():
        yield line(f"fine-tuning, {what}", lambda bench: bench.finetune(steps), length)


def main() -> None:
    """Measure, print and write."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--models", default="DistilmBERT,mBERT,XLM-R")
    asked.add_argument("--steps", type=int, default=60)
    asked.add_argument("--output", type=Path, help="JSON file to write")
    asked.add_argument("--tiny", action="store_true", help="encoders as small as they can be")
    given = asked.parse_args()
    lines: list[Line] = []
    print("| encoder | precision | what | ms a step | GiB |\n|---|---|---|---|---|")
    for name in given.models.split(","):
        for precision in Precision.__args__:  # type: ignore[attr-defined]
            for line in measured(name, precision, given.steps, tiny=given.tiny):
                lines.append(line)
                cells = [line.model, line.precision, line.what, f"{line.milliseconds:,.1f}"]
                print(f"| {' | '.join(cells)} | {line.gib:.1f} |", flush=True)
    device = device_text(Bench(Synthetic("mBERT", tiny=True)).accelerator)
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    facts = {"device": device, "versions": versions, "date": date.today().isoformat()}
    print(f"\n{device}, {versions}" + ("" if GPU else ", no GPU"))
    if given.output:
        found = {**facts, "lines": [asdict(line) for line in lines]}
        given.output.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
