"""What a run keeps of its predictions, and what it says where it keeps none."""

import logging
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.evaluation import outcome_files
from alignfreeze.evaluation.outcome_files import outcome_file, read_origin, read_parts
from alignfreeze.runs import pipeline, predictions
from alignfreeze.tracking.location import artifact_path
from tests.alignfreeze.tracked import what

SMALL = {
    "languages": "de,ru",
    "strategy": "baseline",
    "compare": ",",
    "finetune_steps": "2",
    "alignment_pairs": "0",
    "precision": "fp32",
}
NO_PREDICTIONS = {**SMALL, "save_predictions": "false"}
LOGGER = "alignfreeze.runs.predictions"

pytestmark = pytest.mark.usefixtures("cache")


def runs(experiment, name):
    """The runs of a name, the newest first."""
    found = mlflow.search_runs([experiment], output_format="list")
    return [run for run in found if what(run) == name]


def kept(run):
    """The names of the files of predictions that a run has."""
    folder = outcome_files.FOLDER
    return {Path(f.path).name for f in MlflowClient().list_artifacts(run.info.run_id, folder)}


def said(caplog):
    """What is said of predictions at a level that ``--quiet`` shows too."""
    records = [r for r in caplog.records if r.name == LOGGER and r.levelno >= logging.WARNING]
    return [record.getMessage() for record in records]


def test_a_fine_tuning_keeps_what_its_scores_follow_from(experiment, tmp_path):
    pipeline.run({**SMALL, "seed": "7201"})
    (run,) = runs(experiment, "finetune-pos")
    assert kept(run) == {"test.parquet", "validation.parquet"}
    for split in ("test", "validation"):
        path = artifact_path(run.info.run_id, outcome_file(split), tmp_path)
        parts = read_parts(path, "accuracy")
        assert {language: own.value for language, own in parts.items()} == {
            language: run.data.metrics[f"{split}/{language}/accuracy"]
            for language in ("en", "de", "ru")
        }
        origin = read_origin(path)
        assert (origin.task, origin.split, {*origin.digests}) == ("pos", split, {*parts})


def test_none_are_kept_that_are_not_asked_for(experiment, caplog):
    pipeline.run({**NO_PREDICTIONS, "seed": "7202"})
    (run,) = runs(experiment, "finetune-pos")
    assert kept(run) == set()
    assert "test/de/accuracy" in run.data.metrics
    assert said(caplog) == []


def test_what_cannot_be_written_costs_no_scores(experiment, caplog, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(predictions, "write_outcomes", full)
    pipeline.run({**SMALL, "seed": "7203"})
    (run,) = runs(experiment, "finetune-pos")
    assert run.info.status == "FINISHED"
    assert kept(run) == set()
    assert "test/de/accuracy" in run.data.metrics
    (line,) = said(caplog)
    assert line.startswith(f"the predictions of run {run.info.run_id} are not kept: ")


def test_a_phase_that_is_taken_over_without_them_is_told_once(experiment, caplog):
    pipeline.run({**NO_PREDICTIONS, "seed": "7204"})
    (first,) = runs(experiment, "finetune-pos")
    caplog.clear()
    outcome = pipeline.run({**SMALL, "seed": "7204"})
    line = (
        f"run {first.info.run_id} was taken over, and has kept no predictions on pos: "
        "reuse=false computes them"
    )
    assert said(caplog) == [line]
    assert not any("predictions" in place for place in outcome.places)
    caplog.clear()
    pipeline.run({**NO_PREDICTIONS, "seed": "7204"})
    assert said(caplog) == []


def test_a_phase_that_is_taken_over_with_them_is_not_told(experiment, caplog):
    pipeline.run({**SMALL, "seed": "7205"})
    pipeline.run({**SMALL, "seed": "7205"})
    assert said(caplog) == []


def test_the_cells_of_a_grid_keep_them_and_tell_what_has_none(experiment, caplog, tmp_path):
    pipeline.run({**NO_PREDICTIONS, "preset": "demo", "seed": "7206"})
    own = {n: SMALL[n] for n in ("languages", "finetune_steps", "alignment_pairs", "precision")}
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    grid = {"tasks": "pos", "strategies": "baseline", "seeds": "7206,7207", "preset": "demo"}
    grid |= {"study": "kept", "storage": storage, **own}
    caplog.clear()
    benchmark(grid, lambda plan: None)
    new, old = runs(experiment, "finetune-pos")
    assert (kept(new), kept(old)) == ({"test.parquet", "validation.parquet"}, set())
    (line,) = said(caplog)
    assert line.startswith(f"run {old.info.run_id} was taken over, and has kept no predictions")
