"""Models that runs keep: loaded, served, registered, taken over."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from typing import ClassVar

import mlflow
import pytest
import uvicorn
from mlflow.tracking import MlflowClient
from safetensors import SafetensorError
from transformers import AutoModel, AutoModelForTokenClassification, AutoTokenizer

from alignfreeze.errors import ConfigError, PluginError, TrackingError
from alignfreeze.runs import pipeline, saving
from alignfreeze.runs.saving import check_example
from alignfreeze.tracking import model_folders, writing
from alignfreeze_tasks.pos import PartOfSpeechTagging

pytestmark = [
    pytest.mark.usefixtures("cache", "experiment"),
    # Of what MLflow does by itself, in loading and in serving.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]

OPTIONS = {
    "languages": "de",
    "realign_languages": "de",
    "compare": ",",
    "realign_steps": "2",
    "finetune_steps": "2",
    "precision": "fp32",
}
QUESTIONS = {
    "pos": {"text": "Die Katze schläft ."},
    "ner": {"text": "Angela besucht Paris"},
    "nli": {"text": "The cat sleeps.", "text_pair": "An animal is asleep."},
    "qa": {"question": "Where is the cat?", "context": "The cat is on the sofa."},
}


def invoked(model, question):
    """What a server answers to one question, at /invocations."""
    from mlflow.pyfunc import scoring_server

    server = uvicorn.Server(
        uvicorn.Config(scoring_server.init(model), port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            json.dumps({"dataframe_records": [question]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            (answer,) = json.load(response)["predictions"]
    finally:
        server.should_exit = True
        thread.join()
    return answer


def check_answer(task, question, answer):
    if task in ("pos", "ner"):
        assert [part["word"] for part in answer["words"]] == question["text"].split()
        assert all(0 < part["score"] <= 1 and part["label"] for part in answer["words"])
    elif task == "nli":
        assert answer["label"] in ("entailment", "neutral", "contradiction")
        assert 1 / 3 < answer["score"] <= 1
    else:
        assert answer["answer"] == question["context"][answer["start"] : answer["end"]]
        assert 0 < answer["score"] <= 1


def location_of(registered):
    """The folder of the newest version of a name."""
    return MlflowClient().get_model_version_download_uri(registered, "1").removeprefix("file://")


def check_page(run_id):
    """What MLflow's pages of a model show: whose it is, what it says of itself, what it is of."""
    version = MlflowClient().get_model_version_by_alias("m-pos", "candidate")
    assert version.tags == {"model": "demo", "strategy": "front", "task": "pos", "seed": "7101"}
    run = mlflow.get_run(run_id)
    model = mlflow.get_logged_model(version.source.removeprefix("models:/"))
    for tag in ("mlflow.note.content", "mlflow.source.name", "mlflow.user"):
        assert model.tags[tag] == run.data.tags[tag]
    tested = {one.dataset.name for one in run.inputs.dataset_inputs if "test" in str(one.tags)}
    assert {metric.dataset_name for metric in model.metrics} == tested
    assert {metric.key for metric in model.metrics} == {
        name for name in run.data.metrics if name.startswith("test/")
    }


def test_models_of_all_tasks_are_loaded_served_and_registered(tmp_path):
    options = {**OPTIONS, "task": ",".join(QUESTIONS), "register": "m", "register_encoder": "e"}
    outcome = pipeline.run({**options, "seed": "7101"})
    for task, question in QUESTIONS.items():
        uri = f"models:/m-{task}@candidate"
        assert f"registered: {uri} (version 1)" in outcome.places
        model = mlflow.pyfunc.load_model(uri)
        assert len(model.predict(model.input_example)) == 1
        check_answer(task, question, invoked(model, question))
        parts = mlflow.transformers.load_model(uri, return_type="components")
        assert {"model", "tokenizer"} <= parts.keys()
        if task != "qa":  # transformers has no such pipeline any more
            assert mlflow.transformers.load_model(uri)(question.get("text"))
    run_id = MlflowClient().get_model_version_by_alias("m-pos", "candidate").run_id
    folder = mlflow.artifacts.download_artifacts(
        f"runs:/{run_id}/front-pos", dst_path=str(tmp_path)
    )
    AutoModelForTokenClassification.from_pretrained(folder)
    AutoTokenizer.from_pretrained(folder)
    check_page(run_id)
    (said,) = mlflow.pyfunc.load_model("models:/e@candidate").predict([{"text": "eins zwei"}])
    assert [part["word"] for part in said["words"]] == ["eins", "zwei"]
    encoder = MlflowClient().get_model_version_by_alias("e", "candidate").source
    AutoModel.from_pretrained(encoder.removeprefix("file://"))
    names = [*(f"m-{task}" for task in QUESTIONS), "e"]
    check_alone([location_of(name) for name in names])


