"""What realigned an encoder goes with it, into every run that uses it, and into the report."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import mlflow
import pytest
import torch
import yaml
from transformers import AutoModel

from alignfreeze import __version__
from alignfreeze.base.versions import LIBRARIES, library_versions, versions_text
from alignfreeze.config import RunConfig
from alignfreeze.data.finding import find_model
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze.report.collecting import collect
from alignfreeze.report.results import REALIGN_SETTINGS
from alignfreeze.report.settings import ReportConfig
from alignfreeze.runs import pipeline
from alignfreeze.runs.provenance import (
    CARRIED,
    PROVENANCE_FILE,
    SHARED,
    Provenance,
    fault_of,
    write_provenance,
)
from alignfreeze.tracking.store import stored_runs
from tests.alignfreeze.tracked import what

OPTIONS = {
    "languages": "de,ru",
    "finetune_steps": "4",
    "precision": "fp32",
    "compare": ",",
}
REALIGNED = {**OPTIONS, "realign_steps": "4"}
ONE = {"strategy_args": "boundary=1", "temperature": "0.4"}
OTHER = {"strategy_args": "boundary=3", "temperature": "0.6"}


pytestmark = pytest.mark.usefixtures("cache", "experiment")


@pytest.fixture
def seed(request):
    """Another one for each test, so that none takes over what another computed."""
    names = sorted(item.name for item in request.session.items)
    return str(3000 + names.index(request.node.name))


def runs(experiment, name=None):
    """The experiment's runs, the newest first; those of a name."""
    found = mlflow.search_runs([experiment], output_format="list")
    return [run for run in found if name in (None, what(run))]


def newest(experiment, name):
    return runs(experiment, name)[0]


def encoder_folder(run):
    return mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="encoder")


def realigned(experiment, **options):
    """Realign, and return the realignment's run."""
    pipeline.realign_only({**REALIGNED, **options})
    return newest(experiment, "realign")


@pytest.fixture(scope="module")
def made(fresh_experiment, small_cache, tmp_path_factory):
    """The run of a realignment that tests only look at."""
    artifacts = tmp_path_factory.mktemp("module") / "artifacts"
    with fresh_experiment(artifacts) as experiment, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(small_cache))
        run = realigned(experiment, seed="2999", **ONE)
        patch.undo()
        yield run


def blocks(experiment):
    name = mlflow.get_experiment(experiment).name
    found = collect(stored_runs((name,)), ReportConfig())
    return found.tables, found.missing.sections.get("Left out", [])


def params(run, *names):
    return {name: run.data.params[f"cfg.{name}"] for name in names}


def test_an_encoder_of_version_0_1_0_has_its_precision():
    made = Provenance(options=RunConfig(), usual=True, identity="i", run_id="1", precision="no")
    assert made.precision == "fp32"
    assert made.differences(RunConfig(), "fp32", 1) == {}


def test_two_encoders_of_one_model_stay_two_rows(experiment, made):
    second = realigned(experiment, seed="2999", **OTHER)
    for encoder in (made.info.run_id, second.info.run_id):
        pipeline.evaluate_only({**OPTIONS, "seed": "2999", "encoder": encoder})
    other, one = runs(experiment, "finetune-pos")
    for run, maker, boundary, temperature in ((one, made, 1, 0.4), (other, second, 3, 0.6)):
        assert run.data.tags["alignfreeze.model"] == "demo"
        assert run.data.tags["alignfreeze.strategy"] == "front"
        assert run.data.tags["alignfreeze.default_hyperparameters"] == "false"
        assert run.data.tags["alignfreeze.realign_run"] == maker.info.run_id
        assert params(
            run, "strategy_args", "temperature", "realign_steps", "realign_languages"
        ) == {
            "strategy_args": f"{{'boundary': {boundary}}}",
            "temperature": str(temperature),
            "realign_steps": "4",
            "realign_languages": "de,ru",
        }
        parent = mlflow.get_run(run.data.tags["mlflow.parentRunId"])
        assert params(parent, *CARRIED) == params(run, *CARRIED) == params(maker, *CARRIED)
    (block,), left_out = blocks(experiment)
    assert (block.model, block.task, left_out) == ("demo", "pos", [])
    assert sorted(block.variants) == ["front(boundary=1), temperature=0.4", "front(boundary=3)"]


