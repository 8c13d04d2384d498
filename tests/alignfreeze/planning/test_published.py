"""Steps of the published experiments, from the presets and the sizes of the data sets."""

import pytest

from alignfreeze.config import build_config
from alignfreeze.evaluation.tasks import create_tasks
from alignfreeze.planning.published import TRAINING_SETS, least_steps, published_steps


def steps(function, preset, task, **options):
    config = build_config({"preset": preset, "task": task, **options})
    return function(config, task, create_tasks(config)[task])


@pytest.mark.parametrize(
    ("task", "expected"), [("pos", 1965), ("ner", 3130), ("nli", 24544), ("qa", 18010)]
)
def test_the_steps_are_those_of_the_reference(task, expected):
    assert steps(published_steps, "paper-as-run", task) == expected


def test_another_tokenizer_makes_more_windows_of_the_same_questions():
    assert steps(published_steps, "paper-as-run-xlmr", "qa") == 20228
    assert steps(published_steps, "paper-as-run-xlmr", "pos") == 1965


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
