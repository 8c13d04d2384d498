"""Start-up: seconds to the help, the plugins, a wrong option, no report, the first step, the end.

    python benchmarks/startup.py [--against CHECKOUT --data DIR --model DIR --rounds 3]

With another checkout, whose `.venv` has what it needs, both are measured in turn. The first step is
reached when the progress bar of realignment shows. It is that of `alignfreeze run` in a process of
its own, with the tracking store and the aligned text of a run before. It has 300 steps before it,
whose sentence pairs are tokenized by then. The end is that of a run that has nothing left to do,
since it takes over what it did before.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from common import Result, compared, in_turn, parser, record

COMMANDS = {
    "`alignfreeze --help`": (["--help"], "<= 0.5"),
    "`alignfreeze plugins`": (["plugins"], "<= 1"),
    "a wrong option of `run`": (["run", "--temperature", "-1"], "<= 1"),
    "a wrong option of `search`": (["search", "--trials", "0"], "<= 1"),
    "a wrong option of `benchmark`": (["benchmark", "--seeds", "x"], "<= 1"),
    "`report` where no run is": (["report"], ""),
}
"""What is asked for in an empty folder, and the seconds that it may take."""

Sides = dict[str, Callable[[int], float]]

FIRST_STEP = "`run` to its first step of 300"
KNOWN_RUN = "`run` that takes all over, to its end"


def environment(folder: Path) -> dict[str, str]:
    """That of a process that keeps everything in a folder."""
    return {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "ALIGNFREEZE_CACHE": str(folder / "cache"),
    }


def seconds_of(python: str, arguments: list[str], number: int) -> float:
    """How long a command takes in an empty folder, whatever it exits with."""
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(
            [python, "-m", "alignfreeze", *arguments],
            env=environment(Path(folder)),
            cwd=folder,
            check=False,
            capture_output=True,
        )
        return time.perf_counter() - began


def run_command(python: str, asked: argparse.Namespace, steps: int) -> list[str]:
    """A run of one strategy, with so many steps of realignment."""
    options = ["--data", asked.data, "--model", asked.model, "--languages", asked.languages]
    options += ["--preset", "paper", "--strategy", "none"]
    options += ["--realign-steps", str(steps), "--finetune-steps", "1"]
    return [python, "-m", "alignfreeze", "run", *options]


def seconds_to_first_step(
    python: str, asked: argparse.Namespace, folder: Path, number: int
) -> float:
    """How long a run takes until it begins with its first realignment step."""
    folder.mkdir(exist_ok=True)
    began = time.perf_counter()
    process = subprocess.Popen(
        [*run_command(python, asked, 300), "--reuse", "false"],
        env=environment(folder),
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


def seconds_of_known_run(
    python: str, asked: argparse.Namespace, folder: Path, number: int
) -> float:
    """How long a run takes to its end; it takes over all, but for the first time."""
    folder.mkdir(exist_ok=True)
    began = time.perf_counter()
    command = run_command(python, asked, 1)
    subprocess.run(command, env=environment(folder), cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def measured(what: str, rounds: int, sides: Sides, target: str, note: str = "") -> Result:
    """A line of the table: seconds, and their ratio to the other checkout's if there is one."""
    print(what, flush=True)
    seconds = in_turn(rounds, sides)
    if "other" in seconds:
        return compared(f"{what}, seconds", seconds["ours"], seconds["other"])
    median = statistics.median(seconds["ours"])
    return Result(f"{what}, seconds", f"{median:.2f}", "", median, target, note)


def main() -> None:
    """Measure, and record where nothing is compared."""
    arguments = parser(__doc__)
    arguments.add_argument("--against", type=Path, help="another checkout, to be measured in turn")
    arguments.add_argument("--no-run", action="store_true", help="leave the runs out")
    asked = arguments.parse_args()
    pythons = {"ours": sys.executable}
    if asked.against:
        pythons["other"] = str(asked.against.resolve() / ".venv" / "bin" / "python")
    results = []
    for what, (command, target) in COMMANDS.items():
        sides: Sides = {
            side: partial(seconds_of, python, command) for side, python in pythons.items()
        }
        results.append(measured(what, max(asked.rounds, 5), sides, target))
    with TemporaryDirectory() as folder:
        note = "the text was aligned and the store made before"
        whole = {FIRST_STEP: (seconds_to_first_step, "<= 8"), KNOWN_RUN: (seconds_of_known_run, "")}
        for what, (seconds, target) in {} if asked.no_run else whole.items():
            sides = {
                side: partial(seconds, python, asked, Path(folder) / side)
                for side, python in pythons.items()
            }
            for side in sides.values():
                side(0)  # aligns the text, makes the store
            results.append(measured(what, asked.rounds, sides, target, note))
    if asked.against:
        for result in results:
            print(f"{result.what}: {result.ours} against {result.baseline}: {result.spread}")
    else:
        record("Start-up", results)


if __name__ == "__main__":
    main()
