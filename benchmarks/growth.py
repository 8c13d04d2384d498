"""How the cost of realignment grows: pairs per second and peak memory, in a table and a figure.

    python benchmarks/growth.py [--data DIR --model DIR --languages de,fr]

Against batch size, sentence length, corpus size and number of languages, with sentences that are
repeated and cut to one length, 24 subwords where nothing else is said. Each point is measured in
a process of its own, in the realignment phase as a run has it.
"""

import argparse
import itertools
import json
import math
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from common import FOLDER, parser, record, setting
from datasets import concatenate_datasets
from matplotlib.figure import Figure

from alignfreeze.alignment.corpus import AlignedCorpus, AlignedPair
from alignfreeze.config import RunConfig
from alignfreeze.contracts.registry import OBJECTIVE, STRATEGY, create_plugin
from alignfreeze.data.bitexts import parallel_languages
from alignfreeze.data.finding import find_data
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.realignment.phase import realign
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator, resolve_precision

FIGURE = FOLDER.parent / "docs" / "figures" / "growth.png"
PAIRS = 192
"""Sentence pairs that a point is measured on, and at least three steps."""


@dataclass(frozen=True)
class Point:
    """What is measured; the defaults are those of the other panels.

    Attributes:
        batch_size: Sentence pairs a step.
        length: Subwords of every sentence, so that it is not chance which lengths are met.
        size: Sentence pairs in the corpus; 0: as many as there are.
        languages: How many; 0: those of the command line.
        loss_block: Aligned words whose similarities are in memory at a time; 0: all.
    """

    batch_size: int = 16
    length: int = 24
    size: int = 0
    languages: int = 0
    loss_block: int = 0


PANELS: dict[str, list[tuple[int, Point]]] = {
    "pairs in a batch": [(n, Point(batch_size=n)) for n in (4, 16, 64, 256)],
    "pairs in a batch, loss_block=256": [
        (n, Point(batch_size=n, loss_block=256)) for n in (64, 256)
    ],
    "subwords in a sentence": [(n, Point(length=n)) for n in (12, 24, 48, 96)],
    "pairs in the corpus": [(n, Point(size=n)) for n in (10_000, 100_000, 1_000_000)],
    "languages": [(n, Point(languages=n)) for n in (1, 4, 12, 34)],
}


class Long:
    """A corpus whose sentences are repeated until they have so many words, or more."""

    def __init__(self, corpus: AlignedCorpus, length: int) -> None:
        self.corpus = corpus
        self.length = length

    def __len__(self) -> int:
        return len(self.corpus)

    def rows(self, indices: Sequence[int]) -> list[AlignedPair]:
        """The sentence pairs, each so often in a row as it takes."""
        return [self._repeated(pair) for pair in self.corpus.rows(indices)]

    def _repeated(self, pair: AlignedPair) -> AlignedPair:
        sizes = len(pair.source), len(pair.target)
        copies = range(math.ceil(self.length / min(sizes)))
        links = [(s + n * sizes[0], t + n * sizes[1]) for n in copies for s, t in pair.alignment]
        return AlignedPair(pair.source * len(copies), pair.target * len(copies), links)


def tiled(corpora: Sequence[AlignedCorpus], size: int) -> list[AlignedCorpus]:
    """One corpus of so many pairs, memory-mapped from the files of others as often as it takes."""
    found = itertools.cycle(corpus.dataset for corpus in corpora)
    parts, missing = [], size
    while missing > 0:
        part = next(found)
        parts.append(part.select(range(min(len(part), missing))))
        missing -= len(parts[-1])
    return [replace(corpora[0], dataset=concatenate_datasets(parts))]