def test_what_a_run_takes_over_is_its_own_row(experiment, seed):
    encoder = realigned(experiment, seed=seed, **ONE).info.run_id
    pipeline.evaluate_only({**OPTIONS, "seed": seed, "encoder": encoder})
    (evaluated,) = runs(experiment, "finetune-pos")
    pipeline.run({**REALIGNED, "seed": seed, **ONE})
    tags = newest(experiment, "alignfreeze").data.tags
    assert tags["alignfreeze.reused.fine-tuning_on_pos"] == evaluated.info.run_id
    pipeline.run({**REALIGNED, "seed": seed, **ONE, "reuse": "false"})
    own = newest(experiment, "finetune-pos")
    names = [n for n in own.data.params if n not in ("cfg.encoder", "cfg.reuse")]
    assert own.info.run_id != evaluated.info.run_id
    assert {n: evaluated.data.params[n] for n in names} == {n: own.data.params[n] for n in names}
    about = ("model", "strategy", "seed", "task", "model_identity", "libraries", "code", "device")
    about += ("default_hyperparameters", "data_hash", "parallel_hash", "realign_hash", "task_code")
    for name in (f"alignfreeze.{n}" for n in (*about, "phase_hash")):
        assert evaluated.data.tags[name] == own.data.tags[name]


def test_a_folder_elsewhere_says_where_it_comes_from(experiment, seed, made, tmp_path):
    shutil.copytree(encoder_folder(made), tmp_path / "copied")
    (tmp_path / "copied" / "README.md").write_text("mine")
    pipeline.evaluate_only({**OPTIONS, "seed": seed, "encoder": str(tmp_path / "copied")})
    by_folder = newest(experiment, "finetune-pos")
    pipeline.evaluate_only({**OPTIONS, "seed": seed, "encoder": made.info.run_id})
    parent = newest(experiment, "alignfreeze evaluate").data
    assert parent.tags["alignfreeze.reused.fine-tuning_on_pos"] == by_folder.info.run_id
    assert parent.tags["alignfreeze.realign_hash"] == made.data.tags["alignfreeze.phase_hash"]
    assert params(by_folder, *CARRIED) == params(made, *CARRIED)
    assert AutoModel.from_pretrained(tmp_path / "copied").config.num_hidden_layers == 4


def test_what_is_beside_the_weights_says_all_of_the_realignment(made):
    content = json.loads((Path(encoder_folder(made)) / PROVENANCE_FILE).read_text())
    assert content["options"].keys() == {*CARRIED, *SHARED}
    assert content["options"]["strategy_args"] == {"boundary": 1}
    assert content["options"]["seed"] == 2999
    assert content["options"]["realign_languages"] == ["de", "ru"]
    assert (content["precision"], content["processes"]) == ("fp32", 1)
    assert content["identity"] == made.data.tags["alignfreeze.phase_hash"]
    assert content["version"] == __version__
    assert content["libraries"] == versions_text(library_versions())
    assert content["device"] == made.data.tags["alignfreeze.device"]
    assert "model.safetensors" in content["files"]


