"""In which experiment runs are, what they are called, and of which commit they say to be."""

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from alignfreeze.tracking import creation, opening
from alignfreeze.tracking.names import Kind
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.store import search_runs

pytestmark = pytest.mark.usefixtures("experiment")

COMMIT = "mlflow.source.git.commit"


@pytest.fixture
def own_experiment(monkeypatch, experiment):
    """That of runs which nothing names one for, of another name here, as the store is shared."""
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    monkeypatch.setattr("mlflow.tracking.fluent._active_experiment_id", None)
    monkeypatch.setattr(creation, "EXPERIMENT", f"own-{experiment}")
    return f"own-{experiment}"


def experiment_of(run):
    return mlflow.get_experiment(mlflow.get_run(run.run_id).info.experiment_id).name


def test_a_run_is_in_our_experiment_unless_another_is_named(own_experiment, monkeypatch):
    assert creation.EXPERIMENT_TAGS["mlflow.note.content"]
    with tracked_run("first") as first, tracked_run("nested", nested=True) as nested:
        pass
    with tracked_run("second") as second:
        pass
    assert {experiment_of(run) for run in (first, nested, second)} == {own_experiment}
    about = MlflowClient().get_experiment_by_name(own_experiment).tags
    assert about.items() >= creation.EXPERIMENT_TAGS.items()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"{own_experiment}-named")
    with tracked_run("named") as other:
        pass
    assert experiment_of(other) == f"{own_experiment}-named"


def test_our_experiment_is_called_as_the_program():
    assert creation.EXPERIMENT == "alignfreeze"


def test_an_experiment_by_its_id_or_set_in_mlflow_is_kept(experiment, own_experiment, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    with tracked_run("one") as run:
        pass
    assert mlflow.get_run(run.run_id).info.experiment_id == experiment
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    mlflow.set_experiment(experiment_id=experiment)
    with tracked_run("two") as run:
        pass
    assert mlflow.get_run(run.run_id).info.experiment_id == experiment


def opened_by_mlflow_run(experiment, monkeypatch, given=None, **tags):
    """As `mlflow run` does it: the run is made, and named only if that was asked for."""
    made = MlflowClient().create_run(experiment, tags=tags)
    if given is not None:
        MlflowClient().set_tag(made.info.run_id, "mlflow.runName", given)
    monkeypatch.setenv("MLFLOW_RUN_ID", made.info.run_id)
    return made.info.run_id


def test_the_run_of_mlflow_run_is_named_by_us(experiment, monkeypatch):
    run_id = opened_by_mlflow_run(experiment, monkeypatch)
    with tracked_run("alignfreeze", Kind.RUN) as run:
        run.rename("front pos seed 31")
    assert run.run_id == run_id
    assert mlflow.get_run(run_id).info.run_name == "front pos seed 31"


@pytest.mark.parametrize("given", ["mine", "bert-base-12", "sneaky-model-3"])
def test_the_name_that_the_user_gave_to_mlflow_run_stays(experiment, monkeypatch, given):
    run_id = opened_by_mlflow_run(experiment, monkeypatch, given)
    with tracked_run("alignfreeze", Kind.RUN) as run:
        run.rename("front pos seed 31")
    assert mlflow.get_run(run_id).info.run_name == given


def test_a_run_that_is_gone_on_with_keeps_its_name_and_its_description():
    with tracked_run("ours", Kind.SEARCH) as first:
        first.describe("one")
    MlflowClient().update_run(first.run_id, name="the user's")
    with tracked_run("ours again", Kind.SEARCH, again=first.run_id) as again:
        again.rename("ours once more")
        again.describe("two")
    found = mlflow.get_run(first.run_id)
    assert found.info.run_name == "the user's"
    assert found.data.tags["mlflow.note.content"].endswith("two")
    MlflowClient().set_tag(first.run_id, "mlflow.note.content", "What a person wrote.")
    with tracked_run("ours", Kind.SEARCH, again=first.run_id) as again:
        again.describe("three")
    found = mlflow.get_run(first.run_id)
    assert found.data.tags["mlflow.note.content"] == "What a person wrote."


def test_a_long_description_ends_with_a_whole_line():
    with tracked_run("one") as run:
        run.describe("\n".join(f"| {number} |" for number in range(5000)))
    *_, last, _, end = mlflow.get_run(run.run_id).data.tags["mlflow.note.content"].split("\n")
    assert end == "…"
    assert last.startswith("| ")
    assert last.endswith(" |")


def test_children_say_the_commit_of_their_parent(experiment, monkeypatch):
    run_id = opened_by_mlflow_run(experiment, monkeypatch, **{COMMIT: "c0ffee"})
    with tracked_run("outer") as outer, tracked_run("inner", nested=True):
        pass
    with tracked_run("of a worker", nested=True, parent=outer.run_id):
        pass
    nested = search_runs(f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert [run.data.tags[COMMIT] for run in nested] == ["c0ffee"] * 2
    assert mlflow.get_run(run_id).data.tags[COMMIT] == "c0ffee"


def test_without_mlflow_run_the_commit_is_that_of_this_clone(monkeypatch):
    monkeypatch.setattr(opening, "resolve_tags", lambda tags: dict(tags))
    monkeypatch.setattr(opening, "_own_commit", lambda: "beef")
    with tracked_run("outer") as outer, tracked_run("inner", nested=True) as inner:
        pass
    found = [mlflow.get_run(run.run_id).data.tags[COMMIT] for run in (outer, inner)]
    assert found == ["beef"] * 2


@pytest.mark.parametrize("kind", [Kind.CELL, None])
def test_a_run_says_what_it_is(kind):
    with tracked_run("one", kind) as run:
        pass
    assert mlflow.get_run(run.run_id).data.tags.get("alignfreeze.kind") == kind
