"""Training on a GPU: ours against the plain way, the bare encoder, and the card's own rate.

    python benchmarks/gpu.py [--models mBERT,XLM-R,mmBERT --output DIR]

It needs no data, no model, no network and no MLflow, and on an H100 less than eight minutes.
Without a GPU tiny encoders show that it works; their numbers mean nothing.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
import transformers
from gpu_timing import GPU, Measured, synchronize
from gpu_training import Bench
from synthetic import DEVICE, Synthetic

from alignfreeze.contracts.registry import STRATEGY, create_plugin
from alignfreeze.errors import ResourceError

FOLDER = Path(__file__).resolve().parent
STEPS = 100 if GPU else 4
NOTES = """\
Rates are of pairs (realignment) or rows (fine-tuning); ours compute in bf16. The plain way is
`benchmarks/baseline.py` on the same device, in float32, as it is written, and in bf16. The Trainer
is `benchmarks/trainer.py`: bf16, fused AdamW, rows of similar length together. The bare
encoder is run forward and backward, and its optimizer, on batches that lie on the GPU, in bf16.
"of the card" is 6 operations a weight of a matrix and subword, padding not counted, over the
measured rate of products of bf16 matrices. Making batches is a part of the time of a step, in which
a thread makes them while earlier ones are computed.

Sparing memory: `loss_block=256` and `activation_checkpointing=true`.

CUDA graphs (`compile` with `reduce-overhead`) are not offered: each shape of a batch is a graph of
its own. What they would give is measured of the bare encoder, on batches of one shape."""


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        model: The encoder.
        what: What was measured.
        measured: What came of it; ``None`` if memory did not suffice.
        against: The same rate of what it is compared with; 0 for none.
        use: The part of the card's rate that the model's own operations take; 0: not known.
    """

    model: str
    what: str
    measured: Measured | None
    against: float = 0.0
    use: float = 0.0

    def row(self) -> str:
        """Markdown."""
        found = self.measured
        if found is None:
            return f"| {self.model} | {self.what} | out of memory | | | | | | |"
        cells = [
            self.model,
            self.what,
            f"{found.rate:,.0f}",
            f"{1000 * found.step:,.1f}",
            f"{self.against:,.0f}" if self.against else "",
            f"{found.rate / self.against:.2f}" if self.against else "",
            f"{100 * self.use:.1f} %" if self.use else "",
            f"{found.gib:.1f}",
            f"{100 * found.making:.0f} %" if found.making else "",
        ]
        return f"| {' | '.join(cells)} |"


HEAD = """\
| encoder | what | a second | ms a step | against | ratio | of the card | GiB | making batches |
|---|---|---|---|---|---|---|---|---|"""


