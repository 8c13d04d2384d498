"""``alignfreeze align`` on a big corpus: pairs per second, memory, what a process a core gains.

Run from the checkout: ``python benchmarks/alignment.py --data DIR --language fr --pairs 1000000``.
The text is repeated to a tenth of the pairs and to all of them, so that one sees whether memory
grows; each copy has its number at the end of every line, so that none is a duplicate. Then one
process and one a core take turns on a quarter, and the median ratio is printed.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

import psutil

from alignfreeze.alignment import shards
from alignfreeze.alignment.cleaning import CorpusStats
from alignfreeze.alignment.export import ExportJob, write_alignments
from alignfreeze.base.process_pools import available_cores
from alignfreeze.contracts import Bitext
from alignfreeze.contracts.registry import ALIGNER, create_plugin, fingerprint
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.data.finding import find_data

SECONDS_BETWEEN_LOOKS = 0.05
MEBIBYTE = 1 << 20


@dataclass
class Memory:
    """Peak memory that a process has for itself and what it shares, in bytes; by process id."""

    parent: int = 0
    workers: dict[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        peaks = sorted(self.workers.values())
        workers = " ".join(f"{peak / MEBIBYTE:.0f}" for peak in peaks) or "none"
        return f"parent {self.parent / MEBIBYTE:.0f} MiB, workers {workers} MiB"

    def look(self, process: psutil.Process) -> None:
        """Take what is used now for the peak where it is more."""
        self.parent = max(self.parent, process.memory_info().rss)
        for child in process.children(recursive=True):
            try:
                used = child.memory_info().rss
                command = " ".join(child.cmdline())
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if "resource_tracker" not in command:
                self.workers[child.pid] = max(self.workers.get(child.pid, 0), used)


@contextmanager
def watched() -> Iterator[Memory]:
    """Peak memory of this process and of those that it starts in the block."""
    memory, over = Memory(), threading.Event()

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            memory.look(psutil.Process())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()


def repeated(bitext: Bitext, n_pairs: int, folder: Path) -> Bitext:
    """A bitext whose text is repeated, or cut, to so many pairs, all different."""
    copies = []
    for path in (bitext.source_file, bitext.target_file):
        lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
        copies.append(folder / f"{n_pairs}-{path.name}")
        with copies[-1].open("wb") as file:
            for copy, start in enumerate(range(0, n_pairs, len(lines))):
                end = b" %d\n" % copy
                file.write(b"".join(line + end for line in lines[: n_pairs - start]))
    return replace(bitext, source_file=copies[0], target_file=copies[1])


class Benchmark:
    """A bitext, an aligner, and where all that is made goes."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.aligner_name: str = asked.aligner
        (self.bitext,) = find_bitexts(find_data(asked.data), "en", [asked.language])
        self.folder = folder
        self.runs = 0

    def align(self, n_pairs: int, cores: int) -> tuple[float, CorpusStats]:
        """Align so many pairs from scratch; the seconds that it took, and what became of them."""
        self.runs += 1
        bitext = repeated(self.bitext, n_pairs, self.folder)
        with mock.patch.object(shards, "available_cores", return_value=cores):
            began = time.perf_counter()
            name = self.aligner_name
            aligner, digest = create_plugin(ALIGNER, name, {}), fingerprint(ALIGNER, name)
            stats = write_alignments(
                ExportJob(bitext, aligner, name, digest),
                self.folder / f"cache-{self.runs}",
                self.folder / f"output-{self.runs}",
            )
            return time.perf_counter() - began, stats


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="demo")
    parser.add_argument("--language", default="fr")
    parser.add_argument("--aligner", default="dictionary")
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="of one process against many")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    asked, cores = arguments(), available_cores()
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark(asked, Path(folder))
        for n_pairs in (asked.pairs // 10, asked.pairs):
            with watched() as memory:
                seconds, stats = benchmark.align(n_pairs, cores)
            rate = n_pairs / seconds
            print(f"{n_pairs:>9,} pairs {rate:8,.0f} pairs/s with {cores} cores; peak: {memory}")
            print(f"          {stats}")
        few = asked.pairs // 4
        ratios = []
        for _ in range(asked.rounds):
            serial, parallel = (benchmark.align(few, n)[0] for n in (1, cores))
            print(f"{few:>9,} pairs {few / serial:8,.0f} pairs/s in one process, ", end="")
            print(f"{few / parallel:8,.0f} pairs/s in {cores}")
            ratios.append(serial / parallel)
        if ratios:
            print(f"ratio {statistics.median(ratios):.2f} (median of {asked.rounds})")


if __name__ == "__main__":
    main()
