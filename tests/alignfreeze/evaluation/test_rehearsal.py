"""A task's methods are tried on a few rows before training; what fails names task and method."""

import random
import warnings
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mlflow
import numpy as np
import pytest
import torch

from alignfreeze.config import build_config
from alignfreeze.contracts import Task
from alignfreeze.contracts.guarding import guarded
from alignfreeze.errors import DataError, PluginError
from alignfreeze.evaluation import rehearsal
from alignfreeze.runs import pipeline, preparation
from alignfreeze.runs.preparation import Preparation, prepared
from alignfreeze_tasks.pos import PartOfSpeechTagging
from tests.alignfreeze.tracked import what

pytestmark = pytest.mark.usefixtures("cache")

OPTIONS = {"languages": "de", "strategy": "baseline", "compare": ",", "precision": "fp32"}
WHO = r"task 'pos' of alignfreeze \S+: "


def config(**options: str) -> Any:
    return build_config(OPTIONS | options)


def returning(value: Any) -> Any:
    return lambda *_, **__: value


def overriding(patch: pytest.MonkeyPatch, name: str, method: Any) -> None:
    """Put a method into the task's class as a plugin of its own would have it."""
    promised = vars(Task).get(name)
    patch.setattr(PartOfSpeechTagging, name, guarded(method, name, promised))


def failing(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("metrics", "match"),
    [
        (None, "metrics must return a dict, got NoneType"),
        ([("accuracy", 1.0)], "metrics must return a dict, got list"),
        ({"accuracy": None}, "metrics must be numbers, got 'accuracy': None"),
        ({"accuracy": True}, "metrics must be numbers, got 'accuracy': True"),
        ({"accuracy": "0.5"}, "metrics must be numbers, got 'accuracy': '0.5'"),
        ({"accuracy": torch.tensor(0.5)}, r"metrics must be numbers, got 'accuracy': tensor\(0.5"),
        ({"accuracy": [0.5] * 99}, r"metrics must be numbers, got 'accuracy': \[0.5, [^]]*$"),
        ({"accuracy": 0.5, 3: 0.5}, "metrics must have names that are texts, got 3"),
        ({"f1": 0.5}, "metrics must hold the primary one, 'accuracy', got f1"),
        ({}, "metrics must hold the primary one, 'accuracy', got none"),
    ],
)
def test_metrics_that_are_none(monkeypatch: pytest.MonkeyPatch, metrics: Any, match: str) -> None:
    overriding(monkeypatch, "metrics", returning(metrics))
    with pytest.raises(PluginError, match=WHO + match) as caught:
        Preparation(config())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("f1@5", "it must be letters, digits, spaces and _ . : -"),
        ("f1/macro", "it must be letters"),
        ("", "it must be letters"),
        ("..", "it names a folder"),
        ("f1\n", "it must be letters"),
        ("m" * 65, "it must have at most 64 characters, has 65"),
    ],
)
def test_a_metric_that_mlflow_cannot_name(
    monkeypatch: pytest.MonkeyPatch, name: str, fault: str
) -> None:
    overriding(monkeypatch, "metrics", returning({"accuracy": 0.5, name: 0.5}))
    with pytest.raises(PluginError, match=f"task 'pos': its metric .*another name: {fault}"):
        Preparation(config())


