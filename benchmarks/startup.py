"""Start-up: seconds to the help, and to the first training step.

    python benchmarks/startup.py [--data DIR --model DIR --languages de,fr --rounds 3]

The first step is reached when the progress bar of realignment shows. It is that of `alignfreeze
run` in a process of its own, with the tracking store and the aligned text of a run before. It has
300 steps before it, whose sentence pairs are tokenized by then.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from common import Result, parser, record

ALIGNFREEZE = [sys.executable, "-m", "alignfreeze"]


def seconds_of_help() -> float:
    """How long ``alignfreeze --help`` takes."""
    began = time.perf_counter()
    subprocess.run([*ALIGNFREEZE, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def seconds_to_first_step(asked: argparse.Namespace, folder: Path) -> float:
    """How long a run takes until it begins with its first realignment step."""
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "ALIGNFREEZE_CACHE": str(folder / "cache"),
    }
    options = ["--data", asked.data, "--model", asked.model, "--languages", asked.languages]
    options += ["--preset", "paper", "--strategy", "none"]
    options += ["--realign-steps", "300", "--finetune-steps", "1"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*ALIGNFREEZE, "run", *options, "--reuse", "false"],
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    text = b""
    while b"realignment:" not in text:
        text += (piece := os.read(process.stderr.fileno(), 65536))
        if not piece:
            raise SystemExit(f"the run ended before its first step:\n{text.decode()}")
    seconds = time.perf_counter() - began
    process.kill()
    process.wait()
    return seconds


def main() -> None:
    """Measure, and record."""
    asked = parser(__doc__).parse_args()
    helps = statistics.median(seconds_of_help() for _ in range(max(asked.rounds, 5)))
    with TemporaryDirectory() as folder:
        seconds_to_first_step(asked, Path(folder))  # aligns the text, makes the store
        steps = [seconds_to_first_step(asked, Path(folder)) for _ in range(asked.rounds)]
    first = statistics.median(steps)
    record(
        "Start-up",
        [
            Result("`alignfreeze --help`, seconds", f"{helps:.2f}", "", helps, "<= 0.5"),
            Result(
                "`run` to its first step of 300, seconds",
                f"{first:.1f}",
                "",
                first,
                "<= 8",
                "the text was aligned and the store made before",
            ),
        ],
    )


if __name__ == "__main__":
    main()