def measure(asked: argparse.Namespace, point: Point) -> dict[str, float]:
    """Pairs per second, and peak memory in MiB, of this process."""
    if point.languages:
        known = parallel_languages(find_data(asked.data), "en")
        asked.languages = ",".join(known[: point.languages])
    found = setting(asked)
    corpora = found.corpora
    if point.size:
        corpora = tiled(corpora, point.size)
    config = RunConfig(
        realign_batch_size=point.batch_size,
        realign_max_length=point.length,
        loss_block=point.loss_block,
    )
    result = realign(
        load_encoder(found.model),
        found.tokenizer,
        [Long(corpus, point.length) for corpus in corpora],  # type: ignore[misc]
        create_plugin(STRATEGY, "none", {}),
        create_plugin(OBJECTIVE, "contrastive", {}),
        config,
        steps=max(3, PAIRS // point.batch_size),
        accelerator=make_accelerator(resolve_precision("auto")),
        checkpoints=CheckpointFolder(Path(tempfile.mkdtemp()), "me"),
        on_loss=lambda record: None,
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"pairs_per_second": result.per_second, "peak": peak}


def in_a_process(asked: argparse.Namespace, point: Point) -> dict[str, float]:
    """A point, measured in a process of its own."""
    options = ["--data", asked.data, "--model", asked.model, "--languages", asked.languages]
    command = [sys.executable, __file__, *options, "--point", json.dumps(asdict(point))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    values: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(point, values, flush=True)
    return values


def figure(panels: dict[str, list[tuple[int, dict[str, float]]]]) -> Figure:
    """Speed above, memory below; a column for each thing that grows."""
    columns = [name for name in panels if "loss_block" not in name]
    drawn = Figure(figsize=(12, 5), layout="constrained")
    axes = drawn.subplots(2, len(columns), sharey="row")
    for column, name in enumerate(columns):
        for panel, points in panels.items():
            if not panel.startswith(name):
                continue
            x = [number for number, _ in points]
            style = {"marker": "o", "linestyle": "-" if panel == name else "--"}
            label = "all similarities" if panel == name else "loss_block=256"
            for row, key in enumerate(("pairs_per_second", "peak")):
                y = [values[key] for _, values in points]
                axes[row, column].plot(x, y, label=label, **style)
        for row in (0, 1):
            axes[row, column].set_xscale("log")
            axes[row, column].set_xticks(x := [n for n, _ in panels[name]], [f"{n:,}" for n in x])
            axes[row, column].minorticks_off()
            axes[row, column].grid(alpha=0.3)
        axes[1, column].set_xlabel(name)
    for row in (0, 1):
        axes[row, 0].set_ylim(bottom=0)
    axes[0, 0].set_ylabel("pairs per second")
    axes[1, 0].set_ylabel("peak memory, MiB")
    axes[1, 0].legend(frameon=False)
    return drawn


def markdown(panels: dict[str, list[tuple[int, dict[str, float]]]]) -> str:
    """The table, and the figure below it."""
    lines = [
        "Sentences of 24 subwords, 16 pairs in a batch, ten languages where nothing else is said.",
        "",
        "| what grows | to | pairs/s | peak memory, MiB |",
        "|---|---|---|---|",
    ]
    for name, points in panels.items():
        for number, values in points:
            rate, peak = values["pairs_per_second"], values["peak"]
            lines.append(f"| {name} | {number:,} | {rate:.1f} | {peak:,.0f} |")
    return "\n".join([*lines, "", f"![Growth of cost](../docs/figures/{FIGURE.name})"])


def main() -> None:
    """Measure, draw and record; or measure one point, and print it."""
    arguments = parser(__doc__)
    arguments.add_argument("--point", help="measure this one alone, JSON")
    asked = arguments.parse_args()
    if asked.point:
        print(json.dumps(measure(asked, Point(**json.loads(asked.point)))))
        return
    panels = {
        name: [(number, in_a_process(asked, point)) for number, point in points]
        for name, points in PANELS.items()
    }
    figure(panels).savefig(FIGURE, dpi=110)
    record("How the cost of realignment grows", [], markdown(panels))


if __name__ == "__main__":
    main()
