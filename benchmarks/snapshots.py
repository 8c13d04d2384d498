"""A grid whose tasks realign for different numbers of steps: one realignment against one for each.

    python benchmarks/snapshots.py [--tasks pos,ner,nli,qa --epochs 1 --rounds 3]

Both sides do the same grid of the embedded data and encoder, in a process, store and cache of their
own each, in turn. A side that realigns for each task by itself does the tasks' grids one after the
other. Counted are the steps that were taken and the CPU seconds of the processes.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.tracking import store
from alignfreeze.tracking.names import ON_WAY_OF, Kind

TOGETHER, EACH = "one realignment", "one for each task"


@dataclass(frozen=True)
class Cost:
    """What a side took: optimizer steps of realignment, CPU seconds, and its scores."""

    steps: int
    seconds: float
    scores: dict[str, float]


def grid(tasks: str, epochs: str) -> dict[str, str]:
    """The options of a grid of some tasks."""
    return {
        "preset": "standard",
        "data": "demo",
        "models": "demo",
        "tasks": tasks,
        "strategies": "none,front,back",
        "seeds": "31",
        "realign_languages": "all",
        "languages": "de",
        "finetune_epochs": epochs,
        "max_length": "128",
        "precision": "fp32",
    }


def measure(grids: list[str], epochs: str) -> Cost:
    """Do some grids, one after the other, in this process."""
    scores = {}
    for tasks in grids:
        for row in benchmark(grid(tasks, epochs)).rows():
            scores[f"{row['task']} {row['strategy']}"] = row["target_mean"]
    runs = [r for r in store.stored_runs(()) if r.kind is Kind.REALIGNMENT]
    steps = sum(int(r.params["realign_steps"]) for r in runs if ON_WAY_OF not in r.tags)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Cost(steps, used.ru_utime + used.ru_stime, scores)


def in_process(grids: list[str], epochs: str) -> Cost:
    """The same in a process with a new store."""
    with TemporaryDirectory(prefix="alignfreeze-") as folder:
        places = {
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "ALIGNFREEZE_CACHE": f"{folder}/cache",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "ACCELERATE_USE_CPU": "true",
        }
        command = [sys.executable, str(Path(__file__).resolve()), "--of", ";".join(grids)]
        done = subprocess.run(
            [*command, "--epochs", epochs],
            env={**os.environ, **places},
            cwd=folder,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure both sides in turn, and print the medians and the ratio."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--tasks", default="pos,ner,nli,qa")
    arguments.add_argument("--epochs", default="1")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--of", default="", help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.of:
        print(json.dumps(vars(measure(asked.of.split(";"), asked.epochs))))
        return
    sides = {TOGETHER: [asked.tasks], EACH: asked.tasks.split(",")}
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for number in range(asked.rounds):
        for name, grids in sides.items():
            cost = in_process(grids, asked.epochs)
            found[name].append(cost)
            print(f"round {number + 1}: {name}: {cost.steps:,} steps, {cost.seconds:.1f} CPU s")
    ratios = [b.seconds / a.seconds for a, b in zip(found[TOGETHER], found[EACH], strict=True)]
    (steps,), (each,) = ({cost.steps for cost in found[name]} for name in (TOGETHER, EACH))
    print(f"realignment steps: {steps:,} against {each:,}: {each / steps:.2f}")
    print(f"CPU seconds, all of the grid: ratio {statistics.median(ratios):.2f}")
    same = all(a.scores == found[TOGETHER][0].scores for name in found for a in found[name])
    print(f"scores: {'the same' if same else 'they differ'}")


if __name__ == "__main__":
    main()
