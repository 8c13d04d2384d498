"""What the benchmarks share: the data and the model, turns, and the table of results.

All of them run on the CPU, whatever else there is: the plain way knows no other device.
"""

import argparse
import gc
import json
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

os.environ |= {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}

import torch
from transformers import PreTrainedTokenizerBase

from alignfreeze.alignment.corpus import AlignedCorpus, CorpusJob, aligned_corpus
from alignfreeze.base.paths import cache_root
from alignfreeze.contracts.registry import ALIGNER, create_plugin, fingerprint
from alignfreeze.data.bitexts import find_bitexts, resolve_aligner
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.encoders.loading import load_tokenizer
from alignfreeze.training.checkpoints import LossRecord
from alignfreeze.training.devices import resolve_precision

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results.json"
TABLE = FOLDER / "RESULTS.md"
SUITE = FOLDER.parent.parent / "shared" / "suite"
TRAINER = (
    "The baseline here is `benchmarks/trainer.py`: transformers' Trainer with fused AdamW, rows of "
    "similar length together where nothing else is said, padding to the longest of a batch, and a "
    "loss without a loop; in the precision of ours, over the same rows."
)
TEN = "de,fr,ru,hi,tr,zh,ar,vi,th,es"


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        what: What was measured, with its unit.
        ours: Our number, as text.
        baseline: What it is compared with, as text.
        ratio: The median ratio of the rounds, or another number that has a target.
        target: What it is to reach, e.g. ``>= 4``; empty where there is none.
        note: Why it does not, or what else is to be known.
        rounds: The ratios of all rounds, where there are some.
    """

    what: str
    ours: str
    baseline: str
    ratio: float
    target: str = ""
    note: str = ""
    rounds: Sequence[float] = ()

    @property
    def spread(self) -> str:
        """The ratio, and between what the rounds' ratios lie."""
        between = f" ({min(self.rounds):.2f}–{max(self.rounds):.2f})" if self.rounds else ""
        return f"{self.ratio:.2f}{between}"

    @property
    def reached(self) -> bool:
        """Whether the ratio is on the right side of the target."""
        sign, _, bound = self.target.partition(" ")
        return {">=": self.ratio >= float(bound), "<=": self.ratio <= float(bound)}[sign]


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line with the data, the model and the languages."""
    result = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    suite = SUITE.is_dir()
    result.add_argument("--data", default=str(SUITE) if suite else "demo")
    result.add_argument("--model", default=str(SUITE / "model") if suite else "demo")
    result.add_argument("--languages", default=TEN if suite else "de,es,ru,tr")
    result.add_argument("--rounds", type=int, default=3)
    return result


@dataclass(frozen=True)
class Setting:
    """Aligned text and a model, read."""

    model: str
    tokenizer: PreTrainedTokenizerBase
    corpora: list[AlignedCorpus]


def setting(asked: argparse.Namespace) -> Setting:
    """Find and align what the command line asks for."""
    source, model = find_data(asked.data), find_model(asked.model)
    corpora = []
    for bitext in find_bitexts(source, "en", asked.languages.split(",")):
        name = resolve_aligner("auto", bitext)
        aligner, digest = create_plugin(ALIGNER, name, {}), fingerprint(ALIGNER, name)
        corpora.append(aligned_corpus(CorpusJob(bitext, aligner, name, digest), cache_root()))
    return Setting(model, load_tokenizer(model), corpora)


def in_turn(rounds: int, sides: dict[str, Callable[[int], float]]) -> dict[str, list[float]]:
    """Measure several sides in turn, again and again.

    Args:
        rounds: How often.
        sides: By name, what measures in a round and returns a rate.

    Returns:
        The rates of each side, round by round.
    """
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, measure in sides.items():
            gc.collect()
            rates[name].append(measure(number))
            print(f"round {number + 1}: {name} {rates[name][-1]:.2f}", flush=True)
    return rates


class Enough(Exception):  # noqa: N818 - nothing went wrong
    """Ends a training that has been timed."""


class Stopwatch:
    """Takes the time of some steps after the first record of the loss, then ends the training.

    Args:
        steps: How many, as many as lie between two records or a multiple.

    Attributes:
        seconds: How long they took.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.seconds = 0.0
        self._began: tuple[int, float] | None = None

    def __call__(self, record: LossRecord) -> None:
        """Look at the clock."""
        now = time.perf_counter()
        if self._began is None:
            self._began = record.step, now
        elif record.step - self._began[0] >= self.steps:
            self.seconds = now - self._began[1]
            raise Enough


def ratios(ours: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """The ratios of what was measured in the same round."""
    return [a / b for a, b in zip(ours, baseline, strict=True)]


def compared(
    what: str,
    ours: Sequence[float],
    baseline: Sequence[float],
    target: str = "",
    note: str = "",
) -> Result:
    """A line of the table: rates of both sides, measured in the same rounds."""
    medians = statistics.median(ours), statistics.median(baseline)
    rounds = ratios(ours, baseline)
    return Result(
        what,
        f"{medians[0]:.1f}",
        f"{medians[1]:.1f}",
        statistics.median(rounds),
        target,
        note,
        rounds,
    )


def machine() -> str:
    """What it was measured on."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        models = [
            line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        name = models[0].partition(":")[2].strip() if models else name
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    cores = len(os.sched_getaffinity(0))
    return (
        f"{name}, {cores} cores, {device}, {resolve_precision('auto')}, torch {torch.__version__}"
    )


def command() -> str:
    """This process's command, with paths of data that are in nobody else's way left out."""
    arguments = [a for a in sys.argv[1:] if str(SUITE) not in a]
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *arguments])


def record(section: str, results: Sequence[Result], text: str = "") -> None:
    """Put a section's results into the table, in place of those that it had.

    Args:
        section: A heading; of a machine without bf16 it says so.
        results: Its lines.
        text: Markdown to follow them.
    """
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    if resolve_precision("auto") == "fp32":  # another kind of machine, and other ratios
        section += ", in 32 bits"
    known[section] = {
        "command": command(),
        "machine": machine(),
        "date": date.today().isoformat(),
        "results": [asdict(result) for result in results],
        "text": text,
    }
    RESULTS.write_text(json.dumps(known, indent=2) + "\n", "utf-8")
    TABLE.write_text(table(known), "utf-8")
    for result in results:
        print(f"{result.what}: {result.ours} against {result.baseline}: {result.ratio:.2f}")


def table(known: dict[str, dict[str, Any]]) -> str:
    """All sections as Markdown."""
    lines = [
        "# Speed",
        "",
        "`make bench` runs these commands and writes this file. The baseline is the plain way, "
        "`benchmarks/baseline.py`, where nothing else is said, in turn with ours; a ratio is the "
        "median of the rounds' ratios, with the least and the greatest in brackets.",
        "",
    ]
    for section, entry in known.items():
        lines += [f"## {section}", "", f"`{entry['command']}`", ""]
        lines += [f"{entry['machine']}; {entry['date']}.", ""]
        if entry["results"]:
            lines += ["| what | ours | baseline | ratio | target | |", "|---|---|---|---|---|---|"]
        for values in entry["results"]:
            result = Result(**values)
            target = result.target
            if target:
                target += ", reached" if result.reached else ", **missed**"
            lines.append(
                f"| {result.what} | {result.ours} | {result.baseline} | {result.spread} "
                f"| {target} | {result.note} |"
            )
        if entry["text"]:
            lines += ["", entry["text"]] if entry["results"] else [entry["text"]]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
