"""Codes that MLflow does not take in a metric's name, from the folder to the report."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest

from alignfreeze.config import build_config
from alignfreeze.errors import ConfigError
from alignfreeze.report.report import report
from alignfreeze.runs import pipeline
from alignfreeze.runs.preparation import Preparation
from tests.alignfreeze.tracked import what

pytestmark = pytest.mark.usefixtures("cache", "experiment")

OPTIONS = {
    "model": "demo",
    "task": "pos",
    "preset": "demo",
    "compare": "baseline",
    "realign_steps": "2",
    "finetune_steps": "2",
    "alignment_pairs": "10",
    "precision": "fp32",
}


def runs(experiment):
    found = mlflow.search_runs([experiment], output_format="list")
    return {what(run): run for run in reversed(found)}


@pytest.mark.parametrize("source", ["en", "en@oed"])
def test_a_code_with_a_modifier_goes_all_the_way(
    experiment, renamed_demo, tmp_path, source, caplog
):
    code = "ca@valencia"
    data = renamed_demo({"en": source, "de": code, "ru": "ru"})
    options = {**OPTIONS, "data": data, "source_language": source}
    outcome = pipeline.run(options)
    assert {score.language for score in outcome.results[0].scores} == {source, code, "ru"}
    first = runs(experiment)
    finetuned, named = first["finetune-pos"], source.replace("@", "-")
    values = finetuned.data.metrics
    assert {f"test/{part}/accuracy" for part in (named, "ca-valencia", "ru")} < values.keys()
    assert "word_alignment/realigned/ca-valencia" in first["realign"].data.metrics
    assert "words/ca-valencia/unknown" in first["realign"].data.metrics
    table = Path(finetuned.info.artifact_uri.removeprefix("file://")) / "results.csv"
    rows = pd.read_csv(table).set_index(["language", "split", "metric"])["value"]
    logged = values["test/ca-valencia/accuracy"]
    assert rows[code, "test", "accuracy"] == pytest.approx(logged)  # but for pandas' last bit
    mean = (values["test/ca-valencia/accuracy"] + values["test/ru/accuracy"]) / 2
    assert values["test/target_mean/accuracy"] == pytest.approx(mean)

    pipeline.run(options)
    again = runs(experiment)
    taken_over = set(first) - {"alignfreeze"}
    assert {n: again[n].info.run_id for n in taken_over} == {
        n: first[n].info.run_id for n in taken_over
    }
    assert again["alignfreeze"].data.metrics == first["alignfreeze"].data.metrics
    assert "computed again" not in caplog.text

    name = mlflow.get_experiment(experiment).name
    written = report({"experiments": name, "output": str(tmp_path / "report")})
    cells = pd.read_csv(written.folder / "detail.csv")
    assert {*cells["language"]} == {source, code, "ru"}
    assert {*cells[cells["role"] == "source"]["language"]} == {source}


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (["ca@valencia", "ca-valencia"], "'ca-valencia' and 'ca@valencia' are both called 'ca-"),
        (["de", "target_mean"], "language 'target_mean' cannot be .*that is what means over"),
        (["d\x07e"], r"language 'd\\x07e' cannot be called so .*no control characters"),
        (["x" * 65], "it must have at most 64 characters, has 65"),
    ],
)
def test_folders_that_cannot_be_named_are_refused_before_training(
    experiment, renamed_demo, codes, message
):
    data = renamed_demo({"en": "en"} | dict(zip(["de", "ru"], codes, strict=False)))
    with pytest.raises(ConfigError, match=message):
        pipeline.run({**OPTIONS, "data": data})
    assert set(runs(experiment)) == {"alignfreeze"}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("languages", "zh_Hant/x", "language 'zh_Hant/x' cannot .*no '/'"),
        ("languages", "sr@latin,sr-latin", "are both called 'sr-latin'"),
        ("realign_languages", "..", r"language '\.\.' cannot .*names a folder"),
        ("source_language", "target_mean", "language 'target_mean'"),
        ("source_language", " ", "language ' ' cannot .*begin or end with a blank"),
    ],
)
def test_codes_that_are_given_are_checked_before_anything_is_read(option, value, message):
    options = {**OPTIONS, "data": "/no/such/folder", option: value}
    with pytest.raises(ConfigError, match=message):
        Preparation(build_config(options))
