"""What a person finds of a run in MLflow: its name, its table, its data sets."""

import re
from pathlib import Path

import mlflow
import pytest
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

import alignfreeze
from alignfreeze.runs import pipeline
from alignfreeze.tracking.names import TAG, Kind
from alignfreeze.tracking.store import stored_run
from tests.alignfreeze.tracked import what

SMALL = {
    "languages": "de,ru",
    "realign_steps": "2",
    "finetune_steps": "2",
    "pair_limit": "50",
    "precision": "fp32",
}


def runs(experiment):
    found = mlflow.search_runs([experiment], output_format="list")
    return {what(run): run for run in reversed(found)}


def contexts(run):
    """By what each data set is used for, its name and digest."""
    return {
        one.tags[0].value: (one.dataset.name, one.dataset.digest)
        for one in run.inputs.dataset_inputs
    }


@pytest.fixture(scope="module")
def left(fresh_experiment, small_cache, tmp_path_factory):
    """The runs of a run beside the baseline, of a realignment, and of an evaluation of that."""
    artifacts = tmp_path_factory.mktemp("module") / "artifacts"
    with fresh_experiment(artifacts) as experiment, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(small_cache))
        options = {**SMALL, "seed": "7100"}
        pipeline.run({**options, "compare": "baseline"})
        made = pipeline.realign_only({**options, "strategy_args": "boundary=1", "compare": "back"})
        tested = {n: options[n] for n in ("languages", "finetune_steps", "precision", "seed")}
        pipeline.evaluate_only({**tested, "encoder": made.run_id})
        yield runs(experiment)


def test_runs_are_called_what_they_are(left):
    names = {what: run.info.run_name for what, run in left.items()}
    assert names == {
        "alignfreeze": "front vs baseline pos seed 7100",
        "alignfreeze realign": "realign front(boundary=1) pos seed 7100",
        "alignfreeze evaluate": "evaluate front(boundary=1) pos seed 7100",
        **{name: name for name in ("realign", "finetune-pos", "finetune-pos-baseline")},
    }


def test_their_descriptions_are_their_tables(left):
    text = left["alignfreeze"].data.tags[MLFLOW_RUN_NOTE]
    metrics = left["alignfreeze"].data.metrics
    mean = f"{100 * metrics['test/target_mean/accuracy']:.1f}"
    assert f", front {mean}\n" in text  # before the table, which is folded
    lines = [line.replace("\xa0", "").split("|")[1:-1] for line in text.splitlines() if "|" in line]
    table = [[cell.strip() for cell in line] for line in lines]
    assert table[0] == ["language", "baseline", "front", "diff."]
    assert [row[0] for row in table[2:]] == ["en (source)", "de", "ru", "mean of targets"]
    assert table[-1][2] == mean
    assert table[3][2] == f"{100 * metrics['test/de/accuracy']:.1f}"
    for name in ("finetune-pos", "finetune-pos-baseline", "alignfreeze evaluate"):
        assert "mean of targets" in left[name].data.tags[MLFLOW_RUN_NOTE]


def test_the_data_that_a_run_and_its_phases_use_are_inputs(left):
    parent, realigned, finetuned = (
        contexts(left[name]) for name in ("alignfreeze", "realign", "finetune-pos")
    )
    name, digest = parent["realignment"]
    assert name == "demo parallel text"
    assert left["realign"].data.tags["alignfreeze.parallel_hash"].startswith(digest)
    assert realigned == {"realignment": parent["realignment"]}
    assert {context: name for context, (name, _) in finetuned.items()} == {
        split: f"demo pos {split}" for split in ("train", "validation", "test")
    }
    assert parent == realigned | finetuned
    assert "realignment" not in contexts(left["alignfreeze evaluate"])


def test_tags_can_be_read(left):
    tags = stored_run(left["finetune-pos-baseline"].info.run_id).tags
    assert tags["precision"] == "fp32"
    assert tags["default_hyperparameters"] == "true"
    assert tags["kind"] == "fine-tuning"


def test_other_languages_are_another_test_set_and_the_same_training_set(experiment, cache, left):
    pipeline.run({**SMALL, "seed": "7100", "languages": "de", "strategy": "baseline"})
    before, now = contexts(left["alignfreeze"]), contexts(runs(experiment)["alignfreeze"])
    assert now["train"] == before["train"]
    assert now["test"] != before["test"]
    assert "realignment" not in now


@pytest.mark.parametrize("asked", ["true", "false"])
def test_the_option_measures_the_machine(experiment, cache, monkeypatch, asked):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.01")
    pipeline.run({**SMALL, "seed": "7101", "system_metrics": asked, "reuse": "false"})
    measured = [
        any(name.startswith("system/") for name in run.data.metrics)
        for run in runs(experiment).values()
    ]
    assert set(measured) == {asked == "true"}


def test_the_page_about_it_knows_all_of_it(left):
    page = (Path(alignfreeze.__file__).parents[1] / "docs" / "mlflow.md").read_text("utf-8")
    told = set(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page))
    kinds = {kind.value for kind in Kind}
    assert kinds <= told
    for run in left.values():
        tags = {name.removeprefix(TAG) for name in run.data.tags if name.startswith(TAG)}
        assert {name for name in tags if not name.startswith("reused.")} <= told
        ours = {name.partition("/")[0] for name in run.data.metrics}
        assert ours <= {name.partition("/")[0] for name in told}
