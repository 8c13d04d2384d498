"""The order of tens of millions of rows: processor time and memory, against a loop row by row.

    python benchmarks/draws.py [--rows 34000000 --languages 34 --drawn 500000]

Each way has a process of its own; the loop is what the arrays are held to by a test.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count, islice

import numpy as np

from alignfreeze.training.orders import MixedOrder

BUFFER = 1024
"""Rows that are drawn at a time, as by realignment with 16 pairs a batch."""


def in_a_loop(sizes: list[int], seed: int) -> Iterator[tuple[int, int]]:
    """Corpus and row of every row of every corpus, again and again."""
    random = np.random.default_rng([seed, 0])
    ends = np.cumsum(sizes)
    for _ in count():
        for row in random.permutation(int(ends[-1])):
            corpus = int(np.searchsorted(ends, row, side="right"))
            yield corpus, int(row) - int(ends[corpus]) + sizes[corpus]


def measured(side: str, sizes: list[int], start: int, drawn: int) -> dict[str, float]:
    """Seconds to enter at a row, microseconds a row from there, peak memory in MiB; a checksum."""
    began, total = time.process_time(), 0
    if side == "arrays":
        order = MixedOrder(sizes, "proportional", 31).skip(start)
        order.take(1)
        entered = time.process_time()
        for _ in range(drawn // BUFFER):
            total += int(order.take(BUFFER).rows.sum())
    else:
        rows = in_a_loop(sizes, 31)
        next(islice(rows, start, None))
        entered = time.process_time()
        for _ in range(drawn // BUFFER):
            total += sum(row for _, row in islice(rows, BUFFER))
    each = (time.process_time() - entered) / (drawn // BUFFER * BUFFER)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"enter": entered - began, "row": 1e6 * each, "peak": peak, "sum": total}


def main() -> None:
    """Measure both ways from the start, and from the middle of the first epoch."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--rows", type=int, default=34_000_000)
    arguments.add_argument("--languages", type=int, default=34)
    arguments.add_argument("--drawn", type=int, default=500_000)
    arguments.add_argument("--side", nargs=2, help="measure this alone from a row on, and print it")
    asked = arguments.parse_args()
    sizes = [asked.rows // asked.languages] * asked.languages
    if asked.side:
        side, start = asked.side
        print(json.dumps(measured(side, sizes, int(start), asked.drawn)))
        return
    own = [sys.executable, __file__, *sys.argv[1:]]
    for start in (0, asked.rows // 2):
        found = {}
        for side in ("arrays", "loop"):
            command = [*own, "--side", side, str(start)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            found[side] = json.loads(done.stdout)
            print(
                f"from row {start:,}, {side}: {found[side]['enter']:.1f} s to enter, "
                f"{found[side]['row']:.2f} µs a row, {found[side]['peak']:,.0f} MiB",
                flush=True,
            )
        if found["arrays"]["sum"] != found["loop"]["sum"]:
            sys.exit("the arrays are in another order than the loop")


if __name__ == "__main__":
    main()
