"""What the benchmarks share: the data and the model, turns, and the table of results."""

import argparse
import gc
import json
import os
import platform
import shlex
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from alignfreeze.bitexts import find_bitexts, resolve_aligner
from alignfreeze.caching import cache_root
from alignfreeze.corpus import AlignedCorpus, aligned_corpus
from alignfreeze.encoders import load_tokenizer
from alignfreeze.registry import ALIGNER, create_plugin, fingerprint
from alignfreeze.sources import find_data, find_model
from alignfreeze.training import resolve_precision

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results.json"
TABLE = FOLDER / "RESULTS.md"
SUITE = FOLDER.parent.parent / "shared" / "suite"
TEN = "de,fr,ru,hi,tr,zh,ar,vi,th,es"


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        what: What was measured, with its unit.
        ours: Our number, as text.
        baseline: What it is compared with, as text.
        ratio: The median ratio of the pairs, or another number that has a target.
        target: What it is to reach, e.g. ``>= 4``; empty where there is none.
        note: Why it does not, or what else is to be known.
    """

    what: str
    ours: str
    baseline: str
    ratio: float
    target: str = ""
    note: str = ""

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
        corpora.append(
            aligned_corpus(bitext, aligner, aligner_name=name, digest=digest, cache=cache_root())
        )
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


def median_ratio(ours: Sequence[float], baseline: Sequence[float]) -> float:
    """The median of the ratios of what was measured in the same round."""
    return statistics.median(a / b for a, b in zip(ours, baseline, strict=True))


def compared(
    what: str,
    ours: Sequence[float],
    baseline: Sequence[float],
    target: str = "",
    note: str = "",
) -> Result:
    """A line of the table: rates of both sides, measured in the same rounds."""
    medians = statistics.median(ours), statistics.median(baseline)
    ratio = median_ratio(ours, baseline)
    return Result(what, f"{medians[0]:.1f}", f"{medians[1]:.1f}", ratio, target, note)


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
        section: A heading.
        results: Its lines.
        text: Markdown to follow them.
    """
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
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
        "`benchmarks/baseline.py`, in turn with ours; a ratio is the median of the rounds' ratios.",
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
                f"| {result.what} | {result.ours} | {result.baseline} | {result.ratio:.2f} "
                f"| {target} | {result.note} |"
            )
        lines += ["", *([entry["text"], ""] if entry["text"] else [])]
    return "\n".join(lines).rstrip() + "\n"
