"""A whole run, and its accuracy: `mlflow run` against the plain way, seed by seed.

    python benchmarks/whole.py [--full] [--data DIR --model DIR --languages de,fr]

Both realign all layers, fine-tune a tagger in English and test it in every language, each in a
process of its own that starts from nothing: nothing is aligned before, the store is new. Ours is in
bf16, where the hardware has it, and realigns in batches of similar length; the plain way is in
float32 and in random order. So the accuracies say whether speed has cost any.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from common import FOLDER, Result, parser, ratios, record

ROOT = FOLDER.parent


def ours(options: dict[str, str], folder: Path) -> tuple[float, float]:
    """Seconds of ``mlflow run``, and the mean accuracy over the target languages, in %."""
    store = f"sqlite:///{folder / 'mlflow.db'}"
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": store,
        "ALIGNFREEZE_CACHE": str(folder / "cache"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    given = options | {"preset": "paper"}
    parameters = [part for name, value in given.items() for part in ("-P", f"{name}={value}")]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "mlflow", "run", ROOT, "--env-manager", "local", *parameters],
        env=environment,
        cwd=folder,
        check=True,
    )
    seconds = time.perf_counter() - began
    (run,) = mlflow.MlflowClient(store).search_runs(
        ["0"], "tags.`mlflow.parentRunId` IS NULL", max_results=2
    )
    return seconds, 100 * run.data.metrics["test/target_mean/accuracy"]


def plain(options: dict[str, str], folder: Path) -> tuple[float, float]:
    """The same of ``benchmarks/plain_run.py``."""
    output = folder / "scores.json"
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    arguments = [a.replace("_", "-") if a.startswith("--") else a for a in arguments]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, FOLDER / "plain_run.py", *arguments, "--output", output], check=True
    )
    seconds = time.perf_counter() - began
    scores = json.loads(output.read_text("utf-8"))
    targets = options["languages"].split(",")
    return seconds, 100 * statistics.mean(scores[f"test/{code}"] for code in targets)


Sides = dict[str, list[tuple[float, float]]]
"""Of ours and of the plain way: seconds and accuracy, seed by seed."""


def measured(options: dict[str, str], seeds: list[str]) -> Sides:
    """Both ways in turn, for each seed."""
    sides: Sides = {"ours": [], "plain": []}
    for seed in seeds:
        for name, run in (("ours", ours), ("plain", plain)):
            with TemporaryDirectory(prefix="alignfreeze-") as folder:
                sides[name].append(run(options | {"seed": seed}, Path(folder)))
            print(f"seed {seed}: {name} {sides[name][-1]}", flush=True)
    return sides


def time_taken(what: str, sides: Sides) -> Result:
    """The line about seconds."""
    seconds = {name: [s for s, _ in found] for name, found in sides.items()}
    rounds = ratios(seconds["plain"], seconds["ours"])
    return Result(
        f"{what}, seconds",
        f"{statistics.median(seconds['ours']):.0f}",
        f"{statistics.median(seconds['plain']):.0f}",
        statistics.median(rounds),
        ">= 3",
        "start-up, tokenizing and aligning included",
        rounds if len(rounds) > 1 else (),
    )


def accuracy(sides: Sides) -> Result:
    """The line about accuracy, of more seeds than one."""
    scores = {name: [a for _, a in found] for name, found in sides.items()}
    means = {name: statistics.mean(found) for name, found in scores.items()}
    deviations = {name: statistics.stdev(found) for name, found in scores.items()}
    return Result(
        f"mean accuracy, {len(scores['ours'])} seeds, %",
        f"{means['ours']:.2f} ± {deviations['ours']:.2f}",
        f"{means['plain']:.2f} ± {deviations['plain']:.2f}",
        abs(means["ours"] - means["plain"]) / max(deviations.values()),
        "<= 1",
        "the ratio is the difference over the larger standard deviation of the seeds",
    )


def main() -> None:
    """Measure, and record."""
    arguments = parser(__doc__)
    arguments.add_argument("--full", action="store_true", help="300 and 125 steps, one seed")
    arguments.add_argument("--lr", default="5e-5", help="of both phases")
    asked = arguments.parse_args()
    realign_steps, finetune_steps = ("300", "125") if asked.full else ("40", "30")
    languages = asked.languages.split(",")[: None if asked.full else 3]
    options = {
        "data": asked.data,
        "model": asked.model,
        "languages": ",".join(languages),
        "strategy": "none",
        "realign_steps": realign_steps,
        "finetune_steps": finetune_steps,
        "realign_lr": asked.lr,
        "finetune_lr": asked.lr,
    }
    seeds = ["31"] if asked.full else ["31", "42", "66"]
    sides = measured(options, seeds)
    steps = f"realign {realign_steps} + fine-tune {finetune_steps}"
    results = [time_taken(f"{steps} + evaluate {len(languages)} languages", sides)]
    if len(seeds) > 1:
        results.append(accuracy(sides))
    record(f"Whole runs, {steps}", results)


if __name__ == "__main__":
    main()
