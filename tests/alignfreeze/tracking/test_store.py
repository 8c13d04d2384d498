import logging

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.store import find_realignment, finished_run

pytestmark = pytest.mark.usefixtures("experiment")


# Finding runs


def held(name: str, phase_hash: str, *, strategy: str = "front", nested: bool = False) -> str:
    """The id of a finished run that holds a phase."""
    with tracked_run(name, nested=nested) as run:
        run.tags({"strategy": strategy})
        run.finished_as(phase_hash)
    return run.run_id


def found_realignment(run_id: str) -> tuple[str, str, str]:
    """Run, hash and strategy of the realignment that is found for a run."""
    found = find_realignment(run_id)
    return found.run_id, found.tags["phase_hash"], found.tags["strategy"]


def test_only_a_finished_run_with_the_hash_is_found():
    assert finished_run("sought") is None
    held("realign", "other")
    with tracked_run("realign") as running:
        running.finished_as("sought")
        assert finished_run("sought") is None
    assert finished_run("sought").run_id == running.run_id


def test_a_run_that_failed_after_all_is_not_found():
    with pytest.raises(ValueError, match="late"), tracked_run("failing") as run:
        raise ValueError("late")
    run.finished_as("failed late")
    assert finished_run("failed late") is None


def test_a_deleted_run_is_not_found():
    run_id = held("realign", "deleted")
    MlflowClient().delete_run(run_id)
    assert finished_run("deleted") is None


def test_the_newest_run_with_the_hash_is_found(experiment):
    client = MlflowClient()
    for start in (2000, 3000, 1000):
        run = client.create_run(experiment, start, {"alignfreeze.phase_hash": "thrice"})
        client.set_terminated(run.info.run_id)
    assert finished_run("thrice").started == 3000


def test_runs_of_every_experiment_are_found(tmp_path, monkeypatch):
    run_id = held("realign", "elsewhere")
    other = mlflow.create_experiment("elsewhere", artifact_location=tmp_path.as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", other)
    assert finished_run("elsewhere").run_id == run_id


def test_a_realignment_is_found_by_its_own_id():
    run_id = held("realign", "hash 1")
    assert found_realignment(run_id) == (run_id, "hash 1", "front")
    run_id = held("realign-none", "hash 2", strategy="none")
    assert found_realignment(run_id) == (run_id, "hash 2", "none")


def test_a_realignment_is_found_by_the_run_that_it_is_nested_in():
    with tracked_run("alignfreeze") as parent:
        parent.tags({"strategy": "front"})
        held("realign-none", "hash 1", strategy="none", nested=True)
        run_id = held("realign", "hash 2", nested=True)
        held("finetune-pos", "hash 3", nested=True)
    assert found_realignment(parent.run_id) == (run_id, "hash 2", "front")


@pytest.mark.parametrize("tag", ["reused.realignment", "realign_run"])
@pytest.mark.parametrize("name", ["realign", "realign-front"])
def test_a_realignment_is_found_by_the_run_that_took_it_over(tag, name):
    run_id = held(name, "hash 1")
    with tracked_run("alignfreeze") as parent:
        parent.tags({tag: run_id})
    assert found_realignment(parent.run_id) == (run_id, "hash 1", "front")


def test_a_runs_own_realignment_is_preferred_to_one_taken_over_to_compare():
    compared = held("realign", "hash 1", strategy="none")
    with tracked_run("alignfreeze") as parent:
        parent.tags({"strategy": "front", "reused.realignment": compared})
        run_id = held("realign", "hash 2", nested=True)
    assert found_realignment(parent.run_id) == (run_id, "hash 2", "front")


def test_runs_without_a_realignment():
    run_id = held("finetune-pos", "hash 1")
    assert find_realignment(run_id) is None
    assert find_realignment("0" * 32) is None
    assert find_realignment("../elsewhere") is None
    with tracked_run("alignfreeze") as parent:
        parent.tags({"realign_run": ""})
        with pytest.raises(ValueError, match="stop"), tracked_run("realign", nested=True):
            raise ValueError("stop")
    assert find_realignment(parent.run_id) is None


def test_a_realignment_that_was_deleted_is_none():
    with tracked_run("alignfreeze") as parent:
        parent.tags({"reused.realignment": "0" * 32})
    assert find_realignment(parent.run_id) is None


def test_a_new_stores_set_up_is_not_logged():
    with tracked_run("run"):
        assert not logging.getLogger("alembic").isEnabledFor(logging.INFO)
