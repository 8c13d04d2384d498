"""``python -m tools.fuzz --seconds 600 --seed 0``: tries inputs, prints what became of them."""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.fuzz.running import Count, Input, Subject, fuzzed, keep_in

CORPUS = Path(__file__).resolve().parents[2] / "tests" / "tools" / "fuzz" / "corpus"

MOST_MEMORY = 16 << 30
"""Bytes of addresses; what a file says of sizes must not take the machine's memory."""


def all_subjects(folder: Path) -> list[Subject]:
    """All readers and all commands; files of theirs go below a folder."""
    from tools.fuzz.options import commands
    from tools.fuzz.readers import data_readers, folder_reader, model_reader, table_readers

    found: list[Subject] = [*data_readers(folder / "data"), *table_readers(folder / "tables")]
    found += [folder_reader(folder / "whole"), model_reader(folder / "model")]
    return [*found, *commands(folder / "commands")]


def count_table(counts: Mapping[str, Count]) -> Table:
    """A row a subject, and their sum."""
    table = Table(title="inputs", title_justify="left")
    table.add_column("reader or command")
    for column in ("inputs", "refused", "accepted", "failures", "slowest, s"):
        table.add_column(column, justify="right")
    rows: Iterable[tuple[str, Count]] = counts.items()
    for name, count in rows:
        table.add_row(name, *_cells(count))
    whole = Count(
        sum(count.inputs for count in counts.values()),
        sum(count.refused for count in counts.values()),
        sum(count.accepted for count in counts.values()),
        max((count.slowest for count in counts.values()), default=0.0),
        [fault for count in counts.values() for fault in count.failures],
    )
    table.add_section()
    table.add_row("all", *_cells(whole))
    return table


def _cells(count: Count) -> list[str]:
    numbers = (count.inputs, count.refused, count.accepted, len(count.failures))
    return [*(f"{number:,}" for number in numbers), f"{count.slowest:.2f}"]


def main() -> None:
    """Try inputs for so many seconds; the exit code is 1 if one has failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of the name of a reader or a command")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.RLIM_INFINITY))
    os.environ["COLUMNS"] = "120"
    console = Console(markup=False, emoji=False, width=120)

    def keep(subject: Subject, smallest: Input, fault: str) -> None:
        file = keep_in(CORPUS, subject, smallest, fault)
        console.print(f"{subject.name}: {fault}\n  {file.name}: {str(smallest)[:400]}")

    with tempfile.TemporaryDirectory(prefix="alignfreeze-fuzz-") as name:
        os.environ["ALIGNFREEZE_CACHE"] = f"{name}/cache"
        subjects = [s for s in all_subjects(Path(name)) if given.only in s.name]
        counts = fuzzed(subjects, seconds=given.seconds, seed=given.seed, keep=keep)
    console.print(count_table(counts))
    sys.exit(any(count.failures for count in counts.values()))


if __name__ == "__main__":
    main()