def test_every_setting_that_a_report_tells_rows_by_is_carried():
    others = {f"realign_{name}" for name in (*SHARED, "precision", "processes")}
    # As a tag; and under its own name, in which the report looks for that of the realignment first.
    others |= {"parallel_hash", "unlinked_parallel_hash", "alignment_pairs"}
    # An encoder that is evaluated was realigned before.
    others |= {"realign_when", "realign_weight"}
    assert "alignment_pairs" in SHARED
    assert set(REALIGN_SETTINGS) <= {*CARRIED, *others}
    assert not set(CARRIED) & set(SHARED)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), "model.safetensors beside it must"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json beside it must .* is gone"),
        (lambda f: (f / PROVENANCE_FILE).write_text("{"), "alignfreeze.json: .*JSON"),
        (
            lambda f: change_options(f, temperatur=0.3),
            "temperatur is not a known option",
        ),
    ],
)
def test_a_folder_that_does_not_fit_what_it_says_is_refused(change, complaint, made, tmp_path):
    folder = tmp_path / "copied"
    shutil.copytree(encoder_folder(made), folder)
    change(folder)
    with pytest.raises(ConfigError, match=complaint) as caught:
        pipeline.evaluate_only({**OPTIONS, "encoder": str(folder)})
    assert str(folder / PROVENANCE_FILE) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_fault_of_a_folder_is_told(tmp_path):
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    assert fault_of(tmp_path, "made") == f"there is no {tmp_path / PROVENANCE_FILE}"
    made = Provenance(options=RunConfig(), usual=True, identity="made", run_id="1")
    write_provenance(tmp_path, made)
    assert fault_of(tmp_path, "made") is None
    assert fault_of(tmp_path, "other").endswith(f"{PROVENANCE_FILE} is of another realignment")
    weights.write_bytes(b"weight")
    assert "model.safetensors beside it must be as it was written" in fault_of(tmp_path, "made")
    weights.unlink()
    assert "is gone" in fault_of(tmp_path, "made")


def change_options(folder, **options):
    file = folder / PROVENANCE_FILE
    content = json.loads(file.read_text())
    content["options"] |= options
    file.write_text(json.dumps(content))


def test_a_folder_that_says_nothing_is_a_model_of_its_own(experiment, seed, tmp_path, caplog):
    folder = tmp_path / "mine"
    shutil.copytree(find_model("demo"), folder)
    pipeline.evaluate_only({**OPTIONS, "seed": seed, "encoder": str(folder)})
    run = newest(experiment, "finetune-pos")
    tags = {name: run.data.tags[f"alignfreeze.{name}"] for name in ("model", "strategy")}
    assert tags == {"model": str(folder), "strategy": "baseline"}
    assert run.data.params["cfg.strategy_args"] == "{}"
    assert "alignfreeze.realign_run" not in run.data.tags
    assert "it counts as a model of its own" in caplog.text
    # As it is without realignment: what both come to is one thing.
    options = {**OPTIONS, "seed": seed, "preset": "demo", "strategy": "baseline"}
    pipeline.run({**options, "model": str(folder)})
    parent = newest(experiment, "alignfreeze").data.tags
    assert parent["alignfreeze.reused.fine-tuning_on_pos"] == run.info.run_id
    (block,), _ = blocks(experiment)
    assert (block.model, list(block.variants)) == ("mine", ["baseline"])


def test_a_folder_without_an_encoder_is_refused(experiment, tmp_path):
    with pytest.raises(EncoderError, match=r"has no config\.json"):
        pipeline.evaluate_only({**OPTIONS, "encoder": str(tmp_path)})


def test_what_contradicts_the_realignment_is_refused(experiment, seed, made, tmp_path):
    asked = {**OPTIONS, "seed": seed, "encoder": made.info.run_id}
    config = tmp_path / "config.yaml"
    config.write_text("temperature: 0.6\nstrategy_args: {boundary: 3}\nrealign_steps: 4\n")
    with pytest.raises(ConfigError, match="was realigned otherwise") as caught:
        pipeline.evaluate_only({**asked, "config": str(config)})
    assert "strategy_args must be boundary=1, got boundary=3; " in str(caught.value)
    assert "temperature must be 0.4, got 0.6" in str(caught.value)
    assert "realign_steps" not in str(caught.value)
    assert newest(experiment, "alignfreeze evaluate").info.status == "FAILED"
    config.write_text("strategy: front\nstrategy_args: {boundary: 1, embeddings: false}\n")
    pipeline.evaluate_only({**asked, "config": str(config), "realign_steps": ""})


def test_its_own_config_file_evaluates_it_again(experiment, seed, made):
    pipeline.evaluate_only({**OPTIONS, "seed": seed, "encoder": made.info.run_id})
    parent = newest(experiment, "alignfreeze evaluate")
    file = mlflow.artifacts.download_artifacts(
        run_id=parent.info.run_id, artifact_path="config.yaml"
    )
    pipeline.evaluate_only({"config": file})
    again = newest(experiment, "alignfreeze evaluate")
    assert again.data.params == parent.data.params
    assert again.data.metrics == parent.data.metrics


