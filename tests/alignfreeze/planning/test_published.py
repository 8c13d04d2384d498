"""Steps of the published experiments, from the presets and the sizes of the data sets."""

import pytest
import transformers

from alignfreeze.config import build_config
from alignfreeze.encoders import modelfiles
from alignfreeze.errors import EncoderError
from alignfreeze.evaluation.tasks import create_tasks
from alignfreeze.planning.published import (
    ENCODERS,
    TRAINING_SETS,
    LayerCounts,
    least_steps,
    published_steps,
)


def steps(function, preset, task, **options):
    config = build_config({"preset": preset, "task": task, **options})
    return function(config, task, create_tasks(config)[task])


@pytest.mark.parametrize(
    ("task", "expected", "xlmr"),
    [("pos", 1965, 1970), ("ner", 3130, 3130), ("nli", 24544, 24544), ("qa", 18010, 20228)],
)
def test_the_steps_are_those_of_the_published_result_files(task, expected, xlmr):
    assert steps(published_steps, "paper-as-run", task) == expected
    assert steps(published_steps, "paper-as-run-xlmr", task) == xlmr


def test_rows_of_other_lengths_or_data_are_not_known():
    assert steps(published_steps, "paper", "pos") is None
    assert steps(published_steps, "paper-as-run", "qa", task_args="qa.stride=8") is None
    assert steps(published_steps, "paper-as-run", "pos", data="folder") is None
    assert steps(least_steps, "paper-as-run", "pos", data="folder") is None


@pytest.mark.parametrize(
    ("task", "expected"), [("pos", 1960), ("ner", 3125), ("nli", 24544), ("qa", 5475)]
)
def test_there_is_a_row_at_least_for_each_example(task, expected):
    assert steps(least_steps, "paper", task) == expected


@pytest.mark.parametrize("found", TRAINING_SETS.values(), ids=TRAINING_SETS)
def test_no_data_set_has_fewer_rows_than_examples(found):
    assert found.rows("bert-base-multilingual-cased") >= found.examples
    assert found.rows("FacebookAI/xlm-roberta-base") >= found.rows("bert")


@pytest.fixture
def no_hub(monkeypatch):
    """The hub is not asked, and the cache holds no model."""
    monkeypatch.setattr(modelfiles, "why_offline", lambda: "the test has no network")


@pytest.mark.usefixtures("no_hub")
def test_layers_are_those_that_were_published_where_the_hub_cannot_be_reached():
    layers = LayerCounts()
    assert [layers(name) for name in ENCODERS] == [6, 12, 12]
    assert layers.assumed == list(ENCODERS)
    assert LayerCounts()("demo") == 4
    with pytest.raises(EncoderError, match="'some/model': neither a folder nor in the cache"):
        layers("some/model")


@pytest.mark.usefixtures("no_hub")
def test_a_damaged_folder_is_not_the_published_model(tmp_path, monkeypatch):
    (tmp_path / "bert-base-multilingual-cased").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match="model 'bert-base-multilingual-cased'"):
        LayerCounts()("bert-base-multilingual-cased")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("distilbert-base-multilingual-cased", "DistilBertConfig"),
        ("bert-base-multilingual-cased", "BertConfig"),
        ("FacebookAI/xlm-roberta-base", "XLMRobertaConfig"),
    ],
)
def test_sizes_are_those_of_the_base_models(name, kind):
    size, config = ENCODERS[name], getattr(transformers, kind)()
    inner = config.hidden_dim if kind == "DistilBertConfig" else config.intermediate_size
    sizes = (size.layers, size.hidden, size.intermediate)
    assert sizes == (config.num_hidden_layers, config.hidden_size, inner)
