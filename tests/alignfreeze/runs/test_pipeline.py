"""Whole runs, on few sentences and the embedded encoder, a few steps each."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import torch
from mlflow.entities import Run
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from alignfreeze.config import build_config
from alignfreeze.errors import AlignFreezeError, Interrupted
from alignfreeze.realignment.phase import realign
from alignfreeze.runs import pipeline, realign_phase
from alignfreeze.runs.preparation import Preparation
from alignfreeze.training.checkpoints import CheckpointFolder
from tests.alignfreeze.tracked import what

OPTIONS = {
    "languages": "de,ru",
    "compare": ",",
    "realign_steps": "4",
    "finetune_steps": "4",
    "checkpoint_steps": "2",
    "precision": "fp32",
}
CHECKPOINTS = "checkpoints/*/*/step-*[0-9]/progress.json"
UNTIMED = ("realign/loss", "finetune/loss", "test/", "validation/")


pytestmark = pytest.mark.usefixtures("cache", "experiment")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> str:
    """Another one for each test, so that none takes over what another computed."""
    return str(1000 + sorted(item.name for item in request.session.items).index(request.node.name))


def runs(experiment: str) -> dict[str, Run]:
    """The experiment's runs by name, the newest of a name."""
    found = mlflow.search_runs([experiment], output_format="list")
    return {what(run): run for run in reversed(found)}


def metrics(run: Run) -> dict[str, float]:
    return {k: v for k, v in run.data.metrics.items() if k.startswith(UNTIMED)}


def loss_history(run: Run, name: str) -> list[tuple[int, float]]:
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, name)
    return [(metric.step, metric.value) for metric in history]


@dataclass(frozen=True)
class Finished:
    """A run as it was when it was over; tests may have added others to its experiment since."""

    experiment: str
    options: dict[str, str]
    outcome: pipeline.Outcome
    runs: dict[str, Run]


@pytest.fixture(scope="module")
def run_once(fresh_experiment, small_cache, tmp_path_factory) -> Iterator[Callable[..., Finished]]:
    """Runs in an experiment that lasts as long as the module."""
    folder = tmp_path_factory.mktemp("module") / "artifacts"
    with fresh_experiment(folder) as experiment, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(small_cache))

        def run(options: dict[str, str]) -> Finished:
            with pytest.MonkeyPatch.context() as own:
                own.setenv("MLFLOW_EXPERIMENT_ID", experiment)
                outcome = pipeline.run(options)
            names = runs(experiment)
            return Finished(experiment, options, outcome, names)

        yield run


@pytest.fixture(scope="module")
def finished(run_once: Callable[..., Finished]) -> Finished:
    """A run of the baseline and of a strategy."""
    return run_once({**OPTIONS, "seed": "998", "compare": "baseline"})


@pytest.fixture(scope="module")
def measured(run_once: Callable[..., Finished]) -> Finished:
    """A run that measures word alignment."""
    return run_once({**MEASURED, "seed": "999"})


