"""Whole runs on a machine that has not enough of something: one line, exit code 1, FAILED."""

import errno
import os
import subprocess
import sys

import mlflow
import pytest
import torch

from alignfreeze.base import disks
from alignfreeze.cli.main import main
from alignfreeze.evaluation import finetuning
from alignfreeze.probing.probes import WordProbe
from alignfreeze.realignment import phase
from alignfreeze.runs import finetune_phase
from alignfreeze.tracking.runs import TrackedRun
from tests.alignfreeze.tracked import what

RUN = ["run", "--languages=de", "--realign-steps=2", "--finetune-steps=2", "--precision=fp32"]
RUN += ["--compare=", "--reuse=false", "--alignment-pairs=10"]


@pytest.fixture
def failing(cache, experiment, capsys):
    """The line that a run ends with, and why its MLflow runs have failed, by name."""

    def run(*options: str) -> tuple[str, dict[str, str]]:
        with pytest.raises(SystemExit, match=r"^1$"):
            main([*RUN, *options])
        lines = capsys.readouterr().err.splitlines()
        assert not any("Traceback" in line for line in lines)
        runs = mlflow.search_runs([experiment], output_format="list")
        assert {r.info.status for r in runs} <= {"FAILED", "FINISHED"}
        failed = [r for r in runs if r.info.status == "FAILED"]
        reasons = {what(r): r.data.tags["alignfreeze.error"] for r in failed}
        return lines[-1].removeprefix("alignfreeze: "), reasons

    return run


def raising(error):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize(
    ("place", "name", "what", "option"),
    [
        (phase, "train", "realignment", "realign_batch_size below 16"),
        (finetuning, "train", "fine-tuning", "finetune_batch_size below"),
        (finetune_phase, "evaluate", "evaluation", "eval_batch_size below"),
        (WordProbe, "vectors", "measuring alignment", "eval_batch_size below"),
    ],
)
def test_short_memory_names_what_helps_there(place, name, what, option, failing, monkeypatch):
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nOf which")
    monkeypatch.setattr(place, name, raising(error))
    line, reasons = failing()
    assert line.startswith(f"{what}: memory is short (OutOfMemoryError: CUDA out of memory. Tried")
    assert option in line
    assert len(reasons) == 2
    assert set(reasons.values()) == {line}


def test_a_model_that_will_not_fit_is_refused_before_it_is_trained(failing, monkeypatch):
    monkeypatch.setattr(disks, "free_in", lambda folder: 1 << 20)
    monkeypatch.setattr(phase, "train", raising(AssertionError("it was trained")))
    line, reasons = failing()
    assert line.startswith("the model that comes of it will not fit: ")
    assert set(reasons.values()) == {line}


def test_a_full_disk_in_the_end_keeps_the_checkpoint(failing, cache, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(cache / "a"))
    monkeypatch.setattr(TrackedRun, "artifacts", raising(full))
    monkeypatch.setattr(disks, "free_in", lambda folder: 1 << 40)  # others write meanwhile
    before = set(cache.glob("checkpoints/*/*/step-*"))
    line, reasons = failing("--checkpoint-steps=1")
    assert line.startswith("the disk is full: ")
    assert set(reasons.values()) == {line}
    (kept,) = set(cache.glob("checkpoints/*/*/step-*")) - before
    assert kept.name == "step-000000001"


LIMITED = """
import resource, sys
from alignfreeze.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of files")
def test_a_file_that_may_not_be_as_large_leaves_nothing(cache, tmp_path, monkeypatch):
    output = tmp_path / "out"
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    (data,) = (cache / "demo").iterdir()
    given = ["align", "--languages=de", f"--output={output}", f"--data={data}"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *given], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line.startswith("alignfreeze: a file may not be as large as it would get")
    assert not list(output.glob("*"))
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
