"""A task that does not keep its word: a line that names it, no endless loop, a FAILED run."""

import logging
import math
from dataclasses import replace
from typing import Any

import mlflow
import numpy as np
import pytest
import torch

from alignfreeze.contracts import Feature, Outcomes, Parts, Task
from alignfreeze.contracts.guarding import guarded
from alignfreeze.errors import PluginError, TrainingError
from alignfreeze.evaluation import rehearsal
from alignfreeze.evaluation.promises import (
    check_examples,
    check_metrics,
    check_outcomes,
    check_predictions,
    check_rows,
    check_trained,
    tell_lacking,
    unfitting,
)
from alignfreeze.evaluation.scores import Score
from alignfreeze.runs import pipeline
from alignfreeze.training.batches import FeatureStream, collate_features
from alignfreeze_tasks.pos import PartOfSpeechTagging

OPTIONS = {"languages": "de", "strategy": "baseline", "compare": ",", "finetune_steps": "1"}


class Plain(Task):
    """A task of nobody's."""

    primary_metric = "accuracy"


TASK = Plain()
ROW = Feature([1, 2], {"labels": [0, 1]}, example=0)


def test_rows_that_are_right():
    check_rows(TASK, [ROW, replace(ROW, example=1)], 2, 2)
    check_rows(TASK, [replace(ROW, targets={"labels": 3})], 1, 256)
    check_rows(TASK, [replace(ROW, targets={"labels": torch.tensor([1, 2])})], 1, 256)
    numpys = replace(ROW, targets={"labels": np.int64(3)}, example=np.int64(0))
    check_rows(TASK, [numpys], 1, 256)
    batch = collate_features([numpys, replace(ROW, targets={"labels": 2})], np.arange(2), 0)
    assert batch.targets["labels"].tolist() == [3, 2]


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([], "rows, got none"),
        ([ROW, "row"], "a list of Feature, got str, in row 1"),
        ([None], "a list of Feature, got NoneType, in row 0"),
        ([replace(ROW, input_ids=[])], "rows of 1 to 8 subwords, got 0"),
        ([replace(ROW, input_ids=[1] * 9)], "rows of 1 to 8 subwords, got 9"),
        ([replace(ROW, example=2)], "rows of an example from 0 to 1, got 2"),
        ([replace(ROW, example=None)], "rows of an example from 0 to 1, got None"),
        ([replace(ROW, targets={})], "rows with the same targets, one or more, got none"),
        (
            [replace(ROW, targets={"labels": torch.tensor(3)})],
            r"a value of labels for each of 2 subwords, got tensor\(3\)",
        ),
        ([replace(ROW, extra_inputs={"x": 1})], "a value of x for each of 2 subwords, got 1"),
        ([ROW, replace(ROW, targets={"x": 1})], "rows with the same targets, .*, got x, in row 1"),
        ([replace(ROW, targets={"labels": [1]})], "a value of labels for each of 2 .*, got 1"),
        ([replace(ROW, extra_inputs={"types": [1]})], "a value of types for each of 2 .*, got 1"),
    ],
)
def test_rows_that_are_none(rows, rule):
    with pytest.raises(PluginError, match=f"^task 'Plain': featurize must return {rule}"):
        check_rows(TASK, rows, 2, 8)


def test_nothing_to_read_or_to_train_on():
    match = "^task 'Plain': load must return examples, got none for de, test$"
    with pytest.raises(PluginError, match=match):
        check_examples(TASK, [], "de", "test")
    match = r"^task 'Plain': training_rows must leave rows to .*, got none of 7 \(with max_length 8"
    with pytest.raises(PluginError, match=match):
        check_trained(TASK, [], 7, 8)
    stream = FeatureStream([], batch_size=2, padding=0, seed=1)
    with pytest.raises(TrainingError, match="there must be a row to train on, got 0"):
        next(stream.batches(0))


@pytest.mark.parametrize(
    ("said", "got"),
    [
        (None, "NoneType"),
        ((), "tuple"),
        (torch.zeros(2), "Tensor"),
        ((torch.zeros(3, 4),), r"shapes \[\(3, 4\)\]"),
        ((torch.zeros(()),), r"shapes \[\(\)\]"),
        ((torch.zeros(2), 3), r"shapes \[\(2,\), None\]"),
    ],
)
def test_predictions_that_are_none(said, got):
    with pytest.raises(PluginError, match=f"^task 'Plain': predict must return .* got {got}$"):
        check_predictions(TASK, said, 2)


