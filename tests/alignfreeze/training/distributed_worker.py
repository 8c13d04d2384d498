"""Several processes, forked of one that has done the imports, for each line that it reads.

A line is JSON: what they do (``mode``: share, evaluate, train, or resume), the folder where each
leaves what it has found, named by its number (``out``), and the ``environments``, one for each
process. The answer is a line with their exit codes.
"""

import json
import logging
import os
import runpy
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from alignfreeze.base.faults import reason_of
from alignfreeze.base.paths import cache_root
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.cli.main import failure
from alignfreeze.contracts import Feature, Outcomes, Parts, Task
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.prediction import evaluate
from alignfreeze.evaluation.scores import EvaluationSet
from alignfreeze.testing import tiny_encoder
from alignfreeze.training import distributed
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator
from alignfreeze.training.endings import as_one
from alignfreeze.training.loop import train
from alignfreeze.training.plan import TrainingPlan

INJECTED = Path(__file__).parents[3] / "tools" / "faults" / "injected" / "sitecustomize.py"

SECONDS = 60
"""That processes may take, together."""

TOY = runpy.run_path(str(Path(__file__).with_name("ddp_worker.py")))
Batch, Stream = TOY["Batch"], TOY["Stream"]

PLAN = TrainingPlan(
    phase="toy",
    unit="rows",
    steps=32,
    learning_rate=0.05,
    warmup_steps=2,
    accumulation=1,
    checkpoint_steps=5,
)


class Noisy(TOY["Model"]):
    """Its losses depend on the random numbers of each process."""

    def forward(self, batch) -> Tensor:
        return super().forward(Batch(nn.functional.dropout(batch.x), batch.weight))


def share(accelerator, out: Path) -> None:
    """What is shared: turns, a folder of the main process, what is found to be the same."""
    distributed.CHUNK = 4
    with distributed.in_turn(accelerator), (out / "turns").open("a") as turns:
        turns.write(f"{accelerator.process_index} ")
    with tempfile.TemporaryDirectory() as own:
        made = Path("made")  # another place on another machine
        if accelerator.is_main_process:
            (made / "below").mkdir(parents=True)
            (made / "below" / "file").write_bytes(b"ten bytes!")
            (made / "empty").write_bytes(b"")
        copies = distributed.folder_of_machine(accelerator, Path(own))
        place = distributed.on_every_machine(accelerator, made, copies)
        again = place.resolve()
        found = {
            "files": {
                str(path.relative_to(again)): path.read_text("utf-8")
                for path in sorted(again.rglob("*"))
                if path.is_file()
            },
            "copied": place != made,
        }
        accelerator.wait_for_everyone()
    distributed.check_same(accelerator, {"model": "a"})
    try:
        distributed.check_same(
            accelerator, {"model": "a", "task pos": str(accelerator.process_index)}
        )
    except ConfigError as error:
        found["differs"] = str(error)
    (out / f"{accelerator.process_index}.json").write_text(json.dumps(found), "utf-8")


def trained(accelerator, out: Path, *, resume: bool) -> None:
    """Train, from the start or from the last checkpoint."""
    model = Noisy()
    torch.manual_seed(accelerator.process_index)
    checkpoints = CheckpointFolder(cache_root() / "checkpoints", f"owner-{resume}")
    train(model, Stream(), PLAN, accelerator, checkpoints=checkpoints, resume=resume)
    state = {name: value.tolist() for name, value in model.named_parameters()}
    (out / f"{accelerator.process_index}.json").write_text(json.dumps(state), "utf-8")


class Classes(Task):
    """The class that the model says of each row; right is its example."""

    primary_metric: ClassVar[str] = "accuracy"

    def predict(self, outputs):
        return (outputs["logits"].argmax(dim=-1),)

    def metrics(self, examples, features, predictions):
        return {"accuracy": self.outcomes(examples, features, predictions).parts["accuracy"].value}

    def outcomes(self, examples, features, predictions):
        predicted = [str(int(label)) for (label,) in predictions]
        right = [a == b for a, b in zip(examples, predicted, strict=True)]
        return Outcomes(examples, predicted, {"accuracy": Parts.of(right)})


def evaluated(accelerator) -> dict[str, object]:
    """The scores and outcomes of five sets, of other languages and sizes."""
    config = tiny_encoder(n_layers=2).config
    config.num_labels = 3
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    random, sets = np.random.default_rng(0), []
    for size, language in enumerate(("en", "de", "fr", "ru", "no"), start=3):
        ids = [random.integers(5, 60, random.integers(2, 9)).tolist() for _ in range(size)]
        features = [Feature(own, {"labels": 0}, row) for row, own in enumerate(ids)]
        gold = [str(own) for own in random.integers(0, 3, size)]
        sets.append(EvaluationSet(language, "test", gold, features))
    found = evaluate(
        model, Classes(), sets, batch_size=4, padding=0, accelerator=accelerator, keep=True
    )
    outcomes = {
        language: [own.gold, own.predicted, *(part.tolist() for part in own.parts["accuracy"])]
        for language, own in found.outcomes["test"].items()
    }
    return {"scores": found.scores, "outcomes": outcomes}


def main(mode: str, out: Path) -> None:
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    accelerator = make_accelerator("fp32")
    try:
        with signals_as_exceptions("go on"), as_one(accelerator):
            if mode == "share":
                share(accelerator, out)
            elif mode == "evaluate":
                told = json.dumps(evaluated(accelerator))
                (out / f"{accelerator.process_index}.json").write_text(told, "utf-8")
            else:
                trained(accelerator, out, resume=mode == "resume")
        accelerator.end_training()
    except BaseException as error:  # noqa: BLE001  as the command line ends
        message, code = failure(error, [])
        said = {"type": type(error).__name__, "reason": reason_of(error), "said": message}
        (out / f"{accelerator.process_index}.end").write_text(json.dumps(said), "utf-8")
        sys.exit(code)


def begin(environment: dict[str, str]) -> None:
    """Make a forked process what one with this environment would be."""
    os.environ.update(environment)
    os.chdir(environment["TMPDIR"])
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # answers are the parent's
    tempfile.tempdir = None
    runpy.run_path(str(INJECTED))


def code_of(process: int, end: float) -> int:
    """What a process exits with; it is killed if it does not in time."""
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def serve() -> None:
    """Do what each line says. Processes that are forked go on to their own end."""
    while line := sys.stdin.readline():
        task = json.loads(line)
        processes = []
        for environment in task["environments"]:
            if process := os.fork():
                processes.append(process)
            else:
                begin(environment)
                main(task["mode"], Path(task["out"]))
                return
        end = time.monotonic() + SECONDS
        print(json.dumps([code_of(process, end) for process in processes]), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve()
