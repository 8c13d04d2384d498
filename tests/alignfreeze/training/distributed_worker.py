"""One of several processes: ``distributed_worker.py share|train|resume FOLDER``.

Each leaves what it has found in FOLDER, named by its number.
"""

import json
import logging
import runpy
import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from alignfreeze.base.caching import cache_root
from alignfreeze.base.faults import reason_of
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.cli.main import failure
from alignfreeze.errors import ConfigError
from alignfreeze.training import distributed
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import make_accelerator
from alignfreeze.training.loop import TrainingPlan, train

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


def main(mode: str, out: Path) -> None:
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    accelerator = make_accelerator("fp32")
    try:
        with signals_as_exceptions("go on"), distributed.as_one(accelerator):
            if mode == "share":
                share(accelerator, out)
            else:
                trained(accelerator, out, resume=mode == "resume")
        accelerator.end_training()
    except BaseException as error:  # noqa: BLE001  as the command line ends
        message, code = failure(error, [])
        said = {"type": type(error).__name__, "reason": reason_of(error), "said": message}
        (out / f"{accelerator.process_index}.end").write_text(json.dumps(said), "utf-8")
        sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