def test_a_run_leaves_what_the_design_says(finished):
    outcome, found, seed = finished.outcome, finished.runs, finished.options["seed"]
    assert set(found) == {"alignfreeze", "realign", "finetune-pos", "finetune-pos-baseline"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    parent, realigned, finetuned = (
        found[name] for name in ("alignfreeze", "realign", "finetune-pos")
    )
    for child in (realigned, finetuned):
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.params["cfg.temperature"] == "0.1"
    assert parent.data.params["cfg.languages"] == "de,ru"
    tags = {name: parent.data.tags[f"alignfreeze.{name}"] for name in ("model", "strategy", "seed")}
    assert tags == {"model": "demo", "strategy": "front", "seed": seed}
    assert "realign/loss" in realigned.data.metrics
    assert "realign/pairs_per_second" in realigned.data.metrics
    for split in ("validation", "test"):
        for language in ("en", "de", "ru", "target_mean"):
            assert f"{split}/{language}/accuracy" in finetuned.data.metrics
            assert f"{split}/{language}/accuracy" in parent.data.metrics
    values = finetuned.data.metrics
    mean = (values["test/de/accuracy"] + values["test/ru/accuracy"]) / 2
    assert values["test/target_mean/accuracy"] == pytest.approx(mean)
    encoder = mlflow.artifacts.download_artifacts(
        run_id=realigned.info.run_id, artifact_path="encoder"
    )
    assert AutoModel.from_pretrained(encoder).config.num_hidden_layers >= 4
    assert AutoTokenizer.from_pretrained(encoder)("hello")["input_ids"]
    results = mlflow.artifacts.download_artifacts(
        run_id=finetuned.info.run_id, artifact_path="results.csv"
    )
    table = pd.read_csv(results)
    assert list(table.columns) == ["language", "split", "metric", "value"]
    assert len(table) == 6
    assert [result.strategy for result in outcome.results] == ["baseline", "front"]


def phase_hash(run: Run) -> str:
    return run.data.tags["alignfreeze.phase_hash"]


def test_its_config_file_runs_it_again_from_finished_phases(experiment, finished):
    first = finished.runs
    file = mlflow.artifacts.download_artifacts(
        run_id=first["alignfreeze"].info.run_id, artifact_path="config.yaml"
    )
    resolved = {"strategy_args": "boundary=2"}
    assert build_config({"config": file}) == build_config({**finished.options, **resolved})
    outcome = pipeline.run({"config": file, "compare": ","})
    (again,) = runs(experiment).values()
    assert metrics(again) == metrics(first["alignfreeze"])
    labels = {"realignment": "realign", "fine-tuning_on_pos": "finetune-pos"}
    for label, name in labels.items():
        taken_over = mlflow.get_run(again.data.tags[f"alignfreeze.reused.{label}"])
        assert phase_hash(taken_over) == phase_hash(first[name])
    # The baseline that the store has is shown beside.
    assert [result.strategy for result in outcome.results] == ["baseline", "front"]


@pytest.mark.parametrize("damage", [lambda lines: lines[:-2], lambda lines: [*lines, lines[-1]]])
def test_results_that_are_not_what_was_logged_are_computed_again(experiment, seed, damage, caplog):
    pipeline.run({**OPTIONS, "seed": seed, "strategy": "baseline"})
    first = runs(experiment)
    info = first["finetune-pos"].info
    file = Path(info.artifact_uri.removeprefix("file://")) / "results.csv"
    whole = file.read_text()
    file.write_text("\n".join(damage(whole.splitlines())))
    pipeline.run({**OPTIONS, "seed": seed, "strategy": "baseline"})
    again = runs(experiment)["finetune-pos"]
    assert again.info.run_id != info.run_id
    assert metrics(again) == metrics(first["finetune-pos"])
    (warning,) = (m for m in caplog.messages if "computed again" in m)
    assert warning.startswith(f"the scores of the finished run {info.run_id} cannot be taken over")
    assert warning.count("results.csv") == 1


def artifacts(run: Run) -> Path:
    return Path(run.info.artifact_uri.removeprefix("file://"))


def test_an_encoder_that_is_not_as_it_was_left_is_realigned_again(experiment, seed, caplog):
    pipeline.run({**OPTIONS, "seed": seed})
    first = runs(experiment)
    file = artifacts(first["realign"]) / "encoder" / "model.safetensors"
    expected = load_file(file)
    zeroed = {n: torch.zeros_like(w) if "layer.3." in n else w for n, w in expected.items()}
    save_file(zeroed, file, metadata={"format": "pt"})
    pipeline.run({**OPTIONS, "seed": seed})
    again = runs(experiment)
    assert again["realign"].info.run_id != first["realign"].info.run_id
    found = load_file(artifacts(again["realign"]) / "encoder" / "model.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    (warning,) = (m for m in caplog.messages if "realigned again" in m)
    assert first["realign"].info.run_id in warning
    assert "model.safetensors beside it must be as it was written" in warning


def test_the_same_run_twice_gives_identical_metrics(experiment, finished):
    first = finished.runs
    pipeline.run({**finished.options, "compare": ",", "reuse": "false"})
    again = runs(experiment)
    for name, loss in (("realign", "realign/loss"), ("finetune-pos", "finetune/loss")):
        assert metrics(again[name]) == metrics(first[name])
        assert loss_history(again[name], loss) == loss_history(first[name], loss)


def test_another_temperature_is_another_phase(experiment, finished):
    pipeline.run({**finished.options, "temperature": "0.5"})
    found = runs(experiment)
    assert set(found) == {"alignfreeze", "realign", "finetune-pos"}
    assert phase_hash(found["realign"]) != phase_hash(finished.runs["realign"])
    # What is taken over for comparison is marked so.
    tags = found["alignfreeze"].data.tags
    assert "alignfreeze.reused.fine-tuning_on_pos_baseline" in tags
    assert "alignfreeze.reused.fine-tuning_on_pos" not in tags


def test_the_baseline_runs_no_realignment(experiment, seed):
    pipeline.run({**OPTIONS, "seed": seed, "strategy": "baseline"})
    assert set(runs(experiment)) == {"alignfreeze", "finetune-pos"}


def test_an_encoder_is_evaluated_by_run_or_by_folder(experiment, seed):
    realigned = pipeline.realign_only({**OPTIONS, "seed": seed, "compare": ""})
    assert realigned.results == []
    found = runs(experiment)
    assert set(found) == {"alignfreeze realign", "realign"}
    folder = mlflow.artifacts.download_artifacts(
        run_id=found["realign"].info.run_id, artifact_path="encoder"
    )
    whole = pipeline.run({**OPTIONS, "seed": seed, "reuse": "false"})
    scores = whole.results[-1].scores
    for encoder in (found["realign"].info.run_id, found["alignfreeze realign"].info.run_id, folder):
        outcome = pipeline.evaluate_only({**OPTIONS, "seed": seed, "encoder": encoder})
        assert [result.scores for result in outcome.results] == [scores]
        made = runs(experiment)["alignfreeze evaluate"].data.tags["alignfreeze.realign_run"]
        assert made == found["realign"].info.run_id


class Crash(Exception):  # noqa: N818
    pass


@pytest.fixture(params=["realign", "finetune"])
def crash_after_checkpoint(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Die right behind the first checkpoint of a phase, as if the power had failed."""
    phase = {"realign": 1, "finetune": 2}[request.param]
    saved = 0
    save = CheckpointFolder.save

    def save_and_crash(self, accelerator, progress):
        nonlocal saved
        save(self, accelerator, progress)
        saved += 1
        if saved == phase:
            raise Crash("the power failed")

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", save_and_crash)
        yield


@pytest.mark.usefixtures("crash_after_checkpoint")
def test_a_resumed_run_ends_as_if_it_had_not_been_interrupted(
    experiment, finished, monkeypatch, cache
):
    options = {**finished.options, "compare": ",", "reuse": "false"}
    of_others = set(cache.glob(CHECKPOINTS))
    with pytest.raises(Crash, match="the power failed"):
        pipeline.run(options)
    assert runs(experiment)["alignfreeze"].info.status == "FAILED"
    assert "the power failed" in runs(experiment)["alignfreeze"].data.tags["alignfreeze.error"]
    monkeypatch.undo()
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(cache))
    resumed_from = []
    load = CheckpointFolder.load

    def remember(self, accelerator, checkpoint):
        resumed_from.append(checkpoint.name)
        return load(self, accelerator, checkpoint)

    monkeypatch.setattr(CheckpointFolder, "load", remember)
    pipeline.run({**options, "resume": "true"})
    assert resumed_from == ["step-000000002"]
    resumed, uninterrupted = runs(experiment), finished.runs
    for name, loss in (("realign", "realign/loss"), ("finetune-pos", "finetune/loss")):
        assert metrics(resumed[name]) == metrics(uninterrupted[name])
        assert loss_history(resumed[name], loss) == loss_history(uninterrupted[name], loss)
    assert set(cache.glob(CHECKPOINTS)) <= of_others


BAD = {
    "strategy": ({"strategy": "frnt"}, "no strategy 'frnt'; did you mean 'front'"),
    "task": ({"task": "pso"}, "no task 'pso'; did you mean 'pos'"),
    "aligner": ({"aligner": "dictionry"}, "no aligner 'dictionry'; did you mean 'dictionary'"),
    "language": ({"languages": "de,xx"}, "'xx' has no test split; languages with one: ar de"),
    "source": ({"source_language": "xx"}, "'xx' has no test split"),
    "realign language": ({"realign_languages": "xx"}, "en-xx has no parallel text"),
    "model": ({"model": "./nowhere"}, "there is no such folder"),
    "boundary": ({"strategy_args": "boundary=99"}, "boundary must be <= .* got 99"),
    "layer": ({"layer": "99"}, "layer must be in"),
    "temperature": ({"temperature": "0"}, "temperature must be >= 0.0001, got '0'"),
    "length": ({"max_length": "4096"}, "max_length must be <= 128, the encoder's, got 4096"),
    "data": ({"data": "./nowhere", "model": "demo"}, "there is no folder './nowhere'"),
    "option": ({"tempreature": "1"}, "tempreature is not a known option"),
    "seed": ({"seed": "4294967296"}, "seed must be < 4294967296"),
    "twice": ({"realign_languages": "de,de"}, "must not name anything twice: de"),
    "layer twice": ({"layer": "-1,3"}, "layer must not name a layer twice"),
    "nothing to train": (
        {"strategy_args": "boundary=3,embeddings=true", "layer": "0"},
        "must leave something to train up to layer 0",
    ),
    "learning rate": ({"realign_lr": "1e38", "precision": "fp32"}, "the loss is not a number"),
    "encoder": ({"encoder": "0123"}, "encoder is for evaluate alone"),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_a_failed_run(options, message, experiment):
    with pytest.raises(AlignFreezeError, match=message) as caught:
        pipeline.run({**OPTIONS, **options})
    assert "\n" not in str(caught.value)
    parent = runs(experiment)["alignfreeze"]
    assert parent.info.status == "FAILED"
    assert parent.data.tags["alignfreeze.error"] == str(caught.value)


def test_an_encoder_to_evaluate_must_exist(experiment):
    with pytest.raises(AlignFreezeError, match="encoder must be a folder, or the id of a run"):
        pipeline.evaluate_only({**OPTIONS, "encoder": "0123"})
    with pytest.raises(AlignFreezeError, match="encoder must be given"):
        pipeline.evaluate_only(OPTIONS)


def test_realigning_alone_wants_a_strategy_that_realigns(experiment):
    with pytest.raises(AlignFreezeError, match="must be one that realigns, got 'baseline'"):
        pipeline.realign_only({**OPTIONS, "strategy": "baseline"})


def test_realigning_alone_for_tasks_of_different_lengths_wants_steps(experiment):
    options = {**OPTIONS, "task": "pos,ner", "realign_steps": "", "finetune_steps": ""}
    epochs = {"preset": "standard", "model": "demo", "data": "demo", "max_length": "8"}
    with pytest.raises(AlignFreezeError, match="realign_steps must be given"):
        pipeline.realign_only({**options, **epochs, "realign_max_length": "64"})


def test_a_killed_process_leaves_a_run_that_the_next_one_ends(experiment, seed, cache, tmp_path):
    options = {**OPTIONS, "seed": seed, "realign_steps": "20000"}
    words = [w for k, v in options.items() for w in (f"--{k.replace('_', '-')}", v)]
    environment = {**os.environ, "MLFLOW_EXPERIMENT_ID": experiment}
    of_others = set(cache.glob(CHECKPOINTS))
    process = subprocess.Popen(
        [sys.executable, "-m", "alignfreeze", "run", *words],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    while set(cache.glob(CHECKPOINTS)) <= of_others:
        assert process.poll() is None, "the run ended before its first checkpoint"
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert runs(experiment)["realign"].info.status == "RUNNING"
    with pytest.raises(AlignFreezeError, match="no strategy"):
        pipeline.run({**OPTIONS, "strategy": "frnt"})
    ended = runs(experiment)["realign"]
    assert ended.info.status == "KILLED"
    assert ended.data.tags["alignfreeze.error"] == "its process was killed"


def test_sigterm_ends_the_runs_as_killed(experiment, seed, monkeypatch):
    def realign_and_be_terminated(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGTERM)
        return realign(*args, **kwargs)

    monkeypatch.setattr(realign_phase, "realign", realign_and_be_terminated)
    with pytest.raises(Interrupted, match="interrupted by SIGTERM"):
        pipeline.run({**OPTIONS, "seed": seed})
    found = runs(experiment)
    assert {run.info.status for run in found.values()} == {"KILLED"}
    assert "SIGTERM" in found["alignfreeze"].data.tags["alignfreeze.error"]


MEASURED = {**OPTIONS, "alignment_pairs": "10", "compare": "baseline"}


def figures(run: Run) -> set[str]:
    listed = mlflow.MlflowClient().list_artifacts(run.info.run_id, "figures")
    return {Path(artifact.path).name for artifact in listed}


def test_word_alignment_is_measured_at_every_stage(measured):
    found = measured.runs
    parent, realigned, finetuned = (
        stages(found[name]) for name in ("alignfreeze", "realign", "finetune-pos")
    )
    for stage in ("pretrained", "realigned", "finetuned-pos"):
        for language in ("de", "ru"):
            strong = parent[f"word_alignment/{stage}/{language}"]
            weak = parent[f"word_alignment_weak/{stage}/{language}"]
            assert [*strong] == [*weak] == [0, 1, 2, 3]  # the layers are the steps
            assert all(0 <= strong[layer] <= weak[layer] <= 1 for layer in strong)
    assert "word_drift/pretrained/de" not in parent
    # The lower half is frozen while realigning, but for the embeddings below it.
    assert 0 < parent["word_drift/realigned/en"][0] < parent["word_drift/realigned/en"][3]
    assert realigned.items() <= parent.items()
    assert "word_alignment/finetuned-pos/de" in finetuned
    assert figures(found["alignfreeze"]) == {"alignment.png", "drift.png"}


def test_what_was_measured_is_taken_over_with_its_phase(experiment, measured):
    first = measured.runs["alignfreeze"]
    pipeline.run(measured.options)
    again = runs(experiment)["alignfreeze"]
    assert "alignfreeze.reused.realignment" in again.data.tags
    assert metrics(first) == metrics(again)
    assert stages(first) == stages(again)
    assert figures(again) == {"alignment.png", "drift.png"}


def test_what_is_no_longer_whole_is_measured_again(experiment, seed, caplog):
    pipeline.run({**MEASURED, "seed": seed})
    first = runs(experiment)
    cut = {"realign": "drift.csv", "finetune-pos": "alignment.csv"}
    for phase, name in cut.items():
        file = artifacts(first[phase]) / name
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[: len(lines) // 2]))
    pipeline.run({**MEASURED, "seed": seed})
    again = runs(experiment)
    anew = {name for name in first if first[name].info.run_id != again[name].info.run_id}
    assert anew == {"alignfreeze", *cut}
    assert len(stages(first["alignfreeze"])) > 12
    assert stages(again["alignfreeze"]) == stages(first["alignfreeze"])
    for phase in cut:
        run_id = first[phase].info.run_id
        assert f"what the finished run {run_id} has measured cannot be taken over" in caplog.text


def stages(run: Run) -> dict[str, dict[int, float]]:
    """By metric, what was measured of each layer."""
    names = ("word_alignment", "word_drift")
    own = [name for name in run.data.metrics if name.startswith(names)]
    return {name: dict(loss_history(run, name)) for name in own}


def test_another_held_out_text_is_measured_anew(experiment, seed):
    options = {**MEASURED, "seed": seed, "strategy": "baseline", "compare": ","}
    pipeline.run({**options, "realign_languages": "de"})
    pipeline.run({**options, "realign_languages": "ar,hi"})
    measured = {name.split("/")[2] for name in stages(runs(experiment)["alignfreeze"])}
    assert measured == {"en", "ar", "hi"}


def test_an_encoder_from_elsewhere_is_not_taken_for_the_pretrained_one(
    experiment, measured, tmp_path, caplog
):
    first = stages(measured.runs["alignfreeze"])
    realigned = measured.runs["realign"].info.run_id
    config = tmp_path / "config.yaml"
    config.write_text("alignment_pairs: 10\n")
    evaluated = {name: OPTIONS[name] for name in ("languages", "finetune_steps", "precision")}
    with caplog.at_level("INFO", logger="alignfreeze"):
        pipeline.evaluate_only(
            {**evaluated, "seed": "999", "config": str(config), "encoder": realigned}
            | {"reuse": "false"}
        )
    assert "alignment_pairs=10 is left out" in caplog.text
    assert not stages(runs(experiment)["alignfreeze evaluate"])
    pipeline.run(measured.options)
    assert stages(runs(experiment)["alignfreeze"]) == first


def test_realignments_of_different_lengths_are_different_stages(experiment, seed):
    options = {**MEASURED, "seed": seed, "task": "pos,qa", "compare": ",", "languages": "de"}
    lengths = {"realign_steps": "", "finetune_steps": "", "finetune_epochs": "1"}
    lengths |= {"finetune_batch_size": "16"}
    pipeline.run({**options, **lengths, "preset": "standard", "model": "demo", "max_length": "64"})
    steps = {name.split("/")[1] for name in stages(runs(experiment)["alignfreeze"])}
    assert steps == {
        "pretrained",
        "realigned-4",  # 60 sentences, 16 at a time
        "realigned-2",  # 30 questions
        "finetuned-pos",
        "finetuned-qa",
    }


def test_too_little_text_to_measure_on_fails_nothing(experiment, seed):
    options = {**MEASURED, "seed": seed, "alignment_pairs": "1", "pair_limit": "10"}
    pipeline.run({**options, "strategy": "baseline", "compare": ",", "languages": "zh"})
    assert runs(experiment)["alignfreeze"].info.status == "FINISHED"


def test_a_nested_runs_config_file_runs_it_again(experiment, seed):
    options = {**OPTIONS, "seed": seed, "task": "pos,qa", "strategy": "baseline"}
    pipeline.run({**options, "task_args": "qa.stride=16", "eval_batch_size": "64"})
    for task in ("pos", "qa"):
        run = runs(experiment)[f"finetune-{task}"]
        file = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="config.yaml"
        )
        (data,) = Preparation(build_config({"config": file})).tasks
        assert getattr(data.task, "stride", 16) == 16


def test_all_four_tasks_share_one_realigned_encoder(experiment, seed):
    options = {"preset": "demo-all", **OPTIONS, "seed": seed, "compare": ",", "languages": "de"}
    outcome = pipeline.run({**options, "alignment_pairs": "0", "eval_batch_size": "64"})
    found = mlflow.search_runs([experiment], output_format="list")
    names = sorted(what(run) for run in found)
    finetuned = [f"finetune-{task}" for task in ("ner", "nli", "pos", "qa")]
    assert names == ["alignfreeze", *finetuned, "realign"]
    assert [result.task for result in outcome.results] == ["pos", "ner", "nli", "qa"]
    assert [result.metric for result in outcome.results] == ["accuracy", "f1", "accuracy", "f1"]
    parent = runs(experiment)["alignfreeze"].data.metrics
    assert {"pos/test/de/accuracy", "nli/test/de/accuracy", "qa/test/de/f1"} <= set(parent)
    assert {"pos/test/target_mean/accuracy", "ner/test/target_mean/f1"} <= set(parent)


@pytest.mark.parametrize(
    ("task_args", "message"),
    [
        ("ner.x=1", "task_args must be task.name=value with one of the tasks pos, got 'ner.x'"),
        ("pos=1", "task_args must be task.name=value with one of the tasks pos, got 'pos'"),
        ("pos.x=1", "task 'pos': x is not a known option"),
    ],
)
def test_hyperparameters_of_no_task_are_refused(experiment, seed, task_args, message):
    with pytest.raises(AlignFreezeError, match=message):
        pipeline.run({**OPTIONS, "seed": seed, "task_args": task_args})
    assert runs(experiment)["alignfreeze"].info.status == "FAILED"
