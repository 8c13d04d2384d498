"""What a run takes over from finished ones: only what is whole, and without leaving copies."""

import shutil
from pathlib import Path

import mlflow
import pytest
import torch
import yaml
from mlflow.store.artifact import artifact_repository_registry
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from safetensors.torch import load_file, save_file

from alignfreeze.base.caching import SUMS
from alignfreeze.config import RunConfig, build_config
from alignfreeze.errors import ConfigError
from alignfreeze.runs import pipeline
from alignfreeze.runs.phase_runs import Scope
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.provenance import PROVENANCE_FILE, Provenance, fault_of, write_provenance
from alignfreeze.runs.realigned import find_encoder
from alignfreeze.tracking.runs import TrackedRun, tracked_run

OPTIONS = {
    "languages": "de",
    "realign_languages": "de",
    "compare": ",",
    "realign_steps": "2",
    "finetune_steps": "2",
    "alignment_pairs": "5",
    "precision": "fp32",
}

pytestmark = pytest.mark.usefixtures("cache", "experiment")


class Elsewhere(LocalArtifactRepository):
    """Artifacts that have to be downloaded."""

    def __init__(self, artifact_uri: str, *args: object, **kwargs: object) -> None:
        super().__init__(artifact_uri.removeprefix("elsewhere:"), *args, **kwargs)


@pytest.mark.parametrize("scheme", ["file", "elsewhere"])
def test_what_is_taken_over_leaves_no_copy(scheme, tmp_path, monkeypatch):
    registry = artifact_repository_registry._artifact_repository_registry
    monkeypatch.setitem(registry._registry, "elsewhere", Elsewhere)
    place = f"{scheme}://{tmp_path}/{scheme}"
    experiment = mlflow.create_experiment(str(tmp_path), place)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    options = {**OPTIONS, "seed": {"file": "6001", "elsewhere": "6002"}[scheme]}
    pipeline.run(options)
    pipeline.run(options)
    first, *before = mlflow.search_runs([experiment], output_format="list")
    assert "alignfreeze.reused.realignment" in first.data.tags
    assert "alignfreeze.reused.fine-tuning_on_pos" in first.data.tags
    (realigned,) = (run for run in before if run.info.run_name == "realign")
    evaluated = {n: v for n, v in options.items() if n not in ("compare", "alignment_pairs")}
    pipeline.evaluate_only({**evaluated, "encoder": realigned.info.run_id})
    assert not list(temporary.iterdir())


# Realigned encoders


def replaced(file: Path) -> None:
    """Other weights of the same shape."""
    weights = {name: torch.ones_like(tensor) for name, tensor in load_file(file).items()}
    save_file(weights, file)


def without_numbers(file: Path) -> None:
    weights = {name: tensor * float("nan") for name, tensor in load_file(file).items()}
    save_file(weights, file)


WEIGHTS = "model.safetensors"
DAMAGES = {
    "cut": (lambda folder: cut(folder / WEIGHTS), f"{WEIGHTS} beside it must be as it was"),
    "replaced": (lambda folder: replaced(folder / WEIGHTS), "is of another encoder"),
    "nan": (lambda folder: without_numbers(folder / WEIGHTS), "is of another encoder"),
    "config": (lambda folder: (folder / "config.json").unlink(), "and is gone"),
    "tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "and is gone"),
    "folder": (lambda folder: shutil.rmtree(folder), f"there is no .*{PROVENANCE_FILE}"),
    "pickle": (lambda folder: (folder / "pytorch_model.bin").write_bytes(b"\x80"), "put there"),
    "adapter": (lambda folder: (folder / "adapter_config.json").write_text("{}"), "put there"),
    "said": (lambda folder: (folder / PROVENANCE_FILE).write_text("{"), "must be JSON"),
    "bytes": (lambda folder: (folder / PROVENANCE_FILE).write_bytes(b"\xff"), "cannot be read"),
    "deep": (lambda folder: (folder / PROVENANCE_FILE).write_text("[" * 9999), "must be JSON"),
    "nothing": (lambda folder: (folder / PROVENANCE_FILE).unlink(), "there is no"),
}


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(("damage", "fault"), DAMAGES.values(), ids=DAMAGES)
def test_an_encoder_that_is_not_as_it_was_left_is_not_believed(tmp_path, damage, fault):
    folder = tmp_path / "encoder"
    folder.mkdir()
    save_file({"weight": torch.zeros(2, 2)}, folder / WEIGHTS)
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    made = Provenance(options=RunConfig(), usual=True, identity="made", run_id="1")
    write_provenance(folder, made)
    assert fault_of(folder, "made") is None
    damage(folder)
    with pytest.raises(ConfigError, match=fault):
        raise ConfigError(fault_of(folder, "made"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"seed: [", "cannot be read as YAML"),
        (b"\xff", "cannot be read as YAML"),
        (b"", "must hold option: value lines"),
        (b"- seed", "must hold option: value lines"),
        (b"seed: many", "seed must be"),
        (yaml.safe_dump({"languages": [["de"]]}).encode(), "languages"),
    ],
)
def test_the_configuration_of_an_older_run_is_read_with_care(tmp_path, content, complaint):
    with tracked_run("realign") as run:
        run.artifacts(Path(pipeline.find_model("demo")), "encoder")
        run.text("", "config.yaml")
        run.finished_as("made")
    root = mlflow.get_run(run.run_id).info.artifact_uri.removeprefix("file://")
    (Path(root) / "config.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=complaint) as caught:
        find_encoder(run.run_id, tmp_path)
    assert "\n" not in str(caught.value)


# Fine-tuned models that a search keeps


@pytest.mark.parametrize("damaged", [WEIGHTS, SUMS])
def test_a_kept_model_that_is_damaged_is_fine_tuned_again(
    accelerator, tmp_path, caplog, damaged, monkeypatch
):
    options = {**OPTIONS, "strategy": "baseline", "seed": "6003", "alignment_pairs": "0"}
    preparation = Preparation(build_config({**options, "reuse": "false"}))
    (choice,), (data,) = preparation.strategies, preparation.tasks
    scope = Scope(models=tmp_path / "models")

    def scores():
        phases = Phases(preparation, accelerator, TrackedRun(None), tmp_path, scope)
        with tracked_run("parent"):
            return phases.finetune(phases.pretrained(), choice, data)

    expected = scores()
    (kept,) = scope.models.iterdir()
    whole = (kept / WEIGHTS).read_bytes()
    cut(kept / damaged)
    assert scores() == expected
    (warning,) = (message for message in caplog.messages if "damaged" in message)
    assert warning.startswith(f"{kept}: the fine-tuned model that was kept for the tests is damag")
    assert warning.endswith("; it is made again")
    assert (kept / WEIGHTS).read_bytes() == whole
    assert list(scope.models.iterdir()) == [kept]