@pytest.mark.parametrize(
    "value", [0.5, 1, np.float32(0.5), np.float64("nan"), float("nan"), Fraction(1, 2), np.int64(1)]
)
def test_any_number_will_do(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    overriding(monkeypatch, "metrics", returning({"accuracy": value, "F µ": 0.5}))
    Preparation(config())


@pytest.mark.parametrize("method", ["predict", "metrics"])
def test_a_method_that_fails(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    overriding(monkeypatch, method, failing(KeyError("two\nlines")))
    match = rf"{WHO}{method} fails: KeyError: 'two\\nlines'$"
    with pytest.raises(PluginError, match=match):
        Preparation(config())


def test_rows_that_cannot_be_made_or_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        overriding(patch, "featurize", failing(TypeError("no rows")))
        with pytest.raises(PluginError, match=f"{WHO}featurize fails: TypeError: no rows"):
            Preparation(config())
    make = PartOfSpeechTagging.featurize

    def with_more(self: Any, *given: Any) -> Any:
        rows = make(self, *given)
        return [
            replace(row, extra_inputs={"inputs_embeds": [0] * len(row.input_ids)}) for row in rows
        ]

    monkeypatch.setattr(rehearsal, "EXAMPLES", 1)
    overriding(monkeypatch, "featurize", with_more)
    match = (
        rf"{WHO}\w+ForTokenClassification.forward, with what featurize made, fails: .*inputs_embeds"
    )
    with pytest.raises(PluginError, match=match):
        Preparation(config())


def test_an_error_of_ours_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    overriding(monkeypatch, "metrics", failing(DataError("as it is")))
    with pytest.raises(DataError, match=r"^as it is$"):
        Preparation(config())


def test_a_warning_on_few_examples_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def metrics(*_: Any) -> dict[str, float]:
        warnings.warn("too few", stacklevel=2)
        return {"accuracy": 0.5}

    overriding(monkeypatch, "metrics", metrics)
    Preparation(config())


def test_few_whole_examples_are_tried_once_for_all_that_share_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rehearsal, "SUBWORDS", 60)
    seen, score = [], PartOfSpeechTagging.metrics

    def metrics(self: Any, examples: Any, features: Any, predictions: Any) -> Any:
        seen.append((len(examples), sum(len(feature.input_ids) for feature in features)))
        assert {feature.example for feature in features} == set(range(len(examples)))
        assert [p[0].shape for p in predictions] == [(len(f.input_ids),) for f in features]
        return score(self, examples, features, predictions)

    overriding(monkeypatch, "metrics", metrics)
    kept: dict[str, Any] = {}
    base = prepared(config(), kept, 2)
    ((n_examples, n_subwords),) = seen
    assert 1 < n_examples < 12
    assert n_subwords <= 60
    prepared(config(seed="7"), kept, 2, base)
    assert len(seen) == 1
    monkeypatch.setattr(rehearsal, "SUBWORDS", 1)
    Preparation(config())
    assert seen[1][0] == 1


@pytest.mark.parametrize("task", ["pos", "ner", "nli", "qa"])
def test_it_draws_nothing_and_leaves_the_encoder_as_it_is(
    monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    names, load = [], preparation.load_encoder

    def loaded(name: str) -> Any:
        encoder = load(name)
        names.append([key for key, _ in encoder.named_parameters()])
        random.seed(3), np.random.seed(3), torch.manual_seed(3)
        return encoder

    monkeypatch.setattr(preparation, "load_encoder", loaded)
    made = Preparation(config(task=task))
    assert (random.random(), np.random.rand(), float(torch.rand(1))) == _first_draws()
    assert [name for name, _ in made.outline.named_parameters()] == names[0]
    assert all(weight.is_meta for weight in made.outline.parameters())


def _first_draws() -> tuple[float, float, float]:
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    return random.random(), np.random.rand(), float(torch.rand(1))


def test_nothing_is_trained_before_a_task_is_tried(
    experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    overriding(monkeypatch, "metrics", returning({"accuracy": None}))
    with pytest.raises(PluginError, match="metrics must be numbers"):
        pipeline.run({**OPTIONS, "strategy": "front", "seed": "1718"})
    (run,) = mlflow.search_runs([experiment], output_format="list")
    assert (what(run), run.info.status) == ("alignfreeze", "FAILED")
    assert "metrics must be numbers" in run.data.tags["alignfreeze.error"]


def test_a_metric_that_only_more_examples_have_is_told_in_one_line(
    experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def metrics(self: Any, examples: Any, *_: Any) -> dict[str, float]:
        return {"accuracy": 0.5} | ({"f1@5": 0.5} if len(examples) > rehearsal.EXAMPLES else {})

    monkeypatch.setattr(rehearsal, "EXAMPLES", 2)
    overriding(monkeypatch, "metrics", metrics)
    with pytest.raises(PluginError, match="its metric 'f1@5' must have another name"):
        pipeline.run({**OPTIONS, "finetune_steps": "1", "seed": "1719"})
