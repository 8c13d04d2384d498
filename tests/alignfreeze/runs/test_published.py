"""The published presets as whole runs, a few steps each, on the demo's sentences."""

import mlflow
import pytest

from alignfreeze.errors import AlignFreezeError
from alignfreeze.runs import pipeline
from tests.alignfreeze.tracked import what

SMALL = {
    "data": "demo",
    "model": "demo",
    "languages": "de,ru",
    "compare": ",",
    "realign_steps": "2",
    "finetune_steps": "2",
    "precision": "fp32",
}
pytestmark = pytest.mark.usefixtures("cache", "experiment")


def params(experiment: str) -> dict[str, dict[str, str]]:
    """The options that the experiment's runs say of themselves, by name."""
    found = mlflow.search_runs([experiment], output_format="list")
    return {
        what(run): {name.removeprefix("cfg."): said for name, said in run.data.params.items()}
        for run in found
    }


def test_paper_as_run_trains_and_evaluates_in_its_own_lengths(experiment):
    lengths = "pos=128,qa=120"  # the demo's encoder reads 128
    options = {**SMALL, "preset": "paper-as-run", "task": "pos,qa", "eval_max_length": lengths}
    with pytest.raises(AlignFreezeError, match="en-af has no parallel text"):
        pipeline.run(options)
    options["realign_languages"] = "all"
    outcome = pipeline.run(options)
    assert [(found.task, found.metric) for found in outcome.results] == [
        ("pos", "accuracy"),
        ("qa", "f1"),
    ]
    found = params(experiment)
    assert found["realign"]["realign_languages"] == "ar,de,el,es,hi,ru,tr,zh"
    assert (found["realign"]["layer"], found["realign"]["pair_limit"]) == ("-2", "581")
    assert found["finetune-qa"]["max_length"] == "96"


def test_paper_realigns_all_languages_by_the_last_layer(experiment):
    options = {**SMALL, "preset": "paper", "task": "pos,qa", "max_length": "96"}
    with pytest.raises(AlignFreezeError, match="en-af has no parallel text"):
        pipeline.run(options)
    outcome = pipeline.run({**options, "realign_languages": "all"})
    assert [found.task for found in outcome.results] == ["pos", "qa"]
    found = params(experiment)["realign"]
    assert found["realign_languages"] == "ar,de,el,es,hi,ru,tr,zh"
    assert (found["layer"], found["language_mix"]) == ("-1", "uniform")