def matrix_rate() -> float:
    """Floating-point operations a second of large products of bf16 matrices."""
    size = 8192 if GPU else 256
    a, b = (torch.randn(size, size, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    synchronize()
    began = time.perf_counter()
    for _ in range(20):
        a @ b
    synchronize()
    return float(20 * 2 * size**3 / (time.perf_counter() - began))


def attempt(call: Callable[[], Measured]) -> Measured | None:
    """What a call measures; ``None`` if memory does not suffice."""
    try:
        return call()
    except (torch.OutOfMemoryError, ResourceError):
        return None


def both_ways(name: str, bench: Bench, need: float) -> Iterator[Line]:
    """Realignment and fine-tuning against the plain way and the bare encoder.

    ``need`` is the part of the card's rate that one subword a second takes.
    """
    few = max(2, STEPS // 5)
    ours, tuned = bench.realign(STEPS), bench.finetune(STEPS)
    uses = ours.subwords * need, tuned.subwords * need
    for bf16 in (False, True):
        against = f"against the plain way in {'bf16' if bf16 else 'fp32'}"
        plain = bench.realign_plainly(few, bf16=bf16)
        yield Line(name, f"realignment, 16 pairs, {against}", ours, plain.rate, uses[0])
        plain = bench.finetune_plainly(few, bf16=bf16)
        yield Line(name, f"fine-tuning, 32 rows, {against}", tuned, plain.rate, uses[1])
    theirs = bench.trainer(2 * few)
    yield Line(name, "realignment, against transformers' Trainer", ours, theirs, uses[0])
    theirs = bench.trainer(2 * few, rows=True)
    yield Line(name, "fine-tuning, against transformers' Trainer", tuned, theirs, uses[1])
    bare = bench.bare(STEPS)
    yield Line(name, "realignment, against the bare encoder", ours, bare.rate, uses[0])
    bare = bench.bare(STEPS, rows=True)
    yield Line(name, "fine-tuning, against the bare encoder", tuned, bare.rate, uses[1])


def variants(name: str, bench: Bench, need: float) -> Iterator[Line]:
    """What strategies, attention, compilation, the vocabulary and sizes of batches do."""
    base = bench.realign(STEPS).rate
    front, back = (create_plugin(STRATEGY, strategy, {}) for strategy in ("front", "back"))

    def line(what: str, found: Measured, against: float = base) -> Line:
        return Line(name, what, found, against)

    yield line("`front`, against `none`", bench.realign(STEPS, strategy=front))
    frozen = create_plugin(STRATEGY, "front", {"embeddings": True})
    yield line("`front`, embeddings too", bench.realign(STEPS, strategy=frozen))
    yield line("`back`, against `none`", bench.realign(STEPS, strategy=back))
    yield line("attn_implementation=eager", bench.realign(STEPS, attention="eager"))
    yield line("all embedding rows trained", bench.realign(STEPS, compact=False))
    used = bench.adam(STEPS, compact=True)
    yield line("Adam alone, rows in use", used, 0)
    yield line("Adam alone, all rows", bench.adam(STEPS, compact=False), used.rate)
    first = bench.bare(STEPS // 2, warm=0).rate
    cudnn = bench.bare(STEPS // 2, warm=0, cudnn=True)
    yield line("bare encoder, first steps, cuDNN's attention, against without", cudnn, first)
    yield line("in rows under a mask", bench.realign(STEPS, packing="mask"))
    yield line("with padding", bench.realign(STEPS, packing="padding"))
    if GPU:
        yield line("`compile`", bench.realign(STEPS, compiled=True, warm=20))
        shape: Any = {"longest": 64, "warm": 20}
        eager, graphs = (bench.bare(STEPS, graphs=graphs, **shape) for graphs in (False, True))
        what = "bare encoder, 64 subwords a sentence, CUDA graphs, against without"
        yield line(what, graphs, eager.rate)
        yield from sizes(name, bench, need, base)


def sizes(name: str, bench: Bench, need: float, base: float) -> Iterator[Line]:
    """What larger batches do, against 16 pairs, or 32 rows."""

    def line(what: str, call: Callable[[], Measured], against: float) -> Line:
        found = attempt(call)
        return Line(name, what, found, against, found.subwords * need if found else 0)

    def realigned(size: int, *, sparing: bool = False) -> Line:
        steps = max(10, STEPS * 16 // size)
        what = f"realignment, {size:,} pairs" + ", sparing memory" * sparing
        kind = {"batch_size": size, "sparing": sparing}
        return line(what, lambda: bench.realign(steps, **kind), base)  # type: ignore[arg-type]

    for size in (64, 256, 1024):
        yield realigned(size)
    yield realigned(256, sparing=True)
    yield realigned(1024, sparing=True)
    tuned = bench.finetune(STEPS).rate
    for size in (128, 512, 1024):
        what, steps = f"fine-tuning, {size:,} rows", max(20, STEPS * 32 // size)
        yield line(what, lambda: bench.finetune(steps, batch_size=size), tuned)  # noqa: B023


def told(name: str, bench: Bench) -> str:
    """Waits for the GPU, and how long it computes, in one sentence."""
    waits = bench.waits(lambda n: bench.realign(n)), bench.waits(lambda n: bench.finetune(n))
    return (
        f"{name}: the host waits for the GPU {waits[0]:.2f} times in a step of realignment and "
        f"{waits[1]:.2f} times in one of fine-tuning, records of the loss and the start of "
        f"training included; the GPU computes for {1000 * bench.busy():.1f} ms of a step of "
        "realignment."
    )


def main() -> None:
    """Measure, print and write."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--models", default="XLM-R,mBERT,mmBERT")
    asked.add_argument("--output", type=Path, default=FOLDER)
    given = asked.parse_args()
    began, flops = time.perf_counter(), matrix_rate()
    lines: list[Line] = []
    sentences: list[str] = []
    for number, name in enumerate(given.models.split(",")):
        made = Synthetic(name, tiny=not GPU)
        bench, need = Bench(made), 6 * made.weights() / flops
        for maker in (both_ways, *[variants] * (number == 0)):
            for line in maker(name, bench, need):
                lines.append(line)
                print(line.row(), flush=True)
        if GPU:
            sentences.append(told(name, bench))
        write(given.output, lines, sentences, flops, round(time.perf_counter() - began))


def write(
    folder: Path, lines: Sequence[Line], sentences: Sequence[str], flops: float, seconds: int
) -> None:
    """The table so far, and its numbers."""
    card = torch.cuda.get_device_name() if GPU else "no GPU, tiny encoders"
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    facts = {
        "card": card,
        "bf16 TFLOP/s": round(flops / 1e12, 1),
        "versions": versions,
        "date": date.today().isoformat(),
        "seconds": seconds,
    }
    text = [
        "# Speed on a GPU",
        "",
        f"`python benchmarks/gpu.py` writes this file. {card}, {flops / 1e12:.0f} TFLOP/s in "
        f"products of bf16 matrices, {versions}; {facts['date']}; {seconds} s.",
        "",
        NOTES,
        "",
        HEAD,
        *(line.row() for line in lines),
        "",
        *sentences,
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "GPU.md").write_text("\n".join(text).rstrip() + "\n", "utf-8")
    found = {**facts, "lines": [asdict(line) for line in lines], "waits": list(sentences)}
    (folder / "gpu.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
