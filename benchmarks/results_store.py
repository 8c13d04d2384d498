"""Results of another program as runs, and a report of them: rows a second, and seconds.

    python benchmarks/results_store.py [--against CHECKOUT --models 3 --rounds 3]

The rows are made up: the reference's columns and its numbers of languages and metrics, random
scores. They are imported into a new SQLite store; the plain way makes the six calls a row that one
thinks of first. The report is a process of its own, with and without figures; with another
checkout, whose `.venv` has what it needs, both are measured in turn.
"""

import csv
import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import mlflow
import numpy as np
from common import Result, compared, in_turn, parser, record
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from alignfreeze.tracking.importing import import_results
from alignfreeze.tracking.reference import ReferenceRow, read_rows

TAGGED = (
    "af ar bg ca cs da de el es fa fi fr he hi hu it ja ko lt lv no pl pt ro ru sk sl sv ta th tr "
    "uk vi zh"
)
ASKED = "ar de el es hi ru th tr vi zh"
TASKS = {
    "udpos": (TAGGED, ["accuracy"]),
    "wikiann": (TAGGED, ["accuracy", "precision", "recall", "f1"]),
    "xnli": (ASKED, ["accuracy"]),
    "xquad": (ASKED, ["em", "f1"]),
}
"""By task, its target languages and its metrics."""

MODELS = ("distilbert-base-multilingual-cased", "bert-base-multilingual-cased", "xlm-roberta-base")
REALIGNED = ("before", "freeze_realign_unfreeze", "freeze_realign_unfreeze_last_half")
METHODS = ("baseline", *map("_".join, product(REALIGNED, ("dico", "awesome", "fastalign"))))
SEEDS = (31, 42, 66, 23, 17)

WITHOUT_FIGURES = (
    "import alignfreeze.report.writing as writing; "
    "writing.report_figures = writing.correlate_figures = lambda *_: {}; "
    "from alignfreeze.cli.main import main; main()"
)


def write_results(folder: Path, models: int) -> list[Path]:
    """Write result files of random scores, one a model and task, 50 rows each."""
    rng, files = np.random.default_rng(0), []
    for model, (task, (targets, metrics)) in product(MODELS[:models], TASKS.items()):
        files.append(folder / f"{model}__{task}.csv")
        languages = ["same", *targets.split()]
        scores = [f"eval_{code}_{metric}" for code, metric in product(languages, metrics)]
        with files[-1].open("w", encoding="utf-8", newline="") as opened:
            lines = csv.writer(opened)
            lines.writerow(["seed", "model", "task", "method", "realignment_steps", *scores])
            for method, seed in product(METHODS, SEEDS):
                steps = 0 if method == "baseline" else 1970
                values = rng.uniform(0.5, 0.9, size=len(scores)).tolist()
                lines.writerow([seed, model, task, method, steps, *values])
    return files


def sample(files: list[Path], rows: int, folder: Path) -> list[Path]:
    """The first rows of some files, in files of their own."""
    found = []
    for file in files:
        found.append(folder / f"sample-{file.name}")
        with file.open(encoding="utf-8") as opened:
            found[-1].write_text("".join(islice(opened, 1 + rows)), "utf-8")
    return found


def rows_of(files: list[Path]) -> Iterator[ReferenceRow]:
    """The rows of some files."""
    for file in files:
        yield from (row for row in read_rows(file, {}) if isinstance(row, ReferenceRow))


def plainly(files: list[Path], experiment: str) -> int:
    """Import rows by a call of the store for each kind of thing; how many."""
    client, count = MlflowClient(), 0
    for count, row in enumerate(rows_of(files), 1):
        found = client.get_experiment_by_name(experiment)
        number = found.experiment_id if found else client.create_experiment(experiment)
        run_id = client.create_run(number, run_name=f"{row.strategy} {row.task}").info.run_id
        now = int(time.time() * 1000)
        scores = [
            Metric(f"test/{code}/{metric}", value, now, 0)
            for (code, metric), value in row.scores.items()
        ]
        tags = {"model": row.model, "task": row.task, "strategy": row.strategy, "row": str(count)}
        client.log_batch(run_id, metrics=scores)
        client.log_batch(run_id, params=[Param("cfg.source_language", "en")])
        client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])
        client.set_terminated(run_id)
    return count