def test_a_finished_phase_with_its_model_is_taken_over_and_one_without_is_not(caplog, monkeypatch):
    options = {**OPTIONS, "seed": "7102"}
    pipeline.run(options)
    caplog.set_level("INFO")
    pipeline.run({**options, "save_model": "true"})
    assert "has the scores, but not the model, so it is computed again" in caplog.text
    caplog.clear()
    outcome = pipeline.run({**options, "register": "again@champion"})
    assert "fine-tuning on pos: taken over" in caplog.text
    assert "registered: models:/again@champion (version 1)" in outcome.places
    outcome = pipeline.run({**options, "register": "again@champion"})  # the same version
    assert "registered: models:/again@champion (version 1)" in outcome.places
    monkeypatch.setattr(saving, "has_model", refusing)  # as by a server that knows no models
    outcome = pipeline.run({**options, "save_model": "true"})
    assert "it refuses" in caplog.text
    assert any(line.startswith("model of pos: runs:/") for line in outcome.places)


def refusing(*args, **kwargs):
    raise TrackingError("it refuses")


def full(*args, **kwargs):
    raise SafetensorError("I/O error: No space left on device (os error 28)")


FAULTS = {
    "registry": (saving, "register", refusing, "not registered as lost: it refuses"),
    "description": (saving, "describe_model", refusing, "model of pos: not kept: it refuses"),
    "store": (writing, "log_model", refusing, "model of pos: not kept: it refuses"),
    "disk": (saving, "save", full, "model of pos: not kept: the disk is full"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_with_a_model_leaves_the_scores(fault, monkeypatch):
    place, what, raising, told = FAULTS[fault]
    options = {**OPTIONS, "strategy": "baseline", "seed": "7103", "register": "lost"}
    monkeypatch.setattr(place, what, raising)
    outcome = pipeline.run({**options, "task": "pos", "reuse": "false"})
    runs = mlflow.search_runs([mlflow.get_run(outcome.run_id).info.experiment_id])
    assert set(runs["status"]) == {"FINISHED"}
    assert len(runs) == 2
    assert not outcome.scores.empty
    assert any(line.startswith(told) for line in outcome.places), outcome.places


def test_an_encoder_that_cannot_be_described_is_kept(monkeypatch, caplog):
    monkeypatch.setattr(saving, "describe_model", refusing)
    outcome = pipeline.realign_only({**OPTIONS, "seed": "7104", "reuse": "false"})
    AutoModel.from_pretrained(outcome.encoder)
    assert "the encoder is kept, but cannot be served: it refuses" in caplog.text


ALONE = """
import sys

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].split("_")[0] == "alignfreeze" and "answers" not in name:
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Refuses())
import mlflow
for folder in sys.argv[1:]:
    model = mlflow.pyfunc.load_model(folder)
    print(sorted(model.predict(model.input_example)[0]))
assert "alignfreeze" not in sys.modules
"""


def check_alone(folders):
    """Models answer where AlignFreeze cannot be imported."""
    command = [sys.executable, "-W", "ignore", "-c", ALONE, *folders]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    assert told.stdout.splitlines() == [
        "['words']",
        "['words']",
        "['label', 'score']",
        "['answer', 'end', 'score', 'start']",
        "['words']",
    ], told.stderr


def test_an_encoder_is_registered_where_there_is_one():
    with pytest.raises(ConfigError, match="register_encoder needs a strategy that realigns"):
        pipeline.run({**OPTIONS, "strategy": "baseline", "register_encoder": "e"})


def test_a_question_that_is_none_of_its_pipeline_is_told_of():
    class Odd(PartOfSpeechTagging):
        example: ClassVar = {"sentence": "a"}

    with pytest.raises(PluginError, match="must have text, got sentence"):
        check_example("odd", Odd())


def test_a_users_project_is_not_copied(tmp_path, monkeypatch):
    for name in model_folders.UV_FILES:
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    saved = model_folders.SavedModel("A", "B", "AutoModel", "feature-extraction", {}, {})
    model_folders.describe_model(tmp_path / "model", saved)
    assert not {*model_folders.UV_FILES} & {p.name for p in (tmp_path / "model").iterdir()}
    pins = (tmp_path / "model" / "requirements.txt").read_text()
    assert all("==" in line and "+" not in line for line in pins.split())
