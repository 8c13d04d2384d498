"""Models and their registration: half logged, and logged later."""

import math
from functools import partial
from uuid import uuid4

import mlflow
import pytest
from mlflow.store.model_registry.dbmodels.models import SqlRegisteredModelAlias
from mlflow.tracking import MlflowClient

from alignfreeze.tracking.inputs import data_set
from alignfreeze.tracking.model_folders import SavedModel, describe_model
from alignfreeze.tracking.models import find_model, log_model
from alignfreeze.tracking.registry import has_model, register
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.syncing import sync
from tests.alignfreeze.tracking.racing import as_others_add

NETWORK = "AutoModelForTokenClassification"
SAVED = SavedModel("BertForTokenClassification", "T", NETWORK, "token-classification", {}, {})

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def folder(tmp_path):
    """A folder that is an MLflow Model."""
    describe_model(tmp_path / "model", SAVED)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"\x00\xff")
    return tmp_path / "model"


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """Where the one journal is."""
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    return lambda: next((tmp_path / "cache" / "unlogged").iterdir())


def logged(folder, registered, road=None):
    """The id of a run with a model that is registered; the store may go away before."""
    with tracked_run("outer") as run:
        run.inputs([data_set("demo pos test", "test", "0123", "owner/name", {"de": 3})])
        run.describe("| 1 |")
        run.tags({"model": "demo", "task": "pos"})
        if road is not None:
            run.waits(0)
            road.closed_for = math.inf
        run.params({"seed": 1})
        run.metric("test/de/accuracy", 0.5)
        run.metric("validation/de/accuracy", 0.4)
        run.model(folder, "front-pos")
        version = register(
            run.run_id, "front-pos", registered=registered, alias="candidate", told="told"
        )
        assert version == (None if road else "1")
    if road is not None:
        road.closed_for = 0
    return run.run_id


def content(run_id, registered):
    """All that is known of a run's only model and its only version, but for ids and times."""
    experiment = mlflow.get_run(run_id).info.experiment_id
    (model,) = mlflow.search_logged_models(
        [experiment], filter_string=f"source_run_id = '{run_id}'", output_format="list"
    )
    assert find_model(run_id, "front-pos").model_id == model.model_id
    client = MlflowClient()
    (version,) = client.search_model_versions(f"name = '{registered}'")
    assert version.source == f"models:/{model.model_id}"
    assert version.run_id == run_id
    by_alias = client.get_model_version_by_alias(registered, "candidate")
    assert str(by_alias.version) == str(version.version) == "1"
    described = mlflow.models.Model.load(f"models:/{model.model_id}")
    assert (described.run_id, described.model_id) == (run_id, model.model_id)
    metrics = [(m.key, m.value, m.dataset_name, m.dataset_digest) for m in model.metrics]
    tags = {n: text for n, text in model.tags.items() if n.startswith(("alignfreeze.", "mlflow.n"))}
    files = sorted(file.path for file in client.list_logged_model_artifacts(model.model_id))
    assert metrics == [("test/de/accuracy", 0.5, "demo pos test", "0123")]
    assert "model.safetensors" in files
    params = {n: value for n, value in model.params.items() if n.startswith("cfg.")}
    return str(model.status), tags, params, files, version.tags, version.description


@pytest.fixture
def registered(experiment):
    """A name of the registry, which is all experiments'."""
    return f"m-{uuid4().hex}"


def test_a_model_that_is_logged_later_is_what_would_have_been(road, folder, journal, registered):
    run_id = logged(folder, registered, road)
    assert not has_model(run_id, "front-pos")
    sync(journal())
    expected = logged(folder, f"{registered}-at-once")
    assert content(run_id, registered) == content(expected, f"{registered}-at-once")


def test_a_sync_that_is_interrupted_registers_once(
    road, folder, journal, registered, interrupted_sync
):
    run_id = logged(folder, registered, road)
    interrupted_sync(journal())
    content(run_id, registered)


@pytest.mark.parametrize("cut", ["log_model_artifacts", "log_outputs", "finalize_logged_model"])
def test_a_model_that_is_half_logged_is_none_and_is_logged_anew(
    experiment, folder, registered, monkeypatch, cut
):
    def gone(*args, **kwargs):
        raise KeyboardInterrupt

    with tracked_run("outer") as run:
        with monkeypatch.context() as patch:
            patch.setattr(MlflowClient, cut, gone)
            with pytest.raises(KeyboardInterrupt):
                log_model(run.run_id, folder, "front-pos")
        assert not has_model(run.run_id, "front-pos")
        for _ in range(2):
            log_model(run.run_id, folder, "front-pos")
    (model,) = mlflow.search_logged_models(
        [experiment], filter_string=f"source_run_id = '{run.run_id}'", output_format="list"
    )
    assert has_model(run.run_id, "front-pos")
    outputs = mlflow.get_run(run.run_id).outputs.model_outputs
    assert model.model_id in {output.model_id for output in outputs}


def test_an_alias_that_another_process_gives_at_once_is_of_the_later(folder, registered):
    def give(run, version):
        given = {"registered": registered, "alias": "best", "told": "told"}
        assert register(run.run_id, "front-pos", **given) == version

    with tracked_run("other") as other, tracked_run("one", nested=True) as run:
        for one in (other, run):
            one.model(folder, "front-pos")
        with as_others_add(SqlRegisteredModelAlias, [partial(give, other, "2")]):
            give(run, "1")
    versions = MlflowClient().search_model_versions(f"name = '{registered}'")
    assert {version.run_id for version in versions} == {other.run_id, run.run_id}
    assert MlflowClient().get_model_version_by_alias(registered, "best").run_id == run.run_id
