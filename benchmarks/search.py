"""How long a trial of a search takes, against a run of its own with the same configuration.

    python benchmarks/search.py [--repeats 3] [--boundary 2] [--option value …]

All other options go to both, e.g. ``--data FOLDER --model FOLDER --languages de,fr``. A search
whose trials differ in the third digit of the temperature has as many as there are repeats; then
`mlflow run` runs the best of them as often, reusing nothing, on the test split as well. Printed
are the medians in seconds, and their ratio.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Measure both sides, one after the other, in a store of their own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--boundary", type=int, default=2, help="of the strategy front")
    arguments, options = parser.parse_known_args()
    with TemporaryDirectory(prefix="alignfreeze-") as name:
        folder = Path(name)
        environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
        options += ["--strategy", "front", "--strategy-args", f"boundary={arguments.boundary}"]
        trials = search_seconds(arguments.repeats, options, folder, environment)
        best = next(folder.rglob("best.yaml"))
        runs = [run_seconds(best, environment) for _ in range(arguments.repeats)]
    trial, run = statistics.median(trials), statistics.median(runs)
    print(f"a trial of a search: {trial:.1f} s (median of {len(trials)}: {listed(trials)})")
    print(f"mlflow run:          {run:.1f} s (median of {len(runs)}: {listed(runs)})")
    print(f"ratio: {run / trial:.2f}")


def search_seconds(
    repeats: int, options: list[str], folder: Path, environment: dict[str, str]
) -> list[float]:
    """Seconds of each trial of a search whose trials are all but the same."""
    space = folder / "space.yaml"
    space.write_text("temperature: {low: 0.1, high: 0.101}\n")
    fixed = ["--space", str(space), "--sampler", "random"]
    own = ["--trials", str(repeats), "--final-seeds", "31", "--references", ",", "--pruner", "none"]
    command = [sys.executable, "-m", "alignfreeze", "search", *options, *fixed, *own]
    subprocess.run(command, env=environment, cwd=folder, check=True)
    table = pd.read_csv(next(folder.rglob("trials.csv")))
    return [float(seconds) for seconds in table["seconds"]]


def run_seconds(config: Path, environment: dict[str, str]) -> float:
    """Seconds of a run of its own, as a person would start it."""
    began = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "mlflow", "run", str(ROOT), "--env-manager", "local"),
            *("-P", f"config={config}", "-P", "reuse=false"),
        ],
        env=environment,
        check=True,
    )
    return time.perf_counter() - began


def listed(seconds: list[float]) -> str:
    """Seconds in the order in which they were measured."""
    return ", ".join(f"{value:.1f}" for value in seconds)


if __name__ == "__main__":
    main()