def ours(files: list[Path], experiment: str) -> int:
    """Import rows as `import-results` does; how many."""
    return import_results(files, experiment).added


def imported(files: list[Path], rounds: int) -> Result:
    """Rows a second of both ways, and how much of ours is within MLflow."""
    within = 0.0
    log_batch = MlflowClient.log_batch

    def timed(self: MlflowClient, *args: Any, **kwargs: Any) -> None:
        nonlocal within
        began = time.perf_counter()
        log_batch(self, *args, **kwargs)
        within += time.perf_counter() - began

    def rate(name: str, number: int) -> float:
        nonlocal within
        within = 0.0
        began = time.perf_counter()
        count = {"ours": ours, "plain": plainly}[name](files, f"{name}-{number}")
        seconds = time.perf_counter() - began
        shares.setdefault(name, []).append(within / seconds)
        return count / seconds

    shares: dict[str, list[float]] = {}
    ours(files, "warm")  # makes the store
    sides: dict[str, Callable[[int], float]] = {
        name: partial(rate, name) for name in ("ours", "plain")
    }
    with patch.object(MlflowClient, "log_batch", timed):
        rates = in_turn(rounds, sides)
    metrics = sum(len(row.scores) for row in rows_of(files)) / sum(1 for _ in rows_of(files))
    note = (
        f"{metrics:.0f} scores a row; {100 * float(np.median(shares['ours'])):.0f} % of ours is in "
        "MLflow's `log_batch`, which makes two objects of SQLAlchemy a score"
    )
    return compared("`import-results`, rows/s", rates["ours"], rates["plain"], note=note)


def report_seconds(python: str, folder: Path, number: int, *, figures: bool) -> float:
    """How long a report of all that was imported takes."""
    command = ["-m", "alignfreeze"] if figures else ["-c", WITHOUT_FIGURES]
    options = ["--experiments", "grid", "--source", "imported", "--output", f"report-{number}"]
    began = time.perf_counter()
    subprocess.run(
        [python, *command, "report", *options], cwd=folder, check=True, capture_output=True
    )
    return time.perf_counter() - began


def reported(asked: Namespace, folder: Path, rows: int) -> list[Result]:
    """Seconds of a report of all rows, and those of another checkout if there is one."""
    pythons = {"ours": sys.executable}
    if asked.against:
        pythons["other"] = str(asked.against.resolve() / ".venv" / "bin" / "python")
    results = []
    for figures, target in ((False, "<= 10"), (True, "<= 20")):
        sides: dict[str, Callable[[int], float]] = {
            side: partial(report_seconds, python, folder, figures=figures)
            for side, python in pythons.items()
        }
        seconds = in_turn(asked.rounds, sides)
        what = f"`report` on {rows} runs, {'with' if figures else 'without'} figures, seconds"
        if asked.against:
            results.append(compared(what, seconds["ours"], seconds["other"]))
        else:
            median = float(np.median(seconds["ours"]))
            results.append(Result(what, f"{median:.1f}", "", median, target))
    return results


def main() -> None:
    """Measure, and record where nothing is compared with another checkout."""
    arguments = parser(__doc__)
    arguments.add_argument("--against", type=Path, help="another checkout, to be measured in turn")
    arguments.add_argument("--models", type=int, default=3, help="200 rows each")
    arguments.add_argument("--sample", type=int, default=10, help="rows of a task, both ways")
    asked = arguments.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
        files = write_results(folder, asked.models)
        results = [imported(sample(files[: len(TASKS)], asked.sample, folder), asked.rounds)]
        rows = ours(files, "grid")
        results += reported(asked, folder, rows)
    if asked.against:
        for result in results:
            print(f"{result.what}: {result.ours} against {result.baseline}: {result.spread}")
    else:
        record("Results of another program", results)


if __name__ == "__main__":
    main()