def test_what_was_otherwise_while_realigning_is_said(experiment, seed):
    made = realigned(experiment, seed=seed, accumulation="2")
    encoder = made.info.run_id
    pipeline.evaluate_only({**OPTIONS, "seed": "7", "encoder": encoder, "reuse": "false"})
    for name in ("alignfreeze evaluate", "finetune-pos"):
        found = newest(experiment, name).data
        assert (found.params["cfg.seed"], found.params["cfg.realign_seed"]) == ("7", seed)
        assert found.params["cfg.realign_accumulation"] == "2"
        assert "cfg.realign_source_language" not in found.params
        assert found.tags["alignfreeze.realign_version"] == __version__
        assert found.tags["alignfreeze.realign_libraries"] == versions_text(library_versions())
        assert found.tags["alignfreeze.realign_device"] == made.data.tags["alignfreeze.device"]


def test_data_and_models_in_other_places_are_the_same():
    made = Provenance(
        options=RunConfig(data="/a/suite", model="/a/model", seed=1, temperature=0.3),
        usual=True,
        identity="x",
        run_id="y",
        precision="bf16",
    )
    config = RunConfig(data="/b/suite", model="/b/model", seed=1)
    assert made.differences(config, "bf16", 1) == {}
    assert made.differences(config.model_copy(update={"data": "/b/other"}), "fp32", 2) == {
        "realign_data": "/a/suite",
        "realign_precision": "bf16",
        "realign_processes": 1,
    }
    assert made.contradicted_by(config, {"model", "data"}) == []
    assert made.contradicted_by(config, {"temperature", "realign_steps"}) == [
        "temperature must be 0.3, got 0.1"
    ]


def test_an_encoder_of_an_older_run_is_known_by_its_configuration(experiment, seed, tmp_path):
    made = realigned(experiment, seed=seed, temperature="0.4")
    artifacts = tmp_path / "artifacts" / made.info.run_id / "artifacts"
    (artifacts / "encoder" / PROVENANCE_FILE).unlink()
    # As an older version has logged it: defaults are not said, nor is what the data decides.
    file = artifacts / "config.yaml"
    values = yaml.safe_load(file.read_text()) | {"strategy_args": {}, "realign_languages": []}
    file.write_text(yaml.safe_dump(values | {"an_option_that_is_gone": 1}))
    pipeline.evaluate_only({**OPTIONS, "seed": seed, "encoder": made.info.run_id})
    run = newest(experiment, "finetune-pos")
    assert params(run, *CARRIED) == params(made, *CARRIED)
    assert run.data.tags["alignfreeze.default_hyperparameters"] == "true"


def test_a_realigned_encoder_as_a_model_is_told_of(experiment, seed, made, caplog):
    folder = encoder_folder(made)
    options = {**OPTIONS, "seed": seed, "preset": "demo", "strategy": "baseline"}
    pipeline.run({**options, "model": str(folder)})
    assert "is demo realigned with front(boundary=1), temperature 0.4, 4 steps" in caplog.text
    (block,), _ = blocks(experiment)
    assert block.model.startswith("encoder (demo realigned with front(boundary=1), temperature 0.4")
    own = newest(experiment, "finetune-pos").data.tags["alignfreeze.model_identity"]
    pipeline.run({**options, "model": "demo"})
    assert newest(experiment, "finetune-pos").data.tags["alignfreeze.model_identity"] != own


def test_a_default_is_the_same_as_what_it_comes_to(experiment, seed):
    pipeline.run({**REALIGNED, "seed": seed})
    first = {name: newest(experiment, name) for name in ("alignfreeze", "realign", "finetune-pos")}
    for run in first.values():
        assert run.data.params["cfg.strategy_args"] == "{'boundary': 2}"
    pipeline.run({**REALIGNED, "seed": seed, "strategy_args": "boundary=2"})
    parent = newest(experiment, "alignfreeze").data
    assert parent.tags["alignfreeze.reused.realignment"] == first["realign"].info.run_id
    taken_over = parent.tags["alignfreeze.reused.fine-tuning_on_pos"]
    assert taken_over == first["finetune-pos"].info.run_id
    assert parent.params == first["alignfreeze"].data.params
    hashes = [run.tags["alignfreeze.config_hash"] for run in (parent, first["alignfreeze"].data)]
    assert hashes[0] == hashes[1]
    for name in ("realign", "finetune-pos"):
        assert first[name].data.tags["alignfreeze.default_hyperparameters"] == "true"
    pipeline.run({**REALIGNED, "seed": seed, "strategy_args": "boundary=3"})
    assert newest(experiment, "realign").data.tags["alignfreeze.default_hyperparameters"] == "false"