@pytest.mark.parametrize(
    ("metrics", "rule"),
    [
        ({"accuracy": math.nan}, "be finite, got 'accuracy': nan for de, test"),
        ({"accuracy": np.float64("inf")}, r"be finite, got 'accuracy': .*inf\)? for de, test"),
        ({"accuracy": 1, "f1": -math.inf}, "be finite, got 'f1': -inf for de, test"),
        ({"accuracy": "1"}, "be numbers, got 'accuracy': '1' for de, test"),
        ({"accuracy": True}, "be numbers, got 'accuracy': True for de, test"),
        ({"f1": 1.0}, "hold the primary one, 'accuracy', got f1 for de, test"),
        ({}, "hold the primary one, 'accuracy', got none for de, test"),
        ({1: 1.0}, "have names that are texts, got 1 for de, test"),
    ],
)
def test_metrics_that_are_none(metrics, rule):
    with pytest.raises(PluginError, match=f"^task 'Plain': metrics must {rule}$"):
        check_metrics(TASK, metrics, "de", "test")


def test_a_metric_of_some_languages_is_told(caplog):
    scores = [
        Score("de", "test", "accuracy", 0.5),
        Score("fr", "test", "accuracy", 0.5),
        Score("de", "test", "f1", 0.5),
        Score("fr", "validation", "accuracy", 0.5),
    ]
    with caplog.at_level(logging.WARNING):
        tell_lacking(TASK, scores)
    (line,) = caplog.messages
    assert line.startswith("task 'Plain': metrics has no f1 for fr, test: without")


def overriding(patch: pytest.MonkeyPatch, name: str, method: Any) -> None:
    """Put a method into the task's class as a plugin of its own would have it."""
    patch.setattr(PartOfSpeechTagging, name, guarded(method, name, vars(Task).get(name)))


@pytest.mark.parametrize(
    ("name", "method", "said"),
    [
        ("metrics", lambda *_: {"accuracy": math.nan}, "metrics must be finite, got 'accuracy'"),
        ("load", lambda *_: [], "load must return examples, got none for en, train"),
        ("load", lambda *_: iter(int, 1), "load must return a list, got callable_iterator"),
        ("featurize", lambda *_: [], "featurize must return rows, got none"),
        ("training_rows", lambda *_: [], "training_rows must leave rows to train on, got none"),
        ("predict", lambda *_: None, "predict must return a tuple of tensors"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("cache")
def test_a_run_of_such_a_task_has_failed(experiment, monkeypatch, name, method, said):
    overriding(monkeypatch, name, method)
    monkeypatch.setattr(rehearsal, "EXAMPLES", 2)
    with pytest.raises(PluginError, match=rf"^task 'pos' of alignfreeze \S+: {said}"):
        pipeline.run(OPTIONS)
    runs = mlflow.search_runs([experiment], output_format="list")
    assert {run.info.status for run in runs} == {"FAILED"}
    assert all(said.split(",")[0] in run.data.tags["alignfreeze.error"] for run in runs)
    assert not any(key.startswith("test/") for run in runs for key in run.data.metrics)
    assert not any("alignfreeze.phase_hash" in run.data.tags for run in runs)


class Teller(Plain):
    """A task that tells outcomes."""

    def metrics(self, examples, features, predictions):
        return {"accuracy": 0.5}

    def outcomes(self, examples, features, predictions):
        return TOLD


TOLD = Outcomes(["a", "b"], ["a", "c"], {"accuracy": Parts.of([1, 0])})


def test_outcomes_that_are_right():
    check_outcomes(TASK, TOLD, {"accuracy": 0.5, "other": 0.1}, size=2)
    check_outcomes(TASK, TOLD, {"accuracy": math.nan}, size=2)


@pytest.mark.parametrize(
    ("outcomes", "rule"),
    [
        (replace(TOLD, gold=["a"]), "gold of each of 2 examples, got 1"),
        (replace(TOLD, predicted=5), "predicted of each of 2 examples, got 5"),
        (replace(TOLD, parts={"x": Parts.of([1])}), "x's numerator of each of 2 examples, got 1"),
        (
            replace(TOLD, parts={"accuracy": Parts.of([1, 1])}),
            "come to what metrics says, got 'accuracy': 1.000000, where metrics says 0.500000",
        ),
        (replace(TOLD, parts={"f1": Parts.of([1, 1])}), "got 'f1': 1.000000, where metrics says n"),
    ],
)
def test_outcomes_that_are_not(outcomes, rule):
    with pytest.raises(PluginError, match=rf"Teller.*: outcomes must .*{rule}.* for de, test"):
        check_outcomes(Teller(), outcomes, {"accuracy": 0.5}, size=2, language="de", split="test")


def test_metrics_that_were_written_anew_need_not_be_those_of_the_outcomes():
    class Below(Teller):
        """A teller with other metrics."""

        def metrics(self, examples, features, predictions):
            return {"accuracy": 0.25}

    check_outcomes(Below(), TOLD, {"accuracy": 0.25}, size=2)
    assert unfitting(TOLD, {"accuracy": 0.25}) == ["accuracy"]
    with pytest.raises(PluginError, match=r"gold of each of 3 examples, got 2$"):
        check_outcomes(Below(), TOLD, {"accuracy": 0.25}, size=3)
