"""Data sets are logged as MLflow's own, and read as such."""

import json
from functools import partial
from uuid import uuid4

import mlflow
import pytest
from mlflow.data.huggingface_dataset_source import HuggingFaceDatasetSource
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.dbmodels.models import SqlDataset
from mlflow.tracking import MlflowClient

from alignfreeze.errors import TrackingError
from alignfreeze.tracking.inputs import DataSet, data_set
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.writing import CLASHES
from tests.alignfreeze.tracking.racing import as_others_add

pytestmark = pytest.mark.usefixtures("experiment")


def test_a_data_set_says_what_it_is_and_where_it_is_from(tmp_path):
    found = [
        data_set("suite pos test", "test", "0123456789abcdef", tmp_path, {"en": 2, "de": 3}),
        data_set("hub ner train", "train", "f" * 64, "owner/name@v1", {"en": 4}),
    ]
    with tracked_run("one") as run:
        run.inputs(found)
        run.inputs(found)  # as where two phases use the same
        run.inputs([])
    first, second = mlflow.get_run(run.run_id).inputs.dataset_inputs
    assert (first.dataset.name, first.dataset.digest) == ("suite pos test", "0123456789ab")
    assert [(tag.key, tag.value) for tag in first.tags] == [("mlflow.data.context", "test")]
    assert json.loads(first.dataset.profile) == {"num_rows": 5, "rows of en": 2, "rows of de": 3}
    assert mlflow.data.get_source(first).uri == str(tmp_path)
    source = mlflow.data.get_source(second)
    assert isinstance(source, HuggingFaceDatasetSource)
    assert (source.path, source.revision) == ("owner/name", "v1")


def three() -> list[DataSet]:
    """Of a name that no other test has logged."""
    name = uuid4().hex
    return [data_set(name, "train", f"{n}", "owner/name", {"en": 1}) for n in range(3)]


@pytest.mark.parametrize("others", [1, 3])
def test_data_sets_that_another_process_adds_at_once_are_logged_all_the_same(others):
    """Each time that none is found, the other adds one before they can be added here."""
    found = three()
    with tracked_run("other") as other, tracked_run("one", nested=True) as run:
        adding = [partial(other.inputs, [one]) for one in found[:others]]
        with as_others_add(SqlDataset, adding):
            run.inputs(found)
    logged = [one.dataset.digest for one in mlflow.get_run(run.run_id).inputs.dataset_inputs]
    assert sorted(logged) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("reason", "attempts"),
    [
        ("BAD_REQUEST: (psycopg.errors.UniqueViolation) duplicate key value", 1 + CLASHES),
        ("INVALID_PARAMETER_VALUE: nothing of the kind", 1),
    ],
)
def test_data_sets_that_the_store_refuses_are_no_endless_loop(reason, attempts, monkeypatch):
    made = []

    def refuse(client, run_id, inputs):
        made.append(run_id)
        raise MlflowException(reason)

    monkeypatch.setattr(MlflowClient, "log_inputs", refuse)
    with pytest.raises(TrackingError, match="cannot take inputs"), tracked_run("one") as run:
        run.inputs(three())
    assert len(made) == attempts
