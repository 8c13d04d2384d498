"""Data sets are logged as MLflow's own, and read as such."""

import json

import mlflow
import pytest
from mlflow.data.huggingface_dataset_source import HuggingFaceDatasetSource

from alignfreeze.tracking.inputs import data_set
from alignfreeze.tracking.runs import tracked_run

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
