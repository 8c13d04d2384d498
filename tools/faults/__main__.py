"""Does all faults, prints a table of them, and exits with 1 if any was not survived.

``python -m tools.faults [--short] [WORD …]``: all words have to be in a case's line.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.faults.case import Case
from tools.faults.cases import CASES
from tools.faults.judging import Verdict, chosen, judged, numbered, references_for

AT_ONCE = 2
"""Cases: each computes with one thread."""


def told(verdict: Verdict) -> str:
    """A line of the table."""
    outcome = "survived" if not verdict.wrong else "NOT"
    line = f"{outcome:8} {verdict.seconds:5.0f} s  {verdict.case}: {verdict.seen}"
    return line if not verdict.wrong else f"{line}\n         !! {'; '.join(verdict.wrong)}"


def do(cases: Sequence[Case]) -> list[Verdict]:
    """Do cases, and print the line of each as soon as it is known; their verdicts."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        references = references_for(cases, Path(folder))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tasks = [
                pool.submit(judged, case, references, numbered(Path(folder), number))
                for number, case in enumerate(cases)
            ]
            try:
                for task in tasks:
                    print(told(task.result()), flush=True)  # noqa: T201
            except BaseException:  # asked to end: those at work are waited for, and leave nothing
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [task.result() for task in tasks]


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults")
    parser.add_argument("--short", action="store_true", help="a few of them")
    parser.add_argument("words", nargs="*", help="cases in whose line all of these are")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cases = chosen([case for case in CASES if case.short or not given.short], given.words)
    began = time.monotonic()
    verdicts = do(cases)
    counts = Counter(bool(verdict.wrong) for verdict in verdicts)
    print(  # noqa: T201
        f"{len(cases)} faults: {counts[False]} survived, {counts[True]} not "
        f"({time.monotonic() - began:.0f} s)"
    )
    return 1 if counts[True] or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
