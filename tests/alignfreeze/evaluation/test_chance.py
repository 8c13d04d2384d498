"""What guessing gets, and which scores are far below it."""

import pytest

from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.evaluation.chance import Chance, below_chance
from alignfreeze.evaluation.scores import Score, TaskResult
from alignfreeze_tasks.pos import PartOfSpeechTagging


def told(value: float, chance: Chance) -> list[str]:
    scores = [Score("de", "test", "accuracy", value), Score("de", "test", "f1", 0.0)]
    return below_chance([TaskResult("front", "nli", "accuracy", scores)], {"nli": {"de": chance}})


def test_a_score_far_below_chance_is_told_with_what_guessing_gets():
    (line,) = told(0.12, Chance(1 / 3, 5000))
    assert line.startswith("front, nli: accuracy far below chance: de 12.0 (guessing: 33.3)")


@pytest.mark.parametrize(
    ("value", "examples"),
    [
        (0.30, 5000),  # it may be luck to be a little below, whatever the number of examples
        (0.12, 10),  # and with few examples far below
        (0.90, 5000),
    ],
)
def test_no_other_is(value, examples):
    assert told(value, Chance(1 / 3, examples)) == []


def test_what_a_task_cannot_say_is_not_told():
    scores = [Score("de", "test", "f1", 0.0)]
    assert below_chance([TaskResult("front", "ner", "f1", scores)], {"ner": {}}) == []
    assert below_chance([TaskResult("front", "ner", "f1", scores)], {}) == []


def test_guessing_is_by_the_labels_frequencies_where_accuracy_is_the_metric(monkeypatch):
    for counts, level in (({"A": 50, "B": 50}, 0.5), ({"A": 90, "B": 10}, 0.82), ({}, None)):
        monkeypatch.setattr(PartOfSpeechTagging, "label_counts", lambda *_, c=counts: c)
        assert create_plugin(TASK, "pos", {}).chance([]) == (level and pytest.approx(level))
    for name in ("ner", "qa"):
        assert create_plugin(TASK, name, {}).chance([]) is None