def test_strategies_to_compare_with_are_resolved_too(experiment, seed):
    pipeline.run({**REALIGNED, "seed": seed, "strategy": "none", "compare": "back"})
    found = {what(run): run.data.params["cfg.strategy_args"] for run in runs(experiment)}
    assert found["realign-back"] == found["finetune-pos-back"] == "{'boundary': 2}"
    assert found["realign"] == found["finetune-pos"] == found["alignfreeze"] == "{}"


def test_what_is_wrong_is_logged_as_it_was_asked_for(experiment):
    with pytest.raises(ConfigError, match="bound is not a known option"):
        pipeline.run({**REALIGNED, "strategy_args": "bound=3"})
    assert newest(experiment, "alignfreeze").data.params["cfg.strategy_args"] == "{'bound': 3}"


def test_every_run_says_what_has_computed_it(experiment, seed):
    pipeline.run({**REALIGNED, "seed": seed, "compare": "baseline"})
    encoder = newest(experiment, "realign").info.run_id
    pipeline.evaluate_only({**OPTIONS, "seed": seed, "encoder": encoder})
    found = runs(experiment)
    assert {what(run) for run in found} >= {"alignfreeze", "alignfreeze evaluate"}
    for run in found:
        assert run.data.tags["alignfreeze.version"] == __version__
        written = run.data.tags["alignfreeze.libraries"].split(", ")
        assert written == sorted(written)
        assert f"numpy {version('numpy')}" in written
        assert {line.split()[0] for line in written} == {"python", *LIBRARIES}


def test_the_weights_are_those_of_the_realignment(made):
    """What is beside them changes nothing of how they are loaded."""
    folder = encoder_folder(made)
    ours = load_encoder(folder).state_dict()
    theirs = AutoModel.from_pretrained(folder).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_fine_tuning_says_its_metric_data_languages_and_encoder(experiment, seed):
    every = "ar,de,el,es,hi,ru,tr,zh"
    left_to_the_data = {**REALIGNED, "languages": "", "seed": seed, "strategy": "none"}
    pipeline.run({**left_to_the_data, "compare": "baseline"})
    pipeline.run({**left_to_the_data, "languages": every, "strategy": "front"})
    own = runs(experiment, "finetune-pos")
    assert [run.data.params["cfg.languages"] for run in own] == [every, every]
    assert len({run.data.tags["alignfreeze.data_hash"] for run in own}) == 1
    assert {run.data.tags["alignfreeze.metric"] for run in own} == {"accuracy"}
    made = runs(experiment, "realign")
    for tag in ("realign_hash", "parallel_hash", "strategy_code"):
        found = [run.data.tags[f"alignfreeze.{tag}"] for run in own]
        assert found == [run.data.tags[f"alignfreeze.{tag}"] for run in made]
    assert (
        made[0].data.tags["alignfreeze.realign_hash"] == made[0].data.tags["alignfreeze.phase_hash"]
    )
    # What data and encoder decide, and every hyperparameter, whether it was given or not.
    assert params(own[0], "aligner", "strategy.boundary", "strategy.embeddings") == {
        "aligner": "pharaoh",
        "strategy.boundary": "2",
        "strategy.embeddings": "False",
    }
    (baseline,) = runs(experiment, "finetune-pos-baseline")
    assert "alignfreeze.realign_hash" not in baseline.data.tags
    # So the report has one table of all three.
    collection = collect(stored_runs(()), ReportConfig(seeds=[int(seed)]))
    (block,) = collection.tables
    assert block.variants == ["baseline", "none", "front"]
    assert "Left out" not in collection.missing.sections
