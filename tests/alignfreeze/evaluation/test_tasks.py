"""What is said for one task of several."""

import pytest

from alignfreeze.config import RunConfig, build_config
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.tasks import create_tasks


@pytest.mark.parametrize(
    ("given", "lengths"),
    [
        ("", (96, 96)),
        ("128", (128, 128)),
        (128, (128, 128)),
        ("all=128", (128, 128)),
        ("qa=384", (96, 384)),
        ("qa=384,pos=64", (64, 384)),
        ({"pos": 64}, (64, 96)),
    ],
)
def test_a_task_has_its_length_else_that_of_all_else_that_of_training(given, lengths):
    config = build_config({"task": "pos,qa", "max_length": "96", "eval_max_length": given})
    assert tuple(map(config.evaluated_length, ("pos", "qa"))) == lengths
    assert list(create_tasks(config)) == ["pos", "qa"]


def test_a_length_of_a_task_that_is_not_asked_for_is_refused():
    message = r"^eval_max_length must be .* task=number with one of the tasks pos, nli, got 'qa'$"
    with pytest.raises(ConfigError, match=message):
        create_tasks(RunConfig(task="pos,nli", eval_max_length="pos=64,qa=384"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("pos", "must be a number, or task=number,…, got 'pos'"),
        ("60.5", "must be a number, or task=number,…, got '60.5'"),
        ("-3", r"\.all must be >= 8, got -3"),
        ("pos=4", r"\.pos must be >= 8, got 4"),
        ("all=64,pos=64", "must be one number, or task=number,… for each task by its name"),
        (True, "must be a number, got True"),
    ],
)
def test_lengths_are_numbers(given, message):
    with pytest.raises(ConfigError, match=f"^eval_max_length ?{message}"):
        build_config({"eval_max_length": given})
